"""The payments of a list as a file for a spreadsheet. `docs/bureau.md` says what each column means.

Rows are read a few thousand at a time, each time in a transaction of its own that ends before they are sent: whoever
downloads slowly holds nothing. What began after the export did is not in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from regal.backoffice.explanations import RANKS
from regal.backoffice.queries import Place, Tally, Totals, older_than, plan_for_the_values_asked, totals_from
from regal.backoffice.standing import NAMES
from regal.collectivites.models import ENVIRONMENT_NAMES, Collectivite
from regal.collectivites.reference_forms import read_reference
from regal.gateways.base import DebtKind, Environment, Rank
from regal.lib import paris, spreadsheets
from regal.lib.keys import LARGEST_KEY
from regal.lib.money import Money
from regal.lib.references import UnreadableReference
from regal.lib.tenancy import tenant
from regal.payments.models import Payer, Settlement, Share
from regal.payments.queries import Selection, selected
from regal.payments.standing import Standing

BATCH = 2_000
MOST_SHEET_ROWS = 1_048_575  # of a workbook's sheet, under its header
_FIELDS = (
    "created_at",
    "pk",
    "label",
    "debt_reference",
    "account__debt_kind",
    "amount",
    "standing",
    "announced",
    "announced_at",
    "environment",
    "account__identifier",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One payment as the file tells it."""

    started_at: datetime
    product: str
    reference: str
    amount: Money
    standing: Standing
    announced_at: datetime | None
    confirmed_at: datetime | None
    accounting_day: date | None
    environment: Environment
    account: str
    proof: str
    transaction: str  # Paybox's number of it
    email: str


def columns(*, emails: bool) -> list[str]:
    """The header."""
    usual = [
        _("Date et heure"),
        _("Produit"),
        _("Référence"),
        _("Montant"),
        _("État"),
        _("Annoncé le"),
        _("Confirmé le"),
        _("Jour comptable"),
        _("Environnement"),
        _("Contrat"),
        _("Preuve"),
        _("Transaction"),
    ]
    return [*usual, _("E-mail du payeur")] if emails else usual


def rows(*, town: Collectivite, selection: Selection, emails: bool, now: datetime) -> Iterator[Row]:
    """The newest first. Production only, unless the selection asks for another environment."""
    place: Place | None = (now, LARGEST_KEY)
    while place is not None:
        with tenant(town):
            plan_for_the_values_asked()
            attempts = older_than(selected(collectivite=town, selection=selection), place)
            batch = list(attempts[:BATCH].values_list(*_FIELDS))
            keys = [found[1] for found in batch]
            settled = _settled(town, keys)
            payers = _emails(town, keys) if emails else {}
            several = _together(town, keys)
        for started_at, key, label, digits, kind, amount, standing, announced, announced_at, where, account in batch:
            recorded_at, accounting_day, rank, transaction = settled.get(key, (None, None, None, ""))
            yield Row(
                started_at=started_at,
                product=label,
                reference=several.get(key) or _printed(kind, digits),
                amount=amount,
                standing=Standing(standing),
                announced_at=announced_at if announced else None,
                confirmed_at=None if standing == Standing.PROVISIONAL else recorded_at,
                accounting_day=accounting_day,
                environment=Environment(where),
                account=account,
                proof=_proof(rank, announced, Standing(standing)),
                transaction=transaction,
                email=payers.get(key, ""),
            )
        place = (batch[-1][0], batch[-1][1]) if len(batch) == BATCH else None


def _settled(town: Collectivite, keys: list[int]) -> dict[int, tuple[datetime, date, int | None, str]]:
    """When it was recorded, on which accounting day, by a proof of which rank, and how Paybox numbers it."""
    told = Settlement.objects.of(town).filter(attempt__in=keys)
    return {
        key: (recorded_at, day, rank, transaction)
        for key, recorded_at, day, rank, transaction in told.values_list(
            "attempt_id", "recorded_at", "accounting_day", "rank", "transaction"
        )
    }


def _together(town: Collectivite, keys: list[int]) -> dict[int, str]:
    """Of payments of several titres: the references of all."""
    shares = Share.objects.of(town).filter(attempt__in=keys).exclude(reference_reversed="")
    found: dict[int, list[str]] = {}
    for key, backwards in shares.order_by("attempt_id", "place").values_list("attempt_id", "reference_reversed"):
        found.setdefault(key, []).append(backwards[::-1])
    return {key: " + ".join(references) for key, references in found.items()}


def _emails(town: Collectivite, keys: list[int]) -> dict[int, str]:
    return dict(Payer.objects.of(town).filter(attempt__in=keys).values_list("attempt_id", "email"))


def csv_of(found: Iterator[Row], *, emails: bool) -> Iterator[bytes]:
    """A CSV file, piece by piece."""
    names = _names()
    pending = [spreadsheets.BYTE_ORDER_MARK, spreadsheets.csv_line(columns(emails=emails))]
    for row in found:
        cells = [
            spreadsheets.moment(row.started_at),
            spreadsheets.neutral(row.product),
            spreadsheets.as_text(row.reference),
            spreadsheets.decimal(row.amount),
            names[row.standing],
            spreadsheets.moment(row.announced_at),
            spreadsheets.moment(row.confirmed_at),
            spreadsheets.day(row.accounting_day),
            names[row.environment],
            spreadsheets.as_text(row.account),
            row.proof,
            row.transaction,
        ]
        if emails:
            cells.append(spreadsheets.neutral(row.email))
        pending.append(spreadsheets.csv_line(cells))
        if len(pending) >= BATCH // 4:
            yield "".join(pending).encode("utf-8")
            pending = []
    yield "".join(pending).encode("utf-8")


