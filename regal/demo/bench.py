"""`regal bench`: how fast REGAL is on this machine, each figure beside the machine's own limit in the same run.

Everything is real: an embedded PostgreSQL that survives a power cut, the guichet under its server, the worker, a load
from a process of its own over the loopback. Nothing of the demonstration is touched. Read the ratios, not the figures.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.core.management import call_command
from django.db import connections

from regal.agenda.models import Effect
from regal.backoffice import administration
from regal.checkout.flow import Recap, seal
from regal.checkout.look import colours_digest
from regal.collectivites.models import Product
from regal.demo import (
    bench_bureau,
    bench_imports,
    bench_lookups,
    bench_notices,
    bench_paybox,
    bench_payments,
    bench_quittances,
    bench_titres,
    bench_web_service,
)
from regal.demo.bench_processes import pgbench
from regal.demo.cast import TOWNS
from regal.gateways.base import DebtKind, Environment, Redirect
from regal.lib import ports, tokens
from regal.lib.bound_process import BoundProcess
from regal.lib.embedded_postgres import DATABASE, Connections, EmbeddedPostgres
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.operations import JUDGE_MESSAGE, PaymentOrder, start_payment
from regal.proof.operations import verify

CONNECTIONS = 8
ATTEMPTS = 500
NOTIFICATIONS = 2_000
PAGES = 3_000
PGBENCH_SECONDS = 5
WARM_UP = 50
EMPTY = "page Django vide (/healthz)"
BARE = "pgbench : les mêmes écritures qu’une notification"
PARTS = ("paiements", "consultations")  # what may be measured alone
TICKS = os.sysconf("SC_CLK_TCK")
ROLES = {"default": "regal_app", "owner": "regal_owner", "verify": "regal_verify"}

# The statements of a notification that is stored, without Python around them.
STORE = """BEGIN;
SELECT set_config('regal.tenant', '{tenant}', true);
SELECT id, account_id FROM payments_attempt WHERE collectivite_id = {tenant} AND notification_digest = '{digest}';
\\set nonce random(1, 1000000000000)
INSERT INTO payments_inboxmessage
 (collectivite_id, account_id, attempt_id, received_at, method, content_type, query, body, digest)
 VALUES ({tenant}, {account}, {attempt}, now(), 'POST', '', '', '{body}', '{digest}') RETURNING id;
INSERT INTO agenda_effect (collectivite_id, kind, subject_id, due_at, tries, failure)
 VALUES ({tenant}, 'bench', :nonce, now(), 0, '') ON CONFLICT DO NOTHING;
INSERT INTO procrastinate_jobs (queue_name, task_name, args, queueing_lock)
 VALUES ('bench', 'bench', '{{}}', 'bench:' || :nonce);
COMMIT;
"""


class WrongAnswers(Exception):
    """The server answered something else than what is measured."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table."""

    what: str
    count: int
    seconds: float
    web_seconds: float = 0.0  # of CPU
    worker_seconds: float = 0.0
    postgres_seconds: float = 0.0
    p99_milliseconds: int | None = None
    note: str = ""

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


class Family:
    """A process and its descendants, and what they cost, as /proc counts it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def pids(self) -> list[int]:
        parents: dict[int, list[int]] = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and (stat := _stat(int(folder.name))):
                parents.setdefault(int(stat[1]), []).append(int(folder.name))
        family, coming = [], [self.pid]
        while coming:
            pid = coming.pop()
            family.append(pid)
            coming += parents.get(pid, [])
        return family

    def cpu_seconds(self) -> float:
        """Of the living, and of the dead that a living parent has buried."""
        stats = [stat for pid in self.pids() if (stat := _stat(pid))]
        return sum(int(ticks) for stat in stats for ticks in stat[11:15]) / TICKS

    def memory_megabytes(self) -> float:
        """Proportional set size: what is shared is counted once."""
        return sum(_pss_kilobytes(pid) for pid in self.pids()) / 1024


def _stat(pid: int) -> list[str]:
    """The fields after the command's name; nothing if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def _pss_kilobytes(pid: int) -> int:
    for file, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            lines = Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8").splitlines()
        except OSError:
            continue
        for line in lines:
            if line.startswith(key):
                return int(line.split()[1])
    return 0


