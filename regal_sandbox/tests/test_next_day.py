"""« Passer au prochain jour ouvré »: in a demonstration, tomorrow at once."""

import re
from typing import Any

import pytest

from regal_sandbox.tests.cast import NUMCLI, REFDET, Control, Payer, Time
from regal_sandbox.tests.test_payment_requests import refusal

BUTTON = "Passer au prochain jour ouvré"


@pytest.fixture
def demonstration(control: Control) -> None:
    control("PUT", "/settings", {"next_day_button": True})


def issue_today(control: Control, day: str = "2026-03-16") -> None:
    control("PUT", f"/debts/{NUMCLI}/{REFDET}", {"montant": 4850, "taken_in_charge_on": day})


def action(page: str) -> str:
    found = re.search(r'action="(/tpa/refus/[^"]+)"', page)
    assert found is not None
    return found[1]


def now(control: Control) -> Any:
    return control("GET", "/clock")["now"]


@pytest.mark.usefixtures("demonstration")
class TestButton:
    def test_makes_today_s_notice_payable(self, payer: Payer, control: Control) -> None:
        issue_today(control)
        page = payer.ask().text
        assert BUTTON in page
        answer = payer.browser.post(action(page), follow_redirects=True)
        assert "Vérifiez votre paiement" in answer.text
        assert now(control) == "2026-03-17T11:00:00.000000+00:00"
        assert control("GET", "/transactions/1")["urlcl"] == payer.request()["urlcl"]

    def test_passes_over_the_week_end_and_the_change_of_hour(self, payer: Payer, control: Control, time: Time) -> None:
        time.pass_by(days=11)  # Friday 27 March, 12:00 in Paris; summer time begins on Sunday
        issue_today(control, "2026-03-27")
        payer.browser.post(action(payer.ask().text))
        assert now(control) == "2026-03-30T10:00:00.000000+00:00"  # Monday, 12:00 in Paris

    def test_opens_the_client_whose_activation_payment_succeeded(self, payer: Payer, control: Control) -> None:
        payer.pay(saisie="X")
        issue_today(control, "2026-03-10")
        page = payer.ask(saisie="A").text
        assert refusal(page) == "client_not_active"
        assert "ouvre le 17/03/2026" in page
        assert "Vérifiez votre paiement" in payer.browser.post(action(page), follow_redirects=True).text

    def test_pressed_twice_moves_the_clock_once(self, payer: Payer, control: Control) -> None:
        issue_today(control)
        address = action(payer.ask().text)
        for _ in range(2):
            payer.browser.post(address)
        assert now(control).startswith("2026-03-17")

    def test_leads_back_to_the_portal_when_the_payer_came_from_there(self, payer: Payer, control: Control) -> None:
        told = {"montant": 12000, "taken_in_charge_on": "2026-03-16"}
        control("PUT", f"/debts/006382/{REFDET}", told)
        typed = {"numcli": "006382", "reference": REFDET, "montant": "120", "mel": "leroy@exemple.fr"}
        page = payer.browser.post("/tpa/accueilportail.web", data=typed).text
        assert BUTTON in page
        assert payer.browser.post(action(page)).headers["Location"] == "/tpa/accueilportail.web"
        assert now(control).startswith("2026-03-17")

    def test_is_not_there_when_a_day_more_would_change_nothing(self, payer: Payer) -> None:
        for changed in ({"montant": "4851"}, {"saisie": "A"}, {"refdet": "202600000043000001"}):
            assert BUTTON not in payer.ask(**changed).text

    @pytest.mark.parametrize(
        "changed", [{"taken_in_charge_on": "2026-03-17"}, {"state": "cancelled"}, {"amicable_until": "2026-03-16"}]
    )
    def test_is_not_there_when_one_day_is_not_enough(
        self, payer: Payer, control: Control, changed: dict[str, str]
    ) -> None:
        told = {"montant": 4850, "taken_in_charge_on": "2026-03-16"}
        control("PUT", f"/debts/{NUMCLI}/{REFDET}", told | changed)
        page = payer.ask().text
        assert refusal(page) == "debt_not_visible"
        assert BUTTON not in page

    def test_is_not_there_when_the_request_has_another_mistake(self, payer: Payer, control: Control) -> None:
        issue_today(control)
        assert BUTTON not in payer.ask(montant="4851").text

    def test_cannot_be_pressed_by_who_does_not_see_it(self, payer: Payer, control: Control) -> None:
        issue_today(control)
        payer.ask()
        assert payer.browser.post("/tpa/refus/1/jour-suivant/00000000000000000000000000000000").status_code == 404
        assert payer.browser.post("/tpa/refus/2/jour-suivant/é").status_code == 404
        assert now(control).startswith("2026-03-16")


class TestInEarnest:
    def test_there_is_no_button(self, payer: Payer, control: Control) -> None:
        issue_today(control)
        assert BUTTON not in payer.ask().text

    def test_an_old_button_does_nothing(self, payer: Payer, control: Control, demonstration: None) -> None:
        issue_today(control)
        address = action(payer.ask().text)
        control("PUT", "/settings", {"next_day_button": False})
        assert payer.browser.post(address).status_code == 404
        assert now(control).startswith("2026-03-16")

    def test_the_day_from_which_a_debt_is_payable_is_told_all_the_same(self, payer: Payer, control: Control) -> None:
        issue_today(control, "2026-05-04")
        assert "payable à partir du 05/05/2026" in payer.ask().text

    def test_the_day_on_which_an_activation_opens_is_told_all_the_same(self, payer: Payer) -> None:
        payer.pay(saisie="X")
        assert "ouvre le 17/03/2026" in payer.ask(saisie="A").text
