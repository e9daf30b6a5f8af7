"""An invoice paid by card on the bank's page: how its payer leaves, comes back, and what he is told."""

import html
import re
from datetime import timedelta

import httpx
import pytest
from django.db import transaction

from regal.checkout import pages
from regal.collectivites.models import Collectivite, GatewayAccount, Product
from regal.collectivites.operations import keep_secret
from regal.gateways.base import DebtKind, Environment
from regal.lib import http, paris, tokens
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret, new_master_key
from regal.payments.models import Attempt, InboxMessage
from regal.payments.operations import presume_silent
from regal.payments.shares import let_go
from regal.titres import holds
from tests import cast
from tests.cast import MORNING

BANK = "https://tpeweb.paybox.com"
BACKUP = "https://tpeweb1.paybox.com"
TEST_BANK = "https://preprod-tpeweb.paybox.com"
FORM = "/saint-aubin/restaurant/"
TYPED = {"invoice": "FC2026-000042", "amount": "84,70", "email": cast.MME_LEROY}
ADDRESS = {
    "first_name": "Camille",
    "last_name": "Leroy",
    "street": "12, rue des Lilas",
    "postcode": "35000",
    "town": "Rennes",
}
FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
HANDLE = re.compile(r"/suivi/([A-Za-z0-9_-]{43})/")


def text_of(page):
    return html.unescape(page.content.decode())


def form_in(page, action):
    """What one form of a page carries unseen, in its order."""
    text = page.content.decode()
    begins = text.index(f'action="{action}"')
    return {name: html.unescape(value) for name, value in FIELD.findall(text[begins : text.index("</form>", begins)])}


class Bank:
    """Two hosts, of which either may be asleep."""

    def __init__(self):
        self.awake = {BANK, BACKUP, TEST_BANK}

    def client(self):
        return httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request):
        host = f"{request.url.scheme}://{request.url.host}"
        return httpx.Response(200, text=f'<div id="server_status">{"OK" if host in self.awake else "KO"}</div>')


class Payer:
    """Mme Leroy, without cookie or script, and the invoice that she holds."""

    def __init__(self, guichet, town, product):
        self.guichet, self.town, self.product = guichet, town, product
        self.titre = cast.make_titre(product)

    def recap(self, **typed):
        return self.guichet.post(FORM, TYPED | typed)

    def leave(self, page=None):
        return self.guichet.post(f"{FORM}payer/", form_in(page or self.recap(), f"{FORM}payer/"))

    def attempt(self):
        with tenant(self.town.collectivite):
            return Attempt.objects.of(self.town.collectivite).get()

    def change(self, **fields):
        """Say what became of her payment."""
        with tenant(self.town.collectivite):
            Attempt.objects.of(self.town.collectivite).update(**fields)

    def change_phase(self):
        """The product is led to another phase of its contract."""
        with tenant(self.town.collectivite):
            account = GatewayAccount.objects.get(pk=self.product.account_id)
            account.pk, account.environment = None, Environment.ACTIVATION
            account.save()
            keep_secret(account=account, name="hmac", value=Secret(b"0a" * 64))
            Product.objects.filter(pk=self.product.pk).update(account=account)

    def let_go(self):
        attempt = self.attempt()
        with tenant(self.town.collectivite):
            let_go(attempt)

    def page_of(self, left):
        """The address of her payment's own page."""
        return f"/saint-aubin/suivi/{HANDLE.findall(left.content.decode())[0]}/"

    def messages(self):
        with tenant(self.town.collectivite):
            return list(InboxMessage.objects.of(self.town.collectivite).order_by("pk"))


@pytest.fixture
def saint_aubin(db):
    return cast.make_saint_aubin()


@pytest.fixture
def bank():
    bank = Bank()
    with bank.client() as client, http.replaced(client):
        yield bank


@pytest.fixture
def payer(guichet, saint_aubin, bank, settings, monkeypatch):
    settings.SECRET_KEYS = f"k1:{new_master_key()}"
    monkeypatch.setattr(pages, "clock", lambda: MORNING)
    return Payer(guichet, saint_aubin, make_product(saint_aubin, Environment.PRODUCTION))


def make_product(town, environment):
    product = cast.make_product(
        town,
        DebtKind.REGIE,
        slug="restaurant",
        numcli="2718281-01-314159265",
        gateway="paybox",
        environment=environment,
    )
    with tenant(town.collectivite):
        keep_secret(account=product.account, name="hmac", value=Secret(b"5A" * 64))
    return product


