"""What administrators type about contracts. The rules are the operations'; a form says which field to mend."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from regal.backoffice.contracts import Contract
from regal.backoffice.refusals import Refusal
from regal.backoffice.trials import LONGEST_OFFICE, TEST_REFERENCES
from regal.collectivites.models import Product, Regie
from regal.gateways.base import DebtKind, Environment
from regal.gateways.payfip_url.gateway import PayfipUrl
from regal.gateways.payfip_ws.gateway import PayfipWs
from regal.lib import tokens
from regal.lib.money import Money, UnreadableAmount

NEW_REGIE = "new"
_DAY = {"type": "date"}


class WithLimits(forms.Form):
    """What the least and the greatest amount of a contract are read as: two fields of whoever asks them."""

    def clean_min_amount(self) -> Money | None:
        return self._amount("min_amount")

    def clean_max_amount(self) -> Money | None:
        return self._amount("max_amount")

    def _amount(self, name: str) -> Money | None:
        typed = self.cleaned_data[name]
        try:
            return Money.parse(typed) if typed else None
        except UnreadableAmount:
            raise forms.ValidationError(_("Ce montant ne se lit pas : écrivez par exemple 600,00.")) from None


class AddContract(WithLimits):
    """A number, what it collects, and the régie whose it is, if any."""

    numcli = forms.CharField(
        label=_("Numéro de client PayFiP (numcli)"),
        max_length=6,
        error_messages={"required": _("Écrivez le numéro de client, de 6 chiffres.")},
        help_text=_("6 chiffres, donnés par votre correspondant moyens de paiement ; les zéros du début comptent"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(
        label=_("Ce que ce contrat encaisse"),
        choices=[
            (DebtKind.TITRE.value, _("des titres (avis des sommes à payer)")),
            (DebtKind.ORMC.value, _("des rôles (factures émises par rôle : eau, assainissement…)")),
            (DebtKind.REGIE.value, _("des factures d’une régie")),
        ],
        help_text=_("Un contrat est d’une seule sorte ; c’est écrit sur le formulaire d’adhésion"),
    )
    gateway = forms.ChoiceField(
        label=_("Accès à PayFiP"),
        required=False,
        choices=[
            (PayfipUrl.name, _("Formulaire PayFiP")),
            (PayfipWs.name, _("Web service PayFiP (régies)")),
        ],
        help_text=_(
            "Par le web service, REGAL demande à PayFiP ce que devient chaque paiement ; il sert les régies, et votre"
            " correspondant doit en ouvrir le droit. En cas de doute, choisissez le formulaire"
        ),
    )
    regie = forms.ChoiceField(
        label=_("Régie"), required=False, help_text=_("Pour des factures de régie seulement"), choices=[]
    )
    regie_name = forms.CharField(
        label=_("Nom de la nouvelle régie"),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    regie_number = forms.CharField(
        label=_("Son numéro dans Hélios"),
        required=False,
        max_length=10,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    min_amount = forms.CharField(
        label=_("Montant minimal, en euros (facultatif)"),
        required=False,
        max_length=20,
        help_text=_("Laissez vide pour les limites habituelles de PayFiP : de 1 € à 99 999,99 €"),
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    max_amount = forms.CharField(
        label=_("Montant maximal, en euros (facultatif)"),
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, regies: Iterable[Regie], **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["regie"]
        known = [(str(regie.pk), f"{regie.name} ({regie.number})") for regie in regies]
        field.choices = [("", _("Aucune")), *known, (NEW_REGIE, _("Une nouvelle régie, nommée ci-dessous"))]

    def clean_gateway(self) -> str:
        return self.cleaned_data["gateway"] or PayfipUrl.name

    @property
    def is_of_the_web_service(self) -> bool:
        """Then PayFiP tells whose number it is."""
        return bool(self.cleaned_data["gateway"] == PayfipWs.name)

    @property
    def limits(self) -> dict[str, int]:
        """The options of the account."""
        asked = {"min_amount_cents": "min_amount", "max_amount_cents": "max_amount"}
        return {option: self.cleaned_data[name].cents for option, name in asked.items() if self.cleaned_data[name]}

    def accuse(self, refusal: Refusal) -> None:
        """Say a refusal beside the field that can mend it."""
        field = {
            "R311": "numcli",
            "R312": "numcli",
            "R451": "numcli",
            "R469": "numcli",
            "R470": "gateway",
            "R471": "numcli",
            "R472": "numcli",
            "R474": "numcli",
            "R313": "max_amount",
            "R314": "regie",
            "R315": "regie_number",
            "R316": "regie_number",
            "R347": "regie_name",
        }
        self.add_error(field.get(refusal.code), str(refusal))


class NoteAdhesion(forms.Form):
    """The checklist of joining PayFiP: dates, and an office."""

    place = "adhesion_form"  # on the assistant's page

    convention_on = forms.DateField(
        label=_("Convention signée avec la DGFiP, le"),
        required=False,
        widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d"),
    )
    form_sent_on = forms.DateField(
        label=_("Formulaire d’adhésion envoyé, le"),
        required=False,
        widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d"),
    )
    identifier_received_on = forms.DateField(
        label=_("Numéro de client reçu, le"),
        required=False,
        widget=forms.DateInput(attrs=_DAY, format="%Y-%m-%d"),
    )
    office = forms.CharField(
        label=_("Service du correspondant"),
        required=False,
        max_length=LONGEST_OFFICE,
        help_text=_("Un service, sans nom de personne : par exemple DDFiP d’Ille-et-Vilaine, moyens de paiement"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    has_direct_debit = forms.BooleanField(label=_("L’adhésion comprend le prélèvement"), required=False)

    @classmethod
    def about(cls, contract: Contract, data: Any = None) -> "NoteAdhesion":
        """As it stands, or as posted."""
        noted = contract.adhesion
        initial = {name: getattr(noted, name) for name in cls.base_fields} if noted else {}
        return cls(data, initial=initial, auto_id="adhesion_%s")


class TryContract(forms.Form):
    """A payment to try on a contract's test or activation account."""

    product = forms.ChoiceField(label=_("Produit"), choices=[])
    reference = forms.CharField(
        label=_("Référence"),
        max_length=64,
        error_messages={"required": _("Écrivez la référence imprimée sur l’avis.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    amount = forms.CharField(
        label=_("Montant, en euros"),
        error_messages={"required": _("Écrivez le montant imprimé sur l’avis, par exemple 12,50.")},
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    email = forms.CharField(
        label=_("Adresse e-mail qui recevra le ticket"),
        error_messages={"required": _("Écrivez une adresse e-mail : PayFiP y envoie le ticket.")},
        max_length=80,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    again = forms.BooleanField(label=_("Je l’ai vu, recommencer"), required=False)
    flow_token = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, products: Iterable[Product], environment: Environment, initial: Any) -> None:
        name = environment.value
        super().__init__(data, initial=initial, auto_id=f"{name}_%s")
        self.place = f"{name}_form"
        field: Any = self.fields["product"]
        field.choices = [(str(product.pk), product.name) for product in products]
        if environment is Environment.TEST:
            self.fields["reference"].help_text = _("Une référence d’essai est déjà écrite")
        else:
            self.fields["reference"].help_text = _(
                "D’un avis réel, ou d’une facture, encore à payer, telle qu’elle est imprimée"
            )
            self.fields["amount"].help_text = _("Le montant exact de cet avis ou de cette facture : il sera débité")

    def renew(self, flow_token: str) -> None:
        """Let the same form be sent again: what it sent before may stand in the base, and lead nowhere."""
        self.data = {name: self.data[name] for name in self.data} | {"flow_token": flow_token}

    def clean(self) -> dict[str, Any]:
        if not tokens.is_well_formed(self.cleaned_data.get("flow_token", "")):
            self.add_error(None, _("Cette page est incomplète. Actualisez-la, puis recommencez."))
        return self.cleaned_data

    @classmethod
    def on(
        cls, contract: Contract, environment: Environment, *, email: str, flow_token: str, data: Any = None
    ) -> "TryContract":
        """Ready to send, or as posted."""
        trial = environment is Environment.TEST
        initial = {
            "reference": TEST_REFERENCES[contract.kind] if trial else "",
            "amount": "10,00" if trial else "",
            "email": email,
            "flow_token": flow_token,
        }
        return cls(data, initial=initial, products=contract.products, environment=environment)

    def accuse(self, refusal: Refusal) -> None:
        """Say a refusal beside the field that can mend it."""
        field = {"R463": "reference", "R466": "again"}.get(refusal.code, getattr(refusal, "field", "") or None)
        self.add_error(field, str(refusal))


class AskProduction(forms.Form):
    """The products whose payments become real."""

    place = "ask_form"

    products = forms.MultipleChoiceField(
        label=_("Produits à mettre en production"), choices=[], required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, data: Any, *, contract: Contract, initial: Any) -> None:
        super().__init__(data, initial=initial, auto_id="ask_%s")
        field: Any = self.fields["products"]
        field.choices = [(str(product.pk), product.name) for product in contract.products_to_move]

    @classmethod
    def about(cls, contract: Contract, data: Any = None) -> "AskProduction":
        """All products are ticked to begin with."""
        return cls(data, contract=contract, initial={"products": [str(one.pk) for one in contract.products_to_move]})

    @property
    def chosen(self) -> list[int]:
        return [int(key) for key in self.cleaned_data["products"]]


class CancelChange(forms.Form):
    """Why a change is stopped."""

    reason = forms.CharField(
        label=_("Motif (facultatif)"),
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
