"""What Paybox says of a payment, once it is certain that Paybox says it.

Facts and sources: `docs/protocols/paybox.md`, "Returns". The text is what was signed, and nothing else. The names are
those that our form asked for, each once, in its order: a text that Paybox signed for another shop, with another list,
is not read at all. What has no value is left out, or empty, or zero: all three are the same.

Codes of Unreadable: malformed_pair, broken_percent, not_ascii, unknown_field, repeated_field, order, missing_field,
malformed_field.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from urllib.parse import unquote_to_bytes

from regal.gateways.base import Claims, Environment, Means, Notice, Outcome, Rank, Unreadable
from regal.gateways.paybox.codes import OUTCOMES, kind_of
from regal.gateways.paybox.fields import RETURNED, debt_of
from regal.lib import paris
from regal.lib.money import Money

NAMES = tuple(name for name, letter in RETURNED.items() if letter != "K")
_MAY_BE_LEFT_OUT = frozenset({"Auto"})
_LEFT_OUT_ON_AN_ABANDON = frozenset({"Mt", "Date", "Heure"})  # seen of the first; the others have nothing to say then

_BROKEN_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_PRINTABLE = re.compile(rb"[\x20-\x7e]*")

_SHAPES = {
    "Mt": re.compile(r"[0-9]{1,10}"),
    "Ref": re.compile(r"[A-Za-z0-9_.-]{1,64}"),
    "Auto": re.compile(r"(?=.*[!-~])[ -~]{1,32}"),  # a text of the bank's, of no known shape
    "Erreur": re.compile(r"[0-9A-Z]{5}"),
    "Trans": re.compile(r"[0-9]{1,10}"),
    "Appel": re.compile(r"[0-9]{1,10}"),
}
_DAY = re.compile(r"(?P<day>[0-9]{2})(?P<month>[0-9]{2})(?P<year>2[0-9]{3})")
_HOUR = re.compile(r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})")
_TEST_AUTHORISATION = re.compile(r"X+", re.IGNORECASE)  # XXXXXX: the test platform authorises nothing


def read_return(text: bytes) -> Notice:
    """Read a text that Paybox signed. Rank SIGNED: it names no merchant. Raises Unreadable."""
    fields = _parse(text)
    code = _required(fields, "Erreur")
    kind = kind_of(code)
    outcome = Outcome.UNKNOWN if kind is None else OUTCOMES[kind]
    may_lack = _MAY_BE_LEFT_OUT | (_LEFT_OUT_ON_AN_ABANDON if outcome is Outcome.ABANDONED else frozenset())
    if not may_lack >= set(NAMES) - set(fields):
        raise Unreadable("missing_field")
    reference = _required(fields, "Ref")
    amount = None if outcome is Outcome.ABANDONED and not fields.get("Mt") else Money(int(_required(fields, "Mt")))
    authorisation = (_optional(fields, "Auto") or "").strip() or None
    transaction, call = _number(fields, "Trans"), _number(fields, "Appel")
    remarks: list[str] = []
    if outcome is Outcome.PAID and (authorisation is None or transaction is None or call is None):
        outcome = Outcome.UNKNOWN  # accepted by nobody, or under no number: no payment, nor a refusal
        remarks.append("no_authorisation" if authorisation is None else "no_transaction")
    environment = Environment.TEST if is_test_authorisation(authorisation or "") else None
    occurred_at = _moment(fields, remarks)
    debt_reference = debt_of(reference)
    facts = {
        "debt_reference": debt_reference,
        "amount_cents": None if amount is None else str(amount.cents),
        "environment": None if environment is None else environment.value,
        "outcome": outcome.value,
        "outcome_code": code,
        "means": Means.CARD.value,
        "authorisation": authorisation,
        "transaction": transaction,
        "call": call,
        "occurred_at": None if occurred_at is None else occurred_at.isoformat(),
    }
    return Notice(
        rank=Rank.SIGNED,
        outcome=outcome,
        outcome_code=code,
        claims=Claims(
            account_identifier=None,  # nor does the signature: it is the same for every merchant
            debt_reference=debt_reference,
            exercice=None,
            amount=amount,
            environment=environment,
        ),
        reference=reference,
        means=Means.CARD,
        occurred_at=occurred_at,
        transaction=transaction,
        call=call,
        facts={name: value for name, value in facts.items() if value is not None},
        remarks=tuple(remarks),
    )


def is_test_authorisation(authorisation: str) -> bool:
    """Whether it is what the test platform writes where nobody authorised anything."""
    return _TEST_AUTHORISATION.fullmatch(authorisation) is not None


def _parse(text: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    place = -1
    for pair in text.split(b"&"):
        encoded_name, equals, encoded_value = pair.partition(b"=")
        if not equals:
            raise Unreadable("malformed_pair")
        name = encoded_name.decode("latin-1")
        if name not in NAMES:
            raise Unreadable("unknown_field")
        if name in fields:
            raise Unreadable("repeated_field")
        if NAMES.index(name) < place:
            raise Unreadable("order")
        place = NAMES.index(name)
        fields[name] = _decode(encoded_value)
    return fields


def _decode(encoded: bytes) -> str:
    """By percent alone: a plus sign is a plus sign."""
    if _BROKEN_PERCENT.search(encoded):
        raise Unreadable("broken_percent")
    value = unquote_to_bytes(encoded)
    if not _PRINTABLE.fullmatch(value):
        raise Unreadable("not_ascii")
    return value.decode("ascii")


def _required(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name, "")
    if not value:
        raise Unreadable("missing_field")
    if not _SHAPES[name].fullmatch(value):
        raise Unreadable("malformed_field")
    return value


def _optional(fields: Mapping[str, str], name: str) -> str | None:
    value = fields.get(name, "")
    if value in ("", "0"):
        return None
    return _required(fields, name)


def _number(fields: Mapping[str, str], name: str) -> str | None:
    """A number without the zeros in front that Direct and the files write; zero is none at all."""
    value = fields.get(name, "")
    return (_required(fields, name).lstrip("0") or None) if value else None


def _moment(fields: Mapping[str, str], remarks: list[str]) -> datetime | None:
    """Read W (JJMMAAAA) and Q (HH:MM:SS), clocks of Paris; an impossible moment is only remarked."""
    day_text, hour_text = fields.get("Date", ""), fields.get("Heure", "")
    if not day_text and not hour_text:
        return None
    day_match, hour_match = _DAY.fullmatch(day_text), _HOUR.fullmatch(hour_text)
    if day_match is None or hour_match is None:
        remarks.append("moment_unreadable")
        return None
    try:
        day = date(int(day_match["year"]), int(day_match["month"]), int(day_match["day"]))
        hour = time(int(hour_match["hour"]), int(hour_match["minute"]), int(hour_match["second"]))
    except ValueError:
        remarks.append("moment_impossible")
        return None
    if paris.is_ambiguous(day, hour):
        remarks.append("moment_ambiguous")
    elif paris.is_imaginary(day, hour):
        remarks.append("moment_imaginary")
    return paris.at(day, hour)
