"""What agents call the service by which a payment goes: PayFiP, Paybox, or the name under which a bank sells it."""

from collections.abc import Mapping
from typing import Any

from regal.collectivites.models import GatewayAccount

PAYFIP, PAYBOX, UP2PAY = "PayFiP", "Paybox", "Up2pay"
_NAMES = {"payfip_url": PAYFIP, "payfip_ws": PAYFIP, "paybox": PAYBOX}


def service_of(account: GatewayAccount) -> str:
    """The name that the collectivité reads on its own contract."""
    return service(account.gateway, account.options)


def service(gateway: str, options: Mapping[str, Any]) -> str:
    """The same, of an account's two columns."""
    if gateway == "paybox" and options.get("platform") == "up2pay":
        return UP2PAY
    return _NAMES.get(gateway, gateway)
