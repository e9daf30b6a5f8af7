"""Debts read from the rows of a table, whether a CSV file or a sheet of a workbook.

A line is judged alone, then beside those above it: the same number again is a duplicate if it says the same, else a
conflict. Where a source has one line per item, the rows are read twice: the items are added up first, and each debt
is given where its first item stands. The items need no order, and memory stays bounded (`seen.py`).
"""

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from operator import itemgetter
from typing import NamedTuple, Self

from django.utils.translation import gettext as _

from regal.lib.card_numbers import holds_card_number
from regal.lib.email_address import UnreadableEmail, normalise_email
from regal.lib.money import Money
from regal.lib.siret import is_siret
from regal.lib.spreadsheets import neutral
from regal.titres.importers import cells
from regal.titres.importers.base import (
    FiledDebtor,
    FiledTitre,
    Head,
    Line,
    Nature,
    NotThisFile,
    Reduced,
    Trouble,
    Weight,
)
from regal.titres.importers.cells import BadCell
from regal.titres.importers.columns import DISTINCT, NEEDED, Meaning, TableOptions, candidates, guess, plain
from regal.titres.importers.places import ROW
from regal.titres.importers.seen import Seen
from regal.titres.models import DocumentKind

MAX_LINES = 2_000_000
MAX_COLUMNS = 300
LOOKED_AT = 30  # rows among which the header stands
LONGEST_CELL = 4_000  # characters: beyond, it is no text of an invoice
WORTH_COLLECTING = 15_00  # cents: CGCT D.1611-1

WHOLE_ROW = -1  # where a fault is not of one cell

_DEBT_WORDS = frozenset(("F", "FA", "FAC", "FACT", "FACTURE", "T", "TITRE", "AVIS", "D", "DEBIT", "DEBT"))
_CREDIT_WORDS = frozenset(
    ("A", "AV", "AVO", "AVOIR", "C", "CREDIT", "NC", "NOTEDECREDIT", "R", "REDUCTION", "ANNULATION", "FACTUREAVOIR")
)
_READ = (
    Meaning.NUMBER, Meaning.EXERCICE, Meaning.REGIE, Meaning.PRODUCT, Meaning.LABEL, Meaning.AMOUNT, Meaning.ISSUED_ON,
    Meaning.DUE_ON, Meaning.KIND, Meaning.BATCH, Meaning.REFERENCE,
)  # fmt: skip
_READ_OF_DEBTOR = (
    Meaning.NAME, Meaning.FIRST_NAME, Meaning.DEBTOR_REFERENCE, Meaning.EMAIL, Meaning.SIRET, Meaning.POSTCODE,
    Meaning.CITY, Meaning.ADDRESS1, Meaning.ADDRESS2, Meaning.ADDRESS3, Meaning.ADDRESS4,
)  # fmt: skip
_FREE = (  # where a card number must never be kept
    Meaning.LABEL, Meaning.NAME, Meaning.FIRST_NAME, Meaning.ADDRESS1, Meaning.ADDRESS2, Meaning.ADDRESS3,
    Meaning.ADDRESS4, Meaning.CITY, Meaning.POSTCODE, Meaning.EMAIL, Meaning.DEBTOR_REFERENCE, Meaning.PRODUCT,
    Meaning.REGIE, Meaning.BATCH,
)  # fmt: skip
_TOTAL = re.compile(r"(?:sous[- ]?)?tot(?:al|aux)\b.{0,40}|cumul\b.{0,40}|somme\b.{0,40}", re.IGNORECASE)
# Of a label whose spaces are one each: nothing in it is tried at more lengths than one, so its time is its length’s.
_NAMED_INVOICE = re.compile(
    r"\b(?:factures?|fact\.?|fac\.?|titres?|avis) ?(?:(?:n|num[ée]ro|no) ?[°º.]? ?|[°º] ?|#)?"
    r"(?P<number>[A-Za-z]{0,8}[-/]?[0-9][0-9A-Za-z]*(?:[-/][0-9A-Za-z]+)*)"
    r"(?P<more> ?(?:,|et|&|à|/) ?(?:n[°º] ?)?[0-9]{2,})?"
    r"(?: ?(?:de|du|\(|exercice|-) ?(?:l[’']exercice ?)?(?P<exercice>20[0-9]{2})\b)?",
    re.IGNORECASE,
)
_MIXED = re.compile("Ã[\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|Â[\xa0-\xbf]|â€.|ï»¿|\ufffd")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\xad]")
_SHOWN = 30  # characters of a cell that a trouble may name


