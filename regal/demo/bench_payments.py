"""Whole payments: form, recap, hand-off, proof, settlement, ticket queued; through PayFiP's web service and Paybox.

The real pages, in this process, one payment after the other; what the gateway does costs nothing and is done by a
process of its own (`instant_payfip.py`, `instant_paybox.py`). The ticket is owed and queued, not sent. Beside it stand
the empty page and pgbench's bare writes of the same run.
"""

import base64
import html
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qs, quote, urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.test import Client, override_settings

from regal.agenda.models import Effect
from regal.agenda.operations import carry
from regal.backoffice import administration
from regal.collectivites.models import Collectivite, GatewayAccount, Product
from regal.config.jobs import HANDLERS
from regal.demo.bench_processes import instant
from regal.demo.instant_paybox import numbers_of
from regal.gateways.base import DebtKind, Environment
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret, new_master_key
from regal.payments.checker import check_due
from regal.payments.models import Attempt
from regal.payments.operations import JUDGE_MESSAGE
from regal.payments.settling import SEND_TICKET
from regal.payments.states import State
from regal.titres import operations as titres

PAYMENTS = 60
WARM_UP = 5
AMOUNT = Money(3_840)
HOST = "localhost"
SITE, RANK = "2718281", "01"
HMAC_KEY = "0f1e2d3c4b5a6978" * 8
FORM = "application/x-www-form-urlencoded"
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class WrongPayment(Exception):
    """What was paid is not what is measured."""


@dataclass(frozen=True, kw_only=True)
class PaymentFigure:
    """One line of the table: seconds of each kind for so many."""

    what: str
    count: int
    seconds: float
    python_seconds: float
    postgres_seconds: float


class Limit(Protocol):
    """What one line of `bench.py` measured, to be put beside ours."""

    @property
    def count(self) -> int: ...
    @property
    def per_second(self) -> float: ...
    @property
    def web_seconds(self) -> float: ...
    @property
    def postgres_seconds(self) -> float: ...


