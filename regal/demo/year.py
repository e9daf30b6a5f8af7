"""A year of a régie as its town lived it: monthly files, money at the counter, mistakes mended. And rents.

Everything goes through the product's own operations, each on its day. It is one transaction: a first start that is cut
short leaves nothing of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import partial

from regal.collectivites.models import Product
from regal.demo import files
from regal.demo.files import HOUSEHOLDS
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.counter import record_receipt
from regal.payments.models import Cause, Means, Settlement
from regal.payments.queries import balance_of, paid_of, settled_titres, titres_being_paid, waiting_on
from regal.payments.reversing import reverse
from regal.reconciliation import operations as reconciliation
from regal.titres import imports
from regal.titres import operations as titres
from regal.titres.importers.base import FileFormat
from regal.titres.importers.opening import open_file
from regal.titres.models import Collector, Direction, Import, ImportSource, Titre
from regal.titres.states import State

MONTHS = 12
SOURCE, RENTS_SOURCE = "Logiciel périscolaire", "Logiciel de finances, loyers"
BANKS = ("Banque des Marais", "Crédit Fictif", "Caisse du Bourg")
NEVER_PAYS = 7  # of HOUSEHOLDS: the régie hands its invoices to the comptable after four months
STILL_OWED = {(1, 2), (1, 11), (2, 12), (2, 0), (3, 0), (4, 13), (6, 12)}  # (months ago, household), beside NEVER_PAYS
IN_PART = {(1, 9), (2, 4), (3, 12)}  # paid in two times, the second still to come
IN_TWO = {(4, 11), (7, 1), (9, 5)}
MORNING, AN_HOUR = time(9, 40), timedelta(hours=1)

MEANS = (Means.CHEQUE, Means.CARD, Means.CASH, Means.TRANSFER, Means.CHEQUE, Means.VOUCHERS)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What somebody decides of an invoice, so many days after it is issued."""

    days: int
    act: Callable[..., object]
    reason: str
    told: Mapping[str, object] = field(default_factory=dict)


CONTESTED = "La famille conteste deux repas, vérification avec l’école"
DECISIONS: dict[tuple[int, int], tuple[Step, ...]] = {  # (months ago, household); none of them is paid
    (1, 5): (
        Step(days=12, act=titres.suspend, reason=CONTESTED, told={"payer_note": "Attendez la réponse de la régie."}),
    ),
    (2, 8): (Step(days=20, act=titres.suspend, reason="Adresse inconnue, courrier revenu"),),
    (4, 2): (Step(days=2, act=titres.cancel, reason="Facture établie deux fois", told={"paid": paid_of}),),
    (7, 12): (Step(days=9, act=titres.cancel, reason="Enfant inscrit dans une autre école", told={"paid": paid_of}),),
    (9, 13): (Step(days=200, act=titres.write_off, reason="Famille partie sans adresse, petite somme"),),
}
MENDED: dict[tuple[int, int], tuple[Step, ...]] = {  # and then paid
    (3, 6): (
        Step(
            days=1,
            act=titres.adjust,
            reason="Enfant absent deux jours, certificat reçu",
            told={"direction": Direction.DECREASE, "amount": Money(770), "paid": paid_of},
        ),
    ),
    (6, 2): (
        Step(
            days=1,
            act=titres.adjust,
            reason="Un goûter oublié",
            told={"direction": Direction.INCREASE, "amount": Money(210), "paid": paid_of},
        ),
    ),
    (6, 9): (
        Step(days=1, act=titres.suspend, reason=CONTESTED),
        Step(days=2, act=titres.resume, reason="Repas confirmés par l’école"),
    ),
    (5, 11): (
        Step(days=1, act=titres.cancel, reason="Confondue avec une autre", told={"paid": paid_of}),
        Step(days=2, act=titres.restore, reason="Annulée par erreur", told={"waiting": waiting_on}),
    ),
}
TRANSFERRED = Step(
    days=95,
    act=titres.transfer,
    reason="Impayée après deux relances",
    told={"payer_note": "Payez au service de gestion comptable du Pays."},
)
REVERSED: dict[tuple[int, int], tuple[Means, Cause, str, bool]] = {  # how it was paid; and whether it is paid again
    (5, 3): (Means.CHEQUE, Cause.UNPAID_CHEQUE, "Chèque sans provision", True),
    (2, 13): (Means.CHEQUE, Cause.UNPAID_CHEQUE, "Chèque sans provision", False),
    (3, 8): (Means.CARD, Cause.TYPING_ERROR, "Payée en espèces, saisie carte", True),
}


