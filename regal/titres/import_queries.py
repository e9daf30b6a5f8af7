"""Questions about imports. Call them inside `tenant()`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet

from regal.lib.money import Money
from regal.lib.tenancy import HasKey
from regal.titres.import_states import ImportState, Verdict
from regal.titres.importers import places
from regal.titres.importers.base import Trouble, Weight
from regal.titres.models import Collector, Import, ImportLine, ImportSource, Titre
from regal.titres.states import State
from regal.titres.words import NAMES


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a worker is. `percent` is None where nobody can say."""

    state: ImportState
    lines: int
    percent: int | None


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What a report says in figures."""

    lines: Mapping[Verdict, int]  # of every verdict, 0 included
    warnings: int  # lines that can be written, and that somebody should look at
    new_total: Money  # of the titres that would be created

    @property
    def would_write(self) -> int:
        return sum(self.lines[one] for one in (Verdict.NEW, Verdict.CHANGED, Verdict.REDUCES))

    @property
    def lines_that_change(self) -> int:
        """Of titres that we have."""
        return self.lines[Verdict.CHANGED] + self.lines[Verdict.REDUCES]

    @property
    def would_stay_out(self) -> int:
        """Lines that a person must accept to leave out."""
        return self.lines[Verdict.ERROR] + self.lines[Verdict.CONFLICT]


@dataclass(frozen=True, kw_only=True)
class ReportedLine:
    """One line of a report, with the titre that it proposes and what is wrong with it."""

    number: int
    place: str
    verdict: Verdict
    troubles: tuple[Trouble, ...]
    cells: tuple[str, ...]  # where each trouble is, in the reader’s language; "": the whole line
    titre_number: str
    exercice: int | None
    reference: str
    label: str
    amount: Money | None
    issued_on: date | None
    due_on: date | None
    debtor: str
    product_id: int | None
    titre_id: int | None  # ours, that it was compared with


def sources_of(collectivite: HasKey, *, active_only: bool = True) -> QuerySet[ImportSource]:
    """The sources that an agent may choose, by name."""
    found = ImportSource.objects.of(collectivite).select_related("regie", "budget", "default_product")
    return (found.filter(is_active=True) if active_only else found).order_by("name")


def imports_of(collectivite: HasKey, *, source: ImportSource | None = None) -> QuerySet[Import]:
    """Newest first."""
    found = Import.objects.of(collectivite).select_related("source", "kept_by", "confirmed_by")
    return (found if source is None else found.filter(source=source)).order_by("-kept_at", "-pk")


def progress_of(import_: Import) -> Progress:
    """Where it stands now: asks the base again."""
    now = Import.objects.of(import_.collectivite).only("state", "lines_read", "bytes_read", "size").get(pk=import_.pk)
    state = ImportState(now.state)
    percent = min(99, now.bytes_read * 100 // max(1, now.size)) if state is ImportState.READING else None
    return Progress(state=state, lines=now.lines_read, percent=percent)


def totals_of(import_: Import) -> Totals:
    """The figures of its report, once it is read; they stay when its lines are gone."""
    counts = import_.counts
    return Totals(
        lines={verdict: int(counts.get(verdict.value, 0)) for verdict in Verdict},
        warnings=int(counts.get("warnings", 0)),
        new_total=import_.new_total or Money.zero,
    )


def has_lines(import_: Import) -> bool:
    """Whether its report may be read line by line: lines thrown away may wait for a worker, and are not shown."""
    return bool(import_.read_at) and import_.state not in (ImportState.DISCARDED, ImportState.REFUSED)


def lines_of(
    import_: Import, *, verdict: Verdict | None = None, warned: bool = False, after: int = 0, limit: int = 50
) -> list[ReportedLine]:
    """A page of the report, in the file's order: the lines whose number is beyond `after`.

    `warned`: only those with something to say. [] once they were purged.
    """
    found = ImportLine.objects.filter(
        collectivite=import_.collectivite_id, of_import=import_.pk, number__gt=after
    ).order_by("number")
    if verdict is not None:
        found = found.filter(verdict=verdict.value)
    if warned:
        found = found.filter(troubles__isnull=False)
    return [_reported(line, import_.head) for line in found[:limit]]


def troubles_of(import_: Import) -> tuple[Trouble, ...]:
    """What is wrong with the whole file, of one that is REFUSED; or what is said of its head."""
    if import_.error:
        return (_trouble(import_.error),)
    return _troubles(import_.head.get("troubles"))


def same_file_before(import_: Import) -> Import | None:
    """An earlier import of the same bytes by the same source, that is in the base: reading it again changes nothing."""
    return (
        Import.objects.of(import_.collectivite)
        .filter(source=import_.source_id, digest=import_.digest, state=ImportState.CONFIRMED)
        .exclude(pk=import_.pk)
        .order_by("-confirmed_at")
        .first()
    )


def titres_of(import_: Import) -> QuerySet[Titre]:
    """The titres that it brought, in the file's order."""
    return Titre.objects.filter(collectivite=import_.collectivite_id, origin=import_.pk).order_by("origin_line")


def _reported(line: ImportLine, head: Mapping[str, Any]) -> ReportedLine:
    troubles = _troubles(line.troubles)
    columns, meanings = head.get("columns", []), head.get("meanings", {})
    where = {"place": line.place, "number": line.number, "columns": columns, "meanings": meanings}
    return ReportedLine(
        number=line.number,
        place=places.said(line.place, line.number),
        verdict=Verdict(line.verdict),
        troubles=troubles,
        cells=tuple(places.cell(trouble, **where) for trouble in troubles),
        titre_number=line.titre_number,
        exercice=line.exercice,
        reference=line.reference,
        label=line.label,
        amount=line.amount,
        issued_on=line.issued_on,
        due_on=line.due_on,
        debtor=line.debtor_name,
        product_id=line.product_id,
        titre_id=line.titre_id,
    )


def _troubles(kept: Sequence[Mapping[str, Any]] | None) -> tuple[Trouble, ...]:
    return tuple(_trouble(one) for one in kept or ())


def _trouble(kept: Mapping[str, Any]) -> Trouble:
    said = {name: _in_words(name, value) for name, value in kept.get("said", {}).items() if value is not None}
    said |= {"value": said["cents"]} if "cents" in said else {}
    return Trouble(code=kept["code"], weight=Weight(kept["weight"]), where=kept.get("where", ""), said=said)


def _in_words(name: str, value: object) -> str:
    """What PostgreSQL said of a line, in words."""
    if name == "state":
        return str(NAMES[State(str(value))])
    if name == "collector":
        return str(Collector(str(value)).label)
    return str(Money(value)) if isinstance(value, int) else str(value)
