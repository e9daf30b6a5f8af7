"""Whose contract a number is, asked of PayFiP before it is connected, and recognised by whoever typed it.

What PayFiP said travels in the page that shows it, signed: nobody recognises what was not said, nor for long.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core import signing

from regal.backoffice import activation_refusals as refusals
from regal.backoffice.refusals import Refusal
from regal.collectivites.models import Collectivite
from regal.gateways.base import (
    ClientDescription,
    DebtKind,
    DescribableGateway,
    Environment,
    Refused,
    Unreachable,
    Unreadable,
)
from regal.payments.accounts import gateway_to_be

LASTS = timedelta(minutes=30)

_SALT = "regal.backoffice.recognition"
_UNKNOWN = ("payfip_T1", "payfip_T2")
_NO_WEB_SERVICE = "payfip_T4"


def ask(*, gateway: str, identifier: str, kind: DebtKind, options: Mapping[str, object]) -> ClientDescription:
    """Ask PayFiP whose number this is. Never call it inside a transaction.

    Raises UnknownToPayfip, NoWebService, PayfipObjects, PayfipAway.
    """
    candidate = gateway_to_be(
        gateway=gateway, identifier=identifier, debt_kind=kind, environment=Environment.TEST, options=options
    )
    if not isinstance(candidate, DescribableGateway):
        raise TypeError(f"{gateway} does not tell whose a contract is")
    try:
        return candidate.describe()
    except Refused as refused:
        other = refusals.PayfipObjects(reason=refused.code.removeprefix("payfip_"))
        raise refusal_of(refused.code, identifier) or other from refused
    except Unreadable as unreadable:
        raise refusals.PayfipObjects(reason=unreadable.code) from unreadable
    except Unreachable as away:
        raise refusals.PayfipAway(reason=away.code) from away


def refusal_of(code: str, identifier: str) -> Refusal | None:
    """What PayFiP reproaches to the contract itself, if it does."""
    if code in _UNKNOWN:
        return refusals.UnknownToPayfip(identifier=identifier)
    return refusals.NoWebService(identifier=identifier) if code == _NO_WEB_SERVICE else None


def seal(*, collectivite: Collectivite, description: ClientDescription, now: datetime) -> str:
    """What PayFiP said to this town, to be given back by the page."""
    told = {
        "town": collectivite.pk,
        "identifier": description.identifier,
        "labels": description.labels,
        "at": now.timestamp(),
    }
    return signing.dumps(told, salt=_SALT)


def recognised(*, sealed: str, collectivite: Collectivite, identifier: str, now: datetime) -> tuple[str, ...] | None:
    """The labels that were shown; None if they were of another number or town, too long ago, or never."""
    try:
        told: dict[str, Any] = signing.loads(sealed, salt=_SALT)
    except signing.BadSignature:
        return None
    if (told["town"], told["identifier"]) != (collectivite.pk, identifier):
        return None
    if not timedelta(0) <= timedelta(seconds=now.timestamp() - told["at"]) <= LASTS:
        return None
    return tuple(told["labels"])
