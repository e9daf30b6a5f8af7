"""What an attempt pays, titre by titre.

Of one titre, the attempt goes by its reference. Of several, by one of its own, which is no titre's: the gateway takes a
single reference, and names it in its answers and files.
"""

from base64 import b32encode
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min, Q
from django.utils.crypto import salted_hmac

from regal.lib.money import Money
from regal.payments.models import Attempt, Share
from regal.titres import holds
from regal.titres.models import Titre

MOST_AT_ONCE = 10


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a payer pays of one titre."""

    titre: Titre
    amount: Money


def own_reference(flow_token: str) -> str:
    """Of a payment of several titres: the same for each click of one press; 75 bits that nobody can choose."""
    derived = salted_hmac("regal.payments.several", flow_token, algorithm="sha256").digest()
    return "G" + b32encode(derived)[:15].decode()


def record_shares(*, attempt: Attempt, parts: Sequence[Part]) -> None:
    """Write down which titres an attempt pays, the first of them its own."""
    are_several = len(parts) > 1
    for place, part in enumerate(parts, start=1):
        Share.objects.create(
            collectivite_id=attempt.collectivite_id,
            attempt=attempt,
            titre=part.titre,
            place=place,
            amount=part.amount,
            reference_reversed=part.titre.reference[::-1] if are_several else "",
        )


def shares_of(attempt: Attempt) -> list[Share]:
    """As its payer listed them; none where the gateway knows the debt."""
    if attempt.titre_id is None:
        return []
    shares = Share.objects.filter(collectivite=attempt.collectivite_id, attempt=attempt)
    found = list(shares.select_related("titre").order_by("place"))
    # Begun by the version before, while both ran: of one titre.
    return found or [
        Share(
            collectivite_id=attempt.collectivite_id,
            attempt=attempt,
            titre_id=attempt.titre_id,
            place=1,
            amount=attempt.amount,
        )
    ]


def several_of(attempt: Attempt) -> list[Share]:
    """The same, and none where there is one: what pages list."""
    shares = shares_of(attempt)
    return shares if len(shares) > 1 else []


def references_of(attempts: Iterable[Attempt]) -> dict[int, list[str]]:
    """Of those that pay several: the references of their titres, as listed. One question for all. One town's."""
    listed = [attempt for attempt in attempts if attempt.titre_id is not None]
    if not listed:
        return {}
    shares = Share.objects.filter(collectivite=listed[0].collectivite_id, attempt__in=[one.pk for one in listed])
    found: dict[int, list[str]] = {}
    named = shares.exclude(reference_reversed="").order_by("attempt_id", "place")
    for attempt_id, backwards in named.values_list("attempt_id", "reference_reversed"):
        found.setdefault(attempt_id, []).append(backwards[::-1])
    return found


def titre_ids_of(attempts: Collection[Attempt]) -> set[int]:
    """Every titre that these attempts of one town pay."""
    of_titres = {attempt.pk: attempt for attempt in attempts if attempt.titre_id is not None}
    found: set[int] = set()
    if of_titres:
        collectivite_id = next(iter(of_titres.values())).collectivite_id
        shares = Share.objects.filter(collectivite=collectivite_id, attempt__in=list(of_titres))
        for attempt_id, titre_id in shares.values_list("attempt_id", "titre_id"):
            found.add(titre_id)
            of_titres.pop(attempt_id, None)
    # Begun by the version before, while both ran: of one titre.
    return found | {attempt.titre_id for attempt in of_titres.values() if attempt.titre_id is not None}


def pays(*, collectivite_id: int, titre_ids: Collection[int]) -> Q:
    """Whether an attempt pays one of these titres, in whichever place."""
    shares = Share.objects.filter(collectivite=collectivite_id, titre__in=titre_ids)
    return Q(pk__in=shares.values("attempt"))


def held_until(attempt: Attempt) -> datetime | None:
    """When the holds that it has end, as was promised when it began; None: nobody waits for it."""
    if attempt.titre_id is None:
        return None
    held = Titre.objects.filter(
        collectivite=attempt.collectivite_id, pk__in=titre_ids_of([attempt]), held_by=attempt.pk
    )
    first: datetime | None = held.aggregate(first=Min("held_until"))["first"]
    return first


def let_go(attempt: Attempt) -> None:
    """End the holds of an attempt on all its titres; another's stay. The caller has locked the attempt."""
    if attempt.titre_id is not None:
        titre_ids = titre_ids_of([attempt])
        holds.let_go(collectivite_id=attempt.collectivite_id, titre_ids=titre_ids, attempt_id=attempt.pk)
