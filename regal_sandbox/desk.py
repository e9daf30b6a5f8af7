"""The control page for people, on the control port: what the JSON does, with forms.

Another page open in the same browser must not be able to use it. Its forms bear a token that only its own pages show,
and are refused when the browser says that another page sent them; names out of the loopback are refused before.
"""

import hmac
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from regal_sandbox import notifications
from regal_sandbox.amounts import euros, typed_cents
from regal_sandbox.clients import PHASES, Client, find_client, list_clients, put_in_phase, write_client
from regal_sandbox.clock import OutOfRange
from regal_sandbox.debts import STATES, Debt, check_fits, debt_from_json, delete_debt, find_debt, list_debts, write_debt
from regal_sandbox.faults import DOCUMENTS, Fault, add_fault, delete_fault, delete_faults, fault_from_json, list_faults
from regal_sandbox.journal import KINDS, list_exchanges, wanted_from_query
from regal_sandbox.means import CARD, MEANS
from regal_sandbox.names import KIND_NAMES, PHASE_NAMES, STATE_NAMES
from regal_sandbox.paris import in_paris
from regal_sandbox.paybox_desk import DIRECT_FAULT_NAMES, IPN_FAULT_NAMES, PAYBOX_FAULTS, add_paybox_desk
from regal_sandbox.paybox_questions import TYPES
from regal_sandbox.references import typed
from regal_sandbox.rules import RULES
from regal_sandbox.shapes import BadShape, whole_number
from regal_sandbox.soap import CLIENT, CREATE, DETAIL
from regal_sandbox.statements import download
from regal_sandbox.store import moment, stamp
from regal_sandbox.world import World

