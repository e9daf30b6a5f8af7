"""What every part of the sandbox shares: the store, the clock, the seed, and a bell for the delivery threads."""

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from regal_sandbox.clock import Clock, TimeSource, real_time
from regal_sandbox.paris import PARIS, in_paris, next_working_day, paris_day
from regal_sandbox.paybox_keys import PlatformKey
from regal_sandbox.store import Store

LOOPBACK = "127.0.0.1"


class World:
    def __init__(
        self,
        store: Store,
        *,
        source: TimeSource = real_time,
        seed: str | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.store = store
        self.pause = pause
        self.pages_address: str | None = None  # for links between ports, once they listen
        self.control_address: str | None = None
        self.bind = LOOPBACK  # where the pages listen
        self.delivers = False  # whether threads send what is due: a page may then wait for it
        self.paybox_key = PlatformKey(store.folder)
        self.paybox_looked_at: datetime | None = None  # when its nights were last looked at
        self.clock = Clock(store, source)
        self.work = threading.Condition()
        self._first_seed = seed
        self.sow(seed)

    def now(self) -> datetime:
        return self.clock.now()

    def today(self) -> date:
        """The day in Paris."""
        return paris_day(self.now())

    def go_to_next_working_day(self, after: date | None = None) -> None:
        """Move the clock to the same hour of the working day after `after` (today), unless it is there already."""
        here = in_paris(self.now())
        day = next_working_day(after or here.date())
        if here.date() < day:
            there = datetime.combine(day, here.time(), PARIS)
            self.clock.advance((there.astimezone(UTC) - here.astimezone(UTC)).total_seconds())
            self.ring()

    def ring(self) -> None:
        """Tell the delivery threads that something may be due."""
        with self.work:
            self.work.notify_all()

    def sow(self, seed: str | None) -> None:
        """Choose the seed of generated values; without one, the stored seed, or a random one."""
        with self.store.transaction() as db:
            row = db.execute("SELECT value FROM settings WHERE name = 'seed'").fetchone()
            stored = json.loads(row["value"]) if row else None
            self.seed: str = seed or self._first_seed or stored or secrets.token_hex(16)
            db.execute("INSERT OR REPLACE INTO settings VALUES ('seed', ?)", (json.dumps(self.seed),))

    def draw(self, purpose: str, number: int) -> str:
        """64 hexadecimal characters: the same for the same seed, purpose and number."""
        return hmac.new(self.seed.encode(), f"{purpose}:{number}".encode(), hashlib.sha256).hexdigest()
