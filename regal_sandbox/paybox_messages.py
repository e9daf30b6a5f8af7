"""Paybox's call to the merchant's site, server to server (the IPN): one per try, never repeated.

Only an answer 2xx within the time-out is one; a redirect is not followed. Whatever fails is told by an e-mail to the
merchant.
"""

import json
import sqlite3
import ssl
import time
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from regal_sandbox.faults import consume_ipn_faults
from regal_sandbox.journal import record
from regal_sandbox.notifications import (
    CONTENT_TYPE,
    KEPT_BYTES,
    NotificationRequest,
    NotificationTransport,
    control_listener,
)
from regal_sandbox.outbox import Outbox
from regal_sandbox.paybox_cards import EXAMPLE, test_card
from regal_sandbox.paybox_codes import ACCEPTED
from regal_sandbox.paybox_faults import (
    AFTER_RETURN,
    FOREIGN,
    LATE,
    LOST,
    TWICE,
    WRONG_AMOUNT,
    WRONG_SIGNATURE,
    IpnFault,
)
from regal_sandbox.paybox_mails import plan_warning
from regal_sandbox.paybox_merchants import Merchant, find_merchant, list_merchants
from regal_sandbox.paybox_numbers import draw_authorisation, draw_call, draw_transaction
from regal_sandbox.paybox_payment import Payment, Try, find_payment, find_try
from regal_sandbox.paybox_returns import (
    VARIABLES,
    Outcome,
    Variables,
    amount_to_tell,
    query_of,
    with_variables,
    write_variables,
)
from regal_sandbox.settings import read_settings
from regal_sandbox.store import stamp
from regal_sandbox.world import World

Conclude = Callable[[World, sqlite3.Connection], object]


def outcome_of_try(payment: Payment, merchant: Merchant, made: Try) -> Outcome:
    return Outcome(
        code=made.code,
        at=made.at,
        call=made.call,
        trans=made.trans,
        reference=payment.reference,
        amount=amount_to_tell(payment.get("PBX_TOTAL"), merchant),
        authorisation=made.authorisation,
        types=payment.means if "," in payment.means else "",
        card=made.card,
    )


def plan_messages(
    world: World, db: sqlite3.Connection, payment: Payment, merchant: Merchant, made: Try, *, cause: str
) -> None:
    """Write what is to be sent about a try, disturbed by the faults that match it; nothing without an address."""
    faults = consume_ipn_faults(db, merchant=merchant.key, reference=payment.reference, code=made.code, now=world.now())
    for fault in faults:
        if fault.ipn == FOREIGN:
            plan_foreign(world, db, payment, by=fault.by)
    outcome = outcome_of_try(payment, merchant, made)
    plan_message(world, db, payment, merchant, outcome, cause=cause, try_id=made.id, faults=faults)
    for _ in range(sum(fault.copies for fault in faults if fault.ipn == TWICE)):
        plan_message(world, db, payment, merchant, outcome, cause="duplicate", try_id=made.id, faults=faults)


def plan_message(
    world: World,
    db: sqlite3.Connection,
    payment: Payment,
    merchant: Merchant,
    outcome: Outcome,
    *,
    cause: str,
    try_id: int | None,
    faults: Collection[IpnFault] = (),
) -> int | None:
    """One call; its number. `cause` is one of those of the table."""
    asked = payment.get("PBX_REPONDRE_A")
    url = asked or merchant.addresses.notified
    if not url:
        return None
    kinds = {fault.ipn for fault in faults}
    method = (payment.get("PBX_RUF1") or "GET").upper()
    changed = {}
    if WRONG_AMOUNT in kinds:
        told = next(fault.amount for fault in faults if fault.ipn == WRONG_AMOUNT)
        changed["M"] = told or str(payment.amount_cents + 1)
    by_address = method == "GET" and not asked
    variables = write_variables(
        world.paybox_key,
        payment.get("PBX_RETOUR"),
        outcome,
        own_query=query_of(url) if by_address else "",
        signs=merchant.options.signed_at_registered_address if by_address else VARIABLES,
        changed=changed,
        wrong_signature=WRONG_SIGNATURE in kinds,
    )
    state = "dropped" if LOST in kinds else "held" if AFTER_RETURN in kinds else "pending"
    late = sum(fault.seconds for fault in faults if fault.ipn == LATE)
    return _write(
        db,
        payment_id=payment.id,
        try_id=try_id,
        cause=cause,
        method=method,
        url=url,
        variables=variables,
        fault=" ".join(sorted(kinds)),
        due_at=stamp(world.now() + timedelta(seconds=late)),
        state=state,
    )


