"""Questions about collectivités, asked before a tenant is known."""

from datetime import datetime

from django.db.models import Q, QuerySet

from regal.collectivites.models import Collectivite
from regal.people.models import Role
from regal.people.queries import roles_of


def workplace(*, user_id: int, slug: str, now: datetime) -> tuple[Collectivite, Role] | None:
    """The collectivité of this slug and the role there; None for a stranger as for a slug that names nothing."""
    collectivite = Collectivite.objects.filter(slug=slug).first()
    role = roles_of(user_id, now=now).get(collectivite.pk if collectivite else 0)
    return (collectivite, role) if collectivite is not None and role is not None else None


def workplaces(user_id: int, *, now: datetime) -> list[Collectivite]:
    """Every collectivité in which somebody works, by name."""
    return list(Collectivite.objects.filter(pk__in=roles_of(user_id, now=now)).order_by("name", "pk"))


def collectivites_called(text: str = "") -> QuerySet[Collectivite]:
    """What an operator sees, by name: those whose name or slug holds these words; no town's rows."""
    found = Collectivite.objects.order_by("name", "pk")
    for word in text.split():
        found = found.filter(Q(name__icontains=word) | Q(slug__icontains=word))
    return found
