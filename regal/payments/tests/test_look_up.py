"""What a payer may be told of an invoice of a régie: nothing, unless he has both its reference and its amount."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.crypto import salted_hmac

from regal.gateways.base import DebtKind
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.queries import Situation, look_up, paid_of
from regal.titres import operations, payment_keys
from regal.titres.models import Adjustment, Direction, Titre
from regal.titres.payment_keys import payment_key
from regal.titres.states import State as TitreState
from tests import cast

pytestmark = pytest.mark.django_db

REFERENCE, AMOUNT = "FC2026000042", Money(8_470)


@pytest.fixture
def saint_aubin():
    return cast.make_saint_aubin()


@pytest.fixture
def product(saint_aubin):
    return cast.make_product(saint_aubin, DebtKind.REGIE, slug="cantine", numcli="350005", gateway="payfip_ws")


@pytest.fixture
def titre(product):
    return cast.make_titre(product)


def change(titre, **fields):
    with tenant(titre.collectivite_id):
        Titre.objects.filter(collectivite=titre.collectivite_id, pk=titre.pk).update(**fields)


def look(product, *, reference=REFERENCE, amount=AMOUNT, key="", now=cast.MORNING):
    with tenant(product.collectivite):
        return look_up(product=product, reference=reference, amount=None if key else amount, key=key, now=now)


class TestLookUp:
    def test_finds_an_open_invoice_by_its_reference_and_amount_together(self, product, titre):
        found = look(product)
        assert (found.situation, found.titre) == (Situation.PAYABLE, titre)

    @pytest.mark.parametrize("typed", [{"reference": "FC2026000043"}, {"amount": Money(8_471)}])
    def test_knows_nothing_when_one_of_them_differs(self, product, titre, typed):
        found = look(product, **typed)
        assert (found.situation, found.titre) == (Situation.UNKNOWN, None)

    def test_knows_nothing_of_another_product_s_invoice(self, saint_aubin, titre):
        music = cast.make_product(saint_aubin, DebtKind.REGIE, slug="musique", numcli="350006", gateway="payfip_ws")
        assert look(music).situation is Situation.UNKNOWN

    def test_knows_nothing_of_the_next_town_s_invoice(self, titre):
        theirs = cast.make_product(
            cast.make_next_town(), DebtKind.REGIE, slug="cantine", numcli="350007", gateway="payfip_ws"
        )
        assert look(theirs).situation is Situation.UNKNOWN

    def test_knows_nothing_of_a_draft(self, product, titre):
        change(titre, status=TitreState.DRAFT)
        assert look(product).situation is Situation.UNKNOWN

    @pytest.mark.parametrize(
        ("state", "situation"),
        [
            (TitreState.SUSPENDED, Situation.SUSPENDED),
            (TitreState.CANCELLED, Situation.CANCELLED),
            (TitreState.TRANSFERRED, Situation.TRANSFERRED),
            (TitreState.WRITTEN_OFF, Situation.WRITTEN_OFF),
        ],
    )
    def test_tells_what_was_decided_of_it(self, product, titre, state, situation):
        change(titre, status=state)
        assert look(product).situation is situation
        assert look(product, amount=Money(8_400)).situation is Situation.UNKNOWN

    def test_tells_what_the_régie_says_of_why(self, product, titre):
        operations.suspend(
            titre=titre, reason="La mère conteste", payer_note="Appelez la cantine avant de payer.", now=cast.MORNING
        )
        assert look(product).note == "Appelez la cantine avant de payer."
        assert look(product, amount=Money(8_400)).note == ""
        operations.resume(titre=titre, reason="Tout est clair", now=cast.MORNING)
        assert look(product).note == ""
        operations.cancel(titre=titre, reason="Saisie en double", paid=paid_of, now=cast.MORNING)
        assert (look(product).situation, look(product).note) == (Situation.CANCELLED, "")

    def test_tells_until_when_another_attempt_holds_it_and_not_a_moment_longer(self, product, titre):
        until = cast.later(minutes=20)
        change(titre, held_by=1, held_until=until)
        found = look(product)
        assert (found.situation, found.until) == (Situation.HELD, until)
        assert look(product, now=until).situation is Situation.PAYABLE

    def test_tells_since_when_it_is_paid(self, product, titre):
        change(titre, paid_at=cast.MORNING)
        found = look(product, now=cast.MORNING + timedelta(days=1))
        assert (found.situation, found.since) == (Situation.PAID, cast.MORNING)
        assert look(product, amount=Money(8_471)).situation is Situation.UNKNOWN

    def test_expects_what_is_left_to_pay_once_it_was_adjusted(self, product, titre):
        with tenant(product.collectivite):
            Adjustment.objects.create(
                collectivite=product.collectivite,
                titre=titre,
                direction=Direction.DECREASE,
                amount=Money(1_000),
                reason="Un repas annulé",
                made_at=cast.MORNING,
            )
        assert look(product).situation is Situation.UNKNOWN
        assert look(product, amount=Money(7_470)).situation is Situation.PAYABLE

    def test_tells_since_when_somebody_pays_it(self, product, titre):
        cast.leave_with(titre, now=cast.MORNING)
        found = look(product, now=cast.later(minutes=3))
        assert (found.situation, found.since, found.until) == (
            Situation.HELD,
            cast.MORNING,
            cast.later(minutes=20),
        )

    @pytest.mark.parametrize(
        "typed",
        [{}, {"reference": "FC2026000043"}, {"amount": Money(8_471)}, {"key": "0000000000"}],
    )
    def test_puts_the_same_questions_to_the_base_whatever_is_found(self, product, titre, typed):
        def asked(typed):
            with CaptureQueriesContext(connection) as queries:
                look(product, **typed)
            return [sql.partition(" WHERE ")[0] for query in queries if (sql := query["sql"]).startswith("SELECT")]

        assert len(asked(typed)) == 4
        assert asked(typed) == asked({"reference": "FC2026999999"})


class TestByKey:
    """The payment key that notices print stands for the amount."""

    def test_finds_an_open_invoice_and_says_what_is_due(self, product, titre):
        found = look(product, key=payment_key(titre))
        assert (found.situation, found.titre, found.due) == (Situation.PAYABLE, titre, AMOUNT)

    def test_says_what_is_due_now_where_it_was_adjusted_since_the_notice(self, product, titre):
        cast.reduce(titre)
        assert look(product, key=payment_key(titre)).due == Money(7_470)

    def test_knows_nothing_by_another_invoice_s_key(self, product, titre):
        other = cast.make_titre(product, reference="FC2026000043")
        assert look(product, key=payment_key(other)).situation is Situation.UNKNOWN

    def test_knows_nothing_of_a_draft(self, product, titre):
        change(titre, status=TitreState.DRAFT)
        assert look(product, key=payment_key(titre)).situation is Situation.UNKNOWN

    def test_does_not_count_the_amount_beside_a_key(self, product, titre):
        with tenant(product.collectivite):
            found = look_up(product=product, reference=REFERENCE, amount=AMOUNT, key="0000000000", now=cast.MORNING)
            assert found.situation is Situation.UNKNOWN

    def test_finds_it_once_it_is_paid_whatever_it_was(self, product, titre):
        change(titre, paid_at=cast.MORNING)
        found = look(product, key=payment_key(titre))
        assert (found.situation, found.due) == (Situation.PAID, AMOUNT)

    def test_makes_the_key_whatever_is_found(self, product, titre, monkeypatch):
        made = []

        def count(*args, **kwargs):
            made.append(args)
            return salted_hmac(*args, **kwargs)

        monkeypatch.setattr(payment_keys, "salted_hmac", count)
        costs = []
        for typed in ({"key": "0000000000"}, {"reference": "FC2026999999"}, {"amount": Money(1)}):
            made.clear()
            look(product, **typed)
            costs.append(len(made))
        assert costs == [1, 1, 1]
