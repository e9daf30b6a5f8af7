"""What a reader of files gives, whatever the format: a head, then lines, each with what it says and what is wrong.

A reader knows no database: it says what a file says. Whether a debt is new, unchanged or in conflict is the import's to
say (`regal/titres/imports.py`). Nothing personal but what a debtor needs to be named and written to leaves a reader.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import BinaryIO, Protocol

from regal.titres.models import DocumentKind


class FileFormat(StrEnum):
    """What a file is, as we recognise it from its bytes; never from its name alone."""

    CSV = "csv"
    XLSX = "xlsx"
    PES_ALLER = "pes_aller"
    PES_ORMC = "pes_ormc"


class Weight(StrEnum):
    """What a trouble does to its line."""

    ERROR = "error"  # the line cannot become a debt as it stands
    WARNING = "warning"  # it can, and somebody should look
    NOTICE = "notice"  # said, and nothing to do


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something about one line or file. Its sentence and its remedy, in both languages, are made from its code.

    `said` holds what the sentence names: short cuts of the file, never a whole name or address.
    """

    code: str  # stable, for support: L101
    weight: Weight
    where: str = ""  # the column's or element's own name in the file: MONTANT_TTC, MtHT
    said: Mapping[str, str] = field(default_factory=dict)


class NotThisFile(Exception):
    """The whole file is refused: not ours to read, damaged, too large. `trouble` says why and what to do."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.code)
        self.trouble = trouble


class Nature(StrEnum):
    """What a line is to a base of titres."""

    DEBT = "debt"  # somebody owes this
    REDUCTION = "reduction"  # less is due of `reduces`; the amount is positive
    NOT_PAYABLE = "not_payable"  # already collected, summing up, or an accounting entry: said and left out
    NOTHING = "nothing"  # a total line, an empty title: said and left out


@dataclass(slots=True)
class FiledDebtor:
    """Whom a debt names. Nothing else of a person is read: no birth, no bank account, no social security number."""

    name: str  # family name, complement and first name, as the file writes them; at most 120 characters
    reference: str = ""  # the town's own number of this household or firm; at most 30
    email: str = ""
    address: tuple[str, ...] = ()  # at most four lines
    postcode: str = ""
    city: str = ""
    siret: str = ""  # of a firm


@dataclass(frozen=True, slots=True)
class Reduced:
    """The debt that a reduction speaks of."""

    exercice: int
    number: str
    line: int = 1


@dataclass(slots=True)
class FiledTitre:
    """One debt, or one reduction, as a file says it. Amounts are cents, positive."""

    nature: Nature
    number: str  # as written, zeros included
    exercice: int
    cents: int
    document_kind: DocumentKind = DocumentKind.FACTURE
    line: int = 1
    label: str = ""  # at most 100 characters
    issued_on: date | None = None
    due_on: date | None = None
    regie: str = ""  # the file's own codes, "" where it has none
    product: str = ""
    budget: str = ""
    batch: str = ""  # bordereau or rôle number
    period: str = ""  # of a rôle: one digit
    debtor: FiledDebtor | None = None
    others: tuple[FiledDebtor, ...] = ()  # jointly liable
    reduces: Reduced | None = None
    reference: str = ""  # what its payer types, where the file says it; else the import makes it of the number


@dataclass(slots=True)
class Line:
    """One line of the report: what stands at this place of the file."""

    number: int  # 1-based: the line of a CSV (its header is line 1), the row of a sheet, the rank of a piece's line
    place: str  # in no language: `places.py` says it
    titre: FiledTitre | None  # None where it cannot be read, or is nothing
    troubles: tuple[Trouble, ...] = ()
    key: tuple[str, ...] = ()  # what makes two lines of one file the same debt; () if unknown

    @property
    def is_wrong(self) -> bool:
        """It cannot become a debt as it stands."""
        return any(trouble.weight is Weight.ERROR for trouble in self.troubles)


@dataclass(frozen=True, kw_only=True)
class Head:
    """What is known of a file before its lines."""

    format: FileFormat
    encoding: str = ""  # guessed or declared, as shown: "Windows-1252"
    separator: str = ""
    columns: tuple[str, ...] = ()  # as the file names them; of a file without header, its rank
    meanings: Mapping[str, str] = field(default_factory=dict)  # of a table: `columns.Meaning` → the column
    sheet: str = ""
    siret: str = ""  # of a PES
    budget: str = ""  # CodBud
    troubles: tuple[Trouble, ...] = ()


class Reader(Protocol):
    """One file being read, from its beginning, in bounded memory."""

    head: Head

    def lines(self) -> Iterator[Line]:
        """Every line in order. Raises NotThisFile where the file turns out damaged half-way."""
        ...


class Opener(Protocol):
    """How a format is opened. `stream` is seekable; `options` is what the source remembers, as plain JSON."""

    def __call__(self, stream: BinaryIO, *, options: Mapping[str, object]) -> Reader: ...
