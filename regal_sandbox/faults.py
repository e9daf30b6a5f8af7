"""Rules that disturb notifications: for the next N outcomes they match, or for all of them."""

import json
import sqlite3
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from regal_sandbox.outcomes import Transaction
from regal_sandbox.settings import TRANSPORTS
from regal_sandbox.shapes import BadShape, Shape


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """What happens to one notification."""

    drop: bool = False
    delay_seconds: float = 0
    duplicate: int = 0  # further copies
    transport: str | None = None
    alter: dict[str, str | None] = field(default_factory=dict)  # None: the field is left out

    def and_then(self, other: "Disturbance") -> "Disturbance":
        """Both at once; where they contradict each other, the later rule wins."""
        return Disturbance(
            drop=self.drop or other.drop,
            delay_seconds=self.delay_seconds + other.delay_seconds,
            duplicate=self.duplicate + other.duplicate,
            transport=other.transport or self.transport,
            alter={**self.alter, **other.alter},
        )


@dataclass(frozen=True, kw_only=True)
class Fault:
    id: int = 0
    next: int | None = None  # how many outcomes are still to be disturbed; None: all
    numcli: str | None = None
    refdet: str | None = None
    outcome: str | None = None  # P, R or A as it really was
    disturbance: Disturbance = field(default_factory=Disturbance)

    def matches(self, transaction: Transaction) -> bool:
        return (
            self.numcli in (None, transaction.numcli)
            and self.refdet in (None, transaction.refdet)
            and self.outcome in (None, transaction.resultrans)
        )

    def to_json(self) -> dict[str, Any]:
        told = asdict(self)
        disturbance: dict[str, Any] = told.pop("disturbance")
        return told | disturbance


def _disturbance(shape: Shape) -> Disturbance:
    alter: dict[str, str | None] = {}
    for name, value in shape.mapping("alter").items():
        if value is not None and not isinstance(value, str):
            raise BadShape(f"alter.{name}: a text, or null to leave the field out, is expected")
        alter[name] = value
    if shape.has("resultrans"):
        alter["resultrans"] = shape.text("resultrans", max_length=10)
    return Disturbance(
        drop=shape.boolean("drop", False),
        delay_seconds=shape.number("delay_seconds", 0),
        duplicate=shape.integer("duplicate", 0, most=100),
        transport=shape.choice("transport", TRANSPORTS) if shape.has("transport") else None,
        alter=alter,
    )


def disturbance_from_json(value: object) -> Disturbance:
    """The disturbance alone, for a notification sent again by hand. Raises BadShape."""
    shape = Shape(value, "resend")
    disturbance = _disturbance(shape)
    shape.done()
    return disturbance


def fault_from_json(value: object) -> Fault:
    shape = Shape(value, "fault")
    fault = Fault(
        next=shape.optional_integer("next", least=1),
        numcli=shape.optional_text("numcli"),
        refdet=shape.optional_text("refdet"),
        outcome=shape.choice("outcome", ("P", "R", "A")) if shape.has("outcome") else None,
        disturbance=_disturbance(shape),
    )
    shape.done()
    return fault


def add_fault(db: sqlite3.Connection, fault: Fault) -> Fault:
    stored = json.dumps(asdict(fault))
    cursor = db.execute("INSERT INTO faults (value, remaining) VALUES (?, ?)", (stored, fault.next))
    return replace(fault, id=int(cursor.lastrowid or 0))


def list_faults(db: sqlite3.Connection) -> list[Fault]:
    faults = []
    for row in db.execute("SELECT * FROM faults ORDER BY id"):
        told = json.loads(row["value"])
        told["disturbance"] = Disturbance(**told["disturbance"])
        faults.append(replace(Fault(**told), id=row["id"], next=row["remaining"]))
    return faults


def delete_fault(db: sqlite3.Connection, number: int) -> bool:
    return db.execute("DELETE FROM faults WHERE id = ?", (number,)).rowcount > 0


def delete_faults(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM faults")


def consume_faults(db: sqlite3.Connection, transaction: Transaction) -> Disturbance:
    """What the matching rules do to this outcome; each counted rule is used once, and disappears with its last use."""
    disturbance = Disturbance()
    for fault in list_faults(db):
        if not fault.matches(transaction):
            continue
        disturbance = disturbance.and_then(fault.disturbance)
        if fault.next is not None and fault.next > 1:
            db.execute("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", (fault.id,))
        elif fault.next is not None:
            delete_fault(db, fault.id)
    return disturbance
