"""What REGAL adds to Paybox's cryptography: the fourth part of `bench.py`.

No database and no network: a form is checked, built and signed; a return is verified and read. Beside each stand the
bare calls of `hmac` and `cryptography` over the very same bytes, in the same run. The ratio is that of the CPU: the
machine may be busy.
"""

import base64
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import quote, unquote_to_bytes

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from regal.gateways.base import (
    AccountConfig,
    DebtKind,
    Environment,
    Message,
    Notice,
    Outcome,
    PaymentRequest,
    PostForm,
)
from regal.gateways.paybox.gateway import Paybox
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.vault import Secret

T = TypeVar("T")

COUNT = 5_000
WARM_UP = 100
AT = datetime(2026, 11, 24, 13, 0, tzinfo=UTC)
HMAC_KEY = "0f1e2d3c4b5a6978" * 8
CONFIG = AccountConfig(
    service_url="https://paybox.example/",
    identifier="2718281-01-314159265",
    debt_kind=DebtKind.REGIE,
    environment=Environment.PRODUCTION,
    secrets={"hmac": Secret.of_text(HMAC_KEY)},
)
REQUEST = PaymentRequest(
    reference="",
    amount=Money(3_840),
    debt_reference="CANT2026000412",
    exercice=2026,
    label="Cantine",
    payer_email="payeur@example.org",
    environment=Environment.PRODUCTION,
    notification_url="https://payer.example.org/s/n/1/" + "x" * 43,
    return_url="https://payer.example.org/saint-aubin/suivi/" + "x" * 43 + "/retour/",
)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table: ours and the bare call, as often."""

    what: str
    seconds: float
    cpu_seconds: float
    bare_seconds: float
    bare_cpu_seconds: float


def measure(*, say: Callable[[str], object]) -> str:
    """Sign, then verify: the table in Markdown."""
    say("paybox…")
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - as Paybox's
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
    with httpx.Client() as http:
        gateway = Paybox.configure(replace(CONFIG, public_key=pem), http, lambda: AT)
        names = (gateway.name_attempt(REQUEST.debt_reference, tokens.new_token()) for _ in range(COUNT))
        requests = [replace(REQUEST, reference=name) for name in names]
        messages = [_message(key, request) for request in requests]
        return table([_forms(gateway, requests), _returns(gateway, key.public_key(), messages)])


def table(figures: Sequence[Figure]) -> str:
    """Each operation beside the bare call."""
    lines = [
        "| Paybox | par seconde | CPU µs | appel nu, par seconde | appel nu, CPU µs | rapport de CPU |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {one.what} | {COUNT / one.seconds:.0f} | {one.cpu_seconds * 1_000_000 / COUNT:.0f} |"
        f" {COUNT / one.bare_seconds:.0f} | {one.bare_cpu_seconds * 1_000_000 / COUNT:.0f} |"
        f" {one.cpu_seconds / one.bare_cpu_seconds:.1f} |"
        for one in figures
    ]
    return "\n".join(lines)


def _forms(gateway: Paybox, requests: Sequence[PaymentRequest]) -> Figure:
    def ours(request: PaymentRequest) -> str:
        form = gateway.hand_off(request)
        assert isinstance(form, PostForm)
        return form.fields["PBX_HMAC"]

    def bare(text: bytes) -> str:
        return hmac.digest(secret, text, "sha512").hex().upper()

    secret = bytes.fromhex(HMAC_KEY)
    texts = [_signed_text(gateway.hand_off(request)) for request in requests]
    assert ours(requests[0]) == bare(texts[0])
    return _figure("formulaire contrôlé et signé (HMAC-SHA-512)", _timed(ours, requests), _timed(bare, texts))


def _returns(gateway: Paybox, key: rsa.RSAPublicKey, messages: Sequence[Message]) -> Figure:
    def ours(message: Message) -> Outcome:
        notice = gateway.read(message)
        assert isinstance(notice, Notice)
        return notice.outcome

    def bare(signed: tuple[bytes, bytes]) -> None:
        key.verify(signed[1], signed[0], PKCS1v15(), SHA1())  # noqa: S303 - theirs

    assert ours(messages[0]) is Outcome.PAID
    parts = [message.body.rpartition(b"&Sign=") for message in messages]
    signed = [(text, base64.b64decode(unquote_to_bytes(signature))) for text, _, signature in parts]
    return _figure("retour vérifié et lu (RSA 1024, SHA-1)", _timed(ours, messages), _timed(bare, signed))


def _timed(operation: Callable[[T], object], inputs: Sequence[T]) -> tuple[float, float]:
    """Seconds, and seconds of CPU."""
    for one in inputs[:WARM_UP]:
        operation(one)
    cpu, began = time.process_time(), time.perf_counter()
    for one in inputs:
        operation(one)
    return time.perf_counter() - began, time.process_time() - cpu


def _figure(what: str, ours: tuple[float, float], bare: tuple[float, float]) -> Figure:
    return Figure(what=what, seconds=ours[0], cpu_seconds=ours[1], bare_seconds=bare[0], bare_cpu_seconds=bare[1])


def _signed_text(form: PostForm) -> bytes:
    return "&".join(f"{name}={value}" for name, value in form.fields.items() if name != "PBX_HMAC").encode()


def _message(key: rsa.RSAPrivateKey, request: PaymentRequest) -> Message:
    text = (
        f"Mt={request.amount.cents}&Ref={request.reference}&Auto=581204&Erreur=00000&Trans=5329117&Appel=10244812"
        "&Date=24112026&Heure=14%3A05%3A20"
    ).encode()
    signature = quote(base64.b64encode(key.sign(text, PKCS1v15(), SHA1())), safe="").encode()  # noqa: S303 - theirs
    return Message(
        method="POST",
        query=b"",
        body=text + b"&Sign=" + signature,
        content_type="application/x-www-form-urlencoded",
        received_at=AT,
    )
