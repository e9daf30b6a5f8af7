"""What a line of a file would be as a titre of ours: judged by itself, before it is compared with the base.

Called for every line of files of a million lines: one pass, few objects. A line becomes a tuple of texts in the order
of `COLUMNS`, as `import_tables.py` sends them to PostgreSQL; None is a null.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date

from regal.collectivites.models import Product
from regal.collectivites.reference_forms import BadReferenceForm, InvoiceWords, OrmcWords
from regal.gateways.base import DebtKind
from regal.lib.card_numbers import holds_card_number
from regal.lib.money import Money
from regal.lib.references import InvoiceReference, OrmcReference, TitreReference, UnreadableReference
from regal.titres.import_states import Verdict
from regal.titres.importers.base import FiledTitre, Line, Nature, Trouble, Weight
from regal.titres.models import Collector, DocumentKind, ImportSource

COLUMNS: Mapping[str, str] = {  # of `titres_importline`, with their types
    "number": "integer",
    "place": "text",
    "verdict": "text",
    "troubles": "jsonb",
    "product_id": "bigint",
    "document_kind": "text",
    "exercice": "smallint",
    "titre_number": "text",
    "titre_line": "integer",
    "reference": "text",
    "label": "text",
    "issued_on": "date",
    "due_on": "date",
    "amount_cents": "bigint",
    "batch": "text",
    "piece": "text",
    "debtor_name": "text",
    "debtor_reference": "text",
    "debtor_email": "text",
    "debtor_address": "text",
    "debtor_postcode": "text",
    "debtor_city": "text",
    "debtor_siret": "text",
    "debtor_others": "text",
}
MOST_CENTS = 9_999_999_99
SHORTEST_REFERENCE, LONGEST_REFERENCE = 6, 30

Row = tuple[str | None, ...]
Refer = Callable[[FiledTitre], str | None]

_LONG_DIGITS = re.compile(r"[0-9](?:[ .\u00a0\u202f-]?[0-9]){12}")
_KINDS = {
    DebtKind.REGIE.value: DocumentKind.FACTURE.value,
    DebtKind.TITRE.value: DocumentKind.TITRE.value,
    DebtKind.ORMC.value: DocumentKind.ROLE.value,
}
_NOBODY: Row = ("", "", "", "", "", "", "", "")


class _Terms:
    """What one product asks of its debts, ready to be applied a million times."""

    def __init__(self, product: Product) -> None:
        self.key = str(product.pk)
        self.name = product.name
        self.kind = _KINDS[product.debt_kind]
        self.collector = Collector.REGIE if product.debt_kind == DebtKind.REGIE else Collector.COMPTABLE
        self.regie_id, self.budget_id = product.account.regie_id, product.account.budget_id
        least, most = product.min_amount, product.max_amount
        self.least = least.cents if least is not None and most is not None else 1
        self.most = most.cents if least is not None and most is not None else MOST_CENTS
        self.lacks_code = False
        self.example = "412"  # a number that would do
        self.refer: Refer = self._refer_by(product)

    def _refer_by(self, product: Product) -> Refer:
        try:
            words = product.words
        except BadReferenceForm:
            return lambda titre: None
        if isinstance(words, InvoiceWords):
            self.example = words.pattern.example if words.pattern else "20260012345"
            return lambda titre: _invoice(words, titre)
        if isinstance(words, OrmcWords):
            self.lacks_code = not words.code
            return lambda titre: _role(words, titre)
        return _titre


def _invoice(words: InvoiceWords, titre: FiledTitre) -> str | None:
    typed = titre.reference or titre.number
    if not (typed.isascii() and typed.isalnum()):
        typed = InvoiceReference.parse(typed).digits
    fitting = words.fit(typed)
    return fitting if fitting is not None and SHORTEST_REFERENCE <= len(fitting) <= LONGEST_REFERENCE else None


def _titre(titre: FiledTitre) -> str | None:
    if titre.reference:
        return TitreReference.parse(titre.reference).digits
    return TitreReference.from_fields(exercice=str(titre.exercice), titre=titre.number, ligne=str(titre.line)).digits


def _role(words: OrmcWords, titre: FiledTitre) -> str | None:
    """The two digits between code and number are 00 unless the file says the whole reference: nobody knows better."""
    if titre.reference:
        return OrmcReference.parse(titre.reference).digits
    number = titre.number.zfill(words.number_digits) if words.number_digits else titre.number
    return OrmcReference(titre.exercice, words.code, "00", number).digits


class Judge:
    """One source's rules, on one day."""

    def __init__(self, *, source: ImportSource, products: Mapping[int, Product], today: date) -> None:
        self._today = today
        self._source = source
        self._terms = {key: _Terms(product) for key, product in products.items()}
        self._by_code = {code: self._terms.get(key) for code, key in source.products.items()}
        self._default = self._terms.get(source.default_product_id or 0)
        self._regies = frozenset(source.regie_codes)
        self._usual_kind = (
            DocumentKind.FACTURE.value if source.collector == Collector.REGIE else DocumentKind.TITRE.value
        )

    def row(self, line: Line) -> Row:
        """What the report keeps of a line; its verdict is new, reduces, error or left_out so far."""
        titre = line.titre
        troubles = list(line.troubles) if line.troubles else []
        if titre is None:
            verdict = Verdict.ERROR if line.is_wrong else Verdict.LEFT_OUT
            return (str(line.number), line.place[:100], verdict.value, _json(troubles), *_NOTHING)
        nature = titre.nature
        terms = self._default
        if titre.product:
            terms = self._by_code.get(titre.product, terms if not self._by_code else None)
        reduces, piece = titre.reduces, ""
        exercice, number, titre_line, reference = titre.exercice, titre.number, titre.line, ""
        issued_on = titre.issued_on or self._today
        if nature is Nature.DEBT:
            reference = self._check(titre, terms, issued_on, troubles)
            verdict = Verdict.NEW
        elif nature is Nature.REDUCTION and reduces is not None:
            piece = f"{exercice}/{number}/{titre_line}"[:60]
            exercice, number, titre_line = reduces.exercice, reduces.number, reduces.line
            self._check_regie(titre, troubles)
            if not 0 < titre.cents <= MOST_CENTS:
                troubles.append(_error("L307", value=_money(titre.cents)))
            verdict = Verdict.REDUCES
        else:
            verdict = Verdict.LEFT_OUT
        if troubles and verdict is not Verdict.LEFT_OUT:
            for trouble in troubles:
                if trouble.weight is Weight.ERROR:
                    verdict = Verdict.ERROR
                    break
        debtor = titre.debtor
        label = titre.label or (terms.name if terms else "")
        row = (
            str(line.number),
            line.place[:100],
            verdict.value,
            _json(troubles) if troubles else None,
            terms.key if terms else None,
            terms.kind if terms else self._usual_kind,
            str(exercice) if 0 <= exercice <= 9999 else None,
            number[:30],
            str(titre_line),
            reference,
            label[:100],
            issued_on.isoformat(),
            titre.due_on.isoformat() if titre.due_on else None,
            str(titre.cents),
            titre.batch[:20],
            piece,
        )
        if debtor is None:
            return row + _NOBODY
        return (
            *row,
            debtor.name[:120],
            debtor.reference[:30],
            debtor.email[:254],
            "\n".join(debtor.address)[:200] if debtor.address else "",
            debtor.postcode[:10],
            debtor.city[:60],
            debtor.siret[:14],
            " ; ".join(other.name for other in titre.others)[:500] if titre.others else "",
        )

    def _check_regie(self, titre: FiledTitre, troubles: list[Trouble]) -> None:
        if self._regies and titre.regie not in self._regies:
            troubles.append(_error("L301", value=titre.regie[:30]))

    def _check(self, titre: FiledTitre, terms: _Terms | None, issued_on: date, troubles: list[Trouble]) -> str:
        """Add what is wrong with a debt; its reference, or "" if it has none that can be typed."""
        self._check_regie(titre, troubles)
        cents = titre.cents
        if not 0 < cents <= MOST_CENTS:
            troubles.append(_error("L307", value=_money(cents)))
        year = issued_on.year
        if not year - 1 <= titre.exercice <= year:
            troubles.append(_error("L308", value=str(titre.exercice), day=_day(issued_on)))
        if issued_on > self._today:
            troubles.append(_error("L309", day=_day(issued_on)))
        if titre.due_on is not None and titre.due_on < issued_on:
            troubles.append(_error("L310", day=_day(issued_on)))
        if titre.issued_on is None:
            troubles.append(Trouble("L311", Weight.NOTICE))
        debtor = titre.debtor
        if debtor is None or not debtor.name:
            troubles.append(Trouble("L317", Weight.WARNING))
        elif _LONG_DIGITS.search(debtor.name) and holds_card_number(debtor.name):
            troubles.append(_error("L318"))
        if _LONG_DIGITS.search(titre.label) and holds_card_number(titre.label):
            troubles.append(_error("L318"))
        if terms is None:
            troubles.append(_error("L302", value=titre.product[:30]) if titre.product else _error("L303"))
            return ""
        source = self._source
        if terms.regie_id != source.regie_id or terms.budget_id != source.budget_id:
            troubles.append(_error("L304", collector=terms.collector.value))
            return ""
        if cents > 0 and not terms.least <= cents <= terms.most:
            troubles.append(_error("L306", value=_money(cents), least=_money(terms.least), most=_money(terms.most)))
        if terms.lacks_code and not titre.reference:
            troubles.append(_error("L312"))
            return ""
        try:
            reference = terms.refer(titre)
        except UnreadableReference:
            reference = None
        if reference is None:
            troubles.append(_error("L305", value=(titre.reference or titre.number)[:30], example=terms.example))
            return ""
        return reference


_NOTHING: Row = (None, "", None, "", "1", "", "", None, None, None, "", "", *_NOBODY)


def _error(code: str, **said: str) -> Trouble:
    return Trouble(code, Weight.ERROR, "", said)


def _money(cents: int) -> str:
    return str(Money(cents))


def _day(day: date) -> str:
    return day.strftime("%d/%m/%Y")


def as_json(trouble: Trouble) -> dict[str, object]:
    """As a report keeps it."""
    kept: dict[str, object] = {"code": trouble.code, "weight": trouble.weight.value}
    if trouble.where:
        kept["where"] = trouble.where
    if trouble.said:
        kept["said"] = dict(trouble.said)
    return kept


def _json(troubles: list[Trouble]) -> str | None:
    return json.dumps([as_json(one) for one in troubles], ensure_ascii=False) if troubles else None
