"""The debts that the comptable collects: what his files say of them, and what a payer may be told.

`words` finds the titres that a PES Retour speaks of and says what follows; `hear` has it follow. `compare` answers
whoever types a reference and an amount. Why so: `docs/decisions/0019`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from django.db.models import QuerySet

from regal.collectivites.models import Product
from regal.gateways.base import DebtKind
from regal.gateways.files import FiledDebt, FiledPiece, PaymentsFile, Said
from regal.gateways.payfip_files import read_pes_retour
from regal.lib.money import Money
from regal.lib.references import OrmcReference, UnreadableReference
from regal.lib.tenancy import HasKey
from regal.reconciliation.models import DepositedFile, FiledState
from regal.titres import holds
from regal.titres.comptable import HEARD, follow, steps_to
from regal.titres.models import Collector, DocumentKind, Titre
from regal.titres.payment_keys import is_key_of
from regal.titres.queries import adjusted, amount_due
from regal.titres.states import Event, State

T = TypeVar("T")

LONGEST_PLACE = 100
_BATCH = 500
_LONGEST_NUMBER = 13  # of a rôle's debt
_OVER = (Said.REJECTED, Said.CANCELLED, Said.WRITTEN_OFF, Said.SETTLED)


@dataclass(frozen=True, kw_only=True)
class Word:
    """What a file says of one of our titres, and the steps that follow from it."""

    titre: int
    place: str
    said: Said
    collected: Money | None
    is_late: bool
    steps: tuple[Event, ...]


def words(*, file: DepositedFile, read: PaymentsFile, lock: bool) -> list[Word]:
    """One for each of our titres that the file names, in the file's order; named twice, the last counts.

    `lock`: hold the titres until the end of the transaction, in the order in which everybody takes them.
    """
    if file.budget_id is None or file.content is None or not _titres(file).exists():
        return []
    named = _Named(file)
    read_pes_retour(bytes(file.content), tell=named.hear)
    pieces = named.all()
    if lock:
        holds.lock_all(collectivite_id=file.collectivite_id, titre_ids=pieces)
    told_on = day_of(read)
    before = _last_words(file, list(pieces))
    found: list[Word] = []
    for titre, due in _fresh(file, list(pieces)):
        piece, last = pieces[titre.pk], before.get(titre.pk)
        said = _said(titre, piece, due=due)
        is_late = last is not None and last.told_on > told_on
        is_new_amount = piece.collected is not None and piece.collected != (
            last.collected if last is not None and last.collected is not None else Money.zero
        )
        steps = steps_to(State(titre.status), said, is_first=last is None, is_new_amount=is_new_amount)
        found.append(
            Word(
                titre=titre.pk,
                place=piece.place[:LONGEST_PLACE],
                said=said,
                collected=piece.collected,
                is_late=is_late,
                steps=() if is_late else steps,
            )
        )
    rank = {key: place for place, key in enumerate(pieces)}
    return sorted(found, key=lambda word: rank[word.titre])


def hear(*, file: DepositedFile, read: PaymentsFile, found: Sequence[Word], now: datetime) -> None:
    """Write what the file says, and have it followed. The titres are locked."""
    steps = {word.titre: word.steps for word in found}
    last_steps = follow(steps, collectivite=file.collectivite, now=now)
    told_on = day_of(read)
    FiledState.objects.of(file.collectivite).bulk_create(
        [
            FiledState(
                collectivite_id=file.collectivite_id,
                file=file,
                number=number,
                place=word.place,
                titre_id=word.titre,
                told_on=told_on,
                said=word.said,
                collected=word.collected,
                is_late=word.is_late,
                steps=len(word.steps),
                last_step=last_steps.get(word.titre),
            )
            for number, word in enumerate(found, start=1)
        ],
        batch_size=1000,
    )


def day_of(read: PaymentsFile) -> date:
    """The day of which a file of the comptable speaks."""
    day = read.last_day or read.made_on
    assert day is not None  # `pes_retour` refuses a file without its date
    return day


def last_word_on(titre: Titre) -> FiledState | None:
    """What the comptable said last of a titre; files that came late say nothing."""
    said = FiledState.objects.filter(collectivite=titre.collectivite_id, titre=titre, is_late=False)
    return said.select_related("file").order_by("-told_on", "-pk").first()


def words_on(titre: Titre) -> list[FiledState]:
    """All that files said of a titre, in order."""
    said = FiledState.objects.filter(collectivite=titre.collectivite_id, titre=titre)
    return list(said.select_related("file").defer("file__content").order_by("pk"))


def _said(titre: Titre, piece: FiledPiece, *, due: Money) -> Said:
    """Where the titre stands. What shows a part of a rôle's article only closes nothing."""
    is_whole = piece.amount in (titre.amount, due) or (piece.collected is not None and piece.collected >= due)
    if piece.said is Said.TAKEN and not piece.is_told and piece.collected is not None and piece.collected >= due:
        return Said.SETTLED
    if piece.debt.kind is DebtKind.ORMC and piece.said in _OVER and not is_whole:
        return Said.TAKEN
    return piece.said


