"""Write what is due in the fact's own transaction; carry it out once; find it again if it was lost."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import procrastinate.exceptions
from django.db import connection, transaction
from procrastinate.contrib.django import app as procrastinate_app

from regal.agenda.models import TRIES_BEFORE_A_CASE, Effect
from regal.lib.tenancy import tenant

CARRY = "regal.carry"  # the task's name, registered in `config/jobs.py`
QUEUE = "effects"
LONGEST_PAUSE_SECONDS = 3600
LEASE = timedelta(seconds=120)  # I-29: after that, whoever was at it is taken for dead

Handler = Callable[[int, int, datetime], None]
"""collectivité id, subject id, now. Runs inside `tenant()`, in the transaction that marks the effect done."""


class TurnLost(Exception):
    """Somebody else has this work now: we were too slow, or taken for dead. What is not committed is dropped."""


@dataclass(kw_only=True)
class Turn:
    """A long piece of work that is ours, as long as we say so in each of its transactions."""

    effect_id: int
    until: datetime
    clock: Callable[[], datetime]

    def renew(self) -> None:
        """Still at it: say so in the transaction of what was done. Raises TurnLost."""
        until = self.clock() + LEASE
        ours = Effect.objects.filter(pk=self.effect_id, done_at__isnull=True, due_at=self.until)
        if not ours.update(due_at=until):
            raise TurnLost
        self.until = until


@dataclass(frozen=True)
class Long:
    """A handler that takes minutes: it opens its own transactions, and must be able to begin again after each."""

    run: Callable[[int, int, datetime, Turn], None]
    longest_pause_seconds: int = LONGEST_PAUSE_SECONDS  # between two tries


Handlers = Mapping[str, Handler | Long]


def schedule(
    *, collectivite_id: int, kind: str, subject_id: int, due_at: datetime, now: datetime, again: bool = False
) -> None:
    """Note that something is due, in the caller's transaction; saying it twice changes nothing.

    What is due now is handed to a worker at once; what is due later waits for the sweeper. `again`: what was done
    once falls due once more.
    """
    repeat = "UPDATE SET due_at = EXCLUDED.due_at, done_at = NULL, tries = 0, failure = '' WHERE e.done_at IS NOT NULL"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO agenda_effect AS e (collectivite_id, kind, subject_id, due_at, tries, failure)"  # noqa: S608
            " VALUES (%s, %s, %s, %s, 0, '')"
            f" ON CONFLICT (collectivite_id, kind, subject_id) DO {repeat if again else 'NOTHING'} RETURNING id",
            [collectivite_id, kind, subject_id, due_at],
        )
        new = cursor.fetchone()
    if new and due_at <= now:
        wake_worker(new[0])


def wake_worker(effect_id: int) -> bool:
    """Hand an effect to procrastinate, unless it already waits there. The savepoint keeps the caller's transaction."""
    try:
        with transaction.atomic():
            procrastinate_app.configure_task(
                CARRY, queue=QUEUE, queueing_lock=f"effect:{effect_id}", allow_unknown=True
            ).defer(effect_id=effect_id)
    except procrastinate.exceptions.AlreadyEnqueued:
        return False
    return True


def carry(*, effect_id: int, handlers: Handlers, now: datetime, clock: Callable[[], datetime] | None = None) -> bool:
    """Carry out one effect, if it is due and nobody else is at it. True if it was done now.

    A failure is noted, and the effect falls due again after a pause that doubles, with jitter; it is never dropped.
    `clock`: what long work is renewed by; without it, time stands still meanwhile.
    """
    effect = Effect.objects.filter(pk=effect_id).only("collectivite_id", "kind", "subject_id").first()
    if effect is None:
        return False
    handler = handlers.get(effect.kind)
    if isinstance(handler, Long):
        return _carry_long(effect, handler, now=now, clock=clock or (lambda: now))
    try:
        with tenant(effect.collectivite_id):
            locked = (
                Effect.objects.select_for_update(skip_locked=True)
                .filter(pk=effect_id, done_at__isnull=True, due_at__lte=now)
                .first()
            )
            if locked is None:
                return False
            (handler or _unknown)(locked.collectivite_id, locked.subject_id, now)
            locked.done_at = now
            locked.tries += 1
            locked.save(update_fields=["done_at", "tries"])
    except Exception as failure:
        _put_off(effect_id=effect_id, failure=failure, now=now)
        raise
    return True


