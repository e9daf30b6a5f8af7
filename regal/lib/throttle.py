"""Counters in PostgreSQL that every process shares: how often one source asks, and how many strayed messages came.

A source is kept as a digest for the time of its window; old windows are deleted by whoever opens a new one.
"""

from datetime import datetime, timedelta

from django.db import connection

from regal.lib.canonical import sha256_hex

WINDOW = timedelta(minutes=1)
BUCKETS = 16  # one for each connection, about: strangers do not queue on one row


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
            cursor.execute("DELETE FROM throttle_window WHERE opened_at < %s", [window - 2 * WINDOW])
    return count > limit


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
