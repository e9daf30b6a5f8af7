"""The verbs of a payment. Each that changes what an attempt is locks its row and is one transaction.

`apply_notice` and `hear_answer` alone weigh what somebody says; `_advance` alone follows an edge of the table.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from regal.agenda.operations import schedule
from regal.agenda.watches import hasten, watch
from regal.cases.models import Kind as CaseKind
from regal.cases.operations import open_case, resolve
from regal.collectivites.models import GatewayAccount, Product
from regal.gateways.base import (
    Claims,
    DebtKind,
    Environment,
    Gateway,
    Key,
    Message,
    Notice,
    Nudge,
    Outcome,
    PaymentRequest,
    Rank,
    Redirect,
    Timing,
    Unreadable,
)
from regal.gateways.base import Refused as GatewayRefused
from regal.journal.operations import record_settlement, seal_day
from regal.lib import canonical, paris, tokens
from regal.lib.money import Money
from regal.payments.accounts import gateway_of
from regal.payments.models import Allocation, Attempt, AttemptEvent, Evidence, InboxMessage, Payer, Settlement
from regal.payments.queries import balance_of, earlier_attempts
from regal.payments.refusals import AlreadyStarted, CannotHandOff, EarlierAttempt, TitreNotPayable
from regal.payments.schedule import FIRST_QUESTION, is_forgotten_too_early
from regal.payments.states import ANSWERED, BEFORE_LEAVING, LIVE, Event, State, next_state
from regal.titres import holds
from regal.titres.models import Collector, Titre
from regal.titres.states import State as TitreState

logger = logging.getLogger("regal.payments")

JUDGE_MESSAGE = "judge_message"
PRESUME_SILENT = "presume_silent"
SEAL_EVIDENCE = "seal_evidence"
SEAL_HOUR = time(2)  # of the next day, Europe/Paris: well before 06:00
LONGEST_REQUEST = timedelta(minutes=2)  # nobody waits for a key any more
SECOND_CLICK = timedelta(seconds=30)  # how long a key leads to the gateway again: it opens one page
INQUIRY = "inquiry"  # where evidence comes from: our own question


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
    titre: Titre | None = None  # where the gateway knows no debt
    contract: GatewayAccount | None = None  # to try another phase of the product's contract; None: the product's own

    @property
    def account(self) -> GatewayAccount:
        """The account that the payment goes to."""
        return self.contract or self.product.account

    @property
    def is_trial(self) -> bool:
        """An administrator tries a contract: no debt of ours need stand behind it."""
        return self.contract is not None and self.account.environment != Environment.PRODUCTION


@dataclass(frozen=True, kw_only=True)
class Started:
    """An attempt that stands in the database, and where its payer goes now."""

    attempt: Attempt
    hand_off: Redirect


@dataclass(frozen=True, kw_only=True)
class Requested:
    """An attempt that stands in the database and waits for its key: what to ask, and of whom."""

    attempt: Attempt
    gateway: Gateway
    request: PaymentRequest


def start_payment(*, order: PaymentOrder, now: datetime) -> Started:
    """Record an attempt and give the address to which its payer leaves; commit before sending the browser there.

    For gateways that need no key first; `departure.depart` does it for all. Raises EarlierAttempt, AlreadyStarted,
    CannotHandOff (nothing is then kept).
    """
    notification_token = tokens.new_token()
    request = _request(order=order, notification_token=notification_token)
    _queue_for_debt(account_id=order.account.pk, debt_reference=order.debt_reference)
    _check_not_sent(order=order)
    _check_told(order=order, titre_id=None)
    gateway = gateway_of(order.account)
    if gateway.needs_key:
        raise TypeError(f"{gateway.name} wants a key first")
    try:
        hand_off = gateway.hand_off(request)
    except GatewayRefused as refused:
        raise CannotHandOff(refused.code) from refused
    if not isinstance(hand_off, Redirect):  # said before anything is stored; the page that posts comes with its gateway
        raise TypeError(f"{gateway.name} hands off by a form")
    attempt = _record(order=order, request=request, notification_token=notification_token, now=now)
    _leave(attempt=attempt, now=now)
    schedule(
        collectivite_id=attempt.collectivite_id,
        kind=PRESUME_SILENT,
        subject_id=attempt.pk,
        due_at=now + timedelta(days=settings.FORM_SILENCE_DAYS),
        now=now,
    )
    return Started(attempt=attempt, hand_off=hand_off)


def request_key(*, order: PaymentOrder, now: datetime) -> Requested:
    """Record an attempt that is about to ask for a key, hold its titre, and own it; commit before asking.

    Only a trial may have no titre.

    Raises TitreNotPayable, EarlierAttempt, AlreadyStarted, CannotHandOff (nothing is then kept).
    """
    if order.titre is None and not order.is_trial:
        raise TypeError("a gateway that knows no debt hands off titres of our own base")
    notification_token = tokens.new_token()
    request = _request(order=order, notification_token=notification_token)
    titre = None
    if order.titre is None:
        _queue_for_debt(account_id=order.account.pk, debt_reference=order.debt_reference)
    else:
        titre = holds.lock(collectivite_id=order.product.collectivite_id, titre_id=order.titre.pk)
    _check_not_sent(order=order)
    if titre is not None:
        check_titre(titre=titre, order=order, now=now)
    _check_told(order=order, titre_id=titre.pk if titre else None)
    gateway = gateway_of(order.account)
    try:
        gateway.check(request)
    except GatewayRefused as refused:
        raise CannotHandOff(refused.code) from refused
    attempt = _record(order=order, request=request, notification_token=notification_token, now=now)
    _advance(attempt=attempt, event=Event.KEY_ASKED, evidence=None, occurred_at=now, now=now)
    if titre is not None:
        holds.hold(titre=titre, attempt_id=attempt.pk, until=now + gateway.holds_for)
    watch(
        collectivite_id=attempt.collectivite_id,
        account_id=attempt.account_id,
        attempt_id=attempt.pk,
        due_at=now + LONGEST_REQUEST,
        now=now,
    )
    return Requested(attempt=attempt, gateway=gateway, request=request)


def check_titre(*, titre: Titre, order: PaymentOrder, now: datetime) -> None:
    """Whether this titre may be handed off for this order now. Raises TitreNotPayable."""
    if titre.collector != Collector.REGIE or order.account.debt_kind != DebtKind.REGIE:
        raise TitreNotPayable("not_collected_here")
    if titre.product_id != order.product.pk or titre.reference != order.debt_reference:
        raise TitreNotPayable("not_collected_here")
    if titre.paid_at is not None:
        raise TitreNotPayable("paid")
    if titre.status != TitreState.OPEN:
        raise TitreNotPayable(titre.status)
    if titre.is_held(now):
        raise TitreNotPayable("held", until=titre.held_until)
    if balance_of(titre) != order.amount:
        raise TitreNotPayable("other_amount")


def key_given(*, collectivite_id: int, attempt_id: int, key: Key, now: datetime) -> Attempt | None:
    """Store the key: the payer may leave once this is committed. None if the request was given up meanwhile."""
    attempt = lock_attempt(collectivite_id=collectivite_id, attempt_id=attempt_id)
    if attempt.status != State.REQUESTED:
        return None
    attempt.key = key.value
    attempt.save(update_fields=["key"])
    _advance(attempt=attempt, event=Event.KEY_GIVEN, evidence=None, occurred_at=now, now=now)
    _leave(attempt=attempt, now=now)
    hasten(collectivite_id=collectivite_id, attempt_id=attempt_id, at=now + FIRST_QUESTION)
    return attempt


def key_denied(*, collectivite_id: int, attempt_id: int, now: datetime) -> None:
    """The gateway said no: nothing was begun there."""
    attempt = lock_attempt(collectivite_id=collectivite_id, attempt_id=attempt_id)
    if attempt.status == State.REQUESTED:
        _advance(attempt=attempt, event=Event.KEY_DENIED, evidence=None, occurred_at=now, now=now)


def key_not_known(*, collectivite_id: int, attempt_id: int, now: datetime) -> None:
    """No usable answer came: the attempt stays REQUESTED, but its payer has no address, so another may begin."""
    attempt = lock_attempt(collectivite_id=collectivite_id, attempt_id=attempt_id)
    if attempt.status == State.REQUESTED and attempt.titre_id is not None:
        holds.let_go(collectivite_id=collectivite_id, titre_id=attempt.titre_id, attempt_id=attempt_id)


def prepare_to_settle(*, collectivite_id: int, attempts: Collection[Attempt], now: datetime) -> None:
    """Take what several settlements of one transaction will want, in the order in which a single one takes it.

    That is, once the caller has locked the attempts: the day's seal, then every titre; the head of the books comes
    last. One settlement after the other would want a titre while it holds the head.
    """
    if attempts:
        _schedule_seal(collectivite_id=collectivite_id, day=paris.today(now), now=now)
    titre_ids = {one.titre_id for one in attempts if one.titre_id is not None}
    holds.lock_all(collectivite_id=collectivite_id, titre_ids=titre_ids)


def lock_attempt(*, collectivite_id: int, attempt_id: int) -> Attempt:
    """The attempt, locked until the end of the transaction: before its watch, its titre and the head of the books."""
    return (
        Attempt.objects.select_for_update(of=("self",), no_key=True)
        .select_related("account")
        .get(collectivite=collectivite_id, pk=attempt_id)
    )


def _leave(*, attempt: Attempt, now: datetime) -> None:
    attempt.handed_off_at = now
    attempt.save(update_fields=["handed_off_at"])
    _advance(attempt=attempt, event=Event.PAYER_LEFT, evidence=None, occurred_at=now, now=now)


def _check_not_sent(*, order: PaymentOrder) -> None:
    if Attempt.objects.of(order.product.collectivite).filter(flow_digest=tokens.digest(order.flow_token)).exists():
        raise AlreadyStarted


def _check_told(*, order: PaymentOrder, titre_id: int | None) -> None:
    """`titre_id`: of one found payable under its lock, so that what is paid of it is no longer due."""
    earlier = earlier_attempts(
        account=order.account, debt_reference=order.debt_reference, amount=order.amount, titre_id=titre_id
    )
    if earlier.exists() and not order.told_of_earlier:
        raise EarlierAttempt


def _record(*, order: PaymentOrder, request: PaymentRequest, notification_token: str, now: datetime) -> Attempt:
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
                notification_digest=tokens.digest(notification_token),
                created_at=now,
            )
    except IntegrityError as error:  # the same recap, sent twice at the same instant, with two debts
        if _broken_constraint(error) != "payments_attempt_flow":
            raise
        raise AlreadyStarted from None
    Payer.objects.create(collectivite_id=collectivite_id, attempt=attempt, email=order.email)
    _note(attempt=attempt, event=Event.RECORDED, number=1, before=None, occurred_at=now, now=now)
    return attempt


def check_order(*, order: PaymentOrder) -> Gateway:
    """Ask the gateway's rules about an order, before the payer confirms it. Raises CannotHandOff; keeps nothing."""
    gateway = gateway_of(order.account)
    try:
        gateway.check(_request(order=order, notification_token=tokens.new_token()))
    except GatewayRefused as refused:
        raise CannotHandOff(refused.code) from refused
    return gateway


