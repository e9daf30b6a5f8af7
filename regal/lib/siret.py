"""SIRET: the fourteen digits of an establishment: its SIREN (nine), then a number; both end with a check digit."""

import re

_SIRET = re.compile(r"[0-9]{14}")


def is_siret(text: str) -> bool:
    """Say whether a text is fourteen digits whose SIREN and whole pass Luhn."""
    return _SIRET.fullmatch(text) is not None and _passes_luhn(text[:9]) and _passes_luhn(text)


def _passes_luhn(digits: str) -> bool:
    doubled = (2 * int(digit) for digit in digits[-2::-2])
    return (sum(int(digit) for digit in digits[-1::-2]) + sum(twice // 10 + twice % 10 for twice in doubled)) % 10 == 0
