"""What a client of the web service meets when PayFiP, or the way to it, fails. In process too: `test_in_process.py`."""

from datetime import timedelta

import pytest

from regal_sandbox import Sandbox
from regal_sandbox.page_faults import ConnectionCut
from regal_sandbox.soap import CLIENT, CREATE, DETAIL
from regal_sandbox.tests.cast import NOON, REGIE, Control, Payer, Service, Time, call, regie_call


class TestAnswers:
    def test_are_an_html_page_so_many_times(self, sandbox: Sandbox, service: Service, control: Control) -> None:
        control("POST", "/faults", {"service": "unavailable", "next": 2}, status=201)
        answers = [service.post(regie_call()) for _ in range(3)]
        assert [one.status_code for one in answers] == [503, 503, 200]
        assert answers[0].content_type == "text/html; charset=utf-8"
        assert "Bac à sable" in answers[0].text
        assert len(sandbox.idops()) == 1

    def test_are_empty(self, service: Service, control: Control) -> None:
        control("POST", "/faults", {"service": "empty", "next": 1}, status=201)
        answer = service.post(regie_call())
        assert (answer.status_code, answer.data) == (200, b"")

    def test_are_cut_in_the_middle_although_obeyed(self, sandbox: Sandbox, service: Service, control: Control) -> None:
        control("POST", "/faults", {"service": "partial", "next": 1}, status=201)
        with pytest.raises(ConnectionCut):
            service.post(regie_call()).get_data()
        assert len(sandbox.idops()) == 1

    @pytest.mark.parametrize("fault", ["cut", "reset", "unavailable", "empty", "TechIndisponibiliteErreur"])
    @pytest.mark.parametrize(("once_done", "created"), [(True, 1), (False, 0)])
    def test_are_lost_before_or_after_the_effect(
        self, sandbox: Sandbox, service: Service, control: Control, fault: str, once_done: bool, created: int
    ) -> None:
        control("POST", "/faults", {"service": fault, "once_done": once_done, "next": 1}, status=201)
        if fault in ("cut", "reset"):
            with pytest.raises(ConnectionCut):
                service.post(regie_call())
        else:
            service.post(regie_call())
        assert len(sandbox.idops()) == created

    def test_are_slow(self, sandbox: Sandbox, service: Service, control: Control) -> None:
        waited: list[float] = []
        sandbox.world.pause = waited.append
        control("POST", "/faults", {"service": "slow", "seconds": 20, "next": 1}, status=201)
        assert not service.create().fault
        assert waited == [20]


class TestChoice:
    def test_of_one_operation(self, service: Service, control: Control) -> None:
        control("POST", "/faults", {"service": "TechProtocolaireErreur", "operation": DETAIL}, status=201)
        idop = service.create().values["idOp"]
        assert service.detail(idop).fault == "TechProtocolaireErreur"
        assert not service(CLIENT, {"numCli": REGIE}).fault

    def test_of_one_client_even_when_asked_by_idop(self, service: Service, control: Control) -> None:
        idop = service.create().values["idOp"]
        control("POST", "/faults", {"service": "unavailable", "numcli": "033333"}, status=201)
        assert service.told(idop) == "P5"
        control("POST", "/faults", {"service": "TechDysfonctionnementErreur", "numcli": REGIE}, status=201)
        assert service.detail(idop).fault == "TechDysfonctionnementErreur"

    def test_of_the_description_alone(self, service: Service, control: Control) -> None:
        control("POST", "/faults", {"service": "unavailable", "operation": "wsdl", "next": 1}, status=201)
        assert not service.create().fault
        assert service.browser.get("/tpa/services/securite?wsdl").status_code == 503
        assert service.browser.get("/tpa/services/securite?wsdl").status_code == 200

    def test_leaves_the_payer_s_pages_alone(self, service: Service, payer: Payer, control: Control) -> None:
        idop = payer.create()
        control("POST", "/faults", {"service": "unavailable"}, status=201)
        payer.enter(idop)
        assert service.post(regie_call()).status_code == 503


class TestOutage:
    def test_lasts_from_a_moment_until_another(self, service: Service, control: Control, time: Time) -> None:
        told = {
            "service": "TechIndisponibiliteErreur",
            "from": (NOON + timedelta(hours=1)).isoformat(),
            "until": (NOON + timedelta(hours=3)).isoformat(),
        }
        control("POST", "/faults", told, status=201)
        heard = []
        for _ in range(4):
            heard.append(service.create().fault)
            time.pass_by(hours=1)
        assert heard == ["", "TechIndisponibiliteErreur", "TechIndisponibiliteErreur", ""]

    def test_of_the_pages_likewise(self, payer: Payer, control: Control, time: Time) -> None:
        until = (NOON + timedelta(minutes=5)).isoformat()
        control("POST", "/faults", {"page": "unavailable", "until": until}, status=201)
        idop = payer.create()
        assert payer.ask_by_idop(idop).status_code == 503
        time.pass_by(minutes=5)
        assert payer.ask_by_idop(idop).status_code == 303

    def test_of_the_notifications_likewise(self, sandbox: Sandbox, payer: Payer, control: Control, time: Time) -> None:
        control("POST", "/faults", {"drop": True, "until": (NOON + timedelta(hours=1)).isoformat()}, status=201)
        payer.pay_by_idop(payer.create())
        time.pass_by(hours=1)
        payer.pay_by_idop(payer.create())
        states = [one["state"] for one in control("GET", "/notifications")["notifications"]]
        assert states == ["dropped", "pending"]


class TestRule:
    @pytest.mark.parametrize(
        "told",
        [
            {"service": "inconnue"},
            {"service": "slow"},
            {"service": "cut", "operation": "autre"},
            {"service": "cut", "seconds": 301},
            {"service": "cut", "from": "2026-03-31"},
            {"service": "cut", "until": "2026-03-31T12:00:00"},  # without its offset
            {"service": "cut", "page": "cut"},
            {"service": "cut", "drop": True},
        ],
    )
    def test_that_makes_no_sense_is_refused(self, control: Control, told: dict[str, object]) -> None:
        assert "error" in control("POST", "/faults", told, status=400)
        assert control("GET", "/faults") == {"faults": []}

    def test_is_told_as_it_was_given(self, control: Control) -> None:
        told = {"service": "cut", "operation": CREATE, "once_done": True, "seconds": 5.0, "next": 2, "numcli": REGIE}
        told |= {"from": "2026-03-16T11:00:00.000000+00:00", "until": "2026-03-17T11:00:00.000000+00:00"}
        added = control("POST", "/faults", told, status=201)
        assert {name: added[name] for name in told} == told
        assert control("GET", "/faults")["faults"] == [added]

    def test_played_stands_in_the_journal(self, service: Service, control: Control) -> None:
        idop = service.create().values["idOp"]
        control("POST", "/faults", {"service": "empty", "next": 1}, status=201)
        service.browser.post("/tpa/services/securite", data=call(DETAIL, {"idOp": idop}), content_type="text/xml")
        [played] = control("GET", "/journal?kind=fault")["exchanges"]
        assert (played["service"], played["operation"], played["transaction"]) == ("empty", DETAIL, 1)
