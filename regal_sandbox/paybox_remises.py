"""The night: what was captured goes to the bank, one remise for each site and rank, and its file to the merchant.

On the sandbox's clock. Nothing waits for the hour: whoever looks at the ledger first collects what the nights that have
passed would have collected, each night for itself.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from regal_sandbox.amounts import euros
from regal_sandbox.paris import PARIS, in_paris, paris_day
from regal_sandbox.paybox_files import (
    CANCELLED,
    CREDIT,
    DATE_FORMATS,
    DEBIT,
    File,
    Line,
    Shop,
    write_daily,
    write_export,
    write_vision,
)
from regal_sandbox.paybox_merchants import Merchant, Options, list_merchants, merchants_of
from regal_sandbox.paybox_numbers import draw_number
from regal_sandbox.paybox_operations import CREDIT as CREDITS
from regal_sandbox.paybox_operations import DEBIT as DEBITS
from regal_sandbox.paybox_operations import Operation, capture_what_is_due, list_in_remise, list_operations
from regal_sandbox.settings import read_settings
from regal_sandbox.shapes import BadShape
from regal_sandbox.statements import asked_days
from regal_sandbox.store import moment, stamp
from regal_sandbox.world import World

FILES = ("remise", "export", "vision")


@dataclass(frozen=True, kw_only=True)
class Remise:
    number: int
    site: str
    rank: int
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
            "number": printed(self.number),
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
    now = world.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    if world.paybox_looked_at is not None and hour <= world.paybox_looked_at <= now:
        return []  # nights begin with an hour
    world.paybox_looked_at = now
    capture_what_is_due(db, now)
    hours = {(one.site, one.rank): one.options.remise_hour for one in list_merchants(db)}
    nights: dict[tuple[datetime, str, int], list[Operation]] = {}
    for shop, operation in _waiting(db, now):
        if operation.collect_at is not None:
            night = next_night(operation.collect_at, hour=hours.get(shop, Options.remise_hour))
            if night <= now:
                nights.setdefault((night, *shop), []).append(operation)
    return [_close(world, db, site, rank, night, nights[night, site, rank]) for night, site, rank in sorted(nights)]


def collect_now(world: World, db: sqlite3.Connection, *, site: str | None = None) -> list[Remise]:
    """Close them at once, as if this were the hour."""
    closed, now = collect_due(world, db), world.now()
    shops: dict[tuple[str, int], list[Operation]] = {}
    for shop, operation in _waiting(db, now):
        if site in (None, shop[0]):
            shops.setdefault(shop, []).append(operation)
    return closed + [_close(world, db, *shop, now, shops[shop]) for shop in sorted(shops)]


def let_the_night_pass(world: World) -> list[Remise]:
    """Move the clock to the same hour of the next day, in Paris; what was collected meanwhile."""
    with world.store.transaction() as db:
        closed = collect_due(world, db)
        here = in_paris(world.now())
        there = datetime.combine(here.date() + timedelta(days=1), here.time(), PARIS)
        world.clock.advance((there.astimezone(UTC) - here.astimezone(UTC)).total_seconds())
        closed += collect_due(world, db)
    world.ring()
    return closed


def _waiting(db: sqlite3.Connection, now: datetime) -> list[tuple[tuple[str, int], Operation]]:
    """What was captured and not collected, with its site and rank."""
    return [(shop_of(one.merchant), one) for one in list_operations(db, waiting_until=now)]


def shop_of(merchant: str) -> tuple[str, int]:
    """The site and the rank of a merchant's key."""
    site, rank, _ = merchant.split("-")
    return site, int(rank)


def _close(
    world: World, db: sqlite3.Connection, site: str, rank: int, at: datetime, found: Iterable[Operation]
) -> Remise:
    number = draw_number(db, "remise")
    db.execute(
        "INSERT INTO paybox_remises (number, site, rank, closed_at) VALUES (?, ?, ?, ?)",
        (number, site, rank, stamp(at)),
    )
    cancelled = [
        one
        for one in list_operations(db, site=site, rank=rank)
        if one.state == "cancelled" and one.remise is None and one.at < at
    ]
    for operation in [*found, *cancelled]:
        list_in_remise(db, operation, number)
    remise = get_remise(db, number)
    for merchant in merchants_of(db, site, rank)[:1]:
        if merchant.email:
            _send(world, db, merchant, remise)
    return remise


def _send(world: World, db: sqlite3.Connection, merchant: Merchant, remise: Remise) -> None:
    number, file = printed(remise.number), remise_file(db, remise)
    message = EmailMessage(policy=SMTP)
    message["From"] = read_settings(db).mail_from
    message["To"] = merchant.email
    message["Subject"] = f"Bac à sable – Paybox – remise {number} du {remise.day:%d/%m/%Y}"
    message["Date"] = world.now()
    message["Message-ID"] = f"<{world.draw('remise', remise.number)[:24]}@bac-a-sable.invalid>"
    message.set_content(
        "Bac à sable\u00a0: aucune somme n’est due ni versée.\n\n"
        f"Le fichier de la remise {number} est joint\u00a0: site {remise.site}, rang {remise.rank:02d}, "
        f"paiements\u00a0: {remise.debits}, remboursements\u00a0: {remise.credits}, "
        f"montant\u00a0: {euros(remise.cents)}.\n"
    )
    message.add_attachment(file.content, maintype="text", subtype="csv", filename=file.name)
    db.execute(
        "INSERT INTO outgoing_mails (recipient, raw, due_at, state) VALUES (?, ?, ?, 'pending')",
        (merchant.email, message.as_bytes(), stamp(world.now())),
    )


