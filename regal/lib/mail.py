"""Send one e-mail. Call it from a job, never from a request: a mail server that is away must lose nothing.

MailFailure
├── NotTaken        the server was not reached, or said no for now: nothing left, try again
│   └── BadAddress  it will never take anything for this address
└── PerhapsTaken    the connection broke once the letter was leaving: nobody knows
"""

import re
import smtplib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.smtp import EmailBackend

from regal.lib import tokens


class MailFailure(Exception):
    """`code` is stable and names nobody; what the server wrote is dropped, because it repeats the address."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NotTaken(MailFailure):
    pass


class BadAddress(NotTaken):
    pass


class PerhapsTaken(MailFailure):
    pass


@dataclass(frozen=True, kw_only=True)
class Attachment:
    name: str
    content: bytes
    content_type: str


class _Noting(smtplib.SMTP):
    """Remembers whether the letter itself began to leave: what breaks before that was certainly not taken."""

    letter_left = False

    def data(self, msg: Any) -> Any:
        self.letter_left = True
        return super().data(msg)


class _NotingSsl(_Noting, smtplib.SMTP_SSL):
    pass


class SmtpBackend(EmailBackend):
    """Django's own, on a connection that notes how far it came."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _NotingSsl if self.use_ssl else _Noting


def new_message_id() -> str:
    """A Message-ID of ours, to be kept and used again at each try."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{tokens.new_token()}@{domain}>"


def send(
    *,
    to: str,
    subject: str,
    text: str,
    sender: str = "",
    reply_to: str = "",
    html: str = "",
    attachments: Sequence[Attachment] = (),
    message_id: str = "",
) -> None:
    """From `REGAL_MAIL_FROM` under the name `sender`: plain text, and the same as `html`. Raises MailFailure."""
    sender = _in_one_line(sender)
    message = EmailMultiAlternatives(
        subject=_in_one_line(subject),
        body=text,
        from_email=formataddr((sender, settings.DEFAULT_FROM_EMAIL)) if sender else settings.DEFAULT_FROM_EMAIL,
        to=[to],
        reply_to=[reply_to] if reply_to else None,
        headers={"Auto-Submitted": "auto-generated"} | ({"Message-ID": message_id} if message_id else {}),
    )
    if html:
        message.attach_alternative(html, "text/html")
    for one in attachments:
        message.attach(one.name, one.content, one.content_type)
    connection = get_connection()
    try:
        connection.open()
        connection.send_messages([message])
    except smtplib.SMTPRecipientsRefused as refused:
        code, told = next(iter(refused.recipients.values()))
        raise (BadAddress if _is_final(code, told) else NotTaken)(f"smtp_{code}") from None
    except smtplib.SMTPResponseException as answer:
        raise NotTaken(f"smtp_{answer.smtp_code}") from None
    except OSError as failure:  # smtplib's own exceptions are OSErrors too
        has_left = getattr(getattr(connection, "connection", None), "letter_left", False)
        raise (PerhapsTaken if has_left else NotTaken)(type(failure).__name__) from None
    finally:
        with suppress(OSError):
            connection.close()


def _in_one_line(text: str) -> str:
    """No header has a line's end; spaces that do not break stay."""
    return re.sub(r"[\x00-\x20]+", " ", text).strip()


def _is_final(code: int, told: bytes | str) -> bool:
    """5xx, unless it speaks of our right to send (5.7): that is a setting to mend, and the address may be good."""
    words = told.decode("utf-8", "replace") if isinstance(told, bytes) else told
    return 500 <= code < 600 and not words.lstrip().startswith("5.7.")
