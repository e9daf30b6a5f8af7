"""What the bureau's pages ask. Call it inside `tenant()`."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from regal.backoffice.standing import Standing, where
from regal.cases.queries import open_cases
from regal.gateways.base import Environment
from regal.lib import paris
from regal.lib.tenancy import HasKey
from regal.payments.models import Attempt, Evidence, InboxMessage, Payer
from regal.payments.queries import recent_attempts

PAGE_LENGTH = 50

_CURSOR = re.compile(r"(?P<microseconds>[0-9]{1,17})-(?P<key>[0-9]{1,18})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Day:
    """The state of things; trials are counted nowhere."""

    opened_today: int
    announced_paid: int
    open_cases: int


def state_of_things(*, collectivite: HasKey, now: datetime) -> Day:
    """Production only: test money enters no total."""
    midnight, _ = paris.day_bounds(paris.today(now))
    real = Attempt.objects.of(collectivite).filter(environment=Environment.PRODUCTION)
    return Day(
        opened_today=real.filter(created_at__gte=midnight).count(),
        announced_paid=real.filter(where(Standing.ANNOUNCED_PAID)).count(),
        open_cases=open_cases(collectivite=collectivite).count(),
    )


@dataclass(frozen=True, kw_only=True)
class Page:
    attempts: list[Attempt]
    next_cursor: str  # "" on the last page


def page_of_attempts(
    *, collectivite: HasKey, standing: Standing | None, environment: Environment | None, cursor: str
) -> Page:
    """One page, the newest first. A cursor that cannot be read means the first page."""
    attempts: QuerySet[Attempt] = recent_attempts(collectivite=collectivite)
    if standing is not None:
        attempts = attempts.filter(where(standing))
    if environment is not None:
        attempts = attempts.filter(environment=environment)
    place = _read_cursor(cursor)
    if place is not None:
        created_at, key = place
        attempts = attempts.filter(Q(created_at=created_at, pk__lt=key) | Q(created_at__lt=created_at))
    found = list(attempts[: PAGE_LENGTH + 1])
    shown = found[:PAGE_LENGTH]
    return Page(attempts=shown, next_cursor=_cursor_after(shown[-1]) if len(found) > PAGE_LENGTH else "")


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


def _cursor_after(attempt: Attempt) -> str:
    return f"{(attempt.created_at - _EPOCH) // timedelta(microseconds=1)}-{attempt.pk}"


def _read_cursor(text: str) -> tuple[datetime, int] | None:
    match = _CURSOR.fullmatch(text)
    if match is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=int(match["microseconds"])), int(match["key"])
    except OverflowError:
        return None
