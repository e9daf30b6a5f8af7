"""Speaking to other machines over HTTP: one client per process, and answers whose size and time are bounded.

`post` and `get` follow no redirect, check certificates, and turn all that can go wrong on the way into one exception:

    NoAnswer    `code` says where it broke; `sent` is False where nothing can have left us

A proxy and a private certificate authority are taken from the environment, as other programs do (HTTPS_PROXY, NO_PROXY,
SSL_CERT_FILE).
"""

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from time import monotonic
from typing import Any

import httpcore
import httpx

TIMEOUT_SECONDS = 15  # the whole of an answer, counted from the question
CONNECT_SECONDS = 5
IDLE_SECONDS = 20  # how long a connection that nobody uses is kept


class NoAnswer(Exception):
    """No whole answer came. `code` is one of: connect, tls, proxy, busy, timeout, cut, too_long, encoded."""

    def __init__(self, code: str, *, sent: bool = True) -> None:
        super().__init__(code)
        self.code = code
        self.sent = sent


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A whole answer, whatever its status."""

    status: int
    body: bytes


_replacement: httpx.Client | None = None


def outbound() -> httpx.Client:
    """The client of this process, made when first asked for; threads may share it."""
    return _replacement or _client_of(os.getpid())


@contextmanager
def replaced(client: httpx.Client) -> Iterator[httpx.Client]:
    """Let the whole process speak through another client meanwhile: to an application in memory, or to nobody."""
    global _replacement
    before, _replacement = _replacement, client
    try:
        yield client
    finally:
        _replacement = before


def post(client: httpx.Client, url: str, *, content: bytes, headers: Mapping[str, str], largest: int) -> Answer:
    """Post bytes, and read at most `largest` bytes back. Call it outside any transaction. Raises NoAnswer."""
    return _ask(client, "POST", url, content=content, headers=headers, largest=largest, seconds=TIMEOUT_SECONDS)


def get(client: httpx.Client, url: str, *, largest: int, seconds: float) -> Answer:
    """Read a page of at most `largest` bytes, within so many seconds. Call it as `post`. Raises NoAnswer."""
    return _ask(client, "GET", url, content=None, headers={}, largest=largest, seconds=seconds)


def _ask(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    content: bytes | None,
    headers: Mapping[str, str],
    largest: int,
    seconds: float,
) -> Answer:
    deadline = monotonic() + min(seconds, _patience.get())
    before = _deadline.set(deadline)
    asked = {**headers, "Accept-Encoding": "identity"}  # a compressed answer could be of any size
    try:
        with client.stream(method, url, content=content, headers=asked, follow_redirects=False) as response:
            if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
                raise NoAnswer("encoded")
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > largest:
                    raise NoAnswer("too_long")
                if monotonic() > deadline:
                    raise NoAnswer("timeout")
            return Answer(status=response.status_code, body=bytes(body))
    except httpx.HTTPError as error:
        raise _no_answer(error) from None
    finally:
        _deadline.reset(before)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let whatever is asked meanwhile, by this thread, take no longer than that: somebody waits for it."""
    before = _patience.set(min(seconds, _patience.get()))
    try:
        yield
    finally:
        _patience.reset(before)


def make_punctual(client: httpx.Client) -> httpx.Client:
    """Let a client's connections keep `post`'s deadline, through a proxy too.

    httpx counts its timeouts from one piece of an answer to the next: headers that come drop by drop have no end.
    """
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx.HTTPTransport):
            transport._pool._network_backend = _PunctualBackend(transport._pool._network_backend)
    return client


_patience: ContextVar[float] = ContextVar("patience", default=TIMEOUT_SECONDS)
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def _left(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """How long one step may still take. Raises `late` once the whole has lasted too long."""
    deadline = _deadline.get()
    if deadline is None:
        return timeout
    left = deadline - monotonic()
    if left <= 0:
        raise late("the whole answer took too long")
    return left if timeout is None else min(timeout, left)


class _PunctualBackend(httpcore.NetworkBackend):
    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._backend = backend

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **options: Any
    ) -> httpcore.NetworkStream:
        timeout = _left(timeout, httpcore.ConnectTimeout)
        return _PunctualStream(self._backend.connect_tcp(host, port, timeout, *args, **options))

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _PunctualStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = _left(timeout, httpcore.ConnectTimeout)
        return _PunctualStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _no_answer(error: httpx.HTTPError) -> NoAnswer:
    if isinstance(error, httpx.ConnectTimeout):
        return NoAnswer("connect", sent=False)
    if isinstance(error, httpx.PoolTimeout):
        return NoAnswer("busy", sent=False)
    if isinstance(error, httpx.ProxyError):
        return NoAnswer("proxy", sent=False)
    if isinstance(error, httpx.ConnectError):
        return NoAnswer("tls" if _is_about_tls(error) else "connect", sent=False)
    return NoAnswer("timeout" if isinstance(error, httpx.TimeoutException) else "cut")


def _is_about_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


@cache
def _client_of(process: int) -> httpx.Client:
    return make_punctual(
        httpx.Client(
            timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=IDLE_SECONDS),
            follow_redirects=False,
            headers={"User-Agent": "regal"},
        )
    )
