"""The life of an attempt: one table. `docs/payment-states.md` is drawn from it, and a test compares.

Only PAID absorbs; every other state can still become PAID. An announcement is an event and never a change of
state. Late or contrary news has its own event, never a quiet edit.
"""

from enum import StrEnum


class State(StrEnum):
    CREATED = "created"  # row committed
    REQUESTED = "requested"  # key asked, answer not known (web service)
    OPEN = "open"  # key held
    HANDED_OFF = "handed_off"  # address given to the browser
    PAID = "paid"  # a settlement exists
    REFUSED = "refused"  # said by evidence of rank 1 or more
    ABANDONED = "abandoned"  # the same
    UNKNOWN = "unknown"  # outcome code not in our table, case open
    EXPIRED_PRESUMED = "expired_presumed"  # the gateway's window and its file passed in silence
    NEVER_STARTED = "never_started"  # never left us


class Event(StrEnum):
    RECORDED = "recorded"  # the row itself
    KEY_ASKED = "key_asked"
    KEY_GIVEN = "key_given"
    KEY_DENIED = "key_denied"
    PAYER_LEFT = "payer_left"
    ANNOUNCED = "announced"  # fits the attempt, and proves too little to change it
    SETTLED = "settled"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    OUTCOME_UNKNOWN = "outcome_unknown"
    FELL_SILENT = "fell_silent"
    NEVER_LEFT = "never_left"
    CONFIRMED = "confirmed"  # the same news again, from better evidence
    CONTRADICTED = "contradicted"  # after PAID: makes a case


class ForbiddenTransition(Exception):
    """This event cannot happen in this state: we are wrong, nobody catches it."""

    def __init__(self, state: State | None, event: Event) -> None:
        super().__init__(f"{event} is impossible in {state or 'no state'}")
        self.state = state
        self.event = event


BEFORE_LEAVING = (State.CREATED, State.REQUESTED, State.OPEN)
LIVE = (*BEFORE_LEAVING, State.HANDED_OFF)
UNPAID = tuple(state for state in State if state is not State.PAID)
ANSWERED = (State.HANDED_OFF, State.REFUSED, State.ABANDONED, State.UNKNOWN, State.EXPIRED_PRESUMED)

TRANSITIONS: dict[tuple[State | None, Event], State] = {
    (None, Event.RECORDED): State.CREATED,
    (State.CREATED, Event.KEY_ASKED): State.REQUESTED,
    (State.REQUESTED, Event.KEY_GIVEN): State.OPEN,
    (State.REQUESTED, Event.KEY_DENIED): State.NEVER_STARTED,
    (State.CREATED, Event.PAYER_LEFT): State.HANDED_OFF,
    (State.OPEN, Event.PAYER_LEFT): State.HANDED_OFF,
    (State.CREATED, Event.NEVER_LEFT): State.NEVER_STARTED,
    (State.REQUESTED, Event.NEVER_LEFT): State.NEVER_STARTED,
    (State.OPEN, Event.NEVER_LEFT): State.NEVER_STARTED,
    (State.HANDED_OFF, Event.FELL_SILENT): State.EXPIRED_PRESUMED,
    **{(state, Event.SETTLED): State.PAID for state in UNPAID},
    **{(state, Event.REFUSED): State.REFUSED for state in ANSWERED},
    **{(state, Event.ABANDONED): State.ABANDONED for state in ANSWERED},
    **{(state, Event.OUTCOME_UNKNOWN): State.UNKNOWN for state in ANSWERED},
    **{(state, Event.ANNOUNCED): state for state in State},
    (State.PAID, Event.CONFIRMED): State.PAID,
    (State.PAID, Event.CONTRADICTED): State.PAID,
}

# TIPI's form mode knows no key, no inquiry and no refusal that proves anything.
FORM_MODE = (State.CREATED, State.HANDED_OFF, State.PAID, State.EXPIRED_PRESUMED)


def next_state(state: State | None, event: Event) -> State:
    """The state after this event. Raises ForbiddenTransition for every pair that is not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ForbiddenTransition(state, event) from None
