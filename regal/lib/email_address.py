"""The payer's e-mail address as PayFiP wants it: one, of 6 to 80 characters (`docs/protocols/payfip.md`, "Request").

Only plain ASCII addresses are accepted: no source says that PayFiP takes others, and a ticket sent nowhere is worse
than a question asked at once.
"""

import re
from enum import StrEnum

SHORTEST = 6
LONGEST = 80

_LOCAL_PART = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?P<local>{_LOCAL_PART})@(?P<domain>{_LABEL}(?:\.{_LABEL})+)")


class EmailReason(StrEnum):
    """Why a text is not an address we can send; the values are stable."""

    EMPTY = "empty"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    SEVERAL = "several"
    COMMA = "comma"  # where a full stop was meant
    NOT_ASCII = "not_ascii"
    MALFORMED = "malformed"


class UnreadableEmail(ValueError):
    """A text is not one usable address; `reason` is stable, and the text itself is not repeated."""

    def __init__(self, reason: EmailReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def normalise_email(text: str) -> str:
    """Check one address and give it without outer spaces, its domain in lower case. Raises UnreadableEmail."""
    address = text.strip()
    match = _ADDRESS.fullmatch(address)
    if match is not None and SHORTEST <= len(address) <= LONGEST:
        return f"{match['local']}@{match['domain'].lower()}"
    if not address:
        raise UnreadableEmail(EmailReason.EMPTY)
    if len(address) > LONGEST:
        raise UnreadableEmail(EmailReason.TOO_LONG)
    if address.count("@") == 1 and "," in address:
        raise UnreadableEmail(EmailReason.COMMA)
    if address.count("@") > 1 or re.search(r"[;,]", address):
        raise UnreadableEmail(EmailReason.SEVERAL)
    if not address.isascii():
        raise UnreadableEmail(EmailReason.NOT_ASCII)
    if match is None:
        raise UnreadableEmail(EmailReason.MALFORMED)
    raise UnreadableEmail(EmailReason.TOO_SHORT)
