"""The checker: asks the gateways that can be asked, until the end of every attempt is known.

Each question stands between two short transactions: one takes the watch (`agenda.watches`), the other applies the
answer and gives the watch back with its next hour. A process killed anywhere loses only its lease, and the question is
put again.
Nothing here is called while a notification or a payer's page is answered: those only hasten. But for one: whoever is
about to pay what another attempt may have paid waits a moment for the answer (`ask_before_another`).
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from regal.agenda import watches
from regal.agenda.models import Watch
from regal.agenda.watches import Lease
from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_case, resolve
from regal.cases.queries import was_opened_since
from regal.gateways.base import (
    AskableGateway,
    GatewayFailure,
    Misconfigured,
    Notice,
    Outcome,
    Question,
    Timing,
    Unreachable,
)
from regal.lib import http
from regal.lib.tenancy import tenant
from regal.lib.vault import VaultError
from regal.payments.accounts import gateway_of
from regal.payments.answers import conclude, hear_answer, hear_of_nudged_key, never_started
from regal.payments.models import Attempt
from regal.payments.operations import LONGEST_REQUEST, schedule_silence
from regal.payments.queries import nudged_keys
from regal.payments.questions import question_about
from regal.payments.schedule import DRAWS, Facts, before_another, gives_up, next_question
from regal.payments.shares import held_until, pays
from regal.payments.states import BEFORE_LEAVING, State
from regal.payments.steps import lock_attempt
from regal.titres.models import Titre

logger = logging.getLogger("regal.payments")

Clock = Callable[[], datetime]
Draw = Callable[[], int]  # from 0 to 99: spreads the questions
Wait = Callable[[float], None]

OUTAGE_BEFORE_A_CASE = timedelta(hours=1)
FAILURES_BEFORE_A_CASE = 8  # of one attempt, while its account answers
PAYER_HASTENS_EVERY = timedelta(seconds=5)
MOST_ASKED_BEFORE_ANOTHER = 2
SECONDS_BEFORE_ANOTHER = 5  # of each question: a payer waits for it
OPENED_BY = "check_due"


def middle() -> int:
    """No chance at all: the same pause each time."""
    return DRAWS // 2


def check_due(*, clock: Clock, draw: Draw = middle, wait: Wait = time.sleep, lasting: timedelta | None = None) -> int:
    """Put every question that is due, each account at its own pace; how many were put.

    One after the other: more callers at once, in as many threads or processes, ask more at once. `lasting`: begin no
    question after that; without it, until nothing can be asked. One that makes us fail does not starve the others: its
    failure is raised at the end.
    """
    began, asked = clock(), 0
    failure: Exception | None = None
    watches.forget_wrong_clock(now=began)
    while (lasting is None or clock() < began + lasting) and (lease := watches.take_one(now=clock())) is not None:
        early = min(lease.at - clock(), watches.AHEAD)  # no longer, should the clock have gone back meanwhile
        wait(max(0.0, early.total_seconds()))
        asked += 1
        try:
            check_one(lease=lease, clock=clock, draw=draw)
        except Exception as error:
            logger.error("question about attempt %s failed: %s", lease.attempt_id, type(error).__name__)
            failure = error
    if failure is not None:
        raise failure
    return asked


def check_one(*, lease: Lease, clock: Clock, draw: Draw) -> None:
    """Put one question that was taken, and bring its attempt up to date. Never call it inside a transaction."""
    question = _prepare(lease=lease, now=clock())
    if question is None:
        watches.give_turn_back(lease=lease, now=clock())
        return
    asked_at = clock()
    try:
        notice = question.gateway.ask(question.asked)
    except GatewayFailure as failure:
        _note_failure(question=question, failure=failure, asked_at=asked_at, draw=draw(), now=clock())
        return
    _apply(question=question, notice=notice, asked_at=asked_at, draw=draw(), now=clock())


def ask_before_another(*, titres: Sequence[Titre], clock: Clock, draw: Draw = middle) -> None:
    """Somebody is about to pay titres of one town whose earlier attempts may still end: ask about them, shortly.

    What cannot be asked at once (the account is silent or busy, or somebody is asking) is not waited for: he has been
    told of it. Never call it inside a transaction.
    """
    now, collectivite_id = clock(), titres[0].collectivite_id
    with tenant(collectivite_id):
        due = Titre.objects.filter(collectivite=collectivite_id, pk__in=[one.pk for one in titres], paid_at=None)
        free = [titre.pk for titre in due if not titre.is_held(now)]
        ours = pays(collectivite_id=collectivite_id, titre_ids=free)
        earlier = Attempt.objects.filter(watches.is_open(), ours, collectivite=collectivite_id)
        earlier = earlier.exclude(status__in=[State.PAID, *BEFORE_LEAVING])
        asked_about = list(earlier.order_by("-pk").values_list("pk", flat=True)[:MOST_ASKED_BEFORE_ANOTHER])
    for attempt_id in asked_about:
        lease = watches.take(attempt_id=attempt_id, unless_asked_since=clock() - PAYER_HASTENS_EVERY, now=clock())
        if lease is None:
            continue
        try:
            with http.within(SECONDS_BEFORE_ANOTHER):
                check_one(lease=lease, clock=clock, draw=draw)
        except (Misconfigured, VaultError) as failure:  # its contract was spoilt since: nobody can be asked
            logger.error("question about attempt %s failed: %s", attempt_id, type(failure).__name__)


def hasten_by_payer(*, attempt: Attempt, now: datetime) -> bool:
    """Somebody looks at an attempt's page: ask soon, but not for every look. Call it inside `tenant()`."""
    watch = Watch.objects.filter(collectivite=attempt.collectivite_id, attempt_id=attempt.pk).first()
    if watch is None or watch.closed_at is not None or attempt.status == State.PAID:
        return False
    if attempt.handed_off_at is None and not nudged_keys(attempt=attempt):  # no key to ask about
        return False
    if watch.asked_at is not None and now < watch.asked_at + PAYER_HASTENS_EVERY:
        return False
    return watches.hasten(collectivite_id=attempt.collectivite_id, attempt_id=attempt.pk, at=now)


