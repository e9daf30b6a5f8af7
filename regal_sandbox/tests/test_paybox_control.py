"""Paybox on the control port, and in process: merchants, the truth, signatures at will."""

import base64
from urllib.parse import unquote, unquote_to_bytes

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from regal_sandbox import Sandbox, create
from regal_sandbox.tests.cast import CONFIG, Control, Listener, Time
from regal_sandbox.tests.test_paybox_desk import KEY, Shop
from regal_sandbox.tests.test_paybox_direct import Direct

VALRIVE = "2718281-01-314159265"


@pytest.fixture
def shop(sandbox: Sandbox) -> Shop:
    return Shop(sandbox.pages.test_client())


def is_signed(sandbox: Sandbox, query: str, name: str) -> bool:
    key = load_pem_public_key(sandbox.pages.test_client().get("/pubkey.pem").data)
    assert isinstance(key, RSAPublicKey)
    text, _, signature = query.rpartition(f"&{name}=")
    try:
        key.verify(base64.b64decode(unquote_to_bytes(signature)), text.encode(), PKCS1v15(), SHA1())  # noqa: S303
    except InvalidSignature:
        return False
    return True


class TestMerchants:
    def test_are_listed_and_replaced(self, control: Control) -> None:
        assert {KEY, VALRIVE} <= {
            f"{one['site']}-{one['rank']:02d}-{one['identifier']}"
            for one in control("GET", "/paybox/merchants")["merchants"]
        }
        told = control("GET", f"/paybox/merchants/{VALRIVE}")
        changed = told | {"name": "Régie de Montclair"}
        assert control("PUT", f"/paybox/merchants/{VALRIVE}", changed)["name"] == "Régie de Montclair"
        new = {"hmac_key": "AB" * 64, "mode": "production"}
        assert control("PUT", "/paybox/merchants/7654321-02-5", new)["rank"] == 2

    @pytest.mark.parametrize(
        ("key", "told"),
        [
            ("7654321-2-5", {"hmac_key": "AB" * 64}),
            ("7654321-02-5", {"hmac_key": "AB" * 63}),
            ("7654321-02-5", {}),
            ("7654321-02-5", {"hmac_key": "AB" * 64, "site": "1234567"}),
            ("7654321-02-5", {"hmac_key": "AB" * 64, "options": {"remise_hour": 24}}),
            ("7654321-02-5", {"hmac_key": "AB" * 64, "options": {"inconnue": 1}}),
        ],
    )
    def test_are_read_strictly(self, control: Control, key: str, told: object) -> None:
        control("PUT", f"/paybox/merchants/{key}", told, status=400)
        control("GET", "/paybox/merchants/7654321-02-5", status=404)


