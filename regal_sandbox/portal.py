"""PayFiP's own portal, `accueilportail.web`: the payer types everything, no site is told of the outcome.

How the real portal lays out its fields is not known (uncertain): here the reference is typed in one field, as printed.
"""

import re
from collections.abc import Mapping

from regal_sandbox.clients import Client
from regal_sandbox.settings import Settings

FIELDS = ("numcli", "reference", "montant", "mel")

_SPACES = re.compile(r"\s+")
_EUROS = re.compile(r"([0-9]+)(?:[.,]([0-9]{1,2}))?")
_TITRE_WIDTHS = (4, 8, 6)


def read_portal(typed: Mapping[str, str], client: Client | None, settings: Settings) -> dict[str, str]:
    """What was typed, as the parameters of a request; what cannot be read is left for the checks to refuse."""
    refdet = _refdet(typed.get("reference", ""), client.kind if client else "regie")
    return {
        "numcli": typed.get("numcli", "").strip(),
        "exer": refdet[:4] if client and client.kind != "regie" else "",
        "refdet": refdet,
        "montant": _cents(typed.get("montant", "")),
        "mel": typed.get("mel", "").strip(),
        "saisie": settings.portal_saisie,
    }


def _refdet(reference: str, kind: str) -> str:
    """Spaces are forgiven; so are the hyphens printed on a notice. Only a titre's blocks are padded with zeros."""
    reference = _SPACES.sub("", reference)
    if kind == "regie":
        return reference
    blocks = reference.split("-")
    if kind == "titre" and len(blocks) == len(_TITRE_WIDTHS):
        blocks = [block.zfill(width) for block, width in zip(blocks, _TITRE_WIDTHS, strict=True)]
    return "".join(blocks)


def _cents(amount: str) -> str:
    """« 1 234,50 € » gives 123450."""
    match = _EUROS.fullmatch(_SPACES.sub("", amount).removesuffix("€"))
    return f"{match[1]}{(match[2] or '').ljust(2, '0')}" if match else amount
