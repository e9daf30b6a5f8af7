"""The table that a régie downloads, fills in and sends back: a CSV file and a workbook, with the same columns.

Its two examples carry numbers that begin with `EXEMPLE`: an import says that it leaves them out, so nobody has to erase
them. A number's column is written as text, so that no spreadsheet eats its zeros.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, BinaryIO

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from regal.collectivites.debt_words import forms, later_said
from regal.collectivites.models import Product
from regal.lib import spreadsheets
from regal.lib.money import Money


@dataclass(frozen=True)
class Column:
    """One column: its title is what an import knows it by, in French whatever the page's language."""

    title: str
    is_needed: bool
    meaning: Promise
    width: int
    kind: str = "text"  # text, euros, day


COLUMNS = (
    Column(
        gettext_noop("Numéro"),
        True,
        later_said(_("le numéro imprimé sur %(the_debt)s, que le payeur recopiera ; il ne sert qu’une fois")),
        18,
    ),
    Column("Produit", False, _("le code du produit, s’il y en a plusieurs"), 22),
    Column("Nom", True, _("de la personne qui doit cette somme ; les payeurs ne le voient pas"), 28),
    Column("Objet", True, _("ce que l’on paie, par exemple « Cantine, octobre »"), 34),
    Column("Montant", True, _("en euros, avec deux chiffres après la virgule"), 12, "euros"),
    Column(gettext_noop("Date d’émission"), True, _("jour/mois/année ; elle dit l’exercice"), 17, "day"),
    Column("Date limite", False, _("de paiement, jour/mois/année"), 17, "day"),
)


@dataclass(frozen=True)
class Example:
    """A row that shows how to fill the table in."""

    number: str
    product: str
    name: str
    label: str
    amount: Money
    issued_on: date
    due_on: date


def examples(*, products: Sequence[Product], today: date) -> tuple[Example, Example]:
    """Two rows about the town's own products, dated today."""
    slugs = [product.slug for product in products] or ["cantine"]
    due_on = today + timedelta(days=30)
    return (
        Example("EXEMPLE-0001", slugs[0], "MARTIN Camille", "Cantine, octobre", Money(3_840), today, due_on),
        Example("EXEMPLE-0002", slugs[-1], "EXEMPLE Anne", "Garderie, octobre", Money(900), today, due_on),
    )


EXAMPLE_NUMBERS = ("RS-000201", "RS-000202", "RS-000203")
EXAMPLE_AMOUNTS = (Money(3_840), Money(405))
WRONG_AMOUNT = "37,755"
SHEET = [column.title for column in COLUMNS if column.is_needed]


def sheet(*, today: date) -> list[list[str]]:
    """Three rows as a spreadsheet shows them, to explain: a good one, a small one, and one that is wrong."""
    amounts = [*(spreadsheets.decimal(one) for one in EXAMPLE_AMOUNTS), WRONG_AMOUNT]
    names = ("TESTARD Marion", "MODEL Victor", "EXEMPLE Laura")
    return [
        [number, name, "Cantine, octobre", amount, spreadsheets.day(today)]
        for number, name, amount in zip(EXAMPLE_NUMBERS, names, amounts, strict=True)
    ]


def cells(one: Example) -> list[str]:
    """As a CSV file writes it."""
    days = [spreadsheets.day(one.issued_on), spreadsheets.day(one.due_on)]
    return [one.number, one.product, one.name, one.label, spreadsheets.decimal(one.amount), *days]


def csv_template(*, products: Sequence[Product], today: date) -> bytes:
    """A CSV file that a French spreadsheet opens as it is."""
    lines = [spreadsheets.csv_line([column.title for column in COLUMNS])]
    lines += [spreadsheets.csv_line(cells(one)) for one in examples(products=products, today=today)]
    return (spreadsheets.BYTE_ORDER_MARK + "".join(lines)).encode("utf-8")


def workbook_template(*, products: Sequence[Product], today: date) -> BinaryIO:
    """A workbook at its beginning: the table, then a sheet that says what each column means."""

    def fill(book: Any) -> None:
        _fill_table(book, examples(products=products, today=today))
        _fill_explanations(book, products)

    return spreadsheets.workbook(fill)


def _fill_table(book: Any, rows: Sequence[Example]) -> None:
    sheet = book.add_worksheet(forms()["Debts"])
    title = book.add_format({"bold": True, "bottom": 1, "bg_color": "#e4eef0"})
    formats = {
        "text": book.add_format({"num_format": "@"}),
        "euros": book.add_format({"num_format": "0.00"}),
        "day": book.add_format({"num_format": "dd/mm/yyyy"}),
    }
    for place, column in enumerate(COLUMNS):
        sheet.set_column(place, place, column.width, formats[column.kind])
        sheet.write_string(0, place, column.title, title)
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(rows, start=1):
        for place, text in enumerate([row.number, row.product, row.name, row.label]):
            sheet.write_string(number, place, text, formats["text"])
        sheet.write_number(number, 4, spreadsheets.workbook_number(row.amount), formats["euros"])
        sheet.write_datetime(number, 5, row.issued_on, formats["day"])
        sheet.write_datetime(number, 6, row.due_on, formats["day"])


def _fill_explanations(book: Any, products: Sequence[Product]) -> None:
    sheet = book.add_worksheet(gettext("Mode d’emploi"))
    bold = book.add_format({"bold": True})
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 14)
    sheet.set_column(2, 2, 70, wrapped)
    lines = [
        (column.title, gettext("obligatoire") if column.is_needed else "", str(column.meaning)) for column in COLUMNS
    ]
    for place, heading in enumerate([gettext("Colonne"), "", gettext("Ce qu’on y écrit")]):
        sheet.write_string(0, place, heading, bold)
    for number, texts in enumerate(lines, start=1):
        for place, text in enumerate(texts):
            sheet.write_string(number, place, text)
    below = len(lines) + 2
    sheet.write_string(below, 0, gettext("Code"), bold)
    sheet.write_string(below, 2, gettext("Produit"), bold)
    for number, product in enumerate(products, start=below + 1):
        sheet.write_string(number, 0, product.slug)
        sheet.write_string(number, 2, product.name)
    note = gettext("Les lignes dont le numéro commence par EXEMPLE ne sont jamais importées.")
    sheet.write_string(below + len(products) + 2, 0, note)