def _titres(file: DepositedFile) -> QuerySet[Titre]:
    """Those of which the file may speak."""
    return Titre.objects.of(file.collectivite).filter(
        collector=Collector.COMPTABLE, budget=file.budget_id, status__in=HEARD
    )


class _Named:
    """The titres that pieces name, as a file is read: of its pieces, only these are kept."""

    def __init__(self, file: DepositedFile) -> None:
        self._titres = _titres(file)
        self._waiting: list[FiledPiece] = []
        self._found: dict[int, FiledPiece] = {}

    def hear(self, piece: FiledPiece) -> None:
        self._waiting.append(piece)
        if len(self._waiting) == _BATCH:
            self._find()

    def all(self) -> dict[int, FiledPiece]:
        """Of each titre, the last piece that names it; one that may be of several titres is nobody's."""
        self._find()
        return self._found

    def _find(self) -> None:
        waiting, self._waiting = self._waiting, []
        whole = {piece.debt.reference for piece in waiting if piece.debt.reference}
        by_reference = dict(self._titres.filter(reference__in=whole).values_list("reference", "pk"))
        by_number = self._roles([piece.debt for piece in waiting if piece.debt.reference is None])
        for piece in waiting:
            debt = piece.debt
            if debt.reference is not None:
                key = by_reference.get(debt.reference)
            else:
                rivals = by_number.get((debt.exercice or 0, (debt.number or "").lstrip("0")), [])
                key = _the_one(rivals, code=debt.code, period=debt.period)
            if key is not None:
                self._found.pop(key, None)
                self._found[key] = piece

    def _roles(self, debts: Sequence[FiledDebt]) -> dict[tuple[int, str], list[tuple[int, str]]]:
        """By exercice and number without its zeros: keys and references."""
        found: dict[tuple[int, str], list[tuple[int, str]]] = {}
        if not debts:
            return found
        rows = self._titres.filter(
            document_kind=DocumentKind.ROLE,
            exercice__in={debt.exercice for debt in debts},
            number__in={number for debt in debts for number in _as_printed(debt.number or "")},
        )
        for key, exercice, number, reference in rows.values_list("pk", "exercice", "number", "reference"):
            found.setdefault((exercice, number.lstrip("0")), []).append((key, reference))
        return found


def _the_one(rivals: Sequence[tuple[int, str]], *, code: str | None, period: str | None) -> int | None:
    """Of the rôle's debts of one number, that of this code and period; or the only one there is of this period.

    Whether the file's product code is the one that the notice prints is not known (`docs/protocols/payfip.md`,
    "Files").
    """
    read: list[tuple[int, OrmcReference]] = []
    for key, text in rivals:
        try:
            read.append((key, OrmcReference.parse(text)))
        except UnreadableReference:
            continue
    of_period = [one for one in read if not period or one[1].period.lstrip("0") == period.lstrip("0")]
    alike = [one for one in of_period if code in (None, "", one[1].code)]
    chosen = alike or of_period
    return chosen[0][0] if len(chosen) == 1 else None


def _as_printed(number: str) -> Iterator[str]:
    """A number that a file writes without its zeros, with as many as a notice may print."""
    bare = number.lstrip("0")
    return (bare.rjust(length, "0") for length in range(max(1, len(bare)), max(_LONGEST_NUMBER, len(bare)) + 1))


def _fresh(file: DepositedFile, keys: Sequence[int]) -> Iterator[tuple[Titre, Money]]:
    """As they are now, once they are locked, each with what is due."""
    for some in _batches(keys):
        changes = adjusted(collectivite=file.collectivite, keys=some)
        for titre in Titre.objects.of(file.collectivite).filter(pk__in=some, status__in=HEARD).order_by("pk"):
            yield titre, titre.amount + changes.get(titre.pk, Money.zero)


