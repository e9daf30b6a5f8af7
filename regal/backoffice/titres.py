"""The invoices of our own base: their list, one of them with what can be decided about it, and a new one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from regal.backoffice import pages
from regal.backoffice.counter import can_receive, count_of_moves
from regal.backoffice.pages import Line as PaymentLine
from regal.backoffice.policies import (
    BureauRequest,
    demand,
    may_move_money,
    money_is_not_for,
)
from regal.backoffice.queries import plan_for_the_values_asked
from regal.backoffice.redirects import see_other, see_page
from regal.backoffice.titre_forms import (
    NO_WORD,
    SITUATIONS,
    TOO_WIDE,
    AdjustForm,
    DecideForm,
    NewTitreForm,
    TitreExportForm,
    TitreFilters,
)
from regal.backoffice.titre_queries import (
    MOST_COUNTED,
    Selection,
    Situation,
    Sums,
    TitreTotals,
    attempts_on,
    debtor_of,
    debtors_of,
    erased_among,
    open_excesses_of,
    page_of_titres,
    selected_titres,
    situation_of,
    steps_of,
    sums_of,
    titre_numbered,
    titre_products,
    totals_of_few,
    totals_of_titres,
)
from regal.backoffice.titre_search import Kind, search
from regal.backoffice.titre_story import story_of
from regal.collectivites import debt_words
from regal.collectivites.debt_words import later_said, said
from regal.collectivites.models import Collectivite
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.payments.queries import excess_of, paid_of, waiting_on
from regal.people.models import Role
from regal.reconciliation.comptable import collected_of, last_word_on, left_of
from regal.titres import holds, operations
from regal.titres.import_queries import imports_of
from regal.titres.links import payment_link
from regal.titres.models import Collector, Direction, Titre
from regal.titres.queries import payer_note_of
from regal.titres.refusals import Refusal
from regal.titres.states import State
from regal.titres.words import name_of, short_name_of, word_of

MAY_ACT = (Role.REGISSEUR, Role.ADMINISTRATOR)
MOST_IMPORTS = 100  # in the list to choose from
MOST_SHOWN = 50  # payments on one page
LOOKS: dict[Situation, str] = {
    Situation.PAYABLE: "badge-announced",
    Situation.HELD: "badge-warn",
    Situation.PAID: "badge-good",
    Situation.SUSPENDED: "badge-warn",
    Situation.CLOSED: "badge-good",
    Situation.REJECTED: "badge-warn",
}
_NEVER_CHANGED = (Situation.PAID, Situation.WITHDRAWN)

# The list


@dataclass(frozen=True, kw_only=True)
class Line:
    """One invoice as a list shows it."""

    key: int
    name: str
    may_be_ticked: bool  # whether some act may be done on it
    label: str
    product: str
    issued_on: date
    due_on: date | None
    debtor: str  # "" once purged
    sums: Sums
    left: Money
    situation: str
    look: str

    @property
    def says_product(self) -> bool:
        """Whether the label begins with the product's name: a narrow screen then says it once."""
        return self.label.casefold().startswith(self.product.casefold())

    @classmethod
    def of(cls, titre: Titre, *, sums: Sums, collected: Money, debtor: str, now: datetime) -> "Line":
        situation = situation_of(titre, now=now)
        with debt_words.override(word_of(titre)):
            told = str(SITUATIONS[situation])
        return cls(
            key=titre.pk,
            name=short_name_of(titre),
            may_be_ticked=titre.collector == Collector.REGIE and situation not in _NEVER_CHANGED,
            label=titre.label,
            product=titre.product.name,
            issued_on=titre.issued_on,
            due_on=titre.due_on,
            debtor=debtor,
            sums=sums,
            left=max(sums.left - collected, Money.zero),
            situation=told,
            look=LOOKS.get(situation, "badge-quiet"),
        )


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def titres(request: BureauRequest, slug: str) -> HttpResponse:
    """Every invoice that the filters mean, the newest first, and exactly what is left to collect of them."""
    return show_list(request, filters_of(request.collectivite, request.GET))


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_POST
def search_titres(request: BureauRequest, slug: str) -> HttpResponse:
    """What was typed comes in the body, and goes on sealed: it may be a name."""
    filters = filters_of(request.collectivite, request.POST)
    if filters.errors:
        return show_list(request, filters, status=422)
    return see_other(reverse("titres", args=[slug]) + filters.query())


