"""What agents type."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from regal.backoffice.standing import NAMES
from regal.collectivites.models import ENVIRONMENT_NAMES, Collectivite, Product
from regal.gateways.base import Environment
from regal.lib import paris
from regal.lib.email_address import UnreadableEmail, normalise_email
from regal.lib.money import Money, UnreadableAmount
from regal.lib.vault import Vault, VaultError
from regal.payments.queries import ByDay, Selection
from regal.payments.standing import Standing

SHORTEST_END = 3
FIRST_YEAR, LAST_YEAR = 2000, 2999
_SEPARATORS = re.compile(r"[\s\-‐‑‒–—−/._…]+")
BAD_DAY = _("R421. Ce jour ne se lit pas : écrivez-le 24/11/2026. Il ne filtre rien.")
BAD_AMOUNT = _("R422. Ce montant ne se lit pas : écrivez 125,50. Il ne filtre rien.")
BAD_END = _(
    "R423. Tapez au moins 3 lettres ou chiffres de la fin de la référence, par exemple 412-1, ou la référence entière."
    " Ce qui est tapé ne filtre rien."
)
BAD_CHOICE = _("R424. Ce choix n’existe pas ici : prenez-en un dans la liste. Il ne filtre rien.")
LOST_PAYER = _("R425. Ce lien ne dit plus quel payeur chercher : tapez de nouveau son adresse e-mail.")
BACKWARD_DAYS = _("R426. La période finit avant de commencer : corrigez l’une des deux dates. Elles ne filtrent rien.")
BACKWARD_AMOUNTS = _(
    "R427. Le second montant est plus petit que le premier : corrigez l’un des deux. Ils ne filtrent rien."
)
BAD_PAYER = _("R428. Cette adresse e-mail ne se lit pas : tapez-la entière, par exemple nom@exemple.fr.")
_NAMES = ("produit", "date", "du", "au", "etat", "environnement", "montant", "montant_max", "reference", "payeur")


class DayField(forms.DateField):
    """A day, as a browser sends it or as people write it."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def __init__(self, label: Any) -> None:
        super().__init__(
            label=label,
            required=False,
            input_formats=["%Y-%m-%d", "%d/%m/%Y"],
            error_messages={"invalid": BAD_DAY},
        )

    def clean(self, value: Any) -> date | None:
        day: date | None = super().clean(value)
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise ValidationError(BAD_DAY, code="R421")
        return day


class _AmountField(forms.CharField):
    """An amount as people write it; cleaned, a Money or None."""

    def __init__(self, label: Any, hint: Any = "") -> None:
        typed = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(label=label, help_text=hint, required=False, widget=typed)

    def clean(self, value: Any) -> Money | None:
        text = super().clean(value)
        try:
            return Money.parse(text) if text else None
        except UnreadableAmount:
            raise ValidationError(BAD_AMOUNT, code="R422") from None


