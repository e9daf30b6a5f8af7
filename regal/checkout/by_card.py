"""What an attempt's own page may say when it is paid by card on the bank's page: where it stands, what remains to do.

The bank's message comes by itself, once; the browser brings the same, signed. Either is stored first and judged at
once by a worker: until then nothing that was known before is said, because a refusal may have become a payment on the
same page.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from regal.checkout.asked import RESTARTS, Invoice, invoice_of
from regal.collectivites.models import GatewayAccount
from regal.gateways.base import Outcome
from regal.payments.models import Attempt
from regal.payments.queries import has_unjudged_message
from regal.payments.states import State

SITUATIONS = {
    State.REFUSED: "refused",
    State.ABANDONED: "abandoned",
    State.UNKNOWN: "unknown",
    State.EXPIRED_PRESUMED: "silent",
    State.NEVER_STARTED: "never_started",
}
ANNOUNCED = {
    Outcome.PAID: "accepted",
    Outcome.REFUSED: "refused",
    Outcome.ABANDONED: "abandoned",
    Outcome.PENDING: "pending",
    Outcome.UNKNOWN: "unknown",
}
DISPLAY_SECONDS = 900  # how long the bank's page takes a payment, unless the contract says otherwise
AFTER_DISPLAY = timedelta(minutes=5)  # a payment begun at the last moment ends within it


@dataclass(frozen=True, kw_only=True)
class ByCard:
    """What is known of one attempt: a word for each sentence of `follow_card.html`, and what goes beside it."""

    situation: str
    invoice: Invoice
    is_page_open: bool  # the bank's page may still take a payment

    @property
    def is_elsewhere(self) -> bool:
        """Whether another payment has the invoice, or had it."""
        return self.invoice.state in ("paid", "held")

    @property
    def looks_again(self) -> bool:
        """Whether the page may still change by itself."""
        return self.situation in ("hearing", "accepted", "pending", "waiting", "unheard") or self.is_page_open

    @property
    def restarts(self) -> str:
        """Where « Recommencer » stands: "first", "last" or "". Nowhere, while it would lead to a refusal."""
        return "" if self.invoice.state else RESTARTS.get(self.situation, "")


def is_by_card(account: GatewayAccount) -> bool:
    """Whether its payers pay by card on the page of a bank's contract."""
    return account.gateway == "paybox"


def display_of(account: GatewayAccount) -> timedelta:
    """How long the bank's page takes a payment."""
    seconds = account.options.get("display_seconds", DISPLAY_SECONDS)
    return timedelta(seconds=seconds if type(seconds) is int else DISPLAY_SECONDS)


def tell(*, attempt: Attempt, now: datetime) -> ByCard:
    """What may be said now. Call it inside `tenant()`."""
    left_at = attempt.handed_off_at or attempt.created_at
    may_be_paying = now < left_at + display_of(attempt.account) + AFTER_DISPLAY
    situation = _situation(attempt, may_be_paying=may_be_paying)
    is_paid = attempt.status == State.PAID
    return ByCard(
        situation=situation,
        invoice=Invoice() if is_paid else invoice_of(attempt, now=now),
        is_page_open=may_be_paying and not is_paid and situation != "never_started",
    )


def _situation(attempt: Attempt, *, may_be_paying: bool) -> str:
    if attempt.status == State.PAID:
        return "provisional" if attempt.is_provisional else "confirmed"
    if has_unjudged_message(attempt=attempt):
        return "hearing"
    if attempt.announced == Outcome.PAID:
        return "accepted"
    if attempt.status in SITUATIONS:
        return SITUATIONS[State(attempt.status)]
    if attempt.announced:
        return ANNOUNCED[Outcome(attempt.announced)]
    return "waiting" if may_be_paying else "unheard"
