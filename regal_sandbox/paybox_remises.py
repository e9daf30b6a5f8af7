"""The night: what was captured goes to the bank, one remise for each site and rank, and its file to the merchant.

On the sandbox's clock. Nothing waits for the hour: whoever looks at the ledger first collects what the nights that have
passed would have collected, each night for itself.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from regal_sandbox.mailbox import store_mail
from regal_sandbox.paris import PARIS, in_paris, paris_day
from regal_sandbox.paybox_files import CANCELLED, CREDIT, DEBIT, File, Line, Shop, write_daily, write_export, write_vision
from regal_sandbox.paybox_merchants import Merchant, find_merchant
from regal_sandbox.paybox_operations import CANCELLED as STATE_CANCELLED
from regal_sandbox.paybox_operations import CREDIT as KIND_CREDIT
from regal_sandbox.paybox_operations import Operation, list_operations
from regal_sandbox.settings import read_settings
from regal_sandbox.shapes import BadShape
from regal_sandbox.store import moment, stamp
from regal_sandbox.world import World

FILES = ("remise", "export", "vision")


@dataclass(frozen=True, kw_only=True)
class Remise:
    id: int
    site: str
    rank: int
    number: str
    closed_at: datetime
    debits: int
    debit_cents: int
    credits: int
    credit_cents: int

    @property
    def day(self) -> date:
        return paris_day(self.closed_at)

    @property
    def cents(self) -> int:
        """What the bank credits."""
        return self.debit_cents - self.credit_cents

    def to_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "site": self.site,
            "rank": self.rank,
            "day": self.day.isoformat(),
            "closed_at": stamp(self.closed_at),
            "debits": self.debits,
            "debit_cents": self.debit_cents,
            "credits": self.credits,
            "credit_cents": self.credit_cents,
            "cents": self.cents,
        }


def next_night(after: datetime, *, hour: int) -> datetime:
    """The first moment strictly later than `after` at which remises are closed."""
    here = in_paris(after)
    night = datetime.combine(here.date(), time(hour), PARIS)
    if night.astimezone(UTC) <= after:
        night = datetime.combine(here.date() + timedelta(days=1), time(hour), PARIS)
    return night.astimezone(UTC)


def collect_due(world: World, db: sqlite3.Connection) -> list[Remise]:
    """Close the remises of the nights that have passed."""
    hour, now = read_settings(db).paybox_remise_hour, world.now()
    nights: dict[tuple[datetime, str, int], list[int]] = {}
    for row in _waiting(db, now):
        night = next_night(moment(row["collect_at"]), hour=hour)
        if night <= now:
            nights.setdefault((night, row["site"], row["rank"]), []).append(row["id"])
    return [_close(world, db, site, rank, night, nights[night, site, rank]) for night, site, rank in sorted(nights)]


def collect_now(world: World, db: sqlite3.Connection, *, site: str | None = None) -> list[Remise]:
    """Close them at once, as if this were the hour."""
    closed, now = collect_due(world, db), world.now()
    shops: dict[tuple[str, int], list[int]] = {}
    for row in _waiting(db, now):
        if site in (None, row["site"]):
            shops.setdefault((row["site"], row["rank"]), []).append(row["id"])
    return closed + [_close(world, db, *shop, now, shops[shop]) for shop in sorted(shops)]


def let_the_night_pass(world: World) -> list[Remise]:
    """Move the clock to the same hour of the next day, in Paris; what that night collected."""
    with world.store.transaction() as db:
        closed = collect_due(world, db)
        here = in_paris(world.now())
        there = datetime.combine(here.date() + timedelta(days=1), here.time(), PARIS)
        world.clock.advance((there.astimezone(UTC) - here.astimezone(UTC)).total_seconds())
        closed += collect_due(world, db)
    world.ring()
    return closed


def _waiting(db: sqlite3.Connection, now: datetime) -> list[sqlite3.Row]:
    return db.execute(
        "SELECT id, site, rank, collect_at FROM paybox_operations"
        " WHERE state = 'captured' AND remise_id IS NULL AND collect_at <= ? ORDER BY id",
        (stamp(now),),
    ).fetchall()


def _close(world: World, db: sqlite3.Connection, site: str, rank: int, at: datetime, found: Iterable[int]) -> Remise:
    cursor = db.execute(
        "INSERT INTO paybox_remises (site, rank, number, closed_at) VALUES (?, ?, '', ?)", (site, rank, stamp(at))
    )
    number = int(cursor.lastrowid or 0)
    db.execute("UPDATE paybox_remises SET number = ? WHERE id = ?", (f"{number:09d}", number))
    db.executemany("UPDATE paybox_operations SET remise_id = ? WHERE id = ?", [(number, one) for one in found])
    db.execute(
        "UPDATE paybox_operations SET remise_id = ? WHERE site = ? AND rank = ? AND state = 'cancelled'"
        " AND remise_id IS NULL AND at < ?",
        (number, site, rank, stamp(at)),
    )
    remise = get_remise(db, number)
    merchant = find_merchant(db, site, rank)
    if merchant is not None and merchant.email:
        _send(world, db, merchant, remise)
    return remise


def _send(world: World, db: sqlite3.Connection, merchant: Merchant, remise: Remise) -> None:
    file = remise_file(db, remise)
    message = EmailMessage(policy=SMTP)
    sender = read_settings(db).mail_from
    message["From"], message["To"] = sender, merchant.email
    message["Subject"] = f"Bac à sable – Paybox – remise {remise.number} du {remise.day:%d/%m/%Y}"
    message["Date"] = world.now()
    message["Message-ID"] = f"<remise-{remise.id}.{world.draw('remise', remise.id)[:12]}@bac-a-sable.invalid>"
    message.set_content(
        "Bac à sable : aucune somme n’est due ni versée.\n\n"
        f"Veuillez trouver ci-joint le fichier de la remise {remise.number}, site {remise.site}, rang {remise.rank:02d} : "
        f"{remise.debits} paiement(s), {remise.credits} remboursement(s).\n"
    )
    message.add_attachment(file.content, maintype="text", subtype="csv", filename=file.name)
    store_mail(world, sender=sender, recipients=[merchant.email], raw=message.as_bytes())


_SELECT = (
    "SELECT r.*, coalesce(sum(o.kind = 'debit'), 0) AS debits, coalesce(sum(o.cents * (o.kind = 'debit')), 0) AS debit_cents,"
    " coalesce(sum(o.kind = 'credit'), 0) AS credits, coalesce(sum(o.cents * (o.kind = 'credit')), 0) AS credit_cents"
    " FROM paybox_remises r LEFT JOIN paybox_operations o ON o.remise_id = r.id AND o.state = 'captured'"
)


def get_remise(db: sqlite3.Connection, number: int) -> Remise:
    return _remise(db.execute(f"{_SELECT} WHERE r.id = ? GROUP BY r.id", (number,)).fetchone())


def find_remise(db: sqlite3.Connection, number: str) -> Remise | None:
    row = db.execute(f"{_SELECT} WHERE r.number = ? GROUP BY r.id", (number,)).fetchone()
    return _remise(row) if row else None


def list_remises(db: sqlite3.Connection, *, site: str | None = None, rank: int | None = None) -> list[Remise]:
    """The oldest first."""
    rows = db.execute(
        f"{_SELECT} WHERE r.site = coalesce(?, r.site) AND r.rank = coalesce(?, r.rank) GROUP BY r.id ORDER BY r.id",
        (site, rank),
    )
    return [_remise(row) for row in rows]


def remise_file(db: sqlite3.Connection, remise: Remise, *, dates: str | None = None) -> File:
    """The daily file of 28 columns; `dates` is one of `paybox_files.DATE_FORMATS`, the setting's without it."""
    lines = [_line(one, remise) for one in list_operations(db, remise=remise.id)]
    content = write_daily(_shop(db, remise.site, remise.rank), lines, dates=dates or read_settings(db).paybox_dates)
    return File(name=f"remise_{remise.site}_{remise.rank:03d}_{remise.number}.csv", content=content)


