"""What happens to money, told act by act; one process of it may die at one place, and then everybody goes on.

The payer whose page did not come presses again, begins again, or never comes back; the gateway repeats its call, or
does not; the agent presses again; other workers look. A calm night passes. Then REGAL and the gateway agree, and there
is as much of each thing as the story says, wherever that process died.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

from django.db.models import Q

from regal.agenda.models import Effect, Watch
from regal.backoffice import titre_groups
from regal.cases.models import Case
from regal.cases.models import Kind as CaseKind
from regal.gateways.base import PostForm, Redirect
from regal.journal.models import Entry
from regal.journal.models import Kind as EntryKind
from regal.lib import paris, tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.counter import record_receipt
from regal.payments.counter_refusals import AlreadyReversed
from regal.payments.departure import Departure, depart, go_again
from regal.payments.models import Allocation, Means, Reversal, Settlement
from regal.payments.operations import PaymentOrder
from regal.payments.queries import attempt_by_flow
from regal.payments.refusals import AlreadyStarted, EarlierAttempt, GatewayAway, TitreNotPayable
from regal.payments.reversing import reverse
from regal.payments.shares import Part, own_reference
from regal.people.models import Role
from regal.receipts import quittances
from regal.receipts.models import Quittance, QuittanceDelivery, Ticket
from regal.reconciliation import operations as reconciliation
from regal.reconciliation.models import DepositedFile
from regal.reconciliation.refusals import AlreadyDeposited, NoLongerADraft
from regal.titres.models import GroupAct, Titre, TitreGroup
from regal.titres.refusals import AlreadyConfirmed
from regal_sandbox.paybox_payments import open_payment
from regal_sandbox.paybox_remises import list_remises, remise_file
from regal_sandbox.paybox_requests import Fields, check_request
from regal_sandbox.transactions import decide, enter
from tests import cast
from tests.several import allow
from tests.simulation.deaths import Place, listening
from tests.simulation.history import Disagreement, History
from tests.simulation.paybox import BACKUP, PayboxHistory, PayboxWorld
from tests.simulation.payfip import PayfipHistory
from tests.simulation.world import PayfipWorld, World

BEGAN = datetime(2026, 11, 24, 9, tzinfo=UTC)
AMOUNT = Money(8_470)
CALM = (0.5, 3, 24, 24)  # hours
MOST_DAYS = 15  # a payment that nobody can be asked about is presumed dead after seven
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Death:
    """One place where a process dies, and what whoever waited for it does then."""

    place: Place
    sequel: str = ""

    def __str__(self) -> str:
        return f"{self.place}{self.sequel and f'; {self.sequel}'}"


class Story(History):
    """`sequels`: of each process that may die, what whoever waited for it may do then."""

    sequels: ClassVar[dict[str, tuple[str, ...]]] = {}
    comes_to: ClassVar[dict[str, int]] = {}
    invoices = 1
    is_paid = True  # every invoice, in the end
    one_in: ClassVar[int] = 1  # of its places that `make test` plays; odd: the four ways of a COMMIT follow one another

    def __init__(self, *, seed: int, death: Death | None = None) -> None:
        History.__init__(self, world=self.make_world(seed))
        self.world.spare(began=BEGAN)
        product = self.world.product
        with tenant(product.collectivite):
            product.partial_payment = False
            product.save(update_fields=["partial_payment"])
        allow(product, allowed=self.invoices > 1)
        self.world.titres = [
            cast.make_titre(product, reference=f"FC{number:06d}", amount=AMOUNT, now=BEGAN)
            for number in range(1, self.invoices + 1)
        ]
        self.world.post.deliver = self._call
        self.death = death
        self.steps: dict[str, list[str]] = {}
        self.has_died = False
        self.went_away = False
        self._repeated: list[tuple[str, bytes]] = []

    @abstractmethod
    def make_world(self, seed: int) -> World:
        """A town that this gateway serves."""

    @abstractmethod
    def happen(self) -> None:
        """The story, each process in `process`."""

    @abstractmethod
    def pay(self, departure: Departure) -> None:
        """He pays on the gateway's page."""

    def tell(self) -> World:
        with self.world.on_the_wire():
            self.happen()
            if self.death is not None and not self.has_died:
                raise Disagreement(f"nobody came to the place: {self.death}")
            self.pass_calm_nights()
        self.agree()
        self._agree_exactly()
        return self.world

    def process(self, name: str, do: Callable[[], T]) -> T | None:
        """What a process of REGAL does; None if it died."""
        place = self.death.place if self.death is not None and self.death.place.process == name else None
        steps = self.steps[name] = []
        killed = self.world.killed
        done = self.world.may_die(do, death=listening(steps, place), who=name)
        if self.world.killed > killed:
            self.has_died = True
            self.world.clock.wait(2)
            return None
        return done  # type: ignore[no-any-return]

    @property
    def sequel(self) -> str:
        return self.death.sequel if self.death is not None else ""

    # The payer

    def order(self, *titres: Titre) -> PaymentOrder:
        parts = tuple(Part(titre=titre, amount=AMOUNT) for titre in titres)
        token = tokens.new_token()
        return PaymentOrder(
            product=self.world.product,
            titre=titres[0],
            several=parts if len(titres) > 1 else (),
            debt_reference=own_reference(token) if len(titres) > 1 else titres[0].reference,
            exercice=titres[0].exercice,
            amount=sum((part.amount for part in parts), Money.zero),
            email=cast.MME_LEROY,
            language="fr",
            flow_token=token,
            handle=tokens.new_token(),
            told_of_earlier=False,
        )

    def leaves(self, order: PaymentOrder) -> Departure | None:
        """He presses « Payer »; if nothing comes of it, what he does then. None: he pays nothing."""
        departure = self.process("he leaves", lambda: depart(order=order, clock=self.world.clock))
        if departure is not None:
            return departure
        if self.sequel == "he never comes back":
            self.went_away = True
            return None
        return self._insist(_anew(order) if self.sequel == "he begins again" else order)

    def _insist(self, order: PaymentOrder) -> Departure:
        """He does what each page tells him, until he leaves."""
        clock, town = self.world.clock, self.world.town.collectivite
        for _ in range(6):
            try:
                return depart(order=order, clock=clock)
            except AlreadyStarted:
                with tenant(town):
                    started = attempt_by_flow(collectivite=town, flow_token=order.flow_token)
                assert started is not None
                hand_off = go_again(order=order, attempt=started, now=clock())
                if hand_off is not None:
                    return Departure(attempt=started, hand_off=hand_off)
                order = _anew(order)
            except EarlierAttempt:
                order = replace(order, told_of_earlier=True)
            except TitreNotPayable as refusal:
                if refusal.until is None:
                    raise Disagreement(f"the payer is told: {refusal.reason}") from refusal
                clock.go_to(refusal.until + timedelta(seconds=1))
                self.world.look()
            except GatewayAway:
                clock.wait(60)
        raise Disagreement("the payer does what he is told, and cannot leave")

    # The gateway

    def _call(self, url: str, body: bytes) -> None:
        """It calls the guichet."""
        if self.process("the guichet hears", lambda: self.world.keep_call(url, body)) is None:
            if self.sequel == "it calls again":
                self._repeated.append((url, body))
            raise ConnectionError

    # Workers

    def workers_look(self) -> None:
        """One looks, twice: what the questions brought is due. If it dies, others look a moment later, then later."""

        def look() -> bool:
            self.world.look()
            self.world.look()
            return True

        if self.process("a worker looks", look) is None:
            self._others_look(1, 60, 130)
        for url, body in self._repeated:
            self.world.clock.wait(60)
            self.world.keep_call(url, body)
        self._repeated.clear()
        self._others_look(1)

    def _others_look(self, *seconds: float) -> None:
        for pause in seconds:
            self.world.clock.wait(pause)
            self.world.look_if_needed()

    def pass_calm_nights(self) -> None:
        """Nothing fails any more; those who were to come back have. In the end nothing is due, now or later."""
        world, town = self.world, self.world.town.collectivite
        hours = list(CALM)
        while hours:
            world.clock.wait(hours.pop(0) * 3600)
            self.pass_a_night()
            for _ in range(3):  # an account that failed is first tried by one question
                world.look_if_needed()
                world.clock.wait(130)
            with tenant(town):
                waits = Effect.objects.filter(collectivite=town.pk, done_at__isnull=True).exists()
                waits |= Watch.objects.filter(collectivite=town.pk, closed_at__isnull=True).exists()
            if waits and not hours:
                if world.clock() > BEGAN + timedelta(days=MOST_DAYS):
                    raise Disagreement("something still waits for a worker after calm nights")
                hours.append(24)

    # What there must be

    def _agree_exactly(self) -> None:
        town, clock = self.world.town.collectivite, self.world.clock
        with tenant(town):
            entries = Entry.objects.of(town).exclude(kind=EntryKind.SEAL)
            told = {
                "settlements": Settlement.objects.of(town).count(),
                "allocations": Allocation.objects.of(town).count(),
                "reversals": Reversal.objects.of(town).count(),
                "entries": entries.count(),
                "tickets": Ticket.objects.of(town).count(),
                "excédents": Case.objects.of(town).filter(kind=CaseKind.EXCESS).count(),
                "quittances": Quittance.objects.of(town).count(),
            }
            self.same("what there is", told, dict.fromkeys(told, 0) | ({} if self.went_away else self.comes_to))
            titres = Titre.objects.of(town)
            held = titres.filter(Q(held_until__gt=clock()) | Q(held_by__isnull=False))
            self.same("invoices held", list(held.values_list("reference", flat=True)), [])
            is_paid = self.is_paid and not self.went_away
            due = titres.filter(paid_at__isnull=True, status="open")
            self.same("invoices still due", due.count(), 0 if is_paid else self.invoices)
            numbers = list(Quittance.objects.of(town).order_by("number").values_list("number", flat=True))
            self.same("quittances' numbers", numbers, list(range(1, len(numbers) + 1)))


