"""Which attempt each payment of a file is: plain values in, plain values out. Why so: `docs/decisions/0007`.

Of PayFiP's files, which name a debt. Paybox's remises name our attempt: `remises.py`.

An attempt fits a payment when its reference reads as the file writes it and the payment's day is neither before the day
on which its payer left, nor more than so many days after. Among those that fit and have the payment's amount:

    more than one debt          ambiguous: REGAL does not choose, and confirms none of them
    one debt                    each payment takes one attempt, each attempt one payment, best suited first
    none, but other amounts     the best suited is shown to a person
    none at all                 paid elsewhere: at the counter, on PayFiP's own portal

How well an attempt suits a payment depends on the two alone, so « best suited first » has one outcome only: the one in
which no payment and attempt suit each other better than what both got. Where lines stand in the file changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum, StrEnum

from regal.gateways.base import DebtKind, Outcome
from regal.gateways.files import FiledDebt, FiledPayment
from regal.lib.money import Money
from regal.lib.references import OrmcReference, UnreadableReference

LONGEST_REFERENCE = 60


class Result(StrEnum):
    """What becomes of one payment of a file."""

    CONFIRMED = "confirmed"  # its attempt is proved paid by this line
    ALREADY = "already_confirmed"  # its attempt was proved paid before
    ELSEWHERE = "elsewhere"  # it never passed through us
    OTHER_AMOUNT = "other_amount"
    AMBIGUOUS = "ambiguous"  # it may be of several debts
    # Of a remise:
    FIRM = "firm"  # its attempt was provisionally paid, and is now confirmed
    PAID_TWICE = "paid_twice"  # its attempt is paid by another transaction
    REFUND = "refund"
    CANCELLED = "cancelled"


PAID_HERE = (Result.CONFIRMED, Result.ALREADY, Result.FIRM)


class Suits(IntEnum):
    """How well an attempt suits a payment that it fits, the best first."""

    PROVED = 0  # paid already, by other evidence than a file
    ANNOUNCED_THAT_DAY = 1
    ANNOUNCED = 2  # paid, on another day
    UNTOLD = 3
    DENIED = 4  # announced refused or abandoned


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An attempt that left for the gateway, on one of the accounts that the file speaks of."""

    key: int
    kind: DebtKind
    reference: str
    amount: Money
    left_at: datetime
    left_on: date  # Europe/Paris, as all days here
    announced: str = ""  # an Outcome
    announced_on: date | None = None
    is_paid: bool = False
    is_taken: bool = False  # a line of an earlier file is this attempt

    @property
    def is_denied(self) -> bool:
        return self.announced in (Outcome.REFUSED, Outcome.ABANDONED)

    @property
    def is_free(self) -> bool:
        return not (self.is_paid or self.is_taken)

    def suits(self, day: date) -> Suits:
        if self.is_paid:
            return Suits.PROVED
        if self.announced == Outcome.PAID:
            return Suits.ANNOUNCED_THAT_DAY if self.announced_on == day else Suits.ANNOUNCED
        return Suits.DENIED if self.is_denied else Suits.UNTOLD

    def distance(self, day: date) -> int:
        """Days between a payment and the day on which we expect it."""
        expected = self.announced_on if self.announced == Outcome.PAID and self.announced_on else self.left_on
        return abs((day - expected).days)


