"""The journal: every request and decision received, notification sent or lost, and e-mail, for whoever connects a site.

Bounded: the newest `journal_size` exchanges are kept.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from regal_sandbox.settings import read_settings
from regal_sandbox.shapes import BadShape, whole_number
from regal_sandbox.store import moment, stamp
from regal_sandbox.world import World

KINDS = (
    "request",
    "service",
    "decision",
    "error",
    "fault",
    "notification",
    "notification_dropped",
    "mail_sent",
    "mail_received",
    "paybox_request",
    "paybox_error",
    "paybox_decision",
    "paybox_message",
)

KEPT_PARAMETERS = 30
KEPT_CHARACTERS = 500


@dataclass(frozen=True, kw_only=True)
class Exchange:
    id: int
    at: datetime
    kind: str
    numcli: str
    transaction: int | None
    payment: int | None  # of Paybox, whose merchant stands in `numcli`
    told: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        told = {"id": self.id, "at": stamp(self.at), "kind": self.kind, "numcli": self.numcli}
        of = {"transaction": self.transaction} if self.payment is None else {"payment": self.payment}
        return told | of | self.told


def record(
    world: World,
    db: sqlite3.Connection,
    kind: str,
    told: Mapping[str, Any],
    *,
    numcli: str = "",
    transaction: int | None = None,
    payment: int | None = None,
) -> None:
    """Keep one exchange, and let the oldest go."""
    db.execute(
        "INSERT INTO exchanges (at, kind, numcli, transaction_id, payment_id, told) VALUES (?, ?, ?, ?, ?, ?)",
        (stamp(world.now()), kind, numcli[:KEPT_CHARACTERS], transaction, payment, json.dumps(told)),
    )
    db.execute(
        "DELETE FROM exchanges WHERE id <= (SELECT max(id) FROM exchanges) - ?", (read_settings(db).journal_size,)
    )


def record_request(
    world: World,
    db: sqlite3.Connection,
    parameters: Mapping[str, str],
    *,
    method: str,
    entry: str,
    transaction: int | None = None,
    rule: str | None = None,
) -> None:
    """What a payer's browser asked: accepted as a `transaction`, or turned away by a `rule`."""
    kept = {
        name[:KEPT_CHARACTERS]: value[:KEPT_CHARACTERS] for name, value in list(parameters.items())[:KEPT_PARAMETERS]
    }
    told = {"method": method, "entry": entry, "parameters": kept, "rule": rule}
    record(world, db, "request", told, numcli=parameters.get("numcli", ""), transaction=transaction)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    numcli: str | None = None
    transaction: int | None = None
    kind: str | None = None


def wanted_from_query(asked: Mapping[str, str]) -> Wanted:
    """What a query string asks for; an empty member asks for nothing. Raises BadShape."""
    kind, number = asked.get("kind") or None, asked.get("transaction") or None
    if kind is not None and kind not in KINDS:
        raise BadShape("kind: one of " + ", ".join(KINDS) + " is expected")
    return Wanted(numcli=asked.get("numcli") or None, transaction=whole_number(number) if number else None, kind=kind)


def list_exchanges(db: sqlite3.Connection, wanted: Wanted | None = None, *, limit: int = 200) -> list[Exchange]:
    """The newest first."""
    wanted = wanted or Wanted()
    rows = db.execute(
        "SELECT * FROM exchanges WHERE (:numcli IS NULL OR numcli = :numcli)"
        " AND (:transaction IS NULL OR transaction_id = :transaction)"
        " AND (:kind IS NULL OR kind = :kind) ORDER BY id DESC LIMIT :limit",
        {"numcli": wanted.numcli, "transaction": wanted.transaction, "kind": wanted.kind, "limit": limit},
    )
    return [
        Exchange(
            id=row["id"],
            at=moment(row["at"]),
            kind=row["kind"],
            numcli=row["numcli"],
            transaction=row["transaction_id"],
            payment=row["payment_id"],
            told=json.loads(row["told"]),
        )
        for row in rows
    ]
