"""One field finds an invoice: by its number, its amount, or words of a name. Call it inside `tenant()`.

A number is the end of one, zeros in front or not; an amount has cents or a sign of the euro; anything else is a name.
Names are looked up by PostgreSQL's functions of `titres` (migration 0006), which see this tenant alone: the beginning
of each word, whatever its accents and capitals; mistyped words only where those find nothing.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import connection
from django.db.models import Q

from regal.collectivites.models import Budget, Regie
from regal.lib.money import Money, UnreadableAmount
from regal.lib.tenancy import HasKey
from regal.titres.models import Titre
from regal.titres.states import State

LONGEST_SEARCH = 100
MOST_NAMED = 20_000  # invoices; who types "de la" must say more
MOST_NEAR = 6  # words shown for one mistyped
SHORTEST_END = 3  # of a number
_LONGEST_NUMBER = 30
_SEPARATORS = re.compile(r"[\s\-‐‑‒–—−/._…]+")
_SURELY_AN_AMOUNT = re.compile(r"€|\beur|[.,] ?[0-9]{1,2}\s*(?:€|eur\w*)?\s*$", re.IGNORECASE)


class Kind(StrEnum):
    """What was typed."""

    NUMBER = "number"
    AMOUNT = "amount"
    NAME = "name"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a text finds: a condition on Titre, and how it was understood."""

    where: Q
    kind: Kind | None = None  # None: nothing to search by
    amount: Money | None = None
    near: dict[str, list[str]] = field(default_factory=dict)  # mistyped word: words that were searched in its place
    is_too_wide: bool = False


NOTHING = Found(where=Q(pk__in=[]))


def search(text: str, *, collectivite: HasKey) -> Found:
    """What a text finds among a collectivité's invoices, whatever it is."""
    text = text.strip()[:LONGEST_SEARCH]
    amount = _amount(text)
    if amount is not None and _SURELY_AN_AMOUNT.search(text):
        return Found(where=Q(amount=amount), kind=Kind.AMOUNT, amount=amount)
    if any(sign.isdigit() for sign in text):
        found = _numbered(text, collectivite=collectivite)
        if found is not None:
            return found
        if amount is not None and Titre.objects.of(collectivite).filter(amount=amount).exists():
            return Found(where=Q(amount=amount), kind=Kind.AMOUNT, amount=amount)
        keys = _beginning(_words(text))
        return _of(keys) if keys else Found(where=NOTHING.where, kind=Kind.NUMBER)
    return _named(text)


def _amount(text: str) -> Money | None:
    try:
        return Money.parse(text)
    except UnreadableAmount:
        return None


def _numbered(text: str, *, collectivite: HasKey) -> Found | None:
    """Those of exactly that number or payable reference, zeros in front or not; else those whose number ends so."""
    plain = _SEPARATORS.sub("", text).upper()
    if not (plain.isascii() and plain.isalnum() and len(plain) <= _LONGEST_NUMBER):
        return None
    titres = Titre.objects.of(collectivite)
    backwards = plain.lstrip("0")[::-1]
    padded = [backwards + "0" * zeros for zeros in range(_LONGEST_NUMBER + 1 - len(backwards))]
    exact = list(titres.filter(number_reversed__in=padded).values_list("pk", flat=True)[:MOST_NAMED])
    named = titres.filter(reference__in={plain, "".join(text.split())}).exclude(status=State.WITHDRAWN)
    for who, model in (("regie", Regie), ("budget", Budget)):  # by the indexes that keep a reference unique
        theirs = list(model.objects.of(collectivite).values_list("pk", flat=True))
        exact += named.filter(**{f"{who}__in": theirs}).values_list("pk", flat=True)
    if exact:
        return Found(where=Q(pk__anyof=exact), kind=Kind.NUMBER)
    if len(plain) < SHORTEST_END:
        return None
    end = Q(number_reversed__gte=plain[::-1], number_reversed__lt=plain[::-1] + "\x7f")
    return Found(where=end, kind=Kind.NUMBER) if titres.filter(end).exists() else None


def _named(text: str) -> Found:
    words = _words(text)
    if not words:
        return NOTHING
    keys = _beginning(words)
    if keys:
        return _of(keys)
    groups, near = [], {}
    for word in words:
        like = near_words(word)
        if not like:
            return Found(where=NOTHING.where, kind=Kind.NAME)
        if like != [word]:
            near[word] = like
        groups.append("|".join(like))
    return _of(_keys(groups), near=near)


def _of(keys: list[int], *, near: dict[str, list[str]] | None = None) -> Found:
    if len(keys) > MOST_NAMED:
        return Found(where=NOTHING.where, kind=Kind.NAME, is_too_wide=True)
    return Found(where=Q(pk__anyof=keys), kind=Kind.NAME, near=near or {})


def near_words(word: str) -> list[str]:
    """The words of this tenant's names that somebody may have meant, the nearest first; itself alone if it is one."""
    allowed = 0 if len(word) < 3 else 1 if len(word) < 5 else 2
    ranked = [(distance(word, one), one) for one in _ask("SELECT regal_words_near(%s, 60)", word)]
    near = [one for far, one in sorted(ranked) if far <= allowed]
    return [word] if word in near else near[:MOST_NEAR]


def distance(one: str, other: str) -> int:
    """How many letters were left out, added, mistaken, or exchanged with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, above, row = row, before, [i]
        for j, b in enumerate(other, start=1):
            least = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                least = min(least, above[j - 2] + 1)
            row.append(least)
    return row[-1]


def _words(text: str) -> list[str]:
    return _ask("SELECT unnest(regal_words(%s))", text)[:8]


def _beginning(words: list[str]) -> list[int]:
    """The invoices whose name has a word that begins like each of these; a letter alone is a whole word."""
    return _keys([f"{word}*" if len(word) > 1 else word for word in words]) if words else []


def _keys(groups: list[str]) -> list[int]:
    return _ask("SELECT regal_titres_named(%s, %s)", groups, MOST_NAMED + 1)


def _ask(question: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        return [row[0] for row in cursor.fetchall()]
