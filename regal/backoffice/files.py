"""The pages of accounting files: deposit one, see what it would do, confirm or discard it, see what it did."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from regal.backoffice.policies import BureauRequest, demand, money_is_not_for
from regal.backoffice.redirects import see_page
from regal.cases.models import Case
from regal.cases.models import Kind as CaseKind
from regal.gateways.files import FileKind, LineKind, NotThisFile, Said
from regal.lib.keys import key_in
from regal.lib.money import Money
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.lib.uploads import LARGEST_PAYMENTS_FILE, is_too_large
from regal.people.models import Role
from regal.reconciliation import operations, queries, refusals
from regal.reconciliation.matching import Match, Result
from regal.reconciliation.models import DepositedFile, FiledLine
from regal.reconciliation.reading import sentence_of

PAGE_LENGTH = 50
REFRESH_SECONDS = 5

_DAY = re.compile(r"\s*([0-9]{1,2})[/. -]([0-9]{1,2})[/. -]([0-9]{4})\s*")
_ISO_DAY = re.compile(r"\s*([0-9]{4})-([0-9]{2})-([0-9]{2})\s*")

RESULTS: dict[Result, Promise] = {
    Result.CONFIRMED: gettext_lazy("confirmé"),
    Result.ALREADY: gettext_lazy("déjà confirmé"),
    Result.ELSEWHERE: gettext_lazy("payé ailleurs"),
    Result.OTHER_AMOUNT: gettext_lazy("autre montant"),
    Result.AMBIGUOUS: gettext_lazy("plusieurs dettes possibles"),
    Result.FIRM: gettext_lazy("confirmé"),
    Result.PAID_TWICE: gettext_lazy("payé une seconde fois"),
    Result.REFUND: gettext_lazy("remboursé"),
    Result.CANCELLED: gettext_lazy("annulé"),
}
TO_COME = RESULTS | {  # of a draft
    Result.CONFIRMED: gettext_lazy("sera confirmé"),
    Result.FIRM: gettext_lazy("sera confirmé"),
}
FOUND: dict[Result, Promise] = {Result.CONFIRMED: gettext_lazy("retrouvé")}  # of remises
MEANINGS: dict[Result, Promise] = {
    Result.CONFIRMED: gettext_lazy("Passé par REGAL, et le fichier le prouve."),
    Result.ALREADY: gettext_lazy("Un fichier ou une réponse de PayFiP l’avait déjà prouvé : rien ne change."),
    Result.ELSEWHERE: gettext_lazy("Ne vient pas de vos pages : payé sur le portail PayFiP, par exemple."),
    Result.OTHER_AMOUNT: gettext_lazy("Même référence, autre montant : rien n’est confirmé, une personne regarde."),
    Result.AMBIGUOUS: gettext_lazy("Peut aller à plusieurs dettes : rien n’est confirmé, une personne regarde."),
}
MEANINGS_OF_REMISES: dict[Result, Promise] = MEANINGS | {
    Result.CONFIRMED: gettext_lazy("Le message de Paybox n’était pas arrivé, et le fichier prouve le paiement."),
    Result.FIRM: gettext_lazy("Payé, à confirmer : le fichier le confirme."),
    Result.ALREADY: gettext_lazy("Un fichier ou une réponse de Paybox l’avait déjà prouvé : rien ne change."),
    Result.ELSEWHERE: gettext_lazy("Ne vient pas de vos pages : une autre boutique du même contrat, par exemple."),
    Result.AMBIGUOUS: gettext_lazy("Nomme deux paiements à la fois : rien n’est confirmé, une personne regarde."),
    Result.PAID_TWICE: gettext_lazy(
        "Encaissé une seconde fois sur la même page : rien n’entre dans les comptes, une personne regarde."
    ),
    Result.REFUND: gettext_lazy(
        "Rendu à la carte : rien ne change ici. Si le paiement est prouvé, une personne regarde."
    ),
    Result.CANCELLED: gettext_lazy(
        "Repris avant l’envoi à la banque : rien ne change ici. Si le paiement est prouvé, une personne regarde."
    ),
}
LOOKS = {
    Result.CONFIRMED: "badge-good",
    Result.ALREADY: "badge-quiet",
    Result.ELSEWHERE: "badge-quiet",
    Result.OTHER_AMOUNT: "badge-bad",
    Result.AMBIGUOUS: "badge-bad",
    Result.FIRM: "badge-good",
    Result.PAID_TWICE: "badge-bad",
    Result.REFUND: "badge-warn",
    Result.CANCELLED: "badge-quiet",
}


TITRES: dict[Said, Promise] = {  # of the base, collected by the comptable
    Said.TAKEN: gettext_lazy("pris en charge, ou encaissés en partie"),
    Said.SUSPENDED: gettext_lazy("mis en instance"),
    Said.REJECTED: gettext_lazy("rejetés"),
    Said.CANCELLED: gettext_lazy("annulés"),
    Said.WRITTEN_OFF: gettext_lazy("admis en non-valeur"),
    Said.SETTLED: gettext_lazy("soldés"),
}
TITRE_LOOKS = {
    Said.TAKEN: "badge-quiet",
    Said.SUSPENDED: "badge-warn",
    Said.REJECTED: "badge-bad",
    Said.CANCELLED: "badge-quiet",
    Said.WRITTEN_OFF: "badge-quiet",
    Said.SETTLED: "badge-good",
}


def clock() -> datetime:
    """The pages' one look at the time."""
    return datetime.now(UTC)


