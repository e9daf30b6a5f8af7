"""Where a payment stands, in the words of a town hall: what is proved first, then what is merely announced."""

from enum import StrEnum

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.gateways.base import Outcome
from regal.payments.models import Attempt
from regal.payments.states import LIVE, State


class Standing(StrEnum):
    CONFIRMED = "confirmed"
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


NAMES: dict[Standing, Promise] = {
    Standing.CONFIRMED: _("confirmé"),
    Standing.ANNOUNCED_PAID: _("annoncé payé"),
    Standing.ANNOUNCED_REFUSED: _("annoncé refusé"),
    Standing.ANNOUNCED_ABANDONED: _("annoncé abandonné"),
    Standing.ANNOUNCED_UNCLEAR: _("annonce incomprise"),
    Standing.UNDER_WAY: _("en cours"),
    Standing.SILENT: _("sans nouvelles"),
    Standing.REFUSED: _("refusé"),
    Standing.ABANDONED: _("abandonné"),
    Standing.UNKNOWN: _("résultat inconnu"),
    Standing.NEVER_STARTED: _("jamais parti"),
}
LOOKS: dict[Standing, str] = {  # classes of the stylesheet
    Standing.CONFIRMED: "badge-good",
    Standing.ANNOUNCED_PAID: "badge-announced",
    Standing.ANNOUNCED_REFUSED: "badge-quiet",
    Standing.ANNOUNCED_ABANDONED: "badge-quiet",
    Standing.ANNOUNCED_UNCLEAR: "badge-warn",
    Standing.UNKNOWN: "badge-bad",
}

_PROVED = {
    State.PAID: Standing.CONFIRMED,
    State.REFUSED: Standing.REFUSED,
    State.ABANDONED: Standing.ABANDONED,
    State.UNKNOWN: Standing.UNKNOWN,
}
_ANNOUNCED = {
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


def standing_of(attempt: Attempt) -> Standing:
    """Proof, else the announcement, else the silence."""
    state = State(attempt.status)
    if state in _PROVED:
        return _PROVED[state]
    if attempt.announced:
        return _ANNOUNCED[Outcome(attempt.announced)]
    return _UNTOLD[state]


def where(standing: Standing) -> Q:
    """The attempts that stand so; `standing_of` says the same of each."""
    proved = [state for state, meant in _PROVED.items() if meant is standing]
    if proved:
        return Q(status__in=proved)
    announced = [outcome for outcome, meant in _ANNOUNCED.items() if meant is standing]
    if announced:
        return Q(announced__in=announced) & ~Q(status__in=list(_PROVED))
    return Q(announced="", status__in=[state for state, meant in _UNTOLD.items() if meant is standing])
