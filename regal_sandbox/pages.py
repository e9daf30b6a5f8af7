"""The pages port: PayFiP's payment pages, Paybox's, the mailbox, the health page and a door for people.

No script anywhere: every decision is a form whose submit buttons are named `decision`.
"""

from dataclasses import dataclass
from datetime import date
from itertools import islice
from urllib.parse import urlencode, urlsplit, urlunsplit

from flask import Flask, Response, abort, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as BaseResponse

from regal_sandbox import next_day, portal
from regal_sandbox.amounts import euros
from regal_sandbox.clients import Client, find_client, list_clients
from regal_sandbox.debts import list_debts
from regal_sandbox.hosts import is_ours
from regal_sandbox.idops import may_be_opened
from regal_sandbox.journal import KEPT_CHARACTERS, record, record_request
from regal_sandbox.mailbox_pages import mailbox_pages
from regal_sandbox.means import MEANS
from regal_sandbox.names import KIND_NAMES, PHASE_NAMES
from regal_sandbox.page_faults import MAX_BODY_BYTES
from regal_sandbox.paris import in_paris
from regal_sandbox.paybox_direct_pages import add_direct
from regal_sandbox.paybox_pages import is_paybox_path, paybox_pages
from regal_sandbox.payment_requests import PARAMETERS, Refused, check_request, is_payable
from regal_sandbox.references import TEST_EXER, TEST_REFDET_TITRE, printed
from regal_sandbox.refusals import note_refusal
from regal_sandbox.rules import RULES
from regal_sandbox.settings import Settings, read_settings
from regal_sandbox.shapes import NumberConverter
from regal_sandbox.tickets import ticket_lines
from regal_sandbox.transaction import Transaction
from regal_sandbox.transactions import UnknownTransaction, decide, enter, means_offered, open_transaction, see
from regal_sandbox.web_service_pages import add_service
from regal_sandbox.world import World

SHOWN_DEBTS = 20
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'self'; base-uri 'none'"
)
LETS_BACK_TO_THE_SITE = CONTENT_SECURITY_POLICY.replace("form-action 'self'", "form-action 'self' http: https:")
PAGES = {
    "recap": "recap.html",
    "means": "means.html",
    "card": "card.html",
    "secure": "secure.html",
    "sign_in": "sign_in.html",
    "mandate": "mandate.html",
    "transfer": "transfer.html",
    "paid": "ticket.html",
    "refused": "refused.html",
    "abandoned": "abandoned.html",
    "stopped": "stopped.html",
}


@dataclass(frozen=True, kw_only=True)
class RefusedPage:
    """What the page of a request turned away says."""

    number: int
    rule: str
    parameter: str
    code: str
    message: str
    status: int
    opens_on: date | None = None  # the activation payment succeeded: the client opens that day
    payable_from: date | None = None  # the debt is known, but not payable yet
    next_day_token: str | None = None


@dataclass(frozen=True, kw_only=True)
class WayBack:
    """How the payer goes back to the site of the web service's client."""

    method: str  # GET, with the idOp in the address, or POST, with the idOp in a form
    url: str
    idop: str


def _way_back(transaction: Transaction, settings: Settings) -> WayBack:
    url = transaction.urlredirect
    if settings.return_method == "GET":
        parts = urlsplit(url)
        query = f"{parts.query}&idop={transaction.idop}" if parts.query else f"idop={transaction.idop}"
        url = urlunsplit(parts._replace(query=query))
    return WayBack(method=settings.return_method, url=url, idop=transaction.idop)