def filters_of(town: Collectivite, told: Any) -> TitreFilters:
    """The filters as typed or as an address says them."""
    with tenant(town):
        return TitreFilters(
            told, town=town, products=titre_products(collectivite=town), imports=list(imports_of(town)[:MOST_IMPORTS])
        )


def selection_of(filters: TitreFilters) -> Selection:
    """What they mean. Call it inside `tenant()`."""
    return filters.selection(search(filters.text, collectivite=filters.town) if filters.text else None)


def show_list(
    request: BureauRequest, filters: TitreFilters, *, export: forms.Form | None = None, status: int = 200
) -> HttpResponse:
    """The page of the list."""
    town, now = request.collectivite, pages.clock()
    after, before = (request.GET.get(name, "") for name in ("apres", "avant"))
    with tenant(town):
        plan_for_the_values_asked()
        searched = search(filters.text, collectivite=town) if filters.text else None
        if searched is not None and (searched.is_too_wide or searched.kind is None):
            filters.add_error("recherche", TOO_WIDE if searched.is_too_wide else NO_WORD)
        selection = filters.selection(searched)
        found = selected_titres(collectivite=town, selection=selection, now=now)
        shown, older, newer = page_of_titres(
            found, collectivite=town, order=selection.order, after=after, before=before
        )
        if not shown and (after or before):  # past the end: what stood there is gone
            shown, older, newer = page_of_titres(found, collectivite=town, order=selection.order)
        sums = sums_of(shown, collectivite=town)
        by_name = searched is not None and searched.kind is Kind.NAME  # else a list names nobody
        names = debtors_of(shown, collectivite=town) if by_name else {}
        whole = not older and not newer  # the page shows them all
        if whole:
            found = Titre.objects.of(town).filter(pk__anyof=[titre.pk for titre in shown])
        count = totals_of_titres if request.GET.get("totaux") == "oui" else totals_of_few
        totals = count(found, collectivite=town) if shown else TitreTotals()
        theirs = [titre.pk for titre in shown if titre.collector == Collector.COMPTABLE and titre.status == State.OPEN]
        collected = collected_of(theirs, collectivite=town) if theirs else {}
    lines = [
        Line.of(
            titre,
            sums=sums[titre.pk],
            collected=collected.get(titre.pk, Money.zero),
            debtor=names.get(titre.pk, ""),
            now=now,
        )
        for titre in shown
    ]
    may_act = request.role in MAY_ACT
    address = reverse("titres", args=[town.slug])
    wrong = [
        (form[name].id_for_label, str(one))
        for form in (filters, export)
        if form is not None and form.is_bound
        for name, told in form.errors.items()
        for one in told
    ]
    context = {
        "titres": address,
        "filters": filters,
        "wrong": wrong,
        "searched": searched,
        "by_name": by_name,
        "near": [(word, ", ".join(like)) for word, like in searched.near.items()] if searched is not None else [],
        "lines": lines,
        "may_tick": may_act and not wrong and (any(line.may_be_ticked for line in lines) or not whole),
        "totals": totals,
        "count": totals.count if totals is not None else None,
        "most_counted": f"{MOST_COUNTED:,}".replace(",", "\N{NO-BREAK SPACE}"),
        "has_products": bool(filters.products),
        "filtered": list(filters.written.items()),
        "may_act": may_act,
        "is_suite": bool(newer),
        "order": selection.order.column,
        "first_page": address + filters.query(),
        "newer_page": filters.query(avant=newer) if newer else "",
        "older_page": filters.query(apres=older) if older else "",
        "with_totals": filters.query(totaux="oui"),
        "export": export or TitreExportForm(),
    }
    return render(request, "backoffice/titres.html", context, status=status)


# A new one


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def new_titre(request: BureauRequest, slug: str) -> HttpResponse:
    """Type in an invoice: a draft to be read again, or issued at once."""
    town, now = request.collectivite, pages.clock()
    with tenant(town):
        products = titre_products(collectivite=town)
    data = request.POST if request.method == "POST" else None
    form = NewTitreForm(data, products=products, initial={"emission": paris.today(now)})
    if data is not None and form.is_valid():
        issues = data.get("acte") == "emettre"
        try:
            with tenant(town):
                titre = operations.record_titre(**form.told, **_by(request))
                if issues:
                    operations.issue(titre=titre, **_by(request))
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            told = (
                _("%(Debt)s %(number)s : le paiement est ouvert.")
                if issues
                else _("%(Debt)s %(number)s : brouillon enregistré.")
            )
            messages.success(request, said(told, number=titre.number))
            return see_page("titre", slug, titre.pk)
    context = {"form": form, "has_products": bool(products)}
    return render(request, "backoffice/new_titre.html", context, status=422 if form.errors else 200)


