"""The guichet in a town's page: where it shows, what it needs, how high it is, and how one pays whatever is blocked."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Frame, FrameLocator, Page, Response, expect

from regal.backoffice.snippets import snippets
from regal.demo.cast import TOWNS, Notice, notices
from regal.gateways.base import DebtKind
from regal.lib import paris
from regal.lib.references import OrmcReference
from tests.demo import Demo
from tests.journeys import payer
from tests.journeys.conftest import CHROMIUM

pytestmark = pytest.mark.browser

WATER = TOWNS[0].products[1]
TAB = "sur PayFiP (nouvel onglet)"
THIS_WINDOW = re.compile("Rien ne s’ouvre.\\? Payer dans cette fenêtre")


@pytest.fixture(scope="module")
def water_bills() -> Iterator[Notice]:
    """Payable water bills of Saint-Aubin, each given once: the other journeys pay something else."""
    today = paris.today(datetime.now(UTC))
    return (
        notice
        for notice in reversed(notices(TOWNS[0], today))
        if notice.numcli == WATER.numcli and notice.state == "due" and notice.taken_in_charge_on < today
    )


@pytest.fixture(scope="module")
def unknown_bills() -> Iterator[Notice]:
    """Bills that PayFiP does not know, without end: for journeys that stop at its door."""
    known = next(one for one in notices(TOWNS[0], paris.today(datetime.now(UTC))) if one.numcli == WATER.numcli)
    return (
        replace(known, reference=OrmcReference.parse(f"{known.reference.exercice}-EA-00-{number:09d}"))
        for number in count(500_000)
    )


@pytest.fixture
def unlisted_site(demo: Demo) -> Iterator[str]:
    """The address of a page that embeds the guichet as a town would, on a site that is in no list."""
    html = snippets(address=form_address(demo), name=WATER.name, language="fr").frame

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(f'<!doctype html><html lang="fr"><title>Ailleurs</title>{html}'.encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


def form_address(demo: Demo) -> str:
    return f"http://127.0.0.1:{demo.ports.guichet}/{TOWNS[0].slug}/{WATER.slug}/"


def town_page(page: Page, demo: Demo, *, town: int = 0) -> FrameLocator:
    """The town's page that frames the form: for water in the first town, whose site has the script."""
    product = "eau-et-assainissement/" if town == 0 else ""
    page.goto(f"http://localhost:{demo.ports.towns[town]}/payer-en-ligne/{product}")
    return page.frame_locator("iframe")


def put_in_a_sandbox(page: Page, allowed: str) -> None:
    """As some publishing tools do to every frame."""
    page.evaluate(
        "allowed => { const old = document.querySelector('iframe'), boxed = old.cloneNode();"
        " boxed.setAttribute('sandbox', allowed); old.replaceWith(boxed); }",
        allowed,
    )


def guichet(page: Page, demo: Demo) -> Frame:
    """What is in the frame, once it is whole: its script has told its height."""
    expect(page.frame_locator("iframe").locator("h1")).to_be_visible()
    [frame] = [one for one in page.frames if one.url.startswith(f"http://127.0.0.1:{demo.ports.guichet}/")]
    frame.wait_for_load_state()
    return frame


def at_payfip(page: Page, demo: Demo) -> None:
    expect(page.locator("button[name=decision][value=continuer]")).to_be_visible()
    assert page.url.startswith(f"http://127.0.0.1:{demo.ports.sandbox}/")


