"""The home page of the pages port: what somebody may try at once."""

import re
from datetime import date
from typing import Any

import pytest

from regal_sandbox import create, load_config
from regal_sandbox.tests.cast import NUMCLI, REFDET, Control, Listener, Payer, Time
from regal_sandbox.tests.test_payment_requests import refusal

PRINTED = "2026-00000042-000001"


class TestDebts:
    def listed(self, payer: Payer) -> list[str]:
        rows = payer.browser.get("/").text.split("Dettes payables aujourd’hui</h2>")[1].split("<tr>")[2:]
        return [row.split("<td>")[1].split("<")[0] for row in rows if PRINTED in row]

    def test_payable_are_listed(self, payer: Payer) -> None:
        assert self.listed(payer) == ["006382", NUMCLI]

    @pytest.mark.parametrize(
        ("path", "told"),
        [
            (f"/clients/{NUMCLI}", {"phase": "closed"}),
            (f"/clients/{NUMCLI}", {"kind": "regie"}),
            (f"/clients/{NUMCLI}", {"options": {"max_cents": 4849}}),
            (f"/clients/{NUMCLI}", {"options": {"card_max_cents": 4849}}),
            (f"/debts/{NUMCLI}/{REFDET}", {"montant": 4850, "taken_in_charge_on": "2026-03-16"}),
            (f"/debts/{NUMCLI}/{REFDET}", {"montant": 4850, "taken_in_charge_on": "2026-03-10", "state": "paid"}),
            (f"/debts/123456/{REFDET}", {"montant": 4850, "taken_in_charge_on": "2026-03-10", "state": "paid"}),
        ],
    )
    def test_that_no_request_could_pay_are_not(self, payer: Payer, control: Control, path: str, told: Any) -> None:
        control("PUT", path, told)
        assert self.listed(payer) == (["006382", NUMCLI] if "123456" in path else ["006382"])


class TestClients:
    def test_are_told_in_words(self, payer: Payer) -> None:
        table = (
            payer.browser.get("/").text.split("Collectivités connues</h2>")[1].split("<table>")[1].split("</table>")[0]
        )
        for word in ("Titres", "Rôles", "Régie", "Test", "Production", "Fermée"):
            assert f"<td>{word}</td>" in table
        assert not re.search(r"\b(titre|role|regie|active|closed)\b", table)


class TestWithoutConfiguration:
    """Every kind of client and of debt is there to be tried."""

    def test_there_is_a_client_of_each_kind_and_one_with_prelevement(self) -> None:
        clients = load_config().clients
        assert {client.kind for client in clients} == {"titre", "role", "regie"}
        assert {client.phase for client in clients} == {"test", "active"}
        assert [client.numcli for client in clients if client.direct_debit] == ["090911", "090912"]
        assert [client.numcli for client in clients if client.options.web_service] == ["090912"]

    def test_there_is_a_debt_behind_each_rule_about_debts(self, time: Time) -> None:
        today = date(2026, 3, 16)
        obstacles = {debt.refdet: debt.obstacle(today) for debt in load_config(today=today).debts}
        assert set(obstacles.values()) == {None, "debt_not_visible", "debt_paid", "debt_not_amicable"}
        [fresh] = [refdet for refdet, rule in obstacles.items() if rule == "debt_not_visible"]
        sandbox = create(clock=time, send_notification=Listener())
        payer = Payer(sandbox.pages.test_client())
        asked = {"numcli": "090909", "refdet": fresh, "montant": "3120"}
        assert refusal(payer.ask(**asked).text) == "debt_not_visible"
        time.pass_by(days=1)
        assert payer.ask(**asked).status_code == 303
        sandbox.close()
