"""A payment starts: the attempt stands in the database before its payer leaves."""

from urllib.parse import parse_qs, urlsplit

import pytest

from regal.gateways.base import DebtKind
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, AttemptEvent, Payer
from regal.payments.queries import earlier_attempts
from tests import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def saint_aubin():
    return cast.make_saint_aubin()


class TestStartPayment:
    def test_records_the_attempt_its_payer_and_its_two_steps(self, saint_aubin):
        started = cast.start(saint_aubin)
        with tenant(saint_aubin.collectivite):
            attempt = Attempt.objects.get(pk=started.attempt.pk)
            assert (attempt.status, attempt.amount, attempt.environment) == ("handed_off", Money(12_550), "test")
            assert Payer.objects.get(attempt=attempt).email == cast.MME_LEROY
            steps = AttemptEvent.objects.filter(attempt=attempt).order_by("number").values_list("event", flat=True)
            assert list(steps) == ["recorded", "payer_left"]

    def test_sends_payfip_what_the_payer_confirmed_and_an_address_of_ours(self, saint_aubin):
        started = cast.start(saint_aubin)
        sent = {name: values[0] for name, values in parse_qs(urlsplit(started.hand_off.url).query).items()}
        assert sent["numcli"] == "006382"
        assert sent["refdet"] == cast.REFDET
        assert sent["montant"] == "12550"
        assert sent["saisie"] == "T"
        assert f"/s/n/{saint_aubin.collectivite.pk}/" in sent["urlcl"]


class TestEarlierAttempts:
    """Same reference and same amount, on the same contract: anything else is another debt."""

    def earlier(self, town, **changes):
        asked = {"account": town.account, "debt_reference": cast.REFDET, "amount": Money(12_550)} | changes
        with tenant(town.collectivite):
            return earlier_attempts(**asked).exists()

    def test_are_told_of(self, saint_aubin):
        cast.start(saint_aubin)
        assert self.earlier(saint_aubin)

    def test_of_another_amount_or_reference_are_not(self, saint_aubin):
        cast.start(saint_aubin)
        assert not self.earlier(saint_aubin, amount=Money(12_551))
        assert not self.earlier(saint_aubin, debt_reference="202600000413000001")
        assert cast.start(saint_aubin, amount=Money(12_551)).attempt.warned is False

    def test_on_another_contract_are_not(self, saint_aubin):
        cast.start(saint_aubin)
        other = cast.make_product(saint_aubin, DebtKind.TITRE, slug="loyers", numcli="006383")
        assert not self.earlier(saint_aubin, account=other.account)
        assert cast.start(saint_aubin, product=other).attempt.warned is False

    @pytest.mark.parametrize(("announced", "told"), [("paid", True), ("refused", False), ("abandoned", False)])
    def test_are_told_of_unless_payfip_announced_that_they_failed(self, saint_aubin, announced, told):
        cast.start(saint_aubin)
        with tenant(saint_aubin.collectivite):
            Attempt.objects.of(saint_aubin.collectivite).update(announced=announced, announced_at=cast.MORNING)
        assert self.earlier(saint_aubin) is told
