"""What people decide about a titre: one table. Whether it is paid or held follows from payments: no state here."""

from enum import StrEnum


class State(StrEnum):
    DRAFT = "draft"  # typed, not yet payable
    OPEN = "open"  # payable, unless it is paid or held
    SUSPENDED = "suspended"  # disputed: not payable for now
    CANCELLED = "cancelled"  # nothing is due any more
    TRANSFERRED = "transferred"  # handed over to the comptable, who alone collects it
    WRITTEN_OFF = "written_off"  # nobody will collect it
    WITHDRAWN = "withdrawn"  # its import was undone: nobody was ever asked for it, and its number is free again
    CLOSED = "closed"  # the comptable, who collects it, says that nothing is left to pay
    REJECTED = "rejected"  # the comptable would not take it in charge


class Event(StrEnum):
    RECORDED = "recorded"  # the row itself
    IMPORTED = "imported"  # the row itself, of a file: payable at once
    EDITED = "edited"  # a draft was mended: what was there before is in the event
    ISSUED = "issued"
    CORRECTED = "corrected"  # once published: its label, its debtor's name or its due day; never what it is
    ADJUSTED = "adjusted"  # its amount due changed; never its state
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    CANCELLED = "cancelled"
    TRANSFERRED = "transferred"
    WRITTEN_OFF = "written_off"
    WITHDRAWN = "withdrawn"  # with the whole import that brought it
    # Said by the comptable of a debt that he collects, beside SUSPENDED, RESUMED, CANCELLED and WRITTEN_OFF:
    TAKEN_CHARGE = "taken_charge"
    COLLECTED = "collected"  # in part
    CLOSED = "closed"
    REJECTED = "rejected"
    REOPENED = "reopened"  # he says otherwise than before
    RESTORED = "restored"  # a decision that ended it is taken back
    REDRAFTED = "redrafted"  # the same, of one that was cancelled before it was published
    NAME_ERASED = "name_erased"  # its debtor's, once the time for keeping it was over


class ForbiddenTransition(Exception):
    """This event cannot happen in this state: the page that offered it is old, or we are wrong."""

    def __init__(self, state: State | None, event: Event) -> None:
        super().__init__(f"{event} is impossible in {state or 'no state'}")
        self.state = state
        self.event = event


TRANSITIONS: dict[tuple[State | None, Event], State] = {
    (None, Event.RECORDED): State.DRAFT,
    (None, Event.IMPORTED): State.OPEN,
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
    (State.DRAFT, Event.WITHDRAWN): State.WITHDRAWN,
    (State.OPEN, Event.WITHDRAWN): State.WITHDRAWN,
    (State.SUSPENDED, Event.WITHDRAWN): State.WITHDRAWN,
    (State.CANCELLED, Event.WITHDRAWN): State.WITHDRAWN,
    (State.OPEN, Event.TAKEN_CHARGE): State.OPEN,
    (State.OPEN, Event.COLLECTED): State.OPEN,
    (State.OPEN, Event.CLOSED): State.CLOSED,
    (State.SUSPENDED, Event.CLOSED): State.CLOSED,
    (State.OPEN, Event.REJECTED): State.REJECTED,
    (State.SUSPENDED, Event.REJECTED): State.REJECTED,
    (State.CLOSED, Event.REOPENED): State.OPEN,
    (State.REJECTED, Event.REOPENED): State.OPEN,
    (State.CANCELLED, Event.REOPENED): State.OPEN,
    (State.WRITTEN_OFF, Event.REOPENED): State.OPEN,
    (State.CANCELLED, Event.RESTORED): State.OPEN,
    (State.TRANSFERRED, Event.RESTORED): State.OPEN,
    (State.WRITTEN_OFF, Event.RESTORED): State.OPEN,
    (State.CANCELLED, Event.REDRAFTED): State.DRAFT,
    (State.OPEN, Event.NAME_ERASED): State.OPEN,  # paid long ago
    (State.SUSPENDED, Event.NAME_ERASED): State.SUSPENDED,  # the same
    (State.CANCELLED, Event.NAME_ERASED): State.CANCELLED,
    (State.TRANSFERRED, Event.NAME_ERASED): State.TRANSFERRED,
    (State.WRITTEN_OFF, Event.NAME_ERASED): State.WRITTEN_OFF,
    (State.CLOSED, Event.NAME_ERASED): State.CLOSED,
    (State.REJECTED, Event.NAME_ERASED): State.REJECTED,
}

ENDED = (State.CANCELLED, State.TRANSFERRED, State.WRITTEN_OFF, State.CLOSED, State.REJECTED)  # nothing is paid here


def next_state(state: State | None, event: Event) -> State:
    """The state after this event. Raises ForbiddenTransition for every pair that is not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ForbiddenTransition(state, event) from None
