"""A régie's invoice paid through PayFiP's web service: the guichet, the sandbox and the checker in one process.

The payer has neither cookie nor script. PayFiP is the sandbox; one clock drives everything.
"""

import html
import re
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from django.core import mail, signing
from django.db import connection
from django.test.utils import CaptureQueriesContext

import regal_sandbox
from regal.cases.models import Case, Kind
from regal.checkout import look_ups, notifications, pages
from regal.collectivites.models import Collectivite, Product
from regal.gateways.base import DebtKind, Environment
from regal.gateways.payfip_ws.tests.answers import fault
from regal.lib import http
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, Payer
from regal.titres import operations
from regal.titres.models import Adjustment, Direction, Titre
from regal.titres.states import State as TitreState
from tests import cast
from tests.inquiries import Clock, check_until
from tests.mailbox import file_of, html_of
from tests.notices import run_due

pytestmark = pytest.mark.usefixtures("committed_db")

NUMCLI = "099042"
FORM = "/saint-aubin/restaurant/"
TYPED = {"invoice": "FC2026-000042", "amount": "84,70", "email": cast.MME_LEROY}
PAYFIP = "https://www.payfip.gouv.fr"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def form_in(page, action):
    """What one form of a page carries unseen."""
    text = page.content.decode()
    begins = text.index(f'action="{action}"')
    return {name: html.unescape(value) for name, value in HIDDEN.findall(text[begins : text.index("</form>", begins)])}


def unsaid(page, *sentences):
    """Which of these a page does not say; a tilde is a space that does not break."""
    text = html.unescape(page.content.decode())
    return [one for one in sentences if one.replace("~", "\u00a0") not in text]


def says(page, *sentences):
    return unsaid(page, *sentences) == []


class Story:
    """Saint-Aubin's régie, whose invoices are paid through PayFiP's web service; and who pays them."""

    def __init__(self, guichet):
        self.clock = Clock()
        self.guichet = guichet
        self.town = cast.make_saint_aubin()
        self.product = cast.make_product(
            self.town,
            DebtKind.REGIE,
            slug="restaurant",
            numcli=NUMCLI,
            gateway="payfip_ws",
            environment=Environment.PRODUCTION,
        )
        self.titre = cast.make_titre(self.product)
        client = {"numcli": NUMCLI, "kind": "regie", "phase": "active", "options": {"web_service": True}}
        self.sandbox = regal_sandbox.create(
            config={"clients": [client], "debts": []}, clock=self.clock, seed="graine", send_notification=self._hear
        )
        self.payfip = httpx.Client(transport=self.sandbox.transport(), base_url=PAYFIP)
        self.is_deaf = False  # PayFiP's notifications are lost

    def _hear(self, request):
        if self.is_deaf:
            raise OSError("lost")
        address = urlsplit(request.url)
        heard = self.guichet.post(
            address.path, request.body, content_type="application/x-www-form-urlencoded", QUERY_STRING=address.query
        )
        return regal_sandbox.Answer(status=heard.status_code, body=heard.content)

    def recap(self, **typed):
        return self.guichet.post(FORM, TYPED | typed)

    def leave(self, page=None):
        """Press « Payer » on a page: the recap, unless another one offers it."""
        return self.guichet.post(f"{FORM}payer/", form_in(page or self.recap(), f"{FORM}payer/"))

    def follow_address(self, place=0):
        """Of a payment's own page, the first one's unless said, as PayFiP sends the browser back to it."""
        return urlsplit(self.sandbox.idops()[place]["urlredirect"]).path.removesuffix("retour/")

    def follow(self, place=0):
        return self.guichet.get(self.follow_address(place))

    def come_back(self):
        """The browser, sent back by PayFiP to the first payment's own page; and the address of that page."""
        address = self.guichet.get(f"{self.follow_address()}retour/").headers["Location"]
        return self.guichet.get(address), address

    def press_again(self, page, **typed):
        """« Recommencer » on the attempt's own page, « Payer » or « Réessayer » on those that follow."""
        address = f"{self.follow_address()}recommencer/"
        action = f"{address}#suite" if f'action="{address}#suite"' in page.content.decode() else address
        return self.guichet.post(address, form_in(page, action) | typed)

    def at_payfip(self, left, decision):
        """On PayFiP's pages: `payer`, `refuser` or `abandonner`; the last page."""
        page = self.payfip.get(left.headers["Location"], follow_redirects=True)
        for step in ("continuer", decision):
            page = self.payfip.post(page.url, data={"decision": step}, follow_redirects=True)
        return page

    def pass_(self, **delta):
        """Let time pass: notifications come, the worker works, the checker asks."""
        until = self.clock.now + timedelta(**delta)
        while self.clock.now < until:
            self.sandbox.deliver_due()
            run_due(self.clock.now)
            check_until(self.clock, min(until, self.clock.now + timedelta(seconds=10)))

    def attempts(self):
        with tenant(self.town.collectivite):
            return list(Attempt.objects.of(self.town.collectivite).order_by("pk"))

    def statuses(self):
        return [attempt.status for attempt in self.attempts()]

    def is_paid(self):
        with tenant(self.town.collectivite):
            return Titre.objects.get(pk=self.titre.pk).paid_at is not None

    def change(self, **fields):
        with tenant(self.town.collectivite):
            Titre.objects.filter(pk=self.titre.pk).update(**fields)

    def fault(self, **told):
        """Something that the web service does wrong; `{}` to its end."""
        self.sandbox.control.test_client().post("/faults", json=told)

    def no_more_faults(self):
        self.sandbox.control.test_client().delete("/faults")


