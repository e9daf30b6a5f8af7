"""Every exchange is kept and shown, the newest first, and the oldest go."""

import pytest

from regal_sandbox import Answer, Sandbox, create
from regal_sandbox.tests.cast import CONFIG, LISTENER, NUMCLI, TEST_REFDET, Control, Listener, Payer, Time


def kinds(control: Control, asked: str = "") -> list[str]:
    return [one["kind"] for one in control("GET", f"/journal{asked}")["exchanges"]]


class TestJournal:
    def test_follows_a_payment_from_its_request_to_its_ticket(
        self, sandbox: Sandbox, payer: Payer, control: Control
    ) -> None:
        payer.pay()
        sandbox.deliver_due()
        assert kinds(control) == ["mail_sent", "mail_received", "notification", "decision", "decision", "request"]

    def test_keeps_what_the_payer_decided(self, payer: Payer, control: Control) -> None:
        payer.open()
        for decision in ("continuer", "valider", "refuser", "payer"):
            payer.press(decision)
        told = control("GET", f"/journal?kind=decision&transaction=1&numcli={NUMCLI}")["exchanges"]
        assert [(one["decision"], one["state"], one["obeyed"]) for one in reversed(told)] == [
            ("continuer", "recap", True),
            ("valider", "card", False),
            ("refuser", "card", True),
            ("payer", "refused", False),
        ]

    def test_keeps_what_was_too_long_or_went_astray(self, payer: Payer, control: Control) -> None:
        payer.browser.post("/tpa/paiement.web", data={"objet": "a" * 100_000})
        payer.browser.put("/tpa/paiement.web")
        payer.browser.get("/tpa/transaction/inconnue")
        payer.browser.get("/nulle-part")
        told = control("GET", "/journal")["exchanges"]
        assert [(one["kind"], one["status"], one["method"], one["path"]) for one in told] == [
            ("error", 404, "GET", "/tpa/transaction/inconnue"),
            ("error", 405, "PUT", "/tpa/paiement.web"),
            ("error", 413, "POST", "/tpa/paiement.web"),
        ]

    def test_keeps_the_notifications_that_were_never_sent(self, payer: Payer, control: Control) -> None:
        control("POST", "/faults", {"drop": True, "next": 1}, status=201)
        control("POST", "/faults", {"delay_seconds": 60}, status=201)
        payer.pay()
        payer.pay(exer="9999", refdet=TEST_REFDET)
        control("POST", "/notifications/2/drop")
        by_hand, by_fault = control("GET", "/journal?kind=notification_dropped")["exchanges"]
        assert (by_fault["by"], by_fault["transaction"], by_fault["url"]) == ("fault", 1, LISTENER)
        assert (by_hand["by"], by_hand["transaction"], by_hand["numcli"]) == ("hand", 2, NUMCLI)
        assert "resultrans=P" in by_fault["body"]
        told = control("GET", "/notifications")["notifications"]
        assert [(one["state"], one["dropped_by"]) for one in told] == [("dropped", "fault"), ("dropped", "hand")]

    def test_keeps_what_was_asked_and_the_verdict(self, payer: Payer, control: Control) -> None:
        payer.ask(inconnu="1")
        payer.ask(montant="1")
        refused, accepted = control("GET", "/journal")["exchanges"]
        assert (accepted["rule"], accepted["transaction"], accepted["numcli"]) == (None, 1, NUMCLI)
        assert accepted["method"] == "GET"
        assert accepted["parameters"] == payer.request(inconnu="1")
        assert (refused["rule"], refused["transaction"]) == ("montant_too_small", None)
        assert refused["parameters"]["montant"] == "1"

    def test_keeps_each_try_of_a_notification_with_its_answer(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        control("PUT", "/settings", {"notification_retries": 1, "notification_retry_seconds": 0})
        answers = iter([Answer(status=500, body=b"panne"), Answer(status=200, body=b"merci")])
        listener.reply = lambda request: next(answers)
        payer.pay()
        sandbox.deliver_due()
        second, first = control("GET", "/journal?kind=notification")["exchanges"]
        assert (first["try"], first["status"], first["answer"]) == (1, 500, "panne")
        assert (second["try"], second["status"], second["answer"]) == (2, 200, "merci")
        assert (first["method"], first["url"]) == ("POST", LISTENER)
        assert "resultrans=P" in first["body"]

    def test_is_filtered_by_client_transaction_and_kind(self, sandbox: Sandbox, payer: Payer, control: Control) -> None:
        payer.open()
        payer.pay(numcli="006382", montant="12000", saisie="A")
        sandbox.deliver_due()
        assert kinds(control, f"?numcli={NUMCLI}") == ["request"]
        assert kinds(control, "?transaction=2") == ["mail_sent", "notification", "decision", "decision", "request"]
        assert kinds(control, "?transaction=2&kind=notification") == ["notification"]
        assert len(kinds(control, "?limit=1")) == 1

    def test_keeps_the_newest(self, payer: Payer, control: Control) -> None:
        control("PUT", "/settings", {"journal_size": 3})
        for _ in range(5):
            payer.ask()
        assert [one["transaction"] for one in control("GET", "/journal")["exchanges"]] == [5, 4, 3]

    def test_keeps_no_more_of_a_request_than_is_useful(self, payer: Payer, control: Control) -> None:
        payer.browser.get("/tpa/paiement.web", query_string={"objet": "x" * 5000, **{f"p{n}": "" for n in range(99)}})
        [told] = control("GET", "/journal")["exchanges"]
        assert len(told["parameters"]["objet"]) == 500
        assert len(told["parameters"]) == 30

    @pytest.mark.parametrize("told", [{"journal_size": 0}, {"journal_size": "tout"}])
    def test_has_a_size(self, control: Control, told: object) -> None:
        control("PUT", "/settings", told, status=400)

    def test_notes_a_ticket_that_does_not_leave(self, time: Time) -> None:
        def down(message: object) -> None:
            raise ConnectionRefusedError("down")

        sandbox = create(config=CONFIG, clock=time, send_notification=Listener(), send_mail=down)
        Payer(sandbox.pages.test_client()).pay()
        sandbox.deliver_due()
        [told] = Control(sandbox)("GET", "/journal?kind=mail_sent")["exchanges"]
        assert told["error"] == "ConnectionRefusedError: down"
        assert told["to"] == "leroy@exemple.fr"
        sandbox.close()


class TestSameSeed:
    def play(self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control) -> list[object]:
        """Everything that comes out of one afternoon: pages, notifications, e-mails, statements."""
        control("PUT", "/clock", {"now": "2026-03-16T15:00:00+01:00"})
        control("POST", "/faults", {"page": "unavailable", "next": 1}, status=201)
        control("POST", "/faults", {"reorder": True, "next": 1}, status=201)
        seen: list[object] = [payer.ask().data, payer.pay(), payer.pay(numcli="006382", montant="12000", saisie="A")]
        seen += [payer.ask(montant="1").data, payer.address]
        sandbox.deliver_due()
        seen += [listener.heard, control("GET", "/mails/1"), control("GET", "/mails/2")]
        seen.append(sandbox.control.test_client().get("/statements/006382").data)
        return seen

    def test_and_same_requests_give_the_same_bytes(
        self, sandbox: Sandbox, payer: Payer, listener: Listener, control: Control
    ) -> None:
        first = self.play(sandbox, payer, listener, control)
        listener.heard = []
        sandbox.reset()
        assert self.play(sandbox, payer, listener, control) == first
        listener.heard = []
        sandbox.reset(seed="autre")
        assert self.play(sandbox, payer, listener, control) != first
