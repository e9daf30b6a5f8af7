"""Open a file of debts: say what it is, from its bytes, and hand it to the reader of its format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from regal.titres.importers.base import FileFormat, Head, Opener, Reader

OPENERS: dict[FileFormat, Opener] = {}


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What a file looks like, for an agent to say what its columns mean."""

    head: Head
    meanings: Mapping[str, str] = field(default_factory=dict)  # meaning → the column that we would read it in
    rows: tuple[tuple[str, ...], ...] = ()  # the first ones below the header, as texts
    sheets: tuple[str, ...] = ()  # of a workbook, those that are shown
    has_header: bool = True


def recognise(stream: BinaryIO) -> FileFormat:
    """What a file is. Raises NotThisFile, which says what else it is. Leaves the stream at its beginning."""
    raise NotImplementedError


def open_file(stream: BinaryIO, *, options: Mapping[str, object]) -> Reader:
    """A file's reader; `options` is what its source remembers. Raises NotThisFile.

    Raises ValueError, which names the member, for options that make no sense.
    """
    return OPENERS[recognise(stream)](stream, options=options)


def propose(stream: BinaryIO, *, options: Mapping[str, object]) -> Proposal:
    """What a file looks like; only a table has meanings and rows. Raises NotThisFile and ValueError, as `open_file`."""
    raise NotImplementedError