def period_file(
    db: sqlite3.Connection, kind: str, *, site: str, rank: int, first: date, last: date, dates: str | None = None
) -> File:
    """What the back office exports (`export`, or `vision`): the operations of those days, refusals included."""
    remises = {one.id: one for one in list_remises(db, site=site, rank=rank)}
    lines = [
        _line(one, remises.get(one.remise) if one.remise else None)
        for one in list_operations(db, site=site, rank=rank)
        if first <= paris_day(one.at) <= last
    ]
    name = f"{kind}_{site}_{rank:03d}_{first:%Y%m%d}_{last:%Y%m%d}.csv"
    if kind == "vision":
        return File(name=name, content=write_vision(lines))
    content = write_export(_shop(db, site, rank), lines, dates=dates or read_settings(db).paybox_dates)
    return File(name=name, content=content)


def asked_file(world: World, db: sqlite3.Connection, asked: dict[str, str]) -> File | None:
    """Of a query string: `remise`, or `file` with `site`, `rank` and days; None: nobody knows that. Raises BadShape."""
    from regal_sandbox.paybox_files import DATE_FORMATS
    from regal_sandbox.statements import asked_days

    dates = asked.get("dates") or None
    if dates not in (None, *DATE_FORMATS):
        raise BadShape("dates: one of " + ", ".join(DATE_FORMATS) + " is expected")
    if asked.get("remise"):
        remise = find_remise(db, asked["remise"])
        return remise_file(db, remise, dates=dates) if remise else None
    kind, rank = asked.get("file", ""), asked.get("rank", "")
    if kind not in FILES[1:]:
        raise BadShape("file: one of " + ", ".join(FILES[1:]) + " is expected")
    merchant = find_merchant(db, asked.get("site", ""), int(rank)) if rank.isdecimal() and len(rank) < 4 else None
    if merchant is None:
        return None
    first, last = asked_days(asked, world.today())
    return period_file(db, kind, site=merchant.site, rank=merchant.rank, first=first, last=last, dates=dates)


