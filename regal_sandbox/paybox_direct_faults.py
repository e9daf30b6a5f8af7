"""What may befall a question to Paybox Direct, by a rule of `faults.py` that has the member `direct`."""

from dataclasses import dataclass

from regal_sandbox.shapes import BadShape, Shape

TRANSPORT = ("unavailable", "empty", "slow", "cut", "reset", "partial")
CODES = ("00001", "00003", "00097", "00098", "00099")
DIRECT_FAULTS = (*TRANSPORT, *CODES)


@dataclass(frozen=True, kw_only=True)
class DirectFault:
    """What happens to one question, instead of its answer."""

    direct: str  # one of DIRECT_FAULTS
    seconds: float = 0  # how long before it happens
    once_done: bool = False  # the order is obeyed first, and only its answer is lost, late, or another
    type: str | None = None  # TYPE; None: any
    merchant: str | None = None  # the key of one of those of the site and rank that ask
    host: str | None = None  # main or backup; None: both

    def matches(self, *, type: str, shop: str, host: str) -> bool:
        """`shop`: SITE-RANK as merchants' keys begin."""
        told = self.merchant.rsplit("-", 1)[0] if self.merchant else None
        return self.type in (None, type) and told in (None, shop) and self.host in (None, host)


def direct_fault(shape: Shape) -> DirectFault:
    """Raises BadShape."""
    fault = DirectFault(
        direct=shape.choice("direct", DIRECT_FAULTS),
        seconds=shape.number("seconds", 0, most=300),
        once_done=shape.boolean("once_done", False),
        type=shape.optional_text("type"),
        merchant=shape.optional_text("merchant"),
        host=shape.choice("host", ("main", "backup")) if shape.has("host") else None,
    )
    if fault.direct == "slow" and not fault.seconds:
        raise BadShape("fault: this rule does nothing; a slow answer takes some seconds")
    return fault
