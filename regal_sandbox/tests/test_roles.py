"""Rôles: bills of periodic services, known to PayFiP like titres, with references of their own."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal_sandbox import Sandbox
from regal_sandbox.references import TEST_REFDET_ROLE, read_role
from regal_sandbox.tests.cast import Control, Listener, Payer
from regal_sandbox.tests.test_payment_requests import refusal

ROLE_CLIENT = "022222"
BILL = "2026CA0000123"
ASKED = {"numcli": ROLE_CLIENT, "refdet": BILL, "exer": "2026", "montant": "6120", "saisie": "A"}


@pytest.fixture(autouse=True)
def bill(control: Control) -> None:
    change(control)


def change(control: Control, **changed: Any) -> None:
    told = {"montant": 6120, "taken_in_charge_on": "2026-03-10", "label": "Eau, premier semestre"}
    control("PUT", f"/debts/{ROLE_CLIENT}/{BILL}", told | changed)


class TestReference:
    @pytest.mark.parametrize("refdet", ["2021CA0001", "2021CA001", "2026ZZ99" + "1" * 13, "2026002000"])
    def test_is_exercice_code_periode_and_one_to_thirteen_digits(self, refdet: str) -> None:
        assert read_role(refdet) is not None

    @pytest.mark.parametrize("refdet", ["2021CA00", "2021ca0001", "2021CAAA01", "202ACA0001", "2026ZZ99" + "1" * 14])
    def test_is_nothing_else(self, refdet: str) -> None:
        assert read_role(refdet) is None

    @given(st.from_regex(r"[0-9]{4}[A-Z0-9]{2}[0-9]{2}[0-9]{1,13}", fullmatch=True))
    def test_is_printed_in_four_blocks_without_losing_a_sign(self, refdet: str) -> None:
        reference = read_role(refdet)
        assert reference is not None
        assert reference.printed.replace("-", "") == refdet
        assert re.fullmatch(r"[^-]{4}-[^-]{2}-[^-]{2}-[^-]{1,13}", reference.printed)


class TestRole:
    def test_is_paid_notified_and_told_on_the_ticket(
        self, sandbox: Sandbox, payer: Payer, control: Control, listener: Listener
    ) -> None:
        page = payer.pay(**ASKED)
        assert "2026-CA-00-00123" in page
        sandbox.deliver_due()
        assert (listener.bodies[0]["refdet"], listener.bodies[0]["resultrans"]) == (BILL, "P")
        assert control("GET", f"/debts/{ROLE_CLIENT}/{BILL}")["state"] == "paid"
        assert refusal(payer.ask(**ASKED).text) == "debt_paid"

    @pytest.mark.parametrize("refdet", ["2026CA00123", "2026CA00000123", "2026CA00000000000123"])
    def test_is_found_under_its_exact_reference_only(self, payer: Payer, refdet: str) -> None:
        """Zeros are neither added nor taken away."""
        assert refusal(payer.ask(**ASKED | {"refdet": refdet}).text) == "debt_unknown"

    @pytest.mark.parametrize("refdet", ["2026-CA-00-00123", "2026ca0000123", "2026CA00", "FACTURE2026"])
    def test_needs_the_shape_of_a_role(self, payer: Payer, refdet: str) -> None:
        assert refusal(payer.ask(**ASKED | {"refdet": refdet}).text) == "refdet_invalid"

    @pytest.mark.parametrize(
        ("rule", "changed"),
        [
            ("debt_not_visible", {"taken_in_charge_on": "2026-03-16"}),
            ("debt_not_amicable", {"amicable_until": "2026-03-15"}),
            ("debt_cancelled", {"state": "cancelled"}),
            ("debt_paid", {"state": "paid"}),
            ("montant_differs", {"montant": 6121}),
        ],
    )
    def test_obeys_the_rules_of_titres(self, payer: Payer, control: Control, rule: str, changed: Any) -> None:
        change(control, **changed)
        assert refusal(payer.ask(**ASKED).text) == rule

    def test_needs_its_exercice(self, payer: Payer) -> None:
        assert refusal(payer.ask(**ASKED | {"exer": None}).text) == "exer_invalid"
        assert refusal(payer.ask(**ASKED | {"exer": "2025"}).text) == "debt_unknown"

    def test_may_be_one_of_several_instalments_of_a_bill(self, payer: Payer, control: Control) -> None:
        """Each instalment is a debt of its own."""
        second = BILL[:-1] + "4"
        control("PUT", f"/debts/{ROLE_CLIENT}/{second}", {"montant": 6120, "taken_in_charge_on": "2026-03-10"})
        payer.pay(**ASKED)
        assert "Paiement accepté" in payer.pay(**ASKED | {"refdet": second})


class TestReservedReference:
    ASKED = {"numcli": ROLE_CLIENT, "refdet": TEST_REFDET_ROLE, "exer": "9999", "montant": "777", "saisie": "T"}

    def test_is_payable_in_test_again_and_again(self, payer: Payer) -> None:
        for _ in range(2):
            assert "9999-99-99-0000000000000" in payer.pay(**self.ASKED)

    @pytest.mark.parametrize("changed", [{"saisie": "X"}, {"saisie": "A"}, {"exer": "2026"}])
    def test_is_reserved_for_tests(self, payer: Payer, changed: dict[str, str]) -> None:
        assert refusal(payer.ask(**self.ASKED | changed).text) == "debt_unknown"

    def test_is_not_that_of_titres(self, payer: Payer) -> None:
        assert refusal(payer.ask(refdet=TEST_REFDET_ROLE, exer="9999").text) == "refdet_invalid"
        assert refusal(payer.ask(**self.ASKED | {"refdet": "999900000000999999"}).text) == "debt_unknown"

    def test_has_a_cut_of_eighteen_digits_unless_told_otherwise(self, payer: Payer, control: Control) -> None:
        cut = self.ASKED | {"refdet": "999999990000000000"}
        assert payer.ask(**cut).status_code == 303
        control("PUT", "/settings", {"short_test_role_refdet": False})
        assert refusal(payer.ask(**cut).text) == "debt_unknown"
