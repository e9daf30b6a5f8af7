"""The verbs of a titre: what people decide about a debt. Each is one transaction with its event and its audit row.

What was paid is not known in this room: whoever calls gives the question (`payments.queries.paid_of`), and it is asked
once the titre is locked, so that no settlement comes between the answer and the act.

While an attempt holds a titre, only its suspension changes it: its payer reads an amount that must stay true. The hold
ends by itself; a payment proved afterwards is settled whatever was decided meanwhile, and its excess waits in a case.
Once a titre is paid nothing of it changes here: money goes back by the ordonnateur, never by an edit.

A draft is mended, because nobody holds it yet. What is published is never edited: its words are corrected and its
amount adjusted by entries that keep what was there before, and a decision is taken back by another.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction

from regal.audit.operations import record
from regal.collectivites.models import Product
from regal.collectivites.reference_forms import InvoiceWords
from regal.gateways.base import DebtKind
from regal.lib import in_words, paris
from regal.lib.money import Money
from regal.lib.references import InvoiceReference, UnreadableReference
from regal.lib.tenancy import tenant
from regal.titres import holds, refusals
from regal.titres.models import Adjustment, Collector, Debtor, Direction, DocumentKind, Titre, TitreEvent
from regal.titres.queries import amount_due
from regal.titres.states import Event, ForbiddenTransition, State, next_state
from regal.titres.typed_text import kept
from regal.titres.words import NAMES

Paid = Callable[[Titre], Money]
"""What settlements extinguished of a titre that is locked."""

Changes = Mapping[str, list[Any] | None]
"""What an event changed: each field with what was there before and after; a name is in no event."""

LONGEST_LABEL, LONGEST_DEBTOR = 100, 120
SHORTEST_REASON, LONGEST_REASON = 5, 300
LONGEST_PAYER_NOTE = 200
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
    read = _read(
        product=product,
        number=number,
        label=label,
        debtor=debtor,
        amount=amount,
        issued_on=issued_on,
        due_on=due_on,
        exercice=issued_on.year if exercice is None else exercice,
        now=now,
    )
    _check_limits(product, amount)
    with tenant(product.collectivite_id):
        try:
            with transaction.atomic():
                titre = Titre.objects.create(
                    collectivite_id=product.collectivite_id,
                    collector=Collector.REGIE,
                    document_kind=DocumentKind.FACTURE,
                    created_at=now,
                    **read.columns,
                )
        except IntegrityError as error:
            raise _taken(error) from None
        Debtor.objects.create(collectivite_id=product.collectivite_id, titre=titre, name=read.debtor)
        _note(titre=titre, event=Event.RECORDED, before=None, now=now, actor_id=actor_id)
        record(
            collectivite=titre.collectivite,
            action="record_titre",
            subject=f"titre {titre.pk}",
            after={
                "product": product.pk,
                "number": titre.number,
                "exercice": titre.exercice,
                "amount_cents": amount.cents,
            },
            now=now,
            actor_id=actor_id,
        )
    return titre


def edit_draft(
    *,
    titre: Titre,
    product: Product,
    number: str,
    label: str,
    debtor: str,
    amount: Money,
    issued_on: date,
    due_on: date | None = None,
    seen: int | None = None,
    now: datetime,
    actor_id: int | None = None,
) -> Titre:
    """Mend a draft: nobody holds it yet. What was there before is kept in the event, but for the debtor's name.

    `amount`: as issued, before what changed it since. Its exercice follows the day of issue, if that changes.
    Raises NothingChanged, OtherState, ChangedMeanwhile, and what `record_titre` raises.
    """
    with tenant(titre.collectivite_id):
        locked = _lock(titre, seen=seen)
        after = _next(locked, Event.EDITED)
        _check_collector(locked)
        read = _read(
            product=product,
            number=number,
            label=label,
            debtor=debtor,
            amount=amount,
            issued_on=issued_on,
            due_on=due_on,
            exercice=locked.exercice if issued_on == locked.issued_on else issued_on.year,
            now=now,
        )
        changes = _mend(locked, read.columns) | _rename(locked, read.debtor)
        if not changes:
            raise refusals.NothingChanged
        due = amount_due(locked)
        if not Money.zero < due <= MOST:
            raise refusals.BadAmount
        _check_limits(product, due)
        try:
            with transaction.atomic():
                locked.save(update_fields=list(read.columns))
        except IntegrityError as error:
            raise _taken(error) from None
        _advance(locked, Event.EDITED, after, reason="", now=now, actor_id=actor_id, changes=changes)
        before, then = _told_apart(changes)
        record(
            collectivite=locked.collectivite,
            action="edit_titre",
            subject=f"titre {locked.pk}",
            before=before,
            after=then,
            now=now,
            actor_id=actor_id,
        )
    return locked


def correct(
    *,
    titre: Titre,
    label: str,
    debtor: str,
    due_on: date | None,
    reason: str,
    seen: int | None = None,
    now: datetime,
    actor_id: int | None = None,
) -> Titre:
    """Correct the words of a published titre: its label, its debtor's name, its due day. Never what it is.

    `debtor` "" leaves a name that was purged. Raises NothingChanged, BadLabel, BadDebtor, BadDays, MissingReason,
    CardNumber, UnreadableText, BeingPaid, AlreadyPaid, OtherState, ChangedMeanwhile.
    """
    reason = _reason(reason)
    with tenant(titre.collectivite_id):
        locked = _lock(titre, seen=seen)
        after = _next(locked, Event.CORRECTED)
        _check_collector(locked)
        _check_unpaid(locked)
        _check_free(locked, now)
        if due_on is not None and due_on < locked.issued_on:
            raise refusals.BadDays
        name = _debtor_of(locked)
        debtor = _debtor(debtor) if debtor.strip() or name else ""
        changes = _mend(locked, {"label": _label(label), "due_on": due_on})
        changes |= _rename(locked, debtor) if debtor else {}
        if not changes:
            raise refusals.NothingChanged
        locked.save(update_fields=["label", "due_on"])
        _advance(locked, Event.CORRECTED, after, reason=reason, now=now, actor_id=actor_id, changes=changes)
        before, then = _told_apart(changes)
        record(
            collectivite=locked.collectivite,
            action="correct_titre",
            subject=f"titre {locked.pk}",
            before=before,
            after=then,
            now=now,
            actor_id=actor_id,
        )
    return locked


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


def suspend(
    *,
    titre: Titre,
    reason: str,
    payer_note: str = "",
    seen: int | None = None,
    now: datetime,
    actor_id: int | None = None,
) -> Titre:
    """It is disputed: nobody begins to pay it until it is resumed. Whoever has begun may end, and is settled.

    `payer_note`, here and below: what whoever types its reference and its amount then reads of why.
    Raises MissingReason, CardNumber, UnreadableText, BadPayerNote, NamesDebtor, AlreadyPaid, OtherState,
    ChangedMeanwhile.
    """
    return _decide(
        titre,
        Event.SUSPENDED,
        reason=_reason(reason),
        payer_note=payer_note,
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
    *,
    titre: Titre,
    reason: str,
    payer_note: str = "",
    paid: Paid,
    seen: int | None = None,
    now: datetime,
    actor_id: int | None = None,
) -> Titre:
    """Nothing was ever due. Raises PaidInPart, BeingPaid, and what `suspend` raises."""
    return _decide(
        titre,
        Event.CANCELLED,
        reason=_reason(reason),
        payer_note=payer_note,
        seen=seen,
        now=now,
        actor_id=actor_id,
        action="cancel_titre",
        paid=paid,
    )


def transfer(
    *,
    titre: Titre,
    reason: str,
    payer_note: str = "",
    seen: int | None = None,
    now: datetime,
    actor_id: int | None = None,
) -> Titre:
    """The comptable collects what is left of it, and the régie nothing more. Raises BeingPaid, and as `suspend`."""
    return _decide(
        titre,
        Event.TRANSFERRED,
        reason=_reason(reason),
        payer_note=payer_note,
        seen=seen,
        now=now,
        actor_id=actor_id,
        action="transfer_titre",
    )


def write_off(
    *,
    titre: Titre,
    reason: str,
    payer_note: str = "",
    seen: int | None = None,
    now: datetime,
    actor_id: int | None = None,
) -> Titre:
    """Nobody will collect what is left of it. Raises BeingPaid, and what `suspend` raises."""
    return _decide(
        titre,
        Event.WRITTEN_OFF,
        reason=_reason(reason),
        payer_note=payer_note,
        seen=seen,
        now=now,
        actor_id=actor_id,
        action="write_off_titre",
    )


def restore(
    *, titre: Titre, reason: str, waiting: Paid, seen: int | None = None, now: datetime, actor_id: int | None = None
) -> Titre:
    """Take back a cancelling, a transfer or a writing off: it is to be paid again. What was a draft is one again.

    Its number was kept for it. `waiting`: what was paid on it since, which extinguished nothing and waits for somebody
    to decide. Raises ExcessWaits, and what `suspend` raises.
    """
    with tenant(titre.collectivite_id):
        was_draft = titre.status == State.CANCELLED and not _was_published(titre)
    return _decide(
        titre,
        Event.REDRAFTED if was_draft else Event.RESTORED,
        reason=_reason(reason),
        seen=seen,
        now=now,
        actor_id=actor_id,
        action="restore_titre",
        waiting=waiting,
    )


def foresee(
    titre: Titre, event: Event, *, debtor: str = "", payer_note: str = "", paid: Money, waiting: Money, now: datetime
) -> None:
    """Whether this decision would be taken now, of a titre that nobody has locked. Raises what it would raise."""
    if event is Event.ISSUED:
        _next(titre, event)
        return
    _check(titre, event, paid=lambda _titre: paid, waiting=lambda _titre: waiting, now=now)
    if payer_note and _names(payer_note, debtor):
        raise refusals.NamesDebtor


def check_words(*, reason: str, payer_note: str) -> tuple[str, str]:
    """Both as they are kept, before any titre is known. Raises MissingReason, BadPayerNote, and as `suspend`."""
    return _reason(reason), _payer_note(payer_note)


def _check(titre: Titre, event: Event, *, paid: Paid | None, waiting: Paid | None, now: datetime) -> State:
    after = _next(titre, event)
    if event is not Event.ISSUED:
        _check_collector(titre)
    _check_unpaid(titre)
    if event in (Event.CANCELLED, Event.TRANSFERRED, Event.WRITTEN_OFF, Event.RESTORED, Event.REDRAFTED):
        _check_free(titre, now)
    if event is Event.CANCELLED and paid is not None and (already := paid(titre)) > Money.zero:
        raise refusals.PaidInPart(paid=already)
    if event in (Event.RESTORED, Event.REDRAFTED) and waiting is not None and (excess := waiting(titre)) > Money.zero:
        raise refusals.ExcessWaits(excess=excess)
    return after


def _decide(
    titre: Titre,
    event: Event,
    *,
    reason: str,
    payer_note: str = "",
    seen: int | None,
    now: datetime,
    actor_id: int | None,
    action: str,
    paid: Paid | None = None,
    waiting: Paid | None = None,
) -> Titre:
    told = _payer_note(payer_note)
    with tenant(titre.collectivite_id):
        locked = _lock(titre, seen=seen)
        before, after = locked.status, _check(locked, event, paid=paid, waiting=waiting, now=now)
        if told and _names(told, _debtor_of(locked)):
            raise refusals.NamesDebtor
        _advance(locked, event, after, reason=reason, payer_note=told, now=now, actor_id=actor_id)
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
        raise refusals.BadIssueDay(first=in_words.day(first), last=in_words.day(today))


def _check_collector(titre: Titre) -> None:
    """What the comptable collects is his to decide; REGAL hears of it by his files (`comptable.py`)."""
    if titre.collector == Collector.COMPTABLE:
        raise refusals.TheComptables


def _check_unpaid(titre: Titre) -> None:
    if titre.paid_at is not None:
        raise refusals.AlreadyPaid


def _check_free(titre: Titre, now: datetime) -> None:
    if titre.held_until is not None and titre.is_held(now):
        raise refusals.BeingPaid(until=in_words.instant(titre.held_until))


def _advance(
    titre: Titre,
    event: Event,
    after: State,
    *,
    reason: str,
    now: datetime,
    actor_id: int | None,
    adjustment: Adjustment | None = None,
    payer_note: str = "",
    changes: Changes | None = None,
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
        payer_note=payer_note,
        changes=changes,
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
    payer_note: str = "",
    changes: Changes | None = None,
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
        payer_note=payer_note,
        changes=changes,
        by_id=actor_id,
        recorded_at=now,
    )


def _steps(titre: Titre) -> int:
    return TitreEvent.objects.filter(collectivite=titre.collectivite_id, titre=titre).count()


def _was_published(titre: Titre) -> bool:
    events = TitreEvent.objects.filter(collectivite=titre.collectivite_id, titre=titre, to_state=State.OPEN)
    return events.exists()


@dataclass(frozen=True, kw_only=True)
class _Read:
    """What a draft is made of, once read."""

    columns: dict[str, Any]
    debtor: str


def _read(
    *,
    product: Product,
    number: str,
    label: str,
    debtor: str,
    amount: Money,
    issued_on: date,
    due_on: date | None,
    exercice: int,
    now: datetime,
) -> _Read:
    if product.debt_kind != DebtKind.REGIE or product.account.regie_id is None:
        raise refusals.NotOfARegie
    number = number.strip()
    reference = _reference(product, number)
    label, debtor = _label(label), _debtor(debtor)
    if not Money.zero < amount <= MOST:
        raise refusals.BadAmount
    _check_issue_day(issued_on, today=paris.today(now))
    if due_on is not None and due_on < issued_on:
        raise refusals.BadDays
    if not issued_on.year - 1 <= exercice <= issued_on.year:  # titres of a year are still issued in the next January
        raise refusals.BadExercice
    columns = {
        "product_id": product.pk,
        "regie_id": product.account.regie_id,
        "exercice": exercice,
        "number": number,
        "reference": reference,
        "label": label,
        "issued_on": issued_on,
        "due_on": due_on,
        "amount": amount,
    }
    return _Read(columns=columns, debtor=debtor)


def _mend(titre: Titre, columns: Mapping[str, Any]) -> dict[str, list[Any] | None]:
    """Set these, and say what was there before and what is there now."""
    changes: dict[str, list[Any] | None] = {}
    for name, value in columns.items():
        before = getattr(titre, name)
        if before != value:
            changes["amount_cents" if name == "amount" else name] = [_plain(before), _plain(value)]
            setattr(titre, name, value)
    return changes


def _plain(value: Any) -> Any:
    """As JSON keeps it."""
    if isinstance(value, Money):
        return value.cents
    return value.isoformat() if isinstance(value, date) else value


def _rename(titre: Titre, name: str) -> dict[str, list[Any] | None]:
    """Set its debtor's name. That it changed is kept, and neither name: they are purged some day."""
    if _debtor_of(titre) == name:
        return {}
    debtors = Debtor.objects.filter(collectivite=titre.collectivite_id, titre=titre)
    if not debtors.update(name=name):
        Debtor.objects.create(collectivite_id=titre.collectivite_id, titre=titre, name=name)
    return {"debtor": None}


