"""What may be adjusted because nobody outside DGFiP knows it for sure. See `docs/sandbox-fidelity.md`."""

import json
import re
import sqlite3
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from ipaddress import ip_address
from typing import Any

from regal_sandbox.rules import RULES
from regal_sandbox.shapes import BadShape, Shape

FRAME_OPTIONS = ("SAMEORIGIN", "DENY", "")
TRANSPORTS = ("body", "query", "both")
METHODS = ("POST", "GET")
SEPARATORS = (";", ",", "\t", "|")
DATES = {"JJ/MM/AAAA": "%d/%m/%Y", "JJMMAAAA": "%d%m%Y", "AAAA-MM-JJ": "%Y-%m-%d"}
STATEMENT_COLUMNS = ("date", "heure", "numcli", "exer", "refdet", "objet", "montant", "saisie", "resultrans", "numauto")
PORTAL_SAISIES = ("M", "A", "T")
WSDL_FLAVOURS = ("current", "2019", "documentation")
ASLEEP = ("", "main", "backup", "both")
PURGE_KEEPS = ("results", "payments", "nothing")

_LETTER = re.compile(r"[A-Z]")


@dataclass(frozen=True, kw_only=True)
class Settings:
    frame_options: str = "SAMEORIGIN"  # empty: the header is not sent
    error_status: int = 200  # HTTP status of the pages that refuse a request
    min_refdet_length: int = 6
    min_cents: int = 100
    max_cents: int = 9_999_999
    short_test_role_refdet: bool = True  # the 18-digit cut of the rôle's reserved reference is known too
    three_d_secure: bool = False  # a page of the payer's bank comes after the card's
    page_expiry_minutes: int = 120  # from the opening of a transaction; 0: never
    portal_saisie: str = "M"  # of the payments made on PayFiP's own portal
    next_day_button: bool = False  # for demonstrations: the payer may move the clock to the next working day
    absent_fields: str = "empty"  # in notifications: "empty" or "omitted"
    transport: str = "body"
    notification_timeout_seconds: float = 10.0
    notification_retries: int = 0
    notification_retry_seconds: float = 60.0
    notification_method: str = "POST"
    notification_source_address: str = ""  # a loopback address to call from; empty: the system chooses
    notification_verify_tls: bool = True  # false: a self-signed certificate will do
    journal_size: int = 2000  # exchanges kept, the newest
    statement_separator: str = ";"
    statement_columns: tuple[str, ...] = ("date", "refdet", "montant")
    statement_titles: bool = False  # a first LIGNE that names the columns
    statement_dates: str = "JJ/MM/AAAA"
    statement_amounts: str = "euros"  # or cents
    statement_has_activations: bool = True  # whether X payments are in the statements; T never are
    mail_from: str = "ne-pas-repondre@bac-a-sable.invalid"
    # Of the web service.
    wsdl_flavour: str = "current"  # 2019: its former schemas; documentation: the second address is broken as theirs is
    trust_forwarded_proto: bool = False  # a proxy in front says http or https; else anybody could
    missing_content_type: bool = True  # a call without Content-Type is read all the same
    malformed_status: int = 500  # of the fault that answers what is no SOAP call; or 400
    exer_reply: str = "full"  # or "truncated": its first two digits, as in three recordings
    urlredirect_required: bool = False
    idop_opening_minutes: int = 15  # from the creation of an idOp to its last opening
    idop_single_opening: bool = False  # true: a page left without outcome cannot be opened again
    purge_hour: int = 3  # of Paris; each night, idOps of the days before that were never paid are forgotten
    purge_keeps: str = "payments"  # those alone, or every known "results", or "nothing"
    purge_keeps_days: int = 0  # how long what is kept is; 0: for ever
    result_delay_seconds: float = 0  # between the payer's outcome and the moment when the service knows it
    return_method: str = "GET"  # how the payer's browser comes back to `urlredirect`
    transfer_letter: str = "B"  # `resultrans` of a virement accepted; nobody knows it
    transfer_refused_letter: str = "C"
    # Of Paybox; what depends on the account is in its merchant's options.
    paybox_asleep: str = ""  # which host does not answer: main, backup, both, or none
    paybox_error_status: int = 200  # of the error page under /cgi/
    paybox_php_error_status: int = 403  # and under /php/
    paybox_timeout_seconds: float = 20.0  # of a call to the merchant's site
    paybox_after_return_seconds: float = 2.0  # from the browser's return to the calls that were to follow it
    messages: dict[str, dict[str, str]] = field(default_factory=dict)  # rule → {"code", "message"}

    def code(self, rule: str) -> str:
        return self.messages.get(rule, {}).get("code", RULES[rule].code)

    def message(self, rule: str) -> str:
        return self.messages.get(rule, {}).get("message", RULES[rule].message)

    def service_code(self, rule: str) -> str:
        """What a fault of the web service bears, even where PayFiP's code is unknown."""
        return self.code(rule) or RULES[rule].service_code

    def libelle(self, rule: str) -> str:
        """The sentence of a fault of the web service, as recorded where it was."""
        known = RULES[rule]
        message = self.message(rule)
        if message != known.message:
            return message
        return known.libelle or message.replace("’", "'")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def settings_from_json(value: object, base: Settings | None = None) -> Settings:
    """`base` with the members of `value` put in place; raises BadShape."""
    base = base or Settings()
    shape = Shape(value, "settings")
    messages = dict(base.messages)
    for rule, told in shape.mapping("messages").items():
        if rule not in RULES:
            raise BadShape(f"settings.messages: unknown rule {rule}")
        one = Shape(told, f"settings.messages.{rule}")
        messages[rule] = {
            "code": one.text("code", base.code(rule), max_length=10),
            "message": one.text("message", base.message(rule)),
        }
        one.done()
    read = replace(
        base,
        frame_options=shape.choice("frame_options", FRAME_OPTIONS, base.frame_options),
        error_status=_error_status(shape, "error_status", base.error_status),
        min_refdet_length=shape.integer("min_refdet_length", base.min_refdet_length, least=1, most=30),
        min_cents=shape.integer("min_cents", base.min_cents, least=1),
        max_cents=shape.integer("max_cents", base.max_cents, least=1),
        short_test_role_refdet=shape.boolean("short_test_role_refdet", base.short_test_role_refdet),
        three_d_secure=shape.boolean("three_d_secure", base.three_d_secure),
        page_expiry_minutes=shape.integer("page_expiry_minutes", base.page_expiry_minutes, most=100_000),
        portal_saisie=shape.choice("portal_saisie", PORTAL_SAISIES, base.portal_saisie),
        next_day_button=shape.boolean("next_day_button", base.next_day_button),
        absent_fields=shape.choice("absent_fields", ("empty", "omitted"), base.absent_fields),
        transport=shape.choice("transport", TRANSPORTS, base.transport),
        notification_timeout_seconds=shape.number(
            "notification_timeout_seconds", base.notification_timeout_seconds, least=0.05, most=300
        ),
        notification_retries=shape.integer("notification_retries", base.notification_retries, most=100),
        notification_retry_seconds=shape.number("notification_retry_seconds", base.notification_retry_seconds),
        notification_method=shape.choice("notification_method", METHODS, base.notification_method),
        notification_source_address=_source_address(shape, base),
        notification_verify_tls=shape.boolean("notification_verify_tls", base.notification_verify_tls),
        journal_size=shape.integer("journal_size", base.journal_size, least=1, most=1_000_000),
        statement_separator=shape.choice("statement_separator", SEPARATORS, base.statement_separator),
        statement_columns=_statement_columns(shape, base),
        statement_titles=shape.boolean("statement_titles", base.statement_titles),
        statement_dates=shape.choice("statement_dates", tuple(DATES), base.statement_dates),
        statement_amounts=shape.choice("statement_amounts", ("euros", "cents"), base.statement_amounts),
        statement_has_activations=shape.boolean("statement_has_activations", base.statement_has_activations),
        mail_from=shape.text("mail_from", base.mail_from, max_length=200),
        messages=messages,
        **_service_settings(shape, base),
        paybox_asleep=shape.choice("paybox_asleep", ASLEEP, base.paybox_asleep),
        paybox_error_status=_error_status(shape, "paybox_error_status", base.paybox_error_status),
        paybox_php_error_status=_error_status(shape, "paybox_php_error_status", base.paybox_php_error_status),
        paybox_timeout_seconds=shape.number(
            "paybox_timeout_seconds", base.paybox_timeout_seconds, least=0.05, most=300
        ),
        paybox_after_return_seconds=shape.number(
            "paybox_after_return_seconds", base.paybox_after_return_seconds, most=10**7
        ),
    )
    shape.done()
    if read.min_cents > read.max_cents:
        raise BadShape("settings.min_cents: at most max_cents is expected")
    return read