def _anew(order: PaymentOrder) -> PaymentOrder:
    """The same invoices, by a form of its own."""
    token = tokens.new_token()
    reference = own_reference(token) if order.several else order.debt_reference
    return replace(order, flow_token=token, handle=tokens.new_token(), debt_reference=reference)


OF_A_PAYER = ("he presses again", "he begins again", "he never comes back")
OF_A_GATEWAY = ("it calls again", "it calls no more")
ONE_PAYMENT = {"settlements": 1, "allocations": 1, "entries": 1, "tickets": 1}


class AtPayfip(Story, PayfipHistory):
    def make_world(self, seed: int) -> World:
        return PayfipWorld(seed=seed, amounts=[])

    def open(self, departure: Departure) -> str:
        assert isinstance(departure.hand_off, Redirect)
        idop = parse_qs(urlsplit(departure.hand_off.url).query)["idop"][0]
        return enter(self.world.sandbox.world, idop).token

    def pay(self, departure: Departure) -> None:
        self.pay_there(self.open(departure))

    def pay_there(self, token: str) -> None:
        for _ in range(6):
            step = self._step(token, "payer", "carte")
            if decide(self.world.sandbox.world, token, step).is_finished:
                break
        self.world.sandbox.deliver_due()


class PaidByTheWebService(AtPayfip):
    """One invoice, paid through PayFiP's web service."""

    sequels = {"he leaves": OF_A_PAYER, "the guichet hears": OF_A_GATEWAY, "a worker looks": ("",)}
    comes_to = ONE_PAYMENT

    def happen(self) -> None:
        departure = self.leaves(self.order(*self.world.titres))
        self.world.clock.wait(20)
        if departure is not None:
            self.pay(departure)
        self.workers_look()