NAME = "desk"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
EXCHANGE_NAMES = {
    "request": "Demande reçue",
    "service": "Appel du service web",
    "decision": "Décision du payeur",
    "error": "Demande en erreur",
    "fault": "Panne jouée",
    "notification": "Notification envoyée",
    "notification_dropped": "Notification non envoyée",
    "mail_sent": "Ticket envoyé",
    "mail_received": "Message reçu",
    "paybox_request": "Paybox\u00a0: demande reçue",
    "paybox_error": "Paybox\u00a0: demande en erreur",
    "paybox_decision": "Paybox\u00a0: décision du payeur",
    "paybox_message": "Paybox\u00a0: appel du site",
}
NOTIFICATION_NAMES = {"answered": "Reçue", "failed": "Non reçue", "dropped": "Non envoyée", "pending": "En attente"}
DROPPED_NAMES = {"fault": "Perdue (panne)", "hand": "Abandonnée à la main"}
STEP_NAMES = {
    "recap": "au récapitulatif",
    "means": "au choix du moyen de paiement",
    "card": "à la page de la carte",
    "secure": "à la page de la banque",
    "sign_in": "à l’identification",
    "mandate": "au mandat",
    "transfer": "au virement",
}
PAGE_FAULT_NAMES = {
    "unavailable": "page d’erreur 503",
    "empty": "réponse vide",
    "slow": "réponse lente",
    "cut": "connexion coupée",
    "reset": "connexion réinitialisée",
}
SERVICE_FAULT_NAMES = PAGE_FAULT_NAMES | {
    "partial": "réponse coupée en route",
    "TechDysfonctionnementErreur": "erreur TechDysfonctionnement",
    "TechIndisponibiliteErreur": "erreur TechIndisponibilite",
    "TechProtocolaireErreur": "erreur TechProtocolaire",
}
OPERATION_NAMES = {
    CREATE: "à la création",
    DETAIL: "à la question sur un paiement",
    CLIENT: "à la question sur un client",
    DOCUMENTS: "à la lecture du WSDL",
}
# One click each: what it is called, and the rule as the JSON would write it.
USUAL_FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "perdre": ("Perdre la prochaine notification", {"drop": True, "next": 1}),
    "retarder": ("Retarder la prochaine d’une minute", {"delay_seconds": 60, "next": 1}),
    "doubler": ("Envoyer la prochaine en double", {"duplicate": 1, "next": 1}),
    "intervertir": ("Envoyer la prochaine après la suivante", {"reorder": True, "next": 1}),
    "adresse": ("Mettre les champs dans l’adresse", {"transport": "query"}),
    "montant": ("Fausser le montant de la prochaine", {"alter": {"montant": "1"}, "next": 1}),
    "lettre": ("Annoncer un refus à tort", {"resultrans": "R", "next": 1}),
    "503": ("Page d’erreur 503 à la prochaine demande", {"page": "unavailable", "next": 1}),
    "vide": ("Réponse vide à la prochaine demande", {"page": "empty", "next": 1}),
    "lente": ("Réponse après 5\u00a0secondes", {"page": "slow", "seconds": 5, "next": 1}),
    "coupee": ("Couper la prochaine connexion", {"page": "cut", "next": 1}),
    "perdue": (
        "Obéir, puis couper avant de répondre",
        {"page": "cut", "once_done": True, "on": "steps", "next": 1},
    ),
    "ws-503": ("Service web\u00a0: erreur 503 au prochain appel", {"service": "unavailable", "next": 1}),
    "ws-indisponible": (
        "Service web\u00a0: indisponible au prochain appel",
        {"service": "TechIndisponibiliteErreur", "next": 1},
    ),
    "ws-perdue": (
        "Service web\u00a0: créer, puis couper avant de répondre",
        {"service": "cut", "once_done": True, "operation": CREATE, "next": 1},
    ),
    "ws-tard": ("Service web\u00a0: prochain résultat connu une heure après", {"late_seconds": 3600, "next": 1}),
    **PAYBOX_FAULTS,
}
MAX_LINES = 500
DEBT_MISTAKES = {
    "numcli": "Choisissez une collectivité.",
    "refdet": "Cette référence n’est pas celle d’une dette de cette collectivité, titre ou rôle.",
    "exer": "L’exercice est fait des quatre premiers chiffres de la référence.",
    "montant": "Écrivez un montant comme 48,50.",
    "label": "L’objet a au plus 200\u00a0caractères.",
    "taken_in_charge_on": "Indiquez le jour de prise en charge.",
    "amicable_until": "Le dernier jour de la phase amiable est une date, qui ne vient pas avant la prise en charge.",
    "state": "Choisissez un état.",
}


def describe(fault: Fault) -> str:
    """A rule in words."""
    if fault.direct is not None:
        about = f", {TYPES.get(fault.direct.type, fault.direct.type)}" if fault.direct.type else ""
        what = [f"Paybox Direct{about}", DIRECT_FAULT_NAMES[fault.direct.direct]]
        if fault.direct.seconds:
            what.append(f"après {fault.direct.seconds:g}\u00a0s")
        if fault.direct.once_done:
            what.append("l’ordre étant obéi")
    elif fault.ipn is not None:
        what = [f"Paybox\u00a0: {IPN_FAULT_NAMES[fault.ipn.ipn]}"]
        if fault.ipn.seconds:
            what.append(f"de {fault.ipn.seconds:g}\u00a0s")
    elif fault.service is not None:
        what = [
            f"service web, {OPERATION_NAMES[fault.service.operation]}" if fault.service.operation else "service web"
        ]
        what.append(SERVICE_FAULT_NAMES[fault.service.service])
        if fault.service.seconds:
            what.append(f"après {fault.service.seconds:g}\u00a0s")
        if fault.service.once_done:
            what.append("l’appel étant obéi")
    elif fault.mail is not None:
        what = ["e-mail refusé, à représenter plus tard"]
    elif fault.page is not None:
        where = {"entry": " à l’entrée", "steps": " aux étapes du paiement"}.get(fault.page.on or "", "")
        what = [PAGE_FAULT_NAMES[fault.page.page] + where]
        if fault.page.seconds:
            what.append(f"après {fault.page.seconds:g}\u00a0s")
        if fault.page.once_done:
            what.append("la demande étant obéie")
    else:
        told = fault.disturbance
        what = ["notification perdue"] if told.drop else []
        what += [f"retardée de {told.delay_seconds:g}\u00a0s"] if told.delay_seconds else []
        what += [f"répétée {told.duplicate}\u00a0fois"] if told.duplicate else []
        what += ["envoyée après la suivante"] if told.reorder else []
        what += [f"champs dans «\u00a0{told.transport}\u00a0»"] if told.transport else []
        what += [f"{name} {'retiré' if value is None else f'= {value}'}" for name, value in told.alter.items()]
        what += [f"résultat connu {told.late_seconds:g}\u00a0s plus tard"] if told.late_seconds else []
        what += ["notification avant le résultat"] if told.early_notification else []
    return ", ".join(what) or "sans effet"


