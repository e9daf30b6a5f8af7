"""A payment at Paybox and its tries, as the tables keep them."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from regal_sandbox.store import moment

ENDED = frozenset({"paid", "pending", "refused", "abandoned", "expired"})


class UnknownPayment(LookupError):
    """No payment at Paybox bears that token or number."""


@dataclass(frozen=True, kw_only=True)
class Try:
    """One attempt with a card."""

    id: int
    payment_id: int
    call: int
    trans: int
    code: str
    authorisation: str
    amount_cents: int
    card: Mapping[str, Any]
    at: datetime
    status: str


@dataclass(frozen=True, kw_only=True)
class Payment:
    id: int
    token: str
    merchant: str  # its key
    reference: str
    amount_cents: int
    fields: tuple[tuple[str, str], ...]
    entry: str
    backup: bool
    state: str
    call: int
    means: str
    forced_code: str
    code: str
    started_at: datetime
    ended_at: datetime | None = None
    returned_at: datetime | None = None
    card: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """A field of the request, empty when it did not come."""
        return next((value for known, value in self.fields if known == name), "")

    @property
    def is_ended(self) -> bool:
        return self.state in ENDED


def find_payment(db: sqlite3.Connection, number: int) -> Payment:
    row = db.execute("SELECT * FROM paybox_payments WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise UnknownPayment(number)
    return _payment(row)


def find_payment_by_token(db: sqlite3.Connection, token: str) -> Payment:
    row = db.execute("SELECT * FROM paybox_payments WHERE token = ? AND token <> ''", (token,)).fetchone()
    if row is None:
        raise UnknownPayment(token)
    return _payment(row)


def list_payments(
    db: sqlite3.Connection, *, merchant: str | None = None, reference: str | None = None
) -> list[Payment]:
    """The oldest first."""
    rows = db.execute(
        "SELECT * FROM paybox_payments WHERE merchant = coalesce(?, merchant) AND reference = coalesce(?, reference)"
        " ORDER BY id",
        (merchant, reference),
    )
    return [_payment(row) for row in rows]


def list_tries(db: sqlite3.Connection, payment_id: int) -> list[Try]:
    rows = db.execute("SELECT * FROM paybox_tries WHERE payment_id = ? ORDER BY id", (payment_id,))
    return [_try(row) for row in rows]


def find_try(db: sqlite3.Connection, number: int) -> Try:
    row = db.execute("SELECT * FROM paybox_tries WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise UnknownPayment(number)
    return _try(row)


def _payment(row: sqlite3.Row) -> Payment:
    return Payment(
        id=row["id"],
        token=row["token"],
        merchant=row["merchant"],
        reference=row["reference"],
        amount_cents=row["amount_cents"],
        fields=tuple((name, value) for name, value in json.loads(row["fields"])),
        entry=row["entry"],
        backup=bool(row["backup"]),
        state=row["state"],
        call=row["call"],
        means=row["means"],
        forced_code=row["forced_code"],
        code=row["code"],
        started_at=moment(row["started_at"]),
        ended_at=moment(row["ended_at"]) if row["ended_at"] else None,
        returned_at=moment(row["returned_at"]) if row["returned_at"] else None,
        card=json.loads(row["card"]),
    )


def _try(row: sqlite3.Row) -> Try:
    return Try(
        id=row["id"],
        payment_id=row["payment_id"],
        call=row["call"],
        trans=row["trans"],
        code=row["code"],
        authorisation=row["authorisation"],
        amount_cents=row["amount_cents"],
        card=json.loads(row["card"]),
        at=moment(row["at"]),
        status=row["status"],
    )
