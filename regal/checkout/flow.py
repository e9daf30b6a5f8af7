"""What travels from page to page in a hidden field: authenticated, short-lived, bound to one product and one step.

No cookie and no session: the payer's pages live in a frame on somebody else's site. The token is a MAC over the typed
values, the town, the product and its contract, our own origin, the step and the hour; it is never in an address. What
it holds was typed by the one who holds it. The recap's token is used once: `payments` keeps the digest of its
`flow_token`.
"""

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing

from regal.collectivites.models import Product
from regal.lib import tokens
from regal.lib.money import Money

LIFETIME = timedelta(minutes=30)
LONGEST = 4096


class BadToken(Exception):
    """Altered, foreign, of another step, or unreadable."""


@dataclass(frozen=True, kw_only=True)
class AgainToken:
    """What beginning again from an attempt's own page carries: neither what is owed, nor who pays."""

    flow_token: str
    handle: str
    told_of_earlier: bool


class ExpiredToken(Exception):
    """Authentic, but more than 30 minutes old. `recap` still says what was typed."""

    def __init__(self, recap: "Recap") -> None:
        super().__init__()
        self.recap = recap


@dataclass(frozen=True, kw_only=True)
class Recap:
    """What the payer typed, read and checked."""

    exercice: int | None
    debt_reference: str
    amount_cents: int
    email: str
    flow_token: str
    handle: str
    told_of_earlier: bool
    address: dict[str, str] = field(default_factory=dict)  # of the card's holder, where the contract asks
    due_cents: int | None = None  # what was typed, where less of it is then paid
    more: list[tuple[str, int]] = field(default_factory=list)  # the others paid together: reference and cents
    key: str = ""  # the notice's payment key, where it was typed: the amount is then what our base says

    @property
    def amount(self) -> Money:
        return Money(self.amount_cents)

    @property
    def every(self) -> list[tuple[str, int]]:
        """Each debt paid together: reference and cents."""
        return [(self.debt_reference, self.amount_cents), *((reference, cents) for reference, cents in self.more)]

    @property
    def total(self) -> Money:
        """What is paid of all of them."""
        return sum((Money(cents) for _reference, cents in self.every), Money.zero)

    @property
    def due(self) -> Money:
        """What is left to pay, as it was typed."""
        return Money(self.amount_cents if self.due_cents is None else self.due_cents)


def seal(recap: Recap, *, product: Product, now: datetime) -> str:
    """The hidden field of the recap page."""
    return signing.dumps({**asdict(recap), "at": int(now.timestamp())}, salt=_salt(product), compress=True)


def unseal(token: str, *, product: Product, now: datetime) -> Recap:
    """Raises BadToken, ExpiredToken."""
    if len(token) > LONGEST:
        raise BadToken
    try:
        held = signing.loads(token, salt=_salt(product))
        at = datetime.fromtimestamp(held.pop("at"), tz=now.tzinfo)
        recap = Recap(**held)
    except (signing.BadSignature, ValueError, TypeError, KeyError):
        raise BadToken from None
    if not timedelta(0) <= now - at + timedelta(seconds=1) <= LIFETIME:
        raise ExpiredToken(recap)
    return recap


def new_again(*, handle: str, product: Product, now: datetime) -> str:
    """The hidden field of « Recommencer » on the page of the attempt of this handle."""
    drawn = AgainToken(flow_token=tokens.new_token(), handle=tokens.new_token(), told_of_earlier=False)
    return seal_again(drawn, handle=handle, product=product, now=now)


def seal_again(again: AgainToken, *, handle: str, product: Product, now: datetime) -> str:
    """The hidden field of the pages that begin again from the attempt of this handle."""
    return signing.dumps({**asdict(again), "at": int(now.timestamp())}, salt=_salt(product, f"again {handle}"))


def unseal_again(token: str, *, handle: str, product: Product, now: datetime) -> AgainToken:
    """Raises BadToken, once it is more than 30 minutes old too: the attempt's own page gives another."""
    if len(token) > LONGEST:
        raise BadToken
    try:
        held = signing.loads(token, salt=_salt(product, f"again {handle}"))
        at = datetime.fromtimestamp(held.pop("at"), tz=now.tzinfo)
        again = AgainToken(**held)
    except (signing.BadSignature, ValueError, TypeError, KeyError):
        raise BadToken from None
    if not timedelta(0) <= now - at + timedelta(seconds=1) <= LIFETIME:
        raise BadToken
    return again


def seal_ticket(*, titre_id: int, product: Product, now: datetime) -> str:
    """The hidden field of « Recevoir le ticket à nouveau », given to who knows the debt and what was paid of it."""
    return signing.dumps({"titre": titre_id, "at": int(now.timestamp())}, salt=_salt(product, "ticket"))


def unseal_ticket(token: str, *, product: Product, now: datetime) -> int:
    """The titre that was paid. Raises BadToken, once it is more than 30 minutes old too."""
    if len(token) > LONGEST:
        raise BadToken
    try:
        held = signing.loads(token, salt=_salt(product, "ticket"))
        at, titre_id = datetime.fromtimestamp(held["at"], tz=now.tzinfo), int(held["titre"])
    except (signing.BadSignature, ValueError, TypeError, KeyError):
        raise BadToken from None
    if not timedelta(0) <= now - at + timedelta(seconds=1) <= LIFETIME:
        raise BadToken
    return titre_id


def _salt(product: Product, step: str = "recap") -> str:
    contract = f"{product.account_id} {product.account.environment} {product.debt_kind}"
    return f"regal.checkout.{step} {settings.GUICHET_URL} {product.collectivite_id} {product.pk} {contract}"
