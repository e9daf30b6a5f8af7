"""Make notices: of one titre, of a selection at once, or by a worker in pieces.

What is payable is asked when a notice is made: a piece holds what was due then. A piece and how far its batch is are
written in one transaction, so a worker that is killed in the middle goes on behind the last piece.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import override

from regal.agenda.operations import Turn, schedule
from regal.audit.operations import record
from regal.collectivites.models import Collectivite, Logo
from regal.lib import pdf
from regal.lib.colours import USUAL_MAIN, tones_of
from regal.lib.tenancy import HasKey, tenant
from regal.notices.models import NoticeBatch, NoticePiece
from regal.notices.refusals import TooManyNotices, Why
from regal.notices.wording import Asked, Notice, read, worded
from regal.titres.models import Titre
from regal.titres.refusals import NothingChosen

TEMPLATE = Path(__file__).with_name("notice.typ")
MAKE_BATCH = "make_notice_batch"
AT_ONCE = 200  # in a request; of more, a worker makes pieces
MOST = 50_000  # titres of one batch
PIECE = 500
KEPT = timedelta(days=7)  # they hold names and addresses


def of_selection(titres: QuerySet[Titre]) -> QuerySet[Titre]:
    """With what a notice reads of them."""
    return titres.select_related("product__account", "regie", "budget")


@dataclass(frozen=True, kw_only=True)
class Read:
    """What was read of some titres: those that ask to be paid, and why the others do not."""

    asked: list[Asked]
    left_out: dict[str, int]


def read_some(titre_ids: Sequence[int], *, collectivite: Collectivite) -> Read:
    """Of these titres, in this order. Call it inside `tenant()`."""
    rows = of_selection(Titre.objects.of(collectivite)).in_bulk(list(titre_ids))
    asked, left_out = [], Counter[str]()
    for _titre, told in read([rows[key] for key in titre_ids if key in rows], collectivite=collectivite):
        if isinstance(told, Why):
            left_out[told.value] += 1
        else:
            asked.append(told)
    return Read(asked=asked, left_out=dict(left_out))


def logo_of(collectivite: Collectivite) -> bytes:
    """The logo in use; empty for none. Call it inside `tenant()`."""
    found = Logo.objects.of(collectivite).filter(digest=collectivite.logo_digest).first()
    return bytes(found.png) if found is not None else b""


def compile_pdf(notices: Sequence[Notice], *, collectivite: Collectivite, logo: bytes, now: datetime) -> bytes:
    """One tagged PDF (PDF/UA-1), a page for each where it fits. It reads nothing of the base."""
    told = data_of(notices, collectivite=collectivite, logo=logo)
    return pdf.compiled(TEMPLATE, data=told, dated=now)


def data_of(notices: Sequence[Notice], *, collectivite: Collectivite, logo: bytes) -> str:
    """What the PDF is made of: data, never source."""
    tones = tones_of(collectivite.main_colour or USUAL_MAIN)
    with override("fr"):
        title = _("Avis à payer : %(count)s") % {"count": len(notices)}
    told = {
        "title": notices[0].footer if len(notices) == 1 else title,
        "town": collectivite.name,
        "colour": tones.main,
        "soft": tones.soft,
        "logo": list(logo),
        "logo_alt": collectivite.logo_text or collectivite.name,
        "notices": [notice.data() for notice in notices],
    }
    return json.dumps(told, ensure_ascii=False)


# Batches


def freeze(titres: QuerySet[Titre]) -> list[int]:
    """The titres of a selection, in the order of their pages. Raises NothingChosen, TooManyNotices."""
    chosen = list(titres.order_by("pk").values_list("pk", flat=True)[: MOST + 1])
    if not chosen:
        raise NothingChosen
    if len(chosen) > MOST:
        raise TooManyNotices(count=titres.count(), most=MOST)
    return chosen


def ask_for(
    *, collectivite: Collectivite, titre_ids: Sequence[int], now: datetime, actor_id: int | None = None
) -> NoticeBatch:
    """Have a worker make the notices of these titres. Call it inside `tenant()`."""
    batch = NoticeBatch.objects.create(
        collectivite=collectivite, titres=list(titre_ids), size=len(titre_ids), asked_by_id=actor_id, asked_at=now
    )
    record(
        collectivite=collectivite,
        action="ask_notices",
        subject=f"notice_batch {batch.pk}",
        after={"titres": batch.size},
        now=now,
        actor_id=actor_id,
    )
    schedule(collectivite_id=collectivite.pk, kind=MAKE_BATCH, subject_id=batch.pk, due_at=now, now=now)
    return batch


def make_batch(
    collectivite_id: int, batch_id: int, now: datetime, turn: Turn, *, make: Callable[..., bytes] = compile_pdf
) -> None:
    """Make the pieces that are not there yet, each between two transactions: it is written whole or not at all."""
    collectivite = Collectivite.objects.get(pk=collectivite_id)
    while True:
        with tenant(collectivite_id):
            batch = NoticeBatch.objects.of(collectivite).get(pk=batch_id)
            if batch.ended_at is not None:
                return
            begins, keys = batch.done, batch.titres[batch.done : batch.done + PIECE]
            found, logo = read_some(keys, collectivite=collectivite), logo_of(collectivite)
            turn.renew()
        made_at = turn.clock()
        notices = [worded(asked) for asked in found.asked]
        with tenant(collectivite_id):
            turn.renew()
        content = make(notices, collectivite=collectivite, logo=logo, now=made_at) if notices else b""
        with tenant(collectivite_id):
            turn.renew()
            _keep(batch, begins=begins, titres=len(keys), found=found, content=content, now=made_at)


def _keep(batch: NoticeBatch, *, begins: int, titres: int, found: Read, content: bytes, now: datetime) -> None:
    locked = NoticeBatch.objects.select_for_update(of=("self",)).get(collectivite=batch.collectivite_id, pk=batch.pk)
    if locked.done != begins:  # somebody else made it
        return
    if found.asked:
        pieces = NoticePiece.objects.filter(collectivite=locked.collectivite_id, batch=locked)
        last = pieces.aggregate(number=Max("number"))["number"] or 0
        NoticePiece.objects.create(
            collectivite_id=locked.collectivite_id,
            batch=locked,
            number=last + 1,
            first=begins,
            titres=titres,
            notices=len(found.asked),
            pdf=content,
            made_at=now,
        )
    gone = titres - len(found.asked) - sum(found.left_out.values())  # not in the base any more: never so far
    counts = Counter(locked.left_out) + Counter(found.left_out) + Counter({Why.WITHDRAWN.value: gone})
    locked.left_out = dict(counts)
    locked.done = begins + titres
    locked.notices += len(found.asked)
    if locked.done == locked.size:
        locked.ended_at = now
    locked.save(update_fields=["left_out", "done", "notices", "ended_at"])


def tidy(*, collectivite: HasKey, now: datetime) -> int:
    """Purge what was made more than seven days ago; how many pieces. Call it inside `tenant()`."""
    old = NoticePiece.objects.of(collectivite).filter(made_at__lt=now - KEPT)
    batches = set(old.values_list("batch", flat=True))
    purged, _rows = old.delete()
    NoticeBatch.objects.of(collectivite).filter(pk__in=batches, purged_at__isnull=True).update(purged_at=now)
    return purged
