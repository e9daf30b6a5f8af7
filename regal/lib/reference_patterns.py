"""The shape of an invoice's number, written as agents can read it: `FA2026-######`.

    #        a digit               @        a letter
    *        a letter or a digit   A…Z 0…9  itself
    {n}      n times what precedes: `#{6}`
    {m-n}    from m to n times; once in a pattern at most, so that reading stays fast
    - space  separators, for the eye: they count for nothing, as in what payers type

Letters match whatever their case; `fit` gives the number as the pattern writes it.
"""

import re
from dataclasses import dataclass
from typing import Self

LONGEST_PATTERN = 80
LONGEST_NUMBER = 30

_ITEM = re.compile(r"(?P<what>[#@*A-Z0-9])(?:\{(?P<least>[0-9]{1,2})(?:-(?P<most>[0-9]{1,2}))?\})?")
_CLASSES = {"#": "[0-9]", "@": "[A-Z]", "*": "[A-Z0-9]"}
_EXAMPLES = {"#": "1234567890", "@": "ABCDEFGHIJ", "*": "A1B2C3D4E5"}


class BadPattern(ValueError):
    """A text that is no pattern; `place` is the first character that cannot be read, from 0."""

    def __init__(self, place: int) -> None:
        super().__init__(f"unreadable at {place}")
        self.place = place


@dataclass(frozen=True)
class ReferencePattern:
    """A pattern, read. `least` and `most` are the lengths of the numbers it takes."""

    text: str
    least: int
    most: int
    example: str
    is_digits: bool  # every number that fits is made of digits alone
    _expression: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern. Raises BadPattern: unknown sign, two ranges, no character, or more than 30."""
        if len(text) > LONGEST_PATTERN:
            raise BadPattern(LONGEST_PATTERN)
        expression, example, is_digits, place, least, most, ranges = "", "", True, 0, 0, 0, 0
        while place < len(text):
            if text[place] in "- ":
                place += 1
                continue
            item = _ITEM.match(text, place)
            if item is None:
                raise BadPattern(place)
            fewest = int(item["least"] or 1)
            largest = int(item["most"] or fewest)
            ranges += fewest != largest
            if not 1 <= fewest <= largest or ranges > 1 or most + largest > LONGEST_NUMBER:
                raise BadPattern(place)
            what = item["what"]
            is_digits = is_digits and (what == "#" or what.isdecimal())
            expression += f"{_CLASSES.get(what, what)}{{{fewest},{largest}}}"
            example += "".join(_EXAMPLES.get(what, what * 10)[n % 10] for n in range(fewest))
            least, most, place = least + fewest, most + largest, item.end()
        if not most:
            raise BadPattern(0)
        return cls(text, least, most, example, is_digits, re.compile(expression))

    def fit(self, number: str) -> str | None:
        """The number with the pattern's capitals, or None if it has another shape. Separators are already gone."""
        capitals = number.upper()
        return capitals if number.isascii() and self._expression.fullmatch(capitals) else None
