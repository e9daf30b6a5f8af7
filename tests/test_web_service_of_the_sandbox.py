"""REGAL's gateway to PayFiP's web service, against the sandbox's: two readings of one protocol that must agree."""

import dataclasses
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask.testing import FlaskClient
from lxml import etree

import regal.gateways.payfip_ws
import regal_sandbox
from regal.gateways.base import (
    ClientDescription,
    Environment,
    Key,
    Means,
    Message,
    Notice,
    Nudge,
    Outcome,
    PaymentRequest,
    Question,
    Rank,
    Refused,
    Unreachable,
)
from regal.gateways.payfip_ws.client import SERVICE, SOAP
from regal.gateways.payfip_ws.codes import TECHNICAL_FAULTS
from regal.gateways.payfip_ws.gateway import PayfipWs, PayfipWsAccount
from regal.gateways.tests.contract import claims_of
from regal.lib.http import TIMEOUT_SECONDS
from regal.lib.money import Money
from regal_sandbox import Answer, NotificationRequest

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
SERVICE_URL = "https://www.payfip.gouv.fr/tpa/"
CANTEEN, NOT_OPEN, WITHOUT_RIGHT, UNKNOWN = "099042", "099043", "099044", "099999"
CONFIG = {
    "clients": [
        {
            "numcli": CANTEEN,
            "kind": "regie",
            "labels": ["RR CANTINE", "VALFICTIF", "EDUCATION"],
            "phase": "active",
            "direct_debit": {"phase": "active"},
            "transfer": {"phase": "active"},
            "options": {"web_service": True},
        },
        {"numcli": NOT_OPEN, "kind": "regie", "phase": "test", "options": {"web_service": True}},
        {"numcli": WITHOUT_RIGHT, "kind": "regie", "phase": "active"},
    ],
    "towns": [],
}
REQUEST = PaymentRequest(
    reference="our-reference",
    amount=Money(3840),
    debt_reference="CANT2026000412",
    exercice=2026,
    label="Cantine d’octobre",
    payer_email="mme.leroy@exemple.invalid",
    environment=Environment.PRODUCTION,
    notification_url="https://guichet.exemple.invalid/n/abc?d='1'&e=<2>",
    return_url="https://guichet.exemple.invalid/r/abc",
)
BY_CARD, BY_DIRECT_DEBIT = ("continuer", "carte"), ("continuer", "prelevement", "identifier")
NEVER_GIVEN = Key(value="28b52f40-1ace-11eb-8ce3-0213ad91a104")
SCHEMA = etree.XMLSchema(
    etree.parse(str(Path(regal.gateways.payfip_ws.__path__[0]) / "wsdl" / "PaiementSecuriseService_schema1.xsd"))
)


def inside(envelope: bytes) -> etree._Element:
    """What an envelope's body holds: for a fault, what its detail holds."""
    ((said,),) = etree.fromstring(envelope).findall(f"{{{SOAP}}}Body")
    (told,) = said.findall("detail/*") or [said]
    return told


class World:
    """A sandbox, its clock, and a client that keeps every exchange."""

    def __init__(self) -> None:
        self.now = NOON
        self.paused: list[float] = []
        self.heard: list[NotificationRequest] = []
        self.sandbox = regal_sandbox.create(
            config=CONFIG,
            clock=lambda: self.now,
            seed="graine",
            send_notification=self._hear,
            town_count=0,
            pause=self.paused.append,
        )
        self.pages: FlaskClient = self.sandbox.pages.test_client()
        self.control: FlaskClient = self.sandbox.control.test_client()
        self.exchanges: list[tuple[bytes, httpx.Response]] = []
        self.http = httpx.Client(
            transport=self.sandbox.transport(), timeout=TIMEOUT_SECONDS, event_hooks={"response": [self._keep]}
        )

    def _hear(self, notification: NotificationRequest) -> Answer:
        self.heard.append(notification)
        return Answer(status=200)

    def _keep(self, response: httpx.Response) -> None:
        self.exchanges.append((response.request.content, response))

    def gateway(self, numcli: str = CANTEEN, environment: Environment = Environment.PRODUCTION) -> PayfipWs:
        return PayfipWs(SERVICE_URL, PayfipWsAccount(numcli=numcli, environment=environment), http=self.http)

    def open(self, numcli: str = CANTEEN, **changes: Any) -> Key:
        asked = dataclasses.replace(REQUEST, **changes)
        return self.gateway(numcli, asked.environment).open(asked)

    def ask(self, key: Key, environment: Environment = Environment.PRODUCTION) -> Notice:
        return self.gateway(environment=environment).ask(Question(reference=REQUEST.reference, key=key))

    def enter(self, key: Key) -> Any:
        return self.pages.get("/tpa/paiementws.web", query_string={"idop": key.value})

    def address(self, key: Key) -> str:
        """Where the payer is, once his page was opened."""
        with self.sandbox.world.store.transaction() as db:
            row = db.execute("SELECT token FROM transactions WHERE idop = ?", (key.value,)).fetchone()
        return f"/tpa/transaction/{row['token']}"

    def decide(self, key: Key, *decisions: str) -> None:
        address = self.enter(key).headers["Location"]
        for decision in decisions:
            assert self.pages.post(address, data={"decision": decision}).status_code < 400

    def set(self, **settings: object) -> None:
        assert self.control.put("/settings", json=settings).status_code == 200

    def disturb(self, service: str, **fault: object) -> None:
        answer = self.control.post("/faults", json={"service": service, "next": 1} | fault)
        assert answer.status_code == 201, answer.text

    def given(self) -> list[str]:
        return [idop["idop"] for idop in self.sandbox.idops()]


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.sandbox.close()