class TestPayments:
    def test_tell_every_try_and_what_became_of_its_money(
        self, sandbox: Sandbox, shop: Shop, control: Control, time: Time
    ) -> None:
        shop.pay("refuser", "payer")
        sandbox.deliver_due()
        time.pass_by(days=1)
        [told] = control("GET", "/paybox/payments")["payments"]
        assert (told["merchant"], told["reference"], told["amount_cents"]) == (KEY, "CANTINE-2026", 4850)
        assert (told["state"], told["code"]) == ("paid", "00000")
        refused, paid = told["tries"]
        assert (refused["status"], refused["captured"], refused["remise"]) == ("refused", False, None)
        [remise] = control("GET", "/paybox/remises")["remises"]
        assert (paid["captured"], paid["captured_cents"], paid["remise"]) == (True, 4850, remise["number"])
        assert [one["status"] for one in told["messages"]] == [200, 200]
        assert [told] == sandbox.paybox_payments()

    def test_have_those_of_direct_and_their_refunds(self, sandbox: Sandbox, control: Control) -> None:
        direct = Direct(sandbox.pages.test_client())
        payment = direct.pay()
        credit = direct("00014", MONTANT="850", **payment)
        [told] = sandbox.paybox_payments()
        assert told["entry"] == "/PPPS.php"
        assert told["tries"][0]["refunded_cents"] == 850
        assert [(one["trans"], one["amount_cents"]) for one in told["credits"]] == [(int(credit["NUMTRANS"]), 850)]
        questions = control("GET", "/paybox/questions")["questions"]
        assert [one["type"] for one in questions] == ["00003", "00014"]
        assert questions[0]["asked"]["PORTEUR"] == "111122…44"
        assert questions[0]["asked"]["CLE"] == "…"

    def test_are_found_by_merchant_and_reference(self, shop: Shop, control: Control) -> None:
        shop.pay()
        shop.pay(PBX_CMD="AUTRE")
        for asked, count in ((f"merchant={KEY}", 2), (f"merchant={VALRIVE}", 0), ("reference=AUTRE", 1)):
            assert len(control("GET", f"/paybox/payments?{asked}")["payments"]) == count

    def test_are_forgotten(self, shop: Shop, control: Control) -> None:
        shop.pay()
        assert control("DELETE", f"/paybox/payments?merchant={VALRIVE}") == {"deleted": 0}
        assert control("DELETE", "/paybox/payments") == {"deleted": 1}
        assert control("GET", "/paybox/payments") == {"payments": []}
        shop.pay()

    def test_are_forgotten_with_everything(self, sandbox: Sandbox, shop: Shop, control: Control, time: Time) -> None:
        direct = Direct(sandbox.pages.test_client())
        direct("00014", MONTANT="850", **direct.pay())
        time.pass_by(days=1)
        assert control("GET", "/paybox/remises")["remises"]
        control("POST", "/reset")
        assert control("GET", "/paybox/remises") == {"remises": []}
        assert control("GET", "/paybox/questions") == {"questions": []}
        assert sandbox.paybox_payments() == []


class TestForge:
    def test_signs_whatever_it_is_told_with_the_key_that_signs_for_all(
        self, sandbox: Sandbox, control: Control
    ) -> None:
        text = "Mt=4850&Ref=CANTINE%202026&Auto=XXXXXX&Erreur=00000"
        told = control("POST", "/paybox/forge", {"variables": text, "name": "K"})
        assert told["signed"] == text
        assert told["query"] == sandbox.paybox_forge(text, "K")
        assert is_signed(sandbox, told["query"], "K")
        assert not is_signed(sandbox, told["query"].replace("4850", "4851"), "K")
        assert "+" not in told["query"].removeprefix(text)
        assert len(base64.b64decode(unquote(told["query"].rpartition("=")[2]))) == 128

    @pytest.mark.parametrize(
        "told", [{}, {"variables": ""}, {"variables": "a=b", "name": ""}, {"variables": "a", "x": 1}]
    )
    def test_needs_something_to_sign(self, control: Control, told: object) -> None:
        control("POST", "/paybox/forge", told, status=400)


class TestSameSeed:
    def test_gives_the_same_numbers(self) -> None:
        made = []
        for _ in range(2):
            sandbox = create(config=CONFIG, clock=Time(), seed="graine", send_notification=Listener())
            Shop(sandbox.pages.test_client()).pay("refuser", "payer")
            direct = Direct(sandbox.pages.test_client())
            answer = direct.post("00003", MONTANT="1", REFERENCE="R", PORTEUR="1111222233334444", DATEVAL="1228")
            made.append(([one["tries"] for one in sandbox.paybox_payments()], answer.data))
            sandbox.close()
        assert made[0] == made[1]


class TestBrowsers:
    def test_are_kept_out_as_from_the_rest(self, sandbox: Sandbox) -> None:
        for method, path in (("POST", "/paybox/forge"), ("GET", "/paybox/payments"), ("POST", "/paybox/next-night")):
            answer = sandbox.control.test_client().open(path, method=method, headers={"Origin": "http://localhost"})
            assert answer.status_code == 403
