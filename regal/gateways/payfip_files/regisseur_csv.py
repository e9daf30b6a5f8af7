"""The régisseur's statement: lines tagged EN-TETE, LIGNE, PIED-DE-PAGE; one source tells no more than three columns.

What is uncertain is found out where it can be, and an option where it cannot:
- separator: the character that follows the tags;
- columns: those of the options, unless the first LIGNE names them;
- days: four forms, of which a day from 2000 on has one only;
- amounts: one with a separator or a € sign makes them all euros; whole numbers are euros or cents as the foot's sum
  says, and refused if it does not;
- head: the client number is its only group of six digits; its first two days, in order, are those it covers, if all
  payments are within; a third is the day it was made;
- foot: the number of lines and their sum must be among what it says, if it says anything; without it the file is cut.

Where columns say so, test payments and those that were refused or given up are counted in `left_out`.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Self

from django.utils.translation import gettext_lazy as _

from regal.gateways.base import DebtKind, Misconfigured
from regal.gateways.files import FiledDebt, FiledPayment, FileKind, NotThisFile, PaymentsFile
from regal.lib import paris
from regal.lib.canonical import sha256_hex
from regal.lib.money import Money, UnreadableAmount
from regal.lib.references import InvoiceReference, UnreadableReference

MAX_PAYMENTS = 100_000
MAX_LINE = 4096  # characters

SEPARATORS = (";", ",", "\t", "|")
DATES = {
    "%d/%m/%Y": re.compile(r"(?P<day>[0-9]{2})/(?P<month>[0-9]{2})/(?P<year>20[0-9]{2})"),
    "%d%m%Y": re.compile(r"(?P<day>[0-9]{2})(?P<month>[0-9]{2})(?P<year>20[0-9]{2})"),
    "%Y-%m-%d": re.compile(r"(?P<year>20[0-9]{2})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"),
    "%Y%m%d": re.compile(r"(?P<year>20[0-9]{2})(?P<month>[0-9]{2})(?P<day>[0-9]{2})"),
}
AMOUNTS = ("euros", "cents")
NEEDED = ("date", "refdet", "montant")
ACCOUNT_OPTIONS = ("statement_separator", "statement_columns", "statement_dates", "statement_amounts")

HEAD, LINE, FOOT = "EN-TETE", "LIGNE", "PIED-DE-PAGE"

# The letters of both ways to PayFiP: each gateway's `codes.py` has their sources.
_TEST, _REAL = "T", ("X", "A", "M", "W")  # saisie
_PAID, _UNPAID = ("P", "V"), ("R", "A", "Z")  # resultrans

_TAGGED = re.compile(rf'^[ \t]*"?(?:{HEAD}|{LINE}|{FOOT})"?[ ]*(?P<next>[;,\t|\n]|$)', re.MULTILINE | re.IGNORECASE)
_NUMCLI = re.compile(r"[0-9]{6}")
_EXER = re.compile(r"[1-9][0-9]{3}")
_HOUR = re.compile(r"(?P<hour>[0-9]{2})[:hH]?(?P<minute>[0-9]{2})(?::?(?P<second>[0-9]{2}))?")
_WHOLE = re.compile(r"[0-9]{1,14}")
_EURO_SIGNS = (",", ".", "€")


@dataclass(frozen=True, kw_only=True)
class CsvOptions:
    """What an account may say of its statements; None: found out. Raises ValueError for what makes no sense."""

    separator: str | None = None  # among SEPARATORS
    columns: tuple[str, ...] = NEEDED  # after the tag; those we do not know are ignored
    dates: str | None = None  # among DATES
    amounts: str | None = None  # among AMOUNTS

    def __post_init__(self) -> None:
        if self.separator is not None and self.separator not in SEPARATORS:
            raise ValueError("separator")
        if not isinstance(self.columns, tuple) or not _are_columns(self.columns):
            raise ValueError("columns")
        if self.dates is not None and self.dates not in tuple(DATES):
            raise ValueError("dates")
        if self.amounts is not None and self.amounts not in AMOUNTS:
            raise ValueError("amounts")

    @classmethod
    def of_account(cls, options: Mapping[str, Any]) -> Self:
        """Those among an account's options, whatever else is there. Raises ValueError, which names the option."""
        told = {name.removeprefix("statement_"): options[name] for name in ACCOUNT_OPTIONS if name in options}
        if isinstance(told.get("columns"), list):
            told["columns"] = tuple(told["columns"])
        return cls(**told)


def check_account_options(options: Mapping[str, Any]) -> None:
    """Raises Misconfigured for what an account says of its statements and cannot be."""
    try:
        CsvOptions.of_account(options)
    except ValueError as error:
        raise Misconfigured(f"statement_{error}", "unusable") from None


@dataclass(frozen=True, kw_only=True)
class _Told:
    """One LIGNE, read but for the unit of its amount."""

    line: int
    day: date
    at: datetime | None
    reference: str
    exercice: int | None
    amount: str
    is_payment: bool


