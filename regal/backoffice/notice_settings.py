"""What a town sets of its notices: how else each régie may be paid."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from regal.backoffice import pages, refusals
from regal.backoffice.other_means import LONGEST, change_other_means, field_of, regies_of, version_of
from regal.backoffice.policies import BureauRequest
from regal.backoffice.redirects import see_page
from regal.backoffice.refusals import Refusal
from regal.backoffice.town_forms import NOT_TYPED, TOO_LONG, SettingsForm, sentence
from regal.collectivites.models import Regie
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant


class NoticeTextsForm(SettingsForm):
    """One text for each régie."""

    def __init__(self, data: Any, *, regies: list[Regie]) -> None:
        initial = {field_of(regie.pk): regie.other_means for regie in regies} | {"seen": version_of(regies)}
        super().__init__(data, initial=initial)
        for regie in regies:
            field = sentence(
                _("%(regie)s : autres moyens de payer") % {"regie": regie.name},
                _("400 caractères au plus. Exemple : par chèque à l’ordre de la régie, ou en espèces au guichet."),
                longest=LONGEST,
            )
            field.error_messages |= {"max_length": TOO_LONG, "null_characters_not_allowed": NOT_TYPED}
            self.fields[field_of(regie.pk)] = field
        self.GROUPS = (("", "", tuple(field_of(regie.pk) for regie in regies)),)
        self._regies = regies

    @property
    def texts(self) -> dict[int, str]:
        """What was typed, by régie."""
        return {regie.pk: self.cleaned_data[field_of(regie.pk)] for regie in self._regies}


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def notice_texts(request: BureauRequest, slug: str) -> HttpResponse:
    """How else each régie may be paid, as its notices say."""
    town = request.collectivite
    with tenant(town):
        regies = regies_of(town)
    form = NoticeTextsForm(request.POST if request.method == "POST" else None, regies=regies)
    was_overtaken = False
    if form.is_bound and form.is_valid():
        try:
            seen, now = form.cleaned_data["seen"], pages.clock()
            change_other_means(collectivite=town, texts=form.texts, seen=seen, now=now, actor_id=request.user.pk)
        except Refusal as refusal:
            form.refuse(refusal)
            was_overtaken = isinstance(refusal, refusals.ChangedMeanwhile)
            if was_overtaken:
                form.see(str(form.initial["seen"]))
        else:
            messages.success(request, _("C’est enregistré. Les prochains avis le diront."))
            return see_page("settings_notices", slug)
    status = 409 if was_overtaken else 422 if form.errors else 200
    context = {"form": form, "was_overtaken": was_overtaken, "has_regies": bool(regies)}
    return render(request, "backoffice/settings_notices.html", context, status=status)
