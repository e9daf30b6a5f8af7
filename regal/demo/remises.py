"""What the régie does the next morning, for the trials whose payment Paybox told nobody about: it deposits the remise.

Neither the message nor the payer came: Paybox Direct says that something exists, REGAL opens an anomaly, and the file
of the night settles. Here the night does not last; the file goes through the bureau's own operations.
"""

import logging
from datetime import datetime
from typing import Any

import httpx
from django.conf import settings

from regal.cases.models import Case
from regal.cases.models import Kind as CaseKind
from regal.collectivites.models import Collectivite
from regal.demo.faults import PAYBOX, PRODUCTS, TOWN, first_trial
from regal.demo.notebook import REMISE, Fact, Notebook
from regal.lib import paris
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt
from regal.payments.states import State
from regal.people.models import Role, User
from regal.reconciliation import operations as reconciliation
from regal.reconciliation.refusals import Refusal

logger = logging.getLogger("regal.demo")

PATIENCE_SECONDS = 20


def waiting_for_remise() -> list[Attempt]:
    """The payments of our two products that Paybox knows and never told us about: an anomaly says so."""
    town = Collectivite.objects.get(slug=TOWN.slug)
    with tenant(town):
        cases = Case.objects.of(town).filter(kind=CaseKind.NOT_NOTIFIED, subject_kind="attempt", closed_at__isnull=True)
        named = list(cases.values_list("subject_id", flat=True))
        ours = Attempt.objects.of(town).filter(pk__in=named, account__identifier=PRODUCTS[PAYBOX].identifier)
        return list(ours.exclude(status=State.PAID).order_by("pk"))


def deposit_remises(notebook: Notebook, *, now: datetime) -> int:
    """Deposit each remise that holds a trial's payment still missing; how many."""
    missing = {
        attempt.reference: attempt for attempt in waiting_for_remise() if attempt.debt_reference >= first_trial(PAYBOX)
    }
    if not missing:
        return 0
    done = {fact.part for fact in notebook.facts() if fact.what == REMISE}
    runs = {run.reference: run.id for run in notebook.runs()}
    deposited = 0
    with httpx.Client(base_url=settings.SANDBOX_CONTROL_URL, timeout=PATIENCE_SECONDS) as http:
        http.post("/paybox/remises").raise_for_status()
        numbers = _remises_of(http, set(missing))
        for number, references in numbers.items():
            if number in done:
                continue
            content = http.get("/paybox/file", params={"remise": number}).raise_for_status().content
            _deposit(content, name=f"remise-{number}.csv", now=now)
            deposited += 1
            for reference in references:
                notebook.note(Fact(at=now, what=REMISE, run=runs.get(reference, ""), part=number))
    return deposited


def _remises_of(http: httpx.Client, references: set[str]) -> dict[str, list[str]]:
    told: dict[str, Any] = http.get("/paybox/payments", params={"merchant": PRODUCTS[PAYBOX].identifier}).json()
    found: dict[str, list[str]] = {}
    for payment in told["payments"]:
        for made in payment["tries"]:
            if payment["reference"] in references and made["remise"]:
                found.setdefault(made["remise"], []).append(payment["reference"])
    return found


def _deposit(content: bytes, *, name: str, now: datetime) -> None:
    town = Collectivite.objects.get(slug=TOWN.slug)
    manager = next(agent for agent in TOWN.agents if agent.role is Role.REGISSEUR)
    actor_id = User.objects.get(identifier=manager.identifier).pk
    day = paris.today(now)
    try:
        with tenant(town):
            file = reconciliation.deposit(
                collectivite=town, content=content, name=name, account_identifier="", actor_id=actor_id, now=now
            )
            reconciliation.confirm(
                collectivite=town, file_id=file.pk, covers_from=day, covers_to=day, actor_id=actor_id, now=now
            )
    except Refusal as refusal:
        logger.warning("a remise was not taken: %s", type(refusal).__name__)
