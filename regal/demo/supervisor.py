"""`regal demo`: the whole demonstration in one terminal.

One process starts the others, watches them, starts again whichever ends (PostgreSQL included), and stops them all. They
end with it even when it is killed (`regal.lib.bound_process`).
"""

import argparse
import contextlib
import fcntl
import http.client
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from regal.demo.environment import DemoError, Ports, demo_environment, paybox_key, ports, var_folder
from regal.demo.notebook import BACK, KILLED, Fact, Notebook
from regal.lib import ports as tcp
from regal.lib.bound_process import BoundProcess
from regal.lib.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError, running

LONGEST_START_SECONDS = 90
LONGEST_LOG = 5_000_000
_TICK_SECONDS = 0.1
_SHORTEST_PAUSE_SECONDS = 0.3
_LONGEST_PAUSE_SECONDS = 5.0
_MOST_SERVER_FAILURES = 60
_STEADY_SECONDS = 20.0  # after that, an end is a first end again
_KEPT_BY_RESET = frozenset({"demo.lock"})


class Interrupted(BaseException):
    """Somebody asked us to stop."""


@dataclass
class Child:
    """One program of the demonstration, and what becomes of it."""

    name: str
    command: Sequence[str]
    log: Path
    grace_seconds: float = 5.0
    process: BoundProcess | None = None
    started_at: float = 0.0
    ends_in_a_row: int = 0
    start_again_at: float = 0.0
    read_so_far: int = 0
    unfinished_line: bytes = field(default=b"", repr=False)

    def start(self, environment: Mapping[str, str]) -> None:
        _trim(self.log)
        with open(self.log, "ab") as output:
            os.chmod(self.log, 0o600)
            self.read_so_far = output.tell()
            self.process = BoundProcess(self.command, output=output, environment=environment)
        self.started_at = time.monotonic()

    def new_lines(self) -> list[str]:
        """The lines written to its log since last asked."""
        with open(self.log, "rb") as file:
            if file.seek(0, os.SEEK_END) < self.read_so_far:  # emptied meanwhile
                self.read_so_far = 0
            file.seek(self.read_so_far)
            written = self.unfinished_line + file.read(1_000_000)
            self.read_so_far = file.tell()
        *lines, self.unfinished_line = written.split(b"\n")
        return [line.decode(errors="replace") for line in lines]


