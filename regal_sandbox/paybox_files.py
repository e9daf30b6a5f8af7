"""The three files in which Paybox tells a merchant what was collected: pure writing, read by the name of each column.

`daily` is the remise of one day (28 columns), `export` what the back office exports (32 columns), `vision` what Crédit
Agricole's back office exports. ISO-8859-15, separated by `;`, with a line of titles.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from regal_sandbox.paris import in_paris

CHARSET = "iso-8859-15"
DATE_FORMATS = {"dd/mm/yyyy": "%d/%m/%Y", "yyyy-mm-dd": "%Y-%m-%d"}  # older files, newer ones
_SHARED = (
    "RemittancePaybox;Bank;Site;Rank;ShopName;IdPaybox;Date;TransactionId;IdAppel;DateOfIssue;HourOfIssue;DateOfExpiry;"
    "Reference;"
)
DAILY = (
    _SHARED + "EmailCustomer;Type;Canal;NumberOfAuthorization;Amount;Currency;Entity;Operator;Country;CountryIP;"
    "CardType;ThreeDSecureStatus;ThreeDSecureEnrolled;ThreeDSecureWarranted;RefArchive"
).split(";")
EXPORT = (
    _SHARED + "Origin;Type;Canal;NumberOfAuthorization;Amount;Currency;Entity;Operator;Country;CountryIP;Payment;"
    "ThreeDSecureStatus;ThreeDSecureInscription;ThreeDSecureWarranted;RefArchive;Status;PAN;IP;ErrorCode"
).split(";")
VISION = [
    "Num. transaction",
    "Référence commande",
    "Montant",
    "Date & Heure",
    "Type de transaction",
    "Statut de la transaction",
]
DEBIT, CREDIT, CANCELLED = "DEB", "CRE", "ANU"
_WORDS = {DEBIT: "Autorisation", CREDIT: "Crédit", CANCELLED: "Annulation"}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One operation as the files tell it; what is empty was not known."""

    type: str  # DEB, CRE or ANU
    numtrans: int
    numappel: int
    at: datetime
    cents: int  # always positive
    reference: str
    remise: str = ""  # its number, empty as long as it was not collected
    sent_on: date | None = None  # the day of the remise
    refused: str = ""  # the code of a refusal; empty: accepted
    authorisation: str = ""
    email: str = ""
    currency: str = "978"
    entity: str = ""
    operator: str = ""
    country: str = ""
    country_ip: str = ""
    card: str = ""  # Visa, MasterCard, CB…
    expiry: str = ""  # MMAA
    masked: str = ""
    three_d_secure: str = ""  # Y, A, N, U or nothing
    enrolled: str = ""
    warranted: str = ""  # O or N
    archive: str = ""


@dataclass(frozen=True, kw_only=True)
class Shop:
    site: str
    rank: int
    identifier: str
    name: str
    bank: str = "00000"


@dataclass(frozen=True, kw_only=True)
class File:
    name: str
    content: bytes


def write_daily(shop: Shop, lines: Iterable[Line], *, dates: str) -> bytes:
    """`dates` is one of DATE_FORMATS."""
    rows = []
    for line in lines:
        rows.append(
            [
                *_shared(shop, line, dates),
                line.email,
                line.type,
                "INTERNET",
                line.authorisation,
                str(line.cents),
                line.currency,
                line.entity,
                line.operator,
                line.country,
                line.country_ip,
                line.card,
                line.three_d_secure,
                line.enrolled,
                line.warranted,
                line.archive,
            ]
        )
    return _write(DAILY, rows)


def write_export(shop: Shop, lines: Iterable[Line], *, dates: str) -> bytes:
    rows = []
    for line in lines:
        rows.append(
            [
                *_shared(shop, line, dates),
                "Paybox System",
                _WORDS[line.type],
                "INTERNET",
                line.authorisation,
                str(line.cents),
                line.currency,
                line.entity,
                line.operator,
                line.country,
                line.country_ip,
                f"CB-{line.card}" if line.card and line.card != "CB" else line.card,
                line.three_d_secure,
                line.enrolled,
                line.warranted,
                line.archive,
                _status(line),
                line.masked,
                "",
                line.refused or "00000",
            ]
        )
    return _write(EXPORT, rows)


def write_vision(lines: Iterable[Line]) -> bytes:
    rows = []
    for line in lines:
        at = in_paris(line.at)
        amount = f"{line.cents // 100},{line.cents % 100:02d}"
        status = "Refusée" if line.refused else "Acceptée"
        rows.append([str(line.numtrans), line.reference, amount, f"{at:%d/%m/%Y %H:%M:%S}", _WORDS[line.type], status])
    return _write(VISION, rows)


def _status(line: Line) -> str:
    if line.refused:
        return "Refusé"
    if line.type == CANCELLED:
        return "Annulé"
    return "Télécollecté" if line.remise else "En attente"


def _shared(shop: Shop, line: Line, dates: str) -> list[str]:
    at, shape = in_paris(line.at), DATE_FORMATS[dates]
    return [
        line.remise,
        shop.bank,
        shop.site,
        f"{shop.rank:03d}",
        shop.name,
        shop.identifier,
        line.sent_on.strftime(shape) if line.sent_on else "",
        str(line.numtrans),
        str(line.numappel),
        at.strftime(shape),
        at.strftime("%H:%M:%S"),
        line.expiry,
        line.reference,
    ]


def _write(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(titles)
    writer.writerows(rows)
    return text.getvalue().replace("’", "'").encode(CHARSET, "replace")
