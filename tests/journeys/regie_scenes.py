"""The pages of whoever pays an invoice of our own base, in every state, as the guichet renders them.

Each is made in a transaction that is then undone: the demonstration's worker would otherwise ask about payments that
its PayFiP does not know.
"""

import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
from django.conf import settings
from django.db import transaction

from regal.agenda.models import Watch
from regal.checkout.asked import address_after_return
from regal.checkout.flow import seal_ticket
from regal.collectivites.models import Collectivite, Product, Regie
from regal.demo.cast import PAYER_EMAIL, TOWNS, invoices
from regal.gateways.base import Key, Question
from regal.gateways.payfip_ws.tests.answers import fault
from regal.lib import http, paris, tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.accounts import gateway_of
from regal.payments.departure import depart
from regal.payments.models import Attempt
from regal.payments.operations import apply_notice, presume_silent
from regal.payments.refusals import CannotHandOff, GatewayAway
from regal.reconciliation.comptable import left_of
from regal.titres import holds
from regal.titres.models import Titre, TitreEvent
from regal.titres.payment_keys import payment_key, printed
from tests.inquiries import FakePayfip, order, speaking_to
from tests.sites import GuichetClient

SLUG = "restaurant-scolaire"
PLACE, OTHER = 27, 12  # of its invoices, which no journey pays
LETTERS = {"confirmed": "P", "refused": "R", "abandoned": "A", "unknown": "?"}
FOLLOWED = ("opening", "waiting", "confirmed", "refused", "abandoned", "unknown", "silent", "never_started")
BESIDE = {  # a payment that failed, and what else may be said of it: what was known of it, and the page's own title
    "unheard": ("refused", "waiting"),
    "refused, held by another": ("refused", "refused"),
    "abandoned, paid by another": ("abandoned", "abandoned"),
}
LANGUAGES = {"fr": "", "en": "/en"}
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')

Show = Callable[[], str]


def write(*, now: datetime) -> dict[str, dict[str, str]]:
    """`{language: {page: HTML}}`."""
    scene = _Scene(now)
    seen: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}
    for name, prepare in scene.pages().items():
        with undone(), speaking_to(FakePayfip()) as scene.payfip:
            show = prepare()
            for language, scene.prefix in LANGUAGES.items():
                with undone():
                    seen[language][name] = show()
            scene.prefix = ""
    return seen


class _Undone(Exception):
    pass


@contextmanager
def undone() -> Iterator[None]:
    """The page is seen, nothing of what it shows is kept."""
    try:
        with transaction.atomic():
            yield
            raise _Undone
    except _Undone:
        pass


