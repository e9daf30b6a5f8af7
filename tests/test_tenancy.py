"""Two towns never see each other: not through any table, any key, any route; with the code's own filter, and without.

These tests commit: `SET LOCAL` survives a savepoint that is released, so in one transaction they would pass falsely.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction
from django.test import Client, override_settings

from regal.audit import operations as audit
from regal.audit.models import Letter
from regal.backoffice import staff, visits
from regal.backoffice.administration import set_look
from regal.cases.models import Kind
from regal.cases.operations import look_at, open_case
from regal.checkout import pages
from regal.checkout.look import colours_digest
from regal.collectivites.models import (
    AccountSecret,
    Adhesion,
    AllowedOrigin,
    Budget,
    GatewayAccount,
    Regie,
    RoutingChange,
)
from regal.gateways.base import DebtKind, Environment
from regal.lib import paris, tokens
from regal.lib.money import Money
from regal.lib.policy import Tenant
from regal.lib.tenancy import TenantForeignKey, TenantModel, TenantQuerySet, tenant
from regal.notices.models import NoticeBatch, NoticePiece
from regal.payments.models import Attempt, Evidence, Settlement
from regal.people.models import Membership, Role, User
from regal.receipts.models import Ticket
from regal.reconciliation.models import DepositedFile
from regal.titres.links import link_token
from regal.titres.models import (
    Collector,
    DocumentKind,
    GroupAct,
    Import,
    ImportLine,
    ImportPiece,
    ImportSource,
    Titre,
    TitreGroup,
    TitreGroupLine,
)
from regal.titres.states import State as TitreState
from tests import cast, files, notices, pictures
from tests.cast import MORNING, Town
from tests.database import close_connections
from tests.routes import Route, all_routes

MODELS = [model for model in apps.get_models() if issubclass(model, TenantModel)]
KEYS = [(model, field) for model in MODELS for field in model._meta.local_fields if isinstance(field, TenantForeignKey)]


def name_of(value: Any) -> str:
    return value.__name__ if isinstance(value, type) else str(value)


class Neighbours:
    """Saint-Aubin and the town next door, each with rows in every table."""

    def __init__(self) -> None:
        self.saint_aubin, self.next_town = cast.make_saint_aubin(), cast.make_next_town()
        self.handles: dict[int, str] = {}
        self.notification_tokens: dict[int, str] = {}
        self.attempts: dict[int, Attempt] = {}
        self.cases: dict[int, int] = {}
        self.titres: dict[int, Titre] = {}
        self.imports: dict[int, Import] = {}
        self.comptable_titres: dict[int, Titre] = {}
        self.received: dict[int, int] = {}
        self.groups: dict[int, int] = {}
        self.quittances: dict[int, int] = {}
        self.pieces: dict[int, NoticePiece] = {}
        self.askable: dict[int, Attempt] = {}  # of a gateway that can be asked
        self.origins: dict[int, int] = {}
        self.files: dict[int, DepositedFile] = {}
        self.cards: dict[int, str] = {}  # the number of a contract of Paybox
        self.memberships: dict[int, int] = {}
        self.operator = User.objects.create_user(identifier="olga", email="olga@example.org", is_operator=True)
        for town in (self.saint_aubin, self.next_town):
            self._fill(town)
        self.chief = cast.make_agent(self.saint_aubin, "paul", Role.ADMINISTRATOR)  # no route asks for a higher role

    def _fill(self, town: Town) -> None:
        """A new table needs a row here."""
        key = town.collectivite.pk
        self.handles[key] = tokens.new_token()
        started = cast.start(town, handle=self.handles[key])
        url = started.hand_off.url
        self.notification_tokens[key] = url.partition(f"%2Fs%2Fn%2F{key}%2F")[2][: tokens.TOKEN_LENGTH]
        self.attempts[key] = started.attempt
        notices.tell(town, started.attempt, notices.form(town, started.attempt))
        notices.hear(town, started.attempt)
        main_colour = "#0b5563" if town is self.saint_aubin else "#6b2d3c"
        logo = pictures.picture(main_colour)
        set_look(collectivite=town.collectivite, main_colour=main_colour, logo=logo, now=MORNING)
        town.collectivite.refresh_from_db()
        with tenant(town.collectivite):
            town.product.slug = f"eau-{key}"
            town.product.save(update_fields=["slug"])
            town.account.notification_digest = tokens.digest(self.notification_tokens[key])  # one token for both routes
            town.account.save(update_fields=["notification_digest"])
            self.origins[key] = AllowedOrigin.objects.get().pk
            budget = Budget.objects.get()
            regie = Regie.objects.create(collectivite=town.collectivite, budget=budget, name="Cantine", number="1")
            of_the_regie = GatewayAccount.objects.create(
                collectivite=town.collectivite,
                gateway="payfip_url",
                debt_kind=DebtKind.REGIE,
                environment="test",
                identifier=f"9{key:05d}",
                regie=regie,
            )
            self._keep_titres(town)
            self.files[key] = files.keep_line(town, Evidence.objects.latest("pk")).file
            files.keep_state(self.files[key], self.comptable_titres[key])
            files.keep_statement(town, of_the_regie)
            self.cards[key] = f"{5_000_000 + key}-01-649015328"  # a site is one town's
            cast.make_product(
                town,
                DebtKind.REGIE,
                slug=f"musee-{key}",
                numcli=self.cards[key],
                gateway="paybox",
                environment=Environment.PRODUCTION,
            )
            AccountSecret.objects.create(
                collectivite=town.collectivite, account=town.account, name="x", sealed="x", key_version="x"
            )
            act = audit.record(collectivite=town.collectivite, action="look", subject="attempt 1", now=MORNING)
            Letter.objects.create(collectivite=town.collectivite, entry=act, recipient=town.agent, at=MORNING)
            membership = Membership.objects.of(town.collectivite).select_related("user", "collectivite").get()
            self.memberships[key] = membership.pk
            staff.invite_again(membership=membership, now=MORNING)
            visits.open_visit(
                collectivite=town.collectivite,
                operator=self.operator,
                reason="Une question",
                role=Role.AGENT,
                now=MORNING,
            )
            Adhesion.objects.create(collectivite=town.collectivite, gateway="payfip_url", identifier="x")
            RoutingChange.objects.create(
                collectivite=town.collectivite,
                kind=RoutingChange.Kind.OPEN_PRODUCTION,
                gateway="payfip_url",
                identifier=town.account.identifier,
                needs_operator=False,
                asked_by=town.agent,
                asked_at=MORNING,
                effective_at=MORNING,
            )
            case = open_case(
                collectivite_id=key,
                kind=Kind.CONTRADICTION,
                subject_kind="attempt",
                subject_id=started.attempt.pk,
                rule="test",
                facts={},
                now=MORNING,
            )
            look_at(case=case, user=town.agent, now=MORNING)
            self.cases[key] = case.pk

    def _keep_titres(self, town: Town) -> None:
        """An invoice reduced, then paid; and a titre of the comptable."""
        key = town.collectivite.pk
        canteen = cast.make_canteen(town, numcli=f"8{key:05d}")
        self.titres[key] = cast.make_titre(canteen)
        cast.reduce(self.titres[key])
        group = TitreGroup.objects.create(
            collectivite=town.collectivite, act=GroupAct.CANCEL, reason="Un motif", prepared_at=MORNING
        )
        TitreGroupLine.objects.create(
            collectivite=town.collectivite, group=group, titre=self.titres[key], seen=3, left=Money(7_470)
        )
        self.groups[key] = group.pk
        batch = NoticeBatch.objects.create(
            collectivite=town.collectivite, titres=[self.titres[key].pk], size=1, done=1, notices=1, asked_at=MORNING,
            ended_at=MORNING,
        )  # fmt: skip
        self.pieces[key] = NoticePiece.objects.create(
            collectivite=town.collectivite, batch=batch, number=1, first=0, titres=1, notices=1, pdf=b"x",
            made_at=MORNING,
        )  # fmt: skip
        self.askable[key] = notices.pay(town, self.titres[key])
        Ticket.objects.create(
            collectivite=town.collectivite,
            settlement=Settlement.objects.get(attempt=self.askable[key]),
            kind="first",
            message_id=f"<{key}@regal.example>",
            owed_at=MORNING,
        )
        received = cast.make_titre(canteen, reference="FC2026000043")
        settlement = cast.receive_and_reverse(received)
        self.quittances[key] = cast.acknowledge(cast.receive(received)).pk
        self.received[key] = settlement.pk
        ImportSource.objects.create(
            collectivite=town.collectivite, name="Cantine", collector=Collector.REGIE, regie=self.titres[key].regie
        )
        source = ImportSource.objects.create(
            collectivite=town.collectivite, name="Loyers", collector=Collector.COMPTABLE, budget=Budget.objects.get()
        )
        self.imports[key] = Import.objects.create(
            collectivite=town.collectivite,
            source=source,
            name="loyers.csv",
            digest="0" * 64,
            size=1,
            kept_by=town.agent,
            kept_at=MORNING,
        )
        ImportPiece.objects.create(collectivite=town.collectivite, of_import=self.imports[key], number=0, content=b"x")
        ImportLine.objects.create(
            collectivite=town.collectivite, of_import=self.imports[key], number=1, place="ligne 1", verdict="error"
        )
        self.comptable_titres[key] = Titre.objects.create(
            collectivite=town.collectivite,
            collector=Collector.COMPTABLE,
            budget=Budget.objects.get(),
            product=town.product,
            document_kind=DocumentKind.TITRE,
            exercice=2026,
            number="412",
            reference=cast.REFDET,
            label="Loyer",
            status=TitreState.OPEN,
            issued_on=paris.today(MORNING),
            amount=Money(100),
            created_at=MORNING,
            origin=self.imports[key],
            origin_line=1,
        )

    def row(self, model: type[TenantModel], town: Town) -> TenantModel:
        row = model.objects.using("owner").filter(collectivite=town.collectivite.pk).order_by("pk").first()
        assert row is not None, f"{model._meta.label} has no row of {town.collectivite}: add one to Neighbours._fill"
        return row


@pytest.fixture(scope="module")
def neighbours(emptier: Any, django_db_blocker: Any) -> Iterator[Neighbours]:
    with django_db_blocker.unblock():
        yield Neighbours()
        close_connections()
        emptier.empty()


@contextmanager
def as_application(town: Town | None) -> Iterator[Any]:
    """The application's role, in a transaction of its own that is undone."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            if town is not None:
                cursor.execute("SELECT set_config('regal.tenant', %s, true)", [str(town.collectivite.pk)])
            yield cursor
        transaction.set_rollback(True)


