"""Counters in PostgreSQL that every process shares: how often one source asks, and how many strayed messages came.

A source is kept as a digest for the time of its window; old windows are deleted by whoever opens a new one.
`is_too_often` counts every request. `spent` and `spend` are for budgets that only some requests use up: those that come
at one instant all see what was spent before them, so that a budget is exceeded by as many as are served at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection

from regal.lib.canonical import sha256_hex

WINDOW = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BUCKETS = 16  # one for each connection, about: strangers do not queue on one row


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What one source, or everybody together, may use up in a window."""

    rate: str
    source: str
    limit: int
    window: timedelta = WINDOW

    def key(self, now: datetime) -> str:
        """Of the window that runs."""
        return sha256_hex(f"{self.rate} {self.source} {self.opened_at(now).isoformat()}".encode())

    def opened_at(self, now: datetime) -> datetime:
        """When the window that runs began."""
        return now - (now - _EPOCH) % self.window

    def is_used_up(self, count: int) -> bool:
        return count >= self.limit


def spent(budgets: Sequence[Budget], *, now: datetime) -> list[int]:
    """How much of each was used up before now."""
    keys = [budget.key(now) for budget in budgets]
    with connection.cursor() as cursor:
        cursor.execute("SELECT key, count FROM throttle_window WHERE key = ANY (%s)", [keys])
        counts = dict(cursor.fetchall())
    return [counts.get(key, 0) for key in keys]


def spend(budgets: Sequence[Budget], *, now: datetime) -> None:
    """Use up one of each. The first one, which has the shortest window, sees to the old rows."""
    rows = {budget.key(now): budget.opened_at(now) + budget.window - WINDOW for budget in budgets}
    keys = sorted(rows)  # everybody takes the rows in one order
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO throttle_window (key, opened_at, count)"
            " SELECT key, opened_at, 1 FROM unnest(%s::text[], %s::timestamptz[]) AS spent (key, opened_at)"
            " ORDER BY key"
            " ON CONFLICT (key) DO UPDATE SET count = throttle_window.count + 1 RETURNING key, count",
            [keys, [rows[key] for key in keys]],
        )
        if (budgets[0].key(now), 1) in cursor.fetchall():
            _forget(before=budgets[0].opened_at(now) - 2 * WINDOW)


def is_too_often(*, rate: str, source: str, limit: int, now: datetime) -> bool:
    """Count one more request of this source in this minute; True beyond `limit`."""
    window = now.replace(second=0, microsecond=0)
    key = sha256_hex(f"{rate} {source} {window.isoformat()}".encode())
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO throttle_window (key, opened_at, count) VALUES (%s, %s, 1)"
            " ON CONFLICT (key) DO UPDATE SET count = throttle_window.count + 1 RETURNING count",
            [key, window],
        )
        count = int(cursor.fetchone()[0])
        if count == 1:
            _forget(before=window - 2 * WINDOW)
    return count > limit


def _forget(*, before: datetime) -> None:
    """A window longer than a minute is dated by its last one, so that it lives until then."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM throttle_window WHERE opened_at < %s", [before])


def count_stray(*, now: datetime) -> None:
    """One more message to an address that is not ours: a number a day, and nothing of the message."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO stray_message_count (day, bucket, count) VALUES (%s, pg_backend_pid() %% %s, 1)"
            " ON CONFLICT (day, bucket) DO UPDATE SET count = stray_message_count.count + 1",
            [now.date(), BUCKETS],
        )


def strays(*, day: datetime) -> int:
    """How many strayed messages came on a day (UTC)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(count), 0) FROM stray_message_count WHERE day = %s", [day.date()])
        return int(cursor.fetchone()[0])
