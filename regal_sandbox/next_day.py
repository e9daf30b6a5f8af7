"""A button for demonstrations: what PayFiP refuses today and would accept tomorrow, shown at once.

It moves the sandbox's own clock to the next working day. It belongs to one refused request: its address cannot be
guessed by a page of another site, and pressing it twice moves the clock once.
"""

import hmac
from datetime import date, datetime

from regal_sandbox.clients import find_client
from regal_sandbox.paris import PARIS, in_paris, next_working_day, paris_day
from regal_sandbox.refusals import Refusal, find_refusal
from regal_sandbox.settings import read_settings
from regal_sandbox.world import World


def opening_day(world: World, *, rule: str, numcli: str) -> date | None:
    """The day on which a successful activation payment opens the client, when that is what the payer waits for."""
    if rule != "client_not_active":
        return None
    with world.store.transaction() as db:
        client = find_client(db, numcli)
        return client.opens_on(world.today()) if client else None


def button_of(world: World, *, number: int, rule: str, numcli: str) -> str | None:
    """The button's token for the refusal `number`, or None when a day more would change nothing, or in earnest."""
    with world.store.transaction() as db:
        allowed = read_settings(db).next_day_button
    helps = rule == "debt_not_visible" or opening_day(world, rule=rule, numcli=numcli) is not None
    return _token(world, number) if allowed and helps else None


def press(world: World, *, number: int, token: str) -> Refusal | None:
    """Move the clock to the working day after that refusal, unless it is there already; None for a false token."""
    with world.store.transaction() as db:
        refusal = find_refusal(db, number)
        if refusal is None or not read_settings(db).next_day_button:
            return None
        if not hmac.compare_digest(token.encode(), _token(world, number).encode()):
            return None
        now, day = world.now(), next_working_day(paris_day(refusal.at))
        if paris_day(now) < day:
            target = datetime.combine(day, in_paris(now).time(), PARIS)
            world.clock.advance((target - now).total_seconds())
    world.ring()
    return refusal


def _token(world: World, number: int) -> str:
    return world.draw("next-day", number)[:32]
