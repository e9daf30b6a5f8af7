"""What an administrator sets of one collectivité: who it is, how its pages look, what can be paid, on which sites.

Contracts, agents and the audit log have their own pages; the hub leads to all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from regal.backoffice import administration, refusals
from regal.backoffice.example_numbers import Refused, as_kept
from regal.backoffice.headers import framing
from regal.backoffice.policies import BureauRequest
from regal.backoffice.redirects import see_other, see_page
from regal.backoffice.refusals import Refusal
from regal.backoffice.regie_settings import regies_of_our_base
from regal.backoffice.town_forms import (
    CollectiviteForm,
    LookForm,
    OriginForm,
    ProductForm,
    SettingsForm,
    account_in_words,
)
from regal.collectivites.models import AllowedOrigin, Budget, Collectivite, GatewayAccount, Product, Standing
from regal.collectivites.reference_forms import BadReferenceForm, read_reference_form
from regal.gateways.base import Environment
from regal.gateways.payfip_url.gateway import PayfipUrl
from regal.gateways.payfip_ws.gateway import PayfipWs
from regal.lib import paris
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.lib.uploads import LARGEST_LOGO, is_too_large
from regal.payments.accounts import gateway_of
from regal.people.queries import members


def clock() -> datetime:
    """The pages' one look at the time."""
    return datetime.now(UTC)


# The hub


@dataclass(frozen=True, kw_only=True)
class Section:
    """One page of the settings: what is set there in a sentence, and what is missing."""

    route: str
    title: str
    is_set: str
    missing: tuple[str, ...] = ()


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_safe
def hub(request: BureauRequest, slug: str) -> HttpResponse:
    """Everything that is set, what is missing, and where to set it."""
    town = request.collectivite
    with tenant(town):
        products = list(Product.objects.of(town).select_related("account"))
        origins = _origins(town)
        contracts = set(GatewayAccount.objects.of(town).values_list("identifier", "environment"))
        agents = members(collectivite=town).count()
    sections = [
        _about_the_town(town),
        _about_the_look(town),
        _about_the_products(products, clock()),
        Section(
            route="settings_notices",
            title=_("Avis à payer"),
            is_set=_("Les autres moyens de payer que disent vos avis."),
        ),
        _about_the_sites(town, origins),
        Section(
            route="integration",
            title=_("Intégrer au site"),
            is_set=_("Les codes à coller dans votre site, et un aperçu de chacun."),
        ),
        _about_the_contracts(contracts),
        Section(
            route="agents",
            title=_("Agents et invitations"),
            is_set=ngettext("%(number)s personne travaille ici.", "%(number)s personnes travaillent ici.", agents)
            % {"number": agents},
        ),
        Section(
            route="audit",
            title=_("Journal des actes"),
            is_set=_("Qui a fait quoi, et quand ; rien n’en est jamais effacé."),
        ),
    ]
    return render(request, "backoffice/settings.html", {"sections": sections})


def _about_the_town(town: Collectivite) -> Section:
    missing = [
        sentence
        for value, sentence in (
            (town.contact, _("Qui contacter n’est pas dit : un payeur perdu ne saura pas à qui demander.")),
            (town.site_url, _("Le site internet manque : le payeur ne pourra pas y revenir.")),
        )
        if not value
    ]
    return Section(
        route="settings_town",
        title=_("Collectivité"),
        is_set=_("%(name)s ; contact : %(contact)s ; site : %(site)s.")
        % {"name": town.name, "contact": town.contact or "–", "site": town.site_url or "–"},
        missing=tuple(missing),
    )


def _about_the_look(town: Collectivite) -> Section:
    colour = _("couleur principale %(colour)s") % {"colour": town.main_colour} if town.main_colour else ""
    said = [colour or _("couleurs de REGAL"), _("un logo") if town.logo_digest else _("pas de logo")]
    return Section(
        route="settings_look",
        title=_("Apparence"),
        is_set=_("Les pages des payeurs : %(what)s.") % {"what": ", ".join(said)},
    )


