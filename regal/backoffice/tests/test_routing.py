"""Where money goes is changed by two people and a day; closing is immediate; all administrators are told."""

from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, connection, transaction

from regal.agenda.models import Effect
from regal.audit.models import AuditEntry, PlatformAct
from regal.backoffice import activation_refusals as refusals
from regal.backoffice import administration, routing, staff
from regal.backoffice.routing import approve, ask, cancel, carry_out
from regal.collectivites.models import GatewayAccount, Product, RoutingChange
from regal.gateways.base import DebtKind, Environment
from regal.lib import mail as mailer
from regal.lib.tenancy import tenant
from regal.people.models import Membership, Role, User
from tests import cast
from tests.at_once import at_once
from tests.cast import MORNING, later
from tests.notices import run_due

OPEN = RoutingChange.Kind.OPEN_PRODUCTION


class World:
    """Saint-Aubin, which already has a contract in production, and two administrators."""

    def __init__(self, *, is_first: bool = False, administrators: int = 2) -> None:
        self.town = cast.make_saint_aubin()
        self.collectivite = self.town.collectivite
        names = ("paul", "zoe", "abel")[:administrators]
        self.people = [cast.make_agent(self.town, name, Role.ADMINISTRATOR) for name in names]
        self.operator = User.objects.create_user(identifier="ops", email="ops@example.org", is_operator=True)
        if not is_first:
            administration.add_account(
                collectivite=self.collectivite,
                debt_kind=DebtKind.TITRE,
                environment=Environment.PRODUCTION,
                identifier="350077",
                now=MORNING,
            )

    def ask(self, **changes):
        usual: dict[str, Any] = {
            "collectivite": self.collectivite,
            "kind": OPEN,
            "identifier": "006382",
            "product_ids": [self.town.product.pk],
            "now": MORNING,
            "actor_id": self.people[0].pk,
        }
        return ask(**(usual | changes))

    def approve(self, change, *, by=None, now=MORNING, as_operator=False):
        actor = (by or self.people[1]).pk
        return approve(
            collectivite=self.collectivite, change_id=change.pk, as_operator=as_operator, now=now, actor_id=actor
        )

    def cancel(self, change, *, now=MORNING, reason=""):
        return cancel(
            collectivite=self.collectivite,
            change_id=change.pk,
            reason=reason,
            now=now,
            actor_id=self.people[0].pk,
        )

    def fresh(self, change):
        with tenant(self.collectivite):
            return RoutingChange.objects.of(self.collectivite).get(pk=change.pk)

    def production(self):
        with tenant(self.collectivite):
            found = GatewayAccount.objects.of(self.collectivite).filter(identifier="006382", environment="production")
            return found.first()

    def product(self):
        with tenant(self.collectivite):
            return Product.objects.of(self.collectivite).select_related("account").get(pk=self.town.product.pk)

    def acts(self):
        with tenant(self.collectivite):
            entries = AuditEntry.objects.of(self.collectivite).filter(actor__isnull=False).order_by("pk")
            return list(entries.values_list("action", "actor__identifier"))


@pytest.fixture
def world(db):
    return World()


