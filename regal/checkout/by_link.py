"""The page of a titre's own link: reference and amount are filled in and stay; only the e-mail address is asked.

The link is a key (`titres/links.py`): nothing is guessed here, so what is due may be shown. Nobody is named.
"""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from regal.checkout import pages
from regal.checkout.address import address_in
from regal.checkout.flow import Recap
from regal.checkout.forms import EmailForm
from regal.checkout.look_ups import source_of
from regal.checkout.town import Town
from regal.checkout.ways import ByForm, as_typed
from regal.collectivites.models import Product
from regal.collectivites.reference_forms import read_reference
from regal.gateways.base import DebtKind
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.policy import Frame, Rate, Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.lib.throttle import is_too_often
from regal.payments.operations import check_order
from regal.payments.queries import Situation, balance_of
from regal.payments.refusals import CannotHandOff
from regal.reconciliation.comptable import Comparison, Verdict, left_of, standing_of
from regal.titres.comptable import HEARD
from regal.titres.links import BadLink, titre_of_link
from regal.titres.models import Collector, Titre
from regal.titres.queries import amount_due


@policy(who=Who.ANYBODY, tenant=Tenant.TOKEN, frame=Frame.ALLOWED_ORIGINS)
@require_http_methods(["GET", "HEAD", "POST"])
def by_link(request: HttpRequest, slug: str, link: str) -> HttpResponse:
    """What the link pays; posted with an e-mail address, the recap."""
    town = Town.called(slug, now=pages.clock())
    try:
        with tenant(town.collectivite):
            titre = titre_of_link(collectivite=town.collectivite, token=link)
            amount = _amount(titre)
    except BadLink:  # who has a good one is heard, whoever sends what from the same address
        if request.method == "POST" and is_too_often(
            rate=Rate.PAGE, source=source_of(request), limit=pages.MOST_FORMS, now=town.now
        ):
            context = {"title": _("Trop de demandes d’affilée"), "kind": "too_often"}
            return town.page(request, "checkout/error.html", context, status=429)
        return _bad_link_page(request, town)
    product = next(one for one in town.products if one.pk == titre.product_id)
    if not town.is_open(product):
        return town.closed_page(request, product, status=409 if request.method == "POST" else 200)
    form = EmailForm(request.POST if request.method == "POST" else None, account=product.account)
    is_complete = form.is_valid()
    way = _way(request, town, product, titre=titre, amount=amount, form=form)
    if titre.collector == Collector.REGIE:
        found = way.look_up(now=town.now)
        if found.situation is Situation.UNKNOWN:
            return _bad_link_page(request, town)
        if found.situation is not Situation.PAYABLE:
            return way.answer_to(found)
    elif (standing := standing_of(titre)) is not Verdict.NOTHING:
        return way.compared_page(Comparison(verdict=standing))
    if not is_complete:
        return _page(request, town, way, form=form)
    if not way.form.is_valid():  # the product's terms do not suit the titre
        return town.form_page(request, product, way.form, status=422)
    payable = titre if titre.collector == Collector.REGIE else None
    try:
        with tenant(town.collectivite):
            check_order(order=way.order(payable))
    except CannotHandOff as refusal:
        return way.refused_page(refusal)
    return way.recap_page(payable)


def _amount(titre: Titre) -> Money:
    """What is left to pay of it; once it is paid, what it was. Raises BadLink for what nobody may see yet."""
    if titre.collector == Collector.COMPTABLE:
        if titre.status not in HEARD:
            raise BadLink
        return left_of(titre)
    return amount_due(titre) if titre.paid_at is not None else balance_of(titre)


def _way(request: HttpRequest, town: Town, product: Product, *, titre: Titre, amount: Money, form: EmailForm) -> ByForm:
    reference = read_reference(DebtKind(product.debt_kind), titre.reference)
    read = form.cleaned_data if form.is_bound else {}
    recap = Recap(
        exercice=reference.exercice,
        debt_reference=reference.digits,
        amount_cents=amount.cents,
        email=read.get("email", ""),
        flow_token=tokens.new_token(),
        handle=tokens.new_token(),
        told_of_earlier=False,
        address=address_in(read),
    )
    return ByForm(town, request, product, form=town.form(product, as_typed(recap, product)), recap=recap)


def _page(request: HttpRequest, town: Town, way: ByForm, *, form: EmailForm) -> HttpResponse:
    context = way.context() | {
        "form": form,
        "wrong": form.wrong,
        "parts": town.form(way.product, initial=as_typed(way.recap, way.product)).reference_questions,
    }
    status = 422 if form.is_bound else 200
    return town.page(request, "checkout/by_link.html", context, product=way.product, status=status)


def _bad_link_page(request: HttpRequest, town: Town) -> HttpResponse:
    return town.page(request, "checkout/bad_link.html", {"products": town.open_products()}, status=404)