@dataclass
class Year:
    """The year of one régie. `write` does what is past of it."""

    product: Product
    actor_id: int
    now: datetime
    _acts: list[tuple[datetime, Callable[[datetime], object]]] = field(default_factory=list)
    _titres: dict[str, Titre] = field(default_factory=dict)
    _receipts: int = 0

    def write(self) -> None:
        """Twelve months, and a file that waits for somebody to confirm it."""
        with tenant(self.product.collectivite):
            self._source = imports.add_source(
                collectivite=self.product.collectivite,
                name=SOURCE,
                collector=Collector.REGIE,
                regie=self.product.account.regie,
                default_product=self.product,
                now=_at_work(self._first(MONTHS)),
                actor_id=self.actor_id,
            )
            for ago in range(MONTHS - 1, -1, -1):
                self._plan_month(ago)
            for moment, act in sorted(self._acts, key=lambda planned: planned[0]):
                if moment + AN_HOUR <= self.now:
                    act(moment)
            self._leave_waiting()

    def _first(self, ago: int) -> date:
        return files.first_of_month(paris.today(self.now), ago)

    def _plan(self, moment: datetime, act: Callable[[datetime], object]) -> None:
        self._acts.append((_on_a_working_day(moment), act))

    def _plan_month(self, ago: int) -> None:
        first = self._first(ago)
        deposited = _at_work(first)
        bills = [files.bill(first, household) for household in range(len(HOUSEHOLDS))]
        mended = [files.bill(self._first(ago + 1), 10, meals=4)] if ago == 2 else []  # the price of one, anew
        name = f"periscolaire-{first:%Y-%m}.csv"
        if ago == 8:  # first with wrong quantities: taken out again, and deposited anew
            wrong = [files.bill(first, household, meals=30) for household in range(len(HOUSEHOLDS))]
            self._plan(deposited, lambda at: self._undo(self._import(name, files.csv(wrong), at), at))
            deposited += timedelta(hours=2)
        self._plan(deposited, lambda at: self._import(name, files.csv(bills + mended), at))
        for bill in bills:
            self._plan_bill((ago, bill.household), bill.number, deposited)

    def _plan_bill(self, key: tuple[int, int], number: str, deposited: datetime) -> None:
        ago, household = key
        for step in (*DECISIONS.get(key, ()), *MENDED.get(key, ())):
            self._plan(deposited + timedelta(days=step.days), partial(self._decide, number, step))
        if household == NEVER_PAYS and ago > 3:
            self._plan(deposited + timedelta(days=TRANSFERRED.days), partial(self._decide, number, TRANSFERRED))
        if household == NEVER_PAYS or key in STILL_OWED or key in DECISIONS:
            return
        days = 70 if key == (3, 10) else 3 + (household * 5 + ago * 3) % 24  # that one: once its price is mended
        paid = deposited + timedelta(days=days, hours=household % 6)
        if key in IN_PART | IN_TWO:
            self._plan(paid, partial(self._receive, number, part=Money(1_500)))
            if key in IN_TWO:
                self._plan(paid + timedelta(days=21), partial(self._receive, number))
        elif key in REVERSED:
            means, cause, reason, is_paid_again = REVERSED[key]
            self._plan(paid, partial(self._receive, number, means=means))
            self._plan(paid + timedelta(days=11), partial(self._reverse, number, cause, reason))
            if is_paid_again:
                self._plan(paid + timedelta(days=15), partial(self._receive, number, means=Means.CASH))
        else:
            self._plan(paid, partial(self._receive, number))

    def _import(self, name: str, content: bytes, at: datetime) -> Import:
        import_ = _read(self._source, name, content, actor_id=self.actor_id, now=at)
        return _write(import_, actor_id=self.actor_id, now=at + timedelta(minutes=4))

    def _undo(self, import_: Import, at: datetime) -> None:
        imports.undo(
            import_=import_,
            settled=settled_titres,
            paying=titres_being_paid,
            now=at + timedelta(minutes=31),
            actor_id=self.actor_id,
        )

    def _decide(self, number: str, step: Step, at: datetime) -> None:
        step.act(titre=self._titre(number), reason=step.reason, **step.told, now=at, actor_id=self.actor_id)

    def _receive(self, number: str, at: datetime, *, part: Money | None = None, means: Means | None = None) -> None:
        titre = self._titre(number)
        self._receipts += 1
        count = self._receipts
        means = means or MEANS[count % len(MEANS)]
        record_receipt(
            titre=titre,
            means=means,
            amount=part or balance_of(titre),
            received_on=paris.today(at),
            form_token=f"demonstration {number} {count}",
            bank=BANKS[count % len(BANKS)] if means is Means.CHEQUE else "",
            piece=f"{4_000_000 + count * 37}" if means in (Means.CHEQUE, Means.CARD, Means.TRANSFER) else "",
            book_number=f"{count:04d}" if means is Means.CASH else "",
            label=f"VIR {number}" if means is Means.TRANSFER else "",
            now=at,
            actor_id=self.actor_id,
        )

    def _reverse(self, number: str, cause: Cause, reason: str, at: datetime) -> None:
        paid = Settlement.objects.of(self.product.collectivite).filter(receipt__titre=self._titre(number))
        reverse(
            settlement=paid.select_related("receipt").latest("pk"),
            cause=cause,
            reason=reason,
            now=at,
            actor_id=self.actor_id,
        )

    def _titre(self, number: str) -> Titre:
        """As it was imported: whoever acts on it locks it and reads it again."""
        if number not in self._titres:
            ours = Titre.objects.of(self.product.collectivite).filter(product=self.product)
            standing = ours.exclude(status=State.WITHDRAWN).select_related("product", "collectivite")
            self._titres = {titre.number: titre for titre in standing}
        return self._titres[number]

    def _leave_waiting(self) -> None:
        """A file deposited just now: new invoices, another price, one that is paid, one that is there, a mistake."""
        last, before = self._first(1), self._first(2)
        bills = [
            files.bill(last, NEVER_PAYS, meals=2),  # another price
            files.bill(last, 3, meals=1),  # of one that is paid
            files.bill(before, 12),  # nothing new
            *(replace(files.bill(last, household, meals=1), number=files.number_of(last, 31 + household),
                      label=f"Accueil périscolaire, rattrapage de {files.month_of(last)}") for household in range(5)),
        ]  # fmt: skip
        wrong = replace(bills[-1], number="AP-12").as_csv()
        content = files.csv(bills, wrong)
        _read(self._source, "periscolaire-rattrapage.csv", content, actor_id=self.actor_id, now=self.now)


