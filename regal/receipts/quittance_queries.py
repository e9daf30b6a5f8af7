"""Questions about quittances. Call them inside `tenant()`."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from regal.lib.tenancy import HasKey
from regal.payments.models import Attempt, Reversal, Settlement
from regal.receipts.models import Quittance, QuittanceDelivery
from regal.receipts.quittances import checked_regie
from regal.titres.refusals import Refusal


def quittances_of(settlement_ids: Collection[int], *, collectivite: HasKey) -> dict[int, Quittance]:
    """The quittances of some settlements, by settlement."""
    found = Quittance.objects.of(collectivite).filter(settlement__in=list(settlement_ids))
    return {one.settlement_id: one for one in found}


def reversal_of(quittance: Quittance) -> Reversal | None:
    """What took its money back, and so cancels it."""
    found = Reversal.objects.filter(collectivite=quittance.collectivite_id, settlement=quittance.settlement_id)
    return found.select_related("made_by").first()


def deliveries_of(quittance: Quittance) -> list[QuittanceDelivery]:
    """Who took a PDF of it, the original first."""
    found = QuittanceDelivery.objects.filter(collectivite=quittance.collectivite_id, quittance=quittance)
    return list(found.select_related("made_by").order_by("number"))


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """Of an online payment: its quittance, or whether one may be issued."""

    settlement: int
    quittance: Quittance | None
    is_gone: bool  # it is cancelled
    may_issue: bool


def acknowledged(attempt: Attempt) -> Acknowledged | None:
    """None where nothing was settled."""
    found = Settlement.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
    settlement = found.select_related("attempt__account__regie", "receipt").first()
    if settlement is None:
        return None
    quittance = quittances_of([settlement.pk], collectivite=attempt.collectivite).get(settlement.pk)
    may_issue = False
    if quittance is None:
        with suppress(Refusal):
            may_issue = bool(checked_regie(settlement))
    return Acknowledged(
        settlement=settlement.pk,
        quittance=quittance,
        is_gone=attempt.is_reversed,
        may_issue=may_issue,
    )
