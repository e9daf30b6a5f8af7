"""What every payment gateway is to the rest of the program: a few verbs, plain values, no database and no settings.

A gateway is built for one account. Its life in a payment:

    check       say whether a request could be sent, before the payer confirms it
    awake       the same gateway at the host that answers, where there are two: `GatewayWithBackup`
    open        ask the other side for a key, where it wants one (`needs_key`)
    hand_off    the address, or the form, to which the payer's browser leaves
    read        turn a message into a `Notice` (what became of the attempt) or a `Nudge` (ask me)
    ask         put the question ourselves, where it can be asked (`can_ask`): `AskableGateway`
    describe    ask whose contract this is, where the other side tells: `DescribableGateway`
    refund      give money back, or `cancel` what was not yet settled: `ReversibleGateway`
    acknowledge what to answer to the message

The adapter states how much a message proves (`Rank`); `payments` decides what that is worth.

    GatewayFailure          the other side, or what it says, failed; `code` is stable, `retry` says whether to try again
    ├── Refused             this request cannot be sent, or the other side said no             retry: no
    ├── Unreachable         no usable answer: nothing is known of what happened                retry: yes
    ├── NotAuthentic        a signature is missing or wrong                                     retry: no
    └── Unreadable          the message cannot be understood                                    retry: no
    Misconfigured           the account's own settings are wrong (a ValueError: told when the account is saved)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import ClassVar, Protocol, runtime_checkable

from regal.lib.money import Money
from regal.lib.vault import Secret


class Rank(IntEnum):
    """How much a message proves. An agent's entry with its voucher is no gateway's message and has no rank here."""

    UNPROVEN = 0  # anybody could have sent it
    SIGNED = 1  # a signature we checked, not bound to our contract
    ASKED = 2  # the answer to our own question, over verified TLS
    FILED = 3  # an accounting file


class Outcome(StrEnum):
    """What a gateway says became of an attempt."""

    PAID = "paid"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    PENDING = "pending"
    UNKNOWN = "unknown"  # a code that is not in the gateway's table
    FORGOTTEN = "forgotten"  # asked, and the other side knows the key no more, or never did


class Environment(StrEnum):
    """Whether money moves; part of an account's identity, and never mixed."""

    TEST = "test"
    ACTIVATION = "activation"
    PRODUCTION = "production"


class DebtKind(StrEnum):
    """What a payer holds in his hand; an account takes one kind only."""

    TITRE = "titre"
    ORMC = "ormc"  # what notices call a «rôle»; `role` says what a user may do
    REGIE = "regie"


class Means(StrEnum):
    """How the payer paid, or tried to."""

    CARD = "card"
    DIRECT_DEBIT = "direct_debit"


class Verdict(StrEnum):
    """What we made of a message, for `acknowledge`."""

    HEARD = "heard"
    NOT_AUTHENTIC = "not_authentic"
    UNREADABLE = "unreadable"


class GatewayFailure(Exception):
    """The other side, or what it says, failed. `code` is stable and short; nothing personal, nothing secret."""

    retry: ClassVar[bool] = False

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Refused(GatewayFailure):
    """This request cannot be sent, or the other side said no: the same request will never pass."""


class Unreachable(GatewayFailure):
    """No usable answer came: nothing is known of what happened on the other side.

    `sent` is False where it is certain that nothing left us: then nothing happened there either.
    """

    retry = True

    def __init__(self, code: str, *, sent: bool = True) -> None:
        super().__init__(code)
        self.sent = sent


class NotAuthentic(GatewayFailure):
    """A signature is missing or wrong."""


class Unreadable(GatewayFailure):
    """The message cannot be understood, whoever sent it."""


class Misconfigured(ValueError):
    """An account's settings are wrong. `field` names what is wrong, `code` says how; both stable."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field}: {code}")
        self.field = field
        self.code = code


@dataclass(frozen=True, kw_only=True)
class AccountConfig:
    """One account's contract, as the register hands it to a gateway: plain values, and secrets by name."""

    service_url: str  # the gateway's address for this account, ending with "/"; "": the protocol's own
    addresses: Mapping[str, str] = field(default_factory=dict)  # its other hosts; each gateway's README lists its own
    public_key: str = ""  # PEM, of whoever signs instead of the real one: a sandbox; "": the real one
    identifier: str  # the other side's number for this contract
    debt_kind: DebtKind
    environment: Environment
    options: Mapping[str, object] = field(default_factory=dict)  # each gateway's README lists its own
    secrets: Mapping[str, Secret] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BillingAddress:
    """Where the payer says that he lives, for his bank's authentication; passed on, and kept nowhere."""

    first_name: str
    last_name: str
    street: str
    postcode: str
    town: str


