"""Each kind of debt has its form: what a payer may write, what leaves for PayFiP, what is refused and why."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from regal.checkout import pages
from regal.collectivites.models import Product
from regal.gateways.base import DebtKind, Environment
from regal.lib.check_keys import CheckKey, key_of
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt
from tests import cast

pytestmark = pytest.mark.django_db

WATER = "/saint-aubin/eau/"
CANTEEN = "/saint-aubin/cantine/"
ROLE = {"exercice": "2026", "code": "EA", "period": "00", "number": "000012345"}
PAYER = {"amount": "80,10", "email": cast.MME_LEROY}


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(pages, "clock", lambda: cast.MORNING)


@pytest.fixture
def saint_aubin():
    return cast.make_saint_aubin()


@pytest.fixture
def water(saint_aubin):
    words = {"code_name": "Code service", "number_name": "N° de dette", "code": "EA", "number_digits": 9}
    return cast.make_product(saint_aubin, DebtKind.ORMC, slug="eau", numcli="350004", reference_form=words)


@pytest.fixture
def canteen(saint_aubin):
    return cast.make_product(
        saint_aubin, DebtKind.REGIE, slug="cantine", numcli="350005", environment=Environment.PRODUCTION
    )


def token_in(answer):
    return re.findall(r'name="token" value="([^"]+)"', answer.content.decode())[0]


def sent_to_payfip(guichet, form, typed):
    """The parameters of the request that the payer's browser takes to `paiement.web`."""
    answer = guichet.post(f"{form}payer/", {"token": token_in(guichet.post(form, typed | PAYER))})
    assert answer.status_code == 303, answer.content.decode()
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def error_beside(guichet, form, typed, field):
    page = guichet.post(form, PAYER | typed)
    assert page.status_code == 422
    return re.findall(rf'id="{field}-error">([^<]+)<', page.content.decode())[0]


class TestRole:
    def test_asks_in_the_words_of_the_notice(self, guichet, water):
        page = guichet.get(WATER).content.decode()
        for words in ("Code service", "N° de dette", "9\u00a0chiffres, zéros compris", 'value="EA"'):
            assert words in page

    def test_leaves_with_the_blocks_as_printed(self, guichet, water):
        sent = sent_to_payfip(guichet, WATER, ROLE)
        assert (sent["numcli"], sent["exer"], sent["refdet"]) == ("350004", "2026", "2026EA00000012345")
        assert (sent["montant"], sent["saisie"], sent["objet"]) == ("8010", "T", "Eau")

    @pytest.mark.parametrize(
        "typed",
        [
            {"code": "ea"},
            {"number": "000 012 345"},
            {"number": "000-012-345"},
            {"exercice": "2026-EA-00-000012345", "code": "EA", "period": "", "number": ""},
            {"exercice": "", "period": "", "number": "2026 EA 00 000012345"},
            {"exercice": "2026EA00000012345", "code": "EA", "period": "", "number": ""},
        ],
    )
    def test_forgives_separators_capitals_and_one_pasted_field(self, guichet, water, typed):
        assert sent_to_payfip(guichet, WATER, ROLE | typed)["refdet"] == "2026EA00000012345"

    def test_never_restores_a_zero(self, guichet, saint_aubin):
        cast.make_product(saint_aubin, DebtKind.ORMC, slug="eau", numcli="350004")
        assert sent_to_payfip(guichet, WATER, ROLE | {"number": "12345"})["refdet"] == "2026EA0012345"

    @pytest.mark.parametrize(
        ("typed", "field", "sentence"),
        [
            ({"exercice": ""}, "exercice", "Indiquez l’exercice"),
            ({"exercice": "2027"}, "exercice", "ne peut pas être après 2026"),
            ({"code": ""}, "code", "qui suivent l’exercice"),
            ({"code": "E"}, "code", "deux lettres ou chiffres"),
            ({"code": "CA"}, "code", "pas le code de ces avis (EA)"),
            ({"period": "0"}, "period", "deux chiffres"),
            ({"number": "12345"}, "number", "9\u00a0chiffres, zéros du début compris"),
            ({"number": "00001234A"}, "number", "de 1 à 13\u00a0chiffres"),
            ({"number": "12345678901234"}, "number", "de 1 à 13\u00a0chiffres"),
        ],
    )
    def test_says_beside_the_block_what_is_wrong_with_it(self, guichet, water, typed, field, sentence):
        assert sentence in error_beside(guichet, WATER, ROLE | typed, field)

    def test_pictures_the_notice_as_it_says_it(self, guichet, saint_aubin):
        words = {"code": "CA", "number_digits": 3}
        cast.make_product(saint_aubin, DebtKind.ORMC, slug="eau", numcli="350004", reference_form=words)
        page = guichet.get(WATER).content.decode()
        assert "la référence 2026 – CA – 00 – 345 se lit" in page
        assert "345<i" in page

    def test_says_everything_that_is_wrong_at_once(self, guichet, water):
        page = guichet.post(WATER, {"exercice": "26", "code": "E", "period": "x", "number": ""}).content.decode()
        for field in ("exercice", "code", "period", "number", "amount", "email"):
            assert f'href="#id_{field}"' in page

    def test_takes_payfip_s_test_reference_whatever_the_product_s_words(self, guichet, water):
        typed = {"exercice": "9999", "code": "99", "period": "99", "number": "0000000000000"}
        sent = sent_to_payfip(guichet, WATER, typed)
        assert (sent["exer"], sent["refdet"]) == ("9999", "999999990000000000000")

    def test_is_shown_by_the_end_of_its_number(self, guichet, water, saint_aubin):
        sent_to_payfip(guichet, WATER, ROLE)
        with tenant(saint_aubin.collectivite):
            assert Attempt.objects.of(saint_aubin.collectivite).select_related("account").get().reference_tail == "2345"

    def test_comes_back_to_be_corrected_with_nothing_to_retype(self, guichet, water):
        page = guichet.post(WATER, {"token": token_in(guichet.post(WATER, ROLE | PAYER))}).content.decode()
        for value in (ROLE | PAYER).values():
            assert f'value="{value}"' in page


