"""A payment starts: the attempt stands in the database before its payer leaves."""

from urllib.parse import parse_qs, urlsplit

import pytest

from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, AttemptEvent, Payer
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
