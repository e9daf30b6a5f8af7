"""A merchant's site, written from Paybox's documentation alone: it signs its form, and verifies what comes back."""

import base64
import hashlib
import hmac
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, unquote_to_bytes, urlencode, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

TEST_KEY = "0123456789ABCDEF" * 8
TEST = "1999888-32-107904482"
REGIE = "2718281-01-314159265"
REGIE_KEY = (
    "DE115ED02B7105B8AD413E9FD297F23499CF1DC3AD80A92DF8D6A099D4EFC591"
    "707A02A9A0E063C91A599657EBBF4F15DD53BD287797CF30480B3161B637852C"
)
SITE = "https://site.exemple.fr"
RETOUR = "Mt:M;Ref:R;Auto:A;Erreur:E;Trans:S;Appel:T;Date:W;Heure:Q;Sign:K"


def fields(merchant: str = TEST, **changed: str | None) -> dict[str, str]:
    """A form of 48,50 €, unsigned; a None leaves the field out."""
    site, rank, identifier = merchant.split("-")
    told: dict[str, str | None] = {
        "PBX_SITE": site,
        "PBX_RANG": rank,
        "PBX_IDENTIFIANT": identifier,
        "PBX_TOTAL": "4850",
        "PBX_DEVISE": "978",
        "PBX_CMD": "CANTINE-2026-03",
        "PBX_PORTEUR": "leroy@exemple.fr",
        "PBX_RETOUR": RETOUR,
        "PBX_EFFECTUE": f"{SITE}/paye",
        "PBX_REFUSE": f"{SITE}/refuse",
        "PBX_ANNULE": f"{SITE}/annule",
        "PBX_ATTENTE": f"{SITE}/attente",
        "PBX_REPONDRE_A": f"{SITE}/ipn",
        "PBX_TYPEPAIEMENT": "CARTE",
        "PBX_TYPECARTE": "CB",
        "PBX_HASH": "SHA512",
        "PBX_TIME": "2026-03-16T12:00:00+01:00",
    }
    told |= changed
    return {name: value for name, value in told.items() if value is not None}


def sign(form: Mapping[str, str], *, key: str = TEST_KEY, algorithm: str = "sha512") -> dict[str, str]:
    text = "&".join(f"{name}={value}" for name, value in form.items() if name.startswith("PBX_"))
    made = hmac.new(bytes.fromhex(key), text.encode(), algorithm).hexdigest().upper()
    return dict(form) | {"PBX_HMAC": made}


def signed(merchant: str = TEST, **changed: str | None) -> dict[str, str]:
    return sign(fields(merchant, **changed), key=REGIE_KEY if merchant == REGIE else TEST_KEY)


@dataclass
class PayboxPayer:
    """A browser without script at Paybox."""

    browser: FlaskClient
    prefix: str = ""
    session: str = ""

    def ask(self, form: Mapping[str, str] | None = None, *, path: str = "/php/") -> TestResponse:
        return self.browser.post(self.prefix + path, data=urlencode(form if form is not None else signed()))

    def open(self, merchant: str = TEST, **changed: str | None) -> str:
        """Up to the card page, or the choice: what it shows."""
        answer = self.ask(signed(merchant, **changed))
        assert answer.status_code == 200, answer.text
        self.session = _session(answer.text)
        return self.press("continuer", path="/cgi/MYpagepaiement.cgi")

    def send(self, decision: str = "", *, path: str = "/cgi/MYtraitetransaction.cgi", **typed: str) -> TestResponse:
        """Press a button, without following."""
        told = {"session": self.session} | ({"decision": decision} if decision else {}) | typed
        return self.browser.post(self.prefix + path, data=told)

    def press(self, decision: str = "", *, path: str = "/cgi/MYtraitetransaction.cgi", **typed: str) -> str:
        """Press a button and see the page that follows."""
        answer = self.send(decision, path=path, **typed)
        assert answer.status_code == 303, answer.text
        return self.browser.get(answer.headers["Location"]).text

    def see(self) -> str:
        return self.browser.get(f"{self.prefix}/cgi/MYpagepaiement.cgi?session={self.session}").text

    def pay(self, merchant: str = TEST, **changed: str | None) -> str:
        """With the example card; the page that follows."""
        self.open(merchant, **changed)
        return self.press("payer")


def _session(page: str) -> str:
    found = re.search(r'data-session="(\w+)"', page)
    assert found is not None, page
    return found[1]


def state_of(page: str) -> str:
    found = re.search(r'data-state="(\w+)"', page)
    assert found is not None, page
    return found[1]


def way_back_of(page: str) -> str:
    """Where the page's link « Retour » leads."""
    found = re.search(r'data-return href="([^"]+)"', page)
    assert found is not None, page
    return html.unescape(found[1])


def cancel_of(page: str) -> str:
    """The address, signed beforehand, that the card page holds for who cancels."""
    found = re.search(r'name="ANNULATION" value="([^"]+)"', page)
    assert found is not None, page
    return html.unescape(found[1])


def query_of(url: str) -> str:
    return urlsplit(url).query


def values(query: str) -> dict[str, str]:
    return {name: unquote(value) for name, _, value in (piece.partition("=") for piece in query.split("&"))}


@dataclass(frozen=True)
class Verifier:
    """The published key, and the rule: what stands before the last signature, as it came."""

    pem: str

    @property
    def key(self) -> RSAPublicKey:
        key = load_pem_public_key(self.pem.encode())
        assert isinstance(key, RSAPublicKey)
        return key

    def accepts(self, text: str, *, name: str = "Sign") -> bool:
        before, _, signature = text.rpartition(f"&{name}=")
        try:
            self.key.verify(base64.b64decode(unquote_to_bytes(signature)), before.encode(), padding.PKCS1v15(), SHA1())  # noqa: S303
        except (InvalidSignature, ValueError):
            return False
        return True

    @property
    def fingerprint(self) -> str:
        lines = [line for line in self.pem.splitlines() if not line.startswith("-")]
        return hashlib.sha256(base64.b64decode("".join(lines))).hexdigest()
