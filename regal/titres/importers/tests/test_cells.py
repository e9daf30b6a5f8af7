"""One cell: what is read, and what is refused rather than guessed."""

from datetime import date

import pytest

from regal.titres.importers import cells
from regal.titres.importers.cells import BadCell


def refused(read, *told) -> str:
    with pytest.raises(BadCell) as caught:
        read(*told)
    return caught.value.code


class TestAmounts:
    @pytest.mark.parametrize(
        ("text", "cents"),
        [
            ("38,40", 3840),
            ("38", 3800),
            ("38,4", 3840),
            ("0,05", 5),
            ("1 234,50", 123450),
            ("1\u00a0234,50", 123450),
            ("1\u202f234,50", 123450),
            ("1\u2009234\u2009567,00", 123456700),
            ("-12,00", -1200),
            ("- 12,00", -1200),
            ("−12,00", -1200),
            ("12,00-", -1200),
            ("+12,00", 1200),
            ("'-12,00", -1200),  # as our own exports protect it
            ("9999999,99", 999999999),
        ],
    )
    def test_is_whole_cents(self, text, cents):
        assert cells.amount(text) == (cents, "")

    def test_with_a_point_is_read_with_a_warning(self):
        assert cells.amount("12.30") == (1230, "L117")

    def test_with_a_point_is_plain_where_the_source_says_that_it_is_so(self):
        assert cells.amount("12.30", ".") == (1230, "")
        assert refused(cells.amount, "12,30", ".") == "L111"
        assert refused(cells.amount, "12.30", ",") == "L111"

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("", "L110"),
            (" ", "L110"),
            ("-", "L111"),
            ("douze", "L111"),
            ("12 50", "L111"),
            ("-12,00-", "L111"),
            ("1'234,50", "L111"),
            ("12/03/2026", "L111"),
            ("12,305", "L112"),
            ("12,3050", "L112"),
            ("1.234", "L113"),
            ("1.234,50", "L113"),
            ("1,234.50", "L113"),
            ("12,00 EUR", "L114"),
            ("12,00 €", "L114"),
            ("€12,00", "L114"),
            ("10000000,00", "L115"),
            ("9" * 40, "L115"),
            ("1,23E+05", "L116"),
            ("1E3", "L116"),
            ("٣٨,٤٠", "L111"),  # digits of other scripts
        ],
    )
    def test_is_refused_rather_than_guessed(self, text, code):
        assert refused(cells.amount, text) == code


class TestDays:
    @pytest.mark.parametrize(
        "text",
        [
            "12/03/2026",
            "12/3/2026",
            "12/03/26",
            "12-03-2026",
            "12.03.2026",
            "2026-03-12",
            "2026/03/12",
            "20260312",
            "2026-03-12 00:00:00",
            "2026-03-12T00:00:00Z",
            "12/03/2026 10:30",
            "46093",
        ],
    )
    def test_is_the_12th_of_march(self, text):
        assert cells.day(text) == date(2026, 3, 12)

    def test_may_be_empty(self):
        assert cells.day("") is None

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("31/02/2026", "L121"),
            ("29/02/2026", "L121"),
            ("03/15/2026", "L121"),
            ("00/00/0000", "L121"),
            ("15/04/1926", "L122"),
            ("15/04/2226", "L122"),
            ("2026", "L120"),
            ("avril", "L120"),
            ("########", "L120"),
        ],
    )
    def test_is_refused_rather_than_guessed(self, text, code):
        assert refused(cells.day, text) == code


class TestNumbers:
    @pytest.mark.parametrize(
        "text", ["000412", "412", "RS-000101", "2026/412", "FAC 12", "26E412", "2026-412-1", "É12"]
    )
    def test_is_kept_as_written(self, text):
        assert cells.number(text) == (text, "")

    def test_loses_the_apostrophe_of_our_own_exports(self):
        assert cells.number("'000412") == ("000412", "")

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("", "L130"),
            ("1,23E+05", "L131"),
            ("1.23E+05", "L131"),
            ("2E+07", "L131"),
            ("412,0", "L131"),
            ("412.00", "L131"),
            ("01/02/2026", "L132"),
            ("1-févr", "L132"),
            ("02-janv.-26", "L132"),
            ("janv-26", "L132"),
            ("2026-02-01 00:00:00", "L132"),
            ("x" * 31, "L133"),
            ("---", "L134"),
        ],
    )
    def test_is_refused_where_a_spreadsheet_damaged_it(self, text, code):
        assert refused(cells.number, text) == code

    def test_that_looks_like_a_day_is_kept_with_a_warning(self):
        assert cells.number("2026-03-12") == ("2026-03-12", "L135")


class TestExercices:
    def test_is_a_year(self):
        assert cells.exercice("2026") == 2026

    @pytest.mark.parametrize("text", ["26", "2026-2027", "1926", "2026,0", "deux mille"])
    def test_is_nothing_else(self, text):
        assert refused(cells.exercice, text) == "L140"
