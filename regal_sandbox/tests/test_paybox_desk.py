"""Paybox's back office, with forms: what a merchant sees and does there."""

import re
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from regal_sandbox import Sandbox
from regal_sandbox.defaults import PUBLISHED_KEY
from regal_sandbox.desk import USUAL_FAULTS, describe
from regal_sandbox.faults import fault_from_json
from regal_sandbox.paybox_requests import make_hmac
from regal_sandbox.tests.cast import Control, Listener, Time
from regal_sandbox.tests.test_desk import Desk
from regal_sandbox.tests.test_paybox_direct import Direct

KEY = "1999888-32-107904482"
IPN = "https://regie.exemple.fr/paybox"
STEPS = "/cgi/MYtraitetransaction.cgi"


@dataclass
class Shop:
    """A merchant's site and its payer, by the page."""

    browser: FlaskClient
    fields: dict[str, str] = field(default_factory=dict)

    def enter(self, **changed: str) -> str:
        """The session."""
        told = {
            "PBX_SITE": "1999888",
            "PBX_RANG": "32",
            "PBX_IDENTIFIANT": "107904482",
            "PBX_TOTAL": "4850",
            "PBX_DEVISE": "978",
            "PBX_CMD": "CANTINE-2026",
            "PBX_PORTEUR": "leroy@exemple.fr",
            "PBX_RETOUR": "Mt:M;Ref:R;Auto:A;Erreur:E;Trans:S;Appel:T;Sign:K",
            "PBX_TYPEPAIEMENT": "CARTE",
            "PBX_TYPECARTE": "CB",
            "PBX_REPONDRE_A": IPN,
            "PBX_HASH": "SHA512",
            "PBX_TIME": "2026-03-16T12:00:00+01:00",
        } | changed
        signed = "&".join(f"{name}={value}" for name, value in told.items()).encode()
        told["PBX_HMAC"] = make_hmac(signed, key=PUBLISHED_KEY)
        page = self.browser.post("/php/", data=urlencode(told), content_type="application/x-www-form-urlencoded").text
        found = re.search(r'data-session="([^"]+)"', page)
        assert found is not None, page
        return found[1]

    def pay(self, *decisions: str, **changed: str) -> None:
        session = self.enter(**changed)
        for decision in ("continuer", *(decisions or ("payer",))):
            self.browser.post(STEPS, data={"session": session, "decision": decision})


@pytest.fixture
def shop(sandbox: Sandbox) -> Shop:
    return Shop(sandbox.pages.test_client())


@pytest.fixture
def desk(sandbox: Sandbox) -> Desk:
    return Desk(sandbox)


@pytest.fixture
def direct(sandbox: Sandbox) -> Direct:
    return Direct(sandbox.pages.test_client())


def button(page: str, label: str) -> bool:
    return re.search(rf"<button[^>]*>{label}<", page) is not None


