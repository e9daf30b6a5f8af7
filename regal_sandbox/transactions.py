"""A payment in the payer's browser, from the recap page to its outcome.

Each page is a state, and each of its buttons a step to another. By card: recap, card, then the bank's 3-D Secure page
when the settings ask for it. By prélèvement: recap, sign-in, mandate. A choice stands after the recap when several
means are offered.

In form mode one transaction has one outcome. Whoever refused or abandoned and wants to try again opens `paiement.web`
again, as from the town's site: no source shows a payer coming back on a finished transaction there. The same `urlcl`
may then hear `A` and later `P`. A payment of the web service is `created` by the client and opened by its idOp; after
an abandon the same idOp may be opened again, so that it has an `A`, then another outcome.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from regal_sandbox.clients import Client, activate_from, find_client
from regal_sandbox.debts import find_debt, mark_paid, paid_before
from regal_sandbox.idops import describe, draw_idop, is_purged, list_outcomes, may_be_opened, page_is_open
from regal_sandbox.journal import KEPT_CHARACTERS, record
from regal_sandbox.means import CARD, MEANS, TRANSFER, resultrans
from regal_sandbox.notifications import plan_notifications
from regal_sandbox.paris import next_working_day
from regal_sandbox.payment_requests import PaymentRequest, Refused
from regal_sandbox.settings import Settings, read_settings
from regal_sandbox.store import moment, stamp
from regal_sandbox.tickets import plan_tickets
from regal_sandbox.transaction import FINISHED, Transaction
from regal_sandbox.world import World

_STEPS = {  # state → button → next state
    "recap": {"continuer": "means"},
    "means": {means.decision: means.first_state for means in MEANS.values()},
    "card": {"payer": "paid", "refuser": "refused"},
    "secure": {"valider": "paid", "refuser": "refused"},
    "sign_in": {"identifier": "mandate"},
    "mandate": {"payer": "paid", "refuser": "refused"},
    "transfer": {"payer": "paid", "refuser": "refused"},
}


STATES = ("created", *_STEPS, *sorted(FINISHED))


class UnknownTransaction(LookupError):
    """No transaction bears that token or number."""


def open_transaction(world: World, request: PaymentRequest, *, entry: str = "form") -> Transaction:
    """`entry` is `form` (`paiement.web`), `portal` (`accueilportail.web`) or `service` (the web service)."""
    with world.store.transaction() as db:
        idop, ms = draw_idop(world, db) if entry == "service" else (None, None)
        cursor = db.execute(
            "INSERT INTO transactions"
            " (token, numcli, exer, refdet, objet, montant, mel, urlcl, saisie, on_debt, entry,"
            " means, state, opened_at, idop, idop_ms, urlredirect)"
            " VALUES ('', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?)",
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
                entry,
                "recap" if idop is None else "created",
                stamp(world.now()),
                idop,
                ms,
                request.urlredirect,
            ),
        )
        number = int(cursor.lastrowid or 0)
        db.execute("UPDATE transactions SET token = ? WHERE id = ?", (world.draw("token", number)[:32], number))
        return find_by_number(db, number)


def enter(world: World, idop: str) -> Transaction:
    """What `paiementws.web?idop=` opens: the payment, or Refused with the rule of its error page.

    A payment left without outcome goes on where it was, unless the settings forbid a second opening; an abandoned one
    begins again.
    """
    with world.store.transaction() as db:
        transaction = find_by_idop(db, idop)
        if transaction is None:
            raise Refused("idop_unknown")
        transaction = see(world, transaction.token)
        settings, now = read_settings(db), world.now()
        if is_purged(transaction, list_outcomes(db, transaction.id), settings, now):
            raise Refused("idop_unknown")
        if page_is_open(transaction, settings, now):
            if settings.idop_single_opening:
                raise Refused("idop_used")
            return transaction
        if transaction.state not in ("created", "abandoned"):
            raise Refused("idop_used")
        if not may_be_opened(transaction, settings, now):
            raise Refused("idop_expired")
        db.execute(
            "UPDATE transactions SET state = 'recap', means = '', decided_at = NULL, entered_at = ? WHERE id = ?",
            (stamp(now), transaction.id),
        )
        return find_by_number(db, transaction.id)


def see(world: World, token: str) -> Transaction:
    """The transaction as its page shows it now; one left open for too long ends here, and nobody is notified."""
    with world.store.transaction() as db:
        transaction = find_by_token(db, token)
        minutes = read_settings(db).page_expiry_minutes
        if transaction.is_finished or transaction.state == "created" or not minutes:
            return transaction
        if world.now() < (transaction.entered_at or transaction.opened_at) + timedelta(minutes=minutes):
            return transaction
        _stop(world, db, transaction, "page_expired")
        return find_by_number(db, transaction.id)


def decide(world: World, token: str, decision: str) -> Transaction:
    """Apply the payer's decision; nothing changes when the transaction is finished or the step has no such decision.

    The outcome, the debt's new state, the notifications and the tickets are written together.
    """
    with world.store.transaction() as db:
        transaction = see(world, token)
        steps = {"abandonner": "abandoned", **_STEPS.get(transaction.state, {})}
        obeyed = transaction.state in _STEPS and decision in steps
        told = {"decision": decision[:KEPT_CHARACTERS], "state": transaction.state, "obeyed": obeyed}
        record(world, db, "decision", told, numcli=transaction.numcli, transaction=transaction.id)
        if obeyed:
            _go(world, db, transaction, steps[decision], read_settings(db))
        transaction = find_by_number(db, transaction.id)
    world.ring()
    return transaction


def _go(world: World, db: sqlite3.Connection, transaction: Transaction, state: str, settings: Settings) -> None:
    if state in FINISHED:
        if state == "paid" and transaction.state == "card" and settings.three_d_secure:
            _move(db, transaction, "secure", CARD)
        else:
            _finish(world, db, transaction, state)
        return
    if transaction.state not in ("recap", "means"):
        _move(db, transaction, state, transaction.means)
        return
    offered = means_offered(world, transaction, find_client(db, transaction.numcli))
    if state != "means":
        offered = [means for means in offered if MEANS[means].first_state == state]
    if not offered:
        _stop(world, db, transaction, "client_not_active")
    elif state == "means" and len(offered) > 1:
        _move(db, transaction, "means", "")
    else:
        _move(db, transaction, MEANS[offered[0]].first_state, offered[0])


def means_offered(world: World, transaction: Transaction, client: Client | None) -> list[str]:
    """What the payer may choose from, given the client's activations and ceilings of the day."""
    if client is None:
        return []
    return client.offers(transaction.saisie, world.today(), montant=transaction.montant)


