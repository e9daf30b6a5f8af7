"""What the payer's browser brings to the card page: the `PBX_` fields of a merchant, signed with his key.

The signature covers the fields in the order in which they come, so they are read from the raw bytes.
"""

import hmac
import re
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

from regal_sandbox.paris import PARIS
from regal_sandbox.paybox_merchants import MAX_URL, Merchant, find_merchant, is_absolute, merchant_key

ALGORITHMS = ("SHA512", "SHA256", "SHA384", "SHA224", "RIPEMD160")
DEFAULT_ALGORITHM = "SHA512"
REQUIRED = (
    "PBX_SITE",
    "PBX_RANG",
    "PBX_IDENTIFIANT",
    "PBX_TOTAL",
    "PBX_DEVISE",
    "PBX_CMD",
    "PBX_PORTEUR",
    "PBX_RETOUR",
)
CURRENCIES = frozenset({"036", "124", "208", "348", "392", "578", "752", "756", "826", "840", "978"})
URLS = ("PBX_EFFECTUE", "PBX_REFUSE", "PBX_ANNULE", "PBX_ATTENTE", "PBX_REPONDRE_A")
XML_FIELDS = {"PBX_SHOPPINGCART": "shoppingcart", "PBX_BILLING": "Billing"}
FORMATS = {
    "PBX_TOTAL": r"[0-9]{3,10}",
    "PBX_DEVISE": r"[0-9]{3}",
    "PBX_CMD": r"[^\x00-\x1f]{1,250}",
    "PBX_PORTEUR": r"(?=.{6,120}\Z)[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+",
    "PBX_RETOUR": r"[^:;\x00-\x1f]+:[A-Za-z](;[^:;\x00-\x1f]+:[A-Za-z])*;?",
    "PBX_RUF1": r"(?i:GET|POST)",
    "PBX_LANGUE": r"[A-Z]{3}",
    "PBX_AUTOSEULE": r"[ON]",
    "PBX_DIFF": r"[0-9]{2}",
    "PBX_DISPLAY": r"[0-9]{3,10}",
    "PBX_ARCHIVAGE": r"[0-9A-Za-z]{1,12}",
    "PBX_NOM_MARCHAND": r".{1,40}",
    "PBX_ENTITE": r"[0-9]{1,9}",
    "PBX_SOUHAITAUTHENT": r"0[1-4]",
    "PBX_3DS": r"[ON]",
}
SHOWN = 300


def good_hmac(signed: bytes, told: str, *, key: str, algorithm: str = "") -> bool:
    """Whether `told`, in upper or lower case, is the HMAC of these bytes; an empty algorithm is the usual one."""
    expected = make_hmac(signed, key=key, algorithm=algorithm)
    return bool(expected) and hmac.compare_digest(expected.encode(), told.upper().encode())


def make_hmac(signed: bytes, *, key: str, algorithm: str = "") -> str:
    """In upper-case hexadecimal; empty when the algorithm is not known here."""
    name = (algorithm or DEFAULT_ALGORITHM).upper()
    if name not in ALGORITHMS:
        return ""
    try:
        return hmac.new(bytes.fromhex(key), signed, name.lower()).hexdigest().upper()
    except ValueError:  # RIPEMD160 is absent from some builds of OpenSSL
        return ""


class Refused(Exception):
    """The request gets an error page, and nobody is called back. `detail` is for who connects the site."""

    def __init__(self, rule: str, name: str, detail: str) -> None:
        super().__init__(detail)
        self.rule = rule
        self.name = name
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class Fields:
    """The fields of a request, in the order received."""

    pairs: tuple[tuple[str, bytes], ...]

    @classmethod
    def read(cls, raw: bytes) -> Self:
        pairs = []
        for piece in raw.split(b"&"):
            if piece:
                name, _, value = piece.replace(b"+", b" ").partition(b"=")
                pairs.append((unquote_to_bytes(name).decode("utf-8", "replace"), unquote_to_bytes(value)))
        return cls(pairs=tuple(pairs))

    def get(self, name: str) -> str:
        """Its value, empty when it did not come."""
        for known, value in self.pairs:
            if known == name:
                return _decoded(value)
        return ""

    def decoded(self) -> list[tuple[str, str]]:
        return [(name, _decoded(value)) for name, value in self.pairs if name.startswith("PBX_")]

    def signed_texts(self) -> list[bytes]:
        """What the HMAC may cover: the bytes as they came, and the same re-written in UTF-8 if they were Latin-1."""
        covered = [
            (name.encode(), value) for name, value in self.pairs if name.startswith("PBX_") and name != "PBX_HMAC"
        ]
        texts = [b"&".join(name + b"=" + value for name, value in covered)]
        if not texts[0].isascii():
            for source, target in (("latin-1", "utf-8"), ("utf-8", "latin-1")):
                try:
                    texts.append(texts[0].decode(source).encode(target))
                except UnicodeError:
                    continue
        return texts


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


@dataclass(frozen=True, kw_only=True)
class CardRequest:
    """A request that passed every check."""

    merchant: Merchant
    fields: tuple[tuple[str, str], ...]  # PBX_ only, in the order received
    reference: str
    amount_cents: int
    warnings: tuple[str, ...] = field(default=())  # tolerated, and worth telling who connects the site


