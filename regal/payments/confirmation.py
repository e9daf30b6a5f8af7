"""Payments that a signature alone settled: confirmed by a file, or by a question; else they wait in a case."""

import logging
from datetime import datetime

from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_case
from regal.cases.queries import was_opened_since
from regal.lib import paris
from regal.lib.tenancy import HasKey, tenant
from regal.payments.accounts import gateway_of
from regal.payments.judging import ask_soon
from regal.payments.models import Settlement
from regal.payments.steps import lock_attempt

logger = logging.getLogger("regal.payments")

WORKING_DAYS = 2


def confirmation_due_at(settled_at: datetime) -> datetime:
    """The end of the second working day after the one on which a payment was settled provisionally."""
    _, end = paris.day_bounds(paris.add_working_days(paris.today(settled_at), WORKING_DAYS))
    return end


def look_after_provisional(*, collectivite: HasKey, now: datetime) -> int:
    """Open a case for what has waited too long, and have what can be asked by now asked; how many are late.

    Never call it inside a transaction: each attempt has its own, for who holds the watch of one must want no other
    attempt (docs/decisions/0014). One that makes us fail does not starve the others: its failure is raised at the end.
    """
    with tenant(collectivite):
        waiting = Settlement.objects.of(collectivite).filter(attempt__is_provisional=True).order_by("attempt_id")
        settled = list(waiting.values_list("attempt_id", "recorded_at"))
    late = 0
    failure: Exception | None = None
    for attempt_id, settled_at in settled:
        try:
            if now >= confirmation_due_at(settled_at):
                late += 1
                _report(collectivite=collectivite, attempt_id=attempt_id, settled_at=settled_at, now=now)
            _ask(collectivite=collectivite, attempt_id=attempt_id, now=now)
        except Exception as error:
            logger.error("provisional attempt %s failed: %s", attempt_id, type(error).__name__)
            failure = error
    if failure is not None:
        raise failure
    return late


def _ask(*, collectivite: HasKey, attempt_id: int, now: datetime) -> None:
    with tenant(collectivite):
        attempt = lock_attempt(collectivite_id=collectivite.pk, attempt_id=attempt_id)
        if attempt.is_provisional and gateway_of(attempt.account).can_ask:
            ask_soon(attempt=attempt, now=now)


def _report(*, collectivite: HasKey, attempt_id: int, settled_at: datetime, now: datetime) -> None:
    """One case a payment, even if a person has closed it."""
    with tenant(collectivite):
        attempt = lock_attempt(collectivite_id=collectivite.pk, attempt_id=attempt_id)
        if not attempt.is_provisional or was_opened_since(
            collectivite_id=collectivite.pk,
            kind=CaseKind.NOT_CONFIRMED,
            subject_kind="attempt",
            subject_id=attempt_id,
            since=settled_at,
        ):
            return
        open_case(
            collectivite_id=collectivite.pk,
            kind=CaseKind.NOT_CONFIRMED,
            subject_kind="attempt",
            subject_id=attempt_id,
            rule="look_after_provisional",
            facts={"since": settled_at.isoformat()},
            now=now,
        )
