"""The verbs of an import: keep a file, read it, write what it proposes whole, or throw it away; take it out again.

Every verb that a person asks is one transaction with its audit row. Reading is the worker's, by batches, each in a
transaction of its own, so that its progress shows. Writing is the worker's too, and undoing many titres: one
transaction each (`docs/decisions/0017`).
"""

import hashlib
import io
import logging
import traceback
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from types import EllipsisType
from typing import Any, BinaryIO, Protocol, cast

from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils.translation import gettext

from regal.agenda.operations import Turn, TurnLost, schedule, tries_of
from regal.audit.operations import record
from regal.collectivites.models import Budget, Product, Regie
from regal.gateways.base import DebtKind
from regal.lib import paris
from regal.lib.tenancy import HasKey, tenant
from regal.titres import holds, import_refusals, import_tables
from regal.titres.import_judging import Judge, as_json
from regal.titres.import_queries import totals_of
from regal.titres.import_states import WRITES, ForbiddenStep, ImportEvent, ImportState, Verdict, next_state
from regal.titres.importers.base import FileFormat, Head, NotThisFile, Reader, Trouble, Weight
from regal.titres.importers.columns import TableOptions
from regal.titres.models import Collector, Debtor, Import, ImportLine, ImportPiece, ImportSource, Titre
from regal.titres.states import State
from regal.titres.words import IMPORT_NAMES

logger = logging.getLogger("regal.titres")

READ_IMPORT = "read_import"
WRITE_IMPORT = "write_import"
UNDO_IMPORT = "undo_import"
FORGET_LINES = "forget_lines"
PIECE = 1024 * 1024
BATCH = 5_000  # lines read in one transaction
AT_ONCE = 5_000  # titres that are taken out, or lines that are forgotten, while an agent waits
KEPT_DAYS = 30
TRIES = 3  # when the base fails
OF_COLUMNS = "F54"  # codes of what an agent mends by choosing the columns again: the file is kept for that
LONGEST_SOURCE_NAME, LONGEST_NAME = 80, 120

Which = Callable[[int, Collection[int]], set[int]]
"""Of these titres of a collectivité, those of which something is true that `payments` knows.

`settled`: money came for them, `payments.queries.settled_titres`. `paying`: an attempt is live, `titres_being_paid`.
"""


class Open(Protocol):
    """How a file is opened: `importers.opening.open_file`."""

    def __call__(self, stream: BinaryIO, *, options: Mapping[str, object]) -> Reader: ...


def add_source(
    *,
    collectivite: HasKey,
    name: str,
    collector: Collector,
    regie: Regie | None = None,
    budget: Budget | None = None,
    file_format: FileFormat | None = None,
    options: Mapping[str, object] | None = None,
    default_product: Product | None = None,
    products: Mapping[str, int] | None = None,
    regie_codes: Sequence[str] = (),
    as_drafts: bool = False,
    now: datetime,
    actor_id: int | None = None,
) -> ImportSource:
    """Remember how a kind of file is read, and who collects its debts. Call it inside `tenant()`.

    `products`: the file's own codes, with our products' keys. Who collects never changes afterwards.
    Raises BadSourceName, SourceNameTaken, BadSource, BadOptions.
    """
    source = ImportSource(
        collectivite_id=collectivite.pk,
        name=_source_name(name),
        collector=collector,
        regie=regie,
        budget=budget,
        file_format=file_format.value if file_format else "",
        options=dict(options or {}),
        default_product=default_product,
        products=dict(products or {}),
        regie_codes=list(regie_codes),
        as_drafts=as_drafts,
    )
    if (regie is None) == (budget is None) or (collector == Collector.REGIE) != (regie is not None):
        raise import_refusals.BadSource
    _check_products(source)
    _check_options(source)
    _save_source(source)
    _record(source, "add_import_source", now, actor_id, after=_facts_of(source))
    return source


