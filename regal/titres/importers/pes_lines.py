"""What the pieces of a PES Recette Aller say, judged: one line of the report per line of a titre or article of a rôle.

A titre's lines are debts of their own; an article is one debt, the sum of its lines. What cannot be identified or
counted for sure is an error, never a guess.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import groupby

from regal.lib.card_numbers import holds_card_number
from regal.lib.money import Money
from regal.lib.references import TitreReference
from regal.lib.siret import is_siret
from regal.titres.importers import places
from regal.titres.importers.base import FiledDebtor, FiledTitre, Line, Nature, Reduced, Trouble, Weight
from regal.titres.importers.pes_flow import (
    COLLECTED,
    RANK,
    TOO_MANY,
    TWICE,
    Bordereau,
    Record,
    Values,
    cents_of,
    shown,
)
from regal.titres.importers.pes_keys import first_keys, second_key
from regal.titres.importers.pes_kinds import (
    BORDEREAUX,
    CO_DEBTOR,
    JOINTLY,
    MAIN,
    NATURES,
    PIECES,
    ROLE,
    TITRE,
    PieceKind,
    kind_of,
)
from regal.titres.models import DocumentKind

LONGEST_LABEL = 100
LONGEST_NAME = 120
LONGEST_ADDRESS = 60  # of one line of it, or a city; PES has 38
LONGEST_REFERENCE = 30  # of a debtor
MOST_KINDS = 200  # remembered, of one bordereau
LARGEST = 9_999_999_99  # cents, of one debt
RECOVERED_FROM = 15_00  # cents: below, the comptable does not recover a debt

_DIGITS = re.compile(r"[0-9]+")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PERIOD = re.compile(r"[0-9]")
_Judged = tuple[str, FiledTitre | None, tuple[Trouble, ...]]  # where, what, what is wrong
_ERROR, _WARNING, _NOTICE = Weight.ERROR, Weight.WARNING, Weight.NOTICE


def number_of(text: str, longest: int) -> str | None:
    """A number of a PES: its leading zeros mean nothing. None unless it has 1 to `longest` digits and is not 0."""
    text = text.strip()
    if not _DIGITS.fullmatch(text):
        return None
    text = text.lstrip("0")
    return text if text and len(text) <= longest else None


@lru_cache(maxsize=1024)
def day_of(text: str) -> date | None:
    """A date written 2026-03-12. None if there is no such day."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def clean(text: str) -> str:
    """A text of one line, without what cannot be printed or repeated spaces."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _trouble(code: str, weight: Weight, where: str = "", **said: str) -> Trouble:
    return Trouble(code, weight, where, said)


def _missing_or_unreadable(told: Values, element: str, weight: Weight = _ERROR) -> Trouble:
    value = told.get(element, "").strip()
    return _trouble("L211", weight, element, value=shown(value)) if value else _trouble("L210", weight, element)


def _twice(told: Values) -> list[Trouble]:
    return [_trouble("L212", _ERROR, told[TWICE])] if TWICE in told else []


def _code(told: Values, element: str, known: frozenset[str], troubles: list[Trouble]) -> str:
    """A code of two digits, "" unless it is known."""
    value = told.get(element, "").strip()
    code = value.zfill(2)
    if not value:
        troubles.append(_trouble("L210", _ERROR, element))
    elif code not in known:
        troubles.append(_trouble("L213", _ERROR, element, value=shown(value)))
    else:
        return code
    return ""


class _Numbers:
    """A set of whole numbers that takes little room when they follow each other."""

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def add(self, number: int) -> bool:
        """Add it; say whether it was there already."""
        page = self._pages.get(number >> 10)
        if page is None:
            page = self._pages[number >> 10] = bytearray(128)
        place, bit = (number >> 3) & 127, 1 << (number & 7)
        was_there = bool(page[place] & bit)
        page[place] |= bit
        return was_there


@dataclass(frozen=True)
class File:
    """What the lines need to know of their file."""

    budget: str  # CodBud
    entity: str  # CodCol
    several_years: bool = False


@dataclass
class _Head:
    """A bordereau's head, read."""

    kind: str  # TypBord, "" if unknown
    exercice: int | None
    batch: str
    issued_on: date | None
    label: str
    troubles: tuple[Trouble, ...]
    numbers: _Numbers = field(default_factory=_Numbers)  # of the pieces seen
    kinds: dict[tuple[str, str], tuple[PieceKind | None, str, tuple[Trouble, ...]]] = field(default_factory=dict)


