"""The register of gateways, and the claims a message makes."""

import dataclasses
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from regal.gateways import registry
from regal.gateways.base import AccountConfig, Claims, DebtKind, Environment
from regal.gateways.payfip_ws.gateway import PayfipWs
from regal.lib.money import Money

CONFIG = AccountConfig(
    service_url="https://gateway.invalid/tpa/",
    identifier="099042",
    debt_kind=DebtKind.TITRE,
    environment=Environment.TEST,
)


def no_connection() -> httpx.Client:
    raise AssertionError("this gateway speaks to nobody")


def no_clock() -> datetime:
    raise AssertionError("nothing is dated before it is sent")


class TestRegistry:
    def test_builds_a_gateway_by_its_name(self) -> None:
        gateway = registry.build("payfip_url", CONFIG, no_connection, no_clock)
        assert gateway.name == "payfip_url"
        assert gateway.account_identifier == "099042"

    def test_says_when_there_is_no_such_gateway(self) -> None:
        with pytest.raises(registry.UnknownGateway):
            registry.build("pigeon", CONFIG, no_connection, no_clock)

    def test_connects_the_gateways_that_ask_and_no_other(self) -> None:
        nobody = httpx.Client()
        regie = dataclasses.replace(CONFIG, debt_kind=DebtKind.REGIE)
        gateway = registry.build("payfip_ws", regie, lambda: nobody, no_clock)
        assert isinstance(gateway, PayfipWs)
        assert gateway.http is nobody

    def test_holds_every_gateway_that_has_a_folder(self) -> None:
        folders = {file.parent.name for file in Path(registry.__file__).parent.glob("*/gateway.py")}
        assert set(registry.GATEWAYS) == folders


class TestClaims:
    def claims(self, amount: int | None = 3840, exercice: int | None = 2026, numcli: str | None = "099042") -> Claims:
        return Claims(
            account_identifier=numcli,
            debt_reference="202600000412000001",
            exercice=exercice,
            amount=None if amount is None else Money(amount),
            environment=Environment.TEST,
        )

    def test_agree_when_all_is_equal(self) -> None:
        assert self.claims().differences_from(self.claims()) == ()

    def test_name_each_thing_that_differs(self) -> None:
        other = self.claims(amount=3841, exercice=2025, numcli="099077")
        assert other.differences_from(self.claims()) == ("account_identifier", "amount")

    def test_do_not_differ_by_the_exercice_but_tell_it(self) -> None:
        other = self.claims(exercice=2025)
        assert other.differences_from(self.claims()) == ()
        assert other.is_of_another_exercice(self.claims())
        assert not self.claims().is_of_another_exercice(self.claims())
        assert not self.claims(exercice=None).is_of_another_exercice(self.claims())

    def test_do_not_differ_by_what_is_left_unsaid(self) -> None:
        assert self.claims(amount=None, exercice=None).differences_from(self.claims()) == ()
        assert self.claims().differences_from(self.claims(amount=None, exercice=None)) == ()