# One of them


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def titre(request: BureauRequest, slug: str, titre_id: int) -> HttpResponse:
    """What it is, what is due, who paid what of it, its history, and what can be decided about it."""
    town, now = request.collectivite, pages.clock()
    shown, seen = shown_titre(request, titre_id)
    adjusting, deciding, refused = AdjustForm(), DecideForm(choices=_ALL_DECISIONS), ""
    status = 200
    if request.method == "POST":
        demand(request, Who.REGISSEUR)
        adjusting, deciding, refused, told = _act(request, shown)
        if told:
            messages.success(request, told)
            return see_page("titre", slug, titre_id)
        status, (shown, seen) = 422, shown_titre(request, titre_id)
    with tenant(town):
        sums = sums_of([shown], collectivite=town)[shown.pk]
        excesses = [(case.pk, excess_of(case.facts, titre_id=shown.pk)) for case in open_excesses_of(shown)]
        excess = sum((amount for _case, amount in excesses), Money.zero)
        decisions = _decisions(shown, paid=sums.paid, excess=excess, now=now)
        deciding.offer(decisions)
        attempts = list(attempts_on(shown)[: MOST_SHOWN + 1])
        context = {
            "titre": shown,
            "name": name_of(shown),
            "debtor": debtor_of(shown),
            "erased_at": erased_among([shown], collectivite=town).get(shown.pk),
            "sums": sums,
            "situation": SITUATIONS[situation_of(shown, now=now)],
            "look": LOOKS.get(situation_of(shown, now=now), "badge-quiet"),
            "explanation": explanation_of(shown, now=now),
            "link": payment_link(shown) if shown.status == State.OPEN and shown.paid_at is None else "",
            "said": last_word_on(shown),
            "left": _left(shown),
            "excesses": excesses,
            "excess": excess,
            "steps": story_of(shown, attempts=attempts[:MOST_SHOWN]),
            "payer_note": payer_note_of(shown) if shown.status in _STOPPED else "",
            "lines": PaymentLine.all_of(attempts[:MOST_SHOWN]),
            "has_more": len(attempts) > MOST_SHOWN,
            "seen": seen,
        }
    is_unpaid = shown.paid_at is None
    is_held = is_unpaid and shown.is_held(now)
    is_ours = shown.collector == Collector.REGIE
    can_adjust = is_ours and is_unpaid and not is_held and shown.status in (State.DRAFT, State.OPEN, State.SUSPENDED)
    can_decide = is_unpaid and bool(decisions)
    lost = ["" if can_adjust else adjusting["motif_montant"].value()]
    lost += [] if can_decide else [deciding[name].value() for name in ("motif", "payeur") if name in deciding.fields]
    context |= {
        "adjusting": adjusting,
        "deciding": deciding,
        "refused": refused,
        "wrong": _wrong(adjusting, deciding, refused),
        "may_act": request.role in MAY_ACT,
        "may_issue": may_move_money(request),
        "may_move_money": may_move_money(request),
        "money_is_not_yours": money_is_not_for(request) if is_ours and shown.status != State.DRAFT else "",
        "can_issue": shown.status == State.DRAFT,
        "can_edit": shown.status == State.DRAFT or (can_adjust and shown.status in (State.OPEN, State.SUSPENDED)),
        "held_until": shown.held_until if is_held else None,
        "can_adjust": can_adjust,
        "can_decide": can_decide,
        "is_due_again": is_ours and is_unpaid and excess > Money.zero and shown.status in (State.OPEN, State.SUSPENDED),
        "never_cancelled": can_adjust and sums.paid > Money.zero,
        "never_restored": is_unpaid and excess > Money.zero and shown.status in _OVER,
        "can_receive": can_receive(shown),
        "lost": [one for one in lost if one],
        "is_paid": not is_unpaid,
        "is_ours": is_ours,
        "is_withdrawn": shown.status == State.WITHDRAWN,
        "is_transferred": is_unpaid and shown.status == State.TRANSFERRED,
    }
    context["Debts"] = debt_words.forms()["Debts"]  # the menu's, whatever this one is
    with debt_words.override(word_of(shown)):
        return render(request, "backoffice/titre.html", context, status=status)


