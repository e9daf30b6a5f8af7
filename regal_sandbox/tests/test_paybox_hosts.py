"""Paybox's addresses, its second host, and the key that signs for all of its merchants."""

from pathlib import Path

import pytest
from lxml import html as lxml_html

from regal_sandbox import Sandbox, create
from regal_sandbox.paybox_keys import BITS, KeyUnusable, PlatformKey
from regal_sandbox.tests.cast import CONFIG, Control, Listener, Time
from regal_sandbox.tests.shop import PayboxPayer, Verifier, signed, state_of

ENTRIES = [
    "/php/",
    "/cgi/MYchoix_pagepaiement.cgi",
    "/cgi/MYframepagepaiement_ip.cgi",
    "/cgi/ChoixPaiementMobile.cgi",
    "/cgi/FramepagepaiementRWD.cgi",
]
VERIFONE = "e3e24366a97653cb40f9ed2ee2b91fe6d8c28ee81d062ca1508c9e32abe141bb"


class TestEntries:
    """Point 1."""

    @pytest.mark.parametrize("path", ENTRIES)
    def test_take_a_post(self, card_payer: PayboxPayer, path: str) -> None:
        answer = card_payer.ask(path=path)
        assert (answer.status_code, state_of(answer.text)) == (200, "arrived")

    @pytest.mark.parametrize("path", ENTRIES)
    def test_take_a_get_with_everything_in_its_query(self, card_payer: PayboxPayer, path: str) -> None:
        answer = card_payer.browser.get(path, query_string=signed())
        assert (answer.status_code, state_of(answer.text)) == (200, "arrived")

    @pytest.mark.parametrize("path", ENTRIES)
    def test_open_nothing_for_a_head(self, sandbox: Sandbox, card_payer: PayboxPayer, path: str) -> None:
        assert card_payer.browser.head(path, query_string=signed()).status_code == 200
        assert sandbox.paybox_payments() == []

    def test_answer_under_any_host_name(self, card_payer: PayboxPayer) -> None:
        answer = card_payer.browser.post("/php/", data=signed(), base_url="https://tpeweb.paybox.com")
        assert answer.status_code == 200

    def test_may_be_framed(self, card_payer: PayboxPayer) -> None:
        headers = card_payer.ask().headers
        assert "X-Frame-Options" not in headers
        assert "frame-ancestors" not in headers["Content-Security-Policy"]

    def test_a_post_to_the_root_is_answered_and_uses_nothing_up(
        self, sandbox: Sandbox, card_payer: PayboxPayer
    ) -> None:
        for base in ("https://tpeweb.paybox.com", "http://127.0.0.1:8010"):
            assert card_payer.browser.post("/", data=signed(), base_url=base).status_code == 200
        assert sandbox.paybox_payments() == []
        assert state_of(card_payer.ask().text) == "arrived"

    def test_a_subscription_that_does_not_exist_cannot_be_ended(self, card_payer: PayboxPayer) -> None:
        told = {"VERSION": "001", "TYPE": "001", "SITE": "1999888", "MACH": "032", "IDENTIFIANT": "107904482"}
        for answer in (
            card_payer.browser.post("/cgi-bin/ResAbon.cgi", data=told | {"REFERENCE": "ABO<1>"}),
            card_payer.browser.get("/cgi-bin/ResAbon.cgi", query_string=told | {"REFERENCE": "ABO<1>"}),
        ):
            assert answer.text == "ACQ=NO&ERREUR=4&IDENTIFIANT=107904482&REFERENCE=ABO1"


class TestHealth:
    def test_page_pleases_every_client(self, card_payer: PayboxPayer) -> None:
        answer = card_payer.browser.get("/load.html", base_url="https://tpeweb.paybox.com")
        assert answer.status_code == 200
        assert ">OK<" in answer.text
        assert lxml_html.fromstring(answer.text).xpath("string(//*[@id='server_status'])") == "OK"

    @pytest.mark.parametrize(
        ("asleep", "main", "backup"), [("", 200, 200), ("main", 503, 200), ("backup", 200, 503), ("both", 503, 503)]
    )
    def test_says_which_host_sleeps(
        self, card_payer: PayboxPayer, control: Control, asleep: str, main: int, backup: int
    ) -> None:
        control("PUT", "/settings", {"paybox_asleep": asleep})
        get, post = card_payer.browser.get, card_payer.browser.post
        assert (get("/load.html").status_code, get("/secours/load.html").status_code) == (main, backup)
        statuses = (post("/php/", data=signed()).status_code, post("/secours/php/", data=signed()).status_code)
        assert statuses == (main, backup)


class TestSecondHost:
    @pytest.mark.parametrize("path", ENTRIES)
    def test_takes_a_payer_to_its_own_pages(self, sandbox: Sandbox, path: str) -> None:
        payer = PayboxPayer(sandbox.pages.test_client(), prefix="/secours")
        answer = payer.ask(path=path)
        assert 'action="/secours/cgi/MYpagepaiement.cgi"' in answer.text
        assert state_of(payer.pay(PBX_CMD="AUTRE")) == "paid"

    def test_does_not_know_the_payments_of_the_first(self, card_payer: PayboxPayer) -> None:
        card_payer.open()
        answer = card_payer.browser.get(f"/secours/cgi/MYpagepaiement.cgi?session={card_payer.session}")
        assert answer.status_code == 404


class TestKey:
    """Point 2."""

    def test_is_published_and_is_rsa_1024(self, verifier: Verifier) -> None:
        assert verifier.pem.startswith("-----BEGIN PUBLIC KEY-----\n")
        assert (verifier.key.key_size, verifier.key.public_numbers().e) == (1024, 65537)

    def test_is_never_verifone_s(self, verifier: Verifier) -> None:
        assert verifier.fingerprint != VERIFONE

    def test_is_another_one_in_each_sandbox(self, sandbox: Sandbox, verifier: Verifier) -> None:
        other = create(config=CONFIG, clock=Time(), seed="graine", send_notification=Listener())
        assert other.paybox_public_key != sandbox.paybox_public_key == verifier.pem

    def test_is_kept_with_the_data_and_readable_by_nobody_else(self, tmp_path: Path) -> None:
        def key() -> str:
            return create(data=tmp_path, config=CONFIG, clock=Time(), send_notification=Listener()).paybox_public_key

        assert key() == key() == (tmp_path / "paybox-pubkey.pem").read_text()
        assert (tmp_path / "paybox-key.pem").stat().st_mode & 0o077 == 0

    def test_survives_a_reset(self, sandbox: Sandbox) -> None:
        before = sandbox.paybox_public_key
        sandbox.reset()
        assert sandbox.paybox_public_key == before

    def test_is_tried_before_anybody_relies_on_it(self, tmp_path: Path) -> None:
        PlatformKey().check()
        (tmp_path / "paybox-key.pem").write_text("rien")
        with pytest.raises(KeyUnusable, match=r"paybox-key\.pem"):
            PlatformKey(tmp_path).check()
        assert BITS == 1024
