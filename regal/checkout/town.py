"""A collectivité as the payer's pages need it: its products, who may frame it, how its pages are rendered."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from regal.checkout.by_card import is_by_card
from regal.checkout.forms import FORMS, DebtForm
from regal.checkout.headers import content_security_policy
from regal.collectivites import debt_words
from regal.collectivites.models import AllowedOrigin, Collectivite, Product, Standing
from regal.gateways.base import DebtKind, Environment, Gateway, Misconfigured, Outcome
from regal.gateways.registry import OF_OUR_BASE
from regal.lib import paris, tokens
from regal.lib.tenancy import tenant
from regal.lib.vault import VaultError
from regal.payments.accounts import gateway_of
from regal.payments.models import Attempt
from regal.payments.queries import attempt_by_handle
from regal.payments.states import State

logger = logging.getLogger("regal.checkout")

SITUATIONS = {
    State.PAID: "confirmed",
    State.REFUSED: "announced_refused",
    State.ABANDONED: "announced_abandoned",
    State.UNKNOWN: "announced_unknown",
}


def situation_of(attempt: Attempt) -> str:
    """What an attempt's page may say: one word for each sentence of `follow.html`. What is proved comes first."""
    if attempt.is_reversed:
        return "reversed"
    if attempt.status in SITUATIONS:
        return SITUATIONS[State(attempt.status)]
    if attempt.announced == Outcome.PENDING and is_by_card(attempt.account):
        return "announced_pending"
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
        debt_words.activate(collectivite.debt_word)
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

    def product_of(self, attempt: Attempt) -> Product:
        """What an attempt pays."""
        return next(product for product in self.products if product.pk == attempt.product_id)

    def can_be_begun_again(self, attempt: Attempt) -> bool:
        """Whether its page leads to another payment: of an invoice of our own base, by the contract that it is paid by.

        A contract's trial, on the account of its phase, is begun again in the bureau.
        """
        product = self.product_of(attempt)
        return attempt.titre_id is not None and attempt.account_id == product.account_id and self.is_open(product)

    def asks_about(self, attempt: Attempt) -> bool:
        """Whether its gateway is asked what became of it."""
        try:
            with tenant(self.collectivite):
                return gateway_of(attempt.account).can_ask
        except (Misconfigured, VaultError) as failure:  # its contract was spoilt since; the page still stands
            logger.error("account %s cannot be opened: %s", attempt.account_id, type(failure).__name__)
            return False

    def gateway(self, product: Product) -> Gateway:
        """The gateway of its contract."""
        with tenant(self.collectivite):
            return gateway_of(product.account)

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
        is_framed: bool = True,
    ) -> HttpResponse:
        """A page that the town's listed sites may frame, and our own bureau (`docs/decisions/0008`).

        One of a product in test says that no money moves.
        """
        usual = {
            "town": self.collectivite,
            "demo": settings.DEMO,
            "product": product,
            "is_test": product is not None and product.account.environment == Environment.TEST,
            "by_card": product is not None and is_by_card(product.account),
        }
        response = render(request, template, usual | context, status=status)
        response.headers["Content-Security-Policy"] = content_security_policy(
            frame_ancestors=[*self.origins, settings.BUREAU_URL] if is_framed else [],
            form_action=form_action,
        )
        return response

    def form_page(
        self, request: HttpRequest, product: Product, form: DebtForm, *, notice: str = "", status: int = 200
    ) -> HttpResponse:
        """The form, empty or filled; `notice` is "expired", "lost", "ticket", "refused", "contract" or nothing."""
        context = {
            "form": form,
            "wrong": form.wrong,
            "notice": notice,
            "typed": form.typed if request.method == "POST" else {},
        }
        return self.page(request, "checkout/form.html", context, product=product, status=status)

    def nothing_started_page(self, request: HttpRequest, handle: str) -> HttpResponse:
        """No attempt has this handle: not yet, no longer, or never."""
        context = {"products": self.open_products(), "is_well_formed": tokens.is_well_formed(handle)}
        return self.page(request, "checkout/nothing_started.html", context, status=404)

    def lost_page(self, request: HttpRequest, product: Product, *, notice: str = "lost") -> HttpResponse:
        """A token that cannot be read: nothing is known of what it held, but perhaps what it was for, "ticket"."""
        if not self.is_open(product):
            return self.closed_page(request, product, status=409)
        return self.form_page(request, product, self.form(product), notice=notice, status=400)

    def too_often_page(self, request: HttpRequest, product: Product) -> HttpResponse:
        """Come back in a minute: the same whatever our base holds. Who has a payment key need not wait."""
        has_keys = product.account.gateway in OF_OUR_BASE
        context = {"title": _("Trop de demandes d’affilée"), "kind": "too_often", "has_keys": has_keys}
        return self.page(request, "checkout/error.html", context, product=product, status=429)

    def closed_page(self, request: HttpRequest, product: Product, *, status: int = 200) -> HttpResponse:
        """Since when or until when, how to pay otherwise, what else is payable."""
        context = {"standing": product.standing(paris.today(self.now)), "products": self.open_products()}
        return self.page(request, "checkout/closed.html", context, product=product, status=status)
