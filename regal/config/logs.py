"""One line a record; nothing of a request's content, no e-mail, no name, no secret."""

import logging
import re

_EMAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_QUERY = re.compile(r"\?[^\s\"']*")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}|/invitation/\S+")


class LineFormatter(logging.Formatter):
    """`2026-11-24T08:00:00Z ERROR regal.payments message`; addresses, queries and tokens are blotted as a last net."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        for pattern, blot in ((_EMAIL, "…@…"), (_QUERY, "?…"), (_TOKEN, "…")):
            line = pattern.sub(blot, line)
        return line