class Row(NamedTuple):
    """One row: its number in the file, its cells as texts, and which of them cannot be read, by rank: a code."""

    number: int
    cells: Sequence[str]
    faults: Mapping[int, str] = {}
    is_cut: bool = False  # the file ends within it, or without the end of its line


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """What the first rows of a table look like."""

    head: Head
    meanings: Mapping[Meaning, str]
    rows: Sequence[Sequence[str]]  # below the header
    has_header: bool

    @classmethod
    def of(cls, *, head: Head, rows: Sequence[Row], options: TableOptions) -> Self:
        """Guess what the columns mean; those that a source remembers come first. Raises NotThisFile."""
        filled = list(_filled(rows))
        columns, header = _columns(filled, options)
        known = {meaning: column for meaning, column in options.columns.items() if column in columns}
        guessed = guess(columns) if header is not None else guess_by_content(filled, len(columns))
        free = {meaning: column for meaning, column in guessed.items() if column not in known.values()}
        below = filled[0 if header is None else header + 1 :]
        return cls(
            head=replace(head, columns=columns),
            meanings=known or free,
            rows=[[*row.cells[: len(columns)], *[""] * (len(columns) - len(row.cells))] for row in below],
            has_header=header is not None,
        )


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where things stand in a table."""

    columns: tuple[str, ...]
    header: int | None  # the rank, among the rows that say something, of the one that names the columns
    meanings: Mapping[Meaning, int]  # the rank of each meaning's column
    troubles: tuple[Trouble, ...] = ()


class TableReader:
    """The debts of a table. `rows` gives the rows anew each time it is called."""

    def __init__(self, *, head: Head, rows: Callable[[], Iterator[Row]], options: TableOptions) -> None:
        self._rows = rows
        self._options = options
        self._layout = lay_out(list(islice(_filled(rows()), LOOKED_AT)), options)
        meanings = {meaning.value: self._layout.columns[rank] for meaning, rank in self._layout.meanings.items()}
        troubles = head.troubles + self._layout.troubles
        self.head = replace(head, columns=self._layout.columns, meanings=meanings, troubles=troubles)

    def lines(self) -> Iterator[Line]:
        """Every line in order. Raises NotThisFile where the file turns out damaged half-way."""
        judge = _Judge(self._layout, self._options)
        return self._added_up(judge) if self._options.sums_lines else self._one_by_one(judge)

    def _one_by_one(self, judge: "_Judge") -> Iterator[Line]:
        for row in self._below_header():
            line = judge.line(row)
            yield judge.beside_others(line) if line.titre else line

    def _added_up(self, judge: "_Judge") -> Iterator[Line]:
        groups = _Groups(self._options)
        for row in self._below_header():
            groups.add(judge.line(row, is_item=True))
        for row in self._below_header():
            item = judge.line(row, is_item=True)
            if item.titre is None:
                yield item
            elif (said := groups.said_of(item)) is None:
                yield judge.line(row, added=groups.sum_of(item))
            else:
                yield replace(item, titre=None, troubles=(*item.troubles, said))

    def _below_header(self) -> Iterator[Row]:
        before = 0 if self._layout.header is None else self._layout.header + 1
        count = 0
        for row in self._rows():
            if _says_something(row):
                count += 1
                if count > before:
                    yield row
                if count > MAX_LINES + before:
                    raise NotThisFile(error("F526", most=f"{MAX_LINES:_}".replace("_", "\u202f")))


def error(code: str, where: str = "", **said: object) -> Trouble:
    """Something that a line, or a file, cannot be read with."""
    return Trouble(code, Weight.ERROR, where, {name: str(value) for name, value in said.items()})


def warning(code: str, where: str = "", **said: object) -> Trouble:
    """Something that somebody should look at."""
    return Trouble(code, Weight.WARNING, where, {name: str(value) for name, value in said.items()})


def notice(code: str, where: str = "", **said: object) -> Trouble:
    """Something said, with nothing to do."""
    return Trouble(code, Weight.NOTICE, where, {name: str(value) for name, value in said.items()})


def _says_something(row: Row) -> bool:
    return bool((row.cells and row.cells[0]) or any(row.cells) or row.faults) and (
        len(row.cells) != 1 or not row.cells[0].isspace()
    )


def _filled(rows: Iterable[Row]) -> Iterator[Row]:
    return filter(_says_something, rows)


# Where things stand.


def lay_out(rows: Sequence[Row], options: TableOptions) -> Layout:
    """Find the header and what each column means. Raises NotThisFile."""
    columns, header = _columns(rows, options)
    troubles: list[Trouble] = []
    if options.columns:
        named = options.columns
        absent = [column for column in named.values() if column not in columns]
        if absent:
            raise NotThisFile(error("F522", shown(absent[0])))
    else:
        named = guess(columns) if header is not None else guess_by_content(rows, len(columns))
        for needed in NEEDED:
            if needed not in named:
                raise NotThisFile(error("F521", name=needed.value))
        amounts = candidates(columns, Meaning.AMOUNT)
        if len(amounts) > 1:
            troubles.append(warning("F543", named[Meaning.AMOUNT], others=", ".join(shown(one) for one in amounts[:5])))
    if header:
        troubles.append(notice("F541", count=header))
    if Meaning.EXERCICE not in named and options.default_exercice is None:
        if Meaning.ISSUED_ON not in named:
            raise NotThisFile(error("F544"))
        troubles.append(warning("F545", named[Meaning.ISSUED_ON]))
    return Layout(
        columns=columns,
        header=header,
        meanings={meaning: columns.index(column) for meaning, column in named.items()},
        troubles=tuple(troubles),
    )


def _columns(rows: Sequence[Row], options: TableOptions) -> tuple[tuple[str, ...], int | None]:
    """The columns' names, and the rank of the row that gives them, if one does. Raises NotThisFile."""
    if not rows:
        raise NotThisFile(error("F501"))
    header = _header(rows, options)
    if header is None:
        widest = max(len(_without_empty_end(row.cells)) for row in rows)
        columns = tuple(str(rank) for rank in range(1, widest + 1))
    else:
        columns = _named(_without_empty_end(rows[header].cells))
        if header == len(rows) - 1:
            raise NotThisFile(error("F527"))
    if len(columns) > MAX_COLUMNS:
        raise NotThisFile(error("F523", count=len(columns), most=MAX_COLUMNS))
    return columns, header


