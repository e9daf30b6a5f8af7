"""The duties that come round."""

import pytest

from regal.agenda import operations as agenda
from regal.agenda.models import TRIES_BEFORE_A_CASE, Effect
from regal.cases.models import Case
from regal.config import jobs
from regal.gateways.base import Environment
from regal.lib.tenancy import tenant
from regal.payments.models import InboxMessage
from regal.reconciliation import operations as reconciliation
from tests import cast, inquiries, notices, paybox
from tests.files import pes

pytestmark = pytest.mark.django_db


class TestStuckEffects:
    @pytest.mark.parametrize(("tries", "cases"), [(TRIES_BEFORE_A_CASE - 1, 0), (TRIES_BEFORE_A_CASE, 1)])
    def test_open_one_case_each_and_stay_due(self, tries, cases):
        town = cast.make_saint_aubin()
        effect = Effect.objects.create(
            collectivite=town.collectivite, kind="judge_message", subject_id=1, due_at=cast.MORNING, tries=tries
        )
        for _ in range(2):
            jobs.report_stuck_effects(0)
        with tenant(town.collectivite):
            assert Case.objects.of(town.collectivite).count() == cases
        effect.refresh_from_db()
        assert effect.done_at is None

    def test_close_their_case_once_done_in_nobody_s_name(self, monkeypatch):
        towns = cast.make_saint_aubin(), cast.make_next_town()
        effects = [
            Effect.objects.create(
                collectivite=town.collectivite, kind="x", subject_id=1, due_at=cast.MORNING, tries=TRIES_BEFORE_A_CASE
            )
            for town in towns
        ]
        monkeypatch.setattr(jobs, "clock", lambda: cast.later(hours=1))
        jobs.report_stuck_effects(0)
        agenda.carry(effect_id=effects[0].pk, handlers={"x": lambda *_: None}, now=cast.later(hours=2))
        monkeypatch.setattr(jobs, "clock", lambda: cast.later(hours=3))
        for _ in range(2):
            jobs.report_stuck_effects(0)
        seen = []
        for town in towns:
            with tenant(town.collectivite):
                (case,) = Case.objects.of(town.collectivite)
                seen.append((case.closed_at, case.closed_by, case.closed_rule, case.decision))
        assert seen == [
            (cast.later(hours=3), None, "report_stuck_effects", "resolved_itself"),
            (None, None, "", ""),
        ]


class TestPurge:
    @pytest.mark.parametrize(("days", "kept"), [(89, True), (91, False)])
    def test_erases_old_raw_messages_and_keeps_their_digests(self, monkeypatch, days, kept):
        town = cast.make_saint_aubin()
        attempt = cast.start(town).attempt
        notices.tell(town, attempt, notices.form(town, attempt))
        monkeypatch.setattr(jobs, "clock", lambda: cast.later(days=days))
        jobs.purge_old_messages(0)
        with tenant(town.collectivite):
            (message,) = InboxMessage.objects.of(town.collectivite)
        assert (message.body is not None) == kept
        assert len(message.digest) == 64


class TestFiles:
    """A file that covers the day on which a payment was announced, and does not contain it."""

    def deposited(self):
        town = cast.make_town(
            slug="bourg",
            name="Bourg",
            numcli="350001",
            agent="odile",
            origin="https://bourg.example",
            environment=Environment.PRODUCTION,
        )
        attempt = cast.start(town).attempt
        notices.tell(town, attempt, notices.form(town, attempt, saisie="M"))
        with tenant(town.collectivite):
            file = reconciliation.deposit(
                collectivite=town.collectivite,
                content=pes(),
                name="x",
                account_identifier="",
                actor_id=town.agent.pk,
                now=cast.later(hours=9),
            )
        return town, file

    @pytest.mark.parametrize(("days", "cases"), [(1, 0), (2, 1)])
    def test_lack_what_a_person_is_told_of(self, monkeypatch, days, cases):
        town, file = self.deposited()
        now = cast.later(hours=9)
        with tenant(town.collectivite):
            reconciliation.confirm(
                collectivite=town.collectivite,
                file_id=file.pk,
                covers_from=file.covers_from,
                covers_to=file.covers_to,
                actor_id=town.agent.pk,
                now=now,
            )
        notices.run_due(now)
        monkeypatch.setattr(jobs, "clock", lambda: cast.later(days=days))
        for _ in range(2):
            jobs.look_for_absent_payments(0)
        with tenant(town.collectivite):
            assert Case.objects.of(town.collectivite).count() == cases

    @pytest.mark.parametrize(("days", "is_kept"), [(7, True), (8, False)])
    def test_that_nobody_confirms_go_after_a_week(self, monkeypatch, days, is_kept):
        town, file = self.deposited()
        monkeypatch.setattr(jobs, "clock", lambda: cast.later(days=days))
        jobs.tidy_files(0)
        with tenant(town.collectivite):
            file.refresh_from_db()
        assert (file.content is not None) == is_kept


class TestQuestions:
    def test_are_put_by_the_worker_and_settle_what_payfip_did_not_tell_of(self, monkeypatch):
        town = cast.make_saint_aubin()
        canteen = inquiries.make_canteen(town)
        clock = inquiries.Clock()
        with inquiries.speaking_to(inquiries.FakePayfip()) as payfip:
            attempt = inquiries.leave(canteen, cast.make_titre(canteen), clock)
            payfip.says[attempt.key] = "P"
            monkeypatch.setattr(jobs, "clock", clock)
            jobs.check_gateways(0)
            assert payfip.asked == []  # the payer has only just left
            clock.pass_(seconds=30)
            jobs.check_gateways(0)
        assert inquiries.again(attempt).status == "paid"

    def test_have_a_queue_of_their_own(self):
        assert jobs.check_gateways.queue == jobs.QUESTIONS != agenda.QUEUE


class TestProvisionalPayments:
    def test_wait_in_a_case_after_two_working_days(self, monkeypatch):
        town, clock = cast.make_saint_aubin(), inquiries.Clock()
        with paybox.speaking_to(paybox.FakePaybox()):
            product = paybox.make_paybox_product(town)
            attempt = paybox.leave(product, cast.make_titre(product), clock)
            paybox.ipn(attempt, clock)
            for days, kinds in ((2, []), (3, ["not_confirmed"]), (4, ["not_confirmed"])):
                monkeypatch.setattr(jobs, "clock", lambda days=days: cast.later(days=days))
                jobs.look_after_provisional_payments(0)
                with tenant(town.collectivite):
                    assert list(Case.objects.of(town.collectivite).values_list("kind", flat=True)) == kinds
