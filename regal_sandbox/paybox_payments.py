"""A payment at Paybox, from the request that opened it to its outcome.

`arrived` → (`choice`) → `card` → (`secure`) → `paid`, `pending`, `refused`, `abandoned` or `expired`. A refusal leaves
the payer on the card page, as long as the merchant's account lets him try again; each try is told to the merchant.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from regal_sandbox.journal import KEPT_CHARACTERS, record
from regal_sandbox.paris import paris_day
from regal_sandbox.paybox_cards import EXAMPLE, kept_card
from regal_sandbox.paybox_codes import (
    ACCEPTED,
    ALREADY_PAID,
    CANCELLED,
    NOT_AUTHENTICATED,
    PENDING,
    REFUSED_BY_THE_BANK,
    TOO_LATE,
    WITHOUT_TRANSACTION,
    is_code,
)
from regal_sandbox.paybox_mails import plan_ticket
from regal_sandbox.paybox_merchants import Merchant, find_merchant
from regal_sandbox.paybox_messages import plan_messages
from regal_sandbox.paybox_numbers import draw_authorisation, draw_call, draw_transaction
from regal_sandbox.paybox_payment import ENDED, Payment, Try, find_payment, list_payments, list_tries
from regal_sandbox.paybox_requests import CardRequest, Refused
from regal_sandbox.store import moment, stamp
from regal_sandbox.world import World

LONGEST_DISPLAY_SECONDS = 10**8
SMALL_CENTS = 3000  # up to which a bank grants the exemption asked for
CHOICES = {
    "CB": "CB",
    "VISA": "Visa",
    "EUROCARD_MASTERCARD": "MasterCard",
    "E_CARD": "E-CARD",
    "MAESTRO": "Maestro",
    "AMEX": "AMEX",
    "DINERS": "DINERS",
    "JCB": "JCB",
}
OFFERED = ("CB", "VISA", "EUROCARD_MASTERCARD")
CARD_DECISIONS = ("payer", "refuser", "attendre")


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What the payer typed on the card page; only what a test card says is kept of it."""

    number: str = ""
    month: str = ""
    year: str = ""
    secret: str = ""


class NoMerchant(LookupError):
    """The merchant of a payment is not there any more."""


def open_payment(
    world: World, db: sqlite3.Connection, request: CardRequest, *, raw: bytes, entry: str, backup: bool
) -> Payment:
    """Raises Refused when the account wants each reference once, and this one served already."""
    merchant = request.merchant
    former = list_payments(db, merchant=merchant.key, reference=request.reference)
    already_paid = any(one.state == "paid" for one in former)
    if former and not already_paid and merchant.options.reused_reference == "error":
        raise Refused("reference_used", "PBX_CMD", "An error occurred while creating or updating row in fappel")
    cursor = db.execute(
        "INSERT INTO paybox_payments (token, merchant, reference, amount_cents, fields, raw, entry, backup, state,"
        " call, means, started_at) VALUES ('', ?, ?, ?, ?, ?, ?, ?, 'arrived', ?, ?, ?)",
        (
            merchant.key,
            request.reference,
            request.amount_cents,
            json.dumps(request.fields),
            raw.decode("latin-1"),
            entry,
            int(backup),
            draw_call(db),
            _forced_means(dict(request.fields)),
            stamp(world.now()),
        ),
    )
    number = int(cursor.lastrowid or 0)
    token = world.draw("paybox", number)[:40]
    db.execute("UPDATE paybox_payments SET token = ? WHERE id = ?", (token, number))
    payment = find_payment(db, number)
    return _end(world, db, payment, "refused", ALREADY_PAID) if already_paid else payment


def _forced_means(fields: Mapping[str, str]) -> str:
    """The means that spares the payer the choice, when both fields name it."""
    return fields.get("PBX_TYPECARTE", "") if fields.get("PBX_TYPEPAIEMENT") else ""


def see(world: World, db: sqlite3.Connection, payment: Payment) -> Payment:
    """As its page shows it now: left open for too long, it is over, and nobody is called."""
    if payment.state not in ENDED and world.now() >= expires_at(payment):
        return _end(world, db, payment, "expired", TOO_LATE)
    return payment


def expires_at(payment: Payment) -> datetime:
    seconds = min(int(payment.get("PBX_DISPLAY") or 900), LONGEST_DISPLAY_SECONDS)
    return payment.started_at + timedelta(seconds=seconds)


def decide(world: World, db: sqlite3.Connection, payment: Payment, decision: str, typed: Typed) -> Payment:
    """Apply the payer's decision; nothing changes when his page has no such button."""
    payment = see(world, db, payment)
    before = payment.state
    payment, obeyed = _apply(world, db, payment, decision, typed)
    told = {"decision": decision[:KEPT_CHARACTERS], "state": before, "obeyed": obeyed, "becomes": payment.state}
    record(world, db, "paybox_decision", told, numcli=payment.merchant, payment=payment.id)
    return payment