def refused(do: Any) -> str:
    with pytest.raises(Refused) as failure:
        do()
    return failure.value.code


def unreachable(do: Any) -> Unreachable:
    with pytest.raises(Unreachable) as failure:
        do()
    return failure.value


class TestCreation:
    def test_is_told_to_payfip_as_we_said_it(self, world: World) -> None:
        key = world.open()
        [told] = world.sandbox.idops()
        assert told["idop"] == key.value
        assert {name: told[name] for name in ("numcli", "exer", "refdet", "objet", "montant", "mel", "saisie")} == {
            "numcli": CANTEEN,
            "exer": "2026",
            "refdet": "CANT2026000412",
            "objet": "Cantine d octobre",
            "montant": 3840,
            "mel": "mme.leroy@exemple.invalid",
            "saisie": "W",
        }
        assert (told["urlnotif"], told["urlredirect"]) == (REQUEST.notification_url, REQUEST.return_url)

    def test_leads_the_payer_to_the_page_of_his_payment(self, world: World) -> None:
        key = world.open()
        url = world.gateway().hand_off(REQUEST, key).url
        page = world.pages.get(url.removeprefix("https://www.payfip.gouv.fr"), follow_redirects=True)
        assert page.status_code == 200
        assert "38,40" in page.text

    def test_of_the_least_that_may_be_said_passes(self, world: World) -> None:
        assert world.open(exercice=None, label="…", notification_url=None, return_url=None).value in world.given()

    @pytest.mark.parametrize(
        ("environment", "saisie"),
        [(Environment.TEST, "T"), (Environment.ACTIVATION, "X"), (Environment.PRODUCTION, "W")],
    )
    def test_says_whether_money_moves(self, world: World, environment: Environment, saisie: str) -> None:
        world.open(environment=environment)
        assert [idop["saisie"] for idop in world.sandbox.idops()] == [saisie]

    @pytest.mark.parametrize(
        ("numcli", "code"), [(UNKNOWN, "payfip_T2"), (WITHOUT_RIGHT, "payfip_T4"), (NOT_OPEN, "payfip_T5")]
    )
    def test_is_refused_by_payfip_for_a_contract_it_does_not_serve(self, world: World, numcli: str, code: str) -> None:
        assert refused(lambda: world.open(numcli)) == code
        assert world.given() == []

    def test_is_refused_by_payfip_for_an_amount_above_its_own_limit(self, world: World) -> None:
        world.set(max_cents=3000)
        assert refused(world.open) == "payfip_M5"

    def test_is_refused_by_payfip_for_a_reference_it_already_saw_paid(self, world: World) -> None:
        client: Any = world.control.get(f"/clients/{CANTEEN}").json
        client["options"]["refuse_paid_refdet"] = True
        assert world.control.put(f"/clients/{CANTEEN}", json=client).status_code == 200
        world.decide(world.open(), *BY_CARD, "payer")
        assert refused(world.open) == "payfip_R2"


