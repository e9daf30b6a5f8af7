"""What an accounting file says was paid: plain values, whatever the format.

Facts: `docs/protocols/payfip.md`, "Files", and `docs/protocols/paybox.md`, "Remise files".

A file is evidence of the highest rank (`Rank.FILED`). Its readers, one a format, live beside the gateway whose payments
it lists; `reconciliation` finds the attempts.

    NotThisFile      the bytes are no file of payments that we can read; its sentence says what they are and what to do
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from regal.gateways.base import DebtKind
from regal.lib.money import Money


class FileKind(StrEnum):
    PES_RETOUR = "pes_retour"  # PES Retour Recette: titres and rôles of a budget
    REGISSEUR_CSV = "regisseur_csv"  # the régisseur's statement of one PayFiP client
    PAYBOX_REMISE = "paybox_remise"  # what Paybox sent to the bank, on one or several contracts


class LineKind(StrEnum):
    """What a line tells. Of PayFiP's files only payments are kept."""

    PAYMENT = "payment"
    REFUND = "refund"  # given back: its amount is positive, and is to be taken off
    CANCELLED = "cancelled"  # taken back before it was sent to the bank: the bank never sees it


class NotThisFile(Exception):
    """These bytes cannot be read as a file of payments. `code` is stable; `values` fill the sentence in.

    The codes and their French sentences stand side by side with the readers.
    """

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


@dataclass(frozen=True, kw_only=True)
class FiledDebt:
    """The debt that a line names, as far as the file names it; None where it does not."""

    kind: DebtKind
    reference: str | None = None  # whole, as attempts keep it: 18 digits of a titre, a régie's number
    exercice: int | None = None
    number: str | None = None  # of a rôle: without its zeros in front, which the file does not keep
    code: str | None = None  # code recette of a rôle
    period: str | None = None

    @property
    def shown(self) -> str:
        """For a person: what the file says of it."""
        parts = (str(self.exercice or ""), self.code or "", self.period or "", self.number or "")
        return self.reference or "-".join(part for part in parts if part)


@dataclass(frozen=True, kw_only=True)
class FiledTransaction:
    """How Paybox names an operation. Its numbers are without the zeros in front, which some files keep."""

    contract: str  # site and rank, as accounts write them: « 1999888-32 »
    number: str
    call: str  # shared by a payment and its refund; "" if unsaid
    reference: str  # as the payer left with it, so that of our attempt; "" if unsaid
    remittance: str  # the number of the remise: what the bank credits at once; "" of what never left
    remitted_on: date | None


@dataclass(frozen=True, kw_only=True)
class FiledPayment:
    """One payment of a file; of a remise, one operation."""

    number: int  # its place among the file's payments, from 1
    place: str  # where it stands, for a person who opens the file: « ligne 12 », « titre 412, ligne 1 »
    debt: FiledDebt
    amount: Money
    day: date  # Europe/Paris
    at: datetime | None = None  # aware, where the file gives an hour
    kind: LineKind = LineKind.PAYMENT
    transaction: FiledTransaction | None = None  # of a remise
    facts: Mapping[str, str] = field(default_factory=dict)  # text to text, bounded, nothing personal: kept as evidence


class Said(StrEnum):
    """Where a comptable's file says that a debt stands."""

    TAKEN = "taken"  # in charge, and not settled: a part may be collected
    SUSPENDED = "suspended"  # en instance
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    WRITTEN_OFF = "written_off"  # en non-valeur
    SETTLED = "settled"  # by whatever means


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledPiece:
    """Where one debt stands, as a comptable's file says it (`payfip_files/pes_retour.py`); None where it does not."""

    place: str
    debt: FiledDebt
    said: Said
    collected: Money | None  # in all
    amount: Money | None  # of what the file shows of the debt: a rôle's article may come in several lines
    is_told: bool  # by the line itself; otherwise only that its piece is in charge


@dataclass(frozen=True, kw_only=True)
class PaymentsFile:
    """A file of payments, read whole and found coherent (its own counts and sums are right)."""

    kind: FileKind
    digest: str  # SHA-256 of the bytes, in hexadecimal
    payments: tuple[FiledPayment, ...]  # those made through TIPI/PayFiP only; all lines of a remise
    left_out: int  # what the file also lists and is none of them (counter, cheque, transfer)
    account_identifier: str | None  # the client number that the file bears, if it bears one
    siret: str | None  # of the budget, in PES
    entity: str  # for a person: « SGC DE FICTIVILLE, COMMUNE DE VALFICTIF, budget 00 »; "" if the file says nothing
    first_day: date | None  # the days it covers, where it says so
    last_day: date | None
    made_on: date | None

    @property
    def total(self) -> Money:
        """The sum of what was paid; what was given back or cancelled is not taken off."""
        return Money(sum(one.amount.cents for one in self.payments if one.kind is LineKind.PAYMENT))
