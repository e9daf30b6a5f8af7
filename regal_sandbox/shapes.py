"""Reading JSON objects strictly: an unknown or ill-typed member is an error, never ignored."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from werkzeug.routing import IntegerConverter, Map

MOST = 2**63 - 1  # what the database holds
FIRST_DAY = date(1900, 1, 1)
LAST_DAY = date(9999, 12, 31)

_DIGITS = re.compile(r"[0-9]{1,19}")
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control characters, lone surrogates, separators of lines


class BadShape(ValueError):
    """What was received is not what the documentation describes. The message says which member and why."""


def is_printable(text: str, *, lines: bool = False) -> bool:
    """Whether a page, an e-mail's header and a file can all bear that text; with `lines`, it may have several."""
    if lines:
        text = re.sub(r"[\t\r\n]", " ", text)
    return not any(unicodedata.category(character) in _UNPRINTABLE for character in text)


def whole_number(text: str) -> int:
    """The number of something, as an address bears it. Raises BadShape."""
    if _DIGITS.fullmatch(text) is None or int(text) > MOST:
        raise BadShape(f"{text[:40]!a}: a whole number is expected")
    return int(text)


class NumberConverter(IntegerConverter):
    """`<int:…>` in an address: a number that the database can hold; any other is not found."""

    def __init__(self, map: Map, **options: Any) -> None:
        super().__init__(map, **({"max": MOST} | options))


class Shape:
    """One JSON object being read; call `done()` once every known member was asked for."""

    def __init__(self, value: object, name: str) -> None:
        if not isinstance(value, Mapping):
            raise BadShape(f"{name}: an object is expected")
        self._value: Mapping[str, Any] = value
        self._name = name
        self._asked: set[str] = set()

    def _get(self, member: str) -> Any:
        self._asked.add(member)
        return self._value.get(member)

    def has(self, member: str) -> bool:
        return member in self._value

    def _wrong(self, member: str, expected: str) -> BadShape:
        return BadShape(f"{self._name}.{member}: {expected} is expected")

    def text(self, member: str, default: str | None = None, *, max_length: int = 2000, lines: bool = False) -> str:
        value = self._get(member)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or len(value) > max_length:
            raise self._wrong(member, f"a text of at most {max_length} characters")
        if not is_printable(value, lines=lines):
            raise self._wrong(member, "a text without control characters nor lone surrogates")
        return value

    def optional_text(self, member: str) -> str | None:
        return None if self._get(member) is None else self.text(member)

    def integer(self, member: str, default: int | None = None, *, least: int = 0, most: int = 10**12) -> int:
        value = self._get(member)
        if value is None and default is not None:
            return default
        if type(value) is not int or not least <= value <= most:
            raise self._wrong(member, f"a whole number from {least} to {most}")
        return value

    def optional_integer(self, member: str, *, least: int = 0, most: int = 10**12) -> int | None:
        return None if self._get(member) is None else self.integer(member, least=least, most=most)

    def number(self, member: str, default: float | None = None, *, least: float = 0, most: float = 10**9) -> float:
        value = self._get(member)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise self._wrong(member, f"a number from {least} to {most}")
        return float(value)

    def boolean(self, member: str, default: bool) -> bool:
        value = self._get(member)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._wrong(member, "true or false")
        return value

    def choice(self, member: str, choices: Sequence[str], default: str | None = None) -> str:
        value = self._get(member)
        if value is None and default is not None:
            return default
        if value not in choices:
            raise self._wrong(member, "one of " + ", ".join(choices))
        return str(value)

    def optional_day(self, member: str, *, last: date = LAST_DAY) -> date | None:
        value = self._get(member)
        if value is None:
            return None
        try:
            day = date.fromisoformat(value)
        except (TypeError, ValueError):
            raise self._wrong(member, "a day such as 2026-03-31") from None
        if not FIRST_DAY <= day <= last:
            raise self._wrong(member, f"a day from {FIRST_DAY} to {last}")
        return day

    def items(self, member: str) -> list[Any]:
        value = self._get(member)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(member, "a list")
        return value

    def mapping(self, member: str) -> dict[str, Any]:
        value = self._get(member)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self._wrong(member, "an object")
        return dict(value)

    def optional_mapping(self, member: str) -> dict[str, Any] | None:
        return None if self._get(member) is None else self.mapping(member)

    def done(self) -> None:
        unknown = sorted(set(self._value) - self._asked)
        if unknown:
            raise BadShape(f"{self._name}: unknown member {', '.join(unknown)}")
