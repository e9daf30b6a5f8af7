"""The verbs of a payment. Each that changes what an attempt is locks its row and is one transaction.

What is heard is weighed in `judging.py`, our questions' answers in `answers.py`; money is settled in `settling.py`.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils.crypto import salted_hmac

from regal.agenda.operations import schedule
from regal.agenda.watches import hasten, watch
from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_once
from regal.collectivites.models import GatewayAccount, Product
from regal.gateways.base import (
    BillingAddress,
    DebtKind,
    Environment,
    Gateway,
    GatewayFailure,
    Key,
    Message,
    NotAuthentic,
    Notice,
    Nudge,
    Outcome,
    PaymentRequest,
    PostForm,
    Redirect,
    Unreadable,
    Verdict,
)
from regal.gateways.base import Refused as GatewayRefused
from regal.journal.operations import seal_day
from regal.lib import canonical, paris, tokens
from regal.lib.money import Money
from regal.payments.accounts import gateway_of
from regal.payments.judging import judge, keep, schedule_seal
from regal.payments.models import Attempt, Evidence, InboxMessage, Payer
from regal.payments.queries import (
    are_paid_together,
    balance_of,
    earlier_attempts,
    fits_balance,
    has_heard_enough,
    has_received,
)
from regal.payments.refusals import AlreadyStarted, CannotHandOff, EarlierAttempt, TitreNotPayable
from regal.payments.schedule import FIRST_QUESTION
from regal.payments.shares import MOST_AT_ONCE, Part, let_go, own_reference, record_shares, shares_of, titre_ids_of
from regal.payments.states import Event, State
from regal.payments.steps import advance, lock_attempt, note
from regal.titres import holds
from regal.titres.models import Collector, Titre
from regal.titres.states import State as TitreState

logger = logging.getLogger("regal.payments")

JUDGE_MESSAGE = "judge_message"
PRESUME_SILENT = "presume_silent"
LONGEST_REQUEST = timedelta(minutes=2)  # nobody waits for a key any more
UNREAD_AGAIN = timedelta(days=7)
SECOND_CLICK = timedelta(seconds=30)  # how long one press leads to the gateway again


@dataclass(frozen=True, kw_only=True)
class PaymentOrder:
    """What the payer confirmed on the recap page."""

    product: Product
    debt_reference: str
    exercice: int | None
    amount: Money
    email: str
    language: str
    flow_token: str
    handle: str
    told_of_earlier: bool
    titre: Titre | None = None  # where the gateway knows no debt; the first of several
    several: tuple[Part, ...] = ()  # all of them, where there are several; each is paid whole
    billing: BillingAddress | None = None  # what the payer typed, where the account asks for it; kept nowhere
    contract: GatewayAccount | None = None  # to try another phase of the product's contract; None: the product's own

    @property
    def account(self) -> GatewayAccount:
        """The account that the payment goes to."""
        return self.contract or self.product.account

    @property
    def parts(self) -> tuple[Part, ...]:
        """What is paid of each titre of our own base."""
        return self.several or (() if self.titre is None else (Part(titre=self.titre, amount=self.amount),))

    @property
    def is_trial(self) -> bool:
        """An administrator tries a contract: no debt of ours need stand behind it."""
        return self.contract is not None and self.account.environment != Environment.PRODUCTION


@dataclass(frozen=True, kw_only=True)
class Started:
    """An attempt that stands in the database, and where its payer goes now."""

    attempt: Attempt
    hand_off: Redirect | PostForm


@dataclass(frozen=True, kw_only=True)
class Requested:
    """An attempt that stands in the database and waits for its key: what to ask, and of whom."""

    attempt: Attempt
    gateway: Gateway
    request: PaymentRequest


def start_payment(*, order: PaymentOrder, now: datetime, gateway: Gateway | None = None) -> Started:
    """Record an attempt and say where its payer leaves; commit before sending the browser there.

    For gateways that need no key first; `departure.depart` does it for all. `gateway`: the order's own, at the host
    that answers, where there are two. Raises TitreNotPayable, EarlierAttempt, AlreadyStarted, CannotHandOff (nothing is
    then kept).
    """
    gateway = gateway or gateway_of(order.account)
    if gateway.needs_key:
        raise TypeError(f"{gateway.name} wants a key first")
    request = _new_request(order=order, gateway=gateway)
    titres = _take_debt(order=order, gateway=gateway, now=now)
    try:
        hand_off = gateway.hand_off(request)
    except GatewayRefused as refused:
        raise CannotHandOff(refused.code) from refused
    attempt = _record(order=order, request=request, now=now)
    for titre in titres:
        holds.hold(titre=titre, attempt_id=attempt.pk, until=now + gateway.holds_for)
    _leave(attempt=attempt, now=now)
    if gateway.can_ask:
        _watch(attempt=attempt, due_at=now + FIRST_QUESTION, now=now)
    else:
        schedule_silence(attempt=attempt, now=now)
    return Started(attempt=attempt, hand_off=hand_off)


def request_key(*, order: PaymentOrder, now: datetime) -> Requested:
    """Record an attempt that is about to ask for a key, hold its titre, and own it; commit before asking.

    Raises TitreNotPayable, EarlierAttempt, AlreadyStarted, CannotHandOff (nothing is then kept).
    """
    gateway = gateway_of(order.account)
    request = _new_request(order=order, gateway=gateway)
    titres = _take_debt(order=order, gateway=gateway, now=now)
    try:
        gateway.check(request)
    except GatewayRefused as refused:
        raise CannotHandOff(refused.code) from refused
    attempt = _record(order=order, request=request, now=now)
    advance(attempt=attempt, event=Event.KEY_ASKED, evidence=None, occurred_at=now, now=now)
    for titre in titres:
        holds.hold(titre=titre, attempt_id=attempt.pk, until=now + gateway.holds_for)
    _watch(attempt=attempt, due_at=now + LONGEST_REQUEST, now=now)
    return Requested(attempt=attempt, gateway=gateway, request=request)


def _take_debt(*, order: PaymentOrder, gateway: Gateway, now: datetime) -> list[Titre]:
    """Let one payer of a debt pass at a time, under its titres' locks where it is ours, and tell him what he must know.

    Only a trial of a gateway that knows no debt may have no titre.
    """
    if gateway.needs_titre and order.titre is None and not order.is_trial:
        raise TypeError("a gateway that knows no debt hands off titres of our own base")
    collectivite_id = order.product.collectivite_id
    locked: dict[int, Titre] = {}
    if order.titre is None:
        _queue_for_debt(account_id=order.account.pk, debt_reference=order.debt_reference)
    else:
        titre_ids = {part.titre.pk for part in order.parts}
        locked = holds.lock_all(collectivite_id=collectivite_id, titre_ids=titre_ids)
        if len(locked) < len(titre_ids):
            raise Titre.DoesNotExist
    _check_not_sent(order=order)
    if order.several:
        check_several(order=order)
    for part in order.parts:
        check_titre(titre=locked[part.titre.pk], part=part, order=order, now=now)
    _check_told(order=order)
    return [locked[part.titre.pk] for part in order.parts]


def _watch(*, attempt: Attempt, due_at: datetime, now: datetime) -> None:
    watch(
        collectivite_id=attempt.collectivite_id,
        account_id=attempt.account_id,
        attempt_id=attempt.pk,
        due_at=due_at,
        now=now,
    )


def schedule_silence(*, attempt: Attempt, now: datetime) -> None:
    """Nobody can be asked: once no file will speak of the attempt any more, it is presumed dead."""
    schedule(
        collectivite_id=attempt.collectivite_id,
        kind=PRESUME_SILENT,
        subject_id=attempt.pk,
        due_at=now + timedelta(days=settings.FORM_SILENCE_DAYS),
        now=now,
    )


def check_several(*, order: PaymentOrder) -> None:
    """Whether these titres may be paid together. Raises TitreNotPayable; TypeError for what no page of ours asks."""
    parts = order.several
    if sum((part.amount for part in parts), Money.zero) != order.amount or parts[0].titre != order.titre:
        raise TypeError("the shares of a payment add up to it, and its titre is the first")
    if order.debt_reference != own_reference(order.flow_token):
        raise TypeError("a payment of several titres has a reference of its own")
    if not 1 < len({part.titre.pk for part in parts}) == len(parts) <= MOST_AT_ONCE:
        raise TitreNotPayable("not_together")
    if not are_paid_together(order.product) or order.contract is not None:
        raise TitreNotPayable("not_together")


def check_titre(*, titre: Titre, part: Part, order: PaymentOrder, now: datetime) -> None:
    """Whether this titre may be handed off for this order now. Raises TitreNotPayable."""
    if titre.collector != Collector.REGIE or order.account.debt_kind != DebtKind.REGIE:
        raise TitreNotPayable("not_collected_here")
    reference = part.titre.reference if order.several else order.debt_reference
    if titre.product_id != order.product.pk or titre.reference != reference:
        raise TitreNotPayable("not_collected_here")
    if titre.paid_at is not None:
        raise TitreNotPayable("paid")
    if titre.status != TitreState.OPEN:
        raise TitreNotPayable(titre.status)
    if titre.is_held(now):
        raise TitreNotPayable("held", until=titre.held_until)
    left = balance_of(titre)
    is_whole = part.amount == left
    if not is_whole and (order.several or not fits_balance(product=titre.product, left=left, amount=part.amount)):
        raise TitreNotPayable("other_amount")


def key_given(*, collectivite_id: int, attempt_id: int, key: Key, now: datetime) -> Attempt | None:
    """Store the key: the payer may leave once this is committed. None if the request was given up meanwhile."""
    attempt = lock_attempt(collectivite_id=collectivite_id, attempt_id=attempt_id)
    if attempt.status != State.REQUESTED:
        return None
    attempt.key = key.value
    attempt.save(update_fields=["key"])
    advance(attempt=attempt, event=Event.KEY_GIVEN, evidence=None, occurred_at=now, now=now)
    _leave(attempt=attempt, now=now)
    hasten(collectivite_id=collectivite_id, attempt_id=attempt_id, at=now + FIRST_QUESTION)
    return attempt


def key_denied(*, collectivite_id: int, attempt_id: int, now: datetime) -> None:
    """The gateway said no: nothing was begun there."""
    attempt = lock_attempt(collectivite_id=collectivite_id, attempt_id=attempt_id)
    if attempt.status == State.REQUESTED:
        advance(attempt=attempt, event=Event.KEY_DENIED, evidence=None, occurred_at=now, now=now)


def key_not_known(*, collectivite_id: int, attempt_id: int, now: datetime) -> None:
    """No usable answer came: the attempt stays REQUESTED, but its payer has no address, so another may begin."""
    attempt = lock_attempt(collectivite_id=collectivite_id, attempt_id=attempt_id)
    if attempt.status == State.REQUESTED:
        let_go(attempt)


def prepare_to_settle(*, collectivite_id: int, attempts: Collection[Attempt], now: datetime) -> None:
    """Take what several settlements of one transaction will want, in the order in which a single one takes it.

    That is, once the caller has locked the attempts: the day's seal, then every titre; the head of the books comes
    last. One settlement after the other would want a titre while it holds the head.
    """
    if attempts:
        schedule_seal(collectivite_id=collectivite_id, day=paris.today(now), now=now)
    holds.lock_all(collectivite_id=collectivite_id, titre_ids=titre_ids_of(attempts))


def _leave(*, attempt: Attempt, now: datetime) -> None:
    attempt.handed_off_at = now
    attempt.save(update_fields=["handed_off_at"])
    advance(attempt=attempt, event=Event.PAYER_LEFT, evidence=None, occurred_at=now, now=now)


def _check_not_sent(*, order: PaymentOrder) -> None:
    if Attempt.objects.of(order.product.collectivite).filter(flow_digest=tokens.digest(order.flow_token)).exists():
        raise AlreadyStarted


def _check_told(*, order: PaymentOrder) -> None:
    """Its titres were found payable under their locks, so that what is paid of them is no longer due."""
    earlier = earlier_attempts(
        account=order.account,
        debt_reference=order.debt_reference,
        amount=order.amount,
        titre_ids=[part.titre.pk for part in order.parts],
    )
    if earlier.exists() and not order.told_of_earlier:
        raise EarlierAttempt


def _record(*, order: PaymentOrder, request: PaymentRequest, now: datetime) -> Attempt:
    account = order.account
    collectivite_id = order.product.collectivite_id
    try:
        with transaction.atomic():
            attempt = Attempt.objects.create(
                collectivite_id=collectivite_id,
                account=account,
                product=order.product,
                titre=order.titre,
                environment=account.environment,
                reference=request.reference,
                debt_reference=order.debt_reference,
                exercice=order.exercice,
                amount=order.amount,
                label=order.product.name,
                language=order.language,
                warned=order.told_of_earlier,
                flow_digest=tokens.digest(order.flow_token),
                handle_digest=tokens.digest(order.handle),
                notification_digest=tokens.digest(_notification_token(order)),
                created_at=now,
            )
    except IntegrityError as error:  # the same recap, sent twice at the same instant, with two debts
        if _broken_constraint(error) != "payments_attempt_flow":
            raise
        raise AlreadyStarted from None
    record_shares(attempt=attempt, parts=order.parts)
    Payer.objects.create(collectivite_id=collectivite_id, attempt=attempt, email=order.email)
    note(attempt=attempt, event=Event.RECORDED, number=1, before=None, occurred_at=now, now=now)
    return attempt


def check_order(*, order: PaymentOrder) -> Gateway:
    """Ask the gateway's rules about an order, before the payer confirms it. Raises CannotHandOff; keeps nothing."""
    gateway = gateway_of(order.account)
    try:
        gateway.check(_new_request(order=order, gateway=gateway))
    except GatewayRefused as refused:
        raise CannotHandOff(refused.code) from refused
    return gateway