def _service_settings(shape: Shape, base: Settings) -> dict[str, Any]:
    """Those of the web service."""
    return {
        "wsdl_flavour": shape.choice("wsdl_flavour", WSDL_FLAVOURS, base.wsdl_flavour),
        "trust_forwarded_proto": shape.boolean("trust_forwarded_proto", base.trust_forwarded_proto),
        "missing_content_type": shape.boolean("missing_content_type", base.missing_content_type),
        "malformed_status": _malformed_status(shape, base),
        "exer_reply": shape.choice("exer_reply", ("full", "truncated"), base.exer_reply),
        "urlredirect_required": shape.boolean("urlredirect_required", base.urlredirect_required),
        "idop_opening_minutes": shape.integer("idop_opening_minutes", base.idop_opening_minutes, least=1, most=100_000),
        "idop_single_opening": shape.boolean("idop_single_opening", base.idop_single_opening),
        "purge_hour": shape.integer("purge_hour", base.purge_hour, most=23),
        "purge_keeps": shape.choice("purge_keeps", PURGE_KEEPS, base.purge_keeps),
        "purge_keeps_days": shape.integer("purge_keeps_days", base.purge_keeps_days, most=10_000),
        "result_delay_seconds": shape.number("result_delay_seconds", base.result_delay_seconds, most=10**7),
        "return_method": shape.choice("return_method", METHODS, base.return_method),
        "transfer_letter": _letter(shape, "transfer_letter", base.transfer_letter),
        "transfer_refused_letter": _letter(shape, "transfer_refused_letter", base.transfer_refused_letter),
    }


