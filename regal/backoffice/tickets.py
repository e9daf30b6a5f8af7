"""What a payment's page says of its ticket, and « Renvoyer le ticket »."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from regal.backoffice import queries
from regal.backoffice.policies import BureauRequest
from regal.backoffice.redirects import see_page
from regal.lib import in_words
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt
from regal.payments.states import State
from regal.receipts.models import Ticket, Why
from regal.receipts.operations import ask_again
from regal.receipts.queries import owed_since, tickets_of
from regal.titres.refusals import Refusal


def clock() -> datetime:
    """The pages' one look at the time."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The tickets of one payment, in sentences; `may_resend`: all have ended, and there is an address to write to."""

    first: str
    copies: tuple[str, ...]
    may_resend: bool


def shown_tickets(attempt: Attempt, *, email: str) -> Shown | None:
    """None where no ticket is owed. Call it inside `tenant()`."""
    if attempt.titre_id is None or attempt.status != State.PAID:
        return None
    tickets = tickets_of(attempt)
    if tickets:
        first, *copies = tickets
        return Shown(
            first=_told(first),
            copies=tuple(_told_copy(copy) for copy in copies),
            may_resend=bool(email) and all(ticket.is_over for ticket in tickets),
        )
    since = owed_since(attempt)
    if since is None:
        return None
    return Shown(first=_waits(since), copies=(), may_resend=False)


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_POST
def resend_ticket(request: BureauRequest, slug: str, attempt_id: int) -> HttpResponse:
    """Send a copy of the ticket to the address that paid."""
    town = request.collectivite
    with tenant(town):
        attempt = queries.attempt_numbered(collectivite=town, attempt_id=attempt_id)
        if attempt is None:
            raise Http404
        try:
            ask_again(attempt=attempt, user=request.user, now=clock())
        except Refusal as refusal:
            messages.error(request, f"{refusal} ({refusal.code})")
        else:
            messages.success(request, _("La copie du ticket part dans un instant, à l’adresse du payeur."))
    return see_page("payment", slug, attempt_id)


def _told(ticket: Ticket) -> str:
    if ticket.sent_at is not None:
        return _("envoyé le %(when)s") % {"when": in_words.instant(ticket.sent_at)}
    if ticket.gave_up_at is not None:
        return _("pas envoyé : %(why)s") % {"why": Why(ticket.why).label}
    told = _waits(ticket.owed_at)
    if ticket.tries:
        tries = ngettext("%(number)s essai", "%(number)s essais", ticket.tries) % {"number": ticket.tries}
        told = f"{told}, {tries}"
    return told


def _told_copy(copy: Ticket) -> str:
    return _("copie demandée par %(who)s : %(told)s") % {"who": copy.asked_by or _("le payeur"), "told": _told(copy)}


def _waits(since: datetime) -> str:
    return _("attend depuis le %(when)s") % {"when": in_words.instant(since)}