@pytest.fixture
def story(committed_db, guichet, monkeypatch):
    story = Story(guichet)
    for module in (pages, notifications):
        monkeypatch.setattr(module, "clock", story.clock)
    with http.replaced(story.payfip):
        yield story
    story.sandbox.close()


@pytest.fixture
def refusing(story):
    """PayFiP answers every creation with a code."""
    clients = []

    def refuse(code):
        clients.append(httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(500, content=fault(code)))))
        return http.replaced(clients[-1])

    return refuse


class TestLookUp:
    @pytest.mark.parametrize("typed", [{"invoice": "FC2026-000043"}, {"amount": "84,71"}])
    def test_gives_one_answer_whether_the_number_or_the_amount_is_wrong(self, story, typed):
        answer = story.recap(**typed)
        assert answer.status_code == 422
        assert not unsaid(answer, "Aucune facture à payer ne porte ce numéro et ce montant", 'id="invoice-error"')
        assert not unsaid(answer, 'id="amount-error"', "Il reste une chose à corriger")
        unknown = story.recap(invoice="FC2026-999999").content.decode()
        same = answer.content.decode()
        for value in ("FC2026-000043", "FC2026-999999", "FC2026-000042", "84,71", "84,70"):
            same, unknown = same.replace(value, ""), unknown.replace(value, "")
        assert same == unknown

    def test_costs_the_same_whether_the_number_or_the_amount_is_wrong(self, story):
        costs = set()
        story.recap(amount="84,72")  # it opens the minute's counter
        for typed in ({"invoice": "FC2026-000043"}, {"amount": "84,71"}):
            with CaptureQueriesContext(connection) as queries:
                story.recap(**typed)
            costs.add(len(queries))
        assert len(costs) == 1

    @pytest.mark.parametrize(
        ("amount", "sentence"),
        [("", "Indiquez le montant imprimé sur la facture"), ("12 ou 13", "Écrivez-le comme sur la facture")],
    )
    def test_of_an_amount_that_cannot_be_read_sends_back_to_the_invoice(self, story, amount, sentence):
        assert not unsaid(story.recap(amount=amount), sentence)

    def test_is_slowed_down_for_a_town_whose_invoices_everybody_guesses(self, story, monkeypatch):
        monkeypatch.setattr(look_ups, "MOST_WRONG_IN_TOWN", 3)

        def send(host, **typed):
            return story.guichet.post(FORM, TYPED | typed, REMOTE_ADDR=f"192.0.2.{host}").status_code

        assert [send(host, amount="84,71") for host in range(5)] == [422, 422, 422, 429, 429]
        assert send(0) == 429
        assert send(9) == 200

    def test_reads_a_number_as_people_write_it(self, story):
        assert story.recap(invoice=" fc 2026 000042 ").status_code == 200

    def test_shows_what_was_typed_and_nothing_more_of_the_invoice(self, story):
        """Whoever has reference and amount need not be who owes it; an agent may have typed a child's name."""
        answer = story.recap()
        assert not unsaid(answer, "84,70~€", "FC2026000042", story.product.name)
        assert not says(answer, "Cantine, octobre 2026")
        assert not says(answer, "Mme Leroy")

    @pytest.mark.parametrize(
        ("state", "sentence"),
        [
            (TitreState.SUSPENDED, "Cette facture n’est pas payable en ligne en ce moment"),
            (TitreState.CANCELLED, "Vous aviez déjà payé~? Gardez votre ticket"),
            (TitreState.WRITTEN_OFF, "ne demande plus cette somme"),
            (TitreState.TRANSFERRED, "Attendez le courrier de la trésorerie"),
        ],
    )
    def test_says_what_the_regie_decided_and_what_to_do(self, story, state, sentence):
        story.change(status=state)
        answer = story.recap()
        assert answer.status_code == 409
        assert not unsaid(answer, sentence, "FC2026000042", "84,70~€")

    def test_says_how_the_town_wants_the_comptable_to_be_paid(self, story):
        with tenant(story.town.collectivite):
            Collectivite.objects.filter(pk=story.town.collectivite.pk).update(treasury_note="Trésorerie, 2 rue Foch.")
        story.change(status=TitreState.TRANSFERRED)
        assert not unsaid(story.recap(), "Trésorerie, 2 rue Foch.")
        assert not says(story.recap(), "Attendez le courrier")

    def test_says_what_the_regie_wrote_for_the_payer_to_him_alone(self, story):
        unknown = story.recap(amount="84,71").content.decode()
        operations.suspend(
            titre=story.titre, reason="La mère conteste", payer_note="Appelez la cantine.", now=story.clock.now
        )
        answer = story.recap()
        assert answer.status_code == 409
        assert not unsaid(answer, "Appelez la cantine.", "Saint-Aubin")
        assert not says(answer, "La mère conteste")
        wrong = story.recap(amount="84,71").content.decode()
        assert re.sub(r'value="[^"]*"', "", wrong) == re.sub(r'value="[^"]*"', "", unknown)

    @pytest.mark.parametrize(
        ("word", "sentence"),
        [
            ("avis", "Cet avis n’est pas payable en ligne en ce moment"),
            ("titre", "Ce titre n’est pas payable en ligne"),
        ],
    )
    def test_calls_the_debt_by_the_town_s_word(self, story, word, sentence):
        with tenant(story.town.collectivite):
            Collectivite.objects.filter(pk=story.town.collectivite.pk).update(debt_word=word)
        story.change(status=TitreState.SUSPENDED)
        assert not unsaid(story.recap(), sentence)
        assert not says(story.recap(), "facture")
        assert not says(story.recap(amount="84,71"), "facture")

    def test_is_slowed_down_for_who_asks_too_often(self, story):
        wrong = {"invoice": "FC2026-000043"}
        tried = [story.recap(invoice=f"FC2026-{100 + place:06d}").status_code for place in range(look_ups.MOST_WRONG)]
        assert set(tried) == {422}
        assert story.recap(**wrong).status_code == 429
        assert [story.recap().status_code for _ in range(look_ups.MOST_BEYOND + 1)] == [200] * 5 + [429]
        story.clock.pass_(minutes=1)
        assert story.recap().status_code == 200
        assert story.recap(**wrong).status_code == 422


