"""Questions about attempts. Call them inside `tenant()`."""

from datetime import datetime, timedelta

from django.db.models import Case, Q, QuerySet, When

from regal.collectivites.models import GatewayAccount
from regal.gateways.base import Outcome
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import HasKey
from regal.payments.models import Attempt, AttemptEvent, Evidence, InboxMessage
from regal.payments.states import LIVE, State

MOST_MESSAGES = 200
FULL_PAGE = timedelta(minutes=30)
ONE_LINE_PAGE = timedelta(days=7)


def earlier_attempts(*, account: GatewayAccount, debt_reference: str, amount: Money) -> QuerySet[Attempt]:
    """Attempts on the same debt and amount that are under way, announced paid, or paid."""
    return (
        Attempt.objects.of(account.collectivite)
        .filter(account=account, debt_reference=debt_reference, amount=amount)
        .filter(Q(status__in=[*LIVE, State.PAID]) | Q(announced=Outcome.PAID))
        .exclude(status=State.HANDED_OFF, announced__in=[Outcome.REFUSED, Outcome.ABANDONED])
    )


def others_on_debt(*, attempt: Attempt) -> QuerySet[Attempt]:
    """The other attempts on the same debt, the newest first, whatever became of them and whatever their amount."""
    return (
        Attempt.objects.filter(
            collectivite=attempt.collectivite_id,
            account=attempt.account_id,
            debt_reference=attempt.debt_reference,
        )
        .exclude(pk=attempt.pk)
        .select_related("product", "account")
        .order_by("-created_at", "-pk")
    )


def is_said_paid(attempt: Attempt) -> bool:
    """Whether it is paid, or merely announced so."""
    return attempt.status == State.PAID or attempt.announced == Outcome.PAID


def gravest_earlier_attempt(*, account: GatewayAccount, debt_reference: str, amount: Money) -> Attempt | None:
    """The one to tell a payer of: proved paid before announced paid, before under way; then the latest.

    An attempt begun since must not hide one that is paid: PayFiP takes a régie's invoice twice.
    """
    gravity = Case(When(status=State.PAID, then=0), When(announced=Outcome.PAID, then=1), default=2)
    found = earlier_attempts(account=account, debt_reference=debt_reference, amount=amount)
    return found.order_by(gravity, "-created_at").first()


def attempt_by_handle(*, collectivite: HasKey, handle: str, now: datetime) -> Attempt | None:
    """The attempt that a payer's page shows, for seven days after it was opened."""
    if not tokens.is_well_formed(handle):
        return None
    return (
        Attempt.objects.of(collectivite)
        .select_related("account")
        .filter(handle_digest=tokens.digest(handle), created_at__gt=now - ONE_LINE_PAGE)
        .first()
    )


def attempt_by_flow(*, collectivite: HasKey, flow_token: str) -> Attempt | None:
    """The attempt that one recap opened, however long ago."""
    return Attempt.objects.of(collectivite).filter(flow_digest=tokens.digest(flow_token)).first()


def attempt_by_notification_token(*, collectivite_id: int, token: str) -> Attempt | None:
    """The attempt whose address TIPI was given; None for every address that is not ours."""
    if not tokens.is_well_formed(token):
        return None
    return (
        Attempt.objects.select_related("account")
        .filter(collectivite=collectivite_id, notification_digest=tokens.digest(token))
        .first()
    )


def has_heard_enough(*, attempt: Attempt) -> bool:
    """Whether an attempt has had more messages than any gateway sends, repetitions included."""
    heard = InboxMessage.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt).order_by()
    return heard.values("pk")[MOST_MESSAGES - 1 : MOST_MESSAGES].exists()


def recent_attempts(*, collectivite: HasKey) -> QuerySet[Attempt]:
    """The newest first."""
    return Attempt.objects.of(collectivite).select_related("product", "account").order_by("-created_at", "-pk")


def timeline(*, attempt: Attempt) -> QuerySet[AttemptEvent]:
    """Every step of an attempt, in order."""
    return (
        AttemptEvent.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
        .select_related("evidence")
        .order_by("number")
    )


def evidence_about(*, attempt: Attempt) -> QuerySet[Evidence]:
    """Everything that was heard of an attempt, as it was judged."""
    return (
        Evidence.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
        .select_related("message")
        .order_by("pk")
    )