def current_tenant() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(current_setting('regal.tenant', true), '')")
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize("model", MODELS, ids=name_of)
class TestRows:
    def test_of_both_towns_are_there(self, neighbours, model):
        assert neighbours.row(model, neighbours.saint_aubin)
        assert neighbours.row(model, neighbours.next_town)

    def test_are_hidden_from_whoever_names_no_town(self, neighbours, model):
        assert model.objects.count() == 0
        with transaction.atomic():
            assert model.objects.count() == 0

    def test_are_hidden_from_the_next_town(self, neighbours, model):
        ours = neighbours.row(model, neighbours.saint_aubin)
        with tenant(neighbours.next_town.collectivite):
            assert not model.objects.filter(pk=ours.pk).exists()
            seen = set(model.objects.values_list("collectivite_id", flat=True))
        assert seen == {neighbours.next_town.collectivite.pk}

    def test_are_hidden_from_a_town_that_does_not_exist(self, neighbours, model):
        with tenant(2**62):
            assert model.objects.count() == 0

    def test_cannot_be_added_to_the_next_town(self, neighbours, model):
        row = neighbours.row(model, neighbours.saint_aubin)
        row.pk = None
        row._state.adding = True
        with (
            pytest.raises(DatabaseError, match=r"row-level security|permission denied"),
            tenant(neighbours.next_town.collectivite),
        ):
            row.save(force_insert=True, using="default")

    def test_cannot_be_added_by_nobody(self, neighbours, model):
        row = neighbours.row(model, neighbours.saint_aubin)
        row.pk = None
        with pytest.raises(DatabaseError, match=r"row-level security|permission denied"), transaction.atomic():
            row.save(force_insert=True, using="default")

    def test_cannot_be_given_to_the_next_town(self, neighbours, model):
        row = neighbours.row(model, neighbours.saint_aubin)
        statement = f"UPDATE {model._meta.db_table} SET collectivite_id = %s WHERE id = %s"
        with (
            pytest.raises(DatabaseError, match=r"row-level security|permission denied"),
            as_application(neighbours.saint_aubin) as cursor,
        ):
            cursor.execute(statement, [neighbours.next_town.collectivite.pk, row.pk])

    def test_cannot_be_changed_or_removed_by_the_next_town(self, neighbours, model):
        row, table = neighbours.row(model, neighbours.saint_aubin), model._meta.db_table
        with as_application(neighbours.next_town) as cursor:
            cursor.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
                " AND has_column_privilege(attrelid, attnum, 'UPDATE')",
                [table],
            )
            for (column,) in cursor.fetchall():
                cursor.execute(f"UPDATE {table} SET {column} = {column} WHERE id = %s", [row.pk])
                assert cursor.rowcount == 0
            cursor.execute("SELECT has_table_privilege(%s, 'DELETE')", [table])
            if cursor.fetchone()[0]:
                cursor.execute(f"DELETE FROM {table} WHERE id = %s", [row.pk])
                assert cursor.rowcount == 0


