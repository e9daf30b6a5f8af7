"""One debt, several payments: seen together, and a case where a régie was paid the same invoice twice."""

import dataclasses

import pytest

from regal.cases.models import Case, Kind
from regal.cases.operations import open_case
from regal.gateways.base import DebtKind, Outcome
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, Settlement
from regal.payments.queries import is_said_paid, others_on_debt
from tests import cast, notices
from tests.at_once import at_once
from tests.cast import later

INVOICE = "FC2026000123"


def make_regie(town, numcli="350005", slug="cantine"):
    product = cast.make_product(town, DebtKind.REGIE, slug=slug, numcli=numcli)
    return dataclasses.replace(town, product=product, account=product.account)


def pay(town, reference=INVOICE, cents=4_500, **changes):
    return cast.start(town, debt_reference=reference, amount=Money(cents), told_of_earlier=True, **changes).attempt


def doubles(town):
    with tenant(town.collectivite):
        cases = Case.objects.of(town.collectivite).filter(kind=Kind.DOUBLE_PAYMENT)
        return [(case.subject_kind, case.subject_id, case.facts) for case in cases]


@pytest.mark.django_db
class TestTwoSettlements:
    @pytest.fixture
    def town(self):
        return cast.make_saint_aubin()

    def test_of_one_invoice_open_a_case_on_the_later(self, town):
        regie = make_regie(town)
        first, second = pay(regie), pay(regie)
        notices.hear(regie, first)
        assert doubles(town) == []
        notices.hear(regie, second, now=later(hours=1))
        assert doubles(town) == [("attempt", second.pk, {"other_attempt": first.pk})]
        with tenant(town.collectivite):
            assert Settlement.objects.of(town.collectivite).count() == 2

    def test_are_told_once_however_often_they_are_confirmed(self, town):
        regie = make_regie(town)
        first, second = pay(regie), pay(regie)
        for attempt in (first, second, second, first):
            notices.hear(regie, attempt)
        assert len(doubles(town)) == 1

    def test_of_another_amount_or_another_exercice_are_doubles_too(self, town):
        regie = make_regie(town)
        for attempt in (pay(regie), pay(regie, cents=100), pay(regie, exercice=2027)):
            notices.hear(regie, attempt)
        assert len(doubles(town)) == 2

    def test_of_other_invoices_or_of_another_regie_are_none(self, town):
        regie, other = make_regie(town), make_regie(town, "350006", "piscine")
        for one, attempt in ((regie, pay(regie)), (regie, pay(regie, "FC2026000124")), (other, pay(other))):
            notices.hear(one, attempt)
        assert doubles(town) == []

    def test_of_a_titre_are_none(self, town):
        """PayFiP itself refuses a titre that is paid; the comptable answers for the rest."""
        for attempt in (pay(town, cast.REFDET), pay(town, cast.REFDET)):
            notices.hear(town, attempt)
        assert doubles(town) == []

    def test_announced_only_are_no_case(self, town):
        regie = make_regie(town)
        first, second = pay(regie), pay(regie)
        notices.hear(regie, first)
        notices.tell(regie, second, notices.form(regie, second))
        assert doubles(town) == []


@pytest.mark.usefixtures("committed_db")
class TestTwoSettlementsAtOnce:
    def test_are_one_case(self):
        regie = make_regie(cast.make_saint_aubin())
        first, second = pay(regie), pay(regie)
        ends = at_once(lambda: notices.hear(regie, first), lambda: notices.hear(regie, second))
        assert [end for end in ends if isinstance(end, Exception)] == []
        assert len(doubles(regie)) == 1


@pytest.mark.django_db
class TestAbsentFromFile:
    def test_closes_itself_once_the_payment_is_confirmed(self):
        town = cast.make_saint_aubin()
        attempt, other = pay(town, cast.REFDET), pay(town, "202600000413000001")
        with tenant(town.collectivite):
            for one in (attempt, other):
                open_case(
                    collectivite_id=town.collectivite.pk,
                    kind=Kind.ABSENT_FROM_FILE,
                    subject_kind="attempt",
                    subject_id=one.pk,
                    rule="test",
                    facts={},
                    now=later(days=2),
                )
        notices.hear(town, attempt, now=later(days=3))
        with tenant(town.collectivite):
            closed, still_open = Case.objects.of(town.collectivite).order_by("pk")
        assert (closed.decision, closed.closed_by, closed.closed_rule) == ("resolved_itself", None, "settled")
        assert still_open.is_open


@pytest.mark.django_db
class TestOthersOnDebt:
    def test_are_all_the_others_of_the_reference_the_newest_first(self):
        town = cast.make_saint_aubin()
        first, second, third = (pay(town, cast.REFDET, now=later(minutes=minute)) for minute in range(3))
        pay(town, "202600000413000001")
        next_town = cast.make_next_town()
        pay(next_town, cast.REFDET)
        with tenant(town.collectivite):
            assert list(others_on_debt(attempt=second)) == [third, first]

    @pytest.mark.parametrize(("outcome", "said"), [("P", True), ("R", False), ("A", False)])
    def test_are_said_paid_when_announced_or_proved(self, outcome, said):
        town = cast.make_saint_aubin()
        attempt = pay(town, cast.REFDET)
        notices.tell(town, attempt, notices.form(town, attempt, outcome))
        assert self.is_said_paid(town, attempt) is said
        notices.hear(town, attempt, notices.notice(town, attempt, Outcome.PAID))
        assert self.is_said_paid(town, attempt)

    def is_said_paid(self, town, attempt):
        with tenant(town.collectivite):
            return is_said_paid(Attempt.objects.of(town.collectivite).get(pk=attempt.pk))