def _header(rows: Sequence[Row], options: TableOptions) -> int | None:
    if options.has_header is False:
        return None
    wanted = set(options.columns.values())
    for rank, row in enumerate(rows):
        names = _named(_without_empty_end(row.cells))
        found = guess(names)
        if (wanted and wanted <= set(names)) or (not wanted and all(needed in found for needed in NEEDED)):
            return rank
    known = [len(guess(_named(_without_empty_end(row.cells)))) for row in rows]
    best = max(known)
    if best >= 2:
        return known.index(best)
    if options.has_header is None and (not wanted or all(name.isdecimal() for name in wanted)):
        return None if _says_values(rows[0]) else 0
    return 0


def _says_values(row: Row) -> bool:
    """Whether a row holds an amount with cents, or a day: a header does not."""
    return any(_is_amount(cell) or _is_day(cell) for cell in row.cells)


def _is_amount(cell: str) -> bool:
    try:
        return bool(re.search(r"[.,][0-9]{1,2}\D*$", cell)) and bool(cells.amount(cell.strip(), "", True))
    except BadCell:
        return False


def _is_day(cell: str) -> bool:
    try:
        return not cell.strip().isdecimal() and cells.day(cell.strip()) is not None
    except BadCell:
        return False


def guess_by_content(rows: Sequence[Row], width: int) -> dict[Meaning, str]:
    """Of a table without names: the number if it comes first, the only amounts, the days in order."""
    columns = [[row.cells[rank].strip() for row in rows if rank < len(row.cells)] for rank in range(width)]
    filled = {rank: [cell for cell in column if cell] for rank, column in enumerate(columns)}
    amounts = [rank for rank, column in filled.items() if column and all(map(_is_amount, column))]
    days = [rank for rank, column in filled.items() if column and all(map(_is_day, column))]
    exercices = [r for r, column in filled.items() if column and all(re.fullmatch("20[0-9]{2}", c) for c in column)]
    emails = [r for r, column in filled.items() if column and all("@" in cell for cell in column)]
    found: dict[Meaning, str] = {}
    if filled.get(0) and len(set(filled[0])) == len(filled[0]) == len(rows) and 0 not in amounts + days:
        found[Meaning.NUMBER] = "1"
    for meaning, ranks in (
        (Meaning.AMOUNT, amounts if len(amounts) == 1 else []),
        (Meaning.ISSUED_ON, days[:1]),
        (Meaning.DUE_ON, days[1:2]),
        (Meaning.EXERCICE, exercices[:1]),
        (Meaning.EMAIL, emails[:1]),
    ):
        if ranks:
            found[meaning] = str(ranks[0] + 1)
    return found


