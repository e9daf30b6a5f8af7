"""PayFiP's address mode (TIPI's form): the browser leaves with everything in a query string, and a plain, unsigned
form comes back to us. Facts and sources: `docs/protocols/payfip.md`.

Nothing here can be proved: anybody may send what PayFiP sends, so every notice has rank UNPROVEN, and there is no
question to ask. The accounting file confirms, later and elsewhere.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self, TypeVar
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
from regal.gateways.payfip_url.files.regisseur_csv import ACCOUNT_OPTIONS, CsvOptions
from regal.gateways.payfip_url.notification import read_notification
from regal.lib.email_address import UnreadableEmail, normalise_email
from regal.lib.money import Money
from regal.lib.references import RESERVED_EXERCICE, TitreReference, UnreadableReference

T = TypeVar("T", int, bool)

MIN_AMOUNT = Money(100)
MAX_AMOUNT = Money(9_999_999)
MIN_REFERENCE_LENGTH = 6
MAX_REFERENCE_LENGTH = 30
MAX_LABEL_LENGTH = 100
MAX_NOTIFICATION_URL_LENGTH = 250

_REFERENCE = re.compile(r"[A-Za-z0-9]{1,30}")
_ORMC_REFERENCE = re.compile(r"[0-9]{4}[A-Z0-9]{2}[0-9]{2}[0-9]{1,13}")
_NUMCLI = re.compile(r"[0-9]{6}")
_LIGATURES = str.maketrans({"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE"})


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
        if not _NUMCLI.fullmatch(self.numcli):
            raise Misconfigured("identifier", "not_six_digits")
        if not Money.zero < self.min_amount <= self.max_amount:
            raise Misconfigured("min_amount", "out_of_order")
        if self.max_amount.cents > 99_999_999_999:
            raise Misconfigured("max_amount", "too_large")
        if not 1 <= self.min_reference_length <= MAX_REFERENCE_LENGTH:
            raise Misconfigured("min_reference_length", "out_of_bounds")


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
    SECRET_FIELDS: ClassVar[frozenset[str]] = frozenset({"mel", "objet"})

    def __post_init__(self) -> None:
        if not _is_web_address(self.service_url) or "?" in self.service_url or not self.service_url.endswith("/"):
            raise Misconfigured("service_url", "not_an_address")

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
            "mel": _checked_email(request.payer_email),
            "urlcl": _checked_notification_url(request.notification_url),
            "saisie": self._saisie(),
        }
        sent = {name: value for name, value in parameters.items() if value is not None}
        return Redirect(url=f"{self.service_url}paiement.web?{urlencode(sent, quote_via=quote, safe='')}")

    def read(self, message: Message) -> Notice:
        """Read a notification, from the body, the query string, or both ("Notification"). Always rank UNPROVEN.

        A production message in the other mode of entry (A for M) contradicts the account: it answers another request.
        Raises Unreadable; its codes are listed in `notification.py`.
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
        if not _REFERENCE.fullmatch(reference) or len(reference) < self.account.min_reference_length:
            raise Refused("reference_malformed")
        if self.account.kind is DebtKind.REGIE:
            if request.exercice is not None and not 1000 <= request.exercice <= 9999:
                raise Refused("exercice_malformed")
            return request.exercice
        exercice = _exercice_inside(reference, self.account.kind)
        if exercice == RESERVED_EXERCICE:
            if self.account.environment is not Environment.TEST:
                raise Refused("reference_reserved")
            return exercice
        if request.exercice not in (None, exercice):
            raise Refused("exercice_differs")
        return exercice


def clean_label(label: str) -> str:
    """Reduce a label to what `objet` takes: at most 100 of `[A-Za-z0-9 ]`; accents go, the rest becomes a space."""
    plain = unicodedata.normalize("NFKD", label.translate(_LIGATURES))
    without_accents = "".join(character for character in plain if not unicodedata.combining(character))
    words = re.findall(r"[A-Za-z0-9]+", without_accents)
    return " ".join(words)[:MAX_LABEL_LENGTH].rstrip()


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
    try:
        CsvOptions.of_account(config.options)
    except ValueError as error:
        raise Misconfigured(f"statement_{error}", "unusable") from None
    options = usual | dict(config.options)
    return PayfipUrlAccount(
        numcli=config.identifier,
        kind=config.debt_kind,
        environment=config.environment,
        manual_entry=_typed(options, "manual_entry", bool),
        min_amount=Money(_typed(options, "min_amount_cents", int)),
        max_amount=Money(_typed(options, "max_amount_cents", int)),
        min_reference_length=_typed(options, "min_reference_length", int),
    )


def _typed(options: Mapping[str, object], name: str, kind: type[T]) -> T:
    value = options[name]
    if type(value) is kind:  # not isinstance: a bool is an int
        return value
    raise Misconfigured(name, "wrong_type")


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


def _checked_email(address: str) -> str:
    try:
        return normalise_email(address)
    except UnreadableEmail:
        raise Refused("email_malformed") from None


def _checked_notification_url(url: str | None) -> str | None:
    if url is None:
        return None
    if len(url) > MAX_NOTIFICATION_URL_LENGTH:
        raise Refused("notification_url_too_long")
    if not _is_web_address(url):
        raise Refused("notification_url_malformed")
    return url


def _is_web_address(url: str) -> bool:
    return re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(?:[/?][\x21\x22\x24-\x7e]*)?", url) is not None
