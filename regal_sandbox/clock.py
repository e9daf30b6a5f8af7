"""The sandbox's clock: real time, real time moved by an offset, or stopped."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from regal_sandbox.store import Store, stamp

FIRST = datetime(2000, 1, 1, tzinfo=UTC)
LAST = datetime(2100, 1, 1, tzinfo=UTC)

TimeSource = Callable[[], datetime]


def real_time() -> datetime:
    return datetime.now(UTC)


class OutOfRange(ValueError):
    """The clock shows moments from 2000 to 2099 only: dates are computed from them."""


def _within(moment: datetime) -> datetime:
    if not FIRST <= moment < LAST:
        raise OutOfRange("the clock goes from 2000 to 2099")
    return moment


class Clock:
    """Kept in the store, so that a clock moved before a restart is still moved after it."""

    def __init__(self, store: Store, source: TimeSource = real_time) -> None:
        self._store = store
        self._source = source

    def now(self) -> datetime:
        setting = self._read()
        if "stopped_at" in setting:
            return datetime.fromisoformat(setting["stopped_at"])
        return self._source().astimezone(UTC) + timedelta(seconds=setting.get("offset_seconds", 0))

    def set(self, moment: datetime, *, stopped: bool) -> None:
        """Show `moment` (aware) from now on, running or stopped."""
        if moment.tzinfo is None:
            raise ValueError("a moment must be aware")
        _within(moment)
        if stopped:
            self._write({"stopped_at": stamp(moment)})
        else:
            self._write({"offset_seconds": (moment - self._source()).total_seconds()})

    def advance(self, seconds: float) -> None:
        setting = self._read()
        if "stopped_at" in setting:
            later = _within(datetime.fromisoformat(setting["stopped_at"]) + timedelta(seconds=seconds))
            self._write({"stopped_at": stamp(later)})
        else:
            _within(self.now() + timedelta(seconds=seconds))
            self._write({"offset_seconds": setting.get("offset_seconds", 0) + seconds})

    def release(self) -> None:
        """Back to the time source."""
        self._write({})

    def describe(self) -> dict[str, Any]:
        setting = self._read()
        return {
            "now": stamp(self.now()),
            "stopped": "stopped_at" in setting,
            "offset_seconds": setting.get("offset_seconds", 0),
        }

    def _read(self) -> dict[str, Any]:
        with self._store.transaction() as db:
            row = db.execute("SELECT value FROM settings WHERE name = 'clock'").fetchone()
        return dict(json.loads(row["value"])) if row else {}

    def _write(self, setting: dict[str, Any]) -> None:
        with self._store.transaction() as db:
            db.execute("INSERT OR REPLACE INTO settings VALUES ('clock', ?)", (json.dumps(setting),))
