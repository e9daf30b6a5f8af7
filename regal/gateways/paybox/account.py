"""One contract of Paybox: its numbers, its settings, and the machines that serve it.

Facts and sources: `docs/protocols/paybox.md`, "Contracts" and "Hosts". Test and production are two platforms; one
public key signs what both say, so everything that belongs to the test platform is refused on an account that moves
money.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, TypeVar
from urllib.parse import urlsplit

from regal.gateways.base import AccountConfig, DebtKind, Environment, Misconfigured
from regal.lib.money import Money

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T", int, bool, str)

PUBLISHED_TEST_SITES = ("1999888", "1999887")
PUBLISHED_TEST_PASSWORD = "1999888I"  # noqa: S105 - of the public test account; refused everywhere else

MAX_AMOUNT = Money(9_999_999)
DISPLAY_SECONDS = 900
AUTHENTICATIONS = ("01", "02", "03", "04")  # no preference, exemption, challenge wished, challenge required

_IDENTIFIER = re.compile(r"(?P<site>[0-9]{7})-(?P<rank>0[0-9]|[1-9][0-9]{1,2})-(?P<number>[0-9]{1,9})")
_TEST_HOST = re.compile(r"(preprod|recette)-(tpeweb|ppps)\.(paybox\.com|e-transactions\.fr)")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+/(?:[\x21\x22\x24-\x3e\x40-\x7e]*/)?")
_OPTIONS = {
    "platform",
    "page",
    "display_seconds",
    "notified_in_back_office",
    "asks_address",
    "authentication",
    "min_amount_cents",
    "max_amount_cents",
}


class Platform(StrEnum):
    """Who sells the contract: the same protocol and the same key, other hosts."""

    PAYBOX = "paybox"  # Verifone
    UP2PAY = "up2pay"  # Crédit Agricole: Up2pay e-Transactions


class Page(StrEnum):
    """Which entry of the payment page the browser is sent to."""

    PHP = "php"
    CLASSIC = "classic"
    RESPONSIVE = "responsive"

    @property
    def path(self) -> str:
        """Behind the host's address."""
        return _PATHS[self]


_PATHS = {
    Page.PHP: "php/",
    Page.CLASSIC: "cgi/MYchoix_pagepaiement.cgi",
    Page.RESPONSIVE: "cgi/FramepagepaiementRWD.cgi",
}


def is_safe_address(address: str) -> bool:
    """A whole address; by plain HTTP on this machine only, for Direct's answers carry no signature."""
    if not _ADDRESS.fullmatch(address):
        return False
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """Where an account's pages and questions go; each ends with "/". Empty: there is none. Raises Misconfigured."""

    main: str
    backup: str = ""
    direct: str
    direct_backup: str = ""

    def __post_init__(self) -> None:
        for field in ("main", "backup", "direct", "direct_backup"):
            address = getattr(self, field)
            if (address or field in ("main", "direct")) and not is_safe_address(address):
                raise Misconfigured("service_url" if field == "main" else field, "not_an_address")

    @property
    def are_test(self) -> bool:
        """Whether one of them is a machine of the test platform."""
        return any(
            _TEST_HOST.fullmatch(urlsplit(address).hostname or "")
            for address in (self.main, self.backup, self.direct, self.direct_backup)
        )


_HOSTS = {
    (Platform.PAYBOX, True): Hosts(
        main="https://preprod-tpeweb.paybox.com/", direct="https://preprod-ppps.paybox.com/"
    ),
    (Platform.PAYBOX, False): Hosts(
        main="https://tpeweb.paybox.com/",
        backup="https://tpeweb1.paybox.com/",
        direct="https://ppps.paybox.com/",
        direct_backup="https://ppps1.paybox.com/",
    ),
    (Platform.UP2PAY, True): Hosts(
        main="https://recette-tpeweb.e-transactions.fr/", direct="https://preprod-ppps.e-transactions.fr/"
    ),
    (Platform.UP2PAY, False): Hosts(
        main="https://tpeweb.e-transactions.fr/",
        backup="https://tpeweb1.e-transactions.fr/",
        direct="https://ppps.e-transactions.fr/",
        direct_backup="https://ppps1.e-transactions.fr/",
    ),
}
# Up2pay's kit says that a total must be above one euro, not one euro
_MIN_AMOUNTS = {Platform.PAYBOX: Money(100), Platform.UP2PAY: Money(101)}


