"""kill -9 of the worker in the middle of an import of 100,000 lines: nothing is half done, and it goes on."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from regal.agenda.models import Effect
from regal.demo.environment import demo_environment, ports
from regal.gateways.base import DebtKind
from regal.lib.bound_process import BoundProcess
from regal.lib.tenancy import tenant
from regal.titres import imports
from regal.titres.import_states import ImportState
from regal.titres.models import Collector, Import, Titre
from tests import cast, proof
from tests.demo import until

pytestmark = [pytest.mark.crash, pytest.mark.slow]

LINES = 100_000
PATIENCE_SECONDS = 300


@contextmanager
def worker(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[BoundProcess]:
    folder = tmp_path_factory.mktemp("worker")
    settings = {
        name: value
        for name, value in demo_environment(folder, ports()).items()
        if name.removesuffix("_FILE") not in os.environ
    }
    with open(folder / "worker.log", "wb") as log:
        process = BoundProcess(
            [sys.executable, "-m", "regal.config.cli", "worker"],
            output=log,
            environment=os.environ | settings | environment,
        )
        try:
            yield process
        finally:
            process.send(signal.SIGKILL)
            process.wait(timeout_seconds=30)
            process.kill_group()


def forget_the_dead() -> None:
    """What two minutes would do: whoever held the work is taken for dead."""
    Effect.objects.filter(kind__startswith="read_import").update(due_at=datetime.now(UTC) - timedelta(seconds=1))


def test_is_whole_or_not_at_all(committed_db, database_environment, tmp_path_factory):
    town = cast.make_saint_aubin()
    canteen = cast.make_product(
        town,
        DebtKind.REGIE,
        slug="restaurant",
        numcli="006383",
        gateway="payfip_ws",
        reference_form={"pattern": "FC2026-#{8}"},
    )
    now = datetime.now(UTC)
    content = "NUMERO;MONTANT;NOM;DATE_EMISSION\n" + "".join(
        f"FC2026{number:08d};{number % 90 + 2},50;Mme Leroy;02/01/{now.year}\n" for number in range(LINES)
    )
    with tenant(town.collectivite):
        source = imports.add_source(
            collectivite=town.collectivite,
            name="Cantine",
            collector=Collector.REGIE,
            regie=canteen.account.regie,
            default_product=canteen,
            now=now,
        )
        import_ = imports.keep(source=source, name="annee.csv", chunks=[content.encode()], now=now)

    def state_of() -> Import:
        connections.close_all()
        with tenant(town.collectivite):
            return Import.objects.select_related("collectivite").get(pk=import_.pk)

    def titres() -> int:
        with tenant(town.collectivite):
            return Titre.objects.count()

    with worker(database_environment, tmp_path_factory):
        assert until(lambda: state_of().lines_read >= 10_000, seconds=PATIENCE_SECONDS)
    assert (state_of().state, titres()) == (ImportState.READING, 0)

    forget_the_dead()
    with worker(database_environment, tmp_path_factory):
        assert until(lambda: state_of().state == ImportState.PROPOSED, seconds=PATIENCE_SECONDS)
        assert state_of().counts["new"] == LINES
        with tenant(town.collectivite):
            imports.confirm(import_=import_, only_valid=False, now=datetime.now(UTC))
        until(lambda: state_of().state == ImportState.CONFIRMED, seconds=1)
    assert titres() in (0, LINES)
    assert (titres() == LINES) == (state_of().state == ImportState.CONFIRMED)

    with worker(database_environment, tmp_path_factory):
        assert until(lambda: state_of().state == ImportState.CONFIRMED, seconds=PATIENCE_SECONDS)
    assert titres() == LINES
    assert proof.broken(datetime.now(UTC)) == ()
