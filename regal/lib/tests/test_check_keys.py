"""Check characters: computed as the standards' examples, and sensitive to one wrong character."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from regal.lib.check_keys import CheckKey, has_right_key, key_of

DIGITS = st.text("0123456789", min_size=2, max_size=24)
LETTERS_AND_DIGITS = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=24)


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (CheckKey.LUHN, "79927398713"),
        (CheckKey.MOD_97_10, "79444"),  # ISO/IEC 7064's own example: 794 and its key 44
        (CheckKey.MOD_37_36, "A12425GABC1234002M"),  # an ISAN
        (CheckKey.MOD_37_36, "a12425gabc1234002m"),
    ],
)
def test_the_published_examples_are_right(kind, number):
    assert has_right_key(kind, number)


@given(number=DIGITS)
@pytest.mark.parametrize("kind", list(CheckKey))
def test_a_number_followed_by_its_key_is_right(kind, number):
    assert has_right_key(kind, number + key_of(kind, number))


@given(number=LETTERS_AND_DIGITS)
def test_letters_have_a_key_too(number):
    assert has_right_key(CheckKey.MOD_37_36, number + key_of(CheckKey.MOD_37_36, number))


@given(number=DIGITS, place=st.integers(0, 30), other=st.sampled_from("0123456789"))
@pytest.mark.parametrize("kind", list(CheckKey))
def test_one_wrong_digit_is_always_noticed(kind, number, place, other):
    whole = number + key_of(kind, number)
    place %= len(number)
    assume(whole[place] != other)
    assert not has_right_key(kind, whole[:place] + other + whole[place + 1 :])


@given(number=DIGITS, place=st.integers(0, 30))
def test_two_digits_exchanged_are_always_noticed_by_the_key_of_two_digits(number, place):
    """Luhn misses 09 and 90, and the hybrid system a few pairs."""
    whole = number + key_of(CheckKey.MOD_97_10, number)
    place %= len(whole) - 1
    swapped = whole[:place] + whole[place + 1] + whole[place] + whole[place + 2 :]
    assume(swapped != whole)
    assert not has_right_key(CheckKey.MOD_97_10, swapped)


@given(text=st.text(max_size=40))
@pytest.mark.parametrize("kind", list(CheckKey))
def test_anything_else_is_wrong_and_never_fails(kind, text):
    has_right_key(kind, text)
    assert not has_right_key(kind, text + "é")
    with pytest.raises(ValueError, match="only digits"):
        key_of(kind, text + "é")
