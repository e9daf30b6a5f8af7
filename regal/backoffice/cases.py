"""Anomalies: what waits for a person, one page for each, and what is decided."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from regal.audit.operations import record
from regal.backoffice import explanations
from regal.backoffice.policies import BureauRequest
from regal.backoffice.redirects import see_page
from regal.cases import operations, queries, refusals
from regal.cases.decisions import closes_itself, decisions_about
from regal.cases.delays import age_in_days, is_late
from regal.cases.explanations import explanation_of
from regal.cases.models import LONGEST_TEXT, Case, CaseEvent, Decision, Kind, Step
from regal.cases.queries import Pile
from regal.collectivites.debt_words import later_said
from regal.gateways.base import Rank
from regal.gateways.files import LineKind
from regal.lib import in_words
from regal.lib.keys import is_key, key_in
from regal.lib.money import Money
from regal.lib.policy import Tenant, Who, policy
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, Evidence
from regal.payments.shares import pays
from regal.payments.states import State as AttemptState
from regal.people.models import Role, User
from regal.people.queries import colleagues
from regal.receipts.models import Why
from regal.titres.models import Titre
from regal.titres.states import State as TitreState
from regal.titres.words import short_name_of


def clock() -> datetime:
    """The pages' one look at the time."""
    return datetime.now(UTC)


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def cases(request: BureauRequest, slug: str) -> HttpResponse:
    """The anomalies of one pile (open, mine, closed), fifty a page."""
    pile, kind = _pile(request.GET.get("pile", "")), _kind(request.GET.get("nature", ""))
    cursor, now, town = request.GET.get("apres", ""), clock(), request.collectivite
    with tenant(town):
        page = queries.page_of_cases(collectivite=town, pile=pile, user_id=request.user.pk, kind=kind, cursor=cursor)
        counts = queries.count_cases(collectivite=town, pile=pile, user_id=request.user.pk)
        lines = [Line.of(case, now=now) for case in page.cases]
    kinds = {**dict.fromkeys([kind] if kind else [], 0), **counts.kinds}
    context = {
        "lines": lines,
        "pile": pile,
        "title": _TITLES[pile],
        "tabs": [(one, _PILES[one], counts.piles[one], _query(pile=one)) for one in Pile],
        "kinds": [(one.value, f"{one.label} ({number})") for one, number in kinds.items()],
        "kind": kind,
        "total": sum(counts.kinds.values()),
        "everything": _query(pile=pile),
        "is_first": not cursor,
        "first_page": _query(pile=pile, kind=kind),
        "next_page": _query(pile=pile, kind=kind, cursor=page.next_cursor) if page.next_cursor else "",
    }
    return render(request, "backoffice/case_list.html", context)


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_http_methods(["GET", "HEAD", "POST"])
def case(request: BureauRequest, slug: str, case_id: int) -> HttpResponse:
    """One anomaly, and everything that an agent may do about it. Opening it notes who looked first."""
    town, now = request.collectivite, clock()
    form = ActForm(request.POST or None, user=request.user, role=request.role)
    with tenant(town):
        found = queries.case_numbered(collectivite=town, case_id=case_id)
        if found is None:
            raise Http404
        if request.method == "GET":
            operations.look_at(case=found, user=request.user, now=now)
    if request.method == "POST":
        try:
            said = form.carry_out(found, request=request, now=now)
        except refusals.NotForYourRole:
            raise PermissionDenied("not this role") from None
        except refusals.Refusal as refused:
            form.refuse(refused)
        else:
            messages.success(request, said)
            return see_page("case", slug, found.pk)
    with tenant(town):
        context = _page(found.pk, request=request, form=form, now=now)
    return render(request, "backoffice/case.html", context, status=422 if form.errors else 200)