class Supervisor:
    """Starts everything, then keeps it running until told to stop."""

    def __init__(self, *, var: Path, ports: Ports) -> None:
        self.var = var
        self.ports = ports
        self.environment = {**os.environ, **demo_environment(var, ports)}
        for name in ("REGAL_SECRET_KEYS", "REGAL_SECRET_KEY", "REGAL_PAYBOX_PUBLIC_KEY"):
            self.environment.pop(name, None)  # given by file
        self.environment["PYTHONUNBUFFERED"] = "1"
        self.environment.setdefault("DJANGO_SETTINGS_MODULE", "regal.config.settings")
        self.server: EmbeddedPostgres | None = None
        self.children = self._plan()
        self._stop_asked = False
        self._terminal = _terminal()
        self._server_seen_at = 0.0
        self._server_failures = 0
        self._notebook = Notebook(var)
        self._killed: dict[str, str] = {}  # part: the trial that had it killed

    def run(self) -> None:
        """Everything, until Ctrl-C, SIGTERM or SIGHUP."""
        for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sent, self._ask_to_stop)
        try:
            self._prepare()
            sandbox, *others = self.children
            sandbox.start(self.environment)
            self._learn_key(sandbox)
            for child in others:
                child.start(self.environment)
            self._wait_until_ready()
            self._say_ready()
            while True:
                self._watch()
        except Interrupted:
            pass
        finally:
            self._stop_everything()

    # Preparing

    def _plan(self) -> list[Child]:
        regal, sandbox = _program("regal.config.cli"), _program("regal_sandbox")
        sandbox_words = [
            *("--bind", "127.0.0.1", "--port", str(self.ports.sandbox)),
            *("--control-port", str(self.ports.sandbox_control), "--smtp-port", str(self.ports.sandbox_smtp)),
            *(word for port in self.ports.towns for word in ("--town-port", str(port))),
            *("--data", str(self.var / "sandbox")),
            *("--config", str(self.var / "sandbox.json")),  # written by `regal demo_data`
        ]
        commands = {
            "bac-a-sable": [*sandbox, *sandbox_words],
            "guichet": [*regal, "serve", "guichet"],
            "bureau": [*regal, "serve", "bureau"],
            "travaux": [*regal, "worker"],
            "pannes": [*regal, "demo_faults"],
        }
        log_folder = self.var / "log"
        return [Child(name, command, log_folder / f"{name}.log") for name, command in commands.items()]

    def _prepare(self) -> None:
        (self.var / "log").mkdir(mode=0o700, exist_ok=True)
        (self.var / "sandbox").mkdir(mode=0o700, exist_ok=True)
        is_new = False
        if not (self.environment.get("DATABASE_URL") or self.environment.get("DATABASE_URL_FILE")):
            is_new = not (self.var / "postgres" / "data").exists()
            if is_new:
                _say("Préparation de la base de données (la première fois seulement)…")
            self.server = EmbeddedPostgres(self.var / "postgres")
            self.environment |= self.server.start().environment()
        self._check_stop()
        if is_new or self._run_once("migrate", "--check", "--database", "owner") != 0:
            _say("Mise en place des tables…")
            self._run_or_refuse("migrate", "--database", "owner", "--no-input")
        self._run_or_refuse("demo_data")

    def _run_once(self, *words: str) -> int:
        """Run one of our commands to its end, its output in the log."""
        command = Child("préparation", [*_program("regal.config.cli"), *words], self.var / "log" / "preparation.log")
        command.start(self.environment)
        assert command.process is not None
        try:
            while (code := command.process.poll()) is None:
                time.sleep(0.02)
                self._check_stop()
        finally:
            command.process.kill_group()
        return code

    def _run_or_refuse(self, *words: str) -> None:
        if self._run_once(*words) != 0:
            log = self.var / "log" / "preparation.log"
            raise DemoError(f"La préparation a échoué ({' '.join(words)}) : {_last_line(log)} (voir {log})")

    def _learn_key(self, sandbox: Child) -> None:
        """The first time, the others wait until the sandbox has made the key with which it signs."""
        key, deadline = paybox_key(self.var), time.monotonic() + LONGEST_START_SECONDS
        while not key.exists():
            self._check_stop()
            assert sandbox.process is not None
            if sandbox.process.poll() is not None or time.monotonic() > deadline:
                raise DemoError(f"Le bac à sable ne démarre pas : {_last_line(sandbox.log)} (voir {sandbox.log})")
            time.sleep(_TICK_SECONDS)
        self.environment |= demo_environment(self.var, self.ports)

    # Running

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + LONGEST_START_SECONDS
        waited_for: dict[str, Callable[[], bool]] = {
            "bac-a-sable": lambda: tcp.answers(self.ports.sandbox) and tcp.answers(self.ports.sandbox_control),
            "guichet": lambda: _is_ready("127.0.0.1", self.ports.guichet),
            "bureau": lambda: _is_ready("localhost", self.ports.bureau),
        }
        while waited_for:
            self._watch()
            waited_for = {name: is_ready for name, is_ready in waited_for.items() if not is_ready()}
            hopeless = [child for child in self.children if child.ends_in_a_row >= 3]
            if hopeless:
                raise DemoError(
                    f"« {hopeless[0].name} » ne démarre pas : {_last_line(hopeless[0].log)} (voir {hopeless[0].log})"
                )
            if time.monotonic() > deadline:
                raise DemoError(f"Pas de réponse de : {', '.join(waited_for)} (voir {self.var / 'log'}).")

    def _watch(self) -> None:
        """Show what goes wrong, and start again what has ended."""
        time.sleep(_TICK_SECONDS)
        self._check_stop()
        self._kill_what_a_trial_asks()
        self._watch_server()
        now = time.monotonic()
        for child in self.children:
            self._show_errors(child)
            if child.process is None:
                if now >= child.start_again_at:
                    child.start(self.environment)
                    self._note_back(child.name)
            elif (code := child.process.poll()) is not None:
                child.process.kill_group()  # whatever it had started
                child.process = None
                child.ends_in_a_row = child.ends_in_a_row + 1 if now - child.started_at < _STEADY_SECONDS else 1
                pause = min(_SHORTEST_PAUSE_SECONDS * 2 ** (child.ends_in_a_row - 1), _LONGEST_PAUSE_SECONDS)
                child.start_again_at = now + pause
                _say(f"« {child.name} » s’est arrêté ({_how_it_ended(code)}) ; il redémarre.")

    def _watch_server(self) -> None:
        if self.server is None:
            return
        now = time.monotonic()
        if not self.server.is_ours and now - self._server_seen_at < 1:
            return
        self._server_seen_at = now
        if not self.server.is_alive():
            if not self._server_failures:
                _say("PostgreSQL s’est arrêté ; il redémarre.")
            try:
                self.server.start()
            except EmbeddedPostgresError:  # what the killed server had started may still be ending
                self._server_failures += 1
                if self._server_failures > _MOST_SERVER_FAILURES:
                    raise
                return
            self._server_failures = 0
            self._note_back("postgres")
        self.server.trim_log()

    def _kill_what_a_trial_asks(self) -> None:
        """The panel of faults shows what becomes of a payment when one of us is killed without a word."""
        if (asked := self._notebook.take_kill()) is None:
            return
        part, run = asked
        running = [child.process for child in self.children if child.name == part and child.process is not None]
        for process in running:
            process.kill_group()
        if running or (part == "postgres" and self.server is not None and self.server.kill()):
            _say(f"« {part} » est tué, pour un essai de panne.")
            self._killed[part] = run
            self._notebook.note(Fact(at=datetime.now(UTC), what=KILLED, run=run, part=part))

    def _note_back(self, part: str) -> None:
        if (run := self._killed.pop(part, None)) is not None:
            self._notebook.note(Fact(at=datetime.now(UTC), what=BACK, run=run, part=part))

    def _show_errors(self, child: Child) -> None:
        _trim(child.log)
        for line in child.new_lines():
            if any(sign in line for sign in ("ERROR", "CRITICAL", "Error:", "panicked")):
                _say(f"[{child.name}] {line}")

    def _say_ready(self) -> None:
        doors = self._doors()
        widest_label = max((len(label) for label, _, _ in doors), default=0)
        widest_url = max((len(url) for _, url, _ in doors), default=0)
        _say(f"REGAL est prêt : http://127.0.0.1:{self.ports.guichet}/ (Ctrl-C pour tout arrêter)")
        for label, url, note in doors:
            _say(f"  {label:<{widest_label}}  {url:<{widest_url}}  {note}".rstrip())

    def _doors(self) -> Sequence[tuple[str, str, str]]:
        os.environ.update(self.environment)
        import django

        django.setup()
        from regal.demo.data import doors

        return doors()

    # Stopping

    def _ask_to_stop(self, sent: int, frame: FrameType | None) -> None:
        self._stop_asked = True  # no lock here: it could be the one that we hold

    def _check_stop(self) -> None:
        # A closed terminal tells only the leader of its session, and `make` does not pass it on.
        if self._stop_asked or any(event & select.POLLHUP for _, event in self._terminal.poll(0)):
            raise Interrupted

    def _stop_everything(self) -> None:
        """Web and jobs first, then the other end of the wire, the database last."""
        if self._stop_asked:
            _say("Arrêt…")
        others = [child for child in self.children if child.name == "bac-a-sable"]
        for group in ([child for child in self.children if child not in others], others):
            for child in group:
                if child.process is not None and child.process.poll() is None:
                    child.process.send(signal.SIGTERM)
            for child in group:
                if child.process is not None:
                    child.process.wait(timeout_seconds=child.grace_seconds)
                    child.process.kill_group()
        if self.server is not None:
            self.server.stop()


