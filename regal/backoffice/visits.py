"""An operator enters a town: for a reason, for two hours at most, and only visibly to it."""

from datetime import datetime, timedelta

from regal.audit.operations import record, record_on_platform
from regal.backoffice import refusals
from regal.backoffice.letters import tell_administrators
from regal.collectivites.models import Collectivite
from regal.lib.card_numbers import holds_card_number
from regal.lib.tenancy import tenant
from regal.people.models import Role, User, Visit

LONGEST = timedelta(hours=2)
ROLES = (Role.AGENT, Role.ADMINISTRATOR)  # to look, or to mend settings too


def open_visit(*, collectivite: Collectivite, operator: User, reason: str, role: str, now: datetime) -> Visit:
    """Let an operator in; every administrator of the town is told by e-mail. A visit still open ends here.

    Raises MissingReason, CardNumberTyped, UnknownRole.
    """
    why = " ".join(reason.split())
    if not 10 <= len(why) <= 300:
        raise refusals.MissingReason
    if holds_card_number(why):
        raise refusals.CardNumberTyped
    if role not in ROLES:
        raise refusals.UnknownRole
    with tenant(collectivite):
        close_visit(collectivite=collectivite, operator=operator, now=now)
        visit = Visit.objects.create(
            collectivite=collectivite, user=operator, role=role, reason=why, opened_at=now, ends_at=now + LONGEST
        )
        entry = record(
            collectivite=collectivite,
            action="open_visit",
            subject=f"visit {visit.pk}",
            after={"role": role, "reason": why},
            now=now,
            actor_id=operator.pk,
        )
        record_on_platform(
            action="open_visit", subject=f"collectivite {collectivite.pk}", now=now, actor_id=operator.pk
        )
        tell_administrators(collectivite=collectivite, entry=entry, now=now)
    return visit


def close_visit(*, collectivite: Collectivite, operator: User, now: datetime) -> Visit | None:
    """The operator leaves; None if he was not there. One whose time was over ended by itself, at that time."""
    with tenant(collectivite):
        visits = Visit.objects.select_for_update().of(collectivite)
        visit = visits.filter(user=operator, closed_at__isnull=True).first()
        if visit is None:
            return None
        visit.closed_at = min(now, visit.ends_at)
        visit.save(update_fields=["closed_at"])
        record(
            collectivite=collectivite,
            action="close_visit",
            subject=f"visit {visit.pk}",
            now=now,
            actor_id=operator.pk,
        )
    return visit