def _about_the_contracts(contracts: set[tuple[str, str]]) -> Section:
    real = {identifier for identifier, environment in contracts if environment == Environment.PRODUCTION}
    every = {identifier for identifier, _environment in contracts}
    said = ngettext("%(number)s contrat", "%(number)s contrats", len(every)) % {"number": len(every)}
    missing = "" if real else _("Aucun contrat n’est en production : aucun argent ne peut arriver.")
    return Section(
        route="accounts",
        title=_("Contrats de paiement et mise en production"),
        is_set=_("%(contracts)s, dont %(real)s en production.") % {"contracts": said, "real": len(real)},
        missing=(missing,) if missing else (),
    )


def _about_the_products(products: list[Product], now: datetime) -> Section:
    payable = [product for product in products if product.standing(paris.today(now)) is Standing.OPEN]
    real = [product for product in payable if product.account.environment == Environment.PRODUCTION]
    said = ngettext("%(number)s produit", "%(number)s produits", len(products)) % {"number": len(products)}
    missing = ""
    if not products:
        missing = _("Aucun produit : il n’y a rien à payer.")
    elif not payable:
        missing = _("Aucun produit n’est ouvert aujourd’hui : personne ne peut payer.")
    elif not real:
        missing = _("Tout ce qui est ouvert est en essai : aucun argent ne peut arriver.")
    return Section(
        route="settings_products",
        title=_("Produits"),
        is_set=_("%(products)s ; payables aujourd’hui : %(payable)s, dont %(real)s en production.")
        % {"products": said, "payable": len(payable), "real": len(real)},
        missing=(missing,) if missing else (),
    )


def _about_the_sites(town: Collectivite, origins: list[str]) -> Section:
    forgotten = forgotten_site(town, origins)
    missing = ""
    if not origins:
        missing = _("Aucun site n’est autorisé : le cadre restera vide partout. Le lien et le bouton marchent.")
    elif forgotten:
        missing = _("Votre site, %(site)s, n’est pas autorisé : le cadre y restera vide.") % {"site": forgotten}
    return Section(
        route="settings_sites",
        title=_("Sites autorisés"),
        is_set=_("Ceux qui affichent le formulaire dans un cadre : %(sites)s.") % {"sites": ", ".join(origins) or "–"},
        missing=(missing,) if missing else (),
    )


def forgotten_site(town: Collectivite, origins: list[str]) -> str:
    """The town's own site, when it may not frame the town's pages."""
    site = urlsplit(town.site_url)
    own = f"{site.scheme}://{site.netloc}".lower() if town.site_url else ""
    return "" if own in origins else own


def _origins(town: Collectivite) -> list[str]:
    return list(AllowedOrigin.objects.of(town).order_by("origin").values_list("origin", flat=True))


# The collectivité


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def collectivite(request: BureauRequest, slug: str) -> HttpResponse:
    """Its name, its site, whom payers may ask; its address and its SIRET are shown."""
    town = request.collectivite
    form = CollectiviteForm.of(town, request.POST if request.method == "POST" else None)

    def keep() -> str:
        administration.change_collectivite(collectivite=town, **form.cleaned_data, **_by(request))
        return _("C’est enregistré. Les payeurs le voient déjà.")

    answer = _kept(request, form, keep, then=reverse("settings", args=[slug]))
    if answer is not None:
        return answer
    town.refresh_from_db()
    with tenant(town):
        budgets = list(Budget.objects.of(town).order_by("code"))
    context = {"budgets": budgets, "address": _of_the_guichet("products", town.slug)}
    return _page(request, "backoffice/settings_town.html", form, CollectiviteForm.of(town), context)


