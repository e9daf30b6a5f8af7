"""The start page's six steps: from a spreadsheet to the bureau, in the second town, which works in régie."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import segno
from django.conf import settings
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe

from regal.collectivites.models import Collectivite
from regal.demo.cast import PASSWORD, PAYER_EMAIL
from regal.demo.faults import PAYBOX, PAYFIP, PRODUCTS, TOWN, first_trial
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.queries import balance_of
from regal.people.models import Role
from regal.titres.links import payment_link
from regal.titres.models import Titre
from regal.titres.states import State

CANTEEN = "s/demonstration/cantine.csv"  # where the spreadsheet of the first step is
BUREAU_ROUTES = "regal.config.urls_bureau"


@dataclass(frozen=True, kw_only=True)
class PayableNotice:
    """One invoice that can be paid now, as its notice shows it."""

    gateway: str
    product: str
    number: str
    label: str
    amount: Money
    link: str
    qr: SafeString
    page_url: str  # in the bureau


def six_steps(*, now: datetime) -> dict[str, Any]:
    """What the steps show: doors, who signs in, and one payable invoice of each gateway with its QR code."""
    manager = next(agent for agent in TOWN.agents if agent.role is Role.REGISSEUR)
    bureau = f"{settings.BUREAU_URL}/{TOWN.slug}"
    return {
        "steps_town": TOWN.name,
        "spreadsheet": f"/{CANTEEN}",
        "source": PRODUCTS[PAYFIP].source,
        "manager": manager.identifier,
        "manager_password": PASSWORD,
        "payer_email": PAYER_EMAIL,
        "payable": [notice for gateway in (PAYFIP, PAYBOX) if (notice := payable_notice(gateway, now=now)) is not None],
        "import_url": f"{bureau}/factures/imports/nouveau/",
        "titres_url": f"{bureau}/factures/?{urlencode({'produit': PRODUCTS[PAYFIP].slug, 'etat': 'payable'})}",
        "payments_url": f"{bureau}/paiements/",
        "mailbox_url": f"{settings.SANDBOX_URL}/boite/",
    }


def payable_notice(gateway: str, *, now: datetime) -> PayableNotice | None:
    """The newest invoice of a product that is to pay, an imported one first; None once all are paid or being paid."""
    product = PRODUCTS[gateway]
    town = Collectivite.objects.get(slug=TOWN.slug)
    with tenant(town):
        ours = Titre.objects.of(town).select_related("collectivite")
        open_ = ours.filter(product__slug=product.slug, status=State.OPEN, paid_at__isnull=True)
        open_ = open_.exclude(held_until__gt=now)  # somebody pays it
        titre = open_.filter(reference__lt=first_trial(gateway)).order_by("-issued_on", "number").first()
        if titre is None:
            return None
        link = payment_link(titre)
        return PayableNotice(
            gateway=gateway,
            product=product.name,
            number=titre.number,
            label=titre.label,
            amount=balance_of(titre),
            link=link,
            qr=qr_of(link),
            page_url=page_url(titre),
        )


def qr_of(link: str) -> SafeString:
    """The link as a drawing, with nothing that the pages' own policy would refuse."""
    drawn = segno.make(link, error="m", micro=False).svg_inline(
        scale=4, border=4, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None
    )
    return mark_safe(drawn)  # noqa: S308 - segno's own drawing of an address of ours


def page_url(titre: Titre) -> str:
    """Its page at the bureau, which gives its notice to print."""
    path = reverse("titre", urlconf=BUREAU_ROUTES, args=[TOWN.slug, titre.pk])
    return f"{settings.BUREAU_URL}{path}"