@dataclass(frozen=True, kw_only=True)
class PayboxAccount:
    """One régie's contract. Raises Misconfigured."""

    site: str  # 7 digits
    rank: str  # 2 or 3 digits
    number: str  # what Paybox calls «identifiant»: 1 to 9 digits
    environment: Environment
    platform: Platform = Platform.PAYBOX
    page: Page = Page.PHP
    display_seconds: int = DISPLAY_SECONDS  # how long Paybox's page waits for the payer
    notified_in_back_office: bool = False  # Paybox holds the account's own address, and the form says none
    asks_address: bool = False
    authentication: str | None = None
    min_amount: Money = _MIN_AMOUNTS[Platform.PAYBOX]
    max_amount: Money = MAX_AMOUNT

    def __post_init__(self) -> None:
        if not _IDENTIFIER.fullmatch(self.identifier):
            raise Misconfigured("identifier", "malformed")
        if self.moves_money and self.site in PUBLISHED_TEST_SITES:
            raise Misconfigured("identifier", "published")
        if not 100 <= self.display_seconds <= 86_400:
            raise Misconfigured("display_seconds", "out_of_bounds")
        if self.authentication not in (None, *AUTHENTICATIONS):
            raise Misconfigured("authentication", "unknown")
        if not Money.zero < self.min_amount <= self.max_amount:
            raise Misconfigured("min_amount_cents", "out_of_order")
        if self.max_amount.cents > 9_999_999_999:
            raise Misconfigured("max_amount_cents", "too_large")

    @property
    def identifier(self) -> str:
        """How the account is named everywhere: site, rank and number."""
        return f"{self.site}-{self.rank}-{self.number}"

    @property
    def moves_money(self) -> bool:
        """Whether it lives on the production platform."""
        return self.environment is not Environment.TEST

    @classmethod
    def read(cls, config: AccountConfig) -> Self:
        """From an account's contract; the README lists its options. Raises Misconfigured."""
        if config.debt_kind is not DebtKind.REGIE:
            raise Misconfigured("debt_kind", "not_a_regie")
        for name in config.options:
            if name not in _OPTIONS:
                raise Misconfigured(name, "unknown_option")
        found = _IDENTIFIER.fullmatch(config.identifier)
        if found is None:
            raise Misconfigured("identifier", "malformed")
        options = config.options
        platform = _one_of(Platform, options, "platform", Platform.PAYBOX)
        return cls(
            site=found["site"],
            rank=found["rank"],
            number=found["number"],
            environment=config.environment,
            platform=platform,
            page=_one_of(Page, options, "page", Page.PHP),
            display_seconds=_typed(options, "display_seconds", DISPLAY_SECONDS),
            notified_in_back_office=_typed(options, "notified_in_back_office", False),
            asks_address=_typed(options, "asks_address", False),
            authentication=_typed(options, "authentication", "") or None,
            min_amount=Money(_typed(options, "min_amount_cents", _MIN_AMOUNTS[platform].cents)),
            max_amount=Money(_typed(options, "max_amount_cents", MAX_AMOUNT.cents)),
        )

    def hosts(self, config: AccountConfig) -> Hosts:
        """Paybox's own, or all of them another's: a sandbox's page never goes with Paybox's machines.

        Raises Misconfigured.
        """
        if not config.service_url:
            if config.public_key or any(config.addresses.values()):
                raise Misconfigured("service_url", "missing")
            return _HOSTS[self.platform, not self.moves_money]
        hosts = Hosts(
            main=config.service_url,
            backup=config.addresses.get("backup", ""),
            direct=config.addresses.get("direct", "") or config.service_url,
            direct_backup=config.addresses.get("direct_backup", ""),
        )
        if self.moves_money and hosts.are_test:
            raise Misconfigured("service_url", "test_host")
        return hosts


def _one_of(kind: type[E], options: Mapping[str, object], name: str, usual: E) -> E:
    named = _typed(options, name, usual.value)
    if named not in list(kind):
        raise Misconfigured(name, "unknown")
    return kind(named)


def _typed(options: Mapping[str, object], name: str, usual: T) -> T:
    """An account's option, of that very type: a bool is no int. Raises Misconfigured."""
    value = options.get(name, usual)
    if type(value) is type(usual):
        return value
    raise Misconfigured(name, "wrong_type")