def hold_source(source: ImportSource) -> None:
    """Lock it until the transaction ends, and read it again: whoever changes it is waited for."""
    source.refresh_from_db(from_queryset=ImportSource.objects.select_for_update(of=("self",), no_key=True))


def change_source(
    *,
    source: ImportSource,
    name: str | None = None,
    file_format: FileFormat | str | None = None,
    options: Mapping[str, object] | None = None,
    default_product: Product | EllipsisType | None = ...,
    products: Mapping[str, int] | None = None,
    regie_codes: Sequence[str] | None = None,
    as_drafts: bool | None = None,
    is_active: bool | None = None,
    now: datetime,
    actor_id: int | None = None,
) -> ImportSource:
    """Change what is given, and nothing else; only what changes is checked. Call it inside `tenant()`.

    `file_format` "": whatever comes. `default_product` None: lines name theirs.
    What is made out of its former `options` or `products` is made after `hold_source`.

    Raises what `add_source` raises.
    """
    hold_source(source)
    before = _facts_of(source)
    changes: dict[str, object] = {
        "name": None if name is None else _source_name(name),
        "file_format": None if file_format is None else str(file_format),
        "options": None if options is None else dict(options),
        "products": None if products is None else dict(products),
        "regie_codes": None if regie_codes is None else list(regie_codes),
        "as_drafts": as_drafts,
        "is_active": is_active,
    }
    changes = {field: value for field, value in changes.items() if value is not None}
    if default_product is not ...:
        changes["default_product"] = default_product
    for field, value in changes.items():
        setattr(source, field, value)
    if changes.keys() & {"products", "default_product"}:  # one that moved to another régie must not keep it open
        _check_products(source)
    if "options" in changes:
        _check_options(source)
    _save_source(source, list(changes))
    _record(source, "change_import_source", now, actor_id, before=before, after=_facts_of(source))
    return source


def keep(
    *,
    source: ImportSource,
    name: str,
    chunks: Iterable[bytes],
    now: datetime,
    actor_id: int | None = None,
    ask: bool = True,
) -> Import:
    """Keep an upload, in pieces, and have a worker read it, unless not `ask`. Call it inside `tenant()`.

    `chunks`: of an upload, `file.chunks()`. The same bytes may come twice: `import_queries.same_file_before` tells.
    Raises FileTooLarge, EmptyFile.
    """
    largest = settings.IMPORT_MEGABYTES
    with transaction.atomic():
        import_ = Import(
            collectivite_id=source.collectivite_id,
            source=source,
            name=_file_name(name),
            digest="0" * 64,  # until its last byte has come
            size=0,
            kept_by_id=actor_id,
            kept_at=now,
        )
        digest, size = hashlib.sha256(), 0
        import_.save()
        for number, piece in enumerate(_pieces(chunks)):
            digest.update(piece)
            size += len(piece)
            if size > largest * PIECE:
                raise import_refusals.FileTooLarge(largest=largest)
            ImportPiece.objects.create(
                collectivite_id=source.collectivite_id, of_import=import_, number=number, content=piece
            )
        if not size:
            raise import_refusals.EmptyFile
        import_.digest, import_.size = digest.hexdigest(), size
        import_.save(update_fields=["digest", "size"])
        _record(import_, "keep_import", now, actor_id, after={"digest": import_.digest, "size": size})
        if ask:
            ask_reading(import_=import_, now=now)
    return import_


def ask_reading(*, import_: Import, now: datetime) -> None:
    """Have a worker read it (again). `keep` has done so already."""
    _have_done(import_, READ_IMPORT, now)


