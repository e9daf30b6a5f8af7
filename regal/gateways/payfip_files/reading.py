"""From bytes to payments: say what a file is, and read it whole or not at all."""

import re

from regal.gateways.files import NotThisFile, PaymentsFile
from regal.gateways.payfip_files.pes_retour import read_pes_retour
from regal.gateways.payfip_files.regisseur_csv import CsvOptions, is_regisseur_csv, read_regisseur_csv

MAX_BYTES = 20 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_UTF_16_OR_32 = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<", b"\x00\x00")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # .xls and other old office documents
_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh", b"\xfd7zXZ\x00")
_WORKBOOKS = (b"xl/", b"vnd.oasis.opendocument.spreadsheet")  # inside a ZIP: .xlsx, .ods
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\x00", b"MM\x00*", b"RIFF", b"BM")
_HTML = re.compile(rb"<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_END_OF_FILE = "\x1a"  # that old programs write
_ROLMRE_LINE = 500
_LOOKED_AT = 4096


def read_file(content: bytes, *, options: CsvOptions | None = None) -> PaymentsFile:
    """Read a file of payments, whatever its kind. `options` are those of a régisseur's statement.

    Raises NotThisFile, whose sentence is in `refusals.py`, and nothing else.
    """
    if not content or content.isspace():
        raise NotThisFile("F401")
    if len(content) > MAX_BYTES:
        raise NotThisFile("F402")
    _refuse_other_documents(content)
    bare = content.removeprefix(_BOM)
    if bare[:_LOOKED_AT].lstrip()[:1] == b"<":
        if _HTML.search(bare, 0, _LOOKED_AT):
            raise NotThisFile("F407")
        return read_pes_retour(content)
    text = _text(bare)
    if is_regisseur_csv(text):
        return read_regisseur_csv(text, content=content, options=options or CsvOptions())
    raise NotThisFile(_what_text_is(text))


def _refuse_other_documents(content: bytes) -> None:
    head = content[:_LOOKED_AT]
    if b"%PDF-" in head[:1024]:
        raise NotThisFile("F403")
    if head.startswith(_OLE) or (head.startswith(b"PK\x03\x04") and any(one in content for one in _WORKBOOKS)):
        raise NotThisFile("F404")
    if head.startswith(_ARCHIVES):
        raise NotThisFile("F405")
    if (head.startswith(_IMAGES) and not head.isascii()) or head[4:8] == b"ftyp":
        raise NotThisFile("F406")
    if head.startswith(_UTF_16_OR_32):
        raise NotThisFile("F408")


def _text(content: bytes) -> str:
    """UTF-8, or else what French programs write, with one kind of line end."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            raise NotThisFile("F408") from None
    text = text.removesuffix(_END_OF_FILE).replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROL.search(text):
        raise NotThisFile("F408")
    if not text or text.isspace():
        raise NotThisFile("F401")
    return text


def _what_text_is(text: str) -> str:
    first = text.lstrip("\n")[:_LOOKED_AT].split("\n")[0]
    if len(first) == _ROLMRE_LINE and first[:12].isdigit():
        return "F430"
    if any(first.count(separator) >= 2 for separator in ";,\t|"):
        return "F429"
    return "F409"
