"""The form of a product of kind titre: separators and blanks forgiven, zeros restored, amounts as people write them."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from regal.lib.email_address import EmailReason, UnreadableEmail, normalise_email
from regal.lib.money import AmountReason, Money, UnreadableAmount
from regal.lib.references import Part, TitreReference, UnreadableReference

EMAIL_SENTENCES = {
    EmailReason.EMPTY: _("Indiquez votre adresse e-mail : PayFiP y envoie le ticket de paiement."),
    EmailReason.SEVERAL: _("Indiquez une seule adresse e-mail."),
    EmailReason.TOO_LONG: _("Cette adresse e-mail est trop longue pour PayFiP (80 caractères au plus)."),
    EmailReason.NOT_ASCII: _("PayFiP n’accepte pas les accents dans une adresse e-mail."),
}
EMAIL_USUAL = _("Vérifiez l’adresse e-mail ; elle ressemble à nom@exemple.fr.")
AMOUNT_SENTENCES = {
    AmountReason.EMPTY: _("Indiquez le montant imprimé sur l’avis, par exemple 125,50."),
    AmountReason.AMBIGUOUS: _("Ce montant peut se lire de deux façons. Écrivez-le sans séparateur : 1234,50."),
    AmountReason.TOO_MANY_DECIMALS: _("Un montant a au plus deux chiffres après la virgule."),
}
AMOUNT_USUAL = _("Ce montant ne se lit pas. Écrivez-le comme sur l’avis, par exemple 125,50.")
REFERENCE_SENTENCES = {
    Part.EXERCICE: _("L’exercice est une année à quatre chiffres, par exemple 2026."),
    Part.TITRE: _("Le numéro de titre a de 1 à 8 chiffres, sans lettre."),
    Part.LIGNE: _("Le numéro de ligne a de 1 à 6 chiffres. C’est 1 sur presque tous les avis."),
}
LEAST, MOST = Money(100), Money(9_999_999)


class TitreForm(forms.Form):
    """exercice, titre, ligne, amount, email → `reference`, `amount`, `email`."""

    use_required_attribute = False
    exercice = forms.CharField(required=False, max_length=40)
    titre = forms.CharField(required=False, max_length=64)
    ligne = forms.CharField(required=False, max_length=40, initial="1")
    amount = forms.CharField(required=False, max_length=40)
    email = forms.CharField(required=False, max_length=254)

    def clean_email(self) -> str:
        try:
            return normalise_email(self.cleaned_data["email"])
        except UnreadableEmail as unreadable:
            raise ValidationError(EMAIL_SENTENCES.get(unreadable.reason, EMAIL_USUAL), code="R021") from None

    def clean_amount(self) -> Money:
        try:
            amount = Money.parse(self.cleaned_data["amount"])
        except UnreadableAmount as unreadable:
            raise ValidationError(AMOUNT_SENTENCES.get(unreadable.reason, AMOUNT_USUAL), code="R022") from None
        if amount < LEAST:
            raise ValidationError(_("PayFiP n’accepte pas les montants inférieurs à 1 €."), code="R023")
        if amount > MOST:
            raise ValidationError(_("PayFiP n’accepte pas les montants supérieurs à 99 999,99 €."), code="R024")
        return amount

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if {"exercice", "titre", "ligne"} <= cleaned.keys():
            cleaned["reference"] = self._reference(cleaned)
        return cleaned

    def _reference(self, cleaned: dict[str, Any]) -> TitreReference | None:
        try:
            return TitreReference.parse(cleaned["titre"])  # the whole reference, pasted into one field
        except UnreadableReference:
            pass
        missing = [name for name in ("exercice", "titre") if not cleaned[name]]
        for name in missing:
            self.add_error(name, ValidationError(_EMPTY[name], code="R025"))
        if missing:
            return None
        try:
            return TitreReference.from_fields(
                exercice=cleaned["exercice"], titre=cleaned["titre"], ligne=cleaned["ligne"] or "1"
            )
        except UnreadableReference as unreadable:
            field = {Part.EXERCICE: "exercice", Part.LIGNE: "ligne"}.get(unreadable.part, "titre")
            sentence = REFERENCE_SENTENCES.get(unreadable.part, REFERENCE_SENTENCES[Part.TITRE])
            self.add_error(field, ValidationError(sentence, code="R026"))
        return None


_EMPTY = {
    "exercice": _("Indiquez l’exercice : c’est l’année, au début de la référence."),
    "titre": _("Indiquez le numéro de titre imprimé sur l’avis."),
}
