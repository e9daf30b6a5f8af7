"""Trials of the panel of faults: a payer of our own pays through the real pages while something breaks.

A program of the demonstration (`regal demo_faults`), beside the others. It takes one asked trial after the other, and
writes in the notebook what it does; what REGAL makes of it is read in REGAL, and what was really paid at the sandbox.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import httpx
from django.conf import settings
from django.db import close_old_connections, connections
from django.db.utils import DatabaseError

from regal.collectivites.models import Collectivite, Product
from regal.demo.data import moment
from regal.demo.faults import (
    CATALOGUE,
    FIRST_NUMBER,
    KILLS,
    LATE_SECONDS,
    PRODUCTS,
    STAYS_AWAY,
    TOWN,
    Fault,
    first_trial,
    rules,
)
from regal.demo.notebook import KILLED, TAB_CLOSED, Fact, Notebook, Run
from regal.demo.remises import deposit_remises
from regal.demo.simulated_payer import Lost, Page, SimulatedPayer
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.titres import operations as titres
from regal.titres.models import Titre

logger = logging.getLogger("regal.demo")

DEBTOR = "Essai de panne"
PRICES = range(1_185, 6_000, 790)  # cents
TIMEOUT_SECONDS = 40.0
KILL_SECONDS = 15.0
LEFTOVER = timedelta(minutes=2)  # a rule that met nothing by then would disturb somebody else

Clock = Callable[[], datetime]


def serve(notebook: Notebook, *, pause_seconds: float = 1.0) -> None:
    """Play what is asked, for ever."""
    for run in notebook.runs():
        if not run.is_waiting and not run.is_over:  # we were killed in the middle
            run.ended_at, run.problem = moment(), "interrupted"
            notebook.save(run)
    while True:
        waiting = notebook.waiting()
        if waiting:
            play(waiting[0], notebook)
        else:
            look_after(notebook)
        time.sleep(pause_seconds)


def play(run: Run, notebook: Notebook, *, clock: Clock = moment, wait: Callable[[float], None] = time.sleep) -> None:
    """One trial. What goes wrong with the trial itself is written in it."""
    run.began_at = clock()
    notebook.save(run)
    try:
        with httpx.Client(timeout=TIMEOUT_SECONDS) as http:
            _Trial(run, notebook, http, clock=clock, wait=wait).play()
    except (Lost, httpx.HTTPError, DatabaseError, KeyError, ValueError) as failure:
        logger.warning("trial %s could not be played: %s", run.id, type(failure).__name__)
        run.problem = str(failure) if isinstance(failure, Lost) else type(failure).__name__
    finally:
        run.ended_at = clock()
        notebook.save(run)
        connections.close_all()


def look_after(notebook: Notebook) -> None:
    """Between two trials: what was left of others is put in order, and remises are deposited."""
    try:
        remove_leftovers(notebook)
        deposit_remises(notebook, now=moment())
    except (httpx.HTTPError, DatabaseError, KeyError, ValueError) as failure:  # killed for a trial, and soon back
        logger.warning("nothing could be put in order: %s", type(failure).__name__)
    finally:
        connections.close_all()


def remove_leftovers(notebook: Notebook) -> None:
    """Take back the rules of trials long over that met nothing to disturb."""
    now = moment()
    for run in notebook.runs(40):
        if run.rules and not run.is_tidy and run.ended_at is not None and now - run.ended_at > LEFTOVER:
            with suppress(httpx.HTTPError):
                for rule in {one["id"] for one in _control("GET", "/faults")["faults"]} & set(run.rules):
                    _control("DELETE", f"/faults/{rule}")
                run.is_tidy = True
                notebook.save(run)


class _Trial:
    def __init__(
        self, run: Run, notebook: Notebook, http: httpx.Client, *, clock: Clock, wait: Callable[[float], None]
    ) -> None:
        self.run, self.notebook, self.clock, self.wait = run, notebook, clock, wait
        self.fault, self.product = Fault(run.fault), PRODUCTS[run.gateway]
        self.payer = SimulatedPayer(http, wait=wait)

    def play(self) -> None:
        titre = new_invoice(self.run.gateway, label=f"{DEBTOR}, {_in_french(self.fault)}", now=self.clock())
        self.run.invoice = titre.number
        self.step("invoice")
        card = self.payer.go_to_card(self.payer.reach_gateway(form=self.form, typed=self.typed(titre)))
        self.step("at_gateway")
        self.run.reference = self.payer.reference or titre.reference
        self.inject()
        paid = self.payer.pay(card)
        self.step("paid")
        self.leave(paid)

    @property
    def form(self) -> str:
        return f"{settings.GUICHET_URL}/{TOWN.slug}/{self.product.slug}/"

    @property
    def email(self) -> str:
        return f"essai-{self.run.id[-6:]}@example.org"

    def typed(self, titre: Titre) -> dict[str, str]:
        euros, cents = divmod(titre.amount.cents, 100)
        return {"invoice": titre.number, "amount": f"{euros},{cents:02d}", "email": self.email}

    def inject(self) -> None:
        """Have the pretend gateway fail, or a program of the demonstration killed."""
        told = rules(
            self.fault,
            self.run.gateway,
            reference=self.run.reference,
            sender=settings.DEFAULT_FROM_EMAIL,
            recipient=self.email,
        )
        self.run.rules = [_control("POST", "/faults", rule)["id"] for rule in told]
        self.notebook.save(self.run)
        if self.fault in KILLS:
            self.notebook.ask_kill(part=KILLS[self.fault], run=self.run.id)
            deadline = time.monotonic() + KILL_SECONDS
            while not self.was_killed():
                if time.monotonic() > deadline:
                    raise Lost("nobody killed it")
                self.wait(0.05)

    def was_killed(self) -> bool:
        return any(fact.run == self.run.id and fact.what == KILLED for fact in self.notebook.facts())

    def leave(self, paid: Page) -> None:
        if self.fault in STAYS_AWAY:
            at = self.clock()
            self.run.steps.append((at, "closed"))
            self.notebook.note(Fact(at=at, what=TAB_CLOSED, run=self.run.id))
            if self.fault is Fault.LATE:  # the next trial may kill whoever is to hear it
                self.wait(LATE_SECONDS + 2)
            return
        self.step("comes_back")
        self.step("told_paid" if self.payer.come_back(paid) else "told_nothing_yet")

    def step(self, what: str) -> None:
        self.run.steps.append((self.clock(), what))
        self.notebook.save(self.run)


def new_invoice(gateway: str, *, label: str, now: datetime) -> Titre:
    """One more of the series of trials, by the operations that an agent's page calls."""
    close_old_connections()
    told = PRODUCTS[gateway]
    assert told.series is not None
    town = Collectivite.objects.get(slug=TOWN.slug)
    with tenant(town):
        product = Product.objects.of(town).select_related("collectivite", "account").get(slug=told.slug)
        so_far = Titre.objects.of(town).filter(product=product, reference__gte=first_trial(gateway)).count()
    today = paris.today(now)
    titre = titres.record_titre(
        product=product,
        number=f"{told.series.prefix}-{FIRST_NUMBER + so_far}",
        label=label,
        debtor=DEBTOR,
        amount=Money(PRICES[so_far % len(PRICES)]),
        issued_on=today,
        due_on=today + timedelta(days=30),
        now=now,
    )
    titres.issue(titre=titre, now=now)
    return titre


def _in_french(fault: Fault) -> str:
    return str(CATALOGUE[fault].title).lower()


def _control(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask the sandbox's control port. Raises httpx.HTTPError."""
    asked = httpx.request(method, f"{settings.SANDBOX_CONTROL_URL}{path}", json=body, timeout=TIMEOUT_SECONDS)
    told: dict[str, Any] = asked.raise_for_status().json()
    return told
