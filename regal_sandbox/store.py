"""One SQLite database, in a folder so that it outlives the process, or in memory for tests."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

TABLES = (
    "notification_attempts",
    "notifications",
    "outgoing_mails",
    "paybox_messages",
    "paybox_credits",
    "paybox_remises",
    "paybox_questions",
    "paybox_subscribers",
    "paybox_tries",
    "paybox_payments",
    "paybox_merchants",
    "paybox_numbers",
    "debts",
    "outcomes",
    "transactions",
    "mails",
    "faults",
    "fault_uses",
    "refusals",
    "exchanges",
    "clients",
    "towns",
    "settings",
)


class Store:
    """A single connection shared under a lock: the sandbox is one process, and its transactions are short.

    Write-ahead log and full synchronisation: what a page has acknowledged survives `kill -9`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        where = ":memory:" if folder is None else str(folder / "sandbox.sqlite3")
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(where, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        schema = resources.files("regal_sandbox").joinpath("schema.sql").read_text("utf-8")
        self._db.execute("PRAGMA foreign_keys = OFF")  # while tables are rebuilt
        _rebuild_changed_tables(self._db, schema)
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside happens, or nothing. A nested use joins the outer one."""
        with self._lock:
            if self._depth:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            else:
                self._db.execute("COMMIT")
            finally:
                self._depth -= 1

    def empty(self) -> None:
        """Forget everything, numbering included, save that of what may be on its way at this very moment."""
        with self.transaction() as db:
            for table in TABLES:
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - names from the constant above
            db.execute(
                "DELETE FROM sqlite_sequence WHERE name NOT IN ('notifications', 'outgoing_mails', 'paybox_messages')"
            )

    def close(self) -> None:
        with self._lock:
            self._db.close()


def _rebuild_changed_tables(db: sqlite3.Connection, schema: str) -> None:
    """Bring a database of an earlier version to today's tables; rows keep the columns that both versions have."""
    with closing(sqlite3.connect(":memory:")) as model:
        model.executescript(schema)
        wanted = dict(model.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
        present = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall())
        changed = [name for name in wanted if name in present and wanted[name] != present[name]]
        db.execute("BEGIN IMMEDIATE")
        for table in changed:
            columns = ", ".join(sorted(_columns(db, table) & _columns(model, table)))
            last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
            db.execute(f"CREATE TEMP TABLE kept AS SELECT {columns} FROM {table}")  # noqa: S608 - names of our schema
            db.execute(f"DROP TABLE {table}")
            db.execute(wanted[table])
            db.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM kept")  # noqa: S608
            db.execute("DROP TABLE kept")
            if last is not None:  # numbers are never given twice
                db.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
                db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, last[0]))
        db.execute("COMMIT")


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in db.execute(f"PRAGMA table_info({table})")}


def stamp(moment: datetime) -> str:
    """An instant as stored: UTC, fixed width, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def moment(stored: str) -> datetime:
    return datetime.fromisoformat(stored)