class TestOpeningProduction:
    def test_is_done_a_day_after_it_was_asked_by_one_and_approved_by_another(self, world):
        change = world.ask()
        assert not change.needs_operator
        world.approve(change, now=later(hours=2))
        run_due(later(hours=23, minutes=59))
        assert world.production() is None
        run_due(later(hours=24))
        assert world.production() is not None
        assert world.product().account == world.production()
        assert world.fresh(change).carried_out_at == later(hours=24)
        assert world.acts() == [
            ("ask_routing", "paul"),
            ("approve_routing", "zoe"),
            ("add_account", "paul"),
            ("move_product", "paul"),
            ("carry_out_routing", "paul"),
        ]

    def test_keeps_the_limits_that_were_tried(self, world):
        with tenant(world.collectivite):
            world.town.account.options = {"max_amount_cents": 60_000}
            world.town.account.save(update_fields=["options"])
        world.approve(world.ask())
        run_due(later(hours=25))
        assert world.production().options == {"max_amount_cents": 60_000}

    def test_is_approved_late_and_done_at_once(self, world):
        change = world.ask()
        world.approve(change, now=later(days=3))
        run_due(later(days=3))
        assert world.production() is not None

    def test_moves_only_what_was_chosen(self, world):
        other = administration.add_product(
            collectivite=world.collectivite, slug="autre", name="Autre", account=world.town.account, now=MORNING
        )
        world.approve(world.ask())
        run_due(later(hours=24))
        with tenant(world.collectivite):
            assert Product.objects.get(pk=other.pk).account_id == world.town.account.pk
        world.approve(world.ask(product_ids=[other.pk], now=later(days=2)), now=later(days=2))
        run_due(later(days=3))
        with tenant(world.collectivite):
            assert Product.objects.get(pk=other.pk).account_id == world.production().pk

    def test_of_a_product_closed_meanwhile_leaves_it_closed(self, world):
        world.approve(world.ask())
        terms = administration.ProductTerms(is_open=False)
        administration.change_terms(product=world.product(), terms=terms, now=later(hours=1))
        run_due(later(hours=24))
        assert world.product().account == world.production()
        assert not world.product().is_open

    def test_of_a_contract_closed_meanwhile_is_cancelled_and_told(self, world):
        change = world.ask()
        world.approve(change)
        routing.close_contract(
            collectivite=world.collectivite, identifier="006382", now=later(hours=1), actor_id=world.people[0].pk
        )
        run_due(later(hours=24))
        gone = world.fresh(change)
        assert gone.cancelled_at == later(hours=24)
        assert gone.cancelled_by is None
        assert "fermé" in gone.reason
        assert world.production() is None
        assert "n’a pas pu être suivie" in mail.outbox[-1].body

    def test_carried_twice_changes_nothing_more(self, world):
        change = world.ask()
        world.approve(change)
        run_due(later(hours=24))
        before = world.acts()
        carry_out(world.collectivite.pk, change.pk, later(hours=30))
        assert world.acts() == before
        assert world.fresh(change).carried_out_at == later(hours=24)

    def test_is_not_carried_out_before_its_hour_nor_without_approval(self, world):
        change = world.ask()
        carry_out(world.collectivite.pk, change.pk, later(days=9))
        world.approve(change)
        carry_out(world.collectivite.pk, change.pk, later(hours=23))
        assert world.production() is None
        assert world.fresh(change).is_pending

    def test_wants_a_product_of_this_contract(self, world):
        with pytest.raises(refusals.NothingToOpen):
            world.ask(product_ids=[])
        with pytest.raises(refusals.NotOfThisContract):
            world.ask(product_ids=[world.town.product.pk, 10**6])

    def test_is_asked_once_at_a_time(self, world):
        change = world.ask()
        with pytest.raises(refusals.AlreadyAsked):
            world.ask()
        world.cancel(change)
        assert world.ask().pk != change.pk


