"""A number that an agent gives as an example: would the product's form take it, and if not, why?

The payer reads one short sentence; whoever sets the form up needs to know which of its rules says no.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.collectivites.reference_forms import InvoiceWords, OrmcWords, Words
from regal.lib.check_keys import CheckKey, has_right_key, key_of
from regal.lib.references import (
    LONGEST_REFDET,
    InvoiceReference,
    OrmcReference,
    ReferenceReason,
    TitreReference,
    UnreadableReference,
)

KEY_LENGTHS = {CheckKey.LUHN: 1, CheckKey.MOD_97_10: 2, CheckKey.MOD_37_36: 1}


class Refused(ValueError):
    """The form would refuse the number; `why` is a sentence, filled in by `values`."""

    def __init__(self, why: Promise | str, **values: object) -> None:
        super().__init__(str(why) % values)


def as_kept(words: Words, typed: str, *, shortest: int) -> str:
    """The number as REGAL would send it to PayFiP; `shortest` is what PayFiP takes. Raises Refused."""
    if isinstance(words, InvoiceWords):
        return _invoice(words, typed, shortest=shortest)
    if isinstance(words, OrmcWords):
        return _ormc(words, typed)
    try:
        return TitreReference.parse(typed).printed
    except UnreadableReference:
        raise Refused(_("il faut l’exercice, le numéro de titre et la ligne, par exemple 2026-412-1.")) from None


def _ormc(words: OrmcWords, typed: str) -> str:
    try:
        reference = OrmcReference.parse(typed)
    except UnreadableReference:
        raise Refused(_("il faut les quatre blocs, par exemple 2026-EA-00-000012345.")) from None
    if words.code and reference.code != words.code:
        raise Refused(_("son code est %(code)s, et non %(expected)s."), code=reference.code, expected=words.code)
    if words.number_digits and len(reference.number) != words.number_digits:
        raise Refused(
            _("son dernier bloc a %(digits)s chiffres, et non %(expected)s."),
            digits=len(reference.number),
            expected=words.number_digits,
        )
    return reference.printed


def _invoice(words: InvoiceWords, typed: str, *, shortest: int) -> str:
    try:
        number = InvoiceReference.parse(typed).number.upper()
    except UnreadableReference as unreadable:
        if unreadable.reason is ReferenceReason.NOT_PLAIN:
            raise Refused(_("il contient autre chose que des lettres sans accent et des chiffres.")) from None
        raise Refused(_("il a plus de %(longest)s caractères."), longest=LONGEST_REFDET) from None
    pattern, key = words.pattern, words.check_key
    if pattern and not pattern.least <= len(number) <= pattern.most:
        lengths = f"{pattern.least}" if pattern.least == pattern.most else f"{pattern.least}–{pattern.most}"
        raise Refused(
            _("sans espace ni tiret, il est long de %(length)s, et le modèle veut %(lengths)s."),
            length=len(number),
            lengths=lengths,
        )
    if pattern and pattern.fit(number) is None:
        raise Refused(_("il n’a pas la forme du modèle, par exemple %(example)s."), example=pattern.example)
    if key and not has_right_key(key, number):
        raise _wrong_key(key, number)
    if len(number) < shortest:
        raise Refused(_("PayFiP veut au moins %(shortest)s caractères."), shortest=shortest)
    kept = words.fit(number)
    assert kept is not None, "the reasons above say less than the rule itself"
    return kept


def _wrong_key(key: CheckKey, number: str) -> Refused:
    """Which key it should end with; a number that cannot have one says so."""
    bare = number[: -KEY_LENGTHS[key]]
    if not bare or (key is not CheckKey.MOD_37_36 and not number.isdecimal()):
        return Refused(_("il n’a pas de clé de contrôle : cette clé ne va qu’aux numéros faits de chiffres."))
    expected = key_of(key, bare)
    return Refused(_("sa clé est fausse : %(bare)s se termine par %(expected)s."), bare=bare, expected=expected)
