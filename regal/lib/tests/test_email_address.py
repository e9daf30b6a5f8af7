"""One address, as PayFiP wants it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal.lib.email_address import UnreadableEmail, normalise_email


def reason(text: str) -> str:
    with pytest.raises(UnreadableEmail) as unreadable:
        normalise_email(text)
    return unreadable.value.reason.value


class TestEmailAddress:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            ("mme.leroy@exemple.invalid", "mme.leroy@exemple.invalid"),
            ("  Mme.Leroy+cantine@EXEMPLE.Invalid ", "Mme.Leroy+cantine@exemple.invalid"),
            ("a@b.fr", "a@b.fr"),
            ("x" * 68 + "@exemple.org", "x" * 68 + "@exemple.org"),
        ],
    )
    def test_is_given_back_trimmed_with_a_small_domain(self, text: str, address: str) -> None:
        assert normalise_email(text) == address

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "empty"),
            ("  ", "empty"),
            ("a@b.c", "too_short"),
            ("x" * 69 + "@exemple.org", "too_long"),
            ("a@b.fr;c@d.fr", "several"),
            ("a@b.fr, c@d.fr", "several"),
            ("a@b.fr c@d.fr", "several"),
            ("élodie@exemple.fr", "not_ascii"),
            ("elodie", "malformed"),
            ("elodie@exemple", "malformed"),
            ("elodie@.fr", "malformed"),
            ("elo..die@exemple.fr", "malformed"),
            (".elodie@exemple.fr", "malformed"),
            ("elo die@exemple.fr", "malformed"),
            ("elodie@-exemple.fr", "malformed"),
            ("elodie@exemple.fr\nBcc: x", "malformed"),
            ("<elodie@exemple.fr>", "malformed"),
        ],
    )
    def test_is_refused_with_a_reason(self, text: str, why: str) -> None:
        assert reason(text) == why

    @given(st.one_of(st.text(), st.text(alphabet="ab@.;-\n ", max_size=12)))
    def test_is_read_or_refused_and_nothing_else(self, text: str) -> None:
        try:
            address = normalise_email(text)
        except UnreadableEmail:
            return
        assert 6 <= len(address) <= 80
        assert normalise_email(address) == address
