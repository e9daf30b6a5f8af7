"""Amounts, always whole cents, as a French reader expects to see them."""

THIN_SPACE = "\u202f"
NO_BREAK_SPACE = "\u00a0"


def euros(cents: int) -> str:
    """1234567 gives « 12 345,67 € », with spaces that do not break."""
    whole, rest = divmod(abs(cents), 100)
    sign = "-" if cents < 0 else ""
    grouped = f"{whole:,}".replace(",", THIN_SPACE)
    return f"{sign}{grouped},{rest:02d}{NO_BREAK_SPACE}€"
