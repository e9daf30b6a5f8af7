"""The steps that bring a titre where the comptable says that it stands, each along the declared table."""

import itertools

import pytest

from regal.gateways.files import Said
from regal.titres.comptable import HEARD, STANDS, steps_to
from regal.titres.states import Event, State, next_state


class TestSteps:
    @pytest.mark.parametrize(("status", "said"), list(itertools.product(sorted(HEARD), Said)))
    def test_lead_from_any_state_to_the_one_that_is_said(self, status, said):
        state = State(status)
        for is_first, is_new in itertools.product((True, False), repeat=2):
            reached = state
            for event in steps_to(state, said, is_first=is_first, is_new_amount=is_new):
                reached = next_state(reached, event)
            assert reached == STANDS[said]

    @pytest.mark.parametrize("said", Said)
    def test_are_none_once_it_stands_there_and_nothing_is_new(self, said):
        assert steps_to(STANDS[said], said, is_first=False, is_new_amount=False) == ()

    def test_note_a_first_taking_in_charge_and_each_new_part(self):
        assert steps_to(State.OPEN, Said.TAKEN, is_first=True, is_new_amount=False) == (Event.TAKEN_CHARGE,)
        assert steps_to(State.OPEN, Said.TAKEN, is_first=True, is_new_amount=True) == (Event.COLLECTED,)

    def test_reopen_what_was_over_before_they_say_otherwise(self):
        assert steps_to(State.WRITTEN_OFF, Said.SETTLED, is_first=False, is_new_amount=True) == (
            Event.REOPENED,
            Event.CLOSED,
        )
