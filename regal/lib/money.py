"""Money: euros held as a whole number of cents, from the form a payer types to the sentence he reads.

What `Money.parse` understands, after every kind of space has become one ordinary space:

    amount  = [ unit ] number | number [ unit ] [ "TTC" ] | whole "€" cents        spaces allowed everywhere between
    unit    = "€" | "EUR" | "euro" | "euros"         in any case
    number  = whole [ ( "," | "." ) cents ]          spaces allowed around the separator
    whole   = digits | 1 to 3 digits, then groups of a space and exactly 3 digits
    cents   = 1 or 2 digits                          "12,5" is 12,50 €

A separator followed by three digits (`1.234`, `1,234`) and a mixture of separators (`1.234,5`, `1,234.50`) are refused
as ambiguous: a payer who meant one and was read as the other would be asked a thousand times too much or too little.
A space anywhere else between digits (`12 50`) is refused for the same reason. No float is ever involved.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self

NO_BREAK_SPACE = "\u00a0"
NARROW_NO_BREAK_SPACE = "\u202f"

_MAX_EURO_DIGITS = 12  # far above any debt, far below what a bigint column holds
_LONGEST_TEXT = 64

_UNIT = r"(?:€|eur|euros?)"
_WITH_UNIT = re.compile(rf"{_UNIT} ?(?P<after>.*?)(?: ?ttc)?|(?P<before>.*?)(?: ?{_UNIT})?(?: ?ttc)?", re.IGNORECASE)
_SIGN_BETWEEN = re.compile(r"(?P<whole>[0-9 ]*[0-9]) ?€ ?(?P<cents>[0-9]{2})")
_NUMBER = re.compile(r"(?P<whole>[0-9]+|[0-9]{1,3}(?: [0-9]{3})+)(?: ?[.,] ?(?P<cents>[0-9]{1,2}))?")
_MIXED_SEPARATORS = re.compile(r"[0-9][0-9 ]*(?:[.,][0-9 ]*){2,}")
_THREE_OR_MORE_DECIMALS = re.compile(r"[0-9][0-9 ]* ?[.,] ?(?P<decimals>[0-9]{3,})")


class AmountReason(StrEnum):
    """Why a text is not an amount; the values are stable."""

    EMPTY = "empty"
    AMBIGUOUS = "ambiguous"
    TOO_MANY_DECIMALS = "too_many_decimals"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"


class UnreadableAmount(ValueError):
    """A typed amount we refuse to guess; `reason` is stable, and the text itself is not repeated."""

    def __init__(self, reason: AmountReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """Euros, held as a whole number of cents: 12,34 € is Money(1234). May be negative, as a difference.

    Add up with `sum(amounts, Money.zero)`: without the zero, the sum of no amounts would be the int 0.
    Raises TypeError for anything but an int: neither float, Decimal nor bool.
    """

    cents: int

    zero: ClassVar["Money"]

    def __post_init__(self) -> None:
        if type(self.cents) is not int:  # neither float, Decimal nor bool
            raise TypeError(f"cents must be int, got {type(self.cents).__name__}")

    def __add__(self, other: "Money") -> "Money":
        if not isinstance(other, Money):
            return NotImplemented
        return Money(self.cents + other.cents)

    def __sub__(self, other: "Money") -> "Money":
        if not isinstance(other, Money):
            return NotImplemented
        return Money(self.cents - other.cents)

    def __neg__(self) -> "Money":
        return Money(-self.cents)

    def __str__(self) -> str:
        return self.format_fr()

    def format_fr(self) -> str:
        """Write the amount as French readers expect: `1 234,50 €`, with spaces that do not break."""
        sign, euros, cents = self._parts()
        return f"{sign}{euros:,}".replace(",", NARROW_NO_BREAK_SPACE) + f",{cents:02d}{NO_BREAK_SPACE}€"

    def format_en(self) -> str:
        """Write the amount as English readers expect: `€1,234.50`."""
        sign, euros, cents = self._parts()
        return f"{sign}€{euros:,}.{cents:02d}"

    def _parts(self) -> tuple[str, int, int]:
        euros, cents = divmod(abs(self.cents), 100)
        return ("-" if self.cents < 0 else ""), euros, cents

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an amount as a French payer types it, by the grammar at the top of this module.

        Raises UnreadableAmount, whose `reason` says why.
        """
        if len(text) > _LONGEST_TEXT:
            raise UnreadableAmount(AmountReason.MALFORMED)
        number = _without_unit(" ".join(text.split()))
        if not number:
            raise UnreadableAmount(AmountReason.EMPTY)
        match = _NUMBER.fullmatch(number)
        if match is None:
            raise UnreadableAmount(_why_not(number))
        whole = match["whole"].replace(" ", "").lstrip("0")
        if len(whole) > _MAX_EURO_DIGITS:
            raise UnreadableAmount(AmountReason.TOO_LARGE)
        return cls(int(whole or "0") * 100 + int((match["cents"] or "").ljust(2, "0")))


Money.zero = Money(0)


def _without_unit(text: str) -> str:
    if between := _SIGN_BETWEEN.fullmatch(text):  # 125€50, as price tags write it
        return f"{between['whole']},{between['cents']}"
    match = _WITH_UNIT.fullmatch(text)
    return (match["after"] or match["before"] or "") if match else text


def _why_not(number: str) -> AmountReason:
    if _MIXED_SEPARATORS.fullmatch(number):
        return AmountReason.AMBIGUOUS
    decimals = _THREE_OR_MORE_DECIMALS.fullmatch(number)
    if decimals is None:
        return AmountReason.MALFORMED
    return AmountReason.AMBIGUOUS if len(decimals["decimals"]) == 3 else AmountReason.TOO_MANY_DECIMALS
