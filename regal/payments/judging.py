"""What a message, an answer or a file line is worth: kept as evidence, then compared with its attempt.

`judge` alone decides whether it fits, and what it does. The caller has locked the attempt.
"""

import logging
from datetime import date, datetime, time, timedelta

from regal.agenda.operations import schedule
from regal.agenda.watches import hasten, watch
from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_case
from regal.gateways.base import Claims, Environment, Notice, Outcome, Rank
from regal.lib import paris
from regal.payments.attempt_cases import open_attempt_case, resolve_about
from regal.payments.models import Attempt, Evidence, InboxMessage, Settlement
from regal.payments.settling import confirm, settle
from regal.payments.shares import let_go
from regal.payments.signed import NOTHING, Weight, has_other_number, weigh
from regal.payments.states import ANSWERED, Event, State, next_state
from regal.payments.steps import advance

logger = logging.getLogger("regal.payments")

SEAL_EVIDENCE = "seal_evidence"
SEAL_HOUR = time(2)  # of the next day, Europe/Paris: well before 06:00
NOTIFICATION = "notification"
IMPOSSIBLE_MOMENT = "time_impossible"  # remarked
INQUIRY = "inquiry"  # where evidence comes from: our own question


def judge(
    *, attempt: Attempt, notice: Notice, digest: str, message: InboxMessage | None, source: str, now: datetime
) -> Evidence:
    """Keep what is said of an attempt, compare it with the attempt, and bring it up to date."""
    expected = claims_of(attempt)
    differences = [*notice.claims.differences_from(expected), *notice.contradicts]
    remarks = [*notice.remarks]
    if notice.claims.is_of_another_exercice(expected):
        remarks.append("exercice_differs")
    if notice.rank < Rank.ASKED and notice.occurred_at and not _is_possible(notice.occurred_at, attempt, now):
        remarks.append(IMPOSSIBLE_MOMENT)
    is_by_account = message is not None and message.attempt_id is None
    has_heard = _has_heard(attempt=attempt, notice=notice, digest=digest, source=source, is_by_account=is_by_account)
    weight = NOTHING
    if not has_heard and has_other_number(attempt=attempt, notice=notice):
        differences.append("transaction")
    if not has_heard and not differences and notice.rank is Rank.SIGNED:
        received_at = now if message is None else message.received_at
        weight, misfits = weigh(
            attempt=attempt,
            notice=notice,
            source=source,
            is_by_account=is_by_account,
            received_at=received_at,
            now=now,
        )
        differences += misfits
    if differences:
        verdict = Evidence.Verdict.DIFFERS
    elif has_heard:
        verdict = Evidence.Verdict.REPEATED
    else:
        verdict = Evidence.Verdict.FITS
    facts = {**notice.facts}
    if differences:
        facts["differs"] = " ".join(differences)
    if remarks:
        facts["remarks"] = " ".join(remarks)
    if weight.is_elsewhere:
        facts["elsewhere"] = "yes"
    if verdict == Evidence.Verdict.FITS and weight.asks:  # the watch before the evidence, as the checker does
        ask_soon(attempt=attempt, now=now)
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
        _suspect(attempt=attempt, evidence=evidence, differences=tuple(differences), now=now)
    elif verdict == Evidence.Verdict.FITS:
        if notice.rank is Rank.SIGNED:
            _believe(attempt=attempt, notice=notice, evidence=evidence, weight=weight, now=now)
        elif notice.rank < Rank.ASKED:
            _announce(attempt=attempt, notice=notice, evidence=evidence, now=now)
        else:
            _prove(attempt=attempt, notice=notice, evidence=evidence, now=now)
    return evidence


