"""PayFiP's web service, for régies: a key (idOp) is asked for, the payer pays on PayFiP's page, and PayFiP answers when
it is asked what became of it. Facts and sources: `docs/protocols/payfip.md`, "Web service".

What reaches us from outside only names a key, and proves nothing; the answer to our own question proves.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import ClassVar, Self
from urllib.parse import urlsplit

import httpx

from regal.gateways.base import (
    AccountConfig,
    Claims,
    ClientDescription,
    DebtKind,
    Environment,
    HttpAnswer,
    Key,
    Message,
    Misconfigured,
    Notice,
    Nudge,
    PaymentRequest,
    Question,
    Rank,
    Redirect,
    Refused,
    Timing,
    Unreachable,
    Unreadable,
    Verdict,
)
from regal.gateways.payfip_fields import (
    MAX_AMOUNT,
    MIN_AMOUNT,
    MIN_REFERENCE_LENGTH,
    check_account,
    check_reference,
    check_service_url,
    checked_email,
    checked_url,
    clean_label,
    read_form,
    read_payment,
    regie_exercice,
    required,
    typed_option,
)
from regal.gateways.payfip_files.regisseur_csv import ACCOUNT_OPTIONS, check_account_options
from regal.gateways.payfip_ws.client import SoapAnswer, call
from regal.gateways.payfip_ws.codes import ANSWERING_FAULTS, OUTCOMES, SAISIE_ENVIRONMENTS
from regal.lib.money import Money

_IDOP = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SAISIES = {environment: saisie for saisie, environment in SAISIE_ENVIRONMENTS.items()}
_LABELS = ("libelleN1", "libelleN2", "libelleN3")
_LONGEST_LABEL = 200

_LONGEST_COUNT = 366 * 24 * 60  # minutes in a year
USUAL_TIMING = Timing(opening=timedelta(minutes=15), outcome=timedelta(minutes=120), gives_up=timedelta(days=7))


@dataclass(frozen=True, kw_only=True)
class PayfipWsAccount:
    """One régie's PayFiP client with the right to the web service, and limits that may differ from the usual ones.

    Raises Misconfigured.
    """

    numcli: str  # 6 digits, zeros in front significant
    environment: Environment
    min_amount: Money = MIN_AMOUNT
    max_amount: Money = MAX_AMOUNT
    min_reference_length: int = MIN_REFERENCE_LENGTH
    timing: Timing = USUAL_TIMING

    def __post_init__(self) -> None:
        check_account(self.numcli, self.min_amount, self.max_amount, self.min_reference_length)
        timing = self.timing
        if not timedelta(0) < timing.opening <= timing.outcome:
            raise Misconfigured("outcome_minutes", "out_of_bounds")
        if not timing.outcome <= timing.gives_up <= timedelta(days=366):
            raise Misconfigured("give_up_days", "out_of_bounds")


@dataclass(frozen=True)
class PayfipWs:
    """One account of PayFiP's web service. `service_url` ends with "/": `https://www.payfip.gouv.fr/tpa/`.

    Whatever speaks to PayFiP (`open`, `ask`, `describe`) is to be called outside any transaction. Raises Misconfigured.
    """

    service_url: str
    account: PayfipWsAccount
    http: httpx.Client = field(repr=False, compare=False, kw_only=True)

    name: ClassVar[str] = "payfip_ws"
    can_ask: ClassVar[bool] = True
    needs_key: ClassVar[bool] = True
    needs_titre: ClassVar[bool] = True
    opens_new_tab: ClassVar[bool] = False
    signed: ClassVar[bool] = False
    retries_on_page: ClassVar[bool] = False
    SECRET_FIELDS: ClassVar[frozenset[str]] = frozenset({"mel", "objet"})

    def __post_init__(self) -> None:
        check_service_url(self.service_url)

    @classmethod
    def configure(cls, config: AccountConfig, http: httpx.Client) -> Self:
        """Build the gateway from an account's contract; the README lists its options. Raises Misconfigured."""
        return cls(config.service_url, _account(config), http=http)

    @property
    def account_identifier(self) -> str:
        """The numcli."""
        return self.account.numcli

    @property
    def environment(self) -> Environment:
        """The environment of the account; it decides `saisie`."""
        return self.account.environment

    @property
    def hand_off_origins(self) -> tuple[str, ...]:
        """PayFiP's own origin; the card page behind it is opened by PayFiP."""
        parts = urlsplit(self.service_url)
        return (f"{parts.scheme}://{parts.netloc}",)

    @property
    def timing(self) -> Timing:
        """How long PayFiP may take; the options of the account say otherwise where it must."""
        return self.account.timing

    @property
    def holds_for(self) -> timedelta:
        """Until PayFiP opens no page any more, and five minutes."""
        return self.account.timing.opening + timedelta(minutes=5)

    def name_attempt(self, debt_reference: str, token: str) -> str:
        """PayFiP never sees it."""
        return token

    def check(self, request: PaymentRequest) -> None:
        """Raises Refused, with the codes of `open` that are ours."""
        self._arguments(request)

    def open(self, request: PaymentRequest) -> Key:
        """Ask for an idOp ("Creation").

        Raises Refused with one of these codes: environment_differs, amount_out_of_bounds, reference_malformed,
        exercice_malformed, email_malformed, notification_url_too_long, notification_url_malformed,
        return_url_too_long, return_url_malformed; or `payfip_` and PayFiP's own code, such as payfip_T4.
        Raises Unreachable with the codes of `client.call`, or unreadable_answer: where `sent` is true, PayFiP may have
        made an idOp that we do not know, and that nobody can pay.
        """
        try:
            answer = self._call("creerPaiementSecurise", self._arguments(request))
            if answer.fault is not None:
                raise Refused(f"payfip_{answer.fault}")
            return Key(value=required(answer.fields, "idOp", _IDOP).lower())
        except Unreadable:
            raise Unreachable("unreadable_answer") from None

    def hand_off(self, request: PaymentRequest, key: Key | None = None) -> Redirect:
        """Give the address of PayFiP's page for that key. Raises Refused (key_missing, key_malformed)."""
        return Redirect(url=f"{self.service_url}paiementws.web?idop={_idop(key)}")

    def read(self, message: Message) -> Nudge:
        """Read a notification, or the browser's return: a key to ask about ("Notification and return").

        Raises Unreadable; its codes are listed in `payfip_fields.py`.
        """
        return Nudge(key=Key(value=required(read_form(message), "idop", _IDOP).lower()))

    def acknowledge(self, message: Message, verdict: Verdict) -> HttpAnswer:
        """Answer 200 and nothing more, whatever we made of the message: PayFiP reads only the status."""
        return HttpAnswer(status=200)

    def ask(self, question: Question) -> Notice:
        """Ask what became of a key ("What became of it"). Always rank ASKED.

        PENDING: not known yet. FORGOTTEN: PayFiP knows the key no more. An answer about another key contradicts.
        Raises Unreachable; Unreadable with the codes of `payfip_fields.read_payment` and `client.call`; Refused with
        `payfip_` and a code that answers another question (payfip_T2): nothing was learnt, and a person should look.
        """
        idop = _idop(question.key)
        answer = self._call("recupererDetailPaiementSecurise", {"idOp": idop})
        if answer.fault is not None:
            return self._without_result(idop, answer.fault, answer.digest)
        notice = read_payment(answer.fields, rank=Rank.ASKED, outcomes=OUTCOMES, environments=SAISIE_ENVIRONMENTS)
        named = answer.fields.get("idOp", idop)
        return replace(
            notice,
            reference=idop,
            facts={**notice.facts, "key": idop},
            contradicts=() if named.lower() == idop else ("key",),
            digest=answer.digest,
        )

    def describe(self) -> ClientDescription:
        """Ask whose client our numcli is ("Whose client it is").

        Raises Unreachable; Refused with `payfip_` and PayFiP's code (payfip_T2: unknown; payfip_T4: no right to the web
        service); Unreadable (another_client, or the codes of `client.call`).
        """
        answer = self._call("recupererDetailClient", {"numCli": self.account.numcli})
        if answer.fault is not None:
            raise Refused(f"payfip_{answer.fault}")
        if answer.fields.get("numcli", self.account.numcli) != self.account.numcli:
            raise Unreadable("another_client")
        labels = (" ".join(answer.fields.get(name, "").split())[:_LONGEST_LABEL] for name in _LABELS)
        return ClientDescription(identifier=self.account.numcli, labels=tuple(label for label in labels if label))

    def _call(self, operation: str, arguments: Mapping[str, str | None]) -> SoapAnswer:
        return call(self.http, self.service_url, operation, arguments)

    def _arguments(self, request: PaymentRequest) -> dict[str, str | None]:
        """What a creation says, in the order of the schema."""
        account = self.account
        if request.environment is not account.environment:
            raise Refused("environment_differs")
        if not account.min_amount <= request.amount <= account.max_amount:
            raise Refused("amount_out_of_bounds")
        check_reference(request.debt_reference, account.min_reference_length)
        exercice = regie_exercice(request.exercice)
        return {
            "exer": None if exercice is None else str(exercice),
            "mel": checked_email(request.payer_email),
            "montant": str(request.amount.cents),
            "numcli": account.numcli,
            "objet": clean_label(request.label) or None,
            "refdet": request.debt_reference,
            "saisie": _SAISIES[account.environment],
            "urlnotif": checked_url(request.notification_url, "notification_url"),
            "urlredirect": checked_url(request.return_url, "return_url"),
        }

    def _without_result(self, idop: str, fault: str, digest: str) -> Notice:
        if fault not in ANSWERING_FAULTS:
            raise Refused(f"payfip_{fault}")
        outcome = ANSWERING_FAULTS[fault]
        nothing = Claims(account_identifier=None, debt_reference=None, exercice=None, amount=None, environment=None)
        return Notice(
            rank=Rank.ASKED,
            outcome=outcome,
            outcome_code=fault,
            claims=nothing,
            reference=idop,
            facts={"key": idop, "outcome": outcome.value, "outcome_code": fault},
            digest=digest,
        )


