"""The number of a row, as an address, a form or a stored fact gives it.

`<key:titre_id>` in a path matches only what a row can have; anything else is not one of our addresses.
"""

import re
from typing import Any, TypeGuard

from django.urls import register_converter

LARGEST_KEY = 2**63 - 1  # PostgreSQL's bigint

_DIGITS = "[1-9][0-9]{0,18}"
_WRITTEN = re.compile(_DIGITS)


def is_key(value: Any) -> TypeGuard[int]:
    """Whether a row can have this number."""
    return type(value) is int and 0 < value <= LARGEST_KEY


def key_in(text: str) -> int | None:
    """The number that a text writes as we write it; None for what no row can have."""
    key = int(text) if _WRITTEN.fullmatch(text) else 0
    return key if is_key(key) else None


class _KeyConverter:
    regex = _DIGITS

    def to_python(self, text: str) -> int:
        """Raises ValueError: the path does not match."""
        key = key_in(text)
        if key is None:
            raise ValueError
        return key

    def to_url(self, key: object) -> str:
        """Raises ValueError, so that `reverse` finds no address."""
        text = str(key)
        if key_in(text) is None:
            raise ValueError
        return text


register_converter(_KeyConverter, "key")
