"""Where a trouble is, kept in no language and said in the reader's."""

import pytest
from django.utils import translation

from regal.titres.importers import places
from regal.titres.importers.base import Trouble, Weight

FILE = {"columns": ["Numéro", "Nom", "Montant"], "meanings": {"number": "Numéro", "amount": "Montant"}}


def cell(code, where="", *, place="", number=14, columns=FILE["columns"], meanings=FILE["meanings"]):
    trouble = Trouble(code, Weight.ERROR, where)
    return places.cell(trouble, place=place, number=number, columns=columns, meanings=meanings)


class TestPlace:
    @pytest.mark.parametrize(
        ("place", "words"),
        [
            (places.ROW, "ligne 14"),
            (places.of_piece("57", "412", "1"), "bordereau 57, pièce 412, ligne 1"),
            (places.of_piece("57", "412"), "bordereau 57, pièce 412"),
            (places.of_article("3", "1"), "rôle 3, article 1"),
            ("ligne 12", "ligne 12"),  # of an older report
            ("B|", "B|"),
        ],
    )
    def test_is_said_in_french(self, place, words):
        assert places.said(place, 14) == words

    def test_is_said_in_english(self):
        with translation.override("en"):
            assert places.said(places.ROW, 14) == "line 14"
            assert "57" in places.said(places.of_piece("57", "412", "1"), 1)

    def test_names_no_language(self):
        with translation.override("fr"):
            kept = [places.of_piece("57", "412", "1"), places.of_article("3", "1")]

        assert kept == ["B|57|412|1", "A|3|1"]

    def test_holds_whatever_a_file_numbers_its_pieces_with(self):
        assert places.said(places.of_piece("5|7", "é 1"), 1) == "bordereau 5 7, pièce é 1"


class TestCell:
    def test_is_a_column_as_spreadsheets_name_it_and_its_line(self):
        assert cell("L112", "Montant") == "colonne C (Montant), ligne 14"

    def test_is_found_by_what_is_judged_after_reading(self):
        assert cell("L305") == "colonne A (Numéro), ligne 14"
        assert cell("L306") == "colonne C (Montant), ligne 14"

    def test_is_nothing_of_a_whole_line(self):
        assert cell("L101") == ""
        assert cell("L311") == ""
        assert cell("L310") == ""  # no column says the limit

    def test_of_a_column_without_title_says_its_letter_alone(self):
        assert cell("L112", "2", columns=["1", "2"], meanings={}) == "colonne B, ligne 14"

    def test_of_a_pes_is_an_element(self):
        assert cell("L215", "MtHT", place="B|57|412|1", columns=[], meanings={}) == "MtHT"
        assert cell("L305", place="B|57|412|1", columns=[], meanings={}) == "IdPce"

    @pytest.mark.parametrize(
        ("rank", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (299, "KN")]
    )
    def test_names_columns_as_spreadsheets_do(self, rank, letters):
        assert places.letters(rank) == letters
