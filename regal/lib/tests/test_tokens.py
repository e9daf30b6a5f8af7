"""Tokens that nobody can guess, and that a simulation can make again."""

import random

import pytest

from regal.lib import tokens


class TestToken:
    def test_has_43_characters_that_may_stand_in_an_address(self) -> None:
        token = tokens.new_token()
        assert len(token) == tokens.TOKEN_LENGTH
        assert tokens.is_well_formed(token)

    def test_is_new_each_time(self) -> None:
        assert tokens.new_token() != tokens.new_token()

    def test_uses_256_bits(self) -> None:
        asked: list[int] = []

        def randomness(size: int) -> bytes:
            asked.append(size)
            return bytes(size)

        assert tokens.new_token(randomness) == "A" * 43
        assert asked == [32]

    def test_is_the_same_from_the_same_seed(self) -> None:
        one, other = random.Random(7), random.Random(7)  # noqa: S311
        assert tokens.new_token(one.randbytes) == tokens.new_token(other.randbytes)

    @pytest.mark.parametrize(
        "text", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "é", "A" * 42 + "\n", "A" * 43 + "\n"]
    )
    def test_is_told_from_anything_else(self, text: str) -> None:
        assert not tokens.is_well_formed(text)


class TestDigest:
    def test_is_what_is_stored_instead(self) -> None:
        assert tokens.digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

    def test_takes_any_text_a_stranger_may_send(self) -> None:
        assert len(tokens.digest("\ud800é")) == 64


class TestSame:
    def test_says_whether_two_are_equal(self) -> None:
        assert tokens.same("abc", "abc")
        assert not tokens.same("abc", "abd")
        assert not tokens.same("abc", "é\ud800")
