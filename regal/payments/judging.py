"""What a message, an answer or a file line is worth: kept as evidence, then compared with its attempt.

`judge` alone decides whether it fits, and what it does. The caller has locked the attempt.
"""

import logging
from datetime import date, datetime, time, timedelta

from regal.agenda.operations import schedule
from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_case
from regal.gateways.base import Claims, Environment, Notice, Outcome, Rank
from regal.lib import paris
from regal.payments.attempt_cases import open_attempt_case
from regal.payments.models import Attempt, Evidence, InboxMessage
from regal.payments.settling import settle
from regal.payments.states import ANSWERED, Event, State
from regal.payments.steps import advance

logger = logging.getLogger("regal.payments")

SEAL_EVIDENCE = "seal_evidence"
SEAL_HOUR = time(2)  # of the next day, Europe/Paris: well before 06:00
INQUIRY = "inquiry"  # where evidence comes from: our own question


def judge(
    *, attempt: Attempt, notice: Notice, digest: str, message: InboxMessage | None, source: str, now: datetime
) -> Evidence:
    expected = claims_of(attempt)
    differences = (*notice.claims.differences_from(expected), *notice.contradicts)
    remarks = [*notice.remarks]
    if notice.claims.is_of_another_exercice(expected):
        remarks.append("exercice_differs")
    if notice.rank < Rank.ASKED and notice.occurred_at and not _is_possible(notice.occurred_at, attempt, now):
        remarks.append("time_impossible")
    if differences:
        verdict = Evidence.Verdict.DIFFERS
    elif _has_heard(attempt=attempt, notice=notice, digest=digest, source=source):
        verdict = Evidence.Verdict.REPEATED
    else:
        verdict = Evidence.Verdict.FITS
    facts = {**notice.facts}
    if differences:
        facts["differs"] = " ".join(differences)
    if remarks:
        facts["remarks"] = " ".join(remarks)
    evidence = keep(
        attempt=attempt,
        message=message,
        verdict=verdict,
        facts=facts,
        digest=digest,
        now=now,
        rank=notice.rank,
        outcome=notice.outcome,
        occurred_at=notice.occurred_at,
        source=source,
    )
    if verdict == Evidence.Verdict.DIFFERS:
        _suspect(attempt=attempt, evidence=evidence, differences=differences, now=now)
    elif verdict == Evidence.Verdict.FITS:
        if notice.rank < Rank.ASKED:
            _announce(attempt=attempt, notice=notice, evidence=evidence, now=now)
        else:
            _prove(attempt=attempt, notice=notice, evidence=evidence, now=now)
    return evidence


def _has_heard(*, attempt: Attempt, notice: Notice, digest: str, source: str) -> bool:
    """Whether the very same was heard already; from a better witness it is news.

    Of our own questions only the last answer counts: refused, not known, and refused again is news.
    """
    heard = Evidence.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
    if source == INQUIRY:
        last = heard.filter(source=INQUIRY).order_by("-pk").first()
        told = (Evidence.Verdict.FITS, Evidence.Verdict.REPEATED)
        return last is not None and last.digest == digest and last.rank >= notice.rank and last.verdict in told
    return heard.filter(digest=digest, verdict=Evidence.Verdict.FITS, rank__gte=notice.rank).exists()


def claims_of(attempt: Attempt) -> Claims:
    return Claims(
        account_identifier=attempt.account.identifier,
        debt_reference=attempt.debt_reference,
        exercice=attempt.exercice,
        amount=attempt.amount,
        environment=Environment(attempt.environment),
    )


def keep(
    *,
    attempt: Attempt,
    message: InboxMessage | None,
    verdict: Evidence.Verdict,
    facts: dict[str, str],
    digest: str,
    now: datetime,
    rank: Rank = Rank.UNPROVEN,
    outcome: Outcome | None = None,
    occurred_at: datetime | None = None,
    source: str = "notification",
) -> Evidence:
    received_at = now if message is None else message.received_at
    day = paris.today(now)  # the day of the judgement: a seal is never asked to name what was judged after it
    evidence = Evidence.objects.create(
        collectivite_id=attempt.collectivite_id,
        account_id=attempt.account_id,
        attempt=attempt,
        message=message,
        source=source,
        rank=rank,
        verdict=verdict,
        outcome=outcome or "",
        facts=facts,
        digest=digest,
        occurred_at=occurred_at,
        received_at=received_at,
        judged_day=day,
    )
    schedule_seal(collectivite_id=attempt.collectivite_id, day=day, now=now)
    return evidence


