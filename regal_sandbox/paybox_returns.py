"""What Paybox tells the merchant's site: the variables that PBX_RETOUR asked for, signed with the sandbox's key.

A value that does not exist is left out (A, D), or sent empty (N) or `0` (S, B): as recorded on real returns.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from regal_sandbox.paris import in_paris
from regal_sandbox.paybox_keys import PlatformKey
from regal_sandbox.paybox_merchants import Merchant

SIGNATURE = "K"
RAW = "@/:,-._~!$'()*;?"  # what travels as it is; whatever would be ambiguous is encoded
WHOLE, VARIABLES = "whole", "variables"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What there is to tell, of a try or of what ended without one."""

    code: str
    at: datetime
    call: int
    reference: str
    amount: str | None  # as it is to be told; None: left out
    trans: int = 0
    authorisation: str = ""
    means: str = "CARTE"  # P
    types: str = ""  # C, when the request had a list of cards
    card: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Variables:
    """As they travel, the signature wherever it was asked for."""

    text: str
    signed: str  # what the signature covers; empty when none was asked for


def parse_retour(told: str) -> list[tuple[str, str]]:
    """Pairs of name and letter, in the order asked for."""
    pieces = (piece.rpartition(":") for piece in told.split(";") if piece)
    return [(name, letter) for name, _, letter in pieces]


def letters(outcome: Outcome) -> dict[str, str | None]:
    """The value of each letter that we know, encoded as it travels; None: the parameter is left out."""
    at, card = in_paris(outcome.at), outcome.card
    return {
        "M": outcome.amount,
        "R": quote(outcome.reference, safe=RAW),
        "T": str(outcome.call),
        "A": outcome.authorisation or None,
        "B": "0",
        "C": quote(outcome.types or card.get("type", ""), safe=RAW) or None,
        "D": card.get("expiry") or None,
        "E": outcome.code,
        "F": card.get("status") or None,
        "G": card.get("warranted") or None,
        "H": card.get("fingerprint") or None,
        "I": quote(card.get("country_ip") or "???", safe=RAW),
        "J": card["last4"][-2:] if card.get("last4") else None,
        "j": card.get("last4") or None,
        "N": card.get("bin", ""),
        "O": card.get("enrolled") or None,
        "P": outcome.means,
        "Q": quote(f"{at:%H:%M:%S}", safe=""),
        "S": str(outcome.trans),
        "W": f"{at:%d%m%Y}",
        "Y": quote(card.get("country") or "???", safe=RAW),
        "c": card.get("kind") or None,
        "v": card.get("version") or None,
    }


def write_variables(
    key: PlatformKey,
    retour: str,
    outcome: Outcome,
    *,
    own_query: str = "",
    signs: str = VARIABLES,
    changed: Mapping[str, str] | None = None,
    wrong_signature: bool = False,
) -> Variables:
    """`own_query`: that of the merchant's address, signed too when `signs` is the whole. `changed`: letters told
    otherwise than they were, and signed so."""
    known = letters(outcome) | dict(changed or {})
    pieces: list[str] = []
    signed = ""
    for name, letter in parse_retour(retour):
        if letter == SIGNATURE:
            before = "&".join(pieces)
            signed = f"{own_query}&{before}" if own_query and signs == WHOLE else before
            made = key.sign(signed + "#" if wrong_signature else signed)
            pieces.append(f"{name}={quote(base64.b64encode(made).decode('ascii'), safe='')}")
        elif known.get(letter) is not None:
            pieces.append(f"{name}={known[letter]}")
    return Variables(text="&".join(pieces), signed=signed)


def query_of(url: str) -> str:
    return url.partition("#")[0].partition("?")[2]


def with_variables(url: str, variables: str) -> str:
    """The merchant's address, to the byte, with ours behind his own, before a fragment if it has one."""
    address, hash_sign, fragment = url.partition("#")
    glue = "" if address.endswith("?") else "&" if "?" in address else "?"
    return f"{address}{glue}{variables}{hash_sign}{fragment}"


def amount_to_tell(total: str, merchant: Merchant) -> str:
    """PBX_TOTAL as it came, or without its leading zeros."""
    return str(int(total)) if merchant.options.amount_in_return == "stripped" else total
