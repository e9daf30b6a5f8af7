"""From the town's frame to the ticket in the mailbox and the line in the bureau."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from regal.demo.cast import PASSWORD, Notice
from tests.demo import Demo
from tests.journeys import payer

pytestmark = pytest.mark.browser

SITUATIONS = {
    "payer": ("announced_paid", "PayFiP annonce\u00a0: payé"),
    "refuser": ("announced_refused", "PayFiP annonce\u00a0: refusé"),
    "abandonner": ("announced_abandoned", "PayFiP annonce\u00a0: abandonné"),
}


def sign_in(page: Page, demo: Demo, agent: str) -> None:
    page.goto(f"http://localhost:{demo.ports.bureau}/")
    page.locator("input[name=login]").fill(agent)
    page.locator("input[name=password]").fill(PASSWORD)
    payer.go(page.locator("main button[type=submit]"))


class TestJourney:
    @pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
    @pytest.mark.parametrize("width", [1280, 320])
    def test_ends_in_the_mailbox_and_in_the_bureau(
        self,
        demo: Demo,
        open_page: Callable[..., Page],
        payable: Iterator[Notice],
        width: int,
        scripts: bool,
    ) -> None:
        notice = next(payable)
        page = open_page(width=width, scripts=scripts)
        frame = payer.frame_on_town_site(page, demo)
        payer.to_recap(frame, notice)
        payfip = payer.leave(page, frame)
        payer.decide(payfip, "payer")
        expect(payfip.locator("main[data-outcome=P]")).to_be_visible()
        payfip.close()

        payer.follow(frame, scripts=scripts)
        payer.refresh_until(page, frame, "announced_paid")
        assert page.context.cookies() == []

        def ticket_is_there() -> bool:
            mails = httpx.get(f"http://127.0.0.1:{demo.ports.sandbox_control}/mails").json()["mails"]
            return any(notice.reference.digits in str(mail) or "icket" in str(mail) for mail in mails)

        payer.until(page, ticket_is_there)
        page.goto(f"http://127.0.0.1:{demo.ports.sandbox}/boite/")
        expect(page.get_by_text("mme.leroy@example.org").first).to_be_visible()

        sign_in(page, demo, "nadia")
        page.goto(f"http://localhost:{demo.ports.bureau}/saint-aubin/paiements/")
        line = page.get_by_role("row").filter(has_text=f"…{notice.reference.tail}")
        expect(line).to_contain_text("annoncé payé")
        expect(line).to_contain_text(str(notice.amount))

    @pytest.mark.parametrize("decision", ["refuser", "abandonner"])
    def test_tells_a_refusal_and_an_abandonment(
        self, demo: Demo, open_page: Callable[..., Page], payable: Iterator[Notice], decision: str
    ) -> None:
        page = open_page()
        frame = payer.frame_on_town_site(page, demo)
        payer.to_recap(frame, next(payable))
        payer.decide(payer.leave(page, frame), decision)
        payer.follow(frame, scripts=True)
        situation, title = SITUATIONS[decision]
        payer.refresh_until(page, frame, situation)
        expect(frame.get_by_role("heading", name=title)).to_be_visible()

    def test_says_at_payfip_that_a_notice_was_paid_already(
        self, demo: Demo, open_page: Callable[..., Page], payable: Iterator[Notice]
    ) -> None:
        notice = next(payable)
        page = open_page(scripts=False)
        frame = payer.frame_on_town_site(page, demo)
        payer.to_recap(frame, notice)
        payer.decide(payer.leave(page, frame), "payer")

        frame = payer.frame_on_town_site(page, demo)
        payer.to_recap(frame, notice)
        expect(frame.get_by_text("Un paiement a déjà été ouvert ici")).to_be_visible()
        expect(payer.leave(page, frame).locator("main[data-refusal]")).to_be_visible()

    def test_of_a_second_click_on_pay_opens_no_second_payment(
        self, demo: Demo, open_page: Callable[..., Page], payable: Iterator[Notice]
    ) -> None:
        page = open_page(scripts=False)
        frame = payer.frame_on_town_site(page, demo)
        payer.to_recap(frame, next(payable))
        payer.leave(page, frame)
        again = payer.leave(page, frame)
        expect(again.get_by_role("heading", name="Ce paiement est déjà ouvert")).to_be_visible()
        payer.go(again.get_by_role("button", name="Recommencer sans rien retaper"))
        expect(again.locator("#id_email")).to_have_value("mme.leroy@example.org")

    def test_can_be_walked_with_the_keyboard_alone(
        self, demo: Demo, open_page: Callable[..., Page], payable: Iterator[Notice]
    ) -> None:
        notice = next(payable)
        page = open_page()
        page.goto(f"http://127.0.0.1:{demo.ports.guichet}/saint-aubin/titres/")
        payer.fill(page, notice)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Vérifiez avant de payer")).to_be_visible()
        page.wait_for_load_state()
        for _ in range(12):
            page.keyboard.press("Tab")
            if "nouvel onglet" in page.evaluate("document.activeElement.innerText"):
                break
        with page.context.expect_page() as opened:
            page.keyboard.press("Enter")
        expect(opened.value.locator("button[value=continuer]")).to_be_visible()