def _act(request: BureauRequest, shown: Titre) -> tuple[AdjustForm, DecideForm, str, str]:
    """Do what was asked. The two forms, what is wrong that belongs to neither, and the sentence once it is done."""
    act, typed = request.POST.get("acte", ""), request.POST
    adjusting = AdjustForm(typed if act == "montant" else None)
    deciding = DecideForm(typed if act == "decision" else None, choices=_ALL_DECISIONS)
    told: dict[str, Any] = {"titre": shown, **_by(request)}
    try:
        with tenant(request.collectivite):
            told["seen"] = seen_steps(request, shown)
            if act == "emettre":
                operations.issue(**told)
                return adjusting, deciding, "", said(_("%(The_debt)s peut être payé%(e)s."))
            if act == "montant" and adjusting.is_valid():
                read = adjusting.cleaned_data
                operations.adjust(
                    direction=Direction(read["sens"]),
                    amount=read["montant"],
                    reason=read["motif_montant"],
                    paid=paid_of,
                    **told,
                )
                return adjusting, deciding, "", _("Le montant dû a changé.")
            if act == "decision" and deciding.is_valid():
                decide, done = _DECISIONS[deciding.cleaned_data["decision"]]
                decide(**deciding.told, **told)
                return adjusting, deciding, "", said(done)
    except Refusal as refusal:
        form = adjusting if adjusting.is_bound else deciding if deciding.is_bound else None
        if form is None:
            return adjusting, deciding, f"{refusal.code}. {refusal}", ""
        form.refuse(refusal)
    if act not in ("emettre", "montant", "decision"):
        raise BadRequest("no such act")
    return adjusting, deciding, "", ""


def seen_steps(request: BureauRequest, shown: Titre) -> int:
    """How many steps the page showed, its titre locked: no payment comes from now on. Raises BadRequest."""
    seen = request.POST.get("vu", "")
    if not (seen.isascii() and seen.isdecimal() and len(seen) < 9):
        raise BadRequest("not what the page showed")
    holds.lock(collectivite_id=request.collectivite.pk, titre_id=shown.pk)
    return int(seen) - count_of_moves(shown)  # the rest are payments


def _decisions(titre: Titre, *, paid: Money, excess: Money, now: datetime) -> list[tuple[str, Promise]]:
    """What can be decided now, in the order of gravity; while somebody pays, only whether another may begin.

    Once a part is paid, nothing is cancelled; while an excess waits, nothing is restored.
    """
    choices = _CHOICES.get(State(titre.status), ()) if titre.collector == Collector.REGIE else ()
    refused = {_CANCEL} if paid > Money.zero else set()
    refused |= {_RESTORE} if excess > Money.zero else set()
    free = [choice for choice in choices if not titre.is_held(now) or choice in (_SUSPEND, _RESUME)]
    return [choice for choice in free if choice not in refused]


_SUSPEND = ("suspendre", gettext_lazy("Suspendre : plus de paiement en ligne pour l’instant"))
_RESUME = ("reprendre", gettext_lazy("Remettre à payer"))
_CANCEL = ("annuler", gettext_lazy("Annuler : plus rien n’est dû"))
_TRANSFER = ("transmettre", gettext_lazy("Transmettre au comptable : lui seul encaisse désormais"))
_WRITE_OFF = ("abandonner", gettext_lazy("Abandonner : personne n’encaissera"))
_RESTORE = ("retablir", gettext_lazy("Rétablir : revenir sur cette décision"))
_CHOICES: dict[State, tuple[tuple[str, Promise], ...]] = {
    State.DRAFT: (_CANCEL,),
    State.OPEN: (_SUSPEND, _CANCEL, _TRANSFER, _WRITE_OFF),
    State.SUSPENDED: (_RESUME, _CANCEL, _TRANSFER, _WRITE_OFF),
    State.CANCELLED: (_RESTORE,),
    State.TRANSFERRED: (_RESTORE,),
    State.WRITTEN_OFF: (_RESTORE,),
}
_OVER = (State.CANCELLED, State.TRANSFERRED, State.WRITTEN_OFF)
_STOPPED = (State.SUSPENDED, State.CANCELLED, State.TRANSFERRED, State.WRITTEN_OFF)


_ALL_DECISIONS = (_SUSPEND, _RESUME, _CANCEL, _TRANSFER, _WRITE_OFF, _RESTORE)


def _cancel(**told: Any) -> Titre:
    return operations.cancel(paid=paid_of, **told)


def _restore(**told: Any) -> Titre:
    return operations.restore(waiting=waiting_on, **told)


