"""The ledger of Paybox: what was authorised, captured, cancelled, collected, given back, for each site and rank.

A debit is authorised, then captured, then cancelled before the night or collected in a remise after it, and may be given
back in parts up to its amount; each refund is a credit of its own, with its own number and the call number of the debit.
"""

import json
import sqlite3
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from regal_sandbox.paybox_frames import BadFrame
from regal_sandbox.store import moment, stamp

AUTHORISED, CAPTURED, CANCELLED, REFUSED = "authorised", "captured", "cancelled", "refused"
DEBIT, CREDIT = "debit", "credit"
LIFE_OF_AN_AUTHORISATION = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class About:
    """What is known of an operation besides its money, for answers and files."""

    email: str = ""
    card: str = ""  # CB, Visa, MasterCard…
    expiry: str = ""  # MMAA
    bin6: str = ""
    last2: str = ""
    country: str = ""
    country_ip: str = ""
    entity: str = ""
    archive: str = ""
    operator: str = ""
    three_d_secure: str = ""
    enrolled: str = ""
    warranted: str = ""

    @property
    def masked(self) -> str:
        return f"{self.bin6}XXXXXXXX{self.last2}" if self.bin6 else ""


@dataclass(frozen=True, kw_only=True)
class Operation:
    id: int
    site: str
    rank: int
    numappel: int
    numtrans: int
    kind: str  # debit or credit
    state: str
    cents: int
    currency: str
    reference: str
    authorisation: str
    code: str  # 00000, or that of the refusal
    at: datetime
    collect_at: datetime | None  # the first night after this collects it; None: not captured
    of: int | None = None  # the debit that a credit gives back
    origin: str = "page"  # page, direct or desk
    remise: int | None = None  # the one that lists it; a cancelled one is listed, and not collected
    remise_number: str = ""
    given_back: int = 0  # cents, of a debit
    about: About = field(default_factory=About)

    @property
    def status(self) -> str:
        """As an inquiry says it."""
        if self.state == REFUSED:
            return "Refusé"
        if self.state == CANCELLED:
            return "Annulé"
        if self.kind == CREDIT:
            return "Crédit"
        if self.state == AUTHORISED:
            return "Autorisé"
        return "Remboursé" if self.given_back >= self.cents else "Capturé"

    @property
    def collected_in(self) -> str:
        """The number of the remise that took it to the bank; empty: none did."""
        return self.remise_number if self.state == CAPTURED else ""

    @property
    def remaining(self) -> int:
        """What may still be given back."""
        return self.cents - self.given_back if self.kind == DEBIT and self.state == CAPTURED else 0

    @property
    def may_be_cancelled(self) -> bool:
        return self.remise is None and not self.given_back and self.state in (AUTHORISED, CAPTURED)

    def to_json(self) -> dict[str, Any]:
        return {
            "numtrans": f"{self.numtrans:010d}",
            "numappel": f"{self.numappel:010d}",
            "kind": self.kind,
            "state": self.state,
            "status": self.status,
            "cents": self.cents,
            "given_back": self.given_back,
            "reference": self.reference,
            "authorisation": self.authorisation,
            "code": self.code,
            "at": stamp(self.at),
            "origin": self.origin,
            "captured": self.state == CAPTURED,
            "remise": self.collected_in or None,
        }


def write_operation(
    db: sqlite3.Connection,
    *,
    site: str,
    rank: int,
    numappel: int,
    numtrans: int,
    kind: str,
    state: str,
    cents: int,
    currency: str = "978",
    reference: str,
    authorisation: str = "",
    code: str = "00000",
    at: datetime,
    collect_at: datetime | None = None,
    of: int | None = None,
    origin: str = "page",
    about: About | None = None,
) -> Operation:
    cursor = db.execute(
        "INSERT INTO paybox_operations (site, rank, numappel, numtrans, kind, state, cents, currency, reference,"
        " authorisation, code, at, collect_at, of, origin, about) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            site,
            rank,
            numappel,
            numtrans,
            kind,
            state,
            cents,
            currency,
            reference,
            authorisation,
            code,
            stamp(at),
            stamp(collect_at) if collect_at else None,
            of,
            origin,
            json.dumps(asdict(about or About())),
        ),
    )
    return get_operation(db, int(cursor.lastrowid or 0))


