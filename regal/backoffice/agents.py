"""Who works in a collectivité: the pages on which an administrator invites, changes roles, removes."""

from dataclasses import dataclass
from datetime import UTC, datetime

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from regal.backoffice import refusals, staff
from regal.backoffice.policies import BureauRequest
from regal.backoffice.redirects import see_page
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.people.models import Invitation, Membership, Role
from regal.people.queries import latest_invitation, members

ROLES = [  # what each may do, in a sentence
    (Role.AGENT.value, gettext_lazy("Agent : voit les paiements.")),
    (Role.REGISSEUR.value, gettext_lazy("Régisseur : voit les paiements, les rapproche et traite les anomalies.")),
    (Role.ADMINISTRATOR.value, gettext_lazy("Administrateur : fait tout, règle la collectivité et invite des agents.")),
]


def clock() -> datetime:
    """These pages' one look at the time."""
    return datetime.now(UTC)


class InviteForm(forms.Form):
    """Whom to invite. What each field must hold is checked by `administration.create_agent`."""

    display_name = forms.CharField(
        max_length=80, error_messages={"required": gettext_lazy("Écrivez le prénom et le nom.")}
    )
    identifier = forms.CharField(
        max_length=200, error_messages={"required": gettext_lazy("Choisissez un identifiant.")}
    )
    email = forms.CharField(
        max_length=300, error_messages={"required": gettext_lazy("Écrivez l’adresse e-mail de cette personne.")}
    )
    role = forms.ChoiceField(
        choices=ROLES,
        error_messages={
            "required": refusals.UnknownRole.sentence,
            "invalid_choice": refusals.UnknownRole.sentence,
        },
    )

    FIELD_OF = {
        refusals.BadUserIdentifier: "identifier",
        refusals.IdentifierTaken: "identifier",
        refusals.AlreadyMember: "identifier",
        refusals.BadEmail: "email",
        refusals.EmailTaken: "email",
        refusals.UnknownRole: "role",
    }


class RoleForm(forms.Form):
    role = forms.ChoiceField(
        choices=ROLES,
        error_messages={
            "required": refusals.UnknownRole.sentence,
            "invalid_choice": refusals.UnknownRole.sentence,
        },
    )


@dataclass(frozen=True, kw_only=True)
class ShownAgent:
    membership: Membership
    has_second_factor: bool
    invitation: Invitation | None
    is_waiting: bool  # has not chosen a password yet
    is_oneself: bool


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_safe
def agents(request: BureauRequest, slug: str) -> HttpResponse:
    """Everybody who works here."""
    town = request.collectivite
    with tenant(town):
        shown = _shown(request, list(members(collectivite=town)))
    return render(request, "backoffice/agents.html", {"agents": shown})


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG, is_the_town_s=True)
@require_http_methods(["GET", "HEAD", "POST"])
def invite_agent(request: BureauRequest, slug: str) -> HttpResponse:
    """Bring somebody in; the link to choose a password leaves by e-mail."""
    form = InviteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            invitation = staff.invite(
                collectivite=request.collectivite, now=clock(), actor_id=request.user.pk, **form.cleaned_data
            )
        except refusals.Refusal as refusal:
            form.add_error(InviteForm.FIELD_OF.get(type(refusal)), str(refusal))
        else:
            messages.success(request, _("L’invitation part à l’adresse %(email)s.") % {"email": invitation.user.email})
            return see_page("agents", slug)
    return render(request, "backoffice/invite_agent.html", {"form": form}, status=422 if form.errors else 200)


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG, is_the_town_s=True)
@require_http_methods(["GET", "HEAD", "POST"])
def agent(request: BureauRequest, slug: str, membership_id: int) -> HttpResponse:
    """One person: change the role, invite again, remove."""
    town = request.collectivite
    with tenant(town):
        membership = Membership.objects.of(town).select_related("user", "collectivite").filter(pk=membership_id).first()
    if membership is None:
        raise Http404
    act = request.POST.get("act", "")
    form = RoleForm(request.POST if act == "role" else None, initial={"role": membership.role})
    refused = ""
    if request.method == "POST" and (act != "role" or form.is_valid()):
        try:
            return _done(request, slug, membership, act)
        except refusals.Refusal as refusal:
            refused = str(refusal)
    with tenant(town):
        (shown,) = _shown(request, [membership])
    is_wrong = bool(refused) or request.method == "POST"
    context = {"agent": shown, "form": form, "refused": refused, "is_wrong": is_wrong}
    return render(request, "backoffice/agent.html", context, status=422 if is_wrong else 200)


def _done(request: BureauRequest, slug: str, membership: Membership, act: str) -> HttpResponse:
    """Do what the button says. Raises Refusal, Http404."""
    now, actor_id, person = clock(), request.user.pk, {"person": membership.user}
    try:
        if act == "role":
            changed = staff.change_role(membership=membership, role=request.POST["role"], now=now, actor_id=actor_id)
            said = _("%(person)s a maintenant le rôle « %(role)s ».") % {
                **person,
                "role": changed.get_role_display(),
            }
        elif act == "invite":
            staff.invite_again(membership=membership, now=now, actor_id=actor_id)
            said = _("Une invitation part à l’adresse %(email)s.") % {"email": membership.user.email}
        elif act == "remove":
            staff.remove(membership=membership, now=now, actor_id=actor_id)
            said = _("%(person)s ne travaille plus dans cette collectivité.") % person
        else:
            raise Http404
    except Membership.DoesNotExist:  # a colleague was quicker
        raise Http404 from None
    messages.success(request, said)
    return see_page("agents", slug)


def _shown(request: BureauRequest, found: list[Membership]) -> list[ShownAgent]:
    guarded = set(
        Authenticator.objects.filter(user__in=[one.user_id for one in found], type=Authenticator.Type.TOTP).values_list(
            "user_id", flat=True
        )
    )
    return [
        ShownAgent(
            membership=one,
            has_second_factor=one.user_id in guarded,
            invitation=latest_invitation(collectivite=request.collectivite, user_id=one.user_id),
            is_waiting=not one.user.has_usable_password(),
            is_oneself=one.user_id == request.user.pk,
        )
        for one in found
    ]