def lines_of(bordereau: Bordereau, file: File, ranks: Iterator[int]) -> Iterator[Line]:
    """The lines of one bordereau, numbered from `ranks`."""
    for place, titre, troubles in _judged(bordereau, file):
        yield Line(next(ranks), place, titre, troubles, _key(titre))


def _key(titre: FiledTitre | None) -> tuple[str, ...]:
    """Reductions have numbers of their own; orders too. The budget is the file's."""
    if titre is None:
        return ()
    series = "reduction" if titre.nature is Nature.REDUCTION else titre.document_kind.value
    return series, str(titre.exercice), titre.number, str(titre.line)


def _judged(bordereau: Bordereau, file: File) -> Iterator[_Judged]:
    head = _read_head(bordereau)
    for _rank, records in groupby(bordereau.records(), key=_rank_of):
        yield from _lines_of_piece(records, head, file)


def _lines_of_piece(records: Iterator[Record], head: _Head, file: File) -> Iterator[_Judged]:
    first = next(records)
    piece = _Piece(first[0], head, file)
    if first[1] is None:
        yield piece.place, None, (*piece.troubles, _trouble("L259", _ERROR, "LigneDePiece"))
    elif piece.is_article:
        yield _article(piece, first, records)
    else:
        yield _line(piece, first)
        for record in records:
            yield _line(piece, record)


def _rank_of(record: Record) -> str:
    return record[0][RANK]


def _kind(told: Values, head: _Head, file: File) -> tuple[PieceKind | None, str, tuple[Trouble, ...]]:
    """What a piece is, its nature, and what is wrong with its codes."""
    codes = told.get("TypPce", ""), told.get("NatPce", "")
    found = head.kinds.get(codes)
    if found is None:
        troubles: list[Trouble] = []
        piece = _code(told, "TypPce", PIECES, troubles)
        nature = _code(told, "NatPce", NATURES, troubles)
        kind = kind_of(head.kind, piece, nature, several_years=file.several_years)
        if kind is None and head.kind and piece and nature:
            troubles.append(_trouble("L214", _ERROR, "TypPce", bordereau=head.kind, piece=piece, nature=nature))
        found = kind, nature, tuple(troubles)
        if len(head.kinds) < MOST_KINDS:
            head.kinds[codes] = found
    return found


def _read_head(bordereau: Bordereau) -> _Head:
    told = bordereau.told
    troubles = _twice(told)
    kind = _code(told, "TypBord", BORDEREAUX, troubles)
    exercice = number_of(told.get("Exer", ""), 4)
    if exercice is None or not 1000 <= int(exercice) <= 9998:
        troubles.append(_missing_or_unreadable(told, "Exer"))
        exercice = None
    batch = number_of(told.get("IdBord", ""), 7)
    if batch is None:
        troubles.append(_missing_or_unreadable(told, "IdBord", _WARNING))
    issued_on = day_of(told.get("DteBordEm", "").strip())
    if issued_on is None:
        troubles.append(_missing_or_unreadable(told, "DteBordEm"))
    elif exercice is not None and issued_on.year not in (int(exercice), int(exercice) + 1):
        troubles.append(_trouble("L226", _WARNING, "Exer", exercice=exercice, day=issued_on.isoformat()))
    troubles += _asp_trouble(told, issued_on)
    troubles += _control_troubles(bordereau)
    return _Head(
        kind=kind,
        exercice=int(exercice) if exercice else None,
        batch=batch or "",
        issued_on=issued_on,
        label=clean(told.get("Objet", "")),
        troubles=tuple(troubles),
    )


def _asp_trouble(told: Values, issued_on: date | None) -> list[Trouble]:
    """The notice cannot be sent before the debt is issued."""
    text = told.get("DteAsp", "").strip()
    if not text:
        return []
    sent_on = day_of(text)
    if sent_on is None:
        return [_trouble("L211", _WARNING, "DteAsp", value=shown(text))]
    if issued_on is not None and sent_on < issued_on:
        return [_trouble("L225", _WARNING, "DteAsp", sent=text, issued=issued_on.isoformat())]
    return []


