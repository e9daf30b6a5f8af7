"""Questions about what staff did. Call them inside `tenant()`."""

from dataclasses import dataclass

from regal.audit.models import AuditEntry
from regal.lib.tenancy import HasKey
from regal.people.models import User

PAGE_LENGTH = 50


@dataclass(frozen=True, kw_only=True)
class Page:
    entries: list[AuditEntry]
    next_before: int | None  # None on the last page


def page_of_entries(
    *,
    collectivite: HasKey,
    actor_id: int | None = None,
    by_nobody: bool = False,
    action: str = "",
    before: int | None = None,
) -> Page:
    """One page, the newest first: acts are never written but at the end, so their numbers follow their moments."""
    entries = AuditEntry.objects.of(collectivite).order_by("-pk")
    if by_nobody:
        entries = entries.filter(actor__isnull=True)
    if actor_id is not None:
        entries = entries.filter(actor_id=actor_id)
    if action:
        entries = entries.filter(action=action)
    if before is not None:
        entries = entries.filter(pk__lt=before)
    found = list(entries[: PAGE_LENGTH + 1])
    return Page(
        entries=found[:PAGE_LENGTH], next_before=found[PAGE_LENGTH - 1].pk if len(found) > PAGE_LENGTH else None
    )


def last_act(*, collectivite: HasKey, action: str, subject: str) -> AuditEntry | None:
    """The last time that somebody did this to this."""
    done = AuditEntry.objects.of(collectivite).filter(action=action, subject=subject)
    return done.select_related("actor").order_by("-at", "-pk").first()


def actors(*, collectivite: HasKey) -> list[User | None]:
    """Who ever acted here, by name; None for the command line."""
    keys = set(AuditEntry.objects.of(collectivite).order_by().values_list("actor_id", flat=True).distinct())
    people = User.objects.filter(pk__in=keys - {None}).order_by("display_name", "identifier")
    return [*people, *([None] if None in keys else [])]


def actions_done(*, collectivite: HasKey) -> list[str]:
    """Which kinds of act were ever done here."""
    return list(AuditEntry.objects.of(collectivite).order_by("action").values_list("action", flat=True).distinct())
