"""Telling the client's site what became of a payment: the POST to `urlcl`, or to `urlnotif` of the web service.

A notification is a row written with the outcome itself; it is sent afterwards, and sent again after a crash between the
sending and the note of the answer. Every attempt keeps the answer's status, first bytes and duration.
"""

import json
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from regal_sandbox.faults import Disturbance, consume_faults
from regal_sandbox.idops import list_outcomes, write_outcome
from regal_sandbox.journal import record
from regal_sandbox.outbox import Outbox
from regal_sandbox.paris import in_paris
from regal_sandbox.settings import Settings, read_settings
from regal_sandbox.store import stamp
from regal_sandbox.transaction import Transaction
from regal_sandbox.world import World

KEPT_BYTES = 500
NEVER = datetime.max.replace(tzinfo=UTC)
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
    """A request ready to be sent."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    timeout_seconds: float
    method: str = "POST"
    source_address: str = ""  # to call from; empty: the system chooses
    verify_tls: bool = True  # over https, check the certificate
    never_to: tuple[str, int] | None = None  # host and port of the control listener


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: bytes = b""


NotificationTransport = Callable[[NotificationRequest], Answer]  # any exception means: not delivered


class Forbidden(Exception):
    """The address leads to the sandbox's own control port: whoever pays would command it."""


def send_over_http(request: NotificationRequest) -> Answer:
    """The real transport. The whole of it, from the connection to the kept bytes, lasts no longer than the time-out.

    Redirects are not followed: a POST would come out of them as a GET.
    """
    parts = urlsplit(request.url)
    source = (request.source_address, 0) if request.source_address else None
    ends_at = time.monotonic() + request.timeout_seconds
    connection: HTTPConnection
    if parts.scheme == "https":
        connection = HTTPSConnection(
            parts.hostname or "",
            parts.port,
            timeout=request.timeout_seconds,
            source_address=source,
            context=_tls(verify=request.verify_tls),
        )
    else:
        connection = HTTPConnection(
            parts.hostname or "", parts.port, timeout=request.timeout_seconds, source_address=source
        )
    late = threading.Event()
    try:
        connection.connect()
        if request.never_to and is_same_listener(connection.sock.getpeername(), request.never_to):
            raise Forbidden("this address is the sandbox's control port, which no notification may reach")
        # A receiver that sends a byte now and then would outlive any time-out on single reads.
        timer = threading.Timer(max(0, ends_at - time.monotonic()), _cut, (connection.sock, late))
        timer.daemon = True  # the program ends without waiting for it
        timer.start()
        try:
            target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
            connection.request(request.method, target, request.body or None, dict(request.headers))
            response = connection.getresponse()
            answer = Answer(status=response.status, body=response.read(KEPT_BYTES))
        except (OSError, HTTPException):
            if not late.is_set():
                raise
        finally:
            timer.cancel()
    finally:
        connection.close()
    if late.is_set():
        raise TimeoutError(f"no complete answer within {request.timeout_seconds:g} s")
    return answer


