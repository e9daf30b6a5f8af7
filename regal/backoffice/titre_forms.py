"""What agents type about invoices."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from regal.backoffice.forms import BAD_CHOICE, DayField
from regal.backoffice.titre_queries import Group, Selection, Situation
from regal.backoffice.titre_search import LONGEST_SEARCH, Found
from regal.collectivites.debt_words import later_said
from regal.collectivites.models import Collectivite, Product
from regal.lib import paris
from regal.lib.money import Money, UnreadableAmount
from regal.lib.vault import Vault, VaultError
from regal.titres.models import Collector, Direction, DocumentKind, Import, Titre
from regal.titres.operations import LONGEST_DEBTOR, LONGEST_LABEL, LONGEST_PAYER_NOTE, LONGEST_REASON
from regal.titres.refusals import Refusal

SITUATIONS: dict[Situation, Promise] = {
    Situation.PAYABLE: _("à payer"),
    Situation.HELD: _("paiement en cours"),
    Situation.PAID: later_said(_("payé%(e)s")),
    Situation.DRAFT: _("brouillon"),
    Situation.SUSPENDED: later_said(_("suspendu%(e)s")),
    Situation.CANCELLED: later_said(_("annulé%(e)s")),
    Situation.TRANSFERRED: later_said(_("transmis%(e)s au comptable")),
    Situation.WRITTEN_OFF: later_said(_("abandonné%(e)s")),
    Situation.WITHDRAWN: later_said(_("retiré%(e)s")),
    Situation.CLOSED: later_said(_("soldé%(e)s chez le comptable")),
    Situation.REJECTED: later_said(_("rejeté%(e)s par le comptable")),
}
BAD_AMOUNT = _("R206. Ce montant ne se lit pas : écrivez-le en euros, par exemple 84,70.")
BAD_DAY = _("R207. Ce jour ne se lit pas : écrivez-le 24/11/2026.")
NO_AMOUNT = _("R206. Écrivez le montant en euros, par exemple 84,70.")
NO_PRODUCT = _("R201. Choisissez un produit dans la liste.")
NO_DECISION = _("R221. Choisissez une décision dans la liste.")
MISSING_REASON = _("R211. Écrivez le motif, de 5 à 300 caractères : qui l’a demandé, et pourquoi.")
NO_DIRECTION = _("R222. Dites si le montant diminue ou augmente.")
NO_NOTE_HERE = _(
    "R248. Le payeur ne lit rien d’une remise à payer ni d’un rétablissement : videz « Ce que lira le payeur »."
)
STOPS = ("suspendre", "annuler", "transmettre", "abandonner")  # the decisions of which a payer may read why
_DAYS = ["%Y-%m-%d", "%d/%m/%Y"]


GROUPS: dict[Group, Promise] = {
    Group.UNPAID: later_said(_("à payer ou suspendu%(e)s")),
    Group.PARTLY_PAID: later_said(_("payé%(e)s en partie")),
    Group.OVERDUE: _("date limite passée"),
}
TOO_LONG = _("R477. Cherchez par un numéro, un montant ou quelques mots d’un nom : 100 caractères au plus.")
TOO_WIDE = later_said(_("R478. Plus de 20 000 %(debts)s portent ces mots : ajoutez un mot du nom."))
NO_WORD = _("R479. Il n’y a ni lettre ni chiffre à chercher : tapez un numéro, un montant ou un nom.")
LOST_SEARCH = _("R480. Ce lien ne dit plus quoi chercher : tapez-le de nouveau.")
BACKWARD = _("R426. La période finit avant de commencer : corrigez l’une des deux dates. Elles ne filtrent rien.")
_PERIODS = (("emise_du", "emise_au"), ("limite_du", "limite_au"))


class TitreFilters(forms.Form):
    """Which invoices to list. What cannot be read filters nothing, and is told beside its field.

    What was searched may be a name: an address holds it sealed, as `cherche`.
    """

    recherche = forms.CharField(
        label=_("Rechercher"),
        help_text=_("Un numéro, avec ou sans ses zéros, un montant comme 12,50 ou un nom, même mal écrit."),
        required=False,
        max_length=LONGEST_SEARCH,
        error_messages={"max_length": TOO_LONG, "null_characters_not_allowed": NO_WORD},
        widget=forms.TextInput(attrs={"autocomplete": "off", "type": "search"}),
    )
    etat = forms.ChoiceField(
        label=_("État"),
        required=False,
        choices=[
            ("", _("Tous les états")),
            *((one.value, name) for one, name in GROUPS.items()),
            *((one.value, name) for one, name in SITUATIONS.items()),
        ],
    )
    produit = forms.ChoiceField(label=_("Produit"), required=False)
    importation = forms.ChoiceField(label=_("Import"), required=False)
    document = forms.ChoiceField(
        label=_("Document"), required=False, choices=[("", _("Tous les documents")), *DocumentKind.choices]
    )
    encaisse_par = forms.ChoiceField(
        label=_("Qui encaisse"), required=False, choices=[("", _("La régie ou le comptable")), *Collector.choices]
    )
    emise_du = DayField(_("Émission, du"))
    emise_au = DayField(_("Émission, au"))
    limite_du = DayField(_("Date limite, du"))
    limite_au = DayField(_("Date limite, au"))

    def __init__(
        self, data: Any, *, town: Collectivite, products: Sequence[Product], imports: Sequence[Import]
    ) -> None:
        told = {name: data.get(name, "") for name in (*self.base_fields, "cherche")}
        lost = False
        if told["cherche"] and not told["recherche"]:
            try:
                told["recherche"] = _vault().open(told["cherche"], _context(town)).reveal_text()
            except VaultError:
                lost = True
        super().__init__(told)
        self.town = town
        self.products = list(products)
        self._products = {product.slug: product for product in products}
        self._offer("produit", [("", _("Tous les produits")), *((one.slug, one.name) for one in products)])
        self._offer(
            "importation",
            [
                ("", _("Tous, et ce qui est saisi")),
                *((str(one.pk), f"{one.name}, {paris.to_paris(one.kept_at):%d/%m/%Y}") for one in imports),
            ],
        )
        if not imports:
            del self.fields["importation"]
        for field in self.fields.values():
            if isinstance(field, forms.ChoiceField):
                field.error_messages["invalid_choice"] = BAD_CHOICE
        if lost:
            self.add_error("recherche", ValidationError(LOST_SEARCH, code="R480"))
        for name in self.fields:
            self._describe(name)

    def _offer(self, name: str, choices: Sequence[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(choices)

    def _describe(self, name: str) -> None:
        """Tie a field to its hint and to its error."""
        field, wrong = self.fields[name], name in self.errors
        described = [f"id_{name}-hint"] if field.help_text else []
        if wrong:
            described.append(f"id_{name}-error")
            field.widget.attrs["aria-invalid"] = "true"
        if described:
            field.widget.attrs["aria-describedby"] = " ".join(described)

    def clean(self) -> dict[str, Any]:
        read = super().clean() or self.cleaned_data
        for first, last in _PERIODS:
            if read.get(first) and read.get(last) and read[first] > read[last]:
                self.add_error(last, ValidationError(BACKWARD, code="R426"))
                read.pop(first)
        return read

    _FIRST = ("recherche", "etat", "produit")

    @property
    def first_fields(self) -> list[forms.BoundField]:
        """What is always shown."""
        return [self[name] for name in self._FIRST]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        """What is folded away unless it filters."""
        return [self[name] for name in self.fields if name not in self._FIRST]

    @property
    def uses_more(self) -> bool:
        return any(self[name].value() or self[name].errors for name in self.fields if name not in self._FIRST)

    def _read(self, name: str) -> Any:
        self.is_valid()
        return self.cleaned_data.get(name)

    @property
    def text(self) -> str:
        """What was typed to be searched."""
        return str(self._read("recherche") or "").strip()

    def selection(self, found: Found | None) -> Selection:
        """What `selected_titres` filters by; `found`: what the text finds."""
        product, stands = self._products.get(self._read("produit") or ""), self._read("etat")
        return Selection(
            where=found.where if found is not None else None,
            product_id=product.pk if product is not None else None,
            stands=(Group(stands) if stands in set(Group) else Situation(stands)) if stands else None,
            document_kind=self._read("document") or "",
            collector=self._read("encaisse_par") or "",
            origin_id=int(self._read("importation")) if self._read("importation") else None,
            issued=(self._read("emise_du"), self._read("emise_au")),
            due=(self._read("limite_du"), self._read("limite_au")),
        )

    @property
    def is_narrow(self) -> bool:
        return any(self._read(name) for name in self.fields)

    @property
    def written(self) -> dict[str, str]:
        """What filters, as an address writes it."""
        written: dict[str, str] = {}
        for name in self.fields:
            value = self._read(name)
            if name == "recherche":
                written["cherche"] = sealed_search(self.text, town=self.town) if self.text else ""
            elif value:
                written[name] = value.isoformat() if isinstance(value, date) else str(value)
        return {name: value for name, value in written.items() if value}

    def query(self, **more: str) -> str:
        """The query string of another page of the same list; `more` wins, and an empty value removes."""
        return "?" + urlencode({name: value for name, value in (self.written | more).items() if value})

    @property
    def for_the_log(self) -> dict[str, str]:
        """What filtered, without what was searched."""
        written = self.written
        return written | ({"cherche": "oui"} if "cherche" in written else {})


def sealed_search(text: str, *, town: Collectivite) -> str:
    """A text, maybe a name, that an address may carry: only this town's list can read it."""
    return _vault().seal(text.encode(), _context(town))


