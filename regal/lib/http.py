"""Speaking to other machines over HTTP: one client per process, and answers whose size and time are bounded.

`post` never follows a redirect, checks certificates, and turns all that can go wrong on the way into one exception:

    NoAnswer    `code` says where it broke; `sent` is False where nothing can have left us

A proxy and a private certificate authority are taken from the environment, as other programs do (HTTPS_PROXY, NO_PROXY,
SSL_CERT_FILE).
"""

import os
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

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
    deadline = time.monotonic() + TIMEOUT_SECONDS
    asked = {**headers, "Accept-Encoding": "identity"}  # a compressed answer could be of any size
    try:
        with client.stream("POST", url, content=content, headers=asked, follow_redirects=False) as response:
            if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
                raise NoAnswer("encoded")
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > largest:
                    raise NoAnswer("too_long")
                if time.monotonic() > deadline:
                    raise NoAnswer("timeout")
            return Answer(status=response.status_code, body=bytes(body))
    except httpx.HTTPError as error:
        raise _no_answer(error) from None


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
    return httpx.Client(
        timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=IDLE_SECONDS),
        follow_redirects=False,
        headers={"User-Agent": "regal"},
    )
