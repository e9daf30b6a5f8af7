"""What may befall a call to a merchant's site, by a rule of `faults.py` that has the member `ipn`."""

from dataclasses import dataclass

from regal_sandbox.shapes import Shape

LOST, LATE, AFTER_RETURN, TWICE = "lost", "late", "after_return", "twice"
WRONG_SIGNATURE, WRONG_AMOUNT, FOREIGN = "wrong_signature", "wrong_amount", "foreign"
IPN_FAULTS = (LOST, LATE, AFTER_RETURN, TWICE, WRONG_SIGNATURE, WRONG_AMOUNT, FOREIGN)


@dataclass(frozen=True, kw_only=True)
class IpnFault:
    """What happens to the calls about one try; several rules add up."""

    ipn: str  # one of IPN_FAULTS
    seconds: float = 0  # of what is late, or comes after the return
    copies: int = 1  # further ones, of what comes twice
    amount: str = ""  # of a wrong one; empty: one cent more
    by: str = ""  # the merchant whose payment is told in a foreign call; empty: one of the test platform
    merchant: str | None = None
    reference: str | None = None
    code: str | None = None  # as it really was

    def matches(self, *, merchant: str, reference: str, code: str) -> bool:
        told = ((self.merchant, merchant), (self.reference, reference), (self.code, code))
        return all(wanted in (None, is_so) for wanted, is_so in told)


def ipn_fault(shape: Shape) -> IpnFault:
    """Raises BadShape."""
    return IpnFault(
        ipn=shape.choice("ipn", IPN_FAULTS),
        seconds=shape.number("seconds", 0, most=10**7),
        copies=shape.integer("copies", 1, most=100),
        amount=shape.text("amount", "", max_length=10),
        by=shape.text("by", "", max_length=30),
        merchant=shape.optional_text("merchant"),
        reference=shape.optional_text("reference"),
        code=shape.optional_text("code"),
    )
