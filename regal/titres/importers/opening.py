"""Open a file of debts: say what it is, from its bytes, and hand it to the reader of its format.

A file's name is not asked: people rename files, and programs give any extension.
"""

import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from regal.titres.importers.base import FileFormat, Head, NotThisFile, Opener, Reader
from regal.titres.importers.columns import TableOptions
from regal.titres.importers.csv_file import CsvFile, open_csv
from regal.titres.importers.pes import open_pes, recognise_xml
from regal.titres.importers.table import LOOKED_AT, Proposed, error
from regal.titres.importers.xlsx_file import Workbook, archive_of, open_xlsx

OPENERS: dict[FileFormat, Opener] = {
    FileFormat.CSV: open_csv,
    FileFormat.XLSX: open_xlsx,
    FileFormat.PES_ALLER: open_pes,
    FileFormat.PES_ORMC: open_pes,
}

SHOWN_ROWS = 10
_LOOKED_AT = 65_536  # bytes

_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh", b"\xfd7zXZ\x00")
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"RIFF", b"BM")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # old office documents, and new ones with a password
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|table)\b", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f\x7f]")
_ROLMRE = re.compile(rb"[0-9][^\r\n]{499}\r?(?:\n|$)")
_STATEMENT = re.compile(rb'\s*"?EN-TETE"?[;,|\t]', re.IGNORECASE)


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
    stream.seek(0)
    start = stream.read(_LOOKED_AT)
    try:
        return _recognised(stream, start)
    finally:
        stream.seek(0)


def open_file(stream: BinaryIO, *, options: Mapping[str, object]) -> Reader:
    """A file's reader; `options` is what its source remembers. Raises NotThisFile.

    Raises ValueError, which names the member, for options that make no sense.
    """
    return OPENERS[recognise(stream)](stream, options=options)


def propose(stream: BinaryIO, *, options: Mapping[str, object]) -> Proposal:
    """What a file looks like; only a table has meanings and rows. Raises NotThisFile and ValueError, as `open_file`.

    Columns that the options name and that are not there, or that nothing names, are for the agent to choose: no error.
    """
    found = recognise(stream)
    table: CsvFile | Workbook
    if found is FileFormat.CSV:
        table = CsvFile(stream, TableOptions.of(options))
    elif found is FileFormat.XLSX:
        table = Workbook(stream, TableOptions.of(options))
    else:
        return Proposal(head=OPENERS[found](stream, options=options).head)
    proposed = Proposed.of(head=table.head, rows=list(islice(table.rows(), LOOKED_AT)), options=table.options)
    return Proposal(
        head=proposed.head,
        meanings={str(meaning): column for meaning, column in proposed.meanings.items()},
        rows=tuple(tuple(row) for row in proposed.rows[:SHOWN_ROWS]),
        sheets=table.sheets,
        has_header=proposed.has_header,
    )


def _recognised(stream: BinaryIO, start: bytes) -> FileFormat:
    if not start.strip(b"\xef\xbb\xbf \t\r\n\x00\x1a"):
        raise NotThisFile(error("F501"))
    if b"%PDF-" in start[:1024]:
        raise NotThisFile(error("F503"))
    if start.startswith(b"PK\x03\x04"):
        return _in_archive(stream)
    if start.startswith(_ARCHIVES):
        raise NotThisFile(error("F505"))
    if start.startswith(_OLE):
        raise NotThisFile(error(_old_document(stream)))
    if start.startswith(b"{\\rtf"):
        raise NotThisFile(error("F511"))
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = start[: len(start) // 2 * 2].decode("utf-16", "replace").encode()
        return _of_text(stream, text)
    if (start.startswith(_IMAGES) and not start[:512].isascii()) or start[4:8] == b"ftyp":
        raise NotThisFile(error("F506"))
    return _of_text(stream, start.removeprefix(b"\xef\xbb\xbf"))


def _of_text(stream: BinaryIO, start: bytes) -> FileFormat:
    bare = start.lstrip()
    if bare[:1] == b"<":
        return _of_xml(stream, bare)
    if len(_CONTROL.findall(start)) > 8 + len(start) // 1000:  # a stray one spoils its line only
        raise NotThisFile(error("F508"))
    if _ROLMRE.match(bare):
        raise NotThisFile(error("F517"))
    if _STATEMENT.match(bare):
        raise NotThisFile(error("F518"))
    return FileFormat.CSV


def _of_xml(stream: BinaryIO, start: bytes) -> FileFormat:
    if _HTML.search(start, 0, 4096):
        raise NotThisFile(error("F507"))
    return recognise_xml(stream)


def _in_archive(stream: BinaryIO) -> FileFormat:
    """What a ZIP archive holds."""
    try:
        with archive_of(stream) as archive:
            names = {info.filename.lower(): info for info in archive.filelist}
            if "xl/workbook.xml" in names:
                return FileFormat.XLSX
            if "xl/workbook.bin" in names:
                raise NotThisFile(error("F512"))
            if "word/document.xml" in names or "ppt/presentation.xml" in names:
                raise NotThisFile(error("F511"))
            if "mimetype" in names:
                with archive.open(names["mimetype"]) as part:
                    kind = part.read(100)
                if b"opendocument" in kind:
                    raise NotThisFile(error("F510" if b"spreadsheet" in kind else "F511"))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        raise NotThisFile(error("F530")) from None
    raise NotThisFile(error("F505"))


def _old_document(stream: BinaryIO) -> str:
    """An OLE container names its streams in UTF-16, anywhere."""
    stream.seek(0)
    content = stream.read(4 * 1024 * 1024)
    if "EncryptedPackage".encode("utf-16-le") in content:
        return "F509"
    if "WordDocument".encode("utf-16-le") in content:
        return "F511"
    return "F504"