def _without_empty_end(row: Sequence[str]) -> list[str]:
    filled = [cell.strip() for cell in row]
    while filled and not filled[-1]:
        filled.pop()
    return filled


def _named(row: Sequence[str]) -> tuple[str, ...]:
    """Each column's name, once: an empty one is its rank, the second NOM is « NOM (2) »."""
    names: dict[str, None] = {}
    for rank, cell in enumerate(row, start=1):
        name = base = " ".join(cell.split())[:100] or str(rank)
        again = 1
        while name in names:
            again += 1
            name = f"{base} ({again})"
        names[name] = None
    return tuple(names)


def shown(text: str) -> str:
    """A cell's text as a trouble may repeat it: short, and never a card number."""
    flat = " ".join(_FORBIDDEN.sub("\ufffd", text[:200]).split())
    if holds_card_number(flat):
        return "…"
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1] + "…"


# What a line says.


class _Judge:
    """Reads the rows of one file, one after the other."""

    def __init__(self, layout: Layout, options: TableOptions) -> None:
        self._options = options
        self._columns = layout.columns
        self._width = len(layout.columns)
        self._at = {meaning: layout.meanings.get(meaning, -1) for meaning in Meaning}  # -1: the empty cell at the end
        self._mapped = frozenset(layout.meanings.values())
        self._needed = max(layout.meanings[needed] for needed in NEEDED)
        self._tells_names = Meaning.NAME in layout.meanings or Meaning.FIRST_NAME in layout.meanings
        at = self._at
        self._read = itemgetter(*(at[one] for one in _READ))
        self._read_debtor = itemgetter(*(at[one] for one in _READ_OF_DEBTOR))
        self._free = itemgetter(*(at[one] for one in _FREE))
        self._number_and_name = (at[Meaning.NUMBER], at[Meaning.NAME])
        self._seen = Seen()
        self._seen_lines = array("I")
        self._seen_numbers = array("q")
        self._seen_contents = array("q")

    def line(self, row: Row, *, is_item: bool = False, added: "_Sum | None" = None) -> Line:
        """What a row says, judged alone. An item's amount keeps its sign; `added` is what those of its debt make."""
        line_number = row.number
        troubles: list[Trouble] = []
        told = self._texts(row, troubles)
        if told is None:
            return Line(line_number, ROW, None, tuple(troubles))
        (
            number_text, exercice_text, regie, product, label, amount_text, issued_text, due_text, kind, batch,
            reference,
        ) = self._read(told)  # fmt: skip
        if (not number_text or (not number_text[0].isdigit() and _TOTAL.match(number_text))) and (
            left_out := self._total(told)
        ):
            return Line(line_number, ROW, None, (*troubles, left_out))
        if number_text[:7].upper() == "EXEMPLE":  # of the table that a town downloads to fill it in
            return Line(line_number, ROW, None, (*troubles, notice("L182")))
        number: str | None
        exercice: int | None
        cents: int | None
        try:
            number, number_code = cells.number(number_text)
            issued_on = cells.day(issued_text)
            due_on = cells.day(due_text)
            cents, amount_code = cells.amount(amount_text, self._options.decimal, self._options.accepts_units)
            exercice = cells.exercice(exercice_text) if exercice_text else self._default_exercice(issued_on)
            if number_code or amount_code:
                raise BadCell(number_code or amount_code)
        except BadCell:  # said cell by cell
            number = self._number(number_text, troubles)
            issued_on = self._day(told, Meaning.ISSUED_ON, troubles)
            due_on = self._day(told, Meaning.DUE_ON, troubles)
            exercice = self._exercice(told, issued_on, troubles)
            cents = self._amount(told, troubles)
        is_credit = False
        if (kind and kind not in _DEBT_WORDS) or (cents is not None and cents < 0):
            is_credit = self._is_credit(told, cents, troubles)
        if regie[:1] == "'" or product[:1] == "'" or label[:1] == "'":
            regie, product, label = regie.removeprefix("'"), product.removeprefix("'"), without_neutral(label)
        if holds_card_number("|".join(self._free(told))):
            troubles.append(error("L103"))

        key: tuple[str, ...] = ()
        if number is not None and exercice is not None:
            key = ("avoir" if is_credit and not is_item else "facture", regie, str(exercice), number)
        if not key or cents is None or (troubles and any(one.weight is Weight.ERROR for one in troubles)):
            return Line(line_number, ROW, None, tuple(troubles), key)
        assert number is not None and exercice is not None  # noqa: PT018 - says to the type checker what key says

        cents = -abs(cents) if is_credit else cents
        if added is not None:
            if added.wrong_line:
                return Line(line_number, ROW, None, (*troubles, error("L174", line=added.wrong_line)), key)
            cents = added.cents
            if added.labels_differ and label:
                label = _("%(label)s et autres") % {"label": label[:80]}
            is_credit = cents < 0
            key = ("avoir" if is_credit else "facture", *key[1:])
        reduces = None
        if not is_item:
            if cents == 0:
                return Line(line_number, ROW, None, (*troubles, notice("L119", self._name(Meaning.AMOUNT))), key)
            if is_credit:
                reduces = self._reduces(told, exercice, label, troubles)
                if reduces is None:
                    return Line(line_number, ROW, None, tuple(troubles), key)
            elif cents < WORTH_COLLECTING:
                troubles.append(warning("L109", self._name(Meaning.AMOUNT), amount=Money(cents).format_fr()))
            if cents > cells.LARGEST_CENTS or cents < -cells.LARGEST_CENTS:
                return Line(line_number, ROW, None, (*troubles, error("L115", self._name(Meaning.AMOUNT))), key)
        if issued_on is not None:
            if due_on is not None and due_on < issued_on:
                troubles.append(warning("L124", self._name(Meaning.DUE_ON)))
            year = issued_on.year
            if exercice != year and not (exercice == year - 1 and issued_on.month == 1):
                troubles.append(warning("L141", self._name(Meaning.EXERCICE), exercice=exercice, year=year))
        if len(label) > 100:
            troubles.append(notice("L155", self._name(Meaning.LABEL)))
            label = label[:99] + "…"
        titre = FiledTitre(
            Nature.REDUCTION if is_credit and not is_item else Nature.DEBT,
            number,
            exercice,
            cents if is_item else abs(cents),
            DocumentKind.FACTURE,
            1,
            label,
            issued_on,
            due_on,
            regie,
            product,
            "",
            batch.removeprefix("'"),
            "",
            self._debtor(told, troubles),
            (),
            reduces,
            reference.removeprefix("'"),
        )
        return Line(line_number, ROW, titre, tuple(troubles), key)

    def beside_others(self, line: Line) -> Line:
        """The same line, judged beside those above it."""
        titre = line.titre
        assert titre is not None
        rank, is_new = self._seen.place(_natural_key(line.key, self._options))
        content = hash(_content(titre))
        if is_new:
            self._seen_lines.append(line.number)
            self._seen_numbers.append(hash(titre.number))
            self._seen_contents.append(content)
            return line
        where, line_above = self._name(Meaning.NUMBER), self._seen_lines[rank]
        if self._seen_numbers[rank] != hash(titre.number):
            trouble = error("L172", where, line=line_above, number=titre.number)
        elif self._seen_contents[rank] != content:
            trouble = error("L171", where, line=line_above, number=titre.number)
        else:
            trouble = notice("L170", where, line=line_above, number=titre.number)
        return replace(line, titre=None, troubles=(*line.troubles, trouble))

    def _name(self, meaning: Meaning) -> str:
        rank = self._at[meaning]
        return self._columns[rank] if rank >= 0 else ""

    def _texts(self, row: Row, troubles: list[Trouble]) -> list[str] | None:
        """A row's cells, as many as there are columns and an empty one more; None if they cannot be told apart."""
        if WHOLE_ROW in row.faults:
            troubles.append(error(row.faults[WHOLE_ROW]))
            return None
        told = list(map(str.strip, row.cells))
        width = self._width
        if len(told) > width:
            if any(told[width:]):
                troubles.append(error("L102", count=len(told), expected=width))
                return None
            del told[width:]
        elif len(told) < width:
            if len(told) <= self._needed or row.is_cut:
                trouble = self._total(told) or error("L108" if row.is_cut else "L101", count=len(told), expected=width)
                troubles.append(trouble)
                return None
            told += [""] * (width - len(told))
        if row.is_cut and self._at[Meaning.AMOUNT] == width - 1:
            troubles.append(warning("L106", self._name(Meaning.AMOUNT)))
        whole = "|".join(told)
        if len(whole) > LONGEST_CELL:
            for rank, cell in enumerate(told):
                if len(cell) > LONGEST_CELL and rank in self._mapped:
                    troubles.append(error("L190", self._columns[rank], count=len(cell)))
                    return None
        if not whole.isprintable() or "#" in whole or "Ã" in whole or "Â" in whole or "\ufffd" in whole:
            told = self._examined(told, troubles)
        told.append("")
        for rank, code in row.faults.items():
            if rank in self._mapped:
                troubles.append(error(code, self._columns[rank]))
        return told

    def _examined(self, told: list[str], troubles: list[Trouble]) -> list[str]:
        """The cells without what cannot be seen; says what spoils them."""
        examined = []
        for rank, cell in enumerate(told):
            if rank in self._mapped:
                if _FORBIDDEN.search(cell):
                    troubles.append(error("L104", self._columns[rank]))
                elif cells.is_spreadsheet_error(cell):
                    troubles.append(error("L105", self._columns[rank], text=cell[:_SHOWN]))
                elif _MIXED.search(cell):
                    troubles.append(warning("L107", self._columns[rank]))
            examined.append(cell if cell.isprintable() else " ".join(_INVISIBLE.sub("", cell).split(None)))
        return examined

    def _total(self, told: Sequence[str]) -> Trouble | None:
        """Of a line without number: a total is said and left out; so is a line of nothing that we read."""
        number, name = (told[rank] if 0 <= rank < len(told) else "" for rank in self._number_and_name)
        if number and not _TOTAL.fullmatch(number):
            return None
        if any(cell and _TOTAL.fullmatch(cell) for cell in told) and (not name or _TOTAL.fullmatch(name)):
            return notice("L180")
        if not any(told[rank] for rank in self._mapped if rank < len(told)):
            return notice("L181")
        return None

    def _number(self, text: str, troubles: list[Trouble]) -> str | None:
        try:
            number, code = cells.number(text)
        except BadCell as bad:
            troubles.append(error(bad.code, self._name(Meaning.NUMBER), text=shown(text)))
            return None
        if code:
            troubles.append(warning(code, self._name(Meaning.NUMBER), text=shown(text)))
        return number

    def _day(self, told: list[str], meaning: Meaning, troubles: list[Trouble]) -> date | None:
        text = told[self._at[meaning]]
        try:
            return cells.day(text)
        except BadCell as bad:
            troubles.append(error(bad.code, self._name(meaning), text=shown(text)))
            return None

    def _exercice(self, told: list[str], issued_on: date | None, troubles: list[Trouble]) -> int | None:
        text = told[self._at[Meaning.EXERCICE]]
        try:
            return cells.exercice(text) if text else self._default_exercice(issued_on)
        except BadCell as bad:
            troubles.append(error(bad.code, self._name(Meaning.EXERCICE), text=shown(text)))
            return None

    def _default_exercice(self, issued_on: date | None) -> int:
        if self._options.default_exercice is not None:
            return self._options.default_exercice
        if self._at[Meaning.EXERCICE] < 0 and issued_on is not None:
            return issued_on.year
        raise BadCell("L142")

    def _amount(self, told: list[str], troubles: list[Trouble]) -> int | None:
        text = told[self._at[Meaning.AMOUNT]]
        try:
            cents, code = cells.amount(text, self._options.decimal, self._options.accepts_units)
        except BadCell as bad:
            troubles.append(error(bad.code, self._name(Meaning.AMOUNT), text=shown(text)))
            return None
        if code:
            troubles.append(
                warning(code, self._name(Meaning.AMOUNT), text=shown(text), amount=Money(cents).format_fr())
            )
        return cents

    def _is_credit(self, told: list[str], cents: int | None, troubles: list[Trouble]) -> bool:
        text = told[self._at[Meaning.KIND]]
        is_negative = cents is not None and cents < 0
        if not text:
            return is_negative
        word = plain(text) if text not in _DEBT_WORDS else text
        if word in _CREDIT_WORDS:
            return True
        if word not in _DEBT_WORDS:
            troubles.append(error("L160", self._name(Meaning.KIND), text=shown(text)))
        elif is_negative and not self._options.sums_lines:
            troubles.append(warning("L161", self._name(Meaning.KIND), text=shown(text)))
        return is_negative

    def _reduces(self, told: list[str], exercice: int, label: str, troubles: list[Trouble]) -> Reduced | None:
        named = told[self._at[Meaning.REDUCES]]
        if named:
            try:
                return Reduced(exercice, cells.number(named)[0])
            except BadCell as bad:
                troubles.append(error(bad.code, self._name(Meaning.REDUCES), text=shown(named)))
                return None
        found = list(islice(_NAMED_INVOICE.finditer(" ".join(label.split())), 3))
        numbers = {one["number"] for one in found}
        if len(numbers) != 1 or any(one["more"] for one in found) or len(found[0]["number"]) > cells.LONGEST_NUMBER:
            troubles.append(error("L162", self._name(Meaning.LABEL)))
            return None
        number, year = found[0]["number"], found[0]["exercice"]
        troubles.append(notice("L163", self._name(Meaning.LABEL), number=number))
        return Reduced(int(year) if year else exercice, number)

    def _debtor(self, told: list[str], troubles: list[Trouble]) -> FiledDebtor | None:
        name, first_name, reference, email, siret, postcode, city, *address = self._read_debtor(told)
        if name[:1] == "'":
            name = without_neutral(name)
        if first_name:
            if first_name[:1] == "'":
                first_name = without_neutral(first_name)
            name = f"{name} {first_name}" if name else first_name
        if len(name) > 120:
            troubles.append(warning("L153", self._name(Meaning.NAME)))
            name = name[:120].rstrip()
        reference = reference.removeprefix("'")
        if len(reference) > 30:
            troubles.append(warning("L154", self._name(Meaning.DEBTOR_REFERENCE)))
            reference = ""
        if not name:
            if self._tells_names:
                troubles.append(warning("L156", self._name(Meaning.NAME)))
            if not reference:
                return None
        if email:
            try:
                email = normalise_email(email)
            except UnreadableEmail:
                troubles.append(warning("L150", self._name(Meaning.EMAIL)))
                email = ""
        if siret and not is_siret(siret := siret.removeprefix("'").replace(" ", "").replace("\u00a0", "")):
            troubles.append(warning("L151", self._name(Meaning.SIRET)))
            siret = ""
        postcode = postcode.removeprefix("'")
        if len(postcode) == 4 and postcode.isdecimal():
            troubles.append(warning("L152", self._name(Meaning.POSTCODE), text=postcode))
        return FiledDebtor(
            name,
            reference,
            email,
            tuple([without_neutral(one)[:100] if one[0] == "'" else one[:100] for one in address if one]),
            postcode[:10],
            without_neutral(city)[:100] if city[:1] == "'" else city[:100],
            siret,
        )


