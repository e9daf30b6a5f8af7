"""How a product's form asks for the reference: the words of the town's own notices, and the shape of its numbers.

Kept in `Product.reference_form` as plain JSON; empty means the usual words. A titre needs nothing: its three parts have
the same names everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from regal.gateways.base import DebtKind
from regal.lib.check_keys import CheckKey, has_right_key
from regal.lib.reference_patterns import BadPattern, ReferencePattern
from regal.lib.references import DebtReference, InvoiceReference, OrmcReference, TitreReference

LONGEST_NAME = 40


class BadReferenceForm(ValueError):
    """A setting that cannot be used; `field` names it."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, kw_only=True)
class TitreWords:
    """Exercice, titre, ligne: nothing to set."""


@dataclass(frozen=True, kw_only=True)
class OrmcWords:
    """The names of a rôle's blocks as the notice prints them, and what this product's notices have in common."""

    code_name: str = ""
    period_name: str = ""
    number_name: str = ""
    code: str = ""  # the two characters that all notices of this product bear; "" if they differ
    number_digits: int | None = None  # how many digits are printed, zeros in front included; None: 1 to 13


@dataclass(frozen=True, kw_only=True)
class InvoiceWords:
    """The name of a régie's invoice number, and how we know a good one from a bad one."""

    number_name: str = ""
    pattern: ReferencePattern | None = None
    check_key: CheckKey | None = None

    @property
    def is_checked(self) -> bool:
        """PayFiP checks nothing for a régie: without a pattern or a key, any number would pass."""
        return self.pattern is not None or self.check_key is not None

    def fit(self, number: str) -> str | None:
        """The number as it is kept, or None if it is none of these invoices'. Separators are already gone.

        One number has one writing, in capitals: else the same invoice could be paid twice unseen.
        """
        capitals = number.upper()
        fitting = self.pattern.fit(capitals) if self.pattern else capitals
        return None if fitting is None or (self.check_key and not has_right_key(self.check_key, fitting)) else fitting


Words = TitreWords | OrmcWords | InvoiceWords


def read_reference_form(kind: DebtKind, told: Mapping[str, object]) -> Words:
    """Read what a product holds. Raises BadReferenceForm with the member that is unknown or unusable."""
    known: dict[DebtKind, tuple[str, ...]] = {
        DebtKind.TITRE: (),
        DebtKind.ORMC: ("code_name", "period_name", "number_name", "code", "number_digits"),
        DebtKind.REGIE: ("number_name", "pattern", "check_key"),
    }
    for member in told:
        if member not in known[kind]:
            raise BadReferenceForm(member)
    if kind is DebtKind.TITRE:
        return TitreWords()
    if kind is DebtKind.ORMC:
        return OrmcWords(
            code_name=_name(told, "code_name"),
            period_name=_name(told, "period_name"),
            number_name=_name(told, "number_name"),
            code=_code(told),
            number_digits=_number_digits(told),
        )
    return InvoiceWords(number_name=_name(told, "number_name"), pattern=_pattern(told), check_key=_check_key(told))


def read_reference(kind: DebtKind, digits: str) -> DebtReference:
    """What a stored reference is, by its kind. Raises UnreadableReference."""
    if kind is DebtKind.TITRE:
        return TitreReference.parse(digits)
    return OrmcReference.parse(digits) if kind is DebtKind.ORMC else InvoiceReference.parse(digits)


def _name(told: Mapping[str, object], member: str) -> str:
    name = told.get(member, "")
    if not isinstance(name, str) or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadReferenceForm(member)
    return name.strip()


def _code(told: Mapping[str, object]) -> str:
    code = told.get("code", "")
    if not isinstance(code, str) or (code and not (len(code) == 2 and code.isascii() and code.isalnum())):
        raise BadReferenceForm("code")
    return code.upper()


def _number_digits(told: Mapping[str, object]) -> int | None:
    number = told.get("number_digits")
    if number is None:
        return None
    if type(number) is not int or not 1 <= number <= 13:
        raise BadReferenceForm("number_digits")
    return number


def _pattern(told: Mapping[str, object]) -> ReferencePattern | None:
    text = told.get("pattern", "")
    if not isinstance(text, str):
        raise BadReferenceForm("pattern")
    try:
        return ReferencePattern.parse(text) if text else None
    except BadPattern:
        raise BadReferenceForm("pattern") from None


def _check_key(told: Mapping[str, object]) -> CheckKey | None:
    name = told.get("check_key", "")
    if name == "":
        return None
    if name not in list(CheckKey):
        raise BadReferenceForm("check_key")
    return CheckKey(str(name))
