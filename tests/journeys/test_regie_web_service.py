"""A régie's invoice paid through PayFiP's web service: from the town's page to PayFiP in the whole window, and back."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Frame, FrameLocator, Page, expect

from regal.demo.cast import PAYER_EMAIL, TOWNS, Notice, invoices, notices
from regal.lib import paris
from tests.demo import Demo
from tests.journeys import payer
from tests.journeys.regie_scenes import PLACE, SLUG

pytestmark = pytest.mark.browser

RESTAURANT = next(product for product in TOWNS[0].products if product.slug == SLUG)


@pytest.fixture(scope="module")
def payable() -> Iterator[Notice]:
    """Payable invoices of the restaurant, each given once."""
    today = paris.today(datetime.now(UTC))
    taken = invoices(today)[PLACE].reference
    return (
        notice
        for notice in reversed(notices(TOWNS[0], today))
        if notice.numcli == RESTAURANT.numcli and notice.state == "due" and notice.reference != taken
    )


@pytest.fixture
def payfip(demo: Demo) -> Iterator[Callable[..., None]]:
    """`payfip(service="…")`: what the creation of a payment meets, until the end of the test."""
    control = f"http://127.0.0.1:{demo.ports.sandbox_control}/faults"

    def fail(**told: object) -> None:
        fault = told | {"numcli": RESTAURANT.numcli, "operation": "creerPaiementSecurise"}
        httpx.post(control, json=fault).raise_for_status()

    yield fail
    httpx.delete(control).raise_for_status()


def town_page(page: Page, demo: Demo) -> FrameLocator:
    page.goto(f"http://localhost:{demo.ports.towns[0]}/payer-en-ligne/{SLUG}/")
    return page.frame_locator("iframe").first


def guichet(demo: Demo, path: str = "") -> str:
    return f"http://127.0.0.1:{demo.ports.guichet}/{TOWNS[0].slug}/{path}"


def idops(demo: Demo, notice: Notice) -> list[dict[str, str]]:
    """The keys that PayFiP gave for an invoice."""
    asked = {"numcli": RESTAURANT.numcli, "refdet": notice.reference.digits}
    given: list[dict[str, str]] = httpx.get(
        f"http://127.0.0.1:{demo.ports.sandbox_control}/idops", params=asked
    ).json()["idops"]
    return given


def pay(where: FrameLocator | Frame | Page) -> None:
    payer.go(where.get_by_role("button", name="sur PayFiP"))


def come_back(page: Page) -> None:
    """Press « Retour site » on PayFiP's last page."""
    payer.go(page.locator("[data-return]"))
    expect(page.locator("[data-regal-situation]")).to_be_visible()


