"""Random tokens: what we put in an address or a hidden field, and the digest we keep instead of it.

The source of randomness is an argument, so that a simulation with the same seed makes the same tokens.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from typing import TypeAlias

Randomness: TypeAlias = Callable[[int], bytes]
"""Gives that many random bytes: `secrets.token_bytes`, or `random.Random(seed).randbytes` in a simulation."""

TOKEN_BYTES = 32
TOKEN_LENGTH = 43

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def new_token(randomness: Randomness = secrets.token_bytes) -> str:
    """Make a token of 256 random bits: 43 characters that may stand in an address."""
    return base64.urlsafe_b64encode(randomness(TOKEN_BYTES)).rstrip(b"=").decode("ascii")


def is_well_formed(text: str) -> bool:
    """Say whether a text could be one of our tokens; anything else need not be looked up."""
    return _TOKEN.fullmatch(text) is not None


def digest(token: str) -> str:
    """Give the SHA-256 of a token, 64 hexadecimal digits: what is stored, so that reading the base gives no token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare two tokens or digests in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
