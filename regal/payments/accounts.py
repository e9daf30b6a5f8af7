"""From an account's row to its gateway: the one place where settings, secrets and rows meet the adapters."""

from collections.abc import Mapping

from django.conf import settings

from regal.collectivites.models import AccountSecret, GatewayAccount
from regal.collectivites.operations import open_secret
from regal.gateways.base import AccountConfig, DebtKind, Environment, Gateway
from regal.gateways.registry import build
from regal.lib.http import outbound
from regal.lib.vault import Secret

SERVICE_URLS = {"payfip_url": lambda: settings.PAYFIP_URL, "payfip_ws": lambda: settings.PAYFIP_URL}


def gateway_of(account: GatewayAccount) -> Gateway:
    """The gateway of one account, its secrets opened. Call it inside `tenant()`. Raises Misconfigured, VaultError."""
    return build(
        account.gateway,
        AccountConfig(
            service_url=SERVICE_URLS[account.gateway](),
            identifier=account.identifier,
            debt_kind=DebtKind(account.debt_kind),
            environment=Environment(account.environment),
            options=account.options,
            secrets=_secrets_of(account),
        ),
        outbound,
    )


def gateway_to_be(
    *, gateway: str, identifier: str, debt_kind: DebtKind, environment: Environment, options: Mapping[str, object]
) -> Gateway:
    """The gateway of a contract that is not connected yet, and has no secret. Raises Misconfigured."""
    config = AccountConfig(
        service_url=SERVICE_URLS[gateway](),
        identifier=identifier,
        debt_kind=debt_kind,
        environment=environment,
        options=options,
    )
    return build(gateway, config, outbound)


def _secrets_of(account: GatewayAccount) -> dict[str, Secret]:
    rows = AccountSecret.objects.filter(collectivite=account.collectivite_id, account=account).order_by("pk")
    return {row.name: open_secret(row) for row in rows}