class TestCollectivites:
    def test_are_changed_by_themselves_only(self, neighbours):
        ours = neighbours.saint_aubin.collectivite
        for here, allowed in ((neighbours.saint_aubin, True), (neighbours.next_town, False), (None, False)):
            with as_application(here) as cursor:
                statement = "UPDATE collectivites_collectivite SET contact = 'Mairie' WHERE id = %s"
                if allowed:
                    cursor.execute(statement, [ours.pk])
                    assert cursor.rowcount == 1
                else:
                    with pytest.raises(DatabaseError, match="not the current tenant"), transaction.atomic():
                        cursor.execute(statement, [ours.pk])


class TestKeys:
    @pytest.mark.parametrize(("model", "field"), KEYS, ids=name_of)
    def test_cannot_lead_into_the_next_town(self, neighbours, model, field):
        theirs = neighbours.row(field.related_model, neighbours.next_town)
        filled = (
            model.objects.using("owner")
            .filter(collectivite=neighbours.saint_aubin.collectivite.pk)
            .order_by(f"-{field.attname}" if not field.null else "pk")
        )
        row = filled.exclude(**{field.attname: None}).first() or filled.first()
        assert row is not None
        table = model._meta.db_table
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            with pytest.raises(DatabaseError, match=f'foreign key constraint "{table}_'), transaction.atomic("owner"):
                cursor.execute(f"UPDATE {table} SET {field.column} = %s WHERE id = %s", [theirs.pk, row.pk])
            transaction.set_rollback(True, using="owner")

    def test_are_all_declared_as_such(self):
        """A plain ForeignKey between two tables of towns would carry no collectivité."""
        plain = [
            f"{model._meta.label}.{field.name}"
            for model in MODELS
            for field in model._meta.local_fields
            if field.is_relation
            and not isinstance(field, TenantForeignKey)
            and isinstance(field.related_model, type)
            and issubclass(field.related_model, TenantModel)
        ]
        assert plain == []