def hand_off_again(
    *, order: PaymentOrder, attempt: Attempt, gateway: Gateway, now: datetime
) -> Redirect | PostForm | None:
    """Give the same address or form to the second click of one press; `departure.go_again` does it for all gateways.

    None once that moment has passed, without the key that it wants, where the first click has its own tab, or where the
    order is of something else.
    """
    if attempt.status != State.HANDED_OFF or attempt.handed_off_at is None or gateway.opens_new_tab:
        return None
    if now - attempt.handed_off_at >= SECOND_CLICK or (gateway.needs_key and not attempt.key):
        return None
    if order.amount != attempt.amount or order.debt_reference != attempt.debt_reference:
        return None
    if order.several and not _are_its_shares(attempt, order.several):
        return None
    if attempt.notification_digest != tokens.digest(_notification_token(order)):  # the key of our tokens has changed
        return None
    request = _request(order=order, reference=attempt.reference)
    return gateway.hand_off(request, Key(value=attempt.key) if attempt.key else None)


def _are_its_shares(attempt: Attempt, parts: Collection[Part]) -> bool:
    shares = [(share.titre_id, share.amount) for share in shares_of(attempt)]
    return shares == [(part.titre.pk, part.amount) for part in parts]


class Intake(StrEnum):
    """What becomes of a message to an attempt, which its payer can write too."""

    STORE = "store"
    KNOWN = "known"  # the very same is stored: it is answered, and leaves no row
    TOO_MUCH = "too_much"