def _write(db: sqlite3.Connection, *, variables: Variables, **row: Any) -> int:
    row |= {"variables": variables.text, "signed": variables.signed}
    columns = ", ".join(row)
    cursor = db.execute(
        f"INSERT INTO paybox_messages ({columns}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608 - names from above
        tuple(row.values()),
    )
    return int(cursor.lastrowid or 0)


def plan_foreign(world: World, db: sqlite3.Connection, payment: Payment, *, by: str = "") -> int | None:
    """Call this payment's address about one that another merchant was paid, for the same reference and amount.

    Its signature is right, as one key signs for all; only what it says of the transaction tells that it is another's.
    `by`: that merchant's key; empty: the first of the test platform that is not this one.
    """
    others = [one for one in list_merchants(db) if one.key != payment.merchant and by in ("", one.key)]
    others = [one for one in others if by or one.is_test]
    merchant = find_merchant(db, payment.merchant)
    if merchant is None or not others:
        return None
    other, now, card = others[0], world.now(), test_card(EXAMPLE) or {}
    cursor = db.execute(
        "INSERT INTO paybox_payments (token, merchant, reference, amount_cents, fields, raw, entry, state, call, code,"
        " started_at, ended_at) VALUES (?, ?, ?, ?, ?, '', '', 'paid', ?, ?, ?, ?)",
        (
            world.draw("foreign", draw_call(db))[:40],
            other.key,
            payment.reference,
            payment.amount_cents,
            json.dumps(payment.fields),
            draw_call(db),
            ACCEPTED,
            stamp(now),
            stamp(now),
        ),
    )
    cursor = db.execute(
        "INSERT INTO paybox_tries (payment_id, call, trans, code, authorisation, amount_cents, card, at, status,"
        " captured_cents, captured_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'captured', ?, ?)",
        (
            cursor.lastrowid,
            draw_call(db),
            draw_transaction(db),
            ACCEPTED,
            draw_authorisation(world, db, other),
            payment.amount_cents,
            json.dumps(card),
            stamp(now),
            payment.amount_cents,
            stamp(now),
        ),
    )
    made = find_try(db, int(cursor.lastrowid or 0))
    outcome = outcome_of_try(payment, merchant, made)
    return plan_message(world, db, payment, merchant, outcome, cause="foreign", try_id=made.id)


def replay(world: World, db: sqlite3.Connection, number: int) -> int:
    """Send a call once more, to the byte, now. Raises LookupError when there is none of that number."""
    cursor = db.execute(
        "INSERT INTO paybox_messages (payment_id, try_id, cause, method, url, variables, signed, due_at, state)"
        " SELECT payment_id, try_id, 'replay', method, url, variables, signed, ?, 'pending'"
        " FROM paybox_messages WHERE id = ?",
        (stamp(world.now()), number),
    )
    if not cursor.rowcount:
        raise LookupError(number)
    return int(cursor.lastrowid or 0)


def release_held(world: World, db: sqlite3.Connection, payment: Payment) -> None:
    """The browser goes back: the calls that waited for it follow."""
    db.execute(
        "UPDATE paybox_messages SET state = 'pending', due_at = ? WHERE payment_id = ? AND state = 'held'",
        (stamp(world.now() + timedelta(seconds=read_settings(db).paybox_after_return_seconds)), payment.id),
    )
    db.execute("UPDATE paybox_payments SET returned_at = ? WHERE id = ?", (stamp(world.now()), payment.id))


def has_held(db: sqlite3.Connection, payment: Payment) -> bool:
    return _has(db, payment, "state = 'held'")


def is_waiting(world: World, db: sqlite3.Connection, payment: Payment) -> bool:
    """Whether a call about this payment is due and not answered yet."""
    return _has(db, payment, "state = 'pending' AND due_at <= ?", stamp(world.now()))


def _has(db: sqlite3.Connection, payment: Payment, condition: str, *values: str) -> bool:
    query = f"SELECT 1 FROM paybox_messages WHERE payment_id = ? AND {condition}"  # noqa: S608 - from the two above
    return db.execute(query, (payment.id, *values)).fetchone() is not None


