"""The daily file of the remises: what Paybox sent to the bank, on one or several contracts, in one or several remises.

A table with a header, `;` between its cells, quoted or not. Columns are found by their names, whatever their order;
those that we do not know are ignored, and the customer's e-mail (EmailCustomer) is never looked at.

Type: DEB a payment, CRE a refund (its amount is positive), ANU an operation cancelled before it was sent to the bank.
Amounts are in cents. Numbers may have zeros in front, and are compared without them.

The file has neither count nor sum of its own, so that a cut one is known by its last line only: it has fewer cells than
the header, or its end, where something is read, is not that of a line. An archive's own sums say the rest.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from functools import lru_cache

from django.utils.translation import gettext_lazy as _

from regal.gateways.base import DebtKind
from regal.gateways.files import (
    FiledDebt,
    FiledPayment,
    FiledTransaction,
    FileKind,
    LineKind,
    NotThisFile,
    PaymentsFile,
)
from regal.lib import paris
from regal.lib.canonical import sha256_hex
from regal.lib.card_numbers import holds_card_number
from regal.lib.money import Money

MAX_BYTES = 20 * 1024 * 1024  # of text, whatever the archive weighs
MAX_MEMBERS = 31  # files in one archive: a month of remises
MAX_LINES = 100_000
MAX_LINE = 4096  # characters

NEEDED = (
    "RemittancePaybox",
    "Site",
    "Rank",
    "Date",
    "TransactionId",
    "IdAppel",
    "DateOfIssue",
    "Reference",
    "Type",
    "Amount",
)
READ_IF_THERE = ("HourOfIssue", "NumberOfAuthorization", "Currency", "ShopName")

KINDS = {"DEB": LineKind.PAYMENT, "CRE": LineKind.REFUND, "ANU": LineKind.CANCELLED}
EUROS = ("", "978", "EUR")

_SEPARATOR = ";"
_BOM = b"\xef\xbb\xbf"
_ZIP = b"PK\x03\x04"
_HEAD = 4096  # characters in which the header stands
_NAMES = {name.lower(): name for name in (*NEEDED, *READ_IF_THERE)}
_OF_A_REMISE = {"remittancepaybox", "transactionid"}  # either of them, and the file is none of PayFiP's
_OF_THE_BACK_OFFICE = {"status", "errorcode", "pan"}
_OF_VISION = {"num. transaction", "statut de la transaction"}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_NUMBER = re.compile(r"[0-9]{1,20}")
_MAYBE_NUMBER = re.compile(r"[0-9]{0,20}")
_SITE = re.compile(r"0*[1-9][0-9]{0,6}")
_RANK = re.compile(r"0*[0-9]{1,3}")
_AMOUNT = re.compile(r"[0-9]{1,10}")
_DAYS = (
    re.compile(r"(?P<day>[0-9]{2})/(?P<month>[0-9]{2})/(?P<year>20[0-9]{2})"),
    re.compile(r"(?P<year>20[0-9]{2})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"),
)
_HOUR = re.compile(r"(?P<hour>[0-9]{2}):?(?P<minute>[0-9]{2})(?::?(?P<second>[0-9]{2}))?")
_OUR_REFERENCE = re.compile(r"[A-Za-z0-9-]{1,64}")  # what an attempt may be called; other shops write what they like
_AUTHORISATION = re.compile(r"[A-Za-z0-9]{1,20}")
_LONGEST_REFERENCE = 60
_LONGEST_SHOPS = 200


def is_of_paybox(content: bytes) -> bool:
    """Whether these bytes are one of Paybox's tables, readable or not, or an archive of them."""
    try:
        return any(_is_of_paybox(text) for text in _texts(content))
    except NotThisFile:
        return False


def read_remise(content: bytes) -> PaymentsFile:
    """Read a file of remises, or an archive of them: every line of every contract. Raises NotThisFile."""
    remises = _Remises()
    for text in _texts(content):
        remises.text(text)
    return remises.file(digest=sha256_hex(content))


def _texts(content: bytes) -> list[str]:
    members = _members(content) if content.startswith(_ZIP) else [content]
    return [_text(member) for member in members]


