"""The pages of imports: send a file, say what its columns mean, read its report, confirm or discard it, undo it."""

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.http.response import StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from regal.audit.queries import last_act
from regal.backoffice import import_report, import_template, import_words, pages
from regal.backoffice.import_forms import (
    LONGEST_CODE,
    MAIN,
    MOST_CODES,
    NO_FILE,
    OTHERS,
    SEPARATOR_WORDS,
    TABLES,
    ColumnsForm,
    UploadForm,
    collects,
    fits,
    initial_of,
    too_many_codes,
)
from regal.backoffice.import_words import HEADINGS, LOOKS, ORDER, PLURALS, STATES, VERDICT_LOOKS, VERDICTS, WARNED
from regal.backoffice.policies import BureauRequest
from regal.backoffice.redirects import see_page
from regal.backoffice.titre_queries import sums_of, titre_products
from regal.collectivites.debt_words import said
from regal.collectivites.models import Budget, Collectivite, Product, Regie
from regal.gateways.base import DebtKind
from regal.lib import paris
from regal.lib.keys import key_in
from regal.lib.money import Money
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.lib.uploads import is_too_large
from regal.payments.models import Attempt
from regal.payments.queries import settled_titres, titres_being_paid
from regal.payments.states import LIVE, State
from regal.people.models import Role
from regal.titres import import_queries, imports
from regal.titres.import_refusals import EmptyFile, FileTooLarge
from regal.titres.import_states import ImportState, Verdict
from regal.titres.importers import opening, places, troubles
from regal.titres.importers.base import Nature, NotThisFile, Trouble, Weight
from regal.titres.importers.columns import ENCODINGS, NEEDED, SEPARATORS, Meaning
from regal.titres.importers.opening import Proposal
from regal.titres.models import Collector, Import, ImportSource, Titre
from regal.titres.refusals import Refusal

MAY_IMPORT = (Role.REGISSEUR, Role.ADMINISTRATOR)
PAGE_LENGTH = 50  # lines of a report
LIST_LENGTH = 20  # imports
REFRESH_SECONDS = 3
MOST_ROWS, MOST_COLUMNS_SHOWN, LONGEST_CELL = 5, 40, 60
MOST_LINES_LOOKED_AT = 5_000  # for the codes of products and of régies
ANY_YEAR = 2000  # to read codes, whatever the exercice
MOVING = (ImportState.READING, ImportState.WRITING, ImportState.UNDOING)
DONE = (ImportState.CONFIRMED, ImportState.UNDOING, ImportState.UNDONE)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

# The list


@dataclass(frozen=True, kw_only=True)
class ShownImport:
    """One import as the screens show it."""

    key: int
    name: str
    format: Promise | str
    source: str
    collects: str
    state: ImportState
    state_name: Promise
    look: str
    lines: str | None  # None: not read yet
    new: str | None
    wrong: str | None
    total: Money | None
    received_at: datetime
    received_by: str
    decided_at: datetime | None  # confirmed
    decided_by: str
    undone_at: datetime | None

    @classmethod
    def of(cls, one: Import) -> "ShownImport":
        state = ImportState(one.state)
        totals = import_queries.totals_of(one) if one.read_at and state is not ImportState.REFUSED else None
        is_confirmed = state in (ImportState.WRITING, *DONE)
        return cls(
            key=one.pk,
            name=one.name,
            format=import_words.FORMATS.get(one.file_format, ""),
            source=one.source.name,
            collects=collects(one.source.collector, one.source.regie, one.source.budget),
            state=state,
            state_name=STATES[state],
            look=LOOKS.get(state, "badge-quiet"),
            lines=import_words.grouped(one.lines_read) if totals else None,
            new=import_words.grouped(totals.lines[Verdict.NEW]) if totals else None,
            wrong=import_words.grouped(totals.would_stay_out) if totals else None,
            total=totals.new_total if totals else None,
            received_at=one.kept_at,
            received_by=str(one.kept_by or _("REGAL")),
            decided_at=one.confirmed_at if is_confirmed else None,
            decided_by=str(one.confirmed_by or _("REGAL")),
            undone_at=one.ended_at if state is ImportState.UNDONE else None,
        )


