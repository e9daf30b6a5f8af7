"""References that people copy from a notice: forgiving about spaces and separators, strict about everything else.

The composition of each kind of reference is described in `docs/protocols/payfip.md`, "The debt's reference". Zeros are
restored for titres only: nobody knows how many a rôle's debt number or a régie's invoice should have.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

RESERVED_EXERCICE = 9999  # PayFiP keeps this year for its test references

_SEPARATORS = re.compile(r"[\s\-‐‑‒–—−/._]+")
_DIGITS = re.compile(r"[0-9]+")
_LETTERS_AND_DIGITS = re.compile(r"[A-Za-z0-9]+")
_ORMC = re.compile(r"([0-9]{4})([A-Z0-9]{2})([0-9]{2})([0-9]{1,13})")
_LONGEST_TEXT = 64
LONGEST_REFDET = 30


class Part(StrEnum):
    """The part of a reference an error is about."""

    EXERCICE = "exercice"
    TITRE = "titre"
    LIGNE = "ligne"
    CODE = "code"
    PERIOD = "period"
    NUMBER = "number"
    WHOLE = "whole"


class ReferenceReason(StrEnum):
    """Why a text is not a reference; the values are stable."""

    EMPTY = "empty"
    NOT_DIGITS = "not_digits"
    NOT_PLAIN = "not_plain"  # something else than letters without accent and digits
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
        numbers = {part: _number(part, _plain(part, text)) for part, text in typed.items()}
        return cls(numbers[Part.EXERCICE], numbers[Part.TITRE], numbers[Part.LIGNE])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a whole reference: three groups (`2021-2-1`, `2021 00000002 000001`) or its 18 digits in any grouping.

        Raises UnreadableReference.
        """
        groups = _groups(text)
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


@dataclass(frozen=True, slots=True, order=True)
class OrmcReference:
    """One debt of a rôle: budget year, code recette (2), two digits, debt number (1 to 13 digits), all as printed.

    The two digits are called période or code débiteur: no source says which, so they are taken as they stand on the
    notice. Nothing is padded or cut. Raises UnreadableReference.
    """

    exercice: int
    code: str
    period: str
    number: str

    def __post_init__(self) -> None:
        if not 1000 <= self.exercice <= 9999:
            raise UnreadableReference(Part.EXERCICE, ReferenceReason.WRONG_LENGTH)
        for part, text, form in (
            (Part.CODE, self.code, r"[A-Z0-9]{2}"),
            (Part.PERIOD, self.period, r"[0-9]{2}"),
            (Part.NUMBER, self.number, r"[0-9]{1,13}"),
        ):
            if not re.fullmatch(form, text):
                raise UnreadableReference(part, ReferenceReason.WRONG_SHAPE)

    @classmethod
    def from_fields(cls, *, exercice: str, code: str, period: str, number: str) -> Self:
        """Read what a payer typed in four fields; spaces and separators are forgiven, and small letters of the code.

        Raises UnreadableReference, whose `part` names the field.
        """
        typed = {Part.EXERCICE: exercice, Part.CODE: code, Part.PERIOD: period, Part.NUMBER: number}
        plain = {part: _plain(part, text) for part, text in typed.items()}
        for part, text in plain.items():
            if not text:
                raise UnreadableReference(part, ReferenceReason.EMPTY)
        return cls(
            _number(Part.EXERCICE, plain[Part.EXERCICE]),
            plain[Part.CODE].upper() if plain[Part.CODE].isascii() else plain[Part.CODE],
            plain[Part.PERIOD],
            plain[Part.NUMBER],
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a whole reference: four groups (`2021-CA-00-01`) or its 9 to 21 characters in any grouping.

        Raises UnreadableReference.
        """
        groups = _groups(text)
        if not groups:
            raise UnreadableReference(Part.WHOLE, ReferenceReason.EMPTY)
        if len(groups) == 4:
            return cls.from_fields(exercice=groups[0], code=groups[1], period=groups[2], number=groups[3])
        whole = "".join(groups)
        match = _ORMC.fullmatch(whole.upper() if whole.isascii() else whole)
        if match is None:
            raise UnreadableReference(Part.WHOLE, ReferenceReason.WRONG_SHAPE)
        return cls(int(match[1]), match[2], match[3], match[4])

    @property
    def digits(self) -> str:
        """The reference without separators, at most 21 characters: `2021CA0001`."""
        return f"{self.exercice:04d}{self.code}{self.period}{self.number}"

    @property
    def printed(self) -> str:
        """The form printed on notices: `2021-CA-00-01`."""
        return f"{self.exercice}-{self.code}-{self.period}-{self.number}"

    @property
    def tail(self) -> str:
        """The end of the debt number, for pages that must not show the reference whole."""
        return self.number[-4:]

    @property
    def is_reserved(self) -> bool:
        """Whether this is one of PayFiP's test references."""
        return self.exercice == RESERVED_EXERCICE

    def __str__(self) -> str:
        return self.printed


@dataclass(frozen=True, slots=True, order=True)
class InvoiceReference:
    """The number of a régie's invoice: up to 30 letters and digits, free. Raises UnreadableReference."""

    number: str

    def __post_init__(self) -> None:
        if not self.number:
            raise UnreadableReference(Part.WHOLE, ReferenceReason.EMPTY)
        if not _LETTERS_AND_DIGITS.fullmatch(self.number):
            raise UnreadableReference(Part.WHOLE, ReferenceReason.NOT_PLAIN)
        if len(self.number) > LONGEST_REFDET:
            raise UnreadableReference(Part.WHOLE, ReferenceReason.WRONG_LENGTH)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a payer typed: spaces and separators, which PayFiP's alphabet has not, go; nothing else changes."""
        return cls(_plain(Part.WHOLE, text))

    @property
    def exercice(self) -> None:
        """An invoice's number holds no budget year."""
        return None

    @property
    def digits(self) -> str:
        """The number without separators."""
        return self.number

    @property
    def printed(self) -> str:
        """The number: where its separators stood is not kept."""
        return self.number

    @property
    def tail(self) -> str:
        """The last four characters, for pages that must not show the number whole."""
        return self.number[-4:]

    def __str__(self) -> str:
        return self.number


DebtReference = TitreReference | OrmcReference | InvoiceReference


def _plain(part: Part, text: str) -> str:
    """A text without its separators; one too long to be a reference is refused whole, never cut."""
    if len(text) > _LONGEST_TEXT:
        raise UnreadableReference(part, ReferenceReason.WRONG_LENGTH)
    return _SEPARATORS.sub("", text)


def _groups(text: str) -> list[str]:
    if len(text) > _LONGEST_TEXT:
        raise UnreadableReference(Part.WHOLE, ReferenceReason.WRONG_LENGTH)
    return [group for group in _SEPARATORS.split(text) if group]


def _number(part: Part, digits: str) -> int:
    shortest, longest = _LENGTHS[part]
    if not digits:
        raise UnreadableReference(part, ReferenceReason.EMPTY)
    if not _DIGITS.fullmatch(digits):
        raise UnreadableReference(part, ReferenceReason.NOT_DIGITS)
    if not shortest <= len(digits) <= longest:
        raise UnreadableReference(part, ReferenceReason.WRONG_LENGTH)
    return int(digits)