class TestApproval:
    def test_is_never_the_asker_s(self, world):
        change = world.ask()
        with pytest.raises(refusals.SamePerson):
            world.approve(change, by=world.people[0])
        assert world.fresh(change).approved_at is None

    def test_is_an_administrator_s(self, world):
        change = world.ask()
        with pytest.raises(refusals.NotAnAdministrator):
            world.approve(change, by=world.town.agent)

    def test_comes_once(self, world):
        change = world.ask()
        world.approve(change)
        with pytest.raises(refusals.AlreadyDecided):
            world.approve(change)

    def test_comes_too_late_after_a_cancelling(self, world):
        change = world.ask()
        world.cancel(change)
        with pytest.raises(refusals.AlreadyDecided):
            world.approve(change)

    def test_is_the_operator_s_for_the_first_production_account(self, db):
        world = World(is_first=True)
        change = world.ask()
        assert change.needs_operator
        with pytest.raises(refusals.OperatorApproves):
            world.approve(change)
        world.approve(change, by=world.operator, as_operator=True)
        run_due(later(hours=24))
        assert world.production() is not None
        assert PlatformAct.objects.filter(action="approve_routing", subject=f"routing {change.pk}").count() == 1

    def test_is_not_of_a_colleague_invited_for_it(self, db):
        world = World(administrators=1)
        accomplice = cast.make_agent(world.town, "zoe", Role.AGENT)
        with tenant(world.collectivite):
            member = Membership.objects.select_related("user", "collectivite").get(user=accomplice)
        staff.change_role(membership=member, role=Role.ADMINISTRATOR, now=MORNING, actor_id=world.people[0].pk)
        change = world.ask(now=later(hours=23))
        assert change.needs_operator
        with pytest.raises(refusals.OperatorApproves):
            world.approve(change, by=accomplice, now=later(hours=23))

    def test_of_an_administrator_of_a_day_comes_too_soon(self, world):
        newcomer = cast.make_agent(world.town, "lea", Role.AGENT)
        with tenant(world.collectivite):
            member = Membership.objects.select_related("user", "collectivite").get(user=newcomer)
        staff.change_role(membership=member, role=Role.ADMINISTRATOR, now=MORNING, actor_id=world.people[0].pk)
        change = world.ask()
        with pytest.raises(refusals.NotAnAdministrator):
            world.approve(change, by=newcomer, now=later(hours=23))
        world.approve(change, by=newcomer, now=later(hours=25))

    def test_is_worth_nothing_once_who_asked_is_gone(self, world):
        change = world.ask()
        world.approve(change)
        with tenant(world.collectivite):
            member = Membership.objects.select_related("user", "collectivite").get(user=world.people[0])
        staff.remove(membership=member, now=later(hours=1), actor_id=world.people[1].pk)
        run_due(later(hours=30))
        assert world.production() is None
        assert "n’administre plus" in world.fresh(change).reason

    def test_is_the_operator_s_where_one_administers_alone(self, db):
        world = World(administrators=1)
        assert world.ask().needs_operator

    def test_of_what_two_administrators_decide_is_not_the_operator_s(self, world):
        change = world.ask()
        with pytest.raises(refusals.NotAnAdministrator):
            world.approve(change, by=world.operator, as_operator=True)

    def test_as_an_operator_is_for_operators(self, db):
        world = World(is_first=True)
        with pytest.raises(refusals.NotAnAdministrator):
            world.approve(world.ask(), by=world.people[1], as_operator=True)

    def test_of_the_next_town_s_change_finds_nothing(self, world):
        change = world.ask()
        next_town = cast.make_next_town()
        with pytest.raises(RoutingChange.DoesNotExist):
            approve(
                collectivite=next_town.collectivite,
                change_id=change.pk,
                now=MORNING,
                actor_id=world.people[1].pk,
            )

    def test_by_two_at_once_counts_once(self, committed_db):
        world = World(administrators=3)
        change = world.ask()

        def approving(who):
            try:
                world.approve(change, by=who)
            except refusals.AlreadyDecided:
                return "late"
            return "approved"

        said = at_once(*(lambda who=who: approving(who) for who in world.people[1:]))
        assert sorted(map(str, said)) == ["approved", "late"]
        assert [action for action, _ in world.acts()].count("approve_routing") == 1


class TestCancelling:
    def test_is_open_to_any_administrator_until_it_is_done(self, world):
        change = world.ask()
        world.approve(change)
        world.cancel(change, now=later(hours=3), reason="  erreur\n de   numéro ")
        run_due(later(days=2))
        assert world.production() is None
        assert world.fresh(change).reason == "erreur de numéro"
        with pytest.raises(refusals.AlreadyDecided):
            world.cancel(change)

    def test_comes_too_late_once_it_is_done(self, world):
        change = world.ask()
        world.approve(change)
        run_due(later(hours=24))
        with pytest.raises(refusals.AlreadyDecided):
            world.cancel(change, now=later(hours=25))


class TestClosing:
    def test_is_immediate_and_of_every_phase(self, world):
        world.approve(world.ask())
        run_due(later(hours=24))
        routing.close_contract(
            collectivite=world.collectivite, identifier="006382", now=later(hours=25), actor_id=world.people[0].pk
        )
        with tenant(world.collectivite):
            accounts = routing.accounts_of(collectivite=world.collectivite, identifier="006382")
        assert [account.is_active for account in accounts.values()] == [False, False]
        assert [action for action, _ in world.acts()].count("close_account") == 2

    def test_before_production_is_undone_at_once(self, world):
        actor = world.people[0].pk
        this = {"collectivite": world.collectivite, "identifier": "006382", "actor_id": actor}
        routing.close_contract(now=MORNING, **this)
        assert routing.reopen_contract(now=MORNING, **this) is None
        assert world.product().account.is_active

    def test_of_production_is_undone_by_two_people(self, world):
        world.approve(world.ask())
        run_due(later(hours=24))
        this = {"collectivite": world.collectivite, "identifier": "006382", "actor_id": world.people[0].pk}
        routing.close_contract(now=later(days=2), **this)
        change = routing.reopen_contract(now=later(days=2), **this)
        assert change is not None
        assert change.kind == RoutingChange.Kind.REOPEN
        assert not world.product().account.is_active
        world.approve(change, now=later(days=2))
        run_due(later(days=3))
        assert world.product().account.is_active

    def test_of_what_is_open_already_asks_for_nothing(self, world):
        this = {"collectivite": world.collectivite, "identifier": "350077", "actor_id": world.people[0].pk}
        assert routing.reopen_contract(now=MORNING, **this) is None
        with tenant(world.collectivite):
            assert not RoutingChange.objects.of(world.collectivite).exists()


