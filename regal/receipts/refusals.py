"""What an agent can mend about a ticket: a sentence, and a stable code.

Refusal (of `titres`)
├── NoTicket       R291  the payment owes none: not paid, hors régie, or TIPI sends its own
├── StillLeaving   R292  the first one, or a copy, has not left yet
├── NoAddress      R293  the payer's address was purged
└── TooManyCopies  R294  in an hour
"""

from django.utils.translation import gettext_lazy as _

from regal.titres.refusals import Refusal


class NoTicket(Refusal):
    code = "R291"
    sentence = _("Ce paiement n’a pas de ticket à renvoyer : il n’est pas payé, ou un autre service envoie le sien.")


class StillLeaving(Refusal):
    code = "R292"
    sentence = _("Le ticket est en train de partir : rechargez la page dans quelques minutes avant de le renvoyer.")


class NoAddress(Refusal):
    code = "R293"
    sentence = _("L’adresse du payeur est effacée : le ticket ne peut plus lui être envoyé.")


class TooManyCopies(Refusal):
    code = "R294"
    sentence = _("Ce ticket a déjà été renvoyé plusieurs fois depuis une heure : attendez avant de recommencer.")
