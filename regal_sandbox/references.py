"""The shape of REFDET, the reference a payer copies from a notice.

Titre: exercice (4 digits), titre number (8), line (6), zero-padded, 18 digits in all. Rôle: exercice (4 digits), code
recette (2 letters or digits), période (2 digits), debt number (1 to 13 digits, as printed: never padded), up to 21
characters. Any kind: 6 to 30 letters and digits, no accent, space, hyphen or slash.
"""

import re
from dataclasses import dataclass

TEST_EXER = "9999"
TEST_REFDET_TITRE = "999900000000999999"  # always known to PayFiP for test requests, as is the next one
TEST_REFDET_ROLE = "999999990000000000000"
SHORT_TEST_REFDET_ROLE = "999999990000000000"  # a cut of it that one client sends: uncertain, see the settings
MAX_LENGTH = 30

_ALPHANUMERIC = re.compile(r"[A-Za-z0-9]+")
_TITRE = re.compile(r"([0-9]{4})([0-9]{8})([0-9]{6})")
_TITRE_WIDTHS = (4, 8, 6)
_ROLE = re.compile(r"([0-9]{4})([A-Z0-9]{2})([0-9]{2})([0-9]{1,13})")


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


@dataclass(frozen=True)
class RoleReference:
    exer: str
    code: str
    period: str
    number: str  # its zeros count

    @property
    def printed(self) -> str:
        """As a bill shows it: `2021-CA-00-01`."""
        return f"{self.exer}-{self.code}-{self.period}-{self.number}"


def is_refdet(text: str, *, min_length: int) -> bool:
    return min_length <= len(text) <= MAX_LENGTH and _ALPHANUMERIC.fullmatch(text) is not None


def read_titre(refdet: str) -> TitreReference | None:
    """The three parts of a titre's reference, or None when it does not have that shape."""
    match = _TITRE.fullmatch(refdet)
    if match is None:
        return None
    return TitreReference(match[1], int(match[2]), int(match[3]))


def read_role(refdet: str) -> RoleReference | None:
    """The four parts of a rôle's reference, or None when it does not have that shape."""
    match = _ROLE.fullmatch(refdet)
    return RoleReference(match[1], match[2], match[3], match[4]) if match else None


def read_reference(refdet: str, kind: str) -> TitreReference | RoleReference | None:
    """The parts of a debt's reference for a client of that kind; None for a régie, whose references are free."""
    if kind == "titre":
        return read_titre(refdet)
    return read_role(refdet) if kind == "role" else None


def printed(refdet: str, kind: str) -> str:
    """The reference as the payer's notice shows it."""
    reference = read_reference(refdet, kind)
    return reference.printed if reference else refdet


def typed(reference: str, kind: str) -> str:
    """REFDET as people copy it: spaces are forgiven, so are the hyphens printed on a notice.

    Only a titre's blocks are padded with zeros.
    """
    reference = re.sub(r"\s", "", reference)
    if kind == "regie":
        return reference
    blocks = reference.split("-")
    if kind == "titre" and len(blocks) == len(_TITRE_WIDTHS):
        blocks = [block.zfill(width) for block, width in zip(blocks, _TITRE_WIDTHS, strict=True)]
    return "".join(blocks)