@policy(who=Who.AGENT, tenant=Tenant.SLUG, largest_file=LARGEST_PAYMENTS_FILE)
@require_http_methods(["GET", "HEAD", "POST"])
def files(request: BureauRequest, slug: str) -> HttpResponse:
    """The files deposited, the newest first; whoever is a régisseur may deposit one."""
    town = request.collectivite
    with tenant(town):
        form = FileForm(request.POST, request.FILES) if request.method == "POST" else FileForm()
        form.offer(queries.regie_accounts(collectivite=town))
    already = None
    if request.method == "POST":
        demand(request, Who.REGISSEUR)
        try:
            with tenant(town):
                file = _deposit(request, form)
        except NotThisFile as refusal:
            form.add_error("fichier", sentence_of(refusal))
        except refusals.Refusal as refusal:
            _refuse(form, refusal)
            already = getattr(refusal, "file_id", None)
        else:
            messages.success(request, _("Le fichier est déposé. Vérifiez ce qu’il contient, puis confirmez."))
            return see_page("file", slug, file.pk)
    with tenant(town):
        newest = queries.recent_files(collectivite=town)
        before = key_in(request.GET.get("avant", ""))
        if before is not None:
            newest = newest.filter(pk__lt=before)
        found = list(newest[: PAGE_LENGTH + 1])
    context = {
        "form": form,
        "files": [_ShownFile.of(file) for file in found[:PAGE_LENGTH]],
        "next": found[PAGE_LENGTH - 1].pk if len(found) > PAGE_LENGTH else None,
        "is_first": before is None,
        "already": already,
        "may_deposit": may_deposit(request),
        "demo_statements": f"{settings.SANDBOX_CONTROL_URL}/tableau/" if settings.DEMO else "",
    }
    return render(request, "backoffice/files.html", context, status=422 if form.errors else 200)


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def file(request: BureauRequest, slug: str, file_id: int) -> HttpResponse:
    """What a draft would do; what is being done; what was done."""
    return _file_page(request, file_id, None)


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG, is_the_town_s=True)
@require_POST
def confirm_file(request: BureauRequest, slug: str, file_id: int) -> HttpResponse:
    """Have a worker do what the report says."""
    form = DaysForm(data=request.POST)
    try:
        with tenant(request.collectivite):
            operations.confirm(
                collectivite=request.collectivite,
                file_id=file_id,
                covers_from=form.day("du"),
                covers_to=form.day("au"),
                actor_id=request.user.pk,
                now=clock(),
            )
    except DepositedFile.DoesNotExist:
        raise Http404 from None
    except refusals.Refusal as refusal:
        _refuse(form, refusal)
        return _file_page(request, file_id, form)
    return see_page("file", slug, file_id)


@policy(who=Who.REGISSEUR, tenant=Tenant.SLUG)
@require_POST
def discard_file(request: BureauRequest, slug: str, file_id: int) -> HttpResponse:
    """Throw a draft away."""
    try:
        with tenant(request.collectivite):
            operations.discard(
                collectivite=request.collectivite, file_id=file_id, actor_id=request.user.pk, now=clock()
            )
    except DepositedFile.DoesNotExist:
        raise Http404 from None
    except refusals.Refusal as refusal:
        messages.error(request, _coded(refusal))
        return see_page("file", slug, file_id)
    messages.success(request, _("Le fichier est écarté : rien n’a été confirmé."))
    return see_page("files", slug)