class SeveralInOnePayment(PaidByTheWebService):
    """Three invoices in one payment."""

    sequels = {"he leaves": OF_A_PAYER, "a worker looks": ("",)}
    invoices = 3
    one_in = 3
    comes_to = ONE_PAYMENT | {"allocations": 3}


class PaidAlready(AtPayfip):
    """Cash is received at the counter while he stands on PayFiP's page; he pays all the same."""

    sequels = {"a worker looks": ("",)}
    one_in = 3
    comes_to = {"settlements": 2, "allocations": 1, "entries": 2, "tickets": 1, "excédents": 1}

    def happen(self) -> None:
        token = self.open(depart(order=self.order(*self.world.titres), clock=self.world.clock))
        self.world.clock.wait(60)
        receive(self, told_of_hold=True)
        self.pay_there(token)
        self.workers_look()


def receive(story: Story, *, form_token: str = "", told_of_hold: bool = False) -> None:
    """All of the first invoice, in cash, at the counter."""
    now = story.world.clock()
    record_receipt(
        titre=story.world.titres[0],
        means=Means.CASH,
        amount=AMOUNT,
        received_on=paris.today(now),
        form_token=form_token or tokens.new_token(),
        told_of_hold=told_of_hold,
        now=now,
    )


class ReceivedAndTakenBack(AtPayfip):
    """Money is received at the counter, and its settlement reversed. The agent presses again where nothing came."""

    sequels = {"the agent receives it": ("",), "the agent reverses it": ("",)}
    comes_to = {"settlements": 1, "allocations": 1, "reversals": 1, "entries": 2}
    is_paid = False

    def happen(self) -> None:
        town, token = self.world.town.collectivite, tokens.new_token()

        def enter_it() -> bool:
            receive(self, form_token=token)
            return True

        if self.process("the agent receives it", enter_it) is None:
            enter_it()
        with tenant(town):
            settlement = Settlement.objects.of(town).get()

        def take_it_back() -> bool:
            reverse(settlement=settlement, cause="given_back", reason="Rendu au payeur", now=self.world.clock())
            return True

        if self.process("the agent reverses it", take_it_back) is None:
            try:
                take_it_back()
            except AlreadyReversed:
                self.world.note("it was reversed")


