"""Paybox Direct: one question in a form, one line of text as the answer.

Facts and sources: `docs/protocols/paybox.md`, "Paybox Direct". The answer is Latin-1, is not URL-encoded, and carries
no signature: TLS is all that protects it. It must repeat the number of the question; on an error it may say no more
than its code. Nothing is ever asked twice here but what changes nothing, or what certainly never left.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

import httpx

from regal.gateways.base import GatewayFailure, Misconfigured, Refused, Unreachable, Unreadable
from regal.gateways.paybox.account import Hosts, PayboxAccount
from regal.gateways.paybox.codes import ASK_BACKUP, BROKEN, DONE, NOT_FOUND, NUMBER_USED
from regal.lib import paris
from regal.lib.canonical import digest, sha256_hex
from regal.lib.http import NoAnswer, post
from regal.lib.vault import Secret

VERSION = "00103"  # Direct; 00104 is Direct Plus, for cards that are kept
LARGEST_NUMBER = 2_147_483_647
LARGEST_ANSWER = 16 * 1024  # bytes; a whole one has fewer than 500

EXISTS, INQUIRY, CANCEL, REFUND = "00011", "00017", "00005", "00014"
CHANGES_NOTHING = frozenset({EXISTS, INQUIRY})

_PASSWORD = re.compile(rb"[\x21-\x7e]{1,10}")
_CODE = re.compile(r"[0-9A-Z]{5}")
_DIGITS = re.compile(r"[0-9]{1,10}")
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer: its code, its fields as text, outer spaces apart."""

    code: str
    fields: Mapping[str, str]
    digest: str  # SHA-256 of the bytes, in hexadecimal

    @property
    def digest_of_content(self) -> str:
        """Of all that it says but the number of our question: the same answer to another question has the same."""
        return digest({name: value for name, value in self.fields.items() if name != "NUMQUESTION"})

    def number(self, name: str) -> str | None:
        """A number without the zeros in front, in a short or a padded form; zero is none. Raises Unreadable."""
        value = self.fields.get(name, "")
        if value and not _DIGITS.fullmatch(value):
            raise Unreadable("malformed_field")
        return value.lstrip("0") or None

    def required_number(self, name: str) -> str:
        """Raises Unreadable."""
        found = self.number(name)
        if found is None:
            raise Unreadable("missing_field")
        return found


@dataclass(frozen=True, kw_only=True)
class Direct:
    """The way to one account's Direct."""

    account: PayboxAccount
    hosts: Hosts
    password: Secret
    http: httpx.Client

    def put(self, kind: str, *, number: int, at: datetime, arguments: Mapping[str, str]) -> Reply:
        """Put one question, or give one order: the answer of code DONE, and of a question also NOT_FOUND.

        Raises Unreachable: connect, tls, proxy, busy (nothing was sent); timeout, cut, too_long, encoded, empty,
        not_a_frame, http_NNN, or `direct_` and a code after which nothing is known. Refused: `direct_` and the code
        (direct_00018: not found). Unreadable: repeated_field, malformed_field, another_question.

        The backup host is asked where the main one certainly heard nothing; and, of what changes nothing, where it
        says that it cannot answer.
        """
        frame = self._frame(kind, number=number, at=at, arguments=arguments)
        is_question = kind in CHANGES_NOTHING
        backup = self.hosts.direct_backup
        try:
            reply = self._ask(self.hosts.direct, frame, number)
        except Unreachable as unreachable:
            if unreachable.sent or not backup:
                raise
            reply = self._ask(backup, frame, number)
        else:
            if is_question and reply.code in ASK_BACKUP and backup:
                reply = self._ask(backup, frame, number)
        if reply.code == DONE or (is_question and reply.code == NOT_FOUND):
            return reply
        raise _failure_of(reply.code)

    def _frame(self, kind: str, *, number: int, at: datetime, arguments: Mapping[str, str]) -> bytes:
        if not 1 <= number <= LARGEST_NUMBER:
            raise ValueError("every question to Direct has a number of its own")
        account = self.account
        fields = {
            "VERSION": VERSION,
            "TYPE": kind,
            "SITE": account.site,
            "RANG": account.rank,
            "CLE": self.password.reveal_text(),
            "NUMQUESTION": f"{number:010d}",
            "DATEQ": f"{paris.to_paris(at):%d%m%Y%H%M%S}",
            **arguments,
        }
        return urlencode(fields, encoding="ascii").encode("ascii")

    def _ask(self, address: str, frame: bytes, number: int) -> Reply:
        try:
            answer = post(self.http, f"{address}PPPS.php", content=frame, headers=_HEADERS, largest=LARGEST_ANSWER)
        except NoAnswer as none:
            raise Unreachable(none.code, sent=none.sent) from None
        if answer.status != 200:
            raise Unreachable(f"http_{answer.status}")
        reply = read_reply(answer.body)
        self._check_whose(reply, number)
        return reply

    def _check_whose(self, reply: Reply, number: int) -> None:
        """An answer to another question is none; an error may have no more than its code."""
        echoed = reply.number("NUMQUESTION")
        if echoed != str(number) and not (echoed is None and reply.code != DONE):
            raise Unreadable("another_question")


def check_password(password: Secret) -> None:
    """Raises Misconfigured."""
    if not _PASSWORD.fullmatch(password.reveal()):
        raise Misconfigured("direct", "malformed")


def read_reply(body: bytes) -> Reply:
    """Cut a line of Latin-1 at its `&` and `=`; nothing in it is encoded. Raises Unreachable, Unreadable.

    A line in UTF-8 would be read as such: no letter of it means anything in both but those that are the same.
    """
    if not body.strip():
        raise Unreachable("empty")
    try:
        line = body.decode("utf-8")
    except UnicodeDecodeError:
        line = body.decode("latin-1")
    fields: dict[str, str] = {}
    for piece in line.strip().split("&"):
        name, equals, value = piece.partition("=")
        if not equals:
            continue  # the end of a comment that held an "&"
        if name in fields:
            raise Unreadable("repeated_field")
        fields[name] = value.strip()
    if "CODEREPONSE" not in fields:
        raise Unreachable("not_a_frame")
    if not _CODE.fullmatch(fields["CODEREPONSE"]):
        raise Unreadable("malformed_field")
    return Reply(code=fields["CODEREPONSE"], fields=fields, digest=sha256_hex(body))


def _failure_of(code: str) -> GatewayFailure:
    """After a number that was heard before, nothing is known either: what was done then, was done."""
    named = f"direct_{code}"
    return Unreachable(named) if code in BROKEN | NUMBER_USED else Refused(named)
