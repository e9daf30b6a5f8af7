"""What TIPI tells us: stored, answered, counted when it is not for us."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from regal.lib import throttle, tokens
from regal.lib.tenancy import tenant
from regal.payments import queries
from regal.payments.models import InboxMessage
from tests import cast

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def saint_aubin():
    return cast.make_saint_aubin()


@pytest.fixture
def address(saint_aubin):
    """The path that PayFiP was given for Mme Leroy's attempt."""
    sent = parse_qs(urlsplit(cast.start(saint_aubin).hand_off.url).query)
    return urlsplit(sent["urlcl"][0]).path


def inbox(town):
    with tenant(town.collectivite):
        return [
            (bytes(message.body or b""), bytes(message.query or b""))
            for message in InboxMessage.objects.of(town.collectivite)
        ]


class TestNotification:
    def test_is_stored_as_it_came_and_answered_with_nothing(self, guichet, saint_aubin, address):
        answer = guichet.post(f"{address}?a=%E9", b"resultrans=P&b=\xe9", content_type=FORM)
        assert (answer.status_code, answer.content) == (200, b"")
        assert inbox(saint_aubin) == [(b"resultrans=P&b=\xe9", b"a=%E9")]

    def test_to_an_address_that_is_not_ours_leaves_a_number_and_nothing_else(self, guichet, saint_aubin, address):
        before = throttle.strays(day=datetime.now(UTC))
        for stray in (f"/s/n/{saint_aubin.collectivite.pk}/{tokens.new_token()}", f"/s/n/{10**30}/x"):
            assert guichet.post(stray, b"resultrans=P", content_type=FORM).status_code == 404
        assert throttle.strays(day=datetime.now(UTC)) == before + 2
        assert inbox(saint_aubin) == []

    def test_is_refused_without_a_row_beyond_what_any_gateway_sends(self, guichet, saint_aubin, address, monkeypatch):
        monkeypatch.setattr(queries, "MOST_MESSAGES", 3)
        answers = [guichet.post(address, b"n=%d" % n, content_type=FORM).status_code for n in range(5)]
        assert answers == [200, 200, 200, 429, 429]
        assert len(inbox(saint_aubin)) == 3

    @pytest.mark.parametrize("method", ["get", "put", "delete", "head", "options"])
    def test_comes_by_post_only(self, guichet, saint_aubin, address, method):
        assert getattr(guichet, method)(address).status_code == 405
        assert inbox(saint_aubin) == []
