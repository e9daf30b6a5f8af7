"""By when a case must have been looked at: the end of the working day after the one it was opened on."""

from datetime import datetime

from regal.cases.models import Case
from regal.lib import paris


def look_due_at(opened_at: datetime) -> datetime:
    """The first instant at which a case that nobody has looked at is late."""
    _, end = paris.day_bounds(paris.add_working_days(paris.today(opened_at), 1))
    return end


def is_late(case: Case, *, now: datetime) -> bool:
    """Whether an open case was never looked at in time, and still is not."""
    return case.is_open and case.first_seen_at is None and now >= look_due_at(case.opened_at)


def age_in_days(case: Case, *, now: datetime) -> int:
    """How many times midnight has passed in Paris since it was opened."""
    return (paris.today(now) - paris.today(case.opened_at)).days
