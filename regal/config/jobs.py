"""What a worker can do: the effects' handlers by name, and the duties that come round."""

import logging
import time
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connections
from procrastinate.contrib.django import app

from regal.agenda.operations import CARRY, QUEUE, Handler, carry, stuck, sweep
from regal.audit.operations import keep_run, record_on_platform
from regal.backoffice import letters
from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_case
from regal.collectivites.models import Collectivite
from regal.lib.tenancy import tenant
from regal.payments import operations as payments
from regal.people.sessions import purge_sessions
from regal.proof.operations import verify

logger = logging.getLogger("regal.proof")

HANDLERS: dict[str, Handler] = {
    payments.JUDGE_MESSAGE: payments.judge_message,
    payments.PRESUME_SILENT: payments.presume_silent,
    payments.SEAL_EVIDENCE: payments.seal_evidence,
    letters.SEND_INVITATION: letters.send_invitation,
    letters.SEND_LETTER: letters.send_letter,
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
    now = clock()
    erased = 0
    for collectivite in Collectivite.objects.all():
        with tenant(collectivite):
            erased += payments.purge_inbox(before=now - timedelta(days=settings.INBOX_DAYS))
    record_on_platform(action="purge_inbox", subject=f"messages {erased}", now=now)


@app.periodic(cron="40 3 * * *")
@app.task(name="regal.purge_sessions", queue=QUEUE, queueing_lock="regal.purge_sessions")
def purge_old_sessions(timestamp: int) -> None:
    """Sessions that are over say where somebody worked, and when: they go."""
    now = clock()
    record_on_platform(action="purge_sessions", subject=f"sessions {purge_sessions(now=now)}", now=now)


@app.periodic(cron="*/5 * * * *")
@app.task(name="regal.verify", queue=QUEUE, queueing_lock="regal.verify")
def verify_invariants(timestamp: int) -> None:
    """Run every invariant and keep what came out; each row that breaks one is an error in the log: numbers only."""
    now, started = clock(), time.perf_counter()
    try:
        report = verify(now=now)
    finally:
        connections["verify"].close()
    keep_run(
        at=now,
        invariants=report.invariants,
        rows=report.rows,
        broken=len(report.broken),
        milliseconds=int((time.perf_counter() - started) * 1000),
    )
    for row in report.broken:
        logger.error("broken invariant: %s", row)
