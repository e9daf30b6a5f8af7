"""How a payer leaves for the gateway: record, ask for a key where it wants one, give the address.

The question to the gateway stands between two transactions: what it may have heard of is always stored, and no lock
waits for it. Never call `depart` inside a transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from regal.gateways.base import GatewayFailure, Key, Redirect
from regal.gateways.base import Refused as GatewayRefused
from regal.lib.tenancy import tenant
from regal.payments.accounts import gateway_of
from regal.payments.models import Attempt
from regal.payments.operations import (
    PaymentOrder,
    Requested,
    key_denied,
    key_given,
    key_not_known,
    request_key,
    start_payment,
)
from regal.payments.refusals import CannotHandOff, GatewayAway


@dataclass(frozen=True, kw_only=True)
class Departure:
    """An attempt handed off, and where its payer goes now."""

    attempt: Attempt
    hand_off: Redirect


def depart(
    *, order: PaymentOrder, clock: Callable[[], datetime], also: Callable[[Attempt], None] | None = None
) -> Departure:
    """Hand an order off, whatever its gateway. `also` is done in the transaction that records the attempt.

    Raises EarlierAttempt, AlreadyStarted, TitreNotPayable, CannotHandOff (where the gateway itself said no, the attempt
    stands as NEVER_STARTED) and GatewayAway (it stands as REQUESTED: what the gateway made of it is not known).
    """
    collectivite = order.product.collectivite
    with tenant(collectivite):
        if not gateway_of(order.account).needs_key:
            started = start_payment(order=order, now=clock())
            if also is not None:
                also(started.attempt)
            return Departure(attempt=started.attempt, hand_off=started.hand_off)
        requested = request_key(order=order, now=clock())
        if also is not None:
            also(requested.attempt)
    key = _ask_for_key(requested, clock=clock)
    hand_off = requested.gateway.hand_off(requested.request, key)
    if not isinstance(hand_off, Redirect):
        raise TypeError(f"{requested.gateway.name} hands off by a form")
    with tenant(collectivite):
        attempt = key_given(collectivite_id=collectivite.pk, attempt_id=requested.attempt.pk, key=key, now=clock())
    if attempt is None:
        raise GatewayAway("too_late")
    return Departure(attempt=attempt, hand_off=hand_off)


def _ask_for_key(requested: Requested, *, clock: Callable[[], datetime]) -> Key:
    attempt = requested.attempt
    try:
        key = requested.gateway.open(requested.request)
    except GatewayRefused as refused:
        with tenant(attempt.collectivite_id):
            key_denied(collectivite_id=attempt.collectivite_id, attempt_id=attempt.pk, now=clock())
        raise CannotHandOff(refused.code) from refused
    except GatewayFailure as failure:
        with tenant(attempt.collectivite_id):
            key_not_known(collectivite_id=attempt.collectivite_id, attempt_id=attempt.pk, now=clock())
        raise GatewayAway(failure.code) from failure
    if key is None:
        raise TypeError(f"{requested.gateway.name} wants a key and gives none")
    return key
