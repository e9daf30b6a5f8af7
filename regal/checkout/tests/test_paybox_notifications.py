"""What Paybox tells us: stored first, then told whether the signature is good; at either of its two addresses."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from regal.lib import tokens
from regal.lib.tenancy import tenant
from regal.payments import queries
from regal.payments.models import Evidence, InboxMessage
from tests import cast, notices, paybox
from tests.door import guichet_door
from tests.inquiries import Clock, again
from tests.paybox import FakePaybox, signed, speaking_to

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def fake():
    with speaking_to(FakePaybox()) as fake:
        yield fake


@pytest.fixture
def product(committed_db, fake):
    return paybox.make_paybox_product(cast.make_saint_aubin())


@pytest.fixture
def departure(product):
    with tenant(product.collectivite_id):
        titre = cast.make_titre(product)
    return paybox.departs(product, titre, Clock(datetime.now(UTC)))


@pytest.fixture
def address(departure):
    """The path that the form named."""
    return urlsplit(departure.hand_off.fields["PBX_REPONDRE_A"]).path


@pytest.fixture
def own_address(product):
    """The path that an administrator put into Paybox's back office."""
    return f"/s/p/{product.collectivite_id}/{paybox.give_address(product.account)}"


@pytest.fixture
def door():
    with guichet_door() as door:
        yield door


def paid(departure):
    return signed(paybox.said(departure.attempt, datetime.now(UTC)))


def inbox(product):
    with tenant(product.collectivite_id):
        return [bytes(message.body or b"") for message in InboxMessage.objects.order_by("pk")]


@pytest.mark.parametrize("which", ["address", "own_address"])
class TestAtEitherAddress:
    def test_a_good_signature_reads_200_and_nothing_else(self, which, request, door, product, departure, fake):
        path, body = request.getfixturevalue(which), paid(departure)
        answer = door.knock(path, body)
        assert (answer.status, answer.body, inbox(product)) == (200, b"", [body])
        with tenant(product.collectivite_id):
            assert not Evidence.objects.exists()  # a worker will judge it
        assert fake.asked == []
        notices.run_due(datetime.now(UTC))
        assert again(departure.attempt).standing == ("announced_paid" if which == "address" else "provisional")

    @pytest.mark.parametrize(
        "alter",
        [
            lambda body: body.replace(b"Mt=8470", b"Mt=100"),
            lambda body: body + b"&Mt=8470",
            lambda body: body.partition(b"&Sign=")[0],
            lambda body: b"",
        ],
        ids=["altered", "extended", "unsigned", "empty"],
    )
    def test_a_wrong_one_is_stored_and_reads_403(self, which, request, door, product, departure, alter):
        body = alter(paid(departure))
        answer = door.knock(request.getfixturevalue(which), body)
        assert (answer.status, inbox(product)) == (403, [body])
        notices.run_due(datetime.now(UTC))
        assert again(departure.attempt).status == "handed_off"

    def test_another_address_is_not_ours(self, which, request, door, product, departure):
        path = request.getfixturevalue(which).rpartition("/")[0]
        assert door.knock(f"{path}/{tokens.new_token()}", paid(departure)).status == 404
        assert inbox(product) == []


class TestTheAttemptSOwnAddress:
    def test_turns_nothing_away_that_is_well_signed_because_others_were_not(
        self, door, product, departure, address, monkeypatch
    ):
        monkeypatch.setattr(queries, "MOST_MESSAGES", 2)
        assert [door.knock(address, b"n=%d" % n).status for n in range(3)] == [403, 403, 429]
        body = paid(departure)
        assert [door.knock(address, body).status for _ in range(2)] == [200, 200]  # the second leaves no row
        assert inbox(product) == [b"n=0", b"n=1", body]

    def test_keeps_well_signed_messages_within_a_bound(self, door, product, departure, address, monkeypatch):
        monkeypatch.setattr(queries, "MOST_MESSAGES", 1)
        monkeypatch.setattr(queries, "MOST_SIGNED_MESSAGES", 2)
        assert [door.knock(address, paid(departure)).status for _ in range(3)] == [200, 200, 429]


class TestTheAccountSOwnAddress:
    def test_takes_no_more_once_it_was_told_too_much_of_nobody(
        self, door, product, departure, own_address, monkeypatch
    ):
        monkeypatch.setattr(queries, "MOST_STRANGE_MESSAGES", 2)
        for _ in range(2):
            door.knock(own_address, b"who knows")
        notices.run_due(datetime.now(UTC))
        assert door.knock(own_address, b"who knows").status == 429
        assert len(inbox(product)) == 2
        assert door.knock(own_address, paid(departure)).status == 200
        assert len(inbox(product)) == 3

    def test_of_a_contract_that_cannot_be_opened_still_stores(self, door, product, departure, own_address, settings):
        settings.SECRET_KEYS = ""
        assert door.knock(own_address, paid(departure)).status == 200
        assert len(inbox(product)) == 1
