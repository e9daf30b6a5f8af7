"""One debt corrected: a draft whole, a published one in its words only."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from regal.backoffice import pages
from regal.backoffice.policies import BureauRequest
from regal.backoffice.redirects import see_page
from regal.backoffice.titre_forms import CorrectForm, EditTitreForm
from regal.backoffice.titre_queries import debtor_of, titre_products
from regal.backoffice.titres import seen_steps, shown_titre
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.titres import operations
from regal.titres.models import Titre
from regal.titres.refusals import Refusal
from regal.titres.states import State
from regal.titres.words import name_of


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def edit_titre(request: BureauRequest, slug: str, titre_id: int) -> HttpResponse:
    """A draft: everything. Once published: its label, its debtor's name, its due day, with a reason."""
    town, data = request.collectivite, request.POST if request.method == "POST" else None
    shown, seen = shown_titre(request, titre_id)
    is_draft = shown.status == State.DRAFT
    refused = ""
    if data is not None and (data.get("brouillon", "") == "1") is not is_draft:  # published since, or a draft again
        data, refused = None, _("L’état a changé depuis que cette page est affichée : relisez, puis recommencez.")
    form = _form(shown, data, request)
    if data is not None and form.is_valid():
        try:
            with tenant(town):
                told: dict[str, Any] = {"titre": shown, "seen": seen_steps(request, shown)}
                told |= form.told | {"now": pages.clock(), "actor_id": request.user.pk}
                (operations.edit_draft if is_draft else operations.correct)(**told)
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Correction enregistrée."))
            return see_page("titre", slug, titre_id)
    is_over = not is_draft and (shown.status not in (State.OPEN, State.SUSPENDED) or shown.paid_at is not None)
    context: dict[str, Any] = {
        "titre": shown,
        "name": name_of(shown),
        "form": form,
        "seen": seen,
        "is_draft": is_draft,
        "is_over": is_over,
        "refused": refused,
    }
    status = 422 if form.errors or refused else 200
    return render(request, "backoffice/edit_titre.html", context, status=status)


def _form(shown: Titre, data: Any, request: BureauRequest) -> EditTitreForm | CorrectForm:
    with tenant(request.collectivite):
        debtor = debtor_of(shown)
        if shown.status != State.DRAFT:
            return CorrectForm.of(shown, data, debtor=debtor)
        return EditTitreForm.of(shown, data, debtor=debtor, products=titre_products(collectivite=request.collectivite))
