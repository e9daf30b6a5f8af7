"""What the PDF of a quittance says. Its words are French only, here and in `quittance.typ`: it is a French document.

What varies is handed over as data, never as source.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils.translation import override

from regal.lib import paris, pdf
from regal.lib.euros_in_words import amount_in_words
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Cause, Means, Reversal
from regal.people.models import Role
from regal.receipts.models import How, Quittance, QuittanceDelivery, QuittancePerson

TEMPLATE = Path(__file__).with_name("quittance.typ")
_OFFICES = {
    Role.REGISSEUR: "régisseur",
    Role.ADMINISTRATOR: "administrateur de la collectivité, pour la régie",
    Role.AGENT: "agent de la régie",
}


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One PDF, in words."""

    told: dict[str, Any]
    dated: datetime  # of the PDF

    def data(self) -> str:
        """What the PDF is made of."""
        return json.dumps(self.told, ensure_ascii=False)

    def pdf(self) -> bytes:
        """A tagged PDF (PDF/UA-1) with its fonts inside."""
        return pdf.compiled(TEMPLATE, data=self.data(), dated=self.dated)


def sheet_of(quittance: Quittance, *, original: QuittanceDelivery | None, now: datetime) -> Sheet:
    """The original where nobody has taken it, else a duplicata; it says whether the money is gone since."""
    with tenant(quittance.collectivite_id), override("fr"):
        gone = Reversal.objects.filter(
            collectivite=quittance.collectivite_id, settlement=quittance.settlement_id
        ).first()
        named = QuittancePerson.objects.filter(collectivite=quittance.collectivite_id, quittance=quittance)
        gone_since = next((person.erased_at for person in named if person.erased_at is not None), None)
        told = {
            "number": quittance.printed,
            "town": quittance.town_name,
            "regie": quittance.regie_name,
            "regie_number": quittance.regie_number,
            "marks": _marks(quittance, original=original, gone=gone, now=now),
            "is_gone": gone is not None,
            "people": [_lines(person) for person in named.order_by("place") if person.erased_at is None],
            "erased_on": paris.format_day_fr(paris.today(gone_since)) if gone_since is not None else "",
            "amount": quittance.amount.format_fr(),
            "in_words": amount_in_words(quittance.amount),
            "parts": [
                {
                    "name": part["name"],
                    "label": part["label"],
                    "exercice": str(part["exercice"] or ""),
                    "amount": Money(part["cents"]).format_fr(),
                }
                for part in quittance.parts
            ],
            "excess": quittance.excess.format_fr() if quittance.excess > Money.zero else "",
            "rows": [[name, value] for name, value in _rows(quittance) if value],
            "office": _OFFICES[Role(quittance.issued_as)],
            "who": str(quittance.issued_by or ""),
            "issued_on": paris.format_day_fr(paris.today(quittance.issued_at)),
        }
    return Sheet(told=told, dated=quittance.issued_at)


def _marks(
    quittance: Quittance, *, original: QuittanceDelivery | None, gone: Reversal | None, now: datetime
) -> list[list[str]]:
    """(what must be seen first, what it means)."""
    marks = []
    if original is not None:
        day, first = paris.format_instant_fr(now), paris.format_instant_fr(original.made_at)
        marks.append(["DUPLICATA", f"Copie du {day}. L’original a été remis le {first}. Un seul paiement a été fait."])
    if gone is not None:
        day, cause = paris.format_day_fr(paris.today(gone.made_at)), Cause(gone.cause).label
        told = f"Annulée le {day} : {cause}. Cette quittance ne prouve plus aucun paiement ; son numéro reste pris."
        marks.append(["ANNULÉE", told])
    return marks


def _rows(quittance: Quittance) -> list[tuple[str, str]]:
    how = How(quittance.how)
    is_online = how not in Means.values
    paid_on = paris.format_day_fr(paris.today(quittance.paid_at))
    by_cheque = how is How.CHEQUE
    return [
        ("Moyen de paiement", str(how.label)),
        ("Chèque n°" if by_cheque else "Pièce n°", quittance.piece),
        ("Banque", quittance.bank),
        ("Date du paiement", paris.format_instant_fr(quittance.paid_at) if is_online else paid_on),
        ("Numéro de transaction", quittance.transaction),
        ("Numéro d’autorisation", quittance.authorisation),
    ]


def _lines(person: QuittancePerson) -> list[str]:
    town = " ".join(word for word in (person.postcode, person.city) if word)
    return [line for line in (person.name, *map(str, person.address), town) if line]