@dataclass(frozen=True, kw_only=True)
class _Question:
    lease: Lease
    gateway: AskableGateway
    asked: Question

    @property
    def timing(self) -> Timing:
        return self.gateway.timing


def _prepare(*, lease: Lease, now: datetime) -> _Question | None:
    """What to ask. None where there is nothing: the watch is then closed, or waits for its key."""
    with tenant(lease.collectivite_id):
        attempt = Attempt.objects.select_related("account").get(collectivite=lease.collectivite_id, pk=lease.attempt_id)
        gateway = gateway_of(attempt.account)
        if not isinstance(gateway, AskableGateway):
            _end_without_answers(lease=lease, now=now)
            return None
        watch = Watch.objects.get(pk=lease.watch_id)
        asked = question_about(attempt=attempt, watch=watch, gateway=gateway)
        if asked is None:
            _end_without_key(lease=lease, now=now)
            return None
        return _Question(lease=lease, gateway=gateway, asked=asked)


def _end_without_answers(*, lease: Lease, now: datetime) -> None:
    """The contract can be asked no more (Paybox Direct was taken out of it): files alone will speak of the attempt."""
    attempt = lock_attempt(collectivite_id=lease.collectivite_id, attempt_id=lease.attempt_id)
    watch = watches.still_ours(lease=lease)
    if watch is not None:
        watches.close(watch=watch, now=now)
        schedule_silence(attempt=attempt, now=now)


