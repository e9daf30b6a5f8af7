"""What a payer or an agent can mend: a French sentence, and a stable code that support can search for.

Refusal
├── EarlierAttempt    R101  the payer was not yet told of an earlier attempt on this debt
├── AlreadyStarted    R102  this recap was already sent: the payment stands in another tab
└── CannotHandOff     R103  the gateway's rules forbid this request
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


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