def _last_words(file: DepositedFile, keys: Sequence[int]) -> dict[int, FiledState]:
    found: dict[int, FiledState] = {}
    for some in _batches(keys):
        said = FiledState.objects.of(file.collectivite).filter(titre__in=some, is_late=False)
        rows = said.order_by("titre", "-told_on", "-pk").distinct("titre")
        found |= {row.titre_id: row for row in rows}
    return found


def _batches(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))


class Verdict(StrEnum):
    """What our base says of what a payer typed for a product of the comptable."""

    NOTHING = "nothing"  # it agrees
    DIFFERS = "differs"  # no such reference, or another amount: one answer for both
    SETTLED = "settled"
    NOT_DUE = "not_due"  # rejected, cancelled, suspended, written off
    IN_PART = "in_part"  # the comptable has received a part


@dataclass(frozen=True, kw_only=True)
class Comparison:
    verdict: Verdict
    left: Money | None = None  # IN_PART


def is_compared(*, product: Product, exercice: int | None) -> bool:
    """Whether what is typed for a product is compared: the town wants it, and imported a debt of that exercice.

    It depends on nothing that is secret. Call it inside `tenant()`.
    """
    if product.debt_kind == DebtKind.REGIE or not product.compares_with_base or exercice is None:
        return False
    of_the_year = _payable(product).filter(reference__gte=f"{exercice}", reference__lt=f"{exercice + 1}")
    return of_the_year.filter(product=product).exists()


def compare(*, product: Product, reference: str, amount: Money) -> Comparison:
    """Say whether the base that the collectivité imported holds this debt with this amount. Call it inside `tenant()`.

    Only reference and amount together tell more than that they do not agree, and the same questions are put whatever is
    found.
    """
    titre = _payable(product).filter(budget=product.account.budget_id, reference=reference).first()
    asked = titre or Titre(pk=0, collectivite_id=product.collectivite_id, amount=Money.zero)
    due = amount_due(asked)
    left = _left(due, last_word_on(asked))
    if titre is None or amount not in (due, left):
        return Comparison(verdict=Verdict.DIFFERS)
    if amount != left and titre.status == State.OPEN:
        return Comparison(verdict=Verdict.IN_PART, left=left)
    return Comparison(verdict=standing_of(titre))


def typed_elsewhere(*, product: Product, references: Sequence[str], amount: Money, key: str) -> Titre | None:
    """The comptable's titre that somebody typed in the form of a régie's product, with its amount or its payment key.

    The same questions are put whatever is found. Call it inside `tenant()`.
    """
    titres = _payable(product).select_related("product__account").filter(reference__in=references)
    titre = titres.order_by("pk").first() if references else None
    asked = titre or Titre(pk=0, collectivite_id=product.collectivite_id, reference="", amount=Money.zero)
    due = amount_due(asked)
    left = _left(due, last_word_on(asked))
    fits = is_key_of(asked, key) if key else amount in (due, left)
    return titre if fits else None


def _payable(product: Product) -> QuerySet[Titre]:
    return Titre.objects.of(product.collectivite).filter(collector=Collector.COMPTABLE, status__in=HEARD)


def standing_of(titre: Titre) -> Verdict:
    """What is said of a comptable's titre to whoever knows its reference and its amount."""
    if titre.status == State.CLOSED:
        return Verdict.SETTLED
    return Verdict.NOTHING if titre.status == State.OPEN else Verdict.NOT_DUE


def left_of(titre: Titre) -> Money:
    """What is to be paid of a comptable's titre, as far as his files say; all of it where they say nothing."""
    return _left(amount_due(titre), last_word_on(titre))


def collected_of(titres: Collection[int], *, collectivite: HasKey) -> dict[int, Money]:
    """What the comptable collected of each of several titres, where a file says so."""
    said = FiledState.objects.of(collectivite).filter(titre__in=titres, is_late=False)
    last = said.order_by("titre", "-told_on", "-pk").distinct("titre").values_list("titre", "collected")
    return {titre: collected for titre, collected in last if collected is not None}


def _left(due: Money, last: FiledState | None) -> Money:
    collected = last.collected if last is not None and last.collected is not None else Money.zero
    return due - collected if collected < due else due