class FileForm(forms.Form):
    """A file, and for a régie's statement whose it is."""

    fichier = forms.FileField(label=gettext_lazy("Fichier"), required=False)
    compte = forms.ChoiceField(label=gettext_lazy("Compte de régie"), required=False)

    has_regies = False

    def offer(self, accounts: Iterable[Any]) -> None:
        """The régies among which to choose, for a régie’s statement."""
        named = [(one.identifier, f"{one.regie.name} ({one.identifier})") for one in accounts]
        compte = self.fields["compte"]
        assert isinstance(compte, forms.ChoiceField)
        compte.choices = [("", _("Aucun : le fichier vient du comptable ou de Paybox")), *named]
        self.has_regies = bool(named)


class DaysForm(forms.Form):
    """The days that a file covers, as an agent types them."""

    du = forms.CharField(label=gettext_lazy("Premier jour couvert"), required=False)
    au = forms.CharField(label=gettext_lazy("Dernier jour couvert"), required=False)

    def day(self, name: str) -> date:
        """Raises BadDay."""
        typed = str(self.data.get(name, ""))[:40]
        french, iso = _DAY.fullmatch(typed), _ISO_DAY.fullmatch(typed)
        parts = french.groups()[::-1] if french else iso.groups() if iso else ("0", "0", "0")
        try:
            return date(*(int(part) for part in parts))
        except ValueError:
            refusal = refusals.BadDay(typed=typed)
            refusal.field = name
            raise refusal from None


@dataclass(frozen=True, kw_only=True)
class _ShownFile:
    """One file as the screens show it."""

    key: int
    name: str
    kind: Any
    whose: str
    entity: str
    covers_from: date
    covers_to: date
    count: int
    total: Money
    left_out: int
    deposited_at: datetime
    deposited_by: str
    state: str  # draft, doing, done, discarded
    since: datetime
    is_remise: bool

    @classmethod
    def of(cls, file: DepositedFile) -> "_ShownFile":
        return cls(
            key=file.pk,
            name=file.name,
            kind=file.get_kind_display(),
            whose=_whose(file),
            entity=file.entity,
            covers_from=file.covers_from,
            covers_to=file.covers_to,
            count=file.count,
            total=file.total,
            left_out=file.left_out,
            deposited_at=file.deposited_at,
            deposited_by=str(file.deposited_by),
            state=_state(file),
            since=file.since,
            is_remise=file.kind == FileKind.PAYBOX_REMISE,
        )


@dataclass(frozen=True, kw_only=True)
class _ShownResult:
    """How many payments of a file have one result."""

    name: Promise
    look: str
    meaning: Promise
    count: int
    total: Money


@dataclass(frozen=True, kw_only=True)
class _ShownLine:
    """One payment of a file."""

    number: int
    place: str
    reference: str
    amount: Money
    day: date
    result: Promise
    look: str
    is_repeated: bool
    attempt_id: int | None

    @classmethod
    def of_match(cls, one: Match) -> "_ShownLine":
        return cls(
            number=one.payment.number,
            place=one.payment.place,
            reference=one.payment.debt.shown,
            amount=_signed(one.payment.amount, one.payment.kind),
            day=one.payment.day,
            result=_name(one.result, to_come=True, of_remises=one.payment.transaction is not None),
            look=LOOKS[one.result],
            is_repeated=one.is_repeated,
            attempt_id=one.attempt,
        )

    @classmethod
    def of_line(cls, line: FiledLine) -> "_ShownLine":
        result = Result(line.result)
        return cls(
            number=line.number,
            place=line.place,
            reference=line.reference,
            amount=_signed(line.amount, LineKind(line.kind)),
            day=line.day,
            result=_name(result, to_come=False, of_remises=line.transaction != ""),
            look=LOOKS[result],
            is_repeated=line.is_repeated,
            attempt_id=line.attempt_id,
        )


@dataclass(frozen=True, kw_only=True)
class _ShownRemittance:
    """One remise: what the bank should credit at once."""

    number: str
    contract: str
    sent_on: date | None
    paid: queries.Tally
    refunded: queries.Tally
    credited: Money

    @classmethod
    def of(cls, one: queries.Remittance) -> "_ShownRemittance":
        return cls(
            number=one.number,
            contract=one.contract,
            sent_on=one.sent_on,
            paid=one.paid,
            refunded=one.refunded,
            credited=Money(one.cents),
        )


@dataclass(frozen=True, kw_only=True)
class _ShownCases:
    """How many anomalies of one kind."""

    name: str
    count: int


@dataclass(frozen=True, kw_only=True)
class _ShownTitres:
    """How many titres of the base a file makes stand elsewhere than before."""

    name: Promise
    look: str
    count: int


