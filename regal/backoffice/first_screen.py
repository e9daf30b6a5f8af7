"""What the first screen says of a collectivité's money, in few statements. Production only: test money enters no total.

Confirmed money is what a proof settled, on its accounting day; provisional money, what a signature alone settled, on
the same. Announced money is what the other side says was paid and nothing has proved yet, on the day it says. The three
are never added.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import BigIntegerField, Count, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from regal.backoffice.queries import Tally
from regal.cases.models import Kind
from regal.cases.queries import open_cases
from regal.collectivites.models import Product
from regal.gateways.base import Environment
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.tenancy import HasKey
from regal.payments.models import Attempt, Settlement
from regal.payments.standing import Standing

CHART_DAYS = 30
YOUNG_DAYS, OLD_DAYS = 3, 7
NOTHING = Tally()

_CENTS = Sum("amount", output_field=BigIntegerField())


@dataclass(frozen=True, kw_only=True)
class CameIn:
    """What came in: proved, settled by a signature alone, and merely announced."""

    confirmed: Tally = NOTHING
    provisional: Tally = NOTHING
    announced: Tally = NOTHING

    def __add__(self, other: "CameIn") -> "CameIn":
        return CameIn(
            confirmed=self.confirmed + other.confirmed,
            provisional=self.provisional + other.provisional,
            announced=self.announced + other.announced,
        )

    @property
    def unconfirmed(self) -> Tally:
        """What the chart draws above."""
        return self.provisional + self.announced

    @property
    def is_nothing(self) -> bool:
        return not (self.confirmed.count or self.unconfirmed.count)


@dataclass(frozen=True, kw_only=True)
class ProductRow:
    name: str
    slug: str
    came_in: CameIn


@dataclass(frozen=True, kw_only=True)
class Period:
    """What came in from one day to another, both included, by product."""

    first_day: date
    last_day: date
    rows: list[ProductRow]
    whole: CameIn


@dataclass(frozen=True, kw_only=True)
class Age:
    """Announced and unconfirmed, from one day to another; None: no bound."""

    tally: Tally
    first_day: date | None
    last_day: date | None


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What is announced paid and waits for its proof, and how old that is."""

    whole: Tally
    young: Age  # less than 3 days
    middle: Age
    old: Age  # more than 7 days
    oldest: date | None


@dataclass(frozen=True, kw_only=True)
class FirstScreen:
    started_today: int
    today: Period
    month: Period
    days: list[tuple[date, CameIn]]  # the last 30, the oldest first
    waiting: Waiting
    provisional: Tally  # paid, to be confirmed, whenever it was
    cases: list[tuple[str, int]]  # name of the kind and how many are open

    @property
    def open_cases(self) -> int:
        return sum(count for _, count in self.cases)


def first_screen(*, collectivite: HasKey, now: datetime) -> FirstScreen:
    """Everything above, for the day it is in Paris."""
    today = paris.today(now)
    month = today.replace(day=1)
    earliest = min(month, today - timedelta(days=CHART_DAYS - 1))
    products = list(Product.objects.of(collectivite).filter(account__environment=Environment.PRODUCTION))
    by_day = _came_in(collectivite=collectivite, first_day=earliest, last_day=today)
    chart_days = [today - timedelta(days=back) for back in reversed(range(CHART_DAYS))]
    return FirstScreen(
        started_today=Attempt.objects.of(collectivite)
        .filter(environment=Environment.PRODUCTION, created_at__gte=paris.day_bounds(today)[0])
        .count(),
        today=_period(by_day, products, today, today),
        month=_period(by_day, products, month, today),
        days=[(day, _sum(by_day, [day], products)) for day in chart_days],
        waiting=_waiting(collectivite=collectivite, today=today),
        provisional=_provisional(collectivite=collectivite),
        cases=_cases(collectivite=collectivite),
    )


_ByDay = Mapping[tuple[date, int], CameIn]