def desk_pages(world: World) -> Blueprint:
    blueprint = Blueprint(NAME, __name__, url_prefix="/tableau")
    token = secrets.token_urlsafe(32)
    blueprint.add_app_template_filter(euros, "euros")
    blueprint.add_app_template_filter(in_paris, "in_paris")
    blueprint.add_app_template_filter(moment, "moment")

    @blueprint.before_request
    def only_from_here() -> None:
        if request.method in ("GET", "HEAD", "OPTIONS"):
            return
        own = request.host_url.rstrip("/")
        if request.headers.get("Origin", own) != own:
            abort(403)
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            abort(403)
        if not hmac.compare_digest(request.form.get("token", "").encode(), token.encode()):
            abort(403)

    @blueprint.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"  # with none at all, browsers hide the Origin of our forms
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "no-store"
        return response

    @blueprint.errorhandler(HTTPException)
    def problem(raised: HTTPException) -> tuple[str, int]:
        return show("problem.html", code=raised.code), raised.code or 500

    @blueprint.get("/<path:unknown>")
    def unknown_page(unknown: str) -> str:
        abort(404)

    @blueprint.errorhandler(BadShape)
    @blueprint.errorhandler(OutOfRange)
    def incomprehensible(raised: Exception) -> tuple[str, int]:
        return show("problem.html", code=400), 400

    def show(template: str, **told: Any) -> str:
        clock = world.clock.describe()
        return render_template(
            f"desk/{template}",
            token=token,
            now=in_paris(world.now()),
            moved=clock["stopped"] or bool(clock["offset_seconds"]),
            stopped=clock["stopped"],
            home=world.pages_address,
            kinds=KIND_NAMES,
            phases=PHASE_NAMES,
            states=STATE_NAMES,
            **told,
        )

    def back(endpoint: str, **told: Any) -> BaseResponse:
        return redirect(url_for(f"{NAME}.{endpoint}", **told), code=303)

    _overview(blueprint, world, show, back)
    _phases(blueprint, world, back)
    _faults(blueprint, world, back)
    _statements(blueprint, world)
    _debts(blueprint, world, show, back)
    _notifications(blueprint, world, show, back)
    _journal(blueprint, world, show)
    add_paybox_desk(blueprint, world, show)
    return blueprint


Show = Callable[..., str]
Back = Callable[..., BaseResponse]


def _overview(blueprint: Blueprint, world: World, show: Show, back: Back) -> None:
    @blueprint.get("/")
    def overview() -> str:
        with world.store.transaction() as db:
            clients, faults = list_clients(db), list_faults(db)
        return show(
            "overview.html",
            clients=clients,
            means=MEANS,
            today=world.today(),
            faults=[(fault, describe(fault)) for fault in faults],
            usual={name: label for name, (label, _) in USUAL_FAULTS.items()},
        )

    @blueprint.post("/horloge")
    def clock() -> BaseResponse:
        if request.form.get("action") == "jour-ouvre":
            today = world.today()
            if request.form.get("jour", today.isoformat()) == today.isoformat():  # else a second click of the same page
                world.go_to_next_working_day()
        elif request.form.get("action") == "a-l-heure":
            world.clock.release()
            world.ring()
        else:
            abort(400)
        return back("overview")