class TestFrame:
    def test_is_refused_to_a_site_that_is_in_no_list_and_the_link_under_it_still_leads_to_the_form(
        self, demo: Demo, open_page: Callable[..., Page], unlisted_site: str
    ) -> None:
        page = open_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(unlisted_site)
        page.get_by_role("link", name="Ouvrir le paiement sur une page entière").wait_for()
        payer.until(page, lambda: [frame.url for frame in page.frames[1:]] == ["chrome-error://chromewebdata/"])
        payer.until(page, lambda: any("frame-ancestors" in text for text in said))

        page.get_by_role("link", name="Ouvrir le paiement sur une page entière").press("Enter")
        page.wait_for_url(form_address(demo))
        expect(page.get_by_role("button", name="Continuer")).to_be_visible()

    @pytest.mark.parametrize("town", [0, 1])
    def test_has_a_name_on_the_sites_that_may_show_it(
        self, demo: Demo, open_page: Callable[..., Page], town: int
    ) -> None:
        page = open_page()
        expect(town_page(page, demo, town=town).get_by_role("button", name="Continuer")).to_be_visible()
        product = WATER if town == 0 else TOWNS[1].products[0]
        expect(page.locator("iframe")).to_have_attribute("title", f"Payer en ligne – {product.name}")

    def test_sets_no_cookie_and_asks_nothing_of_anybody_else(
        self, demo: Demo, open_page: Callable[..., Page], unknown_bills: Iterator[Notice]
    ) -> None:
        page = open_page()
        answers: list[Response] = []
        page.on("response", lambda answer: answers.append(answer))
        frame = town_page(page, demo)
        payer.to_recap(frame, next(unknown_bills))
        payer.leave(page, frame).close()
        payer.follow(frame, scripts=True)

        asked = {re.sub(r"(//[^/]+).*", r"\1", answer.url) for answer in answers}
        assert asked == {f"http://127.0.0.1:{demo.ports.guichet}", f"http://localhost:{demo.ports.towns[0]}"}
        assert [answer.url for answer in answers if "set-cookie" in answer.all_headers()] == []
        assert page.context.cookies() == []


class TestPaying:
    @pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
    def test_goes_through_with_third_party_cookies_storage_and_pop_ups_blocked(
        self, demo: Demo, browser: Browser, tmp_path: Path, water_bills: Iterator[Notice], scripts: bool
    ) -> None:
        blocked = {"cookie_controls_mode": 1, "block_third_party_cookies": True}
        blocked_too = {"default_content_setting_values": {"popups": 2}}
        (tmp_path / "Default").mkdir()
        (tmp_path / "Default" / "Preferences").write_text(json.dumps({"profile": blocked | blocked_too}))
        context = browser.browser_type.launch_persistent_context(
            tmp_path,
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
            java_script_enabled=scripts,
        )
        try:
            page = context.new_page()
            frame = town_page(page, demo)
            with pytest.raises(Error, match="SecurityError"):
                guichet(page, demo).evaluate("sessionStorage.length")
            payer.to_recap(frame, next(water_bills))
            payfip = payer.leave(page, frame)
            payer.decide(payfip, "payer")
            expect(payfip.locator("main[data-outcome=P]")).to_be_visible()
            payer.follow(frame, scripts=scripts)
            payer.refresh_until(page, frame, "announced_paid")
        finally:
            context.close()

    @pytest.mark.parametrize("scripts", ["allow-scripts allow-same-origin ", ""], ids=["scripts", "no scripts"])
    def test_is_possible_in_this_window_where_no_new_tab_may_open(
        self, demo: Demo, open_page: Callable[..., Page], water_bills: Iterator[Notice], scripts: str
    ) -> None:
        page = open_page()
        frame = town_page(page, demo)
        put_in_a_sandbox(page, f"{scripts}allow-forms allow-top-navigation-by-user-activation")
        payer.to_recap(frame, next(water_bills))
        payer.press(frame.get_by_role("button", name=TAB))
        payer.press(frame.get_by_role("button", name=THIS_WINDOW))
        at_payfip(page, demo)
        payer.decide(page, "payer")
        expect(page.locator("main[data-outcome=P]")).to_be_visible()

    def test_is_possible_in_this_window_without_a_frame_too(
        self, demo: Demo, open_page: Callable[..., Page], water_bills: Iterator[Notice]
    ) -> None:
        page = open_page()
        page.goto(form_address(demo))
        payer.to_recap(page, next(water_bills))
        payer.go(page.get_by_role("button", name=THIS_WINDOW))
        at_payfip(page, demo)

    def test_stays_on_the_recap_when_the_new_tab_was_blocked(
        self, demo: Demo, open_page: Callable[..., Page], unknown_bills: Iterator[Notice]
    ) -> None:
        page = open_page()
        frame = town_page(page, demo)
        put_in_a_sandbox(page, "allow-scripts allow-same-origin allow-forms")
        payer.to_recap(frame, next(unknown_bills))
        button = payer.still(frame.get_by_role("button", name=TAB))
        with page.expect_response(lambda answer: "/suivi/" in answer.url) as looked:
            button.click()
        assert looked.value.status == 404
        expect(frame.get_by_role("heading", name="Vérifiez avant de payer")).to_be_visible()

    def test_is_possible_by_the_link_under_a_frame_that_may_neither_open_a_tab_nor_leave(
        self, demo: Demo, open_page: Callable[..., Page], water_bills: Iterator[Notice]
    ) -> None:
        page = open_page()
        town_page(page, demo)
        put_in_a_sandbox(page, "allow-forms")
        page.get_by_role("link", name="Ouvrir le paiement sur une page entière").press("Enter")
        payer.to_recap(page, next(water_bills))
        at_payfip(payer.leave(page, page), demo)

    @pytest.mark.parametrize("scripts", ["allow-scripts allow-same-origin ", ""], ids=["scripts", "no scripts"])
    def test_opens_payfip_from_a_frame_whose_new_tabs_stay_in_the_sandbox(
        self, demo: Demo, open_page: Callable[..., Page], water_bills: Iterator[Notice], scripts: str
    ) -> None:
        page = open_page()
        frame = town_page(page, demo)
        put_in_a_sandbox(page, f"{scripts}allow-forms allow-popups")
        payer.to_recap(frame, next(water_bills))
        at_payfip(payer.leave(page, frame), demo)


