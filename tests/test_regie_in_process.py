"""A régie's invoice paid through PayFiP's web service: the guichet, the sandbox and the checker in one process.

The payer has neither cookie nor script. PayFiP is the sandbox; one clock drives everything.
"""

import html
import re
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest

import regal_sandbox
from regal.checkout import notifications, pages
from regal.gateways.base import DebtKind, Environment
from regal.gateways.payfip_ws.tests.answers import fault
from regal.lib import http
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, Payer
from regal.titres.models import Titre
from regal.titres.states import State as TitreState
from tests import cast
from tests.inquiries import Clock, check_until
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

    def test_reads_a_number_as_people_write_it(self, story):
        assert story.recap(invoice=" fc 2026 000042 ").status_code == 200

    def test_names_the_invoice_once_both_are_right_and_never_who_owes_it(self, story):
        answer = story.recap()
        assert not unsaid(answer, "Cantine, octobre 2026", "84,70~€", "FC2026000042")

    @pytest.mark.parametrize("state", [TitreState.SUSPENDED, TitreState.CANCELLED, TitreState.TRANSFERRED])
    def test_of_one_that_is_not_payable_now_sends_to_the_regie_and_gives_no_reason(self, story, state):
        story.change(status=state)
        answer = story.recap()
        assert answer.status_code == 409
        assert not unsaid(answer, "pas payable en ligne en ce moment", "FC2026000042", "84,70~€")
        story.change(status=TitreState.WRITTEN_OFF)
        other = re.sub(r'value="[^"]*"', "", story.recap().content.decode())
        assert re.sub(r'value="[^"]*"', "", answer.content.decode()) == other

    def test_is_slowed_down_for_who_asks_too_often(self, story):
        for _ in range(pages.MOST_LOOK_UPS):
            story.recap(invoice="FC2026-000043")
        assert story.recap().status_code == 429
        story.clock.pass_(minutes=1)
        assert story.recap().status_code == 200


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
        assert not unsaid(again, "Vérifiez avant de payer", "a été ouvert le 24 novembre 2026")
        assert story.leave(again).status_code == 303
        assert [attempt.warned for attempt in story.attempts()] == [False, True]

    def test_of_an_invoice_cancelled_since_the_recap_is_refused(self, story):
        recap = story.recap()
        story.change(status=TitreState.CANCELLED)
        assert not unsaid(story.leave(recap), "pas payable en ligne en ce moment")
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
    def test_ends_paid_and_the_invoice_is_told_paid(self, story):
        story.at_payfip(story.leave(), "payer")
        story.pass_(seconds=10)
        assert (story.statuses(), story.is_paid()) == (["paid"], True)
        assert not unsaid(story.recap(), "Cette facture est déjà payée", "depuis le 24 novembre 2026")
