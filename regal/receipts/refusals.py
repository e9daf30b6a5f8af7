"""What an agent can mend about a ticket or a quittance: a sentence, and a stable code.

Refusal (of `titres`)
├── NoTicket       R291  the payment owes none: not paid, hors régie, or TIPI sends its own
├── StillLeaving   R292  the first one, or a copy, has not left yet
├── NoAddress      R293  the payer's address was purged
├── TooManyCopies  R294  in an hour
├── NoRegie        R295  a quittance is a régie's: the comptable issues the others
├── TrialMoney     R296  a quittance of no money
├── NotConfirmed   R297  a signature alone says that it is paid
├── MoneyGone      R298  the settlement is reversed
└── GivenOnPaper   R299  its receipt names a quittance of the régie's book
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


class NoRegie(Refusal):
    code = "R295"
    sentence = _(
        "Aucune régie n’a encaissé ce paiement : il est allé au comptable public. Dites au payeur de lui demander la"
        " quittance."
    )


class TrialMoney(Refusal):
    code = "R296"
    sentence = _("C’est un essai : aucun argent n’a été encaissé. Une quittance se délivre pour un paiement réel.")


class NotConfirmed(Refusal):
    code = "R297"
    sentence = _(
        "La banque n’a pas encore confirmé ce paiement. Délivrez la quittance quand elle l’aura fait, d’habitude le"
        " lendemain, ou déposez son fichier."
    )


class MoneyGone(Refusal):
    code = "R298"
    sentence = _(
        "Cet encaissement est annulé depuis le %(day)s (%(cause)s) : la régie n’a plus cet argent. Une quittance se"
        " délivre pour le paiement qui l’aura remplacé."
    )


class GivenOnPaper(Refusal):
    code = "R299"
    sentence = _(
        "Le payeur a déjà reçu la quittance %(number)s du carnet à souche : donnez-lui une copie de celle-là. Si ce"
        " numéro est une erreur, annulez l’encaissement et saisissez-le de nouveau, sans numéro."
    )
