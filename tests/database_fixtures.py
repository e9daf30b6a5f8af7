"""Fixtures of the tests that use the database; loaded by `tests.database`, which says how it is laid out.

- `db` (pytest-django's): the test runs in a transaction that is rolled back.
- `committed_db`: the test commits for real; afterwards the rows it made are deleted, as the owner.
- `database_environment`: what a process that the test starts needs to find the same database.
- `embedded_server`: the server itself, for a test that needs one more database.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

import psycopg
import pytest
from psycopg import sql

from regal.lib.embedded_postgres import EmbeddedPostgres
from tests.database import TEMPLATE, VARIABLES, close_connections, lead_django_to, server_of


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
def emptier(django_db_setup: None) -> "Emptier":
    return Emptier(os.environ["DATABASE_OWNER_URL"])


@pytest.fixture
def committed_db(request: pytest.FixtureRequest, emptier: "Emptier", django_db_blocker: Any) -> Iterator[None]:
    """Let the test commit; delete afterwards what it left."""
    if {"db", "transactional_db"} & set(request.fixturenames):
        raise pytest.UsageError("committed_db does not go with db: the test would not commit")
    with django_db_blocker.unblock():
        yield
        close_connections()
        emptier.empty()


class Emptier:
    """Deletes every row that the migrations did not make: by DELETE, children first, as the owner of the tables.

    The triggers that keep books from being altered are off meanwhile; foreign keys stay on.
    """

    def __init__(self, owner_url: str) -> None:
        self._owner_url = owner_url
        with psycopg.connect(owner_url) as connection:
            self._tables = _tables_children_first(connection)
            self._first_rows = {table: self._rows(connection, table) for table in self._filled(connection)}

    def empty(self) -> None:
        with psycopg.connect(self._owner_url) as connection:
            connection.execute("SET lock_timeout = '10s'")  # a connection left open by the test: better an error
            filled = [table for table in self._filled(connection) if self._has_new_rows(connection, table)]
            triggers = _triggers(connection, filled)
            for table, _, _ in triggers:
                connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))
            connection.execute("SET CONSTRAINTS ALL DEFERRED")
            for table in filled:
                self._delete(connection, table)
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table, trigger, how in triggers:
                connection.execute(
                    sql.SQL("ALTER TABLE {} {} TRIGGER {}").format(
                        sql.Identifier(table), sql.SQL(how), sql.Identifier(trigger)
                    )
                )

    def _filled(self, connection: psycopg.Connection) -> list[str]:
        if not self._tables:
            return []
        questions = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {}::text WHERE EXISTS (SELECT 1 FROM {})").format(sql.Literal(table), sql.Identifier(table))
            for table in self._tables
        )
        filled = {row[0] for row in connection.execute(questions)}
        return [table for table in self._tables if table in filled]

    def _rows(self, connection: psycopg.Connection, table: str) -> list[str]:
        """Rows as text: a migration's rows are few, and any change to one is seen."""
        rows = connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table)))
        return [row[0] for row in rows]

    def _has_new_rows(self, connection: psycopg.Connection, table: str) -> bool:
        first = self._first_rows.get(table)
        return first is None or len(self._rows(connection, table)) != len(first)

    def _delete(self, connection: psycopg.Connection, table: str) -> None:
        connection.execute(
            sql.SQL("DELETE FROM {} t WHERE NOT t::text = ANY(%s)").format(sql.Identifier(table)),
            [self._first_rows.get(table, [])],
        )


def _tables_children_first(connection: psycopg.Connection) -> list[str]:
    tables = {
        row[0]: row[1]
        for row in connection.execute(
            "SELECT oid, relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
    }
    parents: dict[str, set[str]] = defaultdict(set)
    for child, parent in connection.execute("SELECT conrelid, confrelid FROM pg_constraint WHERE contype = 'f'"):
        if child in tables and parent in tables and child != parent:
            parents[tables[child]].add(tables[parent])
    order = TopologicalSorter({table: parents[table] for table in sorted(tables.values())})
    return list(reversed(list(order.static_order())))


def _triggers(connection: psycopg.Connection, tables: list[str]) -> list[tuple[str, str, str]]:
    """The triggers of these tables that are on, and how to put each on again."""
    return [
        (table, trigger, "ENABLE ALWAYS" if enabled == "A" else "ENABLE REPLICA" if enabled == "R" else "ENABLE")
        for table, trigger, enabled in connection.execute(
            "SELECT relname, tgname, tgenabled FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
            " WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)"
            " AND NOT tgisinternal AND tgenabled <> 'D'",
            [tables],
        )
    ]
