"""From an account's row to its gateway: the one place where settings, secrets and rows meet the adapters."""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from regal.collectivites.models import AccountSecret, GatewayAccount
from regal.collectivites.operations import open_secret
from regal.gateways.base import AccountConfig, DebtKind, Environment, Gateway
from regal.gateways.registry import build
from regal.lib.http import outbound
from regal.lib.vault import Secret

Clock = Callable[[], datetime]

SERVICE_URLS = {
    "payfip_url": lambda: settings.PAYFIP_URL,
    "payfip_ws": lambda: settings.PAYFIP_URL,
    "paybox": lambda: settings.PAYBOX_URL,
}
ADDRESSES = {
    "paybox": lambda: {
        "backup": settings.PAYBOX_BACKUP_URL,
        "direct": settings.PAYBOX_DIRECT_URL,
        "direct_backup": settings.PAYBOX_DIRECT_BACKUP_URL,
    },
}
PUBLIC_KEYS = {"paybox": lambda: settings.PAYBOX_PUBLIC_KEY}


def gateway_of(account: GatewayAccount, *, clock: Clock = timezone.now) -> Gateway:
    """The gateway of one account, its secrets opened. Call it inside `tenant()`. Raises Misconfigured, VaultError.

    `clock` dates what is signed and asked.
    """
    return build(
        account.gateway,
        AccountConfig(
            service_url=SERVICE_URLS[account.gateway](),
            addresses=ADDRESSES.get(account.gateway, dict)(),
            public_key=PUBLIC_KEYS.get(account.gateway, str)(),
            identifier=account.identifier,
            debt_kind=DebtKind(account.debt_kind),
            environment=Environment(account.environment),
            options=account.options,
            secrets=_secrets_of(account),
        ),
        outbound,
        clock,
    )


def gateway_to_be(
    *, gateway: str, identifier: str, debt_kind: DebtKind, environment: Environment, options: Mapping[str, object]
) -> Gateway:
    """The gateway of a contract that is not connected yet, and has no secret. Raises Misconfigured."""
    config = AccountConfig(
        service_url=SERVICE_URLS[gateway](),
        addresses=ADDRESSES.get(gateway, dict)(),
        public_key=PUBLIC_KEYS.get(gateway, str)(),
        identifier=identifier,
        debt_kind=debt_kind,
        environment=environment,
        options=options,
    )
    return build(gateway, config, outbound, timezone.now)


def _secrets_of(account: GatewayAccount) -> dict[str, Secret]:
    rows = AccountSecret.objects.filter(collectivite=account.collectivite_id, account=account).order_by("pk")
    return {row.name: open_secret(row) for row in rows}
