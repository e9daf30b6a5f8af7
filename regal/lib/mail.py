"""Send one e-mail. Call it from a job, never from a request: a mail server that is away must lose nothing."""

from email.utils import formataddr

from django.conf import settings
from django.core.mail import EmailMessage


def send(*, to: str, subject: str, text: str, sender: str = "", reply_to: str = "") -> None:
    """Plain text, from `REGAL_MAIL_FROM` under the name `sender`. Raises OSError, SMTPException."""
    EmailMessage(
        subject=" ".join(subject.split()),
        body=text,
        from_email=formataddr((sender, settings.DEFAULT_FROM_EMAIL)) if sender else settings.DEFAULT_FROM_EMAIL,
        to=[to],
        reply_to=[reply_to] if reply_to else None,
    ).send()
