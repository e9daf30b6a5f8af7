"""Ask every invariant of one and the same moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import connections, transaction

from regal.agenda.models import Effect
from regal.gateways.paybox.account import DISPLAY_SECONDS
from regal.gateways.paybox.gateway import OUTCOME_AFTER_THE_PAGE, Paybox
from regal.gateways.payfip_ws.gateway import USUAL_TIMING, PayfipWs
from regal.journal.chain import GENESIS
from regal.lib import paris
from regal.payments.states import FORM_MODE, LIVE, TRANSITIONS
from regal.proof import names, walls
from regal.proof.findings import BrokenRow, Invariant, Snapshot
from regal.proof.invariants import INVARIANTS
from regal.reconciliation.queries import last_day_due
from regal.titres.states import TRANSITIONS as TITRE_TRANSITIONS

SEALED_BY = time(6)  # of the next day, Europe/Paris
SHORTEST_ROUTING_DELAY_HOURS = 24  # the demonstration does with less


@dataclass(frozen=True, kw_only=True)
class Report:
    broken: tuple[BrokenRow, ...]
    late: tuple[BrokenRow, ...]  # what people have left undone: nothing is wrong with the base
    invariants: int
    rows: int  # of all that belongs to a collectivité, and of the agenda


def verify(*, now: datetime, invariants: Iterable[Invariant] = INVARIANTS, using: str = "verify") -> Report:
    """Run invariants in one snapshot that cannot write, as the role that reads every collectivité's rows."""
    asked = tuple(invariants)
    with transaction.atomic(using=using):
        with connections[using].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SET LOCAL jit = off")
        snapshot = Snapshot(using=using, now=now, parameters=_parameters(now))
        broken, late = (
            tuple(
                row
                for invariant in asked
                if invariant.is_up_to_people is up_to_people
                for row in invariant.broken_rows(snapshot)
            )
            for up_to_people in (False, True)
        )
        rows = Effect.objects.using(using).count()
        rows += sum(model.objects.using(using).count() for model in walls.tenant_models())
    return Report(broken=broken, late=late, invariants=len(asked), rows=rows)


def _parameters(now: datetime) -> dict[str, Any]:
    edges = [(source or "", event.value, target.value) for (source, event), target in TRANSITIONS.items()]
    titre_edges = [(source or "", event.value, target.value) for (source, event), target in TITRE_TRANSITIONS.items()]
    keys = walls.tenant_keys()
    return walls.PARAMETERS | {
        "now": now,
        "sealed_day": _last_sealed_day(now),
        "absent_day": last_day_due(paris.today(now - timedelta(days=1))),
        "genesis": GENESIS,
        "edges_from": [source for source, _, _ in edges],
        "edges_event": [event for _, event, _ in edges],
        "edges_to": [target for _, _, target in edges],
        "titre_edges_from": [source for source, _, _ in titre_edges],
        "titre_edges_event": [event for _, event, _ in titre_edges],
        "titre_edges_to": [target for _, _, target in titre_edges],
        "live_states": [state.value for state in LIVE],
        "routing_delay_hours": min(settings.ROUTING_DELAY_HOURS, SHORTEST_ROUTING_DELAY_HOURS),
        "askable_gateways": [PayfipWs.name],
        "signed_gateways": [Paybox.name],
        "display_seconds": DISPLAY_SECONDS,
        "after_the_page": OUTCOME_AFTER_THE_PAGE,
        "outcome_minutes": USUAL_TIMING.outcome // timedelta(minutes=1),
        "give_up_days": USUAL_TIMING.gives_up // timedelta(days=1),
        "form_mode": [state.value for state in FORM_MODE],
        "key_tables": [table for table, _ in keys],
        "key_columns": [column for _, column in keys],
        **names.parameters(now),
    }


def _last_sealed_day(now: datetime) -> date:
    """The last day whose evidence must stand in the books by now."""
    yesterday = paris.today(now) - timedelta(days=1)
    return yesterday if paris.to_paris(now).time() >= SEALED_BY else yesterday - timedelta(days=1)
