"""Under which addresses the payment pages answer."""

import pytest

from regal_sandbox import Sandbox
from regal_sandbox.tests.cast import Control, Payer
from regal_sandbox.tests.test_mailbox import letter, receive
from regal_sandbox.tests.test_next_day import action, issue_today


class TestPaymentPages:
    @pytest.mark.parametrize(
        "host", ["www.payfip.gouv.fr", "www.tipi.budget.gouv.fr", "www.tipi-client.budget.gouv.fr", "127.0.0.1:8010"]
    )
    def test_answer_under_tpa_to_any_host_name_and_stay_there(self, payer: Payer, host: str) -> None:
        told = payer.request()
        answer = payer.browser.get("/tpa/paiement.web", query_string=told, headers={"Host": host})
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/tpa/transaction/")

    @pytest.mark.parametrize("path", ["/load.html", "/static/sandbox.css", "/tpa/accueilportail.web"])
    def test_have_what_they_need_under_any_name(self, payer: Payer, path: str) -> None:
        assert payer.browser.get(path, headers={"Host": "www.payfip.gouv.fr"}).status_code == 200


class TestPagesForPeople:
    """A page of another site whose name was given our address (DNS rebinding) reads neither mails nor debts."""

    PATHS = ("/", "/boite/", "/boite/1/", "/boite/1/html", "/boite/1/source")

    @pytest.fixture(autouse=True)
    def mail(self, sandbox: Sandbox) -> None:
        receive(sandbox, letter(text="secret"))

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("host", ["exemple.fr", "exemple.fr:8010", "127.0.0.1.exemple.fr", "192.0.2.7"])
    def test_answer_to_no_other_name(self, payer: Payer, path: str, host: str) -> None:
        answer = payer.browser.get(path, headers={"Host": host})
        assert answer.status_code == 403
        assert "secret" not in answer.text

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("host", ["localhost:8010", "127.0.0.1:8010", "[::1]:8010"])
    def test_answer_to_loopback_names(self, payer: Payer, path: str, host: str) -> None:
        assert payer.browser.get(path, headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize(
        ("bind", "host", "status"),
        [
            ("192.0.2.7", "192.0.2.7:8010", 200),
            ("192.0.2.7", "192.0.2.8:8010", 403),
            ("essai.exemple.fr", "essai.exemple.fr:8010", 200),
            (".".join("0000"), "192.0.2.7:8010", 200),
            (".".join("0000"), "exemple.fr:8010", 403),
        ],
    )
    def test_answer_to_the_address_they_were_bound_to(
        self, sandbox: Sandbox, payer: Payer, bind: str, host: str, status: int
    ) -> None:
        sandbox.world.bind = bind
        assert payer.browser.get("/boite/", headers={"Host": host}).status_code == status

    def test_have_no_button_under_another_name(self, payer: Payer, control: Control) -> None:
        control("PUT", "/settings", {"next_day_button": True})
        issue_today(control)
        address = action(payer.ask().text)
        assert payer.browser.post(address, headers={"Host": "exemple.fr"}).status_code == 403
        assert control("GET", "/clock")["offset_seconds"] == 0

    @pytest.mark.parametrize("path", PATHS)
    def test_are_framed_by_no_other_site(self, payer: Payer, path: str) -> None:
        assert "frame-ancestors 'self'" in payer.browser.get(path).headers["Content-Security-Policy"]
