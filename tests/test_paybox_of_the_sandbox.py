"""REGAL's gateway to Paybox, against the sandbox's: two readings of one protocol that must agree."""

import dataclasses
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from flask.testing import FlaskClient

import regal_sandbox
from regal.gateways.base import (
    AccountConfig,
    BillingAddress,
    Claims,
    DebtKind,
    Environment,
    Message,
    NotAuthentic,
    Notice,
    Outcome,
    PaymentRequest,
    Question,
    Rank,
    Refused,
    Transaction,
    Unreachable,
)
from regal.gateways.paybox.gateway import Paybox, PayboxDirect
from regal.gateways.tests.contract import claims_of
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.vault import Secret
from regal_sandbox import Answer, NotificationRequest

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
HMAC_KEY, PASSWORD = "0F1E2D3C4B5A6978" * 8, "s3cret"
REGIE, NEXT_TOWN, TRIAL = "2718281-01-314159265", "2718281-02-314159266", "1999888-32-107904482"
PUBLISHED_KEY = "0123456789ABCDEF" * 8
CONFIG = {
    "clients": [],
    "towns": [],
    "merchants": [
        {
            "site": "2718281",
            "rank": rank,
            "identifier": identifier,
            "hmac_key": HMAC_KEY,
            "direct_key": PASSWORD,
            "mode": "production",
            "options": {"three_d_secure_fields": True, "time_window_seconds": 60, "reused_reference": "error"},
        }
        for rank, identifier in ((1, "314159265"), (2, "314159266"))
    ]
    + [{"site": "1999888", "rank": 32, "identifier": "107904482", "hmac_key": PUBLISHED_KEY, "direct_key": "1999888I"}],
}
HOST = "https://tpeweb.paybox.com/"
REFERENCE = "CANT2026000412-7fKq2ZbT0xWc9LmR4sVh1A"
REQUEST = PaymentRequest(
    reference=REFERENCE,
    amount=Money(3840),
    debt_reference="CANT2026000412",
    exercice=2026,
    label="Cantine d’octobre",
    payer_email="mme.leroy@exemple.invalid",
    environment=Environment.PRODUCTION,
    notification_url="https://guichet.exemple.invalid/s/n/1/abc",
    return_url="https://guichet.exemple.invalid/saint-aubin/suivi/abc/retour/",
)


