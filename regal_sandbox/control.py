"""The control port: JSON over HTTP, for tests and demonstrations. The program under test never needs it.

Every answer is JSON; a bad request is 400 with `{"error": "…"}`. Browsers are kept out: a page of another site must
not be able to drive the sandbox of whoever reads it.
"""

import json
import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from regal_sandbox import clients, debts, faults, journal, mailbox, notifications, refusals, settings, statements, towns
from regal_sandbox.clock import OutOfRange
from regal_sandbox.desk import NAME as DESK
from regal_sandbox.desk import desk_pages
from regal_sandbox.hosts import is_loopback_name
from regal_sandbox.mail import list_outgoing
from regal_sandbox.paybox_control import add_paybox
from regal_sandbox.shapes import BadShape, NumberConverter, Shape, whole_number
from regal_sandbox.transactions import (
    STATES,
    Filter,
    UnknownTransaction,
    describe_idops,
    find_by_number,
    list_transactions,
)
from regal_sandbox.world import World

FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})

Json = dict[str, Any]


def _body() -> Any:
    """The JSON sent, an empty object when nothing was."""
    sent = request.get_data()
    if not sent:
        return {}
    try:
        return json.loads(sent)
    except (ValueError, RecursionError):
        raise BadShape("the body is not JSON") from None


def control_app(
    world: World, *, reset: Callable[[str | None], None], deliver_due: Callable[[], int], town_count: int
) -> Flask:
    app = Flask("regal_sandbox.control")
    app.url_map.converters["int"] = NumberConverter
    app.json.ensure_ascii = False  # type: ignore[attr-defined]

    @app.before_request
    def keep_browsers_out() -> None:
        if not is_loopback_name(request.host):
            abort(403, "the control port answers to loopback names only")
        if request.headers.get("Origin") is not None and request.blueprint != DESK:  # which has guards of its own
            abort(403, "the control port does not answer to pages")
        if request.mimetype in FORMS and request.blueprint != DESK:  # what a page, or a notification, would send
            raise BadShape(f"the body is not JSON: Content-Type is {request.mimetype}, application/json is expected")

    @app.errorhandler(BadShape)
    def bad_shape(problem: BadShape) -> tuple[Json, int]:
        told = str(problem).encode("utf-8", "backslashreplace").decode()  # it may quote what nobody can write
        return {"error": told}, 400

    @app.errorhandler(OutOfRange)
    def out_of_range(problem: OutOfRange) -> tuple[Json, int]:
        return {"error": f"clock: {problem}"}, 400

    @app.errorhandler(UnknownTransaction)
    def unknown_transaction(problem: UnknownTransaction) -> tuple[Json, int]:
        return {"error": "unknown transaction"}, 404

    @app.errorhandler(HTTPException)
    def other_problem(problem: HTTPException) -> tuple[Json, int]:
        return {"error": problem.description}, problem.code or 500

    @app.get("/")
    def state() -> Json:
        with world.store.transaction() as db:
            pending = db.execute("SELECT count(*) FROM notifications WHERE state = 'pending'").fetchone()[0]
        return {"seed": world.seed, "clock": world.clock.describe(), "pending_notifications": pending}

    @app.post("/reset")
    def do_reset() -> Json:
        shape = Shape(_body(), "reset")
        seed = shape.optional_text("seed")
        shape.done()
        reset(seed)
        return state()

    @app.post("/deliver")
    def deliver() -> Json:
        return {"tried": deliver_due()}

    _clock_routes(app, world)
    _settings_routes(app, world)
    _client_routes(app, world)
    _debt_routes(app, world)
    _transaction_routes(app, world)
    _notification_routes(app, world)
    _record_routes(app, world)
    _fault_routes(app, world)
    _mail_routes(app, world)
    _town_routes(app, world, town_count)
    add_paybox(app, world, _body)
    app.register_blueprint(desk_pages(world))
    return app


def _clock_routes(app: Flask, world: World) -> None:
    @app.get("/clock")
    def read_clock() -> Json:
        return world.clock.describe()

    @app.put("/clock")
    def set_clock() -> Json:
        shape = Shape(_body(), "clock")
        told = shape.text("now")
        stopped = shape.boolean("stopped", True)
        shape.done()
        try:
            moment = datetime.fromisoformat(told)
            world.clock.set(moment, stopped=stopped)
        except OutOfRange:
            raise
        except ValueError:
            raise BadShape("clock.now: a moment with its offset, such as 2026-03-31T12:00:00+02:00") from None
        world.ring()
        return world.clock.describe()

    @app.delete("/clock")
    def release_clock() -> Json:
        world.clock.release()
        world.ring()
        return world.clock.describe()

    @app.post("/clock/next-working-day")
    def go_to_next_working_day() -> Json:
        world.go_to_next_working_day()
        return world.clock.describe()

    @app.post("/clock/advance")
    def advance_clock() -> Json:
        shape = Shape(_body(), "advance")
        seconds = shape.number("seconds")
        shape.done()
        world.clock.advance(seconds)
        world.ring()
        return world.clock.describe()