_SELECT = (
    "SELECT o.*, r.number AS remise_number, coalesce((SELECT sum(c.cents) FROM paybox_operations c"
    " WHERE c.of = o.id AND c.state = 'captured'), 0) AS given_back"
    " FROM paybox_operations o LEFT JOIN paybox_remises r ON r.id = o.remise_id"
)


def get_operation(db: sqlite3.Connection, number: int) -> Operation:
    return _operation(db.execute(f"{_SELECT} WHERE o.id = ?", (number,)).fetchone())


def find_operation(
    db: sqlite3.Connection, *, site: str, rank: int, numtrans: int, numappel: int | None = None
) -> Operation | None:
    row = db.execute(
        f"{_SELECT} WHERE o.site = ? AND o.rank = ? AND o.numtrans = ? AND o.numappel = coalesce(?, o.numappel)",
        (site, rank, numtrans, numappel),
    ).fetchone()
    return _operation(row) if row else None


def list_operations(
    db: sqlite3.Connection,
    *,
    site: str | None = None,
    rank: int | None = None,
    reference: str | None = None,
    remise: int | None = None,
) -> list[Operation]:
    """The oldest first."""
    rows = db.execute(
        f"{_SELECT} WHERE o.site = coalesce(?, o.site) AND o.rank = coalesce(?, o.rank)"
        " AND o.reference = coalesce(?, o.reference) AND (? IS NULL OR o.remise_id = ?) ORDER BY o.id",
        (site, rank, reference, remise, remise),
    )
    return [_operation(row) for row in rows]


def capture(db: sqlite3.Connection, operation: Operation, cents: int, *, now: datetime) -> None:
    """Take what was authorised, or a part of it, while the authorisation lives. Raises BadFrame."""
    if operation.kind != DEBIT or operation.state in (CANCELLED, REFUSED):
        raise BadFrame("00002")
    if operation.state == CAPTURED:
        raise BadFrame("00015")
    if now >= operation.at + LIFE_OF_AN_AUTHORISATION:
        raise BadFrame("00002")
    if cents > operation.cents:
        raise BadFrame("00011")
    db.execute(
        "UPDATE paybox_operations SET state = 'captured', cents = ?, collect_at = ? WHERE id = ?",
        (cents, stamp(now), operation.id),
    )


def change_amount(db: sqlite3.Connection, operation: Operation, cents: int) -> None:
    """Before the night, and downwards only: the bank authorised no more. Raises BadFrame."""
    if operation.kind != DEBIT or not operation.may_be_cancelled:
        raise BadFrame("00002")
    if cents > operation.cents:
        raise BadFrame("00011")
    db.execute("UPDATE paybox_operations SET cents = ? WHERE id = ?", (cents, operation.id))


def cancel(db: sqlite3.Connection, operation: Operation) -> None:
    """Before the night only. Raises BadFrame."""
    if operation.state == CANCELLED:
        raise BadFrame("00015")
    if not operation.may_be_cancelled:
        raise BadFrame("00002")
    db.execute("UPDATE paybox_operations SET state = 'cancelled' WHERE id = ?", (operation.id,))


def check_refund(operation: Operation, cents: int, *, before_settlement: bool) -> None:
    """Raises BadFrame."""
    if operation.kind != DEBIT or operation.state != CAPTURED:
        raise BadFrame("00002")
    if operation.remise is None and not before_settlement:
        raise BadFrame("00002")
    if not operation.remaining:
        raise BadFrame("00015")
    if cents > operation.remaining:
        raise BadFrame("00011")


def _operation(row: sqlite3.Row) -> Operation:
    return Operation(
        id=row["id"],
        site=row["site"],
        rank=row["rank"],
        numappel=row["numappel"],
        numtrans=row["numtrans"],
        kind=row["kind"],
        state=row["state"],
        cents=row["cents"],
        currency=row["currency"],
        reference=row["reference"],
        authorisation=row["authorisation"],
        code=row["code"],
        at=moment(row["at"]),
        collect_at=moment(row["collect_at"]) if row["collect_at"] else None,
        of=row["of"],
        origin=row["origin"],
        remise=row["remise_id"],
        remise_number=row["remise_number"] or "",
        given_back=row["given_back"],
        about=About(**json.loads(row["about"])),
    )
