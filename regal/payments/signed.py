"""What a signed message must fit before it moves anything: docs/decisions/0016.

One key signs for every merchant of Paybox, test and production alike, and on its test platform anybody has it sign any
text he likes: a signature alone says nothing of what it signs. What comes to the account's own address, which no payer
ever sees, was called there by Paybox; whatever else is signed only announces.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from regal.gateways.base import Environment, Gateway, Notice, Outcome
from regal.lib import canonical
from regal.payments.accounts import gateway_of
from regal.payments.models import Attempt, Settlement, TransactionSeen
from regal.payments.states import State

# After the page is over: a bank that thinks, a clock that differs. What was called pending may take days.
LATE = timedelta(hours=1)
LATE_AFTER_PENDING = timedelta(days=10)


RETURN = "return"  # where evidence comes from: the payer's browser, back from the gateway


@dataclass(frozen=True, kw_only=True)
class Weight:
    """What a signed message is worth, once it fits its attempt."""

    asks: bool = False  # it announces a payment that can be asked about
    settles: bool = False  # provisionally: it came to the account's own address, and nobody can be asked
    keeps_hold: bool = False  # refused there, the payer may try again on the same page
    ends_hold: bool = False  # he is back
    is_elsewhere: bool = False  # another account was told of the same transaction


NOTHING = Weight()


def weigh(
    *, attempt: Attempt, notice: Notice, source: str, is_by_account: bool, received_at: datetime, now: datetime
) -> tuple[Weight, tuple[str, ...]]:
    """What a signed message may do, and why it is not about this attempt: names, as in `Claims`.

    Only what came to the account's own address (`is_by_account`) settles; signed by a gateway that signs nothing, a
    message is worth no more than words.
    """
    gateway = gateway_of(attempt.account)
    if not gateway.signed:
        return NOTHING, ()
    found = _misfits(attempt=attempt, notice=notice, gateway=gateway, received_at=received_at)
    is_back = source == RETURN
    if notice.outcome is not Outcome.PAID:
        is_over = notice.outcome in (Outcome.REFUSED, Outcome.ABANDONED)
        return Weight(keeps_hold=gateway.retries_on_page and not is_back, ends_hold=is_back and is_over), found
    if found:
        return NOTHING, found
    seen = _first_seen(attempt=attempt, notice=notice, now=now)
    is_elsewhere = seen.account_id != attempt.account_id
    if not is_elsewhere and seen.attempt_id != attempt.pk:
        return NOTHING, ("transaction",)
    weight = Weight(
        asks=gateway.can_ask and not is_elsewhere and (attempt.status != State.PAID or attempt.is_provisional),
        settles=is_by_account and not (gateway.can_ask or is_elsewhere),
        is_elsewhere=is_elsewhere,
    )
    return weight, ()


def _misfits(*, attempt: Attempt, notice: Notice, gateway: Gateway, received_at: datetime) -> tuple[str, ...]:
    found = []
    if notice.reference != attempt.reference:
        found.append("reference")
    if attempt.handed_off_at is None:
        found.append("not_handed_off")
    if notice.outcome is Outcome.PAID:
        if notice.claims.amount is None:
            found.append("amount")
        if not notice.facts.get("authorisation"):
            found.append("authorisation")
        if not notice.transaction or not notice.call:
            found.append("transaction")
        if not gateway.can_ask and not is_young(attempt=attempt, gateway=gateway, at=received_at):
            found.append("too_old")
    return tuple(found)


def is_young(*, attempt: Attempt, gateway: Gateway, at: datetime) -> bool:
    """Whether a message that comes then may settle an attempt by itself."""
    if attempt.handed_off_at is None:
        return False
    late = LATE_AFTER_PENDING if attempt.announced == Outcome.PENDING else LATE
    return at <= attempt.handed_off_at + gateway.holds_for + late


def has_other_number(*, attempt: Attempt, notice: Notice) -> bool:
    """Whether another attempt of the account was settled by this transaction, or this attempt by another one."""
    if notice.outcome is not Outcome.PAID or not notice.call:  # with it alone, a number never comes again
        return False
    settled = Settlement.objects.filter(collectivite=attempt.collectivite_id, account=attempt.account_id)
    of_another = settled.filter(transaction=notice.transaction).exclude(attempt=attempt)
    otherwise = settled.filter(attempt=attempt).exclude(transaction__in=["", notice.transaction])
    return of_another.exists() or otherwise.exists()


def _first_seen(*, attempt: Attempt, notice: Notice, now: datetime) -> TransactionSeen:
    """Of which attempt, anywhere in the installation, this transaction was first told: of this one, if of none yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO payments_transactionseen (digest, account_id, attempt_id, seen_at) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [_digest(attempt=attempt, notice=notice), attempt.account_id, attempt.pk, now],
        )
    return TransactionSeen.objects.get(digest=_digest(attempt=attempt, notice=notice))


def _digest(*, attempt: Attempt, notice: Notice) -> str:
    """Test is a platform of its own, and numbers its transactions by itself."""
    platform = "test" if attempt.environment == Environment.TEST else "real"
    return canonical.digest([attempt.account.gateway, platform, notice.transaction, notice.call])