def intake(*, attempt: Attempt, gateway: Gateway | None, message: Message, is_cut: bool = False) -> Intake:
    """Whether one more message is stored. What is well signed is not turned away because others were not."""
    if not has_heard_enough(attempt=attempt):
        return Intake.STORE
    if gateway is None or not is_well_signed(gateway=gateway, message=message, is_cut=is_cut):
        return Intake.TOO_MUCH
    if has_received(attempt=attempt, digest=digest_of(message)):
        return Intake.KNOWN
    return Intake.TOO_MUCH if has_heard_enough(attempt=attempt, is_signed=True) else Intake.STORE


def receive(
    *,
    attempt: Attempt,
    message: Message,
    now: datetime,
    is_cut: bool = False,
    channel: str = InboxMessage.Channel.NOTIFICATION,
) -> InboxMessage:
    """Store a message exactly as it came, and have it judged by a worker. Says nothing of what it is worth.

    `is_cut`: only the beginning is there. It will be judged unreadable, whatever the beginning says. `channel`: who
    brought it, the gateway's server or the payer's browser.
    """
    return _store(account=attempt.account, attempt=attempt, message=message, is_cut=is_cut, channel=channel, now=now)


def receive_for_account(
    *, account: GatewayAccount, message: Message, now: datetime, is_cut: bool = False
) -> InboxMessage:
    """The same at the account's own address: which attempt it speaks of is seen when it is judged."""
    channel = InboxMessage.Channel.NOTIFICATION
    return _store(account=account, attempt=None, message=message, is_cut=is_cut, channel=channel, now=now)


