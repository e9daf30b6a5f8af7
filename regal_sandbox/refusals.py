"""Requests that PayFiP's pages turned away, kept so that an integrator finds his mistake.

Bounded as the journal is: the newest `journal_size` are kept.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from regal_sandbox.settings import read_settings
from regal_sandbox.store import moment, stamp


@dataclass(frozen=True, kw_only=True)
class Refusal:
    id: int
    at: datetime
    rule: str
    code: str
    entry: str  # form (`paiement.web`) or portal (`accueilportail.web`)
    parameters: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"at": stamp(self.at)}


def note_refusal(
    db: sqlite3.Connection, *, at: datetime, rule: str, code: str, entry: str, parameters: Mapping[str, str]
) -> int:
    """Keep it, and let the oldest go; its number."""
    cursor = db.execute(
        "INSERT INTO refusals (at, rule, code, entry, parameters) VALUES (?, ?, ?, ?, ?)",
        (stamp(at), rule, code, entry, json.dumps(dict(parameters))),
    )
    number = int(cursor.lastrowid or 0)
    db.execute("DELETE FROM refusals WHERE id <= ?", (number - read_settings(db).journal_size,))
    return number


def find_refusal(db: sqlite3.Connection, number: int) -> Refusal | None:
    row = db.execute("SELECT * FROM refusals WHERE id = ?", (number,)).fetchone()
    return _refusal(row) if row else None


def list_refusals(db: sqlite3.Connection) -> list[Refusal]:
    """The oldest first."""
    return [_refusal(row) for row in db.execute("SELECT * FROM refusals ORDER BY id")]


def _refusal(row: sqlite3.Row) -> Refusal:
    return Refusal(
        id=row["id"],
        at=moment(row["at"]),
        rule=row["rule"],
        code=row["code"],
        entry=row["entry"],
        parameters=json.loads(row["parameters"]),
    )
