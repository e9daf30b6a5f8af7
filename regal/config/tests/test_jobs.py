"""The duties that come round."""

import pytest

from regal.agenda.models import Effect
from regal.agenda.operations import TRIES_BEFORE_A_CASE
from regal.cases.models import Case
from regal.config import jobs
from regal.lib.tenancy import tenant
from tests import cast

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