def _store(
    *,
    account: GatewayAccount,
    attempt: Attempt | None,
    message: Message,
    is_cut: bool,
    channel: str,
    now: datetime,
) -> InboxMessage:
    stored = InboxMessage.objects.create(
        collectivite_id=account.collectivite_id,
        account=account,
        attempt=attempt,
        channel=channel,
        received_at=message.received_at,
        method=message.method,
        content_type=message.content_type[:120],
        query=message.query,
        body=message.body,
        is_cut=is_cut,
        digest=digest_of(message),
    )
    schedule(collectivite_id=account.collectivite_id, kind=JUDGE_MESSAGE, subject_id=stored.pk, due_at=now, now=now)
    return stored


def verdict_on(*, gateway: Gateway, message: Message, is_cut: bool) -> Verdict:
    """What to tell the sender once his message is stored: where the gateway signs, whether the signature is good."""
    if not gateway.signed:
        return Verdict.HEARD
    if is_cut:
        return Verdict.UNREADABLE
    try:
        gateway.read(message)
    except NotAuthentic:
        return Verdict.NOT_AUTHENTIC
    except Unreadable:
        return Verdict.UNREADABLE
    return Verdict.HEARD


def is_well_signed(*, gateway: Gateway, message: Message, is_cut: bool) -> bool:
    """Whether its gateway signs, and signed this."""
    return gateway.signed and verdict_on(gateway=gateway, message=message, is_cut=is_cut) is Verdict.HEARD