def _malformed_status(shape: Shape, base: Settings) -> int:
    status = shape.integer("malformed_status", base.malformed_status)
    if status not in (400, 500):
        raise BadShape("settings.malformed_status: 400 or 500 is expected")
    return status


def _letter(shape: Shape, member: str, default: str) -> str:
    letter = shape.text(member, default)
    if _LETTER.fullmatch(letter) is None:
        raise BadShape(f"settings.{member}: one capital letter is expected")
    return letter


def _error_status(shape: Shape, member: str, default: int) -> int:
    """Of a page that has something to say: 200, or an error."""
    status = shape.integer(member, default, most=599)
    if status != 200 and status < 400:
        raise BadShape(f"settings.{member}: 200, or from 400 to 599, is expected")
    return status


def _source_address(shape: Shape, base: Settings) -> str:
    address = shape.text("notification_source_address", base.notification_source_address, max_length=45)
    try:
        if address and not ip_address(address).is_loopback:
            raise ValueError(address)
    except ValueError:
        raise BadShape("settings.notification_source_address: a loopback address, or nothing, is expected") from None
    return address


def _statement_columns(shape: Shape, base: Settings) -> tuple[str, ...]:
    if not shape.has("statement_columns"):
        return base.statement_columns
    columns = shape.items("statement_columns")
    if not columns or any(column not in STATEMENT_COLUMNS for column in columns):
        raise BadShape("settings.statement_columns: a list among " + ", ".join(STATEMENT_COLUMNS) + " is expected")
    return tuple(columns)


def read_settings(db: sqlite3.Connection) -> Settings:
    row = db.execute("SELECT value FROM settings WHERE name = 'settings'").fetchone()
    if row is None:
        return Settings()
    told = json.loads(row["value"])
    told["messages"] = {rule: one for rule, one in told["messages"].items() if rule in RULES}  # rules may be dropped
    try:
        return settings_from_json(told)
    except BadShape:  # an earlier version accepted more: leave out what is no longer accepted
        kept = Settings()
        for name, value in told.items():
            with suppress(BadShape):
                kept = settings_from_json({name: value}, kept)
        return kept


def write_settings(db: sqlite3.Connection, settings: Settings) -> None:
    db.execute("INSERT OR REPLACE INTO settings VALUES ('settings', ?)", (json.dumps(settings.to_json()),))
