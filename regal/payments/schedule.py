"""When to ask a gateway about an attempt again. Pure: no database, no clock, no chance of its own.

A lost notification is found out within 5 minutes of the attempt's first half hour, 30 minutes of its first day, 6 hours
of its first week (I-26). The jitter keeps a thousand attempts that began together from asking together.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from regal.gateways.base import Outcome, Timing
from regal.payments.states import State

FIRST_QUESTION = timedelta(seconds=30)  # after the payer left

# Of the attempt's age, the first line that it is younger than says how long the next pause lasts.
PAUSES = (
    (timedelta(minutes=5), timedelta(seconds=50), timedelta(seconds=70)),
    (timedelta(minutes=30), timedelta(minutes=2), timedelta(minutes=4)),
    (timedelta(hours=24), timedelta(minutes=20), timedelta(minutes=25)),
)
LONGEST_PAUSES = (timedelta(hours=4), timedelta(hours=5))
DRAWS = 100  # a draw is a whole number from 0 to 99

NEGATIVES = frozenset({Outcome.REFUSED, Outcome.ABANDONED})


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the next question depends on."""

    state: State
    is_provisional: bool = False  # paid, says a signature alone
    created_at: datetime  # also the key's age, give or take a question's time
    answer: Outcome | None  # what was just answered; None: nothing usable
    held_until: datetime | None = None  # then somebody else may begin to pay the same debt


def next_question(*, facts: Facts, timing: Timing, now: datetime, draw: int) -> datetime | None:
    """When to ask again; None: nothing that the gateway could still say is awaited."""
    if facts.state is State.PAID and (not facts.is_provisional or facts.answer in NEGATIVES | {Outcome.UNKNOWN}):
        return None  # what a signature settled and an answer denies waits for a person
    if is_over(facts=facts, timing=timing, now=now):
        return None
    shortest, longest = _pauses(now - facts.created_at)
    due_at = before_another(facts=facts, due_at=now + shortest + (longest - shortest) * draw // DRAWS, now=now)
    gives_up_at = facts.created_at + timing.gives_up
    return min(due_at, gives_up_at) if now < gives_up_at else None


def before_another(*, facts: Facts, due_at: datetime, now: datetime) -> datetime:
    """No later than the end of the hold, so that the gateway is asked before somebody else begins."""
    return min(due_at, facts.held_until) if facts.held_until is not None and now < facts.held_until else due_at


def is_over(*, facts: Facts, timing: Timing, now: datetime) -> bool:
    """Whether this answer ends the attempt: the key can open nothing any more, and PayFiP was asked after that.

    Earlier, a refusal may still become a payment on the same page (I-15), and a key forgotten is no news to believe.
    """
    if now - facts.created_at < timing.outcome:
        return False
    return facts.answer in NEGATIVES or facts.answer is Outcome.FORGOTTEN


def gives_up(*, created_at: datetime, timing: Timing, now: datetime) -> bool:
    """Whether nobody asks any more."""
    return now >= created_at + timing.gives_up


def is_forgotten_too_early(*, created_at: datetime, timing: Timing, now: datetime) -> bool:
    """Whether "I know no such key" is impossible: the key could still open its page."""
    return now - created_at < timing.opening


def _pauses(age: timedelta) -> tuple[timedelta, timedelta]:
    for below, shortest, longest in PAUSES:
        if age < below:
            return shortest, longest
    return LONGEST_PAUSES
