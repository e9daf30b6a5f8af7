"""Paybox's pages: the entries, the payer's steps, the health page of each host, the key, the end of subscriptions.

The second host is the same under `/secours`: a payment begun at one is not known at the other. No script: the page that
the real one submits by itself is left by a refresh, and its form is there for whoever submits it.
"""

import re
import time
from collections.abc import Callable, Mapping
from threading import BoundedSemaphore

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from regal_sandbox.journal import KEPT_CHARACTERS, record
from regal_sandbox.paris import paris_day
from regal_sandbox.paybox_cards import EXAMPLE
from regal_sandbox.paybox_codes import ALREADY_PAID, CANCELLED, CODES, TOO_LATE, is_code, meaning
from regal_sandbox.paybox_keys import KeyUnusable
from regal_sandbox.paybox_mails import amount_of, ticket_lines
from regal_sandbox.paybox_merchants import Merchant, find_merchant, merchant_key
from regal_sandbox.paybox_messages import has_held, is_waiting, release_held
from regal_sandbox.paybox_payment import Payment, Try, UnknownPayment, find_payment_by_token, list_tries
from regal_sandbox.paybox_payments import (
    OFFERED,
    Typed,
    decide,
    force,
    last_refusal,
    open_payment,
    see,
)
from regal_sandbox.paybox_requests import Fields, Refused, check_request
from regal_sandbox.paybox_ways_back import cancel_link, way_back
from regal_sandbox.paybox_words import words
from regal_sandbox.settings import Settings, read_settings
from regal_sandbox.world import World

BACKUP_PREFIX = "/secours"
ENTRIES = {
    "/php/": "php",
    "/cgi/MYchoix_pagepaiement.cgi": "choice_page",
    "/cgi/MYframepagepaiement_ip.cgi": "frame_page",
    "/cgi/ChoixPaiementMobile.cgi": "mobile_page",
    "/cgi/FramepagepaiementRWD.cgi": "responsive_page",
}
STEPS = ("/cgi/MYpagepaiement.cgi", "/cgi/MYtraitetransaction.cgi")
PREFIXES = ("/php", "/cgi/", "/cgi-bin/", f"{BACKUP_PREFIX}/")
FILES = ("/pubkey.pem", "/PPPS.php", "/load.html")
HEALTH_PAGE = '<html><head></head><body><div id="server_status" style="text-align:center;">OK</div></body></html>'
YEARS_OFFERED = 12
MOST_WAITING = 4  # payers at once whose merchant is slow: the server's other threads go on
_SEATS = BoundedSemaphore(MOST_WAITING)
NOT_A_TRY = (CANCELLED, TOO_LATE)
PLATFORM_VERSION = "5.5.19"


def is_paybox_path(path: str) -> bool:
    """One that answers to any host name: programs and browsers come to it from the merchants' sites."""
    return path.startswith(PREFIXES) or path in FILES


def is_asleep(settings: Settings, *, backup: bool) -> bool:
    return settings.paybox_asleep in ("both", "backup" if backup else "main")


def euros_and_currency(payment: Payment) -> str:
    """`60.00 EUR`, as the real page writes it."""
    currency = {"978": "EUR", "840": "USD", "826": "GBP", "756": "CHF"}.get(payment.get("PBX_DEVISE"), "")
    return f"{payment.amount_cents // 100}.{payment.amount_cents % 100:02d} {currency}".strip()


def _ticket(payment: Payment, merchant: Merchant, made: Try, spoken: Mapping[str, object]) -> list[tuple[str, str]]:
    amount = amount_of(payment) if spoken["lang"] == "fr" else euros_and_currency(payment)
    return ticket_lines(payment, merchant, made, amount=amount, said=spoken)


def paybox_pages(world: World, *, backup: bool) -> Blueprint:
    blueprint = Blueprint("paybox_backup" if backup else "paybox", __name__, url_prefix=BACKUP_PREFIX if backup else "")

    @blueprint.before_request
    def sleep() -> None:
        with world.store.transaction() as db:
            if is_asleep(read_settings(db), backup=backup):
                abort(503)

    @blueprint.errorhandler(UnknownPayment)
    def unknown(problem: UnknownPayment) -> tuple[str, int]:
        return render_template("missing.html", status=404), 404

    @blueprint.errorhandler(KeyUnusable)
    def unusable(problem: KeyUnusable) -> tuple[str, int]:
        return str(problem), 500

    @blueprint.get("/load.html")
    def health() -> str:
        return HEALTH_PAGE

    @blueprint.get("/pubkey.pem")
    def public_key() -> Response:
        return Response(world.paybox_key.public_pem(), content_type="application/x-pem-file")

    @blueprint.post("/")
    def preflight() -> str:
        """Some clients post their form here first, to see whether the host answers: nothing comes of it."""
        return HEALTH_PAGE

    _add_entries(blueprint, world, backup=backup)
    _add_steps(blueprint, world)
    _add_subscriptions(blueprint, world)
    return blueprint


