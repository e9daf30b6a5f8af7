"""The checker: whatever is lost on the way, an attempt ends in the truth that its gateway tells when it is asked."""

import itertools
from datetime import timedelta
from functools import partial

import httpx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from regal.agenda.models import Watch
from regal.agenda.watches import take_one
from regal.cases.models import Case
from regal.gateways.payfip_ws.tests.answers import answer
from regal.journal.models import Entry
from regal.lib.tenancy import tenant
from regal.payments.checker import check_due, check_one, hasten_by_payer
from regal.payments.models import Allocation, Attempt, AttemptEvent, Evidence, Settlement
from regal.payments.refusals import GatewayAway
from regal.titres.models import Titre
from tests import cast, proof
from tests.at_once import at_once
from tests.cast import MORNING
from tests.inquiries import (
    Clock,
    FakePayfip,
    again,
    check,
    check_until,
    leave,
    make_canteen,
    nudge,
    pace_of,
    speaking_to,
    watch_of,
)

STRANGE_KEY = "347b2060-1a37-11eb-af92-0213ad91a103"

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def town(committed_db):
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return make_canteen(town)


@pytest.fixture
def titre(canteen):
    return cast.make_titre(canteen)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def payfip():
    with speaking_to(FakePayfip()) as fake:
        yield fake


@pytest.fixture
def attempt(canteen, titre, clock, payfip):
    """Mme Leroy is on PayFiP's page."""
    return leave(canteen, titre, clock)


def kinds(attempt, *, is_open=None):
    """The kinds of the attempt's cases."""
    with tenant(attempt.collectivite_id):
        cases = Case.objects.filter(subject_kind="attempt", subject_id=attempt.pk).order_by("pk")
        if is_open is not None:
            cases = cases.filter(closed_at__isnull=is_open)
        return list(cases.values_list("kind", flat=True))


def events(attempt):
    with tenant(attempt.collectivite_id):
        rows = AttemptEvent.objects.filter(attempt=attempt).order_by("number")
        return list(rows.values_list("event", flat=True))[4:]  # after recorded, key_asked, key_given, payer_left


def evidence(attempt):
    with tenant(attempt.collectivite_id):
        rows = Evidence.objects.filter(attempt=attempt).order_by("pk")
        return [(row.source, row.rank, row.verdict, row.outcome) for row in rows]


class TestALostNotification:
    def test_is_repaired_within_five_minutes(self, attempt, payfip, clock):
        check_until(clock, MORNING + timedelta(minutes=12))
        assert again(attempt).status == "handed_off"
        payfip.says[attempt.key] = "P"
        check_until(clock, clock.now + timedelta(minutes=5))
        assert again(attempt).status == "paid"
        assert events(attempt) == ["settled"]
        assert proof.broken(clock.now) == ()

    def test_settles_its_titre_on_rank_2_evidence(self, attempt, titre, payfip, clock):
        payfip.says[attempt.key] = "P"
        check_until(clock, MORNING + timedelta(minutes=5))
        with tenant(attempt.collectivite_id):
            settlement = Settlement.objects.select_related("evidence").get(attempt=attempt)
            assert (settlement.rank, settlement.evidence.source) == (2, "inquiry")
            assert settlement.evidence.facts["key"] == attempt.key
            assert settlement.occurred_at.isoformat() == "2026-11-24T08:05:00+00:00"
            assert Allocation.objects.get(settlement=settlement).amount == titre.amount
            assert Titre.objects.get(pk=titre.pk).paid_at == settlement.occurred_at
            assert Entry.objects.filter(attempt_id=attempt.pk).count() == 1

    def test_of_a_direct_debit_is_repaired_too(self, attempt, payfip, clock):
        payfip.says[attempt.key] = "V"
        check_until(clock, MORNING + timedelta(minutes=5))
        assert again(attempt).status == "paid"

    def test_is_asked_about_no_more_once_paid(self, attempt, payfip, clock):
        payfip.says[attempt.key] = "P"
        check_until(clock, MORNING + timedelta(minutes=5))
        asked = len(payfip.asked)
        assert watch_of(attempt).closed_at is not None
        check_until(clock, clock.now + timedelta(days=2))
        assert len(payfip.asked) == asked


