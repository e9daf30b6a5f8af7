"""PayFiP's clients: one `numcli` is one contract, of one kind, in one phase."""

import json
import re
import sqlite3
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from regal_sandbox.shapes import BadShape, Shape

KINDS = ("titre", "role", "regie")
PHASES = ("test", "active", "closed")

_NUMCLI = re.compile(r"[0-9]{6}")


def is_numcli(text: str) -> bool:
    """Six digits; leading zeros count."""
    return _NUMCLI.fullmatch(text) is not None


@dataclass(frozen=True, kw_only=True)
class Options:
    test_debts: bool = True  # registered debts may be paid with saisie=T, a convenience PayFiP does not offer
    ticket_copy_to: str | None = None  # the comptable's or the régisseur's address
    max_cents: int | None = None  # a lower ceiling than the general one


@dataclass(frozen=True, kw_only=True)
class Client:
    numcli: str
    kind: str = "titre"
    labels: tuple[str, str, str] = ("", "", "")  # product or régie, entity, service
    phase: str = "test"
    active_from: date | None = None  # set by a successful activation payment
    options: Options = field(default_factory=Options)

    def phase_on(self, day: date) -> str:
        if self.phase == "test" and self.active_from is not None and day >= self.active_from:
            return "active"
        return self.phase

    def to_json(self) -> dict[str, Any]:
        told = asdict(self)
        told["labels"] = list(self.labels)
        told["active_from"] = self.active_from.isoformat() if self.active_from else None
        return told


def client_from_json(value: object, numcli: str | None = None) -> Client:
    """`numcli` given apart (from a path) must agree with the one inside, if any. Raises BadShape."""
    shape = Shape(value, "client")
    inside = shape.text("numcli", numcli)
    if numcli is not None and inside != numcli:
        raise BadShape("client.numcli: differs from the address")
    if not is_numcli(inside):
        raise BadShape("client.numcli: six digits are expected")
    labels = shape.items("labels")
    if len(labels) > 3 or not all(isinstance(label, str) for label in labels):
        raise BadShape("client.labels: at most three texts are expected")
    labels += [""] * (3 - len(labels))
    told = Shape(shape.mapping("options"), "client.options")
    options = Options(
        test_debts=told.boolean("test_debts", True),
        ticket_copy_to=told.optional_text("ticket_copy_to"),
        max_cents=told.optional_integer("max_cents", least=1),
    )
    told.done()
    client = Client(
        numcli=inside,
        kind=shape.choice("kind", KINDS, "titre"),
        labels=(labels[0], labels[1], labels[2]),
        phase=shape.choice("phase", PHASES, "test"),
        active_from=shape.optional_day("active_from"),
        options=options,
    )
    shape.done()
    return client


def write_client(db: sqlite3.Connection, client: Client) -> None:
    db.execute("INSERT OR REPLACE INTO clients VALUES (?, ?)", (client.numcli, json.dumps(client.to_json())))


def find_client(db: sqlite3.Connection, numcli: str) -> Client | None:
    row = db.execute("SELECT value FROM clients WHERE numcli = ?", (numcli,)).fetchone()
    return client_from_json(json.loads(row["value"])) if row else None


def list_clients(db: sqlite3.Connection) -> list[Client]:
    rows = db.execute("SELECT value FROM clients ORDER BY numcli")
    return [client_from_json(json.loads(row["value"])) for row in rows]


def activate_from(db: sqlite3.Connection, client: Client, day: date) -> None:
    """A successful activation payment opens the client on `day`; an earlier opening stands."""
    if client.active_from is None or day < client.active_from:
        write_client(db, replace(client, active_from=day))