@dataclass(frozen=True, kw_only=True)
class ShownSource:
    """One source as the list shows it."""

    key: int
    name: str
    is_active: bool
    collects: str
    remembered: str  # the columns, in the file's words

    @classmethod
    def of(cls, source: ImportSource) -> "ShownSource":
        columns = source.options.get("columns") or {}
        in_order = [columns[meaning] for meaning in (*MAIN, *OTHERS) if meaning in columns]
        return cls(
            key=source.pk,
            name=source.name,
            is_active=source.is_active,
            collects=collects(source.collector, source.regie, source.budget),
            remembered=", ".join(in_order),
        )


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def imports_page(request: BureauRequest, slug: str) -> HttpResponse:
    """Every file that came, the newest first, and where they come from."""
    town, before = request.collectivite, key_in(request.GET.get("avant", ""))
    with tenant(town):
        found = import_queries.imports_of(town).select_related("source__regie", "source__budget", "kept_by")
        if before is not None:
            found = found.filter(pk__lt=before)
        rows = list(found.order_by("-pk")[: LIST_LENGTH + 1])
        shown = [ShownImport.of(one) for one in rows[:LIST_LENGTH]]
        known = import_queries.sources_of(town, active_only=False).order_by("-is_active", "name")
        sources = [ShownSource.of(source) for source in known]
    context = {
        "imports": shown,
        "sources": sources,
        "is_first": before is None,
        "next": shown[-1].key if len(rows) > LIST_LENGTH else None,
        "may_import": request.role in MAY_IMPORT,
    }
    return render(request, "backoffice/imports.html", context)


# A new one


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG, largest_file=settings.IMPORT_MEGABYTES * 1024 * 1024)
@require_http_methods(["GET", "HEAD", "POST"])
def new_import(request: BureauRequest, slug: str) -> HttpResponse:
    """Send a file: kept, then read by a worker; a table whose columns we do not know is asked about first."""
    town = request.collectivite
    with tenant(town):
        form = _upload_form(request)
    if request.method != "POST":
        return render(request, "backoffice/new_import.html", {"form": form})
    told, sent, kept = form.is_valid(), request.FILES.get("fichier"), None
    if sent is None and not is_too_large(request):
        form.add_error("fichier", NO_FILE)
        return render(request, "backoffice/new_import.html", {"form": form}, status=422)
    try:
        content = _sent(request, sent)
        opening.recognise(cast(BinaryIO, content))
        if told:
            with tenant(town):
                kept = _keep(request, form, content)
    except NotThisFile as refused:
        form.add_error("fichier", _told(refused.trouble))
    except Refusal as refusal:
        form.refuse(refusal)
    if kept is None:
        return render(request, "backoffice/new_import.html", {"form": form}, status=422)
    return see_page("import", slug, kept.pk)


def _upload_form(request: BureauRequest) -> UploadForm:
    """With the sources, and who may collect: the régies and the budgets that have a product."""
    town = request.collectivite
    ours = titre_products(collectivite=town)
    others = Product.objects.of(town).exclude(debt_kind=DebtKind.REGIE).select_related("account__budget")
    products = [*ours, *(product for product in others if product not in ours)]
    regies = {product.account.regie_id for product in products}
    budgets = {product.account.budget_id for product in products}
    is_sent = request.method == "POST"
    return UploadForm(
        request.POST if is_sent else None,
        request.FILES if is_sent else None,
        sources=list(import_queries.sources_of(town)),
        regies=list(Regie.objects.of(town).filter(pk__in=regies - {None}).order_by("name")),
        budgets=list(Budget.objects.of(town).filter(pk__in=budgets - {None}).order_by("name")),
        products=products,
        megabytes=settings.IMPORT_MEGABYTES,
    )


def _sent(request: BureauRequest, sent: Any) -> "UploadedFile[bytes]":
    """Raises FileTooLarge, EmptyFile."""
    if is_too_large(request):
        raise FileTooLarge(largest=settings.IMPORT_MEGABYTES)
    if not isinstance(sent, UploadedFile) or not sent.size:
        raise EmptyFile
    return sent


