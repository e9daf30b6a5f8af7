"""Every trouble has a sentence and says what to do, unless there is nothing to do."""

import re
from pathlib import Path

import pytest

from regal.collectivites import debt_words
from regal.collectivites.models import DebtWord
from regal.titres.importers.base import Trouble, Weight
from regal.titres.importers.import_words import IMPORT_WORDS
from regal.titres.importers.pes_troubles import PES_WORDS
from regal.titres.importers.table_words import TABLE_WORDS
from regal.titres.importers.troubles import FAMILIES, remedy, sentence

NOTHING_TO_DO = {  # a notice: said, and the line goes its way
    "F541", "L118", "L119", "L153", "L155", "L163", "L170", "L175", "L180", "L181", "L182",
    "L230", "L231", "L232", "L233", "L236", "L240", "L252",
}  # fmt: skip
READERS = Path(__file__).parents[1]
CODE = re.compile(r'"([FL][0-9]{3})"')


def raised() -> set[str]:
    readers = ("cells.py", "csv_file.py", "opening.py", "table.py", "xlsx_file.py")
    return {code for name in readers for code in CODE.findall((READERS / name).read_text())}


def test_every_code_that_a_reader_of_tables_gives_has_words_and_no_other_has():
    assert raised() == set(TABLE_WORDS)


def test_no_code_has_two_sentences():
    codes = [code for family in FAMILIES for code in family]

    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("code", sorted(TABLE_WORDS))
def test_words_name_only_what_the_trouble_says(code):
    names = "count expected text amount line number most name others read sheet declared found exercice year start"
    trouble = Trouble(code, Weight.ERROR, "MONTANT", dict.fromkeys(names.split(), "x"))

    assert "%(" not in sentence(trouble)
    assert "%(" not in remedy(trouble)


@pytest.mark.parametrize("word", list(DebtWord))
@pytest.mark.parametrize("code", sorted({**TABLE_WORDS, **PES_WORDS, **IMPORT_WORDS}))
def test_no_sentence_calls_a_debt_otherwise_than_the_town_does(code, word):
    trouble = Trouble(code, Weight.ERROR, "NUMERO", {"value": "x"})
    with debt_words.override(word):
        told = f"{sentence(trouble)} {remedy(trouble)}"

    assert word == DebtWord.FACTURE or "acture" not in told.replace("facture électronique", "").replace(
        "PES_Facture", ""
    ).replace("facturation", "")


@pytest.mark.parametrize("code", sorted({*TABLE_WORDS, *PES_WORDS, *IMPORT_WORDS} - NOTHING_TO_DO))
def test_every_trouble_says_what_to_do(code):
    assert remedy(Trouble(code, Weight.ERROR, "NUMERO"))


def test_a_number_that_is_none_of_its_product_s_is_told_by_an_example():
    trouble = Trouble("L305", Weight.ERROR, "", {"value": "00412", "example": "FC2026000412"})

    assert "« 00412 »" in sentence(trouble)
    assert "par exemple FC2026000412" in sentence(trouble)
    assert "zéros compris" in remedy(trouble)


def test_what_an_older_report_did_not_keep_is_dots():
    assert "par exemple …" in sentence(Trouble("L305", Weight.ERROR, "", {"value": "00412"}))


def test_an_unknown_code_is_said_without_failing():
    assert "L999" in sentence(Trouble("L999", Weight.ERROR))
