"""One history: payers, agents and accidents drawn from a seed; then calm; then what must be true.

`History` is what all gateways have in common; `payfip.py` and `paybox.py` say what payers do at each of them.
"""

import heapq
import itertools
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q, Sum

from regal.agenda.models import Watch
from regal.backoffice import titre_groups
from regal.cases.models import Case
from regal.cases.models import Kind as CaseKind
from regal.lib import paris, tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.counter import record_receipt
from regal.payments.departure import Departure, depart
from regal.payments.models import Allocation, Attempt, Means, Settlement, Share
from regal.payments.models import Payer as Known
from regal.payments.operations import PaymentOrder
from regal.payments.queries import balance_of, excess_of, fits_balance, paid_of, waiting_on
from regal.payments.refusals import AlreadyStarted, CannotHandOff, EarlierAttempt, GatewayAway, TitreNotPayable
from regal.payments.reversing import causes_of, reverse
from regal.payments.shares import Part, own_reference
from regal.payments.states import LIVE, State
from regal.receipts.models import Ticket, Why
from regal.titres.models import Direction, GroupAct, Titre, TitreGroup
from regal.titres.operations import (
    adjust,
    cancel,
    correct,
    edit_draft,
    issue,
    record_titre,
    restore,
    resume,
    suspend,
    transfer,
    write_off,
)
from regal.titres.refusals import Refusal
from tests.cast import MME_LEROY
from tests.simulation.files import Files
from tests.simulation.quittances import Quittances
from tests.simulation.world import World

TROUBLED = timedelta(hours=3)
EARLIER = "told of an earlier attempt"
PART = Money(3_000)  # of an invoice that may be paid in several times
LABELS = ("Cantine, octobre 2026", "Cantine et garderie, octobre 2026")
DECISIONS = ("payer", "refuser", "abandonner", "fermer")
WAITING = (
    "SELECT attempt_id, due_at FROM agenda_watch"
    " WHERE collectivite_id = %s AND closed_at IS NULL AND leased_until IS NULL"
)
HELD = (
    "SELECT held_by, held_until FROM titres_titre"
    " WHERE collectivite_id = %s AND held_until > %s AND held_by = ANY (%s::bigint[])"
)
PACES = (7, 17, 31, 47)  # minutes between two looks of the workers


class Disagreement(AssertionError):
    """REGAL does not say what the gateway knows."""


@dataclass(frozen=True, kw_only=True)
class Payer:
    """Somebody with an invoice, and what he will do with it."""

    name: str
    titre: Titre
    patience: int  # how many times he tries when something stops him
    decisions: tuple[str, ...]  # on the gateway's page, one each time that he comes there; the last one from then on
    clicks_twice: bool
    lingers: float  # minutes before he opens its page
    thinks: float  # and before he decides

    def decision(self, tries: int) -> str:
        return self.decisions[min(tries, len(self.decisions) - 1)]


