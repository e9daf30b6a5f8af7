"""The body of an HTTP request as WSGI gives it: how long it claims to be, and its beginning, whatever it claims."""

from collections.abc import Mapping
from typing import Any

_MOST_DIGITS = 18


def announced_length(environ: Mapping[str, Any]) -> int | None:
    """The length that a request announces, 0 if it announces none; None if what it announces is no number."""
    text = environ.get("CONTENT_LENGTH") or "0"
    if not (text.isascii() and text.isdecimal()):
        return None
    return int(text) if len(text) <= _MOST_DIGITS else 10**_MOST_DIGITS


def beginning_of_body(environ: Mapping[str, Any], *, longest: int) -> tuple[bytes, bool]:
    """At most the first `longest` bytes of the body, and whether some is missing: too long, or less than announced.

    One byte more is read, never two. A body in chunks announces no length and goes on to its end; a server that ends a
    broken one in silence (granian does) lets nobody know. Raises nothing: a sender who hangs up, or who announces
    nonsense, has sent what came.
    """
    announced = announced_length(environ)
    in_chunks = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    wanted = longest + 1 if in_chunks else min(announced or 0, longest + 1)
    came = bytearray()
    try:
        while len(came) < wanted and (some := environ["wsgi.input"].read(wanted - len(came))):
            came += some
    except OSError:
        return bytes(came[:longest]), True
    missing = not in_chunks and (announced is None or len(came) < wanted)
    return bytes(came[:longest]), missing or len(came) > longest
