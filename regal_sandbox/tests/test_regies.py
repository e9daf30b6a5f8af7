"""Régies: PayFiP knows nothing of their debts, and accepts any well-formed reference and amount."""

import pytest

from regal_sandbox.tests.cast import Control, Payer
from regal_sandbox.tests.test_payment_requests import refusal

ASKED = {"numcli": "033333", "refdet": "FACT2026042", "exer": None, "montant": "500", "saisie": "A"}
STRICT = {"kind": "regie", "phase": "active", "options": {"refuse_paid_refdet": True}}


class TestRegie:
    @pytest.mark.parametrize("montant", ["100", "12345", "9999999"])
    def test_takes_any_amount_within_bounds(self, payer: Payer, montant: str) -> None:
        assert "Paiement accepté" in payer.pay(**ASKED | {"montant": montant})

    @pytest.mark.parametrize("exer", ["2026", "1999", None])
    def test_may_name_an_exercice_or_not(self, payer: Payer, exer: str | None) -> None:
        assert payer.ask(**ASKED | {"exer": exer}).status_code == 303

    def test_takes_a_reference_already_paid(self, payer: Payer) -> None:
        payer.pay(**ASKED)
        assert "Paiement accepté" in payer.pay(**ASKED)

    def test_shows_its_reference_as_it_came(self, payer: Payer) -> None:
        payer.open(**ASKED | {"refdet": "202600000042000001"})
        assert "202600000042000001" in payer.see()


class TestStrictRegie:
    @pytest.fixture(autouse=True)
    def strict(self, control: Control) -> None:
        control("PUT", "/clients/033333", STRICT)

    def test_refuses_a_reference_already_paid(self, payer: Payer) -> None:
        payer.pay(**ASKED)
        assert refusal(payer.ask(**ASKED).text) == "debt_paid"
        assert payer.ask(**ASKED | {"refdet": "FACT2026043"}).status_code == 303

    def test_refuses_it_at_the_moment_of_paying_too(self, payer: Payer) -> None:
        other = Payer(payer.browser)
        other.open(**ASKED)
        other.press("continuer")
        payer.pay(**ASKED)
        assert refusal(other.press("payer")) == "debt_paid"

    @pytest.mark.parametrize("first", ["refuser", "abandonner"])
    def test_takes_it_after_a_refusal_or_an_abandonment(self, payer: Payer, first: str) -> None:
        payer.open(**ASKED)
        payer.press("continuer")
        payer.press(first)
        assert payer.ask(**ASKED).status_code == 303

    def test_counts_neither_tests_nor_for_tests(self, payer: Payer) -> None:
        payer.pay(**ASKED | {"saisie": "T"})
        assert "Paiement accepté" in payer.pay(**ASKED)
        assert "Paiement accepté" in payer.pay(**ASKED | {"saisie": "T"})