def _control_troubles(bordereau: Bordereau) -> Iterator[Trouble]:
    """What the bordereau announces of itself, against what it holds."""
    told = bordereau.told
    text = told.get("NbrPce", "").strip()
    if not text:
        yield _trouble("L210", _WARNING, "NbrPce")
    elif not _DIGITS.fullmatch(text) or int(text) != bordereau.pieces:
        yield _trouble("L219", _ERROR, "NbrPce", announced=shown(text), found=str(bordereau.pieces))
    if bordereau.unreadable:
        yield _trouble("L222", _WARNING, "MtBordHt")
        return
    for code, element, found in (("L220", "MtBordHt", bordereau.ht), ("L221", "MtBordTVA", bordereau.tva)):
        text = told.get(element, "").strip()
        announced = cents_of(text)
        if not text and element == "MtBordHt":
            yield _trouble("L210", _WARNING, element)
        elif (announced if text else 0) != found:
            said = str(Money(announced)) if announced is not None else shown(text) or str(Money(0))
            yield _trouble(code, _ERROR, element, announced=said, found=str(Money(found)))


class _Piece:
    """A piece's own values, read once for all its lines."""

    def __init__(self, told: Values, head: _Head, file: File) -> None:
        self.told, self.head, self.file = told, head, file
        self.kind, nature, of_kind = _kind(told, head, file)
        troubles = [*_twice(told), *of_kind]
        number = number_of(told.get("IdPce", ""), 8)
        if number is None:
            troubles.append(_missing_or_unreadable(told, "IdPce"))
        elif head.numbers.add(int(number)):
            troubles.append(_trouble("L223", _ERROR, "IdPce", number=number))
        self.shown_number = number or shown(told.get("IdPce", "")) or "?"
        troubles += _asp_trouble(told, head.issued_on)
        self.is_article = head.kind == ROLE
        if self.is_article:
            number = self._debt_number(troubles)
        self.number = number
        self.period = told.get("Per", "").strip() if self.is_article else ""
        if self.is_article:
            troubles += self._key_troubles(nature)
        self.label = clean(told.get("ObjPce", ""))
        self.lines = _Numbers()
        self.troubles = (*head.troubles, *troubles)

    @property
    def place(self) -> str:
        """Where it stands, in no language."""
        of = places.of_article if self.is_article else places.of_piece
        return of(self.head.batch or "?", self.shown_number)

    def place_of(self, line: str) -> str:
        """Where one of its lines stands."""
        return places.of_piece(self.head.batch or "?", self.shown_number, line)

    def _debt_number(self, troubles: list[Trouble]) -> str | None:
        """The number of a rôle's debt: the article's own number is not on its payer's paper."""
        number = number_of(self.told.get("NumDette", ""), 15)
        if number is None:
            troubles.append(_missing_or_unreadable(self.told, "NumDette"))
        return number

    def _key_troubles(self, nature: str) -> Iterator[Trouble]:
        if not _PERIOD.fullmatch(self.period):
            yield _missing_or_unreadable(self.told, "Per", _WARNING)
            self.period = ""
            return
        if self.number is None or self.head.exercice is None:
            return
        first, second = (self.told.get(name, "").strip().upper() for name in ("Cle1", "Cle2"))
        if first and first not in first_keys(
            entity=self.file.entity,
            codes={nature, self.head.batch[-2:].zfill(2)},
            exercice=self.head.exercice,
            period=self.period,
            number=self.number,
        ):
            yield _trouble("L256", _WARNING, "Cle1", value=shown(first))
        if second and second != second_key(exercice=self.head.exercice, period=self.period, number=self.number):
            yield _trouble("L257", _WARNING, "Cle2", value=shown(second))


def _line(piece: _Piece, record: Record) -> _Judged:
    """A line of a titre is a debt of its own."""
    _told, line, debtors = record
    assert line is not None
    troubles = list(piece.troubles)
    number = number_of(line.get("IdLigne", ""), 6)
    if number is None:
        troubles.append(_missing_or_unreadable(line, "IdLigne"))
    elif piece.lines.add(int(number)):
        troubles.append(_trouble("L224", _ERROR, "IdLigne", number=number))
    cents = _cents(line, troubles)
    label = clean(line.get("ObjLignePce", "")) or piece.label
    titre = _titre(piece, line, debtors, cents, int(number) if number else None, label, troubles)
    return piece.place_of(number or "?"), titre, tuple(troubles)


