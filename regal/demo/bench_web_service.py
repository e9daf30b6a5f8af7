"""What REGAL adds to a call of PayFiP's web service: the third part of `bench.py`.

A local server answers at once, from a process of its own (`instant_payfip.py`). The same envelopes are posted to it by
httpx alone, over one connection, in the same run: the ratio is what REGAL adds to a bare call. One after the other, in
one process.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from django.conf import settings

from regal.backoffice import administration
from regal.collectivites.models import Collectivite, Product
from regal.demo.bench_processes import instant
from regal.gateways.base import DebtKind, Environment
from regal.gateways.payfip_ws.client import envelope
from regal.lib import paris, tokens
from regal.lib.money import Money
from regal.payments.checker import check_due
from regal.payments.departure import depart
from regal.payments.operations import PaymentOrder
from regal.titres import operations as titres
from regal.titres.models import Titre

PAYMENTS = 300
QUESTIONS_LAST = timedelta(seconds=PAYMENTS / 5)  # of the clock that the checker is shown: it asks 5 a second
WARM_UP = 20
AMOUNT = Money(3_840)
EMAIL = "payeur@example.org"
NUMCLI = "350006"


@dataclass(frozen=True, kw_only=True)
class Figure:
    what: str
    count: int
    seconds: float
    cpu_seconds: float
    postgres_seconds: float
    bare_count: int
    bare_seconds: float

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    @property
    def bare_per_second(self) -> float:
        return self.bare_count / self.bare_seconds


class ShownClock:
    """An hour that passes only when somebody would wait."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def measure(
    collectivite: Collectivite, *, port: int, postgres_cpu: Callable[[], float], say: Callable[[str], object]
) -> str:
    """Create, hand off, ask: the table in Markdown."""
    say("web service…")
    now = datetime.now(UTC)
    product = _make_product(collectivite, now=now)
    invoices = [_make_invoice(product, number, now=now) for number in range(1, PAYMENTS + WARM_UP + 1)]
    with instant("regal.demo.instant_payfip", port), httpx.Client() as http:
        settings.PAYFIP_URL = f"http://127.0.0.1:{port}/tpa/"
        creation = _bare(http, "creerPaiementSecurise", _arguments(product, invoices[0]))
        inquiry = _bare(http, "recupererDetailPaiementSecurise", {"idOp": "28b52f40-1ace-11eb-8ce3-0213ad91a104"})
        for titre in invoices[:WARM_UP]:
            _leave(product, titre, now)
        clock = ShownClock(now + timedelta(minutes=3))
        figures = []
        with _timed(postgres_cpu) as spent:
            for titre in invoices[WARM_UP:]:
                _leave(product, titre, now)
        figures.append(_figure("clé demandée et départ donné", PAYMENTS, spent, creation))
        with _timed(postgres_cpu) as spent:
            asked = check_due(clock=clock, wait=clock.wait, lasting=QUESTIONS_LAST)
        figures.append(_figure("question posée, réponse retenue", asked, spent, inquiry))
    return table(figures)


def table(figures: list[Figure]) -> str:
    """Each operation beside the bare call."""
    lines = [
        "| web service | par seconde | CPU Python ms | CPU PostgreSQL ms | appel httpx nu, par seconde | rapport |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {one.what} | {one.per_second:.0f} | {one.cpu_seconds * 1000 / one.count:.2f} |"
        f" {one.postgres_seconds * 1000 / one.count:.2f} | {one.bare_per_second:.0f} |"
        f" {one.bare_per_second / one.per_second:.1f} |"
        for one in figures
    ]
    return "\n".join(lines)


def _figure(what: str, count: int, spent: list[float], bare_seconds: float) -> Figure:
    seconds, cpu, postgres = spent
    return Figure(
        what=what,
        count=count,
        seconds=seconds,
        cpu_seconds=cpu,
        postgres_seconds=postgres,
        bare_count=PAYMENTS,
        bare_seconds=bare_seconds,
    )


@contextmanager
def _timed(postgres_cpu: Callable[[], float]) -> Iterator[list[float]]:
    """Seconds, and seconds of CPU: of this process, and of PostgreSQL."""
    spent: list[float] = []
    postgres, cpu, began = postgres_cpu(), time.process_time(), time.perf_counter()
    yield spent
    spent += [time.perf_counter() - began, time.process_time() - cpu, postgres_cpu() - postgres]


def _bare(http: httpx.Client, operation: str, arguments: dict[str, str | None]) -> float:
    """Seconds for as many calls as there are payments, by httpx alone."""
    content = envelope(operation, arguments)
    headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'}

    def call(times: int) -> None:
        for _ in range(times):
            http.post(f"{settings.PAYFIP_URL}services/securite", content=content, headers=headers)

    call(WARM_UP)
    began = time.perf_counter()
    call(PAYMENTS)
    return time.perf_counter() - began


def _arguments(product: Product, titre: Titre) -> dict[str, str | None]:
    return {
        "exer": str(titre.exercice),
        "mel": EMAIL,
        "montant": str(AMOUNT.cents),
        "numcli": NUMCLI,
        "objet": product.name,
        "refdet": titre.reference,
        "saisie": "W",
        "urlnotif": f"{settings.NOTIFICATION_URL}/s/n/1/x",
        "urlredirect": f"{settings.GUICHET_URL}/x",
    }


def _leave(product: Product, titre: Titre, now: datetime) -> None:
    order = PaymentOrder(
        product=product,
        titre=titre,
        debt_reference=titre.reference,
        exercice=titre.exercice,
        amount=AMOUNT,
        email=EMAIL,
        language="fr",
        flow_token=tokens.new_token(),
        handle=tokens.new_token(),
        told_of_earlier=False,
    )
    depart(order=order, clock=lambda: now)


def _make_product(collectivite: Collectivite, *, now: datetime) -> Product:
    regie = administration.add_regie(collectivite=collectivite, name="Cantine", number="12", now=now)
    account = administration.add_account(
        collectivite=collectivite,
        debt_kind=DebtKind.REGIE,
        environment=Environment.PRODUCTION,
        identifier=NUMCLI,
        gateway="payfip_ws",
        regie=regie,
        now=now,
    )
    return administration.add_product(
        collectivite=collectivite,
        slug="cantine",
        name="Cantine",
        account=account,
        terms=administration.ProductTerms(
            reference_form={"pattern": "FC#{6}"}, min_amount=Money(100), max_amount=Money(60_000)
        ),
        now=now,
    )


def _make_invoice(product: Product, number: int, *, now: datetime) -> Titre:
    titre = titres.record_titre(
        product=product,
        number=f"FC{number:06d}",
        label="Cantine",
        debtor="Mme Leroy",
        amount=AMOUNT,
        issued_on=paris.today(now),
        due_on=None,
        now=now,
    )
    return titres.issue(titre=titre, now=now)
