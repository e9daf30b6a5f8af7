"""Paybox's merchants: a site (the bank's contract), a rank and an identifier, with their keys and account options."""

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from regal_sandbox.paybox_files import DATE_FORMATS
from regal_sandbox.shapes import BadShape, Shape

MODES = ("test", "production")
SIGNED_TEXTS = ("whole", "variables")
MAX_URL = 150

_SITE = re.compile(r"[0-9]{7}")
_RANK = re.compile(r"[0-9]{1,3}")
_IDENTIFIER = re.compile(r"[0-9]{1,9}")
_HMAC_KEY = re.compile(r"[0-9A-Fa-f]{128}")


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """Those registered in the back office, for requests that bring none. Empty: none."""

    accepted: str = ""  # PBX_EFFECTUE
    refused: str = ""  # PBX_REFUSE
    cancelled: str = ""  # PBX_ANNULE
    pending: str = ""  # PBX_ATTENTE
    notified: str = ""  # PBX_REPONDRE_A, the IPN


@dataclass(frozen=True, kw_only=True)
class Options:
    """What depends on the account, and what nobody outside Paybox knows for sure."""

    immediate_return: bool = False  # the payer is sent back at once, without the ticket page
    most_tries: int = 3  # on one card page
    three_d_secure: str = "enrolled"  # which cards meet their bank's page: enrolled, always or never
    three_d_secure_fields: bool = False  # PBX_SHOPPINGCART and PBX_BILLING are compulsory
    reused_reference: str = "accept"  # a PBX_CMD used and not paid: accept, or error
    time_window_seconds: int = 0  # how far PBX_TIME may be from the clock; 0: any distance
    amount_in_return: str = "received"  # M as received, or "stripped" of its leading zeros
    amount_in_cancel: bool = True  # M stands in the return of a cancel too
    signed_in_cancel: str = "variables"  # of the cancel's return: the whole query, or Paybox's variables
    signed_at_registered_address: str = "whole"  # likewise of an IPN to the address of the back office, by GET
    pending_seconds: float = 3600  # from a 99999 to its final code
    pending_ends_with: str = "00000"
    refund_before_settlement: bool = True  # Direct's 00014 before the night
    direct: bool = True  # the account has Paybox Direct
    direct_addresses: tuple[str, ...] = ()  # where Direct may be called from; empty: anywhere
    used_question: str = "00005"  # Direct's answer to a NUMQUESTION of the day; or 00039
    direct_finds_refused: bool = False  # Direct's 00011 tells of refused transactions too
    remise_hour: int = 3  # of Paris, each night
    file_dates: str = "yyyy-mm-dd"  # of the files of remises; dd/mm/yyyy in older ones


@dataclass(frozen=True, kw_only=True)
class Merchant:
    site: str
    rank: int
    identifier: str
    hmac_key: str  # 128 hexadecimal digits
    direct_key: str = ""  # CLE; empty: none
    mode: str = "test"  # test: authorisations are XXXXXX, and PBX_ERRORCODETEST is obeyed
    name: str = ""
    email: str = ""  # where warnings and the files of the night go; empty: nowhere
    addresses: Addresses = field(default_factory=Addresses)
    options: Options = field(default_factory=Options)

    @property
    def key(self) -> str:
        return f"{self.site}-{self.rank:02d}-{self.identifier}"

    @property
    def is_test(self) -> bool:
        return self.mode == "test"

    def to_json(self) -> dict[str, Any]:
        told = asdict(self)
        told["options"]["direct_addresses"] = list(self.options.direct_addresses)
        return told


def merchant_key(site: str, rank: str, identifier: str) -> str:
    """As requests write them: ranks are compared as numbers. Empty when they could be nobody's."""
    if not (_SITE.fullmatch(site) and _RANK.fullmatch(rank) and _IDENTIFIER.fullmatch(identifier)):
        return ""
    return f"{site}-{int(rank):02d}-{identifier}"


def merchant_from_json(value: object, key: str | None = None) -> Merchant:
    """`key` given apart (from a path) must agree with what is inside, if anything is. Raises BadShape."""
    if key is not None and isinstance(value, Mapping):
        parts = key.split("-")
        if len(parts) != 3 or merchant_key(*parts) != key:
            raise BadShape("merchant: the address ends with SITE-RANK-IDENTIFIER, such as 1999888-32-107904482")
        value = {"site": parts[0], "rank": int(parts[1]), "identifier": parts[2]} | dict(value)
    shape = Shape(value, "merchant")
    merchant = Merchant(
        site=_matching(shape, "site", _SITE, "seven digits are expected"),
        rank=shape.integer("rank", least=0, most=999),
        identifier=_matching(shape, "identifier", _IDENTIFIER, "one to nine digits are expected"),
        hmac_key=_matching(shape, "hmac_key", _HMAC_KEY, "128 hexadecimal digits are expected").upper(),
        direct_key=shape.text("direct_key", "", max_length=10),
        mode=shape.choice("mode", MODES, "test"),
        name=shape.text("name", "", max_length=40),
        email=shape.text("email", "", max_length=120),
        addresses=_addresses(shape.mapping("addresses")),
        options=options_from_json(shape.mapping("options")),
    )
    shape.done()
    if key is not None and merchant.key != key:
        raise BadShape("merchant: differs from the address")
    return merchant