def _came_in(*, collectivite: HasKey, first_day: date, last_day: date) -> _ByDay:
    """For each (day, product)."""
    settled = (
        Settlement.objects.of(collectivite)
        .filter(environment=Environment.PRODUCTION, accounting_day__gte=first_day, accounting_day__lte=last_day)
        .filter(attempt__is_reversed=False)  # online only: what was received otherwise has no attempt
        .order_by()
        .values_list("accounting_day", "attempt__product", "attempt__is_provisional")
        .annotate(count=Count("*"), cents=_CENTS)
    )
    since, until = paris.day_bounds(first_day)[0], paris.day_bounds(last_day)[1]
    announced = (
        _announced(collectivite)
        .filter(announced_at__gte=since, announced_at__lt=until)
        .order_by()
        .annotate(day=TruncDate("announced_at", tzinfo=paris.PARIS))
        .values_list("day", "product")
        .annotate(count=Count("*"), cents=_CENTS)
    )
    by_day: dict[tuple[date, int], CameIn] = {}
    for day, product, is_provisional, count, cents in settled:
        tally = _tally(count, cents)
        came_in = CameIn(provisional=tally) if is_provisional else CameIn(confirmed=tally)
        by_day[day, product] = by_day.get((day, product), CameIn()) + came_in
    for day, product, count, cents in announced:
        by_day[day, product] = by_day.get((day, product), CameIn()) + CameIn(announced=_tally(count, cents))
    return by_day


def _announced(collectivite: HasKey) -> QuerySet[Attempt]:
    return Attempt.objects.of(collectivite).filter(environment=Environment.PRODUCTION, standing=Standing.ANNOUNCED_PAID)


def _waiting(*, collectivite: HasKey, today: date) -> Waiting:
    young_from = today - timedelta(days=YOUNG_DAYS - 1)  # today is its first day
    middle_from = today - timedelta(days=OLD_DAYS)
    is_young = Q(announced_at__gte=paris.day_bounds(young_from)[0])
    is_old = Q(announced_at__lt=paris.day_bounds(middle_from)[0])
    found = _announced(collectivite).aggregate(
        oldest=Min("announced_at"),
        whole=Count("*"),
        whole_cents=_CENTS,
        young=Count("announced_at", filter=is_young),
        young_cents=Sum("amount", filter=is_young, output_field=BigIntegerField()),
        old=Count("announced_at", filter=is_old),
        old_cents=Sum("amount", filter=is_old, output_field=BigIntegerField()),
    )
    whole, young, old = (_tally(found[name], found[f"{name}_cents"]) for name in ("whole", "young", "old"))
    middle = Tally(count=whole.count - young.count - old.count, amount=whole.amount - young.amount - old.amount)
    return Waiting(
        whole=whole,
        young=Age(tally=young, first_day=young_from, last_day=None),
        middle=Age(tally=middle, first_day=middle_from, last_day=young_from - timedelta(days=1)),
        old=Age(tally=old, first_day=None, last_day=middle_from - timedelta(days=1)),
        oldest=paris.today(found["oldest"]) if found["oldest"] else None,
    )


def _provisional(*, collectivite: HasKey) -> Tally:
    waiting = Attempt.objects.of(collectivite).filter(environment=Environment.PRODUCTION, standing=Standing.PROVISIONAL)
    found = waiting.aggregate(count=Count("*"), cents=_CENTS)
    return _tally(found["count"], found["cents"])


def _cases(*, collectivite: HasKey) -> list[tuple[str, int]]:
    counted = open_cases(collectivite=collectivite).order_by().values_list("kind").annotate(count=Count("*"))
    by_kind = dict(counted)
    return [(str(kind.label), by_kind[kind]) for kind in Kind if by_kind.get(kind)]


def _period(by_day: _ByDay, products: Iterable[Product], first_day: date, last_day: date) -> Period:
    days = [first_day + timedelta(days=number) for number in range((last_day - first_day).days + 1)]
    rows = [
        ProductRow(name=product.name, slug=product.slug, came_in=_sum(by_day, days, [product])) for product in products
    ]
    shown = [row for row in rows if not row.came_in.is_nothing]
    whole = sum((row.came_in for row in rows), CameIn())
    return Period(first_day=first_day, last_day=last_day, rows=shown, whole=whole)


def _sum(by_day: _ByDay, days: Iterable[date], products: Iterable[Product]) -> CameIn:
    keys = [product.pk for product in products]
    return sum((by_day.get((day, key), CameIn()) for day in days for key in keys), CameIn())


def _tally(count: int, cents: int | None) -> Tally:
    return Tally(count=count, amount=Money(int(cents or 0)))
