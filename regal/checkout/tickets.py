"""« Recevoir le ticket à nouveau »: to the address that paid, and to no other.

Whoever holds a debt's number with its amount or its key may ask. He types no address, sees none, and learns nothing
from the answer: neither whether a copy leaves, nor why not.
"""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from regal.checkout import pages
from regal.checkout.flow import BadToken, unseal_ticket
from regal.checkout.look_ups import source_of
from regal.checkout.town import Town
from regal.collectivites.models import Product
from regal.lib.policy import Frame, Rate, Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.lib.throttle import is_too_often
from regal.payments.queries import paid_online
from regal.receipts.operations import ask_again_by_payer
from regal.titres.models import Titre
from regal.titres.refusals import Refusal

MOST_ASKED = 30  # from one address in a minute


@policy(who=Who.ANYBODY, tenant=Tenant.SLUG, frame=Frame.ALLOWED_ORIGINS, rate=Rate.START)
@require_http_methods(["GET", "HEAD", "POST"])
def ticket(request: HttpRequest, slug: str, product_slug: str) -> HttpResponse:
    """Have each payment online that still counts for a paid debt send its ticket again."""
    town = Town.called(slug, now=pages.clock())
    chosen = town.product(product_slug)
    if request.method != "POST":  # the address typed again: nothing was asked for
        return HttpResponseRedirect(reverse("product", args=[slug, product_slug]))
    try:
        titre_id = unseal_ticket(request.POST.get("token", ""), product=chosen, now=town.now)
    except BadToken:
        return town.lost_page(request, chosen, notice="ticket")
    if is_too_often(rate=Rate.START, source=f"ticket {source_of(request)}", limit=MOST_ASKED, now=town.now):
        return town.too_often_page(request, chosen)
    _send(town, chosen, titre_id=titre_id)
    return town.page(request, "checkout/ticket_asked.html", {}, product=chosen)


def _send(town: Town, chosen: Product, *, titre_id: int) -> None:
    with tenant(town.collectivite):
        titre = Titre.objects.of(town.collectivite).filter(product=chosen, pk=titre_id, paid_at__isnull=False).first()
        for attempt in paid_online(titre) if titre is not None else []:
            try:
                ask_again_by_payer(attempt=attempt, now=town.now)
            except Refusal:  # he is told the same
                continue