def _members(content: bytes) -> list[bytes]:
    """The files of an archive, never more of them than MAX_BYTES, whatever it says of itself. Raises NotThisFile."""
    found, left = [], MAX_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [one for one in archive.infolist() if not one.is_dir()]
            if not 0 < len(names) <= MAX_MEMBERS:
                raise NotThisFile("F512")
            for one in names:
                with archive.open(one) as member:
                    read = member.read(left + 1)
                left -= len(read)
                if left < 0:
                    raise NotThisFile("F512")
                found.append(read)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, OSError):
        raise NotThisFile("F512") from None
    return found


def _text(content: bytes) -> str:
    """UTF-8, or else ISO-8859-15, with one kind of line end. Raises NotThisFile."""
    bare = content.removeprefix(_BOM)
    try:
        text = bare.decode("utf-8")
    except UnicodeDecodeError:
        text = bare.decode("iso-8859-15")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_of_paybox(text: str) -> bool:
    names = _names(text.lstrip("\n")[:_HEAD].split("\n")[0])
    return bool(names & _OF_A_REMISE) or names >= _OF_VISION


def _names(line: str) -> set[str]:
    return {name.strip().strip('"').strip().lower() for name in line.split(_SEPARATOR)}


class _Remises:
    """Files of remises being read, line after line."""

    def __init__(self) -> None:
        self._lines: list[FiledPayment] = []
        self._places: dict[tuple[str, str, str], int] = {}  # of each operation: its line
        self._shops: dict[str, None] = {}
        self._place = str(_("ligne %(line)s"))

    def text(self, text: str) -> None:
        """One more file. Raises NotThisFile."""
        if _CONTROL.search(text):
            raise NotThisFile("F513")
        columns: list[str] | None = None
        line = 0
        for line, cells in _rows(text):
            names = [cell.lower() for cell in cells]
            if columns is None or names == columns:  # remises put end to end name their columns again
                _check_header(names)
                columns = names
                continue
            extra = cells[len(columns) :]
            if len(cells) < len(columns) or any(extra):
                raise NotThisFile("F504", line=line)
            self._operation(
                line, {_NAMES[name]: cell for name, cell in zip(columns, cells, strict=False) if name in _NAMES}
            )
        if columns is None:
            raise NotThisFile("F513")
        if not text.endswith("\n") and columns[-1] in _NAMES:  # the rest of that cell may be missing
            raise NotThisFile("F504", line=line)

    def file(self, *, digest: str) -> PaymentsFile:
        """The whole, once every file was read. Raises NotThisFile."""
        if not self._lines:
            raise NotThisFile("F511")
        days = [one.day for one in self._lines]
        sent = [one.transaction.remitted_on for one in self._lines if one.transaction]
        made_on = max((day for day in sent if day is not None), default=max(days))
        return PaymentsFile(
            kind=FileKind.PAYBOX_REMISE,
            digest=digest,
            payments=tuple(self._lines),
            left_out=0,
            account_identifier=None,
            siret=None,
            entity=", ".join(self._shops)[:_LONGEST_SHOPS],
            first_day=min(days),
            last_day=_last_whole_day(days, made_on),
            made_on=made_on,
        )

    def _operation(self, line: int, told: Mapping[str, str]) -> None:
        if len(self._lines) >= MAX_LINES:
            raise NotThisFile("F510", most=MAX_LINES)
        kind = KINDS.get(told["Type"].upper())
        if kind is None:
            raise NotThisFile("F507", line=line)
        if told.get("Currency", "").upper() not in EUROS:
            raise NotThisFile("F508", line=line)
        amount = Money(int(_matching(_AMOUNT, told, "Amount", line)))
        if amount <= Money.zero:
            raise NotThisFile("F506", line=line, column="Amount")
        day = _day_of(told, "DateOfIssue", line)
        left = kind is not LineKind.CANCELLED  # what was cancelled may be in no remise
        transaction = FiledTransaction(
            contract=_contract(told, line),
            number=unpadded(_matching(_NUMBER, told, "TransactionId", line)),
            call=unpadded(_matching(_MAYBE_NUMBER, told, "IdAppel", line)),
            reference=told["Reference"] if _OUR_REFERENCE.fullmatch(told["Reference"]) else "",
            remittance=unpadded(_matching(_NUMBER if left else _MAYBE_NUMBER, told, "RemittancePaybox", line)),
            remitted_on=_day_of(told, "Date", line) if left or told["Date"] else None,
        )
        if not transaction.number:
            raise NotThisFile("F506", line=line, column="TransactionId")
        said = (transaction.contract, kind.value, transaction.number)
        if said in self._places:
            raise NotThisFile("F509", line=line, first=self._places[said])
        self._places[said] = line
        if shop := _visible(told.get("ShopName", "")):
            self._shops.setdefault(shop)
        at = _moment(day, told.get("HourOfIssue", ""))
        self._lines.append(
            FiledPayment(
                number=len(self._lines) + 1,
                place=self._place % {"line": line},
                debt=FiledDebt(kind=DebtKind.REGIE, reference=_visible(told["Reference"])),
                amount=amount,
                day=day,
                at=at,
                kind=kind,
                transaction=transaction,
                facts=_facts(transaction, told, amount, day, at),
            )
        )