def write_rents(*, product: Product, actor_id: int, now: datetime) -> None:
    """Three months of rents that finance software handed over, and what the comptable says of them."""
    town = product.collectivite
    with tenant(town):
        budget = product.account.budget
        assert budget is not None
        source = imports.add_source(
            collectivite=town,
            name=RENTS_SOURCE,
            collector=Collector.COMPTABLE,
            budget=budget,
            file_format=FileFormat.PES_ALLER,
            products={"LOY": product.pk},
            now=_at_work(files.first_of_month(paris.today(now), files.RENT_MONTHS)),
            actor_id=actor_id,
        )
        every = files.rents(paris.today(now))
        for day in sorted({rent.issued_on for rent in every}):
            ours = [rent for rent in every if rent.issued_on == day]
            at = min(_at_work(day), now)
            content = files.pes_aller(ours, bordereau=day.month, siret=budget.siret, made_on=day)
            import_ = _read(source, f"PES_loyers_{day:%Y%m}.xml", content, actor_id=actor_id, now=at)
            _write(import_, actor_id=actor_id, now=at)
        heard = [rent for rent in every if rent.is_heard]
        if heard:
            said = now - timedelta(days=1)
            made_on = paris.today(said)
            content = files.pes_retour(heard, siret=budget.siret, made_on=made_on, town=town.name)
            file = reconciliation.deposit(
                collectivite=town, content=content, name="PES2R.xml", account_identifier="", actor_id=actor_id, now=said
            )
            reconciliation.confirm(
                collectivite=town, file_id=file.pk, covers_from=made_on, covers_to=made_on, actor_id=actor_id, now=said
            )
            reconciliation.confirm_file(town.pk, file.pk, said)


def _read(source: ImportSource, name: str, content: bytes, *, actor_id: int, now: datetime) -> Import:
    import_ = imports.keep(source=source, name=name, chunks=[content], now=now, actor_id=actor_id, ask=False)
    imports.read(
        source.collectivite_id,
        import_.pk,
        now,
        None,
        settled=settled_titres,
        paying=titres_being_paid,
        open_file=open_file,
    )
    return Import.objects.get(collectivite=source.collectivite_id, pk=import_.pk)


def _write(import_: Import, *, actor_id: int, now: datetime) -> Import:
    imports.confirm(import_=import_, only_valid=False, now=now, actor_id=actor_id)
    imports.write(import_.collectivite_id, import_.pk, now, settled=settled_titres, paying=titres_being_paid)
    return import_


def _at_work(day: date) -> datetime:
    return _on_a_working_day(paris.at(day, MORNING))


def _on_a_working_day(moment: datetime) -> datetime:
    """At the same hour, the next one if need be."""
    while not paris.is_working_day(paris.today(moment)):
        moment += timedelta(days=1)
    return moment
