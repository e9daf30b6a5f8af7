"""Where a process may die: before each statement that it sends to PostgreSQL, after the last, and at each COMMIT.

A process is first listened to; `places_of` then names every place of what was heard; listened to again, it dies at one.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from django.db import connection

from tests.simulation.world import ENDS_OF_A_COMMIT, Killed, end_badly

COMMIT = "COMMIT"
ITSELF = "itself: "  # a statement that writes outside any transaction: it is its own COMMIT
_READS = ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK")
_SAVEPOINT = re.compile(r'"s\d+_x\d+"')


@dataclass(frozen=True, kw_only=True)
class Place:
    """Before the statement of this number, or at the COMMIT of this number in one of the four ways. They begin at 0."""

    process: str
    number: int
    way: str = ""  # "": before the statement

    def __str__(self) -> str:
        return f"{self.process}, {f'COMMIT {self.way}' if self.way else 'before statement'} {self.number}"


def places_of(process: str, steps: Sequence[str]) -> list[Place]:
    """All of them: after the last statement is before the one that never came."""
    statements = sum(step != COMMIT for step in steps)
    places = [Place(process=process, number=number) for number in range(statements + 1)]
    for number, step in enumerate(step for step in steps if is_commit(step)):
        # A process killed before or after a statement that is its own COMMIT is there already.
        ways = ENDS_OF_A_COMMIT if step == COMMIT else [way for way in ENDS_OF_A_COMMIT if way.startswith("cut")]
        places += [Place(process=process, number=number, way=way) for way in ways]
    return places


def is_at_an_edge(place: Place, steps: Sequence[str]) -> bool:
    """Whether another place does not come to the same: between two COMMITs, PostgreSQL forgets whatever was asked."""
    if place.way:
        return True
    before = [-1, *(number for number, step in enumerate(steps) if is_commit(step))]
    firsts = {sum(step != COMMIT for step in steps[: number + 1]) for number in before}
    return place.number in firsts


def is_commit(step: str) -> bool:
    return step == COMMIT or step.startswith(ITSELF)


@contextmanager
def listening(steps: list[str], place: Place | None = None) -> Iterator[None]:
    """Write down what a process asks of PostgreSQL; it dies at this place, if one is given.

    Where its connection alone is lost it may go on: that is not written down any more.
    """
    database: Any = connection  # its private verbs are in no stub
    commit = database._commit
    statements = commits = 0
    has_come = False

    def reach(step: str, go_on: Callable[[], Any]) -> Any:
        """Do this step, or die at it."""
        nonlocal statements, commits, has_come
        if has_come:
            return go_on()
        is_statement, ends = step != COMMIT, is_commit(step)
        if place is not None:
            reached = ends and commits == place.number if place.way else is_statement and statements == place.number
            has_come = reached
            if reached and not place.way:
                raise Killed
        steps.append(step)
        statements, commits = statements + is_statement, commits + ends
        if place is not None and has_come:
            end_badly(go_on, place.way)
        return go_on()

    def execute(go_on: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        step = _SAVEPOINT.sub("savepoint", sql)
        is_itself = not database.in_atomic_block and not sql.startswith(_READS)
        return reach(f"{ITSELF}{step}" if is_itself else step, lambda: go_on(sql, params, many, context))

    with connection.execute_wrapper(execute), patch.object(connection, "_commit", lambda: reach(COMMIT, commit)):
        yield
        if place is not None and not place.way and not has_come and place.number == statements:
            raise Killed  # it has done everything, and told nobody
