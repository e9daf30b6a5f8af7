"""What a sentence tells is written in the language of whoever reads it."""

import pytest
from django.utils.translation import override

from regal.lib import in_words
from regal.lib.money import Money


@pytest.mark.parametrize(("language", "written"), [("fr", "38,40\N{NO-BREAK SPACE}€"), ("en", "€38.40")])
def test_an_amount_is_written_in_the_language_of_its_reader(language, written):
    with override(language):
        assert in_words.euros(Money(3_840)) == written
