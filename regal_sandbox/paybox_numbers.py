"""The numbers that Paybox gives, each larger than the one before and never given twice."""

import sqlite3

CALL, TRANSACTION, REMISE = "call", "transaction", "remise"
_FIRST = {CALL: 10_240_001, TRANSACTION: 5_320_001, REMISE: 1}


def draw_number(db: sqlite3.Connection, name: str) -> int:
    """`name` is one of the three above."""
    row = db.execute(
        "INSERT INTO paybox_numbers (name, last) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET last = last + 1"
        " RETURNING last",
        (name, _FIRST[name]),
    ).fetchone()
    return int(row["last"])
