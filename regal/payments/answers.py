"""What the answers to our own questions do to an attempt, which the caller has locked."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from regal.cases.models import Kind as CaseKind
from regal.cases.queries import was_decided
from regal.gateways.base import Key, Notice, Outcome, Question, Timing, Transaction
from regal.payments.attempt_cases import open_attempt_case, resolve_about
from regal.payments.judging import INQUIRY, claims_of, judge, keep
from regal.payments.models import Attempt, Evidence
from regal.payments.questions import (
    announced_payments,
    is_by_account,
    names_transaction,
    transaction_in,
)
from regal.payments.schedule import is_forgotten_too_early
from regal.payments.states import BEFORE_LEAVING, Event, State
from regal.payments.steps import advance

logger = logging.getLogger("regal.payments")


DIRECT_MAY_BE_LATE = timedelta(minutes=10)  # before a transaction that a signed message named must be known
MESSAGE_MAY_BE_LATE = timedelta(minutes=1)  # before a transaction that exists must have been told of


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What an answer was, once applied. `is_about`: one that contradicts the attempt says nothing of it."""

    is_about: bool
    ask_within: timedelta | None = None  # to be sure of what it seems to say


def hear_answer(
    *, attempt: Attempt, notice: Notice, timing: Timing, now: datetime, question: Question | None = None
) -> Heard:
    """Bring an attempt up to date with the answer to our own question; the caller has locked it.

    Not known yet, again and again, is kept once. A key forgotten while it could still open its page is impossible: it
    waits in a case. Forgotten later, nothing was begun that can still end.
    """
    pending = notice.outcome is Outcome.PENDING
    last_said = _last_answer(attempt=attempt, question=question)
    if not (pending and last_said is not None and _says_the_same(last_said, notice)):
        evidence = judge(
            attempt=attempt, notice=notice, digest=_digest_of_answer(notice), message=None, source=INQUIRY, now=now
        )
        if evidence.verdict == Evidence.Verdict.DIFFERS:
            return Heard(is_about=False)
        last_said = evidence
    assert last_said is not None
    known = notice.outcome not in (Outcome.PENDING, Outcome.FORGOTTEN)
    age = now - attempt.created_at
    if _is_impossible(attempt=attempt, question=question, notice=notice, timing=timing, now=now):
        _open_unless_decided(CaseKind.IMPOSSIBLE_ANSWER, attempt, last_said, now)
    elif notice.outcome is not Outcome.FORGOTTEN:
        resolve_about(attempt=attempt, kind=CaseKind.IMPOSSIBLE_ANSWER, now=now)
    if known or (pending and age < timing.gives_up):
        resolve_about(attempt=attempt, kind=CaseKind.NO_ANSWER, now=now)
    if _names_an_announced_one(attempt=attempt, question=question, notice=notice):
        return Heard(is_about=True, ask_within=timedelta(0))
    is_untold = _is_untold(attempt=attempt, question=question, notice=notice, now=now)
    if is_untold and now - last_said.received_at >= MESSAGE_MAY_BE_LATE:
        _open_unless_decided(CaseKind.NOT_NOTIFIED, attempt, last_said, now)
        is_untold = False
    may_be_paid = notice.facts.get("exists") == "yes" or attempt.announced == Outcome.PAID
    if not known and not may_be_paid and age >= timing.outcome:
        conclude(attempt=attempt, now=now)
    return Heard(is_about=True, ask_within=MESSAGE_MAY_BE_LATE if is_untold else None)


def _last_answer(*, attempt: Attempt, question: Question | None) -> Evidence | None:
    """The last one kept; where transactions are asked about, the last one to the same question."""
    said = Evidence.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt, source=INQUIRY)
    if question is not None and question.transaction is not None:
        said = said.filter(facts__transaction=question.transaction.number).exclude(facts__has_key="reference")
    elif question is not None and question.key is None:
        said = said.filter(facts__has_key="reference")
    return said.order_by("-pk").first()


def _says_the_same(last_said: Evidence, notice: Notice) -> bool:
    if last_said.facts.get("outcome_code") != notice.outcome_code:
        return False
    return all(last_said.facts.get(name) == notice.facts.get(name) for name in ("transaction", "call"))


def _open_unless_decided(kind: CaseKind, attempt: Attempt, said: Evidence, now: datetime) -> None:
    """The same answer again opens no case that a person has closed."""
    if not was_decided(
        collectivite_id=attempt.collectivite_id, kind=kind, subject_kind="attempt", subject_id=attempt.pk
    ):
        open_attempt_case(kind, attempt, said, now)