def _keep(request: BureauRequest, form: UploadForm, content: "UploadedFile[bytes]") -> Import:
    """Keep it, and have it read if nothing is to be asked. Raises NotThisFile and the refusals of imports."""
    read, by = form.cleaned_data, _by(request)
    source = read["known"]
    if source is None:
        collector = read["collector"]
        is_regie = isinstance(collector, Regie)
        source = imports.add_source(
            collectivite=request.collectivite,
            name=read["nom"].strip(),
            collector=Collector.REGIE if is_regie else Collector.COMPTABLE,
            regie=collector if is_regie else None,
            budget=None if is_regie else collector,
            default_product=read["product"],
            **by,
        )
    content.seek(0)
    proposal = opening.propose(cast(BinaryIO, content), options=source.options)
    content.seek(0)
    asks = _asks(proposal, source, cast(BinaryIO, content))
    content.seek(0)
    return imports.keep(source=source, name=content.name or "", chunks=content.chunks(), ask=not asks, **by)


# What its columns mean


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def columns(request: BureauRequest, slug: str, import_id: int) -> HttpResponse:
    """A table's columns and its first rows, what we guess of them, and what an agent says."""
    town = request.collectivite
    with tenant(town):
        one = _import(town, import_id)
        if one.state not in (ImportState.RECEIVED, ImportState.PROPOSED) and not _may_be_mended(one):
            return see_page("import", slug, import_id)
        shown, is_remembered = ShownImport.of(one), bool(one.source.options.get("columns"))
        with closing(_content_of(one)) as content:
            try:
                form, proposal = _columns_form(request, one, content)
            except (NotThisFile, ValueError):  # its own page says why
                return see_page("import", slug, import_id)
        if form.is_valid():
            try:
                asked = _read_so(request, one, form, proposal)
            except Refusal as refusal:
                form.add_error(None, _coded(refusal))
            else:
                return see_page("import", slug, asked.pk)
    return _columns_page(request, shown, proposal, form, is_remembered=is_remembered)


def _read_so(request: BureauRequest, one: Import, form: ColumnsForm, proposal: Proposal) -> Import:
    """Keep on the source what was said, and have the file read by it; one that has its report is kept anew.

    Raises the refusals of imports.
    """
    source, by = one.source, _by(request)
    with transaction.atomic():
        imports.hold_source(source)
        source = imports.change_source(
            source=source,
            options=_remembered(form, proposal),
            products={**source.products, **form.products},
            default_product=form.default_product,
            regie_codes=form.regie_codes,
            **by,
        )
        if one.state == ImportState.RECEIVED:
            imports.ask_reading(import_=one, now=by["now"])
            return one
        with closing(_content_of(one)) as content:
            chunks = iter(lambda: content.read(imports.PIECE), b"")
            again = imports.keep(source=source, name=one.name, chunks=chunks, **by)
        imports.discard(import_=one, **by)
        return again


def _remembered(form: ColumnsForm, proposal: Proposal) -> dict[str, Any]:
    return form.options | ({"seen": list(proposal.head.columns)} if proposal.head.format in TABLES else {})


def _columns_page(
    request: BureauRequest, shown: ShownImport, proposal: Proposal, form: ColumnsForm, *, is_remembered: bool
) -> HttpResponse:
    head = proposal.head
    context = {
        "one": shown,
        "form": form,
        "is_table": head.format in TABLES,
        "has_more_codes": form.asks_again,
        "is_remembered": is_remembered,
        "encoding": head.encoding,
        "separator": _separator_words(head.separator),
        "columns": [_cell(name) for name in head.columns[:MOST_COLUMNS_SHOWN]],
        "rows": [[_cell(cell) for cell in row[:MOST_COLUMNS_SHOWN]] for row in proposal.rows[:MOST_ROWS]],
        "more_columns": max(0, len(head.columns) - MOST_COLUMNS_SHOWN),
        "told": [Told.of(trouble) for trouble in head.troubles],
        "more_codes": too_many_codes(form.codes_found),
    }
    return render(request, "backoffice/import_columns.html", context, status=422 if form.errors else 200)


