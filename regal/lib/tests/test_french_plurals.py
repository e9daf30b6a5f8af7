"""French counts from two on; English has its own catalogue."""

import pytest
from django.utils.translation import ngettext, override


@pytest.mark.parametrize(("number", "words"), [(0, "ligne"), (1, "ligne"), (2, "lignes")])
def test_french_is_plural_from_two_on(number, words):
    with override("fr"):
        assert ngettext("ligne", "lignes", number) == words