def _is_impossible(
    *, attempt: Attempt, question: Question | None, notice: Notice, timing: Timing, now: datetime
) -> bool:
    """Whether what certainly exists is said to be unknown: a young key, or a transaction signed a while ago."""
    if notice.outcome is Outcome.FORGOTTEN:
        return is_forgotten_too_early(created_at=attempt.created_at, timing=timing, now=now)
    if question is None or question.key is not None or notice.facts.get("exists") != "no":
        return False
    told = announced_payments(attempt=attempt)
    if question.transaction is not None:
        told = [one for one in told if transaction_in(one) == question.transaction]
    return any(now - one.received_at >= DIRECT_MAY_BE_LATE for one in told)


def _names_an_announced_one(*, attempt: Attempt, question: Question | None, notice: Notice) -> bool:
    """Whether an answer about our reference names what a signed message announced: its outcome is asked at once."""
    if question is None or question.transaction is not None or notice.facts.get("exists") != "yes":
        return False
    if attempt.status == State.PAID or notice.transaction is None or notice.call is None:
        return False
    named = Transaction(number=notice.transaction, call=notice.call)
    return any(transaction_in(one) == named for one in announced_payments(attempt=attempt))


def _is_untold(*, attempt: Attempt, question: Question | None, notice: Notice, now: datetime) -> bool:
    """Whether a transaction exists under our reference of which no signed message came.

    Also where a message announced one a while ago, and the answer names another, or no number at all.
    """
    if question is None or question.transaction is not None or notice.facts.get("exists") != "yes":
        return False
    if attempt.status == State.PAID:
        return False
    announced = announced_payments(attempt=attempt)
    is_unbound = any(now - one.received_at >= DIRECT_MAY_BE_LATE for one in announced if not is_by_account(one))
    return is_unbound or not names_transaction(attempt=attempt, transaction=notice.transaction)


def conclude(*, attempt: Attempt, now: datetime) -> None:
    """Nothing more is expected of the gateway; the caller has locked the attempt.

    It can still become PAID; one that is paid, or said not to be, stays as it is.
    """
    if attempt.status in BEFORE_LEAVING:
        advance(attempt=attempt, event=Event.NEVER_LEFT, evidence=None, occurred_at=now, now=now)
    elif attempt.status == State.HANDED_OFF:
        advance(attempt=attempt, event=Event.FELL_SILENT, evidence=None, occurred_at=now, now=now)


def never_started(*, attempt: Attempt, now: datetime) -> None:
    """Nobody waits for its key any more, so nobody can have left; the caller has locked the attempt."""
    if attempt.status == State.REQUESTED:
        advance(attempt=attempt, event=Event.NEVER_LEFT, evidence=None, occurred_at=now, now=now)


def hear_of_nudged_key(*, attempt: Attempt, key: Key, notice: Notice, timing: Timing, now: datetime) -> bool:
    """Hear the answer about a key that a nudge named, for an attempt without key; the caller has locked it.

    The key becomes this attempt's if the answer names our client, reference, amount and mode, and no other attempt has
    it. Whether it may be ours: what the answer says of another payment is not kept, only that this key is ruled out.
    """
    if notice.outcome is Outcome.PENDING:
        return True
    others = Attempt.objects.filter(collectivite=attempt.collectivite_id, account=attempt.account_id, key=key.value)
    is_forgotten = notice.outcome is Outcome.FORGOTTEN
    if is_forgotten or notice.contradicts or not notice.claims.name(claims_of(attempt)) or others.exists():
        keep(
            attempt=attempt,
            message=None,
            verdict=Evidence.Verdict.UNREADABLE,
            facts={"why": "unknown_key" if is_forgotten else "another_key", "key": key.value},
            digest=_digest_of_answer(notice),
            now=now,
            source=INQUIRY,
        )
        logger.warning("security: the key that a nudge named is not that of attempt %s", attempt.pk)
        return False
    attempt.key = key.value
    attempt.save(update_fields=["key"])
    if attempt.status == State.REQUESTED:
        advance(attempt=attempt, event=Event.KEY_GIVEN, evidence=None, occurred_at=now, now=now)
    hear_answer(attempt=attempt, notice=notice, timing=timing, now=now)
    return True


def _digest_of_answer(notice: Notice) -> str:
    if notice.digest is None:
        raise TypeError("an answer to our question carries the digest of its bytes")
    return notice.digest
