"""The panel of faults of a demonstration: press one, watch REGAL repair it, and read the counts.

Its routes exist in a demonstration only. No cookie guards its form, as everywhere at the guichet: a signed token of the
page does, which no other site can read.
"""

import logging
from dataclasses import dataclass

from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.views.decorators.http import require_http_methods

from regal.demo.data import moment
from regal.demo.environment import var_folder
from regal.demo.faults import CATALOGUE, PAYBOX, PAYFIP, PRODUCTS, TOWN, Fault
from regal.demo.notebook import Notebook
from regal.demo.remises import waiting_for_remise
from regal.demo.story import stories
from regal.demo.tally import SandboxAway, hear_sandbox, last_proof, reckon, settled_here
from regal.lib.money import Money
from regal.lib.policy import Tenant, Who, policy

logger = logging.getLogger("regal.demo")

PATH = "s/demonstration/pannes/"
SHOWN = len(Fault)  # trials: each pressed once is told
EVERY_SECONDS = 4  # the page looks again by itself, if asked
ALL = "toutes"
TOKEN_SECONDS = 12 * 3600
_SALT = "regal.demo.panel"
GATEWAYS = ((PAYFIP, "PayFiP"), (PAYBOX, "Paybox"))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One fault, and a button for each gateway that it exists for."""

    title: str | Promise
    happens: str | Promise
    repair: str | Promise
    buttons: list[tuple[str, str]]


def notebook() -> Notebook:
    return Notebook(var_folder())


@policy(who=Who.ANYBODY, tenant=Tenant.NONE)
@require_http_methods(["GET", "HEAD", "POST"])
def panel(request: HttpRequest) -> HttpResponse:
    """The buttons, the counts of now, and the latest trials; posted, one trial more, or all of them."""
    if request.method == "POST":
        return _ask(request)
    now, book = moment(), notebook()
    facts = book.facts()
    known = frozenset(attempt.reference for attempt in waiting_for_remise())
    truth = tally = None
    try:
        truth = hear_sandbox()
        tally = reckon(truth=truth, settled=settled_here(), facts=facts, known=known)
    except SandboxAway:
        logger.warning("the sandbox does not say what it took")
    runs = book.runs()
    played = [run for run in runs if not run.is_waiting]
    shown = stories(played[:SHOWN], truth=truth, facts=facts, now=now, known=known)
    waiting = len(runs) - len(played)
    moves = waiting > 0 or any(story.moves for story in shown)
    follows = "suivre" in request.GET
    context = {
        "token": signing.dumps("panel", salt=_SALT),
        "choices": choices(),
        "all": ALL,
        "tally": tally,
        "unexplained": Money(tally.unexplained) if tally else None,
        "proof": last_proof(),
        "stories": shown,
        "waiting": waiting,
        "moves": moves,
        "follows": follows and moves,
        "every_seconds": EVERY_SECONDS,
        "was_refused": "trop" in request.GET,
        "was_old": "ancienne" in request.GET,
        "products": [(name, PRODUCTS[gateway].name) for gateway, name in GATEWAYS],
        "town": None,
        "town_name": TOWN.name,
        "demo": True,
        "now": now,
    }
    return render(request, "demo/faults.html", context)


def choices() -> list[Choice]:
    """Each fault once, with its buttons."""
    return [
        Choice(
            title=told.title,
            happens=told.happens,
            repair=told.repair,
            buttons=[(f"{fault}:{gateway}", name) for gateway, name in GATEWAYS if gateway in told.gateways],
        )
        for fault, told in CATALOGUE.items()
    ]


def _ask(request: HttpRequest) -> HttpResponse:
    address = reverse("demo_faults")
    try:
        signing.loads(request.POST.get("token", ""), salt=_SALT, max_age=TOKEN_SECONDS)
    except signing.BadSignature:
        return HttpResponseRedirect(f"{address}?ancienne=oui")
    pressed, book = request.POST.get("essai", ""), notebook()
    wanted = [
        (fault, gateway)
        for fault, told in CATALOGUE.items()
        for gateway in told.gateways
        if pressed in (ALL, f"{fault}:{gateway}")
    ]
    if not all(book.ask(fault=Fault(fault), gateway=gateway, now=moment()) for fault, gateway in wanted):
        return HttpResponseRedirect(f"{address}?trop=oui")
    return HttpResponseRedirect(f"{address}?suivre=oui#essais")