def _article(piece: _Piece, first: Record, others: Iterator[Record]) -> _Judged:
    """An article of a rôle is one debt: its lines are what it is made of."""
    line, debtors = first[1], first[2]
    assert line is not None
    troubles = list(piece.troubles)
    sum_of_lines = _cents(line, troubles)
    label = piece.label or piece.head.label or clean(line.get("ObjLignePce", ""))
    for _told, other, its_debtors in others:
        assert other is not None
        its_troubles: list[Trouble] = []
        cents = _cents(other, its_troubles)
        sum_of_lines = sum_of_lines + cents if sum_of_lines is not None and cents is not None else None
        if its_debtors and debtors and _identity(its_debtors) != _identity(debtors):
            its_troubles.append(_trouble("L248", _ERROR, "Tiers"))
        debtors = debtors or its_debtors
        known = {(trouble.code, trouble.where) for trouble in troubles} if its_troubles else set()
        troubles += [one for one in its_troubles if (one.code, one.where) not in known]
    titre = _titre(piece, line, debtors, sum_of_lines, 1, label, troubles)
    return piece.place, titre, tuple(troubles)


def _identity(debtors: list[Values]) -> tuple[str, ...]:
    main = _main_of(debtors)
    return tuple(main.get(name, "").strip() for name in ("RefTiers", "Nom", "Prenom"))


def _cents(line: Values, troubles: list[Trouble]) -> int | None:
    """What a line asks, tax included; None, with its trouble, if that cannot be known to the cent."""
    troubles += _twice(line)
    ht, tva = cents_of(line.get("MtHT", "")), cents_of(line.get("MtTVA", "0"))
    for element, amount in (("MtHT", ht), ("MtTVA", tva)):
        text = line.get(element, "").strip()
        if amount is None:
            troubles.append(
                _trouble("L215", _ERROR, element, value=shown(text)) if text else _trouble("L210", _ERROR, element)
            )
        elif amount < 0 or (amount == 0 and element == "MtHT"):
            troubles.append(_trouble("L217", _ERROR, element, value=str(Money(amount))))
            amount = None
    if ht is None or tva is None or ht <= 0 or tva < 0:
        return None
    return ht + tva


def _titre(
    piece: _Piece,
    line: Values,
    debtors: list[Values],
    cents: int | None,
    number: int | None,
    label: str,
    troubles: list[Trouble],
) -> FiledTitre | None:
    """What the import is told, and the last of the troubles; None for what cannot be identified or counted."""
    kind, head = piece.kind, piece.head
    if kind is None:
        return None
    if kind.code:
        troubles.append(_trouble(kind.code, kind.weight, "TypPce", **_original(line)))
    reduces = _reduced(line, troubles) if kind.nature is Nature.REDUCTION else None
    debtor: FiledDebtor | None = None
    others: tuple[FiledDebtor, ...] = ()
    if kind.nature is Nature.DEBT:
        debtor, others = _debtors(debtors, troubles)
        _warn(line, cents, troubles)
        if TOO_MANY in line:
            troubles.append(_trouble("L249", _ERROR, "Tiers"))
        if _holds_card(label, debtor, others):
            troubles.append(_trouble("L251", _ERROR))
            return None
    elif holds_card_number(label):
        label = ""
    if len(label) > LONGEST_LABEL:
        label = f"{label[: LONGEST_LABEL - 1].rstrip()}…"
        troubles.append(_trouble("L252", _NOTICE))
    if cents is not None and cents > LARGEST:
        troubles.append(_trouble("L218", _ERROR, "MtHT", value=str(Money(cents)), most=str(Money(LARGEST))))
        return None
    if cents is None or number is None or piece.number is None or head.exercice is None:
        return None
    if kind.nature is Nature.REDUCTION and reduces is None:
        return None
    return FiledTitre(
        nature=kind.nature,
        number=piece.number,
        exercice=head.exercice,
        cents=cents,
        document_kind=kind.document_kind,
        line=number,
        label=label,
        issued_on=head.issued_on,
        regie=clean(line.get("IdRegie", ""))[:10],
        product=clean(line.get("CodProdLoc", ""))[:4],
        budget=piece.file.budget,
        batch=head.batch,
        period=piece.period,
        debtor=debtor,
        others=others,
        reduces=reduces,
        reference=_reference(kind, head.exercice, piece.number, number),
    )


def _reference(kind: PieceKind, exercice: int, number: str, line: int) -> str:
    """What the payer of a titre types. Of a rôle, the notice bears a code that the file does not have."""
    if kind.nature is Nature.DEBT and kind.document_kind is DocumentKind.TITRE:
        return TitreReference(exercice, int(number), line).digits
    return ""


