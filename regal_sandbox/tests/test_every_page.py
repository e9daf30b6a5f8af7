"""Every page, and every message, says that it belongs to a sandbox; and each stays plain: no script, no outside.

Left apart: a message shown as it was received (the mailbox's page around it says so), and the health page, made for
programs.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from regal_sandbox import Sandbox, create
from regal_sandbox.tests.cast import CONFIG, NUMCLI, REFDET, Control, Listener, Payer, Time
from regal_sandbox.tests.shop import PayboxPayer, signed

PACKAGE = Path(__file__).parents[1]
PORTAL = "/tpa/accueilportail.web"


def walk(sandbox: Sandbox, time: Time) -> Iterator[tuple[str, str]]:
    """(template, page) of everything the pages port shows."""
    control, payer = Control(sandbox), Payer(sandbox.pages.test_client())
    control("PUT", "/settings", {"three_d_secure": True, "next_day_button": True})
    control("PUT", f"/clients/{NUMCLI}", {"direct_debit": {}})
    get = payer.browser.get
    yield "home.html", get("/").text
    yield "missing.html", get("/nulle-part").text
    yield "missing.html", payer.browser.put("/").text
    yield "missing.html", payer.browser.post("/tpa/paiement.web", data={"objet": "a" * 100_000}).text
    yield "missing.html", get("/tpa/transaction/inconnue").text
    yield "error.html", payer.ask(montant="1").text
    yield "portal.html", get(PORTAL).text
    yield "portal.html", payer.browser.post(PORTAL, data={"numcli": "1"}).text

    payer.open()
    yield "recap.html", payer.see()
    yield "means.html", payer.press("continuer")
    yield "card.html", payer.press("carte")
    yield "secure.html", payer.press("payer")
    yield "refused.html", payer.press("refuser")
    payer.open()
    yield "abandoned.html", payer.press("abandonner")
    payer.open()
    time.pass_by(days=1)
    yield "stopped.html", payer.see()
    payer.open()
    payer.press("continuer")
    yield "sign_in.html", payer.press("prelevement")
    yield "mandate.html", payer.press("identifier")
    yield "ticket.html", payer.press("payer")
    control("PUT", f"/debts/{NUMCLI}/{REFDET}", {"montant": 4850, "taken_in_charge_on": "2026-03-17"})
    yield "error.html", payer.ask().text  # with its button

    yield "web_service.html", get("/tpa/services/securite").text
    payer.enter(payer.create())
    payer.press("continuer")
    yield "transfer.html", payer.press("virement")
    yield "refused.html", payer.press("refuser")  # with the way back to the site
    yield "error.html", get("/tpa/paiementws.web?idop=x").text

    card_payer = PayboxPayer(payer.browser)
    yield "paybox/error.html", card_payer.ask(signed(PBX_TOTAL="1")).text
    yield "paybox/arrival.html", card_payer.ask().text
    yield "paybox/choice.html", card_payer.open("1999888-43-107975626", PBX_TYPECARTE=None)
    yield "paybox/card.html", card_payer.press("CB")
    yield "paybox/card.html", card_payer.press("refuser")
    yield "paybox/secure.html", card_payer.press("payer")
    yield "paybox/end.html", card_payer.press("valider")
    for decision in ("attendre", "abandonner"):
        card_payer.open(PBX_CMD=decision, PBX_ANNULE=None)
        yield "paybox/end.html", card_payer.press(decision)
    card_payer.open(PBX_CMD="trop-tard")
    time.pass_by(seconds=900)
    yield "paybox/end.html", card_payer.see()

    yield "mailbox.html", get("/boite/").text
    sandbox.deliver_due()
    yield "mailbox.html", get("/boite/").text
    yield "mail.html", get("/boite/1/").text


@pytest.fixture(scope="module")
def pages() -> list[tuple[str, str]]:
    time = Time()
    return list(walk(create(config=CONFIG, clock=time, seed="graine", send_notification=Listener()), time))


class TestEveryPage:
    def test_is_walked_here(self, pages: list[tuple[str, str]]) -> None:
        folder = PACKAGE / "templates"
        known = {file.name for file in folder.glob("*.html")} - {"base.html"}
        known |= {f"paybox/{file.name}" for file in (folder / "paybox").glob("*.html")}
        macros = {"steps.html", "refusal.html", "paybox/base.html", "paybox/macros.html"}
        assert {template for template, _ in pages} == known - macros

    def test_says_that_it_is_a_sandbox_and_debits_nothing(self, pages: list[tuple[str, str]]) -> None:
        for template, page in pages:
            banner = re.search(r'<p class="banner">(.+?)</p>', page)
            assert banner is not None, template
            assert "Bac à sable" in banner[1]
            assert "aucune carte n’est débitée, aucun compte prélevé" in banner[1]
            assert re.search(r"<title>.*Bac à sable.*</title>", page), template

    def test_is_in_french_with_one_title_and_no_script(self, pages: list[tuple[str, str]]) -> None:
        for template, page in pages:
            assert '<html lang="fr">' in page, template
            assert page.count("<h1") == 1, template
            assert "<script" not in page, template

    def test_labels_every_field(self, pages: list[tuple[str, str]]) -> None:
        for template, page in pages:
            for field in re.findall(r"<(?:input (?!type=\"hidden\")|select)[^>]*>", page):
                found = re.search(r'\bid="([^"]+)"', field)
                assert found is not None, template
                assert f'<label for="{found[1]}"' in page, template

    def test_decides_by_buttons_of_forms(self, pages: list[tuple[str, str]]) -> None:
        for template, page in pages:
            for form in re.findall(r"<form.*?</form>", page, re.S):
                assert "<button" in form, template


class TestTownSite:
    def test_says_so_too(self) -> None:
        sandbox = create(clock=Time(), send_notification=Listener())
        visitors = [town.test_client() for town in sandbox.towns]
        pages = [visitor.get(path).text for visitor in visitors for path in ("/", "/payer-en-ligne/", "/nulle-part")]
        pages.append(create(config=CONFIG, send_notification=Listener()).towns[0].test_client().get("/").text)
        assert all("Bac à sable" in page for page in pages)


class TestPrinted:
    def test_the_ticket_keeps_its_banner_and_loses_the_rest(self, pages: list[tuple[str, str]]) -> None:
        css = (PACKAGE / "static" / "sandbox.css").read_text("utf-8")
        printed = css.split("@media print")[1]
        hidden = [rule for rule in re.findall(r"([^{}]+)\{([^}]*)\}", printed) if "display: none" in rule[1]]
        names = ",".join(selectors for selectors, _ in hidden)
        assert ".banner" not in names
        assert all(one in names for one in (".head", ".steps", ".foot", ".no-print"))
        [ticket] = [page for template, page in pages if template == "ticket.html"]
        assert 'class="banner"' in ticket


class TestEveryMessage:
    def test_says_so_in_its_subject_and_first_line(self, sandbox: Sandbox, payer: Payer, control: Control) -> None:
        control("PUT", f"/clients/{NUMCLI}", {"options": {"ticket_copy_to": "comptable@exemple.fr"}})
        payer.pay()
        sandbox.deliver_due()
        mails = control("GET", "/mails")["mails"]
        assert len(mails) == 2
        for mail in mails:
            assert mail["subject"].startswith("Bac à sable")
            assert control("GET", f"/mails/{mail['id']}")["text"].startswith("Bac à sable\u00a0:")