def _tls(*, verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def is_same_listener(peer: tuple[Any, ...], listener: tuple[str, int]) -> bool:
    """Whether a connection made to `peer` reached `listener`, however its address was written."""
    if peer[1] != listener[1]:
        return False
    reached, known = (_plain(str(address[0])) for address in (peer, listener))
    return reached == known or reached.is_unspecified or (reached.is_loopback and known.is_loopback)


def _plain(host: str) -> IPv4Address | IPv6Address:
    address = ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _cut(connection: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def notification_fields(transaction: Transaction, settings: Settings) -> dict[str, str]:
    """The eleven fields, in the order of `FIELDS`; date and hour are those of Paris, day first, no seconds.

    Of the web service: the idOp alone, no result.
    """
    if transaction.idop:
        return {"idop": transaction.idop}
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
    url: str,
    fields: Mapping[str, str],
    *,
    transport: str,
    timeout_seconds: float,
    method: str = "POST",
    source_address: str = "",
    verify_tls: bool = True,
    never_to: tuple[str, int] | None = None,
) -> NotificationRequest:
    """`transport` says where the fields travel: in the body (normal), in the query string (August 2024), in both.

    A GET has no body: its fields are in the query string.
    """
    encoded = urlencode(fields)
    if transport in ("query", "both") or method == "GET":
        parts = urlsplit(url)
        query = f"{parts.query}&{encoded}" if parts.query else encoded
        url = urlunsplit(parts._replace(query=query))
    return NotificationRequest(
        url=url,
        headers={} if method == "GET" else {"Content-Type": CONTENT_TYPE},
        body=b"" if transport == "query" or method == "GET" else encoded.encode("ascii"),
        timeout_seconds=timeout_seconds,
        method=method,
        source_address=source_address,
        verify_tls=verify_tls,
        never_to=never_to,
    )


def plan_notifications(world: World, db: sqlite3.Connection, transaction: Transaction, settings: Settings) -> None:
    """Write what is to be sent for a fresh outcome, disturbed by the faults that match it.

    The web service may know the result later than the payer; it notifies when it knows.
    """
    if not transaction.urlcl and not transaction.idop:
        return
    now = world.now()
    disturbance = consume_faults(db, transaction, now, late_only=not transaction.urlcl)
    begins_at = now
    if transaction.idop:
        known_at = now + timedelta(seconds=settings.result_delay_seconds + disturbance.late_seconds)
        write_outcome(db, transaction, known_at=known_at)
        begins_at = now if disturbance.early_notification else known_at
    if transaction.urlcl:
        _write(world, db, transaction, settings, disturbance, cause="outcome", begins_at=begins_at)


def resend(world: World, db: sqlite3.Connection, transaction: Transaction, disturbance: Disturbance) -> None:
    """Plan one more notification of the same outcome, due now, whatever the standing faults."""
    decided = list_outcomes(db, transaction.id) if transaction.idop else transaction.resultrans
    if not transaction.urlcl or not decided:
        raise ValueError("this transaction has no outcome to notify, or no address to notify it to")
    _write(world, db, transaction, read_settings(db), disturbance, cause="resend", begins_at=world.now())


def _write(
    world: World,
    db: sqlite3.Connection,
    transaction: Transaction,
    settings: Settings,
    disturbance: Disturbance,
    *,
    cause: str,
    begins_at: datetime,
) -> None:
    fields = notification_fields(transaction, settings)
    for name, value in disturbance.alter.items():
        if value is None:
            fields.pop(name, None)
        else:
            fields[name] = value
    due = begins_at + timedelta(seconds=disturbance.delay_seconds)
    if disturbance.reorder and not disturbance.delay_seconds:
        due = NEVER  # until a later one releases it
    for copy in range(1 + disturbance.duplicate):
        cursor = db.execute(
            "INSERT INTO notifications (transaction_id, cause, url, fields, transport, due_at, state, held)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                transaction.id,
                "duplicate" if copy else cause,
                transaction.urlcl,
                json.dumps(fields),
                disturbance.transport or settings.transport,
                stamp(due),
                "dropped" if disturbance.drop else "pending",
                int(disturbance.reorder),
            ),
        )
        if disturbance.drop:
            _record_dropped(world, db, int(cursor.lastrowid or 0), by="fault")


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
            method=settings.notification_method,
            source_address=settings.notification_source_address,
            verify_tls=settings.notification_verify_tls,
            never_to=control_listener(self.world),
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
            record(
                self.world,
                db,
                "notification",
                {
                    "notification": row["id"],
                    "cause": row["cause"],
                    "method": request.method,
                    "url": request.url,
                    "body": request.body.decode("ascii"),
                    "try": tries,
                    "duration_ms": duration,
                    "status": answer.status if answer else None,
                    "answer": answer.body[:KEPT_BYTES].decode("utf-8", "replace") if answer else "",
                    "error": error,
                },
                numcli=_numcli(db, row["transaction_id"]),
                transaction=row["transaction_id"],
            )
            state = "answered" if delivered else "failed"
            due = row["due_at"]
            if not delivered and tries <= settings.notification_retries:
                state = "pending"
                due = stamp(self.world.now() + timedelta(seconds=settings.notification_retry_seconds))
            db.execute(
                "UPDATE notifications SET state = ?, tries = ?, due_at = ?, held = 0 WHERE id = ?",
                (state, tries, due, row["id"]),
            )
            db.execute(
                "UPDATE notifications SET due_at = ?, held = 0 WHERE held = 1 AND state = 'pending' AND id < ?",
                (stamp(self.world.now()), row["id"]),
            )


def _numcli(db: sqlite3.Connection, transaction_id: int) -> str:
    row = db.execute("SELECT numcli FROM transactions WHERE id = ?", (transaction_id,)).fetchone()
    return str(row["numcli"])


def control_listener(world: World) -> tuple[str, int] | None:
    """Where no call may ever go."""
    if world.control_address is None:
        return None
    parts = urlsplit(world.control_address)
    return parts.hostname or "", parts.port or 80


class NotPending(LookupError):
    """No notification of that number is waiting to be sent."""


def send_now(world: World, db: sqlite3.Connection, number: int) -> None:
    """Make a waiting notification due at once. Raises NotPending, as the three next ones."""
    _change(db, number, "due_at = ?, held = 0", stamp(world.now()))


def drop(world: World, db: sqlite3.Connection, number: int) -> None:
    """It will never be sent."""
    _change(db, number, "state = ?", "dropped")
    _record_dropped(world, db, number, by="hand")


def _record_dropped(world: World, db: sqlite3.Connection, number: int, *, by: str) -> None:
    db.execute("UPDATE notifications SET dropped_by = ? WHERE id = ?", (by, number))
    row = db.execute("SELECT * FROM notifications WHERE id = ?", (number,)).fetchone()
    told = {"notification": number, "by": by, "url": row["url"], "body": urlencode(json.loads(row["fields"]))}
    of = row["transaction_id"]
    record(world, db, "notification_dropped", told, numcli=_numcli(db, of), transaction=of)


def postpone(world: World, db: sqlite3.Connection, number: int, seconds: float) -> None:
    """It will leave so many seconds from now."""
    _change(db, number, "due_at = ?, held = 0", stamp(world.now() + timedelta(seconds=seconds)))


def duplicate(db: sqlite3.Connection, number: int) -> None:
    """One more copy of it, at the same moment."""
    copied = db.execute(
        "INSERT INTO notifications (transaction_id, cause, url, fields, transport, due_at, state, held)"
        " SELECT transaction_id, 'duplicate', url, fields, transport, due_at, state, held"
        " FROM notifications WHERE id = ? AND state = 'pending'",
        (number,),
    )
    if not copied.rowcount:
        raise NotPending(number)


def _change(db: sqlite3.Connection, number: int, what: str, value: str) -> None:
    changed = db.execute(
        f"UPDATE notifications SET {what} WHERE id = ? AND state = 'pending'",  # noqa: S608 - from the lines above
        (value, number),
    )
    if not changed.rowcount:
        raise NotPending(number)


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
                "held": bool(row["held"]),
                "dropped_by": row["dropped_by"],
                "attempts": [dict(attempt) for attempt in attempts],
            }
        )
    return told