class PaymentFilters(forms.Form):
    """Which payments to list. What cannot be read filters nothing, and is told beside its field."""

    produit = forms.ChoiceField(label=_("Produit"), required=False)
    date = forms.ChoiceField(
        label=_("Jour où il a été"),
        required=False,
        choices=[
            ("", _("commencé")),
            (ByDay.ANNOUNCED.value, _("annoncé payé, sans confirmation")),
            (ByDay.CONFIRMED.value, _("confirmé (jour comptable)")),
        ],
    )
    du = DayField(_("Du"))
    au = DayField(_("Au"))
    etat = forms.ChoiceField(
        label=_("État"), required=False, choices=[("", _("Tous les états")), *((s.value, n) for s, n in NAMES.items())]
    )
    environnement = forms.ChoiceField(
        label=_("Environnement"),
        required=False,
        choices=[("", _("Tous, essais compris")), *((e.value, n) for e, n in ENVIRONMENT_NAMES.items())],
    )
    montant = _AmountField(_("Montant, ou à partir de"), _("Exact s’il est seul, par exemple 12,50."))
    montant_max = _AmountField(_("Jusqu’à"))
    reference = forms.CharField(
        label=_("Fin de la référence"),
        help_text=_("Comme sur l’avis, par exemple 412-1."),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    payeur = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, town: Collectivite, products: Sequence[Product]) -> None:
        super().__init__(data)
        self.town = town
        self.email = ""  # the payer's, once its sealed form is read
        choices = self.fields["produit"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = [("", _("Tous les produits")), *((product.slug, product.name) for product in products)]
        self._products = {product.slug: product for product in products}
        for field in self.fields.values():
            if isinstance(field, forms.ChoiceField):
                field.error_messages["invalid_choice"] = BAD_CHOICE
        for name in self.fields:
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
        """Letters and digits, without separators but the last dash, which tells a line of a titre."""
        text = str(self.cleaned_data["reference"])
        plain = _SEPARATORS.sub("", text)
        if text and not (plain.isascii() and plain.isalnum() and SHORTEST_END <= len(plain) <= 30):
            raise ValidationError(BAD_END, code="R423")
        return text

    def clean_payeur(self) -> str:
        sealed = str(self.cleaned_data["payeur"])
        if sealed:
            try:
                self.email = _vault().open(sealed, _context(self.town)).reveal_text()
            except VaultError:
                raise ValidationError(LOST_PAYER, code="R425") from None
        return sealed

    def clean(self) -> dict[str, Any]:
        read = super().clean() or self.cleaned_data
        if read.get("du") and read.get("au") and read["du"] > read["au"]:
            self.add_error("au", ValidationError(BACKWARD_DAYS, code="R426"))
            read.pop("du")
        least, most = read.get("montant"), read.get("montant_max")
        if least and most and least > most:
            self.add_error("montant_max", ValidationError(BACKWARD_AMOUNTS, code="R427"))
            read.pop("montant")
        return read

    def _read(self, name: str) -> Any:
        self.is_valid()
        return self.cleaned_data.get(name)

    @property
    def selection(self) -> Selection:
        """What the questions of `payments.queries` filter by."""
        environment, standing, by = self._read("environnement"), self._read("etat"), self._read("date")
        product = self._products.get(self._read("produit") or "")
        least, most = self._read("montant"), self._read("montant_max")
        return Selection(
            product_id=product.pk if product is not None else None,
            by=ByDay(by) if by else ByDay.STARTED,
            first_day=self._read("du"),
            last_day=self._read("au"),
            standing=Standing(standing) if standing else None,
            environment=Environment(environment) if environment else None,
            least=least,
            most=most or least,
            end=self._read("reference") or "",
            email=self.email if self._read("payeur") else "",
        )

    @property
    def is_narrow(self) -> bool:
        return any(self._read(name) for name in _NAMES)

    @property
    def written(self) -> dict[str, str]:
        """What filters, as the address writes it; no e-mail address in clear."""
        written: dict[str, str] = {}
        for name in _NAMES:
            value = self._read(name)
            if isinstance(value, Money):
                value = f"{value.cents // 100},{value.cents % 100:02d}"
            if value:
                written[name] = value.isoformat() if isinstance(value, date) else str(value)
        return written

    @property
    def without_payer(self) -> dict[str, str]:
        return {name: value for name, value in self.written.items() if name != "payeur"}

    def query(self, **more: str) -> str:
        """The query string of another page of the same list; `more` wins, and an empty value removes."""
        return "?" + urlencode({name: value for name, value in (self.written | more).items() if value})

    @property
    def in_words(self) -> list[tuple[str, str]]:
        """(field, value) of what filters, for a file that must say what it holds."""
        words = []
        for name in _NAMES:
            value = self._read(name)
            if not value:
                continue
            field = self.fields[name]
            if name == "payeur":
                words.append((gettext("Payeur"), gettext("une adresse e-mail, qui n’est pas répétée ici")))
            elif isinstance(field, forms.ChoiceField):
                words.append((str(field.label), str(dict(field.choices)[value])))  # type: ignore[arg-type]
            elif isinstance(value, date):
                words.append((str(field.label), f"{value:%d/%m/%Y}"))
            else:
                words.append((str(field.label), str(value)))
        return words


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """A period in one press."""

    name: Promise
    query: str
    is_current: bool


def shortcuts(filters: PaymentFilters, *, now: datetime) -> list[Shortcut]:
    """Today, this month, last month; the other filters stay."""
    today = paris.today(now)
    month = today.replace(day=1)
    last = month - timedelta(days=1)
    periods = [
        (_("Aujourd’hui"), today, today),
        (_("Ce mois-ci"), month, today),
        (_("Le mois dernier"), last.replace(day=1), last),
    ]
    chosen = (filters.selection.first_day, filters.selection.last_day)
    return [
        Shortcut(
            name=name,
            query=filters.query(du=first.isoformat(), au=until.isoformat()),
            is_current=chosen == (first, until),
        )
        for name, first, until in periods
    ]


class PayerSearch(forms.Form):
    """Whose payments to list. Sent in the body of a request: an address in the query string would stay in histories."""

    courriel = forms.CharField(max_length=254)

    def clean_courriel(self) -> str:
        try:
            return normalise_email(self.cleaned_data["courriel"])
        except UnreadableEmail:
            raise ValidationError(BAD_PAYER, code="R428") from None


def sealed_payer(email: str, *, town: Collectivite) -> str:
    """An address that an agent's browser may carry in clear sight: only this town's list can read it."""
    return _vault().seal(email.encode(), _context(town))


def _vault() -> Vault:
    return Vault.from_setting(settings.SECRET_KEYS)


def _context(town: Collectivite) -> bytes:
    return f"payer searched, collectivite {town.pk}".encode()
