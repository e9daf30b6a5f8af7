"""Record what staff did, in the same transaction as the act."""

from datetime import datetime
from typing import Any

from django.db import transaction

from regal.audit.models import AuditEntry, PlatformAct, VerifyRun
from regal.lib.tenancy import HasKey

RUNS_KEPT = 1000  # three days and a half


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


@transaction.atomic
def keep_run(*, at: datetime, invariants: int, rows: int, broken: int, milliseconds: int) -> VerifyRun:
    """What a run of the invariants found; the oldest make room."""
    run = VerifyRun.objects.create(at=at, invariants=invariants, rows=rows, broken=broken, milliseconds=milliseconds)
    last_kept = VerifyRun.objects.order_by("-pk").values_list("pk", flat=True)[RUNS_KEPT - 1 : RUNS_KEPT]
    VerifyRun.objects.filter(pk__lt=max(last_kept, default=0)).delete()
    return run
