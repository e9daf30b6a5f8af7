"""What a payer is told of an invoice of our own base once he has typed its number with its amount, or with the payment
key that its notice prints: the guichet as it is served, and the ticket that he asks for again.
"""

import html
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from regal.agenda.models import Pace, Watch
from regal.checkout import notifications, pages
from regal.collectivites.models import Product
from regal.gateways.base import DebtKind
from regal.lib import http
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.checker import ask_before_another
from regal.payments.counter import record_receipt
from regal.payments.models import Attempt, Means
from regal.people.models import Role
from regal.receipts.models import Ticket
from regal.receipts.operations import ask_again
from regal.titres import operations
from regal.titres.links import link_token
from regal.titres.models import Titre
from regal.titres.payment_keys import payment_key, printed
from tests import cast
from tests.notices import run_due
from tests.test_regie_in_process import FORM, TYPED, Story, form_in, says, unsaid

pytestmark = pytest.mark.usefixtures("committed_db")

ROLE = "2025EA0000000412"
TICKET = f"{FORM}ticket/"


@pytest.fixture
def story(committed_db, guichet, monkeypatch):
    story = Story(guichet)
    for module in (pages, notifications):
        monkeypatch.setattr(module, "clock", story.clock)
    with http.replaced(story.payfip):
        yield story
    story.sandbox.close()


def by_key(story, key=None, **typed):
    return story.recap(amount="", key=key or printed(payment_key(story.titre)), **typed)


def shape(page):
    """A page without what its reader typed."""
    text = html.unescape(page.content.decode())
    return "".join(part for place, part in enumerate(text.split('"')) if place % 2 == 0)