def _vault() -> Vault:
    return Vault.from_setting(settings.SECRET_KEYS)


def _context(town: Collectivite) -> bytes:
    return f"invoices searched, collectivite {town.pk}".encode()


class TitreExportForm(forms.Form):
    """Which file."""

    format = forms.ChoiceField(
        choices=[("xlsx", _("Classeur (XLSX)")), ("csv", _("Texte (CSV)"))],
        error_messages={
            "invalid_choice": _("R429. Choisissez l’un des deux formats de la liste."),
            "required": _("R429. Choisissez l’un des deux formats de la liste."),
        },
    )


class Refusing(forms.Form):
    """A form beside whose fields a refusal of `titres` is told."""

    use_required_attribute = False
    PLACES: Mapping[str, str] = {}  # an operation's argument → our field

    def refuse(self, refusal: Refusal) -> None:
        """Say it beside its field, or at the head of the page."""
        self.is_valid()
        place = self.PLACES.get(refusal.field, "")
        self.add_error(place if place in self.fields else None, f"{refusal.code}. {refusal}")


def _text(
    label: Any, hint: Any = "", *, longest: int, required: Any, is_required: bool = True, **attrs: str
) -> forms.CharField:
    """`required`: the sentence where it is missing or too long."""
    return forms.CharField(
        label=label,
        help_text=hint,
        max_length=longest,
        required=is_required,
        error_messages={"required": required, "max_length": required, "null_characters_not_allowed": required},
        widget=forms.TextInput(attrs={"autocomplete": "off"} | attrs),
    )


