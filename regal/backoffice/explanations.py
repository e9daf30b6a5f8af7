"""« Expliquer ce paiement »: what happened, why, and what to do, for somebody who never heard of a notification."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from regal.backoffice import paybox_explanations
from regal.backoffice.standing import standing_of
from regal.collectivites.debt_words import later_said
from regal.gateways.base import DebtKind, Outcome, Rank
from regal.gateways.paybox.gateway import Paybox
from regal.gateways.payfip_ws.gateway import PayfipWs
from regal.payments.models import Attempt, AttemptEvent, Evidence
from regal.payments.standing import Standing
from regal.payments.states import Event

RANKS: dict[int, Promise] = {
    Rank.UNPROVEN: gettext_lazy("aucune preuve : message non signé"),
    Rank.SIGNED: gettext_lazy("preuve partielle : message signé"),
    Rank.ASKED: gettext_lazy("preuve : réponse à notre question"),
    Rank.FILED: gettext_lazy("preuve : fichier comptable"),
}
VERDICTS: dict[str, Promise] = {
    Evidence.Verdict.FITS: gettext_lazy("parle bien de ce paiement"),
    Evidence.Verdict.REPEATED: gettext_lazy("déjà reçu à l’identique : ne compte pas deux fois"),
    Evidence.Verdict.DIFFERS: gettext_lazy("ne correspond pas à ce paiement : écarté"),
    Evidence.Verdict.UNREADABLE: gettext_lazy("illisible : écarté"),
}
_WHY_UNREADABLE: dict[str, Promise] = {  # it was read, and was not about this payment
    "another_key": gettext_lazy("désigne un autre paiement : écarté"),
    "unknown_key": gettext_lazy("désigne un paiement que PayFiP ne connaît pas : écarté"),
}
SOURCES: dict[str, Promise] = {
    "notification": gettext_lazy("message de PayFiP"),
    "return": paybox_explanations.RETURN,
    "inquiry": gettext_lazy("réponse à notre question"),
    "file": gettext_lazy("fichier comptable"),
}
OUTCOMES: dict[str, Promise] = {
    Outcome.PAID: gettext_lazy("payé"),
    Outcome.REFUSED: gettext_lazy("refusé"),
    Outcome.ABANDONED: gettext_lazy("abandonné"),
    Outcome.PENDING: gettext_lazy("en attente"),
    Outcome.UNKNOWN: gettext_lazy("inconnu"),
    Outcome.FORGOTTEN: gettext_lazy("paiement que PayFiP ne connaît pas, ou plus"),
}
EXISTENCE: dict[str, Promise] = {  # what Paybox Direct says of a reference, and no more
    "no": gettext_lazy("aucune transaction connue"),
    "yes": gettext_lazy("une transaction existe, résultat inconnu"),
}
ANSWERS: dict[str, Promise] = OUTCOMES | {  # to a question about one payment
    Outcome.PENDING: gettext_lazy("pas encore de résultat"),
}
DIFFERENCES: dict[str, Promise] = {
    "account_identifier": gettext_lazy("le numéro de client"),
    "debt_reference": gettext_lazy("la référence"),
    "exercice": gettext_lazy("l’exercice"),
    "amount": gettext_lazy("le montant"),
    "environment": gettext_lazy("test ou production"),
    "entry_mode": gettext_lazy("le mode de saisie"),
    "reference": gettext_lazy("le numéro que REGAL a donné à ce paiement"),
    "authorisation": gettext_lazy("l’autorisation, absente"),
    "transaction": gettext_lazy("le numéro de transaction"),
    "not_handed_off": gettext_lazy("ce paiement n’était pas parti"),
    "too_old": gettext_lazy("le message vient trop tard"),
}

FAILURES: dict[str, Promise] = {  # what the adapters say when nothing usable came
    "connect": gettext_lazy("PayFiP est injoignable"),
    "tls": gettext_lazy("le certificat de PayFiP n’est pas accepté"),
    "proxy": gettext_lazy("le proxy refuse de joindre PayFiP"),
    "busy": gettext_lazy("trop de questions à la fois"),
    "timeout": gettext_lazy("PayFiP n’a pas répondu à temps"),
    "cut": gettext_lazy("la réponse de PayFiP a été coupée"),
    "empty": gettext_lazy("la réponse de PayFiP était vide"),
    "tech_indisponibilite": gettext_lazy("PayFiP se dit indisponible"),
    "tech_dysfonctionnement": gettext_lazy("PayFiP se dit en panne"),
}


def failure_in_words(code: str, *, of_paybox: bool = False) -> str:
    """Why a question brought nothing; the code is kept for whoever looks further."""
    if of_paybox:
        return _failure_of_paybox(code)
    if code.startswith("payfip_"):
        return _("PayFiP a refusé la question (code %(code)s)") % {"code": code.removeprefix("payfip_")}
    if code.startswith("http_5"):
        return _("PayFiP est en panne")
    if code in FAILURES:
        return str(FAILURES[code])
    return _("réponse illisible de PayFiP (%(code)s)") % {"code": code}


def _failure_of_paybox(code: str) -> str:
    if code.startswith("paybox_"):
        return str(paybox_explanations.REFUSED_QUESTION) % {"code": code.removeprefix("paybox_")}
    if code.startswith("http_5"):
        return str(paybox_explanations.BROKEN_DOWN)
    known = paybox_explanations.FAILURES.get(code) or (FAILURES[code] if code == "busy" else None)
    return str(known or paybox_explanations.UNREADABLE_ANSWER) % {"code": code}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One line of the timeline."""

    at: datetime  # when it happened, as the other side says
    recorded_at: datetime  # when we wrote it down
    title: str
    why: str

    @property
    def was_told_late(self) -> bool:
        """Two different moments are both shown."""
        return abs((self.recorded_at - self.at).total_seconds()) >= 60


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Where it stands, why we say so, and what to do."""

    where: str
    why: str
    to_do: str


def answer_about(
    attempt: Attempt,
    *,
    we_ask: bool = False,
    has_open_case: bool = False,
    is_paid_twice: bool = False,
    may_deposit: bool = True,
) -> Answer:
    """The short answer at the head of the page: never « nothing to do » where somebody must look.

    `may_deposit`: whoever reads it deposits files; else he is told to ask who does.
    """
    standing = standing_of(attempt)
    answers = _ANSWERS
    if attempt.account.debt_kind == DebtKind.REGIE:
        answers = answers | _ANSWERS_OF_A_REGIE
    if attempt.account.gateway == PayfipWs.name:
        answers = answers | _ANSWERS_WHERE_WE_ASK
    if attempt.account.gateway == Paybox.name:
        answers = answers | paybox_explanations.ANSWERS
        answers = answers | (paybox_explanations.ANSWERS_WITH_DIRECT if we_ask else {})
    where, why, to_do = (_filled(text, may_deposit=may_deposit) for text in answers[standing])
    if standing is Standing.CONFIRMED and has_open_case:
        to_do = _("Regardez l’anomalie ouverte sur cette page.")
    elif standing is Standing.CONFIRMED and is_paid_twice:
        to_do = _("Comparez les paiements de cette référence, plus bas, avant de répondre au payeur.")
    return Answer(where=where, why=why, to_do=to_do)


def step_of(event: AttemptEvent, *, we_ask: bool = False, of_paybox: bool = False) -> Step:
    """One event, told; `we_ask`: its gateway answers questions."""
    title, why = _told_of_paybox(event, we_ask=we_ask) if of_paybox else _told(event)
    if we_ask and not of_paybox and event.event in _WHY_WHERE_WE_ASK:
        why = str(_WHY_WHERE_WE_ASK[Event(event.event)])
    return Step(at=event.occurred_at, recorded_at=event.recorded_at, title=title, why=why)


def verdict_of(evidence: Evidence) -> str:
    """How it was judged, and why where that says more."""
    if evidence.verdict == Evidence.Verdict.UNREADABLE and (why := evidence.facts.get("why")) in _WHY_UNREADABLE:
        return str(_WHY_UNREADABLE[why])
    return str(VERDICTS[evidence.verdict])


def differences_of(evidence: Evidence) -> list[str]:
    """What a piece of evidence says otherwise than the attempt, in words."""
    return in_words(evidence.facts.get("differs", "").split())


def in_words(differences: Iterable[str]) -> list[str]:
    """The names of claims, as `Claims.differences_from` gives them, in words."""
    return [str(DIFFERENCES[code]) for code in differences if code in DIFFERENCES]


def source_of(evidence: Evidence, *, of_paybox: bool = False) -> str:
    """Where a piece of evidence comes from."""
    usual = str(SOURCES.get(evidence.source, evidence.source))
    return str(paybox_explanations.NOTIFICATION) if of_paybox and evidence.source == "notification" else usual


def outcome_of(evidence: Evidence) -> str:
    """What it says; of a question about existence alone, whether anything exists."""
    if evidence.outcome == Outcome.PENDING and (exists := evidence.facts.get("exists")) in EXISTENCE:
        return str(EXISTENCE[exists])
    return str(OUTCOMES.get(Outcome(evidence.outcome), "")) if evidence.outcome else ""


def rank_of(evidence: Evidence, *, of_paybox: bool = False) -> str:
    """How much a piece of evidence proves."""
    return str((paybox_explanations.RANKS if of_paybox else {}).get(evidence.rank) or RANKS[evidence.rank])


def _told_of_paybox(event: AttemptEvent, *, we_ask: bool) -> tuple[str, str]:
    kind = Event(event.event)
    if kind is Event.ANNOUNCED:
        outcome = Outcome(event.outcome) if event.outcome else Outcome.UNKNOWN
        why = paybox_explanations.WHY_ANNOUNCED.get(outcome) or paybox_explanations.WHY_ANNOUNCED_PAID[we_ask]
        return str(paybox_explanations.ANNOUNCED[outcome]), str(why)
    rank = event.evidence.rank if event.evidence is not None else Rank.UNPROVEN
    if kind in (Event.SETTLED, Event.CONFIRMED) and rank in paybox_explanations.SETTLED:
        title, why = paybox_explanations.SETTLED[rank]
        return str(title), str(why)
    if kind in paybox_explanations.TOLD:
        title, why = paybox_explanations.TOLD[kind]
        return str(title), str(why)
    title_of_any, why_of_any = _told(event)
    if rank == Rank.SIGNED and kind in paybox_explanations.TOLD_BY_A_SIGNED_MESSAGE:
        return title_of_any, str(paybox_explanations.TOLD_BY_A_SIGNED_MESSAGE[kind])
    return title_of_any, why_of_any


def _told(event: AttemptEvent) -> tuple[str, str]:
    kind = Event(event.event)
    rank = event.evidence.rank if event.evidence is not None else Rank.UNPROVEN
    if kind is Event.ANNOUNCED:
        return _announced(Outcome(event.outcome) if event.outcome else Outcome.UNKNOWN)
    if kind in (Event.SETTLED, Event.CONFIRMED):
        confirmed = _("Le paiement est confirmé") if kind is Event.SETTLED else _("La confirmation est répétée")
        if rank == Rank.FILED:
            return confirmed, _("Un fichier du comptable ou de PayFiP le contient : voyez « Ce qui a été reçu ».")
        return confirmed, f"{capfirst(str(RANKS[rank]))}."
    title, why = _TOLD[kind]
    return _filled(title), _filled(why)


def _filled(text: Promise, *, may_deposit: bool = True) -> str:
    deposit = _("Déposez") if may_deposit else _("Demandez à un régisseur de déposer")
    return str(text) % {"days": settings.FORM_SILENCE_DAYS, "deposit": deposit}


def _announced(outcome: Outcome) -> tuple[str, str]:
    unsigned = _("Ce message n’est pas signé : il annonce, il ne prouve pas. L’état attend une confirmation.")
    titles = {
        Outcome.PAID: _("PayFiP annonce : payé"),
        Outcome.REFUSED: _("PayFiP annonce : refusé"),
        Outcome.ABANDONED: _("PayFiP annonce : abandonné par le payeur"),
        Outcome.PENDING: _("PayFiP annonce : en attente"),
        Outcome.UNKNOWN: _("PayFiP annonce un résultat que REGAL ne connaît pas"),
    }
    return titles[outcome], unsigned


_TOLD: dict[Event, tuple[Promise, Promise]] = {
    Event.RECORDED: (
        gettext_lazy("Le payeur a vérifié son récapitulatif et confirmé"),
        gettext_lazy("REGAL a enregistré le paiement avant de laisser partir le payeur."),
    ),
    Event.KEY_ASKED: (
        gettext_lazy("REGAL a demandé à PayFiP d’ouvrir le paiement"),
        gettext_lazy("PayFiP ouvre chaque paiement avant que le payeur ne parte."),
    ),
    Event.KEY_GIVEN: (
        gettext_lazy("PayFiP a ouvert le paiement"),
        gettext_lazy("PayFiP lui a donné un numéro qui ne sert qu’à ce paiement."),
    ),
    Event.KEY_DENIED: (
        gettext_lazy("PayFiP n’a pas voulu ouvrir le paiement"),
        gettext_lazy("Le payeur n’est pas parti ; rien n’a été débité."),
    ),
    Event.PAYER_LEFT: (
        gettext_lazy("Le payeur est parti sur PayFiP"),
        gettext_lazy("La suite se passe chez PayFiP, dans un autre onglet : REGAL n’en voit rien."),
    ),
    Event.REFUSED: (
        gettext_lazy("Le paiement est refusé"),
        gettext_lazy("Une preuve le dit. Le payeur peut recommencer."),
    ),
    Event.ABANDONED: (
        gettext_lazy("Le payeur a abandonné"),
        gettext_lazy("Une preuve le dit. Le payeur peut recommencer."),
    ),
    Event.OUTCOME_UNKNOWN: (
        gettext_lazy("Un résultat inconnu est arrivé"),
        gettext_lazy("Son code n’est pas dans notre table : une anomalie est ouverte."),
    ),
    Event.FELL_SILENT: (
        gettext_lazy("Plus de nouvelles : sans doute abandonné"),
        gettext_lazy(
            "En %(days)s jours, rien n’a annoncé ce paiement payé. Une confirmation tardive serait encore prise."
        ),
    ),
    Event.NEVER_LEFT: (
        gettext_lazy("Le payeur n’est jamais parti"),
        gettext_lazy("Rien n’a été demandé à PayFiP, rien n’a été débité."),
    ),
    Event.CONTRADICTED: (
        gettext_lazy("Un message contraire est arrivé après la confirmation"),
        gettext_lazy("Le paiement reste confirmé ; une anomalie est ouverte pour qu’une personne regarde."),
    ),
}


_WHY_WHERE_WE_ASK: dict[Event, Promise] = {
    Event.PAYER_LEFT: gettext_lazy("La suite se passe chez PayFiP ; REGAL lui demande régulièrement où elle en est."),
    Event.FELL_SILENT: gettext_lazy(
        "PayFiP n’a donné aucun résultat dans le délai où il en donne un. REGAL continue de demander ; un paiement"
        " tardif serait compté."
    ),
    Event.NEVER_LEFT: gettext_lazy(
        "PayFiP n’a pas répondu quand REGAL lui a demandé d’ouvrir le paiement ; le payeur n’a pas eu d’adresse où"
        " payer."
    ),
}
_UNPROVED = gettext_lazy("L’annonce de PayFiP n’est pas signée : elle ne prouve rien, dans un sens ni dans l’autre.")
_PROVED = gettext_lazy("Une preuve l’établit ; elle est plus bas, sous « Ce qui a été reçu ».")
_NOTHING = gettext_lazy("Rien à faire. Le payeur peut recommencer quand il veut.")

_ANSWERS: dict[Standing, tuple[Promise, Promise, Promise]] = {  # where it stands, why we say so, what to do
    Standing.CONFIRMED: (gettext_lazy("Ce paiement est confirmé."), _PROVED, gettext_lazy("Rien à faire.")),
    Standing.REVERSED: (
        gettext_lazy("Ce paiement a été prouvé, puis annulé : il ne compte plus."),
        gettext_lazy("Une personne a écrit que cet argent n’est pas resté ; son motif est plus haut."),
        later_said(
            gettext_lazy("%(The_debt)s est de nouveau à payer : convenez avec le payeur de la façon dont il paiera.")
        ),
    ),
    Standing.PROVISIONAL: (
        gettext_lazy("Ce paiement est payé, à confirmer."),
        gettext_lazy(
            "Un message signé de Paybox le dit, et tout y correspond ; la remise du lendemain, ou une réponse de"
            " Paybox, le confirmera."
        ),
        gettext_lazy("Rien à faire : sans confirmation en deux jours ouvrés, une anomalie s’ouvre."),
    ),
    Standing.ANNOUNCED_PAID: (
        gettext_lazy("PayFiP annonce ce paiement payé ; il n’est pas encore confirmé."),
        gettext_lazy("L’annonce n’est pas signée. La confirmation viendra des fichiers du comptable public."),
        gettext_lazy(
            "Ne demandez pas au payeur de payer une seconde fois : son ticket PayFiP fait foi. En cas de doute,"
            " demandez au comptable public."
        ),
    ),
    Standing.ANNOUNCED_REFUSED: (
        gettext_lazy("PayFiP annonce que la banque a refusé ce paiement."),
        _UNPROVED,
        _NOTHING,
    ),
    Standing.ANNOUNCED_ABANDONED: (gettext_lazy("PayFiP annonce que le payeur a abandonné."), _UNPROVED, _NOTHING),
    Standing.ANNOUNCED_UNCLEAR: (
        gettext_lazy("PayFiP a envoyé une annonce que REGAL ne comprend pas."),
        _UNPROVED,
        gettext_lazy("Demandez au payeur s’il a reçu un ticket de PayFiP, et au comptable public ce qu’il a encaissé."),
    ),
    Standing.UNDER_WAY: (
        gettext_lazy("Le payeur est parti payer ; nous attendons des nouvelles."),
        gettext_lazy("PayFiP prévient d’ordinaire dans les minutes qui suivent."),
        gettext_lazy(
            "Attendre. Si le payeur a reçu un ticket de PayFiP, il a payé : ne lui faites pas payer une seconde fois,"
            " le prochain fichier confirmera. Sinon, au bout de %(days)s jours, ce paiement sera tenu pour abandonné."
        ),
    ),
    Standing.SILENT: (
        gettext_lazy("Personne n’a parlé de ce paiement : il est sans doute abandonné."),
        gettext_lazy("En %(days)s jours, aucun message lisible de PayFiP n’a parlé de ce paiement."),
        gettext_lazy(
            "Rien à faire, sauf si le payeur dit avoir payé : demandez-lui alors son ticket PayFiP et interrogez le"
            " comptable public."
        ),
    ),
    Standing.REFUSED: (gettext_lazy("Ce paiement est refusé."), _PROVED, _NOTHING),
    Standing.ABANDONED: (gettext_lazy("Le payeur a abandonné."), _PROVED, _NOTHING),
    Standing.UNKNOWN: (
        gettext_lazy("Le résultat de ce paiement est inconnu."),
        gettext_lazy("Le code reçu n’est pas dans notre table."),
        gettext_lazy(
            "Regardez l’anomalie ouverte sur cette page ; ne demandez pas au payeur de payer une seconde fois."
        ),
    ),
    Standing.NEVER_STARTED: (
        gettext_lazy("Ce paiement n’est jamais parti."),
        gettext_lazy("Rien n’a été demandé à PayFiP, rien n’a été débité."),
        _NOTHING,
    ),
}

_ANSWERS_OF_A_REGIE: dict[Standing, tuple[Promise, Promise, Promise]] = {  # whose proof the régisseur downloads himself
    Standing.ANNOUNCED_PAID: (
        gettext_lazy("PayFiP annonce ce paiement payé ; il n’est pas encore confirmé."),
        gettext_lazy(
            "L’annonce n’est pas signée. La confirmation viendra du relevé de votre régie, à déposer sous Fichiers."
        ),
        gettext_lazy(
            "Ne demandez pas au payeur de payer une seconde fois : son ticket PayFiP fait foi. %(deposit)s le relevé"
            " qui couvre ce jour."
        ),
    ),
    Standing.ANNOUNCED_UNCLEAR: (
        gettext_lazy("PayFiP a envoyé une annonce que REGAL ne comprend pas."),
        _UNPROVED,
        gettext_lazy("Demandez au payeur s’il a reçu un ticket de PayFiP. %(deposit)s le relevé de la régie."),
    ),
}
_ANSWERS_WHERE_WE_ASK: dict[Standing, tuple[Promise, Promise, Promise]] = {  # the answer proves; nothing is announced
    Standing.UNDER_WAY: (
        gettext_lazy("Le payeur est parti payer ; PayFiP n’a pas encore donné de résultat."),
        gettext_lazy("REGAL le demande à PayFiP, souvent d’abord, puis de moins en moins souvent, sept jours durant."),
        gettext_lazy(
            "Attendre. Si le payeur a reçu un ticket de PayFiP, il a payé : ne lui faites pas payer une seconde fois."
        ),
    ),
    Standing.SILENT: (
        gettext_lazy("PayFiP n’a jamais donné de résultat : ce paiement est sans doute abandonné."),
        gettext_lazy("Un résultat arrive d’ordinaire dans les deux heures. Un paiement tardif serait encore compté."),
        gettext_lazy("Rien à faire, sauf si le payeur dit avoir payé : demandez-lui alors son ticket PayFiP."),
    ),
    Standing.NEVER_STARTED: (
        gettext_lazy("Ce paiement n’est jamais parti."),
        gettext_lazy("PayFiP ne l’a pas ouvert, ou n’a pas répondu : le payeur n’a pas eu d’adresse où payer."),
        _NOTHING,
    ),
}
