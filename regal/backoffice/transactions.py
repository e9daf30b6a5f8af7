"""The list of a collectivité's payments: filters, exact totals, pages, and the file for a spreadsheet."""

from dataclasses import replace
from typing import Any

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django import forms
from django.contrib import messages
from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from regal.audit.operations import record
from regal.backoffice import exports, pages, queries
from regal.backoffice.forms import PayerSearch, PaymentFilters, sealed_payer, shortcuts
from regal.backoffice.pages import Line
from regal.backoffice.policies import BureauRequest
from regal.backoffice.redirects import confirm_first, see_other
from regal.collectivites.models import Collectivite, Product
from regal.gateways.base import Environment
from regal.lib import paris
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.people.models import Role

MAY_EXPORT = (Role.REGISSEUR, Role.ADMINISTRATOR)


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def payments(request: BureauRequest, slug: str) -> HttpResponse:
    """Every attempt that the filters mean, the newest first, fifty a page, and their exact totals."""
    return _list(request, _filters(request.collectivite, request.GET))


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_POST
def payments_of_payer(request: BureauRequest, slug: str) -> HttpResponse:
    """Whose payments: the address comes in the body, and goes on sealed."""
    town = request.collectivite
    filters, search = _filters(town, request.POST), PayerSearch(request.POST)
    if not search.is_valid():
        return _list(request, filters, search=search, status=422)
    sealed = sealed_payer(search.cleaned_data["courriel"], town=town)
    return see_other(reverse("payments", args=[slug]) + filters.query(payeur=sealed))


class ExportForm(forms.Form):
    """Which file."""

    format = forms.ChoiceField(
        choices=[("xlsx", gettext_lazy("Classeur (XLSX)")), ("csv", gettext_lazy("Texte (CSV)"))],
        error_messages={"invalid_choice": gettext_lazy("R429. Choisissez l’un des deux formats de la liste.")},
    )
    courriels = forms.BooleanField(required=False)


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_POST
def export_payments(request: BureauRequest, slug: str) -> HttpResponseBase:
    """The selection as a file, for whoever has just confirmed who he is; the audit log says who took what."""
    town, now = request.collectivite, pages.clock()
    filters, wanted = _filters(town, request.POST), ExportForm(request.POST)
    if filters.errors or not wanted.is_valid():
        return _list(request, filters, export=wanted, status=422)
    if not did_recently_reauthenticate(request):
        messages.info(request, _("Confirmez que c’est vous ; de retour à la liste, demandez l’export de nouveau."))
        back = reverse("payments", args=[slug]) + filters.query()
        return confirm_first(back)
    kind, emails = wanted.cleaned_data["format"], bool(wanted.cleaned_data["courriels"])
    selection = replace(filters.selection, environment=filters.selection.environment or Environment.PRODUCTION)
    with tenant(town):
        count = queries.totals_of(collectivite=town, selection=selection).count
        if kind == "xlsx" and count > exports.MOST_SHEET_ROWS:
            wanted.add_error(
                "format",
                _("R499. Un classeur a 1 048 575 lignes au plus : choisissez le CSV, ou une période plus courte."),
            )
            return _list(request, filters, export=wanted, status=422)
        record(
            collectivite=town,
            action="export_payments",
            subject=kind,
            after={"rows": count, "emails": emails, "filters": _for_the_log(filters, selection.environment)},
            now=now,
            actor_id=request.user.pk,
        )
    found = exports.rows(town=town, selection=selection, emails=emails, now=now)
    name = f"paiements-{town.slug}-{paris.today(now).isoformat()}.{kind}"
    if kind == "csv":
        csv = StreamingHttpResponse(exports.csv_of(found, emails=emails), content_type="text/csv; charset=utf-8")
        csv.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return csv
    file = exports.workbook_of(found, emails=emails, town=town, filters=filters.in_words, now=now)
    return FileResponse(file, as_attachment=True, filename=name, content_type=_XLSX)


_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _filters(town: Collectivite, told: Any) -> PaymentFilters:
    with tenant(town):
        products = list(Product.objects.of(town))
    return PaymentFilters(told, town=town, products=products)


def _list(
    request: BureauRequest,
    filters: PaymentFilters,
    *,
    search: PayerSearch | None = None,
    export: ExportForm | None = None,
    status: int = 200,
) -> HttpResponse:
    town, selection = request.collectivite, filters.selection
    after, before = (request.GET.get(name, "") for name in ("apres", "avant"))
    with tenant(town):
        queries.plan_for_the_values_asked()
        page = queries.page_of_attempts(collectivite=town, selection=selection, after=after, before=before)
        totals = queries.totals_of(collectivite=town, selection=selection)
        lines = Line.all_of(page.attempts)
    address = reverse("payments", args=[town.slug])
    context = {
        "payments": address,
        "is_suite": bool(page.newer),
        "without_payer": filters.query(payeur=""),
        "lines": lines,
        "totals": totals,
        "exported": totals.trials if selection.environment not in (None, Environment.PRODUCTION) else totals.real,
        "filters": filters,
        "shortcuts": shortcuts(filters, now=pages.clock()),
        "search": search,
        "export": export or ExportForm(),
        "may_export": request.role in MAY_EXPORT,
        "wrong": _wrong(filters, search, export),
        "first_page": address + filters.query(),
        "newer_page": filters.query(avant=page.newer) if page.newer else "",
        "older_page": filters.query(apres=page.older) if page.older else "",
    }
    return render(request, "backoffice/payments.html", context, status=status)


def _wrong(*filled: forms.Form | None) -> list[tuple[str, str]]:
    """(id of the field, sentence), in the order of the page."""
    return [
        (form[name].id_for_label, str(sentence))
        for form in filled
        if form is not None and form.is_bound
        for name, sentences in form.errors.items()
        for sentence in sentences
    ]


def _for_the_log(filters: PaymentFilters, environment: Environment | None) -> dict[str, str]:
    """What filtered, without what is personal: that a payer was searched, not which; the end of a reference alone."""
    written = filters.written | {"environnement": str(environment or "")}
    if "payeur" in written:
        written["payeur"] = "oui"
    if "reference" in written:
        written["reference"] = "…" + written["reference"][-4:]
    return written
