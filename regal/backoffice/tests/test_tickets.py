"""A payment's page says what became of its ticket, and sends a copy of it."""

import html
import re

import pytest
from django.core import mail as outbox

from regal.audit.models import AuditEntry
from regal.backoffice import tickets
from regal.gateways.base import Environment
from regal.lib import mail
from regal.lib.tenancy import tenant
from regal.payments.models import Payer
from tests import cast, notices

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch):
    moment = [cast.later(minutes=5)]
    monkeypatch.setattr(tickets, "clock", lambda: moment[0])
    return moment


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def paid(town, clock):
    return notices.pay(town, cast.make_titre(cast.make_canteen(town, environment=Environment.PRODUCTION)))


@pytest.fixture
def nadia(bureau, town):
    bureau.force_login(town.agent)
    return bureau


def read(client, attempt):
    answer = client.get(f"/saint-aubin/paiements/{attempt.pk}/")
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def press(client, attempt):
    return client.post(f"/saint-aubin/paiements/{attempt.pk}/ticket/")


def acts(town):
    with tenant(town.collectivite):
        return AuditEntry.objects.filter(action="resend_ticket").count()


class TestThePage:
    def test_says_since_when_a_ticket_waits(self, nadia, paid):
        told = read(nadia, paid)
        assert "Ticket attend depuis le 24 novembre 2026 à 9 h 00" in told
        assert "Renvoyer le ticket" not in told

    def test_says_when_it_was_sent(self, nadia, paid):
        notices.run_due(cast.later(seconds=1))
        told = read(nadia, paid)
        assert "Ticket envoyé le 24 novembre 2026 à 9 h 00" in told
        assert "Renvoyer le ticket" in told

    def test_says_how_often_it_was_tried_in_vain(self, nadia, paid, monkeypatch):
        def away(**_):
            raise mail.NotTaken("smtp_451")

        monkeypatch.setattr(mail, "send", away)
        with pytest.raises(mail.NotTaken):
            notices.run_due(cast.later(seconds=1))
        assert "attend depuis le 24 novembre 2026 à 9 h 00, 1 essai" in read(nadia, paid)

    def test_says_why_it_was_not_sent(self, nadia, town, paid):
        with tenant(town.collectivite):
            Payer.objects.filter(attempt=paid).delete()
        notices.run_due(cast.later(seconds=1))
        told = read(nadia, paid)
        assert "pas envoyé : l’adresse du payeur est effacée" in told
        assert "Renvoyer le ticket" not in told

    def test_says_nothing_of_a_ticket_that_tipi_sends(self, nadia, town):
        attempt = cast.start(town).attempt
        notices.hear(town, attempt)
        notices.run_due(cast.later(hours=1))
        assert "Renvoyer le ticket" not in read(nadia, attempt)
        assert "Ticket" not in read(nadia, attempt)


class TestTheButton:
    def test_sends_a_copy_and_writes_it_down(self, nadia, town, paid):
        notices.run_due(cast.later(seconds=1))
        assert press(nadia, paid).status_code == 303
        assert "La copie du ticket part dans un instant" in read(nadia, paid)
        notices.run_due(cast.later(minutes=6))
        assert [letter.to for letter in outbox.outbox] == [[cast.MME_LEROY]] * 2
        assert "copie demandée par nadia : envoyé le 24 novembre 2026 à 9 h 06" in read(nadia, paid)
        assert acts(town) == 1

    def test_pressed_twice_sends_one_copy(self, nadia, town, paid):
        notices.run_due(cast.later(seconds=1))
        press(nadia, paid)
        press(nadia, paid)
        assert "(R292)" in read(nadia, paid)
        notices.run_due(cast.later(minutes=6))
        assert (len(outbox.outbox), acts(town)) == (2, 1)

    def test_is_refused_where_there_is_no_ticket(self, nadia, town):
        attempt = cast.start(town).attempt
        press(nadia, attempt)
        assert "(R291)" in read(nadia, attempt)

    def test_is_for_those_who_work_here(self, bureau, town, paid):
        stranger = cast.make_next_town()
        bureau.force_login(stranger.agent)
        assert press(bureau, paid).status_code == 404
        assert press(bureau, paid).status_code == 404
        assert acts(town) == 0
