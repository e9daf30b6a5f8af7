"""How often invoices of our own base may be asked for, so that nobody finds one by trying.

Why so: `docs/retrouver-une-dette.md`.
Only what is wrong uses a budget up: a whole town hall behind one address pays as it likes. Amounts are few, so that one
reference hears few of them, by everybody together, and fewer still from one address, which alone can close none. A
payment key cannot be guessed: who types the right one is always heard, whoever tries what beside him.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from regal.checkout.forms import InvoiceForm
from regal.checkout.town import Town
from regal.checkout.ways import ByForm
from regal.lib.canonical import sha256_hex
from regal.lib.client_address import budget_of, client_address
from regal.lib.policy import Rate
from regal.lib.throttle import Budget, spend, spent
from regal.payments.queries import LookUp, Situation

MOST_WRONG = 20  # from one address in a minute
MOST_WRONG_KEYS = 60  # the same, of payment keys
MOST_WRONG_IN_TOWN = 1_200  # amounts, by everybody together in a minute
MOST_AMOUNTS = 20  # tried on one reference in an hour, by everybody together
MOST_OF_ONE = 5  # the same, from one address
MOST_BEYOND = 5  # right ones heard in a minute from an address that has used its budget up

HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class _ByAmount:
    source: Budget
    town: Budget
    references: list[Budget]  # of each debt that was perhaps meant
    references_beyond: list[Budget]  # the same, of addresses that have used their own up: they close it to nobody else
    own: list[Budget]  # the same, from this address
    beyond: Budget


def looked_up(way: ByForm, town: Town, request: HttpRequest, *, now: datetime) -> LookUp | HttpResponse:
    """What our base says of what was typed; or the page that says to come back later, whatever our base holds."""
    source, town_number = source_of(request), town.collectivite.pk
    if way.recap.key:
        wrong_keys = Budget(rate=Rate.LOOKUP, source=f"key {source}", limit=MOST_WRONG_KEYS)
        return _by_key(way, town, request, wrong_keys=wrong_keys, now=now)
    debts = [f"{town_number} {sha256_hex(reference.encode())}" for reference in _meant(way)]
    budgets = _ByAmount(
        source=Budget(rate=Rate.LOOKUP, source=source, limit=MOST_WRONG),
        town=Budget(rate=Rate.LOOKUP, source=f"town {town_number}", limit=MOST_WRONG_IN_TOWN),
        references=[_in_an_hour(f"reference {debt}", MOST_AMOUNTS) for debt in debts],
        references_beyond=[_in_an_hour(f"reference beyond {debt}", MOST_AMOUNTS) for debt in debts],
        own=[_in_an_hour(f"own {source} {debt}", MOST_OF_ONE) for debt in debts],
        beyond=Budget(rate=Rate.LOOKUP, source=f"beyond {source}", limit=MOST_BEYOND),
    )
    return _by_amount(way, town, request, budgets=budgets, now=now)


def _meant(way: ByForm) -> list[str]:
    """The reference that was typed, and what else it reads as: one debt of the comptable has many writings."""
    elsewhere = way.form.reads_elsewhere if isinstance(way.form, InvoiceForm) else ()
    return sorted({way.reference, *elsewhere})


def _in_an_hour(source: str, limit: int) -> Budget:
    return Budget(rate=Rate.LOOKUP, source=source, limit=limit, window=HOUR)


def _by_key(
    way: ByForm, town: Town, request: HttpRequest, *, wrong_keys: Budget, now: datetime
) -> LookUp | HttpResponse:
    (tried,) = spent([wrong_keys], now=now)
    found = way.look_up(now=now)
    if found.situation is not Situation.UNKNOWN:
        return found
    spend([wrong_keys], now=now)
    return town.too_often_page(request, way.product) if wrong_keys.is_used_up(tried) else found


def _by_amount(
    way: ByForm, town: Town, request: HttpRequest, *, budgets: _ByAmount, now: datetime
) -> LookUp | HttpResponse:
    """Beyond the budget of its address or of the town, a right amount is still heard, but not many of them.

    So somebody who pays behind the address of an attacker, or while a town is attacked, gets through, and the attacker
    learns next to nothing. Where even what is right would not be heard, nothing is looked at.
    """
    source, attacked, beyond = budgets.source, budgets.town, budgets.beyond
    every = [source, attacked, beyond, *budgets.references, *budgets.references_beyond, *budgets.own]
    counts = dict(zip(every, spent(every, now=now), strict=True))

    def is_used_up(*some: Budget) -> bool:
        return any(budget.is_used_up(counts[budget]) for budget in some)

    is_beyond, is_attacked = is_used_up(source), is_used_up(attacked)
    too_often = town.too_often_page(request, way.product)
    if is_used_up(*budgets.references, *budgets.own) or (is_attacked and counts[source]):
        return too_often
    if is_beyond and is_used_up(beyond, *budgets.references_beyond):
        return too_often
    found = way.look_up(now=now)
    if found.situation is Situation.UNKNOWN:
        references = budgets.references_beyond if is_beyond else budgets.references
        spend([source, attacked, *references, *budgets.own], now=now)
        return too_often if is_beyond or is_attacked else found
    if is_beyond:
        spend([beyond], now=now)
    return found


def source_of(request: HttpRequest) -> str:
    """Who asks, behind the proxies that we trust."""
    address = client_address(
        remote=request.META.get("REMOTE_ADDR", ""),
        forwarded_for=request.META.get("HTTP_X_FORWARDED_FOR", ""),
        trusted=settings.TRUSTED_PROXIES,
    )
    return budget_of(address)
