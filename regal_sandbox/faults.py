"""Rules that disturb notifications, payment pages, the web service, Paybox's calls, Paybox Direct or e-mails: for
the next N times they match, or each time, always or between two moments of the sandbox's clock."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from regal_sandbox.means import MEANS, resultrans
from regal_sandbox.paybox_direct_faults import DirectFault, direct_fault
from regal_sandbox.paybox_faults import LATE, IpnFault, ipn_fault
from regal_sandbox.settings import TRANSPORTS
from regal_sandbox.shapes import BadShape, Shape, is_printable
from regal_sandbox.soap import ARGUMENTS, TECHNICAL_FAULTS
from regal_sandbox.store import moment, stamp
from regal_sandbox.transaction import Transaction


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """What happens to one notification; of the web service, to the result itself as well."""

    drop: bool = False
    delay_seconds: float = 0
    duplicate: int = 0  # further copies
    reorder: bool = False  # held back until a later notification has been tried
    transport: str | None = None
    alter: dict[str, str | None] = field(default_factory=dict)  # None: the field is left out
    late_seconds: float = 0  # of the web service: how much later than the payer the service knows the result
    early_notification: bool = False  # it is then notified before it is known

    def and_then(self, other: "Disturbance") -> "Disturbance":
        """Both at once; where they contradict each other, the later rule wins."""
        return Disturbance(
            drop=self.drop or other.drop,
            delay_seconds=self.delay_seconds + other.delay_seconds,
            duplicate=self.duplicate + other.duplicate,
            reorder=self.reorder or other.reorder,
            transport=other.transport or self.transport,
            alter={**self.alter, **other.alter},
            late_seconds=self.late_seconds + other.late_seconds,
            early_notification=self.early_notification or other.early_notification,
        )


PAGE_FAULTS = ("unavailable", "empty", "slow", "cut", "reset")
PLACES = ("entry", "steps")
SERVICE_FAULTS = (*TECHNICAL_FAULTS, *PAGE_FAULTS, "partial")
DOCUMENTS = "wsdl"  # its description, beside its operations
SERVICE_PLACES = (*ARGUMENTS, DOCUMENTS)
OUTCOMES = tuple(sorted({letter for means in MEANS.values() for letter in means.letters.values()}))


@dataclass(frozen=True, kw_only=True)
class PageFault:
    """What happens to one request for a payment page, instead of its answer."""

    page: str  # one of PAGE_FAULTS
    seconds: float = 0  # how long before it happens
    once_done: bool = False  # the request is obeyed first, and only its answer is lost
    on: str | None = None  # one of PLACES; None: both


@dataclass(frozen=True, kw_only=True)
class ServiceFault:
    """What happens to one call of the web service, instead of its answer."""

    service: str  # one of SERVICE_FAULTS
    seconds: float = 0  # how long before it happens
    once_done: bool = False  # the call is obeyed first, and only its answer is lost, or late
    operation: str | None = None  # one of SERVICE_PLACES; None: any operation, not the documents


MAIL_FAULTS = ("unavailable",)


@dataclass(frozen=True, kw_only=True)
class MailFault:
    """What happens to one e-mail brought to the mailbox, instead of being kept."""

    mail: str  # one of MAIL_FAULTS: the server says that it cannot take it now
    sender: str | None = None
    recipient: str | None = None

    def matches(self, *, sender: str, recipients: Sequence[str]) -> bool:
        return self.sender in (None, sender) and self.recipient in (None, *recipients)


@dataclass(frozen=True, kw_only=True)
class Fault:
    id: int = 0
    next: int | None = None  # how many are still to be disturbed; None: all
    numcli: str | None = None
    refdet: str | None = None
    outcome: str | None = None  # one of OUTCOMES, as it really was
    disturbance: Disturbance = field(default_factory=Disturbance)
    page: PageFault | None = None  # set: the rule is about payment pages, not about notifications
    service: ServiceFault | None = None  # set: about the web service
    ipn: IpnFault | None = None  # set: about Paybox's calls to a merchant
    direct: DirectFault | None = None  # set: about Paybox Direct
    mail: MailFault | None = None  # set: about e-mails
    since: datetime | None = None  # on the sandbox's clock; None: from now on
    until: datetime | None = None  # that moment excluded; None: no end

    def is_on(self, now: datetime) -> bool:
        return (self.since is None or self.since <= now) and (self.until is None or now < self.until)

    def matches(self, transaction: Transaction) -> bool:
        return (
            self.page is None
            and self.service is None
            and self.ipn is None
            and self.direct is None
            and self.mail is None
            and self.numcli in (None, transaction.numcli)
            and self.refdet in (None, transaction.refdet)
            and self.outcome in (None, resultrans(transaction.means, transaction.state))
        )

    def to_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"id": self.id, "next": self.next, "numcli": self.numcli}
        if self.since is not None:
            told["from"] = stamp(self.since)
        if self.until is not None:
            told["until"] = stamp(self.until)
        special = self.page or self.service or self.ipn or self.direct or self.mail
        if special is not None:
            return told | asdict(special)
        return told | {"refdet": self.refdet, "outcome": self.outcome} | asdict(self.disturbance)


def _disturbance(shape: Shape) -> Disturbance:
    alter: dict[str, str | None] = {}
    for name, value in shape.mapping("alter").items():
        if not is_printable(name) or not (value is None or (isinstance(value, str) and is_printable(value))):
            raise BadShape(f"alter.{name}: a text, or null to leave the field out, is expected")
        alter[name] = value
    if shape.has("resultrans"):
        alter["resultrans"] = shape.text("resultrans", max_length=10)
    return Disturbance(
        drop=shape.boolean("drop", False),
        delay_seconds=shape.number("delay_seconds", 0),
        duplicate=shape.integer("duplicate", 0, most=100),
        reorder=shape.boolean("reorder", False),
        transport=shape.choice("transport", TRANSPORTS) if shape.has("transport") else None,
        alter=alter,
        late_seconds=shape.number("late_seconds", 0, most=10**7),
        early_notification=shape.boolean("early_notification", False),
    )


def disturbance_from_json(value: object) -> Disturbance:
    """The disturbance alone, for a notification sent again by hand. Raises BadShape."""
    shape = Shape(value, "resend")
    disturbance = _disturbance(shape)
    shape.done()
    return disturbance


def _page_fault(shape: Shape) -> PageFault:
    return PageFault(
        page=shape.choice("page", PAGE_FAULTS),
        seconds=shape.number("seconds", 0, most=120),
        once_done=shape.boolean("once_done", False),
        on=shape.choice("on", PLACES) if shape.has("on") else None,
    )


def _service_fault(shape: Shape) -> ServiceFault:
    return ServiceFault(
        service=shape.choice("service", SERVICE_FAULTS),
        seconds=shape.number("seconds", 0, most=300),
        once_done=shape.boolean("once_done", False),
        operation=shape.choice("operation", SERVICE_PLACES) if shape.has("operation") else None,
    )


def _moment(shape: Shape, member: str) -> datetime | None:
    told = shape.optional_text(member)
    if told is None:
        return None
    try:
        read = datetime.fromisoformat(told)
        if read.tzinfo is None:
            raise ValueError(told)
        return moment(stamp(read))
    except (ValueError, OverflowError):
        raise BadShape(f"fault.{member}: a moment with its offset, such as 2026-03-31T12:00:00+02:00") from None


def fault_from_json(value: object) -> Fault:
    """A rule about payment pages when it has the member `page`, about the web service when it has `service`, about
    Paybox's calls when it has `ipn`, about Paybox Direct when it has `direct`, about e-mails when it has `mail`,
    about notifications and results otherwise. Raises BadShape."""
    shape = Shape(value, "fault")
    common: dict[str, Any] = {
        "next": shape.optional_integer("next", least=1),
        "numcli": shape.optional_text("numcli"),
        "since": _moment(shape, "from"),
        "until": _moment(shape, "until"),
    }
    if shape.has("page"):
        page = _page_fault(shape)
        shape.done()
        if page.page == "slow" and not page.seconds:
            raise BadShape("fault: this rule does nothing; a slow page takes some seconds")
        return Fault(page=page, **common)
    if shape.has("service"):
        service = _service_fault(shape)
        shape.done()
        if service.service == "slow" and not service.seconds:
            raise BadShape("fault: this rule does nothing; a slow answer takes some seconds")
        return Fault(service=service, **common)
    if shape.has("ipn"):
        ipn = ipn_fault(shape)
        shape.done()
        if ipn.ipn == LATE and not ipn.seconds:
            raise BadShape("fault: this rule does nothing; a late call takes some seconds")
        return Fault(ipn=ipn, **common)
    if shape.has("direct"):
        direct = direct_fault(shape)
        shape.done()
        return Fault(direct=direct, **common)
    if shape.has("mail"):
        mail = MailFault(
            mail=shape.choice("mail", MAIL_FAULTS),
            sender=shape.optional_text("sender"),
            recipient=shape.optional_text("recipient"),
        )
        shape.done()
        return Fault(mail=mail, **common)
    fault = Fault(
        **common,
        refdet=shape.optional_text("refdet"),
        outcome=shape.choice("outcome", OUTCOMES) if shape.has("outcome") else None,
        disturbance=_disturbance(shape),
    )
    shape.done()
    if fault.disturbance == Disturbance():
        raise BadShape("fault: this rule does nothing; say what it disturbs")
    return fault


def add_fault(db: sqlite3.Connection, fault: Fault) -> Fault:
    stored = json.dumps(asdict(fault), default=stamp)
    cursor = db.execute("INSERT INTO faults (value, remaining) VALUES (?, ?)", (stored, fault.next))
    return replace(fault, id=int(cursor.lastrowid or 0))


def list_faults(db: sqlite3.Connection) -> list[Fault]:
    faults = []
    for row in db.execute("SELECT * FROM faults ORDER BY id"):
        told = json.loads(row["value"])
        told["disturbance"] = Disturbance(**told["disturbance"])
        told["page"] = PageFault(**told["page"]) if told.get("page") else None
        told["service"] = ServiceFault(**told["service"]) if told.get("service") else None
        told["ipn"] = IpnFault(**told["ipn"]) if told.get("ipn") else None
        told["direct"] = DirectFault(**told["direct"]) if told.get("direct") else None
        told["mail"] = MailFault(**told["mail"]) if told.get("mail") else None
        for name in ("since", "until"):
            told[name] = moment(told[name]) if told.get(name) else None
        faults.append(replace(Fault(**told), id=row["id"], next=row["remaining"]))
    return faults


def delete_fault(db: sqlite3.Connection, number: int) -> bool:
    return db.execute("DELETE FROM faults WHERE id = ?", (number,)).rowcount > 0


def delete_faults(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM faults")


def consume_faults(
    db: sqlite3.Connection, transaction: Transaction, now: datetime, *, late_only: bool = False
) -> Disturbance:
    """What the matching rules do to this outcome; each counted rule is used once, and disappears with its last use.

    With `late_only`, those that make its result late: nobody is to be notified.
    """
    disturbance = Disturbance()
    for fault in list_faults(db):
        if late_only and not fault.disturbance.late_seconds:
            continue
        if fault.is_on(now) and fault.matches(transaction):
            disturbance = disturbance.and_then(fault.disturbance)
            _use(db, fault, now)
    return disturbance


def consume_page_fault(db: sqlite3.Connection, *, place: str, numcli: str, now: datetime) -> PageFault | None:
    """The oldest rule that matches a request for a payment page, used once; None when the page is to be served."""
    for fault in list_faults(db):
        if fault.page and fault.page.on in (None, place) and fault.numcli in (None, numcli) and fault.is_on(now):
            _use(db, fault, now)
            return fault.page
    return None


def consume_service_fault(db: sqlite3.Connection, *, operation: str, numcli: str, now: datetime) -> ServiceFault | None:
    """Likewise for a call of the web service, or for its documents (`wsdl`)."""
    for fault in list_faults(db):
        if fault.service is None or fault.numcli not in (None, numcli) or not fault.is_on(now):
            continue
        if fault.service.operation == operation or (fault.service.operation is None and operation != DOCUMENTS):
            _use(db, fault, now)
            return fault.service
    return None


def consume_ipn_faults(
    db: sqlite3.Connection, *, merchant: str, reference: str, code: str, now: datetime
) -> list[IpnFault]:
    """Every rule that matches a try at Paybox's card page, used once."""
    found = []
    for fault in list_faults(db):
        if fault.ipn and fault.is_on(now) and fault.ipn.matches(merchant=merchant, reference=reference, code=code):
            _use(db, fault, now)
            found.append(fault.ipn)
    return found


