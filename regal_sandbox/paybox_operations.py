"""The ledger of Paybox: what was authorised, captured, cancelled, collected, given back, for each site and rank.

A debit is a try that made a transaction: authorised, then captured, then cancelled before the night or collected in a
remise after it, and given back in parts up to its amount. Each refund is a credit, with a transaction number of its own
and the call number of its debit.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from regal_sandbox.paris import PARIS, paris_day
from regal_sandbox.paybox_frames import BadFrame
from regal_sandbox.paybox_merchants import Merchant
from regal_sandbox.paybox_numbers import draw_call, draw_transaction
from regal_sandbox.store import moment, stamp
from regal_sandbox.world import World

DEBIT, CREDIT = "debit", "credit"
LIFE_OF_AN_AUTHORISATION = timedelta(days=7)
STATUS = {
    "refused": "Refusé",
    "pending": "Autorisé",
    "authorised": "Autorisé",
    "captured": "Capturé",
    "cancelled": "Annulé",
    "refunded": "Remboursé",
}


@dataclass(frozen=True, kw_only=True)
class Operation:
    kind: str  # debit or credit
    id: int  # of the try, or of the credit
    payment: int | None
    merchant: str  # its key
    reference: str
    call: int
    trans: int
    code: str  # 00000, or that of the refusal
    authorisation: str
    cents: int
    state: str  # as in paybox_tries.status
    at: datetime
    collect_at: datetime | None  # the first night after this collects it; None: it was not captured
    remise: int | None  # the one that lists it: a cancelled one is listed, and not collected
    given_back: int  # cents, of a debit
    of: int | None  # the try that a credit gives back
    card: dict[str, Any]
    fields: dict[str, str]  # of the request that opened it

    @property
    def status(self) -> str:
        """As an inquiry says it."""
        if self.kind == CREDIT and self.state == "captured":
            return "Crédit"
        return STATUS[self.state]

    @property
    def collected_in(self) -> int | None:
        """The remise that took it to the bank."""
        return self.remise if self.state in ("captured", "refunded") else None

    @property
    def currency(self) -> str:
        return self.fields.get("PBX_DEVISE", "978")

    @property
    def remaining(self) -> int:
        """What may still be given back."""
        return self.cents - self.given_back if self.kind == DEBIT and self.state in ("captured", "refunded") else 0

    @property
    def may_be_cancelled(self) -> bool:
        return self.remise is None and not self.given_back and self.state in ("authorised", "captured")


_ALL = """
SELECT * FROM (
    SELECT 'debit' AS kind, t.id, t.payment_id AS payment, p.merchant, p.reference, t.call, t.trans, t.code,
        t.authorisation,
        CASE WHEN t.status IN ('captured', 'refunded') THEN t.captured_cents ELSE t.amount_cents END AS cents,
        t.status AS state, t.at, t.captured_at AS collect_at, t.remise, t.refunded_cents AS given_back, NULL AS of,
        t.card, p.fields
    FROM paybox_tries t JOIN paybox_payments p ON p.id = t.payment_id WHERE t.trans > 0
    UNION ALL
    SELECT 'credit', c.id, t.payment_id, c.merchant, c.reference, c.call, c.trans, '00000', '', c.amount_cents,
        c.status, c.at, c.at, c.remise, 0, c.try_id, c.card, coalesce(p.fields, '[]')
    FROM paybox_credits c LEFT JOIN paybox_tries t ON t.id = c.try_id
        LEFT JOIN paybox_payments p ON p.id = t.payment_id
)"""


def prefix(site: str, rank: int) -> str:
    """What the keys of all merchants of that site and rank begin with."""
    return f"{site}-{rank:02d}-"


def find_operation(
    db: sqlite3.Connection, *, site: str, rank: int, trans: int, call: int | None = None
) -> Operation | None:
    row = db.execute(
        f"{_ALL} WHERE merchant LIKE ? || '%' AND trans = ? AND call = coalesce(?, call)",
        (prefix(site, rank), trans, call),
    ).fetchone()
    return _operation(row) if row else None


def list_operations(
    db: sqlite3.Connection,
    *,
    site: str | None = None,
    rank: int | None = None,
    reference: str | None = None,
    remise: int | None = None,
    waiting_until: datetime | None = None,
) -> list[Operation]:
    """The oldest first; with `waiting_until`, those captured by then that no remise has collected."""
    rows = db.execute(
        f"{_ALL} WHERE (:prefix IS NULL OR merchant LIKE :prefix || '%')"
        " AND (:reference IS NULL OR reference = :reference) AND (:remise IS NULL OR remise = :remise)"
        " AND (:until IS NULL OR (state IN ('captured', 'refunded') AND remise IS NULL AND collect_at <= :until))"
        " ORDER BY trans",
        {
            "prefix": prefix(site, rank) if site is not None and rank is not None else None,
            "reference": reference,
            "remise": remise,
            "until": stamp(waiting_until) if waiting_until else None,
        },
    )
    return [_operation(row) for row in rows]


def capture(db: sqlite3.Connection, operation: Operation, cents: int, *, now: datetime) -> None:
    """Take what was authorised, or a part of it, while the authorisation lives. Raises BadFrame."""
    if operation.state in ("captured", "refunded"):
        raise BadFrame("00015")
    if operation.state != "authorised" or now >= operation.at + LIFE_OF_AN_AUTHORISATION:
        raise BadFrame("00002")
    if cents > operation.cents:
        raise BadFrame("00011")
    _capture(db, operation.id, cents, now)


def capture_what_is_due(db: sqlite3.Connection, now: datetime) -> None:
    """Those whose capture was put off (PBX_DIFF) are taken at noon of their day."""
    rows = db.execute(
        "SELECT id, amount_cents, capture_on FROM paybox_tries"
        " WHERE status = 'authorised' AND trans > 0 AND capture_on <= ? ORDER BY id",
        (paris_day(now).isoformat(),),
    ).fetchall()
    for row in rows:
        noon = datetime.combine(date.fromisoformat(row["capture_on"]), time(12), PARIS)
        if noon <= now:
            _capture(db, row["id"], row["amount_cents"], noon)


def _capture(db: sqlite3.Connection, number: int, cents: int, now: datetime) -> None:
    db.execute(
        "UPDATE paybox_tries SET status = 'captured', captured_cents = ?, captured_at = ? WHERE id = ?",
        (cents, stamp(now), number),
    )


def change_amount(db: sqlite3.Connection, operation: Operation, cents: int) -> None:
    """Before the night, and downwards only: the bank authorised no more. Raises BadFrame."""
    if operation.kind != DEBIT or not operation.may_be_cancelled:
        raise BadFrame("00002")
    if cents > operation.cents:
        raise BadFrame("00011")
    column = "captured_cents" if operation.state == "captured" else "amount_cents"
    db.execute(f"UPDATE paybox_tries SET {column} = ? WHERE id = ?", (cents, operation.id))  # noqa: S608 - the line above


def cancel(db: sqlite3.Connection, operation: Operation) -> None:
    """Before the night only; a refund may be cancelled too. Raises BadFrame."""
    if operation.state == "cancelled":
        raise BadFrame("00015")
    if not operation.may_be_cancelled:
        raise BadFrame("00002")
    if operation.kind == CREDIT:
        db.execute("UPDATE paybox_credits SET status = 'cancelled' WHERE id = ?", (operation.id,))
        if operation.of is not None:
            _give_back(db, operation.of, -operation.cents)
    else:
        db.execute("UPDATE paybox_tries SET status = 'cancelled', captured_cents = 0 WHERE id = ?", (operation.id,))


def refund(
    db: sqlite3.Connection, operation: Operation, cents: int, *, now: datetime, before_settlement: bool, origin: str
) -> Operation:
    """The credit. `before_settlement`: whether the night need not have come. Raises BadFrame."""
    if operation.kind != DEBIT or operation.state not in ("captured", "refunded"):
        raise BadFrame("00002")
    if operation.remise is None and not before_settlement:
        raise BadFrame("00002")
    if not operation.remaining:
        raise BadFrame("00015")
    if cents > operation.remaining:
        raise BadFrame("00011")
    _give_back(db, operation.id, cents)
    return write_credit(
        db,
        merchant=operation.merchant,
        reference=operation.reference,
        call=operation.call,
        cents=cents,
        card=operation.card,
        now=now,
        origin=origin,
        of=operation.id,
    )


def write_credit(
    db: sqlite3.Connection,
    *,
    merchant: str,
    reference: str,
    call: int,
    cents: int,
    card: dict[str, Any],
    now: datetime,
    origin: str,
    of: int | None = None,
) -> Operation:
    cursor = db.execute(
        "INSERT INTO paybox_credits (try_id, merchant, reference, call, trans, amount_cents, card, at, origin, status)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'captured')",
        (of, merchant, reference, call, draw_transaction(db), cents, json.dumps(card), stamp(now), origin),
    )
    return _operation(db.execute(f"{_ALL} WHERE kind = 'credit' AND id = ?", (cursor.lastrowid,)).fetchone())


def write_debit(
    world: World,
    db: sqlite3.Connection,
    *,
    merchant: Merchant,
    reference: str,
    cents: int,
    fields: Mapping[str, str],
    card: dict[str, Any],
    authorisation: str,
    captured: bool,
    capture_on: date | None,
    now: datetime,
) -> Operation:
    """A payment that no page opened, with its only try."""
    call, trans = draw_call(db), draw_transaction(db)
    cursor = db.execute(
        "INSERT INTO paybox_payments (token, merchant, reference, amount_cents, fields, raw, entry, state, call, code,"
        " started_at, ended_at) VALUES (?, ?, ?, ?, ?, '', '/PPPS.php', 'paid', ?, '00000', ?, ?)",
        (
            world.draw("direct", call)[:32],
            merchant.key,
            reference,
            cents,
            json.dumps(list(fields.items())),
            call,
            stamp(now),
            stamp(now),
        ),
    )
    db.execute(
        "INSERT INTO paybox_tries (payment_id, call, trans, code, authorisation, amount_cents, card, at, status,"
        " capture_on, captured_cents, captured_at) VALUES (?, ?, ?, '00000', ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            cursor.lastrowid,
            call,
            trans,
            authorisation,
            cents,
            json.dumps(card),
            stamp(now),
            "captured" if captured else "authorised",
            capture_on.isoformat() if capture_on else None,
            cents if captured else 0,
            stamp(now) if captured else None,
        ),
    )
    return _operation(db.execute(f"{_ALL} WHERE trans = ?", (trans,)).fetchone())


def list_in_remise(db: sqlite3.Connection, operation: Operation, number: int) -> None:
    table = "paybox_credits" if operation.kind == CREDIT else "paybox_tries"
    db.execute(f"UPDATE {table} SET remise = ? WHERE id = ?", (number, operation.id))  # noqa: S608 - the line above


def _give_back(db: sqlite3.Connection, number: int, cents: int) -> None:
    db.execute("UPDATE paybox_tries SET refunded_cents = refunded_cents + ? WHERE id = ?", (cents, number))
    db.execute(
        "UPDATE paybox_tries SET status = CASE WHEN refunded_cents = captured_cents THEN 'refunded' ELSE 'captured' END"
        " WHERE id = ?",
        (number,),
    )


def _operation(row: sqlite3.Row) -> Operation:
    return Operation(
        kind=row["kind"],
        id=row["id"],
        payment=row["payment"],
        merchant=row["merchant"],
        reference=row["reference"],
        call=row["call"],
        trans=row["trans"],
        code=row["code"],
        authorisation=row["authorisation"],
        cents=row["cents"],
        state=row["state"],
        at=moment(row["at"]),
        collect_at=moment(row["collect_at"]) if row["collect_at"] else None,
        remise=row["remise"],
        given_back=row["given_back"],
        of=row["of"],
        card=json.loads(row["card"]),
        fields=dict(json.loads(row["fields"])),
    )
