"""Send tickets: decide and mark in one transaction, send outside any, record in another.

Whoever dies between the server's acceptance and the record leaves a ticket that has started and is not sent. It then
leaves once more under the same Message-ID, and never a third time: a person looks.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from regal.agenda.operations import Turn, schedule
from regal.audit.operations import record
from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_case, resolve
from regal.lib import mail
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, Settlement
from regal.people.models import User
from regal.receipts import refusals
from regal.receipts.models import Kind, Ticket, Why
from regal.receipts.queries import COPIES_A_DAY, COPIES_AN_HOUR, address_of, copies_by_payer, copies_lately
from regal.receipts.wording import Letter, letter_about

SEND_COPY = "send_ticket_copy"
LONGEST_PAUSE_SECONDS = 600  # I-28: within 15 minutes of the end of a mail outage
UNCERTAIN_AT_MOST = 1


def send_ticket(collectivite_id: int, settlement_id: int, now: datetime, turn: Turn) -> None:
    """Tell the payer of a settlement what he paid. Raises NotTaken, PerhapsTaken: try again."""
    _send(collectivite_id, partial(_first, collectivite_id, settlement_id), turn)


def send_copy(collectivite_id: int, ticket_id: int, now: datetime, turn: Turn) -> None:
    """The same, as a copy that an agent asked for."""
    _send(collectivite_id, lambda: Ticket.objects.get(collectivite=collectivite_id, pk=ticket_id), turn)


def ask_again(*, attempt: Attempt, user: User, now: datetime) -> Ticket:
    """Have a copy of the ticket sent to the address that paid. Call it inside `tenant()`.

    Raises NoTicket, StillLeaving, NoAddress, TooManyCopies.
    """
    copy = _copy(attempt=attempt, asked_by=user, now=now)
    record(
        collectivite=attempt.collectivite,
        action="resend_ticket",
        subject=f"attempt {attempt.pk}",
        actor_id=user.pk,
        now=now,
    )
    return copy


def ask_again_by_payer(*, attempt: Attempt, now: datetime) -> Ticket:
    """The same, asked for by somebody who holds the debt's number and its amount or key; the copy names nobody.

    Raises as `ask_again`: whoever asks is told none of it.
    """
    return _copy(attempt=attempt, asked_by=None, now=now)


def _copy(*, attempt: Attempt, asked_by: User | None, now: datetime) -> Ticket:
    first = (  # locked: two who ask pass one after the other
        Ticket.objects.select_for_update(of=("self",))
        .filter(collectivite=attempt.collectivite_id, settlement__attempt=attempt, kind=Kind.FIRST)
        .first()
    )
    if first is None:
        raise refusals.NoTicket
    every = Ticket.objects.filter(collectivite=attempt.collectivite_id, settlement=first.settlement_id)
    if any(not ticket.is_over for ticket in every):
        raise refusals.StillLeaving
    if not address_of(attempt):
        raise refusals.NoAddress
    if copies_lately(first, now=now) >= COPIES_AN_HOUR:
        raise refusals.TooManyCopies
    if asked_by is None and copies_by_payer(first, now=now) >= COPIES_A_DAY:
        raise refusals.TooManyCopies
    copy = Ticket.objects.create(
        collectivite_id=attempt.collectivite_id,
        settlement_id=first.settlement_id,
        kind=Kind.AGAIN,
        message_id=mail.new_message_id(),
        owed_at=now,
        asked_by=asked_by,
    )
    schedule(collectivite_id=copy.collectivite_id, kind=SEND_COPY, subject_id=copy.pk, due_at=now, now=now)
    return copy


def _first(collectivite_id: int, settlement_id: int) -> Ticket:
    settlement = Settlement.objects.get(collectivite=collectivite_id, pk=settlement_id)
    ticket, _ = Ticket.objects.get_or_create(
        collectivite_id=collectivite_id,
        settlement=settlement,
        kind=Kind.FIRST,
        defaults={"message_id": mail.new_message_id(), "owed_at": settlement.recorded_at},
    )
    return ticket


def _send(collectivite_id: int, find: Callable[[], Ticket], turn: Turn) -> None:
    with tenant(collectivite_id):
        ticket = find()
        if ticket.is_over:
            return
        letter = letter_about(ticket)
        if letter is None:
            _give_up(_lock(ticket), why=Why.NO_ADDRESS, now=turn.clock())
            return
    pdf = letter.pdf()  # before anything says that it has started
    with tenant(collectivite_id):
        has_turn = _start(_lock(ticket), now=turn.clock())
        turn.renew()
    if has_turn:
        _hand_over(ticket, letter, pdf, turn)


def _start(ticket: Ticket, *, now: datetime) -> bool:
    """Say that it leaves now. False: it must not."""
    if ticket.is_over:
        return False
    if ticket.started_at is not None:
        ticket.uncertain += 1
        ticket.save(update_fields=["uncertain"])
        if ticket.uncertain > UNCERTAIN_AT_MOST:
            _give_up(ticket, why=Why.NOT_KNOWN, now=now)
            return False
    ticket.started_at = now
    ticket.tries += 1
    ticket.save(update_fields=["started_at", "tries"])
    return True


def _hand_over(ticket: Ticket, letter: Letter, pdf: bytes, turn: Turn) -> None:
    """The one sending, outside any transaction."""
    try:
        mail.send(
            to=letter.to,
            subject=letter.subject,
            text=letter.text(),
            html=letter.html(),
            sender=letter.sender,
            reply_to=letter.reply_to,
            attachments=[mail.Attachment(name=letter.file_name, content=pdf, content_type="application/pdf")],
            message_id=ticket.message_id,
        )
    except mail.BadAddress as refused:
        with tenant(ticket.collectivite_id):
            _give_up(_lock(ticket), why=Why.BAD_ADDRESS, now=turn.clock(), code=refused.code)
        return
    except mail.NotTaken:
        with tenant(ticket.collectivite_id):
            locked = _lock(ticket)
            locked.started_at = None
            locked.save(update_fields=["started_at"])
        raise
    with tenant(ticket.collectivite_id):  # a fact, whoever has the turn by now
        locked, now = _lock(ticket), turn.clock()
        if locked.is_over:
            return
        locked.started_at, locked.sent_at = locked.started_at or now, now
        locked.save(update_fields=["started_at", "sent_at"])
        resolve(
            collectivite_id=locked.collectivite_id,
            kind=CaseKind.TICKET_NOT_SENT,
            subject_kind="attempt",
            subject_ids=[letter.attempt_id],
            rule="send_ticket",
            now=now,
        )


def _give_up(ticket: Ticket, *, why: Why, now: datetime, code: str = "") -> None:
    """Send it no more; unless the address is simply gone, a person is told."""
    ticket.gave_up_at, ticket.why = now, why
    ticket.save(update_fields=["gave_up_at", "why"])
    if why is Why.NO_ADDRESS:
        return
    settlement = Settlement.objects.get(collectivite=ticket.collectivite_id, pk=ticket.settlement_id)
    assert settlement.attempt_id is not None  # money received at the counter owes no ticket
    open_case(
        collectivite_id=ticket.collectivite_id,
        kind=CaseKind.TICKET_NOT_SENT,
        subject_kind="attempt",
        subject_id=settlement.attempt_id,
        rule="send_ticket",
        facts={"ticket": ticket.pk, "unsent": why.value, "mail_code": code},
        now=now,
    )


def _lock(ticket: Ticket) -> Ticket:
    return Ticket.objects.select_for_update(of=("self",)).get(collectivite=ticket.collectivite_id, pk=ticket.pk)
