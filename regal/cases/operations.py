"""The verbs of a case: open, look, take, give back, note, close. Each is one transaction on the locked row.

The row says where the case stands; each act adds a `CaseEvent`, never edited. No verb here touches a payment.
Call them inside `tenant()`.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from regal.cases import refusals
from regal.cases.decisions import closes_itself, decisions_about
from regal.cases.models import LONGEST_TEXT, Case, CaseEvent, Decision, Kind, Step
from regal.cases.queries import was_opened_since
from regal.lib import in_words
from regal.lib.card_numbers import holds_card_number
from regal.people.models import Membership, Role, User

SHORTEST_REASON = 10


def open_case(
    *,
    collectivite_id: int,
    kind: Kind,
    subject_kind: str,
    subject_id: int,
    rule: str,
    facts: Mapping[str, object],
    now: datetime,
) -> Case:
    """The open case of this kind on this subject: a new one, or the one that is already open."""
    case, _ = Case.objects.get_or_create(
        collectivite_id=collectivite_id,
        kind=kind,
        subject_kind=subject_kind,
        subject_id=subject_id,
        closed_at=None,
        defaults={"rule": rule, "facts": dict(facts), "opened_at": now},
    )
    return case


def open_once(
    *,
    collectivite_id: int,
    kind: Kind,
    subject_kind: str,
    subject_id: int,
    rule: str,
    facts: Mapping[str, object],
    since: datetime,
    now: datetime,
) -> None:
    """Open a case, unless one of its kind was opened about the same since, even if a person has closed it."""
    if not was_opened_since(
        collectivite_id=collectivite_id, kind=kind, subject_kind=subject_kind, subject_id=subject_id, since=since
    ):
        open_case(
            collectivite_id=collectivite_id,
            kind=kind,
            subject_kind=subject_kind,
            subject_id=subject_id,
            rule=rule,
            facts=facts,
            now=now,
        )


@transaction.atomic
def look_at(*, case: Case, user: User, now: datetime) -> Case:
    """Note who looked first, and when; later looks leave no trace, nor does a look at a closed case."""
    if case.first_seen_at is not None or not case.is_open:
        return case
    locked = _lock(case)
    if locked.first_seen_at is None and locked.is_open:
        locked.first_seen_at, locked.first_seen_by = now, user
        locked.save(update_fields=["first_seen_at", "first_seen_by"])
        _note(case=locked, step=Step.FIRST_SEEN, by=user, now=now)
    return locked


@transaction.atomic
def assign(*, case: Case, to: User, by: User, role: Role, held_by: int | None, now: datetime) -> Case:
    """Give a case to somebody who works here; `held_by` is who had it on the page that the agent saw.

    Raises NotForYourRole, NotOneOfUs, AlreadyClosed, HeldByAnother.
    """
    if role is Role.AGENT and to.pk != by.pk:
        raise refusals.NotForYourRole
    if not Membership.objects.filter(collectivite=case.collectivite_id, user=to, user__is_active=True).exists():
        raise refusals.NotOneOfUs
    locked = _lock_open(case)
    _check_holder(locked, held_by)
    if locked.assigned_to_id != to.pk:
        locked.assigned_to = to
        locked.save(update_fields=["assigned_to"])
        _note(case=locked, step=Step.ASSIGNED, by=by, to_user=to, now=now)
    return locked


@transaction.atomic
def release(*, case: Case, by: User, role: Role, held_by: int | None, now: datetime) -> Case:
    """Nobody has the case any more. An agent only gives back what he has himself.

    Raises NotForYourRole, AlreadyClosed, HeldByAnother.
    """
    locked = _lock_open(case)
    _check_holder(locked, held_by)
    if role is Role.AGENT and locked.assigned_to_id not in (None, by.pk):
        raise refusals.NotForYourRole
    if locked.assigned_to_id is not None:
        locked.assigned_to = None
        locked.save(update_fields=["assigned_to"])
        _note(case=locked, step=Step.RELEASED, by=by, now=now)
    return locked


@transaction.atomic
def note(*, case: Case, by: User, text: str, now: datetime) -> CaseEvent:
    """Write something down for the next who looks. Raises MissingNote, CardNumber, UnreadableText, AlreadyClosed."""
    text = _clean(text)
    if not text or len(text) > LONGEST_TEXT:
        raise refusals.MissingNote(longest=LONGEST_TEXT)
    return _note(case=_lock_open(case), step=Step.NOTED, by=by, text=text, now=now)


@transaction.atomic
def close(*, case: Case, by: User, role: Role, decision: str, reason: str, now: datetime) -> Case:
    """Write the decision and its reason down. No payment changes by it.

    Raises NotForYourRole, ClosesItself, AlreadyClosed, MissingDecision, MissingReason, CardNumber, UnreadableText.
    """
    if role is Role.AGENT:
        raise refusals.NotForYourRole
    if closes_itself(case.kind):
        raise refusals.ClosesItself
    locked = _lock_open(case)
    if decision not in decisions_about(locked.kind):
        raise refusals.MissingDecision
    return _close(case=locked, by=by, decision=Decision(decision), reason=checked_reason(reason), now=now)


def checked_reason(reason: str) -> str:
    """A reason as it will be kept. Raises MissingReason, CardNumber, UnreadableText."""
    reason = _clean(reason)
    if not SHORTEST_REASON <= len(reason) <= LONGEST_TEXT:
        raise refusals.MissingReason(shortest=SHORTEST_REASON, longest=LONGEST_TEXT)
    return reason


@transaction.atomic(savepoint=False)  # most find nothing
def resolve(
    *, collectivite_id: int, kind: Kind, subject_kind: str, subject_ids: Iterable[int], rule: str, now: datetime
) -> list[Case]:
    """Close, by the rule and in nobody's name, the open cases of a kind whose cause is gone."""
    gone = (
        Case.objects.select_for_update()
        .filter(
            collectivite=collectivite_id,
            kind=kind,
            subject_kind=subject_kind,
            subject_id__in=list(subject_ids),
            closed_at__isnull=True,
        )
        .order_by("pk")
    )
    return [_close(case=case, rule=rule, decision=Decision.RESOLVED_ITSELF, reason="", now=now) for case in gone]


