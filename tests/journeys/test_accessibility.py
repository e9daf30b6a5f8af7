"""Every page and state is for everybody: axe, keyboard, zoom, spacing, forced colours, in the frame and out of it."""

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from regal.demo.cast import TOWNS, notices
from tests.demo import Demo
from tests.journeys import payer, scenes
from tests.journeys.accessibility import DESKTOP, TELEPHONE, axe, examine, examine_at_360, measure
from tests.journeys.conftest import PATIENCE_MS
from tests.journeys.screens import BUREAU, GUICHET, SANDBOX, Screen, Visit

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
SCREENS = (*GUICHET, *BUREAU, *SANDBOX)


@pytest.fixture(scope="module")
def written(demo: Demo) -> dict[str, Any]:
    return scenes.write_in(demo)


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One window for all screens. `bypass_csp` is for axe alone; our scripts, which may reload a page, stay out."""
    context = browser.new_context(viewport=DESKTOP, locale="fr-FR", bypass_csp=True)
    context.set_default_timeout(PATIENCE_MS)
    context.route("**/*.js", lambda route: route.abort())
    yield context.new_page()
    context.close()


class Titles:
    """The title of every screen that was seen, by any worker of the run: one line each in a file of its own."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._folder = folder
        self._ours = folder / f"titles-{worker}.jsonl"

    def note(self, screen: Screen, title: str) -> None:
        with self._ours.open("a", encoding="utf-8") as file:
            file.write(json.dumps([screen.name, title]) + "\n")

    def seen(self) -> dict[str, str]:
        files = self._folder.glob("titles-*.jsonl")
        return dict(json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines())


