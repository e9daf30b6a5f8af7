"""What a program meets when Paybox Direct, or the way to it, fails; above all, an order obeyed and never answered."""

import httpx
import pytest

from regal_sandbox import Sandbox
from regal_sandbox.defaults import PUBLISHED_DIRECT_KEY
from regal_sandbox.page_faults import ConnectionCut
from regal_sandbox.tests.cast import Control
from regal_sandbox.tests.test_paybox_direct import Direct


@pytest.fixture
def direct(sandbox: Sandbox) -> Direct:
    return Direct(sandbox.pages.test_client())


class TestOrder:
    @pytest.mark.parametrize("fault", ["unavailable", "empty", "cut", "reset", "00097", "00098"])
    @pytest.mark.parametrize(("once_done", "status"), [(True, "Remboursé"), (False, "Capturé")])
    def test_whose_answer_is_lost_was_obeyed_or_not(
        self, direct: Direct, control: Control, fault: str, once_done: bool, status: str
    ) -> None:
        payment = direct.pay()
        control("POST", "/faults", {"direct": fault, "once_done": once_done, "next": 1}, status=201)
        if fault in ("cut", "reset"):
            with pytest.raises(ConnectionCut):
                direct.post("00014", MONTANT="4850", **payment)
        else:
            direct.post("00014", MONTANT="4850", **payment)
        assert direct.status(payment)[0] == status

    def test_that_times_out_was_obeyed_all_the_same(self, sandbox: Sandbox, direct: Direct, control: Control) -> None:
        payment = direct.pay()
        sandbox.world.pause = lambda seconds: None
        control("POST", "/faults", {"direct": "slow", "seconds": 60, "once_done": True, "next": 1}, status=201)
        client = httpx.Client(transport=sandbox.transport(), base_url="https://ppps.paybox.com", timeout=30)
        told = {"VERSION": "00104", "TYPE": "00014", "SITE": "1999888", "RANG": "32", "CLE": PUBLISHED_DIRECT_KEY}
        told |= {"NUMQUESTION": "900", "DATEQ": "16032026", "MONTANT": "4850", "DEVISE": "978"} | payment
        with pytest.raises(httpx.ReadTimeout):
            client.post("/PPPS.php", data=told)
        assert direct.status(payment)[0] == "Remboursé"
        assert "CODEREPONSE=00005&" in client.post("/PPPS.php", data=told).content.decode("latin-1")


class TestAnswer:
    @pytest.mark.parametrize("code", ["00001", "00003", "00097", "00098", "00099"])
    def test_may_be_a_technical_code(self, direct: Direct, control: Control, code: str) -> None:
        control("POST", "/faults", {"direct": code, "next": 1}, status=201)
        told = direct("00017", NUMTRANS="1")
        assert (told["CODEREPONSE"], told["NUMTRANS"]) == (code, "0000000000")
        assert told["COMMENTAIRE"].startswith("PAYBOX : ")
        assert told["NUMQUESTION"] == "0000000001"

    def test_may_be_an_html_page(self, direct: Direct, control: Control) -> None:
        control("POST", "/faults", {"direct": "unavailable", "next": 1}, status=201)
        answer = direct.post("00017", NUMTRANS="1")
        assert (answer.status_code, answer.content_type) == (503, "text/html; charset=utf-8")

    def test_may_be_cut_in_the_middle(self, direct: Direct, control: Control) -> None:
        control("POST", "/faults", {"direct": "partial", "next": 1}, status=201)
        with pytest.raises(ConnectionCut):
            direct.post("00017", NUMTRANS="1").get_data()

    def test_may_be_slow(self, sandbox: Sandbox, direct: Direct, control: Control) -> None:
        waited: list[float] = []
        sandbox.world.pause = waited.append
        control("POST", "/faults", {"direct": "slow", "seconds": 20, "next": 1}, status=201)
        assert direct.code("00017", NUMTRANS="1") == "00018"
        assert waited == [20]


class TestChoice:
    @pytest.mark.parametrize(
        ("chosen", "touched"),
        [
            ({"type": "00014"}, False),
            ({"type": "00017"}, True),
            ({"host": "backup"}, False),
            ({"host": "main"}, True),
            ({"merchant": "1999888-63-109518543"}, False),
            ({"merchant": "1999888-32-1"}, True),
        ],
    )
    def test_of_what_fails(self, direct: Direct, control: Control, chosen: dict[str, str], touched: bool) -> None:
        control("POST", "/faults", {"direct": "00003"} | chosen, status=201)
        assert (direct.code("00017", NUMTRANS="1") == "00003") is touched

    def test_leaves_the_other_faults_alone(self, direct: Direct, control: Control) -> None:
        control("POST", "/faults", {"page": "unavailable"}, status=201)
        control("POST", "/faults", {"service": "unavailable"}, status=201)
        assert direct.code("00017", NUMTRANS="1") == "00018"

    def test_of_a_host_that_sleeps(self, direct: Direct, control: Control) -> None:
        control("PUT", "/settings", {"paybox_asleep": "main"})
        assert direct.post("00017", NUMTRANS="1").status_code == 503
        direct.path = "/secours/PPPS.php"
        assert direct.code("00017", NUMTRANS="1") == "00018"

    @pytest.mark.parametrize(
        "told", [{"direct": "autre"}, {"direct": "slow"}, {"direct": "cut", "host": "third"}, {"direct": "cut", "x": 1}]
    )
    def test_is_read_strictly(self, control: Control, told: object) -> None:
        control("POST", "/faults", told, status=400)
