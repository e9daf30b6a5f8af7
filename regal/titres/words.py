"""What a titre is, in the words of a town hall."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.collectivites import debt_words
from regal.collectivites.debt_words import later_said, said
from regal.collectivites.models import DebtWord
from regal.titres.import_states import ImportState, Verdict
from regal.titres.models import Collector, DocumentKind, Titre
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
    ImportState.CONFIRMED: _("confirmé"),
    ImportState.DISCARDED: _("écarté"),
    ImportState.REFUSED: _("refusé"),
    ImportState.UNDOING: _("en train d’être défait"),
    ImportState.UNDONE: _("défait"),
}

VERDICT_NAMES: dict[Verdict, Promise] = {
    Verdict.NEW: _("nouvelle"),
    Verdict.CHANGED: _("changée"),
    Verdict.UNCHANGED: _("inchangée"),
    Verdict.REDUCES: _("avoir"),
    Verdict.CONFLICT: _("en conflit"),
    Verdict.ERROR: _("en erreur"),
    Verdict.LEFT_OUT: _("laissée de côté"),
}


def word_of(titre: Titre) -> str:
    """What a debt is called: as the town says of its régies', and as its paper says where the comptable collects."""
    if titre.collector == Collector.REGIE:
        return debt_words.active()
    return debt_words.ROLE if titre.document_kind == DocumentKind.ROLE else DebtWord.TITRE


def number_of(titre: Titre) -> str:
    """`000412`; of the comptable's, `2026-778`: their numbers begin again each exercice."""
    if titre.collector == Collector.REGIE:
        return titre.number
    return f"{titre.exercice}-{titre.number}" + (f"-{titre.line}" if titre.line != 1 else "")


def name_of(titre: Titre) -> str:
    """`Facture 000412`; of the comptable's, `Titre 2026-778`."""
    with debt_words.override(word_of(titre)):
        return said("%(Debt)s %(number)s", number=number_of(titre))


def short_name_of(titre: Titre) -> str:
    """Where everything is a debt of a régie, its number says enough: `000412`, but `Titre 2026-778`."""
    return titre.number if titre.collector == Collector.REGIE else name_of(titre)
