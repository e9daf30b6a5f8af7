"""idOps: how they are drawn, how long they live, what the service knows of each.

An idOp is a UUID of version 1 to the millisecond, from one node. Its page opens for fifteen minutes; its result is P5
until it is known, and each night those that were never paid are forgotten (P1).
"""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from regal_sandbox.paris import PARIS, paris_day
from regal_sandbox.settings import Settings
from regal_sandbox.store import moment, stamp
from regal_sandbox.transaction import Transaction
from regal_sandbox.world import World

GREGORIAN = datetime(1582, 10, 15, tzinfo=UTC)  # where the time of a UUID of version 1 begins
TICKS_PER_MS = 10_000  # of 100 ns


@dataclass(frozen=True, kw_only=True)
class Outcome:
    resultrans: str
    numauto: str  # empty unless paid
    decided_at: datetime
    known_at: datetime  # from when the service tells it

    def to_json(self) -> dict[str, Any]:
        return {
            "resultrans": self.resultrans,
            "numauto": self.numauto or None,
            "decided_at": stamp(self.decided_at),
            "known_at": stamp(self.known_at),
        }


def draw_idop(world: World, db: sqlite3.Connection) -> tuple[str, int]:
    """An idOp of this millisecond, or of the next free one; with that millisecond."""
    ms = (world.now() - GREGORIAN) // timedelta(milliseconds=1)
    if db.execute("SELECT 1 FROM transactions WHERE idop_ms = ?", (ms,)).fetchone():
        last = db.execute(
            "SELECT one.idop_ms FROM transactions AS one WHERE one.idop_ms >= ? AND NOT EXISTS"
            " (SELECT 1 FROM transactions AS next WHERE next.idop_ms = one.idop_ms + 1) ORDER BY one.idop_ms LIMIT 1",
            (ms,),
        ).fetchone()
        ms = int(last[0]) + 1
    ticks = ms * TICKS_PER_MS
    node = int("02" + world.draw("node", 0)[:10], 16)  # locally administered, as those recorded
    sequence = int(world.draw("clock-sequence", 0)[:4], 16) & 0x3FFF
    fields = (
        ticks & 0xFFFFFFFF,
        ticks >> 32 & 0xFFFF,
        ticks >> 48 & 0x0FFF | 0x1000,
        sequence >> 8 | 0x80,
        sequence & 0xFF,
        node,
    )
    return str(UUID(fields=fields)), ms


def write_outcome(db: sqlite3.Connection, transaction: Transaction, *, known_at: datetime) -> None:
    if transaction.decided_at is None:
        raise ValueError("a transaction without outcome")
    db.execute(
        "INSERT INTO outcomes (transaction_id, resultrans, numauto, decided_at, known_at) VALUES (?, ?, ?, ?, ?)",
        (transaction.id, transaction.resultrans, transaction.numauto, stamp(transaction.decided_at), stamp(known_at)),
    )


def list_outcomes(db: sqlite3.Connection, transaction_id: int) -> list[Outcome]:
    """The oldest first."""
    rows = db.execute("SELECT * FROM outcomes WHERE transaction_id = ? ORDER BY id", (transaction_id,))
    return [
        Outcome(
            resultrans=row["resultrans"],
            numauto=row["numauto"],
            decided_at=moment(row["decided_at"]),
            known_at=moment(row["known_at"]),
        )
        for row in rows
    ]


def known_outcome(outcomes: list[Outcome], now: datetime) -> Outcome | None:
    """What the service tells: the latest outcome that it knows."""
    return next((one for one in reversed(outcomes) if one.known_at <= now), None)


def may_be_opened(transaction: Transaction, settings: Settings, now: datetime) -> bool:
    """Whether the minutes that bound the opening of its page are not over."""
    return now <= transaction.opened_at + timedelta(minutes=settings.idop_opening_minutes)


def page_is_open(transaction: Transaction, settings: Settings, now: datetime) -> bool:
    """Whether a payer is, or may be, on its page at this moment."""
    if transaction.entered_at is None or transaction.is_finished:
        return False
    minutes = settings.page_expiry_minutes
    return not minutes or now < transaction.entered_at + timedelta(minutes=minutes)


def is_purged(transaction: Transaction, outcomes: list[Outcome], settings: Settings, now: datetime) -> bool:
    """Whether a night has passed that made the service forget this idOp. A page still open is passed over."""
    if page_is_open(transaction, settings, now):
        return False
    if not outcomes:
        return now >= _night_after(paris_day(transaction.opened_at), settings)
    last = outcomes[-1]
    kept = settings.purge_keeps == "results" or (settings.purge_keeps == "payments" and bool(last.numauto))
    if kept and not settings.purge_keeps_days:
        return False
    days = settings.purge_keeps_days if kept else 0
    return now >= _night_after(paris_day(last.known_at) + timedelta(days=days), settings)


def _night_after(day: date, settings: Settings) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(settings.purge_hour), PARIS)


def describe(transaction: Transaction, outcomes: list[Outcome], settings: Settings, now: datetime) -> dict[str, Any]:
    """The truth about one idOp; `service` is what an inquiry would hear now: a letter, P5 or P1."""
    purged = is_purged(transaction, outcomes, settings, now)
    known = known_outcome(outcomes, now)
    told = "P1" if purged else known.resultrans if known else "P5"
    return {
        "idop": transaction.idop,
        "transaction": transaction.id,
        "numcli": transaction.numcli,
        "exer": transaction.exer,
        "refdet": transaction.refdet,
        "objet": transaction.objet,
        "montant": transaction.montant,
        "mel": transaction.mel,
        "saisie": transaction.saisie,
        "urlnotif": transaction.urlcl,
        "urlredirect": transaction.urlredirect,
        "state": transaction.state,
        "means": transaction.means or None,
        "created_at": stamp(transaction.opened_at),
        "entered_at": stamp(transaction.entered_at) if transaction.entered_at else None,
        "resultrans": outcomes[-1].resultrans if outcomes else None,
        "numauto": (outcomes[-1].numauto or None) if outcomes else None,
        "decided_at": stamp(outcomes[-1].decided_at) if outcomes else None,
        "outcomes": [one.to_json() for one in outcomes],
        "purged": purged,
        "service": told,
    }
