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

pytestmark = pytest.mark.django_db


@pytest.fixture
def town():
    return cast.make_saint_aubin()


def words(answer):
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


def reversed_payment(town, titre, handle):
    attempt = cast.leave_with(titre, handle=handle)
    ours = dataclasses.replace(town, product=titre.product, account=titre.product.account)
    notices.hear(ours, attempt, notices.notice(ours, attempt, rank=Rank.ASKED, occurred_at=later()), now=later())
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
