"""What Paybox checks before it shows a card page, and what it tolerates."""

import hmac
import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from regal_sandbox import Sandbox, create
from regal_sandbox.paybox_requests import make_hmac
from regal_sandbox.tests.cast import Control, Listener, Time
from regal_sandbox.tests.shop import (
    REGIE,
    REGIE_KEY,
    RETOUR,
    SITE,
    TEST,
    TEST_KEY,
    PayboxPayer,
    fields,
    sign,
    signed,
    state_of,
    values,
)

CART = (
    '<?xml version="1.0" encoding="utf-8"?><shoppingcart><total><totalQuantity>1</totalQuantity></total></shoppingcart>'
)
BILLING = (
    '<?xml version="1.0" encoding="utf-8"?><Billing><Address><FirstName>Inconnu</FirstName><LastName>Inconnu</LastName>'
    "<Address1>Inconnu</Address1><ZipCode>Inconnu</ZipCode><City>Inconnu</City><CountryCode>250</CountryCode></Address>"
    "</Billing>"
)
PUBLISHED = (
    "PBX_SITE=1999888&PBX_RANG=32&PBX_IDENTIFIANT=107904482&PBX_TOTAL=1000&PBX_DEVISE=978&PBX_CMD=REGIE-2024-000001"
    "&PBX_PORTEUR=usager@example.org&PBX_RETOUR=Mt:M;Ref:R;Auto:A;Erreur:E;Sign:K&PBX_HASH={}"
    "&PBX_TIME=2024-01-15T10:00:00+01:00"
)


def put_options(control: Control, merchant: str = TEST, **options: Any) -> None:
    """As the back office would."""
    sandbox = control.sandbox
    with sandbox.world.store.transaction() as db:
        row = db.execute("SELECT value FROM paybox_merchants WHERE key = ?", (merchant,)).fetchone()
        told = json.loads(row["value"])
        addresses = options.pop("addresses", {})
        told["options"] |= options
        told["addresses"] |= addresses
        db.execute("UPDATE paybox_merchants SET value = ? WHERE key = ?", (json.dumps(told), merchant))


def refusal(sandbox: Sandbox) -> str:
    """The rule of the last request turned away, as the journal tells it."""
    [told] = Control(sandbox)("GET", "/journal?kind=paybox_error&limit=1")["exchanges"]
    return str(told["rule"])


