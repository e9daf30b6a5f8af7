"""The payer's pages: products, form, recap, departure to the gateway, and the attempt's own page.

They work in a frame on the town's site and out of it, without cookie, session or script. Nothing is stored before the
payer confirms; nothing leaves before it is committed (`docs/decisions/0004`).
"""

from collections.abc import Iterable
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
from regal.checkout.forms import TitreForm
from regal.checkout.headers import content_security_policy
from regal.collectivites.models import AllowedOrigin, Collectivite, Product
from regal.gateways.base import DebtKind, Environment, Outcome
from regal.lib import tokens
from regal.lib.client_address import budget_of, client_address
from regal.lib.policy import Frame, Rate, Tenant, Who, policy
from regal.lib.references import TitreReference
from regal.lib.tenancy import tenant
from regal.lib.throttle import is_too_often
from regal.payments.accounts import gateway_of
from regal.payments.models import Attempt
from regal.payments.operations import PaymentOrder, start_payment
from regal.payments.queries import FULL_PAGE, attempt_by_handle, earlier_attempts
from regal.payments.refusals import AlreadyStarted, CannotHandOff, EarlierAttempt
from regal.payments.states import State

MOST_STARTS = 60  # attempts opened from one address in a minute: a town hall has one address for all


def clock() -> datetime:
    """The pages' one look at the time."""
    return datetime.now(UTC)


@policy(who=Who.ANYBODY, tenant=Tenant.SLUG, frame=Frame.ALLOWED_ORIGINS)
@require_safe
def products(request: HttpRequest, slug: str) -> HttpResponse:
    """What can be paid to this collectivité."""
    town = Town.called(slug)
    return town.page(request, "checkout/products.html", {"products": town.open_products()})


@policy(who=Who.ANYBODY, tenant=Tenant.SLUG, frame=Frame.ALLOWED_ORIGINS)
@require_http_methods(["GET", "HEAD", "POST"])
def product(request: HttpRequest, slug: str, product_slug: str) -> HttpResponse:
    """The form; posted, the recap, or the form again with what is wrong. A posted token comes back to be corrected."""
    town = Town.called(slug)
    chosen = town.product(product_slug)
    if request.method != "POST":
        return town.form_page(request, chosen, TitreForm())
    now = clock()
    if "token" in request.POST:
        try:
            typed = unseal(request.POST["token"], product=chosen, now=now)
        except ExpiredToken as expired:
            typed = expired.recap
        except BadToken:
            return town.form_page(request, chosen, TitreForm(), notice="lost", status=400)
        return town.form_page(request, chosen, TitreForm(initial=_as_typed(typed)))
    form = TitreForm(request.POST)
    if not form.is_valid():
        return town.form_page(request, chosen, form, status=422)
    reference: TitreReference = form.cleaned_data["reference"]
    recap = Recap(
        exercice=reference.exercice,
        debt_reference=reference.digits,
        amount_cents=form.cleaned_data["amount"].cents,
        email=form.cleaned_data["email"],
        flow_token=tokens.new_token(),
        handle=tokens.new_token(),
        told_of_earlier=False,
    )
    return town.recap_page(request, chosen, recap, now=now)


@policy(who=Who.ANYBODY, tenant=Tenant.SLUG, frame=Frame.ALLOWED_ORIGINS, rate=Rate.START)
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, slug: str, product_slug: str) -> HttpResponse:
    """Record the attempt, commit, and only then send the browser to the gateway."""
    town = Town.called(slug)
    chosen = town.product(product_slug)
    if request.method != "POST":  # the address typed again, or a tab restored: nothing to pay here
        return HttpResponseRedirect(reverse("product", args=[slug, product_slug]))
    now = clock()
    if is_too_often(rate=Rate.START, source=source_of(request), limit=MOST_STARTS, now=now):
        too_often = {"title": _("Trop de paiements d’affilée"), "kind": "too_often"}
        return town.page(request, "checkout/error.html", too_often, status=429)
    try:
        recap = unseal(request.POST.get("token", ""), product=chosen, now=now)
    except ExpiredToken as expired:
        if town.attempt(handle=expired.recap.handle, now=now):  # opened from this page before, and paid perhaps
            return town.already_started_page(request, chosen, expired.recap)
        form = TitreForm(initial=_as_typed(expired.recap))
        return town.form_page(request, chosen, form, notice="expired", status=409)
    except BadToken:
        return town.form_page(request, chosen, TitreForm(), notice="lost", status=400)
    order = PaymentOrder(
        product=chosen,
        debt_reference=recap.debt_reference,
        exercice=recap.exercice,
        amount=recap.amount,
        email=recap.email,
        language=get_language() or "fr",
        flow_token=recap.flow_token,
        handle=recap.handle,
        told_of_earlier=recap.told_of_earlier,
    )
    try:
        with tenant(town.collectivite):
            started = start_payment(order=order, now=now)
    except EarlierAttempt:
        return town.recap_page(request, chosen, recap, now=now)
    except AlreadyStarted:
        return town.already_started_page(request, chosen, recap)
    except CannotHandOff:
        form = TitreForm(initial=_as_typed(recap))
        return town.form_page(request, chosen, form, notice="refused", status=422)
    return HttpResponseRedirect(started.hand_off.url, status=303)


