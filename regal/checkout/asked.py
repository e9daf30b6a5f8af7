"""What an attempt's own page may say when its gateway is asked: where it stands, and what else became of its invoice.

The browser's return proves nothing, but what was answered before it may be out of date: a refusal may become a payment
on the same page of the gateway (I-15). Until an answer later than the return has come, the page waits for one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest

from regal.agenda.models import Watch
from regal.payments.models import Attempt
from regal.payments.shares import shares_of
from regal.payments.states import State
from regal.titres.models import Titre

ANSWER_AWAITED = timedelta(minutes=1)  # after a return; then what is known is said, with its hour
RETURN = "retour"  # in the page's address: the instant of the return, in milliseconds

SITUATIONS = {
    State.CREATED: "opening",
    State.REQUESTED: "opening",
    State.PAID: "confirmed",
    State.REFUSED: "refused",
    State.ABANDONED: "abandoned",
    State.UNKNOWN: "unknown",
    State.EXPIRED_PRESUMED: "silent",
    State.NEVER_STARTED: "never_started",
}
RESTARTS = {  # where « Recommencer » stands: before all, or last; not at all beside the other situations
    "refused": "first",
    "abandoned": "first",
    "never_started": "first",
    "opening": "last",
    "waiting": "last",
    "unheard": "last",
    "silent": "last",
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ALMOST_A_MINUTE = timedelta(seconds=59)  # an hour shown without its seconds has passed


@dataclass(frozen=True, kw_only=True)
class Invoice:
    """What became of the invoice that an attempt was to pay."""

    state: str = ""  # "paid" or "held" by another payment, "ours" while this one holds it
    paid_at: datetime | None = None
    held_until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is known of one attempt: a word for each sentence of `follow_asked.html`, and what goes beside it."""

    situation: str
    asks_after_return: bool  # whatever was known before the return is not said meanwhile
    is_watched: bool  # the gateway is still asked
    answered_at: datetime | None
    invoice: Invoice

    @property
    def is_elsewhere(self) -> bool:
        """Whether another payment has the invoice, or had it."""
        return self.invoice.state in ("paid", "held")

    @property
    def looks_again(self) -> bool:
        """Whether the page may still change by itself."""
        return self.situation in ("opening", "waiting", "unheard") or self.is_watched

    @property
    def restarts(self) -> str:
        """Where « Recommencer » stands: "first", "last" or "". Nowhere, while it would lead to a refusal."""
        return "" if self.invoice.state or self.asks_after_return else RESTARTS.get(self.situation, "")


def ask_about(*, attempt: Attempt, returned_at: datetime | None, now: datetime) -> Asked:
    """What may be said now. Call it inside `tenant()`."""
    watch = Watch.objects.filter(collectivite=attempt.collectivite_id, attempt_id=attempt.pk).first()
    is_watched = watch is not None and watch.closed_at is None and attempt.status != State.PAID
    situation = SITUATIONS.get(State(attempt.status), "waiting")
    asks_after_return = False
    if watch is not None and is_watched and returned_at is not None and not _has_answered(watch, since=returned_at):
        asks_after_return = now < returned_at + ANSWER_AWAITED
        if situation in ("refused", "abandoned", "silent", "unknown") and asks_after_return:
            situation = "waiting"
        elif situation in ("refused", "abandoned") and watch.answered_at is not None:
            situation = "unheard"
    invoice = Invoice() if situation == "confirmed" else invoice_of(attempt, now=now)
    if invoice.state == "ours" and situation not in ("opening", "waiting"):
        invoice = Invoice()
    return Asked(
        situation=situation,
        asks_after_return=asks_after_return,
        is_watched=is_watched,
        answered_at=watch.answered_at if watch is not None else None,
        invoice=invoice,
    )


def returned_at(request: HttpRequest, *, now: datetime) -> datetime | None:
    """When the browser came back from the gateway, as the page's address says; who writes another hour only waits."""
    said = request.GET.get(RETURN, "")
    if not (said.isascii() and said.isdecimal() and len(said) <= 13):
        return None
    at = _EPOCH + timedelta(milliseconds=int(said))
    return at if at <= now else None


def address_after_return(address: str, *, now: datetime) -> str:
    """The page's address for who comes back now."""
    return f"{address}?{RETURN}={(now - _EPOCH) // timedelta(milliseconds=1)}"


def _has_answered(watch: Watch, *, since: datetime) -> bool:
    return (
        watch.asked_at is not None
        and watch.answered_at is not None
        and watch.asked_at >= since
        and watch.answered_at >= since
    )


def invoice_of(attempt: Attempt, *, now: datetime) -> Invoice:
    """Whether another payment has it, or had it, or this one holds it still; of several, whether all are paid."""
    every = [_standing_of(share.titre, attempt=attempt, now=now) for share in shares_of(attempt)]
    if every and all(one.state == "paid" for one in every):
        return every[0]
    held = [one for one in every if one.state in ("ours", "held")]
    return min(held, key=lambda one: one.state != "held", default=Invoice())


def _standing_of(titre: Titre, *, attempt: Attempt, now: datetime) -> Invoice:
    if titre.paid_at is not None:
        return Invoice(state="paid", paid_at=min(titre.paid_at, now))  # the bank's clock may be ahead of ours
    if titre.held_until is None or not titre.is_held(now):
        return Invoice()
    until = titre.held_until + _ALMOST_A_MINUTE
    return Invoice(state="ours" if titre.held_by == attempt.pk else "held", held_until=until)
