"""References that people copy from a notice: forgiving about spaces and separators, strict about everything else.

The composition of a titre's reference is described in `docs/protocols/payfip.md`, "The debt's reference".
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

RESERVED_EXERCICE = 9999  # PayFiP keeps this year for its test references

_SEPARATORS = re.compile(r"[\s\-‐‑‒–—−/._]+")
_DIGITS = re.compile(r"[0-9]+")
_LONGEST_TEXT = 64


class Part(StrEnum):
    """The part of a reference an error is about."""

    EXERCICE = "exercice"
    TITRE = "titre"
    LIGNE = "ligne"
    WHOLE = "whole"


class ReferenceReason(StrEnum):
    """Why a text is not a reference; the values are stable."""

    EMPTY = "empty"
    NOT_DIGITS = "not_digits"
    WRONG_LENGTH = "wrong_length"
    WRONG_SHAPE = "wrong_shape"
    ZERO = "zero"


class UnreadableReference(ValueError):
    """A reference we cannot read; `part` and `reason` are stable, and the text itself is not repeated."""

    def __init__(self, part: Part, reason: ReferenceReason) -> None:
        super().__init__(f"{part.value}: {reason.value}")
        self.part = part
        self.reason = reason


_LENGTHS = {Part.EXERCICE: (4, 4), Part.TITRE: (1, 8), Part.LIGNE: (1, 6)}


@dataclass(frozen=True, slots=True, order=True)
class TitreReference:
    """One payable line of one titre: budget year (4 digits), number (up to 8), line (up to 6, nearly always 1).

    Number and line begin at 1, except in PayFiP's reserved test references (exercice 9999), where 0 occurs.
    Raises UnreadableReference.
    """

    exercice: int
    titre: int
    ligne: int

    def __post_init__(self) -> None:
        for part, (_, longest) in _LENGTHS.items():
            value = getattr(self, part.value)
            if type(value) is not int:
                raise TypeError(f"{part.value} must be int, got {type(value).__name__}")
            if value < 0 or value >= 10**longest:
                raise UnreadableReference(part, ReferenceReason.WRONG_LENGTH)
            if value == 0 and not self.is_reserved:
                raise UnreadableReference(part, ReferenceReason.ZERO)
        if self.exercice < 1000:
            raise UnreadableReference(Part.EXERCICE, ReferenceReason.WRONG_LENGTH)

    @classmethod
    def from_fields(cls, *, exercice: str, titre: str, ligne: str) -> Self:
        """Read what a payer typed in three fields; spaces and separators are forgiven, leading zeros are optional.

        Raises UnreadableReference, whose `part` names the field.
        """
        typed = {Part.EXERCICE: exercice, Part.TITRE: titre, Part.LIGNE: ligne}
        numbers = {part: _number(part, _SEPARATORS.sub("", text[:_LONGEST_TEXT])) for part, text in typed.items()}
        return cls(numbers[Part.EXERCICE], numbers[Part.TITRE], numbers[Part.LIGNE])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a whole reference: three groups (`2021-2-1`, `2021 00000002 000001`) or its 18 digits in any grouping.

        Raises UnreadableReference.
        """
        groups = [group for group in _SEPARATORS.split(text[:_LONGEST_TEXT]) if group]
        if not groups:
            raise UnreadableReference(Part.WHOLE, ReferenceReason.EMPTY)
        if len(groups) == 3:
            return cls.from_fields(exercice=groups[0], titre=groups[1], ligne=groups[2])
        digits = "".join(groups)
        if not _DIGITS.fullmatch(digits):
            raise UnreadableReference(Part.WHOLE, ReferenceReason.NOT_DIGITS)
        if len(digits) != 18:
            raise UnreadableReference(Part.WHOLE, ReferenceReason.WRONG_SHAPE)
        return cls(int(digits[:4]), int(digits[4:12]), int(digits[12:]))

    @property
    def digits(self) -> str:
        """The 18 digits, zeros restored: `202100000002000001`."""
        return f"{self.exercice:04d}{self.titre:08d}{self.ligne:06d}"

    @property
    def printed(self) -> str:
        """The short form printed on notices: `2021-2-1`."""
        return f"{self.exercice}-{self.titre}-{self.ligne}"

    @property
    def tail(self) -> str:
        """The end of the reference, for pages that must not show it whole: last three digits of the number, line."""
        return f"{self.titre % 1000:03d}-{self.ligne}"

    @property
    def is_reserved(self) -> bool:
        """Whether this is one of PayFiP's test references, which exist in no town's books."""
        return self.exercice == RESERVED_EXERCICE

    def __str__(self) -> str:
        return self.printed


def _number(part: Part, digits: str) -> int:
    shortest, longest = _LENGTHS[part]
    if not digits:
        raise UnreadableReference(part, ReferenceReason.EMPTY)
    if not _DIGITS.fullmatch(digits):
        raise UnreadableReference(part, ReferenceReason.NOT_DIGITS)
    if not shortest <= len(digits) <= longest:
        raise UnreadableReference(part, ReferenceReason.WRONG_LENGTH)
    return int(digits)