def _raw() -> bytes:
    """The request's fields as they came: its body, else its query string."""
    body = request.get_data() if request.method == "POST" else b""
    return body or request.query_string


def _add_entries(blueprint: Blueprint, world: World, *, backup: bool) -> None:
    def enter(path: str) -> BaseResponse | tuple[str, int] | str:
        if request.method == "HEAD":  # somebody checks a link, nobody pays
            return Response()
        raw = _raw()
        fields = Fields.read(raw)
        told = {name: value[:KEPT_CHARACTERS] for name, value in fields.decoded()}
        with world.store.transaction() as db:
            settings = read_settings(db)
            try:
                asked = check_request(fields, db=db, now=world.now())
                payment = open_payment(world, db, asked, raw=raw, entry=path, backup=backup)
            except Refused as refusal:
                line = f"{path.rpartition('/')[2] or 'php'}[{PLATFORM_VERSION}]: ERROR: {refusal.detail}"
                key = merchant_key(
                    fields.get("PBX_SITE"), fields.get("PBX_RANG"), fields.get("PBX_IDENTIFIANT").lstrip("0")
                )
                error = {
                    "method": request.method,
                    "entry": path,
                    "rule": refusal.rule,
                    "field": refusal.name,
                    "line": line,
                    "parameters": told,
                }
                record(world, db, "paybox_error", error, numcli=key)
                status = settings.paybox_php_error_status if path == "/php/" else settings.paybox_error_status
                spoken = words(fields.get("PBX_LANGUE"))
                page = render_template("paybox/error.html", w=spoken, known=refusal.rule != "merchant_unknown")
                return page, status
            exchange = {
                "method": request.method,
                "entry": path,
                "backup": backup,
                "parameters": told,
                "warnings": list(asked.warnings),
            }
            record(world, db, "paybox_request", exchange, numcli=payment.merchant, payment=payment.id)
        if payment.is_ended:
            return redirect(url_for(".step", session=payment.token), code=303)
        return render_template("paybox/arrival.html", w=words(payment.get("PBX_LANGUE")), payment=payment)

    for path, name in ENTRIES.items():
        view: Callable[[], BaseResponse | tuple[str, int] | str] = _bound(enter, path)
        blueprint.add_url_rule(path, name, view, methods=["GET", "POST"])


def _bound(
    enter: Callable[[str], BaseResponse | tuple[str, int] | str], path: str
) -> Callable[[], BaseResponse | tuple[str, int] | str]:
    return lambda: enter(path)


