"""From a deposited file of remises to confirmed payments: what Paybox sent to the bank proves, or contradicts."""

import dataclasses
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from regal.cases.models import Case, Kind
from regal.gateways.base import DebtKind, Environment, Outcome, Rank
from regal.gateways.files import FileKind, NotThisFile
from regal.gateways.paybox_files.tests.tables import Line, remise
from regal.journal.models import Entry
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, AttemptEvent, Evidence, Settlement
from regal.payments.states import Event, State
from regal.reconciliation import operations, queries, refusals
from regal.reconciliation.matching import Result
from regal.reconciliation.models import DepositedFile, FiledLine
from tests import cast, notices
from tests.cast import MORNING, later
from tests.files import DAY, collected, leave_for_paybox
from tests.notices import run_due

pytestmark = pytest.mark.django_db

NEXT_DAY = later(days=1)
CONTRACT = "2718281-01-314159265"


@pytest.fixture
def town():
    return cast.make_town(
        slug="saint-aubin",
        name="Saint-Aubin",
        numcli="006382",
        agent="nadia",
        origin="https://saint-aubin.example",
        environment=Environment.PRODUCTION,
    )


def contract(town, identifier=CONTRACT, *, slug="cantine", environment=Environment.PRODUCTION):
    """A régie's product, paid on Paybox's page."""
    return cast.make_product(
        town, DebtKind.REGIE, slug=slug, numcli=identifier, gateway="paybox", environment=environment
    )


@pytest.fixture
def canteen(town):
    return contract(town)


def deposit(town, content, *, name="remise.csv", now=NEXT_DAY):
    with tenant(town.collectivite):
        return operations.deposit(
            collectivite=town.collectivite,
            content=content,
            name=name,
            account_identifier="",
            actor_id=town.agent.pk,
            now=now,
        )


def confirm(town, file, *, now=NEXT_DAY, **days):
    with tenant(town.collectivite):
        file.refresh_from_db()
        covers = {"covers_from": file.covers_from, "covers_to": file.covers_to} | days
        operations.confirm(collectivite=town.collectivite, file_id=file.pk, actor_id=town.agent.pk, now=now, **covers)
    run_due(now)
    with tenant(town.collectivite):
        file.refresh_from_db()
    assert file.confirmed_at is not None
    return file


def file_it(town, *lines, now=NEXT_DAY, **days):
    return confirm(town, deposit(town, remise(lines), now=now), now=now, **days)


def report(town, file):
    with tenant(town.collectivite):
        found = queries.file_numbered(collectivite=town.collectivite, file_id=file.pk)
        assert found is not None
        return operations.examine(found)


def results(town, file):
    with tenant(town.collectivite):
        return [(Result(one.result), one.attempt_id) for one in queries.lines_of(file=file)]


def cases(town):
    with tenant(town.collectivite):
        return [(Kind(one.kind), one.subject_kind, one.subject_id) for one in Case.objects.order_by("pk")]


def state(town, attempt):
    with tenant(town.collectivite):
        return Attempt.objects.get(pk=attempt.pk).status


def settlement(town, attempt):
    with tenant(town.collectivite):
        return Settlement.objects.get(attempt=attempt.pk)


def events(town, attempt):
    with tenant(town.collectivite):
        found = AttemptEvent.objects.filter(attempt=attempt.pk).order_by("number")
        return [one.event for one in found]


def count(town, *models):
    with tenant(town.collectivite):
        return {model.__name__: model.objects.count() for model in models}


def prove(town, attempt, *, transaction=None, call="1", now=MORNING):
    """Paybox Direct answered that it is paid."""
    identifier = attempt.account.identifier
    said = notices.notice(town, attempt, Outcome.PAID, rank=Rank.ASKED, account_identifier=identifier, occurred_at=now)
    if transaction is not None:
        facts = {**said.facts, "transaction": transaction, "call": call}
        said = dataclasses.replace(said, transaction=transaction, call=call, facts=facts)
    return notices.hear(town, attempt, said, now=now)


