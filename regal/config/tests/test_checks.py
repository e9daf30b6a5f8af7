"""Wrong settings stop the start, each with one sentence that says the remedy."""

from pathlib import Path
from typing import Any

import pytest
from django.core import checks as framework
from django.core.management import CommandError
from django.db import DatabaseError, connections

from regal.config import checks
from regal.config.management.commands.serve import Command
from regal.gateways.paybox import verify
from regal.lib.vault import new_master_key
from regal.people.models import User

GOOD_KEY = "Zm9yIHRlc3RzIG9ubHksIGZvciB0ZXN0cyBvbmx5LCBmb3IgdGVzdHM0"


@pytest.fixture(autouse=True)
def good(settings):
    """As in production."""
    settings.DEMO = False
    settings.GUICHET_URL = settings.NOTIFICATION_URL = "https://payer.exemple.fr"
    settings.BUREAU_URL = "https://bureau.exemple.fr"
    settings.PAYFIP_URL = "https://www.payfip.gouv.fr/tpa/"
    settings.PAYBOX_URL = settings.PAYBOX_BACKUP_URL = settings.PAYBOX_PUBLIC_KEY = ""
    settings.PAYBOX_DIRECT_URL = settings.PAYBOX_DIRECT_BACKUP_URL = ""
    settings.MAIL_URL, settings.DEFAULT_FROM_EMAIL = "smtps://courriel.exemple.fr", "regal@exemple.fr"
    settings.SECRET_KEYS = f"k1:{new_master_key()}"
    settings.SECRET_KEY = GOOD_KEY
    settings.TRUSTED_PROXIES = ["10.0.0.5", "192.168.0.0/24"]
    settings.ROUTING_DELAY_HOURS = 24


ALONE = (
    checks.addresses,
    checks.secrets,
    checks.databases,
    checks.proxies,
    checks.routing_delay,
    checks.retention,
    checks.paybox,
    checks.in_production,
)
VERIFONE = (Path(verify.__file__).parent / "keys" / "verifone.pem").read_text()


def found():
    return {message.id: str(message.msg) for check in ALONE for message in check()}


class TestSettings:
    def test_good_ones_pass(self):
        assert found() == {}

    @pytest.mark.parametrize(
        ("setting", "value", "code"),
        [
            ("GUICHET_URL", "payer.exemple.fr", "regal.E001"),
            ("GUICHET_URL", "https://payer.exemple.fr/regal", "regal.E001"),
            ("BUREAU_URL", "ftp://bureau.exemple.fr", "regal.E001"),
            ("BUREAU_URL", "https://bureau.exemple.fr:99999", "regal.E001"),
            ("BUREAU_URL", "https://", "regal.E001"),
            ("NOTIFICATION_URL", "https://qui@payer.exemple.fr", "regal.E001"),
            ("NOTIFICATION_URL", "https://payer.exemple.fr?x", "regal.E001"),
            ("BUREAU_URL", "https://payer.exemple.fr", "regal.E002"),
            ("BUREAU_URL", "https://PAYER.exemple.fr:8443", "regal.E002"),
            ("BUREAU_URL", "https://" + "a" * 50 + ".fr", "regal.E003"),
            ("GUICHET_URL", "https://" + "a" * 38 + ".fr", "regal.E020"),
            ("NOTIFICATION_URL", "https://" + "a.b" * 30, "regal.E004"),
            ("SECRET_KEYS", "", "regal.E005"),
            ("SECRET_KEYS", "k1:court", "regal.E005"),
            ("TRUSTED_PROXIES", ["10.0.0.5", "le proxy"], "regal.E008"),
            ("ROUTING_DELAY_HOURS", 23, "regal.E016"),
            ("DEBTOR_YEARS", 0, "regal.E025"),
            ("QUITTANCE_YEARS", 101, "regal.E025"),
            ("PAYER_MONTHS", 0, "regal.E025"),
            ("GUICHET_URL", "http://payer.exemple.fr", "regal.E011"),
            ("BUREAU_URL", "http://bureau.exemple.fr", "regal.E011"),
            ("PAYFIP_URL", "http://www.payfip.gouv.fr/tpa/", "regal.E011"),
            ("PAYFIP_URL", "https://www.payfip.gouv.fr/tpa", "regal.E012"),
            ("SECRET_KEY", "court", "regal.E013"),
            ("MAIL_URL", "", "regal.E014"),
            ("MAIL_URL", "https://courriel.exemple.fr", "regal.E014"),
            ("DEFAULT_FROM_EMAIL", "regal@localhost", "regal.E015"),
            ("SECRET_KEY", "a" * 60, "regal.E013"),
            ("SECRET_KEY", "not-secret: refused by the checks of `regal serve` outside the demo", "regal.E013"),
        ],
    )
    def test_wrong_ones_are_each_told_once(self, settings, setting, value, code):
        setattr(settings, setting, value)
        told = found()
        assert code in told
        assert set(told) <= {code, "regal.E003"}
        names = {
            "PAYFIP_URL": "REGAL_PAYFIP_URL",
            "TRUSTED_PROXIES": "REGAL_TRUSTED_PROXIES",
            "DEFAULT_FROM_EMAIL": "REGAL_MAIL_FROM",
        }
        assert names.get(setting, f"REGAL_{setting}") in told[code]

    @pytest.mark.parametrize(
        ("setting", "value", "code"),
        [
            ("PAYBOX_URL", "https://tpeweb.exemple.fr", "regal.E017"),
            ("PAYBOX_URL", "http://tpeweb.exemple.fr/", "regal.E017"),
            ("PAYBOX_DIRECT_URL", "ppps.exemple.fr/", "regal.E017"),
            ("PAYBOX_BACKUP_URL", "https://tpeweb1.exemple.fr/?x=/", "regal.E017"),
            ("PAYBOX_PUBLIC_KEY", "une clé", "regal.E018"),
            ("PAYBOX_PUBLIC_KEY", "", "regal.E019"),
            ("PAYBOX_URL", "", "regal.E019"),
            ("PAYBOX_DIRECT_BACKUP_URL", "", "regal.E019"),
        ],
    )
    def test_of_a_sandbox_in_paybox_s_place_are_whole(self, settings, setting, value, code):
        for name in checks.PAYBOX_ADDRESSES:
            setattr(settings, name, "https://bac-a-sable.exemple.fr/")
        settings.PAYBOX_PUBLIC_KEY = VERIFONE
        assert found() == {}
        setattr(settings, setting, value)
        assert set(found()) == {code}
        assert f"REGAL_{setting}" in found()[code]

    def test_of_a_sandbox_may_come_one_after_the_other_in_the_demonstration(self, settings):
        settings.DEMO = True
        settings.PAYBOX_URL = "http://127.0.0.1:8010/"
        assert found() == {}

    def test_in_the_demonstration_may_be_plain_http(self, settings):
        settings.DEMO = True
        settings.GUICHET_URL = settings.NOTIFICATION_URL = "http://127.0.0.1:8000"
        settings.BUREAU_URL = "http://localhost:8001"
        assert found() == {}

    def test_never_tell_a_secret(self, settings):
        settings.SECRET_KEYS = "k1:c2VjcmV0LXNlY3JldA=="
        settings.SECRET_KEY = "mon-secret"
        told = " ".join(found().values())
        assert "c2VjcmV0" not in told
        assert "mon-secret" not in told

    def test_that_nobody_reads_as_an_address_of_ours_fit_every_gateway(self):
        """With the longest base address, collectivité and token."""
        assert len("https://") + 52 == checks.LONGEST_BASE_ADDRESS
        assert len(checks.longest_return_address()) - len("https://payer.exemple.fr") + 48 == 150
        assert len(checks.longest_notification_address()) - len("https://payer.exemple.fr") + 60 <= 150