@pytest.fixture(scope="module")
def titles(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Titles:
    folder = tmp_path_factory.getbasetemp()
    return Titles(folder if worker_id == "master" else folder.parent, worker_id)


def visit(frame: Frame, demo: Demo, written: dict[str, Any], screen: Screen, language: str = "fr") -> None:
    frame.page.emulate_media(forced_colors="none", reduced_motion="no-preference")  # after a test that failed, too
    screen.show(Visit(frame, demo, written, language))
    frame.evaluate("stop()")  # a page that loads itself again after some seconds stays for the examination


def headings(template: str) -> set[str]:
    """What the template's h1 may say in French; nothing where it is not written in the template."""
    (file,) = [*ROOT.glob(f"regal/*/templates/{template}"), *ROOT.glob(f"regal_sandbox/templates/{template}")]
    found = set()
    for heading in re.findall(r"<h1[^>]*>(.*?)</h1>", file.read_text(encoding="utf-8"), re.S):
        words = re.sub(r"""\{% translate ["'](.*?)["'] %\}""", r"\1", heading)
        words = unescape(re.sub(r"<[^>]+>", "", words)).strip()
        if "{" in words:
            return set()
        found.add(words)
    return found


@pytest.mark.screens
class TestEveryScreen:
    @pytest.mark.parametrize("screen", SCREENS, ids=str)
    def test_is_for_everybody(
        self, demo: Demo, written: dict[str, Any], page: Page, titles: Titles, screen: Screen
    ) -> None:
        visit(page.main_frame, demo, written, screen)
        titles.note(screen, page.title())
        shown = page.locator("h1").inner_text()
        expected = headings(screen.template)
        assert not expected or shown in expected, f"another template than {screen.template}: {shown}"
        assert page.locator("html").get_attribute("lang") == "fr"
        assert page.title().startswith("Erreur\u00a0: ") is screen.says_error, page.title()
        found = examine(page, at_360=not screen.is_framed)
        assert not found, "\n".join(found)

    @pytest.mark.parametrize("screen", [one for one in SCREENS if "en" in one.languages], ids=str)
    def test_is_for_everybody_in_english(self, demo: Demo, written: dict[str, Any], page: Page, screen: Screen) -> None:
        visit(page.main_frame, demo, written, screen, "en")
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.title().startswith("Error: ") is screen.says_error, page.title()
        found = examine_at_360(page.main_frame, colours=False)
        assert not found, "\n".join(found)

    @pytest.mark.parametrize("screen", [one for one in SCREENS if one.is_framed], ids=str)
    def test_is_for_everybody_in_the_frame_of_the_town(
        self, demo: Demo, written: dict[str, Any], page: Page, screen: Screen
    ) -> None:
        page.set_viewport_size(DESKTOP)
        page.goto(f"http://localhost:{demo.ports.towns[0]}/payer-en-ligne/")
        page.frame_locator("iframe").locator("h1").wait_for()  # it loads lazily: else it would cut in later
        frame = page.frames[1]
        frame.wait_for_load_state()
        visit(frame, demo, written, screen)
        found = examine_at_360(frame)
        assert not found, "\n".join(found)

    def test_has_a_title_that_tells_its_state(
        self, demo: Demo, written: dict[str, Any], page: Page, titles: Titles
    ) -> None:
        seen = titles.seen()
        for screen in SCREENS:
            if screen.name not in seen:
                visit(page.main_frame, demo, written, screen)
                seen[screen.name] = page.title()
        by_title: dict[str, list[str]] = {}
        for screen in SCREENS:
            if not screen.same_as:
                by_title.setdefault(seen[screen.name], []).append(screen.name)
        shared = [f"{title}: {', '.join(states)}" for title, states in by_title.items() if len(states) > 1]
        assert not shared, "\n".join(shared)


def tab_to(page: Page, frame: Frame, selector: str) -> None:
    """Press Tab until this has the focus; on the way, every stop in the frame shows that it has it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        measure(frame)
        stop = frame.evaluate("measure.focus()")
        if stop and frame.evaluate("document.hasFocus()"):
            assert stop["found"] == []
            if frame.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
    raise AssertionError(f"the keyboard never reaches {selector}")


def enter(page: Page, frame: Frame | None = None, key: str = "Enter") -> None:
    """Press a key that leads to another page; Enter is let go there, as `payer.hit` says."""
    with (frame or page.main_frame).expect_navigation():
        page.keyboard.down(key)
        if key == "Space":  # a button hears it when it is let go
            page.keyboard.up(key)
    if key != "Space":
        page.keyboard.up(key)


def has_focus(frame: Frame, selector: str) -> bool:
    return bool(frame.evaluate("selector => document.activeElement.matches(selector)", selector))


class TestKeyboardAlone:
    @pytest.mark.parametrize("is_framed", [True, False], ids=["in the frame", "out of it"])
    def test_goes_from_the_town_to_the_result(
        self, demo: Demo, open_page: Callable[..., Page], is_framed: bool
    ) -> None:
        notice = [one for one in notices(TOWNS[1], scenes.today()) if one.state == "due"][7 + is_framed]
        page = open_page(scripts=True)
        page.route("**/*.js", lambda route: route.abort())
        if is_framed:
            page.goto(f"http://localhost:{demo.ports.towns[1]}/payer-en-ligne/")
            self.skip_to_content(page, "#contenu")
            page.frame_locator("iframe").locator("h1").wait_for()
            frame = page.frames[1]
            frame.wait_for_load_state()
        else:
            page.goto(f"http://127.0.0.1:{demo.ports.guichet}/{TOWNS[1].slug}/titres/")
            self.skip_to_content(page, "#main")
            frame = page.main_frame
        tab_to(page, frame, "main button[type=submit]")
        enter(page, frame, key="Space")

        summary = frame.locator(".summary")
        expect(summary).to_be_focused()
        first = frame.locator(".summary a").first.get_attribute("href") or ""
        tab_to(page, frame, ".summary a")
        page.keyboard.press("Enter")
        expect(frame.locator(first)).to_be_focused()

        typed = payer.typed(notice)
        assert has_focus(frame, "#id_exercice")
        page.keyboard.type(typed.pop("exercice"))
        for field, text in typed.items():
            tab_to(page, frame, f"#id_{field}")
            page.keyboard.type(text)
        enter(page, frame)

        tab_to(page, frame, "form[target=_blank] button")
        with page.context.expect_page() as opened:
            page.keyboard.press("Enter")
        payfip = opened.value
        payfip.wait_for_load_state()
        payfip.bring_to_front()
        for decision in ("continuer", "payer", "valider"):
            tab_to(payfip, payfip.main_frame, f"button[value={decision}]")
            enter(payfip)
        expect(payfip.locator("main[data-outcome=P]")).to_be_visible()
        payfip.close()

        page.bring_to_front()
        tab_to(page, frame, "a[href*=suivi]")
        enter(page, frame)
        tab_to(page, frame, "[data-regal-refresh]")
        expect(frame.locator("[role=status] h1")).to_be_visible()

    def skip_to_content(self, page: Page, content: str) -> None:
        page.keyboard.press("Tab")
        expect(page.locator(f"a[href='{content}']")).to_be_focused()
        expect(page.locator(f"a[href='{content}']")).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator(content)).to_be_focused()

    def test_signs_in_and_reads_a_payment(
        self, demo: Demo, written: dict[str, Any], open_page: Callable[..., Page]
    ) -> None:
        page = open_page(scripts=False)
        page.goto(f"http://localhost:{demo.ports.bureau}/")
        self.skip_to_content(page, "#main")
        tab_to(page, page.main_frame, "main button[type=submit]")
        enter(page)
        expect(page.locator(".summary")).to_be_focused()
        first = page.locator(".summary a").first.get_attribute("href") or ""
        tab_to(page, page.main_frame, ".summary a")
        page.keyboard.press("Enter")
        expect(page.locator(first)).to_be_focused()
        page.keyboard.type("nadia")
        page.keyboard.press("Tab")
        page.keyboard.type("demonstration")
        enter(page)
        tab_to(page, page.main_frame, "nav a[href$='/paiements/']")
        enter(page)
        tab_to(page, page.main_frame, "main th a")
        enter(page)
        expect(page.locator("#explain")).to_be_visible()


class TestTheTownsPage:
    @pytest.mark.parametrize("town", [0, 1])
    def test_says_what_its_frame_holds(self, demo: Demo, page: Page, town: int) -> None:
        page.set_viewport_size(DESKTOP)
        page.goto(f"http://localhost:{demo.ports.towns[town]}/payer-en-ligne/")
        title = page.locator("iframe").get_attribute("title") or ""
        assert title == f"Payer en ligne – {TOWNS[town].products[0].name}"
        page.set_viewport_size(TELEPHONE)
        assert axe(page.main_frame) == []