def _unknown(collectivite_id: int, subject_id: int, now: datetime) -> None:
    raise KeyError("kind of effect")


def _carry_long(effect: Effect, handler: Long, *, now: datetime, clock: Callable[[], datetime]) -> bool:
    """Take it for as long as a lease; a killed worker's falls due again when that ends. A try counts as it begins."""
    until = clock() + LEASE
    with transaction.atomic():
        due = Effect.objects.select_for_update(skip_locked=True).filter(
            pk=effect.pk, done_at__isnull=True, due_at__lte=now
        )
        taken = due.first()
        if taken is None:
            return False
        taken.due_at, taken.tries = until, taken.tries + 1
        taken.save(update_fields=["due_at", "tries"])
    turn = Turn(effect_id=effect.pk, until=until, clock=clock)
    try:
        handler.run(effect.collectivite_id, effect.subject_id, now, turn)
    except TurnLost:
        return False
    except Exception as failure:
        _put_off(effect_id=effect.pk, failure=failure, now=clock(), longest=handler.longest_pause_seconds)
        raise
    return Effect.objects.filter(pk=effect.pk, done_at__isnull=True, due_at=turn.until).update(done_at=clock()) > 0


def _put_off(*, effect_id: int, failure: Exception, now: datetime, longest: int = LONGEST_PAUSE_SECONDS) -> None:
    with transaction.atomic():
        effect = Effect.objects.select_for_update().get(pk=effect_id)
        effect.tries += 1
        pause = min(longest, 2 ** min(effect.tries, 12))
        effect.due_at = now + timedelta(seconds=pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreading, no secret
        effect.failure = type(failure).__name__[:80]
        effect.save(update_fields=["tries", "due_at", "failure"])


def tries_of(*, collectivite_id: int, kind: str, subject_id: int) -> int:
    """What was counted of an effect so far; of long work, a beginning and a failure are two."""
    found = Effect.objects.filter(collectivite=collectivite_id, kind=kind, subject_id=subject_id)
    return found.values_list("tries", flat=True).first() or 0


def sweep(*, now: datetime, limit: int = 500) -> int:
    """Hand to the workers what is due and waits nowhere; how many. Safe to run twice, or in two places."""
    due = Effect.objects.filter(done_at__isnull=True, due_at__lte=now).order_by("due_at")
    return sum(wake_worker(pk) for pk in due.values_list("pk", flat=True)[:limit])


def stuck() -> list[Effect]:
    """What has failed so often that a person must know."""
    return list(Effect.objects.filter(done_at__isnull=True, tries__gte=TRIES_BEFORE_A_CASE).order_by("pk")[:500])


def recovered_somewhere() -> list[int]:
    """The collectivités of which an effect was done after it had failed so often."""
    done = Effect.objects.filter(done_at__isnull=False, tries__gt=TRIES_BEFORE_A_CASE)
    return list(done.order_by("collectivite").values_list("collectivite", flat=True).distinct())


def done_among(effect_ids: Iterable[int]) -> list[int]:
    """Those of these effects that are done."""
    return list(Effect.objects.filter(pk__in=list(effect_ids), done_at__isnull=False).values_list("pk", flat=True))


def has_kind(effect_ids: Iterable[int], kinds: Iterable[str]) -> bool:
    """Whether one of these effects is of one of these kinds, and not done."""
    return Effect.objects.filter(pk__in=list(effect_ids), kind__in=list(kinds), done_at__isnull=True).exists()


def run_due(*, handlers: Handlers, now: datetime) -> int:
    """Carry out everything that is due, here and now, without a worker: for simulations and tests."""
    done = 0
    while due := list(
        Effect.objects.filter(done_at__isnull=True, due_at__lte=now)
        .order_by("due_at", "pk")
        .values_list("pk", flat=True)
    ):
        done += sum(carry(effect_id=pk, handlers=handlers, now=now) for pk in due)
    return done