_DECISIONS: dict[str, tuple[Callable[..., Titre], Promise]] = {
    "suspendre": (operations.suspend, gettext_lazy("Suspension enregistrée : plus de paiement en ligne.")),
    "reprendre": (operations.resume, gettext_lazy("%(The_debt)s peut de nouveau être payé%(e)s.")),
    "annuler": (_cancel, gettext_lazy("Annulation enregistrée : plus rien n’est dû.")),
    "transmettre": (operations.transfer, gettext_lazy("Transmission au comptable enregistrée.")),
    "abandonner": (operations.write_off, gettext_lazy("Abandon enregistré.")),
    "retablir": (_restore, gettext_lazy("Rétablissement enregistré.")),
}
_EXPLANATIONS: dict[Situation, Promise] = {
    Situation.PAYABLE: gettext_lazy("Le paiement en ligne est ouvert, avec son numéro."),
    Situation.HELD: gettext_lazy("Quelqu’un est en train de payer, et personne d’autre ne peut commencer."),
    Situation.PAID: gettext_lazy("Tout est payé : plus rien ne change."),
    Situation.DRAFT: gettext_lazy("Personne ne voit encore ce brouillon. Relisez-le, puis émettez-le."),
    Situation.SUSPENDED: gettext_lazy("Pas de paiement en ligne tant que vous ne décidez pas la remise à payer."),
    Situation.CANCELLED: gettext_lazy(
        "Plus rien n’est dû. Un paiement commencé avant et prouvé après reste encaissé : il attend dans une anomalie."
    ),
    Situation.TRANSFERRED: gettext_lazy("Seul le comptable public encaisse désormais."),
    Situation.WRITTEN_OFF: gettext_lazy("La régie a renoncé à encaisser."),
    Situation.WITHDRAWN: gettext_lazy("L’import a été défait : rien n’est dû."),
}
_EXPLANATIONS_OF_THE_COMPTABLE: dict[Situation, Promise] = {
    Situation.PAYABLE: gettext_lazy("À payer hors régie, sur le contrat du comptable."),
    Situation.DRAFT: later_said(gettext_lazy("%(The_debt)s n’est encore visible de personne.")),
    Situation.SUSPENDED: later_said(gettext_lazy("Le comptable l’a mis%(e)s en instance : qui paie en est averti.")),
    Situation.CANCELLED: gettext_lazy("L’ordonnateur a annulé : plus rien n’est dû."),
    Situation.WRITTEN_OFF: later_said(gettext_lazy("Le comptable l’a admis%(e)s en non-valeur.")),
    Situation.CLOSED: gettext_lazy("Le comptable dit qu’il n’y reste rien à payer : plus de paiement en ligne."),
    Situation.REJECTED: later_said(
        gettext_lazy("Le comptable ne l’a pas pris%(e)s en charge : qui paie en est averti.")
    ),
}


def explanation_of(titre: Titre, *, now: datetime) -> Promise:
    """What its situation means to whoever collects it."""
    situation = situation_of(titre, now=now)
    of_the_comptable = titre.collector == Collector.COMPTABLE and situation in _EXPLANATIONS_OF_THE_COMPTABLE
    return (_EXPLANATIONS_OF_THE_COMPTABLE if of_the_comptable else _EXPLANATIONS)[situation]


def _left(titre: Titre) -> Money:
    """What is still to be paid of it, as far as is known here."""
    if titre.collector == Collector.REGIE:
        return sums_of([titre], collectivite=titre.collectivite)[titre.pk].left
    return left_of(titre) if titre.status in (State.DRAFT, State.OPEN, State.SUSPENDED) else Money.zero


def shown_titre(request: BureauRequest, titre_id: int) -> tuple[Titre, int]:
    """It, and how many steps and payments of it the page shows at least. Both only grow. Raises Http404."""
    town = request.collectivite
    asked = Titre(pk=titre_id, collectivite_id=town.pk)
    with tenant(town):
        seen = steps_of(asked).count() + count_of_moves(asked)  # first: nothing shown is older
        found = titre_numbered(collectivite=town, titre_id=asked.pk)
    if found is None:
        raise Http404
    return found, seen


def _wrong(adjusting: AdjustForm, deciding: DecideForm, refused: str) -> list[tuple[str, str]]:
    """(id of the field, sentence): what the head of the page says."""
    wrong = [("", refused)] if refused else []
    for form in (adjusting, deciding):
        for name, sentences in form.errors.items() if form.is_bound else ():
            field = form[name].id_for_label if name in form.fields else ""
            wrong += [(field, str(sentence)) for sentence in sentences]
    return wrong


def _by(request: BureauRequest) -> dict[str, Any]:
    return {"now": pages.clock(), "actor_id": request.user.pk}