def read(
    collectivite_id: int,
    import_id: int,
    now: datetime,
    turn: Turn | None,
    *,
    settled: Which,
    paying: Which,
    open_file: Open,
    told: Callable[[int, int], None] | None = None,
) -> None:
    """The effect: read the whole file into its report. A reading that was cut begins again.

    Where our program fails, or the base three times, the file is refused. `turn` None: nobody else can be at it, and
    whoever calls hears of failures. `told`: hears of every batch, lines and bytes so far.
    """
    import_ = _begin(collectivite_id, import_id)
    if import_ is None:
        return
    try:
        _read_whole(import_, turn, now, settled=settled, paying=paying, open_file=open_file, told=told)
    except NotThisFile as refused:
        _refuse(import_, refused.trouble, turn, now)
    except TurnLost:
        raise
    except Exception as failure:
        if turn is None:
            raise
        tries = tries_of(collectivite_id=collectivite_id, kind=READ_IMPORT, subject_id=import_id)
        if not _is_final(failure, tries // 2):
            raise
        _log_failure(import_, failure)
        _refuse(import_, Trouble("F592", Weight.ERROR), turn, now)


def _read_whole(
    import_: Import,
    turn: Turn | None,
    now: datetime,
    *,
    settled: Which,
    paying: Which,
    open_file: Open,
    told: Callable[[int, int], None] | None,
) -> None:
    source, collectivite_id = import_.source, import_.collectivite_id
    pieces = Pieces(import_, turn)
    with io.BufferedReader(pieces, 256 * 1024) as stream:
        reader = open_file(cast(BinaryIO, stream), options=source.options)
        _check_head(reader.head, source)
        with tenant(collectivite_id):
            products = {one.pk: one for one in Product.objects.of(import_.collectivite).select_related("account")}
        judge = Judge(source=source, products=products, today=paris.today(now))
        lines, count = iter(reader.lines()), 0
        while rows := [judge.row(line) for line in islice(lines, BATCH)]:
            count += len(rows)
            with tenant(collectivite_id):
                if not _progress(import_, turn, lines_read=count, bytes_read=min(import_.size, pieces.furthest)):
                    return
                import_tables.insert_lines(import_=import_, rows=rows)
            if told is not None:
                told(count, pieces.furthest)
    with tenant(collectivite_id):
        if not _progress(import_, turn, file_format=reader.head.format.value, head=_head_as_json(reader.head)):
            return
        import_.lines_read = count
        import_tables.refuse_twice(import_=import_)
        import_tables.compare(import_=import_, source=source, now=now)
        import_tables.leave_out_unmatched(import_=import_)
        _refuse_touched(import_, settled, paying)
        import_.counts, import_.new_total = import_tables.tally(import_=import_)
        import_.read_at, import_.bytes_read = now, import_.size
        import_.state = next_state(ImportState.READING, ImportEvent.READ)
        import_.save(update_fields=["counts", "new_total", "read_at", "lines_read", "bytes_read", "state"])


def confirm(*, import_: Import, only_valid: bool, now: datetime, actor_id: int | None = None) -> Import:
    """Have a worker write what the report says: its state is WRITING, then CONFIRMED. Call it inside `tenant()`.

    What somebody pays, or decided otherwise, meanwhile is skipped and counted if `only_valid`; else it is
    PROPOSED again. Raises OtherStep, WrongLines (unless `only_valid`), NothingToWrite.
    """
    locked = _locked(import_)
    after = _next(locked, ImportEvent.ASKED)
    totals = totals_of(locked)
    if totals.would_stay_out and not only_valid:
        raise import_refusals.WrongLines(count=totals.would_stay_out)
    if not totals.would_write:
        raise import_refusals.NothingToWrite
    locked.state, locked.only_valid, locked.confirmed_by_id, locked.asked_at = after, only_valid, actor_id, now
    locked.error = {}
    locked.save(update_fields=["state", "only_valid", "confirmed_by", "asked_at", "error"])
    _record(locked, "confirm_import", now, actor_id, after={"only_valid": only_valid, **locked.counts})
    _have_done(locked, WRITE_IMPORT, now)
    return locked


def write(collectivite_id: int, import_id: int, now: datetime, *, settled: Which, paying: Which) -> None:
    """The effect: everything that the report proposes, in the caller's transaction, once compared again.

    Nothing is written, and it is PROPOSED again, where lines that the report announced would stay out now and nobody
    accepted that: the report is made again. So it is, as it was, where our program fails, or the base three times. A
    titre typed at the same instant under the same number makes it fail, and begin again.
    """
    _one_at_a_time(collectivite_id)
    import_ = _held(collectivite_id, import_id)
    if import_.state != ImportState.WRITING:
        return
    try:
        with transaction.atomic():
            _write_whole(import_, settled, paying, now)
    except _ChangedSince:
        import_tables.refuse_gone(import_=import_)
        import_tables.compare(import_=import_, source=import_.source, now=now)
        import_tables.leave_out_unmatched(import_=import_)
        _refuse_touched(import_, settled, paying)
        import_.counts, import_.new_total = import_tables.tally(import_=import_)
        _send_back(import_, "F593", now)
    except Exception as failure:
        tries = tries_of(collectivite_id=collectivite_id, kind=WRITE_IMPORT, subject_id=import_id)
        if not _is_final(failure, tries):
            raise
        _log_failure(import_, failure)
        _send_back(import_, "F594", now)


class _ChangedSince(Exception):
    """Lines that the report announced cannot be written any more, and nobody accepted that they stay out."""


def _write_whole(import_: Import, settled: Which, paying: Which, now: datetime) -> None:
    source, by, collectivite_id = import_.source, import_.confirmed_by_id, import_.collectivite_id
    import_tables.compare(import_=import_, source=source, now=now, is_written=True)
    holds.lock_all(collectivite_id=collectivite_id, titre_ids=import_tables.touched_titres(import_=import_))
    import_tables.refuse_gone(import_=import_)
    created = import_tables.write_new(import_=import_, source=source, now=now, actor_id=by)
    changes = totals_of(import_).lines_that_change
    if changes:
        import_tables.compare_again(import_=import_, source=source, now=now)  # reductions find what is new
        import_tables.leave_out_unmatched(import_=import_)
        _refuse_touched(import_, settled, paying)
    if not import_.only_valid and _staying_out(import_tables.tally(import_=import_)[0]) > _staying_out(import_.counts):
        raise _ChangedSince
    adjusted = 0
    if changes:
        reason = gettext("Import du fichier %(name)s") % {"name": import_.name}
        adjusted = import_tables.write_changes(import_=import_, source=source, reason=reason, now=now, actor_id=by)
    import_.created, import_.adjusted = created, adjusted
    import_.skipped = totals_of(import_).would_write - created - adjusted
    import_.state = next_state(ImportState.WRITING, ImportEvent.WRITTEN)
    import_.confirmed_at = now
    import_.save(update_fields=["created", "adjusted", "skipped", "state", "confirmed_at"])
    _forget_pieces(import_)
    after = {"created": created, "adjusted": adjusted, "skipped": import_.skipped}
    _record(import_, "write_import", now, by, after=after)


def _staying_out(counts: Mapping[str, int]) -> int:
    return sum(counts.get(verdict.value, 0) for verdict in Verdict if verdict not in (*WRITES, Verdict.UNCHANGED))


def _send_back(import_: Import, code: str, now: datetime) -> None:
    """PROPOSED again; its hour tells whoever has the former report on his screen."""
    import_.state = next_state(ImportState.WRITING, ImportEvent.SENT_BACK)
    import_.error, import_.read_at = as_json(Trouble(code, Weight.ERROR)), now
    import_.save(update_fields=["state", "error", "read_at", "counts", "new_total"])


def _is_final(failure: Exception, tries: int) -> bool:
    """Whether trying again is of no use: the base may be back, our program stays wrong."""
    return tries >= TRIES - 1 or not isinstance(failure, DatabaseFailure | OSError | MemoryError)


def _log_failure(import_: Import, failure: Exception) -> None:
    """Where it failed; what it says may name people."""
    frame = traceback.extract_tb(failure.__traceback__)[-1]
    kind = type(failure).__name__
    logger.error("import %s failed: %s at %s:%s", import_.pk, kind, frame.filename, frame.lineno)


def discard(*, import_: Import, now: datetime, actor_id: int | None = None, at_once: bool = False) -> Import:
    """Throw it away, pieces and lines: also while it is being read, or waits to be written; not while it is written.

    Many lines are forgotten by a worker a moment later, unless `at_once`. Call it inside `tenant()`. Raises OtherStep.
    """
    locked = _locked(import_, unless_at_work=True)
    locked.state, locked.ended_at = _next(locked, ImportEvent.DISCARDED), now
    locked.save(update_fields=["state", "ended_at"])
    _forget_pieces(locked)
    if at_once or locked.lines_read <= AT_ONCE:
        _forget_lines(locked)
    else:
        _have_done(locked, FORGET_LINES, now)
    _record(locked, "discard_import", now, actor_id)
    return locked


def forget_lines(collectivite_id: int, import_id: int, now: datetime) -> None:
    """The effect: the lines of what was thrown away name people, and go."""
    _forget_lines(Import.objects.get(collectivite=collectivite_id, pk=import_id, state=ImportState.DISCARDED))


def takes_long_to_undo(import_: Import) -> bool:
    """Whether a worker must undo it: `ask_undoing` rather than `undo`."""
    return import_.created + import_.adjusted > AT_ONCE


def ask_undoing(*, import_: Import, now: datetime, actor_id: int | None = None) -> Import:
    """Have a worker do what `undo` does: its state is UNDOING, then UNDONE; or CONFIRMED again, and `error` says why.

    Call it inside `tenant()`. Raises OtherStep.
    """
    locked = _locked(import_)
    locked.state, locked.undo_asked_by_id, locked.error = _next(locked, ImportEvent.UNDOING_ASKED), actor_id, {}
    locked.save(update_fields=["state", "undo_asked_by", "error"])
    _record(locked, "ask_undo_import", now, actor_id)
    _have_done(locked, UNDO_IMPORT, now)
    return locked


def undo_asked(collectivite_id: int, import_id: int, now: datetime, *, settled: Which, paying: Which) -> None:
    """The effect: take all its titres out, in the caller’s transaction; none where one was paid or changed since."""
    _one_at_a_time(collectivite_id)
    import_ = _held(collectivite_id, import_id)
    if import_.state != ImportState.UNDOING:
        return
    code = "F595"
    try:
        with transaction.atomic():
            _take_out(import_, settled, paying, now, import_.undo_asked_by_id)
    except (import_refusals.TouchedSince, import_refusals.DecidedSince):
        pass
    except Exception as failure:
        tries = tries_of(collectivite_id=collectivite_id, kind=UNDO_IMPORT, subject_id=import_id)
        if not _is_final(failure, tries):
            raise
        _log_failure(import_, failure)
        code = "F596"
    else:
        return
    import_ = _held(collectivite_id, import_id)
    import_.state = next_state(ImportState.UNDOING, ImportEvent.KEPT)
    import_.error = as_json(Trouble(code, Weight.ERROR))
    import_.save(update_fields=["state", "error"])


def undo(*, import_: Import, settled: Which, paying: Which, now: datetime, actor_id: int | None = None) -> Import:
    """Take its titres out of the base, while nothing of it was paid. Nothing is deleted; their numbers are free again.

    What it changed of other titres is changed back. Call it inside `tenant()`.
    Raises OtherStep, TouchedSince, DecidedSince.
    """
    _one_at_a_time(import_.collectivite_id)
    locked = _locked(import_)
    if locked.state == ImportState.UNDOING:  # a worker's, by now
        raise import_refusals.OtherStep(state=IMPORT_NAMES[ImportState.UNDOING])
    _take_out(locked, settled, paying, now, actor_id)
    return locked


def _take_out(import_: Import, settled: Which, paying: Which, now: datetime, actor_id: int | None) -> None:
    after = _next(import_, ImportEvent.UNDONE)
    touched = decided = 0
    for some in import_tables.standing_of(import_=import_, now=now):
        titre_ids = [titre_id for titre_id, _, _ in some]
        paid = {titre_id for titre_id, is_paid, _ in some if is_paid}
        for which in (settled, paying):
            paid |= which(import_.collectivite_id, titre_ids)
        touched += len(paid)
        decided += sum(is_decided for _, _, is_decided in some)
    if touched:
        raise import_refusals.TouchedSince(count=touched)
    if decided:
        raise import_refusals.DecidedSince(count=decided)
    reason = gettext("Import défait : %(name)s") % {"name": import_.name}
    gone = import_tables.withdraw(import_=import_, reason=reason, now=now, actor_id=actor_id)
    import_.state, import_.ended_at = after, now
    import_.save(update_fields=["state", "ended_at"])
    _record(import_, "undo_import", now, actor_id, after={"withdrawn": gone})


def tidy(*, collectivite: HasKey, now: datetime) -> None:
    """Forget who is named by what nobody confirmed in 30 days, and by lines and undone imports 30 days afterwards."""
    before = now - timedelta(days=KEPT_DAYS)
    ours = Import.objects.of(collectivite)
    waiting = [ImportState.RECEIVED, ImportState.READING, ImportState.PROPOSED, ImportState.REFUSED]
    asked_long_ago = Q(state=ImportState.WRITING, asked_at__lt=before)
    for import_ in ours.filter(Q(state__in=waiting, kept_at__lt=before) | asked_long_ago):
        with suppress(import_refusals.OtherStep):  # somebody is at it after all
            discard(import_=import_, now=now, at_once=True)
    done = ours.filter(state__in=[ImportState.CONFIRMED, ImportState.UNDONE], confirmed_at__lt=before)
    ImportLine.objects.of(collectivite).filter(of_import__in=done.values("pk")).delete()
    undone = ours.filter(state=ImportState.UNDONE, ended_at__lt=before)
    withdrawn = Titre.objects.of(collectivite).filter(status=State.WITHDRAWN, origin__in=undone.values("pk"))
    Debtor.objects.of(collectivite).filter(titre__in=withdrawn.values("pk")).delete()


class Pieces(io.RawIOBase):
    """An upload as a seekable stream: each piece is fetched when it is read, and one is kept in memory."""

    def __init__(self, import_: Import, turn: Turn | None) -> None:
        super().__init__()
        self._import, self._turn = import_, turn
        self._place, self._number, self._piece = 0, -1, b""
        self.furthest = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._import.size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, buffer: object) -> int:
        into = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        number, within = divmod(self._place, PIECE)
        if self._place >= self._import.size:
            return 0
        if number != self._number:
            self._fetch(number)
        some = self._piece[within : within + len(into)]
        into[: len(some)] = some
        self._place += len(some)
        self.furthest = max(self.furthest, self._place)
        return len(some)

    def _fetch(self, number: int) -> None:
        with tenant(self._import.collectivite_id):
            piece = ImportPiece.objects.get(
                collectivite=self._import.collectivite_id, of_import=self._import.pk, number=number
            )
            if self._turn is not None:  # a workbook is long to open: still at it
                self._turn.renew()
        self._number, self._piece = number, bytes(piece.content)


