"""The payer's way from the recap page to the outcome, with no script, no cookie and one outcome."""

import re
from html.parser import HTMLParser

import pytest

from regal_sandbox import Sandbox
from regal_sandbox.tests.cast import NUMCLI, REFDET, TEST_REFDET, Control, Listener, Payer


class Buttons(HTMLParser):
    """The decisions a page offers."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.decisions: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "button" and told.get("name") == "decision":
            self.decisions.append(told.get("value") or "")


class TestRecap:
    def test_shows_what_will_be_paid(self, payer: Payer) -> None:
        payer.open()
        page = payer.see()
        for told in ("2026-00000042-000001", "48,50\u00a0€", "Cantine mars", "leroy@exemple.fr", "SAINT AUBIN"):
            assert told in page

    def test_offers_to_continue_or_to_abandon(self, payer: Payer) -> None:
        payer.open()
        assert Buttons(payer.see()).decisions == ["continuer", "abandonner"]

    def test_does_not_pay_before_the_card_page(self, payer: Payer, control: Control) -> None:
        payer.open()
        payer.press("payer")
        assert control("GET", "/transactions/1")["state"] == "recap"


class TestCard:
    def test_offers_the_three_outcomes(self, payer: Payer) -> None:
        payer.open()
        assert Buttons(payer.press("continuer")).decisions == ["payer", "refuser", "abandonner"]

    def test_has_card_fields_that_are_never_sent(self, payer: Payer) -> None:
        payer.open()
        page = payer.press("continuer")
        inputs = re.findall(r"<input[^>]*>", page)
        assert len(inputs) == 3
        assert not any("name=" in one or "required" in one for one in inputs)

    @pytest.mark.parametrize("decision", ["", "autre", "continuer"])
    def test_ignores_a_decision_it_does_not_offer(self, payer: Payer, control: Control, decision: str) -> None:
        payer.open()
        payer.press("continuer")
        payer.press(decision)
        assert control("GET", "/transactions/1")["state"] == "card"


class TestOutcome:
    def test_paying_marks_the_debt_paid_and_shows_a_ticket(self, payer: Payer, control: Control) -> None:
        page = payer.pay()
        assert "Paiement accepté" in page
        transaction = control("GET", "/transactions/1")
        assert transaction["numauto"] in page
        assert re.fullmatch("[0-9a-f]{6}", transaction["numauto"])
        assert "16/03/2026 à 12\u00a0h\u00a000" in page
        debt = control("GET", f"/debts/{NUMCLI}/{REFDET}")
        assert (debt["state"], debt["paid_by"]) == ("paid", 1)

    def test_the_ticket_leads_nowhere(self, payer: Payer) -> None:
        page = payer.pay()
        assert "<a " not in page
        assert "<form" not in page

    @pytest.mark.parametrize(
        ("decision", "title", "state"),
        [("refuser", "Paiement refusé", "refused"), ("abandonner", "Paiement abandonné", "abandoned")],
    )
    def test_refusing_or_abandoning_leaves_the_debt_due(
        self, payer: Payer, control: Control, decision: str, title: str, state: str
    ) -> None:
        payer.open()
        payer.press("continuer")
        assert title in payer.press(decision)
        assert control("GET", "/transactions/1")["state"] == state
        assert control("GET", f"/debts/{NUMCLI}/{REFDET}")["state"] == "due"

    def test_can_be_abandoned_from_the_recap(self, payer: Payer, control: Control) -> None:
        payer.open()
        payer.press("abandonner")
        assert control("GET", "/transactions/1")["resultrans"] == "A"

    @pytest.mark.parametrize("first", ["payer", "refuser", "abandonner"])
    @pytest.mark.parametrize("second", ["payer", "refuser", "abandonner", "continuer"])
    def test_never_changes_once_there(
        self, sandbox: Sandbox, payer: Payer, control: Control, listener: Listener, first: str, second: str
    ) -> None:
        payer.open()
        payer.press("continuer")
        page = payer.press(first)
        assert payer.press(second) == page
        assert payer.see() == page
        sandbox.deliver_due()
        assert len(listener.heard) == 1

    def test_of_a_second_window_is_a_stop_without_notification(
        self, sandbox: Sandbox, payer: Payer, control: Control, listener: Listener
    ) -> None:
        other = Payer(payer.browser)
        other.open()
        other.press("continuer")
        payer.pay()
        page = other.press("payer")
        assert "Cette dette a déjà été payée en ligne." in page
        assert control("GET", "/transactions/1")["stopped_by"] == "debt_paid"
        sandbox.deliver_due()
        assert len(listener.heard) == 1

    def test_is_a_stop_when_the_debt_changed_meanwhile(self, payer: Payer, control: Control) -> None:
        payer.open()
        payer.press("continuer")
        control("PUT", f"/debts/{NUMCLI}/{REFDET}", {"montant": 4000, "taken_in_charge_on": "2026-03-10"})
        payer.press("payer")
        assert control("GET", "/transactions/1")["stopped_by"] == "montant_differs"

    def test_is_a_stop_when_the_client_went_back_to_test_meanwhile(self, payer: Payer, control: Control) -> None:
        payer.open(numcli="006382", montant="12000", saisie="M")
        payer.press("continuer")
        control("PUT", "/clients/006382", {"phase": "test"})
        payer.press("payer")
        assert control("GET", "/transactions/1")["stopped_by"] == "client_not_active"

    def test_may_be_a_payment_after_an_abandon_in_a_new_transaction(
        self, sandbox: Sandbox, payer: Payer, listener: Listener
    ) -> None:
        payer.open()
        payer.press("abandonner")
        payer.pay()
        sandbox.deliver_due()
        assert [one["resultrans"] for one in listener.bodies] == ["A", "P"]

    def test_of_the_reserved_reference_may_be_paid_again_and_again(self, payer: Payer) -> None:
        for _ in range(2):
            assert "Paiement accepté" in payer.pay(exer="9999", refdet=TEST_REFDET)

    def test_of_a_debt_declared_due_again_may_be_paid_again(self, payer: Payer, control: Control) -> None:
        payer.pay()
        control("PUT", f"/debts/{NUMCLI}/{REFDET}", {"montant": 4850, "taken_in_charge_on": "2026-03-10"})
        assert "Paiement accepté" in payer.pay()


class TestPages:
    def visit(self, payer: Payer) -> list[str]:
        pages = [payer.browser.get("/").text, payer.ask(montant="1").text]
        payer.open()
        pages += [payer.see(), payer.press("continuer"), payer.press("refuser")]
        pages.append(payer.pay())
        pages += [payer.browser.get("/boite/").text, payer.browser.get("/nulle-part").text]
        return pages

    def test_say_that_no_card_is_debited(self, payer: Payer) -> None:
        for page in self.visit(payer):
            assert "aucune carte n’est débitée" in page

    def test_have_a_language_one_title_and_no_script(self, payer: Payer) -> None:
        for page in self.visit(payer):
            assert '<html lang="fr">' in page
            assert page.count("<h1") == 1
            assert re.search("<title>.+</title>", page)
            assert "<script" not in page

    def test_label_every_field(self, payer: Payer) -> None:
        for page in self.visit(payer):
            ids = re.findall(r'<(?:input|select)[^>]* id="([^"]+)"', page) + re.findall(r'<input id="([^"]+)"', page)
            assert all(f'<label for="{one}"' in page for one in ids)

    def test_set_no_cookie(self, payer: Payer) -> None:
        payer.open()
        answer = payer.browser.post(payer.address, data={"decision": "continuer"})
        assert "Set-Cookie" not in answer.headers

    def test_escape_what_the_client_is_called(self, payer: Payer, control: Control) -> None:
        control("PUT", f"/clients/{NUMCLI}", {"labels": ["<b>gras</b>"]})
        payer.open()
        assert "<b>gras" not in payer.see()

    def test_let_only_their_own_site_frame_them_unless_told(self, payer: Payer, control: Control) -> None:
        assert payer.ask(montant="1").headers["X-Frame-Options"] == "SAMEORIGIN"
        control("PUT", "/settings", {"frame_options": "DENY"})
        assert payer.ask(montant="1").headers["X-Frame-Options"] == "DENY"
        control("PUT", "/settings", {"frame_options": ""})
        assert "X-Frame-Options" not in payer.ask(montant="1").headers

    def test_are_not_kept_by_browsers(self, payer: Payer) -> None:
        payer.open()
        assert payer.browser.get(payer.address).headers["Cache-Control"] == "no-store"

    def test_of_an_unknown_transaction_are_not_found(self, payer: Payer) -> None:
        assert payer.browser.get("/tpa/transaction/inconnue").status_code == 404
        assert payer.browser.post("/tpa/transaction/inconnue", data={"decision": "payer"}).status_code == 404

    def test_tell_their_health(self, payer: Payer) -> None:
        answer = payer.browser.get("/load.html")
        assert answer.status_code == 200
        assert re.search(r'<div id="server_status"[^>]*>OK</div>', answer.text)