def consume_direct_fault(
    db: sqlite3.Connection, *, type: str, shop: str, host: str, now: datetime
) -> DirectFault | None:
    """The oldest rule that matches a question to Paybox Direct, used once; None when it is to be answered."""
    for fault in list_faults(db):
        if fault.direct and fault.is_on(now) and fault.direct.matches(type=type, shop=shop, host=host):
            _use(db, fault, now)
            return fault.direct
    return None


def consume_mail_fault(
    db: sqlite3.Connection, *, sender: str, recipients: Sequence[str], now: datetime
) -> MailFault | None:
    """The oldest rule that matches an e-mail brought to the mailbox, used once; None when it is to be kept."""
    for fault in list_faults(db):
        if fault.mail and fault.is_on(now) and fault.mail.matches(sender=sender, recipients=recipients):
            _use(db, fault, now)
            return fault.mail
    return None


def count_uses(db: sqlite3.Connection) -> int:
    """How many times a rule disturbed something since the sandbox was last emptied."""
    return int(db.execute("SELECT count(*) FROM fault_uses").fetchone()[0])


def list_uses(db: sqlite3.Connection, *, limit: int, rule: int | None = None) -> list[dict[str, Any]]:
    """Of one rule or of all, the newest first: when, and the rule as it then stood."""
    rows = db.execute(
        "SELECT * FROM fault_uses WHERE fault = coalesce(?, fault) ORDER BY id DESC LIMIT ?", (rule, limit)
    )
    return [{"id": row["id"], "at": row["at"], "rule": json.loads(row["value"])} for row in rows]


def _use(db: sqlite3.Connection, fault: Fault, now: datetime) -> None:
    db.execute(
        "INSERT INTO fault_uses (at, fault, value) VALUES (?, ?, ?)",
        (stamp(now), fault.id, json.dumps(fault.to_json())),
    )
    if fault.next is not None and fault.next > 1:
        db.execute("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", (fault.id,))
    elif fault.next is not None:
        delete_fault(db, fault.id)
