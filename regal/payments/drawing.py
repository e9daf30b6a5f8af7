"""`docs/payment-states.md`, drawn from `states.py`. To draw it again: `python -m regal.payments.drawing --write`."""

import sys
from collections import defaultdict
from pathlib import Path

from regal.payments.states import FORM_MODE, TRANSITIONS, Event, State

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "payment-states.md"

_STATES = {
    State.CREATED: "the row is committed",
    State.REQUESTED: "a key was asked for, the answer is not known (web service)",
    State.OPEN: "the key is held",
    State.HANDED_OFF: "the address was given to the browser",
    State.PAID: "a settlement exists, which may be provisional: the one state that absorbs",
    State.REFUSED: "said by evidence of rank 1 or more",
    State.ABANDONED: "said by evidence of rank 1 or more",
    State.UNKNOWN: "an outcome that is not in our table; a case is open",
    State.EXPIRED_PRESUMED: "the gateway's window passed in silence",
    State.NEVER_STARTED: "the payer never left us",
}
_EVENTS = {
    Event.RECORDED: "the attempt is written",
    Event.KEY_ASKED: "we ask the gateway for a key",
    Event.KEY_GIVEN: "it gives one",
    Event.KEY_DENIED: "it refuses",
    Event.PAYER_LEFT: "the browser is given the address",
    Event.ANNOUNCED: "somebody says an outcome and proves too little (rank 0, or 1 where we ask): nothing moves",
    Event.SETTLED: "proof that it is paid; of rank 1 provisional, until it is confirmed",
    Event.REFUSED: "proof that it was refused",
    Event.ABANDONED: "proof that the payer gave up",
    Event.OUTCOME_UNKNOWN: "proof of something we cannot name",
    Event.FELL_SILENT: "nothing was heard in time",
    Event.NEVER_LEFT: "the payer did not go on",
    Event.CONFIRMED: "the same news again, from better evidence",
    Event.CONTRADICTED: "contrary news after PAID: a case, and no other effect",
}


def draw() -> str:
    """The whole document."""
    return "\n".join(
        [
            "# The life of an attempt",
            "",
            "Drawn from `regal/payments/states.py`; to draw it again: `python -m regal.payments.drawing --write`.",
            "A pair of state and event that is not here raises `ForbiddenTransition`. Only `paid` absorbs: every other"
            " state can",
            "still become `paid`, because every negative answer can be overtaken by a later one.",
            "",
            *_diagram(),
            "",
            "Left out of the drawing because they change no state: `announced` (in every state), `confirmed` and"
            " `contradicted`",
            "(in `paid`), and the same refusal proved again.",
            "",
            "## States",
            "",
            "| state | meaning | in form mode |",
            "|---|---|---|",
            *(f"| `{state}` | {_STATES[state]} | {'yes' if state in FORM_MODE else ''} |" for state in State),
            "",
            "TIPI's form mode (`payfip_url`) knows only the states marked: it has no key, no inquiry and no refusal"
            " that proves",
            "anything. What its notifications say is an announcement; the accounting file settles.",
            "",
            "## Events",
            "",
            "| event | meaning | from → to |",
            "|---|---|---|",
            *(f"| `{event}` | {_EVENTS[event]} | {_edges(event)} |" for event in Event),
            "",
        ]
    )


def _diagram() -> list[str]:
    labels: dict[tuple[State | None, State], list[str]] = defaultdict(list)
    for (source, event), target in TRANSITIONS.items():
        if source is not target:
            labels[source, target].append(event.value)
    arrows = [f"    {source or '[*]'} --> {target}: {', '.join(events)}" for (source, target), events in labels.items()]
    return ["```mermaid", "stateDiagram-v2", *arrows, f"    {State.PAID} --> [*]", "```"]


def _edges(event: Event) -> str:
    targets: dict[State, list[State | None]] = defaultdict(list)
    for (source, happened), target in TRANSITIONS.items():
        if happened is event:
            targets[target].append(source)
    if all(sources == [target] for target, sources in targets.items()):
        return "none: in " + ("every state" if len(targets) == len(State) else ", ".join(f"`{s}`" for s in targets))
    return "; ".join(
        f"{', '.join(f'`{source}`' if source else 'nothing' for source in sources)} → `{target}`"
        for target, sources in targets.items()
    )


if __name__ == "__main__":
    if "--write" in sys.argv:
        DOCUMENT.write_text(draw(), encoding="utf-8")
    else:
        sys.stdout.write(draw())
