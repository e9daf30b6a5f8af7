"""PayFiP's own portal, `accueilportail.web`: the payer types everything, no site is told of the outcome.

How the real portal lays out its fields is not known (uncertain): here the reference is typed in one field, as printed.
"""

from collections.abc import Mapping

from regal_sandbox import references
from regal_sandbox.amounts import typed_cents
from regal_sandbox.clients import Client
from regal_sandbox.settings import Settings

FIELDS = ("numcli", "reference", "montant", "mel")


def read_portal(typed: Mapping[str, str], client: Client | None, settings: Settings) -> dict[str, str]:
    """What was typed, as the parameters of a request; what cannot be read is left for the checks to refuse."""
    refdet = references.typed(typed.get("reference", ""), client.kind if client else "regie")
    cents = typed_cents(typed.get("montant", ""))
    return {
        "numcli": typed.get("numcli", "").strip(),
        "exer": refdet[:4] if client and client.kind != "regie" else "",
        "refdet": refdet,
        "montant": typed.get("montant", "") if cents is None else str(cents),
        "mel": typed.get("mel", "").strip(),
        "saisie": settings.portal_saisie,
    }
