"""Enumerations as plain values: what constraints and migrations are made of."""

from enum import Enum
from typing import Any


def values(enumeration: type[Enum]) -> list[Any]:
    """The plain values, in order, so that a migration imports no application code."""
    return [member.value for member in enumeration]
