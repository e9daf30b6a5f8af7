"""The two invented CSV files give exactly what their README says of them."""

from typing import Any

import pytest

from regal.lib.spreadsheets import neutral
from regal.titres.importers.base import Nature, Reduced, Weight
from regal.titres.importers.places import said
from regal.titres.importers.tests.tables import SAMPLES, codes, lines_of
from regal.titres.importers.troubles import sentence

CLEAN = (SAMPLES / "titres-regie-exemple.csv").read_bytes()
TRAPS = (SAMPLES / "titres-regie-pieges.csv").read_bytes()


@pytest.fixture(scope="module")
def clean() -> list[Any]:
    return lines_of(CLEAN)


@pytest.fixture(scope="module")
def traps() -> dict[int, Any]:
    return {line.number: line for line in lines_of(TRAPS)}


class TestTheCleanFile:
    def test_holds_five_invoices_of_215_20_in_all(self, clean):
        debts = [line.titre for line in clean if line.titre and line.titre.nature is Nature.DEBT]

        assert [titre.cents for titre in debts] == [3840, 3775, 900, 12600, 405]
        assert sum(titre.cents for titre in debts) == 215_20

    def test_holds_a_credit_note_of_12_on_an_invoice_that_it_does_not_hold(self, clean):
        titre = clean[-1].titre

        assert titre is not None
        assert (titre.nature, titre.number, titre.cents) == (Nature.REDUCTION, "000417", 12_00)
        assert titre.reduces == Reduced(2026, "000398")
        assert "000398" not in {line.titre.number for line in clean if line.titre}

    def test_keeps_zeros_accents_apostrophes_and_hyphens(self, clean):
        names = [line.titre.debtor.name for line in clean]

        assert clean[0].titre.number == "000412"
        assert names[:5] == [
            "TESTARD HÉLOÏSE",
            "L'EXEMPLE ANAÏS",
            "O'MODÈLE SEAN",
            "FICTIF-MODÈLE JEANNE",
            "ÇA-VA-BIEN NOËL",
        ]
        assert clean[4].titre.debtor.postcode == "02100"

    def test_takes_an_empty_address_and_an_empty_email(self, clean):
        assert clean[2].titre.debtor.address == ()
        assert clean[1].titre.debtor.email == ""
        assert clean[1].titre.debtor.address == ("3 impasse du Modèle", "Lieu-dit le Brouillon")

    def test_warns_of_the_invoice_under_15_euros_and_does_not_refuse_it(self, clean):
        line = clean[4]

        assert codes(line) == ["L109"]
        assert line.troubles[0].weight is Weight.WARNING
        assert not line.is_wrong


class TestTheFileOfTraps:
    def accepted(self, line: Any, cents: int, *expected: str) -> None:
        assert line.titre is not None
        assert line.titre.cents == cents
        assert [code for code in codes(line) if code != "L109"] == list(expected)

    def refused(self, line: Any, code: str) -> None:
        assert line.titre is None
        assert line.is_wrong
        assert code in codes(line)

    def test_tells_of_every_line_but_the_empty_ones(self, traps):
        assert list(traps) == list(range(2, 20))

    def test_line_2_good(self, traps):
        self.accepted(traps[2], 38_40)
        assert said(traps[2].place, traps[2].number) == "ligne 2"

    def test_line_3_exact_duplicate_is_reported_and_not_created_twice(self, traps):
        assert traps[3].titre is None
        assert not traps[3].is_wrong
        assert codes(traps[3]) == ["L170"]
        assert "ligne 2" in sentence(traps[3].troubles[0])

    def test_line_4_same_number_with_another_amount_is_a_conflict_with_line_2(self, traps):
        self.refused(traps[4], "L171")
        assert traps[4].troubles[-1].said["line"] == "2"

    def test_line_5_number_412_clashes_with_000412(self, traps):
        self.refused(traps[5], "L172")

    def test_line_5_is_another_debt_if_the_source_says_so(self):
        lines = {line.number: line for line in lines_of(TRAPS, numbers_without_zeros="distinct")}

        self.accepted(lines[5], 10_00)
        assert lines[5].titre.number == "412"

    def test_line_6_quoted_separator_doubled_quotes_and_no_break_space(self, traps):
        self.accepted(traps[6], 1234_50)
        assert traps[6].titre.debtor.name == 'MODÈLE; ÉPOUSE FICTIF ZOÉ "ZAZA"'

    def test_line_7_ordinary_space_and_one_decimal(self, traps):
        self.accepted(traps[7], 1234_50)

    def test_line_8_unit_in_the_amount(self, traps):
        self.refused(traps[8], "L114")

    def test_line_8_is_accepted_with_a_warning_if_the_source_says_so(self):
        lines = {line.number: line for line in lines_of(TRAPS, accepts_units=True)}

        self.accepted(lines[8], 12_00, "L118")

    def test_line_9_decimal_point_is_accepted_with_a_warning(self, traps):
        self.accepted(traps[9], 12_30, "L117")

    def test_line_10_three_decimals_are_never_rounded(self, traps):
        self.refused(traps[10], "L112")

    def test_line_11_nothing_to_pay_is_left_out_with_a_notice(self, traps):
        assert traps[11].titre is None
        assert not traps[11].is_wrong
        assert codes(traps[11]) == ["L119"]

    def test_line_12_a_day_that_does_not_exist(self, traps):
        self.refused(traps[12], "L121")
        assert traps[12].troubles[0].where == "DATE_EMISSION"

    def test_line_13_exercice_2025_issued_in_january_2026(self, traps):
        self.accepted(traps[13], 5_00)
        assert traps[13].titre.exercice == 2025

    def test_line_14_a_number_that_a_spreadsheet_damaged(self, traps):
        self.refused(traps[14], "L131")

    def test_line_15_gives_the_unknown_regie_s_code_for_the_import_to_refuse(self, traps):
        self.accepted(traps[15], 5_00)
        assert traps[15].titre.regie == "REG09"

    def test_line_16_a_postcode_that_lost_its_zero(self, traps):
        self.accepted(traps[16], 5_00, "L152")
        assert traps[16].titre.debtor.postcode == "2100"

    def test_line_17_cells_that_begin_a_formula_are_texts(self, traps):
        self.accepted(traps[17], 5_00)
        name = traps[17].titre.debtor.name
        assert name == "=FICTIF() @ANNA"
        assert neutral(name) == "'=FICTIF() @ANNA"

    def test_line_18_too_few_columns(self, traps):
        self.refused(traps[18], "L101")

    def test_line_19_total_line_is_left_out_with_a_notice(self, traps):
        assert traps[19].titre is None
        assert not traps[19].is_wrong
        assert codes(traps[19]) == ["L180"]
