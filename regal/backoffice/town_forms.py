"""What an administrator types on the settings pages. A refusal of `administration.py` stands beside its field.

Each form carries `seen`, the version of what was on the screen: what a colleague changed meanwhile is never
overwritten unseen.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.text import format_lazy, slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from regal.backoffice import refusals
from regal.backoffice.administration import (
    LONGEST_CONTACT,
    LONGEST_SENTENCE,
    ProductTerms,
    look_version,
    product_version,
    version_of,
)
from regal.backoffice.gateway_names import service_of
from regal.backoffice.refusals import Refusal
from regal.collectivites.debt_words import later_said
from regal.collectivites.models import Collectivite, DebtWord, GatewayAccount, Product
from regal.collectivites.reference_forms import LONGEST_NAME
from regal.gateways.base import DebtKind
from regal.gateways.paybox.gateway import Paybox
from regal.lib import colours
from regal.lib.check_keys import CheckKey
from regal.lib.money import Money, UnreadableAmount
from regal.lib.reference_patterns import LONGEST_PATTERN, BadPattern, ReferencePattern

TOO_LONG = _("Ce texte est trop long : %(limit_value)d caractères au plus. (R336)")
NO_WORD = _("Choisissez dans la liste comment vos régies appellent ce qu’elles demandent de payer. (R259)")
NOT_TYPED = _("Ce champ contient un caractère que l’on ne tape pas : effacez-le, puis tapez-le à nouveau.")
CHECK_KEYS = [
    ("", _("Aucune")),
    (CheckKey.LUHN, _("luhn : un chiffre à la fin")),
    (CheckKey.MOD_97_10, _("mod_97_10 : deux chiffres à la fin, la plus sûre")),
    (CheckKey.MOD_37_36, _("mod_37_36 : une lettre ou un chiffre à la fin")),
]
FRENCH_DAYS = ["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"]


def as_error(refusal: Refusal) -> ValidationError:
    """The sentence, and the code that support can search for."""
    return ValidationError(f"{refusal} ({refusal.code})", code=refusal.code)


def line(label: Any, hint: Any = "", *, longest: int, **attributes: str) -> forms.CharField:
    """One line of text that may be left empty."""
    return forms.CharField(
        label=label,
        help_text=hint,
        required=False,
        max_length=longest,
        widget=forms.TextInput(attrs={"autocomplete": "off", **attributes}),
    )


def sentence(label: Any, hint: Any, *, longest: int = LONGEST_SENTENCE) -> forms.CharField:
    """Something said to payers."""
    return forms.CharField(
        label=label,
        help_text=hint,
        required=False,
        max_length=longest,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


def day(label: Any, hint: Any) -> forms.DateField:
    """A day, of Paris, by the browser's own calendar or typed in French."""
    return forms.DateField(
        label=label,
        help_text=hint,
        required=False,
        input_formats=FRENCH_DAYS,
        error_messages={
            "invalid": format_lazy("{} ({})", refusals.UnreadableDay.sentence, refusals.UnreadableDay.code)
        },
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "autocomplete": "off"}),
    )


@dataclass(frozen=True, kw_only=True)
class Group:
    """Fields that go together on the page."""

    legend: Any
    hint: Any
    fields: list[BoundField]


