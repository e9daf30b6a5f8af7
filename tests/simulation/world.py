"""One town, its gateway and the wire between them, on a clock that only this file moves.

REGAL's code and PostgreSQL are the real ones; the gateway is `regal_sandbox`, in process. Nothing here waits, and
nothing is drawn but from the history's own seed: the same seed gives the same trace.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import httpx
from django.db import OperationalError, connection
from django.db.backends.signals import connection_created

from regal.agenda import operations as agenda
from regal.agenda.operations import Handlers, run_due
from regal.agenda.watches import IMPOSSIBLE
from regal.collectivites.models import Product
from regal.config.jobs import HANDLERS
from regal.gateways.base import DebtKind, Environment, Message
from regal.lib import http, mail, paris
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments import checker
from regal.payments.models import InboxMessage
from regal.payments.operations import receive
from regal.payments.queries import attempt_by_notification_token
from regal.payments.schedule import DRAWS
from regal.titres.models import Titre
from regal_sandbox import Answer, NotificationRequest, Sandbox, create, load_config
from tests import cast
from tests.several import allow

FORM = "application/x-www-form-urlencoded"
ENDS_OF_A_COMMIT = ("cut_before", "cut_after", "killed_before", "killed_after")
FIFTY = 50
PREPARED = 2_000  # statements: REGAL's own, all of them
SLOW = 13  # seconds: a gateway that answers at last
BANKS_CLOCKS = (0, 0, 0, 2, 240)  # seconds that the gateway's is ahead of ours


class Killed(BaseException):
    """The process dies here: nobody can catch it and tidy up."""


class Cut(OperationalError):
    """The connection is lost in the middle of a COMMIT: who asked does not know whether it was heard."""


def end_badly(commit: Callable[[], None], way: str) -> None:
    """One of `ENDS_OF_A_COMMIT` befalls this COMMIT. Raises Killed or Cut."""
    database: Any = connection  # its private verbs are in no stub
    if way.endswith("_after"):
        commit()
    if way.startswith("killed"):
        database._rollback()  # what PostgreSQL does when the process that it served is gone
        database.run_on_commit = []  # nor does anybody do what that one still had to do
        raise Killed
    database.connection.close()
    raise Cut("server closed the connection unexpectedly")


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
    """The network from REGAL to its gateway. `bad` is how often a question goes wrong, in one of these ways."""

    ways = (
        "no_connection",
        "lost",
        "answer_lost",
        "cut",
        "page_503",
        "empty",
        "half",
        "garbage",
        "slow",
        "killed",
        "killed_after",
    )

    def __init__(
        self,
        gateway: httpx.BaseTransport,
        draw: random.Random,
        befall: Callable[[str], None],
        wait: Callable[[float], None],
    ) -> None:
        self.bad = 0.0
        self.up = True  # False: an outage
        self.silent = ""  # what alone does not answer: the end of an address
        self._gateway = gateway
        self._draw = draw
        self._befall = befall
        self._wait = wait

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not self.up or (self.silent and request.url.path.endswith(self.silent)):
            self._befall("wire: outage")
            raise httpx.ConnectError("refused", request=request)
        if self._draw.random() >= self.bad:
            return self._gateway.handle_request(request)
        way = self._draw.choice(self.ways)
        self._befall(f"wire: {way}")
        if way == "no_connection":
            raise httpx.ConnectError("refused", request=request)
        if way == "lost":
            raise httpx.ReadTimeout("timed out", request=request)
        if way == "killed":
            raise Killed
        if way == "page_503":
            return httpx.Response(503, text="<html><body>Service indisponible</body></html>", request=request)
        if way == "garbage":
            return httpx.Response(200, content=b"\x00\xff<html>Bienvenue &eacute;<br>" * 3, request=request)
        if way == "slow":
            self._wait(SLOW)
        answer = self._gateway.handle_request(request)
        if way == "slow":
            return answer
        if way == "answer_lost":
            raise httpx.ReadTimeout("timed out", request=request)
        if way == "cut":
            raise httpx.RemoteProtocolError("cut", request=request)
        if way == "killed_after":
            raise Killed
        content = b"" if way == "empty" else answer.content[: len(answer.content) // 2]
        return httpx.Response(200, content=content, headers={"Content-Type": "text/xml"}, request=request)


class Post:
    """The network from the gateway to REGAL: notifications lost, late, twice, or what somebody makes of them."""

    ways: tuple[str, ...] = ("late", "twice", "forged")

    def __init__(self, draw: random.Random, befall: Callable[[str], None]) -> None:
        self.loss = 0.0
        self.bad = 0.0  # of what is not lost
        self.late: list[tuple[int, NotificationRequest]] = []  # minutes, to be given to REGAL then
        self.deliver: Callable[[str, bytes], None] = lambda url, body: None
        self._draw = draw
        self._befall = befall

    def __call__(self, request: NotificationRequest) -> Answer:
        if self._draw.random() < self.loss:
            self._befall("post: lost")
            raise ConnectionError
        way = self._draw.choice(self.ways) if self._draw.random() < self.bad else ""
        if way == "twice" and self._draw.random() < 0.3:
            way = "fifty"
        if way:
            self._befall(f"post: {way}")
        if way == "late":
            self.late.append((self._draw.choice((1, 7, 45, 600)), request))
            raise ConnectionError
        for body in self.made_of(request.body, way):
            self.deliver(request.url, body)
        return Answer(status=200)

    def made_of(self, body: bytes, way: str) -> tuple[bytes, ...]:
        """What arrives instead of it, in this order."""
        if way in ("twice", "fifty"):
            return (body,) * (FIFTY if way == "fifty" else 2)
        return (body, b"idop=00000000-1cd4-11ea-8cca-0213ad91a103") if way == "forged" else (body,)


class MailServer:
    """Where tickets go: away, refusing for now, or the last thing that a process of REGAL lived to speak to."""

    ways = ("refused", "broken", "killed_before", "killed_after")

    def __init__(self, draw: random.Random, befall: Callable[[str], None]) -> None:
        self.bad = 0.0
        self.up = True
        self.taken: list[str] = []  # Message-IDs
        self._draw = draw
        self._befall = befall

    def send(self, *, message_id: str, **_letter: object) -> None:
        way = self._draw.choice(self.ways) if self._draw.random() < self.bad else ""
        if not self.up or way:
            self._befall(f"mail: {way if self.up else 'away'}")
        if not self.up or way == "refused":
            raise mail.NotTaken("simulated")
        if way == "killed_before":
            raise Killed
        self.taken.append(message_id)
        if way == "killed_after":
            raise Killed
        if way == "broken":
            raise mail.PerhapsTaken("simulated")


class World:
    """A town whose régie collects through one gateway, and that gateway itself."""

    product: Product

    def __init__(self, *, seed: int, post: type[Post] = Post) -> None:
        self.draw = random.Random(seed)  # noqa: S311 - a simulation
        self.trace: list[str] = []
        self.clock = Clock(
            datetime(2026, 3, 16, 7, tzinfo=UTC)
            + timedelta(days=self.draw.randrange(300), minutes=self.draw.randrange(24 * 60))
        )
        self.began = self.clock()
        connection.ensure_connection()
        keep_statements_prepared(connection)
        self.gateway = ""  # the kind of its history
        self.accidents: Counter[str] = Counter()
        self.came_to: Counter[str] = Counter()  # what there was of each thing in the end
        self.killed = 0
        self.cuts = 0.0  # how often whatever is done ends at one of its COMMITs
        self.worker_up = True
        self.handlers: Handlers = HANDLERS
        self._fuse: int | None = self.draw.randrange(5, 40)  # statements that a worker lives; shorter until it has died
        self.post = post(self.draw, self.befall)
        self.cut_draw = random.Random(f"cut {seed}")  # noqa: S311
        ahead = timedelta(seconds=self.cut_draw.choice(BANKS_CLOCKS))
        if ahead:
            self.befall("the bank's clock is ahead")
        _switchboard.clock, _switchboard.post, _switchboard.ahead = self.clock, self.post, ahead
        self.sandbox = sandbox()
        self.wire = Wire(self.sandbox.transport(), self.draw, self.befall, self.clock.wait)
        self.mail_draw = random.Random(f"mail {seed}")  # noqa: S311
        self.mail = MailServer(self.mail_draw, self.note)
        self.several_draw = random.Random(f"several {seed}")  # noqa: S311
        self.pay_together = self.several_draw.random() < 1 / 3
        self.mail = MailServer(self.mail_draw, self.befall)
        self._client = httpx.Client(transport=self.wire, timeout=15)
        self.post.deliver = self.hear
        self.town = cast.make_town(
            slug=f"histoire-{seed}",
            name="Histoire",
            numcli=f"{900_000 + seed % 99_999}",
            agent=f"agent-{seed}",
            origin=f"https://histoire-{seed}.example",
        )
        self.titres: list[Titre] = []

    def forget_and_know(self, *, seed: int, **known: object) -> None:
        """The sandbox remembers nothing, and knows this of its world."""
        self.sandbox.config = load_config({"clients": [], "debts": [], "towns": []} | known, today=self._today())
        self.sandbox.reset(str(seed))

    def owe(self, *amounts: Money) -> None:
        """The invoices of this history; one product in two lets them be paid in several times."""
        if self.draw.random() < 0.5:
            with tenant(self.town.collectivite):
                self.product.partial_payment = True
                self.product.save(update_fields=["partial_payment"])
        if self.pay_together:
            allow(self.product)
        self.titres = [
            cast.make_titre(self.product, reference=f"FC{number:06d}", amount=amount, now=self.began)
            for number, amount in enumerate(amounts, start=1)
        ]

    def _today(self) -> date:
        return paris.today(self.clock())

    @property
    def faults(self) -> int:
        """How many things have gone wrong so far."""
        return self.accidents.total()

    def befall(self, what: str) -> None:
        """Something goes wrong: it is told, and counted."""
        self.accidents[what] += 1
        self.note(what)

    def note(self, what: str) -> None:
        """One line of the trace: minutes since the beginning, and what happened. Names, never numbers of rows."""
        self.trace.append(f"{(self.clock() - self.began).total_seconds() / 60:8.1f} {what}")

    @contextmanager
    def on_the_wire(self) -> Iterator[None]:
        """REGAL speaks to this gateway and this mail server meanwhile; pauses are drawn from the seed too."""
        pauses = patch.object(agenda, "random", self.mail_draw)
        connection_created.connect(keep_statements_prepared)  # one that was cut is made anew
        try:
            with pauses, patch.object(mail, "send", self.mail.send), http.replaced(self._client):
                yield
        finally:
            connection_created.disconnect(keep_statements_prepared)

    def spare(self, *, began: datetime) -> None:
        """Nothing befalls this world by chance any more, and it begins then."""
        self._fuse = None
        self.clock.now = self.began = began
        _switchboard.ahead = timedelta(0)

    def may_die(
        self,
        act: Callable[[], Any],
        *,
        after: int | None = None,
        who: str = "REGAL",
        death: AbstractContextManager[object] | None = None,
    ) -> Any:
        """Let a process of REGAL do something; None if it did not live to the end, or its database did not.

        It dies on the wire, before its nth statement, or at a COMMIT: before or after PostgreSQL heard of it. There the
        connection may be lost instead, and the process lives on without knowing which. `death`: what else kills it.
        """
        try:
            with ExitStack() as accidents:
                if death is not None:
                    accidents.enter_context(death)
                elif after is not None:
                    accidents.enter_context(connection.execute_wrapper(_fuse(after)))
                elif self.cut_draw.random() < self.cuts:
                    accidents.enter_context(self._cut_at_a_commit(self.cut_draw.choice((0, 0, 1, 2, 3, 5))))
                return act()
        except Killed:
            self.killed += 1
            self.befall(f"{who}: killed")
        except Cut:
            connection.close()  # as each request and each piece of work ends with one that was lost
            self.killed += 1
        return None

    @contextmanager
    def _cut_at_a_commit(self, number: int) -> Iterator[None]:
        """The COMMIT of this number, if there is one, ends badly."""
        database: Any = connection  # its private verbs are in no stub
        commit, left = database._commit, number

        def end() -> None:
            nonlocal left
            left -= 1
            if left != -1:
                commit()
                return
            way = self.cut_draw.choice(ENDS_OF_A_COMMIT)
            self.befall(f"COMMIT: {way}")
            end_badly(commit, way)

        with patch.object(connection, "_commit", end):
            yield

    def work(self) -> None:
        """What workers, the gateway and its post office do at this moment."""
        self.sandbox.deliver_due()
        if self.worker_up and (self._fuse is not None or self.has_work()):
            died = self.killed
            self.may_die(self.look, after=self._fuse, who="worker")
            if self._fuse is not None:
                self._fuse = None if self.killed > died else max(0, self._fuse - 5)

    def shorten_fuse(self) -> None:
        """A worker will die, at one of its next looks."""
        self._fuse = self.draw.randrange(5, 60)

    def has_work(self) -> bool:
        """Whether a worker that looks now would find anything: to ask once is cheaper than to look everywhere."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT 1 FROM agenda_effect WHERE done_at IS NULL AND due_at <= %(now)s)"
                " OR EXISTS (SELECT 1 FROM agenda_watch WHERE closed_at IS NULL"
                " AND (due_at <= %(now)s OR leased_until > %(impossible)s))",
                {"now": self.clock(), "impossible": self.clock() + IMPOSSIBLE},
            )
            row = cursor.fetchone()
        assert row is not None
        return bool(row[0])

    def look(self) -> None:
        """A worker does what is due, then puts the questions that are."""
        while self._fails_to_post():
            pass
        checker.check_due(clock=self.clock, draw=lambda: self.draw.randrange(DRAWS), wait=self.clock.wait)

    def look_if_needed(self) -> None:
        """The same, if there is anything to do."""
        if self.has_work():
            self.look()

    def _fails_to_post(self) -> bool:
        """Do what is due; a worker goes on with the next, what the mail server did not take is put off."""
        try:
            run_due(handlers=self.handlers, now=self.clock())
        except mail.MailFailure:
            return True
        return False

    def hear(self, url: str, body: bytes) -> None:
        """A notification comes to an address of ours; whoever is not answered has not delivered it."""
        after = self.cut_draw.randrange(12) if self.cut_draw.random() < self.cuts else None
        if self.may_die(lambda: self.keep_call(url, body), after=after, who="guichet") is None:
            raise ConnectionError

    def keep_call(self, url: str, body: bytes) -> InboxMessage:
        """At an attempt's own address."""
        collectivite_id, _, token = urlsplit(url).path.removeprefix("/s/n/").partition("/")
        message = Message(method="POST", query=b"", body=body, content_type=FORM, received_at=self.clock())
        with tenant(int(collectivite_id)):
            attempt = attempt_by_notification_token(collectivite_id=int(collectivite_id), token=token)
            if attempt is None:
                raise AssertionError("the gateway calls an address that we did not give")
            return receive(attempt=attempt, message=message, now=self.clock())


