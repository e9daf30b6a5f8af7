"""Paybox System, and Up2pay e-Transactions, which is the same: a régie's own card contract.

The browser posts a form that we signed to Paybox's page, and Paybox tells what became of it: to us, once, and through
the browser. Facts and sources: `docs/protocols/paybox.md`.

A signature of Paybox binds to no merchant; what it is worth is said in the README and decided by `payments`. Where the
contract has Paybox Direct, we can ask, cancel and refund: `PayboxDirect`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import ClassVar, Self
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from regal.gateways.base import (
    AccountConfig,
    Claims,
    Environment,
    HttpAnswer,
    Key,
    Means,
    Message,
    Misconfigured,
    Notice,
    Outcome,
    PaymentRequest,
    PostForm,
    Question,
    Rank,
    Refused,
    Reversal,
    Timing,
    Transaction,
    Unreachable,
    Unreadable,
    Verdict,
)
from regal.gateways.paybox.account import PUBLISHED_TEST_PASSWORD, Hosts, PayboxAccount
from regal.gateways.paybox.codes import DONE, NOT_FOUND, outcome_of_status
from regal.gateways.paybox.direct import CANCEL, EXISTS, INQUIRY, REFUND, Direct, Reply, check_password
from regal.gateways.paybox.fields import EURO, fields_of, name_attempt
from regal.gateways.paybox.health import is_awake
from regal.gateways.paybox.returns import is_test_authorisation, read_return
from regal.gateways.paybox.signature import is_published, key_bytes, sign
from regal.gateways.paybox.verify import public_key, verify
from regal.lib.money import Money
from regal.lib.vault import Secret

Clock = Callable[[], datetime]

AFTER_THE_PAGE = timedelta(minutes=5)
OUTCOME_AFTER_THE_PAGE = timedelta(minutes=45)  # a bank's authentication, and what comes late
GIVES_UP = timedelta(days=7)

_LONGEST_STATUS = 32
_NOTHING_SAID = Claims(account_identifier=None, debt_reference=None, exercice=None, amount=None, environment=None)


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

    @staticmethod
    def configure(config: AccountConfig, http: httpx.Client, clock: Clock) -> "Paybox":
        """Build the gateway from an account's contract; the README lists its options. Raises Misconfigured."""
        account = PayboxAccount.read(config)
        hosts = account.hosts(config)
        page = Paybox(
            hosts.main,
            account,
            hosts=hosts,
            hmac_key=config.secrets.get("hmac"),
            signer=public_key(config.public_key),
            http=http,
            clock=clock,
        )
        return PayboxDirect.beside(page, config.secrets["direct"]) if "direct" in config.secrets else page

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


