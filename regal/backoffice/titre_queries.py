"""What the pages of invoices ask. Call it inside `tenant()`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import BigAutoField, BigIntegerField, Count, F, Lookup, Q, QuerySet, Sum, When
from django.db.models import Case as SqlCase

from regal.backoffice.queries import BY_DUE_DAY, BY_ISSUE, BY_LINE, Order, Tally, page_of
from regal.cases.models import Case, Kind
from regal.collectivites.models import Product
from regal.gateways.base import Misconfigured
from regal.gateways.registry import UnknownGateway
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.tenancy import HasKey
from regal.lib.vault import VaultError
from regal.payments.accounts import gateway_of
from regal.payments.models import Allocation, Attempt, Settlement, Share
from regal.payments.queries import excess_of, live
from regal.payments.shares import pays
from regal.payments.states import State as PaymentState
from regal.titres.models import Adjustment, Debtor, Direction, Titre, TitreEvent
from regal.titres.states import Event, State

MOST_COUNTED = 5_000  # a selection that is larger says "more", and is counted when asked; an act is of as many


@BigAutoField.register_lookup
class AnyOf(Lookup):
    """One of very many keys: an array, where IN would make a parameter of each."""

    lookup_name = "anyof"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, values = self.process_lhs(compiler, connection)
        return f"{left} = ANY(%s)", (*values, self.rhs)


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
    CLOSED = "soldee"
    REJECTED = "rejetee"


_DECIDED = {
    State.DRAFT: Situation.DRAFT,
    State.SUSPENDED: Situation.SUSPENDED,
    State.CANCELLED: Situation.CANCELLED,
    State.TRANSFERRED: Situation.TRANSFERRED,
    State.WRITTEN_OFF: Situation.WRITTEN_OFF,
    State.WITHDRAWN: Situation.WITHDRAWN,
    State.CLOSED: Situation.CLOSED,
    State.REJECTED: Situation.REJECTED,
}


def situation_of(titre: Titre, *, now: datetime) -> Situation:
    """Paid before anything else; then what people decided; then whether somebody is paying."""
    if titre.paid_at is not None:
        return Situation.PAID
    if titre.status != State.OPEN:
        return _DECIDED[State(titre.status)]
    return Situation.HELD if titre.is_held(now) else Situation.PAYABLE


class Group(StrEnum):
    """Invoices that agents look for together, whatever the situation of each."""

    UNPAID = "impayees"
    PARTLY_PAID = "payees-en-partie"
    OVERDUE = "echues"


WAITING = Q(paid_at__isnull=True, status__in=[State.OPEN, State.SUSPENDED])


def _in_group(group: Group, *, now: datetime) -> Q:
    if group is Group.OVERDUE:
        return WAITING & Q(due_on__lt=paris.today(now))
    if group is Group.PARTLY_PAID:
        return WAITING & Q(is_paid_in_part=True)
    return WAITING


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


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which invoices an agent looks for. `where` is what `titre_search.search` found of the text typed."""

    where: Q | None = None
    product_id: int | None = None
    stands: Situation | Group | None = None
    document_kind: str = ""
    collector: str = ""
    origin_id: int | None = None  # the import
    issued: tuple[date | None, date | None] = (None, None)  # both days included
    due: tuple[date | None, date | None] = (None, None)

    @property
    def order(self) -> Order:
        """By what the selection is about, a period or one file: an index then begins at the first one."""
        if any(self.issued):
            return BY_ISSUE
        return BY_DUE_DAY if any(self.due) else BY_LINE if self.origin_id else BY_ISSUE


def selected_titres(*, collectivite: HasKey, selection: Selection, now: datetime) -> QuerySet[Titre]:
    """The invoices meant, in no order. Those withdrawn stand in no list but their own."""
    asked = ~Q(status=State.WITHDRAWN) if selection.stands in (None, Situation.PAID) else Q()
    if selection.where is not None:
        asked &= selection.where
    if selection.stands is not None:
        stands = selection.stands
        asked &= _in_group(stands, now=now) if isinstance(stands, Group) else _where(stands, now=now)
    for name, (first, last) in (("issued_on", selection.issued), ("due_on", selection.due)):
        if first is not None:
            asked &= Q(**{f"{name}__gte": first})
        if last is not None:
            asked &= Q(**{f"{name}__lte": last})
    same = {
        "product": selection.product_id,
        "document_kind": selection.document_kind,
        "collector": selection.collector,
        "origin": selection.origin_id,
    }
    return Titre.objects.of(collectivite).filter(asked, **{name: value for name, value in same.items() if value})


