"""Several invoices in one payment."""

from typing import Any

from regal.collectivites.models import Product, Regie
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.queries import balance_of
from regal.payments.shares import Part, own_reference
from regal.titres.models import Titre
from tests import cast


def allow(product: Product, *, allowed: bool = True) -> None:
    """Whether its régie lets a payer pay several at once."""
    with tenant(product.collectivite):
        Regie.objects.filter(pk=product.account.regie_id).update(several_at_once=allowed)


def make_titres(product: Product, count: int = 3, *, first: int = 51) -> list[Titre]:
    """Of 84,70 €, 85,70 €, 86,70 €…"""
    return [
        cast.make_titre(product, reference=f"FC2026{first + place:06d}", amount=Money(8_470 + 100 * place))
        for place in range(count)
    ]


def together(*titres: Titre, **changes: Any) -> dict[str, Any]:
    """What an order says of several invoices, beside the first."""
    token = tokens.new_token()
    with tenant(titres[0].collectivite_id):
        parts = tuple(Part(titre=titre, amount=balance_of(titre)) for titre in titres)
    return {
        "several": parts,
        "amount": sum((part.amount for part in parts), Money.zero),
        "flow_token": token,
        "debt_reference": own_reference(token),
    } | changes
