"""The duties that come round."""

import pytest

from regal.agenda import operations as agenda
from regal.agenda.models import Effect
from regal.agenda.operations import TRIES_BEFORE_A_CASE
from regal.cases.models import Case
from regal.config import jobs
from regal.lib.tenancy import tenant
from regal.payments.models import InboxMessage
from tests import cast, notices

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