def _apply(world: World, db: sqlite3.Connection, payment: Payment, decision: str, typed: Typed) -> tuple[Payment, bool]:
    if payment.state in ENDED:
        return payment, False
    if decision == "abandonner":
        return leave(world, db, payment), True
    if payment.state == "arrived" and decision in ("", "continuer"):
        return _move(db, payment, "card" if payment.means else "choice"), True
    if payment.state == "choice" and decision in OFFERED:
        return _move(db, replace(payment, means=decision), "card"), True
    if payment.state == "card" and decision in CARD_DECISIONS:
        return _submit(world, db, payment, decision, typed), True
    if payment.state == "secure" and decision in ("valider", "refuser"):
        merchant = _merchant(db, payment)
        said = {"status": "Y"} if decision == "valider" else {"status": "N", "warranted": "N"}
        code = _code(payment, merchant) if decision == "valider" else NOT_AUTHENTICATED
        return _attempt(world, db, payment, merchant, code=code, card={**payment.card, **said}), True
    return payment, False


def leave(world: World, db: sqlite3.Connection, payment: Payment) -> Payment:
    """The payer goes away: an abandon, unless his bank has refused him before."""
    last = last_refusal(db, payment)
    if last is not None:
        return _end(world, db, payment, "refused", last.code)
    return _end(world, db, payment, "abandoned", CANCELLED)


def last_refusal(db: sqlite3.Connection, payment: Payment) -> Try | None:
    tries = list_tries(db, payment.id)
    return tries[-1] if tries and tries[-1].status == "refused" else None


def force(db: sqlite3.Connection, payment: Payment, code: str) -> Payment:
    """Every try of this session ends with that code from now on; empty: as the card has it."""
    if code and not is_code(code):
        raise ValueError(f"{code!a} is no result code")
    db.execute("UPDATE paybox_payments SET forced_code = ? WHERE id = ?", (code, payment.id))
    return replace(payment, forced_code=code)


def _submit(world: World, db: sqlite3.Connection, payment: Payment, decision: str, typed: Typed) -> Payment:
    merchant = _merchant(db, payment)
    kept, wrong = _read_card(world, payment, typed)
    if decision == "refuser":
        forced = payment.forced_code
        code = forced if forced not in ("", ACCEPTED, PENDING) else REFUSED_BY_THE_BANK
        return _attempt(world, db, payment, merchant, code=code, card=_without_challenge(kept))
    if decision == "attendre":
        return _attempt(world, db, payment, merchant, code=PENDING, card=_without_challenge(kept))
    code = wrong or _code(payment, merchant)
    if wrong or not _is_challenged(payment, merchant, kept):
        return _attempt(world, db, payment, merchant, code=code, card=_without_challenge(kept))
    challenged = kept | {"enrolled": "Y", "status": "U", "warranted": "O", "kind": "CH", "version": "3DSv2.1.0"}
    return _move(db, replace(payment, card=challenged), "secure")


def _read_card(world: World, payment: Payment, typed: Typed) -> tuple[dict[str, Any], str]:
    """What is kept of the card, and the code when it is none that may pay. Nothing typed is the example card."""
    today = paris_day(world.now())
    if typed == Typed():
        typed = Typed(number=EXAMPLE, month="12", year=f"{today.year % 100 + 1:02d}", secret="123")  # noqa: S106 - published
    chosen = CHOICES.get(payment.means)
    return kept_card(typed.number, typed.month, typed.year, typed.secret, today=today, chosen=chosen)


def _code(payment: Payment, merchant: Merchant) -> str:
    """What the bank answers about a card of the list."""
    if payment.forced_code:
        return payment.forced_code
    asked = payment.get("PBX_ERRORCODETEST")
    return asked if merchant.is_test and is_code(asked) else ACCEPTED


def _is_challenged(payment: Payment, merchant: Merchant, card: Mapping[str, Any]) -> bool:
    """Whether the bank shows its page. The merchant's wish (PBX_SOUHAITAUTHENT) counts, the bank decides."""
    if merchant.options.three_d_secure == "never" or payment.get("PBX_3DS") == "N":
        return False
    wish = payment.get("PBX_SOUHAITAUTHENT")
    if wish == "04":
        return True
    if wish == "02" and payment.amount_cents <= SMALL_CENTS:
        return False
    return merchant.options.three_d_secure == "always" or card.get("enrolled") == "Y"


def _without_challenge(card: Mapping[str, Any]) -> dict[str, Any]:
    if card.get("enrolled") == "Y":
        return dict(card) | {"status": "Y", "warranted": "O", "kind": "FR", "version": "3DSv2.1.0"}
    return dict(card) | {"status": "N", "warranted": "N"} if card else {}


