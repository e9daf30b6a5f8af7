"""Every sentence of the screens has its English, and each language is set as it should be."""

import ast
import gettext
import re
from collections.abc import Iterator

from babel.messages.catalog import Message

from regal.config.management.commands import messages

BLANK = re.compile(r"%\(\w+\)[sd]")
TAG = re.compile(r"<[^>]+>")


def every_message() -> list[Message]:
    return [message for message in messages.catalogue() if message.id]


def french(message: Message) -> list[str]:
    return [message.id] if isinstance(message.id, str) else list(message.id)


def english(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or [])


def pairs() -> Iterator[tuple[str, str]]:
    """Each French text and its English, singulars and plurals apart."""
    for message in every_message():
        yield from zip(french(message), english(message), strict=True)


def test_nothing_lacks_its_english_and_nothing_is_left_over():
    assert list(messages.problems()) == []


def test_sentences_are_marked_by_names_that_are_looked_for():
    """What a function marks under another name is never found, and stays French in English, with no test to say so."""
    hidden = []
    for file in sorted(messages.PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
                names = [one.asname or one.name for one in node.names if "gettext" in one.name]
                hidden += [(file.name, name) for name in names if name not in messages.KEYWORDS]
    assert hidden == []


def test_both_languages_hold_the_same_blanks_and_tags():
    for said, translated in pairs():
        assert sorted(BLANK.findall(said)) == sorted(BLANK.findall(translated)), said
        assert TAG.findall(said) == TAG.findall(translated), said


def test_what_django_reads_can_be_compiled():
    messages.compile_english()
    with messages.ENGLISH.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in every_message():
        if message.pluralizable:
            one, many = french(message)
            assert [compiled.ngettext(one, many, number) for number in (1, 2)] == english(message)
        else:
            assert [compiled.gettext(*french(message))] == english(message)


def test_apostrophes_are_typographic():
    for message in [*messages.sentences(), *every_message()]:
        for text in [*french(message), *english(message)]:
            assert not re.search(r"\w'\w", text), text


def test_french_puts_a_space_before_high_signs_and_english_none():
    for message in messages.sentences():
        for text in french(message):
            assert not re.search(r"\S(?:[;?!]|:(?!//))", text), text
    for _, translated in pairs():
        assert not re.search(r"\s[:;?!]", translated), translated


def test_french_signs_are_never_left_alone_on_a_line():
    for message in messages.sentences():
        for text in french(message):
            assert not re.search(r" [:;?!»€]|« ", text), text
