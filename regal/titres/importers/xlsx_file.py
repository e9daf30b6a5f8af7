"""Rows of an XLSX workbook, read as a stream: an archive of XML parts, of which four kinds matter.

A cell gives the text that its spreadsheet shows as far as we need it: a number with a decimal comma and at most the
fifteen digits that spreadsheets know, the zeros of a format `000000`, a day where the format is one of a day. Of a
formula, the value that was computed when the workbook was saved.

Nothing is trusted: sizes and ratios of the archive are bounded (ECMA-376 parts compress some twenty times), a DOCTYPE
is refused before any entity, and texts shared by cells are kept as bytes in one block.
"""

import io
import posixpath
import re
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Context, Decimal, DecimalException
from functools import lru_cache
from typing import IO, BinaryIO
from xml.parsers import expat

from regal.titres.importers.base import FileFormat, Head, NotThisFile
from regal.titres.importers.columns import TableOptions
from regal.titres.importers.table import MAX_COLUMNS, Row, TableReader, error, notice, shown

MAX_BYTES = 256 * 1024 * 1024
MAX_PARTS = 5_000
_MOST_AT_ONCE = 1024 * 1024  # bytes: of the archive's directory, which zipfile reads whole before it counts parts
MAX_PART = 2 * 1024 * 1024 * 1024  # a sheet of 1,048,576 rows of 18 cells is about 1.1 GB
MAX_SMALL_PART = 16 * 1024 * 1024  # of the workbook, its relations, its styles
MAX_SHARED = 64 * 1024 * 1024  # of shared texts, unpacked
MAX_RATIO = 250
_BEFORE_RATIO_COUNTS = 16 * 1024 * 1024
MAX_DEPTH = 64
MAX_ELEMENTS = 100_000_000
_MOST_ELEMENTS_PER_BYTE = 20  # packed; spreadsheets write one or two
_BEFORE_ELEMENTS_COUNT = 1_000_000
_LAST_COLUMN = 16_384  # XFD: of cells that hold nothing but a colour
MAX_ROWS = 1_048_576
MAX_TOKEN = 4 * 1024 * 1024  # of a tag with its attributes, a comment
MAX_TEXT = 32_767  # characters of a cell: the format's own limit
MAX_PIECES = 64  # of a text, each no longer than a chunk
_CHUNK = 64 * 1024

_COLUMN = re.compile(r"[A-Z]{1,3}")
_FIFTEEN_DIGITS = Context(prec=15)
_BUILTIN_DAYS = frozenset((*range(14, 18), 22, *range(27, 32), 34, 35, 36, *range(50, 59)))
_NOT_OF_A_DAY = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_OF_A_DAY = re.compile(r"[^0#?]*[dy][^0#?]*", re.IGNORECASE)
_FRACTION_OF_SECOND = re.compile(r"s\.0+", re.IGNORECASE)
_ZEROS = re.compile(r"0{2,30}")
_LONGEST_NUMBER = 64  # characters: spreadsheets write 24 at most
_MOST_ZEROS = 20  # before or after its digits
_DAYS_FROM_1900, _DAYS_FROM_1904 = date(1899, 12, 30), date(1904, 1, 1)


def open_xlsx(stream: BinaryIO, *, options: Mapping[str, object]) -> TableReader:
    """A workbook's reader. Raises NotThisFile, and ValueError for options that make no sense."""
    return Workbook(stream, TableOptions.of(options)).reader()


def archive_of(stream: BinaryIO) -> zipfile.ZipFile:
    """An archive of a bounded number of parts. Raises NotThisFile, and what zipfile raises for one that is damaged."""
    archive = zipfile.ZipFile(_Sips(stream))
    if len(archive.filelist) > MAX_PARTS:
        raise NotThisFile(error("F531"))
    return archive


