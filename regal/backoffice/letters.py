"""E-mails to those who work here: invitations, and what the administrators of a town must know at once.

Who is to be written to is decided with the act; the words, and the link of an invitation, when the e-mail leaves.
"""

from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import override

from regal.agenda.operations import schedule
from regal.audit.models import AuditEntry, Letter
from regal.audit.operations import record_on_platform
from regal.backoffice import acts
from regal.collectivites.models import Collectivite
from regal.lib import paris
from regal.lib.mail import send
from regal.people import invitations
from regal.people.models import Invitation, Membership, User
from regal.people.queries import administrators

SEND_INVITATION = "send_invitation"
SEND_LETTER = "send_letter"


def tell_administrators(
    *, collectivite: Collectivite, entry: AuditEntry, but: int | None = None, also: User | None = None, now: datetime
) -> list[Letter]:
    """Write to every administrator but whoever acted, and to who is one no longer. Call it inside `tenant()`."""
    told = [
        member.user
        for member in administrators(collectivite=collectivite)
        if member.user_id not in (entry.actor_id, but)
    ]
    if also is not None and also not in told:
        told.append(also)
    letters = [Letter.objects.create(collectivite=collectivite, entry=entry, recipient=user, at=now) for user in told]
    for letter in letters:
        schedule(collectivite_id=collectivite.pk, kind=SEND_LETTER, subject_id=letter.pk, due_at=now, now=now)
    return letters


def send_letter(collectivite_id: int, letter_id: int, now: datetime) -> None:
    """Tell one administrator of one act; nobody, if he does not work here any more, unless the act is his removal."""
    letters = Letter.objects.filter(collectivite=collectivite_id).select_related("entry", "recipient", "collectivite")
    letter = letters.get(pk=letter_id)
    is_about_him = acts.person_of(letter.entry) == letter.recipient_id
    if not (is_about_him or _works_here(letter.recipient, collectivite_id)):
        return
    subject, text = letter_text(letter)
    send(to=letter.recipient.email, subject=subject, text=text, sender="REGAL")
    letter.sent_at = now
    letter.save(update_fields=["sent_at"])


def letter_text(letter: Letter) -> tuple[str, str]:
    """The subject and the words, in French."""
    entry, town = letter.entry, letter.collectivite
    with override("fr"):
        changes = [_in_one_line(change) for change in acts.changes_of(entry)]
        parts = [
            _("Bonjour,"),
            acts.sentence_of(entry, acts.people_of([entry])),
            "\n".join([_("Le %(moment)s.") % {"moment": paris.format_instant_fr(entry.at)}, *changes]),
            _("Tout ce qui est fait dans REGAL pour %(town)s est dans le journal :") % {"town": town.name}
            + f"\n{settings.BUREAU_URL}/{town.slug}/reglages/journal/",
            _("Vous ne vous y attendiez pas ? Parlez-en tout de suite à vos collègues administrateurs."),
        ]
        subject = _("%(town)s : %(what)s") % {"town": town.name, "what": acts.KINDS.get(entry.action, entry.action)}
    return subject, "\n\n".join(parts) + "\n"


def send_invitation(collectivite_id: int, invitation_id: int, now: datetime) -> None:
    """Invite somebody; nobody, if he does not work here any more. The link is made now, and kept nowhere."""
    there = Invitation.objects.filter(collectivite=collectivite_id)
    invitation = there.select_related("user", "invited_by", "collectivite").get(pk=invitation_id)
    if not _works_here(invitation.user, collectivite_id):
        return
    subject, text = invitation_text(invitation, now=now)
    send(to=invitation.user.email, subject=subject, text=text, sender="REGAL")
    invitation.sent_at = now
    invitation.save(update_fields=["sent_at"])


def invitation_text(invitation: Invitation, *, now: datetime) -> tuple[str, str]:
    """The subject and the words, in French. Making the link leaves its trace."""
    user, town = invitation.user, invitation.collectivite
    with override("fr"):
        said = {
            "who": invitation.invited_by or _("L’exploitant de REGAL"),
            "town": town.name,
            "role": invitation.get_role_display(),
            "identifier": user.identifier,
        }
        if invitation.renews_password:
            subject = _("Choisir un nouveau mot de passe REGAL")
            why = _("%(who)s (%(town)s) vous envoie de quoi choisir un nouveau mot de passe dans REGAL.") % said
        else:
            subject = _("Votre accès à REGAL pour %(town)s") % said
            why = (
                _(
                    "%(who)s vous invite à travailler pour %(town)s dans REGAL, l’outil qui suit les paiements en"
                    " ligne. Votre rôle : %(role)s."
                )
                % said
            )
        if user.has_usable_password() and not invitation.renews_password:
            how = _("Entrez avec votre mot de passe habituel et l’identifiant %(identifier)s :") % said
            how += f"\n{settings.BUREAU_URL}/connexion/"
        else:
            record_on_platform(action="invite", subject=f"user {user.pk}", now=now, actor_id=invitation.invited_by_id)
            how = _("Choisissez votre mot de passe à cette adresse, qui sert une seule fois, pendant 24 heures :")
            how += f"\n{settings.BUREAU_URL}{invitations.path_for(user=user, now=now)}"
            how += "\n\n" + _("Vous vous connecterez ensuite avec l’identifiant %(identifier)s.") % said
        unexpected = (
            _(
                "Vous n’attendiez pas ce message ? N’ouvrez pas l’adresse, et prévenez %(town)s : rien ne se passe sans"
                " vous."
            )
            % said
        )
        return subject, "\n\n".join([_("Bonjour,"), why, how, unexpected]) + "\n"


def _in_one_line(change: acts.Change) -> str:
    if change.before and change.after:
        return _("%(name)s : %(before)s, puis %(after)s.") % vars(change)
    return _("%(name)s : %(value)s.") % {"name": change.name, "value": change.after or change.before}


def _works_here(user: User, collectivite_id: int) -> bool:
    return user.is_active and Membership.objects.filter(collectivite=collectivite_id, user=user).exists()