class _Scene:
    """Each method makes what a page shows, and gives the request that has it shown."""

    prefix = ""
    payfip: FakePayfip

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.town = Collectivite.objects.get(slug=TOWNS[0].slug)
        with tenant(self.town):
            self.product = Product.objects.of(self.town).select_related("account", "collectivite").get(slug=SLUG)
            invoice = invoices(paris.today(now))[PLACE]
            self.titre = Titre.objects.of(self.town).get(reference=invoice.reference.digits)
            other = invoices(paris.today(now))[OTHER]
            self.other = Titre.objects.of(self.town).get(reference=other.reference.digits)
        self.typed = {
            "invoice": self.titre.reference,
            "amount": in_euros(self.titre.amount),
            "email": PAYER_EMAIL,
        }
        self.typed_other = {"invoice": self.other.reference, "amount": in_euros(self.other.amount)}
        self.form = f"/{self.town.slug}/{SLUG}/"
        self.guichet = GuichetClient(headers={"host": settings.ALLOWED_HOSTS[0].lstrip(".") or "localhost"})

    def pages(self) -> dict[str, Callable[[], Show]]:
        return {
            "recap": self.recap,
            "several": lambda: self.several(),
            "several with errors": lambda: self.several(invoice=self.titre.reference, amount="1,23", ajouter="1"),
            "several, not added": lambda: self.several(
                invoice=self.other.reference, amount=in_euros(self.other.amount + Money(1)), ajouter="1"
            ),
            "several, recap": lambda: self.several(**self.typed_other, continuer="1"),
            "several, one is paid": self.several_stopped,
            "several, follow": self.several_left,
            "not found": lambda: lambda: self.send(self.form, self.typed | {"amount": "1,23"}),
            "paid": self.paid,
            "held": self.held,
            "not payable": self.not_payable,
            "cancelled": partial(self.decided, "cancelled", "Facturée deux fois."),
            "written off": partial(self.decided, "written_off"),
            "transferred": partial(self.decided, "transferred"),
            "ticket asked": self.ticket_asked,
            "elsewhere": self.elsewhere,
            "by key": lambda: lambda: self.send(self.form, self.by_key()),
            "wrong key": lambda: lambda: self.send(self.form, self.by_key() | {"key": "00000-00000"}),
            "away": self.away,
            "contract refused": self.refused,
            "already started": lambda: self.leave_twice(is_late=True),
            "opening": lambda: self.leave_twice(is_late=False),
            "again": self.again,
            "again with errors": lambda: self.again(email="mme.leroy"),
            "again, contract refused": lambda: self.again(email=PAYER_EMAIL, is_refused=True),
            **{f"follow {situation}": partial(self.follow, situation) for situation in FOLLOWED},
            **{f"follow {situation}": partial(self.follow_beside, situation) for situation in BESIDE},
        }

    def send(self, path: str, fields: dict[str, str]) -> str:
        return self.guichet.post(f"{self.prefix}{path}", fields).content.decode()

    def recap(self) -> Show:
        return lambda: self.send(self.form, self.typed)

    def several(self, **typed: str) -> Show:
        """The list of two, and what is then typed on it."""
        with tenant(self.town):
            Regie.objects.filter(pk=self.product.account.regie_id).update(several_at_once=True)
        address = f"{self.form}plusieurs/"
        opened = form_of(self.recap()(), "plusieurs/#suite")
        listed = form_of(self.send(address, opened | self.typed_other | {"ajouter": "1"}), "plusieurs/#suite")
        if typed.get("invoice") == self.other.reference and "continuer" in typed:
            typed = {"continuer": "1"}
        return lambda: self.send(address, listed | typed)

    def several_stopped(self) -> Show:
        show = self.several(continuer="1")
        fields = form_of(show(), "payer/")
        with tenant(self.town):
            holds.mark_paid(titre=self.other, at=self.now)
        return lambda: self.send(f"{self.form}payer/", fields)

    def several_left(self) -> Show:
        page = self.several(continuer="1")()
        self.send(f"{self.form}payer/", form_of(page, "payer/"))
        address = page[page.index("data-regal-leave=") :].split('"')[1].removeprefix("/en")
        return lambda: self.guichet.get(f"{self.prefix}{address}").content.decode()

    def leave(self) -> Show:
        fields = form_of(self.recap()(), "payer/")
        return lambda: self.send(f"{self.form}payer/", fields)

    def paid(self) -> Show:
        with tenant(self.town):
            holds.mark_paid(titre=self.titre, at=self.now)
        return self.recap()

    def held(self) -> Show:
        self.leave()()
        return self.recap()

    def not_payable(self) -> Show:
        with tenant(self.town):
            Titre.objects.filter(pk=self.titre.pk).update(status="suspended")
        return self.recap()

    def by_key(self) -> dict[str, str]:
        return self.typed | {"amount": "", "key": printed(payment_key(self.titre))}

    def decided(self, state: str, note: str = "") -> Show:
        with tenant(self.town):
            Titre.objects.filter(pk=self.titre.pk).update(status=state)
            if note:
                TitreEvent.objects.create(
                    collectivite=self.town,
                    titre=self.titre,
                    number=TitreEvent.objects.of(self.town).filter(titre=self.titre).count() + 1,
                    event=state,
                    from_state="open",
                    to_state=state,
                    payer_note=note,
                    recorded_at=self.now,
                )
        return self.recap()

    def ticket_asked(self) -> Show:
        """Whatever was paid, and by whom: the answer is the same."""
        token = seal_ticket(titre_id=self.titre.pk, product=self.product, now=datetime.now(UTC))
        return lambda: self.send(f"{self.form}ticket/", {"token": token})

    def elsewhere(self) -> Show:
        """The reference of a titre of the comptable, with its amount, in the form of the régie."""
        with tenant(self.town):
            open_ones = Titre.objects.of(self.town).filter(collector="comptable", status="open", document_kind="titre")
            titre = next(one for one in open_ones.order_by("-pk") if left_of(one) == one.amount)
        euros, cents = divmod(titre.amount.cents, 100)
        typed = {"invoice": titre.reference, "amount": f"{euros},{cents:02d}"}
        return lambda: self.send(self.form, self.typed | typed)

    def away(self) -> Show:
        self.payfip.is_down = True
        return self.leave()

    def refused(self) -> Show:
        return _refused(self.leave())

    def leave_twice(self, *, is_late: bool) -> Show:
        leave = self.leave()
        leave()
        with tenant(self.town):
            attempt = Attempt.objects.of(self.town).filter(titre=self.titre)
            if is_late:
                attempt.update(handed_off_at=self.now - timedelta(minutes=1))
            else:
                attempt.update(status="requested", handed_off_at=None)
        return leave

    def follow(self, situation: str) -> Show:
        handle = tokens.new_token()
        self.payfip.when_opening = httpx.ReadTimeout("") if situation == "opening" else None
        asked = order(self.product, self.titre, handle=handle, email=PAYER_EMAIL)
        try:
            if situation == "never_started":
                _refused(lambda: str(depart(order=asked, clock=lambda: self.now)))()
            depart(order=asked, clock=lambda: self.now)
        except (GatewayAway, CannotHandOff):
            pass
        with tenant(self.town):
            attempt = Attempt.objects.of(self.town).select_related("account").filter(titre=self.titre).get()
            if situation == "silent":
                presume_silent(self.town.pk, attempt.pk, self.now)
            if situation in LETTERS:
                self.payfip.says[attempt.key] = LETTERS[situation]
                question = Question(reference=attempt.reference, key=Key(value=attempt.key))
                notice = gateway_of(attempt.account).ask(question)  # type: ignore[attr-defined]
                apply_notice(
                    collectivite_id=self.town.pk,
                    attempt_id=attempt.pk,
                    notice=notice,
                    digest=notice.digest,
                    now=self.now,
                    source="inquiry",
                )
        self.address = f"/{self.town.slug}/suivi/{handle}/"
        return lambda: self.guichet.get(f"{self.prefix}{self.address}").content.decode()

    def follow_beside(self, situation: str) -> Show:
        show = self.follow(BESIDE[situation][0])
        with tenant(self.town):
            if situation == "unheard":
                before, returned_at = self.now - timedelta(minutes=5), self.now - timedelta(minutes=2)
                Watch.objects.filter(collectivite=self.town).update(asked_at=before, answered_at=before)
                self.address = address_after_return(self.address, now=returned_at)
            elif situation == "refused, held by another":
                holds.hold(titre=self.titre, attempt_id=0, until=self.now + timedelta(minutes=15))
            else:
                holds.mark_paid(titre=self.titre, at=self.now)
        return show

    def again(self, *, is_refused: bool = False, **typed: str) -> Show:
        begun = form_of(self.follow("refused")(), "recommencer/#suite")
        address = f"{self.address}recommencer/"
        if not typed:
            return lambda: self.send(address, begun)
        fields = form_of(self.send(address, begun), "recommencer/") | typed
        send: Show = lambda: self.send(address, fields)  # noqa: E731
        return _refused(send) if is_refused else send


def in_euros(amount: Money) -> str:
    """As a payer types it."""
    euros, cents = divmod(amount.cents, 100)
    return f"{euros},{cents:02d}"


def _refused(ask: Show) -> Show:
    """Ask while PayFiP does not know the contract."""

    def show() -> str:
        payfip = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(500, content=fault("T2"))))
        with http.replaced(payfip):
            return ask()

    return show


def form_of(page: str, action: str) -> dict[str, str]:
    """What the form whose action ends so carries unseen."""
    begins = page.rindex("<form", 0, page.index(f'{action}"'))
    return {name: html.unescape(value) for name, value in HIDDEN.findall(page[begins : page.index("</form>", begins)])}
