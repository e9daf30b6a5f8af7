"""Payments that a signature alone settled: confirmed by a file, or by a question; else they wait in a case."""

from datetime import datetime

from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_case
from regal.cases.queries import was_opened_since
from regal.lib import paris
from regal.lib.tenancy import HasKey
from regal.payments.accounts import gateway_of
from regal.payments.judging import ask_soon
from regal.payments.models import Attempt, Settlement
from regal.payments.steps import lock_attempt

WORKING_DAYS = 2


def confirmation_due_at(settled_at: datetime) -> datetime:
    """The end of the second working day after the one on which a payment was settled provisionally."""
    _, end = paris.day_bounds(paris.add_working_days(paris.today(settled_at), WORKING_DAYS))
    return end


def look_after_provisional(*, collectivite: HasKey, now: datetime) -> int:
    """Have what can be asked by now asked, and open a case for what has waited too long; how many are late."""
    late = 0
    waiting = Attempt.objects.of(collectivite).filter(is_provisional=True).select_related("account").order_by("pk")
    settled = dict(
        Settlement.objects.of(collectivite).filter(attempt__in=waiting).values_list("attempt_id", "recorded_at")
    )
    for attempt in waiting:
        if gateway_of(attempt.account).can_ask:
            _ask(attempt=attempt, now=now)
        if now >= confirmation_due_at(settled[attempt.pk]):
            late += 1
            _report(attempt=attempt, settled_at=settled[attempt.pk], now=now)
    return late


def _ask(*, attempt: Attempt, now: datetime) -> None:
    locked = lock_attempt(collectivite_id=attempt.collectivite_id, attempt_id=attempt.pk)
    if locked.is_provisional:
        ask_soon(attempt=locked, now=now)


def _report(*, attempt: Attempt, settled_at: datetime, now: datetime) -> None:
    """One case a payment, even if a person has closed it."""
    if was_opened_since(
        collectivite_id=attempt.collectivite_id,
        kind=CaseKind.NOT_CONFIRMED,
        subject_kind="attempt",
        subject_id=attempt.pk,
        since=settled_at,
    ):
        return
    open_case(
        collectivite_id=attempt.collectivite_id,
        kind=CaseKind.NOT_CONFIRMED,
        subject_kind="attempt",
        subject_id=attempt.pk,
        rule="look_after_provisional",
        facts={"since": settled_at.isoformat()},
        now=now,
    )