def _end_without_key(*, lease: Lease, now: datetime) -> None:
    """Nobody waits for a key any more. A nudge may still bring one."""
    attempt = lock_attempt(collectivite_id=lease.collectivite_id, attempt_id=lease.attempt_id)
    watch = watches.still_ours(lease=lease)
    if watch is None:
        return
    ends_at = attempt.created_at + LONGEST_REQUEST
    if attempt.key or watches.was_hastened(watch):
        watches.put_back(watch=watch, due_at=now)
    elif attempt.status == State.REQUESTED and now < ends_at:
        watches.put_back(watch=watch, due_at=ends_at)
    else:
        never_started(attempt=attempt, now=now)
        watches.close(watch=watch, now=now)


def _end_request(*, attempt: Attempt, now: datetime) -> None:
    if not attempt.key and now >= attempt.created_at + LONGEST_REQUEST:
        never_started(attempt=attempt, now=now)


def _apply(*, question: _Question, notice: Notice, asked_at: datetime, draw: int, now: datetime) -> None:
    lease, timing = question.lease, question.timing
    with tenant(lease.collectivite_id):
        attempt = lock_attempt(collectivite_id=lease.collectivite_id, attempt_id=lease.attempt_id)
        watch = watches.still_ours(lease=lease)
        if watch is None:
            return
        answer: Outcome | None = notice.outcome
        is_news = answer is not Outcome.FORGOTTEN
        if watches.note_answer(watch=watch, answer=notice.outcome, is_news=is_news, at=asked_at, now=now):
            _end_outage(lease=lease, now=now)
        is_of_this_attempt, ask_within = True, None
        key = question.asked.key
        if key is None or attempt.key == key.value:
            heard = hear_answer(attempt=attempt, notice=notice, timing=timing, now=now, question=question.asked)
            ask_within = heard.ask_within
            if not heard.is_about:
                answer = None  # of this payment nothing was said: it goes on being asked about
        elif attempt.key:  # it got its key while a nudged one was asked about
            is_of_this_attempt = False
        else:
            is_of_this_attempt = hear_of_nudged_key(attempt=attempt, key=key, notice=notice, timing=timing, now=now)
            _end_request(attempt=attempt, now=now)
        facts = _facts(attempt, answer)
        due_at = next_question(facts=facts, timing=timing, now=now, draw=draw) if is_of_this_attempt else now
        if due_at is not None and ask_within is not None:
            due_at = min(due_at, now + ask_within)
        if due_at is not None:
            watches.put_back(watch=watch, due_at=due_at)
        elif attempt.status != State.PAID and watches.was_hastened(watch):
            watches.put_back(watch=watch, due_at=now)
        else:
            is_known_not_to_exist = notice.facts.get("exists") == "no" and attempt.announced != Outcome.PAID
            _close(
                attempt=attempt,
                watch=watch,
                timing=timing,
                answer=answer,
                says_nothing=not is_known_not_to_exist,
                now=now,
            )


def _facts(attempt: Attempt, answer: Outcome | None) -> Facts:
    return Facts(
        state=State(attempt.status),
        is_provisional=attempt.is_provisional,
        created_at=attempt.created_at,
        answer=answer,
        held_until=held_until(attempt),
    )


def _note_failure(
    *, question: _Question, failure: GatewayFailure, asked_at: datetime, draw: int, now: datetime
) -> None:
    """Nothing usable came. A silent account is left alone for a while; an odd answer is the attempt's own trouble."""
    lease, timing = question.lease, question.timing
    with tenant(lease.collectivite_id):
        attempt = lock_attempt(collectivite_id=lease.collectivite_id, attempt_id=lease.attempt_id)
        watch = watches.still_ours(lease=lease)
        if watch is None:
            return
        watches.note_failure(watch=watch, failure=failure.code, at=asked_at)
        is_silent = isinstance(failure, Unreachable)
        if is_silent:
            since = watches.note_outage(account_id=lease.account_id, failure=failure.code, draw=draw, now=now)
            if now - since >= OUTAGE_BEFORE_A_CASE:
                _report_outage(attempt=attempt, since=since, failure=failure.code, now=now)
        elif watches.end_outage(account_id=lease.account_id, now=now):
            _end_outage(lease=lease, now=now)
        _end_request(attempt=attempt, now=now)
        patience = timing.gives_up * 2 if is_silent else timing.gives_up  # after an outage, ask at least once more
        if now >= attempt.created_at + patience:
            _close(attempt=attempt, watch=watch, timing=timing, answer=None, now=now)
            return
        is_strange = not is_silent and watch.failures >= FAILURES_BEFORE_A_CASE
        is_ours = question.asked.key is None or attempt.key  # anybody may name a key
        if is_strange and is_ours and attempt.status != State.PAID:
            _report_no_answer(attempt=attempt, watch=watch, now=now)
        facts = _facts(attempt, None)
        planned = next_question(facts=facts, timing=timing, now=now, draw=draw)
        again = now + watches.pause(failures=watch.failures, draw=draw)
        again = before_another(facts=facts, due_at=again, now=now)
        watches.put_back(watch=watch, due_at=again if is_silent or planned is None else planned)