def check_request(fields: Fields, *, db: sqlite3.Connection, now: datetime) -> CardRequest:
    """Raises Refused with the first thing that is wrong."""
    merchant = find_merchant(
        db, merchant_key(fields.get("PBX_SITE"), fields.get("PBX_RANG"), fields.get("PBX_IDENTIFIANT").lstrip("0"))
    )
    if merchant is None:
        raise Refused("merchant_unknown", "PBX_SITE", "no merchant has that site, rank and identifier")
    _check_hmac(fields, merchant)
    names = [name for name, _ in fields.pairs if name.startswith("PBX_")]
    for name in names:
        if names.count(name) > 1:
            raise Refused("repeated", name, "sent more than once")
    for name in REQUIRED:
        if not fields.get(name):
            raise Refused("missing", name, "is required")
    for name, shape in FORMATS.items():
        value = fields.get(name)
        if value and re.fullmatch(shape, value) is None:
            raise _bad_format(name, value)
    if fields.get("PBX_DEVISE") not in CURRENCIES:
        raise Refused("currency_unknown", "PBX_DEVISE", fields.get("PBX_DEVISE"))
    for name in URLS:
        value = fields.get(name)
        if value and (len(value) > MAX_URL or not is_absolute(value)):
            raise _bad_format(name, value)
    _check_time(fields.get("PBX_TIME"), merchant, now)
    return CardRequest(
        merchant=merchant,
        fields=tuple(fields.decoded()),
        reference=fields.get("PBX_CMD"),
        amount_cents=int(fields.get("PBX_TOTAL")),
        warnings=tuple(_check_xml(fields, merchant)),
    )


def _bad_format(name: str, value: str) -> Refused:
    return Refused("format", name, f"Le format de {name} n'est pas accepté : {value[:SHOWN]}")


def _check_hmac(fields: Fields, merchant: Merchant) -> None:
    algorithm, told = fields.get("PBX_HASH"), fields.get("PBX_HMAC")
    if algorithm and algorithm.upper() not in ALGORITHMS:
        raise Refused("hash_unknown", "PBX_HASH", "one of " + ", ".join(ALGORITHMS) + " is expected")
    texts = fields.signed_texts()
    good = [good_hmac(text, told, key=merchant.hmac_key, algorithm=algorithm) for text in texts]
    if not any(good):
        expected = make_hmac(texts[0], key=merchant.hmac_key, algorithm=algorithm)
        detail = f"told {told[:SHOWN] or 'nothing'}, expected {expected}, of: {texts[0].decode('utf-8', 'replace')}"
        raise Refused("hmac_differs", "PBX_HMAC", detail)


def _check_time(told: str, merchant: Merchant, now: datetime) -> None:
    """Any way of writing an instant will do; an hour without zone is that of Paris."""
    if not told:
        raise Refused("missing", "PBX_TIME", "is required")
    try:
        read = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", told))
    except ValueError:
        raise _bad_format("PBX_TIME", told) from None
    if read.tzinfo is None:
        read = read.replace(tzinfo=PARIS)
    window = merchant.options.time_window_seconds
    try:
        distance = abs((read.astimezone(UTC) - now).total_seconds())
    except OverflowError:  # at either end of the calendar
        distance = float("inf")
    if window and distance > window:
        raise Refused("time_too_far", "PBX_TIME", f"{told}: further than {window} s from {now.isoformat()}")


def _check_xml(fields: Fields, merchant: Merchant) -> list[str]:
    """What is wrong with the 3-D Secure v2 fields; an error for merchants that must send them."""
    problems = []
    for name, root in XML_FIELDS.items():
        value = fields.get(name)
        problem = _xml_problem(value, root) if value else "is absent"
        if problem and merchant.options.three_d_secure_fields:
            raise Refused("three_d_secure_fields", name, problem)
        if problem:
            problems.append(f"{name}: {problem}")
    return problems


def _xml_problem(text: str, root: str) -> str:
    """Empty when none. A declaration is not needed; some clients write each of its quotes `%22`."""
    if "<!" in text:
        return "has a declaration other than <?xml ?>"
    text = re.sub(r"^\s*<\?xml[^>]*\?\s*>", "", text.replace("%22", '"')).strip()
    try:
        read = ElementTree.fromstring(text)  # noqa: S314 - no DTD: refused above
    except ElementTree.ParseError as problem:
        return f"is not XML ({problem})"
    if read.tag != root:
        return f"begins with <{read.tag}>, not with <{root}>"
    if root == "shoppingcart":
        quantity = (read.findtext("total/totalQuantity") or "").strip()
        return "" if re.fullmatch(r"[1-9][0-9]?", quantity) else "totalQuantity goes from 1 to 99"
    address = read.find("Address")
    if address is None:
        return "has no <Address>"
    wanted = ("FirstName", "LastName", "Address1", "ZipCode", "City", "CountryCode")
    absent = [tag for tag in wanted if address.find(tag) is None]
    return f"lacks {', '.join(absent)}" if absent else ""