def _idop(key: Key | None) -> str:
    if key is None:
        raise Refused("key_missing")
    if not _IDOP.fullmatch(key.value):
        raise Refused("key_malformed")
    return key.value.lower()


def _account(config: AccountConfig) -> PayfipWsAccount:
    if config.debt_kind is not DebtKind.REGIE:
        raise Misconfigured("debt_kind", "not_a_regie")
    usual: dict[str, object] = {
        "min_amount_cents": MIN_AMOUNT.cents,
        "max_amount_cents": MAX_AMOUNT.cents,
        "min_reference_length": MIN_REFERENCE_LENGTH,
        "opening_minutes": USUAL_TIMING.opening // timedelta(minutes=1),
        "outcome_minutes": USUAL_TIMING.outcome // timedelta(minutes=1),
        "give_up_days": USUAL_TIMING.gives_up // timedelta(days=1),
    }
    for name in config.options:
        if name not in usual and name not in ACCOUNT_OPTIONS:
            raise Misconfigured(name, "unknown_option")
    check_account_options(config.options)
    options = usual | dict(config.options)
    return PayfipWsAccount(
        numcli=config.identifier,
        environment=config.environment,
        min_amount=Money(typed_option(options, "min_amount_cents", int)),
        max_amount=Money(typed_option(options, "max_amount_cents", int)),
        min_reference_length=typed_option(options, "min_reference_length", int),
        timing=Timing(
            opening=_lasting(options, "opening_minutes", timedelta(minutes=1)),
            outcome=_lasting(options, "outcome_minutes", timedelta(minutes=1)),
            gives_up=_lasting(options, "give_up_days", timedelta(days=1)),
        ),
    )


def _lasting(options: Mapping[str, object], name: str, unit: timedelta) -> timedelta:
    count = typed_option(options, name, int)
    if not 1 <= count <= _LONGEST_COUNT:
        raise Misconfigured(name, "out_of_bounds")
    return count * unit