class TestByKey:
    def test_leads_to_the_recap_of_what_is_due(self, story):
        answer = by_key(story)
        assert answer.status_code == 200
        assert not unsaid(answer, "84,70~€", "FC2026000042")
        assert not says(answer, "Mme Leroy")
        assert story.leave(answer).status_code == 303
        (attempt,) = story.attempts()
        assert attempt.amount == Money(8_470)

    @pytest.mark.parametrize("write", [str.lower, lambda key: key.replace("-", " "), lambda key: f" {key} "])
    def test_reads_the_key_as_people_write_it(self, story, write):
        assert by_key(story, write(printed(payment_key(story.titre)))).status_code == 200

    def test_shows_what_is_due_now_where_it_was_adjusted_since_the_notice(self, story):
        cast.reduce(story.titre, now=story.clock.now)
        assert not unsaid(by_key(story), "74,70~€")
        assert not says(by_key(story), "Le montant a changé")
        with_amount = story.recap(key=payment_key(story.titre))  # the amount of the notice beside it does not count
        assert not unsaid(with_amount, "74,70~€", "Le montant a changé~: vérifiez ci-dessous")

    def test_pays_nothing_but_what_was_read(self, story):
        recap = by_key(story)
        cast.reduce(story.titre, now=story.clock.now)
        again = story.leave(recap)
        assert again.status_code == 200
        assert not unsaid(again, "Le montant a changé", "74,70~€")
        assert story.attempts() == []
        assert story.leave(again).status_code == 303
        assert story.attempts()[0].amount == Money(7_470)
        story.clock.pass_(seconds=8)
        assert story.leave(recap).status_code == 409  # what it says is not what PayFiP asks

    def test_is_corrected_without_retyping_the_key(self, story):
        filled = story.guichet.post(FORM, form_in(by_key(story), f"{FORM}#main"))
        assert not unsaid(filled, f'value="{printed(payment_key(story.titre))}"', 'value="FC2026000042"')

    def test_gives_one_answer_whether_the_number_or_the_key_is_wrong(self, story):
        wrong_key, unknown = by_key(story, "00000-00000"), by_key(story, invoice="FC2026-999999")
        assert wrong_key.status_code == unknown.status_code == 422
        assert not unsaid(wrong_key, "Aucune facture ne porte ce numéro et cette clé", 'id="key-error"')
        assert shape(wrong_key) == shape(unknown)

    def test_beside_a_wrong_key_the_right_amount_does_not_count(self, story):
        assert story.recap(key="00000-00000").status_code == 422

    def test_says_what_a_key_looks_like(self, story):
        assert not unsaid(by_key(story, "7K3QF"), "La clé de paiement a dix lettres et chiffres", "Erreur~: Cantine")

    def test_is_heard_in_the_field_of_the_amount(self, story):
        key = printed(payment_key(story.titre))
        for typed in (key, key.lower(), f" {key.replace('-', ' ')} "):
            assert not unsaid(story.recap(amount=typed), "84,70~€", "FC2026000042")
        assert story.recap(amount=key, key="00000-00000").status_code == 422  # that of its own field counts alone
        wrong = story.recap(amount="7K3QF-M2X9D")
        assert wrong.status_code == 422
        assert not unsaid(wrong, "Aucune facture ne porte ce numéro et cette clé", 'id="amount-error"')

    @pytest.mark.parametrize(
        ("amount", "sentence"),
        [
            ("1234567890", "Un paiement en ligne est d’au plus 99~999,99~€"),
            ("1.234.567.890", "Ce montant peut se lire de deux façons"),
            ("7K3QF", "Ce montant ne se lit pas"),
        ],
    )
    def test_is_not_what_is_an_amount_or_no_key(self, story, amount, sentence):
        assert not unsaid(story.recap(amount=amount), sentence, 'id="amount-error"')

    def test_asks_for_an_amount_or_a_key(self, story):
        assert not unsaid(story.recap(amount=""), "ou la clé de paiement s’il y en a une")

    def test_of_an_amount_that_is_not_paid_here_says_so(self, story):
        with tenant(story.town.collectivite):
            Product.objects.filter(pk=story.product.pk).update(max_amount=Money(5_000))
        answer = by_key(story)
        assert answer.status_code == 422
        assert not unsaid(answer, "Ce montant n’est pas de ceux que l’on paie ici")

    def test_is_shown_in_the_picture_of_the_notice(self, story):
        assert not unsaid(story.guichet.get(FORM), "Clé de paiement", "7K3QF-M2X9D")

    def test_is_not_asked_where_the_debts_are_not_in_our_base(self, story):
        cast.make_product(story.town, DebtKind.REGIE, slug="piscine", numcli="099043")
        page = story.guichet.get("/saint-aubin/piscine/")
        assert not says(page, "Clé de paiement")
        sent = story.guichet.post("/saint-aubin/piscine/", TYPED | {"amount": "", "key": "7K3QF-M2X9D"})
        assert not unsaid(sent, "Indiquez le montant imprimé sur la facture")
        sent = story.guichet.post("/saint-aubin/piscine/", TYPED | {"amount": "7K3QF-M2X9D"})
        assert not unsaid(sent, "Ce montant ne se lit pas")

    def test_once_it_is_paid_says_so(self, story):
        pay(story)
        assert not unsaid(by_key(story), "Cette facture est déjà payée", "84,70~€")


def pay(story):
    """Mme Leroy pays, and her ticket arrives."""
    left = story.leave()
    story.at_payfip(left, "payer")
    story.pass_(minutes=1)
    assert story.is_paid()
    run_due(story.clock.now)


