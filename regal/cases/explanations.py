"""Each kind of case in plain words: what happened, and what to do. Closing a case never moves money."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.cases.models import Kind


@dataclass(frozen=True, kw_only=True)
class Explanation:
    what: Promise
    to_do: Promise


EXPLANATIONS: dict[Kind, Explanation] = {
    Kind.CONTRADICTION: Explanation(
        what=_("Ce paiement est confirmé, et une preuve arrivée ensuite dit le contraire. Rien n’a été changé."),
        to_do=_("Demandez au comptable public ce qu’il a encaissé avant de répondre au payeur."),
    ),
    Kind.OTHER_PAYMENT: Explanation(
        what=_(
            "Ce qui est arrivé pour ce paiement parle d’un autre : le numéro de client, la référence, le montant ou le"
            " mode (test ou production) n’est pas le même. Il n’en est pas tenu compte, et rien n’a été changé."
        ),
        to_do=_(
            "Regardez ce qui diffère dans « Ce qui a été reçu ». Si c’est un message de PayFiP, il n’est pas signé et"
            " ne prouve rien : ne faites rien sur sa seule foi. Si c’est un fichier comptable, prévenez qui administre"
            " REGAL chez vous."
        ),
    ),
    Kind.UNKNOWN_OUTCOME: Explanation(
        what=_("Le résultat reçu est un code que REGAL ne connaît pas : il n’est compté ni payé, ni refusé."),
        to_do=_(
            "Ne demandez pas au payeur de payer une seconde fois. Transmettez cette anomalie à l’exploitant de REGAL."
        ),
    ),
    Kind.STUCK_EFFECT: Explanation(
        what=_("Un traitement a échoué plusieurs fois de suite. Aucun paiement n’est perdu."),
        to_do=_(
            "Transmettez cette anomalie à l’exploitant de REGAL : il la verra se refermer une fois la cause levée."
        ),
    ),
    Kind.ABSENT_FROM_FILE: Explanation(
        what=_(
            "PayFiP a annoncé ce paiement payé, et le fichier qui couvre ce jour-là ne le contient pas. L’annonce n’est"
            " pas signée : elle peut être fausse, ou l’encaissement arriver plus tard."
        ),
        to_do=_(
            "Demandez au comptable public s’il a encaissé cette somme. Ne réclamez rien au payeur avant sa réponse :"
            " son ticket PayFiP fait foi."
        ),
    ),
    Kind.OTHER_AMOUNT: Explanation(
        what=_("Le fichier contient un paiement de cette référence, mais d’un autre montant. Rien n’a été confirmé."),
        to_do=_("Comparez les deux montants, puis demandez au comptable public lequel il a encaissé."),
    ),
    Kind.REFUSED_YET_FILED: Explanation(
        what=_(
            "PayFiP avait annoncé ce paiement refusé ou abandonné, et le fichier le contient. Le fichier est une"
            " preuve : le paiement est confirmé."
        ),
        to_do=_("Rien à réclamer au payeur. Si vous l’avez relancé, prévenez-le que sa dette est payée."),
    ),
    Kind.AMBIGUOUS_LINE: Explanation(
        what=_(
            "Une ligne du fichier peut aller à plusieurs dettes payées ici : leurs numéros ne diffèrent que par des"
            " zéros. REGAL ne choisit pas à votre place : aucune n’est confirmée."
        ),
        to_do=_("Demandez au comptable public laquelle de ces dettes a été payée."),
    ),
}


def explanation_of(kind: str) -> Explanation:
    """Raises KeyError or ValueError for a kind that is not in the closed list: a test goes through them all."""
    return EXPLANATIONS[Kind(kind)]
