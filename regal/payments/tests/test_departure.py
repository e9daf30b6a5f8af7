"""While PayFiP thinks, those who wait for it leave room for everybody else."""

from threading import BoundedSemaphore

import httpx
import pytest

from regal.config.management.commands.serve import Command
from regal.lib.tenancy import tenant
from regal.payments import departure
from regal.payments.models import Attempt
from regal.payments.refusals import GatewayAway, TitreNotPayable
from tests import cast
from tests.inquiries import Clock, FakePayfip, leave, make_canteen, speaking_to

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def canteen(committed_db):
    return make_canteen(cast.make_saint_aubin())


@pytest.fixture
def titre(canteen):
    return cast.make_titre(canteen)


@pytest.fixture
def payfip():
    with speaking_to(FakePayfip()) as fake:
        yield fake


@pytest.fixture
def places(monkeypatch):
    """For one payer only."""
    places = BoundedSemaphore(1)
    monkeypatch.setattr(departure, "_places", places)
    return places


class TestPlaces:
    def test_are_half_of_the_threads_that_serve(self):
        threads = Command().create_parser("manage.py", "serve").get_default("threads")
        assert threads == 2 * departure.MOST_WAITING

    def test_once_taken_send_the_next_payer_away_at_once_and_begin_nothing(self, canteen, titre, payfip, places):
        with places, pytest.raises(GatewayAway) as away:
            leave(canteen, titre, Clock())
        assert away.value.reason == "busy"
        with tenant(canteen.collectivite):
            assert not Attempt.objects.exists()
        assert payfip.opened == {}
        assert leave(canteen, titre, Clock()).status == "handed_off"

    def test_are_given_back_whatever_happens(self, canteen, titre, payfip, places):
        payfip.when_opening = httpx.ReadTimeout("late")
        with pytest.raises(GatewayAway):
            leave(canteen, titre, Clock())
        payfip.when_opening = None
        leave(canteen, titre, Clock())
        with pytest.raises(TitreNotPayable):
            leave(canteen, titre, Clock())
        assert places.acquire(blocking=False)
