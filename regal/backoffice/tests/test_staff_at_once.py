"""Two administrators who act at the same moment never leave a collectivité without one."""

from functools import partial

import pytest

from regal.backoffice import refusals, staff
from regal.lib.tenancy import tenant
from regal.people.models import Membership, Role
from regal.people.queries import administrators
from tests import cast
from tests.at_once import at_once


@pytest.mark.parametrize("act", [staff.remove, partial(staff.change_role, role="agent")], ids=["remove", "demote"])
def test_each_other(committed_db, act):
    town = cast.make_saint_aubin()
    chiefs = [cast.make_agent(town, name, Role.ADMINISTRATOR) for name in ("paul", "rose")]
    with tenant(town.collectivite):
        there = Membership.objects.of(town.collectivite).select_related("user", "collectivite")
        paul, rose = (there.get(user=chief) for chief in chiefs)
    answers = at_once(
        lambda: act(membership=rose, now=cast.MORNING, actor_id=paul.user_id),
        lambda: act(membership=paul, now=cast.MORNING, actor_id=rose.user_id),
    )
    assert [type(answer) for answer in answers if isinstance(answer, Exception)] == [refusals.LastAdministrator]
    with tenant(town.collectivite):
        assert administrators(collectivite=town.collectivite).count() == 1
