"""Cells that a French spreadsheet shows as they are: never a formula, never a date it guessed.

CSV: UTF-8 with a byte order mark, `;` between cells, decimal comma, 24/11/2026, lines that end with CR LF. A text that
would begin a formula (= + - @, a tab, a line's end, a full-width form, after any spaces) gets an apostrophe in front;
so does every cell of `as_text`, because a spreadsheet reads 2026-12-1 as a day of December and 006382 as 6382.
A workbook (XLSX) needs none of that: a text is written there as a text.
"""

import tempfile
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO

import xlsxwriter

from regal.lib import paris
from regal.lib.money import Money

BYTE_ORDER_MARK = "\ufeff"
_BEGINS_A_FORMULA = frozenset("=+-@\t\r\n＝＋－＠﹣﹢−")


def csv_line(cells: list[str]) -> str:
    """One line, its end included; what holds a separator, a quote or a line's end is quoted."""
    return ";".join(_quoted(cell) for cell in cells) + "\r\n"


def neutral(text: str) -> str:
    """A text that no spreadsheet computes."""
    begins = text[:1] in _BEGINS_A_FORMULA or text.lstrip()[:1] in _BEGINS_A_FORMULA
    return f"'{text}" if text and begins else text


def as_text(text: str) -> str:
    """A text that no spreadsheet takes for a number or a day."""
    return f"'{text}" if text else ""


def decimal(amount: Money) -> str:
    """1234,50: no spaces and no sign of the euro, so that it is a number."""
    sign, cents = ("-" if amount.cents < 0 else ""), abs(amount.cents)
    return f"{sign}{cents // 100},{cents % 100:02d}"


def workbook(fill: Callable[[Any], None], **options: bool) -> BinaryIO:
    """A workbook in a temporary file, at its beginning, once `fill` has written it; `options` are xlsxwriter's."""
    file = tempfile.TemporaryFile(suffix=".xlsx")  # noqa: SIM115 - whoever sends it closes it
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    try:
        book = xlsxwriter.Workbook(file, options | plain)
        fill(book)
        book.close()
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def workbook_number(amount: Money) -> Decimal:
    """Euros, exact: a workbook's cell knows no cents."""
    return Decimal(amount.cents).scaleb(-2)


def day(value: date | None) -> str:
    """24/11/2026."""
    return f"{value.day:02d}/{value.month:02d}/{value.year}" if value else ""


def moment(instant: datetime | None) -> str:
    """24/11/2026 09:00:00, Paris time."""
    if instant is None:
        return ""
    local = paris.to_paris(instant)
    return f"{day(local)} {local.hour:02d}:{local.minute:02d}:{local.second:02d}"


def _quoted(cell: str) -> str:
    if any(sign in cell for sign in ';"\r\n') or cell != cell.strip():
        return '"' + cell.replace('"', '""') + '"'
    return cell
