"""What `payments` does to a titre: lock it, hold it while an attempt runs, let it go, mark it paid, reopen it."""

from collections.abc import Collection
from datetime import datetime

from regal.titres.models import Titre


def lock(*, collectivite_id: int, titre_id: int) -> Titre:
    """The titre, locked until the end of the transaction. Raises Titre.DoesNotExist."""
    return (
        Titre.objects.select_for_update(of=("self",), no_key=True)
        .select_related("product")
        .get(collectivite=collectivite_id, pk=titre_id)
    )


def lock_all(*, collectivite_id: int, titre_ids: Collection[int]) -> None:
    """Several at once, in the order in which everybody takes them."""
    titres = Titre.objects.filter(collectivite=collectivite_id, pk__in=titre_ids).order_by("pk")
    list(titres.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))


def hold(*, titre: Titre, attempt_id: int, until: datetime) -> None:
    """Let nobody else begin before then. The caller has locked the titre."""
    titre.held_by, titre.held_until = attempt_id, until
    titre.save(update_fields=["held_by", "held_until"])


def let_go(*, collectivite_id: int, titre_id: int, attempt_id: int) -> None:
    """End an attempt's own hold; another's stays."""
    held = Titre.objects.filter(collectivite=collectivite_id, pk=titre_id, held_by=attempt_id)
    held.update(held_by=None, held_until=None)


def reopen(*, titre: Titre, has_payments: bool) -> None:
    """A settlement that extinguished something of it counts no more. The caller has locked the titre."""
    titre.paid_at, titre.has_payments = None, has_payments
    Titre.objects.filter(collectivite=titre.collectivite_id, pk=titre.pk).update(
        paid_at=None, has_payments=has_payments
    )


def note_payment(*, titre: Titre, paid_at: datetime | None) -> None:
    """Something of it was extinguished: all that was due, then `paid_at` says since when. The caller has locked it."""
    titre.paid_at, titre.has_payments = paid_at, True
    titre.save(update_fields=["paid_at", "has_payments"])


def mark_paid(*, titre: Titre, at: datetime) -> None:
    """No more is due than its allocations reach. The caller has locked the titre."""
    titre.paid_at = at
    titre.save(update_fields=["paid_at"])
