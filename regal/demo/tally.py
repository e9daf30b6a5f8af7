"""The panel's counts, from the two sides each time that they are asked: what the pretend gateways took, what REGAL has.

Nothing here is kept: the sandbox says which payments it took and how often something was disturbed, the supervisor
which programs it killed, REGAL's base what is settled. Payment by payment, so that two faults never hide each other.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from django.conf import settings

from regal.audit.models import VerifyRun
from regal.collectivites.models import Collectivite, GatewayAccount
from regal.demo.faults import PAYBOX, PAYFIP, PRODUCTS, REPAIR, TOWN, UNTIL_REMISE
from regal.demo.notebook import KILLED, TAB_CLOSED, Fact
from regal.lib.tenancy import tenant
from regal.payments.models import Settlement

PATIENCE_SECONDS = 5
PAID_AT_PAYFIP = frozenset({"P", "V"})
ACCEPTED_BY_PAYBOX = "00000"
HAPPENED = 500  # uses of rules that are asked for; their number is that of all


class SandboxAway(Exception):
    """The other side does not answer: nothing can be counted now."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Money that a gateway took."""

    gateway: str
    name: str  # PayFiP's idOp, or Paybox's PBX_CMD
    cents: int
    at: datetime  # on the sandbox's clock


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What the sandbox says."""

    now: datetime
    taken: tuple[Taken, ...]
    disturbed: int  # how many times a rule disturbed something
    uses: tuple[Mapping[str, Any], ...]  # the newest of them

    def of(self, gateway: str, name: str) -> list[Taken]:
        return [one for one in self.taken if (one.gateway, one.name) == (gateway, name)]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The counts."""

    disturbed: int
    killed: int
    closed: int
    taken: int
    settled: int
    repairing: int
    lost: int
    unexplained: int  # cents

    @property
    def injected(self) -> int:
        return self.disturbed + self.killed + self.closed

    @property
    def is_clean(self) -> bool:
        return not self.lost and not self.unexplained


def hear_sandbox() -> Truth:
    """Ask the sandbox for the truth. Raises SandboxAway."""
    try:
        with httpx.Client(base_url=settings.SANDBOX_CONTROL_URL, timeout=PATIENCE_SECONDS) as http:

            def ask(path: str, **query: Any) -> Any:
                return http.get(path, params=query).raise_for_status().json()

            happened = ask("/faults/happened", limit=HAPPENED)
            taken = [
                *taken_by_payfip(ask("/idops", numcli=PRODUCTS[PAYFIP].identifier)["idops"]),
                *taken_by_paybox(ask("/paybox/payments", merchant=PRODUCTS[PAYBOX].identifier)["payments"]),
            ]
            return Truth(
                now=datetime.fromisoformat(ask("/clock")["now"]),
                taken=tuple(taken),
                disturbed=happened["count"],
                uses=tuple(happened["happened"]),
            )
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as failure:
        raise SandboxAway from failure


def taken_by_payfip(idops: Iterable[Mapping[str, Any]]) -> list[Taken]:
    return [
        Taken(gateway=PAYFIP, name=one["idop"], cents=one["montant"], at=datetime.fromisoformat(str(one["decided_at"])))
        for one in idops
        if one["resultrans"] in PAID_AT_PAYFIP
    ]


def taken_by_paybox(payments: Iterable[Mapping[str, Any]]) -> list[Taken]:
    return [
        Taken(
            gateway=PAYBOX,
            name=one["reference"],
            cents=made["amount_cents"],
            at=datetime.fromisoformat(str(made["at"])),
        )
        for one in payments
        for made in one["tries"]
        if made["code"] == ACCEPTED_BY_PAYBOX
    ]


def settled_here() -> dict[tuple[str, str], int]:
    """What REGAL has settled on the two accounts: cents, by gateway and by name of the payment there."""
    town = Collectivite.objects.get(slug=TOWN.slug)
    found: dict[tuple[str, str], int] = {}
    with tenant(town):
        for gateway, product in PRODUCTS.items():
            accounts = GatewayAccount.objects.of(town).filter(gateway=gateway, identifier=product.identifier)
            ours = Settlement.objects.of(town).filter(account__in=accounts).select_related("attempt")
            for settlement in ours:
                assert settlement.attempt is not None  # it has an account
                named = settlement.attempt.key if gateway == PAYFIP else settlement.attempt.reference
                found[gateway, named] = found.get((gateway, named), 0) + settlement.amount.cents
    return found


def reckon(
    *, truth: Truth, settled: Mapping[tuple[str, str], int], facts: Iterable[Fact], known: Collection[str] = ()
) -> Tally:
    """Compare. A payment that REGAL does not have is being repaired for five minutes, and lost after that.

    `known`: what is told at Paybox and waits for the next day's remise, as an open anomaly says.
    """
    facts = tuple(facts)
    taken: dict[tuple[str, str], int] = {}
    since: dict[tuple[str, str], datetime] = {}
    for one in truth.taken:
        named = (one.gateway, one.name)
        taken[named] = taken.get(named, 0) + one.cents
        since[named] = max(one.at, since.get(named, one.at))
    missing = [named for named in taken if named not in settled]
    repairing = {
        named for named in missing if truth.now - since[named] <= (UNTIL_REMISE if named[1] in known else REPAIR)
    }
    differences = (
        abs(taken.get(named, 0) - settled.get(named, 0)) for named in (taken.keys() | settled.keys()) - repairing
    )
    return Tally(
        disturbed=truth.disturbed,
        killed=sum(fact.what == KILLED for fact in facts),
        closed=sum(fact.what == TAB_CLOSED for fact in facts),
        taken=len(taken),
        settled=len(settled),
        repairing=len(repairing),
        lost=len(missing) - len(repairing),
        unexplained=sum(differences),
    )


def last_proof() -> VerifyRun | None:
    """The last time that every invariant was verified; the worker does it every five minutes."""
    return VerifyRun.objects.order_by("-at", "-pk").first()
