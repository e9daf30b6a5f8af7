"""What an administrator, or whoever runs the platform, can mend while a contract is brought to production.

Refusal
├── OfAnotherTown        R451  the contract is connected to another collectivité, in whatever phase
├── NeedsTwoPeople       R452  nobody opens a production account alone
├── SamePerson           R453  whoever asked does not approve
├── OperatorApproves     R454  nobody else in the collectivité can, or never did yet
├── AlreadyDecided       R455  approved, carried out or cancelled meanwhile
├── AlreadyAsked         R456  one change at a time for a contract
├── TestFirst            R457  no test payment has succeeded yet
├── ActivationFirst      R458  no activation payment by card has succeeded yet
├── ContractClosed       R459
├── NothingToOpen        R460  no product chosen
├── NotOfThisContract    R461  the product belongs to another contract
├── BadOffice            R462  a name too long, or a card number
├── ReservedReference    R463  PayFiP's test references move no money: an activation wants a real debt
├── UnreadableTrial      R464  the reference, the amount or the address cannot be read
├── GatewayForbids       R465  the other side's rules forbid this request
├── TriedAlready         R466  a payment of this debt is under way or paid
├── TrialStarted         R467  the same form, sent twice
├── NotAnAdministrator   R468  the approval is for an administrator of the collectivité
├── ConnectedOtherwise   R469  the number is connected already, by the other way to PayFiP
├── ForRegiesOnly        R470  PayFiP's web service serves régies
├── UnknownToPayfip      R471  PayFiP was asked, and knows no such number
├── NoWebService         R472  PayFiP knows the number, and gave it no right to the web service
├── PayfipAway           R473  PayFiP gave no usable answer: to be tried again
├── PayfipObjects        R474  PayFiP refused for another reason, whose code is told
├── InvoiceForbids       R475  our own base says no: the invoice is paid, held, cancelled, of another amount
└── TrialUnanswered      R476  the other side gave no usable answer: the payment could not begin
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.backoffice.refusals import Refusal
from regal.collectivites.debt_words import later_said


class OfAnotherTown(Refusal):
    code = "R451"
    sentence = _(
        "Le contrat %(identifier)s est relié à une autre collectivité. Vérifiez le numéro sur le courrier ou la"
        " lettre qui le donne ; s’il est juste, écrivez à l’exploitant de REGAL."
    )


class NeedsTwoPeople(Refusal):
    code = "R452"
    sentence = _(
        "Personne n’ouvre seul un contrat de production : demandez la mise en production sur la page du contrat,"
        " une seconde personne l’approuvera."
    )


class SamePerson(Refusal):
    code = "R453"
    sentence = _("Vous avez fait cette demande : une autre personne doit l’approuver.")


class OperatorApproves(Refusal):
    code = "R454"
    sentence = _("Cette demande est approuvée par l’exploitant de REGAL : prévenez-le qu’elle l’attend.")


class AlreadyDecided(Refusal):
    code = "R455"
    sentence = _("Cette demande a été traitée entre-temps. Relisez son état sur la page du contrat.")


class AlreadyAsked(Refusal):
    code = "R456"
    sentence = _("Une demande attend déjà pour ce contrat. Annulez-la si elle ne convient plus, puis recommencez.")


class TestFirst(Refusal):
    code = "R457"
    sentence = _("Il faut d’abord un paiement d’essai réussi : faites l’étape 2.")


class ActivationFirst(Refusal):
    code = "R458"
    sentence = _("Il faut d’abord un paiement d’activation réussi, par carte : faites l’étape 3.")


class ContractClosed(Refusal):
    code = "R459"
    sentence = _("Ce contrat est fermé : rouvrez-le d’abord.")


class NothingToOpen(Refusal):
    code = "R460"
    sentence = _("Choisissez au moins un produit à mettre en production.")


class NotOfThisContract(Refusal):
    code = "R461"
    sentence = _("Un des produits choisis n’appartient plus à ce contrat. Rechargez la page et choisissez de nouveau.")


class BadOffice(Refusal):
    code = "R462"
    sentence = _("Le nom du service a 120 caractères au plus, sur une ligne, sans numéro de carte.")


class ReservedReference(Refusal):
    code = "R463"
    sentence = _(
        "Les références de test de PayFiP ne servent qu’à l’essai : l’activation se fait avec une dette réelle, dont"
        " vous payez le montant."
    )


UNREADABLE: dict[str, Promise] = {
    "reference": _("Cette référence ne se lit pas. Recopiez-la telle qu’elle est imprimée sur l’avis."),
    "amount": _("Ce montant ne se lit pas. Écrivez-le comme sur l’avis, par exemple 12,50."),
    "email": _("Cette adresse e-mail ne se lit pas. Écrivez une seule adresse, sans accent."),
}
FORBIDDEN: dict[str, Promise] = {
    "amount": _("%(service)s n’accepte pas ce montant : de 1 € à 99 999,99 €, sauf réglage du contrat."),
    "reference": _("%(service)s n’accepte pas cette référence pour ce contrat. Comparez-la avec l’avis."),
    "email": _(
        "%(service)s n’accepte pas cette adresse e-mail : une seule adresse, de 6 à 80 caractères, sans accent."
    ),
}
_FIELD_OF = {
    "amount_out_of_bounds": "amount",
    "reference_malformed": "reference",
    "reference_reserved": "reference",
    "exercice_malformed": "reference",
    "exercice_differs": "reference",
    "email_malformed": "email",
    "email_with_ampersand": "email",
    "payfip_A1": "email",
    "payfip_A2": "email",
    "payfip_M1": "amount",
    "payfip_M3": "amount",
    "payfip_M5": "amount",
    "payfip_R3": "reference",
}


class UnreadableTrial(Refusal):
    """`field` is the part of the form to mend."""

    code = "R464"
    sentence: Promise | str = UNREADABLE["reference"]

    def __init__(self, field: str) -> None:
        super().__init__()
        self.field = field
        self.sentence = UNREADABLE[field]


class GatewayForbids(Refusal):
    """`field` is the part of the form to mend; "" when none of them can."""

    code = "R465"
    sentence: Promise | str = _(
        "%(service)s n’accepte pas cette demande. Écrivez à l’exploitant de REGAL, avec le code « %(reason)s »."
    )

    def __init__(self, reason: str, service: str) -> None:
        super().__init__(reason=reason, service=service)
        self.field = _FIELD_OF.get(reason, "")
        if self.field:
            self.sentence = FORBIDDEN[self.field]


class TriedAlready(Refusal):
    code = "R466"
    sentence = _(
        "Un paiement de cette dette est déjà ouvert ou annoncé payé : regardez-le dans la liste. Pour payer tout de"
        " même, cochez « Je l’ai vu, recommencer »."
    )


class TrialStarted(Refusal):
    code = "R467"
    sentence = _("Ce paiement est déjà ouvert, dans un autre onglet. Actualisez la page pour en voir l’état.")


class ConnectedOtherwise(Refusal):
    code = "R469"
    sentence = _(
        "Le contrat %(identifier)s est déjà relié ici, par l’autre accès à PayFiP. Un numéro n’a qu’un accès : demandez"
        " un second numéro à votre correspondant, ou écrivez à l’exploitant de REGAL."
    )


class ForRegiesOnly(Refusal):
    code = "R470"
    sentence = _(
        "Le web service de PayFiP ne sert que les régies. Pour des titres ou des rôles, choisissez le formulaire"
        " PayFiP."
    )


class UnknownToPayfip(Refusal):
    code = "R471"
    sentence = _(
        "PayFiP ne connaît pas le numéro %(identifier)s. Comparez-le avec le courrier de votre correspondant ; s’il est"
        " juste, demandez-lui si le contrat est créé."
    )


class NoWebService(Refusal):
    code = "R472"
    sentence = _(
        "PayFiP connaît le numéro %(identifier)s, mais ne lui ouvre pas le web service. Demandez au correspondant"
        " moyens de paiement de la DDFiP ou de la DRFiP d’ouvrir ce droit, ou choisissez le formulaire PayFiP."
    )


class PayfipAway(Refusal):
    code = "R473"
    sentence = _(
        "PayFiP ne répond pas en ce moment (code « %(reason)s »). Rien n’est ajouté, et ce que vous avez écrit est"
        " gardé ci-dessous : recommencez dans quelques minutes."
    )


class PayfipObjects(Refusal):
    code = "R474"
    sentence = _(
        "PayFiP refuse ce contrat, avec le code « %(reason)s ». Donnez ce code à votre correspondant ou à l’exploitant"
        " de REGAL."
    )


FORBIDDEN_INVOICES: dict[str, Promise] = {
    "paid": later_said(_("%(This_debt)s est déjà payé%(e)s : choisissez %(another_debt)s.")),
    "held": later_said(
        _("Quelqu’un est en train de payer %(this_debt)s : attendez vingt minutes, ou choisissez %(another_debt)s.")
    ),
    "other_amount": later_said(_("Ce n’est pas ce qui reste dû %(of_this_debt)s : écrivez le montant exact.")),
}


class InvoiceForbids(Refusal):
    code = "R475"
    sentence: Promise | str = later_said(
        _("%(This_debt)s n’est pas payable en ligne en ce moment : choisissez %(another_debt)s.")
    )

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.field = "amount" if reason == "other_amount" else "reference"
        self.sentence = FORBIDDEN_INVOICES.get(reason, self.sentence)


class TrialUnanswered(Refusal):
    code = "R476"
    sentence = _(
        "%(service)s n’a pas répondu (code « %(reason)s ») : ce paiement n’a pas pu commencer, et personne n’est"
        " débité. Recommencez dans quelques minutes."
    )


class NotAnAdministrator(Refusal):
    code = "R468"
    sentence = _("Seul un administrateur de la collectivité approuve cette demande.")
