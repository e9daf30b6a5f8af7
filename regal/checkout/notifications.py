"""What gateways tell us, server to server: stored, answered, and judged later by a worker."""

from datetime import UTC, datetime

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from regal.gateways.base import Message, Verdict
from regal.lib.policy import Rate, Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.payments.accounts import gateway_of
from regal.payments.operations import receive
from regal.payments.queries import attempt_by_notification_token

LONGEST_QUERY = 64 * 1024
LARGEST_KEY = 2**63 - 1


@policy(who=Who.ANYBODY, tenant=Tenant.TOKEN, rate=Rate.NOTIFICATION)
@require_POST
def notification(request: HttpRequest, collectivite_id: int, token: str) -> HttpResponse:
    """Store the message raw, commit, answer. An address that is not ours is a 404; a message beyond 64 KB a 413."""
    now = datetime.now(UTC)
    try:
        body = request.body
    except RequestDataTooBig:
        return HttpResponse(status=413)
    query = request.META.get("QUERY_STRING", "").encode("latin-1", errors="replace")
    if len(query) > LONGEST_QUERY:
        return HttpResponse(status=413)
    message = Message(
        method=request.method or "",
        query=query,
        body=body,
        content_type=request.META.get("CONTENT_TYPE", ""),
        received_at=now,
    )
    if collectivite_id > LARGEST_KEY:
        raise Http404
    with tenant(collectivite_id):
        attempt = attempt_by_notification_token(collectivite_id=collectivite_id, token=token)
        if attempt is None:
            raise Http404
        receive(attempt=attempt, message=message, now=now)
        gateway = gateway_of(attempt.account)
    answer = gateway.acknowledge(message, Verdict.HEARD)
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
