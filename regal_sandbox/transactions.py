"""A payment in the payer's browser, from the recap page to its outcome.

One transaction has one outcome. Whoever refused or abandoned and wants to try again opens `paiement.web` again, as from
the town's site: no source shows a payer coming back on a finished transaction of the URL mode (the idOp that allows it
belongs to the web service). The same `urlcl` may then hear `A` and later `P`.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from regal_sandbox.clients import Client, activate_from, find_client
from regal_sandbox.debts import find_debt, mark_paid
from regal_sandbox.notifications import plan_notifications
from regal_sandbox.outcomes import RESULTRANS, Transaction
from regal_sandbox.paris import next_working_day
from regal_sandbox.payment_requests import PaymentRequest
from regal_sandbox.settings import read_settings
from regal_sandbox.store import moment, stamp
from regal_sandbox.tickets import plan_tickets
from regal_sandbox.world import World

_OUTCOMES = {"payer": "paid", "refuser": "refused", "abandonner": "abandoned"}


class UnknownTransaction(LookupError):
    """No transaction bears that token or number."""


def open_transaction(world: World, request: PaymentRequest) -> Transaction:
    with world.store.transaction() as db:
        cursor = db.execute(
            "INSERT INTO transactions"
            " (token, numcli, exer, refdet, objet, montant, mel, urlcl, saisie, on_debt, state, opened_at)"
            " VALUES ('', ?, ?, ?, ?, ?, ?, ?, ?, ?, 'recap', ?)",
            (
                request.client.numcli,
                request.exer,
                request.refdet,
                request.objet,
                request.montant,
                request.mel,
                request.urlcl,
                request.saisie,
                int(request.debt is not None),
                stamp(world.now()),
            ),
        )
        number = int(cursor.lastrowid or 0)
        db.execute("UPDATE transactions SET token = ? WHERE id = ?", (world.draw("token", number)[:32], number))
        return find_by_number(db, number)


def decide(world: World, token: str, decision: str) -> Transaction:
    """Apply the payer's decision; nothing changes when the transaction is finished or the step has no such decision.

    The outcome, the debt's new state, the notifications and the tickets are written together.
    """
    with world.store.transaction() as db:
        transaction = find_by_token(db, token)
        if transaction.state == "recap" and decision == "continuer":
            db.execute("UPDATE transactions SET state = 'card' WHERE id = ?", (transaction.id,))
        elif transaction.state == "recap" and decision == "abandonner":
            _finish(world, db, transaction, "abandoned")
        elif transaction.state == "card" and decision in _OUTCOMES:
            _finish(world, db, transaction, _OUTCOMES[decision])
        transaction = find_by_number(db, transaction.id)
    world.ring()
    return transaction


def _finish(world: World, db: sqlite3.Connection, transaction: Transaction, state: str) -> None:
    client = find_client(db, transaction.numcli)
    if state == "paid":
        rule = _obstacle(world, db, transaction, client)
        if rule is not None:
            db.execute(
                "UPDATE transactions SET state = 'stopped', stopped_by = ?, decided_at = ? WHERE id = ?",
                (rule, stamp(world.now()), transaction.id),
            )
            return
    numauto = world.draw("numauto", transaction.id)[:6] if state == "paid" else ""
    db.execute(
        "UPDATE transactions SET state = ?, decided_at = ?, numauto = ? WHERE id = ?",
        (state, stamp(world.now()), numauto, transaction.id),
    )
    finished = find_by_number(db, transaction.id)
    settings = read_settings(db)
    plan_notifications(world, db, finished, settings)
    if state == "paid" and client is not None:
        if finished.on_debt:
            mark_paid(db, numcli=finished.numcli, refdet=finished.refdet, transaction_id=finished.id)
        if finished.saisie == "X" and client.phase == "test":
            activate_from(db, client, next_working_day(world.today()))
        plan_tickets(world, db, finished, client, settings)


def _obstacle(world: World, db: sqlite3.Connection, transaction: Transaction, client: Client | None) -> str | None:
    """What changed between opening and paying, if anything: another window may have paid the same debt."""
    if client is None:
        return "numcli_unknown"
    if client.phase == "closed":
        return "client_closed"
    if not transaction.on_debt:
        return None
    debt = find_debt(db, transaction.numcli, transaction.refdet)
    if debt is None:
        return "debt_unknown"
    if debt.montant != transaction.montant:
        return "montant_differs"
    return debt.obstacle(world.today())


def find_by_token(db: sqlite3.Connection, token: str) -> Transaction:
    row = db.execute("SELECT * FROM transactions WHERE token = ?", (token,)).fetchone()
    if row is None:
        raise UnknownTransaction(token)
    return _transaction(row)


def find_by_number(db: sqlite3.Connection, number: int) -> Transaction:
    row = db.execute("SELECT * FROM transactions WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise UnknownTransaction(number)
    return _transaction(row)


@dataclass(frozen=True, kw_only=True)
class Filter:
    numcli: str | None = None
    refdet: str | None = None
    state: str | None = None


def list_transactions(db: sqlite3.Connection, wanted: Filter | None = None) -> list[Transaction]:
    wanted = wanted or Filter()
    rows = db.execute(
        "SELECT * FROM transactions WHERE numcli = coalesce(?, numcli) AND refdet = coalesce(?, refdet)"
        " AND state = coalesce(?, state) ORDER BY id",
        (wanted.numcli, wanted.refdet, wanted.state),
    )
    return [_transaction(row) for row in rows]


def _transaction(row: sqlite3.Row) -> Transaction:
    decided: datetime | None = moment(row["decided_at"]) if row["decided_at"] else None
    return Transaction(
        id=row["id"],
        token=row["token"],
        numcli=row["numcli"],
        exer=row["exer"],
        refdet=row["refdet"],
        objet=row["objet"],
        montant=row["montant"],
        mel=row["mel"],
        urlcl=row["urlcl"],
        saisie=row["saisie"],
        on_debt=bool(row["on_debt"]),
        state=row["state"],
        resultrans=RESULTRANS.get(row["state"], ""),
        opened_at=moment(row["opened_at"]),
        decided_at=decided,
        numauto=row["numauto"],
        stopped_by=row["stopped_by"],
    )
