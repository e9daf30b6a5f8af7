"""Contracts, and the assistant that brings one from its number to its first real payment."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from regal.audit.operations import record
from regal.backoffice import activation_refusals, dossier, headers, paybox, recognition, routing, trials
from regal.backoffice.administration import add_account, add_regie
from regal.backoffice.contract_forms import (
    NEW_REGIE,
    AddContract,
    AskProduction,
    CancelChange,
    NoteAdhesion,
    TryContract,
)
from regal.backoffice.contracts import Contract, contract, contracts
from regal.backoffice.policies import BureauRequest
from regal.backoffice.redirects import confirm_first, see_other, see_page
from regal.backoffice.refusals import Refusal
from regal.collectivites.models import Collectivite, Regie, RoutingChange
from regal.gateways.base import DebtKind, Environment, Misconfigured, PostForm, Redirect
from regal.gateways.registry import UnknownGateway
from regal.lib import tokens
from regal.lib.policy import Rate, Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.lib.vault import VaultError
from regal.payments.accounts import gateway_of


def clock() -> datetime:
    """The pages' one look at the time."""
    return datetime.now(UTC)


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_safe
def accounts(request: BureauRequest, slug: str) -> HttpResponse:
    """Every contract, with the phases it has reached."""
    with tenant(request.collectivite):
        found = contracts(collectivite=request.collectivite)
    return render(request, "backoffice/contracts.html", {"contracts": found})


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG, rate=Rate.START)
@require_http_methods(["GET", "HEAD", "POST"])
def add_contract(request: BureauRequest, slug: str) -> HttpResponse:
    """Connect one more contract: its test account, and nothing that moves money.

    Where PayFiP can tell whose number it is, it is asked first, and whoever typed it says whether it is theirs.
    """
    town = request.collectivite
    with tenant(town):
        regies = list(Regie.objects.of(town).order_by("name"))
    form = AddContract(request.POST if request.method == "POST" else None, regies=regies)
    if form.is_valid() and request.POST.get("answer") != "no":
        try:
            labels = _recognised(request, form)
            if labels is None and form.is_of_the_web_service:
                return _ask_whose(request, form, regies)
            _add_contract(request, form, regies, labels=labels)
        except Refusal as refusal:
            form.accuse(refusal)
        else:
            messages.success(request, _("Le contrat est ajouté. Suivez maintenant ses étapes."))
            return see_page("activation", request.collectivite.slug, form.cleaned_data["numcli"])
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "backoffice/add_contract.html", {"form": form}, status=status)


def _recognised(request: BureauRequest, form: AddContract) -> tuple[str, ...] | None:
    """What PayFiP said of the number, if the administrator saw it and answered that it is theirs."""
    if not form.is_of_the_web_service:
        return None
    return recognition.recognised(
        sealed=request.POST.get("seen", ""),
        collectivite=request.collectivite,
        identifier=form.cleaned_data["numcli"],
        now=clock(),
    )


class _Rehearsed(Exception):
    """Nothing stands in the way: what was written for the sake of knowing is taken back."""


def _ask_whose(request: BureauRequest, form: AddContract, regies: list[Regie]) -> HttpResponse:
    """PayFiP is asked once all that we can check ourselves is right. Raises Refusal."""
    town, typed = request.collectivite, form.cleaned_data
    with suppress(_Rehearsed), tenant(town):
        _add_contract(request, form, regies, labels=None)
        raise _Rehearsed
    description = recognition.ask(
        gateway=typed["gateway"], identifier=typed["numcli"], kind=DebtKind(typed["kind"]), options=form.limits
    )
    context = {
        "form": form,
        "description": description,
        "seen": recognition.seal(collectivite=town, description=description, now=clock()),
    }
    return render(request, "backoffice/recognise_contract.html", context)


