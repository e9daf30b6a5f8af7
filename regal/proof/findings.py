"""What an invariant is: a sentence, and questions that find the rows which break it, all in one snapshot."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from django.db import connections

Row: TypeAlias = tuple[int | None, str]
"""The collectivité, or None for what belongs to none, and a key that a person can look up: nothing personal."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One view of the whole base, at one moment, through the role that reads all and writes nothing."""

    using: str
    now: datetime
    parameters: Mapping[str, Any]

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of one statement; `%(now)s` and its like come from `parameters`."""
        with connections[self.using].cursor() as cursor:
            cursor.execute(sql, self.parameters)
            return list(cursor.fetchall())


Question: TypeAlias = str | Callable[[Snapshot], Iterator[Row]]
"""SQL that selects (collectivité, key) of each broken row, or a function where SQL cannot say it."""


@dataclass(frozen=True, kw_only=True)
class Invariant:
    """`id` is its number in the list of invariants."""

    id: str
    sentence: str
    questions: tuple[Question, ...]
    is_up_to_people: bool = False  # a person is late: worth saying, and no fault of the software

    def broken_rows(self, snapshot: Snapshot) -> Iterator["BrokenRow"]:
        """What breaks it, each row once."""
        seen: set[Row] = set()
        for question in self.questions:
            rows = snapshot.ask(question) if isinstance(question, str) else question(snapshot)
            for collectivite_id, key in rows:
                if (collectivite_id, key) not in seen:
                    seen.add((collectivite_id, key))
                    yield BrokenRow(invariant=self.id, collectivite_id=collectivite_id, key=key)


@dataclass(frozen=True, kw_only=True)
class BrokenRow:
    invariant: str
    collectivite_id: int | None
    key: str

    def __str__(self) -> str:
        whose = "plateforme" if self.collectivite_id is None else f"collectivité {self.collectivite_id}"
        return f"{self.invariant} {whose} {self.key}"
