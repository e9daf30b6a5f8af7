"""A payment page left open, and the bank's page that may follow the card's."""

import pytest

from regal_sandbox import Sandbox
from regal_sandbox.tests.cast import NUMCLI, REFDET, Control, Listener, Payer, Time
from regal_sandbox.tests.test_payment_pages import Buttons
from regal_sandbox.tests.test_payment_requests import refusal


class TestExpiry:
    def test_comes_after_the_minutes_of_the_settings(self, payer: Payer, control: Control, time: Time) -> None:
        control("PUT", "/settings", {"page_expiry_minutes": 30})
        payer.open()
        time.pass_by(minutes=29, seconds=59)
        assert refusal(payer.see()) is None
        time.pass_by(seconds=1)
        page = payer.see()
        assert refusal(page) == "page_expired"
        assert "La page de paiement est restée ouverte trop longtemps." in page

    @pytest.mark.parametrize("decision", ["payer", "refuser", "abandonner"])
    def test_tells_nobody_and_leaves_the_debt_due(
        self, sandbox: Sandbox, payer: Payer, control: Control, listener: Listener, time: Time, decision: str
    ) -> None:
        payer.open()
        payer.press("continuer")
        time.pass_by(minutes=120)
        assert refusal(payer.press(decision)) == "page_expired"
        sandbox.deliver_due()
        assert listener.heard == []
        assert control("GET", "/transactions/1")["state"] == "stopped"
        assert control("GET", f"/debts/{NUMCLI}/{REFDET}")["state"] == "due"

    def test_lets_the_payer_open_another(self, payer: Payer, time: Time) -> None:
        payer.open()
        time.pass_by(minutes=120)
        payer.see()
        assert "Paiement accepté" in payer.pay()

    def test_spares_what_is_finished(self, payer: Payer, time: Time) -> None:
        page = payer.pay()
        time.pass_by(days=30)
        assert payer.see() == page

    def test_may_be_put_off_for_ever(self, payer: Payer, control: Control, time: Time) -> None:
        control("PUT", "/settings", {"page_expiry_minutes": 0})
        payer.open()
        time.pass_by(days=30)
        assert refusal(payer.see()) is None

    def test_has_the_words_and_status_of_the_settings(self, payer: Payer, control: Control, time: Time) -> None:
        told = {"messages": {"page_expired": {"code": "P9", "message": "Trop tard."}}, "error_status": 410}
        control("PUT", "/settings", told)
        payer.open()
        time.pass_by(minutes=120)
        answer = payer.browser.get(payer.address)
        assert answer.status_code == 410
        assert "Trop tard." in answer.text
        assert "(code P9)" in answer.text


class TestThreeDSecure:
    @pytest.fixture(autouse=True)
    def asked(self, control: Control) -> None:
        control("PUT", "/settings", {"three_d_secure": True})

    def to_bank(self, payer: Payer) -> str:
        payer.open()
        payer.press("continuer")
        return payer.press("payer")

    def test_follows_the_card(self, payer: Payer, control: Control) -> None:
        page = self.to_bank(payer)
        assert "Code reçu par SMS" in page
        assert Buttons(page).decisions == ["valider", "refuser", "abandonner"]
        assert control("GET", f"/debts/{NUMCLI}/{REFDET}")["state"] == "due"

    def test_takes_a_code_that_is_never_sent(self, payer: Payer) -> None:
        page = self.to_bank(payer)
        assert 'id="code"' in page
        assert "name=" not in page.split('id="code"')[1].split(">")[0]

    @pytest.mark.parametrize(("decision", "letter"), [("valider", "P"), ("refuser", "R"), ("abandonner", "A")])
    def test_ends_in_one_of_the_card_s_outcomes(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, decision: str, letter: str
    ) -> None:
        self.to_bank(payer)
        assert f'data-outcome="{letter}"' in payer.press(decision)
        sandbox.deliver_due()
        assert [one["resultrans"] for one in listener.bodies] == [letter]

    def test_is_not_passed_by_a_double_click(self, payer: Payer, control: Control) -> None:
        self.to_bank(payer)
        payer.press("payer")
        assert control("GET", "/transactions/1")["state"] == "secure"

    def test_does_not_hold_back_a_refusal_of_the_card(self, payer: Payer) -> None:
        payer.open()
        payer.press("continuer")
        assert 'data-outcome="R"' in payer.press("refuser")

    def test_is_of_the_card_alone(self, payer: Payer, control: Control) -> None:
        control("PUT", f"/clients/{NUMCLI}", {"direct_debit": {}})
        payer.open()
        for decision in ("continuer", "prelevement", "identifier"):
            payer.press(decision)
        assert 'data-outcome="V"' in payer.press("payer")

    def test_checks_the_debt_once_more(self, payer: Payer, control: Control) -> None:
        self.to_bank(payer)
        control("PUT", f"/debts/{NUMCLI}/{REFDET}", {"montant": 4000, "taken_in_charge_on": "2026-03-10"})
        assert refusal(payer.press("valider")) == "montant_differs"