def _settings_routes(app: Flask, world: World) -> None:
    @app.get("/settings")
    def read_settings() -> Json:
        with world.store.transaction() as db:
            return settings.read_settings(db).to_json()

    @app.put("/settings")
    def change_settings() -> Json:
        with world.store.transaction() as db:
            changed = settings.settings_from_json(_body(), settings.read_settings(db))
            settings.write_settings(db, changed)
        return changed.to_json()


def _client_routes(app: Flask, world: World) -> None:
    @app.get("/clients")
    def all_clients() -> Json:
        with world.store.transaction() as db:
            return {"clients": [client.to_json() for client in clients.list_clients(db)]}

    @app.get("/clients/<numcli>")
    def one_client(numcli: str) -> Json:
        with world.store.transaction() as db:
            client = clients.find_client(db, numcli)
        if client is None:
            abort(404, "unknown client")
        return client.to_json()

    @app.put("/clients/<numcli>")
    def put_client(numcli: str) -> Json:
        client = clients.client_from_json(_body(), numcli)
        with world.store.transaction() as db:
            clients.write_client(db, client)
        return client.to_json()


def _debt_routes(app: Flask, world: World) -> None:
    @app.get("/debts")
    def all_debts() -> Json:
        with world.store.transaction() as db:
            return {"debts": [debt.to_json() for debt in debts.list_debts(db, request.args.get("numcli"))]}

    @app.post("/debts")
    def put_debts() -> Json:
        shape = Shape(_body(), "debts")
        read = [debts.debt_from_json(one) for one in shape.items("debts")]
        shape.done()
        with world.store.transaction() as db:
            for debt in read:
                debts.check_fits(debt, clients.find_client(db, debt.numcli))
                debts.write_debt(db, debt)
        return {"written": len(read)}

    @app.get("/debts/<numcli>/<refdet>")
    def one_debt(numcli: str, refdet: str) -> Json:
        with world.store.transaction() as db:
            debt = debts.find_debt(db, numcli, refdet)
        if debt is None:
            abort(404, "unknown debt")
        return debt.to_json()

    @app.put("/debts/<numcli>/<refdet>")
    def put_debt(numcli: str, refdet: str) -> Json:
        debt = debts.debt_from_json(_body(), numcli=numcli, refdet=refdet)
        with world.store.transaction() as db:
            debts.check_fits(debt, clients.find_client(db, numcli))
            debts.write_debt(db, debt)
        return one_debt(numcli, refdet)

    @app.delete("/debts/<numcli>/<refdet>")
    def delete_debt(numcli: str, refdet: str) -> Json:
        with world.store.transaction() as db:
            if not debts.delete_debt(db, numcli, refdet):
                abort(404, "unknown debt")
        return {"deleted": 1}


def _transaction_routes(app: Flask, world: World) -> None:
    @app.get("/transactions")
    def all_transactions() -> Json:
        wanted = Filter(
            numcli=request.args.get("numcli"), refdet=request.args.get("refdet"), state=request.args.get("state")
        )
        if wanted.state not in (None, *STATES):
            raise BadShape("state: one of " + ", ".join(STATES) + " is expected")
        with world.store.transaction() as db:
            return {"transactions": [one.to_json() for one in list_transactions(db, wanted)]}

    @app.get("/idops")
    def all_idops() -> Json:
        with world.store.transaction() as db:
            told = describe_idops(world, db, numcli=request.args.get("numcli"), refdet=request.args.get("refdet"))
        return {"idops": told}

    def detail(number: int) -> Json:
        with world.store.transaction() as db:
            told = find_by_number(db, number).to_json()
            told["notifications"] = notifications.list_notifications(db, number)
            told["tickets"] = list_outgoing(db, number)
        return told

    @app.get("/transactions/<int:number>")
    def one_transaction(number: int) -> Json:
        return detail(number)

    @app.post("/transactions/<int:number>/resend")
    def resend_notification(number: int) -> Json:
        disturbance = faults.disturbance_from_json(_body())
        with world.store.transaction() as db:
            transaction = find_by_number(db, number)
            try:
                notifications.resend(world, db, transaction, disturbance)
            except ValueError as problem:
                raise BadShape(str(problem)) from None
        world.ring()
        return detail(number)


