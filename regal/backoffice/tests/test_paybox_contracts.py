"""A Paybox contract: three numbers and two keys to connect it, an address of its own, and no secret in any page."""

import re
from html import unescape

import pytest
from allauth.account.internal.flows.login import record_authentication
from django.test import RequestFactory

from regal.audit.models import AuditEntry
from regal.backoffice import activation, paybox, paybox_pages, paybox_refusals
from regal.collectivites.models import AccountSecret, GatewayAccount, Regie
from regal.collectivites.operations import secrets_of
from regal.gateways.base import Environment
from regal.lib import tokens
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret, new_master_key
from regal.payments.queries import account_by_notification_token
from regal.people.models import Role
from tests import cast
from tests.cast import MORNING

pytestmark = pytest.mark.django_db

LIST = "/saint-aubin/reglages/contrats/"
ADD = f"{LIST}paybox/"
NUMBER = "2718281-01-314159265"
PAGE = f"{LIST}{NUMBER}/"
KEY = "0F1E2D3C4B5A69788796A5B4C3D2E1F0" * 4
OTHER_KEY = "A1B2C3D4E5F60718293A4B5C6D7E8F90" * 4
PUBLISHED_KEY = "0123456789ABCDEF" * 8
TYPED = {
    "platform": "paybox",
    "site": "2718281",
    "rang": "01",
    "identifiant": "314159265",
    "regie": "new",
    "regie_name": "Cantine",
    "regie_number": "12",
    "hmac": KEY,
    "minutes": "15",
    "page": "php",
}


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose
    settings.SECRET_KEYS = f"k1:{new_master_key()}"
    moment = [MORNING]
    for module in (activation, paybox_pages):
        monkeypatch.setattr(module, "clock", lambda: moment[0])
    return moment


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def paul(bureau, town):
    return signed_in(bureau, cast.make_agent(town, "paul", Role.ADMINISTRATOR))


def signed_in(client, user):
    """With the password just typed again."""
    client.force_login(user)
    request = RequestFactory().get("/")
    request.session = client.session
    record_authentication(request, user, "password", username=user.identifier, reauthenticated=True)
    request.session.save()
    return client


def words(answer):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def account(town, environment=Environment.TEST):
    with tenant(town.collectivite):
        accounts = GatewayAccount.objects.of(town.collectivite).filter(gateway="paybox")
        return accounts.select_related("collectivite", "regie").filter(environment=environment).first()


def secrets(town, environment=Environment.TEST):
    found = account(town, environment)
    with tenant(town.collectivite):
        return {name: secret.reveal_text() for name, secret in secrets_of(found).items()}


def acts(town):
    with tenant(town.collectivite):
        return list(AuditEntry.objects.of(town.collectivite).order_by("pk").values_list("action", flat=True))


def production(town, *, phases=(Environment.ACTIVATION, Environment.PRODUCTION)):
    """The phases on the production platform, as the command line may open them."""
    test = account(town)
    for phase in phases:
        paybox.add_contract(
            collectivite=town.collectivite,
            numbers=paybox.MerchantNumbers.parse(NUMBER),
            environment=phase,
            regie=test.regie,
            keys={"hmac": Secret.of_text(KEY)},
            options=test.options,
            now=MORNING,
        )


class TestChoice:
    def test_is_between_what_two_letters_look_like(self, paul):
        page = words(paul.get(f"{LIST}nouveau/"))
        assert "numéro de client (numcli)" in page
        assert "« numéro de site (TPE) », un « rang » et un « identifiant »" in page


