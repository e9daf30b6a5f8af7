from collections.abc import Iterator

import pytest

from regal_sandbox import Sandbox, create
from regal_sandbox.tests.cast import CONFIG, Control, Listener, Payer, Service, Time
from regal_sandbox.tests.shop import PayboxPayer, Verifier


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def sandbox(time: Time, listener: Listener) -> Iterator[Sandbox]:
    made = create(config=CONFIG, clock=time, seed="graine", send_notification=listener)
    yield made
    made.close()


@pytest.fixture
def payer(sandbox: Sandbox) -> Payer:
    return Payer(sandbox.pages.test_client())


@pytest.fixture
def service(sandbox: Sandbox) -> Service:
    return Service(sandbox.pages.test_client())


@pytest.fixture
def control(sandbox: Sandbox) -> Control:
    return Control(sandbox)


@pytest.fixture
def card_payer(sandbox: Sandbox) -> PayboxPayer:
    return PayboxPayer(sandbox.pages.test_client())


@pytest.fixture
def verifier(sandbox: Sandbox) -> Verifier:
    return Verifier(sandbox.pages.test_client().get("/pubkey.pem").text)
