"""Paybox's back office, for people: what a merchant's site asked, was told and answered, what became of the money.

On the control page, with its guards. The real one also is where a merchant registers the addresses of his site.
"""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from regal_sandbox.amounts import typed_cents
from regal_sandbox.paybox_codes import meaning
from regal_sandbox.paybox_control import describe_payments, download_file, forget_payments
from regal_sandbox.paybox_direct_faults import CODES
from regal_sandbox.paybox_frames import COMMENTS, BadFrame
from regal_sandbox.paybox_merchants import MAX_URL, Addresses, Merchant, find_merchant, is_absolute, list_merchants
from regal_sandbox.paybox_merchants import write_merchant as keep_merchant
from regal_sandbox.paybox_messages import replay
from regal_sandbox.paybox_operations import Operation, cancel, capture, find_operation, prefix, refund
from regal_sandbox.paybox_questions import TYPES
from regal_sandbox.paybox_remises import collect_due, collect_now, let_the_night_pass, list_remises, printed
from regal_sandbox.paybox_requests import make_hmac
from regal_sandbox.shapes import whole_number
from regal_sandbox.world import World

MOST_SHOWN = 100
ADDRESS_NAMES = {
    "notified": "Adresse appelée après chaque essai (IPN)",
    "accepted": "Retour après un paiement accepté",
    "refused": "Retour après un refus",
    "cancelled": "Retour après un abandon",
    "pending": "Retour après un paiement en attente",
}
PAYMENT_NAMES = {
    "arrived": "Page ouverte",
    "choice": "Choix de la carte",
    "card": "Page de la carte",
    "secure": "Page de la banque",
    "paid": "Payé",
    "pending": "En attente",
    "refused": "Refusé",
    "abandoned": "Abandonné",
    "expired": "Délai dépassé",
}
STATUS_NAMES = {
    "refused": "refusé",
    "pending": "en attente",
    "authorised": "autorisé",
    "captured": "capturé",
    "cancelled": "annulé",
    "refunded": "remboursé",
}
MESSAGE_NAMES = {
    "held": "Attend le retour du payeur",
    "pending": "En attente",
    "answered": "Reçu",
    "failed": "Non reçu",
    "dropped": "Non envoyé (panne)",
}
CAUSE_NAMES = {
    "try": "Essai",
    "conclusion": "Conclusion",
    "duplicate": "Double (panne)",
    "foreign": "Paiement d’un autre commerçant (panne)",
    "replay": "Rejoué à la main",
}
IPN_FAULT_NAMES = {
    "lost": "appel du site perdu",
    "late": "appel du site retardé",
    "after_return": "appel du site après le retour du payeur",
    "twice": "appel du site en double",
    "wrong_signature": "signature fausse",
    "wrong_amount": "montant faux",
    "foreign": "paiement d’un autre commerçant",
}
DIRECT_FAULT_NAMES = {
    "unavailable": "page d’erreur 503",
    "empty": "réponse vide",
    "slow": "réponse lente",
    "cut": "connexion coupée",
    "reset": "connexion réinitialisée",
    "partial": "réponse coupée en route",
    **{code: f"réponse {code}" for code in CODES},
}
# As in desk.py: what the button says, and the rule as the JSON would write it.
PAYBOX_FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "pb-perdre": ("Paybox\u00a0: perdre le prochain appel du site", {"ipn": "lost", "next": 1}),
    "pb-apres": ("Paybox\u00a0: appeler le site après le retour", {"ipn": "after_return", "next": 1}),
    "pb-double": ("Paybox\u00a0: prochain appel en double", {"ipn": "twice", "next": 1}),
    "pb-montant": ("Paybox\u00a0: montant faux, bien signé", {"ipn": "wrong_amount", "next": 1}),
    "pb-signature": ("Paybox\u00a0: signature fausse", {"ipn": "wrong_signature", "next": 1}),
    "pb-autre": ("Paybox\u00a0: payé chez un autre commerçant", {"ipn": "foreign", "next": 1}),
    "pb-direct-503": ("Paybox Direct\u00a0: erreur 503", {"direct": "unavailable", "next": 1}),
    "pb-direct-98": ("Paybox Direct\u00a0: réponse 00098", {"direct": "00098", "next": 1}),
    "pb-direct-perdue": (
        "Paybox Direct\u00a0: obéir, puis couper avant de répondre",
        {"direct": "cut", "once_done": True, "next": 1},
    ),
}

