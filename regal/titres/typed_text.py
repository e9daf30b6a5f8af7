"""What is kept of a text that somebody typed about a debt."""

import unicodedata

from regal.lib.card_numbers import holds_card_number
from regal.titres.refusals import CardNumber, UnreadableText


def kept(text: str, field: str) -> str:
    """The text on one line: lines and tabs become spaces. Raises UnreadableText and CardNumber, of `field`."""
    one_line = unicodedata.normalize("NFC", " ".join(text.split()))
    if not one_line.isprintable():
        raise UnreadableText(field=field)
    if holds_card_number(one_line):
        raise CardNumber(field=field)
    return one_line