@policy(who=Who.ANYBODY, tenant=Tenant.TOKEN, frame=Frame.ALLOWED_ORIGINS)
@require_safe
def follow(request: HttpRequest, slug: str, handle: str) -> HttpResponse:
    """The attempt's own page: full for 30 minutes, one line for 7 days; amount, end of reference, status."""
    town = Town.called(slug)
    now = clock()
    attempt = town.attempt(handle=handle, now=now)
    if attempt is None:
        context = {"products": town.open_products(), "is_well_formed": tokens.is_well_formed(handle)}
        return town.page(request, "checkout/nothing_started.html", context, status=404)
    context = {
        "attempt": attempt,
        "product": attempt.product,
        "is_test": attempt.environment == Environment.TEST,
        "situation": situation_of(attempt),
        "in_full": now - attempt.created_at <= FULL_PAGE,
        "now": now,
    }
    return town.page(request, "checkout/follow.html", context)


def source_of(request: HttpRequest) -> str:
    """Who asks, behind the proxies that we trust."""
    address = client_address(
        remote=request.META.get("REMOTE_ADDR", ""),
        forwarded_for=request.META.get("HTTP_X_FORWARDED_FOR", ""),
        trusted=settings.TRUSTED_PROXIES,
    )
    return budget_of(address)


def situation_of(attempt: Attempt) -> str:
    """What an attempt's page may say: one word for each sentence of `follow.html`."""
    if attempt.status == State.PAID:
        return "confirmed"
    if attempt.announced and attempt.announced != Outcome.PENDING:
        return f"announced_{attempt.announced}"
    if attempt.status == State.EXPIRED_PRESUMED:
        return "silent"
    return "waiting"


class Town:
    """A collectivité as its pages need it: its products, who may frame it, and how a page of it is rendered."""

    def __init__(self, collectivite: Collectivite) -> None:
        self.collectivite = collectivite
        with tenant(collectivite):
            self.origins = list(AllowedOrigin.objects.of(collectivite).values_list("origin", flat=True))

    @classmethod
    def called(cls, slug: str) -> "Town":
        """Raises Http404."""
        return cls(get_object_or_404(Collectivite, slug=slug))

    def open_products(self) -> list[Product]:
        with tenant(self.collectivite):
            return list(
                Product.objects.of(self.collectivite)
                .select_related("account")
                .filter(is_open=True, account__is_active=True, account__debt_kind=DebtKind.TITRE)
            )

    def product(self, product_slug: str) -> Product:
        """Raises Http404 unless it is open."""
        for product in self.open_products():
            if product.slug == product_slug:
                return product
        raise Http404

    def page(
        self,
        request: HttpRequest,
        template: str,
        context: dict[str, Any],
        *,
        status: int = 200,
        form_action: Iterable[str] = (),
    ) -> HttpResponse:
        """A page that the town's listed sites may frame."""
        response = render(
            request, template, {"town": self.collectivite, "demo": settings.DEMO, **context}, status=status
        )
        response.headers["Content-Security-Policy"] = content_security_policy(
            frame_ancestors=self.origins, form_action=form_action
        )
        return response

    def form_page(
        self, request: HttpRequest, product: Product, form: TitreForm, *, notice: str = "", status: int = 200
    ) -> HttpResponse:
        context = {
            "product": product,
            "form": form,
            "notice": notice,
            "is_test": product.account.environment == Environment.TEST,
            "errors": [{"field": field.name, "message": message} for field in form for message in field.errors],
        }
        return self.page(request, "checkout/form.html", context, status=status)

    def attempt(self, *, handle: str, now: datetime) -> Attempt | None:
        """The attempt that a payer's page shows."""
        with tenant(self.collectivite):
            return attempt_by_handle(collectivite=self.collectivite, handle=handle, now=now)

    def already_started_page(self, request: HttpRequest, product: Product, recap: Recap) -> HttpResponse:
        """This recap was sent before: see the payment that it opened, or begin again without retyping."""
        context = {"product": product, "handle": recap.handle, "token": request.POST["token"]}
        return self.page(request, "checkout/already_started.html", context, status=409)

    def recap_page(self, request: HttpRequest, product: Product, recap: Recap, *, now: datetime) -> HttpResponse:
        """The recap; it tells of an earlier attempt on the same debt, and its token then says that it was told."""
        with tenant(self.collectivite):
            earlier = (
                earlier_attempts(account=product.account, debt_reference=recap.debt_reference, amount=recap.amount)
                .order_by("-created_at")
                .first()
            )
            gateway = gateway_of(product.account)
        recap = replace(recap, told_of_earlier=earlier is not None)
        context = {
            "product": product,
            "recap": recap,
            "reference": TitreReference.parse(recap.debt_reference),
            "token": seal(recap, product=product, now=now),
            "earlier": earlier,
            "earlier_situation": situation_of(earlier) if earlier else "",
            "is_test": product.account.environment == Environment.TEST,
        }
        return self.page(request, "checkout/recap.html", context, form_action=gateway.hand_off_origins)


def _as_typed(recap: Recap) -> dict[str, str]:
    """The form's fields as a payer would have typed them."""
    reference = TitreReference.parse(recap.debt_reference)
    euros, cents = divmod(recap.amount_cents, 100)
    return {
        "exercice": str(reference.exercice),
        "titre": str(reference.titre),
        "ligne": str(reference.ligne),
        "amount": f"{euros},{cents:02d}",
        "email": recap.email,
    }


@policy(who=Who.ANYBODY, tenant=Tenant.NONE)
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this service is; it lists no town."""
    return render(request, "checkout/home.html", {})


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "checkout/error.html", {"title": _("Page introuvable"), "kind": "not_found"}, status=404)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "checkout/error.html", {"title": _("Demande illisible"), "kind": "bad_request"}, status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    return render(request, "checkout/error.html", {"title": _("Panne chez nous"), "kind": "server_error"}, status=500)
