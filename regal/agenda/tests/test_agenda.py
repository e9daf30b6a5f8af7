"""Work that is due is written once, carried out once, and never forgotten."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction

from regal.agenda.models import Effect
from regal.agenda.operations import CARRY, LONGEST_PAUSE_SECONDS, carry, run_due, schedule, sweep
from regal.collectivites.models import AllowedOrigin
from regal.lib.tenancy import tenant
from tests import cast
from tests.at_once import at_once
from tests.cast import MORNING, later

KIND = "greet"


@pytest.fixture
def town(db):
    return cast.make_saint_aubin()


@pytest.fixture
def committed_town(committed_db):
    return cast.make_saint_aubin()


def plan(town, *, due_at=MORNING, subject_id=7, kind=KIND):
    with transaction.atomic():
        schedule(collectivite_id=town.collectivite.pk, kind=kind, subject_id=subject_id, due_at=due_at, now=MORNING)
    return Effect.objects.get(kind=kind, subject_id=subject_id)


def waiting_jobs():
    """The effects that procrastinate holds for a worker."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (args->>'effect_id')::bigint FROM procrastinate_jobs"
            " WHERE task_name = %s AND status = 'todo' ORDER BY id",
            [CARRY],
        )
        return [row[0] for row in cursor.fetchall()]


def lose_jobs():
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


class Greeting:
    """A handler that leaves a row behind, and fails as many times as it is told."""

    def __init__(self, failures=0):
        self.failures = failures
        self.seen = []

    def __call__(self, collectivite_id, subject_id, now):
        AllowedOrigin.objects.create(
            collectivite_id=collectivite_id, origin=f"https://greeting-{len(self.seen)}.example"
        )
        self.seen.append((collectivite_id, subject_id, now))
        if self.failures:
            self.failures -= 1
            raise ValueError("a secret that must not be kept")

    def rows(self, town):
        with tenant(town.collectivite):
            return AllowedOrigin.objects.filter(origin__contains="greeting").count()


class TestSchedule:
    def test_writes_one_row_however_often_it_is_said(self, town):
        first = plan(town)
        again = plan(town, due_at=later(hours=1))
        assert first == again
        assert again.due_at == MORNING
        assert Effect.objects.count() == 1

    def test_distinguishes_kinds_subjects_and_towns(self, town):
        plan(town)
        plan(town, subject_id=8)
        plan(town, kind="wave")
        next_town = cast.make_next_town()
        schedule(collectivite_id=next_town.collectivite.pk, kind=KIND, subject_id=7, due_at=MORNING, now=MORNING)
        assert Effect.objects.count() == 4

    def test_wakes_a_worker_for_what_is_due_now_only(self, town):
        due = plan(town)
        plan(town, subject_id=8, due_at=later(seconds=1))
        assert waiting_jobs() == [due.pk]

    def test_wakes_a_worker_once(self, town):
        due = plan(town)
        plan(town)
        assert waiting_jobs() == [due.pk]

    def test_is_undone_with_the_fact_it_follows(self, town):
        with transaction.atomic():
            schedule(collectivite_id=town.collectivite.pk, kind=KIND, subject_id=7, due_at=MORNING, now=MORNING)
            transaction.set_rollback(True)
        assert not Effect.objects.exists()
        assert waiting_jobs() == []


