"""The pages of a Paybox contract: connecting it, its keys, its own notification address, its settings."""

from datetime import UTC, datetime

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from regal.backoffice import paybox, trials
from regal.backoffice.activation import confirm_who_you_are, contract_or_404
from regal.backoffice.administration import add_regie
from regal.backoffice.contract_forms import NEW_REGIE
from regal.backoffice.contracts import Contract
from regal.backoffice.paybox_forms import AddPaybox, PayboxKeys, PayboxSettings
from regal.backoffice.policies import BureauRequest
from regal.backoffice.redirects import see_page
from regal.backoffice.refusals import Refusal
from regal.collectivites.models import GatewayAccount, Regie
from regal.gateways.base import Environment
from regal.lib.policy import Rate, Tenant, Who, policy
from regal.lib.tenancy import tenant

# A contract's keys are those of a platform, and what they open begins with them.
PLATFORMS = {"test": (Environment.TEST,), "production": (Environment.ACTIVATION, Environment.PRODUCTION)}


def clock() -> datetime:
    """The pages' one look at the time."""
    return datetime.now(UTC)


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_safe
def choose_contract(request: BureauRequest, slug: str) -> HttpResponse:
    """By which service the contract collects."""
    return render(request, "backoffice/choose_contract.html")


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG, rate=Rate.START)
@sensitive_post_parameters("hmac", "direct")
@require_http_methods(["GET", "HEAD", "POST"])
def add_paybox(request: BureauRequest, slug: str) -> HttpResponse:
    """Connect a contract by its three numbers and the keys of the test platform: no money can pass yet."""
    town = request.collectivite
    with tenant(town):
        regies = list(Regie.objects.of(town).order_by("name"))
    form = AddPaybox(request.POST if request.method == "POST" else None, regies=regies)
    if form.is_valid():
        try:
            _add(request, form, regies)
        except Refusal as refusal:
            form.accuse(refusal)
        else:
            messages.success(request, _("Le contrat est ajouté. Suivez maintenant ses étapes."))
            return see_page("activation", request.collectivite.slug, form.numbers.identifier)
    form.say_keys_again()
    status = 422 if form.is_bound else 200
    return render(request, "backoffice/add_paybox.html", {"form": form}, status=status)


def _add(request: BureauRequest, form: AddPaybox, regies: list[Regie]) -> None:
    """All or nothing: a refused contract leaves no new régie behind. Raises Refusal."""
    now, typed, town = clock(), form.cleaned_data, request.collectivite
    with tenant(town):
        if typed["regie"] == NEW_REGIE:
            regie = add_regie(
                collectivite=town,
                name=typed["regie_name"],
                number=typed["regie_number"],
                now=now,
                actor_id=request.user.pk,
            )
        else:
            regie = next(one for one in regies if str(one.pk) == typed["regie"])
        paybox.add_contract(
            collectivite=town,
            numbers=form.numbers,
            environment=Environment.TEST,
            regie=regie,
            keys=form.keys,
            options=form.options,
            now=now,
            actor_id=request.user.pk,
        )


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG, is_the_town_s=True)
@sensitive_post_parameters("hmac", "direct")
@require_http_methods(["GET", "HEAD", "POST"])
def contract_keys(request: BureauRequest, slug: str, numcli: str, platform: str) -> HttpResponse:
    """« Changer la clé » of a platform, for all phases on it; the first keys of production open the activation.

    The password is asked before the form is shown: a key that was pasted is not lost on the way to it.
    """
    found = _paybox_or_404(request, numcli)
    accounts = [found.accounts[phase] for phase in _phases(platform) if phase in found.accounts]
    opens = platform == "production" and not accounts
    if not accounts and not opens:
        raise Http404
    if not did_recently_reauthenticate(request):
        return confirm_who_you_are(request, request.path)
    form = PayboxKeys(request.POST if request.method == "POST" else None, needs_key=opens)
    if form.is_valid():
        try:
            said = _keep(request, form, found, accounts)
        except Refusal as refusal:
            form.accuse(refusal)
        else:
            messages.success(request, said)
            return see_page("activation", request.collectivite.slug, found.identifier)
    form.say_keys_again()
    with tenant(request.collectivite):
        kept = {name: at for account in accounts for name, at in paybox.keys_of(account).items()}
    context = {"contract": found, "form": form, "platform": platform, "opens": opens, "kept": kept}
    return render(request, "backoffice/contract_keys.html", context, status=422 if form.errors else 200)


