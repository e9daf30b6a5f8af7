"""Paybox's page: the form that leaves, and what we make of what comes back."""

import base64
import dataclasses
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from regal.gateways.base import (
    AccountConfig,
    BillingAddress,
    DebtKind,
    Environment,
    GatewayWithBackup,
    Means,
    Message,
    Misconfigured,
    NotAuthentic,
    Notice,
    Outcome,
    PaymentRequest,
    PostForm,
    Rank,
    Refused,
    Unreachable,
    Unreadable,
    Verdict,
)
from regal.gateways.paybox.codes import RETURN_CODES
from regal.gateways.paybox.gateway import Paybox
from regal.gateways.paybox.signature import PUBLISHED_TEST_KEY, Ambiguous, sign, signature_of
from regal.gateways.paybox.tests import letters
from regal.gateways.paybox.tests.letters import (
    ABANDONED,
    LOAD,
    OTHER_REFERENCE,
    PUBLIC_PEM,
    REFERENCE,
    REFUSED,
    brought,
    posted,
    returned,
    sealed,
    told,
)
from regal.gateways.paybox.verify import public_key, verify
from regal.gateways.tests.contract import GatewayContract, claims_of
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.vault import Secret

HMAC_KEY = "0f1e2d3c4b5a6978" * 8
AT = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
SANDBOX = {"service_url": "https://paybox.invalid/", "public_key": PUBLIC_PEM}

CONFIG = AccountConfig(
    service_url="",
    identifier="2718281-01-314159265",
    debt_kind=DebtKind.REGIE,
    environment=Environment.PRODUCTION,
    secrets={"hmac": Secret.of_text(HMAC_KEY)},
)
CANTEEN = PaymentRequest(
    reference=REFERENCE,
    amount=Money(3840),
    debt_reference="CANT2026000412",
    exercice=2026,
    label="Cantine d’octobre",
    payer_email="mme.leroy@exemple.invalid",
    environment=Environment.PRODUCTION,
    notification_url="https://guichet.exemple.invalid/s/n/1/abcdef",
    return_url="https://guichet.exemple.invalid/saint-aubin/suivi/abcdef/retour/",
)
ADDRESS = BillingAddress(
    first_name="Zoé", last_name="D’Œuvrœ & Fils", street="12, rue de l’Église", postcode="35000", town="Saint-Aubin"
)
# Really signed by Verifone, in 2012, for a shop of others: it proves that the key and the rule are the real ones.
REAL_TEXT = b"Mt=1000&Ref=CMD1349338388&Auto=XXXXXX&Erreur=00000"
REAL_SIGNATURE = (
    b"QnhlnuOpcbfUruOU7kKG%2FZmDPsDzM31VrpMIObQomYwEE%2FafhJiDPkWVN9%2Br3JVFXBsFnqo3VlOVzxQVVahXpF7eWiJoAe5LcIoqSvms96"
    b"SFFv9LfndS%2F3zAO5fF%2FtR4Us3rOSUwT1Hs2AS17R3B9ATwBMhKt1l3DPw9hClpFw0%3D"
)


def account(http: httpx.Client | None = None, config: AccountConfig = CONFIG, **changes: Any) -> Paybox:
    """Saint-Aubin's, where a key of ours signs in Paybox's stead."""
    settings = dataclasses.replace(config, **{**SANDBOX, **changes})
    return Paybox.configure(settings, http or letters.nobody(), lambda: AT)


def real(http: httpx.Client | None = None, **changes: Any) -> Paybox:
    """The same contract at Paybox itself."""
    return Paybox.configure(dataclasses.replace(CONFIG, **changes), http or letters.nobody(), lambda: AT)


def with_options(**options: object) -> Paybox:
    return account(options=options)


def request(**changes: Any) -> PaymentRequest:
    return dataclasses.replace(CANTEEN, **changes)


def form(gateway: Paybox | None = None, **changes: Any) -> dict[str, str]:
    handed = (gateway or account()).hand_off(request(**changes))
    return dict(handed.fields)


def read(message: Message) -> Notice:
    return account().read(message)


def refused(gateway: Paybox | None = None, **changes: Any) -> str:
    """Why a request cannot be sent; checking says the same as sending."""
    gateway = gateway or account()
    with pytest.raises(Refused) as when_checked:
        gateway.check(request(**changes))
    with pytest.raises(Refused) as when_sent:
        gateway.hand_off(request(**changes))
    assert when_checked.value.code == when_sent.value.code
    return when_sent.value.code


def misconfigured(**changes: Any) -> tuple[str, str]:
    with pytest.raises(Misconfigured) as failure:
        real(**changes)
    return failure.value.field, failure.value.code


def not_authentic(message: Message, gateway: Paybox | None = None) -> str:
    with pytest.raises(NotAuthentic) as failure:
        (gateway or account()).read(message)
    return failure.value.code


def unreadable(text: bytes) -> str:
    """Why a text is not understood, though Paybox signed it."""
    with pytest.raises(Unreadable) as failure:
        read(posted(sealed(text)))
    return failure.value.code


class TestPayboxContract(GatewayContract):
    def gateway(self) -> Paybox:
        return account()

    def request_to_pay(self) -> PaymentRequest:
        return CANTEEN

    def paid(self) -> Message:
        return told()

    def altered(self) -> Message:
        return posted(sealed(returned()).replace(b"Mt=3840", b"Mt=3841"))

    def foreign(self) -> Message:
        return told(Ref=OTHER_REFERENCE)

    def unknown_code(self) -> Message:
        return told(Erreur="00777", Auto=None)

    def unreadable(self) -> Sequence[Message]:
        return (
            posted(b""),
            brought(b""),
            posted(b"{}", content_type="application/json"),
            posted(returned()),
            posted(returned() + b"&Sign="),
            told(Ref="mme.leroy@exemple.invalid"),
            told(Erreur="mme.leroy%40exemple.invalid"),
            posted(sealed(b"mel=mme.leroy%40exemple.invalid")),
            posted(sealed(returned() + b"&Mt=3840")),
            posted(b"x" * 100_000),
        )