SIZES = (
    "() => { const page = document.documentElement;"
    " return { width: page.clientWidth, all_width: page.scrollWidth,"
    " height: page.clientHeight, all_height: page.scrollHeight } }"
)


class TestHeight:
    @pytest.mark.parametrize("width", [320, 768, 1280])
    def test_follows_each_page_by_the_script(
        self, demo: Demo, open_page: Callable[..., Page], unknown_bills: Iterator[Notice], width: int
    ) -> None:
        page = open_page(width=width)
        frame = town_page(page, demo)
        form = self.fitted(page, demo)
        self.continue_with_nothing_typed(frame)
        with_errors = self.fitted(page, demo)
        assert with_errors > form
        payer.to_recap(frame, next(unknown_bills))
        assert self.fitted(page, demo) < with_errors

    def fitted(self, page: Page, demo: Demo) -> int:
        """The height of the frame, once it is that of what it holds."""
        frame = guichet(page, demo)
        frame.wait_for_function("() => innerHeight === Math.ceil(document.body.getBoundingClientRect().height)")
        sizes = frame.evaluate(SIZES)
        assert sizes["all_height"] == sizes["height"]
        assert sizes["all_width"] == sizes["width"]
        return int(sizes["height"])

    @pytest.mark.parametrize("width", [320, 1280])
    def test_leaves_the_town_s_page_where_it_is_but_for_a_new_page_in_the_frame(
        self, demo: Demo, open_page: Callable[..., Page], unknown_bills: Iterator[Notice], width: int
    ) -> None:
        """A page that answers a button brings itself, the town's script any other: never both, one after the other."""
        page = open_page(width=width)
        frame = town_page(page, demo)
        self.fitted(page, demo)
        assert page.evaluate("scrollY") == 0
        page.evaluate(
            "() => { window.tops = 0;"
            " addEventListener('message', ({ data }) => { tops += data.regal === 'height' && data.top }) }"
        )

        self.continue_with_nothing_typed(frame)
        self.fitted(page, demo)
        assert self.is_in_sight(frame)
        payer.to_recap(frame, next(unknown_bills))
        self.fitted(page, demo)
        assert self.is_in_sight(frame)
        assert page.evaluate("tops") == 0

        payer.press(frame.get_by_role("link", name="Voir où en est mon paiement"))
        page.wait_for_function("() => tops === 1")
        expect(frame.locator("h1")).to_be_in_viewport()

        page.evaluate("scrollTo(0, 600)")
        inside = guichet(page, demo)
        inside.evaluate("() => { document.querySelector('main').append(document.createElement('hr')) }")
        self.fitted(page, demo)
        assert page.evaluate("scrollY") == 600

    def test_heeds_nobody_but_our_own_frame_and_no_absurd_height(
        self, demo: Demo, open_page: Callable[..., Page]
    ) -> None:
        page = open_page()
        town_page(page, demo)
        self.fitted(page, demo)
        page.evaluate(
            "() => { const frame = document.querySelector('iframe'); window.heights = [];"
            " new MutationObserver(() => heights.push(frame.style.height)).observe(frame, { attributes: true }); }"
        )
        page.evaluate("() => postMessage({ regal: 'height', height: 888 }, '*')")
        wrong: list[Any] = [0, -5, 99, 20_001, 812.5, "812", None, {}]
        inside = guichet(page, demo)
        inside.evaluate(
            "wrong => { for (const height of wrong) parent.postMessage({ regal: 'height', height }, '*');"
            " for (const other of [null, 812, 'height', { height: 812 }]) parent.postMessage(other, '*');"
            " parent.postMessage({ regal: 'height', height: 777 }, '*'); }",
            wrong,
        )
        page.wait_for_function("() => heights.includes('777px')")
        assert "888px" not in page.evaluate("heights")
        assert "812px" not in page.evaluate("heights")
        assert not [height for height in page.evaluate("heights") if not 100 <= int(height[:-2]) <= 2_000]

    @pytest.mark.parametrize("width", [320, 768, 1280])
    def test_holds_the_form_and_the_recap_without_any_script(
        self, demo: Demo, open_page: Callable[..., Page], unknown_bills: Iterator[Notice], width: int
    ) -> None:
        page = open_page(width=width, scripts=False)
        frame = town_page(page, demo)
        self.holds(page, demo, frame.get_by_role("button", name="Continuer"))
        self.continue_with_nothing_typed(frame)
        self.no_sideways_scroll(page, demo)
        payer.to_recap(frame, next(unknown_bills))
        self.holds(page, demo, frame.get_by_role("button", name=TAB))
        payer.leave(page, frame).close()
        payer.follow(frame, scripts=False)
        self.holds(page, demo, frame.get_by_role("link", name="Actualiser"))

    def test_shows_the_beginning_of_the_next_page_on_a_telephone(
        self, demo: Demo, open_page: Callable[..., Page], due: Callable[..., Notice]
    ) -> None:
        """Though the town's site has no script of ours, and the button was far down its page."""
        page = open_page(width=320)
        frame = town_page(page, demo, town=1)
        self.continue_with_nothing_typed(frame)
        assert self.is_in_sight(frame)
        payer.to_recap(frame, due(DebtKind.TITRE, town=1))
        frame.get_by_role("button", name=TAB).wait_for()
        assert self.is_in_sight(frame)

    def is_in_sight(self, frame: FrameLocator) -> bool:
        """What comes next begins in the window, or hardly above it."""
        start = payer.still(frame.locator("#suite")).bounding_box()
        return start is not None and -100 < start["y"] < 600

    def continue_with_nothing_typed(self, frame: FrameLocator) -> None:
        """By the keyboard: on a busy machine, a click sent to a frame while its page scrolls may be lost."""
        payer.hit(frame.get_by_role("button", name="Continuer"))
        frame.locator(".summary").wait_for()

    def holds(self, page: Page, demo: Demo, button: Any) -> None:
        """The frame reaches below the button that one looks for: nothing to scroll inside it."""
        self.no_sideways_scroll(page, demo)
        frame = page.locator("iframe").bounding_box()
        box = button.bounding_box()
        assert frame is not None
        assert box["y"] + box["height"] <= frame["y"] + frame["height"]

    def no_sideways_scroll(self, page: Page, demo: Demo) -> None:
        sizes = guichet(page, demo).evaluate(SIZES)
        assert sizes["all_width"] <= sizes["width"]
        assert page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")
