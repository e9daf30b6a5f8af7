"""The gateways there are: one line each."""

from collections.abc import Callable, Mapping

import httpx

from regal.gateways.base import AccountConfig, Gateway
from regal.gateways.payfip_url.gateway import PayfipUrl
from regal.gateways.payfip_ws.gateway import PayfipWs

Connect = Callable[[], httpx.Client]
Build = Callable[[AccountConfig, Connect], Gateway]

GATEWAYS: Mapping[str, Build] = {
    PayfipUrl.name: lambda config, connect: PayfipUrl.configure(config),
    PayfipWs.name: lambda config, connect: PayfipWs.configure(config, connect()),
}

# The ways to PayFiP: its client numbers are the same whatever the way, and one number is one contract.
PAYFIP = (PayfipUrl.name, PayfipWs.name)


class UnknownGateway(LookupError):
    """No gateway has that name."""


def build(name: str, config: AccountConfig, connect: Connect) -> Gateway:
    """Build the gateway of one account; `connect` gives their client to those that ask questions.

    Raises UnknownGateway, Misconfigured.
    """
    if name not in GATEWAYS:
        raise UnknownGateway(name)
    return GATEWAYS[name](config, connect)
