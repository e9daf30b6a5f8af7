"""What was asked of the other side about a payment, what repaired itself by it, and which contracts do not answer.

Call these inside `tenant()`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import DateTimeField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet

from regal.agenda.models import Pace, Watch
from regal.backoffice import explanations, paybox
from regal.backoffice.gateway_names import service_of
from regal.collectivites.models import AccountSecret, GatewayAccount
from regal.gateways.payfip_ws.gateway import PayfipWs
from regal.lib import paris
from regal.lib.tenancy import HasKey
from regal.payments.judging import INQUIRY
from regal.payments.models import Attempt, InboxMessage, Settlement
from regal.payments.queries import nudged_keys
from regal.payments.states import BEFORE_LEAVING, State

REPAIRED_DAYS = 30
NOTIFIED_WITHIN = timedelta(minutes=1)  # a notification that crosses our question on its way was not lost
SILENT_AFTER = timedelta(minutes=2)  # a connection cut once is no outage
LONGEST_ATTEMPT = timedelta(days=8)


@dataclass(frozen=True, kw_only=True)
class Questions:
    """What was asked about one payment, and what is still to come."""

    asked: int
    asked_at: datetime | None
    answer: str  # in words; "" if nothing usable ever came
    failure: str  # why the last question brought nothing, in words
    next_at: datetime | None  # None: nothing more is awaited; in an outage, not before the contract's next turn
    due_at: datetime | None  # when this payment's own turn comes
    free_at: datetime | None  # when the contract's turn comes, in an outage
    silent_since: datetime | None  # since when PayFiP answers no question of this contract
    is_asking: bool
    may_ask: bool  # there is something to ask, and its answer could still change something


@dataclass(frozen=True, kw_only=True)
class SilentContract:
    """A contract whose questions are not answered."""

    identifier: str
    service: str
    since: datetime
    failure: str
    waiting: int  # payments whose result is not known


def questions_about(*, attempt: Attempt, now: datetime) -> Questions | None:
    """None where the gateway cannot be asked."""
    if not is_asked(attempt.account):
        return None
    watch = Watch.objects.filter(collectivite=attempt.collectivite_id, attempt_id=attempt.pk).first()
    if watch is None:
        return None
    is_asking = watch.leased_until is not None and watch.leased_until > now
    pace = Pace.objects.filter(pk=attempt.account_id, failing_since__isnull=False).first()
    next_at = watch.due_at if pace is None else max(watch.due_at, pace.free_at)
    return Questions(
        asked=watch.asked,
        asked_at=watch.asked_at,
        answer=str(explanations.ANSWERS.get(watch.answer, "")),
        failure=_in_words(watch.failure, attempt.account) if watch.failure else "",
        next_at=None if watch.closed_at is not None or is_asking else next_at,
        due_at=None if watch.closed_at is not None else watch.due_at,
        free_at=pace.free_at if pace is not None else None,
        silent_since=pace.failing_since if pace is not None else None,
        is_asking=is_asking,
        may_ask=_may_ask(attempt),
    )


def repaired_at(*, attempt: Attempt) -> datetime | None:
    """When an attempt repaired itself: settled by the answer to our question, PayFiP having told us nothing."""
    found = _repaired(collectivite_id=attempt.collectivite_id).filter(attempt=attempt)
    return found.values_list("recorded_at", flat=True).first()


def asked_accounts(*, collectivite: HasKey) -> list[GatewayAccount]:
    """The contracts that answer questions."""
    has_direct = AccountSecret.objects.filter(
        collectivite=OuterRef("collectivite"), account=OuterRef("pk"), name=paybox.DIRECT
    )
    asked = Q(gateway=PayfipWs.name) | Q(Exists(has_direct), gateway=paybox.NAME)
    return list(GatewayAccount.objects.of(collectivite).filter(asked))


def is_asked(account: GatewayAccount) -> bool:
    """Whether its gateway answers questions: of Paybox, where the contract has Direct."""
    if account.gateway != paybox.NAME:
        return bool(account.gateway == PayfipWs.name)
    rows = AccountSecret.objects.filter(collectivite=account.collectivite_id, account=account, name=paybox.DIRECT)
    return rows.exists()


def repaired_lately(*, collectivite: HasKey, accounts: Sequence[GatewayAccount], now: datetime) -> QuerySet[Settlement]:
    """What repaired itself under these contracts in the last 30 days, the latest first."""
    since = now - timedelta(days=REPAIRED_DAYS)
    return (
        _repaired(collectivite_id=collectivite.pk)
        .filter(account__in=accounts, accounting_day__gte=paris.today(since - LONGEST_ATTEMPT), recorded_at__gte=since)
        .order_by("-recorded_at", "-pk")
    )


def silent_contracts(*, accounts: Sequence[GatewayAccount], now: datetime) -> list[SilentContract]:
    """Those that have answered nothing for a while, and what waits for them."""
    numbered = {account.pk: account for account in accounts}
    paces = Pace.objects.filter(pk__in=list(numbered), failing_since__lte=now - SILENT_AFTER).order_by("failing_since")
    return [
        SilentContract(
            identifier=numbered[pace.pk].identifier,
            service=service_of(numbered[pace.pk]),
            since=pace.failing_since,
            failure=_in_words(pace.failure, numbered[pace.pk]),
            waiting=_waiting(numbered[pace.pk]),
        )
        for pace in paces
        if pace.failing_since is not None
    ]


def _waiting(account: GatewayAccount) -> int:
    """Payments that may be on their way: a refused one is asked about too, and waits for nothing."""
    under_way = Attempt.objects.filter(
        collectivite=account.collectivite_id,
        account=account,
        status__in=[State.REQUESTED, State.OPEN, State.HANDED_OFF],
    )
    watched = Watch.objects.filter(account_id=account.pk, closed_at__isnull=True)
    return under_way.filter(pk__in=watched.values("attempt_id")).count()


def _in_words(failure: str, account: GatewayAccount) -> str:
    return explanations.failure_in_words(failure, of_paybox=account.gateway == paybox.NAME)


def _may_ask(attempt: Attempt) -> bool:
    if attempt.account.gateway == paybox.NAME:
        return attempt.is_provisional or attempt.status not in (State.PAID, *BEFORE_LEAVING)
    return attempt.status != State.PAID and bool(attempt.key or nudged_keys(attempt=attempt))


def _repaired(*, collectivite_id: int) -> QuerySet[Settlement]:
    told_by = ExpressionWrapper(OuterRef("recorded_at") + NOTIFIED_WITHIN, output_field=DateTimeField())
    told = InboxMessage.objects.filter(
        collectivite=OuterRef("collectivite"), attempt=OuterRef("attempt"), received_at__lte=told_by
    )
    return Settlement.objects.filter(~Exists(told), collectivite=collectivite_id, evidence__source=INQUIRY)
