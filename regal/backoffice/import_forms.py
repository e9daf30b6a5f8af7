"""The forms of imports: which file and whose debts it brings, and which column of a table says what."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from regal.collectivites.debt_words import later_said
from regal.collectivites.models import Budget, Product, Regie
from regal.titres.importers.base import FileFormat
from regal.titres.importers.columns import DISTINCT, ENCODINGS, NEEDED, REFUSE, Meaning
from regal.titres.importers.opening import Proposal
from regal.titres.models import Collector, ImportSource
from regal.titres.refusals import Refusal

MOST_COLUMNS_OFFERED = 200  # in one list of choices
MOST_CODES = 30  # of products, asked one by one
LONGEST_SOURCE_NAME = 80
LONGEST_CODE = 30
TABLES = (FileFormat.CSV, FileFormat.XLSX)
GUESSED = _("Comme REGAL l’a deviné")
SEPARATOR_WORDS: Mapping[str, Promise] = {
    ";": _("point-virgule"),
    ",": _("virgule"),
    "\t": _("tabulation"),
    "|": _("barre verticale"),
}
NO_SOURCE = _("R441. Choisissez d’où vient le fichier, ou décrivez une nouvelle source.")
NO_NAME = _("R442. Donnez un nom à cette source, par exemple « Logiciel de la cantine », 80 caractères au plus.")
NAME_TAKEN = _("R443. Une source porte déjà ce nom : choisissez-la dans la liste, ou donnez un autre nom.")
NO_COLLECTOR = _("R444. Dites qui encaisse ce que le fichier contient : cela ne se devine pas.")
NO_COLUMN = later_said(_("R445. Choisissez la colonne : sans elle, aucune ligne ne peut devenir %(a_debt)s."))
TWICE = _("R446. Cette colonne est déjà choisie pour « %(other)s » : une colonne ne dit qu’une chose.")
NO_PRODUCT = _("R447. Choisissez un produit de la liste.")
PRODUCT_OF_ANOTHER = _("R448. Ce produit n’est pas de ceux que %(collector)s encaisse : choisissez-en un autre.")

NO_FILE = _("R492. Choisissez un fichier sur votre ordinateur.")
NO_YEAR = _(
    "R493. Rien ne dit l’exercice : choisissez la colonne qui le donne ou celle de la date d’émission, ou écrivez ici"
    " l’exercice."
)
BAD_YEAR = _("R494. Écrivez l’année de l’exercice en quatre chiffres, par exemple 2026.")
NO_REGIE = _("R495. Cochez les codes de votre régie : les lignes des autres n’entreront pas dans la base.")


def collects(collector: str, regie: Regie | None, budget: Budget | None) -> str:
    """Who collects, said plainly."""
    if collector == Collector.REGIE and regie is not None:
        return gettext("La régie « %(name)s » encaisse.") % {"name": regie.name}
    name = budget.name if budget is not None else ""
    return gettext("Le comptable public encaisse (%(name)s).") % {"name": name}


class UploadForm(forms.Form):
    """A file, and where it comes from: a source that we know, or a new one that says who collects."""

    use_required_attribute = False
    PLACES = {"name": "nom", "default_product": "produit", "file": "fichier"}

    source = forms.CharField(label=_("D’où vient ce fichier"), required=False)
    nom = forms.CharField(
        label=_("Nom de la source"),
        help_text=_("par exemple « Logiciel de la cantine » ou « Tableau des loyers »"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    encaisse = forms.CharField(
        label=_("Qui encaisse"),
        help_text=later_said(
            _(
                "De la régie : les %(debts)s se paieront en ligne, sur le compte de la régie. Du comptable public : ce"
                " sont des titres déjà émis, qui pré-remplissent la page de paiement et la contrôlent."
            )
        ),
        required=False,
    )
    produit = forms.CharField(
        label=_("Produit des lignes qui n’en nomment pas"),
        help_text=_("facultatif s’il n’y a qu’un produit, ou si une colonne le dit"),
        required=False,
    )
    fichier = forms.FileField(label=_("Fichier"), required=False, allow_empty_file=True)

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        sources: Sequence[ImportSource],
        regies: Sequence[Regie],
        budgets: Sequence[Budget],
        products: Sequence[Product],
        megabytes: int,
        initial: Any = None,
    ) -> None:
        super().__init__(data, files, initial=initial)
        self._sources = {str(source.pk): source for source in sources}
        self._collectors: dict[str, Regie | Budget] = {f"regie-{one.pk}": one for one in regies}
        self._collectors |= {f"budget-{one.pk}": one for one in budgets}
        self._products = {product.slug: product for product in products}
        known = [(key, source.name) for key, source in self._sources.items()]
        self.fields["source"].widget = forms.Select(choices=[("", gettext("Une nouvelle source")), *known])
        whose = [(key, _collector_words(one)) for key, one in self._collectors.items()]
        self.fields["encaisse"].widget = forms.Select(choices=[("", gettext("Choisissez")), *whose])
        offered = [(product.slug, product.name) for product in products]
        self.fields["produit"].widget = forms.Select(choices=[("", gettext("Le fichier le dit")), *offered])
        self.fields["fichier"].help_text = gettext(
            "Tableau CSV ou XLSX, flux PES Recette Aller ou PES ORMC ; %(megabytes)s Mo au plus."
        ) % {"megabytes": megabytes}

    @property
    def has_sources(self) -> bool:
        return bool(self._sources)

    @property
    def offers_nothing(self) -> bool:
        return not self._collectors

    def clean(self) -> dict[str, Any]:
        """Whose debts: told by the source, or by what describes a new one."""
        read = super().clean() or {}
        key = read.get("source", "")
        read["known"] = self._sources.get(key)
        if key and read["known"] is None:
            self.add_error("source", NO_SOURCE)
        if key:
            return read
        name = str(read.get("nom", "")).strip()
        if not name or len(name) > LONGEST_SOURCE_NAME:
            self.add_error("nom", NO_NAME)
        elif any(name.casefold() == source.name.casefold() for source in self._sources.values()):
            self.add_error("nom", NAME_TAKEN)
        read["collector"] = self._collectors.get(read.get("encaisse", ""))
        if read["collector"] is None:
            self.add_error("encaisse", NO_COLLECTOR)
        read["product"] = self._product(str(read.get("produit", "")), read["collector"])
        return read

    def _product(self, slug: str, collector: Regie | Budget | None) -> Product | None:
        """The one chosen, or the only one that the collector has."""
        theirs = [product for product in self._products.values() if _is_of(product, collector)]
        if not slug:
            return theirs[0] if len(theirs) == 1 else None
        product = self._products.get(slug)
        if product is None:
            self.add_error("produit", NO_PRODUCT)
        elif collector is not None and product not in theirs:
            words = PRODUCT_OF_ANOTHER % {"collector": _collector_name(collector)}
            self.add_error("produit", words)
        return product

    def refuse(self, refusal: Refusal) -> None:
        """Say it beside its field, or at the head of the page."""
        place = self.PLACES.get(refusal.field, "")
        self.add_error(place or None, f"{refusal.code}. {refusal}")


class SourceForm(forms.Form):
    """What may change of a source: its name, and the product of lines that name none."""

    use_required_attribute = False
    PLACES = {"name": "nom", "default_product": "produit"}

    nom = forms.CharField(
        label=_("Nom de la source"),
        help_text=_("par exemple « Logiciel de la cantine » ou « Tableau des loyers »"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    produit = forms.ChoiceField(
        label=_("Produit des lignes qui n’en nomment pas"),
        required=False,
        error_messages={"invalid_choice": NO_PRODUCT},
    )

    def __init__(self, data: Any = None, *, source: ImportSource, products: Sequence[Product]) -> None:
        former = source.default_product
        super().__init__(data, initial={"nom": source.name, "produit": former.slug if former is not None else ""})
        self._former = former
        self._products = {product.slug: product for product in products}
        offered = [(product.slug, product.name) for product in products]
        if former is not None and former.slug not in self._products:  # a new name must not take it away
            self._products[former.slug] = former
            offered.append((former.slug, gettext("%(name)s (un autre l’encaisse maintenant)") % {"name": former.name}))
        _offer(self.fields["produit"], [("", gettext("Le fichier le dit")), *offered])

    def clean_nom(self) -> str:
        name = str(self.cleaned_data["nom"]).strip()
        if not name or len(name) > LONGEST_SOURCE_NAME:
            raise forms.ValidationError(NO_NAME)
        return name

    @property
    def default_product(self) -> Product | None:
        return self._products.get(self.cleaned_data["produit"])

    @property
    def changes_product(self) -> bool:
        """Whether another one was sent: what is not sent is not "no product"."""
        return "produit" in self.data and self.default_product != self._former

    def refuse(self, refusal: Refusal) -> None:
        """Say it beside its field, or at the head of the page."""
        self.add_error(self.PLACES.get(refusal.field), f"{refusal.code}. {refusal}")


def _is_of(product: Product, collector: Regie | Budget | None) -> bool:
    if isinstance(collector, Regie):
        return bool(product.account.regie_id == collector.pk)
    return collector is not None and bool(product.account.budget_id == collector.pk)


def _collector_name(collector: Regie | Budget) -> str:
    if isinstance(collector, Regie):
        return gettext("la régie « %(name)s »") % {"name": collector.name}
    return gettext("le comptable public (%(name)s)") % {"name": collector.name}


def _collector_words(collector: Regie | Budget) -> str:
    if isinstance(collector, Regie):
        return gettext("La régie « %(name)s »") % {"name": collector.name}
    return gettext("Le comptable public, pour « %(name)s »") % {"name": collector.name}


MAIN = (
    Meaning.NUMBER,
    Meaning.AMOUNT,
    Meaning.NAME,
    Meaning.FIRST_NAME,
    Meaning.LABEL,
    Meaning.PRODUCT,
    Meaning.ISSUED_ON,
    Meaning.DUE_ON,
)
OTHERS = tuple(meaning for meaning in Meaning if meaning not in MAIN)
HINTS: Mapping[Meaning, Any] = {
    Meaning.NUMBER: later_said(_("celui qui est imprimé sur %(the_debt)s : le payeur le recopiera")),
    Meaning.AMOUNT: _("à payer, toutes taxes comprises"),
    Meaning.LABEL: _("à défaut, le nom du produit"),
    Meaning.ISSUED_ON: _("elle dit l’exercice, si aucune colonne ne le dit"),
    Meaning.KIND: later_said(_("F ou A : un avoir (A) réduit %(a_debt)s (F)")),
    Meaning.REFERENCE: _("à défaut, le numéro"),
}


@dataclass(frozen=True, kw_only=True)
class Group:
    """Fields that belong together."""

    legend: str = ""
    hint: str = ""
    fields: Sequence[forms.BoundField] = ()
    is_folded: bool = False

    @property
    def is_open(self) -> bool:
        return any(field.errors for field in self.fields)


class ColumnsForm(forms.Form):
    """Which column of a table says what, how it is written, and what each code means; of a PES, the codes alone."""

    use_required_attribute = False
    asks_again = False  # the page sent did not show all the codes that there are

    codage = forms.ChoiceField(
        label=_("Codage des lettres"), choices=[("", GUESSED), *ENCODINGS.items()], required=False
    )
    separateur = forms.ChoiceField(
        label=_("Séparateur"), choices=[("", GUESSED), *SEPARATOR_WORDS.items()], required=False
    )
    titres = forms.BooleanField(label=_("La première ligne porte les titres des colonnes"), required=False)
    additionne = forms.BooleanField(
        label=_("Une ligne par article : additionner les lignes de même numéro"),
        help_text=_("Sinon, deux lignes de même numéro se contredisent, et le rapport le dit."),
        required=False,
    )
    zeros = forms.BooleanField(
        label=_("412 et 000412 sont deux numéros différents"),
        help_text=_("Sinon, les deux dans un même fichier sont une erreur : un tableur a sans doute mangé des zéros."),
        required=False,
    )
    exercice = forms.IntegerField(
        label=_("Exercice de toutes les lignes du fichier"),
        help_text=_("seulement si ni une colonne ni la date d’émission ne le dit, ou pour passer outre cette date"),
        min_value=2000,
        max_value=2099,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"invalid": BAD_YEAR, "min_value": BAD_YEAR, "max_value": BAD_YEAR},
    )
    unites = forms.BooleanField(label=_("Accepter les montants suivis d’EUR ou de €"), required=False)
    produit = forms.ChoiceField(label=_("Produit des lignes qui n’en nomment pas"), required=False)
    feuille = forms.ChoiceField(label=_("Feuille du classeur"), required=False)

    def __init__(
        self,
        data: Any = None,
        *,
        proposal: Proposal,
        source: ImportSource,
        products: Sequence[Product],
        codes: Sequence[str],
        regies: Sequence[str] = (),
        initial: Mapping[str, Any],
    ) -> None:
        super().__init__(data, initial=dict(initial))
        self._source = source
        self._has_columns = proposal.head.format in TABLES
        self._is_table = proposal.head.separator != ""
        self._products = {product.slug: product for product in products}
        offered = [("", gettext("Le fichier le dit")), *((one.slug, one.name) for one in products)]
        _offer(self.fields["produit"], offered)
        sheets = [(name, name) for name in proposal.sheets]
        _offer(self.fields["feuille"], [("", gettext("La première")), *sheets])
        if len(proposal.sheets) < 2:
            del self.fields["feuille"]
        if not self._is_table:  # a workbook says itself how it is written
            del self.fields["codage"], self.fields["separateur"]
        columns = proposal.head.columns[:MOST_COLUMNS_OFFERED]
        if not self._has_columns:  # a PES names its own elements
            for name in ("titres", "additionne", "zeros", "unites", "exercice"):
                del self.fields[name]
        for meaning in self._meanings:
            none = gettext("Choisissez la colonne") if meaning in NEEDED else gettext("Aucune colonne")
            self.fields[_field(meaning)] = forms.ChoiceField(
                label=meaning.label,
                help_text=HINTS.get(meaning, ""),
                required=meaning in NEEDED,
                choices=[("", none), *((name, _column_words(name, proposal)) for name in columns)],
                error_messages={"required": NO_COLUMN, "invalid_choice": NO_COLUMN},
            )
        without = gettext("Aucun produit : la ligne sera en erreur")
        if not self._has_columns:
            self.fields["produit"].label = gettext("Produit des codes que vous laissez sans réponse")
            _offer(self.fields["produit"], [("", gettext("Aucun")), *offered[1:]])
            without = gettext("Le produit choisi ci-dessus ; sans lui, la ligne sera en erreur")
        self.codes_found = len(codes)
        self._codes = list(codes)[:MOST_CODES]
        for place, code in enumerate(self._codes):
            self.fields[f"code_{place}"] = forms.CharField(
                widget=forms.HiddenInput, initial=code, required=False, max_length=LONGEST_CODE
            )
            self.fields[f"produit_{place}"] = forms.ChoiceField(
                label=gettext("Le code « %(code)s »") % {"code": code},
                choices=[("", without), *offered[1:]],
                required=False,
                initial=self._product_of(source, code),
            )
        self._regies = list(regies)[:MOST_CODES]
        for place, code in enumerate(self._regies):
            self.fields[f"code_regie_{place}"] = forms.CharField(
                widget=forms.HiddenInput, initial=code, required=False, max_length=LONGEST_CODE
            )
            words = gettext("Les lignes du code « %(code)s » sont à votre régie") % {"code": code}
            self.fields[f"regie_{place}"] = forms.BooleanField(
                label=words if code else gettext("Les lignes sans code sont à votre régie"),
                required=False,
                initial=code in source.regie_codes if source.regie_codes else len(self._regies) == 1,
            )

    @property
    def _meanings(self) -> tuple[Meaning, ...]:
        return (*MAIN, *OTHERS) if self._has_columns else ()

    def clean(self) -> dict[str, Any]:
        """No column says two things, the exercice is said, and whose lines are read."""
        read = super().clean() or {}
        taken: dict[str, Meaning] = {}
        for meaning in self._meanings:
            column = read.get(_field(meaning), "")
            if column and column in taken:
                self.add_error(_field(meaning), TWICE % {"other": taken[column].label})
            elif column:
                taken[column] = meaning
        says_year = {Meaning.EXERCICE, Meaning.ISSUED_ON} & set(taken.values()) or read.get("exercice")
        if self._has_columns and not says_year and "exercice" not in self.errors:
            self.add_error("exercice", NO_YEAR)
        if self._regies and not any(read.get(f"regie_{place}") for place in range(len(self._regies))):
            self.add_error("regie_0", NO_REGIE)
        return read

    @property
    def columns(self) -> dict[str, str]:
        """Meaning → column, as chosen."""
        chosen = {one.value: str(self._read(_field(one))) for one in self._meanings}
        return {name: column for name, column in chosen.items() if column}

    @property
    def options(self) -> dict[str, Any]:
        """What the source will remember, as `TableOptions` reads it; a PES changes nothing of it."""
        if not self._has_columns:
            asked = self._source.options.get("asked") or []
            return {**self._source.options, "asked": sorted({*asked, *self._codes})}
        return {
            "columns": self.columns,
            "encoding": self._read("codage"),
            "separator": self._read("separateur"),
            "sheet": self._read("feuille"),
            "has_header": bool(self._read("titres")),
            "sums_lines": bool(self._read("additionne")),
            "numbers_without_zeros": DISTINCT if self._read("zeros") else REFUSE,
            "accepts_units": bool(self._read("unites")),
            "default_exercice": self._read("exercice") or None,
        }

    @property
    def regie_codes(self) -> list[str]:
        """Those whose lines are read: what was known before, and what was said of the codes found; [] for all."""
        if self._has_columns and Meaning.REGIE not in self.columns:
            return []
        kept = [code for code in self._source.regie_codes if code not in self._regies]
        told = [code for place, code in enumerate(self._regies) if self._read(f"regie_{place}")]
        return sorted({*kept, *told})

    @property
    def products(self) -> dict[str, int]:
        """The file's code → our product's key, of the codes that were asked; in a PES every line has one."""
        told = {}
        for place, code in enumerate(self._codes):
            product = self._products.get(str(self._read(f"produit_{place}")))
            if product is None and not self._has_columns:
                product = self.default_product
            if product is not None:
                told[code] = product.pk
        return told

    @property
    def default_product(self) -> Product | None:
        return self._products.get(str(self._read("produit")))

    def _read(self, name: str) -> Any:
        if name not in self.fields:
            return ""
        if not self.is_bound:
            return self[name].value() or ""
        self.is_valid()
        return self.cleaned_data.get(name) or ""

    def _product_of(self, source: ImportSource, code: str) -> str:
        key = source.products.get(code)
        by_key = next((slug for slug, product in self._products.items() if product.pk == key), "")
        return by_key or (code.lower() if code.lower() in self._products else "")

    @property
    def groups(self) -> list[Group]:
        """The page in order: what every invoice needs, then what may be, then how the file is written."""
        main = [self[_field(one)] for one in self._meanings if one in MAIN]
        more = [self[_field(one)] for one in self._meanings if one not in MAIN]
        regies = [self[f"regie_{place}"] for place in range(len(self._regies))]
        lines = [self[name] for name in ("exercice", "additionne", "zeros", "unites") if name in self.fields]
        codes = [self[f"produit_{place}"] for place in range(len(self._codes))]
        written = [self[name] for name in ("codage", "separateur", "feuille", "titres") if name in self.fields]
        groups = [
            Group(legend=gettext("Les colonnes"), fields=main),
            Group(legend=gettext("D’autres colonnes"), fields=more, is_folded=True),
            Group(
                legend=gettext("Les produits"),
                hint=gettext("À chaque code du fichier, le produit qu’il désigne chez vous.") if codes else "",
                fields=[self["produit"], *codes],
            ),
            Group(
                legend=gettext("Les régies"),
                hint=gettext("Les lignes des codes que vous ne cochez pas seront en erreur : elles n’entreront pas."),
                fields=regies,
            ),
            Group(legend=gettext("Les lignes"), fields=lines),
            Group(legend=gettext("Comment le fichier est écrit"), fields=written),
        ]
        return [group for group in groups if group.fields]


def initial_of(*, proposal: Proposal, source: ImportSource) -> dict[str, Any]:
    """What was remembered, where this file has the same columns; else what we guess."""
    remembered: Mapping[str, Any] = source.options
    columns: Mapping[str, str] = remembered.get("columns") or {}
    kept = {name: column for name, column in columns.items() if column in proposal.head.columns}
    decided = {*kept.values(), *(remembered.get("seen") or [])}  # a column seen before and left aside stays so
    guessed = {name: column for name, column in proposal.meanings.items() if column not in decided}
    told: dict[str, Any] = {_field(name): column for name, column in (guessed | kept).items()}
    return told | {
        "codage": remembered.get("encoding", ""),
        "separateur": remembered.get("separator", ""),
        "feuille": remembered.get("sheet", ""),
        "titres": remembered.get("has_header", proposal.has_header),
        "additionne": remembered.get("sums_lines", False),
        "zeros": remembered.get("numbers_without_zeros") == DISTINCT,
        "unites": remembered.get("accepts_units", False),
        "exercice": remembered.get("default_exercice") or "",
        "produit": source.default_product.slug if source.default_product is not None else "",
    }


def fits(*, proposal: Proposal, source: ImportSource) -> bool:
    """Whether a file has just the columns of the one for which the source's were chosen: nothing to ask again."""
    options = source.options
    columns = options.get("columns") or {}
    says_year = {Meaning.EXERCICE, Meaning.ISSUED_ON} & set(columns) or options.get("default_exercice")
    if Meaning.REGIE in columns and not source.regie_codes:  # whose lines they are was never said
        return False
    return bool(columns) and bool(says_year) and options.get("seen") == list(proposal.head.columns)


def too_many_codes(number: int) -> str:
    """Beyond those asked one by one; "" if none."""
    more = number - MOST_CODES
    if more <= 0:
        return ""
    return ngettext("%(number)s autre code n’est pas montré.", "%(number)s autres codes ne sont pas montrés.", more) % {
        "number": more
    }


def _offer(field: forms.Field, choices: Iterable[tuple[str, Any]]) -> None:
    assert isinstance(field, forms.ChoiceField)
    field.choices = list(choices)


def _field(meaning: str) -> str:
    return f"c_{meaning}"


def _column_words(name: str, proposal: Proposal) -> str:
    """A column without a title is told by what its first cell holds."""
    if proposal.has_header or not proposal.rows:
        return name or "?"
    place = proposal.head.columns.index(name)
    first = proposal.rows[0][place] if place < len(proposal.rows[0]) else ""
    return gettext("Colonne %(rank)s : %(first)s") % {"rank": name, "first": first[:40]}
