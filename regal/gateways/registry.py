"""The gateways there are: one line each."""

from collections.abc import Callable, Mapping
from datetime import datetime

import httpx

from regal.gateways.base import AccountConfig, Gateway
from regal.gateways.paybox.gateway import Paybox
from regal.gateways.payfip_url.gateway import PayfipUrl
from regal.gateways.payfip_ws.gateway import PayfipWs

Connect = Callable[[], httpx.Client]
Clock = Callable[[], datetime]
Build = Callable[[AccountConfig, Connect, Clock], Gateway]

GATEWAYS: Mapping[str, Build] = {
    Paybox.name: lambda config, connect, clock: Paybox.configure(config, connect(), clock),
    PayfipUrl.name: lambda config, connect, clock: PayfipUrl.configure(config),
    PayfipWs.name: lambda config, connect, clock: PayfipWs.configure(config, connect()),
}

# The ways to PayFiP: its client numbers are the same whatever the way, and one number is one contract.
PAYFIP = (PayfipUrl.name, PayfipWs.name)


# Those whose other side knows no debt: what they hand off stands in our own base.
OF_OUR_BASE = frozenset(gateway.name for gateway in (Paybox, PayfipUrl, PayfipWs) if gateway.needs_titre)


class UnknownGateway(LookupError):
    """No gateway has that name."""


def build(name: str, config: AccountConfig, connect: Connect, clock: Clock) -> Gateway:
    """Build the gateway of one account; `connect` and `clock` are for those that ask questions, or date what they sign.

    Raises UnknownGateway, Misconfigured.
    """
    if name not in GATEWAYS:
        raise UnknownGateway(name)
    return GATEWAYS[name](config, connect, clock)
