"""Payments that a signature alone settled: confirmed by a file, or by a question; else they wait in a case."""

import logging
from datetime import datetime

from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_once
from regal.collectivites.models import GatewayAccount
from regal.gateways.base import Rank
from regal.lib import paris
from regal.lib.tenancy import HasKey, tenant
from regal.payments.accounts import gateway_of
from regal.payments.judging import ask_soon
from regal.payments.models import Attempt, AttemptEvent, Settlement
from regal.payments.standing import Standing
from regal.payments.states import Event, State
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
        waiting = Settlement.objects.of(collectivite).filter(attempt__is_provisional=True, attempt__is_reversed=False)
        settled = list(waiting.order_by("attempt_id").values_list("attempt_id", "recorded_at"))
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
        if attempt.is_provisional and gateway_of(attempt.account).can_ask and not _is_denied(attempt):
            ask_soon(attempt=attempt, now=now)


def _is_denied(attempt: Attempt) -> bool:
    """Whether an answer or a file has said the contrary: it waits for a person, and asking again would say no more."""
    denied = AttemptEvent.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
    return denied.filter(event=Event.CONTRADICTED, evidence__rank__gte=Rank.ASKED).exists()


def report_unheard(*, collectivite: HasKey, now: datetime) -> int:
    """Open a case for what was signed paid, whom nobody can be asked about, and nothing has settled; how many are late.

    The browser brought it and the call was lost; after two working days a remise should have told. As
    `look_after_provisional`, never call it inside a transaction.
    """
    with tenant(collectivite):
        accounts = list(GatewayAccount.objects.of(collectivite).order_by("pk"))
    late = 0
    failure: Exception | None = None
    for account in accounts:
        try:
            with tenant(collectivite):
                gateway = gateway_of(account)
            if gateway.signed and not gateway.can_ask:
                late += _report_unheard_of(account=account, now=now)
        except Exception as error:
            logger.error("account %s failed: %s", account.pk, type(error).__name__)
            failure = error
    if failure is not None:
        raise failure
    return late


def _report_unheard_of(*, account: GatewayAccount, now: datetime) -> int:
    with tenant(account.collectivite_id):
        announced = Attempt.objects.filter(collectivite=account.collectivite_id, standing=Standing.ANNOUNCED_PAID)
        told = list(announced.filter(account=account).order_by("pk").values_list("pk", "announced_at"))
    late = [attempt_id for attempt_id, told_at in told if told_at and now >= confirmation_due_at(told_at)]
    for attempt_id in late:
        with tenant(account.collectivite_id):
            attempt = lock_attempt(collectivite_id=account.collectivite_id, attempt_id=attempt_id)
            if attempt.status != State.PAID:
                _open_once(attempt=attempt, kind=CaseKind.NOT_NOTIFIED, since=attempt.created_at, now=now)
    return len(late)


def _report(*, collectivite: HasKey, attempt_id: int, settled_at: datetime, now: datetime) -> None:
    with tenant(collectivite):
        attempt = lock_attempt(collectivite_id=collectivite.pk, attempt_id=attempt_id)
        if attempt.is_provisional and not attempt.is_reversed:
            _open_once(attempt=attempt, kind=CaseKind.NOT_CONFIRMED, since=settled_at, now=now)


def _open_once(*, attempt: Attempt, kind: CaseKind, since: datetime, now: datetime) -> None:
    """One case a payment, even if a person has closed it."""
    open_once(
        collectivite_id=attempt.collectivite_id,
        kind=kind,
        subject_kind="attempt",
        subject_id=attempt.pk,
        rule="look_after_provisional",
        facts={"since": since.isoformat()},
        since=since,
        now=now,
    )
