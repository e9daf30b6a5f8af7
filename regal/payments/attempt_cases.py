"""Cases about one attempt: opened because of what was heard of it, closed when their cause is gone."""

from datetime import datetime

from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_case, resolve
from regal.payments.models import Attempt, Evidence


def open_attempt_case(kind: CaseKind, attempt: Attempt, evidence: Evidence, now: datetime) -> None:
    open_case(
        collectivite_id=attempt.collectivite_id,
        kind=kind,
        subject_kind="attempt",
        subject_id=attempt.pk,
        rule="apply_notice",
        facts={"evidence": evidence.pk, "outcome": evidence.outcome},
        now=now,
    )


def resolve_about(*, attempt: Attempt, kind: CaseKind, now: datetime, rule: str = "hear_answer") -> None:
    resolve(
        collectivite_id=attempt.collectivite_id,
        kind=kind,
        subject_kind="attempt",
        subject_ids=[attempt.pk],
        rule=rule,
        now=now,
    )
