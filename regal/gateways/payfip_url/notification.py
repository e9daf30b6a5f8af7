"""Reading what PayFiP sends in address mode: one flat, unsigned form (`docs/protocols/payfip.md`, "Notification").

Strict where two readings are possible, forgiving where PayFiP has been seen to vary:
- fields come in the body, in the query string (as in August 2024), or in both;
- names count whatever their case, so `MONTANT` and `montant` are the same name;
- a name repeated within the body, or within the query string, is refused even if the values are equal;
- a name in both is one statement made twice if the values are equal, and a contradiction if they are not;
- names we do not know are ignored: the address PayFiP calls may hold some of ours;
- an exercice, a moment or an authorisation that makes no sense is dropped with a remark: none of them decides.

Codes of Unreadable: too_long, not_a_form, empty, too_many_fields, malformed_pair, broken_percent, not_utf8,
control_character, repeated_field, contradiction, missing_field, malformed_field, unknown_saisie.
"""

import re
import unicodedata
from datetime import date, datetime, time
from urllib.parse import unquote_to_bytes

from regal.gateways.base import Claims, Message, Notice, Outcome, Rank, Unreadable
from regal.gateways.payfip_url.codes import OUTCOMES, SAISIE_ENVIRONMENTS
from regal.lib import paris
from regal.lib.money import Money

MAX_MESSAGE_BYTES = 8192  # query string and body together; a full notification has fewer than 1,000
MAX_FIELDS = 40  # PayFiP sends 11; our own address may add some

_FORM = "application/x-www-form-urlencoded"
_BROKEN_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")

_NUMCLI = re.compile(r"[0-9]{6}")
_REFDET = re.compile(r"[A-Za-z0-9]{1,30}")
_MONTANT = re.compile(r"[0-9]{1,11}")
_SAISIE = re.compile(r"[\x21-\x7e]{1,8}")
_RESULTRANS = re.compile(r"[\x21-\x7e]{1,8}")
_EXER = re.compile(r"[0-9]{4}")
_NUMAUTO = re.compile(r"[A-Za-z0-9-]{1,32}")
_DATTRANS = re.compile(r"(?P<day>[0-9]{2})(?P<month>[0-9]{2})(?P<year>2[0-9]{3})")
_HEURTRANS = re.compile(r"(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})")


def read_notification(message: Message) -> Notice:
    """Read a notification. Raises Unreadable, with one of the codes listed above, and nothing else."""
    fields = _fields(message)
    remarks: list[str] = []
    code = _required(fields, "resultrans", _RESULTRANS)
    outcome, means = OUTCOMES.get(code, (Outcome.UNKNOWN, None))
    saisie = _required(fields, "saisie", _SAISIE)
    if saisie not in SAISIE_ENVIRONMENTS:
        raise Unreadable("unknown_saisie")
    exer = _optional(fields, "exer", _EXER, remarks, "exercice_unreadable")
    claims = Claims(
        account_identifier=_required(fields, "numcli", _NUMCLI),
        debt_reference=_required(fields, "refdet", _REFDET),
        exercice=None if exer is None else int(exer),
        amount=Money(int(_required(fields, "montant", _MONTANT))),
        environment=SAISIE_ENVIRONMENTS[saisie],
    )
    occurred_at = _moment(fields, remarks)
    authorisation = _optional(fields, "numauto", _NUMAUTO, remarks, "authorisation_unreadable")
    facts = {
        "account_identifier": claims.account_identifier,
        "debt_reference": claims.debt_reference,
        "exercice": exer,
        "amount_cents": None if claims.amount is None else str(claims.amount.cents),
        "environment": SAISIE_ENVIRONMENTS[saisie].value,
        "entry_code": saisie,
        "outcome": outcome.value,
        "outcome_code": code,
        "means": None if means is None else means.value,
        "authorisation": authorisation,
        "occurred_at": None if occurred_at is None else occurred_at.isoformat(),
    }
    return Notice(
        rank=Rank.UNPROVEN,
        outcome=outcome,
        outcome_code=code,
        claims=claims,
        means=means,
        occurred_at=occurred_at,
        transaction=authorisation,
        facts={name: value for name, value in facts.items() if value is not None},
        remarks=tuple(remarks),
    )


def _fields(message: Message) -> dict[str, str]:
    if len(message.query) + len(message.body) > MAX_MESSAGE_BYTES:
        raise Unreadable("too_long")
    media_type = message.content_type.partition(";")[0].strip().lower()
    if message.body and media_type not in ("", _FORM):
        raise Unreadable("not_a_form")
    in_query = _parse(message.query)
    in_body = _parse(message.body)
    if any(in_query[name] != in_body[name] for name in in_query.keys() & in_body.keys()):
        raise Unreadable("contradiction")
    fields = in_query | in_body
    if not fields:
        raise Unreadable("empty")
    return fields


def _parse(encoded: bytes) -> dict[str, str]:
    pairs = [pair for pair in encoded.split(b"&") if pair]
    if len(pairs) > MAX_FIELDS:
        raise Unreadable("too_many_fields")
    fields: dict[str, str] = {}
    for pair in pairs:
        encoded_name, equals, encoded_value = pair.partition(b"=")
        if not encoded_name or not equals:
            raise Unreadable("malformed_pair")
        name = _decode(encoded_name)
        name = name.lower() if name.isascii() else name
        if name in fields:
            raise Unreadable("repeated_field")
        fields[name] = _decode(encoded_value)
    return fields


def _decode(encoded: bytes) -> str:
    if _BROKEN_PERCENT.search(encoded):
        raise Unreadable("broken_percent")
    try:
        text = unquote_to_bytes(encoded.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("not_utf8") from None
    if any(unicodedata.category(character) in ("Cc", "Cf") for character in text):
        raise Unreadable("control_character")
    return text


def _required(fields: dict[str, str], name: str, shape: re.Pattern[str]) -> str:
    value = fields.get(name, "")
    if not value:
        raise Unreadable("missing_field")
    if not shape.fullmatch(value):
        raise Unreadable("malformed_field")
    return value


def _optional(fields: dict[str, str], name: str, shape: re.Pattern[str], remarks: list[str], remark: str) -> str | None:
    value = fields.get(name, "")
    if not value:
        return None
    if not shape.fullmatch(value):
        remarks.append(remark)
        return None
    return value


def _moment(fields: dict[str, str], remarks: list[str]) -> datetime | None:
    """Read `dattrans` (JJMMAAAA) and `heurtrans` (HHMM), clocks of Paris; an impossible moment is only remarked."""
    dattrans, heurtrans = fields.get("dattrans", ""), fields.get("heurtrans", "")
    if not dattrans and not heurtrans:
        return None
    day_match, hour_match = _DATTRANS.fullmatch(dattrans), _HEURTRANS.fullmatch(heurtrans)
    if day_match is None or hour_match is None:
        remarks.append("moment_unreadable")
        return None
    try:
        day = date(int(day_match["year"]), int(day_match["month"]), int(day_match["day"]))
        hour = time(int(hour_match["hour"]), int(hour_match["minute"]))
    except ValueError:
        remarks.append("moment_impossible")
        return None
    if paris.is_ambiguous(day, hour):
        remarks.append("moment_ambiguous")
    elif paris.is_imaginary(day, hour):
        remarks.append("moment_imaginary")
    return paris.at(day, hour)
