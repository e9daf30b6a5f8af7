"""What a worker can do: the effects' handlers by name, and the duties that come round."""

import logging
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connections
from procrastinate.contrib.django import app

from regal.agenda.operations import CARRY, QUEUE, Handler, carry, stuck, sweep
from regal.backoffice import routing, routing_letters
from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_case
from regal.collectivites.models import Collectivite
from regal.lib.tenancy import tenant
from regal.payments import operations as payments
from regal.proof.operations import verify

logger = logging.getLogger("regal.proof")

HANDLERS: dict[str, Handler] = {
    payments.JUDGE_MESSAGE: payments.judge_message,
    payments.PRESUME_SILENT: payments.presume_silent,
    payments.SEAL_EVIDENCE: payments.seal_evidence,
    routing.CARRY_OUT: routing.carry_out,
    routing.TELL_ASKED: routing_letters.tell_asked,
    routing.TELL_APPROVED: routing_letters.tell_approved,
    routing.TELL_CARRIED_OUT: routing_letters.tell_carried_out,
    routing.TELL_CANCELLED: routing_letters.tell_cancelled,
}


def clock() -> datetime:
    """The worker's one look at the time."""
    return datetime.now(UTC)


@app.task(name=CARRY, queue=QUEUE)
def carry_effect(effect_id: int) -> None:
    """Carry out one effect; the sweeper comes back to it if this fails."""
    carry(effect_id=effect_id, handlers=HANDLERS, now=clock())


@app.periodic(cron="* * * * * */10")
@app.task(name="regal.sweep", queue=QUEUE, queueing_lock="regal.sweep")
def sweep_due(timestamp: int) -> None:
    """Hand to the workers what is due and waits nowhere."""
    sweep(now=clock())


@app.periodic(cron="* * * * *")
@app.task(name="regal.report_stuck", queue=QUEUE, queueing_lock="regal.report_stuck")
def report_stuck_effects(timestamp: int) -> None:
    """What has failed again and again waits for a person, and goes on being tried."""
    now = clock()
    for effect in stuck():
        with tenant(effect.collectivite_id):
            open_case(
                collectivite_id=effect.collectivite_id,
                kind=CaseKind.STUCK_EFFECT,
                subject_kind="effect",
                subject_id=effect.pk,
                rule="report_stuck_effects",
                facts={"kind": effect.kind, "tries": effect.tries, "failure": effect.failure},
                now=now,
            )


@app.periodic(cron="30 3 * * *")
@app.task(name="regal.purge_inbox", queue=QUEUE, queueing_lock="regal.purge_inbox")
def purge_old_messages(timestamp: int) -> None:
    """Raw messages hold a payer's address: they go after `REGAL_INBOX_DAYS`, what they proved stays."""
    before = clock() - timedelta(days=settings.INBOX_DAYS)
    for collectivite in Collectivite.objects.all():
        with tenant(collectivite):
            payments.purge_inbox(before=before)


@app.periodic(cron="*/5 * * * *")
@app.task(name="regal.verify", queue=QUEUE, queueing_lock="regal.verify")
def verify_invariants(timestamp: int) -> None:
    """Run every invariant; each row that breaks one is an error in the log: numbers only, nothing personal."""
    try:
        report = verify(now=clock())
    finally:
        connections["verify"].close()
    for row in report.broken:
        logger.error("broken invariant: %s", row)
