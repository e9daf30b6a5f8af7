"""What a titre is, in the words of a town hall."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.titres.states import State

NAMES: dict[State, Promise] = {
    State.DRAFT: _("brouillon"),
    State.OPEN: _("à payer"),
    State.SUSPENDED: _("suspendue"),
    State.CANCELLED: _("annulée"),
    State.TRANSFERRED: _("transmise au comptable"),
    State.WRITTEN_OFF: _("abandonnée"),
    State.CLOSED: _("soldée chez le comptable"),
    State.REJECTED: _("rejetée par le comptable"),
}
