"""A program, its payer and its notifications, without a socket, the same each time."""

import doctest
from collections.abc import Iterator

import httpx
import pytest

from regal_sandbox import Sandbox, create, in_process
from regal_sandbox.tests.cast import CONFIG, Control, Listener, Time, regie_call


def test_the_example_of_the_manual_works() -> None:
    tried = doctest.testmod(in_process)
    assert tried.attempted > 10
    assert tried.failed == 0


class Waiting:
    """Real time that passes at once: what was waited for, and the clock moved on by as much."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.time.pass_by(seconds=seconds)


@pytest.fixture
def waiting(time: Time) -> Waiting:
    return Waiting(time)


@pytest.fixture
def sandbox(time: Time, listener: Listener, waiting: Waiting) -> Iterator[Sandbox]:
    made = create(config=CONFIG, clock=time, seed="graine", send_notification=listener, pause=waiting)
    yield made
    made.close()


@pytest.fixture
def payfip(sandbox: Sandbox) -> httpx.Client:
    return httpx.Client(transport=sandbox.transport(), base_url="https://www.payfip.gouv.fr", timeout=15)


def create_payment(payfip: httpx.Client, **changed: str) -> httpx.Response:
    return payfip.post("/tpa/services/securite", content=regie_call(**changed))


class TestFaultsInProcess:
    @pytest.mark.parametrize(
        ("service", "error"),
        [("cut", httpx.RemoteProtocolError), ("partial", httpx.RemoteProtocolError), ("reset", httpx.ReadError)],
    )
    def test_are_those_of_httpx(
        self, sandbox: Sandbox, payfip: httpx.Client, service: str, error: type[Exception]
    ) -> None:
        sandbox.control.test_client().post("/faults", json={"service": service, "next": 1})
        with pytest.raises(error):
            create_payment(payfip)
        assert create_payment(payfip).status_code == 200

    @pytest.mark.parametrize(("once_done", "created"), [(False, 0), (True, 1)])
    def test_time_out_before_or_after_the_effect(
        self, sandbox: Sandbox, payfip: httpx.Client, waiting: Waiting, once_done: bool, created: int
    ) -> None:
        told = {"service": "unavailable", "seconds": 60, "once_done": once_done, "next": 1}
        sandbox.control.test_client().post("/faults", json=told)
        with pytest.raises(httpx.ReadTimeout):
            create_payment(payfip)
        assert waiting.seconds == [15]
        assert len(sandbox.idops()) == created

    def test_a_slow_answer_comes_to_who_waits(self, sandbox: Sandbox, payfip: httpx.Client, waiting: Waiting) -> None:
        sandbox.control.test_client().post("/faults", json={"service": "slow", "seconds": 14, "next": 1})
        assert create_payment(payfip).status_code == 200
        assert waiting.seconds == [14]

    def test_the_payer_s_pages_fail_likewise(self, sandbox: Sandbox, payfip: httpx.Client) -> None:
        create_payment(payfip)
        sandbox.control.test_client().post("/faults", json={"page": "reset", "next": 1})
        with pytest.raises(httpx.ReadError):
            payfip.get("/tpa/paiementws.web", params={"idop": sandbox.idops()[0]["idop"]})


class TestSeed:
    def test_same_seed_same_clock_same_values(self, listener: Listener) -> None:
        def play(seed: str) -> list[object]:
            sandbox = create(config=CONFIG, clock=Time(), seed=seed, send_notification=listener)
            payfip = httpx.Client(transport=sandbox.transport(), base_url="https://www.payfip.gouv.fr")
            for refdet in ("CANTINE1", "CANTINE2"):
                create_payment(payfip, refdet=refdet)
            page = payfip.get("/tpa/paiementws.web", params={"idop": sandbox.idops()[1]["idop"]}, follow_redirects=True)
            for decision in ("continuer", "carte", "payer"):
                page = payfip.post(page.url, data={"decision": decision}, follow_redirects=True)
            return [*sandbox.idops(), str(page.url), page.text]

        assert play("une graine") == play("une graine")
        assert play("une graine") != play("une autre")


class TestTruth:
    def test_is_the_same_by_the_control_port(self, sandbox: Sandbox, payfip: httpx.Client, control: Control) -> None:
        create_payment(payfip, refdet="CANTINE1")
        create_payment(payfip, refdet="CANTINE2")
        assert control("GET", "/idops") == {"idops": sandbox.idops()}
        assert [one["refdet"] for one in control("GET", "/idops?refdet=CANTINE2")["idops"]] == ["CANTINE2"]
        assert control("GET", "/idops?numcli=000000") == {"idops": []}
        assert {"idop", "numcli", "refdet", "montant", "state", "resultrans", "created_at", "decided_at"} <= set(
            sandbox.idops()[0]
        )
