"""Questions about who works here."""

from datetime import datetime

from django.db import connection
from django.db.models import QuerySet

from regal.lib.tenancy import HasKey
from regal.people.models import Invitation, Membership, Role, User, Visit


def roles_of(user_id: int, *, now: datetime) -> dict[int, Role]:
    """The collectivités in which somebody works or is visiting, by number, and his role in each.

    Asked before any tenant is known.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT collectivite_id, role FROM regal_memberships_of(%s, %s)", [user_id, now])
        return {int(key): Role(role) for key, role in cursor.fetchall()}


def colleagues(collectivite: HasKey) -> list[User]:
    """Who works in a collectivité today, by identifier. Call it inside `tenant()`."""
    working = Membership.objects.of(collectivite).filter(user__is_active=True).select_related("user")
    return [membership.user for membership in working.order_by("user__identifier")]


def members(*, collectivite: HasKey) -> QuerySet[Membership]:
    """Who works here, by name. Call it inside `tenant()`."""
    return (
        Membership.objects.of(collectivite)
        .select_related("user")
        .order_by("user__display_name", "user__identifier", "pk")
    )


def administrators(*, collectivite: HasKey) -> QuerySet[Membership]:
    """The administrators whose accounts are open. Call it inside `tenant()`."""
    return members(collectivite=collectivite).filter(role=Role.ADMINISTRATOR, user__is_active=True)


def latest_invitation(*, collectivite: HasKey, user_id: int) -> Invitation | None:
    """The last one sent from here, or about to be. Call it inside `tenant()`."""
    return Invitation.objects.of(collectivite).filter(user_id=user_id).order_by("-at", "-pk").first()


def visits_under_way(*, collectivite: HasKey, now: datetime) -> QuerySet[Visit]:
    """The operators who are in a town. Call it inside `tenant()`."""
    return (
        Visit.objects.of(collectivite)
        .select_related("user")
        .filter(opened_at__lte=now, ends_at__gt=now, closed_at__isnull=True)
        .order_by("pk")
    )


def demo_account_exists() -> bool:
    """Whether the demonstration left an account, whose password is printed on its start page."""
    return User.objects.filter(is_demo=True).exists()