def _close(
    *,
    attempt: Attempt,
    watch: Watch,
    timing: Timing,
    answer: Outcome | None,
    now: datetime,
    says_nothing: bool = True,
) -> None:
    """`says_nothing`: to the last, the gateway did not even say that it knows of no payment."""
    watches.close(watch=watch, now=now)
    if attempt.status in BEFORE_LEAVING:  # its payer had no address, whatever was answered
        conclude(attempt=attempt, now=now)
    if answer is Outcome.FORGOTTEN:
        _hear_forgotten(attempt=attempt, watch=watch, timing=timing, now=now)
        return
    if not gives_up(created_at=attempt.created_at, timing=timing, now=now):
        return
    conclude(attempt=attempt, now=now)
    if attempt.status == State.EXPIRED_PRESUMED and says_nothing:
        _report_no_answer(attempt=attempt, watch=watch, now=now)


def _hear_forgotten(*, attempt: Attempt, watch: Watch, timing: Timing, now: datetime) -> None:
    """The end, unless nothing was said of the attempt since its page could last be opened: then a person looks."""
    if attempt.status == State.PAID:
        return
    if watch.answered_at is None or watch.answered_at < attempt.created_at + timing.opening:
        _report_no_answer(attempt=attempt, watch=watch, now=now)
        return
    resolve(
        collectivite_id=attempt.collectivite_id,
        kind=CaseKind.NO_ANSWER,
        subject_kind="attempt",
        subject_ids=[attempt.pk],
        rule=OPENED_BY,
        now=now,
    )


def _report_no_answer(*, attempt: Attempt, watch: Watch, now: datetime) -> None:
    open_case(
        collectivite_id=attempt.collectivite_id,
        kind=CaseKind.NO_ANSWER,
        subject_kind="attempt",
        subject_id=attempt.pk,
        rule=OPENED_BY,
        facts={"asked": watch.asked, "failure": watch.failure},
        now=now,
    )


def _report_outage(*, attempt: Attempt, since: datetime, failure: str, now: datetime) -> None:
    """One case an outage, even if a person has closed it."""
    if was_opened_since(
        collectivite_id=attempt.collectivite_id,
        kind=CaseKind.NO_ANSWER,
        subject_kind="account",
        subject_id=attempt.account_id,
        since=since,
    ):
        return
    open_case(
        collectivite_id=attempt.collectivite_id,
        kind=CaseKind.NO_ANSWER,
        subject_kind="account",
        subject_id=attempt.account_id,
        rule=OPENED_BY,
        facts={"contract": attempt.account.identifier, "since": since.isoformat(), "failure": failure},
        now=now,
    )
    logger.warning("account %s has not answered since %s: %s", attempt.account_id, since.isoformat(), failure)


def _end_outage(*, lease: Lease, now: datetime) -> None:
    resolve(
        collectivite_id=lease.collectivite_id,
        kind=CaseKind.NO_ANSWER,
        subject_kind="account",
        subject_ids=[lease.account_id],
        rule=OPENED_BY,
        now=now,
    )