def _add_steps(blueprint: Blueprint, world: World) -> None:
    def act(token: str) -> BaseResponse:
        """The payer pressed a button, or the first page let him through."""
        form = request.form
        with world.store.transaction() as db:
            payment, merchant = _known(world, token)
            code = form.get("code")
            if code is not None and (not code or is_code(code)):
                payment = force(db, payment, code)
            typed = Typed(
                number=form.get("NUMERO_CARTE", ""),
                month=form.get("MOIS_VALIDITE", ""),
                year=form.get("AN_VALIDITE", ""),
                secret=form.get("CVVX", ""),
            )
            payment = decide(world, db, payment, form.get("decision", "payer" if typed != Typed() else ""), typed)
        world.ring()
        _wait_for_calls(world, payment)
        at_once = payment.state == "abandoned" or merchant.options.immediate_return
        if payment.is_ended and (at_once or form.get("decision") == "abandonner"):
            back = _back(payment)
            if back:
                return redirect(back, code=303)
        return redirect(url_for(".step", session=token), code=303)

    def show(token: str) -> Response:
        with world.store.transaction() as db:
            payment, merchant = _known(world, token)
            if payment.state == "arrived":
                payment = decide(world, db, payment, "continuer", Typed())
            tries = list_tries(db, payment.id)
            refusal = last_refusal(db, payment)
        spoken = words(payment.get("PBX_LANGUE"))
        template = payment.state if payment.state in ("choice", "card", "secure") else "end"
        page = render_template(
            f"paybox/{template}.html",
            w=spoken,
            payment=payment,
            merchant=merchant,
            shop=payment.get("PBX_NOM_MARCHAND") or merchant.name,
            amount=euros_and_currency(payment),
            offered=OFFERED,
            example=EXAMPLE,
            years=[f"{(paris_day(world.now()).year + more) % 100:02d}" for more in range(YEARS_OFFERED)],
            codes={code: meaning(code) for code in [*CODES, payment.forced_code] if code not in ("", *NOT_A_TRY)},
            refusal=refusal,
            meaning=meaning,
            already_paid=payment.code == ALREADY_PAID,
            ticket=_ticket(payment, merchant, tries[-1], spoken) if payment.state == "paid" and tries else [],
            cancel=cancel_link(world.paybox_key, payment, merchant, now=world.now()),
            back=_back(payment) if payment.is_ended else "",
        )
        return make_response(page)

    def step() -> BaseResponse:
        token = request.form.get("session") or request.args.get("session", "")
        return act(token) if request.method == "POST" else show(token)

    def _back(payment: Payment) -> str:
        """Straight to the merchant's site, unless calls wait for that very moment."""
        with world.store.transaction() as db:
            if has_held(db, payment):
                return url_for(".go_back", session=payment.token)
            merchant = find_merchant(db, payment.merchant)
            return way_back(db, world.paybox_key, payment, merchant, now=world.now()) if merchant else ""

    @blueprint.get("/cgi/retour.cgi")
    def go_back() -> BaseResponse:
        with world.store.transaction() as db:
            payment, merchant = _known(world, request.args.get("session", ""))
            release_held(world, db, payment)
            target = way_back(db, world.paybox_key, payment, merchant, now=world.now()) if payment.is_ended else ""
        world.ring()
        return redirect(target or url_for(".step", session=payment.token), code=303)

    def _known(world: World, token: str) -> tuple[Payment, Merchant]:
        with world.store.transaction() as db:
            payment = find_payment_by_token(db, token)
            merchant = find_merchant(db, payment.merchant)
            if merchant is None:
                raise UnknownPayment(token)
            if payment.backup != (blueprint.name == "paybox_backup"):
                raise UnknownPayment(token)  # a payment is not transferable between hosts
            return see(world, db, payment), merchant

    for path, name in zip(STEPS, ("step", "treat"), strict=True):
        blueprint.add_url_rule(path, name, step, methods=["GET", "POST"])


def _wait_for_calls(world: World, payment: Payment) -> None:
    """The merchant's site is called before his payer goes back, where threads of ours do it."""
    if not world.delivers or not _SEATS.acquire(blocking=False):
        return
    try:
        _wait(world, payment)
    finally:
        _SEATS.release()


def _wait(world: World, payment: Payment) -> None:
    with world.store.transaction() as db:
        ends_at = time.monotonic() + read_settings(db).paybox_timeout_seconds + 1
    while time.monotonic() < ends_at:
        with world.store.transaction() as db:
            if not is_waiting(world, db, payment):
                return
        with world.work:
            world.work.wait(0.05)


def _add_subscriptions(blueprint: Blueprint, world: World) -> None:
    @blueprint.route("/cgi-bin/ResAbon.cgi", methods=["GET", "POST"])
    def end_subscription() -> Response:
        """There are no subscriptions here: a well-formed order is answered that none has that name."""
        told = Fields.read(_raw())
        site, rank, identifier = told.get("SITE"), told.get("MACH"), told.get("IDENTIFIANT").lstrip("0")
        with world.store.transaction() as db:
            known = find_merchant(db, merchant_key(site, rank, identifier)) is not None
        named = told.get("REFERENCE") or told.get("ABONNEMENT")
        is_order = told.get("VERSION") == "001" and told.get("TYPE") == "001" and bool(named)
        error = ("4" if known else "3") if is_order else "1"
        name = "ABONNEMENT" if told.get("ABONNEMENT") else "REFERENCE"
        echoed = re.sub(r"[<>&=\"'\s]", "", named)[:250]
        body = f"ACQ=NO&ERREUR={error}&IDENTIFIANT={re.sub(r'[^0-9]', '', identifier)[:9]}&{name}={echoed}"
        return Response(body, content_type="text/html; charset=ISO-8859-1")
