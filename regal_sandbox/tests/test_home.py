"""The home page of the pages port: what somebody may try at once."""

from typing import Any

import pytest

from regal_sandbox.tests.cast import NUMCLI, REFDET, Control, Payer

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
