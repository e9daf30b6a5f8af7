"""Several invoices in one payment: each is held, paid and reopened for itself, to the cent."""

import dataclasses
from functools import partial

import pytest
from django.db import DatabaseError, connections

from regal.agenda.models import Effect
from regal.cases.models import Case, Kind
from regal.collectivites.models import Product
from regal.gateways.base import Rank
from regal.journal.models import Entry
from regal.lib import paris, tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.counter import record_receipt
from regal.payments.models import Allocation, Attempt, Means, Settlement, Share
from regal.payments.queries import (
    Selection,
    Situation,
    earlier_attempts,
    left_after,
    look_up,
    paid_of,
    selected,
    settled_titres,
    titres_being_paid,
    too_much_of,
    waiting_on,
)
from regal.payments.refusals import AlreadyStarted, EarlierAttempt, GatewayAway, TitreNotPayable
from regal.payments.reversing import reverse
from regal.payments.shares import own_reference, shares_of, titre_ids_of
from regal.titres import operations as titres_operations
from regal.titres.models import Titre
from regal.titres.refusals import BeingPaid
from tests import cast, notices, paybox, proof
from tests.at_once import at_once
from tests.cast import MORNING, later
from tests.inquiries import Clock, FakePayfip, again, check, leave, make_canteen, nudge, speaking_to
from tests.several import allow, make_titres, together

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def town(committed_db):
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    product = make_canteen(town)
    allow(product)
    return product


@pytest.fixture
def three(canteen):
    return make_titres(canteen)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def payfip():
    with speaking_to(FakePayfip()) as fake:
        yield fake


@pytest.fixture
def attempt(canteen, three, clock, payfip):
    """Mme Leroy is on PayFiP's page with three invoices, of 84,70 €, 85,70 € and 86,70 €."""
    return leave(canteen, three[0], clock, **together(*three))


def as_kept(titre):
    with tenant(titre.collectivite_id):
        return Titre.objects.get(pk=titre.pk)


def held_by(titres):
    return [as_kept(titre).held_by for titre in titres]


def paid(titres):
    return [as_kept(titre).paid_at is not None for titre in titres]


def shares(attempt):
    with tenant(attempt.collectivite_id):
        return [(share.titre_id, share.amount.cents) for share in shares_of(attempt)]


def allocations(attempt):
    with tenant(attempt.collectivite_id):
        rows = Allocation.objects.filter(settlement__attempt=attempt).order_by("titre_id")
        return [(row.titre_id, row.amount.cents) for row in rows]


def excesses(attempt):
    with tenant(attempt.collectivite_id):
        cases = Case.objects.filter(kind=Kind.EXCESS, subject_kind="attempt", subject_id=attempt.pk)
        return [case.facts for case in cases.order_by("pk")]


def payfip_calls(attempt, clock):
    nudge(attempt, attempt, attempt.key, clock)  # an attempt names its town as a town does


def hear_paid(payfip, attempt, clock):
    payfip.says[attempt.key] = "P"
    payfip_calls(attempt, clock)
    check(clock)
    return again(attempt)


def receive_cash(titre, now=MORNING):
    return record_receipt(
        titre=titre,
        means=Means.CASH,
        amount=titre.amount,
        received_on=paris.today(now),
        form_token=tokens.new_token(),
        told_of_hold=True,
        now=now,
    )