def _move(db: sqlite3.Connection, transaction: Transaction, state: str, means: str) -> None:
    db.execute("UPDATE transactions SET state = ?, means = ? WHERE id = ?", (state, means, transaction.id))


def _stop(world: World, db: sqlite3.Connection, transaction: Transaction, rule: str) -> None:
    """An end without outcome, hence without notification."""
    db.execute(
        "UPDATE transactions SET state = 'stopped', stopped_by = ?, decided_at = ? WHERE id = ?",
        (rule, stamp(world.now()), transaction.id),
    )


def _finish(world: World, db: sqlite3.Connection, transaction: Transaction, state: str) -> None:
    client = find_client(db, transaction.numcli)
    if state == "paid":
        rule = _obstacle(world, db, transaction, client)
        if rule is not None:
            _stop(world, db, transaction, rule)
            return
    settings = read_settings(db)
    numauto = _draw_numauto(world, transaction) if state == "paid" else ""
    letter = ""
    if transaction.means == TRANSFER and state != "abandoned":
        letter = settings.transfer_letter if state == "paid" else settings.transfer_refused_letter
    db.execute(
        "UPDATE transactions SET state = ?, decided_at = ?, numauto = ?, letter = ? WHERE id = ?",
        (state, stamp(world.now()), numauto, letter, transaction.id),
    )
    finished = find_by_number(db, transaction.id)
    plan_notifications(world, db, finished, settings)
    if state == "paid" and client is not None:
        if finished.on_debt:
            mark_paid(db, numcli=finished.numcli, refdet=finished.refdet, transaction_id=finished.id)
        if finished.saisie == "X":
            activate_from(db, client, finished.means, next_working_day(world.today()))
        plan_tickets(world, db, finished, client, settings)


def _draw_numauto(world: World, transaction: Transaction) -> str:
    """By card, six hexadecimal characters; by prélèvement sixteen, shaped as the recorded `112233445566-tip`.

    By virement, nobody knows: sixteen too.
    """
    drawn = world.draw("numauto", transaction.id)
    if transaction.means == CARD:
        return drawn[:6]
    return f"{int(drawn, 16) % 10**12:012d}-{'vir' if transaction.means == TRANSFER else 'tip'}"


def _obstacle(world: World, db: sqlite3.Connection, transaction: Transaction, client: Client | None) -> str | None:
    """What changed between opening and paying, if anything: another window may have paid the same debt."""
    if client is None:
        return "numcli_unknown"
    if client.phase == "closed":
        return "client_closed"
    if transaction.means not in client.offers(transaction.saisie, world.today()):
        return "client_not_active"
    if not transaction.on_debt:
        again = client.options.refuse_paid_refdet and client.kind == "regie" and transaction.saisie != "T"
        return "debt_paid" if again and paid_before(db, transaction.numcli, transaction.refdet) else None
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


def find_by_idop(db: sqlite3.Connection, idop: str) -> Transaction | None:
    row = db.execute("SELECT * FROM transactions WHERE idop = ?", (idop,)).fetchone()
    return _transaction(row) if row else None


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


def describe_idops(
    world: World, db: sqlite3.Connection, *, numcli: str | None = None, refdet: str | None = None
) -> list[dict[str, Any]]:
    """The truth about every payment of the web service, the oldest first; see `idops.describe`."""
    rows = db.execute(
        "SELECT * FROM transactions WHERE idop IS NOT NULL AND numcli = coalesce(?, numcli)"
        " AND refdet = coalesce(?, refdet) ORDER BY id",
        (numcli, refdet),
    ).fetchall()
    settings, now = read_settings(db), world.now()
    return [describe(one, list_outcomes(db, one.id), settings, now) for one in map(_transaction, rows)]


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
        entry=row["entry"],
        means=row["means"],
        state=row["state"],
        resultrans=row["letter"] or resultrans(row["means"], row["state"]),
        opened_at=moment(row["opened_at"]),
        decided_at=decided,
        numauto=row["numauto"],
        stopped_by=row["stopped_by"],
        idop=row["idop"] or "",
        urlredirect=row["urlredirect"],
        entered_at=moment(row["entered_at"]) if row["entered_at"] else None,
    )
