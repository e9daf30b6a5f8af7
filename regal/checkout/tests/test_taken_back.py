"""What a payer reads once his payment was reversed: the truth at once, for as long as its page is there."""

import dataclasses
import re

import pytest

from regal.checkout import pages
from regal.gateways.base import Environment, Rank
from regal.lib import tokens
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, Settlement
from regal.payments.queries import earlier_attempts, taken_back_on
from regal.payments.reversing import reverse
from regal.titres.models import Titre
from tests import cast, notices
from tests.cast import later
from tests.several import allow, make_titres, together

pytestmark = pytest.mark.django_db


@pytest.fixture
def town():
    return cast.make_saint_aubin()


def words(answer):
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


def settle(town, titre, attempt, *, now):
    ours = dataclasses.replace(town, product=titre.product, account=titre.product.account)
    notices.hear(ours, attempt, notices.notice(ours, attempt, rank=Rank.ASKED, occurred_at=now), now=now)


def reversed_payment(town, titre, handle, **order):
    attempt = cast.leave_with(titre, handle=handle, **order)
    settle(town, titre, attempt, now=later())
    with tenant(titre.collectivite_id):
        settlement = Settlement.objects.get(attempt=attempt)
    reverse(settlement=settlement, cause="chargeback", reason="Contesté par la banque", now=later(days=1))
    return attempt


@pytest.mark.parametrize("after", [{"days": 1, "hours": 1}, {"days": 6}])
def test_is_said_on_the_page_of_the_payment_with_what_is_due_again(guichet, town, monkeypatch, after):
    titre = cast.make_titre(cast.make_canteen(town, environment=Environment.PRODUCTION))
    handle = tokens.new_token()
    attempt = reversed_payment(town, titre, handle)
    monkeypatch.setattr(pages, "clock", lambda: later(**after))
    page = guichet.get(f"/saint-aubin/suivi/{handle}/")
    told = words(page)
    assert "Paiement annulé" in told
    assert "Il a été annulé le 25 novembre 2026" in told
    assert "La facture est de nouveau à payer." in told
    assert "confirmé ." not in told
    with tenant(titre.collectivite_id):
        assert Attempt.objects.get(pk=attempt.pk).status == "paid"  # what was proved stays proved


@pytest.fixture
def two(town):
    product = cast.make_canteen(town, environment=Environment.PRODUCTION)
    allow(product)
    return make_titres(product, 2)


@pytest.mark.parametrize(
    ("paid_since", "said"),
    [
        (None, "Ces factures sont de nouveau à payer."),
        (0, "Une partie de ces factures (…0052) est de nouveau à payer."),
        (1, "Une partie de ces factures (…0051) est de nouveau à payer."),
    ],
)
def test_of_several_says_which_are_due_again(guichet, town, two, monkeypatch, paid_since, said):
    handle = tokens.new_token()
    reversed_payment(town, two[0], handle, **together(*two))
    if paid_since is not None:
        cast.receive(two[paid_since], now=later(days=1, minutes=5))
    monkeypatch.setattr(pages, "clock", lambda: later(days=1, hours=1))
    page = guichet.get(f"/saint-aubin/suivi/{handle}/")
    assert said in words(page)
    assert "Recommencer un paiement" in words(page)


def test_of_several_paid_otherwise_since_asks_nothing(guichet, town, two, monkeypatch):
    handle = tokens.new_token()
    reversed_payment(town, two[0], handle, **together(*two))
    for titre in two:
        cast.receive(titre, now=later(days=1, minutes=5))
    monkeypatch.setattr(pages, "clock", lambda: later(days=1, hours=1))
    assert "de nouveau à payer" not in words(guichet.get(f"/saint-aubin/suivi/{handle}/"))


def test_too_much_of_several_says_of_which(guichet, town, two, monkeypatch):
    handle = tokens.new_token()
    attempt = cast.leave_with(two[0], handle=handle, **together(*two))
    cast.reduce(two[1], 700, now=later(hours=1))
    settle(town, two[0], attempt, now=later(hours=2))
    monkeypatch.setattr(pages, "clock", lambda: later(hours=3))
    told = words(guichet.get(f"/saint-aubin/suivi/{handle}/"))
    assert "Une partie de ces factures (…0052) n’était plus à payer quand il est arrivé : 7,00 € sont en trop." in told
    assert "La facture n’était plus" not in told


def test_is_told_before_it_is_paid_again(town):
    titre = cast.make_titre(cast.make_canteen(town, environment=Environment.PRODUCTION))
    with tenant(titre.collectivite_id):
        assert taken_back_on(titre=titre) is None
    cast.receive_and_reverse(titre)
    with tenant(titre.collectivite_id):
        assert taken_back_on(titre=Titre.objects.get(pk=titre.pk)) == cast.MORNING.date()
        assert not earlier_attempts(
            account=titre.product.account, debt_reference=titre.reference, amount=titre.amount, titre_ids=[titre.pk]
        )
