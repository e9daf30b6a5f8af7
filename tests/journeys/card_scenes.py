"""The pages of whoever pays an invoice by card on the bank's page, in every state, as the guichet renders them.

Each is made in a transaction that is then undone; the bank is a host that answers and no more.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import httpx
from django.conf import settings

from regal.collectivites.models import Collectivite, GatewayAccount, Product
from regal.demo.cast import PAYER_EMAIL, TOWNS, invoices
from regal.gateways.base import Claims, Environment, Message, Notice, Outcome, Rank
from regal.lib import http, paris
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt
from regal.payments.operations import apply_notice, receive
from regal.payments.shares import let_go
from regal.titres import holds
from regal.titres.models import Titre
from tests.journeys.regie_scenes import LANGUAGES, Show, form_of, undone
from tests.sites import GuichetClient

TOWN = TOWNS[1]
PRODUCT = TOWN.products[1]
PLACE = 19  # of its invoice, which no journey pays
FOLLOWED: dict[str, dict[str, object]] = {  # what an attempt's row says
    "waiting": {},
    "confirmed": {"status": "paid"},
    "provisional": {"status": "paid", "is_provisional": True},
    "accepted": {"announced": "paid"},
    "refused": {"status": "refused"},
    "abandoned": {"status": "abandoned"},
    "pending": {"announced": "pending"},
    "unknown": {"status": "unknown"},
    "silent": {"status": "expired_presumed"},
    "never_started": {"status": "never_started"},
}
BESIDE = (
    "confirmed, one too many",
    "hearing",
    "unheard",
    "refused, page still open",
    "refused, held by another",
    "abandoned, paid by another",
)
OTHERS = (
    "form with the address",
    "form with the address and errors",
    "recap",
    "recap with the address",
    "hand over",
    "away",
    "already started",
    "again",
)
_SCRIPT = re.compile(r'<script type="module" src="[^"]*hand_over[^"]*"></script>')
_ADDRESS = {
    "first_name": "Camille",
    "last_name": "Leroy",
    "street": "12, rue des Lilas",
    "postcode": "61000",
    "town": "Alençon",
}


def write(*, now: datetime) -> dict[str, dict[str, str]]:
    """`{language: {page: HTML}}`."""
    scene = _Scene(now)
    seen: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
    with httpx.Client(transport=httpx.MockTransport(scene.bank)) as bank, http.replaced(bank):
        for name, prepare in scene.pages().items():
            scene.is_awake = True
            with undone():
                show = prepare()
                for language, scene.prefix in LANGUAGES.items():
                    with undone():
                        seen[language][name] = show()
                scene.prefix = ""
    return seen


class _Scene:
    """Each method makes what a page shows, and gives the request that has it shown."""

    prefix = ""
    is_awake = True

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.town = Collectivite.objects.get(slug=TOWN.slug)
        assert PRODUCT.series is not None
        with tenant(self.town):
            self.product = Product.objects.of(self.town).select_related("account").get(slug=PRODUCT.slug)
            invoice = invoices(paris.today(now), PRODUCT.series)[PLACE]
            self.titre = Titre.objects.of(self.town).get(reference=invoice.reference.digits)
        euros, cents = divmod(self.titre.amount.cents, 100)
        self.typed = {"invoice": self.titre.reference, "amount": f"{euros},{cents:02d}", "email": PAYER_EMAIL}
        self.form = f"/{self.town.slug}/{PRODUCT.slug}/"
        self.guichet = GuichetClient(headers={"host": settings.ALLOWED_HOSTS[0].lstrip(".") or "localhost"})

    def bank(self, request: httpx.Request) -> httpx.Response:
        said = "OK" if self.is_awake else ""
        return httpx.Response(200, text=f'<html><body><div id="server_status">{said}</div></body></html>')

    def pages(self) -> dict[str, Callable[[], Show]]:
        return {
            "form with the address": self.form_with_address,
            "form with the address and errors": self.form_with_errors,
            "recap": self.recap,
            "recap with the address": self.recap_with_address,
            "hand over": self.hand_over,
            "away": self.away,
            "already started": self.already_started,
            "again": self.again,
            **{f"follow {situation}": partial(self.follow, situation) for situation in (*FOLLOWED, *BESIDE)},
        }

    def send(self, path: str, fields: dict[str, str]) -> str:
        return self.guichet.post(f"{self.prefix}{path}", fields).content.decode()

    def ask_address(self) -> None:
        with tenant(self.town):
            GatewayAccount.objects.filter(pk=self.product.account_id).update(options={"asks_address": True})

    def form_with_address(self) -> Show:
        self.ask_address()
        return lambda: self.guichet.get(f"{self.prefix}{self.form}").content.decode()

    def form_with_errors(self) -> Show:
        self.ask_address()
        return lambda: self.send(self.form, self.typed)

    def recap(self) -> Show:
        return lambda: self.send(self.form, self.typed)

    def recap_with_address(self) -> Show:
        self.ask_address()
        return lambda: self.send(self.form, self.typed | _ADDRESS)

    def leave(self) -> Show:
        fields = form_of(self.recap()(), "payer/")
        return lambda: self.send(f"{self.form}payer/", fields)

    def hand_over(self) -> Show:
        """Without its script, which would leave at once."""
        leave = self.leave()
        return lambda: _SCRIPT.sub("", leave())

    def away(self) -> Show:
        leave = self.leave()
        self.is_awake = False
        return leave

    def already_started(self) -> Show:
        leave = self.leave()
        leave()
        self.change(handed_off_at=self.now - timedelta(minutes=1))
        return leave

    def change(self, **fields: object) -> None:
        with tenant(self.town):
            Attempt.objects.of(self.town).filter(titre=self.titre).update(**fields)

    def follow(self, situation: str) -> Show:
        page = self.leave()()
        found = re.search(r"/suivi/[A-Za-z0-9_-]{43}/", page)
        assert found is not None
        self.address = f"/{self.town.slug}{found[0]}"
        status = situation.partition(",")[0]
        with tenant(self.town):
            attempt = Attempt.objects.of(self.town).select_related("account").get(titre=self.titre)
            if situation in ("confirmed", "provisional"):
                self.settle(attempt)
        self.change(**FOLLOWED.get(status, {}))
        with tenant(self.town):
            if situation == "hearing":
                message = Message(method="GET", query=b"Mt=1", body=b"", content_type="", received_at=self.now)
                receive(attempt=attempt, message=message, now=self.now)
            elif situation == "unheard":
                self.change(handed_off_at=self.now - timedelta(minutes=25))
            if situation not in ("waiting", "hearing", "accepted", "pending", "refused, page still open"):
                let_go(attempt)
            if situation.endswith("held by another"):
                holds.hold(titre=self.titre, attempt_id=0, until=self.now + timedelta(minutes=15))
            elif situation.endswith("paid by another"):
                holds.mark_paid(titre=self.titre, at=self.now)
        return lambda: self.guichet.get(f"{self.prefix}{self.address}").content.decode()

    def settle(self, attempt: Attempt) -> None:
        paid = Notice(
            rank=Rank.ASKED,
            outcome=Outcome.PAID,
            outcome_code="00000",
            claims=Claims(
                account_identifier=attempt.account.identifier,
                debt_reference=attempt.debt_reference,
                exercice=None,
                amount=attempt.amount,
                environment=Environment(attempt.environment),
            ),
            transaction="1",
            call="2",
        )
        apply_notice(collectivite_id=self.town.pk, attempt_id=attempt.pk, notice=paid, digest="0" * 64, now=self.now)

    def again(self) -> Show:
        begun = form_of(self.follow("refused")(), "recommencer/#suite")
        return lambda: self.send(f"{self.address}recommencer/", begun)
