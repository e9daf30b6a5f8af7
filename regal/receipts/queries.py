"""Questions about tickets. Call them inside `tenant()`."""

from datetime import datetime, timedelta

from regal.agenda.models import Effect
from regal.payments.models import Attempt, Payer, Settlement
from regal.payments.settling import SEND_TICKET
from regal.receipts.models import Kind, Ticket

COPIES_AN_HOUR = 3
COPIES_A_DAY = 6  # by the payer
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def tickets_of(attempt: Attempt) -> list[Ticket]:
    """The first ticket of an attempt, then its copies in order."""
    found = Ticket.objects.filter(collectivite=attempt.collectivite_id, settlement__attempt=attempt)
    return sorted(found.select_related("asked_by"), key=lambda ticket: (ticket.is_copy, ticket.pk))


def owed_since(attempt: Attempt) -> datetime | None:
    """Since when its first ticket is due and no worker has looked at it; None where none is due."""
    settlement = Settlement.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt).first()
    if settlement is None:
        return None
    due = Effect.objects.filter(
        collectivite=attempt.collectivite_id, kind=SEND_TICKET, subject_id=settlement.pk, done_at__isnull=True
    )
    return settlement.recorded_at if due.exists() else None


def address_of(attempt: Attempt) -> str:
    """Where to write; "" once purged."""
    payer = Payer.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
    return payer.values_list("email", flat=True).first() or ""


def copies_lately(ticket: Ticket, *, now: datetime) -> int:
    """How many copies were asked for within the hour, of the payment that a ticket is about."""
    copies = Ticket.objects.filter(
        collectivite=ticket.collectivite_id, settlement=ticket.settlement_id, kind=Kind.AGAIN, owed_at__gt=now - HOUR
    )
    return copies.count()


def copies_by_payer(ticket: Ticket, *, now: datetime) -> int:
    """How many copies its payer asked for within the day, of the payment that a ticket is about."""
    copies = Ticket.objects.filter(
        collectivite=ticket.collectivite_id,
        settlement=ticket.settlement_id,
        kind=Kind.AGAIN,
        asked_by__isnull=True,
        owed_at__gt=now - DAY,
    )
    return copies.count()
