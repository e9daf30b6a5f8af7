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


def lock_all(*, collectivite_id: int, titre_ids: Collection[int]) -> dict[int, Titre]:
    """Several at once by their number, in the order in which everybody takes them."""
    titres = Titre.objects.filter(collectivite=collectivite_id, pk__in=titre_ids).order_by("pk")
    return {titre.pk: titre for titre in titres.select_for_update(of=("self",), no_key=True).select_related("product")}


def hold(*, titre: Titre, attempt_id: int, until: datetime) -> None:
    """Let nobody else begin before then. The caller has locked the titre."""
    titre.held_by, titre.held_until = attempt_id, until
    titre.save(update_fields=["held_by", "held_until"])


def let_go(*, collectivite_id: int, titre_ids: Collection[int], attempt_id: int) -> None:
    """End an attempt's own holds; another's stay."""
    if len(titre_ids) > 1:
        lock_all(collectivite_id=collectivite_id, titre_ids=titre_ids)
    held = Titre.objects.filter(collectivite=collectivite_id, pk__in=titre_ids, held_by=attempt_id)
    held.update(held_by=None, held_until=None)


def reopen(*, titre: Titre, is_paid_in_part: bool) -> None:
    """A settlement that extinguished something of it counts no more. The caller has locked the titre."""
    _note(titre, paid_at=None, is_paid_in_part=is_paid_in_part)


def mark_paid_in_part(*, titre: Titre) -> None:
    """Its allocations reach something of what is due, not all. The caller has locked the titre."""
    _note(titre, paid_at=None, is_paid_in_part=True)


def mark_paid(*, titre: Titre, at: datetime) -> None:
    """Its allocations reach what is due. The caller has locked the titre."""
    _note(titre, paid_at=at, is_paid_in_part=False)


def _note(titre: Titre, *, paid_at: datetime | None, is_paid_in_part: bool) -> None:
    titre.paid_at, titre.is_paid_in_part = paid_at, is_paid_in_part
    titre.save(update_fields=["paid_at", "is_paid_in_part"])
