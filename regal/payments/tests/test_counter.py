"""Money received otherwise than online, and reversals: what each writes, and what each refuses."""

import dataclasses
from datetime import date
from functools import partial
from typing import Any

import pytest

from regal.audit.models import AuditEntry
from regal.cases.models import Case, Kind
from regal.gateways.base import Environment, Outcome, Rank
from regal.journal.models import Entry
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments import counter_refusals as refusals
from regal.payments.counter import record_receipt
from regal.payments.models import Allocation, Attempt, Cause, CounterPerson, CounterReceipt, Means, Reversal, Settlement
from regal.payments.queries import balance_of, left_after, paid_of
from regal.payments.refusals import TitreNotPayable
from regal.payments.reversing import causes_of, reverse
from regal.payments.standing import Standing
from regal.people.models import Role
from regal.titres import operations as titres
from regal.titres.models import Direction, Titre
from regal.titres.refusals import BadAmount, CardNumber, MissingReason, Refusal
from tests import cast, notices, proof
from tests.at_once import at_once
from tests.cast import MORNING, later

pytestmark = pytest.mark.usefixtures("committed_db")

DUE = Money(8_470)


@pytest.fixture
def town(committed_db):
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return cast.make_canteen(town, environment=Environment.PRODUCTION)


@pytest.fixture
def in_parts(canteen):
    with tenant(canteen.collectivite_id):
        canteen.partial_payment = True
        canteen.save(update_fields=["partial_payment"])
    return canteen


@pytest.fixture
def titre(canteen):
    return cast.make_titre(canteen)


def receive(titre: Titre, *, now: Any = None, **changes: Any) -> CounterReceipt:
    usual: dict[str, Any] = {
        "means": Means.CASH,
        "amount": DUE,
        "received_on": date(2026, 11, 24),
        "form_token": tokens.new_token(),
        "now": now or later(hours=1),
    }
    return record_receipt(titre=titre, **(usual | changes))


def settled(receipt: CounterReceipt) -> Settlement:
    with tenant(receipt.collectivite_id):
        return Settlement.objects.get(collectivite=receipt.collectivite_id, receipt=receipt)


def settled_online(attempt: Any) -> Settlement:
    with tenant(attempt.collectivite_id):
        return Settlement.objects.get(collectivite=attempt.collectivite_id, attempt=attempt)


def hear(town: cast.Town, attempt: Any, outcome: Outcome = Outcome.PAID, *, now: Any, **changes: Any) -> None:
    """The other side says something of an attempt on its own account."""
    with tenant(attempt.collectivite_id):
        own = dataclasses.replace(town, product=attempt.product, account=attempt.account)
    notices.hear(own, attempt, notices.notice(own, attempt, outcome, **changes), now=now)


def undo(settlement: Settlement, cause: str = Cause.TYPING_ERROR, **changes: Any) -> Reversal:
    usual: dict[str, Any] = {"reason": "Tapé deux fois", "now": later(hours=2)}
    return reverse(settlement=settlement, cause=cause, **(usual | changes))


def kept(titre: Titre) -> Titre:
    with tenant(titre.collectivite_id):
        return Titre.objects.select_related("product").get(pk=titre.pk)


def left(titre: Titre) -> Money:
    with tenant(titre.collectivite_id):
        return balance_of(titre)


class TestMoneyReceivedAtTheCounter:
    @pytest.mark.parametrize("means", Means)
    def test_pays_the_titre_whatever_its_means(self, titre, means):
        receipt = receive(titre, means=means, bank="Banque Postale", piece="0012345", book_number="417")
        assert kept(titre).paid_at == later(hours=1)
        assert left(titre) == Money.zero
        with tenant(titre.collectivite_id):
            [entry] = Entry.objects.filter(kind="settlement")
        assert (entry.amount, entry.means, entry.regie_id, entry.receipt_id) == (
            DUE,
            means,
            titre.regie_id,
            receipt.pk,
        )
        assert (entry.account_id, entry.attempt_id, entry.environment) == (None, None, "production")
        assert entry.digests == [receipt.digest]
        assert entry.accounting_day == date(2026, 11, 24)
        assert proof.broken() == ()

    def test_is_entered_by_somebody_and_the_act_is_written_down(self, town, titre):
        paul = cast.make_agent(town, "paul", Role.REGISSEUR)
        receipt = receive(titre, actor_id=paul.pk)
        assert receipt.made_by_id == paul.pk
        with tenant(titre.collectivite_id):
            act = AuditEntry.objects.get(action="record_receipt")
            assert Entry.objects.get(kind="settlement").author == str(paul.pk)
        assert (act.actor_id, act.subject) == (paul.pk, f"titre {titre.pk}")
        assert act.after == {"receipt": receipt.pk, "means": "cash", "amount_cents": 8_470}

    def test_keeps_what_may_name_a_person_apart(self, titre):
        receipt = receive(titre, means=Means.CHEQUE, bank="CIC", piece="12", drawer="M. Leroy", label="ignored")
        with tenant(titre.collectivite_id):
            person = CounterPerson.objects.get()
            assert (person.receipt_id, person.drawer, person.label) == (receipt.pk, "M. Leroy", "")
            person.delete()  # as a purge does
        assert proof.broken() == ()

    def test_of_yesterday_is_in_the_books_of_yesterday(self, titre):
        receive(titre, received_on=date(2026, 11, 25), now=later(days=2))
        with tenant(titre.collectivite_id):
            assert Entry.objects.get(kind="settlement").accounting_day == date(2026, 11, 25)
        assert proof.broken() == ()

    def test_in_the_test_of_a_contract_is_real_all_the_same(self, town):
        tried = cast.make_canteen(town, numcli="006384", slug="essai", environment=Environment.TEST)
        receipt = receive(cast.make_titre(tried))
        assert settled(receipt).environment == "production"
        assert proof.broken() == ()

    def test_sent_twice_by_one_form_is_one(self, titre):
        token = tokens.new_token()
        first, second = receive(titre, form_token=token), receive(titre, form_token=token)
        assert first.pk == second.pk
        with pytest.raises(refusals.FormUsed):
            receive(titre, form_token=token, means=Means.CARD)
        with tenant(titre.collectivite_id):
            assert Settlement.objects.count() == 1