class TestMerchants:
    """Point 4."""

    @pytest.mark.parametrize(
        "merchant",
        [
            TEST,
            "1999888-32-110647233",
            "1999888-32-1",
            "1999888-43-107975626",
            "1999888-63-109518543",
            "1999887-32-215",
        ],
    )
    def test_the_published_ones_are_there_with_the_published_key(self, card_payer: PayboxPayer, merchant: str) -> None:
        assert card_payer.ask(signed(merchant)).status_code == 200

    @pytest.mark.parametrize("rank", ["1", "01", "001"])
    def test_ranks_are_numbers(self, card_payer: PayboxPayer, rank: str) -> None:
        form = sign(fields(REGIE, PBX_RANG=rank), key=REGIE_KEY)
        assert card_payer.ask(form).status_code == 200

    def test_each_has_its_own_key(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        assert card_payer.ask(sign(fields(REGIE), key=TEST_KEY)).status_code == 403
        assert refusal(sandbox) == "hmac_differs"

    @pytest.mark.parametrize("name", ["PBX_SITE", "PBX_RANG", "PBX_IDENTIFIANT"])
    def test_a_stranger_is_refused(self, sandbox: Sandbox, card_payer: PayboxPayer, name: str) -> None:
        answer = card_payer.ask(signed(**{name: "1999999"}))
        assert "Accès refusé" in answer.text
        assert refusal(sandbox) == "merchant_unknown"

    def test_the_configuration_names_them(self, listener: Listener, time: Time) -> None:
        one = {"site": "1234567", "rank": 2, "identifier": "9", "hmac_key": "AB" * 64, "mode": "production"}
        made = create(config={"merchants": [one]}, clock=time, send_notification=listener)
        payer = PayboxPayer(made.pages.test_client())
        assert payer.ask(sign(fields("1234567-02-9"), key="AB" * 64)).status_code == 200
        assert payer.ask(signed(TEST)).status_code == 403


class TestHmac:
    """Point 5."""

    @pytest.mark.parametrize(
        ("algorithm", "begins", "ends"),
        [("SHA512", "B592E5AEBB42", "8B7F8A3A"), ("SHA256", "12A6B1BD126C", "DAFFB4762")],
    )
    def test_is_the_published_one(self, algorithm: str, begins: str, ends: str) -> None:
        made = make_hmac(PUBLISHED.format(algorithm).encode(), key=TEST_KEY, algorithm=algorithm)
        assert (made[:12], made[-len(ends) :]) == (begins, ends)

    @pytest.mark.parametrize("told", ["SHA512", "Sha512", "SHA256", "SHA384", "SHA224", "RIPEMD160"])
    def test_takes_every_algorithm_in_any_case(self, card_payer: PayboxPayer, told: str) -> None:
        assert card_payer.ask(sign(fields(PBX_HASH=told), algorithm=told.lower())).status_code == 200

    def test_is_sha512_when_nothing_is_said(self, card_payer: PayboxPayer) -> None:
        assert card_payer.ask(signed(PBX_HASH=None)).status_code == 200

    def test_of_an_unknown_algorithm_is_refused(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        assert card_payer.ask(signed(PBX_HASH="MD5")).status_code == 403
        assert refusal(sandbox) == "hash_unknown"

    def test_may_be_in_lower_case(self, card_payer: PayboxPayer) -> None:
        form = signed()
        assert card_payer.ask(form | {"PBX_HMAC": form["PBX_HMAC"].lower()}).status_code == 200

    def test_covers_the_fields_in_the_order_received(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        form = signed()
        moved = dict(sorted(form.items()))
        assert list(moved) != list(form)
        assert card_payer.ask(moved).status_code == 403
        assert refusal(sandbox) == "hmac_differs"

    def test_may_come_first_and_covers_only_pbx_fields(self, card_payer: PayboxPayer) -> None:
        form = signed()
        told = {"PBX_HMAC": form.pop("PBX_HMAC"), "jeton": "x", **form, "envoyer": "Payer"}
        assert card_payer.ask(told).status_code == 200

    def test_covers_unknown_and_empty_fields(self, card_payer: PayboxPayer) -> None:
        form = signed(PBX_NOUVEAU="oui", PBX_VERSION="")
        assert card_payer.ask(form).status_code == 200
        assert card_payer.ask(form | {"PBX_NOUVEAU": "non"}).status_code == 403

    @pytest.mark.parametrize("name", ["PBX_TOTAL", "PBX_CMD", "PBX_RETOUR", "PBX_TIME", "PBX_REPONDRE_A"])
    def test_protects_each_of_them(self, sandbox: Sandbox, card_payer: PayboxPayer, name: str) -> None:
        form = signed()
        assert card_payer.ask(form | {name: form[name] + "0"}).status_code == 403
        assert refusal(sandbox) == "hmac_differs"

    @pytest.mark.parametrize(
        ("signed_in", "sent_in"), [("utf-8", "utf-8"), ("utf-8", "latin-1"), ("latin-1", "latin-1")]
    )
    def test_of_an_accented_value_is_tried_in_both_charsets(
        self, card_payer: PayboxPayer, signed_in: str, sent_in: str
    ) -> None:
        form = fields(PBX_NOM_MARCHAND="Régie")
        text = "&".join(f"{name}={value}" for name, value in form.items()).encode(signed_in)
        form["PBX_HMAC"] = hmac.new(bytes.fromhex(TEST_KEY), text, "sha512").hexdigest()
        body = "&".join(f"{name}={quote(value.encode(sent_in), safe='')}" for name, value in form.items())
        assert card_payer.browser.post("/php/", data=body).status_code == 200

    def test_that_is_missing_is_refused(self, card_payer: PayboxPayer) -> None:
        assert card_payer.ask(fields()).status_code == 403

    def test_a_field_sent_twice_is_refused(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        text = "&".join(f"{name}={value}" for name, value in fields().items()) + "&PBX_TOTAL=100"
        made = hmac.new(bytes.fromhex(TEST_KEY), text.encode(), "sha512").hexdigest()
        body = urlencode(fields()) + f"&PBX_TOTAL=100&PBX_HMAC={made}"
        assert card_payer.browser.post("/php/", data=body).status_code == 403
        assert refusal(sandbox) == "repeated"

    def test_mismatch_is_explained_in_the_journal_alone(self, control: Control, card_payer: PayboxPayer) -> None:
        page = card_payer.ask(signed() | {"PBX_HMAC": "00"}).text
        [told] = control("GET", "/journal?kind=paybox_error")["exchanges"]
        assert "PBX_SITE=1999888&PBX_RANG=32" in told["line"]
        assert TEST_KEY not in json.dumps(told)
        assert signed()["PBX_HMAC"] in told["line"]
        assert signed()["PBX_HMAC"] not in page


class TestFormats:
    """Point 6."""

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PBX_TOTAL", "99"),
            ("PBX_TOTAL", "12,50"),
            ("PBX_TOTAL", "12345678901"),
            ("PBX_DEVISE", "EUR"),
            ("PBX_CMD", "x" * 251),
            ("PBX_PORTEUR", "leroy"),
            ("PBX_PORTEUR", "a" * 120 + "@exemple.fr"),
            ("PBX_RETOUR", "Mt"),
            ("PBX_RUF1", "PUT"),
            ("PBX_DISPLAY", "60"),
            ("PBX_ARCHIVAGE", "x" * 13),
            ("PBX_ENTITE", "voirie"),
            ("PBX_SOUHAITAUTHENT", "05"),
            ("PBX_TIME", "hier"),
            ("PBX_ANNULE", "/relative"),
            ("PBX_EFFECTUE", "ftp://site.exemple.fr/"),
            ("PBX_REPONDRE_A", f"{SITE}/{'x' * 150}"),
        ],
    )
    def test_that_are_wrong_are_refused(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, name: str, value: str
    ) -> None:
        assert card_payer.ask(signed(**{name: value})).status_code == 403
        assert refusal(sandbox) == "format"
        sandbox.deliver_due()
        assert listener.heard == []
        assert sandbox.paybox_payments() == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PBX_TOTAL", "025"),
            ("PBX_TOTAL", "0000004850"),
            ("PBX_CMD", "x" * 250),
            ("PBX_RETOUR", "Mt:M;Ref:R;Sign:K;"),
            ("PBX_EFFECTUE", f"{SITE}/{'x' * (150 - len(SITE) - 1)}"),
            ("PBX_RUF1", "post"),
            ("PBX_DISPLAY", "0000000900"),
        ],
    )
    def test_at_their_limits_are_accepted(self, card_payer: PayboxPayer, name: str, value: str) -> None:
        assert card_payer.ask(signed(**{name: value})).status_code == 200

    @pytest.mark.parametrize(
        "name",
        ["PBX_TOTAL", "PBX_DEVISE", "PBX_CMD", "PBX_PORTEUR", "PBX_RETOUR", "PBX_TIME"],
    )
    def test_nothing_required_may_be_left_out(self, sandbox: Sandbox, card_payer: PayboxPayer, name: str) -> None:
        assert card_payer.ask(signed(TEST, **{name: None})).status_code == 403
        assert refusal(sandbox) == "missing"

    def test_the_currency_must_exist(self, sandbox: Sandbox, card_payer: PayboxPayer) -> None:
        assert card_payer.ask(signed(PBX_DEVISE="000")).status_code == 403
        assert refusal(sandbox) == "currency_unknown"

    @pytest.mark.parametrize(("path", "status"), [("/php/", 403), ("/cgi/MYchoix_pagepaiement.cgi", 200)])
    def test_the_error_page_has_the_status_of_its_path(self, card_payer: PayboxPayer, path: str, status: int) -> None:
        answer = card_payer.ask(signed(PBX_TOTAL="1"), path=path)
        assert (answer.status_code, state_of(answer.text)) == (status, "error")

    def test_the_statuses_are_settings(self, card_payer: PayboxPayer, control: Control) -> None:
        control("PUT", "/settings", {"paybox_error_status": 400, "paybox_php_error_status": 200})
        assert card_payer.ask(signed(PBX_TOTAL="1")).status_code == 200
        assert card_payer.ask(signed(PBX_TOTAL="1"), path="/cgi/MYchoix_pagepaiement.cgi").status_code == 400

    def test_the_reason_is_in_the_journal_in_the_platform_s_words(
        self, card_payer: PayboxPayer, control: Control
    ) -> None:
        page = card_payer.ask(signed(PBX_ANNULE="/relative"), path="/cgi/MYchoix_pagepaiement.cgi").text
        [told] = control("GET", "/journal?kind=paybox_error")["exchanges"]
        line = "MYchoix_pagepaiement.cgi[5.5.19]: ERROR: Le format de PBX_ANNULE n'est pas accepté : /relative"
        assert (told["line"], told["field"], told["numcli"]) == (line, "PBX_ANNULE", TEST)
        assert "/relative" not in page