def _keep(request: BureauRequest, form: PayboxKeys, found: Contract, accounts: list[GatewayAccount]) -> str:
    """Raises Refusal."""
    now, town, actor_id = clock(), request.collectivite, request.user.pk
    if not accounts:
        trials.open_activation(collectivite=town, contract=found, keys=form.keys, now=now, actor_id=actor_id)
        return _("L’étape d’activation est ouverte.")
    if not form.keys:
        return _("Rien n’a changé : aucune clé n’a été collée.")
    paybox.change_keys(accounts=accounts, keys=form.keys, now=now, actor_id=actor_id)
    return _("La nouvelle clé est gardée : elle sert dès maintenant.")


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG, is_the_town_s=True)
@require_http_methods(["GET", "HEAD", "POST"])
def contract_address(request: BureauRequest, slug: str, numcli: str, phase: str) -> HttpResponse:
    """The account's own notification address, for its town's administrators: to copy, to declare in use, to renew."""
    if request.user.is_operator:
        raise PermissionDenied("a visitor reads no secret")
    found = _paybox_or_404(request, numcli)
    account = {one.value: account for one, account in found.accounts.items()}.get(phase)
    if account is None or account.environment == Environment.ACTIVATION:  # production's platform takes one address
        raise Http404
    if request.method == "POST":
        return _change_address(request, found, account)
    with tenant(request.collectivite):
        address = paybox.address_of(account)
    context = {
        "contract": found,
        "account": account,
        "address": address,
        "is_notified": bool(account.options.get(paybox.NOTIFIED)),
    }
    return render(request, "backoffice/contract_address.html", context)


def _change_address(request: BureauRequest, found: Contract, account: GatewayAccount) -> HttpResponse:
    now, actor_id = clock(), request.user.pk
    if request.POST.get("act") == "renew":
        if not did_recently_reauthenticate(request):
            return confirm_who_you_are(request, request.path)
        paybox.renew_address(account=account, now=now, actor_id=actor_id)
        messages.success(request, _("L’adresse est renouvelée. Mettez la nouvelle dans le back-office de Paybox."))
    else:
        is_there = request.POST.get("is_there") == "on"
        paybox.change_options(accounts=[account], options={paybox.NOTIFIED: is_there}, now=now, actor_id=actor_id)
        messages.success(
            request,
            _("C’est noté : Paybox prévient REGAL à cette adresse.")
            if is_there
            else _("C’est noté : chaque paiement donne sa propre adresse à Paybox."),
        )
    return see_page("contract_address", request.collectivite.slug, found.identifier, account.environment)


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def contract_settings(request: BureauRequest, slug: str, numcli: str) -> HttpResponse:
    """How Paybox's page behaves, in every phase alike."""
    found = _paybox_or_404(request, numcli)
    accounts = list(found.accounts.values())
    form = PayboxSettings.about(accounts[-1].options, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            is_changed = paybox.change_options(
                accounts=accounts, options=form.options, now=clock(), actor_id=request.user.pk
            )
        except Refusal as refusal:
            form.accuse(refusal)
        else:
            said = _("Les réglages sont enregistrés.") if is_changed else _("Rien n’a changé.")
            messages.success(request, said)
            return see_page("activation", request.collectivite.slug, found.identifier)
    context = {"contract": found, "form": form}
    return render(request, "backoffice/contract_settings.html", context, status=422 if form.errors else 200)


def _phases(platform: str) -> tuple[Environment, ...]:
    """Raises Http404."""
    if platform not in PLATFORMS:
        raise Http404
    return PLATFORMS[platform]


def _paybox_or_404(request: BureauRequest, identifier: str) -> Contract:
    found = contract_or_404(request.collectivite, identifier)
    if not found.is_of_paybox:
        raise Http404
    return found
