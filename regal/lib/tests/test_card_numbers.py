"""Card numbers are recognised; references, SIRET and amounts are not taken for them."""

import pytest

from regal.lib.card_numbers import holds_card_number


class TestCardNumber:
    @pytest.mark.parametrize(
        "text",
        [
            "4111111111111111",
            "ma carte 4111 1111 1111 1111 exp 12/28",
            "4111-1111-1111-1111",
            "4111\u00a01111\u00a01111\u00a01111",
            "avis 2026 4111 1111 1111 1111 999",
            "4222222222222",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "30569309025904",
            "3530111333300000",
            "6011111111111117",
        ],
    )
    def test_is_seen(self, text):
        assert holds_card_number(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "4111111111111112",  # Luhn fails
            "9111111111111111",
            "202600000412000001",  # a titre's reference
            "21350001600011",  # a SIRET
            "411111111111",  # 12 digits
            "41111111111111111111",  # 20 digits
            "1111111111111117",  # Luhn passes, no scheme
            "4111111111111111999",  # part of a longer number
            "06 12 34 56 78",
        ],
    )
    def test_is_not_seen_where_there_is_none(self, text):
        assert not holds_card_number(text)
