"""Attempts whose gateway is asked until their end is known: when to ask next, and who is at it."""

from datetime import datetime

from django.db.models import F
from django.db.models.functions import Least

from regal.agenda.models import Watch


def watch(*, collectivite_id: int, account_id: int, attempt_id: int, due_at: datetime, now: datetime) -> None:
    """Own an attempt from now on, in the transaction that records it."""
    Watch.objects.create(
        collectivite_id=collectivite_id, account_id=account_id, attempt_id=attempt_id, due_at=due_at, created_at=now
    )


def hasten(*, collectivite_id: int, attempt_id: int, at: datetime) -> bool:
    """Ask sooner than planned; a watch that is closed stays closed. Whether one was open."""
    waiting = Watch.objects.filter(collectivite=collectivite_id, attempt_id=attempt_id, closed_at__isnull=True)
    return waiting.update(due_at=Least(F("due_at"), at)) > 0