def _columns_form(request: BureauRequest, one: Import, content: BinaryIO) -> tuple[ColumnsForm, Proposal]:
    """What is asked of this file; a press on « show again » asks anew. Raises NotThisFile, ValueError."""
    source, typed = one.source, request.POST
    written = _how_written(typed) if typed else {}
    proposal = opening.propose(content, options={**source.options, **written})
    initial = initial_of(proposal=proposal, source=source)
    if typed:
        kept = {name: typed[name] for name in typed if name.startswith("c_")}
        initial |= {name: column for name, column in kept.items() if column in proposal.head.columns}
        initial |= {name: typed.get(name, "") for name in ("codage", "separateur", "feuille", "produit", "exercice")}
        initial |= {name: name in typed for name in ("titres", "additionne", "zeros", "unites")}
    codes = _codes(content, proposal, {**source.options, **written}, initial)
    regies = codes.regies if proposal.head.format in TABLES else []
    asks_again = bool(typed) and not (
        _were_asked(typed, "code_", codes.products) and _were_asked(typed, "code_regie_", regies)
    )
    form = ColumnsForm(
        typed if typed.get("acte") == "lire" and not asks_again else None,
        proposal=proposal,
        source=source,
        products=products_of(one.collectivite, source),
        codes=codes.products,
        regies=regies,
        initial=initial,
    )
    form.asks_again = asks_again and typed.get("acte") == "lire"
    return form, proposal


def _how_written(typed: Any) -> dict[str, Any]:
    """What an agent says of the file's writing; what makes no sense is left to be guessed."""
    encoding, separator = typed.get("codage", ""), typed.get("separateur", "")
    return {
        "encoding": encoding if encoding in ENCODINGS else "",
        "separator": separator if separator in SEPARATORS else "",
        "sheet": typed.get("feuille", "")[:100],
        "has_header": "titres" in typed,
    }


@dataclass(frozen=True, kw_only=True)
class _Codes:
    """The file's own codes in its first lines, in order."""

    products: list[str]
    regies: list[str]  # "" among them: lines that name none


def _codes(content: BinaryIO, proposal: Proposal, options: dict[str, Any], chosen: dict[str, Any]) -> _Codes:
    columns = {name.removeprefix("c_"): told for name, told in chosen.items() if name.startswith("c_") and told}
    if proposal.head.format in TABLES:
        is_coded = {Meaning.PRODUCT, Meaning.REGIE} & set(columns)
        if not is_coded or any(needed not in columns for needed in NEEDED):
            return _Codes(products=[], regies=[])
        options = {**options, "columns": columns, "default_exercice": options.get("default_exercice") or ANY_YEAR}
    products: dict[str, None] = {}
    regies: dict[str, None] = {}
    content.seek(0)
    try:
        reader = opening.open_file(content, options=options)
        for line in islice(reader.lines(), MOST_LINES_LOOKED_AT):
            if line.titre is None or line.titre.nature not in (Nature.DEBT, Nature.REDUCTION):
                continue
            if line.titre.product:
                products[line.titre.product[:LONGEST_CODE]] = None
            if Meaning.REGIE in columns:
                regies[line.titre.regie[:LONGEST_CODE]] = None
    except (NotThisFile, ValueError):  # what is wrong with it is said by its report
        return _Codes(products=[], regies=[])
    return _Codes(products=list(products), regies=list(regies))


def _were_asked(typed: Any, prefix: str, codes: Sequence[str]) -> bool:
    """Whether the page that was sent showed these codes: a column chosen on it may hold others."""
    return all(typed.get(f"{prefix}{place}", "") == code for place, code in enumerate(codes[:MOST_CODES]))


def _asks(proposal: Proposal, source: ImportSource, content: BinaryIO) -> bool:
    """Whether somebody must say what a file means before it is read.

    A table, unless its columns are known; a PES, if it has codes never asked about and there is a choice.
    """
    if proposal.head.format in TABLES:
        return not fits(proposal=proposal, source=source)
    if len(products_of(source.collectivite, source)) < 2 and source.default_product_id is not None:
        return False
    known = {*source.products, *(source.options.get("asked") or [])}
    return any(code not in known for code in _codes(content, proposal, source.options, {}).products)


def _may_be_mended(one: Import) -> bool:
    """Refused for its columns, and still kept: an agent may choose them again."""
    return one.state == ImportState.REFUSED and str(one.error.get("code", "")).startswith(imports.OF_COLUMNS)


