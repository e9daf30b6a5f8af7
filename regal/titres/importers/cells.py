"""Read one cell of a table, and refuse what a spreadsheet has damaged rather than guess what stood there.

Amounts: `1 234,50` with any kind of space, a comma or a point, two decimals at most, a minus before or after; never
`1.234`, which is a thousand for one reader and one euro for another. Days: 12/03/2026, 12/03/26, 12.03.2026,
2026-03-12, 20260312, with an hour or without, or the serial number of a spreadsheet. Numbers of invoices are texts and
keep their zeros.
"""

import re
from datetime import date, timedelta
from functools import lru_cache

from regal.lib.money import AmountReason, Money, UnreadableAmount

LARGEST_CENTS = 9_999_999_99  # of a titre
LONGEST_NUMBER = 30
FIRST_YEAR, LAST_YEAR = 2000, 2099

_PLAIN_AMOUNT = re.compile(r"(?P<euros>[0-9]{1,7}),(?P<cents>[0-9]{2})")
_SIGNED = re.compile(r"(?P<before>[-+−]?) ?(?P<amount>.*?) ?(?P<after>-?)")
_UNIT = re.compile(r"€|eur|ttc", re.IGNORECASE)
_SCIENTIFIC = re.compile(r"[0-9]+(?:[.,][0-9]+)?E[+-]?[0-9]+", re.IGNORECASE)
_POWER = re.compile(r"[0-9]+(?:[.,][0-9]+)?E\+[0-9]+|[0-9]+[.,][0-9]+E-?[0-9]+", re.IGNORECASE)
_POINT_WITH_THREE = re.compile(r"[0-9 ]+ ?\. ?[0-9]{3}")

_DAY_MONTH_YEAR = re.compile(r"(?P<day>[0-9]{1,2})[/.-](?P<month>[0-9]{1,2})[/.-](?P<year>[0-9]{4}|[0-9]{2})")
_YEAR_MONTH_DAY = re.compile(r"(?P<year>[0-9]{4})[-/](?P<month>[0-9]{1,2})[-/](?P<day>[0-9]{1,2})")
_COMPACT = re.compile(r"(?P<year>(?:19|20)[0-9]{2})(?P<month>[0-9]{2})(?P<day>[0-9]{2})")
_HOUR = re.compile(r"[ T][0-9]{1,2}[:h][0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?$")
_SERIAL = re.compile(r"[34567][0-9]{4}(?:[.,]0+)?")  # 1982 to 2118
_SERIAL_ZERO = date(1899, 12, 30)

_MONTHS = (
    r"janv|févr|fevr|mars|avr|avril|mai|juin|juil|août|aout|sept|oct|nov|déc|dec|jan|feb|mar|apr|may|jun|jul|aug|sep"
)
_DATE_IN_NUMBER = re.compile(
    rf"[0-9]{{1,2}}/[0-9]{{1,2}}/(?:[0-9]{{2}}|[0-9]{{4}})|[0-9]{{1,2}}-(?:{_MONTHS})\.?(?:-[0-9]{{2,4}})?"
    rf"|(?:{_MONTHS})\.?-[0-9]{{2,4}}|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[ T][0-9:.]+",
    re.IGNORECASE,
)
_ISO_DAY = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")
_DECIMAL_NUMBER = re.compile(r"[0-9]+[.,]0{1,2}")
_ALPHANUMERIC = re.compile(r"[^\W_]")
_EXERCICE = re.compile(r"20[0-9]{2}")

_SPREADSHEET_ERROR = re.compile(
    r"#(?:REF!|N/A|N/D|VALUE!|VALEUR!|NAME\?|NOM\?|DIV/0!|NUM!|NOMBRE!|NULL!|NUL!)|#{3,}",  # ###: too narrow a column
    re.IGNORECASE,
)


