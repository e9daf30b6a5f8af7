"""What each kind of PES piece is to a base of titres, by the type of its bordereau, its own type and its nature.

Code lists and allowed combinations: the DGFiP's technical dossier of PES V2 v5.19 (25 October 2022), annex 2. What
becomes of each: only what a citizen is asked to pay, and has not paid already, is a debt.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from regal.titres.importers.base import Nature, Weight
from regal.titres.models import DocumentKind

ORDINARY, REDUCTIONS, ORDERS, ROLE = "01", "02", "03", "06"  # TypBord
BORDEREAUX = frozenset({ORDINARY, REDUCTIONS, ORDERS, ROLE})
PIECES = frozenset(f"{number:02d}" for number in (*range(1, 8), *range(9, 13), 14, 15))  # TypPce of an Aller
NATURES = frozenset(f"{number:02d}" for number in (*range(1, 12), 18))  # NatPce
MAIN, JOINTLY, CO_DEBTOR = "01", "03", "04"  # TypTiers
TITRE = "01"  # NatPceOrig


@dataclass(frozen=True)
class PieceKind:
    """What a kind of piece is, and what is said of it."""

    nature: Nature
    document_kind: DocumentKind = DocumentKind.TITRE
    code: str = ""  # of the trouble that says why
    weight: Weight = Weight.NOTICE


_DEBT = PieceKind(Nature.DEBT)
_SUPPLEMENT = PieceKind(Nature.DEBT, code="L240")
_REISSUED = PieceKind(Nature.DEBT, code="L241")
_ARTICLE = PieceKind(Nature.DEBT, DocumentKind.ROLE)
_REDUCTION = PieceKind(Nature.REDUCTION)
_OF_A_REGIE = PieceKind(Nature.NOT_PAYABLE, code="L230")
_COLLECTED = PieceKind(Nature.NOT_PAYABLE, code="L231")
_SUMS_UP = PieceKind(Nature.NOT_PAYABLE, code="L232")
_ENTRY = PieceKind(Nature.NOT_PAYABLE, code="L233")
_SEVERAL_YEARS = PieceKind(Nature.NOT_PAYABLE, code="L234", weight=Weight.WARNING)
_SURCHARGE = PieceKind(Nature.NOT_PAYABLE, code="L235", weight=Weight.WARNING)
_ORDER = PieceKind(Nature.NOT_PAYABLE, code="L236")

_KINDS: Mapping[tuple[str, str], Mapping[PieceKind, str]] = {
    (ORDINARY, "01"): {_DEBT: "01 02 03 04 11 18", _OF_A_REGIE: "05"},
    (ORDINARY, "02"): {_SUPPLEMENT: "07", _REISSUED: "08", _ENTRY: "09"},
    (ORDINARY, "03"): {_ENTRY: "01 02 03 04 18", _OF_A_REGIE: "05"},
    (ORDINARY, "04"): {_ENTRY: "01 02 03 04", _OF_A_REGIE: "05"},
    (ORDINARY, "05"): {_COLLECTED: "01 02 03 04", _OF_A_REGIE: "05"},
    (ORDINARY, "06"): {_SUMS_UP: "01", _OF_A_REGIE: "05"},
    (ORDINARY, "07"): {_SUMS_UP: "01", _OF_A_REGIE: "05"},
    (ORDINARY, "09"): {_SURCHARGE: "01"},
    (ORDINARY, "10"): {_SEVERAL_YEARS: "01 02"},
    (ORDINARY, "11"): {_ENTRY: "01 02 04"},
    (ORDINARY, "14"): {_ENTRY: "01"},
    (REDUCTIONS, "02"): {_REDUCTION: "06 10"},
    (REDUCTIONS, "04"): {_REDUCTION: "06"},
    (REDUCTIONS, "06"): {_REDUCTION: "06"},
    (REDUCTIONS, "14"): {_REDUCTION: "06"},
    (ORDERS, "12"): {_ORDER: "01 02 11"},
    (ROLE, "15"): {_ARTICLE: "01"},
}
KINDS: Mapping[tuple[str, str, str], PieceKind] = {
    (bordereau, piece, nature): kind
    for (bordereau, piece), kinds in _KINDS.items()
    for kind, natures in kinds.items()
    for nature in natures.split()
}


def kind_of(bordereau: str, piece: str, nature: str, *, several_years: bool) -> PieceKind | None:
    """What such a piece is; None for a combination that PES does not know."""
    kind = KINDS.get((bordereau, piece, nature))
    return _DEBT if kind is _SEVERAL_YEARS and several_years else kind