class _Sips:
    """A stream of which nobody takes much at once."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        """Raises NotThisFile where more is there than anybody needs."""
        taken = self._stream.read(_MOST_AT_ONCE + 1 if size < 0 else min(size, _MOST_AT_ONCE + 1))
        if len(taken) > _MOST_AT_ONCE:
            raise NotThisFile(error("F531"))
        return taken

    def seekable(self) -> bool:
        """It is: a kept upload."""
        return True


class Workbook:
    """A workbook whose sheet is chosen."""

    def __init__(self, stream: BinaryIO, options: TableOptions) -> None:
        if stream.seek(0, io.SEEK_END) > MAX_BYTES:
            raise NotThisFile(error("F502", most="256 Mo"))
        stream.seek(0)
        self.options = options
        with _damage():
            self._archive = archive_of(stream)
            self._names = {info.filename.lower(): info for info in self._archive.filelist}
            sheets, self._since = self._sheets()
            self.sheets = tuple(sheets)
            self._part = self._chosen(sheets)
            self._styles = self._read_styles()
            self._shared = self._read_shared()
        others = [name for name in self.sheets if name != self._sheet]
        self.head = Head(
            format=FileFormat.XLSX,
            sheet=self._sheet,
            troubles=(notice("F542", read=shown(self._sheet), others=", ".join(map(shown, others[:5]))),)
            if others and not options.sheet
            else (),
        )

    def reader(self) -> TableReader:
        """Its debts."""
        return TableReader(head=self.head, rows=self.rows, options=self.options)

    def rows(self) -> Iterator[Row]:
        """The rows of the chosen sheet that hold something. Raises NotThisFile."""
        sheet = _Sheet(self._shared, self._styles, self._since)
        with _damage():
            for _chunk in self._parsed(self._part, sheet, most=MAX_PART):
                yield from sheet.taken()

    # The parts around the sheet.

    def _sheets(self) -> tuple[dict[str, str], date]:
        """The sheets that are shown, by name: their parts; and the day zero of their serial numbers."""
        targets: dict[str, str] = {}
        names: dict[str, str] = {}
        since = [_DAYS_FROM_1900]

        def relation(tag: str, told: Mapping[str, str]) -> None:
            if tag == "Relationship":
                targets[told.get("Id", "")] = told.get("Target", "")

        def sheet(tag: str, told: Mapping[str, str]) -> None:
            if tag == "sheet" and told.get("state", "visible") == "visible":
                names[told.get("name", "")] = told.get("id", "")
            elif tag == "workbookPr" and told.get("date1904") in ("1", "true"):
                since[0] = _DAYS_FROM_1904

        self._walk("xl/_rels/workbook.xml.rels", relation)
        self._walk("xl/workbook.xml", sheet)
        parts = {
            name: posixpath.normpath(posixpath.join("xl", targets.get(relation_id, ""))).lstrip("/")
            if not targets.get(relation_id, "").startswith("/")
            else targets[relation_id].lstrip("/")
            for name, relation_id in names.items()
        }
        return {name: part for name, part in parts.items() if part.lower() in self._names}, since[0]

    def _chosen(self, sheets: Mapping[str, str]) -> str:
        if not sheets:
            raise NotThisFile(error("F530"))
        self._sheet = self.options.sheet or next(iter(sheets))
        if self._sheet not in sheets:
            raise NotThisFile(error("F532", sheet=shown(self._sheet), others=", ".join(map(shown, list(sheets)[:5]))))
        return sheets[self._sheet]

    def _read_styles(self) -> list[str]:
        """For each style: "day", zeros to fill up to, or ""."""
        formats: dict[int, str] = {}
        styles: list[str] = []
        inside: list[bool] = [False]

        def style(tag: str, told: Mapping[str, str]) -> None:
            if tag == "numFmt":
                formats[int(told.get("numFmtId", "0"))] = told.get("formatCode", "")
            elif tag in ("cellXfs", "cellStyleXfs", "dxfs"):
                inside[0] = tag == "cellXfs"
            elif tag == "xf" and inside[0]:
                styles.append(_shown_as(int(told.get("numFmtId", "0")), formats))

        if "xl/styles.xml" in self._names:
            self._walk("xl/styles.xml", style)
        return styles

    def _read_shared(self) -> "_Shared":
        shared = _Shared()
        if "xl/sharedstrings.xml" in self._names:
            for _chunk in self._parsed("xl/sharedStrings.xml", shared, most=MAX_SHARED):
                pass
        return shared

    def _walk(self, part: str, hear: "object") -> None:
        for _chunk in self._parsed(part, _Walk(hear), most=MAX_SMALL_PART):
            pass

    def _parsed(self, name: str, handler: "_Handler", *, most: int) -> Iterator[None]:
        """Feed a part to a handler, a chunk at a time. Raises NotThisFile for what is too large, or has a DOCTYPE."""
        info = self._names.get(name.lower())
        if info is None:
            raise NotThisFile(error("F530"))
        if info.flag_bits & 1:
            raise NotThisFile(error("F509"))
        parser = expat.ParserCreate(namespace_separator=None)
        parser.buffer_text = True
        parser.buffer_size = _CHUNK
        parser.StartDoctypeDeclHandler = _refuse_doctype
        depth = elements = 0
        most_elements = min(MAX_ELEMENTS, max(_BEFORE_ELEMENTS_COUNT, _MOST_ELEMENTS_PER_BYTE * info.compress_size))

        def start(tag: str, told: dict[str, str]) -> None:
            nonlocal depth, elements
            depth += 1
            elements += 1
            if depth > MAX_DEPTH or elements > most_elements:
                raise NotThisFile(error("F531"))
            handler.start(tag if ":" not in tag else tag.rpartition(":")[2], told)

        def end(tag: str) -> None:
            nonlocal depth
            depth -= 1
            handler.end(tag if ":" not in tag else tag.rpartition(":")[2])

        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = handler.text
        with self._archive.open(info) as part:
            yield from _fed(parser, part, packed=info.compress_size, most=most)


def _fed(parser: expat.XMLParserType, part: IO[bytes], *, packed: int, most: int) -> Iterator[None]:
    size = 0
    while chunk := part.read(_CHUNK):
        size += len(chunk)
        if size > most or (size > _BEFORE_RATIO_COUNTS and size > MAX_RATIO * max(packed, 1)):
            raise NotThisFile(error("F531"))
        parser.Parse(chunk, False)
        if size - parser.CurrentByteIndex > MAX_TOKEN:
            raise NotThisFile(error("F531"))
        yield
    parser.Parse(b"", True)
    yield


def _refuse_doctype(*_told: object) -> None:
    raise NotThisFile(error("F534"))


@contextmanager
def _damage() -> Iterator[None]:
    """What a damaged archive or part raises is a refusal of the file."""
    try:
        yield
    except (
        zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, expat.ExpatError, EOFError, OSError, ValueError,
        NotImplementedError, RuntimeError, OverflowError, IndexError, KeyError, UnicodeError,
    ):  # fmt: skip
        raise NotThisFile(error("F530")) from None


class _Handler:
    """What is heard of a part."""

    def start(self, tag: str, told: Mapping[str, str]) -> None:
        """An element begins."""

    def end(self, tag: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """Some of its text."""


class _Walk(_Handler):
    """Hears elements alone; of their attributes, the names without prefixes."""

    def __init__(self, hear: object) -> None:
        self._hear = hear

    def start(self, tag: str, told: Mapping[str, str]) -> None:
        self._hear(tag, {name.rpartition(":")[2]: value for name, value in told.items()})  # type: ignore[operator]


class _Shared(_Handler):
    """The texts that cells share, as bytes one after the other."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("I")
        self._pieces: list[str] = []
        self._is_text = False
        self._is_phonetic = False

    def start(self, tag: str, told: Mapping[str, str]) -> None:
        if tag == "t":
            self._is_text = not self._is_phonetic
        elif tag == "rPh":
            self._is_phonetic = True

    def end(self, tag: str) -> None:
        if tag == "t":
            self._is_text = False
        elif tag == "rPh":
            self._is_phonetic = False
        elif tag == "si":
            self._bytes += _unescaped("".join(self._pieces)[:MAX_TEXT]).encode("utf-8", "replace")
            self._ends.append(len(self._bytes))
            self._pieces.clear()

    def text(self, text: str) -> None:
        if self._is_text and len(self._pieces) < MAX_PIECES:
            self._pieces.append(text)

    def at(self, rank: int) -> str:
        """One of them. Raises IndexError."""
        if rank < 0:
            raise IndexError(rank)
        return self._bytes[self._ends[rank - 1] if rank else 0 : self._ends[rank]].decode("utf-8")


