"""Reading JSON objects strictly: an unknown or ill-typed member is an error, never ignored."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any


class BadShape(ValueError):
    """What was received is not what the documentation describes. The message says which member and why."""


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

    def text(self, member: str, default: str | None = None, *, max_length: int = 2000) -> str:
        value = self._get(member)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or len(value) > max_length:
            raise self._wrong(member, f"a text of at most {max_length} characters")
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

    def optional_day(self, member: str) -> date | None:
        value = self._get(member)
        if value is None:
            return None
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            raise self._wrong(member, "a day such as 2026-03-31") from None

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
