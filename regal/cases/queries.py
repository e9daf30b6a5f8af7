"""Questions about cases. Call them inside `tenant()`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.db.models import Case as Choice
from django.db.models import Count, F, IntegerField, Q, QuerySet, Value, When

from regal.cases.models import Case, CaseEvent, Kind
from regal.gateways.base import Rank
from regal.lib.tenancy import HasKey

PAGE_LENGTH = 50

_UNPROVEN = Choice(
    When(kind=Kind.OTHER_PAYMENT, facts__rank__lt=Rank.ASKED.value, then=Value(1)),
    default=Value(0),
    output_field=IntegerField(),
)
_CURSOR = re.compile(r"(?P<unproven>[01])-(?P<microseconds>[0-9]{1,17})-(?P<key>[0-9]{1,18})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Pile(StrEnum):
    """Which cases are listed."""

    OPEN = "ouvertes"
    MINE = "a-moi"
    CLOSED = "closes"


def open_cases(*, collectivite: HasKey) -> QuerySet[Case]:
    """What waits for a person, the oldest first; what rests on no proof, which anybody may send, comes last."""
    return (
        Case.objects.of(collectivite)
        .filter(closed_at__isnull=True)
        .alias(unproven=_UNPROVEN)
        .order_by("unproven", "opened_at", "pk")
    )


def open_cases_about(*, collectivite: HasKey, subject_kind: str, subject_id: int) -> QuerySet[Case]:
    """What waits for a person about one thing."""
    return open_cases(collectivite=collectivite).filter(subject_kind=subject_kind, subject_id=subject_id)


def cases_about(*, collectivite: HasKey, subject_kind: str, subject_id: int) -> QuerySet[Case]:
    """Every case about one thing: the open ones, then the latest closed."""
    return (
        Case.objects.of(collectivite)
        .filter(subject_kind=subject_kind, subject_id=subject_id)
        .order_by(F("closed_at").desc(nulls_first=True), "opened_at", "pk")
    )


def open_subjects(*, collectivite_id: int, kind: Kind) -> list[int]:
    """What the open cases of one kind are about."""
    cases = Case.objects.filter(collectivite=collectivite_id, kind=kind, closed_at__isnull=True)
    return list(cases.values_list("subject_id", flat=True))


def was_opened_since(*, collectivite_id: int, kind: Kind, subject_kind: str, subject_id: int, since: datetime) -> bool:
    """Whether there is, or was, a case of this kind about one thing, opened no earlier than that."""
    cases = Case.objects.filter(collectivite=collectivite_id, kind=kind, opened_at__gte=since)
    return cases.filter(subject_kind=subject_kind, subject_id=subject_id).exists()


def was_decided(*, collectivite_id: int, kind: Kind, subject_kind: str, subject_id: int) -> bool:
    """Whether a person has closed a case of this kind about one thing."""
    cases = Case.objects.filter(collectivite=collectivite_id, kind=kind, closed_by__isnull=False)
    return cases.filter(subject_kind=subject_kind, subject_id=subject_id).exists()


def case_numbered(*, collectivite: HasKey, case_id: int) -> Case | None:
    """One case, with the people it names."""
    people = ("first_seen_by", "assigned_to", "closed_by")
    return Case.objects.of(collectivite).select_related(*people).filter(pk=case_id).first()


def history(*, case: Case) -> QuerySet[CaseEvent]:
    """Everything that was done with a case, in order."""
    return (
        CaseEvent.objects.filter(collectivite=case.collectivite_id, case=case)
        .select_related("by", "to_user")
        .order_by("number")
    )


@dataclass(frozen=True, kw_only=True)
class Page:
    cases: Sequence[Case]
    next_cursor: str  # "" on the last page


def page_of_cases(*, collectivite: HasKey, pile: Pile, user_id: int, kind: Kind | None, cursor: str) -> Page:
    """One page of a pile: the open ones the oldest first, unproven ones last; the closed ones the latest first.

    A cursor that cannot be read means the first page.
    """
    cases = _pile(collectivite=collectivite, pile=pile, user_id=user_id).annotate(unproven=_UNPROVEN)
    if kind is not None:
        cases = cases.filter(kind=kind)
    place = _read_cursor(cursor)
    if pile is Pile.CLOSED:
        cases = cases.order_by("-closed_at", "-pk")
        if place is not None:
            _, moment, key = place
            cases = cases.filter(Q(closed_at=moment, pk__lt=key) | Q(closed_at__lt=moment))
    else:
        cases = cases.order_by("unproven", "opened_at", "pk")
        if place is not None:
            unproven, moment, key = place
            after = Q(opened_at=moment, pk__gt=key) | Q(opened_at__gt=moment)
            cases = cases.filter(Q(unproven=unproven) & after | Q(unproven__gt=unproven))
    found = list(cases.select_related("assigned_to", "closed_by")[: PAGE_LENGTH + 1])
    shown = found[:PAGE_LENGTH]
    return Page(cases=shown, next_cursor=_cursor_after(shown[-1], pile) if len(found) > PAGE_LENGTH else "")


@dataclass(frozen=True, kw_only=True)
class Counts:
    piles: dict[Pile, int]
    kinds: dict[Kind, int]  # of the pile that is shown; kinds without a case are left out


def count_cases(*, collectivite: HasKey, pile: Pile, user_id: int) -> Counts:
    """How many there are in each pile, and of each kind in the one that is shown."""
    totals = Case.objects.of(collectivite).aggregate(
        ouvertes=Count("pk", filter=Q(closed_at__isnull=True)),
        a_moi=Count("pk", filter=Q(closed_at__isnull=True, assigned_to=user_id)),
        closes=Count("pk", filter=Q(closed_at__isnull=False)),
    )
    shown = _pile(collectivite=collectivite, pile=pile, user_id=user_id)
    by_kind = dict(shown.order_by().values_list("kind").annotate(Count("pk")))
    return Counts(
        piles={Pile.OPEN: totals["ouvertes"], Pile.MINE: totals["a_moi"], Pile.CLOSED: totals["closes"]},
        kinds={kind: by_kind[kind.value] for kind in Kind if kind.value in by_kind},
    )


def _pile(*, collectivite: HasKey, pile: Pile, user_id: int) -> QuerySet[Case]:
    cases = Case.objects.of(collectivite).filter(closed_at__isnull=pile is not Pile.CLOSED)
    return cases.filter(assigned_to=user_id) if pile is Pile.MINE else cases


def _cursor_after(case: Case, pile: Pile) -> str:
    moment = case.closed_at if pile is Pile.CLOSED else case.opened_at
    assert moment is not None
    return f"{case.unproven}-{(moment - _EPOCH) // timedelta(microseconds=1)}-{case.pk}"  # type: ignore[attr-defined]


def _read_cursor(text: str) -> tuple[int, datetime, int] | None:
    match = _CURSOR.fullmatch(text)
    if match is None:
        return None
    try:
        moment = _EPOCH + timedelta(microseconds=int(match["microseconds"]))
    except OverflowError:
        return None
    return int(match["unproven"]), moment, int(match["key"])
