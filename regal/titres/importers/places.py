"""Where something stands in a file: kept in no language, said in the reader's.

A row of a table is kept as "", since a line has the row's number; a piece of a PES as `B|57|412`, its line as
`B|57|412|1`, an article of a rôle as `A|3|1`.
"""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase

from django.utils.translation import gettext as _

from regal.titres.importers.base import Trouble
from regal.titres.importers.columns import Meaning

ROW = ""
_PIECE, _ARTICLE, _BETWEEN = "B", "A", "|"
_ELEMENTS: Mapping[Meaning, str] = {
    Meaning.NUMBER: "IdPce",
    Meaning.PRODUCT: "CodProdLoc",
    Meaning.AMOUNT: "MtHT",
    Meaning.ISSUED_ON: "DteBordEm",
    Meaning.EXERCICE: "Exer",
    Meaning.NAME: "Nom",
}
_ABOUT: Mapping[str, Meaning] = {  # what is judged once a line is read, of which no reader says the column
    "L301": Meaning.REGIE,
    "L302": Meaning.PRODUCT,
    "L304": Meaning.PRODUCT,
    "L305": Meaning.NUMBER,
    "L306": Meaning.AMOUNT,
    "L307": Meaning.AMOUNT,
    "L308": Meaning.EXERCICE,
    "L309": Meaning.ISSUED_ON,
    "L310": Meaning.DUE_ON,
    "L313": Meaning.NUMBER,
    "L314": Meaning.NUMBER,
    "L315": Meaning.NUMBER,
    "L316": Meaning.NUMBER,
    "L317": Meaning.NAME,
    "L320": Meaning.NUMBER,
    "L321": Meaning.NUMBER,
    "L322": Meaning.NUMBER,
    "L323": Meaning.NUMBER,
    "L325": Meaning.PRODUCT,
    "L326": Meaning.REDUCES,
    "L327": Meaning.AMOUNT,
    "L328": Meaning.AMOUNT,
    "L329": Meaning.NUMBER,
}


def of_piece(batch: str, number: str, line: str = "") -> str:
    """A piece of a bordereau, or one of its lines."""
    return _kept(_PIECE, batch, number, *([line] if line else []))


def of_article(batch: str, number: str) -> str:
    """An article of a rôle."""
    return _kept(_ARTICLE, batch, number)


def _kept(*parts: str) -> str:
    return _BETWEEN.join(part.replace(_BETWEEN, " ") for part in parts)


def said(place: str, number: int) -> str:
    """« ligne 12 », « bordereau 57, pièce 412, ligne 1 »; what an older version kept in words, as it is."""
    if place == ROW:
        return _("ligne %(line)s") % {"line": number}
    match place.split(_BETWEEN):
        case [kind, batch, piece, line] if kind == _PIECE:
            told = {"batch": batch, "number": piece, "line": line}
            return _("bordereau %(batch)s, pièce %(number)s, ligne %(line)s") % told
        case [kind, batch, piece] if kind == _PIECE:
            return _("bordereau %(batch)s, pièce %(number)s") % {"batch": batch, "number": piece}
        case [kind, batch, article] if kind == _ARTICLE:
            return _("rôle %(batch)s, article %(number)s") % {"batch": batch, "number": article}
    return place


def cell(trouble: Trouble, *, place: str, number: int, columns: Sequence[str], meanings: Mapping[str, str]) -> str:
    """« colonne C (MONTANT), ligne 14 », or an element of a PES; "" where a whole line is meant.

    `columns`: of the file, in order, [] of a PES. `meanings`: what each was read as, where that is known.
    """
    about = _ABOUT.get(trouble.code)
    if not columns:
        return trouble.where or (_ELEMENTS.get(about, "") if about else "")
    name = trouble.where or meanings.get(about or "", "")
    if name not in columns:
        return name
    told = {"letters": letters(columns.index(name)), "name": name, "line": said(place, number)}
    if name.isdecimal():  # a column without a title bears its rank
        return _("colonne %(letters)s, %(line)s") % told
    return _("colonne %(letters)s (%(name)s), %(line)s") % told


def letters(rank: int) -> str:
    """A column as spreadsheets name it: 0 is A, 26 is AA."""
    name = ""
    rank += 1
    while rank:
        rank, last = divmod(rank - 1, 26)
        name = ascii_uppercase[last] + name
    return name