class TestTicketAgain:
    @pytest.fixture
    def paid(self, story):
        pay(story)
        mail.outbox.clear()
        return story

    def ask(self, story):
        return story.guichet.post(TICKET, form_in(story.recap(), f"{TICKET}#suite"))

    def test_leaves_for_the_address_that_paid_and_shows_none(self, paid):
        answer = self.ask(paid)
        assert answer.status_code == 200
        assert not unsaid(answer, "Votre demande est partie")
        assert not says(answer, cast.MME_LEROY)
        run_due(paid.clock.now)
        assert [letter.to for letter in mail.outbox] == [[cast.MME_LEROY]]
        with tenant(paid.town.collectivite):
            assert Ticket.objects.get(kind="again").asked_by is None

    def test_typed_by_somebody_else_goes_to_nobody_else(self, paid):
        paid.guichet.post(TICKET, form_in(paid.recap(email="autre@example.org"), f"{TICKET}#suite"))
        run_due(paid.clock.now)
        assert [letter.to for letter in mail.outbox] == [[cast.MME_LEROY]]

    def test_leaves_three_times_an_hour_at_most_and_the_answer_is_the_same(self, paid):
        answers = []
        for _ in range(5):
            answers.append(self.ask(paid).content)
            run_due(paid.clock.now)
        assert len(set(answers)) == 1
        assert len(mail.outbox) == 3
        paid.clock.pass_(minutes=61)
        self.ask(paid)
        run_due(paid.clock.now)
        assert len(mail.outbox) == 4

    def test_leaves_six_times_a_day_at_most_for_payers_and_again_for_an_agent(self, paid):
        for _ in range(8):
            answer = self.ask(paid)
            assert not unsaid(answer, "Votre demande est partie")
            run_due(paid.clock.now)
            paid.clock.pass_(minutes=61)
        assert len(mail.outbox) == 6
        (attempt,) = paid.attempts()
        with tenant(paid.town.collectivite):
            ask_again(attempt=attempt, user=cast.make_agent(paid.town, "paul", Role.REGISSEUR), now=paid.clock.now)
        run_due(paid.clock.now)
        assert len(mail.outbox) == 7
        paid.clock.pass_(hours=17)
        self.ask(paid)
        run_due(paid.clock.now)
        assert len(mail.outbox) == 8

    def test_pressed_twice_leaves_once(self, paid):
        recap = paid.recap()
        for _ in range(2):
            paid.guichet.post(TICKET, form_in(recap, f"{TICKET}#suite"))
        run_due(paid.clock.now)
        assert len(mail.outbox) == 1

    @pytest.mark.parametrize("token", ["", "x", "x" * 5000])
    def test_of_an_altered_token_sends_nothing(self, paid, token):
        assert paid.guichet.post(TICKET, {"token": token}).status_code == 400
        run_due(paid.clock.now)
        assert mail.outbox == []

    def test_of_another_product_s_token_sends_nothing(self, paid):
        cast.make_product(paid.town, DebtKind.REGIE, slug="musique", numcli="099044", gateway="payfip_ws")
        fields = form_in(paid.recap(), f"{TICKET}#suite")
        assert paid.guichet.post("/saint-aubin/musique/ticket/", fields).status_code == 400

    def test_of_an_old_page_sends_nothing(self, paid):
        fields = form_in(paid.recap(), f"{TICKET}#suite")
        paid.clock.pass_(minutes=31)
        answer = paid.guichet.post(TICKET, fields)
        assert answer.status_code == 400
        assert not unsaid(answer, "Erreur~:", "aucun ticket n’est parti", "Tapez à nouveau le numéro et le montant")
        assert not says(answer, "La page précédente n’a pas pu être relue")

    def test_typed_in_the_address_bar_leads_to_the_form(self, paid):
        answer = paid.guichet.get(TICKET)
        assert (answer.status_code, answer.headers["Location"]) == (302, FORM)

    def test_is_offered_by_the_link_too(self, paid):
        page = paid.guichet.get(f"/saint-aubin/avis/{link_token(paid.titre)}/")
        assert form_in(page, f"{TICKET}#suite")["token"]

    def test_is_not_offered_of_what_was_paid_at_the_counter(self, story):
        record_receipt(
            titre=story.titre,
            means=Means.CASH,
            amount=story.titre.amount,
            received_on=story.clock.now.date(),
            bank="",
            piece="",
            drawer="",
            form_token="a" * 43,
            now=story.clock.now,
        )
        answer = story.recap()
        assert not unsaid(answer, "déjà payée", "il n’y a pas de ticket", "une quittance")
        assert not says(answer, "Recevoir le ticket à nouveau")