class _Sheet(_Handler):
    """The rows of a sheet, as they end."""

    def __init__(self, shared: _Shared, styles: list[str], since: date) -> None:
        self._shared = shared
        self._styles = styles
        self._since = since
        self._done: list[Row] = []
        self._number = 0
        self._cells: list[str] = []
        self._faults: dict[int, str] = {}
        self._rank = -1
        self._type = ""
        self._style = ""
        self._has_formula = False
        self._is_value = False
        self._pieces: list[str] = []

    def taken(self) -> list[Row]:
        """The rows that ended since the last time."""
        done, self._done = self._done, []
        return done

    def start(self, tag: str, told: Mapping[str, str]) -> None:
        if tag == "c":
            name = told.get("r")
            self._rank = _rank(name) if name else self._rank + 1
            if self._rank >= _LAST_COLUMN:
                raise NotThisFile(error("F523", count=self._rank + 1, most=MAX_COLUMNS))
            self._type = told.get("t", "n")
            self._style = told.get("s", "")
            self._has_formula = False
        elif tag in ("v", "t"):
            self._is_value = True
        elif tag == "f":
            self._has_formula = True
        elif tag == "row":
            number = int(told.get("r") or self._number + 1)
            if number <= self._number:
                raise NotThisFile(error("F530"))
            if number > MAX_ROWS:
                raise NotThisFile(error("F526", most=MAX_ROWS))
            self._number = number
            self._rank = -1

    def end(self, tag: str) -> None:
        if tag in ("v", "t"):
            self._is_value = False
        elif tag == "c":
            text = "".join(self._pieces)[:MAX_TEXT]
            self._pieces.clear()
            if text or self._has_formula:
                self._cell(text)
        elif tag == "row" and (self._cells or self._faults):
            self._done.append(Row(self._number, self._cells, self._faults))
            self._cells, self._faults = [], {}

    def text(self, text: str) -> None:
        if self._is_value and len(self._pieces) < MAX_PIECES:
            self._pieces.append(text)

    def _cell(self, text: str) -> None:
        rank, kind = self._rank, self._type
        if rank >= MAX_COLUMNS:
            raise NotThisFile(error("F523", count=rank + 1, most=MAX_COLUMNS))
        if kind == "s":
            value = self._shared.at(int(text))
        elif kind in ("n", ""):
            value = _number(text, self._styles[int(self._style)] if self._style else "", self._since) if text else ""
        elif kind == "b":
            value = "VRAI" if text == "1" else "FAUX"
        elif kind == "d":
            value = text
        else:  # a text, or an error's: #REF!
            value = _unescaped(text)
        if self._has_formula and not text:
            self._faults[rank] = "L191"
        if rank >= len(self._cells):
            self._cells += [""] * (rank + 1 - len(self._cells))
        self._cells[rank] = value


