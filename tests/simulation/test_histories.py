"""Simulated histories: real code and PostgreSQL; the clock, the wire, payers and gateways are simulated, from one seed.

One seed in three plays at PayFiP's web service, one at Paybox with Direct, one at Paybox without. Each history has at
least three faults. After a calm week REGAL says of every payment what the gateway itself knows, no titre gains or loses
a cent, and `regal verify` finds nothing. A failing history prints the command that plays it again.
`REGAL_HISTORIES` says how many are played (`make simulate N=…`), `REGAL_SEED` which one alone. Without either, 3,000
are, or as many as begin within four minutes, and 500 at least; the end of the run tells how many (`tally.py`).
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from regal.agenda import operations as agenda
from regal.agenda.models import Effect
from regal.gateways.base import Claims, Outcome, Timing
from regal.lib.tenancy import tenant
from regal.payments import checker, judging, operations, schedule, settling
from regal.payments.schedule import Facts
from regal.proof.operations import verify
from regal.receipts import operations as receipts
from regal.receipts.models import Ticket
from tests.database import close_connections
from tests.database_fixtures import Emptier
from tests.simulation import tally
from tests.simulation.history import History
from tests.simulation.paybox import PayboxDirectHistory, PayboxHistory, speaking_to_the_sandbox
from tests.simulation.payfip import PayfipHistory
from tests.simulation.world import MailServer, World

BATCH = 25
ASKED = os.environ.get("REGAL_HISTORIES")
HISTORIES = int(ASKED or 3_000)
SEED = os.environ.get("REGAL_SEED")
FIRST = int(os.environ.get("REGAL_FIRST_SEED") or 0)
IS_TIMED = not ASKED and not SEED
FIRST_SEEDS = [int(SEED)] if SEED else range(FIRST, FIRST + HISTORIES, BATCH)
TRACED = 20
FEW = 60
AT_A_TIME = 12  # then the base is proved: most mistakes show at once
GATEWAYS: tuple[type[PayfipHistory] | type[PayboxHistory], ...] = (PayfipHistory, PayboxDirectHistory, PayboxHistory)
LOSSES = [0.0, 0.25, 0.5, 1.0]


def history_of(seed: int, *, loss: float | None = None) -> History:
    """The history of a seed, at the gateway that it draws."""
    return GATEWAYS[seed % len(GATEWAYS)](seed=seed, loss=loss)


def play(seeds: Sequence[int], *, loss: float | None = None) -> list[World]:
    """Tell these histories, then prove the whole base; whatever fails says how to see it again."""
    worlds = []
    for seed in seeds:
        history = history_of(seed, loss=loss)
        worlds.append(history.world)
        try:
            history.tell()
        except Exception as failure:
            raise AssertionError(f"{failure}\n{_again(seed)}") from failure
        finally:
            if SEED:
                sys.stdout.write("\n".join([*history.world.trace, ""]))
    broken = verify(now=max(world.clock() for world in worlds)).broken
    seed_of = {world.town.collectivite.pk: seed for world, seed in zip(worlds, seeds, strict=True)}
    if broken:
        again = "\n".join(f"{row}: {_again(seed_of.get(row.collectivite_id or 0, seeds[0]))}" for row in broken[:20])
        raise AssertionError(again)
    return worlds


def _again(seed: int) -> str:
    return f"seed {seed}; again: make simulate SEED={seed}"


@pytest.fixture(autouse=True)
def base(committed_db: None) -> Iterator[None]:
    with speaking_to_the_sandbox():
        yield
    close_connections()  # they keep statements as no other test does


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that every process of this run shares."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


@pytest.mark.parametrize(
    "first",
    [first if first == FIRST or SEED else pytest.param(first, marks=pytest.mark.slow) for first in FIRST_SEEDS],
)
def test_every_history_ends_in_the_truth(
    first: int, turns: Path, record_property: Callable[[str, object], None]
) -> None:
    """Where time may end it, whoever is next plays the next seeds: what was played is the first ones."""
    if IS_TIMED:
        turn = tally.next_turn(turns, least=tally.LEAST // BATCH)
        if turn is None:
            pytest.skip("four minutes are over; how many histories were played stands at the end")
        first = FIRST + BATCH * turn
    seeds = range(first, first + 1) if SEED else range(first, min(first + BATCH, FIRST + HISTORIES))
    began = time.process_time()
    with tally.Stopwatch():
        worlds = play(seeds)
    record_property(tally.PROPERTY, tally.sums(worlds, cpu_seconds=time.process_time() - began))


@pytest.mark.parametrize("loss", LOSSES)
def test_however_many_notifications_are_lost(loss: float) -> None:
    """Of the same twenty histories: what is paid, and that it is known, depends on no notification."""
    play(range(5_000, 5_020), loss=loss)


def test_one_seed_gives_one_trace(emptier: Emptier) -> None:
    first = [history_of(seed).tell().trace for seed in range(TRACED)]
    emptier.empty()
    assert [history_of(seed).tell().trace for seed in range(TRACED)] == first


class TestMistakesAreFound:
    """What would be wrong with REGAL if somebody wrote this; a few histories suffice to say so."""

    def test_a_refusal_or_an_abandonment_taken_for_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(schedule, "is_over", lambda *, facts, timing, now: facts.answer in schedule.NEGATIVES)
        self._found(PayfipHistory)

    def test_nobody_asked_again_about_a_payment_under_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ask_again = schedule.next_question

        def hope(*, facts: Facts, timing: Timing, now: datetime, draw: int) -> datetime | None:
            asked_again = ask_again(facts=facts, timing=timing, now=now, draw=draw)
            return None if facts.answer is Outcome.PENDING else asked_again

        monkeypatch.setattr(checker, "next_question", hope)
        self._found(PayfipHistory)

    def test_an_invoice_paid_twice_without_a_word(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (operations, settling):
            monkeypatch.setattr(module, "balance_of", lambda titre: titre.amount)
        self._found(PayfipHistory)

    def test_a_signed_message_of_another_amount_taken_for_the_payment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        differences = Claims.differences_from

        def but_the_amount(self: Claims, expected: Claims) -> tuple[str, ...]:
            return tuple(name for name in differences(self, expected) if name != "amount")

        monkeypatch.setattr(Claims, "differences_from", but_the_amount)
        self._found(PayboxHistory)

    def test_an_effect_said_done_before_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def hasty(*, effect_id: int, handlers: agenda.Handlers, now: datetime) -> bool:
            effect = Effect.objects.get(pk=effect_id)
            Effect.objects.filter(pk=effect_id).update(done_at=now, tries=1)
            handler = handlers[effect.kind]
            if isinstance(handler, agenda.Long):
                raise TypeError(f"{effect.kind} is long work")
            with tenant(effect.collectivite_id):
                handler(effect.collectivite_id, effect.subject_id, now)
            return True

        carry = agenda.carry

        def one(*, effect_id: int, handlers: agenda.Handlers, now: datetime) -> bool:
            kind = Effect.objects.get(pk=effect_id).kind
            is_long = isinstance(handlers.get(kind), agenda.Long)
            return (carry if is_long else hasty)(effect_id=effect_id, handlers=handlers, now=now)

        monkeypatch.setattr(agenda, "carry", one)
        self._found(PayfipHistory)

    def test_a_payment_to_be_confirmed_that_nothing_confirms(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(judging, "confirm", lambda *, attempt, now: None)
        self._found(PayboxHistory)

    def test_a_payment_whose_payer_is_told_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(settling, "_owe_ticket", lambda **_: None)
        self._found(PayfipHistory)

    def test_a_ticket_sent_again_without_counting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        start = receipts._start

        def forgetful(ticket: Ticket, *, now: datetime) -> bool:
            ticket.started_at = None
            return start(ticket, now=now)

        monkeypatch.setattr(MailServer, "ways", ("broken", "killed_after"))
        monkeypatch.setattr(receipts, "_start", forgetful)
        self._found(PayfipHistory)

    def _found(self, gateway: type[History]) -> None:
        first = next(number for number, one in enumerate(GATEWAYS) if one is gateway)
        with pytest.raises(AssertionError, match="make simulate SEED="):
            self._play(range(first, FEW * len(GATEWAYS), len(GATEWAYS)))

    def _play(self, seeds: Sequence[int]) -> None:
        for start in range(0, len(seeds), AT_A_TIME):
            play(seeds[start : start + AT_A_TIME])