class TestMerchant:
    def test_finds_his_keys_his_payments_and_his_questions(self, desk: Desk, shop: Shop, direct: Direct) -> None:
        shop.pay()
        direct("00011", REFERENCE="CANTINE-2026", CLE="1999888I")
        page = desk.see(f"paybox/{KEY}/")
        assert PUBLISHED_KEY in page
        assert "CANTINE-2026" in page
        assert "00011 existence d’une transaction" in page
        assert f"/tableau/paybox/{KEY}/" in desk.see("paybox/")

    def test_may_see_the_card_page_without_a_site(self, desk: Desk, shop: Shop, control: Control) -> None:
        for key in (KEY, "2718281-01-314159265"):
            found = re.search(r'href="(/php/\?[^"]+)"', desk.see(f"paybox/{key}/"))
            assert found
            assert 'data-state="arrived"' in shop.browser.get(found[1]).text
            assert len(control("GET", f"/paybox/payments?merchant={key}")["payments"]) == 1

    def test_registers_the_address_of_his_site(
        self, sandbox: Sandbox, desk: Desk, shop: Shop, listener: Listener
    ) -> None:
        assert desk.press(f"paybox/{KEY}/adresses", notified="https://ville.exemple.fr/s/p/1/x").status_code == 303
        assert 'value="https://ville.exemple.fr/s/p/1/x"' in desk.see(f"paybox/{KEY}/")
        shop.pay(PBX_REPONDRE_A="")
        sandbox.deliver_due()
        assert [one.url.partition("?")[0] for one in listener.heard] == ["https://ville.exemple.fr/s/p/1/x"]

    @pytest.mark.parametrize("told", ["ville.exemple.fr", "/relative", "https://ville.exemple.fr/" + "a" * 150])
    def test_is_told_what_is_wrong_with_an_address(self, desk: Desk, control: Control, told: str) -> None:
        answer = desk.press(f"paybox/{KEY}/adresses", notified=told, accepted="https://ville.exemple.fr/oui")
        assert answer.status_code == 400
        assert 'aria-describedby="notified-mistake"' in answer.text
        assert told in unescape(answer.text)
        assert control("GET", f"/paybox/merchants/{KEY}")["addresses"]["accepted"] == ""

    def test_begins_again(self, desk: Desk, shop: Shop, direct: Direct, control: Control, time: Time) -> None:
        shop.pay()
        payment = direct.pay()
        direct("00014", MONTANT="100", **payment)
        time.pass_by(days=1)
        desk.see("paybox/")
        assert desk.press(f"paybox/{KEY}/oublier").status_code == 303
        assert control("GET", f"/paybox/payments?merchant={KEY}") == {"payments": []}
        assert control("GET", "/paybox/remises") == {"remises": []}
        assert control("GET", f"/paybox/merchants/{KEY}")["name"]

    def test_that_nobody_knows_is_not_found(self, desk: Desk) -> None:
        for path in ("paybox/1234567-01-1/", "paybox/paiements/9/"):
            assert desk.browser.get(f"/tableau/{path}").status_code == 404


class TestPayment:
    def test_shows_the_request_the_signed_texts_and_what_the_site_answered(
        self, sandbox: Sandbox, desk: Desk, shop: Shop
    ) -> None:
        shop.pay()
        sandbox.deliver_due()
        page = desk.see("paybox/paiements/1/")
        assert "PBX_SITE=1999888&PBX_RANG=32" in page  # as it arrived, and what the HMAC covers
        assert re.search(r"Texte signé</dt><dd class=\"url\">Mt=4850&Ref=CANTINE-2026&Auto=XXXXXX&Erreur=00000&", page)
        assert "Reçu, réponse 200" in page
        assert "recu" in page

    def test_is_called_again_to_the_byte(self, sandbox: Sandbox, desk: Desk, shop: Shop, listener: Listener) -> None:
        shop.pay()
        sandbox.deliver_due()
        assert desk.press("paybox/messages/1/rejouer").status_code == 303
        sandbox.deliver_due()
        first, second = listener.heard
        assert (first.url, first.body) == (second.url, second.body)
        assert "Rejoué à la main" in desk.see("paybox/paiements/1/")
        assert desk.press("paybox/messages/9/rejouer").status_code == 404

    def test_is_cancelled_before_the_night_and_refunded_after_it(
        self, desk: Desk, shop: Shop, control: Control, time: Time
    ) -> None:
        shop.pay()
        shop.pay(PBX_CMD="AUTRE")
        first, second = (one["tries"][0]["trans"] for one in control("GET", "/paybox/payments")["payments"])
        assert button(desk.see("paybox/paiements/1/"), "Annuler")
        desk.press("paybox/paiements/1/operations", transaction=str(first), action="annuler")
        assert not button(desk.see("paybox/paiements/1/"), "Annuler")
        time.pass_by(days=1)
        page = desk.see("paybox/paiements/2/")
        assert not button(page, "Annuler")
        assert button(page, "Rembourser")
        desk.press("paybox/paiements/2/operations", transaction=str(second), action="rembourser", montant="10,50")
        desk.press("paybox/paiements/2/operations", transaction=str(second), action="rembourser")
        told = control("GET", "/paybox/payments")["payments"]
        assert [one["tries"][0]["status"] for one in told] == ["cancelled", "refunded"]
        assert [one["amount_cents"] for one in told[1]["credits"]] == [1050, 3800]

    def test_says_why_an_order_is_refused(self, desk: Desk, shop: Shop, control: Control) -> None:
        shop.pay()
        trans = control("GET", "/paybox/payments")["payments"][0]["tries"][0]["trans"]
        answer = desk.press(
            "paybox/paiements/1/operations", transaction=str(trans), action="rembourser", montant="48,51"
        )
        assert "Rien n’a changé\u00a0: Montant incorrect." in unescape(desk.browser.get(answer.location).text)

    def test_takes_no_order_of_another_payment(self, desk: Desk, shop: Shop, control: Control) -> None:
        shop.pay()
        shop.pay(PBX_CMD="AUTRE")
        trans = control("GET", "/paybox/payments")["payments"][0]["tries"][0]["trans"]
        answer = desk.press("paybox/paiements/2/operations", transaction=str(trans), action="annuler")
        assert answer.status_code == 404
        assert desk.press("paybox/paiements/1/operations", transaction=str(trans), action="autre").status_code == 400

    def test_that_was_refused_has_no_button(self, desk: Desk, shop: Shop) -> None:
        shop.pay("refuser")
        page = desk.see("paybox/paiements/1/")
        assert not any(button(page, label) for label in ("Annuler", "Rembourser", "Capturer"))

    def test_authorised_only_is_captured(self, desk: Desk, shop: Shop, control: Control) -> None:
        shop.pay(PBX_AUTOSEULE="O")
        [made] = control("GET", "/paybox/payments")["payments"][0]["tries"]
        assert (made["status"], made["captured"]) == ("authorised", False)
        desk.press("paybox/paiements/1/operations", transaction=str(made["trans"]), action="capturer", montant="40")
        [made] = control("GET", "/paybox/payments")["payments"][0]["tries"]
        assert (made["status"], made["captured_cents"]) == ("captured", 4000)