def _facts(
    transaction: FiledTransaction, told: Mapping[str, str], amount: Money, day: date, at: datetime | None
) -> dict[str, str]:
    authorisation = told.get("NumberOfAuthorization", "")
    facts = {
        "origin": FileKind.PAYBOX_REMISE.value,
        "contract": transaction.contract,
        "amount_cents": str(amount.cents),
        "day": day.isoformat(),
        "occurred_at": at.isoformat() if at else "",
        "reference": transaction.reference,
        "transaction": transaction.number,
        "call": transaction.call,
        "authorisation": authorisation if _AUTHORISATION.fullmatch(authorisation) else "",
        "remittance": transaction.remittance,
        "remitted_on": transaction.remitted_on.isoformat() if transaction.remitted_on else "",
    }
    return {name: value for name, value in facts.items() if value}


def unpadded(number: str) -> str:
    """A number of Paybox's without the zeros in front, which some messages and files keep; "" of nothing but zeros."""
    return number.lstrip("0")


def _check_header(names: list[str]) -> None:
    if set(names) >= _OF_VISION:
        raise NotThisFile("F502")
    if set(names) & _OF_THE_BACK_OFFICE and "type" in names and "status" in names:
        raise NotThisFile("F501")
    known = [name for name in names if name in _NAMES]
    missing = [name for name in NEEDED if name.lower() not in known]
    if missing:
        raise NotThisFile("F503", columns=", ".join(missing))
    if len(set(known)) < len(known):
        raise NotThisFile("F506", line=1, column=max(known, key=known.count))


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line that says something: its number, its cells without the spaces around. Raises NotThisFile."""
    reader = csv.reader(_bounded(text), delimiter=_SEPARATOR, strict=True)
    while True:
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error:
            raise NotThisFile("F505", line=reader.line_num) from None
        if any(cells):
            yield reader.line_num, cells


def _bounded(text: str) -> Iterator[str]:
    for number, line in enumerate(io.StringIO(text), start=1):
        if len(line) > MAX_LINE:
            raise NotThisFile("F505", line=number)
        yield line


def _matching(pattern: re.Pattern[str], told: Mapping[str, str], column: str, line: int) -> str:
    if not pattern.fullmatch(told[column]):
        raise NotThisFile("F506", line=line, column=column)
    return told[column]


def _contract(told: Mapping[str, str], line: int) -> str:
    """Site of seven digits, rank of two at least: as accounts write them."""
    site, rank = _matching(_SITE, told, "Site", line), _matching(_RANK, told, "Rank", line)
    return f"{unpadded(site):0>7}-{unpadded(rank):0>2}"


def _day_of(told: Mapping[str, str], column: str, line: int) -> date:
    day = _day(told[column])
    if day is None:
        raise NotThisFile("F506", line=line, column=column)
    return day


@lru_cache(maxsize=1024)
def _day(text: str) -> date | None:
    for pattern in _DAYS:
        if found := pattern.fullmatch(text):
            try:
                return date(int(found["year"]), int(found["month"]), int(found["day"]))
            except ValueError:
                return None
    return None


def _moment(day: date, text: str) -> datetime | None:
    """The instant when clocks in Paris show that hour; what is no hour is not told."""
    found = _HOUR.fullmatch(text)
    if found is None:
        return None
    try:
        return paris.at(day, time(int(found["hour"]), int(found["minute"]), int(found["second"] or 0)))
    except ValueError:
        return None


def _last_whole_day(days: list[date], sent_on: date) -> date:
    """Of the day of the sending only the beginning is there."""
    return max((day for day in days if day < sent_on), default=max(days))


def _visible(text: str) -> str:
    """Somebody else's text, short; nothing of one that may be an address or a card number."""
    plain = text if text.isprintable() and "@" not in text else ""
    return "" if holds_card_number(plain) else plain[:_LONGEST_REFERENCE]
