"""A collectivité's two colours: may they be used, and which tones of our pages follow from them?

Contrast is WCAG 2.2's: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio. A colour is `#rrggbb`, in lower case.
The main colour carries meaning: white words stand on it (buttons), and it writes links on our ground; each of these
pairs needs 4.5 to 1. The accent is decoration, one band under the header, and tells nothing: any colour will do.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

WHITE, BLACK = "#ffffff", "#000000"
GROUND = "#f4f6f6"  # `--ground`, `--ink` and `--ink-quiet` of regal.css; a test compares
INK, INK_QUIET = "#1b282c", "#4c5b62"
USUAL_MAIN, USUAL_ACCENT = "#14505c", "#d8a23a"  # `--main` and `--accent` of a town that chose none; a test compares
READABLE = 4.5  # SC 1.4.3, text of any size

_HEX = re.compile(r"#[0-9a-f]{6}")
_PERCENT = 100


class UnreadableColour(ValueError):
    """Not `#rrggbb`."""


@dataclass(frozen=True, kw_only=True)
class Tones:
    """What our stylesheet takes from one main colour."""

    main: str
    dark: str  # of what is pointed at, and of words on the soft tone
    soft: str  # behind words


def parse(text: str) -> str:
    """`#rrggbb` of `#RRGGBB`, `rrggbb` or `#rgb`. Raises UnreadableColour."""
    typed = "#" + text.strip().lower().removeprefix("#")
    if re.fullmatch(r"#[0-9a-f]{3}", typed):
        typed = "#" + "".join(digit * 2 for digit in typed[1:])
    if not _HEX.fullmatch(typed):
        raise UnreadableColour(text)
    return typed


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def is_readable(main: str) -> bool:
    """May white words stand on it, and may it write on our ground, a little darker than white?"""
    return contrast(main, GROUND) >= READABLE


def nearest_readable(main: str) -> str:
    """The colour itself, or the first darker one of the same hue that is readable."""
    return next(tone for tone in _towards(main, BLACK) if is_readable(tone))


@cache
def tones_of(main: str) -> Tones:
    """The tones that go with a readable main colour: words on the soft one keep 4.5 to 1, ours and the town's."""
    dark = _mix(main, BLACK, 30)
    tints = (_mix(main, WHITE, percent) for percent in range(90, _PERCENT))
    words = (main, dark, INK, INK_QUIET)
    soft = next((tint for tint in tints if all(contrast(word, tint) >= READABLE for word in words)), WHITE)
    return Tones(main=main, dark=dark, soft=soft)


def _towards(colour: str, other: str) -> Iterator[str]:
    return (_mix(colour, other, percent) for percent in range(_PERCENT + 1))


def _mix(colour: str, other: str, percent: int) -> str:
    """So many hundredths of the other, the rest of the one."""
    mixed = (
        (a * (_PERCENT - percent) + b * percent + _PERCENT // 2) // _PERCENT
        for a, b in zip(_channels(colour), _channels(other), strict=True)
    )
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (part / 255 for part in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
