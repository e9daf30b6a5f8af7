"""What gateways tell us, server to server: stored, answered, and judged later by a worker."""

import logging
from datetime import UTC, datetime

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.http import require_POST

from regal.collectivites.models import GatewayAccount
from regal.gateways.base import HttpAnswer, Message, Misconfigured, Verdict
from regal.lib.policy import Rate, Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.lib.throttle import count_stray
from regal.lib.vault import VaultError
from regal.payments.accounts import gateway_of
from regal.payments.operations import receive
from regal.payments.queries import attempt_by_notification_token, has_heard_enough

logger = logging.getLogger("regal.checkout")

LONGEST_QUERY = LONGEST_BODY = 64 * 1024
LARGEST_KEY = 2**63 - 1


@policy(who=Who.ANYBODY, tenant=Tenant.TOKEN, rate=Rate.NOTIFICATION)
@require_POST
def notification(request: HttpRequest, collectivite_id: int, token: str) -> HttpResponse:
    """Store the message raw, commit, answer. An address that is not ours is a 404 and a number; beyond 64 KB: 413.

    A payer knows his own notification address: after `MOST_MESSAGES` for one attempt the answer is 429, and no row.
    """
    now = datetime.now(UTC)
    try:
        body = _body_of(request)
    except RequestDataTooBig:
        return HttpResponse(status=413)
    except UnreadablePostError:  # the sender hung up in the middle: nothing was said
        return HttpResponse(status=400)
    query = request.META.get("QUERY_STRING", "").encode("latin-1", errors="replace")
    if len(query) > LONGEST_QUERY:
        return HttpResponse(status=413)
    content_type = request.META.get("regal.content_type", request.META.get("CONTENT_TYPE", ""))
    message = Message(
        method=request.method or "",
        query=query,
        body=body,
        content_type=content_type.replace("\0", ""),  # PostgreSQL's text holds no zero
        received_at=now,
    )
    if collectivite_id > LARGEST_KEY:
        count_stray(now=now)
        raise Http404
    with tenant(collectivite_id):
        attempt = attempt_by_notification_token(collectivite_id=collectivite_id, token=token)
        if attempt is not None:
            if has_heard_enough(attempt=attempt):
                return HttpResponse(status=429)
            receive(attempt=attempt, message=message, now=now)
            answer = _answer(attempt.account, message)
    if attempt is None:
        count_stray(now=now)
        raise Http404
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)


def _body_of(request: HttpRequest) -> bytes:
    """The body, also of a message sent in chunks, whose length nobody announces: Django would read nothing of it."""
    chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    if not chunked or request.META.get("CONTENT_LENGTH"):
        return request.body
    try:
        body: bytes = request.META["wsgi.input"].read(LONGEST_BODY + 1)
    except OSError as error:
        raise UnreadablePostError(*error.args) from error
    if len(body) > LONGEST_BODY:
        raise RequestDataTooBig
    return body


def _answer(account: GatewayAccount, message: Message) -> HttpAnswer:
    """What the gateway wants to read. A contract that we can no longer open must not lose what was just stored."""
    try:
        return gateway_of(account).acknowledge(message, Verdict.HEARD)
    except (Misconfigured, VaultError) as failure:
        logger.error("account %s cannot be opened: %s", account.pk, type(failure).__name__)
        return HttpAnswer(status=200)
