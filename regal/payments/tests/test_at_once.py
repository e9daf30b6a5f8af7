"""Two payers, two workers, fifty equal notifications: at the same time, for real, in as many transactions."""

from functools import partial

import pytest

from regal.agenda.models import Effect
from regal.cases.models import Case
from regal.gateways.base import Outcome
from regal.journal.chain import GENESIS, hash_of
from regal.journal.models import Entry, Head
from regal.lib import tokens
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, AttemptEvent, Evidence, InboxMessage, Settlement
from regal.payments.operations import JUDGE_MESSAGE, Started
from regal.payments.refusals import AlreadyStarted
from tests import cast, notices, proof
from tests.at_once import at_once
from tests.notices import form, hear, notice

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def town(committed_db):
    return cast.make_saint_aubin()


class TestTwoPayersOfOneDebt:
    def test_the_second_is_told_of_the_first(self, town):
        for round_ in range(1, 6):
            debt = f"20260000{round_:04d}000001"
            done = at_once(*[partial(cast.start, town, debt_reference=debt)] * 4)
            names = sorted(type(one).__name__ for one in done)
            assert names == ["EarlierAttempt", "EarlierAttempt", "EarlierAttempt", "Started"]

    def test_once_told_both_may_go_on_and_it_is_recorded(self, town):
        done = at_once(*[partial(cast.start, town, told_of_earlier=True)] * 3)
        assert all(isinstance(one, Started) for one in done)
        with tenant(town.collectivite):
            assert list(Attempt.objects.values_list("warned", flat=True)) == [True] * 3

    def test_of_different_debts_do_not_hinder_each_other(self, town):
        done = at_once(
            *(partial(cast.start, town, debt_reference=f"20260000{number:04d}000001") for number in range(1, 5))
        )
        assert all(isinstance(one, Started) for one in done)

    def test_one_recap_sent_twice_starts_once(self, town):
        token = tokens.new_token()
        done = at_once(*[partial(cast.start, town, flow_token=token, told_of_earlier=True)] * 4)
        assert [isinstance(one, Started) for one in done].count(True) == 1
        assert [isinstance(one, AlreadyStarted) for one in done].count(True) == 3

    def test_one_recap_sent_for_two_debts_starts_once(self, town):
        token = tokens.new_token()
        debts = ["202600000001000001", "202600000002000001"]
        done = at_once(*(partial(cast.start, town, flow_token=token, debt_reference=debt) for debt in debts))
        assert sorted(type(one).__name__ for one in done) == ["AlreadyStarted", "Started"]


class TestFiftyEqualNotifications:
    def test_have_one_effect(self, town):
        attempt = cast.start(town).attempt
        body = form(town, attempt, "R")
        stored = [notices.deliver(town, attempt, body) for _ in range(50)]
        judge = [
            partial(notices.carry_one, pk)
            for pk in Effect.objects.filter(kind=JUDGE_MESSAGE).values_list("pk", flat=True)
        ]
        for start in range(0, 50, 5):  # as many at a time as connections
            assert list(at_once(*judge[start : start + 5])) == [True] * 5
        with tenant(town.collectivite):
            assert InboxMessage.objects.count() == len(stored)
            verdicts = list(Evidence.objects.values_list("verdict", flat=True))
            assert sorted(verdicts) == ["fits", *["repeated"] * 49]
            assert AttemptEvent.objects.filter(event="announced").count() == 1
        assert proof.broken() == ()

    def test_of_proof_settle_once(self, town):
        attempt = cast.start(town).attempt
        for _ in range(10):
            done = at_once(*[partial(hear, town, attempt, notice(town, attempt), digest="a" * 64)] * 5)
            assert not any(isinstance(one, Exception) for one in done), done
        with tenant(town.collectivite):
            assert Settlement.objects.count() == Entry.objects.count() == 1
            assert AttemptEvent.objects.filter(event="settled").count() == 1
            assert sorted(Evidence.objects.values_list("verdict", flat=True)) == ["fits", *["repeated"] * 49]
        assert proof.broken() == ()

    def test_and_contrary_ones_leave_one_settlement_and_one_case(self, town):
        attempt = cast.start(town).attempt
        hear(town, attempt)
        for _ in range(3):
            at_once(
                partial(hear, town, attempt, notice(town, attempt, Outcome.REFUSED)),
                partial(hear, town, attempt, notice(town, attempt, Outcome.ABANDONED)),
                partial(hear, town, attempt),
            )
        with tenant(town.collectivite):
            assert Settlement.objects.count() == 1
            assert Case.objects.count() == 1
            assert AttemptEvent.objects.count() == 3 + 9
        assert proof.broken() == ()


class TestSettlingAtOnce:
    def test_keeps_the_books_gapless_and_chained(self, town):
        attempts = [cast.start(town, debt_reference=f"20260000{n:04d}000001").attempt for n in range(1, 21)]
        for start in range(0, 20, 5):
            done = at_once(*(partial(hear, town, attempt) for attempt in attempts[start : start + 5]))
            assert not any(isinstance(one, Exception) for one in done), done
        with tenant(town.collectivite):
            entries = list(Entry.objects.order_by("number"))
            head = Head.objects.get()
        assert [entry.number for entry in entries] == list(range(1, 21))
        assert {entry.attempt_id for entry in entries} == {attempt.pk for attempt in attempts}
        previous = GENESIS
        for entry in entries:
            assert entry.previous_hash == previous
            assert entry.hash == hash_of(entry)
            previous = entry.hash
        assert (head.number, head.hash) == (20, previous)
