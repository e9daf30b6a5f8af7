"""What staff did is written beside the act, and stays."""

import pytest
from django.db import DatabaseError, transaction

from regal.audit.models import AuditEntry, PlatformAct
from regal.audit.operations import record, record_on_platform
from regal.lib.tenancy import tenant
from tests import cast
from tests.cast import MORNING

pytestmark = pytest.mark.django_db


@pytest.fixture
def town():
    return cast.make_saint_aubin()


class TestRecord:
    def test_keeps_who_did_what_to_what(self, town):
        with tenant(town.collectivite):
            record(
                collectivite=town.collectivite,
                action="look",
                subject="attempt 1",
                actor_id=town.agent.pk,
                before={"a": 1},
                after={"a": 2},
                now=MORNING,
            )
            entry = AuditEntry.objects.of(town.collectivite).get(action="look")
        assert (entry.actor, entry.before, entry.after, entry.at) == (town.agent, {"a": 1}, {"a": 2}, MORNING)

    def test_goes_with_the_act(self, town):
        def act_that_fails():
            with tenant(town.collectivite):
                record(collectivite=town.collectivite, action="look", subject="attempt 1", now=MORNING)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            act_that_fails()
        with tenant(town.collectivite):
            assert not AuditEntry.objects.of(town.collectivite).filter(action="look").exists()

    @pytest.mark.parametrize("change", [lambda rows: rows.update(action="nothing"), lambda rows: rows.delete()])
    def test_is_never_changed(self, town, change):
        with tenant(town.collectivite):
            record(collectivite=town.collectivite, action="look", subject="attempt 1", now=MORNING)
        record_on_platform(action="look", subject="user 1", now=MORNING)
        with pytest.raises(DatabaseError), tenant(town.collectivite):
            change(AuditEntry.objects.of(town.collectivite))
        with pytest.raises(DatabaseError), transaction.atomic():
            change(PlatformAct.objects.all())
