"""Each run of the invariants is kept, with what it found."""

from django.db import connections

from regal.audit.models import VerifyRun
from regal.config import jobs
from regal.proof.invariants import INVARIANTS
from tests import cast


class TestRuns:
    def test_are_kept_whether_sound_or_not(self, committed_db, monkeypatch):
        monkeypatch.setattr(jobs, "clock", lambda: cast.later(seconds=1))
        town = cast.make_saint_aubin()
        jobs.verify_invariants(0)
        with connections["owner"].cursor() as cursor:
            cursor.execute("UPDATE people_membership SET role = 'administrator' WHERE user_id = %s", [town.agent.pk])
        jobs.verify_invariants(0)
        sound, broken = VerifyRun.objects.order_by("pk")
        assert (sound.broken, broken.broken) == (0, 1)
        assert sound.invariants == len(INVARIANTS)
        assert sound.rows > 5
        assert sound.at == cast.later(seconds=1)
