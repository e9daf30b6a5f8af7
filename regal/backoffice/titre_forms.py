"""What agents type about invoices."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from regal.backoffice.forms import BAD_CHOICE, BAD_END, SHORTEST_END
from regal.backoffice.titre_queries import Situation
from regal.collectivites.models import Product
from regal.lib.money import Money, UnreadableAmount
from regal.titres.models import Direction
from regal.titres.operations import LONGEST_DEBTOR, LONGEST_LABEL, LONGEST_REASON
from regal.titres.refusals import Refusal

SITUATIONS: dict[Situation, Promise] = {
    Situation.PAYABLE: _("à payer"),
    Situation.HELD: _("paiement en cours"),
    Situation.PAID: _("payée"),
    Situation.DRAFT: _("brouillon"),
    Situation.SUSPENDED: _("suspendue"),
    Situation.CANCELLED: _("annulée"),
    Situation.TRANSFERRED: _("transmise au comptable"),
    Situation.WRITTEN_OFF: _("abandonnée"),
    Situation.WITHDRAWN: _("retirée"),
}
BAD_AMOUNT = _("R206. Ce montant ne se lit pas : écrivez-le en euros, par exemple 84,70.")
BAD_DAY = _("R207. Ce jour ne se lit pas : écrivez-le 24/11/2026.")
NO_AMOUNT = _("R206. Écrivez le montant en euros, par exemple 84,70.")
NO_PRODUCT = _("R201. Choisissez un produit dans la liste.")
NO_DECISION = _("R221. Choisissez une décision dans la liste.")
NO_DIRECTION = _("R222. Dites si le montant diminue ou augmente.")
_SEPARATORS = re.compile(r"[\s\-‐‑‒–—−/._…]+")
_DAYS = ["%Y-%m-%d", "%d/%m/%Y"]


class TitreFilters(forms.Form):
    """Which invoices to list. What cannot be read filters nothing, and is told beside its field."""

    produit = forms.ChoiceField(label=_("Produit"), required=False)
    etat = forms.ChoiceField(
        label=_("État"),
        required=False,
        choices=[("", _("Tous les états")), *((one.value, name) for one, name in SITUATIONS.items())],
    )
    reference = forms.CharField(
        label=_("Fin du numéro"),
        help_text=_("Comme sur la facture, 3 caractères au moins."),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, data: Any, *, products: Sequence[Product]) -> None:
        super().__init__(data)
        choices = self.fields["produit"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = [("", _("Tous les produits")), *((product.slug, product.name) for product in products)]
        self._products = {product.slug: product for product in products}
        for name, field in self.fields.items():
            if isinstance(field, forms.ChoiceField):
                field.error_messages["invalid_choice"] = BAD_CHOICE
            self._describe(name)

    def _describe(self, name: str) -> None:
        """Tie a field to its hint and to its error."""
        field, wrong = self.fields[name], name in self.errors
        described = [f"id_{name}-hint"] if field.help_text else []
        if wrong:
            described.append(f"id_{name}-error")
            field.widget.attrs["aria-invalid"] = "true"
        if described:
            field.widget.attrs["aria-describedby"] = " ".join(described)

    def clean_reference(self) -> str:
        """Letters and digits, without separators."""
        plain = _SEPARATORS.sub("", str(self.cleaned_data["reference"]))
        if plain and not (plain.isascii() and plain.isalnum() and SHORTEST_END <= len(plain) <= 30):
            raise ValidationError(BAD_END, code="R423")
        return plain

    def _read(self, name: str) -> str:
        self.is_valid()
        return str(self.cleaned_data.get(name) or "")

    @property
    def selection(self) -> dict[str, Any]:
        """What `selected_titres` filters by."""
        product, situation = self._products.get(self._read("produit")), self._read("etat")
        return {
            "product_id": product.pk if product is not None else None,
            "situation": Situation(situation) if situation else None,
            "end": self._read("reference"),
        }

    @property
    def is_narrow(self) -> bool:
        return any(self._read(name) for name in self.fields)

    def query(self, **more: str) -> str:
        """The query string of another page of the same list."""
        written = {name: self._read(name) for name in self.fields} | more
        return "?" + urlencode({name: value for name, value in written.items() if value})


class _Refusing(forms.Form):
    """A form beside whose fields a refusal of `titres` is told."""

    use_required_attribute = False
    PLACES: Mapping[str, str] = {}  # an operation's argument → our field

    def refuse(self, refusal: Refusal) -> None:
        """Say it beside its field, or at the head of the page."""
        self.is_valid()
        place = self.PLACES.get(refusal.field, "")
        self.add_error(place if place in self.fields else None, f"{refusal.code}. {refusal}")


def _text(label: Any, hint: Any = "", *, longest: int, required: Any, **attrs: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=hint,
        max_length=longest,
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


class NewTitreForm(_Refusing):
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
        _("Numéro de la facture"),
        _("tel qu’il est imprimé : c’est ce que le payeur recopiera"),
        longest=30,
        required=_("R202. Recopiez le numéro tel qu’il est imprimé sur la facture, 6 à 30 lettres et chiffres."),
    )
    debiteur = _text(
        _("Qui la doit"),
        _("le nom imprimé sur la facture ; les payeurs ne le voient pas"),
        longest=LONGEST_DEBTOR,
        required=_("R205. Écrivez le nom de la personne qui doit la facture, 120 caractères au plus."),
    )
    objet = _text(
        _("Objet"),
        _("par exemple « Restaurant scolaire, octobre 2026 »"),
        longest=LONGEST_LABEL,
        required=_("R204. Écrivez l’objet de la facture, 100 caractères au plus."),
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


class AdjustForm(_Refusing):
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
    motif_montant = _text(
        _("Motif"),
        _("qui l’a demandé, et pourquoi ; il est gardé avec votre nom"),
        longest=LONGEST_REASON,
        required=_("R211. Écrivez le motif, de 5 à 300 caractères : qui l’a demandé, et pourquoi."),
    )

    def clean_montant(self) -> Money:
        return _amount(str(self.cleaned_data["montant"]))


class DecideForm(_Refusing):
    """What becomes of it."""

    PLACES = {"reason": "motif"}

    decision = forms.ChoiceField(
        label=_("Décision"), error_messages={"required": NO_DECISION, "invalid_choice": NO_DECISION}
    )
    motif = _text(
        _("Motif"),
        _("qui l’a demandé, et pourquoi ; il est gardé avec votre nom"),
        longest=LONGEST_REASON,
        required=_("R211. Écrivez le motif, de 5 à 300 caractères : qui l’a demandé, et pourquoi."),
    )

    def __init__(self, data: Any = None, *, choices: Sequence[tuple[str, Any]] = ()) -> None:
        super().__init__(data)
        self.offer(choices)

    def offer(self, choices: Sequence[tuple[str, Any]]) -> None:
        """What can be chosen from now on; what was wrong stays told."""
        decision = self.fields["decision"]
        assert isinstance(decision, forms.ChoiceField)
        decision.choices = [("", _("Choisissez")), *choices]
