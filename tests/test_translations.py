"""Every sentence of the screens has its English."""

import re

from regal.config.management.commands import messages


def test_nothing_lacks_its_english_and_nothing_is_left_over():
    assert list(messages.problems()) == []


def test_both_languages_hold_the_same_blanks():
    for message in messages.catalogue():
        if message.id and isinstance(message.id, str) and isinstance(message.string, str):
            blanks = [sorted(re.findall(r"%\(\w+\)s", text)) for text in (message.id, message.string)]
            assert blanks[0] == blanks[1], message.id


def test_french_apostrophes_are_typographic():
    for message in messages.sentences():
        for text in [message.id] if isinstance(message.id, str) else message.id:
            assert not re.search(r"\w'\w", text), text