class TestTheForm:
    def test_goes_to_paybox_in_this_very_order(self) -> None:
        handed = real().hand_off(CANTEEN)
        assert isinstance(handed, PostForm)
        assert handed.url == "https://tpeweb.paybox.com/php/"
        assert list(handed.fields.items())[:-1] == [
            ("PBX_SITE", "2718281"),
            ("PBX_RANG", "01"),
            ("PBX_IDENTIFIANT", "314159265"),
            ("PBX_TOTAL", "3840"),
            ("PBX_DEVISE", "978"),
            ("PBX_CMD", REFERENCE),
            ("PBX_PORTEUR", "mme.leroy@exemple.invalid"),
            ("PBX_RETOUR", "Mt:M;Ref:R;Auto:A;Erreur:E;Trans:S;Appel:T;Date:W;Heure:Q;Sign:K"),
            ("PBX_EFFECTUE", CANTEEN.return_url),
            ("PBX_REFUSE", CANTEEN.return_url),
            ("PBX_ANNULE", CANTEEN.return_url),
            ("PBX_ATTENTE", CANTEEN.return_url),
            ("PBX_REPONDRE_A", CANTEEN.notification_url),
            ("PBX_RUF1", "POST"),
            ("PBX_LANGUE", "FRA"),
            ("PBX_DISPLAY", "900"),
            ("PBX_ARCHIVAGE", "NT2026000412"),
            (
                "PBX_SHOPPINGCART",
                '<?xml version="1.0" encoding="utf-8"?>'
                "<shoppingcart><total><totalQuantity>1</totalQuantity></total></shoppingcart>",
            ),
            (
                "PBX_BILLING",
                '<?xml version="1.0" encoding="utf-8"?><Billing><Address><FirstName>Inconnu</FirstName>'
                "<LastName>Inconnu</LastName><Address1>Inconnu</Address1><ZipCode>Inconnu</ZipCode>"
                "<City>Inconnu</City><CountryCode>250</CountryCode></Address></Billing>",
            ),
            ("PBX_HASH", "SHA512"),
            ("PBX_TIME", "2026-11-24T14:00:00+01:00"),
        ]
        assert list(handed.fields)[-1] == "PBX_HMAC"

    def test_is_signed_over_exactly_what_is_posted(self) -> None:
        fields = form()
        signature = fields.pop("PBX_HMAC")
        text = "&".join(f"{name}={value}" for name, value in fields.items())
        assert signature == hmac.new(bytes.fromhex(HMAC_KEY), text.encode(), hashlib.sha512).hexdigest().upper()

    def test_dates_its_signature_with_the_hour_of_paris(self) -> None:
        summer = dataclasses.replace(account(), clock=lambda: datetime(2026, 7, 14, 22, 30, 5, 123, tzinfo=UTC))
        assert form(summer)["PBX_TIME"] == "2026-07-15T00:30:05+02:00"

    @pytest.mark.parametrize(("cents", "written"), [(100, "100"), (123, "123"), (9_999_999, "9999999")])
    def test_writes_the_amount_in_cents(self, cents: int, written: str) -> None:
        assert form(amount=Money(cents))["PBX_TOTAL"] == written

    def test_writes_a_small_amount_on_three_digits(self) -> None:
        assert form(with_options(min_amount_cents=1), amount=Money(25))["PBX_TOTAL"] == "025"

    @pytest.mark.parametrize(
        ("language", "written"), [("fr", "FRA"), ("en", "GBR"), ("de", "DEU"), ("br", "FRA"), ("", "FRA")]
    )
    def test_speaks_the_payer_s_language_or_french(self, language: str, written: str) -> None:
        assert form(language=language)["PBX_LANGUE"] == written

    @pytest.mark.parametrize(
        ("page", "path"),
        [("php", "php/"), ("classic", "cgi/MYchoix_pagepaiement.cgi"), ("responsive", "cgi/FramepagepaiementRWD.cgi")],
    )
    def test_goes_to_the_page_of_the_contract(self, page: str, path: str) -> None:
        assert with_options(page=page).hand_off(CANTEEN).url == f"https://paybox.invalid/{path}"

    def test_says_that_its_page_adapts_to_the_screen_where_that_must_be_said(self) -> None:
        assert form(with_options(page="responsive"))["PBX_SOURCE"] == "RWD"
        assert "PBX_SOURCE" not in form(with_options(page="classic"))

    def test_never_shows_where_to_notify_once_paybox_holds_the_account_s_own_address(self) -> None:
        gateway = with_options(notified_in_back_office=True)
        assert "PBX_REPONDRE_A" not in form(gateway)
        assert "PBX_REPONDRE_A" not in form(gateway, notification_url=None)

    def test_says_how_much_authentication_is_wished_only_where_the_contract_does(self) -> None:
        assert form(with_options(authentication="04"))["PBX_SOUHAITAUTHENT"] == "04"
        assert "PBX_SOUHAITAUTHENT" not in form()

    def test_waits_for_the_payer_as_long_as_the_contract_says(self) -> None:
        gateway = with_options(display_seconds=600)
        assert form(gateway)["PBX_DISPLAY"] == "600"
        assert gateway.holds_for == timedelta(minutes=15)

    def test_carries_the_end_of_the_invoice_s_reference_to_the_bank(self) -> None:
        assert form(debt_reference="F7", reference="F7-7fKq2ZbT0xWc9LmR4sVh1A")["PBX_ARCHIVAGE"] == "F7"
        assert len(form()["PBX_ARCHIVAGE"]) == 12
        assert CANTEEN.debt_reference.endswith(form()["PBX_ARCHIVAGE"])

    def test_gives_no_key_before(self) -> None:
        assert account().open(CANTEEN) is None


