"""Sending e-mails: a durable outbox and its transports."""

import smtplib
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from regal_sandbox.journal import record
from regal_sandbox.outbox import Outbox
from regal_sandbox.store import stamp
from regal_sandbox.world import World

MailTransport = Callable[[EmailMessage], None]  # any exception means: not sent

MAX_TRIES = 8


def smtp_transport(host: str, port: int, *, timeout_seconds: float = 10.0) -> MailTransport:
    """Plain SMTP, without TLS nor login: meant for a sink."""

    def send(message: EmailMessage) -> None:
        with smtplib.SMTP(host, port, timeout=timeout_seconds) as connection:
            connection.send_message(message)

    return send


class MailOutbox(Outbox):
    """Sends due e-mails; tries again after 1, 2, 4… seconds, at most `MAX_TRIES` times."""

    table = "outgoing_mails"

    def __init__(self, world: World, transport: MailTransport) -> None:
        super().__init__(world)
        self._transport = transport

    def send(self, row: sqlite3.Row) -> None:
        message = message_from_bytes(row["raw"], policy=SMTP)
        tries, error, state, due = row["tries"] + 1, None, "sent", row["due_at"]
        try:
            self._transport(message)
        except Exception as problem:  # a mail server that is down or refuses is an outcome to note, not a crash
            error = f"{type(problem).__name__}: {problem}"
            state = "failed" if tries >= MAX_TRIES else "pending"
            due = stamp(self.world.now() + timedelta(seconds=2 ** (tries - 1)))
        with self.world.store.transaction() as db:
            db.execute(
                "UPDATE outgoing_mails SET state = ?, tries = ?, due_at = ?, error = ? WHERE id = ?",
                (state, tries, due, error, row["id"]),
            )
            told = {"to": row["recipient"], "subject": str(message["Subject"]), "try": tries, "error": error}
            of = db.execute("SELECT numcli FROM transactions WHERE id = ?", (row["transaction_id"],)).fetchone()
            if of is not None:  # else it is of Paybox, or the sandbox was reset meanwhile
                record(self.world, db, "mail_sent", told, numcli=of["numcli"], transaction=row["transaction_id"])
            of = db.execute("SELECT merchant FROM paybox_payments WHERE id = ?", (row["payment_id"],)).fetchone()
            if of is not None:
                record(self.world, db, "mail_sent", told, numcli=of["merchant"], payment=row["payment_id"])


def list_outgoing(db: sqlite3.Connection, transaction_id: int) -> list[dict[str, Any]]:
    rows = db.execute(
        "SELECT id, recipient, state, tries, error FROM outgoing_mails WHERE transaction_id = ? ORDER BY id",
        (transaction_id,),
    )
    return [dict(row) for row in rows]