def _phases(blueprint: Blueprint, world: World, back: Back) -> None:
    @blueprint.post("/collectivites/<numcli>")
    def phase(numcli: str) -> BaseResponse:
        chosen, means = request.form.get("phase", ""), request.form.get("means", CARD)
        with world.store.transaction() as db:
            client = find_client(db, numcli)
            if client is None:
                abort(404)
            if chosen not in PHASES or means not in MEANS or client.activation(means) is None:
                abort(400)
            write_client(db, put_in_phase(client, means, chosen))
        return back("overview")


def _faults(blueprint: Blueprint, world: World, back: Back) -> None:
    @blueprint.post("/pannes")
    def add() -> BaseResponse:
        usual = USUAL_FAULTS.get(request.form.get("panne", ""))
        if usual is None:
            abort(400)
        with world.store.transaction() as db:
            add_fault(db, fault_from_json(usual[1]))
        return back("overview")

    @blueprint.post("/pannes/supprimer")
    def remove() -> BaseResponse:
        number = whole_number(request.form["numero"]) if "numero" in request.form else None
        with world.store.transaction() as db:
            if number is None:
                delete_faults(db)
            else:
                delete_fault(db, number)  # already used up: what was asked is done
        return back("overview")


def _statements(blueprint: Blueprint, world: World) -> None:
    @blueprint.get("/releves")
    def statement() -> Response:
        file = download(world, request.args.get("numcli", ""), request.args)
        return file or abort(404)


def _named(clients: list[Client]) -> list[tuple[str, str]]:
    """Each `numcli` with the name of its entity, for a list to choose from."""
    return [(one.numcli, f"{one.numcli} – {one.labels[1]}" if one.labels[1] else one.numcli) for one in clients]


def _debts(blueprint: Blueprint, world: World, show: Show, back: Back) -> None:
    def form(debt: Debt | None, told: dict[str, str], mistakes: dict[str, str]) -> tuple[str, int]:
        with world.store.transaction() as db:
            clients = [client for client in list_clients(db) if client.kind != "regie"]
        page = show("debt.html", debt=debt, told=told, mistakes=mistakes, numclis=_named(clients))
        return page, 400 if mistakes else 200

    def read() -> Debt:
        told = {name: value.strip() for name, value in request.form.items() if name != "token" and value.strip()}
        with world.store.transaction() as db:
            client = find_client(db, told.get("numcli", ""))
        if client is None or client.kind == "regie":
            raise BadShape("debt.numcli: a client that has debts is expected")
        debt = debt_from_json(
            {
                "numcli": client.numcli,
                "refdet": typed(told.get("refdet", ""), client.kind),
                "montant": typed_cents(told.get("montant", "")),
                "label": told.get("label", ""),
                "state": told.get("state"),
                "taken_in_charge_on": told.get("taken_in_charge_on"),
                "amicable_until": told.get("amicable_until"),
            }
        )
        check_fits(debt, client)
        return debt

    def find(numcli: str, refdet: str) -> Debt:
        with world.store.transaction() as db:
            debt = find_debt(db, numcli, refdet)
        if debt is None:
            abort(404)
        return debt

    @blueprint.get("/dettes/")
    def debts() -> str:
        numcli = request.args.get("numcli") or None
        with world.store.transaction() as db:
            found, clients = list_debts(db, numcli), list_clients(db)
        return show(
            "debts.html",
            debts=found[:MAX_LINES],
            count=len(found),
            numclis=_named(clients),
            numcli=numcli,
            today=world.today(),
        )

    @blueprint.get("/dettes/nouvelle")
    def new_debt() -> tuple[str, int]:
        yesterday = world.today() - timedelta(days=1)
        numcli = request.args.get("numcli", "")
        return form(None, {"state": "due", "taken_in_charge_on": yesterday.isoformat(), "numcli": numcli}, {})

    @blueprint.get("/dettes/<numcli>/<refdet>/")
    def debt(numcli: str, refdet: str) -> tuple[str, int]:
        known = find(numcli, refdet)
        told = {name: str(value or "") for name, value in known.to_json().items()}
        told["montant"] = f"{known.montant // 100},{known.montant % 100:02d}"
        return form(known, told, {})

    def write(known: Debt | None) -> BaseResponse | tuple[str, int]:
        try:
            told = read()
            if known is not None and (told.numcli, told.refdet) != (known.numcli, known.refdet):
                abort(400)
            with world.store.transaction() as db:
                if known is None and find_debt(db, told.numcli, told.refdet) is not None:
                    return form(None, request.form.to_dict(), {"refdet": "Cette référence est déjà connue."})
                write_debt(db, told)
        except BadShape as problem:
            member = str(problem).split(":")[0].removeprefix("debt.")
            if member == "taken_in_charge_on" and request.form.get(member):
                return form(known, request.form.to_dict(), {member: "Le jour de prise en charge n’est pas une date."})
            return form(known, request.form.to_dict(), {member: DEBT_MISTAKES[member]})
        return back("debts", numcli=told.numcli)

    @blueprint.post("/dettes/nouvelle")
    def create_debt() -> BaseResponse | tuple[str, int]:
        return write(None)

    @blueprint.post("/dettes/<numcli>/<refdet>/")
    def change_debt(numcli: str, refdet: str) -> BaseResponse | tuple[str, int]:
        return write(find(numcli, refdet))

    @blueprint.post("/dettes/<numcli>/<refdet>/marquer")
    def mark(numcli: str, refdet: str) -> BaseResponse:
        known, state = find(numcli, refdet), request.form.get("state", "")
        with world.store.transaction() as db:
            if state == "supprimer":
                delete_debt(db, numcli, refdet)
            elif state in STATES:
                write_debt(db, replace(known, state=state))
            else:
                abort(400)
        return back("debts", numcli=numcli)


