"""A régie's payment on Paybox's page, and a Paybox of a few lines: it signs whatever a test has it say."""

import base64
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote

import httpx
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.test import override_settings

from regal.collectivites.models import GatewayAccount, Product
from regal.collectivites.operations import keep_secret
from regal.gateways.base import DebtKind, Environment, Message
from regal.lib import http, paris, tokens
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret, new_master_key
from regal.payments.departure import Departure, depart
from regal.payments.models import Attempt, Evidence, InboxMessage
from regal.payments.operations import PaymentOrder, receive, receive_for_account
from regal.titres.models import Titre
from tests import cast, inquiries, notices
from tests.cast import Town
from tests.inquiries import Clock

IDENTIFIER = "2718281-01-314159265"
HMAC = "0F1E2D3C4B5A6978" * 8
DIRECT = "S3CRET"
AUTHORISATION = "581204"
FORM = "application/x-www-form-urlencoded"
LOAD = b'<html><head></head><body><div id="server_status">OK</div></body></html>'
_numbers = itertools.count(5_329_117)


@cache
def key() -> RSAPrivateKey:
    """Whose signature the tests believe: of 1,024 bits, as Paybox's."""
    return generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505


def public_pem(of: RSAPrivateKey | None = None) -> str:
    of = of or key()
    return of.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def signed(text: bytes, by: RSAPrivateKey | None = None) -> bytes:
    """A text, and Paybox's signature of it as it stands on the wire."""
    signature = (by or key()).sign(text, PKCS1v15(), SHA1())  # noqa: S303
    return text + b"&Sign=" + quote(base64.b64encode(signature), safe="").encode()


def said(attempt: Attempt, now: datetime, **changes: str | None) -> bytes:
    """What Paybox says of an attempt that was paid, not signed yet; None leaves a field out. Values as on the wire."""
    local = paris.to_paris(now)
    usual: dict[str, str | None] = {
        "Mt": f"{attempt.amount.cents}",
        "Ref": attempt.reference,
        "Auto": "XXXXXX" if attempt.environment == Environment.TEST else AUTHORISATION,
        "Erreur": "00000",
        "Trans": f"{next(_numbers)}",
        "Appel": f"{next(_numbers)}",
        "Date": f"{local:%d%m%Y}",
        "Heure": f"{local:%H}%3A{local:%M}%3A{local:%S}",
    }
    return "&".join(f"{name}={value}" for name, value in (usual | changes).items() if value is not None).encode()


REFUSED: dict[str, Any] = {"Auto": None, "Erreur": "00151"}
ABANDONED: dict[str, Any] = {"Auto": None, "Erreur": "00001", "Trans": "0"}
PENDING: dict[str, Any] = {"Auto": None, "Erreur": "99999"}


