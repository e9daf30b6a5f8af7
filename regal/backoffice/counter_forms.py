"""What agents type about money received otherwise than online, and about a reversal."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from regal.backoffice.titre_forms import BAD_AMOUNT, MISSING_REASON, NO_AMOUNT
from regal.collectivites.debt_words import later_said
from regal.lib import tokens
from regal.lib.money import Money, UnreadableAmount
from regal.payments.counter import LONGEST
from regal.payments.models import Cause, Means
from regal.payments.reversing import LONGEST_REASON
from regal.titres.refusals import Refusal

BAD_DAY = _("R265. Ce jour ne se lit pas : écrivez-le 24/11/2026.")
NO_MEANS = _("R275. Choisissez un moyen de paiement dans la liste.")
NO_CAUSE = _("R272. Choisissez une cause dans la liste.")
_DAYS = ["%Y-%m-%d", "%d/%m/%Y"]


class _Refusing(forms.Form):
    """A form beside whose fields a refusal is told."""

    use_required_attribute = False
    PLACES: dict[str, str] = {}  # an operation's argument → our field

    def refuse(self, refusal: Refusal) -> None:
        """Say it beside its field, or at the head of the page."""
        place = self.PLACES.get(refusal.field, "")
        self.add_error(place if place in self.fields else None, f"{refusal.code}. {refusal}")


def _line(label: Any, hint: Any = "", *, longest: int, **attrs: str) -> forms.CharField:
    too_long = _("R267. Ce texte est trop long : %(limit_value)s caractères au plus.")
    return forms.CharField(
        label=label,
        help_text=hint,
        required=False,
        max_length=longest,
        error_messages={"max_length": too_long, "null_characters_not_allowed": _("R213. Retapez ce texte.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"} | attrs),
    )


class ReceiptForm(_Refusing):
    """One sum of money in the agent's hands, or on the régie's account."""

    PLACES = {
        "amount": "montant",
        "received_on": "jour",
        "bank": "banque",
        "piece": "piece",
        "book_number": "carnet",
        "drawer": "tireur",
        "label": "libelle",
        "told_of_hold": "deja_la",
    }

    moyen = forms.ChoiceField(
        label=_("Moyen de paiement"),
        choices=[("", _("Choisissez")), *Means.choices],
        error_messages={"required": NO_MEANS, "invalid_choice": NO_MEANS},
    )
    montant = forms.CharField(
        label=_("Montant reçu"),
        help_text=_("en euros, par exemple 84,70"),
        max_length=20,
        error_messages={"required": NO_AMOUNT, "max_length": BAD_AMOUNT, "null_characters_not_allowed": BAD_AMOUNT},
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "decimal"}),
    )
    jour = forms.DateField(
        label=_("Jour où il a été reçu"),
        input_formats=_DAYS,
        error_messages={"required": BAD_DAY, "invalid": BAD_DAY},
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    banque = _line(_("Banque"), _("d’un chèque"), longest=LONGEST["bank"])
    piece = _line(
        _("Numéro de la pièce"),
        _("du chèque, du ticket du terminal, du virement ou des titres de paiement"),
        longest=LONGEST["piece"],
    )
    tireur = _line(
        _("Nom du payeur"),
        later_said(_("facultatif : s’il n’est pas celui %(of_the_debt)s")),
        longest=LONGEST["drawer"],
    )
    libelle = _line(_("Libellé du virement"), _("facultatif : tel que le relevé l’écrit"), longest=LONGEST["label"])
    carnet = _line(
        _("Numéro de quittance"), _("facultatif : celui de votre carnet à souches"), longest=LONGEST["book_number"]
    )
    deja_la = forms.BooleanField(
        label=_("Quelqu’un est en train de payer en ligne, je le sais : cet argent est déjà entre mes mains"),
        required=False,
    )

    def __init__(self, data: Any = None, *, is_held: bool, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        if not is_held:
            del self.fields["deja_la"]

    def clean_montant(self) -> Money:
        try:
            return Money.parse(str(self.cleaned_data["montant"]))
        except UnreadableAmount:
            raise ValidationError(BAD_AMOUNT, code="R206") from None

    @property
    def told(self) -> dict[str, Any]:
        """The arguments of `record_receipt`."""
        read = self.cleaned_data
        return {
            "means": Means(read["moyen"]),
            "amount": read["montant"],
            "received_on": read["jour"],
            "bank": read["banque"],
            "piece": read["piece"],
            "drawer": read["tireur"],
            "label": read["libelle"],
            "book_number": read["carnet"],
            "told_of_hold": read.get("deja_la", False),
        }


class HiddenForm(forms.Form):
    """What the page showed, and the token that makes it work once."""

    jeton = forms.CharField(max_length=64)
    reste = forms.IntegerField(min_value=0, max_value=9_999_999_99)

    def clean_jeton(self) -> str:
        token = str(self.cleaned_data["jeton"])
        if not tokens.is_well_formed(token):
            raise ValidationError("not one of ours")
        return token


class ReversalForm(_Refusing):
    """Why money counts no more."""

    PLACES = {"cause": "cause", "reason": "motif"}

    cause = forms.ChoiceField(label=_("Cause"), error_messages={"required": NO_CAUSE, "invalid_choice": NO_CAUSE})
    motif = forms.CharField(
        label=_("Motif"),
        help_text=_("qui l’a dit, et comment ; il est gardé avec votre nom"),
        max_length=LONGEST_REASON,
        error_messages=dict.fromkeys(
            ("required", "max_length", "null_characters_not_allowed"),
            MISSING_REASON,
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, causes: Sequence[Cause]) -> None:
        super().__init__(data)
        choices = self.fields["cause"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = [("", _("Choisissez")), *((one.value, one.label) for one in causes)]


class DayForm(forms.Form):
    """Which day's receipts to list. What cannot be read filters nothing, and is told beside its field."""

    jour = forms.DateField(
        label=_("Jour"),
        required=False,
        input_formats=_DAYS,
        error_messages={"invalid": BAD_DAY},
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    moyen = forms.ChoiceField(
        label=_("Moyen de paiement"),
        required=False,
        choices=[("", _("Tous les moyens")), *Means.choices],
        error_messages={"invalid_choice": NO_MEANS},
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        for name in self.errors:
            self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"id_{name}-error"}