class TestTheShares:
    def test_are_one_row_for_each_and_add_up(self, attempt, three):
        assert shares(attempt) == [(titre.pk, titre.amount.cents) for titre in three]
        assert attempt.amount == Money(8_470 + 8_570 + 8_670)
        assert attempt.titre_id == three[0].pk
        assert proof.broken() == ()

    def test_are_one_row_where_there_is_one_invoice(self, canteen, three, clock, payfip):
        alone = leave(canteen, three[0], clock)
        assert shares(alone) == [(three[0].pk, 8_470)]
        assert alone.debt_reference == three[0].reference
        with tenant(alone.collectivite_id):
            assert Share.objects.get(attempt=alone).reference_reversed == ""

    def test_name_the_titres_of_attempts_be_there_shares_or_not(self, attempt, three):
        of_the_version_before = Attempt(pk=attempt.pk + 1, collectivite_id=attempt.collectivite_id, titre_id=7)
        of_the_gateway = Attempt(pk=attempt.pk + 2, collectivite_id=attempt.collectivite_id)
        with tenant(attempt.collectivite_id):
            found = titre_ids_of([of_the_version_before, attempt, of_the_gateway])
            assert titre_ids_of([of_the_gateway]) == set()
        assert found == {7, *(titre.pk for titre in three)}

    def test_the_payment_goes_by_a_reference_of_its_own_that_payfip_takes(self, attempt, three, payfip):
        assert attempt.debt_reference.startswith("G")
        assert len(attempt.debt_reference) == 16
        assert attempt.debt_reference.isalnum()
        assert attempt.debt_reference not in {titre.reference for titre in three}
        assert [made["refdet"] for made in payfip.opened.values()] == [attempt.debt_reference]

    def test_never_change(self, attempt):
        for statement in ("UPDATE payments_share SET amount_cents = 1", "DELETE FROM payments_share"):
            with pytest.raises(DatabaseError), connections["owner"].cursor() as cursor:
                cursor.execute(statement)

    def test_of_an_attempt_begun_by_the_version_before_are_its_titre(self, canteen, three, clock, payfip):
        alone = leave(canteen, three[0], clock)
        with connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE payments_share DISABLE TRIGGER USER")
            cursor.execute("DELETE FROM payments_share")
            cursor.execute("ALTER TABLE payments_share ENABLE TRIGGER USER")
        hear_paid(payfip, alone, clock)
        assert allocations(alone) == [(three[0].pk, 8_470)]
        assert paid(three) == [True, False, False]


class TestWhileItRuns:
    def test_each_invoice_is_held(self, attempt, three):
        assert held_by(three) == [attempt.pk] * 3

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_whoever_looks_one_up_is_told(self, attempt, canteen, three, clock, place):
        with tenant(canteen.collectivite):
            found = look_up(
                product=canteen, reference=three[place].reference, amount=three[place].amount, now=clock.now
            )
        assert found.situation is Situation.HELD

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_nobody_else_leaves_with_one_of_them(self, attempt, canteen, three, clock, place):
        with pytest.raises(TitreNotPayable) as refused:
            leave(canteen, three[place], clock)
        assert refused.value.reason == "held"

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_each_is_protected_from_files_and_from_decisions(self, attempt, three, place):
        pks = [titre.pk for titre in three]
        with tenant(attempt.collectivite_id):
            assert titres_being_paid(attempt.collectivite_id, pks) == set(pks)
            assert settled_titres(attempt.collectivite_id, pks) == set()
        with pytest.raises(BeingPaid):
            titres_operations.cancel(titre=three[place], reason="Un doublon", paid=paid_of, now=later(minutes=1))

    def test_all_are_let_go_when_it_fails(self, attempt, three, payfip, clock):
        payfip.says[attempt.key] = "R"
        payfip_calls(attempt, clock)
        check(clock)
        assert again(attempt).status == "refused"
        assert held_by(three) == [None] * 3

    def test_all_are_let_go_when_payfip_gives_no_key(self, canteen, three, clock, payfip):
        payfip.is_down = True
        with pytest.raises(GatewayAway):
            leave(canteen, three[0], clock, **together(*three))
        assert held_by(three) == [None] * 3