class TestAPaymentWhoseMessageWasLost:
    def test_is_found_again_with_the_hour_of_the_file(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        file = file_it(town, collected(attempt, hour="10:15:30"))
        assert results(town, file) == [(Result.CONFIRMED, attempt.pk)]
        assert state(town, attempt) == State.PAID
        found = settlement(town, attempt)
        assert (found.rank, found.amount, found.accounting_day) == (Rank.FILED, Money(12_550), DAY)
        assert found.transaction == str(attempt.pk)
        assert found.occurred_at == datetime(2026, 11, 24, 9, 15, 30, tzinfo=UTC)
        assert count(town, Entry, Settlement)["Settlement"] == 1

    def test_keeps_what_the_file_says_of_it_and_no_address(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        file_it(town, collected(attempt))
        with tenant(town.collectivite):
            evidence = Evidence.objects.get(attempt=attempt.pk)
            line = FiledLine.objects.get()
        assert evidence.facts["transaction"] == str(attempt.pk)
        assert evidence.facts["authorisation"] == "482913"
        assert evidence.facts["remittance"] == "417"
        assert "@" not in str(evidence.facts)
        assert (line.contract, line.transaction, line.remittance) == ("2718281-01", str(attempt.pk), "417")

    def test_pays_its_invoice(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        file_it(town, collected(attempt))
        with tenant(town.collectivite):
            attempt.titre.refresh_from_db()
        assert attempt.titre.paid_at is not None

    @pytest.mark.parametrize("status", [State.REFUSED, State.ABANDONED, State.EXPIRED_PRESUMED])
    def test_is_found_whatever_was_thought_of_it(self, town, canteen, status):
        attempt = leave_for_paybox(canteen)
        with tenant(town.collectivite):
            Attempt.objects.filter(pk=attempt.pk).update(status=status)
        file_it(town, collected(attempt))
        assert state(town, attempt) == State.PAID

    def test_is_found_in_a_file_of_last_month(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        file_it(town, collected(attempt), now=later(days=40))
        assert settlement(town, attempt).accounting_day == DAY


class TestAPaymentProvedBefore:
    def test_by_direct_is_confirmed_once_more(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        prove(town, attempt)
        file = file_it(town, collected(attempt))
        assert results(town, file) == [(Result.ALREADY, attempt.pk)]
        assert events(town, attempt)[-1] == Event.CONFIRMED
        assert settlement(town, attempt).rank == Rank.ASKED

    def test_provisionally_becomes_firm(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        prove(town, attempt)
        with tenant(town.collectivite):
            Attempt.objects.filter(pk=attempt.pk).update(is_provisional=True)
        file = file_it(town, collected(attempt))
        assert results(town, file) == [(Result.FIRM, attempt.pk)]
        assert events(town, attempt)[-1] == Event.CONFIRMED
        with tenant(town.collectivite):
            assert not Attempt.objects.get(pk=attempt.pk).is_provisional


class TestAnotherAmount:
    def test_confirms_nothing_and_waits_for_a_person(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        file = file_it(town, collected(attempt, cents=1))
        assert results(town, file) == [(Result.OTHER_AMOUNT, attempt.pk)]
        assert state(town, attempt) == State.HANDED_OFF
        assert cases(town) == [(Kind.OTHER_AMOUNT, "attempt", attempt.pk)]


class TestASecondTransaction:
    def test_of_one_attempt_is_no_second_settlement_but_a_case_with_its_amount(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        first, second = collected(attempt), collected(attempt, transaction="9000000001", hour="11:00:00")
        file = deposit(town, remise([second, first]))
        assert report(town, file).cases[Kind.DOUBLE_PAYMENT] == 1
        confirm(town, file)
        assert results(town, file) == [(Result.PAID_TWICE, attempt.pk), (Result.CONFIRMED, attempt.pk)]
        with tenant(town.collectivite):
            case, line = Case.objects.get(), FiledLine.objects.get(result=Result.PAID_TWICE)
        assert (case.kind, case.subject_kind, case.subject_id) == (Kind.DOUBLE_PAYMENT, "filed_line", line.pk)
        assert (case.facts["filed_cents"], case.facts["attempts"]) == (12_550, [attempt.pk])
        assert count(town, Settlement) == {"Settlement": 1}

    def test_in_a_later_file_too(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        file_it(town, collected(attempt))
        file = file_it(town, collected(attempt, transaction="9000000001"), now=later(days=2))
        assert results(town, file) == [(Result.PAID_TWICE, attempt.pk)]
        assert [kind for kind, _, _ in cases(town)] == [Kind.DOUBLE_PAYMENT]

    def test_than_the_one_that_settled_it_is_not_its_confirmation(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        prove(town, attempt, transaction="5329117")
        file = file_it(town, collected(attempt, transaction="5329118"))
        assert results(town, file) == [(Result.PAID_TWICE, attempt.pk)]
        assert Event.CONFIRMED not in events(town, attempt)


@pytest.mark.parametrize("kind", ["CRE", "ANU"])
class TestMoneyThatWentBack:
    def test_moves_nothing_and_is_told_of_a_payment(self, town, canteen, kind):
        attempt = leave_for_paybox(canteen)
        prove(town, attempt)
        file = deposit(town, remise([collected(attempt, type=kind)]))
        assert report(town, file).cases[Kind.CONTRADICTION] == 1
        confirm(town, file)
        assert state(town, attempt) == State.PAID
        assert cases(town) == [(Kind.CONTRADICTION, "attempt", attempt.pk)]
        with tenant(town.collectivite):
            assert Case.objects.get().facts["filed_cents"] == 12_550

    def test_of_a_payment_that_nobody_knew_paid_says_nothing(self, town, canteen, kind):
        attempt = leave_for_paybox(canteen)
        file = file_it(town, collected(attempt, type=kind))
        assert results(town, file)[0][1] == attempt.pk
        assert (state(town, attempt), cases(town)) == (State.HANDED_OFF, [])

    def test_is_told_when_the_payment_is_found_later(self, town, canteen, kind):
        attempt = leave_for_paybox(canteen)
        back = collected(attempt, type=kind, transaction="9000000001")
        file_it(town, back)
        file_it(town, collected(attempt), now=later(days=2))
        assert state(town, attempt) == State.PAID
        assert cases(town) == [(Kind.CONTRADICTION, "attempt", attempt.pk)]

    def test_of_nobody_we_know_is_counted(self, town, canteen, kind):
        file = file_it(town, Line(type=kind))
        assert results(town, file) == [(Result.REFUND if kind == "CRE" else Result.CANCELLED, None)]


class TestACancelledTransaction:
    def test_that_the_same_file_says_paid_is_not_paid(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        file = file_it(town, collected(attempt), collected(attempt, type="ANU"))
        assert {result for result, _ in results(town, file)} == {Result.CANCELLED}
        assert state(town, attempt) == State.HANDED_OFF


class TestHowALineNamesItsAttempt:
    def test_by_the_transaction_that_a_message_named_where_the_reference_is_another_s(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        prove(town, attempt, transaction="5329117")
        file = file_it(town, collected(attempt, reference="autre", transaction="0005329117"))
        assert results(town, file) == [(Result.ALREADY, attempt.pk)]

    def test_by_the_call_at_last(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        prove(town, attempt, transaction="5329117", call="0010244812")
        file = file_it(town, collected(attempt, reference="", call="10244812", transaction="5329118"))
        assert results(town, file) == [(Result.PAID_TWICE, attempt.pk)]

    def test_by_nothing_was_paid_elsewhere(self, town, canteen):
        leave_for_paybox(canteen)
        file = file_it(town, Line(reference="Panier 12"))
        assert results(town, file) == [(Result.ELSEWHERE, None)]
        assert cases(town) == []

    def test_by_the_reference_of_one_and_the_transaction_of_another_confirms_neither(self, town, canteen):
        one, other = leave_for_paybox(canteen), leave_for_paybox(canteen)
        prove(town, one, transaction="5329117")
        file = file_it(town, collected(other, transaction="5329117"))
        assert results(town, file) == [(Result.AMBIGUOUS, None)]
        assert (state(town, other), events(town, one)[-1]) == (State.HANDED_OFF, Event.SETTLED)
        assert [kind for kind, _, _ in cases(town)] == [Kind.AMBIGUOUS_LINE]


class TestWhoseFile:
    def test_of_two_contracts_confirms_the_payments_of_both(self, town, canteen):
        pool = contract(town, "2718281-02-314159266", slug="piscine")
        one, other = leave_for_paybox(canteen), leave_for_paybox(pool)
        file = file_it(town, collected(one), collected(other))
        assert file.contract_names == ["2718281-01", "2718281-02"]
        assert {state(town, attempt) for attempt in (one, other)} == {State.PAID}

    def test_of_ours_and_another_leaves_the_other_out_and_counts_it(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        file = deposit(town, remise([collected(attempt), Line(site="7654321"), Line(rank="03")]))
        assert (file.count, file.left_out, file.total) == (1, 2, Money(12_550))
        confirm(town, file)
        assert len(results(town, file)) == 1

    def test_says_nothing_of_the_same_reference_on_another_contract(self, town, canteen):
        contract(town, "2718281-02-314159266", slug="piscine")
        attempt = leave_for_paybox(canteen)
        file = file_it(town, collected(attempt, rank="02"))
        assert results(town, file) == [(Result.ELSEWHERE, None)]
        assert state(town, attempt) == State.HANDED_OFF

    def test_of_none_of_our_contracts_is_refused_with_both(self, town, canteen):
        with pytest.raises(refusals.ForeignContract) as refused:
            deposit(town, remise([Line(site="7654321")]))
        assert "7654321-01" in str(refused.value)
        assert "2718281-01" in str(refused.value)

    def test_of_the_town_next_door_is_refused(self, town, canteen):
        next_town = cast.make_next_town()
        contract(next_town, "1618033-01-271828182")
        with pytest.raises(refusals.ForeignContract):
            deposit(town, remise([Line(site="1618033")]))

    def test_of_a_contract_in_test_is_refused(self, town):
        contract(town, environment=Environment.TEST)
        with pytest.raises(refusals.NoPayboxContract):
            deposit(town, remise([Line()]))

    def test_confirms_the_first_real_payment_too(self, town):
        attempt = leave_for_paybox(contract(town, environment=Environment.ACTIVATION))
        file_it(town, collected(attempt))
        assert state(town, attempt) == State.PAID

    def test_never_meets_an_attempt_of_the_test_platform(self, town, canteen):
        trial = leave_for_paybox(contract(town, canteen.account.identifier, slug="essai", environment=Environment.TEST))
        file = file_it(town, collected(trial))
        assert results(town, file) == [(Result.ELSEWHERE, None)]
        assert state(town, trial) == State.HANDED_OFF

    def test_is_no_choice_for_a_statement_of_payfip(self, town, canteen):
        with tenant(town.collectivite):
            assert queries.regie_accounts(collectivite=town.collectivite) == []


class TestTheSameAgain:
    def test_bytes_are_refused(self, town, canteen):
        content = remise([collected(leave_for_paybox(canteen))])
        confirm(town, deposit(town, content))
        with pytest.raises(refusals.AlreadyDeposited):
            deposit(town, content)

    def test_lines_in_another_file_change_nothing(self, town, canteen):
        attempt, other = leave_for_paybox(canteen), leave_for_paybox(canteen)
        lines = [collected(attempt), Line(reference="x", transaction="77"), collected(attempt, type="CRE")]
        file_it(town, *lines)
        before = count(town, Evidence, Settlement, Case, Entry) | {"Evidence": 2, "Settlement": 2}
        file = file_it(town, *lines, collected(other), now=later(days=2))
        assert results(town, file) == [
            (Result.ALREADY, attempt.pk),
            (Result.ELSEWHERE, None),
            (Result.REFUND, attempt.pk),
            (Result.CONFIRMED, other.pk),
        ]
        after = count(town, Evidence, Settlement, Case)
        assert (after["Evidence"], after["Settlement"], after["Case"]) == (2, 2, before["Case"])

    def test_order_changes_nothing(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        lines = [collected(attempt, transaction=str(n), hour=f"1{n}:00:00", cents=12_550 - n) for n in range(3)]
        found = set()
        for order in (lines, lines[::-1]):
            kept = [line for line in order if line.transaction != "0"]
            file = deposit(town, remise(kept))
            told = report(town, file)
            found.add(frozenset((one.payment.transaction.number, one.result) for one in told.matches))
        assert len(found) == 1


class TestWholeOrNotAtAll:
    def test_a_failure_at_the_last_line_keeps_nothing(self, town, canteen, monkeypatch):
        one, other = leave_for_paybox(canteen), leave_for_paybox(canteen)
        file = deposit(town, remise([collected(one), collected(other)]))
        whole = operations._prove

        def fail(file, payment, attempt, now):
            if attempt.pk == other.pk:
                raise operations.NotConfirmed
            return whole(file, payment, attempt, now)

        monkeypatch.setattr(operations, "_prove", fail)
        with tenant(town.collectivite):
            operations.confirm(
                collectivite=town.collectivite,
                file_id=file.pk,
                covers_from=file.covers_from,
                covers_to=file.covers_to,
                actor_id=town.agent.pk,
                now=NEXT_DAY,
            )
        with pytest.raises(operations.NotConfirmed):
            run_due(NEXT_DAY)
        assert count(town, Settlement, FiledLine, Evidence) == {"Settlement": 0, "FiledLine": 0, "Evidence": 0}
        monkeypatch.setattr(operations, "_prove", whole)
        run_due(later(days=1, minutes=1))
        assert {state(town, attempt) for attempt in (one, other)} == {State.PAID}

    @pytest.mark.parametrize(
        "change", [{"cents": "=1+1"}, {"type": "XXX"}, {"issued": "24-11-2026"}, {"transaction": "-1"}]
    )
    def test_one_line_that_cannot_be_read_refuses_the_file(self, town, canteen, change):
        attempt = leave_for_paybox(canteen)
        with pytest.raises(NotThisFile):
            deposit(town, remise([collected(attempt), Line(**change)]))
        assert count(town, DepositedFile) == {"DepositedFile": 0}

    def test_a_payment_of_tomorrow_is_refused(self, town, canteen):
        with pytest.raises(refusals.NotYetPaid):
            deposit(town, remise([Line(issued="26/11/2026")]))


class TestADraft:
    def test_says_what_each_remise_makes(self, town, canteen):
        lines = [
            Line(transaction="1"),
            Line(transaction="2", cents=1_000),
            Line(transaction="3", cents=500, type="CRE"),
            Line(transaction="4", cents=700, type="ANU"),
            Line(transaction="5", cents=300, type="CRE", remittance="418"),
        ]
        file = deposit(town, remise(lines))
        assert (file.kind, file.count, file.total) == (FileKind.PAYBOX_REMISE, 5, Money(13_550))
        foretold = queries.remittances_foretold(report(town, file).matches)
        assert [(one.number, one.paid.count, one.cents) for one in foretold] == [("417", 2, 13_050), ("418", 0, -300)]
        confirm(town, file)
        with tenant(town.collectivite):
            assert queries.remittances_of(file=file) == foretold

    def test_counts_beforehand_what_it_will_open(self, town, canteen):
        wrong, twice, back = (leave_for_paybox(canteen) for _ in range(3))
        lines = [
            collected(wrong, cents=1),
            collected(twice),
            collected(twice, transaction="9000000001"),
            collected(back),
            collected(back, type="CRE", transaction="9000000002"),
        ]
        file = deposit(town, remise(lines))
        foretold = report(town, file).cases
        assert foretold == Counter({Kind.OTHER_AMOUNT: 1, Kind.DOUBLE_PAYMENT: 1, Kind.CONTRADICTION: 1})
        confirm(town, file)
        assert Counter(kind for kind, _, _ in cases(town)) == foretold


class TestAbsence:
    """2026-11-24 is a Tuesday: two working days later it is Thursday the 26th."""

    def look(self, town, now):
        with tenant(town.collectivite):
            return operations.open_absences(collectivite=town.collectivite, now=now)

    def test_of_a_payment_that_direct_settled_is_told_two_working_days_after_a_day_that_a_file_covers(
        self, town, canteen
    ):
        attempt = leave_for_paybox(canteen)
        prove(town, attempt)
        file_it(town, Line(reference="x"))
        assert self.look(town, NEXT_DAY) == 0
        assert self.look(town, later(days=2)) == 1
        assert cases(town) == [(Kind.ABSENT_FROM_FILE, "attempt", attempt.pk)]
        assert self.look(town, later(days=3)) == 0

    def test_is_not_told_of_a_provisional_one_which_has_its_own_case(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        prove(town, attempt)
        with tenant(town.collectivite):
            Attempt.objects.filter(pk=attempt.pk).update(is_provisional=True)
        file_it(town, Line(reference="x"))
        assert self.look(town, later(days=9)) == 0

    def test_is_not_told_of_what_a_file_contains_nor_of_a_day_that_none_covers(self, town, canteen):
        attempt, other = leave_for_paybox(canteen), leave_for_paybox(canteen, now=later(days=3))
        prove(town, attempt)
        prove(town, other, now=later(days=3))
        file_it(town, collected(attempt), covers_from=DAY - timedelta(days=3))
        assert self.look(town, later(days=9)) == 0

    def test_is_not_told_of_another_contract(self, town, canteen):
        pool = contract(town, "2718281-02-314159266", slug="piscine")
        attempt = leave_for_paybox(pool)
        prove(town, attempt)
        file_it(town, Line(reference="x"))
        assert self.look(town, later(days=9)) == 0

    def test_ends_when_a_later_file_contains_it(self, town, canteen):
        attempt = leave_for_paybox(canteen)
        prove(town, attempt)
        file_it(town, Line(reference="x"))
        self.look(town, later(days=2))
        file_it(town, collected(attempt), now=later(days=3))
        with tenant(town.collectivite):
            case = Case.objects.get()
        assert (case.kind, case.is_open) == (Kind.ABSENT_FROM_FILE, False)
