"""What every part of the sandbox shares: the store, the clock, the seed, and a bell for the delivery threads."""

import hashlib
import hmac
import json
import secrets
import threading
from datetime import date, datetime

from regal_sandbox.clock import Clock, TimeSource, real_time
from regal_sandbox.paris import paris_day
from regal_sandbox.store import Store


class World:
    def __init__(self, store: Store, *, source: TimeSource = real_time, seed: str | None = None) -> None:
        self.store = store
        self.clock = Clock(store, source)
        self.work = threading.Condition()
        self._first_seed = seed
        self.sow(seed)

    def now(self) -> datetime:
        return self.clock.now()

    def today(self) -> date:
        """The day in Paris."""
        return paris_day(self.now())

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
