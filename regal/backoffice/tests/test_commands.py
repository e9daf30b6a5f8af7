"""`regal operator` and `regal collectivite`: all or nothing, with a link to hand over."""

from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from regal.audit.models import AuditEntry, PlatformAct
from regal.backoffice.management.commands import collectivite
from regal.collectivites.models import AllowedOrigin, Collectivite, GatewayAccount, Product, Regie
from regal.collectivites.operations import secrets_of
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.lib.vault import new_master_key
from regal.people.models import Membership, User
from tests import pictures

pytestmark = pytest.mark.django_db

TOWN = ["--slug", "bourg", "--name", "Le Bourg", "--siret", "21350999500014"]


def run(*arguments):
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


class TestOperator:
    def test_is_created_with_a_link_that_opens(self, bureau):
        printed = run("operator", "create", "--identifier", "zoe", "--email", "zoe@example.org", "--name", "Zoé")
        address = "/invitation/" + printed.strip().partition("/invitation/")[2]
        assert bureau.get(address).status_code == 200
        zoe = User.objects.get(identifier="zoe")
        assert (zoe.is_operator, zoe.display_name, zoe.has_usable_password()) == (True, "Zoé", False)

    def test_gets_another_link(self, bureau):
        run("operator", "create", "--identifier", "zoe", "--email", "zoe@example.org")
        printed = run("operator", "invite", "--identifier", "Zoe")
        assert bureau.get("/invitation/" + printed.strip().partition("/invitation/")[2]).status_code == 200

    def test_is_refused_with_a_sentence(self):
        with pytest.raises(CommandError, match=r"R342 : « zoe » n’est pas une adresse".replace(" ", r"\s")):
            run("operator", "create", "--identifier", "zoe", "--email", "zoe")
        with pytest.raises(CommandError, match="Personne"):
            run("operator", "invite", "--identifier", "personne")
        assert not User.objects.exists()


class TestCollectivite:
    def test_is_created_whole(self, bureau):
        printed = run(
            "collectivite",
            "create",
            *TOWN,
            "--numcli=450001",
            "--environment=production",
            "--product-slug=eau",
            "--product-name=Eau",
            "--origin=https://bourg.example",
            "--origin=https://www.bourg.example",
            "--administrator=lea",
            "--administrator-email=lea@example.org",
        )
        bourg = Collectivite.objects.get(slug="bourg")
        with tenant(bourg):
            account = GatewayAccount.objects.of(bourg).get()
            assert (account.identifier, account.environment, account.debt_kind) == ("450001", "production", "titre")
            assert Product.objects.of(bourg).get().slug == "eau"
            assert AllowedOrigin.objects.of(bourg).count() == 2
            assert Membership.objects.of(bourg).get().role == "administrator"
        assert bureau.get("/invitation/" + printed.strip().partition("/invitation/")[2]).status_code == 200

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            (["--numcli=12"], "R311"),
            (["--numcli=450001", "--product-slug=suivi"], "R321"),
            (["--origin=bourg.example"], "R331"),
            (["--administrator=lea", "--administrator-email=lea"], "R342"),
            (["--site-url=bourg.example"], "R305"),
            (["--administrator=lea"], "ensemble"),
        ],
    )
    def test_is_not_created_by_halves(self, wrong, code):
        with pytest.raises(CommandError, match=code):
            run("collectivite", "create", *TOWN, *wrong)
        assert not Collectivite.objects.exists()
        assert not User.objects.exists()
        assert not PlatformAct.objects.exists()

    def test_invites_people(self):
        run("collectivite", "create", *TOWN)
        printed = run(
            "collectivite", "invite", "--slug=bourg", "--identifier=lea", "--email=lea@example.org", "--role=regisseur"
        )
        assert "/invitation/" in printed
        bourg = Collectivite.objects.get(slug="bourg")
        with tenant(bourg):
            assert Membership.objects.of(bourg).get().role == "regisseur"
        with pytest.raises(CommandError, match="Aucune collectivité"):
            run("collectivite", "invite", "--slug=nulle-part", "--identifier=lea", "--email=lea@example.org")

    def test_sends_no_link_to_whoever_has_a_password(self):
        run("collectivite", "create", *TOWN)
        User.objects.create_user(identifier="lea", email="lea@example.org", password="une longue phrase")
        printed = run("collectivite", "invite", "--slug=bourg", "--identifier=lea", "--email=lea@example.org")
        assert "/invitation/" not in printed


