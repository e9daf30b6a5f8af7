"""Attempts whose gateway is asked until their end is known: when to ask next, who is at it, which account is silent.

A watch is taken for as long as a question may last, and given back with its next hour or closed; who dies meanwhile
loses it, and it is asked again. Every instant comes from the caller. Numbers only: no tenant is needed here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Least

from regal.agenda.models import Pace, Watch

LEASE = timedelta(seconds=120)  # I-29; a question takes 15 s at most
PACE = timedelta(milliseconds=200)  # five questions a second and an account
AHEAD = timedelta(seconds=1)  # how far questions may be lined up before their time
FIRST_PAUSE_SECONDS = 4
LONGEST_PAUSE_SECONDS = 240  # with the question itself, an account that is back is asked within 5 minutes
IMPOSSIBLE = timedelta(minutes=10)  # nobody takes a turn or a lease so far ahead: a clock was wrong


@dataclass(frozen=True, kw_only=True)
class Lease:
    """One question that is ours to put, not before `at`."""

    watch_id: int
    collectivite_id: int
    account_id: int
    attempt_id: int
    at: datetime
    until: datetime


def watch(*, collectivite_id: int, account_id: int, attempt_id: int, due_at: datetime, now: datetime) -> None:
    """Own an attempt from now on, in the transaction that records it."""
    with connection.cursor() as cursor:
        cursor.execute(  # inserting what is there already would wait for whoever changes it, and he may wait for us
            "INSERT INTO agenda_pace (account_id, free_at) SELECT %(account)s, %(now)s"
            " WHERE NOT EXISTS (SELECT 1 FROM agenda_pace WHERE account_id = %(account)s) ON CONFLICT DO NOTHING",
            {"account": account_id, "now": now},
        )
    Watch.objects.create(
        collectivite_id=collectivite_id, account_id=account_id, attempt_id=attempt_id, due_at=due_at, created_at=now
    )


def hasten(*, collectivite_id: int, attempt_id: int, at: datetime, reopen: bool = False) -> bool:
    """Ask sooner than planned. A watch that is closed stays closed, unless `reopen`. Whether one is open now."""
    found = Watch.objects.filter(collectivite=collectivite_id, attempt_id=attempt_id)
    if reopen and found.filter(closed_at__isnull=False).update(due_at=at, leased_until=None, closed_at=None):
        return True
    return found.filter(closed_at__isnull=True).update(due_at=Least(F("due_at"), at)) > 0


def is_open(attempt: str = "pk") -> Exists:
    """Whether the gateway may still say something of the attempt: of each row of a query, whose column names it."""
    return Exists(
        Watch.objects.filter(
            collectivite=OuterRef("collectivite_id"), attempt_id=OuterRef(attempt), closed_at__isnull=True
        )
    )


def take_one(*, now: datetime) -> Lease | None:
    """Take the question that has waited longest, of an account whose turn it is. None: nothing can be asked now.

    Two callers never get the same one, nor one account two questions within 200 ms. An account that does not answer is
    tried by one question at a time.
    """
    until = now + LEASE
    passed_over: list[int] = []
    with transaction.atomic():
        while (turn := _next_turn(now=now, but=passed_over)) is not None:
            account_id, free_at, failures = turn
            taken = _take_of(account_id=account_id, until=until, now=now)
            if taken is None:  # its watch was closed or put off since, or somebody hastens it at this instant
                passed_over.append(account_id)
                continue
            at = max(now, free_at)
            Pace.objects.filter(pk=account_id).update(free_at=until if failures else at + PACE)
            watch_id, collectivite_id, attempt_id = taken
            return Lease(
                watch_id=watch_id,
                collectivite_id=collectivite_id,
                account_id=account_id,
                attempt_id=attempt_id,
                at=at,
                until=until,
            )
    return None


def take(*, attempt_id: int, unless_asked_since: datetime, now: datetime) -> Lease | None:
    """Take the question about one attempt before its time. None: it was asked since, somebody has it, or its account is
    silent or has no turn left at this instant.
    """
    until = now + LEASE
    with transaction.atomic():
        watch = Watch.objects.filter(attempt_id=attempt_id, closed_at__isnull=True).first()
        if watch is None:
            return None
        paces = Pace.objects.filter(pk=watch.account_id, failures=0, free_at__lte=now)
        if paces.select_for_update(no_key=True, skip_locked=True).first() is None:
            return None
        free = Watch.objects.filter(pk=watch.pk, closed_at__isnull=True).exclude(asked_at__gte=unless_asked_since)
        free = free.filter(Q(leased_until__isnull=True) | Q(leased_until__lte=now))
        if free.select_for_update(no_key=True, skip_locked=True).first() is None:
            return None
        Watch.objects.filter(pk=watch.pk).update(due_at=until, leased_until=until)
        Pace.objects.filter(pk=watch.account_id).update(free_at=now + PACE)
    return Lease(
        watch_id=watch.pk,
        collectivite_id=watch.collectivite_id,
        account_id=watch.account_id,
        attempt_id=attempt_id,
        at=now,
        until=until,
    )


def forget_wrong_clock(*, now: datetime) -> None:
    """Let go of what was taken until an impossible hour: the clock has gone back since."""
    Watch.objects.filter(closed_at__isnull=True, leased_until__gt=now + IMPOSSIBLE).update(
        due_at=now, leased_until=None
    )
    Pace.objects.filter(free_at__gt=now + IMPOSSIBLE).update(free_at=now)


def still_ours(*, lease: Lease) -> Watch | None:
    """The watch, locked until the end of the transaction; None if the lease ran out and somebody else has it, or may.

    What such a late question brought is dropped: a newer answer may already stand.
    """
    watch = Watch.objects.select_for_update(no_key=True).get(pk=lease.watch_id)
    return watch if watch.leased_until == lease.until else None


def give_turn_back(*, lease: Lease, now: datetime) -> None:
    """Nothing was asked: a silent account may be tried by another question at once.

    A transaction of its own: whoever holds a pace must want no other lock.
    """
    Pace.objects.filter(pk=lease.account_id, failures__gt=0, free_at=lease.until).update(free_at=now)


def put_back(*, watch: Watch, due_at: datetime) -> None:
    """Give a watch back with its next hour; whoever wanted it sooner meanwhile is heard. The caller has locked it."""
    assert watch.leased_until is not None
    wanted = watch.due_at < watch.leased_until
    watch.due_at = min(watch.due_at, due_at) if wanted else due_at
    watch.leased_until = None
    watch.save(update_fields=["due_at", "leased_until"])


def close(*, watch: Watch, now: datetime) -> None:
    """Nothing more is awaited. The caller has locked the watch."""
    watch.leased_until, watch.closed_at = None, now
    watch.save(update_fields=["leased_until", "closed_at"])


def was_hastened(watch: Watch) -> bool:
    """Whether somebody wanted the question put again while it was being asked."""
    return watch.leased_until is not None and watch.due_at < watch.leased_until


def note_answer(*, watch: Watch, answer: str, is_news: bool, at: datetime, now: datetime) -> bool:
    """A question put at `at` was answered. Whether its account had been failing. The caller has locked the watch.

    `is_news`: the answer says something of the attempt.
    """
    watch.asked_at, watch.asked = at, watch.asked + 1
    watch.answered_at, watch.answer = now if is_news else watch.answered_at, answer
    watch.failures, watch.failure = 0, ""
    watch.save(update_fields=["asked_at", "asked", "answered_at", "answer", "failures", "failure"])
    return end_outage(account_id=watch.account_id, now=now)


def end_outage(*, account_id: int, now: datetime) -> bool:
    """The account speaks again: what failed, or waited for its turn, falls due now. Whether it had been failing."""
    silent = Pace.objects.filter(pk=account_id, failures__gt=0)
    was_failing = silent.update(free_at=now, failures=0, failure="", failing_since=None) > 0
    if was_failing:
        waiting = Watch.objects.filter(account_id=account_id, closed_at__isnull=True, leased_until__isnull=True)
        waiting.filter(Q(failures__gt=0) | Q(due_at__lt=now)).update(due_at=now)
    return was_failing


def note_failure(*, watch: Watch, failure: str, at: datetime) -> None:
    """A question put at `at` brought nothing usable. The caller has locked the watch."""
    watch.asked_at, watch.asked = at, watch.asked + 1
    watch.failures, watch.failure = watch.failures + 1, failure[:80]
    watch.save(update_fields=["asked_at", "asked", "failures", "failure"])


def note_outage(*, account_id: int, failure: str, draw: int, now: datetime) -> datetime:
    """The account did not answer: the next try waits, twice as long each time. Since when it has been failing."""
    pace = Pace.objects.select_for_update(no_key=True).get(pk=account_id)
    pace.failures += 1
    pace.failure = failure[:80]
    pace.failing_since = pace.failing_since or now
    pace.free_at = now + pause(failures=pace.failures, draw=draw)
    pace.save(update_fields=["free_at", "failures", "failure", "failing_since"])
    return pace.failing_since


def pause(*, failures: int, draw: int) -> timedelta:
    """How long to leave alone who failed so many times in a row: 4 s, 8 s… 240 s, less up to a quarter."""
    seconds = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 10))
    return timedelta(seconds=seconds * (1 - draw / 400))


def _next_turn(*, now: datetime, but: list[int]) -> tuple[int, datetime, int] | None:
    """Lock the account whose oldest question has waited longest, of those that may be asked now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.account_id, p.free_at, p.failures FROM agenda_pace p CROSS JOIN LATERAL ("
            " SELECT w.due_at FROM agenda_watch w WHERE w.account_id = p.account_id AND w.closed_at IS NULL"
            " AND w.due_at <= %(now)s AND (w.leased_until IS NULL OR w.leased_until <= %(now)s)"
            " ORDER BY w.due_at LIMIT 1) AS oldest"
            " WHERE p.free_at <= CASE WHEN p.failures > 0 THEN %(now)s ELSE %(soon)s END"
            " AND p.account_id <> ALL (%(but)s::bigint[])"
            " ORDER BY oldest.due_at, p.account_id LIMIT 1 FOR NO KEY UPDATE OF p SKIP LOCKED",
            {"now": now, "soon": now + AHEAD - PACE, "but": but},
        )
        row: tuple[int, datetime, int] | None = cursor.fetchone()
    return row


def _take_of(*, account_id: int, until: datetime, now: datetime) -> tuple[int, int, int] | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE agenda_watch SET due_at = %(until)s, leased_until = %(until)s WHERE id = ("
            " SELECT id FROM agenda_watch WHERE account_id = %(account)s AND closed_at IS NULL"
            " AND due_at <= %(now)s AND (leased_until IS NULL OR leased_until <= %(now)s)"
            " ORDER BY due_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)"
            " RETURNING id, collectivite_id, attempt_id",
            {"account": account_id, "until": until, "now": now},
        )
        row: tuple[int, int, int] | None = cursor.fetchone()
    return row
