"""A régie's invoice paid by card at Paybox: from the town's frame to the bank's page in the whole window, and back.

What needs no browser is in `tests/test_paybox_in_process.py`.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import FrameLocator, Page, expect

from regal.demo.cast import PAYER_EMAIL, TOWNS, DemoProduct, Notice, notices
from regal.lib import paris
from tests.demo import Demo
from tests.journeys import payer
from tests.journeys.card_scenes import PLACE

pytestmark = pytest.mark.browser

TOWN = TOWNS[1]
ASKED, NOT_ASKED = TOWN.products[1], TOWN.products[2]


@pytest.fixture(scope="module")
def invoice() -> Callable[[DemoProduct], Notice]:
    """Payable invoices, each given once."""
    today = paris.today(datetime.now(UTC))

    def give_all(product: DemoProduct) -> Iterator[Notice]:
        ours = [notice for notice in notices(TOWN, today) if notice.numcli == product.identifier]
        return iter(ours[:PLACE])

    given = {product.slug: give_all(product) for product in (ASKED, NOT_ASKED)}
    return lambda product: next(given[product.slug])


def payments(demo: Demo, notice: Notice) -> list[dict[str, object]]:
    """Those that Paybox opened for an invoice."""
    control = f"http://127.0.0.1:{demo.ports.sandbox_control}/paybox/payments"
    found = httpx.get(control).raise_for_status().json()["payments"]
    return [one for one in found if str(one["reference"]).startswith(notice.reference.digits)]


def guichet(demo: Demo, product: DemoProduct) -> str:
    return f"http://127.0.0.1:{demo.ports.guichet}/{TOWN.slug}/{product.slug}/"


def town_page(page: Page, demo: Demo, product: DemoProduct) -> FrameLocator:
    page.goto(f"http://localhost:{demo.ports.towns[1]}/payer-en-ligne/{product.slug}/")
    return page.frame_locator("iframe").first


def leave(page: Page, where: FrameLocator | Page, *, scripts: bool) -> None:
    """Press « Payer », and « Continuer » where no script does it: the bank's page in the whole window."""
    payer.press(where.get_by_role("button", name="par carte"))
    if not scripts:
        payer.press(page.get_by_role("button", name="Continuer vers la page de paiement de la banque"))
    expect(page.locator("button[value=CB]")).to_be_visible()


def decide(page: Page, *decisions: str) -> None:
    """On the bank's pages, until this cannot go further: the bank asks for a code after « Valider »."""
    for decision in ("CB", *decisions, "valider"):
        button = page.locator(f"button[name=decision][value={decision}]")
        if button.count():
            payer.go(button.first)


def come_back(page: Page) -> None:
    """By the bank's button, where it did not send back by itself."""
    back = page.locator("[data-return]")
    if back.count():
        payer.go(back.first)
    expect(page.locator("[data-regal-situation]")).to_be_visible()
    assert "?" not in page.url  # nothing that was signed stays in the address


def expect_told(page: Page, situation: str, *, scripts: bool) -> None:
    if scripts:
        expect(page.locator(f"[data-regal-situation={situation}]")).to_be_visible(timeout=60_000)
    else:
        payer.refresh_until(page, page, situation)


class TestJourney:
    def test_leaves_the_town_s_frame_comes_back_and_is_confirmed(
        self, demo: Demo, open_page: Callable[..., Page], invoice: Callable[[DemoProduct], Notice]
    ) -> None:
        page = open_page()
        frame = town_page(page, demo, ASKED)
        payer.to_recap(frame, invoice(ASKED))
        leave(page, frame, scripts=True)
        decide(page, "payer")
        come_back(page)
        expect_told(page, "confirmed", scripts=True)
        assert page.context.cookies() == []
        assert len(page.context.pages) == 1

    def test_works_on_a_narrow_screen_without_scripts(
        self, demo: Demo, open_page: Callable[..., Page], invoice: Callable[[DemoProduct], Notice]
    ) -> None:
        """Not from a frame: Chromium runs the scripts of a page to which a frame leads the window, forbidden or not."""
        page = open_page(width=320, scripts=False)
        page.goto(guichet(demo, ASKED))
        payer.to_recap(page, invoice(ASKED))
        leave(page, page, scripts=False)
        decide(page, "payer")
        come_back(page)
        expect_told(page, "confirmed", scripts=False)

    def test_refused_and_then_paid_on_the_same_page_is_confirmed(
        self, demo: Demo, open_page: Callable[..., Page], invoice: Callable[[DemoProduct], Notice]
    ) -> None:
        page = open_page()
        page.goto(guichet(demo, ASKED))
        payer.to_recap(page, invoice(ASKED))
        leave(page, page, scripts=True)
        decide(page, "refuser")
        decide(page, "payer")
        come_back(page)
        expect_told(page, "confirmed", scripts=True)

    def test_abandoned_is_begun_again_with_only_the_address_to_type(
        self, demo: Demo, open_page: Callable[..., Page], invoice: Callable[[DemoProduct], Notice]
    ) -> None:
        page = open_page(scripts=False)
        page.goto(guichet(demo, ASKED))
        payer.to_recap(page, invoice(ASKED))
        leave(page, page, scripts=False)
        decide(page, "abandonner")
        come_back(page)
        expect_told(page, "abandoned", scripts=False)
        payer.press(page.get_by_role("button", name="Recommencer"))
        page.locator("#id_email").fill(PAYER_EMAIL)
        leave(page, page, scripts=False)
        decide(page, "payer")
        come_back(page)
        expect_told(page, "confirmed", scripts=False)

    def test_where_nobody_can_ask_the_bank_is_paid_for_the_payer(
        self, demo: Demo, open_page: Callable[..., Page], invoice: Callable[[DemoProduct], Notice]
    ) -> None:
        page = open_page()
        page.goto(guichet(demo, NOT_ASKED))
        payer.to_recap(page, invoice(NOT_ASKED))
        leave(page, page, scripts=True)
        decide(page, "payer")
        come_back(page)
        expect_told(page, "provisional", scripts=True)
        expect(page.get_by_text("la facture est payée et vous n’avez rien d’autre à faire")).to_be_visible()

    def test_by_a_double_click_opens_one_payment(
        self, demo: Demo, open_page: Callable[..., Page], invoice: Callable[[DemoProduct], Notice]
    ) -> None:
        notice = invoice(ASKED)
        page = open_page()
        page.goto(guichet(demo, ASKED))
        payer.to_recap(page, notice)
        payer.still(page.get_by_role("button", name="par carte")).dblclick()
        expect(page.locator("button[value=CB]")).to_be_visible()
        assert len(payments(demo, notice)) == 1

    def test_of_whoever_comes_back_by_the_browser_s_own_button_does_not_leave_again(
        self, demo: Demo, open_page: Callable[..., Page], invoice: Callable[[DemoProduct], Notice]
    ) -> None:
        notice = invoice(ASKED)
        page = open_page()
        page.goto(guichet(demo, ASKED))
        payer.to_recap(page, notice)
        leave(page, page, scripts=True)
        while "/php/" in page.url or "/cgi/" in page.url:
            page.go_back()
        expect(page.locator("main h1")).to_be_visible()
        page.wait_for_timeout(1_000)
        assert page.url.startswith(f"http://127.0.0.1:{demo.ports.guichet}/")
        assert len(payments(demo, notice)) == 1