def _begin(collectivite_id: int, import_id: int) -> Import | None:
    """The import, READING from its first line; None if there is nothing to read any more."""
    with tenant(collectivite_id):
        import_ = (
            Import.objects.select_for_update(of=("self",), no_key=True)
            .select_related("source__regie__budget", "source__budget", "collectivite")
            .filter(collectivite=collectivite_id, pk=import_id)
            .first()
        )
        if import_ is None or import_.state not in (ImportState.RECEIVED, ImportState.READING):
            return None
        _forget_lines(import_)
        import_.state = next_state(ImportState(import_.state), ImportEvent.BEGUN)
        import_.lines_read = import_.bytes_read = 0
        import_.save(update_fields=["state", "lines_read", "bytes_read"])
    return import_


def _progress(import_: Import, turn: Turn | None, **what: object) -> bool:
    """Note how far the reading is, in the transaction of its batch; False if somebody discarded it meanwhile."""
    if turn is not None:
        turn.renew()
    ours = Import.objects.filter(collectivite=import_.collectivite_id, pk=import_.pk, state=ImportState.READING)
    if ours.update(**what):
        return True
    _forget_lines(import_)
    return False


def _check_head(head: Head, source: ImportSource) -> None:
    budget = source.budget or (source.regie.budget if source.regie else None)
    if head.siret and budget is not None and head.siret != budget.siret:
        raise NotThisFile(Trouble("F590", Weight.ERROR, "IdColl", {"filed": head.siret[:14], "ours": budget.siret}))
    if source.file_format and head.format.value != source.file_format:
        told = {"filed": head.format.value, "ours": source.file_format}
        raise NotThisFile(Trouble("F591", Weight.ERROR, "", told))


