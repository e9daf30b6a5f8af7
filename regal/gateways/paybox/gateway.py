"""Paybox System, and Up2pay e-Transactions, which is the same: a régie's own card contract.

The browser posts a form that we signed to Paybox's page, and Paybox tells what became of it: to us, once, and through
the browser. Facts and sources: `docs/protocols/paybox.md`.

A signature of Paybox binds to no merchant; what it is worth is said in the README and decided by `payments`. Where the
contract has Paybox Direct, we can ask, cancel and refund: `PayboxDirect`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar, Self
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from regal.gateways.base import (
    AccountConfig,
    Environment,
    HttpAnswer,
    Key,
    Message,
    Misconfigured,
    Notice,
    PaymentRequest,
    PostForm,
    Refused,
    Unreachable,
    Verdict,
)
from regal.gateways.paybox.account import Hosts, PayboxAccount
from regal.gateways.paybox.fields import fields_of, name_attempt
from regal.gateways.paybox.health import is_awake
from regal.gateways.paybox.returns import read_return
from regal.gateways.paybox.signature import is_published, key_bytes, sign
from regal.gateways.paybox.verify import public_key, verify
from regal.lib.vault import Secret

Clock = Callable[[], datetime]

AFTER_THE_PAGE = timedelta(minutes=5)


@dataclass(frozen=True)
class Paybox:
    """One account of Paybox's page. `service_url` is the host that the next form goes to: `hosts.main` unless `awake`
    chose the other. Raises Misconfigured.
    """

    service_url: str
    account: PayboxAccount
    hosts: Hosts = field(kw_only=True)
    hmac_key: Secret | None = field(kw_only=True, repr=False, compare=False)  # None: not given yet, nothing is signed
    signer: RSAPublicKey = field(kw_only=True, repr=False, compare=False)  # whose signature we believe
    http: httpx.Client = field(kw_only=True, repr=False, compare=False)
    clock: Clock = field(kw_only=True, repr=False, compare=False)

    name: ClassVar[str] = "paybox"
    can_ask: ClassVar[bool] = False
    needs_key: ClassVar[bool] = False
    needs_titre: ClassVar[bool] = True
    opens_new_tab: ClassVar[bool] = False
    signed: ClassVar[bool] = True
    retries_on_page: ClassVar[bool] = True
    SECRET_FIELDS: ClassVar[frozenset[str]] = frozenset()  # we ask for nothing personal, and none comes

    def __post_init__(self) -> None:
        if self.hmac_key is None:
            return
        key_bytes(self.hmac_key)
        if self.account.moves_money and is_published(self.hmac_key):
            raise Misconfigured("hmac", "published")

    @classmethod
    def configure(cls, config: AccountConfig, http: httpx.Client, clock: Clock) -> Self:
        """Build the gateway from an account's contract; the README lists its options. Raises Misconfigured."""
        account = PayboxAccount.read(config)
        hosts = account.hosts(config)
        return cls(
            hosts.main,
            account,
            hosts=hosts,
            hmac_key=config.secrets.get("hmac"),
            signer=public_key(config.public_key),
            http=http,
            clock=clock,
        )

    @property
    def account_identifier(self) -> str:
        """Site, rank and number: `1999888-32-107904482`."""
        return self.account.identifier

    @property
    def environment(self) -> Environment:
        """Test is a platform of its own; activation and production are the other."""
        return self.account.environment

    @property
    def hand_off_origins(self) -> tuple[str, ...]:
        """The main host and the backup, for either may be awake when the payer leaves."""
        parts = (urlsplit(address) for address in (self.hosts.main, self.hosts.backup) if address)
        return tuple(dict.fromkeys(f"{part.scheme}://{part.netloc}" for part in parts))

    @property
    def holds_for(self) -> timedelta:
        """Until Paybox's page is over, and five minutes: one refused there may try again."""
        return timedelta(seconds=self.account.display_seconds) + AFTER_THE_PAGE

    def name_attempt(self, debt_reference: str, token: str) -> str:
        """`PBX_CMD`: the debt's reference, and 22 letters and digits of the token."""
        return name_attempt(debt_reference, token)

    def awake(self) -> Self:
        """The same gateway at the host that answers, the main one first ("Health check"). Raises Unreachable (asleep).

        Asked anew each time: it costs one short question a payment, and an answer that is kept is wrong exactly when it
        begins to matter.
        """
        for address in (self.hosts.main, self.hosts.backup):
            if address and is_awake(self.http, address):
                return replace(self, service_url=address)
        raise Unreachable("asleep", sent=False)

    def check(self, request: PaymentRequest) -> None:
        """Raises Refused, with the codes of `hand_off`."""
        self._key()
        fields_of(self.account, request)

    def open(self, request: PaymentRequest) -> Key | None:
        """Paybox gives no key."""
        return None

    def hand_off(self, request: PaymentRequest, key: Key | None = None) -> PostForm:
        """Build and sign the form ("Request"). Raises Refused: hmac_missing, or a code of `fields.fields_of`."""
        fields = sign(fields_of(self.account, request), key=self._key(), at=self.clock())
        return PostForm(url=self.service_url + self.account.page.path, fields=fields)

    def read(self, message: Message) -> Notice:
        """Read a notification, or the browser's return: both are signed alike ("Returns").

        Raises NotAuthentic (its codes are in `verify.py`): Paybox did not write it. Unreadable (in `returns.py`): it
        did, and it is no answer to our form.
        """
        return read_return(verify(message, key=self.signer))

    def acknowledge(self, message: Message, verdict: Verdict) -> HttpAnswer:
        """200 where Paybox wrote the message, understood or not; 403 where nobody proved it.

        It calls once and never again; after a failure it warns the merchant by e-mail. What it signed and we could not
        read is stored, and a person of ours looks: an alarm from Paybox about an address that works would mislead him.
        """
        return HttpAnswer(status=403 if verdict is Verdict.NOT_AUTHENTIC else 200)

    def _key(self) -> bytes:
        if self.hmac_key is None:
            raise Refused("hmac_missing")
        return key_bytes(self.hmac_key)