class BadCell(ValueError):
    """A cell that we refuse to guess; `code` is its trouble's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def is_spreadsheet_error(text: str) -> bool:
    """Whether a cell holds what a spreadsheet shows when it fails."""
    return _SPREADSHEET_ERROR.fullmatch(text) is not None


@lru_cache(maxsize=8192)
def amount(text: str, decimal: str = "", accepts_units: bool = False) -> tuple[int, str]:
    """Cents, with their sign, and the code of a warning or "". Raises BadCell."""
    if decimal != "." and (found := _PLAIN_AMOUNT.fullmatch(text)):
        return int(found["euros"]) * 100 + int(found["cents"]), ""
    sign, number = _sign_of(" ".join(text.split()))
    if not number:
        raise BadCell("L110" if not text.strip() else "L111")
    if _SCIENTIFIC.fullmatch(number):
        raise BadCell("L116")
    warning = ""
    if _UNIT.search(number):
        if not accepts_units:
            raise BadCell("L114")
        warning = "L118"
    if (decimal == "," and "." in number) or (decimal == "." and "," in number):
        raise BadCell("L111")
    try:
        cents = Money.parse(number).cents
    except UnreadableAmount as error:
        raise BadCell(_why_not(error.reason, number)) from None
    if cents > LARGEST_CENTS:
        raise BadCell("L115")
    if not decimal and "." in number:
        warning = "L117"
    return sign * cents, warning


def _sign_of(text: str) -> tuple[int, str]:
    found = _SIGNED.fullmatch(text.removeprefix("'"))
    if found is None or (found["before"] and found["after"]):
        raise BadCell("L111")
    return (-1 if found["before"] in ("-", "−") or found["after"] else 1), found["amount"]


def _why_not(reason: AmountReason, number: str) -> str:
    if reason is AmountReason.TOO_LARGE:
        return "L115"
    if reason is AmountReason.TOO_MANY_DECIMALS:
        return "L112"
    if reason is AmountReason.AMBIGUOUS:
        return "L113" if _POINT_WITH_THREE.fullmatch(number) or ("," in number and "." in number) else "L112"
    return "L111"


@lru_cache(maxsize=4096)
def day(text: str) -> date | None:
    """A day, or None for an empty cell. Raises BadCell."""
    if not text:
        return None
    bare = _HOUR.sub("", text)
    found = _DAY_MONTH_YEAR.fullmatch(bare) or _YEAR_MONTH_DAY.fullmatch(bare) or _COMPACT.fullmatch(bare)
    if found is None:
        if _SERIAL.fullmatch(text):
            return _plausible(_SERIAL_ZERO + timedelta(days=int(text[:5])))
        raise BadCell("L120")
    year = int(found["year"])
    try:
        return _plausible(date(year + 2000 if year < 100 else year, int(found["month"]), int(found["day"])))
    except ValueError as error:
        if isinstance(error, BadCell):
            raise
        raise BadCell("L121") from None


def _plausible(value: date) -> date:
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise BadCell("L122")
    return value


def number(text: str) -> tuple[str, str]:
    """An invoice's number as a text, zeros kept, and the code of a warning or "". Raises BadCell."""
    bare = text.removeprefix("'")
    if not bare:
        raise BadCell("L130")
    if bare.isalnum() and bare.isascii() and len(bare) <= LONGEST_NUMBER:
        return bare, ""
    bare = " ".join(bare.split())
    if _POWER.fullmatch(bare) or _DECIMAL_NUMBER.fullmatch(bare):
        raise BadCell("L131")
    if _DATE_IN_NUMBER.fullmatch(bare):
        raise BadCell("L132")
    if len(bare) > LONGEST_NUMBER:
        raise BadCell("L133")
    if not _ALPHANUMERIC.search(bare):
        raise BadCell("L134")
    return bare, "L135" if _ISO_DAY.fullmatch(bare) else ""


@lru_cache(maxsize=256)
def exercice(text: str) -> int:
    """A budget year. Raises BadCell."""
    bare = text.removeprefix("'")
    if not _EXERCICE.fullmatch(bare):
        raise BadCell("L140")
    return int(bare)
