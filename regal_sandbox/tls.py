"""https in front of the pages: each connection is deciphered here and passed on to a listener of the loopback.

A connection that the pages cut, or reset, is cut or reset here too.
"""

import select
import socket
import ssl
import struct
import threading
from contextlib import suppress
from pathlib import Path

IDLE_SECONDS = 150
BLOCK = 65_536
MOST_CONNECTIONS = 64
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class TlsDoor:
    """Accepts on `listener`, passes on to the listener at `inside`."""

    def __init__(self, listener: socket.socket, inside: tuple[str, int], certificate: Path) -> None:
        self._listener = listener
        self._inside = inside
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._context.set_alpn_protocols(["http/1.1"])
        self._seats = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._thread = threading.Thread(target=self._run, name="tls", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                outside, _ = self._listener.accept()
            except OSError:
                return
            self._seats.acquire()
            threading.Thread(target=self._serve, args=(outside,), name="tls-connection", daemon=True).start()

    def _serve(self, outside: socket.socket) -> None:
        try:
            outside.settimeout(IDLE_SECONDS)
            with suppress(OSError), socket.create_connection(self._inside, timeout=IDLE_SECONDS) as inside:
                deciphered = self._context.wrap_socket(outside, server_side=True)
                outside = deciphered
                try:
                    _pass_on(deciphered, inside)
                except ConnectionResetError:
                    outside.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        finally:
            outside.close()
            self._seats.release()


def _pass_on(outside: ssl.SSLSocket, inside: socket.socket) -> None:
    """Both ways, until one side ends or both are silent for too long."""
    while True:
        if outside.pending():
            ready: list[socket.socket] = [outside]
        else:
            ready, _, _ = select.select([outside, inside], [], [], IDLE_SECONDS)
        if not ready:
            return
        for one in ready:
            received = one.recv(BLOCK)
            if not received:
                return
            (inside if one is outside else outside).sendall(received)