def digest_of(message: Message) -> str:
    """SHA-256 over method, query and body, each preceded by its length: no two messages share the text hashed."""
    parts = (message.method.encode(), message.query, message.body)
    return canonical.sha256_hex(b"".join(b"%d:" % len(part) + part for part in parts))


def judge_message(collectivite_id: int, message_id: int, now: datetime) -> None:
    """Read a stored message, keep what it says as evidence, and bring its attempt up to date."""
    stored = InboxMessage.objects.select_related("account", "attempt").get(collectivite=collectivite_id, pk=message_id)
    if Evidence.objects.filter(collectivite=collectivite_id, message=stored).exists():
        return
    message = Message(
        method=stored.method,
        query=bytes(stored.query or b""),
        body=bytes(stored.body or b""),
        content_type=stored.content_type,
        received_at=stored.received_at,
    )
    source = stored.channel
    try:
        if stored.is_cut:
            raise Unreadable("cut")
        notice = gateway_of(stored.account).read(message)
    except (NotAuthentic, Unreadable) as failure:
        _keep_unread(stored=stored, failure=failure, now=now)
        if isinstance(failure, Unreadable) and not stored.is_cut and gateway_of(stored.account).signed:
            _report_unread(stored=stored, failure=failure, now=now)
        return
    if isinstance(notice, Nudge):
        _hear_nudge(stored=stored, nudge=notice, now=now)
        return
    attempt_id = stored.attempt_id or _attempt_named(stored=stored, notice=notice)
    if attempt_id is None:
        _keep_of_nobody(stored=stored, notice=notice, now=now)
        return
    apply_notice(
        collectivite_id=collectivite_id,
        attempt_id=attempt_id,
        notice=notice,
        digest=stored.digest,
        message=stored,
        source=source,
        now=now,
    )