class World:
    """A sandbox, its clock, a payer's browser, and what the sandbox called."""

    def __init__(self) -> None:
        self.now = NOON
        self.heard: list[NotificationRequest] = []
        self.number = 0
        self.sandbox = regal_sandbox.create(
            config=CONFIG,
            clock=lambda: self.now,
            seed="graine",
            send_notification=self._hear,
            town_count=0,
            pause=lambda seconds: None,
        )
        self.browser: FlaskClient = self.sandbox.pages.test_client()
        self.control: FlaskClient = self.sandbox.control.test_client()
        self.http = httpx.Client(transport=self.sandbox.transport())
        self.session = ""

    def _hear(self, notification: NotificationRequest) -> Answer:
        self.heard.append(notification)
        return Answer(status=200)

    def gateway(self, identifier: str = REGIE, **changes: Any) -> PayboxDirect:
        is_trial = identifier == TRIAL
        config = AccountConfig(
            service_url=HOST,
            addresses={"backup": f"{HOST}secours/", "direct": HOST, "direct_backup": f"{HOST}secours/"},
            public_key=self.sandbox.paybox_public_key,
            identifier=identifier,
            debt_kind=DebtKind.REGIE,
            environment=Environment.TEST if is_trial else Environment.PRODUCTION,
            secrets={
                "hmac": Secret.of_text(PUBLISHED_KEY if is_trial else HMAC_KEY),
                "direct": Secret.of_text("1999888I" if is_trial else PASSWORD),
            },
            **changes,
        )
        gateway = Paybox.configure(config, self.http, lambda: self.now)
        assert isinstance(gateway, PayboxDirect)
        return gateway

    def enter(self, gateway: Paybox | None = None, **changes: Any) -> int:
        """The browser brings our form to Paybox; the status it is met with."""
        form = (gateway or self.gateway()).hand_off(dataclasses.replace(REQUEST, **changes))
        answer = self.browser.post(urlsplit(form.url).path, data=urlencode(form.fields))
        if found := re.search(r'data-session="(\w+)"', answer.text):
            self.session = found[1]
        return answer.status_code

    def decide(self, *decisions: str, host: str = "/") -> str:
        """What the payer presses; where the last button sends him."""
        location = ""
        for decision in decisions:
            step = "MYpagepaiement" if decision == "continuer" else "MYtraitetransaction"
            told = {"session": self.session, "decision": decision}
            if decision == "carte":
                told["decision"] = "CB"
            answer = self.browser.post(f"{host}cgi/{step}.cgi", data=told)
            assert answer.status_code == 303, answer.text
            location = answer.headers["Location"]
            page = self.browser.get(location).text if "/cgi/" in location else ""
            if 'data-state="choice"' in page:
                self.decide("carte", host=host)
        self.sandbox.deliver_due()
        return location

    def card_page(self, gateway: Paybox | None = None, **changes: Any) -> None:
        assert self.enter(gateway, **changes) == 200
        self.decide("continuer")

    def told(self) -> list[Message]:
        """What Paybox called us with."""
        return [
            Message(
                method=one.method,
                query=urlsplit(one.url).query.encode(),
                body=one.body,
                content_type=dict(one.headers)["Content-Type"],
                received_at=self.now,
            )
            for one in self.heard
        ]

    def way_back(self) -> Message:
        """What the browser brings us from the ticket page."""
        page = self.browser.get(f"/cgi/MYpagepaiement.cgi?session={self.session}").text
        found = re.search(r'data-return href="([^"]+)"', page)
        assert found is not None, page
        return self.brought(found[1].replace("&amp;", "&"))

    def brought(self, location: str) -> Message:
        query = urlsplit(location).query.encode()
        return Message(method="GET", query=query, body=b"", content_type="", received_at=self.now)

    def ask(self, notice: Notice, identifier: str = REGIE) -> Notice:
        assert notice.transaction is not None
        assert notice.call is not None
        self.number += 1
        question = Question(
            reference=REFERENCE,
            transaction=Transaction(number=notice.transaction, call=notice.call),
            claims=notice.claims,
            occurred_at=notice.occurred_at,
            number=self.number,
        )
        return self.gateway(identifier).ask(question)

    def exists(self, reference: str = REFERENCE) -> Notice:
        self.number += 1
        return self.gateway().ask(Question(reference=reference, number=self.number))

    def pay(self) -> Notice:
        self.card_page()
        self.decide("payer")
        (message,) = self.told()
        return self.gateway().read(message)

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)
        self.sandbox.deliver_due()


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.sandbox.close()


class TestTheForm:
    def test_is_taken_by_a_merchant_who_wants_every_field(self, world: World) -> None:
        assert world.enter() == 200

    @pytest.mark.parametrize("page", ["php", "classic", "responsive"])
    def test_is_taken_at_every_entry(self, world: World, page: str) -> None:
        world.card_page(world.gateway(options={"page": page}))

    def test_is_taken_with_the_payer_s_own_address(self, world: World) -> None:
        address = BillingAddress(
            first_name="Zoé", last_name="D’Œuvre & Fils", street="12, rue de l’Église", postcode="35000", town="Rennes"
        )
        assert world.enter(billing=address) == 200

    def test_is_taken_with_all_that_a_contract_may_say(self, world: World) -> None:
        options = {"authentication": "04", "display_seconds": 600, "notified_in_back_office": True}
        assert world.enter(world.gateway(options=options), language="en", amount=Money(100)) == 200

    def test_of_another_key_is_turned_away(self, world: World) -> None:
        gateway = dataclasses.replace(world.gateway(), hmac_key=Secret.of_text("AB" * 64))
        assert world.enter(gateway) == 403