class TestTyping:
    def test_how_the_number_may_be_typed_is_said_of_its_field(self, payer):
        page = text_of(payer.guichet.get(FORM))
        assert 'aria-describedby="invoice-hint typing-hint"' in page
        assert 'id="typing-hint">Espaces et tirets ne comptent pas.' in page

    def test_an_ampersand_in_the_address_is_named(self, payer):
        """The address is right: to check it would not help."""
        page = payer.recap(email="leroy&fils@exemple.fr")
        assert page.status_code == 422
        assert "n’accepte pas le signe & dans une adresse e-mail\u00a0: indiquez-en une autre" in text_of(page)


class TestPaidByABankWhoseClockIsAhead:
    def test_is_never_dated_of_tomorrow(self, payer):
        today, tomorrow = (paris.format_day_fr(paris.today(at)) for at in (MORNING, MORNING + timedelta(days=1)))
        with tenant(payer.town.collectivite):
            holds.mark_paid(titre=payer.titre, at=MORNING + timedelta(days=1))
        page = text_of(payer.recap())
        assert f"payée depuis le {today}" in page
        assert tomorrow not in page


class TestLeaving:
    def test_is_told_before_it_happens(self, payer):
        page = payer.recap()
        assert "Payer 84,70\u00a0€ par carte" in text_of(page)
        assert "La page de paiement sécurisée de la banque s’ouvre à la place de cette page" in text_of(page)
        assert "PayFiP" not in text_of(page)
        assert f"form-action 'self' {BANK} {BACKUP};" in page.headers["Content-Security-Policy"]

    def test_is_a_form_whose_fields_stand_in_their_order(self, payer):
        left = payer.leave()
        fields = form_in(left, f"{BANK}/php/")
        assert list(fields)[:5] == ["PBX_SITE", "PBX_RANG", "PBX_IDENTIFIANT", "PBX_TOTAL", "PBX_DEVISE"]
        assert list(fields)[-1] == "PBX_HMAC"
        assert (fields["PBX_TOTAL"], fields["PBX_CMD"]) == ("8470", payer.attempt().reference)
        assert fields["PBX_BILLING"].startswith('<?xml version="1.0"')
        assert 'accept-charset="UTF-8"' in text_of(left)

    def test_is_offered_by_a_button_to_whoever_has_no_script(self, payer):
        assert "Continuer vers la page de paiement de la banque</button>" in text_of(payer.leave())

    def test_happens_in_no_frame_leads_nowhere_else_and_is_not_kept(self, payer):
        left = payer.leave()
        policy = left.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert f"form-action 'self' {BANK} {BACKUP};" in policy
        assert left.headers["Cache-Control"] == "no-store"

    def test_stands_in_the_base_before_the_payer_leaves(self, payer):
        payer.leave()
        assert payer.attempt().status == "handed_off"

    def test_twice_by_a_double_click_gives_the_same_form(self, payer):
        recap = payer.recap()
        first, second = (form_in(payer.leave(recap), f"{BANK}/php/") for _ in range(2))
        assert first["PBX_CMD"] == second["PBX_CMD"]
        assert payer.attempt().reference == first["PBX_CMD"]

    def test_twice_while_the_contract_changes_its_phase_asks_for_the_debt_again(self, payer):
        recap = payer.recap()
        payer.leave(recap)
        payer.change_phase()
        assert payer.leave(recap).status_code == 400

    def test_again_later_leads_to_the_payment_that_is_open(self, payer, monkeypatch):
        recap = payer.recap()
        payer.leave(recap)
        monkeypatch.setattr(pages, "clock", lambda: MORNING + timedelta(minutes=1))
        page = payer.leave(recap)
        assert page.status_code == 409
        assert "Vous avez déjà ouvert la page de paiement de la banque" in text_of(page)

    def test_goes_to_the_other_host_when_the_first_is_asleep(self, payer, bank):
        bank.awake = {BACKUP}
        assert form_in(payer.leave(), f"{BACKUP}/php/")["PBX_SITE"] == "2718281"

    def test_waits_with_what_was_typed_when_both_are_asleep(self, payer, bank):
        bank.awake = set()
        away = payer.leave()
        assert away.status_code == 503
        assert "La page de paiement de la banque ne répond pas en ce moment" in text_of(away)
        assert "Rien n’a été payé" in text_of(away)
        bank.awake = {BANK}
        assert payer.leave(away).status_code == 200


