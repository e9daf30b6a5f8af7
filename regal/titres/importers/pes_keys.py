"""The two check keys of a rôle's article: a digit (modulo 11) and a letter (modulo 23).

The programs that write them disagree on the first one's details, so several values are right; a wrong
key is only ever said, never a reason to refuse.
"""

from collections.abc import Iterable
from itertools import cycle

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXY"
_WEIGHTS = (2, 3, 4, 5, 6, 7)
_LONGEST_NUMBER = 13


def first_keys(*, entity: str, codes: Iterable[str], exercice: int, period: str, number: str) -> set[str]:
    """The digits that may stand as `Cle1`.

    `entity` is CodCol; `codes` what may stand beside it: the nature, or the bordereau's number, of two digits.
    """
    end = f"{exercice % 100:02d}{period}{number.zfill(_LONGEST_NUMBER)}"
    keys: set[str] = set()
    for code in codes:
        rest = _weighed(f"{entity}{code}{end}") % 11
        keys |= {"0", "1"} if rest == 0 else {"1"} if rest == 1 else {str(11 - rest)}
    return keys


def second_key(*, exercice: int, period: str, number: str) -> str:
    """The letter that should stand as `Cle2`."""
    return _LETTERS[int(f"{exercice % 100:02d}{period}00{number.zfill(_LONGEST_NUMBER)}") % 23]


def _weighed(text: str) -> int:
    """Digits from right to left times 2, 3, 4, 5, 6, 7, 2…; letters count as 0."""
    return sum(
        int(one) * weight for one, weight in zip(reversed(text), cycle(_WEIGHTS), strict=False) if one.isdecimal()
    )
