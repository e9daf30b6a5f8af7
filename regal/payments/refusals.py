"""What a payer or an agent can mend: a French sentence, and a stable code that support can search for.

Refusal
├── EarlierAttempt    R101  the payer was not yet told of an earlier attempt on this debt
├── AlreadyStarted    R102  this recap was already sent: the payment stands in another tab
├── CannotHandOff     R103  the gateway's rules forbid this request, or it said no
├── TitreNotPayable   R104  our own base says no: paid, held by another attempt, cancelled…
└── GatewayAway       R105  the gateway gave no usable answer: nothing was begun that could be paid
"""

from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.collectivites.debt_words import later_said


class Refusal(Exception):
    code: str = "R100"
    sentence: Promise | str = ""


class EarlierAttempt(Refusal):
    code = "R101"
    sentence = _("Un paiement de ce montant pour cette référence a déjà été ouvert ici.")


class AlreadyStarted(Refusal):
    code = "R102"
    sentence = _("Ce paiement a déjà été ouvert.")


class CannotHandOff(Refusal):
    code = "R103"
    sentence = _("PayFiP n’accepte pas cette demande. Vérifiez la référence et le montant imprimés sur votre avis.")

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TitreNotPayable(Refusal):
    """`reason`: "paid", "held" (until `until`), "other_amount", "not_collected_here", or the titre's state."""

    code = "R104"
    sentence = later_said(_("%(This_debt)s n’est pas payable en ligne en ce moment."))

    def __init__(self, reason: str, *, until: datetime | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.until = until


class GatewayAway(Refusal):
    code = "R105"
    sentence = _("Le service de paiement ne répond pas en ce moment. Rien n’a été payé, vous pourrez recommencer.")

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
