"""What a payer's browser meets when PayFiP, or the way to it, fails."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from regal_sandbox import Sandbox, create
from regal_sandbox.page_faults import MOST_WAITING, ConnectionCut
from regal_sandbox.tests.cast import CONFIG, NUMCLI, REFDET, TEST_REFDET, Control, Listener, Payer, Time


class TestPages:
    def test_say_that_the_service_is_unavailable_so_many_times(self, payer: Payer, control: Control) -> None:
        control("POST", "/faults", {"page": "unavailable", "next": 2}, status=201)
        assert [payer.ask().status_code for _ in range(3)] == [503, 503, 303]
        assert control("GET", "/faults") == {"faults": []}
        assert len(control("GET", "/transactions")["transactions"]) == 1

    def test_say_so_on_a_page_of_the_sandbox(self, payer: Payer, control: Control) -> None:
        control("POST", "/faults", {"page": "unavailable"}, status=201)
        answer = payer.ask()
        assert answer.content_type == "text/html; charset=utf-8"
        assert "Bac à sable" in answer.text

    def test_are_empty(self, payer: Payer, control: Control) -> None:
        control("POST", "/faults", {"page": "empty", "next": 1}, status=201)
        answer = payer.ask()
        assert (answer.status_code, answer.data) == (200, b"")

    def test_cut_the_connection(self, payer: Payer, control: Control) -> None:
        control("POST", "/faults", {"page": "cut", "next": 1}, status=201)
        with pytest.raises(ConnectionCut):
            payer.ask()
        assert payer.ask().status_code == 303

    def test_obey_and_lose_their_answer(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        payer.open()
        payer.press("continuer")
        control("POST", "/faults", {"page": "cut", "once_done": True, "on": "steps", "next": 1}, status=201)
        with pytest.raises(ConnectionCut):
            payer.press("payer")
        sandbox.deliver_due()
        assert [one["resultrans"] for one in listener.bodies] == ["P"]
        assert "Paiement accepté" in payer.see()

    def test_may_fail_at_the_entry_alone(self, payer: Payer, control: Control) -> None:
        payer.open()
        control("POST", "/faults", {"page": "unavailable", "on": "entry"}, status=201)
        assert "Bac à sable" in payer.press("continuer")
        assert payer.ask().status_code == 503

    def test_may_fail_for_one_client_alone(self, payer: Payer, control: Control) -> None:
        control("POST", "/faults", {"page": "unavailable", "numcli": NUMCLI}, status=201)
        assert payer.ask(numcli="006382", montant="12000", saisie="A").status_code == 303
        assert payer.ask().status_code == 503
        posted = payer.browser.post("/tpa/paiement.web", data=payer.request())
        assert posted.status_code == 503

    def test_read_a_posted_form_after_the_fault_did(self, payer: Payer, control: Control) -> None:
        control("POST", "/faults", {"page": "unavailable", "numcli": "006382"}, status=201)
        assert payer.browser.post("/tpa/paiement.web", data=payer.request()).status_code == 303

    def test_of_the_mailbox_and_of_people_never_fail(self, payer: Payer, control: Control) -> None:
        control("POST", "/faults", {"page": "unavailable"}, status=201)
        assert [payer.browser.get(path).status_code for path in ("/", "/boite/", "/load.html")] == [200] * 3

    def test_are_not_disturbed_by_a_rule_about_notifications(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("POST", "/faults", {"drop": True, "next": 1}, status=201)
        control("POST", "/faults", {"page": "slow", "seconds": 1, "on": "entry", "next": 9}, status=201)
        sandbox.world.pause = lambda seconds: None
        payer.pay()
        assert [one["next"] for one in control("GET", "/faults")["faults"]] == [8]
        sandbox.deliver_due()
        assert listener.heard == []

    def test_failures_are_kept_in_the_journal(self, payer: Payer, control: Control) -> None:
        control("POST", "/faults", {"page": "empty", "next": 1}, status=201)
        payer.ask()
        [told] = control("GET", f"/journal?kind=fault&numcli={NUMCLI}")["exchanges"]
        assert (told["page"], told["method"], told["path"]) == ("empty", "GET", "/tpa/paiement.web")

    @pytest.mark.parametrize(
        "told",
        [
            {"page": "brûlée"},
            {"page": "cut", "seconds": -1},
            {"page": "cut", "on": "ticket"},
            {"page": "cut", "refdet": REFDET},
            {"page": "cut", "drop": True},
            {"page": "cut", "next": 0},
            {"page": "slow", "once_done": True},
        ],
    )
    def test_ill_told_are_refused(self, control: Control, told: object) -> None:
        control("POST", "/faults", told, status=400)


class TestSlowness:
    @pytest.fixture
    def waited(self) -> list[float]:
        return []

    @pytest.fixture
    def sandbox(self, waited: list[float]) -> Iterator[Sandbox]:
        made = create(config=CONFIG, clock=Time(), send_notification=Listener(), pause=waited.append)
        yield made
        made.close()

    def test_comes_before_the_page(self, payer: Payer, control: Control, waited: list[float]) -> None:
        control("POST", "/faults", {"page": "slow", "seconds": 7, "next": 1}, status=201)
        assert payer.ask().status_code == 303
        assert waited == [7]

    def test_may_come_before_another_failure(self, payer: Payer, control: Control, waited: list[float]) -> None:
        control("POST", "/faults", {"page": "unavailable", "seconds": 3, "next": 1}, status=201)
        assert payer.ask().status_code == 503
        assert waited == [3]

    def test_never_keeps_more_waiting_than_the_server_can_spare(
        self, sandbox: Sandbox, payer: Payer, control: Control
    ) -> None:
        all_wait, go_on = Barrier(MOST_WAITING + 1), Event()

        def wait(seconds: float) -> None:
            all_wait.wait(10)
            go_on.wait(10)

        sandbox.world.pause = wait
        control("POST", "/faults", {"page": "slow", "seconds": 60}, status=201)
        with ThreadPoolExecutor() as others:
            waiting = [
                others.submit(Payer(sandbox.pages.test_client()).ask, exer="9999", refdet=TEST_REFDET)
                for _ in range(MOST_WAITING)
            ]
            all_wait.wait(10)
            assert payer.ask().status_code == 303
            assert not any(one.done() for one in waiting)
            go_on.set()
            assert [one.result(10).status_code for one in waiting] == [303] * MOST_WAITING
