"""Which attempt each payment of a file is."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal.gateways.base import DebtKind, Outcome
from regal.gateways.files import FiledDebt, FiledPayment
from regal.lib import paris
from regal.lib.money import Money
from regal.reconciliation.matching import PAID_HERE, Candidate, Result, Told, key_of, match

MONDAY = date(2026, 11, 23)
TITRE, OTHER_TITRE = "202600000412000001", "202600000413000001"
DAYS = 10


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def left(number: int, hour: int = 9) -> dict[str, object]:
    """The payer left so many days after Monday."""
    at = datetime(2026, 11, 23, hour - 1, tzinfo=UTC) + timedelta(days=number)
    return {"left_at": at, "left_on": paris.today(at)}


def attempt(key, *, on=0, hour=9, announced="", told_on=None, **changes):
    usual = {
        "key": key,
        "kind": DebtKind.TITRE,
        "reference": TITRE,
        "amount": Money(12_550),
        "announced": announced,
        "announced_on": day(on if told_on is None else told_on) if announced else None,
        **left(on, hour),
    }
    return Candidate(**(usual | changes))


def paid(number, *, on=0, cents=12_550, reference=TITRE, kind=DebtKind.TITRE, at=None):
    debt = FiledDebt(kind=kind, reference=reference)
    return FiledPayment(number=number, place=f"ligne {number}", debt=debt, amount=Money(cents), day=day(on), at=at)


def role(number, *, debt="12", code=None, period=None, on=0, cents=12_550):
    filed = FiledDebt(kind=DebtKind.ORMC, exercice=2026, number=debt, code=code, period=period)
    return FiledPayment(number=number, place=f"ligne {number}", debt=filed, amount=Money(cents), day=day(on))


def of_role(key, reference, **changes):
    return attempt(key, kind=DebtKind.ORMC, reference=reference, **changes)


def found(payments, candidates, *, earlier=None, days=DAYS):
    """(result, attempt) of each payment, by its number."""
    matches = match(payments, candidates=candidates, earlier=earlier or {}, longest_days=days)
    return {one.payment.number: (one.result, one.attempt) for one in matches}


CONFIRMED, ALREADY, ELSEWHERE = Result.CONFIRMED, Result.ALREADY, Result.ELSEWHERE
OTHER_AMOUNT, AMBIGUOUS = Result.OTHER_AMOUNT, Result.AMBIGUOUS


class TestOnePayment:
    @pytest.mark.parametrize("announced", ["", *Outcome])
    def test_confirms_its_attempt_whatever_was_announced(self, announced):
        assert found([paid(1)], [attempt(7, announced=announced)]) == {1: (CONFIRMED, 7)}

    def test_is_found_proved_already(self):
        assert found([paid(1)], [attempt(7, is_paid=True)]) == {1: (ALREADY, 7)}

    @pytest.mark.parametrize(
        "other",
        [
            {"reference": OTHER_TITRE},
            {"kind": DebtKind.REGIE},
            {"kind": DebtKind.ORMC},
            {"is_taken": True},
        ],
    )
    def test_was_paid_elsewhere_when_no_attempt_is_its_own(self, other):
        assert found([paid(1)], [attempt(7, **other)]) == {1: (ELSEWHERE, None)}
        assert found([paid(1)], []) == {1: (ELSEWHERE, None)}

    @pytest.mark.parametrize(
        ("on", "result"), [(-1, ELSEWHERE), (0, CONFIRMED), (DAYS, CONFIRMED), (DAYS + 1, ELSEWHERE)]
    )
    def test_is_dated_from_the_day_the_payer_left_to_ten_days_after(self, on, result):
        assert found([paid(1, on=on)], [attempt(7)])[1][0] is result

    def test_counts_the_day_on_which_the_payer_left_as_paris_does(self):
        late = attempt(7, left_at=datetime(2026, 11, 22, 23, 30, tzinfo=UTC), left_on=MONDAY)
        assert found([paid(1)], [late]) == {1: (CONFIRMED, 7)}

    def test_of_another_amount_is_shown_beside_its_attempt(self):
        assert found([paid(1, cents=12_500)], [attempt(7)]) == {1: (OTHER_AMOUNT, 7)}

    def test_of_another_amount_does_not_hide_the_attempt_of_the_right_one(self):
        assert found([paid(1)], [attempt(6, amount=Money(1_255)), attempt(7)]) == {1: (CONFIRMED, 7)}

    @pytest.mark.parametrize("changes", [{"is_paid": True}, {"is_taken": True}, {"on": 1}])
    def test_of_another_amount_says_nothing_of_an_attempt_that_is_proved_or_began_later(self, changes):
        assert found([paid(1, cents=12_500)], [attempt(7, **changes)]) == {1: (ELSEWHERE, None)}


class TestAmongSeveralAttempts:
    @pytest.mark.parametrize(
        ("better", "worse"),
        [
            ({"is_paid": True}, {"announced": Outcome.PAID, "told_on": 2}),
            ({"announced": Outcome.PAID, "told_on": 2}, {"announced": Outcome.PAID, "told_on": 1, "on": 1}),
            ({"announced": Outcome.PAID, "told_on": 0}, {"on": 2}),
            ({}, {"announced": Outcome.REFUSED, "on": 2}),
            ({"announced": Outcome.UNKNOWN}, {"announced": Outcome.ABANDONED, "on": 2}),
            ({"on": 1}, {"on": 0}),
            ({"hour": 9}, {"hour": 10}),
        ],
    )
    def test_the_best_suited_is_taken(self, better, worse):
        result = {1: (ALREADY if better.get("is_paid") else CONFIRMED, 5)}
        assert found([paid(1, on=2)], [attempt(5, **better), attempt(4, **worse)]) == result
        assert found([paid(1, on=2)], [attempt(4, **worse), attempt(5, **better)]) == result

    def test_two_equal_lines_are_two_payments(self):
        both = found([paid(1), paid(2)], [attempt(7), attempt(8, hour=10)])
        assert {result for result, _ in both.values()} == {CONFIRMED}
        assert {key for _, key in both.values()} == {7, 8}

    def test_one_line_confirms_one_attempt_only(self):
        assert found([paid(1)], [attempt(7), attempt(8, hour=10)]) == {1: (CONFIRMED, 7)}

    def test_a_third_equal_line_was_paid_elsewhere(self):
        three = found([paid(1), paid(2), paid(3)], [attempt(7), attempt(8, hour=10)])
        assert sorted(result for result, _ in three.values()) == [CONFIRMED, CONFIRMED, ELSEWHERE]

    def test_a_line_is_not_robbed_of_its_day_by_one_that_stands_before_it(self):
        attempts = [attempt(7, on=0), attempt(8, on=2)]
        assert found([paid(1, on=3), paid(2, on=2)], attempts) == {1: (CONFIRMED, 7), 2: (CONFIRMED, 8)}
        assert found([paid(1, on=2), paid(2, on=3)], attempts) == {1: (CONFIRMED, 8), 2: (CONFIRMED, 7)}


class TestRole:
    def test_is_found_by_what_the_file_keeps_of_it(self):
        attempts = [of_role(7, "2026EA00000000012"), of_role(8, "2026EA00000000013")]
        assert found([role(1)], attempts) == {1: (CONFIRMED, 7)}
        assert found([role(1, code="EA", period="0")], attempts) == {1: (CONFIRMED, 7)}

    @pytest.mark.parametrize("other", [{"code": "CA"}, {"period": "01"}, {"debt": "120"}])
    def test_is_another_debt_when_a_part_differs(self, other):
        assert found([role(1, **other)], [of_role(7, "2026EA00000000012")]) == {1: (ELSEWHERE, None)}

    @pytest.mark.parametrize("other", [{"code": "EAU1"}, {"period": "1"}])
    def test_whose_codes_differ_is_confirmed_where_payfip_announced_it(self, other):
        announced = of_role(7, "2026EA00000000012", announced=Outcome.PAID)
        assert found([role(1, **other)], [announced, of_role(8, "2026CA00000000012")]) == {1: (CONFIRMED, 7)}

    def test_of_a_number_that_two_debts_share_confirms_neither(self):
        attempts = [of_role(7, "2026EA0012"), of_role(8, "2026EA00012")]
        (one,) = match([role(1, code="EA")], candidates=attempts, earlier={}, longest_days=DAYS)
        assert (one.result, one.attempt, one.rivals) == (AMBIGUOUS, None, (7, 8))

    def test_is_not_guessed_from_what_was_confirmed_before(self):
        attempts = [of_role(7, "2026EA0012", is_taken=True), of_role(8, "2026EA00012")]
        assert found([role(1)], attempts) == {1: (AMBIGUOUS, None)}

    def test_is_told_from_another_by_its_code_its_amount_or_its_days(self):
        water, canteen = of_role(7, "2026EA0012"), of_role(8, "2026CA0012")
        assert found([role(1, code="CA")], [water, canteen]) == {1: (CONFIRMED, 8)}
        assert found([role(1)], [water, replace(canteen, amount=Money(1))]) == {1: (CONFIRMED, 7)}
        assert found([role(1)], [water, replace(canteen, **left(1))]) == {1: (CONFIRMED, 7)}

    def test_of_another_amount_than_both_debts_is_ambiguous_too(self):
        attempts = [of_role(7, "2026EA0012"), of_role(8, "2026EA00012")]
        assert found([role(1, cents=1)], attempts) == {1: (AMBIGUOUS, None)}

    def test_tried_twice_is_still_one_debt(self):
        attempts = [of_role(7, "2026EA0012"), of_role(8, "2026EA0012", hour=10)]
        assert found([role(1)], attempts) == {1: (CONFIRMED, 7)}

    def test_without_a_number_is_nobody_s(self):
        assert found([role(1, debt=None)], [of_role(7, "2026EA0012")]) == {1: (ELSEWHERE, None)}


class TestRepetition:
    def test_changes_nothing(self):
        earlier = {key_of(paid(1)): [Told(result=CONFIRMED, attempt=7)]}
        (one,) = match([paid(1)], candidates=[attempt(8)], earlier=earlier, longest_days=DAYS)
        assert (one.result, one.attempt, one.is_repeated) == (ALREADY, 7, True)

    @pytest.mark.parametrize("result", [ELSEWHERE, AMBIGUOUS, OTHER_AMOUNT])
    def test_says_again_what_was_said(self, result):
        told = Told(result=result, attempt=7 if result is OTHER_AMOUNT else None)
        assert found([paid(1)], [attempt(8)], earlier={key_of(paid(1)): [told]}) == {1: (result, told.attempt)}

    def test_ends_with_the_greatest_number_known(self):
        earlier = {key_of(paid(1)): [Told(result=CONFIRMED, attempt=7)]}
        attempts = [attempt(7, is_paid=True, is_taken=True), attempt(8)]
        assert found([paid(1), paid(2)], attempts, earlier=earlier) == {1: (ALREADY, 7), 2: (CONFIRMED, 8)}

    @pytest.mark.parametrize("other", [{"on": 1}, {"cents": 1}, {"reference": OTHER_TITRE}])
    def test_is_of_the_same_reference_amount_and_day(self, other):
        earlier = {key_of(paid(1, **other)): [Told(result=ELSEWHERE, attempt=None)]}
        assert found([paid(1)], [attempt(7)], earlier=earlier) == {1: (CONFIRMED, 7)}


payments_of_one_debt = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([100, 200])), min_size=1, max_size=6).map(
    lambda told: [paid(number, on=on, cents=cents) for number, (on, cents) in enumerate(told, 1)]
)
attempts_of_one_debt = st.lists(
    st.builds(
        lambda on, hour, cents, announced, told_on, is_paid, is_taken: {
            "on": on,
            "hour": hour,
            "amount": Money(cents),
            "announced": announced,
            "told_on": told_on,
            "is_paid": is_paid or is_taken,
            "is_taken": is_taken,
        },
        st.integers(0, 4),
        st.integers(9, 11),
        st.sampled_from([100, 200]),
        st.sampled_from(["", Outcome.PAID, Outcome.REFUSED]),
        st.integers(0, 4),
        st.booleans(),
        st.booleans(),
    ),
    max_size=6,
).map(lambda told: [attempt(key, **changes) for key, changes in enumerate(told, 100)])


def renumbered(payments):
    return [replace(one, number=number, place=f"ligne {number}") for number, one in enumerate(payments, 1)]


def outcome(payments, candidates):
    """What was decided, but for where lines stand."""
    matches = match(payments, candidates=candidates, earlier={}, longest_days=3)
    return sorted((key_of(one.payment), one.result, one.attempt or 0) for one in matches)


class TestAnyFile:
    @given(payments=payments_of_one_debt, attempts=attempts_of_one_debt, data=st.data())
    def test_gives_the_same_whatever_the_order_of_its_lines_and_of_our_rows(self, payments, attempts, data):
        shuffled = renumbered(data.draw(st.permutations(payments)))
        assert outcome(shuffled, data.draw(st.permutations(attempts))) == outcome(payments, attempts)

    @given(payments=payments_of_one_debt, attempts=attempts_of_one_debt)
    def test_gives_each_line_one_result_and_no_attempt_twice(self, payments, attempts):
        matches = match(payments, candidates=attempts, earlier={}, longest_days=3)
        assert [one.payment for one in matches] == payments
        taken = [one.attempt for one in matches if one.result in PAID_HERE]
        assert len(taken) == len(set(taken))
        known = {one.key: one for one in attempts}
        for one in matches:
            if one.result in PAID_HERE:
                mine = known[one.attempt]
                assert not mine.is_taken
                assert mine.amount == one.payment.amount
                assert 0 <= (one.payment.day - mine.left_on).days <= 3
                assert (one.result is ALREADY) == mine.is_paid

    @given(payments=payments_of_one_debt, attempts=attempts_of_one_debt)
    def test_leaves_no_line_and_attempt_that_suit_each_other_better_than_what_both_got(self, payments, attempts):
        matches = match(payments, candidates=attempts, earlier={}, longest_days=3)
        known = {one.key: one for one in attempts}
        holder = {one.attempt: one.payment for one in matches if one.result in PAID_HERE}

        def rank(payment, mine):
            return mine.suits(payment.day), mine.distance(payment.day)

        for one in matches:
            for other in attempts:
                fits = 0 <= (one.payment.day - other.left_on).days <= 3 and not other.is_taken
                if not fits or other.amount != one.payment.amount or other.key == one.attempt:
                    continue
                mine_is_worse = one.result not in PAID_HERE or rank(one.payment, known[one.attempt]) > rank(
                    one.payment, other
                )
                theirs_is_worse = other.key not in holder or rank(holder[other.key], other) > rank(one.payment, other)
                assert not (mine_is_worse and theirs_is_worse)