class TestRecap:
    def test_leads_to_payfip_in_the_whole_window_and_says_so(self, story):
        answer = story.recap()
        assert not unsaid(answer, f'action="{FORM}payer/" target="_top"', "Payer 84,70~€ sur PayFiP</button>")
        assert not unsaid(answer, "à la place de cette page", "15~minutes", "Retour site")
        assert not says(answer, "nouvel onglet")
        assert f"form-action 'self' {PAYFIP};" in answer.headers["Content-Security-Policy"]

    def test_stores_nothing(self, story):
        story.recap()
        assert story.attempts() == []


class TestLeaving:
    def test_goes_to_the_page_of_a_key_that_payfip_gave(self, story):
        left = story.leave()
        (idop,) = story.sandbox.idops()
        assert (left.status_code, left.headers["Location"]) == (303, f"{PAYFIP}/tpa/paiementws.web?idop={idop['idop']}")
        (attempt,) = story.attempts()
        assert (attempt.status, attempt.titre_id, attempt.exercice) == ("handed_off", story.titre.pk, 2026)
        with tenant(story.town.collectivite):
            assert Payer.objects.get(attempt=attempt).email == cast.MME_LEROY

    def test_twice_by_a_double_click_leads_to_one_page(self, story):
        recap = story.recap()
        first = story.leave(recap)
        story.clock.pass_(seconds=1)
        second = story.leave(recap)
        assert (second.status_code, second.headers["Location"]) == (303, first.headers["Location"])
        assert len(story.sandbox.idops()) == len(story.attempts()) == 1

    def test_whole_and_in_part_from_two_tabs_leads_to_payfip_for_the_first_alone(self, story):
        with tenant(story.town.collectivite):
            Product.objects.filter(pk=story.product.pk).update(partial_payment=True)
        whole = story.recap()
        part = story.guichet.post(FORM, form_in(whole, f"{FORM}#suite") | {"part": "40,00"})
        assert story.leave(part).status_code == 303
        story.clock.pass_(seconds=8)
        assert story.leave(whole).status_code == 409
        assert [attempt.amount for attempt in story.attempts()] == [Money(4_000)]

    def test_again_half_a_minute_later_leads_to_the_payment_that_is_open(self, story):
        recap = story.recap()
        story.leave(recap)
        story.clock.pass_(seconds=30)
        answer = story.leave(recap)
        assert answer.status_code == 409
        assert not unsaid(answer, "Ce paiement est déjà ouvert", "Voir où en est mon paiement")
        assert len(story.sandbox.idops()) == 1

    def test_twice_while_payfip_thinks_waits_for_the_first(self, story):
        recap = story.recap()
        story.leave(recap)
        with tenant(story.town.collectivite):  # as the second click finds it before the key comes
            Attempt.objects.of(story.town.collectivite).update(status="requested", handed_off_at=None)
        answer = story.leave(recap)
        assert answer.status_code == 409
        assert not unsaid(answer, "PayFiP s’ouvre", "Continuer vers PayFiP")
        assert PAYFIP in answer.headers["Content-Security-Policy"]
        assert form_in(answer, f"{FORM}payer/")["token"]

    def test_of_a_second_payer_waits_until_the_first_has_ended(self, story):
        recap = story.recap()
        story.leave()
        answer = story.leave(recap)
        assert answer.status_code == 409
        assert not unsaid(answer, "Un paiement de cette facture est en cours", "au plus tard à 9~h~20")
        assert form_in(answer, f"{FORM}#suite") == TYPED | {"invoice": "FC2026000042"}
        story.clock.pass_(minutes=20)
        again = story.guichet.post(FORM, form_in(answer, f"{FORM}#suite"))
        assert not unsaid(again, "Vérifiez avant de payer", "a été commencé le 24 novembre 2026")
        assert story.leave(again).status_code == 303
        assert [attempt.warned for attempt in story.attempts()] == [False, True]

    def test_of_an_invoice_cancelled_since_the_recap_is_refused(self, story):
        recap = story.recap()
        story.change(status=TitreState.CANCELLED)
        assert not unsaid(story.leave(recap), "Cette facture est annulée")
        assert story.attempts() == []

    @pytest.mark.parametrize("service", ["unavailable", "empty", "cut", "TechIndisponibiliteErreur"])
    def test_during_an_outage_loses_nothing_and_can_be_tried_again(self, story, service):
        story.fault(service=service)
        away = story.leave()
        assert away.status_code == 503
        assert not unsaid(away, "PayFiP ne répond pas en ce moment", "Rien n’a été payé", "84,70~€", "FC2026000042")
        assert PAYFIP in away.headers["Content-Security-Policy"]
        corrected = story.guichet.post(FORM, form_in(away, f"{FORM}#main"))
        assert not unsaid(corrected, 'value="FC2026000042"', 'value="84,70"', f'value="{cast.MME_LEROY}"')
        story.no_more_faults()
        assert story.leave(away).status_code == 303
        assert story.statuses() == ["requested", "handed_off"]

    def test_during_an_outage_warns_and_reports_no_error_of_ours(self, story, caplog):
        story.fault(service="unavailable")
        story.leave()
        told = [record for record in caplog.records if "a payer was told so" in record.getMessage()]
        assert [record.levelname for record in told] == ["WARNING"]
        assert not [record for record in caplog.records if record.name == "django.request"]

    def test_pressed_again_on_the_recap_of_an_outage_says_so_again(self, story):
        recap = story.recap()
        story.fault(service="cut", next=1)
        story.leave(recap)
        again = story.leave(recap)
        assert again.status_code == 503
        assert story.leave(again).status_code == 303

    @pytest.mark.parametrize(
        ("code", "field"),
        [("A1", "email"), ("A2", "email"), ("M1", "amount"), ("M3", "amount"), ("M5", "amount"), ("R3", "invoice")],
    )
    def test_says_beside_its_field_what_payfip_refuses(self, story, refusing, code, field):
        with refusing(code):
            answer = story.leave()
        assert answer.status_code == 422
        assert not unsaid(answer, f'id="{field}-error"', 'value="FC2026000042"', 'value="84,70"')
        assert story.statuses() == ["never_started"]
        assert story.leave().status_code == 303

    @pytest.mark.parametrize("code", ["T1", "T2", "T4", "S1", "D1", "N1"])
    def test_says_whose_fault_it_is_when_payfip_refuses_the_contract(self, story, refusing, code):
        with refusing(code):
            answer = story.leave()
        assert answer.status_code == 422
        assert not unsaid(answer, "ne reconnaît pas le contrat de la collectivité", "Ce n’est pas votre faute")
        assert not unsaid(answer, 'value="FC2026000042"')


