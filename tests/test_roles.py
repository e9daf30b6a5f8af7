"""Every role against every bureau route: whoever is not enough is refused, whatever he asks and however.

The routes are read from the table of addresses, so that a new one is tried without a line here (its parameters need one
in `values` of `test_tenancy.py`).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from regal.lib.policy import Tenant, Who
from regal.lib.tenancy import tenant
from regal.people.models import Role, User, Visit
from tests import cast
from tests.database import close_connections
from tests.routes import Route, routes
from tests.sites import BureauClient
from tests.test_tenancy import Neighbours, values


def who_may(route: Route) -> Who | None:
    return route.policy.who if route.policy is not None else None


GUARDED = [route for route in routes("bureau") if who_may(route) is not Who.ANYBODY]
OF_A_TOWN = [route for route in GUARDED if route.policy is not None and route.policy.tenant is Tenant.SLUG]
THE_TOWN_S = [route for route in OF_A_TOWN if route.policy is not None and route.policy.is_the_town_s]
OF_OPERATORS = [route for route in GUARDED if who_may(route) is Who.OPERATOR]
ENOUGH: dict[Who | None, set[Role]] = {
    Who.SIGNED_IN: set(Role),
    Who.AGENT: set(Role),
    Who.REGISSEUR: {Role.REGISSEUR, Role.ADMINISTRATOR},
    Who.ADMINISTRATOR: {Role.ADMINISTRATOR},
}
TOO_LOW = [(route, role) for route in OF_A_TOWN for role in Role if role not in ENOUGH[who_may(route)]]
ENOUGH_OF = [(route, role) for route in OF_A_TOWN for role in Role if role in ENOUGH[who_may(route)]]


class Crowd(Neighbours):
    """The two towns, and everybody who has no business in one of them."""

    def __init__(self) -> None:
        super().__init__()
        ours, theirs = self.saint_aubin, self.next_town
        self.visitor = User.objects.create_user(identifier="vera", email="vera@example.org", is_operator=True)
        with tenant(ours.collectivite):
            now = datetime.now(UTC)
            Visit.objects.create(
                collectivite=ours.collectivite, user=self.visitor, role=Role.ADMINISTRATOR, reason="Une question",
                opened_at=now, ends_at=now + timedelta(hours=2),
            )  # fmt: skip
        self.of_ours = {role: cast.make_agent(ours, f"ici-{role.value}", role) for role in Role}
        self.strangers = {
            "somebody who works nowhere": User.objects.create_user(identifier="seule", email="seule@example.org"),
            "an operator who was never here": User.objects.create_user(
                identifier="otto", email="otto@example.org", is_operator=True
            ),
            "an operator whose visit is over": self.operator,
            **{
                f"the next town's {role.value}": cast.make_agent(theirs, f"ailleurs-{role.value}", role)
                for role in Role
            },
        }


STRANGERS = [
    "somebody who works nowhere",
    "an operator who was never here",
    "an operator whose visit is over",
    *(f"the next town's {role.value}" for role in Role),
]


@pytest.fixture(scope="module")
def crowd(emptier: Any, django_db_blocker: Any) -> Iterator[Crowd]:
    with django_db_blocker.unblock():
        yield Crowd()
        close_connections()
        emptier.empty()


def asked(crowd: Crowd, route: Route, user: User | None) -> list[Any]:
    """The answers to a GET and to a POST, of our town's things at our town's address."""
    known = dict.fromkeys(route.parameters, "x")
    if route.policy is not None and route.policy.tenant is Tenant.SLUG:
        known = values(crowd, route, crowd.saint_aubin, at=crowd.saint_aubin)  # type: ignore[assignment]
    elif "slug" in known:
        known["slug"] = crowd.saint_aubin.collectivite.slug
    client = BureauClient(raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    address = route.address(**known)
    return [client.get(address), client.post(address)]


def name_of(value: Any) -> str:
    return str(getattr(value, "value", value))


class TestRoutes:
    def test_all_declare_who_may_come_in(self):
        assert [route for route in GUARDED if route.policy is None] == []
        assert OF_A_TOWN
        assert OF_OPERATORS

    @pytest.mark.parametrize("route", GUARDED, ids=str)
    def test_lead_whoever_is_not_signed_in_to_the_door(self, crowd, route):
        for answer in asked(crowd, route, None):
            assert answer.status_code == 302
            assert answer.url.startswith("/connexion/?next=")

    @pytest.mark.parametrize("who", STRANGERS)
    @pytest.mark.parametrize("route", OF_A_TOWN, ids=str)
    def test_of_a_town_are_not_there_for_strangers(self, crowd, route, who):
        for answer in asked(crowd, route, crowd.strangers[who]):
            assert answer.status_code == 404

    @pytest.mark.parametrize(("route", "role"), TOO_LOW, ids=name_of)
    def test_of_a_higher_role_are_refused_to_a_lower_one(self, crowd, route, role):
        for answer in asked(crowd, route, crowd.of_ours[role]):
            assert answer.status_code == 403

    def test_of_money_are_the_town_s(self):
        theirs = {route.view.__name__ for route in THE_TOWN_S}
        assert theirs >= {"quittance", "quittance_pdf", "receive_money", "reverse_money", "confirm_file"}

    @pytest.mark.parametrize("route", THE_TOWN_S, ids=str)
    def test_that_are_the_town_s_let_a_visiting_operator_change_nothing(self, crowd, route):
        _looked, acted = asked(crowd, route, crowd.visitor)
        assert acted.status_code == 403

    @pytest.mark.parametrize("route", OF_OPERATORS, ids=str)
    def test_of_operators_are_not_there_for_anybody_else(self, crowd, route):
        somebody = crowd.strangers["somebody who works nowhere"]
        for user in (*crowd.of_ours.values(), somebody):
            for answer in asked(crowd, route, user):
                assert answer.status_code == 404

    @pytest.mark.parametrize(("route", "role"), ENOUGH_OF, ids=name_of)
    def test_let_in_whoever_is_enough(self, crowd, route, role):
        """Else the refusals above would prove nothing. (What is posted here says nothing that could be done.)"""
        looked, _sent = asked(crowd, route, crowd.of_ours[role])
        assert looked.status_code not in (302, 403, 404, 500), looked.status_code