class TestRetour:
    """Point 7."""

    @pytest.mark.parametrize(
        ("retour", "names"),
        [
            ("Mt:M;Ref:R;Sign:K", ["Mt", "Ref", "Sign"]),
            ("ref:R;montant:M;Sign:K;", ["ref", "montant", "Sign"]),
            ("M:M;X:X;z:z;E:E;Sign:K", ["M", "E", "Sign"]),
            ("Ref:R", ["Ref"]),
            ("Ref:R;Sign:K;Mt:M", ["Ref", "Sign", "Mt"]),
        ],
    )
    def test_says_what_comes_back_and_in_which_order(
        self, sandbox: Sandbox, card_payer: PayboxPayer, listener: Listener, retour: str, names: list[str]
    ) -> None:
        card_payer.pay(PBX_RETOUR=retour)
        sandbox.deliver_due()
        [query] = [one.url.partition("?")[2] for one in listener.heard]
        assert list(values(query)) == names


class TestTime:
    """Point 8."""

    @pytest.mark.parametrize(
        "told",
        [
            "2024-01-15T10:00:00+01:00",
            "2022-12-13T14:37:08.447Z",
            "2024-01-15T10:00:00",
            "2024-01-15T10:00:00.123456",
            "2024-01-15T10:00:00+00:00",
            "2024-01-15T10:00:00.1234567Z",
        ],
    )
    def test_is_read_however_it_is_written(self, card_payer: PayboxPayer, told: str) -> None:
        assert card_payer.ask(signed(PBX_TIME=told)).status_code == 200

    @pytest.mark.parametrize(
        ("told", "status"), [("2026-03-16T12:05:00+01:00", 200), ("2026-03-16T12:05:01+01:00", 403)]
    )
    def test_may_be_held_to_a_window(self, card_payer: PayboxPayer, control: Control, told: str, status: int) -> None:
        put_options(control, time_window_seconds=300)
        assert card_payer.ask(signed(PBX_TIME=told)).status_code == status