def _notifications(blueprint: Blueprint, world: World, show: Show, back: Back) -> None:
    @blueprint.get("/notifications/")
    def pending() -> str:
        with world.store.transaction() as db:
            told = notifications.list_notifications(db)
        waiting = [one for one in told if one["state"] == "pending"]
        sent = [one for one in reversed(told) if one["state"] != "pending"][:50]
        never = stamp(notifications.NEVER)
        return show(
            "notifications.html",
            waiting=waiting,
            sent=sent,
            names=NOTIFICATION_NAMES,
            dropped=DROPPED_NAMES,
            never=never,
        )

    @blueprint.post("/notifications/<int:number>")
    def change(number: int) -> BaseResponse:
        changes: dict[str, Callable[[sqlite3.Connection], None]] = {
            "envoyer": lambda db: notifications.send_now(world, db, number),
            "abandonner": lambda db: notifications.drop(world, db, number),
            "doubler": lambda db: notifications.duplicate(db, number),
            "retarder": lambda db: notifications.postpone(world, db, number, 60),
        }
        action = changes.get(request.form.get("action", ""))
        if action is None:
            abort(400)
        with world.store.transaction() as db:
            try:
                action(db)
            except notifications.NotPending:
                abort(409)
        world.ring()
        return back("pending")


def _journal(blueprint: Blueprint, world: World, show: Show) -> None:
    @blueprint.get("/journal/")
    def journal() -> str:
        wanted = wanted_from_query(request.args)
        with world.store.transaction() as db:
            exchanges = list_exchanges(db, wanted, limit=200)
        names = {kind: EXCHANGE_NAMES[kind] for kind in KINDS}
        return show(
            "journal.html",
            exchanges=exchanges,
            wanted=wanted,
            names=names,
            rules=RULES,
            page_faults=SERVICE_FAULT_NAMES | DIRECT_FAULT_NAMES,
            dropped=DROPPED_NAMES,
            steps=STEP_NAMES,
        )
