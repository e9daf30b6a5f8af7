"""Links by which an invited person chooses a password: valid once, for 24 hours.

The token is Django's: a MAC over the user, the password's hash and the last sign-in, so that it dies when the password
is chosen. Nothing about it is stored.
"""

from datetime import UTC, datetime

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from regal.lib.keys import key_in
from regal.people.models import User


class _Tokens(PasswordResetTokenGenerator):
    key_salt = "regal.people.invitation"

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self._moment = now.astimezone(UTC).replace(tzinfo=None)  # the generator counts seconds without a time zone

    def _now(self) -> datetime:
        return self._moment


def token_for(*, user: User, now: datetime) -> str:
    """A token that `invited_user` accepts once, for `settings.PASSWORD_RESET_TIMEOUT` seconds."""
    return _Tokens(now).make_token(user)


def path_for(*, user: User, now: datetime) -> str:
    """The path of the page where the password is chosen."""
    return f"/invitation/{urlsafe_base64_encode(str(user.pk).encode())}/{token_for(user=user, now=now)}/"


def invited_user(*, uid: str, token: str, now: datetime, lock: bool = False) -> User | None:
    """Whom a link invites; None if it was used, is too old, or was never ours. `lock` needs a transaction."""
    try:
        key = key_in(urlsafe_base64_decode(uid).decode("ascii"))
    except ValueError:
        return None
    if key is None:
        return None
    users = User.objects.select_for_update() if lock else User.objects.all()
    user = users.filter(pk=key, is_active=True).first()
    return user if user is not None and _Tokens(now).check_token(user, token) else None