class TestHeld:
    def test_says_since_when_until_when_and_what_to_do(self, story):
        story.leave()
        story.clock.pass_(minutes=4)
        answer = story.recap()
        assert not unsaid(answer, "Il a commencé à 9~h~00", "au plus tard à 9~h~20", "C’est vous~? Terminez là-bas")
        assert not unsaid(answer, "ne payez pas autrement", "Réessayer")

    def test_its_page_leads_on_once_it_is_paid_elsewhere(self, story):
        left = story.leave()
        held = story.recap()
        story.at_payfip(left, "payer")
        story.pass_(minutes=1)
        again = story.guichet.post(FORM, form_in(held, f"{FORM}#suite"))
        assert not unsaid(again, "Cette facture est déjà payée", "Recevoir le ticket à nouveau")


class TestDecided:
    def test_gives_the_regie_s_reason_of_a_cancelled_one(self, story):
        operations.cancel(
            titre=story.titre,
            reason="Doublon de la 41",
            payer_note="Facturée deux fois.",
            paid=lambda _: Money.zero,
            now=story.clock.now,
        )
        answer = story.recap()
        assert not unsaid(answer, "Cette facture est annulée", "Facturée deux fois.", "Vous aviez déjà payé~?")
        assert not says(answer, "Doublon")
        by_link = story.guichet.get(f"/saint-aubin/avis/{link_token(story.titre)}/")
        assert not unsaid(by_link, "Cette facture est annulée", "Facturée deux fois.")


class TestOfTheComptable:
    """A titre that the comptable collects, typed in the form of a régie."""

    @pytest.fixture
    def titre(self, story):
        return cast.make_comptable_titre(story.town)

    @pytest.mark.parametrize("typed", ["2026-412-1", "202600000412000001", "2026 00000412 000001"])
    def test_leads_to_its_own_form_filled_in(self, story, titre, typed):
        answer = story.recap(invoice=typed, amount="125,50")
        assert answer.status_code == 409
        assert not unsaid(answer, "Cet avis se paie sur un autre formulaire", "125,50~€", "Avis des sommes à payer")
        filled = story.guichet.post("/saint-aubin/titres/", form_in(answer, "/saint-aubin/titres/#main"))
        assert not unsaid(filled, 'value="2026"', 'value="412"', 'value="125,50"', f'value="{cast.MME_LEROY}"')

    def test_leads_there_from_a_rôle_s_reference_too(self, story):
        water = cast.make_product(story.town, DebtKind.ORMC, slug="eau", numcli="006390")
        cast.make_comptable_titre(story.town, product=water, reference=ROLE)
        assert form_in(story.recap(invoice="2025-EA-00-00000412", amount="125,50"), "/saint-aubin/eau/#main")

    @pytest.mark.parametrize(
        ("status", "said"),
        [
            ("closed", "Cet avis est déjà réglé"),
            ("cancelled", "Cet avis est annulé ou suspendu"),
            ("written_off", "Cet avis est annulé ou suspendu"),
            ("suspended", "Cet avis est annulé ou suspendu"),
            ("rejected", "Cet avis est annulé ou suspendu"),
        ],
    )
    def test_that_is_not_asked_for_says_so_as_its_link_does(self, story, titre, status, said):
        with tenant(story.town.collectivite):
            Titre.objects.filter(pk=titre.pk).update(status=status)
        answer = story.recap(invoice="2026-412-1", amount="125,50")
        assert answer.status_code == 409
        assert not unsaid(answer, said)
        assert not says(answer, "Il se paie aussi en ligne")

    def test_that_may_be_suspended_is_mended_in_its_own_form(self, story, titre):
        with tenant(story.town.collectivite):
            Titre.objects.filter(pk=titre.pk).update(status="suspended")
        answer = story.recap(invoice="2026-412-1", amount="125,50")
        mended = story.guichet.post("/saint-aubin/titres/", form_in(answer, "/saint-aubin/titres/#main"))
        assert not unsaid(mended, 'value="412"', 'value="125,50"')

    def test_is_told_to_nobody_who_lacks_its_amount(self, story, titre):
        wrong = story.recap(invoice="2026-412-1", amount="125,51")
        unknown = story.recap(invoice="2026-413-1", amount="125,51")
        assert wrong.status_code == unknown.status_code == 422
        assert shape(wrong) == shape(unknown)
        assert not unsaid(wrong, "Ce n’est pas le numéro d’une facture d’ici")

    def test_costs_the_same_whether_it_is_there_or_not(self, story, titre):
        story.recap(amount="1,11")
        costs = set()
        for typed in ("2026-412-1", "2026-413-1"):
            with CaptureQueriesContext(connection) as queries:
                story.recap(invoice=typed, amount="125,51")
            costs.add(len(queries))
        assert len(costs) == 1

    def test_of_a_closed_product_says_to_follow_the_notice(self, story, titre):
        with tenant(story.town.collectivite):
            Product.objects.filter(pk=story.town.product.pk).update(is_open=False)
        answer = story.recap(invoice="2026-412-1", amount="125,50")
        assert not unsaid(answer, "suivez ce qui est imprimé sur l’avis")
        assert "/saint-aubin/titres/" not in answer.content.decode()

    def test_of_the_next_town_is_unknown(self, story):
        cast.make_comptable_titre(cast.make_next_town())
        assert story.recap(invoice="2026-412-1", amount="125,50").status_code == 422


