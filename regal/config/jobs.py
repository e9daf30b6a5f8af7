"""What a worker can do: the effects' handlers by name, and the duties that come round."""

import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from django.conf import settings
from django.db import connections
from procrastinate.contrib.django import app

from regal.agenda.operations import (
    CARRY,
    QUEUE,
    Handlers,
    Long,
    carry,
    done_among,
    has_kind,
    recovered_somewhere,
    stuck,
    sweep,
)
from regal.audit.operations import keep_run, record_on_platform
from regal.backoffice import letters, routing, routing_letters, titre_groups
from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_case, resolve
from regal.cases.queries import open_subjects
from regal.collectivites.models import Collectivite
from regal.lib.tenancy import tenant
from regal.notices import operations as notices
from regal.payments import operations as payments
from regal.payments.checker import check_due
from regal.payments.confirmation import look_after_provisional, report_unheard
from regal.payments.judging import SEAL_EVIDENCE
from regal.payments.queries import settled_titres, titres_being_paid
from regal.payments.schedule import DRAWS
from regal.payments.settling import SEND_TICKET
from regal.people.sessions import purge_sessions
from regal.proof.operations import verify
from regal.receipts import names
from regal.receipts import operations as receipts
from regal.reconciliation import operations as reconciliation
from regal.titres import imports
from regal.titres.importers.opening import open_file

logger = logging.getLogger("regal.proof")

QUESTIONS = "questions"  # a queue with its own places: gateways may be slow, and nothing else waits for them
ASK_FOR = timedelta(seconds=20)  # then the next round begins; a worker told to stop is patient for longer

HANDLERS: Handlers = {
    payments.JUDGE_MESSAGE: payments.judge_message,
    payments.PRESUME_SILENT: payments.presume_silent,
    SEAL_EVIDENCE: payments.seal_evidence,
    reconciliation.CONFIRM_FILE: reconciliation.confirm_file,
    imports.READ_IMPORT: Long(
        partial(imports.read, settled=settled_titres, paying=titres_being_paid, open_file=open_file)
    ),
    imports.WRITE_IMPORT: partial(imports.write, settled=settled_titres, paying=titres_being_paid),
    imports.UNDO_IMPORT: partial(imports.undo_asked, settled=settled_titres, paying=titres_being_paid),
    imports.FORGET_LINES: imports.forget_lines,
    notices.MAKE_BATCH: Long(notices.make_batch),
    letters.SEND_INVITATION: letters.send_invitation,
    letters.SEND_LETTER: letters.send_letter,
    titre_groups.CARRY_OUT: titre_groups.carry_out,
    SEND_TICKET: Long(receipts.send_ticket, longest_pause_seconds=receipts.LONGEST_PAUSE_SECONDS),
    receipts.SEND_COPY: Long(receipts.send_copy, longest_pause_seconds=receipts.LONGEST_PAUSE_SECONDS),
    routing.CARRY_OUT: routing.carry_out,
    routing.TELL_ASKED: routing_letters.tell_asked,
    routing.TELL_APPROVED: routing_letters.tell_approved,
    routing.TELL_CARRIED_OUT: routing_letters.tell_carried_out,
    routing.TELL_CANCELLED: routing_letters.tell_cancelled,
}

TICKETS = (SEND_TICKET, receipts.SEND_COPY)


def clock() -> datetime:
    """The worker's one look at the time."""
    return datetime.now(UTC)


@app.task(name=CARRY, queue=QUEUE)
def carry_effect(effect_id: int) -> None:
    """Carry out one effect; the sweeper comes back to it if this fails."""
    carry(effect_id=effect_id, handlers=HANDLERS, now=clock(), clock=clock)


@app.periodic(cron="* * * * * */10")
@app.task(name="regal.sweep", queue=QUEUE, queueing_lock="regal.sweep")
def sweep_due(timestamp: int) -> None:
    """Hand to the workers what is due and waits nowhere."""
    sweep(now=clock())


@app.periodic(cron="* * * * * */2")
@app.task(name="regal.check_gateways", queue=QUESTIONS, queueing_lock="regal.check_gateways")
def check_gateways(timestamp: int) -> None:
    """Ask the gateways what is due. As many rounds as the queue has places run at the same time."""
    check_due(clock=clock, draw=lambda: random.randrange(DRAWS), lasting=ASK_FOR)  # noqa: S311 - spreading, no secret


@app.periodic(cron="* * * * *")
@app.task(name="regal.report_stuck", queue=QUEUE, queueing_lock="regal.report_stuck")
def report_stuck_effects(timestamp: int) -> None:
    """What has failed again and again waits for a person, and goes on being tried; once done, its case closes."""
    now = clock()
    rule = "report_stuck_effects"
    for effect in stuck():
        with tenant(effect.collectivite_id):
            if effect.kind in TICKETS and has_kind(
                open_subjects(collectivite_id=effect.collectivite_id, kind=CaseKind.STUCK_EFFECT), TICKETS
            ):
                continue  # the mail is away for all of them: one case says it
            open_case(
                collectivite_id=effect.collectivite_id,
                kind=CaseKind.STUCK_EFFECT,
                subject_kind="effect",
                subject_id=effect.pk,
                rule=rule,
                facts={"kind": effect.kind, "tries": effect.tries, "failure": effect.failure},
                now=now,
            )
    for collectivite_id in recovered_somewhere():
        with tenant(collectivite_id):
            waiting = open_subjects(collectivite_id=collectivite_id, kind=CaseKind.STUCK_EFFECT)
            if waiting:
                resolve(
                    collectivite_id=collectivite_id,
                    kind=CaseKind.STUCK_EFFECT,
                    subject_kind="effect",
                    subject_ids=done_among(waiting),
                    rule=rule,
                    now=now,
                )


