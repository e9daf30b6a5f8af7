"""What may only grow: stopped by rights for the application, and by triggers even for the owner of the tables."""

import pytest
from django.db import DatabaseError, connections, transaction

from regal.cases.models import Kind
from regal.cases.operations import look_at, open_case
from regal.lib.tenancy import tenant
from regal.payments.models import TransactionSeen
from regal.proof.walls import APPEND_ONLY_TABLES
from tests import cast, files, notices
from tests.database import close_connections


class TestAppendOnly:
    """By rights, for the application; by triggers, even for the owner of the tables."""

    @pytest.fixture(scope="class")
    def filled(self, emptier, django_db_blocker):
        with django_db_blocker.unblock():
            town = cast.make_saint_aubin()
            attempt = cast.start(town).attempt
            notices.tell(town, attempt, notices.form(town, attempt))
            proved = notices.hear(town, attempt)
            titre = cast.make_titre(cast.make_canteen(town))
            cast.reduce(titre)
            notices.pay(town, titre)
            gone = cast.make_titre(titre.product, reference="FC2026000043")
            cast.receive_and_reverse(gone)
            cast.acknowledge(cast.receive(gone))
            with tenant(town.collectivite):
                line = files.keep_line(town, proved)
                files.keep_state(line.file, cast.make_comptable_titre(town))
                case = open_case(
                    collectivite_id=town.collectivite.pk,
                    kind=Kind.CONTRADICTION,
                    subject_kind="attempt",
                    subject_id=attempt.pk,
                    rule="test",
                    facts={},
                    now=cast.MORNING,
                )
                look_at(case=case, user=town.agent, now=cast.MORNING)
            TransactionSeen.objects.create(digest="x", account_id=1, attempt_id=1, seen_at=cast.MORNING)
            yield town
            close_connections()
            emptier.empty()

    @pytest.mark.parametrize("table", APPEND_ONLY_TABLES)
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE {table} SET id = id",
            "DELETE FROM {table}",
            "TRUNCATE {table} CASCADE",
            "ALTER TABLE {table} DISABLE TRIGGER ALL",
            "DROP TABLE {table} CASCADE",
        ],
    )
    def test_the_application_may_not(self, filled, table, statement):
        with (
            pytest.raises(DatabaseError, match=r"permission denied|must be owner"),
            tenant(filled.collectivite),
            connections["default"].cursor() as cursor,
        ):
            cursor.execute(statement.format(table=table))

    @pytest.mark.parametrize("table", [table for table in APPEND_ONLY_TABLES if not table.startswith("audit")])
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE {table} SET id = id",
            "DELETE FROM {table}",
            "TRUNCATE {table} CASCADE",
        ],
    )
    def test_the_owner_is_stopped_by_triggers(self, filled, table, statement):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(using="owner"),
            connections["owner"].cursor() as cursor,
        ):
            cursor.execute(statement.format(table=table))

    @pytest.mark.parametrize(
        "columns",
        ["body = NULL", "query = NULL", "body = NULL, query = NULL, digest = 'x'", "body = '', query = NULL"],
    )
    def test_the_owner_may_purge_whole_messages_and_nothing_else(self, filled, columns):
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(using="owner"):
                cursor.execute(f"UPDATE payments_inboxmessage SET {columns}")
            cursor.execute("UPDATE payments_inboxmessage SET body = NULL, query = NULL")
            assert cursor.rowcount == 1
            transaction.set_rollback(True, using="owner")
