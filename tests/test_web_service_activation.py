"""A régie's contract brought to production through the web service, against PayFiP's copy."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import urlsplit

import httpx
import pytest
from allauth.account.internal.flows.login import record_authentication
from django.db import connection
from django.test import RequestFactory

import regal_sandbox
from regal.audit.models import AuditEntry
from regal.backoffice import activation, administration, contracts, dossier, routing
from regal.collectivites.models import GatewayAccount, Product, RoutingChange
from regal.gateways.base import DebtKind, Environment
from regal.lib import http
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.checker import check_due
from regal.payments.departure import depart
from regal.payments.models import Allocation, Attempt, Settlement
from regal.payments.states import State
from regal.people.models import Role
from tests import cast, proof
from tests.cast import MORNING
from tests.notices import run_due
from tests.sites import BureauClient

NUMCLI, BILL = "350005", "FC2026000412"
PAGE = f"/saint-aubin/reglages/contrats/{NUMCLI}/"
CLIENT = {"numcli": NUMCLI, "kind": "regie", "labels": ["RR CANTINE", "SAINT-AUBIN", ""], "phase": "test"}


class World:
    """Saint-Aubin with a régie's contract that nobody tried yet, PayFiP's copy, and one clock for both."""

    def __init__(self) -> None:
        self.now = MORNING
        self.sandbox = regal_sandbox.create(
            config={"clients": [CLIENT | {"options": {"web_service": True}}], "towns": []},
            clock=lambda: self.now,
            seed="graine",
            send_notification=lambda request: regal_sandbox.Answer(status=200),
        )
        self.town = cast.make_saint_aubin()
        self.paul = self.signed_in("paul")
        town = self.town.collectivite
        regie = administration.add_regie(collectivite=town, name="Cantine", number="12", now=MORNING)
        account = administration.add_account(
            collectivite=town,
            debt_kind=DebtKind.REGIE,
            environment=Environment.TEST,
            identifier=NUMCLI,
            gateway="payfip_ws",
            options={"max_amount_cents": 60_000},
            regie=regie,
            now=MORNING,
        )
        self.product = administration.add_product(
            collectivite=town,
            slug="cantine",
            name="Cantine",
            account=account,
            terms=administration.ProductTerms(
                reference_form={"pattern": "FC2026-#{6}"}, min_amount=Money(100), max_amount=Money(60_000)
            ),
            now=MORNING,
        )

    def signed_in(self, name: str) -> BureauClient:
        user = cast.make_agent(self.town, name, Role.ADMINISTRATOR)
        client = BureauClient()
        client.force_login(user)
        request = RequestFactory().get("/")
        request.session = client.session
        record_authentication(request, user, "password", username=user.identifier, reauthenticated=True)
        request.session.save()
        return client

    def disturb(self, **fault):
        assert self.sandbox.control.test_client().post("/faults", json=fault).status_code == 201

    def shown(self) -> str:
        answer = self.paul.get(PAGE)
        assert answer.status_code == 200
        return words(answer)

    def try_(self, act="test", **changes):
        token = re.findall(r'name="flow_token" value="([^"]+)"', self.paul.get(PAGE).content.decode())[0]
        usual = {"act": act, "product": self.product.pk, "amount": "10,00", "email": "paul@example.org"}
        reference = "TEST0001" if act == "test" else BILL
        return self.paul.post(PAGE, usual | {"reference": reference, "flow_token": token} | changes)

    def pay(self, address: str, decision: str = "payer") -> None:
        """On PayFiP's pages, by card; then REGAL asks what became of it."""
        browser, parts = self.sandbox.pages.test_client(), urlsplit(address)
        at = browser.get(f"{parts.path}?{parts.query}").headers["Location"]
        for step in ("continuer", decision):
            assert browser.post(at, data={"decision": step}).status_code < 400
        self.now += timedelta(minutes=2)
        check_due(clock=lambda: self.now, wait=lambda seconds: None)

    def latest(self) -> Attempt:
        with tenant(self.town.collectivite):
            return Attempt.objects.select_related("account").latest("pk")

    def tested(self) -> None:
        self.pay(self.try_()["Location"])
        assert self.paul.post(PAGE, {"act": "open_activation"}).status_code == 303

    def facts(self):
        with tenant(self.town.collectivite):
            found = contracts.contract(collectivite=self.town.collectivite, identifier=NUMCLI)
            assert found is not None
            return dossier.facts(collectivite=self.town.collectivite, contract=found, now=self.now)