class TestAPayment:
    def test_is_told_alike_by_the_call_and_by_the_browser(self, world: World) -> None:
        called = world.pay()
        assert (called.outcome, called.rank, called.reference) == (Outcome.PAID, Rank.SIGNED, REFERENCE)
        assert called.claims.amount == REQUEST.amount
        assert called.claims.differences_from(claims_of(world.gateway(), REQUEST)) == ()
        assert called.occurred_at is not None
        assert paris.today(called.occurred_at) == paris.today(NOON)
        assert world.gateway().read(world.way_back()) == called

    def test_is_confirmed_by_direct(self, world: World) -> None:
        answered = world.ask(world.pay())
        assert (answered.outcome, answered.outcome_code, answered.rank) == (Outcome.PAID, "Capturé", Rank.ASKED)
        assert answered.claims.name(claims_of(world.gateway(), REQUEST))
        assert answered.contradicts == ()

    def test_is_known_to_exist_by_its_reference(self, world: World) -> None:
        assert world.exists().facts["exists"] == "no"
        paid = world.pay()
        found = world.exists()
        assert (found.outcome, found.facts["exists"]) == (Outcome.PENDING, "yes")
        assert (found.transaction, found.call) == (paid.transaction, paid.call)

    def test_of_the_test_platform_says_so(self, world: World) -> None:
        world.card_page(world.gateway(TRIAL), environment=Environment.TEST)
        world.decide("payer")
        (message,) = world.told()
        notice = world.gateway().read(message)
        assert notice.outcome is Outcome.PAID
        assert notice.claims.differences_from(claims_of(world.gateway(), REQUEST)) == ("environment",)

    def test_of_the_next_town_is_not_known_to_ours(self, world: World) -> None:
        """Signed by the same key, for the right reference and amount: only Direct tells."""
        world.card_page(world.gateway(NEXT_TOWN))
        world.decide("payer")
        notice = world.gateway().read(world.told()[0])
        assert notice.claims.differences_from(claims_of(world.gateway(), REQUEST)) == ()
        answered = world.ask(notice)
        assert (answered.outcome, answered.facts["exists"]) == (Outcome.PENDING, "no")
        assert world.ask(notice, NEXT_TOWN).outcome is Outcome.PAID

    def test_refused_then_paid_on_the_same_page_is_two_transactions(self, world: World) -> None:
        world.card_page()
        world.decide("refuser", "payer")
        refused, paid = (world.gateway().read(message) for message in world.told())
        assert (refused.outcome, paid.outcome) == (Outcome.REFUSED, Outcome.PAID)
        assert refused.reference == paid.reference
        assert refused.call != paid.call

    def test_given_up_is_told_by_the_browser_alone(self, world: World) -> None:
        world.card_page()
        notice = world.gateway().read(world.brought(world.decide("abandonner")))
        assert (notice.outcome, notice.transaction) == (Outcome.ABANDONED, None)
        assert world.told() == []

    def test_never_made_is_never_told(self, world: World) -> None:
        world.card_page()
        world.pass_by(hours=2)
        assert world.told() == []
        assert world.exists().facts["exists"] == "no"


class TestTheSignature:
    def test_of_the_sandbox_is_not_that_of_paybox(self, world: World) -> None:
        world.pay()
        config = AccountConfig(
            service_url="", identifier=REGIE, debt_kind=DebtKind.REGIE, environment=Environment.PRODUCTION
        )
        with pytest.raises(NotAuthentic):
            Paybox.configure(config, world.http, lambda: NOON).read(world.told()[0])

    def test_of_an_altered_call_is_wrong(self, world: World) -> None:
        world.pay()
        message = world.told()[0]
        with pytest.raises(NotAuthentic):
            world.gateway().read(dataclasses.replace(message, body=message.body.replace(b"3840", b"3841")))

    def test_can_be_had_for_anything_by_whoever_has_the_key(self, world: World) -> None:
        """What a dishonest shop could have signed: read, and worth no more than its rank."""
        body = world.sandbox.paybox_forge(
            f"Mt=3840&Ref={REFERENCE}&Auto=123456&Erreur=00000&Trans=1&Appel=2&Date=24112026&Heure=12%3A00%3A00"
        )
        message = dataclasses.replace(world.brought("/"), query=body.encode())
        notice = world.gateway().read(message)
        assert (notice.outcome, notice.rank) == (Outcome.PAID, Rank.SIGNED)
        assert world.ask(notice).facts["exists"] == "no"


