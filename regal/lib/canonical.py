"""Canonical JSON: the one sequence of bytes that stands for a value, and its SHA-256.

Journal entries are chained and evidence is recognised by these digests, so the rules never change:
- objects have text keys, sorted by code point; no space between tokens; text is UTF-8, escaped only where JSON demands;
- numbers are whole (a float or a Decimal has several spellings, and no amount needs one);
- a `date` is `2026-11-24`; an aware `datetime` is UTC with microseconds, `2026-11-24T13:05:00.000000Z`;
- a tuple is written like a list, an enumeration member like its value; anything else is refused.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum


class NotCanonical(TypeError):
    """A value has no canonical form: a mistake of ours. Names the type, never the value."""


def canonical_bytes(value: object) -> bytes:
    """Write a value as canonical JSON. Raises NotCanonical."""
    text = json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise NotCanonical("a text holds a lone surrogate") from None


def digest(value: object) -> str:
    """Give the SHA-256 of a value's canonical JSON, 64 hexadecimal digits. Raises NotCanonical."""
    return sha256_hex(canonical_bytes(value))


def sha256_hex(data: bytes) -> str:
    """Give the SHA-256 of bytes as they are, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or type(value) in (bool, int, str):
        return value
    if isinstance(value, datetime):  # before date: every datetime is one
        if value.utcoffset() is None:
            raise NotCanonical("an instant must carry its time zone")
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        if not all(type(key) is str for key in value):
            raise NotCanonical("keys must be text")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise NotCanonical(f"{type(value).__name__} has no canonical form")