def words(answer) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


@pytest.fixture
def world(committed_db, monkeypatch, settings):
    settings.PAYFIP_URL = "https://payfip.example/tpa/"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose
    made = World()
    monkeypatch.setattr(activation, "clock", lambda: made.now)

    def refuse_transactions(request):
        assert not connection.in_atomic_block

    client = httpx.Client(
        transport=made.sandbox.transport(), timeout=15, event_hooks={"request": [refuse_transactions]}
    )
    with http.replaced(client):
        yield made
    made.sandbox.close()


def test_a_test_leaves_with_a_key_and_succeeds_as_soon_as_payfip_is_asked(world):
    assert "web service" in world.shown()
    answer = world.try_()
    assert answer.status_code == 303
    [idop] = world.sandbox.idops()
    assert answer["Location"] == f"https://payfip.example/tpa/paiementws.web?idop={idop['idop']}"
    assert (idop["saisie"], idop["refdet"], idop["montant"]) == ("T", "TEST0001", 1000)
    assert "REGAL demande à PayFiP" in world.shown()
    world.pay(answer["Location"])
    page = world.shown()
    assert "PayFiP, interrogé, répond que ce paiement est fait" in page
    assert "étape 3 sur 5" in page
    assert proof.broken(world.now) == ()


def test_a_test_that_is_refused_is_told_and_played_again(world):
    world.pay(world.try_()["Location"], "refuser")
    assert "PayFiP répond que ce paiement est refusé" in world.shown()
    world.pay(world.try_()["Location"])
    assert "étape 3 sur 5" in world.shown()


def test_a_test_is_written_down_with_its_attempt(world):
    world.disturb(service="unavailable", next=1)
    world.try_()
    with tenant(world.town.collectivite):
        entry = AuditEntry.objects.get(action="try_contract")
    assert entry.subject == f"attempt {world.latest().pk}"


@pytest.mark.parametrize("fault", [{"service": "unavailable"}, {"service": "cut", "once_done": True}])
def test_a_test_that_payfip_does_not_answer_says_so_and_can_be_sent_again_at_once(world, fault):
    world.disturb(next=1, **fault)
    answer = world.try_()
    assert answer.status_code == 422
    assert "PayFiP n’a pas répondu" in words(answer)
    assert world.latest().status == State.REQUESTED
    renewed = re.findall(r'name="flow_token" value="([^"]+)"', answer.content.decode())[0]
    answer = world.try_(flow_token=renewed)
    assert answer.status_code == 303
    world.pay(answer["Location"])
    assert "étape 3 sur 5" in world.shown()


def test_a_test_without_the_right_to_the_web_service_says_whom_to_ask(world):
    client = CLIENT | {"options": {"web_service": False}}
    told = {name: value for name, value in client.items() if name != "numcli"}
    assert world.sandbox.control.test_client().put(f"/clients/{NUMCLI}", json=told).status_code == 200
    answer = world.try_()
    assert answer.status_code == 422
    assert "Demandez au correspondant" in words(answer)
    assert world.latest().status == State.NEVER_STARTED
    assert "pas commencé" in world.shown()


def test_the_activation_speaks_of_an_invoice_and_of_no_notice_of_the_comptable(world):
    world.tested()
    page = world.shown()
    assert "une facture réelle que vous devez payer" in page
    assert "prise en charge par le comptable" not in page


def test_an_activation_is_real_and_of_no_invoice_that_we_hold(world):
    world.tested()
    answer = world.try_("activation")
    assert answer.status_code == 303
    world.pay(answer["Location"])
    assert world.latest().titre_id is None
    page = world.shown()
    assert "carte : réussie" in page
    assert "étape 4 sur 5" in page
    assert proof.broken(world.now) == ()


def test_an_activation_of_an_invoice_that_we_hold_pays_it(world):
    world.tested()
    titre = cast.make_titre(world.product, reference=BILL, amount=Money(1_000))
    world.pay(world.try_("activation")["Location"])
    with tenant(world.town.collectivite):
        assert Allocation.objects.get().titre_id == titre.pk
        titre.refresh_from_db()
    assert titre.paid_at is not None
    answer = world.try_("activation", again="on")
    assert answer.status_code == 422
    assert "déjà payée" in words(answer)
    assert proof.broken(world.now) == ()


