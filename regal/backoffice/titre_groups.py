"""One act on many debts: prepared and read first, confirmed once, then carried out one debt at a time.

Each debt meets the same operation as on its own page, under its own lock: what does not suit it, or changed since it
was read, is refused and said, and the others go on. A worker that is killed in the middle goes on where it was.
"""

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Count, F, QuerySet, Sum

from regal.agenda.operations import schedule
from regal.audit.operations import record
from regal.backoffice.counter import count_of_moves
from regal.backoffice.queries import Tally
from regal.backoffice.titre_queries import sums_of, waiting_on_each
from regal.collectivites import debt_words
from regal.collectivites.models import Collectivite
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Allocation
from regal.payments.queries import paid_of, taken_back, waiting_on
from regal.titres import holds, operations, refusals
from regal.titres.models import Debtor, GroupAct, Titre, TitreEvent, TitreGroup, TitreGroupLine
from regal.titres.states import TRANSITIONS, Event, State

CARRY_OUT = "carry_out_titre_group"
MOST = 5_000
AT_ONCE = 100  # in one transaction; of more, every hundred is a worker's
_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class _Act:
    event: Event  # of the table of states: what the preview asks
    do: Callable[..., Titre]
    has_reason: bool = True
    has_payer_note: bool = False


def _cancel(**told: Any) -> Titre:
    return operations.cancel(paid=paid_of, **told)


def _restore(**told: Any) -> Titre:
    return operations.restore(waiting=waiting_on, **told)


ACTS: dict[GroupAct, _Act] = {
    GroupAct.ISSUE: _Act(event=Event.ISSUED, do=operations.issue, has_reason=False),
    GroupAct.SUSPEND: _Act(event=Event.SUSPENDED, do=operations.suspend, has_payer_note=True),
    GroupAct.RESUME: _Act(event=Event.RESUMED, do=operations.resume),
    GroupAct.CANCEL: _Act(event=Event.CANCELLED, do=_cancel, has_payer_note=True),
    GroupAct.TRANSFER: _Act(event=Event.TRANSFERRED, do=operations.transfer, has_payer_note=True),
    GroupAct.WRITE_OFF: _Act(event=Event.WRITTEN_OFF, do=operations.write_off, has_payer_note=True),
    GroupAct.RESTORE: _Act(event=Event.RESTORED, do=_restore),
}


def acts_for(states: Collection[State]) -> list[GroupAct]:
    """Those that the table of states allows at least one of them."""
    return [act for act in GroupAct if any((state, ACTS[act].event) in TRANSITIONS for state in states)]


def prepare(
    *,
    collectivite: Collectivite,
    act: GroupAct,
    reason: str = "",
    payer_note: str = "",
    titres: QuerySet[Titre],
    now: datetime,
    actor_id: int | None = None,
) -> TitreGroup:
    """Note what would be done, and to which debts as they are now. Nothing of them changes.

    Raises NothingChosen, TooMany, MissingReason, BadPayerNote, CardNumber, UnreadableText.
    """
    if ACTS[act].has_reason:
        reason, payer_note = operations.check_words(reason=reason, payer_note=payer_note)
    with tenant(collectivite):
        chosen = list(titres.order_by("pk")[: MOST + 1])  # the order in which everybody locks them
        if not chosen:
            raise refusals.NothingChosen
        if len(chosen) > MOST:
            raise refusals.TooMany(count=titres.count(), most=MOST)
        group = TitreGroup.objects.create(
            collectivite=collectivite,
            act=act,
            reason=reason if ACTS[act].has_reason else "",
            payer_note=payer_note if ACTS[act].has_payer_note else "",
            prepared_by_id=actor_id,
            prepared_at=now,
        )
        for start in range(0, len(chosen), _BATCH):
            TitreGroupLine.objects.of(collectivite).bulk_create(
                _foreseen(group, chosen[start : start + _BATCH], now=now)
            )
    return group


def _foreseen(group: TitreGroup, titres: list[Titre], *, now: datetime) -> list[TitreGroupLine]:
    """One line for each, with what it would be refused for, if anything."""
    town, keys = group.collectivite, [titre.pk for titre in titres]
    seen = _counted(TitreEvent.objects.of(town).filter(titre__in=keys))
    allocations = Allocation.objects.of(town).filter(titre__in=keys)
    seen.update(_counted(allocations))
    seen.update(_counted(taken_back(allocations)))
    debtors = dict(Debtor.objects.of(town).filter(titre__in=keys).values_list("titre_id", "name"))
    sums, waiting = sums_of(titres, collectivite=town), waiting_on_each(keys, collectivite=town)
    lines = []
    for titre in titres:
        line = TitreGroupLine(
            collectivite=town,
            group=group,
            titre=titre,
            seen=seen[titre.pk],
            left=max(sums[titre.pk].left, Money.zero),
        )
        try:
            operations.foresee(
                titre,
                ACTS[GroupAct(group.act)].event,
                debtor=debtors.get(titre.pk, ""),
                payer_note=group.payer_note,
                paid=sums[titre.pk].paid,
                waiting=waiting.get(titre.pk, Money.zero),
                now=now,
            )
        except refusals.Refusal as refusal:
            line.refusal, line.said, line.refusal_foreseen = refusal.code, str(refusal)[:400], True
        lines.append(line)
    return lines


