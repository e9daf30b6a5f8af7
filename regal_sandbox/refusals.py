"""Requests that PayFiP's pages turned away, kept so that an integrator finds his mistake."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from regal_sandbox.store import moment, stamp


@dataclass(frozen=True, kw_only=True)
class Refusal:
    id: int
    at: datetime
    rule: str
    parameters: dict[str, str]


def note_refusal(db: sqlite3.Connection, *, at: datetime, rule: str, code: str, parameters: Mapping[str, str]) -> int:
    """Keep it; its number."""
    cursor = db.execute(
        "INSERT INTO refusals (at, rule, code, parameters) VALUES (?, ?, ?, ?)",
        (stamp(at), rule, code, json.dumps(dict(parameters))),
    )
    return int(cursor.lastrowid or 0)


def find_refusal(db: sqlite3.Connection, number: int) -> Refusal | None:
    row = db.execute("SELECT * FROM refusals WHERE id = ?", (number,)).fetchone()
    if row is None:
        return None
    return Refusal(id=number, at=moment(row["at"]), rule=row["rule"], parameters=json.loads(row["parameters"]))
