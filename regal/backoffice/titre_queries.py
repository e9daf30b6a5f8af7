"""What the pages of invoices ask. Call it inside `tenant()`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import BigIntegerField, F, Q, QuerySet, Sum, When
from django.db.models import Case as SqlCase

from regal.backoffice.queries import Tally
from regal.cases.models import Case, Kind
from regal.collectivites.models import Product
from regal.gateways.base import Misconfigured
from regal.gateways.registry import UnknownGateway
from regal.lib.money import Money
from regal.lib.tenancy import HasKey
from regal.lib.vault import VaultError
from regal.payments.accounts import gateway_of
from regal.payments.models import Allocation, Attempt
from regal.payments.states import State as PaymentState
from regal.titres.models import Adjustment, Debtor, Direction, Titre, TitreEvent
from regal.titres.states import State


class Situation(StrEnum):
    """Where an invoice stands for whoever collects it: what people decided and what payments did, in one word."""

    PAYABLE = "a-payer"
    HELD = "en-paiement"
    PAID = "payee"
    DRAFT = "brouillon"
    SUSPENDED = "suspendue"
    CANCELLED = "annulee"
    TRANSFERRED = "transmise"
    WRITTEN_OFF = "abandonnee"
    WITHDRAWN = "retiree"


_DECIDED = {
    State.DRAFT: Situation.DRAFT,
    State.SUSPENDED: Situation.SUSPENDED,
    State.CANCELLED: Situation.CANCELLED,
    State.TRANSFERRED: Situation.TRANSFERRED,
    State.WRITTEN_OFF: Situation.WRITTEN_OFF,
    State.WITHDRAWN: Situation.WITHDRAWN,
}


def situation_of(titre: Titre, *, now: datetime) -> Situation:
    """Paid before anything else; then what people decided; then whether somebody is paying."""
    if titre.paid_at is not None:
        return Situation.PAID
    if titre.status != State.OPEN:
        return _DECIDED[State(titre.status)]
    return Situation.HELD if titre.is_held(now) else Situation.PAYABLE


def _where(situation: Situation, *, now: datetime) -> Q:
    if situation is Situation.PAID:
        return Q(paid_at__isnull=False)
    unpaid = Q(paid_at__isnull=True)
    if situation is Situation.HELD:
        return unpaid & Q(status=State.OPEN, held_until__gt=now)
    if situation is Situation.PAYABLE:
        return unpaid & Q(status=State.OPEN) & (Q(held_until__isnull=True) | Q(held_until__lte=now))
    return unpaid & Q(status=next(state for state, one in _DECIDED.items() if one is situation))


def titre_products(*, collectivite: HasKey) -> list[Product]:
    """The products whose invoices stand in our own base: their gateway knows no debt."""
    products = Product.objects.of(collectivite).select_related("account__regie", "collectivite")
    return [product for product in products if _needs_titre(product)]


def _needs_titre(product: Product) -> bool:
    try:
        return gateway_of(product.account).needs_titre
    except (Misconfigured, UnknownGateway, KeyError, VaultError):
        return False


def selected_titres(
    *,
    collectivite: HasKey,
    now: datetime,
    product_id: int | None = None,
    situation: Situation | None = None,
    end: str = "",
) -> QuerySet[Titre]:
    """The invoices meant, in no order; `end`: of the reference, letters and digits only."""
    found = Titre.objects.of(collectivite)
    if product_id is not None:
        found = found.filter(product=product_id)
    if situation is not None:
        found = found.filter(_where(situation, now=now))
    if end:
        found = found.filter(reference__endswith=end.upper())
    return found


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Of one invoice."""

    due: Money
    paid: Money

    @property
    def left(self) -> Money:
        return self.due - self.paid


