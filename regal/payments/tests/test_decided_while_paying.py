"""A régisseur decides about an invoice while its payer pays: whatever comes first, the books are right."""

import dataclasses
from functools import partial
from typing import Any

import pytest

from regal.cases.models import Case, Kind
from regal.gateways.base import Rank
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Allocation, Attempt
from regal.payments.queries import paid_of
from regal.payments.refusals import TitreNotPayable
from regal.titres import operations
from regal.titres.models import Direction, Titre
from regal.titres.refusals import AlreadyPaid, BeingPaid
from tests import cast, notices, proof
from tests.at_once import at_once
from tests.cast import later

pytestmark = pytest.mark.usefixtures("committed_db")

AMOUNT = Money(8_470)
AFTER_THE_HOLD = later(minutes=30)
ROUNDS = 4


@pytest.fixture
def town(committed_db):
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return cast.make_canteen(town)


def invoices(canteen):
    return [cast.make_titre(canteen, reference=f"FC20260001{place:02d}") for place in range(ROUNDS)]


def key(place):
    return f"b9b4b9a0-0000-11f1-8000-{place:012d}"


def cancel(titre, now=cast.MORNING):
    return operations.cancel(titre=titre, reason="Un doublon", paid=paid_of, now=now)


def hear_paid(town, canteen, attempt, now=AFTER_THE_HOLD):
    of_the_regie = dataclasses.replace(town, product=canteen, account=canteen.account)
    said = notices.notice(of_the_regie, attempt, rank=Rank.ASKED, occurred_at=now)
    return notices.hear(of_the_regie, attempt, said, now=now)


def as_kept(titre):
    with tenant(titre.collectivite_id):
        return Titre.objects.get(pk=titre.pk)


def sums(town, titre):
    """What extinguished it, and what is too much in cases."""
    with tenant(town.collectivite):
        allocated = sum((one.amount for one in Allocation.objects.filter(titre=titre)), Money.zero)
        attempts = Attempt.objects.filter(titre=titre).values_list("pk", flat=True)
        cases = Case.objects.filter(kind=Kind.EXCESS, subject_id__in=list(attempts))
        return allocated, sum((Money(case.facts["excess_cents"]) for case in cases), Money.zero)


class TestAtTheSameInstant:
    def test_it_is_cancelled_or_its_payer_leaves_never_both(self, town, canteen):
        for place, titre in enumerate(invoices(canteen)):
            cancelled, left = at_once(partial(cancel, titre), partial(cast.leave_with, titre, key=key(place)))
            if isinstance(left, Attempt):
                assert isinstance(cancelled, BeingPaid)
            else:
                assert isinstance(left, TitreNotPayable)
                assert as_kept(titre).status == "cancelled"
        assert proof.broken(later(minutes=1)) == ()

    def test_of_two_payers_one_leaves(self, town, canteen):
        titre = cast.make_titre(canteen)
        done = at_once(*(partial(cast.leave_with, titre, key=key(place)) for place in range(3)))
        assert sorted(type(one).__name__ for one in done) == ["Attempt", "TitreNotPayable", "TitreNotPayable"]

    def test_what_is_reduced_while_its_payment_is_proved_loses_no_cent(self, town, canteen):
        for place, titre in enumerate(invoices(canteen)):
            attempt = cast.leave_with(titre, key=key(place))
            reduced, _ = at_once(
                partial(cast.reduce, titre, now=AFTER_THE_HOLD), partial(hear_paid, town, canteen, attempt)
            )
            expected = (AMOUNT, Money.zero) if isinstance(reduced, AlreadyPaid) else (Money(7_470), Money(1_000))
            assert sums(town, titre) == expected
            assert as_kept(titre).paid_at is not None
        assert proof.broken(later(minutes=31)) == ()


class TestAfterwards:
    @pytest.mark.parametrize("decide", ["cancel", "transfer", "write_off"])
    def test_a_payment_proved_once_nothing_is_due_is_wholly_too_much(self, town, canteen, decide):
        titre = cast.make_titre(canteen)
        attempt = cast.leave_with(titre)
        told: dict[str, Any] = {"paid": paid_of} if decide == "cancel" else {}
        getattr(operations, decide)(titre=titre, reason="Un motif", now=AFTER_THE_HOLD, **told)
        hear_paid(town, canteen, attempt, now=later(hours=1))
        assert sums(town, titre) == (Money.zero, AMOUNT)
        assert as_kept(titre).paid_at is None
        assert proof.broken(later(hours=1, minutes=1)) == ()

    def test_a_payment_of_a_suspended_one_pays_it(self, town, canteen):
        titre = cast.make_titre(canteen)
        attempt = cast.leave_with(titre)
        operations.suspend(titre=titre, reason="Contestée", now=later(minutes=1))
        hear_paid(town, canteen, attempt, now=later(minutes=2))
        assert sums(town, titre) == (AMOUNT, Money.zero)
        assert proof.broken(later(minutes=3)) == ()

    def test_a_supplement_leaves_something_due_until_it_is_taken_back(self, town, canteen):
        titre = cast.make_titre(canteen)
        attempt = cast.leave_with(titre)
        operations.adjust(
            titre=titre,
            direction=Direction.INCREASE,
            amount=Money(500),
            reason="Un goûter",
            paid=paid_of,
            now=AFTER_THE_HOLD,
        )
        hear_paid(town, canteen, attempt, now=later(hours=1))
        assert as_kept(titre).paid_at is None
        cast.reduce(titre, 500, now=later(hours=2))
        assert as_kept(titre).paid_at == later(hours=2)
        assert proof.broken(later(hours=3)) == ()