def _matching(shape: Shape, member: str, pattern: re.Pattern[str], expected: str) -> str:
    text = shape.text(member)
    if pattern.fullmatch(text) is None:
        raise BadShape(f"merchant.{member}: {expected}")
    return text


def _addresses(value: object) -> Addresses:
    shape = Shape(value, "merchant.addresses")
    told = {}
    for member in ("accepted", "refused", "cancelled", "pending", "notified"):
        told[member] = shape.text(member, "")
        if told[member] and not is_absolute(told[member]):
            raise BadShape(f"merchant.addresses.{member}: an http or https address is expected")
    shape.done()
    return Addresses(**told)


def is_absolute(url: str) -> bool:
    """Whether it is a whole http or https address, which a request can be sent to."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", url)
        )
    except ValueError:  # an impossible port, or half an IPv6 address
        return False


def options_from_json(value: object) -> Options:
    base = Options()
    shape = Shape(value, "merchant.options")
    callers = shape.items("direct_addresses")
    if not all(isinstance(one, str) for one in callers):
        raise BadShape("merchant.options.direct_addresses: a list of addresses is expected")
    options = Options(
        immediate_return=shape.boolean("immediate_return", base.immediate_return),
        most_tries=shape.integer("most_tries", base.most_tries, least=1, most=100),
        three_d_secure=shape.choice("three_d_secure", ("enrolled", "always", "never"), base.three_d_secure),
        three_d_secure_fields=shape.boolean("three_d_secure_fields", base.three_d_secure_fields),
        reused_reference=shape.choice("reused_reference", ("accept", "error"), base.reused_reference),
        time_window_seconds=shape.integer("time_window_seconds", base.time_window_seconds, most=10**9),
        amount_in_return=shape.choice("amount_in_return", ("received", "stripped"), base.amount_in_return),
        amount_in_cancel=shape.boolean("amount_in_cancel", base.amount_in_cancel),
        signed_in_cancel=shape.choice("signed_in_cancel", SIGNED_TEXTS, base.signed_in_cancel),
        signed_at_registered_address=shape.choice(
            "signed_at_registered_address", SIGNED_TEXTS, base.signed_at_registered_address
        ),
        pending_seconds=shape.number("pending_seconds", base.pending_seconds, most=10**7),
        pending_ends_with=shape.text("pending_ends_with", base.pending_ends_with, max_length=5),
        refund_before_settlement=shape.boolean("refund_before_settlement", base.refund_before_settlement),
        direct=shape.boolean("direct", base.direct),
        direct_addresses=tuple(callers),
        used_question=shape.choice("used_question", ("00005", "00039"), base.used_question),
        direct_finds_refused=shape.boolean("direct_finds_refused", base.direct_finds_refused),
        remise_hour=shape.integer("remise_hour", base.remise_hour, most=23),
        file_dates=shape.choice("file_dates", tuple(DATE_FORMATS), base.file_dates),
    )
    shape.done()
    return options


def write_merchant(db: sqlite3.Connection, merchant: Merchant) -> None:
    db.execute(
        "INSERT OR REPLACE INTO paybox_merchants VALUES (?, ?, ?, ?, ?)",
        (merchant.key, merchant.site, merchant.rank, merchant.identifier, json.dumps(merchant.to_json())),
    )


def find_merchant(db: sqlite3.Connection, key: str) -> Merchant | None:
    row = db.execute("SELECT value FROM paybox_merchants WHERE key = ?", (key,)).fetchone()
    return merchant_from_json(json.loads(row["value"])) if row else None


def merchants_of(db: sqlite3.Connection, site: str, rank: int) -> list[Merchant]:
    """Those of a site and rank, which share remises and Paybox Direct."""
    rows = db.execute("SELECT value FROM paybox_merchants WHERE site = ? AND rank = ? ORDER BY key", (site, rank))
    return [merchant_from_json(json.loads(row["value"])) for row in rows]


def list_merchants(db: sqlite3.Connection) -> list[Merchant]:
    rows = db.execute("SELECT value FROM paybox_merchants ORDER BY site, rank, key")
    return [merchant_from_json(json.loads(row["value"])) for row in rows]


def keep_addresses(merchant: Merchant, known: Merchant) -> Merchant:
    """`merchant` as configured, with the addresses registered since in its back office, unless it brings its own."""
    return merchant if merchant.addresses != Addresses() else replace(merchant, addresses=known.addresses)
