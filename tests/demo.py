"""A demonstration of the tests' own: other ports, other folder, watched from outside."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from regal.demo.environment import Ports
from regal.lib import ports as tcp


@dataclass
class Demo:
    """A demonstration of the tests' own: other ports, other folder."""

    var: Path
    ports: Ports
    process: subprocess.Popen[bytes]

    @property
    def output(self) -> str:
        return (self.var / "terminal").read_text()

    def processes(self) -> dict[int, str]:
        """All its processes, by number: they are known by their environment, which children inherit."""
        mark = f"REGAL_VAR={self.var}".encode()
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    if mark in (folder / "environ").read_bytes().split(b"\0"):
                        found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except OSError:
                    continue  # it ended meanwhile
        return found

    def oldest(self, words: str) -> int:
        """The main process of those whose command holds these words."""
        return min(pid for pid, command in self.processes().items() if words in command)

    def is_ready(self) -> bool:
        return self.answers(self.ports.guichet) and self.answers(self.ports.bureau)

    def answers(self, port: int) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        host = "127.0.0.1" if port == self.ports.guichet else "localhost"
        try:
            connection.request("GET", "/readyz", headers={"Host": f"{host}:{port}"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def until(happens: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def start(var: Path, first_port: int, stdin: int = subprocess.DEVNULL) -> Demo:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "REGAL_"))}
    environment |= {"REGAL_VAR": str(var), "REGAL_PORT": str(first_port)}
    with open(var / "terminal", "wb") as terminal:
        process = subprocess.Popen(
            [sys.executable, "-m", "regal.config.cli", "demo"],
            stdin=stdin,
            stdout=terminal,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=Path(__file__).parents[1],
        )
    return Demo(var, Ports(guichet=first_port), process)


_claims: list[socket.socket] = []


def free_first_port() -> int:
    """A first port from which all the ports of a demonstration, and of a second one beside it, are free.

    They stay ours until the tests end: the last of the fifty says so to tests that run beside these.
    """
    for first in range(18_000, 60_000, 50):
        claim = socket.socket()
        try:
            claim.bind(("127.0.0.1", first + 49))
        except OSError:
            claim.close()
            continue
        if all(tcp.is_free(port) for port in Ports(guichet=first).uses()):
            _claims.append(claim)
            return first
        claim.close()
    raise AssertionError("no free ports")
