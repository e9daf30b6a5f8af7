"""Signing in, one's own account, and invitations: django-allauth's views that we expose, each with its policy.

No sign-up, no e-mail addresses, no password sent by mail. What is not in this file is not reachable.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from allauth.account import views as account_views
from allauth.account.forms import LoginForm
from allauth.core import ratelimit
from allauth.mfa.base import views as mfa_views
from allauth.mfa.recovery_codes import views as recovery_views
from allauth.mfa.totp import views as totp_views
from django.contrib import messages
from django.contrib.auth import logout as sign_out
from django.contrib.auth.forms import SetPasswordForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django.views.generic import FormView

from regal.audit.operations import record_on_platform
from regal.backoffice.administration import choose_password
from regal.lib.policy import Rate, Tenant, Who, policy
from regal.people.invitations import invited_user
from regal.people.models import User
from regal.people.sessions import end_sessions


class SignIn(LoginForm):
    """Allauth's, that says of each empty field what to write in it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].error_messages["required"] = _("Écrivez votre identifiant ou votre adresse e-mail.")
        self.fields["password"].error_messages["required"] = _("Écrivez votre mot de passe.")


class SignInView(account_views.LoginView):
    form_class = SignIn


class _WrittenDown(FormView):  # type: ignore[type-arg]
    """What somebody does to the doors of his own account, with its row on the platform: a thief does it first."""

    act: ClassVar[str]

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            answer: HttpResponse = super().form_valid(form)
            who = self.request.user.pk
            record_on_platform(action=self.act, subject=f"user {who}", now=datetime.now(UTC), actor_id=who)
        return answer


class ActivateTotp(_WrittenDown, totp_views.ActivateTOTPView):
    act = "add_second_factor"


class DeactivateTotp(_WrittenDown, totp_views.DeactivateTOTPView):
    act = "remove_second_factor"


class RenewRecoveryCodes(_WrittenDown, recovery_views.GenerateRecoveryCodesView):
    act = "renew_recovery_codes"


class ChangePassword(_WrittenDown, account_views.PasswordChangeView):
    """Whoever knew the old password, and is signed in with it somewhere, is so no more."""

    act = "change_password"

    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        end_sessions(user_id=form.user.pk, but=self.request.session.session_key)
        return answer


def _exposed(view: Any, template: str, *, who: Who = Who.SIGNED_IN) -> Callable[..., HttpResponse]:
    """One of allauth's views with our page and its policy."""
    exposed: Callable[..., HttpResponse] = policy(who=who, tenant=Tenant.NONE, rate=Rate.SIGN_IN)(
        view.as_view(template_name=template)
    )
    return exposed


login = _exposed(SignInView, "backoffice/login.html", who=Who.ANYBODY)
second_factor = _exposed(mfa_views.AuthenticateView, "backoffice/second_factor.html", who=Who.ANYBODY)
logout = _exposed(account_views.LogoutView, "backoffice/logout.html", who=Who.ANYBODY)  # between the two factors too
reauthenticate = _exposed(account_views.ReauthenticateView, "backoffice/reauthenticate.html")
reauthenticate_with_code = _exposed(mfa_views.ReauthenticateView, "backoffice/reauthenticate_with_code.html")
change_password = _exposed(ChangePassword, "backoffice/change_password.html")
my_account = _exposed(mfa_views.IndexView, "backoffice/my_account.html")
activate_totp = _exposed(ActivateTotp, "backoffice/activate_totp.html")
deactivate_totp = _exposed(DeactivateTotp, "backoffice/deactivate_totp.html")
recovery_codes = _exposed(recovery_views.ViewRecoveryCodesView, "backoffice/recovery_codes.html")
renew_recovery_codes = _exposed(RenewRecoveryCodes, "backoffice/renew_recovery_codes.html")


@policy(who=Who.ANYBODY, tenant=Tenant.NONE, rate=Rate.SIGN_IN)
@sensitive_post_parameters("new_password1", "new_password2")
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Choose a password: the link works once, for 24 hours."""
    refused = ratelimit.consume_or_429(request, action="reset_password_from_key")
    if refused is not None:
        return refused
    now = datetime.now(UTC)
    invited = invited_user(uid=uid, token=token, now=now)
    if invited is None:
        return _dead_link(request)
    form: SetPasswordForm[User] = SetPasswordForm(invited, request.POST or None)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "backoffice/invitation.html", {"form": form, "invited": invited}, status=status)
    if choose_password(uid=uid, token=token, password=form.cleaned_data["new_password1"], now=now) is None:
        return _dead_link(request)
    sign_out(request)  # whoever was signed in on this computer
    messages.success(request, _("Votre mot de passe est choisi. Connectez-vous."))
    return redirect("account_login")


def _dead_link(request: HttpRequest) -> HttpResponse:
    return render(request, "backoffice/dead_invitation.html", status=410)