class TestPaying:
    def test_ends_confirmed_and_the_invoice_is_told_paid(self, story):
        story.at_payfip(story.leave(), "payer")
        story.pass_(seconds=10)
        assert (story.statuses(), story.is_paid()) == (["paid"], True)
        assert not unsaid(story.follow(), "Votre paiement de 84,70~€ est confirmé")
        told = story.recap()
        assert not unsaid(told, "Cette facture est déjà payée", "depuis le 24 novembre 2026", "Payer une autre facture")
        assert not says(told, "Corriger")

    def test_refused_can_be_begun_again_without_typing_anything_but_the_address(self, story):
        story.at_payfip(story.leave(), "refuser")
        story.pass_(seconds=10)
        page = story.follow()
        assert not unsaid(page, "La banque a refusé", "Rien n’est débité")
        again = story.press_again(page)
        assert not unsaid(again, "Recommencer le paiement", "84,70~€", "…0042", "fermez-la sans y payer")
        assert not says(again, "ne payez pas une seconde fois")
        left = story.press_again(again, email=cast.MME_LEROY)
        assert left.status_code == 303
        story.at_payfip(left, "payer")
        story.pass_(seconds=10)
        assert (story.statuses(), story.is_paid()) == (["refused", "paid"], True)

    def test_refused_a_moment_ago_is_told_to_whoever_pays_next_and_calmly(self, story):
        """On PayFiP's page, which may still be open, a refusal can become a payment."""
        story.at_payfip(story.leave(), "refuser")
        story.pass_(seconds=10)
        told = story.recap()
        assert not unsaid(told, "<title>Vérifiez avant de payer", "Un paiement précédent n’a pas abouti")
        assert not unsaid(told, "commencé le 24 novembre 2026", "a été refusé et rien n’est débité")
        assert not says(told, "peut encore aboutir")
        story.leave(told)
        assert [attempt.warned for attempt in story.attempts()] == [False, True]

    def test_abandoned_can_be_begun_again(self, story):
        story.at_payfip(story.leave(), "abandonner")
        story.pass_(seconds=10)
        page = story.follow()
        assert not unsaid(page, "Paiement abandonné", "rien n’est débité")
        assert story.press_again(story.press_again(page), email=cast.MME_LEROY).status_code == 303

    def test_in_a_tab_that_was_closed_is_found_again_and_goes_on_by_itself(self, story):
        story.is_deaf = True
        story.at_payfip(story.leave(), "payer")
        assert not unsaid(story.follow(), "En attente de PayFiP", "Nous demandons à PayFiP")
        story.pass_(minutes=5)
        assert not unsaid(story.follow(), "Paiement confirmé")

    def test_left_unfinished_holds_the_invoice_and_says_until_when(self, story):
        story.leave()
        held = story.follow()
        assert not unsaid(held, "Vous pourrez recommencer ici dès que PayFiP l’aura dit, au plus tard à 9~h~20.")
        assert not says(held, ">Recommencer</button>")
        story.clock.pass_(minutes=20)
        free = story.follow()
        assert not unsaid(free, "Vous pouvez recommencer ici.")
        again = story.press_again(free)
        assert not unsaid(again, "Recommencer le paiement", "a été commencé le 24 novembre 2026", "peut encore aboutir")
        assert story.press_again(again, email=cast.MME_LEROY).status_code == 303
        assert [attempt.warned for attempt in story.attempts()] == [False, True]

    def test_twice_from_two_tabs_tells_the_second(self, story):
        """The first tab stood open until its hold had ended; both are debited, and one of them is too much."""
        page = story.payfip.get(story.leave().headers["Location"], follow_redirects=True)
        story.clock.pass_(minutes=20)
        told = story.recap()
        assert not unsaid(told, "commencé le 24 novembre 2026", "PayFiP ne refuse pas une facture déjà payée")
        story.at_payfip(story.leave(told), "payer")
        story.pass_(seconds=10)
        assert not unsaid(story.recap(), "Cette facture est déjà payée")
        for decision in ("continuer", "payer"):
            page = story.payfip.post(page.url, data={"decision": decision}, follow_redirects=True)
        story.pass_(minutes=5)
        assert not unsaid(story.follow(), "Paiement confirmé", "84,70~€ sont en trop", "en est averti")
        assert not says(story.follow(1), "sont en trop")
        assert story.statuses() == ["paid", "paid"]
        with tenant(story.town.collectivite):
            assert Case.objects.of(story.town.collectivite).filter(kind=Kind.EXCESS).count() == 1

    def test_is_counted_though_payfip_s_page_was_never_left(self, story):
        story.is_deaf = True
        story.at_payfip(story.leave(), "payer")
        story.pass_(minutes=5)
        assert (story.statuses(), story.is_paid()) == (["paid"], True)


