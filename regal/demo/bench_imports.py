"""How fast a file of debts becomes titres: the fifth part of `bench.py`.

One process of its own does what the worker does: the file kept, read into its report, compared, confirmed with its
debtors, events and audit; read once more, when all is there; taken out again. Beside it, in the same run, a raw COPY of
the same bytes into a table without index, key or log. Whoever says how many lines by `REGAL_BENCH_LINES` wants nothing
else measured: `REGAL_BENCH_LINES=1000000 make bench`.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from django.db import connections

from regal.backoffice import administration
from regal.collectivites.models import Collectivite
from regal.gateways.base import DebtKind, Environment
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.queries import settled_titres, titres_being_paid
from regal.titres import imports
from regal.titres.import_states import ImportState
from regal.titres.importers.opening import open_file
from regal.titres.models import Collector, Import, ImportSource

ALONE = "REGAL_BENCH_LINES" in os.environ
LINES = int(os.environ.get("REGAL_BENCH_LINES", "50000"))
COLUMNS = (
    "NUMERO;EXERCICE;LIBELLE;REF_REDEVABLE;NOM;PRENOM;ADRESSE1;CP;VILLE;EMAIL;MONTANT_TTC;DATE_EMISSION;DATE_ECHEANCE"
)
CHUNK = 256 * 1024
KEPT, READ, WRITTEN = "gardé", "lu, comparé, rapport écrit (à blanc)", "confirmé, enregistré"
AGAIN, UNDONE = "relu, tout étant déjà là", "défait"
OURS = "import django; django.setup(); from regal.demo import bench_imports; bench_imports.work()"


class WrongImport(Exception):
    """It did something else than what is measured."""


def measure(
    collectivite: Collectivite, *, folder: Path, postgres_cpu: Callable[[], float], say: Callable[[str], object]
) -> str:
    """Import a file: the table in Markdown."""
    say("import…")
    source = _source(collectivite)
    file = folder / "factures.csv"
    _write(file, datetime.now(UTC).year)
    copied = min(_copy(file) for _ in range(3))
    postgres = postgres_cpu()
    order = {"collectivite": collectivite.pk, "source": source.pk, "file": str(file)}
    process = subprocess.run(
        [sys.executable, "-c", OURS], input=json.dumps(order), stdout=subprocess.PIPE, text=True, check=True
    )
    done = json.loads(process.stdout)
    postgres = postgres_cpu() - postgres
    seconds = done["seconds"]
    rows = {
        "COPY brut, sans index ni journal": copied,
        KEPT: seconds[KEPT],
        READ: seconds[READ],
        WRITTEN: seconds[WRITTEN],
        "tout l’import": seconds[KEPT] + seconds[READ] + seconds[WRITTEN],
        AGAIN: seconds[AGAIN],
        UNDONE: seconds[UNDONE],
    }
    lines = [
        f"| {_grouped(LINES)} lignes, {file.stat().st_size / 1e6:.0f} Mo | lignes/s | µs/ligne | × COPY |",
        "|---|---:|---:|---:|",
    ]
    for what, took in rows.items():
        speed = _grouped(round(LINES / took))
        lines.append(f"| {what} | {speed} | {took / LINES * 1e6:.1f} | {took / copied:.1f} |")
    lines += [
        "",
        f"CPU par ligne, tout compris : Python {done['cpu'] / LINES * 1e6:.0f} µs, PostgreSQL"
        f" {postgres / LINES * 1e6:.0f} µs. Mémoire du processus qui importe, au plus : {done['megabytes']:.0f} Mo.",
    ]
    return "\n".join(lines)


def work() -> None:
    """What the other process does: its order on standard input, its answer on standard output."""
    order = json.load(sys.stdin)
    collectivite = Collectivite.objects.get(pk=order["collectivite"])
    with tenant(collectivite):
        source = ImportSource.objects.of(collectivite).get(pk=order["source"])
    file, seconds = Path(order["file"]), dict[str, float]()
    cpu = time.process_time()
    with _timed(seconds, KEPT):
        import_ = _keep(source, file)
    with _timed(seconds, READ):
        _read(import_)
    now = datetime.now(UTC)
    with _timed(seconds, WRITTEN), tenant(collectivite):
        imports.confirm(import_=import_, only_valid=False, now=now)
        imports.write(collectivite.pk, import_.pk, now, settled=settled_titres, paying=titres_being_paid)
    _expect(import_, ImportState.CONFIRMED, created=LINES)
    again = _keep(source, file)
    with _timed(seconds, AGAIN):
        _read(again)
    _expect(again, ImportState.PROPOSED, unchanged=LINES)
    with _timed(seconds, UNDONE), tenant(collectivite):
        imports.undo(import_=import_, settled=settled_titres, paying=titres_being_paid, now=datetime.now(UTC))
    _expect(import_, ImportState.UNDONE, created=LINES)
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    json.dump({"seconds": seconds, "cpu": time.process_time() - cpu, "megabytes": megabytes}, sys.stdout)


def _keep(source: ImportSource, file: Path) -> Import:
    with file.open("rb") as stream, tenant(source.collectivite_id):
        chunks = iter(lambda: stream.read(CHUNK), b"")
        return imports.keep(source=source, name=file.name, chunks=chunks, now=datetime.now(UTC), ask=False)


def _read(import_: Import) -> None:
    imports.read(
        import_.collectivite_id,
        import_.pk,
        datetime.now(UTC),
        None,
        settled=settled_titres,
        paying=titres_being_paid,
        open_file=open_file,
    )


def _expect(import_: Import, state: ImportState, *, created: int = 0, unchanged: int = 0) -> None:
    with tenant(import_.collectivite_id):
        done = Import.objects.get(collectivite=import_.collectivite_id, pk=import_.pk)
    if (done.state, done.created, done.counts.get("unchanged", 0)) != (state, created, unchanged):
        raise WrongImport(f"{done.state}, {done.created} titres, {done.counts}")


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")


def _source(collectivite: Collectivite) -> ImportSource:
    now = datetime.now(UTC)
    regie = administration.add_regie(collectivite=collectivite, name="Périscolaire", number="77", now=now)
    account = administration.add_account(
        collectivite=collectivite,
        debt_kind=DebtKind.REGIE,
        environment=Environment.TEST,
        identifier="006377",
        regie=regie,
        now=now,
    )
    product = administration.add_product(
        collectivite=collectivite,
        slug="periscolaire",
        name="Périscolaire",
        account=account,
        terms=administration.ProductTerms(
            reference_form={"pattern": "PS#{8}"}, min_amount=Money(100), max_amount=Money(100_000)
        ),
        now=now,
    )
    with tenant(collectivite):
        return imports.add_source(
            collectivite=collectivite,
            name="Périscolaire",
            collector=Collector.REGIE,
            regie=regie,
            default_product=product,
            now=now,
        )


def _write(file: Path, year: int) -> None:
    with file.open("w", encoding="utf-8", newline="\r\n") as stream:
        stream.write(COLUMNS + "\n")
        for number in range(LINES):
            stream.write(
                f"PS{number:08d};{year};Cantine et garderie;FAM{number % 40_000:06d};TESTARD{number % 977};HÉLOÏSE;"
                f"{number % 99} rue de l’École;99042;VALFICTIF;famille{number}@exemple.invalid;"
                f"{number % 800 + 2},{number % 100:02d};02/01/{year};01/02/{year}\n"
            )


def _copy(file: Path) -> float:
    with connections["owner"].cursor() as cursor, file.open("rb") as stream:
        names = ", ".join(f"{name.lower()} text" for name in COLUMNS.split(";"))
        cursor.execute(f"CREATE UNLOGGED TABLE raw_copy ({names})")
        began = time.perf_counter()
        with cursor.copy("COPY raw_copy FROM STDIN (FORMAT csv, DELIMITER ';', HEADER)") as copy:
            while chunk := stream.read(CHUNK):
                copy.write(chunk)
        seconds = time.perf_counter() - began
        cursor.execute("DROP TABLE raw_copy")
    return seconds


@contextmanager
def _timed(seconds: dict[str, float], what: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[what] = time.perf_counter() - began
