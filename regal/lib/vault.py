"""Envelope encryption: secrets at rest, sealed for one place, under keys that can be replaced without stopping.

Each secret is encrypted with a key of its own; that key is *wrapped* with the newest of the master keys, which live in
the settings as `2026b:<base64>,2026a:<base64>`, newest first. A token is text and names the master key it needs:

    rv1.2026b.<nonce and wrapped key>.<nonce and ciphertext>          (base64url, AES-256-GCM twice)

The *context* (for instance which account, which field) is authenticated: a token copied to another row does not open.
To rotate: put a new key in front, `rewrap` what `needs_rewrap`, then drop the old key.

    VaultError
    ├── BadVaultSetting     the setting cannot be used; says which key by position, never by content
    ├── UnknownKeyVersion   the token names a key we no longer hold
    ├── MalformedToken      not one of our tokens
    └── CannotOpen          altered, or sealed for another context

No exception here holds a key, a plaintext or a token.
"""

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from regal.lib.tokens import Randomness

_KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = re.compile(r"[a-z0-9]{1,16}")
_FORMAT = "rv1"
_DOTS = "••••••"


class VaultError(Exception):
    """The vault cannot do what was asked."""


class BadVaultSetting(VaultError):
    """The list of master keys cannot be used."""


class UnknownKeyVersion(VaultError):
    """A token names a master key that is not in the settings."""

    def __init__(self, version: str) -> None:
        super().__init__(f"no master key is called {version}")
        self.version = version


class MalformedToken(VaultError):
    """A text is not one of our tokens."""


class CannotOpen(VaultError):
    """A token was altered, or was sealed for another context."""


class Secret:
    """A secret in memory: shown as dots wherever it is printed, logged or formatted; only `reveal` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        if not isinstance(value, bytes):
            raise TypeError("a secret is made of bytes")
        self._value = value

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Hold a text, as UTF-8."""
        return cls(text.encode("utf-8"))

    def reveal(self) -> bytes:
        """Give the secret itself."""
        return self._value

    def reveal_text(self) -> str:
        """Give the secret as text (UTF-8)."""
        return self._value.decode("utf-8")

    def __repr__(self) -> str:
        return _DOTS

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return _DOTS

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # not a key of anything

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class Sealed:
    """The parts of a token, none of them secret without its master key."""

    key_version: str
    wrapped_key: bytes  # nonce, then the secret's own key encrypted
    ciphertext: bytes  # nonce, then the secret encrypted

    @classmethod
    def parse(cls, token: str) -> Self:
        """Take a token apart. Raises MalformedToken."""
        parts = token.split(".")
        if len(parts) != 4 or parts[0] != _FORMAT or not _VERSION.fullmatch(parts[1]):
            raise MalformedToken("not a sealed secret")
        return cls(parts[1], _from_base64url(parts[2]), _from_base64url(parts[3]))

    @property
    def token(self) -> str:
        """One text with everything in it, made of ASCII letters, digits, `.`, `_` and `-`."""
        return ".".join((_FORMAT, self.key_version, _to_base64url(self.wrapped_key), _to_base64url(self.ciphertext)))