class TestTheSignatureOfTheForm:
    # computed for the dossier by hand, and published nowhere with an account of ours
    FIELDS = {
        "PBX_SITE": "1999888",
        "PBX_RANG": "32",
        "PBX_IDENTIFIANT": "107904482",
        "PBX_TOTAL": "1000",
        "PBX_DEVISE": "978",
        "PBX_CMD": "REGIE-2024-000001",
        "PBX_PORTEUR": "usager@example.org",
        "PBX_RETOUR": "Mt:M;Ref:R;Auto:A;Erreur:E;Sign:K",
    }
    EXPECTED = (
        "B592E5AEBB423BCCEB6BB88C26A5AAFDEA565A9F64553520B890904C7CF8F3CC"
        "B1786FFF837A9937461AEC4818BF827E545A047900B5D85D86E0210F8B7F8A3A"
    )
    KEY = bytes.fromhex(PUBLISHED_TEST_KEY)

    def test_is_the_worked_example_s(self) -> None:
        at = datetime(2024, 1, 15, 9, 0, tzinfo=UTC)
        assert sign(self.FIELDS, key=self.KEY, at=at)["PBX_HMAC"] == self.EXPECTED

    def test_depends_on_the_order(self) -> None:
        backwards = dict(reversed(self.FIELDS.items()))
        assert signature_of(backwards, self.KEY) != signature_of(self.FIELDS, self.KEY)

    def test_is_never_given_to_a_value_that_would_read_like_another_field(self) -> None:
        with pytest.raises(Ambiguous):
            signature_of({**self.FIELDS, "PBX_CMD": "A&PBX_TOTAL=1"}, self.KEY)

    def test_uses_the_key_as_sixty_four_bytes(self) -> None:
        assert form(account(secrets={"hmac": Secret.of_text(HMAC_KEY.upper())})) == form()

    @pytest.mark.parametrize("key", ["", "00", HMAC_KEY[:-1], HMAC_KEY + "0", HMAC_KEY[:-1] + "g", " " + HMAC_KEY[1:]])
    def test_refuses_a_key_that_is_not_128_hexadecimal_digits(self, key: str) -> None:
        secrets = {"hmac": Secret.of_text(key)}
        assert misconfigured(secrets=secrets) == ("hmac", "not_128_hexadecimal_digits")

    def test_is_never_given_without_a_key(self) -> None:
        assert refused(account(secrets={})) == "hmac_missing"

    def test_shows_its_key_to_nobody(self) -> None:
        assert HMAC_KEY[:16] not in repr(account()).lower()


class TestTheAddressForTheBank:
    def test_is_the_payer_s_own_in_plain_letters(self) -> None:
        xml = form(billing=ADDRESS)["PBX_BILLING"]
        assert xml == (
            '<?xml version="1.0" encoding="utf-8"?><Billing><Address><FirstName>Zoe</FirstName>'
            "<LastName>D'OEuvroe Fils</LastName><Address1>12 rue de l'Eglise</Address1><ZipCode>35000</ZipCode>"
            "<City>Saint-Aubin</City><CountryCode>250</CountryCode></Address></Billing>"
        )

    @pytest.mark.parametrize(
        "text", ["", "  ", "\t\n", "中文", "&<>\"'"[:4], "]]>", "<!DOCTYPE x>", "é" * 400, "a\x00b", "&amp;", "x" * 400]
    )
    def test_is_well_formed_ascii_within_its_lengths_whatever_was_typed(self, text: str) -> None:
        address = BillingAddress(first_name=text, last_name=text, street=text, postcode=text, town=text)
        xml = form(billing=address)["PBX_BILLING"]
        assert xml.isascii()
        assert "&" not in xml
        assert "\n" not in xml
        root = etree.fromstring(xml.encode())
        told = {str(leaf.tag): leaf.text or "" for leaf in root.iter() if len(leaf) == 0}
        longest = {"FirstName": 22, "LastName": 22, "Address1": 50, "ZipCode": 10, "City": 50, "CountryCode": 3}
        assert list(told) == list(longest)
        assert all(0 < len(value) <= longest[tag] for tag, value in told.items())

    def test_survives_the_form_s_attribute_as_it_was_signed(self) -> None:
        """A page escapes it once; a browser undoes that; the signature is over what it undoes."""
        values: list[str | None] = []

        class Page(HTMLParser):
            def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
                values.append(dict(attrs)["value"])

        xml = form(billing=ADDRESS)["PBX_BILLING"]
        escaped = xml.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
        Page().feed(f'<input value="{escaped}">')
        assert values == [xml]