class TestInvoiceOfARegie:
    def test_leaves_without_an_exercice_in_production_as_typed_by_the_payer(self, guichet, canteen):
        sent = sent_to_payfip(guichet, CANTEEN, {"invoice": "fc 2026-000412"})
        assert (sent["numcli"], sent["refdet"], sent["saisie"]) == ("350005", "FC2026000412", "M")
        assert "exer" not in sent

    @pytest.mark.parametrize(
        ("typed", "sentence"),
        [
            ("", "Indiquez le numéro"),
            ("FC2026-00041", "pas le numéro d’une facture d’ici"),
            ("FC2025-000412", "pas le numéro d’une facture d’ici"),
            ("FC2026-000412é", "lettres sans accent"),
            ("F" * 31, "trop long"),
        ],
    )
    def test_is_refused_unless_its_number_has_the_product_s_shape(self, guichet, canteen, typed, sentence):
        assert sentence in error_beside(guichet, CANTEEN, {"invoice": typed}, "invoice")

    def test_is_one_invoice_however_its_letters_are_written(self, guichet, saint_aubin):
        """PayFiP does not refuse it twice: our own warning must see it."""
        form = {"check_key": "mod_37_36"}
        cast.make_product(saint_aubin, DebtKind.REGIE, slug="cantine", numcli="350005", reference_form=form)
        number = "AB2026412" + key_of(CheckKey.MOD_37_36, "AB2026412")
        assert sent_to_payfip(guichet, CANTEEN, {"invoice": number.lower()})["refdet"] == number
        page = guichet.post(CANTEEN, {"invoice": number} | PAYER).content.decode()
        assert "a déjà été ouvert ici" in page

    @pytest.mark.parametrize("amount", ["4,99", "600,01"])
    def test_is_refused_outside_the_product_s_amounts(self, guichet, canteen, amount):
        with tenant(canteen.collectivite_id):
            Product.objects.filter(pk=canteen.pk).update(min_amount=Money(500))
        said = error_beside(guichet, CANTEEN, {"invoice": "FC2026-000412", "amount": amount}, "amount")
        assert "n’est pas de ceux que l’on paie ici" in said

    def test_is_refused_with_a_wrong_key(self, guichet, saint_aubin):
        form = {"check_key": "mod_97_10"}
        cast.make_product(saint_aubin, DebtKind.REGIE, slug="cantine", numcli="350005", reference_form=form)
        right = "20260412" + key_of(CheckKey.MOD_97_10, "20260412")
        assert sent_to_payfip(guichet, CANTEEN, {"invoice": right})["refdet"] == right
        assert "pas le numéro" in error_beside(guichet, CANTEEN, {"invoice": "2026004129"}, "invoice")

    def test_too_short_for_payfip_is_said_beside_the_field(self, guichet, saint_aubin):
        cast.make_product(
            saint_aubin, DebtKind.REGIE, slug="cantine", numcli="350005", reference_form={"pattern": "#{1-30}"}
        )
        assert "trop court" in error_beside(guichet, CANTEEN, {"invoice": "412"}, "invoice")

    def test_warns_that_payfip_does_not_refuse_it_twice(self, guichet, canteen):
        sent_to_payfip(guichet, CANTEEN, {"invoice": "FC2026-000412"})
        page = guichet.post(CANTEEN, {"invoice": "FC2026-000412"} | PAYER).content.decode()
        assert "PayFiP ne refuse pas une facture déjà payée" in page

    def test_says_nothing_of_the_comptable_s_delays_on_its_page(self, guichet, canteen):
        recap = guichet.post(CANTEEN, {"invoice": "FC2026-000412"} | PAYER)
        guichet.post(f"{CANTEEN}payer/", {"token": token_in(recap)})
        address = re.findall(r'data-regal-leave="([^"]+)"', recap.content.decode())[0]
        page = guichet.get(address).content.decode()
        assert "…0412" in page
        assert "amiable" not in page


class TestTheList:
    def test_shows_every_kind(self, guichet, water, canteen):
        page = guichet.get("/saint-aubin/").content.decode()
        for form in (WATER, CANTEEN, "/saint-aubin/titres/"):
            assert f'href="{form}"' in page
