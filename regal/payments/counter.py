"""Money received otherwise than online: a named agent enters it with its voucher, under the titre's lock.

It is evidence of rank M (docs/decisions/0018): the receipt, its settlement, what it extinguishes and its line in the
books are one transaction. It settles at once, and a mistake is reversed (`reversing.py`), never edited.
"""

from datetime import date, datetime, time

from django.utils.translation import gettext as _

from regal.audit.operations import record
from regal.collectivites.debt_words import said
from regal.gateways.base import Environment
from regal.journal.operations import record_receipt as enter_receipt
from regal.lib import canonical, in_words, paris, tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments import counter_refusals as refusals
from regal.payments.models import Allocation, CounterPerson, CounterReceipt, Means, Settlement
from regal.payments.queries import balance_of, fits_balance
from regal.titres import holds
from regal.titres.models import Collector, Titre
from regal.titres.refusals import BadAmount
from regal.titres.states import State
from regal.titres.typed_text import kept
from regal.titres.words import NAMES

NOON = time(12)
LONGEST = {"bank": 60, "piece": 40, "book_number": 20, "drawer": 120, "label": 140}


def record_receipt(
    *,
    titre: Titre,
    means: Means,
    amount: Money,
    received_on: date,
    form_token: str,
    bank: str = "",
    piece: str = "",
    book_number: str = "",
    drawer: str = "",
    label: str = "",
    told_of_hold: bool = False,
    left_shown: Money | None = None,
    now: datetime,
    actor_id: int | None = None,
) -> CounterReceipt:
    """Enter what was received for a titre. The same form sent again changes nothing more.

    `left_shown`: what was left to pay on the page that the agent read; `told_of_hold`: the agent knows that somebody is
    paying online. Raises NotCollectedHere, NothingDue, TooMuch, NotInPart, BadPart, BadDay, MissingVoucher, TooLong,
    BeingPaidOnline, FormUsed, ChangedSince, BadAmount, CardNumber, UnreadableText.
    """
    if amount <= Money.zero:
        raise BadAmount
    typed = {"bank": bank, "piece": piece, "book_number": book_number, "drawer": drawer, "label": label}
    told = {name: _text(text, name) for name, text in typed.items()}
    if means is not Means.CHEQUE:
        told["bank"] = ""
    elif not told["bank"] or not told["piece"]:
        raise refusals.MissingVoucher(field="piece" if told["bank"] else "bank")
    if means is not Means.TRANSFER:
        told["label"] = ""
    if means is Means.CASH:
        told["piece"] = ""
    _check_day(received_on, first=titre.issued_on, last=paris.today(now))
    person = {name: told.pop(name) for name in ("drawer", "label")}
    form_digest = tokens.digest(form_token)
    with tenant(titre.collectivite_id):
        locked = holds.lock(collectivite_id=titre.collectivite_id, titre_id=titre.pk)
        sent = CounterReceipt.objects.filter(collectivite=titre.collectivite_id, form_digest=form_digest).first()
        if sent is not None:
            if sent.titre_id == titre.pk and (sent.amount, sent.means) == (amount, means):
                return sent
            raise refusals.FormUsed
        regie_id, left = _check_due(locked, amount=amount, left_shown=left_shown)
        is_held = locked.is_held(now)
        if locked.held_until is not None and is_held and not told_of_hold:
            raise refusals.BeingPaidOnline(until=in_words.instant(locked.held_until))
        receipt = CounterReceipt(
            collectivite_id=titre.collectivite_id,
            regie_id=regie_id,
            product_id=locked.product_id,
            titre=locked,
            means=means,
            amount=amount,
            received_on=received_on,
            **told,
            told_of_hold=is_held,
            form_digest=form_digest,
            made_by_id=actor_id,
            made_at=now,
        )
        receipt.digest = digest_of(receipt)
        receipt.save(force_insert=True)
        if any(person.values()):
            CounterPerson.objects.create(collectivite_id=titre.collectivite_id, receipt=receipt, **person)
        _settle(receipt=receipt, titre=locked, left=left, now=now, actor_id=actor_id)
    return receipt