def main(arguments: Sequence[str]) -> int:
    """Run the demonstration, or empty it; 0 when it was stopped as asked."""
    parser = argparse.ArgumentParser(
        prog="regal demo", description="Toute la démonstration dans un terminal ; Ctrl-C arrête tout."
    )
    parser.add_argument("--reset", action="store_true", help="vider la démonstration au lieu de la lancer")
    options = parser.parse_args(arguments)
    var = var_folder()
    var.mkdir(parents=True, exist_ok=True)
    try:
        with _alone(var):
            if options.reset:
                reset(var)
            else:
                chosen = ports()
                for port, use in chosen.uses().items():
                    if not tcp.is_free(port):
                        raise DemoError(
                            f"Le port {port} est déjà pris, il sert pour {use} : arrêtez le programme qui l’occupe, "
                            f"ou choisissez d’autres ports, par exemple avec REGAL_PORT={_other_port(chosen)}."
                        )
                Supervisor(var=var, ports=chosen).run()
    except PermissionError as error:
        raise DemoError(
            f"{error.filename} appartient à un autre utilisateur : reprenez le compte qui l’a créé."
        ) from error
    return 0


def reset(var: Path) -> None:
    """Delete everything the demonstration keeps."""
    postgres = var / "postgres"
    if running(postgres) is not None:
        raise DemoError("Une commande regal se sert de la base de données : attendez qu’elle finisse, ou arrêtez-la.")
    for path in var.iterdir():
        if path.name not in _KEPT_BY_RESET:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    _say("La démonstration est vidée.")


@contextlib.contextmanager
def _alone(var: Path) -> Iterator[None]:
    with open(var / "demo.lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(f"La démonstration tourne déjà avec {var} : arrêtez-la d’abord (Ctrl-C).") from None
        yield


def _other_port(taken: Ports) -> int:
    """A first port from which all the ports of the demonstration are free."""
    for first in range(taken.guichet + 100, 65_000, 100):
        if all(tcp.is_free(port) for port in Ports(guichet=first).uses()):
            return first
    return 9000


def _terminal() -> select.poll:
    """What says when the terminal is gone; never, when there is none."""
    hang_up = select.poll()
    for descriptor in (0, 1):
        if os.isatty(descriptor):
            hang_up.register(descriptor, 0)
    return hang_up


def _program(module: str) -> list[str]:
    """A program of ours, run by the Python that runs us."""
    return [sys.executable, "-m", module]


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz", headers={"Host": f"{host}:{port}"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _how_it_ended(code: int) -> str:
    return f"code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "sans un mot"


def _trim(log: Path) -> None:
    if log.exists() and log.stat().st_size > LONGEST_LOG:
        shutil.copy(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(line, flush=True)  # noqa: T201 - this is what the person came to see
