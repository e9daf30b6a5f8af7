"""What a titre is, in the words of a town hall."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.collectivites.debt_words import later_said
from regal.titres.import_states import ImportState, Verdict
from regal.titres.states import State

NAMES: dict[State, Promise] = {
    State.DRAFT: _("brouillon"),
    State.OPEN: _("à payer"),
    State.SUSPENDED: later_said(_("suspendu%(e)s")),
    State.CANCELLED: later_said(_("annulé%(e)s")),
    State.TRANSFERRED: later_said(_("transmis%(e)s au comptable")),
    State.WRITTEN_OFF: later_said(_("abandonné%(e)s")),
    State.WITHDRAWN: later_said(_("retiré%(e)s")),
    State.CLOSED: later_said(_("soldé%(e)s chez le comptable")),
    State.REJECTED: later_said(_("rejeté%(e)s par le comptable")),
}

IMPORT_NAMES: dict[ImportState, Promise] = {
    ImportState.RECEIVED: _("reçu, en attente de lecture"),
    ImportState.READING: _("en cours de lecture"),
    ImportState.PROPOSED: _("à confirmer"),
    ImportState.WRITING: _("en cours d’enregistrement"),
    ImportState.CONFIRMED: _("enregistré"),
    ImportState.DISCARDED: _("écarté"),
    ImportState.REFUSED: _("refusé"),
    ImportState.UNDOING: _("en train d’être défait"),
    ImportState.UNDONE: _("annulé"),
}

VERDICT_NAMES: dict[Verdict, Promise] = {
    Verdict.NEW: _("nouvelle"),
    Verdict.CHANGED: _("montant changé"),
    Verdict.UNCHANGED: _("déjà là, sans changement"),
    Verdict.REDUCES: _("réduction"),
    Verdict.CONFLICT: _("en conflit"),
    Verdict.ERROR: _("à corriger"),
    Verdict.LEFT_OUT: _("laissée de côté"),
}
