"""One town, its PayFiP and the wire between them, on a clock that only this file moves.

REGAL's code and PostgreSQL are the real ones; PayFiP is `regal_sandbox`, in process. Nothing here waits, and nothing is
drawn but from the history's own seed: the same seed gives the same trace.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.db import connection

from regal.agenda.operations import run_due
from regal.config.jobs import HANDLERS
from regal.gateways.base import DebtKind, Environment, Message
from regal.lib import http, paris
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments import checker
from regal.payments.operations import receive
from regal.payments.queries import attempt_by_notification_token
from regal.payments.schedule import DRAWS
from regal.titres.models import Titre
from regal_sandbox import Answer, NotificationRequest, Sandbox, create, load_config
from tests import cast

FORM = "application/x-www-form-urlencoded"


class Killed(BaseException):
    """The process dies here: nobody can catch it and tidy up."""


class Clock:
    """The only time there is."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def go_to(self, moment: datetime) -> None:
        self.now = max(self.now, moment)


class Wire(httpx.BaseTransport):
    """The network from REGAL to PayFiP. `bad` is how often a question goes wrong; each time in one of these ways."""

    ways = ("no_connection", "lost", "answer_lost", "cut", "page_503", "empty", "half", "killed", "killed_after")

    def __init__(self, payfip: httpx.BaseTransport, draw: random.Random, note: Callable[[str], None]) -> None:
        self.bad = 0.0
        self.up = True  # False: an outage
        self.happened = 0
        self._payfip = payfip
        self._draw = draw
        self._note = note

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not self.up:
            self._fault("outage")
            raise httpx.ConnectError("refused", request=request)
        if self._draw.random() >= self.bad:
            return self._payfip.handle_request(request)
        way = self._draw.choice(self.ways)
        self._fault(way)
        if way == "no_connection":
            raise httpx.ConnectError("refused", request=request)
        if way == "lost":
            raise httpx.ReadTimeout("timed out", request=request)
        if way == "killed":
            raise Killed
        if way == "page_503":
            return httpx.Response(503, text="<html><body>Service indisponible</body></html>", request=request)
        answer = self._payfip.handle_request(request)
        if way == "answer_lost":
            raise httpx.ReadTimeout("timed out", request=request)
        if way == "cut":
            raise httpx.RemoteProtocolError("cut", request=request)
        if way == "killed_after":
            raise Killed
        content = b"" if way == "empty" else answer.content[: len(answer.content) // 2]
        return httpx.Response(200, content=content, headers={"Content-Type": "text/xml"}, request=request)

    def _fault(self, way: str) -> None:
        self.happened += 1
        self._note(f"wire: {way}")


class Post:
    """The network from PayFiP to REGAL: notifications lost, late, twice, or of somebody else's key."""

    def __init__(self, draw: random.Random, note: Callable[[str], None]) -> None:
        self.loss = 0.0
        self.bad = 0.0  # of what is not lost
        self.happened = 0
        self.late: list[tuple[int, NotificationRequest]] = []  # minutes, to be given to REGAL then
        self.deliver: Callable[[str, bytes], None] = lambda url, body: None
        self._draw = draw
        self._note = note

    def __call__(self, request: NotificationRequest) -> Answer:
        if self._draw.random() < self.loss:
            self._fault("lost")
            raise ConnectionError
        way = self._draw.choice(("late", "twice", "forged")) if self._draw.random() < self.bad else ""
        if way:
            self._fault(way)
        if way == "late":
            self.late.append((self._draw.choice((1, 7, 45, 600)), request))
            raise ConnectionError
        self.deliver(request.url, request.body)
        if way == "twice":
            self.deliver(request.url, request.body)
        if way == "forged":
            self.deliver(request.url, b"idop=00000000-1cd4-11ea-8cca-0213ad91a103")
        return Answer(status=200)

    def _fault(self, way: str) -> None:
        self.happened += 1
        self._note(f"post: {way}")


class World:
    """A town whose régie collects through PayFiP's web service, and PayFiP itself."""

    def __init__(self, *, seed: int, titres: tuple[Money, ...]) -> None:
        self.draw = random.Random(seed)  # noqa: S311 - a simulation
        self.trace: list[str] = []
        self.clock = Clock(
            datetime(2026, 3, 16, 7, tzinfo=UTC)
            + timedelta(days=self.draw.randrange(300), minutes=self.draw.randrange(24 * 60))
        )
        self.began = self.clock()
        self.killed = 0
        self.worker_up = True
        self._fuse: int | None = self.draw.randrange(5, 40)  # statements that a worker lives; shorter until it has died
        numcli = f"{100_000 + seed % 800_000}"
        self.post = Post(self.draw, self.note)
        self.payfip = _payfip(self.clock, self.post, numcli=numcli, seed=seed)
        self.wire = Wire(self.payfip.transport(), self.draw, self.note)
        self._client = httpx.Client(transport=self.wire, timeout=15)
        self.post.deliver = self._hear
        self.town = cast.make_town(
            slug=f"histoire-{seed}",
            name="Histoire",
            numcli=f"{900_000 + seed % 99_999}",
            agent=f"agent-{seed}",
            origin=f"https://histoire-{seed}.example",
        )
        self.product = cast.make_product(
            self.town,
            DebtKind.REGIE,
            slug="restaurant-scolaire",
            numcli=numcli,
            gateway="payfip_ws",
            environment=Environment.PRODUCTION,
            reference_form={"pattern": "FC#{6}"},
        )
        self.titres: list[Titre] = [
            cast.make_titre(self.product, reference=f"FC{number:06d}", amount=amount, now=self.began)
            for number, amount in enumerate(titres, start=1)
        ]

    @property
    def faults(self) -> int:
        """How many things have gone wrong so far."""
        return self.wire.happened + self.post.happened + self.killed

    def note(self, what: str) -> None:
        """One line of the trace: minutes since the beginning, and what happened. Names, never numbers of rows."""
        self.trace.append(f"{(self.clock() - self.began).total_seconds() / 60:8.1f} {what}")

    @contextmanager
    def on_the_wire(self) -> Iterator[None]:
        """REGAL speaks to this PayFiP meanwhile."""
        with http.replaced(self._client):
            yield

    def may_die(self, act: Callable[[], Any], *, after: int | None = None) -> Any:
        """Let a process of REGAL do something; None if it was killed: by the wire, or before its nth statement."""
        try:
            if after is None:
                return act()
            with connection.execute_wrapper(_fuse(after)):
                return act()
        except Killed:
            self.killed += 1
            self.note("REGAL: killed")
            return None

    def work(self) -> None:
        """What workers, PayFiP and its post office do at this moment."""
        self.payfip.deliver_due()
        if self.worker_up:
            died = self.killed
            self.may_die(self._work, after=self._fuse)
            if self._fuse is not None:
                self._fuse = None if self.killed > died else max(0, self._fuse - 5)

    def _work(self) -> None:
        run_due(handlers=HANDLERS, now=self.clock())
        checker.check_due(clock=self.clock, draw=lambda: self.draw.randrange(DRAWS), wait=self.clock.wait)

    def _hear(self, url: str, body: bytes) -> None:
        collectivite_id, _, token = urlsplit(url).path.removeprefix("/s/n/").partition("/")
        message = Message(method="POST", query=b"", body=body, content_type=FORM, received_at=self.clock())
        with tenant(int(collectivite_id)):
            attempt = attempt_by_notification_token(collectivite_id=int(collectivite_id), token=token)
            if attempt is None:
                raise AssertionError("PayFiP calls an address that we did not give")
            receive(attempt=attempt, message=message, now=self.clock())


class _Switchboard:
    """To whom the one sandbox of this process belongs: making one takes longer than playing a history."""

    clock: Clock
    post: Post

    def now(self) -> datetime:
        return self.clock()

    def send(self, request: NotificationRequest) -> Answer:
        return self.post(request)


_switchboard = _Switchboard()


@cache
def _sandbox() -> Sandbox:
    return create(
        clock=_switchboard.now,
        send_notification=_switchboard.send,
        send_mail=lambda message: None,
        pause=lambda seconds: None,
        town_count=0,
        config={"clients": [], "debts": [], "towns": []},
    )


def _payfip(clock: Clock, post: Post, *, numcli: str, seed: int) -> Sandbox:
    """A PayFiP that remembers nothing, with one régie's client."""
    _switchboard.clock, _switchboard.post = clock, post
    payfip = _sandbox()
    client = {
        "numcli": numcli,
        "kind": "regie",
        "labels": ["RESTAURANT SCOLAIRE", "SIMULATION", "REGIE"],
        "phase": "active",
        "direct_debit": {"phase": "active"},
        "options": {"web_service": True},
    }
    payfip.config = load_config({"clients": [client], "debts": [], "towns": []}, today=paris.today(clock()))
    payfip.reset(str(seed))
    return payfip


def _fuse(statements: int) -> Callable[..., Any]:
    left = statements

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        return execute(sql, params, many, context)

    return count
