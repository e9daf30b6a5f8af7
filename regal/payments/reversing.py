"""A settlement that counts no more: a cheque comes back, somebody typed wrong, a bank takes its money back.

Nothing is edited: the reversal is a row that names the settlement, the books get an entry that names the one that it
corrects, and the titre is due again (I-12, I-21). A settlement is reversed whole, and once.
"""

from datetime import datetime

from regal.audit.operations import record
from regal.cases.models import Kind as CaseKind
from regal.collectivites.models import Collectivite
from regal.gateways.base import Environment
from regal.journal.operations import record_reversal
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments import counter_refusals as refusals
from regal.payments.attempt_cases import resolve_about
from regal.payments.models import Allocation, Attempt, Cause, Means, Reversal, Settlement
from regal.payments.queries import paid_of
from regal.payments.steps import lock_attempt
from regal.titres import holds
from regal.titres.refusals import MissingReason
from regal.titres.typed_text import kept

SHORTEST_REASON, LONGEST_REASON = 5, 300
_CAUSES: dict[Means, tuple[Cause, ...]] = {
    Means.CASH: (Cause.TYPING_ERROR, Cause.GIVEN_BACK),
    Means.CHEQUE: (Cause.UNPAID_CHEQUE, Cause.TYPING_ERROR, Cause.GIVEN_BACK),
    Means.CARD: (Cause.TYPING_ERROR, Cause.GIVEN_BACK, Cause.CHARGEBACK),
    Means.TRANSFER: (Cause.TYPING_ERROR, Cause.REJECTED),
    Means.VOUCHERS: (Cause.TYPING_ERROR, Cause.GIVEN_BACK, Cause.REJECTED),
}
_CAUSES_ONLINE = (Cause.REJECTED, Cause.CHARGEBACK, Cause.FORGED)


def causes_of(settlement: Settlement) -> tuple[Cause, ...]:
    """Why this one may be reversed."""
    return _CAUSES_ONLINE if settlement.receipt is None else _CAUSES[Means(settlement.receipt.means)]


def reverse(*, settlement: Settlement, cause: str, reason: str, now: datetime, actor_id: int | None = None) -> Reversal:
    """Record that a settlement counts no more; its titre, if it has one, is due again.

    Locks as settling does: the attempt, the titres by number, the head of the books. Raises AlreadyReversed,
    NotThisCause, MissingReason, TrialMoney, CardNumber, UnreadableText.
    """
    reason = _reason(reason)
    collectivite_id = settlement.collectivite_id
    with tenant(collectivite_id):
        attempt = _lock(settlement)
        if settlement.environment == Environment.TEST:
            raise refusals.TrialMoney
        if Reversal.objects.filter(collectivite=collectivite_id, settlement=settlement).exists():
            raise refusals.AlreadyReversed
        if cause not in causes_of(settlement):
            raise refusals.NotThisCause
        reversal = Reversal.objects.create(
            collectivite_id=collectivite_id,
            settlement=settlement,
            cause=cause,
            reason=reason,
            made_by_id=actor_id,
            made_at=now,
            accounting_day=paris.today(now),
        )
        allocations = Allocation.objects.filter(collectivite=collectivite_id, settlement=settlement)
        for allocation in allocations.select_related("titre").order_by("titre_id"):
            holds.reopen(titre=allocation.titre, is_paid_in_part=paid_of(allocation.titre) > Money.zero)
        if attempt is not None:
            attempt.is_reversed = True
            attempt.save(update_fields=["is_reversed"])
            for kind in (CaseKind.EXCESS, CaseKind.NOT_CONFIRMED):  # there is no such money any more
                resolve_about(attempt=attempt, kind=kind, rule="reversed", now=now)
        record(
            collectivite=Collectivite(pk=collectivite_id),
            action="reverse_settlement",
            subject=f"settlement {settlement.pk}",
            after={"cause": cause, "amount_cents": settlement.amount.cents},
            now=now,
            actor_id=actor_id,
        )
        record_reversal(  # late: it locks the head of the books
            collectivite_id=collectivite_id,
            attempt_id=settlement.attempt_id,
            receipt_id=settlement.receipt_id,
            author=str(actor_id) if actor_id is not None else "regal",
            reason=cause,
            now=now,
        )
    return reversal


def _lock(settlement: Settlement) -> Attempt | None:
    collectivite_id = settlement.collectivite_id
    attempt = None
    if settlement.attempt_id is not None:
        attempt = lock_attempt(collectivite_id=collectivite_id, attempt_id=settlement.attempt_id)
    allocations = Allocation.objects.filter(collectivite=collectivite_id, settlement=settlement)
    holds.lock_all(collectivite_id=collectivite_id, titre_ids=set(allocations.values_list("titre_id", flat=True)))
    return attempt


def _reason(text: str) -> str:
    reason = kept(text, "reason")
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise MissingReason(shortest=SHORTEST_REASON, longest=LONGEST_REASON)
    return reason
