"""Fixtures of the tests that use the database; loaded by `tests.database`, which says how it is laid out.

- `db` (pytest-django's): the test runs in a transaction that is rolled back.
- `committed_db`: the test commits for real; afterwards the rows it made are deleted.
- `database_environment`: what a process that the test starts needs to find the same database.
- `embedded_server`: the server itself, for a test that needs one more database.
"""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from regal.lib.embedded_postgres import EmbeddedPostgres
from tests.database import TEMPLATE, VARIABLES, close_connections, lead_django_to, put_connections_away, server_of


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest, django_test_environment: None, django_db_blocker: Any
) -> Iterator[None]:
    """Copy the template for this worker and lead Django there."""
    server = server_of(request.config)
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    name = f"regal_test_{worker}"
    server.create_database_from_template(name, TEMPLATE)
    lead_django_to(server.connections, name)
    yield
    with django_db_blocker.unblock():
        close_connections()
    server.drop_database(name)


@pytest.fixture(scope="session")
def database_environment(django_db_setup: None) -> dict[str, str]:
    """The environment variables that lead another process to this worker's database."""
    return {variable: os.environ[variable] for variable in VARIABLES}


@pytest.fixture(scope="session")
def embedded_server(request: pytest.FixtureRequest, django_db_setup: None) -> EmbeddedPostgres:
    return server_of(request.config)


@pytest.fixture(scope="session")
def emptier(embedded_server: EmbeddedPostgres) -> Iterator["Emptier"]:
    database = connections.databases["default"]["NAME"]
    emptier = Emptier(embedded_server.connections.url("postgres", database))
    yield emptier
    emptier.close()


@pytest.fixture
def committed_db(request: pytest.FixtureRequest, emptier: "Emptier", django_db_blocker: Any) -> Iterator[None]:
    """Let the test commit; delete afterwards what it left."""
    if {"db", "transactional_db"} & set(request.fixturenames):
        raise pytest.UsageError("committed_db does not go with db: the test would not commit")
    with django_db_blocker.unblock():
        yield
        put_connections_away()
        emptier.empty()


class Emptier:
    """Deletes every row that the migrations did not make, past the triggers that keep books from being altered.

    It stays connected, as the superuser, whom triggers and foreign keys can be off for: as the owner each emptying
    altered the tables, after which all connections read the whole catalogue again.
    """

    def __init__(self, superuser_url: str) -> None:
        self._connection = psycopg.connect(superuser_url, autocommit=True)
        self._connection.execute("SET lock_timeout = '10s'")  # a connection left open by the test: better an error
        self._connection.execute("SET session_replication_role = replica")
        names = self._connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        tables = [row[0] for row in names]
        self._which_are_filled = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {}::text WHERE EXISTS (SELECT 1 FROM {})").format(sql.Literal(table), sql.Identifier(table))
            for table in tables
        )
        self._first_rows = {table: self._rows(table) for table in (self._filled() if tables else ())}

    def empty(self) -> None:
        with self._connection.transaction():
            filled = self._filled()
            if filled:  # a row that is still being written would come after they are empty
                names = sql.SQL(", ").join(map(sql.Identifier, filled))
                self._connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(names))
            for table in filled:
                if table not in self._first_rows:
                    self._connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)), prepare=True)
                elif len(self._rows(table)) != len(self._first_rows[table]):
                    self._connection.execute(
                        sql.SQL("DELETE FROM {} t WHERE NOT t::text = ANY(%s)").format(sql.Identifier(table)),
                        [self._first_rows[table]],
                    )

    def close(self) -> None:
        self._connection.close()

    def _filled(self) -> list[str]:
        return [row[0] for row in self._connection.execute(self._which_are_filled, prepare=True)]

    def _rows(self, table: str) -> list[str]:
        """Rows as text: a migration's rows are few."""
        rows = self._connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table)))
        return [row[0] for row in rows]
