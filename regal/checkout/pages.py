"""The payer's pages: products, form, recap, departure to the gateway, and the attempt's own page.

They work in a frame on the town's site and out of it, without cookie, session or script. Nothing is stored before the
payer confirms; nothing leaves before it is committed (`docs/decisions/0004`).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from regal.checkout.flow import BadToken, ExpiredToken, Recap, seal, unseal
from regal.checkout.forms import FORMS, DebtForm
from regal.checkout.headers import content_security_policy
from regal.collectivites.models import AllowedOrigin, Collectivite, Product, Standing
from regal.collectivites.reference_forms import read_reference
from regal.gateways.base import DebtKind, Environment, Gateway, Outcome
from regal.lib import paris, tokens
from regal.lib.client_address import budget_of, client_address
from regal.lib.policy import Frame, Rate, Tenant, Who, policy
from regal.lib.references import DebtReference
from regal.lib.tenancy import tenant
from regal.lib.throttle import is_too_often
from regal.payments.accounts import gateway_of
from regal.payments.models import Attempt
from regal.payments.operations import PaymentOrder, check_order, start_payment
from regal.payments.queries import FULL_PAGE, attempt_by_flow, attempt_by_handle, gravest_earlier_attempt
from regal.payments.refusals import AlreadyStarted, CannotHandOff, EarlierAttempt
from regal.payments.states import State

# From one address in a minute; a town hall has one address for all.
MOST_STARTS = 60  # attempts opened
MOST_FORMS = 180  # forms sent: somebody who tries amounts on another's reference is slowed down


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
            town.form_page(request, chosen, town.form(chosen))
            if town.is_open(chosen)
            else town.closed_page(request, chosen)
        )
    if is_too_often(rate=Rate.PAGE, source=source_of(request), limit=MOST_FORMS, now=now):
        return town.too_often_page(request, chosen)
    if "token" in request.POST:
        try:
            typed = unseal(request.POST["token"], product=chosen, now=now)
        except ExpiredToken as expired:
            typed = expired.recap
        except BadToken:
            return town.lost_page(request, chosen)
        if not town.is_open(chosen):
            return town.closed_page(request, chosen, typed, status=409)
        return town.form_page(request, chosen, town.form(chosen, initial=_as_typed(typed, chosen)))
    if not town.is_open(chosen):
        return town.closed_page(request, chosen, status=409)
    form = town.form(chosen, request.POST)
    if not form.is_valid():
        return town.form_page(request, chosen, form, status=422)
    reference: DebtReference = form.cleaned_data["reference"]
    recap = Recap(
        exercice=reference.exercice,
        debt_reference=reference.digits,
        amount_cents=form.cleaned_data["amount"].cents,
        email=form.cleaned_data["email"],
        flow_token=tokens.new_token(),
        handle=tokens.new_token(),
        told_of_earlier=False,
    )
    try:
        with tenant(town.collectivite):
            gateway = check_order(order=_order(recap, chosen))
    except CannotHandOff as refusal:
        return town.refused_page(request, chosen, form, refusal)
    return town.recap_page(request, chosen, recap, gateway)


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
        recap = unseal(request.POST.get("token", ""), product=chosen, now=now)
    except ExpiredToken as expired:
        if town.has_started(expired.recap):  # and was paid perhaps
            return town.already_started_page(request, chosen, expired.recap)
        if not town.is_open(chosen):
            return town.closed_page(request, chosen, status=409)
        form = town.form(chosen, initial=_as_typed(expired.recap, chosen))
        return town.form_page(request, chosen, form, notice="expired", status=409)
    except BadToken:
        return town.lost_page(request, chosen)
    if not town.is_open(chosen):  # it closed while the payer was reading
        return town.closed_page(request, chosen, recap, status=409)
    form = town.form(chosen, _as_typed(recap, chosen))
    if not form.is_valid() and not town.has_started(recap):  # its terms changed meanwhile
        return town.form_page(request, chosen, form, status=422)
    try:
        with tenant(town.collectivite):
            started = start_payment(order=_order(recap, chosen), now=now)
    except EarlierAttempt:
        return town.recap_page(request, chosen, recap)
    except AlreadyStarted:
        return town.already_started_page(request, chosen, recap)
    except CannotHandOff as refusal:  # so did its contract
        return town.refused_page(request, chosen, form, refusal)
    return HttpResponseRedirect(started.hand_off.url, status=303)


@policy(who=Who.ANYBODY, tenant=Tenant.TOKEN, frame=Frame.ALLOWED_ORIGINS)
@require_safe
def follow(request: HttpRequest, slug: str, handle: str) -> HttpResponse:
    """The attempt's own page: full for 30 minutes, one line for 7 days; amount, end of reference, status."""
    town = Town.called(slug, now=clock())
    attempt = town.attempt(handle=handle)
    if attempt is None:
        context = {"products": town.open_products(), "is_well_formed": tokens.is_well_formed(handle)}
        return town.page(request, "checkout/nothing_started.html", context, status=404)
    paid_for = next(product for product in town.products if product.pk == attempt.product_id)
    context = {
        "attempt": attempt,
        "situation": situation_of(attempt),
        "in_full": town.now - attempt.created_at <= FULL_PAGE,
        "now": town.now,
        "can_start_again": town.is_open(paid_for),
        "is_test": attempt.environment == Environment.TEST,  # the product's contract may have changed since
    }
    return town.page(request, "checkout/follow.html", context, product=paid_for)


