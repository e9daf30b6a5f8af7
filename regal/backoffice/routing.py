"""Changes of where money goes: asked by an administrator, approved by somebody else, carried out a day later at the
soonest, told to all administrators (`docs/decisions/0009`). Closing a contract needs none of this and is immediate.

Each verb is one transaction with its audit row. Two people at once meet the lock of the change's row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from regal.agenda.operations import schedule
from regal.audit.models import AuditEntry
from regal.audit.operations import record, record_on_platform
from regal.backoffice import activation_refusals
from regal.backoffice.administration import ADDRESS, add_account
from regal.backoffice.refusals import Refusal
from regal.collectivites.models import Collectivite, GatewayAccount, Product, RoutingChange
from regal.collectivites.operations import secrets_of
from regal.gateways.base import DebtKind, Environment
from regal.lib import tokens
from regal.lib.tenancy import HasKey, tenant
from regal.lib.vault import Secret
from regal.people.models import Membership, Role, User

CARRY_OUT = "carry_out_routing"
TELL_ASKED = "tell_routing_asked"
TELL_APPROVED = "tell_routing_approved"
TELL_CARRIED_OUT = "tell_routing_carried_out"
TELL_CANCELLED = "tell_routing_cancelled"


def administrators(*, collectivite: HasKey) -> list[User]:
    """Whoever administers it and may sign in. Call it inside `tenant()`."""
    members = Membership.objects.of(collectivite).filter(role=Role.ADMINISTRATOR, user__is_active=True)
    return [member.user for member in members.select_related("user").order_by("user__identifier")]


def seasoned_administrators(*, collectivite: HasKey, now: datetime) -> list[User]:
    """Those who have administered it for as long as a routing change waits: a colleague invented today is no second
    person. Call it inside `tenant()`.
    """
    long_ago = now - timedelta(hours=settings.ROUTING_DELAY_HOURS)
    found = [one for one in administrators(collectivite=collectivite) if one.has_usable_password()]
    lately = AuditEntry.objects.of(collectivite).filter(
        action__in=["add_member", "change_role"], subject__in=[f"user {one.pk}" for one in found], at__gt=long_ago
    )
    newcomers = set(lately.values_list("subject", flat=True))
    return [one for one in found if f"user {one.pk}" not in newcomers]


def accounts_of(*, collectivite: HasKey, identifier: str) -> dict[Environment, GatewayAccount]:
    """A contract's accounts, by phase, all at one gateway: so PostgreSQL says. Call it inside `tenant()`."""
    accounts = GatewayAccount.objects.of(collectivite).filter(identifier=identifier)
    return {
        Environment(account.environment): account
        for account in accounts.select_related("collectivite", "budget", "regie").order_by("pk")
    }


def products_of(*, collectivite: HasKey, identifier: str) -> list[Product]:
    """What a contract collects, whatever the phase. Call it inside `tenant()`."""
    products = Product.objects.of(collectivite).select_related("account", "collectivite")
    return list(products.filter(account__identifier=identifier))


def gateway_at(*, collectivite: HasKey, identifier: str) -> str:
    """The gateway of a contract. Call it inside `tenant()`."""
    return str(next(iter(accounts_of(collectivite=collectivite, identifier=identifier).values())).gateway)


def is_closed(accounts: Iterable[GatewayAccount]) -> bool:
    """Whether nobody can pay by this contract any more."""
    return not any(account.is_active for account in accounts)


def ask(
    *,
    collectivite: Collectivite,
    kind: RoutingChange.Kind,
    identifier: str,
    product_ids: Iterable[int] = (),
    now: datetime,
    actor_id: int,
) -> RoutingChange:
    """Ask that a contract's production be opened for some products, or that a closed one serve again.

    The caller has checked what must have succeeded before. Raises AlreadyAsked, NothingToOpen, NotOfThisContract.
    """
    chosen = sorted(set(product_ids))
    with tenant(collectivite):
        if kind is RoutingChange.Kind.OPEN_PRODUCTION:
            ours = {product.pk for product in products_of(collectivite=collectivite, identifier=identifier)}
            if not chosen:
                raise activation_refusals.NothingToOpen
            if not ours.issuperset(chosen):
                raise activation_refusals.NotOfThisContract
        already_routed = GatewayAccount.objects.of(collectivite).filter(environment=Environment.PRODUCTION.value)
        is_alone = len(seasoned_administrators(collectivite=collectivite, now=now)) < 2
        try:
            with transaction.atomic():
                change = RoutingChange.objects.create(
                    collectivite=collectivite,
                    kind=kind,
                    gateway=gateway_at(collectivite=collectivite, identifier=identifier),
                    identifier=identifier,
                    what={"products": chosen},
                    needs_operator=is_alone or not already_routed.exists(),
                    asked_by_id=actor_id,
                    asked_at=now,
                    effective_at=now + timedelta(hours=settings.ROUTING_DELAY_HOURS),
                )
        except IntegrityError as error:
            if "collectivites_routing_one_at_a_time" not in str(error):
                raise
            raise activation_refusals.AlreadyAsked from None
        _record(change, "ask_routing", now=now, actor_id=actor_id, after=_told(change))
        _tell(change, TELL_ASKED, now=now)
    return change