def hand_off_again(*, attempt: Attempt, now: datetime) -> Redirect | None:
    """Give the same address to the second click of one press; None once that moment has passed, or without a key."""
    if not attempt.key or attempt.status != State.HANDED_OFF or attempt.handed_off_at is None:
        return None
    if now - attempt.handed_off_at >= SECOND_CLICK:
        return None
    request = PaymentRequest(  # the gateway heard the rest when it gave the key
        reference=attempt.reference,
        amount=attempt.amount,
        debt_reference=attempt.debt_reference,
        exercice=attempt.exercice,
        label=attempt.label,
        payer_email="",
        environment=Environment(attempt.environment),
        notification_url="",
        return_url="",
    )
    hand_off = gateway_of(attempt.account).hand_off(request, Key(value=attempt.key))
    return hand_off if isinstance(hand_off, Redirect) else None


def receive(*, attempt: Attempt, message: Message, now: datetime, is_cut: bool = False) -> InboxMessage:
    """Store a message exactly as it came, and have it judged by a worker. Says nothing of what it is worth.

    `is_cut`: only the beginning is there. It will be judged unreadable, whatever the beginning says.
    """
    stored = InboxMessage.objects.create(
        collectivite_id=attempt.collectivite_id,
        account_id=attempt.account_id,
        attempt=attempt,
        received_at=message.received_at,
        method=message.method,
        content_type=message.content_type[:120],
        query=message.query,
        body=message.body,
        is_cut=is_cut,
        digest=digest_of(message),
    )
    schedule(collectivite_id=attempt.collectivite_id, kind=JUDGE_MESSAGE, subject_id=stored.pk, due_at=now, now=now)
    return stored


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
    try:
        if stored.is_cut:
            raise Unreadable("cut")
        notice = gateway_of(stored.account).read(message)
    except Unreadable as unreadable:
        _keep(
            attempt=stored.attempt,
            message=stored,
            verdict=Evidence.Verdict.UNREADABLE,
            facts={"why": unreadable.code},
            digest=stored.digest,
            now=now,
        )
        logger.warning("security: unreadable notification, message %s, %s", stored.pk, unreadable.code)
        return
    if isinstance(notice, Nudge):
        _hear_nudge(stored=stored, nudge=notice, now=now)
        return
    apply_notice(
        collectivite_id=collectivite_id,
        attempt_id=stored.attempt_id,
        notice=notice,
        digest=stored.digest,
        message=stored,
        now=now,
    )


