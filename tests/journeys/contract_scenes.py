"""Contracts at every step of their activation, in a town with two administrators and in one with a single one."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import translation

from regal.backoffice import administration, paybox, routing, trials
from regal.backoffice.contracts import Contract, contract
from regal.collectivites.models import Collectivite, GatewayAccount, RoutingChange
from regal.demo.cast import PASSWORD, PAYER_EMAIL
from regal.gateways.base import Claims, DebtKind, Environment, Notice, Outcome, PostForm, Rank
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret
from regal.payments.accounts import gateway_of
from regal.payments.models import Attempt
from regal.payments.operations import PaymentOrder, apply_notice, start_payment
from regal.people.models import Role, User

Hear = Callable[..., None]
"""`hear(town, attempt, letter, now, **changes)`: PayFiP's notification, judged at once."""

_KEY = Secret.of_text("0F1E2D3C4B5A69788796A5B4C3D2E1F0" * 4)
TOWN = "bourg-neuf"
SMALL_TOWN = "les-aulnes"
ADMINISTRATORS = ("adele", "basile")
ALONE = "solange"


def write(*, hear: Hear, now: datetime) -> tuple[dict[str, str], dict[str, User]]:
    """The number of a contract in each situation, and the people who may see them."""
    town = administration.create_collectivite(slug=TOWN, name="Bourg-Neuf", siret="21350980500007", now=now)
    people = {name: _administrator(town, name, now) for name in ADMINISTRATORS}
    scene = _Scene(town, people, hear, now)
    scene.in_production_by_the_host("360100")
    situations: dict[str, Callable[[str], None]] = {
        "new": scene.new,
        "refused": scene.refused,
        "contradicted": scene.contradicted,
        "tested": scene.tested,
        "activating": scene.activating,
        "activated": scene.activated,
        "asked": scene.asked,
        "opened": scene.opened,
        "paid": scene.paid,
        "closed": scene.closed,
    }
    numbers = {}
    for number, (situation, reach) in enumerate(situations.items(), start=360_101):
        numbers[situation] = f"{number}"
        reach(f"{number}")
    numbers |= _paybox(town, scene, now)
    small_town = administration.create_collectivite(slug=SMALL_TOWN, name="Les Aulnes", siret="21350980500015", now=now)
    people[ALONE] = _administrator(small_town, ALONE, now)
    _Scene(small_town, {ALONE: people[ALONE]}, hear, now).asked("360200")
    return numbers, people


def _paybox(town: Collectivite, scene: "_Scene", now: datetime) -> dict[str, str]:
    """A régie's contracts with its bank, by how far they have come."""
    regie = administration.add_regie(collectivite=town, name="Cantine", number="12", now=now)
    sites = {"paybox new": "2718201", "paybox tested": "2718202", "paybox activating": "2718203"}
    sites |= {"paybox opened": "2718204", "paybox published": "1999887"}
    numbers = {}
    for situation, site in sites.items():
        merchant = paybox.MerchantNumbers.read(site=site, rang="01", identifiant="314159265")
        numbers[situation] = merchant.identifier
        account = paybox.add_contract(
            collectivite=town,
            numbers=merchant,
            environment=Environment.TEST,
            regie=regie,
            keys={"hmac": _KEY},
            options={"platform": "paybox"},
            now=now,
            actor_id=scene.people[0],
        )
        scene.collects_invoices(account, f"cantine-{site}")
        if situation == "paybox new":
            continue
        scene.settled(merchant.identifier, Environment.TEST)
        if situation in ("paybox tested", "paybox published"):
            continue
        trials.open_activation(
            collectivite=town,
            contract=scene.known(merchant.identifier),
            keys={"hmac": _KEY, "direct": Secret.of_text("S3cret+Dir")},
            now=now,
            actor_id=scene.people[0],
        )
        if situation == "paybox activating":
            continue
        scene.settled(merchant.identifier, Environment.ACTIVATION)
        scene.routed(merchant.identifier)
    return numbers


def leaving(town: Collectivite, administrator: User, identifier: str) -> str:
    """The page from which a trial leaves for Paybox, which is shown while one of its hosts is awake."""
    request: Any = RequestFactory().get("/")
    request.collectivite, request.user, request.visits = town, administrator, []
    request.role = Role.ADMINISTRATOR
    with tenant(town):
        known = contract(collectivite=town, identifier=identifier)
    hand_off = PostForm(url="https://preprod-tpeweb.paybox.com/php/", fields={"PBX_SITE": "2718201"})
    context = {"contract": known, "hand_off": hand_off, "is_real": False}
    with translation.override("fr"):
        return render_to_string("backoffice/leave_for_paybox.html", context, request=request)


def _administrator(town: Collectivite, name: str, now: datetime) -> User:
    return administration.create_agent(
        collectivite=town,
        identifier=name,
        email=f"{name}@example.org",
        role=Role.ADMINISTRATOR,
        password=PASSWORD,
        is_demo=True,
        now=now,
    )