class TestTicket:
    """What the payer finds in his mailbox, whatever became of his browser."""

    def test_comes_after_the_payment_and_the_page_says_where(self, story):
        left = story.leave()
        story.at_payfip(left, "payer")
        story.pass_(seconds=30)
        assert says(story.follow(), "Notre ticket arrive à l’adresse e-mail que vous avez donnée~; PayFiP envoie aussi")
        (letter,) = mail.outbox
        assert (letter.to, letter.subject) == ([cast.MME_LEROY], "Ticket de paiement\u00a0: 84,70\u00a0€, Saint-Aubin")
        for told in ("FC2026000042", "84,70\u00a0€", "carte bancaire", "Numéro d’autorisation", "pas une quittance"):
            assert told in letter.body, told
        assert file_of(letter)[1].startswith(b"%PDF")

    def test_comes_once_though_the_notification_comes_twice(self, story):
        left = story.leave()
        story.at_payfip(left, "payer")
        story.sandbox.deliver_due()
        (idop,) = story.sandbox.idops()
        for _ in range(3):
            story.guichet.post(urlsplit(idop["urlnotif"]).path, {"idop": idop["idop"]})
            story.pass_(minutes=2)
        assert len(mail.outbox) == 1

    def test_is_in_english_for_whoever_paid_in_english(self, story):
        page = story.guichet.post(f"/en{FORM}", TYPED)
        left = story.guichet.post(f"/en{FORM}payer/", form_in(page, f"/en{FORM}payer/"))
        story.at_payfip(left, "payer")
        story.pass_(seconds=30)
        (letter,) = mail.outbox
        assert "€84.70" in letter.body
        assert "Invoice" in letter.body
        assert 'lang="en"' in html_of(letter)

    def test_does_not_come_for_what_was_refused_or_abandoned(self, story):
        story.at_payfip(story.leave(), "refuser")
        story.pass_(minutes=30)
        assert mail.outbox == []


