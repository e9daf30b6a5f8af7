"""The payer's pages: products, form, recap, departure to the gateway, and the attempt's own page.

They work in a frame on the town's site and out of it, without cookie, session or script. Nothing is stored before the
payer confirms; nothing leaves before it is committed (`docs/decisions/0004`).
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from regal.checkout.address import address_in
from regal.checkout.asked import address_after_return, ask_about, returned_at
from regal.checkout.by_card import is_by_card, tell
from regal.checkout.flow import BadToken, ExpiredToken, Recap, new_again, unseal, unseal_again
from regal.checkout.forms import FORMS, MOST_TYPED, EmailForm, typed_key
from regal.checkout.look_ups import looked_up, source_of
from regal.checkout.notifications import LONGEST_QUERY, opened
from regal.checkout.together import WITH, again_of, alone, more_in, way_of, with_list
from regal.checkout.town import NotHere, Town, situation_of
from regal.checkout.ways import BadPart, ByForm, as_typed, once_more, set_off
from regal.collectivites.models import Product
from regal.collectivites.reference_forms import read_reference
from regal.gateways.base import DebtKind, Environment, Message
from regal.gateways.registry import OF_OUR_BASE
from regal.lib import tokens
from regal.lib.canonical import sha256_hex
from regal.lib.money import Money
from regal.lib.policy import Frame, Rate, Tenant, Who, policy
from regal.lib.references import DebtReference, UnreadableReference
from regal.lib.tenancy import tenant
from regal.lib.throttle import is_too_often
from regal.payments.checker import hasten_by_payer
from regal.payments.models import Attempt, Share
from regal.payments.operations import Intake, check_order, intake, receive
from regal.payments.queries import FULL_PAGE, Situation, left_after, paid_beyond, taken_back_on, too_much_of
from regal.payments.refusals import CannotHandOff
from regal.payments.shares import several_of, shares_of
from regal.reconciliation.comptable import Verdict
from regal.titres.payment_keys import UnreadableKey, read_key
from regal.titres.states import State as TitreState

# From one address in a minute; a town hall has one address for all.
MOST_STARTS = 60  # attempts opened
MOST_FORMS = 180  # forms sent: somebody who tries amounts on another's reference is slowed down
MOST_COMPARISONS = 60  # what was typed compared with what the comptable collects
MOST_COMPARISONS_IN_TOWN = 1_200  # by everybody together
MOST_COMPARED = 10  # amounts tried on one reference that the comptable collects, by everybody together
GO_ON = "quand_meme"  # the field of « Continuer quand même »


def clock() -> datetime:
    """The pages' one look at the time."""
    return datetime.now(UTC)


@policy(who=Who.ANYBODY, tenant=Tenant.SLUG, frame=Frame.ALLOWED_ORIGINS)
@require_safe
def products(request: HttpRequest, slug: str) -> HttpResponse:
    """What can be paid to this collectivité."""
    town = Town.called(slug, now=clock())
    return town.page(request, "checkout/products.html", {"products": town.open_products(), "coming": town.coming()})


