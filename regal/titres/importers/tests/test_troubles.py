"""Every trouble has a sentence and says what to do, unless there is nothing to do."""

import re
from pathlib import Path

import pytest

from regal.titres.importers.base import Trouble, Weight
from regal.titres.importers.table_words import TABLE_WORDS
from regal.titres.importers.troubles import FAMILIES, remedy, sentence

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


def test_an_unknown_code_is_said_without_failing():
    assert "L999" in sentence(Trouble("L999", Weight.ERROR))
