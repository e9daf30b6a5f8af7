"""The gateways there are: one line each."""

from collections.abc import Callable, Mapping

from regal.gateways.base import AccountConfig, Gateway
from regal.gateways.payfip_url.gateway import PayfipUrl

Build = Callable[[AccountConfig], Gateway]

GATEWAYS: Mapping[str, Build] = {
    PayfipUrl.name: PayfipUrl.configure,
}


class UnknownGateway(LookupError):
    """No gateway has that name."""


def build(name: str, config: AccountConfig) -> Gateway:
    """Build the gateway of one account. Raises UnknownGateway, Misconfigured."""
    if name not in GATEWAYS:
        raise UnknownGateway(name)
    return GATEWAYS[name](config)