def _lock(case: Case) -> Case:
    return Case.objects.select_for_update().get(collectivite=case.collectivite_id, pk=case.pk)


def _lock_open(case: Case) -> Case:
    locked = _lock(case)
    if locked.closed_at is not None:
        when = in_words.instant(locked.closed_at)
        raise refusals.AlreadyClosed(who=locked.closed_by or gettext("REGAL"), when=when)
    return locked


def _check_holder(case: Case, held_by: int | None) -> None:
    if case.assigned_to_id != held_by:
        held = gettext("%(who)s l’a maintenant") % {"who": case.assigned_to} if case.assigned_to else ""
        raise refusals.HeldByAnother(who=held or gettext("plus personne ne l’a"))


def _close(
    *, case: Case, decision: Decision, reason: str, now: datetime, by: User | None = None, rule: str = ""
) -> Case:
    case.closed_at, case.closed_by, case.closed_rule = now, by, rule
    case.decision, case.reason = decision, reason
    case.save(update_fields=["closed_at", "closed_by", "closed_rule", "decision", "reason"])
    _note(case=case, step=Step.CLOSED, by=by, rule=rule, decision=decision, text=reason, now=now)
    return case


def _note(
    *,
    case: Case,
    step: Step,
    now: datetime,
    by: User | None = None,
    rule: str = "",
    to_user: User | None = None,
    decision: str = "",
    text: str = "",
) -> CaseEvent:
    """The case is locked by the caller: numbers have no gap."""
    number = CaseEvent.objects.filter(collectivite=case.collectivite_id, case=case).count() + 1
    return CaseEvent.objects.create(
        collectivite_id=case.collectivite_id,
        case=case,
        number=number,
        step=step,
        by=by,
        rule=rule,
        to_user=to_user,
        decision=decision,
        text=text,
        at=now,
    )


def _clean(text: str) -> str:
    """What is kept of what was typed: lines and tabs become spaces. Raises CardNumber, UnreadableText."""
    kept = unicodedata.normalize("NFC", " ".join(text.split()))
    if any(unicodedata.category(character) in ("Cc", "Cs") or character in _TURNERS for character in kept):
        raise refusals.UnreadableText
    if holds_card_number(kept):
        raise refusals.CardNumber
    return kept


_TURNERS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they make a text read otherwise