def pages_app(world: World) -> Flask:
    app = Flask("regal_sandbox")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.url_map.converters["int"] = NumberConverter
    app.jinja_env.filters["euros"] = euros
    app.jinja_env.filters["in_paris"] = in_paris
    app.register_blueprint(mailbox_pages(world))
    for backup in (False, True):
        app.register_blueprint(paybox_pages(world, backup=backup))

    def settings() -> Settings:
        with world.store.transaction() as db:
            return read_settings(db)

    @app.before_request
    def keep_other_sites_out() -> None:
        """The payment pages answer to any name, as PayFiP's would stand before them; people's pages do not."""
        free = request.path.startswith(("/tpa/", "/static/")) or is_paybox_path(request.path)
        free = free or request.endpoint == "paybox.preflight"
        if (not free or request.endpoint == "go_to_next_day") and not is_ours(request.host, bind=world.bind):
            abort(403)

    @app.after_request
    def protect(response: Response) -> Response:
        policy = CONTENT_SECURITY_POLICY
        if is_paybox_path(request.path):
            policy = LETS_BACK_TO_THE_SITE  # merchants may frame it, as the real one
        elif not request.path.startswith("/tpa/"):
            policy += "; frame-ancestors 'self'"
        response.headers.setdefault("Content-Security-Policy", policy)
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
            clients, known, today = list_clients(db), read_settings(db), world.today()
            kinds = {client.numcli: client.kind for client in clients}
            payable = (debt for debt in list_debts(db) if is_payable(debt, db=db, settings=known, today=today))
            shown = [(debt, printed(debt.refdet, kinds[debt.numcli])) for debt in islice(payable, SHOWN_DEBTS)]
        return render_template(
            "home.html",
            clients=clients,
            payable=shown,
            today=today,
            kinds=KIND_NAMES,
            phases=PHASE_NAMES,
            means=MEANS,
            test_exer=TEST_EXER,
            test_refdet=TEST_REFDET_TITRE,
            control_address=world.control_address,
        )

    @app.errorhandler(HTTPException)
    @app.errorhandler(UnknownTransaction)
    def other_problem(problem: HTTPException | UnknownTransaction) -> tuple[str, int] | HTTPException:
        if isinstance(problem, UnknownTransaction):
            problem = NotFound()
        status = problem.code or 500
        if status < 400:
            return problem  # a redirection
        if request.path.startswith("/tpa/"):
            told = {"method": request.method, "path": request.path[:KEPT_CHARACTERS], "status": status}
            with world.store.transaction() as db:
                record(world, db, "error", told)
        return render_template("missing.html", status=status), status

    _entries(app, world)
    _steps(app, world)
    add_service(app, world)
    add_direct(app, world)
    return app