class Acknowledged(AtPayfip):
    """Two quittances are issued, and the first is taken; what comes of the second shows whether a number was burnt."""

    sequels = {"the régisseur issues it": ("",), "the régisseur takes it": ("",)}
    comes_to = {"settlements": 1, "allocations": 1, "entries": 1, "quittances": 1}

    def happen(self) -> None:
        town, now = self.world.town.collectivite, self.world.clock
        receive(self)
        with tenant(town):
            settlement = Settlement.objects.of(town).get()

        def issue() -> Quittance:
            return quittances.issue(settlement=settlement, role=Role.REGISSEUR, now=now())

        quittance = self.process("the régisseur issues it", issue) or issue()

        def take() -> quittances.File:
            return quittances.deliver(quittance=quittance, now=now())

        if self.process("the régisseur takes it", take) is None:
            take()
        with tenant(town):
            taken = list(QuittanceDelivery.objects.of(town).order_by("number").values_list("number", flat=True))
        self.same("what was taken", taken, list(range(1, len(taken) + 1)))
        self.same("an original and at most one copy", len(taken) in (1, 2), True)


class CancelledTogether(AtPayfip):
    """Two invoices are cancelled at once while a third person pays one of them: workers carry it out one by one."""

    sequels = {"the régisseur confirms": ("",), "a worker looks": ("",)}
    one_in = 3
    invoices = 2
    comes_to = ONE_PAYMENT

    def happen(self) -> None:
        world, town = self.world, self.world.town.collectivite
        with tenant(town):
            group = titre_groups.prepare(
                collectivite=town,
                act=GroupAct.CANCEL,
                reason="Décision de la régie",
                titres=Titre.objects.of(town),
                now=world.clock(),
            )
        departure = depart(order=self.order(world.titres[0]), clock=world.clock)
        world.clock.wait(5)

        def confirm() -> TitreGroup:
            return titre_groups.confirm(group=group, now=world.clock())

        if self.process("the régisseur confirms", confirm) is None:
            try:
                confirm()
            except AlreadyConfirmed:
                world.note("it was confirmed")
        self.workers_look()
        self.pay(departure)
        world.look()
        world.look()


