"""Stories of money, each told again for every place where a process of it may die: no statement is left out.

A story is told once without a death, to learn what its processes ask of PostgreSQL; then once for each place, and
wherever it is, the same must come of it. Between two COMMITs PostgreSQL forgets whatever it was asked, so `make test`
plays the places around each COMMIT, and of the less frequent stories one in a few; `REGAL_KILLS=all`
(`make test-killed`) plays every statement and every COMMIT, each with all that whoever waited may do next.
`REGAL_KILL` plays one place alone: a failure prints which.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pytest
from django.db import transaction

from regal.backoffice import titre_groups
from regal.lib import pdf
from regal.lib.tenancy import tenant
from regal.payments import settling
from regal.payments.models import Attempt
from regal.proof.operations import verify
from tests.database import close_connections
from tests.simulation.deaths import is_at_an_edge, places_of
from tests.simulation.killed import STORIES, Death, PaidByTheWebService, Story
from tests.simulation.paybox import speaking_to_the_sandbox
from tests.simulation.world import ENDS_OF_A_COMMIT

EVERY_PLACE = os.environ.get("REGAL_KILLS") == "all"
ALONE = os.environ.get("REGAL_KILL")
PARTS = 8 if EVERY_PLACE else 1  # of each story: what two processes may share
A_SHEET = b"%PDF-1.7"


@pytest.fixture(autouse=True)
def base(committed_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(titre_groups, "AT_ONCE", 1)  # so that two debts are enough for workers
    monkeypatch.setattr(pdf, "compiled", lambda *_, **__: A_SHEET)  # asks nothing of PostgreSQL, and takes long
    with speaking_to_the_sandbox():
        yield
    close_connections()  # they keep statements as no other test does


def deaths_of(honest: Story) -> list[Death]:
    """The places where its processes may die: all, with all that may follow, or those at the edges of transactions."""
    every, some = [], []
    for process, sequels in honest.sequels.items():
        steps = honest.steps[process]
        places = places_of(process, steps)
        every += [Death(place=place, sequel=sequel) for place in places for sequel in sequels]
        edges = [place for place in places if is_at_an_edge(place, steps)]
        some += [
            Death(place=place, sequel=sequels[number // honest.one_in % len(sequels)])
            for number, place in enumerate(edges)
        ]
    if ALONE:
        return [death for death in every if str(death) == ALONE]
    return every if EVERY_PLACE else some[:: honest.one_in]


def play(story: type[Story], honest: Story, deaths: Sequence[Death]) -> None:
    """Tell it once for each of these deaths, then prove the base; whatever fails says how to see it again."""
    ends, death_in = [honest.world.clock()], {}
    for seed, death in enumerate(deaths, start=1):
        told, process = story(seed=seed, death=death), death.place.process
        death_in[told.world.town.collectivite.pk] = death
        try:
            told.tell()
            told.same("its steps", told.steps[process], honest.steps[process][: len(told.steps[process])])
        except Exception as failure:
            raise AssertionError(f"{failure!r}\n{_again(story, death)}") from failure
        ends.append(told.world.clock())
    broken = verify(now=max(ends)).broken
    if broken:
        told_by_row = [f"{row}: {_again(story, death_in.get(row.collectivite_id or 0))}" for row in broken[:20]]
        raise AssertionError("\n".join(told_by_row))


def _again(story: type[Story], death: Death | None) -> str:
    return f'again: REGAL_KILL="{death}" .venv/bin/python -m pytest {os.path.relpath(__file__)} -k {story.__name__}'


def honestly(story: type[Story]) -> Story:
    """The story in which nobody dies."""
    honest = story(seed=0)
    honest.tell()
    return honest


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("story", STORIES)
def test_wherever_a_process_dies_the_same_comes_of_it(
    story: type[Story], part: int, record_property: Callable[[str, object], None]
) -> None:
    honest = honestly(story)
    deaths = deaths_of(honest)[part::PARTS]
    if ALONE and not deaths:
        pytest.skip("that place is not in this story")
    assert deaths
    play(story, honest, deaths)
    record_property("kill points", len(deaths))


def test_every_statement_and_every_commit_is_a_place() -> None:
    """Of a worker that judges, asks, settles and sends the ticket: each statement, after the last, and each COMMIT."""
    steps = honestly(PaidByTheWebService).steps["a worker looks"]
    places = places_of("a worker looks", steps)
    statements, commits = sum(step != "COMMIT" for step in steps), steps.count("COMMIT")
    assert [place.number for place in places if not place.way] == list(range(statements + 1))
    for way in ENDS_OF_A_COMMIT:
        numbers = [place.number for place in places if place.way == way]
        # A statement outside any transaction is a COMMIT too, where the connection may be cut.
        assert len(numbers) > commits if way.startswith("cut") else len(numbers) == commits
    for written in ("payments_settlement", "payments_allocation", "journal_entry", "agenda_effect", "receipts_ticket"):
        assert any(step.startswith("INSERT") and written in step for step in steps), written


class TestMistakesAreFound:
    """What would be wrong with REGAL if somebody wrote this; the places around the COMMITs suffice to say so."""

    def test_a_ticket_that_is_due_only_after_the_commit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._after_the_commit("_owe_ticket", monkeypatch)

    def test_a_line_in_the_books_that_is_written_only_after_the_commit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._after_the_commit("record_settlement", monkeypatch)

    def _after_the_commit(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        verb = getattr(settling, name)

        def do(**told: object) -> None:
            attempt = told.get("attempt")
            town = attempt.collectivite_id if isinstance(attempt, Attempt) else told["collectivite_id"]
            assert isinstance(town, int)
            with tenant(town):
                verb(**told)

        monkeypatch.setattr(settling, name, lambda **told: transaction.on_commit(partial(do, **told)))
        story = PaidByTheWebService
        honest = honestly(story)  # nobody dies, and nothing is wrong
        deaths = [one for one in deaths_of(honest) if one.place.process == "a worker looks"]
        with pytest.raises(AssertionError, match="REGAL_KILL="):
            play(story, honest, [one for one in deaths if one.place.way == "killed_after"])
