"""What the page of an online payment says of a reversal."""

from dataclasses import dataclass

from regal.gateways.base import Environment
from regal.payments.models import Attempt, Reversal, Settlement


@dataclass(frozen=True, kw_only=True)
class Reversible:
    """What an online payment's page says of a reversal."""

    settlement: int | None  # that may be reversed
    reversal: Reversal | None


def reversible(attempt: Attempt) -> Reversible:
    """Whether it may be reversed, or was. Call it inside `tenant()`."""
    settled = Settlement.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
    settlement = settled.exclude(environment=Environment.TEST).first()
    if settlement is None:
        return Reversible(settlement=None, reversal=None)
    made = Reversal.objects.filter(collectivite=attempt.collectivite_id, settlement=settlement)
    reversal = made.select_related("made_by").first()
    return Reversible(settlement=settlement.pk if reversal is None else None, reversal=reversal)
