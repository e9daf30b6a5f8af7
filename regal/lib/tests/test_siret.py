"""A SIRET is fourteen digits with two check digits in them."""

import pytest

from regal.lib.siret import is_siret


class TestSiret:
    @pytest.mark.parametrize("text", ["21350999500014", "21610999100010", "21350238800019"])
    def test_is_recognised(self, text):
        assert is_siret(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "2135099950001",
            "213509995000144",
            "21350999500015",  # the whole's check digit
            "21350999400023",  # the SIREN's
            "2135099950001a",
            "２１３５０９９９５０００１４",
            "21350999500014\n",
        ],
    )
    def test_with_anything_wrong_is_none(self, text):
        assert not is_siret(text)

    def test_any_one_digit_altered_is_seen(self):
        true = "21350999500014"
        for place in range(14):
            for digit in "0123456789":
                altered = true[:place] + digit + true[place + 1 :]
                assert is_siret(altered) is (altered == true)