class TestOutcome:
    @pytest.mark.parametrize(
        ("decisions", "outcome", "letter", "means"),
        [
            ((*BY_CARD, "payer"), Outcome.PAID, "P", Means.CARD),
            ((*BY_CARD, "refuser"), Outcome.REFUSED, "R", Means.CARD),
            (("abandonner",), Outcome.ABANDONED, "A", Means.CARD),
            ((*BY_DIRECT_DEBIT, "payer"), Outcome.PAID, "V", Means.DIRECT_DEBIT),
            ((*BY_DIRECT_DEBIT, "refuser"), Outcome.REFUSED, "Z", Means.DIRECT_DEBIT),
            (("continuer", "virement", "payer"), Outcome.UNKNOWN, "B", None),
        ],
    )
    def test_is_what_the_payer_did(
        self, world: World, decisions: tuple[str, ...], outcome: Outcome, letter: str, means: Means | None
    ) -> None:
        key = world.open()
        world.decide(key, *decisions)
        notice = world.ask(key)
        assert (notice.rank, notice.outcome, notice.outcome_code) == (Rank.ASKED, outcome, letter)
        assert (notice.means, notice.reference, notice.contradicts) == (means, key.value, ())
        assert notice.claims == claims_of(world.gateway(), REQUEST)
        assert notice.occurred_at == NOON
        assert notice.remarks == ()

    def test_bears_the_authorisation_of_a_payment_only(self, world: World) -> None:
        paid, refused = world.open(), world.open()
        world.decide(paid, *BY_CARD, "payer")
        world.decide(refused, *BY_CARD, "refuser")
        assert world.ask(paid).transaction == world.sandbox.idops()[0]["numauto"] is not None
        assert world.ask(refused).transaction is None

    def test_is_pending_until_the_payer_is_done(self, world: World) -> None:
        key = world.open()
        assert world.ask(key).outcome is Outcome.PENDING
        world.decide(key, *BY_CARD)
        assert (world.ask(key).outcome, world.ask(key).outcome_code) == (Outcome.PENDING, "P5")

    def test_is_still_pending_when_nobody_can_open_the_page_any_more(self, world: World) -> None:
        key = world.open()
        world.now += world.gateway().timing.opening + timedelta(seconds=1)
        assert "P4" in world.enter(key).text
        assert world.ask(key).outcome is Outcome.PENDING

    def test_may_come_long_after_the_payer_paid(self, world: World) -> None:
        world.set(result_delay_seconds=100 * 60)
        key = world.open()
        world.decide(key, *BY_CARD, "payer")
        world.now += timedelta(minutes=99)
        assert world.ask(key).outcome is Outcome.PENDING
        world.now += timedelta(minutes=1)
        assert world.ask(key).outcome is Outcome.PAID
        assert world.ask(key).occurred_at == NOON

    def test_turns_from_abandoned_to_paid_under_the_same_key(self, world: World) -> None:
        key = world.open()
        world.decide(key, "abandonner")
        assert world.ask(key).outcome is Outcome.ABANDONED
        world.decide(key, *BY_CARD, "payer")
        assert world.ask(key).outcome is Outcome.PAID

    def test_is_forgotten_after_the_night_when_nobody_paid(self, world: World) -> None:
        unpaid, paid = world.open(), world.open()
        world.decide(paid, *BY_CARD, "payer")
        world.now += timedelta(days=1)
        assert (world.ask(unpaid).outcome, world.ask(unpaid).outcome_code) == (Outcome.FORGOTTEN, "P1")
        assert world.ask(paid).outcome is Outcome.PAID

    def test_of_a_key_that_was_never_given_is_forgotten(self, world: World) -> None:
        assert world.ask(NEVER_GIVEN).outcome is Outcome.FORGOTTEN

    def test_with_an_exercice_cut_in_two_still_binds(self, world: World) -> None:
        world.set(exer_reply="truncated")
        key = world.open()
        world.decide(key, *BY_CARD, "payer")
        notice = world.ask(key)
        assert (notice.outcome, notice.claims.exercice) == (Outcome.PAID, None)
        assert notice.claims.differences_from(claims_of(world.gateway(), REQUEST)) == ()

    @pytest.mark.parametrize(
        "moment",
        [datetime(2026, 3, 29, 1, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC), NOON],
    )
    def test_tells_the_minute_by_the_clocks_of_paris(self, world: World, moment: datetime) -> None:
        world.now = moment
        key = world.open()
        world.decide(key, *BY_CARD, "payer")
        occurred_at = world.ask(key).occurred_at
        assert occurred_at is not None
        assert moment - occurred_at in (timedelta(0), timedelta(hours=1))  # the hour that happens twice is its first
        assert (moment == occurred_at) == (moment.month != 10)


class TestNotification:
    def test_names_the_key_and_nothing_else(self, world: World) -> None:
        key = world.open()
        world.decide(key, *BY_CARD, "payer")
        world.sandbox.deliver_due()
        [heard] = world.heard
        assert (heard.method, heard.url, heard.body) == ("POST", REQUEST.notification_url, f"idop={key.value}".encode())
        message = Message(
            method=heard.method,
            query=b"",
            body=heard.body,
            content_type=heard.headers["Content-Type"],
            received_at=world.now,
        )
        assert world.gateway().read(message) == Nudge(key=key)

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_and_the_way_back_are_read_alike(self, world: World, method: str) -> None:
        world.set(return_method=method)
        key = world.open()
        world.decide(key, *BY_CARD, "payer")
        ticket = world.pages.get(world.address(key)).text
        query = f"{REQUEST.return_url}?idop={key.value}" if method == "GET" else str(REQUEST.return_url)
        assert query in ticket
        assert key.value in ticket