class TestWhatIsNotReceived:
    @pytest.mark.parametrize("cents", [0, -1, -8_470])
    def test_nothing_or_less(self, titre, cents):
        with pytest.raises(BadAmount):
            receive(titre, amount=Money(cents))

    @pytest.mark.parametrize("cents", [8_471, 9_999_999_99, 10**17])
    def test_more_than_is_left(self, titre, cents):
        with pytest.raises(refusals.TooMuch) as told:
            receive(titre, amount=Money(cents))
        assert "84,70" in str(told.value)

    def test_a_part_where_the_product_does_not_allow_it(self, titre):
        with pytest.raises(refusals.NotInPart):
            receive(titre, amount=Money(4_000))

    @pytest.mark.parametrize("day", [date(2026, 11, 23), date(2026, 11, 25), date(2036, 1, 1)])
    def test_before_the_invoice_or_in_the_future(self, titre, day):
        with pytest.raises(refusals.BadDay):
            receive(titre, received_on=day)

    @pytest.mark.parametrize("missing", ["bank", "piece"])
    def test_a_cheque_without_its_voucher(self, titre, missing):
        with pytest.raises(refusals.MissingVoucher) as told:
            receive(titre, means=Means.CHEQUE, **({"bank": "CIC", "piece": "12"} | {missing: " "}))
        assert told.value.field == missing

    def test_a_card_number_for_a_slip(self, titre):
        with pytest.raises(CardNumber):
            receive(titre, means=Means.CARD, piece="4539 5787 6362 1486")

    def test_a_text_too_long(self, titre):
        with pytest.raises(refusals.TooLong):
            receive(titre, book_number="1" * 21)

    def test_for_a_titre_of_the_comptable_or_that_is_not_due(self, canteen):
        made = [cast.make_titre(canteen, reference=f"FC202600020{place}") for place in range(4)]
        why: dict[str, Any] = {"reason": "Un motif", "now": MORNING}
        titres.cancel(titre=made[0], paid=paid_of, **why)
        titres.transfer(titre=made[1], **why)
        titres.write_off(titre=made[2], **why)
        receive(made[3])
        for titre in made:
            with pytest.raises(refusals.NothingDue):
                receive(titre)

    def test_when_something_else_is_left_than_the_page_showed(self, titre):
        cast.reduce(titre)
        with pytest.raises(refusals.ChangedSince):
            receive(titre, left_shown=DUE)
        receive(titre, amount=Money(7_470), left_shown=Money(7_470))


class TestWhileSomebodyPaysOnline:
    def test_it_waits_unless_the_money_is_there(self, town, titre):
        attempt = cast.leave_with(titre)
        with pytest.raises(refusals.BeingPaidOnline) as told:
            receive(titre, now=later(minutes=5))
        assert "24 novembre" in str(told.value) or "24/11" in str(told.value)
        receive(titre, told_of_hold=True, now=later(minutes=5))
        hear(town, attempt, now=later(minutes=6))
        with tenant(titre.collectivite_id):
            [case] = Case.objects.filter(kind=Kind.EXCESS)
            assert case.facts["excess_cents"] == DUE.cents
            assert paid_of(titre) == DUE
        assert proof.broken() == ()

    def test_nobody_begins_once_it_is_received(self, titre):
        receive(titre)
        with pytest.raises(TitreNotPayable) as told:
            cast.leave_with(titre, amount=DUE, now=later(hours=2))
        assert told.value.reason == "paid"


