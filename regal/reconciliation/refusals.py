"""What an agent who deposits a file can mend: a French sentence, and a stable code that support can search for.

Refusal
├── NoFile            R401
├── FileTooLarge      R402
├── ForeignBudget     R403  its SIRET is that of none of our budgets
├── NamesNobody       R404  it bears no SIRET
├── ChooseAccount     R405  a régie's statement, and no account chosen
├── OtherAccount      R406  it bears another client number than the account chosen
├── NoContract        R407  the budget has no contract of the comptable that moves money
├── AlreadyDeposited  R408  the very same bytes
├── NotYetPaid        R409  a payment of a day to come
├── BadDay            R411  not a day that a calendar has
├── DaysReversed      R412
├── DaysToCome        R413
├── NoLongerADraft    R414  confirmed or discarded meanwhile
├── NoPayboxContract  R415  remises, and no contract of Paybox that moves money
└── ForeignContract   R416  remises of none of our contracts
"""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from regal.lib import in_words, refusals


class Refusal(refusals.Refusal):
    """`field` is the part of the form that it is about, "" for none."""

    code = "R400"
    field: str = ""


class NoFile(Refusal):
    code = "R401"
    sentence = _("Choisissez un fichier de votre ordinateur.")
    field = "fichier"


class FileTooLarge(Refusal):
    code = "R402"
    sentence = _(
        "Ce fichier pèse plus de %(megabytes)s Mo. Demandez au comptable un fichier qui couvre moins de jours, ou sans"
        " pièces jointes."
    )
    field = "fichier"


class ForeignBudget(Refusal):
    code = "R403"
    sentence = _(
        "Ce fichier est celui du SIRET %(filed)s (%(entity)s), qui n’est pas un budget de cette collectivité : elle a"
        " %(ours)s. Déposez le fichier de l’un de ces budgets."
    )
    field = "fichier"


class NamesNobody(Refusal):
    code = "R404"
    sentence = _(
        "Ce fichier ne porte pas de SIRET : REGAL ne peut pas savoir de quel budget il s’agit. Redemandez-le au"
        " comptable."
    )
    field = "fichier"


class ChooseAccount(Refusal):
    code = "R405"
    sentence = _("Ce fichier est un relevé de régie : choisissez le compte de régie dont il s’agit.")
    field = "compte"


class OtherAccount(Refusal):
    code = "R406"
    sentence = _(
        "Ce relevé est celui du client PayFiP %(filed)s, et vous avez choisi le compte %(chosen)s. Choisissez l’autre"
        " compte, ou déposez le relevé du client %(chosen)s."
    )
    field = "compte"


class NoContract(Refusal):
    code = "R407"
    sentence = _(
        "Le budget « %(budget)s » n’a aucun contrat PayFiP en production ou en activation pour des titres ou des"
        " rôles : ce fichier n’a rien à confirmer ici."
    )
    field = "fichier"


class AlreadyDeposited(Refusal):
    code = "R408"
    sentence = _("Ce fichier a déjà été déposé par %(who)s le %(when)s : rien n’a été changé.")
    field = "fichier"

    def __init__(self, *, file_id: int, who: str, at: datetime) -> None:
        super().__init__(who=who)
        self.file_id = file_id
        self.at = at

    def __str__(self) -> str:
        return str(self.sentence) % (self.values | {"when": in_words.instant(self.at)})


class NotYetPaid(Refusal):
    code = "R409"
    sentence = _(
        "Ce fichier contient un paiement daté du %(day)s, qui n’est pas encore passé (%(place)s). Redemandez-le à qui"
        " vous l’a donné."
    )
    field = "fichier"


class BadDay(Refusal):
    code = "R411"
    sentence = _("« %(typed)s » n’est pas une date : écrivez-la jour/mois/année, par exemple 24/11/2026.")


class DaysReversed(Refusal):
    code = "R412"
    sentence = _("Le premier jour couvert vient après le dernier : corrigez l’une des deux dates.")
    field = "du"


class DaysToCome(Refusal):
    code = "R413"
    sentence = _("Un fichier ne peut pas couvrir un jour qui n’est pas encore passé : corrigez le dernier jour.")
    field = "au"


class NoLongerADraft(Refusal):
    code = "R414"
    sentence = _(
        "Ce fichier n’est plus un brouillon : quelqu’un l’a confirmé ou écarté entre-temps. Rien n’a été changé."
    )


class NoPayboxContract(Refusal):
    code = "R415"
    sentence = _(
        "C’est un fichier de remises de Paybox, et cette collectivité n’a aucun contrat Paybox en production ou en"
        " activation : il n’a rien à confirmer ici."
    )
    field = "fichier"


class ForeignContract(Refusal):
    code = "R416"
    sentence = _(
        "Ce fichier de remises est celui du site et du rang %(filed)s, qui ne sont pas à cette collectivité : elle a"
        " %(ours)s en production ou en activation. Déposez le fichier de l’un de ces contrats. Les essais ne figurent"
        " dans aucun fichier."
    )
    field = "fichier"
