"""Workbooks as spreadsheets save them, and those that are traps."""

import io
import time
import zipfile
from datetime import date
from decimal import Decimal

import openpyxl
import pytest
import xlsxwriter

from regal.titres.importers.base import FileFormat
from regal.titres.importers.columns import TableOptions
from regal.titres.importers.opening import open_file
from regal.titres.importers.tests.tables import (
    GOOD,
    HEADER,
    codes,
    good,
    line_of,
    lines_of,
    refusal_of,
    titre_of,
    xlsx_of,
)
from regal.titres.importers.xlsx_file import Workbook

ROW = ("000412", 2026, "Cantine de février", "TESTARD", 38.4, date(2026, 3, 12), date(2026, 4, 15))
DAYS = {5: "dd/mm/yyyy", 6: "dd/mm/yyyy"}
SHEET = "xl/worksheets/sheet1.xml"
FORMULA = b"<f>SUM(1,2)</f><v>0</v>"


def changed(content: bytes, part: str, old: bytes, new: bytes) -> bytes:
    """The same workbook, one of its parts changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as book, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in book.namelist():
            data = book.read(name)
            if name == part:
                assert old in data, data[:2000]
                data = data.replace(old, new)
            copy.writestr(name, data)
    return out.getvalue()


def head_of(content: bytes, **options):
    return open_file(io.BytesIO(content), options=options).head


class TestAWorkbook:
    def test_gives_the_same_debt_as_a_csv_file(self):
        titre = titre_of(xlsx_of(HEADER, ROW, formats=DAYS))

        assert (titre.number, titre.exercice, titre.cents) == ("000412", 2026, 3840)
        assert (titre.issued_on, titre.due_on) == (date(2026, 3, 12), date(2026, 4, 15))
        assert (titre.label, titre.debtor.name) == ("Cantine de février", "TESTARD")

    def test_says_its_sheet_and_numbers_its_rows_as_shown(self):
        content = xlsx_of(HEADER, (), (), ROW, formats=DAYS)

        assert (head_of(content).format, head_of(content).sheet) == (FileFormat.XLSX, "Factures")
        assert line_of(content).number == 4

    def test_of_texts_alone_is_read_as_a_csv_file_is(self):
        assert titre_of(xlsx_of(HEADER, GOOD)).cents == 3840

    def test_written_by_another_program(self):
        book, content = openpyxl.Workbook(), io.BytesIO()
        sheet = book.create_sheet("Factures", 0)
        for row in (HEADER, ROW):
            sheet.append(row)
        book.save(content)

        titre = titre_of(content.getvalue())
        assert (titre.number, titre.cents, titre.issued_on) == ("000412", 3840, date(2026, 3, 12))

    def test_of_several_sheets_says_which_it_reads(self):
        content = io.BytesIO()
        with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
            for name in ("Notes", "Mars"):
                sheet = book.add_worksheet(name)
                for number, row in enumerate((HEADER, GOOD)):
                    sheet.write_row(number, 0, row)
        data = content.getvalue()

        assert [trouble.code for trouble in head_of(data).troubles] == ["F542"]
        assert head_of(data, sheet="Mars").sheet == "Mars"
        assert head_of(data, sheet="Mars").troubles == ()
        assert refusal_of(data, sheet="Avril").code == "F532"

    def test_adds_up_items_as_a_csv_file_does(self):
        first, second = lines_of(xlsx_of(HEADER, GOOD, good(MONTANT_TTC="1,60")), sums_lines=True)

        assert first.titre.cents == 4000
        assert codes(second) == ["L175"]


class TestNumbers:
    @pytest.mark.parametrize(
        ("value", "cents"),
        [
            (38.4, 3840),
            (0.1 + 0.2, 30),
            (37.749999999999996, 3775),
            (1234.5, 123450),
            (15, 1500),
            (Decimal("19.99"), 1999),
        ],
    )
    def test_are_exact_cents_as_far_as_spreadsheets_know(self, value, cents):
        content = xlsx_of(HEADER, (*ROW[:4], value, *ROW[5:]), formats=DAYS)

        assert titre_of(content).cents == cents
        assert not [code for code in codes(line_of(content)) if code != "L109"]  # no warning of a decimal point

    @pytest.mark.parametrize(("value", "code"), [(12.305, "L112"), (1.234, "L112"), (1e20, "L116"), (12345678, "L115")])
    def test_are_never_rounded(self, value, code):
        assert codes(line_of(xlsx_of(HEADER, (*ROW[:4], value, *ROW[5:]), formats=DAYS))) == [code]

    def test_of_invoices_keep_the_zeros_of_their_format(self):
        assert titre_of(xlsx_of(HEADER, (412, *ROW[1:]), formats={0: "000000", **DAYS})).number == "000412"
        assert titre_of(xlsx_of(HEADER, (412, *ROW[1:]), formats=DAYS)).number == "412"

    def test_of_invoices_that_became_days_are_refused(self):
        content = xlsx_of(HEADER, (date(2026, 2, 1), *ROW[1:]), formats={0: "d-mmm", **DAYS})

        assert codes(line_of(content)) == ["L132"]

    def test_of_invoices_longer_than_fifteen_digits_are_refused(self):
        assert codes(line_of(xlsx_of(HEADER, (1.2345678901234567e17, *ROW[1:]), formats=DAYS))) == ["L131"]

    @pytest.mark.parametrize(
        "written", ["1E-999990", "1E-999999999", "1E+1000000", "-1E+999999999", "0E-999990", "NaN", "1" * 30_000]
    )
    def test_that_nobody_could_show_stay_as_they_are_written(self, written):
        content = changed(xlsx_of(HEADER, ROW, formats=DAYS), SHEET, b"<v>38.4</v>", f"<v>{written}</v>".encode())

        assert list(Workbook(io.BytesIO(content), TableOptions.of({})).rows())[1].cells[4] == written
        assert line_of(content).titre is None


class TestDays:
    @pytest.mark.parametrize(
        "code", ["dd/mm/yyyy", "yyyy-mm-dd", "d mmm yy", '[$-40C]d" "mmmm" "yyyy', "dd/mm/yyyy hh:mm"]
    )
    def test_are_days_whatever_their_format(self, code):
        assert titre_of(xlsx_of(HEADER, ROW, formats={5: code, 6: code})).issued_on == date(2026, 3, 12)

    def test_without_format_are_the_serial_numbers_of_spreadsheets(self):
        assert titre_of(xlsx_of(HEADER, (*ROW[:5], 46093, 46127))).issued_on == date(2026, 3, 12)

    def test_since_1904_where_the_workbook_says_so(self):
        content = changed(
            xlsx_of(HEADER, (*ROW[:5], 46093 - 1462, None), formats=DAYS),
            "xl/workbook.xml",
            b"<workbookPr ",
            b'<workbookPr date1904="1" ',
        )

        assert titre_of(content).issued_on == date(2026, 3, 12)


class TestFormulas:
    def test_give_the_value_that_was_computed(self):
        content = changed(
            xlsx_of(HEADER, (*ROW[:4], "=SUM(1,2)", *ROW[5:]), formats=DAYS),
            SHEET,
            FORMULA,
            b"<f>SUM(1,2)</f><v>38.4</v>",
        )

        assert titre_of(content).cents == 3840

    def test_never_computed_are_an_error(self):
        content = changed(
            xlsx_of(HEADER, (*ROW[:4], "=SUM(1,2)", *ROW[5:]), formats=DAYS), SHEET, FORMULA, b"<f>SUM(1,2)</f>"
        )

        assert "L191" in codes(line_of(content))
        assert line_of(content).titre is None

    def test_that_failed_are_an_error_with_its_name(self):
        content = xlsx_of(HEADER, ROW, formats=DAYS)
        content = changed(content, SHEET, b"<v>38.4</v>", b"<v>#REF!</v>")

        assert "L105" in codes(line_of(content))

    def test_beside_what_we_read_do_not_matter(self):
        content = xlsx_of((*HEADER, "CALCUL"), (*ROW, "=SUM(1,2)"), formats=DAYS)

        assert codes(line_of(changed(content, SHEET, FORMULA, b"<f>SUM(1,2)</f>"))) == []

    def test_truth_is_no_amount(self):
        assert codes(line_of(xlsx_of(HEADER, (*ROW[:4], True, *ROW[5:]), formats=DAYS))) == ["L111"]


class TestTraps:
    def test_a_bomb_is_refused_before_it_unpacks(self):
        rows = b"<row><c><v>1</v></c></row>" * 20_000
        out = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(xlsx_of(HEADER, ROW))) as book,
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as copy,
        ):
            for name in book.namelist():
                if name != SHEET:
                    copy.writestr(name, book.read(name))
            with copy.open(SHEET, "w", force_zip64=True) as part:
                part.write(b"<worksheet><sheetData>")
                for _n in range(200):
                    part.write(rows)
        begun = time.monotonic()

        assert refusal_of(out.getvalue()).code in ("F531", "F521", "F544")
        assert time.monotonic() - begun < 20

    @pytest.mark.parametrize(
        "rows", [b"<row>" + b"<c/>" * 300 + b"</row>", b"<row/>", b'<row><c r="A1"/><c r="A1"/></row>']
    )
    def test_cells_that_hold_nothing_are_counted(self, rows):
        rows *= 1_200_000 // rows.count(b"/")
        content = changed(xlsx_of(HEADER, ROW), SHEET, b"</sheetData>", rows + b"</sheetData>")

        assert len(rows) < 16 * 1024 * 1024  # before anything else counts
        assert refusal_of(content).code == "F531"

    @pytest.mark.parametrize("cells", [b"<c/>" * 16_400, b'<c r="XFE1"/>'])
    def test_cells_that_hold_nothing_end_where_spreadsheets_end(self, cells):
        content = changed(xlsx_of(HEADER, ROW), SHEET, b"</sheetData>", b"<row>" + cells + b"</row></sheetData>")

        assert refusal_of(content).code == "F523"

    def test_colours_to_the_last_column_are_no_trap(self):
        cells = b"<row>" + b'<c s="0"/>' * 16_384 + b"</row></sheetData>"

        assert len(lines_of(changed(xlsx_of(HEADER, ROW), SHEET, b"</sheetData>", cells))) == 1

    def test_a_bomb_of_shared_texts_is_refused(self):
        content = xlsx_of(HEADER, ROW)
        content = changed(
            content, "xl/sharedStrings.xml", b"</sst>", b"<si><t>" + b"x" * 60_000_000 + b"</t></si></sst>"
        )

        assert refusal_of(content).code == "F531"

    def test_an_entity_bomb_is_refused_at_its_doctype(self):
        bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><worksheet '
        content = changed(xlsx_of(HEADER, ROW), SHEET, b"<worksheet ", bomb)

        assert refusal_of(content).code == "F534"

    def test_an_external_entity_is_refused(self):
        bomb = b'<!DOCTYPE sst [<!ENTITY a SYSTEM "file:///etc/passwd">]><sst '

        assert refusal_of(changed(xlsx_of(HEADER, ROW), "xl/sharedStrings.xml", b"<sst ", bomb)).code == "F534"

    def test_10_000_columns_are_refused(self):
        assert refusal_of(xlsx_of(HEADER + tuple(f"C{n}" for n in range(10_000)), GOOD)).code == "F523"

    def test_a_cell_beyond_all_columns_is_refused(self):
        assert refusal_of(changed(xlsx_of(HEADER, ROW), SHEET, b'r="G2"', b'r="XFD2"')).code == "F523"

    def test_rows_out_of_order_are_refused(self):
        assert refusal_of(changed(xlsx_of(HEADER, ROW, ROW), SHEET, b'<row r="3"', b'<row r="1"')).code == "F530"

    def test_a_text_that_is_not_there_is_refused(self):
        assert refusal_of(changed(xlsx_of(HEADER, ROW), SHEET, b"<v>0</v>", b"<v>99999</v>")).code == "F530"

    def test_elements_without_end_are_refused(self):
        assert (
            refusal_of(changed(xlsx_of(HEADER, ROW), SHEET, b"<sheetData>", b"<sheetData>" + b"<a>" * 100)).code
            == "F531"
        )

    def test_cut_anywhere_is_refused_or_read_whole(self):
        content = xlsx_of(HEADER, *[ROW] * 50, formats=DAYS)
        for length in range(0, len(content), 97):
            assert refusal_of(content[:length]).code in ("F501", "F505", "F508", "F530")
