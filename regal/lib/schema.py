"""Whether the database is migrated as far as the code."""

from functools import cache

from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


def schema_is_current() -> bool:
    """Every migration of this code is applied. Raises DatabaseError."""
    return _schema_of_code() <= set(MigrationRecorder(connections["default"]).applied_migrations())


@cache
def _schema_of_code() -> frozenset[tuple[str, str]]:
    """Every migration of this code; it does not change while the process lives."""
    return frozenset(MigrationLoader(None).graph.nodes)