class TestWhileTheBankHasNotDecided:
    @pytest.fixture(autouse=True)
    def pending(self, payer):
        payer.leave()
        payer.change(announced="pending")

    def test_another_payer_is_told_to_wait_and_given_no_hour(self, payer):
        page = payer.recap()
        assert page.status_code == 409
        assert "La banque n’a pas encore dit si elle accepte ce paiement" in text_of(page)
        assert "de nouveau payable ici" not in text_of(page)

    def test_the_way_on_is_the_last_resort(self, payer):
        payer.let_go()
        page = text_of(payer.recap())
        assert "sa réponse peut prendre plusieurs jours\u00a0: attendez-la" in page
        assert "Ne continuez ici que si le service qui a envoyé la facture vous le demande" in page
        assert "Vous pouvez tout de même continuer" not in page

    def test_the_payment_never_falls_silent(self, payer):
        attempt = payer.attempt()
        with tenant(payer.town.collectivite), transaction.atomic():
            presume_silent(payer.town.collectivite.pk, attempt.pk, MORNING + timedelta(days=7))
        assert payer.attempt().status == "handed_off"


class TestComingBack:
    @pytest.fixture
    def page(self, payer):
        return payer.page_of(payer.leave())

    def test_keeps_what_was_signed_as_it_came_and_leaves_it_in_no_address(self, payer, page):
        query = "Mt=8470&Ref=x&Erreur=00000&Sign=%2B%2f=="
        answer = payer.guichet.get(f"{page}retour/?{query}")
        assert (answer.status_code, answer.headers["Location"]) == (303, page)
        (message,) = payer.messages()
        assert (bytes(message.query), message.method, message.channel) == (query.encode(), "GET", "return")

    def test_says_that_an_answer_came_until_it_is_judged(self, payer, page):
        payer.change(status="refused")
        payer.guichet.get(f"{page}retour/?Erreur=00000")
        told = text_of(payer.guichet.get(page))
        assert "Réponse de la banque reçue" in told
        assert "refusé" not in told
        assert "Recommencer" not in told

    def test_without_anything_keeps_nothing(self, payer, page):
        assert payer.guichet.get(f"{page}retour/").status_code == 303
        assert payer.messages() == []

    def test_with_a_great_deal_keeps_the_beginning(self, payer, page):
        payer.guichet.get(f"{page}retour/?{'a' * 70_000}")
        (message,) = payer.messages()
        assert (len(message.query), message.is_cut) == (64 * 1024, True)

    def test_again_and_again_is_kept_no_more_after_a_while(self, payer, page, monkeypatch):
        monkeypatch.setattr("regal.payments.queries.MOST_MESSAGES", 3)
        for number in range(5):
            assert payer.guichet.get(f"{page}retour/?n={number}").status_code == 303
        assert len(payer.messages()) == 3

    def test_to_an_address_that_is_not_ours_keeps_nothing(self, payer, page):
        assert payer.guichet.get(f"/saint-aubin/suivi/{tokens.new_token()}/retour/?a=b").status_code == 404
        assert payer.messages() == []


