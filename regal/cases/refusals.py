"""What an agent can mend about a case: a French sentence, and a stable code that support can search for.

Refusal
├── MissingReason        R431  too short, or too long
├── MissingNote          R432
├── CardNumber           R433  in a note or a reason
├── MissingDecision      R434  none chosen, or one that does not suit this kind
├── AlreadyClosed        R435  meanwhile, by somebody or by the rule
├── ClosesItself         R436  its rule alone closes it
├── HeldByAnother        R437  somebody took it or gave it back since the page was shown
├── NotOneOfUs           R438  whoever is to take it does not work here
├── NotForYourRole       R439  an agent only takes cases for himself, and does not close them
└── UnreadableText       R440  a character that cannot be kept
"""

from django.utils.translation import gettext_lazy as _

from regal.lib import refusals


class Refusal(refusals.Refusal):
    code = "R430"


class MissingReason(Refusal):
    code = "R431"
    sentence = _(
        "Écrivez le motif de votre décision, de %(shortest)s à %(longest)s caractères : qui a répondu quoi, et quand."
    )


class MissingNote(Refusal):
    code = "R432"
    sentence = _("Écrivez votre note, %(longest)s caractères au plus.")


class CardNumber(Refusal):
    code = "R433"
    sentence = _(
        "Ce texte contient ce qui ressemble à un numéro de carte bancaire : retirez-le, il ne se garde nulle part."
    )


class MissingDecision(Refusal):
    code = "R434"
    sentence = _("Choisissez une décision dans la liste.")


class AlreadyClosed(Refusal):
    """`who` and `when` are in words."""

    code = "R435"
    sentence = _(
        "Cette anomalie a été close entre-temps par %(who)s le %(when)s. Rien de ce que vous venez d’envoyer n’a été"
        " enregistré."
    )


class ClosesItself(Refusal):
    code = "R436"
    sentence = _("Cette anomalie se referme d’elle-même dès que sa cause est levée : personne ne peut la clore.")


class HeldByAnother(Refusal):
    code = "R437"
    sentence = _("Cette anomalie a changé de mains entre-temps : %(who)s. Regardez, puis recommencez s’il le faut.")


class NotOneOfUs(Refusal):
    code = "R438"
    sentence = _("Choisissez dans la liste une personne qui travaille dans votre collectivité.")


class NotForYourRole(Refusal):
    code = "R439"
    sentence = _("Seul un régisseur ou un administrateur peut faire cela.")


class UnreadableText(Refusal):
    code = "R440"
    sentence = _("Ce texte contient un caractère qui ne peut pas être gardé : retapez-le au lieu de le coller.")