def source_of(request: HttpRequest) -> str:
    """Who asks, behind the proxies that we trust."""
    address = client_address(
        remote=request.META.get("REMOTE_ADDR", ""),
        forwarded_for=request.META.get("HTTP_X_FORWARDED_FOR", ""),
        trusted=settings.TRUSTED_PROXIES,
    )
    return budget_of(address)


SITUATIONS = {
    State.PAID: "confirmed",
    State.REFUSED: "announced_refused",
    State.ABANDONED: "announced_abandoned",
    State.UNKNOWN: "announced_unknown",
}


def situation_of(attempt: Attempt) -> str:
    """What an attempt's page may say: one word for each sentence of `follow.html`. What is proved comes first."""
    if attempt.status in SITUATIONS:
        return SITUATIONS[State(attempt.status)]
    if attempt.announced and attempt.announced != Outcome.PENDING:
        return f"announced_{attempt.announced}"
    if attempt.status == State.EXPIRED_PRESUMED:
        return "silent"
    return "waiting"


class NotHere(Http404):
    """Nothing at this address of a known town: its sites may frame the page that says so."""

    def __init__(self, town: "Town") -> None:
        super().__init__()
        self.town = town


class Town:
    """A collectivité as its pages need it at one moment: its products, who may frame it, how a page is rendered."""

    def __init__(self, collectivite: Collectivite, *, now: datetime) -> None:
        self.collectivite = collectivite
        self.now = now
        with tenant(collectivite):
            self.origins = list(AllowedOrigin.objects.of(collectivite).values_list("origin", flat=True))
            self.products = list(Product.objects.of(collectivite).select_related("account"))

    @classmethod
    def called(cls, slug: str, *, now: datetime) -> "Town":
        """Raises Http404."""
        return cls(get_object_or_404(Collectivite, slug=slug), now=now)

    def is_open(self, product: Product) -> bool:
        """Whether it can be paid now."""
        return product.standing(paris.today(self.now)) is Standing.OPEN

    def open_products(self) -> list[Product]:
        """What can be paid now."""
        return [product for product in self.products if self.is_open(product)]

    def coming(self) -> list[Product]:
        """What will open on a day already known."""
        today = paris.today(self.now)
        return [product for product in self.products if product.standing(today) is Standing.NOT_YET]

    def product(self, product_slug: str) -> Product:
        """Open or closed. Raises NotHere."""
        for product in self.products:
            if product.slug == product_slug:
                return product
        raise NotHere(self)

    def attempt(self, *, handle: str) -> Attempt | None:
        """The attempt that a payer's page shows."""
        with tenant(self.collectivite):
            return attempt_by_handle(collectivite=self.collectivite, handle=handle, now=self.now)

    def form(
        self, product: Product, data: Mapping[str, str] | None = None, *, initial: Mapping[str, str] | None = None
    ) -> DebtForm:
        """The form of the product's kind of debt."""
        form = FORMS[DebtKind(product.debt_kind)]
        return form(data, product=product, latest=paris.exercice(self.now), initial=initial)

    def page(
        self,
        request: HttpRequest,
        template: str,
        context: dict[str, Any],
        *,
        product: Product | None = None,
        status: int = 200,
        form_action: Iterable[str] = (),
    ) -> HttpResponse:
        """A page that the town's listed sites may frame, and our own bureau (`docs/decisions/0008`).

        One of a product in test says that no money moves.
        """
        usual = {
            "town": self.collectivite,
            "demo": settings.DEMO,
            "product": product,
            "is_test": product is not None and product.account.environment == Environment.TEST,
        }
        response = render(request, template, usual | context, status=status)
        response.headers["Content-Security-Policy"] = content_security_policy(
            frame_ancestors=[*self.origins, settings.BUREAU_URL],
            form_action=form_action,
        )
        return response

    def form_page(
        self, request: HttpRequest, product: Product, form: DebtForm, *, notice: str = "", status: int = 200
    ) -> HttpResponse:
        """The form, empty or filled; `notice` is "expired", "lost", "refused" or nothing."""
        context = {
            "form": form,
            "wrong": form.wrong,
            "notice": notice,
            "typed": form.typed if request.method == "POST" else {},
        }
        return self.page(request, "checkout/form.html", context, product=product, status=status)

    def refused_page(
        self, request: HttpRequest, product: Product, form: DebtForm, refusal: CannotHandOff
    ) -> HttpResponse:
        """The form again: the contract's rules forbid what was typed, and one of its fields can mend it, or none."""
        notice = "" if form.accuse(refusal.reason) else "refused"
        return self.form_page(request, product, form, notice=notice, status=422)

    def has_started(self, recap: Recap) -> bool:
        """Whether this recap opened a payment, however long ago."""
        with tenant(self.collectivite):
            return attempt_by_flow(collectivite=self.collectivite, flow_token=recap.flow_token) is not None

    def lost_page(self, request: HttpRequest, product: Product) -> HttpResponse:
        """A token that cannot be read: nothing is known of what it held."""
        if not self.is_open(product):
            return self.closed_page(request, product, status=409)
        return self.form_page(request, product, self.form(product), notice="lost", status=400)

    def too_often_page(self, request: HttpRequest, product: Product) -> HttpResponse:
        """Nothing was looked at: come back in a minute."""
        context = {"title": _("Trop de demandes d’affilée"), "kind": "too_often"}
        return self.page(request, "checkout/error.html", context, product=product, status=429)

    def closed_page(
        self, request: HttpRequest, product: Product, recap: Recap | None = None, *, status: int = 200
    ) -> HttpResponse:
        """Since when or until when, how to pay otherwise, what else is payable; or the payment already opened."""
        if recap is not None and self.has_started(recap):
            return self.already_started_page(request, product, recap)
        context = {"standing": product.standing(paris.today(self.now)), "products": self.open_products()}
        return self.page(request, "checkout/closed.html", context, product=product, status=status)

    def already_started_page(self, request: HttpRequest, product: Product, recap: Recap) -> HttpResponse:
        """This recap was sent before: see the payment that it opened, or begin again without retyping."""
        context = {
            "handle": recap.handle,
            "hidden": {"token": request.POST["token"]},
            "can_start_again": self.is_open(product),
        }
        return self.page(request, "checkout/already_started.html", context, product=product, status=409)

    def recap_page(
        self, request: HttpRequest, product: Product, recap: Recap, gateway: Gateway | None = None
    ) -> HttpResponse:
        """The recap; it tells of an earlier attempt on the same debt, and its token then says that it was told."""
        with tenant(self.collectivite):
            earlier = gravest_earlier_attempt(
                account=product.account, debt_reference=recap.debt_reference, amount=recap.amount
            )
            gateway = gateway or gateway_of(product.account)
        recap = replace(recap, told_of_earlier=earlier is not None)
        typed = _as_typed(recap, product)
        context = {
            "recap": recap,
            "reference": read_reference(DebtKind(product.debt_kind), recap.debt_reference),
            "parts": self.form(product, initial=typed).reference_questions,
            "typed": json.dumps({name: value for name, value in typed.items() if name != "email"}),  # as in form.js
            "hidden": {"token": seal(recap, product=product, now=self.now)},
            "earlier": earlier,
            "earlier_situation": situation_of(earlier) if earlier else "",
        }
        return self.page(request, "checkout/recap.html", context, product=product, form_action=gateway.hand_off_origins)


def _order(recap: Recap, product: Product) -> PaymentOrder:
    return PaymentOrder(
        product=product,
        debt_reference=recap.debt_reference,
        exercice=recap.exercice,
        amount=recap.amount,
        email=recap.email,
        language=get_language() or "fr",
        flow_token=recap.flow_token,
        handle=recap.handle,
        told_of_earlier=recap.told_of_earlier,
    )


def _as_typed(recap: Recap, product: Product) -> dict[str, str]:
    """The form's fields as a payer would have typed them."""
    kind = DebtKind(product.debt_kind)
    euros, cents = divmod(recap.amount_cents, 100)
    return {
        **FORMS[kind].as_typed(read_reference(kind, recap.debt_reference)),
        "amount": f"{euros},{cents:02d}",
        "email": recap.email,
    }


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