def without_neutral(text: str) -> str:
    """A text without the apostrophe that our exports put before what would begin a formula."""
    return text[1:] if text[:1] == "'" and neutral(text[1:]) == text else text


def _natural_key(key: tuple[str, ...], options: TableOptions) -> tuple[str, ...]:
    number = key[3]
    if number[0] != "0" or options.numbers_without_zeros == DISTINCT:
        return key
    return (*key[:3], number.lstrip("0"))


def _content(titre: FiledTitre) -> tuple[object, ...]:
    """What two lines of one number must have in common to say the same thing twice; an e-mail address may differ."""
    debtor = titre.debtor
    return (
        titre.cents,
        titre.label,
        titre.issued_on,
        titre.due_on,
        titre.product,
        debtor.name if debtor else "",
        debtor.reference if debtor else "",
        titre.reduces,
    )


# Lines that are items.


class _Sum(NamedTuple):
    """What the items of one debt make."""

    cents: int
    wrong_line: int  # the first of them that cannot be read, or 0
    labels_differ: bool


class _Groups:
    """The items of a file by debt, in compact arrays: some 60 bytes for each debt."""

    def __init__(self, options: TableOptions) -> None:
        self._options = options
        self._seen = Seen()
        self._lines = array("I")
        self._numbers = array("q")
        self._contents = array("q")
        self._labels = array("q")
        self._cents = array("q")
        self._wrong = array("I")
        self._differ = bytearray()

    def add(self, item: Line) -> None:
        """Count one more item."""
        if not item.key:
            return
        rank, is_new = self._seen.place(_natural_key(item.key, self._options))
        number, titre = hash(item.key[3]), item.titre
        if is_new:
            self._lines.append(item.number)
            self._numbers.append(number)
            self._contents.append(hash(_of_whom(titre)) if titre else 0)
            self._labels.append(hash(titre.label) if titre else 0)
            self._cents.append(titre.cents if titre else 0)
            self._wrong.append(0 if titre else item.number)
            self._differ.append(0)
            return
        if self._numbers[rank] != number:
            return  # said of that item: it is none of these
        if titre is None or self._contents[rank] != hash(_of_whom(titre)):
            self._wrong[rank] = self._wrong[rank] or item.number
            return
        self._cents[rank] += titre.cents
        self._differ[rank] |= self._labels[rank] != hash(titre.label)

    def said_of(self, item: Line) -> Trouble | None:
        """What an item is beside those of its debt; None for the first."""
        assert item.titre is not None
        rank, _is_new = self._seen.place(_natural_key(item.key, self._options))
        first = self._lines[rank]
        if first == item.number:
            return None
        if self._numbers[rank] != hash(item.titre.number):
            return error("L172", line=first, number=item.titre.number)
        if self._contents[rank] != hash(_of_whom(item.titre)):
            return error("L173", line=first, number=item.titre.number)
        if self._wrong[rank]:
            return error("L174", line=self._wrong[rank])
        return notice("L175", line=first, number=item.titre.number)

    def sum_of(self, item: Line) -> _Sum:
        """What all the items of that one's debt make."""
        rank, _is_new = self._seen.place(_natural_key(item.key, self._options))
        return _Sum(self._cents[rank], self._wrong[rank], bool(self._differ[rank]))


def _of_whom(titre: FiledTitre) -> tuple[object, ...]:
    """What the items of one debt have in common."""
    debtor = titre.debtor
    return (titre.due_on, titre.product, debtor.name if debtor else "", debtor.reference if debtor else "")