@dataclass
class FakePaybox:
    """Its page is open or not; Direct answers what it was told: of each transaction its STATUS, of others nothing."""

    asleep: set[str] = field(default_factory=set)  # hosts: "main", "backup"
    statuses: dict[str, str] = field(default_factory=dict)  # by transaction
    existing: dict[str, tuple[str, str]] = field(default_factory=dict)  # S and T by reference, for 00011
    site: str = IDENTIFIER.split("-")[0]
    rank: str = IDENTIFIER.split("-")[1]
    without_numbers: bool = False  # 00011 says that something exists, and not what
    says_its_status: bool = False  # 00011 answers in the very words of 00017
    is_down: bool = False  # Direct
    asked: list[dict[str, str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self._hear))

    def collected(self, attempt: Attempt, said: Evidence, status: str = "Capturé") -> None:
        """What a message said is true: its transaction exists, and under the reference of this attempt."""
        self.statuses[said.facts["transaction"]] = status
        self.existing[attempt.reference] = (said.facts["transaction"], said.facts["call"])

    @property
    def numbers(self) -> list[str]:
        """The numbers of the questions, in order."""
        return [question["NUMQUESTION"] for question in self.asked]

    def _hear(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host.partition(".")[0]
        if request.url.path.endswith("load.html"):
            if host in self.asleep:
                raise httpx.ConnectError("refused")
            return httpx.Response(200, content=LOAD)
        question = dict(parse_qsl(request.content.decode("ascii"), keep_blank_values=True))
        with self._lock:
            self.asked.append(question)
        if self.is_down:
            raise httpx.ConnectTimeout("no answer")
        return httpx.Response(200, content=self._answer(question).encode("latin-1"))

    def _answer(self, question: dict[str, str]) -> str:
        is_inquiry = question["TYPE"] == "00017"
        if is_inquiry:
            number, call = question["NUMTRANS"].lstrip("0"), question["NUMAPPEL"]
        else:
            number, call = self.existing.get(question["REFERENCE"], ("", ""))
        found = number in self.statuses if is_inquiry else question["REFERENCE"] in self.existing
        fields = {
            "NUMTRANS": number.zfill(10) if found else "0" * 10,
            "NUMAPPEL": call.zfill(10) if found else "0" * 10,
            "NUMQUESTION": question["NUMQUESTION"],
            "SITE": self.site,
            "RANG": self.rank,
            "AUTORISATION": AUTHORISATION if found else "",
            "CODEREPONSE": "00000" if found else "00018",
            "COMMENTAIRE": "Demande traitée avec succès" if found else "PAYBOX : Transaction non trouvée",
        }
        if self.without_numbers and not is_inquiry:
            fields |= {"NUMTRANS": "", "NUMAPPEL": ""}
        if found and (is_inquiry or self.says_its_status):
            fields |= {"STATUS": self.statuses[number], "REMISE": ""}
        return "&".join(f"{name}={value}" for name, value in fields.items())


@contextmanager
def speaking_to(paybox: FakePaybox) -> Iterator[FakePaybox]:
    """The installation speaks to this Paybox, and believes its key alone."""
    with (
        paybox.client() as client,
        http.replaced(client),
        override_settings(
            SECRET_KEYS=settings.SECRET_KEYS or f"k1:{new_master_key()}",
            PAYBOX_URL="https://main.paybox.test/",
            PAYBOX_BACKUP_URL="https://backup.paybox.test/",
            PAYBOX_DIRECT_URL="https://direct.paybox.test/",
            PAYBOX_DIRECT_BACKUP_URL="",
            PAYBOX_PUBLIC_KEY=public_pem(),
        ),
    ):
        yield paybox


def make_paybox_product(
    town: Town,
    *,
    identifier: str = IDENTIFIER,
    slug: str = "piscine",
    environment: Environment = Environment.PRODUCTION,
    direct: bool = False,
    **options: object,
) -> Product:
    """A régie's product paid by card on Paybox's page; `direct`: its contract has Paybox Direct."""
    product = cast.make_product(
        town,
        DebtKind.REGIE,
        slug=slug,
        numcli=identifier,
        gateway="paybox",
        environment=environment,
        options=options,
    )
    with tenant(town.collectivite):
        keep_secret(account=product.account, name="hmac", value=Secret.of_text(HMAC))
        if direct:
            give_direct(product.account)
    return product


def give_direct(account: GatewayAccount) -> None:
    """The contract has Paybox Direct from now on."""
    with tenant(account.collectivite_id):
        keep_secret(account=account, name="direct", value=Secret.of_text(DIRECT))


def give_address(account: GatewayAccount) -> str:
    """Give an account its own address; the token in it."""
    token = tokens.new_token()
    with tenant(account.collectivite_id):
        account.notification_digest = tokens.digest(token)
        account.save(update_fields=["notification_digest"])
    return token


def order(product: Product, titre: Titre, **changes: object) -> PaymentOrder:
    return inquiries.order(product, titre, **changes)


def leave(product: Product, titre: Titre, clock: Clock, **changes: object) -> Attempt:
    """Mme Leroy leaves for Paybox's page."""
    return departs(product, titre, clock, **changes).attempt


def departs(product: Product, titre: Titre, clock: Clock, **changes: object) -> Departure:
    return depart(order=order(product, titre, **changes), clock=clock)


def posted(body: bytes, *, now: datetime) -> Message:
    """A notification as Paybox's server sends it."""
    return Message(method="POST", query=b"", body=body, content_type=FORM, received_at=now)


def ipn(
    attempt: Attempt, clock: Clock, body: bytes | None = None, /, *, at_own: bool = False, **changes: str | None
) -> Evidence:
    """Paybox calls once, and a worker judges what it says: paid, unless told otherwise.

    It calls the secret address of the account; `at_own`: the attempt's own, which its form names and its payer knows.
    """
    return judged(store_ipn(attempt, clock, body, at_own=at_own, **changes), clock)


def store_ipn(
    attempt: Attempt, clock: Clock, body: bytes | None = None, /, *, at_own: bool = False, **changes: str | None
) -> InboxMessage:
    body = signed(said(attempt, clock.now, **changes)) if body is None else body
    message = posted(body, now=clock.now)
    with tenant(attempt.collectivite_id):
        if at_own:
            return receive(attempt=attempt, message=message, now=clock.now)
        account = GatewayAccount.objects.get(pk=attempt.account_id)
        return receive_for_account(account=account, message=message, now=clock.now)


def ipn_of_account(account: GatewayAccount, body: bytes, clock: Clock) -> Evidence:
    """Paybox calls the account's own address, whatever it says."""
    with tenant(account.collectivite_id):
        stored = receive_for_account(account=account, message=posted(body, now=clock.now), now=clock.now)
    return judged(stored, clock)


def come_back(attempt: Attempt, clock: Clock, query: bytes | None = None, /, **changes: str | None) -> Evidence:
    """The payer's browser comes back with what Paybox gave it."""
    query = signed(said(attempt, clock.now, **changes)) if query is None else query
    message = Message(method="GET", query=query, body=b"", content_type="", received_at=clock.now)
    with tenant(attempt.collectivite_id):
        stored = receive(attempt=attempt, message=message, channel="return", now=clock.now)
    return judged(stored, clock)


def judged(stored: InboxMessage, clock: Clock) -> Evidence:
    notices.run_due(clock.now)
    with tenant(stored.collectivite_id):
        return Evidence.objects.get(message=stored)
