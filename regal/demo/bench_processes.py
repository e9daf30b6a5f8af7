"""The other programs that a bench starts: gateways that answer at once, and PostgreSQL's own pgbench."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from regal.lib import ports
from regal.lib.embedded_postgres import DATABASE, Connections, binaries


@contextmanager
def instant(module: str, port: int, *words: str) -> Iterator[None]:
    """One of the `instant_…` gateways, ready, until the block ends. Raises TimeoutError."""
    process = subprocess.Popen([sys.executable, "-m", module, str(port), *words])
    try:
        began = time.perf_counter()
        while not ports.answers(port):
            if time.perf_counter() - began > 60:
                raise TimeoutError
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def pgbench(script: Path, *, to: Connections, clients: int, seconds: int) -> int:
    """How many times so many clients together play a script, as the application's role."""
    said = subprocess.run(
        [
            binaries() / "pgbench",
            "--no-vacuum",
            f"--file={script}",
            "--protocol=prepared",
            f"--client={clients}",
            f"--time={seconds}",
            f"--host={to.socket_folder}",
            "--username=regal_app",
            DATABASE,
        ],
        env=os.environ | {"PGPASSWORD": to.passwords["regal_app"]},
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode:
        raise RuntimeError(said.stderr[-1000:])
    return int(said.stdout.partition("actually processed: ")[2].split("\n")[0].split("/")[0])
