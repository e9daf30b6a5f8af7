"""PayFiP's clients: one `numcli` is one contract, of one kind; each of its means of payment has its own activation."""

import json
import re
import sqlite3
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from regal_sandbox.means import CARD, DIRECT_DEBIT, MEANS, TRANSFER
from regal_sandbox.shapes import BadShape, Shape, is_printable

KINDS = ("titre", "role", "regie")
PHASES = ("test", "active", "closed")
PRODUCTION = ("A", "M")  # the values of `saisie` that move real money in form mode
SERVICE_PRODUCTION = "W"  # and through the web service

_NUMCLI = re.compile(r"[0-9]{6}")
_SIRET = re.compile(r"[0-9]{14}")


def is_numcli(text: str) -> bool:
    """Six digits; leading zeros count."""
    return _NUMCLI.fullmatch(text) is not None


@dataclass(frozen=True, kw_only=True)
class Options:
    test_debts: bool = True  # registered debts may be paid with saisie=T, a convenience PayFiP does not offer
    ticket_copy_to: str | None = None  # the comptable's or the régisseur's address
    max_cents: int | None = None  # a lower ceiling than the general one, whatever the means
    card_max_cents: int | None = None  # above it, the card is not offered
    refuse_paid_refdet: bool = False  # of a régie: whether a reference already paid is refused; unknown of PayFiP
    web_service: bool = False  # of a régie: the right to the web service


@dataclass(frozen=True, kw_only=True)
class Activation:
    """Where one means of payment stands: in test, then opened by its own activation payment."""

    phase: str = "test"
    active_from: date | None = None  # set by a successful activation payment
    max_cents: int | None = None  # above it, this means is not offered

    def phase_on(self, day: date) -> str:
        if self.phase == "test" and self.active_from is not None and day >= self.active_from:
            return "active"
        return self.phase


@dataclass(frozen=True, kw_only=True)
class Client:
    numcli: str
    kind: str = "titre"
    labels: tuple[str, str, str] = ("", "", "")  # product or régie, entity, service
    siret: str | None = None  # of the budget, in PES Retour Recette; None: one is invented
    phase: str = "test"  # of the card; `closed` closes the whole client
    active_from: date | None = None
    direct_debit: Activation | None = None  # None: the client never joined for prélèvement
    transfer: Activation | None = None  # likewise for virement
    options: Options = field(default_factory=Options)

    def activation(self, means: str) -> Activation | None:
        """Where that means stands; None when the client does not have it."""
        if means == CARD:
            return Activation(phase=self.phase, active_from=self.active_from, max_cents=self.options.card_max_cents)
        return self.direct_debit if means == DIRECT_DEBIT else self.transfer

    def offers(self, saisie: str, day: date, *, montant: int = 0) -> list[str]:
        """The means a payer may choose: in production, those that were activated; never above their ceiling."""
        if self.phase == "closed":
            return []
        phases = ("active",) if saisie in (*PRODUCTION, SERVICE_PRODUCTION) else ("test", "active")
        offered = []
        for means in MEANS:
            known = self.activation(means)
            if known is None or known.phase_on(day) not in phases:
                continue
            if known.max_cents is None or montant <= known.max_cents:
                offered.append(means)
        return offered

    def phase_on(self, day: date) -> str:
        """Of the client as a whole: active as soon as one of its means is."""
        if self.phase == "closed":
            return "closed"
        return "active" if self.offers("A", day) else "test"

    def opens_on(self, day: date) -> date | None:
        """The day to come on which a successful activation payment opens a means, if any."""
        known = (self.activation(means) for means in MEANS)
        coming = [one.active_from for one in known if one and one.active_from and one.active_from > day]
        return min(coming, default=None)

    def to_json(self) -> dict[str, Any]:
        told = asdict(self)
        told["labels"] = list(self.labels)
        told["active_from"] = _day(self.active_from)
        if self.siret is None:
            del told["siret"]
        for means, known in ((DIRECT_DEBIT, self.direct_debit), (TRANSFER, self.transfer)):
            if known is None:
                del told[means]
            else:
                told[means]["active_from"] = _day(known.active_from)
        return told


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def client_from_json(value: object, numcli: str | None = None) -> Client:
    """`numcli` given apart (from a path) must agree with the one inside, if any. Raises BadShape."""
    shape = Shape(value, "client")
    inside = shape.text("numcli", numcli)
    if numcli is not None and inside != numcli:
        raise BadShape("client.numcli: differs from the address")
    if not is_numcli(inside):
        raise BadShape("client.numcli: six digits are expected")
    labels = shape.items("labels")
    if len(labels) > 3 or not all(isinstance(label, str) and is_printable(label) for label in labels):
        raise BadShape("client.labels: at most three texts are expected")
    labels += [""] * (3 - len(labels))
    siret = shape.optional_text("siret")
    if siret is not None and _SIRET.fullmatch(siret) is None:
        raise BadShape("client.siret: fourteen digits are expected")
    told = Shape(shape.mapping("options"), "client.options")
    options = Options(
        test_debts=told.boolean("test_debts", True),
        ticket_copy_to=told.optional_text("ticket_copy_to"),
        max_cents=told.optional_integer("max_cents", least=1),
        card_max_cents=told.optional_integer("card_max_cents", least=1),
        refuse_paid_refdet=told.boolean("refuse_paid_refdet", False),
        web_service=told.boolean("web_service", False),
    )
    told.done()
    client = Client(
        numcli=inside,
        kind=shape.choice("kind", KINDS, "titre"),
        labels=(labels[0], labels[1], labels[2]),
        siret=siret,
        phase=shape.choice("phase", PHASES, "test"),
        active_from=shape.optional_day("active_from"),
        direct_debit=_activation(shape, DIRECT_DEBIT),
        transfer=_activation(shape, TRANSFER),
        options=options,
    )
    shape.done()
    if options.web_service and client.kind != "regie":
        raise BadShape("client.options.web_service: only a régie has the right to the web service")
    return client


