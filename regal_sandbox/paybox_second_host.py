"""Paybox's second host under its own names, for clients that know no other: what they ask leads to `/secours`."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from regal_sandbox.paybox_pages import BACKUP_PREFIX, is_paybox_path

NAMES = tuple(f"{host}.{domain}" for host in ("tpeweb1", "ppps1") for domain in ("paybox.com", "e-transactions.fr"))


class SecondHost:
    """WSGI middleware of the pages port, outside all others."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        name = environ.get("HTTP_HOST", "").partition(":")[0].lower()
        if name in NAMES and (is_paybox_path(path) or path == "/") and not path.startswith(f"{BACKUP_PREFIX}/"):
            environ["PATH_INFO"] = BACKUP_PREFIX + path
        return self._app(environ, start_response)
