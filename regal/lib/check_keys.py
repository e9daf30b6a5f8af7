"""Check characters at the end of an invoice's number: they tell a typing error from a number before anybody pays it."""

from enum import StrEnum

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class CheckKey(StrEnum):
    """How the last characters of a number follow from the others; the values are stable."""

    LUHN = "luhn"  # ISO/IEC 7812: one digit, over digits
    MOD_97_10 = "mod_97_10"  # ISO/IEC 7064: two digits, over digits
    MOD_37_36 = "mod_37_36"  # ISO/IEC 7064: one letter or digit, over letters and digits


def has_right_key(kind: CheckKey, number: str) -> bool:
    """Whether the number ends with its key; letters count as capitals, other characters are wrong."""
    text = number.upper()
    if not text.isascii() or not text.isalnum() or (kind is not CheckKey.MOD_37_36 and not text.isdecimal()):
        return False
    if kind is CheckKey.LUHN:
        return len(text) > 1 and _luhn(text) == 0
    if kind is CheckKey.MOD_97_10:
        return len(text) > 2 and int(text) % 97 == 1 and 2 <= int(text[-2:]) <= 98
    return len(text) > 1 and _mod_37_36(text[:-1]) == text[-1]


def key_of(kind: CheckKey, number: str) -> str:
    """The key to write after a number without one. Raises ValueError for characters that the kind does not take."""
    text = number.upper()
    if not text.isascii() or not text.isalnum() or (kind is not CheckKey.MOD_37_36 and not text.isdecimal()):
        raise ValueError("only digits, or letters and digits, have such a key")
    if kind is CheckKey.LUHN:
        return str(-_luhn(text + "0") % 10)
    if kind is CheckKey.MOD_97_10:
        return f"{98 - int(text) * 100 % 97:02d}"
    return _mod_37_36(text)


def _luhn(digits: str) -> int:
    """0 when the last digit is the key."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10


def _mod_37_36(text: str) -> str:
    """The hybrid system of ISO/IEC 7064 with modulus 36 and modulus 37."""
    product = 36
    for character in text:
        total = (product + _ALPHABET.index(character)) % 36 or 36
        product = total * 2 % 37
    return _ALPHABET[(1 - product) % 36]
