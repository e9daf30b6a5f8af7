"""What the bureau's pages ask of one payment and of a list of them. Call it inside `tenant()`."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from django.db import connection
from django.db.models import BigIntegerField, Count, Exists, F, Func, Model, OuterRef, QuerySet, Sum, Value
from django.db.models.lookups import GreaterThan, LessThan

from regal.gateways.base import Environment
from regal.lib.money import Money
from regal.lib.tenancy import HasKey
from regal.payments.models import Attempt, Evidence, InboxMessage, Payer
from regal.payments.queries import Selection, selected
from regal.payments.standing import Standing

PAGE_LENGTH = 50

_CURSOR = re.compile(r"(?P<at>[0-9]{1,17})-(?P<key>[0-9]{1,18})")
_M = TypeVar("_M", bound=Model)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def plan_for_the_values_asked() -> None:
    """Until the end of the transaction: no plan made for any town and any moment, which a large town would wait for.

    Nor one that would rather read a whole table than jump about in an index: no page needs most of a table.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL random_page_cost = 1.1")


@dataclass(frozen=True, kw_only=True)
class Page:
    attempts: list[Attempt]
    older: str  # the cursor of the next page, "" on the last one
    newer: str  # of the page before, "" on the first one


def page_of_attempts(*, collectivite: HasKey, selection: Selection, after: str = "", before: str = "") -> Page:
    """One page, the newest first: just older than `after`, or just newer than `before`. Else the first page."""
    attempts = selected(collectivite=collectivite, selection=selection).select_related("product", "account")
    shown, older, newer = page_of(attempts, after=after, before=before)
    return Page(attempts=shown, older=older, newer=newer)


@dataclass(frozen=True, kw_only=True)
class Order:
    """A column by which a list goes, the newest first, then by key; and how an address writes a place in it."""

    column: str
    write: Callable[[Any], int]
    read: Callable[[int], Any]  # raises OverflowError, ValueError


BY_MOMENT = Order(
    column="created_at",
    write=lambda at: (at - _EPOCH) // timedelta(microseconds=1),
    read=lambda microseconds: _EPOCH + timedelta(microseconds=microseconds),
)
BY_ISSUE = Order(column="issued_on", write=date.toordinal, read=date.fromordinal)
BY_DUE_DAY = Order(column="due_on", write=date.toordinal, read=date.fromordinal)
BY_LINE = Order(column="origin_line", write=int, read=int)  # of the file


def page_of(
    rows: QuerySet[_M], *, after: str = "", before: str = "", order: Order = BY_MOMENT
) -> tuple[list[_M], str, str]:
    """One page of any rows, with the cursors of the older and of the newer page."""
    place = _read_cursor(before, order)
    if place is not None:
        found = list(newer_than(rows, place, order)[: PAGE_LENGTH + 1])
        if len(found) > PAGE_LENGTH:
            shown = found[:PAGE_LENGTH][::-1]
            return shown, _cursor_at(shown[-1], order), _cursor_at(shown[0], order)
        place = None  # nothing newer is left out: the first page, whole
    else:
        place = _read_cursor(after, order)
    found = list(older_than(rows, place, order)[: PAGE_LENGTH + 1])
    shown = found[:PAGE_LENGTH]
    older = _cursor_at(shown[-1], order) if len(found) > PAGE_LENGTH else ""
    return shown, older, _cursor_at(shown[0], order) if place is not None and shown else ""


Place = tuple[Any, int]  # a value of the column, and a key


def older_than(rows: QuerySet[_M], place: Place | None, order: Order = BY_MOMENT) -> QuerySet[_M]:
    """The newest first, below a place."""
    if place is not None:
        rows = rows.filter(LessThan(_pair(F(order.column), F("pk")), _pair(*map(Value, place))))
    return rows.order_by(f"-{order.column}", "-pk")


def newer_than(rows: QuerySet[_M], place: Place, order: Order = BY_MOMENT) -> QuerySet[_M]:
    """The oldest first, above a place."""
    above = rows.filter(GreaterThan(_pair(F(order.column), F("pk")), _pair(*map(Value, place))))
    return above.order_by(order.column, "pk")


def _pair(*two: F | Value) -> Func:
    """A row: compared whole, it is one place in the index, however many rows bear the same day or moment."""
    return Func(*two, template="(%(expressions)s)", output_field=BigIntegerField())


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many, and how much."""

    count: int = 0
    amount: Money = Money.zero

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(count=self.count + other.count, amount=self.amount + other.amount)


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Of a selection, exact. Confirmed, provisional and announced money are never added; test money enters none."""

    confirmed: Tally
    provisional: Tally  # paid, to be confirmed
    announced: Tally
    others: Tally
    trials: int  # how many were not in production

    @property
    def real(self) -> int:
        """How many were in production."""
        return self.confirmed.count + self.provisional.count + self.announced.count + self.others.count

    @property
    def count(self) -> int:
        return self.real + self.trials


def totals_of(*, collectivite: HasKey, selection: Selection) -> Totals:
    """One statement, over indexes alone where the selection allows it."""
    rows = (
        selected(collectivite=collectivite, selection=selection)
        .order_by()
        .values_list("environment", "standing")
        .annotate(count=Count("*"), cents=Sum("amount", output_field=BigIntegerField()))
    )
    return totals_from(
        (environment, standing, Tally(count=count, amount=Money(int(cents))))
        for environment, standing, count, cents in rows
    )


def totals_from(rows: Iterable[tuple[str, str, Tally]]) -> Totals:
    """Each (environment, standing, tally) in its place."""
    confirmed = provisional = announced = others = Tally()
    trials = 0
    for environment, standing, tally in rows:
        if environment != Environment.PRODUCTION:
            trials += tally.count
        elif standing == Standing.CONFIRMED:
            confirmed += tally
        elif standing == Standing.PROVISIONAL:
            provisional += tally
        elif standing == Standing.ANNOUNCED_PAID:
            announced += tally
        else:
            others += tally
    return Totals(confirmed=confirmed, provisional=provisional, announced=announced, others=others, trials=trials)


def attempt_numbered(*, collectivite: HasKey, attempt_id: int) -> Attempt | None:
    """One attempt with its product and its account."""
    return Attempt.objects.of(collectivite).select_related("product", "account").filter(pk=attempt_id).first()


def payer_email(*, attempt: Attempt) -> str:
    """The address the payer typed; "" once purged."""
    payer = Payer.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt).first()
    return payer.email if payer is not None else ""


def messages_waiting(*, attempt: Attempt) -> int:
    """How many messages came and are not judged yet."""
    judged = Evidence.objects.filter(collectivite=attempt.collectivite_id, message=OuterRef("pk"))
    received = InboxMessage.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
    return received.filter(~Exists(judged)).count()


def _cursor_at(row: Any, order: Order) -> str:
    return f"{order.write(getattr(row, order.column))}-{row.pk}"


def _read_cursor(text: str, order: Order) -> Place | None:
    match = _CURSOR.fullmatch(text)
    if match is None:
        return None
    try:
        return order.read(int(match["at"])), int(match["key"])
    except (OverflowError, ValueError):
        return None
