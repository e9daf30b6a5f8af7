"""What an agent can mend about a titre: a French sentence, and a stable code that support can search for.

Refusal
├── NotOfARegie          R201  the product is not a régie's: the comptable's own software holds its debts
├── BadNumber            R202  not a number of this product's invoices
├── NumberTaken          R203  the régie has it already
├── BadLabel             R204
├── BadDebtor            R205
├── BadAmount            R206  nothing, or more than can be owed
├── BadDays              R207  due before it was issued
├── BadExercice          R208
├── OutsideLimits        R209  nobody could pay it online: the product does not accept the amount
├── BadIssueDay          R210  to come, or older than last year
├── MissingReason        R211  too short, or too long
├── CardNumber           R212  in a text
├── UnreadableText       R213  a character that cannot be kept
├── BeingPaid            R214  an attempt holds it
├── AlreadyPaid          R215  nothing of it changes here any more
├── PaidInPart           R216  it cannot be cancelled: a part was paid
├── BelowPaid            R217  less would be due than was paid
├── NothingLeft          R218  a reduction to nothing is a cancelling
├── OtherState           R219  the act does not suit what the titre is now
├── ChangedMeanwhile     R220  somebody did something since the page was shown
└── TheComptables        R280  the comptable collects it, and he alone decides
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Refusal(Exception):
    """`values` fill the sentence in; `field` names what is to be mended, as the operation's argument."""

    code: str = "R200"
    sentence: Promise | str = ""
    field: str = ""

    def __init__(self, *, field: str = "", **values: object) -> None:
        super().__init__(self.code)
        self.values = values
        self.field = field or self.field

    def __str__(self) -> str:
        return str(self.sentence) % self.values


class NotOfARegie(Refusal):
    code = "R201"
    sentence = _("Ce produit n’est pas celui d’une régie : ses dettes sont tenues par le comptable public, pas ici.")
    field = "product"


class BadNumber(Refusal):
    code = "R202"
    sentence = _(
        "Ce numéro n’est pas celui d’une facture de ce produit. Recopiez-le tel qu’il est imprimé, 6 à 30 lettres et"
        " chiffres."
    )
    field = "number"


class NumberTaken(Refusal):
    code = "R203"
    sentence = _("La régie a déjà une facture de ce numéro. Cherchez-la dans la liste, ou donnez un autre numéro.")
    field = "number"


class BadLabel(Refusal):
    code = "R204"
    sentence = _("Écrivez l’objet de la facture, %(longest)s caractères au plus.")
    field = "label"


class BadDebtor(Refusal):
    code = "R205"
    sentence = _("Écrivez le nom de la personne qui doit la facture, %(longest)s caractères au plus.")
    field = "debtor"


class BadAmount(Refusal):
    code = "R206"
    sentence = _("Le montant doit être compris entre 0,01 € et 9 999 999,99 €.")
    field = "amount"


class BadDays(Refusal):
    code = "R207"
    sentence = _("La date limite de paiement vient avant la date d’émission : corrigez l’une des deux.")
    field = "due_on"


class BadExercice(Refusal):
    code = "R208"
    sentence = _(
        "L’exercice est l’année du budget, en quatre chiffres : celle de l’émission, ou la précédente en janvier."
    )
    field = "exercice"


class OutsideLimits(Refusal):
    """`least` and `most` are amounts."""

    code = "R209"
    sentence = _(
        "Ce qui est à payer doit être compris entre %(least)s et %(most)s, les montants que ce produit accepte :"
        " corrigez le montant, ou demandez à un administrateur de changer ces limites (Réglages, Produits)."
    )
    field = "amount"


class BadIssueDay(Refusal):
    """`first` and `last` are days in words."""

    code = "R210"
    sentence = _(
        "La date d’émission dit l’exercice : elle doit être comprise entre le %(first)s et aujourd’hui (%(last)s)."
        " Corrigez-la ; une facture à venir se saisit le jour où elle est émise."
    )
    field = "issued_on"


class MissingReason(Refusal):
    code = "R211"
    sentence = _("Écrivez le motif, de %(shortest)s à %(longest)s caractères : qui l’a demandé, et pourquoi.")
    field = "reason"


class CardNumber(Refusal):
    code = "R212"
    sentence = _(
        "Ce texte contient ce qui ressemble à un numéro de carte bancaire : retirez-le, il ne se garde nulle part."
    )


class UnreadableText(Refusal):
    code = "R213"
    sentence = _("Ce texte contient un caractère qui ne peut pas être gardé : retapez-le au lieu de le coller.")


class BeingPaid(Refusal):
    """`until` is an hour in words."""

    code = "R214"
    sentence = _(
        "Quelqu’un est en train de payer cette facture : elle ne change pas avant le %(until)s. Recommencez"
        " ensuite ; d’ici là, vous pouvez la suspendre."
    )


class AlreadyPaid(Refusal):
    code = "R215"
    sentence = _(
        "Cette facture est payée : elle ne change plus. Pour demander davantage, créez une autre facture ; pour rendre"
        " de l’argent, passez par l’ordonnateur."
    )


class PaidInPart(Refusal):
    """`paid` is an amount."""

    code = "R216"
    sentence = _("%(paid)s ont déjà été payés : réduisez la facture à ce montant au lieu de l’annuler.")


class BelowPaid(Refusal):
    code = "R217"
    sentence = _(
        "%(paid)s ont déjà été payés : la facture ne peut pas descendre au-dessous. Un trop-perçu se rend par"
        " l’ordonnateur."
    )
    field = "amount"


class NothingLeft(Refusal):
    """`due` is an amount."""

    code = "R218"
    sentence = _("La facture est de %(due)s : une réduction doit en laisser une part. Pour tout retirer, annulez-la.")
    field = "amount"


class OtherState(Refusal):
    """`state` is in words."""

    code = "R219"
    sentence = _("La facture est maintenant « %(state)s » : cet acte n’y convient pas. Rien n’a été enregistré.")


class ChangedMeanwhile(Refusal):
    code = "R220"
    sentence = _(
        "La facture a changé depuis que cette page est affichée. Relisez-la, puis recommencez s’il le faut ; rien n’a"
        " été enregistré."
    )


class TheComptables(Refusal):
    code = "R280"
    sentence = _(
        "Le comptable public encaisse cette dette : lui seul la suspend, la solde ou l’admet en non-valeur, et REGAL"
        " l’apprend par le PES Retour. Une réduction ou une annulation vient de l’ordonnateur, par l’import."
    )
