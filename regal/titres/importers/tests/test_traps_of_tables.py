"""The traps of the trade that concern tables, one test each. Their numbers are those of the dossier's section 10."""

from datetime import date

import pytest

from regal.titres.importers.base import Nature, Reduced
from regal.titres.importers.tests.tables import (
    GOOD,
    HEADER,
    codes,
    csv_of,
    good,
    line_of,
    lines_of,
    refusal_of,
    titre_of,
    xlsx_of,
)


def test_1_leading_zeros_are_kept():
    header = ("NUMERO", "EXERCICE", "MONTANT", "CP", "SIRET", "REGIE", "REF_REDEVABLE")
    titre = titre_of(csv_of(header, ("000412", "2026", "20,00", "02100", "00000000000000", "0007", "0042")))

    assert (titre.number, titre.regie) == ("000412", "0007")
    assert (titre.debtor.postcode, titre.debtor.reference) == ("02100", "0042")


def test_1_a_clash_without_zeros_is_an_error_to_show_not_to_guess():
    rows = (good(NUMERO="412"), good(NUMERO="000412"))

    assert codes(lines_of(csv_of(HEADER, *rows))[1]) == ["L172"]
    assert [line.titre.number for line in lines_of(csv_of(HEADER, *rows), numbers_without_zeros="distinct")] == [
        "412",
        "000412",
    ]


def test_2_names_with_letters_that_iso_8859_1_does_not_know():
    for encoding in ("windows-1252", "utf-8"):
        assert titre_of(csv_of(HEADER, good(NOM="L’HAŸ-LŒUIL"), encoding=encoding)).debtor.name == "L’HAŸ-LŒUIL"


@pytest.mark.parametrize("number", ["1,23E+05", "1.23E+05", "01/02/2026", "1-févr", "412,0"])
def test_3_what_a_spreadsheet_did_to_a_number_is_refused(number):
    assert line_of(csv_of(HEADER, good(NUMERO=number))).is_wrong


def test_5_the_same_number_in_two_years_is_two_debts():
    lines = lines_of(csv_of(HEADER, GOOD, good(EXERCICE="2025", DATE_EMISSION="12/03/2025", DATE_ECHEANCE="")))

    assert [(line.titre.exercice, line.titre.number) for line in lines] == [(2026, "000412"), (2025, "000412")]


def test_7_the_exercice_is_the_file_s_not_the_year_of_issue():
    line = line_of(csv_of(HEADER, good(EXERCICE="2025", DATE_EMISSION="28/01/2026")))

    assert line.titre.exercice == 2025
    assert codes(line) == []


def test_10_a_due_date_before_issue_warns_and_may_be_absent():
    assert codes(line_of(csv_of(HEADER, good(DATE_ECHEANCE="11/03/2026")))) == ["L124"]
    assert titre_of(csv_of(HEADER, good(DATE_ECHEANCE=""))).due_on is None
    assert titre_of(csv_of(HEADER, GOOD)).due_on == date(2026, 4, 15)


@pytest.mark.parametrize("space", ["", " ", "\u00a0", "\u202f"])
@pytest.mark.parametrize("separator", [",", "."])
def test_11_amounts_with_any_space_and_a_comma_or_a_point(space, separator):
    assert titre_of(csv_of(HEADER, good(MONTANT_TTC=f"1{space}234{separator}50"))).cents == 123450


@pytest.mark.parametrize("amount", ["12,305", "1.234", "1,234", "1.234,5", "1,234.50"])
def test_11_three_decimals_and_what_reads_two_ways_are_refused(amount):
    assert line_of(csv_of(HEADER, good(MONTANT_TTC=amount))).is_wrong


def test_24_an_invoice_at_nothing_a_credit_note_and_a_negative_item():
    assert codes(line_of(csv_of(HEADER, good(MONTANT_TTC="0,00")))) == ["L119"]
    credit = titre_of(csv_of(HEADER, good(MONTANT_TTC="-999,00", LIBELLE="Avoir sur facture 12")))
    assert (credit.nature, credit.cents, credit.reduces) == (Nature.REDUCTION, 999_00, Reduced(2026, "12"))
    summed = lines_of(csv_of(HEADER, GOOD, good(MONTANT_TTC="-8,40")), sums_lines=True)
    assert summed[0].titre.cents == 30_00


def test_32_what_surrounds_and_fills_a_csv_file():
    content = (
        b"\xef\xbb\xbfsep=;\r\n"
        + csv_of((*HEADER, "", ""), (*good(LIBELLE='"Cantine; ""midi""\r\nfévrier"'), "", ""))
        + csv_of(("", "", "", "TOTAL", "38,40", "", "", "", ""), ("",) * 9)
    )
    first, total = lines_of(content)

    assert first.titre.label == 'Cantine; "midi" février'
    assert codes(total) == ["L180"]


def test_33_entities_in_a_workbook_are_refused_and_a_declared_encoding_that_lies_is_said():
    # The bombs themselves: test_xlsx_file.py; encodings: test_csv_file.py.
    assert refusal_of(b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>').code == "F552"


def test_34_the_same_line_twice_is_one_debt():
    assert [bool(line.titre) for line in lines_of(csv_of(HEADER, GOOD, GOOD))] == [True, False]


def test_35_what_is_not_needed_is_not_read():
    header = (*HEADER, "DATE_NAISSANCE", "IBAN", "NUM_SECU")
    line = line_of(csv_of(header, (*GOOD, "01/02/1980", "FR7630006000011234567890189", "180029904200012")))

    for secret in ("1980", "FR76", "18002"):
        assert secret not in repr(line)


def test_what_our_exports_protect_is_read_back_unchanged():
    assert titre_of(csv_of(HEADER, good(NUMERO="'000412", NOM="'=FICTIF()"))).debtor.name == "=FICTIF()"
    assert titre_of(csv_of(HEADER, good(NUMERO="'000412"))).number == "000412"
    assert titre_of(csv_of(HEADER, good(NOM="'t Hooft"))).debtor.name == "'t Hooft"
    assert titre_of(xlsx_of(HEADER, good(NOM="=FICTIF()"))).debtor.name == "=FICTIF()"