class TestXml:
    """Point 9."""

    @pytest.mark.parametrize(
        ("cart", "billing"),
        [
            (CART, BILLING),
            (CART.replace('"', "%22"), BILLING.replace('"', "%22")),
            (CART.replace('"', "'"), BILLING.partition("?>")[2]),
            (CART.replace("?>", " ?>"), BILLING),
        ],
    )
    def test_is_read_leniently(self, card_payer: PayboxPayer, control: Control, cart: str, billing: str) -> None:
        put_options(control, three_d_secure_fields=True)
        assert card_payer.ask(signed(PBX_SHOPPINGCART=cart, PBX_BILLING=billing)).status_code == 200
        [told] = control("GET", "/journal?kind=paybox_request")["exchanges"]
        assert told["warnings"] == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PBX_SHOPPINGCART", None),
            ("PBX_SHOPPINGCART", "<shoppingcart>"),
            ("PBX_SHOPPINGCART", "<ShoppingCart/>"),
            ("PBX_SHOPPINGCART", CART.replace(">1<", ">100<")),
            ("PBX_SHOPPINGCART", '<!DOCTYPE x [<!ENTITY a "b">]><shoppingcart/>'),
            ("PBX_BILLING", "<Billing></Billing>"),
            ("PBX_BILLING", BILLING.replace("City", "Town")),
        ],
    )
    def test_problems_are_noted_and_refused_only_where_the_fields_are_mandatory(
        self, sandbox: Sandbox, card_payer: PayboxPayer, control: Control, name: str, value: str | None
    ) -> None:
        told: dict[str, str | None] = {"PBX_SHOPPINGCART": CART, "PBX_BILLING": BILLING, name: value}
        assert card_payer.ask(signed(TEST, **told)).status_code == 200
        [noted] = control("GET", "/journal?kind=paybox_request")["exchanges"]
        assert [one.partition(":")[0] for one in noted["warnings"]] == [name]
        put_options(control, three_d_secure_fields=True)
        assert card_payer.ask(signed(TEST, **told)).status_code == 403
        assert refusal(sandbox) == "three_d_secure_fields"