class TestLetters:
    def test_go_to_every_administrator_at_every_step(self, world):
        change = world.ask()
        world.approve(change, now=later(hours=1))
        run_due(later(hours=24))
        assert [len(letter.to) for letter in mail.outbox] == [1] * 6
        assert {letter.to[0] for letter in mail.outbox} == {"paul@example.org", "zoe@example.org"}
        subjects = [letter.subject for letter in mail.outbox[::2]]
        assert subjects == [
            "Saint-Aubin – mise en production du contrat PayFiP 006382 demandée",
            "Saint-Aubin – changement du contrat PayFiP 006382 approuvé",
            "Saint-Aubin – contrat PayFiP 006382 en production",
        ]
        assert "/saint-aubin/reglages/contrats/006382/" in mail.outbox[0].body
        assert "25 novembre 2026" in mail.outbox[0].body

    def test_tell_of_a_cancelling_and_of_its_reason(self, world):
        world.cancel(world.ask(), reason="erreur de numéro")
        run_due(MORNING)
        assert "paul a annulé" in mail.outbox[-1].body
        assert "erreur de numéro" in mail.outbox[-1].body

    def test_reach_the_others_when_one_address_is_refused_for_good(self, world, monkeypatch):
        sent = []

        def send(*, to, **letter):
            if to == "paul@example.org":
                raise SMTPRecipientsRefused({})
            sent.append(to)

        monkeypatch.setattr(mailer, "send", send)
        world.ask()
        run_due(MORNING)
        assert sent == ["zoe@example.org"]

    def test_are_sent_again_after_a_breakdown(self, world, monkeypatch):
        def broken(**letter):
            raise ConnectionRefusedError

        monkeypatch.setattr(mailer, "send", broken)
        world.ask()
        with pytest.raises(ConnectionRefusedError):
            run_due(MORNING)
        assert Effect.objects.filter(kind=routing.TELL_ASKED, done_at__isnull=True, tries=1).exists()


class TestWalls:
    def test_a_decision_is_never_rewritten(self, world):
        change = world.ask()
        world.approve(change)
        for statement in (
            "UPDATE collectivites_routingchange SET approved_by_id = NULL, approved_at = NULL",
            "UPDATE collectivites_routingchange SET asked_by_id = approved_by_id",
            "UPDATE collectivites_routingchange SET effective_at = asked_at",
            "UPDATE collectivites_routingchange SET what = '{}'",
            "DELETE FROM collectivites_routingchange",
        ):
            with (
                pytest.raises(DatabaseError),
                transaction.atomic(),
                tenant(world.collectivite),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)

    def test_an_approval_by_the_asker_is_refused_by_the_database_too(self, world):
        change = world.ask()
        with pytest.raises(DatabaseError, match="two_people"), transaction.atomic(), tenant(world.collectivite):
            RoutingChange.objects.of(world.collectivite).filter(pk=change.pk).update(
                approved_by=world.people[0], approved_at=MORNING
            )

    def test_a_change_is_not_carried_out_too_soon(self, world):
        change = world.ask()
        world.approve(change)
        with pytest.raises(DatabaseError, match="approved_first"), transaction.atomic(), tenant(world.collectivite):
            RoutingChange.objects.of(world.collectivite).filter(pk=change.pk).update(carried_out_at=later(hours=23))


class TestOperators:
    def test_see_a_number_a_name_and_a_contract_of_what_waits_for_them(self, db):
        world = World(is_first=True)
        change = world.ask()
        (waiting,) = routing.waiting_for_operators()
        assert (waiting.number, waiting.collectivite, waiting.identifier) == (change.pk, world.collectivite, "006382")
        world.approve(change, by=world.operator, as_operator=True)
        assert routing.waiting_for_operators() == []

    def test_see_nothing_of_what_two_administrators_decide(self, world):
        world.ask()
        assert routing.waiting_for_operators() == []