def list_messages(db: sqlite3.Connection, payment_id: int | None = None) -> list[dict[str, Any]]:
    rows = db.execute(
        "SELECT * FROM paybox_messages WHERE payment_id = coalesce(?, payment_id) ORDER BY id", (payment_id,)
    )
    return [dict(row) for row in rows]


def describe_payment(db: sqlite3.Connection, payment: Payment) -> dict[str, Any]:
    """The truth about it: its fields, its tries, and the calls to the merchant's site."""
    row = db.execute("SELECT * FROM paybox_payments WHERE id = ?", (payment.id,)).fetchone()
    told = {name: row[name] for name in row.keys() if name not in ("fields", "card", "raw")}  # noqa: SIM118 - a Row
    tries = []
    for one in db.execute("SELECT * FROM paybox_tries WHERE payment_id = ? ORDER BY id", (payment.id,)):
        tries.append(dict(one) | {"card": json.loads(one["card"])})
    return told | {
        "backup": payment.backup,
        "fields": [list(pair) for pair in payment.fields],
        "raw": row["raw"],
        "tries": tries,
        "messages": list_messages(db, payment.id),
    }


class PayboxOutbox(Outbox):
    """Sends due calls one by one, each once."""

    table = "paybox_messages"

    def __init__(self, world: World, transport: NotificationTransport, *, conclude: Conclude) -> None:
        """`conclude` writes the calls about payments that were pending and are no more."""
        super().__init__(world)
        self._transport = transport
        self._conclude = conclude

    def deliver_one(self) -> bool:
        with self.world.store.transaction() as db:
            self._conclude(self.world, db)
        return super().deliver_one()

    def send(self, row: sqlite3.Row) -> None:
        with self.world.store.transaction() as db:
            settings = read_settings(db)
        by_post = row["method"] == "POST"
        request = NotificationRequest(
            url=row["url"] if by_post else with_variables(row["url"], row["variables"]),
            headers={"Content-Type": CONTENT_TYPE} if by_post else {},
            body=row["variables"].encode() if by_post else b"",
            timeout_seconds=settings.paybox_timeout_seconds,
            method=row["method"],
            source_address=settings.notification_source_address,
            verify_tls=settings.notification_verify_tls,
            never_to=control_listener(self.world),
        )
        started, begun = self.world.now(), time.monotonic()
        answer, error, curl = None, None, 0
        try:
            answer = self._transport(request)
        except Exception as problem:  # whatever the other side does to us is its answer, noted as such
            error, curl = f"{type(problem).__name__}: {problem}", _curl_code(problem)
        duration = round((time.monotonic() - begun) * 1000)
        status = answer.status if answer else None
        delivered = status is not None and 200 <= status < 300
        told = answer.body[:KEPT_BYTES].decode("utf-8", "replace") if answer else ""
        with self.world.store.transaction() as db:
            if db.execute("SELECT 1 FROM paybox_messages WHERE id = ?", (row["id"],)).fetchone() is None:
                return  # the sandbox was reset while the site was answering
            db.execute(
                "UPDATE paybox_messages SET state = ?, tries = tries + 1, started_at = ?, duration_ms = ?, status = ?,"
                " answer = ?, error = ? WHERE id = ?",
                ("answered" if delivered else "failed", stamp(started), duration, status, told, error, row["id"]),
            )
            payment = find_payment(db, row["payment_id"])
            exchange = {
                "message": row["id"],
                "cause": row["cause"],
                "fault": row["fault"],
                "method": request.method,
                "url": request.url,
                "body": request.body.decode(),
                "signed": row["signed"],
                "duration_ms": duration,
                "status": status,
                "answer": told,
                "error": error,
            }
            record(self.world, db, "paybox_message", exchange, numcli=payment.merchant, payment=payment.id)
            merchant = find_merchant(db, payment.merchant)
            if not delivered and merchant is not None:
                plan_warning(
                    self.world,
                    db,
                    payment,
                    merchant,
                    url=row["url"],
                    variables=row["variables"],
                    status=status or 0,
                    curl=curl,
                )
        self.world.ring()


def _curl_code(problem: Exception) -> int:
    """What the warning calls it: Paybox calls with curl."""
    for kind, code in ((ssl.SSLError, 60), (TimeoutError, 28), (ConnectionRefusedError, 7), (ConnectionError, 56)):
        if isinstance(problem, kind):
            return code
    return 6 if "getaddrinfo" in str(problem) or "gaierror" in type(problem).__name__ else 52
