"""What a titre is, in the words of a town hall."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.collectivites.debt_words import later_said
from regal.titres.states import State

NAMES: dict[State, Promise] = {
    State.DRAFT: _("brouillon"),
    State.OPEN: _("à payer"),
    State.SUSPENDED: later_said(_("suspendu%(e)s")),
    State.CANCELLED: later_said(_("annulé%(e)s")),
    State.TRANSFERRED: later_said(_("transmis%(e)s au comptable")),
    State.WRITTEN_OFF: later_said(_("abandonné%(e)s")),
}