class TestDescription:
    def test_gives_the_labels_of_the_contract(self, world: World) -> None:
        assert world.gateway().describe() == ClientDescription(
            identifier=CANTEEN, labels=("RR CANTINE", "VALFICTIF", "EDUCATION")
        )

    def test_may_have_no_label_at_all(self, world: World) -> None:
        assert world.gateway(NOT_OPEN).describe().labels == ()

    def test_refuses_a_number_that_payfip_does_not_know(self, world: World) -> None:
        assert refused(world.gateway(UNKNOWN).describe) == "payfip_T2"


QUESTIONS: dict[str, Callable[[World], object]] = {
    "open": lambda world: world.open(),
    "ask": lambda world: world.ask(NEVER_GIVEN),
    "describe": lambda world: world.gateway().describe(),
}


@pytest.mark.parametrize("question", QUESTIONS)
class TestFailure:
    @pytest.mark.parametrize(
        ("service", "code"),
        [
            ("TechDysfonctionnementErreur", "tech_dysfonctionnement"),
            ("TechIndisponibiliteErreur", "tech_indisponibilite"),
            ("TechProtocolaireErreur", "tech_protocolaire"),
            ("unavailable", "http_503"),
            ("empty", "empty"),
            ("cut", "cut"),
            ("partial", "cut"),
        ],
    )
    def test_is_told_by_its_name_and_leaves_nothing_certain(
        self, world: World, question: str, service: str, code: str
    ) -> None:
        world.disturb(service)
        failure = unreachable(lambda: QUESTIONS[question](world))
        assert (failure.code, failure.sent, failure.retry) == (code, True, True)

    @pytest.mark.parametrize("service", ["slow", "cut"])
    def test_is_a_time_out_when_the_answer_comes_too_late(self, world: World, question: str, service: str) -> None:
        world.disturb(service, seconds=60)
        assert unreachable(lambda: QUESTIONS[question](world)).code == "timeout"
        assert world.paused == [TIMEOUT_SECONDS]

    def test_passes(self, world: World, question: str) -> None:
        world.disturb("unavailable")
        unreachable(lambda: QUESTIONS[question](world))
        QUESTIONS[question](world)


class TestCreationWhoseAnswerIsLost:
    @pytest.mark.parametrize(
        "fault",
        [
            {"service": "cut", "seconds": 60},
            {"service": "unavailable"},
            {"service": "TechIndisponibiliteErreur"},
            {"service": "cut"},
        ],
    )
    def test_may_have_had_no_effect(self, world: World, fault: dict[str, Any]) -> None:
        world.disturb(**fault)
        assert unreachable(world.open).sent
        assert world.given() == []

    @pytest.mark.parametrize(
        "fault",
        [
            {"service": "slow", "seconds": 60},
            {"service": "cut", "seconds": 60, "once_done": True},
            {"service": "cut", "once_done": True},
            {"service": "empty", "once_done": True},
            {"service": "unavailable", "once_done": True},
            {"service": "TechDysfonctionnementErreur", "once_done": True},
            {"service": "partial"},
        ],
    )
    def test_may_have_made_a_key_that_nobody_can_pay(self, world: World, fault: dict[str, Any]) -> None:
        world.disturb(**fault)
        assert unreachable(world.open).sent
        [lost] = world.given()
        assert world.open().value != lost


class TestSchemas:
    def test_hold_for_every_question_and_every_answer(self, world: World) -> None:
        key = world.open()
        world.ask(key)
        world.decide(key, *BY_CARD, "payer")
        world.ask(key)
        world.ask(world.open(exercice=None, label="…", notification_url=None, return_url=None))
        world.ask(NEVER_GIVEN)
        world.gateway().describe()
        refused(world.gateway(UNKNOWN).describe)
        refused(lambda: world.open(WITHOUT_RIGHT))
        for name in TECHNICAL_FAULTS:
            world.disturb(name)
            unreachable(world.open)
        assert len(world.exchanges) == 8 + len(TECHNICAL_FAULTS) + 1
        for question, answer in world.exchanges:
            SCHEMA.assertValid(inside(question))
            SCHEMA.assertValid(inside(answer.content))

    def test_are_checked_for_answers_of_each_kind(self, world: World) -> None:
        world.gateway().describe()
        refused(world.gateway(UNKNOWN).describe)
        tags = [etree.QName(inside(answer.content)) for _, answer in world.exchanges]
        assert [tag.localname for tag in tags] == ["recupererDetailClientResponse", "FonctionnelleErreur"]
        assert {tag.namespace for tag in tags} == {SERVICE}