def _head_as_json(head: Head) -> dict[str, object]:
    told = {
        "encoding": head.encoding,
        "separator": head.separator,
        "columns": list(head.columns),
        "meanings": dict(head.meanings),
        "sheet": head.sheet,
        "siret": head.siret,
        "budget": head.budget,
        "troubles": [as_json(one) for one in head.troubles],
    }
    return {name: value for name, value in told.items() if value}


def _refuse(import_: Import, trouble: Trouble, turn: Turn | None, now: datetime) -> None:
    with tenant(import_.collectivite_id):
        refused = next_state(ImportState.READING, ImportEvent.UNREADABLE)
        if _progress(import_, turn, error=as_json(trouble), state=refused, ended_at=now):
            _forget_lines(import_)
            if not trouble.code.startswith(OF_COLUMNS):
                _forget_pieces(import_)


def _refuse_touched(import_: Import, settled: Which, paying: Which) -> None:
    for code, which in (("L323", settled), ("L321", paying)):
        touched = import_tables.touched_titres(import_=import_)
        if touched and (found := which(import_.collectivite_id, touched)):
            import_tables.refuse_touched(import_=import_, titre_ids=sorted(found), code=code)


def _forget_pieces(import_: Import) -> None:
    ImportPiece.objects.filter(collectivite=import_.collectivite_id, of_import=import_.pk)._raw_delete("default")


