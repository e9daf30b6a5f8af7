"""Write in the books. Nothing is ever updated or deleted there: a mistake is corrected by another entry."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from regal.gateways.base import Environment
from regal.journal.chain import GENESIS, hash_of
from regal.journal.models import Entry, Head, Kind
from regal.lib import paris
from regal.lib.money import Money


def record_settlement(
    *,
    collectivite_id: int,
    account_id: int,
    environment: str,
    attempt_id: int,
    debt_reference: str,
    exercice: int | None,
    amount: Money,
    occurred_at: datetime,
    digests: Iterable[str],
    now: datetime,
) -> Entry:
    """Enter one settlement. Call it last in the settling transaction: it locks the head of the books."""
    return _append(
        collectivite_id=collectivite_id,
        now=now,
        kind=Kind.SETTLEMENT,
        account_id=account_id,
        environment=environment,
        attempt_id=attempt_id,
        debt_reference=debt_reference,
        exercice=exercice,
        amount=amount,
        occurred_at=occurred_at,
        accounting_day=paris.today(occurred_at),
        digests=sorted(digests),
    )


def record_receipt(
    *,
    collectivite_id: int,
    regie_id: int,
    receipt_id: int,
    means: str,
    debt_reference: str,
    exercice: int | None,
    amount: Money,
    occurred_at: datetime,
    digest: str,
    author: str,
    now: datetime,
) -> Entry:
    """Enter money received otherwise than online, as an agent says it was. As `record_settlement`, call it last."""
    return _append(
        collectivite_id=collectivite_id,
        now=now,
        kind=Kind.SETTLEMENT,
        environment=Environment.PRODUCTION,
        regie_id=regie_id,
        receipt_id=receipt_id,
        means=means,
        debt_reference=debt_reference,
        exercice=exercice,
        amount=amount,
        occurred_at=occurred_at,
        accounting_day=paris.today(occurred_at),
        digests=[digest],
        author=author,
    )


def record_reversal(
    *,
    collectivite_id: int,
    attempt_id: int | None,
    receipt_id: int | None,
    author: str,
    reason: str,
    now: datetime,
) -> Entry:
    """Enter, on the day that it is, that a settlement counts no more. Call it last. Raises Entry.DoesNotExist."""
    corrected = Entry.objects.get(
        collectivite=collectivite_id, kind=Kind.SETTLEMENT, attempt_id=attempt_id, receipt_id=receipt_id
    )
    return _append(
        collectivite_id=collectivite_id,
        now=now,
        kind=Kind.REVERSAL,
        account_id=corrected.account_id,
        environment=corrected.environment,
        attempt_id=attempt_id,
        regie_id=corrected.regie_id,
        receipt_id=receipt_id,
        means=corrected.means,
        debt_reference=corrected.debt_reference,
        exercice=corrected.exercice,
        amount=corrected.amount,
        occurred_at=now,
        accounting_day=paris.today(now),
        digests=corrected.digests,
        corrects=corrected,
        author=author,
        reason=reason,
    )


def seal_day(*, collectivite_id: int, day: date, digests: Iterable[str], now: datetime) -> Entry:
    """Enter the digests of all evidence received on a day, so that none can be added, altered or lost unseen."""
    return _append(
        collectivite_id=collectivite_id,
        now=now,
        kind=Kind.SEAL,
        occurred_at=paris.at(day + timedelta(days=1), time(0)),
        accounting_day=day,
        digests=sorted(digests),
    )


def _append(*, collectivite_id: int, now: datetime, **columns: Any) -> Entry:
    Head.objects.get_or_create(collectivite_id=collectivite_id, defaults={"number": 0, "hash": GENESIS})
    head = Head.objects.select_for_update().get(collectivite_id=collectivite_id)
    entry = Entry(
        collectivite_id=collectivite_id,
        number=head.number + 1,
        previous_hash=head.hash,
        recorded_at=now,
        **columns,
    )
    entry.hash = hash_of(entry)
    entry.save(force_insert=True)
    head.number, head.hash = entry.number, entry.hash
    head.save(update_fields=["number", "hash"])
    return entry
