"""Days, references and amounts, by themselves."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal_sandbox.amounts import euros
from regal_sandbox.paris import easter, in_paris, next_working_day, paris_day, public_holidays
from regal_sandbox.references import TitreReference, is_refdet, read_titre


class TestDays:
    @pytest.mark.parametrize("day", [date(2024, 3, 31), date(2025, 4, 20), date(2026, 4, 5), date(2038, 4, 25)])
    def test_easter_falls_when_it_does(self, day: date) -> None:
        assert easter(day.year) == day

    @pytest.mark.parametrize(
        ("day", "following"),
        [
            ("2026-03-16", "2026-03-17"),
            ("2026-03-20", "2026-03-23"),  # over a week-end
            ("2026-04-03", "2026-04-07"),  # over Easter Monday
            ("2026-05-13", "2026-05-15"),  # over Ascension Day
            ("2026-12-24", "2026-12-28"),  # Christmas and a week-end
            ("2026-12-31", "2027-01-04"),
        ],
    )
    def test_the_next_working_day_skips_rests(self, day: str, following: str) -> None:
        assert next_working_day(date.fromisoformat(day)) == date.fromisoformat(following)

    @given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
    def test_the_next_working_day_is_one(self, day: date) -> None:
        found = next_working_day(day)
        assert found > day
        assert found.weekday() < 5
        assert found not in public_holidays(found.year)

    def test_a_moment_without_zone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="aware"):
            in_paris(datetime(2026, 1, 1))  # noqa: DTZ001

    def test_the_day_is_the_one_in_paris(self) -> None:
        assert paris_day(datetime(2026, 6, 30, 22, 30, tzinfo=UTC)) == date(2026, 7, 1)


class TestReferences:
    @given(st.integers(0, 9999), st.integers(0, 99_999_999), st.integers(0, 999_999))
    def test_of_a_titre_are_read_as_written(self, exer: int, number: int, line: int) -> None:
        reference = TitreReference(f"{exer:04d}", number, line)
        assert len(reference.refdet) == 18
        assert read_titre(reference.refdet) == reference

    @given(st.text(max_size=20))
    def test_of_a_titre_are_eighteen_ascii_digits(self, text: str) -> None:
        expected = len(text) == 18 and text.isascii() and text.isdigit()
        assert (read_titre(text) is not None) == expected

    @given(st.text(max_size=35))
    def test_of_any_kind_are_plain_letters_and_digits(self, text: str) -> None:
        expected = 6 <= len(text) <= 30 and text.isascii() and text.isalnum()
        assert is_refdet(text, min_length=6) == expected


class TestEuros:
    @pytest.mark.parametrize(
        ("cents", "shown"),
        [
            (1250, "12,50\u00a0€"),
            (5, "0,05\u00a0€"),
            (123456789, "1\u202f234\u202f567,89\u00a0€"),
            (-5, "-0,05\u00a0€"),
        ],
    )
    def test_are_shown_as_in_france(self, cents: int, shown: str) -> None:
        assert euros(cents) == shown
