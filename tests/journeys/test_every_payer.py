"""Every kind of debt, every outcome, and the payers who close, go back, press twice, or pay together."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from regal.demo.cast import TOWNS, Notice
from regal.gateways.base import DebtKind
from tests.demo import Demo
from tests.journeys import payer
from tests.journeys.test_a_titre_paid_hors_regie import SITUATIONS, sign_in

pytestmark = pytest.mark.browser

Due = Callable[..., Notice]


def in_the_bureau(page: Page, demo: Demo, notice: Notice, *, town: int = 0) -> Page:
    """The list of payments as an agent of the town sees it."""
    sign_in(page, demo, TOWNS[town].agents[0].identifier)
    page.goto(f"http://localhost:{demo.ports.bureau}/{TOWNS[town].slug}/paiements/")
    return page


class TestKinds:
    @pytest.mark.parametrize("decision", ["payer", "refuser", "abandonner"])
    @pytest.mark.parametrize("kind", list(DebtKind))
    def test_end_in_what_payfip_announces(
        self, demo: Demo, open_page: Callable[..., Page], due: Due, kind: DebtKind, decision: str
    ) -> None:
        """On a phone without scripts when it is paid, with scripts otherwise."""
        notice = due(kind)
        scripts = decision != "payer"
        page = open_page(width=1280 if scripts else 320, scripts=scripts)
        frame = payer.frame_on_town_site(page, demo, notice=notice)
        payer.to_recap(frame, notice)
        payfip = payer.leave(page, frame)
        payer.decide(payfip, decision)
        payfip.close()
        payer.follow(frame, scripts=scripts)
        situation, title = SITUATIONS[decision]
        payer.refresh_until(page, frame, situation)
        expect(frame.get_by_role("heading", name=title)).to_be_visible()
        expect(frame.get_by_text(f"…{notice.reference.tail}")).to_be_visible()
        assert page.context.cookies() == []

    @pytest.mark.parametrize("decision", ["payer", "refuser"])
    def test_may_be_paid_by_direct_debit_where_the_town_joined(
        self, demo: Demo, open_page: Callable[..., Page], due: Due, decision: str
    ) -> None:
        notice = due(DebtKind.ORMC)
        page = open_page()
        frame = payer.frame_on_town_site(page, demo, notice=notice)
        payer.to_recap(frame, notice)
        payer.decide(payer.leave(page, frame), decision, means="prelevement")
        payer.refresh_until(page, frame, SITUATIONS[decision][0])


class TestOnlyOnePaymentIsMeant:
    def test_when_pay_is_pressed_twice(self, demo: Demo, open_page: Callable[..., Page], due: Due) -> None:
        page = open_page()
        frame = payer.frame_on_town_site(page, demo)
        payer.to_recap(frame, due(DebtKind.TITRE))
        pages: list[Page] = []
        page.context.on("page", lambda tab: pages.append(tab))
        payer.still(frame.get_by_role("button", name="sur PayFiP (nouvel onglet)")).dblclick()
        payer.until(page, lambda: len(pages) == 2)
        for tab in pages:
            tab.wait_for_load_state()
        at_payfip = [tab for tab in pages if "/tpa/" in tab.url]
        assert len(at_payfip) == 1
        (other,) = [tab for tab in pages if tab not in at_payfip]
        expect(other.get_by_role("heading", name="Ce paiement est déjà ouvert")).to_be_visible()

    def test_when_two_pay_the_same_titre(self, demo: Demo, open_page: Callable[..., Page], due: Due) -> None:
        """Both see the recap first; the second is told, goes on, and PayFiP takes one payment only."""
        notice = due(DebtKind.TITRE)
        pages = [open_page(), open_page()]
        frames = [payer.frame_on_town_site(page, demo) for page in pages]
        for frame in frames:
            payer.to_recap(frame, notice)
        first = payer.leave(pages[0], frames[0])
        told = payer.leave(pages[1], frames[1])
        expect(told.get_by_text("Un paiement a déjà été ouvert ici")).to_be_visible()
        second = payer.leave(told, told)
        payer.decide(first, "payer")
        expect(first.locator("main[data-outcome=P]")).to_be_visible()
        payer.decide(second, "payer")
        expect(second.locator("main[data-outcome=P]")).to_have_count(0)
        bureau = in_the_bureau(pages[0], demo, notice)
        lines = bureau.get_by_role("row").filter(has_text=f"…{notice.reference.tail}")
        expect(lines).to_have_count(2)
        expect(lines.filter(has_text="annoncé payé")).to_have_count(1)


class TestNothingIsLost:
    def test_when_the_town_s_tab_is_closed(self, demo: Demo, open_page: Callable[..., Page], due: Due) -> None:
        """PayFiP's tab alone goes on; the town's agents learn of it all the same."""
        notice = due(DebtKind.TITRE)
        page = open_page(scripts=False)
        frame = payer.frame_on_town_site(page, demo)
        payer.to_recap(frame, notice)
        payfip = payer.leave(page, frame)
        page.close()
        payer.decide(payfip, "payer")
        bureau = in_the_bureau(payfip, demo, notice)
        line = bureau.get_by_role("row").filter(has_text=f"…{notice.reference.tail}")
        payer.until(bureau, lambda: "annoncé payé" in line.inner_text(), again=bureau.reload)

    def test_when_payfip_s_tab_is_closed(self, demo: Demo, open_page: Callable[..., Page], due: Due) -> None:
        """The page says what to do; beginning again tells of the first attempt, and the second pays."""
        notice = due(DebtKind.TITRE)
        page = open_page(scripts=False)
        frame = payer.frame_on_town_site(page, demo)
        payer.to_recap(frame, notice)
        payer.leave(page, frame).close()
        payer.follow(frame, scripts=False)
        expect(frame.get_by_role("heading", name="En attente de PayFiP")).to_be_visible()
        payer.press(frame.get_by_role("link", name="Recommencer un paiement"))
        payer.to_recap(frame, notice)
        expect(frame.get_by_text("Nous n’en connaissons pas encore le résultat")).to_be_visible()
        payer.decide(payer.leave(page, frame), "payer")
        payer.follow(frame, scripts=False)
        payer.refresh_until(page, frame, "announced_paid")

    @pytest.mark.parametrize("kind", list(DebtKind))
    def test_when_the_back_button_is_pressed(
        self, demo: Demo, open_page: Callable[..., Page], due: Due, kind: DebtKind
    ) -> None:
        """From the recap to the form as it was filled, after a correction too; we keep the e-mail address nowhere."""
        notice = due(kind)
        page = open_page()
        page.goto(f"http://127.0.0.1:{demo.ports.guichet}/saint-aubin/{payer.PRODUCT_OF[type(notice.reference)]}/")
        payer.to_recap(page, notice)
        page.go_back()
        payer.expect_filled(page, notice, without="email")
        page.locator("#id_amount").fill("douze")
        payer.go(page.get_by_role("button", name="Continuer"))
        expect(page.get_by_text("Ce montant ne se lit pas").first).to_be_visible()
        payer.fill(page, notice)
        payer.go(page.get_by_role("button", name="Continuer"))
        payer.go(page.get_by_role("button", name="Corriger"))
        payer.expect_filled(page, notice)
        page.go_back()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        payer.expect_filled(page, notice, without="email")
        payer.fill(page, notice)
        payer.go(page.get_by_role("button", name="Continuer"))
        payer.decide(payer.leave(page, page), "payer")
        payer.refresh_until(page, page, "announced_paid")

    def test_without_scripts_when_the_payer_corrects(
        self, demo: Demo, open_page: Callable[..., Page], due: Due
    ) -> None:
        notice = due(DebtKind.ORMC)
        page = open_page(scripts=False)
        frame = payer.frame_on_town_site(page, demo, notice=notice)
        payer.to_recap(frame, notice)
        payer.press(frame.get_by_role("button", name="Corriger"))
        payer.expect_filled(frame, notice)


class TestTowns:
    def test_see_their_own_payments_only(self, demo: Demo, open_page: Callable[..., Page], due: Due) -> None:
        notice = due(DebtKind.TITRE, town=1)
        page = open_page()
        frame = payer.frame_on_town_site(page, demo, town=1)
        payer.to_recap(frame, notice)
        payer.decide(payer.leave(page, frame), "payer")
        payer.follow(frame, scripts=True)
        payer.refresh_until(page, frame, "announced_paid")
        address = frame.locator("[data-regal-refresh]").get_attribute("href")
        assert address is not None
        elsewhere = page.request.get(
            f"http://127.0.0.1:{demo.ports.guichet}{address.replace(TOWNS[1].slug, TOWNS[0].slug)}"
        )
        assert elsewhere.status == 404
        line = re.compile(rf"…{notice.reference.tail}\b")
        expect(in_the_bureau(open_page(), demo, notice, town=1).get_by_text(line).first).to_be_visible()
        nadia = in_the_bureau(open_page(), demo, notice, town=0)
        expect(nadia.get_by_text(line)).to_have_count(0)
        stranger = nadia.request.get(f"http://localhost:{demo.ports.bureau}/{TOWNS[1].slug}/paiements/")
        assert stranger.status == 404