T = TypeVar("T")


def _in_every_town(do: Callable[[Collectivite], T]) -> list[T]:
    """Do something in each collectivité, as its tenant; otherwise as `_for_every_town`."""

    def do_inside(town: Collectivite) -> T:
        with tenant(town):
            return do(town)

    return _for_every_town(do_inside)


def _for_every_town(do: Callable[[Collectivite], T]) -> list[T]:
    """Do something for each collectivité; one that fails does not starve the others. Raises its failure at the end."""
    done: list[T] = []
    failure: Exception | None = None
    for collectivite in Collectivite.objects.order_by("pk"):
        try:
            done.append(do(collectivite))
        except Exception as error:
            logger.error("duty failed in collectivité %s: %s", collectivite.pk, type(error).__name__)
            failure = error
    if failure is not None:
        raise failure
    return done


@app.periodic(cron="30 3 * * *")
@app.task(name="regal.purge_inbox", queue=QUEUE, queueing_lock="regal.purge_inbox")
def purge_old_messages(timestamp: int) -> None:
    """Raw messages hold a payer's address: they go after `REGAL_INBOX_DAYS`, what they proved stays."""
    now = clock()
    before = now - timedelta(days=settings.INBOX_DAYS)
    erased = sum(_in_every_town(lambda town: payments.purge_inbox(before=before)))
    record_on_platform(action="purge_inbox", subject=f"messages {erased}", now=now)


@app.periodic(cron="55 3 * * *")
@app.task(name="regal.purge_names", queue=QUEUE, queueing_lock="regal.purge_names", lock="regal.purge_names")
def purge_old_names(timestamp: int) -> None:
    """Who owed what, once it has ended, goes after `REGAL_DEBTOR_YEARS`; quittances and payers have classes."""
    now = clock()
    erased = _for_every_town(
        lambda town: names.erase_names(
            collectivite=town,
            debtor_years=settings.DEBTOR_YEARS,
            quittance_years=settings.QUITTANCE_YEARS,
            payer_months=settings.PAYER_MONTHS,
            now=now,
        )
    )
    record_on_platform(action="purge_names", subject=f"names {sum(one.whole for one in erased)}", now=now)


@app.periodic(cron="40 3 * * *")
@app.task(name="regal.purge_sessions", queue=QUEUE, queueing_lock="regal.purge_sessions")
def purge_old_sessions(timestamp: int) -> None:
    """Sessions that are over say where somebody worked, and when: they go."""
    now = clock()
    record_on_platform(action="purge_sessions", subject=f"sessions {purge_sessions(now=now)}", now=now)


@app.periodic(cron="20 * * * *")
@app.task(name="regal.look_for_absent", queue=QUEUE, queueing_lock="regal.look_for_absent")
def look_for_absent_payments(timestamp: int) -> None:
    """What was announced paid and stands in no file waits for a person, once the file of its day has come."""
    _in_every_town(lambda town: reconciliation.open_absences(collectivite=town, now=clock()))


@app.periodic(cron="25 * * * *")
@app.task(name="regal.look_after_provisional", queue=QUEUE, queueing_lock="regal.look_after_provisional")
def look_after_provisional_payments(timestamp: int) -> None:
    """What a signature alone settled is asked about where it can be; after two working days it waits for a person."""
    _for_every_town(lambda town: look_after_provisional(collectivite=town, now=clock()))


@app.periodic(cron="28 * * * *")
@app.task(name="regal.report_unheard", queue=QUEUE, queueing_lock="regal.report_unheard")
def report_unheard_payments(timestamp: int) -> None:
    """What only the browser brought, signed paid, and no remise has settled, waits for a person too."""
    _for_every_town(lambda town: report_unheard(collectivite=town, now=clock()))


@app.periodic(cron="40 3 * * *")
@app.task(name="regal.tidy_files", queue=QUEUE, queueing_lock="regal.tidy_files")
def tidy_files(timestamp: int) -> None:
    """Files name debtors: drafts that nobody confirmed go, and so do the bytes of those done long ago."""
    _in_every_town(lambda town: reconciliation.tidy(collectivite=town, now=clock()))


@app.periodic(cron="45 3 * * *")
@app.task(name="regal.tidy_imports", queue=QUEUE, queueing_lock="regal.tidy_imports")
def tidy_imports(timestamp: int) -> None:
    """Imports name debtors: those that nobody confirmed go, and so do the lines of those done 30 days ago."""
    _in_every_town(lambda town: imports.tidy(collectivite=town, now=clock()))


@app.periodic(cron="50 * * * *")
@app.task(name="regal.tidy_notices", queue=QUEUE, queueing_lock="regal.tidy_notices")
def tidy_notices(timestamp: int) -> None:
    """Notices hold names and addresses: their files go after seven days."""
    _in_every_town(lambda town: notices.tidy(collectivite=town, now=clock()))


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
    for row in report.late:
        logger.warning("late: %s", row)
