"""Card and prélèvement: who is offered what, how each is paid, how each is activated."""

import re
from typing import Any

import pytest

from regal_sandbox import Sandbox
from regal_sandbox.tests.cast import NUMCLI, REFDET, TEST_REFDET, Control, Listener, Payer
from regal_sandbox.tests.test_payment_pages import Buttons
from regal_sandbox.tests.test_payment_requests import refusal

OTHER = {"refdet": "202600000050000001", "montant": "900"}


def join(control: Control, *, numcli: str = NUMCLI, **changed: Any) -> None:
    """The client also joins for prélèvement."""
    client = control("GET", f"/clients/{numcli}")
    control("PUT", f"/clients/{numcli}", client | {"direct_debit": {}} | changed)


@pytest.fixture(autouse=True)
def another_debt(control: Control) -> None:
    control("PUT", f"/debts/{NUMCLI}/{OTHER['refdet']}", {"montant": 900, "taken_in_charge_on": "2026-03-10"})


def to_mandate(payer: Payer, **changed: str | None) -> str:
    payer.open(**changed)
    payer.press("continuer")
    payer.press("prelevement")
    return payer.press("identifier")


class TestChoice:
    def test_is_not_asked_when_there_is_only_the_card(self, payer: Payer) -> None:
        payer.open()
        assert "Payer par carte bancaire" in payer.see()
        assert "payer" in Buttons(payer.press("continuer")).decisions

    def test_is_asked_when_there_are_two(self, payer: Payer, control: Control) -> None:
        join(control)
        payer.open()
        page = payer.press("continuer")
        assert Buttons(page).decisions == ["carte", "prelevement", "abandonner"]
        assert "Votre carte" in payer.press("carte")

    def test_may_be_abandoned(self, sandbox: Sandbox, payer: Payer, control: Control, listener: Listener) -> None:
        join(control)
        payer.open()
        payer.press("continuer")
        assert "Paiement abandonné" in payer.press("abandonner")
        sandbox.deliver_due()
        assert [one["resultrans"] for one in listener.bodies] == ["A"]

    @pytest.mark.parametrize("decision", ["payer", "refuser", "identifier", "continuer", "card"])
    def test_ignores_what_it_does_not_offer(self, payer: Payer, control: Control, decision: str) -> None:
        join(control)
        payer.open()
        payer.press("continuer")
        payer.press(decision)
        assert control("GET", "/transactions/1")["state"] == "means"

    def test_ignores_a_means_the_client_does_not_have(self, payer: Payer, control: Control) -> None:
        payer.open()
        payer.press("prelevement")
        assert control("GET", "/transactions/1")["state"] == "recap"

    def test_goes_straight_to_the_only_one_in_production(self, payer: Payer, control: Control) -> None:
        join(control, phase="test", direct_debit={"phase": "active"})
        payer.open(saisie="A")
        assert "Payer par prélèvement" in payer.see()
        assert Buttons(payer.press("continuer")).decisions == ["identifier", "abandonner"]

    def test_leaves_out_in_production_what_was_never_activated(self, payer: Payer, control: Control) -> None:
        join(control, numcli="006382")
        payer.open(numcli="006382", montant="12000", saisie="A")
        assert "Votre carte" in payer.press("continuer")

    def test_leaves_out_what_the_client_closed(self, payer: Payer, control: Control) -> None:
        join(control, direct_debit={"phase": "closed"})
        payer.open()
        assert "Votre carte" in payer.press("continuer")

    def test_stops_when_the_means_was_withdrawn_meanwhile(self, payer: Payer, control: Control) -> None:
        join(control)
        payer.open()
        payer.press("continuer")
        control("PUT", f"/clients/{NUMCLI}", {})
        assert refusal(payer.press("prelevement")) == "client_not_active"


class TestDirectDebit:
    def test_passes_by_a_sign_in_and_a_mandate(self, payer: Payer, control: Control) -> None:
        join(control)
        payer.open()
        payer.press("continuer")
        page = payer.press("prelevement")
        assert "impots.gouv.fr" in page
        assert "FranceConnect" in page
        assert Buttons(page).decisions == ["identifier", "abandonner"]
        assert Buttons(payer.press("identifier")).decisions == ["payer", "refuser", "abandonner"]

    def test_accepted_is_a_v_of_sixteen_characters(
        self, sandbox: Sandbox, payer: Payer, control: Control, listener: Listener
    ) -> None:
        join(control)
        to_mandate(payer)
        page = payer.press("payer")
        assert 'data-outcome="V"' in page
        assert "Moyen de paiement" in page
        assert "Prélèvement accepté" in page
        sandbox.deliver_due()
        [heard] = listener.bodies
        assert heard["resultrans"] == "V"
        assert re.fullmatch("[0-9]{12}-tip", heard["numauto"])
        assert heard["numauto"] in page
        assert control("GET", f"/debts/{NUMCLI}/{REFDET}")["state"] == "paid"

    @pytest.mark.parametrize(("decision", "letter"), [("refuser", "Z"), ("abandonner", "A")])
    def test_refused_is_a_z_and_abandoned_an_a_without_authorisation(
        self, sandbox: Sandbox, payer: Payer, control: Control, listener: Listener, decision: str, letter: str
    ) -> None:
        join(control)
        to_mandate(payer)
        assert f'data-outcome="{letter}"' in payer.press(decision)
        sandbox.deliver_due()
        assert (listener.bodies[0]["resultrans"], listener.bodies[0]["numauto"]) == (letter, "")
        assert control("GET", f"/debts/{NUMCLI}/{REFDET}")["state"] == "due"

    def test_ticket_by_e_mail_says_so(self, sandbox: Sandbox, payer: Payer, control: Control) -> None:
        join(control)
        to_mandate(payer)
        payer.press("payer")
        sandbox.deliver_due()
        assert "Moyen de paiement\u00a0: Prélèvement" in control("GET", "/mails/1")["text"]

    def test_keeps_no_account_number(self, payer: Payer, control: Control) -> None:
        join(control)
        inputs = re.findall(r"<input[^>]*>", to_mandate(payer))
        assert len(inputs) == 1
        assert not any("name=" in one or "required" in one for one in inputs)

    def test_numbers_come_from_the_seed(self, payer: Payer, control: Control) -> None:
        drawn = []
        for _ in range(2):
            control("POST", "/reset")
            join(control)
            to_mandate(payer)
            payer.press("payer")
            drawn.append(control("GET", "/transactions/1")["numauto"])
        assert drawn[0] == drawn[1]


