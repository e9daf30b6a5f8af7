"""Money at the counter, its quittance, then a duplicata: a real browser, no script, by keyboard, at 320 px too."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from regal.demo.cast import PASSWORD, TOWNS
from tests.demo import Demo
from tests.journeys import payer

pytestmark = pytest.mark.browser

TOWN = TOWNS[0]
MAIN = "main button[type=submit]"


@pytest.fixture
def nadia(demo: Demo, open_page: Callable[..., Page]) -> Callable[..., Page]:
    """`nadia(width=320)`: a page of the bureau, the régisseuse signed in, no script."""

    def enter(*, width: int = 1280) -> Page:
        page = open_page(width=width, scripts=False, accept_downloads=True)
        page.goto(bureau(demo, "/connexion/"))
        page.locator("input[name=login]").fill("nadia")
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator(MAIN).press("Enter")
        expect(page.locator("h1")).to_contain_text(TOWN.name)
        return page

    return enter


def bureau(demo: Demo, path: str) -> str:
    return f"http://localhost:{demo.ports.bureau}{path}"


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).press("Enter")


@pytest.mark.parametrize(("width", "number"), [(1280, "RS-820001"), (320, "RS-820002")])
def test_from_the_counter_to_a_duplicata(demo: Demo, nadia: Callable[..., Page], width: int, number: str) -> None:
    page = nadia(width=width)
    page.goto(bureau(demo, f"/{TOWN.slug}/factures/nouvelle/"))
    page.locator("#id_produit").select_option(label="Restaurant scolaire")
    typed = {"numero": number, "objet": "Cantine, novembre", "debiteur": "Mme Œuvrard-L’Hôte", "montant": "38,40"}
    for name, value in typed.items():
        page.locator(f"#id_{name}").fill(value)
    page.locator("button[value=emettre]").press("Enter")
    page.locator("section.acts a[href$='/encaisser/']").press("Enter")
    page.locator("#id_moyen").select_option(label="espèces")
    page.locator(MAIN).first.press("Enter")
    page.get_by_role("link", name="Délivrer une quittance").press("Enter")
    expect(page.locator("h1")).to_have_text("Délivrer une quittance")
    expect(page.locator("main")).to_contain_text("Mme Œuvrard-L’Hôte")
    payer.look(page, "to-issue")
    press(page, "Délivrer la quittance")
    expect(page.locator("h1")).to_contain_text("Quittance n°")
    for button, is_copy in (("Télécharger l’original", False), ("Télécharger un duplicata", True)):
        with page.expect_download() as downloading:
            press(page, button)
        name = downloading.value.suggested_filename
        assert name.endswith("-duplicata.pdf") == is_copy, name
        assert Path(downloading.value.path()).read_bytes().startswith(b"%PDF-1.7")
        page.reload()
    expect(page.locator("main > ol li")).to_have_count(2)
    payer.look(page, "issued")
    page.get_by_role("link", name="Toutes les quittances").press("Enter")
    expect(page.locator("main")).to_contain_text("Facture " + number)
    payer.look(page, "list")