class TestAdding:
    def test_connects_the_contract_in_test_with_its_regie_and_its_options(self, paul, town):
        answer = paul.post(ADD, TYPED | {"platform": "up2pay", "asks_address": "on", "max_amount": "600"})
        assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
        added = account(town)
        assert (added.identifier, added.environment, added.debt_kind) == (NUMBER, "test", "regie")
        assert added.regie.name == "Cantine"
        assert added.options == {
            "platform": "up2pay",
            "display_seconds": 900,
            "page": "php",
            "asks_address": True,
            "max_amount_cents": 60_000,
        }

    def test_takes_the_numbers_and_the_key_as_they_are_pasted(self, paul, town):
        pasted = "\n".join(KEY.lower()[place : place + 32] for place in range(0, 128, 32))
        paul.post(ADD, TYPED | {"site": " 271 8281", "rang": "1", "hmac": pasted})
        assert account(town).identifier == NUMBER
        assert secrets(town)["hmac"] == KEY

    def test_seals_the_keys_and_draws_an_address(self, paul, town):
        paul.post(ADD, TYPED | {"direct": "S3cret+Dir"})
        kept = secrets(town)
        assert (kept["hmac"], kept["direct"]) == (KEY, "S3cret+Dir")
        assert account(town).notification_digest == tokens.digest(kept["notification"])
        with tenant(town.collectivite):
            for row in AccountSecret.objects.of(town.collectivite):
                assert KEY not in row.sealed

    def test_needs_no_direct(self, paul, town):
        paul.post(ADD, TYPED)
        assert set(secrets(town)) == {"hmac", "notification"}

    @pytest.mark.parametrize(
        ("change", "field", "said"),
        [
            ({"site": "271828"}, "site", "7 chiffres"),
            ({"rang": "abc"}, "rang", "souvent 01"),
            ({"identifiant": "1234567890"}, "identifiant", "de 1 à 9 chiffres"),
            ({"identifiant": ""}, "identifiant", "Écrivez l’identifiant"),
            ({"hmac": KEY[:-1]}, "hmac", "128 caractères"),
            ({"hmac": "G" + KEY[1:]}, "hmac", "128 caractères"),
            ({"hmac": ""}, "hmac", "Collez la clé"),
            ({"direct": "onze+onze+1"}, "direct", "10 caractères au plus"),
            ({"minutes": "2"}, "minutes", "Au moins 5 minutes"),
            ({"minutes": "90"}, "minutes", "Au plus 60 minutes"),
            ({"max_amount": "x"}, "max_amount", "ne se lit pas"),
            ({"regie": ""}, "regie", "Choisissez la régie"),
            ({"regie_name": ""}, "regie_name", "Écrivez le nom de la nouvelle régie"),
            ({"regie_number": ""}, "regie_number", "Écrivez le numéro de la nouvelle régie"),
            ({"min_amount": "700", "max_amount": "600"}, "min_amount", "Le montant minimal dépasse le montant maximal"),
            ({"max_amount": "0,50"}, "min_amount", "laissé vide, le minimal est de 1,00 €"),
        ],
    )
    def test_refused_says_which_field_to_mend_and_adds_nothing(self, paul, town, change, field, said):
        answer = paul.post(ADD, TYPED | change)
        assert answer.status_code == 422
        assert said in words(answer)
        assert f'id="id_{field}_error"' in answer.content.decode()
        assert account(town) is None
        with tenant(town.collectivite):
            assert not Regie.objects.of(town.collectivite).exists()

    def test_refused_names_every_field_to_mend_at_once(self, paul):
        wrong = {"site": "1", "regie_name": "", "min_amount": "700", "max_amount": "600"}
        page = paul.post(ADD, TYPED | wrong).content.decode()
        assert all(f'id="id_{field}_error"' in page for field in ("site", "regie_name", "min_amount"))

    def test_refused_elsewhere_never_writes_a_key_into_the_page_and_asks_for_it_again(self, paul):
        answer = paul.post(ADD, TYPED | {"site": "1", "direct": "S3cret+Dir"})
        page = answer.content.decode()
        assert KEY not in page
        assert "S3cret+Dir" not in page
        assert words(answer).count("collez-la de nouveau") == 4, "beside both fields, and at the head of the page"
        assert 'value="314159265"' in page, "what is no secret is kept"

    def test_of_a_contract_of_another_town_is_refused(self, paul, bureau, town):
        paul.post(ADD, TYPED)
        next_town = cast.make_next_town()
        lea = signed_in(bureau, cast.make_agent(next_town, "lea", Role.ADMINISTRATOR))
        answer = lea.post(ADD.replace("saint-aubin", next_town.collectivite.slug), TYPED)
        assert "relié à une autre collectivité" in words(answer)

    def test_of_a_site_and_rank_that_another_contract_has_is_refused(self, paul, bureau, town):
        paul.post(ADD, TYPED)
        other = TYPED | {"identifiant": "314159266", "regie_number": "13"}
        assert "déjà ceux d’un autre contrat" in words(paul.post(ADD, other))
        next_town = cast.make_next_town()
        lea = signed_in(bureau, cast.make_agent(next_town, "lea", Role.ADMINISTRATOR))
        answer = lea.post(ADD.replace("saint-aubin", next_town.collectivite.slug), other)
        assert "demandez-lui un rang pour cette régie" in words(answer)

    def test_takes_the_published_contract_for_a_test(self, paul, town):
        numbers = {"site": "1999888", "rang": "32", "identifiant": "107904482", "hmac": PUBLISHED_KEY}
        assert paul.post(ADD, TYPED | numbers).status_code == 303
        assert account(town).identifier == "1999888-32-107904482"

    @pytest.mark.parametrize("role", [Role.AGENT, Role.REGISSEUR])
    def test_is_for_administrators(self, bureau, town, role):
        bureau.force_login(cast.make_agent(town, "ines", role))
        assert bureau.get(ADD).status_code == 403
        assert bureau.post(ADD, TYPED).status_code == 403