class TestANudge:
    def test_makes_us_ask_at_once(self, attempt, town, payfip, clock):
        clock.pass_(minutes=3)
        check(clock)
        payfip.says[attempt.key] = "P"
        clock.pass_(seconds=10)
        nudge(town, attempt, attempt.key, clock)
        assert again(attempt).status == "handed_off"  # it proves nothing by itself
        assert check(clock) == 1
        assert again(attempt).status == "paid"
        assert proof.broken(clock.now) == ()

    def test_that_comes_before_the_answer_is_known_costs_a_question(self, attempt, town, payfip, clock):
        nudge(town, attempt, attempt.key, clock)
        assert check(clock) == 1
        assert again(attempt).status == "handed_off"
        assert watch_of(attempt).closed_at is None

    def test_while_we_ask_makes_us_ask_again(self, attempt, town, payfip, clock):
        clock.pass_(seconds=40)
        payfip.meanwhile = lambda: nudge(town, attempt, attempt.key, clock)
        lease = take_one(now=clock.now)
        assert lease is not None
        check_one(lease=lease, clock=clock, draw=lambda: 50)
        assert watch_of(attempt).due_at <= clock.now
        payfip.meanwhile = lambda: None
        payfip.says[attempt.key] = "P"
        clock.pass_(seconds=1)
        assert check(clock) == 1
        assert again(attempt).status == "paid"

    def test_locks_its_watch_before_the_seal_of_the_day_as_the_checker_does(self, attempt, town, clock):
        with CaptureQueriesContext(connection) as queries:
            nudge(town, attempt, attempt.key, clock)
        written = [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE"))]
        watched = [place for place, sql in enumerate(written) if "agenda_watch" in sql]
        sealed = [place for place, sql in enumerate(written) if "agenda_effect" in sql and "seal_evidence" in sql]
        assert max(watched) < min(sealed)

    def test_naming_another_key_changes_nothing(self, attempt, town, payfip, clock):
        clock.pass_(minutes=3)
        check(clock)
        due_at = watch_of(attempt).due_at
        nudge(town, attempt, STRANGE_KEY, clock)
        assert watch_of(attempt).due_at == due_at

    def test_of_a_payment_already_paid_changes_nothing(self, attempt, town, payfip, clock):
        payfip.says[attempt.key] = "P"
        check_until(clock, MORNING + timedelta(minutes=1))
        nudge(town, attempt, attempt.key, clock)
        clock.pass_(seconds=1)
        assert check(clock) == 1
        assert events(attempt) == ["settled"]
        assert watch_of(attempt).closed_at is not None
        assert proof.broken(clock.now) == ()


class TestAnAbandonedPayment:
    def test_may_still_be_paid_under_the_same_key(self, attempt, payfip, clock):
        payfip.says[attempt.key] = "A"
        check_until(clock, MORNING + timedelta(minutes=5))
        assert again(attempt).status == "abandoned"
        payfip.says[attempt.key] = "P"
        check_until(clock, MORNING + timedelta(minutes=10))
        assert again(attempt).status == "paid"
        assert events(attempt) == ["abandoned", "settled"]
        assert kinds(attempt) == []

    @pytest.mark.parametrize(("letter", "status"), [("A", "abandoned"), ("R", "refused"), ("Z", "refused")])
    def test_is_asked_about_until_the_window_has_closed_and_payfip_says_so_again(
        self, attempt, payfip, clock, letter, status
    ):
        payfip.says[attempt.key] = letter
        check_until(clock, MORNING + timedelta(minutes=119))
        assert watch_of(attempt).closed_at is None
        check_until(clock, MORNING + timedelta(minutes=150))
        watch = watch_of(attempt)
        assert watch.closed_at is not None
        assert watch.answered_at is not None
        assert watch.answered_at >= MORNING + timedelta(minutes=120)
        assert again(attempt).status == status
        assert evidence(attempt)[-1] == ("inquiry", 2, "repeated", status)
        assert events(attempt) == [status]
        assert proof.broken(clock.now) == ()


class TestNotKnownYet:
    def test_for_two_hours_and_then_paid(self, attempt, payfip, clock):
        check_until(clock, MORNING + timedelta(hours=2) - timedelta(minutes=1))
        assert again(attempt).status == "handed_off"
        payfip.says[attempt.key] = "P"
        check_until(clock, MORNING + timedelta(hours=2, minutes=25))
        assert again(attempt).status == "paid"

    def test_leaves_one_row_of_evidence_however_often_it_is_said(self, attempt, payfip, clock):
        check_until(clock, MORNING + timedelta(hours=1))
        assert len(payfip.asked) > 8
        assert evidence(attempt) == [("inquiry", 2, "fits", "pending")]
        watch = watch_of(attempt)
        assert (watch.asked, watch.answer) == (len(payfip.asked), "pending")

    def test_for_longer_presumes_the_attempt_dead_and_goes_on_asking(self, attempt, payfip, clock):
        check_until(clock, MORNING + timedelta(hours=3))
        assert again(attempt).status == "expired_presumed"
        assert watch_of(attempt).closed_at is None
        assert proof.broken(clock.now) == ()

    def test_and_paid_after_that_waits_in_a_case(self, attempt, payfip, clock):
        check_until(clock, MORNING + timedelta(hours=3))
        payfip.says[attempt.key] = "P"
        check_until(clock, MORNING + timedelta(hours=4))
        assert again(attempt).status == "paid"
        assert kinds(attempt, is_open=True) == ["late_payment"]
        assert proof.broken(clock.now) == ()

    def test_for_seven_days_ends_in_a_case(self, attempt, payfip, clock):
        check_until(clock, MORNING + timedelta(days=7, hours=1))
        assert again(attempt).status == "expired_presumed"
        assert watch_of(attempt).closed_at is not None
        assert kinds(attempt, is_open=True) == ["no_answer"]
        assert proof.broken(clock.now) == ()

    def test_and_said_after_seven_days_by_a_nudge_is_heard_all_the_same(self, attempt, town, payfip, clock):
        check_until(clock, MORNING + timedelta(days=7, hours=1))
        payfip.says[attempt.key] = "P"
        nudge(town, attempt, attempt.key, clock)
        check(clock)
        assert again(attempt).status == "paid"
        assert kinds(attempt, is_open=True) == ["late_payment"]
        assert kinds(attempt, is_open=False) == ["no_answer"]


class TestAForgottenKey:
    def test_the_next_day_ends_the_attempt(self, attempt, payfip, clock):
        check_until(clock, MORNING + timedelta(hours=20))
        payfip.says[attempt.key] = "P1"
        check_until(clock, clock.now + timedelta(minutes=30))
        assert again(attempt).status == "expired_presumed"
        assert watch_of(attempt).closed_at is not None
        assert kinds(attempt) == []
        assert proof.broken(clock.now) == ()

    def test_right_after_its_creation_is_impossible_and_is_asked_about_again(self, attempt, payfip, clock):
        payfip.says[attempt.key] = "P1"
        check_until(clock, MORNING + timedelta(minutes=2))
        assert again(attempt).status == "handed_off"
        assert kinds(attempt, is_open=True) == ["impossible_answer"]
        payfip.says[attempt.key] = "P"
        check_until(clock, MORNING + timedelta(minutes=7))
        assert again(attempt).status == "paid"
        assert kinds(attempt, is_open=True) == []
        assert proof.broken(clock.now) == ()

    def test_before_a_payment_begun_must_have_ended_concludes_nothing(self, attempt, payfip, clock):
        check_until(clock, MORNING + timedelta(minutes=20))
        payfip.says[attempt.key] = "P1"
        check_until(clock, MORNING + timedelta(minutes=90))
        assert again(attempt).status == "handed_off"
        check_until(clock, MORNING + timedelta(minutes=150))
        assert again(attempt).status == "expired_presumed"
        assert watch_of(attempt).closed_at is not None

    def test_that_was_silent_since_its_page_could_be_opened_waits_in_a_case(self, attempt, town, payfip, clock):
        check_until(clock, MORNING + timedelta(minutes=10))  # not known yet: she may still pay
        payfip.is_down = True
        check_until(clock, MORNING + timedelta(hours=26))
        payfip.is_down = False
        payfip.says[attempt.key] = "P1"
        check_until(clock, MORNING + timedelta(hours=27))
        assert again(attempt).status == "expired_presumed"
        assert kinds(attempt, is_open=True) == ["no_answer"]
        clock.pass_(hours=1)
        nudge(town, attempt, attempt.key, clock)
        check(clock)
        assert kinds(attempt, is_open=True) == ["no_answer"]  # forgotten once more is no news
        assert proof.broken(clock.now) == ()

    def test_of_a_paid_payment_is_no_contradiction(self, attempt, town, payfip, clock):
        payfip.says[attempt.key] = "P"
        check_until(clock, MORNING + timedelta(minutes=1))
        payfip.says[attempt.key] = "P1"
        clock.pass_(days=1)
        nudge(town, attempt, attempt.key, clock)
        check(clock)
        assert again(attempt).status == "paid"
        assert kinds(attempt) == []


class TestOddNews:
    def test_an_unknown_letter_is_neither_paid_nor_refused_and_is_asked_about_again(self, attempt, payfip, clock):
        payfip.says[attempt.key] = "Q"
        check_until(clock, MORNING + timedelta(hours=3))
        assert again(attempt).status == "unknown"
        assert kinds(attempt, is_open=True) == ["unknown_outcome"]
        payfip.says[attempt.key] = "P"
        check_until(clock, clock.now + timedelta(minutes=30))
        assert again(attempt).status == "paid"
        assert proof.broken(clock.now) == ()

    def test_contrary_to_a_payment_opens_a_case_and_changes_nothing(self, attempt, town, payfip, clock):
        payfip.says[attempt.key] = "P"
        check_until(clock, MORNING + timedelta(minutes=1))
        payfip.says[attempt.key] = "R"
        nudge(town, attempt, attempt.key, clock)
        clock.pass_(seconds=1)
        check(clock)
        assert again(attempt).status == "paid"
        assert kinds(attempt, is_open=True) == ["contradiction"]
        assert proof.broken(clock.now) == ()

    @pytest.mark.parametrize("change", [{"montant": "999"}, {"refdet": "FC2026000043"}, {"numcli": "099043"}])
    def test_about_another_payment_opens_a_case_and_settles_nothing(self, attempt, payfip, clock, change):
        payfip.says[attempt.key] = answer("recupererDetailPaiementSecurise", payfip.detail(attempt.key, "P", **change))
        check_until(clock, MORNING + timedelta(minutes=10))
        assert again(attempt).status == "handed_off"
        assert kinds(attempt, is_open=True) == ["other_payment"]
        assert watch_of(attempt).closed_at is None
        assert proof.broken(clock.now) == ()

    def test_about_another_payment_ends_no_question_about_this_one(self, attempt, payfip, clock):
        check_until(clock, MORNING + timedelta(minutes=121))
        payfip.says[attempt.key] = answer(
            "recupererDetailPaiementSecurise", payfip.detail(attempt.key, "A", montant="9")
        )
        check_until(clock, MORNING + timedelta(hours=3))
        assert watch_of(attempt).closed_at is None
        payfip.says[attempt.key] = "P"
        check_until(clock, MORNING + timedelta(hours=4))
        assert again(attempt).status == "paid"

    def test_that_cannot_be_read_waits_in_a_case_after_a_while_and_ends_with_the_first_good_answer(
        self, attempt, payfip, clock
    ):
        payfip.says[attempt.key] = answer("recupererDetailPaiementSecurise", {"resultrans": "P"})
        check_until(clock, MORNING + timedelta(minutes=30))
        assert again(attempt).status == "handed_off"
        assert kinds(attempt, is_open=True) == ["no_answer"]
        assert pace_of(attempt).failing_since is None
        payfip.says[attempt.key] = "P5"
        check_until(clock, clock.now + timedelta(minutes=30))
        assert kinds(attempt, is_open=True) == []

    def test_a_question_that_payfip_refuses_teaches_nothing(self, attempt, payfip, clock):
        payfip.says[attempt.key] = "T2"
        check_until(clock, MORNING + timedelta(minutes=30))
        assert again(attempt).status == "handed_off"
        assert watch_of(attempt).failure == "payfip_T2"
        assert kinds(attempt, is_open=True) == ["no_answer"]


class TestTwoPaymentsOfOneTitre:
    def test_settle_both_and_the_second_is_too_much(self, canteen, titre, payfip, clock):
        first = leave(canteen, titre, clock)
        clock.pass_(minutes=21)
        second = leave(canteen, titre, clock)
        payfip.says |= {first.key: "P", second.key: "P"}
        check_until(clock, clock.now + timedelta(minutes=5))
        assert {again(first).status, again(second).status} == {"paid"}
        assert kinds(first) + kinds(second) == ["excess"]
        with tenant(first.collectivite_id):
            assert Allocation.objects.count() == 1
        assert proof.broken(clock.now) == ()

    def test_after_the_titre_was_cancelled_settles_and_is_all_too_much(self, attempt, titre, payfip, clock):
        with tenant(attempt.collectivite_id):
            Titre.objects.filter(pk=titre.pk).update(status="cancelled")
        payfip.says[attempt.key] = "P"
        check_until(clock, clock.now + timedelta(minutes=5))
        assert again(attempt).status == "paid"
        assert kinds(attempt, is_open=True) == ["excess"]


class TestARequestWhoseAnswerWasLost:
    @pytest.fixture
    def attempt(self, canteen, titre, clock, payfip):
        """PayFiP made a key, and its answer never came."""
        payfip.when_opening = httpx.ReadTimeout("late")
        with pytest.raises(GatewayAway):
            leave(canteen, titre, clock)
        payfip.when_opening = None
        return again(watch_attempt())

    def key(self, payfip):
        return next(iter(payfip.opened))

    def test_never_started_once_nobody_waits_for_it(self, attempt, payfip, clock):
        check_until(clock, MORNING + timedelta(minutes=1))
        assert again(attempt).status == "requested"
        check_until(clock, MORNING + timedelta(minutes=3))
        assert again(attempt).status == "never_started"
        assert payfip.asked == []
        assert watch_of(attempt).closed_at is not None
        assert proof.broken(clock.now) == ()

    def test_gets_its_key_from_a_nudge_and_settles(self, attempt, town, titre, payfip, clock):
        check_until(clock, MORNING + timedelta(minutes=3))
        payfip.says[self.key(payfip)] = "P"
        nudge(town, attempt, self.key(payfip), clock)
        assert check(clock) == 1
        attempt = again(attempt)
        assert (attempt.status, attempt.key) == ("paid", self.key(payfip))
        assert kinds(attempt, is_open=True) == ["late_payment"]
        assert proof.broken(clock.now) == ()

    def test_gets_its_key_while_it_is_still_requested(self, attempt, town, payfip, clock):
        payfip.says[self.key(payfip)] = "P"
        nudge(town, attempt, self.key(payfip), clock)
        check(clock)
        assert again(attempt).status == "paid"
        assert proof.broken(clock.now) == ()

    def test_goes_on_asking_about_a_nudged_key_whose_end_is_not_known(self, attempt, town, payfip, clock):
        nudge(town, attempt, self.key(payfip), clock)
        check_until(clock, MORNING + timedelta(minutes=5))
        assert again(attempt).status == "never_started"
        payfip.says[self.key(payfip)] = "P"
        check_until(clock, MORNING + timedelta(minutes=10))
        assert again(attempt).status == "paid"

    @pytest.mark.parametrize("letter", ["A", "R"])
    def test_never_started_where_payfip_says_so_of_a_nudged_key(self, attempt, town, payfip, clock, letter):
        payfip.says[self.key(payfip)] = letter
        nudge(town, attempt, self.key(payfip), clock)
        check_until(clock, MORNING + timedelta(minutes=5))
        assert again(attempt).key == self.key(payfip)
        check_until(clock, MORNING + timedelta(hours=3))
        assert again(attempt).status == "never_started"
        assert watch_of(attempt).closed_at is not None
        assert proof.broken(clock.now) == ()

    @pytest.mark.parametrize("told", ["P5", "T2", answer("recupererDetailPaiementSecurise", {"resultrans": "P"})])
    def test_asks_about_each_nudged_key_in_turn(self, attempt, town, payfip, clock, told):
        payfip.says[STRANGE_KEY] = told
        nudge(town, attempt, self.key(payfip), clock)
        nudge(town, attempt, STRANGE_KEY, clock)
        check(clock)
        payfip.says[self.key(payfip)] = "P"
        check_until(clock, MORNING + timedelta(minutes=5))
        assert (again(attempt).status, again(attempt).key) == ("paid", self.key(payfip))

    def test_asks_first_about_the_key_just_named(self, attempt, town, payfip, clock):
        nudge(town, attempt, STRANGE_KEY, clock)
        payfip.says[STRANGE_KEY] = "T2"
        check(clock)
        check_until(clock, MORNING + timedelta(minutes=30))
        payfip.says[self.key(payfip)] = "P"
        nudge(town, attempt, self.key(payfip), clock)
        assert check(clock) == 1
        assert again(attempt).status == "paid"

    def test_opens_no_case_for_a_strange_key_that_cannot_be_asked_about(self, attempt, town, payfip, clock):
        payfip.says[STRANGE_KEY] = "T2"
        nudge(town, attempt, STRANGE_KEY, clock)
        check_until(clock, MORNING + timedelta(hours=1))
        assert watch_of(attempt).failures > 8
        assert kinds(attempt) == []

    def test_takes_no_key_of_another_payment(self, attempt, town, canteen, payfip, clock):
        neighbour = leave(canteen, cast.make_titre(canteen, reference="FC2026000043"), clock)
        payfip.says[neighbour.key] = "P"
        nudge(town, attempt, neighbour.key, clock)
        check_until(clock, MORNING + timedelta(minutes=5))
        assert (again(attempt).status, again(attempt).key) == ("never_started", "")
        assert again(neighbour).status == "paid"
        with tenant(attempt.collectivite_id):
            kept = Evidence.objects.get(attempt=attempt, source="inquiry")
        assert kept.facts == {"why": "another_key", "key": neighbour.key}  # and nothing of the neighbour
        assert proof.broken(clock.now) == ()

    def test_takes_no_key_that_another_attempt_on_the_same_titre_has(
        self, attempt, town, canteen, titre, payfip, clock
    ):
        second = leave(canteen, titre, clock)
        payfip.says[second.key] = "P"
        nudge(town, attempt, second.key, clock)
        check_until(clock, MORNING + timedelta(minutes=5))
        assert again(attempt).key == ""
        assert again(second).status == "paid"
        assert proof.broken(clock.now) == ()

    def test_takes_no_key_that_payfip_does_not_know(self, attempt, town, payfip, clock):
        nudge(town, attempt, STRANGE_KEY, clock)
        check_until(clock, MORNING + timedelta(minutes=5))
        assert (again(attempt).status, again(attempt).key) == ("never_started", "")
        assert len(payfip.asked) == 1


class TestAnOutage:
    def test_loses_nothing_and_is_over_within_five_minutes(self, attempt, payfip, clock):
        payfip.is_down = True
        for _ in range(60):
            clock.pass_(hours=1)
            check(clock)
        assert again(attempt).status == "handed_off"
        payfip.is_down = False
        payfip.says[attempt.key] = "P"
        check_until(clock, clock.now + timedelta(minutes=5))
        assert again(attempt).status == "paid"
        assert pace_of(attempt).failing_since is None
        assert proof.broken(clock.now) == ()

    def test_is_not_hammered(self, canteen, payfip, clock):
        for number in range(20):
            leave(canteen, cast.make_titre(canteen, reference=f"FC20260001{number:02d}"), clock)
        payfip.is_down = True
        check_until(clock, MORNING + timedelta(hours=1))
        assert len(payfip.asked) < 35

    def test_brings_all_that_waited_back_quickly(self, canteen, payfip, clock):
        attempts = [
            leave(canteen, cast.make_titre(canteen, reference=f"FC20260001{number:02d}"), clock) for number in range(20)
        ]
        payfip.is_down = True
        for _ in range(20):
            clock.pass_(minutes=30)
            check(clock)
        payfip.is_down = False
        payfip.says |= {attempt.key: "P" for attempt in attempts}
        check_until(clock, clock.now + timedelta(minutes=5))
        assert {again(attempt).status for attempt in attempts} == {"paid"}

    def test_of_an_hour_waits_in_one_case_of_its_account_which_closes_itself(self, attempt, payfip, clock):
        payfip.is_down = True
        for _ in range(15):
            clock.pass_(minutes=20)
            check(clock)
        with tenant(attempt.collectivite_id):
            case = Case.objects.get(kind="no_answer")
        assert (case.subject_kind, case.subject_id, case.closed_at) == ("account", attempt.account_id, None)
        payfip.is_down = False
        check_until(clock, clock.now + timedelta(minutes=5))
        with tenant(attempt.collectivite_id):
            assert Case.objects.get(kind="no_answer").closed_at is not None

    def test_of_one_account_leaves_the_others_alone(self, town, attempt, payfip, clock):
        pool = make_canteen(town, numcli="099043", slug="piscine")
        other = leave(pool, cast.make_titre(pool), clock)
        payfip.says |= {attempt.key: httpx.ReadTimeout("late"), other.key: "P"}
        check_until(clock, MORNING + timedelta(minutes=2))
        assert (again(attempt).status, again(other).status) == ("handed_off", "paid")
        assert pace_of(attempt).failing_since is not None
        assert pace_of(other).failing_since is None

    def test_is_over_as_soon_however_many_payers_got_no_key_meanwhile(self, canteen, attempt, payfip, clock):
        payfip.is_down = True
        check_until(clock, MORNING + timedelta(minutes=10))
        while check(clock) == 0:
            clock.pass_(seconds=2)
        for number in range(10):
            with pytest.raises(GatewayAway):
                leave(canteen, cast.make_titre(canteen, reference=f"FC202600005{number}"), clock)
        payfip.is_down = False
        payfip.says[attempt.key] = "P"
        check_until(clock, clock.now + timedelta(minutes=5))
        assert again(attempt).status == "paid"
        assert proof.broken(clock.now) == ()

    def test_is_tried_by_a_question_that_has_a_key(self, canteen, attempt, payfip, clock):
        payfip.is_down = True
        clock.pass_(seconds=30)
        check(clock)
        for number in range(3):
            with pytest.raises(GatewayAway):
                leave(canteen, cast.make_titre(canteen, reference=f"FC202600005{number}"), clock)
        Watch.objects.filter(asked=0).update(due_at=clock.now)
        asked = len(payfip.asked)
        clock.pass_(seconds=5)
        assert check(clock) == 4  # the three that have no key ask nothing, and give their turn back
        assert len(payfip.asked) == asked + 1

    def test_longer_than_seven_days_still_asks_before_it_concludes(self, attempt, payfip, clock):
        payfip.is_down = True
        for _ in range(36):
            clock.pass_(hours=6)
            check(clock)
        payfip.is_down = False
        payfip.says[attempt.key] = "P"
        check_until(clock, clock.now + timedelta(minutes=5))
        assert again(attempt).status == "paid"


class TestADeath:
    def test_between_the_lease_and_the_answer_only_loses_the_lease(self, attempt, payfip, clock):
        payfip.says[attempt.key] = "P"
        clock.pass_(minutes=1)
        assert take_one(now=clock.now) is not None  # and its holder is killed
        clock.pass_(seconds=119)
        assert check(clock) == 0
        clock.pass_(seconds=1)
        assert check(clock) == 1
        assert again(attempt).status == "paid"

    def test_that_was_only_a_long_sleep_brings_nothing_old_over_what_is_newer(self, attempt, payfip, clock):
        clock.pass_(minutes=1)
        asleep = take_one(now=clock.now)
        assert asleep is not None
        payfip.says[attempt.key] = "A"

        def sleep_and_let_another_ask():
            payfip.meanwhile = lambda: None
            clock.pass_(minutes=3)
            payfip.says[attempt.key] = "P"
            assert check(clock) == 1
            payfip.says[attempt.key] = "A"

        payfip.meanwhile = sleep_and_let_another_ask
        check_one(lease=asleep, clock=clock, draw=lambda: 50)
        assert again(attempt).status == "paid"
        assert kinds(attempt) == []


class TestCheckersAtOnce:
    def test_never_ask_about_one_attempt_together(self, canteen, payfip, clock):
        attempts = [
            leave(canteen, cast.make_titre(canteen, reference=f"FC20260003{number:02d}"), clock) for number in range(5)
        ]
        payfip.says |= {attempt.key: "P" for attempt in attempts}
        clock.pass_(seconds=30)
        done = at_once(*[partial(check, clock)] * 4)
        assert [one for one in done if isinstance(one, Exception)] == []
        clock.pass_(seconds=1)
        check(clock)
        assert sorted(payfip.asked) == sorted(attempt.key for attempt in attempts)
        assert {again(attempt).status for attempt in attempts} == {"paid"}
        assert proof.broken(clock.now) == ()


class TestAClockThatWasWrong:
    def test_delays_no_question_once_it_is_right_again(self, canteen, attempt, payfip, clock):
        clock.pass_(days=1)
        check(clock)
        clock.pass_(days=-1)
        second = leave(canteen, cast.make_titre(canteen, reference="FC2026000043"), clock)
        payfip.says[second.key] = "P"
        clock.pass_(seconds=31)
        check(clock)
        assert again(second).status == "paid"

    def test_makes_nobody_wait_for_more_than_a_second(self, attempt, payfip, clock):
        waited: list[float] = []
        clock.pass_(hours=1)
        hours = itertools.chain([clock.now, clock.now], itertools.repeat(MORNING))  # it goes back after the taking
        check_due(clock=lambda: next(hours), draw=lambda: 50, wait=waited.append)
        assert waited == [1.0]


class TestAPayerWhoLooks:
    def test_makes_us_ask_soon_but_not_for_every_look(self, attempt, payfip, clock):
        clock.pass_(minutes=1)
        check(clock)
        clock.pass_(seconds=6)
        with tenant(attempt.collectivite_id):
            assert hasten_by_payer(attempt=attempt, now=clock.now)
        assert check(clock) == 1
        clock.pass_(seconds=1)
        with tenant(attempt.collectivite_id):
            assert not hasten_by_payer(attempt=attempt, now=clock.now)
        assert check(clock) == 0

    def test_at_a_request_without_a_key_asks_nothing(self, canteen, titre, payfip, clock):
        payfip.is_down = True
        with pytest.raises(GatewayAway):
            leave(canteen, titre, clock)
        attempt = watch_attempt()
        clock.pass_(seconds=6)
        with tenant(attempt.collectivite_id):
            assert not hasten_by_payer(attempt=attempt, now=clock.now)
        assert check(clock) == 0


class TestTheClosing:
    def test_never_comes_from_hastening(self, attempt, town, payfip, clock):
        for _ in range(5):
            nudge(town, attempt, attempt.key, clock)
            check(clock)
            clock.pass_(seconds=1)
        assert watch_of(attempt).closed_at is None


def watch_attempt():
    """The attempt of the only watch."""
    watch = Watch.objects.get()
    with tenant(watch.collectivite_id):
        return Attempt.objects.get(pk=watch.attempt_id)