# One of them


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def import_page(request: BureauRequest, slug: str, import_id: int) -> HttpResponse:
    """Where it stands: being read, its report, what it did."""
    return _import_page(request, import_id)


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_POST
def confirm_import(request: BureauRequest, slug: str, import_id: int) -> HttpResponse:
    """Have a worker write what the report says, whole; or its valid lines, once somebody has said so."""
    town, typed = request.collectivite, request.POST
    only_valid = typed.get("acte") == "valides"
    with tenant(town):
        one = _import(town, import_id)
        if one.state in (ImportState.WRITING, ImportState.CONFIRMED):
            return see_page("import", slug, import_id)  # pressed twice
        if typed.get("vu") != _seen(one):
            return _import_page(
                request,
                import_id,
                wrong=[_("Le rapport a changé depuis que vous l’avez lu : relisez-le. Rien n’a été enregistré.")],
            )
        if only_valid and typed.get("sans") != str(import_queries.totals_of(one).would_stay_out):
            told = _("R449. Cochez cette case : elle dit combien de lignes n’entreront pas dans la base.")
            return _import_page(request, import_id, tick_error=told)
        try:
            imports.confirm(import_=one, only_valid=only_valid, **_by(request))
        except Refusal as refusal:
            return _import_page(request, import_id, wrong=[_coded(refusal)])
    return see_page("import", slug, import_id)


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_POST
def discard_import(request: BureauRequest, slug: str, import_id: int) -> HttpResponse:
    """Throw it away; a reading stops."""
    town = request.collectivite
    with tenant(town):
        one = _import(town, import_id)
        if one.state != ImportState.DISCARDED:
            try:
                imports.discard(import_=one, **_by(request))
            except Refusal as refusal:
                return _import_page(request, import_id, wrong=[_coded(refusal)])
    messages.success(request, _("Le fichier est écarté : rien n’est entré dans la base."))
    return see_page("imports", slug)


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_POST
def undo_import(request: BureauRequest, slug: str, import_id: int) -> HttpResponse:
    """Take what it brought out of the base again, while nothing of it was paid."""
    town = request.collectivite
    with tenant(town):
        one = _import(town, import_id)
        if one.state in (ImportState.UNDOING, ImportState.UNDONE):
            return see_page("import", slug, import_id)  # pressed twice
        try:
            if imports.takes_long_to_undo(one):
                imports.ask_undoing(import_=one, **_by(request))
                return see_page("import", slug, import_id)
            imports.undo(import_=one, settled=settled_titres, paying=titres_being_paid, **_by(request))
        except Refusal as refusal:
            return _import_page(request, import_id, wrong=[_coded(refusal)])
    messages.success(request, said(_("L’import est défait : ses %(debts)s ne sont plus dans la base.")))
    return see_page("import", slug, import_id)


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def import_report_file(request: BureauRequest, slug: str, import_id: int) -> HttpResponseBase:
    """The report as a CSV file; it names no debtor."""
    town = request.collectivite
    with tenant(town):
        one = _import(town, import_id)
    if not import_queries.has_lines(one):  # its own page says why
        return see_page("import", slug, import_id)
    lines = import_report.csv_of(import_=one, town=town)
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="import-{one.pk}-{town.slug}.csv"'
    return answer


@dataclass(frozen=True, kw_only=True)
class Told:
    """A trouble in words."""

    code: str
    where: str
    sentence: str
    remedy: str

    @classmethod
    def of(cls, trouble: Trouble, cell: str = "") -> "Told":
        return cls(
            code=trouble.code,
            where=cell[:1].upper() + cell[1:],
            sentence=troubles.sentence(trouble),
            remedy=troubles.remedy(trouble),
        )


@dataclass(frozen=True, kw_only=True)
class Result:
    """How many lines have one verdict."""

    key: str
    name: Promise
    look: str
    meaning: Promise
    count: str
    total: Money | None


@dataclass(frozen=True, kw_only=True)
class Tab:
    """A choice among the lines."""

    name: str
    query: str
    count: str
    is_here: bool


@dataclass(frozen=True, kw_only=True)
class ShownLine:
    """One line of the report."""

    place: str
    verdict: Promise
    look: str
    number: str
    titre: int | None
    amount: Money | None
    before: Money | None  # what is due now, of one that would change
    troubles: Sequence[Told]