class AtPaybox(Story, PayboxHistory):
    world: PayboxWorld

    def __init__(self, *, seed: int, death: Death | None = None) -> None:
        Story.__init__(self, seed=seed, death=death)
        self._deposited: set[int] = set()

    def make_world(self, seed: int) -> World:
        return PayboxWorld(seed=seed, amounts=[], direct=self.direct, has_address=not self.direct)

    def pay(self, departure: Departure) -> None:
        form, store = departure.hand_off, self.world.sandbox.world
        assert isinstance(form, PostForm)
        raw = urlencode(form.fields).encode()
        with store.store.transaction() as db:
            request = check_request(Fields.read(raw), db=db, now=store.now())
            backup = form.url.startswith(BACKUP)
            payment = open_payment(store, db, request, raw=raw, entry="/php/", backup=backup)
        paid = self._press(payment.token, "payer")
        self.world.sandbox.deliver_due()
        address = self.way_back_of(paid)
        self.process("his browser comes back", lambda: self.world.keep_return(departure.attempt, address))

    def pass_a_night(self) -> None:
        """Each remise is deposited on the morning that it comes."""
        for number, content, name in self.new_remises():
            self._deposit(content, name)
            self._deposited.add(number)

    def new_remises(self) -> list[tuple[int, bytes, str]]:
        """Number, content and name of those that nobody has deposited."""
        self.world.sandbox.deliver_due()
        with self.world.sandbox.world.store.transaction() as db:
            remises = [one for one in list_remises(db, site=self.world.site) if one.number not in self._deposited]
            files = [(one.number, remise_file(db, one)) for one in remises]
        return [(number, file.content, file.name) for number, file in files]

    def happen(self) -> None:
        departure = self.leaves(self.order(*self.world.titres))
        self.world.clock.wait(20)
        if departure is not None:
            self.pay(departure)
        self.workers_look()


class PaidByCardWithDirect(AtPaybox):
    """One invoice, paid by card at Paybox, whose Direct can be asked."""

    direct = True
    sequels = {
        "he leaves": OF_A_PAYER,
        "the guichet hears": OF_A_GATEWAY,
        "his browser comes back": ("",),
        "a worker looks": ("",),
    }
    one_in = 3
    comes_to = ONE_PAYMENT


class PaidByCard(AtPaybox):
    """The same where nobody can be asked: a signature settles it, the remise confirms it, or settles what was lost."""

    direct = False
    sequels = {
        "the guichet hears": OF_A_GATEWAY,
        "a worker looks": ("",),
        "the agent deposits the remise": ("",),
        "the agent confirms it": ("",),
        "a worker confirms it": ("",),
    }
    one_in = 3
    comes_to = ONE_PAYMENT

    def happen(self) -> None:
        super().happen()
        self.world.clock.wait(26 * 3600)
        self.world.look()
        for number, content, name in self.new_remises():
            self._press_until_heard("the agent deposits the remise", partial(self.deposit, content, name))
            self._press_until_heard("the agent confirms it", self.confirm)
            self._deposited.add(number)

        def look() -> bool:
            self.world.look()
            return True

        if self.process("a worker confirms it", look) is None:
            self._others_look(1, 60, 130)

    def deposit(self, content: bytes, name: str) -> DepositedFile:
        town, now = self.world.town, self.world.clock()
        with tenant(town.collectivite):
            return reconciliation.deposit(
                collectivite=town.collectivite,
                content=content,
                name=name,
                account_identifier="",
                actor_id=town.agent.pk,
                now=now,
            )

    def confirm(self) -> DepositedFile:
        town, now = self.world.town, self.world.clock()
        with tenant(town.collectivite):
            file = DepositedFile.objects.of(town.collectivite).get()
            assert file.covers_from is not None
            assert file.covers_to is not None
            return reconciliation.confirm(
                collectivite=town.collectivite,
                file_id=file.pk,
                covers_from=file.covers_from,
                covers_to=file.covers_to,
                actor_id=town.agent.pk,
                now=now,
            )

    def _press_until_heard(self, name: str, act: Callable[[], DepositedFile]) -> None:
        if self.process(name, act) is None:
            try:
                act()
            except (AlreadyDeposited, NoLongerADraft) as refusal:
                self.world.note(f"the agent reads {refusal.code}")


STORIES: Sequence[type[Story]] = (
    PaidByTheWebService,
    PaidByCardWithDirect,
    PaidByCard,
    SeveralInOnePayment,
    PaidAlready,
    ReceivedAndTakenBack,
    Acknowledged,
    CancelledTogether,
)
