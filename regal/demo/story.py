"""What became of one trial: a line for each recorded fact, wherever it was recorded, in the order of its hour."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from regal.cases.models import Case
from regal.collectivites.models import Collectivite
from regal.demo.faults import CATALOGUE, PRODUCTS, REPAIR, TOWN, UNTIL_REMISE, Fault
from regal.demo.notebook import BACK, KILLED, REMISE, Fact, Run
from regal.demo.tally import Truth
from regal.gateways.base import Outcome
from regal.lib import in_words
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, AttemptEvent, Evidence, InboxMessage, Settlement
from regal.payments.states import Event
from regal.receipts.models import Ticket
from regal.titres.models import Titre


class Source(StrEnum):
    """Where a fact was recorded."""

    PAYER = "payer"
    GATEWAY = "gateway"
    FAULT = "fault"
    REGAL = "regal"


class Standing(StrEnum):
    RUNNING = "running"
    REPAIRING = "repairing"
    REPAIRED = "repaired"
    LOST = "lost"
    NOT_PLAYED = "not_played"


@dataclass(frozen=True, kw_only=True)
class Line:
    at: datetime
    source: Source
    text: str


@dataclass(frozen=True, kw_only=True)
class Story:
    run: Run
    title: str | Promise
    product: str
    standing: Standing
    seconds: int | None  # from the payment to its repair
    amount: Money | None
    titre: Titre | None
    lines: list[Line]

    @property
    def moves(self) -> bool:
        """Whether something may still be added to it."""
        return self.standing in (Standing.RUNNING, Standing.REPAIRING)


PARTS = {
    "guichet": gettext_lazy("le guichet"),
    "travaux": gettext_lazy("les travaux"),
    "postgres": gettext_lazy("PostgreSQL"),
}
STEPS = {
    "at_gateway": gettext_lazy("Le payeur est devant la page de carte."),
    "closed": gettext_lazy("Le payeur a payé et fermé son onglet : il ne reviendra pas."),
    "comes_back": gettext_lazy("Le payeur prend le lien de retour."),
    "told_paid": gettext_lazy("Sa page dit « payé »."),
    "told_nothing_yet": gettext_lazy("Sa page dit encore « en attente » ; il s’en va."),
}
EVENTS = {
    Event.RECORDED: gettext_lazy("Tentative enregistrée, avant tout départ."),
    Event.PAYER_LEFT: gettext_lazy("L’adresse de paiement est remise au payeur."),
    Event.ANNOUNCED: gettext_lazy("Une nouvelle sans preuve est notée : elle ne change rien à elle seule."),
    Event.SETTLED: gettext_lazy("Paiement prouvé : réglé, facture soldée, journal écrit, ticket dû."),
    Event.CONFIRMED: gettext_lazy("La même nouvelle, mieux prouvée."),
    Event.CONTRADICTED: gettext_lazy("Nouvelle contraire après le règlement : une anomalie l’attend, rien ne change."),
    Event.REFUSED: gettext_lazy("Le prestataire dit : refusé."),
    Event.ABANDONED: gettext_lazy("Le prestataire dit : abandonné."),
}
ANSWERS = {
    Outcome.PAID: gettext_lazy("payé"),
    Outcome.PENDING: gettext_lazy("pas encore connu"),
    Outcome.REFUSED: gettext_lazy("refusé"),
    Outcome.ABANDONED: gettext_lazy("abandonné"),
}


def stories(
    runs: Iterable[Run], *, truth: Truth | None, facts: Iterable[Fact], now: datetime, known: Collection[str] = ()
) -> list[Story]:
    """Of each trial, in the order given. Without the sandbox, what it recorded is left out.

    `known`: as `tally.reckon`.
    """
    facts = tuple(facts)
    town = Collectivite.objects.get(slug=TOWN.slug)
    with tenant(town):
        return [_story(run, town, truth, facts, now, known) for run in runs]


def _story(
    run: Run,
    town: Collectivite,
    truth: Truth | None,
    facts: tuple[Fact, ...],
    now: datetime,
    known: Collection[str],
) -> Story:
    titre = None
    if run.invoice:
        slug = PRODUCTS[run.gateway].slug
        titre = Titre.objects.of(town).filter(product__slug=slug, number=run.invoice).first()
    attempt = Attempt.objects.of(town).filter(titre=titre).order_by("pk").first() if titre is not None else None
    settlement = Settlement.objects.of(town).filter(attempt=attempt).first() if attempt is not None else None
    ticket = Ticket.objects.of(town).filter(settlement=settlement).order_by("pk").first() if settlement else None
    lines = [*_of_trial(run, facts), *(_of_sandbox(run, attempt, truth) if truth is not None else ())]
    if attempt is not None:
        lines += _of_regal(town, attempt, ticket)
    paid_at = next((at for at, what in run.steps if what == "paid"), None)
    if paid_at is not None and attempt is not None and truth is not None:  # as who was paid says
        paid_at = min([paid_at, *(one.at for one in truth.of(run.gateway, attempt.key or attempt.reference))])
    ends_at = settlement.recorded_at if settlement is not None else None
    if run.fault == Fault.MAIL:
        ends_at = ticket.sent_at if ticket is not None else None
    return Story(
        run=run,
        title=CATALOGUE[Fault(run.fault)].title,
        product=PRODUCTS[run.gateway].name,
        standing=_standing(
            run, paid_at=paid_at, ends_at=ends_at, now=now, patience=UNTIL_REMISE if run.reference in known else REPAIR
        ),
        seconds=max(0, (ends_at - paid_at) // timedelta(seconds=1)) if ends_at and paid_at else None,
        amount=titre.amount if titre is not None else None,
        titre=titre,
        lines=sorted(lines, key=lambda line: line.at),
    )


def _standing(
    run: Run, *, paid_at: datetime | None, ends_at: datetime | None, now: datetime, patience: timedelta
) -> Standing:
    if paid_at is None:
        return Standing.NOT_PLAYED if run.is_over else Standing.RUNNING
    if ends_at is not None:
        return Standing.REPAIRED
    return Standing.REPAIRING if now - paid_at <= patience else Standing.LOST


def _of_trial(run: Run, facts: Iterable[Fact]) -> list[Line]:
    lines = [Line(at=at, source=Source.PAYER, text=str(STEPS[what])) for at, what in run.steps if what in STEPS]
    for fact in facts:
        if fact.run == run.id and fact.what in (KILLED, BACK):
            part = str(PARTS.get(fact.part, fact.part))
            text = _("Tué sans un mot : %(part)s.") if fact.what == KILLED else _("Redémarré : %(part)s.")
            lines.append(Line(at=fact.at, source=Source.FAULT, text=text % {"part": part}))
        if fact.run == run.id and fact.what == REMISE:
            text = _("La remise %(number)s de Paybox est déposée, comme la régie le fait le lendemain.")
            lines.append(Line(at=fact.at, source=Source.GATEWAY, text=text % {"number": fact.part}))
    return lines


def _of_sandbox(run: Run, attempt: Attempt | None, truth: Truth) -> list[Line]:
    lines = [
        Line(at=datetime.fromisoformat(use["at"]), source=Source.FAULT, text=fault_words(use["rule"]))
        for use in truth.uses
        if use["rule"]["id"] in run.rules
    ]
    if attempt is not None:
        for taken in truth.of(run.gateway, attempt.key or attempt.reference):
            text = _("Le prestataire débite %(amount)s.") % {"amount": in_words.euros(Money(taken.cents))}
            lines.append(Line(at=taken.at, source=Source.GATEWAY, text=text))
    return lines


def fault_words(rule: Mapping[str, object]) -> str:
    """What a rule of the sandbox did."""
    copies = rule.get("copies") if rule.get("ipn") == "twice" else rule.get("duplicate")
    if rule.get("mail"):
        return _("Panne : la messagerie refuse le ticket.")
    if "slow" in (rule.get("service"), rule.get("direct")):
        return _("Panne : le prestataire laisse une question sans réponse.")
    if rule.get("service") or rule.get("direct"):
        return _("Panne : le prestataire répond 503 à une question.")
    if rule.get("drop") or rule.get("ipn") == "lost":
        return _("Panne : le message est perdu.")
    if isinstance(copies, int) and copies:
        return ngettext(
            "Panne : le message part une fois de plus.", "Panne : le message part %(count)s fois de plus.", copies
        ) % {"count": copies}
    if rule.get("delay_seconds") or rule.get("ipn") == "late":
        return _("Panne : le message est retenu.")
    return _("Panne : le message annonce un autre montant.")


def _of_regal(town: Collectivite, attempt: Attempt, ticket: Ticket | None) -> list[Line]:
    told = _judged(Evidence.objects.of(town).filter(attempt=attempt).order_by("received_at", "pk"))
    told += [
        (event.recorded_at, str(EVENTS[Event(event.event)]))
        for event in AttemptEvent.objects.of(town).filter(attempt=attempt).order_by("number")
        if Event(event.event) in EVENTS
    ]
    received = list(
        InboxMessage.objects.of(town)
        .filter(attempt=attempt, channel=InboxMessage.Channel.NOTIFICATION)
        .order_by("received_at")
        .values_list("received_at", flat=True)
    )
    if received:
        text = ngettext(
            "Un message du prestataire est reçu, et gardé tel quel.",
            "%(count)s messages du prestataire sont reçus, et gardés tels quels.",
            len(received),
        )
        told.append((received[0], text % {"count": len(received)}))
    if ticket is not None and ticket.sent_at is not None:
        text = ngettext("Le ticket est parti.", "Le ticket est parti, au %(count)se essai.", ticket.tries)
        told.append((ticket.sent_at, text % {"count": ticket.tries}))
    for case in Case.objects.of(town).filter(subject_kind="attempt", subject_id=attempt.pk):
        told.append((case.opened_at, _("Anomalie ouverte : %(kind)s.") % {"kind": case.get_kind_display()}))
        if case.closed_at is not None:
            told.append((case.closed_at, _("Cette anomalie est close.")))
    return [Line(at=at, source=Source.REGAL, text=text) for at, text in told]


def _judged(every: Iterable[Evidence]) -> list[tuple[datetime, str]]:
    """The answers to our questions, and what came of messages that are not simply taken."""
    told, repeated = [], []
    for evidence in every:
        if evidence.source == "inquiry":
            answer = str(ANSWERS.get(Outcome(evidence.outcome), evidence.outcome)) if evidence.outcome else "?"
            told.append((evidence.received_at, _("REGAL interroge : « %(answer)s ».") % {"answer": answer}))
        elif evidence.verdict == Evidence.Verdict.DIFFERS:
            told.append((evidence.received_at, _("Un message ne correspond pas à ce paiement : il est écarté.")))
        elif evidence.verdict == Evidence.Verdict.UNREADABLE:
            told.append((evidence.received_at, _("Un message est illisible : il est écarté.")))
        elif evidence.verdict == Evidence.Verdict.REPEATED:
            repeated.append(evidence.received_at)
    if repeated:
        text = ngettext(
            "Un message répété est sans effet.", "%(count)s messages répétés sont sans effet.", len(repeated)
        )
        told.append((repeated[-1], text % {"count": len(repeated)}))
    return told