def _rank(name: str) -> int:
    """Of AB12: 27."""
    found = _COLUMN.match(name)
    if found is None:
        raise ValueError(name)
    return _rank_of_letters(found[0])


@lru_cache(maxsize=1024)
def _rank_of_letters(letters: str) -> int:
    rank = 0
    for letter in letters:
        rank = rank * 26 + ord(letter) - 64
    return rank - 1


def _shown_as(number_format: int, formats: Mapping[int, str]) -> str:
    if number_format in _BUILTIN_DAYS:
        return "day"
    code = formats.get(number_format, "")
    if _ZEROS.fullmatch(code):
        return code
    bare = _FRACTION_OF_SECOND.sub("s", _NOT_OF_A_DAY.sub("", code.partition(";")[0]))
    return "day" if _OF_A_DAY.fullmatch(bare) and code.lower() != "general" else ""


def _number(text: str, style: str, since: date) -> str:
    """As it is shown; a text that is no number we could show, as it is written."""
    return _known_number(text, style, since) if len(text) <= _LONGEST_NUMBER else text


@lru_cache(maxsize=1024)
def _known_number(text: str, style: str, since: date) -> str:
    try:
        exact = Decimal(text)
        value = _FIFTEEN_DIGITS.plus(exact)
    except DecimalException:
        return text
    if not value.is_finite() or abs(value.adjusted()) > _MOST_ZEROS:  # 1E-999990 would be a million characters
        return text
    if style == "day" and 0 < value < 2_958_466:  # the year 9999
        day = since + timedelta(days=int(value))
        return f"{day.day:02d}/{day.month:02d}/{day.year:04d}"
    if value.adjusted() >= 15:
        return str(text)  # more digits than spreadsheets know: refused as a number, too large as an amount
    written = f"{value:f}"
    if "." in written:
        written = written.rstrip("0").rstrip(".").replace(".", ",")
    return written.zfill(len(style)) if style.startswith("0") and written.isdecimal() else written


_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def _unescaped(text: str) -> str:
    """ECMA-376 22.4.2.4: a character that XML cannot hold is written _x000D_."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text
