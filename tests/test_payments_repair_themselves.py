"""However many notifications are lost, REGAL ends where the sandbox says: real checker, real gateway, one clock.

Ten payers a rate: paid by card or by prélèvement, refused, abandoned, given up and then paid, tab closed, never opened.
"""

from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest

import regal_sandbox
from regal.backoffice.repairs import asked_accounts, repaired_lately
from regal.checkout import notifications
from regal.lib import http
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt
from tests import cast, inquiries, proof
from tests.cast import MORNING
from tests.inquiries import Clock, check, check_until, watch_of
from tests.notices import run_due

pytestmark = pytest.mark.usefixtures("committed_db")

PAYFIP = "https://www.payfip.gouv.fr"
FATES = (
    "payer",
    "payer",
    "refuser",
    "abandonner",
    "payer",
    "abandonner puis payer",
    "partir",
    "payer",
    "rien",
    "payer",
)


class Story:
    """Saint-Aubin's canteen, the sandbox, and a network that loses some notifications."""

    def __init__(self, guichet, *, lost_percent=0):
        self.clock = Clock()
        self.guichet, self.lost_percent, self.sent = guichet, lost_percent, 0
        self.town = cast.make_saint_aubin()
        self.canteen = inquiries.make_canteen(self.town)
        client = {"numcli": inquiries.NUMCLI, "kind": "regie", "phase": "active", "options": {"web_service": True}}
        self.sandbox = regal_sandbox.create(
            config={"clients": [client], "debts": []}, clock=self.clock, seed="graine", send_notification=self._hear
        )
        self.payfip = httpx.Client(transport=self.sandbox.transport(), base_url=PAYFIP)

    def _hear(self, request):
        self.sent += 1
        if (self.sent * self.lost_percent) % 100 < self.lost_percent:
            raise OSError("lost")
        address = urlsplit(request.url)
        heard = self.guichet.post(
            address.path, request.body, content_type="application/x-www-form-urlencoded", QUERY_STRING=address.query
        )
        return regal_sandbox.Answer(status=heard.status_code, body=heard.content)

    def leave(self, number):
        titre = cast.make_titre(self.canteen, reference=f"FC2026000{number:03d}")
        return inquiries.leave(self.canteen, titre, self.clock)

    def at_payfip(self, attempt, fate):
        """What the payer does on PayFiP's pages."""
        if fate == "rien":
            return
        for decision in fate.split(" puis "):
            page = self.payfip.get(f"{PAYFIP}/tpa/paiementws.web?idop={attempt.key}", follow_redirects=True)
            for step in ("continuer", *([] if decision == "partir" else [decision])):
                page = self.payfip.post(page.url, data={"decision": step}, follow_redirects=True)
            self.notify()
            self.clock.pass_(seconds=40)
            check(self.clock)

    def notify(self):
        self.sandbox.deliver_due()
        run_due(self.clock.now)

    def truth(self):
        """What the sandbox says of each key: its last result, or that it knows none."""
        return {one["idop"]: one for one in self.sandbox.idops()}

    def attempts(self):
        with tenant(self.town.collectivite):
            return list(Attempt.objects.of(self.town.collectivite).order_by("pk"))


@pytest.fixture
def tell(guichet, monkeypatch):
    """A story at a rate of loss."""
    stories = []

    def make(lost_percent):
        story = Story(guichet, lost_percent=lost_percent)
        monkeypatch.setattr(notifications, "clock", story.clock)
        stories.append(http.replaced(story.payfip))
        stories[-1].__enter__()
        return story

    yield make
    for replaced in stories:
        replaced.__exit__(None, None, None)


@pytest.mark.parametrize("lost_percent", [0, 25, 50, 100])
def test_whatever_is_lost_all_agree_in_the_end(tell, lost_percent):
    story = tell(lost_percent)
    for number, fate in enumerate(FATES, start=1):
        attempt = story.leave(number)
        story.clock.pass_(seconds=20)
        story.at_payfip(attempt, fate)
    check_until(story.clock, story.clock.now + timedelta(minutes=5))
    truth = story.truth()
    paid = {key for key, one in truth.items() if one["resultrans"] in ("P", "V")}
    assert len(paid) == 6
    assert {one.key for one in story.attempts() if one.status == "paid"} == paid  # within five minutes
    check_until(story.clock, MORNING + timedelta(hours=30))
    run_due(story.clock.now)
    expected = {"P": "paid", "V": "paid", "R": "refused", "Z": "refused", "A": "abandoned", None: "expired_presumed"}
    truth = story.truth()
    for attempt in story.attempts():
        assert attempt.status == expected[truth[attempt.key]["resultrans"]], attempt.key
        assert watch_of(attempt).closed_at is not None
    assert proof.broken(story.clock.now) == ()


def test_what_was_lost_is_counted_as_repaired(tell):
    story = tell(100)
    for number in (1, 2):
        story.at_payfip(story.leave(number), "payer")
    check_until(story.clock, MORNING + timedelta(minutes=5))
    with tenant(story.town.collectivite):
        accounts = asked_accounts(collectivite=story.town.collectivite)
        found = repaired_lately(collectivite=story.town.collectivite, accounts=accounts, now=story.clock.now)
        assert found.count() == 2


def test_what_was_told_is_not(tell):
    story = tell(0)
    story.at_payfip(story.leave(1), "payer")
    check_until(story.clock, MORNING + timedelta(minutes=5))
    with tenant(story.town.collectivite):
        accounts = asked_accounts(collectivite=story.town.collectivite)
        assert not repaired_lately(
            collectivite=story.town.collectivite, accounts=accounts, now=story.clock.now
        ).exists()
    assert [one.status for one in story.attempts()] == ["paid"]
