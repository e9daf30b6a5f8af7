"""A pretend PayFiP and a pretend Paybox, with a mailbox and two demo town sites, for whoever connects to the real ones.

It is a product of its own: it imports nothing of the programs it tests. Start it as a program (`regal-sandbox`) or hold
it in process:

    sandbox = regal_sandbox.create(send_notification=my_transport)
    sandbox.pages, sandbox.control, sandbox.towns  # WSGI applications
    sandbox.deliver_due()                          # send what is due now

See `regal_sandbox/README.md`.
"""

from regal_sandbox.config import Config, load_config
from regal_sandbox.mail import MailTransport
from regal_sandbox.notifications import Answer, NotificationRequest, NotificationTransport
from regal_sandbox.sandbox import Sandbox, create

__all__ = [
    "Answer",
    "Config",
    "MailTransport",
    "NotificationRequest",
    "NotificationTransport",
    "Sandbox",
    "create",
    "load_config",
]