class TestJourney:
    @pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
    @pytest.mark.parametrize("width", [1280, 320])
    def test_leaves_the_town_s_frame_comes_back_and_is_confirmed(
        self, demo: Demo, open_page: Callable[..., Page], payable: Iterator[Notice], width: int, scripts: bool
    ) -> None:
        notice = next(payable)
        page = open_page(width=width, scripts=scripts)
        frame = town_page(page, demo)
        payer.to_recap(frame, notice)
        expect(frame.get_by_text(notice.label)).to_have_count(0)
        pay(frame)
        page.wait_for_url(f"http://127.0.0.1:{demo.ports.sandbox}/tpa/**")
        payer.decide(page, "payer")
        come_back(page)
        if scripts:
            expect(page.locator("[data-regal-situation=confirmed]")).to_be_visible(timeout=60_000)
        else:
            payer.refresh_until(page, page, "confirmed")
        expect(page.get_by_role("heading", name="Paiement confirmé")).to_be_visible()
        assert page.context.cookies() == []
        assert len(page.context.pages) == 1

        again = town_page(page, demo)
        payer.fill(again, notice)
        payer.press(again.get_by_role("button", name="Continuer"))
        expect(again.get_by_role("heading", name="Cette facture est déjà payée")).to_be_visible()

    @pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
    def test_refused_is_begun_again_with_only_the_address_to_type(
        self, demo: Demo, open_page: Callable[..., Page], payable: Iterator[Notice], scripts: bool
    ) -> None:
        page = open_page(scripts=scripts)
        page.goto(guichet(demo, f"{SLUG}/"))
        payer.to_recap(page, next(payable))
        pay(page)
        payer.decide(page, "refuser")
        come_back(page)
        payer.refresh_until(page, page, "refused")
        payer.press(page.get_by_role("button", name="Recommencer"))
        page.locator("#id_email").fill(PAYER_EMAIL)
        pay(page)
        payer.decide(page, "payer")
        come_back(page)
        payer.refresh_until(page, page, "confirmed")

    def test_abandoned_says_that_nothing_is_debited(
        self, demo: Demo, open_page: Callable[..., Page], payable: Iterator[Notice]
    ) -> None:
        page = open_page()
        page.goto(guichet(demo, f"{SLUG}/"))
        payer.to_recap(page, next(payable))
        pay(page)
        payer.decide(page, "abandonner")
        come_back(page)
        payer.refresh_until(page, page, "abandoned")
        expect(page.get_by_text("rien n’est débité")).to_be_visible()

    def test_abandoned_and_then_paid_on_the_same_page_of_payfip_is_confirmed_by_itself(
        self, demo: Demo, open_page: Callable[..., Page], payable: Iterator[Notice]
    ) -> None:
        notice = next(payable)
        page = open_page()
        page.goto(guichet(demo, f"{SLUG}/"))
        payer.to_recap(page, notice)
        pay(page)
        payer.decide(page, "abandonner")
        come_back(page)
        payer.refresh_until(page, page, "abandoned")
        (idop,) = idops(demo, notice)
        other = page.context.new_page()
        other.goto(f"http://127.0.0.1:{demo.ports.sandbox}/tpa/paiementws.web?idop={idop['idop']}")
        payer.decide(other, "payer")
        page.bring_to_front()
        expect(page.locator("[data-regal-situation=confirmed]")).to_be_visible(timeout=60_000)

    @pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
    def test_during_an_outage_keeps_what_was_typed_and_goes_on_afterwards(
        self,
        demo: Demo,
        open_page: Callable[..., Page],
        payable: Iterator[Notice],
        payfip: Callable[..., None],
        scripts: bool,
    ) -> None:
        notice = next(payable)
        page = open_page(scripts=scripts)
        page.goto(guichet(demo, f"{SLUG}/"))
        payer.to_recap(page, notice)
        payfip(service="unavailable", next=1)
        pay(page)
        expect(page.get_by_role("heading", name="PayFiP ne répond pas en ce moment")).to_be_visible()
        expect(page.get_by_text("Rien n’a été payé")).to_be_visible()
        payer.go(page.get_by_role("button", name="Corriger"))
        payer.expect_filled(page, notice)
        payer.press(page.get_by_role("button", name="Continuer"))
        payfip(service="cut", next=1)
        pay(page)
        payer.go(page.get_by_role("button", name="Réessayer"))
        expect(page.locator("button[value=continuer]")).to_be_visible()

    def test_by_a_double_click_opens_one_payment(
        self, demo: Demo, open_page: Callable[..., Page], payable: Iterator[Notice]
    ) -> None:
        notice = next(payable)
        page = open_page()
        page.goto(guichet(demo, f"{SLUG}/"))
        payer.to_recap(page, notice)
        payer.still(page.get_by_role("button", name="sur PayFiP")).dblclick()
        expect(page.locator("button[value=continuer]")).to_be_visible()
        assert len(idops(demo, notice)) == 1

    def test_of_whoever_comes_back_by_the_browser_s_own_button_is_still_there(
        self, demo: Demo, open_page: Callable[..., Page], payable: Iterator[Notice]
    ) -> None:
        notice = next(payable)
        page = open_page()
        page.goto(guichet(demo, f"{SLUG}/"))
        payer.to_recap(page, notice)
        pay(page)
        expect(page.locator("button[value=continuer]")).to_be_visible()
        page.go_back()
        payer.expect_filled(page, notice, without="email")
        page.locator("#id_email").fill(PAYER_EMAIL)
        payer.press(page.get_by_role("button", name="Continuer"))
        expect(page.get_by_role("heading", name="Un paiement de cette facture est en cours")).to_be_visible()
        expect(page.get_by_role("button", name="Réessayer")).to_be_visible()
