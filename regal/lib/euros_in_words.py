"""An amount of money in French words, as a receipt writes it: « mille deux cent trente-quatre euros et cinq centimes ».

The traditional spelling: hyphens below a hundred only, and none around « et ». « Cent » and « vingt » take their plural
when they end the number or stand before « millions », and never before « mille », which is never plural.
"""

from regal.lib.money import Money

_SMALL = (
    "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze", "treize",
    "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf",
)  # fmt: skip
_TENS = {2: "vingt", 3: "trente", 4: "quarante", 5: "cinquante", 6: "soixante", 7: "soixante", 8: "quatre-vingt"}
_TENS[9] = _TENS[8]
LARGEST = 999_999_999  # euros


def amount_in_words(amount: Money) -> str:
    """Raises ValueError for what no receipt states: a negative amount, or a thousand million euros."""
    euros, cents = divmod(amount.cents, 100)
    if not 0 <= euros <= LARGEST:
        raise ValueError("no receipt is made for this amount")
    told = []
    if euros or not cents:
        of = "d’" if euros and euros % 1_000_000 == 0 else ""  # un million d’euros
        told.append(f"{number_in_words(euros)} {of}euro{'s' if euros > 1 else ''}")
    if cents:
        told.append(f"{number_in_words(cents)} centime{'s' if cents > 1 else ''}")
    return " et ".join(told)


def number_in_words(number: int) -> str:
    """A whole number from 0 to `LARGEST`."""
    millions, rest = divmod(number, 1_000_000)
    thousands, units = divmod(rest, 1_000)
    told = []
    if millions:
        told.append(f"{_below_thousand(millions)} million{'s' if millions > 1 else ''}")
    if thousands == 1:
        told.append("mille")
    elif thousands:
        told.append(f"{_below_thousand(thousands, before_mille=True)} mille")
    if units or not told:
        told.append(_below_thousand(units))
    return " ".join(told)


def _below_thousand(number: int, *, before_mille: bool = False) -> str:
    hundreds, rest = divmod(number, 100)
    told = []
    if hundreds:
        plural = "s" if hundreds > 1 and not rest and not before_mille else ""
        told.append("cent" if hundreds == 1 else f"{_SMALL[hundreds]} cent{plural}")
    if rest or not told:
        told.append(_below_hundred(rest, before_mille=before_mille))
    return " ".join(told)


def _below_hundred(number: int, *, before_mille: bool) -> str:
    if number < len(_SMALL):
        return _SMALL[number]
    tens, unit = divmod(number, 10)
    if tens in (7, 9):  # soixante-dix, quatre-vingt-dix
        unit += 10
    word = _TENS[tens]
    if unit == 0:
        return word if tens != 8 or before_mille else f"{word}s"
    joint = " et " if unit in (1, 11) and tens < 8 else "-"
    return f"{word}{joint}{_SMALL[unit]}"