class ShownClock:
    """An hour that passes only when somebody would wait."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def wait(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


class Payer:
    """Everybody who pays for one product, one after the other."""

    def __init__(self, product: Product, *, key: rsa.RSAPrivateKey) -> None:
        self.product, self.key = product, key
        self.http = httpx.Client()
        self.client = Client(headers={"host": HOST})
        self.clock = ShownClock()
        self.form = f"/{product.collectivite.slug}/{product.slug}/"

    def pay(self, number: int) -> None:
        """One payment, from the form to the ticket that waits. Raises WrongPayment."""
        source = {"x-forwarded-for": f"10.{number // 65_536}.{number // 256 % 256}.{number % 256}"}
        typed = {"invoice": f"FC{number:06d}", "amount": "38,40", "email": "payeur@example.org"}
        recap = self._good(self.client.post(self.form, typed, headers=source), 200)
        token = dict(_HIDDEN.findall(recap.content.decode()))["token"]
        left = self.client.post(f"{self.form}payer/", {"token": html.unescape(token)}, headers=source)
        address, body = self._called(left)
        self._good(self.client.post(urlsplit(address).path, body, content_type=FORM), 200)
        self._work()

    def _called(self, left: Any) -> tuple[str, bytes]:
        """Where the gateway calls, and what it says."""
        if self.product.account.gateway == "payfip_ws":
            self._good(left, 303)
            key = parse_qs(urlsplit(left["Location"]).query)["idop"][0]
            return self.http.get(f"{settings.PAYFIP_URL}called/{key}").text, f"idop={key}".encode()
        self._good(left, 200)
        fields = {name: html.unescape(value) for name, value in _HIDDEN.findall(left.content.decode())}
        local = paris.to_paris(self.clock())
        transaction, call = numbers_of(fields["PBX_CMD"])
        text = (
            f"Mt={fields['PBX_TOTAL']}&Ref={quote(fields['PBX_CMD'], safe='')}&Auto=581204&Erreur=00000"
            f"&Trans={transaction}&Appel={call}&Date={local:%d%m%Y}&Heure={local:%H}%3A{local:%M}%3A{local:%S}"
        ).encode()
        signature = base64.b64encode(self.key.sign(text, PKCS1v15(), SHA1()))  # noqa: S303 - theirs
        return fields["PBX_REPONDRE_A"], text + b"&Sign=" + quote(signature, safe="").encode()

    def _work(self) -> None:
        """What a worker does: judge what came, ask the gateway, settle."""
        waiting = Effect.objects.filter(kind=JUDGE_MESSAGE, done_at__isnull=True)
        for pk in list(waiting.values_list("pk", flat=True)):
            carry(effect_id=pk, handlers=HANDLERS, now=self.clock())
        self.clock.wait(1)
        check_due(clock=self.clock, wait=self.clock.wait)

    @staticmethod
    def _good(answer: Any, status: int) -> Any:
        if answer.status_code != status:
            raise WrongPayment(f"{answer.status_code}: {answer.content[:2000]!r}")
        return answer


def measure(
    collectivite: Collectivite,
    *,
    port: int,
    limits: Sequence[tuple[str, Limit]],
    postgres_cpu: Callable[[], float],
    say: Callable[[str], object],
) -> str:
    """Pay, through the one and the other: the table in Markdown."""
    say("paiements entiers…")
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - as Paybox's
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
    paybox = f"http://127.0.0.1:{port + 1}/"
    with (
        override_settings(
            ROOT_URLCONF="regal.config.urls_guichet",
            MIDDLEWARE=settings.GUICHET_MIDDLEWARE,
            TRUSTED_PROXIES=["127.0.0.1"],
            SECRET_KEYS=f"k1:{new_master_key()}",
            PAYFIP_URL=f"http://127.0.0.1:{port}/tpa/",
            PAYBOX_URL=paybox,
            PAYBOX_BACKUP_URL="",
            PAYBOX_DIRECT_URL=paybox,
            PAYBOX_DIRECT_BACKUP_URL="",
            PAYBOX_PUBLIC_KEY=pem,
        ),
        instant("regal.demo.instant_payfip", port, "paid"),
        instant("regal.demo.instant_paybox", port + 1),
    ):
        figures = [
            _measured("par le service web de PayFiP", _through(collectivite, "payfip_ws"), key, postgres_cpu),
            _measured("par Paybox, avec Direct", _through(collectivite, "paybox"), key, postgres_cpu),
        ]
    return table(figures, limits)


def table(figures: Sequence[PaymentFigure], limits: Sequence[tuple[str, Limit]]) -> str:
    """Each gateway, beside what the machine itself can do."""
    names = "".join(f" vitesse / {name} | CPU / {name} |" for name, _ in limits)
    lines = [
        f"| paiement entier | par seconde | CPU Python ms | CPU PostgreSQL ms | CPU en tout ms |{names}",
        "|---|---:|---:|---:|---:|" + "---:|" * 2 * len(limits),
    ]
    for one in figures:
        python, postgres = (spent * 1000 / one.count for spent in (one.python_seconds, one.postgres_seconds))
        beside = ""
        for _, limit in limits:
            least = (limit.web_seconds + limit.postgres_seconds) * 1000 / limit.count
            beside += f" {one.count / one.seconds / limit.per_second:.4f} | {(python + postgres) / least:.0f} |"
        lines.append(
            f"| {one.what} | {one.count / one.seconds:.1f} | {python:.1f} | {postgres:.1f} | {python + postgres:.1f}"
            f" |{beside}"
        )
    return "\n".join(lines)


def _measured(what: str, product: Product, key: rsa.RSAPrivateKey, postgres_cpu: Callable[[], float]) -> PaymentFigure:
    payer, town = Payer(product, key=key), product.collectivite
    for number in range(1, WARM_UP + 1):
        payer.pay(number)
    postgres, cpu, began = postgres_cpu(), time.process_time(), time.perf_counter()
    for number in range(WARM_UP + 1, WARM_UP + PAYMENTS + 1):
        payer.pay(number)
    figure = PaymentFigure(
        what=what,
        count=PAYMENTS,
        seconds=time.perf_counter() - began,
        python_seconds=time.process_time() - cpu,
        postgres_seconds=postgres_cpu() - postgres,
    )
    with tenant(town):
        attempts = list(Attempt.objects.of(town).filter(account=product.account))
        tickets = Effect.objects.filter(collectivite=town, kind=SEND_TICKET, done_at__isnull=True).count()
    standing = Counter(
        "proved" if one.status == State.PAID and not one.is_provisional else one.standing for one in attempts
    )
    if standing != {"proved": WARM_UP + PAYMENTS} or tickets < WARM_UP + PAYMENTS:
        raise WrongPayment(f"{what}: {dict(standing)}, {tickets} tickets")
    return figure


def _through(collectivite: Collectivite, gateway: str) -> Product:
    """A régie that collects through it, and its invoices."""
    now = datetime.now(UTC)
    is_paybox = gateway == "paybox"
    regie = administration.add_regie(
        collectivite=collectivite,
        name="Piscine" if is_paybox else "Crèche",
        number="14" if is_paybox else "13",
        now=now,
    )
    told: dict[str, Any] = {"collectivite": collectivite, "debt_kind": DebtKind.REGIE, "regie": regie, "now": now}
    account: GatewayAccount = administration.add_account(
        environment=Environment.PRODUCTION,
        identifier=f"{SITE}-{RANK}-314159265" if is_paybox else "350007",
        gateway=gateway,
        secrets={"hmac": Secret.of_text(HMAC_KEY), "direct": Secret.of_text("S3CRET")} if is_paybox else None,
        **told,
    )
    product = administration.add_product(
        collectivite=collectivite,
        slug="piscine" if is_paybox else "creche",
        name="Piscine" if is_paybox else "Crèche",
        account=account,
        terms=administration.ProductTerms(
            reference_form={"pattern": "FC#{6}"}, min_amount=Money(100), max_amount=Money(60_000)
        ),
        now=now,
    )
    for number in range(1, WARM_UP + PAYMENTS + 1):
        titre = titres.record_titre(
            product=product,
            number=f"FC{number:06d}",
            label=product.name,
            debtor="Mme Leroy",
            amount=AMOUNT,
            issued_on=paris.today(now),
            due_on=None,
            now=now,
        )
        titres.issue(titre=titre, now=now)
    return product
