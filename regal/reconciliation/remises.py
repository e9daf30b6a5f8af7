"""Which attempt each line of a remise is: plain values in, plain values out. Why so: `docs/decisions/0016`.

Nothing is guessed: a line names its transaction and the reference with which the payer left, which is our attempt's.

    named by its reference, or by the transaction that settled it    that attempt
    else by a transaction, then a call, that messages spoke of       that attempt
    by two of them                                                   ambiguous: none is confirmed
    by nothing                                                       paid elsewhere: another shop of the same contract

An attempt is paid by one transaction only. Another one of the same reference is money too much, and a person's affair.
A refund and a cancelled operation move nothing: they are written beside the attempt that they name.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from regal.gateways.files import FiledPayment, FiledTransaction, LineKind
from regal.lib.money import Money
from regal.reconciliation.matching import PAID_HERE, Match, Result, Told

Operation = tuple[str, str, str, int]  # contract, kind, transaction, cents: what an earlier file may have said already


@dataclass(frozen=True, kw_only=True)
class Known:
    """An attempt that some line may name, on a contract that the file speaks of."""

    key: int
    contract: str
    reference: str  # ours
    amount: Money
    is_paid: bool
    is_provisional: bool
    settled_by: str  # the transaction of its settlement; "" if there is none, or none is known
    is_taken: bool  # a line of an earlier file is this attempt
    heard: Collection[str] = ()  # transactions that messages and answers about it spoke of
    calls: Collection[str] = ()


def transaction_of(payment: FiledPayment) -> FiledTransaction:
    """Every line of a remise has one."""
    if payment.transaction is None:
        raise TypeError("no line of a remise")
    return payment.transaction


def operation_of(payment: FiledPayment) -> Operation:
    """What tells the operations of a contract apart."""
    told = transaction_of(payment)
    return told.contract, payment.kind.value, told.number, payment.amount.cents


def match_remise(
    payments: Iterable[FiledPayment], *, known: Iterable[Known], earlier: Mapping[Operation, Told]
) -> tuple[Match, ...]:
    """What becomes of each line, in the file's order, whatever that order is."""
    lines = list(payments)
    index = _Index(known)
    cancelled = {_number_of(one) for one in lines if one.kind is LineKind.CANCELLED}
    found: dict[int, Match] = {}
    new: list[tuple[FiledPayment, list[Known]]] = []
    for one in lines:
        told = earlier.get(operation_of(one))
        if told is not None:
            result = Result.ALREADY if told.result in PAID_HERE else told.result
            found[one.number] = Match(payment=one, result=result, attempt=told.attempt, is_repeated=True)
        elif one.kind is LineKind.REFUND:
            found[one.number] = Match(payment=one, result=Result.REFUND, attempt=_only(index.named_by(one)))
        elif one.kind is LineKind.CANCELLED or _number_of(one) in cancelled:
            found[one.number] = Match(payment=one, result=Result.CANCELLED, attempt=_only(index.named_by(one)))
        else:
            new.append((one, index.named_by(one)))
    taken: set[int] = set()
    for one, named in sorted(new, key=lambda pair: _rank(*pair)):
        match = _match_payment(one, named, taken)
        if match.result in PAID_HERE and match.attempt is not None:
            taken.add(match.attempt)
        found[one.number] = match
    return tuple(found[number] for number in sorted(found))


def _match_payment(payment: FiledPayment, named: list[Known], taken: set[int]) -> Match:
    if not named:
        return Match(payment=payment, result=Result.ELSEWHERE)
    if len(named) > 1:
        rivals = tuple(sorted(one.key for one in named))
        return Match(payment=payment, result=Result.AMBIGUOUS, rivals=rivals)
    (one,) = named
    is_another = one.settled_by not in ("", transaction_of(payment).number)
    if is_another or one.is_taken or one.key in taken:
        result = Result.PAID_TWICE
    elif one.amount != payment.amount:
        result = Result.OTHER_AMOUNT
    elif not one.is_paid:
        result = Result.CONFIRMED
    else:
        result = Result.FIRM if one.is_provisional else Result.ALREADY
    return Match(payment=payment, result=result, attempt=one.key)


def _rank(payment: FiledPayment, named: list[Known]) -> tuple[object, ...]:
    """Of two transactions of one attempt: the one that we know, else that of its amount, else the earlier."""
    number = transaction_of(payment).number
    return (
        all(number != one.settled_by for one in named),
        all(number not in one.heard for one in named),
        all(payment.amount != one.amount for one in named),
        payment.day,
        payment.at or datetime.max.replace(tzinfo=UTC),
        len(number),
        number,
        transaction_of(payment).contract,
    )


def _number_of(payment: FiledPayment) -> tuple[str, str]:
    told = transaction_of(payment)
    return told.contract, told.number


def _only(named: list[Known]) -> int | None:
    return named[0].key if len(named) == 1 else None


class _Index:
    """Attempts by what a line may say of them."""

    def __init__(self, known: Iterable[Known]) -> None:
        self._named: dict[tuple[str, str], dict[int, Known]] = defaultdict(dict)
        self._heard: dict[tuple[str, str], dict[int, Known]] = defaultdict(dict)
        self._called: dict[tuple[str, str], dict[int, Known]] = defaultdict(dict)
        self._settled: dict[tuple[str, str], dict[int, Known]] = defaultdict(dict)
        for one in known:
            self._named[one.contract, one.reference][one.key] = one
            if one.settled_by:
                self._settled[one.contract, one.settled_by][one.key] = one
            for number in one.heard:
                self._heard[one.contract, number][one.key] = one
            for call in one.calls:
                self._called[one.contract, call][one.key] = one

    def named_by(self, payment: FiledPayment) -> list[Known]:
        told = transaction_of(payment)
        sure = self._named.get((told.contract, told.reference), {}) if told.reference else {}
        sure = sure | self._settled.get((told.contract, told.number), {})
        called = self._called.get((told.contract, told.call), {}) if told.call else {}
        return list((sure or self._heard.get((told.contract, told.number), {}) or called).values())
