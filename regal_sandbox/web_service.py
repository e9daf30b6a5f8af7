"""The three operations of PayFiP's web service."""

from dataclasses import dataclass
from typing import Any

from regal_sandbox import soap
from regal_sandbox.clients import find_client, is_numcli
from regal_sandbox.idops import is_purged, known_outcome, list_outcomes
from regal_sandbox.journal import KEPT_CHARACTERS, record
from regal_sandbox.paris import in_paris
from regal_sandbox.payment_requests import Refused, check_service_request
from regal_sandbox.refusals import note_refusal
from regal_sandbox.settings import read_settings
from regal_sandbox.soap import Call, NotACall
from regal_sandbox.transactions import find_by_idop, open_transaction, see
from regal_sandbox.world import World

Values = list[tuple[str, str | None]]


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int
    body: bytes


def perform(world: World, call: Call) -> Reply:
    """Obey a call; what cannot be obeyed is a fault, HTTP 500."""
    with world.store.transaction() as db:
        settings = read_settings(db)
        told: dict[str, Any] = {
            "operation": call.operation,
            "parameters": {name: value[:KEPT_CHARACTERS] for name, value in call.arguments.items()},
        }
        try:
            values, numcli, transaction = _OPERATIONS[call.operation](world, call.arguments)
        except Refused as refusal:
            rule, code = refusal.rule, settings.service_code(refusal.rule)
            numcli = call.arguments.get("numcli") or call.arguments.get("numCli") or ""
            record(world, db, "service", told | {"rule": rule, "code": code}, numcli=numcli)
            if call.operation == soap.CREATE:
                note_refusal(db, at=world.now(), rule=rule, code=code, entry="service", parameters=told["parameters"])
            return Reply(status=500, body=soap.functional_fault(code, settings.libelle(rule)))
        told |= {"rule": None, "code": None, "answer": {name: value for name, value in values if value is not None}}
        record(world, db, "service", told, numcli=numcli, transaction=transaction)
    return Reply(status=200, body=soap.reply(call.operation, values))


def refuse(world: World, problem: NotACall, body: bytes, *, status: int | None = None) -> Reply:
    """The answer to what is no call; `status` as the settings say unless given."""
    with world.store.transaction() as db:
        known = read_settings(db)
        sent = body[:KEPT_CHARACTERS].decode("utf-8", "replace")
        told: dict[str, Any] = {
            "operation": "",
            "parameters": {},
            "rule": None,
            "code": problem.faultcode,
            "sent": sent,
        }
        record(world, db, "service", told | {"error": str(problem)[:KEPT_CHARACTERS]})
    return Reply(status=status or known.malformed_status, body=soap.protocol_fault(problem))


def _create(world: World, told: dict[str, str]) -> tuple[Values, str, int]:
    with world.store.transaction() as db:
        checked = check_service_request(told, db=db, settings=read_settings(db), today=world.today())
        opened = open_transaction(world, checked, entry="service")
    return [("idOp", opened.idop)], opened.numcli, opened.id


def _detail(world: World, told: dict[str, str]) -> tuple[Values, str, int]:
    with world.store.transaction() as db:
        settings, now = read_settings(db), world.now()
        transaction = find_by_idop(db, told.get("idOp", ""))
        if transaction is None:
            raise Refused("idop_unknown")
        transaction = see(world, transaction.token)
        outcomes = list_outcomes(db, transaction.id)
    if is_purged(transaction, outcomes, settings, now):
        raise Refused("idop_unknown")
    known = known_outcome(outcomes, now)
    if known is None:
        raise Refused("result_unknown")
    decided = in_paris(known.decided_at)
    exer = transaction.exer[:2] if settings.exer_reply == "truncated" else transaction.exer
    values: Values = [
        ("dattrans", decided.strftime("%d%m%Y")),
        ("exer", exer or None),
        ("heurtrans", decided.strftime("%H%M")),
        ("idOp", transaction.idop),
        ("mel", transaction.mel),
        ("montant", str(transaction.montant)),
        ("numauto", known.numauto or None),
        ("numcli", transaction.numcli),
        ("objet", transaction.objet or None),
        ("refdet", transaction.refdet),
        ("resultrans", known.resultrans),
        ("saisie", transaction.saisie),
    ]
    return values, transaction.numcli, transaction.id


def _client(world: World, told: dict[str, str]) -> tuple[Values, str, None]:
    numcli = told.get("numCli", "")
    if not is_numcli(numcli):
        raise Refused("numcli_invalid")
    with world.store.transaction() as db:
        client = find_client(db, numcli)
    if client is None:
        raise Refused("numcli_unknown")
    labels: Values = [(f"libelleN{position}", label or None) for position, label in enumerate(client.labels, start=1)]
    return [*labels, ("numcli", numcli)], numcli, None


_OPERATIONS: dict[str, Any] = {soap.CREATE: _create, soap.DETAIL: _detail, soap.CLIENT: _client}
