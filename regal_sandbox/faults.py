"""Rules that disturb notifications or payment pages: for the next N times they match, or each time."""

import json
import sqlite3
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from regal_sandbox.means import MEANS
from regal_sandbox.settings import TRANSPORTS
from regal_sandbox.shapes import BadShape, Shape, is_printable
from regal_sandbox.transaction import Transaction


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """What happens to one notification."""

    drop: bool = False
    delay_seconds: float = 0
    duplicate: int = 0  # further copies
    reorder: bool = False  # held back until a later notification has been tried
    transport: str | None = None
    alter: dict[str, str | None] = field(default_factory=dict)  # None: the field is left out

    def and_then(self, other: "Disturbance") -> "Disturbance":
        """Both at once; where they contradict each other, the later rule wins."""
        return Disturbance(
            drop=self.drop or other.drop,
            delay_seconds=self.delay_seconds + other.delay_seconds,
            duplicate=self.duplicate + other.duplicate,
            reorder=self.reorder or other.reorder,
            transport=other.transport or self.transport,
            alter={**self.alter, **other.alter},
        )


PAGE_FAULTS = ("unavailable", "empty", "slow", "cut")
PLACES = ("entry", "steps")
OUTCOMES = tuple(sorted({letter for means in MEANS.values() for letter in means.letters.values()}))


@dataclass(frozen=True, kw_only=True)
class PageFault:
    """What happens to one request for a payment page, instead of its answer."""

    page: str  # one of PAGE_FAULTS
    seconds: float = 0  # how long before it happens
    once_done: bool = False  # the request is obeyed first, and only its answer is lost
    on: str | None = None  # one of PLACES; None: both


@dataclass(frozen=True, kw_only=True)
class Fault:
    id: int = 0
    next: int | None = None  # how many are still to be disturbed; None: all
    numcli: str | None = None
    refdet: str | None = None
    outcome: str | None = None  # one of OUTCOMES, as it really was
    disturbance: Disturbance = field(default_factory=Disturbance)
    page: PageFault | None = None  # set: the rule is about payment pages, not about notifications

    def matches(self, transaction: Transaction) -> bool:
        return (
            self.numcli in (None, transaction.numcli)
            and self.refdet in (None, transaction.refdet)
            and self.outcome in (None, transaction.resultrans)
        )

    def to_json(self) -> dict[str, Any]:
        if self.page is not None:
            return {"id": self.id, "next": self.next, "numcli": self.numcli} | asdict(self.page)
        told = asdict(self)
        del told["page"]
        disturbance: dict[str, Any] = told.pop("disturbance")
        return told | disturbance


def _disturbance(shape: Shape) -> Disturbance:
    alter: dict[str, str | None] = {}
    for name, value in shape.mapping("alter").items():
        if not is_printable(name) or not (value is None or (isinstance(value, str) and is_printable(value))):
            raise BadShape(f"alter.{name}: a text, or null to leave the field out, is expected")
        alter[name] = value
    if shape.has("resultrans"):
        alter["resultrans"] = shape.text("resultrans", max_length=10)
    return Disturbance(
        drop=shape.boolean("drop", False),
        delay_seconds=shape.number("delay_seconds", 0),
        duplicate=shape.integer("duplicate", 0, most=100),
        reorder=shape.boolean("reorder", False),
        transport=shape.choice("transport", TRANSPORTS) if shape.has("transport") else None,
        alter=alter,
    )


def disturbance_from_json(value: object) -> Disturbance:
    """The disturbance alone, for a notification sent again by hand. Raises BadShape."""
    shape = Shape(value, "resend")
    disturbance = _disturbance(shape)
    shape.done()
    return disturbance


def _page_fault(shape: Shape) -> PageFault:
    return PageFault(
        page=shape.choice("page", PAGE_FAULTS),
        seconds=shape.number("seconds", 0, most=120),
        once_done=shape.boolean("once_done", False),
        on=shape.choice("on", PLACES) if shape.has("on") else None,
    )


def fault_from_json(value: object) -> Fault:
    """A rule about payment pages when it has the member `page`, about notifications otherwise. Raises BadShape."""
    shape = Shape(value, "fault")
    if shape.has("page"):
        page = _page_fault(shape)
        fault = Fault(next=shape.optional_integer("next", least=1), numcli=shape.optional_text("numcli"), page=page)
        shape.done()
        if page.page == "slow" and not page.seconds:
            raise BadShape("fault: this rule does nothing; a slow page takes some seconds")
        return fault
    fault = Fault(
        next=shape.optional_integer("next", least=1),
        numcli=shape.optional_text("numcli"),
        refdet=shape.optional_text("refdet"),
        outcome=shape.choice("outcome", OUTCOMES) if shape.has("outcome") else None,
        disturbance=_disturbance(shape),
    )
    shape.done()
    if fault.disturbance == Disturbance():
        raise BadShape("fault: this rule does nothing; say what it disturbs")
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
        told["page"] = PageFault(**told["page"]) if told.get("page") else None
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
        if fault.page is None and fault.matches(transaction):
            disturbance = disturbance.and_then(fault.disturbance)
            _use(db, fault)
    return disturbance


def consume_page_fault(db: sqlite3.Connection, *, place: str, numcli: str) -> PageFault | None:
    """The oldest rule that matches a request for a payment page, used once; None when the page is to be served."""
    for fault in list_faults(db):
        if fault.page and fault.page.on in (None, place) and fault.numcli in (None, numcli):
            _use(db, fault)
            return fault.page
    return None


def _use(db: sqlite3.Connection, fault: Fault) -> None:
    if fault.next is not None and fault.next > 1:
        db.execute("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", (fault.id,))
    elif fault.next is not None:
        delete_fault(db, fault.id)
