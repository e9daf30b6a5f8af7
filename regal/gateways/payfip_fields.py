"""PayFiP's fields, the same in address mode and in the web service: what may be sent in them, and how they are read.

Facts and sources: `docs/protocols/payfip.md`. Reading is strict where two readings are possible, and forgiving where
PayFiP has been seen to vary. Of a form that reaches us (`read_form`):
- fields come in the body, in the query string (as in August 2024), or in both;
- names count whatever their case, so `MONTANT` and `montant` are the same name;
- a name repeated within the body, or within the query string, is refused even if the values are equal;
- a name in both is one statement made twice if the values are equal, and a contradiction if they are not;
- names we do not know are ignored: the address PayFiP calls may hold some of ours.
Of a payment (`read_payment`): an exercice, a moment or an authorisation that makes no sense is dropped with a remark,
for none of them decides.

Codes of Unreadable: too_long, not_a_form, empty, too_many_fields, malformed_pair, broken_percent, not_utf8,
control_character, repeated_field, contradiction (forms); missing_field, malformed_field, unknown_saisie (payments).
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import TypeVar
from urllib.parse import unquote_to_bytes

from regal.gateways.base import (
    Claims,
    Environment,
    Means,
    Message,
    Misconfigured,
    Notice,
    Outcome,
    Rank,
    Refused,
    Unreadable,
)
from regal.lib import paris
from regal.lib.email_address import UnreadableEmail, normalise_email
from regal.lib.money import Money

T = TypeVar("T", int, bool)

MIN_AMOUNT = Money(100)
MAX_AMOUNT = Money(9_999_999)
MIN_REFERENCE_LENGTH = 6
MAX_REFERENCE_LENGTH = 30
MAX_LABEL_LENGTH = 100
MAX_URL_LENGTH = 250

MAX_MESSAGE_BYTES = 8192  # query string and body together; a full notification has fewer than 1,000
MAX_FIELDS = 40  # PayFiP sends 11; our own address may add some

_FORM = "application/x-www-form-urlencoded"
_BROKEN_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_LIGATURES = str.maketrans({"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE"})

_NUMCLI = re.compile(r"[0-9]{6}")
_REFDET = re.compile(r"[A-Za-z0-9]{1,30}")
_MONTANT = re.compile(r"[0-9]{1,11}")
_SAISIE = re.compile(r"[\x21-\x7e]{1,8}")
_RESULTRANS = re.compile(r"[\x21-\x7e]{1,8}")
_EXER = re.compile(r"[0-9]{4}")
_NUMAUTO = re.compile(r"[A-Za-z0-9-]{1,32}")
_DATTRANS = re.compile(r"(?P<day>[0-9]{2})(?P<month>[0-9]{2})(?P<year>2[0-9]{3})")
_HEURTRANS = re.compile(r"(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})")


# An account


def check_account(numcli: str, min_amount: Money, max_amount: Money, min_reference_length: int) -> None:
    """Check what every account of PayFiP has: its number and its limits. Raises Misconfigured."""
    if not _NUMCLI.fullmatch(numcli):
        raise Misconfigured("identifier", "not_six_digits")
    if not Money.zero < min_amount <= max_amount:
        raise Misconfigured("min_amount", "out_of_order")
    if max_amount.cents > 99_999_999_999:
        raise Misconfigured("max_amount", "too_large")
    if not 1 <= min_reference_length <= MAX_REFERENCE_LENGTH:
        raise Misconfigured("min_reference_length", "out_of_bounds")


def check_service_url(url: str) -> None:
    """Check the address of PayFiP itself, which ends with "/". Raises Misconfigured."""
    if not _is_web_address(url) or "?" in url or not url.endswith("/"):
        raise Misconfigured("service_url", "not_an_address")


def typed_option(options: Mapping[str, object], name: str, kind: type[T]) -> T:
    """Give an account's option, of that very type: a bool is no int. Raises Misconfigured."""
    value = options[name]
    if type(value) is kind:
        return value
    raise Misconfigured(name, "wrong_type")


# What we send


def clean_label(label: str) -> str:
    """Reduce a label to what `objet` takes: at most 100 of `[A-Za-z0-9 ]`; accents go, the rest becomes a space."""
    plain = unicodedata.normalize("NFKD", label.translate(_LIGATURES))
    without_accents = "".join(character for character in plain if not unicodedata.combining(character))
    words = re.findall(r"[A-Za-z0-9]+", without_accents)
    return " ".join(words)[:MAX_LABEL_LENGTH].rstrip()


