"""The payer's look-up among very many invoices: what it costs beside the same index look-up by pgbench.

The towns and their invoices are those of `bench_titres.py`, written by SQL as the owner. References are drawn all over
the table, so that the pages of the index are rarely the ones just read. One after the other, in one process, as
`regal_app` under row-level security; pgbench asks the same way, with one client.
"""

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.db import connection, connections
from django.test import Client, override_settings

from regal.checkout import look_ups
from regal.collectivites.models import Collectivite, Product
from regal.demo import bench_titres
from regal.demo.bench_processes import pgbench
from regal.lib.embedded_postgres import Connections
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.queries import Situation, look_up
from regal.titres.models import Titre

TIMES = 600
PAGES = 60
WARM_UP = 50
PGBENCH_SECONDS = 10
SEED = 8
MANY = 1_000_000
EVERY = 3  # one invoice in three is of this product
PAYER = {"email": "payeur@example.org"}

# What the look-up must ask at least, without Python around it.
LOOK = """\\set n random(1, {most})
BEGIN;
SELECT set_config('regal.tenant', '{tenant}', true);
SELECT * FROM titres_titre WHERE collectivite_id = {tenant} AND product_id = {product} AND collector = 'regie'
 AND regie_id = {regie} AND reference = lpad((:n * {every})::text, 9, '0') AND status <> 'withdrawn'
 ORDER BY id LIMIT 1;
COMMIT;
"""


class WrongLookUp(Exception):
    """The answer is not the one that is measured."""


@dataclass(frozen=True, kw_only=True)
class LookFigure:
    """One line of the table: seconds of each kind for so many."""

    what: str
    count: int
    seconds: float
    python_seconds: float
    postgres_seconds: float

    @property
    def cpu(self) -> float:
        """Milliseconds of processors, of one."""
        return (self.python_seconds + self.postgres_seconds) * 1000 / self.count


