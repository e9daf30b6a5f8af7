"""`regal demo`, its processes killed one after the other, then itself."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from regal.demo.environment import Ports
from regal.lib import ports as tcp

pytestmark = [
    pytest.mark.crash,
    pytest.mark.xdist_group("demo"),  # one demonstration for all of them
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads the processes in /proc"),
]


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


@pytest.fixture(scope="module")
def first_port() -> int:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for first in range(18_000 + 1_000 * worker, 60_000, 50):
        if all(tcp.is_free(port) for port in Ports(guichet=first).uses()):
            return first
    raise AssertionError("no free ports")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, first_port: int) -> Iterator[Demo]:
    demo = start(tmp_path_factory.mktemp("la démo"), first_port)
    try:
        assert until(lambda: "REGAL est prêt" in demo.output or demo.process.poll() is not None, seconds=90)
        assert "REGAL est prêt" in demo.output, demo.output
        yield demo
    finally:
        demo.process.send_signal(signal.SIGTERM)
        demo.process.wait(timeout=30)
        assert demo.processes() == {}


class TestDemo:
    def test_is_ready_when_it_says_so(self, demo: Demo) -> None:
        assert demo.is_ready()

    def test_does_not_start_twice_on_the_same_folder(self, demo: Demo) -> None:
        said = demo.output
        second = start(demo.var, demo.ports.guichet + 25)
        assert second.process.wait(timeout=20) == 1
        assert "tourne déjà" in second.output
        (demo.var / "terminal").write_text(said)

    def test_says_which_port_is_taken_what_for_and_what_to_do(self, demo: Demo, tmp_path: Path) -> None:
        second = start(tmp_path, demo.ports.guichet)
        assert second.process.wait(timeout=20) == 1
        assert f"Le port {demo.ports.guichet} est déjà pris, il sert pour le guichet" in second.output
        assert "REGAL_PORT=" in second.output

    @pytest.mark.parametrize("killed", ["serve guichet", "serve bureau", "regal.config.cli worker", "postgres -D"])
    def test_starts_again_what_was_killed(self, demo: Demo, killed: str) -> None:
        before = demo.oldest(killed)
        os.kill(before, signal.SIGKILL)
        assert until(lambda: before not in demo.processes(), seconds=5)
        assert until(lambda: any(killed in command for command in demo.processes().values()), seconds=15)
        assert until(demo.is_ready, seconds=15), demo.output

    def test_starts_again_a_web_process_killed_alone(self, demo: Demo) -> None:
        main = demo.oldest("serve guichet")
        worker = max(pid for pid, command in demo.processes().items() if "serve guichet" in command)
        assert worker != main
        os.kill(worker, signal.SIGKILL)
        assert until(demo.is_ready, seconds=15)


class TestEnd:
    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
    def test_leaves_no_process_behind(self, demo: Demo, tmp_path: Path, how: signal.Signals, first_port: int) -> None:
        """Stopped while starting or just started, politely or not."""
        other = start(tmp_path, first_port + 25)
        try:
            assert until(lambda: any("serve guichet" in command for command in other.processes().values()), seconds=60)
            other.process.send_signal(how)
            other.process.wait(timeout=15)
            assert until(lambda: other.processes() == {}, seconds=15), other.processes()
        finally:
            other.process.kill()
        if how is not signal.SIGKILL:
            assert other.process.returncode == 0
        assert all(tcp.is_free(port) for port in other.ports.uses())

    def test_ends_when_its_terminal_is_closed(self, demo: Demo, tmp_path: Path, first_port: int) -> None:
        """Even when nobody sends it a signal: `make`, as leader of a session, keeps it for itself."""
        screen, keyboard = os.openpty()
        other = start(tmp_path, first_port + 25, stdin=keyboard)
        os.close(keyboard)
        try:
            assert until(lambda: any("postgres -D" in command for command in other.processes().values()), seconds=60)
            os.close(screen)
            assert other.process.wait(timeout=15) == 0
            assert until(lambda: other.processes() == {}, seconds=15), other.processes()
        finally:
            other.process.kill()
