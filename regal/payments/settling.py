"""What a proof of payment does: the settlement, what it extinguishes, its line in the books, what is too much."""

from datetime import datetime
from typing import Any

from regal.agenda.operations import schedule
from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_case
from regal.gateways.base import DebtKind, Environment, Rank
from regal.gateways.payfip_url.gateway import PayfipUrl
from regal.journal.operations import record_settlement
from regal.lib import paris
from regal.lib.money import Money
from regal.payments.attempt_cases import open_attempt_case, resolve_about
from regal.payments.models import Allocation, Attempt, Evidence, Payer, Settlement
from regal.payments.queries import balance_of, still_counting
from regal.payments.shares import shares_of
from regal.payments.states import Event, State
from regal.payments.steps import advance
from regal.titres import holds
from regal.titres.models import Titre
from regal.titres.states import State as TitreState

SEND_TICKET = "send_ticket"  # carried out in `receipts`


def settle(*, attempt: Attempt, evidence: Evidence, transaction: str, occurred_at: datetime, now: datetime) -> None:
    """An attempt is proved paid: provisionally, where only a signature says so."""
    is_late = attempt.titre_id is not None and attempt.status in (State.EXPIRED_PRESUMED, State.NEVER_STARTED)
    advance(attempt=attempt, event=Event.SETTLED, evidence=evidence, occurred_at=occurred_at, now=now)
    if evidence.rank < Rank.ASKED:
        attempt.is_provisional = True
        attempt.save(update_fields=["is_provisional"])
    if is_late:
        open_attempt_case(CaseKind.LATE_PAYMENT, attempt, evidence, now)
    settlement = Settlement.objects.create(
        collectivite_id=attempt.collectivite_id,
        attempt=attempt,
        account_id=attempt.account_id,
        environment=attempt.environment,
        debt_reference=attempt.debt_reference,
        exercice=attempt.exercice,
        amount=attempt.amount,
        transaction=transaction,
        evidence=evidence,
        rank=evidence.rank,
        occurred_at=occurred_at,
        accounting_day=paris.today(occurred_at),
        recorded_at=now,
    )
    _allocate(attempt=attempt, settlement=settlement, occurred_at=occurred_at, now=now)
    _owe_ticket(attempt=attempt, settlement=settlement, now=now)
    record_settlement(  # late: it locks the head of the books
        collectivite_id=attempt.collectivite_id,
        account_id=attempt.account_id,
        environment=attempt.environment,
        attempt_id=attempt.pk,
        debt_reference=attempt.debt_reference,
        exercice=attempt.exercice,
        amount=attempt.amount,
        occurred_at=occurred_at,
        digests=[evidence.digest],
        now=now,
    )
    _report_double_payment(attempt=attempt, now=now)
    for kind in (CaseKind.ABSENT_FROM_FILE, CaseKind.NOT_NOTIFIED):
        resolve_about(attempt=attempt, kind=kind, rule="settled", now=now)


def confirm(*, attempt: Attempt, now: datetime) -> None:
    """Better than a signature says that it is paid."""
    attempt.is_provisional = False
    attempt.save(update_fields=["is_provisional"])
    resolve_about(attempt=attempt, kind=CaseKind.NOT_CONFIRMED, rule="confirmed", now=now)


def _allocate(*, attempt: Attempt, settlement: Settlement, occurred_at: datetime, now: datetime) -> None:
    """Extinguish each titre as far as something is due; what is too much of all of them waits in one case.

    Test money pays nothing.
    """
    if attempt.titre_id is None or attempt.environment == Environment.TEST:
        return
    shares = shares_of(attempt)
    titres = holds.lock_all(collectivite_id=attempt.collectivite_id, titre_ids=[share.titre_id for share in shares])
    too_much = []
    for share in shares:
        titre = titres[share.titre_id]
        excess, why = _extinguish(titre, share.amount, settlement=settlement, occurred_at=occurred_at, now=now)
        if excess > Money.zero:
            too_much.append({"titre": titre.pk, "excess_cents": excess.cents, "why": why})
    if too_much:
        open_case(
            collectivite_id=attempt.collectivite_id,
            kind=CaseKind.EXCESS,
            subject_kind="attempt",
            subject_id=attempt.pk,
            rule="settled",
            facts=_facts_of(too_much, are_several=len(shares) > 1),
            now=now,
        )


def _facts_of(too_much: list[dict[str, Any]], *, are_several: bool) -> dict[str, Any]:
    if not are_several:
        return too_much[0]
    excess = sum(part["excess_cents"] for part in too_much)
    return {**too_much[0], "excess_cents": excess, "parts": too_much}


def _extinguish(
    titre: Titre, amount: Money, *, settlement: Settlement, occurred_at: datetime, now: datetime
) -> tuple[Money, str]:
    """Allocate to a titre what it still owes; what is too much of the amount, and why. The caller has locked it."""
    is_due = titre.status in (TitreState.OPEN, TitreState.SUSPENDED)
    left = max(balance_of(titre), Money.zero) if is_due else Money.zero
    allocated = min(amount, left)
    if allocated > Money.zero:
        Allocation.objects.create(
            collectivite_id=settlement.collectivite_id,
            settlement=settlement,
            titre=titre,
            amount=allocated,
            recorded_at=now,
        )
        if allocated == left:
            holds.mark_paid(titre=titre, at=occurred_at)
        else:
            holds.mark_paid_in_part(titre=titre)
    return amount - allocated, "paid" if is_due else titre.status


def _owe_ticket(*, attempt: Attempt, settlement: Settlement, now: datetime) -> None:
    """Have the payer told of what was paid in régie; elsewhere TIPI sends its own ticket."""
    if attempt.titre_id is None or attempt.account.gateway == PayfipUrl.name:
        return
    if Payer.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt).exists():
        schedule(
            collectivite_id=attempt.collectivite_id,
            kind=SEND_TICKET,
            subject_id=settlement.pk,
            due_at=now,
            now=now,
        )


def _report_double_payment(*, attempt: Attempt, now: datetime) -> None:
    """PayFiP takes a régie's invoice twice: a person must see the second settlement.

    Asked once the head of the books is held: of two that settle at the same instant, the second sees the first.
    """
    if attempt.account.debt_kind != DebtKind.REGIE or attempt.titre_id is not None:  # an excédent says it already
        return
    settled = Settlement.objects.filter(
        collectivite=attempt.collectivite_id,
        account=attempt.account_id,
        environment=attempt.environment,
        debt_reference=attempt.debt_reference,
    )
    others = still_counting(settled).exclude(attempt=attempt)
    earlier = others.order_by("pk").values_list("attempt_id", flat=True).first()
    if earlier is not None:
        open_case(
            collectivite_id=attempt.collectivite_id,
            kind=CaseKind.DOUBLE_PAYMENT,
            subject_kind="attempt",
            subject_id=attempt.pk,
            rule="settled",
            facts={"other_attempt": earlier},
            now=now,
        )
