"""`accueilportail.web`: payments made on PayFiP's own portal, which no site hears of."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from regal_sandbox import Sandbox, create
from regal_sandbox.portal import FIELDS
from regal_sandbox.rules import RULES
from regal_sandbox.tests.cast import CONFIG, REFDET, Control, Listener, Payer, Time
from regal_sandbox.tests.test_payment_requests import refusal

TYPED = {
    "numcli": "006382",
    "reference": "2026-00000042-000001",
    "montant": "120,00",
    "mel": "leroy@exemple.fr",
}


def type_in(payer: Payer, **changed: str) -> TestResponse:
    answer = payer.browser.post("/tpa/accueilportail.web", data=TYPED | changed)
    payer.address = answer.headers.get("Location", "")
    return answer


class TestPortal:
    def test_asks_for_what_the_notice_says(self, payer: Payer) -> None:
        page = payer.browser.get("/tpa/accueilportail.web").text
        assert re.findall(r'<input id="\w+" name="(\w+)"', page) == ["numcli", "reference", "montant", "mel"]
        assert "data-refusal" not in page

    def test_leads_to_the_same_pages(self, payer: Payer) -> None:
        assert type_in(payer).status_code == 303
        assert "Vérifiez votre paiement" in payer.see()
        payer.press("continuer")
        page = payer.press("payer")
        assert "Paiement accepté" in page
        assert "2026-00000042-000001" in page

    def test_marks_the_debt_paid_so_that_a_site_s_later_request_is_refused(
        self, sandbox: Sandbox, payer: Payer, control: Control, listener: Listener
    ) -> None:
        type_in(payer)
        payer.press("continuer")
        payer.press("payer")
        sandbox.deliver_due()
        assert listener.heard == []
        assert control("GET", f"/debts/006382/{REFDET}")["state"] == "paid"
        [one] = control("GET", "/transactions")["transactions"]
        assert (one["entry"], one["saisie"], one["resultrans"]) == ("portal", "M", "P")
        assert control("GET", "/mails")["mails"]
        assert refusal(payer.ask(numcli="006382", montant="12000", saisie="A").text) == "debt_paid"

    def test_stops_a_site_s_payment_already_under_way(self, payer: Payer) -> None:
        site = Payer(payer.browser)
        site.open(numcli="006382", montant="12000", saisie="A")
        site.press("continuer")
        type_in(payer)
        payer.press("continuer")
        payer.press("payer")
        assert refusal(site.press("payer")) == "debt_paid"

    @pytest.mark.parametrize("reference", ["2026-42-1", "2026 00000042 000001", REFDET, " 2026-00000042-000001 "])
    def test_forgives_how_a_titre_is_typed(self, payer: Payer, reference: str) -> None:
        assert type_in(payer, reference=reference).status_code == 303

    @pytest.mark.parametrize("montant", ["120", "120,0", "120.00", "120,00 €", "120\u00a0€", " 120,00 "])
    def test_forgives_how_an_amount_is_typed(self, payer: Payer, montant: str) -> None:
        assert type_in(payer, montant=montant).status_code == 303

    @pytest.mark.parametrize(
        ("rule", "changed"),
        [
            ("numcli_invalid", {"numcli": ""}),
            ("numcli_unknown", {"numcli": "123456"}),
            ("client_not_active", {"numcli": "090909"}),
            ("client_closed", {"numcli": "011111"}),
            ("exer_invalid", {"reference": ""}),
            ("refdet_invalid", {"reference": "2026-42"}),
            ("debt_unknown", {"reference": "2026-43-1"}),
            ("montant_invalid", {"montant": "120,005"}),
            ("montant_invalid", {"montant": "cent"}),
            ("montant_differs", {"montant": "120,01"}),
            ("montant_too_small", {"montant": "0,99"}),
            ("mel_missing", {"mel": ""}),
            ("mel_invalid", {"mel": "leroy"}),
        ],
    )
    def test_refuses_with_the_rules_of_the_form_and_keeps_what_was_typed(
        self, payer: Payer, control: Control, rule: str, changed: dict[str, str]
    ) -> None:
        answer = type_in(payer, **changed)
        assert refusal(answer.text) == rule
        for value in filter(None, (TYPED | changed).values()):
            assert f'value="{value}"' in answer.text
        assert control("GET", "/transactions") == {"transactions": []}
        assert control("GET", "/refusals")["refusals"][0]["rule"] == rule

    def test_finds_a_role_under_its_exact_reference(self, payer: Payer, control: Control) -> None:
        control("PUT", "/debts/022222/2026CA00123", {"montant": 12000, "taken_in_charge_on": "2026-03-10"})
        assert type_in(payer, numcli="022222", reference="2026-CA-00-123").status_code == 303
        assert refusal(type_in(payer, numcli="022222", reference="2026-CA-00-0123").text) == "debt_unknown"

    def test_takes_the_free_reference_of_a_regie(self, payer: Payer, control: Control) -> None:
        assert type_in(payer, numcli="033333", reference="FACT2026042").status_code == 303
        assert control("GET", "/transactions/1")["exer"] == ""
        assert refusal(type_in(payer, numcli="033333", reference="2026-042").text) == "refdet_invalid"

    def test_pays_under_the_saisie_of_the_settings(self, payer: Payer, control: Control) -> None:
        control("PUT", "/settings", {"portal_saisie": "T"})
        type_in(payer, numcli="090909", montant="48,50")
        assert control("GET", "/transactions/1")["saisie"] == "T"

    def test_answers_with_the_status_of_the_settings(self, payer: Payer, control: Control) -> None:
        control("PUT", "/settings", {"error_status": 400})
        assert type_in(payer, montant="1").status_code == 400
        assert payer.browser.get("/tpa/accueilportail.web").status_code == 200

    @pytest.mark.parametrize("decision", ["refuser", "abandonner"])
    def test_lets_one_start_again(self, payer: Payer, decision: str) -> None:
        type_in(payer)
        payer.press("continuer")
        assert 'href="/tpa/accueilportail.web"' in payer.press(decision)

    def test_escapes_what_was_typed(self, payer: Payer) -> None:
        assert "<b>" not in type_in(payer, reference='"><b>gras</b>').text

    def test_ignores_bytes_that_mean_nothing(self, payer: Payer) -> None:
        answer: Any = payer.browser.post(
            "/tpa/accueilportail.web", data=b"\xff&mel=%ff", content_type="application/x-www-form-urlencoded"
        )
        assert refusal(answer.text) == "numcli_invalid"


class TestAnything:
    sandbox = create(config=CONFIG, clock=Time(), seed="graine", send_notification=Listener())

    @given(
        st.dictionaries(st.sampled_from(FIELDS), st.one_of(st.text(max_size=40), st.sampled_from(["006382", "1-1-1"])))
    )
    def test_typed_in_the_portal_gives_a_page(self, typed: dict[str, str]) -> None:
        answer = self.sandbox.pages.test_client().post("/tpa/accueilportail.web", data=typed)
        assert answer.status_code == 200
        assert refusal(answer.text) in RULES
