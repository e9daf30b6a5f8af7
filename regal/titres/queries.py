"""Questions about titres. Call them inside `tenant()`."""

from django.db.models import Case, F, Sum, When

from regal.lib.money import Money
from regal.titres.models import Adjustment, Direction, Titre


def amount_due(titre: Titre) -> Money:
    """What was issued, with its adjustments; never below zero, and whatever was paid of it."""
    signed = Case(When(direction=Direction.INCREASE, then=F("amount")), default=-F("amount"))
    adjustments = Adjustment.objects.filter(collectivite=titre.collectivite_id, titre=titre)
    adjusted = adjustments.aggregate(cents=Sum(signed))["cents"]
    return titre.amount + _money(adjusted)


def _money(cents: object) -> Money:
    return cents if isinstance(cents, Money) else Money(int(str(cents or 0)))
