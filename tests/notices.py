"""What the other side says in tests: PayFiP's forms as they come, and notices that prove something."""

import dataclasses
import itertools
from datetime import datetime
from itertools import groupby
from urllib.parse import urlencode

from regal.agenda import operations as agenda
from regal.agenda.models import Effect
from regal.config.jobs import HANDLERS
from regal.gateways.base import Claims, Environment, Message, Notice, Outcome, Rank
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, Evidence, InboxMessage
from regal.payments.operations import JUDGE_MESSAGE, apply_notice, receive
from regal.titres.models import Titre
from tests.cast import IDOP, MME_LEROY, MORNING, Town, leave_with

FORM = "application/x-www-form-urlencoded"
_number = itertools.count(1)


def fields(town: Town, attempt: Attempt, outcome: str = "P", **changes: str | None) -> dict[str, str]:
    """The eleven fields of PayFiP's notification about an attempt; None leaves one out."""
    usual: dict[str, str | None] = {
        "numcli": town.account.identifier,
        "exer": f"{attempt.exercice}",
        "refdet": attempt.debt_reference,
        "objet": "Avis des sommes a payer",
        "montant": f"{attempt.amount.cents}",
        "mel": MME_LEROY,
        "saisie": "T",
        "resultrans": outcome,
        "numauto": "3feabd" if outcome == "P" else None,
        "dattrans": "24112026",
        "heurtrans": "0905",
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def form(town: Town, attempt: Attempt, outcome: str = "P", **changes: str | None) -> bytes:
    return urlencode(fields(town, attempt, outcome, **changes)).encode()


def message(body: bytes, *, query: bytes = b"", content_type: str = FORM, now: datetime = MORNING) -> Message:
    return Message(method="POST", query=query, body=body, content_type=content_type, received_at=now)


def deliver(town: Town, attempt: Attempt, body: bytes, *, now: datetime = MORNING, query: bytes = b"") -> InboxMessage:
    """Store a message about an attempt, as the guichet does."""
    with tenant(town.collectivite):
        return receive(attempt=attempt, message=message(body, query=query, now=now), now=now)


def tell(town: Town, attempt: Attempt, body: bytes, *, now: datetime = MORNING) -> Evidence:
    """Store a message and judge it."""
    stored = deliver(town, attempt, body, now=now)
    run_due(now)
    with tenant(town.collectivite):
        return Evidence.objects.get(message=stored)


def run_due(now: datetime) -> int:
    """What the worker would have done by then."""
    return agenda.run_due(handlers=HANDLERS, now=now)


def judge_all(now: datetime) -> int:
    """Have all that was stored judged, as a worker does, but each town's in one transaction; how many.

    For thousands it is cheaper than `run_due`. What fails stops the test at once, and is not put off.
    """
    judge = HANDLERS[JUDGE_MESSAGE]
    assert not isinstance(judge, agenda.Long)
    due = Effect.objects.filter(kind=JUDGE_MESSAGE, done_at__isnull=True, due_at__lte=now)
    effects = list(due.order_by("collectivite_id", "due_at", "pk").values_list("collectivite_id", "subject_id", "pk"))
    for collectivite_id, of_town in groupby(effects, key=lambda effect: effect[0]):
        with tenant(collectivite_id):
            those = [*of_town]
            for _, message_id, _ in those:
                judge(collectivite_id, message_id, now)
            Effect.objects.filter(pk__in=[pk for _, _, pk in those]).update(done_at=now, tries=1)
    return len(effects)


def carry_one(effect_id: int, now: datetime = MORNING) -> bool:
    """What one worker does with one effect."""
    return agenda.carry(effect_id=effect_id, handlers=HANDLERS, now=now)


def notice(
    town: Town,
    attempt: Attempt,
    outcome: Outcome = Outcome.PAID,
    *,
    rank: Rank = Rank.FILED,
    occurred_at: datetime | None = MORNING,
    **claims: object,
) -> Notice:
    """What an accounting file would say of an attempt."""
    usual: dict[str, object] = {
        "account_identifier": town.account.identifier,
        "debt_reference": attempt.debt_reference,
        "exercice": attempt.exercice,
        "amount": attempt.amount,
        "environment": Environment(attempt.environment),
    }
    return Notice(
        rank=rank,
        outcome=outcome,
        outcome_code="file",
        claims=Claims(**(usual | claims)),  # type: ignore[arg-type]
        occurred_at=occurred_at,
        facts={"amount_cents": f"{attempt.amount.cents}", "debt_reference": attempt.debt_reference},
    )


def hear(
    town: Town,
    attempt: Attempt,
    said: Notice | None = None,
    *,
    digest: str = "",
    now: datetime = MORNING,
    source: str = "inquiry",
) -> Evidence:
    """Apply a notice that proves as much as a file, unless told otherwise; each call is another one but for `digest`.

    It is not said to come from a file: what does has its line, which only `reconciliation` writes.
    """
    with tenant(town.collectivite):
        return apply_notice(
            collectivite_id=town.collectivite.pk,
            attempt_id=attempt.pk,
            notice=said or notice(town, attempt),
            digest=digest or f"{next(_number):064x}",
            source=source,
            now=now,
        )


def pay(town: Town, titre: Titre, *, now: datetime = MORNING, key: str = IDOP) -> Attempt:
    """Mme Leroy pays what is left of an invoice, and PayFiP says so when it is asked."""
    attempt = leave_with(titre, key=key, now=now)
    of_the_regie = dataclasses.replace(town, product=titre.product, account=titre.product.account)
    said = notice(of_the_regie, attempt, rank=Rank.ASKED, occurred_at=now)
    hear(of_the_regie, attempt, said, now=now)
    with tenant(town.collectivite):
        return Attempt.objects.get(collectivite=town.collectivite, pk=attempt.pk)