class TestAskedBeforeAnotherBegins:
    """The hold has ended: whether the first attempt was paid is asked before a second one leaves."""

    def test_who_was_paid_meanwhile_is_told_so_and_leaves_nowhere(self, story):
        story.is_deaf = True
        story.at_payfip(story.leave(), "payer")
        story.clock.pass_(minutes=20)  # and nobody has asked meanwhile
        answer = story.leave()
        assert answer.status_code == 409
        assert not unsaid(answer, "Cette facture est déjà payée")
        assert len(story.attempts()) == 1

    def test_goes_on_where_payfip_cannot_tell(self, story):
        story.leave()
        story.clock.pass_(minutes=20)
        assert story.leave(story.recap()).status_code == 303
        assert len(story.attempts()) == 2

    def test_the_question_falls_due_with_the_end_of_the_hold(self, story):
        story.leave()
        story.pass_(minutes=20, seconds=10)
        with tenant(story.town.collectivite):
            asked_at = Watch.objects.get(attempt_id=story.attempts()[0].pk).asked_at
        assert asked_at is not None
        assert asked_at >= cast.MORNING + timedelta(minutes=20)

    def test_goes_on_where_payfip_does_not_answer_and_does_not_wait_for_it(self, story):
        story.leave()
        story.clock.pass_(minutes=20)
        recap = story.recap()
        with tenant(story.town.collectivite):
            Pace.objects.filter(pk=story.product.account_id).update(failures=1)
        asked = Watch.objects.get(attempt_id=story.attempts()[0].pk).asked
        assert story.leave(recap).status_code == 303
        assert Watch.objects.get(attempt_id=story.attempts()[0].pk).asked == asked

    def test_asks_no_more_than_once_in_five_seconds(self, story):
        story.leave()
        story.clock.pass_(minutes=20)
        for _ in range(3):
            ask_before_another(titres=[story.titre], clock=story.clock)
        assert Watch.objects.get(attempt_id=story.attempts()[0].pk).asked == 1


class TestNobody:
    def test_is_named_on_any_of_these_pages(self, story):
        pages = [story.recap(), by_key(story)]
        story.leave()
        pages.append(story.recap())
        with tenant(story.town.collectivite):
            Attempt.objects.of(story.town.collectivite).update(status="refused")
        for page in pages:
            assert not says(page, "Mme Leroy")
            assert not says(page, "Cantine, octobre 2026")