class TestDatabases:
    @pytest.fixture
    def roles(self, monkeypatch):
        def change(alias, **changes):
            for name, value in changes.items():
                monkeypatch.setitem(connections.databases[alias], name, value)

        return change

    @pytest.mark.parametrize(
        ("alias", "variable"),
        [("default", "DATABASE_URL"), ("owner", "DATABASE_OWNER_URL"), ("verify", "DATABASE_VERIFY_URL")],
    )
    @pytest.mark.parametrize("part", ["NAME", "USER"])
    def test_are_all_three_named(self, settings, roles, alias, variable, part):
        roles(alias, **{part: ""})
        assert variable in found()["regal.E006"]

    def test_have_three_different_roles(self, settings, roles):
        roles("verify", USER="regal_owner")
        assert "regal.E007" in found()


@pytest.mark.django_db(databases=["default", "owner"])
class TestRole:
    def asked(self):
        return [message.id for message in checks.application_role(databases=["default"])]

    def test_of_the_application_is_good(self):
        assert self.asked() == []

    def test_that_owns_the_tables_is_refused(self, monkeypatch):
        monkeypatch.setattr(checks, "connections", {"default": connections["owner"]})
        assert self.asked() == ["regal.E023"]

    def test_that_sees_everything_is_refused(self, monkeypatch):
        monkeypatch.setattr(checks, "connections", {"default": Pretended((True, False))})
        assert self.asked() == ["regal.E022"]

    def test_of_a_database_that_is_away_is_told_calmly(self, monkeypatch):
        monkeypatch.setattr(checks, "connections", {"default": Pretended(DatabaseError())})
        assert self.asked() == ["regal.E021"]

    def test_is_not_asked_about_when_no_database_is(self):
        assert checks.application_role() == []


class Pretended:
    """A connection with one answer."""

    def __init__(self, answer):
        self.answer = answer

    def cursor(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return None

    def execute(self, statement):
        return None

    def fetchone(self):
        return self.answer


@pytest.mark.django_db
class TestDemoAccounts:
    @pytest.fixture
    def account(self):
        User.objects.create_user(identifier="nadia", email="nadia@example.org", password="x", is_demo=True)

    def asked(self):
        return [message.id for message in checks.demo_accounts(databases=["default"])]

    def test_are_refused_in_production(self, account):
        assert self.asked() == ["regal.E024"]

    def test_are_at_home_in_the_demonstration(self, account, settings):
        settings.DEMO = True
        assert self.asked() == []

    def test_are_not_the_others(self):
        User.objects.create_user(identifier="nadia", email="nadia@example.org", password="x")
        assert self.asked() == []


@pytest.mark.django_db
class TestServe:
    def test_starts_with_good_settings(self):
        Command()._check(deployment=False)

    def test_refuses_with_the_sentence(self, settings, capsys):
        settings.BUREAU_URL = settings.GUICHET_URL
        with pytest.raises(CommandError):
            Command()._check(deployment=False)
        assert "portent le même nom de machine" in capsys.readouterr().err.replace("\n", " ")

    def test_refuses_a_demo_account(self, settings, capsys):
        User.objects.create_user(identifier="nadia", email="nadia@example.org", password="x", is_demo=True)
        with pytest.raises(CommandError):
            Command()._check(deployment=False)
        assert "comptes de démonstration" in capsys.readouterr().err

    def test_runs_every_check_of_ours(self):
        registered: list[Any] = framework.registry.registry.get_checks(include_deployment_checks=True)
        ours: tuple[Any, ...] = (*ALONE, checks.application_role, checks.demo_accounts)
        assert [check for check in ours if check not in registered] == []
