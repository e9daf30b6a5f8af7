"""The pages of whoever pays an invoice of our own base, in every state, as the guichet renders them.

Each is made in a transaction that is then undone: the demonstration's worker would otherwise ask about payments that
its PayFiP does not know.
"""

import html
import re
from collections.abc import Callable
from datetime import datetime

import httpx
from django.conf import settings
from django.db import transaction

from regal.collectivites.models import Collectivite, Product
from regal.demo.cast import PAYER_EMAIL, TOWNS, invoices
from regal.gateways.base import Key
from regal.gateways.payfip_ws.tests.answers import fault
from regal.lib import http, paris, tokens
from regal.lib.tenancy import tenant
from regal.payments.accounts import gateway_of
from regal.payments.departure import depart
from regal.payments.models import Attempt
from regal.payments.operations import apply_notice, presume_silent
from regal.payments.refusals import CannotHandOff, GatewayAway
from regal.titres import holds
from regal.titres.models import Titre
from tests.inquiries import FakePayfip, order, speaking_to
from tests.sites import GuichetClient

SLUG = "restaurant-scolaire"
PLACE = 27  # of its invoice, which no journey pays
LETTERS = {"confirmed": "P", "refused": "R", "abandoned": "A", "unknown": "?"}
FOLLOWED = ("opening", "waiting", "confirmed", "refused", "abandoned", "unknown", "silent", "never_started")
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def write(*, now: datetime) -> dict[str, dict[str, str]]:
    """`{language: {page: HTML}}`."""
    return {language: _Scene(language, now).pages() for language in ("fr", "en")}


class _Undone(Exception):
    """The pages are seen, nothing of what they show is kept."""


class _Scene:
    def __init__(self, language: str, now: datetime) -> None:
        self.now = now
        self.prefix = "" if language == "fr" else f"/{language}"
        self.town = Collectivite.objects.get(slug=TOWNS[0].slug)
        with tenant(self.town):
            self.product = Product.objects.of(self.town).select_related("account", "collectivite").get(slug=SLUG)
            invoice = invoices(paris.today(now))[PLACE]
            self.titre = Titre.objects.of(self.town).get(reference=invoice.reference.digits)
        euros, cents = divmod(self.titre.amount.cents, 100)
        self.typed = {"invoice": self.titre.reference, "amount": f"{euros},{cents:02d}", "email": PAYER_EMAIL}
        self.form = f"/{self.town.slug}/{SLUG}/"
        self.guichet = GuichetClient(headers={"host": settings.ALLOWED_HOSTS[0].lstrip(".") or "localhost"})

    def pages(self) -> dict[str, str]:
        seen: dict[str, str] = {}
        pages: dict[str, Callable[[], str]] = {
            "recap": self.recap,
            "not found": lambda: self.send(self.form, self.typed | {"amount": "1,23"}),
            "paid": self.paid,
            "held": self.held,
            "not payable": self.not_payable,
            "away": self.away,
            "contract refused": lambda: self.refused("T2"),
            "already started": lambda: self.leave_twice(is_late=True),
            "opening": lambda: self.leave_twice(is_late=False),
            "again": self.again,
            "again with errors": lambda: self.again(email="mme.leroy"),
            "again, contract refused": lambda: self.again(email=PAYER_EMAIL, refusing=True),
            **{f"follow {one}": lambda one=one: self.follow(one) for one in FOLLOWED},  # type: ignore[misc]
        }
        for name, show in pages.items():
            try:
                with transaction.atomic(), speaking_to(FakePayfip()) as self.payfip:
                    seen[name] = show()
                    raise _Undone
            except _Undone:
                pass
        return seen

    def send(self, path: str, fields: dict[str, str]) -> str:
        return self.guichet.post(f"{self.prefix}{path}", fields).content.decode()

    def recap(self) -> str:
        return self.send(self.form, self.typed)

    def leave(self) -> str:
        return self.send(f"{self.form}payer/", _form(self.recap(), "payer/"))

    def paid(self) -> str:
        with tenant(self.town):
            holds.mark_paid(titre=self.titre, at=self.now)
        return self.recap()

    def held(self) -> str:
        self.leave()
        return self.recap()

    def not_payable(self) -> str:
        with tenant(self.town):
            Titre.objects.filter(pk=self.titre.pk).update(status="suspended")
        return self.recap()

    def away(self) -> str:
        self.payfip.is_down = True
        return self.leave()

    def refused(self, code: str) -> str:
        with _refusing(code):
            return self.leave()

    def leave_twice(self, *, is_late: bool) -> str:
        fields = _form(self.recap(), "payer/")
        self.send(f"{self.form}payer/", fields)
        with tenant(self.town):
            attempt = Attempt.objects.of(self.town).filter(titre=self.titre)
            if is_late:
                attempt.update(handed_off_at=self.now.replace(year=self.now.year - 1))
            else:
                attempt.update(status="requested", handed_off_at=None)
        return self.send(f"{self.form}payer/", fields)

    def follow(self, situation: str) -> str:
        handle = tokens.new_token()
        self.payfip.when_opening = httpx.ReadTimeout("") if situation == "opening" else None
        asked = order(self.product, self.titre, handle=handle, email=PAYER_EMAIL)
        try:
            if situation == "never_started":
                with _refusing("T2"):
                    depart(order=asked, clock=lambda: self.now)
            depart(order=asked, clock=lambda: self.now)
        except (GatewayAway, CannotHandOff):
            pass
        with tenant(self.town):
            attempt = Attempt.objects.of(self.town).select_related("account").filter(titre=self.titre).get()
            if situation == "silent":
                presume_silent(self.town.pk, attempt.pk, self.now)
            if situation in LETTERS:
                self.payfip.says[attempt.key] = LETTERS[situation]
                notice = gateway_of(attempt.account).ask(Key(value=attempt.key))  # type: ignore[attr-defined]
                apply_notice(
                    collectivite_id=self.town.pk,
                    attempt_id=attempt.pk,
                    notice=notice,
                    digest=notice.digest,
                    now=self.now,
                    source="inquiry",
                )
        self.address = f"/{self.town.slug}/suivi/{handle}/"
        return self.guichet.get(f"{self.prefix}{self.address}").content.decode()

    def again(self, *, refusing: bool = False, **typed: str) -> str:
        page = self.follow("refused")
        address = f"{self.address}recommencer/"
        page = self.send(address, _form(page, "recommencer/#suite"))
        if not typed:
            return page
        fields = _form(page, "recommencer/") | typed
        if not refusing:
            return self.send(address, fields)
        with _refusing("T2"):
            return self.send(address, fields)


def _refusing(code: str):
    return http.replaced(
        httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(500, content=fault(code))))
    )


def _form(page: str, action: str) -> dict[str, str]:
    """What the form whose action ends so carries unseen."""
    begins = page.rindex("<form", 0, page.index(f'{action}"'))
    return {name: html.unescape(value) for name, value in HIDDEN.findall(page[begins : page.index("</form>", begins)])}
