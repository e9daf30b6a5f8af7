"""Telling the client's site what became of a payment: the POST to `urlcl`.

A notification is a row written with the outcome itself; it is sent afterwards, and sent again after a crash between the
sending and the note of the answer. Every attempt keeps the answer's status, first bytes and duration.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import httpx

from regal_sandbox.faults import Disturbance, consume_faults
from regal_sandbox.outbox import Outbox
from regal_sandbox.outcomes import Transaction
from regal_sandbox.paris import in_paris
from regal_sandbox.settings import Settings, read_settings
from regal_sandbox.store import stamp
from regal_sandbox.world import World

KEPT_BYTES = 500
CONTENT_TYPE = "application/x-www-form-urlencoded"
FIELDS = (
    "numcli",
    "exer",
    "refdet",
    "objet",
    "montant",
    "mel",
    "saisie",
    "resultrans",
    "numauto",
    "dattrans",
    "heurtrans",
)


@dataclass(frozen=True, kw_only=True)
class NotificationRequest:
    """A POST ready to be sent."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    timeout_seconds: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: bytes = b""


NotificationTransport = Callable[[NotificationRequest], Answer]  # any exception means: not delivered


def post_over_http(request: NotificationRequest) -> Answer:
    """The real transport. Redirects are not followed: a POST would come out of them as a GET."""
    with (
        httpx.Client(timeout=request.timeout_seconds, follow_redirects=False, trust_env=False) as client,
        client.stream("POST", request.url, content=request.body, headers=dict(request.headers)) as response,
    ):
        body = b""
        for piece in response.iter_bytes():
            body += piece
            if len(body) >= KEPT_BYTES:
                break
        return Answer(status=response.status_code, body=body[:KEPT_BYTES])


def notification_fields(transaction: Transaction, settings: Settings) -> dict[str, str]:
    """The eleven fields, in the order of `FIELDS`; date and hour are those of Paris, day first, no seconds."""
    if transaction.decided_at is None:
        raise ValueError("a transaction without outcome has nothing to notify")
    decided = in_paris(transaction.decided_at)
    fields = {
        "numcli": transaction.numcli,
        "exer": transaction.exer,
        "refdet": transaction.refdet,
        "objet": transaction.objet,
        "montant": str(transaction.montant),
        "mel": transaction.mel,
        "saisie": transaction.saisie,
        "resultrans": transaction.resultrans,
        "numauto": transaction.numauto,
        "dattrans": decided.strftime("%d%m%Y"),
        "heurtrans": decided.strftime("%H%M"),
    }
    if settings.absent_fields == "omitted":
        return {name: value for name, value in fields.items() if value}
    return fields


def build_request(
    url: str, fields: Mapping[str, str], *, transport: str, timeout_seconds: float
) -> NotificationRequest:
    """`transport` says where the fields travel: in the body (normal), in the query string (August 2024), in both."""
    encoded = urlencode(fields)
    if transport in ("query", "both"):
        parts = urlsplit(url)
        query = f"{parts.query}&{encoded}" if parts.query else encoded
        url = urlunsplit(parts._replace(query=query))
    body = b"" if transport == "query" else encoded.encode("ascii")
    return NotificationRequest(
        url=url, headers={"Content-Type": CONTENT_TYPE}, body=body, timeout_seconds=timeout_seconds
    )


def plan_notifications(world: World, db: sqlite3.Connection, transaction: Transaction, settings: Settings) -> None:
    """Write what is to be sent for a fresh outcome, disturbed by the faults that match it."""
    if not transaction.urlcl:
        return
    disturbance = consume_faults(db, transaction)
    _write(world, db, transaction, settings, disturbance, cause="outcome")


def resend(world: World, db: sqlite3.Connection, transaction: Transaction, disturbance: Disturbance) -> None:
    """Plan one more notification of the same outcome, due now, whatever the standing faults."""
    if not transaction.urlcl or not transaction.resultrans:
        raise ValueError("this transaction has no outcome to notify, or no address to notify it to")
    _write(world, db, transaction, read_settings(db), disturbance, cause="resend")


def _write(
    world: World,
    db: sqlite3.Connection,
    transaction: Transaction,
    settings: Settings,
    disturbance: Disturbance,
    *,
    cause: str,
) -> None:
    fields = notification_fields(transaction, settings)
    for name, value in disturbance.alter.items():
        if value is None:
            fields.pop(name, None)
        else:
            fields[name] = value
    due = world.now() + timedelta(seconds=disturbance.delay_seconds)
    for copy in range(1 + disturbance.duplicate):
        db.execute(
            "INSERT INTO notifications (transaction_id, cause, url, fields, transport, due_at, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                transaction.id,
                "duplicate" if copy else cause,
                transaction.urlcl,
                json.dumps(fields),
                disturbance.transport or settings.transport,
                stamp(due),
                "dropped" if disturbance.drop else "pending",
            ),
        )


class NotificationOutbox(Outbox):
    """Sends due notifications one by one."""

    table = "notifications"

    def __init__(self, world: World, transport: NotificationTransport) -> None:
        super().__init__(world)
        self._transport = transport

    def send(self, row: sqlite3.Row) -> None:
        with self.world.store.transaction() as db:
            settings = read_settings(db)
        request = build_request(
            row["url"],
            json.loads(row["fields"]),
            transport=row["transport"],
            timeout_seconds=settings.notification_timeout_seconds,
        )
        started, begun = self.world.now(), time.monotonic()
        answer, error = None, None
        try:
            answer = self._transport(request)
        except Exception as problem:  # whatever the other side does to us is its answer, noted as such
            error = f"{type(problem).__name__}: {problem}"
        duration = round((time.monotonic() - begun) * 1000)
        delivered = answer is not None and 200 <= answer.status < 300
        tries = row["tries"] + 1
        with self.world.store.transaction() as db:
            if db.execute("SELECT 1 FROM notifications WHERE id = ?", (row["id"],)).fetchone() is None:
                return  # the sandbox was reset while the client was answering
            db.execute(
                "INSERT INTO notification_attempts (notification_id, started_at, duration_ms, status, body, error)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    row["id"],
                    stamp(started),
                    duration,
                    answer.status if answer else None,
                    answer.body[:KEPT_BYTES].decode("utf-8", "replace") if answer else "",
                    error,
                ),
            )
            state = "answered" if delivered else "failed"
            due = row["due_at"]
            if not delivered and tries <= settings.notification_retries:
                state = "pending"
                due = stamp(self.world.now() + timedelta(seconds=settings.notification_retry_seconds))
            db.execute(
                "UPDATE notifications SET state = ?, tries = ?, due_at = ? WHERE id = ?",
                (state, tries, due, row["id"]),
            )


def list_notifications(db: sqlite3.Connection, transaction_id: int | None = None) -> list[dict[str, Any]]:
    """Every notification, or those of one transaction, each with its attempts."""
    told = []
    rows = db.execute(
        "SELECT * FROM notifications WHERE transaction_id = coalesce(?, transaction_id) ORDER BY id", (transaction_id,)
    ).fetchall()
    for row in rows:
        attempts = db.execute(
            "SELECT started_at, duration_ms, status, body, error FROM notification_attempts"
            " WHERE notification_id = ? ORDER BY id",
            (row["id"],),
        )
        told.append(
            {
                "id": row["id"],
                "transaction": row["transaction_id"],
                "cause": row["cause"],
                "url": row["url"],
                "fields": json.loads(row["fields"]),
                "transport": row["transport"],
                "due_at": row["due_at"],
                "state": row["state"],
                "attempts": [dict(attempt) for attempt in attempts],
            }
        )
    return told
