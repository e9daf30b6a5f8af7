"""A question to Paybox Direct: who asks, by which right, and whether its frame can be read."""

import hmac
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from regal_sandbox.paybox_frames import MOST_QUESTION, VERSIONS, BadFrame, Frame, Reply, whole
from regal_sandbox.paybox_merchants import Merchant, merchants_of
from regal_sandbox.paybox_operations import Operation, find_operation
from regal_sandbox.paybox_requests import good_hmac
from regal_sandbox.world import World

TYPES = {
    "00001": "autorisation",
    "00002": "capture",
    "00003": "autorisation et capture",
    "00004": "crédit",
    "00005": "annulation",
    "00011": "existence d’une transaction",
    "00012": "sans demande d’autorisation",
    "00013": "changement de montant",
    "00014": "remboursement",
    "00017": "consultation",
    "00051": "autorisation d’un abonné",
    "00052": "capture d’un abonné",
    "00053": "autorisation et capture d’un abonné",
    "00054": "crédit d’un abonné",
    "00055": "annulation d’un abonné",
    "00056": "inscription d’un abonné",
    "00057": "modification d’un abonné",
    "00058": "suppression d’un abonné",
    "00061": "sans demande d’autorisation, d’un abonné",
}
SUBSCRIBERS = frozenset(one for one in TYPES if one > "00050")
CURRENCIES = frozenset({"036", "124", "208", "392", "578", "752", "756", "826", "840", "978"})
_DATES = ("%d%m%Y%H%M%S", "%d%m%Y")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question from a merchant who proved who he is, in a frame that can be read."""

    world: World
    db: sqlite3.Connection
    merchant: Merchant
    frame: Frame
    type: str
    now: datetime

    @property
    def cents(self) -> int:
        return whole(self.frame, "MONTANT", code="00011")

    @property
    def currency(self) -> str:
        told = self.frame.get("DEVISE")
        if told not in CURRENCIES:
            raise BadFrame("00010")
        return told

    @property
    def reference(self) -> str:
        told = self.frame.get("REFERENCE")
        if not 1 <= len(told) <= 250:
            raise BadFrame("00012")
        return told

    def operation(self) -> Operation:
        """The one that NUMTRANS and NUMAPPEL name together; an inquiry does without NUMAPPEL."""
        trans = whole(self.frame, "NUMTRANS", code="00018")
        alone = self.type == "00017" and not self.frame.get("NUMAPPEL").strip("0")
        call = None if alone else whole(self.frame, "NUMAPPEL", code="00018")
        found = find_operation(self.db, site=self.merchant.site, rank=self.merchant.rank, trans=trans, call=call)
        if found is None:
            raise BadFrame("00018")
        return found


@dataclass(frozen=True, kw_only=True)
class Done:
    """What was done and is to be answered."""

    reply: Reply
    card: Mapping[str, Any] | None = None  # for what is asked of it


def identify(db: sqlite3.Connection, frame: Frame, address: str) -> Merchant:
    """Who asks, by his site, his rank, and one of his two keys. Raises BadFrame."""
    if frame.repeated or not frame.fields:
        raise BadFrame("00014")
    site, rank, identifier = frame.get("SITE"), frame.get("RANG"), frame.get("IDENTIFIANT")
    if frame.get("VERSION") not in VERSIONS:
        raise BadFrame("00013")
    for merchant in merchants_of(db, site, int(rank)) if re.fullmatch(r"[0-9]{1,3}", rank) else []:
        if identifier and identifier.lstrip("0") != merchant.identifier.lstrip("0"):
            continue
        allowed = merchant.options.direct_addresses
        if merchant.options.direct and (not allowed or address in allowed) and _has_key(frame, merchant):
            return merchant
    raise BadFrame("00006")


def _has_key(frame: Frame, merchant: Merchant) -> bool:
    if frame.has("HMAC"):
        return good_hmac(frame.signed_text, frame.get("HMAC"), key=merchant.hmac_key, algorithm=frame.get("HASH"))
    return bool(merchant.direct_key) and hmac.compare_digest(frame.get("CLE").encode(), merchant.direct_key.encode())


def check_frame(frame: Frame) -> str:
    """What is asked. Raises BadFrame."""
    kind = frame.get("TYPE")
    if kind not in TYPES:
        raise BadFrame("00009")
    if kind in SUBSCRIBERS and frame.get("VERSION") == "00103":
        if kind != "00055" or frame.get("REFABONNE"):
            raise BadFrame("00013")
        kind = "00005"  # a client in use cancels so
    if not any(_is_date(frame.get("DATEQ"), shape) for shape in _DATES):
        raise BadFrame("00007")
    for name, shape in (("ACTIVITE", r"[0-9]{3}"), ("DIFFERE", r"[0-9]{3}"), ("ARCHIVAGE", r".{0,12}")):
        if frame.get(name) and re.fullmatch(shape, frame.get(name)) is None:
            raise BadFrame("00014")
    return kind


def _is_date(text: str, shape: str) -> bool:
    try:
        return datetime.strptime(text, shape).strftime(shape) == text  # noqa: DTZ007 - only its shape
    except ValueError:
        return False


def check_number(db: sqlite3.Connection, merchant: Merchant, frame: Frame, day: str) -> None:
    """A question's number serves once per site and day."""
    number = whole(frame, "NUMQUESTION", code="00005", most=MOST_QUESTION)
    used = db.execute(
        "SELECT 1 FROM paybox_questions WHERE merchant LIKE ? || '-%' AND used_on = ? AND CAST(number AS INTEGER) = ?",
        (merchant.site, day, number),
    ).fetchone()
    if used is not None:
        raise BadFrame(merchant.options.used_question)
