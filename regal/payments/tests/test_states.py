"""The table of an attempt's life, pair by pair, and its drawing."""

import itertools

import pytest

from regal.payments import drawing
from regal.payments.states import (
    ANSWERED,
    BEFORE_LEAVING,
    FORM_MODE,
    LIVE,
    TRANSITIONS,
    UNPAID,
    Event,
    ForbiddenTransition,
    State,
    next_state,
)

LEFT = ["handed_off", "refused", "abandoned", "unknown", "expired_presumed"]

# Written again by hand, so that the table cannot change unseen.
ALLOWED = {
    ("", "recorded"): "created",
    ("created", "key_asked"): "requested",
    ("requested", "key_given"): "open",
    ("requested", "key_denied"): "never_started",
    ("created", "payer_left"): "handed_off",
    ("open", "payer_left"): "handed_off",
    ("created", "never_left"): "never_started",
    ("requested", "never_left"): "never_started",
    ("open", "never_left"): "never_started",
    ("handed_off", "fell_silent"): "expired_presumed",
    **{(state, "settled"): "paid" for state in [*LEFT, "created", "requested", "open", "never_started"]},
    **{
        (state, event): target
        for state in LEFT
        for event, target in [("refused", "refused"), ("abandoned", "abandoned"), ("outcome_unknown", "unknown")]
    },
    **{(state.value, "announced"): state.value for state in State},
    ("paid", "confirmed"): "paid",
    ("paid", "contradicted"): "paid",
}
PAIRS = list(itertools.product([None, *State], Event))


class TestTransitions:
    def test_are_these_and_no_others(self):
        assert {(source or "", event.value): to.value for (source, event), to in TRANSITIONS.items()} == ALLOWED

    @pytest.mark.parametrize(("state", "event"), [pair for pair in PAIRS if pair not in TRANSITIONS])
    def test_refuse_every_other_pair(self, state, event):
        with pytest.raises(ForbiddenTransition) as forbidden:
            next_state(state, event)
        assert (forbidden.value.state, forbidden.value.event) == (state, event)

    @pytest.mark.parametrize(("state", "event"), TRANSITIONS)
    def test_lead_where_the_table_says(self, state, event):
        assert next_state(state, event) == ALLOWED[(state or "", event.value)]

    def test_never_leave_paid(self):
        assert {to for (source, _), to in TRANSITIONS.items() if source is State.PAID} == {State.PAID}

    @pytest.mark.parametrize("state", UNPAID)
    def test_can_always_still_reach_paid(self, state):
        assert next_state(state, Event.SETTLED) is State.PAID

    @pytest.mark.parametrize("state", State)
    def test_never_move_by_an_announcement(self, state):
        assert next_state(state, Event.ANNOUNCED) is state

    def test_reach_every_state_and_use_every_event(self):
        assert set(TRANSITIONS.values()) == set(State)
        assert {event for _, event in TRANSITIONS} == set(Event)

    def test_keep_form_mode_among_its_four_states_but_for_proved_refusals(self):
        proofs = {Event.REFUSED, Event.ABANDONED, Event.OUTCOME_UNKNOWN, Event.KEY_ASKED, Event.NEVER_LEFT}
        reached = {to for (source, event), to in TRANSITIONS.items() if source in FORM_MODE and event not in proofs}
        assert reached == set(FORM_MODE)

    def test_name_the_groups_of_states(self):
        assert set(LIVE) == {*BEFORE_LEAVING, State.HANDED_OFF}
        assert not set(ANSWERED) & {*BEFORE_LEAVING, State.PAID, State.NEVER_STARTED}


class TestDrawing:
    def test_is_up_to_date(self):
        """If this fails: python -m regal.payments.drawing --write."""
        assert drawing.DOCUMENT.read_text(encoding="utf-8") == drawing.draw()

    def test_shows_every_state_and_event(self):
        drawn = drawing.draw()
        assert all(f"| `{name}` |" in drawn for name in [*State, *Event])

    def test_shows_every_edge_that_moves(self):
        drawn = drawing.draw()
        for (source, event), target in TRANSITIONS.items():
            if source is not target:
                (arrow,) = (
                    line for line in drawn.splitlines() if line.startswith(f"    {source or '[*]'} --> {target}: ")
                )
                assert event.value in arrow.partition(": ")[2].split(", ")
