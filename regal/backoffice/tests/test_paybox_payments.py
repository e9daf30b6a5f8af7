"""Paybox's payments on the screens: paid and to be confirmed, confirmed by whom, under which numbers."""

import re
from html import unescape

import pytest

from regal.backoffice import explanations, exports, inquiries, pages, paybox_explanations
from regal.backoffice.first_screen import first_screen
from regal.backoffice.town_forms import account_in_words
from regal.gateways.base import Outcome
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Evidence
from regal.payments.queries import Selection
from regal.payments.standing import Standing
from regal.people.models import Role
from tests import cast, notices, paybox
from tests.cast import MORNING
from tests.inquiries import Clock

pytestmark = pytest.mark.django_db

LIST = "/saint-aubin/paiements/"


@pytest.fixture(autouse=True)
def paybox_():
    with paybox.speaking_to(paybox.FakePaybox()) as pretend:
        yield pretend


@pytest.fixture
def clock(monkeypatch, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose
    clock = Clock(MORNING)
    for module in (pages, inquiries):
        monkeypatch.setattr(module, "clock", lambda: clock.now)
    return clock


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def pool(town):
    return paybox.make_paybox_product(town)


@pytest.fixture
def ines(bureau, town):
    bureau.force_login(cast.make_agent(town, "ines", Role.REGISSEUR))
    return bureau


def words(answer):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def shown(client, attempt):
    return words(client.get(f"{LIST}{attempt.pk}/"))


def paid(product, clock, **changes):
    """84,70 € by card; Paybox's signed message came."""
    attempt = paybox.leave(product, cast.make_titre(product), clock)
    paybox.ipn(attempt, clock, **changes)
    return attempt


class TestProvisional:
    def test_is_shown_as_paid_and_to_be_confirmed_never_as_confirmed(self, ines, pool, clock):
        page = shown(ines, paid(pool, clock))
        assert "payé, à confirmer" in page
        assert "Un message signé de Paybox le dit" in page
        assert "Déposez le fichier de remise" in page
        assert "Ce paiement est confirmé" not in page
        assert "PayFiP" not in page

    def test_has_its_numbers_for_whoever_calls_the_bank(self, ines, pool, clock):
        page = shown(ines, paid(pool, clock, Trans="5329117", Appel="9771188"))
        assert "Transaction Paybox 5329117 appel 9771188" in page
        assert "Autorisation 581204" in page
        assert f"Contrat Paybox {paybox.IDENTIFIER}" in page

    def test_has_a_total_of_its_own_and_can_be_filtered(self, ines, pool, clock):
        paid(pool, clock)
        page = words(ines.get(LIST, {"etat": "provisional"}))
        assert re.search(r"Payés, à confirmer 84,70 € 1 paiement", page)
        assert re.search(r"Confirmés 0,00 € 0 paiement", page)
        assert "…" in page

    def test_waits_on_the_first_screen_and_is_not_counted_confirmed(self, ines, town, pool, clock):
        paid(pool, clock)
        with tenant(town.collectivite):
            state = first_screen(collectivite=town.collectivite, now=clock.now)
        assert (state.provisional.count, state.provisional.amount) == (1, Money(8_470))
        assert state.today.whole.confirmed.count == 0
        assert state.today.whole.provisional == state.provisional
        page = words(ines.get("/saint-aubin/"))
        assert "1 payé, à confirmer (84,70 €)" in page
        assert "1 à confirmer" in page

    def test_is_exported_with_its_number_and_without_a_day_of_confirmation(self, town, pool, clock):
        paid(pool, clock, Trans="5329117")
        (row,) = exports.rows(town=town.collectivite, selection=Selection(), emails=False, now=clock.pass_(minutes=1))
        assert (row.standing, row.transaction, row.confirmed_at) == (Standing.PROVISIONAL, "5329117", None)
        assert row.proof == "preuve partielle\u00a0: message signé"

    def test_leaves_its_place_once_a_file_confirms_it(self, ines, town, pool, clock):
        attempt = paid(pool, clock)
        account_town = cast.Town(**{**vars(town), "account": pool.account, "product": pool})
        notices.hear(account_town, attempt, notices.notice(account_town, attempt))
        page = shown(ines, attempt)
        assert "Le paiement est confirmé par le fichier de remise" in page
        assert "Le paiement est payé, à confirmer" in page, "in what happened"
        with tenant(town.collectivite):
            state = first_screen(collectivite=town.collectivite, now=clock.now)
        assert (state.provisional.count, state.today.whole.confirmed.count) == (0, 1)


class TestMessages:
    def test_refused_say_that_nobody_was_debited(self, ines, pool, clock):
        page = shown(ines, paid(pool, clock, **paybox.REFUSED))
        assert "Un message signé de Paybox le dit ; rien n’a été débité." in page
        assert "n’est pas signé" not in page

    def test_are_said_to_be_signed(self, ines, pool, clock):
        page = shown(ines, paid(pool, clock))
        assert "message signé de Paybox" in page
        assert "Messages bruts" in page

    def test_are_not_called_proof_in_the_story(self, ines, pool, clock):
        attempt = paid(pool, clock, **paybox.REFUSED)
        paybox.come_back(attempt, clock, **paybox.ABANDONED)
        page = shown(ines, attempt)
        assert page.count("Un message signé de Paybox le dit. Le payeur peut recommencer.") == 2
        assert "Une preuve le dit" not in page


class TestTheContract:
    def test_is_named_by_its_service_in_a_list(self, clock, pool):
        assert account_in_words(pool.account).startswith(f"Paybox {paybox.IDENTIFIER} – ")


class TestAnAgent:
    """Who may not deposit is told to ask who may."""

    @pytest.fixture
    def omar(self, bureau, town):
        bureau.force_login(cast.make_agent(town, "omar", Role.AGENT))
        return bureau

    def test_is_sent_to_a_regisseur_for_what_a_file_confirms(self, omar, pool, clock):
        page = shown(omar, paid(pool, clock))
        assert "Demandez à un régisseur de déposer le fichier de remise" in page
        assert "Déposez" not in page
        assert "Déposer le fichier" not in page

    def test_reads_on_the_files_page_who_deposits(self, omar, clock):
        assert "Pour en déposer un, demandez à un régisseur" in words(omar.get("/saint-aubin/fichiers/"))

    def test_alone_is_told_so(self, ines, pool, clock):
        assert "Pour en déposer un" not in words(ines.get("/saint-aubin/fichiers/"))
        page = shown(ines, paid(pool, clock))
        assert "Déposer le fichier qui le confirme" in page
        assert "Demandez à un régisseur" not in page


class TestDirect:
    def test_is_asked_from_the_payment_s_page_by_its_right_name(self, ines, town, clock):
        pool = paybox.make_paybox_product(town, direct=True)
        attempt = paybox.leave(pool, cast.make_titre(pool), clock)
        page = shown(ines, attempt)
        assert "Questions posées à Paybox" in page
        assert "Demander à Paybox maintenant" in page
        answer = ines.post(f"{LIST}{attempt.pk}/demander/", follow=True)
        assert "REGAL demande à Paybox" in words(answer) or "La question part déjà" in words(answer)

    def test_is_asked_about_what_a_signed_message_announced(self, ines, town, clock):
        pool = paybox.make_paybox_product(town, direct=True)
        page = shown(ines, paid(pool, clock))
        assert "Paybox annonce ce paiement payé ; REGAL l’interroge pour le confirmer" in page

    def test_that_knows_nothing_is_no_bank_that_thinks(self):
        nothing = Evidence(outcome=Outcome.PENDING, facts={"exists": "no"})
        assert explanations.outcome_of(nothing) == "aucune transaction connue"
        something = Evidence(outcome=Outcome.PENDING, facts={"exists": "yes"})
        assert explanations.outcome_of(something) == "une transaction existe, résultat inconnu"
        assert explanations.outcome_of(Evidence(outcome=Outcome.PENDING, facts={})) == "en attente"
        assert explanations.outcome_of(Evidence(outcome="", facts={})) == ""

    def test_leaves_no_empty_block_of_messages_where_none_came(self, ines, town, pool, clock):
        attempt = paybox.leave(pool, cast.make_titre(pool), clock)
        account_town = cast.Town(**{**vars(town), "account": pool.account, "product": pool})
        notices.hear(account_town, attempt, notices.notice(account_town, attempt))
        assert "Messages bruts" not in shown(ines, attempt)

    def test_cannot_be_asked_where_the_contract_has_it_not(self, ines, pool, clock):
        attempt = paybox.leave(pool, cast.make_titre(pool), clock)
        assert "Demander à" not in shown(ines, attempt)


class TestWords:
    @pytest.mark.parametrize("outcome", list(Outcome))
    def test_are_there_for_every_outcome(self, outcome):
        if outcome is not Outcome.FORGOTTEN:
            assert paybox_explanations.ANNOUNCED[outcome]

    @pytest.mark.parametrize("code", ["connect", "timeout", "busy", "http_503", "paybox_00004", "whatever"])
    def test_of_a_failure_never_name_the_other_service(self, code):
        said = explanations.failure_in_words(code, of_paybox=True)
        assert "PayFiP" not in said
        assert "%" not in said
