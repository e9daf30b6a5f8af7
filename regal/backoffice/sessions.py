"""Where a person is signed in: note it on the way, list it, end it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from regal.audit.operations import record_on_platform
from regal.backoffice.redirects import see_page
from regal.lib.canonical import sha256_hex
from regal.lib.policy import Rate, Tenant, Who, policy
from regal.people.models import Session
from regal.people.sessions import end_sessions, note_use, open_sessions

MOST_SHOWN = 50


def clock() -> datetime:
    """These pages' one look at the time."""
    return datetime.now(UTC)


class NoteUse:
    """Note when and by which browser a session is used, once the page is made: signing in counts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.session.accessed and response.status_code < 500 and request.user.is_authenticated:
            note_use(session=request.session, user_agent=request.headers.get("user-agent", ""), now=clock())
        return response


@dataclass(frozen=True, kw_only=True)
class _ShownSession:
    handle: str
    opened_at: datetime | None
    seen_at: datetime | None
    browser: str
    is_current: bool


@policy(who=Who.SIGNED_IN, tenant=Tenant.NONE, rate=Rate.SIGN_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Every browser in which this person is signed in; end one of them, or all but this one."""
    user: Any = request.user
    now = clock()
    current = request.session.session_key
    there = list(open_sessions(user_id=user.pk, now=now))
    if request.method == "POST":
        return _end(request, user_id=user.pk, there=there, now=now)
    context = {
        "sessions": [
            _ShownSession(
                handle=_handle(session),
                opened_at=session.opened_at,
                seen_at=session.seen_at,
                browser=session.browser,
                is_current=session.session_key == current,
            )
            for session in there[:MOST_SHOWN]
        ],
        "others": sum(session.session_key != current for session in there),
    }
    return render(request, "backoffice/sessions.html", context)


def _end(request: HttpRequest, *, user_id: int, there: list[Session], now: datetime) -> HttpResponse:
    """One session, named by its handle, or all the others; never this one, which is what signing out is for."""
    current = request.session.session_key
    chosen = request.POST.get("session", "")
    if chosen:
        found = [one for one in there if _handle(one) == chosen and one.session_key != current]
        if not found:
            raise Http404
        found[0].delete()
        messages.success(request, _("Cette session est fermée."))
    else:
        ended = end_sessions(user_id=user_id, but=current)
        said = ngettext("%(number)s autre session est fermée.", "%(number)s autres sessions sont fermées.", ended)
        messages.success(request, said % {"number": ended})
    record_on_platform(action="end_sessions", subject=f"user {user_id}", now=now, actor_id=user_id)
    return see_page("sessions")


def _handle(session: Session) -> str:
    """What a form calls a session: not its key, with which anybody could take it over."""
    return sha256_hex(str(session.session_key).encode())[:20]