def _notification_routes(app: Flask, world: World) -> None:
    @app.get("/notifications")
    def all_notifications() -> Json:
        with world.store.transaction() as db:
            return {"notifications": notifications.list_notifications(db)}

    def change_one(number: int, change: Callable[[sqlite3.Connection], None]) -> Json:
        with world.store.transaction() as db:
            try:
                change(db)
            except notifications.NotPending:
                abort(404, "no notification of that number is waiting")
            told = notifications.list_notifications(db)
        world.ring()
        return next(one for one in told if one["id"] == number)

    @app.post("/notifications/<int:number>/send")
    def send_notification(number: int) -> Json:
        return change_one(number, lambda db: notifications.send_now(world, db, number))

    @app.post("/notifications/<int:number>/drop")
    def drop_notification(number: int) -> Json:
        return change_one(number, lambda db: notifications.drop(world, db, number))

    @app.post("/notifications/<int:number>/duplicate")
    def duplicate_notification(number: int) -> Json:
        return change_one(number, lambda db: notifications.duplicate(db, number))

    @app.post("/notifications/<int:number>/delay")
    def delay_notification(number: int) -> Json:
        shape = Shape(_body(), "delay")
        seconds = shape.number("seconds")
        shape.done()
        return change_one(number, lambda db: notifications.postpone(world, db, number, seconds))


def _record_routes(app: Flask, world: World) -> None:
    """What is written of all that happened."""

    @app.get("/statements/<numcli>")
    def statement(numcli: str) -> Response:
        return statements.download(world, numcli, request.args) or abort(404, "unknown client")

    @app.get("/journal")
    def read_journal() -> Json:
        wanted = journal.wanted_from_query(request.args)
        limit = whole_number(request.args.get("limit", "200"))
        if not 1 <= limit <= 10_000:
            raise BadShape("limit: from 1 to 10000 is expected")
        with world.store.transaction() as db:
            told = journal.list_exchanges(db, wanted, limit=limit)
        return {"exchanges": [one.to_json() for one in told]}

    @app.get("/refusals")
    def all_refusals() -> Json:
        with world.store.transaction() as db:
            return {"refusals": [one.to_json() for one in refusals.list_refusals(db)]}


def _fault_routes(app: Flask, world: World) -> None:
    @app.get("/faults")
    def all_faults() -> Json:
        with world.store.transaction() as db:
            return {"faults": [fault.to_json() for fault in faults.list_faults(db)]}

    @app.get("/faults/happened")
    def all_uses() -> Json:
        limit, rule = whole_number(request.args.get("limit", "200")), request.args.get("rule")
        if not 1 <= limit <= 10_000:
            raise BadShape("limit: from 1 to 10000 is expected")
        with world.store.transaction() as db:
            told = faults.list_uses(db, limit=limit, rule=None if rule is None else whole_number(rule))
            return {"count": faults.count_uses(db), "happened": told}

    @app.post("/faults")
    def add_fault() -> tuple[Any, int]:
        fault = faults.fault_from_json(_body())
        with world.store.transaction() as db:
            added = faults.add_fault(db, fault)
        return jsonify(added.to_json()), 201

    @app.delete("/faults")
    def delete_faults() -> Json:
        with world.store.transaction() as db:
            faults.delete_faults(db)
        return {"faults": []}

    @app.delete("/faults/<int:number>")
    def delete_fault(number: int) -> Json:
        with world.store.transaction() as db:
            if not faults.delete_fault(db, number):
                abort(404, "unknown fault")
        return {"deleted": 1}


def _mail_routes(app: Flask, world: World) -> None:
    @app.get("/mails")
    def all_mails() -> Json:
        with world.store.transaction() as db:
            mails = mailbox.list_mails(db, recipient=request.args.get("recipient"))
        return {"mails": [mail.summary() for mail in mails]}

    @app.get("/mails/<int:number>")
    def one_mail(number: int) -> Json:
        with world.store.transaction() as db:
            mail = mailbox.find_mail(db, number)
        if mail is None:
            abort(404, "unknown mail")
        return mail.to_json()

    @app.delete("/mails")
    def delete_mails() -> Json:
        with world.store.transaction() as db:
            mailbox.delete_mails(db)
        return {"mails": []}


def _town_routes(app: Flask, world: World, count: int) -> None:
    @app.get("/towns")
    def all_towns() -> Json:
        with world.store.transaction() as db:
            return {"towns": {str(at): town.to_json() for at, town in towns.list_towns(db).items()}}

    @app.get("/towns/<int:position>")
    def one_town(position: int) -> Json:
        with world.store.transaction() as db:
            town = towns.find_town(db, position)
        if town is None:
            abort(404, "unknown town")
        return town.to_json()

    @app.put("/towns/<int:position>")
    def put_town(position: int) -> Json:
        if position >= count:
            abort(404, "no port serves a town at that position")
        town = towns.town_from_json(_body())
        with world.store.transaction() as db:
            towns.write_town(db, position, town)
        return town.to_json()
