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


class TestWorkingDays:
    @pytest.mark.parametrize(
        "easter",
        [
            date(1954, 4, 18),  # the rule's first exception
            date(1961, 4, 2),
            date(1981, 4, 19),  # its second
            date(2008, 3, 23),
            date(2011, 4, 24),
            date(2024, 3, 31),
            date(2025, 4, 20),
            date(2026, 4, 5),
            date(2027, 3, 28),
            date(2038, 4, 25),  # the latest possible
            date(2285, 3, 22),  # the earliest possible
        ],
    )
    def test_rest_on_the_days_that_follow_easter(self, easter: date) -> None:
        for after in (1, 39, 50):
            assert not paris.is_working_day(easter + timedelta(days=after))
        assert paris.is_working_day(easter + timedelta(days=2))  # a Tuesday
        assert easter.weekday() == 6

    def test_of_2026_are_all_but_week_ends_and_public_holidays(self) -> None:
        year = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
        off = [f"{day:%d/%m}" for day in year if day.weekday() < 5 and not paris.is_working_day(day)]
        assert off == ["01/01", "06/04", "01/05", "08/05", "14/05", "25/05", "14/07", "11/11", "25/12"]
        assert not any(paris.is_working_day(day) for day in year if day.weekday() >= 5)

    @pytest.mark.parametrize(
        ("day", "n", "then"),
        [
            (date(2026, 11, 24), 0, date(2026, 11, 24)),
            (date(2026, 11, 24), 1, date(2026, 11, 25)),
            (date(2026, 11, 24), 2, date(2026, 11, 26)),
            (date(2026, 11, 26), 2, date(2026, 11, 30)),  # over a week-end
            (date(2026, 11, 28), 1, date(2026, 11, 30)),  # from a Saturday
            (date(2026, 12, 24), 1, date(2026, 12, 28)),  # Christmas, then a week-end
            (date(2026, 12, 31), 2, date(2027, 1, 5)),  # into the next year
            (date(2026, 5, 7), 1, date(2026, 5, 11)),
            (date(2026, 4, 3), 1, date(2026, 4, 7)),  # Easter
        ],
    )
    def test_are_counted_from_the_day_after(self, day: date, n: int, then: date) -> None:
        assert paris.add_working_days(day, n) == then

    @given(days, st.integers(min_value=1, max_value=30))
    def test_never_end_on_a_day_off(self, day: date, n: int) -> None:
        then = paris.add_working_days(day, n)
        assert paris.is_working_day(then)
        assert sum(paris.is_working_day(day + timedelta(days=k + 1)) for k in range((then - day).days)) == n

    def test_are_not_counted_backwards(self) -> None:
        with pytest.raises(ValueError, match="forwards"):
            paris.add_working_days(date(2026, 11, 24), -1)