def _attempt(
    world: World, db: sqlite3.Connection, payment: Payment, merchant: Merchant, *, code: str, card: Mapping[str, Any]
) -> Payment:
    """One try: written with its number, the payment's new state, what is to be told and the ticket."""
    others = list_payments(db, merchant=merchant.key, reference=payment.reference)
    if code in (ACCEPTED, PENDING) and any(one.state == "paid" for one in others):
        code = ALREADY_PAID
    now = world.now()
    status = _status(payment, code, now)
    paid = status in ("authorised", "captured")
    cursor = db.execute(
        "INSERT INTO paybox_tries (payment_id, call, trans, code, authorisation, amount_cents, card, at, status,"
        " concludes_at, concludes_with, capture_on, captured_cents, captured_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            payment.id,
            draw_call(db),
            0 if code in WITHOUT_TRANSACTION else draw_transaction(db),
            code,
            draw_authorisation(world, db, merchant) if paid else "",
            payment.amount_cents,
            json.dumps(dict(card)),
            stamp(now),
            status,
            stamp(now + timedelta(seconds=merchant.options.pending_seconds)) if status == "pending" else None,
            merchant.options.pending_ends_with if status == "pending" else "",
            _capture_day(payment, now) if status == "authorised" else None,
            payment.amount_cents if status == "captured" else 0,
            stamp(now) if status == "captured" else None,
        ),
    )
    number = int(cursor.lastrowid or 0)
    tries = list_tries(db, payment.id)
    made = next(one for one in tries if one.id == number)
    if paid:
        payment = _end(world, db, payment, "paid", code)
    elif status == "pending":
        payment = _end(world, db, payment, "pending", code)
    elif len(tries) >= merchant.options.most_tries or code == ALREADY_PAID:
        payment = _end(world, db, payment, "refused", code)
    else:
        payment = _move(db, replace(payment, card={}), "card")
    plan_messages(world, db, payment, merchant, made, cause="try")
    if paid:
        plan_ticket(world, db, payment, merchant, made)
    return payment


def _status(payment: Payment, code: str, now: datetime) -> str:
    if code == PENDING:
        return "pending"
    if code != ACCEPTED:
        return "refused"
    return "authorised" if payment.get("PBX_AUTOSEULE") == "O" or _capture_day(payment, now) else "captured"


def _capture_day(payment: Payment, now: datetime) -> str | None:
    """The Paris day on which a deferred payment is captured; None: at once, or when the merchant orders it."""
    days = int(payment.get("PBX_DIFF") or 0)
    if not days or payment.get("PBX_AUTOSEULE") == "O":
        return None
    return (paris_day(now) + timedelta(days=days)).isoformat()


def conclude_pending(world: World, db: sqlite3.Connection) -> int:
    """The final code of the payments that were pending, once it is known: each is told by one more call."""
    now = world.now()
    rows = db.execute(
        "SELECT id, payment_id, concludes_with FROM paybox_tries WHERE status = 'pending' AND concludes_at <= ?"
        " ORDER BY id",
        (stamp(now),),
    ).fetchall()
    for row in rows:
        payment = find_payment(db, row["payment_id"])
        merchant = find_merchant(db, payment.merchant)
        if merchant is None:
            continue
        code = row["concludes_with"]
        status = _status(payment, code, now) if code != PENDING else "refused"
        paid = status in ("authorised", "captured")
        db.execute(
            "UPDATE paybox_tries SET code = ?, status = ?, authorisation = ?, at = ?, captured_cents = ?,"
            " captured_at = ?, capture_on = ? WHERE id = ?",
            (
                code,
                status,
                draw_authorisation(world, db, merchant) if paid else "",
                stamp(now),
                payment.amount_cents if status == "captured" else 0,
                stamp(now) if status == "captured" else None,
                _capture_day(payment, now) if status == "authorised" else None,
                row["id"],
            ),
        )
        payment = _end(world, db, payment, "paid" if paid else "refused", code)
        made = next(one for one in list_tries(db, payment.id) if one.id == row["id"])
        plan_messages(world, db, payment, merchant, made, cause="conclusion")
        if paid:
            plan_ticket(world, db, payment, merchant, made)
    return len(rows)


def conclude_now(world: World, db: sqlite3.Connection, payment: Payment, code: str) -> None:
    """A pending payment gets its final code at once, by hand."""
    db.execute(
        "UPDATE paybox_tries SET concludes_at = ?, concludes_with = ? WHERE payment_id = ? AND status = 'pending'",
        (stamp(world.now()), code, payment.id),
    )
    conclude_pending(world, db)


def _merchant(db: sqlite3.Connection, payment: Payment) -> Merchant:
    merchant = find_merchant(db, payment.merchant)
    if merchant is None:
        raise NoMerchant(payment.merchant)
    return merchant


def _move(db: sqlite3.Connection, payment: Payment, state: str) -> Payment:
    db.execute(
        "UPDATE paybox_payments SET state = ?, means = ?, card = ? WHERE id = ?",
        (state, payment.means, json.dumps(dict(payment.card)), payment.id),
    )
    return replace(payment, state=state)


def _end(world: World, db: sqlite3.Connection, payment: Payment, state: str, code: str) -> Payment:
    """`card` keeps nothing but the step that was left, which a return tells."""
    means = "3DSECURE" if payment.state == "secure" else "CARTE"
    now = world.now()
    db.execute(
        "UPDATE paybox_payments SET state = ?, code = ?, ended_at = ?, card = ? WHERE id = ?",
        (state, code, stamp(now), json.dumps({"left_at": means}), payment.id),
    )
    return replace(payment, state=state, code=code, ended_at=moment(stamp(now)), card={"left_at": means})
