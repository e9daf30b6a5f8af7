"""How the platform is: what an operator reads, one plain sentence for each thing. Nothing here is of one town."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version

from django.db import connection
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from regal.agenda.models import Effect
from regal.agenda.operations import stuck
from regal.audit.models import PlatformAct, VerifyRun
from regal.backoffice import routing
from regal.backoffice.letters import SEND_INVITATION, SEND_LETTER
from regal.lib import in_words
from regal.lib.schema import schema_is_current
from regal.reconciliation.operations import CONFIRM_FILE

LATE = timedelta(minutes=2)
WORKER_SILENCE = timedelta(seconds=30)
VERIFY_SILENCE = timedelta(minutes=20)  # it runs every five minutes
PURGE_SILENCE = timedelta(hours=48)
ROUTING_LETTERS = (
    routing.TELL_ASKED,
    routing.TELL_APPROVED,
    routing.TELL_CARRIED_OUT,
    routing.TELL_CANCELLED,
)
MAIL_KINDS = (SEND_INVITATION, SEND_LETTER, *ROUTING_LETTERS)

EFFECTS: dict[str, Promise] = {
    "judge_message": gettext_lazy("lire un message de PayFiP"),
    "presume_silent": gettext_lazy("classer un paiement sans nouvelles"),
    "seal_evidence": gettext_lazy("sceller les preuves d’un jour"),
    SEND_INVITATION: gettext_lazy("envoyer une invitation"),
    SEND_LETTER: gettext_lazy("écrire à un administrateur"),
    CONFIRM_FILE: gettext_lazy("confirmer les paiements d’un fichier"),
    routing.CARRY_OUT: gettext_lazy("mettre un contrat en production"),
    **dict.fromkeys(ROUTING_LETTERS, gettext_lazy("écrire à un administrateur")),
}


@dataclass(frozen=True, kw_only=True)
class Sign:
    """One thing looked at: `advice` says that all is well, or what to do."""

    name: str
    value: str
    is_good: bool
    advice: str


def signs(*, now: datetime) -> list[Sign]:
    """Everything that is looked at."""
    return [*_software(), _workers(now), *_due(now), _verified(now), _mail(now), _purge(now), _size()]


def _software() -> Iterator[Sign]:
    yield Sign(name=_("Version de REGAL"), value=version("regal"), is_good=True, advice=_("Tout va bien."))
    current = schema_is_current()
    yield Sign(
        name=_("Base de données"),
        value=_("à jour") if current else _("en retard sur le logiciel"),
        is_good=current,
        advice=_("Tout va bien.") if current else _("Lancez « regal migrate », puis redémarrez les processus."),
    )


def _workers(now: datetime) -> Sign:
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_heartbeat FROM procrastinate_workers ORDER BY last_heartbeat DESC LIMIT 50")
        heartbeats = [row[0] for row in cursor.fetchall()]
    alive = sum(now - heartbeat < WORKER_SILENCE for heartbeat in heartbeats)
    if alive:
        said = ngettext("%(number)s travailleur à l’œuvre", "%(number)s travailleurs à l’œuvre", alive) % {
            "number": alive
        }
    elif heartbeats:
        said = _("aucun depuis le %(moment)s") % {"moment": in_words.instant(heartbeats[0])}
    else:
        said = _("aucun")
    return Sign(
        name=_("Travailleurs"),
        value=said,
        is_good=bool(alive),
        advice=_("Tout va bien.")
        if alive
        else _("Lancez « regal worker » : sans lui, rien n’est lu, envoyé ni vérifié. Rien n’est perdu."),
    )


def _due(now: datetime) -> Iterator[Sign]:
    late = Effect.objects.filter(done_at__isnull=True, due_at__lte=now - LATE)
    oldest = late.order_by("due_at").first()
    said = _("aucun")
    if oldest is not None:
        said = _("%(number)s, le plus ancien depuis le %(moment)s") % {
            "number": late.count(),
            "moment": in_words.instant(oldest.due_at),
        }
    yield Sign(
        name=_("Travaux en retard"),
        value=said,
        is_good=oldest is None,
        advice=_("Tout va bien.")
        if oldest is None
        else _("Si leur nombre ne baisse pas en dix minutes, regardez le journal du travailleur."),
    )
    kinds = Counter(effect.kind for effect in stuck())
    yield Sign(
        name=_("Travaux bloqués"),
        value=", ".join(f"{number} × {EFFECTS.get(kind, kind)}" for kind, number in sorted(kinds.items()))
        or _("aucun"),
        is_good=not kinds,
        advice=_("Tout va bien.")
        if not kinds
        else _("Ils échouent encore et encore : la cause est dans le journal du travailleur. Ils restent à refaire."),
    )


def _verified(now: datetime) -> Sign:
    run = VerifyRun.objects.order_by("-pk").first()
    name = _("Vérification des invariants")
    if run is None:
        advice = _("Le travailleur la lance toutes les cinq minutes ; vous pouvez lancer « regal verify ».")
        return Sign(name=name, value=_("jamais"), is_good=False, advice=advice)
    said = _("%(invariants)s invariants, %(rows)s lignes, %(broken)s anomalies, le %(moment)s") % {
        "invariants": run.invariants,
        "rows": run.rows,
        "broken": run.broken,
        "moment": in_words.instant(run.at),
    }
    if run.broken:
        advice = _(
            "Lancez « regal verify » pour les voir une à une, et prévenez qui maintient REGAL : ne corrigez rien."
        )
    elif now - run.at > VERIFY_SILENCE:
        advice = _("Elle aurait dû repasser : regardez le journal du travailleur.")
    else:
        advice = _("Tout va bien.")
    return Sign(name=name, value=said, is_good=not run.broken and now - run.at <= VERIFY_SILENCE, advice=advice)


def _mail(now: datetime) -> Sign:
    begun = Q(due_at__lte=now) | Q(tries__gt=0)
    waiting = Effect.objects.filter(begun, done_at__isnull=True, kind__in=MAIL_KINDS)
    oldest = waiting.order_by("created_at").first()
    is_good = oldest is None or now - oldest.created_at <= LATE
    said = _("aucun n’attend")
    if oldest is not None:
        said = _("%(number)s en attente, le plus ancien du %(moment)s") % {
            "number": waiting.count(),
            "moment": in_words.instant(oldest.created_at),
        }
    return Sign(
        name=_("Courriels"),
        value=said,
        is_good=is_good,
        advice=_("Tout va bien.")
        if is_good
        else _("Le serveur de courriels répond-il ? Voyez REGAL_MAIL_URL. Ils partiront dès qu’il répondra."),
    )


def _purge(now: datetime) -> Sign:
    last = PlatformAct.objects.filter(action__startswith="purge_").order_by("-pk").first()
    is_good = last is not None and now - last.at <= PURGE_SILENCE
    return Sign(
        name=_("Dernière purge"),
        value=in_words.instant(last.at) if last is not None else _("jamais"),
        is_good=is_good,
        advice=_("Tout va bien.")
        if is_good
        else _("Le travailleur purge chaque nuit vers 3 h 30 : s’il vient d’être installé, attendez demain."),
    )


def _size() -> Sign:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        megabytes = cursor.fetchone()[0] // 1024**2
    return Sign(
        name=_("Taille de la base"),
        value=_("%(number)s Mo") % {"number": megabytes},
        is_good=True,
        advice=_("Veillez à ce que le disque en ait trois fois autant de libre."),
    )
