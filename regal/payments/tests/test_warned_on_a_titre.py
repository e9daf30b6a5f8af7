"""Who begins to pay an invoice is told of every earlier payment of it that PayFiP may still say paid."""

from datetime import timedelta

import pytest

from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.queries import gravest_earlier_attempt, paid_of
from regal.payments.refusals import EarlierAttempt
from regal.titres import operations as titres
from regal.titres.models import Direction
from tests import cast, proof
from tests.cast import MORNING
from tests.inquiries import Clock, FakePayfip, again, check_until, leave, make_canteen, speaking_to

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def canteen(committed_db):
    return make_canteen(cast.make_saint_aubin())


@pytest.fixture
def titre(canteen):
    return cast.make_titre(canteen)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def payfip():
    with speaking_to(FakePayfip()) as fake:
        yield fake


@pytest.fixture
def first(canteen, titre, payfip, clock):
    return leave(canteen, titre, clock)


def adjust(titre, direction, cents, clock):
    titres.adjust(titre=titre, direction=direction, amount=Money(cents), reason="Un repas", paid=paid_of, now=clock.now)


def is_told(canteen, titre, clock, **changes):
    try:
        leave(canteen, titre, clock, told_of_earlier=False, **changes)
    except EarlierAttempt:
        return True
    return False


class TestToldOf:
    @pytest.mark.parametrize(("letter", "minutes"), [("R", 1), ("A", 1), ("R", 119), ("P5", 21), ("P5", 125), ("B", 5)])
    def test_one_that_may_still_be_paid(self, canteen, titre, payfip, clock, first, letter, minutes):
        payfip.says[first.key] = letter
        check_until(clock, MORNING + timedelta(minutes=minutes))
        assert is_told(canteen, titre, clock)

    def test_one_of_another_amount_when_the_invoice_was_reduced_meanwhile(self, canteen, titre, clock, first):
        clock.pass_(minutes=21)
        adjust(titre, Direction.DECREASE, 100, clock)
        assert is_told(canteen, titre, clock, amount=titre.amount - Money(100))

    def test_the_one_under_way_rather_than_a_later_one_that_was_refused(self, canteen, titre, payfip, clock, first):
        clock.pass_(minutes=21)
        second = leave(canteen, titre, clock)
        payfip.says[second.key] = "R"
        check_until(clock, clock.now + timedelta(minutes=2))
        with tenant(canteen.collectivite):
            told = gravest_earlier_attempt(
                account=canteen.account, debt_reference=titre.reference, amount=titre.amount, titre_ids=[titre.pk]
            )
        assert told == first


class TestNotToldOf:
    @pytest.mark.parametrize("letter", ["R", "A", "P1"])
    def test_one_that_payfip_has_ended_for_good(self, canteen, titre, payfip, clock, first, letter):
        check_until(clock, MORNING + timedelta(minutes=119))
        payfip.says[first.key] = letter
        check_until(clock, MORNING + timedelta(minutes=200))
        assert not is_told(canteen, titre, clock)

    def test_what_is_paid_because_it_is_no_longer_due(self, canteen, titre, payfip, clock, first):
        clock.pass_(minutes=21)
        adjust(titre, Direction.INCREASE, 500, clock)
        payfip.says[first.key] = "P"
        check_until(clock, MORNING + timedelta(minutes=30))
        assert again(first).status == "paid"
        assert not is_told(canteen, titre, clock, amount=Money(500))
        assert proof.broken(clock.now) == ()

    def test_a_payment_of_another_invoice(self, canteen, clock, first):
        assert not is_told(canteen, cast.make_titre(canteen, reference="FC2026000043"), clock)

    @pytest.mark.parametrize("letter", ["R", "A", "P1"])
    def test_is_what_verify_expects(self, canteen, titre, payfip, clock, first, letter):
        check_until(clock, MORNING + timedelta(minutes=119))
        payfip.says[first.key] = letter
        check_until(clock, MORNING + timedelta(minutes=200))
        leave(canteen, titre, clock, told_of_earlier=False)
        assert proof.broken(clock.now) == ()
