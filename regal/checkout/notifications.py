"""What gateways tell us, server to server: stored, answered, and judged later by a worker."""

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from regal.collectivites.models import GatewayAccount
from regal.gateways.base import Gateway, Message, Misconfigured
from regal.lib.keys import is_key
from regal.lib.policy import Rate, Tenant, Who, policy
from regal.lib.request_body import beginning_of_body
from regal.lib.tenancy import tenant
from regal.lib.throttle import count_stray
from regal.lib.vault import VaultError
from regal.payments.accounts import gateway_of
from regal.payments.operations import Intake, intake, is_well_signed, receive, receive_for_account, verdict_on
from regal.payments.queries import (
    account_by_notification_token,
    attempt_by_notification_token,
    has_heard_enough_of_nobody,
)

logger = logging.getLogger("regal.checkout")

LONGEST_QUERY = LONGEST_BODY = 64 * 1024


def clock() -> datetime:
    """The receiver's one look at the time."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One request to an address of ours, as it came."""

    message: Message
    is_cut: bool


@policy(who=Who.ANYBODY, tenant=Tenant.TOKEN, rate=Rate.NOTIFICATION)
@require_http_methods(["GET", "POST"])
def notification(request: HttpRequest, collectivite_id: int, token: str) -> HttpResponse:
    """Store the message raw, commit, and answer what its gateway wants to read. An address not ours: 404 and a number.

    Beyond 64 KB of body, or of query string, the beginning is stored and the message remembered as cut.
    A payer knows his own notification address: after `MOST_MESSAGES` for one attempt the answer is 429, and no row,
    but for what its gateway signed.
    """
    now = clock()
    letter = _open(request, now=now)
    with _at(collectivite_id, now=now):
        attempt = attempt_by_notification_token(collectivite_id=collectivite_id, token=token)
        if attempt is not None:
            gateway = opened(attempt.account)
            becomes = intake(attempt=attempt, gateway=gateway, message=letter.message, is_cut=letter.is_cut)
            if becomes is Intake.TOO_MUCH:
                return HttpResponse(status=429)
            if becomes is Intake.STORE:
                receive(attempt=attempt, message=letter.message, is_cut=letter.is_cut, now=now)
    if attempt is None:
        count_stray(now=now)
        raise Http404
    return _answer(gateway, letter)


@policy(who=Who.ANYBODY, tenant=Tenant.TOKEN, rate=Rate.NOTIFICATION)
@require_http_methods(["GET", "POST"])
def account_notification(request: HttpRequest, collectivite_id: int, token: str) -> HttpResponse:
    """The same at an account's own address, which stands in the gateway's back office: no payer ever sees it.

    After `MOST_STRANGE_MESSAGES` in an hour that are of no attempt of the account: 429, and no row, but for what its
    gateway signed.
    """
    now = clock()
    letter = _open(request, now=now)
    with _at(collectivite_id, now=now):
        account = account_by_notification_token(collectivite_id=collectivite_id, token=token, now=now)
        if account is not None:
            gateway = opened(account)
            if has_heard_enough_of_nobody(account=account, now=now) and not _is_well_signed(gateway, letter):
                return HttpResponse(status=429)
            receive_for_account(account=account, message=letter.message, is_cut=letter.is_cut, now=now)
    if account is None:
        count_stray(now=now)
        raise Http404
    return _answer(gateway, letter)


def _open(request: HttpRequest, *, now: datetime) -> Letter:
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
    return Letter(message=message, is_cut=body_is_cut or len(query) > LONGEST_QUERY)


def _at(collectivite_id: int, *, now: datetime) -> AbstractContextManager[None]:
    """The tenant that an address names. Raises Http404 for a number that no row can have."""
    if not is_key(collectivite_id):
        count_stray(now=now)
        raise Http404
    return tenant(collectivite_id)


def _storable(text: str) -> str:
    """PostgreSQL's text holds neither a zero nor half a character."""
    return text.replace("\0", "").encode("utf-8", errors="replace").decode("utf-8")


def opened(account: GatewayAccount) -> Gateway | None:
    """None for a contract that we can no longer open: what it was told must not be lost for that."""
    try:
        return gateway_of(account)
    except (Misconfigured, VaultError) as failure:
        logger.error("account %s cannot be opened: %s", account.pk, type(failure).__name__)
        return None


def _is_well_signed(gateway: Gateway | None, letter: Letter) -> bool:
    return gateway is not None and is_well_signed(gateway=gateway, message=letter.message, is_cut=letter.is_cut)


def _answer(gateway: Gateway | None, letter: Letter) -> HttpResponse:
    """What the gateway wants to read, once the message is stored and committed."""
    if gateway is None:
        return HttpResponse(status=200)
    verdict = verdict_on(gateway=gateway, message=letter.message, is_cut=letter.is_cut)
    answer = gateway.acknowledge(letter.message, verdict)
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
