"""What gateways tell us, server to server: stored, answered, and judged later by a worker."""

import logging
from datetime import UTC, datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from regal.collectivites.models import GatewayAccount
from regal.gateways.base import HttpAnswer, Message, Misconfigured, Verdict
from regal.lib.policy import Rate, Tenant, Who, policy
from regal.lib.request_body import beginning_of_body
from regal.lib.tenancy import tenant
from regal.lib.throttle import count_stray
from regal.lib.vault import VaultError
from regal.payments.accounts import gateway_of
from regal.payments.operations import receive
from regal.payments.queries import attempt_by_notification_token, has_heard_enough

logger = logging.getLogger("regal.checkout")

LONGEST_QUERY = LONGEST_BODY = 64 * 1024
LARGEST_KEY = 2**63 - 1


def clock() -> datetime:
    """The receiver's one look at the time."""
    return datetime.now(UTC)


@policy(who=Who.ANYBODY, tenant=Tenant.TOKEN, rate=Rate.NOTIFICATION)
@require_http_methods(["GET", "POST"])
def notification(request: HttpRequest, collectivite_id: int, token: str) -> HttpResponse:
    """Store the message raw, commit, answer 200 whatever it says. An address that is not ours: 404 and a number.

    Beyond 64 KB of body, or of query string, the beginning is stored and the message remembered as cut.
    A payer knows his own notification address: after `MOST_MESSAGES` for one attempt the answer is 429, and no row.
    """
    now = clock()
    body, body_is_cut = beginning_of_body(request.META, longest=LONGEST_BODY)
    query = request.META.get("QUERY_STRING", "").encode("latin-1", errors="replace")
    content_type = request.META.get("regal.content_type", request.META.get("CONTENT_TYPE", ""))
    message = Message(
        method=request.method or "",
        query=query[:LONGEST_QUERY],
        body=body,
        content_type=_storable(content_type),
        received_at=now,
    )
    is_cut = body_is_cut or len(query) > LONGEST_QUERY
    if collectivite_id > LARGEST_KEY:
        count_stray(now=now)
        raise Http404
    with tenant(collectivite_id):
        attempt = attempt_by_notification_token(collectivite_id=collectivite_id, token=token)
        if attempt is not None:
            if has_heard_enough(attempt=attempt):
                return HttpResponse(status=429)
            receive(attempt=attempt, message=message, is_cut=is_cut, now=now)
            answer = _answer(attempt.account, message)
    if attempt is None:
        count_stray(now=now)
        raise Http404
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)


def _storable(text: str) -> str:
    """PostgreSQL's text holds neither a zero nor half a character."""
    return text.replace("\0", "").encode("utf-8", errors="replace").decode("utf-8")


def _answer(account: GatewayAccount, message: Message) -> HttpAnswer:
    """What the gateway wants to read. A contract that we can no longer open must not lose what was just stored."""
    try:
        return gateway_of(account).acknowledge(message, Verdict.HEARD)
    except (Misconfigured, VaultError) as failure:
        logger.error("account %s cannot be opened: %s", account.pk, type(failure).__name__)
        return HttpAnswer(status=200)
