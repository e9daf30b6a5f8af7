"""The verbs of a titre: what people decide about a debt. Each is one transaction with its event and its audit row.

What was paid is not known in this room: whoever calls gives the question (`payments.queries.paid_of`), and it is asked
once the titre is locked, so that no settlement comes between the answer and the act.

While an attempt holds a titre, only its suspension changes it: its payer reads an amount that must stay true. The hold
ends by itself; a payment proved afterwards is settled whatever was decided meanwhile, and its excess waits in a case.
Once a titre is paid nothing of it changes here: money goes back by the ordonnateur, never by an edit.
"""

import unicodedata
from collections.abc import Callable
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils.translation import get_language

from regal.audit.operations import record
from regal.collectivites.models import Product
from regal.collectivites.reference_forms import InvoiceWords
from regal.gateways.base import DebtKind
from regal.lib import paris
from regal.lib.card_numbers import holds_card_number
from regal.lib.money import Money
from regal.lib.references import InvoiceReference, UnreadableReference
from regal.lib.tenancy import tenant
from regal.titres import holds, refusals
from regal.titres.models import Adjustment, Collector, Debtor, Direction, DocumentKind, Titre, TitreEvent
from regal.titres.queries import amount_due
from regal.titres.states import Event, ForbiddenTransition, State, next_state
from regal.titres.words import NAMES

Paid = Callable[[Titre], Money]
"""What settlements extinguished of a titre that is locked."""

LONGEST_LABEL, LONGEST_DEBTOR = 100, 120
SHORTEST_REASON, LONGEST_REASON = 5, 300
SHORTEST_REFERENCE, LONGEST_REFERENCE = 6, 30
MOST = Money(9_999_999_99)


def record_titre(
    *,
    product: Product,
    number: str,
    label: str,
    debtor: str,
    amount: Money,
    issued_on: date,
    due_on: date | None = None,
    exercice: int | None = None,
    now: datetime,
    actor_id: int | None = None,
) -> Titre:
    """Type in an invoice of a régie: a draft that nobody can pay yet. `exercice`: the year of issue unless told.

    Its number, read as its payer will type it, is its payable reference.
    Raises NotOfARegie, BadNumber, NumberTaken, BadLabel, BadDebtor, BadAmount, OutsideLimits, BadIssueDay, BadDays,
    BadExercice, CardNumber, UnreadableText.
    """
    if product.debt_kind != DebtKind.REGIE or product.account.regie_id is None:
        raise refusals.NotOfARegie
    number = number.strip()
    reference = _reference(product, number)
    label = _text(label, "label")
    if not 0 < len(label) <= LONGEST_LABEL:
        raise refusals.BadLabel(longest=LONGEST_LABEL)
    debtor = _text(debtor, "debtor")
    if not 0 < len(debtor) <= LONGEST_DEBTOR:
        raise refusals.BadDebtor(longest=LONGEST_DEBTOR)
    if not Money.zero < amount <= MOST:
        raise refusals.BadAmount
    _check_limits(product, amount)
    _check_issue_day(issued_on, today=paris.today(now))
    if due_on is not None and due_on < issued_on:
        raise refusals.BadDays
    exercice = issued_on.year if exercice is None else exercice
    if not issued_on.year - 1 <= exercice <= issued_on.year:  # titres of a year are still issued in the next January
        raise refusals.BadExercice
    with tenant(product.collectivite_id):
        try:
            with transaction.atomic():
                titre = Titre.objects.create(
                    collectivite_id=product.collectivite_id,
                    collector=Collector.REGIE,
                    regie_id=product.account.regie_id,
                    product=product,
                    document_kind=DocumentKind.FACTURE,
                    exercice=exercice,
                    number=number,
                    reference=reference,
                    label=label,
                    issued_on=issued_on,
                    due_on=due_on,
                    amount=amount,
                    created_at=now,
                )
        except IntegrityError as error:
            if _broken_constraint(error) not in ("titres_titre_once_in_regie", "titres_titre_reference_in_regie"):
                raise
            raise refusals.NumberTaken from None
        Debtor.objects.create(collectivite_id=product.collectivite_id, titre=titre, name=debtor)
        _note(titre=titre, event=Event.RECORDED, before=None, now=now, actor_id=actor_id)
        record(
            collectivite=titre.collectivite,
            action="record_titre",
            subject=f"titre {titre.pk}",
            after={"product": product.pk, "number": number, "exercice": exercice, "amount_cents": amount.cents},
            now=now,
            actor_id=actor_id,
        )
    return titre


def issue(*, titre: Titre, seen: int | None = None, now: datetime, actor_id: int | None = None) -> Titre:
    """The draft is right: it can be paid from now on. Raises OtherState, ChangedMeanwhile.

    Of every act: `seen` is how many steps the titre had on the page that the person read; None where nobody read one.
    """
    return _decide(titre, Event.ISSUED, reason="", seen=seen, now=now, actor_id=actor_id, action="issue_titre")


