import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from regal.lib import embedded_postgres
from regal.lib.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError, running

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs to become somebody else")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped server's folder, to copy: creating one takes longer than starting it."""
    folder = tmp_path_factory.mktemp("cluster") / "postgres"
    with EmbeddedPostgres(folder, durable=False):
        pass
    return folder


@pytest.fixture
def folder(cluster: Path, tmp_path: Path) -> Path:
    return shutil.copytree(cluster, tmp_path / "postgres")


def ask(url: str, question: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(question.encode()).fetchall()


def until(happens: Callable[[], bool], *, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


class TestRoles:
    def test_none_of_ours_is_powerful(self, server: EmbeddedPostgres) -> None:
        rows = ask(
            server.connections.owner_url,
            "SELECT rolname, rolcanlogin, rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication"
            " FROM pg_roles WHERE rolname LIKE 'regal%' ORDER BY 1",
        )
        assert rows == [
            ("regal_app", True, False),
            ("regal_finder", False, False),
            ("regal_owner", True, False),
            ("regal_verify", True, False),
        ]

    def test_the_owner_makes_tables_and_the_others_cannot(self, server: EmbeddedPostgres) -> None:
        with psycopg.connect(server.connections.owner_url) as owner:
            owner.execute("CREATE TABLE of_the_owner (id int)")
        for url in (server.connections.app_url, server.connections.verify_url):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(url) as other:
                other.execute("CREATE TABLE of_another (id int)")

    def test_the_owner_may_give_a_function_to_the_finder(self, server: EmbeddedPostgres) -> None:
        with psycopg.connect(server.connections.owner_url) as owner:
            owner.execute("GRANT CREATE ON SCHEMA public TO regal_finder")
            owner.execute("CREATE FUNCTION one() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'")
            owner.execute("ALTER FUNCTION one() OWNER TO regal_finder")

    def test_nobody_enters_without_the_password(self, server: EmbeddedPostgres) -> None:
        url = server.connections.app_url
        right = server.connections.passwords["regal_app"]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url.replace(right, "guess"))

    @pytest.mark.parametrize("database", ["postgres", "template1"])
    def test_the_application_enters_no_other_database(self, server: EmbeddedPostgres, database: str) -> None:
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(server.connections.url("regal_app", database))


class TestServer:
    def test_speaks_utc_and_knows_french_capitals(self, server: EmbeddedPostgres) -> None:
        asked = "SELECT current_setting('timezone'), lower('ÉTÉ À NOËL'), unaccent('Noël'), current_setting('jit')"
        assert ask(server.connections.app_url, asked) == [("UTC", "été à noël", "Noel", "off")]

    def test_listens_on_its_socket_only(self, server: EmbeddedPostgres) -> None:
        assert ask(server.connections.app_url, "SHOW listen_addresses") == [("",)]
        assert stat.S_IMODE(server.connections.socket_folder.stat().st_mode) == 0o700

    def test_keeps_its_passwords_to_itself(self, server: EmbeddedPostgres) -> None:
        for name in ("passwords.json", "connection.json", "postgres.log"):
            assert stat.S_IMODE((server.folder / name).stat().st_mode) == 0o600
        assert server.connections.passwords["regal_app"] not in repr(server.connections)

    def test_never_writes_a_value_in_its_log(self, server: EmbeddedPostgres) -> None:
        with psycopg.connect(server.connections.owner_url) as owner:
            owner.execute("CREATE TABLE people (email text PRIMARY KEY)")
            owner.execute("INSERT INTO people VALUES ('leroy@example.org')")
            with pytest.raises(psycopg.errors.UniqueViolation):
                owner.execute("INSERT INTO people VALUES ('leroy@example.org')")
        log = (server.folder / "postgres.log").read_text()
        assert "duplicate key" in log
        assert "leroy" not in log

    def test_copies_a_database_for_our_roles_only(self, server: EmbeddedPostgres) -> None:
        server.create_database("original")
        with psycopg.connect(server.connections.url("regal_owner", "original")) as owner:
            owner.execute("CREATE TABLE kept (id int)")
        server.create_database_from_template("copy", "original")
        assert ask(server.connections.url("regal_owner", "copy"), "SELECT count(*) FROM kept") == [(0,)]
        rights = "SELECT has_database_privilege('public', 'copy', 'CONNECT')"
        assert ask(server.connections.app_url, rights) == [(False,)]
        server.drop_database("copy")

    def test_is_found_and_left_running_by_a_second_start(self, server: EmbeddedPostgres) -> None:
        second = EmbeddedPostgres(server.folder)
        assert second.start() == server.connections
        assert not second.is_ours
        second.stop()
        assert server.is_alive()

    def test_is_not_found_once_stopped(self, folder: Path) -> None:
        server = EmbeddedPostgres(folder, durable=False)
        server.start()
        server.stop()
        assert running(folder) is None
        assert not server.is_ours

    def test_has_a_long_path_with_spaces_and_accents(self, cluster: Path, tmp_path: Path) -> None:
        far = shutil.copytree(cluster, tmp_path / "régie de l’été" / ("très " * 20) / "postgres")
        with EmbeddedPostgres(far, durable=False) as server:
            assert ask(server.connections.app_url, "SELECT 1") == [(1,)]
            assert len(os.fsencode(server.connections.socket_folder)) < 90
            where = server.connections.socket_folder
        with EmbeddedPostgres(far, durable=False) as server:
            assert server.connections.socket_folder == where
        shutil.rmtree(where)

    def test_empties_a_log_grown_too_long(self, folder: Path) -> None:
        (folder / "postgres.log").write_bytes(b"x" * 6_000_000)
        with EmbeddedPostgres(folder, durable=False):
            assert (folder / "postgres.log").stat().st_size < 10_000
            assert (folder / "postgres.log.1").stat().st_size == 6_000_000


class TestRefusals:
    def test_data_of_another_version(self, folder: Path) -> None:
        (folder / "data" / "PG_VERSION").write_text("12\n")
        with pytest.raises(EmbeddedPostgresError, match="ont été créées par PostgreSQL 12 et le programme installé"):
            EmbeddedPostgres(folder).start()

    def test_says_why_postgresql_did_not_start(self, folder: Path) -> None:
        (folder / "data" / "global" / "pg_control").unlink()
        with pytest.raises(EmbeddedPostgresError, match=r"n’a pas pu démarrer .*pg_control"):
            EmbeddedPostgres(folder).start()
        assert not (folder / "connection.json").exists()


@pytest.mark.crash
class TestAfterACrash:
    def test_a_killed_server_keeps_what_was_committed(self, folder: Path) -> None:
        server = EmbeddedPostgres(folder)
        server.start()
        with psycopg.connect(server.connections.owner_url) as owner:
            owner.execute("CREATE TABLE kept (id int)")
        killed = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(killed, signal.SIGKILL)
        assert until(lambda: not server.is_alive())
        address = server.connections
        assert server.start() == address
        assert ask(address.owner_url, "SELECT count(*) FROM kept") == [(0,)]
        server.stop()

    def test_a_stranger_with_the_dead_server_s_number_is_no_obstacle(self, folder: Path) -> None:
        (folder / "data" / "postmaster.pid").write_text(f"{os.getppid()}\n{folder / 'data'}\n1\n5432\n\n\n1 1\nready\n")
        with EmbeddedPostgres(folder, durable=False) as server:
            assert server.is_ours

    def test_an_interrupted_creation_starts_again(self, tmp_path: Path) -> None:
        (tmp_path / "data.new").mkdir()
        (tmp_path / "data.new" / "PG_VERSION").write_text("18")
        with EmbeddedPostgres(tmp_path, durable=False) as server:
            assert ask(server.connections.app_url, "SELECT 1") == [(1,)]

    def test_the_server_ends_with_a_starter_killed_without_a_word(self, folder: Path) -> None:
        program = (
            "import sys, pathlib; from regal.lib.embedded_postgres import EmbeddedPostgres;"
            "EmbeddedPostgres(pathlib.Path(sys.argv[1]), durable=False).start(); print('started', flush=True);"
            "sys.stdin.read()"
        )
        starter = subprocess.Popen(
            [sys.executable, "-c", program, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        pid = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        starter.kill()
        starter.wait()
        assert until(lambda: is_gone(pid))
        with EmbeddedPostgres(folder, durable=False) as next_one:
            assert next_one.is_ours


class TestAsRoot:
    @as_root
    def test_files_stay_root_s_where_namespaces_are_allowed(self, server: EmbeddedPostgres) -> None:
        assert (server.folder / "data").stat().st_uid == 0

    @as_root
    def test_runs_as_somebody_else_where_namespaces_are_forbidden_and_back(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder.parent.chmod(0o700)
        with monkeypatch.context() as forbidden:
            can_run = embedded_postgres._can_run
            forbidden.setattr(
                embedded_postgres,
                "_can_run",
                lambda user, folder: user.before[0] != "unshare" and can_run(user, folder),
            )
            with EmbeddedPostgres(folder, durable=False) as server:
                assert ask(server.connections.app_url, "SELECT 1") == [(1,)]
                assert (folder / "data").stat().st_uid != 0
        with EmbeddedPostgres(folder, durable=False) as server:
            assert ask(server.connections.app_url, "SELECT 1") == [(1,)]

    @as_root
    def test_says_so_when_nothing_works(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(embedded_postgres, "_can_run", lambda user, folder: False)
        with pytest.raises(EmbeddedPostgresError, match="refuse de tourner sous root"):
            EmbeddedPostgres(folder).start()
