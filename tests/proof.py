"""What `regal verify` would say."""

from datetime import datetime

from regal.proof.findings import BrokenRow
from regal.proof.operations import verify
from tests.cast import later


def broken(now: datetime | None = None) -> tuple[BrokenRow, ...]:
    """The rows that break an invariant, a second after the morning of every test unless told otherwise."""
    return verify(now=now or later(seconds=1)).broken
