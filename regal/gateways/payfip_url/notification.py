"""Reading what PayFiP sends in address mode: one flat, unsigned form (`docs/protocols/payfip.md`, "Notification").

How its fields are read, and the codes of Unreadable: `gateways/payfip_fields.py`.
"""

from regal.gateways.base import Message, Notice, Rank
from regal.gateways.payfip_fields import read_form, read_payment
from regal.gateways.payfip_url.codes import OUTCOMES, SAISIE_ENVIRONMENTS


def read_notification(message: Message) -> Notice:
    """Read a notification; it proves nothing. Raises Unreadable, and nothing else."""
    return read_payment(read_form(message), rank=Rank.UNPROVEN, outcomes=OUTCOMES, environments=SAISIE_ENVIRONMENTS)