@policy(who=Who.ANYBODY, tenant=Tenant.SLUG, frame=Frame.ALLOWED_ORIGINS)
@require_http_methods(["GET", "HEAD", "POST"])
def product(request: HttpRequest, slug: str, product_slug: str) -> HttpResponse:
    """The form; posted, the recap, or the form again with what is wrong. A posted token comes back to be corrected."""
    now = clock()
    town = Town.called(slug, now=now)
    chosen = town.product(product_slug)
    if request.method != "POST":
        return (
            town.form_page(request, chosen, town.form(chosen, initial=_prefilled(request, chosen)))
            if town.is_open(chosen)
            else town.closed_page(request, chosen)
        )
    # Whoever holds a notice's key is heard, whoever sends what from the same address: no key is found by trying.
    if not _has_key(request, chosen) and is_too_often(
        rate=Rate.PAGE, source=source_of(request), limit=MOST_FORMS, now=now
    ):
        return town.too_often_page(request, chosen)
    if "token" in request.POST:
        try:
            typed = unseal(request.POST["token"], product=chosen, now=now)
        except ExpiredToken as expired:
            typed = expired.recap
        except BadToken:
            return town.lost_page(request, chosen)
        way = ByForm(town, request, chosen, form=town.form(chosen, initial=as_typed(typed, chosen)), recap=alone(typed))
        if town.is_open(chosen):
            if GO_ON in request.POST:
                return warned(way, town, request, only=Verdict.SETTLED) or way.recap_page(None)
            if "part" in request.POST and chosen.partial_payment and town.gateway(chosen).needs_titre:
                return _pay_part(request, way, now=now)
            if typed.more:
                way.form.carried = {WITH: request.POST["token"]}
            return town.form_page(request, chosen, way.form)
        return way.already_started_page() if way.started() else town.closed_page(request, chosen, status=409)
    if not town.is_open(chosen):
        return town.closed_page(request, chosen, status=409)
    form, more = town.form(chosen, request.POST), more_in(request, chosen, now=now)
    if more:
        form.carried = {WITH: request.POST[WITH]}
    if not form.is_valid():
        return town.form_page(request, chosen, form, status=422)
    reference: DebtReference = form.cleaned_data["reference"]
    amount: Money | None = form.cleaned_data["amount"]  # none where the notice's key stands for it
    recap = Recap(
        exercice=reference.exercice,
        debt_reference=reference.digits,
        amount_cents=0 if amount is None else amount.cents,
        key=form.cleaned_data.get("key", ""),
        email=form.cleaned_data["email"],
        flow_token=tokens.new_token(),
        handle=tokens.new_token(),
        told_of_earlier=False,
        address=address_in(form.cleaned_data),
        more=[one for one in more if one[0] != reference.digits],
    )
    way = way_of(town, request, chosen, form=form, recap=recap)
    titre = None
    if town.gateway(chosen).needs_titre:
        first = ByForm(town, request, chosen, form=form, recap=alone(recap))
        found = looked_up(first, town, request, now=now)
        if isinstance(found, HttpResponse):
            return found
        if found.situation is not Situation.PAYABLE:
            return first.answer_to(found)
        if recap.key and not first.fits_terms():
            return town.form_page(request, chosen, form, status=422)
        way = first
        if recap.more:
            way = way_of(town, request, chosen, form=form, recap=with_list(recap, [*first.recap.every, *recap.more]))
            found = way.look_up(now=now)
            if found.situation is not Situation.PAYABLE:
                return way.answer_to(found)
        titre = found.titre
    try:
        with tenant(town.collectivite):
            check_order(order=way.order(titre))
    except CannotHandOff as refusal:
        return way.refused_page(refusal)
    return (warned(way, town, request) if titre is None else None) or way.recap_page(titre)


def _has_key(request: HttpRequest, chosen: Product) -> bool:
    """Whether what looks like a payment key was typed, for an invoice of our own base."""
    if chosen.account.gateway not in OF_OUR_BASE:
        return False
    try:
        return bool(read_key(typed_key(request.POST)[:MOST_TYPED]))
    except UnreadableKey:
        return False


def _pay_part(request: HttpRequest, way: ByForm, *, now: datetime) -> HttpResponse:
    """The recap again, of the part of the debt that its payer chose. The token says that he had the right pair."""
    found = way.look_up(now=now)
    if found.situation is not Situation.PAYABLE:
        return way.answer_to(found)
    typed = request.POST["part"][:40]
    try:
        way.pay_part(typed)
        with tenant(way.town.collectivite):
            check_order(order=way.order(found.titre))
    except BadPart as wrong:
        return way.recap_page(found.titre, wrong=str(wrong), part=typed)
    except CannotHandOff as refusal:
        return way.refused_page(refusal)
    return way.recap_page(found.titre)