def _import_page(
    request: BureauRequest, import_id: int, *, wrong: Sequence[str] = (), tick_error: str = ""
) -> HttpResponse:
    town = request.collectivite
    with tenant(town):
        one = _import(town, import_id)
        shown, progress = ShownImport.of(one), import_queries.progress_of(one)
        totals = import_queries.totals_of(one)
        filters = _Filter.of(request.GET.get("verdict", ""), request.GET.get("apres", ""))
        lines = _lines(town, one, filters) if one.read_at else []
        asks_columns = _asks_columns(one) if one.state == ImportState.RECEIVED else ""
        is_touched = one.state == ImportState.CONFIRMED and _is_touched(town, one)
        file_troubles = [Told.of(trouble) for trouble in import_queries.troubles_of(one)]
        before = import_queries.same_file_before(one)
        undone_by = _undone_by(one) if shown.undone_at else ""
    is_waiting = one.state in MOVING or (one.state == ImportState.RECEIVED and not asks_columns)
    shown_lines = lines[:PAGE_LENGTH]
    context = {
        "one": shown,
        "source_key": one.source_id,
        "heading": HEADINGS[shown.state],
        "lead": _lead(one, totals, asks_columns=asks_columns),
        "is_waiting": is_waiting,
        "asks_columns": asks_columns,
        "progress": progress,
        "progress_lines": import_words.grouped(progress.lines),
        "file_troubles": file_troubles,
        "undone_by": undone_by,
        "before": before.pk if before is not None and one.state == ImportState.PROPOSED else None,
        "results": [_result(verdict, totals) for verdict in ORDER if totals.lines[verdict]] if one.read_at else [],
        "is_done": one.state in DONE,
        "promise": import_words.promise(
            totals.lines, total=totals.new_total, collector=one.source.collector, as_drafts=one.source.as_drafts
        ),
        "skipped": one.skipped,
        "would_write": totals.would_write,
        "left_out": totals.would_stay_out,
        "seen": _seen(one),
        "can_map": bool(one.file_format),
        "is_table": not one.file_format or one.file_format in TABLES,
        "can_mend": _may_be_mended(one),
        "can_undo": one.state == ImportState.CONFIRMED and not is_touched,
        "is_touched": is_touched,
        "titres_of_it": reverse("titres", args=[town.slug]) + "?" + urlencode({"importation": one.pk})
        if one.state == ImportState.CONFIRMED and one.created
        else "",
        "tabs": _tabs(totals, filters) if one.read_at else [],
        "lines": shown_lines,
        "has_lines": import_queries.has_lines(one),
        "filter_name": filters.name,
        "is_filtered": filters.is_narrow,
        "is_first": not filters.after,
        "here_query": filters.query(),
        "next_query": filters.query(apres=lines[PAGE_LENGTH - 1][0]) if len(lines) > PAGE_LENGTH else "",
        "wrong": [*wrong, *([tick_error] if tick_error else [])],
        "tick_error": tick_error,
        "may_import": request.role in MAY_IMPORT,
    }
    context["lines"] = [line for _number, line in shown_lines]
    answer = render(request, "backoffice/import.html", context, status=422 if wrong or tick_error else 200)
    if is_waiting:
        answer.headers["Refresh"] = f"{REFRESH_SECONDS}"
    return answer


@dataclass(frozen=True, kw_only=True)
class _Filter:
    """Which lines are shown."""

    verdict: Verdict | None
    warned: bool
    after: int

    @classmethod
    def of(cls, verdict: str, after: str) -> "_Filter":
        return cls(
            verdict=Verdict(verdict) if verdict in list(Verdict) else None,
            warned=verdict == WARNED,
            after=int(after) if re.fullmatch(r"[0-9]{1,9}", after) else 0,
        )

    @property
    def is_narrow(self) -> bool:
        return self.warned or self.verdict is not None

    @property
    def name(self) -> str:
        if self.warned:
            return _("À regarder")
        return str(PLURALS[self.verdict]) if self.verdict is not None else _("Toutes les lignes")

    def query(self, **more: object) -> str:
        told = {"verdict": WARNED if self.warned else (self.verdict or "")} | {k: str(v) for k, v in more.items()}
        return urlencode({name: value for name, value in told.items() if value})


def _lines(town: Collectivite, one: Import, filters: _Filter) -> list[tuple[int, ShownLine]]:
    """A page of the report and one line more, each with its number."""
    found = import_queries.lines_of(
        one, verdict=filters.verdict, warned=filters.warned, after=filters.after, limit=PAGE_LENGTH + 1
    )
    compared = [line.titre_id for line in found if line.titre_id and line.verdict is Verdict.CHANGED]
    titres = list(Titre.objects.of(town).filter(pk__in=compared)) if one.state == ImportState.PROPOSED else []
    due = {key: sums.due for key, sums in sums_of(titres, collectivite=town).items()}
    brought: dict[int, int] = {}
    if one.state == ImportState.CONFIRMED:
        places = [line.number for line in found]
        ours = import_queries.titres_of(one).filter(origin_line__in=places)
        brought = {titre.origin_line or 0: titre.pk for titre in ours.only("pk", "origin_line")}
    return [
        (
            line.number,
            ShownLine(
                place=line.place,
                verdict=VERDICTS[line.verdict],
                look=VERDICT_LOOKS[line.verdict],
                number=line.titre_number,
                titre=brought.get(line.number) or line.titre_id,
                amount=line.amount,
                before=due.get(line.titre_id or 0),
                troubles=[Told.of(one, cell) for one, cell in zip(line.troubles, line.cells, strict=True)],
            ),
        )
        for line in found
    ]


