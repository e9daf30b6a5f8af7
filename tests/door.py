"""The guichet's whole WSGI application, asked as a server asks it: any bytes, any length announced."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.db import close_old_connections
from django.test import override_settings

from regal.config.bounds import NOTIFICATIONS, bounded
from tests.notices import FORM


class Body(BytesIO):
    """What a sender sends; it counts what is taken, and may break off where it ends."""

    def __init__(self, sent: bytes, *, breaks_off: bool = False) -> None:
        super().__init__(sent)
        self.taken = 0
        self.breaks_off = breaks_off

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert size >= 0, "a server would wait for the end of the connection"
        some = super().read(size)
        self.taken += len(some)
        if not some and size and self.breaks_off:
            raise OSError("the sender hung up")
        return some


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]


class Door:
    """Ask with `knock`; safe to use from several threads."""

    def __init__(self) -> None:
        self._application = bounded(WSGIHandler(), receiver=NOTIFICATIONS)

    def knock(
        self,
        path: str,
        body: bytes | Body = b"",
        *,
        method: str = "POST",
        query: bytes = b"",
        content_type: str = FORM,
        length: str | None = None,
        **more: str,
    ) -> Answer:
        """`length`: what the sender announces, the truth unless told otherwise; "" for nothing."""
        sent = body if isinstance(body, Body) else Body(body)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query.decode("latin-1"),
            "CONTENT_TYPE": content_type,
            "CONTENT_LENGTH": str(len(sent.getvalue())) if length is None else length,
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": sent,
            "wsgi.errors": StringIO(),
            **more,
        }
        said: list[Any] = []
        content = b"".join(self._application(environ, lambda status, headers: said.extend((status, headers))))
        return Answer(status=int(said[0].split()[0]), body=content, headers=dict(said[1]))


@contextmanager
def guichet_door() -> Iterator[Door]:
    """The guichet, until the test is over."""
    changes: dict[str, Any] = {
        "ROOT_URLCONF": "regal.config.urls_guichet",
        "MIDDLEWARE": settings.GUICHET_MIDDLEWARE,
        "ALLOWED_HOSTS": ["testserver"],
    }
    request_started.disconnect(close_old_connections)  # the test's own transaction stands open
    try:
        with override_settings(**changes):
            yield Door()
    finally:
        request_started.connect(close_old_connections)
