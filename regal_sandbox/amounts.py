"""Amounts, always whole cents, as a French reader expects to see them."""

import re

THIN_SPACE = "\u202f"
NO_BREAK_SPACE = "\u00a0"


def euros(cents: int) -> str:
    """1234567 gives « 12 345,67 € », with spaces that do not break."""
    whole, rest = divmod(abs(cents), 100)
    sign = "-" if cents < 0 else ""
    grouped = f"{whole:,}".replace(",", THIN_SPACE)
    return f"{sign}{grouped},{rest:02d}{NO_BREAK_SPACE}€"


_EUROS = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{1,2}))?")


def typed_cents(text: str) -> int | None:
    """« 1 234,5 € » gives 123450; None when it is not an amount."""
    match = _EUROS.fullmatch(re.sub(r"\s", "", text).removesuffix("€"))
    return int(match[1] + (match[2] or "").ljust(2, "0")) if match else None
