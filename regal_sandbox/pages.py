"""The pages port: PayFiP's payment pages, the mailbox, the health page and a door for people.

No script anywhere: every decision is a form whose submit buttons are named `decision`.
"""

import json

from flask import Flask, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from regal_sandbox.amounts import euros
from regal_sandbox.clients import Client, find_client, list_clients
from regal_sandbox.debts import list_debts
from regal_sandbox.journal import record_request
from regal_sandbox.mailbox_pages import mailbox_pages
from regal_sandbox.outcomes import Transaction
from regal_sandbox.paris import in_paris
from regal_sandbox.payment_requests import PARAMETERS, Refused, check_request
from regal_sandbox.references import TEST_EXER, TEST_REFDET_TITRE, read_titre
from regal_sandbox.rules import RULES
from regal_sandbox.settings import Settings, read_settings
from regal_sandbox.store import stamp
from regal_sandbox.tickets import ticket_lines
from regal_sandbox.transactions import UnknownTransaction, decide, find_by_token, open_transaction
from regal_sandbox.world import World

MAX_BODY_BYTES = 64 * 1024
HEALTH_PAGE = '<html><head></head><body><div id="server_status" style="text-align:center;">OK</div></body></html>'
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'self'; base-uri 'none'"
)
PAGES = {
    "recap": "recap.html",
    "card": "card.html",
    "paid": "ticket.html",
    "refused": "refused.html",
    "abandoned": "abandoned.html",
    "stopped": "stopped.html",
}


def pages_app(world: World) -> Flask:
    app = Flask("regal_sandbox")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.jinja_env.filters["euros"] = euros
    app.jinja_env.filters["in_paris"] = in_paris
    app.register_blueprint(mailbox_pages(world))

    def settings() -> Settings:
        with world.store.transaction() as db:
            return read_settings(db)

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        if request.path.startswith("/tpa/"):
            frame_options = settings().frame_options
            if frame_options:
                response.headers["X-Frame-Options"] = frame_options
        return response

    @app.get("/")
    def home() -> str:
        with world.store.transaction() as db:
            clients, debts, today = list_clients(db), list_debts(db), world.today()
        payable = [(debt, read_titre(debt.refdet)) for debt in debts if debt.obstacle(today) is None]
        return render_template(
            "home.html",
            clients=clients,
            payable=payable[:20],
            today=today,
            test_exer=TEST_EXER,
            test_refdet=TEST_REFDET_TITRE,
            control_address=world.control_address,
        )

    @app.get("/load.html")
    def health() -> str:
        return HEALTH_PAGE

    @app.route("/tpa/paiement.web", methods=["GET", "POST"])
    def enter() -> BaseResponse | tuple[str, int]:
        # Both ways in at once, the body first: it is unknown whether PayFiP takes POST, so be tolerant.
        told = {name: request.form.get(name, request.args.get(name, "")) for name in PARAMETERS}
        try:
            with world.store.transaction() as db:
                checked = check_request(told, db=db, settings=read_settings(db), today=world.today())
                transaction = open_transaction(world, checked)
                record_request(world, db, received(), method=request.method, transaction=transaction.id)
        except Refused as refusal:
            return refuse(refusal.rule, told)
        return redirect(url_for("step", token=transaction.token), code=303)

    def received() -> dict[str, str]:
        return request.args.to_dict() | request.form.to_dict()

    def refuse(rule: str, told: dict[str, str]) -> tuple[str, int]:
        known = settings()
        with world.store.transaction() as db:
            db.execute(
                "INSERT INTO refusals (at, rule, code, parameters) VALUES (?, ?, ?, ?)",
                (stamp(world.now()), rule, known.code(rule), json.dumps(told)),
            )
            record_request(world, db, received(), method=request.method, rule=rule)
        page = render_template(
            "error.html",
            rule=rule,
            parameter=RULES[rule].parameter,
            code=known.code(rule),
            message=known.message(rule),
        )
        return page, known.error_status

    @app.get("/tpa/transaction/<token>")
    def step(token: str) -> str:
        try:
            with world.store.transaction() as db:
                transaction = find_by_token(db, token)
                client = find_client(db, transaction.numcli) or Client(numcli=transaction.numcli)
        except UnknownTransaction:
            abort(404)
        return show(transaction, client)

    def show(transaction: Transaction, client: Client) -> str:
        reference = read_titre(transaction.refdet)
        known = settings()
        return render_template(
            PAGES[transaction.state],
            transaction=transaction,
            client=client,
            reference=reference.printed if reference else transaction.refdet,
            ticket=ticket_lines(transaction, client) if transaction.state == "paid" else [],
            stopped_message=known.message(transaction.stopped_by) if transaction.stopped_by else "",
        )

    @app.post("/tpa/transaction/<token>")
    def choose(token: str) -> BaseResponse:
        try:
            decide(world, token, request.form.get("decision", ""))
        except UnknownTransaction:
            abort(404)
        return redirect(url_for("step", token=token), code=303)

    @app.errorhandler(404)
    def missing(problem: Exception) -> tuple[str, int]:
        return render_template("missing.html"), 404

    return app
