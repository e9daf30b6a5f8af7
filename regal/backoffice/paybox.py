"""A Paybox contract: its three numbers, its keys, its own notification address, its settings.

Paybox has two platforms, test and production, each with its own keys. An account's `hmac` and `direct` are typed once,
sealed, and shown to nobody again; `notification` is the random part of its own address, drawn here, shown to the
collectivité's administrators alone. A new value is a new row: the audit names it and never holds it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.conf import settings

from regal.audit.operations import record
from regal.backoffice import paybox_refusals as refusals
from regal.backoffice.administration import ADDRESS, add_account, check_account
from regal.collectivites.models import AccountSecret, Collectivite, GatewayAccount, Regie
from regal.collectivites.operations import keep_secret, open_secret
from regal.gateways.base import DebtKind, Environment
from regal.lib import tokens
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret
from regal.payments.accounts import gateway_of
from regal.payments.signed import LATE

NAME = "paybox"
HMAC, DIRECT = "hmac", "direct"
KEYS = (HMAC, DIRECT)
NOTIFIED = "notified_in_back_office"

_KEY = re.compile(r"[0-9A-Fa-f]{128}")
_DIRECT = re.compile(r"[\x21-\x7e]{1,10}")
_NUMBERS = {"site": r"[0-9]{7}", "rang": r"0?[0-9]{2}|[0-9]{3}|[0-9]", "identifiant": r"[0-9]{1,9}"}


@dataclass(frozen=True, kw_only=True)
class MerchantNumbers:
    """What the bank's letter calls numéro de site (TPE), rang and identifiant: digits, as text."""

    site: str
    rang: str
    identifiant: str

    @classmethod
    def read(cls, *, site: str, rang: str, identifiant: str) -> Self:
        """As typed, spaces aside; a rank is a number of two digits at least. Raises BadMerchantNumbers."""
        typed = {"site": site, "rang": rang, "identifiant": identifiant}
        kept = {name: "".join(value.split()) for name, value in typed.items()}
        for name, value in kept.items():
            if not re.fullmatch(_NUMBERS[name], value, re.ASCII):
                raise refusals.BadMerchantNumbers(name, typed[name])
        return cls(site=kept["site"], rang=f"{int(kept['rang']):02d}", identifiant=kept["identifiant"])

    @classmethod
    def parse(cls, identifier: str) -> Self:
        """From SITE-RANG-IDENTIFIANT. Raises BadMerchantNumbers."""
        parts = identifier.split("-")
        if len(parts) != 3:
            raise refusals.BadMerchantNumbers("", identifier)
        return cls.read(site=parts[0], rang=parts[1], identifiant=parts[2])

    @property
    def identifier(self) -> str:
        """The account's: 1234567-01-123456789."""
        return f"{self.site}-{self.rang}-{self.identifiant}"


def hmac_key(typed: str) -> Secret:
    """The key as pasted, line ends and spaces aside. Raises BadKey."""
    kept = "".join(typed.split())
    if not _KEY.fullmatch(kept):
        raise refusals.BadKey
    return Secret.of_text(kept.upper())


def direct_password(typed: str) -> Secret:
    """Raises BadDirectPassword."""
    if not _DIRECT.fullmatch(typed):
        raise refusals.BadDirectPassword
    return Secret.of_text(typed)


def add_contract(
    *,
    collectivite: Collectivite,
    numbers: MerchantNumbers,
    environment: Environment,
    regie: Regie,
    keys: Mapping[str, Secret],
    options: Mapping[str, Any],
    now: datetime,
    actor_id: int | None = None,
) -> GatewayAccount:
    """One phase of a contract, with its keys and an address of its own. Raises MissingKey, and as `add_account`."""
    if HMAC not in keys:
        raise refusals.MissingKey
    return add_account(
        collectivite=collectivite,
        debt_kind=DebtKind.REGIE,
        environment=environment,
        identifier=numbers.identifier,
        gateway=NAME,
        options={name: value for name, value in options.items() if name != NOTIFIED},
        regie=regie,
        secrets={**keys, ADDRESS: Secret.of_text(tokens.new_token())},
        now=now,
        actor_id=actor_id,
    )


