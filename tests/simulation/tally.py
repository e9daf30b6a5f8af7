"""How many histories were played, what befell them, what they came to: counted by who played, told at the end.

The tests hand their counts to whoever tells the end of the run (`conftest.py`), over processes.
"""

import fcntl
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.simulation.world import World

PROPERTY = "histories"
LEAST = 500  # histories, however slow the machine
ENOUGH = 1_500  # of so many, an accident that befalls none never will; of 500, chance alone may spare one
MOST_SECONDS = 240.0  # of one process; the two of `make test` play at once
GATEWAYS = ("PayfipHistory", "PayboxDirectHistory", "PayboxHistory")
PAYMENTS = (
    "histories",
    "attempts",
    "paid",
    "several invoices at once",
    "given up",
    "excédents",
    "tickets",
    "letters",
    "money at the counter",
)
ACCIDENTS = (
    "the gateway is away",
    "wire: outage",
    "wire: no_connection",
    "wire: lost",
    "wire: answer_lost",
    "wire: cut",
    "wire: page_503",
    "wire: empty",
    "wire: half",
    "wire: garbage",
    "wire: slow",
    "wire: killed",
    "wire: killed_after",
    "Paybox asleep: main",
    "Paybox asleep: backup",
    "Paybox asleep: both",
    "Direct is away",
    "the bank's clock is ahead",
    "post: lost",
    "post: late",
    "post: twice",
    "post: fifty",
    "post: forged",
    "post: altered",
    "post: wrongly_signed",
    "post: other_amount",
    "post: other_reference",
    "post: test_platform",
    "no worker",
    "worker: killed",
    "guichet: killed",
    "bureau: killed",
    "COMMIT: cut_before",
    "COMMIT: cut_after",
    "COMMIT: killed_before",
    "COMMIT: killed_after",
    "the mail server is away",
    "mail: away",
    "mail: refused",
    "mail: broken",
    "mail: killed_before",
    "mail: killed_after",
    "a second click",
)
_spent = 0.0


def time_is_over() -> bool:
    """Whether this process has played for four minutes."""
    return _spent >= MOST_SECONDS


def next_turn(folder: Path, *, least: int) -> int | None:
    """0, 1, 2…: the next turn of the processes that share a folder; None once time is over, if `least` were taken."""
    with (folder / "turns of histories").open("a+") as counter:
        fcntl.flock(counter, fcntl.LOCK_EX)
        counter.seek(0)
        turn = int(counter.read() or 0)
        if turn >= least and time_is_over():
            return None
        counter.truncate(0)
        counter.write(str(turn + 1))
    return turn


class Stopwatch:
    """Counts the seconds in which this process plays."""

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        global _spent
        _spent += time.perf_counter() - self._began


def sums(worlds: Iterable[World], *, cpu_seconds: float) -> dict[str, float]:
    """What happened in these, and what they came to, in numbers that travel between processes."""
    told: Counter[str] = Counter()
    for world in worlds:
        told.update(world.accidents)
        told.update({f"{world.gateway} {what}": count for what, count in world.came_to.items()})
        told[f"{world.gateway} histories"] += 1
    return {**told, "cpu milliseconds": round(cpu_seconds * 1000)}


def total(tallies: Iterable[Mapping[str, float]]) -> Counter[str]:
    summed: Counter[str] = Counter()
    for one in tallies:
        summed.update({name: int(count) for name, count in one.items()})
    return summed


def played(summed: Mapping[str, int]) -> int:
    return sum(summed.get(f"{gateway} histories", 0) for gateway in GATEWAYS)


def missing(summed: Mapping[str, int]) -> list[str]:
    """The accidents that should have happened, and did not."""
    if played(summed) < ENOUGH:
        return []
    return [kind for kind in ACCIDENTS if not summed.get(kind)]


def lines(summed: Mapping[str, int]) -> Sequence[str]:
    """The summary of a run."""
    count = played(summed)
    accidents = sum(number for name, number in summed.items() if name in ACCIDENTS)
    told = [
        f"{count:,} histories: 0 broken invariants, 0 disagreements with the gateways;"
        f" {accidents:,} accidents; {summed.get('cpu milliseconds', 0) / max(count, 1):.0f} ms of CPU each",
        "",
        f"{'':24}" + "".join(f"{gateway.removesuffix('History'):>16}" for gateway in GATEWAYS) + f"{'all':>16}",
    ]
    for what in PAYMENTS:
        numbers = [summed.get(f"{gateway} {what}", 0) for gateway in GATEWAYS]
        told.append(f"{what:24}" + "".join(f"{number:>16,}" for number in [*numbers, sum(numbers)]))
    told += ["", *(f"{kind:32}{summed.get(kind, 0):>10,}" for kind in ACCIDENTS)]
    return [*told, *(f"NEVER HAPPENED: {kind}" for kind in missing(summed))]