Key = tuple[str, int, date]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a line of an earlier file led to."""

    result: Result
    attempt: int | None


@dataclass(frozen=True, kw_only=True)
class Match:
    """What becomes of one payment, and of which attempt it is, or might be."""

    payment: FiledPayment
    result: Result
    attempt: int | None = None
    is_repeated: bool = False  # an earlier file says it already: nothing follows from it
    rivals: tuple[int, ...] = ()  # of an ambiguous one


def reference_of(debt: FiledDebt) -> str:
    """What a file says of a debt, no longer than we keep."""
    return debt.shown[:LONGEST_REFERENCE]


def key_of(payment: FiledPayment) -> Key:
    """What tells payments apart: two lines of one key in one file are two payments, in two files they may be one."""
    return reference_of(payment.debt), payment.amount.cents, payment.day


def match(
    payments: Iterable[FiledPayment],
    *,
    candidates: Iterable[Candidate],
    earlier: Mapping[Key, Sequence[Told]],
    longest_days: int,
) -> tuple[Match, ...]:
    """What becomes of each payment, in the file's order.

    `earlier`: for each key, the lines of that earlier file which has the most of them. `longest_days`: how long after
    the payer left a payment may be dated.
    """
    in_order = sorted(payments, key=_by_value)
    found: dict[int, Match] = {}
    seen: dict[Key, int] = defaultdict(int)
    new: list[FiledPayment] = []
    for payment in in_order:
        told = earlier.get(key_of(payment), ())
        place, seen[key_of(payment)] = seen[key_of(payment)], seen[key_of(payment)] + 1
        if place < len(told):
            found[payment.number] = _repeated(payment, told[place])
        else:
            new.append(payment)
    for one in _match_new(new, _Index(candidates), timedelta(days=longest_days)):
        found[one.payment.number] = one
    return tuple(found[number] for number in sorted(found))


def _match_new(new: list[FiledPayment], index: "_Index", longest: timedelta) -> Iterable[Match]:
    wanting: list[FiledPayment] = []
    others: dict[int, list[Candidate]] = {}
    pairs: list[tuple[tuple[object, ...], FiledPayment, Candidate]] = []
    for place, payment in enumerate(new):
        fitting = [one for one in index.read_as(payment.debt) if timedelta(0) <= payment.day - one.left_on <= longest]
        exact = [one for one in fitting if one.amount == payment.amount]
        other = [] if exact else [one for one in fitting if one.is_free]
        if len({one.reference for one in exact or other}) > 1:
            rivals = tuple(sorted(one.key for one in exact or other))
            yield Match(payment=payment, result=Result.AMBIGUOUS, rivals=rivals)
            continue
        wanting.append(payment)
        others[payment.number] = other
        pairs += [((*_rank(payment, one), place), payment, one) for one in exact if not one.is_taken]
    taken: set[int] = set()
    got: dict[int, Candidate] = {}
    for _, payment, candidate in sorted(pairs, key=lambda pair: pair[0]):
        if payment.number not in got and candidate.key not in taken:
            got[payment.number] = candidate
            taken.add(candidate.key)
    for payment in wanting:
        mine = got.get(payment.number)
        if mine is not None:
            result = Result.ALREADY if mine.is_paid else Result.CONFIRMED
            yield Match(payment=payment, result=result, attempt=mine.key)
            continue
        left = [one for one in others[payment.number] if one.key not in taken]
        if left:
            nearest = min(left, key=lambda one: _rank(payment, one))
            yield Match(payment=payment, result=Result.OTHER_AMOUNT, attempt=nearest.key)
        else:
            yield Match(payment=payment, result=Result.ELSEWHERE)


def _repeated(payment: FiledPayment, told: Told) -> Match:
    result = Result.ALREADY if told.result in PAID_HERE else told.result
    return Match(payment=payment, result=result, attempt=told.attempt, is_repeated=True)


def _rank(payment: FiledPayment, candidate: Candidate) -> tuple[object, ...]:
    day = payment.day
    return candidate.suits(day), candidate.distance(day), candidate.left_at, candidate.key


def _by_value(payment: FiledPayment) -> tuple[object, ...]:
    """What a payment says, before where it stands."""
    at = payment.at or datetime.max.replace(tzinfo=UTC)
    return payment.day, at, reference_of(payment.debt), payment.amount, payment.number


class _Index:
    """Candidates by what a file may say of their debt."""

    def __init__(self, candidates: Iterable[Candidate]) -> None:
        self._whole: dict[tuple[DebtKind, str], list[Candidate]] = defaultdict(list)
        self._roles: dict[tuple[int, str], list[tuple[OrmcReference, Candidate]]] = defaultdict(list)
        for candidate in candidates:
            self._whole[candidate.kind, candidate.reference].append(candidate)
            if candidate.kind is DebtKind.ORMC:
                try:
                    reference = OrmcReference.parse(candidate.reference)
                except UnreadableReference:  # written before the forms were checked: no file can name it
                    continue
                self._roles[reference.exercice, _unpadded(reference.number)].append((reference, candidate))

    def read_as(self, debt: FiledDebt) -> list[Candidate]:
        """Those whose reference may be the one that the file means.

        Whether the file's product code and period of a rôle are those that the notice prints is not known
        (`docs/protocols/payfip.md`, "Files"): where they differ, only what PayFiP announced paid is thought of.
        """
        if debt.reference is not None:
            return self._whole.get((debt.kind, debt.reference), [])
        if debt.kind is not DebtKind.ORMC or debt.exercice is None or not debt.number:
            return []
        found = self._roles.get((debt.exercice, _unpadded(debt.number)), [])
        alike = [
            (reference, candidate)
            for reference, candidate in found
            if debt.code in (None, "", reference.code)
            and (not debt.period or _unpadded(debt.period) == _unpadded(reference.period))
        ]
        return [one for _, one in alike] or [one for _, one in found if one.announced == Outcome.PAID]


def _unpadded(digits: str) -> str:
    return digits.lstrip("0")