@dataclass(frozen=True, kw_only=True)
class PaymentRequest:
    """Everything a gateway needs to take a payer in."""

    reference: str  # ours, unique for ever, saved before the payer leaves
    amount: Money
    debt_reference: str  # without separators: 18 digits for a titre
    exercice: int | None  # the debt's budget year; a régie's invoice may have none
    label: str  # what is paid, in French; the gateway cleans it to what its protocol allows
    payer_email: str
    environment: Environment  # must be the account's
    notification_url: str | None
    return_url: str | None
    language: str = "fr"  # the payer's, ISO 639-1
    billing: BillingAddress | None = None  # what the payer typed, where the account asks for it; never the debtor's own


@dataclass(frozen=True, kw_only=True)
class Key:
    """What the other side gave us to name an attempt."""

    value: str


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """A payment as the gateway numbers it. Paybox: S (`NUMTRANS`) and T (`NUMAPPEL`), both needed to ask about it."""

    number: str
    call: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """What we ask about: an attempt by our reference, by its key, or the transaction that a signed message named."""

    reference: str
    key: Key | None = None
    transaction: Transaction | None = None
    claims: "Claims | None" = None  # of the signed message that named the transaction; they are what is confirmed
    occurred_at: datetime | None = None  # of that message: an answer may have no hour of its own
    number: int = 0  # ours, committed before sending, never used again: where the gateway wants questions numbered


@dataclass(frozen=True, kw_only=True)
class Redirect:
    """Send the browser to this address, with GET."""

    url: str


@dataclass(frozen=True, kw_only=True)
class PostForm:
    """Have the browser post these fields, in this order, to this address."""

    url: str
    fields: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Message:
    """One HTTP request that reached us, exactly as it came."""

    method: str
    query: bytes  # after the "?", undecoded
    body: bytes
    content_type: str  # "" if the sender gave none
    received_at: datetime  # aware


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """What to answer to a message."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What a message says about the payment it speaks of, in our words; None where it says nothing.

    `payments` writes the same five from its attempt and compares. Account, reference, amount and environment bind a
    message to a payment: where one differs, it speaks of another. The exercice does not: PayFiP was recorded answering
    `20` for 2019, so a difference is worth a remark and no more.
    """

    account_identifier: str | None  # the account's number at the gateway (`Gateway.account_identifier`)
    debt_reference: str | None
    exercice: int | None
    amount: Money | None
    environment: Environment | None

    def differences_from(self, expected: "Claims") -> tuple[str, ...]:
        """Name the binding claims that contradict ours; what either side leaves unsaid contradicts nothing."""
        return tuple(name for name in _BINDING_CLAIMS if self._differs(name, expected))

    def name(self, expected: "Claims") -> bool:
        """Whether every binding claim is made, and is ours: this can be no other payment."""
        return all(getattr(self, name) is not None for name in _BINDING_CLAIMS) and not self.differences_from(expected)

    def is_of_another_exercice(self, expected: "Claims") -> bool:
        """Whether both sides name an exercice, and not the same."""
        return self._differs("exercice", expected)

    def _differs(self, name: str, expected: "Claims") -> bool:
        ours, theirs = getattr(self, name), getattr(expected, name)
        return None not in (ours, theirs) and ours != theirs


_BINDING_CLAIMS = ("account_identifier", "debt_reference", "amount", "environment")


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What a gateway says became of one attempt, in our words, with nothing personal in it.

    `facts` is what the evidence row keeps: text to text, already normalised. The raw bytes of a message stay in the
    inbox; those of an answer to our question are not kept, and leave their digest.
    """

    rank: Rank
    outcome: Outcome
    outcome_code: str  # the gateway's own code, bounded, for support and for codes not in our table
    claims: Claims
    reference: str | None = None  # our reference or key, where the message names it; else its address does
    means: Means | None = None
    occurred_at: datetime | None = None  # aware, UTC; None if unsaid or impossible
    transaction: str | None = None  # the gateway's number or authorisation of the payment, if any
    call: str | None = None  # its second number, where it has one: `Transaction.call`
    facts: Mapping[str, str] = field(default_factory=dict)
    contradicts: tuple[str, ...] = ()  # what says otherwise than the account itself: it speaks of another payment
    remarks: tuple[str, ...] = ()  # oddities that changed nothing, as stable codes
    digest: str | None = None  # SHA-256 of the answer's bytes, in hexadecimal; None for a message: its row has it


@dataclass(frozen=True, kw_only=True)
class Nudge:
    """A message that only says: ask me about this key. It proves nothing."""

    key: Key


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long a gateway that can be asked may take, so that nobody concludes too early. `payments` asks by it."""

    opening: timedelta  # from its creation: later, a key opens no page; who pays has opened it before
    outcome: timedelta  # from its creation: until then an outcome not known yet is no sign of anything
    gives_up: timedelta  # from its creation: nobody asks any more


