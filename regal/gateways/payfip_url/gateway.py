"""PayFiP's address mode (TIPI's form): the browser leaves with everything in a query string, and a plain, unsigned
form comes back to us. Facts and sources: `docs/protocols/payfip.md`.

Nothing here can be proved: anybody may send what PayFiP sends, so every notice has rank UNPROVEN, and there is no
question to ask. The accounting file confirms, later and elsewhere.
"""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar, Self
from urllib.parse import quote, urlencode, urlsplit

from regal.gateways.base import (
    AccountConfig,
    DebtKind,
    Environment,
    HttpAnswer,
    Key,
    Message,
    Misconfigured,
    Notice,
    PaymentRequest,
    Redirect,
    Refused,
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
    regie_exercice,
    typed_option,
)
from regal.gateways.payfip_files.regisseur_csv import ACCOUNT_OPTIONS, check_account_options
from regal.gateways.payfip_url.notification import read_notification
from regal.lib.money import Money
from regal.lib.references import RESERVED_EXERCICE, TitreReference, UnreadableReference

_ORMC_REFERENCE = re.compile(r"[0-9]{4}[A-Z0-9]{2}[0-9]{2}[0-9]{1,13}")


@dataclass(frozen=True, kw_only=True)
class PayfipUrlAccount:
    """One PayFiP client: its number, what it takes, and limits that may differ from the usual ones.

    Raises Misconfigured.
    """

    numcli: str  # 6 digits, zeros in front significant
    kind: DebtKind
    environment: Environment
    manual_entry: bool = True  # the payer types the reference (saisie M); False: our base knew it (saisie A)
    min_amount: Money = MIN_AMOUNT
    max_amount: Money = MAX_AMOUNT
    min_reference_length: int = MIN_REFERENCE_LENGTH

    def __post_init__(self) -> None:
        check_account(self.numcli, self.min_amount, self.max_amount, self.min_reference_length)


@dataclass(frozen=True)
class PayfipUrl:
    """One account of PayFiP in address mode. `service_url` ends with "/": `https://www.payfip.gouv.fr/tpa/`.

    Raises Misconfigured.
    """

    service_url: str
    account: PayfipUrlAccount

    name: ClassVar[str] = "payfip_url"
    can_ask: ClassVar[bool] = False
    needs_key: ClassVar[bool] = False
    needs_titre: ClassVar[bool] = False
    opens_new_tab: ClassVar[bool] = True
    signed: ClassVar[bool] = False
    retries_on_page: ClassVar[bool] = False
    SECRET_FIELDS: ClassVar[frozenset[str]] = frozenset({"mel", "objet"})

    def __post_init__(self) -> None:
        check_service_url(self.service_url)

    @classmethod
    def configure(cls, config: AccountConfig) -> Self:
        """Build the gateway from an account's contract; the README lists its options. Raises Misconfigured."""
        return cls(config.service_url, _account(config))

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
        """PayFiP's own origin; the card page behind it is opened by PayFiP, in its own tab."""
        parts = urlsplit(self.service_url)
        return (f"{parts.scheme}://{parts.netloc}",)

    @property
    def holds_for(self) -> timedelta:
        """TIPI knows its debts itself: none of ours is held."""
        return timedelta(0)

    def name_attempt(self, debt_reference: str, token: str) -> str:
        """TIPI never sees it."""
        return token

    def check(self, request: PaymentRequest) -> None:
        """Raises Refused, with the codes of `hand_off`."""
        self.hand_off(request)

    def open(self, request: PaymentRequest) -> Key | None:
        """This mode has no key."""
        return None

    def hand_off(self, request: PaymentRequest, key: Key | None = None) -> Redirect:
        """Build the address of PayFiP's payment page ("Request").

        Raises Refused with one of these codes: environment_differs, amount_out_of_bounds, reference_malformed,
        reference_reserved, exercice_malformed, exercice_differs, email_malformed, notification_url_too_long,
        notification_url_malformed.
        """
        account = self.account
        if request.environment is not account.environment:
            raise Refused("environment_differs")
        if not account.min_amount <= request.amount <= account.max_amount:
            raise Refused("amount_out_of_bounds")
        exercice = self._exercice_to_send(request)
        label = clean_label(request.label)
        parameters = {
            "numcli": account.numcli,
            "exer": None if exercice is None else f"{exercice:04d}",
            "refdet": request.debt_reference,
            "objet": label or None,
            "montant": str(request.amount.cents),
            "mel": checked_email(request.payer_email),
            "urlcl": checked_url(request.notification_url, "notification_url"),
            "saisie": self._saisie(),
        }
        sent = {name: value for name, value in parameters.items() if value is not None}
        return Redirect(url=f"{self.service_url}paiement.web?{urlencode(sent, quote_via=quote, safe='')}")

    def read(self, message: Message) -> Notice:
        """Read a notification, from the body, the query string, or both ("Notification"). Always rank UNPROVEN.

        A production message in the other mode of entry (A for M) contradicts the account: it answers another request.
        Raises Unreadable; its codes are listed in `payfip_fields.py`.
        """
        notice = read_notification(message)
        is_ours = notice.claims.environment is self.environment
        if is_ours and notice.facts["entry_code"] != self._saisie():
            return replace(notice, contradicts=("entry_mode",))
        return notice

    def acknowledge(self, message: Message, verdict: Verdict) -> HttpAnswer:
        """Answer 200 and nothing more, whatever we made of the message: PayFiP reads only the status."""
        return HttpAnswer(status=200)

    def _saisie(self) -> str:
        if self.account.environment is Environment.TEST:
            return "T"
        if self.account.environment is Environment.ACTIVATION:
            return "X"
        return "M" if self.account.manual_entry else "A"

    def _exercice_to_send(self, request: PaymentRequest) -> int | None:
        """Check the debt's reference, and give the exercice that goes with it: the reference's own, if it holds one."""
        reference = request.debt_reference
        check_reference(reference, self.account.min_reference_length)
        if self.account.kind is DebtKind.REGIE:
            return regie_exercice(request.exercice)
        exercice = _exercice_inside(reference, self.account.kind)
        if exercice == RESERVED_EXERCICE:
            if self.account.environment is not Environment.TEST:
                raise Refused("reference_reserved")
            return exercice
        if request.exercice not in (None, exercice):
            raise Refused("exercice_differs")
        return exercice


def _account(config: AccountConfig) -> PayfipUrlAccount:
    usual: dict[str, object] = {
        "manual_entry": True,
        "min_amount_cents": MIN_AMOUNT.cents,
        "max_amount_cents": MAX_AMOUNT.cents,
        "min_reference_length": MIN_REFERENCE_LENGTH,
    }
    for name in config.options:
        if name not in usual and name not in ACCOUNT_OPTIONS:
            raise Misconfigured(name, "unknown_option")
    check_account_options(config.options)
    options = usual | dict(config.options)
    return PayfipUrlAccount(
        numcli=config.identifier,
        kind=config.debt_kind,
        environment=config.environment,
        manual_entry=typed_option(options, "manual_entry", bool),
        min_amount=Money(typed_option(options, "min_amount_cents", int)),
        max_amount=Money(typed_option(options, "max_amount_cents", int)),
        min_reference_length=typed_option(options, "min_reference_length", int),
    )


def _exercice_inside(reference: str, kind: DebtKind) -> int:
    if kind is DebtKind.ORMC:
        if not _ORMC_REFERENCE.fullmatch(reference):
            raise Refused("reference_malformed")
        return int(reference[:4])
    try:
        titre = TitreReference.parse(reference)
    except UnreadableReference:
        raise Refused("reference_malformed") from None
    return titre.exercice
