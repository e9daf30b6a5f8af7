"""What administrators type about a Paybox contract. A key that was typed is never written into a page again."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from regal.backoffice import paybox
from regal.backoffice.contract_forms import NEW_REGIE, WithLimits
from regal.backoffice.paybox_refusals import AmountsOutOfOrder
from regal.backoffice.refusals import Refusal
from regal.collectivites.models import Regie
from regal.lib.money import Money
from regal.lib.vault import Secret

_PLAIN = {"autocomplete": "off"}
_DIGITS = {"inputmode": "numeric", "autocomplete": "off"}
_SECRET = {"autocomplete": "new-password", "spellcheck": "false"}
_USUAL_MINUTES = 15
KEY_AGAIN = _("Une clé n’est jamais réaffichée : collez-la de nouveau.")


_NEEDED_OF_A_NEW_REGIE = {
    "regie_name": _("Écrivez le nom de la nouvelle régie."),
    "regie_number": _("Écrivez le numéro de la nouvelle régie dans Hélios."),
}


class _Keys(forms.Form):
    """The two keys of one platform."""

    hmac = forms.CharField(
        label=_("Clé HMAC"),
        max_length=400,  # with the line ends of whoever copies it
        error_messages={"required": _("Collez la clé HMAC : 128 caractères, de 0 à 9 et de A à F.")},
        help_text=_(
            "128 caractères, de 0 à 9 et de A à F. Elle se génère dans le back-office de Paybox, et ne sert qu’une fois"
            " confirmée par le lien du courriel que Paybox envoie alors. REGAL la garde chiffrée et ne la montrera plus"
        ),
        widget=forms.PasswordInput(attrs=_SECRET, render_value=False),
    )
    direct = forms.CharField(
        label=_("Mot de passe de Paybox Direct (facultatif)"),
        required=False,
        max_length=40,
        strip=False,
        help_text=_(
            "Si votre contrat comprend Paybox Direct (« Direct Plus », « Gestion automatisée »), REGAL demande lui-même"
            " ce que devient chaque paiement. Sinon, laissez vide : les fichiers de remise le diront le lendemain"
        ),
        widget=forms.PasswordInput(attrs=_SECRET, render_value=False),
    )

    def clean_hmac(self) -> Secret | None:
        typed = self.cleaned_data["hmac"]
        return _mended(paybox.hmac_key, typed) if typed else None

    def clean_direct(self) -> Secret | None:
        typed = self.cleaned_data["direct"]
        return _mended(paybox.direct_password, typed) if typed else None

    @property
    def keys(self) -> dict[str, Secret]:
        """What was typed of the two."""
        return {name: self.cleaned_data[name] for name in paybox.KEYS if self.cleaned_data.get(name) is not None}

    def say_keys_again(self) -> None:
        """Where another field is wrong, the keys that were right have to be typed again: say so beside each."""
        if not self.errors:
            return
        for name in paybox.KEYS:
            if self.data.get(name) and name not in self.errors:
                self.add_error(name, KEY_AGAIN)


class PayboxSettings(WithLimits):
    """How Paybox's page behaves; each has a value that suits almost every régie."""

    minutes = forms.IntegerField(
        label=_("Temps laissé au payeur sur la page de paiement, en minutes"),
        min_value=5,
        max_value=60,
        initial=_USUAL_MINUTES,
        error_messages={
            "required": _("Écrivez un nombre de minutes, par exemple 15."),
            "invalid": _("Écrivez un nombre de minutes, par exemple 15."),
            "min_value": _("Au moins 5 minutes : il faut le temps de chercher sa carte."),
            "max_value": _("Au plus 60 minutes : la facture n’est payable par personne d’autre pendant ce temps."),
        },
        help_text=_("Passé ce temps, la page se ferme et la facture peut de nouveau être payée"),
        widget=forms.NumberInput(attrs=_DIGITS),
    )
    page = forms.ChoiceField(
        label=_("Page de paiement"),
        choices=[
            ("php", _("la page actuelle, pour ordinateur et téléphone (conseillé)")),
            ("responsive", _("l’ancienne page adaptée aux téléphones")),
            ("classic", _("la page classique")),
        ],
        help_text=_("Changez-la seulement si Paybox ou votre banque le demande"),
    )
    authentication = forms.ChoiceField(
        label=_("Confirmation par la banque du payeur (3-D Secure)"),
        required=False,
        choices=[
            ("", _("comme la banque le décide (conseillé)")),
            ("01", _("aucune préférence, dit à la banque")),
            ("02", _("demander une dispense quand c’est possible")),
            ("03", _("souhaiter une confirmation")),
            ("04", _("exiger une confirmation")),
        ],
        help_text=_("Une dispense laisse la fraude à la charge de la régie"),
    )
    asks_address = forms.BooleanField(
        label=_("Demander au payeur l’adresse de son domicile"),
        required=False,
        help_text=_("Décoché, REGAL ne demande rien de plus qu’une adresse e-mail. Certaines banques la souhaitent"),
    )
    min_amount = forms.CharField(
        label=_("Montant minimal, en euros (facultatif)"),
        required=False,
        max_length=20,
        help_text=_("Laissez vide s’il n’y a pas de limite dans votre contrat"),
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    max_amount = forms.CharField(
        label=_("Montant maximal, en euros (facultatif)"),
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    @property
    def options(self) -> dict[str, Any]:
        """As the account keeps them; None for what it does not keep."""
        typed = self.cleaned_data
        return {
            "display_seconds": typed["minutes"] * 60,
            "page": typed["page"],
            "authentication": typed["authentication"] or None,
            "asks_address": typed["asks_address"],
            "min_amount_cents": typed["min_amount"].cents if typed["min_amount"] else None,
            "max_amount_cents": typed["max_amount"].cents if typed["max_amount"] else None,
        }

    @classmethod
    def about(cls, options: Mapping[str, Any], data: Any = None) -> "PayboxSettings":
        """As they stand, or as posted."""
        amounts = {
            name: Money(options[f"{name}_cents"]).format_fr().removesuffix("\u00a0€")
            for name in ("min_amount", "max_amount")
            if options.get(f"{name}_cents")
        }
        return cls(
            data,
            initial={
                "minutes": int(options.get("display_seconds", _USUAL_MINUTES * 60)) // 60,
                "page": options.get("page", "php"),
                "authentication": options.get("authentication", ""),
                "asks_address": options.get("asks_address", False),
                **amounts,
            },
        )

    def accuse(self, refusal: Refusal) -> None:
        """Say a refusal beside the field that can mend it."""
        self.add_error(_field_of(refusal, self), str(refusal))


class AddPaybox(_Keys, PayboxSettings):
    """A contract, as the bank's letter gives it."""

    field_order = ("platform", "site", "rang", "identifiant", "regie", "regie_name", "regie_number", *paybox.KEYS)
    platform = forms.ChoiceField(
        label=_("Votre contrat s’appelle"),
        choices=[
            ("paybox", _("Paybox, ou Verifone (la plupart des banques)")),
            ("up2pay", _("Up2pay e-Transactions (Crédit Agricole)")),
        ],
        help_text=_("C’est écrit sur la lettre de votre banque"),
    )
    site = forms.CharField(
        label=_("Numéro de site (TPE)"),
        max_length=20,
        error_messages={"required": _("Écrivez le numéro de site, de 7 chiffres.")},
        help_text=_("7 chiffres"),
        widget=forms.TextInput(attrs=_DIGITS),
    )
    rang = forms.CharField(
        label=_("Rang"),
        max_length=10,
        error_messages={"required": _("Écrivez le rang, souvent 01.")},
        help_text=_("2 ou 3 chiffres, souvent 01"),
        widget=forms.TextInput(attrs=_DIGITS),
    )
    identifiant = forms.CharField(
        label=_("Identifiant"),
        max_length=20,
        error_messages={"required": _("Écrivez l’identifiant, de 1 à 9 chiffres.")},
        help_text=_("De 1 à 9 chiffres ; ce n’est pas celui avec lequel vous vous connectez au back-office"),
        widget=forms.TextInput(attrs=_DIGITS),
    )
    regie = forms.ChoiceField(
        label=_("Régie qui encaisse"),
        choices=[],
        error_messages={"required": _("Choisissez la régie qui a signé ce contrat, ou une nouvelle régie.")},
    )
    regie_name = forms.CharField(
        label=_("Nom de la nouvelle régie"), required=False, max_length=120, widget=forms.TextInput(attrs=_PLAIN)
    )
    regie_number = forms.CharField(
        label=_("Son numéro dans Hélios"), required=False, max_length=10, widget=forms.TextInput(attrs=_PLAIN)
    )

    def __init__(self, *args: Any, regies: Iterable[Regie], **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["regie"]
        known = [(str(regie.pk), f"{regie.name} ({regie.number})") for regie in regies]
        field.choices = [("", _("Choisissez")), *known, (NEW_REGIE, _("Une nouvelle régie, nommée ci-dessous"))]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = self.cleaned_data
        if cleaned.get("regie") == NEW_REGIE:
            for name, sentence in _NEEDED_OF_A_NEW_REGIE.items():
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, sentence)
        least, most = cleaned.get("min_amount"), cleaned.get("max_amount")
        if least and most and least > most:
            self.accuse(AmountsOutOfOrder())
        if all(name in cleaned for name in ("site", "rang", "identifiant")):
            try:
                cleaned["numbers"] = paybox.MerchantNumbers.read(
                    site=cleaned["site"], rang=cleaned["rang"], identifiant=cleaned["identifiant"]
                )
            except Refusal as refusal:
                self.accuse(refusal)
        return cleaned

    @property
    def numbers(self) -> paybox.MerchantNumbers:
        found: paybox.MerchantNumbers = self.cleaned_data["numbers"]
        return found

    @property
    def options(self) -> dict[str, Any]:
        kept = {"platform": self.cleaned_data["platform"], **super().options}
        return {name: value for name, value in kept.items() if value is not None}

    @property
    def is_wrong_in_the_finer_part(self) -> bool:
        return any(field.errors for field in self.finer())

    def groups(self) -> list[tuple[Any, list[Any]]]:
        """The fields in the order in which the letter and the back-office give them."""
        return [
            (_("Le contrat, sur la lettre de la banque"), self._named("platform", "site", "rang", "identifiant")),
            (_("La régie"), self._named("regie", "regie_name", "regie_number")),
            (_("Les clés de la plateforme de test"), self._named("hmac", "direct")),
        ]

    def finer(self) -> list[Any]:
        """What may stay as it is."""
        return self._named("minutes", "page", "authentication", "asks_address", "min_amount", "max_amount")

    def _named(self, *names: str) -> list[Any]:
        return [self[name] for name in names]


class PayboxKeys(_Keys):
    """New keys for one platform; what is left empty stays as it is, once there is a key."""

    def __init__(self, data: Any, *, needs_key: bool) -> None:
        super().__init__(data, auto_id="keys_%s")
        self.fields["hmac"].required = needs_key
        if not needs_key:
            self.fields["hmac"].label = _("Nouvelle clé HMAC (facultatif)")
            self.fields["direct"].label = _("Nouveau mot de passe de Paybox Direct (facultatif)")

    def accuse(self, refusal: Refusal) -> None:
        """Say a refusal beside the field that can mend it."""
        self.add_error(_field_of(refusal, self), str(refusal))


def _mended(read: Any, typed: str) -> Secret:
    try:
        secret: Secret = read(typed)
    except Refusal as refusal:
        raise forms.ValidationError(str(refusal)) from None
    return secret


_FIELD_OF = {
    "R312": "site",
    "R451": "site",
    "R469": "site",
    "R482": "site",
    "R483": "hmac",
    "R484": "hmac",
    "R485": "direct",
    "R486": "hmac",
    "R489": "direct",
    "R491": "rang",
    "R315": "regie_number",
    "R316": "regie_number",
    "R347": "regie_name",
}
_FIELD_OF_OPTION = {
    "display_seconds": "minutes",
    "min_amount_cents": "min_amount",
    "max_amount_cents": "max_amount",
}


def _field_of(refusal: Refusal, form: forms.Form) -> str | None:
    """The field of this form that mends it; None if it has none."""
    told = getattr(refusal, "field", "")
    name = _FIELD_OF.get(refusal.code) or _FIELD_OF_OPTION.get(told, told)
    return name if name in form.fields else None