def page_of_titres(
    found: QuerySet[Titre], *, collectivite: HasKey, order: Order = BY_ISSUE, after: str = "", before: str = ""
) -> tuple[list[Titre], str, str]:
    """One page of them, the latest day first, with its cursors: its place is found in an index alone, then its rows."""
    keys, older, newer = page_of(found.only("pk", order.column), after=after, before=before, order=order)
    rows = Titre.objects.of(collectivite).select_related("product").in_bulk([one.pk for one in keys])
    return [rows[one.pk] for one in keys], older, newer


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Of one invoice."""

    due: Money
    paid: Money

    @property
    def left(self) -> Money:
        return self.due - self.paid

    @property
    def is_in_part(self) -> bool:
        """Whether something was paid, and not all."""
        return Money.zero < self.paid < self.due


def sums_of(titres: Iterable[Titre], *, collectivite: HasKey) -> dict[int, Sums]:
    """What is due and what was paid, of each invoice of a page: two questions for all.

    Once cancelled, rejected or written off, nothing more is due than what was paid.
    """
    rows = list(titres)
    sums = {}
    told = due_and_paid(rows, collectivite=collectivite)
    for titre in rows:
        due, extinguished = told[titre.pk]
        if titre.status in (State.CANCELLED, State.WRITTEN_OFF, State.REJECTED, State.WITHDRAWN):
            due = extinguished
        if titre.status == State.CLOSED:
            extinguished = due  # at the comptable's
        sums[titre.pk] = Sums(due=due, paid=extinguished)
    return sums


def due_and_paid(titres: Sequence[Titre], *, collectivite: HasKey) -> dict[int, tuple[Money, Money]]:
    """What was issued with its adjustments, and what was paid, whatever was decided of each."""
    keys = [titre.pk for titre in titres]
    adjusted = _per_titre(Adjustment.objects.of(collectivite).filter(titre__in=keys), _SIGNED)
    paid = _per_titre(live(Allocation.objects.of(collectivite).filter(titre__in=keys)), F("amount"))
    return {
        titre.pk: (titre.amount + adjusted.get(titre.pk, Money.zero), paid.get(titre.pk, Money.zero))
        for titre in titres
    }


def filed_amounts(titres: Sequence[Titre], *, collectivite: HasKey) -> dict[int, Money]:
    """What a file would say of each without changing anything: issued, with what imports said otherwise since."""
    said = Adjustment.objects.of(collectivite).filter(titre__in=[titre.pk for titre in titres])
    restated = _per_titre(said.filter(origin__isnull=False, piece=""), _SIGNED)
    return {titre.pk: titre.amount + restated.get(titre.pk, Money.zero) for titre in titres}


_SIGNED = SqlCase(When(direction=Direction.INCREASE, then=F("amount")), default=-F("amount"))


def _per_titre(rows: QuerySet[Any], what: Any) -> dict[int, Money]:
    sums = rows.order_by().values_list("titre_id").annotate(cents=Sum(what, output_field=BigIntegerField()))
    return {key: Money(int(cents)) for key, cents in sums}


_NONE = Tally()


@dataclass(frozen=True, kw_only=True)
class TitreTotals:
    """Of a selection, exact: what the régie still has to collect, and what payments extinguished."""

    to_collect: Tally = _NONE
    paid: Tally = _NONE
    count: int = 0


def totals_of_few(found: QuerySet[Titre], *, collectivite: HasKey) -> TitreTotals | None:
    """The totals; None if they are more than MOST_COUNTED: no more are read to know it."""
    return _totals(found, collectivite=collectivite, most=MOST_COUNTED)


def totals_of_titres(found: QuerySet[Titre], *, collectivite: HasKey) -> TitreTotals:
    """To collect: open or suspended, and not wholly paid. Drafts, and what the régie gave up, are in no total.

    Of what is wholly paid, what was paid is what was due (I-02, I-03): only of the others are payments summed.
    """
    totals = _totals(found, collectivite=collectivite, most=None)
    assert totals is not None
    return totals


def _totals(found: QuerySet[Titre], *, collectivite: HasKey, most: int | None) -> TitreTotals | None:
    settled = Q(paid_at__isnull=False)
    counted = found.order_by() if most is None else found.order_by()[: most + 1]
    keys = {} if most is None else {"keys": ArrayAgg("pk")}
    told = counted.aggregate(
        **keys,
        count=Count("pk"),
        waiting=Count("pk", filter=WAITING),
        settled=Count("pk", filter=settled),
        issued_waiting=_sum("amount", WAITING),
        issued_settled=_sum("amount", settled),
    )
    if most is not None:
        if told["count"] > most:
            return None
        found = Titre.objects.of(collectivite).filter(pk__anyof=told["keys"] or [])  # they are not searched again
    adjustments = Adjustment.objects.of(collectivite).filter(titre__in=found).order_by()
    adjusted = adjustments.aggregate(waiting=_sum(_SIGNED, _WAITING_OF), settled=_sum(_SIGNED, _SETTLED_OF))
    in_part = found.filter(is_paid_in_part=True)
    allocations = live(Allocation.objects.of(collectivite).filter(titre__in=in_part)).order_by()
    paid = allocations.aggregate(waiting=_sum("amount", _WAITING_OF), all=_sum("amount"))
    return TitreTotals(
        to_collect=Tally(
            count=told["waiting"], amount=_money(told["issued_waiting"], adjusted["waiting"], -(paid["waiting"] or 0))
        ),
        paid=Tally(count=told["settled"], amount=_money(told["issued_settled"], adjusted["settled"], paid["all"])),
        count=told["count"],
    )


_WAITING_OF = Q(titre__paid_at__isnull=True, titre__status__in=[State.OPEN, State.SUSPENDED])
_SETTLED_OF = Q(titre__paid_at__isnull=False)


def _sum(what: Any, where: Q | None = None) -> Sum:
    return Sum(what, filter=where, output_field=BigIntegerField())


def _money(*cents: int | None) -> Money:
    return Money(sum(int(one or 0) for one in cents))


def titre_numbered(*, collectivite: HasKey, titre_id: int) -> Titre | None:
    """One invoice with its product."""
    found = Titre.objects.of(collectivite).select_related("product__account", "regie", "budget", "collectivite")
    return found.filter(pk=titre_id).first()


def debtor_of(titre: Titre) -> str:
    """Whom it names; "" once purged."""
    debtor = Debtor.objects.filter(collectivite=titre.collectivite_id, titre=titre).first()
    return debtor.name if debtor is not None else ""


def debtors_of(titres: Sequence[Titre], *, collectivite: HasKey) -> dict[int, str]:
    """Whom each invoice of a page names."""
    keys = [titre.pk for titre in titres]
    return dict(Debtor.objects.of(collectivite).filter(titre__in=keys).values_list("titre_id", "name"))


def erased_among(titres: Sequence[Titre], *, collectivite: HasKey) -> dict[int, datetime]:
    """Since when nobody is named, of those whose debtor's name had its time and is gone."""
    keys = [titre.pk for titre in titres]
    told = TitreEvent.objects.of(collectivite).filter(titre__in=keys, event=Event.NAME_ERASED).order_by("number")
    erased = dict(told.values_list("titre_id", "recorded_at"))
    if not erased:
        return {}
    named = set(Debtor.objects.of(collectivite).filter(titre__in=erased).values_list("titre_id", flat=True))
    return {key: at for key, at in erased.items() if key not in named}


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
        .select_related("settlement__receipt__made_by")
        .order_by("pk")
    )


