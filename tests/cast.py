"""The people and places of every test: Saint-Aubin, its agent Nadia, Mme Leroy who pays, and the town next door."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Model

from regal.audit.operations import record
from regal.collectivites.models import AllowedOrigin, Budget, Collectivite, GatewayAccount, Product, Regie
from regal.collectivites.reference_forms import read_reference
from regal.gateways.base import DebtKind, Environment, Key
from regal.lib import paris, tokens
from regal.lib.money import Money
from regal.lib.references import InvoiceReference, TitreReference
from regal.lib.tenancy import tenant
from regal.payments.counter import record_receipt
from regal.payments.models import Attempt, Means, Settlement
from regal.payments.operations import PaymentOrder, Started, key_given, request_key, start_payment
from regal.payments.queries import balance_of, paid_of
from regal.payments.reversing import reverse
from regal.people.models import Membership, Role, User
from regal.receipts import quittances
from regal.receipts.models import Quittance
from regal.titres import operations as titres
from regal.titres.models import Collector, Debtor, Direction, DocumentKind, Titre, TitreEvent
from regal.titres.states import Event, State

MORNING = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
MME_LEROY = "mme.leroy@example.org"
PASSWORD = "un mot de passe de test"
REFDET = "202600000412000001"
IDOP = "b9b4b9a0-0000-11f1-8000-000000000042"


@dataclass(frozen=True, kw_only=True)
class Town:
    collectivite: Collectivite
    account: GatewayAccount
    product: Product
    agent: User


def make_town(
    *, slug: str, name: str, numcli: str, agent: str, origin: str, environment: Environment = Environment.TEST
) -> Town:
    """A town with one product of kind titre and one agent; call it where rows may be written."""
    collectivite = Collectivite.objects.create(slug=slug, name=name)
    user = User.objects.create_user(identifier=agent, email=f"{agent}@example.org", password=PASSWORD)
    with tenant(collectivite):
        add_member(collectivite, user, Role.AGENT)
        budget = Budget.objects.create(collectivite=collectivite, siret="21350001600011", name="Budget principal")
        account = GatewayAccount.objects.create(
            collectivite=collectivite,
            gateway="payfip_url",
            debt_kind=DebtKind.TITRE,
            environment=environment,
            identifier=numcli,
            budget=budget,
        )
        product = Product.objects.create(
            collectivite=collectivite, slug="titres", name="Avis des sommes à payer", account=account
        )
        allowed = AllowedOrigin.objects.create(collectivite=collectivite, origin=origin)
        _write_down(collectivite, add_budget=budget, add_account=account, add_product=product, allow_origin=allowed)
    return Town(collectivite=collectivite, account=account, product=product, agent=user)


def add_member(collectivite: Collectivite, user: User, role: Role) -> Membership:
    """Somebody works here; call it inside `tenant()`."""
    membership = Membership.objects.create(collectivite=collectivite, user=user, role=role)
    long_ago = MORNING - timedelta(days=30)
    record(
        collectivite=collectivite, action="add_member", subject=f"user {user.pk}", after={"role": role}, now=long_ago
    )
    return membership


def make_agent(town: Town, identifier: str, role: Role) -> User:
    """One more person who works in a town."""
    user = User.objects.create_user(identifier=identifier, email=f"{identifier}@example.org", password=PASSWORD)
    with tenant(town.collectivite):
        add_member(town.collectivite, user, role)
    return user


def _write_down(collectivite: Collectivite, **rows: Model) -> None:
    """What the operations that make such rows leave in the audit."""
    kinds: dict[type[Model], str] = {GatewayAccount: "account", AllowedOrigin: "origin"}
    for action, row in rows.items():
        kind = kinds.get(type(row), type(row).__name__.lower())
        after = {"account": row.account_id} if isinstance(row, Product) else None
        record(collectivite=collectivite, action=action, subject=f"{kind} {row.pk}", after=after, now=MORNING)


def make_product(
    town: Town,
    kind: DebtKind,
    *,
    slug: str,
    numcli: str,
    gateway: str = "payfip_url",
    environment: Environment = Environment.TEST,
    reference_form: Mapping[str, object] | None = None,
    options: Mapping[str, object] | None = None,
    **terms: object,
) -> Product:
    """One more product of a town, with its own contract: of the comptable, or of a régie (FC2026-#{6}, 1 to 600 €)."""
    of_a_regie = kind is DebtKind.REGIE
    usual: dict[str, object] = {"min_amount": Money(100), "max_amount": Money(60_000)} if of_a_regie else {}
    if of_a_regie and reference_form is None:
        reference_form = {"pattern": "FC2026-#{6}"}
    with tenant(town.collectivite):
        budget = Budget.objects.of(town.collectivite).get()
        regie = None
        if of_a_regie:
            regie, _ = Regie.objects.get_or_create(
                collectivite=town.collectivite, budget=budget, number=numcli[-6:], defaults={"name": "Régie"}
            )
            _write_down(town.collectivite, add_regie=regie)
        account = GatewayAccount.objects.create(
            collectivite=town.collectivite,
            gateway=gateway,
            debt_kind=kind,
            environment=environment,
            identifier=numcli,
            budget=None if of_a_regie else budget,
            regie=regie,
            options=dict(options or {}),
        )
        product = Product.objects.create(
            collectivite=town.collectivite,
            slug=slug,
            name="Eau" if kind is DebtKind.ORMC else "Cantine",
            account=account,
            debt_kind=kind,
            reference_form=dict(reference_form or {}),
            **(usual | terms),
        )
        _write_down(town.collectivite, add_account=account, add_product=product)
    return product


def make_titre(
    product: Product, *, reference: str = "FC2026000042", amount: Money | None = None, now: datetime = MORNING
) -> Titre:
    """One open invoice of a régie's product, owed by Mme Leroy."""
    titre = titres.record_titre(
        product=product,
        number=reference,
        label="Cantine, octobre 2026",
        debtor="Mme Leroy",
        amount=amount or Money(8_470),
        issued_on=paris.today(now),
        now=now,
    )
    return titres.issue(titre=titre, now=now)


def receive_and_reverse(titre: Titre, *, now: datetime = MORNING) -> Settlement:
    """A cheque for it at the counter, that comes back unpaid."""
    receipt = record_receipt(
        titre=titre,
        means=Means.CHEQUE,
        amount=titre.amount,
        received_on=paris.today(now),
        bank="CIC",
        piece="0012345",
        drawer="M. Leroy",
        form_token=tokens.new_token(),
        now=now,
    )
    with tenant(titre.collectivite_id):
        settlement = Settlement.objects.get(receipt=receipt)
    reverse(settlement=settlement, cause="unpaid_cheque", reason="Revenu impayé", now=now)
    return settlement


def receive(titre: Titre, *, now: datetime = MORNING) -> Settlement:
    """All of it in cash at the counter."""
    receipt = record_receipt(
        titre=titre,
        means=Means.CASH,
        amount=titre.amount,
        received_on=paris.today(now),
        form_token=tokens.new_token(),
        now=now,
    )
    with tenant(titre.collectivite_id):
        return Settlement.objects.get(receipt=receipt)


def acknowledge(settlement: Settlement, *, now: datetime = MORNING) -> Quittance:
    """Its quittance, whose original somebody takes."""
    quittance = quittances.issue(settlement=settlement, role=Role.REGISSEUR, now=now)
    quittances.deliver(quittance=quittance, now=now)
    return quittance


def make_comptable_titre(
    town: Town,
    *,
    product: Product | None = None,
    reference: str = REFDET,
    amount: Money | None = None,
    debtor: str = "Mme Leroy",
    now: datetime = MORNING,
) -> Titre:
    """One debt that the comptable collects, as an import leaves it: 125,50 € owed by Mme Leroy, to be paid."""
    product = product or town.product
    kind = DebtKind(product.debt_kind)
    read = read_reference(kind, reference)
    assert not isinstance(read, InvoiceReference)
    if isinstance(read, TitreReference):
        document_kind, printed, line = DocumentKind.TITRE, str(read.titre), read.ligne
    else:
        document_kind, printed, line = DocumentKind.ROLE, read.number, 1
    with tenant(town.collectivite):
        titre = Titre.objects.create(
            collectivite=town.collectivite,
            collector=Collector.COMPTABLE,
            budget=product.account.budget,
            product=product,
            document_kind=document_kind,
            exercice=read.exercice,
            number=printed,
            line=line,
            reference=read.digits,
            label="Loyer",
            issued_on=paris.today(now),
            amount=amount or Money(12_550),
            status=State.OPEN,
            created_at=now,
        )
        Debtor.objects.create(collectivite=town.collectivite, titre=titre, name=debtor)
        steps = ((Event.RECORDED, "", State.DRAFT), (Event.ISSUED, State.DRAFT, State.OPEN))
        for number, (event, before, after) in enumerate(steps, start=1):
            TitreEvent.objects.create(
                collectivite=town.collectivite,
                titre=titre,
                number=number,
                event=event,
                from_state=before,
                to_state=after,
                recorded_at=now,
            )
    return titre


def make_canteen(
    town: Town, *, numcli: str = "006383", slug: str = "restaurant", environment: Environment = Environment.ACTIVATION
) -> Product:
    """A régie's product paid by the web service, with real money."""
    return make_product(town, DebtKind.REGIE, slug=slug, numcli=numcli, gateway="payfip_ws", environment=environment)


def reduce(titre: Titre, cents: int = 1_000, *, now: datetime = MORNING) -> Titre:
    """One meal less is due."""
    return titres.adjust(
        titre=titre,
        direction=Direction.DECREASE,
        amount=Money(cents),
        reason="Enfant absent",
        paid=paid_of,
        now=now,
    )


def leave_with(titre: Titre, *, key: str = IDOP, now: datetime = MORNING, **changes: object) -> Attempt:
    """Mme Leroy leaves for PayFiP with an invoice of our own base, and PayFiP gave this key for it."""
    with tenant(titre.collectivite_id):
        usual: dict[str, object] = {
            "product": titre.product,
            "debt_reference": titre.reference,
            "exercice": None,
            "amount": balance_of(titre),
            "email": MME_LEROY,
            "language": "fr",
            "flow_token": tokens.new_token(),
            "handle": tokens.new_token(),
            "told_of_earlier": False,
            "titre": titre,
        }
        requested = request_key(order=PaymentOrder(**(usual | changes)), now=now)  # type: ignore[arg-type]
        left = key_given(
            collectivite_id=titre.collectivite_id, attempt_id=requested.attempt.pk, key=Key(value=key), now=now
        )
    assert left is not None
    return left


def make_saint_aubin() -> Town:
    return make_town(
        slug="saint-aubin", name="Saint-Aubin", numcli="006382", agent="nadia", origin="https://saint-aubin.example"
    )


def make_next_town() -> Town:
    return make_town(
        slug="val-de-l-orne", name="Val-de-l’Orne", numcli="012327", agent="marc", origin="https://orne.example"
    )


def order(town: Town, **changes: object) -> PaymentOrder:
    """What Mme Leroy confirmed on her recap page."""
    usual: dict[str, object] = {
        "product": town.product,
        "debt_reference": REFDET,
        "exercice": 2026,
        "amount": Money(12_550),
        "email": MME_LEROY,
        "language": "fr",
        "flow_token": tokens.new_token(),
        "handle": tokens.new_token(),
        "told_of_earlier": False,
    }
    return PaymentOrder(**(usual | changes))  # type: ignore[arg-type]


def start(town: Town, *, now: datetime = MORNING, **changes: object) -> Started:
    """Mme Leroy leaves for PayFiP."""
    with tenant(town.collectivite):
        return start_payment(order=order(town, **changes), now=now)


def later(**delta: float) -> datetime:
    return MORNING + timedelta(**delta)