class TestWhatCannotBeSent:
    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"environment": Environment.TEST}, "environment_differs"),
            ({"environment": Environment.ACTIVATION}, "environment_differs"),
            ({"amount": Money(99)}, "amount_out_of_bounds"),
            ({"amount": Money(10_000_000)}, "amount_out_of_bounds"),
            ({"amount": Money(0)}, "amount_out_of_bounds"),
            ({"amount": Money(-3840)}, "amount_out_of_bounds"),
            ({"reference": "CANT2026000412"}, "reference_malformed"),
            ({"reference": REFERENCE + "x"}, "reference_malformed"),
            ({"reference": REFERENCE.replace("-", "&")}, "reference_malformed"),
            ({"reference": "PBX_2MONT0000000100" + REFERENCE[-23:]}, "reference_malformed"),
            ({"reference": OTHER_REFERENCE}, "reference_malformed"),
            ({"debt_reference": "CANT2026000413"}, "reference_malformed"),
            ({"payer_email": "a@b.c"}, "email_malformed"),
            ({"payer_email": "x" * 108 + "@exemple.invalid"}, "email_malformed"),
            ({"payer_email": "mme.leroy"}, "email_malformed"),
            ({"payer_email": "zoé@exemple.invalid"}, "email_malformed"),
            ({"payer_email": "mme leroy@exemple.invalid"}, "email_malformed"),
            ({"payer_email": "a@exemple.invalid\n"}, "email_malformed"),
            ({"payer_email": "x&PBX_TOTAL=100&y@exemple.invalid"}, "email_with_ampersand"),
            ({"payer_email": "leroy&fils@exemple.invalid"}, "email_with_ampersand"),
            ({"return_url": None}, "return_url_missing"),
            ({"return_url": "/retour/"}, "return_url_malformed"),
            ({"return_url": "https://guichet.exemple.invalid/retour?commande=1"}, "return_url_malformed"),
            ({"return_url": "https://guichet.exemple.invalid/retour#ici"}, "return_url_malformed"),
            ({"return_url": "javascript:alert(1)"}, "return_url_malformed"),
            ({"return_url": "https://guichet.exemple.invalid/" + "x" * 119}, "return_url_too_long"),
            ({"notification_url": None}, "notification_url_missing"),
            ({"notification_url": "https://guichet.exemple.invalid/s/n/1?a=b"}, "notification_url_malformed"),
            ({"notification_url": "https://guichet.exemple.invalid/" + "x" * 119}, "notification_url_too_long"),
        ],
    )
    def test_is_said_before_the_payer_confirms(self, changes: dict[str, Any], code: str) -> None:
        assert refused(**changes) == code

    def test_takes_what_lies_on_the_edges(self) -> None:
        longest = "https://guichet.exemple.invalid/" + "x" * 118
        assert len(longest) == 150
        account().check(request(amount=Money(100), return_url=longest, payer_email="x" * 104 + "@exemple.invalid"))
        account().check(request(amount=Money(9_999_999), payer_email="a@b.fr", return_url="http://127.0.0.1:8000/r/"))

    def test_wants_more_than_one_euro_where_up2pay_does(self) -> None:
        up2pay = with_options(platform="up2pay")
        assert refused(up2pay, amount=Money(100)) == "amount_out_of_bounds"
        up2pay.check(request(amount=Money(101)))

    def test_follows_the_limits_of_the_contract(self) -> None:
        gateway = with_options(min_amount_cents=500, max_amount_cents=600)
        assert refused(gateway, amount=Money(499)) == "amount_out_of_bounds"
        assert refused(gateway, amount=Money(601)) == "amount_out_of_bounds"
        gateway.check(request(amount=Money(500)))


class TestTheNameOfAnAttempt:
    def test_begins_with_the_invoice_and_ends_with_chance(self) -> None:
        token = tokens.new_token(lambda count: bytes(range(count)))
        named = account().name_attempt("CANT2026000412", token)
        assert named == "CANT2026000412-AAECAwQFBgcICQoLDA0ODx"
        account().check(request(reference=named))

    def test_holds_neither_signs_nor_more_than_its_column(self) -> None:
        token = "-_" * 10 + "aB3" * 8
        assert account().name_attempt("X" * 30, token) == "X" * 30 + "-aB3aB3aB3aB3aB3aB3aB3a"
        assert len(account().name_attempt("X" * 30, token)) == 53

    def test_is_never_made_of_too_little_chance(self) -> None:
        with pytest.raises(ValueError, match="too short"):
            account().name_attempt("X", "-" * 43)


