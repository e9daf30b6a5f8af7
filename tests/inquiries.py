"""A régie's payment through PayFiP's web service, and a PayFiP of a few lines that answers what a test tells it to."""

import itertools
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from urllib.parse import urlencode

import httpx

from regal.agenda.models import Pace, Watch
from regal.collectivites.models import Product
from regal.gateways.base import DebtKind, Environment
from regal.gateways.payfip_ws.tests.answers import CREATE, answer, fault
from regal.lib import http, tokens
from regal.lib.tenancy import tenant
from regal.payments.checker import check_due
from regal.payments.departure import depart
from regal.payments.models import Attempt
from regal.payments.operations import PaymentOrder
from regal.titres.models import Titre
from tests import cast, notices
from tests.cast import MORNING, Town

NUMCLI = "099042"
_SAISIES = {"test": "T", "activation": "X", "production": "W"}
_FAULT = re.compile(r"[A-Z]{1,2}[0-9]{1,3}")


class Clock:
    """The hour, moved by hand."""

    def __init__(self, now: datetime = MORNING) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **delta: float) -> datetime:
        self.now += timedelta(**delta)
        return self.now


class FakePayfip:
    """Gives keys, and answers about each what it was told: a letter, a fault's code, an exception, or bytes."""

    def __init__(self) -> None:
        self.says: dict[str, str | Exception | bytes] = {}
        self.opened: dict[str, dict[str, str]] = {}  # what each key was made for
        self.when_opening: Exception | None = None  # after the key was made
        self.is_down = False
        self.asked: list[str] = []
        self.meanwhile = lambda: None  # what happens while PayFiP thinks
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self._hear))

    def _hear(self, request: httpx.Request) -> httpx.Response:
        said = dict(re.findall(r"<(\w+)>([^<>]*)</\1>", request.content.decode()))
        if CREATE in request.content.decode():
            if self.is_down:
                raise httpx.ConnectError("refused")
            with self._lock:
                key = f"28b52f40-1ace-11eb-8ce3-{next(self._numbers):012x}"
            self.opened[key] = said
            if self.when_opening is not None:
                raise self.when_opening
            return httpx.Response(200, content=answer(CREATE, {"idOp": key}))
        key = said["idOp"]
        with self._lock:
            self.asked.append(key)
        self.meanwhile()
        if self.is_down:
            raise httpx.ConnectError("refused")
        return self._tell(key, self.says.get(key, "P5" if key in self.opened else "P1"))

    def _tell(self, key: str, said: str | Exception | bytes) -> httpx.Response:
        if isinstance(said, Exception):
            raise said
        if isinstance(said, bytes):
            return httpx.Response(200, content=said)
        if _FAULT.fullmatch(said):
            return httpx.Response(500, content=fault(said))
        return httpx.Response(200, content=answer("recupererDetailPaiementSecurise", self.detail(key, said)))

    def detail(self, key: str, letter: str, **changes: str) -> dict[str, str]:
        """What it says of a payment, in the order of the schema."""
        made = self.opened[key]
        fields = {
            "dattrans": "24112026",
            "exer": made.get("exer", ""),
            "heurtrans": "0905",
            "idOp": key,
            "mel": made["mel"],
            "montant": made["montant"],
            "numauto": "3feabd" if letter in "PV" else "",
            "numcli": made["numcli"],
            "refdet": made["refdet"],
            "resultrans": letter,
            "saisie": made["saisie"],
        } | changes
        return {name: value for name, value in fields.items() if value}


@contextmanager
def speaking_to(payfip: FakePayfip) -> Iterator[FakePayfip]:
    with payfip.client() as client, http.replaced(client):
        yield payfip


def make_canteen(town: Town, *, numcli: str = NUMCLI, slug: str = "cantine") -> Product:
    """A régie's product, collected for real through the web service."""
    return cast.make_product(
        town, DebtKind.REGIE, slug=slug, numcli=numcli, gateway="payfip_ws", environment=Environment.PRODUCTION
    )


def order(product: Product, titre: Titre, **changes: object) -> PaymentOrder:
    usual: dict[str, object] = {
        "product": product,
        "debt_reference": titre.reference,
        "exercice": titre.exercice,
        "amount": titre.amount,
        "email": cast.MME_LEROY,
        "language": "fr",
        "flow_token": tokens.new_token(),
        "handle": tokens.new_token(),
        "told_of_earlier": True,
        "titre": titre,
    }
    return PaymentOrder(**(usual | changes))  # type: ignore[arg-type]


def leave(product: Product, titre: Titre, clock: Clock, **changes: object) -> Attempt:
    """Mme Leroy leaves for PayFiP."""
    return depart(order=order(product, titre, **changes), clock=clock).attempt


def check(clock: Clock) -> int:
    """What the checker does at that instant."""
    return check_due(clock=clock, draw=lambda: 50, wait=lambda seconds: None)


def check_until(clock: Clock, until: datetime) -> int:
    """Let the checker work until then, and the other workers at the end; how many questions were put."""
    asked = check(clock)
    while (moment := _next_moment(clock.now)) is not None and moment <= until:
        clock.now = moment
        asked += check(clock)
    clock.now = max(clock.now, until)
    notices.run_due(clock.now)
    return asked


def _next_moment(now: datetime) -> datetime | None:
    """When the checker next has something to ask; it looks every two seconds."""
    free_at = dict(Pace.objects.values_list("account_id", "free_at"))
    waiting = Watch.objects.filter(closed_at__isnull=True)
    moments = [max(watch.due_at, free_at[watch.account_id]) for watch in waiting]
    return max(min(moments), now + timedelta(seconds=2)) if moments else None


def nudge(town: Town, attempt: Attempt, key: str, clock: Clock) -> None:
    """PayFiP, or somebody, calls the attempt's address and names a key."""
    notices.deliver(town, attempt, urlencode({"idop": key}).encode(), now=clock.now)
    notices.run_due(clock.now)


def again(attempt: Attempt) -> Attempt:
    with tenant(attempt.collectivite_id):
        return Attempt.objects.select_related("account").get(pk=attempt.pk)


def watch_of(attempt: Attempt) -> Watch:
    return Watch.objects.get(attempt_id=attempt.pk)


def pace_of(attempt: Attempt) -> Pace:
    return Pace.objects.get(pk=attempt.account_id)