class History(ABC):
    """Everybody's part but the gateway's. `loss`: how many notifications are lost, whatever the seed says."""

    weights = (8, 1, 1, 1)  # how often payers pay, are refused, abandon, close the tab
    weights_again = (16, 1, 1, 1)  # who has come back means to pay

    def __init__(self, *, world: World, loss: float | None = None) -> None:
        self.world = world
        world.gateway = type(self).__name__
        self._draw = self.world.draw
        self._loss = loss
        self._planned: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._payers = itertools.count(1)
        self._files = Files(self)
        self._quittances = Quittances(world)

    @abstractmethod
    def arrive(self, payer: Payer, departure: Departure, *, tries: int) -> None:
        """He opens the gateway's page, or opens it again."""

    @abstractmethod
    def agree_on_payments(self, attempts: Sequence[Attempt]) -> None:
        """Compare these with what the gateway itself knows. Raises Disagreement."""

    def begin(self) -> None:  # noqa: B027 - nothing, unless a gateway has it
        """Plan what goes wrong at this gateway alone."""

    def pass_a_night(self) -> None:  # noqa: B027
        """What people do each morning of the calm."""

    def tell(self) -> World:
        """Play it from beginning to end. Raises Disagreement."""
        with self.world.on_the_wire():
            self.trouble()
            self.calm()
        self.agree()
        if self.world.faults < 3:
            raise Disagreement("fewer than three faults: this history shows nothing")
        return self.world

    def trouble(self) -> None:
        """Three hours in which people pay and things go wrong."""
        world, draw = self.world, self._draw
        world.wire.bad = draw.choice((0.0, 0.1, 0.3, 0.6))
        world.post.loss = draw.choice((0.0, 0.25, 0.5, 1.0)) if self._loss is None else self._loss
        world.post.bad = draw.choice((0.0, 0.5, 0.9))
        world.mail.bad = world.mail_draw.choice((0.0, 0.3, 0.8))
        world.cuts = world.cut_draw.choice((0.0, 0.05, 0.2))
        if world.mail_draw.random() < 0.4:
            self._at(world.mail_draw.uniform(0, 120), lambda: self._no_mail(world.mail_draw.uniform(1, 90)))
        post = world.post
        world.note(f"{type(self).__name__}: wire bad {world.wire.bad}, calls lost {post.loss}, odd {post.bad}")
        for _ in range(draw.choice((1, 2, 2, 3))):
            payer = self._payer()
            self._at(draw.uniform(0, 90), lambda payer=payer: self.leave(payer))  # type: ignore[misc]
        for _ in range(draw.choice((0, 1, 2, 3, 4))):
            self._at(draw.uniform(0, 170), self._act)
        if draw.random() < 0.4:
            for _ in range(draw.choice((1, 1, 2))):
                self._at(draw.uniform(0, 120), self._files.deposit)
        for moment in self._quittances.moments():
            self._at(moment, self._quittances.act)
        self.begin()
        self.accident(self._outage, longest=40)
        self.accident(self._workers_sleep, longest=60)
        for moment in range(0, int(TROUBLED.total_seconds() // 60), draw.choice(PACES)):
            self._at(moment, self._work)
        end = TROUBLED.total_seconds() / 60
        while self._planned and self._planned[0][0] <= end:
            self._next()

    def _work(self) -> None:
        """What workers do; whoever holds an invoice is then asked about again before others may begin."""
        self.world.work()
        town, now = self.world.town.collectivite, self.world.clock()
        with connection.cursor() as cursor:  # a watch belongs to no tenant: most often there is none to compare
            cursor.execute(WAITING, [town.pk])
            due_at = dict(cursor.fetchall())
        if not due_at:
            return
        with tenant(town), connection.cursor() as cursor:
            cursor.execute(HELD, [town.pk, now, list(due_at)])
            held = cursor.fetchall()
        if any(due_at[attempt_id] > until for attempt_id, until in held):
            raise Disagreement("an invoice is held, and its payment asked about only after")

    def calm(self) -> None:
        """Nothing fails any more; everybody who has begun ends; the night passes, and a week."""
        world = self.world
        world.wire.bad, world.wire.up, world.wire.silent = 0.0, True, ""
        world.post.loss = world.post.bad = 0.0
        world.mail.bad, world.mail.up = 0.0, True
        world.cuts = 0.0
        world.worker_up = True
        world.note("calm")
        while self._planned:
            self._next()
        for _, request in world.post.late:
            world.post.deliver(request.url, request.body)
        for hours in (3, 24, 24, 24 * 6, 32):  # the last one ends after six: what was judged before is sealed by then
            world.clock.go_to(world.clock() + timedelta(hours=hours))
            self.pass_a_night()
            for _ in range(3):  # an account that failed is first tried by one question
                world.work()
                world.clock.wait(130)

    def agree(self) -> None:
        """Compare what REGAL holds with what the gateway itself knows. Raises Disagreement."""
        collectivite = self.world.town.collectivite
        with tenant(collectivite):
            attempts = list(Attempt.objects.of(collectivite).order_by("pk"))
            self.agree_on_payments(attempts)
            paid = sum(attempt.status == State.PAID for attempt in attempts)
            self.world.came_to.update({"attempts": len(attempts), "paid": paid, "given up": len(attempts) - paid})
            self.world.came_to["several invoices at once"] = (
                Attempt.objects.of(collectivite)
                .filter(status=State.PAID, pk__in=Share.objects.of(collectivite).filter(place=2).values("attempt"))
                .count()
            )
            for attempt in attempts:
                if attempt.status in LIVE:
                    raise Disagreement(f"an attempt is still {attempt.status} after a calm week")
            if self._files.left_undone():
                raise Disagreement("a file still waits for a worker after a calm week")
            for titre in self.world.titres:
                shares = Share.objects.of(collectivite).filter(titre=titre)
                part = dict(shares.values_list("attempt_id", "amount"))
                whose = Q(attempt__in=list(part)) | Q(receipt__titre=titre)
                settled = Settlement.objects.of(collectivite).filter(whose)
                received = sum((part.get(one.attempt_id or 0, one.amount) for one in settled), Money.zero)
                allocated = Allocation.objects.of(collectivite).filter(titre=titre)
                extinguished = allocated.aggregate(total=Sum("amount"))["total"] or Money.zero
                excess = Case.objects.of(collectivite).filter(
                    kind=CaseKind.EXCESS, subject_id__in=settled.filter(attempt__isnull=False).values("attempt")
                )
                too_much = sum((excess_of(case.facts, titre_id=titre.pk) for case in excess), Money.zero)
                firsts = [attempt.pk for attempt in attempts if attempt.titre_id == titre.pk]
                self.world.came_to["excédents"] += excess.filter(subject_id__in=firsts).count()
                self.world.came_to["money at the counter"] += sum(one.receipt_id is not None for one in settled)
                self.same("money of a titre", received, extinguished + too_much)
            self._agree_on_tickets()
        if Watch.objects.filter(collectivite=collectivite.pk, closed_at__isnull=True).exists():
            raise Disagreement("somebody is still being asked about after a calm week")

    def _agree_on_tickets(self) -> None:
        """One for each settlement whose payer is known; on the mail server once, or twice where that was counted."""
        town, taken = self.world.town.collectivite, Counter(self.world.mail.taken)
        known = Known.objects.of(town).values("attempt")
        owed = Settlement.objects.of(town).filter(attempt__titre__isnull=False, attempt__in=known)
        tickets = list(Ticket.objects.of(town))
        settled = sorted(owed.values_list("pk", flat=True))
        self.world.came_to.update({"tickets": len(tickets), "letters": len(self.world.mail.taken)})
        self.same("whose payers have a ticket", sorted(one.settlement_id for one in tickets), settled)
        self.same("letters that nobody wrote", set(taken) - {one.message_id for one in tickets}, set())
        for ticket in tickets:
            copies = taken[ticket.message_id]
            least = 0 if ticket.why == Why.NOT_KNOWN else 1
            if not (ticket.sent_at or ticket.why == Why.NOT_KNOWN) or not least <= copies <= 1 + ticket.uncertain:
                raise Disagreement(f"a ticket of which the mail server has {copies}: {ticket.why or 'sent'}")
            if copies > 2:
                raise Disagreement("a ticket that was sent three times")

    def same(self, what: str, ours: object, theirs: object) -> None:
        """Raises Disagreement."""
        if ours != theirs:
            raise Disagreement(f"{what}: REGAL says {ours}, the gateway {theirs}")

    def somebody_pays(self, titre: Titre) -> None:
        """Of an invoice that has just come."""
        payer = replace(self._payer(), titre=titre)
        self.in_(self._draw.uniform(0, 20), lambda: self.leave(payer))

    def _payer(self) -> Payer:
        draw = self._draw
        decisions = draw.choices(DECISIONS, weights=self.weights, k=1)
        decisions += draw.choices(DECISIONS, weights=self.weights_again, k=3)
        return Payer(
            name=f"payer {next(self._payers)}",
            titre=draw.choice(self.world.titres),
            patience=draw.choice((0, 3, 4, 6, 6)),
            decisions=tuple(decisions),
            clicks_twice=draw.random() < 0.15,
            lingers=draw.choice((0.1, 0.5, 0.5, 2, 2, 5, 12, 17)),
            thinks=draw.choice((0.5, 0.5, 1, 3, 3, 25, 70)),
        )

    def accident(self, begin: Callable[[float], None], *, longest: int) -> None:
        length = self._draw.uniform(1, longest)
        self._at(self._draw.uniform(0, 120), lambda: begin(length))

    def _outage(self, minutes: float) -> None:
        self.world.wire.up = False
        self.world.befall("the gateway is away")
        self.in_(minutes, lambda: setattr(self.world.wire, "up", True))

    def _workers_sleep(self, minutes: float) -> None:
        self.world.worker_up = False
        self.world.befall("no worker")
        self.in_(minutes, lambda: setattr(self.world, "worker_up", True))

    def _no_mail(self, minutes: float) -> None:
        self.world.mail.up = False
        self.world.befall("the mail server is away")
        self.in_(minutes, lambda: setattr(self.world.mail, "up", True))

    def _act(self) -> None:
        """The régisseur changes his mind about an invoice, or about all, whoever is paying them."""
        titre = self._draw.choice(self.world.titres)
        with tenant(self.world.town.collectivite):
            titre.refresh_from_db()
        why: dict[str, Any] = {"reason": "Décision de la régie", "now": self.world.clock()}
        told = {"titre": titre, **why}
        words: dict[str, Any] = {"label": self._draw.choice(LABELS), "debtor": "Mme Leroy", "due_on": None}
        acts: dict[str, Callable[[], object]] = {
            "reduces": lambda: adjust(direction=Direction.DECREASE, amount=Money(1_000), paid=paid_of, **told),
            "increases": lambda: adjust(direction=Direction.INCREASE, amount=Money(1_000), paid=paid_of, **told),
            "suspends": lambda: suspend(**told),
            "resumes": lambda: resume(**told),
            "cancels": lambda: cancel(paid=paid_of, **told),
            "transfers": lambda: transfer(**told),
            "writes off": lambda: write_off(**told),
            "restores": lambda: restore(waiting=waiting_on, **told),
            "restores again": lambda: restore(waiting=waiting_on, **told),
            "corrects": lambda: correct(**words, **told),
            "types one in": lambda: self._type_in(**words),
            "issues": lambda: issue(titre=titre, now=self.world.clock()),
            "acts on all": lambda: self._act_on_all(**why),
            "receives money": lambda: self._receive(titre),
            "receives money, whoever is paying": lambda: self._receive(titre, told_of_hold=True),
            "reverses": self._reverse,
        }
        act = self._draw.choice([*sorted(acts), *(name for name in sorted(acts) if name.startswith("receives"))])
        after = self._draw.randrange(25) if self._draw.random() < 0.15 else None
        died = self.world.killed
        try:
            self.world.may_die(acts[act], after=after, who="bureau")
        except Refusal as refusal:
            self.world.note(f"the régisseur {act}: {refusal.code}")
        else:
            if self.world.killed == died:
                self.world.note(f"the régisseur {act}")

    def _type_in(self, **words: Any) -> None:
        """A draft, that is mended at once; most are then issued."""
        world, now = self.world, self.world.clock()
        number = f"FC{200_000 + len(world.titres)}"
        day = paris.today(now)
        told: dict[str, Any] = {"product": world.product, "number": number, "issued_on": day, "now": now, **words}
        titre = record_titre(amount=Money(5_000), **told)
        world.titres.append(titre)
        titre = edit_draft(titre=titre, amount=Money(5_500), **told)
        if self._draw.random() < 0.8:
            issue(titre=titre, now=now)
            self.somebody_pays(titre)

    def _act_on_all(self, *, reason: str, now: datetime) -> None:
        """One act on all invoices, read first, confirmed at once or while they are being paid."""
        town = self.world.town.collectivite
        act = self._draw.choice(list(GroupAct))
        with tenant(town):
            group = titre_groups.prepare(
                collectivite=town, act=act, reason=reason, titres=Titre.objects.of(town), now=now
            )
        self.world.note(f"the régisseur reads what to {act} would do")
        self.in_(self._draw.choice((0.1, 9)), lambda: self._confirm_group(group))

    def _confirm_group(self, group: TitreGroup) -> None:
        self.world.may_die(
            lambda: titre_groups.confirm(group=group, now=self.world.clock()),
            after=self._draw.randrange(60) if self._draw.random() < 0.15 else None,
            who="bureau",
        )
        self.world.note(f"the régisseur does it: {group.act}")

    def _receive(self, titre: Titre, *, told_of_hold: bool = False) -> None:
        """All that is left, or a part of it, in one of the ways that money comes to a counter."""
        now = self.world.clock()
        with tenant(self.world.town.collectivite):
            owed = balance_of(titre)
        record_receipt(
            titre=titre,
            means=self._draw.choice(list(Means)),
            amount=self._draw.choice((owed, owed, PART)),
            received_on=paris.today(now),
            bank="CIC",
            piece="12",
            form_token=tokens.new_token(),
            told_of_hold=told_of_hold,
            now=now,
        )

    def _reverse(self) -> None:
        """A cheque comes back, or a bank takes its money back; or somebody presses twice."""
        with tenant(self.world.town.collectivite):
            settled = list(Settlement.objects.of(self.world.town.collectivite).order_by("pk"))
        if settled:
            settlement = self._draw.choice(settled)
            with tenant(self.world.town.collectivite):
                cause = self._draw.choice(causes_of(settlement))
            reverse(settlement=settlement, cause=cause, reason="Argent repris", now=self.world.clock())

    def leave(self, payer: Payer, *, tries: int = 0, told: bool = False) -> None:
        """He presses « Payer » on the recap page."""
        world = self.world
        with tenant(world.town.collectivite):
            owed = balance_of(payer.titre)
            pays_a_part = fits_balance(product=world.product, left=owed, amount=PART) and self._draw.random() < 0.3
        order = PaymentOrder(
            product=world.product,
            titre=payer.titre,
            debt_reference=payer.titre.reference,
            exercice=payer.titre.exercice,
            amount=PART if pays_a_part else owed if owed > Money.zero else payer.titre.amount,
            email=MME_LEROY,
            language="fr",
            flow_token=tokens.new_token(),
            handle=tokens.new_token(),
            told_of_earlier=told,
        )
        order = self._with_others(order)
        after = self._draw.randrange(60) if self._draw.random() < 0.15 else None
        departure, why = None, "killed"
        try:
            departure = world.may_die(lambda: depart(order=order, clock=world.clock), after=after, who="guichet")
            if payer.clicks_twice:
                world.befall("a second click")
                again = replace(order, handle=tokens.new_token())
                world.may_die(lambda: depart(order=again, clock=world.clock), who="guichet")
        except AlreadyStarted:
            world.note(f"{payer.name} clicks twice")
        except EarlierAttempt:
            why = EARLIER
        except TitreNotPayable as refusal:
            why = f"not payable: {refusal.reason}"
        except (GatewayAway, CannotHandOff) as refusal:
            why = f"{type(refusal).__name__}: {refusal.reason}"
        if departure is not None:
            world.note(f"{payer.name} leaves")
            self.in_(payer.lingers, lambda: self.arrive(payer, departure, tries=tries))
            return
        world.note(f"{payer.name} does not leave: {why}")
        if why == EARLIER:
            self.come_again(payer, (0.2, 2), tries=tries, told=True)
        elif why == "killed":
            self.come_again(payer, (0.2, 5), tries=tries, told=told)
        elif why == "not payable: held" or not why.startswith("not payable"):
            self.come_again(payer, (5, 22, 40), tries=tries, told=told)
        elif why != "not payable: paid" and self._draw.random() < 1 / 3:  # what was cancelled may be restored
            self.come_again(payer, (5, 40), tries=tries, told=told)

    def come_again(self, payer: Payer, pauses: Sequence[float], *, tries: int, told: bool = False) -> None:
        """After one of these pauses, if he has not had enough of it; he knows the way by now."""
        if tries < payer.patience:
            payer = replace(payer, lingers=min(payer.lingers, 2), thinks=min(payer.thinks, 3))
            self.in_(self._draw.choice(pauses), lambda: self.leave(payer, tries=tries + 1, told=told))

    def _with_others(self, order: PaymentOrder) -> PaymentOrder:
        """In one history of three, most payers pay one or two other invoices in the same payment."""
        draw, titre = self.world.several_draw, order.titre
        others = [one for one in self.world.titres if one != titre]
        if not self.world.pay_together or titre is None or not others or draw.random() < 0.3:
            return order
        chosen = [titre, *draw.sample(others, k=min(len(others), draw.choice((1, 2))))]
        draw.shuffle(chosen)
        with tenant(self.world.town.collectivite):
            owed = [balance_of(one) for one in chosen]
        parts = tuple(
            Part(titre=one, amount=left if left > Money.zero else one.amount)
            for one, left in zip(chosen, owed, strict=True)
        )
        self.world.note(f"{len(parts)} invoices in one payment")
        return replace(
            order,
            titre=chosen[0],
            several=parts,
            debt_reference=own_reference(order.flow_token),
            exercice=chosen[0].exercice,
            amount=sum((part.amount for part in parts), Money.zero),
        )

    def _at(self, minutes: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._planned, (minutes, next(self._order), act))

    def in_(self, minutes: float, act: Callable[[], None]) -> None:
        now = (self.world.clock() - self.world.began).total_seconds() / 60
        self._at(now + minutes, act)

    def _next(self) -> None:
        minutes, _, act = heapq.heappop(self._planned)
        self.world.clock.go_to(self.world.began + timedelta(minutes=minutes))
        act()
