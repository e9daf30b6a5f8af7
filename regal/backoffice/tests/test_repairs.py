"""What an agent sees of the questions put to PayFiP: the button, what repaired itself, and dignity in an outage."""

import html
import re
from datetime import timedelta

import pytest

from regal.agenda.models import Pace
from regal.audit.models import AuditEntry
from regal.backoffice import inquiries as views
from regal.backoffice import pages
from regal.lib import paris
from regal.lib.tenancy import tenant
from tests import cast
from tests.cast import MORNING
from tests.inquiries import (
    Clock,
    FakePayfip,
    again,
    check,
    check_until,
    leave,
    make_canteen,
    nudge,
    speaking_to,
    watch_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(pages, "clock", clock)
    monkeypatch.setattr(views, "clock", clock)
    return clock


@pytest.fixture
def payfip():
    with speaking_to(FakePayfip()) as fake:
        yield fake


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def attempt(town, clock, payfip):
    canteen = make_canteen(town)
    return leave(canteen, cast.make_titre(canteen), clock)


@pytest.fixture
def nadia(bureau, town):
    bureau.force_login(town.agent)
    return bureau


def address(attempt):
    return f"/saint-aubin/paiements/{attempt.pk}/"


def read(client, where="/saint-aubin/"):
    answer = client.get(where)
    assert answer.status_code == 200
    text = html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return " ".join(text.split())


def press(client, attempt):
    return client.post(f"{address(attempt)}demander/")


def acts(town):
    with tenant(town.collectivite):
        return AuditEntry.objects.filter(collectivite=town.collectivite, action="ask_gateway").count()


class TestTheButton:
    def test_has_the_question_put_and_the_answer_is_there_after_a_reload(self, nadia, attempt, payfip, clock):
        check_until(clock, MORNING + timedelta(minutes=40))
        payfip.says[attempt.key] = "P"
        assert check(clock) == 0
        assert press(nadia, attempt).url == address(attempt)
        assert "REGAL demande à PayFiP" in read(nadia, address(attempt))
        assert check(clock) == 1
        assert "Ce paiement est confirmé." in read(nadia, address(attempt))

    def test_pressed_again_does_nothing_more(self, nadia, town, attempt, payfip, clock):
        check_until(clock, MORNING + timedelta(minutes=40))
        for _ in range(3):
            press(nadia, attempt)
        assert "La question part déjà" in read(nadia, address(attempt))
        assert acts(town) == 1
        assert check(clock) == 1

    def test_asks_again_about_what_was_given_up(self, nadia, attempt, payfip, clock):
        payfip.says[attempt.key] = "R"
        check_until(clock, MORNING + timedelta(hours=3))
        assert watch_of(attempt).closed_at is not None
        payfip.says[attempt.key] = "P"
        press(nadia, attempt)
        check(clock)
        assert again(attempt).status == "paid"

    def test_is_not_there_once_the_payment_is_confirmed(self, nadia, town, attempt, payfip, clock):
        payfip.says[attempt.key] = "P"
        check_until(clock, MORNING + timedelta(minutes=5))
        assert "Demander à PayFiP maintenant" not in read(nadia, address(attempt))
        press(nadia, attempt)
        assert acts(town) == 0
        assert check(clock) == 0

    def test_is_not_there_where_payfip_cannot_be_asked(self, nadia, town, clock):
        form_mode = cast.start(town).attempt
        assert "Questions posées à PayFiP" not in read(nadia, address(form_mode))
        assert press(nadia, form_mode).status_code == 303
        assert acts(town) == 0

    def test_of_the_next_town_leads_nowhere(self, bureau, attempt):
        bureau.force_login(cast.make_next_town().agent)
        assert press(bureau, attempt).status_code == 404
        assert bureau.post(f"/val-de-l-orne/paiements/{attempt.pk}/demander/").status_code == 404


class TestAPaymentsPage:
    def test_says_when_it_was_asked_what_was_answered_and_when_it_is_asked_next(self, nadia, attempt, payfip, clock):
        assert "Dernière question aucune encore" in read(nadia, address(attempt))
        clock.pass_(seconds=30)
        check(clock)
        told = read(nadia, address(attempt))
        assert "Dernière question 24 novembre 2026 à 9 h 00 1 en tout" in told
        assert "Réponse pas encore de résultat" in told
        assert "Prochaine question 24 novembre 2026 à 9 h 01" in told
        assert "Demander à PayFiP maintenant" in told

    def test_tells_the_same_answer_once_with_how_often_it_came(self, nadia, attempt, payfip, clock):
        payfip.says[attempt.key] = "R"
        check_until(clock, MORNING + timedelta(minutes=40))
        answer = nadia.get(address(attempt))
        said = [one for one in answer.context["evidence"] if one.outcome == "refusé"]
        assert [one.repeated > 1 for one in said] == [True]
        assert f"reçu encore {said[0].repeated} fois à l’identique" in read(nadia, address(attempt))

    def test_says_of_a_message_that_names_another_key_that_it_is_of_another_payment(
        self, nadia, town, attempt, payfip, clock
    ):
        nudge(town, attempt, "00000000-1cd4-11ea-8cca-0213ad91a103", clock)
        assert "désigne un autre paiement : écarté" in read(nadia, address(attempt))

    def test_says_why_nothing_came(self, nadia, attempt, payfip, clock):
        payfip.is_down = True
        clock.pass_(seconds=30)
        check(clock)
        assert "Réponse aucune à la dernière question (PayFiP est injoignable)" in read(nadia, address(attempt))

    def test_promises_no_file_and_no_seven_days_where_payfip_answers(self, nadia, attempt):
        told = read(nadia, address(attempt))
        assert "Déposer le fichier qui le confirme" not in told
        assert "REGAL le demande à PayFiP" in told


class TestRepairedByItself:
    def test_is_said_on_its_page_and_counted_on_the_first_screen(self, nadia, attempt, payfip, clock):
        payfip.says[attempt.key] = "P"
        check_until(clock, MORNING + timedelta(minutes=5))
        assert "Réparé tout seul." in read(nadia, address(attempt))
        assert "1 paiement réparé tout seul" in read(nadia)
        assert f"…{attempt.reference_tail}" in read(nadia, "/saint-aubin/paiements/repares/")

    def test_is_not_said_of_a_payment_of_which_payfip_told(self, nadia, town, attempt, payfip, clock):
        payfip.says[attempt.key] = "P"
        nudge(town, attempt, attempt.key, clock)
        clock.pass_(seconds=1)
        check(clock)
        assert again(attempt).status == "paid"
        assert "Réparé tout seul" not in read(nadia, address(attempt))
        assert "réparé tout seul" not in read(nadia)
        assert "REGAL a été prévenu de tous" in read(nadia, "/saint-aubin/paiements/repares/")

    def test_is_counted_for_thirty_days(self, nadia, attempt, payfip, clock):
        payfip.says[attempt.key] = "P"
        check_until(clock, MORNING + timedelta(minutes=5))
        clock.pass_(days=31)
        assert "réparé tout seul" not in read(nadia)


class TestAnOutage:
    def test_is_said_on_the_first_screen_with_since_when_and_that_nothing_is_lost(self, nadia, attempt, payfip, clock):
        payfip.is_down = True
        check_until(clock, MORNING + timedelta(minutes=5))
        told = read(nadia)
        assert "sur le contrat 099042 depuis le 24 novembre 2026 à 9 h 00 (PayFiP est injoignable)" in told
        assert "Rien n’est perdu : 1 paiement attend son résultat" in told
        payfip.is_down = False
        check_until(clock, MORNING + timedelta(minutes=11))
        assert "Rien n’est perdu" not in read(nadia)

    def test_is_said_on_a_payment_s_page_with_the_hour_of_the_next_question(self, nadia, town, attempt, payfip, clock):
        payfip.is_down = True
        check_until(clock, MORNING + timedelta(minutes=5))
        free_at = Pace.objects.get().free_at
        assert free_at > clock()
        told = read(nadia, address(attempt))
        assert "PayFiP ne répond pas depuis le 24 novembre 2026 à 9 h 00" in told
        for _ in range(2):
            press(nadia, attempt)
            told = read(nadia, address(attempt))
            assert "La question est notée : elle part le 24 novembre 2026 à 9 h" in told
            assert f"Prochaine question {' '.join(paris.format_instant_fr(free_at).split())}" in told
        assert acts(town) == 1

    def test_counts_only_the_payments_that_wait_for_a_result(self, nadia, town, attempt, payfip, clock):
        payfip.says[attempt.key] = "R"
        check_until(clock, MORNING + timedelta(minutes=2))
        assert (again(attempt).status, watch_of(attempt).closed_at) == ("refused", None)
        payfip.is_down = True
        check_until(clock, MORNING + timedelta(minutes=30))
        assert "Rien n’est perdu : aucun paiement n’attend de résultat." in read(nadia)

    def test_of_the_next_town_is_not_ours(self, bureau, attempt, payfip, clock):
        payfip.is_down = True
        check_until(clock, MORNING + timedelta(minutes=5))
        bureau.force_login(cast.make_next_town().agent)
        assert "Rien n’est perdu" not in read(bureau, "/val-de-l-orne/")
