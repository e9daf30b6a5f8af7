"""« Demander à PayFiP maintenant » (or to Paybox), and the payments that repaired themselves."""

from datetime import UTC, datetime

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from regal.agenda import watches
from regal.audit.operations import record
from regal.backoffice import queries
from regal.backoffice.gateway_names import service_of
from regal.backoffice.pages import Line
from regal.backoffice.policies import BureauRequest
from regal.backoffice.redirects import see_page
from regal.backoffice.repairs import REPAIRED_DAYS, Questions, asked_accounts, questions_about, repaired_lately
from regal.lib import in_words
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant

MOST_REPAIRED = 50


def clock() -> datetime:
    """The pages' one look at the time."""
    return datetime.now(UTC)


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_POST
def ask_gateway(request: BureauRequest, slug: str, attempt_id: int) -> HttpResponse:
    """« Demander à PayFiP maintenant »: a worker puts the question; pressed again meanwhile, nothing more happens."""
    town, now = request.collectivite, clock()
    with tenant(town):
        attempt = queries.attempt_numbered(collectivite=town, attempt_id=attempt_id)
        if attempt is None:
            raise Http404
        questions = questions_about(attempt=attempt, now=now)
        if questions is None or not questions.may_ask:
            messages.info(request, _("Il n’y a rien à demander sur ce paiement."))
        elif questions.is_asking or (questions.due_at is not None and questions.due_at <= now):
            messages.info(
                request,
                _in_an_outage(questions, service=service_of(attempt.account), now=now)
                or _("La question part déjà : rechargez la page dans quelques secondes."),
            )
        else:
            watches.hasten(collectivite_id=town.pk, attempt_id=attempt.pk, at=now, reopen=True)
            record(
                collectivite=town,
                action="ask_gateway",
                subject=f"attempt {attempt.pk}",
                actor_id=request.user.pk,
                now=now,
            )
            messages.success(
                request,
                _in_an_outage(questions, service=service_of(attempt.account), now=now)
                or _("REGAL demande à %(service)s. Rechargez la page dans quelques secondes pour lire la réponse.")
                % {"service": service_of(attempt.account)},
            )
    return see_page("payment", slug, attempt_id)


def _in_an_outage(questions: Questions, *, service: str, now: datetime) -> str:
    """When the question is put, where the contract waits before it tries again; "" where it goes at once."""
    if questions.silent_since is None or questions.free_at is None or questions.free_at <= now:
        return ""
    return _("%(service)s ne répond pas depuis le %(since)s. La question est notée : elle part le %(at)s.") % {
        "service": service,
        "since": in_words.instant(questions.silent_since),
        "at": in_words.instant(questions.free_at),
    }


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def repaired(request: BureauRequest, slug: str) -> HttpResponse:
    """« Réparés tout seuls »: the payments of the last 30 days that nobody told us of."""
    town = request.collectivite
    with tenant(town):
        accounts = asked_accounts(collectivite=town)
        found = repaired_lately(collectivite=town, accounts=accounts, now=clock())
        settled = list(found.select_related("attempt__account")[: MOST_REPAIRED + 1])
        lines = [Line.of(settlement.attempt) for settlement in settled[:MOST_REPAIRED]]
    context = {"lines": lines, "days": REPAIRED_DAYS, "has_more": len(settled) > MOST_REPAIRED}
    return render(request, "backoffice/repaired.html", context)