class _Scene:
    def __init__(self, town: Collectivite, people: dict[str, User], hear: Hear, now: datetime) -> None:
        self.town, self.hear, self.now = town, hear, now
        self.people = [user.pk for user in people.values()]

    def in_production_by_the_host(self, number: str) -> None:
        administration.add_account(
            collectivite=self.town,
            debt_kind=DebtKind.TITRE,
            environment=Environment.PRODUCTION,
            identifier=number,
            now=self.now,
        )

    def new(self, number: str) -> None:
        account = administration.add_account(
            collectivite=self.town,
            debt_kind=DebtKind.TITRE,
            environment=Environment.TEST,
            identifier=number,
            now=self.now,
            actor_id=self.people[0],
        )
        administration.add_product(
            collectivite=self.town,
            slug=f"titres-{number}",
            name="Avis des sommes à payer",
            account=account,
            now=self.now,
        )

    def refused(self, number: str) -> None:
        self.new(number)
        self.hear(self.town, self._try(number, Environment.TEST), "R", self.now, saisie="T")

    def contradicted(self, number: str) -> None:
        self.new(number)
        self.hear(self.town, self._try(number, Environment.TEST), "P", self.now, saisie="X")

    def tested(self, number: str) -> None:
        self.new(number)
        self.hear(self.town, self._try(number, Environment.TEST), "P", self.now, saisie="T")

    def activating(self, number: str) -> None:
        self.tested(number)
        trials.open_activation(
            collectivite=self.town, contract=self.known(number), now=self.now, actor_id=self.people[0]
        )

    def activated(self, number: str) -> None:
        self.activating(number)
        self.hear(self.town, self._try(number, Environment.ACTIVATION), "P", self.now, saisie="X")

    def asked(self, number: str) -> None:
        self.activated(number)
        routing.ask(
            collectivite=self.town,
            kind=RoutingChange.Kind.OPEN_PRODUCTION,
            identifier=number,
            product_ids=[product.pk for product in self.known(number).products],
            now=self.now,
            actor_id=self.people[0],
        )

    def opened(self, number: str) -> None:
        self.asked(number)
        change = self.known(number).changes[0]
        routing.approve(collectivite=self.town, change_id=change.pk, now=self.now, actor_id=self.people[1])
        routing.carry_out(self.town.pk, change.pk, self.now)

    def paid(self, number: str) -> None:
        self.opened(number)
        with tenant(self.town):
            (product,) = self.known(number).products
            order = PaymentOrder(
                product=product,
                debt_reference=f"{self.now.year}00000777000001",
                exercice=self.now.year,
                amount=Money(12_550),
                email=PAYER_EMAIL,
                language="fr",
                flow_token=tokens.new_token(),
                handle=tokens.new_token(),
                told_of_earlier=False,
            )
            attempt = start_payment(order=order, now=self.now).attempt
        self.hear(self.town, attempt, "P", self.now)

    def collects_invoices(self, account: GatewayAccount, slug: str) -> None:
        administration.add_product(
            collectivite=self.town,
            slug=slug,
            name="Cantine",
            account=account,
            terms=administration.ProductTerms(
                reference_form={"pattern": "FC#{8}"}, min_amount=Money(100), max_amount=Money(60_000)
            ),
            now=self.now,
        )

    def settled(self, number: str, environment: Environment) -> None:
        """A payment tried in this phase, then proved by an answer."""
        found = self.known(number)
        account = found.accounts[environment]
        order = PaymentOrder(
            product=found.products[0],
            contract=account,
            debt_reference="TEST0001",
            exercice=None,
            amount=Money(1_000),
            email=PAYER_EMAIL,
            language="fr",
            flow_token=tokens.new_token(),
            handle=tokens.new_token(),
            told_of_earlier=True,
        )
        with tenant(self.town):
            attempt = start_payment(order=order, gateway=gateway_of(account), now=self.now).attempt
            claims = Claims(
                account_identifier=account.identifier,
                debt_reference=attempt.debt_reference,
                exercice=None,
                amount=attempt.amount,
                environment=environment,
            )
            apply_notice(
                collectivite_id=self.town.pk,
                attempt_id=attempt.pk,
                notice=Notice(rank=Rank.ASKED, outcome=Outcome.PAID, outcome_code="00000", claims=claims),
                digest=f"{attempt.pk:064x}",
                source="inquiry",
                now=self.now,
            )

    def routed(self, number: str) -> None:
        """Asked, approved and carried out."""
        change = routing.ask(
            collectivite=self.town,
            kind=RoutingChange.Kind.OPEN_PRODUCTION,
            identifier=number,
            product_ids=[product.pk for product in self.known(number).products],
            now=self.now,
            actor_id=self.people[0],
        )
        routing.approve(collectivite=self.town, change_id=change.pk, now=self.now, actor_id=self.people[1])
        routing.carry_out(self.town.pk, change.pk, self.now)

    def closed(self, number: str) -> None:
        self.tested(number)
        routing.close_contract(collectivite=self.town, identifier=number, now=self.now, actor_id=self.people[0])

    def known(self, number: str) -> Contract:
        with tenant(self.town):
            found = contract(collectivite=self.town, identifier=number)
        assert found is not None
        return found

    def _try(self, number: str, environment: Environment) -> Attempt:
        known = self.known(number)
        is_test = environment is Environment.TEST
        return trials.start_trial(
            account=known.accounts[environment],
            product=known.products[0],
            reference=trials.TEST_REFERENCES[known.kind] if is_test else f"{self.now.year}-778-1",
            amount="10,00",
            email=PAYER_EMAIL,
            flow_token=tokens.new_token(),
            told_of_earlier=is_test,
            clock=lambda: self.now,
            actor_id=self.people[0],
        ).attempt
