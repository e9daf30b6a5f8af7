"""Faults in front of the payment pages, of the web service and of Paybox Direct: what a payer's browser, or a program,
meets when PayFiP or Paybox, or the way to it, fails.

They act outside the pages and the service themselves, as a failing front end would, and as often as the rules in
`faults.py` say.
"""

import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import BytesIO
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from waitress.channel import ClientDisconnected

from regal_sandbox import soap
from regal_sandbox.faults import (
    DOCUMENTS,
    PageFault,
    ServiceFault,
    consume_direct_fault,
    consume_page_fault,
    consume_service_fault,
)
from regal_sandbox.journal import record
from regal_sandbox.paybox_direct_faults import CODES, DirectFault
from regal_sandbox.paybox_frames import CONTENT_TYPE, Frame, Reply, write_reply
from regal_sandbox.paybox_frames import PATHS as DIRECT_PATHS
from regal_sandbox.soap import Call, NotACall, read_call
from regal_sandbox.world import World
from regal_sandbox.wsdl import SERVICE_PATHS

PREFIX = "/tpa/"
MOST_WAITING = 4  # at once: half of the server's threads, so that the mailbox and the health page go on
ENTRIES = ("/tpa/paiement.web", "/tpa/accueilportail.web", "/tpa/paiementws.web")
PATIENCE = "regal_sandbox.patience_seconds"  # in the WSGI environment: how long a client in process waits
MAX_BODY_BYTES = 64 * 1024
HTML = "text/html; charset=utf-8"
UNAVAILABLE = """<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><title>503 – Bac à sable</title></head>
<body><h1>Service momentanément indisponible</h1>
<p>Le serveur ne peut pas répondre à votre demande. Veuillez réessayer plus tard.</p>
<p>Bac à sable\u00a0: panne demandée, aucune carte n’est débitée.</p></body></html>
""".encode()


class ConnectionCut(ClientDisconnected):
    """Leaves the server without answer: it closes the connection."""


class ConnectionReset(ConnectionCut):
    """Leaves the server as a crash would: the other side is told that the connection is no more."""


