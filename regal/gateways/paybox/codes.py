"""What Paybox's numbers mean, each line with its source; one that is not here is UNKNOWN, never a crash.

Three tables, for the same number means different things in each: `Erreur` of a return, `CODEREPONSE` of Paybox Direct,
and Direct's `STATUS`. Codes are text: `001A1` is one of them. The keys name the sources: `docs/protocols/paybox.md`,
"Result codes" and "Sources".
"""

import re
import unicodedata
from enum import Enum, auto

from regal.gateways.base import Outcome


class Kind(Enum):
    """What a return's code is about."""

    ACCEPTED = auto()
    ABANDONED = auto()  # nobody tried, or gave up
    EXPIRED = auto()  # the page waited too long
    REFUSED = auto()  # by the bank, or by a rule of the contract
    TECHNICAL = auto()  # Paybox or the network failed before anything was taken
    OUR_FAULT = auto()  # the form or the contract is wrong
    ALREADY_PAID = auto()  # this very reference: somebody should look
    PENDING = auto()  # the final code comes later, in a notification of its own


OUTCOMES: dict[Kind, Outcome] = {
    Kind.ACCEPTED: Outcome.PAID,  # with an authorisation only: `returns.py`
    Kind.ABANDONED: Outcome.ABANDONED,
    Kind.EXPIRED: Outcome.ABANDONED,
    Kind.REFUSED: Outcome.REFUSED,
    Kind.TECHNICAL: Outcome.REFUSED,
    Kind.OUR_FAULT: Outcome.REFUSED,
    Kind.ALREADY_PAID: Outcome.UNKNOWN,
    Kind.PENDING: Outcome.PENDING,
}

# `Erreur` [7: EOP, NUR, DEV, U2P, PRX, LUT, 24E, unless said otherwise]
RETURN_CODES: dict[str, Kind] = {
    "00000": Kind.ACCEPTED,
    "00001": Kind.ABANDONED,  # the payer's cancel button; also "the authorisation centre could not be reached"
    "00003": Kind.TECHNICAL,  # Paybox failed
    "00004": Kind.REFUSED,  # card number or security code
    "00006": Kind.OUR_FAULT,  # site, rank or identifiant
    "00008": Kind.REFUSED,  # expiry date
    "00009": Kind.REFUSED,  # subscription, or behaviour check
    "00010": Kind.OUR_FAULT,  # currency
    "00011": Kind.OUR_FAULT,  # amount
    "00015": Kind.ALREADY_PAID,
    "00016": Kind.OUR_FAULT,  # the subscriber exists; we have none
    "00021": Kind.REFUSED,  # card not authorised
    "00022": Kind.REFUSED,  # ceiling
    "00029": Kind.REFUSED,  # another card than the one expected
    "00030": Kind.EXPIRED,  # 15 minutes by default
    "00033": Kind.REFUSED,  # country of the payer's address
    "00040": Kind.REFUSED,  # without 3-D Secure, stopped by the filter
    "00099": Kind.PENDING,  # as some lists print the next [uncertain]
    "99999": Kind.PENDING,  # [GOO, from the manual]
    # 00031 and 00032 are reserved. 00200, 00201 and 00300 to 00303 are a success of private cards to one program
    # [PRS, uncertain], and to us unknown.
}

# `001xx`: the bank refused, and xx is its own code; letters too, as in 001A1, "again, with authentication" [NUR]
_BANK_REFUSAL = re.compile(r"001[0-9A-Z]{2}")
_NEVER_SENT = "00100"  # the bank's acceptance, which Paybox writes 00000

# `CODEREPONSE` of Direct [3: BEN, DEV, NEX]. Only what we act upon; any other says that our question was wrong.
DONE = "00000"
NOT_FOUND = "00018"
NUMBER_USED = frozenset({"00005", "00039"})  # our number of the question was heard before, or the same demand was
ASK_BACKUP = frozenset({"00001", "00003", "00097", "00098"})  # centre unreachable, Paybox failed, lost on the way
BROKEN = ASK_BACKUP | {"00099"}  # internal

# `STATUS` of 00017, without accents and in lower case [NEX]
STATUSES: dict[str, Outcome] = {
    "autorise": Outcome.PAID,
    "capture": Outcome.PAID,
    "refuse": Outcome.REFUSED,
    # paid, then given back, by somebody in Paybox's back office: neither paid nor refused, a person looks
    "annule": Outcome.UNKNOWN,
    "rembourse": Outcome.UNKNOWN,
    # «crédit», «demande de solde (carte cadeaux)», «rejet support»: no payment by card
}


def kind_of(code: str) -> Kind | None:
    """What a return's code is about; None for a code that no table has."""
    if code in RETURN_CODES:
        return RETURN_CODES[code]
    return Kind.REFUSED if _BANK_REFUSAL.fullmatch(code) and code != _NEVER_SENT else None


def outcome_of_status(status: str) -> Outcome:
    """What Direct says of a transaction, however it writes its accents."""
    decomposed = unicodedata.normalize("NFKD", status.strip().lower())
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return STATUSES.get(plain, Outcome.UNKNOWN)