@policy(who=Who.ANYBODY, tenant=Tenant.SLUG, frame=Frame.ALLOWED_ORIGINS, rate=Rate.START)
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, slug: str, product_slug: str) -> HttpResponse:
    """Record the attempt, commit, and only then send the browser to the gateway."""
    now = clock()
    town = Town.called(slug, now=now)
    chosen = town.product(product_slug)
    if request.method != "POST":  # the address typed again, or a tab restored: nothing to pay here
        return HttpResponseRedirect(reverse("product", args=[slug, product_slug]))
    if is_too_often(rate=Rate.START, source=source_of(request), limit=MOST_STARTS, now=now):
        return town.too_often_page(request, chosen)
    try:
        recap, is_expired = unseal(request.POST.get("token", ""), product=chosen, now=now), False
    except ExpiredToken as expired:
        recap, is_expired = expired.recap, True
    except BadToken:
        return town.lost_page(request, chosen)
    way = way_of(town, request, chosen, form=town.form(chosen, as_typed(recap, chosen)), recap=recap)
    if (started := way.started()) is not None:  # and was paid perhaps
        return once_more(way, started)
    if not town.is_open(chosen):  # it closed while the payer was reading
        return town.closed_page(request, chosen, status=409)
    if is_expired:
        return way.expired_page()
    if not way.is_well_typed():  # its terms changed meanwhile
        return way.mend_page()
    return warned(way, town, request, only=Verdict.SETTLED) or set_off(way, clock=clock)


@policy(who=Who.ANYBODY, tenant=Tenant.TOKEN, frame=Frame.ALLOWED_ORIGINS)
@require_safe
def follow(request: HttpRequest, slug: str, handle: str) -> HttpResponse:
    """The attempt's own page: full for 30 minutes, one line for 7 days; amount, end of reference, status.

    Who looks at it has its gateway asked sooner, where it can be asked.
    """
    town = Town.called(slug, now=clock())
    attempt = town.attempt(handle=handle)
    if attempt is None:
        return town.nothing_started_page(request, handle)
    paid_for = town.product_of(attempt)
    with tenant(town.collectivite):
        shares = several_of(attempt)
    context = {
        "attempt": attempt,
        "shares": shares,
        "situation": situation_of(attempt),
        "in_full": town.now - attempt.created_at <= FULL_PAGE,
        "now": town.now,
        "can_start_again": town.is_open(paid_for),
        "is_test": attempt.environment == Environment.TEST,  # the product's contract may have changed since
    }
    if attempt.is_reversed:
        return _follow_reversed(town, attempt, context=context, request=request)
    if is_by_card(attempt.account):
        return _follow_card(request, town, attempt, handle=handle, context=context)
    if not town.asks_about(attempt):
        return town.page(request, "checkout/follow.html", context, product=paid_for)
    with tenant(town.collectivite):
        asked = ask_about(attempt=attempt, returned_at=returned_at(request, now=town.now), now=town.now)
        hasten_by_payer(attempt=attempt, now=town.now)
        context |= {"too_much": (too_much := too_much_of(attempt)), "left": left_after(attempt)}
        context |= {"beyond": _tails(paid_beyond(attempt)) if too_much else ""}
    context |= {
        "asked": asked,
        "situation": asked.situation,
        "in_full": context["in_full"] or asked.asks_after_return,
        "can_be_begun_again": (can_be_begun_again := town.can_be_begun_again(attempt)),
        "restarts": asked.restarts if can_be_begun_again else "",
        "again": _again_form(town, paid_for, handle=handle),
    }
    return town.page(request, "checkout/follow_asked.html", context, product=paid_for)


