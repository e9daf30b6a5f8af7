"""Questions about titres. Call them inside `tenant()`."""

from collections.abc import Collection

from django.db.models import Case, F, Sum, When

from regal.lib.money import Money
from regal.lib.tenancy import HasKey
from regal.titres.models import Adjustment, Direction, Titre, TitreEvent
from regal.titres.states import Event

_STOPS = (Event.SUSPENDED, Event.CANCELLED, Event.TRANSFERRED, Event.WRITTEN_OFF)

_SIGNED = Case(When(direction=Direction.INCREASE, then=F("amount")), default=-F("amount"))


def amount_due(titre: Titre) -> Money:
    """What was issued, with its adjustments; never below zero, and whatever was paid of it."""
    adjustments = Adjustment.objects.filter(collectivite=titre.collectivite_id, titre=titre)
    return titre.amount + _money(adjustments.aggregate(cents=Sum(_SIGNED))["cents"])


def adjusted(*, collectivite: HasKey, keys: Collection[int]) -> dict[int, Money]:
    """By how much each of several titres was adjusted in all, where any was."""
    rows = Adjustment.objects.of(collectivite).filter(titre__in=keys).order_by()
    return {row["titre"]: _money(row["cents"]) for row in rows.values("titre").annotate(cents=Sum(_SIGNED))}


def payer_note_of(titre: Titre) -> str:
    """What its payer may read of why it is not payable: said with the last decision that stopped it."""
    stops = TitreEvent.objects.filter(collectivite=titre.collectivite_id, titre=titre, event__in=_STOPS)
    return stops.order_by("-number").values_list("payer_note", flat=True).first() or ""


def _money(cents: object) -> Money:
    return cents if isinstance(cents, Money) else Money(int(str(cents or 0)))
