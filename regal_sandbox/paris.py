"""Days and hours as France counts them."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


def in_paris(moment: datetime) -> datetime:
    """The same instant, read on a Paris clock. `moment` must be aware."""
    if moment.tzinfo is None:
        raise ValueError("a moment must be aware")
    return moment.astimezone(PARIS)


def paris_day(moment: datetime) -> date:
    return in_paris(moment).date()


def easter(year: int) -> date:
    """Easter Sunday in the Gregorian calendar (anonymous algorithm)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def public_holidays(year: int) -> frozenset[date]:
    """The eleven legal holidays of metropolitan France."""
    sunday = easter(year)
    fixed = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)]
    moving = [sunday + timedelta(days=1), sunday + timedelta(days=39), sunday + timedelta(days=50)]
    return frozenset([date(year, month, day) for month, day in fixed] + moving)


def next_working_day(day: date) -> date:
    """The first day after `day` that is neither Saturday, Sunday nor a public holiday."""
    day += timedelta(days=1)
    while day.weekday() >= 5 or day in public_holidays(day.year):
        day += timedelta(days=1)
    return day