class Vault:
    """Seals and opens secrets with versioned master keys, newest first.

    `keys` maps a version (1 to 16 lower-case letters or digits) to 32 bytes. Raises BadVaultSetting.
    """

    def __init__(self, keys: Mapping[str, bytes], *, randomness: Randomness = secrets.token_bytes) -> None:
        if not keys:
            raise BadVaultSetting("at least one master key is needed")
        for position, (version, key) in enumerate(keys.items(), start=1):
            if not _VERSION.fullmatch(version):
                raise BadVaultSetting(
                    f"master key number {position}: a version is 1 to 16 lower-case letters or digits"
                )
            if len(key) != _KEY_BYTES:
                raise BadVaultSetting(f"master key number {position} is not {_KEY_BYTES} bytes long")
        self._keys = dict(keys)
        self._randomness = randomness

    @classmethod
    def from_setting(cls, setting: str, *, randomness: Randomness = secrets.token_bytes) -> Self:
        """Read `2026b:<base64>,2026a:<base64>`, newest first. Raises BadVaultSetting."""
        keys: dict[str, bytes] = {}
        for position, item in enumerate(setting.split(","), start=1):
            version, colon, encoded = item.strip().partition(":")
            if not colon:
                raise BadVaultSetting(f"master key number {position} is not written version:base64")
            if version in keys:
                raise BadVaultSetting(f"master key number {position} has the version of an earlier one")
            keys[version] = _key_from_base64(encoded, position)
        return cls(keys, randomness=randomness)

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of the keys we hold, newest first."""
        return tuple(self._keys)

    def seal(self, plaintext: bytes | Secret, context: bytes) -> str:
        """Encrypt a secret for one context, under the newest master key; gives a token."""
        clear = plaintext.reveal() if isinstance(plaintext, Secret) else plaintext
        own_key = self._randomness(_KEY_BYTES)
        ciphertext = self._encrypt(own_key, clear, _secret_label(context))
        return self._wrap(own_key, ciphertext, context).token

    def open(self, token: str, context: bytes) -> Secret:
        """Decrypt a token in the context it was sealed for.

        Raises MalformedToken, UnknownKeyVersion, CannotOpen.
        """
        sealed = Sealed.parse(token)
        own_key = self._unwrap(sealed, context)
        return Secret(_decrypt(own_key, sealed.ciphertext, _secret_label(context)))

    def needs_rewrap(self, token: str) -> bool:
        """Say whether a token depends on a master key that is not the newest. Raises MalformedToken."""
        return Sealed.parse(token).key_version != self.versions[0]

    def rewrap(self, token: str, context: bytes) -> str:
        """Give the same secret under the newest master key.

        Raises MalformedToken, UnknownKeyVersion, CannotOpen.
        """
        sealed = Sealed.parse(token)
        return self._wrap(self._unwrap(sealed, context), sealed.ciphertext, context).token

    def _wrap(self, own_key: bytes, ciphertext: bytes, context: bytes) -> Sealed:
        version = self.versions[0]
        wrapped = self._encrypt(self._keys[version], own_key, _wrap_label(version, context))
        return Sealed(version, wrapped, ciphertext)

    def _unwrap(self, sealed: Sealed, context: bytes) -> bytes:
        master = self._keys.get(sealed.key_version)
        if master is None:
            raise UnknownKeyVersion(sealed.key_version)
        return _decrypt(master, sealed.wrapped_key, _wrap_label(sealed.key_version, context))

    def _encrypt(self, key: bytes, clear: bytes, label: bytes) -> bytes:
        nonce = self._randomness(_NONCE_BYTES)
        return nonce + AESGCM(key).encrypt(nonce, clear, label)


def new_master_key(randomness: Randomness = secrets.token_bytes) -> str:
    """Make a master key as the setting wants it: 32 random bytes in base64."""
    return base64.b64encode(randomness(_KEY_BYTES)).decode("ascii")


def _decrypt(key: bytes, data: bytes, label: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], label)
    except (InvalidTag, ValueError):
        raise CannotOpen("altered, or sealed for another context") from None


def _secret_label(context: bytes) -> bytes:
    return b"regal vault, secret\0" + context


def _wrap_label(version: str, context: bytes) -> bytes:
    return b"regal vault, key " + version.encode("ascii") + b"\0" + context


def _key_from_base64(text: str, position: int) -> bytes:
    try:
        return base64.b64decode(text.strip().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise BadVaultSetting(f"master key number {position} is not base64") from None


def _to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _from_base64url(text: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise MalformedToken("not a sealed secret") from None
    if len(data) < _NONCE_BYTES or _to_base64url(data) != text:
        raise MalformedToken("not a sealed secret")
    return data
