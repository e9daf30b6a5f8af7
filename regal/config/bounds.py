"""What no request to either host may do: send a large body, or choose how its own text is read.

A gateway may send a large body: its message is never refused for its length, and only the beginning is read.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from django.conf import settings

from regal.lib.request_body import announced_length
from regal.lib.uploads import LARGEST_LOGO, LARGEST_PAYMENTS_FILE

LONGEST_BODY = 64 * 1024
LARGEST_IMPORT = settings.IMPORT_MEGABYTES * 1024 * 1024
FILES = {  # on the bureau, the addresses that agents send files to; each route's policy says so too
    re.compile(r"(/en)?/[a-z0-9-]+/fichiers/"): LARGEST_PAYMENTS_FILE,
    re.compile(r"(/en)?/[a-z0-9-]+/factures/imports/nouveau/"): 2 * LARGEST_IMPORT,  # a page says what is too large
    re.compile(r"(/en)?/[a-z0-9-]+/reglages/apparence/"): LARGEST_LOGO,
}
NOTIFICATIONS = re.compile(r"/s/[np]/[0-9]+/[^/]+")  # on the guichet, the addresses that gateways call
_CHARSET = re.compile(r"""\s*;\s*charset\*?\s*=\s*("[^"]*"|[^;]*)""", re.IGNORECASE)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def bounded(
    application: Application,
    *,
    receiver: re.Pattern[str] | None = None,
    takers: Mapping[re.Pattern[str], int] = MappingProxyType({}),
) -> Application:
    """Answer 413 beyond 64 KB, before anything is read; drop the charset, so that text is UTF-8 for everybody.

    Paths that `receiver` matches whole are let through: they bound what they read themselves. Those that a pattern of
    `takers` matches whole take a file, of so many bytes.

    Django would look the charset up among Python's codecs, some of which are no text at all, while it builds the
    request: a 500 that no middleware can prevent. `regal.content_type` keeps what was sent.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        where = environ.get("PATH_INFO") or ""
        receives = receiver is not None and receiver.fullmatch(where) is not None
        length = announced_length(environ)
        most = LONGEST_BODY + max((size for path, size in takers.items() if path.fullmatch(where)), default=0)
        if not receives and (length is None or length > most):
            start_response("413 Content Too Large", [("Content-Length", "0"), ("Connection", "close")])
            return [b""]
        content_type = environ.get("CONTENT_TYPE") or ""
        environ["regal.content_type"] = content_type
        environ["CONTENT_TYPE"] = _CHARSET.sub("", content_type)
        return application(environ, start_response)

    return answer