def settlements_on(titre: Titre) -> QuerySet[Settlement]:
    """What was proved paid on it, whether it extinguished something or not, in order."""
    shares = Share.objects.filter(collectivite=titre.collectivite_id, titre=titre)
    settled = Settlement.objects.filter(collectivite=titre.collectivite_id, attempt__in=shares.values("attempt"))
    return settled.order_by("pk")


def part_of_each(titre: Titre) -> dict[int, Money]:
    """Of each attempt that pays it, what is for this titre."""
    shares = Share.objects.filter(collectivite=titre.collectivite_id, titre=titre)
    return dict(shares.values_list("attempt_id", "amount"))


def open_excesses_of(titre: Titre) -> list[Case]:
    """What was paid too much on it and still waits for a person, in order."""
    on_it = pays(collectivite_id=titre.collectivite_id, titre_ids=[titre.pk])
    paid = Attempt.objects.filter(on_it, collectivite=titre.collectivite_id, status=PaymentState.PAID)
    cases = Case.objects.filter(
        collectivite=titre.collectivite_id,
        kind=Kind.EXCESS,
        subject_kind="attempt",
        subject_id__in=paid.values("pk"),
        closed_at__isnull=True,
    )
    return [case for case in cases.order_by("pk") if excess_of(case.facts, titre_id=titre.pk) > Money.zero]


def waiting_on_each(titre_ids: Iterable[int], *, collectivite: HasKey) -> dict[int, Money]:
    """Of several: what was paid too much and still waits for a person."""
    shares = Share.objects.of(collectivite).filter(titre__in=list(titre_ids), attempt__status=PaymentState.PAID)
    titres_of: dict[int, list[int]] = {}
    for attempt_id, titre_id in shares.values_list("attempt_id", "titre_id"):
        titres_of.setdefault(attempt_id, []).append(titre_id)
    cases = Case.objects.of(collectivite).filter(
        kind=Kind.EXCESS, subject_kind="attempt", subject_id__in=list(titres_of), closed_at__isnull=True
    )
    waiting: dict[int, Money] = {}
    for attempt_id, facts in cases.values_list("subject_id", "facts"):
        for titre_id in titres_of[attempt_id]:
            excess = excess_of(facts, titre_id=titre_id)
            if excess > Money.zero:
                waiting[titre_id] = waiting.get(titre_id, Money.zero) + excess
    return waiting


def attempts_on(titre: Titre) -> QuerySet[Attempt]:
    """The payments begun on it, the newest first."""
    on_it = pays(collectivite_id=titre.collectivite_id, titre_ids=[titre.pk])
    return (
        Attempt.objects.filter(on_it, collectivite=titre.collectivite_id)
        .select_related("product", "account")
        .order_by("-created_at", "-pk")
    )
