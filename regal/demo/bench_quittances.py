"""What a quittance costs: its number and row, then its PDF, beside the PDF by typst alone. A part of `bench.py`."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from regal.collectivites.models import Collectivite, Product
from regal.lib import paris, tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.counter import record_receipt
from regal.payments.models import Means, Settlement
from regal.people.models import Role
from regal.receipts.quittance_wording import sheet_of
from regal.receipts.quittances import deliver, issue
from regal.titres import operations as titres

QUITTANCES = 100
WARM_UP = 5


def measure(
    collectivite: Collectivite, *, slug: str, postgres_cpu: Callable[[], float], say: Callable[[str], object]
) -> str:
    """The table in Markdown. `slug`: of a product of a régie."""
    say("quittances…")
    now = datetime.now(UTC)
    with tenant(collectivite):
        product = Product.objects.of(collectivite).select_related("collectivite", "account__regie").get(slug=slug)
    received = [_receive(product, number, now) for number in range(QUITTANCES + WARM_UP)]
    lines = [
        "| quittances | par seconde | CPU Python ms | CPU PostgreSQL ms |",
        "|---|---:|---:|---:|",
    ]
    given = []

    def line(what: str, act: Callable[[int], object]) -> None:
        for place in range(WARM_UP):
            act(place)
        postgres, cpu, began = postgres_cpu(), time.process_time(), time.perf_counter()
        for place in range(WARM_UP, WARM_UP + QUITTANCES):
            act(place)
        seconds, cpu, postgres = time.perf_counter() - began, time.process_time() - cpu, postgres_cpu() - postgres
        per_second, python, database = (QUITTANCES / seconds, cpu * 1000 / QUITTANCES, postgres * 1000 / QUITTANCES)
        lines.append(f"| {what} | {per_second:.0f} | {python:.2f} | {database:.2f} |")

    line("délivrée", lambda place: given.append(issue(settlement=received[place], role=Role.REGISSEUR, now=now)))
    line("prise, en PDF", lambda place: deliver(quittance=given[place], now=now))
    sheets = [sheet_of(quittance, original=None, now=now) for quittance in given]
    line("le même PDF, par typst seul", lambda place: sheets[place].pdf())
    return "\n".join(lines)


def _receive(product: Product, number: int, now: datetime) -> Settlement:
    titre = titres.record_titre(
        product=product,
        number=f"FC{900_000 + number:06d}",
        label="Cantine",
        debtor="Mme Leroy",
        amount=Money(3_840),
        issued_on=paris.today(now),
        now=now,
    )
    receipt = record_receipt(
        titre=titres.issue(titre=titre, now=now),
        means=Means.CASH,
        amount=Money(3_840),
        received_on=paris.today(now),
        form_token=tokens.new_token(),
        now=now,
    )
    with tenant(product.collectivite):
        return Settlement.objects.of(product.collectivite).get(receipt=receipt)
