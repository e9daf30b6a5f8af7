"""Amounts as a receipt writes them in words."""

import pytest

from regal.lib.euros_in_words import LARGEST, amount_in_words, number_in_words
from regal.lib.money import Money


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zéro"),
        (1, "un"),
        (16, "seize"),
        (17, "dix-sept"),
        (20, "vingt"),
        (21, "vingt et un"),
        (22, "vingt-deux"),
        (61, "soixante et un"),
        (70, "soixante-dix"),
        (71, "soixante et onze"),
        (72, "soixante-douze"),
        (79, "soixante-dix-neuf"),
        (80, "quatre-vingts"),
        (81, "quatre-vingt-un"),
        (90, "quatre-vingt-dix"),
        (91, "quatre-vingt-onze"),
        (99, "quatre-vingt-dix-neuf"),
        (100, "cent"),
        (101, "cent un"),
        (180, "cent quatre-vingts"),
        (200, "deux cents"),
        (201, "deux cent un"),
        (280, "deux cent quatre-vingts"),
        (1_000, "mille"),
        (1_001, "mille un"),
        (1_100, "mille cent"),
        (1_971, "mille neuf cent soixante et onze"),
        (2_000, "deux mille"),
        (21_000, "vingt et un mille"),
        (80_000, "quatre-vingt mille"),
        (81_080, "quatre-vingt-un mille quatre-vingts"),
        (200_000, "deux cent mille"),
        (280_200, "deux cent quatre-vingt mille deux cents"),
        (1_000_000, "un million"),
        (80_000_000, "quatre-vingts millions"),
        (200_000_000, "deux cents millions"),
        (LARGEST, "neuf cent quatre-vingt-dix-neuf millions neuf cent quatre-vingt-dix-neuf mille"
                  " neuf cent quatre-vingt-dix-neuf"),
    ],
)  # fmt: skip
def test_numbers(number, words):
    assert number_in_words(number) == words


@pytest.mark.parametrize(
    ("cents", "words"),
    [
        (0, "zéro euro"),
        (1, "un centime"),
        (50, "cinquante centimes"),
        (100, "un euro"),
        (101, "un euro et un centime"),
        (180, "un euro et quatre-vingts centimes"),
        (8_470, "quatre-vingt-quatre euros et soixante-dix centimes"),
        (123_405, "mille deux cent trente-quatre euros et cinq centimes"),
        (100_000_000, "un million d’euros"),
        (200_000_050, "deux millions d’euros et cinquante centimes"),
        (100_000_100, "un million un euros"),
    ],
)
def test_amounts(cents, words):
    assert amount_in_words(Money(cents)) == words


def test_no_two_numbers_have_the_same_words():
    assert len({number_in_words(number) for number in range(20_000)}) == 20_000


@pytest.mark.parametrize("cents", [-1, (LARGEST + 1) * 100])
def test_what_no_receipt_states_is_refused(cents):
    with pytest.raises(ValueError, match="no receipt"):
        amount_in_words(Money(cents))
