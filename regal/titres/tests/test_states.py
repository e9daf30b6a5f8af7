"""The table of a titre's states, and its drawing in `docs/titres.md`."""

import re
from pathlib import Path

import pytest

from regal.titres.states import TRANSITIONS, Event, ForbiddenTransition, State, next_state

DRAWING = Path(__file__).parents[3] / "docs" / "titres.md"


class TestStates:
    def test_are_drawn_as_they_are(self):
        drawn = DRAWING.read_text(encoding="utf-8").split("<!-- states -->")[1].split("<!-- /states -->")[0]
        edges = re.findall(r"^(\w+)\s+— (\w+)\s+→ (\w+)$", drawn, re.M)
        assert sorted(edges) == sorted(
            (source or "rien", event.value, target.value) for (source, event), target in TRANSITIONS.items()
        )

    def test_forbid_every_other_pair(self):
        for source in (None, *State):
            for event in Event:
                if (source, event) not in TRANSITIONS:
                    with pytest.raises(ForbiddenTransition):
                        next_state(source, event)

    def test_are_all_reached(self):
        assert set(TRANSITIONS.values()) == set(State)
