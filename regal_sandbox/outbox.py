"""Rows waiting to be sent: claimed one at a time, so that several threads may send side by side."""

import sqlite3
import threading

from regal_sandbox.store import stamp
from regal_sandbox.world import World


class Outbox:
    """A table with `id`, `state`, `due_at`, `tries`. Claims live in memory: a killed process releases them by dying."""

    table: str

    def __init__(self, world: World) -> None:
        self.world = world
        self._claimed: set[int] = set()
        self._lock = threading.Lock()

    def send(self, row: sqlite3.Row) -> None:
        """Send what the row describes and write what came of it; never leave the row due at the same instant."""
        raise NotImplementedError

    def deliver_one(self) -> bool:
        """Send the oldest due row nobody else is sending; False when there is none."""
        row = self._claim()
        if row is None:
            return False
        try:
            self.send(row)
        finally:
            with self._lock:
                self._claimed.discard(row["id"])
        return True

    def _claim(self) -> sqlite3.Row | None:
        with self._lock, self.world.store.transaction() as db:
            rows = db.execute(
                f"SELECT * FROM {self.table} WHERE state = 'pending' AND due_at <= ? ORDER BY due_at, id",  # noqa: S608
                (stamp(self.world.now()),),
            )
            for row in rows:
                if row["id"] not in self._claimed:
                    self._claimed.add(row["id"])
                    claimed: sqlite3.Row = row
                    return claimed
        return None
