"""Rows of a CSV file, whatever program wrote it.

What is uncertain is found out, shown, and an option where it cannot be found:
- encoding: a byte order mark; else UTF-8 if the whole file is; else Windows-1252. What a source declares is obeyed
  where the bytes allow it;
- separator: a first line `sep=;`; else the one by which the first lines have most known names, then most columns.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import BinaryIO

from regal.titres.importers.base import FileFormat, Head, NotThisFile, Trouble
from regal.titres.importers.columns import ENCODINGS, SEPARATORS, TableOptions, guess
from regal.titres.importers.table import LOOKED_AT, WHOLE_ROW, Row, TableReader, error, shown, warning

MAX_BYTES = 1024 * 1024 * 1024
MAX_LINE = 65_536  # characters
MAX_LINES_OF_A_ROW = 100
_CHUNK = 1024 * 1024

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CODECS = {"utf-8": "utf-8-sig", "windows-1252": "windows-1252"}
_SEP_LINE = re.compile(r'"?sep=(?P<separator>.)"?\s*', re.IGNORECASE)
_END_OF_FILE = "\x1a"  # that old programs write
_NO_FAULTS: Mapping[int, str] = {}


def open_csv(stream: BinaryIO, *, options: Mapping[str, object]) -> TableReader:
    """A CSV file's reader. Raises NotThisFile, and ValueError for options that make no sense."""
    return CsvFile(stream, TableOptions.of(options)).reader()


class CsvFile:
    """A file whose encoding and separator are known."""

    sheets: tuple[str, ...] = ()

    def __init__(self, stream: BinaryIO, options: TableOptions) -> None:
        self._stream = stream
        self.options = options
        if stream.seek(0, io.SEEK_END) > MAX_BYTES:
            raise NotThisFile(error("F502", most="1 Go"))
        self._encoding, troubles = _encoding(stream, options.encoding)
        first = list(islice(self._texts(), 4 * LOOKED_AT))
        self._skipped = 0
        self._separator = ""
        if first and (found := _SEP_LINE.fullmatch(first[0].removeprefix("\ufeff"))):
            self._skipped, self._separator = 1, found["separator"]
        self._separator = options.separator or self._separator or _separator(first)
        if options.separator and not any(options.separator in text for text in first):
            self._separator = _separator(first)
            troubles = (*troubles, warning("F546", declared=options.separator, found=self._separator))
        self.head = Head(
            format=FileFormat.CSV,
            encoding=ENCODINGS[self._encoding],
            separator=self._separator,
            troubles=troubles,
        )

    def reader(self) -> TableReader:
        """Its debts."""
        return TableReader(head=self.head, rows=self.rows, options=self.options)

    def rows(self) -> Iterator[Row]:
        """Its rows, from the first. Raises NotThisFile."""
        count, begin, is_over, is_cut = 0, 1, False, False

        def counted() -> Iterator[str]:
            nonlocal count, is_over, is_cut
            for text in self._texts():
                count += 1
                if text[-1] not in "\r\n":
                    is_cut = True
                    text = text.removesuffix(_END_OF_FILE)
                if count - begin > MAX_LINES_OF_A_ROW:
                    raise NotThisFile(error("F525", line=begin))
                yield text
            is_over = True

        texts = counted()
        for _skipped in range(self._skipped):
            next(texts)
        reader = csv.reader(texts, delimiter=self._separator, strict=True)
        while True:
            begin = count + 1
            try:
                for cells in reader:
                    yield Row(begin, cells, _NO_FAULTS, is_cut)
                    begin = count + 1
            except csv.Error:
                if is_over and count > begin:
                    raise NotThisFile(error("F525", line=begin)) from None
                yield Row(begin, (), {WHOLE_ROW: "L100"})
            else:
                return

    def _texts(self) -> Iterator[str]:
        """The physical lines, ends included. Raises NotThisFile for one that has no end."""
        self._stream.seek(0)
        wrapper = io.TextIOWrapper(
            io.BufferedReader(_Raw(self._stream), _CHUNK),
            encoding=_CODECS.get(self._encoding, self._encoding),
            errors="replace",
            newline="",
        )
        for text in iter(partial(wrapper.readline, MAX_LINE + 1), ""):
            if len(text) > MAX_LINE:
                raise NotThisFile(error("F524", start=shown(text)))
            yield text


class _Raw(io.RawIOBase):
    """Somebody else's stream, to be left open."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what is always passed
        read = self._stream.read(len(buffer))
        buffer[: len(read)] = read
        return len(read)


def _encoding(stream: BinaryIO, declared: str) -> tuple[str, tuple[Trouble, ...]]:
    """The encoding by which a file is read, and what is said where it is not the one declared."""
    stream.seek(0)
    start = stream.read(4)
    found = next((name for bom, name in _BOMS if start.startswith(bom)), "")
    if not found:
        is_utf_8, is_ascii = _is_utf_8(stream)
        if is_ascii:
            found = declared if declared and declared != "utf-16" else "utf-8"
        elif is_utf_8:
            found = "utf-8"
        else:
            found = declared if declared not in ("", "utf-8", "utf-16") else "windows-1252"
    if declared and found != declared:
        return found, (warning("F540", declared=ENCODINGS[declared], found=ENCODINGS[found]),)
    return found, ()


def _is_utf_8(stream: BinaryIO) -> tuple[bool, bool]:
    """Whether all bytes are UTF-8, and whether they are plain ASCII."""
    stream.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_ascii = True
    try:
        while chunk := stream.read(_CHUNK):
            is_ascii = is_ascii and chunk.isascii()
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False, False
    return True, is_ascii


def _separator(texts: list[str]) -> str:
    """The separator by which the first lines have most known names, then most columns in most lines."""

    def worth(separator: str) -> tuple[int, int]:
        try:
            rows = [row for row in csv.reader(texts, delimiter=separator) if any(map(str.strip, row))]
        except csv.Error:
            return 0, 0
        if not rows:
            return 0, 0
        names = max(len(guess(row)) for row in rows[:LOOKED_AT])
        width, times = Counter(len(row) for row in rows).most_common(1)[0]
        return names, (width - 1) * times

    return max(SEPARATORS, key=worth)
