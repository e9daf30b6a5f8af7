"""Who may enter: every bureau route is let through only by the policy it declares.

Whoever is not signed in is led to the door. Whoever does not work in the collectivité that the address names is told
the same as for an address that leads nowhere.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy

from regal.collectivites import debt_words
from regal.collectivites.models import Collectivite, DebtWord
from regal.collectivites.queries import workplace
from regal.lib.policy import Policy, Tenant, Who, policy_of
from regal.lib.tenancy import tenant
from regal.people.models import Role, User, Visit
from regal.people.queries import visits_under_way

_ONLY_LOOKS = ("GET", "HEAD", "OPTIONS")

_ROLES_ENOUGH = {
    Who.SIGNED_IN: frozenset(Role),
    Who.AGENT: frozenset(Role),
    Who.REGISSEUR: frozenset({Role.REGISSEUR, Role.ADMINISTRATOR}),
    Who.ADMINISTRATOR: frozenset({Role.ADMINISTRATOR}),
}


class BureauRequest(HttpRequest):
    """A request that `EnforcePolicies` let through to a collectivité's page."""

    user: User
    collectivite: Collectivite
    role: Role
    visits: list[Visit]  # the operators who are in the town, for its administrators and for themselves


def clock() -> datetime:
    """The door's one look at the time: a visit ends by itself."""
    return datetime.now(UTC)


class EnforcePolicies:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """None lets the view answer. Raises PermissionDenied, Http404."""
        debt_words.activate(DebtWord.FACTURE)
        declared = policy_of(view)
        if declared is None:
            raise PermissionDenied("a route without a policy")
        if declared.who is Who.ANYBODY:
            return None
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if declared.who is Who.OPERATOR and not request.user.is_operator:
            raise Http404
        if declared.tenant is Tenant.SLUG:
            _enter(request, request.user, str(kwargs["slug"]), declared)
        elif declared.who not in (Who.SIGNED_IN, Who.OPERATOR):
            raise PermissionDenied("a role, and no town to have it in")
        return None


def demand(request: BureauRequest, who: Who) -> None:
    """For a view that shows more people than may act: raises PermissionDenied unless the role is enough."""
    if request.role not in _ROLES_ENOUGH.get(who, frozenset()):
        raise PermissionDenied("not this role")


MONEY_IS_THE_TOWN_S = gettext_lazy(
    "Encaisser, annuler un encaissement, délivrer une quittance ou confirmer un fichier reste à la collectivité : "
    "un régisseur ou un administrateur peut le faire."
)


def may_move_money(request: BureauRequest) -> bool:
    """It engages the régie: an operator in visit never does it in the town's name."""
    return request.role in _ROLES_ENOUGH[Who.REGISSEUR] and not request.user.is_operator


def money_is_not_for(request: BureauRequest) -> str:
    """Why an operator in visit finds no button; "" for the town's own people, whose roles tell them enough."""
    return str(MONEY_IS_THE_TOWN_S) if request.user.is_operator else ""


def _enter(request: HttpRequest, user: User, slug: str, declared: Policy) -> None:
    now = clock()
    found = workplace(user_id=user.pk, slug=slug, now=now)
    if found is None:
        raise Http404
    collectivite, role = found
    if role not in _ROLES_ENOUGH.get(declared.who, frozenset()):
        raise PermissionDenied("not this role")
    if user.is_operator and role is Role.AGENT and request.method not in _ONLY_LOOKS:
        raise PermissionDenied("a visitor who said that he would only look")
    if user.is_operator and declared.is_the_town_s and request.method not in _ONLY_LOOKS:
        raise PermissionDenied("a visitor does nothing that only the town may do")
    debt_words.activate(collectivite.debt_word)
    visits: list[Visit] = []
    if user.is_operator or role is Role.ADMINISTRATOR:
        with tenant(collectivite):
            visits = list(visits_under_way(collectivite=collectivite, now=now))
    request.collectivite, request.role, request.visits = collectivite, role, visits  # type: ignore[attr-defined]