Show = Callable[..., str]


def trial_address(merchant: Merchant, *, pages: str, now: datetime) -> str:
    """A request of this merchant, signed, for who has no site yet and wants to see the card page."""
    told = {
        "PBX_SITE": merchant.site,
        "PBX_RANG": f"{merchant.rank:02d}",
        "PBX_IDENTIFIANT": merchant.identifier,
        "PBX_TOTAL": "4850",
        "PBX_DEVISE": "978",
        "PBX_CMD": f"ESSAI-{now:%Y%m%d-%H%M%S-%f}",
        "PBX_PORTEUR": "payeur@exemple.fr",
        "PBX_RETOUR": "Mt:M;Ref:R;Auto:A;Erreur:E;Trans:S;Appel:T;Sign:K",
        "PBX_HASH": "SHA512",
        "PBX_TIME": now.isoformat(),
    }
    signed = "&".join(f"{name}={value}" for name, value in told.items()).encode()
    told["PBX_HMAC"] = make_hmac(signed, key=merchant.hmac_key)
    return f"{pages}php/?{urlencode(told)}"


def add_paybox_desk(blueprint: Blueprint, world: World, show: Show) -> None:
    def merchant(db: sqlite3.Connection, key: str) -> Merchant:
        found = find_merchant(db, key)
        if found is None:
            abort(404)
        return found

    def back(endpoint: str, **told: Any) -> BaseResponse:
        return redirect(url_for(f"{blueprint.name}.{endpoint}", **told), code=303)

    def named(template: str, **told: Any) -> str:
        return show(
            template,
            payment_names=PAYMENT_NAMES,
            status_names=STATUS_NAMES,
            message_names=MESSAGE_NAMES,
            cause_names=CAUSE_NAMES,
            fault_names=IPN_FAULT_NAMES,
            address_names=ADDRESS_NAMES,
            meaning=meaning,
            printed=printed,
            **told,
        )

    @blueprint.get("/paybox/")
    def paybox() -> str:
        with world.store.transaction() as db:
            collect_due(world, db)
            counts = dict(
                db.execute("SELECT merchant, count(*) FROM paybox_payments GROUP BY merchant").fetchall()  # key, count
            )
            merchants, remises = list_merchants(db), list_remises(db)
        return named("paybox.html", merchants=merchants, counts=counts, remises=remises[::-1][:MOST_SHOWN])

    @blueprint.post("/paybox/nuit")
    def paybox_night() -> BaseResponse:
        if request.form.get("action") == "passer":
            let_the_night_pass(world)
        elif request.form.get("action") == "clore":
            with world.store.transaction() as db:
                collect_now(world, db)
            world.ring()
        else:
            abort(400)
        return back("paybox")

    @blueprint.get("/paybox/fichier")
    def paybox_file() -> Response:
        return download_file(world, request.args) or abort(404)

    def merchant_page(key: str, told: Addresses | None = None, mistakes: dict[str, str] | None = None) -> str:
        with world.store.transaction() as db:
            known = merchant(db, key)
            payments = describe_payments(world, db, merchant=key, newest=MOST_SHOWN)
            remises = list_remises(db, site=known.site, rank=known.rank)
            rows = db.execute(
                "SELECT * FROM paybox_questions WHERE merchant LIKE ? || '%' ORDER BY id DESC LIMIT ?",
                (prefix(known.site, known.rank), MOST_SHOWN),
            ).fetchall()
        questions = [dict(row) | {"asked": json.loads(row["asked"])} for row in rows]
        return named(
            "paybox_merchant.html",
            merchant=known,
            addresses=asdict(told or known.addresses),
            mistakes=mistakes or {},
            payments=payments[::-1],
            remises=remises[::-1][:MOST_SHOWN],
            questions=questions,
            types=TYPES,
            today=world.today(),
            trial=trial_address(known, pages=world.pages_address or "/", now=world.now()),
            longest=MAX_URL,
        )

    @blueprint.get("/paybox/<key>/")
    def paybox_merchant(key: str) -> str:
        return merchant_page(key)

    @blueprint.post("/paybox/<key>/adresses")
    def paybox_addresses(key: str) -> BaseResponse | tuple[str, int]:
        told = Addresses(**{name: request.form.get(name, "").strip() for name in ADDRESS_NAMES})
        mistakes = {
            name: f"Écrivez une adresse complète, en http ou https, de {MAX_URL}\u00a0caractères au plus."
            for name, value in asdict(told).items()
            if value and (len(value) > MAX_URL or not is_absolute(value))
        }
        if mistakes:
            return merchant_page(key, told, mistakes), 400
        with world.store.transaction() as db:
            keep_merchant(db, replace(merchant(db, key), addresses=told))
        return back("paybox_merchant", key=key)

    @blueprint.post("/paybox/<key>/oublier")
    def paybox_forget(key: str) -> BaseResponse:
        with world.store.transaction() as db:
            forget_payments(db, merchant(db, key).key)
        return back("paybox_merchant", key=key)

    @blueprint.get("/paybox/paiements/<int:number>/")
    def paybox_payment(number: int) -> str:
        code = request.args.get("refus", "")
        with world.store.transaction() as db:
            row = db.execute("SELECT merchant FROM paybox_payments WHERE id = ?", (number,)).fetchone()
            if row is None:
                abort(404)
            known = merchant(db, row["merchant"])
            [told] = describe_payments(world, db, number=number)
            operations = [_operation(db, known, one["trans"]) for one in told["tries"] if one["trans"]]
            credits = [_operation(db, known, one["trans"]) for one in told["credits"]]
        signed = "&".join(f"{name}={value}" for name, value in told["fields"] if name != "PBX_HMAC")
        return named(
            "paybox_payment.html",
            merchant=known,
            payment=told,
            signed=signed,
            operations={one.trans: one for one in [*operations, *credits] if one},
            refused=COMMENTS.get(code, "") if code else "",
        )

    @blueprint.post("/paybox/paiements/<int:number>/operations")
    def paybox_operate(number: int) -> BaseResponse:
        trans, action = whole_number(request.form.get("transaction", "")), request.form.get("action", "")
        told = request.form.get("montant", "").strip()
        with world.store.transaction() as db:
            row = db.execute("SELECT merchant FROM paybox_payments WHERE id = ?", (number,)).fetchone()
            operation = _operation(db, merchant(db, row["merchant"]), trans) if row else None
            if operation is None or operation.payment != number:
                abort(404)
            if action not in _ACTIONS:
                abort(400)
            collect_due(world, db)
            try:
                _ACTIONS[action](world, db, operation, typed_cents(told) if told else None)
            except BadFrame as refusal:
                return back("paybox_payment", number=number, refus=refusal.code)
        return back("paybox_payment", number=number)

    @blueprint.post("/paybox/messages/<int:number>/rejouer")
    def paybox_replay(number: int) -> BaseResponse:
        with world.store.transaction() as db:
            row = db.execute("SELECT payment_id FROM paybox_messages WHERE id = ?", (number,)).fetchone()
            if row is None:
                abort(404)
            replay(world, db, number)
        world.ring()
        return back("paybox_payment", number=row["payment_id"])


def _operation(db: sqlite3.Connection, merchant: Merchant, trans: int) -> Operation | None:
    return find_operation(db, site=merchant.site, rank=merchant.rank, trans=trans)


def _cancel(world: World, db: sqlite3.Connection, operation: Operation, cents: int | None) -> None:
    cancel(db, operation)


def _capture(world: World, db: sqlite3.Connection, operation: Operation, cents: int | None) -> None:
    capture(db, operation, cents or operation.cents, now=world.now())


def _refund(world: World, db: sqlite3.Connection, operation: Operation, cents: int | None) -> None:
    """The whole of what is left, unless another amount is told."""
    wanted = operation.remaining if cents is None else cents
    if not wanted:
        raise BadFrame("00011")
    refund(db, operation, wanted, now=world.now(), before_settlement=True, origin="desk")


_ACTIONS: dict[str, Callable[[World, sqlite3.Connection, Operation, int | None], None]] = {
    "annuler": _cancel,
    "capturer": _capture,
    "rembourser": _refund,
}