def _has_heard(*, attempt: Attempt, notice: Notice, digest: str, source: str, is_by_account: bool) -> bool:
    """Whether the very same was heard already; from a better witness it is news, or at the account's own address.

    Of our own questions only the last answer counts, about each transaction: refused, not known, and refused again is
    news. Nor do the same words say the same to two kinds of question: that it exists, then that it is paid.
    """
    heard = Evidence.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
    if source == INQUIRY:
        answers = heard.filter(source=INQUIRY)
        if notice.call:
            answers = answers.filter(facts__transaction=notice.transaction, facts__call=notice.call)
        last = answers.order_by("-pk").first()
        told = (Evidence.Verdict.FITS, Evidence.Verdict.REPEATED)
        if last is None or last.digest != digest or last.outcome != (notice.outcome or ""):
            return False
        return last.rank >= notice.rank and last.verdict in told
    if is_by_account:
        heard = heard.filter(message__isnull=False, message__attempt__isnull=True)
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
    attempt: Attempt | None,
    message: InboxMessage | None,
    verdict: Evidence.Verdict,
    facts: dict[str, str],
    digest: str,
    now: datetime,
    rank: Rank = Rank.UNPROVEN,
    outcome: Outcome | None = None,
    occurred_at: datetime | None = None,
    source: str = NOTIFICATION,
) -> Evidence:
    """Write down what was said. What is of no attempt of ours came to an account's own address, as a message."""
    about = attempt or message
    if about is None:
        raise TypeError("evidence is about an attempt, or about a message")
    received_at = now if message is None else message.received_at
    day = paris.today(now)  # the day of the judgement: a seal is never asked to name what was judged after it
    evidence = Evidence.objects.create(
        collectivite_id=about.collectivite_id,
        account_id=about.account_id,
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
    schedule_seal(collectivite_id=about.collectivite_id, day=day, now=now)
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


def _believe(*, attempt: Attempt, notice: Notice, evidence: Evidence, weight: Weight, now: datetime) -> None:
    """Do what a signed message that fits is worth: docs/decisions/0016."""
    if evidence.source == NOTIFICATION:
        resolve_about(attempt=attempt, kind=CaseKind.NOT_NOTIFIED, rule="judge", now=now)
    if attempt.status == State.PAID:
        _hear_after_paid(attempt=attempt, notice=notice, evidence=evidence, now=now)
    elif weight.settles:
        settle(
            attempt=attempt,
            evidence=evidence,
            transaction=notice.transaction or "",
            occurred_at=_believed_moment(notice, attempt, now),
            now=now,
        )
    elif _stands_already(attempt=attempt, notice=notice, evidence=evidence):
        pass
    elif notice.outcome in _NEGATIVE_EVENTS and attempt.status in ANSWERED:
        _deny(
            attempt=attempt,
            evidence=evidence,
            occurred_at=_believed_moment(notice, attempt, now),
            now=now,
            keeps_hold=weight.keeps_hold,
        )
    else:
        _announce(attempt=attempt, notice=notice, evidence=evidence, now=now)
    if weight.ends_hold:
        let_go(attempt)
    if weight.is_elsewhere:
        open_attempt_case(CaseKind.SAME_TRANSACTION, attempt, evidence, now)


def _stands_already(*, attempt: Attempt, notice: Notice, evidence: Evidence) -> bool:
    """Whether the attempt stands where this very call has put it: its other message, by the payer's browser or by
    Paybox, is evidence and no second event."""
    if not (notice.transaction and notice.call):
        return False
    if notice.outcome in _NEGATIVE_EVENTS and attempt.status in ANSWERED:
        stands = attempt.status == next_state(State(attempt.status), _NEGATIVE_EVENTS[notice.outcome])
    else:
        stands = attempt.announced == notice.outcome
    said = Evidence.objects.filter(
        collectivite=attempt.collectivite_id,
        attempt=attempt,
        verdict=Evidence.Verdict.FITS,
        rank=notice.rank,
        outcome=notice.outcome,
        facts__transaction=notice.transaction,
        facts__call=notice.call,
        pk__lt=evidence.pk,
    )
    return stands and said.exists()


def _hear_after_paid(*, attempt: Attempt, notice: Notice, evidence: Evidence, now: datetime) -> None:
    """A refusal of the very transaction that settled is contrary; one of another try on the same page says nothing."""
    if notice.outcome not in _NEGATIVE_EVENTS or notice.transaction is None:
        return
    settled = Settlement.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
    if settled.filter(transaction=notice.transaction).exists():
        occurred_at = _believed_moment(notice, attempt, now)
        advance(attempt=attempt, event=Event.CONTRADICTED, evidence=evidence, occurred_at=occurred_at, now=now)
        open_attempt_case(CaseKind.CONTRADICTION, attempt, evidence, now)


def _announce(*, attempt: Attempt, notice: Notice, evidence: Evidence, now: datetime) -> None:
    """Note what is said without proof. « payé » is not unsaid by a later, equally unproven « refusé »."""
    occurred_at = _believed_moment(notice, attempt, now)
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


def _believed_moment(notice: Notice, attempt: Attempt, now: datetime) -> datetime:
    told = notice.occurred_at
    return told if told is not None and _is_possible(told, attempt, now) else now


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
        elif attempt.is_provisional:
            confirm(attempt=attempt, now=now)
            if attempt.is_reversed:  # a person believed that this money never came
                open_attempt_case(CaseKind.CONTRADICTION, attempt, evidence, now)
    elif notice.outcome is Outcome.PAID:
        number = (notice.transaction or "") if notice.call else ""  # with its call alone, it never comes again
        settle(attempt=attempt, evidence=evidence, transaction=number, occurred_at=occurred_at, now=now)
    elif attempt.status in ANSWERED:
        _deny(attempt=attempt, evidence=evidence, occurred_at=occurred_at, now=now)


def _deny(
    *, attempt: Attempt, evidence: Evidence, occurred_at: datetime, now: datetime, keeps_hold: bool = False
) -> None:
    event = _NEGATIVE_EVENTS[Outcome(evidence.outcome)]
    advance(attempt=attempt, event=event, evidence=evidence, occurred_at=occurred_at, now=now, keeps_hold=keeps_hold)
    if event is Event.OUTCOME_UNKNOWN:
        open_attempt_case(CaseKind.UNKNOWN_OUTCOME, attempt, evidence, now)


def ask_soon(*, attempt: Attempt, now: datetime) -> None:
    """Have the gateway asked at once, also where nothing was awaited any more."""
    if not hasten(collectivite_id=attempt.collectivite_id, attempt_id=attempt.pk, at=now, reopen=True):
        watch(  # it left before anybody could be asked
            collectivite_id=attempt.collectivite_id,
            account_id=attempt.account_id,
            attempt_id=attempt.pk,
            due_at=now,
            now=now,
        )


_NEGATIVE_EVENTS = {
    Outcome.REFUSED: Event.REFUSED,
    Outcome.ABANDONED: Event.ABANDONED,
    Outcome.UNKNOWN: Event.OUTCOME_UNKNOWN,
}
