"""Which attempt a line of a remise is: exact, and the same whatever the order of the lines."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal.gateways.base import DebtKind
from regal.gateways.files import FiledDebt, FiledPayment, FiledTransaction, LineKind
from regal.lib.money import Money
from regal.reconciliation.matching import Result, Told
from regal.reconciliation.remises import Known, match_remise, operation_of

DAY = date(2026, 11, 24)
HOUR = datetime(2026, 11, 24, 9, tzinfo=UTC)
OURS, OTHER = "FC2026000412-Ab3dEf6hIj9kLmNoPqRsTu", "FC2026000413-Zb3dEf6hIj9kLmNoPqRsTu"


def line(number=1, *, reference=OURS, cents=12_550, transaction="71", call="", kind=LineKind.PAYMENT, minutes=0):
    return FiledPayment(
        number=number,
        place=f"ligne {number + 1}",
        debt=FiledDebt(kind=DebtKind.REGIE, reference=reference),
        amount=Money(cents),
        day=DAY,
        at=HOUR + timedelta(minutes=minutes),
        kind=kind,
        transaction=FiledTransaction(
            contract="2718281-01",
            number=transaction,
            call=call,
            reference=reference,
            remittance="417",
            remitted_on=DAY,
        ),
    )


def known(key=1, *, reference=OURS, contract="2718281-01", **changes):
    usual: dict[str, object] = {
        "amount": Money(12_550),
        "is_paid": False,
        "is_provisional": False,
        "settled_by": "",
        "is_taken": False,
    }
    return Known(key=key, contract=contract, reference=reference, **(usual | changes))  # type: ignore[arg-type]


def told(lines, *attempts, earlier=None):
    return [(one.result, one.attempt) for one in match_remise(lines, known=attempts, earlier=earlier or {})]


class TestOnePayment:
    @pytest.mark.parametrize(
        ("changes", "result"),
        [
            ({}, Result.CONFIRMED),
            ({"is_paid": True}, Result.ALREADY),
            ({"is_paid": True, "settled_by": "71"}, Result.ALREADY),
            ({"is_paid": True, "is_provisional": True, "settled_by": "71"}, Result.FIRM),
            ({"is_paid": True, "settled_by": "72"}, Result.PAID_TWICE),
            ({"is_paid": True, "is_provisional": True, "settled_by": "72"}, Result.PAID_TWICE),
            ({"is_paid": True, "is_taken": True}, Result.PAID_TWICE),
            ({"amount": Money(12_551)}, Result.OTHER_AMOUNT),
            ({"amount": Money(12_551), "is_paid": True, "settled_by": "71"}, Result.OTHER_AMOUNT),
        ],
    )
    def test_is_what_its_attempt_makes_of_it(self, changes, result):
        assert told([line()], known(**changes)) == [(result, 1)]

    def test_of_a_reference_in_other_letters_is_not_ours(self):
        assert told([line(reference=OURS.lower())], known()) == [(Result.ELSEWHERE, None)]

    def test_of_another_contract_is_not_ours(self):
        assert told([line()], known(contract="2718281-02")) == [(Result.ELSEWHERE, None)]

    def test_that_names_one_by_its_reference_and_another_by_its_transaction_confirms_neither(self):
        other = known(2, reference=OTHER, is_paid=True, settled_by="71")
        (match,) = match_remise([line()], known=[known(), other], earlier={})
        assert (match.result, match.attempt, match.rivals) == (Result.AMBIGUOUS, None, (1, 2))

    def test_is_named_by_its_reference_before_what_an_unproven_message_said(self):
        other = known(2, reference=OTHER, heard=["71"], calls=["5"])
        assert told([line(call="5")], known(), other) == [(Result.CONFIRMED, 1)]

    def test_is_named_by_a_transaction_heard_of_then_by_a_call(self):
        one, other = known(1, heard=["71"]), known(2, reference=OTHER, calls=["5"])
        assert told([line(reference="", call="5")], one, other) == [(Result.CONFIRMED, 1)]
        assert told([line(reference="", call="5", transaction="72")], one, other) == [(Result.CONFIRMED, 2)]


class TestTwoTransactionsOfOneAttempt:
    def test_the_first_pays_and_the_other_is_too_much(self):
        first, second = line(1, minutes=5, transaction="71"), line(2, minutes=9, transaction="72")
        assert told([first, second], known()) == [(Result.CONFIRMED, 1), (Result.PAID_TWICE, 1)]

    def test_the_one_that_a_message_named_pays(self):
        first, second = line(1, minutes=5, transaction="71"), line(2, minutes=9, transaction="72")
        assert told([first, second], known(heard=["72"])) == [(Result.PAID_TWICE, 1), (Result.CONFIRMED, 1)]

    def test_the_one_of_its_amount_pays(self):
        first, second = line(1, minutes=5, cents=1), line(2, minutes=9, transaction="72")
        assert told([first, second], known()) == [(Result.PAID_TWICE, 1), (Result.CONFIRMED, 1)]

    @given(st.permutations([line(n, transaction=str(70 + n), minutes=n % 2, cents=12_550 - n % 3) for n in range(6)]))
    def test_are_the_same_whatever_the_order_of_the_lines(self, lines):
        found = {one.payment.number: one.result for one in match_remise(lines, known=[known()], earlier={})}
        assert [number for number, result in found.items() if result is Result.CONFIRMED] == [0]
        assert sorted(found) == list(range(6))


class TestWhatMovesNothing:
    @pytest.mark.parametrize(
        ("kind", "result"), [(LineKind.REFUND, Result.REFUND), (LineKind.CANCELLED, Result.CANCELLED)]
    )
    def test_is_written_beside_the_attempt_that_it_names(self, kind, result):
        assert told([line(kind=kind)], known()) == [(result, 1)]
        assert told([line(kind=kind, reference="", call="5", transaction="9")], known(calls=["5"])) == [(result, 1)]
        assert told([line(kind=kind, reference="")], known()) == [(result, None)]

    def test_a_payment_cancelled_in_the_same_file_is_none(self):
        lines = [line(1), line(2, kind=LineKind.CANCELLED)]
        assert told(lines, known()) == [(Result.CANCELLED, 1), (Result.CANCELLED, 1)]

    def test_a_payment_refunded_in_the_same_file_is_one(self):
        lines = [line(1), line(2, kind=LineKind.REFUND, transaction="72")]
        assert told(lines, known()) == [(Result.CONFIRMED, 1), (Result.REFUND, 1)]


class TestWhatAnEarlierFileSaid:
    @pytest.mark.parametrize("result", [Result.CONFIRMED, Result.FIRM, Result.ALREADY])
    def test_is_said_again(self, result):
        earlier = {operation_of(line()): Told(result=result, attempt=1)}
        (match,) = match_remise([line()], known=[known(is_paid=True, is_taken=True)], earlier=earlier)
        assert (match.result, match.attempt, match.is_repeated) == (Result.ALREADY, 1, True)

    def test_of_another_amount_is_news(self):
        earlier = {operation_of(line(cents=12_551)): Told(result=Result.OTHER_AMOUNT, attempt=1)}
        (match,) = match_remise([line()], known=[known()], earlier=earlier)
        assert (match.result, match.is_repeated) == (Result.CONFIRMED, False)
