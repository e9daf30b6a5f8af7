"""What Paybox's payments are told with: signed messages, that prove in part; answers and remises, that prove.

`explanations.py` chooses; these tables say less than its own where nothing differs.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.gateways.base import Outcome, Rank
from regal.payments.standing import Standing
from regal.payments.states import Event

NOTIFICATION = _("message signé de Paybox")
RETURN = _("retour du navigateur du payeur, signé par Paybox")
RANKS: dict[int, Promise] = {
    Rank.ASKED: _("preuve : réponse de Paybox Direct"),
    Rank.FILED: _("preuve : fichier de remise"),
}
FAILURES: dict[str, Promise] = {
    "connect": _("Paybox est injoignable"),
    "tls": _("le certificat de Paybox n’est pas accepté"),
    "proxy": _("le proxy refuse de joindre Paybox"),
    "timeout": _("Paybox n’a pas répondu à temps"),
    "cut": _("la réponse de Paybox a été coupée"),
    "empty": _("la réponse de Paybox était vide"),
}
BROKEN_DOWN = _("Paybox est en panne")
REFUSED_QUESTION = _("Paybox a refusé la question (code %(code)s)")
UNREADABLE_ANSWER = _("réponse illisible de Paybox (%(code)s)")
FORGOTTEN = _("paiement que Paybox ne connaît pas")

ANNOUNCED: dict[Outcome, Promise] = {
    Outcome.PAID: _("Paybox annonce : payé"),
    Outcome.REFUSED: _("Paybox annonce : refusé"),
    Outcome.ABANDONED: _("Le payeur est revenu sans payer"),
    Outcome.PENDING: _("Paybox annonce : en attente de la banque"),
    Outcome.UNKNOWN: _("Paybox annonce un résultat que REGAL ne connaît pas"),
}
_CHECKED = _("Le message est signé ; REGAL interroge encore Paybox avant de le compter.")
_NOT_COUNTED = _("Le message est signé. Sans confirmation, il ne suffit pas à compter ce paiement.")
WHY_ANNOUNCED: dict[Outcome, Promise] = {
    Outcome.REFUSED: _("Le message est signé. Rien n’a été débité ; le payeur peut réessayer, sur la même page aussi."),
    Outcome.ABANDONED: _("Rien n’a été débité ; il peut recommencer."),
    Outcome.PENDING: _("La banque du payeur n’a pas encore répondu : Paybox préviendra de nouveau."),
    Outcome.UNKNOWN: _("Son code n’est pas dans la table de REGAL : il n’est compté ni payé, ni refusé."),
}
SETTLED: dict[int, tuple[Promise, Promise]] = {
    Rank.SIGNED: (
        _("Le paiement est payé, à confirmer"),
        _("Un message signé de Paybox le dit, et tout y correspond à ce paiement."),
    ),
    Rank.ASKED: (_("Le paiement est confirmé par Paybox Direct"), _("REGAL a interrogé Paybox, qui a répondu.")),
    Rank.FILED: (
        _("Le paiement est confirmé par le fichier de remise"),
        _("La banque l’a reçu : voyez « Ce qui a été reçu »."),
    ),
}
TOLD: dict[Event, tuple[Promise, Promise]] = {
    Event.PAYER_LEFT: (
        _("Le payeur est parti sur la page de paiement"),
        _("La suite se passe chez Paybox, qui prévient REGAL et ramène le payeur."),
    ),
    Event.FELL_SILENT: (
        _("Plus de nouvelles : sans doute abandonné"),
        _("Paybox n’a parlé d’aucun paiement. Un fichier de remise tardif serait encore pris."),
    ),
    Event.NEVER_LEFT: (
        _("Le payeur n’est jamais parti"),
        _("Aucune page de paiement n’a été ouverte, rien n’a été débité."),
    ),
}
_DENIED = _("Un message signé de Paybox le dit. Le payeur peut recommencer.")
TOLD_BY_A_SIGNED_MESSAGE: dict[Event, Promise] = {Event.REFUSED: _DENIED, Event.ABANDONED: _DENIED}

_TICKET = _(
    "Ne demandez pas au payeur de payer une seconde fois : son ticket Paybox fait foi. %(deposit)s le fichier de"
    " remise qui couvre ce jour."
)
_NOTHING = _("Rien à faire. Le payeur peut recommencer quand il veut.")
_NOBODY_DEBITED = _("Un message signé de Paybox le dit ; rien n’a été débité.")

ANSWERS: dict[Standing, tuple[Promise, Promise, Promise]] = {  # where it stands, why we say so, what to do
    Standing.PROVISIONAL: (
        _("Ce paiement est payé, à confirmer."),
        _(
            "Un message signé de Paybox le dit, et tout y correspond. Le fichier de remise du lendemain le confirmera,"
            " ou Paybox Direct si votre contrat le comprend."
        ),
        _(
            "%(deposit)s le fichier de remise dès qu’il est là. Ne faites pas payer une seconde fois. Sans confirmation"
            " en deux jours ouvrés, une anomalie s’ouvre."
        ),
    ),
    Standing.ANNOUNCED_PAID: (
        _("Paybox annonce ce paiement payé ; il n’est pas encore confirmé."),
        _NOT_COUNTED,
        _TICKET,
    ),
    Standing.ANNOUNCED_REFUSED: (_("Paybox annonce que la banque a refusé ce paiement."), _NOBODY_DEBITED, _NOTHING),
    Standing.ANNOUNCED_ABANDONED: (
        _("Le payeur est revenu de la page de paiement sans payer."),
        _NOBODY_DEBITED,
        _NOTHING,
    ),
    Standing.REFUSED: (_("Ce paiement est refusé."), _NOBODY_DEBITED, _NOTHING),
    Standing.ABANDONED: (_("Le payeur est revenu de la page de paiement sans payer."), _NOBODY_DEBITED, _NOTHING),
    Standing.ANNOUNCED_UNCLEAR: (
        _("Paybox a envoyé un message qui ne dit ni payé, ni refusé."),
        _("La banque n’a pas encore répondu, ou REGAL ne connaît pas le code reçu."),
        _("Attendre le fichier de remise. Demandez au payeur s’il a reçu un ticket de Paybox."),
    ),
    Standing.UNDER_WAY: (
        _("Le payeur est parti payer ; nous attendons des nouvelles."),
        _("Paybox prévient d’ordinaire dans les secondes qui suivent la fin du paiement."),
        _(
            "Attendre. Si le payeur a reçu un ticket de Paybox, il a payé : ne lui faites pas payer une seconde fois,"
            " le fichier de remise le confirmera."
        ),
    ),
    Standing.SILENT: (
        _("Personne n’a parlé de ce paiement : il est sans doute abandonné."),
        _("Aucun message de Paybox n’a parlé de ce paiement."),
        _(
            "Rien à faire, sauf si le payeur dit avoir payé : demandez-lui alors son ticket Paybox. %(deposit)s"
            " le fichier de remise de ce jour."
        ),
    ),
    Standing.NEVER_STARTED: (
        _("Ce paiement n’est jamais parti."),
        _("Aucune page de paiement n’a été ouverte, rien n’a été débité."),
        _NOTHING,
    ),
}
ANSWERS_WITH_DIRECT: dict[Standing, tuple[Promise, Promise, Promise]] = {  # REGAL asks by itself
    Standing.ANNOUNCED_PAID: (
        _("Paybox annonce ce paiement payé ; REGAL l’interroge pour le confirmer."),
        _CHECKED,
        _("Attendre : la réponse vient d’ordinaire en une minute. Ne faites pas payer une seconde fois."),
    ),
    Standing.PROVISIONAL: (
        _("Ce paiement est payé, à confirmer."),
        _("Un message signé de Paybox le dit, et tout y correspond. REGAL interroge Paybox pour le confirmer."),
        _("Rien à faire : sans confirmation en deux jours ouvrés, une anomalie s’ouvre."),
    ),
}
WHY_ANNOUNCED_PAID = {True: _CHECKED, False: _NOT_COUNTED}  # by whether we ask
