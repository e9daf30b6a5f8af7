"""The dossier's traps (section 10) that concern imports, numbers, references, amounts and exercices: who tests which.

A trap leaves this list only with its test; a test named here that is gone, or renamed, is a failure.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PES = "regal/titres/importers/tests/test_pes_lines.py"
PES_FILES = "regal/titres/importers/tests/test_pes_files.py"
CSV = "regal/titres/importers/tests/test_csv_file.py"
XLSX = "regal/titres/importers/tests/test_xlsx_file.py"
CELLS = "regal/titres/importers/tests/test_cells.py"
SAMPLES = "regal/titres/importers/tests/test_samples.py"
IMPORTS = "regal/titres/tests/test_imports.py"
TRAPS = {
    "1 leading zeros": [
        f"{PES}::TestTrap1LeadingZeros",
        f"{SAMPLES}::TestTheFileOfTraps::test_line_5_number_412_clashes_with_000412",
        f"{SAMPLES}::TestTheFileOfTraps::test_line_5_is_another_debt_if_the_source_says_so",
        f"{IMPORTS}::TestReading::test_shows_a_number_that_is_in_the_base_but_for_its_zeros",
    ],
    "2 letters in codes, ÿ and œ": [
        f"{PES}::TestTrap2LettersInCodes",
        f"{SAMPLES}::TestTheCleanFile::test_keeps_zeros_accents_apostrophes_and_hyphens",
    ],
    "3 numbers that a spreadsheet damaged": [
        f"{SAMPLES}::TestTheFileOfTraps::test_line_14_a_number_that_a_spreadsheet_damaged",
        f"{CELLS}::TestNumbers::test_is_refused_where_a_spreadsheet_damaged_it",
        f"{XLSX}::TestNumbers::test_of_invoices_that_became_days_are_refused",
        f"{XLSX}::TestNumbers::test_of_invoices_longer_than_fifteen_digits_are_refused",
    ],
    "4 the number that citizens type": [f"{PES}::TestTrap4TheArticlesNumber"],
    "5 the same number every year": [
        f"{PES}::TestTrap5TheSameNumber",
        f"{CSV}::TestTheSameNumberTwice::test_in_two_exercices_or_two_regies_is_two_debts",
    ],
    "6 names of elements": [f"{PES}::TestTrap6NamesOfElements"],
    "7 issued in January for the year before": [
        f"{PES}::TestTrap7TheExercice",
        f"{SAMPLES}::TestTheFileOfTraps::test_line_13_exercice_2025_issued_in_january_2026",
        f"{CSV}::TestExercices::test_far_from_the_day_of_issue_warn",
    ],
    "10 dates": [
        f"{PES}::TestTrap10Dates",
        f"{SAMPLES}::TestTheFileOfTraps::test_line_12_a_day_that_does_not_exist",
        f"{CELLS}::TestDays::test_is_refused_rather_than_guessed",
    ],
    "11 never floats, never rounded": [
        f"{CELLS}::TestAmounts::test_is_refused_rather_than_guessed",
        f"{SAMPLES}::TestTheFileOfTraps::test_line_10_three_decimals_are_never_rounded",
        f"{XLSX}::TestNumbers::test_are_exact_cents_as_far_as_spreadsheets_know",
        f"{XLSX}::TestNumbers::test_are_never_rounded",
    ],
    "12 the sign is in the type": [f"{PES}::TestTrap12Amounts"],
    "13 the amount against the balance": [
        "regal/checkout/tests/test_in_parts.py::TestAPart::test_comes_back_to_be_corrected_with_the_balance",
        f"{IMPORTS}::TestReductions::test_beyond_what_is_due_are_a_conflict",
    ],
    "14 totals and lines": [f"{PES}::TestTrap14TotalsAndLines"],
    "15 limits are warnings, not refusals": [
        f"{SAMPLES}::TestTheCleanFile::test_warns_of_the_invoice_under_15_euros_and_does_not_refuse_it",
    ],
    "16 money and entry hold the same lock": [f"{IMPORTS}::TestAtOnce::test_a_payer_begins_or_his_invoice_changes"],
    "20 transferred to the comptable": [f"{IMPORTS}::TestComparing::test_never_alters_what_was_decided"],
    "22 a paid debt comes again with another amount": [f"{IMPORTS}::TestComparing::test_never_alters_what_is_paid"],
    "23 what was transferred comes back": [
        "regal/titres/tests/test_operations.py::TestRestoring::test_takes_back_what_ended_it"
    ],
    "24 credit notes, negative lines, nothing to pay": [
        f"{IMPORTS}::TestReductions::test_beyond_what_is_due_are_a_conflict",
        f"{CSV}::TestOneLinePerItem::test_takes_a_negative_item_from_its_invoice",
        f"{SAMPLES}::TestTheFileOfTraps::test_line_11_nothing_to_pay_is_left_out_with_a_notice",
    ],
    "25 several people": [f"{PES}::TestTrap25SeveralPeople"],
    "26 titre collectif": [f"{PES}::TestTrap26TitreCollectif"],
    "30 what nobody must pay": [f"{PES}::TestTrap30WhatNobodyMustPay"],
    "32 tables as offices make them": [
        f"{CSV}::TestEncodings::test_mixed_in_one_file_warns_on_the_spoilt_lines_alone",
        f"{CSV}::TestSeparators::test_is_told_by_a_first_line",
        f"{CSV}::TestCells::test_hold_separators_and_line_breaks_between_quotes",
        f"{CSV}::TestCells::test_of_empty_last_columns_and_lines_are_nothing",
        f"{SAMPLES}::TestTheFileOfTraps::test_line_19_total_line_is_left_out_with_a_notice",
        "regal/backoffice/tests/test_titre_exports.py::TestCsv::test_begins_no_formula",
    ],
    "33 hostile XML": [
        f"{PES_FILES}::TestTrap33HostileXml",
        f"{PES_FILES}::TestTrap33Encodings",
        f"{XLSX}::TestTraps::test_an_entity_bomb_is_refused_at_its_doctype",
    ],
    "34 the same file twice": [
        f"{PES}::TestTrap34TheSameFileTwice",
        f"{IMPORTS}::TestConfirming::test_of_the_same_file_changes_nothing",
    ],
    "35 personal data dropped at the reader": [f"{PES}::TestTrap35PersonalData"],
    "36 labels stay off public screens": [f"{PES}::TestTrap36Labels"],
}


@cache
def written_in(path: str) -> set[str]:
    """The test classes of a file, and their tests, as pytest names them."""
    names = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            names.add(node.name)
            names |= {f"{node.name}::{test.name}" for test in node.body if isinstance(test, ast.FunctionDef)}
    return names


@pytest.mark.parametrize("trap", TRAPS, ids=str)
def test_each_trap_has_its_tests(trap: str) -> None:
    for name in TRAPS[trap]:
        path, _, test = name.partition("::")
        assert test in written_in(path), name