# The look


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG, largest_file=LARGEST_LOGO)
@require_http_methods(["GET", "HEAD", "POST"])
def look(request: BureauRequest, slug: str) -> HttpResponse:
    """Its colours and its logo, and its own page at the guichet as they make it look."""
    town = request.collectivite
    data = request.POST if request.method == "POST" else None
    form = LookForm.of(town, data, request.FILES if data is not None else None)
    darker = ""

    def keep() -> str:
        nonlocal darker
        given = form.cleaned_data
        try:
            administration.set_look(
                collectivite=town,
                main_colour=given["main_colour"],
                accent_colour=given["accent_colour"],
                logo=given["logo"].read() if given["logo"] else b"" if given.get("without_logo") else None,
                logo_text=given["logo_text"],
                seen=given["seen"],
                **_by(request),
            )
        except refusals.PaleColour as pale:
            darker = str(pale.values["darker"])
            raise
        return _("C’est enregistré. Les payeurs le voient déjà.")

    if is_too_large(request):  # what followed the file was not read
        form.full_clean()
        form.refuse(refusals.HeavyLogo())
    answer = _kept(request, form, keep, then=reverse("settings_look", args=[slug]))
    if answer is not None:
        return answer
    town.refresh_from_db()
    context = {
        "darker": darker,
        "guichet": _of_the_guichet("products", town.slug),
    }
    return framing(
        _page(request, "backoffice/settings_look.html", form, LookForm.of(town), context), settings.GUICHET_URL
    )


def _of_the_guichet(route: str, *parts: object) -> str:
    """Where payers begin, in French."""
    with override(settings.LANGUAGE_CODE):
        return settings.GUICHET_URL + reverse(route, urlconf="regal.config.urls_guichet", args=parts)


# The products


@dataclass(frozen=True, kw_only=True)
class ListedProduct:
    """One product in the list."""

    product: Product
    standing: Standing
    account: str
    is_trial: bool
    is_first: bool
    is_last: bool


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_safe
def products(request: BureauRequest, slug: str) -> HttpResponse:
    """All of them, in the order in which payers read them."""
    town, today = request.collectivite, paris.today(clock())
    with tenant(town):
        rows = list(Product.objects.of(town).select_related("account__regie").order_by("position", "name", "pk"))
        has_account = GatewayAccount.objects.of(town).filter(is_active=True).exists()
    listed = [
        ListedProduct(
            product=product,
            standing=product.standing(today),
            account=account_in_words(product.account),
            is_trial=product.account.environment != Environment.PRODUCTION,
            is_first=place == 0,
            is_last=place == len(rows) - 1,
        )
        for place, product in enumerate(rows)
    ]
    context = {"listed": listed, "has_account": has_account, "regies": regies_of_our_base(town)}
    return render(request, "backoffice/settings_products.html", context)


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_POST
def product_order(request: BureauRequest, slug: str, product_id: int) -> HttpResponse:
    """One place up or down."""
    product = _product(request.collectivite, product_id)
    where = request.POST.get("vers")
    if where not in ("haut", "bas"):
        raise BadRequest("neither up nor down")
    administration.move_product(product=product, up=where == "haut", **_by(request))
    messages.success(request, _("« %(name)s » a changé de place.") % {"name": product.name})
    return see_page("settings_products", slug)


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_POST
def product_opening(request: BureauRequest, slug: str, product_id: int) -> HttpResponse:
    """Open it or close it, by hand."""
    product = _product(request.collectivite, product_id)
    asked = request.POST.get("ouvert")
    if asked not in ("oui", "non"):
        raise BadRequest("neither open nor closed")
    is_open = asked == "oui"
    try:
        product = administration.open_or_close(product=product, is_open=is_open, **_by(request))
    except Refusal as refusal:  # its contract has changed since: its own page says what to mend
        messages.error(request, f"{refusal} ({refusal.code})")
        return see_page("settings_product", slug, product.pk)
    standing = product.standing(paris.today(clock()))
    if not is_open:
        told = _("« %(name)s » est fermé : sa page le dit, et comment payer autrement.")
    elif standing is Standing.OPEN:
        told = _("« %(name)s » est ouvert : on peut le payer.")
    else:
        told = _("« %(name)s » est ouvert, mais ses dates ou son contrat empêchent de le payer aujourd’hui.")
    messages.success(request, told % {"name": product.name})
    return see_page("settings_products", slug)


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def product(request: BureauRequest, slug: str, product_id: int) -> HttpResponse:
    """All that is set of one product."""
    town = request.collectivite
    shown = _product(town, product_id)
    choices = _moves_of(shown)
    form = ProductForm.of(shown, choices, request.POST if request.method == "POST" else None)

    def keep() -> str:
        given = form.cleaned_data
        administration.change_product(
            product=shown,
            name=given["name"],
            introduction=given["introduction"],
            account=form.chosen_contract,
            terms=form.terms,
            seen=given["seen"],
            **_by(request),
        )
        return _("« %(name)s » est enregistré. Les payeurs le voient déjà.") % {"name": given["name"]}

    return _product_page(request, form, keep, shown=shown)


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def new_product(request: BureauRequest, slug: str) -> HttpResponse:
    """One more thing to pay: which contract first, for the form depends on the kind of debt."""
    town = request.collectivite
    with tenant(town):
        accounts = list(
            GatewayAccount.objects.of(town).filter(is_active=True).select_related("regie").order_by("environment", "pk")
        )
    asked = request.POST.get("contrat", request.GET.get("contrat", ""))
    account = next((one for one in accounts if str(one.pk) == asked), None)
    if asked and account is None:
        raise Http404
    if account is None:
        choices = [(one, account_in_words(one)) for one in accounts]
        return render(request, "backoffice/settings_contract_choice.html", {"choices": choices})
    is_real = account.environment == Environment.PRODUCTION
    data = request.POST if request.method == "POST" else None
    form = ProductForm(data, initial={"is_open": not is_real}, contract=account, choices=[account])
    if is_real:  # real money comes only once somebody has read the page again
        del form.fields["is_open"]

    def keep() -> str:
        made = administration.add_product(
            collectivite=town,
            slug=form.slug_or_name,
            name=form.cleaned_data["name"],
            introduction=form.cleaned_data["introduction"],
            account=account,
            terms=form.terms,
            **_by(request),
        )
        if is_real:
            return _("« %(name)s » est ajouté, fermé. Relisez sa page, puis ouvrez-le.") % {"name": made.name}
        return _("« %(name)s » est ajouté.") % {"name": made.name}

    return _product_page(request, form, keep, is_real=is_real)