def _hear_nudge(*, stored: InboxMessage, nudge: Nudge, now: datetime) -> None:
    """Somebody says: ask. It proves nothing; of our own key, or where we have none, it makes us ask at once.

    Even where nothing was awaited any more: news that comes late is still news.
    """
    attempt = stored.attempt
    is_ours = attempt.key in ("", nudge.key.value)
    if is_ours:  # the watch before the evidence, as the checker does: the day's first evidence locks the day's seal
        hasten(collectivite_id=attempt.collectivite_id, attempt_id=attempt.pk, at=now, reopen=True)
    _keep(
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
    nothing and opens a case, whatever its rank. Another exercice is only remarked. Rank 0 and 1 only announce.
    """
    attempt = lock_attempt(collectivite_id=collectivite_id, attempt_id=attempt_id)
    return _judge(attempt=attempt, notice=notice, digest=digest, message=message, source=source, now=now)


def hear_answer(*, attempt: Attempt, notice: Notice, timing: Timing, now: datetime) -> bool:
    """Bring an attempt up to date with the answer to our own question; the caller has locked it.

    Whether the answer is about this attempt: one that contradicts it says nothing of it.

    Not known yet, again and again, is kept once. A key forgotten while it could still open its page is impossible: it
    waits in a case. Forgotten later, nothing was begun that can still end.
    """
    pending = notice.outcome is Outcome.PENDING
    last = Evidence.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt, source=INQUIRY)
    last_said = last.order_by("-pk").first()
    if not (pending and last_said is not None and last_said.facts.get("outcome_code") == notice.outcome_code):
        evidence = _judge(
            attempt=attempt, notice=notice, digest=_digest_of_answer(notice), message=None, source=INQUIRY, now=now
        )
        if evidence.verdict == Evidence.Verdict.DIFFERS:
            return False
        last_said = evidence
    known = notice.outcome not in (Outcome.PENDING, Outcome.FORGOTTEN)
    age = now - attempt.created_at
    if notice.outcome is Outcome.FORGOTTEN:
        if is_forgotten_too_early(created_at=attempt.created_at, timing=timing, now=now) and last_said is not None:
            _open_attempt_case(CaseKind.IMPOSSIBLE_ANSWER, attempt, last_said, now)
    else:
        _resolve_about(attempt=attempt, kind=CaseKind.IMPOSSIBLE_ANSWER, now=now)
    if known or (notice.outcome is Outcome.PENDING and age < timing.gives_up):
        _resolve_about(attempt=attempt, kind=CaseKind.NO_ANSWER, now=now)
    if not known and age >= timing.outcome:
        conclude(attempt=attempt, now=now)
    return True


def conclude(*, attempt: Attempt, now: datetime) -> None:
    """Nothing more is expected of the gateway; the caller has locked the attempt.

    It can still become PAID; one that is paid, or said not to be, stays as it is.
    """
    if attempt.status in BEFORE_LEAVING:
        _advance(attempt=attempt, event=Event.NEVER_LEFT, evidence=None, occurred_at=now, now=now)
    elif attempt.status == State.HANDED_OFF:
        _advance(attempt=attempt, event=Event.FELL_SILENT, evidence=None, occurred_at=now, now=now)


def never_started(*, attempt: Attempt, now: datetime) -> None:
    """Nobody waits for its key any more, so nobody can have left; the caller has locked the attempt."""
    if attempt.status == State.REQUESTED:
        _advance(attempt=attempt, event=Event.NEVER_LEFT, evidence=None, occurred_at=now, now=now)


def hear_of_nudged_key(*, attempt: Attempt, key: Key, notice: Notice, timing: Timing, now: datetime) -> bool:
    """Hear the answer about a key that a nudge named, for an attempt without key; the caller has locked it.

    The key becomes this attempt's if the answer names our client, reference, amount and mode, and no other attempt has
    it. Whether it may be ours: what the answer says of another payment is not kept, only that this key is ruled out.
    """
    if notice.outcome is Outcome.PENDING:
        return True
    others = Attempt.objects.filter(collectivite=attempt.collectivite_id, account=attempt.account_id, key=key.value)
    is_forgotten = notice.outcome is Outcome.FORGOTTEN
    if is_forgotten or notice.contradicts or not notice.claims.name(_claims_of(attempt)) or others.exists():
        _keep(
            attempt=attempt,
            message=None,
            verdict=Evidence.Verdict.UNREADABLE,
            facts={"why": "unknown_key" if is_forgotten else "another_key", "key": key.value},
            digest=_digest_of_answer(notice),
            now=now,
            source=INQUIRY,
        )
        logger.warning("security: the key that a nudge named is not that of attempt %s", attempt.pk)
        return False
    attempt.key = key.value
    attempt.save(update_fields=["key"])
    if attempt.status == State.REQUESTED:
        _advance(attempt=attempt, event=Event.KEY_GIVEN, evidence=None, occurred_at=now, now=now)
    hear_answer(attempt=attempt, notice=notice, timing=timing, now=now)
    return True


def _digest_of_answer(notice: Notice) -> str:
    if notice.digest is None:
        raise TypeError("an answer to our question carries the digest of its bytes")
    return notice.digest


def _judge(
    *, attempt: Attempt, notice: Notice, digest: str, message: InboxMessage | None, source: str, now: datetime
) -> Evidence:
    expected = _claims_of(attempt)
    differences = (*notice.claims.differences_from(expected), *notice.contradicts)
    remarks = [*notice.remarks]
    if notice.claims.is_of_another_exercice(expected):
        remarks.append("exercice_differs")
    if notice.rank < Rank.ASKED and notice.occurred_at and not _is_possible(notice.occurred_at, attempt, now):
        remarks.append("time_impossible")
    if differences:
        verdict = Evidence.Verdict.DIFFERS
    elif _has_heard(attempt=attempt, notice=notice, digest=digest, source=source):
        verdict = Evidence.Verdict.REPEATED
    else:
        verdict = Evidence.Verdict.FITS
    facts = {**notice.facts}
    if differences:
        facts["differs"] = " ".join(differences)
    if remarks:
        facts["remarks"] = " ".join(remarks)
    evidence = _keep(
        attempt=attempt,
        message=message,
        verdict=verdict,
        facts=facts,
        digest=digest,
        now=now,
        rank=notice.rank,
        outcome=notice.outcome,
        occurred_at=notice.occurred_at,
        source=source,
    )
    if verdict == Evidence.Verdict.DIFFERS:
        _suspect(attempt=attempt, evidence=evidence, differences=differences, now=now)
    elif verdict == Evidence.Verdict.FITS:
        if notice.rank < Rank.ASKED:
            _announce(attempt=attempt, notice=notice, evidence=evidence, now=now)
        else:
            _prove(attempt=attempt, notice=notice, evidence=evidence, now=now)
    return evidence


def _has_heard(*, attempt: Attempt, notice: Notice, digest: str, source: str) -> bool:
    """Whether the very same was heard already; from a better witness it is news.

    Of our own questions only the last answer counts: refused, not known, and refused again is news.
    """
    heard = Evidence.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
    if source == INQUIRY:
        last = heard.filter(source=INQUIRY).order_by("-pk").first()
        told = (Evidence.Verdict.FITS, Evidence.Verdict.REPEATED)
        return last is not None and last.digest == digest and last.rank >= notice.rank and last.verdict in told
    return heard.filter(digest=digest, verdict=Evidence.Verdict.FITS, rank__gte=notice.rank).exists()


def presume_silent(collectivite_id: int, attempt_id: int, now: datetime) -> None:
    """The window has passed: an attempt of which nobody spoke of payment is presumed dead. It can still become PAID."""
    attempt = Attempt.objects.select_for_update(no_key=True).get(collectivite=collectivite_id, pk=attempt_id)
    if attempt.status == State.HANDED_OFF and attempt.announced != Outcome.PAID:
        _advance(attempt=attempt, event=Event.FELL_SILENT, evidence=None, occurred_at=now, now=now)


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


def _request(*, order: PaymentOrder, notification_token: str) -> PaymentRequest:
    return PaymentRequest(
        reference=tokens.new_token(),
        amount=order.amount,
        debt_reference=order.debt_reference,
        exercice=order.exercice,
        label=order.product.name,
        payer_email=order.email,
        environment=Environment(order.account.environment),
        notification_url=f"{settings.NOTIFICATION_URL}/s/n/{order.product.collectivite_id}/{notification_token}",
        return_url=_return_url(order),
    )


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


def _claims_of(attempt: Attempt) -> Claims:
    return Claims(
        account_identifier=attempt.account.identifier,
        debt_reference=attempt.debt_reference,
        exercice=attempt.exercice,
        amount=attempt.amount,
        environment=Environment(attempt.environment),
    )


def _keep(
    *,
    attempt: Attempt,
    message: InboxMessage | None,
    verdict: Evidence.Verdict,
    facts: dict[str, str],
    digest: str,
    now: datetime,
    rank: Rank = Rank.UNPROVEN,
    outcome: Outcome | None = None,
    occurred_at: datetime | None = None,
    source: str = "notification",
) -> Evidence:
    received_at = now if message is None else message.received_at
    day = paris.today(now)  # the day of the judgement: a seal is never asked to name what was judged after it
    evidence = Evidence.objects.create(
        collectivite_id=attempt.collectivite_id,
        account_id=attempt.account_id,
        attempt=attempt,
        message=message,
        source=source,
        rank=rank,
        verdict=verdict,
        outcome=outcome or "",
        facts=facts,
        digest=digest,
        occurred_at=occurred_at,
        received_at=received_at,
        judged_day=day,
    )
    _schedule_seal(collectivite_id=attempt.collectivite_id, day=day, now=now)
    return evidence


def _schedule_seal(*, collectivite_id: int, day: date, now: datetime) -> None:
    due_at = paris.at(day + timedelta(days=1), SEAL_HOUR)
    schedule(collectivite_id=collectivite_id, kind=SEAL_EVIDENCE, subject_id=day.toordinal(), due_at=due_at, now=now)


def _suspect(*, attempt: Attempt, evidence: Evidence, differences: tuple[str, ...], now: datetime) -> None:
    """One case an attempt; the same bytes again open no second one once a person has closed the first."""
    already = Evidence.objects.filter(
        collectivite=attempt.collectivite_id,
        attempt=attempt,
        digest=evidence.digest,
        verdict=Evidence.Verdict.DIFFERS,
        rank__gte=evidence.rank,
        pk__lt=evidence.pk,
    )
    if already.exists():
        return
    open_case(
        collectivite_id=attempt.collectivite_id,
        kind=CaseKind.OTHER_PAYMENT,
        subject_kind="attempt",
        subject_id=attempt.pk,
        rule="apply_notice",
        facts={"evidence": evidence.pk, "differs": list(differences), "rank": evidence.rank},
        now=now,
    )
    if evidence.rank < Rank.ASKED:
        logger.warning("security: notification differs from attempt %s: %s", attempt.pk, " ".join(differences))


def _announce(*, attempt: Attempt, notice: Notice, evidence: Evidence, now: datetime) -> None:
    """Note what is said without proof. « payé » is not unsaid by a later, equally unproven « refusé »."""
    occurred_at = notice.occurred_at if notice.occurred_at and _is_possible(notice.occurred_at, attempt, now) else now
    _advance(
        attempt=attempt,
        event=Event.ANNOUNCED,
        evidence=evidence,
        occurred_at=occurred_at,
        now=now,
        outcome=notice.outcome,
    )
    if attempt.announced != Outcome.PAID:
        attempt.announced, attempt.announced_at = notice.outcome, occurred_at
        attempt.save(update_fields=["announced", "announced_at"])


def _is_possible(told: datetime, attempt: Attempt, now: datetime) -> bool:
    """Whether an unproven message may be believed about its hour: else its sender would choose which file covers it."""
    left = attempt.handed_off_at or attempt.created_at
    return left - timedelta(hours=2) <= told <= now + timedelta(minutes=10)


def _prove(*, attempt: Attempt, notice: Notice, evidence: Evidence, now: datetime) -> None:
    occurred_at = notice.occurred_at or now
    if notice.outcome in (Outcome.PENDING, Outcome.FORGOTTEN):  # when it is said decides: `hear_answer`
        return
    if attempt.status == State.PAID:
        agrees = notice.outcome is Outcome.PAID
        event = Event.CONFIRMED if agrees else Event.CONTRADICTED
        _advance(attempt=attempt, event=event, evidence=evidence, occurred_at=occurred_at, now=now)
        if not agrees:
            _open_attempt_case(CaseKind.CONTRADICTION, attempt, evidence, now)
    elif notice.outcome is Outcome.PAID:
        _settle(attempt=attempt, evidence=evidence, occurred_at=occurred_at, now=now)
    elif attempt.status in ANSWERED:
        event = _NEGATIVE_EVENTS[notice.outcome]
        _advance(attempt=attempt, event=event, evidence=evidence, occurred_at=occurred_at, now=now)
        if event is Event.OUTCOME_UNKNOWN:
            _open_attempt_case(CaseKind.UNKNOWN_OUTCOME, attempt, evidence, now)


_NEGATIVE_EVENTS = {
    Outcome.REFUSED: Event.REFUSED,
    Outcome.ABANDONED: Event.ABANDONED,
    Outcome.UNKNOWN: Event.OUTCOME_UNKNOWN,
}


def _settle(*, attempt: Attempt, evidence: Evidence, occurred_at: datetime, now: datetime) -> None:
    is_late = attempt.titre_id is not None and attempt.status in (State.EXPIRED_PRESUMED, State.NEVER_STARTED)
    _advance(attempt=attempt, event=Event.SETTLED, evidence=evidence, occurred_at=occurred_at, now=now)
    if is_late:
        _open_attempt_case(CaseKind.LATE_PAYMENT, attempt, evidence, now)
    settlement = Settlement.objects.create(
        collectivite_id=attempt.collectivite_id,
        attempt=attempt,
        account_id=attempt.account_id,
        environment=attempt.environment,
        debt_reference=attempt.debt_reference,
        exercice=attempt.exercice,
        amount=attempt.amount,
        evidence=evidence,
        rank=evidence.rank,
        occurred_at=occurred_at,
        accounting_day=paris.today(occurred_at),
        recorded_at=now,
    )
    _allocate(attempt=attempt, settlement=settlement, occurred_at=occurred_at, now=now)
    record_settlement(  # late: it locks the head of the books
        collectivite_id=attempt.collectivite_id,
        account_id=attempt.account_id,
        environment=attempt.environment,
        attempt_id=attempt.pk,
        debt_reference=attempt.debt_reference,
        exercice=attempt.exercice,
        amount=attempt.amount,
        occurred_at=occurred_at,
        digests=[evidence.digest],
        now=now,
    )
    _report_double_payment(attempt=attempt, now=now)
    _resolve_about(attempt=attempt, kind=CaseKind.ABSENT_FROM_FILE, rule="settled", now=now)


def _allocate(*, attempt: Attempt, settlement: Settlement, occurred_at: datetime, now: datetime) -> None:
    """Extinguish the titre as far as something is due; what is too much waits in a case. Test money pays nothing."""
    if attempt.titre_id is None or attempt.environment == Environment.TEST:
        return
    titre = holds.lock(collectivite_id=attempt.collectivite_id, titre_id=attempt.titre_id)
    is_due = titre.status in (TitreState.OPEN, TitreState.SUSPENDED)
    left = max(balance_of(titre), Money.zero) if is_due else Money.zero
    allocated = min(settlement.amount, left)
    if allocated > Money.zero:
        Allocation.objects.create(
            collectivite_id=attempt.collectivite_id,
            settlement=settlement,
            titre=titre,
            amount=allocated,
            recorded_at=now,
        )
        if allocated == left:
            holds.mark_paid(titre=titre, at=occurred_at)
    excess = settlement.amount - allocated
    if excess > Money.zero:
        open_case(
            collectivite_id=attempt.collectivite_id,
            kind=CaseKind.EXCESS,
            subject_kind="attempt",
            subject_id=attempt.pk,
            rule="settled",
            facts={"excess_cents": excess.cents, "titre": titre.pk, "why": "paid" if is_due else titre.status},
            now=now,
        )


def _report_double_payment(*, attempt: Attempt, now: datetime) -> None:
    """PayFiP takes a régie's invoice twice: a person must see the second settlement.

    Asked once the head of the books is held: of two that settle at the same instant, the second sees the first.
    """
    if attempt.account.debt_kind != DebtKind.REGIE or attempt.titre_id is not None:  # an excédent says it already
        return
    others = Settlement.objects.filter(
        collectivite=attempt.collectivite_id,
        account=attempt.account_id,
        environment=attempt.environment,
        debt_reference=attempt.debt_reference,
    ).exclude(attempt=attempt)
    earlier = others.order_by("pk").values_list("attempt_id", flat=True).first()
    if earlier is not None:
        open_case(
            collectivite_id=attempt.collectivite_id,
            kind=CaseKind.DOUBLE_PAYMENT,
            subject_kind="attempt",
            subject_id=attempt.pk,
            rule="settled",
            facts={"other_attempt": earlier},
            now=now,
        )


def _open_attempt_case(kind: CaseKind, attempt: Attempt, evidence: Evidence, now: datetime) -> None:
    open_case(
        collectivite_id=attempt.collectivite_id,
        kind=kind,
        subject_kind="attempt",
        subject_id=attempt.pk,
        rule="apply_notice",
        facts={"evidence": evidence.pk, "outcome": evidence.outcome},
        now=now,
    )


def _resolve_about(*, attempt: Attempt, kind: CaseKind, now: datetime, rule: str = "hear_answer") -> None:
    resolve(
        collectivite_id=attempt.collectivite_id,
        kind=kind,
        subject_kind="attempt",
        subject_ids=[attempt.pk],
        rule=rule,
        now=now,
    )


def _advance(
    *,
    attempt: Attempt,
    event: Event,
    evidence: Evidence | None,
    occurred_at: datetime,
    now: datetime,
    outcome: Outcome | None = None,
) -> None:
    """Follow one edge of the table; the attempt is locked by the caller. Raises ForbiddenTransition."""
    before = State(attempt.status)
    after = next_state(before, event)
    number = AttemptEvent.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt).count() + 1
    _note(
        attempt=attempt,
        event=event,
        number=number,
        before=before,
        evidence=evidence,
        occurred_at=occurred_at,
        now=now,
        outcome=outcome,
    )
    if after != before:
        attempt.status = after
        attempt.save(update_fields=["status"])
    if attempt.titre_id is not None and before in LIVE and after not in LIVE:
        holds.let_go(collectivite_id=attempt.collectivite_id, titre_id=attempt.titre_id, attempt_id=attempt.pk)


def _note(
    *,
    attempt: Attempt,
    event: Event,
    number: int,
    before: State | None,
    occurred_at: datetime,
    now: datetime,
    evidence: Evidence | None = None,
    outcome: Outcome | None = None,
) -> None:
    AttemptEvent.objects.create(
        collectivite_id=attempt.collectivite_id,
        attempt=attempt,
        number=number,
        event=event,
        from_state=before or "",
        to_state=next_state(before, event),
        outcome=outcome or "",
        evidence=evidence,
        occurred_at=occurred_at,
        recorded_at=now,
    )