@dataclass(frozen=True)
class PayboxDirect(Paybox):
    """The same account where its contract has Paybox Direct: it answers questions, and takes orders about payments.

    Whatever speaks to Direct is to be called outside any transaction. Raises Misconfigured.
    """

    password: Secret = field(kw_only=True, repr=False, compare=False)

    can_ask: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_password(self.password)
        if self.account.moves_money and self.password.reveal_text() == PUBLISHED_TEST_PASSWORD:
            raise Misconfigured("direct", "published")

    @classmethod
    def beside(cls, page: Paybox, password: Secret) -> Self:
        """The same account with Direct. Raises Misconfigured."""
        return cls(**{one.name: getattr(page, one.name) for one in fields(page)}, password=password)

    @property
    def timing(self) -> Timing:
        """Paybox's page opens as long as the contract says; then a bank may still hold its payer for a while."""
        opening = timedelta(seconds=self.account.display_seconds)
        return Timing(opening=opening, outcome=opening + OUTCOME_AFTER_THE_PAGE, gives_up=GIVES_UP)

    def ask(self, question: Question) -> Notice:
        """Ask about a transaction that a signed message named, or else whether anything has our reference.

        Always rank ASKED, and `facts["exists"]` says "yes" or "no". Only a transaction can be PAID: of a reference we
        learn that something exists, never what became of it. What does not exist is PENDING, not forgotten: Direct may
        be late, and the payer too. `question.number` is ours, used once.

        Raises Unreachable, Refused and Unreadable, as `direct.Direct.put`; Unreadable also with missing_field.
        """
        if question.transaction is None:
            return self._look_for(question)
        return self._inquire(question, question.transaction)

    def cancel(self, *, transaction: Transaction, amount: Money, number: int) -> Reversal:
        """`00005`, before the night's settlement. Raises as `refund`."""
        reply = self._order(CANCEL, transaction=transaction, amount=amount, number=number)
        return Reversal(transaction=transaction, code=reply.code, digest=reply.digest)

    def refund(self, *, transaction: Transaction, amount: Money, number: int) -> Reversal:
        """`00014`, after it; several times, up to the whole. Its own number, and the payment's call.

        Raises Refused (`direct_` and Paybox's code): certainly not done. Unreachable: where `sent` is true it may have
        been done; ask, and never repeat.
        """
        reply = self._order(REFUND, transaction=transaction, amount=amount, number=number)
        try:
            made = Transaction(
                number=reply.required_number("NUMTRANS"), call=reply.number("NUMAPPEL") or transaction.call
            )
        except Unreadable:
            raise Unreachable("unreadable_answer") from None
        return Reversal(transaction=made, code=reply.code, digest=reply.digest)

    def _inquire(self, question: Question, transaction: Transaction) -> Notice:
        reply = self._put(INQUIRY, number=question.number, arguments=_numbers(transaction))
        if reply.code == NOT_FOUND:
            return self._without_result(question, reply)
        status = reply.fields.get("STATUS", "")[:_LONGEST_STATUS]
        if not status:
            raise Unreadable("missing_field")
        outcome = outcome_of_status(status)
        is_test = is_test_authorisation(reply.fields.get("AUTORISATION", ""))
        signed = question.claims or _NOTHING_SAID
        claims = Claims(
            account_identifier=self.account_identifier,
            debt_reference=signed.debt_reference,
            exercice=None,
            amount=signed.amount,
            environment=Environment.TEST if is_test else signed.environment or self.environment,
        )
        facts = {
            "exists": "yes",
            "account_identifier": claims.account_identifier,
            "debt_reference": claims.debt_reference,
            "amount_cents": None if claims.amount is None else str(claims.amount.cents),
            "environment": None if claims.environment is None else claims.environment.value,
            "outcome": outcome.value,
            "outcome_code": status,
            "transaction": transaction.number,
            "call": transaction.call,
            "remise": reply.fields.get("REMISE", "").lstrip("0")[:_LONGEST_STATUS] or None,
            "occurred_at": None if question.occurred_at is None else question.occurred_at.isoformat(),
        }
        return Notice(
            rank=Rank.ASKED,
            outcome=outcome,
            outcome_code=status,
            claims=claims,
            reference=question.reference,
            means=Means.CARD,
            occurred_at=question.occurred_at,
            transaction=transaction.number,
            call=transaction.call,
            facts={name: value for name, value in facts.items() if value is not None},
            contradicts=self._contradictions(reply, transaction),
            digest=reply.digest_of_content,
        )

    def _look_for(self, question: Question) -> Notice:
        reply = self._put(EXISTS, number=question.number, arguments={"REFERENCE": question.reference})
        return self._without_result(question, reply)

    def _without_result(self, question: Question, reply: Reply) -> Notice:
        """Something exists, or nothing does: neither is an outcome."""
        exists = reply.code == DONE
        asked = question.transaction
        transaction = asked.number if asked else reply.number("NUMTRANS")
        call = asked.call if asked else reply.number("NUMAPPEL")
        facts = {
            "exists": "yes" if exists else "no",
            "outcome": Outcome.PENDING.value,
            "outcome_code": reply.code,
            "transaction": transaction,
            "call": call,
            "reference": question.reference if asked is None else None,
        }
        return Notice(
            rank=Rank.ASKED,
            outcome=Outcome.PENDING,
            outcome_code=reply.code,
            claims=_NOTHING_SAID,
            reference=question.reference,
            transaction=transaction,
            call=call,
            facts={name: value for name, value in facts.items() if value is not None},
            contradicts=self._other_account(reply) if exists else (),
            digest=reply.digest_of_content,
        )

    def _order(self, kind: str, *, transaction: Transaction, amount: Money, number: int) -> Reply:
        """Sent once, and to one host; what is not a clear answer leaves everything open."""
        if amount <= Money.zero:
            raise Refused("amount_out_of_bounds")
        arguments = {"MONTANT": f"{amount.cents:010d}", "DEVISE": EURO, **_numbers(transaction)}
        try:
            reply = self._put(kind, number=number, arguments=arguments)
            if self._other_account(reply):
                raise Unreadable("another_account")
        except Unreadable:
            raise Unreachable("unreadable_answer") from None
        return reply

    def _put(self, kind: str, *, number: int, arguments: Mapping[str, str]) -> Reply:
        direct = Direct(account=self.account, hosts=self.hosts, password=self.password, http=self.http)
        return direct.put(kind, number=number, at=self.clock(), arguments=arguments)

    def _contradictions(self, reply: Reply, asked: Transaction) -> tuple[str, ...]:
        """What says that the answer speaks of another payment."""
        about = {"transaction": reply.required_number("NUMTRANS"), "call": reply.required_number("NUMAPPEL")}
        ours = {"transaction": asked.number.lstrip("0"), "call": asked.call.lstrip("0")}
        return (*self._other_account(reply), *(name for name, number in about.items() if number != ours[name]))

    def _other_account(self, reply: Reply) -> tuple[str, ...]:
        site, rank = reply.required_number("SITE"), reply.number("RANG")
        is_ours = (site, rank) == (self.account.site.lstrip("0"), self.account.rank.lstrip("0") or None)
        return () if is_ours else ("account_identifier",)


def _numbers(transaction: Transaction) -> dict[str, str]:
    return {"NUMAPPEL": transaction.call.zfill(10), "NUMTRANS": transaction.number.zfill(10)}
