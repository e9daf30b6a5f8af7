"""Create and change what a collectivité is made of. Every act leaves its audit row in the same transaction."""

from django.conf import settings

from regal.collectivites.models import AccountSecret, GatewayAccount
from regal.lib.vault import Sealed, Secret, Vault


def keep_secret(*, account: GatewayAccount, name: str, value: Secret) -> AccountSecret:
    """Seal a gateway's key or password under the newest key of the platform; the newest row of a name counts."""
    sealed = Vault.from_setting(settings.SECRET_KEYS).seal(value, _context(account.pk, account.collectivite_id, name))
    return AccountSecret.objects.create(
        collectivite_id=account.collectivite_id,
        account=account,
        name=name,
        sealed=sealed,
        key_version=Sealed.parse(sealed).key_version,
    )


def open_secret(row: AccountSecret) -> Secret:
    """Raises VaultError if the key's version is gone, or the ciphertext was altered or moved from another account."""
    context = _context(row.account_id, row.collectivite_id, row.name)
    return Vault.from_setting(settings.SECRET_KEYS).open(row.sealed, context)


def secrets_of(account: GatewayAccount) -> dict[str, Secret]:
    """Every secret of an account, the newest of each name. Call it inside `tenant()`. Raises VaultError."""
    rows = AccountSecret.objects.filter(collectivite=account.collectivite_id, account=account).order_by("pk")
    return {row.name: open_secret(row) for row in rows}


def _context(account_id: int, collectivite_id: int, name: str) -> bytes:
    return f"account.{collectivite_id}.{account_id}.{name}".encode()
