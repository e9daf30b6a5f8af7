"""What an operator does: create collectivités, look after the platform, and enter a town only visibly to it."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from regal.backoffice import administration, refusals, staff, visits
from regal.backoffice.platform_health import signs
from regal.backoffice.redirects import see_page
from regal.collectivites.models import Collectivite
from regal.collectivites.queries import collectivites_called
from regal.lib.policy import Tenant, Who, policy
from regal.people.models import Role
from regal.people.queries import roles_of

PAGE_LENGTH = 50


def clock() -> datetime:
    """These pages' one look at the time."""
    return datetime.now(UTC)


class CollectiviteForm(forms.Form):
    """A collectivité and its first administrator. What each field must hold is checked by the operations."""

    name = forms.CharField(max_length=200, error_messages={"required": gettext_lazy("Écrivez le nom.")})
    slug = forms.CharField(max_length=60, required=False)
    siret = forms.CharField(
        max_length=40, error_messages={"required": gettext_lazy("Recopiez le SIRET du budget principal.")}
    )
    site_url = forms.CharField(max_length=300, required=False)
    contact = forms.CharField(max_length=200, required=False)
    administrator_name = forms.CharField(
        max_length=80, error_messages={"required": gettext_lazy("Écrivez le prénom et le nom de l’administrateur.")}
    )
    administrator = forms.CharField(
        max_length=200, error_messages={"required": gettext_lazy("Choisissez l’identifiant de l’administrateur.")}
    )
    administrator_email = forms.CharField(
        max_length=300, error_messages={"required": gettext_lazy("Écrivez l’adresse e-mail de l’administrateur.")}
    )

    FIELD_OF = {
        refusals.MissingName: "name",
        refusals.BadSlug: "slug",
        refusals.ReservedSlug: "slug",
        refusals.SlugTaken: "slug",
        refusals.BadSiret: "siret",
        refusals.BadWebAddress: "site_url",
        refusals.BadUserIdentifier: "administrator",
        refusals.IdentifierTaken: "administrator",
        refusals.BadEmail: "administrator_email",
        refusals.EmailTaken: "administrator_email",
    }


class VisitForm(forms.Form):
    reason = forms.CharField(error_messages={"required": refusals.MissingReason.sentence})
    role = forms.ChoiceField(
        choices=[
            (Role.AGENT.value, gettext_lazy("Regarder seulement.")),
            (
                Role.ADMINISTRATOR.value,
                gettext_lazy("Regarder, et changer des réglages à la demande de la collectivité."),
            ),
        ],
        error_messages={
            "required": gettext_lazy("Dites si vous venez regarder, ou changer des réglages."),
            "invalid_choice": gettext_lazy("Dites si vous venez regarder, ou changer des réglages."),
        },
    )

    FIELD_OF = {
        refusals.MissingReason: "reason",
        refusals.CardNumberTyped: "reason",
        refusals.UnknownRole: "role",
    }


@policy(who=Who.OPERATOR, tenant=Tenant.NONE)
@require_safe
def platform(request: HttpRequest) -> HttpResponse:
    """Every collectivité by name, fifty a page; nothing of their payments."""
    words = request.GET.get("nom", "").replace("\0", "")[:100].strip()
    page = Paginator(collectivites_called(words), PAGE_LENGTH).get_page(request.GET.get("page"))
    inside = set(roles_of(_operator(request).pk, now=clock()))
    context = {
        "page": page,
        "words": words,
        "query": urlencode({"nom": words}) if words else "",
        "inside": inside,
    }
    return render(request, "backoffice/platform.html", context)


@policy(who=Who.OPERATOR, tenant=Tenant.NONE)
@require_http_methods(["GET", "HEAD", "POST"])
def new_collectivite(request: HttpRequest) -> HttpResponse:
    """A collectivité, its main budget and its first administrator, all or nothing; the invitation leaves by e-mail."""
    form = CollectiviteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            town = _create(form.cleaned_data, actor_id=_operator(request).pk)
        except refusals.Refusal as refusal:
            form.add_error(CollectiviteForm.FIELD_OF.get(type(refusal)), str(refusal))
        else:
            said = _("%(town)s est créée. L’invitation part à l’adresse %(email)s.")
            messages.success(request, said % {"town": town, "email": form.cleaned_data["administrator_email"]})
            return see_page("platform")
    status = 422 if form.errors else 200
    return render(request, "backoffice/new_collectivite.html", {"form": form}, status=status)


def _create(typed: dict[str, Any], *, actor_id: int) -> Collectivite:
    now = clock()
    with transaction.atomic():
        town = administration.create_collectivite(
            slug=typed["slug"] or slugify(typed["name"])[:40].strip("-"),
            name=typed["name"],
            siret=typed["siret"],
            site_url=typed["site_url"],
            contact=typed["contact"],
            now=now,
            actor_id=actor_id,
        )
        staff.invite(
            collectivite=town,
            identifier=typed["administrator"],
            email=typed["administrator_email"],
            display_name=typed["administrator_name"],
            role=Role.ADMINISTRATOR.value,
            now=now,
            actor_id=actor_id,
        )
    return town


@policy(who=Who.OPERATOR, tenant=Tenant.NONE)
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """How the platform is, thing by thing."""
    looked_at = signs(now=clock())
    context = {"signs": looked_at, "wrong": sum(not sign.is_good for sign in looked_at)}
    return render(request, "backoffice/health.html", context)


@policy(who=Who.OPERATOR, tenant=Tenant.NONE)
@require_http_methods(["GET", "HEAD", "POST"])
def enter(request: HttpRequest, slug: str) -> HttpResponse:
    """Say why, and come in for two hours at most; the town is told."""
    town = _town(slug)
    form = VisitForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            visits.open_visit(collectivite=town, operator=_operator(request), now=clock(), **form.cleaned_data)
        except refusals.Refusal as refusal:
            form.add_error(VisitForm.FIELD_OF[type(refusal)], str(refusal))
        else:
            messages.success(request, _("Vous êtes entré. Les administrateurs en sont prévenus par e-mail."))
            return see_page("dashboard", slug)
    context = {"form": form, "town": town}
    return render(request, "backoffice/enter.html", context, status=422 if form.errors else 200)


@policy(who=Who.OPERATOR, tenant=Tenant.NONE)
@require_POST
def leave(request: HttpRequest, slug: str) -> HttpResponse:
    """Go out of the town."""
    town = _town(slug)
    visits.close_visit(collectivite=town, operator=_operator(request), now=clock())
    messages.success(request, _("Vous êtes sorti : %(town)s.") % {"town": town})
    return see_page("platform")


def _operator(request: HttpRequest) -> Any:
    return request.user


def _town(slug: str) -> Collectivite:
    town = Collectivite.objects.filter(slug=slug).first()
    if town is None:
        raise Http404
    return town