def _add_contract(
    request: BureauRequest, form: AddContract, regies: list[Regie], *, labels: tuple[str, ...] | None
) -> None:
    """All or nothing: a refused contract leaves no new régie behind. Raises Refusal."""
    now, typed, town = clock(), form.cleaned_data, request.collectivite
    with tenant(town):
        regie = next((one for one in regies if str(one.pk) == typed["regie"]), None)
        if typed["regie"] == NEW_REGIE:
            regie = add_regie(
                collectivite=town,
                name=typed["regie_name"],
                number=typed["regie_number"],
                now=now,
                actor_id=request.user.pk,
            )
        account = add_account(
            collectivite=town,
            debt_kind=DebtKind(typed["kind"]),
            environment=Environment.TEST,
            identifier=typed["numcli"],
            gateway=typed["gateway"],
            options=form.limits,
            regie=regie,
            now=now,
            actor_id=request.user.pk,
        )
        if labels is not None:
            record(
                collectivite=town,
                action="check_contract",
                subject=f"account {account.pk}",
                after={"identifier": account.identifier, "labels": list(labels)},
                now=now,
                actor_id=request.user.pk,
            )


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG, rate=Rate.START)
@require_http_methods(["GET", "HEAD", "POST"])
def activation(request: BureauRequest, slug: str, numcli: str) -> HttpResponse:
    """The assistant of one contract; posted, one of its acts."""
    page = Assistant(request, contract_or_404(request.collectivite, numcli), now=clock())
    if request.method != "POST":
        return page.answer()
    act = page.acts().get(request.POST.get("act", ""))
    if act is None:
        return page.answer(status=400)
    try:
        return act()
    except Refusal as refusal:
        return page.answer(refusal=refusal, status=422)