def test_an_activation_of_another_amount_than_the_invoice_s_is_refused(world):
    world.tested()
    cast.make_titre(world.product, reference=BILL, amount=Money(2_000))
    answer = world.try_("activation")
    assert answer.status_code == 422
    assert "montant exact" in words(answer)


def test_a_test_pays_no_invoice_that_we_hold(world):
    titre = cast.make_titre(world.product, reference=BILL, amount=Money(1_000))
    world.pay(world.try_(reference=BILL)["Location"])
    with tenant(world.town.collectivite):
        titre.refresh_from_db()
        assert not Allocation.objects.exists()
    assert titre.paid_at is None


def test_production_follows_by_the_same_way(world):
    world.tested()
    world.pay(world.try_("activation")["Location"])
    administration.add_account(
        collectivite=world.town.collectivite,
        debt_kind=DebtKind.TITRE,
        environment=Environment.PRODUCTION,
        identifier="350077",
        now=MORNING,
    )  # so that the town's own administrators decide
    zoe = world.signed_in("zoe")
    assert world.paul.post(PAGE, {"act": "ask", "products": [world.product.pk]}).status_code == 303
    with tenant(world.town.collectivite):
        change = RoutingChange.objects.get()
    assert change.gateway == "payfip_ws"
    assert zoe.post(PAGE, {"act": "approve", "change": change.pk}).status_code == 303
    world.now += timedelta(days=1, minutes=1)
    run_due(world.now)
    with tenant(world.town.collectivite):
        account = GatewayAccount.objects.get(identifier=NUMCLI, environment="production")
        product = Product.objects.select_related("account", "collectivite").get(pk=world.product.pk)
    assert (account.gateway, account.options, product.account_id) == (
        "payfip_ws",
        {"max_amount_cents": 60_000},
        account.pk,
    )
    titre = cast.make_titre(product, reference="FC2026000413", now=world.now)
    order = cast.order(
        world.town,
        product=product,
        debt_reference=titre.reference,
        exercice=titre.exercice,
        amount=titre.amount,
        titre=titre,
    )
    world.pay(depart(order=order, clock=lambda: world.now).hand_off.url)
    with tenant(world.town.collectivite):
        assert Settlement.objects.filter(environment="production").count() == 1
    assert "Il est prouvé" in world.shown()
    assert proof.broken(world.now) == ()


def test_production_has_no_payment_without_an_invoice(world):
    account = administration.add_account(
        collectivite=world.town.collectivite,
        debt_kind=DebtKind.REGIE,
        environment=Environment.PRODUCTION,
        identifier=NUMCLI,
        gateway="payfip_ws",
        regie=world.product.account.regie,
        now=MORNING,
    )
    order = cast.order(
        world.town, product=world.product, contract=account, debt_reference=BILL, exercice=None, amount=Money(1_000)
    )
    with pytest.raises(TypeError):
        depart(order=order, clock=lambda: MORNING)
    with tenant(world.town.collectivite):
        assert not Attempt.objects.exists()


def test_closing_it_is_immediate_and_it_can_be_reopened(world):
    assert world.paul.post(PAGE, {"act": "close"}).status_code == 303
    assert "ouvert dans un nouvel onglet" not in world.shown()
    routing.reopen_contract(
        collectivite=world.town.collectivite,
        identifier=NUMCLI,
        now=MORNING,
        actor_id=world.paul.session["_auth_user_id"],
    )
    assert world.try_().status_code == 303


def test_its_adhesion_is_noted_and_its_dossier_says_how_payfip_is_reached(world):
    answer = world.paul.post(PAGE, {"act": "adhesion", "office": "DDFiP 35", "convention_on": "2026-09-01"})
    assert answer.status_code == 303
    world.pay(world.try_()["Location"])
    told = world.facts()
    assert (told["is_asked"], told["office"]) == (True, "DDFiP 35")
    assert told["return"] == "http://127.0.0.1:8000/saint-aubin/…"
    assert [test["outcome"] for test in told["tests"]] == ["réussi"]
    assert world.paul.get(f"{PAGE}dossier/").content.startswith(b"%PDF")
