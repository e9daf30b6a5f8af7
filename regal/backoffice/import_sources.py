"""The page of one source of imports: who collects, what it remembers, what came of its files; change it or close it.

Who collects never changes, even while nothing was confirmed: reports already made say who, and one of them may still be
confirmed. Another source is a name away. What files brought stays theirs: a change is for the next file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from regal.backoffice import import_words, pages
from regal.backoffice.import_forms import MAIN, OTHERS, SEPARATOR_WORDS, SourceForm, collects
from regal.backoffice.imports import MAY_IMPORT, ShownImport, products_of
from regal.backoffice.policies import BureauRequest, demand
from regal.backoffice.redirects import see_page
from regal.collectivites.models import Collectivite, Product
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.titres import import_queries, imports
from regal.titres.importers.columns import DISTINCT, ENCODINGS
from regal.titres.models import ImportSource
from regal.titres.refusals import Refusal

MOST_SHOWN = 20
DONE: Mapping[str, Promise] = import_words.DONE_TO_SOURCES


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """What a source remembers of its files, in words."""

    columns: Sequence[tuple[str, str]]  # what it means, its name in the file
    settings: Sequence[str]
    products: Sequence[tuple[str, str]]  # the file's code, our product
    regie_codes: str

    @classmethod
    def of(cls, source: ImportSource, products: Sequence[Product]) -> "Remembered":
        told: Mapping[str, Any] = source.options
        columns = told.get("columns") or {}
        names = {product.pk: product.name for product in products}
        return cls(
            columns=[(str(one.label), columns[one]) for one in (*MAIN, *OTHERS) if one in columns],
            settings=_settings(told),
            products=[(code, names.get(key, "?")) for code, key in sorted(source.products.items())],
            regie_codes=", ".join(code or "–" for code in source.regie_codes),
        )


def _settings(told: Mapping[str, Any]) -> list[str]:
    said = [
        _("Lettres codées en %(encoding)s.") % {"encoding": ENCODINGS[told["encoding"]]}
        if told.get("encoding") in ENCODINGS
        else "",
        _("Séparateur : %(separator)s.") % {"separator": SEPARATOR_WORDS[told["separator"]]}
        if told.get("separator") in SEPARATOR_WORDS
        else "",
        _("Feuille « %(sheet)s ».") % {"sheet": told["sheet"]} if told.get("sheet") else "",
        _("Sans ligne de titres : les colonnes sont désignées par leur rang.")
        if told.get("has_header") is False
        else "",
        _("Les lignes de même numéro s’additionnent.") if told.get("sums_lines") else "",
        _("412 et 000412 sont deux numéros différents.") if told.get("numbers_without_zeros") == DISTINCT else "",
        _("Les montants suivis d’EUR ou de € sont acceptés.") if told.get("accepts_units") else "",
        _("Exercice de toutes les lignes : %(year)s.") % {"year": told["default_exercice"]}
        if told.get("default_exercice")
        else "",
    ]
    return [sentence for sentence in said if sentence]


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def import_source(request: BureauRequest, slug: str, source_id: int) -> HttpResponse:
    """What a source is, and what may be changed of it; each change is an act."""
    town = request.collectivite
    if request.method == "POST":
        demand(request, Who.REGISSEUR)
    with tenant(town):
        source = _source(town, source_id)
        products = products_of(town, source)
        act = request.POST.get("acte", "")
        if act in DONE:
            imports.hold_source(source)
        form = SourceForm(request.POST if act == "modifier" else None, source=source, products=products)
        if (act == "modifier" and form.is_valid()) or act in ("oublier", "fermer", "rouvrir"):
            try:
                imports.change_source(source=source, **_changes(act, source, form), **_by(request))
            except Refusal as refusal:
                if form.is_bound:
                    form.refuse(refusal)
                else:
                    messages.error(request, f"{refusal.code}. {refusal}")
            else:
                messages.success(request, DONE[act] % {"name": source.name})
            if not form.errors:
                return see_page("import_source", slug, source_id)
        if request.method == "POST":
            source = _source(town, source_id)
        rows = list(import_queries.imports_of(town, source=source)[: MOST_SHOWN + 1])
        shown = [ShownImport.of(one) for one in rows[:MOST_SHOWN]]
    context = {
        "source": source,
        "collects": collects(source.collector, source.regie, source.budget),
        "remembered": Remembered.of(source, products),
        "form": form,
        "imports": shown,
        "has_more": len(rows) > MOST_SHOWN,
        "may_import": request.role in MAY_IMPORT,
    }
    return render(request, "backoffice/import_source.html", context, status=422 if form.errors else 200)


def _changes(act: str, source: ImportSource, form: SourceForm) -> dict[str, Any]:
    if act == "oublier":
        kept = {name: told for name, told in source.options.items() if name not in ("columns", "seen", "asked")}
        return {"options": kept}
    if act == "modifier":
        name = {"name": form.cleaned_data["nom"].strip()}
        return name | ({"default_product": form.default_product} if form.changes_product else {})
    return {"is_active": act == "rouvrir"}


def _source(town: Collectivite, source_id: int) -> ImportSource:
    """Raises Http404."""
    found = import_queries.sources_of(town, active_only=False).filter(pk=source_id).first()
    if found is None:
        raise Http404
    return found


def _by(request: BureauRequest) -> dict[str, Any]:
    return {"now": pages.clock(), "actor_id": request.user.pk}
