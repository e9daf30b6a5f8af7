"""What agents see of their collectivité's payments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from regal.backoffice import explanations, paybox, queries
from regal.backoffice.charts import chart_of
from regal.backoffice.files import may_deposit
from regal.backoffice.first_screen import first_screen
from regal.backoffice.gateway_names import service_of
from regal.backoffice.policies import BureauRequest, may_move_money, money_is_not_for
from regal.backoffice.raw_messages import RawMessage, raw_message
from regal.backoffice.repairs import (
    REPAIRED_DAYS,
    asked_accounts,
    questions_about,
    repaired_at,
    repaired_lately,
    silent_contracts,
)
from regal.backoffice.reversals import reversible
from regal.backoffice.standing import LOOKS, NAMES, standing_of
from regal.backoffice.tickets import shown_tickets
from regal.cases.explanations import Explanation, explanation_of
from regal.cases.models import Case
from regal.cases.queries import cases_about, open_cases
from regal.collectivites.models import ENVIRONMENT_NAMES
from regal.collectivites.queries import workplaces
from regal.collectivites.reference_forms import read_reference
from regal.gateways.base import DebtKind, Environment, Misconfigured, Outcome
from regal.gateways.registry import UnknownGateway
from regal.lib.money import Money
from regal.lib.policy import Tenant, Who, policy
from regal.lib.references import UnreadableReference
from regal.lib.tenancy import tenant
from regal.lib.vault import VaultError
from regal.payments.accounts import gateway_of
from regal.payments.models import Attempt, Evidence
from regal.payments.queries import Selection, evidence_about, is_said_paid, others_on_debt, timeline
from regal.payments.shares import references_of, several_of
from regal.payments.standing import Standing
from regal.receipts.quittance_queries import acknowledged
from regal.reconciliation.models import FiledLine
from regal.reconciliation.queries import lines_proving

MOST_SHOWN = 50  # pieces of evidence, steps on one page
MOST_READ = 300  # pieces of evidence, of which the same answer again takes no line
MOST_CASES = 3  # on the first screen; the others are one press away
LATEST = 5


def clock() -> datetime:
    """The pages' one look at the time."""
    return datetime.now(UTC)


@policy(who=Who.SIGNED_IN, tenant=Tenant.NONE)
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """An operator: his pages. One collectivité: there. Several: which?"""
    user: Any = request.user
    if user.is_operator:
        return redirect("platform")
    places = workplaces(user.pk, now=clock())
    if len(places) == 1:
        return redirect("dashboard", places[0].slug)
    return render(request, "backoffice/home.html", {"places": places})


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def dashboard(request: BureauRequest, slug: str) -> HttpResponse:
    """The state of things in one sentence, what came in, what waits, and the latest payments."""
    town = request.collectivite
    with tenant(town):
        now = clock()
        state = first_screen(collectivite=town, now=now)
        asked = asked_accounts(collectivite=town)
        context: dict[str, Any] = {
            "state": state,
            "silent": silent_contracts(accounts=asked, now=now),
            "repaired": repaired_lately(collectivite=town, accounts=asked, now=now).count(),
            "repaired_days": REPAIRED_DAYS,
            "chart": chart_of(state.days),
            "cases": [_ShownCase.of(case) for case in open_cases(collectivite=town)[:MOST_CASES]],
            "lines": Line.all_of(queries.page_of_attempts(collectivite=town, selection=Selection()).attempts[:LATEST]),
        }
    context["may_deposit"] = may_deposit(request)
    context["has_second_factor"] = Authenticator.objects.filter(user=request.user).exists()
    return render(request, "backoffice/dashboard.html", context)


