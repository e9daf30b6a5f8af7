"""Where the payer's browser goes from Paybox's pages, and what it brings: a GET to the merchant's site."""

import sqlite3
from datetime import datetime

from regal_sandbox.paybox_codes import CANCELLED
from regal_sandbox.paybox_keys import PlatformKey
from regal_sandbox.paybox_merchants import Merchant
from regal_sandbox.paybox_messages import outcome_of_try
from regal_sandbox.paybox_payment import Payment, list_tries
from regal_sandbox.paybox_returns import (
    WHOLE,
    Outcome,
    amount_to_tell,
    query_of,
    with_variables,
    write_variables,
)


def way_back(db: sqlite3.Connection, key: PlatformKey, payment: Payment, merchant: Merchant, *, now: datetime) -> str:
    """Of an ended payment; empty when neither the request nor the back office gives an address."""
    url = _address(payment, merchant, payment.state)
    tries = list_tries(db, payment.id)
    if tries and tries[-1].code == payment.code:
        outcome = outcome_of_try(payment, merchant, tries[-1])
    else:
        outcome = _without_try(payment, merchant, payment.code, now)
    return _write(key, url, outcome, payment, merchant)


def cancel_link(key: PlatformKey, payment: Payment, merchant: Merchant, *, now: datetime) -> str:
    """What the card page holds ready, already signed; empty without address."""
    return _write(
        key,
        _address(payment, merchant, "abandoned"),
        _without_try(payment, merchant, CANCELLED, now),
        payment,
        merchant,
    )


def _address(payment: Payment, merchant: Merchant, state: str) -> str:
    registered = merchant.addresses
    field, known = {
        "paid": ("PBX_EFFECTUE", registered.accepted),
        "pending": ("PBX_ATTENTE", registered.pending),
        "abandoned": ("PBX_ANNULE", registered.cancelled),
    }.get(state, ("PBX_REFUSE", registered.refused))
    return payment.get(field) or known


def _without_try(payment: Payment, merchant: Merchant, code: str, now: datetime) -> Outcome:
    told = code != CANCELLED or merchant.options.amount_in_cancel
    return Outcome(
        code=code,
        at=payment.ended_at or now,
        call=payment.call,
        reference=payment.reference,
        amount=amount_to_tell(payment.get("PBX_TOTAL"), merchant) if told else None,
        means="3DSECURE" if payment.state == "secure" else payment.card.get("left_at", "CARTE"),
    )


def _write(key: PlatformKey, url: str, outcome: Outcome, payment: Payment, merchant: Merchant) -> str:
    if not url:
        return ""
    signs = merchant.options.signed_in_cancel if outcome.code == CANCELLED else WHOLE
    variables = write_variables(key, payment.get("PBX_RETOUR"), outcome, own_query=query_of(url), signs=signs)
    return with_variables(url, variables.text)
