"""The cards of Paybox's documentation, and what the bank says of each. No other is ever accepted, and none is kept.

What is kept of a card is a small object: `type` (C), `bin` (N), `last4`, `expiry` (AAMM), `country` (Y), `country_ip`
(I), `fingerprint` (H); and of its 3-D Secure step `enrolled` (O), `status` (F), `warranted` (G), `version` (v) and
`kind` (c).
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from typing import Any

ACCEPTED = "00000"
BAD_CARD = "00004"
BAD_EXPIRY = "00008"
EXAMPLE = "1111222233334444"


@dataclass(frozen=True, kw_only=True)
class TestCard:
    type: str
    country: str = "FRA"
    enrolled: bool = False


CARDS = {
    EXAMPLE: TestCard(type="CB"),
    "4012001037141112": TestCard(type="Visa", enrolled=True),
    "4012001038443335": TestCard(type="Visa"),
    "4236861588423130": TestCard(type="Visa", country="BEL"),
    "5476852056843079": TestCard(type="MasterCard", country="BEL"),
    "6703111122223334": TestCard(type="Maestro", country="BEL"),
}

_SPACES = re.compile(r"[\s.-]")


def plain_number(typed: str) -> str:
    return _SPACES.sub("", typed)


def test_card(number: str) -> dict[str, Any] | None:
    """What is kept of that test card, its expiry apart; None when it is none."""
    known = CARDS.get(number)
    if known is None:
        return None
    return {
        "type": known.type,
        "bin": number[:6],
        "last4": number[-4:],
        "country": known.country,
        "country_ip": "FRA",
        "fingerprint": hashlib.sha256(number.encode()).hexdigest().upper(),
        "enrolled": "Y" if known.enrolled else "N",
    }


def kept_card(
    number: str, month: str, year: str, secret: str, *, today: date, chosen: str | None = None
) -> tuple[dict[str, Any], str]:
    """What is kept of the card that a payer typed, and the code of what is wrong with it, if anything is.

    `chosen`: the brand he chose before; a card of CB is told as such when he chose none.
    """
    card = test_card(plain_number(number))
    if card is None:
        return {}, BAD_CARD
    if chosen in ("CB", "Visa", "MasterCard") and card["type"] == "CB":
        card["type"] = chosen
    expiry = year[-2:] + month.zfill(2)
    if re.fullmatch(r"[0-9]{2}(0[1-9]|1[0-2])", expiry) is None or expiry < f"{today:%y%m}":
        return card, BAD_EXPIRY
    card["expiry"] = expiry
    return card, "" if re.fullmatch(r"[0-9]{3,4}", secret) else BAD_CARD