def _shop(db: sqlite3.Connection, site: str, rank: int) -> Shop:
    merchant = find_merchant(db, site, rank)
    if merchant is None:
        return Shop(site=site, rank=rank, identifier="", name="")
    return Shop(site=site, rank=rank, identifier=merchant.identifiers[0], name=merchant.name)


def _line(operation: Operation, remise: Remise | None) -> Line:
    kind = CREDIT if operation.kind == KIND_CREDIT else DEBIT
    about = operation.about
    return Line(
        type=CANCELLED if operation.state == STATE_CANCELLED else kind,
        numtrans=operation.numtrans,
        numappel=operation.numappel,
        at=operation.at,
        cents=operation.cents,
        reference=operation.reference,
        remise=remise.number if remise else "",
        sent_on=remise.day if remise else None,
        refused="" if operation.code == "00000" else operation.code,
        authorisation=operation.authorisation,
        email=about.email,
        currency=operation.currency,
        entity=about.entity,
        operator=about.operator,
        country=about.country,
        country_ip=about.country_ip,
        card=about.card,
        expiry=about.expiry,
        masked=about.masked,
        three_d_secure=about.three_d_secure,
        enrolled=about.enrolled,
        warranted=about.warranted,
        archive=about.archive,
    )


def _remise(row: sqlite3.Row) -> Remise:
    return Remise(
        id=row["id"],
        site=row["site"],
        rank=row["rank"],
        number=row["number"],
        closed_at=moment(row["closed_at"]),
        debits=row["debits"],
        debit_cents=row["debit_cents"],
        credits=row["credits"],
        credit_cents=row["credit_cents"],
    )
