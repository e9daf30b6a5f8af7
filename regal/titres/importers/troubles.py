"""What a trouble says to the agent, and what to do about it.

Each family of files keeps its own words beside its reader: a code, a sentence, a remedy. Both may name what the trouble
says (`%(line)s`), the column or element as `%(where)s`, and the town’s word for a debt (`debt_words.py`).
"""

from collections import defaultdict
from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from regal.collectivites.debt_words import forms
from regal.titres.importers.base import Trouble
from regal.titres.importers.columns import Meaning
from regal.titres.importers.import_words import IMPORT_WORDS
from regal.titres.importers.pes_troubles import PES_WORDS
from regal.titres.importers.table_words import TABLE_WORDS

FAMILIES: tuple[Mapping[str, tuple[str | Promise, str | Promise]], ...] = (TABLE_WORDS, PES_WORDS, IMPORT_WORDS)

_UNKNOWN = (
    _("Ce fichier pose un problème que nous ne savons pas nommer (%(code)s)."),
    _("Écrivez à votre assistance."),
)


def sentence(trouble: Trouble) -> str:
    """What is wrong, in one sentence."""
    return str(_words(trouble)[0]) % _said(trouble)


def remedy(trouble: Trouble) -> str:
    """What to do about it; "" where there is nothing to do."""
    return str(_words(trouble)[1]) % _said(trouble)


def _words(trouble: Trouble) -> tuple[str | Promise, str | Promise]:
    return next((family[trouble.code] for family in FAMILIES if trouble.code in family), _UNKNOWN)


def _said(trouble: Trouble) -> Mapping[str, str]:
    """What fills a sentence; what an older report did not keep is dots."""
    told = {**forms(), "code": trouble.code, "where": trouble.where, **trouble.said}
    if told.get("name") in Meaning.values:
        told["name"] = str(Meaning(told["name"]).label)
    return defaultdict(lambda: "…", told)