class TestTold:
    @pytest.fixture
    def told(self, payer, monkeypatch):
        monkeypatch.setattr(pages, "too_much_of", lambda attempt: None)
        page = payer.page_of(payer.leave())

        def tell(**fields):
            payer.change(**fields)
            return text_of(payer.guichet.get(page))

        return tell

    def test_to_finish_there_and_when_to_begin_again(self, told):
        page = told()
        assert "Finissez le paiement sur la page de la banque" in page
        assert "vous pourrez recommencer ici à 9\u00a0h\u00a020 au plus tard" in page
        assert ">Recommencer</button>" not in page

    def test_nothing_more_to_do_once_confirmed(self, told):
        page = told(status="paid")
        assert "Votre paiement de 84,70\u00a0€ est confirmé. Vous n’avez rien d’autre à faire" in page
        assert ">Actualiser</a>" not in page
        assert ">Recommencer</button>" not in page

    @pytest.mark.parametrize("is_provisional", [True, False])
    def test_the_way_back_to_the_town_once_paid(self, told, payer, is_provisional):
        with tenant(payer.town.collectivite):
            Collectivite.objects.filter(pk=payer.town.collectivite.pk).update(site_url="https://saint-aubin.example/")
        page = told(status="paid", is_provisional=is_provisional)
        assert 'class="button" href="https://saint-aubin.example/" target="_top">Retour au site de' in page

    def test_paid_while_only_a_signature_says_so(self, told):
        """For a payer provisional means paid."""
        page = told(status="paid", is_provisional=True)
        assert "est accepté\u00a0: la facture est payée et vous n’avez rien d’autre à faire" in page
        assert "ne payez pas une seconde fois" in page
        assert "à confirmer" not in page

    def test_twice_debited_and_that_it_is_given_back(self, told, monkeypatch):
        monkeypatch.setattr(pages, "too_much_of", lambda attempt: attempt.amount)
        for fields in ({}, {"is_provisional": True}):
            page = told(status="paid", **fields)
            assert "84,70\u00a0€ sont en trop. Le service qui l’a envoyée en est averti" in page
            assert "rien d’autre à faire" not in page

    def test_accepted_while_it_is_being_recorded(self, told):
        page = told(announced="paid")
        assert "est accepté, et nous l’enregistrons. Ne payez pas une seconde fois." in page
        assert ">Recommencer</button>" not in page

    def test_refused_with_what_to_do(self, told, payer):
        payer.let_go()
        page = told(status="refused")
        assert "Rien n’est débité et la facture reste à payer" in page
        assert "avec une autre carte" in page
        assert "fermez la page de la banque si elle est encore ouverte" in page
        assert "pourrait être payée deux fois" in page
        assert ">Recommencer</button>" in page

    def test_refused_while_the_bank_s_page_may_still_be_open(self, told):
        page = told(status="refused")
        assert "Si la page de la banque est encore ouverte, vous pouvez y essayer une autre carte" in page
        assert "à 9\u00a0h\u00a020 au plus tard" in page
        assert ">Recommencer</button>" not in page

    def test_abandoned(self, told, payer):
        payer.let_go()
        page = told(status="abandoned")
        assert "abandonné, ou la page de la banque est restée ouverte trop longtemps" in page
        assert "deux fois" not in page
        assert "Rien n’est débité et la facture reste à payer" in page
        assert ">Recommencer</button>" in page

    def test_not_to_pay_twice_while_the_bank_has_not_decided(self, told):
        page = told(announced="pending")
        assert "sa réponse peut prendre plusieurs jours. D’ici là, ne payez pas une seconde fois." in page
        assert ">Recommencer</button>" not in page

    def test_no_news_without_a_promise(self, told, payer, monkeypatch):
        told()
        monkeypatch.setattr(pages, "clock", lambda: MORNING + timedelta(minutes=21))
        page = told()
        assert "La banque ne nous a rien dit de ce paiement" in page
        assert "ne payez pas une seconde fois" in page
        assert "demander" not in page
        assert ">Recommencer</button>" in page

    def test_the_bank_s_name_and_not_payfip_s(self, told):
        for situation in ("handed_off", "refused", "abandoned", "unknown", "expired_presumed", "paid"):
            assert "PayFiP" not in told(status=situation)


class TestToldOfATest:
    """Whatever its end, no money moves, no invoice is paid, and no bank will confirm it."""

    @pytest.fixture
    def told(self, guichet, saint_aubin, bank, settings, monkeypatch):
        settings.SECRET_KEYS = f"k1:{new_master_key()}"
        monkeypatch.setattr(pages, "clock", lambda: MORNING)
        payer = Payer(guichet, saint_aubin, make_product(saint_aubin, Environment.TEST))
        fields = form_in(payer.recap(), f"{FORM}payer/")
        page = payer.page_of(guichet.post(f"{FORM}payer/", fields))

        def tell(**fields):
            payer.change(**fields)
            return text_of(guichet.get(page))

        return tell

    @pytest.mark.parametrize("fields", [{}, {"is_provisional": True}])
    def test_accepted(self, told, fields):
        page = told(status="paid", **fields)
        assert "Essai accepté" in page
        assert "rien n’est débité et aucune facture n’est payée" in page
        assert "revenez à sa page dans REGAL" in page

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"status": "paid"}, "Essai accepté"),
            ({"status": "paid", "is_provisional": True}, "Essai accepté"),
            ({"announced": "paid"}, "Essai accepté, en cours d’enregistrement"),
            ({"status": "refused"}, "Essai refusé"),
            ({"status": "abandoned"}, "Essai abandonné"),
            ({"announced": "pending"}, "Essai en attente à la banque"),
            ({"status": "unknown"}, "quelque chose que nous ne connaissons pas"),
            ({"status": "expired_presumed"}, "n’a sans doute pas abouti"),
            ({"status": "never_started"}, "Essai non commencé"),
        ],
    )
    def test_that_nothing_is_debited_and_nothing_of_a_debt(self, told, fields, said):
        page = told(**fields)
        assert said in page
        assert "ien n’est débité" in page.split('role="status"')[1]
        for lie in ("facture est payée", "reste à payer", "La banque le confirme", "seconde fois", "ticket"):
            assert lie not in page


