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
├── NothingChanged       R240  nothing was mended
├── BadPayerNote         R241  too long for the payer's page
├── NamesDebtor          R242  a name on the payer's page
├── ExcessWaits          R243  it was paid since it was over, and nobody decided of it
├── NothingChosen        R244  an act on no titre
├── TooMany              R245  an act on too many
├── AlreadyConfirmed     R246  an act on many, twice
├── TheComptables        R280  the comptable collects it, and he alone decides
└── NothingToChange      R281  an act on what never changes: paid, withdrawn, or the comptable's
"""

from django.utils.translation import gettext_lazy as _

from regal.collectivites.debt_words import said
from regal.lib import refusals


class Refusal(refusals.Refusal):
    """`field` names what is to be mended, as the operation's argument."""

    code = "R200"
    field: str = ""

    def __init__(self, *, field: str = "", **values: object) -> None:
        super().__init__(**values)
        self.field = field or self.field

    def __str__(self) -> str:
        return said(self.sentence, **self.values)


class NotOfARegie(Refusal):
    code = "R201"
    sentence = _("Ce produit n’est pas celui d’une régie : ses dettes sont tenues par le comptable public, pas ici.")
    field = "product"


class BadNumber(Refusal):
    code = "R202"
    sentence = _(
        "Ce numéro n’est pas de ceux de ce produit. Recopiez-le tel qu’il est imprimé, 6 à 30 lettres et chiffres."
    )
    field = "number"


class NumberTaken(Refusal):
    code = "R203"
    sentence = _("La régie a déjà %(a_debt)s de ce numéro. Cherchez ce numéro dans la liste, ou donnez-en un autre.")
    field = "number"


class BadLabel(Refusal):
    code = "R204"
    sentence = _("Écrivez l’objet, %(longest)s caractères au plus.")
    field = "label"


class BadDebtor(Refusal):
    code = "R205"
    sentence = _("Écrivez le nom de la personne qui doit, %(longest)s caractères au plus.")
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
        " Corrigez-la ; ce qui est à venir se saisit le jour de son émission."
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
        "Quelqu’un est en train de payer %(this_debt)s : rien ne change avant le %(until)s. Recommencez ensuite ;"
        " d’ici là, vous pouvez décider une suspension."
    )


class AlreadyPaid(Refusal):
    code = "R215"
    sentence = _(
        "%(This_debt)s est payé%(e)s : plus rien ne change. Pour demander davantage, créez %(another_debt)s ; pour"
        " rendre de l’argent, passez par l’ordonnateur."
    )


class PaidInPart(Refusal):
    """`paid` is an amount."""

    code = "R216"
    sentence = _("%(paid)s ont déjà été payés : réduisez le montant dû à cette somme au lieu d’annuler.")


class BelowPaid(Refusal):
    code = "R217"
    sentence = _(
        "%(paid)s ont déjà été payés : le montant dû ne peut pas descendre au-dessous. Un trop-perçu se rend par"
        " l’ordonnateur."
    )
    field = "amount"


class NothingLeft(Refusal):
    """`due` is an amount."""

    code = "R218"
    sentence = _("Le montant dû est de %(due)s : une réduction doit en laisser une part. Pour tout retirer, annulez.")
    field = "amount"


class OtherState(Refusal):
    """`state` is in words."""

    code = "R219"
    sentence = _("L’état est maintenant « %(state)s » : cet acte n’y convient pas. Rien n’a été enregistré.")


class ChangedMeanwhile(Refusal):
    code = "R220"
    sentence = _(
        "%(The_debt)s a changé depuis que cette page est affichée. Relisez la page, puis recommencez s’il le faut ;"
        " rien n’a été enregistré."
    )


class NothingChanged(Refusal):
    code = "R240"
    sentence = _("Rien n’a changé : corrigez ce qui doit l’être, ou revenez à la page d’avant.")


class BadPayerNote(Refusal):
    code = "R241"
    sentence = _("Ce que lira le payeur est trop long : une phrase, %(longest)s caractères au plus.")
    field = "payer_note"


class NamesDebtor(Refusal):
    code = "R242"
    sentence = _(
        "Ce que lira le payeur contient le nom de la personne qui doit : retirez-le, celui qui paie peut être un autre."
    )
    field = "payer_note"


class ExcessWaits(Refusal):
    """`excess` is an amount."""

    code = "R243"
    sentence = _(
        "%(excess)s ont été payés depuis et attendent dans une anomalie : décidez d’abord de cet argent (Anomalies),"
        " puis recommencez."
    )


class NothingChosen(Refusal):
    code = "R244"
    sentence = _("Rien n’est coché : cochez au moins une ligne de la liste, ou agissez sur toute la sélection.")


class TooMany(Refusal):
    code = "R245"
    sentence = _(
        "Cette sélection compte %(count)s lignes, et un acte en porte %(most)s au plus : filtrez la liste davantage,"
        " puis agissez en plusieurs fois."
    )


class AlreadyConfirmed(Refusal):
    code = "R246"
    sentence = _("Cet acte a déjà été confirmé : voici ce qu’il a fait.")


class NothingToChange(Refusal):
    code = "R281"
    sentence = _(
        "Rien de ce choix ne peut changer : tout y est payé, retiré avec son import, ou encaissé par le comptable, qui"
        " seul en décide. Choisissez d’autres lignes."
    )


class TheComptables(Refusal):
    code = "R280"
    sentence = _(
        "Le comptable public encaisse cette dette : lui seul la suspend, la solde ou l’admet en non-valeur, et REGAL"
        " l’apprend par le PES Retour. Une réduction ou une annulation vient de l’ordonnateur, par l’import."
    )
