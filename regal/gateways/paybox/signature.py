"""The signature of what we send: HMAC-SHA-512 over the form's fields, in their order.

Facts and sources: `docs/protocols/paybox.md`, "Signing a request". The values are neither escaped nor encoded, and an
`&` in one of them would read like the beginning of another field: none may hold one.
"""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from regal.gateways.base import Misconfigured
from regal.lib import paris
from regal.lib.vault import Secret

PUBLISHED_TEST_KEY = "0123456789ABCDEF" * 8  # Paybox prints it in its manual: anybody may sign with it

_KEY = re.compile(rb"[0-9A-Fa-f]{128}")


class Ambiguous(ValueError):
    """A value holds an `&`: a mistake of ours, for every field is checked before it is signed."""


def key_bytes(secret: Secret) -> bytes:
    """The 64 bytes of a key that is typed as 128 hexadecimal digits. Raises Misconfigured."""
    if not _KEY.fullmatch(secret.reveal()):
        raise Misconfigured("hmac", "not_128_hexadecimal_digits")
    return bytes.fromhex(secret.reveal_text())


def is_published(secret: Secret) -> bool:
    """Whether it is the key of Paybox's public test account."""
    return secret.reveal_text().upper() == PUBLISHED_TEST_KEY


def sign(fields: Mapping[str, str], *, key: bytes, at: datetime) -> dict[str, str]:
    """The same fields in the same order, then the algorithm, the moment and the signature. Raises Ambiguous."""
    timed = {**fields, "PBX_HASH": "SHA512", "PBX_TIME": paris.to_paris(at).isoformat(timespec="seconds")}
    return {**timed, "PBX_HMAC": signature_of(timed, key)}


def signature_of(fields: Mapping[str, str], key: bytes) -> str:
    """128 hexadecimal digits, in upper case. Raises Ambiguous."""
    if any("&" in value for value in fields.values()):
        raise Ambiguous
    text = "&".join(f"{name}={value}" for name, value in fields.items())
    return hmac.digest(key, text.encode("utf-8"), "sha512").hex().upper()