class ActForm(forms.Form):
    """What an agent does with an anomaly: the button pressed says which act, and each act reads its own fields."""

    acte = forms.CharField(required=False)
    tenue_par = forms.CharField(required=False)  # who had it on the page that was shown
    personne = forms.CharField(required=False)
    note = forms.CharField(required=False, strip=False)
    decision = forms.CharField(required=False)
    motif = forms.CharField(required=False, strip=False)

    PLACES = {  # beside which field a refusal is said; the others stand at the head of the page
        refusals.MissingNote: "note",
        refusals.MissingDecision: "decision",
        refusals.MissingReason: "motif",
        refusals.NotOneOfUs: "personne",
    }

    def __init__(self, data: Any, *, user: User, role: Role) -> None:
        super().__init__(data, auto_id="acte_%s")
        self.user, self.role = user, role

    def carry_out(self, case: Case, *, request: HttpRequest, now: datetime) -> str:
        """Do the act with its audit row, in one transaction; what to tell the agent. Raises a Refusal."""
        acts: dict[str, Callable[[Case, datetime], tuple[str, Any, str]]] = {
            "prendre": self._take,
            "confier": self._assign,
            "rendre": self._release,
            "noter": self._note,
            "clore": self._close,
        }
        act = acts.get(self.text("acte"))
        if act is None:
            raise Http404
        before = {"assigned_to": case.assigned_to_id}
        with tenant(case.collectivite_id):
            action, after, said = act(case, now)
            record(
                collectivite=case.collectivite,
                action=action,
                subject=f"case {case.pk}",
                actor_id=self.user.pk,
                before=before,
                after=after,
                now=now,
            )
        return said

    def text(self, name: str) -> str:
        """What was typed in a field, as it came."""
        self.is_valid()
        return str(self.cleaned_data.get(name) or "")

    def refuse(self, refused: refusals.Refusal) -> None:
        """Say the refusal beside its field, or at the head of the page."""
        self.is_valid()
        place = self.PLACES.get(type(refused))
        if isinstance(refused, refusals.CardNumber | refusals.UnreadableText):
            place = "motif" if self.text("acte") == "clore" else "note"
        self.add_error(place, f"{refused} ({refused.code})")

    def _take(self, case: Case, now: datetime) -> tuple[str, Any, str]:
        operations.assign(case=case, to=self.user, by=self.user, role=self.role, held_by=self._held_by(), now=now)
        return "assign_case", {"assigned_to": self.user.pk}, _("Cette anomalie est à vous.")

    def _assign(self, case: Case, now: datetime) -> tuple[str, Any, str]:
        to = next((one for one in colleagues(case.collectivite) if str(one.pk) == self.text("personne")), None)
        if to is None:
            raise refusals.NotOneOfUs
        operations.assign(case=case, to=to, by=self.user, role=self.role, held_by=self._held_by(), now=now)
        return "assign_case", {"assigned_to": to.pk}, _("Cette anomalie est confiée à %(who)s.") % {"who": to}

    def _release(self, case: Case, now: datetime) -> tuple[str, Any, str]:
        operations.release(case=case, by=self.user, role=self.role, held_by=self._held_by(), now=now)
        return "release_case", {"assigned_to": None}, _("Plus personne n’a cette anomalie.")

    def _note(self, case: Case, now: datetime) -> tuple[str, Any, str]:
        event = operations.note(case=case, by=self.user, text=self.text("note"), now=now)
        return "note_case", {"event": event.number}, _("Votre note est gardée.")

    def _close(self, case: Case, now: datetime) -> tuple[str, Any, str]:
        closed = operations.close(
            case=case,
            by=self.user,
            role=self.role,
            decision=self.text("decision"),
            reason=self.text("motif"),
            now=now,
        )
        after = {"decision": closed.decision, "reason": closed.reason}
        return "close_case", after, _("Cette anomalie est close. Aucun paiement n’a changé.")

    def _held_by(self) -> int | None:
        return key_in(self.text("tenue_par"))


@dataclass(frozen=True, kw_only=True)
class Line:
    """One anomaly as a list shows it."""

    key: int
    name: str
    opened_at: datetime
    age: str
    is_late: bool
    is_unproven: bool
    holder: str
    closed_at: datetime | None
    decision: str
    closer: str

    @classmethod
    def of(cls, case: Case, *, now: datetime) -> "Line":
        return cls(
            key=case.pk,
            name=case.get_kind_display(),
            opened_at=case.opened_at,
            age=age_in_words(case, now=now),
            is_late=is_late(case, now=now),
            is_unproven=bool(case.unproven),  # type: ignore[attr-defined]
            holder=str(case.assigned_to or ""),
            closed_at=case.closed_at,
            decision=case.get_decision_display(),
            closer=str(case.closed_by or _("REGAL")),
        )


@dataclass(frozen=True, kw_only=True)
class Told:
    """One line of the history."""

    at: datetime
    title: str
    text: str