class TestKeys:
    TEST, PRODUCTION = f"{PAGE}cles/test/", f"{PAGE}cles/production/"

    def test_are_changed_by_a_new_row_that_the_audit_names_and_never_holds(self, paul, town):
        paul.post(ADD, TYPED)
        answer = paul.post(self.TEST, {"hmac": OTHER_KEY})
        assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
        assert secrets(town)["hmac"] == OTHER_KEY
        with tenant(town.collectivite):
            assert AccountSecret.objects.of(town.collectivite).filter(name="hmac").count() == 2
            entry = AuditEntry.objects.of(town.collectivite).get(action="change_keys")
        assert entry.after == {"environment": "test", "secrets": ["hmac"]}

    def test_stay_as_they_are_where_nothing_is_typed(self, paul, town):
        paul.post(ADD, TYPED)
        paul.post(self.TEST, {"direct": "S3cret+Dir"})
        assert (secrets(town)["hmac"], secrets(town)["direct"]) == (KEY, "S3cret+Dir")
        paul.post(self.TEST, {})
        assert acts(town).count("change_keys") == 1

    def test_of_the_production_platform_are_changed_in_both_its_phases(self, paul, town):
        paul.post(ADD, TYPED)
        production(town)
        paul.post(self.PRODUCTION, {"hmac": OTHER_KEY})
        for phase in (Environment.ACTIVATION, Environment.PRODUCTION):
            assert secrets(town, phase)["hmac"] == OTHER_KEY
        assert secrets(town)["hmac"] == KEY

    def test_that_paybox_publishes_are_refused_outside_the_test(self, paul, town):
        paul.post(ADD, TYPED)
        production(town)
        answer = paul.post(self.PRODUCTION, {"hmac": PUBLISHED_KEY})
        assert answer.status_code == 422
        assert "tout le monde la connaît" in words(answer)
        assert secrets(town, Environment.PRODUCTION)["hmac"] == KEY
        assert paul.post(self.TEST, {"hmac": PUBLISHED_KEY}).status_code == 303

    def test_of_production_do_not_open_the_activation_before_a_test_succeeded(self, paul, town):
        paul.post(ADD, TYPED)
        answer = paul.post(self.PRODUCTION, {"hmac": OTHER_KEY})
        assert "paiement d’essai réussi" in words(answer)
        assert account(town, Environment.ACTIVATION) is None

    def test_are_typed_only_once_the_password_was(self, bureau, town):
        user = cast.make_agent(town, "paul", Role.ADMINISTRATOR)
        signed_in(bureau, user).post(ADD, TYPED)
        bureau.logout()
        bureau.force_login(user)
        for answer in (bureau.get(self.TEST), bureau.post(self.TEST, {"hmac": OTHER_KEY})):
            assert answer.status_code == 303
            assert "/connexion/confirmation/" in answer.headers["Location"]
        assert secrets(town)["hmac"] == KEY

    def test_are_nobody_s_of_another_town(self, paul, bureau, town):
        paul.post(ADD, TYPED)
        next_town = cast.make_next_town()
        lea = signed_in(bureau, cast.make_agent(next_town, "lea", Role.ADMINISTRATOR))
        for address in (self.TEST, f"{PAGE}adresse/test/", f"{PAGE}page/", PAGE):
            assert lea.get(address).status_code == 404
            foreign = address.replace("saint-aubin", next_town.collectivite.slug)
            assert lea.get(foreign).status_code == 404

    @pytest.mark.parametrize("rest", ["cles/autre/", "adresse/activation/", "adresse/production/", "adresse/x/"])
    def test_and_addresses_that_a_contract_has_not_are_not_found(self, paul, rest):
        paul.post(ADD, TYPED)
        assert paul.get(PAGE + rest).status_code == 404

    @pytest.mark.parametrize("rest", ["cles/test/", "adresse/test/", "page/"])
    def test_are_not_payfip_s_affair(self, paul, rest):
        assert paul.get(f"{LIST}006382/{rest}").status_code == 404


