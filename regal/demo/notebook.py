"""What the demonstration's processes tell one another about faults: small files under `var/pannes`.

The page writes what is asked, the process that plays payers writes what it does, the supervisor which programs it
killed. Nothing of it is in the product's database, and nothing reads it outside a demonstration. No Django here.
"""

import json
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MOST_WAITING = 60
PARTS = ("guichet", "travaux", "postgres")  # what the supervisor may be asked to kill
KILLED, BACK, TAB_CLOSED, REMISE = "killed", "back", "tab_closed", "remise"
_NAME = re.compile(r"[0-9A-Za-z_-]{1,80}")


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that really happened: a program killed, a program back, a tab closed for good, a remise deposited."""

    at: datetime
    what: str
    run: str
    part: str = ""


@dataclass(kw_only=True)
class Run:
    """One trial, from the press of a button to the payer's last act. What REGAL makes of it is in REGAL."""

    id: str
    fault: str
    gateway: str
    asked_at: datetime
    began_at: datetime | None = None
    ended_at: datetime | None = None
    invoice: str = ""
    reference: str = ""  # as the gateway knows the payment
    rules: list[int] = field(default_factory=list)  # of the sandbox
    is_tidy: bool = False  # what was left of them was taken back
    steps: list[tuple[datetime, str]] = field(default_factory=list)
    problem: str = ""  # why the trial could not be played

    @property
    def is_waiting(self) -> bool:
        return self.began_at is None

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None


class Notebook:
    """The files of one demonstration."""

    def __init__(self, var: Path) -> None:
        self.folder = var / "pannes"

    # Trials

    def ask(self, *, fault: str, gateway: str, now: datetime) -> Run | None:
        """Write down that a trial is wanted; None when too many wait already."""
        if len(self.waiting()) >= MOST_WAITING:
            return None
        name = f"{now.astimezone(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
        run = Run(id=name, fault=fault, gateway=gateway, asked_at=now)
        self.save(run)
        return run

    def waiting(self) -> list[Run]:
        """The oldest first."""
        return [run for run in self.runs() if run.is_waiting][::-1]

    def save(self, run: Run) -> None:
        self._write(self.folder / "essais" / f"{run.id}.json", asdict(run))

    def runs(self, newest: int | None = None) -> list[Run]:
        """The newest first."""
        files = sorted((self.folder / "essais").glob("*.json"), reverse=True)
        return [run for run in map(_run_of, files[:newest]) if run is not None]

    # What happened

    def note(self, fact: Fact) -> None:
        """Add a fact, for ever."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = json.dumps(asdict(fact), default=_plain) + "\n"
        with open(self.folder / "faits.jsonl", "a", encoding="utf-8") as file:
            file.write(line)  # in one piece: two processes add lines

    def facts(self) -> list[Fact]:
        """The oldest first."""
        try:
            lines = (self.folder / "faits.jsonl").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return list(_facts_in(lines))

    # Kills

    def ask_kill(self, *, part: str, run: str) -> None:
        """Ask the supervisor to kill a program of the demonstration without a word."""
        if part not in PARTS:
            raise ValueError(part)
        self._write(self.folder / "a-tuer" / f"{run}.json", {"part": part})

    def take_kill(self) -> tuple[str, str] | None:
        """Of the supervisor: the next program to kill and the trial that asks; it is asked once."""
        for file in sorted((self.folder / "a-tuer").glob("*.json")):
            try:
                part = json.loads(file.read_text(encoding="utf-8"))["part"]
            except (OSError, ValueError, TypeError, KeyError):
                part = None
            file.unlink(missing_ok=True)
            if part in PARTS and _NAME.fullmatch(file.stem):
                return part, file.stem
        return None

    @staticmethod
    def _write(path: Path, told: dict[str, Any]) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.write_text(json.dumps(told, default=_plain, ensure_ascii=False), encoding="utf-8")
        draft.rename(path)  # whole or not at all


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _run_of(file: Path) -> Run | None:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        for name in ("asked_at", "began_at", "ended_at"):
            told[name] = datetime.fromisoformat(told[name]) if told[name] else None
        told["steps"] = [(datetime.fromisoformat(at), what) for at, what in told["steps"]]
        return Run(**told)
    except (OSError, ValueError, TypeError, KeyError):
        return None  # of another version, or cut by hand


def _facts_in(lines: list[str]) -> Iterator[Fact]:
    for line in lines:
        try:
            told = json.loads(line)
            yield Fact(**told | {"at": datetime.fromisoformat(told["at"])})
        except (ValueError, TypeError, KeyError):
            continue  # the machine stopped while it was written