def age_in_words(case: Case, *, now: datetime) -> str:
    """Since when it has been open: « aujourd’hui », « 1 jour »…"""
    days = age_in_days(case, now=now)
    if days <= 0:
        return _("aujourd’hui")
    return ngettext("%(days)s jour", "%(days)s jours", days) % {"days": days}


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing the rule wrote down; an amount or a day is written by the page, in its language."""

    label: Promise
    text: str = ""
    amount: Money | None = None
    day: date | None = None


def facts_in_words(case: Case) -> list[Fact]:
    """What the rule wrote down, for reading. What is missing or cannot be read is left out, never a fault."""
    facts = case.facts if isinstance(case.facts, dict) else {}
    told = (_read_fact(label, facts[name], read) for name, (label, read) in _FACTS.items() if name in facts)
    return [fact for fact in told if fact is not None]


def _read_fact(label: Promise, value: object, read: Callable[[Any], str | Money | date]) -> Fact | None:
    try:
        found = read(value)
    except (TypeError, ValueError, KeyError):
        return None
    if isinstance(found, Money):
        return Fact(label=label, amount=found)
    if isinstance(found, date):
        return Fact(label=label, day=found)
    return Fact(label=label, text=found[:80]) if found else None


def _page(case_id: int, *, request: BureauRequest, form: ActForm, now: datetime) -> dict[str, Any]:
    town = request.collectivite
    case = queries.case_numbered(collectivite=town, case_id=case_id)
    if case is None:
        raise Http404
    attempts = _attempts_about(case, town=town)
    decides = request.role is not Role.AGENT
    typed = {name: form.text(name) for name in ("personne", "note", "decision", "motif")} if form.is_bound else {}
    titre = _titre_of(case, town=town)
    return {
        "case": case,
        "name": case.get_kind_display(),
        "explanation": explanation_of(case.kind),
        "age": age_in_words(case, now=now),
        "is_late": is_late(case, now=now),
        "facts": [*facts_in_words(case), *_code_received(case, town=town)],
        "file_id": _number_in(case, "file"),
        "titre": titre,
        "titre_name": short_name_of(titre) if titre is not None else "",
        "attempts": attempts,
        "history": _told(case, list(queries.history(case=case))),
        "form": form,
        "closes_itself": closes_itself(case.kind),
        "decides": decides,
        "colleagues": colleagues(town) if decides and case.is_open else [],
        "decisions": [(one.value, one.label) for one in decisions_about(case.kind)],
        "closer": case.closed_by or _("REGAL"),
        "longest": LONGEST_TEXT,
        "shortest": operations.SHORTEST_REASON,
        "typed": typed,
    }


def _number_in(case: Case, name: str) -> int | None:
    """The number of a row that the rule wrote down: the deposited file, or the invoice."""
    number = case.facts.get(name) if isinstance(case.facts, dict) else None
    return number if is_key(number) else None


def _code_received(case: Case, *, town: Any) -> list[Fact]:
    """The letter that PayFiP gave, where nobody here knows what it means."""
    number = _number_in(case, "evidence")
    if case.kind != Kind.UNKNOWN_OUTCOME or number is None:
        return []
    evidence = Evidence.objects.of(town).filter(pk=number).first()
    code = evidence.facts.get("outcome_code") if evidence is not None else None
    return [Fact(label=gettext_lazy("Code reçu"), text=str(code)[:80])] if code else []


def _titre_of(case: Case, *, town: Any) -> Titre | None:
    number = _number_in(case, "titre")
    return Titre.objects.of(town).filter(pk=number).first() if number is not None else None


def _attempts_about(case: Case, *, town: Any) -> list[tuple[str, Attempt]]:
    """The payments that an anomaly is about, each with a word on why."""
    wanted: dict[int, Promise] = {}
    if case.subject_kind == "attempt":
        wanted[case.subject_id] = gettext_lazy("Le paiement")
    facts = case.facts if isinstance(case.facts, dict) else {}
    others = facts.get("attempts")
    for other in [facts.get("other_attempt"), *(others if isinstance(others, list) else [])]:
        if is_key(other):
            wanted.setdefault(other, gettext_lazy("L’autre paiement"))
    if case.kind == Kind.EXCESS and (titre := _number_in(case, "titre")) is not None:
        parts = facts.get("parts")
        titres = [part["titre"] for part in parts] if isinstance(parts, list) else [titre]
        on_them = pays(collectivite_id=town.pk, titre_ids=titres)
        paid = Attempt.objects.of(town).filter(on_them, status=AttemptState.PAID).order_by("pk")
        for other in paid.values_list("pk", flat=True)[:20]:
            wanted.setdefault(other, gettext_lazy("L’autre paiement"))
    found = {one.pk: one for one in Attempt.objects.of(town).select_related("account").filter(pk__in=list(wanted)[:20])}
    return [(str(why), found[key]) for key, why in wanted.items() if key in found]


def _told(case: Case, events: list[CaseEvent]) -> list[Told]:
    opened = Told(at=case.opened_at, title=_("Ouverte par REGAL"), text="")
    return [opened, *(_told_one(event) for event in events)]


def _told_one(event: CaseEvent) -> Told:
    who = str(event.by or _("REGAL"))
    decision = Decision(event.decision).label if event.decision else ""
    titles = {
        Step.FIRST_SEEN: _("Regardée pour la première fois par %(who)s"),
        Step.ASSIGNED: _("Prise par %(who)s") if event.by_id == event.to_user_id else _("Confiée par %(who)s à %(to)s"),
        Step.RELEASED: _("Rendue par %(who)s : plus personne ne l’a"),
        Step.NOTED: _("Note de %(who)s"),
        Step.CLOSED: _("Close par %(who)s : %(decision)s"),
    }
    title = titles[Step(event.step)] % {"who": who, "to": event.to_user, "decision": decision}
    return Told(at=event.at, title=title, text=event.text)


def _pile(text: str) -> Pile:
    return Pile(text) if text in list(Pile) else Pile.OPEN


def _kind(text: str) -> Kind | None:
    return Kind(text) if text in Kind.values else None


def _query(*, pile: Pile, kind: Kind | None = None, cursor: str = "") -> str:
    named = {"pile": pile.value, "nature": kind.value if kind else "", "apres": cursor}
    return "?" + urlencode({name: value for name, value in named.items() if value})


def _number(value: object) -> str:
    if type(value) is not int:
        raise TypeError
    return str(value)


def _failure(failure: str) -> str:
    """A gateway's code in words; the class of our own failure as it is."""
    return explanations.failure_in_words(failure) if failure[:1].islower() else failure