def _result(verdict: Verdict, totals: import_queries.Totals) -> Result:
    return Result(
        key=verdict.value,
        name=VERDICTS[verdict],
        look=VERDICT_LOOKS[verdict],
        meaning=import_words.MEANINGS[verdict],
        count=import_words.grouped(totals.lines[verdict]),
        total=totals.new_total if verdict is Verdict.NEW else None,
    )


def _tabs(totals: import_queries.Totals, here: _Filter) -> list[Tab]:
    every = Tab(
        name=_("Toutes"),
        query="",
        count=import_words.grouped(sum(totals.lines.values())),
        is_here=not here.is_narrow,
    )
    by_verdict = [
        Tab(
            name=str(PLURALS[verdict]),
            query=f"verdict={verdict.value}",
            count=import_words.grouped(totals.lines[verdict]),
            is_here=here.verdict is verdict,
        )
        for verdict in ORDER
        if totals.lines[verdict] or here.verdict is verdict
    ]
    if not totals.warnings and not here.warned:
        return [every, *by_verdict]
    warned = Tab(
        name=_("À regarder"),
        query=f"verdict={WARNED}",
        count=import_words.grouped(totals.warnings),
        is_here=here.warned,
    )
    return [every, *by_verdict, warned]


def _lead(one: Import, totals: import_queries.Totals, *, asks_columns: str) -> str:
    state = ImportState(one.state)
    if state is ImportState.RECEIVED:
        if asks_columns == "codes":
            return _("Dites d’abord quel produit désigne chaque code : le fichier n’est pas encore lu.")
        if asks_columns:
            return _("Dites d’abord quelle colonne dit quoi : le fichier n’est pas encore lu.")
        return _("Le fichier attend d’être lu, cela ne prend d’ordinaire que quelques secondes.")
    return {
        ImportState.READING: _("REGAL lit le fichier et le compare à la base. Rien n’est enregistré."),
        ImportState.WRITING: _("REGAL enregistre ce que le rapport annonçait : tout, ou rien."),
        ImportState.DISCARDED: _("Rien n’est entré dans la base, et son contenu est effacé. Vous pouvez le renvoyer."),
        ImportState.REFUSED: _("Rien n’est entré dans la base."),
        ImportState.UNDOING: _("REGAL retire de la base ce que cet import y avait mis : tout, ou rien."),
        ImportState.UNDONE: _(
            "Ce qu’il avait créé est retiré de la base, ce qu’il avait changé est revenu comme avant."
        ),
        ImportState.PROPOSED: import_words.summary(totals.lines, total=totals.new_total),
        ImportState.CONFIRMED: import_words.summary(totals.lines, total=totals.new_total),
    }[state]


def _asks_columns(one: Import) -> str:
    """What somebody must say before it is read: what its "columns" mean, or its "codes"; else ""."""
    with closing(_content_of(one)) as content:
        try:
            proposal = opening.propose(content, options=one.source.options)
        except (NotThisFile, ValueError):
            return ""
        if not _asks(proposal, one.source, content):
            return ""
    return "columns" if proposal.head.format in TABLES else "codes"


def _is_touched(town: Collectivite, one: Import) -> bool:
    """Whether something of it was paid, or is being paid."""
    brought = import_queries.titres_of(one)
    if brought.filter(paid_at__isnull=False).exists() or brought.filter(held_until__gt=pages.clock()).exists():
        return True
    attempts = Attempt.objects.of(town).filter(titre__origin=one.pk, status__in=[*LIVE, State.PAID])
    return attempts.exists()