class TestAReversal:
    def test_makes_the_titre_due_again(self, titre):
        receipt = receive(titre, means=Means.CHEQUE, bank="CIC", piece="12")
        undo(settled(receipt), Cause.UNPAID_CHEQUE)
        assert kept(titre).paid_at is None
        assert left(titre) == DUE
        with tenant(titre.collectivite_id):
            entry, reversal = Entry.objects.order_by("number")
            assert (Allocation.objects.count(), Settlement.objects.count()) == (1, 1)
        assert (reversal.kind, reversal.corrects_id, reversal.amount) == ("reversal", entry.pk, DUE)
        assert reversal.reason == "unpaid_cheque"
        assert proof.broken() == ()
        receive(titre, now=later(hours=3))
        assert kept(titre).paid_at is not None
        assert proof.broken() == ()

    def test_is_done_once(self, titre):
        settlement = settled(receive(titre))
        undo(settlement)
        with pytest.raises(refusals.AlreadyReversed):
            undo(settlement)

    def test_of_an_online_payment_after_which_another_pays(self, town, titre):
        first = cast.leave_with(titre)
        hear(town, first, now=later(minutes=1))
        undo(settled_online(first), Cause.CHARGEBACK)
        with tenant(titre.collectivite_id):
            first.refresh_from_db()
        assert (first.status, first.is_reversed, first.standing) == ("paid", True, Standing.REVERSED)
        assert proof.broken() == ()
        second = cast.leave_with(titre, key=cast.IDOP.replace("42", "43"), now=later(hours=3))
        hear(town, second, now=later(hours=4))
        assert kept(titre).paid_at is not None
        assert proof.broken() == ()
        with tenant(titre.collectivite_id):
            assert not Case.objects.filter(kind=Kind.EXCESS).exists()

    def test_closes_the_case_of_money_that_is_gone(self, town, titre):
        attempt = cast.leave_with(titre)
        receive(titre, told_of_hold=True, now=later(minutes=5))
        hear(town, attempt, now=later(minutes=6))
        undo(settled_online(attempt), Cause.REJECTED)
        with tenant(titre.collectivite_id):
            assert Case.objects.get(kind=Kind.EXCESS).closed_rule == "reversed"
        assert kept(titre).paid_at is not None  # the cash still pays it
        assert proof.broken() == ()

    def test_needs_a_cause_that_fits_and_a_reason(self, town, titre):
        settlement = settled(receive(titre))
        for cause in ("", "unpaid_cheque", "chargeback", "nonsense"):
            with pytest.raises(refusals.NotThisCause):
                undo(settlement, cause)
        with pytest.raises(MissingReason):
            undo(settlement, reason=" x ")
        assert causes_of(settlement) == (Cause.TYPING_ERROR, Cause.GIVEN_BACK)

    def test_of_a_test_is_nothing(self, town):
        tried = cast.make_canteen(town, numcli="006384", slug="essai", environment=Environment.TEST)
        attempt = cast.leave_with(cast.make_titre(tried))
        hear(town, attempt, now=later(minutes=1))
        with pytest.raises(refusals.TrialMoney):
            undo(settled_online(attempt), Cause.REJECTED)

    def test_lets_a_titre_be_reduced_and_cancelled_again(self, titre):
        undo(settled(receive(titre)))
        cast.reduce(titre, now=later(hours=3))
        titres.cancel(titre=titre, reason="Un motif", paid=paid_of, now=later(hours=4))
        assert proof.broken() == ()

    def test_leaves_a_repeated_proof_without_effect(self, town, titre):
        attempt = cast.leave_with(titre)
        hear(town, attempt, now=later(minutes=1))
        undo(settled_online(attempt), Cause.CHARGEBACK)
        hear(town, attempt, rank=Rank.FILED, now=later(hours=5))
        hear(town, attempt, Outcome.REFUSED, now=later(hours=6))
        assert kept(titre).paid_at is None
        assert proof.broken() == ()


