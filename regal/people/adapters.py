"""What we change in django-allauth: nobody signs up by himself, answers tell nothing, and TOTP secrets are sealed."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal.httpkit import headed_redirect_response
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from regal.lib.client_address import client_address
from regal.lib.vault import Vault

TOTP_CONTEXT = b"people.totp"

_WRONG = _("Identifiant ou mot de passe inconnu : vérifiez-les et recommencez.")
_TOO_OFTEN = _("Trop d’essais : attendez quelques minutes, puis recommencez.")
_CODES = "mfa/messages/recovery_codes_generated.txt"
_SAID = {  # what we say instead of allauth's messages; of the others, nothing
    "account/messages/logged_out.txt": _("Vous êtes déconnecté."),
    "account/messages/password_changed.txt": _("Votre mot de passe est changé."),
    "mfa/messages/totp_activated.txt": _("La double authentification est en place."),
    "mfa/messages/totp_deactivated.txt": _("La double authentification est retirée."),
    "mfa/messages/recovery_codes_generated.txt": _(
        "Vos codes de secours sont renouvelés ; les anciens ne valent plus."
    ),
}


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": _WRONG,
        "email_password_mismatch": _WRONG,
        "too_many_login_attempts": _TOO_OFTEN,
        "rate_limited": _TOO_OFTEN,
        "incorrect_password": _("Ce n’est pas votre mot de passe : recommencez."),
        "enter_current_password": _("Ce n’est pas votre mot de passe actuel : recommencez."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Agents are invited."""
        return False

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        """Say it in our words, or not at all."""
        sentence = _SAID.get(message_template or "")
        is_first = request.resolver_match is not None and request.resolver_match.url_name == "mfa_activate_totp"
        if message_template == _CODES and is_first:  # made with the second factor itself: they replace none
            sentence = _("Vos codes de secours sont prêts : notez-les, ils servent si vous perdez votre téléphone.")
        if sentence is not None:
            messages.add_message(request, level, str(sentence), extra_tags=extra_tags)

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        """The password was right and the account is closed: back to the door, which says so."""
        messages.error(request, _("Ce compte est fermé. Adressez-vous à qui administre REGAL chez vous."))
        answer: HttpResponse = headed_redirect_response("account_login")
        return answer

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("mfa_index")

    def get_client_ip(self, request: HttpRequest) -> str:
        """Whom the limits count: seen through `REGAL_TRUSTED_PROXIES` only."""
        return client_address(
            remote=request.META.get("REMOTE_ADDR", ""),
            forwarded_for=request.META.get("HTTP_X_FORWARDED_FOR", ""),
            trusted=settings.TRUSTED_PROXIES,
        )


class MfaAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("Ce code n’est pas le bon : attendez le suivant et recommencez."),
    }

    def get_totp_label(self, user: AbstractBaseUser) -> str:
        """What the application on the telephone shows: the identifier, no e-mail address."""
        return user.get_username()

    def encrypt(self, text: str) -> str:
        """Seal a TOTP secret or a set of recovery codes under the newest key."""
        return Vault.from_setting(settings.SECRET_KEYS).seal(text.encode(), TOTP_CONTEXT)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises VaultError if the key's version is gone or the text was altered."""
        return Vault.from_setting(settings.SECRET_KEYS).open(encrypted_text, TOTP_CONTEXT).reveal_text()