class TestWord:
    def test_is_what_the_town_calls_its_debts(self):
        run("collectivite", "create", *TOWN)
        assert "avis" in run("collectivite", "word", "avis", "--slug", "bourg")
        bourg = Collectivite.objects.get(slug="bourg")
        assert bourg.debt_word == "avis"
        with tenant(bourg):
            assert AuditEntry.objects.get(action="change_collectivite").after["debt_word"] == "avis"

    def test_is_one_of_three(self):
        run("collectivite", "create", *TOWN)
        with pytest.raises(CommandError, match="quittance"):
            run("collectivite", "word", "quittance", "--slug", "bourg")


class TestLook:
    @pytest.fixture
    def bourg(self):
        run("collectivite", "create", *TOWN)
        return Collectivite.objects.get(slug="bourg")

    def look(self, bourg, *chosen):
        printed = run("collectivite", "look", "--slug=bourg", *chosen)
        bourg.refresh_from_db()
        return printed

    def test_is_set_and_taken_away(self, bourg, tmp_path):
        file = tmp_path / "logo.jpg"
        file.write_bytes(pictures.picture(kind="JPEG"))
        printed = self.look(
            bourg, "--main-colour=#0b5563", "--accent-colour=#f2b544", f"--logo={file}", "--alt=Terre d’eau"
        )
        assert "Le Bourg" in printed
        assert (bourg.main_colour, bourg.accent_colour, bourg.logo_text) == ("#0b5563", "#f2b544", "Terre d’eau")
        assert bourg.logo_digest
        self.look(bourg, "--logo=", "--alt=")
        assert (bourg.main_colour, bourg.logo_digest, bourg.logo_text) == ("#0b5563", "", "")

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            (["--main-colour=#ffff00"], "R352"),
            (["--logo=nowhere.png"], "ne se lit pas"),
            ([], "Rien à changer"),
        ],
    )
    def test_is_refused_with_a_sentence(self, bourg, wrong, sentence):
        with pytest.raises(CommandError, match=sentence):
            self.look(bourg, *wrong)

    def test_is_refused_when_the_file_is_too_heavy(self, bourg, tmp_path):
        (tmp_path / "logo.png").write_bytes(bytes(3_000_000))
        with pytest.raises(CommandError, match="R354"):
            self.look(bourg, f"--logo={tmp_path / 'logo.png'}")

    def test_belongs_to_a_collectivite(self):
        with pytest.raises(CommandError, match="Aucune collectivité"):
            run("collectivite", "look", "--slug=nulle-part", "--main-colour=#0b5563")


class TestProduct:
    """A town's products of every kind, from the command line."""

    @pytest.fixture(autouse=True)
    def bourg(self):
        run("collectivite", "create", "--slug", "bourg", "--name", "Le Bourg", "--siret", "21350999500014")
        return Collectivite.objects.get(slug="bourg")

    def add(self, kind, numcli, *more):
        return run(
            *("collectivite", "product", "--slug", "bourg", "--product-slug", kind, "--product-name", kind.title()),
            *("--kind", kind, "--numcli", numcli, *more),
        )

    def product(self, bourg, slug):
        with tenant(bourg):
            return Product.objects.of(bourg).select_related("account").get(slug=slug)

    def test_of_roles_carries_the_words_of_the_notices(self, bourg):
        assert "/bourg/role/" in self.add("role", "350004", "--code", "EA", "--number-digits", "9")
        product = self.product(bourg, "role")
        assert (product.account.debt_kind, product.reference_form) == ("ormc", {"code": "EA", "number_digits": 9})

    def test_of_a_regie_comes_with_its_regie_its_pattern_and_its_amounts(self, bourg):
        bounds = ("--pattern", "FC#{6}", "--least", "1,00", "--most", "600")
        self.add("facture", "350005", "--regie-number", "12", "--regie-name", "Cantine", *bounds)
        product = self.product(bourg, "facture")
        assert (product.min_amount, product.max_amount) == (Money(100), Money(60_000))
        with tenant(bourg):
            assert Regie.objects.of(bourg).get().name == "Cantine"

    def test_of_a_regie_may_go_through_the_web_service(self, bourg):
        bounds = ("--pattern", "FC#{6}", "--least", "1,00", "--most", "600", "--gateway", "payfip_ws")
        self.add("facture", "350005", "--regie-number", "12", "--regie-name", "Cantine", *bounds)
        assert self.product(bourg, "facture").account.gateway == "payfip_ws"

    @pytest.mark.parametrize(
        ("more", "sentence"),
        [
            ((), "R314"),
            (("--regie-number", "12", "--regie-name", "Cantine"), "R326"),
            (("--regie-number", "12", "--regie-name", "Cantine", "--least", "1.234"), "n’est pas un montant"),
            (("--opens-on", "demain"), "n’est pas un jour"),
        ],
    )
    def test_is_refused_whole_with_a_sentence(self, bourg, more, sentence):
        with pytest.raises(CommandError, match=sentence):
            self.add("facture", "350005", *more)
        with tenant(bourg):
            assert not Regie.objects.of(bourg).exists()

    def test_is_closed_and_opened_again_with_the_rest_unchanged(self, bourg):
        self.add("role", "350004", "--code", "EA", "--closes-on", "2026-12-31")
        terms = ("collectivite", "terms", "--slug", "bourg", "--product-slug", "role")
        run(*terms, "--closed", "--closed-note", "Au guichet.")
        closed = self.product(bourg, "role")
        assert (closed.is_open, closed.closed_note, closed.closes_on) == (False, "Au guichet.", date(2026, 12, 31))
        run(*terms, "--open", "--no-days", "--closed-note", "-")
        opened = self.product(bourg, "role")
        assert (opened.is_open, opened.closes_on, opened.closed_note) == (True, None, "")
        assert opened.reference_form == {"code": "EA"}
        run(*terms, "--code", "-", "--number-digits", "9")
        assert self.product(bourg, "role").reference_form == {"number_digits": 9}

    @pytest.mark.parametrize("given", [("--code", ""), ("--code", "EA"), ()])
    def test_says_that_nothing_changed_when_nothing_does(self, bourg, given):
        self.add("role", "350004", "--code", "EA")
        said = run("collectivite", "terms", "--slug", "bourg", "--product-slug", "role", *given)
        assert "Rien n’a changé" in said
        assert "--code" not in said
        with tenant(bourg):
            assert not AuditEntry.objects.of(bourg).filter(action="change_terms").exists()


