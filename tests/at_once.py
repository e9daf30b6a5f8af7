"""Doing things at the same time, each on a connection of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

from django.db import connections

T = TypeVar("T")


def at_once(*acts: Callable[[], T]) -> Sequence[T | Exception]:
    """Start all acts together; what each gave, or how it failed, in order."""
    start = Barrier(len(acts))

    def run(act: Callable[[], T]) -> T | Exception:
        start.wait(timeout=30)
        try:
            return act()
        except Exception as failure:
            return failure
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(acts)) as threads:
        running: list[Any] = [threads.submit(run, act) for act in acts]
        return [future.result(timeout=120) for future in running]
