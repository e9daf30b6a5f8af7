"""How a payer leaves for the gateway: record, ask for a key where it wants one, give the address or the form.

A question to the gateway stands outside any transaction: what it may have heard of is always stored, and no lock waits
for it. Never call `depart` or `go_again` inside a transaction.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import BoundedSemaphore

from regal.gateways.base import Gateway, GatewayFailure, GatewayWithBackup, Key, PostForm, Redirect, Unreachable
from regal.gateways.base import Refused as GatewayRefused
from regal.lib.tenancy import tenant
from regal.payments.accounts import gateway_of
from regal.payments.checker import ask_before_another
from regal.payments.models import Attempt
from regal.payments.operations import (
    PaymentOrder,
    Requested,
    hand_off_again,
    key_denied,
    key_given,
    key_not_known,
    request_key,
    start_payment,
)
from regal.payments.refusals import CannotHandOff, GatewayAway
from regal.titres.models import Titre

# Payers of one process who wait for a key at once: half of the threads that `serve` gives it. While a gateway takes its
# 15 seconds, the other half goes on serving whoever needs no gateway.
MOST_WAITING = 4
_places = BoundedSemaphore(MOST_WAITING)


@dataclass(frozen=True, kw_only=True)
class Departure:
    """An attempt handed off, and where its payer goes now."""

    attempt: Attempt
    hand_off: Redirect | PostForm


def depart(
    *, order: PaymentOrder, clock: Callable[[], datetime], also: Callable[[Attempt], None] | None = None
) -> Departure:
    """Hand an order off, whatever its gateway. `also` is done in the transaction that records the attempt.

    Raises EarlierAttempt, AlreadyStarted, TitreNotPayable, CannotHandOff (where the gateway itself said no, the attempt
    stands as NEVER_STARTED) and GatewayAway (nothing was begun, or it stands as REQUESTED: what the gateway made of it
    is not known).
    """
    collectivite = order.product.collectivite
    with tenant(collectivite):
        gateway = gateway_of(order.account)
    if order.parts:
        _ask_about_earlier([part.titre for part in order.parts], clock=clock)
    if gateway.needs_key:
        return _depart_with_key(order=order, clock=clock, also=also)
    gateway = _awake(gateway)
    with tenant(collectivite):
        started = start_payment(order=order, gateway=gateway, now=clock())
        if also is not None:
            also(started.attempt)
    return Departure(attempt=started.attempt, hand_off=started.hand_off)


def _ask_about_earlier(titres: Sequence[Titre], *, clock: Callable[[], datetime]) -> None:
    """What another attempt on the same titres became, if that can be learnt at once: what follows knows of it."""
    try:
        with _place():
            ask_before_another(titres=titres, clock=clock)
    except GatewayAway:  # too many wait already
        return


def go_again(*, order: PaymentOrder, attempt: Attempt, now: datetime) -> Redirect | PostForm | None:
    """Lead the second click of one press where the first went; None once that moment has passed.

    Where there are two hosts it is the one that answers now: seconds later, the same.
    """
    collectivite = order.product.collectivite
    with tenant(collectivite):
        gateway = gateway_of(attempt.account)
        if hand_off_again(order=order, attempt=attempt, gateway=gateway, now=now) is None:
            return None
    try:
        gateway = _awake(gateway)
    except GatewayAway:
        return None
    with tenant(collectivite):
        return hand_off_again(order=order, attempt=attempt, gateway=gateway, now=now)


def _awake(gateway: Gateway) -> Gateway:
    """The same gateway at the host that answers, where there are two. Raises GatewayAway: nobody does."""
    if not isinstance(gateway, GatewayWithBackup):
        return gateway
    with _place():
        try:
            return gateway.awake()
        except Unreachable as failure:
            raise GatewayAway(failure.code) from failure


def _depart_with_key(
    *, order: PaymentOrder, clock: Callable[[], datetime], also: Callable[[Attempt], None] | None
) -> Departure:
    collectivite = order.product.collectivite
    with _place():
        with tenant(collectivite):
            requested = request_key(order=order, now=clock())
            if also is not None:
                also(requested.attempt)
        key = _ask_for_key(requested, clock=clock)
    hand_off = requested.gateway.hand_off(requested.request, key)
    with tenant(collectivite):
        attempt = key_given(collectivite_id=collectivite.pk, attempt_id=requested.attempt.pk, key=key, now=clock())
    if attempt is None:
        raise GatewayAway("too_late")
    return Departure(attempt=attempt, hand_off=hand_off)


@contextmanager
def _place() -> Iterator[None]:
    """One of the places of those who wait. Raises GatewayAway if there is none."""
    if not _places.acquire(blocking=False):
        raise GatewayAway("busy")
    try:
        yield
    finally:
        _places.release()


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
