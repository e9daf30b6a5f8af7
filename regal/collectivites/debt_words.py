"""What a town calls the debts of its régies (facture, avis, titre), and how a sentence agrees with the word.

A sentence holds blanks: `%(the_debt)s`, `%(a_debt)s`, `%(debts)s`… and, where no other wording does, `%(it)s` and
`%(e)s`, which agrees a participle ("annulé%(e)s"; nothing in English). The word is active as a language is: the door of
a town's pages activates it, and a sentence is written by `said`, or by `later_said` where it is written before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils.functional import Promise, lazystr
from django.utils.translation import get_language, ngettext

from regal.collectivites.models import DebtWord

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_ROWS: dict[str, tuple[tuple[str, str], tuple[str, str], tuple[str, str]]] = {
    # blank: (facture, avis, titre), each in French and in English
    "debt": (("facture", "invoice"), ("avis", "notice"), ("titre", "titre")),
    "debt_in_french": (("facture", "facture"), ("avis", "avis"), ("titre", "titre")),  # what a file must say
    "Debt": (("Facture", "Invoice"), ("Avis", "Notice"), ("Titre", "Titre")),
    "debts": (("factures", "invoices"), ("avis", "notices"), ("titres", "titres")),
    "Debts": (("Factures", "Invoices"), ("Avis", "Notices"), ("Titres", "Titres")),
    "a_debt": (("une facture", "an invoice"), ("un avis", "a notice"), ("un titre", "a titre")),
    "A_debt": (("Une facture", "An invoice"), ("Un avis", "A notice"), ("Un titre", "A titre")),
    "another_debt": (
        ("une autre facture", "another invoice"),
        ("un autre avis", "another notice"),
        ("un autre titre", "another titre"),
    ),
    "the_debt": (("la facture", "the invoice"), ("l’avis", "the notice"), ("le titre", "the titre")),
    "The_debt": (("La facture", "The invoice"), ("L’avis", "The notice"), ("Le titre", "The titre")),
    "the_same_debt": (
        ("la même facture", "the same invoice"),
        ("le même avis", "the same notice"),
        ("le même titre", "the same titre"),
    ),
    "this_debt": (("cette facture", "this invoice"), ("cet avis", "this notice"), ("ce titre", "this titre")),
    "This_debt": (("Cette facture", "This invoice"), ("Cet avis", "This notice"), ("Ce titre", "This titre")),
    "of_the_debt": (("de la facture", "of the invoice"), ("de l’avis", "of the notice"), ("du titre", "of the titre")),
    "of_a_debt": (("d’une facture", "of an invoice"), ("d’un avis", "of a notice"), ("d’un titre", "of a titre")),
    "of_this_debt": (
        ("de cette facture", "of this invoice"),
        ("de cet avis", "of this notice"),
        ("de ce titre", "of this titre"),
    ),
    "of_debts": (("de factures", "of invoices"), ("d’avis", "of notices"), ("de titres", "of titres")),
    "all_debts": (
        ("toutes les factures", "all the invoices"),
        ("tous les avis", "all the notices"),
        ("tous les titres", "all the titres"),
    ),
    "no_debt": (("aucune facture", "no invoice"), ("aucun avis", "no notice"), ("aucun titre", "no titre")),
    "No_debt": (("Aucune facture", "No invoice"), ("Aucun avis", "No notice"), ("Aucun titre", "No titre")),
    "it": (("elle", "it"), ("il", "it"), ("il", "it")),
    "It": (("Elle", "It"), ("Il", "It"), ("Il", "It")),
    "e": (("e", ""), ("", ""), ("", "")),
}
FORMS: dict[str, dict[str, dict[str, str]]] = {
    word: {tongue: {name: row[place][nth] for name, row in _ROWS.items()} for nth, tongue in enumerate(("fr", "en"))}
    for place, word in enumerate((DebtWord.FACTURE, DebtWord.AVIS, DebtWord.TITRE))
}
ROLE = "role"
"""No town calls its debts so: it is what the comptable collects under a rôle. It agrees as a titre does."""

FORMS[ROLE] = {
    tongue: {name: form.replace("titre", "rôle").replace("Titre", "Rôle") for name, form in forms.items()}
    for tongue, forms in FORMS[DebtWord.TITRE].items()
}

_active: ContextVar[str] = ContextVar("debt_word", default=DebtWord.FACTURE)


def activate(word: str) -> None:
    """From now on, in this request, debts are called so."""
    _active.set(DebtWord(word))


@contextmanager
def override(word: str) -> Iterator[None]:
    """Debts are called so within this block, and as before after it."""
    before = _active.set(word)
    try:
        yield
    finally:
        _active.reset(before)


def active() -> str:
    """The word of this request."""
    return _active.get()


def forms() -> dict[str, str]:
    """What fills the blanks, in the active language."""
    return FORMS[_active.get()]["en" if (get_language() or "fr").startswith("en") else "fr"]


def in_templates(_request: HttpRequest) -> dict[str, str]:
    """The blanks, for every page: {{ the_debt }}. A page's own names go before these."""
    return dict(forms())


def said(sentence: str | Promise, **values: Any) -> str:
    """A sentence with its blanks filled: those of the word, and `values`."""
    return str(sentence) % (forms() | values)


class _Later:
    """A sentence that is filled each time it is shown: the label of a field, the name of a choice."""

    def __init__(self, sentence: str | Promise) -> None:
        self._sentence = sentence

    def __str__(self) -> str:
        return said(self._sentence)


def counted(number: int) -> str:
    """`1 facture`, `12 000 avis`."""
    shown = f"{number:,}"
    if not (get_language() or "fr").startswith("en"):
        shown = shown.replace(",", "\N{NO-BREAK SPACE}")
    return said(ngettext("%(number)s %(debt)s", "%(number)s %(debts)s", number), number=shown)


def later_said(sentence: str | Promise) -> "_StrPromise":
    """The same for what stands in a class or in a table: filled each time it is shown."""
    return lazystr(_Later(sentence))
