"""The payment key printed on a notice: it stands for the amount beside the reference that its payer types.

Ten characters out of 32: 50 bits that only our own key makes, too many to be guessed within the budgets of look-ups.
Like a titre's link it is stored nowhere, lasts as long as the titre, and survives a change of our key that keeps the
former one in `SECRET_KEY_FALLBACKS`.
"""

import re

from django.conf import settings
from django.utils.crypto import salted_hmac

from regal.lib import tokens
from regal.titres.models import Titre

LENGTH = 10
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # neither I, L, O nor U: nothing is misread, and no word appears
_MISREAD = str.maketrans("ILO", "110")
_BETWEEN = re.compile(r"[\s\-‐‑‒–—−._/]+")
_SALT = "regal.titres.payment_keys"


class UnreadableKey(Exception):
    """No payment key looks like this: a character too many, too few, or that none contains."""


def payment_key(titre: Titre) -> str:
    """Ten characters without separator."""
    return _key(titre, settings.SECRET_KEY)


def printed(key: str) -> str:
    """As notices print it: `7K3QF-M2X9D`."""
    return f"{key[:5]}-{key[5:]}"


def read_key(typed: str) -> str:
    """A key as somebody typed it: small letters, blanks and dashes are forgiven, O is 0, I and L are 1.

    Raises UnreadableKey.
    """
    key = _BETWEEN.sub("", typed).upper().translate(_MISREAD)
    if len(key) != LENGTH or not set(key) <= set(_ALPHABET):
        raise UnreadableKey
    return key


def is_key_of(titre: Titre, key: str) -> bool:
    """Whether this is the titre's key, in a time that does not depend on where they differ."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return any(tokens.same(key, _key(titre, secret)) for secret in secrets)


def _key(titre: Titre, secret: str | bytes) -> str:
    what = f"{titre.collectivite_id} {titre.pk} {titre.reference}"
    number = int.from_bytes(salted_hmac(_SALT, what, secret=secret, algorithm="sha256").digest(), "big")
    characters = []
    for _ in range(LENGTH):
        number, place = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[place])
    return "".join(characters)
