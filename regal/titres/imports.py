"""The verbs of an import: keep a file, read it, write what it proposes whole, or throw it away; take it out again.

Every verb that a person asks is one transaction with its audit row. Reading is the worker's, by batches, each in a
transaction of its own, so that its progress shows. Writing is one transaction: `docs/decisions/0017`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO

from regal.collectivites.models import Budget, Product, Regie
from regal.lib.tenancy import HasKey
from regal.titres.importers.base import FileFormat, Reader
from regal.titres.models import Collector, Import, ImportSource

READ_IMPORT = "read_import"
WRITE_IMPORT = "write_import"
PIECE = 1024 * 1024
LONGEST_SOURCE_NAME, LONGEST_NAME = 80, 120

Settled = Callable[[int, Collection[int]], set[int]]
"""Of these titres of a collectivité, those that a settlement was allocated to: `payments` knows."""

Open = Callable[[BinaryIO, FileFormat | None, Mapping[str, object]], Reader]
"""How a file is opened: `importers.opening.open_file` in real life."""


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
    Raises BadSourceName, SourceNameTaken, BadSource.
    """
    raise NotImplementedError


def change_source(
    *,
    source: ImportSource,
    now: datetime,
    actor_id: int | None = None,
    **changes: Any,
) -> ImportSource:
    """Change name, file_format, options, default_product, products, regie_codes, as_drafts or is_active.

    Raises what `add_source` raises.
    """
    raise NotImplementedError


def keep(
    *, source: ImportSource, name: str, chunks: Iterable[bytes], now: datetime, actor_id: int | None = None
) -> Import:
    """Keep an upload, in pieces, and have a worker read it. Call it inside `tenant()`.

    `chunks`: of an upload, `file.chunks()`. The same bytes may come twice: `import_queries.same_file_before` tells.
    Raises FileTooLarge, EmptyFile.
    """
    raise NotImplementedError


def ask_reading(*, import_: Import, now: datetime) -> None:
    """Have a worker read it (again). `keep` has done so already."""
    raise NotImplementedError


def confirm(*, import_: Import, only_valid: bool, now: datetime, actor_id: int | None = None) -> Import:
    """Have a worker write what the report says: its state is WRITING, then CONFIRMED. Call it inside `tenant()`.

    If something changed meanwhile so that it cannot be written as it was read, it is PROPOSED again with a new report.
    Raises OtherStep, WrongLines (unless `only_valid`), NothingToWrite.
    """
    raise NotImplementedError


def discard(*, import_: Import, now: datetime, actor_id: int | None = None) -> Import:
    """Throw it away, pieces and lines: also while it is being read. Raises OtherStep."""
    raise NotImplementedError


def undo(*, import_: Import, settled: Settled, now: datetime, actor_id: int | None = None) -> Import:
    """Take its titres out of the base, while nothing of it was paid. Nothing is deleted; their numbers are free again.

    `settled`: `payments.queries.settled_titres`. Raises OtherStep, TouchedSince, DecidedSince.
    """
    raise NotImplementedError


def tidy(*, collectivite: HasKey, now: datetime) -> None:
    """Forget what nobody confirmed in 30 days, and the lines of what ended 30 days ago: they name people."""
    raise NotImplementedError
