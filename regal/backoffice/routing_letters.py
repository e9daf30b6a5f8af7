"""What all administrators of a collectivité are told of a change of where its money goes. No secret is in it."""

import logging
from collections.abc import Callable
from datetime import datetime
from smtplib import SMTPRecipientsRefused

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from regal.backoffice import routing
from regal.backoffice.gateway_names import service
from regal.collectivites.models import RoutingChange
from regal.lib import mail, paris

logger = logging.getLogger("regal.backoffice")

Letter = Callable[[RoutingChange], tuple[str, str]]
"""The subject's end, and the paragraph that says what happened."""


def tell_asked(collectivite_id: int, change_id: int, now: datetime) -> None:
    """Somebody asked."""
    _send(collectivite_id, change_id, _asked)


def tell_approved(collectivite_id: int, change_id: int, now: datetime) -> None:
    """A second person agreed."""
    _send(collectivite_id, change_id, _approved)


def tell_carried_out(collectivite_id: int, change_id: int, now: datetime) -> None:
    """It is done."""
    _send(collectivite_id, change_id, _carried_out)


def tell_cancelled(collectivite_id: int, change_id: int, now: datetime) -> None:
    """It will not be done."""
    _send(collectivite_id, change_id, _cancelled)


def _send(collectivite_id: int, change_id: int, letter: Letter) -> None:
    """An address that the mail server refuses for good keeps nobody else from being told; else all is tried again."""
    change = (
        RoutingChange.objects.select_related("collectivite", "asked_by", "approved_by", "cancelled_by")
        .filter(collectivite=collectivite_id)
        .get(pk=change_id)
    )
    with override("fr"):
        topic, paragraph = letter(change)
        page = reverse(
            "activation", urlconf="regal.config.urls_bureau", args=[change.collectivite.slug, change.identifier]
        )
        subject = f"{change.collectivite.name} – {topic}"
        text = "\n\n".join(
            [
                _("Bonjour,"),
                paragraph,
                _("Tout est expliqué ici : %(page)s") % {"page": f"{settings.BUREAU_URL}{page}"},
                _(
                    "Ce message part à tous les administrateurs de la collectivité. Si cette demande vous surprend,"
                    " annulez-la sur cette page, ou fermez le contrat : la fermeture est immédiate."
                ),
            ]
        )
    for administrator in routing.administrators(collectivite=change.collectivite):
        try:
            mail.send(to=administrator.email, subject=subject, text=f"{text}\n")
        except SMTPRecipientsRefused:
            logger.warning("routing change %s: user %s cannot be written to", change.pk, administrator.pk)


def _facts(change: RoutingChange) -> dict[str, str]:
    return {
        "contract": f"{service(change.gateway, {})} {change.identifier}",
        "asked_by": str(change.asked_by),
        "approved_by": str(change.approved_by) if change.approved_by else "",
        "cancelled_by": str(change.cancelled_by) if change.cancelled_by else "",
        "asked_at": paris.format_instant_fr(change.asked_at),
        "effective_at": paris.format_instant_fr(change.effective_at),
        "reason": change.reason,
    }


def _asked(change: RoutingChange) -> tuple[str, str]:
    facts = _facts(change)
    if change.kind == RoutingChange.Kind.REOPEN:
        topic = _("réouverture du contrat %(contract)s demandée") % facts
        what = _("%(asked_by)s a demandé, le %(asked_at)s, la réouverture du contrat %(contract)s.") % facts
    else:
        topic = _("mise en production du contrat %(contract)s demandée") % facts
        what = _("%(asked_by)s a demandé, le %(asked_at)s, la mise en production du contrat %(contract)s.") % facts
    if change.needs_operator:
        whose = _("L’exploitant de REGAL doit l’approuver.")
    else:
        whose = _("Un autre administrateur doit l’approuver.")
    when = _("Rien ne change avant le %(effective_at)s.") % facts
    return topic, f"{what} {whose} {when}"


def _approved(change: RoutingChange) -> tuple[str, str]:
    facts = _facts(change)
    topic = _("changement du contrat %(contract)s approuvé") % facts
    by = _("L’exploitant de REGAL") if change.needs_operator else facts["approved_by"]
    what = _("%(approved_by)s a approuvé la demande de %(asked_by)s pour le contrat %(contract)s.") % {
        **facts,
        "approved_by": by,
    }
    when = _("Elle prendra effet à partir du %(effective_at)s. D’ici là, vous pouvez l’annuler.") % facts
    return topic, f"{what} {when}"


def _carried_out(change: RoutingChange) -> tuple[str, str]:
    facts = _facts(change)
    if change.kind == RoutingChange.Kind.REOPEN:
        return (
            _("contrat %(contract)s rouvert") % facts,
            _("Le contrat %(contract)s est de nouveau en service : ses produits peuvent être payés.") % facts,
        )
    return (
        _("contrat %(contract)s en production") % facts,
        _("Le contrat %(contract)s est en production : les produits choisis encaissent désormais des paiements réels.")
        % facts,
    )


def _cancelled(change: RoutingChange) -> tuple[str, str]:
    facts = _facts(change)
    topic = _("changement du contrat %(contract)s annulé") % facts
    if change.cancelled_by is None:
        what = _("La demande faite par %(asked_by)s pour le contrat %(contract)s n’a pas pu être suivie.") % facts
    else:
        what = _("%(cancelled_by)s a annulé la demande de %(asked_by)s pour le contrat %(contract)s.") % facts
    why = _("Motif : %(reason)s") % facts if change.reason else ""
    return topic, " ".join(part for part in (what, why, _("Rien n’a changé.")) if part)