_EXCESSES: dict[str, Promise] = {
    "paid": later_said(gettext_lazy("%(the_debt)s était déjà payé%(e)s, ou son montant a été réduit")),
    TitreState.DRAFT: later_said(gettext_lazy("%(the_debt)s n’est pas émis%(e)s")),
    TitreState.CANCELLED: later_said(gettext_lazy("%(the_debt)s est annulé%(e)s")),
    TitreState.TRANSFERRED: later_said(gettext_lazy("%(the_debt)s est passé%(e)s au comptable public")),
    TitreState.WRITTEN_OFF: later_said(gettext_lazy("%(the_debt)s est abandonné%(e)s")),
    TitreState.WITHDRAWN: later_said(gettext_lazy("l’import de %(the_debt)s a été défait")),
}
_WORKS: dict[str, Promise] = {
    "judge_message": gettext_lazy("lire un message reçu"),
    "presume_silent": gettext_lazy("tenir pour abandonné un paiement sans nouvelles"),
    "seal_evidence": gettext_lazy("sceller les preuves d’un jour"),
    "send_ticket": gettext_lazy("envoyer un ticket de paiement : le courrier ne part pas"),
    "send_ticket_copy": gettext_lazy("renvoyer un ticket de paiement"),
}
_REVERSALS: dict[str, Promise] = {
    LineKind.REFUND: gettext_lazy("remboursé"),
    LineKind.CANCELLED: gettext_lazy("annulé"),
}
_FACTS: dict[str, tuple[Promise, Callable[[Any], str | Money | date]]] = {
    "differs": (gettext_lazy("Ce qui diffère"), lambda codes: ", ".join(explanations.in_words(codes))),
    "rank": (gettext_lazy("Ce que cela prouve"), lambda rank: str(explanations.RANKS[Rank(rank)])),
    "outcome": (gettext_lazy("Ce qui est dit"), lambda outcome: str(explanations.OUTCOMES[outcome])),
    "filed_cents": (gettext_lazy("Montant dans le fichier"), Money),
    "expected_cents": (gettext_lazy("Montant demandé ici"), Money),
    "day": (gettext_lazy("Jour"), date.fromisoformat),
    "line": (gettext_lazy("Ligne du fichier"), _number),
    "filed_kind": (gettext_lazy("Ce que dit le fichier"), lambda kind: str(_REVERSALS[kind])),
    "transaction": (gettext_lazy("Transaction"), str),
    "kind": (gettext_lazy("Traitement"), lambda kind: str(_WORKS.get(kind, kind))),
    "tries": (gettext_lazy("Essais"), _number),
    "contract": (gettext_lazy("Contrat PayFiP"), str),
    "since": (gettext_lazy("Sans réponse depuis"), lambda since: in_words.instant(datetime.fromisoformat(since))),
    "asked": (gettext_lazy("Questions posées"), _number),
    "failure": (gettext_lazy("Dernier échec"), _failure),
    "excess_cents": (gettext_lazy("Montant en trop"), Money),
    "unsent": (gettext_lazy("Le ticket"), lambda why: str(Why(why).label)),
    "mail_code": (gettext_lazy("Réponse du serveur de courrier"), str),
    "why": (gettext_lazy("Pourquoi"), lambda why: str(_EXCESSES[why])),
}
_PILES: dict[Pile, Promise] = {
    Pile.OPEN: gettext_lazy("Ouvertes"),
    Pile.MINE: gettext_lazy("À moi"),
    Pile.CLOSED: gettext_lazy("Closes"),
}
_TITLES: dict[Pile, Promise] = {
    Pile.OPEN: gettext_lazy("Anomalies ouvertes"),
    Pile.MINE: gettext_lazy("Anomalies à moi"),
    Pile.CLOSED: gettext_lazy("Anomalies closes"),
}