class LookBench:
    """Asks the town that `bench_titres.fill` has written."""

    def __init__(self, to: Connections, *, folder: Path, titres: int, postgres_cpu: Callable[[], float]) -> None:
        self.to, self.folder, self.titres, self.postgres_cpu = to, folder, titres, postgres_cpu
        self.now = datetime.now(UTC)
        self.draw = random.Random(SEED)  # noqa: S311 - a measure
        town = Collectivite.objects.get(slug=f"{bench_titres.MARK}-0")
        with tenant(town):
            self.product = Product.objects.of(town).select_related("account", "collectivite").get(slug="cantine")
        self.client = Client(headers={"host": bench_titres.HOST})

    def figures(self) -> list[LookFigure]:
        """What pgbench does, then each answer of the look-up, then whole pages."""
        lines = [self._pgbench()]
        kinds: dict[str, tuple[Callable[[], tuple[str, Money]], Situation]] = {
            "à payer": (self._payable, Situation.PAYABLE),
            "déjà payée": (self._paid, Situation.PAID),
            "montant faux": (self._wrong_amount, Situation.UNKNOWN),
            "référence inconnue": (self._unknown, Situation.UNKNOWN),
        }
        for what, (draw, expected) in kinds.items():
            asked = [draw() for _ in range(TIMES)]
            lines.append(self._measured(what, asked[WARM_UP:], partial(self._look, expected=expected)))
        whole = {
            "page entière, à payer": (self._payable, 200),
            "page entière, montant faux": (self._wrong_amount, 422),
            "page entière, référence inconnue": (self._unknown, 422),
        }
        with self._guichet():
            for what, (draw, status) in whole.items():
                asked = [draw() for _ in range(PAGES)]
                for one in asked[:10]:
                    self._page(one, status)
                lines.append(self._measured(what, asked[10:], partial(self._page, status=status)))
        return lines

    def plans(self) -> list[str]:
        """How PostgreSQL finds what one look-up asks: each access, and by which index."""
        said: list[tuple[str, Any]] = []

        def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            said.append((sql, params))
            return execute(sql, params, many, context)

        asked = self._payable()
        with tenant(self.product.collectivite), connection.execute_wrapper(note):
            look_up(product=self.product, reference=asked[0], amount=asked[1], now=self.now)
        found = []
        with tenant(self.product.collectivite), connection.cursor() as cursor:
            for sql, params in said:
                if not sql.lstrip().startswith("SELECT"):
                    continue
                cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
                plan = cursor.fetchone()
                assert plan is not None
                told = plan[0] if isinstance(plan[0], list) else json.loads(plan[0])
                found += list(_accesses(told[0]["Plan"]))
            named = {access: access.partition(":")[0] for access in found if "Seq Scan" in access}
            for access, name in named.items():
                cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{name}")')  # noqa: S608 - a table of ours
                row = cursor.fetchone()
                if row is not None and not row[0]:
                    found = [f"{name}: vide ici" if one == access else one for one in found]
        return sorted(set(found))

    def _look(self, asked: tuple[str, Money], expected: Situation) -> None:
        with tenant(self.product.collectivite):
            found = look_up(product=self.product, reference=asked[0], amount=asked[1], now=self.now)
        if found.situation is not expected:
            raise WrongLookUp(f"{asked}: {found.situation}")

    def _page(self, asked: tuple[str, Money], status: int) -> None:
        """Each from another source: one is slowed after some dozens."""
        source = ".".join(str(self.draw.randrange(1, 255)) for _ in range(4))
        typed = PAYER | {"invoice": asked[0], "amount": f"{asked[1].cents // 100},{asked[1].cents % 100:02d}"}
        address = f"/{self.product.collectivite.slug}/{self.product.slug}/"
        answer = self.client.post(address, typed, headers={"x-forwarded-for": source})
        if answer.status_code != status:
            raise WrongLookUp(f"{asked}: {answer.status_code}")

    # What is asked: `bench_titres.FILL_TITRES` says which numbers are of this product, paid, suspended

    def _number(self, *, paid: bool) -> int:
        while True:
            n = EVERY * self.draw.randrange(1, self.titres // EVERY)
            is_paid = n % 5 < 3
            if n % 100 not in (7, 9) and n % 500 != 4 and n % 2000 != 3 and is_paid is paid:
                return n

    @staticmethod
    def _asked(n: int) -> tuple[str, Money]:
        return f"{n:09d}", Money(100 + (n * 613) % 60_000)

    def _payable(self) -> tuple[str, Money]:
        return self._asked(self._number(paid=False))

    def _paid(self) -> tuple[str, Money]:
        return self._asked(self._number(paid=True))

    def _wrong_amount(self) -> tuple[str, Money]:
        reference, amount = self._payable()
        return reference, amount + Money(1)

    def _unknown(self) -> tuple[str, Money]:
        return f"{self.draw.randrange(900_000_000, 999_999_999):09d}", Money(self.draw.randrange(100, 60_000))

    # How it is measured

    def _measured(self, what: str, asked: Sequence[Any], act: Callable[[Any], object]) -> LookFigure:
        postgres, cpu, began = self.postgres_cpu(), time.process_time(), time.perf_counter()
        for one in asked:
            act(one)
        return LookFigure(
            what=what,
            count=len(asked),
            seconds=time.perf_counter() - began,
            python_seconds=time.process_time() - cpu,
            postgres_seconds=self.postgres_cpu() - postgres,
        )

    def _pgbench(self) -> LookFigure:
        script = self.folder / "look.sql"
        product = self.product
        script.write_text(
            LOOK.format(
                most=self.titres // EVERY,
                every=EVERY,
                tenant=product.collectivite_id,
                product=product.pk,
                regie=product.account.regie_id,
            ),
            encoding="utf-8",
        )
        before = self.postgres_cpu()
        done = pgbench(script, to=self.to, clients=1, seconds=PGBENCH_SECONDS)
        return LookFigure(
            what="pgbench : la même ligne par le même index",
            count=done,
            seconds=float(PGBENCH_SECONDS),
            python_seconds=0.0,
            postgres_seconds=self.postgres_cpu() - before,
        )

    @contextmanager
    def _guichet(self) -> Iterator[None]:
        """The payer's pages in this process, behind a proxy that names each payer; no town is slowed meanwhile."""
        with (
            override_settings(
                ROOT_URLCONF="regal.config.urls_guichet",
                MIDDLEWARE=settings.GUICHET_MIDDLEWARE,
                TRUSTED_PROXIES=["127.0.0.1"],
            ),
            patch.multiple(look_ups, MOST_WRONG=MANY, MOST_WRONG_IN_TOWN=MANY),
        ):
            yield


def _accesses(plan: dict[str, Any]) -> Iterator[str]:
    """Each table that a plan reads, and how."""
    if "Relation Name" in plan:
        index = plan.get("Index Name", "")
        yield f"{plan['Relation Name']}: {plan['Node Type']}{' ' + index if index else ''}"
    elif "Index Name" in plan:
        yield f"{plan['Node Type']} {plan['Index Name']}"
    for part in plan.get("Plans", ()):
        yield from _accesses(part)


def table(figures: Sequence[LookFigure], titres: int, plans: Sequence[str]) -> str:
    """In Markdown."""
    bare = figures[0]
    lines = [
        f"| consultation du payeur parmi {f'{titres:,}'.replace(',', ' ')} factures | par seconde | CPU Python ms"
        " | CPU PostgreSQL ms | CPU PostgreSQL / pgbench | CPU / pgbench |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for one in figures:
        python, postgres = (spent * 1000 / one.count for spent in (one.python_seconds, one.postgres_seconds))
        ratio = one.postgres_seconds / one.count / (bare.postgres_seconds / bare.count)
        lines.append(
            f"| {one.what} | {one.count / one.seconds:.0f} | {python:.2f} | {postgres:.3f} | {ratio:.1f}"
            f" | {one.cpu / bare.cpu:.0f} |"
        )
    return "\n".join([*lines, "", "Plans : " + " · ".join(plans)])


def measure(
    to: Connections, *, folder: Path, titres: int, postgres_cpu: Callable[[], float], say: Callable[[str], object]
) -> str:
    """Ask the invoices that are there, and give the table."""
    say("consultations des payeurs…")
    bench = LookBench(to, folder=folder, titres=titres, postgres_cpu=postgres_cpu)
    with tenant(bench.product.collectivite):
        assert Titre.objects.of(bench.product.collectivite).exists()
    plans = bench.plans()
    figures = bench.figures()
    connections.close_all()
    return table(figures, titres, plans)
