"""A question is put by one at a time, at its account's pace, and never lost with whoever had it."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction

from regal.agenda import watches
from regal.agenda.models import Pace, Watch
from regal.agenda.watches import Lease
from tests import cast
from tests.at_once import at_once
from tests.cast import MORNING, later

ACCOUNT, OTHER = 7, 8


@pytest.fixture
def town(db):
    return cast.make_saint_aubin()


@pytest.fixture
def committed_town(committed_db):
    return cast.make_saint_aubin()


def own(town, attempt_id=1, *, account_id=ACCOUNT, due_at=MORNING):
    watches.watch(
        collectivite_id=town.collectivite.pk,
        account_id=account_id,
        attempt_id=attempt_id,
        due_at=due_at,
        now=MORNING,
    )


def hasten(town, attempt_id=1, *, at, reopen=False):
    return watches.hasten(collectivite_id=town.collectivite.pk, attempt_id=attempt_id, at=at, reopen=reopen)


def watch(attempt_id=1):
    return Watch.objects.get(attempt_id=attempt_id)


def take(now) -> Lease:
    lease = watches.take_one(now=now)
    assert lease is not None
    return lease


def ours(lease) -> Watch:
    held = watches.still_ours(lease=lease)
    assert held is not None
    return held


def give_back(lease, *, due_at):
    with transaction.atomic():
        watches.put_back(watch=ours(lease), due_at=due_at)


def every(taken) -> list[Lease]:
    """What all who took at once have; raises what made one fail."""
    failed = [one for one in taken if isinstance(one, Exception)]
    assert failed == []
    return [lease for one in taken for lease in one]


def take_due(*, now, most):
    """Take up to so many at once."""
    taken: list[Lease] = []
    while len(taken) < most and (lease := watches.take_one(now=now)) is not None:
        taken.append(lease)
    return taken


class TestTaking:
    def test_gives_what_has_waited_longest(self, town):
        own(town, 1, due_at=later(seconds=2))
        own(town, 2, due_at=later(seconds=1))
        assert take(later(seconds=3)).attempt_id == 2

    def test_gives_nothing_before_its_hour(self, town):
        own(town, due_at=later(seconds=2))
        assert watches.take_one(now=later(seconds=1)) is None

    def test_gives_nobody_else_the_same(self, town):
        own(town)
        assert take(MORNING).attempt_id == 1
        assert watches.take_one(now=later(seconds=119)) is None

    def test_gives_it_again_once_its_holder_must_be_dead(self, town):
        own(town)
        lost = take(MORNING)
        again = take(later(seconds=120))
        assert again.attempt_id == 1
        with transaction.atomic():
            assert watches.still_ours(lease=lost) is None  # should he come back to life
            assert ours(again)

    def test_lines_an_account_s_questions_up_200_ms_apart_and_one_second_ahead(self, town):
        for attempt_id in range(1, 9):
            own(town, attempt_id)
        taken = take_due(now=MORNING, most=20)
        assert [lease.at - MORNING for lease in taken] == [timedelta(milliseconds=200 * place) for place in range(5)]
        assert len(take_due(now=later(seconds=1), most=20)) == 3

    def test_of_one_account_leaves_the_other_s_turn_alone(self, town):
        own(town, 1)
        own(town, 2)
        own(town, 3, account_id=OTHER)
        assert [lease.at for lease in take_due(now=MORNING, most=20) if lease.account_id == OTHER] == [MORNING]


class TestAClockThatWasWrong:
    def test_keeps_no_account_from_being_asked(self, town):
        own(town, 1)
        own(town, 2)
        assert watches.take_one(now=later(days=1)) is not None  # and its holder is killed
        assert watches.take_one(now=MORNING) is None
        watches.forget_wrong_clock(now=MORNING)
        assert {lease.attempt_id for lease in take_due(now=MORNING, most=20)} == {1, 2}

    def test_is_told_from_a_lease_and_a_pause(self, town):
        own(town, 1)
        own(town, 2)
        lease = take(MORNING)
        for _ in range(9):
            watches.note_outage(account_id=ACCOUNT, failure="timeout", draw=0, now=MORNING)
        watches.forget_wrong_clock(now=MORNING)
        assert watches.take_one(now=later(minutes=3)) is None
        with transaction.atomic():
            assert ours(lease)


class TestGivingBack:
    def test_says_when_to_ask_next(self, town):
        own(town)
        give_back(take(MORNING), due_at=later(minutes=3))
        assert (watch().due_at, watch().leased_until) == (later(minutes=3), None)

    def test_hears_whoever_wanted_it_sooner_meanwhile(self, town):
        own(town)
        lease = take(MORNING)
        hasten(town, at=later(seconds=1))
        give_back(lease, due_at=later(minutes=3))
        assert watch().due_at == later(seconds=1)

    def test_closed_is_asked_no_more(self, town):
        own(town)
        lease = take(MORNING)
        with transaction.atomic():
            watches.close(watch=ours(lease), now=later(seconds=1))
        assert watches.take_one(now=later(days=1)) is None


class TestHastening:
    def test_brings_the_next_question_forward_and_never_puts_it_off(self, town):
        own(town, due_at=later(minutes=3))
        assert hasten(town, at=later(minutes=1))
        assert hasten(town, at=later(minutes=2))
        assert watch().due_at == later(minutes=1)

    def test_leaves_closed_what_is_closed_unless_told(self, town):
        own(town)
        Watch.objects.update(closed_at=later(minutes=1))
        assert not hasten(town, at=later(minutes=2))
        assert watches.take_one(now=later(minutes=2)) is None
        assert hasten(town, at=later(minutes=2), reopen=True)
        assert take(later(minutes=2)).attempt_id == 1

    def test_takes_no_lease_from_whoever_asks(self, town):
        own(town)
        lease = take(MORNING)
        hasten(town, at=later(seconds=1), reopen=True)
        assert watches.take_one(now=later(seconds=2)) is None
        with transaction.atomic():
            assert ours(lease)


class TestAnAccountThatDoesNotAnswer:
    def fail(self, now):
        return watches.note_outage(account_id=ACCOUNT, failure="timeout", draw=0, now=now)

    def test_is_tried_by_one_question_at_a_time(self, town):
        for attempt_id in range(1, 5):
            own(town, attempt_id)
        self.fail(MORNING)
        assert watches.take_one(now=later(seconds=3)) is None
        assert len(take_due(now=later(seconds=4), most=20)) == 1
        assert watches.take_one(now=later(seconds=60)) is None

    def test_is_tried_ever_more_rarely_but_every_four_minutes(self, town):
        own(town)
        paces = []
        for _ in range(9):
            self.fail(MORNING)
            paces.append((Pace.objects.get().free_at - MORNING).seconds)
        assert paces == [4, 8, 16, 32, 64, 128, 240, 240, 240]

    def test_is_silent_since_its_first_failure(self, town):
        own(town)
        assert self.fail(later(seconds=1)) == self.fail(later(minutes=5)) == later(seconds=1)

    def test_is_asked_all_that_waits_once_it_answers(self, town):
        for attempt_id in range(1, 4):
            own(town, attempt_id)
        Watch.objects.filter(attempt_id=2).update(due_at=later(minutes=9), failures=3)
        self.fail(MORNING)
        lease = take(later(minutes=5))
        with transaction.atomic():
            held = ours(lease)
            assert watches.note_answer(
                watch=held, answer="pending", is_news=True, at=later(minutes=5), now=later(minutes=5)
            )
            watches.put_back(watch=held, due_at=later(minutes=8))
        assert {one.attempt_id for one in take_due(now=later(minutes=5), most=20)} == {2, 3}
        pace = Pace.objects.get()
        assert (pace.failures, pace.failing_since) == (0, None)


class TestAtOnce:
    def test_no_two_ever_have_the_same_question(self, committed_town):
        for round_ in range(5):
            for number in range(8):
                own(committed_town, 100 * round_ + number, account_id=number)
            taken = at_once(*[partial(take_due, now=MORNING, most=4)] * 4)
            asked = [lease.attempt_id for lease in every(taken)]
            assert len(asked) == len(set(asked))
            assert len(asked) >= 4
            Watch.objects.update(closed_at=MORNING)
            Pace.objects.update(free_at=MORNING)

    def test_an_account_s_questions_keep_their_pace(self, committed_town):
        for number in range(20):
            own(committed_town, number)
        taken = at_once(*[partial(take_due, now=MORNING, most=5)] * 4)
        hours = sorted(lease.at for lease in every(taken))
        assert hours == [MORNING + timedelta(milliseconds=200 * place) for place in range(len(hours))]
        assert 1 <= len(hours) <= 5

    def test_a_new_one_does_not_wait_for_whoever_changes_the_pace_of_its_account(self, committed_town):
        def own_at_once():
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
                own(committed_town, 2)

        own(committed_town, 1)
        with transaction.atomic():  # an answer, that may wait for the titre which the new one has locked
            Pace.objects.update(free_at=later(seconds=1))
            assert at_once(own_at_once) == [None]
