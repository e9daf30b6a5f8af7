"""Where a payment stands, for people: what is proved first, then what is merely announced, then the silence.

PostgreSQL writes it beside each attempt (`Attempt.standing`, a generated column), so that lists filter and count by it.
"""

from enum import StrEnum

from django.db.models import Case, CharField, Value, When

from regal.gateways.base import Outcome
from regal.payments.states import LIVE, State


class Standing(StrEnum):
    CONFIRMED = "confirmed"
    PROVISIONAL = "provisional"  # settled by a signature alone, and not confirmed yet
    REVERSED = "reversed"  # settled, and a person has recorded since that the money is gone
    ANNOUNCED_PAID = "announced_paid"
    ANNOUNCED_REFUSED = "announced_refused"
    ANNOUNCED_ABANDONED = "announced_abandoned"
    ANNOUNCED_UNCLEAR = "announced_unclear"
    UNDER_WAY = "under_way"
    SILENT = "silent"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    UNKNOWN = "unknown"
    NEVER_STARTED = "never_started"


_PROVED = {
    State.PAID: Standing.CONFIRMED,
    State.REFUSED: Standing.REFUSED,
    State.ABANDONED: Standing.ABANDONED,
    State.UNKNOWN: Standing.UNKNOWN,
}
ANNOUNCED = {  # only who asks hears that a payment is forgotten
    Outcome.PAID: Standing.ANNOUNCED_PAID,
    Outcome.REFUSED: Standing.ANNOUNCED_REFUSED,
    Outcome.ABANDONED: Standing.ANNOUNCED_ABANDONED,
    Outcome.PENDING: Standing.ANNOUNCED_UNCLEAR,
    Outcome.UNKNOWN: Standing.ANNOUNCED_UNCLEAR,
}
_UNTOLD = {
    **dict.fromkeys(LIVE, Standing.UNDER_WAY),
    State.EXPIRED_PRESUMED: Standing.SILENT,
    State.NEVER_STARTED: Standing.NEVER_STARTED,
}


def standing(*, status: str, announced: str, is_provisional: bool = False, is_reversed: bool = False) -> Standing:
    """The reversal, else proof, else the announcement, else the silence."""
    state = State(status)
    if is_reversed:
        return Standing.REVERSED
    if is_provisional:
        return Standing.PROVISIONAL
    if state in _PROVED:
        return _PROVED[state]
    return ANNOUNCED[Outcome(announced)] if announced else _UNTOLD[state]


def standing_in_sql() -> Case:
    """The same, said to PostgreSQL. A change of the tables above needs a migration that makes the column again."""
    whens = [
        When(is_reversed=True, then=Value(Standing.REVERSED.value)),
        When(is_provisional=True, then=Value(Standing.PROVISIONAL.value)),
        *(When(status=state.value, then=Value(meant.value)) for state, meant in _PROVED.items()),
        *(When(announced=outcome.value, then=Value(meant.value)) for outcome, meant in ANNOUNCED.items()),
        *(When(status=state.value, then=Value(meant.value)) for state, meant in _UNTOLD.items()),
    ]
    return Case(*whens, default=Value(""), output_field=CharField())
