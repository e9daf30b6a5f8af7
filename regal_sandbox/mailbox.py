"""Every e-mail received, whoever sent it."""

import json
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from typing import Any

from regal_sandbox.journal import record
from regal_sandbox.store import moment, stamp
from regal_sandbox.world import World

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Attachment:
    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Mail:
    id: int
    received_at: datetime
    sender: str  # envelope
    recipients: tuple[str, ...]  # envelope
    raw: bytes

    def _message(self) -> EmailMessage:
        message = message_from_bytes(self.raw, policy=default_policy)
        assert isinstance(message, EmailMessage)
        return message

    def header(self, name: str) -> str:
        """A header made readable, on one line; empty when absent or past reading."""
        try:
            return _CONTROL.sub(" ", str(self._message().get(name, ""))).strip()
        except Exception:  # a malformed header must not hide the rest of the mailbox
            return ""

    @property
    def subject(self) -> str:
        return self.header("Subject")

    def _body(self, kind: str) -> str:
        part = self._message().get_body((kind,))
        if part is None:
            return ""
        try:
            return str(part.get_content())
        except (LookupError, UnicodeError, KeyError):  # unknown charset or transfer encoding
            payload = part.get_payload(decode=True)
            return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""

    @property
    def text(self) -> str:
        return self._body("plain")

    @property
    def html(self) -> str:
        return self._body("html")

    @property
    def attachments(self) -> list[Attachment]:
        found = []
        for number, part in enumerate(self._message().iter_attachments(), start=1):
            payload = part.get_payload(decode=True)
            name = _CONTROL.sub("", part.get_filename() or f"piece-{number}").replace("/", "_").replace("\\", "_")
            content = payload if isinstance(payload, bytes) else part.as_bytes()
            found.append(Attachment(name, part.get_content_type(), content))
        return found

    def summary(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "received_at": stamp(self.received_at),
            "sender": self.sender,
            "recipients": list(self.recipients),
            "from": self.header("From"),
            "to": self.header("To"),
            "subject": self.subject,
        }

    def to_json(self) -> dict[str, Any]:
        return self.summary() | {
            "text": self.text,
            "html": self.html,
            "attachments": [
                {"name": one.name, "content_type": one.content_type, "size": len(one.content)}
                for one in self.attachments
            ],
            "raw": self.raw.decode("utf-8", "replace"),
        }


def store_mail(world: World, *, sender: str, recipients: Sequence[str], raw: bytes) -> None:
    with world.store.transaction() as db:
        cursor = db.execute(
            "INSERT INTO mails (received_at, sender, recipients, raw) VALUES (?, ?, ?, ?)",
            (stamp(world.now()), sender, json.dumps(list(recipients)), raw),
        )
        mail = find_mail(db, int(cursor.lastrowid or 0))
        told = {"mail": mail.id, "from": sender, "to": ", ".join(recipients), "subject": mail.subject} if mail else {}
        record(world, db, "mail_received", told)


def find_mail(db: sqlite3.Connection, number: int) -> Mail | None:
    row = db.execute("SELECT * FROM mails WHERE id = ?", (number,)).fetchone()
    return _mail(row) if row else None


def list_mails(db: sqlite3.Connection, *, recipient: str | None = None, limit: int = 500) -> list[Mail]:
    """The newest first."""
    mails = [_mail(row) for row in db.execute("SELECT * FROM mails ORDER BY id DESC LIMIT ?", (limit,))]
    return [mail for mail in mails if recipient is None or recipient in mail.recipients]


def delete_mails(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM mails")


def _mail(row: sqlite3.Row) -> Mail:
    return Mail(
        id=row["id"],
        received_at=moment(row["received_at"]),
        sender=row["sender"],
        recipients=tuple(json.loads(row["recipients"])),
        raw=row["raw"],
    )