def digest_of(receipt: CounterReceipt) -> str:
    """SHA-256 of everything a receipt says, but for its number and the digest itself."""
    return canonical.digest(
        {
            "collectivite": receipt.collectivite_id,
            "regie": receipt.regie_id,
            "product": receipt.product_id,
            "titre": receipt.titre_id,
            "means": str(receipt.means),
            "cents": receipt.amount.cents,
            "received_on": receipt.received_on,
            "bank": receipt.bank,
            "piece": receipt.piece,
            "book_number": receipt.book_number,
            "told_of_hold": receipt.told_of_hold,
            "form": receipt.form_digest,
            "made_by": receipt.made_by_id,
            "made_at": receipt.made_at,
        }
    )


def _settle(*, receipt: CounterReceipt, titre: Titre, left: Money, now: datetime, actor_id: int | None) -> None:
    """As `settling.settle` does for an attempt; nothing is ever too much here."""
    is_today = receipt.received_on == paris.today(now)
    occurred_at = now if is_today else paris.at(receipt.received_on, NOON)  # the hour of another day is not known
    settlement = Settlement.objects.create(
        collectivite_id=receipt.collectivite_id,
        receipt=receipt,
        environment=Environment.PRODUCTION,
        debt_reference=titre.reference,
        exercice=titre.exercice,
        amount=receipt.amount,
        occurred_at=occurred_at,
        accounting_day=paris.today(occurred_at),
        recorded_at=now,
    )
    Allocation.objects.create(
        collectivite_id=receipt.collectivite_id,
        settlement=settlement,
        titre=titre,
        amount=receipt.amount,
        recorded_at=now,
    )
    if receipt.amount == left:
        holds.mark_paid(titre=titre, at=occurred_at)
    else:
        holds.mark_paid_in_part(titre=titre)
    record(
        collectivite=titre.collectivite,
        action="record_receipt",
        subject=f"titre {titre.pk}",
        before={"left_cents": left.cents},
        after={"receipt": receipt.pk, "means": str(receipt.means), "amount_cents": receipt.amount.cents},
        now=now,
        actor_id=actor_id,
    )
    enter_receipt(  # late: it locks the head of the books
        collectivite_id=receipt.collectivite_id,
        regie_id=receipt.regie_id,
        receipt_id=receipt.pk,
        means=str(receipt.means),
        debt_reference=titre.reference,
        exercice=titre.exercice,
        amount=receipt.amount,
        occurred_at=occurred_at,
        digest=receipt.digest,
        author=str(actor_id) if actor_id is not None else "regal",
        now=now,
    )


def _check_due(titre: Titre, *, amount: Money, left_shown: Money | None) -> tuple[int, Money]:
    """Who receives it and what is left to pay of a locked titre, once this amount may be received for it."""
    if titre.collector != Collector.REGIE or titre.regie_id is None:
        raise refusals.NotCollectedHere
    if titre.paid_at is not None:
        raise refusals.NothingDue(state=said(_("payé%(e)s")))
    if titre.status not in (State.OPEN, State.SUSPENDED):
        raise refusals.NothingDue(state=NAMES[State(titre.status)])
    left = balance_of(titre)
    if left_shown is not None and left != left_shown:
        raise refusals.ChangedSince(left=left)
    if amount > left:
        raise refusals.TooMuch(left=left)
    if not fits_balance(product=titre.product, left=left, amount=amount):
        if not titre.product.partial_payment:
            raise refusals.NotInPart(left=left)
        raise refusals.BadPart(least=titre.product.min_amount, left=left)
    return titre.regie_id, left


def _check_day(day: date, *, first: date, last: date) -> None:
    if not first <= day <= last:
        raise refusals.BadDay(first=in_words.day(first), last=in_words.day(last))


def _text(text: str, field: str) -> str:
    told = kept(text, field)
    if len(told) > LONGEST[field]:
        raise refusals.TooLong(field=field, longest=LONGEST[field])
    return told