def _product_page(
    request: BureauRequest,
    form: ProductForm,
    keep: Callable[[], str],
    *,
    shown: Product | None = None,
    is_real: bool = False,
) -> HttpResponse:
    """The form of a product, there or new; a number given as an example is tried first, and may be tried alone."""
    town, kept_number = request.collectivite, ""
    if form.is_bound and form.is_valid() and form.cleaned_data["example"]:
        try:
            kept_number = _tried(form)
        except Refusal as refusal:
            form.refuse(refusal)
    only_tries = request.POST.get("action") == "essayer"
    if only_tries and form.is_bound and not form.errors and not kept_number:
        form.refuse(refusals.NumberRefused(why=_("il n’y a rien à essayer, tapez-en un.")))
    if not only_tries:
        answer = _kept(request, form, keep, then=reverse("settings_products", args=[town.slug]))
        if answer is not None:
            return answer
    now_stored = form
    if shown is not None:
        shown = _product(town, shown.pk)
        now_stored = ProductForm.of(shown, _moves_of(shown))
    context = {
        "product": shown,
        "account": account_in_words(form.contract),
        "account_is_real": form.contract.environment == Environment.PRODUCTION,
        "kind": form.kind,
        "standing": shown.standing(paris.today(clock())) if shown else "",
        "is_real": is_real,
        "kept_number": kept_number if only_tries else "",
        "address": _of_the_guichet("product", town.slug, shown.slug) if shown else "",
    }
    return _page(request, "backoffice/settings_product.html", form, now_stored, context)