class AnswerTooLate(ConnectionCut):
    """A client in process waited as long as it was ready to."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: str
    headers: list[tuple[str, str]]
    body: bytes


class PageFaults:
    """WSGI middleware of the pages port."""

    def __init__(self, world: World, app: WSGIApplication) -> None:
        self._world = world
        self._app = app
        self._seats = BoundedSemaphore(MOST_WAITING)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        fault: PageFault | ServiceFault | DirectFault | None
        if path in DIRECT_PATHS:
            fault = self._direct_fault(environ, path)
        elif path.startswith(PREFIX):
            fault = self._service_fault(environ, path) if path in SERVICE_PATHS else self._page_fault(environ, path)
        else:
            return self._app(environ, start_response)
        if fault is None:
            return self._app(environ, start_response)
        answer = self._play(environ, fault)
        start_response(answer.status, answer.headers)
        if _what(fault) == "partial":
            return _cut_short(answer.body, path)
        return [answer.body]

    def _play(self, environ: WSGIEnvironment, fault: PageFault | ServiceFault | DirectFault) -> _Answer:
        """What is answered, once what must be obeyed was. Raises ConnectionCut."""
        what = _what(fault)
        answer = self._obey(environ) if fault.once_done else None
        too_late = self._pause(fault.seconds, environ.get(PATIENCE)) if fault.seconds else False
        if what in ("slow", "partial"):
            answer = answer or self._obey(environ)
        if too_late:
            raise AnswerTooLate(environ.get("PATH_INFO"))
        if what == "cut":
            raise ConnectionCut(environ.get("PATH_INFO"))
        if what == "reset":
            _discard_on_close(environ)
            raise ConnectionReset(environ.get("PATH_INFO"))
        if what in ("slow", "partial") and answer is not None:
            return answer
        if what in soap.TECHNICAL_FAULTS:
            return _answer("500 Internal Server Error", soap.technical_fault(what), soap.CONTENT_TYPE)
        if what in CODES:
            return _answer("200 OK", write_reply(Reply(code=what), Frame.read(_body(environ)), known={}), CONTENT_TYPE)
        if what == "unavailable":
            return _answer("503 Service Unavailable", UNAVAILABLE)
        return _answer("200 OK", b"")

    def _pause(self, seconds: float, patience: float | None) -> bool:
        """Keep the client waiting, unless as many wait already as the server can spare; whether he gave up."""
        if not self._seats.acquire(blocking=False):
            return False
        try:
            self._world.pause(seconds if patience is None else min(seconds, patience))
        finally:
            self._seats.release()
        return patience is not None and seconds >= patience

    def _page_fault(self, environ: WSGIEnvironment, path: str) -> PageFault | None:
        """The fault of this request, noted in the journal; None: the page is served."""
        with self._world.store.transaction() as db:
            if not _has_faults(db):
                return None
            transaction = _transaction(db, path, environ)
            numcli = transaction["numcli"] if transaction else _told(environ, "numcli")
            place = "entry" if path in ENTRIES else "steps"
            fault = consume_page_fault(db, place=place, numcli=numcli, now=self._world.now())
            if fault is not None:
                told = asdict(fault) | {"method": environ["REQUEST_METHOD"], "path": path}
                number = transaction["id"] if transaction else None
                record(self._world, db, "fault", told, numcli=numcli, transaction=number)
        return fault

    def _service_fault(self, environ: WSGIEnvironment, path: str) -> ServiceFault | None:
        """Likewise for a call of the web service."""
        with self._world.store.transaction() as db:
            if not _has_faults(db):
                return None
            call = None
            if environ["REQUEST_METHOD"] == "POST":
                with suppress(NotACall):
                    call = read_call(_body(environ), environ.get("CONTENT_TYPE", ""))
                operation = call.operation if call else ""
            else:
                operation = DOCUMENTS
            number, numcli = _about(db, call)
            fault = consume_service_fault(db, operation=operation, numcli=numcli, now=self._world.now())
            if fault is not None:
                told = asdict(fault) | {"method": environ["REQUEST_METHOD"], "path": path, "operation": operation}
                record(self._world, db, "fault", told, numcli=numcli, transaction=number)
        return fault

    def _direct_fault(self, environ: WSGIEnvironment, path: str) -> DirectFault | None:
        """Likewise for a question to Paybox Direct."""
        with self._world.store.transaction() as db:
            if not _has_faults(db):
                return None
            frame = Frame.read(_body(environ))
            fault = consume_direct_fault(
                db,
                type=frame.get("TYPE"),
                shop=f"{frame.get('SITE')}-{frame.get('RANG').lstrip('0').zfill(2)}",
                host="main" if path == DIRECT_PATHS[0] else "backup",
                now=self._world.now(),
            )
            if fault is not None:
                told = asdict(fault) | {"method": environ["REQUEST_METHOD"], "path": path, "type": frame.get("TYPE")}
                record(self._world, db, "fault", told, numcli=fault.merchant or "")
        return fault

    def _obey(self, environ: WSGIEnvironment) -> _Answer:
        """Let the page do its work, and keep its answer."""
        begun: list[Any] = []
        written: list[bytes] = []

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
            begun[:] = [status, headers]
            return written.append

        answer = self._app(environ, start)
        try:
            written.extend(answer)
        finally:
            getattr(answer, "close", lambda: None)()
        return _Answer(status=begun[0], headers=begun[1], body=b"".join(written))


def _what(fault: PageFault | ServiceFault | DirectFault) -> str:
    if isinstance(fault, PageFault):
        return fault.page
    return fault.service if isinstance(fault, ServiceFault) else fault.direct


def _answer(status: str, body: bytes, content_type: str = HTML) -> _Answer:
    headers = [("Content-Type", content_type), ("Cache-Control", "no-store"), ("Content-Length", str(len(body)))]
    return _Answer(status=status, headers=headers, body=body)


def _discard_on_close(environ: WSGIEnvironment) -> None:
    """Have the server's socket answer with a TCP reset when it closes; in process there is none."""
    channel = getattr(environ.get("waitress.client_disconnected"), "__self__", None)
    if channel is not None:
        channel.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _cut_short(body: bytes, path: str) -> Iterator[bytes]:
    """The first half of an answer, then nothing."""
    yield body[: len(body) // 2]
    raise ConnectionCut(path)


def _has_faults(db: Any) -> bool:
    return db.execute("SELECT 1 FROM faults LIMIT 1").fetchone() is not None


def _transaction(db: Any, path: str, environ: WSGIEnvironment) -> Any:
    if path == "/tpa/paiementws.web":
        idop = _told(environ, "idop")
        return db.execute("SELECT id, numcli FROM transactions WHERE idop = ?", (idop,)).fetchone()
    token = path.removeprefix("/tpa/transaction/").split("/")[0]
    return db.execute("SELECT id, numcli FROM transactions WHERE token = ?", (token,)).fetchone()


def _about(db: Any, call: Call | None) -> tuple[int | None, str]:
    """The transaction and the client of a call."""
    told = call.arguments if call else {}
    row = db.execute("SELECT id, numcli FROM transactions WHERE idop = ?", (told.get("idOp"),)).fetchone()
    if row is not None:
        return row["id"], row["numcli"]
    return None, told.get("numcli") or told.get("numCli") or ""


def _told(environ: WSGIEnvironment, name: str) -> str:
    """One parameter of the request, from its address or its form."""
    told = parse_qs(environ.get("QUERY_STRING", ""))
    told |= parse_qs(_body(environ).decode("latin-1"))
    return str(told.get(name, [""])[0])


def _body(environ: WSGIEnvironment) -> bytes:
    """The body of the request, read and put back; empty when it is larger than any."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or not 0 < int(length) <= MAX_BODY_BYTES:
        return b""
    body: bytes = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = BytesIO(body)
    return body