class TestTenant:
    def test_is_known_inside_and_forgotten_outside(self, neighbours):
        town = neighbours.saint_aubin.collectivite
        with tenant(town):
            assert current_tenant() == str(town.pk)
        assert current_tenant() == ""

    def test_may_be_nested_and_comes_back(self, neighbours):
        ours, theirs = neighbours.saint_aubin.collectivite, neighbours.next_town.collectivite
        with tenant(ours):
            with tenant(theirs):
                assert current_tenant() == str(theirs.pk)
                with tenant(ours):
                    assert current_tenant() == str(ours.pk)
                assert current_tenant() == str(theirs.pk)
            assert current_tenant() == str(ours.pk)
        assert current_tenant() == ""

    def test_comes_back_after_an_exception(self, neighbours):
        ours, theirs = neighbours.saint_aubin.collectivite, neighbours.next_town.collectivite
        with tenant(ours):
            with pytest.raises(ZeroDivisionError), tenant(theirs):
                _ = 1 / 0
            assert current_tenant() == str(ours.pk)
            with pytest.raises(DatabaseError), tenant(theirs), connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
            assert current_tenant() == str(ours.pk)
        with pytest.raises(ZeroDivisionError), tenant(ours):
            _ = 1 / 0
        assert current_tenant() == ""

    def test_survives_a_savepoint_rolled_back_inside_it(self, neighbours):
        ours = neighbours.saint_aubin.collectivite
        with tenant(ours):
            with transaction.atomic():
                transaction.set_rollback(True)
            assert current_tenant() == str(ours.pk)

    def test_does_not_leak_out_of_a_block_inside_a_transaction_without_one(self, neighbours):
        with transaction.atomic():
            with tenant(neighbours.saint_aubin.collectivite):
                assert Attempt.objects.exists()
            assert current_tenant() == ""
            assert not Attempt.objects.exists()

    def test_is_not_left_on_a_connection_that_goes_back_to_the_pool(self, neighbours):
        for _ in range(5):
            with tenant(neighbours.saint_aubin.collectivite):
                pass
            connection.close()
            assert current_tenant() == ""