class TestPaid:
    def test_each_is_paid_to_the_cent_and_nothing_is_too_much(self, attempt, three, payfip, clock):
        hear_paid(payfip, attempt, clock)
        assert allocations(attempt) == [(titre.pk, titre.amount.cents) for titre in three]
        assert paid(three) == [True] * 3
        assert held_by(three) == [None] * 3
        assert excesses(attempt) == []
        assert proof.broken(clock.now) == ()

    def test_one_settlement_one_entry_and_one_ticket(self, attempt, payfip, clock):
        hear_paid(payfip, attempt, clock)
        with tenant(attempt.collectivite_id):
            assert Settlement.objects.count() == 1
            assert Entry.objects.filter(attempt_id=attempt.pk, kind="settlement").count() == 1
            assert Effect.objects.filter(kind="send_ticket").count() == 1

    def test_what_was_paid_at_the_counter_meanwhile_is_too_much_and_the_others_are_paid(
        self, attempt, three, payfip, clock
    ):
        receive_cash(three[1], now=clock.now)
        paid_of_all = hear_paid(payfip, attempt, clock)
        assert allocations(attempt) == [(three[0].pk, 8_470), (three[2].pk, 8_670)]
        assert paid(three) == [True] * 3
        part = {"titre": three[1].pk, "excess_cents": 8_570, "why": "paid"}
        assert excesses(attempt) == [{**part, "parts": [part]}]
        with tenant(attempt.collectivite_id):
            assert too_much_of(paid_of_all) == Money(8_570)
            assert [waiting_on(titre) for titre in three] == [Money.zero, Money(8_570), Money.zero]
            assert left_after(paid_of_all) is None
        assert proof.broken(clock.now) == ()

    def test_what_is_too_much_of_two_is_one_case_that_says_of_which(self, attempt, three, payfip, clock):
        clock.pass_(minutes=30)
        titres_operations.cancel(titre=three[0], reason="Un doublon", paid=paid_of, now=clock.now)
        cast.reduce(three[2], 700, now=clock.now)
        hear_paid(payfip, attempt, clock)
        assert allocations(attempt) == [(three[1].pk, 8_570), (three[2].pk, 7_970)]
        cancelled = {"titre": three[0].pk, "excess_cents": 8_470, "why": "cancelled"}
        reduced = {"titre": three[2].pk, "excess_cents": 700, "why": "paid"}
        assert excesses(attempt) == [{**cancelled, "excess_cents": 9_170, "parts": [cancelled, reduced]}]
        assert proof.broken(clock.now) == ()

    def test_late_all_the_same(self, attempt, three, payfip, clock):
        clock.pass_(days=8)
        check(clock)
        assert again(attempt).status == "expired_presumed"
        hear_paid(payfip, attempt, clock)
        assert paid(three) == [True] * 3
        with tenant(attempt.collectivite_id):
            assert Case.objects.filter(kind=Kind.LATE_PAYMENT).count() == 1

    def test_fifty_equal_notifications_at_once_pay_each_once(self, attempt, three, payfip, clock):
        payfip.says[attempt.key] = "P"
        for _ in range(50):
            payfip_calls(attempt, clock)
        at_once(*[partial(check, clock)] * 4)
        assert allocations(attempt) == [(titre.pk, titre.amount.cents) for titre in three]
        assert proof.broken(clock.now) == ()

    def test_reversed_each_is_due_again(self, attempt, three, payfip, clock):
        hear_paid(payfip, attempt, clock)
        with tenant(attempt.collectivite_id):
            settlement = Settlement.objects.get(attempt=attempt)
        reverse(settlement=settlement, cause="chargeback", reason="Contesté", now=clock.now)
        assert paid(three) == [False] * 3
        assert proof.broken(clock.now) == ()
        clock.pass_(minutes=1)
        once_more = leave(canteen_of(three), three[0], clock, **together(*three))
        hear_paid(payfip, once_more, clock)
        assert paid(three) == [True] * 3
        assert proof.broken(clock.now) == ()


def canteen_of(titres):
    with tenant(titres[0].collectivite_id):
        return Product.objects.select_related("account", "collectivite").get(pk=titres[0].product_id)


