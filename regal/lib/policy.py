"""What every route declares: who may use it, whose rows it shows, who may frame it, and how often it may be asked.

`tests/test_house_rules.py` refuses a view without a policy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])


class Who(StrEnum):
    """Who may use a route. The three roles of a collectivité include one another upwards."""

    ANYBODY = "anybody"
    SIGNED_IN = "signed_in"
    AGENT = "agent"
    REGISSEUR = "regisseur"
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"


class Tenant(StrEnum):
    """Where the collectivité of a route comes from; a stranger to it gets 404."""

    NONE = "none"
    SLUG = "slug"  # the address names it
    TOKEN = "token"  # noqa: S105 - an unguessable part of the address belongs to one of its attempts


class Frame(StrEnum):
    NOBODY = "nobody"
    ALLOWED_ORIGINS = "allowed_origins"  # of the tenant


class Rate(StrEnum):
    """How often one source may ask (`lib/throttle.py` counts the classes that have a limit)."""

    PAGE = "page"
    START = "start"  # creates an attempt
    LOOKUP = "lookup"  # says whether a debt of our own base exists
    NOTIFICATION = "notification"
    SIGN_IN = "sign_in"  # counted by allauth
    HEALTH = "health"


@dataclass(frozen=True, kw_only=True)
class Policy:
    who: Who
    tenant: Tenant
    frame: Frame = Frame.NOBODY
    rate: Rate = Rate.PAGE
    largest_file: int = 0  # bytes that may be sent as a file; 0: none
    is_the_town_s: bool = False  # an operator in visit may look, and do nothing


def policy(
    *,
    who: Who,
    tenant: Tenant,
    frame: Frame = Frame.NOBODY,
    rate: Rate = Rate.PAGE,
    largest_file: int = 0,
    is_the_town_s: bool = False,
) -> Callable[[View], View]:
    """Declare a view's policy: the outermost decorator."""

    def declare(view: View) -> View:
        view.policy = Policy(  # type: ignore[attr-defined]
            who=who, tenant=tenant, frame=frame, rate=rate, largest_file=largest_file, is_the_town_s=is_the_town_s
        )
        return view

    return declare


def policy_of(view: Any) -> Policy | None:
    """The policy that a view declares, if any."""
    declared = getattr(view, "policy", None)
    return declared if isinstance(declared, Policy) else None