class TestComingBack:
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_shows_the_attempt_s_own_page_and_moves_nothing(self, story, method):
        story.leave()
        answer = getattr(story.guichet, method)(f"{story.follow_address()}retour/", {"idop": "x", "resultrans": "P"})
        assert (answer.status_code, urlsplit(answer.headers["Location"]).path) == (303, story.follow_address())
        assert story.statuses() == ["handed_off"]

    def test_is_where_payfip_sends_the_browser(self, story):
        page = story.at_payfip(story.leave(), "payer")
        (idop,) = story.sandbox.idops()
        back = urlsplit(idop["urlredirect"]).path
        assert back in html.unescape(page.text)
        address = story.guichet.post(back, {"idop": idop["idop"]}).headers["Location"]
        assert urlsplit(address).path == story.follow_address()

    def test_has_payfip_asked_at_once(self, story):
        story.is_deaf = True
        story.at_payfip(story.leave(), "payer")
        story.guichet.get(f"{story.follow_address()}retour/")
        check_until(story.clock, story.clock.now)
        assert story.statuses() == ["paid"]

    def test_after_paying_on_the_page_that_was_abandoned_waits_for_a_later_answer(self, story):
        """PayFiP had said it abandoned; its page, opened again by the same key, then took the money."""
        left = story.leave()
        story.at_payfip(left, "abandonner")
        story.pass_(seconds=10)
        assert not unsaid(story.follow(), "Paiement abandonné")
        story.is_deaf = True
        story.clock.pass_(minutes=3)
        story.at_payfip(left, "payer")
        page, address = story.come_back()
        assert not unsaid(page, "En attente de PayFiP", "Nous demandons à PayFiP", "Actualiser")
        assert not says(page, "abandonné")
        assert not says(page, ">Recommencer</button>")
        assert f'href="{address}"' in page.content.decode()
        check_until(story.clock, story.clock.now)
        assert not unsaid(story.guichet.get(address), "Paiement confirmé")

    def test_says_again_what_payfip_says_again(self, story):
        story.at_payfip(story.leave(), "abandonner")
        story.pass_(seconds=10)
        story.clock.pass_(minutes=1)
        _, address = story.come_back()
        check_until(story.clock, story.clock.now)
        assert not unsaid(story.guichet.get(address), "Paiement abandonné", ">Recommencer</button>")

    def test_during_an_outage_waits_a_minute_and_then_says_what_was_known_and_when(self, story):
        story.at_payfip(story.leave(), "refuser")
        story.pass_(seconds=10)
        story.fault(service="unavailable")
        story.clock.pass_(minutes=3)
        page, address = story.come_back()
        story.pass_(seconds=50)
        assert not unsaid(story.guichet.get(address), "Nous demandons à PayFiP")
        story.pass_(seconds=10)
        page = story.guichet.get(address)
        assert not unsaid(page, "n’a pas répondu depuis votre retour", "à 9~h~00, il disait ce paiement refusé")
        assert not unsaid(page, "Si vous venez de payer, ne recommencez pas", "Actualiser")
        assert not says(page, "Rien n’est débité")

    @pytest.mark.parametrize("said", ["x", "٣", "9" * 13, "9" * 400, "1"])
    def test_at_an_hour_that_cannot_be_or_long_ago_says_what_is_known(self, story, said):
        story.at_payfip(story.leave(), "abandonner")
        story.pass_(seconds=10)
        assert not unsaid(story.guichet.get(story.follow_address(), {"retour": said}), "Paiement abandonné")

    def test_in_english_stays_in_english(self, story):
        recap = story.guichet.post(f"/en{FORM}", TYPED)
        story.guichet.post(f"/en{FORM}payer/", form_in(recap, f"/en{FORM}payer/"))
        (idop,) = story.sandbox.idops()
        assert urlsplit(idop["urlredirect"]).path.startswith("/en/saint-aubin/suivi/")

    @pytest.mark.parametrize("rest", ["", "retour/", "recommencer/"])
    def test_to_a_stranger_s_handle_finds_nothing(self, story, rest):
        story.leave()
        cast.make_next_town()
        assert story.guichet.get(f"{story.follow_address()[:-4]}aaa/{rest}").status_code == 404
        elsewhere = story.follow_address().replace("saint-aubin", "val-de-l-orne")
        assert story.guichet.post(elsewhere + rest).status_code in ((405,) if rest == "" else (404,))