class TestActivation:
    def test_opens_the_means_it_was_paid_by_and_no_other(self, payer: Payer, control: Control) -> None:
        join(control)
        to_mandate(payer, saisie="X")
        payer.press("payer")
        client = control("GET", f"/clients/{NUMCLI}")
        assert (client["active_from"], client["direct_debit"]["active_from"]) == (None, "2026-03-17")
        assert refusal(payer.ask(**OTHER, saisie="A").text) == "client_not_active"
        control("PUT", "/clock", {"now": "2026-03-17T00:00:00+01:00"})
        payer.open(**OTHER, saisie="A")
        assert Buttons(payer.press("continuer")).decisions == ["identifier", "abandonner"]

    def test_of_both_means_takes_two_payments(self, payer: Payer, control: Control) -> None:
        join(control)
        to_mandate(payer, saisie="X")
        payer.press("payer")
        payer.open(**OTHER, saisie="X")
        for decision in ("continuer", "carte", "payer"):
            payer.press(decision)
        control("PUT", "/clock", {"now": "2026-03-17T00:00:00+01:00"})
        control("PUT", f"/debts/{NUMCLI}/{REFDET}", {"montant": 4850, "taken_in_charge_on": "2026-03-10"})
        payer.open(saisie="A")
        assert Buttons(payer.press("continuer")).decisions == ["carte", "prelevement", "abandonner"]

    def test_does_not_happen_in_test(self, payer: Payer, control: Control) -> None:
        join(control)
        to_mandate(payer)
        payer.press("payer")
        assert control("GET", f"/clients/{NUMCLI}")["direct_debit"]["active_from"] is None

    def test_of_one_already_active_changes_nothing(self, payer: Payer, control: Control) -> None:
        client = control("GET", "/clients/006382")
        payer.pay(numcli="006382", montant="12000", saisie="X")
        assert control("GET", "/clients/006382") == client


class TestCeilings:
    """Several ceilings: PayFiP's, the client's, the means'."""

    def test_above_that_of_the_card_leave_prelevement_alone(self, payer: Payer, control: Control) -> None:
        join(control, options={"card_max_cents": 4849})
        payer.open()
        assert Buttons(payer.press("continuer")).decisions == ["identifier", "abandonner"]

    def test_above_that_of_prelevement_leave_the_card_alone(self, payer: Payer, control: Control) -> None:
        join(control, direct_debit={"max_cents": 4849})
        payer.open()
        assert "Votre carte" in payer.press("continuer")

    def test_are_reached_inclusively(self, payer: Payer, control: Control) -> None:
        join(control, options={"card_max_cents": 4850}, direct_debit={"max_cents": 4850})
        payer.open()
        assert Buttons(payer.press("continuer")).decisions == ["carte", "prelevement", "abandonner"]

    def test_above_all_of_them_refuse(self, payer: Payer, control: Control) -> None:
        join(control, options={"card_max_cents": 4849}, direct_debit={"max_cents": 4849})
        assert refusal(payer.ask().text) == "montant_too_large"

    def test_of_the_client_bind_every_means(self, payer: Payer, control: Control) -> None:
        join(control, options={"max_cents": 4849})
        assert refusal(payer.ask().text) == "montant_too_large"


class TestClient:
    def test_told_the_old_way_has_the_card_only(self, control: Control) -> None:
        for told in ({"phase": "active"}, {"phase": "active", "direct_debit": None}):
            assert "direct_debit" not in control("PUT", "/clients/012327", told)

    def test_tells_its_prelevement_as_it_was_told(self, control: Control) -> None:
        told = {"phase": "test", "active_from": "2026-03-17", "max_cents": 500000}
        assert control("PUT", "/clients/012327", {"direct_debit": told})["direct_debit"] == told
        assert control("GET", "/clients/012327")["direct_debit"] == told

    @pytest.mark.parametrize("told", [{"phase": "ouvert"}, {"inconnu": 1}, {"max_cents": 0}, "oui"])
    def test_ill_told_is_refused(self, control: Control, told: Any) -> None:
        control("PUT", "/clients/012327", {"direct_debit": told}, status=400)

    def test_closed_closes_every_means(self, payer: Payer, control: Control) -> None:
        join(control, phase="closed", direct_debit={"phase": "active"})
        assert refusal(payer.ask(refdet=TEST_REFDET, exer="9999").text) == "client_closed"
