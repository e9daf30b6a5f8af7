"""Questions about titres. Call them inside `tenant()`."""

from django.db.models import Case, F, Sum, When

from regal.lib.money import Money
from regal.titres.models import Adjustment, Direction, Titre, TitreEvent
from regal.titres.states import Event

_STOPS = (Event.SUSPENDED, Event.CANCELLED, Event.TRANSFERRED, Event.WRITTEN_OFF)


def amount_due(titre: Titre) -> Money:
    """What was issued, with its adjustments; never below zero, and whatever was paid of it."""
    signed = Case(When(direction=Direction.INCREASE, then=F("amount")), default=-F("amount"))
    adjustments = Adjustment.objects.filter(collectivite=titre.collectivite_id, titre=titre)
    adjusted = adjustments.aggregate(cents=Sum(signed))["cents"]
    return titre.amount + _money(adjusted)


def payer_note_of(titre: Titre) -> str:
    """What its payer may read of why it is not payable: said with the last decision that stopped it."""
    stops = TitreEvent.objects.filter(collectivite=titre.collectivite_id, titre=titre, event__in=_STOPS)
    return stops.order_by("-number").values_list("payer_note", flat=True).first() or ""


def _money(cents: object) -> Money:
    return cents if isinstance(cents, Money) else Money(int(str(cents or 0)))
