"""Questions about who works here."""

from django.db import connection

from regal.lib.tenancy import HasKey
from regal.people.models import Membership, Role, User


def roles_of(user_id: int) -> dict[int, Role]:
    """The collectivités in which somebody works, by number, and his role in each; asked before any tenant is known."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT collectivite_id, role FROM regal_memberships_of(%s)", [user_id])
        return {int(key): Role(role) for key, role in cursor.fetchall()}


def colleagues(collectivite: HasKey) -> list[User]:
    """Who works in a collectivité today, by identifier. Call it inside `tenant()`."""
    working = Membership.objects.of(collectivite).filter(user__is_active=True).select_related("user")
    return [membership.user for membership in working.order_by("user__identifier")]


def demo_account_exists() -> bool:
    """Whether the demonstration left an account, whose password is printed on its start page."""
    return User.objects.filter(is_demo=True).exists()