class TestMemberships:
    def ask(self, user_id):
        with connection.cursor() as cursor:
            cursor.execute("SELECT collectivite_id, role FROM regal_memberships_of(%s, %s)", [user_id, MORNING])
            return cursor.fetchall()

    def test_are_given_for_the_agent_asked_about_and_no_other(self, neighbours):
        for town in (neighbours.saint_aubin, neighbours.next_town):
            assert self.ask(town.agent.pk) == [(town.collectivite.pk, Role.AGENT)]
        assert self.ask(2**62) == []
        assert self.ask(None) == []

    def test_are_the_only_thing_it_gives(self, neighbours):
        assert Membership.objects.count() == 0
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT user_id FROM regal_memberships_of(%s, now())", [neighbours.saint_aubin.agent.pk])


def with_parameters() -> list[Route]:
    """The routes that show something of one town, and are told which by their address."""
    return [
        route
        for route in all_routes()
        if route.policy is not None and route.policy.tenant is not Tenant.NONE and route.parameters
    ]


def values(neighbours: Neighbours, route: Route, whose: Town, *, at: Town) -> dict[str, object]:
    """What the address is filled with: the place `at`, the things `whose`. A new parameter needs a line here."""
    there, theirs = at.collectivite, whose.collectivite.pk
    known: dict[str, object] = {
        "collectivite_id": there.pk,
        "collectivite": there.slug,
        "collectivite_slug": there.slug,
        "slug": there.slug,
        "town": there.slug,
        "produit": whose.product.slug,
        "product": whose.product.slug,
        "product_slug": whose.product.slug,
        "token": neighbours.notification_tokens[theirs],
        "handle": neighbours.handles[theirs],
        "attempt": neighbours.attempts[theirs].pk,
        "attempt_id": neighbours.attempts[theirs].pk,
        "case_id": neighbours.cases[theirs],
        "pk": neighbours.attempts[theirs].pk,
        "number": neighbours.attempts[theirs].pk,
        "titre_id": neighbours.titres[theirs].pk,
        "settlement_id": neighbours.received[theirs],
        "group_id": neighbours.groups[theirs],
        "quittance_id": neighbours.quittances[theirs],
        "batch_id": neighbours.pieces[theirs].batch_id,
        "piece_id": neighbours.pieces[theirs].pk,
        "membership_id": neighbours.memberships[theirs],
        "numcli": whose.account.identifier,
    }
    known |= {"regie_id": neighbours.titres[theirs].regie_id}
    known |= {"product_id": whose.product.pk, "origin_id": neighbours.origins[theirs]}
    known |= {"file_id": neighbours.files[theirs].pk, "import_id": neighbours.imports[theirs].pk}
    known |= {"source_id": neighbours.imports[theirs].source_id}
    known |= {"link": link_token(neighbours.comptable_titres[theirs])}
    known |= {"colours": colours_digest(whose.collectivite), "logo": whose.collectivite.logo_digest}
    known |= {"platform": "production", "phase": "production"}
    if "phase" in route.parameters or "platform" in route.parameters or route.path.endswith("<str:numcli>/page/"):
        known["numcli"] = neighbours.cards[theirs]
    if route.path.endswith(("/demander/", "/ticket/")):
        known["attempt_id"] = neighbours.askable[theirs].pk
    missing = set(route.parameters) - set(known)
    assert not missing, f"{route}: say in `values` what {missing} stands for"
    return {name: known[name] for name in route.parameters}


