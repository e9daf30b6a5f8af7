"""What an agent can mend about money received otherwise, and about a reversal: a sentence, and a stable code.

Refusal (of `titres`)
├── NotCollectedHere  R260  the comptable's debt: a régie may not receive it
├── NothingDue        R261  paid, cancelled, a draft…: nothing can be received for it
├── TooMuch           R262  more than is left to pay
├── NotInPart         R263  the product does not allow it
├── BadPart           R264  allowed, but what would be left could not be paid online
├── BadDay            R265  to come, or before the invoice
├── MissingVoucher    R266  a cheque's bank and number
├── TooLong           R267  a text
├── BeingPaidOnline   R268  an attempt holds it, and the agent was not told
├── FormUsed          R269  this form has recorded another receipt
├── ChangedSince      R270  something else is left to pay than the page showed
├── AlreadyReversed   R271
├── NotThisCause      R272  an online payment has no typing error, cash has no unpaid cheque
└── TrialMoney        R274  a test moves no money
"""

from django.utils.translation import gettext_lazy as _

from regal.titres.refusals import Refusal


class NotCollectedHere(Refusal):
    code = "R260"
    sentence = _("Le comptable public encaisse cette dette : la régie ne peut pas la recevoir. Adressez-lui le payeur.")


class NothingDue(Refusal):
    """`state` is in words."""

    code = "R261"
    sentence = _(
        "%(The_debt)s est « %(state)s » : rien ne s’y encaisse. Rendez l’argent, ou cherchez ce qu’il devait payer."
    )


class TooMuch(Refusal):
    """`left` is an amount."""

    code = "R262"
    sentence = _(
        "Il ne reste que %(left)s à payer : encaissez cette somme, et rendez le surplus ou encaissez-le sur"
        " %(another_debt)s."
    )
    field = "amount"


class NotInPart(Refusal):
    """`left` is an amount."""

    code = "R263"
    sentence = _(
        "Ce produit ne se paie pas en plusieurs fois : encaissez %(left)s, tout ce qui reste, ou demandez à un"
        " administrateur de l’autoriser (Réglages, Produits)."
    )
    field = "amount"


class BadPart(Refusal):
    """`least` and `left` are amounts."""

    code = "R264"
    sentence = _(
        "Une partie vaut %(least)s au moins, et ce qui reste ensuite aussi, pour pouvoir se payer en ligne : encaissez"
        " moins, ou les %(left)s en entier."
    )
    field = "amount"


class BadDay(Refusal):
    """`first` and `last` are days in words."""

    code = "R265"
    sentence = _(
        "Le jour de l’encaissement va du %(first)s, jour d’émission %(of_the_debt)s, à aujourd’hui (%(last)s)."
        " Corrigez-le."
    )
    field = "received_on"


class MissingVoucher(Refusal):
    code = "R266"
    sentence = _("D’un chèque, écrivez la banque et le numéro : sans eux, personne ne le retrouverait.")
    field = "piece"


class TooLong(Refusal):
    code = "R267"
    sentence = _("Ce texte est trop long : %(longest)s caractères au plus.")


class BeingPaidOnline(Refusal):
    """`until` is an hour in words."""

    code = "R268"
    sentence = _(
        "Quelqu’un est en train de payer %(this_debt)s en ligne, jusqu’au %(until)s au plus tard. Attendez de savoir"
        " s’il a payé. Si l’argent est déjà entre vos mains, cochez la case qui le dit : un paiement en ligne qui"
        " aboutirait serait de trop, et attendrait dans une anomalie."
    )
    field = "told_of_hold"


class FormUsed(Refusal):
    code = "R269"
    sentence = _("Ce formulaire a déjà servi. Ouvrez-le de nouveau depuis la page %(of_the_debt)s.")


class ChangedSince(Refusal):
    """`left` is an amount."""

    code = "R270"
    sentence = _(
        "Ce qui reste à payer a changé depuis que cette page est affichée : %(left)s maintenant. Vérifiez que cet"
        " argent n’est pas déjà enregistré, puis recommencez ; rien n’a été enregistré."
    )
    field = "amount"


class AlreadyReversed(Refusal):
    code = "R271"
    sentence = _("Cet encaissement est déjà annulé : il ne compte plus. Rien n’a été enregistré de nouveau.")


class NotThisCause(Refusal):
    code = "R272"
    sentence = _("Cette cause ne va pas à cet encaissement : choisissez-en une autre.")
    field = "cause"


class TrialMoney(Refusal):
    code = "R274"
    sentence = _("C’était un essai : aucun argent n’est venu, il n’y a rien à annuler.")
