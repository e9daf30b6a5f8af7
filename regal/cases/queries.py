"""Questions about cases. Call them inside `tenant()`."""

from django.db.models import QuerySet

from regal.cases.models import Case
from regal.lib.tenancy import HasKey


def open_cases(*, collectivite: HasKey) -> QuerySet[Case]:
    """What waits for a person, the oldest first."""
    return Case.objects.of(collectivite).filter(closed_at__isnull=True).order_by("opened_at", "pk")


def open_cases_about(*, collectivite: HasKey, subject_kind: str, subject_id: int) -> QuerySet[Case]:
    """What waits for a person about one thing."""
    return open_cases(collectivite=collectivite).filter(subject_kind=subject_kind, subject_id=subject_id)
