"""The invoices of a list as a file that a spreadsheet opens, and that an import reads again without change.

Columns bear the names by which imports know them; the last ones inform, and imports leave them. `MONTANT_TTC` is what
files last said, and so what an import compares; what people and credit notes changed since is in `DU`, due now.
Rows are read some thousands at a time, each time in a transaction of its own that ends before they are sent. What began
after the export did is not in it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, BinaryIO

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.contrib import messages
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from regal.audit.operations import record
from regal.backoffice import pages, titres
from regal.backoffice.policies import BureauRequest
from regal.backoffice.queries import plan_for_the_values_asked
from regal.backoffice.redirects import confirm_first
from regal.backoffice.titre_forms import SITUATIONS, TitreExportForm
from regal.backoffice.titre_queries import (
    Selection,
    due_and_paid,
    erased_among,
    filed_amounts,
    selected_titres,
    situation_of,
)
from regal.collectivites.debt_words import said
from regal.collectivites.models import Collectivite
from regal.lib import paris, spreadsheets
from regal.lib.keys import LARGEST_KEY
from regal.lib.money import Money
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.titres.models import Debtor, DocumentKind, Titre
from regal.titres.states import State

BATCH = 2_000
MOST_SHEET_ROWS = 1_048_575  # of a workbook's sheet, under its header
COLUMNS = (
    "NUMERO", "EXERCICE", "REGIE", "CODE_PRODUIT", "LIBELLE", "REF_REDEVABLE", "NOM", "ADRESSE1", "ADRESSE2",
    "ADRESSE3", "ADRESSE4", "CP", "VILLE", "EMAIL", "SIRET", "MONTANT_TTC", "DATE_EMISSION", "DATE_ECHEANCE", "TYPE",
    "BORDEREAU", "REFERENCE_PAIEMENT", "EMIS", "DU", "PAYE", "RESTE", "ETAT",
)  # fmt: skip
_DAYS = frozenset(COLUMNS.index(name) for name in ("DATE_EMISSION", "DATE_ECHEANCE"))
# What a spreadsheet would take for a number or a day, and lose its zeros.
_CODES = frozenset(
    COLUMNS.index(name)
    for name in ("NUMERO", "REGIE", "CODE_PRODUIT", "REF_REDEVABLE", "CP", "SIRET", "BORDEREAU", "REFERENCE_PAIEMENT")
)
Cell = str | int | Money | date | None
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_POST
def export_titres(request: BureauRequest, slug: str) -> HttpResponseBase:
    """The selection as a file, for whoever has just confirmed who he is; the audit log says who took what."""
    town, now = request.collectivite, pages.clock()
    filters, wanted = titres.filters_of(town, request.POST), TitreExportForm(request.POST)
    if filters.errors or not wanted.is_valid():
        return titres.show_list(request, filters, export=wanted, status=422)
    if not did_recently_reauthenticate(request):
        messages.info(request, _("Confirmez que c’est vous ; de retour à la liste, demandez l’export de nouveau."))
        back = reverse("titres", args=[slug]) + filters.query()
        return confirm_first(back)
    kind = wanted.cleaned_data["format"]
    with tenant(town):
        selection = titres.selection_of(filters)
        plan_for_the_values_asked()
        count = _exported(town, selection, now).count()
        if kind == "xlsx" and count > MOST_SHEET_ROWS:
            wanted.add_error(
                "format",
                _("R499. Un classeur a 1 048 575 lignes au plus : choisissez le CSV, ou une période plus courte."),
            )
            return titres.show_list(request, filters, export=wanted, status=422)
        record(
            collectivite=town,
            action="export_titres",
            subject=kind,
            after={"rows": count, "filters": filters.for_the_log},
            now=now,
            actor_id=request.user.pk,
        )
    found = rows(town=town, selection=selection, now=now)
    name = f"factures-{town.slug}-{paris.today(now).isoformat()}.{kind}"
    if kind == "csv":
        csv = StreamingHttpResponse(csv_of(found), content_type="text/csv; charset=utf-8")
        csv.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return csv
    return FileResponse(workbook_of(found), as_attachment=True, filename=name, content_type=_XLSX)


def rows(*, town: Collectivite, selection: Selection, now: datetime) -> Iterator[list[Cell]]:
    """A cell for each of COLUMNS, the last recorded first: a draft that changes its day meanwhile keeps its place."""
    below: int | None = LARGEST_KEY
    names = {key: str(name) for key, name in SITUATIONS.items()}
    kinds = {DocumentKind.FACTURE.value: "FACTURE", DocumentKind.TITRE.value: "TITRE", DocumentKind.ROLE.value: "TITRE"}
    while below is not None:
        with tenant(town):
            plan_for_the_values_asked()
            found = _exported(town, selection, now).filter(pk__lt=below, created_at__lte=now).order_by("-pk")
            batch = list(found.select_related("product", "regie")[:BATCH])
            debtors = {
                one.titre_id: one for one in Debtor.objects.of(town).filter(titre__in=[titre.pk for titre in batch])
            }
            erased = erased_among([titre for titre in batch if titre.pk not in debtors], collectivite=town)
            sums, filed = due_and_paid(batch, collectivite=town), filed_amounts(batch, collectivite=town)
        for titre in batch:
            due, paid = sums[titre.pk]
            yield [
                titre.number,
                titre.exercice,
                titre.regie.number if titre.regie is not None else "",
                titre.product.slug,
                titre.label,
                *_debtor_cells(debtors.get(titre.pk), erased_at=erased.get(titre.pk)),
                filed[titre.pk],
                titre.issued_on,
                titre.due_on,
                kinds[titre.document_kind],
                titre.batch,
                titre.reference,
                titre.amount,
                due,
                paid,
                due - paid if titre.status in (State.OPEN, State.SUSPENDED, State.DRAFT) else Money.zero,
                names[situation_of(titre, now=now)],
            ]
        below = batch[-1].pk if len(batch) == BATCH else None


def _exported(town: Collectivite, selection: Selection, now: datetime) -> QuerySet[Titre]:
    """All but what was taken out of the base: an import would bring it in again."""
    return selected_titres(collectivite=town, selection=selection, now=now).exclude(status=State.WITHDRAWN)


def _debtor_cells(debtor: Debtor | None, *, erased_at: datetime | None) -> list[Cell]:
    if debtor is None:
        said = _("(nom effacé le %(day)s)") % {"day": f"{paris.today(erased_at):%d/%m/%Y}"} if erased_at else ""
        return ["", said, *[""] * 8]
    address = [str(line) for line in debtor.address][:4]
    lines = address + [""] * (4 - len(address))
    return [debtor.reference, debtor.name, *lines, debtor.postcode, debtor.city, debtor.email, debtor.siret]


def csv_of(
    found: Iterator[list[Cell]], *, columns: Sequence[str] = COLUMNS, codes: frozenset[int] = _CODES
) -> Iterator[bytes]:
    """A CSV file, piece by piece; `codes`: the places of the columns whose zeros stay."""
    pending = [spreadsheets.BYTE_ORDER_MARK, spreadsheets.csv_line(list(columns))]
    for row in found:
        written = [_written(cell, is_code=place in codes) for place, cell in enumerate(row)]
        pending.append(spreadsheets.csv_line(written))
        if len(pending) >= BATCH // 4:
            yield "".join(pending).encode("utf-8")
            pending = []
    yield "".join(pending).encode("utf-8")


def _written(cell: Cell, *, is_code: bool) -> str:
    if isinstance(cell, Money):
        return spreadsheets.decimal(cell)
    if isinstance(cell, date) or cell is None:
        return spreadsheets.day(cell)
    return spreadsheets.as_text(str(cell)) if is_code else spreadsheets.neutral(str(cell))


def workbook_of(found: Iterator[list[Cell]], *, columns: Sequence[str] = COLUMNS) -> BinaryIO:
    """A workbook of one sheet in a temporary file, at its beginning."""
    return spreadsheets.workbook(lambda book: _fill(book, found, columns), constant_memory=True)


def _fill(book: Any, found: Iterator[list[Cell]], columns: Sequence[str]) -> None:
    sheet = book.add_worksheet(said("%(Debts)s"))
    bold = book.add_format({"bold": True, "bottom": 1})
    euros, a_day = book.add_format({"num_format": "#,##0.00"}), book.add_format({"num_format": "dd/mm/yyyy"})
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(columns) - 1, 16)
    for place, name in enumerate(columns):
        sheet.write_string(0, place, name, bold)
    number = 0
    for number, row in enumerate(found, start=1):
        for place, cell in enumerate(row):
            if isinstance(cell, Money):
                sheet.write_number(number, place, spreadsheets.workbook_number(cell), euros)
            elif isinstance(cell, date):
                sheet.write_datetime(number, place, cell, a_day)
            elif isinstance(cell, int):
                sheet.write_number(number, place, cell)
            elif cell:
                sheet.write_string(number, place, cell)
    sheet.autofilter(0, 0, number, len(columns) - 1)