class PayfipWorld(World):
    """PayFiP's web service."""

    def __init__(self, *, seed: int, amounts: Sequence[Money]) -> None:
        super().__init__(seed=seed)
        numcli = f"{100_000 + seed % 800_000}"
        client = {
            "numcli": numcli,
            "kind": "regie",
            "labels": ["RESTAURANT SCOLAIRE", "SIMULATION", "REGIE"],
            "phase": "active",
            "direct_debit": {"phase": "active"},
            "options": {"web_service": True},
        }
        self.forget_and_know(seed=seed, clients=[client], merchants=[])
        self.product = cast.make_product(
            self.town,
            DebtKind.REGIE,
            slug="restaurant-scolaire",
            numcli=numcli,
            gateway="payfip_ws",
            environment=Environment.PRODUCTION,
            reference_form={"pattern": "FC#{6}"},
        )
        self.owe(*amounts)


class _Switchboard:
    """To whom the one sandbox of this process belongs: making one takes longer than playing a history."""

    clock = Clock(datetime(2026, 3, 16, 7, tzinfo=UTC))  # until the first history has its own
    post: Post
    ahead = timedelta(0)

    def now(self) -> datetime:
        return self.clock() + self.ahead

    def send(self, request: NotificationRequest) -> Answer:
        return self.post(request)


_switchboard = _Switchboard()


def keep_statements_prepared(connection: Any, **_: object) -> None:
    """PostgreSQL reads and plans each statement once a connection: that takes longer than to carry it out.

    psycopg keeps a hundred, from the fourth time on, and forgets all of them at each ROLLBACK, lest a table was made
    anew: here something is rolled back at every turn, and no table changes.
    """
    connection.connection.execute("SET plan_cache_mode = force_generic_plan")
    prepared = connection.connection._prepared
    prepared.prepared_max, prepared.prepare_threshold = PREPARED, 1
    prepared.clear = lambda: False


@cache
def sandbox() -> Sandbox:
    """The one sandbox of this process."""
    return create(
        clock=_switchboard.now,
        send_notification=_switchboard.send,
        send_mail=lambda message: None,
        pause=lambda seconds: None,
        town_count=0,
        config={"clients": [], "debts": [], "towns": [], "merchants": []},
    )


def _fuse(statements: int) -> Callable[..., Any]:
    left = statements

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        return execute(sql, params, many, context)

    return count
