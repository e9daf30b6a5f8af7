"""Paybox Direct: a question of a merchant's program about one of its payments, or an order, and the answer.

What is not documented and chosen here is listed in `docs/sandbox-fidelity.md`.
"""

import json
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from regal_sandbox.paris import in_paris, paris_day
from regal_sandbox.paybox_cards import CARDS, Card
from regal_sandbox.paybox_frames import (
    MOST_QUESTION,
    VERSIONS,
    BadFrame,
    Frame,
    Reply,
    whole,
    write_reply,
)
from regal_sandbox.paybox_keys import good_hmac
from regal_sandbox.paybox_merchants import Merchant, find_merchant
from regal_sandbox.paybox_numbers import draw_call, draw_transaction
from regal_sandbox.paybox_operations import (
    AUTHORISED,
    CAPTURED,
    CREDIT,
    DEBIT,
    REFUSED,
    About,
    Operation,
    cancel,
    capture,
    change_amount,
    check_refund,
    find_operation,
    list_operations,
    write_operation,
)
from regal_sandbox.paybox_remises import collect_due
from regal_sandbox.settings import read_settings
from regal_sandbox.store import moment, stamp
from regal_sandbox.world import World

TYPES = {
    "00001": "autorisation",
    "00002": "capture",
    "00003": "autorisation et capture",
    "00004": "crédit",
    "00005": "annulation",
    "00011": "vérification de l’existence",
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
OF_SUBSCRIBERS = tuple(one for one in TYPES if one > "00050")
# Direct Plus's operations that do to a subscriber what another does with a card or a transaction.
_SAME_AS = {"00051": "00001", "00052": "00002", "00053": "00003", "00054": "00004", "00055": "00005", "00061": "00012"}
_CODE = re.compile(r"[0-9A-Z]{5}")
_DATES = ("%d%m%Y%H%M%S", "%d%m%Y")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question that may be answered: who asks is known, and the frame can be read."""

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
        """The one that NUMTRANS and NUMAPPEL name; both are needed but by an inquiry. Raises BadFrame."""
        numtrans = whole(self.frame, "NUMTRANS", code="00018")
        numappel = None
        if self.type != "00017" or self.frame.get("NUMAPPEL"):
            numappel = whole(self.frame, "NUMAPPEL", code="00018")
        found = find_operation(
            self.db, site=self.merchant.site, rank=self.merchant.rank, numtrans=numtrans, numappel=numappel
        )
        if found is None:
            raise BadFrame("00018")
        return found

    def check_authorised_operation(self) -> Operation:
        return self.operation()


CURRENCIES = frozenset({"978", "840", "826", "756", "392", "124", "036", "208", "578", "752", "953"})


def answer(world: World, body: bytes, *, address: str = "") -> bytes:
    """What `PPPS.php` answers to that form; the effect and its trace are written together."""
    frame = Frame.read(body)
    known: dict[str, str] = {}
    with world.store.transaction() as db:
        collect_due(world, db)
        merchant = _merchant(db, frame)
        try:
            asked = _check(world, db, frame, merchant, address)
            with _all_or_nothing(db):
                reply, operation = _HANDLERS[_SAME_AS.get(asked.type, asked.type)](asked)
            if operation is not None:
                known = {"PAYS": operation.about.country, "TYPECARTE": operation.about.card.upper()}
        except BadFrame as refusal:
            reply = Reply(code=refusal.code)
        told = write_reply(reply, frame, known=known)
        db.execute(
            "INSERT INTO paybox_questions (at, site, rank, type, number, code, numtrans, asked, answered)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                stamp(world.now()),
                merchant.site if merchant else "",
                merchant.rank if merchant else 0,
                frame.get("TYPE")[:5],
                frame.get("NUMQUESTION")[:10],
                reply.code,
                reply.numtrans or None,
                json.dumps({name[:20]: value[:250] for name, value in frame.shown().items()}),
                told.decode("latin-1"),
            ),
        )
    world.ring()
    return told