def _original(line: Values) -> dict[str, str]:
    """The piece that this one speaks of, for a sentence."""
    said = [number_of(line.get(name, ""), 13) for name in ("IdPceOrig", "ExerRat")]
    return {"number": said[0] or "?", "exercice": said[1] or "?"}


def _reduced(line: Values, troubles: list[Trouble]) -> Reduced | None:
    """The debt that a reduction speaks of; None, with its trouble, if it is not clear."""
    origin = line.get("NatPceOrig", "").strip()
    if origin and origin.zfill(2) != TITRE:
        troubles.append(_trouble("L243", _ERROR, "NatPceOrig", value=shown(origin)))
        return None
    exercice, number = number_of(line.get("ExerRat", ""), 4), number_of(line.get("IdPceOrig", ""), 13)
    if exercice is None:
        troubles.append(_missing_or_unreadable(line, "ExerRat"))
    if number is None:
        troubles.append(_missing_or_unreadable(line, "IdPceOrig"))
    ligne = number_of(line.get("IdLigneOrig", ""), 6)
    if ligne is None:
        if line.get("IdLigneOrig", "").strip():
            troubles.append(_missing_or_unreadable(line, "IdLigneOrig"))
            return None
        troubles.append(_trouble("L244", _WARNING, "IdLigneOrig"))
        ligne = "1"
    return Reduced(int(exercice), number, int(ligne)) if exercice and number else None


def _warn(line: Values, cents: int | None, troubles: list[Trouble]) -> None:
    """What somebody should look at before such a debt is paid online."""
    if cents is not None and cents < RECOVERED_FROM:
        troubles.append(_trouble("L250", _WARNING, "MtHT", value=str(Money(cents))))
    if "DtePrel" in line:
        troubles.append(_trouble("L253", _WARNING, "DtePrel", day=shown(line["DtePrel"])))
    if COLLECTED in line:
        troubles.append(_trouble("L254", _WARNING, "Recouvrement"))


def _main_of(debtors: list[Values]) -> Values:
    """The main debtor, or the first one named."""
    for debtor in debtors:
        if debtor.get("TypTiers", "").strip().zfill(2) == MAIN:
            return debtor
    return debtors[0] if debtors else {}


def _debtors(debtors: list[Values], troubles: list[Trouble]) -> tuple[FiledDebtor | None, tuple[FiledDebtor, ...]]:
    """The main debtor, then who is liable with them; others that a piece may name are not asked to pay."""
    main = _main_of(debtors)
    debtor = _debtor(main, troubles)
    if debtor is None:
        troubles.append(_trouble("L245", _WARNING, "Nom"))
    elif main.get("TypTiers", "").strip().zfill(2) != MAIN:
        troubles.append(_trouble("L247", _WARNING, "TypTiers"))
    if len(debtors) < 2:
        return debtor, ()
    others: list[FiledDebtor] = []
    for other in debtors:
        kind = other.get("TypTiers", "").strip().zfill(2)
        if other is main or kind not in (MAIN, JOINTLY, CO_DEBTOR):
            continue
        if kind == MAIN:
            troubles.append(_trouble("L246", _WARNING, "TypTiers"))
        liable = _debtor(other, troubles)
        if liable is not None:
            others.append(liable)
    return debtor, tuple(others)


def _debtor(told: Values, troubles: list[Trouble]) -> FiledDebtor | None:
    name = clean(" ".join([told.get("Nom", ""), told.get("ComplNom", ""), told.get("Prenom", "")]))
    if not name:
        return None
    reference, siret = clean(told.get("RefTiers", "")), told.get("IdTiers", "").strip()
    postcode = clean(told.get("CP", ""))
    if len(postcode) == 4 and postcode.isdecimal():
        troubles.append(_trouble("L258", _WARNING, "CP", value=postcode))
    return FiledDebtor(
        name=name[:LONGEST_NAME],
        reference=reference if len(reference) <= LONGEST_REFERENCE else "",
        address=tuple(filter(None, [clean(told.get(name, ""))[:LONGEST_ADDRESS] for name in ("Adr1", "Adr2", "Adr3")])),
        postcode=postcode[:10],
        city=clean(told.get("Ville", ""))[:LONGEST_ADDRESS],
        siret=siret if is_siret(siret) else "",
    )


def _holds_card(label: str, debtor: FiledDebtor | None, others: tuple[FiledDebtor, ...]) -> bool:
    texts = [label]
    for one in (debtor, *others):
        if one is not None:
            texts += [one.name, *one.address, one.city]
    return holds_card_number("\n".join(texts))
