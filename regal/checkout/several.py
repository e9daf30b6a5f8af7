"""The page of the list: another invoice is added to it, or one is taken off.

Each is looked up as the first was, with the same budgets and the same single answer for what does not exist. The list
travels sealed in a hidden field; it holds nothing that was not found.
"""

from dataclasses import replace

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from regal.checkout import pages
from regal.checkout.flow import BadToken, ExpiredToken, Recap, unseal
from regal.checkout.forms import OneMoreForm
from regal.checkout.look_ups import looked_up, source_of
from regal.checkout.together import Together, way_of, with_list, without
from regal.checkout.town import Town
from regal.checkout.ways import ByForm, as_typed, may_pay_several
from regal.lib import paris, tokens
from regal.lib.money import Money
from regal.lib.policy import Frame, Rate, Tenant, Who, policy
from regal.lib.references import DebtReference
from regal.lib.tenancy import tenant
from regal.lib.throttle import is_too_often
from regal.payments.operations import check_order
from regal.payments.queries import LookUp, Situation
from regal.payments.refusals import CannotHandOff
from regal.payments.shares import MOST_AT_ONCE
from regal.reconciliation.comptable import Verdict, standing_of

ADD, REMOVE, GO_ON = "ajouter", "retirer", "continuer"  # the buttons


@policy(who=Who.ANYBODY, tenant=Tenant.SLUG, frame=Frame.ALLOWED_ORIGINS, rate=Rate.PAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def several(request: HttpRequest, slug: str, product_slug: str) -> HttpResponse:
    """The list of what is paid together; then its recap."""
    now = pages.clock()
    town = Town.called(slug, now=now)
    chosen = town.product(product_slug)
    if request.method != "POST":  # the address typed again, or a tab restored: nothing is known of the list
        return HttpResponseRedirect(reverse("product", args=[slug, product_slug]))
    if is_too_often(rate=Rate.PAGE, source=source_of(request), limit=pages.MOST_FORMS, now=now):
        return town.too_often_page(request, chosen)
    try:
        recap = unseal(request.POST.get("token", ""), product=chosen, now=now)
    except ExpiredToken as expired:  # what was typed stays; whether it can still be paid is looked up again
        recap = expired.recap
    except BadToken:
        return town.lost_page(request, chosen)
    _first, *more = recap.every
    recap = with_list(recap, [(recap.debt_reference, recap.due.cents), *more])  # each is paid whole
    way = Together(town, request, chosen, form=town.form(chosen, as_typed(recap, chosen)), recap=recap)
    if way.started() is not None:
        return way.already_started_page()
    if not town.is_open(chosen):
        return town.closed_page(request, chosen, status=409)
    if not may_pay_several(town, chosen):
        return town.form_page(request, chosen, town.form(chosen, initial=as_typed(recap, chosen)), status=409)
    if REMOVE in request.POST:
        return _less(way, request.POST[REMOVE])
    is_typed = any(request.POST.get(name, "").strip() for name in ("invoice", "amount", "key"))
    if ADD in request.POST or (GO_ON in request.POST and is_typed):
        refused = _add(request, way)
        if refused is not None:
            return refused
        if GO_ON not in request.POST:
            return way.list_page(notice="added")
    return _go_on(way) if GO_ON in request.POST else way.list_page()


def _less(way: Together, place: str) -> HttpResponse:
    """The list without one of its invoices; a place that is not in it takes nothing off."""
    former = way.recap
    _hold(way, without(former, int(place) if place.isdecimal() and len(place) < 4 else 0))
    return way.list_page(notice="removed" if way.recap.every != former.every else "")


def _add(request: HttpRequest, way: Together) -> HttpResponse | None:
    """Put what was typed in the list, if it can be paid; the page of what is wrong otherwise."""
    town, product = way.town, way.product
    form = way.one_more = OneMoreForm(request.POST, product=product, latest=paris.exercice(town.now))
    if len(way.recap.every) >= MOST_AT_ONCE:
        return way.list_page(status=409)
    if not form.is_valid():
        return way.list_page(status=422)
    reference: DebtReference = form.cleaned_data["reference"]
    if any(listed == reference.digits for listed, _cents in way.recap.every):
        form.say_listed()
        return way.list_page(status=422)
    amount: Money | None = form.cleaned_data["amount"]  # none where the notice's key stands for it
    cents, key = 0 if amount is None else amount.cents, form.cleaned_data.get("key", "")
    typed = replace(with_list(way.recap, [(reference.digits, cents)]), key=key)
    one = ByForm(town, way.request, product, form=form, recap=typed)
    found = looked_up(one, town, request, now=town.now)
    if isinstance(found, HttpResponse):
        return found
    if found.situation is not Situation.PAYABLE:
        return _not_added(way, found, form=form)
    _hold(way, with_list(way.recap, [*way.recap.every, *one.recap.every]))
    way.one_more = OneMoreForm(product=product, latest=paris.exercice(town.now))
    return None


def _not_added(way: Together, found: LookUp, *, form: OneMoreForm) -> HttpResponse:
    """Why, to whoever typed both number and amount; of what does not exist, the one sentence."""
    if found.situation is Situation.UNKNOWN:
        form.say_not_found()
    elif found.situation is Situation.COMPTABLE:
        form.say_elsewhere(_form_of(way.town, found))
    else:
        form.say_not_payable(
            found, town=way.town.collectivite, since=way.paid_since(found), until=way.held_until(found)
        )
    return way.list_page(status=422)


def _form_of(town: Town, found: LookUp) -> str:
    """The name of the form by which a titre of the comptable is paid; "" where it is not paid online now."""
    assert found.titre is not None
    other = next(one for one in town.products if one.pk == found.titre.product_id)
    return other.name if town.is_open(other) and standing_of(found.titre) is Verdict.NOTHING else ""


def _go_on(way: Together) -> HttpResponse:
    """The recap, once each can be paid now and the gateway would take their sum."""
    found = way.look_up(now=way.town.now)
    if found.situation is not Situation.PAYABLE:
        return way.answer_to(found)
    recap = way.recap
    chosen = way_of(way.town, way.request, way.product, form=way.form, recap=recap) if not recap.more else way
    try:
        with tenant(way.town.collectivite):
            check_order(order=chosen.order(found.titre))
    except CannotHandOff as refusal:
        return chosen.refused_page(refusal)
    return chosen.recap_page(found.titre)


def _hold(way: Together, recap: Recap) -> None:
    """Another list is another payment: it has a token of its own."""
    way.recap = replace(recap, flow_token=tokens.new_token(), handle=tokens.new_token(), told_of_earlier=False)
    way.flow_token, way.handle = way.recap.flow_token, way.recap.handle
    way.reference, way.amount = way.recap.debt_reference, way.recap.total
    way.form = way.town.form(way.product, as_typed(way.recap, way.product))
    way.found = []
