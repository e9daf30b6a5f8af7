"""Record what staff did, in the same transaction as the act."""

from datetime import datetime
from typing import Any

from regal.audit.models import AuditEntry, PlatformAct
from regal.lib.tenancy import HasKey


def record(
    *,
    collectivite: HasKey,
    action: str,
    subject: str,
    now: datetime,
    actor_id: int | None = None,
    before: Any = None,
    after: Any = None,
) -> AuditEntry:
    """One act in one collectivité. `actor_id` None means the command line."""
    return AuditEntry.objects.create(
        collectivite_id=collectivite.pk,
        actor_id=actor_id,
        action=action,
        subject=subject,
        before=before,
        after=after,
        at=now,
    )


def record_on_platform(*, action: str, subject: str, now: datetime, actor_id: int | None = None) -> PlatformAct:
    """One act outside any collectivité; `subject` is a kind and a number, never a name."""
    return PlatformAct.objects.create(actor_id=actor_id, action=action, subject=subject, at=now)
