"""The numbers that Paybox gives: calls (T), transactions (S), remises; always greater than the last, never padded.

They begin where the seed says, so that two sandboxes seldom give the same ones.
"""

import hashlib
import json
import sqlite3
from typing import TYPE_CHECKING

from regal_sandbox.paybox_merchants import Merchant

if TYPE_CHECKING:
    from regal_sandbox.world import World

CALL, TRANSACTION, AUTHORISATION = "call", "transaction", "authorisation"
SPREAD = 800_000_000
TEST_AUTHORISATION = "XXXXXX"


def draw_number(db: sqlite3.Connection, name: str) -> int:
    row = db.execute("SELECT last FROM paybox_numbers WHERE name = ?", (name,)).fetchone()
    number = (row["last"] if row else _first(db, name)) + 1
    db.execute("INSERT OR REPLACE INTO paybox_numbers VALUES (?, ?)", (name, number))
    return int(number)


def draw_call(db: sqlite3.Connection) -> int:
    return draw_number(db, CALL)


def draw_transaction(db: sqlite3.Connection) -> int:
    return draw_number(db, TRANSACTION)


def draw_authorisation(world: "World", db: sqlite3.Connection, merchant: Merchant) -> str:
    """What the cardholder's bank gives: six digits, and on the test platform always the same letters."""
    if merchant.is_test:
        return TEST_AUTHORISATION
    return f"{int(world.draw('authorisation', draw_number(db, AUTHORISATION)), 16) % 10**6:06d}"


def _first(db: sqlite3.Connection, name: str) -> int:
    row = db.execute("SELECT value FROM settings WHERE name = 'seed'").fetchone()
    seed = json.loads(row["value"]) if row else ""
    drawn = int.from_bytes(hashlib.sha256(f"{name}:{seed}".encode()).digest()[:8], "big")
    return 100_000 + drawn % (SPREAD if name != "remise" else 800_000)
