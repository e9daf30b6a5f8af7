"""What an administrator sets of one régie: whether a payer may pay several of its debts in one payment."""

from datetime import UTC, datetime

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from regal.audit.operations import record
from regal.backoffice.policies import BureauRequest
from regal.backoffice.redirects import see_page
from regal.collectivites.models import Collectivite, GatewayAccount, Product, Regie
from regal.gateways.base import Misconfigured
from regal.gateways.registry import UnknownGateway
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.lib.vault import VaultError
from regal.payments.accounts import gateway_of


def clock() -> datetime:
    """The page's one look at the time."""
    return datetime.now(UTC)


def regies_of_our_base(town: Collectivite) -> list[Regie]:
    """Those of which a product is paid from our own base: elsewhere the gateway takes one debt at a time."""
    with tenant(town):
        products = Product.objects.of(town).select_related("account__regie")
        found = {
            one.account.regie.pk: one.account.regie
            for one in products
            if one.account.regie is not None and _needs_titre(one.account)
        }
    return sorted(found.values(), key=lambda regie: (regie.name, regie.pk))


def _needs_titre(account: GatewayAccount) -> bool:
    try:
        return gateway_of(account).needs_titre
    except (Misconfigured, UnknownGateway, KeyError, VaultError):  # spoilt since: the contract's own page says so
        return False


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_POST
def several_at_once(request: BureauRequest, slug: str, regie_id: int) -> HttpResponse:
    """Allow it or not."""
    town, asked = request.collectivite, request.POST.get("permis")
    allowed = asked == "oui"
    with tenant(town):
        regie = Regie.objects.of(town).select_for_update().filter(pk=regie_id).first()
        if regie is None:
            raise Http404
        if asked not in ("oui", "non"):
            raise BadRequest("neither allowed nor not")
        if regie.several_at_once != allowed:
            regie.several_at_once = allowed
            regie.save(update_fields=["several_at_once"])
            record(
                collectivite=town,
                action="change_regie",
                subject=f"regie {regie.pk}",
                before={"several_at_once": not allowed},
                after={"several_at_once": allowed},
                now=clock(),
                actor_id=request.user.pk,
            )
    if allowed:
        told = _("« %(name)s » accepte plusieurs dettes en un paiement.") % {"name": regie.name}
    else:
        told = _("« %(name)s » accepte une dette à la fois.") % {"name": regie.name}
    messages.success(request, told)
    return see_page("settings_products", slug)
