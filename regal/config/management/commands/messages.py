"""`regal messages`: the sentences of the screens and their English, without GNU gettext.

French is the source; `regal/locale/en/LC_MESSAGES/django.po` holds the English, sorted, without dates or line numbers.
Without an option the file is brought up to date with the code. `--compile` writes what Django reads; `--check` fails on
a sentence without English, and on English whose sentence is gone.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation.template import templatize

import regal

PACKAGE = Path(regal.__file__).parent
ENGLISH = PACKAGE / "locale" / "en" / "LC_MESSAGES" / "django.po"
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}


class Command(BaseCommand):
    help = "Tient à jour les phrases des écrans et leur traduction."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--compile", action="store_true", help="écrire les fichiers .mo")
        parser.add_argument("--check", action="store_true", help="échouer s’il manque une traduction")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["compile"]:
            compile_english()
        elif options["check"]:
            if wrong := list(problems()):
                raise CommandError("\n".join(wrong))
        else:
            update()


def compile_english() -> None:
    """Write the .mo beside the .po, unless it is newer already."""
    compiled = ENGLISH.with_suffix(".mo")
    if compiled.exists() and compiled.stat().st_mtime >= ENGLISH.stat().st_mtime:
        return
    draft = io.BytesIO()
    write_mo(draft, catalogue())
    compiled.write_bytes(draft.getvalue())


def catalogue() -> Catalog:
    """The English as it stands."""
    with ENGLISH.open("rb") as file:
        return read_po(file, locale="en")


def sentences() -> Catalog:
    """Every sentence of the code, French on both sides of it."""
    found = Catalog(locale="en")
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix not in (".py", ".html", ".txt") or {"tests", "migrations"} & set(path.parts):
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            if "{%" not in text:
                continue
            text = templatize(text)
        for _, message, _, context in extract("python", io.BytesIO(text.encode()), keywords=KEYWORDS):
            found.add(message, context=context)
    return found


def problems() -> Iterator[str]:
    """One line for each sentence without English, and for each English whose sentence is gone."""
    english, wanted = catalogue(), sentences()
    for message in wanted:
        if not message.id:
            continue
        known = english.get(message.id, message.context)
        if known is None or not known.string or known.fuzzy or (known.pluralizable and not all(known.string)):
            yield f"sans anglais : {message.id}"
    for message in english:
        if message.id and wanted.get(message.id, message.context) is None:
            yield f"n’est plus dans le code : {message.id}"


def update() -> None:
    """Add what is new, drop what is gone, keep the English."""
    english = catalogue() if ENGLISH.exists() else Catalog(locale="en")
    fresh = Catalog(locale="en", fuzzy=False)
    for message in sentences():
        if message.id:
            known = english.get(message.id, message.context)
            fresh.add(message.id, known.string if known else None, context=message.context)
    ENGLISH.parent.mkdir(parents=True, exist_ok=True)
    draft = io.BytesIO()
    write_po(draft, fresh, width=120, sort_output=True, omit_header=True)
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Language: en\\n"\n'
    header += '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
    ENGLISH.write_text(header + draft.getvalue().decode(), encoding="utf-8")