def _counted(rows: QuerySet[Any]) -> Counter[int]:
    """How many rows of each titre."""
    return Counter(dict(rows.order_by().values_list("titre_id").annotate(rows=Count("pk"))))


def confirm(*, group: TitreGroup, now: datetime, actor_id: int | None = None) -> TitreGroup:
    """Do it: now where they are few, else by workers. Raises AlreadyConfirmed: pressed twice does it once."""
    with tenant(group.collectivite_id):
        locked = TitreGroup.objects.select_for_update(of=("self",)).get(collectivite=group.collectivite_id, pk=group.pk)
        if locked.confirmed_at is not None:
            raise refusals.AlreadyConfirmed
        locked.confirmed_at, locked.confirmed_by_id = now, actor_id
        locked.save(update_fields=["confirmed_at", "confirmed_by"])
        lines = list(_waiting_lines(locked).order_by("pk").values_list("pk", flat=True))
        record(
            collectivite=locked.collectivite,
            action="confirm_titre_group",
            subject=f"group {locked.pk}",
            after={"act": locked.act, "rows": len(lines)},
            now=now,
            actor_id=actor_id,
        )
        firsts = lines[::AT_ONCE]
        for first in firsts:
            if len(firsts) == 1:
                carry_out(locked.collectivite_id, first, now)
            else:
                schedule(collectivite_id=locked.collectivite_id, kind=CARRY_OUT, subject_id=first, due_at=now, now=now)
    return locked


def carry_out(collectivite_id: int, first_line_id: int, now: datetime) -> None:
    """One part of a confirmed group, from this line on: each debt by itself. Done twice, it does nothing more."""
    first = TitreGroupLine.objects.select_related("group", "collectivite").get(
        collectivite=collectivite_id, pk=first_line_id
    )
    part = TitreGroupLine.objects.filter(collectivite=collectivite_id, group=first.group_id, pk__gte=first_line_id)
    ours = list(part.filter(refusal_foreseen=False).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    lines = TitreGroupLine.objects.filter(collectivite=collectivite_id, pk__in=ours, done_at__isnull=True)
    for line in lines.select_related("titre").select_for_update(of=("self",)).order_by("pk"):
        with debt_words.override(first.collectivite.debt_word):
            _try(first.group, line, now=now)


def _waiting_lines(group: TitreGroup) -> QuerySet[TitreGroupLine]:
    """What the preview found good and nobody tried yet."""
    return TitreGroupLine.objects.filter(
        collectivite=group.collectivite_id, group=group, refusal_foreseen=False, done_at__isnull=True
    )


def _try(group: TitreGroup, line: TitreGroupLine, *, now: datetime) -> None:
    act = ACTS[GroupAct(group.act)]
    told: dict[str, Any] = {"reason": group.reason} if act.has_reason else {}
    told |= {"payer_note": group.payer_note} if act.has_payer_note else {}
    try:
        with tenant(group.collectivite_id):
            holds.lock(collectivite_id=group.collectivite_id, titre_id=line.titre_id)  # no payment comes from now on
            moves = count_of_moves(line.titre)
            act.do(titre=line.titre, seen=line.seen - moves, now=now, actor_id=group.confirmed_by_id, **told)
    except refusals.Refusal as refusal:
        line.refusal, line.said = refusal.code, str(refusal)[:400]
    line.done_at = now
    line.save(update_fields=["refusal", "said", "done_at"])


@dataclass(frozen=True, kw_only=True)
class GroupSums:
    """Of a group's lines, exact: what suits it, what was done, what waits for a worker, and what was refused."""

    good: Tally
    done: Tally
    waiting: int
    refused: int
    changed: int  # refused when it was tried: something changed since the preview


def sums_of_group(group: TitreGroup) -> GroupSums:
    """Call it inside `tenant()`."""
    lines = TitreGroupLine.objects.filter(collectivite=group.collectivite_id, group=group)
    good = lines.filter(refusal_foreseen=False)
    done = good.filter(refusal="", done_at__isnull=False)
    return GroupSums(
        good=_tally(good),
        done=_tally(done),
        waiting=good.filter(done_at__isnull=True).count(),
        refused=lines.filter(refusal_foreseen=True).count(),
        changed=good.exclude(refusal="").count(),
    )


def _tally(lines: QuerySet[TitreGroupLine]) -> Tally:
    cents = lines.aggregate(cents=Sum(F("left"), output_field=BigIntegerField()))["cents"]
    return Tally(count=lines.count(), amount=Money(int(cents or 0)))