class TestTheContract:
    @pytest.mark.parametrize(
        ("platform", "environment", "main", "origins"),
        [
            ("paybox", "test", "https://preprod-tpeweb.paybox.com/", ("https://preprod-tpeweb.paybox.com",)),
            ("up2pay", "test", "https://recette-tpeweb.e-transactions.fr/", None),
            (
                "paybox",
                "activation",
                "https://tpeweb.paybox.com/",
                ("https://tpeweb.paybox.com", "https://tpeweb1.paybox.com"),
            ),
            ("paybox", "production", "https://tpeweb.paybox.com/", None),
            (
                "up2pay",
                "production",
                "https://tpeweb.e-transactions.fr/",
                ("https://tpeweb.e-transactions.fr", "https://tpeweb1.e-transactions.fr"),
            ),
        ],
    )
    def test_is_served_by_the_machines_of_its_platform(
        self, platform: str, environment: str, main: str, origins: tuple[str, ...] | None
    ) -> None:
        gateway = real(options={"platform": platform}, environment=Environment(environment))
        assert gateway.service_url == main
        assert origins is None or gateway.hand_off_origins == origins

    def test_has_its_number_in_three_parts(self) -> None:
        assert real().account_identifier == "2718281-01-314159265"
        assert form(account(identifier="2718281-132-3"))["PBX_RANG"] == "132"

    @pytest.mark.parametrize(
        "identifier",
        ["", "2718281", "2718281-1-3", "2718281-001-3", "271828-01-3", "2718281-01-", "2718281-01-1234567890", "a-b-c"],
    )
    def test_refuses_any_other_number(self, identifier: str) -> None:
        assert misconfigured(identifier=identifier) == ("identifier", "malformed")

    @pytest.mark.parametrize("site", ["1999888", "1999887"])
    @pytest.mark.parametrize("environment", [Environment.ACTIVATION, Environment.PRODUCTION])
    def test_refuses_the_published_test_sites_where_money_moves(self, site: str, environment: Environment) -> None:
        identifier = f"{site}-32-107904482"
        assert misconfigured(identifier=identifier, environment=environment) == ("identifier", "published")
        assert real(identifier=identifier, environment=Environment.TEST).account_identifier == identifier

    @pytest.mark.parametrize("written", [PUBLISHED_TEST_KEY, PUBLISHED_TEST_KEY.lower()])
    @pytest.mark.parametrize("environment", [Environment.ACTIVATION, Environment.PRODUCTION])
    def test_refuses_the_published_test_key_where_money_moves(self, written: str, environment: Environment) -> None:
        secrets = {"hmac": Secret.of_text(written)}
        assert misconfigured(secrets=secrets, environment=environment) == ("hmac", "published")
        real(secrets=secrets, environment=Environment.TEST)

    @pytest.mark.parametrize(
        ("where", "host"),
        [
            ("service_url", "preprod-tpeweb.paybox.com"),
            ("service_url", "recette-tpeweb.e-transactions.fr"),
            ("backup", "PREPROD-tpeweb.e-transactions.fr"),
            ("direct", "preprod-ppps.paybox.com"),
        ],
    )
    def test_refuses_the_test_platform_s_machines_where_money_moves(self, where: str, host: str) -> None:
        addresses = {} if where == "service_url" else {where: f"https://{host}/"}
        main = f"https://{host}/" if where == "service_url" else "https://paybox.invalid/"
        assert misconfigured(service_url=main, addresses=addresses) == ("service_url", "test_host")
        real(service_url=main, addresses=addresses, environment=Environment.TEST)

    @pytest.mark.parametrize("kind", [DebtKind.TITRE, DebtKind.ORMC])
    def test_takes_a_regie_s_debts_only(self, kind: DebtKind) -> None:
        assert misconfigured(debt_kind=kind) == ("debt_kind", "not_a_regie")

    @pytest.mark.parametrize(
        ("options", "field", "code"),
        [
            ({"colour": "red"}, "colour", "unknown_option"),
            ({"platform": "payplug"}, "platform", "unknown"),
            ({"platform": 1}, "platform", "wrong_type"),
            ({"page": "light"}, "page", "unknown"),
            ({"display_seconds": 99}, "display_seconds", "out_of_bounds"),
            ({"display_seconds": 86_401}, "display_seconds", "out_of_bounds"),
            ({"display_seconds": "900"}, "display_seconds", "wrong_type"),
            ({"display_seconds": True}, "display_seconds", "wrong_type"),
            ({"notified_in_back_office": 1}, "notified_in_back_office", "wrong_type"),
            ({"asks_address": "oui"}, "asks_address", "wrong_type"),
            ({"authentication": "05"}, "authentication", "unknown"),
            ({"authentication": 4}, "authentication", "wrong_type"),
            ({"min_amount_cents": 0}, "min_amount_cents", "out_of_order"),
            ({"min_amount_cents": 700, "max_amount_cents": 600}, "min_amount_cents", "out_of_order"),
            ({"max_amount_cents": 10_000_000_000}, "max_amount_cents", "too_large"),
        ],
    )
    def test_refuses_settings_that_cannot_be(self, options: dict[str, object], field: str, code: str) -> None:
        assert misconfigured(options=options) == (field, code)

    @pytest.mark.parametrize(
        ("changes", "wrong"),
        [
            ({"service_url": "http://paybox.invalid/"}, ("service_url", "not_an_address")),
            ({"service_url": "https://paybox.invalid"}, ("service_url", "not_an_address")),
            ({"service_url": "https://paybox.invalid/?a=/"}, ("service_url", "not_an_address")),
            ({"addresses": {"backup": "https://paybox1.invalid/"}}, ("service_url", "missing")),
            ({"public_key": PUBLIC_PEM}, ("service_url", "missing")),
            (
                {"service_url": "https://p.invalid/", "addresses": {"direct": "http://ppps.invalid/"}},
                ("direct", "not_an_address"),
            ),
        ],
    )
    def test_is_served_by_one_family_of_machines_over_tls(
        self, changes: dict[str, Any], wrong: tuple[str, str]
    ) -> None:
        assert misconfigured(**changes) == wrong

    def test_may_be_served_by_this_machine_without_tls(self) -> None:
        assert account(service_url="http://127.0.0.1:8010/").service_url == "http://127.0.0.1:8010/"

    def test_believes_no_key_that_is_not_rsa_of_1024_bits(self) -> None:
        def pem(key: Any) -> str:
            public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            return str(public.decode())

        larger = pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))
        for wrong in (larger, pem(ec.generate_private_key(ec.SECP256R1()))):
            assert misconfigured(service_url="https://p.invalid/", public_key=wrong) == ("public_key", "not_rsa_1024")
        assert misconfigured(service_url="https://p.invalid/", public_key="no key") == ("public_key", "not_a_key")


class TestTheBackupHost:
    MAIN, BACKUP = "tpeweb.paybox.com", "tpeweb1.paybox.com"

    def open_page(self) -> httpx.Response:
        return httpx.Response(200, content=LOAD)

    def test_is_left_alone_while_the_main_one_is_awake(self) -> None:
        gateway = real(letters.hosts_saying({self.MAIN: self.open_page()}))
        assert isinstance(gateway, GatewayWithBackup)
        assert gateway.awake() == gateway

    @pytest.mark.parametrize(
        "said",
        [
            httpx.ConnectError("no"),
            httpx.ReadTimeout("late"),
            httpx.Response(503, content=LOAD),
            httpx.Response(302, headers={"Location": "https://elsewhere.invalid/"}),
            httpx.Response(200, content=b""),
            httpx.Response(200, content=b"<html><body>OK</body></html>"),
            httpx.Response(200, content=LOAD.replace(b">OK<", b">KO<")),
            httpx.Response(200, content=LOAD.replace(b">OK<", b">NOK<")),
            httpx.Response(200, content=LOAD.replace(b"server_status", b"status")),
            httpx.Response(200, content=LOAD + b" " * 20_000),
        ],
    )
    def test_takes_over_when_the_main_one_says_anything_but_ok(self, said: httpx.Response | Exception) -> None:
        gateway = real(letters.hosts_saying({self.MAIN: said, self.BACKUP: self.open_page()})).awake()
        assert gateway.hand_off(CANTEEN).url == f"https://{self.BACKUP}/php/"
        assert gateway.hand_off_origins == real().hand_off_origins  # the page's own rules name both
        assert gateway.account_identifier == real().account_identifier

    def test_is_not_there_on_the_test_platform(self) -> None:
        with pytest.raises(Unreachable):
            real(letters.hosts_saying({self.BACKUP: self.open_page()}), environment=Environment.TEST).awake()

    def test_nobody_leaves_when_both_sleep(self) -> None:
        with pytest.raises(Unreachable) as failure:
            real(letters.hosts_saying({})).awake()
        assert (failure.value.code, failure.value.sent) == ("asleep", False)


