"""How an attempt moves: `advance` alone follows an edge of the table, and each step is a row."""

from datetime import datetime

from regal.gateways.base import Outcome
from regal.payments.models import Attempt, AttemptEvent, Evidence
from regal.payments.shares import let_go
from regal.payments.states import LIVE, Event, State, next_state


def lock_attempt(*, collectivite_id: int, attempt_id: int) -> Attempt:
    """The attempt, locked until the end of the transaction: before its watch, its titre and the head of the books."""
    return (
        Attempt.objects.select_for_update(of=("self",), no_key=True)
        .select_related("account")
        .get(collectivite=collectivite_id, pk=attempt_id)
    )


def advance(
    *,
    attempt: Attempt,
    event: Event,
    evidence: Evidence | None,
    occurred_at: datetime,
    now: datetime,
    outcome: Outcome | None = None,
    keeps_hold: bool = False,
) -> None:
    """Follow one edge of the table; the attempt is locked by the caller. Raises ForbiddenTransition.

    `keeps_hold`: its payer may try again where he is, until the hold is over.
    """
    before = State(attempt.status)
    after = next_state(before, event)
    number = AttemptEvent.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt).count() + 1
    note(
        attempt=attempt,
        event=event,
        number=number,
        before=before,
        evidence=evidence,
        occurred_at=occurred_at,
        now=now,
        outcome=outcome,
    )
    if after != before:
        attempt.status = after
        attempt.save(update_fields=["status"])
    is_over = before in LIVE and after not in LIVE and not keeps_hold
    if is_over or event is Event.SETTLED:
        let_go(attempt)


def note(
    *,
    attempt: Attempt,
    event: Event,
    number: int,
    before: State | None,
    occurred_at: datetime,
    now: datetime,
    evidence: Evidence | None = None,
    outcome: Outcome | None = None,
) -> None:
    AttemptEvent.objects.create(
        collectivite_id=attempt.collectivite_id,
        attempt=attempt,
        number=number,
        event=event,
        from_state=before or "",
        to_state=next_state(before, event),
        outcome=outcome or "",
        evidence=evidence,
        occurred_at=occurred_at,
        recorded_at=now,
    )
