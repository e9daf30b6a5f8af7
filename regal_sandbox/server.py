"""The sandbox as running servers: one thread per port, and a few that send what is due."""

import logging
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from waitress.server import create_server

from regal_sandbox.sandbox import Sandbox
from regal_sandbox.smtp_sink import SmtpSink
from regal_sandbox.tls import TlsDoor
from regal_sandbox.world import LOOPBACK

logger = logging.getLogger(__name__)

DELIVERY_THREADS = 4  # one slow client must not hold up the others
LONGEST_PAUSE_SECONDS = 0.5


class PortBusy(Exception):
    """Somebody already listens there."""


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; raises PortBusy with a sentence for the operator."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as problem:
        listener.close()
        raise PortBusy(f"le port {port} de {host} n’est pas libre ({problem.strerror})") from None
    except OverflowError:
        listener.close()
        raise PortBusy(f"le port {port} n’existe pas\u00a0: ils vont de 0 à 65535") from None
    return listener


class WebServer:
    def __init__(self, app: Any, listener: socket.socket, name: str, *, scheme: str = "http") -> None:
        make: Any = create_server
        self._server: Any = make(app, sockets=[listener], threads=8, ident="bac-a-sable", url_scheme=scheme)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        try:
            self._server.run()
        except Exception:  # its sockets are closed by another thread, perhaps while it waits on them
            if not self._stopping:
                raise

    def stop(self) -> None:
        self._stopping = True
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=0.5)
        self._server.close()


class Deliverers:
    """Threads that send due notifications and e-mails, woken by the world's bell or every half second."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(verb,), name="delivery", daemon=True)
            for verb in [
                *[sandbox.notifications.deliver_one] * DELIVERY_THREADS,
                *[sandbox.paybox.deliver_one] * DELIVERY_THREADS,
                sandbox.close_remises,
                sandbox.mails.deliver_one,
            ]
        ]

    def start(self) -> None:
        self._sandbox.world.delivers = True
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask them to stop. One that waits for a slow client dies with the process; its row is still pending."""
        self._stopping.set()
        self._sandbox.world.ring()
        for thread in self._threads:
            thread.join(0.2)

    def _run(self, deliver_one: Callable[[], bool]) -> None:
        work = self._sandbox.world.work
        while not self._stopping.is_set():
            try:
                if deliver_one():
                    continue
            except Exception:
                if self._stopping.is_set():
                    return
                logger.exception("a delivery failed in a way nobody foresaw")
            with work:
                if not self._stopping.is_set():
                    work.wait(LONGEST_PAUSE_SECONDS)


class Servers:
    """Everything that listens or runs; `start` returns once all ports answer."""

    def __init__(
        self,
        sandbox: Sandbox,
        *,
        pages: socket.socket,
        control: socket.socket,
        smtp: socket.socket,
        towns: list[socket.socket],
        tls: tuple[socket.socket, Path] | None = None,
    ) -> None:
        """`tls`: where https is heard, and the file with the server's key and certificate."""
        self._door: TlsDoor | None = None
        self._web = [WebServer(sandbox.pages, pages, "pages"), WebServer(sandbox.control, control, "control")]
        for position, (app, listener) in enumerate(zip(sandbox.towns, towns, strict=True)):
            self._web.append(WebServer(app, listener, f"town-{position}"))
        if tls is not None:
            inside = listen(LOOPBACK, 0)
            self._web.append(WebServer(sandbox.pages, inside, "pages-https", scheme="https"))
            self._door = TlsDoor(tls[0], inside.getsockname()[:2], tls[1])
        self._smtp = SmtpSink(sandbox.world, smtp)
        self._deliverers = Deliverers(sandbox)

    def start(self) -> None:
        self._smtp.start()
        for server in self._web:
            server.start()
        if self._door is not None:
            self._door.start()
        self._deliverers.start()

    def stop(self) -> None:
        if self._door is not None:
            self._door.stop()
        for server in self._web:
            server.stop()
        self._smtp.stop()
        self._deliverers.stop()
