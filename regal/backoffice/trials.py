"""Try a contract before it takes real payments: by the machinery that payers will use, on the account of its phase."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from django.utils.translation import get_language

from regal.audit.operations import record
from regal.backoffice import activation_refusals, paybox, recognition
from regal.backoffice.administration import add_account
from regal.backoffice.contracts import Contract
from regal.backoffice.gateway_names import service_of
from regal.backoffice.routing import gateway_at
from regal.collectivites.models import Adhesion, Collectivite, GatewayAccount, Product
from regal.collectivites.reference_forms import read_reference
from regal.gateways.base import DebtKind, Environment
from regal.lib import tokens
from regal.lib.card_numbers import holds_card_number
from regal.lib.email_address import UnreadableEmail, normalise_email
from regal.lib.money import Money, UnreadableAmount
from regal.lib.references import UnreadableReference
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret
from regal.payments.departure import Departure, depart
from regal.payments.models import Attempt
from regal.payments.operations import PaymentOrder
from regal.payments.refusals import AlreadyStarted, CannotHandOff, EarlierAttempt, GatewayAway, TitreNotPayable
from regal.titres.models import Titre
from regal.titres.states import State as TitreState

# PayFiP keeps these for tests (`docs/protocols/payfip.md`, "The debt's reference"); a régie's invoice is free.
TEST_REFERENCES = {
    DebtKind.TITRE: "999900000000999999",
    DebtKind.ORMC: "999999990000000000000",
    DebtKind.REGIE: "TEST0001",
}
LONGEST_OFFICE = 120


def start_trial(
    *,
    account: GatewayAccount,
    product: Product,
    reference: str,
    amount: str,
    email: str,
    flow_token: str,
    told_of_earlier: bool,
    clock: Callable[[], datetime],
    actor_id: int,
) -> Departure:
    """Open a payment on a contract's test or activation account. Never call it inside a transaction.

    A real payment of an invoice that stands in our own base pays that invoice; any other is of no titre. Raises
    ContractClosed, UnreadableTrial, ReservedReference, GatewayForbids, UnknownToPayfip, NoWebService, InvoiceForbids,
    TriedAlready, TrialStarted, TrialUnanswered.
    """
    if not account.is_active:
        raise activation_refusals.ContractClosed
    if account.environment == Environment.PRODUCTION:
        raise ValueError("a trial moves no money of production")
    debt = _read(reference, account)
    order = PaymentOrder(
        product=product,
        contract=account,
        debt_reference=debt.digits,
        exercice=debt.exercice,
        amount=_amount(amount),
        email=_email(email),
        language=get_language() or "fr",
        flow_token=flow_token,
        handle=tokens.new_token(),
        told_of_earlier=told_of_earlier,
        titre=_titre(account, product, debt.digits),
    )

    def write_down(attempt: Attempt) -> None:
        record(
            collectivite=account.collectivite,
            action="try_contract",
            subject=f"attempt {attempt.pk}",
            after={
                "account": account.pk,
                "environment": account.environment,
                "amount_cents": order.amount.cents,
            },
            now=attempt.created_at,
            actor_id=actor_id,
        )

    try:
        return depart(order=order, clock=clock, also=write_down)
    except EarlierAttempt:
        raise activation_refusals.TriedAlready from None
    except AlreadyStarted:
        raise activation_refusals.TrialStarted from None
    except TitreNotPayable as refused:
        raise activation_refusals.InvoiceForbids(refused.reason) from refused
    except CannotHandOff as refused:
        raise recognition.refusal_of(refused.reason, account.identifier) or activation_refusals.GatewayForbids(
            refused.reason, service_of(account)
        ) from refused
    except GatewayAway as away:
        raise activation_refusals.TrialUnanswered(reason=away.reason, service=service_of(account)) from away


def open_activation(
    *,
    collectivite: Collectivite,
    contract: Contract,
    keys: Mapping[str, Secret] | None = None,
    now: datetime,
    actor_id: int,
) -> GatewayAccount:
    """The contract's account for activation payments, once a test has succeeded.

    Paybox's begins with the keys of its production platform. Raises ContractClosed, TestFirst, MissingKey, and as
    `paybox.add_contract`.
    """
    if contract.activation is not None:
        return contract.activation
    if contract.is_closed:
        raise activation_refusals.ContractClosed
    if contract.test is None or contract.tested is None:
        raise activation_refusals.TestFirst
    if contract.is_of_paybox:
        assert contract.test.regie is not None
        return paybox.add_contract(
            collectivite=collectivite,
            numbers=contract.numbers,
            environment=Environment.ACTIVATION,
            regie=contract.test.regie,
            keys=keys or {},
            options=contract.test.options,
            now=now,
            actor_id=actor_id,
        )
    return add_account(
        collectivite=collectivite,
        debt_kind=contract.kind,
        environment=Environment.ACTIVATION,
        identifier=contract.identifier,
        gateway=contract.gateway,
        options=contract.test.options,
        regie=contract.test.regie,
        now=now,
        actor_id=actor_id,
    )


def note_adhesion(
    *,
    collectivite: Collectivite,
    identifier: str,
    convention_on: date | None,
    form_sent_on: date | None,
    identifier_received_on: date | None,
    office: str,
    has_direct_debit: bool,
    now: datetime,
    actor_id: int,
) -> Adhesion:
    """What the collectivité knows of its joining PayFiP. Raises BadOffice."""
    office = office.strip()
    if len(office) > LONGEST_OFFICE or not office.isprintable() or holds_card_number(office):
        raise activation_refusals.BadOffice
    noted = {
        "convention_on": convention_on,
        "form_sent_on": form_sent_on,
        "identifier_received_on": identifier_received_on,
        "office": office,
        "has_direct_debit": has_direct_debit,
    }
    with tenant(collectivite):
        adhesion, _is_new = (
            Adhesion.objects.of(collectivite)
            .select_for_update()
            .get_or_create(
                collectivite=collectivite,
                gateway=gateway_at(collectivite=collectivite, identifier=identifier),
                identifier=identifier,
            )
        )
        before = {name: getattr(adhesion, name) for name in noted}
        if before == noted:
            return adhesion
        for name, value in noted.items():
            setattr(adhesion, name, value)
        adhesion.save(update_fields=list(noted))
        record(
            collectivite=collectivite,
            action="note_adhesion",
            subject=f"adhesion {adhesion.pk}",
            before=_plain(before),
            after=_plain(noted),
            now=now,
            actor_id=actor_id,
        )
    return adhesion


def _plain(noted: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in noted.items()}


def _titre(account: GatewayAccount, product: Product, reference: str) -> Titre | None:
    """The invoice of our own base that a real payment would pay."""
    if account.debt_kind != DebtKind.REGIE or account.environment == Environment.TEST:
        return None
    with tenant(account.collectivite):
        titres = Titre.objects.of(account.collectivite).filter(product=product, reference=reference)
        return titres.exclude(status=TitreState.WITHDRAWN).first()


def _read(reference: str, account: GatewayAccount) -> Any:
    kind = DebtKind(account.debt_kind)
    try:
        debt = read_reference(kind, reference)
    except UnreadableReference:
        raise activation_refusals.UnreadableTrial("reference") from None
    if account.environment != Environment.TEST and getattr(debt, "is_reserved", False):
        raise activation_refusals.ReservedReference
    return debt


def _amount(text: str) -> Money:
    try:
        return Money.parse(text)
    except UnreadableAmount:
        raise activation_refusals.UnreadableTrial("amount") from None


def _email(text: str) -> str:
    try:
        return normalise_email(text)
    except UnreadableEmail:
        raise activation_refusals.UnreadableTrial("email") from None
