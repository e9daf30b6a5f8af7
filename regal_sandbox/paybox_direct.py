"""Paybox Direct: what a merchant's program asks or orders about its payments, server to server, and what is answered.

What is not documented and had to be chosen is listed in `docs/sandbox-fidelity.md`.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from regal_sandbox.paris import paris_day
from regal_sandbox.paybox_direct_cards import CARD_HANDLERS, of_subscriber
from regal_sandbox.paybox_frames import BadFrame, Frame, Reply, write_reply
from regal_sandbox.paybox_merchants import Merchant
from regal_sandbox.paybox_operations import Operation, cancel, capture, change_amount, list_operations, refund
from regal_sandbox.paybox_questions import Asked, Done, check_frame, check_number, identify
from regal_sandbox.paybox_remises import collect_due, printed
from regal_sandbox.store import stamp
from regal_sandbox.world import World


def answer(world: World, body: bytes, *, address: str = "") -> bytes:
    """What `PPPS.php` answers to that body; the effect and its trace are written together."""
    frame = Frame.read(body)
    with world.store.transaction() as db:
        collect_due(world, db)
        merchant: Merchant | None = None
        used_on: str | None = None
        try:
            merchant = identify(db, frame, address)
            kind = check_frame(frame)
            used_on = paris_day(world.now()).isoformat()
            check_number(db, merchant, frame, used_on)
            asked = Asked(world=world, db=db, merchant=merchant, frame=frame, type=kind, now=world.now())
            done = _HANDLERS[kind](asked)
        except BadFrame as refusal:
            done = Done(reply=Reply(code=refusal.code))
        told = write_reply(done.reply, frame, known=_known(done.card))
        db.execute(
            "INSERT INTO paybox_questions (at, merchant, type, number, used_on, code, trans, asked, answered)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                stamp(world.now()),
                merchant.key if merchant else "",
                frame.get("TYPE")[:5],
                frame.get("NUMQUESTION")[:10],
                used_on,
                done.reply.code,
                done.reply.trans,
                json.dumps({name[:20]: value[:250] for name, value in list(frame.shown().items())[:60]}),
                told.decode("latin-1"),
            ),
        )
    world.ring()
    return told


def _known(card: Mapping[str, Any] | None) -> dict[str, str]:
    card = card or {}
    return {
        "PAYS": card.get("country", ""),
        "TYPECARTE": card.get("type", ""),
        "SHA-1": card.get("fingerprint", "")[:40],
    }


def _about(operation: Operation, *, inquiry: bool = False) -> Done:
    return Done(
        reply=Reply(
            code="00000",
            trans=operation.trans,
            call=operation.call,
            authorisation=operation.authorisation,
            status=operation.status if inquiry else None,
            remise=printed(operation.collected_in) if operation.collected_in else "",
        ),
        card=operation.card,
    )


def _inquire(asked: Asked) -> Done:
    return _about(asked.operation(), inquiry=True)


def _exists(asked: Asked) -> Done:
    """The newest transaction of that reference; refused ones count for accounts that say so."""
    merchant = asked.merchant
    found = list_operations(asked.db, site=merchant.site, rank=merchant.rank, reference=asked.reference)
    if not merchant.options.direct_finds_refused:
        found = [one for one in found if one.state != "refused"]
    if not found:
        raise BadFrame("00018")
    return _about(found[-1])


def _capture(asked: Asked) -> Done:
    cents, operation = asked.cents, asked.operation()
    capture(asked.db, operation, cents, now=asked.now)
    return _about(operation)


def _cancel(asked: Asked) -> Done:
    operation = asked.operation()
    if asked.frame.get("MONTANT").strip("0") and asked.cents != operation.cents:
        raise BadFrame("00011")
    cancel(asked.db, operation)
    return _about(operation)


def _change_amount(asked: Asked) -> Done:
    cents, operation = asked.cents, asked.operation()
    change_amount(asked.db, operation, cents)
    return _about(operation)


def _refund(asked: Asked) -> Done:
    asked.currency  # noqa: B018 - raises
    credit = refund(
        asked.db,
        asked.operation(),
        asked.cents,
        now=asked.now,
        before_settlement=asked.merchant.options.refund_before_settlement,
        origin="direct",
    )
    return _about(credit)


_HANDLERS: dict[str, Callable[[Asked], Done]] = {
    "00002": _capture,
    "00005": _cancel,
    "00011": _exists,
    "00013": _change_amount,
    "00014": _refund,
    "00017": _inquire,
    **CARD_HANDLERS,
    "00052": of_subscriber(_capture),
    "00055": of_subscriber(_cancel),
}