def adjust(
    *,
    titre: Titre,
    direction: Direction,
    amount: Money,
    reason: str,
    paid: Paid,
    seen: int | None = None,
    now: datetime,
    actor_id: int | None = None,
) -> Titre:
    """Less or more is due. Something always remains due, and never less than was paid; down to what was, it is paid.

    Raises BadAmount, NothingLeft, BelowPaid, OutsideLimits, MissingReason, CardNumber, UnreadableText, BeingPaid,
    AlreadyPaid, TheComptables, OtherState, ChangedMeanwhile.
    """
    reason = _reason(reason)
    if not Money.zero < amount <= MOST:
        raise refusals.BadAmount
    with tenant(titre.collectivite_id):
        locked = _lock(titre, seen=seen)
        after = _next(locked, Event.ADJUSTED)
        _check_collector(locked)
        _check_unpaid(locked)
        _check_free(locked, now)
        before, already = amount_due(locked), paid(locked)
        due = before + amount if direction == Direction.INCREASE else before - amount
        if due > MOST:
            raise refusals.BadAmount
        if due <= Money.zero:
            raise refusals.NothingLeft(due=before)
        if due < already:
            raise refusals.BelowPaid(paid=already)
        if due > already:
            _check_limits(locked.product, due - already)
        adjustment = Adjustment.objects.create(
            collectivite_id=locked.collectivite_id,
            titre=locked,
            direction=direction,
            amount=amount,
            reason=reason,
            made_by_id=actor_id,
            made_at=now,
        )
        _advance(locked, Event.ADJUSTED, after, reason=reason, now=now, actor_id=actor_id, adjustment=adjustment)
        if due == already:
            holds.mark_paid(titre=locked, at=now)
        record(
            collectivite=locked.collectivite,
            action="adjust_titre",
            subject=f"titre {locked.pk}",
            before={"due_cents": before.cents},
            after={"due_cents": due.cents},
            now=now,
            actor_id=actor_id,
        )
    return locked


def suspend(*, titre: Titre, reason: str, seen: int | None = None, now: datetime, actor_id: int | None = None) -> Titre:
    """It is disputed: nobody begins to pay it until it is resumed. Whoever has begun may end, and is settled.

    Raises MissingReason, CardNumber, UnreadableText, AlreadyPaid, OtherState, ChangedMeanwhile.
    """
    return _decide(
        titre,
        Event.SUSPENDED,
        reason=_reason(reason),
        seen=seen,
        now=now,
        actor_id=actor_id,
        action="suspend_titre",
    )


def resume(*, titre: Titre, reason: str, seen: int | None = None, now: datetime, actor_id: int | None = None) -> Titre:
    """It can be paid again. Raises what `suspend` raises."""
    return _decide(
        titre, Event.RESUMED, reason=_reason(reason), seen=seen, now=now, actor_id=actor_id, action="resume_titre"
    )


def cancel(
    *, titre: Titre, reason: str, paid: Paid, seen: int | None = None, now: datetime, actor_id: int | None = None
) -> Titre:
    """Nothing was ever due. Raises PaidInPart, BeingPaid, and what `suspend` raises."""
    return _decide(
        titre,
        Event.CANCELLED,
        reason=_reason(reason),
        seen=seen,
        now=now,
        actor_id=actor_id,
        action="cancel_titre",
        only_free=True,
        untouched=paid,
    )


def transfer(
    *, titre: Titre, reason: str, seen: int | None = None, now: datetime, actor_id: int | None = None
) -> Titre:
    """The comptable collects what is left of it, and the régie nothing more. Raises BeingPaid, and as `suspend`."""
    return _decide(
        titre,
        Event.TRANSFERRED,
        reason=_reason(reason),
        seen=seen,
        now=now,
        actor_id=actor_id,
        action="transfer_titre",
        only_free=True,
    )


def write_off(
    *, titre: Titre, reason: str, seen: int | None = None, now: datetime, actor_id: int | None = None
) -> Titre:
    """Nobody will collect what is left of it. Raises BeingPaid, and what `suspend` raises."""
    return _decide(
        titre,
        Event.WRITTEN_OFF,
        reason=_reason(reason),
        seen=seen,
        now=now,
        actor_id=actor_id,
        action="write_off_titre",
        only_free=True,
    )