@policy(who=Who.AGENT, tenant=Tenant.SLUG)
@require_safe
def payment(request: BureauRequest, slug: str, attempt_id: int) -> HttpResponse:
    """Explain one payment."""
    town = request.collectivite
    with tenant(town):
        attempt = queries.attempt_numbered(collectivite=town, attempt_id=attempt_id)
        if attempt is None:
            raise Http404
        heard, repeats = _without_repeats(evidence_about(attempt=attempt)[:MOST_READ])
        questions = questions_about(attempt=attempt, now=clock())
        we_ask = questions is not None
        of_paybox = attempt.account.gateway == paybox.NAME
        steps = [
            explanations.step_of(event, we_ask=we_ask, of_paybox=of_paybox)
            for event in timeline(attempt=attempt)[: MOST_SHOWN + 1]
        ]
        hidden = _secret_fields(attempt)
        known = cases_about(collectivite=town, subject_kind="attempt", subject_id=attempt.pk)[:MOST_SHOWN]
        others = list(others_on_debt(attempt=attempt)[: MOST_SHOWN + 1])
        filed = lines_proving(collectivite=town, evidence=[one.pk for one in heard if one.source == "file"])
        said_paid = sum(is_said_paid(one) for one in (attempt, *others))
        has_open_case = any(case.is_open for case in known)
        context = {
            "line": Line.all_of([attempt])[0],
            "shares": several_of(attempt),
            "answer": explanations.answer_about(
                attempt,
                we_ask=we_ask,
                has_open_case=has_open_case,
                is_paid_twice=said_paid > 1,
                may_deposit=may_deposit(request),
            ),
            "awaits_a_file": not we_ask
            and may_deposit(request)
            and standing_of(attempt) in (Standing.ANNOUNCED_PAID, Standing.UNDER_WAY, Standing.PROVISIONAL),
            "numbers": numbers_of(heard) if of_paybox else None,
            "questions": questions,
            "repaired_at": repaired_at(attempt=attempt) if we_ask else None,
            "steps": steps[:MOST_SHOWN],
            "has_more_steps": len(steps) > MOST_SHOWN,
            "evidence": [
                _ShownEvidence.of(one, hidden, filed.get(one.pk), of_paybox=of_paybox, **repeats.get(one.pk, {}))
                for one in heard[:MOST_SHOWN]
            ],
            "has_raw": any(one.message is not None for one in heard[:MOST_SHOWN]),
            "has_more_evidence": len(heard) > MOST_SHOWN,
            "waiting": queries.messages_waiting(attempt=attempt),
            "email": (email := queries.payer_email(attempt=attempt)),
            "tickets": shown_tickets(attempt, email=email),
            "cases": [_ShownCase.of(case) for case in known if case.is_open],
            "closed_cases": [case for case in known if not case.is_open],
            "others": Line.all_of(others[:MOST_SHOWN]),
            "has_more_others": len(others) > MOST_SHOWN,
            "said_paid": said_paid,
            "reversible": reversible(attempt),
            "acknowledged": acknowledged(attempt),
            "may_issue": may_move_money(request),
            "may_reverse": may_move_money(request),
            "money_is_not_yours": money_is_not_for(request),
        }
    return render(request, "backoffice/payment.html", context)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One attempt as the screens show it."""

    key: int
    opened_at: datetime
    left_at: datetime | None
    product: str
    reference_tail: str
    reference: str
    account: str
    service: str
    amount: Money
    standing: Any
    look: str
    environment: Any
    is_trial: bool
    was_warned: bool
    titre_id: int | None  # the invoice of our own base

    @classmethod
    def all_of(cls, attempts: Sequence[Attempt]) -> list["Line"]:
        """Of a list: those that pay several titres are named by these."""
        several = references_of(attempts)
        return [cls.of(attempt, references=several.get(attempt.pk, ())) for attempt in attempts]

    @classmethod
    def of(cls, attempt: Attempt, *, references: Sequence[str] = ()) -> "Line":
        """`references`: of the titres, where it pays several."""
        environment = Environment(attempt.environment)
        standing = standing_of(attempt)
        return cls(
            key=attempt.pk,
            opened_at=attempt.created_at,
            left_at=attempt.handed_off_at,
            product=attempt.label,
            reference_tail=", …".join(reference[-4:] for reference in references) or attempt.reference_tail,
            reference=_printed(attempt),
            account=attempt.account.identifier,
            service=service_of(attempt.account),
            amount=attempt.amount,
            standing=NAMES[standing],
            look=LOOKS.get(standing, ""),
            environment=ENVIRONMENT_NAMES[environment],
            is_trial=environment is not Environment.PRODUCTION,
            was_warned=attempt.warned,
            titre_id=attempt.titre_id,
        )


@dataclass(frozen=True, kw_only=True)
class _ShownCase:
    key: int
    opened_at: datetime
    name: str
    explanation: Explanation
    differences: list[str]
    attempt_id: int | None

    @classmethod
    def of(cls, case: Case) -> "_ShownCase":
        return cls(
            key=case.pk,
            opened_at=case.opened_at,
            name=case.get_kind_display(),
            explanation=explanation_of(case.kind),
            differences=explanations.in_words(case.facts.get("differs", [])),
            attempt_id=case.subject_id if case.subject_kind == "attempt" else None,
        )


@dataclass(frozen=True, kw_only=True)
class _ShownEvidence:
    received_at: datetime
    source: Any
    rank: Any
    verdict: Any
    outcome: Any
    differences: list[str]
    digest: str
    raw: RawMessage | None
    filed: FiledLine | None  # the line of a file that it is
    repeated: int  # how often the very same came again
    repeated_at: datetime | None  # and when it last did

    @classmethod
    def of(
        cls,
        evidence: Evidence,
        hidden: frozenset[str] | None,
        filed: FiledLine | None,
        *,
        of_paybox: bool = False,
        repeats: int = 0,
        last_at: datetime | None = None,
    ) -> "_ShownEvidence":
        return cls(
            received_at=evidence.received_at,
            source=explanations.source_of(evidence, of_paybox=of_paybox),
            rank=explanations.rank_of(evidence, of_paybox=of_paybox),
            verdict=explanations.verdict_of(evidence),
            repeated=repeats,
            repeated_at=last_at,
            outcome=explanations.outcome_of(evidence),
            differences=explanations.differences_of(evidence),
            digest=evidence.digest[:12],
            raw=raw_message(evidence.message, secret_fields=hidden) if evidence.message else None,
            filed=filed,
        )


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """How Paybox numbers a payment: what an agent gives when he calls the bank or Paybox."""

    transaction: str  # S
    call: str  # T
    authorisation: str


def numbers_of(heard: Iterable[Evidence]) -> Numbers | None:
    """As the first message that says « paid » and fits gives them; None as long as there is none."""
    for one in heard:
        if one.verdict == Evidence.Verdict.FITS and one.outcome == Outcome.PAID and one.facts.get("transaction"):
            told = {name: str(one.facts.get(name, "")) for name in ("transaction", "call", "authorisation")}
            return Numbers(**told)
    return None


def _without_repeats(evidence: Iterable[Evidence]) -> tuple[list[Evidence], dict[int, dict[str, Any]]]:
    """What is worth a line, and how often each came again: an answer that stays the same is told once."""
    kept: list[Evidence] = []
    latest: dict[str, Evidence] = {}
    repeats: dict[int, dict[str, Any]] = {}
    for one in evidence:
        first = latest.get(one.digest)
        if first is None or one.verdict != Evidence.Verdict.REPEATED or one.source == "file":
            kept.append(one)
            latest[one.digest] = one
        else:
            repeats[first.pk] = {
                "repeats": repeats.get(first.pk, {}).get("repeats", 0) + 1,
                "last_at": one.received_at,
            }
    return kept, repeats


def _secret_fields(attempt: Attempt) -> frozenset[str] | None:
    """The fields that no screen shows; None when the contract cannot be opened any more."""
    try:
        return gateway_of(attempt.account).SECRET_FIELDS
    except (Misconfigured, UnknownGateway, KeyError, VaultError):
        return None


def _printed(attempt: Attempt) -> str:
    try:
        return read_reference(DebtKind(attempt.account.debt_kind), attempt.debt_reference).printed
    except UnreadableReference:
        return attempt.debt_reference