class TestOrders:
    def transaction(self, notice: Notice) -> Transaction:
        assert notice.transaction is not None
        assert notice.call is not None
        return Transaction(number=notice.transaction, call=notice.call)

    def test_cancel_before_the_night(self, world: World) -> None:
        paid = world.pay()
        reversal = world.gateway().cancel(transaction=self.transaction(paid), amount=REQUEST.amount, number=900)
        assert reversal.transaction == self.transaction(paid)
        assert world.ask(paid).outcome_code == "Annulé"

    def test_refund_a_part_after_it(self, world: World) -> None:
        paid = world.pay()
        world.pass_by(days=1)
        assert world.ask(paid).facts["remise"]
        reversal = world.gateway().refund(transaction=self.transaction(paid), amount=Money(1000), number=900)
        assert reversal.transaction.number != paid.transaction
        assert reversal.transaction.call == paid.call
        with pytest.raises(Refused):
            world.gateway().cancel(transaction=self.transaction(paid), amount=REQUEST.amount, number=901)

    def test_never_refund_twice_under_one_number(self, world: World) -> None:
        paid = world.pay()
        world.pass_by(days=1)
        world.gateway().refund(transaction=self.transaction(paid), amount=Money(1000), number=900)
        with pytest.raises(Unreachable) as failure:
            world.gateway().refund(transaction=self.transaction(paid), amount=Money(1000), number=900)
        assert failure.value.sent

    def test_never_refund_more_than_was_paid(self, world: World) -> None:
        paid = world.pay()
        world.pass_by(days=1)
        with pytest.raises(Refused):
            world.gateway().refund(transaction=self.transaction(paid), amount=Money(3841), number=900)

    def test_of_the_next_town_are_not_ours_to_give(self, world: World) -> None:
        paid = world.pay()
        with pytest.raises(Refused) as failure:
            world.gateway(NEXT_TOWN).cancel(transaction=self.transaction(paid), amount=REQUEST.amount, number=900)
        assert failure.value.code == "direct_00018"

    def test_with_a_wrong_password_are_refused(self, world: World) -> None:
        paid = world.pay()
        stranger = dataclasses.replace(world.gateway(), password=Secret.of_text("autre"))
        with pytest.raises(Refused) as failure:
            stranger.cancel(transaction=self.transaction(paid), amount=REQUEST.amount, number=900)
        assert failure.value.code == "direct_00006"


class TestTheHosts:
    def sleep(self, world: World, which: str) -> None:
        assert world.control.put("/settings", json={"paybox_asleep": which}).status_code == 200

    def test_are_both_awake(self, world: World) -> None:
        assert world.gateway().awake().service_url == HOST

    def test_take_a_payment_at_the_backup(self, world: World) -> None:
        self.sleep(world, "main")
        gateway = world.gateway().awake()
        assert gateway.service_url == f"{HOST}secours/"
        assert world.enter(gateway) == 200
        world.decide("continuer", "payer", host="/secours/")
        assert world.gateway().read(world.told()[0]).outcome is Outcome.PAID

    def test_take_none_when_both_sleep(self, world: World) -> None:
        self.sleep(world, "both")
        with pytest.raises(Unreachable):
            world.gateway().awake()


def test_a_question_needs_claims_to_settle(world: World) -> None:
    """00017 alone names neither amount nor debt."""
    paid = world.pay()
    answered = world.ask(
        dataclasses.replace(
            paid,
            claims=Claims(account_identifier=None, debt_reference=None, exercice=None, amount=None, environment=None),
        )
    )
    assert answered.outcome is Outcome.PAID
    assert not answered.claims.name(claims_of(world.gateway(), REQUEST))
