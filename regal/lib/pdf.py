"""Tagged PDFs (PDF/UA-1) made by typst from a template and data; the fonts are inside, and no clock is read.

What varies is data, never source, so no name can become code. A character that none of the fonts has (a name in
Chinese, a drawing in a label) is written « ? »: PDF/UA forbids a text that nobody can read, and a document with a hole
is better than none.
"""

import re
import unicodedata
from datetime import datetime
from pathlib import Path

import typst

_FONTS = typst.Fonts(include_system_fonts=False)  # read once: that takes as long as the half of a document
_UNWRITABLE = "could not be displayed"
_LAST_OF_LATIN = 0x17F  # Latin Extended-A: œ, Ÿ, š
_SIGNS = frozenset("\u202f\u00a0\u2011\u2212’‘“”–—…€№")  # \u2212: a minus
_LETTERS = re.compile(r"(?:LATIN|GREEK|CYRILLIC|COMBINING|SPACE|NO-BREAK|NARROW)")


def compiled(template: Path, *, data: str, dated: datetime) -> bytes:
    """One document; the same data and moment give the same bytes. `data` is JSON that keeps its accents."""
    try:
        return _compiled(template, data, dated)
    except typst.TypstError as failure:
        if _UNWRITABLE not in str(failure):
            raise
    for is_writable in (_is_of_europe, _is_latin):
        try:
            return _compiled(template, "".join(sign if is_writable(sign) else "?" for sign in data), dated)
        except typst.TypstError as failure:
            if _UNWRITABLE not in str(failure) or is_writable is _is_latin:
                raise
    raise AssertionError("unreachable")


def _compiled(template: Path, data: str, dated: datetime) -> bytes:
    document = typst.compile(
        str(template),
        format="pdf",
        sys_inputs={"data": data},
        pdf_standards="ua-1",
        font_paths=_FONTS,
        timestamp=int(dated.timestamp()),
    )
    assert isinstance(document, bytes)
    return document


def _is_of_europe(sign: str) -> bool:
    return _is_latin(sign) or _LETTERS.match(unicodedata.name(sign, "")) is not None


def _is_latin(sign: str) -> bool:
    return ord(sign) <= _LAST_OF_LATIN or sign in _SIGNS