def _tried(form: ProductForm) -> str:
    """The number given as an example, as it would be kept. Raises NumberRefused, BadReferenceForm."""
    with tenant(form.contract.collectivite_id):
        gateway = gateway_of(form.chosen_contract)
    shortest = gateway.account.min_reference_length if isinstance(gateway, PayfipUrl | PayfipWs) else 1
    try:
        words = read_reference_form(form.kind, form.terms.reference_form)
        return as_kept(words, form.cleaned_data["example"], shortest=shortest)
    except BadReferenceForm as bad:
        raise refusals.BadReferenceForm(field=bad.field) from None
    except Refused as refused:
        raise refusals.NumberRefused(why=str(refused)) from None


def _product(town: Collectivite, product_id: int) -> Product:
    """Raises Http404."""
    with tenant(town):
        found = Product.objects.of(town).select_related("account__regie").filter(pk=product_id).first()
    if found is None:
        raise Http404
    return found


def _moves_of(product: Product) -> list[GatewayAccount]:
    """Its own contract, and those to which one person may move it."""
    with tenant(product.collectivite_id):
        accounts = list(
            GatewayAccount.objects.filter(collectivite=product.collectivite_id).select_related("regie").order_by("pk")
        )
    return [
        account for account in accounts if account.pk == product.account_id or administration.may_move(product, account)
    ]


# The sites


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def sites(request: BureauRequest, slug: str) -> HttpResponse:
    """Which sites may frame the town's pages; one more."""
    town = request.collectivite
    form = OriginForm(request.POST if request.method == "POST" else None)

    def keep() -> str:
        typed, origin = str(form.data.get("site", "")).strip(), form.cleaned_data["site"]
        administration.allow_origin(collectivite=town, origin=origin, **_by(request))
        added = _("%(site)s peut maintenant afficher le formulaire.") % {"site": origin}
        if typed.rstrip("/").lower() == origin:
            return added
        return f"{added} {_('C’est vrai de toutes ses pages : la suite de l’adresse ne compte pas.')}"

    answer = _kept(request, form, keep, then=reverse("settings_sites", args=[slug]))
    if answer is not None:
        return answer
    with tenant(town):
        allowed = list(AllowedOrigin.objects.of(town).order_by("origin"))
    context = {"allowed": allowed, "forgotten": forgotten_site(town, [one.origin for one in allowed])}
    return _page(request, "backoffice/settings_sites.html", form, form, context)


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_POST
def site_removal(request: BureauRequest, slug: str, origin_id: int) -> HttpResponse:
    """A site shows the form no more."""
    town = request.collectivite
    with tenant(town):
        allowed = AllowedOrigin.objects.of(town).filter(pk=origin_id).first()
    if allowed is None:
        raise Http404
    if request.POST.get("site") != allowed.origin:
        raise BadRequest("not the site that the page showed")
    administration.disallow_origin(collectivite=town, origin=allowed.origin, **_by(request))
    messages.success(request, _("%(site)s n’affiche plus le formulaire.") % {"site": allowed.origin})
    return see_page("settings_sites", slug)


# What the pages share


def _by(request: BureauRequest) -> dict[str, Any]:
    return {"now": clock(), "actor_id": request.user.pk}


def _kept(request: BureauRequest, form: SettingsForm, keep: Callable[[], str], *, then: str) -> HttpResponse | None:
    """Do what was asked and lead on, with a message; None leaves the form to be shown, with what is wrong."""
    if not form.is_bound or not form.is_valid():
        return None
    try:
        with transaction.atomic():
            message = keep()
    except Refusal as refusal:
        form.refuse(refusal)
        return None
    messages.success(request, message)
    return see_other(then)


def _page(
    request: BureauRequest, template: str, form: SettingsForm, stored: SettingsForm, context: dict[str, Any]
) -> HttpResponse:
    """The form, empty or with what is wrong; after a colleague's change, what he wrote beside what was typed."""
    status = 422 if form.errors else 200
    was_overtaken = form.has_error("__all__", refusals.ChangedMeanwhile.code)
    if was_overtaken:
        status = 409
        form.initial = stored.initial
        form.__dict__.pop("changed_data", None)
        form.see(str(stored.initial["seen"]))
    return render(request, template, {"form": form, "was_overtaken": was_overtaken, **context}, status=status)
