"""The invoices of the demonstration's régies: written once, and shown on the start page as the base knows them."""

from itertools import chain

import pytest
from django.utils.translation import gettext, override

from regal.collectivites.models import Collectivite, GatewayAccount
from regal.demo import cast, data
from regal.lib.tenancy import tenant
from regal.lib.vault import new_master_key
from regal.payments.accounts import gateway_of
from regal.people.models import Membership, Role, User
from regal.titres.models import Titre
from tests.cast import MORNING, later
from tests.proof import broken


@pytest.fixture
def loaded(committed_db, tmp_path, monkeypatch, settings):
    settings.TOWN_URLS = ["http://localhost:1", "http://localhost:2"]
    settings.SECRET_KEYS = f"k1:{new_master_key()}"
    monkeypatch.setattr(data, "sandbox_configuration_file", lambda: tmp_path / "sandbox.json")
    data.load(now=MORNING)
    return Collectivite.objects.get(slug="saint-aubin")


def statuses(town):
    """Of what is typed in: imported invoices have tests of their own."""
    with tenant(town):
        typed = Titre.objects.of(town).filter(origin=None)
        return list(typed.order_by("reference").values_list("status", flat=True))


def test_are_open_but_for_one_of_each_other_state(loaded):
    there = statuses(loaded)
    assert len(there) == 30
    assert [there.count(state) for state in ("open", "suspended", "cancelled", "transferred")] == [27, 1, 1, 1]


def test_are_not_written_again_at_the_next_start(loaded):
    data.load(now=later(days=3))
    assert len(statuses(loaded)) == 30


def test_find_their_people_again_and_gain_who_is_missing(loaded):
    User.objects.filter(identifier="lucie").update(identifier="old", email="old@example.org")  # as if never written
    data.load(now=later(days=3))
    town = Collectivite.objects.get(slug="val-de-l-orne")
    assert User.objects.filter(identifier="nadia").count() == 1
    with tenant(town):
        assert Membership.objects.get(user__identifier="lucie").role == Role.REGISSEUR


def test_of_the_second_town_are_all_to_pay_by_card(loaded):
    town = Collectivite.objects.get(slug="val-de-l-orne")
    assert statuses(town) == ["open"] * 40
    cards = data.start_page(now=MORNING)["towns"][1]["notices"]
    assert [card["title"] for card in cards if card["product"] in ("Multi-accueil", "Salle des fêtes")] == [
        "Une facture à payer par carte",
        "Une facture à payer par carte",
        "Une facture à payer par carte, confirmée le lendemain",
        "Une facture à payer par carte, confirmée le lendemain",
    ]


def test_of_the_second_town_go_to_contracts_with_and_without_paybox_direct(loaded):
    town = Collectivite.objects.get(slug="val-de-l-orne")
    with tenant(town):
        accounts = GatewayAccount.objects.of(town).filter(gateway="paybox").order_by("identifier")
        assert [gateway_of(account).can_ask for account in accounts] == [True, False]


def test_break_no_invariant(loaded):
    assert broken(later(minutes=1)) == ()


def test_are_told_in_the_reader_s_language(loaded):
    def told():
        cards = [card for town in data.start_page(now=MORNING)["towns"] for card in town["notices"]]
        of_cards = [[card["title"], card["expected"], *dict(card["typed"])] for card in cards]
        return [str(sentence) for sentence in chain.from_iterable(of_cards)]

    french = told()
    with override("en"):
        english = told()
        assert english == [gettext(sentence) for sentence in french]
    assert {"Exercice (year)", "Line"} <= set(english)


def test_are_shown_on_the_start_page_and_no_more_once_paid(loaded):
    first = cast.invoices(MORNING.date())[0].reference.digits

    def shown():
        cards = data.start_page(now=MORNING)["towns"][0]["notices"]
        return [dict(card["typed"])["N° de facture"] for card in cards if card["product"] == "Restaurant scolaire"]

    assert first in shown()
    assert len(shown()) == 5
    with tenant(loaded):
        Titre.objects.of(loaded).filter(reference=first).update(paid_at=MORNING)
    assert first not in shown()
    assert len(shown()) == 5
