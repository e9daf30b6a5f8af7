"""Paying a part of an invoice, where its product allows it: the balance is still the second factor."""

import pytest

from regal.checkout import pages
from regal.checkout.tests.test_by_card import FORM, bank, form_in, payer, saint_aubin, text_of  # noqa: F401 - fixtures
from regal.collectivites.models import Product
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt

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
        monkeypatch.setattr(pages, "left_after", lambda attempt: Money(4_470))
        page = in_parts.page_of(in_parts.leave(choose(in_parts, "40,00")))
        in_parts.change(status="paid")
        told = text_of(in_parts.guichet.get(page)).replace("\u00a0", " ")
        assert "Votre paiement de 40,00 € est confirmé" in told
        assert "Il reste 44,70 € à payer" in told
        assert "rien d’autre à faire" not in told
