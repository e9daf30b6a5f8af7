"""Questions about collectivités, asked before a tenant is known."""

from regal.collectivites.models import Collectivite
from regal.people.models import Role
from regal.people.queries import roles_of


def workplace(*, user_id: int, slug: str) -> tuple[Collectivite, Role] | None:
    """The collectivité of this slug and the role there; None for a stranger as for a slug that names nothing."""
    collectivite = Collectivite.objects.filter(slug=slug).first()
    role = roles_of(user_id).get(collectivite.pk if collectivite else 0)
    return (collectivite, role) if collectivite is not None and role is not None else None


def workplaces(user_id: int) -> list[Collectivite]:
    """Every collectivité in which somebody works, by name."""
    return list(Collectivite.objects.filter(pk__in=roles_of(user_id)).order_by("name", "pk"))


def all_collectivites() -> list[Collectivite]:
    """What an operator sees: names and slugs, no town's rows."""
    return list(Collectivite.objects.order_by("name", "pk"))
