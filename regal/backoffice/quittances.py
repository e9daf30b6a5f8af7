"""Quittances: issue one for money that was received, take its PDF, and the list of a régie's."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django import forms
from django.contrib import messages
from django.db.models import BigIntegerField, Count, Exists, OuterRef, QuerySet, Sum
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from regal.audit.operations import record
from regal.backoffice import pages
from regal.backoffice.forms import BAD_CHOICE
from regal.backoffice.policies import BureauRequest, demand, may_move_money
from regal.backoffice.queries import Order, Place, Tally, older_than, page_of, plan_for_the_values_asked
from regal.backoffice.redirects import confirm_first, see_page
from regal.collectivites.models import Collectivite, Regie
from regal.lib import paris, spreadsheets
from regal.lib.keys import LARGEST_KEY
from regal.lib.money import Money
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.payments.models import Reversal, Settlement
from regal.people.models import Role
from regal.receipts.models import How, Quittance, QuittanceCounter, QuittancePerson
from regal.receipts.quittance_queries import deliveries_of, quittances_of, reversal_of
from regal.receipts.quittances import checked_regie, deliver, issue, stated_of
from regal.titres.models import Debtor
from regal.titres.refusals import Refusal

MAY_EXPORT = (Role.REGISSEUR, Role.ADMINISTRATOR)
BATCH = 2_000
COLUMNS = (
    "REGIE", "NUMERO", "DATE_EMISSION", "DATE_PAIEMENT", "MONTANT", "MOYEN", "DETTES", "ETAT", "DATE_ANNULATION",
    "CAUSE",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BY_ISSUE = Order(
    column="issued_at",
    write=lambda at: (at - _EPOCH) // timedelta(microseconds=1),
    read=lambda microseconds: _EPOCH + timedelta(microseconds=microseconds),
)

# One of them


@policy(who=Who.AGENT, tenant=Tenant.SLUG, is_the_town_s=True)
@require_http_methods(["GET", "HEAD", "POST"])
def quittance(request: BureauRequest, slug: str, settlement_id: int) -> HttpResponse:
    """What was received, its quittance, or the button that issues it; pressed twice, it is issued once."""
    town, now = request.collectivite, pages.clock()
    with tenant(town):
        found = Settlement.objects.of(town).select_related(
            "collectivite", "receipt__titre", "receipt__regie", "attempt__titre", "attempt__product",
            "attempt__account__regie",
        )  # fmt: skip
        settlement = found.filter(pk=settlement_id).first()
    if settlement is None:
        raise Http404
    refused = ""
    if request.method == "POST":
        demand(request, Who.REGISSEUR)
        try:
            made = issue(settlement=settlement, role=request.role, now=now, actor_id=request.user.pk)
        except Refusal as refusal:
            refused = f"{refusal.code}. {refusal}"
        else:
            messages.success(request, _("Quittance n° %(number)s délivrée.") % {"number": made.printed})
            return see_page("quittance", slug, settlement.pk)
    with tenant(town):
        there = quittances_of([settlement.pk], collectivite=town).get(settlement.pk)
        context = _told(there) if there is not None else _to_be(settlement)
    attempt, receipt = settlement.attempt, settlement.receipt
    titre = receipt.titre if receipt is not None else attempt.titre
    back = reverse("titre", args=[slug, titre.pk]) if titre is not None else reverse("payment", args=[slug, attempt.pk])
    context |= {
        "settlement": settlement,
        "is_online": receipt is None,
        "back": back,
        "back_name": context["parts"][0]["name"] if context["parts"] else _("Paiement"),
        "may_act": may_move_money(request),
        "refused": refused,
    }
    return render(request, "backoffice/quittance.html", context, status=422 if refused else 200)


def _told(there: Quittance) -> dict[str, Any]:
    """What its page shows of one that is there."""
    people = QuittancePerson.objects.filter(collectivite=there.collectivite_id, quittance=there).order_by("place")
    return {
        "quittance": there,
        "people": [person.name for person in people if person.erased_at is None],
        "erased_at": next((person.erased_at for person in people if person.erased_at is not None), None),
        "parts": _parts(there.parts),
        "excess": there.excess,
        "how": How(there.how).label,
        "piece": there.piece,
        "bank": there.bank,
        "reversal": reversal_of(there),
        "deliveries": deliveries_of(there),
    }


def _to_be(settlement: Settlement) -> dict[str, Any]:
    """What one would state, or why there will be none."""
    stated, titres = stated_of(settlement)
    debtors = Debtor.objects.filter(
        collectivite=settlement.collectivite_id, titre__in=[titre.pk for titre in titres]
    ).order_by("titre")
    why_not = ""
    try:
        checked_regie(settlement)
    except Refusal as refusal:
        why_not = f"{refusal} ({refusal.code})"
    return {
        "quittance": None,
        "people": list(dict.fromkeys(debtor.name for debtor in debtors)),
        "parts": _parts(stated["parts"]),
        "excess": stated["excess"],
        "how": How(stated["how"]).label,
        "piece": stated.get("piece", ""),
        "bank": stated.get("bank", ""),
        "why_not": why_not,
    }


def _parts(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": part["name"], "label": part["label"], "amount": Money(part["cents"])} for part in parts]


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG, is_the_town_s=True)
@require_http_methods(["GET", "HEAD", "POST"])
def quittance_pdf(request: BureauRequest, slug: str, quittance_id: int) -> HttpResponse:
    """Its PDF: the original to whoever takes it first, a duplicata to the others; who took it is written down."""
    town = request.collectivite
    with tenant(town):
        found = Quittance.objects.of(town).select_related("regie", "issued_by")
        there = found.filter(pk=quittance_id).first()
    if there is None:
        raise Http404
    if request.method != "POST":  # a sign-in in between, or an address kept: the button is there
        return see_page("quittance", slug, there.settlement_id)
    file = deliver(quittance=there, now=pages.clock(), actor_id=request.user.pk)
    answer = HttpResponse(file.content, content_type="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="{file.name}"'
    return answer


# The list


class Filters(forms.Form):
    """Which ones to list. What cannot be read filters nothing, and is told beside its field."""

    regie = forms.TypedChoiceField(label=gettext_lazy("Régie"), required=False, coerce=int, empty_value=None)
    annee = forms.TypedChoiceField(label=gettext_lazy("Année"), required=False, coerce=int, empty_value=None)
    numero = forms.RegexField(
        r"^\s*(?:[0-9]{4}-)?0*[1-9][0-9]{0,8}\s*$",
        label=gettext_lazy("Numéro"),
        help_text=gettext_lazy("123, ou 2026-000123"),
        required=False,
        max_length=20,
        error_messages=dict.fromkeys(
            ("invalid", "max_length", "null_characters_not_allowed"),
            gettext_lazy("R290. Écrivez le numéro en chiffres : 123, ou 2026-000123."),
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "aria-describedby": "id_numero-hint"}),
    )
    etat = forms.ChoiceField(
        label=gettext_lazy("État"),
        required=False,
        choices=[
            ("", gettext_lazy("Toutes")),
            ("delivree", gettext_lazy("délivrées")),
            ("annulee", gettext_lazy("annulées")),
        ],
        error_messages={"invalid_choice": BAD_CHOICE},
    )

    def __init__(self, data: Any, *, regies: list[Regie], years: list[int]) -> None:
        super().__init__(data)
        offered = {
            "regie": [(one.pk, f"{one.name} ({one.number})") for one in regies],
            "annee": [(year, str(year)) for year in years],
        }
        for name, choices in offered.items():
            field = self.fields[name]
            assert isinstance(field, forms.TypedChoiceField)
            field.choices = [("", _("Toutes")), *choices]
            field.error_messages["invalid_choice"] = BAD_CHOICE
        for name in self.errors:
            hint = f" id_{name}-hint" if self.fields[name].help_text else ""
            self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"id_{name}-error{hint}"}

    @property
    def written(self) -> dict[str, str]:
        """What an address, or a hidden field, says again."""
        told = {name: str(self.cleaned_data.get(name) or "") for name in self.fields}
        return {name: value for name, value in told.items() if value}

    def query(self, **more: str) -> str:
        told = self.written | {name: value for name, value in more.items() if value}
        return "?" + urlencode(told) if told else ""

    def select(self, town: Collectivite) -> QuerySet[Quittance]:
        """Those that it means, each saying whether it is cancelled."""
        gone = Reversal.objects.of(town).filter(settlement=OuterRef("settlement"))
        found = Quittance.objects.of(town).annotate(is_gone=Exists(gone))
        if regie := self.cleaned_data.get("regie"):
            found = found.filter(regie=regie)
        if year := self.cleaned_data.get("annee"):
            found = found.filter(year=year)
        if printed := self.cleaned_data.get("numero"):
            year, _dash, number = printed.rpartition("-")
            found = found.filter(number=int(number), **({"year": int(year)} if year else {}))
        if state := self.cleaned_data.get("etat"):
            found = found.filter(is_gone=state == "annulee")
        return found


@dataclass(frozen=True, kw_only=True)
class Line:
    """One quittance as the list shows it."""

    quittance: Quittance
    debts: str
    is_gone: bool


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def quittances(request: BureauRequest, slug: str) -> HttpResponse:
    """Every quittance that the filters mean, the newest first, and their totals; a cancelled one keeps its place."""
    return _list(request, _filters(request.collectivite, request.GET))


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_POST
def export_quittances(request: BureauRequest, slug: str) -> HttpResponseBase:
    """The selection as a CSV file, without names; the audit log says who took it."""
    town, now = request.collectivite, pages.clock()
    filters = _filters(town, request.POST)
    if filters.errors:
        return _list(request, filters, status=422)
    if not did_recently_reauthenticate(request):
        messages.info(request, _("Confirmez que c’est vous ; de retour à la liste, demandez l’export de nouveau."))
        back = reverse("quittances", args=[slug]) + filters.query()
        return confirm_first(back)
    with tenant(town):
        record(
            collectivite=town,
            action="export_quittances",
            subject="csv",
            after={"rows": filters.select(town).count(), "filters": filters.written},
            now=now,
            actor_id=request.user.pk,
        )
    csv = StreamingHttpResponse(_csv(town, filters, now), content_type="text/csv; charset=utf-8")
    name = f"quittances-{town.slug}-{paris.today(now).isoformat()}.csv"
    csv.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return csv


def _filters(town: Collectivite, told: Any) -> Filters:
    with tenant(town):
        years = QuittanceCounter.objects.of(town).filter(last__gt=0).values_list("year", flat=True)
        filters = Filters(
            told,
            regies=list(Regie.objects.of(town).order_by("name", "pk")),
            years=sorted(set(years), reverse=True),
        )
    filters.is_valid()
    return filters


def _list(request: BureauRequest, filters: Filters, *, status: int = 200) -> HttpResponse:
    town = request.collectivite
    after, before = (request.GET.get(name, "") for name in ("apres", "avant"))
    with tenant(town):
        plan_for_the_values_asked()
        found = filters.select(town)
        shown, older, newer = page_of(found, after=after, before=before, order=BY_ISSUE)
        totals = {
            is_gone: Tally(count=count, amount=Money(int(cents)))
            for is_gone, count, cents in found.order_by()
            .values_list("is_gone")  # type: ignore[misc]  # what `Filters.select` adds
            .annotate(count=Count("*"), cents=Sum("amount", output_field=BigIntegerField()))
        }
    address = reverse("quittances", args=[town.slug])
    context = {
        "quittances": address,
        "filters": filters,
        "wrong": [(filters[name].id_for_label, str(one)) for name, told in filters.errors.items() for one in told],
        "lines": [Line(quittance=one, debts=_debts(one), is_gone=_is_gone(one)) for one in shown],
        "given": totals.get(False, Tally()),
        "gone": totals.get(True, Tally()),
        "is_narrow": bool(filters.written),
        "may_act": request.role in MAY_EXPORT,
        "first_page": address + filters.query(),
        "newer_page": address + filters.query(avant=newer) if newer else "",
        "older_page": address + filters.query(apres=older) if older else "",
    }
    return render(request, "backoffice/quittances.html", context, status=status)


def _debts(one: Quittance) -> str:
    return ", ".join(part["name"] for part in one.parts)


def _is_gone(one: Quittance) -> bool:
    return bool(one.is_gone)  # type: ignore[attr-defined]  # what `Filters.select` adds


def _csv(town: Collectivite, filters: Filters, now: datetime) -> Iterator[bytes]:
    """Some thousand rows at a time, each in a transaction that ends before they are sent."""
    pending = [spreadsheets.BYTE_ORDER_MARK, spreadsheets.csv_line(list(COLUMNS))]
    place: Place | None = (now, LARGEST_KEY)
    while place is not None:
        with tenant(town):
            batch = list(older_than(filters.select(town), place, BY_ISSUE)[:BATCH])
            gone = {
                one.settlement_id: one
                for one in Reversal.objects.of(town).filter(settlement__in=[one.settlement_id for one in batch])
            }
        for one in batch:
            pending.append(spreadsheets.csv_line(_cells(one, gone.get(one.settlement_id))))
        yield "".join(pending).encode("utf-8")
        pending = []
        place = (batch[-1].issued_at, batch[-1].pk) if len(batch) == BATCH else None


def _cells(one: Quittance, gone: Reversal | None) -> list[str]:
    return [
        spreadsheets.as_text(one.regie_number),
        spreadsheets.as_text(one.printed),
        spreadsheets.moment(one.issued_at),
        spreadsheets.moment(one.paid_at),
        spreadsheets.decimal(one.amount),
        str(How(one.how).label),
        spreadsheets.neutral(_debts(one)),
        _("annulée") if gone is not None else _("délivrée"),
        spreadsheets.moment(gone.made_at) if gone is not None else "",
        str(gone.get_cause_display()) if gone is not None else "",
    ]
