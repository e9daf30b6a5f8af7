"""Days and hours as they are lived in France; the only place that knows the time zone.

Instants are aware and kept in UTC; they become Paris at the edge (a page, a file, a protocol). Nothing here reads the
clock: the moment comes in as `now`.

The two nights when the clocks change:
- autumn, an hour happens twice: `at` answers the *first* time it is that hour (summer time);
- spring, an hour does not exist: `at` goes on counting from the hour before, so 02:30 becomes 03:30 summer time.
Both choices can be seen beforehand with `is_ambiguous` and `is_imaginary`.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from regal.lib.money import NO_BREAK_SPACE

PARIS = ZoneInfo("Europe/Paris")

_MONTHS_FR = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
]
_MONTHS_EN = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


_SATURDAY = 5
_FIXED_HOLIDAYS = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))  # (month, day)
_AFTER_EASTER = (1, 39, 50)  # Easter Monday, Ascension, Whit Monday


class NaiveDatetime(ValueError):
    """An instant without a time zone was given: a mistake of ours, never guessed away."""


def to_paris(instant: datetime) -> datetime:
    """Turn an aware instant into Paris time. Raises NaiveDatetime."""
    if instant.utcoffset() is None:
        raise NaiveDatetime("an instant must carry its time zone")
    return instant.astimezone(PARIS)


def today(now: datetime) -> date:
    """Say which day it is in Paris at that instant. Raises NaiveDatetime."""
    return to_paris(now).date()


def exercice(now: datetime) -> int:
    """Say which budget year is running in Paris at that instant: the calendar year. Raises NaiveDatetime."""
    return today(now).year


def at(day: date, hour: time) -> datetime:
    """Give the instant, in UTC, when clocks in Paris show that hour of that day.

    An hour that happens twice means its first time; an hour that does not exist is moved forward (see the module).
    Raises ValueError if the hour carries a time zone of its own.
    """
    return _local(day, hour).astimezone(UTC)


def is_ambiguous(day: date, hour: time) -> bool:
    """Say whether that hour happens twice that day (the autumn night)."""
    local = _local(day, hour)
    return not is_imaginary(day, hour) and local.utcoffset() != local.replace(fold=1).utcoffset()


def is_imaginary(day: date, hour: time) -> bool:
    """Say whether that hour is skipped that day (the spring night)."""
    local = _local(day, hour)
    return local.astimezone(UTC).astimezone(PARIS).replace(tzinfo=None) != local.replace(tzinfo=None)


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Give the first instant of a Paris day and the first of the next, in UTC: 23, 24 or 25 hours apart."""
    return at(day, time.min), at(day + timedelta(days=1), time.min)


def is_working_day(day: date) -> bool:
    """Say whether offices are open that day: neither a Saturday, a Sunday, nor a public holiday of metropolitan France.

    The eleven days of the Code du travail (article L3133-1). What Alsace, Moselle and the overseas add is not counted.
    """
    return day.weekday() < _SATURDAY and day not in _public_holidays(day.year)


def add_working_days(day: date, n: int) -> date:
    """Give the n-th working day after a day, be that day one or not; 0 gives it back. Raises ValueError if n < 0."""
    if n < 0:
        raise ValueError("working days are only counted forwards")
    for _ in range(n):
        day += timedelta(days=1)
        while not is_working_day(day):
            day += timedelta(days=1)
    return day


def format_day_fr(day: date) -> str:
    """Write a day in French: `24 novembre 2026`, `1er décembre 2026`."""
    number = "1er" if day.day == 1 else str(day.day)
    return f"{number} {_MONTHS_FR[day.month - 1]} {day.year}"


def format_day_en(day: date) -> str:
    """Write a day in English: `24 November 2026`."""
    return f"{day.day} {_MONTHS_EN[day.month - 1]} {day.year}"


def format_instant_fr(instant: datetime) -> str:
    """Write an instant in French, Paris time: `24 novembre 2026 à 14 h 05`. Raises NaiveDatetime."""
    return f"{format_day_fr(today(instant))} à {format_hour_fr(instant)}"


def format_instant_en(instant: datetime) -> str:
    """Write an instant in English, Paris time: `24 November 2026 at 14:05`. Raises NaiveDatetime."""
    return f"{format_day_en(today(instant))} at {format_hour_en(instant)}"


def format_hour_fr(instant: datetime) -> str:
    """Write its hour in French, Paris time: `14 h 05`. Raises NaiveDatetime."""
    local = to_paris(instant)
    return f"{local.hour}{NO_BREAK_SPACE}h{NO_BREAK_SPACE}{local.minute:02d}"


def format_hour_en(instant: datetime) -> str:
    """Write its hour in English, Paris time: `14:05`. Raises NaiveDatetime."""
    return f"{to_paris(instant):%H:%M}"


def _local(day: date, hour: time) -> datetime:
    if hour.tzinfo is not None:
        raise ValueError("the hour is Paris time already and carries no time zone")
    return datetime.combine(day, hour.replace(fold=0), tzinfo=PARIS)


@cache
def _public_holidays(year: int) -> frozenset[date]:
    easter = _easter(year)
    movable = (easter + timedelta(days=days) for days in _AFTER_EASTER)
    return frozenset([*(date(year, month, day) for month, day in _FIXED_HOLIDAYS), *movable])


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, by the rule of its epacts: the Sunday after the Paschal full moon."""
    golden, century = year % 19, year // 100
    moon = (century - century // 4 - (8 * century + 13) // 25 + 19 * golden + 15) % 30  # days from 21 March
    moon -= moon // 28 * (1 - (29 // (moon + 1)) * ((21 - golden) // 11))  # two full moons that the rule forbids
    full_moon = date(year, 3, 21) + timedelta(days=moon)
    return full_moon + timedelta(days=6 - full_moon.weekday() or 7)
