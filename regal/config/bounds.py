"""What no request to either host may do: send a large body, or choose how its own text is read.

A gateway may send a large body: its message is never refused for its length, and only the beginning is read.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from regal.lib.request_body import announced_length

LONGEST_BODY = 64 * 1024
NOTIFICATIONS = re.compile(r"/s/n/[0-9]+/[^/]+")  # on the guichet, the addresses that gateways call
_CHARSET = re.compile(r"""\s*;\s*charset\*?\s*=\s*("[^"]*"|[^;]*)""", re.IGNORECASE)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def bounded(application: Application, *, receiver: re.Pattern[str] | None = None) -> Application:
    """Answer 413 beyond 64 KB, before anything is read; drop the charset, so that text is UTF-8 for everybody.

    Paths that `receiver` matches whole are let through: they bound what they read themselves.

    Django would look the charset up among Python's codecs, some of which are no text at all, while it builds the
    request: a 500 that no middleware can prevent. `regal.content_type` keeps what was sent.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        receives = receiver is not None and receiver.fullmatch(environ.get("PATH_INFO") or "") is not None
        length = announced_length(environ)
        if not receives and (length is None or length > LONGEST_BODY):
            start_response("413 Content Too Large", [("Content-Length", "0"), ("Connection", "close")])
            return [b""]
        content_type = environ.get("CONTENT_TYPE") or ""
        environ["regal.content_type"] = content_type
        environ["CONTENT_TYPE"] = _CHARSET.sub("", content_type)
        return application(environ, start_response)

    return answer
