"""A received message as experts want to see it: its bytes as text, what is secret in it hidden."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from regal.payments.models import InboxMessage

DOTS = "••••••"
LONGEST_SHOWN = 4_000

_AN_ADDRESS = re.compile(r"@|%40", re.IGNORECASE)  # wherever it stands: the payer's is shown once, apart


@dataclass(frozen=True, kw_only=True)
class RawMessage:
    """Plain text, to be escaped by the template; "" where nothing came, None where it was purged."""

    method: str
    content_type: str
    query: str | None
    body: str | None
    is_cut: bool


def raw_message(message: InboxMessage, *, secret_fields: Collection[str] | None) -> RawMessage:
    """`secret_fields` None: the contract cannot be opened, so every value is hidden."""
    query, query_is_cut = _shown(message.query, secret_fields)
    body, body_is_cut = _shown(message.body, secret_fields)
    return RawMessage(
        method=message.method,
        content_type=message.content_type,
        query=query,
        body=body,
        is_cut=query_is_cut or body_is_cut,
    )


def _shown(raw: bytes | memoryview | None, secret_fields: Collection[str] | None) -> tuple[str | None, bool]:
    if raw is None:
        return None, False
    data = bytes(raw)
    parts = re.split(rb"([&;\r\n])", data[:LONGEST_SHOWN])
    text = "".join(_part(part, secret_fields) for part in parts)
    return "".join(_visible(character) for character in text), len(data) > LONGEST_SHOWN


def _part(part: bytes, secret_fields: Collection[str] | None) -> str:
    """One `name=value`, or a separator, or whatever else was sent."""
    name, equals, value = part.partition(b"=")
    text = value.decode("utf-8", "backslashreplace")
    if equals and (secret_fields is None or _plain(name) in secret_fields or _AN_ADDRESS.search(text)):
        return f"{_hidden(name.decode('utf-8', 'backslashreplace'))}={DOTS}"
    return _hidden(part.decode("utf-8", "backslashreplace"))


def _hidden(text: str) -> str:
    """A word that holds an e-mail address is hidden, in a name as in a message that is no form at all."""
    return re.sub(r"\S+", lambda word: DOTS if _AN_ADDRESS.search(word[0]) else word[0], text)


def _visible(character: str) -> str:
    """Characters that show nothing, or turn the others round, are written out."""
    if character in "\r\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp"):
        return character
    return character.encode("unicode_escape").decode("ascii")


def _plain(name: bytes) -> str:
    return unquote_to_bytes(name.replace(b"+", b" ")).decode("utf-8", "replace").strip().lower()
