"""Cells that no spreadsheet computes, turns into a day, or cuts."""

from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pytest

from regal.lib import spreadsheets
from regal.lib.money import Money


class TestText:
    @pytest.mark.parametrize(
        "text",
        ["=1+1", "+33", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠A", "  =1", "\u00a0=1", "−1"],
    )
    def test_that_would_begin_a_formula_gets_an_apostrophe(self, text):
        assert spreadsheets.neutral(text) == f"'{text}"

    @pytest.mark.parametrize("text", ["", "Cantine", "Eau = vie", "L’été", "a-b", "12", "'=1"])
    def test_that_begins_none_is_left_alone(self, text):
        assert spreadsheets.neutral(text) == text

    def test_that_looks_like_a_day_or_a_number_stays_a_text(self):
        assert spreadsheets.as_text("2026-12-1") == "'2026-12-1"
        assert spreadsheets.as_text("006382") == "'006382"
        assert spreadsheets.as_text("") == ""


class TestLine:
    def test_ends_as_spreadsheets_expect(self):
        assert spreadsheets.csv_line(["a", "b"]) == "a;b\r\n"

    @pytest.mark.parametrize(
        ("cell", "written"),
        [("a;b", '"a;b"'), ('dit "oui"', '"dit ""oui"""'), ("a\nb", '"a\nb"'), ("a\rb", '"a\rb"'), (" a", '" a"')],
    )
    def test_quotes_what_would_end_a_cell(self, cell, written):
        assert spreadsheets.csv_line([cell]) == f"{written}\r\n"


class TestValues:
    @pytest.mark.parametrize(
        ("cents", "written"), [(1, "0,01"), (12_550, "125,50"), (999_999_999, "9999999,99"), (-5, "-0,05")]
    )
    def test_write_amounts_with_a_comma(self, cents, written):
        assert spreadsheets.decimal(Money(cents)) == written

    def test_write_days_and_moments_of_paris(self):
        assert spreadsheets.day(date(2026, 1, 2)) == "02/01/2026"
        assert spreadsheets.moment(datetime(2026, 11, 23, 23, 5, 9, tzinfo=UTC)) == "24/11/2026 00:05:09"
        assert (spreadsheets.day(None), spreadsheets.moment(None)) == ("", "")


class TestWorkbook:
    def test_holds_texts_as_texts_whatever_they_look_like(self):
        typed = ["=1+1", "https://example.org/", "0012"]

        def fill(book: Any) -> None:
            sheet = book.add_worksheet("Page")
            for row, text in enumerate(typed):
                sheet.write(row, 0, text)

        sheet = openpyxl.load_workbook(spreadsheets.workbook(fill))["Page"]
        assert [sheet.cell(row, 1).value for row in (1, 2, 3)] == typed
        assert {sheet.cell(row, 1).data_type for row in (1, 2, 3)} == {"s"}
        assert sheet.cell(2, 1).hyperlink is None
