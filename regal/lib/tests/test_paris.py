"""Days and hours in France, the two nights included when the clocks change."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal.lib import paris

SPRING = date(2026, 3, 29)  # 02:00 becomes 03:00
AUTUMN = date(2026, 10, 25)  # 03:00 becomes 02:00

days = st.dates(min_value=date(1950, 1, 1), max_value=date(2200, 1, 1))


class TestToday:
    def test_begins_at_midnight_in_paris(self) -> None:
        assert paris.today(datetime(2026, 11, 23, 22, 59, 59, tzinfo=UTC)) == date(2026, 11, 23)
        assert paris.today(datetime(2026, 11, 23, 23, 0, tzinfo=UTC)) == date(2026, 11, 24)

    def test_begins_an_hour_earlier_in_summer(self) -> None:
        assert paris.today(datetime(2026, 7, 13, 22, 0, tzinfo=UTC)) == date(2026, 7, 14)

    def test_does_not_depend_on_the_zone_the_instant_is_written_in(self) -> None:
        tahiti = timezone(timedelta(hours=-10))
        assert paris.today(datetime(2026, 11, 23, 13, 0, tzinfo=tahiti)) == date(2026, 11, 24)

    def test_opens_the_exercice_on_the_first_of_january_in_paris(self) -> None:
        assert paris.exercice(datetime(2026, 12, 31, 22, 59, tzinfo=UTC)) == 2026
        assert paris.exercice(datetime(2026, 12, 31, 23, 0, tzinfo=UTC)) == 2027

    @pytest.mark.parametrize(
        "question", [paris.today, paris.exercice, paris.to_paris, paris.format_instant_fr, paris.format_instant_en]
    )
    def test_refuses_an_instant_without_a_zone(self, question: Callable[[datetime], object]) -> None:
        with pytest.raises(paris.NaiveDatetime):
            question(datetime(2026, 11, 24, 12, 0))  # noqa: DTZ001


class TestAt:
    def test_gives_utc(self) -> None:
        instant = paris.at(date(2026, 11, 24), time(14, 5))
        assert instant == datetime(2026, 11, 24, 13, 5, tzinfo=UTC)
        assert instant.tzinfo is UTC

    def test_takes_the_first_of_two_equal_hours(self) -> None:
        assert paris.at(AUTUMN, time(2, 30)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
        assert paris.at(AUTUMN, time(2, 30, fold=1)) == paris.at(AUTUMN, time(2, 30))

    def test_moves_an_hour_that_does_not_exist_forward(self) -> None:
        assert paris.to_paris(paris.at(SPRING, time(2, 30))).time() == time(3, 30)

    @pytest.mark.parametrize(
        ("day", "hour", "ambiguous", "imaginary"),
        [
            (AUTUMN, time(1, 59), False, False),
            (AUTUMN, time(2, 0), True, False),
            (AUTUMN, time(2, 59), True, False),
            (AUTUMN, time(3, 0), False, False),
            (SPRING, time(1, 59), False, False),
            (SPRING, time(2, 0), False, True),
            (SPRING, time(2, 59), False, True),
            (SPRING, time(3, 0), False, False),
        ],
    )
    def test_knows_which_hours_are_doubtful(self, day: date, hour: time, ambiguous: bool, imaginary: bool) -> None:
        assert paris.is_ambiguous(day, hour) == ambiguous
        assert paris.is_imaginary(day, hour) == imaginary

    def test_refuses_an_hour_that_has_a_zone(self) -> None:
        with pytest.raises(ValueError, match="no time zone"):
            paris.at(AUTUMN, time(2, 30, tzinfo=UTC))

    @given(days, st.times())
    def test_shows_that_hour_again_unless_it_does_not_exist(self, day: date, hour: time) -> None:
        local = paris.to_paris(paris.at(day, hour))
        assert paris.is_imaginary(day, hour) or (local.date(), local.time()) == (day, hour)


class TestDayBounds:
    @pytest.mark.parametrize(("day", "hours"), [(date(2026, 11, 24), 24), (SPRING, 23), (AUTUMN, 25)])
    def test_are_23_24_or_25_hours_apart(self, day: date, hours: int) -> None:
        first, after = paris.day_bounds(day)
        assert after - first == timedelta(hours=hours)

    @given(days)
    def test_hold_that_day_and_no_other(self, day: date) -> None:
        first, after = paris.day_bounds(day)
        assert paris.today(first) == day
        assert paris.today(after - timedelta(microseconds=1)) == day
        assert paris.today(first - timedelta(microseconds=1)) == day - timedelta(days=1)
        assert paris.today(after) == day + timedelta(days=1)


class TestWriting:
    def test_writes_days(self) -> None:
        assert paris.format_day_fr(date(2026, 11, 24)) == "24 novembre 2026"
        assert paris.format_day_fr(date(2026, 8, 1)) == "1er août 2026"
        assert paris.format_day_en(date(2026, 8, 1)) == "1 August 2026"

    def test_writes_instants_as_clocks_in_paris_show_them(self) -> None:
        instant = datetime(2026, 11, 24, 13, 5, tzinfo=UTC)
        assert paris.format_instant_fr(instant) == "24 novembre 2026 à 14\u00a0h\u00a005"
        assert paris.format_instant_en(instant) == "24 November 2026 at 14:05"

    def test_writes_small_hours(self) -> None:
        instant = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
        assert paris.format_instant_fr(instant) == "24 novembre 2026 à 0\u00a0h\u00a000"
        assert paris.format_instant_en(instant) == "24 November 2026 at 00:00"

    def test_names_the_twelve_months(self) -> None:
        assert [paris.format_day_fr(date(2026, month, 2)).split()[1] for month in (1, 2, 12)] == [
            "janvier",
            "février",
            "décembre",
        ]
