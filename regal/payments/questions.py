"""What to ask a gateway about an attempt: by its key, or one that a nudge named, or by what a signed message named."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from django.db import connection

from regal.agenda.models import Watch
from regal.gateways.base import Claims, Environment, Gateway, Key, Outcome, Question, Rank, Transaction
from regal.lib.money import Money
from regal.payments.judging import IMPOSSIBLE_MOMENT, INQUIRY
from regal.payments.models import Attempt, Evidence
from regal.payments.queries import nudged_keys

T = TypeVar("T")


def question_about(*, attempt: Attempt, watch: Watch, gateway: Gateway) -> Question | None:
    """The next question; None while there is no key to ask about.

    Its number is drawn from a sequence, which no rollback gives back: it is committed with the caller's transaction.
    """
    if gateway.needs_key:
        key = attempt.key or _in_turn(
            nudged_keys(attempt=attempt), fresh=lambda since: nudged_keys(attempt=attempt, since=since), watch=watch
        )
        return Question(reference=attempt.reference, key=Key(value=key)) if key else None
    named = _payment_to_ask_about(attempt=attempt, watch=watch)
    if named is None:
        return Question(reference=attempt.reference, number=_new_number())
    return Question(
        reference=attempt.reference,
        transaction=transaction_in(named),
        claims=_claims_in(named),
        occurred_at=_believed_moment(named),
        number=_new_number(),
    )


def _payment_to_ask_about(*, attempt: Attempt, watch: Watch) -> Evidence | None:
    """What the next question names; None: ask what exists under our reference.

    Anybody has any two numbers signed, so that an answer about them settles only what binds them to our reference: the
    account's own address, or an answer that names them for it. Until then we ask for that answer.
    """
    announced = announced_payments(attempt=attempt)
    bound_at = {transaction_in(one): one.received_at for one in announced if is_by_account(one)}
    bound_at = answered_for_reference(attempt=attempt) | bound_at
    bound = [one for one in announced if transaction_in(one) in bound_at]
    asked_at = watch.asked_at
    if asked_at is not None:
        if fresh := [one for one in bound if max(one.received_at, bound_at[transaction_in(one)]) >= asked_at]:
            return fresh[0]
        if any(one.received_at >= asked_at for one in announced if one not in bound):
            return None
    in_turn: list[Evidence | None] = [*bound]
    if len(bound) < len(announced):
        in_turn.append(None)
    return in_turn[watch.asked % len(in_turn)] if in_turn else None


def announced_payments(*, attempt: Attempt) -> list[Evidence]:
    """The signed messages that fit and name the transaction of a payment, the last one first, each transaction once.

    Of those that name the same, the one at the account's own address. What another account was told of first is left
    out: nothing that we ask would tell to which of the two it belongs.
    """
    said = (
        Evidence.objects.filter(
            collectivite=attempt.collectivite_id,
            attempt=attempt,
            rank=Rank.SIGNED,
            verdict=Evidence.Verdict.FITS,
            outcome=Outcome.PAID,
            facts__has_keys=["transaction", "call"],
        )
        .exclude(facts__has_key="elsewhere")
        .select_related("message")
    )
    ranked = sorted(said, key=lambda one: (is_by_account(one), one.pk))
    return list({transaction_in(one): one for one in ranked}.values())[::-1]


def is_by_account(evidence: Evidence) -> bool:
    """Whether it came to the account's own address, which stands in the gateway's back office and no payer sees."""
    return evidence.message is not None and evidence.message.attempt_id is None


def answered_for_reference(*, attempt: Attempt) -> dict[Transaction, datetime]:
    """The transactions that answers about our reference named, and when each was named first."""
    answers = Evidence.objects.filter(
        collectivite=attempt.collectivite_id,
        attempt=attempt,
        source=INQUIRY,
        rank=Rank.ASKED,
        verdict=Evidence.Verdict.FITS,
        facts__exists="yes",
        facts__reference=attempt.reference,
        facts__has_keys=["transaction", "call"],
    )
    return {transaction_in(one): one.received_at for one in answers.order_by("-pk")}


def names_transaction(*, attempt: Attempt, transaction: str | None) -> bool:
    """Whether a signed message told of this transaction, whatever it said of it; of one without number, a payment's."""
    said = Evidence.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt, rank=Rank.SIGNED)
    said = said.exclude(verdict=Evidence.Verdict.DIFFERS).exclude(source=INQUIRY)
    return said.filter(**{"facts__transaction": transaction} if transaction else {"outcome": Outcome.PAID}).exists()


def transaction_in(evidence: Evidence) -> Transaction:
    """The two numbers that a message or an answer gave."""
    return Transaction(number=evidence.facts["transaction"], call=evidence.facts["call"])


def _believed_moment(evidence: Evidence) -> datetime:
    """When it says that it was paid, unless that is impossible: whoever has it signed writes what he likes."""
    is_possible = IMPOSSIBLE_MOMENT not in evidence.facts.get("remarks", "").split()
    return evidence.occurred_at if evidence.occurred_at is not None and is_possible else evidence.received_at


def _claims_in(evidence: Evidence) -> Claims:
    facts = evidence.facts
    environment = facts.get("environment")
    return Claims(
        account_identifier=None,
        debt_reference=facts.get("debt_reference"),
        exercice=None,
        amount=Money(int(facts["amount_cents"])) if "amount_cents" in facts else None,
        environment=Environment(environment) if environment else None,
    )


def _in_turn(found: Sequence[T], *, fresh: Callable[[datetime], Sequence[T]], watch: Watch) -> T | None:
    """The last one named since we last asked; else each in turn, so that none hides another. None: there is none."""
    if watch.asked_at is not None and (named_since := fresh(watch.asked_at)):
        return named_since[0]
    return found[watch.asked % len(found)] if found else None


def _new_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('payments_question_number')")
        return int(cursor.fetchone()[0])