class TestSecrets:
    def test_are_in_no_page_and_in_no_act(self, paul, town, caplog):
        paul.post(ADD, TYPED | {"direct": "S3cret+Dir"})
        paul.post(TestKeys.TEST, {"hmac": OTHER_KEY})
        token = secrets(town)["notification"]
        hidden = (KEY, OTHER_KEY, "S3cret+Dir", token)
        for address in (LIST, PAGE, TestKeys.TEST, f"{PAGE}page/", "/saint-aubin/reglages/journal/"):
            page = paul.get(address).content.decode()
            assert not [one for one in hidden if one in page], address
        with tenant(town.collectivite):
            told = str(list(AuditEntry.objects.of(town.collectivite).values_list("before", "after")))
        assert not [one for one in hidden if one in told + caplog.text]


class TestAddress:
    ADDRESS = f"{PAGE}adresse/test/"

    def test_is_shown_to_administrators_to_be_copied(self, paul, town, settings):
        settings.NOTIFICATION_URL = "https://payer.exemple.fr"
        paul.post(ADD, TYPED)
        shown = f"https://payer.exemple.fr/s/p/{town.collectivite.pk}/{secrets(town)['notification']}"
        assert shown in paul.get(self.ADDRESS).content.decode()
        assert len(shown) <= 150, "Paybox takes no longer address"

    @pytest.mark.parametrize("role", [Role.AGENT, Role.REGISSEUR])
    def test_is_shown_to_nobody_else(self, paul, bureau, town, role):
        paul.post(ADD, TYPED)
        bureau.force_login(cast.make_agent(town, "ines", role))
        assert bureau.get(self.ADDRESS).status_code == 403

    def test_is_said_to_be_in_the_back_office(self, paul, town):
        paul.post(ADD, TYPED)
        paul.post(self.ADDRESS, {"act": "declare", "is_there": "on"})
        assert account(town).options["notified_in_back_office"] is True
        assert "dans le back-office" in words(paul.get(PAGE))
        paul.post(self.ADDRESS, {"act": "declare"})
        assert account(town).options["notified_in_back_office"] is False
        assert acts(town).count("change_account") == 2

    def test_renewed_is_another_and_is_not_in_the_back_office_yet(self, paul, town):
        paul.post(ADD, TYPED)
        paul.post(self.ADDRESS, {"act": "declare", "is_there": "on"})
        before = account(town).notification_digest
        paul.post(self.ADDRESS, {"act": "renew"})
        renewed = account(town)
        assert renewed.notification_digest not in ("", before)
        assert renewed.notification_digest == tokens.digest(secrets(town)["notification"])
        assert renewed.options["notified_in_back_office"] is False

    @pytest.mark.parametrize(("minutes", "is_heard"), [(0, True), (79, True), (80, False)])
    def test_before_it_was_renewed_is_heard_until_the_pages_open_then_are_over(self, paul, town, minutes, is_heard):
        paul.post(ADD, TYPED)
        before = secrets(town)["notification"]
        paul.post(self.ADDRESS, {"act": "renew"})
        now, key = cast.later(minutes=minutes), town.collectivite.pk
        tokens_given = (before, secrets(town)["notification"])
        with tenant(key):
            heard = [account_by_notification_token(collectivite_id=key, token=one, now=now) for one in tokens_given]
        assert heard == [account(town) if is_heard else None, account(town)]

    def test_is_not_renewed_before_the_password_is_typed_again(self, bureau, town):
        user = cast.make_agent(town, "paul", Role.ADMINISTRATOR)
        signed_in(bureau, user).post(ADD, TYPED)
        before = account(town).notification_digest
        bureau.logout()
        bureau.force_login(user)
        assert "/connexion/confirmation/" in bureau.post(self.ADDRESS, {"act": "renew"}).headers["Location"]
        assert account(town).notification_digest == before

    def test_of_each_phase_is_another(self, paul, town):
        paul.post(ADD, TYPED)
        paul.post(self.ADDRESS, {"act": "declare", "is_there": "on"})
        production(town)
        digests = {account(town, phase).notification_digest for phase in Environment}
        assert len(digests) == 3
        assert "notified_in_back_office" not in account(town, Environment.PRODUCTION).options


