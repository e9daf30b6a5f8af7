"""The whole story of one debt, in the order of time: what people did, what payments did, what was left after each."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from regal.backoffice.counter import moves_of
from regal.backoffice.pages import Line as PaymentLine
from regal.backoffice.titre_queries import allocations_of, part_of_each, settlements_on, steps_of
from regal.collectivites.debt_words import later_said
from regal.collectivites.models import Product
from regal.gateways.base import Environment
from regal.lib import in_words
from regal.lib.money import Money
from regal.payments.models import Attempt
from regal.receipts.quittance_queries import quittances_of
from regal.reconciliation.comptable import words_on
from regal.reconciliation.models import FiledState
from regal.titres.models import Direction, Titre, TitreEvent
from regal.titres.states import Event, State

_OVER = (State.CANCELLED, State.WRITTEN_OFF, State.WITHDRAWN, State.CLOSED, State.REJECTED)
_UNDONE_BY_ITS_AUTHOR = (Event.CANCELLED, Event.WRITTEN_OFF, Event.ADJUSTED)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that was mended."""

    name: str
    before: str
    after: str


@dataclass(kw_only=True)
class Step:
    """One line of the story. `paid`, `due` and `state` are what it leaves behind it, where it changes them."""

    at: datetime
    title: str
    text: str = ""
    note: str = ""  # what the payer reads of why
    changes: list[Change] = field(default_factory=list)
    by_its_author: bool = False  # whoever created the debt undid it: said, never forbidden
    payment: int | None = None  # the payment it speaks of
    reversible: int | None = None  # the settlement that can be reversed
    settlement: int | None = None  # that came in with it
    quittance: str = ""  # the number of that one's
    file: int | None = None  # the comptable's file that says it
    left: Money | None = None  # what is to be paid after it
    due: Money | None = None
    more_due: Money | None = None
    less_due: Money | None = None
    paid: Money | None = None
    state: str = ""


def story_of(titre: Titre, *, attempts: Iterable[Attempt]) -> list[Step]:
    """Every step; `attempts`: those that the page shows. Call it inside `tenant()`."""
    events = list(steps_of(titre))
    products = {str(one.pk): one.name for one in Product.objects.filter(collectivite=titre.collectivite_id)}
    author = next((one.by_id for one in events if one.from_state == ""), None)
    said = {number: word for word in words_on(titre) for number in word.step_numbers}
    steps = [_of_event(event, author=author, products=products, word=said.get(event.number)) for event in events]
    if steps:
        steps[0].due = _issued_for(titre, events)
    part = part_of_each(titre)
    steps += [_of_attempt(attempt, part=part.get(attempt.pk, attempt.amount)) for attempt in attempts]
    allocated: dict[int, Money] = {}
    for allocation in allocations_of(titre):
        allocated[allocation.settlement_id] = allocation.amount
    for move in moves_of(titre):
        steps.append(
            Step(
                at=move.at,
                title=move.title,
                text=move.text,
                payment=move.payment,
                paid=move.amount,
                reversible=move.settlement,
                settlement=move.came_in,
            )
        )
    for settlement in settlements_on(titre):
        brought = part.get(settlement.attempt_id or 0, settlement.amount)
        extinguished = allocated.get(settlement.pk, Money.zero)
        if settlement.environment == Environment.TEST:
            title = _("Paiement d’essai confirmé : il ne règle rien")
        elif extinguished < brought:
            title = _("Reçu en trop : %(amount)s") % {"amount": in_words.euros(brought - extinguished)}
        else:
            continue
        steps.append(Step(at=settlement.recorded_at, title=title, payment=settlement.attempt_id))
    given = quittances_of([step.settlement for step in steps if step.settlement], collectivite=titre.collectivite)
    for step in steps:
        if step.settlement in given:
            step.quittance = given[step.settlement].printed
    steps.sort(key=lambda step: step.at)
    _count(steps)
    return steps


def _count(steps: list[Step]) -> None:
    """What is left after each step that may change it."""
    due, paid, state = Money.zero, Money.zero, ""
    for step in steps:
        changed = step.due or step.more_due or step.less_due or step.paid or step.state
        due = step.due or due
        due = due + step.more_due if step.more_due else due - step.less_due if step.less_due else due
        paid = paid + step.paid if step.paid else paid
        state = step.state or state
        if changed:
            step.left = Money.zero if state in _OVER else max(due - paid, Money.zero)


def _issued_for(titre: Titre, events: list[TitreEvent]) -> Money:
    """Its amount as it was first recorded."""
    for event in events:
        if event.changes and event.changes.get("amount_cents"):
            return Money(event.changes["amount_cents"][0])
    return titre.amount


