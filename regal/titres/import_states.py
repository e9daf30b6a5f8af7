"""The life of an import: read, proposed, then written whole or not at all. One table; each step also has its hour."""

from enum import StrEnum


class ImportState(StrEnum):
    RECEIVED = "received"  # kept, and waits for a worker
    READING = "reading"  # a worker reads it; a killed one begins again
    PROPOSED = "proposed"  # its report can be read; nothing is written in the base
    WRITING = "writing"  # somebody confirmed; a worker writes it, in one transaction
    CONFIRMED = "confirmed"
    DISCARDED = "discarded"  # by a person, or forgotten for too long
    REFUSED = "refused"  # the whole file cannot be read; `error` says why
    UNDOING = "undoing"  # somebody asked; a worker takes its titres out, in one transaction
    UNDONE = "undone"  # its titres were taken out again


class ImportEvent(StrEnum):
    BEGUN = "begun"
    READ = "read"
    UNREADABLE = "unreadable"
    ASKED = "asked"
    WRITTEN = "written"
    SENT_BACK = "sent_back"  # nothing was written: the base changed since the report, or our program failed
    DISCARDED = "discarded"
    UNDOING_ASKED = "undoing_asked"
    KEPT = "kept"  # nothing was taken out: money came meanwhile, or our program failed
    UNDONE = "undone"


class ForbiddenStep(Exception):
    """This cannot happen to an import in this state: the page that offered it is old, or we are wrong."""

    def __init__(self, state: ImportState, event: ImportEvent) -> None:
        super().__init__(f"{event} is impossible in {state}")
        self.state = state
        self.event = event


TRANSITIONS: dict[tuple[ImportState, ImportEvent], ImportState] = {
    (ImportState.RECEIVED, ImportEvent.BEGUN): ImportState.READING,
    (ImportState.READING, ImportEvent.BEGUN): ImportState.READING,
    (ImportState.READING, ImportEvent.READ): ImportState.PROPOSED,
    (ImportState.READING, ImportEvent.UNREADABLE): ImportState.REFUSED,
    (ImportState.PROPOSED, ImportEvent.ASKED): ImportState.WRITING,
    (ImportState.WRITING, ImportEvent.WRITTEN): ImportState.CONFIRMED,
    (ImportState.WRITING, ImportEvent.SENT_BACK): ImportState.PROPOSED,
    (ImportState.CONFIRMED, ImportEvent.UNDONE): ImportState.UNDONE,
    (ImportState.CONFIRMED, ImportEvent.UNDOING_ASKED): ImportState.UNDOING,
    (ImportState.UNDOING, ImportEvent.UNDONE): ImportState.UNDONE,
    (ImportState.UNDOING, ImportEvent.KEPT): ImportState.CONFIRMED,
    (ImportState.RECEIVED, ImportEvent.DISCARDED): ImportState.DISCARDED,
    (ImportState.READING, ImportEvent.DISCARDED): ImportState.DISCARDED,
    (ImportState.PROPOSED, ImportEvent.DISCARDED): ImportState.DISCARDED,
    (ImportState.WRITING, ImportEvent.DISCARDED): ImportState.DISCARDED,
    (ImportState.REFUSED, ImportEvent.DISCARDED): ImportState.DISCARDED,
}


def next_state(state: ImportState, event: ImportEvent) -> ImportState:
    """The state after this event. Raises ForbiddenStep for every pair that is not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ForbiddenStep(state, event) from None


class Verdict(StrEnum):
    """What a line of a file would do to the base."""

    NEW = "new"  # a titre that we have not
    CHANGED = "changed"  # one that we have, of another amount: an adjustment
    UNCHANGED = "unchanged"  # one that we have, as it is
    REDUCES = "reduces"  # less is due of one that we have
    CONFLICT = "conflict"  # it contradicts one that is paid, being paid, or decided otherwise: nothing is done
    ERROR = "error"  # it cannot become a debt as it stands
    LEFT_OUT = "left_out"  # a total, or something that no payer pays


WRITES = (Verdict.NEW, Verdict.CHANGED, Verdict.REDUCES)