class TestSettings:
    def test_are_changed_in_every_phase(self, paul, town):
        paul.post(ADD, TYPED)
        production(town)
        answer = paul.post(
            f"{PAGE}page/", {"minutes": "30", "page": "responsive", "authentication": "03", "min_amount": "2,50"}
        )
        assert answer.status_code == 303
        for phase in Environment:
            assert account(town, phase).options == {
                "platform": "paybox",
                "display_seconds": 1800,
                "page": "responsive",
                "authentication": "03",
                "asks_address": False,
                "min_amount_cents": 250,
            }

    def test_come_back_as_they_stand_and_unchanged_write_nothing(self, paul, town):
        paul.post(ADD, TYPED | {"max_amount": "1234,50"})
        page = paul.get(f"{PAGE}page/").content.decode()
        shown = dict(re.findall(r'<input[^>]*name="(\w+)" value="([^"]*)"', page))
        assert unescape(shown["max_amount"]).replace("\u202f", "").replace("\u00a0", "") == "1234,50"
        posted = {"minutes": "15", "page": "php", "max_amount": unescape(shown["max_amount"])}
        assert "Rien n’a changé" in words(paul.post(f"{PAGE}page/", posted, follow=True))
        assert "change_account" not in acts(town)

    def test_refused_change_nothing(self, paul, town):
        paul.post(ADD, TYPED)
        answer = paul.post(f"{PAGE}page/", {"minutes": "15", "page": "php", "min_amount": "9", "max_amount": "8"})
        assert answer.status_code == 422
        assert "min_amount_cents" not in account(town).options


class TestNumbers:
    @pytest.mark.parametrize(
        ("rang", "kept"), [("1", "01"), ("01", "01"), ("001", "01"), ("32", "32"), ("032", "32"), ("123", "123")]
    )
    def test_compare_a_rank_as_a_number(self, rang, kept):
        read = paybox.MerchantNumbers.read(site="2718281", rang=rang, identifiant="3")
        assert read.identifier == f"2718281-{kept}-3"

    @pytest.mark.parametrize(
        "text", ["", "2718281-01", "2718281-01-3-4", "2718281-01-x", "271828-01-3", "２718281-01-3"]
    )
    def test_say_what_is_wrong(self, text):
        with pytest.raises(paybox_refusals.BadMerchantNumbers):
            paybox.MerchantNumbers.parse(text)
