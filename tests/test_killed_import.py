"""kill -9 in the middle of an import, of the worker or of the command: nothing is half done, and it goes on."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection, connections

from regal.agenda.models import Effect
from regal.gateways.base import DebtKind
from regal.lib.bound_process import BoundProcess
from regal.lib.tenancy import tenant
from regal.lib.vault import new_master_key
from regal.titres import imports
from regal.titres.import_states import ImportState
from regal.titres.models import Collector, Import, ImportSource, Titre
from tests import cast, proof
from tests.demo import until

pytestmark = [pytest.mark.crash, pytest.mark.slow]

LINES = 100_000
FEWER = 20_000
PATIENCE_SECONDS = 900  # nothing is measured here: a busy machine may take its time


@contextmanager
def regal(environment: dict[str, str], log: Path, *words: str) -> Iterator[BoundProcess]:
    """This command, killed at the end if it has not ended."""
    environment = os.environ | environment | {"REGAL_SECRET_KEYS": f"k1:{new_master_key()}"}
    with log.open("wb") as output:
        process = BoundProcess(
            [sys.executable, "-m", "regal.config.cli", *words], output=output, environment=environment
        )
        try:
            yield process
        finally:
            process.send(signal.SIGKILL)
            process.wait(timeout_seconds=30)
            process.kill_group()


def forget_the_dead() -> None:
    """What two minutes would do: whoever held the work is taken for dead."""
    held = Effect.objects.filter(kind__in=[imports.READ_IMPORT, imports.WRITE_IMPORT, imports.UNDO_IMPORT])
    held.update(due_at=datetime.now(UTC) - timedelta(seconds=1))


def is_writing(what: str = "INSERT INTO titres_titre") -> bool:
    """Whether another process is creating titres at this instant, or does `what`."""
    connections.close_all()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
            " AND datname = current_database() AND query LIKE %s)",
            [f"%{what}%"],
        )
        return bool(cursor.fetchone()[0])


@pytest.fixture
def source(committed_db: None) -> ImportSource:
    town = cast.make_saint_aubin()
    canteen = cast.make_product(
        town,
        DebtKind.REGIE,
        slug="restaurant",
        numcli="006383",
        gateway="payfip_ws",
        reference_form={"pattern": "FC2026-#{8}"},
    )
    with tenant(town.collectivite):
        return imports.add_source(
            collectivite=town.collectivite,
            name="Cantine",
            collector=Collector.REGIE,
            regie=canteen.account.regie,
            default_product=canteen,
            now=datetime.now(UTC),
        )


def content(lines: int) -> bytes:
    year = datetime.now(UTC).year
    rows = (f"FC2026{number:08d};{number % 90 + 2},50;Mme Leroy;02/01/{year}\n" for number in range(lines))
    return "".join(["NUMERO;MONTANT;NOM;DATE_EMISSION\n", *rows]).encode()


def imports_of(source: ImportSource) -> list[Import]:
    """As they are now, the oldest first."""
    connections.close_all()
    with tenant(source.collectivite_id):
        return list(Import.objects.select_related("collectivite").filter(source=source).order_by("pk"))


def titres(source: ImportSource) -> int:
    with tenant(source.collectivite_id):
        return Titre.objects.count()


def in_base(source: ImportSource) -> int:
    with tenant(source.collectivite_id):
        return Titre.objects.exclude(status="withdrawn").count()


class TestTheWorkerIsKilled:
    def test_it_is_whole_or_not_at_all(self, source, database_environment, tmp_path):
        def worker():
            return regal(database_environment, tmp_path / "worker.log", "worker")

        def import_() -> Import:
            return imports_of(source)[0]

        with tenant(source.collectivite_id):
            imports.keep(source=source, name="annee.csv", chunks=[content(LINES)], now=datetime.now(UTC))
        with worker():
            assert until(lambda: import_().lines_read >= 10_000, seconds=PATIENCE_SECONDS)
        assert (import_().state, titres(source)) == (ImportState.READING, 0)

        forget_the_dead()
        with worker():
            assert until(lambda: import_().state == ImportState.PROPOSED, seconds=PATIENCE_SECONDS)
            read = import_()
            assert read.counts["new"] == LINES
            with tenant(source.collectivite_id):
                imports.confirm(import_=read, only_valid=False, now=datetime.now(UTC))
            assert until(is_writing, seconds=PATIENCE_SECONDS)
        assert until(lambda: not is_writing(), seconds=PATIENCE_SECONDS)
        assert (import_().state, titres(source)) == (ImportState.WRITING, 0)

        forget_the_dead()
        with worker():
            assert until(lambda: import_().state == ImportState.CONFIRMED, seconds=PATIENCE_SECONDS)
        assert titres(source) == LINES
        assert proof.broken(datetime.now(UTC)) == ()

        taking_out = "SET status = 'withdrawn'"
        written = import_()
        with tenant(source.collectivite_id):
            imports.ask_undoing(import_=written, now=datetime.now(UTC))
        with worker():
            assert until(lambda: is_writing(taking_out), seconds=PATIENCE_SECONDS)
        assert until(lambda: not is_writing(taking_out), seconds=PATIENCE_SECONDS)
        assert (import_().state, in_base(source)) == (ImportState.UNDOING, LINES)

        forget_the_dead()
        with worker():
            assert until(lambda: import_().state == ImportState.UNDONE, seconds=PATIENCE_SECONDS)
        assert in_base(source) == 0
        assert proof.broken(datetime.now(UTC)) == ()


class TestTheCommandIsKilled:
    def test_nothing_is_written_and_the_same_command_does_it_all(self, source, database_environment, tmp_path):
        file, log = tmp_path / "annee.csv", tmp_path / "import.log"
        file.write_bytes(content(FEWER))

        def command():
            return regal(
                database_environment, log, "import", "saint-aubin", "Cantine", str(file), "--wet-run", "--by", "nadia"
            )

        def is_reading() -> bool:
            return any(one.lines_read for one in imports_of(source))

        with command():
            assert until(is_reading, seconds=PATIENCE_SECONDS)
        assert ([one.state for one in imports_of(source)], titres(source)) == ([ImportState.READING], 0)

        with command():
            assert until(is_writing, seconds=PATIENCE_SECONDS)
        assert until(lambda: not is_writing(), seconds=PATIENCE_SECONDS)
        states = [ImportState.READING, ImportState.PROPOSED]
        assert ([one.state for one in imports_of(source)], titres(source)) == (states, 0)

        with command() as process:
            assert process.wait(timeout_seconds=PATIENCE_SECONDS) == 0, log.read_text()
        assert f"{FEWER} nouvelles" in log.read_text()
        assert titres(source) == FEWER
        left, unwritten, _ = imports_of(source)
        with tenant(source.collectivite_id):
            for one in (left, unwritten):
                imports.discard(import_=one, now=datetime.now(UTC))
        assert titres(source) == FEWER
        assert proof.broken(datetime.now(UTC)) == ()
