"""How else a régie may be paid, as its notices say."""

from datetime import datetime

from regal.audit.operations import record
from regal.backoffice import refusals
from regal.collectivites.models import Collectivite, Regie
from regal.lib.canonical import digest
from regal.lib.card_numbers import holds_card_number
from regal.lib.tenancy import tenant

LONGEST = 400


def version_of(regies: list[Regie]) -> str:
    """Another one after each change of one of the texts."""
    return digest({str(regie.pk): regie.other_means for regie in regies})[:16]


def regies_of(collectivite: Collectivite) -> list[Regie]:
    """All of them. Call it inside `tenant()`."""
    return list(Regie.objects.of(collectivite).order_by("name", "pk"))


def change_other_means(
    *, collectivite: Collectivite, texts: dict[int, str], seen: str, now: datetime, actor_id: int | None = None
) -> None:
    """The text of each régie, by its key; `seen` is the version that the person changes.

    Raises TextTooLong, CardNumber, ChangedMeanwhile.
    """
    clean = {key: _cleaned(key, text) for key, text in texts.items()}
    with tenant(collectivite):
        locked = list(Regie.objects.of(collectivite).select_for_update(of=("self",)).order_by("name", "pk"))
        if seen != version_of(locked):
            raise refusals.ChangedMeanwhile
        for regie in locked:
            before, after = regie.other_means, clean.get(regie.pk, regie.other_means)
            if before == after:
                continue
            regie.other_means = after
            regie.save(update_fields=["other_means"])
            record(
                collectivite=collectivite,
                action="change_other_means",
                subject=f"regie {regie.pk}",
                before={"other_means": before},
                after={"other_means": after},
                now=now,
                actor_id=actor_id,
            )


def field_of(regie_id: int) -> str:
    """What its form calls the text of a régie."""
    return f"autres_{regie_id}"


def _cleaned(regie_id: int, text: str) -> str:
    """Its lines, without blank ones."""
    lines = ("".join(sign if sign.isprintable() else " " for sign in line).strip() for line in text.splitlines())
    clean = "\n".join(line for line in lines if line)
    if len(clean) > LONGEST:
        raise refusals.TextTooLong(longest=LONGEST, field=field_of(regie_id))
    if holds_card_number(clean):
        raise refusals.CardNumber(field=field_of(regie_id))
    return clean
