"""The mailbox shows what anybody sent, without letting it act."""

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal_sandbox import Sandbox, create
from regal_sandbox.mailbox import store_mail
from regal_sandbox.mailbox_pages import with_links
from regal_sandbox.tests.cast import CONFIG, Control, Listener, Time

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def receive(sandbox: Sandbox, message: EmailMessage | bytes) -> None:
    raw = message if isinstance(message, bytes) else message.as_bytes()
    store_mail(sandbox.world, sender="regal@exemple.fr", recipients=["leroy@exemple.fr"], raw=raw)


def letter(*, subject: str = "Bonjour", text: str = "Texte", html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "regal@exemple.fr"
    message["To"] = "leroy@exemple.fr"
    message["Subject"] = subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


class TestMailbox:
    def test_is_empty_at_first(self, sandbox: Sandbox) -> None:
        assert "La boîte est vide" in sandbox.pages.test_client().get("/boite/").text

    def test_lists_messages_the_newest_first(self, sandbox: Sandbox) -> None:
        receive(sandbox, letter(subject="Premier"))
        receive(sandbox, letter(subject="Second"))
        page = sandbox.pages.test_client().get("/boite/").text
        assert page.index("Second") < page.index("Premier")

    def test_escapes_text_subject_and_sender(self, sandbox: Sandbox) -> None:
        receive(sandbox, letter(subject=EVIL, text=EVIL))
        browser = sandbox.pages.test_client()
        for page in (browser.get("/boite/").text, browser.get("/boite/1/").text):
            assert "<script>" not in page
            assert "<img" not in page

    def test_cages_html(self, sandbox: Sandbox) -> None:
        receive(sandbox, letter(html=f"<p>Bien</p>{EVIL}"))
        browser = sandbox.pages.test_client()
        page = browser.get("/boite/1/").text
        assert "<script>" not in page
        assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
        answer = browser.get("/boite/1/html")
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox ")
        assert "allow-scripts" not in policy
        assert "default-src 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_gives_attachments_to_be_kept_never_shown(self, sandbox: Sandbox) -> None:
        message = letter()
        message.add_attachment(b"<h1>", maintype="text", subtype="html", filename="../quittance.html")
        receive(sandbox, message)
        answer = sandbox.pages.test_client().get("/boite/1/piece/1")
        assert answer.data == b"<h1>"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert "/" not in answer.headers["Content-Disposition"]
        assert answer.content_type == "application/octet-stream"
        assert sandbox.pages.test_client().get("/boite/1/piece/2").status_code == 404
        assert sandbox.pages.test_client().get("/boite/1/piece/0").status_code == 404

    def test_shows_the_source_as_text(self, sandbox: Sandbox) -> None:
        receive(sandbox, letter())
        answer = sandbox.pages.test_client().get("/boite/1/source")
        assert answer.content_type == "text/plain; charset=utf-8"

    @pytest.mark.parametrize("page", ["/boite/9/", "/boite/9/html", "/boite/9/source", "/boite/9/piece/1"])
    def test_does_not_know_a_message_it_did_not_receive(self, sandbox: Sandbox, page: str) -> None:
        assert sandbox.pages.test_client().get(page).status_code == 404

    def test_is_emptied_through_the_control_port(self, sandbox: Sandbox, control: Control) -> None:
        receive(sandbox, letter())
        control("DELETE", "/mails")
        assert control("GET", "/mails") == {"mails": []}

    def test_reads_every_charset_it_can_and_never_fails(self, sandbox: Sandbox) -> None:
        receive(sandbox, b"Subject: =?latin1?Q?=E9t=E9?=\r\nContent-Type: text/plain; charset=inconnu\r\n\r\n\xe9")
        page = sandbox.pages.test_client().get("/boite/1/")
        assert page.status_code == 200
        assert "été" in page.text


class TestAnyMessage:
    sandbox = create(config=CONFIG, clock=Time(), send_notification=Listener())

    @given(st.binary(max_size=300))
    def test_gives_a_page(self, raw: bytes) -> None:
        Control(self.sandbox)("DELETE", "/mails")
        receive(self.sandbox, raw)
        control = Control(self.sandbox)
        [mail] = control("GET", "/mails")["mails"]
        control("GET", f"/mails/{mail['id']}")
        browser = self.sandbox.pages.test_client()
        assert browser.get("/boite/").status_code == 200
        assert browser.get(f"/boite/{mail['id']}/").status_code == 200
        assert browser.get(f"/boite/{mail['id']}/html").status_code == 200


class TestLinks:
    def test_lead_where_the_text_says(self) -> None:
        shown = with_links("Voir https://exemple.fr/a?b=1&c=2. Merci")
        assert '<a href="https://exemple.fr/a?b=1&amp;c=2" rel="noreferrer">' in shown
        assert shown.endswith("</a>. Merci")

    @pytest.mark.parametrize("text", ["javascript:alert(1)", "ftp://exemple.fr", "data:text/html,x"])
    def test_are_made_of_web_addresses_only(self, text: str) -> None:
        assert "<a" not in with_links(text)

    @given(st.text())
    def test_never_let_markup_through(self, text: str) -> None:
        shown = with_links(f"{text} https://exemple.fr/{text}")
        assert shown.count("<") == 2 * shown.count('<a href="http')
