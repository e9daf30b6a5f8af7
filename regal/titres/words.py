"""What a titre is, in the words of a town hall."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.titres.import_states import ImportState, Verdict
from regal.titres.states import State

NAMES: dict[State, Promise] = {
    State.DRAFT: _("brouillon"),
    State.OPEN: _("à payer"),
    State.SUSPENDED: _("suspendue"),
    State.CANCELLED: _("annulée"),
    State.TRANSFERRED: _("transmise au comptable"),
    State.WRITTEN_OFF: _("abandonnée"),
    State.WITHDRAWN: _("retirée"),
    State.CLOSED: _("soldée chez le comptable"),
    State.REJECTED: _("rejetée par le comptable"),
}

IMPORT_NAMES: dict[ImportState, Promise] = {
    ImportState.RECEIVED: _("reçu, en attente de lecture"),
    ImportState.READING: _("en cours de lecture"),
    ImportState.PROPOSED: _("à confirmer"),
    ImportState.WRITING: _("en cours d’enregistrement"),
    ImportState.CONFIRMED: _("enregistré"),
    ImportState.DISCARDED: _("écarté"),
    ImportState.REFUSED: _("refusé"),
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
