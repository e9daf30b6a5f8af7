"""What `paiement.web` accepts and what it turns away: dossier, section 3."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal_sandbox import Sandbox, create
from regal_sandbox.payment_requests import PARAMETERS
from regal_sandbox.rules import RULES
from regal_sandbox.tests.cast import CONFIG, NUMCLI, TEST_REFDET, Control, Listener, Payer, Time

TEST_DEBT = {"exer": "9999", "refdet": TEST_REFDET}


def refusal(text: str) -> str | None:
    found = re.search(r'data-refusal="(\w+)"', text)
    return found[1] if found else None


class TestAccepts:
    def test_a_registered_debt(self, payer: Payer) -> None:
        assert payer.ask().status_code == 303

    def test_the_reserved_reference_in_test_at_any_amount(self, payer: Payer) -> None:
        assert payer.ask(**TEST_DEBT, montant="777").status_code == 303

    def test_the_parameters_in_a_posted_form(self, payer: Payer) -> None:
        answer = payer.browser.post("/tpa/paiement.web", data=payer.request())
        assert answer.status_code == 303

    def test_only_who_means_to_pay(self, payer: Payer, control: Control) -> None:
        answer = payer.browser.head("/tpa/paiement.web", query_string=payer.request())
        assert (answer.status_code, answer.data) == (200, b"")
        assert control("GET", "/transactions") == {"transactions": []}
        assert control("GET", "/journal") == {"exchanges": []}

    def test_unknown_parameters_which_it_ignores(self, payer: Payer) -> None:
        assert payer.ask(rolrec="12", page="1").status_code == 303

    @pytest.mark.parametrize("saisie", ["T", "A", "M"])
    def test_an_active_client_in_test_and_in_production(self, payer: Payer, saisie: str) -> None:
        assert payer.ask(numcli="006382", montant="12000", saisie=saisie).status_code == 303

    def test_an_activation_payment_of_a_client_in_test(self, payer: Payer) -> None:
        assert payer.ask(saisie="X").status_code == 303

    @pytest.mark.parametrize(
        "changed",
        [
            {"objet": None},
            {"objet": ""},
            {"objet": "a" * 100},
            {"urlcl": None},
            {"urlcl": "http://exemple.fr/" + "a" * 232},
            {"mel": "a@b.fr"},
            {"mel": "a" * 70 + "@exemp1.fr"},
        ],
    )
    def test_what_is_optional_or_just_within_bounds(self, payer: Payer, changed: dict[str, str | None]) -> None:
        assert payer.ask(**changed).status_code == 303

    @pytest.mark.parametrize("montant", ["100", "9999999", "000100"])
    def test_amounts_at_the_bounds(self, payer: Payer, montant: str) -> None:
        assert payer.ask(**TEST_DEBT, montant=montant).status_code == 303

    @pytest.mark.parametrize("refdet", ["FACT01", "a" * 30])
    def test_a_regie_s_free_reference_without_exercice(self, payer: Payer, refdet: str) -> None:
        answer = payer.ask(numcli="033333", refdet=refdet, exer=None, montant="500", saisie="A")
        assert answer.status_code == 303


REFUSED: list[tuple[str, dict[str, str | None]]] = [
    ("saisie_invalid", {"saisie": None}),
    ("saisie_invalid", {"saisie": "W"}),  # the web service's
    ("saisie_invalid", {"saisie": "P"}),
    ("saisie_invalid", {"saisie": "t"}),
    ("numcli_invalid", {"numcli": None}),
    ("numcli_invalid", {"numcli": "90909"}),
    ("numcli_invalid", {"numcli": "0909090"}),
    ("numcli_invalid", {"numcli": "09090a"}),
    ("numcli_invalid", {"numcli": "٠٩٠٩٠٩"}),  # digits, but not ours
    ("numcli_unknown", {"numcli": "123456"}),
    ("client_closed", {"numcli": "011111"}),
    ("client_not_active", {"saisie": "A"}),
    ("client_not_active", {"saisie": "M"}),
    ("exer_invalid", {"exer": None}),
    ("exer_invalid", {"exer": "26"}),
    ("exer_invalid", {"exer": "20a6"}),
    ("exer_invalid", {"numcli": "033333", "exer": "26"}),
    ("refdet_invalid", {"refdet": None}),
    ("refdet_invalid", {"refdet": "ABCD"}),
    ("refdet_invalid", {"refdet": "2026-00000042-000001"}),
    ("refdet_invalid", {"refdet": "2026421"}),  # alphanumeric, but no titre
    ("refdet_invalid", {"refdet": "20260000004200000A"}),
    ("refdet_invalid", {"numcli": "033333", "refdet": "a" * 31}),
    ("refdet_invalid", {"numcli": "033333", "refdet": "facturé1"}),
    ("debt_unknown", {"refdet": "202600000043000001"}),
    ("debt_unknown", {"exer": "2025"}),
    ("debt_unknown", {"exer": "9999", "refdet": TEST_REFDET, "saisie": "X"}),  # reserved for tests
    ("montant_invalid", {"montant": None}),
    ("montant_invalid", {"montant": "48,50"}),
    ("montant_invalid", {"montant": "48.50"}),
    ("montant_invalid", {"montant": "-4850"}),
    ("montant_invalid", {"montant": "4 850"}),
    ("montant_invalid", {"montant": "1" * 12}),
    ("mel_missing", {"mel": None}),
    ("mel_invalid", {"mel": "a@b.c"}),  # five characters
    ("mel_invalid", {"mel": "a" * 71 + "@exemp1.fr"}),
    ("mel_invalid", {"mel": "leroy.exemple.fr"}),
    ("mel_invalid", {"mel": "leroy@exemple"}),
    ("mel_invalid", {"mel": "a@exemple.fr;b@exemple.fr"}),
    ("mel_invalid", {"mel": "a@exemple.fr\r\nBcc: b@exemple.fr"}),
    ("mel_invalid", {"mel": "a@exemple.fr\n"}),
    ("mel_invalid", {"mel": "léo@exemple.fr"}),
    ("mel_invalid", {"mel": "pas une adresse", "montant": "9990000001"}),  # mel before the amount's bounds
    ("montant_too_small", {"montant": "99"}),
    ("montant_too_small", {"montant": "0"}),
    ("montant_too_large", {"montant": "10000000"}),
    ("montant_differs", {"montant": "4851"}),
    ("montant_differs", {"montant": "2000"}),  # no partial payment of a titre
    ("objet_invalid", {"objet": "Cantine été"}),
    ("objet_invalid", {"objet": "Cantine/mars"}),
    ("objet_invalid", {"objet": "Cantine-mars"}),
    ("objet_invalid", {"objet": "a" * 101}),
    ("objet_invalid", {"objet": "Cantine\n"}),
    ("urlcl_invalid", {"urlcl": "site.exemple.fr/notif"}),
    ("urlcl_invalid", {"urlcl": "ftp://exemple.fr/"}),
    ("urlcl_invalid", {"urlcl": "http:/exemple.fr/"}),
    ("urlcl_invalid", {"urlcl": "javascript:alert(1)"}),
    ("urlcl_invalid", {"urlcl": "http://exemple.fr:99999/"}),
    ("urlcl_invalid", {"urlcl": "http://[exemple/"}),
    ("urlcl_invalid", {"urlcl": "http://exemple.fr/a b"}),
    ("urlcl_invalid", {"urlcl": "http://exemple.fr/" + "a" * 233}),
]

OF_THE_WEB_SERVICE = {  # in test_web_service.py and test_life_of_an_idop.py
    "web_service_not_allowed",
    "urlnotif_invalid",
    "urlredirect_invalid",
    "idop_unknown",
    "idop_used",
    "idop_expired",
    "result_unknown",
}


class TestRefuses:
    @pytest.mark.parametrize(("rule", "changed"), REFUSED)
    def test_with_a_page_and_no_notification(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control, rule: str, changed: Any
    ) -> None:
        answer = payer.ask(**changed)
        assert refusal(answer.text) == rule
        assert RULES[rule].message in answer.text
        assert "Location" not in answer.headers
        assert control("GET", "/transactions") == {"transactions": []}
        assert sandbox.deliver_due() == 0
        assert listener.heard == []

    @pytest.mark.parametrize(
        ("rule", "changed", "code"),
        [
            ("saisie_invalid", {"saisie": "W"}, "S1"),
            ("numcli_invalid", {"numcli": "1"}, "T1"),
            ("numcli_unknown", {"numcli": "123456"}, "T2"),
            ("refdet_invalid", {"refdet": "ABCD"}, "R3"),
            ("montant_invalid", {"montant": "x"}, "M1"),
            ("montant_too_small", {"montant": "99"}, "M3"),
            ("montant_too_large", {"montant": "10000000"}, "M5"),
            ("mel_missing", {"mel": None}, "A1"),
            ("mel_invalid", {"mel": "leroy"}, "A2"),
            ("urlcl_invalid", {"urlcl": "x"}, "N1"),
        ],
    )
    def test_with_the_code_where_one_is_known(self, payer: Payer, rule: str, changed: Any, code: str) -> None:
        assert f"(code {code})" in payer.ask(**changed).text

    def test_without_inventing_a_code(self, payer: Payer) -> None:
        assert "(code" not in payer.ask(montant="4851").text

    def test_every_rule_somewhere_in_these_tests(self) -> None:
        elsewhere = {"test_on_debt", "debt_not_visible", "debt_cancelled", "debt_not_amicable", "debt_paid"}
        elsewhere |= {"page_expired"} | OF_THE_WEB_SERVICE
        assert {rule for rule, _ in REFUSED} | elsewhere == set(RULES)

    def test_a_body_larger_than_any_form(self, payer: Payer) -> None:
        answer = payer.browser.post("/tpa/paiement.web", data={"objet": "a" * 100_000})
        assert answer.status_code == 413

    def test_and_keeps_what_was_asked_for_the_integrator(self, payer: Payer, control: Control) -> None:
        payer.ask(montant="4851")
        [kept] = control("GET", "/refusals")["refusals"]
        assert kept["rule"] == "montant_differs"
        assert kept["parameters"] == payer.request(montant="4851")

    def test_with_the_words_and_status_of_the_settings(self, payer: Payer, control: Control) -> None:
        told = {"messages": {"montant_differs": {"code": "M9", "message": "Autre phrase."}}, "error_status": 400}
        control("PUT", "/settings", told)
        answer = payer.ask(montant="4851")
        assert answer.status_code == 400
        assert "Autre phrase." in answer.text
        assert "(code M9)" in answer.text


class TestDebt:
    """A titre is payable from the day after its prise en charge, while amicable, once."""

    def change(self, control: Control, **changed: Any) -> None:
        debt = control("GET", f"/debts/{NUMCLI}/202600000042000001")
        control("PUT", f"/debts/{NUMCLI}/202600000042000001", debt | changed)

    def test_is_unknown_on_the_day_it_is_taken_in_charge(self, payer: Payer, control: Control) -> None:
        self.change(control, taken_in_charge_on="2026-03-16")
        assert refusal(payer.ask().text) == "debt_not_visible"

    def test_is_payable_from_midnight_in_paris(self, payer: Payer, control: Control) -> None:
        self.change(control, taken_in_charge_on="2026-03-16")
        control("PUT", "/clock", {"now": "2026-03-16T22:59:59+00:00"})
        assert refusal(payer.ask().text) == "debt_not_visible"
        control("POST", "/clock/advance", {"seconds": 1})
        assert payer.ask().status_code == 303

    def test_is_payable_on_the_last_amicable_day_and_no_later(self, payer: Payer, control: Control) -> None:
        self.change(control, amicable_until="2026-03-16")
        assert payer.ask().status_code == 303
        control("POST", "/clock/advance", {"seconds": 86400})
        assert refusal(payer.ask().text) == "debt_not_amicable"

    def test_cannot_be_paid_once_cancelled(self, payer: Payer, control: Control) -> None:
        self.change(control, state="cancelled")
        assert refusal(payer.ask().text) == "debt_cancelled"

    def test_cannot_be_paid_twice(self, payer: Payer) -> None:
        payer.pay()
        assert refusal(payer.ask().text) == "debt_paid"

    def test_belongs_to_its_client_alone(self, payer: Payer) -> None:
        payer.pay()
        assert payer.ask(numcli="006382", montant="12000", saisie="A").status_code == 303

    def test_cannot_be_paid_in_test_when_the_client_is_strict(self, payer: Payer, control: Control) -> None:
        client = control("GET", f"/clients/{NUMCLI}")
        client["options"]["test_debts"] = False
        control("PUT", f"/clients/{NUMCLI}", client)
        assert refusal(payer.ask().text) == "test_on_debt"
        assert payer.ask(**TEST_DEBT).status_code == 303

    def test_obeys_the_lower_ceiling_of_its_client(self, payer: Payer, control: Control) -> None:
        client = control("GET", f"/clients/{NUMCLI}")
        client["options"]["max_cents"] = 4000
        control("PUT", f"/clients/{NUMCLI}", client)
        assert refusal(payer.ask().text) == "montant_too_large"


class TestActivation:
    def test_opens_production_on_the_next_working_day(self, payer: Payer, control: Control) -> None:
        control("PUT", "/clock", {"now": "2026-04-03T12:00:00+02:00"})  # Friday before Easter Monday
        payer.pay(saisie="X")
        other = {"refdet": "202600000050000001", "montant": "900", "saisie": "A"}
        control(
            "PUT",
            f"/debts/{NUMCLI}/{other['refdet']}",
            {"montant": 900, "taken_in_charge_on": "2026-03-10"},
        )
        control("PUT", "/clock", {"now": "2026-04-06T12:00:00+02:00"})
        assert refusal(payer.ask(**other).text) == "client_not_active"
        control("PUT", "/clock", {"now": "2026-04-07T00:00:00+02:00"})
        assert payer.ask(**other).status_code == 303

    def test_does_not_happen_when_the_payment_is_refused(self, payer: Payer, control: Control) -> None:
        payer.open(saisie="X")
        payer.press("continuer")
        payer.press("refuser")
        assert control("GET", f"/clients/{NUMCLI}")["active_from"] is None


class TestAnything:
    sandbox = create(config=CONFIG, clock=Time(), seed="graine", send_notification=Listener())

    @given(st.dictionaries(st.sampled_from(PARAMETERS), st.text(max_size=40)))
    def test_typed_in_the_address_gives_a_page(self, told: dict[str, str]) -> None:
        answer = self.sandbox.pages.test_client().get("/tpa/paiement.web", query_string=told)
        assert answer.status_code == 200
        assert refusal(answer.text) in RULES

    @given(st.binary(max_size=60))
    def test_posted_gives_a_page(self, body: bytes) -> None:
        answer = self.sandbox.pages.test_client().post(
            "/tpa/paiement.web", data=body, content_type="application/x-www-form-urlencoded"
        )
        assert answer.status_code == 200
