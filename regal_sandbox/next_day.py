"""A button for demonstrations: what PayFiP refuses today and would accept tomorrow, shown at once.

It moves the sandbox's own clock to the next working day. It belongs to one refused request: its address cannot be
guessed by a page of another site, and pressing it twice moves the clock once.
"""

import hmac
from collections.abc import Mapping
from datetime import date

from regal_sandbox.clients import find_client
from regal_sandbox.debts import find_debt
from regal_sandbox.paris import next_working_day, paris_day
from regal_sandbox.payment_requests import Refused, check_request
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


def payable_day(world: World, *, rule: str, told: Mapping[str, str]) -> date | None:
    """The day from which the debt may be paid, when that is what the payer waits for."""
    if rule != "debt_not_visible":
        return None
    with world.store.transaction() as db:
        debt = find_debt(db, told["numcli"], told["refdet"])
        return debt.payable_from if debt else None


def button_of(world: World, *, number: int, told: Mapping[str, str]) -> str | None:
    """The button's token for the refusal `number` of the request `told`; None when the next working day would not lift
    it, or in earnest."""
    with world.store.transaction() as db:
        settings = read_settings(db)
        if not settings.next_day_button:
            return None
        try:
            check_request(told, db=db, settings=settings, today=next_working_day(world.today()))
        except Refused:
            return None
    return _token(world, number)


def press(world: World, *, number: int, token: str) -> Refusal | None:
    """Move the clock to the working day after that refusal, unless it is there already; None for a false token."""
    with world.store.transaction() as db:
        refusal = find_refusal(db, number)
        if refusal is None or not read_settings(db).next_day_button:
            return None
        if not hmac.compare_digest(token.encode(), _token(world, number).encode()):
            return None
        world.go_to_next_working_day(after=paris_day(refusal.at))
    return refusal


def _token(world: World, number: int) -> str:
    return world.draw("next-day", number)[:32]