def is_regisseur_csv(text: str) -> bool:
    """Whether a line of that text begins as those of a statement do."""
    return _TAGGED.search(text) is not None


def read_regisseur_csv(text: str, *, content: bytes, options: CsvOptions) -> PaymentsFile:
    """Read a text (whose lines end with a line feed) as a statement; `content` is what was sent. Raises NotThisFile."""
    statement = _Statement(options)
    for number, cells in _rows(text, separator=options.separator or _separator(text)):
        statement.row(number, cells)
    return statement.file(digest=sha256_hex(content))


def _separator(text: str) -> str:
    following = {found["next"] for found in _TAGGED.finditer(text)} - {"", "\n"}
    if len(following) > 1:
        raise NotThisFile("F431")
    return following.pop() if following else SEPARATORS[0]


def _rows(text: str, *, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each line that says something: its number, its cells without the spaces around, nor the empty ones at its end."""
    reader = csv.reader(_bounded(text), delimiter=separator, strict=True)
    while True:
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error:
            raise NotThisFile("F442", line=reader.line_num) from None
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield reader.line_num, cells


def _bounded(text: str) -> Iterator[str]:
    for number, line in enumerate(io.StringIO(text), start=1):
        if len(line) > MAX_LINE:
            raise NotThisFile("F442", line=number)
        yield line


class _Statement:
    """A statement being read, line after line."""

    def __init__(self, options: CsvOptions) -> None:
        self._options = options
        self._columns: tuple[str, ...] | None = None  # known from the first LIGNE on
        self._head: list[str] | None = None
        self._foot: list[str] | None = None
        self._lines: list[_Told] = []
        self._numclis: set[str] = set()
        self._place = str(_("ligne %(line)s"))

    def row(self, number: int, cells: list[str]) -> None:
        """One more line of the file. Raises NotThisFile."""
        tag, told = cells[0].upper(), cells[1:]
        if self._foot is not None:
            raise NotThisFile("F440", line=number)
        if (tag == HEAD) != (self._head is None):
            raise NotThisFile("F441", line=number)
        if tag == HEAD:
            self._head = told
        elif tag == FOOT:
            self._foot = told
        elif tag == LINE:
            self._line(number, told)
        else:
            raise NotThisFile("F432", line=number)

    def file(self, *, digest: str) -> PaymentsFile:
        """The file, once all its lines were read. Raises NotThisFile."""
        if self._head is None or self._foot is None:
            raise NotThisFile("F438")
        amounts = self._amounts(self._foot)
        payments = tuple(self._payments(amounts))
        first, last, made_on = self._days(self._head)
        return PaymentsFile(
            kind=FileKind.REGISSEUR_CSV,
            digest=digest,
            payments=payments,
            left_out=len(self._lines) - len(payments),
            account_identifier=self._numcli,
            siret=None,
            entity="",
            first_day=first,
            last_day=last,
            made_on=made_on,
        )

    def _line(self, number: int, cells: list[str]) -> None:
        if self._columns is None:
            names = tuple(cell.lower() for cell in cells)
            if set(NEEDED) & set(names):  # no date, reference or amount is such a word
                if not _are_columns(names):
                    raise NotThisFile("F444", line=number)
                self._columns = names
                return
            self._columns = self._options.columns
        least = 1 + max(self._columns.index(name) for name in NEEDED)
        if not least <= len(cells) <= len(self._columns):
            raise NotThisFile("F433", line=number, found=len(cells), expected=len(self._columns))
        if len(self._lines) >= MAX_PAYMENTS:
            raise NotThisFile("F428", most=MAX_PAYMENTS)
        told = dict(zip(self._columns, cells, strict=False))
        day = _day(told["date"], self._options.dates)
        if day is None:
            raise NotThisFile("F434", line=number)
        try:
            reference = InvoiceReference(told["refdet"]).digits
        except UnreadableReference:
            raise NotThisFile("F436", line=number) from None
        self._hear_numcli(number, told.get("numcli", ""))
        exercice = told.get("exer", "")
        self._lines.append(
            _Told(
                line=number,
                day=day,
                at=_moment(day, told.get("heure", "")),
                reference=reference,
                exercice=int(exercice) if _EXER.fullmatch(exercice) else None,
                amount=told["montant"],
                is_payment=_is_payment(told, number),
            )
        )

    def _hear_numcli(self, number: int, text: str) -> None:
        if not _NUMCLI.fullmatch(text):
            return
        self._numclis.add(text)
        in_head = self._numcli_of_head
        if len(self._numclis) > 1 or (in_head is not None and in_head != text):
            raise NotThisFile("F443", line=number)

    @property
    def _numcli_of_head(self) -> str | None:
        found = {cell for cell in self._head or () if _NUMCLI.fullmatch(cell)}
        return found.pop() if len(found) == 1 else None

    @property
    def _numcli(self) -> str | None:
        return next(iter(self._numclis), None) or self._numcli_of_head

    def _amounts(self, foot: list[str]) -> list[Money]:
        """What each line is worth, in the unit that the file shows, checked against its foot."""
        unit = self._options.amounts
        if unit is None and any(sign in told.amount for told in self._lines for sign in _EURO_SIGNS):
            unit = "euros"
        readings = [
            one() for name, one in (("cents", self._as_cents), ("euros", self._as_euros)) if unit in (None, name)
        ]
        fitting = [amounts for amounts in readings if _agrees(foot, amounts)]
        if not fitting:
            total = sum(readings[0], Money.zero)
            raise NotThisFile("F439", count=len(self._lines), total=total.format_fr())
        if fitting[0] != fitting[-1]:
            raise NotThisFile("F437")
        return fitting[0]

    def _as_euros(self) -> list[Money]:
        return [self._positive(told, _euros(told.amount)) for told in self._lines]

    def _as_cents(self) -> list[Money]:
        return [self._positive(told, _cents(told.amount)) for told in self._lines]

    def _positive(self, told: _Told, amount: Money | None) -> Money:
        if amount is None or amount <= Money.zero:
            raise NotThisFile("F435", line=told.line)
        return amount

    def _payments(self, amounts: list[Money]) -> Iterator[FiledPayment]:
        number = 0
        for told, amount in zip(self._lines, amounts, strict=True):
            if not told.is_payment:
                continue
            number += 1
            facts = {
                "origin": FileKind.REGISSEUR_CSV.value,
                "account_identifier": self._numcli,
                "amount_cents": str(amount.cents),
                "day": told.day.isoformat(),
                "occurred_at": told.at.isoformat() if told.at else None,
                "debt_reference": told.reference,
                "exercice": str(told.exercice) if told.exercice else None,
            }
            yield FiledPayment(
                number=number,
                place=self._place % {"line": told.line},
                debt=FiledDebt(kind=DebtKind.REGIE, reference=told.reference, exercice=told.exercice),
                amount=amount,
                day=told.day,
                at=told.at,
                facts={name: value for name, value in facts.items() if value is not None},
            )

    def _days(self, head: list[str]) -> tuple[date | None, date | None, date | None]:
        days = [day for cell in head if (day := _day(cell, self._options.dates)) is not None]
        if len(days) < 2:
            return None, None, days[0] if days else None
        first, last = days[0], days[1]
        if not all(first <= told.day <= last for told in self._lines) or first > last:
            return None, None, None  # they say something else than we thought
        return first, last, days[2] if len(days) > 2 else None


def _are_columns(names: tuple[str, ...]) -> bool:
    return all(isinstance(name, str) for name in names) and len(set(names)) == len(names) and set(NEEDED) <= set(names)


def _is_payment(told: dict[str, str], number: int) -> bool:
    """Unless a column says otherwise: a test, or an outcome that is no payment. What is unknown is never « paid »."""
    saisie, letter = told.get("saisie", "").upper(), told.get("resultrans", "").upper()
    if saisie not in ("", _TEST, *_REAL) or letter not in ("", *_PAID, *_UNPAID):
        raise NotThisFile("F445", line=number)
    return saisie != _TEST and letter not in _UNPAID


@lru_cache(maxsize=1024)
def _day(text: str, form: str | None) -> date | None:
    for known, pattern in DATES.items():
        found = pattern.fullmatch(text)
        if found is None or form not in (None, known):
            continue
        try:
            return date(int(found["year"]), int(found["month"]), int(found["day"]))
        except ValueError:
            continue
    return None


def _moment(day: date, text: str) -> datetime | None:
    """The instant when clocks in Paris show that hour; what is no hour is not told."""
    found = _HOUR.fullmatch(text)
    if found is None:
        return None
    try:
        hour = time(int(found["hour"]), int(found["minute"]), int(found["second"] or 0))
    except ValueError:
        return None
    return paris.at(day, hour)


def _euros(text: str) -> Money | None:
    try:
        return Money.parse(text)
    except UnreadableAmount:
        return None


def _cents(text: str) -> Money | None:
    return Money(int(text)) if _WHOLE.fullmatch(text) else None


def _agrees(foot: list[str], amounts: list[Money]) -> bool:
    """Whether the foot says that many lines and that sum; one of a single cell says either, an empty one nothing."""
    said = [cell for cell in foot if cell]
    if not said:
        return True
    total = sum(amounts, Money.zero)
    counts = {place for place, cell in enumerate(said) if _WHOLE.fullmatch(cell) and int(cell) == len(amounts)}
    sums = {place for place, cell in enumerate(said) if total in (_euros(cell), _cents(cell))}
    if len(said) == 1:
        return bool(counts or sums)
    return any(count != place for count in counts for place in sums)