def approve(
    *, collectivite: Collectivite, change_id: int, as_operator: bool = False, now: datetime, actor_id: int
) -> RoutingChange:
    """The second person agrees: the change is carried out as soon as its delay has passed.

    Raises RoutingChange.DoesNotExist, SamePerson, OperatorApproves, NotAnAdministrator, AlreadyDecided.
    """
    with tenant(collectivite):
        change = _locked(collectivite, change_id)
        if change.needs_operator and not as_operator:
            raise activation_refusals.OperatorApproves
        if as_operator:
            allowed = change.needs_operator and User.objects.filter(pk=actor_id, is_operator=True).exists()
        else:
            seasoned = seasoned_administrators(collectivite=collectivite, now=now)
            allowed = any(one.pk == actor_id for one in seasoned)
        if not allowed:
            raise activation_refusals.NotAnAdministrator
        if change.asked_by_id == actor_id:
            raise activation_refusals.SamePerson
        if not change.is_pending or change.approved_at is not None:
            raise activation_refusals.AlreadyDecided
        change.approved_by_id, change.approved_at = actor_id, now
        change.save(update_fields=["approved_by", "approved_at"])
        _record(change, "approve_routing", now=now, actor_id=actor_id, after=_told(change))
        if as_operator:
            record_on_platform(action="approve_routing", subject=f"routing {change.pk}", now=now, actor_id=actor_id)
        _tell(change, TELL_APPROVED, now=now)
        schedule(
            collectivite_id=collectivite.pk,
            kind=CARRY_OUT,
            subject_id=change.pk,
            due_at=max(now, change.effective_at),
            now=now,
        )
    return change


def cancel(
    *, collectivite: Collectivite, change_id: int, reason: str = "", now: datetime, actor_id: int
) -> RoutingChange:
    """Any administrator stops a change until it is carried out. Raises RoutingChange.DoesNotExist, AlreadyDecided."""
    with tenant(collectivite):
        change = _locked(collectivite, change_id)
        if not change.is_pending:
            raise activation_refusals.AlreadyDecided
        _cancel(change, reason=reason, now=now, actor_id=actor_id)
    return change


def carry_out(collectivite_id: int, change_id: int, now: datetime) -> None:
    """Do what was approved, once, whoever calls; a change that cannot be done any more is cancelled and says why."""
    collectivite = Collectivite.objects.get(pk=collectivite_id)
    with tenant(collectivite):
        change = _locked(collectivite, change_id)
        if not change.is_pending or change.approved_at is None or now < change.effective_at:
            return
        here = {one.pk for one in administrators(collectivite=collectivite)}
        if change.asked_by_id not in here or not (change.needs_operator or change.approved_by_id in here):
            reason = _("Qui l’avait demandée ou approuvée n’administre plus cette collectivité.")
            _cancel(change, reason=reason, now=now, actor_id=None)
            return
        try:
            with transaction.atomic():
                if change.kind == RoutingChange.Kind.OPEN_PRODUCTION:
                    _open_production(change, now=now)
                else:
                    _reopen(change, now=now)
        except Refusal as refusal:
            _cancel(change, reason=str(refusal), now=now, actor_id=None)
            return
        change.carried_out_at = now
        change.save(update_fields=["carried_out_at"])
        _record(change, "carry_out_routing", now=now, actor_id=change.asked_by_id, after=_told(change))
        _tell(change, TELL_CARRIED_OUT, now=now)


def _open_production(change: RoutingChange, *, now: datetime) -> None:
    """Raises ContractClosed, and what `add_account` raises."""
    accounts = accounts_of(collectivite=change.collectivite, identifier=change.identifier)
    if is_closed(accounts.values()):
        raise activation_refusals.ContractClosed
    tried = accounts[Environment.TEST] if Environment.TEST in accounts else next(iter(accounts.values()))
    production = accounts.get(Environment.PRODUCTION) or add_account(
        collectivite=change.collectivite,
        debt_kind=DebtKind(tried.debt_kind),
        environment=Environment.PRODUCTION,
        identifier=change.identifier,
        gateway=change.gateway,
        options=options_of_next_phase(tried),
        regie=tried.regie,
        now=now,
        actor_id=change.asked_by_id,
        routing_change_id=change.pk,
        secrets=_secrets_of_production(accounts),
    )
    chosen = set(change.what["products"])
    for product in products_of(collectivite=change.collectivite, identifier=change.identifier):
        if product.pk in chosen and product.account_id != production.pk:
            before, product.account = product.account_id, production
            product.save(update_fields=["account"])
            record(
                collectivite=change.collectivite,
                action="move_product",
                subject=f"product {product.pk}",
                before={"account": before},
                after={"account": production.pk, "routing_change": change.pk},
                now=now,
                actor_id=change.asked_by_id,
            )