class TestPartsOfADebt:
    def test_are_received_where_the_product_allows_it(self, in_parts):
        titre = cast.make_titre(in_parts)
        first = receive(titre, amount=Money(4_000))
        assert kept(titre).paid_at is None
        assert left(titre) == Money(4_470)
        receive(titre, amount=Money(4_470), now=later(hours=2))
        assert kept(titre).paid_at == later(hours=2)
        undo(settled(first), now=later(hours=3))
        assert kept(titre).paid_at is None
        assert left(titre) == Money(4_000)
        assert proof.broken() == ()

    def test_are_known_without_summing(self, in_parts):
        titre = cast.make_titre(in_parts)
        known = [kept(titre).is_paid_in_part]
        first = receive(titre, amount=Money(4_000))
        known.append(kept(titre).is_paid_in_part)
        second = receive(titre, amount=Money(4_470), now=later(hours=2))
        known.append(kept(titre).is_paid_in_part)
        undo(settled(first), now=later(hours=3))
        known.append(kept(titre).is_paid_in_part)
        undo(settled(second), now=later(hours=4))
        known.append(kept(titre).is_paid_in_part)
        assert known == [False, True, False, True, False]
        assert proof.broken() == ()

    def test_reach_what_is_due_once_it_is_reduced(self, in_parts):
        titre = cast.make_titre(in_parts)
        receive(titre, amount=Money(4_000))
        titres.adjust(
            titre=kept(titre),
            direction=Direction.DECREASE,
            amount=Money(4_470),
            reason="Erreur de tarif",
            now=later(hours=2),
            paid=paid_of,
        )
        assert (kept(titre).paid_at, kept(titre).is_paid_in_part) == (later(hours=2), False)
        assert proof.broken() == ()

    def test_leave_what_can_still_be_paid_online(self, in_parts):
        titre = cast.make_titre(in_parts)
        least = in_parts.min_amount
        for amount in (DUE - Money(1), least - Money(1)):
            with pytest.raises(refusals.BadPart):
                receive(titre, amount=amount)
        receive(titre, amount=DUE - least)

    def test_are_paid_online_too(self, town, in_parts):
        titre = cast.make_titre(in_parts)
        attempt = cast.leave_with(titre, amount=Money(4_000))
        hear(town, attempt, now=later(minutes=1))
        assert left(titre) == Money(4_470)
        assert self.told_left(attempt) == Money(4_470)
        assert kept(titre).paid_at is None
        rest = cast.leave_with(titre, key=cast.IDOP.replace("42", "43"), now=later(hours=1))
        hear(town, rest, now=later(hours=2))
        assert kept(titre).paid_at is not None
        assert self.told_left(rest) is None
        assert proof.broken() == ()

    def told_left(self, attempt):
        """What the payer's page says that remains."""
        with tenant(attempt.collectivite_id):
            return left_after(Attempt.objects.select_related("titre", "product").get(pk=attempt.pk))

    def test_are_refused_online_where_the_product_does_not(self, titre):
        with pytest.raises(TitreNotPayable):
            cast.leave_with(titre, amount=Money(4_000))

    def test_leave_the_hold_to_be_respected(self, in_parts):
        titre = cast.make_titre(in_parts)
        cast.leave_with(titre, amount=Money(4_000))
        with pytest.raises(refusals.BeingPaidOnline):
            receive(titre, amount=Money(4_470), now=later(minutes=2))


class TestAtTheSameTime:
    def test_two_clerks_record_it_once(self, committed_db):
        canteen = cast.make_canteen(cast.make_saint_aubin(), environment=Environment.PRODUCTION)
        for number in range(5):
            titre = cast.make_titre(canteen, reference=f"FC202600100{number}")
            done = at_once(*[partial(receive, titre, left_shown=DUE)] * 4)
            assert [isinstance(one, CounterReceipt) for one in done].count(True) == 1, done
            assert [isinstance(one, Refusal) for one in done].count(True) == 3, done
        assert proof.broken() == ()

    def test_one_form_sent_four_times_is_one(self, committed_db):
        canteen = cast.make_canteen(cast.make_saint_aubin(), environment=Environment.PRODUCTION)
        titre, token = cast.make_titre(canteen), tokens.new_token()
        done = at_once(*[partial(receive, titre, form_token=token)] * 4)
        assert len({one.pk for one in done if isinstance(one, CounterReceipt)}) == 1, done
        assert not any(isinstance(one, Exception) for one in done), done

    def test_a_clerk_and_a_payer_queue(self, committed_db):
        canteen = cast.make_canteen(cast.make_saint_aubin(), environment=Environment.PRODUCTION)
        for number in range(5):
            titre = cast.make_titre(canteen, reference=f"FC202600100{number}")
            key = cast.IDOP[:-1] + str(number)
            done = at_once(partial(receive, titre), partial(cast.leave_with, titre, key=key, now=later(hours=1)))
            assert [isinstance(one, refusals.BeingPaidOnline | TitreNotPayable) for one in done].count(True) == 1, done
        assert proof.broken() == ()

    def test_one_settlement_is_reversed_once(self, committed_db):
        canteen = cast.make_canteen(cast.make_saint_aubin(), environment=Environment.PRODUCTION)
        settlement = settled(receive(cast.make_titre(canteen)))
        done = at_once(*[partial(undo, settlement)] * 4)
        assert [isinstance(one, Reversal) for one in done].count(True) == 1, done
        assert [isinstance(one, refusals.AlreadyReversed) for one in done].count(True) == 3, done
        assert proof.broken() == ()