@dataclass(frozen=True, kw_only=True)
class Reversal:
    """The other side gave money back, or took a payment back before it was settled."""

    transaction: Transaction  # of the refund; of the payment itself where it was cancelled
    code: str  # the gateway's own
    digest: str  # SHA-256 of the answer's bytes, in hexadecimal


@dataclass(frozen=True, kw_only=True)
class ClientDescription:
    """Whose contract the other side says this is; shown to the agent who types it."""

    identifier: str
    labels: tuple[str, ...]  # in the order given, empty ones left out


class Gateway(Protocol):
    """One account at one gateway. Facts about the gateway are data, never methods that raise."""

    name: ClassVar[str]  # as in `registry.py`
    can_ask: ClassVar[bool]  # then it is an AskableGateway
    needs_key: ClassVar[bool]  # `open` gives a key that `hand_off` wants
    needs_titre: ClassVar[bool]  # the other side knows no debt: we hand off what stands in our own base only
    opens_new_tab: ClassVar[bool]  # the other side sends the browser nowhere afterwards
    signed: ClassVar[bool]  # its messages carry a signature
    retries_on_page: ClassVar[bool]  # one refused there may try again there: its debt stays held
    SECRET_FIELDS: ClassVar[frozenset[str]]  # protocol fields whose values leave the inbox in no form

    @property
    def account_identifier(self) -> str:
        """The number by which the other side knows this account."""
        ...

    @property
    def environment(self) -> Environment:
        """Whether this account moves money."""
        ...

    @property
    def hand_off_origins(self) -> tuple[str, ...]:
        """Every origin the hand-off goes to, redirects included, for `form-action`: `https://host[:port]`."""
        ...

    @property
    def holds_for(self) -> timedelta:
        """How long, from the hand-off, nobody else should leave with the same debt; zero where it knows its debts."""
        ...

    def name_attempt(self, debt_reference: str, token: str) -> str:
        """Our reference for an attempt: at least 96 bits of `token` (43 characters of base64url) in at most 64."""
        ...

    def check(self, request: PaymentRequest) -> None:
        """Say whether this request could be sent, from what we know ourselves. Raises Refused."""
        ...

    def open(self, request: PaymentRequest) -> Key | None:
        """Ask for a key. None where the gateway has none. Raises Refused, Unreachable."""
        ...

    def hand_off(self, request: PaymentRequest, key: Key | None = None) -> Redirect | PostForm:
        """Say where the browser goes. Raises Refused if the request cannot be sent."""
        ...

    def read(self, message: Message) -> Notice | Nudge:
        """Read a message; the same message always reads the same. Raises NotAuthentic, Unreadable."""
        ...

    def acknowledge(self, message: Message, verdict: Verdict) -> HttpAnswer:
        """Say what to answer to a message once it is stored."""
        ...


@runtime_checkable
class AskableGateway(Protocol):
    """A gateway that answers when we ask what became of an attempt."""

    @property
    def timing(self) -> Timing:
        """How long to wait before concluding anything."""
        ...

    @property
    def holds_for(self) -> timedelta:
        """As of every gateway."""
        ...

    def ask(self, question: Question) -> Notice:
        """Put the question; PENDING and FORGOTTEN are answers too. Raises Unreachable, Refused, Unreadable."""
        ...


@runtime_checkable
class DescribableGateway(Protocol):
    """A gateway that tells whose contract an identifier is."""

    def describe(self) -> ClientDescription:
        """Ask. Raises Unreachable, Refused, Unreadable."""
        ...


@runtime_checkable
class GatewayWithBackup(Protocol):
    """A gateway with two hosts, of which one may sleep. A payment begun at one is unknown to the other."""

    def awake(self) -> Gateway:
        """The same gateway at the host that answers; call it outside any transaction. Raises Unreachable."""
        ...


@runtime_checkable
class ReversibleGateway(Protocol):
    """A gateway that gives money back when we say so.

    `number` is committed before the call and never used again: after Unreachable (`sent`), ask, and never repeat.
    """

    def cancel(self, *, transaction: Transaction, amount: Money, number: int) -> Reversal:
        """Take a payment back before its settlement. Raises Refused, Unreachable, Unreadable."""
        ...

    def refund(self, *, transaction: Transaction, amount: Money, number: int) -> Reversal:
        """Give back all or a part, after the settlement. Raises Refused, Unreachable, Unreadable."""
        ...
