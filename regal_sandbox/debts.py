"""The debts that Hélios has told PayFiP about: titres and rôles taken in charge by the comptable."""

import sqlite3
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from regal_sandbox.clients import Client, is_numcli
from regal_sandbox.references import read_reference, read_role, read_titre
from regal_sandbox.shapes import BadShape, Shape

STATES = ("due", "paid", "cancelled")
LAST_IN_CHARGE = date(2199, 12, 31)  # a day still comes after it


@dataclass(frozen=True, kw_only=True)
class Debt:
    numcli: str
    refdet: str
    exer: str
    montant: int  # cents
    label: str
    state: str
    taken_in_charge_on: date
    amicable_until: date | None  # last day; None: no end
    paid_by: int | None = None  # transaction

    def to_json(self) -> dict[str, Any]:
        return {
            "numcli": self.numcli,
            "refdet": self.refdet,
            "exer": self.exer,
            "montant": self.montant,
            "label": self.label,
            "state": self.state,
            "taken_in_charge_on": self.taken_in_charge_on.isoformat(),
            "amicable_until": self.amicable_until.isoformat() if self.amicable_until else None,
            "paid_by": self.paid_by,
        }

    @property
    def payable_from(self) -> date:
        """Hélios feeds PayFiP overnight: J+1."""
        return self.taken_in_charge_on + timedelta(days=1)

    def obstacle(self, day: date) -> str | None:
        """The rule that forbids paying it online on `day`, or None."""
        if day < self.payable_from:
            return "debt_not_visible"
        if self.state == "cancelled":
            return "debt_cancelled"
        if self.state == "paid":
            return "debt_paid"
        if self.amicable_until is not None and day > self.amicable_until:
            return "debt_not_amicable"
        return None


def debt_from_json(value: object, *, numcli: str | None = None, refdet: str | None = None) -> Debt:
    """Raises BadShape; identifiers given apart (from a path) must agree with those inside, if any."""
    shape = Shape(value, "debt")
    inside = (shape.text("numcli", numcli), shape.text("refdet", refdet))
    if (numcli or inside[0], refdet or inside[1]) != inside:
        raise BadShape("debt: numcli or refdet differs from the address")
    if not is_numcli(inside[0]):
        raise BadShape("debt.numcli: six digits are expected")
    reference = read_titre(inside[1]) or read_role(inside[1])
    if reference is None:
        raise BadShape("debt.refdet: the reference of a titre (18 digits) or of a rôle is expected")
    if shape.text("exer", reference.exer) != reference.exer:
        raise BadShape("debt.exer: must be the first four digits of refdet")
    taken = shape.optional_day("taken_in_charge_on", last=LAST_IN_CHARGE)
    if taken is None:
        raise BadShape("debt.taken_in_charge_on: a day such as 2026-03-31 is expected")
    amicable_until = shape.optional_day("amicable_until")
    if amicable_until is not None and amicable_until < taken:
        raise BadShape("debt.amicable_until: a day before taken_in_charge_on")
    shape.optional_integer("paid_by")  # given back by GET; the sandbox alone decides it
    debt = Debt(
        numcli=inside[0],
        refdet=inside[1],
        exer=reference.exer,
        montant=shape.integer("montant", least=1),
        label=shape.text("label", "", max_length=200),
        state=shape.choice("state", STATES, "due"),
        taken_in_charge_on=taken,
        amicable_until=amicable_until,
    )
    shape.done()
    return debt


def check_fits(debt: Debt, client: Client | None) -> None:
    """Raises BadShape when the client cannot have such a debt. One not known yet may have any."""
    if client is None:
        return
    if client.kind == "regie":
        raise BadShape("debt.numcli: a régie has no debts here, it alone knows them")
    if read_reference(debt.refdet, client.kind) is None:
        raise BadShape(f"debt.refdet: the client's kind is {client.kind}, this reference is of another")


def write_debt(db: sqlite3.Connection, debt: Debt, *, keep_existing: bool = False) -> None:
    """Register a debt; one already there is replaced, or left alone when `keep_existing`."""
    known = find_debt(db, debt.numcli, debt.refdet)
    if known is not None and keep_existing:
        return
    paid_by = known.paid_by if known and debt.state == "paid" else None
    if paid_by is None:
        _release(db, debt.numcli, debt.refdet)
    db.execute(
        "INSERT OR REPLACE INTO debts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            debt.numcli,
            debt.refdet,
            debt.exer,
            debt.montant,
            debt.label,
            debt.state,
            debt.taken_in_charge_on.isoformat(),
            debt.amicable_until.isoformat() if debt.amicable_until else None,
            paid_by,
        ),
    )


def mark_paid(db: sqlite3.Connection, *, numcli: str, refdet: str, transaction_id: int) -> None:
    db.execute(
        "UPDATE debts SET state = 'paid', paid_by = ? WHERE numcli = ? AND refdet = ?",
        (transaction_id, numcli, refdet),
    )


def find_debt(db: sqlite3.Connection, numcli: str, refdet: str) -> Debt | None:
    row = db.execute("SELECT * FROM debts WHERE numcli = ? AND refdet = ?", (numcli, refdet)).fetchone()
    return _debt(row) if row else None


def paid_before(db: sqlite3.Connection, numcli: str, refdet: str) -> bool:
    """Whether a real payment already bears that reference: all there is to know of a régie's debts."""
    paid = db.execute(
        "SELECT 1 FROM transactions WHERE numcli = ? AND refdet = ? AND state = 'paid' AND saisie <> 'T'",
        (numcli, refdet),
    )
    return paid.fetchone() is not None


def list_debts(db: sqlite3.Connection, numcli: str | None = None) -> list[Debt]:
    rows = db.execute("SELECT * FROM debts WHERE numcli = coalesce(?, numcli) ORDER BY numcli, refdet", (numcli,))
    return [_debt(row) for row in rows]


def delete_debt(db: sqlite3.Connection, numcli: str, refdet: str) -> bool:
    _release(db, numcli, refdet)
    return db.execute("DELETE FROM debts WHERE numcli = ? AND refdet = ?", (numcli, refdet)).rowcount > 0


def _release(db: sqlite3.Connection, numcli: str, refdet: str) -> None:
    """A past payment keeps its transaction but no longer holds a debt declared due again, or removed."""
    db.execute(
        "UPDATE transactions SET on_debt = 0 WHERE numcli = ? AND refdet = ? AND state = 'paid'", (numcli, refdet)
    )


def _debt(row: sqlite3.Row) -> Debt:
    until = row["amicable_until"]
    return Debt(
        numcli=row["numcli"],
        refdet=row["refdet"],
        exer=row["exer"],
        montant=row["montant"],
        label=row["label"],
        state=row["state"],
        taken_in_charge_on=date.fromisoformat(row["taken_in_charge_on"]),
        amicable_until=date.fromisoformat(until) if until else None,
        paid_by=row["paid_by"],
    )
