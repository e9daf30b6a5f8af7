"""What agents type."""

from django import forms
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from regal.backoffice.standing import NAMES, Standing
from regal.collectivites.models import ENVIRONMENT_NAMES
from regal.gateways.base import Environment


class PaymentFilters(forms.Form):
    """Which payments to list. What cannot be read filters nothing."""

    etat = forms.ChoiceField(
        label=_("État"), required=False, choices=[("", _("Tous les états")), *((s.value, n) for s, n in NAMES.items())]
    )
    environnement = forms.ChoiceField(
        label=_("Environnement"),
        required=False,
        choices=[("", _("Tous, essais compris")), *((e.value, n) for e, n in ENVIRONMENT_NAMES.items())],
    )

    def _chosen(self, name: str) -> str:
        self.is_valid()
        return str(self.cleaned_data.get(name, ""))

    @property
    def standing(self) -> Standing | None:
        return Standing(self._chosen("etat")) if self._chosen("etat") else None

    @property
    def environment(self) -> Environment | None:
        return Environment(self._chosen("environnement")) if self._chosen("environnement") else None

    @property
    def is_narrow(self) -> bool:
        return self.standing is not None or self.environment is not None

    def query(self, **more: str) -> str:
        """The query string of another page of the same list."""
        named = {"etat": self._chosen("etat"), "environnement": self._chosen("environnement"), **more}
        return "?" + urlencode({name: value for name, value in named.items() if value})
