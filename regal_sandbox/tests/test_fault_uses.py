"""How many faults there really were; and the fault that turns e-mails away."""

import asyncio

import pytest
from aiosmtpd.smtp import Envelope

from regal_sandbox import Sandbox
from regal_sandbox.smtp_sink import SinkHandler
from regal_sandbox.tests.cast import NUMCLI, Control, Listener, Payer
from regal_sandbox.tests.shop import PayboxPayer


def bring(sandbox: Sandbox, recipient: str) -> str:
    """What the mailbox answers to an e-mail."""
    envelope = Envelope()
    envelope.mail_from, envelope.rcpt_tos = "regal@exemple.fr", [recipient]
    envelope.original_content = b"Subject: Ticket\r\n\r\nBonjour.\r\n"
    handler = SinkHandler(sandbox.world)
    return asyncio.run(handler.handle_DATA(None, None, envelope))  # type: ignore[arg-type]


class TestUses:
    def test_are_counted_when_something_is_disturbed_not_when_a_rule_is_written(
        self, sandbox: Sandbox, payer: Payer, control: Control
    ) -> None:
        rule = control("POST", "/faults", {"drop": True, "next": 1, "numcli": NUMCLI}, status=201)["id"]
        assert control("GET", "/faults/happened") == {"count": 0, "happened": []}
        payer.pay()
        told = control("GET", "/faults/happened")
        assert told["count"] == 1
        assert (told["happened"][0]["rule"]["id"], told["happened"][0]["rule"]["drop"]) == (rule, True)
        assert control("GET", "/faults") == {"faults": []}  # the rule is gone, what it did stays

    def test_of_every_kind_are_counted(
        self, sandbox: Sandbox, payer: Payer, card_payer: PayboxPayer, control: Control
    ) -> None:
        for rule in ({"drop": True}, {"page": "slow", "seconds": 0.01, "next": 1}, {"ipn": "lost"}):
            control("POST", "/faults", rule, status=201)
        control("POST", "/faults", {"mail": "unavailable", "next": 1}, status=201)
        payer.pay()
        card_payer.pay()
        bring(sandbox, "payeur@exemple.fr")
        told = control("GET", "/faults/happened")["happened"]
        assert {word for one in told for word in ("drop", "page", "ipn", "mail") if one["rule"].get(word)} == {
            "drop",
            "page",
            "ipn",
            "mail",
        }

    def test_of_one_rule_can_be_asked(self, payer: Payer, control: Control) -> None:
        control("POST", "/faults", {"drop": True}, status=201)
        other = control("POST", "/faults", {"duplicate": 2}, status=201)["id"]
        payer.pay()
        told = control("GET", f"/faults/happened?rule={other}&limit=5")
        assert told["count"] == 2
        assert [one["rule"]["id"] for one in told["happened"]] == [other]

    @pytest.mark.parametrize("asked", ["limit=0", "limit=99999", "rule=x"])
    def test_are_asked_in_numbers(self, control: Control, asked: str) -> None:
        control("GET", f"/faults/happened?{asked}", status=400)

    def test_are_forgotten_by_a_reset(self, payer: Payer, control: Control) -> None:
        control("POST", "/faults", {"drop": True}, status=201)
        payer.pay()
        control("POST", "/reset")
        assert control("GET", "/faults/happened")["count"] == 0


class TestMails:
    def test_are_turned_away_as_often_as_was_asked_then_kept(self, sandbox: Sandbox, control: Control) -> None:
        control("POST", "/faults", {"mail": "unavailable", "next": 2}, status=201)
        assert [bring(sandbox, "payeur@exemple.fr")[:3] for _ in range(3)] == ["451", "451", "250"]
        assert len(control("GET", "/mails")["mails"]) == 1

    def test_of_others_pass(self, sandbox: Sandbox, control: Control) -> None:
        rule = {"mail": "unavailable", "recipient": "payeur@exemple.fr"}
        control("POST", "/faults", rule, status=201)
        assert bring(sandbox, "autre@exemple.fr").startswith("250")
        assert bring(sandbox, "payeur@exemple.fr").startswith("451")
        control("DELETE", "/faults")
        control("POST", "/faults", {"mail": "unavailable", "sender": "autre@exemple.fr"}, status=201)
        assert bring(sandbox, "payeur@exemple.fr").startswith("250")

    def test_know_one_fault_only(self, control: Control) -> None:
        control("POST", "/faults", {"mail": "burnt"}, status=400)


def test_a_call_of_paybox_comes_as_many_times_more_as_asked(
    sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, control: Control
) -> None:
    control("POST", "/faults", {"ipn": "twice", "copies": 49}, status=201)
    card_payer.pay()
    sandbox.deliver_due()
    assert len(listener.heard) == 50
    assert len({one.url for one in listener.heard}) == 1
