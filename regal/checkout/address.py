"""Whose card it is and where he lives, asked only where the account's contract wants it sent to the bank.

It is never stored: it travels in the recap's sealed token, and leaves with the payer.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from regal.collectivites.models import GatewayAccount
from regal.gateways.base import BillingAddress


@dataclass(frozen=True, kw_only=True)
class _Line:
    label: str | Promise
    hint: str | Promise
    autocomplete: str
    longest: int
    missing: str


LINES: Mapping[str, _Line] = {
    "first_name": _Line(
        label=_("Prénom"),
        hint=_("celui qui est écrit sur la carte"),
        autocomplete="given-name",
        longest=45,
        missing=gettext_noop("Indiquez le prénom écrit sur la carte."),
    ),
    "last_name": _Line(
        label=_("Nom de famille"),
        hint=_("celui qui est écrit sur la carte"),
        autocomplete="family-name",
        longest=45,
        missing=gettext_noop("Indiquez le nom écrit sur la carte."),
    ),
    "street": _Line(
        label=_("Numéro et rue"),
        hint=_("par exemple 12, rue des Lilas"),
        autocomplete="address-line1",
        longest=50,
        missing=gettext_noop("Indiquez le numéro et la rue, ou le lieu-dit."),
    ),
    "postcode": _Line(
        label=_("Code postal"),
        hint=_("par exemple 35000"),
        autocomplete="postal-code",
        longest=10,
        missing=gettext_noop("Indiquez le code postal."),
    ),
    "town": _Line(
        label=_("Commune"),
        hint=_("par exemple Rennes"),
        autocomplete="address-level2",
        longest=50,
        missing=gettext_noop("Indiquez la commune."),
    ),
}
TOO_LONG = _("C’est trop long pour la banque : %(limit_value)s caractères au plus.")
NOT_TYPED = _("Ce champ contient un caractère que l’on ne tape pas.")


def asks_address(account: GatewayAccount) -> bool:
    """Whether the contract has the payer asked for it."""
    return account.options.get("asks_address") is True


def address_fields() -> dict[str, forms.Field]:
    """The fields to add to a form; each is required, in words of its own."""
    return {
        name: forms.CharField(
            max_length=line.longest,
            error_messages={
                "required": _(line.missing),
                "max_length": TOO_LONG,
                "null_characters_not_allowed": NOT_TYPED,
            },
        )
        for name, line in LINES.items()
    }


def address_in(cleaned: Mapping[str, str]) -> dict[str, str]:
    """The lines of the address among what a form read; empty where it asked for none."""
    return {name: cleaned[name] for name in LINES if name in cleaned}


def billing_of(address: Mapping[str, str]) -> BillingAddress | None:
    """The lines as the gateway takes them; None unless all are there."""
    return BillingAddress(**address) if address.keys() == LINES.keys() else None