def change_keys(
    *, accounts: Iterable[GatewayAccount], keys: Mapping[str, Secret], now: datetime, actor_id: int | None = None
) -> None:
    """New keys for the accounts of one platform, all or none. Raises NotOfPaybox, PublishedKey, BadKey…"""
    changed = list(accounts)
    if not all(account.gateway == NAME for account in changed):
        raise refusals.NotOfPaybox
    for account in changed[:1]:
        with tenant(account.collectivite):
            for one in changed:
                for name, secret in keys.items():
                    keep_secret(account=one, name=name, value=secret)
                check_account(one)
                record(
                    collectivite=one.collectivite,
                    action="change_keys",
                    subject=f"account {one.pk}",
                    after={"environment": one.environment, "secrets": sorted(keys)},
                    now=now,
                    actor_id=actor_id,
                )


def address_of(account: GatewayAccount) -> str:
    """Where Paybox may tell this account what was paid; "" if it has no address. Call it inside `tenant()`.

    Raises VaultError.
    """
    row = _newest(account, ADDRESS)
    if row is None:
        return ""
    return f"{settings.NOTIFICATION_URL}/s/p/{account.collectivite_id}/{open_secret(row).reveal_text()}"


def keys_of(account: GatewayAccount) -> dict[str, datetime]:
    """Which keys an account has, and since when. Call it inside `tenant()`."""
    rows = AccountSecret.objects.of(account.collectivite).filter(account=account, name__in=KEYS).order_by("pk")
    return {row.name: row.created_at for row in rows}


def renew_address(*, account: GatewayAccount, now: datetime, actor_id: int) -> None:
    """Another address: Paybox does not know it yet, and calls the one before for the pages that are open now.

    That one is heard until they are over, and then leads nowhere. Renewed twice meanwhile, only the last one is.

    Raises NotOfPaybox.
    """
    if account.gateway != NAME:
        raise refusals.NotOfPaybox
    token = tokens.new_token()
    with tenant(account.collectivite):
        changed = _locked(account)
        keep_secret(account=changed, name=ADDRESS, value=Secret.of_text(token))
        changed.former_notification_digest = changed.notification_digest
        changed.former_notification_ends_at = now + gateway_of(changed).holds_for + LATE
        changed.notification_digest = tokens.digest(token)
        before = {NOTIFIED: bool(changed.options.get(NOTIFIED))}
        changed.options = {**changed.options, NOTIFIED: False}
        address = ("notification_digest", "former_notification_digest", "former_notification_ends_at")
        changed.save(update_fields=[*address, "options"])
        record(
            collectivite=changed.collectivite,
            action="renew_address",
            subject=f"account {changed.pk}",
            before=before,
            after={"environment": changed.environment, NOTIFIED: False},
            now=now,
            actor_id=actor_id,
        )


def change_options(
    *, accounts: Iterable[GatewayAccount], options: Mapping[str, Any], now: datetime, actor_id: int | None = None
) -> bool:
    """Set some options of a contract's accounts; None takes one away. Whether anything changed.

    Raises NotOfPaybox, BadPayboxSetting.
    """
    is_changed = False
    for account in accounts:
        if account.gateway != NAME:
            raise refusals.NotOfPaybox
        with tenant(account.collectivite):
            changed = _locked(account)
            before = dict(changed.options)
            after = {name: value for name, value in {**before, **options}.items() if value is not None}
            if before == after:
                continue
            changed.options, is_changed = after, True
            check_account(changed)
            changed.save(update_fields=["options"])
            record(
                collectivite=changed.collectivite,
                action="change_account",
                subject=f"account {changed.pk}",
                before={"options": before},
                after={"options": after},
                now=now,
                actor_id=actor_id,
            )
    return is_changed


def _newest(account: GatewayAccount, name: str) -> AccountSecret | None:
    rows = AccountSecret.objects.of(account.collectivite).filter(account=account, name=name)
    return rows.order_by("-pk").first()


def _locked(account: GatewayAccount) -> GatewayAccount:
    rows = GatewayAccount.objects.of(account.collectivite).select_related("collectivite")
    return rows.select_for_update(of=("self",)).get(pk=account.pk)