def _file_page(request: BureauRequest, file_id: int, form: DaysForm | None) -> HttpResponse:
    town = request.collectivite
    after = request.GET.get("apres", "")
    after_number = int(after) if re.fullmatch(r"[0-9]{1,9}", after) else 0
    with tenant(town):
        file = queries.file_numbered(collectivite=town, file_id=file_id)
        if file is None:
            raise Http404
        shown = _ShownFile.of(file)
        tallies: dict[Result, queries.Tally] = {}
        lines: list[_ShownLine] = []
        opened: list[_ShownCases] = []
        remittances: list[queries.Remittance] = []
        titres_told: Counter[Said] = Counter()
        is_readable = True
        if file.is_draft:
            try:
                report = operations.examine(file)
            except (NotThisFile, ValueError):  # it was read when it was deposited: what reads it has changed since
                report, is_readable = operations.Report.nothing(), False
            tallies = {result: report.tally(result) for result in Result}
            remittances = queries.remittances_foretold(report.matches)
            titres_told = report.titres
            following = [one for one in report.matches if one.payment.number > after_number][: PAGE_LENGTH + 1]
            lines = [_ShownLine.of_match(one) for one in following]
            opened = [
                _ShownCases(name=str(kind.label), count=number) for kind, number in report.cases.items() if number
            ]
        elif file.confirmed_at is not None:
            tallies = queries.tallies(file=file)
            remittances = queries.remittances_of(file=file)
            titres_told = queries.titres_told(file=file)
            following_lines = queries.lines_of(file=file).filter(number__gt=after_number)[: PAGE_LENGTH + 1]
            lines = [_ShownLine.of_line(line) for line in following_lines]
            opened = _cases_of(file)
    if form is None:
        form = DaysForm(initial={"du": f"{file.covers_from:%d/%m/%Y}", "au": f"{file.covers_to:%d/%m/%Y}"})
    context = {
        "file": shown,
        "form": form,
        "summary": (_summary_of_remises if shown.is_remise else _summary)(
            tallies, is_done=file.confirmed_at is not None
        ),
        "remittances": [_ShownRemittance.of(one) for one in remittances],
        "results": [
            _ShownResult(
                name=_name(result, to_come=file.is_draft, of_remises=shown.is_remise),
                look=LOOKS[result],
                meaning=(MEANINGS_OF_REMISES if shown.is_remise else MEANINGS)[result],
                count=tallies[result].count,
                total=tallies[result].total,
            )
            for result in Result
            if result in tallies and tallies[result].count
        ],
        "lines": lines[:PAGE_LENGTH],
        "next": lines[PAGE_LENGTH - 1].number if len(lines) > PAGE_LENGTH else None,
        "is_first": not after_number,
        "opened": opened,
        "titres_told": [
            _ShownTitres(name=TITRES[said], look=TITRE_LOOKS[said], count=titres_told[said])
            for said in Said
            if titres_told[said]
        ],
        "is_readable": is_readable,
        "may_deposit": may_deposit(request),
        "money_is_not_yours": money_is_not_for(request),
    }
    answer = render(request, "backoffice/file.html", context, status=422 if form.errors else 200)
    if file.is_being_done:
        answer.headers["Refresh"] = f"{REFRESH_SECONDS}"
    return answer