def _activation(client: Shape, means: str) -> Activation | None:
    value = client.optional_mapping(means)
    if value is None:
        return None
    shape = Shape(value, f"client.{means}")
    activation = Activation(
        phase=shape.choice("phase", PHASES, "test"),
        active_from=shape.optional_day("active_from"),
        max_cents=shape.optional_integer("max_cents", least=1),
    )
    shape.done()
    return activation


def write_client(db: sqlite3.Connection, client: Client) -> None:
    db.execute("INSERT OR REPLACE INTO clients VALUES (?, ?)", (client.numcli, json.dumps(client.to_json())))


def find_client(db: sqlite3.Connection, numcli: str) -> Client | None:
    row = db.execute("SELECT value FROM clients WHERE numcli = ?", (numcli,)).fetchone()
    return client_from_json(json.loads(row["value"])) if row else None


def list_clients(db: sqlite3.Connection) -> list[Client]:
    rows = db.execute("SELECT value FROM clients ORDER BY numcli")
    return [client_from_json(json.loads(row["value"])) for row in rows]


def activate_from(db: sqlite3.Connection, client: Client, means: str, day: date) -> None:
    """A successful activation payment opens that means on `day`; an earlier opening stands."""
    known = client.activation(means)
    if known is None or known.phase != "test" or (known.active_from is not None and known.active_from <= day):
        return
    write_client(db, _with_activation(client, means, replace(known, active_from=day)))


def _with_activation(client: Client, means: str, known: Activation) -> Client:
    if means == DIRECT_DEBIT:
        return replace(client, direct_debit=known)
    if means == TRANSFER:
        return replace(client, transfer=known)
    return replace(client, phase=known.phase, active_from=known.active_from)


def put_in_phase(client: Client, means: str, phase: str) -> Client:
    """As somebody chose by hand: back to test, the opening that a payment brought is forgotten."""
    known = client.activation(means)
    if known is None:
        raise ValueError(f"this client has no {means}")
    active_from = None if phase == "test" else known.active_from
    return _with_activation(client, means, replace(known, phase=phase, active_from=active_from))


def keep_activations(client: Client, known: Client) -> Client:
    """`client` as configured, with the openings that payments brought to `known`, its former self."""
    for means in MEANS:
        here, before = client.activation(means), known.activation(means)
        if here and before and here.active_from is None:
            client = _with_activation(client, means, replace(here, active_from=before.active_from))
    return client