def schedule_seal(*, collectivite_id: int, day: date, now: datetime) -> None:
    due_at = paris.at(day + timedelta(days=1), SEAL_HOUR)
    schedule(collectivite_id=collectivite_id, kind=SEAL_EVIDENCE, subject_id=day.toordinal(), due_at=due_at, now=now)


def _suspect(*, attempt: Attempt, evidence: Evidence, differences: tuple[str, ...], now: datetime) -> None:
    """One case an attempt; the same bytes again open no second one once a person has closed the first."""
    already = Evidence.objects.filter(
        collectivite=attempt.collectivite_id,
        attempt=attempt,
        digest=evidence.digest,
        verdict=Evidence.Verdict.DIFFERS,
        rank__gte=evidence.rank,
        pk__lt=evidence.pk,
    )
    if already.exists():
        return
    open_case(
        collectivite_id=attempt.collectivite_id,
        kind=CaseKind.OTHER_PAYMENT,
        subject_kind="attempt",
        subject_id=attempt.pk,
        rule="apply_notice",
        facts={"evidence": evidence.pk, "differs": list(differences), "rank": evidence.rank},
        now=now,
    )
    if evidence.rank < Rank.ASKED:
        logger.warning("security: notification differs from attempt %s: %s", attempt.pk, " ".join(differences))


def _announce(*, attempt: Attempt, notice: Notice, evidence: Evidence, now: datetime) -> None:
    """Note what is said without proof. « payé » is not unsaid by a later, equally unproven « refusé »."""
    occurred_at = notice.occurred_at if notice.occurred_at and _is_possible(notice.occurred_at, attempt, now) else now
    advance(
        attempt=attempt,
        event=Event.ANNOUNCED,
        evidence=evidence,
        occurred_at=occurred_at,
        now=now,
        outcome=notice.outcome,
    )
    if attempt.announced != Outcome.PAID:
        attempt.announced, attempt.announced_at = notice.outcome, occurred_at
        attempt.save(update_fields=["announced", "announced_at"])


def _is_possible(told: datetime, attempt: Attempt, now: datetime) -> bool:
    """Whether an unproven message may be believed about its hour: else its sender would choose which file covers it."""
    left = attempt.handed_off_at or attempt.created_at
    return left - timedelta(hours=2) <= told <= now + timedelta(minutes=10)


def _prove(*, attempt: Attempt, notice: Notice, evidence: Evidence, now: datetime) -> None:
    occurred_at = notice.occurred_at or now
    if notice.outcome in (Outcome.PENDING, Outcome.FORGOTTEN):  # when it is said decides: `hear_answer`
        return
    if attempt.status == State.PAID:
        agrees = notice.outcome is Outcome.PAID
        event = Event.CONFIRMED if agrees else Event.CONTRADICTED
        advance(attempt=attempt, event=event, evidence=evidence, occurred_at=occurred_at, now=now)
        if not agrees:
            open_attempt_case(CaseKind.CONTRADICTION, attempt, evidence, now)
    elif notice.outcome is Outcome.PAID:
        settle(attempt=attempt, evidence=evidence, occurred_at=occurred_at, now=now)
    elif attempt.status in ANSWERED:
        event = _NEGATIVE_EVENTS[notice.outcome]
        advance(attempt=attempt, event=event, evidence=evidence, occurred_at=occurred_at, now=now)
        if event is Event.OUTCOME_UNKNOWN:
            open_attempt_case(CaseKind.UNKNOWN_OUTCOME, attempt, evidence, now)


_NEGATIVE_EVENTS = {
    Outcome.REFUSED: Event.REFUSED,
    Outcome.ABANDONED: Event.ABANDONED,
    Outcome.UNKNOWN: Event.OUTCOME_UNKNOWN,
}