def _keep_unread(*, stored: InboxMessage, failure: GatewayFailure, now: datetime) -> None:
    """Nobody proved to have written it, or it says nothing: it does nothing."""
    keep(
        attempt=stored.attempt,
        message=stored,
        verdict=Evidence.Verdict.UNREADABLE,
        facts={"why": failure.code},
        digest=stored.digest,
        source=stored.channel,
        now=now,
    )
    logger.warning("security: unreadable %s, message %s, %s", stored.channel, stored.pk, failure.code)


def _report_unread(*, stored: InboxMessage, failure: Unreadable, now: datetime) -> None:
    """The gateway wrote it, and never says it again: a person looks, whatever it was about.

    One case an attempt, even if a person has closed it, for a payer may have any text signed; at an account's own
    address one a week, for what is sent there may change.
    """
    subject_kind, subject_id, since = "account", stored.account_id, now - UNREAD_AGAIN
    if stored.attempt is not None:
        subject_kind, subject_id, since = "attempt", stored.attempt.pk, stored.attempt.created_at
        lock_attempt(collectivite_id=stored.collectivite_id, attempt_id=stored.attempt.pk)
    open_once(
        collectivite_id=stored.collectivite_id,
        kind=CaseKind.UNKNOWN_OUTCOME,
        subject_kind=subject_kind,
        subject_id=subject_id,
        rule="judge_message",
        facts={"message": stored.pk, "why": failure.code, "contract": stored.account.identifier},
        since=since,
        now=now,
    )


def _attempt_named(*, stored: InboxMessage, notice: Notice) -> int | None:
    """At an account's own address the message says of which attempt it speaks, and only one of that account."""
    named = Attempt.objects.filter(
        collectivite=stored.collectivite_id, account=stored.account_id, reference=notice.reference or ""
    )
    return named.values_list("pk", flat=True).first()


def _keep_of_nobody(*, stored: InboxMessage, notice: Notice, now: datetime) -> None:
    """Perhaps a payment of the same contract that another program began: nothing of ours moves."""
    keep(
        attempt=None,
        message=stored,
        verdict=Evidence.Verdict.DIFFERS,
        facts={**notice.facts, "differs": "reference"},
        digest=stored.digest,
        rank=notice.rank,
        outcome=notice.outcome,
        occurred_at=notice.occurred_at,
        source=stored.channel,
        now=now,
    )
    logger.warning("security: message %s names no attempt of account %s", stored.pk, stored.account_id)


def _hear_nudge(*, stored: InboxMessage, nudge: Nudge, now: datetime) -> None:
    """Somebody says: ask. It proves nothing; of our own key, or where we have none, it makes us ask at once.

    Even where nothing was awaited any more: news that comes late is still news.
    """
    attempt = stored.attempt
    if attempt is None:
        raise TypeError("a gateway that only nudges calls the attempt's own address")
    is_ours = attempt.key in ("", nudge.key.value)
    if is_ours:  # the watch before the evidence, as the checker does: the day's first evidence locks the day's seal
        hasten(collectivite_id=attempt.collectivite_id, attempt_id=attempt.pk, at=now, reopen=True)
    keep(
        attempt=attempt,
        message=stored,
        verdict=Evidence.Verdict.FITS if is_ours else Evidence.Verdict.UNREADABLE,
        facts={"key": nudge.key.value} if is_ours else {"why": "another_key"},
        digest=stored.digest,
        now=now,
    )
    if not is_ours:
        logger.warning("security: message %s names another key than attempt %s", stored.pk, attempt.pk)


