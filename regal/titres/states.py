"""What people decide about a titre: one table. Whether it is paid or held follows from payments: no state here."""

from enum import StrEnum


class State(StrEnum):
    DRAFT = "draft"  # typed, not yet payable
    OPEN = "open"  # payable, unless it is paid or held
    SUSPENDED = "suspended"  # disputed: not payable for now
    CANCELLED = "cancelled"  # nothing is due any more
    TRANSFERRED = "transferred"  # handed over to the comptable, who alone collects it
    WRITTEN_OFF = "written_off"  # nobody will collect it


class Event(StrEnum):
    RECORDED = "recorded"  # the row itself
    EDITED = "edited"  # a draft was mended: what was there before is in the event
    ISSUED = "issued"
    CORRECTED = "corrected"  # once published: its label, its debtor's name or its due day; never what it is
    ADJUSTED = "adjusted"  # its amount due changed; never its state
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    CANCELLED = "cancelled"
    TRANSFERRED = "transferred"
    WRITTEN_OFF = "written_off"
    RESTORED = "restored"  # a decision that ended it is taken back
    REDRAFTED = "redrafted"  # the same, of one that was cancelled before it was published


class ForbiddenTransition(Exception):
    """This event cannot happen in this state: the page that offered it is old, or we are wrong."""

    def __init__(self, state: State | None, event: Event) -> None:
        super().__init__(f"{event} is impossible in {state or 'no state'}")
        self.state = state
        self.event = event


TRANSITIONS: dict[tuple[State | None, Event], State] = {
    (None, Event.RECORDED): State.DRAFT,
    (State.DRAFT, Event.EDITED): State.DRAFT,
    (State.DRAFT, Event.ISSUED): State.OPEN,
    (State.DRAFT, Event.CANCELLED): State.CANCELLED,
    (State.DRAFT, Event.ADJUSTED): State.DRAFT,
    (State.OPEN, Event.ADJUSTED): State.OPEN,
    (State.SUSPENDED, Event.ADJUSTED): State.SUSPENDED,
    (State.OPEN, Event.CORRECTED): State.OPEN,
    (State.SUSPENDED, Event.CORRECTED): State.SUSPENDED,
    (State.OPEN, Event.SUSPENDED): State.SUSPENDED,
    (State.SUSPENDED, Event.RESUMED): State.OPEN,
    (State.OPEN, Event.CANCELLED): State.CANCELLED,
    (State.SUSPENDED, Event.CANCELLED): State.CANCELLED,
    (State.OPEN, Event.TRANSFERRED): State.TRANSFERRED,
    (State.SUSPENDED, Event.TRANSFERRED): State.TRANSFERRED,
    (State.OPEN, Event.WRITTEN_OFF): State.WRITTEN_OFF,
    (State.SUSPENDED, Event.WRITTEN_OFF): State.WRITTEN_OFF,
    (State.CANCELLED, Event.RESTORED): State.OPEN,
    (State.TRANSFERRED, Event.RESTORED): State.OPEN,
    (State.WRITTEN_OFF, Event.RESTORED): State.OPEN,
    (State.CANCELLED, Event.REDRAFTED): State.DRAFT,
}


def next_state(state: State | None, event: Event) -> State:
    """The state after this event. Raises ForbiddenTransition for every pair that is not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ForbiddenTransition(state, event) from None
