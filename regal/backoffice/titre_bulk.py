"""An act on many debts: chosen in the list, read line by line before anything changes, confirmed once."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import Case, QuerySet, When
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from regal.backoffice import pages, titre_groups
from regal.backoffice.policies import BureauRequest, demand
from regal.backoffice.queries import Tally
from regal.backoffice.redirects import see_page
from regal.backoffice.titre_forms import NO_DECISION, Refusing, payer_note, reason
from regal.backoffice.titre_groups import ACTS, MOST
from regal.backoffice.titre_queries import selected_titres
from regal.backoffice.titres import MAY_ACT, filters_of, selection_of
from regal.lib.keys import key_in
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.titres import refusals
from regal.titres.models import Collector, GroupAct, Titre, TitreGroup, TitreGroupLine
from regal.titres.states import State

LINES_SHOWN = 100  # on one page


class GroupForm(Refusing):
    """What is done to all of them, and why."""

    PLACES = {"reason": "motif", "payer_note": "payeur"}

    decision = forms.ChoiceField(
        label=gettext_lazy("Ce que vous voulez faire"),
        choices=GroupAct.choices,
        error_messages={"required": NO_DECISION, "invalid_choice": NO_DECISION},
    )
    motif = reason()
    payeur = payer_note()

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        if self.is_bound and self.data.get("decision") == GroupAct.ISSUE:
            self.fields["motif"].required = False

    def offer(self, acts: Sequence[GroupAct]) -> None:
        """What can be chosen from now on: what suits at least one line."""
        decision = self.fields["decision"]
        assert isinstance(decision, forms.ChoiceField)
        decision.choices = [("", _("Choisissez")), *((act.value, act.label) for act in acts)]

    def clean(self) -> dict[str, Any]:
        """What is written for the payer is never lost silently."""
        read: dict[str, Any] = super().clean() or {}
        act = read.get("decision")
        if read.get("payeur") and act and not ACTS[GroupAct(act)].has_payer_note:
            self.add_error(
                "payeur",
                _("R248. Le payeur ne lit rien de cet acte : videz « Ce que lira le payeur »."),
            )
        return read


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def new_group(request: BureauRequest, slug: str) -> HttpResponse:
    """What was chosen in the list, and what to do with it. What it would do is the next page."""
    if request.method != "POST":
        return see_page("titres", slug)
    town, data = request.collectivite, request.POST
    is_prepared = data.get("acte", "") == "preparer"
    with tenant(town):
        chosen, hidden = chosen_titres(request)
        met = chosen.count()
        if ("tout", "1") in hidden:  # what was ticked one by one is shown, and refused, line by line
            chosen = chosen.filter(collector=Collector.REGIE, paid_at__isnull=True).exclude(status=State.WITHDRAWN)
        tally = Tally(count=chosen.count())
        left_out = met - tally.count
        changing = chosen.filter(collector=Collector.REGIE, paid_at__isnull=True).order_by()
        acts = titre_groups.acts_for({State(one) for one in changing.values_list("status", flat=True).distinct()})
    form = GroupForm(data if is_prepared else None)
    refused = ""
    if tally.count > MOST or not acts:
        refusal: refusals.Refusal = refusals.TooMany(count=tally.count, most=MOST)
        if not acts:
            refusal = refusals.NothingToChange() if met else refusals.NothingChosen()
        refused = f"{refusal.code}. {refusal}"
    elif is_prepared and form.is_valid():
        read = form.cleaned_data
        try:
            group = titre_groups.prepare(
                collectivite=town,
                act=GroupAct(read["decision"]),
                reason=read["motif"],
                payer_note=read["payeur"],
                titres=chosen,
                now=pages.clock(),
                actor_id=request.user.pk,
            )
        except refusals.Refusal as refusal:
            form.refuse(refusal)
        else:
            return see_page("titre_group", slug, group.pk)
    form.offer(acts)
    context = {"form": form, "hidden": hidden, "tally": tally, "left_out": left_out, "refused": refused}
    status = 422 if refused or form.errors else 200
    return render(request, "backoffice/new_titre_group.html", context, status=status)


def chosen_titres(request: BureauRequest) -> tuple[QuerySet[Titre], list[tuple[str, str]]]:
    """What is meant, and the hidden fields that mean it again. Raises BadRequest. Call it inside `tenant()`."""
    town, data = request.collectivite, request.POST
    if data.get("tout", "") == "1":
        filters = filters_of(town, data)
        if filters.errors:  # what cannot be read filters nothing: never everything by mistake
            raise BadRequest("filters that no list offered")
        hidden = [("tout", "1"), *filters.written.items()]
        return selected_titres(collectivite=town, selection=selection_of(filters), now=pages.clock()), hidden
    keys = [key for key in map(key_in, data.getlist("choix")) if key is not None]
    return Titre.objects.of(town).filter(pk__in=keys[:MOST]), [("choix", str(key)) for key in keys]


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def group(request: BureauRequest, slug: str, group_id: int) -> HttpResponse:
    """Before it is confirmed, what it would do, line by line; then how far it is; then what it did."""
    town = request.collectivite
    with tenant(town):
        groups = TitreGroup.objects.of(town).select_related("prepared_by", "confirmed_by", "collectivite")
        found = groups.filter(pk=group_id).first()
    if found is None:
        raise Http404
    if request.method == "POST":
        demand(request, Who.REGISSEUR)
        try:
            titre_groups.confirm(group=found, now=pages.clock(), actor_id=request.user.pk)
        except refusals.AlreadyConfirmed as refusal:
            messages.info(request, str(refusal))
        return see_page("titre_group", slug, group_id)
    with tenant(town):
        sums = titre_groups.sums_of_group(found)
        lines, next_page = _lines(found, request.GET)
    context = {
        "group": found,
        "act": GroupAct(found.act).label,
        "sums": sums,
        "lines": lines,
        "first_page": reverse("titre_group", args=[slug, group_id]),
        "next_page": next_page,
        "may_act": request.role in MAY_ACT,
    }
    return render(request, "backoffice/titre_group.html", context)


def _lines(found: TitreGroup, asked: QueryDict) -> tuple[list[TitreGroupLine], str]:
    """One page of lines, refused ones first, and where the next begins ("": nowhere). Call it inside `tenant()`."""
    typed = asked.get("page", "")
    page = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 4 else 1
    start = (max(page, 1) - 1) * LINES_SHOWN
    lines = TitreGroupLine.objects.filter(collectivite=found.collectivite_id, group=found).select_related("titre")
    refused_first = Case(When(refusal="", then=1), default=0)
    ordered = lines.order_by(refused_first, "pk")
    shown = list(ordered[start : start + LINES_SHOWN + 1])
    return shown[:LINES_SHOWN], f"?page={page + 1}" if len(shown) > LINES_SHOWN else ""