def _forget_lines(import_: Import) -> None:
    ImportLine.objects.filter(collectivite=import_.collectivite_id, of_import=import_.pk)._raw_delete("default")


def _one_at_a_time(collectivite_id: int) -> None:
    """Imports of one collectivité write one after the other: the second compares with what the first wrote."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('regal.imports'), %s::int)", [collectivite_id])


def _held(collectivite_id: int, import_id: int) -> Import:
    """The import, locked, as it is now: whoever is at it is waited for."""
    locking = Import.objects.select_for_update(of=("self",), no_key=True).select_related("source", "collectivite")
    return locking.get(collectivite=collectivite_id, pk=import_id)


def _have_done(import_: Import, kind: str, now: datetime) -> None:
    """Ask a worker for this, once more if it was done before."""
    schedule(collectivite_id=import_.collectivite_id, kind=kind, subject_id=import_.pk, due_at=now, now=now, again=True)


def _locked(import_: Import, *, unless_at_work: bool = False) -> Import:
    """`unless_at_work`: raises OtherStep rather than wait for whoever writes or undoes it."""
    ours = Import.objects.filter(collectivite=import_.collectivite_id, pk=import_.pk)
    state = ImportState(ours.values_list("state", flat=True).get())
    is_at_work = unless_at_work and state in (ImportState.WRITING, ImportState.UNDOING)
    locking = ours.select_for_update(of=("self",), no_key=True, skip_locked=is_at_work)
    locked = locking.select_related("source", "collectivite").first()
    if locked is None:
        raise import_refusals.OtherStep(state=IMPORT_NAMES[state])
    return locked


def _next(import_: Import, event: ImportEvent) -> ImportState:
    state = ImportState(import_.state)
    try:
        return next_state(state, event)
    except ForbiddenStep:
        raise import_refusals.OtherStep(state=IMPORT_NAMES[state]) from None


def _pieces(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """The same bytes, cut anew into whole pieces."""
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= PIECE:
            yield bytes(waiting[:PIECE])
            del waiting[:PIECE]
    if waiting:
        yield bytes(waiting)


def _source_name(name: str) -> str:
    kept = unicodedata.normalize("NFC", " ".join(name.split()))
    if not 0 < len(kept) <= LONGEST_SOURCE_NAME or not kept.isprintable():
        raise import_refusals.BadSourceName(longest=LONGEST_SOURCE_NAME)
    return kept


def _file_name(name: str) -> str:
    plain = "".join(sign for sign in name.replace("\\", "/").rpartition("/")[2] if sign.isprintable())
    return " ".join(plain.split())[:LONGEST_NAME] or "?"


def _check_products(source: ImportSource) -> None:
    """Every product is collected by whom the source says: money must not reach the other's account (I-41)."""
    keys = set(source.products.values())
    if source.default_product_id is not None:
        keys.add(source.default_product_id)
    found = Product.objects.filter(collectivite=source.collectivite_id, pk__in=keys).select_related("account")
    ours = {
        product.pk
        for product in found
        if (product.account.regie_id, product.account.budget_id) == (source.regie_id, source.budget_id)
        and (product.debt_kind == DebtKind.REGIE) == (source.collector == Collector.REGIE)
    }
    if keys - ours:
        raise import_refusals.BadSource


