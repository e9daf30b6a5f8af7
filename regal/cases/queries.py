"""Questions about cases. Call them inside `tenant()`."""

from django.db.models import Case as Choice
from django.db.models import QuerySet, When

from regal.cases.models import Case, Kind
from regal.gateways.base import Rank
from regal.lib.tenancy import HasKey


def open_cases(*, collectivite: HasKey) -> QuerySet[Case]:
    """What waits for a person, the oldest first; what rests on no proof, which anybody may send, comes last."""
    unproven = When(kind=Kind.OTHER_PAYMENT, facts__rank__lt=Rank.ASKED.value, then=1)
    return (
        Case.objects.of(collectivite)
        .filter(closed_at__isnull=True)
        .order_by(Choice(unproven, default=0), "opened_at", "pk")
    )


def open_cases_about(*, collectivite: HasKey, subject_kind: str, subject_id: int) -> QuerySet[Case]:
    """What waits for a person about one thing."""
    return open_cases(collectivite=collectivite).filter(subject_kind=subject_kind, subject_id=subject_id)
