"""Open a case, once. Looking and closing come with the bureau's screens."""

from collections.abc import Mapping
from datetime import datetime

from regal.cases.models import Case, Kind


def open_case(
    *,
    collectivite_id: int,
    kind: Kind,
    subject_kind: str,
    subject_id: int,
    rule: str,
    facts: Mapping[str, object],
    now: datetime,
) -> Case:
    """The open case of this kind on this subject: a new one, or the one that is already open."""
    case, _ = Case.objects.get_or_create(
        collectivite_id=collectivite_id,
        kind=kind,
        subject_kind=subject_kind,
        subject_id=subject_id,
        closed_at=None,
        defaults={"rule": rule, "facts": dict(facts), "opened_at": now},
    )
    return case