def _follow_reversed(town: Town, attempt: Attempt, *, context: dict[str, Any], request: HttpRequest) -> HttpResponse:
    """It was paid, and is not any more: said as long as its page is there, whoever the gateway is."""
    with tenant(town.collectivite):
        shares = shares_of(attempt)
        due = [share for share in shares if share.titre.paid_at is None and share.titre.status == TitreState.OPEN]
        context |= {
            "since": taken_back_on(attempt=attempt),
            "is_due": bool(due),
            "due_again": "" if len(due) == len(shares) else _tails(due),
        }
    return town.page(request, "checkout/follow.html", context, product=town.product_of(attempt))


def _tails(shares: Iterable[Share]) -> str:
    """Which of several, as their payment's page names them."""
    return ", ".join(f"…{share.reference_tail}" for share in shares)


def _follow_card(
    request: HttpRequest, town: Town, attempt: Attempt, *, handle: str, context: dict[str, Any]
) -> HttpResponse:
    paid_for = town.product_of(attempt)
    asks = town.asks_about(attempt)
    with tenant(town.collectivite):
        told = tell(attempt=attempt, now=town.now)
        if asks:
            hasten_by_payer(attempt=attempt, now=town.now)
        too_much, left = too_much_of(attempt), left_after(attempt)
        beyond = _tails(paid_beyond(attempt)) if too_much else ""
    context |= {
        "told": told,
        "situation": told.situation,
        "asks": asks,
        "too_much": too_much,
        "beyond": beyond,
        "left": left,
        "is_over": told.situation in ("confirmed", "provisional"),
        "restarts": told.restarts if town.can_be_begun_again(attempt) else "",
        "again": _again_form(town, paid_for, handle=handle),
    }
    return town.page(request, "checkout/follow_card.html", context, product=paid_for)


def _again_form(town: Town, product: Product, *, handle: str) -> dict[str, Any]:
    """« Recommencer » on the attempt's own page."""
    return {
        "action": reverse("again", args=[town.collectivite.slug, handle]),
        "hidden": {"token": new_again(handle=handle, product=product, now=town.now)},
    }


@policy(who=Who.ANYBODY, tenant=Tenant.TOKEN, frame=Frame.ALLOWED_ORIGINS)
@require_http_methods(["GET", "HEAD", "POST"])
def back(request: HttpRequest, slug: str, handle: str) -> HttpResponse:
    """The browser, sent back by the gateway: whatever it brings proves nothing, but now is the time to ask.

    What the bank's page signed and gave it is stored as it came, to be judged; it stays in no address and no history.
    """
    town = Town.called(slug, now=clock())
    attempt = town.attempt(handle=handle)
    if attempt is None:
        return town.nothing_started_page(request, handle)
    follow_address = reverse("follow", args=[slug, handle])
    if is_by_card(attempt.account):
        if request.method == "GET":
            _keep_return(request, town, attempt)
        return HttpResponseRedirect(follow_address, status=303)
    with tenant(town.collectivite):
        hasten_by_payer(attempt=attempt, now=town.now)
    return HttpResponseRedirect(address_after_return(follow_address, now=town.now), status=303)


def _keep_return(request: HttpRequest, town: Town, attempt: Attempt) -> None:
    """Store what a browser brought back; too much of one attempt is not kept."""
    query = request.META.get("QUERY_STRING", "").encode("latin-1", errors="replace")
    message = Message(method="GET", query=query[:LONGEST_QUERY], body=b"", content_type="", received_at=town.now)
    is_cut = len(query) > LONGEST_QUERY
    with tenant(town.collectivite):
        if not query:
            return
        gateway = opened(attempt.account)
        if intake(attempt=attempt, gateway=gateway, message=message, is_cut=is_cut) is Intake.STORE:
            receive(attempt=attempt, message=message, is_cut=is_cut, channel="return", now=town.now)


