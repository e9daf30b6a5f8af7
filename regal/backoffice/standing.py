"""Where a payment stands, in the words of a town hall."""

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.payments.models import Attempt
from regal.payments.standing import Standing, standing

NAMES: dict[Standing, Promise] = {
    Standing.CONFIRMED: _("confirmé"),
    Standing.PROVISIONAL: _("payé, à confirmer"),
    Standing.REVERSED: _("payé, puis annulé"),
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
    Standing.PROVISIONAL: "badge-announced",
    Standing.ANNOUNCED_PAID: "badge-announced",
    Standing.ANNOUNCED_REFUSED: "badge-quiet",
    Standing.ANNOUNCED_ABANDONED: "badge-quiet",
    Standing.ANNOUNCED_UNCLEAR: "badge-warn",
    Standing.REVERSED: "badge-bad",
    Standing.UNKNOWN: "badge-bad",
}


def standing_of(attempt: Attempt) -> Standing:
    """Where an attempt stands now, also one just changed in memory."""
    return standing(
        status=attempt.status,
        announced=attempt.announced,
        is_provisional=attempt.is_provisional,
        is_reversed=attempt.is_reversed,
    )


def where(standing: Standing) -> Q:
    """The attempts that stand so."""
    return Q(standing=standing)
