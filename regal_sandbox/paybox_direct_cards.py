"""Paybox Direct with a card, and Direct Plus with what stands for one: only test cards exist here.

What is kept of a card is what identifies a test card, never its number as it came.
"""

import json
import re
import sqlite3
import string
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from regal_sandbox.paris import in_paris
from regal_sandbox.paybox_cards import plain_number, test_card
from regal_sandbox.paybox_frames import BadFrame, Reply
from regal_sandbox.paybox_numbers import draw_authorisation, draw_call
from regal_sandbox.paybox_operations import Operation, write_credit, write_debit
from regal_sandbox.paybox_questions import Asked, Done

# Direct Plus's operations that do with a subscriber what another does with a card.
SAME_AS = {"00051": "00001", "00053": "00003", "00054": "00004", "00061": "00012"}
_CODE = re.compile(r"[0-9A-Z]{5}")


def _card(asked: Asked) -> dict[str, Any]:
    """The test card that PORTEUR names, valid until DATEVAL (`MMAA`). Raises BadFrame."""
    found = test_card(plain_number(asked.frame.get("PORTEUR")))
    if found is None:
        raise BadFrame("00004")
    return found | {"expiry": _expiry(asked)}


def _expiry(asked: Asked) -> str:
    """`AAMM`. Raises BadFrame."""
    told = asked.frame.get("DATEVAL")
    if re.fullmatch(r"(0[1-9]|1[0-2])[0-9]{2}", told) is None:
        raise BadFrame("00008")
    expiry = told[2:] + told[:2]
    if expiry < f"{in_paris(asked.now):%y%m}":
        raise BadFrame("00008")
    return expiry


def _check_bank(asked: Asked) -> None:
    """What the merchant of the test platform had answered for himself. Raises BadFrame."""
    forced = asked.frame.get("ERRORCODETEST")
    if asked.merchant.is_test and forced != "00000" and _CODE.fullmatch(forced):
        raise BadFrame(forced)


def _debit(asked: Asked, card: dict[str, Any], *, captured: bool, authorised: bool = True) -> Operation:
    """A payment made without a page; the account of test authorises as its page does."""
    told, days = asked.frame, asked.frame.get("DIFFERE").strip("0")
    later = captured and bool(days)
    day = in_paris(asked.now).date() + timedelta(days=int(days or 0))
    return write_debit(
        asked.world,
        asked.db,
        merchant=asked.merchant,
        reference=asked.reference,
        cents=asked.cents,
        fields={"PBX_DEVISE": asked.currency, "PBX_ARCHIVAGE": told.get("ARCHIVAGE")},
        card=card,
        authorisation=draw_authorisation(asked.world, asked.db, asked.merchant) if authorised else "",
        captured=captured and not later,
        capture_on=day if later else None,
        now=asked.now,
    )


def _charge(asked: Asked, card: dict[str, Any]) -> Done:
    """What each operation with a card does, whatever stands for the card."""
    kind = SAME_AS.get(asked.type, asked.type)
    if kind == "00004":
        made = write_credit(
            asked.db,
            merchant=asked.merchant.key,
            reference=asked.reference,
            call=draw_call(asked.db),
            cents=asked.cents,
            card=card,
            now=asked.now,
            origin="direct",
        )
    elif kind == "00012":
        made = _debit(asked, card, captured=True, authorised=False)
    else:
        _check_bank(asked)
        made = _debit(asked, card, captured=kind == "00003")
    reply = Reply(code="00000", trans=made.trans, call=made.call, authorisation=made.authorisation)
    return Done(reply=reply, card=card)


def _with_card(asked: Asked) -> Done:
    asked.currency  # noqa: B018 - raises
    return _charge(asked, _card(asked))


def of_subscriber(handler: Callable[[Asked], Done]) -> Callable[[Asked], Done]:
    """The same, once the subscriber is known."""

    def handle(asked: Asked) -> Done:
        found = _subscriber(asked)
        done = handler(asked)
        reply = replace(done.reply, subscriber=asked.frame.get("REFABONNE"), card=found["token"])
        return replace(done, reply=reply)

    return handle


def _charge_subscriber(asked: Asked) -> Done:
    return _charge(asked, json.loads(_subscriber(asked)["card"]))


def _subscriber(asked: Asked) -> sqlite3.Row:
    """Who REFABONNE names, and whose PORTEUR, when it is sent, is the one given at the inscription."""
    found: sqlite3.Row | None = asked.db.execute(
        "SELECT * FROM paybox_subscribers WHERE site = ? AND rank = ? AND name = ?",
        (asked.merchant.site, asked.merchant.rank, asked.frame.get("REFABONNE")),
    ).fetchone()
    if found is None:
        raise BadFrame("00017")
    if asked.type < "00056" and asked.frame.get("PORTEUR").strip() not in ("", found["token"]):
        raise BadFrame("00004")
    return found


def _register(asked: Asked) -> Done:
    """With an authorisation of the amount, which nobody captures."""
    name = asked.frame.get("REFABONNE")
    if not 1 <= len(name) <= 250:
        raise BadFrame("00014")
    card = _card(asked)
    if asked.db.execute(
        "SELECT 1 FROM paybox_subscribers WHERE site = ? AND rank = ? AND name = ?",
        (asked.merchant.site, asked.merchant.rank, name),
    ).fetchone():
        raise BadFrame("00016")
    _check_bank(asked)
    made = _debit(asked, card, captured=False)
    token = _draw_token(asked, made.trans)
    asked.db.execute(
        "INSERT INTO paybox_subscribers VALUES (?, ?, ?, ?, ?)",
        (asked.merchant.site, asked.merchant.rank, name, token, json.dumps(card)),
    )
    reply = Reply(
        code="00000",
        trans=made.trans,
        call=made.call,
        authorisation=made.authorisation,
        subscriber=name,
        card=token,
    )
    return Done(reply=reply, card=card)


def _update(asked: Asked) -> Done:
    found, card = _subscriber(asked), _card(asked)
    asked.db.execute(
        "UPDATE paybox_subscribers SET card = ? WHERE site = ? AND rank = ? AND name = ?",
        (json.dumps(card), found["site"], found["rank"], found["name"]),
    )
    return Done(reply=Reply(code="00000", subscriber=found["name"], card=found["token"]), card=card)


def _delete(asked: Asked) -> Done:
    found = _subscriber(asked)
    asked.db.execute(
        "DELETE FROM paybox_subscribers WHERE site = ? AND rank = ? AND name = ?",
        (found["site"], found["rank"], found["name"]),
    )
    return Done(reply=Reply(code="00000", subscriber=found["name"]))


def _draw_token(asked: Asked, number: int) -> str:
    drawn = int(asked.world.draw("subscriber", number), 16)
    return "".join(string.ascii_letters[drawn // 52**place % 52] for place in range(11))


CARD_HANDLERS: dict[str, Callable[[Asked], Done]] = {
    **dict.fromkeys(("00001", "00003", "00004", "00012"), _with_card),
    **dict.fromkeys(("00051", "00053", "00054", "00061"), of_subscriber(_charge_subscriber)),
    "00056": _register,
    "00057": _update,
    "00058": _delete,
}