def _check_options(source: ImportSource) -> None:
    """Whatever its format is: it may be another one tomorrow."""
    if not isinstance(source.options.get("several_years", False), bool):
        raise import_refusals.BadOptions(option="several_years")
    try:
        TableOptions.of(source.options)
    except ValueError as wrong:
        raise import_refusals.BadOptions(option=str(wrong)) from None


def _save_source(source: ImportSource, fields: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            source.save(update_fields=fields)
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) != "titres_source_once":
            raise
        raise import_refusals.SourceNameTaken from None


def _facts_of(source: ImportSource) -> dict[str, object]:
    return {
        "name": source.name,
        "collector": source.collector,
        "regie": source.regie_id,
        "budget": source.budget_id,
        "file_format": source.file_format,
        "default_product": source.default_product_id,
        "products": source.products,
        "regie_codes": source.regie_codes,
        "as_drafts": source.as_drafts,
        "is_active": source.is_active,
        "columns": _ranks(source.options),
    }


def _ranks(options: Mapping[str, Any]) -> dict[str, int]:
    """Which column says what, by its rank from 1: a name may be somebody's, in a file without titles. 0 if unknown."""
    seen = options.get("seen") or []
    return {
        meaning: seen.index(column) + 1 if column in seen else 0
        for meaning, column in (options.get("columns") or {}).items()
        if column
    }


def _record(
    row: ImportSource | Import,
    action: str,
    now: datetime,
    actor_id: int | None,
    *,
    before: object = None,
    after: object = None,
) -> None:
    kind = "import_source" if isinstance(row, ImportSource) else "import"
    record(
        collectivite=row.collectivite,
        action=action,
        subject=f"{kind} {row.pk}",
        before=before,
        after=after,
        now=now,
        actor_id=actor_id,
    )