def options_of_next_phase(account: GatewayAccount) -> dict[str, Any]:
    """What a contract's accounts share: not whether the other side knows an account's own address."""
    return {name: value for name, value in account.options.items() if name != "notified_in_back_office"}


def _secrets_of_production(accounts: Mapping[Environment, GatewayAccount]) -> dict[str, Secret]:
    """Activation and production are one platform of a gateway, with one key: sealed again for the new account, which
    has an address of its own.
    """
    activation = accounts.get(Environment.ACTIVATION)
    secrets = secrets_of(activation) if activation is not None else {}
    return {**secrets, ADDRESS: Secret.of_text(tokens.new_token())} if ADDRESS in secrets else secrets


def _reopen(change: RoutingChange, *, now: datetime) -> None:
    for account in accounts_of(collectivite=change.collectivite, identifier=change.identifier).values():
        _set_active(account, True, now=now, actor_id=change.asked_by_id, routing_change_id=change.pk)


def close_contract(*, collectivite: Collectivite, identifier: str, now: datetime, actor_id: int) -> None:
    """Nobody can pay by it from now on, whatever the phase: its products say that they are closed."""
    with tenant(collectivite):
        for account in accounts_of(collectivite=collectivite, identifier=identifier).values():
            _set_active(account, False, now=now, actor_id=actor_id)


def reopen_contract(
    *, collectivite: Collectivite, identifier: str, now: datetime, actor_id: int
) -> RoutingChange | None:
    """Take a contract into service again: at once before production, afterwards by a change that a second person
    approves, which is then given. Raises AlreadyAsked.
    """
    with tenant(collectivite):
        accounts = accounts_of(collectivite=collectivite, identifier=identifier)
        if Environment.PRODUCTION in accounts:
            if accounts[Environment.PRODUCTION].is_active:
                return None
            return ask(
                collectivite=collectivite,
                kind=RoutingChange.Kind.REOPEN,
                identifier=identifier,
                now=now,
                actor_id=actor_id,
            )
        for account in accounts.values():
            _set_active(account, True, now=now, actor_id=actor_id)
    return None


def _set_active(
    account: GatewayAccount,
    is_active: bool,
    *,
    now: datetime,
    actor_id: int,
    routing_change_id: int | None = None,
) -> None:
    changed = GatewayAccount.objects.of(account.collectivite).select_for_update().get(pk=account.pk)
    if changed.is_active is is_active:
        return
    changed.is_active = is_active
    changed.save(update_fields=["is_active"])
    told: dict[str, Any] = {"is_active": is_active}
    if routing_change_id is not None:
        told["routing_change"] = routing_change_id
    record(
        collectivite=account.collectivite,
        action="reopen_account" if is_active else "close_account",
        subject=f"account {account.pk}",
        before={"is_active": not is_active},
        after=told,
        now=now,
        actor_id=actor_id,
    )


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A change that waits for whoever runs the platform: all that he sees of a town."""

    number: int
    collectivite: Collectivite
    kind: RoutingChange.Kind
    identifier: str
    asked_at: datetime
    effective_at: datetime


def waiting_for_operators() -> list[Waiting]:
    """The changes of all collectivités that an operator approves, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, collectivite_id, kind, identifier, asked_at, effective_at FROM regal_routing_for_operators()"
        )
        rows = cursor.fetchall()
    towns = Collectivite.objects.in_bulk([row[1] for row in rows])
    return [
        Waiting(
            number=number,
            collectivite=towns[town],
            kind=RoutingChange.Kind(kind),
            identifier=identifier,
            asked_at=asked_at,
            effective_at=effective_at,
        )
        for number, town, kind, identifier, asked_at, effective_at in rows
    ]


def _locked(collectivite: HasKey, change_id: int) -> RoutingChange:
    changes = RoutingChange.objects.of(collectivite).select_for_update(of=("self",)).select_related("collectivite")
    return changes.get(pk=change_id)


def _cancel(change: RoutingChange, *, reason: str, now: datetime, actor_id: int | None) -> None:
    change.cancelled_by_id, change.cancelled_at = actor_id, now
    change.reason = " ".join(reason.split())[:300]
    change.save(update_fields=["cancelled_by", "cancelled_at", "reason"])
    _record(change, "cancel_routing", now=now, actor_id=actor_id or change.asked_by_id, after=_told(change))
    _tell(change, TELL_CANCELLED, now=now)


def _told(change: RoutingChange) -> dict[str, Any]:
    """A change as the audit keeps it."""
    return {
        "kind": change.kind,
        "identifier": change.identifier,
        **change.what,
        "effective_at": change.effective_at.isoformat(),
        **({"reason": change.reason} if change.reason else {}),
    }


def _record(change: RoutingChange, action: str, *, now: datetime, actor_id: int, after: dict[str, Any]) -> None:
    record(
        collectivite=change.collectivite,
        action=action,
        subject=f"routing {change.pk}",
        after=after,
        now=now,
        actor_id=actor_id,
    )


def _tell(change: RoutingChange, kind: str, *, now: datetime) -> None:
    schedule(collectivite_id=change.collectivite_id, kind=kind, subject_id=change.pk, due_at=now, now=now)