def check_reference(reference: str, shortest: int) -> None:
    """Check the alphabet and the length of a `refdet`. Raises Refused (reference_malformed)."""
    if not _REFDET.fullmatch(reference) or len(reference) < shortest:
        raise Refused("reference_malformed")


def regie_exercice(exercice: int | None) -> int | None:
    """Check the `exer` of a régie's invoice, which may have none. Raises Refused (exercice_malformed)."""
    if exercice is not None and not 1000 <= exercice <= 9999:
        raise Refused("exercice_malformed")
    return exercice


def checked_email(address: str) -> str:
    """Check `mel`, and write its domain in lower case. Raises Refused (email_malformed)."""
    try:
        return normalise_email(address)
    except UnreadableEmail:
        raise Refused("email_malformed") from None


def checked_url(url: str | None, name: str) -> str | None:
    """Check an address of ours that PayFiP will call or show. Raises Refused ({name}_too_long, {name}_malformed)."""
    if url is None:
        return None
    if len(url) > MAX_URL_LENGTH:
        raise Refused(f"{name}_too_long")
    if not _is_web_address(url):
        raise Refused(f"{name}_malformed")
    return url


def _is_web_address(url: str) -> bool:
    return re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(?:[/?][\x21\x22\x24-\x7e]*)?", url) is not None


# What comes in


def read_form(message: Message) -> dict[str, str]:
    """Read the fields of a form that PayFiP posted to us, names in lower case. Raises Unreadable."""
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


def read_payment(
    fields: Mapping[str, str],
    *,
    rank: Rank,
    outcomes: Mapping[str, tuple[Outcome, Means]],
    environments: Mapping[str, Environment],
) -> Notice:
    """Read what PayFiP says of one payment, by the gateway's own tables; `mel` and `objet` are left where they are.

    Raises Unreadable.
    """
    remarks: list[str] = []
    code = required(fields, "resultrans", _RESULTRANS)
    outcome, means = outcomes.get(code, (Outcome.UNKNOWN, None))
    saisie = required(fields, "saisie", _SAISIE)
    if saisie not in environments:
        raise Unreadable("unknown_saisie")
    exer = _optional(fields, "exer", _EXER, remarks, "exercice_unreadable")
    claims = Claims(
        account_identifier=required(fields, "numcli", _NUMCLI),
        debt_reference=required(fields, "refdet", _REFDET),
        exercice=None if exer is None else int(exer),
        amount=Money(int(required(fields, "montant", _MONTANT))),
        environment=environments[saisie],
    )
    occurred_at = _moment(fields, remarks)
    authorisation = _optional(fields, "numauto", _NUMAUTO, remarks, "authorisation_unreadable")
    facts = {
        "account_identifier": claims.account_identifier,
        "debt_reference": claims.debt_reference,
        "exercice": exer,
        "amount_cents": None if claims.amount is None else str(claims.amount.cents),
        "environment": environments[saisie].value,
        "entry_code": saisie,
        "outcome": outcome.value,
        "outcome_code": code,
        "means": None if means is None else means.value,
        "authorisation": authorisation,
        "occurred_at": None if occurred_at is None else occurred_at.isoformat(),
    }
    return Notice(
        rank=rank,
        outcome=outcome,
        outcome_code=code,
        claims=claims,
        means=means,
        occurred_at=occurred_at,
        transaction=authorisation,
        facts={name: value for name, value in facts.items() if value is not None},
        remarks=tuple(remarks),
    )


def required(fields: Mapping[str, str], name: str, shape: re.Pattern[str]) -> str:
    """Give a field that must be there, whole in that shape. Raises Unreadable."""
    value = fields.get(name, "")
    if not value:
        raise Unreadable("missing_field")
    if not shape.fullmatch(value):
        raise Unreadable("malformed_field")
    return value


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


def _optional(
    fields: Mapping[str, str], name: str, shape: re.Pattern[str], remarks: list[str], remark: str
) -> str | None:
    value = fields.get(name, "")
    if not value:
        return None
    if not shape.fullmatch(value):
        remarks.append(remark)
        return None
    return value


def _moment(fields: Mapping[str, str], remarks: list[str]) -> datetime | None:
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