class TestEarlierAttempts:
    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_tell_of_one_that_held_this_invoice_among_others(self, attempt, canteen, three, clock, place):
        clock.pass_(minutes=21)
        with pytest.raises(EarlierAttempt):
            leave(canteen, three[place], clock, told_of_earlier=False)
        with tenant(canteen.collectivite):
            found = earlier_attempts(
                account=canteen.account,
                debt_reference=three[place].reference,
                amount=three[place].amount,
                titre_ids=[three[place].pk],
            )
            assert [one.pk for one in found] == [attempt.pk]

    def test_tell_of_one_that_held_any_of_several(self, canteen, three, clock, payfip):
        first = leave(canteen, three[2], clock)
        clock.pass_(minutes=21)
        with pytest.raises(EarlierAttempt):
            leave(canteen, three[0], clock, **together(*three, told_of_earlier=False))
        second = leave(canteen, three[0], clock, **together(*three))
        hear_paid(payfip, first, clock)
        hear_paid(payfip, second, clock)
        assert allocations(second) == [(three[0].pk, 8_470), (three[1].pk, 8_570)]
        part = {"titre": three[2].pk, "excess_cents": 8_670, "why": "paid"}
        assert excesses(second) == [{**part, "parts": [part]}]
        assert proof.broken(clock.now) == ()


class TestRefused:
    """What no page of ours asks for is a fault of ours; what may have changed meanwhile is told to the payer."""

    def test_where_the_regie_does_not_allow_it_any_more(self, canteen, three, clock, payfip):
        allow(canteen, allowed=False)
        with pytest.raises(TitreNotPayable) as refused:
            leave(canteen, three[0], clock, **together(*three))
        assert refused.value.reason == "not_together"

    def test_the_same_invoice_twice(self, canteen, three, clock, payfip):
        with pytest.raises(TitreNotPayable) as refused:
            leave(canteen, three[0], clock, **together(three[0], three[1], three[0]))
        assert refused.value.reason == "not_together"

    def test_more_than_ten(self, canteen, clock, payfip):
        many = make_titres(canteen, 11)
        with pytest.raises(TitreNotPayable) as refused:
            leave(canteen, many[0], clock, **together(*many))
        assert refused.value.reason == "not_together"
        assert leave(canteen, many[0], clock, **together(*many[:10])).amount == Money(8_470 * 10 + 4_500)

    def test_one_of_another_product(self, town, canteen, three, clock, payfip):
        nursery = make_canteen(town, numcli="006384", slug="creche")
        allow(nursery)
        other = cast.make_titre(nursery, reference="FC2026000090")
        with pytest.raises(TitreNotPayable) as refused:
            leave(canteen, three[0], clock, **together(three[0], other))
        assert refused.value.reason == "not_collected_here"

    def test_one_of_another_town(self, canteen, three, clock, payfip):
        next_town = cast.make_next_town()
        foreign = cast.make_titre(make_canteen(next_town, numcli="012399"), reference="FC2026000091")
        changes = together(three[0], three[1])
        parts = (changes["several"][0], dataclasses.replace(changes["several"][1], titre=foreign))
        with pytest.raises(Titre.DoesNotExist):
            leave(canteen, three[0], clock, **(changes | {"several": parts}))

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_one_whose_amount_changed_since(self, canteen, three, clock, payfip, place):
        changes = together(*three)
        cast.reduce(three[place], 100)
        with pytest.raises(TitreNotPayable) as refused:
            leave(canteen, three[0], clock, **changes)
        assert refused.value.reason == "other_amount"
        assert held_by(three) == [None] * 3

    def test_a_part_of_one(self, canteen, three, clock, payfip):
        with tenant(canteen.collectivite):
            Product.objects.filter(pk=canteen.pk).update(partial_payment=True)
        changes = together(*three)
        less = dataclasses.replace(changes["several"][1], amount=Money(4_000))
        parts = (changes["several"][0], less, changes["several"][2])
        total = sum((part.amount for part in parts), Money.zero)
        with pytest.raises(TitreNotPayable) as refused:
            leave(canteen, three[0], clock, **(changes | {"several": parts, "amount": total}))
        assert refused.value.reason == "other_amount"

    @pytest.mark.parametrize(
        "changes",
        [{"amount": Money(1)}, {"debt_reference": "FC2026000051"}, {"debt_reference": own_reference("another")}],
    )
    def test_an_order_that_contradicts_itself(self, canteen, three, clock, payfip, changes):
        with pytest.raises(TypeError):
            leave(canteen, three[0], clock, **together(*three, **changes))
        with tenant(canteen.collectivite):
            assert not Attempt.objects.exists()

    def test_the_same_press_again(self, canteen, three, clock, payfip):
        changes = together(*three)
        leave(canteen, three[0], clock, **changes)
        with pytest.raises(AlreadyStarted):
            leave(canteen, three[0], clock, **changes)