def _debtor_of(titre: Titre) -> str:
    names = Debtor.objects.filter(collectivite=titre.collectivite_id, titre=titre).values_list("name", flat=True)
    return names.first() or ""


def _told_apart(changes: Changes) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the audit keeps: before, and after."""
    before = {name: pair[0] for name, pair in changes.items() if pair}
    return before, {name: pair[1] if pair else True for name, pair in changes.items()}


def _taken(error: IntegrityError) -> Exception:
    if _broken_constraint(error) in ("titres_titre_once_in_regie", "titres_titre_reference_in_regie"):
        return refusals.NumberTaken()
    return error


def _label(text: str) -> str:
    label = kept(text, "label")
    if not 0 < len(label) <= LONGEST_LABEL:
        raise refusals.BadLabel(longest=LONGEST_LABEL)
    return label


def _debtor(text: str) -> str:
    debtor = kept(text, "debtor")
    if not 0 < len(debtor) <= LONGEST_DEBTOR:
        raise refusals.BadDebtor(longest=LONGEST_DEBTOR)
    return debtor


def _payer_note(text: str) -> str:
    note = kept(text, "payer_note")
    if len(note) > LONGEST_PAYER_NOTE:
        raise refusals.BadPayerNote(longest=LONGEST_PAYER_NOTE)
    return note


_CIVILITIES = {"m", "mr", "mme", "mlle", "monsieur", "madame", "mademoiselle"}
_OF_NOBODY = {
    "les",
    "des",
    "aux",
    "sur",
    "sous",
    "dit",
    "dite",
    "sarl",
    "sas",
    "sci",
    "association",
    "commune",
    "societe",
}


def _names(note: str, debtor: str) -> bool:
    """Whether a sentence holds a word of a name, accents and case aside. Words of two letters name nobody."""
    words = {word for word in _words(debtor) - _CIVILITIES - _OF_NOBODY if len(word) > 2}
    return bool(words & _words(note))


def _words(text: str) -> set[str]:
    bare = "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(one))
    return set(re.findall(r"\w+", bare))


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
    reason = kept(text, "reason")
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
        raise refusals.MissingReason(shortest=SHORTEST_REASON, longest=LONGEST_REASON)
    return reason


def _broken_constraint(error: IntegrityError) -> str | None:
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
