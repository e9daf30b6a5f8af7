"""One chart, drawn on the server: what came in each day, confirmed below, unconfirmed above, hatched.

Everything is a whole number of units of the picture (720 × 260), so that no style is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from regal.backoffice.first_screen import CameIn
from regal.lib.money import Money

WIDTH, HEIGHT = 720, 260
TOP, BOTTOM = 34, 40  # room for the greatest value's label and for the days
LABEL_EVERY = 7


@dataclass(frozen=True, kw_only=True)
class Bar:
    day: date
    came_in: CameIn
    x: int
    width: int
    confirmed_y: int
    confirmed_height: int
    announced_y: int
    announced_height: int


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A label: of a day under the bars, or of an amount beside its line."""

    x: int
    y: int
    day: date | None = None
    amount: Money | None = None


@dataclass(frozen=True, kw_only=True)
class Chart:
    width: int
    height: int
    base: int  # where the bars stand
    bars: list[Bar]
    lines: list[Mark]
    days: list[Mark]


def chart_of(days: Sequence[tuple[date, CameIn]]) -> Chart | None:
    """None when nothing came in: an empty frame says less than a sentence."""
    highest = max((came_in.confirmed.amount + came_in.unconfirmed.amount for _, came_in in days), default=Money.zero)
    if not highest.cents:
        return None
    top = _round_above(highest.cents)
    base, step = HEIGHT - BOTTOM, WIDTH // len(days)

    def height_of(amount: Money) -> int:
        """At least one unit for any money at all."""
        return max(1, amount.cents * (base - TOP) // top) if amount.cents else 0

    bars, marks = [], []
    for number, (day, came_in) in enumerate(days):
        confirmed, announced = height_of(came_in.confirmed.amount), height_of(came_in.unconfirmed.amount)
        x = number * step + 3
        bars.append(
            Bar(
                day=day,
                came_in=came_in,
                x=x,
                width=step - 6,
                confirmed_y=base - confirmed,
                confirmed_height=confirmed,
                announced_y=base - confirmed - announced,
                announced_height=announced,
            )
        )
        if (len(days) - 1 - number) % LABEL_EVERY == 0:
            marks.append(Mark(x=x + (step - 6) // 2, y=HEIGHT - 10, day=day))
    lines = [Mark(x=0, y=base - (base - TOP) * part // 2, amount=Money(top * part // 2)) for part in (1, 2)]
    return Chart(width=WIDTH, height=HEIGHT, base=base, bars=bars, lines=lines, days=marks)


def _round_above(cents: int) -> int:
    """The next of 1, 2, 4, 6, 8 × a power of ten euros: it and its half are plain numbers."""
    unit = 100
    while True:
        for factor in (1, 2, 4, 6, 8):
            if unit * factor >= cents:
                return unit * factor
        unit *= 10
