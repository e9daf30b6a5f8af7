"""The key printed on a notice: only ours, of one titre, as people type it."""

import pytest
from django.conf import settings
from django.test import override_settings

from regal.titres.models import Titre
from regal.titres.payment_keys import LENGTH, UnreadableKey, is_key_of, payment_key, printed, read_key


def titre(*, key: int = 7, collectivite: int = 1, reference: str = "FC000123") -> Titre:
    return Titre(pk=key, collectivite_id=collectivite, reference=reference)


class TestAKey:
    def test_has_ten_characters_that_nobody_misreads(self) -> None:
        keys = [payment_key(titre(key=number)) for number in range(1, 500)]

        assert {len(key) for key in keys} == {LENGTH}
        assert not set("".join(keys)) & set("ILOU")
        assert len(set(keys)) == len(keys)

    @pytest.mark.parametrize("other", [titre(key=8), titre(collectivite=2), titre(reference="FC000124")])
    def test_is_of_one_titre_alone(self, other: Titre) -> None:
        assert is_key_of(titre(), payment_key(titre()))
        assert not is_key_of(other, payment_key(titre()))

    def test_survives_a_change_of_our_key_that_keeps_the_former_one(self) -> None:
        before, former = payment_key(titre()), settings.SECRET_KEY

        with override_settings(SECRET_KEY="another key of ours, long enough to be one" * 2):
            assert not is_key_of(titre(), before)
            with override_settings(SECRET_KEY_FALLBACKS=[former]):
                assert is_key_of(titre(), before)


class TestTyping:
    def test_as_it_is_printed(self) -> None:
        key = payment_key(titre())

        assert read_key(printed(key)) == key

    @pytest.mark.parametrize("typed", ["7k3qf-m2x9d", " 7K3QF M2X9D ", "7K3QF–M2X9D", "7K3QFM2X9D"])
    def test_small_letters_blanks_and_dashes_are_forgiven(self, typed: str) -> None:
        assert read_key(typed) == "7K3QFM2X9D"

    def test_letters_that_look_like_digits_are_read_as_digits(self) -> None:
        assert read_key("OIL00-00000") == "0110000000"

    @pytest.mark.parametrize("typed", ["", "125,50", "7K3QFM2X9", "7K3QFM2X9DD", "UUUUUUUUUU", "７K3QFM2X9D"])
    def test_anything_else_is_none(self, typed: str) -> None:
        with pytest.raises(UnreadableKey):
            read_key(typed)
