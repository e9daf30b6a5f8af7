"""The door: no route without a policy, no role beyond its own, and calm pages for what cannot be shown."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import Http404, HttpResponse

from regal.backoffice import pages
from regal.backoffice.policies import EnforcePolicies
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.people.models import Membership, Role, User
from tests import cast
from tests.sites import BureauClient

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose


@pytest.fixture
def town():
    return cast.make_saint_aubin()


def somebody(**fields):
    return User.objects.create_user(identifier="lea", email="lea@example.org", **fields)


def member(town, role):
    user = somebody()
    with tenant(town.collectivite):
        Membership.objects.create(collectivite=town.collectivite, user=user, role=role)
    return user


def ask(rf, user, who, tenant_rule=Tenant.SLUG, slug="saint-aubin"):
    """What `EnforcePolicies` says of a view with this policy: None lets it through."""

    @policy(who=who, tenant=tenant_rule)
    def view(request, **kwargs):
        return HttpResponse()

    request = rf.get("/saint-aubin/")
    request.user = user
    kwargs = {"slug": slug} if tenant_rule is Tenant.SLUG else {}
    return EnforcePolicies(lambda request: HttpResponse()).process_view(request, view, (), kwargs), request


class TestPolicies:
    def test_refuse_a_route_that_declares_none(self, rf):
        request = rf.get("/")
        request.user = somebody(is_operator=True)
        with pytest.raises(PermissionDenied):
            EnforcePolicies(lambda request: HttpResponse()).process_view(
                request, lambda request: HttpResponse(), (), {}
            )

    @pytest.mark.parametrize(
        ("who", "enough"),
        [
            (Who.SIGNED_IN, set(Role)),
            (Who.AGENT, set(Role)),
            (Who.REGISSEUR, {Role.REGISSEUR, Role.ADMINISTRATOR}),
            (Who.ADMINISTRATOR, {Role.ADMINISTRATOR}),
            (Who.OPERATOR, set()),
        ],
    )
    @pytest.mark.parametrize("role", list(Role))
    def test_let_through_the_roles_that_are_enough(self, rf, town, who, enough, role):
        user = member(town, role)
        if role in enough:
            answer, request = ask(rf, user, who)
            assert answer is None
            assert (request.collectivite, request.role) == (town.collectivite, role)
        else:
            with pytest.raises((PermissionDenied, Http404)):
                ask(rf, user, who)

    @pytest.mark.parametrize("who", [one for one in Who if one is not Who.ANYBODY])
    @pytest.mark.parametrize("rule", [Tenant.SLUG, Tenant.NONE])
    def test_lead_strangers_to_the_door(self, rf, town, who, rule):
        answer, _ = ask(rf, AnonymousUser(), who, rule)
        assert answer.url.startswith("/connexion/?next=")

    def test_of_operators_are_not_known_to_others(self, rf, town):
        with pytest.raises(Http404):
            ask(rf, member(town, Role.ADMINISTRATOR), Who.OPERATOR, Tenant.NONE)

    def test_let_no_operator_into_a_town(self, rf, town):
        operator = somebody(is_operator=True)
        for who in (Who.SIGNED_IN, Who.AGENT, Who.REGISSEUR, Who.ADMINISTRATOR, Who.OPERATOR):
            with pytest.raises(Http404):
                ask(rf, operator, who)

    def test_know_no_role_outside_a_town(self, rf, town):
        with pytest.raises(PermissionDenied):
            ask(rf, member(town, Role.ADMINISTRATOR), Who.ADMINISTRATOR, Tenant.NONE)


class TestWhatCannotBeShown:
    @pytest.fixture
    def calm(self, town):
        client = BureauClient(raise_request_exception=False)
        client.force_login(town.agent)
        return client

    def test_because_we_are_wrong_asks_nothing_of_the_database(self, calm, monkeypatch):
        def broken():
            raise DatabaseError

        monkeypatch.setattr(pages, "clock", broken)
        answer = calm.get("/saint-aubin/")
        assert answer.status_code == 500
        assert "Rien n’est perdu" in answer.content.decode()
        assert "Nadia" not in answer.content.decode()

    def test_because_another_role_is_needed_says_so(self, calm, monkeypatch):
        def refused():
            raise PermissionDenied

        monkeypatch.setattr(pages, "clock", refused)
        answer = calm.get("/saint-aubin/")
        assert answer.status_code == 403
        assert "demande un autre rôle" in answer.content.decode()

    def test_because_the_host_is_not_ours_is_a_bad_request(self, calm):
        answer = calm.get("/saint-aubin/", headers={"host": "ailleurs.example"})
        assert answer.status_code == 400
        assert "ne peut pas être lue" in answer.content.decode()