def _of_event(event: TitreEvent, *, author: int | None, products: dict[str, str], word: FiledState | None) -> Step:
    """`word`: what a file of the comptable said, where this step follows from one."""
    if word is not None:
        return _of_word(event, word)
    who = str(event.by or _("REGAL"))
    title = str((_TITLES_OF_THE_COMPTABLE | _TITLES)[Event(event.event)]) % {"who": who}
    step = Step(at=event.recorded_at, title=title, text=event.reason, note=event.payer_note, state=event.to_state)
    if event.adjustment is not None:
        amount: Money = event.adjustment.amount
        is_less = event.adjustment.direction == Direction.DECREASE
        words = _("Réduction de %(amount)s") if is_less else _("Complément de %(amount)s")
        step.title = " ".join([words % {"amount": in_words.euros(amount)}, _("par %(who)s") % {"who": who}])
        step.less_due, step.more_due = (amount, None) if is_less else (None, amount)
    if event.changes:
        step.changes = [_change(name, pair, products) for name, pair in event.changes.items() if name in _NAMES]
        mended = event.changes.get("amount_cents")
        if mended:
            difference = mended[1] - mended[0]
            step.more_due = Money(difference) if difference > 0 else None
            step.less_due = Money(-difference) if difference < 0 else None
    undoes = event.event in _UNDONE_BY_ITS_AUTHOR and step.more_due is None
    step.by_its_author = undoes and author is not None and event.by_id == author
    return step


def _of_word(event: TitreEvent, word: FiledState) -> Step:
    text = _("PES Retour du %(day)s, %(place)s") % {"day": in_words.day(word.told_on), "place": word.place}
    if word.collected is not None and event.event in (Event.COLLECTED, Event.CLOSED):
        collected = _("encaissé en tout : %(amount)s") % {"amount": in_words.euros(word.collected)}
        text = f"{text} ; {collected}"
    title = str(_TITLES_OF_THE_COMPTABLE[Event(event.event)])
    return Step(at=event.recorded_at, title=title, text=text, file=word.file_id)


def _change(name: str, pair: list[Any] | None, products: dict[str, str]) -> Change:
    before, after = pair or (None, None)
    label = str(_NAMES[name])
    if pair is None:
        return Change(name=label, before="", after="")
    return Change(name=label, before=_shown(name, before, products), after=_shown(name, after, products))


def _shown(name: str, value: Any, products: dict[str, str]) -> str:
    if value in (None, ""):
        return "–"
    if name == "amount_cents":
        return in_words.euros(Money(value))
    if name in ("issued_on", "due_on"):
        return in_words.day(date.fromisoformat(value))
    return products.get(str(value), str(value)) if name == "product_id" else str(value)


def _of_attempt(attempt: Attempt, *, part: Money) -> Step:
    """`part`: what of it is for this titre."""
    line = PaymentLine.of(attempt)
    title = _("Paiement de %(amount)s commencé en ligne") % {"amount": in_words.euros(part)}
    text = _("Où il en est : %(status)s.") % {"status": line.standing}
    if part != attempt.amount:
        whole = _("Avec d’autres, dans un paiement de %(amount)s.") % {"amount": in_words.euros(attempt.amount)}
        text = f"{text} {whole}"
    return Step(at=attempt.created_at, title=title, text=text, payment=attempt.pk)


_TITLES: dict[Event, Promise] = {
    Event.RECORDED: gettext_lazy("Saisie par %(who)s"),
    Event.IMPORTED: gettext_lazy("Import par %(who)s"),
    Event.EDITED: gettext_lazy("Brouillon corrigé par %(who)s"),
    Event.ISSUED: gettext_lazy("Émission par %(who)s"),
    Event.CORRECTED: gettext_lazy("Correction par %(who)s"),
    Event.ADJUSTED: gettext_lazy("Montant changé par %(who)s"),
    Event.SUSPENDED: gettext_lazy("Suspension par %(who)s"),
    Event.RESUMED: gettext_lazy("Remise à payer par %(who)s"),
    Event.CANCELLED: gettext_lazy("Annulation par %(who)s"),
    Event.TRANSFERRED: gettext_lazy("Transmission au comptable par %(who)s"),
    Event.WRITTEN_OFF: gettext_lazy("Abandon par %(who)s"),
    Event.RESTORED: gettext_lazy("Rétablissement par %(who)s : à payer de nouveau"),
    Event.REDRAFTED: gettext_lazy("Rétablissement par %(who)s : de nouveau un brouillon"),
    Event.WITHDRAWN: gettext_lazy("Retrait par %(who)s, avec tout son import"),
    Event.NAME_ERASED: gettext_lazy("Nom effacé, son délai de conservation est passé"),
}
_TITLES_OF_THE_COMPTABLE: dict[Event, Promise] = {
    Event.TAKEN_CHARGE: gettext_lazy("Prise en charge par le comptable"),
    Event.COLLECTED: gettext_lazy("Encaissement partiel par le comptable"),
    Event.CLOSED: gettext_lazy("Solde chez le comptable"),
    Event.REJECTED: gettext_lazy("Rejet par le comptable"),
    Event.REOPENED: gettext_lazy("De nouveau à payer, dit le comptable"),
    Event.SUSPENDED: gettext_lazy("Mise en instance par le comptable"),
    Event.RESUMED: gettext_lazy("De nouveau prise en charge par le comptable"),
    Event.CANCELLED: gettext_lazy("Annulation, dit le comptable"),
    Event.WRITTEN_OFF: gettext_lazy("Admission en non-valeur par le comptable"),
}
_NAMES: dict[str, Promise] = {
    "product_id": gettext_lazy("Produit"),
    "number": gettext_lazy("Numéro"),
    "label": gettext_lazy("Objet"),
    "debtor": later_said(gettext_lazy("Nom de la personne qui doit %(the_debt)s")),
    "amount_cents": gettext_lazy("Montant"),
    "issued_on": gettext_lazy("Date d’émission"),
    "due_on": gettext_lazy("Date limite de paiement"),
    "exercice": gettext_lazy("Exercice"),
}
