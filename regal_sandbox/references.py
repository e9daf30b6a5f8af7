"""The shape of REFDET, the reference a payer copies from a notice.

Titre: exercice (4 digits), titre number (8), line (6), zero-padded, 18 digits in all. Any kind: 6 to 30 letters and
digits, no accent, space, hyphen or slash.
"""

import re
from dataclasses import dataclass

TEST_EXER = "9999"
TEST_REFDET_TITRE = "999900000000999999"  # always known to PayFiP for test requests
MAX_LENGTH = 30

_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]+")
_TITRE = re.compile(r"([0-9]{4})([0-9]{8})([0-9]{6})")


@dataclass(frozen=True)
class TitreReference:
    exer: str
    number: int
    line: int

    @property
    def refdet(self) -> str:
        return f"{self.exer}{self.number:08d}{self.line:06d}"

    @property
    def printed(self) -> str:
        """As a notice shows it: `2026-00000042-000001`."""
        return f"{self.exer}-{self.number:08d}-{self.line:06d}"


def is_refdet(text: str, *, min_length: int) -> bool:
    return min_length <= len(text) <= MAX_LENGTH and _ALPHANUMERIC.fullmatch(text) is not None


def read_titre(refdet: str) -> TitreReference | None:
    """The three parts of a titre's reference, or None when it does not have that shape."""
    match = _TITRE.fullmatch(refdet)
    if match is None:
        return None
    return TitreReference(match[1], int(match[2]), int(match[3]))
