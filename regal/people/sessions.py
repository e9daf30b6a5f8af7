"""Sessions that know whose they are, so that a person can see his and end them. Django's own, with four columns more.

What the columns say is kept in the session itself, and copied out of it at each saving. A session lives
`SESSION_COOKIE_AGE` from the moment it was opened, however often it is used.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db.models import QuerySet

from regal.people.models import Session

OPENED, SEEN, BROWSER = "opened_at", "seen_at", "browser"
PAUSE = timedelta(minutes=5)  # `seen_at` is no more exact than this: most pages then write nothing

# The first that is found: many browsers also claim to be others.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


class SessionStore(DatabaseStore):
    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session: Session = super().create_model_instance(data)  # type: ignore[assignment]
        if OPENED in data:
            session.opened_at = datetime.fromisoformat(data[OPENED])
            session.seen_at = datetime.fromisoformat(data[SEEN])
            session.browser = data[BROWSER]
            end = session.opened_at + timedelta(seconds=settings.SESSION_COOKIE_AGE)
            session.expire_date = min(session.expire_date, end)
        if SESSION_KEY in data:
            session.user_id = int(data[SESSION_KEY])
        return session


def note_use(*, session: SessionBase, user_agent: str, now: datetime) -> None:
    """Somebody is signed in here, with this browser, now."""
    if OPENED not in session:
        session[OPENED] = now.isoformat()
    browser = browser_in_two_words(user_agent)
    is_old = SEEN not in session or now - datetime.fromisoformat(session[SEEN]) >= PAUSE
    if is_old or session.get(BROWSER) != browser:
        session[SEEN], session[BROWSER] = now.isoformat(), browser


def browser_in_two_words(user_agent: str) -> str:
    """`Firefox, Windows`; "" for what names neither. Nothing else of what the browser says is kept."""
    found = [next((name for mark, name in names if mark in user_agent[:500]), None) for names in (_BROWSERS, _SYSTEMS)]
    return ", ".join(name for name in found if name)


def open_sessions(*, user_id: int, now: datetime) -> QuerySet[Session]:
    """Where somebody is signed in, the latest use first."""
    return Session.objects.filter(user_id=user_id, expire_date__gt=now, opened_at__isnull=False).order_by(
        "-seen_at", "pk"
    )


def end_sessions(*, user_id: int, but: str | None = None) -> int:
    """Sign somebody out everywhere, except in the session `but`; how many were ended."""
    ended, _ = Session.objects.filter(user_id=user_id).exclude(pk=but or "").delete()
    return ended


def purge_sessions(*, now: datetime) -> int:
    """Erase the sessions that are over; how many."""
    erased, _ = Session.objects.filter(expire_date__lte=now).delete()
    return erased