class TestNight:
    def test_passes_by_a_button(self, desk: Desk, shop: Shop, control: Control) -> None:
        shop.pay()
        assert desk.press("paybox/nuit", action="passer").status_code == 303
        [remise] = control("GET", "/paybox/remises")["remises"]
        assert f"Remise {remise['number']}" in desk.see("paybox/")
        file = desk.browser.get(f"/tableau/paybox/fichier?remise={remise['number']}")
        assert file.headers["Content-Disposition"].startswith("attachment")
        assert b";CANTINE-2026;leroy@exemple.fr;DEB;" in file.data
        assert desk.browser.get("/tableau/paybox/fichier?remise=5").status_code == 404

    def test_need_not_pass(self, desk: Desk, shop: Shop, control: Control) -> None:
        shop.pay()
        desk.press("paybox/nuit", action="clore")
        assert control("GET", "/clock")["offset_seconds"] == 0
        assert control("GET", "/paybox/payments")["payments"][0]["tries"][0]["remise"]
        assert desk.press("paybox/nuit", action="autre").status_code == 400


class TestPages:
    def test_have_one_title_labelled_fields_and_no_script(
        self, sandbox: Sandbox, desk: Desk, shop: Shop, direct: Direct, time: Time
    ) -> None:
        shop.pay("refuser", "payer")
        shop.pay(PBX_CMD="AUTRE", PBX_AUTOSEULE="O")
        direct("00014", MONTANT="100", **direct.pay())
        sandbox.deliver_due()
        time.pass_by(days=1)
        paths = ["paybox/", f"paybox/{KEY}/", *(f"paybox/paiements/{number}/" for number in (1, 2, 3)), "journal/"]
        for path in paths:
            page = desk.see(path)
            assert page.count("<h1") == 1
            assert "<script" not in page
            assert "style=" not in page
            assert "None" not in page
            for one in re.findall(r"<(?:input|select)[^>]*>", page):
                found = re.search(r'\bid="([^"]+)"', one)
                assert 'type="hidden"' in one or (found and f'<label for="{found[1]}"' in page), one

    def test_are_linked_from_the_others(self, desk: Desk, sandbox: Sandbox) -> None:
        assert 'href="/tableau/paybox/"' in desk.see()
        sandbox.world.control_address = "http://127.0.0.1:8011/"
        assert 'href="http://127.0.0.1:8011/tableau/paybox/"' in sandbox.pages.test_client().get("/").text

    @pytest.mark.parametrize("name", [name for name in USUAL_FAULTS if name.startswith("pb-")])
    def test_offer_paybox_s_faults_by_one_click(self, desk: Desk, control: Control, name: str) -> None:
        assert desk.press("pannes", panne=name).status_code == 303
        [fault] = control("GET", "/faults")["faults"]
        assert fault["next"] == 1
        assert describe(fault_from_json(USUAL_FAULTS[name][1])) in desk.see()