def sums_of(titres: Iterable[Titre], *, collectivite: HasKey) -> dict[int, Sums]:
    """What is due and what was paid, of each invoice of a page: two questions for all.

    Once cancelled or written off, nothing more is due than what was paid.
    """
    rows = list(titres)
    keys = [titre.pk for titre in rows]
    adjusted = _per_titre(Adjustment.objects.of(collectivite).filter(titre__in=keys), _SIGNED)
    paid = _per_titre(Allocation.objects.of(collectivite).filter(titre__in=keys), F("amount"))
    sums = {}
    for titre in rows:
        extinguished = paid.get(titre.pk, Money.zero)
        due = titre.amount + adjusted.get(titre.pk, Money.zero)
        if titre.status in (State.CANCELLED, State.WRITTEN_OFF, State.WITHDRAWN):
            due = extinguished
        sums[titre.pk] = Sums(due=due, paid=extinguished)
    return sums


_SIGNED = SqlCase(When(direction=Direction.INCREASE, then=F("amount")), default=-F("amount"))


def _per_titre(rows: QuerySet[Any], what: Any) -> dict[int, Money]:
    sums = rows.order_by().values_list("titre_id").annotate(cents=Sum(what, output_field=BigIntegerField()))
    return {key: Money(int(cents)) for key, cents in sums}


@dataclass(frozen=True, kw_only=True)
class TitreTotals:
    """Of a selection, exact: what the régie still has to collect, and what payments extinguished."""

    to_collect: Tally
    paid: Tally
    count: int


def totals_of_titres(found: QuerySet[Titre], *, collectivite: HasKey) -> TitreTotals:
    """To collect: open or suspended, and not wholly paid. Drafts, and what the régie gave up, are in no total."""
    waiting = found.filter(paid_at__isnull=True, status__in=[State.OPEN, State.SUSPENDED])
    issued = _total(waiting, F("amount"))
    adjusted = _total(Adjustment.objects.of(collectivite).filter(titre__in=waiting), _SIGNED)
    in_part = _total(Allocation.objects.of(collectivite).filter(titre__in=waiting), F("amount"))
    paid = _total(Allocation.objects.of(collectivite).filter(titre__in=found), F("amount"))
    return TitreTotals(
        to_collect=Tally(count=waiting.count(), amount=issued + adjusted - in_part),
        paid=Tally(count=found.filter(paid_at__isnull=False).count(), amount=paid),
        count=found.count(),
    )


def _total(rows: QuerySet[Any], what: Any) -> Money:
    cents = rows.order_by().aggregate(cents=Sum(what, output_field=BigIntegerField()))["cents"]
    return Money(int(cents or 0))


def titre_numbered(*, collectivite: HasKey, titre_id: int) -> Titre | None:
    """One invoice with its product."""
    found = Titre.objects.of(collectivite).select_related("product__account", "regie", "collectivite")
    return found.filter(pk=titre_id).first()


def debtor_of(titre: Titre) -> str:
    """Whom it names; "" once purged."""
    debtor = Debtor.objects.filter(collectivite=titre.collectivite_id, titre=titre).first()
    return debtor.name if debtor is not None else ""


def steps_of(titre: Titre) -> QuerySet[TitreEvent]:
    """Every step, in order."""
    return (
        TitreEvent.objects.filter(collectivite=titre.collectivite_id, titre=titre)
        .select_related("adjustment", "by")
        .order_by("number")
    )


def allocations_of(titre: Titre) -> QuerySet[Allocation]:
    """What extinguished it, in order."""
    return (
        Allocation.objects.filter(collectivite=titre.collectivite_id, titre=titre)
        .select_related("settlement")
        .order_by("pk")
    )


def open_excesses_of(titre: Titre) -> list[Case]:
    """What was paid too much on it and still waits for a person, in order."""
    paid = Attempt.objects.filter(collectivite=titre.collectivite_id, titre=titre, status=PaymentState.PAID)
    cases = Case.objects.filter(
        collectivite=titre.collectivite_id,
        kind=Kind.EXCESS,
        subject_kind="attempt",
        subject_id__in=paid.values("pk"),
        closed_at__isnull=True,
    )
    return list(cases.order_by("pk"))


def attempts_on(titre: Titre) -> QuerySet[Attempt]:
    """The payments begun on it, the newest first."""
    return (
        Attempt.objects.filter(collectivite=titre.collectivite_id, titre=titre)
        .select_related("product", "account")
        .order_by("-created_at", "-pk")
    )