def _entries(app: Flask, world: World) -> None:
    """Where a payment begins: the address a site sends the payer to, and PayFiP's own portal."""

    @app.route("/tpa/paiement.web", methods=["GET", "POST"])
    def enter_form() -> BaseResponse | tuple[str, int]:
        if request.method == "HEAD":  # somebody checks a link, nobody pays
            return Response()
        # Both ways in at once, the body first: it is unknown whether PayFiP takes POST, so be tolerant.
        told = {name: request.form.get(name, request.args.get(name, "")) for name in PARAMETERS}
        opened = open_or_refuse(told, entry="form")
        if isinstance(opened, Transaction):
            return redirect(url_for("step", token=opened.token), code=303)
        return render_template("error.html", refused=opened), opened.status

    @app.route("/tpa/paiementws.web", methods=["GET", "POST"])
    def enter_by_idop() -> BaseResponse | tuple[str, int]:
        if request.method == "HEAD":
            return Response()
        idop = request.form.get("idop", request.args.get("idop", ""))
        with world.store.transaction() as db:
            known = read_settings(db)
            try:
                entered = enter(world, idop)
            except Refused as refusal:
                rule = refusal.rule
            else:
                record_request(world, db, received(), method=request.method, entry="service", transaction=entered.id)
                return redirect(url_for("step", token=entered.token), code=303)
            number = note_refusal(
                db, at=world.now(), rule=rule, code=known.code(rule), entry="service", parameters={"idop": idop[:100]}
            )
            record_request(world, db, received(), method=request.method, entry="service", rule=rule)
        refused = RefusedPage(
            number=number,
            rule=rule,
            parameter=RULES[rule].parameter,
            code=known.code(rule),
            message=known.message(rule),
            status=known.error_status,
        )
        return render_template("error.html", refused=refused), refused.status

    @app.route("/tpa/accueilportail.web", methods=["GET", "POST"])
    def enter_portal() -> BaseResponse | str | tuple[str, int]:
        typed = {name: request.form.get(name, "") for name in portal.FIELDS}
        if request.method != "POST":
            return render_template("portal.html", typed=typed, refused=None)
        with world.store.transaction() as db:
            client = find_client(db, typed["numcli"].strip())
            told = portal.read_portal(typed, client, read_settings(db))
        opened = open_or_refuse(told, entry="portal")
        if isinstance(opened, Transaction):
            return redirect(url_for("step", token=opened.token), code=303)
        return render_template("portal.html", typed=typed, refused=opened), opened.status

    def received() -> dict[str, str]:
        return request.args.to_dict() | request.form.to_dict()

    def open_or_refuse(told: dict[str, str], *, entry: str) -> Transaction | RefusedPage:
        with world.store.transaction() as db:
            known = read_settings(db)
            try:
                checked = check_request(told, db=db, settings=known, today=world.today())
                opened = open_transaction(world, checked, entry=entry)
                record_request(world, db, received(), method=request.method, entry=entry, transaction=opened.id)
                return opened
            except Refused as refusal:
                rule = refusal.rule
            number = note_refusal(db, at=world.now(), rule=rule, code=known.code(rule), entry=entry, parameters=told)
            record_request(world, db, received(), method=request.method, entry=entry, rule=rule)
        return RefusedPage(
            number=number,
            rule=rule,
            parameter=RULES[rule].parameter,
            code=known.code(rule),
            message=known.message(rule),
            status=known.error_status,
            opens_on=next_day.opening_day(world, rule=rule, numcli=told["numcli"]),
            payable_from=next_day.payable_day(world, rule=rule, told=told),
            next_day_token=next_day.button_of(world, number=number, told=told),
        )

    @app.post("/tpa/refus/<int:number>/jour-suivant/<token>")
    def go_to_next_day(number: int, token: str) -> BaseResponse:
        refusal = next_day.press(world, number=number, token=token)
        if refusal is None:
            abort(404)
        if refusal.entry == "portal":
            return redirect(url_for("enter_portal"), code=303)
        return redirect(f"{url_for('enter_form')}?{urlencode(refusal.parameters)}", code=303)


def _steps(app: Flask, world: World) -> None:
    """The transaction's own pages, from the recap to the outcome."""

    @app.get("/tpa/transaction/<token>")
    def step(token: str) -> BaseResponse | tuple[BaseResponse, int]:
        with world.store.transaction() as db:
            transaction, known = see(world, token), read_settings(db)
            client = find_client(db, transaction.numcli)
        page = Response(show(transaction, client, known))
        if transaction.is_finished and transaction.urlredirect:
            page.headers["Content-Security-Policy"] = LETS_BACK_TO_THE_SITE
        return (page, known.error_status) if transaction.stopped_by else page

    def show(transaction: Transaction, known_client: Client | None, known: Settings) -> str:
        client = known_client or Client(numcli=transaction.numcli)
        rule = transaction.stopped_by
        return render_template(
            PAGES[transaction.state],
            transaction=transaction,
            client=client,
            reference=printed(transaction.refdet, client.kind),
            means=MEANS,
            offered=means_offered(world, transaction, known_client),
            ticket=ticket_lines(transaction, client) if transaction.state == "paid" else [],
            code=known.code(rule) if rule else "",
            message=known.message(rule) if rule else "",
            back=_way_back(transaction, known) if transaction.is_finished and transaction.urlredirect else None,
            may_begin_again=transaction.state == "abandoned"
            and bool(transaction.idop)
            and may_be_opened(transaction, known, world.now()),
        )

    @app.post("/tpa/transaction/<token>")
    def choose(token: str) -> BaseResponse:
        decide(world, token, request.form.get("decision", ""))
        return redirect(url_for("step", token=token), code=303)
