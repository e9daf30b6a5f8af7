"""Remises as Paybox writes them, of invented payments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

COLUMNS = (
    "RemittancePaybox",
    "Bank",
    "Site",
    "Rank",
    "ShopName",
    "IdPaybox",
    "Date",
    "TransactionId",
    "IdAppel",
    "DateOfIssue",
    "HourOfIssue",
    "DateOfExpiry",
    "Reference",
    "EmailCustomer",
    "Type",
    "Canal",
    "NumberOfAuthorization",
    "Amount",
    "Currency",
    "Entity",
    "Operator",
    "Country",
    "CountryIP",
    "CardType",
    "ThreeDSecureStatus",
    "ThreeDSecureEnrolled",
    "ThreeDSecureWarranted",
    "RefArchive",
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a remise; `more` gives cells by their column."""

    reference: str = "FC2026000412-Ab3dEf6hIj9kLmNoPqRsTu"
    cents: int = 12_550
    transaction: str = "0005329117"
    call: str = "0010244812"
    type: str = "DEB"
    issued: str = "24/11/2026"
    hour: str = "10:15:00"
    sent: str = "25/11/2026"
    remittance: str = "000000417"
    site: str = "2718281"
    rank: str = "01"
    more: Mapping[str, str] | None = None

    def with_(self, **changes: Any) -> "Line":
        return replace(self, **changes)

    @property
    def cells(self) -> dict[str, str]:
        said = {
            "RemittancePaybox": self.remittance,
            "Bank": "00016188",
            "Site": self.site,
            "Rank": self.rank,
            "ShopName": "REGIE DE SAINT-AUBIN",
            "IdPaybox": "314159265",
            "Date": self.sent,
            "TransactionId": self.transaction,
            "IdAppel": self.call,
            "DateOfIssue": self.issued,
            "HourOfIssue": self.hour,
            "DateOfExpiry": "1229",
            "Reference": self.reference,
            "EmailCustomer": "payeuse@exemple.fr",
            "Type": self.type,
            "Canal": "INTERNET",
            "NumberOfAuthorization": "482913",
            "Amount": str(self.cents),
            "Currency": "978",
            "CardType": "CB",
            "Country": "FRA",
        }
        return {name: said.get(name, "") for name in COLUMNS} | dict(self.more or {})


def remise(
    lines: Iterable[Line],
    *,
    columns: Iterable[str] = COLUMNS,
    quote: str = "",
    end: str = "\r\n",
    encoding: str = "iso-8859-15",
) -> bytes:
    """The file, its columns in that order."""
    columns = list(columns)
    rows = [columns, *([line.cells.get(name, "") for name in columns] for line in lines)]
    text = "".join(";".join(f"{quote}{cell}{quote}" for cell in row) + end for row in rows)
    return text.encode(encoding)