def get_remise(db: sqlite3.Connection, number: int) -> Remise:
    return _remise(db, db.execute("SELECT * FROM paybox_remises WHERE number = ?", (number,)).fetchone())


def find_remise(db: sqlite3.Connection, number: str) -> Remise | None:
    """By its number, with or without its zeros."""
    known = int(number) if number.isdecimal() and len(number) < 19 else 0
    row = db.execute("SELECT * FROM paybox_remises WHERE number = ?", (known,)).fetchone()
    return _remise(db, row) if row else None


def list_remises(db: sqlite3.Connection, *, site: str | None = None, rank: int | None = None) -> list[Remise]:
    """The oldest first."""
    rows = db.execute(
        "SELECT * FROM paybox_remises WHERE site = coalesce(?, site) AND rank = coalesce(?, rank) ORDER BY number",
        (site, rank),
    ).fetchall()
    return [_remise(db, row) for row in rows]


def printed(number: int) -> str:
    """As files and answers write a remise."""
    return f"{number:09d}"


def remise_file(db: sqlite3.Connection, remise: Remise, *, dates: str | None = None) -> File:
    """The daily file of 28 columns; `dates` is one of `paybox_files.DATE_FORMATS`, else that of the account."""
    shop, usual = _shop(db, remise.site, remise.rank)
    lines = [_line(one, remise) for one in list_operations(db, remise=remise.number)]
    name = f"remise_{remise.site}_{remise.rank:03d}_{printed(remise.number)}.csv"
    return File(name=name, content=write_daily(shop, lines, dates=dates or usual))


def period_file(
    db: sqlite3.Connection, kind: str, *, site: str, rank: int, first: date, last: date, dates: str | None = None
) -> File:
    """What the back office exports (`export`, or `vision`): the operations of those days, refusals included."""
    remises = {one.number: one for one in list_remises(db, site=site, rank=rank)}
    lines = [
        _line(one, remises.get(one.remise) if one.remise else None)
        for one in list_operations(db, site=site, rank=rank)
        if first <= paris_day(one.at) <= last
    ]
    name = f"{kind}_{site}_{rank:03d}_{first:%Y%m%d}_{last:%Y%m%d}.csv"
    if kind == "vision":
        return File(name=name, content=write_vision(lines))
    shop, usual = _shop(db, site, rank)
    return File(name=name, content=write_export(shop, lines, dates=dates or usual))


def asked_file(world: World, db: sqlite3.Connection, asked: Mapping[str, str]) -> File | None:
    """Of a query string: `remise`, or `file` with `site`, `rank` and days; None: nobody knows that. Raises BadShape."""
    dates = asked.get("dates") or None
    if dates not in (None, *DATE_FORMATS):
        raise BadShape("dates: one of " + ", ".join(DATE_FORMATS) + " is expected")
    if asked.get("remise"):
        remise = find_remise(db, asked["remise"])
        return remise_file(db, remise, dates=dates) if remise else None
    kind, rank = asked.get("file", ""), asked.get("rank", "")
    if kind not in FILES[1:]:
        raise BadShape("file: one of " + ", ".join(FILES[1:]) + " is expected")
    shop = merchants_of(db, asked.get("site", ""), int(rank)) if rank.isdecimal() and len(rank) < 4 else []
    if not shop:
        return None
    first, last = asked_days(asked, world.today())
    return period_file(db, kind, site=shop[0].site, rank=shop[0].rank, first=first, last=last, dates=dates)


def _shop(db: sqlite3.Connection, site: str, rank: int) -> tuple[Shop, str]:
    """Who receives, and how his files write dates."""
    for merchant in merchants_of(db, site, rank):
        shop = Shop(site=site, rank=rank, identifier=merchant.identifier, name=merchant.name)
        return shop, merchant.options.file_dates
    return Shop(site=site, rank=rank, identifier="", name=""), Options.file_dates


def _line(operation: Operation, remise: Remise | None) -> Line:
    kind = CREDIT if operation.kind == CREDITS else DEBIT
    card = operation.card
    expiry = card.get("expiry", "")
    return Line(
        type=CANCELLED if operation.state == "cancelled" else kind,
        numtrans=operation.trans,
        numappel=operation.call,
        at=operation.at,
        cents=operation.cents,
        reference=operation.reference,
        remise=printed(remise.number) if remise else "",
        sent_on=remise.day if remise else None,
        refused="" if operation.code == "00000" else operation.code,
        authorisation=operation.authorisation,
        email=operation.fields.get("PBX_PORTEUR", ""),
        currency=operation.currency,
        entity=operation.fields.get("PBX_ENTITE", ""),
        country=card.get("country", ""),
        country_ip=card.get("country_ip", ""),
        card=card.get("type", ""),
        expiry=expiry[2:] + expiry[:2],
        masked=f"{card.get('bin', '')}XXXXXX{card.get('last4', '')}" if card.get("bin") else "",
        three_d_secure=card.get("status", ""),
        enrolled=card.get("enrolled", ""),
        warranted=card.get("warranted", ""),
        archive=operation.fields.get("PBX_ARCHIVAGE", ""),
    )


def _remise(db: sqlite3.Connection, row: sqlite3.Row) -> Remise:
    collected = [one for one in list_operations(db, remise=row["number"]) if one.collected_in]
    debits = [one.cents for one in collected if one.kind == DEBITS]
    credits = [one.cents for one in collected if one.kind == CREDITS]
    return Remise(
        number=row["number"],
        site=row["site"],
        rank=row["rank"],
        closed_at=moment(row["closed_at"]),
        debits=len(debits),
        debit_cents=sum(debits),
        credits=len(credits),
        credit_cents=sum(credits),
    )
