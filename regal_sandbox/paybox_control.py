"""Paybox on the control port: merchants, the truth about every payment, the night, and signatures at will."""

import base64
import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, abort, request

from regal_sandbox.paybox_merchants import find_merchant, list_merchants, merchant_from_json, write_merchant
from regal_sandbox.paybox_messages import describe_payment
from regal_sandbox.paybox_operations import CREDIT, Operation, list_operations
from regal_sandbox.paybox_payment import list_payments
from regal_sandbox.paybox_remises import asked_file, collect_due, collect_now, let_the_night_pass, list_remises, printed
from regal_sandbox.shapes import BadShape, Shape
from regal_sandbox.store import stamp
from regal_sandbox.world import World

Json = dict[str, Any]


def forge(world: World, variables: str, name: str = "Sign") -> str:
    """These variables, as they travel, and their signature by the key that signs for every merchant.

    What anybody obtains from the real test platform for the reference and the amount of his choice.
    """
    signature = base64.b64encode(world.paybox_key.sign(variables)).decode("ascii")
    return f"{variables}&{name}={quote(signature, safe='')}"


def describe_payments(
    world: World,
    db: sqlite3.Connection,
    *,
    merchant: str | None = None,
    reference: str | None = None,
    number: int | None = None,
    newest: int = 0,
) -> list[Json]:
    """The truth about every payment, the oldest first: its tries, what became of their money, what was given back.

    `number`: that one alone. `newest`: so many of the last; 0: all.
    """
    collect_due(world, db)
    credits: dict[int | None, list[Json]] = {}
    for one in list_operations(db):
        if one.kind == CREDIT:
            credits.setdefault(one.payment, []).append(_credit(one))
    told = []
    found = list_payments(db, merchant=merchant, reference=reference)
    found = found if number is None else [one for one in found if one.id == number]
    for payment in found[-newest:]:
        described = describe_payment(db, payment)
        for made in described["tries"]:
            made["captured"] = made["status"] in ("captured", "refunded")
            made["remise"] = printed(made["remise"]) if made["captured"] and made["remise"] else None
        told.append(described | {"credits": credits.get(payment.id, [])})
    return told


def _credit(operation: Operation) -> Json:
    return {
        "call": operation.call,
        "trans": operation.trans,
        "of": operation.of,
        "amount_cents": operation.cents,
        "at": stamp(operation.at),
        "status": operation.state,
        "remise": printed(operation.collected_in) if operation.collected_in else None,
    }


def forget_payments(db: sqlite3.Connection, merchant: str | None = None) -> int:
    """What was paid, asked and collected; the merchants stay, and numbers are not given again."""
    payments = "SELECT id FROM paybox_payments WHERE merchant = coalesce(:merchant, merchant)"
    tries = f"SELECT id FROM paybox_tries WHERE payment_id IN ({payments})"  # noqa: S608 - the line above
    told = {"merchant": merchant}
    shop = merchant.rsplit("-", 1)[0] if merchant else None
    db.execute(f"DELETE FROM paybox_messages WHERE payment_id IN ({payments})", told)  # noqa: S608
    db.execute("UPDATE outgoing_mails SET payment_id = NULL WHERE payment_id IS NOT NULL")
    db.execute(f"DELETE FROM paybox_credits WHERE try_id IN ({tries})", told)  # noqa: S608
    db.execute("DELETE FROM paybox_credits WHERE merchant = coalesce(:merchant, merchant)", told)
    db.execute(f"DELETE FROM paybox_tries WHERE payment_id IN ({payments})", told)  # noqa: S608
    forgotten = db.execute("DELETE FROM paybox_payments WHERE merchant = coalesce(:merchant, merchant)", told).rowcount
    db.execute("DELETE FROM paybox_questions WHERE merchant = coalesce(:merchant, merchant)", told)
    for table in ("paybox_remises", "paybox_subscribers"):
        query = f"DELETE FROM {table} WHERE :shop IS NULL OR :shop = printf('%s-%02d', site, rank)"  # noqa: S608
        db.execute(query, {"shop": shop})
    return forgotten


def add_paybox(app: Flask, world: World, body: Callable[[], Any]) -> None:
    """`body` reads the JSON sent."""

    @app.get("/paybox/merchants")
    def all_merchants() -> Json:
        with world.store.transaction() as db:
            return {"merchants": [one.to_json() for one in list_merchants(db)]}

    @app.get("/paybox/merchants/<key>")
    def one_merchant(key: str) -> Json:
        with world.store.transaction() as db:
            found = find_merchant(db, key)
        if found is None:
            abort(404, "unknown merchant")
        return found.to_json()

    @app.put("/paybox/merchants/<key>")
    def put_merchant(key: str) -> Json:
        merchant = merchant_from_json(body(), key)
        with world.store.transaction() as db:
            write_merchant(db, merchant)
        return merchant.to_json()

    @app.get("/paybox/payments")
    def payments() -> Json:
        asked = request.args
        with world.store.transaction() as db:
            told = describe_payments(
                world, db, merchant=asked.get("merchant") or None, reference=asked.get("reference") or None
            )
        return {"payments": told}

    @app.delete("/paybox/payments")
    def forget() -> Json:
        with world.store.transaction() as db:
            return {"deleted": forget_payments(db, request.args.get("merchant") or None)}

    @app.get("/paybox/questions")
    def questions() -> Json:
        with world.store.transaction() as db:
            rows = db.execute("SELECT * FROM paybox_questions ORDER BY id").fetchall()
        return {"questions": [dict(row) | {"asked": json.loads(row["asked"])} for row in rows]}

    @app.post("/paybox/next-night")
    def next_night() -> Json:
        return _remises(let_the_night_pass(world)) | {"clock": world.clock.describe()}

    @app.get("/paybox/remises")
    def remises() -> Json:
        with world.store.transaction() as db:
            collect_due(world, db)
            return _remises(list_remises(db))

    @app.post("/paybox/remises")
    def close_remises() -> Json:
        with world.store.transaction() as db:
            closed = collect_now(world, db)
        world.ring()
        return _remises(closed)

    @app.get("/paybox/file")
    def file() -> Response:
        return download_file(world, request.args) or abort(404, "unknown remise or merchant")

    @app.post("/paybox/forge")
    def forged() -> Json:
        shape = Shape(body(), "forge")
        variables, name = shape.text("variables", max_length=20_000), shape.text("name", "Sign", max_length=100)
        shape.done()
        if not variables or not name:
            raise BadShape("forge.variables: what is to be signed, as it travels, is expected")
        return {"signed": variables, "query": forge(world, variables, name)}


def download_file(world: World, asked: Mapping[str, str]) -> Response | None:
    """A file of remises, to keep and never to show; None when nobody knows it. Raises BadShape."""
    with world.store.transaction() as db:
        collect_due(world, db)
    with world.store.transaction() as db:  # what was asked may be wrong, the night has passed all the same
        found = asked_file(world, db, asked)
    if found is None:
        return None
    response = Response(found.content, content_type="text/csv; charset=iso-8859-15")
    response.headers.set("Content-Disposition", "attachment", filename=found.name)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _remises(told: list[Any]) -> Json:
    return {"remises": [one.to_json() for one in told]}
