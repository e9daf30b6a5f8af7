"""« Dossier d’activation »: the PDF that a collectivité sends to its correspondent, or to its bank.

The words are in `dossier.typ`, in French only: its reader is the DGFiP or a bank. What varies is handed over as data,
never as source, so no name can become typst code. The same data at the same moment gives the same bytes. It holds
no payer's address, and the end of references only.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import typst
from django.conf import settings
from django.urls import reverse
from django.utils.translation import override

from regal.backoffice.contracts import Contract, Trial
from regal.collectivites.models import Budget, Collectivite, Product
from regal.gateways.payfip_url.gateway import PayfipUrl
from regal.lib import paris
from regal.lib.tenancy import HasKey
from regal.payments.accounts import gateway_of

TEMPLATE = Path(__file__).with_name("dossier.typ")


def facts(*, collectivite: Collectivite, contract: Contract, now: datetime) -> dict[str, Any]:
    """What the dossier says. Call it inside `tenant()`."""
    with override("fr"):
        adhesion = contract.adhesion
        return {
            "town": collectivite.name,
            "siret": _siret(_budget_of(collectivite, contract).siret),
            "numcli": contract.identifier,
            "service": contract.service,
            "is_paybox": contract.is_of_paybox,
            "kind": str(contract.collects),
            "is_asked": contract.is_of_the_web_service,
            "regie": contract.regie_name,
            "office": adhesion.office if adhesion else "",
            "convention": _day(adhesion.convention_on) if adhesion else "",
            "form_sent": _day(adhesion.form_sent_on) if adhesion else "",
            "received": _day(adhesion.identifier_received_on) if adhesion else "",
            "wants_direct_debit": contract.wants_direct_debit,
            "pages": [{"name": product.name, "address": _address(product)} for product in contract.products],
            "return": "" if contract.gateway == PayfipUrl.name else f"{settings.GUICHET_URL}/{collectivite.slug}/…",
            "notification": f"{settings.NOTIFICATION_URL}/s/n/{collectivite.pk}/…",
            "payfip": _called(contract),
            "tests": [_told(trial) for trial in _with_paid(contract.tests, contract.paid_tests)],
            "activations": [_told(trial) for trial in _with_paid(contract.activations, contract.paid_activations)],
            "card_activated": _day(paris.today(contract.by_card.at)) if contract.by_card else "",
            "debit_activated": _day(paris.today(contract.by_direct_debit.at)) if contract.by_direct_debit else "",
            "opens_on": _day(contract.opens_on),
            "written_on": paris.format_day_fr(paris.today(now)),
        }


def _called(contract: Contract) -> str:
    """The host that takes the payments of the furthest phase."""
    if not contract.is_of_paybox:
        return str(settings.PAYFIP_URL)
    return ", ".join(gateway_of(list(contract.accounts.values())[-1]).hand_off_origins)


def pdf(written: dict[str, Any], *, now: datetime) -> bytes:
    """A tagged PDF (PDF/UA-1) with its fonts inside."""
    document = typst.compile(
        str(TEMPLATE),
        format="pdf",
        sys_inputs={"data": json.dumps(written, ensure_ascii=False)},
        pdf_standards="ua-1",
        ignore_system_fonts=True,
        timestamp=int(now.timestamp()),
    )
    assert isinstance(document, bytes)
    return document


def _with_paid(latest: list[Trial], paid: list[Trial]) -> list[Trial]:
    """What the page lists, and the successes however old; the oldest first."""
    every = {trial.key: trial for trial in (*latest, *paid)}
    return [every[key] for key in sorted(every)]


def _told(trial: Trial) -> dict[str, Any]:
    return {
        "at": paris.format_instant_fr(trial.at),
        "reference": f"…\u2060{trial.reference_tail}",  # a word joiner: they stay together
        "amount": trial.amount.format_fr(),
        "outcome": str(trial.name),
        "means": str(trial.means_name),
        "authorisation": trial.authorisation,
        "digests": list(trial.digests),
    }


def _budget_of(collectivite: HasKey, contract: Contract) -> Budget:
    account = next(iter(contract.accounts.values()))
    budget = account.budget or (account.regie.budget if account.regie else None)
    assert isinstance(budget, Budget)
    return budget


def _siret(digits: str) -> str:
    """As it is printed: 213 500 016 00011."""
    return "\u00a0".join([digits[:3], digits[3:6], digits[6:9], digits[9:]])


def _day(day: Any) -> str:
    return paris.format_day_fr(day) if day else ""


def _address(product: Product) -> str:
    with override("fr"):
        path = reverse("product", urlconf="regal.config.urls_guichet", args=[product.collectivite.slug, product.slug])
    return f"{settings.GUICHET_URL}{path}"