class TestPaybox:
    KEY = "0F1E2D3C4B5A69788796A5B4C3D2E1F0" * 4
    CONTRACT = (
        "collectivite",
        "paybox",
        "--slug=bourg",
        "--site=2718281",
        "--rang=1",
        "--identifiant=314159265",
        "--regie-number=12",
        "--regie-name=Cantine",
    )

    @pytest.fixture(autouse=True)
    def bourg(self, settings):
        settings.SECRET_KEYS = f"k1:{new_master_key()}"
        run("collectivite", "create", *TOWN)
        return Collectivite.objects.get(slug="bourg")

    def secrets(self, town):
        with tenant(town):
            return {name: secret.reveal_text() for name, secret in secrets_of(GatewayAccount.objects.get()).items()}

    def test_is_connected_with_its_keys_read_from_files(self, bourg, tmp_path):
        (tmp_path / "hmac").write_text(f"{self.KEY}\n")
        (tmp_path / "direct").write_text("S3cret+Dir\n")
        printed = run(*self.CONTRACT, f"--hmac-file={tmp_path / 'hmac'}", f"--direct-file={tmp_path / 'direct'}")
        assert "2718281-01-314159265 (test)" in printed
        assert self.KEY not in printed
        kept = self.secrets(bourg)
        assert (kept["hmac"], kept["direct"]) == (self.KEY, "S3cret+Dir")

    def test_asks_for_its_key_where_no_file_has_it(self, bourg, monkeypatch):
        monkeypatch.setattr(collectivite, "getpass", lambda prompt: self.KEY.lower())
        run(*self.CONTRACT)
        assert set(self.secrets(bourg)) == {"hmac", "notification"}

    def test_takes_no_key_as_an_argument_and_repeats_none(self):
        with pytest.raises(CommandError, match="donnez son chemin") as refused:
            run(*self.CONTRACT, f"--hmac-file={self.KEY}")
        assert self.KEY not in str(refused.value)

    def test_is_refused_in_production_with_the_key_that_everybody_knows(self, bourg, tmp_path):
        (tmp_path / "hmac").write_text("0123456789ABCDEF" * 8)
        with pytest.raises(CommandError, match="R483"):
            run(*self.CONTRACT, "--environment=production", f"--hmac-file={tmp_path / 'hmac'}")
        with tenant(bourg):
            assert not GatewayAccount.objects.exists()
            assert not Regie.objects.exists()

    def test_gets_a_product_afterwards(self, bourg, tmp_path):
        (tmp_path / "hmac").write_text(self.KEY)
        run(*self.CONTRACT, f"--hmac-file={tmp_path / 'hmac'}")
        usual = ["collectivite", "product", "--slug=bourg", "--product-slug=cantine", "--product-name=Cantine"]
        usual += ["--kind=facture", "--pattern=FC#{8}", "--least=1,00", "--most=600,00"]
        run(*usual, "--contract=2718281-01-314159265")
        with tenant(bourg):
            assert Product.objects.get().account.gateway == "paybox"
        with pytest.raises(CommandError, match="l’un des deux"):
            run(*usual)