@policy(who=Who.ADMINISTRATOR, tenant=Tenant.SLUG)
@require_safe
def activation_dossier(request: BureauRequest, slug: str, numcli: str) -> HttpResponse:
    """The PDF to send to the correspondent."""
    now, town = clock(), request.collectivite
    found = contract_or_404(town, numcli)
    with tenant(town):
        written = dossier.facts(collectivite=town, contract=found, now=now)
    name = f"dossier-{found.service.lower()}-{found.identifier}.pdf"
    return HttpResponse(
        dossier.pdf(written, now=now),
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@policy(who=Who.OPERATOR, tenant=Tenant.NONE)
@require_http_methods(["GET", "HEAD", "POST"])
def approvals(request: HttpRequest) -> HttpResponse:
    """What waits for whoever runs the platform: a number, a town's name, a contract's number, none of its rows."""
    waiting = routing.waiting_for_operators()
    refused = ""
    if request.method == "POST":
        chosen = next((one for one in waiting if str(one.number) == request.POST.get("number")), None)
        if chosen is None:
            refused = str(activation_refusals.AlreadyDecided())
        elif not did_recently_reauthenticate(request):
            return confirm_who_you_are(request, reverse("approvals"))
        else:
            try:
                routing.approve(
                    collectivite=chosen.collectivite,
                    change_id=chosen.number,
                    as_operator=True,
                    now=clock(),
                    actor_id=request.user.pk or 0,
                )
            except Refusal as refusal:
                refused = str(refusal)
            else:
                messages.success(
                    request, _("La demande de %(town)s est approuvée.") % {"town": chosen.collectivite.name}
                )
                return see_page("approvals")
    context = {"waiting": waiting, "refused": refused}
    return render(request, "backoffice/approvals.html", context, status=422 if refused else 200)


class Assistant:
    """One contract's page, at one moment, for one administrator."""

    def __init__(self, request: BureauRequest, found: Contract, *, now: datetime) -> None:
        self.request, self.contract, self.now = request, found, now
        self.town = request.collectivite
        self.wrong: Any = None  # the form to mend

    def acts(self) -> dict[str, Callable[[], HttpResponse]]:
        """What the page's buttons do, by name."""
        return {
            "adhesion": self.note_adhesion,
            "test": lambda: self.start_trial(Environment.TEST),
            "open_activation": self.open_activation,
            "activation": lambda: self.start_trial(Environment.ACTIVATION),
            "ask": self.ask,
            "approve": self.approve,
            "cancel": self.cancel,
            "close": self.close,
            "reopen": self.reopen,
        }

    def answer(self, *, refusal: Refusal | None = None, status: int = 200) -> HttpResponse:
        """The page; a test payment and an activation leave from it."""
        pending = self.contract.pending
        context = {
            "contract": self.contract,
            "now": self.now,
            "refusal": refusal,
            "form": self.wrong,
            "adhesion_form": self._form("adhesion_form") or NoteAdhesion.about(self.contract),
            "test_form": self._form("test_form") or self._try_form(Environment.TEST),
            "activation_form": self._form("activation_form") or self._try_form(Environment.ACTIVATION),
            "ask_form": self._form("ask_form") or AskProduction.about(self.contract),
            "cancel_form": CancelChange(auto_id="cancel_%s"),
            "asked_it": pending is not None and pending.asked_by_id == self.request.user.pk,
        }
        template = "backoffice/activation_paybox.html" if self.contract.is_of_paybox else "backoffice/activation.html"
        if self.contract.is_of_paybox:
            with tenant(self.town):
                context["keys"] = {phase.value: paybox.keys_of(one) for phase, one in self.contract.accounts.items()}
        return self._leading_out(render(self.request, template, context, status=status))

    def _origins(self) -> list[str]:
        """Where its payments leave to, in whatever phase; nowhere when the contract cannot be opened any more."""
        found: dict[str, None] = {}
        for account in self.contract.accounts.values():
            with suppress(Misconfigured, UnknownGateway, KeyError, VaultError), tenant(self.town):
                found |= dict.fromkeys(gateway_of(account).hand_off_origins)
        return list(found)

    def _form(self, name: str) -> Any:
        """The form that was posted, where it stands on the page."""
        return self.wrong if getattr(self.wrong, "place", "") == name else None

    def _try_form(self, environment: Environment, data: Any = None) -> TryContract:
        return TryContract.on(
            self.contract, environment, email=self.request.user.email, flow_token=tokens.new_token(), data=data
        )

    def note_adhesion(self) -> HttpResponse:
        form = NoteAdhesion.about(self.contract, self.request.POST)
        if form.is_valid():
            try:
                trials.note_adhesion(
                    collectivite=self.town,
                    identifier=self.contract.identifier,
                    now=self.now,
                    actor_id=self.request.user.pk,
                    **form.cleaned_data,
                )
            except Refusal as refusal:
                form.add_error("office", str(refusal))
            else:
                return self._done(_("L’adhésion est notée."))
        return self._mend(form)

    def start_trial(self, environment: Environment) -> HttpResponse:
        """Lead this tab to PayFiP; the assistant stays in the other."""
        account = self.contract.accounts.get(environment)
        if account is None:
            raise activation_refusals.TestFirst
        form = self._try_form(environment, self.request.POST)
        if form.is_valid():
            typed = form.cleaned_data
            try:
                started = trials.start_trial(
                    account=account,
                    product=next(one for one in self.contract.products if str(one.pk) == typed["product"]),
                    reference=typed["reference"],
                    amount=typed["amount"],
                    email=typed["email"],
                    flow_token=typed["flow_token"],
                    # every test uses the same reserved reference; its former payments are listed above the form
                    told_of_earlier=typed["again"] or environment is Environment.TEST,
                    clock=clock,
                    actor_id=self.request.user.pk,
                )
            except Refusal as refusal:
                form.accuse(refusal)
                if not isinstance(refusal, activation_refusals.TrialStarted):
                    form.renew(tokens.new_token())
            else:
                return self._leave(started.hand_off, environment)
        return self._mend(form)

    def _leave(self, hand_off: Redirect | PostForm, environment: Environment) -> HttpResponse:
        """To the gateway, by an address or by a form that whoever pays sends himself."""
        if isinstance(hand_off, Redirect):
            return see_other(hand_off.url)
        context = {"contract": self.contract, "hand_off": hand_off, "is_real": environment is not Environment.TEST}
        return self._leading_out(render(self.request, "backoffice/leave_for_paybox.html", context))

    def _leading_out(self, response: HttpResponse) -> HttpResponse:
        """A payment leaves from this page, so its policy names the gateway's origins."""
        response.headers["Content-Security-Policy"] = headers.POLICY.replace(
            "form-action 'self'", " ".join(["form-action 'self'", *self._origins()])
        )
        return response

    def open_activation(self) -> HttpResponse:
        trials.open_activation(
            collectivite=self.town, contract=self.contract, now=self.now, actor_id=self.request.user.pk
        )
        return self._done(_("L’étape d’activation est ouverte."))

    def ask(self) -> HttpResponse:
        form = AskProduction.about(self.contract, self.request.POST)
        if self.contract.is_closed:
            raise activation_refusals.ContractClosed
        if self.contract.by_card is None and self.contract.production is None:
            raise activation_refusals.ActivationFirst
        if not form.is_valid():
            raise activation_refusals.NotOfThisContract
        return self._confirmed(
            lambda: routing.ask(
                collectivite=self.town,
                kind=RoutingChange.Kind.OPEN_PRODUCTION,
                identifier=self.contract.identifier,
                product_ids=form.chosen,
                now=self.now,
                actor_id=self.request.user.pk,
            ),
            _("La mise en production est demandée. Les administrateurs en sont prévenus par e-mail."),
        )

    def approve(self) -> HttpResponse:
        return self._confirmed(
            lambda: routing.approve(
                collectivite=self.town, change_id=self._change(), now=self.now, actor_id=self.request.user.pk
            ),
            _("La demande est approuvée. Les administrateurs en sont prévenus par e-mail."),
        )

    def cancel(self) -> HttpResponse:
        form = CancelChange(self.request.POST)
        reason = form.cleaned_data["reason"] if form.is_valid() else ""
        routing.cancel(
            collectivite=self.town,
            change_id=self._change(),
            reason=reason,
            now=self.now,
            actor_id=self.request.user.pk,
        )
        return self._done(_("La demande est annulée. Les administrateurs en sont prévenus par e-mail."))

    def close(self) -> HttpResponse:
        routing.close_contract(
            collectivite=self.town,
            identifier=self.contract.identifier,
            now=self.now,
            actor_id=self.request.user.pk,
        )
        return self._done(_("Le contrat est fermé : ses produits ne peuvent plus être payés."))

    def reopen(self) -> HttpResponse:
        def act() -> None:
            routing.reopen_contract(
                collectivite=self.town,
                identifier=self.contract.identifier,
                now=self.now,
                actor_id=self.request.user.pk,
            )

        if self.contract.production is None:
            act()
            return self._done(_("Le contrat est rouvert."))
        return self._confirmed(act, _("La réouverture est demandée. Les administrateurs en sont prévenus par e-mail."))

    def _change(self) -> int:
        """The change that the page showed, if it still waits. Raises AlreadyDecided."""
        pending = self.contract.pending
        if pending is None or str(pending.pk) != self.request.POST.get("change"):
            raise activation_refusals.AlreadyDecided
        return pending.pk

    def _confirmed(self, act: Callable[[], object], said: str) -> HttpResponse:
        """An act that routes money is the town's own, and of the same person still at the keyboard.

        Raises PermissionDenied.
        """
        if self.request.user.is_operator:
            raise PermissionDenied("a visitor routes no money")
        if not did_recently_reauthenticate(self.request):
            return confirm_who_you_are(self.request, self._address())
        act()
        return self._done(said)

    def _mend(self, form: Any) -> HttpResponse:
        self.wrong = form
        return self.answer(status=422)

    def _done(self, said: str) -> HttpResponse:
        messages.success(self.request, said)
        return see_other(self._address())

    def _address(self) -> str:
        return reverse("activation", args=[self.town.slug, self.contract.identifier])


def contract_or_404(town: Collectivite, numcli: str) -> Contract:
    """Raises Http404."""
    with tenant(town):
        found = contract(collectivite=town, identifier=numcli)
    if found is None:
        raise Http404
    return found


def confirm_who_you_are(request: HttpRequest, address: str) -> HttpResponse:
    """The password again, then back to an address."""
    messages.info(request, _("Confirmez d’abord que c’est bien vous, puis recommencez."))
    return confirm_first(address)
