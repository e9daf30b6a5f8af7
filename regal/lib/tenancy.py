"""Whose rows these are: the tenant of a database transaction, and what every tenant's table has in common.

The tenant is a collectivité, known here by its number only. Two walls stand one behind the other: querysets begin with
`.of(collectivite)`, and PostgreSQL's row-level security shows the application's role only the rows of the tenant set
by `tenant()`. The policies are written in the migrations.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, Self, TypeVar

from django.db import connections, models, transaction


class HasKey(Protocol):
    """Anything with a primary key: a collectivité."""

    pk: Any


@contextmanager
def tenant(collectivite: HasKey | int, *, using: str = "default") -> Iterator[None]:
    """Open a transaction (or a savepoint) that sees one collectivité's rows; the former tenant comes back on leaving.

    Never hold it open while asking a gateway: the question stands between two such blocks.
    """
    key = collectivite if isinstance(collectivite, int) else int(collectivite.pk)
    is_outermost = not connections[using].in_atomic_block
    with transaction.atomic(using=using):
        former = _exchange(str(key), using)
        yield
        # The end of the transaction forgets the setting by itself; so does an exception, by rolling the savepoint back.
        if not is_outermost:
            _exchange(former, using)


def _exchange(value: str, using: str) -> str:
    """Set this transaction's tenant; the value before. One round trip."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "WITH former AS MATERIALIZED (SELECT coalesce(current_setting('regal.tenant', true), '') AS value)"
            " SELECT value, set_config('regal.tenant', %s::text, true) FROM former",
            [value],
        )
        row = cursor.fetchone()
    return str(row[0])


_M = TypeVar("_M", bound=models.Model, covariant=True)


class TenantQuerySet(models.QuerySet[_M]):
    """Questions about one collectivité's rows."""

    def of(self, collectivite: HasKey) -> Self:
        """Only the rows of this collectivité: the first word of every query."""
        return self.filter(collectivite=collectivite.pk)


class TenantForeignKey(models.ForeignKey[Any, Any]):
    """A key to another row of the same collectivité.

    PostgreSQL checks the pair (collectivite_id, id), written in the migration; Django's own single-column constraint
    would let a row point into another town.
    """

    def __init__(self, to: Any, on_delete: Any = models.PROTECT, **options: Any) -> None:
        options["db_constraint"] = False
        options.setdefault("related_name", "+")
        super().__init__(to, on_delete, **options)


class TenantModel(models.Model):
    """A row that belongs to a collectivité."""

    collectivite = models.ForeignKey("collectivites.Collectivite", models.PROTECT, related_name="+")

    objects = TenantQuerySet.as_manager()

    class Meta:
        abstract = True
