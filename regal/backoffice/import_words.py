"""What imports are called on screens: their states, the verdicts on their lines, what confirming will do."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from regal.collectivites.debt_words import later_said, said
from regal.lib.money import NARROW_NO_BREAK_SPACE, Money
from regal.titres.import_states import ImportState, Verdict
from regal.titres.importers.base import FileFormat
from regal.titres.models import Collector

FORMATS: dict[str, Promise] = {
    FileFormat.CSV: gettext_lazy("tableau CSV"),
    FileFormat.XLSX: gettext_lazy("classeur XLSX"),
    FileFormat.PES_ALLER: gettext_lazy("flux PES Recette Aller"),
    FileFormat.PES_ORMC: gettext_lazy("flux PES ORMC"),
}
STATES: dict[ImportState, Promise] = {
    ImportState.RECEIVED: gettext_lazy("déposé"),
    ImportState.READING: gettext_lazy("lecture en cours"),
    ImportState.PROPOSED: gettext_lazy("à vérifier"),
    ImportState.WRITING: gettext_lazy("écriture en cours"),
    ImportState.CONFIRMED: gettext_lazy("confirmé"),
    ImportState.DISCARDED: gettext_lazy("écarté"),
    ImportState.REFUSED: gettext_lazy("refusé"),
    ImportState.UNDOING: gettext_lazy("en train d’être défait"),
    ImportState.UNDONE: gettext_lazy("défait"),
}
LOOKS: dict[ImportState, str] = {
    ImportState.RECEIVED: "badge-warn",
    ImportState.READING: "badge-announced",
    ImportState.PROPOSED: "badge-warn",
    ImportState.WRITING: "badge-announced",
    ImportState.UNDOING: "badge-announced",
    ImportState.CONFIRMED: "badge-good",
    ImportState.REFUSED: "badge-bad",
}
HEADINGS: dict[ImportState, Promise] = {
    ImportState.RECEIVED: gettext_lazy("Fichier déposé"),
    ImportState.READING: gettext_lazy("Lecture en cours"),
    ImportState.PROPOSED: gettext_lazy("Vérifiez avant de confirmer"),
    ImportState.WRITING: gettext_lazy("Enregistrement en cours"),
    ImportState.CONFIRMED: gettext_lazy("Cet import est confirmé"),
    ImportState.DISCARDED: gettext_lazy("Ce fichier a été écarté"),
    ImportState.REFUSED: gettext_lazy("Ce fichier ne peut pas être importé"),
    ImportState.UNDOING: gettext_lazy("Cet import est en train d’être défait"),
    ImportState.UNDONE: gettext_lazy("Cet import a été défait"),
}
VERDICTS: dict[Verdict, Promise] = {
    Verdict.NEW: gettext_lazy("nouvelle"),
    Verdict.CHANGED: gettext_lazy("changée"),
    Verdict.REDUCES: gettext_lazy("avoir"),
    Verdict.UNCHANGED: gettext_lazy("inchangée"),
    Verdict.CONFLICT: gettext_lazy("en conflit"),
    Verdict.ERROR: gettext_lazy("en erreur"),
    Verdict.LEFT_OUT: gettext_lazy("laissée de côté"),
}
PLURALS: dict[Verdict, Promise] = {
    Verdict.NEW: gettext_lazy("Nouvelles"),
    Verdict.CHANGED: gettext_lazy("Changées"),
    Verdict.REDUCES: gettext_lazy("Avoirs"),
    Verdict.UNCHANGED: gettext_lazy("Inchangées"),
    Verdict.CONFLICT: gettext_lazy("En conflit"),
    Verdict.ERROR: gettext_lazy("En erreur"),
    Verdict.LEFT_OUT: gettext_lazy("Laissées de côté"),
}
VERDICT_LOOKS: dict[Verdict, str] = {
    Verdict.NEW: "badge-good",
    Verdict.CHANGED: "badge-warn",
    Verdict.REDUCES: "badge-warn",
    Verdict.UNCHANGED: "badge-quiet",
    Verdict.CONFLICT: "badge-bad",
    Verdict.ERROR: "badge-bad",
    Verdict.LEFT_OUT: "badge-quiet",
}
MEANINGS: dict[Verdict, Promise] = {
    Verdict.NEW: gettext_lazy("Pas encore dans la base : elle y entre."),
    Verdict.CHANGED: gettext_lazy("Déjà dans la base, d’un autre montant : ce qui est dû change, l’histoire le garde."),
    Verdict.REDUCES: later_said(gettext_lazy("Réduit %(a_debt)s de la base.")),
    Verdict.UNCHANGED: gettext_lazy("Déjà dans la base, telle quelle : rien ne change."),
    Verdict.CONFLICT: later_said(
        gettext_lazy("Contredit %(a_debt)s payé%(e)s, en cours de paiement ou déjà décidé%(e)s : rien ne change.")
    ),
    Verdict.ERROR: later_said(gettext_lazy("Ne peut pas devenir %(a_debt)s : corrigez la ligne dans votre fichier.")),
    Verdict.LEFT_OUT: gettext_lazy("Un total, un exemple, ou ce que personne ne paie ici : sans effet."),
}
ORDER = (
    Verdict.ERROR,
    Verdict.CONFLICT,
    Verdict.NEW,
    Verdict.CHANGED,
    Verdict.REDUCES,
    Verdict.UNCHANGED,
    Verdict.LEFT_OUT,
)
DONE_TO_SOURCES: dict[str, Promise] = {
    "modifier": gettext_lazy("La source « %(name)s » est changée."),
    "oublier": gettext_lazy("La source « %(name)s » redemandera les colonnes au prochain tableau."),
    "fermer": gettext_lazy(
        "La source « %(name)s » est fermée : elle n’est plus proposée. Ses imports restent visibles."
    ),
    "rouvrir": gettext_lazy("La source « %(name)s » est rouverte : elle est de nouveau proposée."),
}
WARNED = "avertissement"  # the filter of lines that somebody should look at


def grouped(number: int) -> str:
    """12 345, with a space that does not break."""
    return f"{number:,}".replace(",", NARROW_NO_BREAK_SPACE)


def _euros(amount: Money | None) -> str:
    if amount is None:
        return ""
    return amount.format_en() if (get_language() or "").startswith("en") else amount.format_fr()


def summary(counts: Mapping[Verdict, int], *, total: Money | None) -> str:
    """« 5 lignes nouvelles, pour 215,20 € ; 1 avoir ; 2 en erreur. »"""
    phrases = [phrase for verdict in Verdict if (phrase := _phrase(verdict, counts.get(verdict, 0), total))]
    if not phrases:
        return _("Ce fichier ne contient aucune ligne à importer.")
    return _("%(phrases)s.") % {"phrases": _(" ; ").join(phrases)}


def _phrase(verdict: Verdict, number: int, total: Money | None) -> str:
    if not number:
        return ""
    told = {"number": grouped(number), "total": _euros(total)}
    if verdict is Verdict.NEW and total is not None:
        return (
            ngettext(
                "%(number)s ligne nouvelle, pour %(total)s",
                "%(number)s lignes nouvelles, pour %(total)s",
                number,
            )
            % told
        )
    forms = {
        Verdict.NEW: ngettext("%(number)s ligne nouvelle", "%(number)s lignes nouvelles", number),
        Verdict.CHANGED: ngettext("%(number)s changée", "%(number)s changées", number),
        Verdict.REDUCES: ngettext("%(number)s avoir", "%(number)s avoirs", number),
        Verdict.UNCHANGED: ngettext("%(number)s inchangée", "%(number)s inchangées", number),
        Verdict.CONFLICT: ngettext("%(number)s en conflit", "%(number)s en conflit", number),
        Verdict.ERROR: ngettext("%(number)s en erreur", "%(number)s en erreur", number),
        Verdict.LEFT_OUT: ngettext("%(number)s laissée de côté", "%(number)s laissées de côté", number),
    }
    return forms[verdict] % told


def promise(counts: Mapping[Verdict, int], *, total: Money | None, collector: str, as_drafts: bool) -> str:
    """What confirming will do, in one sentence."""
    told: list[str] = []
    new = counts.get(Verdict.NEW, 0)
    if new and as_drafts:
        words = ngettext("crée %(number)s brouillon", "crée %(number)s brouillons", new)
        told.append(words % {"number": grouped(new)})
    elif new and collector == Collector.REGIE:
        words = ngettext(
            "crée %(number)s %(debt)s, payable en ligne aussitôt, pour %(total)s",
            "crée %(number)s %(debts)s, payables en ligne aussitôt, pour %(total)s",
            new,
        )
        told.append(said(words, number=grouped(new), total=_euros(total)))
    elif new:
        words = ngettext(
            "fait connaître %(number)s titre du comptable, pour %(total)s",
            "fait connaître %(number)s titres du comptable, pour %(total)s",
            new,
        )
        told.append(words % {"number": grouped(new), "total": _euros(total)})
    changed = counts.get(Verdict.CHANGED, 0) + counts.get(Verdict.REDUCES, 0)
    if changed:
        words = ngettext(
            "change ce qui est dû de %(number)s %(debt)s", "change ce qui est dû de %(number)s %(debts)s", changed
        )
        told.append(said(words, number=grouped(changed)))
    wrong = counts.get(Verdict.ERROR, 0)
    if wrong and not told:
        return _no_line(wrong, some_are_there=bool(counts.get(Verdict.UNCHANGED, 0)))
    if not told:
        return _("Confirmer ne changerait rien : tout ce que dit ce fichier est déjà dans la base, ou n’y entre pas.")
    return _("Confirmer %(acts)s. Rien d’autre ne change.") % {"acts": _(" et ").join(told)}


def _no_line(wrong: int, *, some_are_there: bool) -> str:
    if some_are_there:
        words = ngettext(
            "Confirmer ne changerait rien : le reste est déjà dans la base, et %(number)s ligne est à corriger.",
            "Confirmer ne changerait rien : le reste est déjà dans la base, et %(number)s lignes sont à corriger.",
            wrong,
        )
    else:
        words = ngettext(
            "Aucune ligne de ce fichier ne peut entrer dans la base : %(number)s ligne est à corriger.",
            "Aucune ligne de ce fichier ne peut entrer dans la base : %(number)s lignes sont à corriger.",
            wrong,
        )
    return words % {"number": grouped(wrong)}