class TestPayboxNotification:
    def test_says_that_the_payment_was_paid(self) -> None:
        notice = read(told())
        assert (notice.outcome, notice.outcome_code, notice.rank) == (Outcome.PAID, "00000", Rank.SIGNED)
        assert (notice.reference, notice.transaction, notice.call) == (REFERENCE, "5329117", "10244812")
        assert notice.occurred_at == datetime(2026, 11, 24, 13, 5, 20, tzinfo=UTC)
        assert notice.means is Means.CARD
        assert notice.remarks == ()
        assert notice.facts == {
            "debt_reference": "CANT2026000412",
            "amount_cents": "3840",
            "outcome": "paid",
            "outcome_code": "00000",
            "means": "card",
            "authorisation": "581204",
            "transaction": "5329117",
            "call": "10244812",
            "occurred_at": "2026-11-24T13:05:20+00:00",
        }

    def test_binds_to_no_account_whoever_signed_it(self) -> None:
        claims = read(told()).claims
        assert claims.account_identifier is None
        assert not claims.name(claims_of(account(), CANTEEN))

    def test_reads_the_same_in_the_browser_s_return(self) -> None:
        assert read(brought(sealed(returned()))) == read(told())

    @pytest.mark.parametrize("authorisation", ["581204", "58%2012", "3f-ea/b%2Bd"])
    def test_has_whatever_authorisation_the_bank_wrote(self, authorisation: str) -> None:
        assert read(told(Auto=authorisation)).facts["authorisation"] == unquote(authorisation)

    @pytest.mark.parametrize("authorisation", ["XXXXXX", "xxxxxx", "XXXX", "%20XXXXXX%20"])
    def test_of_the_test_platform_is_of_the_test_environment(self, authorisation: str) -> None:
        notice = read(told(Auto=authorisation))
        assert notice.claims.environment is Environment.TEST
        assert notice.claims.differences_from(claims_of(account(), CANTEEN)) == ("environment",)
        assert notice.facts["environment"] == "test"

    @pytest.mark.parametrize("authorisation", [None, "", "0"])
    def test_accepted_without_authorisation_is_no_payment_and_no_refusal(self, authorisation: str | None) -> None:
        notice = read(told(Auto=authorisation))
        assert (notice.outcome, notice.remarks) == (Outcome.UNKNOWN, ("no_authorisation",))

    @pytest.mark.parametrize("changes", [{"Trans": "0"}, {"Trans": ""}, {"Appel": "0"}])
    def test_accepted_without_a_transaction_is_no_payment_and_no_refusal(self, changes: dict[str, str]) -> None:
        notice = read(told(**changes))
        assert (notice.outcome, notice.remarks) == (Outcome.UNKNOWN, ("no_transaction",))

    @pytest.mark.parametrize(
        ("code", "outcome"),
        [
            ("00001", Outcome.ABANDONED),
            ("00030", Outcome.ABANDONED),
            ("00003", Outcome.REFUSED),
            ("00004", Outcome.REFUSED),
            ("00006", Outcome.REFUSED),
            ("00105", Outcome.REFUSED),
            ("00151", Outcome.REFUSED),
            ("001A1", Outcome.REFUSED),
            ("001R3", Outcome.REFUSED),
            ("00165", Outcome.REFUSED),
            ("00100", Outcome.UNKNOWN),
            ("00015", Outcome.UNKNOWN),
            ("00031", Outcome.UNKNOWN),
            ("00200", Outcome.UNKNOWN),
            ("00777", Outcome.UNKNOWN),
            ("99999", Outcome.PENDING),
            ("00099", Outcome.PENDING),
        ],
    )
    def test_knows_its_codes_as_text(self, code: str, outcome: Outcome) -> None:
        notice = read(told(Erreur=code, Auto=None, Trans="0"))
        assert (notice.outcome, notice.outcome_code) == (outcome, code)

    def test_says_paid_for_one_code_and_no_other(self) -> None:
        codes = [*RETURN_CODES, *(f"{number:05d}" for number in range(400)), "001A1", "99998"]
        paid = {code for code in codes if read(told(Erreur=code)).outcome is Outcome.PAID}
        assert paid == {"00000"}

    def test_of_a_refusal_may_lack_an_authorisation(self) -> None:
        notice = read(told(**REFUSED))
        assert (notice.outcome, notice.transaction) == (Outcome.REFUSED, "5329117")
        assert "authorisation" not in notice.facts

    def test_of_an_abandon_may_lack_the_amount_and_the_hour(self) -> None:
        notice = read(told(**ABANDONED, Mt=None, Date=None, Heure=None))
        assert (notice.outcome, notice.claims.amount, notice.transaction) == (Outcome.ABANDONED, None, None)
        assert notice.occurred_at is None

    def test_writes_numbers_without_the_zeros_in_front(self) -> None:
        notice = read(told(Mt="0000003840", Trans="0005329117", Appel="0010244812"))
        assert (notice.claims.amount, notice.transaction, notice.call) == (Money(3840), "5329117", "10244812")

    def test_names_a_reference_that_is_not_ours_and_no_debt(self) -> None:
        notice = read(told(Ref="CMD1349338388"))
        assert (notice.reference, notice.claims.debt_reference) == ("CMD1349338388", None)

    @pytest.mark.parametrize(
        ("changes", "remark", "moment"),
        [
            ({"Date": "20261124"}, "moment_unreadable", None),
            ({"Date": "31022026"}, "moment_impossible", None),
            ({"Date": ""}, "moment_unreadable", None),
            ({"Heure": "14:05"}, "moment_unreadable", None),
            ({"Heure": "25%3A00%3A00"}, "moment_impossible", None),
            (
                {"Date": "25102026", "Heure": "02%3A30%3A00"},
                "moment_ambiguous",
                datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
            ),
            (
                {"Date": "29032026", "Heure": "02%3A30%3A00"},
                "moment_imaginary",
                datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
            ),
        ],
    )
    def test_remarks_an_hour_that_cannot_be(
        self, changes: dict[str, str], remark: str, moment: datetime | None
    ) -> None:
        notice = read(told(**changes))
        assert (notice.outcome, notice.remarks, notice.occurred_at) == (Outcome.PAID, (remark,), moment)


