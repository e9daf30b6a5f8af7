"""Recognise a card number in free text, where it must never be kept.

A run of 13 to 19 digits is one only if it has a card scheme's prefix and length *and* passes Luhn: one debt reference
in ten and every SIRET pass Luhn alone.
"""

import re
from collections.abc import Iterator

_LONGEST = 19
_RUN = re.compile(r"[0-9](?:[ .\u00a0\u202f-]?[0-9]){12,}")
_GROUP = re.compile(r"[0-9]+")

# (first prefix, last prefix, lengths)
_SCHEMES: tuple[tuple[int, int, frozenset[int]], ...] = (
    (4, 4, frozenset({13, 16, 19})),  # Visa, most French CB cards
    (51, 55, frozenset({16})),  # Mastercard
    (2221, 2720, frozenset({16})),  # Mastercard
    (34, 34, frozenset({15})),  # American Express
    (37, 37, frozenset({15})),  # American Express
    (300, 305, frozenset({14, 16, 19})),  # Diners Club
    (36, 36, frozenset({14, 16, 19})),
    (38, 39, frozenset({16, 19})),
    (3528, 3589, frozenset({16, 17, 18, 19})),  # JCB
    (6011, 6011, frozenset({16, 17, 18, 19})),  # Discover
    (644, 659, frozenset({16, 17, 18, 19})),
    (62, 62, frozenset({16, 17, 18, 19})),  # UnionPay
    (50, 50, frozenset({13, 14, 15, 16, 17, 18, 19})),  # Maestro
    (56, 58, frozenset({13, 14, 15, 16, 17, 18, 19})),
    (63, 63, frozenset({16, 17, 18, 19})),
    (67, 67, frozenset({13, 14, 15, 16, 17, 18, 19})),
)


def holds_card_number(text: str) -> bool:
    """Say whether a text holds what looks like a card number."""
    return any(_is_card_number(digits) for run in _RUN.findall(text) for digits in _readings(_GROUP.findall(run)))


def _readings(groups: list[str]) -> Iterator[str]:
    """Every way to read neighbouring groups as one number: `2026 4111 1111 1111 1111` holds a card."""
    for start in range(len(groups)):
        digits = ""
        for group in groups[start:]:
            digits += group
            if len(digits) > _LONGEST:
                break
            yield digits


def _is_card_number(digits: str) -> bool:
    return _has_scheme(digits) and _passes_luhn(digits)


def _has_scheme(digits: str) -> bool:
    return any(
        len(digits) in lengths and first <= int(digits[: len(str(first))]) <= last for first, last, lengths in _SCHEMES
    )


def _passes_luhn(digits: str) -> bool:
    doubled = (2 * int(digit) for digit in digits[-2::-2])
    return (sum(int(digit) for digit in digits[-1::-2]) + sum(twice // 10 + twice % 10 for twice in doubled)) % 10 == 0
