"""The payment ticket by e-mail."""

from email.message import EmailMessage

from regal_sandbox import Sandbox, create
from regal_sandbox.mail import MAX_TRIES
from regal_sandbox.tests.cast import CONFIG, NUMCLI, Control, Listener, Payer, Time


class TestTicket:
    def test_goes_to_the_payer(self, sandbox: Sandbox, payer: Payer, control: Control) -> None:
        payer.pay()
        sandbox.deliver_due()
        [mail] = control("GET", "/mails")["mails"]
        assert mail["recipients"] == ["leroy@exemple.fr"]
        assert mail["subject"] == "Bac à sable – Ticket de paiement – 48,50\u00a0€"
        text = control("GET", f"/mails/{mail['id']}")["text"]
        for told in ("2026-00000042-000001", "48,50\u00a0€", "16/03/2026", "aucune carte n’a été débitée"):
            assert told in text

    def test_goes_to_the_comptable_too_when_he_is_named(self, sandbox: Sandbox, payer: Payer, control: Control) -> None:
        control("PUT", f"/clients/{NUMCLI}", {"options": {"ticket_copy_to": "comptable@exemple.fr"}})
        payer.pay()
        sandbox.deliver_due()
        assert control("GET", "/mails?recipient=comptable@exemple.fr")["mails"]

    def test_does_not_follow_a_refusal(self, sandbox: Sandbox, payer: Payer, control: Control) -> None:
        payer.open()
        payer.press("abandonner")
        sandbox.deliver_due()
        assert control("GET", "/mails") == {"mails": []}

    def test_is_tried_again_until_the_mail_server_is_back(self) -> None:
        time, sent, down = Time(), list[EmailMessage](), [True]

        def send(message: EmailMessage) -> None:
            if down:
                raise ConnectionRefusedError
            sent.append(message)

        sandbox = create(config=CONFIG, clock=time, send_notification=Listener(), send_mail=send)
        Payer(sandbox.pages.test_client()).pay()
        sandbox.deliver_due()
        down.clear()
        sandbox.deliver_due()
        assert sent == []  # not before a second has passed
        time.pass_by(seconds=1)
        sandbox.deliver_due()
        assert [one["To"] for one in sent] == ["leroy@exemple.fr"]

    def test_is_given_up_after_a_while(self) -> None:
        time, tried = Time(), []

        def send(message: EmailMessage) -> None:
            tried.append(message)
            raise ConnectionRefusedError

        sandbox = create(config=CONFIG, clock=time, send_notification=Listener(), send_mail=send)
        Payer(sandbox.pages.test_client()).pay()
        for _ in range(20):
            sandbox.deliver_due()
            time.pass_by(hours=1)
        assert len(tried) == MAX_TRIES
        [ticket] = Control(sandbox)("GET", "/transactions/1")["tickets"]
        assert ticket["state"] == "failed"
        assert "ConnectionRefusedError" in ticket["error"]
