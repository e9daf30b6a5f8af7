"""The databases that the tests work in are what the other tests believe (`tests/database.py`)."""

import psycopg
import pytest
from django.db import connections


def who(alias):
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_user")
        return cursor.fetchone()[0]


class TestRoles:
    @pytest.mark.django_db(databases=["default", "owner", "verify"])
    @pytest.mark.parametrize(
        ("alias", "role"), [("default", "regal_app"), ("owner", "regal_owner"), ("verify", "regal_verify")]
    )
    def test_each_alias_has_the_role_it_has_in_production(self, alias, role):
        assert who(alias) == role

    def test_another_process_finds_the_same_database(self, database_environment):
        with psycopg.connect(database_environment["DATABASE_URL"]) as connection:
            row = connection.execute("SELECT current_user, current_database()").fetchone()
        assert row is not None
        assert row[0] == "regal_app"
        assert row[1].startswith("regal_test_")


class TestCommittedRows:
    """A table with a child, a trigger that forbids deletion, and one row that a migration would have made."""

    @pytest.fixture
    def scratch(self, database_environment, embedded_server):
        from tests.database_fixtures import Emptier

        embedded_server.create_database("scratch")
        url = embedded_server.connections.url("regal_owner", "scratch")
        with psycopg.connect(url) as owner:
            owner.execute("CREATE TABLE parent (id int PRIMARY KEY)")
            owner.execute("CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent)")
            owner.execute("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$")
            owner.execute("CREATE TRIGGER kept BEFORE DELETE ON child EXECUTE FUNCTION refuse()")
            owner.execute("INSERT INTO parent VALUES (0)")
        emptier = Emptier(embedded_server.connections.url("postgres", "scratch"))
        with psycopg.connect(url, autocommit=True) as owner:
            yield owner, emptier
        emptier.close()
        embedded_server.drop_database("scratch")

    def test_are_deleted_with_triggers_off(self, scratch):
        owner, emptier = scratch
        owner.execute("INSERT INTO parent VALUES (1)")
        owner.execute("INSERT INTO child VALUES (1, 1)")
        emptier.empty()
        assert owner.execute("SELECT count(*) FROM child").fetchone() == (0,)

    def test_of_a_migration_stay(self, scratch):
        owner, emptier = scratch
        owner.execute("INSERT INTO parent VALUES (1)")
        emptier.empty()
        assert owner.execute("SELECT id FROM parent").fetchall() == [(0,)]

    def test_leave_the_triggers_on(self, scratch):
        owner, emptier = scratch
        owner.execute("INSERT INTO child VALUES (1, 0)")
        emptier.empty()
        owner.execute("INSERT INTO child VALUES (2, 0)")
        with pytest.raises(psycopg.errors.RaiseException):
            owner.execute("DELETE FROM child")