def _deposit(request: BureauRequest, form: FileForm) -> DepositedFile:
    """Raises NotThisFile and the refusals of `reconciliation`."""
    sent = request.FILES.get("fichier")
    if is_too_large(request):
        raise refusals.FileTooLarge(megabytes=LARGEST_PAYMENTS_FILE // 1024 // 1024)
    if not isinstance(sent, UploadedFile):
        raise refusals.NoFile
    return operations.deposit(
        collectivite=request.collectivite,
        content=sent.read(),
        name=sent.name or "",
        account_identifier=str(form.data.get("compte", "")),
        actor_id=request.user.pk,
        now=clock(),
    )


def _refuse(form: forms.Form, refusal: refusals.Refusal) -> None:
    form.add_error(refusal.field if refusal.field in form.fields else None, _coded(refusal))


def _coded(refusal: refusals.Refusal) -> str:
    return f"{refusal} ({refusal.code})"


def may_deposit(request: BureauRequest) -> bool:
    """An agent looks, and asks a régisseur."""
    return request.role != Role.AGENT


def _state(file: DepositedFile) -> str:
    if file.confirmed_at is not None:
        return "done"
    if file.discarded_at is not None:
        return "discarded"
    return "doing" if file.is_being_done else "draft"


def _name(result: Result, *, to_come: bool, of_remises: bool) -> Promise:
    """A payment that remises find again was never announced: nobody waits for its confirmation."""
    if of_remises and result in FOUND:
        return FOUND[result]
    return (TO_COME if to_come else RESULTS)[result]


def _signed(amount: Money, kind: LineKind) -> Money:
    """What was given back is taken off."""
    return Money(-amount.cents) if kind is LineKind.REFUND else amount


def _whose(file: DepositedFile) -> str:
    if file.contracts:
        return ", ".join(file.contract_names)
    if file.account is not None and file.account.regie is not None:
        return f"{file.account.regie.name} ({file.account.identifier})"
    return file.budget.name if file.budget is not None else ""


def _cases_of(file: DepositedFile) -> list[_ShownCases]:
    """The anomalies that a file opened, by kind."""
    kinds = Case.objects.of(file.collectivite).filter(facts__file=file.pk).order_by().values_list("kind", flat=True)
    found = list(kinds)
    return [
        _ShownCases(name=str(kind.label), count=found.count(kind.value)) for kind in CaseKind if kind.value in found
    ]


def _summary(tallies: dict[Result, queries.Tally], *, is_done: bool) -> list[str]:
    """« 14 paiements seront confirmés », « 2 le sont déjà »…: one phrase for each result there is."""
    counts = {result: tally.count for result, tally in tallies.items()}

    def phrase(result: Result) -> str:
        number = counts[result]
        forms_ = {
            Result.CONFIRMED: (
                ngettext("%(number)s paiement est confirmé", "%(number)s paiements sont confirmés", number)
                if is_done
                else ngettext("%(number)s paiement sera confirmé", "%(number)s paiements seront confirmés", number)
            ),
            Result.ALREADY: ngettext("%(number)s l’était déjà", "%(number)s l’étaient déjà", number)
            if is_done
            else ngettext("%(number)s l’est déjà", "%(number)s le sont déjà", number),
            Result.ELSEWHERE: ngettext(
                "%(number)s a été payé ailleurs (portail PayFiP…)",
                "%(number)s ont été payés ailleurs (portail PayFiP…)",
                number,
            ),
            Result.OTHER_AMOUNT: ngettext(
                "%(number)s est d’un autre montant", "%(number)s sont d’un autre montant", number
            ),
            Result.AMBIGUOUS: ngettext(
                "%(number)s peut aller à plusieurs dettes", "%(number)s peuvent aller à plusieurs dettes", number
            ),
        }
        return forms_[result] % {"number": number}

    return [phrase(result) for result in Result if counts.get(result)]


def _summary_of_remises(tallies: dict[Result, queries.Tally], *, is_done: bool) -> list[str]:
    """« 12 paiements confirmés », « 1 retrouvé », « 1 remboursement »…: one phrase for each result there is."""
    counts = {result: tally.count for result, tally in tallies.items()}

    def phrase(result: Result) -> str:
        number = counts[result]
        forms_ = {
            Result.FIRM: ngettext("%(number)s paiement confirmé", "%(number)s paiements confirmés", number)
            if is_done
            else ngettext("%(number)s paiement à confirmer", "%(number)s paiements à confirmer", number),
            Result.CONFIRMED: ngettext(
                "%(number)s paiement retrouvé, dont le message n’était pas arrivé",
                "%(number)s paiements retrouvés, dont les messages n’étaient pas arrivés",
                number,
            ),
            Result.ALREADY: ngettext(
                "%(number)s paiement déjà confirmé", "%(number)s paiements déjà confirmés", number
            ),
            Result.ELSEWHERE: ngettext(
                "%(number)s paiement qui ne vient pas de vos pages",
                "%(number)s paiements qui ne viennent pas de vos pages",
                number,
            ),
            Result.OTHER_AMOUNT: ngettext(
                "%(number)s paiement d’un autre montant", "%(number)s paiements d’un autre montant", number
            ),
            Result.AMBIGUOUS: ngettext(
                "%(number)s paiement qui en nomme deux des vôtres",
                "%(number)s paiements qui en nomment deux des vôtres",
                number,
            ),
            Result.PAID_TWICE: ngettext(
                "%(number)s paiement encaissé une seconde fois",
                "%(number)s paiements encaissés une seconde fois",
                number,
            ),
            Result.REFUND: ngettext("%(number)s remboursement", "%(number)s remboursements", number),
            Result.CANCELLED: ngettext("%(number)s annulation", "%(number)s annulations", number),
        }
        return forms_[result] % {"number": number}

    order = (Result.FIRM, *(result for result in Result if result is not Result.FIRM))
    return [phrase(result) for result in order if counts.get(result)]
