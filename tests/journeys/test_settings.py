"""An administrator sets what payers see, and sees it: by a real browser, without script, under the real headers."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from regal.demo.cast import PASSWORD, TOWNS
from tests.demo import Demo
from tests.journeys import payer

pytestmark = pytest.mark.browser

TOWN = TOWNS[0]
WATER = TOWN.products[1]
CANTEEN = TOWN.products[2]


@pytest.fixture
def paul(demo: Demo, open_page: Callable[..., Page]) -> Callable[..., Page]:
    """`paul(width=320)`: a page of the bureau, the administrator signed in, no script."""

    def enter(*, width: int = 1280) -> Page:
        page = open_page(width=width, scripts=False)
        page.goto(bureau(demo, "/connexion/"))
        page.locator("input[name=login]").fill("paul")
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("main button[type=submit]").press("Enter")
        expect(page.locator("h1")).to_contain_text(TOWN.name)
        return page

    return enter


def bureau(demo: Demo, path: str) -> str:
    return f"http://localhost:{demo.ports.bureau}{path}"


class TestPreview:
    @pytest.mark.parametrize("width", [320, 600, 900])
    def test_shows_the_whole_form_in_the_frame_of_the_snippet(
        self, demo: Demo, paul: Callable[..., Page], width: int
    ) -> None:
        page = paul()
        page.goto(bureau(demo, f"/{TOWN.slug}/integration/apercu/{WATER.slug}/?largeur={width}"))
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("heading", name=WATER.name)).to_be_visible()
        page.frames[1].wait_for_load_state()
        sizes = page.frames[1].evaluate(
            "() => { const page = document.documentElement;"
            " return [page.scrollHeight <= page.clientHeight, page.scrollWidth <= page.clientWidth] }"
        )
        assert sizes == [True, True]
        payer.hit(frame.get_by_role("button", name="Continuer"))
        expect(frame.locator(".summary")).to_be_visible()
        assert page.url.startswith(bureau(demo, ""))

    def test_of_the_look_shows_the_first_page_in_the_town_s_colour(self, demo: Demo, paul: Callable[..., Page]) -> None:
        page = paul()
        page.goto(bureau(demo, f"/{TOWN.slug}/reglages/apparence/"))
        page.locator("iframe").scroll_into_view_if_needed()
        header = page.frame_locator("iframe").locator(".site-header")
        expect(header).to_contain_text(TOWN.name)
        expected = "rgb({}, {}, {})".format(*bytes.fromhex(TOWN.main_colour.removeprefix("#")))
        expect(header).to_have_css("border-top-color", expected)

    def test_is_refused_by_the_guichet_to_any_other_site_of_the_same_machine(
        self, demo: Demo, open_page: Callable[..., Page]
    ) -> None:
        """The bureau's origin is one name and one port: the next port is a stranger."""
        page = open_page()
        answer = page.goto(f"http://127.0.0.1:{demo.ports.guichet}/{TOWN.slug}/{WATER.slug}/")
        assert answer is not None
        ancestors = answer.headers["content-security-policy"].partition("frame-ancestors ")[2].split(";")[0].split()
        assert bureau(demo, "") in ancestors
        assert len(ancestors) == len(set(ancestors)) == 3  # the town's two addresses in the demonstration, and ours
        assert not {"*", "'self'", "http:", "https:"} & set(ancestors)


class TestHeight:
    @pytest.mark.parametrize("width", [320, 360, 412, 600, 768, 1280])
    def test_of_the_snippet_holds_the_longest_form_whole_without_script(
        self, demo: Demo, open_page: Callable[..., Page], width: int
    ) -> None:
        page = open_page(width=width, scripts=False)
        page.goto(f"http://localhost:{demo.ports.towns[0]}/payer-en-ligne/eau-et-assainissement/")
        expect(page.frame_locator("iframe").get_by_role("button", name="Continuer")).to_be_visible()
        inside = page.frames[1]
        inside.wait_for_load_state()
        assert inside.evaluate("document.documentElement.scrollHeight - document.documentElement.clientHeight") == 0


class TestSettings:
    @pytest.mark.parametrize("width", [1280, 320])
    def test_add_a_site_and_take_it_away_by_the_keyboard(
        self, demo: Demo, paul: Callable[..., Page], width: int
    ) -> None:
        page = paul(width=width)
        page.goto(bureau(demo, f"/{TOWN.slug}/reglages/"))
        page.get_by_role("link", name="Sites autorisés").press("Enter")
        page.get_by_label("Adresse du site").fill(f"www.essai-{width}.example/payer")
        page.get_by_label("Adresse du site").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("la suite de l’adresse ne compte pas")
        page.get_by_role("button", name=f"Retirer https://www.essai-{width}.example").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("n’affiche plus le formulaire")

    def test_try_a_number_and_say_why_not(self, demo: Demo, paul: Callable[..., Page]) -> None:
        page = paul(width=320)
        page.goto(bureau(demo, f"/{TOWN.slug}/reglages/produits/"))
        page.get_by_role("link", name=CANTEEN.name).press("Enter")
        number = page.get_by_label("Un numéro, comme il est imprimé")
        number.fill("FC2026-12")
        page.get_by_role("button", name="Essayer le numéro sans enregistrer").press("Enter")
        expect(page.locator(".summary")).to_be_focused()
        expect(page.locator("#id_example_error")).to_contain_text("R357")
        page.get_by_label("Un numéro, comme il est imprimé").fill("FC2026-000123")
        page.get_by_role("button", name="Essayer le numéro sans enregistrer").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("FC2026000123")
