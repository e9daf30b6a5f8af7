"""Euros are whole cents: what may be done with them, how they are written, how they are read."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal.lib.money import Money, UnreadableAmount

SPACES = [" ", "\u00a0", "\u202f", "\u2009"]
amounts = st.integers(min_value=0, max_value=10**14 - 1).map(Money)


class TestMoney:
    @pytest.mark.parametrize("cents", [12.0, Decimal(12), Fraction(12), True, "12", None])
    def test_refuses_a_float_and_everything_but_an_int(self, cents: object) -> None:
        with pytest.raises(TypeError):
            Money(cents)  # type: ignore[arg-type]

    def test_adds_and_subtracts(self) -> None:
        assert Money(1234) + Money(66) == Money(1300)
        assert Money(1234) - Money(1300) == Money(-66)
        assert -Money(66) == Money(-66)

    def test_compares(self) -> None:
        assert Money(99) < Money(100) <= Money(100) < Money(101)
        assert max(Money(3), Money(12)) == Money(12)

    def test_is_summed_from_zero_euros(self) -> None:
        assert sum([Money(1), Money(2), Money(3)], Money.zero) == Money(6)
        assert sum([], Money.zero) == Money(0)

    @pytest.mark.parametrize("number", [1, 1.0, Decimal(1), True, False, "1"])
    def test_is_never_mixed_with_a_number(self, number: object) -> None:
        with pytest.raises(TypeError):
            Money(1) + number  # type: ignore[operator]
        with pytest.raises(TypeError):
            Money(1) - number  # type: ignore[operator]
        with pytest.raises(TypeError):
            number + Money(1)  # type: ignore[operator]
        with pytest.raises(TypeError):
            Money(1) < number  # type: ignore[operator]  # noqa: B015

    def test_is_never_multiplied(self) -> None:
        with pytest.raises(TypeError):
            Money(100) * 2  # type: ignore[operator]

    def test_differs_from_its_number_of_cents(self) -> None:
        cents: object = 1
        assert Money(1) != cents

    def test_cannot_be_changed(self) -> None:
        with pytest.raises(AttributeError):
            Money(1).cents = 2  # type: ignore[misc]


class TestWriting:
    @pytest.mark.parametrize(
        ("cents", "french", "english"),
        [
            (0, "0,00\u00a0€", "€0.00"),
            (5, "0,05\u00a0€", "€0.05"),
            (1250, "12,50\u00a0€", "€12.50"),
            (123450, "1\u202f234,50\u00a0€", "€1,234.50"),
            (123456789, "1\u202f234\u202f567,89\u00a0€", "€1,234,567.89"),
            (-5, "-0,05\u00a0€", "-€0.05"),
        ],
    )
    def test_has_two_decimals_and_spaces_that_do_not_break(self, cents: int, french: str, english: str) -> None:
        assert Money(cents).format_fr() == french
        assert str(Money(cents)) == french
        assert Money(cents).format_en() == english


class TestReading:
    @pytest.mark.parametrize(
        ("text", "cents"),
        [
            ("12,50", 1250),
            ("12.50", 1250),
            ("1 234,50 €", 123450),
            ("1 234,50", 123450),
            ("1\u00a0234,50\u00a0€", 123450),
            ("1\u202f234,50", 123450),
            ("1 234 567", 123456700),
            ("12", 1200),
            ("12,5", 1250),
            ("12 , 50", 1250),
            ("  12,50€ ", 1250),
            ("€12.50", 1250),
            ("12,50 euros", 1250),
            ("12,50 EUR", 1250),
            ("EUR 12,50", 1250),
            ("12,50 € TTC", 1250),
            ("12 euro", 1200),
            ("12€50", 1250),
            ("1 234 € 50", 123450),
            ("€ 12.50", 1250),
            ("0,05", 5),
            ("0012", 1200),
            ("1234567", 123456700),
            ("999999999999,99", 99999999999999),
        ],
    )
    def test_understands_what_payers_type(self, text: str, cents: int) -> None:
        assert Money.parse(text) == Money(cents)

    @pytest.mark.parametrize("text", ["1.234", "1,234", "1.234,5", "1,234.50", "1.234.567", "12,5,0", "1 234.567"])
    def test_does_not_guess_when_two_readings_are_possible(self, text: str) -> None:
        assert reason(text) == "ambiguous"

    @pytest.mark.parametrize("text", ["", "   ", "\u00a0", "€", " € "])
    def test_asks_for_an_amount_when_there_is_none(self, text: str) -> None:
        assert reason(text) == "empty"

    @pytest.mark.parametrize("text", ["12,5000", "0,00001"])
    def test_never_rounds(self, text: str) -> None:
        assert reason(text) == "too_many_decimals"

    @pytest.mark.parametrize("text", ["1000000000000", "9" * 60])
    def test_refuses_what_no_debt_can_be(self, text: str) -> None:
        assert reason(text) == "too_large"

    @pytest.mark.parametrize(
        "text",
        [
            "12 50",
            "1 2345",
            "1234 567",
            "12,",
            ",50",
            "-5",
            "+5",
            "12e3",
            "abc",
            "€12€",
            "12 EURX",
            "1_000",
            "١٢",
            "²",
            "1" * 65,
        ],
    )
    def test_refuses_what_is_not_an_amount(self, text: str) -> None:
        assert reason(text) == "malformed"

    def test_does_not_repeat_what_was_typed(self) -> None:
        with pytest.raises(UnreadableAmount) as unreadable:
            Money.parse("Mme Leroy")
        assert "Leroy" not in str(unreadable.value)

    @given(amounts)
    def test_reads_what_it_writes(self, amount: Money) -> None:
        assert Money.parse(amount.format_fr()) == amount

    @given(amounts, st.text(st.sampled_from(SPACES), max_size=3), st.data())
    def test_is_not_changed_by_spaces_nor_by_which_separator(
        self, amount: Money, around: str, data: st.DataObject
    ) -> None:
        euros, cents = divmod(amount.cents, 100)
        grouped = data.draw(
            st.sampled_from([f"{euros:,}".replace(",", data.draw(st.sampled_from(SPACES))), f"{euros}"])
        )
        separator = data.draw(st.sampled_from([",", ".", ", ", " .", "\u00a0,\u00a0"]))
        sign = data.draw(st.sampled_from(["", "€", " €", "\u202f€"]))
        assert Money.parse(f"{around}{grouped}{separator}{cents:02d}{sign}{around}") == amount

    @given(amounts, amounts)
    def test_is_printed_the_same_only_if_it_is_the_same(self, one: Money, other: Money) -> None:
        assert (one.format_fr() == other.format_fr()) is (one == other)
        assert (one.format_en() == other.format_en()) is (one == other)

    @given(amounts, st.integers(-200, 200))
    def test_is_printed_otherwise_a_few_cents_away(self, amount: Money, cents: int) -> None:
        near = Money(amount.cents + cents)
        assert (near.format_fr() == amount.format_fr()) is (cents == 0)
        assert (near.format_en() == amount.format_en()) is (cents == 0)

    @given(st.integers(min_value=0, max_value=99999).map(Money))
    def test_reads_the_english_form_below_a_thousand_euros(self, amount: Money) -> None:
        assert Money.parse(amount.format_en()) == amount

    @given(st.one_of(st.text(), st.text(alphabet="0123456789 .,€\u00a0\u202f-", max_size=20)))
    def test_reads_or_refuses_and_does_nothing_else(self, text: str) -> None:
        try:
            amount = Money.parse(text)
        except UnreadableAmount:
            return
        assert Money.zero <= amount
        assert Money.parse(amount.format_fr()) == amount


def reason(text: str) -> str:
    with pytest.raises(UnreadableAmount) as unreadable:
        Money.parse(text)
    return unreadable.value.reason.value