class TestCarry:
    def test_carries_out_once_what_is_due(self, town):
        effect, greeting = plan(town), Greeting()
        assert carry(effect_id=effect.pk, handlers={KIND: greeting}, now=later(seconds=5))
        assert not carry(effect_id=effect.pk, handlers={KIND: greeting}, now=later(seconds=6))
        assert greeting.seen == [(town.collectivite.pk, 7, later(seconds=5))]
        effect.refresh_from_db()
        assert (effect.done_at, effect.tries, effect.failure) == (later(seconds=5), 1, "")

    def test_leaves_what_is_not_due_yet(self, town):
        effect, greeting = plan(town, due_at=later(seconds=1)), Greeting()
        assert not carry(effect_id=effect.pk, handlers={KIND: greeting}, now=MORNING)
        assert greeting.seen == []

    def test_of_nothing_is_nothing(self, db):
        assert not carry(effect_id=1, handlers={}, now=MORNING)

    def test_runs_the_handler_as_the_effect_s_town(self, town):
        def whose(*_: object) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT current_setting('regal.tenant', true)")
                seen.append(cursor.fetchone()[0])

        seen: list[str] = []
        carry(effect_id=plan(town).pk, handlers={KIND: whose}, now=MORNING)
        assert seen == [str(town.collectivite.pk)]

    def test_that_fails_leaves_nothing_of_the_handler_and_tries_again_later(self, town):
        effect, greeting = plan(town), Greeting(failures=1)
        with pytest.raises(ValueError, match="secret"):
            carry(effect_id=effect.pk, handlers={KIND: greeting}, now=MORNING)
        assert greeting.rows(town) == 0
        effect.refresh_from_db()
        assert (effect.done_at, effect.tries, effect.failure) == (None, 1, "ValueError")
        assert MORNING < effect.due_at <= later(seconds=2)
        assert carry(effect_id=effect.pk, handlers={KIND: greeting}, now=effect.due_at)
        assert greeting.rows(town) == 1

    def test_pauses_twice_as_long_each_time_up_to_an_hour(self, town):
        effect, now, pauses = plan(town), MORNING, []
        for _ in range(15):
            with pytest.raises(ValueError, match="secret"):
                carry(effect_id=effect.pk, handlers={KIND: Greeting(failures=1)}, now=now)
            effect.refresh_from_db()
            pauses.append((effect.due_at - now).total_seconds())
            now = effect.due_at
        for tries, pause in enumerate(pauses, start=1):
            longest = min(LONGEST_PAUSE_SECONDS, 2**tries)
            assert longest / 2 <= pause <= longest
        assert pauses[-1] >= LONGEST_PAUSE_SECONDS / 2
        assert effect.tries == 15

    def test_pauses_at_random_so_that_all_do_not_come_back_together(self, town):
        due = set()
        for subject_id in range(5):
            effect = plan(town, subject_id=subject_id)
            with pytest.raises(ValueError, match="secret"):
                carry(effect_id=effect.pk, handlers={KIND: Greeting(failures=1)}, now=MORNING)
            effect.refresh_from_db()
            due.add(effect.due_at)
        assert len(due) > 1

    def test_of_a_kind_that_nobody_knows_is_tried_again_by_the_next_version(self, town):
        effect = plan(town, kind="unheard_of")
        with pytest.raises(KeyError):
            carry(effect_id=effect.pk, handlers={}, now=MORNING)
        effect.refresh_from_db()
        assert (effect.done_at, effect.failure) == (None, "KeyError")

    def test_is_done_by_one_of_many_workers(self, committed_town):
        effect, greeting = plan(committed_town), Greeting()
        done = at_once(*[partial(carry, effect_id=effect.pk, handlers={KIND: greeting}, now=MORNING)] * 8)
        assert sorted(done, key=str) == [*[False] * 7, True]
        assert len(greeting.seen) == greeting.rows(committed_town) == 1

    def test_does_not_wait_for_a_worker_that_is_at_it(self, committed_town):
        effect, greeting = plan(committed_town), Greeting()

        def second_worker_meanwhile(*_: object) -> None:
            (done,) = at_once(partial(carry, effect_id=effect.pk, handlers={KIND: greeting}, now=MORNING))
            assert done is False

        assert carry(effect_id=effect.pk, handlers={KIND: second_worker_meanwhile}, now=MORNING)
        assert greeting.seen == []


class TestSweep:
    def test_hands_over_again_what_was_lost(self, town):
        lost, early = plan(town), plan(town, subject_id=8, due_at=later(minutes=1))
        lose_jobs()
        assert sweep(now=later(seconds=30)) == 1
        assert waiting_jobs() == [lost.pk]
        assert sweep(now=later(minutes=1)) == 1
        assert waiting_jobs() == [lost.pk, early.pk]

    def test_twice_changes_nothing(self, town):
        plan(town)
        assert sweep(now=MORNING) == 0
        assert sweep(now=MORNING) == 0
        assert len(waiting_jobs()) == 1

    def test_passes_over_what_is_done(self, town):
        effect = plan(town)
        carry(effect_id=effect.pk, handlers={KIND: Greeting()}, now=MORNING)
        lose_jobs()
        assert sweep(now=later(days=1)) == 0
        assert waiting_jobs() == []

    def test_begins_with_the_oldest_and_keeps_to_its_limit(self, town):
        for subject_id, minutes in ((1, 3), (2, 1), (3, 2)):
            plan(town, subject_id=subject_id, due_at=later(minutes=minutes))
        assert sweep(now=later(hours=1), limit=2) == 2
        assert [Effect.objects.get(pk=pk).subject_id for pk in waiting_jobs()] == [2, 3]

    def test_comes_back_to_what_failed_once_its_pause_is_over(self, town):
        effect = plan(town)
        with pytest.raises(ValueError, match="secret"):
            carry(effect_id=effect.pk, handlers={KIND: Greeting(failures=1)}, now=MORNING)
        lose_jobs()
        effect.refresh_from_db()
        assert sweep(now=effect.due_at - timedelta(microseconds=1)) == 0
        assert sweep(now=effect.due_at) == 1


class TestRunDue:
    def test_carries_out_all_that_is_due_and_what_falls_due_by_it(self, town):
        def chain(collectivite_id, subject_id, now):
            seen.append(subject_id)
            if subject_id < 3:
                schedule(collectivite_id=collectivite_id, kind=KIND, subject_id=subject_id + 1, due_at=now, now=now)

        seen: list[int] = []
        plan(town, subject_id=1)
        plan(town, subject_id=9, due_at=later(seconds=1))
        assert run_due(handlers={KIND: chain}, now=MORNING) == 3
        assert seen == [1, 2, 3]
