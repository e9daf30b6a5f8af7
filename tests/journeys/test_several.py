"""Several invoices of one régie in one payment: listed, paid at once, each of them paid."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from regal.demo.cast import TOWNS, DemoProduct, DemoTown, Notice, notices
from regal.lib import paris
from regal.lib.money import Money
from tests.demo import Demo
from tests.journeys import payer, regie_scenes
from tests.journeys import test_paybox as bank

pytestmark = pytest.mark.browser

RESTAURANT = next(product for product in TOWNS[0].products if product.slug == regie_scenes.SLUG)
NURSERY = bank.ASKED


def payable(town: DemoTown, product: DemoProduct, *, first: int) -> list[Notice]:
    """Three of its payable invoices, that no other journey pays."""
    ours = [one for one in notices(town, paris.today(datetime.now(UTC))) if one.numcli == product.identifier]
    return [one for one in ours if one.state == "due"][first : first + 3]


def in_words(amount: Money, prefix: str) -> str:
    return amount.format_en() if prefix else amount.format_fr()


def fill_the_list(page: Page, three: list[Notice], *, prefix: str) -> Money:
    """From the recap of the first to the recap of two: an unknown one is refused, a third is taken back."""
    first, second, third = three
    payer.fill(page, first)
    payer.press(page.locator("main form button[type=submit]"))
    payer.press(page.locator("form[action*='/plusieurs/'] button"))
    for notice, amount in ((second, "1,11"), (second, ""), (third, "")):
        typed = payer.typed(notice)
        page.locator("#id_invoice").fill(typed["invoice"])
        page.locator("#id_amount").fill(amount or typed["amount"])
        payer.press(page.locator("button[name=ajouter]"))
        if amount:
            expect(page.locator("#id_invoice[aria-invalid=true]")).to_be_visible()
            expect(page.locator("dl.several > div")).to_have_count(2)  # the first, and the sum
    expect(page.locator("dl.several > div")).to_have_count(4)
    payer.press(page.locator("button[name=retirer]").last)
    expect(page.locator("dl.several > div")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
    payer.press(page.locator("button[name=continuer]"))
    total = first.amount + second.amount
    expect(page.locator(".amount-big")).to_contain_text(in_words(total, prefix))
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
    return total


def expect_paid(page: Page, address: str, notice: Notice) -> None:
    page.goto(address)
    payer.fill(page, notice)
    payer.press(page.locator("main form button[type=submit]"))
    expect(page.locator("h1.state-good")).to_be_visible()


@pytest.mark.parametrize(("scripts", "width", "prefix"), [(False, 320, ""), (True, 1280, "en/")])
def test_at_payfip(demo: Demo, open_page: Callable[..., Page], scripts: bool, width: int, prefix: str) -> None:
    three = payable(TOWNS[0], RESTAURANT, first=6 if prefix else 3)
    address = f"http://127.0.0.1:{demo.ports.guichet}/{prefix}{TOWNS[0].slug}/{RESTAURANT.slug}/"
    page = open_page(width=width, scripts=scripts)
    page.goto(address)
    fill_the_list(page, three, prefix=prefix)
    payer.go(page.locator("form[action*='/payer/'] button"))
    page.wait_for_url(f"http://127.0.0.1:{demo.ports.sandbox}/tpa/**")
    payer.decide(page, "payer")
    payer.go(page.locator("[data-return]"))
    told = page.locator("[data-regal-situation=confirmed]")
    if scripts:
        expect(told).to_be_visible(timeout=60_000)
    else:
        payer.refresh_until(page, page, "confirmed")
    for notice in three[:2]:
        expect(page.get_by_text(in_words(notice.amount, prefix), exact=True)).to_have_count(1)
    assert page.context.cookies() == []
    for notice in three[:2]:
        expect_paid(page, address, notice)


@pytest.mark.parametrize(("scripts", "width"), [(False, 320)])
def test_by_card(demo: Demo, open_page: Callable[..., Page], scripts: bool, width: int) -> None:
    three = payable(bank.TOWN, NURSERY, first=14)
    address = bank.guichet(demo, NURSERY)
    page = open_page(width=width, scripts=scripts)
    page.goto(address)
    fill_the_list(page, three, prefix="")
    bank.leave(page, page, scripts=scripts)
    bank.decide(page, "payer")
    bank.come_back(page)
    bank.expect_told(page, "confirmed", scripts=scripts)
    for notice in three[:2]:
        expect_paid(page, address, notice)
