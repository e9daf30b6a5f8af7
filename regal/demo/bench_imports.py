"""How fast a file of debts becomes titres: the fifth part of `bench.py`.

The whole of it is measured, kept, read, reported, compared, confirmed, with its debtors, events and audit; beside it,
in the same run, a raw COPY of the same bytes into a table without index, key or log. `REGAL_BENCH_LINES` says how many
lines (100,000 unless told otherwise). The file is then read once more by `regal import`, for the memory that it takes.
"""

import os
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

LINES = int(os.environ.get("REGAL_BENCH_LINES", "100000"))
COLUMNS = (
    "NUMERO;EXERCICE;LIBELLE;REF_REDEVABLE;NOM;PRENOM;ADRESSE1;CP;VILLE;EMAIL;MONTANT_TTC;DATE_EMISSION;DATE_ECHEANCE"
)
CHUNK = 256 * 1024


class WrongImport(Exception):
    """It did something else than what is measured."""


def measure(
    collectivite: Collectivite, *, folder: Path, postgres_cpu: Callable[[], float], say: Callable[[str], object]
) -> str:
    """Import a file: the table in Markdown."""
    say("import…")
    source = _source(collectivite)
    file = folder / "factures.csv"
    now = datetime.now(UTC)
    _write(file, now.year)
    copied = min(_copy(file) for _ in range(3))
    seconds: dict[str, float] = {}
    cpu, postgres = time.process_time(), postgres_cpu()
    with _timed(seconds, "gardé"), file.open("rb") as stream, tenant(collectivite):
        chunks = iter(lambda: stream.read(CHUNK), b"")
        import_ = imports.keep(source=source, name=file.name, chunks=chunks, now=now, ask=False)
    with _timed(seconds, "lu, comparé, rapport écrit"):
        imports.read(
            collectivite.pk,
            import_.pk,
            now,
            None,
            settled=settled_titres,
            paying=titres_being_paid,
            open_file=open_file,
        )
    with _timed(seconds, "confirmé, enregistré"), tenant(collectivite):
        imports.confirm(import_=import_, only_valid=False, now=now)
        imports.write(collectivite.pk, import_.pk, now, settled=settled_titres, paying=titres_being_paid)
    cpu, postgres = time.process_time() - cpu, postgres_cpu() - postgres
    with tenant(collectivite):
        done = Import.objects.of(collectivite).get(pk=import_.pk)
    if (done.state, done.created) != (ImportState.CONFIRMED, LINES):
        raise WrongImport(f"{done.state}, {done.created} titres")
    seconds["tout l’import"] = sum(seconds.values())
    megabytes, again = _read_again(collectivite, source, file)
    lines = [
        f"| {LINES:,} lignes, {file.stat().st_size / 1e6:.0f} Mo | lignes/s | µs/ligne | × COPY |".replace(",", " ", 1),
        "|---|---:|---:|---:|",
    ]
    for what, took in [
        ("COPY brut, sans index ni journal", copied),
        *seconds.items(),
        ("relu par `regal import`", again),
    ]:
        speed = f"{LINES / took:,.0f}".replace(",", " ")
        lines.append(f"| {what} | {speed} | {took / LINES * 1e6:.1f} | {took / copied:.1f} |")
    lines += [
        "",
        f"CPU de l’import : Python {cpu:.1f} s, PostgreSQL {postgres:.1f} s. Mémoire au plus : {megabytes:.0f} Mo.",
    ]
    return "\n".join(lines)


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


def _read_again(collectivite: Collectivite, source: ImportSource, file: Path) -> tuple[float, float]:
    """Megabytes at most, and seconds, of a process that reads the file into a report and throws it away."""
    words = [sys.executable, "-m", "regal.config.cli", "import", collectivite.slug, source.name, str(file)]
    began = time.perf_counter()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise WrongImport(f"regal import : {process.returncode}")
    return usage.ru_maxrss / 1024, time.perf_counter() - began
