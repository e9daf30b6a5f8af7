"""The files of the invoicing program: deposited, read, confirmed, sent again and taken out while people pay.

A worker reads and writes them when it looks; it, and whoever presses a button, is sometimes killed in the middle.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from regal.agenda.operations import Handlers
from regal.config.jobs import HANDLERS
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.queries import settled_titres, titres_being_paid
from regal.titres import import_queries, imports
from regal.titres.import_states import ImportState
from regal.titres.models import Collector, Import, ImportSource, Titre
from regal.titres.queries import amount_due
from regal.titres.refusals import Refusal

if TYPE_CHECKING:
    from tests.simulation.history import History

COLUMNS = "NUMERO;EXERCICE;LIBELLE;NOM;MONTANT;DATE_EMISSION;TYPE;FACTURE_REDUITE"
LOOKS = 6  # how often somebody comes back to a report before giving it up


class Altered(AssertionError):
    """An import changed what somebody is paying, or has paid."""


@contextmanager
def leaving_alone(collectivite_id: int, now: datetime) -> Iterator[None]:
    """Nothing of what is held or was settled changes meanwhile. Call it inside `tenant()`. Raises Altered."""
    ours = Titre.objects.filter(collectivite=collectivite_id)
    settled = settled_titres(collectivite_id, list(ours.values_list("pk", flat=True)))

    def touched() -> dict[int, tuple[str, Money]]:
        return {
            titre.pk: (titre.status, amount_due(titre))
            for titre in ours.order_by("pk")
            if titre.pk in settled or titre.paid_at or (titre.held_until and titre.held_until > now)
        }

    before = touched()
    yield
    after = touched()
    if before != after:
        raise Altered(f"an import changed what is paid or being paid: {before} became {after}")


def _write(collectivite_id: int, import_id: int, now: datetime) -> None:
    with leaving_alone(collectivite_id, now):
        imports.write(collectivite_id, import_id, now, settled=settled_titres, paying=titres_being_paid)


HANDLERS_WATCHED: Handlers = {**HANDLERS, imports.WRITE_IMPORT: _write}


class Files:
    """What comes of one history's files."""

    def __init__(self, history: "History") -> None:
        self._history, self.world, self._draw = history, history.world, history.world.draw
        self._source: ImportSource | None = None
        self._sent: list[bytes] = []
        self._new = 0
        self.world.handlers = HANDLERS_WATCHED

    def deposit(self) -> None:
        """An agent deposits what the program gives out today, or what it gave the last time."""
        world, draw = self.world, self._draw
        is_again = bool(self._sent) and draw.random() < 0.4
        content = self._sent[-1] if is_again else self._content()
        self._sent.append(content)
        if draw.random() < 0.8:
            world.shorten_fuse()
        source = self._source = self._source or self._add_source()
        import_ = self._try(
            "deposits a file again" if is_again else "deposits a file",
            lambda: imports.keep(source=source, name="factures.csv", chunks=[content], now=world.clock()),
        )
        if import_ is None:
            self._history.in_(2, self.deposit)
            return
        self._history.in_(draw.choice((1, 8, 20)), lambda: self._confirm(import_))

    def left_undone(self) -> bool:
        """Whether any import still waits for a worker."""
        moving = (ImportState.RECEIVED, ImportState.READING, ImportState.WRITING)
        return Import.objects.of(self.world.town.collectivite).filter(state__in=moving).exists()

    def _confirm(self, import_: Import, *, looks: int = 1) -> None:
        """Confirm what the report says, once there is one: now and then it is thrown away."""
        world, draw = self.world, self._draw
        act: Callable[..., Import] = imports.confirm
        told: dict[str, Any] = {"only_valid": draw.random() < 0.8}
        if draw.random() < 0.1:
            act, told = imports.discard, {}
        done = self._try(
            "confirms a file" if told else "throws a file away",
            lambda: act(import_=import_, now=world.clock(), **told),
        )
        if done is None:
            if looks < LOOKS:
                self._history.in_(draw.choice((5, 20)), lambda: self._confirm(import_, looks=looks + 1))
            return
        if told:
            if draw.random() < 0.5:
                world.shorten_fuse()
            self._history.in_(draw.choice((5, 25, 50)), lambda: self._after(import_))

    def _after(self, import_: Import, *, looks: int = 1) -> None:
        """It is written, perhaps: a new invoice is paid, the file is taken out, or another one comes."""
        world, draw = self.world, self._draw
        with tenant(world.town.collectivite):
            written = Import.objects.of(world.town.collectivite).get(pk=import_.pk)
            world.note(f"a file is {written.state}: {written.created}, {written.adjusted}, {written.skipped}")
            known = {titre.pk for titre in world.titres}
            new = [titre for titre in import_queries.titres_of(written) if titre.pk not in known]
        if written.state == ImportState.WRITING and looks < LOOKS:
            self._history.in_(draw.choice((5, 25)), lambda: self._after(import_, looks=looks + 1))
            return
        world.titres += new
        if new and draw.random() < 0.7:
            self._history.somebody_pays(draw.choice(new))
        if draw.random() < 0.5:
            self._history.in_(draw.choice((1, 15, 40)), lambda: self._undo(import_))
        if draw.random() < 0.3:
            self._history.in_(draw.choice((2, 30)), self.deposit)

    def _undo(self, import_: Import, *, tries: int = 1) -> None:
        now = self.world.clock()

        def undo() -> Import:
            with leaving_alone(import_.collectivite_id, now):
                return imports.undo(import_=import_, settled=settled_titres, paying=titres_being_paid, now=now)

        undone = self._try("takes a file out", undo)
        if undone is None and tries < 3:
            self._history.in_(self._draw.choice((4, 30)), lambda: self._undo(import_, tries=tries + 1))

    def _try(self, what: str, act: Callable[[], Import]) -> Import | None:
        """What the agent wants, in its own transaction; None if it was refused, or its process killed."""
        world = self.world
        after = self._draw.randrange(30) if self._draw.random() < 0.15 else None

        def whole() -> Import:
            with tenant(world.town.collectivite):
                return act()

        try:
            done: Import | None = world.may_die(whole, after=after, who="bureau")
        except Refusal as refusal:
            world.note(f"the agent {what}: {refusal.code}")
            return None
        if done is not None:
            world.note(f"the agent {what}")
        return done

    def _add_source(self) -> ImportSource:
        product = self.world.product
        with tenant(self.world.town.collectivite):
            return imports.add_source(
                collectivite=self.world.town.collectivite,
                name="Cantine",
                collector=Collector.REGIE,
                regie=product.account.regie,
                default_product=product,
                as_drafts=self._draw.random() < 0.2,
                now=self.world.clock(),
            )

    def _content(self) -> bytes:
        """The invoices that we have, as they were issued, dearer or cheaper; new ones; credit notes; and mistakes."""
        draw, world = self._draw, self.world
        day = paris.today(world.began)
        lines = []

        def add(number: str, cents: int, kind: str = "F", reduces: str = "") -> None:
            euros = f"{cents // 100},{cents % 100:02d}"
            lines.append(f"{number};{day.year};Cantine, octobre 2026;Mme Leroy;{euros};{day:%d/%m/%Y};{kind};{reduces}")

        numbers = []
        for titre in {titre.number: titre for titre in world.titres}.values():
            if draw.random() < 0.8:
                change = draw.choice((0, 0, 0, 500, -500, 1_500, -2_000))
                add(titre.number, max(100, titre.amount.cents + change))
            numbers.append(titre.number)
        for _ in range(draw.choice((0, 1, 2))):
            self._new += 1
            numbers.append(f"FC{100_000 + self._new}")
            add(numbers[-1], draw.choice((4_200, 6_150)))
        for _ in range(draw.choice((0, 0, 1, 2))):
            add(f"AV{draw.randrange(10_000):06d}", draw.choice((300, 1_000, 4_200)), "A", draw.choice(numbers))
        mistake = draw.choice(("", "", "twice", "amount", "nothing", "unknown"))
        if mistake == "twice":
            add(numbers[0], 4_200)
        elif mistake == "amount":
            add("FC900001", 0)
        elif mistake == "unknown":
            add("AV999999", 300, "A", "FC999999")
        elif mistake == "nothing":
            lines.append("FC900002;;;;;;;")
        draw.shuffle(lines)
        return "\r\n".join([COLUMNS, *lines, ""]).encode()