def apply_notice(
    *,
    collectivite_id: int,
    attempt_id: int,
    notice: Notice,
    digest: str,
    now: datetime,
    message: InboxMessage | None = None,
    source: str = "notification",
) -> Evidence:
    """Bring an attempt up to date with what its gateway says; the same bytes again change nothing more.

    A notice that contradicts the attempt (account, reference, amount, environment) or its account is kept, moves
    nothing and opens a case, whatever its rank. Another exercice is only remarked. Rank 0 only announces; what rank 1
    may do is said in `signed.py`.
    """
    attempt = lock_attempt(collectivite_id=collectivite_id, attempt_id=attempt_id)
    return judge(attempt=attempt, notice=notice, digest=digest, message=message, source=source, now=now)


def presume_silent(collectivite_id: int, attempt_id: int, now: datetime) -> None:
    """The window has passed: an attempt of which nobody spoke of payment is presumed dead. It can still become PAID.

    One that the bank says pending may end any day.
    """
    attempt = Attempt.objects.select_for_update(no_key=True).get(collectivite=collectivite_id, pk=attempt_id)
    if attempt.status == State.HANDED_OFF and attempt.announced not in (Outcome.PAID, Outcome.PENDING):
        advance(attempt=attempt, event=Event.FELL_SILENT, evidence=None, occurred_at=now, now=now)


def seal_evidence(collectivite_id: int, day_ordinal: int, now: datetime) -> None:
    """Enter in the books the digests of all evidence received on one day (an ordinal of the proleptic calendar)."""
    day = date.fromordinal(day_ordinal)
    digests = Evidence.objects.filter(collectivite=collectivite_id, judged_day=day).values_list("digest", flat=True)
    seal_day(collectivite_id=collectivite_id, day=day, digests=sorted(set(digests)), now=now)


def purge_inbox(*, before: datetime) -> int:
    """Erase the raw bytes of the current tenant's judged messages received before an instant; the rest stays."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT regal_purge_inbox(%s)", [before])
        return int(cursor.fetchone()[0])


def _new_request(*, order: PaymentOrder, gateway: Gateway) -> PaymentRequest:
    return _request(order=order, reference=gateway.name_attempt(order.debt_reference, tokens.new_token()))


def _request(*, order: PaymentOrder, reference: str) -> PaymentRequest:
    address = f"{settings.NOTIFICATION_URL}/s/n/{order.product.collectivite_id}/{_notification_token(order)}"
    return PaymentRequest(
        reference=reference,
        amount=order.amount,
        debt_reference=order.debt_reference,
        exercice=order.exercice,
        label=order.product.name,
        payer_email=order.email,
        environment=Environment(order.account.environment),
        notification_url=address,
        return_url=_return_url(order),
        language=order.language,
        billing=order.billing,
    )


def _notification_token(order: PaymentOrder) -> str:
    """Of the attempt's own address: the same for each click of one press, and known to nobody who lacks our key."""
    derived = salted_hmac("regal.payments.notification", order.flow_token, algorithm="sha256").digest()
    return tokens.new_token(lambda size: derived[:size])


def _return_url(order: PaymentOrder) -> str:
    """Where the gateway sends the browser back, in the payer's language; it leads to the attempt's own page."""
    language = "/en" if order.language == "en" else ""
    return f"{settings.GUICHET_URL}{language}/{order.product.collectivite.slug}/suivi/{order.handle}/retour/"


def _queue_for_debt(*, account_id: int, debt_reference: str) -> None:
    """Two payers of one debt pass here one after the other, so that the second is told of the first."""
    key = int(canonical.sha256_hex(f"{account_id} {debt_reference}".encode())[:15], 16)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def _broken_constraint(error: IntegrityError) -> str | None:
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