@policy(who=Who.ANYBODY, tenant=Tenant.TOKEN, frame=Frame.ALLOWED_ORIGINS, rate=Rate.START)
@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest, slug: str, handle: str) -> HttpResponse:
    """Pay the same invoice again, from the page of an attempt that failed: only the e-mail address is asked.

    Without an address it is the recap; with one, the departure.
    """
    town = Town.called(slug, now=clock())
    attempt = town.attempt(handle=handle)
    if attempt is None:
        return town.nothing_started_page(request, handle)
    product = town.product_of(attempt)
    try:
        token = unseal_again(request.POST.get("token", ""), handle=handle, product=product, now=town.now)
    except BadToken:  # the address typed again, or a page too old: the attempt's own page gives another
        return HttpResponseRedirect(reverse("follow", args=[slug, handle]), status=303)
    if is_too_often(rate=Rate.START, source=source_of(request), limit=MOST_STARTS, now=town.now):
        return town.too_often_page(request, product)
    form = EmailForm(request.POST if "email" in request.POST else None, account=product.account)
    with tenant(town.collectivite):
        way_again = again_of(attempt)
    way = way_again(town, request, product, form=form, attempt=attempt, of=handle, token=token)
    is_complete = form.is_valid()
    if (started := way.started()) is not None:
        if is_complete:
            return once_more(way, started)
        # « Back », then the recap loaded again: nobody knows where the ticket would go.
        return HttpResponseRedirect(reverse("follow", args=[slug, way.handle]), status=303)
    if not town.is_open(product):
        return town.closed_page(request, product, status=409)
    if not town.can_be_begun_again(attempt):
        return HttpResponseRedirect(reverse("follow", args=[slug, handle]), status=303)
    if is_complete:
        return set_off(way, clock=clock)
    if form.is_bound:
        return way.page(status=422)
    return way.answer_to(way.look_up(now=town.now))


def warned(way: ByForm, town: Town, request: HttpRequest, *, only: Verdict | None = None) -> HttpResponse | None:
    """What our base makes a payer of the comptable's read before he goes on: `docs/decisions/0019`.

    Beyond the budgets nothing is compared and nobody is held up: PayFiP checks anyway. `only`: the one thing that
    stops him.
    """
    if not way.is_compared():
        return None
    town_number = town.collectivite.pk
    budgets = {  # their own: whoever uses them up holds up no payer of a régie
        f"compared {source_of(request)}": MOST_COMPARISONS,
        f"compared {town_number} {sha256_hex(way.reference.encode())}": MOST_COMPARED,
        f"compared {town_number}": MOST_COMPARISONS_IN_TOWN,
    }
    if _is_beyond(budgets, now=town.now):
        return None
    told = way.compared()
    if told.verdict is Verdict.NOTHING or only not in (None, told.verdict):
        return None
    return way.compared_page(told)


def _prefilled(request: HttpRequest, product: Product) -> dict[str, str]:
    """The fields of the reference that the address names (`?ref=`); it is typed for the payer, and not looked up."""
    kind = DebtKind(product.debt_kind)
    try:
        return FORMS[kind].as_typed(read_reference(kind, request.GET.get("ref", "")))
    except UnreadableReference:
        return {}


def _is_beyond(budgets: Mapping[str, int], *, now: datetime) -> bool:
    """Whether one of them is used up; the next is not spent by who has used up the one before."""
    return any(is_too_often(rate=Rate.LOOKUP, source=source, limit=limit, now=now) for source, limit in budgets.items())


@policy(who=Who.ANYBODY, tenant=Tenant.NONE)
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this service is; it lists no town."""
    return render(request, "checkout/home.html", {})


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    context: dict[str, Any] = {"title": _("Page introuvable"), "kind": "not_found"}
    if isinstance(exception, NotHere):
        context["products"] = exception.town.open_products()
        return exception.town.page(request, "checkout/error.html", context, status=404)
    return render(request, "checkout/error.html", context, status=404)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "checkout/error.html", {"title": _("Demande illisible"), "kind": "bad_request"}, status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    return render(request, "checkout/error.html", {"title": _("Panne chez nous"), "kind": "server_error"}, status=500)