def _day(label: Any, hint: Any = "", *, required: bool = True) -> forms.DateField:
    return forms.DateField(
        label=label,
        help_text=hint,
        required=required,
        input_formats=_DAYS,
        error_messages={"required": BAD_DAY, "invalid": BAD_DAY},
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


def _amount(text: str) -> Money:
    try:
        return Money.parse(text)
    except UnreadableAmount:
        raise ValidationError(BAD_AMOUNT, code="R206") from None


def payer_note() -> forms.CharField:
    """What the payer reads of why it is not payable."""
    return _text(
        _("Ce que lira le payeur"),
        _(
            "facultatif : une phrase, sans aucun nom, lue par celui qui tape ce numéro et ce montant ; par exemple"
            " « Payez à la trésorerie de Saint-Aubin. »"
        ),
        longest=LONGEST_PAYER_NOTE,
        required=_("R241. Ce que lira le payeur est trop long : une phrase, 200 caractères au plus."),
        is_required=False,
    )


def reason() -> forms.CharField:
    """Why, between agents."""
    return _text(
        _("Motif"),
        _("qui l’a demandé, et pourquoi ; il est gardé avec votre nom"),
        longest=LONGEST_REASON,
        required=MISSING_REASON,
    )


class NewTitreForm(Refusing):
    """One invoice, as it is printed."""

    PLACES = {
        "product": "produit",
        "number": "numero",
        "label": "objet",
        "debtor": "debiteur",
        "amount": "montant",
        "issued_on": "emission",
        "due_on": "limite",
        "exercice": "emission",
    }

    produit = forms.ChoiceField(
        label=_("Produit"), error_messages={"required": NO_PRODUCT, "invalid_choice": NO_PRODUCT}
    )
    numero = _text(
        later_said(_("Numéro %(of_the_debt)s")),
        _("tel qu’il est imprimé : c’est ce que le payeur recopiera"),
        longest=30,
        required=_("R202. Recopiez le numéro tel qu’il est imprimé, 6 à 30 lettres et chiffres."),
    )
    debiteur = _text(
        later_said(_("Qui doit %(the_debt)s")),
        _("le nom qui y est imprimé ; les payeurs ne le voient pas"),
        longest=LONGEST_DEBTOR,
        required=_("R205. Écrivez le nom de la personne qui doit, 120 caractères au plus."),
    )
    objet = _text(
        _("Objet"),
        _("par exemple « Restaurant scolaire, octobre 2026 »"),
        longest=LONGEST_LABEL,
        required=_("R204. Écrivez l’objet, 100 caractères au plus."),
    )
    montant = _text(_("Montant"), _("en euros, par exemple 84,70"), longest=20, required=NO_AMOUNT, inputmode="decimal")
    emission = _day(_("Date d’émission"), _("elle dit aussi l’exercice"))
    limite = _day(_("Date limite de paiement"), _("facultative"), required=False)

    def __init__(self, data: Any, *, products: Sequence[Product], initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        choices = self.fields["produit"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = [(product.slug, product.name) for product in products]
        self._products = {product.slug: product for product in products}

    def clean_montant(self) -> Money:
        return _amount(str(self.cleaned_data["montant"]))

    @property
    def told(self) -> dict[str, Any]:
        """The arguments of `record_titre`."""
        read = self.cleaned_data
        return {
            "product": self._products[read["produit"]],
            "number": read["numero"],
            "label": read["objet"],
            "debtor": read["debiteur"],
            "amount": read["montant"],
            "issued_on": read["emission"],
            "due_on": read["limite"],
        }


class AdjustForm(Refusing):
    """Less or more is due."""

    PLACES = {"amount": "montant", "reason": "motif_montant"}

    sens = forms.ChoiceField(
        label=_("Le montant"),
        choices=[
            ("", _("Choisissez")),
            (Direction.DECREASE.value, _("diminue")),
            (Direction.INCREASE.value, _("augmente")),
        ],
        error_messages={"required": NO_DIRECTION, "invalid_choice": NO_DIRECTION},
    )
    montant = _text(
        _("De combien"), _("en euros, par exemple 4,20"), longest=20, required=NO_AMOUNT, inputmode="decimal"
    )
    motif_montant = reason()

    def clean_montant(self) -> Money:
        return _amount(str(self.cleaned_data["montant"]))


class DecideForm(Refusing):
    """What becomes of it."""

    PLACES = {"reason": "motif", "payer_note": "payeur"}

    decision = forms.ChoiceField(
        label=_("Décision"), error_messages={"required": NO_DECISION, "invalid_choice": NO_DECISION}
    )
    motif = reason()
    payeur = payer_note()

    def __init__(self, data: Any = None, *, choices: Sequence[tuple[str, Any]] = ()) -> None:
        super().__init__(data)
        self.offer(choices)

    def offer(self, choices: Sequence[tuple[str, Any]]) -> None:
        """What can be chosen from now on; what was wrong stays told."""
        decision = self.fields["decision"]
        assert isinstance(decision, forms.ChoiceField)
        decision.choices = [("", _("Choisissez")), *choices]
        if not self.is_bound and not any(name in STOPS for name, _label in choices):
            self.fields.pop("payeur", None)

    @property
    def told(self) -> dict[str, Any]:
        """The arguments of the act."""
        read = self.cleaned_data
        note = {"payer_note": read["payeur"]} if read["decision"] in STOPS else {}
        return {"reason": read["motif"]} | note

    def clean(self) -> dict[str, Any]:
        """What is written for the payer is never lost silently."""
        read: dict[str, Any] = super().clean() or {}
        if read.get("payeur") and read.get("decision") and read["decision"] not in STOPS:
            self.add_error("payeur", NO_NOTE_HERE)
        return read


class EditTitreForm(NewTitreForm):
    """A draft, mended."""

    @classmethod
    def of(cls, titre: Titre, data: Any = None, *, debtor: str, products: Sequence[Product]) -> "EditTitreForm":
        initial = {
            "produit": titre.product.slug,
            "numero": titre.number,
            "debiteur": debtor,
            "objet": titre.label,
            "montant": titre.amount.format_fr().removesuffix("\u00a0€"),
            "emission": titre.issued_on,
            "limite": titre.due_on,
        }
        return cls(data, products=products, initial=initial)


class CorrectForm(Refusing):
    """The words of a published one."""

    PLACES = {"label": "objet", "debtor": "debiteur", "due_on": "limite", "reason": "motif"}

    objet = _text(
        _("Objet"),
        longest=LONGEST_LABEL,
        required=_("R204. Écrivez l’objet, 100 caractères au plus."),
    )
    debiteur = _text(
        later_said(_("Qui doit %(the_debt)s")),
        _("les payeurs ne le voient pas ; l’ancien nom n’est pas gardé"),
        longest=LONGEST_DEBTOR,
        required=_("R205. Écrivez le nom de la personne qui doit, 120 caractères au plus."),
        is_required=False,
    )
    limite = _day(_("Date limite de paiement"), _("facultative"), required=False)
    motif = reason()

    @classmethod
    def of(cls, titre: Titre, data: Any = None, *, debtor: str) -> "CorrectForm":
        return cls(data, initial={"objet": titre.label, "debiteur": debtor, "limite": titre.due_on})

    @property
    def told(self) -> dict[str, Any]:
        """The arguments of `correct`."""
        read = self.cleaned_data
        return {
            "label": read["objet"],
            "debtor": read["debiteur"],
            "due_on": read["limite"],
            "reason": read["motif"],
        }
