"""A Paybox of a few lines: its key, what it signs, and a client that hears its machines. Everything is invented."""

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from regal.gateways.base import Message

FORM = "application/x-www-form-urlencoded"
RECEIVED_AT = datetime(2026, 11, 24, 13, 5, 30, tzinfo=UTC)
REFERENCE = "CANT2026000412-7fKq2ZbT0xWc9LmR4sVh1A"
OTHER_REFERENCE = "CANT2026000413-Q0dJ8uPz5yNe3GtB6kXw2C"

PRIVATE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - as Paybox's
PUBLIC_PEM = PRIVATE_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")

PAID = {  # in the order of our form
    "Mt": "3840",
    "Ref": REFERENCE,
    "Auto": "581204",
    "Erreur": "00000",
    "Trans": "5329117",
    "Appel": "10244812",
    "Date": "24112026",
    "Heure": "14%3A05%3A20",
}
REFUSED = {"Auto": None, "Erreur": "00151"}
ABANDONED = {"Auto": None, "Erreur": "00001", "Trans": "0"}

LOAD = b'<html><head></head><body><div id="server_status" style="text-align:center;">OK</div></body></html>'


def returned(**changes: str | None) -> bytes:
    """What Paybox says of Mme Leroy's payment, not signed yet; None leaves a field out. Values as on the wire."""
    fields = {name: value for name, value in (PAID | changes).items() if value is not None}
    return "&".join(f"{name}={value}" for name, value in fields.items()).encode()


def signature(text: bytes, key: rsa.RSAPrivateKey = PRIVATE_KEY) -> bytes:
    """As it stands in the message."""
    return quote(base64.b64encode(key.sign(text, PKCS1v15(), SHA1())), safe="").encode()  # noqa: S303


def sealed(text: bytes) -> bytes:
    return text + b"&Sign=" + signature(text)


def posted(body: bytes, *, query: bytes = b"", content_type: str = FORM) -> Message:
    """A notification."""
    return Message(method="POST", query=query, body=body, content_type=content_type, received_at=RECEIVED_AT)


def brought(query: bytes, *, body: bytes = b"") -> Message:
    """The browser's return."""
    return Message(method="GET", query=query, body=body, content_type="", received_at=RECEIVED_AT)


def told(**changes: str | None) -> Message:
    """A notification that Paybox signed."""
    return posted(sealed(returned(**changes)))


def hearing(handler: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(handler))


def hosts_saying(pages: Mapping[str, httpx.Response | Exception]) -> httpx.Client:
    """A client of some hosts, by name; whoever is not among them cannot be reached."""

    def handle(request: httpx.Request) -> httpx.Response:
        said = pages.get(request.url.host, httpx.ConnectError("nobody"))
        if isinstance(said, Exception):
            raise said
        return said

    return hearing(handle)


def nobody() -> httpx.Client:
    def fail(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"nobody was to be asked: {request.url}")

    return hearing(fail)