class TestTheSignatureOfPaybox:
    def test_is_known_by_the_published_key(self) -> None:
        assert verify(brought(REAL_TEXT + b"&Sign=" + REAL_SIGNATURE), key=public_key()) == REAL_TEXT
        assert verify(posted(REAL_TEXT + b"&Sign=" + REAL_SIGNATURE), key=public_key()) == REAL_TEXT

    def test_of_another_shop_s_form_is_no_answer_to_ours(self) -> None:
        """Truly signed, by the very key we trust: its form asked for other names than ours."""
        with pytest.raises(Unreadable) as failure:
            real().read(brought(REAL_TEXT + b"&Sign=" + REAL_SIGNATURE))
        assert failure.value.code == "missing_field"

    def test_of_a_sandbox_is_worth_nothing_at_paybox_nor_the_reverse(self) -> None:
        assert not_authentic(told(), real()) == "wrong_signature"
        assert not_authentic(brought(REAL_TEXT + b"&Sign=" + REAL_SIGNATURE)) == "wrong_signature"

    @pytest.mark.parametrize("name", list(letters.PAID))
    def test_is_broken_by_one_character_of_any_value(self, name: str) -> None:
        value = letters.PAID[name]
        changed = value[:-1] + ("1" if value[-1] != "1" else "2")
        text = sealed(returned()).replace(f"{name}={value}".encode(), f"{name}={changed}".encode())
        assert not_authentic(posted(text)) == "wrong_signature"

    def test_is_broken_by_another_order(self) -> None:
        parts = returned().split(b"&")
        moved = b"&".join([parts[1], parts[0], *parts[2:]])
        assert not_authentic(posted(moved + b"&Sign=" + letters.signature(returned()))) == "wrong_signature"

    @pytest.mark.parametrize(
        ("here", "there"), [(b"%3A", b":"), (b"%3A", b"%3a"), (b"-", b"%2D"), (b"Mt=", b"%4Dt="), (b"&", b"&amp;")]
    )
    def test_is_broken_by_another_encoding_of_the_same_text(self, here: bytes, there: bytes) -> None:
        text = returned().replace(here, there) + b"&Sign=" + letters.signature(returned())
        assert not_authentic(posted(text)) == "wrong_signature"

    def test_is_broken_by_what_is_put_before_it(self) -> None:
        for text in (b"commande=42&" + sealed(returned()), b"&" + sealed(returned()), b"?" + sealed(returned())):
            assert not_authentic(brought(text)) == "wrong_signature"

    @pytest.mark.parametrize("extra", [b"&Mt=1", b"&x", b"&", b"#x", b"%00", b"=", b" ", b"\n", b"%3D"])
    def test_has_nothing_behind_it(self, extra: bytes) -> None:
        assert not_authentic(posted(sealed(returned()) + extra)) == "malformed_signature"

    def test_is_the_last_one_of_two(self) -> None:
        twice = sealed(returned()) + b"&Sign=" + letters.signature(returned())
        assert not_authentic(posted(twice)) == "wrong_signature"
        assert unreadable(sealed(returned())) == "unknown_field"  # signed again, the first is a field nobody asked for

    @pytest.mark.parametrize(
        "text", [b"", b"Mt=3840", returned(), returned().replace(b"Mt=", b"Sign="), returned() + b"&sign=x"]
    )
    def test_must_be_there(self, text: bytes) -> None:
        assert not_authentic(posted(text)) == "unsigned"

    def test_must_be_whole(self) -> None:
        signature = letters.signature(returned())
        plain = base64.b64decode(signature.replace(b"%2B", b"+").replace(b"%2F", b"/").replace(b"%3D", b"="))
        for wrong in (
            b"",
            signature[:-4],
            signature[:-3],
            b"%20" + signature,
            signature.replace(b"%3D", b""),
            quote(plain.hex()).encode(),
            b"A" * 5000,
        ):
            assert not_authentic(posted(returned() + b"&Sign=" + wrong)) in ("malformed_signature", "too_long")

    def test_is_refused_in_an_encoding_that_says_the_same_with_other_letters(self) -> None:
        """Two bits of base64's last letter count for nothing: three other letters would decode alike."""
        alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        whole = letters.signature(returned())
        last = whole[-4:-3]
        accepted = []
        for other in (bytes([letter]) for letter in alphabet):
            try:
                read(posted(returned() + b"&Sign=" + whole[:-4] + other + whole[-3:]))
            except NotAuthentic:
                continue
            accepted.append(other)
        assert accepted in ([last], [])  # none where the last letter is itself an escape

    def test_keeps_its_plus_signs(self) -> None:
        """A form's rule would read them as spaces: a signature with none of them proves nothing here."""
        number = 0
        while b"%2B" not in letters.signature(text := returned(Appel=str(10_000 + number))):
            number += 1
        raw = letters.signature(text).replace(b"%2B", b"+")
        assert read(posted(text + b"&Sign=" + raw)).call == str(10_000 + number)
        assert not_authentic(posted(text + b"&Sign=" + raw.replace(b"+", b"%20"))) == "malformed_signature"

    def test_is_not_that_of_remote_mpi(self) -> None:
        """Another product signs decoded Latin-1 text with the same key: not our rule, and not accepted."""
        decoded = returned().replace(b"%3A", b":")
        assert not_authentic(posted(returned() + b"&Sign=" + letters.signature(decoded))) == "wrong_signature"
        assert not_authentic(posted(returned() + b"&Check=" + letters.signature(decoded))) == "unsigned"

    def test_covers_all_that_arrived(self) -> None:
        assert not_authentic(posted(sealed(returned()), query=b"Mt=1")) == "elsewhere"
        assert not_authentic(posted(b"", query=sealed(returned()))) == "elsewhere"
        assert not_authentic(brought(sealed(returned()), body=b"Mt=1")) == "elsewhere"

    def test_comes_in_a_form_that_is_posted_or_in_an_address(self) -> None:
        put = dataclasses.replace(told(), method="PUT")
        assert not_authentic(put) == "method"
        assert not_authentic(posted(sealed(returned()), content_type="application/json")) == "not_a_form"
        assert not_authentic(posted(sealed(returned()), content_type="multipart/form-data; boundary=x")) == "not_a_form"
        assert read(posted(sealed(returned()), content_type="")).outcome is Outcome.PAID
        charset = "application/x-www-form-urlencoded; charset=ISO-8859-1"
        assert read(posted(sealed(returned()), content_type=charset)).outcome is Outcome.PAID

    def test_is_not_looked_for_in_a_text_that_is_too_long(self) -> None:
        assert not_authentic(posted(sealed(b"x" * 5000))) == "too_long"


