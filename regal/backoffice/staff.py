"""Who works in a collectivité: invite, invite again, change a role, remove.

Each act is one transaction with its audit row, or a `Refusal` that says what to mend.
"""

from datetime import datetime, timedelta

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import transaction

from regal.agenda.operations import schedule
from regal.audit.operations import record
from regal.backoffice import refusals
from regal.backoffice.administration import create_agent
from regal.backoffice.letters import SEND_INVITATION, tell_administrators
from regal.collectivites.models import Collectivite
from regal.lib.tenancy import tenant
from regal.people.models import Invitation, Membership, Role, User
from regal.people.queries import latest_invitation

BETWEEN_INVITATIONS = timedelta(minutes=10)


def invite(
    *,
    collectivite: Collectivite,
    identifier: str,
    email: str,
    role: str,
    display_name: str = "",
    now: datetime,
    actor_id: int | None = None,
) -> Invitation:
    """Somebody new works here, and is told by e-mail how to come in.

    Raises UnknownRole, BadUserIdentifier, BadEmail, IdentifierTaken, EmailTaken, AlreadyMember.
    """
    given = _role(role)
    with transaction.atomic():
        user = create_agent(
            collectivite=collectivite,
            identifier=identifier,
            email=email,
            role=given,
            display_name=display_name,
            now=now,
            actor_id=actor_id,
        )
        with tenant(collectivite):
            return _send_invitation(
                collectivite=collectivite, user=user, role=given, renews_password=False, now=now, actor_id=actor_id
            )


def invite_again(*, membership: Membership, now: datetime, actor_id: int | None = None) -> Invitation:
    """A new link by e-mail, for whoever lost the first one or forgot the password. Raises JustInvited."""
    user = membership.user
    with tenant(membership.collectivite_id):
        locked = Membership.objects.select_for_update().filter(collectivite=membership.collectivite_id)
        current = locked.get(pk=membership.pk)
        last = latest_invitation(collectivite=membership.collectivite, user_id=user.pk)
        if last is not None and now - last.at < BETWEEN_INVITATIONS:
            raise refusals.JustInvited(person=user)
        return _send_invitation(
            collectivite=membership.collectivite,
            user=user,
            role=Role(current.role),
            renews_password=user.has_usable_password(),
            now=now,
            actor_id=actor_id,
        )


def change_role(*, membership: Membership, role: str, now: datetime, actor_id: int | None = None) -> Membership:
    """Another role; the other administrators are told by e-mail. Raises UnknownRole, NotYourself, LastAdministrator."""
    given = _role(role)
    with tenant(membership.collectivite_id):
        changed = _locked(membership, actor_id=actor_id, stays_administrator=given is Role.ADMINISTRATOR)
        before = Role(changed.role)
        if before is given:
            return changed
        changed.role = given.value
        changed.save(update_fields=["role"])
        entry = record(
            collectivite=changed.collectivite,
            action="change_role",
            subject=f"user {changed.user_id}",
            before={"role": before.value},
            after={"role": given.value},
            now=now,
            actor_id=actor_id,
        )
        was_administrator = changed.user if before is Role.ADMINISTRATOR else None
        tell_administrators(
            collectivite=changed.collectivite, entry=entry, but=changed.user_id, also=was_administrator, now=now
        )
    return changed


def remove(*, membership: Membership, now: datetime, actor_id: int | None = None) -> None:
    """Somebody does not work here any more; what he did stays. Raises NotYourself, LastAdministrator."""
    with tenant(membership.collectivite_id):
        gone = _locked(membership, actor_id=actor_id, stays_administrator=False)
        entry = record(
            collectivite=gone.collectivite,
            action="remove_member",
            subject=f"user {gone.user_id}",
            before={"role": gone.role},
            now=now,
            actor_id=actor_id,
        )
        was_administrator = gone.role == Role.ADMINISTRATOR
        gone.delete()
        if was_administrator:
            tell_administrators(collectivite=gone.collectivite, entry=entry, also=gone.user, now=now)


def _locked(membership: Membership, *, actor_id: int | None, stays_administrator: bool) -> Membership:
    """The membership, once nobody else can change who administers; what must not happen to it is refused here."""
    if membership.user_id == actor_id:
        raise refusals.NotYourself
    here = Membership.objects.select_for_update(of=("self",)).filter(collectivite=membership.collectivite_id)
    rows = list(here.select_related("user", "collectivite").order_by("pk"))
    found = [row for row in rows if row.pk == membership.pk]
    if not found:
        raise Membership.DoesNotExist
    others = [row for row in rows if row.pk != membership.pk and _administers(row)]
    if found[0].role == Role.ADMINISTRATOR and not stays_administrator and not others:
        raise refusals.LastAdministrator
    return found[0]


def _administers(membership: Membership) -> bool:
    """An administrator who can come in."""
    user = membership.user
    has_password = not user.password.startswith(UNUSABLE_PASSWORD_PREFIX)
    return membership.role == Role.ADMINISTRATOR and user.is_active and has_password


def _send_invitation(
    *, collectivite: Collectivite, user: User, role: Role, renews_password: bool, now: datetime, actor_id: int | None
) -> Invitation:
    invitation = Invitation.objects.create(
        collectivite=collectivite,
        user=user,
        role=role.value,
        invited_by_id=actor_id,
        renews_password=renews_password,
        at=now,
    )
    record(
        collectivite=collectivite,
        action="invite_agent",
        subject=f"invitation {invitation.pk}",
        after={"user": user.pk, "role": role.value, **({"renews_password": True} if renews_password else {})},
        now=now,
        actor_id=actor_id,
    )
    schedule(collectivite_id=collectivite.pk, kind=SEND_INVITATION, subject_id=invitation.pk, due_at=now, now=now)
    return invitation


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise refusals.UnknownRole from None
