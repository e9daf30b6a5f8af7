"""How a collectivité puts its payment pages into its own site: what to paste, for which sites, and how to try it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, get_language_info, override
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from regal.backoffice.headers import framing
from regal.backoffice.policies import BureauRequest
from regal.backoffice.snippets import Snippets, frame_title, script, snippets
from regal.collectivites.models import AllowedOrigin, Collectivite, Product, Standing
from regal.gateways.base import Environment
from regal.lib import paris
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.people.models import Role


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def integration(request: BureauRequest, slug: str) -> HttpResponse:
    """The snippets of every page that a payer may begin with, ready to copy, and the sites that may frame them."""
    town = request.collectivite
    with tenant(town):
        origins = list(AllowedOrigin.objects.of(town).order_by("origin").values_list("origin", flat=True))
        products = list(Product.objects.of(town).select_related("account"))
    site = urlsplit(town.site_url)
    site_origin = f"{site.scheme}://{site.netloc}" if town.site_url else ""
    context = {
        "everything": _variants("products", town, name=town.name),
        "products": [_ShownProduct.of(town, product, now=datetime.now(UTC)) for product in products],
        "script": script(address=f"{settings.GUICHET_URL}{static('regal/frame.js')}"),
        "guichet": settings.GUICHET_URL,
        "origins": origins,
        "forgotten_site": site_origin if site_origin not in origins else "",
        "administers": request.role == Role.ADMINISTRATOR,
    }
    return render(request, "backoffice/integration.html", context)


WIDTHS = {320: _("Téléphone"), 600: _("Colonne étroite"), 900: _("Page large")}  # of the frame, in pixels


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def preview(request: BureauRequest, slug: str) -> HttpResponse:
    """The frame of everything that is payable, as the town's site would show it."""
    return _preview(request, "products", name=request.collectivite.name)


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def preview_product(request: BureauRequest, slug: str, product_slug: str) -> HttpResponse:
    """The same of one product."""
    with tenant(request.collectivite):
        product = Product.objects.of(request.collectivite).filter(slug=product_slug).first()
    if product is None:
        raise Http404
    return _preview(request, "product", product.slug, name=product.name)


def _preview(request: BureauRequest, route: str, *parts: str, name: str) -> HttpResponse:
    """One page of the guichet in a frame, at one of three widths: the only page that may, with the look's."""
    asked = request.GET.get("largeur", "")
    language = get_language() or settings.LANGUAGE_CODE
    context = {
        "name": name,
        "title": frame_title(name=name),
        "address": _address(route, request.collectivite, *parts, language=language),
        "widths": WIDTHS.items(),
        "chosen": next((width for width in WIDTHS if str(width) == asked), 600),
    }
    return framing(render(request, "backoffice/preview.html", context), settings.GUICHET_URL)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The snippets for the town's pages in one language."""

    code: str
    language: str
    address: str
    snippets: Snippets


def _variants(route: str, town: Collectivite, *parts: str, name: str) -> list[Variant]:
    """One for each language of the guichet, whose pages have an address in each."""
    variants = []
    for code, _of_it in settings.LANGUAGES:
        address = _address(route, town, *parts, language=code)
        variants.append(
            Variant(
                code=code,
                language=get_language_info(code)["name_translated"],
                address=address,
                snippets=snippets(address=address, name=name, language=code, colour=town.main_colour),
            )
        )
    return variants


def _address(route: str, town: Collectivite, *parts: str, language: str) -> str:
    """Of a page of the guichet, in a language."""
    with override(language):
        path = reverse(route, urlconf="regal.config.urls_guichet", args=[town.slug, *parts])
    return f"{settings.GUICHET_URL}{path}"


@dataclass(frozen=True, kw_only=True)
class _ShownProduct:
    product: Product
    key: str  # of its fields on the page, whatever its slug
    environment: Any
    is_trial: bool
    is_closed: bool  # today
    variants: list[Variant]

    @classmethod
    def of(cls, town: Collectivite, product: Product, *, now: datetime) -> "_ShownProduct":
        return cls(
            product=product,
            key=f"product-{product.pk}-code",
            is_closed=product.standing(paris.today(now)) is not Standing.OPEN,
            environment=product.account.get_environment_display(),
            is_trial=product.account.environment != Environment.PRODUCTION,
            variants=_variants("product", town, product.slug, name=product.name),
        )
