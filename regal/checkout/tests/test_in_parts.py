"""Paying a part of an invoice, where its product allows it: the balance is still the second factor."""

from datetime import timedelta

import pytest

from regal.checkout import pages
from regal.checkout.tests.test_by_card import BANK, FORM, bank, form_in, payer, saint_aubin, text_of  # noqa: F401 - fixtures
from regal.collectivites.models import Product
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt
from tests.cast import MORNING

pytestmark = pytest.mark.django_db


@pytest.fixture
def in_parts(payer):  # noqa: F811 - the fixture
    with tenant(payer.product.collectivite_id):
        Product.objects.filter(pk=payer.product.pk).update(partial_payment=True)
    return payer


def choose(who, part, page=None):
    page = page or who.recap()
    return who.guichet.post(FORM, form_in(page, f"{FORM}#suite") | {"part": part})


def attempts(who):
    with tenant(who.town.collectivite):
        return list(Attempt.objects.of(who.town.collectivite))


class TestAPart:
    def test_is_offered_only_where_the_product_allows_it(self, payer):  # noqa: F811
        assert "Payer une partie" not in text_of(payer.recap())
        with tenant(payer.product.collectivite_id):
            Product.objects.filter(pk=payer.product.pk).update(partial_payment=True)
        assert "Payer une partie" in text_of(payer.recap())

    def test_is_chosen_on_the_recap_and_leaves_with_its_amount(self, in_parts):
        page = choose(in_parts, "40,00")
        assert page.status_code == 200
        assert "Payer 40,00" in text_of(page).replace("\u00a0", " ")
        assert "Il restera 44,70" in text_of(page).replace("\u00a0", " ")
        left = in_parts.leave(page)
        assert left.status_code == 200
        [attempt] = attempts(in_parts)
        assert attempt.amount == Money(4_000)

    def test_may_be_all_of_it_again(self, in_parts):
        page = choose(in_parts, "84,70", choose(in_parts, "40,00"))
        assert "Il restera" not in text_of(page)
        in_parts.leave(page)
        [attempt] = attempts(in_parts)
        assert attempt.amount == Money(8_470)

    @pytest.mark.parametrize("first", ["whole", "part"])
    def test_is_another_payment_than_the_whole(self, in_parts, monkeypatch, first):
        """Two tabs, two amounts, seconds apart: the bank never asks another amount than the one confirmed."""
        whole = in_parts.recap()
        recaps = {"whole": whole, "part": choose(in_parts, "40,00", whole)}
        due = {"whole": "8470", "part": "4000"}[first]
        left = in_parts.leave(recaps.pop(first))
        assert form_in(left, f"{BANK}/php/")["PBX_TOTAL"] == due
        monkeypatch.setattr(pages, "clock", lambda: MORNING + timedelta(seconds=10))
        [other] = recaps.values()
        answer = in_parts.leave(other)
        assert answer.status_code == 409
        assert "Un paiement de cette facture est en cours" in text_of(answer)
        assert [attempt.amount for attempt in attempts(in_parts)] == [Money(int(due))]

    def test_that_its_product_allows_no_more_is_another_payment_than_all_of_it(self, in_parts):
        page = choose(in_parts, "40,00")
        with tenant(in_parts.product.collectivite_id):
            Product.objects.filter(pk=in_parts.product.pk).update(partial_payment=False)
        whole = in_parts.leave(page)
        assert in_parts.leave(whole).status_code == 200
        assert in_parts.leave(page).status_code == 409
        assert [attempt.amount for attempt in attempts(in_parts)] == [Money(8_470)]

    @pytest.mark.parametrize(
        "part", ["", "0", "-1", "0,99", "84,69", "84,71", "9999999", "1e1", "NaN", "40.000", "x" * 500, "\u0000"]
    )
    def test_is_refused_below_the_least_or_beyond_what_is_due(self, in_parts, part):
        page = choose(in_parts, part)
        assert page.status_code == 422
        assert page.content.decode().partition("</title>")[0].partition("<title>")[2].startswith("Erreur")
        assert 'aria-invalid="true"' in page.content.decode()
        assert attempts(in_parts) == []

    def test_typed_on_the_form_finds_nothing(self, in_parts):
        page = in_parts.recap(amount="40,00")
        assert page.status_code == 422
        assert "R032" in page.content.decode() or "ne porte ce numéro et ce montant" in text_of(page)

    def test_is_refused_for_a_product_that_no_longer_allows_it(self, in_parts):
        page = choose(in_parts, "40,00")
        with tenant(in_parts.product.collectivite_id):
            Product.objects.filter(pk=in_parts.product.pk).update(partial_payment=False)
        assert "Payer 84,70" in text_of(in_parts.leave(page)).replace("\u00a0", " ")
        assert attempts(in_parts) == []

    def test_comes_back_to_be_corrected_with_the_balance(self, in_parts):
        page = choose(in_parts, "40,00")
        form = in_parts.guichet.post(FORM, form_in(page, f"{FORM}#main"))
        assert 'value="84,70"' in form.content.decode()

    def test_once_confirmed_says_what_remains_and_how_to_pay_it(self, in_parts, monkeypatch):
        monkeypatch.setattr(pages, "too_much_of", lambda attempt: None)
        monkeypatch.setattr(pages, "left_after", lambda attempt: Money(4_470))
        page = in_parts.page_of(in_parts.leave(choose(in_parts, "40,00")))
        in_parts.change(status="paid")
        told = text_of(in_parts.guichet.get(page)).replace("\u00a0", " ")
        assert "Votre paiement de 40,00 € est confirmé" in told
        assert "Il reste 44,70 € à payer" in told
        assert "rien d’autre à faire" not in told