@pytest.mark.parametrize("filtered", [True, False], ids=["by the code", "by the database alone"])
@pytest.mark.parametrize("route", with_parameters(), ids=str)
class TestRoutes:
    @pytest.fixture(autouse=True)
    def site(self, route, filtered, monkeypatch):
        changes: dict[str, Any] = {
            "ROOT_URLCONF": f"regal.config.urls_{route.host}",
            "MIDDLEWARE": settings.GUICHET_MIDDLEWARE if route.host == "guichet" else settings.BUREAU_MIDDLEWARE,
            "ALLOWED_HOSTS": ["testserver"],
        }
        if not filtered:
            monkeypatch.setattr(TenantQuerySet, "of", lambda queryset, collectivite: queryset.all())
        monkeypatch.setattr(pages, "clock", lambda: MORNING)  # a payer's page is there for some days only
        with override_settings(**changes):
            yield

    def statuses(self, neighbours: Neighbours, route: Route, address: str) -> set[int]:
        client = Client(raise_request_exception=False)
        if route.host == "bureau":
            client.force_login(neighbours.chief)
        return {client.get(address).status_code, client.post(address).status_code} - {405}

    def test_show_our_own(self, neighbours, route, filtered):
        """Else the tests below would prove nothing."""
        ours = neighbours.saint_aubin
        address = route.address(**values(neighbours, route, ours, at=ours))
        assert self.statuses(neighbours, route, address) - {404, 500}, address

    def test_do_not_show_the_next_town_s_things_in_our_place(self, neighbours, route, filtered):
        ours, theirs = neighbours.saint_aubin, neighbours.next_town
        here = values(neighbours, route, ours, at=ours)
        address = route.address(**values(neighbours, route, theirs, at=ours))
        if address == route.address(**here):
            pytest.skip("the address names nothing but the town")
        assert self.statuses(neighbours, route, address) <= {404}, address

    def test_do_not_show_our_things_in_the_next_town_s_place(self, neighbours, route, filtered):
        ours, theirs = neighbours.saint_aubin, neighbours.next_town
        address = route.address(**values(neighbours, route, ours, at=theirs))
        if route.host == "guichet" and address == route.address(**values(neighbours, route, theirs, at=theirs)):
            pytest.skip("a public page of the next town")
        assert self.statuses(neighbours, route, address) <= {404}, address