class TestFollowing:
    @pytest.mark.parametrize(
        ("status", "sentence"),
        [
            ("requested", "PayFiP s’ouvre"),
            ("handed_off", "En attente de PayFiP"),
            ("paid", "Votre paiement de 84,70~€ est confirmé"),
            ("refused", "La banque a refusé"),
            ("abandoned", "Paiement abandonné"),
            ("unknown", "Résultat inconnu"),
            ("expired_presumed", "nous continuons à demander"),
            ("never_started", "PayFiP n’a pas ouvert ce paiement"),
        ],
    )
    def test_says_what_is_known(self, story, status, sentence):
        story.leave()
        with tenant(story.town.collectivite):
            Attempt.objects.of(story.town.collectivite).update(status=status)
        page = story.follow()
        assert not unsaid(page, sentence)
        may_be_begun_again = status in ("refused", "abandoned", "expired_presumed", "never_started")
        assert says(page, ">Recommencer</button>") is may_be_begun_again

    @pytest.mark.parametrize("decision", ["refuser", "abandonner"])
    def test_looks_again_while_a_payment_that_failed_may_still_be_taken_up(self, story, decision):
        story.at_payfip(story.leave(), decision)
        story.pass_(seconds=10)
        page = story.follow()
        assert not unsaid(page, " data-regal-changes>", "PayFiP l’a dit à 9~h~00.", "la suite s’affichera ici")
        story.pass_(hours=3)
        assert not says(story.follow(), " data-regal-changes>")

    @pytest.mark.parametrize("decision", ["refuser", "abandonner"])
    def test_of_a_payment_that_failed_says_that_another_runs_and_then_that_it_has_paid(self, story, decision):
        story.at_payfip(story.leave(), decision)
        story.pass_(seconds=10)
        again = story.press_again(story.follow())
        left = story.press_again(again, email=cast.MME_LEROY)
        held = story.follow()
        assert not unsaid(held, "Un autre paiement de cette facture est en cours", "au plus tard à 9~h~21")
        story.at_payfip(left, "payer")
        story.pass_(seconds=10)
        paid = story.follow()
        assert not unsaid(paid, "est payée depuis le 24 novembre 2026~: ne payez pas une seconde fois")
        for page in (held, paid):
            assert not unsaid(page, "Ce paiement-ci n’a rien débité.")
            assert not says(page, "ous pouvez recommencer")
            assert not says(page, ">Recommencer</button>")
        assert not says(story.follow(1), "une seconde fois")

    def test_asks_sooner_whatever_is_looked_at(self, story):
        story.is_deaf = True
        story.at_payfip(story.leave(), "payer")
        story.follow()
        check_until(story.clock, story.clock.now)
        assert not unsaid(story.follow(), "Paiement confirmé")

    def test_shows_neither_the_whole_number_nor_who_pays_nor_does_beginning_again(self, story):
        story.at_payfip(story.leave(), "refuser")
        story.pass_(seconds=10)
        page = story.follow()
        token = form_in(page, f"{story.follow_address()}recommencer/#suite")["token"]
        for shown in (page, story.press_again(page)):
            assert not says(shown, cast.MME_LEROY)
            assert not says(shown, "FC2026000042")
        assert "FC2026" not in str(signing.b64_decode(token.split(":")[0].encode()))

    def test_of_a_trial_of_the_contract_leads_to_no_payment_of_its_payers(self, story):
        """It stands on the account of its phase; the bureau begins it again."""
        story.leave()
        other = cast.make_product(
            story.town, DebtKind.REGIE, slug="essai", numcli="099043", gateway="payfip_ws", environment=Environment.TEST
        )
        story.clock.pass_(minutes=20)
        page = story.follow()
        with tenant(story.town.collectivite):
            type(story.product).objects.filter(pk=story.product.pk).update(account=other.account)
        assert not says(story.follow(), "ecommencer")
        assert not unsaid(story.follow(), "Nous demandons à PayFiP")
        assert story.press_again(page).headers["Location"] == story.follow_address()

    def test_is_one_line_after_half_an_hour(self, story):
        story.leave()
        story.clock.pass_(minutes=31)
        assert not unsaid(story.follow(), "nous continuons à demander", "84,70~€")
        assert not says(story.follow(), "Recommencer")


