"""Paybox's second host, reached by its own name: a client that knows only real names meets two hosts, not one."""

import pytest

from regal_sandbox import Sandbox
from regal_sandbox.paybox_second_host import NAMES
from regal_sandbox.tests.cast import Control
from regal_sandbox.tests.shop import PayboxPayer, signed

FIRST, SECOND = "tpeweb.paybox.com", "tpeweb1.paybox.com"


@pytest.mark.parametrize("name", NAMES)
def test_is_awake_while_the_first_sleeps(sandbox: Sandbox, control: Control, name: str) -> None:
    control("PUT", "/settings", {"paybox_asleep": "main"})
    browser = sandbox.pages.test_client()
    assert browser.get("/load.html", headers={"Host": FIRST}).status_code == 503
    assert ">OK<" in browser.get("/load.html", headers={"Host": name}).text
    assert ">OK<" in browser.get("/load.html", headers={"Host": f"{name}:443"}).text
    control("PUT", "/settings", {"paybox_asleep": "backup"})
    assert browser.get("/load.html", headers={"Host": name}).status_code == 503
    assert browser.post("/", headers={"Host": name}).status_code == 503


def test_keeps_its_payments_to_itself(sandbox: Sandbox, card_payer: PayboxPayer) -> None:
    browser = sandbox.pages.test_client()
    page = browser.post("/php/", data=signed(), headers={"Host": SECOND})
    assert 'action="/secours/cgi/MYpagepaiement.cgi"' in page.text
    assert [one["backup"] for one in sandbox.paybox_payments()] == [True]


def test_answers_direct_and_fails_on_its_own(sandbox: Sandbox, control: Control) -> None:
    control("POST", "/faults", {"direct": "00003", "host": "main"}, status=201)
    browser = sandbox.pages.test_client()
    for name, code in (("ppps.paybox.com", "00003"), ("ppps1.paybox.com", "00013")):
        answer = browser.post("/PPPS.php", data={"TYPE": "00017"}, headers={"Host": name})
        assert f"&CODEREPONSE={code}&" in answer.text


def test_shows_people_s_pages_to_nobody(sandbox: Sandbox) -> None:
    for path in ("/", "/boite/"):
        assert sandbox.pages.test_client().get(path, headers={"Host": SECOND}).status_code in (403, 404, 405)
