"""A town's colours are read by everybody, or refused; every tone we derive keeps its contrast."""

import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from regal.lib import colours
from regal.lib.colours import READABLE, WHITE, contrast, is_readable, nearest_readable, parse, tones_of

any_colour = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
STYLESHEET = Path(__file__).parents[2] / "checkout" / "static" / "regal" / "regal.css"


def ours() -> dict[str, str]:
    """The colours that regal.css names, in six digits."""
    text = STYLESHEET.read_text(encoding="utf-8")
    return {name: parse(value) for name, value in re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", text)}


class TestContrast:
    @pytest.mark.parametrize(
        ("one", "other", "expected"),
        [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#0000ff", "#ffffff", 8.59), (WHITE, WHITE, 1.0)],
    )
    def test_is_the_one_of_wcag(self, one, other, expected):
        assert contrast(one, other) == pytest.approx(expected, abs=0.005)

    @given(any_colour, any_colour)
    def test_is_the_same_both_ways_and_between_1_and_21(self, one, other):
        assert contrast(one, other) == contrast(other, one)
        assert 1 <= contrast(one, other) <= 21.0001


class TestParsing:
    @pytest.mark.parametrize("typed", ["#0b5563", "0B5563", " #0B5563 "])
    def test_forgives_capitals_spaces_and_a_missing_sign(self, typed):
        assert parse(typed) == "#0b5563"

    def test_lengthens_three_digits(self):
        assert parse("#Fa0") == "#ffaa00"

    @pytest.mark.parametrize(
        "typed", ["", "#", "red", "#0b556", "#0b55633", "##0b5563", "#0b556g", "rgb(0,0,0)", "#٠٠٠"]
    )
    def test_refuses_anything_else(self, typed):
        with pytest.raises(colours.UnreadableColour):
            parse(typed)


class TestMainColour:
    @given(any_colour)
    def test_is_readable_when_white_is_read_on_it_and_it_is_read_on_our_ground(self, colour):
        both = min(contrast(colour, WHITE), contrast(colour, colours.GROUND))
        assert is_readable(colour) is (both >= READABLE)

    @pytest.mark.parametrize("colour", ["#ffffff", "#f2b544", "#c9d26a", "#00a3e0", "#777777"])
    def test_too_pale_is_not_readable(self, colour):
        assert not is_readable(colour)

    @given(any_colour)
    def test_has_a_readable_neighbour_to_propose(self, colour):
        proposed = nearest_readable(colour)
        assert is_readable(proposed)
        assert is_readable(colour) is (proposed == colour)


class TestTones:
    @given(any_colour)
    def test_of_every_readable_colour_keep_their_contrast(self, colour):
        assume(is_readable(colour))
        tones = tones_of(colour)
        for words, ground in [
            (WHITE, tones.main),  # a button
            (WHITE, tones.dark),  # a button pointed at
            (tones.main, colours.GROUND),  # a link
            (tones.dark, colours.GROUND),
            (tones.main, WHITE),
            (tones.dark, WHITE),
            (tones.main, tones.soft),  # a quiet button pointed at, a ribbon, the head of a table
            (tones.dark, tones.soft),
            (colours.INK, tones.soft),
            (colours.INK_QUIET, tones.soft),
        ]:
            assert contrast(words, ground) >= READABLE

    def test_of_our_own_colour_are_as_readable(self):
        assert is_readable(ours()["main"])


class TestStylesheet:
    def test_has_the_ground_and_the_inks_that_towns_colours_are_checked_against(self):
        named = ours()
        assert (named["ground"], named["ink"], named["ink-quiet"]) == (colours.GROUND, colours.INK, colours.INK_QUIET)
        assert (named["main"], named["accent"]) == (colours.USUAL_MAIN, colours.USUAL_ACCENT)

    @pytest.mark.parametrize(
        ("words", "ground"),
        [
            *((words, ground) for words in ("ink", "ink-quiet", "main", "main-dark") for ground in ("paper", "ground")),
            *((words, "main-soft") for words in ("ink", "ink-quiet", "main", "main-dark")),
            *((words, ground) for words in ("good", "bad", "warn") for ground in ("paper", "ground")),
            ("good", "good-soft"),
            ("bad", "bad-soft"),
            ("warn", "warn-soft"),
            ("ink", "yellow"),
            ("ink-quiet", "good-soft"),
            ("ink-quiet", "warn-soft"),
        ],
    )
    def test_writes_words_that_are_read(self, words, ground):
        assert contrast(ours()[words], ours()[ground]) >= READABLE

    @pytest.mark.parametrize("line", ["line-strong", "focus"])
    @pytest.mark.parametrize("ground", ["paper", "ground"])
    def test_draws_fields_and_focus_that_are_seen(self, line, ground):
        assert contrast(ours()[line], ours()[ground]) >= 3
