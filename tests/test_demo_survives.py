"""`regal demo`, its processes killed one after the other, then itself."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from regal.lib import ports as tcp
from tests.demo import Demo, free_first_port, start, until

pytestmark = [
    pytest.mark.crash,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads the processes in /proc"),
]

PATIENCE = 600  # seconds; nothing is measured here: a busy machine may take its time


@pytest.fixture(scope="module")
def first_port() -> int:
    return free_first_port()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, first_port: int) -> Iterator[Demo]:
    demo = start(tmp_path_factory.mktemp("la démo"), first_port)
    try:
        until(lambda: "REGAL est prêt" in demo.output or demo.process.poll() is not None, seconds=PATIENCE)
        assert "REGAL est prêt" in demo.output, demo.output
        yield demo
    finally:
        demo.process.send_signal(signal.SIGTERM)
        demo.process.wait(timeout=PATIENCE)
        assert demo.processes() == {}


class TestDemo:
    def test_is_ready_when_it_says_so(self, demo: Demo) -> None:
        assert demo.is_ready()

    def test_does_not_start_twice_on_the_same_folder(self, demo: Demo) -> None:
        said = demo.output
        second = start(demo.var, demo.ports.guichet + 25)
        assert second.process.wait(timeout=PATIENCE) == 1
        assert "tourne déjà" in second.output
        (demo.var / "terminal").write_text(said)

    def test_says_which_port_is_taken_what_for_and_what_to_do(self, demo: Demo, tmp_path: Path) -> None:
        second = start(tmp_path, demo.ports.guichet)
        assert second.process.wait(timeout=PATIENCE) == 1
        assert f"Le port {demo.ports.guichet} est déjà pris, il sert pour le guichet" in second.output
        assert "REGAL_PORT=" in second.output

    @pytest.mark.parametrize("killed", ["serve guichet", "serve bureau", "regal.config.cli worker", "postgres -D"])
    def test_starts_again_what_was_killed(self, demo: Demo, killed: str) -> None:
        before = demo.oldest(killed)
        os.kill(before, signal.SIGKILL)
        assert until(lambda: before not in demo.processes(), seconds=PATIENCE)
        assert until(lambda: any(killed in command for command in demo.processes().values()), seconds=PATIENCE)
        assert until(demo.is_ready, seconds=PATIENCE), demo.output

    def test_starts_again_a_web_process_killed_alone(self, demo: Demo) -> None:
        main = demo.oldest("serve guichet")
        worker = max(pid for pid, command in demo.processes().items() if "serve guichet" in command)
        assert worker != main
        os.kill(worker, signal.SIGKILL)
        assert until(demo.is_ready, seconds=PATIENCE)


class TestEnd:
    @pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
    def test_leaves_no_process_behind(self, demo: Demo, tmp_path: Path, how: signal.Signals, first_port: int) -> None:
        """Stopped while starting or just started, politely or not."""
        other = start(tmp_path, first_port + 25)
        try:
            assert until(
                lambda: any("serve guichet" in command for command in other.processes().values()),
                seconds=PATIENCE,
            )
            other.process.send_signal(how)
            other.process.wait(timeout=PATIENCE)
            assert until(lambda: other.processes() == {}, seconds=PATIENCE), other.processes()
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
            assert until(
                lambda: any("postgres -D" in command for command in other.processes().values()),
                seconds=PATIENCE,
            )
            os.close(screen)
            assert other.process.wait(timeout=PATIENCE) == 0
            assert until(lambda: other.processes() == {}, seconds=PATIENCE), other.processes()
        finally:
            other.process.kill()