class TestReusedReference:
    """Point 10."""

    def test_already_paid_is_refused_with_00015(self, card_payer: PayboxPayer, sandbox: Sandbox) -> None:
        card_payer.pay()
        answer = card_payer.ask()
        page = card_payer.browser.get(answer.headers["Location"]).text
        assert (state_of(page), 'data-code="00015"' in page) == ("refused", True)
        assert "&Erreur=00015&" in page.replace("&amp;", "&")
        assert [one["state"] for one in sandbox.paybox_payments()] == ["paid", "refused"]

    def test_paid_meanwhile_in_another_window_is_not_paid_twice(
        self, sandbox: Sandbox, card_payer: PayboxPayer
    ) -> None:
        other = PayboxPayer(sandbox.pages.test_client())
        other.open()
        card_payer.pay()
        assert 'data-code="00015"' in other.press("payer")
        assert [len(one["tries"]) for one in sandbox.paybox_payments()] == [1, 1]

    def test_is_another_one_for_another_merchant(self, card_payer: PayboxPayer) -> None:
        card_payer.pay()
        assert state_of(card_payer.pay(REGIE)) == "paid"

    def test_not_paid_yet_is_accepted_by_default(self, card_payer: PayboxPayer) -> None:
        card_payer.open()
        card_payer.press("refuser")
        assert state_of(card_payer.pay()) == "paid"

    def test_not_paid_yet_may_be_an_error_page(
        self, sandbox: Sandbox, card_payer: PayboxPayer, control: Control
    ) -> None:
        put_options(control, reused_reference="error")
        card_payer.open()
        assert card_payer.ask().status_code == 403
        assert refusal(sandbox) == "reference_used"


def test_the_request_is_kept_as_it_came(sandbox: Sandbox, card_payer: PayboxPayer) -> None:
    body = urlencode(signed(PBX_RETOUR=RETOUR))
    card_payer.browser.post("/php/", data=body)
    [payment] = sandbox.paybox_payments()
    assert payment["raw"] == body
    assert payment["fields"][:2] == [["PBX_SITE", "1999888"], ["PBX_RANG", "32"]]


class TestAnything:
    """Whatever comes, an error page, and nothing else."""

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"&&&",
            b"=",
            b"PBX_SITE",
            b"PBX_SITE=%00&PBX_RANG=%ff&PBX_IDENTIFIANT=%",
            b"\xff\xfe=\xff",
            b"PBX_SITE=1999888&PBX_RANG=32&PBX_IDENTIFIANT=107904482",
            b"PBX_SITE=1999888&PBX_RANG=32&PBX_IDENTIFIANT=107904482&PBX_HMAC=%E9&PBX_HASH=sha512",
            b"PBX_SITE=" + "\u0661".encode() * 7 + b"&PBX_RANG=32&PBX_IDENTIFIANT=1",
            b"PBX_RANG=" + b"9" * 5000,
        ],
    )
    def test_is_an_error_page(self, sandbox: Sandbox, card_payer: PayboxPayer, body: bytes) -> None:
        for answer in (
            card_payer.browser.post("/php/", data=body),
            card_payer.browser.get("/php/", query_string=body.decode("latin-1")),
        ):
            assert (answer.status_code, state_of(answer.text)) == (403, "error")
        assert sandbox.paybox_payments() == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("PBX_TIME", "0001-01-01T00:00:00+23:59"),
            ("PBX_TIME", "9999-12-31T23:59:59-23:59"),
            ("PBX_TIME", "2026-W12-1"),
            ("PBX_EFFECTUE", "http://[::1/"),
            ("PBX_EFFECTUE", "http://site.exemple.fr:99999/"),
            ("PBX_EFFECTUE", "http://site.exemple.fr/\u00e9t\u00e9"),
            ("PBX_DISPLAY", "9999999999"),
            ("PBX_DIFF", "99"),
            ("PBX_PORTEUR", "<script>@exemple.fr"),
            ("PBX_PORTEUR", "zo\u00e9.o'brien+r=1@\u00e9t\u00e9.exemple.fr"),
            ("PBX_PORTEUR", "..=?utf-8?q?x?=@-.-"),
            ("PBX_RETOUR", "a\r\nb:M;Sign:K"),
            ("PBX_PORTEUR", "\ud83d\ude00@exemple.fr".encode("utf-16", "surrogatepass").decode("utf-16")),
            ("PBX_CMD", "<b>&\u00e9\u202e"),
            ("PBX_NOM_MARCHAND", "<script>alert(1)</script>"),
            ("PBX_RETOUR", "a b&c=d:M;\u00e9:R;Sign:K"),
            ("PBX_TYPECARTE", "<i>"),
            ("PBX_SHOPPINGCART", "<a>" * 1000),
            ("PBX_LANGUE", "XYZ"),
        ],
    )
    def test_signed_is_paid_or_refused_but_never_breaks(
        self, sandbox: Sandbox, card_payer: PayboxPayer, control: Control, name: str, value: str
    ) -> None:
        put_options(control, time_window_seconds=10**9)
        answer = card_payer.ask(signed(**{name: value}))
        assert answer.status_code in (200, 403)
        if answer.status_code == 200:
            page = card_payer.pay(**{name: value})
            assert state_of(page) == "paid"
            assert "<script>" not in page
            sandbox.deliver_due()
