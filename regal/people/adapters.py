"""What we change in django-allauth: nobody signs up by himself, and TOTP secrets are sealed."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest

from regal.lib.vault import Vault

TOTP_CONTEXT = b"people.totp"


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Agents are invited."""
        return False


class MfaAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        """Seal a TOTP secret or a set of recovery codes under the newest key."""
        return Vault.from_setting(settings.SECRET_KEYS).seal(text.encode(), TOTP_CONTEXT)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises VaultError if the key's version is gone or the text was altered."""
        return Vault.from_setting(settings.SECRET_KEYS).open(encrypted_text, TOTP_CONTEXT).reveal_text()
