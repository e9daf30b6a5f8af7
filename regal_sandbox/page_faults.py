"""Faults in front of the payment pages: what a payer's browser meets when PayFiP, or the way to it, fails.

They act outside the pages themselves, as a failing front end would, and as often as the rules in `faults.py` say.
"""

from collections.abc import Iterable
from dataclasses import asdict
from io import BytesIO
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from waitress.channel import ClientDisconnected

from regal_sandbox.faults import PageFault, consume_page_fault
from regal_sandbox.journal import record
from regal_sandbox.world import World

PREFIX = "/tpa/"
MOST_WAITING = 4  # at once: half of the server's threads, so that the mailbox and the health page go on
ENTRIES = ("/tpa/paiement.web", "/tpa/accueilportail.web")
MAX_BODY_BYTES = 64 * 1024
HTML = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")]
UNAVAILABLE = """<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><title>503 – Bac à sable</title></head>
<body><h1>Service momentanément indisponible</h1>
<p>Le serveur ne peut pas répondre à votre demande. Veuillez réessayer plus tard.</p>
<p>Bac à sable\u00a0: panne demandée, aucune carte n’est débitée.</p></body></html>
""".encode()


class ConnectionCut(ClientDisconnected):
    """Leaves the server without answer: it closes the connection."""


class PageFaults:
    """WSGI middleware of the pages port."""

    def __init__(self, world: World, app: WSGIApplication) -> None:
        self._world = world
        self._app = app
        self._seats = BoundedSemaphore(MOST_WAITING)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return self._app(environ, start_response)
        fault = self._fault(environ, path)
        if fault is None:
            return self._app(environ, start_response)
        if fault.seconds:
            self._pause(fault.seconds)
        if fault.page == "slow":
            return self._app(environ, start_response)
        if fault.once_done:
            self._obey(environ)
        if fault.page == "cut":
            raise ConnectionCut(path)
        body = UNAVAILABLE if fault.page == "unavailable" else b""
        status = "503 Service Unavailable" if fault.page == "unavailable" else "200 OK"
        start_response(status, [*HTML, ("Content-Length", str(len(body)))])
        return [body]

    def _pause(self, seconds: float) -> None:
        """Keep the payer waiting, unless as many wait already as the server can spare."""
        if self._seats.acquire(blocking=False):
            try:
                self._world.pause(seconds)
            finally:
                self._seats.release()

    def _fault(self, environ: WSGIEnvironment, path: str) -> PageFault | None:
        """The fault of this request, noted in the journal; None: the page is served."""
        with self._world.store.transaction() as db:
            if db.execute("SELECT 1 FROM faults LIMIT 1").fetchone() is None:
                return None
            transaction = _transaction(db, path)
            numcli = transaction["numcli"] if transaction else _numcli_told(environ)
            fault = consume_page_fault(db, place="entry" if path in ENTRIES else "steps", numcli=numcli)
            if fault is not None:
                told = asdict(fault) | {"method": environ["REQUEST_METHOD"], "path": path}
                number = transaction["id"] if transaction else None
                record(self._world, db, "fault", told, numcli=numcli, transaction=number)
        return fault

    def _obey(self, environ: WSGIEnvironment) -> None:
        """Let the page do its work, and throw its answer away."""

        def ignore(*_: Any) -> Any:
            return lambda data: None

        answer = self._app(environ, ignore)
        for _ in answer:
            pass
        getattr(answer, "close", lambda: None)()


def _transaction(db: Any, path: str) -> Any:
    token = path.removeprefix("/tpa/transaction/").split("/")[0]
    return db.execute("SELECT id, numcli FROM transactions WHERE token = ?", (token,)).fetchone()


def _numcli_told(environ: WSGIEnvironment) -> str:
    """The `numcli` of the request, its body read and put back."""
    told = parse_qs(environ.get("QUERY_STRING", ""))
    length = environ.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and 0 < int(length) <= MAX_BODY_BYTES:
        body = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = BytesIO(body)
        told |= parse_qs(body.decode("latin-1"))
    return str(told.get("numcli", [""])[0])