def workbook_of(
    found: Iterator[Row], *, emails: bool, town: Collectivite, filters: list[tuple[str, str]], now: datetime
) -> BinaryIO:
    """A workbook in a temporary file, at its beginning: the payments, then a sheet that says what they are."""

    def fill(book: Any) -> None:
        totals = _fill_payments(book, found, emails=emails)
        _fill_about(book, totals, town=town, filters=filters, now=now)

    return spreadsheets.workbook(fill, constant_memory=True, remove_timezone=True)


def _fill_payments(book: Any, found: Iterator[Row], *, emails: bool) -> Totals:
    sheet = book.add_worksheet(_("Paiements"))
    bold = book.add_format({"bold": True, "bottom": 1})
    euros = book.add_format({"num_format": "#,##0.00"})
    a_moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
    a_day = book.add_format({"num_format": "dd/mm/yyyy"})
    names, titles = _names(), columns(emails=emails)
    for column, width in enumerate([20, 30, 26, 13, 20, 20, 20, 15, 14, 24, 34, 16, 34][: len(titles)]):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(1, 0)
    for column, title in enumerate(titles):
        sheet.write_string(0, column, title, bold)
    tallies: dict[tuple[str, str], Tally] = {}
    number = 0
    for number, row in enumerate(found, start=1):
        sheet.write_datetime(number, 0, _naive(row.started_at), a_moment)
        sheet.write_string(number, 1, row.product)
        sheet.write_string(number, 2, row.reference)
        sheet.write_number(number, 3, spreadsheets.workbook_number(row.amount), euros)
        sheet.write_string(number, 4, names[row.standing])
        if row.announced_at is not None:
            sheet.write_datetime(number, 5, _naive(row.announced_at), a_moment)
        if row.confirmed_at is not None:
            sheet.write_datetime(number, 6, _naive(row.confirmed_at), a_moment)
        if row.accounting_day is not None:
            sheet.write_datetime(number, 7, row.accounting_day, a_day)
        sheet.write_string(number, 8, names[row.environment])
        sheet.write_string(number, 9, row.account)
        sheet.write_string(number, 10, row.proof)
        if row.transaction:
            sheet.write_string(number, 11, row.transaction)
        if row.email:
            sheet.write_string(number, 12, row.email)
        key = (row.environment.value, row.standing.value)
        tallies[key] = tallies.get(key, Tally()) + Tally(count=1, amount=row.amount)
    sheet.autofilter(0, 0, number, len(titles) - 1)
    return totals_from((*key, tally) for key, tally in tallies.items())


def _fill_about(
    book: Any, totals: Totals, *, town: Collectivite, filters: list[tuple[str, str]], now: datetime
) -> None:
    sheet = book.add_worksheet(_("À propos"))
    bold, euros = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, 2, 24)
    lines: list[tuple[str, str]] = [
        (_("Collectivité"), town.name),
        (_("Exporté le"), paris.format_instant_fr(now)),
        *(filters or [(_("Filtres"), _("aucun"))]),
    ]
    for number, (name, value) in enumerate(lines):
        sheet.write_string(number, 0, name, bold)
        sheet.write_string(number, 1, value)
    first = len(lines) + 1
    for column, title in enumerate(["", _("Nombre"), _("Montant en euros")]):
        sheet.write_string(first, column, title, bold)
    groups = [
        (_("Confirmés"), totals.confirmed),
        (_("Payés, à confirmer"), totals.provisional),
        (_("Annoncés payés, pas encore confirmés"), totals.announced),
        (_("Autres : aucun encaissement connu"), totals.others),
    ]
    for number, (name, tally) in enumerate(groups, start=first + 1):
        sheet.write_string(number, 0, name)
        sheet.write_number(number, 1, tally.count)
        sheet.write_number(number, 2, spreadsheets.workbook_number(tally.amount), euros)
    sheet.write_string(first + 5, 0, _("Essais, dans aucun total"))
    sheet.write_number(first + 5, 1, totals.trials)


def _names() -> dict[str, str]:
    """The words of the columns with a closed list, in the language of the page."""
    return {str(key): str(name) for key, name in (NAMES | ENVIRONMENT_NAMES).items()}


def _naive(instant: datetime) -> datetime:
    """Paris time: a workbook knows no time zone."""
    return paris.to_paris(instant).replace(tzinfo=None)


def _proof(rank: int | None, announced: str, standing: Standing) -> str:
    if rank == Rank.SIGNED and standing is Standing.CONFIRMED:
        return _("preuve : message signé, puis confirmé")
    if rank is not None:
        return str(RANKS[rank])
    return str(RANKS[Rank.UNPROVEN]) if announced else ""


def _printed(kind: str, digits: str) -> str:
    try:
        return read_reference(DebtKind(kind), digits).printed
    except UnreadableReference:
        return digits
