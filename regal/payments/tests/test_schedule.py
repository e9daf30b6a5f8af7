"""When the next question is due: soon enough to repair (I-26), late enough to conclude (I-15), and never for ever."""

from datetime import timedelta

import pytest

from regal.gateways.base import Outcome
from regal.gateways.payfip_ws.gateway import USUAL_TIMING
from regal.payments.schedule import Facts, next_question
from regal.payments.states import State
from tests.cast import MORNING

NEVER = None


def ask_next(age, *, state=State.HANDED_OFF, answer=Outcome.PENDING, draw=50):
    now = MORNING + age
    facts = Facts(state=state, created_at=MORNING, answer=answer)
    due_at = next_question(facts=facts, timing=USUAL_TIMING, now=now, draw=draw)
    return None if due_at is None else due_at - now


class TestALostNotification:
    @pytest.mark.parametrize("draw", [0, 50, 99])
    @pytest.mark.parametrize(
        ("within", "until"),
        [
            (timedelta(minutes=5), timedelta(minutes=30)),
            (timedelta(minutes=30), timedelta(hours=24)),
            (timedelta(hours=6), timedelta(days=7)),
        ],
    )
    def test_is_asked_about_within_its_delay_whatever_the_draw(self, draw, within, until):
        age = timedelta(seconds=30)
        while age < until:  # whatever happens between two questions is found by the second
            pause = ask_next(age, draw=draw)
            assert pause < within - timedelta(seconds=30)  # a question takes its time
            age += pause

    def test_of_many_attempts_that_began_together_is_asked_about_at_many_times(self):
        assert len({ask_next(timedelta(minutes=10), draw=draw) for draw in range(100)}) == 100


class TestQuestions:
    def test_are_few(self):
        age, asked = timedelta(seconds=30), 0
        while age < timedelta(hours=24):
            age, asked = age + ask_next(age), asked + 1
        assert asked < 85

    def test_end_with_a_payment(self):
        assert ask_next(timedelta(minutes=1), state=State.PAID, answer=Outcome.PAID) is NEVER

    @pytest.mark.parametrize("answer", [Outcome.REFUSED, Outcome.ABANDONED, Outcome.FORGOTTEN])
    def test_go_on_after_bad_news_until_the_window_has_closed(self, answer):
        assert ask_next(timedelta(minutes=119, seconds=59), answer=answer) is not NEVER
        assert ask_next(timedelta(minutes=120), answer=answer) is NEVER

    @pytest.mark.parametrize("answer", [Outcome.PENDING, Outcome.UNKNOWN, None])
    def test_go_on_for_seven_days_while_nothing_is_known(self, answer):
        assert ask_next(timedelta(days=6, hours=23), state=State.EXPIRED_PRESUMED, answer=answer) is not NEVER
        assert ask_next(timedelta(days=7), state=State.EXPIRED_PRESUMED, answer=answer) is NEVER

    def test_end_with_one_at_the_end_of_the_seventh_day(self):
        assert ask_next(timedelta(days=6, hours=23)) == timedelta(hours=1)


class TestAHold:
    def test_ends_with_a_question_before_somebody_else_begins(self):
        held_until = MORNING + timedelta(minutes=20)
        for minute in range(16, 20):
            now = MORNING + timedelta(minutes=minute)
            facts = Facts(state=State.HANDED_OFF, created_at=MORNING, answer=Outcome.PENDING, held_until=held_until)
            due_at = next_question(facts=facts, timing=USUAL_TIMING, now=now, draw=99)
            assert due_at is not None
            assert due_at <= held_until