class TestTwoPayersAtOnce:
    def test_of_overlapping_invoices_in_opposite_order_one_leaves_and_one_is_told(self, canteen, clock, payfip):
        for turn in range(6):
            titres = make_titres(canteen, 4, first=100 + 10 * turn)
            done = at_once(
                partial(leave, canteen, titres[0], clock, **together(*titres[:3])),
                partial(leave, canteen, titres[3], clock, **together(*reversed(titres[1:]))),
            )
            assert sorted(type(one).__name__ for one in done) == ["Attempt", "TitreNotPayable"]
        assert proof.broken(clock.now) == ()

    def test_of_settlements_in_opposite_order_each_cent_is_somewhere(self, canteen, clock, payfip):
        for turn in range(4):
            titres = make_titres(canteen, 3, first=100 + 10 * turn)
            first = leave(canteen, titres[0], clock, **together(*titres))
            clock.pass_(minutes=21)
            second = leave(canteen, titres[2], clock, **together(*reversed(titres)))
            at_once(partial(hear_filed, canteen, first), partial(hear_filed, canteen, second))
            both = allocations(first) + allocations(second)
            assert sorted(both) == [(titre.pk, titre.amount.cents) for titre in titres]
            assert len(excesses(first) + excesses(second)) == 1
            clock.pass_(hours=1)
        assert proof.broken(clock.now) == ()


def hear_filed(product, attempt):
    town = cast.Town(collectivite=product.collectivite, account=product.account, product=product, agent=None)  # type: ignore[arg-type]
    said = notices.notice(town, attempt, rank=Rank.ASKED, occurred_at=later(hours=9))
    return notices.hear(town, attempt, said, now=later(hours=9))


class TestByCard:
    def test_each_is_held_paid_and_let_go(self, town, clock):
        with paybox.speaking_to(paybox.FakePaybox(rank="02")):
            product = paybox.make_paybox_product(town, identifier="5772156-01-649015328")
            allow(product)
            three = make_titres(product)
            attempt = paybox.leave(product, three[0], clock, **together(*three))
            assert held_by(three) == [attempt.pk] * 3
            assert attempt.reference.startswith(f"{attempt.debt_reference}-")
            paybox.ipn(attempt, clock)
        assert allocations(attempt) == [(titre.pk, titre.amount.cents) for titre in three]
        assert paid(three) == [True] * 3
        assert {row.invariant for row in proof.broken(clock.now)} <= {"I-35"}  # the test's own key is no live one


class TestFound:
    @pytest.mark.parametrize("end", ["052", "FC2026000053", "2026-000051"])
    def test_by_the_end_of_any_of_its_invoices(self, attempt, canteen, end):
        with tenant(canteen.collectivite):
            found = selected(collectivite=canteen.collectivite, selection=Selection(end=end))
            assert [one.pk for one in found] == [attempt.pk]

    def test_by_no_other_end(self, attempt, canteen):
        with tenant(canteen.collectivite):
            assert not selected(collectivite=canteen.collectivite, selection=Selection(end="0054")).exists()
