"""What the comptable's files say of the debts that he collects, as steps of their titres: `docs/decisions/0019`.

No agent decides about such a debt (`operations.py` refuses), and nothing of it is paid on a régie's account: it stands
where the comptable says.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Max

from regal.gateways.files import Said
from regal.lib.tenancy import HasKey
from regal.titres.models import Titre, TitreEvent
from regal.titres.states import Event, State, next_state

STANDS: dict[Said, State] = {
    Said.TAKEN: State.OPEN,
    Said.SUSPENDED: State.SUSPENDED,
    Said.REJECTED: State.REJECTED,
    Said.CANCELLED: State.CANCELLED,
    Said.WRITTEN_OFF: State.WRITTEN_OFF,
    Said.SETTLED: State.CLOSED,
}
HEARD = frozenset(STANDS.values())
"""The states that a file can change; of a draft, or of what was taken out of the base, it says nothing."""

_EVENTS: dict[Said, Event] = {
    Said.SUSPENDED: Event.SUSPENDED,
    Said.REJECTED: Event.REJECTED,
    Said.CANCELLED: Event.CANCELLED,
    Said.WRITTEN_OFF: Event.WRITTEN_OFF,
    Said.SETTLED: Event.CLOSED,
}
_OVER = (State.CANCELLED, State.WRITTEN_OFF, State.CLOSED, State.REJECTED)
_BATCH = 1000


def steps_to(status: State, said: Said, *, is_first: bool, is_new_amount: bool) -> tuple[Event, ...]:
    """The events that bring a titre where the comptable says that it stands; none where it stands there already.

    `is_first`: no file has spoken of it yet. `is_new_amount`: another part is collected than was known.
    """
    if said is not Said.TAKEN:
        if status == STANDS[said]:
            return ()
        return (Event.REOPENED, _EVENTS[said]) if status in _OVER else (_EVENTS[said],)
    back = (Event.RESUMED,) if status == State.SUSPENDED else (Event.REOPENED,) if status in _OVER else ()
    if is_new_amount:
        return (*back, Event.COLLECTED)
    return back or ((Event.TAKEN_CHARGE,) if is_first else ())


def follow(steps: Mapping[int, tuple[Event, ...]], *, collectivite: HasKey, now: datetime) -> dict[int, int]:
    """Take the steps of each titre, and give the number of its last one. The caller has locked them all."""
    numbers: dict[int, int] = {}
    keys = [key for key, events in steps.items() if events]
    for start in range(0, len(keys), _BATCH):
        some = keys[start : start + _BATCH]
        titres = Titre.objects.of(collectivite).filter(pk__in=some).order_by("pk")
        told = TitreEvent.objects.of(collectivite).filter(titre__in=some).order_by()
        last = {row["titre"]: row["last"] for row in told.values("titre").annotate(last=Max("number"))}
        rows: list[TitreEvent] = []
        moved: dict[State, list[int]] = {}
        for titre in titres:
            before = state = State(titre.status)
            number = last.get(titre.pk, 0)
            for event in steps[titre.pk]:
                after, number = next_state(state, event), number + 1
                rows.append(
                    TitreEvent(
                        collectivite_id=collectivite.pk,
                        titre=titre,
                        number=number,
                        event=event,
                        from_state=state,
                        to_state=after,
                        recorded_at=now,
                    )
                )
                state = after
            numbers[titre.pk] = number
            if state != before:
                moved.setdefault(state, []).append(titre.pk)
        TitreEvent.objects.of(collectivite).bulk_create(rows, batch_size=_BATCH)
        for state, changed in moved.items():
            Titre.objects.of(collectivite).filter(pk__in=changed).update(status=state)
    return numbers