class TestBeginningAgain:
    @pytest.fixture
    def refused(self, story):
        """The page of a payment that the bank refused."""
        story.at_payfip(story.leave(), "refuser")
        story.pass_(seconds=10)
        return story.follow()

    def test_asks_for_an_address_that_can_be_read(self, story, refused):
        again = story.press_again(story.press_again(refused), email="mme.leroy")
        assert again.status_code == 422
        assert not unsaid(again, 'id="email-error"', 'value="mme.leroy"', "Erreur~:")
        assert story.press_again(again, email=cast.MME_LEROY).status_code == 303

    def test_looks_at_the_invoice_again(self, story, refused):
        story.change(status=TitreState.CANCELLED)
        assert not unsaid(story.press_again(refused), "Cette facture est annulée")

    def test_of_an_invoice_reduced_since_sends_back_to_the_paper(self, story, refused):
        with tenant(story.town.collectivite):
            Adjustment.objects.create(
                collectivite=story.town.collectivite,
                titre=story.titre,
                direction=Direction.DECREASE,
                amount=Money(1_000),
                reason="Un repas annulé",
                made_at=story.clock.now,
            )
        assert not unsaid(story.press_again(refused), "son montant a changé", f'href="{FORM}"')

    def test_of_one_paid_since_says_so(self, story, refused):
        story.change(paid_at=story.clock.now)
        assert not unsaid(story.press_again(refused), "Cette facture est déjà payée")

    def test_during_an_outage_keeps_the_address_and_can_be_tried_again(self, story, refused):
        again = story.press_again(refused)
        story.fault(service="cut", next=2)  # the question about the one that was refused, then the key of this one
        away = story.press_again(again, email=cast.MME_LEROY)
        assert away.status_code == 503
        assert not unsaid(away, "PayFiP ne répond pas", "…0042")
        assert story.press_again(away).status_code == 303

    def test_by_a_double_click_leads_to_one_page(self, story, refused):
        again = story.press_again(refused)
        first, second = (story.press_again(again, email=cast.MME_LEROY) for _ in range(2))
        assert first.headers["Location"] == second.headers["Location"]
        assert len(story.attempts()) == 2

    def test_says_beside_the_address_that_payfip_refuses_it(self, story, refused, refusing):
        again = story.press_again(refused)
        with refusing("A2"):
            answer = story.press_again(again, email=cast.MME_LEROY)
        assert not unsaid(answer, 'id="email-error"', "PayFiP n’accepte pas cette adresse")
        assert story.press_again(answer, email=cast.MME_LEROY).status_code == 303

    def test_says_whose_fault_it_is_when_payfip_refuses_the_contract(self, story, refused, refusing):
        again = story.press_again(refused)
        with refusing("T2"):
            answer = story.press_again(again, email=cast.MME_LEROY)
        assert not unsaid(answer, "ne reconnaît pas le contrat de la collectivité")

    @pytest.mark.parametrize("token", ["", "altered", "x" * 9000])
    def test_with_a_token_that_is_not_ours_goes_back_to_the_payment(self, story, refused, token):
        answer = story.guichet.post(f"{story.follow_address()}recommencer/", {"token": token, "email": cast.MME_LEROY})
        assert answer.headers["Location"] == story.follow_address()
        assert len(story.attempts()) == 1

    def test_with_a_token_too_old_or_of_another_step_goes_back_to_the_payment(self, story, refused):
        recap = form_in(story.recap(), f"{FORM}payer/")
        address = f"{story.follow_address()}recommencer/"
        assert story.guichet.post(address, recap).headers["Location"] == story.follow_address()
        story.clock.pass_(minutes=31)
        assert story.press_again(refused).headers["Location"] == story.follow_address()

    def test_of_a_closed_product_says_that_it_is_closed(self, story, refused):
        with tenant(story.town.collectivite):
            type(story.product).objects.filter(pk=story.product.pk).update(is_open=False)
        assert story.press_again(refused).status_code == 409
        assert not says(story.follow(), "Recommencer")