class SettingsForm(forms.Form):
    """What all of them have in common."""

    use_required_attribute = False
    GROUPS: tuple[tuple[Any, Any, tuple[str, ...]], ...] = ()
    ACCUSED: Mapping[type[Refusal], str] = {}  # the field that a refusal is about, where it does not say

    seen = forms.CharField(required=False, max_length=16, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():
            field.error_messages |= {"max_length": TOO_LONG, "null_characters_not_allowed": NOT_TYPED}

    @property
    def groups(self) -> Iterator[Group]:
        """The fields as the page shows them; those that this form does not have are passed over."""
        for legend, hint, names in self.GROUPS:
            shown = [self[name] for name in names if name in self.fields]
            if shown:
                yield Group(legend=legend, hint=hint, fields=shown)

    def refuse(self, refusal: Refusal) -> None:
        """Put a refusal beside its field, or above the form when no field is to blame."""
        name = str(refusal.values.get("field", "")) or self.ACCUSED.get(type(refusal), "")
        self.add_error(name if name in self.fields else None, as_error(refusal))

    def see(self, version: str) -> None:
        """From now on the form changes this version: the person has been told what is in the base."""
        self.data = {**self.data.dict(), "seen": version}  # type: ignore[attr-defined]

    @property
    def meanwhile(self) -> list[tuple[str, str]]:
        """What the base holds where the person typed something else: label and value."""
        return [
            (str(self.fields[name].label), self._in_words(name)) for name in self.changed_data if name in self.initial
        ]

    def _in_words(self, name: str) -> str:
        field, value = self.fields[name], self.initial[name]
        if isinstance(field, forms.BooleanField):
            return gettext("oui") if value else gettext("non")
        if isinstance(field, forms.ChoiceField):
            return str(dict(field.choices).get(value, value))  # type: ignore[arg-type]
        return str(value) if value not in (None, "") else "–"


class CollectiviteForm(SettingsForm):
    """The name, the site and the contact of a collectivité, and what it calls the debts of its régies."""

    GROUPS = (("", "", ("name", "site_url", "contact", "debt_word", "treasury_note")),)
    ACCUSED = {refusals.MissingName: "name", refusals.BadWebAddress: "site_url"}

    name = line(_("Nom"), _("tel que les payeurs le lisent, par exemple « Commune de Saint-Aubin »"), longest=120)
    site_url = line(
        _("Site internet"), _("son adresse, par exemple https://www.saint-aubin.fr"), longest=200, inputmode="url"
    )
    contact = sentence(
        _("Qui contacter"),
        _("en bas de chaque page : un service, son téléphone, ses heures ; pas le nom d’une personne"),
        longest=LONGEST_CONTACT,
    )
    debt_word = forms.ChoiceField(
        label=_("Vos régies envoient"),
        help_text=_("le mot que vos agents et vos payeurs liront"),
        choices=DebtWord.choices,
        error_messages={"required": NO_WORD, "invalid_choice": NO_WORD},
    )
    treasury_note = sentence(
        _("Comment payer à la trésorerie"),
        _(
            "lu par le payeur de ce qu’une régie a transmis au comptable : la trésorerie, son adresse, ses moyens de"
            " paiement ; vide : il lit qu’il doit attendre le courrier de la trésorerie"
        ),
    )

    @classmethod
    def of(cls, town: Collectivite, data: Any = None) -> "CollectiviteForm":
        stored = {"name": town.name, "site_url": town.site_url, "contact": town.contact, "seen": version_of(town)}
        stored |= {"debt_word": town.debt_word, "treasury_note": town.treasury_note}
        return cls(data, initial=stored)

    def clean_site_url(self) -> str:
        """`www.bourg.fr` is what people write."""
        typed = str(self.cleaned_data["site_url"])
        return f"https://{typed}" if typed and "://" not in typed else typed


def _colour(label: Any, hint: Any) -> forms.CharField:
    return line(label, hint, longest=40, spellcheck="false")


def _picker(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label, required=False, max_length=7, widget=forms.TextInput(attrs={"type": "color", "class": "picker"})
    )


class LookForm(SettingsForm):
    """The colours and the logo. A colour is typed, or picked on the browser's own palette: what was changed counts."""

    GROUPS = (
        (
            _("Couleurs"),
            _("Tapez le code de votre charte graphique, ou choisissez dans le nuancier. Vide : celles de REGAL."),
            ("main_colour", "main_picked", "accent_colour", "accent_picked"),
        ),
        (_("Logo"), "", ("without_logo", "logo_text", "logo")),
    )
    ACCUSED = {
        refusals.PaleColour: "main_colour",
        refusals.NotALogo: "logo",
        refusals.HeavyLogo: "logo",
        refusals.HugeLogo: "logo",
        refusals.LogoTextTooLong: "logo_text",
    }
    USUAL = {"main": colours.USUAL_MAIN, "accent": colours.USUAL_ACCENT}

    main_colour = _colour(_("Couleur principale"), _("des boutons et des liens, assez foncée : # et six chiffres"))
    main_picked = _picker(_("Couleur principale, au nuancier"))
    main_shown = forms.CharField(required=False, max_length=7, widget=forms.HiddenInput)
    accent_colour = _colour(_("Couleur d’accent"), _("un filet sous l’en-tête : celle que vous voulez"))
    accent_picked = _picker(_("Couleur d’accent, au nuancier"))
    accent_shown = forms.CharField(required=False, max_length=7, widget=forms.HiddenInput)
    without_logo = forms.BooleanField(label=_("Ôter le logo"), required=False)
    logo_text = line(
        _("Ce que le logo dit de plus que le nom"),
        _("lu à haute voix à qui ne voit pas le logo, par exemple une devise ; vide le plus souvent"),
        longest=120,
    )
    logo = forms.FileField(
        label=_("Nouveau logo"),
        help_text=_("un fichier PNG, JPEG ou WebP de 2 Mo au plus"),
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )

    @classmethod
    def of(cls, town: Collectivite, data: Any = None, files: Any = None) -> "LookForm":
        shown = {"main": town.main_colour, "accent": town.accent_colour}
        stored = {
            "main_colour": town.main_colour,
            "accent_colour": town.accent_colour,
            "logo_text": town.logo_text,
            "seen": look_version(town),
            **{f"{which}_{part}": shown[which] or cls.USUAL[which] for which in shown for part in ("picked", "shown")},
        }
        form = cls(cls._chosen(data) if data is not None else None, files, initial=stored)
        if not town.logo_digest:
            del form.fields["without_logo"]
        return form

    @classmethod
    def _chosen(cls, data: Any) -> Any:
        """What was picked, where it was; and palettes that stand at what is in the fields beside them."""
        data = data.copy()
        for which, usual in cls.USUAL.items():
            picked, shown = data.get(f"{which}_picked", ""), data.get(f"{which}_shown", "")
            if picked and picked != shown:
                data[f"{which}_colour"] = picked
            try:
                stands_at = colours.parse(data.get(f"{which}_colour", ""))
            except colours.UnreadableColour:
                stands_at = usual
            data[f"{which}_picked"] = data[f"{which}_shown"] = stands_at
        return data

    @property
    def meanwhile(self) -> list[tuple[str, str]]:
        return [
            (str(self.fields[name].label), self._in_words(name))
            for name in self.changed_data
            if name in ("main_colour", "accent_colour", "logo_text")
        ]

    def clean_main_colour(self) -> str:
        return self._colour("main_colour")

    def clean_accent_colour(self) -> str:
        return self._colour("accent_colour")

    def _colour(self, name: str) -> str:
        typed = str(self.cleaned_data[name])
        try:
            return colours.parse(typed) if typed else ""
        except colours.UnreadableColour:
            raise as_error(refusals.BadColour(colour=typed)) from None


_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_LOOPBACK = ("localhost", "127.0.0.1")


def origin_of(address: str) -> str:
    """`https://host[:port]` of any address of a site, as somebody copies it; the text itself where there is none.

    Raises PlainHttp.
    """
    typed = address.strip()
    try:
        parts = urlsplit(typed if _SCHEME.match(typed) else f"https://{typed}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return typed
    if not host or parts.username is not None or parts.scheme not in ("http", "https"):
        return typed
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise refusals.PlainHttp(origin=typed)
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in (None, usual) else "")


class OriginForm(SettingsForm):
    """One more site that may show the town's pages."""

    ACCUSED = {refusals.BadOrigin: "site", refusals.OriginTaken: "site", refusals.PlainHttp: "site"}
    site = line(
        _("Adresse du site"),
        _("celle d’une de ses pages convient, par exemple https://www.saint-aubin.fr/payer"),
        longest=300,
        inputmode="url",
    )

    def clean_site(self) -> str:
        try:
            return origin_of(str(self.cleaned_data["site"]))
        except refusals.PlainHttp as refusal:
            raise as_error(refusal) from None

    def refuse(self, refusal: Refusal) -> None:
        self.add_error("site", as_error(refusal))


REFERENCE_FIELDS = {
    DebtKind.TITRE: (),
    DebtKind.ORMC: ("code_name", "period_name", "number_name", "code", "number_digits"),
    DebtKind.REGIE: ("number_name", "pattern", "check_key"),
}
REFERENCE_HINTS = {
    DebtKind.ORMC: _(
        "Donnez aux champs les noms imprimés sur vos factures. Le payeur recopie les quatre blocs tels quels : REGAL"
        " n’ajoute ni n’ôte aucun zéro."
    ),
    DebtKind.REGIE: _(
        "Ni PayFiP ni Paybox ne vérifient le numéro ou le montant d’une facture de régie : il faut ici un modèle de"
        " numéro ou une clé de contrôle, un montant minimal et un montant maximal. Un modèle reconnaît une faute de"
        " frappe, pas une facture ; si le contrat passe par le web service ou par Paybox, REGAL vérifie aussi que la"
        " facture est saisie ici."
    ),
}


class ProductForm(SettingsForm):
    """A product: its words, its contract, when it can be paid, how it asks for the reference, within what amounts."""

    GROUPS = (
        (_("Ce que le payeur lit"), "", ("name", "slug", "introduction")),
        (_("Contrat"), "", ("account",)),
        (
            _("Quand on peut payer"),
            _("Les jours sont ceux de Paris, bornes comprises. Un paiement déjà parti aboutit toujours."),
            ("is_open", "opens_on", "closes_on", "closed_note"),
        ),
        (
            _("La référence à taper"),
            "",
            ("code_name", "period_name", "number_name", "code", "number_digits", "pattern", "check_key"),
        ),
        (_("La base importée"), "", ("not_compared",)),
        (_("Montants acceptés"), "", ("min_amount", "max_amount", "partial_payment")),
        (
            _("Essayer un numéro"),
            _("Recopiez celui d’une vraie facture : s’il ne convenait pas, rien ne serait enregistré."),
            ("example",),
        ),
    )
    ACCUSED = {
        refusals.MissingName: "name",
        refusals.BadProductSlug: "slug",
        refusals.ProductTaken: "slug",
        refusals.NotThisAccount: "account",
        refusals.BadDays: "closes_on",
        refusals.BadAmounts: "min_amount",
        refusals.ImpossibleNumbers: "pattern",
        refusals.NumberRefused: "example",
    }

    name = line(_("Nom"), _("ce qui se paie, par exemple « Cantine » ou « Eau et assainissement »"), longest=100)
    slug = line(
        _("Adresse"),
        _("la fin de l’adresse de sa page, par exemple « cantine » ; vide : faite du nom. Elle ne changera plus."),
        longest=40,
        spellcheck="false",
    )
    introduction = sentence(_("Introduction"), _("une phrase en haut du formulaire ; facultative"))
    account = forms.ChoiceField(label=_("Contrat"), required=False)
    is_open = forms.BooleanField(label=_("Ouvert au paiement"), required=False)
    opens_on = day(_("Premier jour"), _("vide : dès maintenant"))
    closes_on = day(_("Dernier jour"), _("vide : sans fin"))
    closed_note = sentence(
        _("Quand il est fermé"), _("comment payer autrement, par exemple « Payez à la régie, 3 rue du Lac. »")
    )
    code_name = line(_("Nom du code"), _("celui des deux lettres ; vide : « Code recette »"), longest=LONGEST_NAME)
    period_name = line(_("Nom des deux chiffres"), _("vide : « Période »"), longest=LONGEST_NAME)
    number_name = line(_("Nom du numéro"), _("comme il est imprimé"), longest=LONGEST_NAME)
    code = line(
        _("Code de toutes ces factures"),
        _("deux lettres ou chiffres, par exemple EA ; vide s’ils diffèrent"),
        longest=10,
        spellcheck="false",
    )
    number_digits = forms.TypedChoiceField(
        label=_("Chiffres du dernier bloc"),
        help_text=_("zéros du début compris"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", _("Leur nombre varie")), *((number, str(number)) for number in range(1, 14))],
    )
    pattern = line(
        _("Modèle de numéro"),
        _(
            "# un chiffre, @ une lettre, * l’un ou l’autre, A à Z et 0 à 9 eux-mêmes, {6} six fois, {4-6} de quatre à"
            " six fois. Par exemple FC2026-#{6}. Tirets et espaces ne comptent pas."
        ),
        longest=LONGEST_PATTERN,
        spellcheck="false",
    )
    check_key = forms.ChoiceField(
        label=_("Clé de contrôle"),
        help_text=_("seulement si votre logiciel de facturation en met une"),
        required=False,
        choices=CHECK_KEYS,
    )
    not_compared = forms.BooleanField(
        label=_("Ne pas comparer avec la base importée"),
        help_text=_(
            "sinon, le payeur dont la référence et le montant n’y sont pas est averti, et peut continuer ; à cocher si"
            " vous n’importez qu’une partie des titres"
        ),
        required=False,
    )
    min_amount = line(_("Montant minimal, en euros"), _("par exemple 1,00"), longest=40, inputmode="decimal")
    max_amount = line(_("Montant maximal, en euros"), _("par exemple 600,00"), longest=40, inputmode="decimal")
    partial_payment = forms.BooleanField(
        label=later_said(_("%(A_debt)s peut se payer en plusieurs fois")),
        help_text=_("chaque partie, et ce qui reste ensuite, vaut au moins le montant minimal"),
        required=False,
    )
    example = line(_("Un numéro, comme il est imprimé"), _("facultatif"), longest=64, spellcheck="false")

    def __init__(self, *args: Any, contract: GatewayAccount, choices: list[GatewayAccount], **options: Any) -> None:
        super().__init__(*args, **options)
        self.contract = contract
        self.contracts = {str(one.pk): one for one in choices}
        self.kind = DebtKind(contract.debt_kind)
        asked = REFERENCE_FIELDS[self.kind]
        for others in REFERENCE_FIELDS.values():
            for name in set(others) - set(asked):
                self.fields.pop(name, None)
        if self.kind is DebtKind.REGIE:
            del self.fields["not_compared"]
        if self.kind is not DebtKind.REGIE:  # others' debts are not in our base: their balance is not known here
            del self.fields["partial_payment"]
        if len(choices) > 1:
            self.fields["account"].choices = [(key, account_in_words(one)) for key, one in self.contracts.items()]  # type: ignore[attr-defined]
        else:
            del self.fields["account"]

    @classmethod
    def of(cls, product: Product, choices: list[GatewayAccount], data: Any = None) -> "ProductForm":
        """Of a product that is there: its address does not change."""
        stored: dict[str, Any] = {
            "name": product.name,
            "introduction": product.introduction,
            "account": str(product.account_id),
            "is_open": product.is_open,
            "opens_on": product.opens_on,
            "closes_on": product.closes_on,
            "closed_note": product.closed_note,
            "not_compared": not product.compares_with_base,
            "min_amount": in_euros(product.min_amount),
            "max_amount": in_euros(product.max_amount),
            "partial_payment": product.partial_payment,
            **{name: product.reference_form.get(name, "") for name in REFERENCE_FIELDS[DebtKind(product.debt_kind)]},
            "seen": product_version(product),
        }
        form = cls(data, initial=stored, contract=product.account, choices=choices)
        del form.fields["slug"]
        return form

    @property
    def groups(self) -> Iterator[Group]:
        for group in super().groups:
            is_about_the_reference = group.legend == self.GROUPS[3][0]
            yield (
                Group(legend=group.legend, hint=REFERENCE_HINTS[self.kind], fields=group.fields)
                if is_about_the_reference
                else group
            )

    @property
    def chosen_contract(self) -> GatewayAccount:
        return self.contracts.get(str(self.cleaned_data.get("account") or ""), self.contract)

    @property
    def slug_or_name(self) -> str:
        return str(self.cleaned_data["slug"]) or slugify(self.cleaned_data["name"])[:40].strip("-_")

    @property
    def terms(self) -> ProductTerms:
        given = self.cleaned_data
        form = {name: given[name] for name in REFERENCE_FIELDS[self.kind]}
        return ProductTerms(
            is_open=given.get("is_open", False),
            opens_on=given["opens_on"],
            closes_on=given["closes_on"],
            closed_note=given["closed_note"],
            reference_form={name: value for name, value in form.items() if value not in ("", None)},
            min_amount=given["min_amount"],
            max_amount=given["max_amount"],
            compares_with_base=not given.get("not_compared", False),
            partial_payment=given.get("partial_payment", False),
        )

    def clean_pattern(self) -> str:
        text = str(self.cleaned_data["pattern"]).upper()
        try:
            if text:
                ReferencePattern.parse(text)
        except BadPattern as bad:
            unread = text[bad.place :][:12]
            told = (
                _("Ce modèle ne se lit pas à partir de « %(unread)s ». Écrivez par exemple FC2026-#{6}. (R323)")
                if unread
                else _("Ce modèle n’admettrait aucun numéro. Écrivez par exemple FC2026-#{6}. (R323)")
            )
            raise ValidationError(told, code="R323", params={"unread": unread}) from None
        return text

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        if code and not (len(code) == 2 and code.isascii() and code.isalnum()):
            raise ValidationError(_("Ce code a deux lettres ou chiffres, par exemple EA. (R323)"), code="R323")
        return code.upper()

    def clean_min_amount(self) -> Money | None:
        return self._amount("min_amount")

    def clean_max_amount(self) -> Money | None:
        return self._amount("max_amount")

    def _amount(self, name: str) -> Money | None:
        try:
            return Money.parse(self.cleaned_data[name]) if self.cleaned_data[name] else None
        except UnreadableAmount:
            raise as_error(refusals.UnreadableLimit()) from None

    def refuse(self, refusal: Refusal) -> None:
        if isinstance(refusal, refusals.UncheckedInvoices):
            missing = [name for name in ("min_amount", "max_amount") if self.cleaned_data.get(name) is None]
            is_checked = self.cleaned_data.get("pattern") or self.cleaned_data.get("check_key")
            name = missing[0] if is_checked and missing else "pattern"
            return self.add_error(name, as_error(refusal))
        super().refuse(refusal)


def account_in_words(account: GatewayAccount) -> str:
    """A contract as a list shows it: who collects, its number, its environment."""
    collects = account.regie.name if account.regie else gettext("comptable")
    number = f"{service_of(account)} {account.identifier}" if account.gateway == Paybox.name else account.identifier
    return f"{number} – {collects} – {account.get_environment_display()}"


def in_euros(amount: Money | None) -> str:
    """As a person would type it."""
    if amount is None:
        return ""
    euros, cents = divmod(amount.cents, 100)
    return f"{euros},{cents:02d}"