@dataclass(frozen=True)
class Door:
    """The address of one attempt's notifications, and what may be posted there."""

    path: str
    fields: dict[str, str]
    attempt_id: int


class Bench:
    def __init__(
        self, folder: Path, say: Callable[[str], object], *, titres: int, payments: int, only: str = ""
    ) -> None:
        self.folder = folder
        self.only = only
        self.titres_asked, self.payments_asked = titres, payments
        self.say = say
        self.port = next(port for port in range(18_500, 60_000) if ports.is_free(port))
        self.figures: list[Figure] = []
        self.memory: dict[str, float] = {}
        self.bureau = ""
        self.web_service = ""
        self.quittances = ""
        self.whole = ""
        self.paybox = ""
        self.imports = ""
        self.titres = ""
        self.lookups = ""
        self.web: Family | None = None
        self.worker: Family | None = None

    def run(self) -> None:
        with ExitStack() as until_the_end:
            server = EmbeddedPostgres(self.folder / "postgres", durable=self.only != "consultations")  # only read
            server.start()
            until_the_end.callback(server.stop)
            assert server._process is not None
            self.postgres = Family(server._process.pid)
            self._lead_django_to(server.connections)
            self.say("base…")
            call_command("migrate", database="owner", interactive=False, verbosity=0)
            product = self._make_town()
            until_the_end.callback(connections.close_all)
            if self.only == "consultations":
                self.say(f"{self.titres_asked} factures…")
                bench_titres.fill(
                    server.connections,
                    now=datetime.now(UTC),
                    titres=self.titres_asked,
                    named=False,
                    one_in=50,
                    say=self.say,
                )
                self._look_up(server.connections)
                return
            if bench_imports.ALONE:
                self.imports = bench_imports.measure(
                    product.collectivite, folder=self.folder, postgres_cpu=self.postgres.cpu_seconds, say=self.say
                )
                return
            doors = self._start_payments(product)
            with self._process("serve", "guichet", "--port", str(self.port)) as web:
                self.web = web
                self._wait_for("/healthz")
                if self.only == "paiements":
                    self._load(EMPTY, [["GET", "/healthz", ""]] * PAGES)
                else:
                    self._pages(product)
                    self._notifications(doors)
                self.memory["guichet"] = web.memory_megabytes()
                self.memory["PostgreSQL"] = self.postgres.memory_megabytes()
                self.web = None
            if not self.only:
                self._judge()
                self._verify()
            self._pgbench(server.connections, product, doors[0])
            self.whole = bench_payments.measure(
                product.collectivite,
                port=self.port + 3,
                limits=[(name, self._figure(what)) for name, what in (("page vide", EMPTY), ("pgbench", BARE))],
                postgres_cpu=self.postgres.cpu_seconds,
                say=self.say,
            )
            if self.only == "paiements":
                return
            self.web_service = bench_web_service.measure(
                product.collectivite, port=self.port + 2, postgres_cpu=self.postgres.cpu_seconds, say=self.say
            )
            self.quittances = bench_quittances.measure(
                product.collectivite, slug="cantine", postgres_cpu=self.postgres.cpu_seconds, say=self.say
            )
            self.paybox = bench_paybox.measure(say=self.say)
            self.imports = bench_imports.measure(
                product.collectivite, folder=self.folder, postgres_cpu=self.postgres.cpu_seconds, say=self.say
            )
            self.titres = bench_titres.measure(server.connections, titres=self.titres_asked, say=self.say)
            self.titres += "\n\n" + bench_notices.measure(say=self.say)
            self._look_up(server.connections)
            self.bureau = bench_bureau.measure(
                server.connections,
                port=self.port + 1,
                serve=self._bureau,
                say=self.say,
                payments=self.payments_asked,
            )

    # What is measured

    def _figure(self, what: str) -> Figure:
        return next(one for one in self.figures if one.what == what)

    def _look_up(self, to: Connections) -> None:
        self.lookups = bench_lookups.measure(
            to, folder=self.folder, titres=self.titres_asked, postgres_cpu=self.postgres.cpu_seconds, say=self.say
        )

    def _start_payments(self, product: Product) -> list[Door]:
        self.say("tentatives…")
        doors = []
        attempts = 1 if self.only else ATTEMPTS
        with self._measured("tentative créée et départ préparé (sans HTTP)", attempts):
            for number in range(1, attempts + 1):
                order = PaymentOrder(
                    product=product,
                    debt_reference=f"2026{number:08d}000001",
                    exercice=2026,
                    amount=Money(12_550),
                    email="payeur@example.org",
                    language="fr",
                    flow_token=tokens.new_token(),
                    handle=tokens.new_token(),
                    told_of_earlier=False,
                )
                with tenant(product.collectivite):
                    started = start_payment(order=order, now=datetime.now(UTC))
                assert isinstance(started.hand_off, Redirect)
                doors.append(self._door(started.hand_off.url, started.attempt.pk))
        return doors

    def _door(self, url: str, attempt_id: int) -> Door:
        sent = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        path = urlsplit(sent.pop("urlcl")).path
        heard = sent | {"resultrans": "P", "numauto": "3feabd", "dattrans": "24112026", "heurtrans": "0905"}
        return Door(path=path, fields=heard, attempt_id=attempt_id)

    def _pages(self, product: Product) -> None:
        self.say("pages…")
        self._load(EMPTY, [["GET", "/healthz", ""]] * PAGES)
        first = f"/{product.collectivite.slug}/{product.slug}/"
        self._load("première page du payeur", [["GET", first, ""]] * (PAGES // 2))
        town = product.collectivite
        colours = f"/s/l/{town.pk}/{colours_digest(town)}.css"
        self._load("couleurs de la collectivité (feuille de style)", [["GET", colours, ""]] * (PAGES // 2))
        typed = {"exercice": "2026", "titre": "412", "ligne": "1", "amount": "125,50", "email": "payeur@example.org"}
        self._load("récapitulatif du payeur", [["POST", first, urlencode(typed)]] * (PAGES // 4))
        self._load("tentative créée et départ donné au navigateur", self._recaps(product, 500), good="303")

    def _recaps(self, product: Product, count: int) -> list[list[str]]:
        """Recap pages that payers confirm, sealed as the guichet seals them; each can be used once."""
        sent = []
        for number in range(count + WARM_UP):
            recap = Recap(
                exercice=2026,
                debt_reference=f"2026{10_000_000 + number:08d}000001",
                amount_cents=12_550,
                email="payeur@example.org",
                flow_token=tokens.new_token(),
                handle=tokens.new_token(),
                told_of_earlier=False,
            )
            token = seal(recap, product=product, now=datetime.now(UTC))
            sent.append(["POST", f"/{product.collectivite.slug}/{product.slug}/payer/", urlencode({"token": token})])
        return sent

    def _notifications(self, doors: list[Door]) -> None:
        self.say("notifications…")
        orders = []
        for number in range(NOTIFICATIONS):
            door = doors[number % len(doors)]
            orders.append(["POST", door.path, urlencode(door.fields | {"objet": f"bench {number}"})])
        self._load("notification enregistrée et acquittée", orders)

    def _judge(self) -> None:
        self.say("jugements…")
        waiting = Effect.objects.filter(kind=JUDGE_MESSAGE, done_at__isnull=True)
        total = waiting.count()
        with self._process("worker") as worker:
            self.worker = worker
            before = _until(lambda: waiting.count() < total, 30)
            left = waiting.count()
            with self._measured("notification jugée par le worker", left, note=f"après {before:.1f} s de démarrage"):
                _until(lambda: not waiting.exists(), 300)
            self.memory["worker"] = worker.memory_megabytes()
            self.worker = None

    def _verify(self) -> None:
        began = time.perf_counter()
        report = verify(now=datetime.now(UTC))
        seconds = time.perf_counter() - began
        self.figures.append(
            Figure(
                what="ligne vérifiée par regal verify",
                count=report.rows,
                seconds=seconds,
                note=f"{report.invariants} invariants en {seconds * 1000:.0f} ms, {len(report.broken)} anomalie(s)",
            )
        )

    def _pgbench(self, to: Connections, product: Product, door: Door) -> None:
        self.say("pgbench…")
        script = self.folder / "store.sql"
        token = door.path.rpartition("/")[2]
        script.write_text(
            STORE.format(
                tenant=product.collectivite_id,
                account=product.account_id,
                attempt=door.attempt_id,
                digest=tokens.digest(token),
                body=urlencode(door.fields),
            ),
            encoding="utf-8",
        )
        before = self.postgres.cpu_seconds()
        done = pgbench(script, to=to, clients=CONNECTIONS, seconds=PGBENCH_SECONDS)
        self.figures.append(
            Figure(
                what=BARE,
                count=done,
                seconds=float(PGBENCH_SECONDS),
                postgres_seconds=self.postgres.cpu_seconds() - before,
            )
        )

    # How it is measured

    @contextmanager
    def _measured(self, what: str, count: int, *, note: str = "") -> Iterator[dict[str, int]]:
        answer: dict[str, int] = {}
        before = self._cpu()
        ours = time.process_time()
        began = time.perf_counter()
        yield answer
        seconds = time.perf_counter() - began
        web, worker, postgres = (now - then for now, then in zip(self._cpu(), before, strict=True))
        is_in_process = self.web is None and self.worker is None
        self.figures.append(
            Figure(
                what=what,
                count=count,
                seconds=seconds,
                web_seconds=time.process_time() - ours if is_in_process else web,
                worker_seconds=worker,
                postgres_seconds=postgres,
                p99_milliseconds=answer.get("p99_milliseconds"),
                note=note,
            )
        )

    def _cpu(self) -> tuple[float, float, float]:
        return tuple(  # type: ignore[return-value]
            family.cpu_seconds() if family else 0.0 for family in (self.web, self.worker, self.postgres)
        )

    def _load(self, what: str, requests: list[list[str]], *, good: str = "200") -> None:
        """Warm up, then measure the others. Raises WrongAnswers: a refusal is fast and means nothing."""
        warm_up, measured = self._order(requests[:WARM_UP]), self._order(requests[WARM_UP:])
        statuses = self._send(warm_up)["statuses"]
        if not set(statuses) <= {good}:
            raise WrongAnswers(f"{what} : {statuses}")
        with self._measured(what, len(measured["requests"])) as answer:
            said = self._send(measured)
            answer["p99_milliseconds"] = said["p99_milliseconds"]
        if not set(said["statuses"]) <= {good}:
            raise WrongAnswers(f"{what} : {said['statuses']}")

    def _order(self, requests: list[list[str]], connections: int = CONNECTIONS) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": self.port, "connections": connections, "requests": requests}

    def _send(self, order: dict[str, Any]) -> dict[str, Any]:
        sent = subprocess.run(
            [sys.executable, "-m", "regal.demo.load"],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            check=True,
        )
        said: dict[str, Any] = json.loads(sent.stdout)
        return said

    @contextmanager
    def _process(self, *words: str) -> Iterator[Family]:
        with open(self.folder / f"{words[0]}.log", "wb") as log:
            process = BoundProcess(
                [sys.executable, "-m", "regal.config.cli", *words], output=log, environment=os.environ
            )
            try:
                yield Family(process.pid)
            finally:
                process.send(signal.SIGTERM)
                process.wait(timeout_seconds=30)
                process.kill_group()

    @contextmanager
    def _bureau(self) -> Iterator[Family]:
        with self._process("serve", "bureau", "--port", str(self.port + 1)) as family:
            _until(lambda: bench_bureau.is_ready(self.port + 1), 60)
            yield family

    def _wait_for(self, path: str) -> None:
        order = self._order([["GET", path, ""]], connections=1)

        def answers() -> bool:
            return ports.answers(self.port) and "200" in self._send(order)["statuses"]

        _until(answers, 30)

    def _lead_django_to(self, to: Connections) -> None:
        os.environ.update(to.environment())
        os.environ["REGAL_TRUSTED_PROXIES"] = "127.0.0.1"  # the load plays the proxy, and many payers behind it
        for alias, role in ROLES.items():
            connections.databases[alias].update(
                NAME=DATABASE, USER=role, PASSWORD=to.passwords[role], HOST=str(to.socket_folder), PORT=""
            )

    def _make_town(self) -> Product:
        now = datetime.now(UTC)
        collectivite = administration.create_collectivite(
            slug="saint-aubin", name="Saint-Aubin", siret=TOWNS[0].siret, now=now
        )
        collectivite = administration.set_look(collectivite=collectivite, main_colour=TOWNS[0].main_colour, now=now)
        account = administration.add_account(
            collectivite=collectivite,
            debt_kind=DebtKind.TITRE,
            environment=Environment.TEST,
            identifier="006382",
            now=now,
        )
        return administration.add_product(
            collectivite=collectivite, slug="titres", name="Avis des sommes à payer", account=account, now=now
        )


def _until(happens: Callable[[], bool], seconds: float) -> float:
    """How long it took. Raises TimeoutError."""
    began = time.perf_counter()
    while not happens():
        if time.perf_counter() - began > seconds:
            raise TimeoutError
        time.sleep(0.02)
    return time.perf_counter() - began


def table(figures: list[Figure], memory: dict[str, float]) -> str:
    """The figures in Markdown: each as a part of the machine's own limit."""
    if not figures:
        return ""
    limits = {figure.what: figure.per_second for figure in figures}
    django = next((speed for what, speed in limits.items() if what == EMPTY), None)
    postgres = next((speed for what, speed in limits.items() if what == BARE), None)
    lines = [
        "| opération | par seconde | CPU Python ms | CPU PostgreSQL ms | p99 ms | / page vide | / pgbench | |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for figure in figures:
        python = (figure.web_seconds + figure.worker_seconds) * 1000 / figure.count
        server = figure.postgres_seconds * 1000 / figure.count
        cells = [
            figure.what,
            f"{figure.per_second:,.0f}".replace(",", " "),
            f"{python:.2f}" if python else "",
            f"{server:.2f}" if server else "",
            "" if figure.p99_milliseconds is None else f"{figure.p99_milliseconds}",
            f"{figure.per_second / django:.2f}" if django else "",
            f"{figure.per_second / postgres:.2f}" if postgres else "",
            figure.note,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| processus | mémoire Mo |", "|---|---:|"]
    lines += [f"| {name} | {megabytes:.0f} |" for name, megabytes in memory.items()]
    return "\n".join(lines)


def main(
    say: Callable[[str], object],
    *,
    titres: int = bench_titres.TITRES,
    payments: int = bench_bureau.PAYMENTS_OF_THE_TOWN,
    only: str = "",
) -> str:
    """Measure everything, or `only` one part; the tables. `titres`, `payments`: how many are searched."""
    folder = Path(tempfile.mkdtemp(prefix="regal-bench-"))
    try:
        bench = Bench(folder, say, titres=titres, payments=payments, only=only)
        bench.run()
        tables = (
            bench.whole,
            bench.web_service,
            bench.quittances,
            bench.paybox,
            bench.imports,
            bench.titres,
            bench.lookups,
            bench.bureau,
        )
        return "\n\n".join([table(bench.figures, bench.memory), *tables])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