class TestBackAfterBeginningAgain:
    """« Back » from the bank's page, then the recap loaded again: it carries no e-mail address."""

    @pytest.fixture
    def left(self, payer, monkeypatch):
        page = payer.page_of(payer.leave())
        payer.change(status="refused")
        payer.let_go()
        monkeypatch.setattr(pages, "clock", lambda: MORNING + timedelta(minutes=25))
        payer.again = f"{page}recommencer/"
        recap = payer.guichet.post(payer.again, form_in(payer.guichet.get(page), f"{payer.again}#suite"))
        payer.carried = form_in(recap, payer.again)
        return payer.guichet.post(payer.again, payer.carried | {"email": cast.MME_LEROY})

    @pytest.mark.parametrize("typed", [{}, {"email": "leroy"}])
    @pytest.mark.parametrize("language", ["", "/en"])
    @pytest.mark.parametrize("seconds", [5, 60])
    def test_leads_to_the_page_of_the_payment_that_stands(self, payer, left, monkeypatch, typed, language, seconds):
        monkeypatch.setattr(pages, "clock", lambda: MORNING + timedelta(minutes=25, seconds=seconds))
        back = payer.guichet.post(f"{language}{payer.again}", payer.carried | typed)
        assert back.status_code == 303
        assert back.headers["Location"] == f"{language}{payer.page_of(left)}"
        assert payer.guichet.get(back.headers["Location"]).status_code == 200

    def test_pressed_twice_still_leads_to_the_bank(self, payer, left):
        second = payer.guichet.post(payer.again, payer.carried | {"email": cast.MME_LEROY})
        assert form_in(second, f"{BANK}/php/")["PBX_CMD"] == form_in(left, f"{BANK}/php/")["PBX_CMD"]


class TestAddress:
    @pytest.fixture
    def asked(self, payer):
        payer.product.account.options = {"asks_address": True}
        with tenant(payer.town.collectivite):
            GatewayAccount.objects.filter(pk=payer.product.account_id).update(options={"asks_address": True})
        return payer

    def test_is_asked_only_where_the_contract_wants_it(self, payer):
        assert "Nom et adresse du titulaire de la carte" not in text_of(payer.guichet.get(FORM))

    def test_is_asked_with_the_reason_and_for_the_browser_to_fill(self, asked):
        page = text_of(asked.guichet.get(FORM))
        assert "Votre banque les demande pour vérifier le paiement. Nous ne les gardons pas." in page
        for word in ("given-name", "family-name", "address-line1", "postal-code", "address-level2"):
            assert f'autocomplete="{word}"' in page

    def test_missing_is_said_beside_each_field(self, asked):
        page = asked.recap(**dict.fromkeys(ADDRESS, ""))
        assert page.status_code == 422
        for name in ADDRESS:
            assert f'id="{name}-error"' in text_of(page)

    def test_too_long_is_said(self, asked):
        page = asked.recap(**ADDRESS | {"street": "x" * 51})
        assert "50 caractères au plus" in text_of(page)

    def test_leaves_with_the_payer_and_is_kept_nowhere(self, asked):
        recap = asked.recap(**ADDRESS)
        assert "12, rue des Lilas, 35000 Rennes" in text_of(recap)
        assert "Lilas" not in text_of(recap).split("data-regal-typed")[1].split(">")[0]
        sent = form_in(asked.leave(recap), f"{BANK}/php/")["PBX_BILLING"]
        assert "<FirstName>Camille</FirstName><LastName>Leroy</LastName>" in sent
        assert "<ZipCode>35000</ZipCode><City>Rennes</City>" in sent

    def test_comes_back_to_be_corrected(self, asked):
        page = asked.guichet.post(FORM, form_in(asked.recap(**ADDRESS), f"{FORM}#main"))
        assert 'value="12, rue des Lilas"' in text_of(page)

    def test_is_asked_again_of_who_begins_again(self, asked):
        page = asked.page_of(asked.leave(asked.recap(**ADDRESS)))
        asked.change(status="refused")
        asked.let_go()
        begun = form_in(asked.guichet.get(page), f"{page}recommencer/#suite")
        again = asked.guichet.post(f"{page}recommencer/", begun)
        assert 'autocomplete="given-name"' in text_of(again)
        fields = form_in(again, f"{page}recommencer/") | {"email": cast.MME_LEROY}
        assert asked.guichet.post(f"{page}recommencer/", fields).status_code == 422
        left = asked.guichet.post(f"{page}recommencer/", fields | ADDRESS)
        assert "<City>Rennes</City>" in form_in(left, f"{BANK}/php/")["PBX_BILLING"]