def _decide(
    titre: Titre,
    event: Event,
    *,
    reason: str,
    seen: int | None,
    now: datetime,
    actor_id: int | None,
    action: str,
    only_free: bool = False,
    untouched: Paid | None = None,
) -> Titre:
    with tenant(titre.collectivite_id):
        locked = _lock(titre, seen=seen)
        before, after = locked.status, _next(locked, event)
        if event != Event.ISSUED:
            _check_collector(locked)
        _check_unpaid(locked)
        if only_free:
            _check_free(locked, now)
        if untouched is not None and (already := untouched(locked)) > Money.zero:
            raise refusals.PaidInPart(paid=already)
        _advance(locked, event, after, reason=reason, now=now, actor_id=actor_id)
        record(
            collectivite=locked.collectivite,
            action=action,
            subject=f"titre {locked.pk}",
            before={"status": before},
            after={"status": after.value},
            now=now,
            actor_id=actor_id,
        )
    return locked


def _lock(titre: Titre, *, seen: int | None) -> Titre:
    locked = holds.lock(collectivite_id=titre.collectivite_id, titre_id=titre.pk)
    if seen is not None and seen != _steps(locked):
        raise refusals.ChangedMeanwhile
    return locked


def _next(titre: Titre, event: Event) -> State:
    try:
        return next_state(State(titre.status), event)
    except ForbiddenTransition:
        raise refusals.OtherState(state=NAMES[State(titre.status)]) from None


def _check_limits(product: Product, left: Money) -> None:
    """What is left must be payable online: the payer's page refuses every other amount."""
    least, most = product.min_amount, product.max_amount
    if least is not None and most is not None and not least <= left <= most:
        raise refusals.OutsideLimits(least=least, most=most)


def _check_issue_day(issued_on: date, *, today: date) -> None:
    """Of this year or of the last one: the day says the exercice."""
    first = date(today.year - 1, 1, 1)
    if not first <= issued_on <= today:
        in_words = paris.format_day_en if _in_english() else paris.format_day_fr
        raise refusals.BadIssueDay(first=in_words(first), last=in_words(today))


def _in_english() -> bool:
    return (get_language() or "fr").startswith("en")


def _check_collector(titre: Titre) -> None:
    """What the comptable collects is his to decide; REGAL hears of it by his files (`comptable.py`)."""
    if titre.collector == Collector.COMPTABLE:
        raise refusals.TheComptables


def _check_unpaid(titre: Titre) -> None:
    if titre.paid_at is not None:
        raise refusals.AlreadyPaid


def _check_free(titre: Titre, now: datetime) -> None:
    if titre.held_until is not None and titre.is_held(now):
        until = (paris.format_instant_en if _in_english() else paris.format_instant_fr)(titre.held_until)
        raise refusals.BeingPaid(until=until)


def _advance(
    titre: Titre,
    event: Event,
    after: State,
    *,
    reason: str,
    now: datetime,
    actor_id: int | None,
    adjustment: Adjustment | None = None,
) -> None:
    """Follow one edge of the table; the titre is locked."""
    _note(
        titre=titre,
        event=event,
        before=State(titre.status),
        now=now,
        actor_id=actor_id,
        reason=reason,
        adjustment=adjustment,
    )
    if after != titre.status:
        titre.status = after
        titre.save(update_fields=["status"])


def _note(
    *,
    titre: Titre,
    event: Event,
    before: State | None,
    now: datetime,
    actor_id: int | None,
    reason: str = "",
    adjustment: Adjustment | None = None,
) -> None:
    TitreEvent.objects.create(
        collectivite_id=titre.collectivite_id,
        titre=titre,
        number=_steps(titre) + 1,
        event=event,
        from_state=before or "",
        to_state=next_state(before, event),
        adjustment=adjustment,
        reason=reason,
        by_id=actor_id,
        recorded_at=now,
    )


def _steps(titre: Titre) -> int:
    return TitreEvent.objects.filter(collectivite=titre.collectivite_id, titre=titre).count()


def _reference(product: Product, number: str) -> str:
    words = product.words
    try:
        typed = InvoiceReference.parse(number).digits
    except UnreadableReference:
        raise refusals.BadNumber from None
    fitting = words.fit(typed) if isinstance(words, InvoiceWords) else None
    if fitting is None or not SHORTEST_REFERENCE <= len(fitting) <= LONGEST_REFERENCE:
        raise refusals.BadNumber
    return fitting


def _reason(text: str) -> str:
    reason = _text(text, "reason")
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise refusals.MissingReason(shortest=SHORTEST_REASON, longest=LONGEST_REASON)
    return reason


def _text(text: str, field: str) -> str:
    """What is kept of what was typed: lines and tabs become spaces."""
    kept = unicodedata.normalize("NFC", " ".join(text.split()))
    if not kept.isprintable():
        raise refusals.UnreadableText(field=field)
    if holds_card_number(kept):
        raise refusals.CardNumber(field=field)
    return kept


def _broken_constraint(error: IntegrityError) -> str | None:
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