class TestWhatPayboxSignedForSomebodyElse:
    """Every one of these is truly signed: each is refused for what it says."""

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            (returned() + b"&Mt=1", "repeated_field"),
            (returned().replace(b"Mt=3840", b"Mt=3840&Mt=3840"), "repeated_field"),
            (returned() + b"&Carte=CB", "unknown_field"),
            (b"commande=42&" + returned(), "unknown_field"),
            (returned().replace(b"Mt=", b"mt="), "unknown_field"),
            (returned().replace(b"Mt=", b"%4Dt="), "unknown_field"),
            (returned().replace(b"Mt=", b"M\xc3\xa9="), "unknown_field"),
            (returned() + b"&", "malformed_pair"),
            (returned().replace(b"Mt=3840", b"Mt"), "malformed_pair"),
            (b"", "malformed_pair"),
            (b"Ref=" + REFERENCE.encode() + b"&Mt=3840&Erreur=00000", "order"),
            (returned(Mt=None), "missing_field"),
            (returned(Mt=""), "missing_field"),
            (returned(**{**REFUSED, "Mt": None}), "missing_field"),
            (returned(Ref=None), "missing_field"),
            (returned(Ref=""), "missing_field"),
            (returned(Erreur=None), "missing_field"),
            (returned(Trans=None), "missing_field"),
            (returned(Appel=None), "missing_field"),
            (returned(Date=None), "missing_field"),
            (returned(**{**ABANDONED, "Appel": None}), "missing_field"),
            (returned(Mt="38,40"), "malformed_field"),
            (returned(Mt="-3840"), "malformed_field"),
            (returned(Mt="+3840"), "malformed_field"),
            (returned(Mt="3840.0"), "malformed_field"),
            (returned(Mt="1" * 11), "malformed_field"),
            (returned(Mt="%C2%B23840"), "not_ascii"),
            (returned(Ref=REFERENCE + "%00"), "not_ascii"),
            (returned(Ref="mme.leroy%40exemple.invalid"), "malformed_field"),
            (returned(Ref="x" * 65), "malformed_field"),
            (returned(Ref="a%2"), "broken_percent"),
            (returned(Ref="a+b"), "malformed_field"),
            (returned(Erreur="0"), "malformed_field"),
            (returned(Erreur="000000"), "malformed_field"),
            (returned(Auto="%20"), "malformed_field"),
            (returned(Auto="5" * 33), "malformed_field"),
            (returned(Trans="5329117x"), "malformed_field"),
            (returned(Trans="12345678901"), "malformed_field"),
        ],
    )
    def test_is_no_answer_to_our_form(self, text: bytes, code: str) -> None:
        assert unreadable(text) == code

    def test_repeats_nothing_of_what_it_says(self) -> None:
        with pytest.raises(Unreadable) as failure:
            read(told(Ref="mme.leroy%40exemple.invalid"))
        assert failure.value.args == ("malformed_field",)


class TestTheAnswer:
    def test_warns_the_merchant_through_paybox_of_what_nobody_proved(self) -> None:
        assert account().acknowledge(told(), Verdict.NOT_AUTHENTIC).status == 403

    @pytest.mark.parametrize("verdict", [Verdict.HEARD, Verdict.UNREADABLE])
    def test_is_empty_and_good_for_what_paybox_wrote(self, verdict: Verdict) -> None:
        answer = account().acknowledge(told(), verdict)
        assert (answer.status, answer.body) == (200, b"")