def _undone_by(one: Import) -> str:
    """Who: its audit row says it."""
    entry = last_act(collectivite=one.collectivite, action="undo_import", subject=f"import {one.pk}")
    return str((entry.actor if entry is not None else None) or _("REGAL"))


def _seen(one: Import) -> str:
    """Which report the page shows: a report made again is another."""
    return one.read_at.isoformat() if one.read_at else ""


# The table to fill in


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def guide(request: BureauRequest, slug: str) -> HttpResponse:
    """From a spreadsheet to invoices that can be paid, in five steps."""
    town = request.collectivite
    with tenant(town):
        products = titre_products(collectivite=town)
    first = import_template.examples(products=products, today=paris.today(pages.clock()))[0]
    context = {
        "columns": list(zip(import_template.COLUMNS, import_template.cells(first), strict=True)),
        "letters": [places.letters(rank) for rank in range(len(import_template.SHEET))],
        "titles": import_template.SHEET,
        "sheet": import_template.sheet(today=paris.today(pages.clock())),
        "report": _example_of_a_report(),
        "has_products": bool(products),
        "may_import": request.role in MAY_IMPORT,
    }
    return render(request, "backoffice/import_guide.html", context)


def _example_of_a_report() -> list[ShownLine]:
    """What the guide's table of three lines would be told; its last amount has a decimal too many."""
    amounts = import_template.EXAMPLE_AMOUNTS
    small = Trouble("L109", Weight.WARNING, "", {"amount": amounts[1].format_fr()})
    wrong = Trouble("L112", Weight.ERROR, "Montant", {"text": import_template.WRONG_AMOUNT})
    cell = places.cell(wrong, place=places.ROW, number=4, columns=import_template.SHEET, meanings={})
    told = [
        (Verdict.NEW, import_template.EXAMPLE_NUMBERS[0], amounts[0], []),
        (Verdict.NEW, import_template.EXAMPLE_NUMBERS[1], amounts[1], [Told.of(small)]),
        (Verdict.ERROR, "", None, [Told.of(wrong, cell)]),
    ]
    return [
        ShownLine(
            place=places.said(places.ROW, row),
            verdict=VERDICTS[verdict],
            look=VERDICT_LOOKS[verdict],
            number=number,
            titre=None,
            amount=amount,
            before=None,
            troubles=said_of_it,
        )
        for row, (verdict, number, amount, said_of_it) in enumerate(told, start=2)
    ]


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def csv_template(request: BureauRequest, slug: str) -> HttpResponse:
    """The table to fill in, about the town's own products."""
    content = import_template.csv_template(**_for_a_template(request.collectivite))
    answer = HttpResponse(content, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="modele.csv"'
    return answer


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def workbook_template(request: BureauRequest, slug: str) -> FileResponse:
    """The same as a workbook."""
    book = import_template.workbook_template(**_for_a_template(request.collectivite))
    return FileResponse(book, as_attachment=True, filename="modele.xlsx", content_type=_XLSX)


def _for_a_template(town: Collectivite) -> dict[str, Any]:
    with tenant(town):
        return {"products": titre_products(collectivite=town), "today": paris.today(pages.clock())}


def _import(town: Collectivite, import_id: int) -> Import:
    """Raises Http404."""
    found = (
        Import.objects.of(town)
        .select_related("source__regie", "source__budget", "source__default_product", "kept_by", "confirmed_by")
        .filter(pk=import_id)
        .first()
    )
    if found is None:
        raise Http404
    return found


def _content_of(one: Import) -> BinaryIO:
    return cast(BinaryIO, imports.Pieces(one, None))


def products_of(town: Collectivite, source: ImportSource) -> list[Product]:
    """Those of whoever collects what the source brings."""
    found = Product.objects.of(town).select_related("account")
    if source.regie_id is not None:
        return list(found.filter(account__regie=source.regie_id))
    return list(found.filter(account__budget=source.budget_id))


def _separator_words(separator: str) -> str:
    return str(SEPARATOR_WORDS[separator]) if separator in SEPARATOR_WORDS else ""


def _cell(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + "…"


def _told(trouble: Trouble) -> str:
    return f"{trouble.code}. {troubles.sentence(trouble)} {troubles.remedy(trouble)}".strip()


def _coded(refusal: Refusal) -> str:
    return f"{refusal.code}. {refusal}"


def _by(request: BureauRequest) -> dict[str, Any]:
    return {"now": pages.clock(), "actor_id": request.user.pk}
