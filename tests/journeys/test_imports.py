"""From a spreadsheet to invoices that can be paid: by a real browser, without script, by keyboard, at 320 px too."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from regal.demo.cast import PASSWORD, TOWNS
from regal.lib import paris
from tests.demo import Demo
from tests.journeys.payer import until

pytestmark = pytest.mark.browser

TOWN = TOWNS[0]
IMPORTS = f"/{TOWN.slug}/factures/imports/"
CANTEEN = f"/{TOWN.slug}/restaurant-scolaire/"
REGIE = "La régie « Régie du restaurant scolaire »"
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


def filled_in(template: str, *numbers: int, amount: str = "38,40") -> bytes:
    """The table that was downloaded, with a line for each invoice."""
    today = f"{paris.today(datetime.now(UTC)):%d/%m/%Y}"
    lines = [f"RS-{number:06d};restaurant-scolaire;TESTARD Héloïse;Cantine;{amount};{today};" for number in numbers]
    return (template + "\r\n".join([*lines, ""])).encode()


def template_of(page: Page, demo: Demo) -> str:
    return page.request.get(bureau(demo, f"{IMPORTS}modele.csv")).text()


def choose(page: Page, content: bytes, *, name: str = "cantine.csv", kind: str = "text/csv") -> None:
    sent: Any = {"name": name, "mimeType": kind, "buffer": content}
    page.locator("input[type=file]").set_input_files(sent)


def describe(page: Page, name: str) -> None:
    """A new source of the canteen's régie."""
    page.get_by_label("Nom de la source").fill(name)
    page.get_by_label("Qui encaisse").select_option(label=REGIE)


def reach(page: Page, heading: str) -> None:
    """Wait for the worker, as a page without script does: it is asked again."""
    title = page.locator("h1")
    until(page, lambda: heading in (title.text_content() or ""), again=page.reload)


def press(page: Page, name: str) -> None:
    """By keyboard: the button takes the focus, then Enter."""
    page.get_by_role("button", name=name).press("Enter")


@pytest.mark.parametrize(("width", "first"), [(1280, 810_001), (320, 810_011)])
def test_from_the_template_to_a_payable_invoice_then_undone(
    demo: Demo, nadia: Callable[..., Page], open_page: Callable[..., Page], width: int, first: int
) -> None:
    page = nadia(width=width)
    page.goto(bureau(demo, IMPORTS))
    page.get_by_role("link", name="pas à pas").click()
    expect(page.locator(".guide > li")).to_have_count(5)
    template = template_of(page, demo)
    page.get_by_role("link", name="Importer un fichier").click()
    describe(page, f"Modèle rempli, {width} px")
    choose(page, filled_in(template, *range(first, first + 10)))
    press(page, "Envoyer et vérifier")
    page.get_by_role("link", name="Vérifier les colonnes").click()
    expect(page.get_by_label("Numéro de la facture")).to_have_value("Numéro")
    expect(page.get_by_label("Montant", exact=True)).to_have_value("Montant")
    press(page, "Lire le fichier")
    reach(page, "Vérifiez avant de confirmer")
    expect(page.locator("main")).to_contain_text("10 lignes nouvelles")
    expect(page.locator("main")).to_contain_text("2 laissées de côté")
    report = page.url
    press(page, "Confirmer l’import")
    reach(page, "Cet import est confirmé")
    page.go_back()  # to the report as it was
    page.goto(report)
    expect(page.get_by_role("button", name="Confirmer l’import")).to_have_count(0)

    payer = open_page(width=width, scripts=False)
    ask(payer, demo, first)
    expect(payer.locator("main")).to_contain_text("38,40")

    press(page, "Défaire cet import")
    expect(page.locator("h1")).to_contain_text("Cet import a été défait")
    ask(payer, demo, first)
    expect(payer.locator(".summary")).to_be_visible()  # known to nobody any more


def ask(payer: Page, demo: Demo, number: int) -> None:
    """A payer types what is printed on the invoice."""
    payer.goto(f"http://127.0.0.1:{demo.ports.guichet}{CANTEEN}")
    payer.locator("input[name=invoice]").fill(f"RS-{number:06d}")
    payer.locator("input[name=amount]").fill("38,40")
    payer.locator("input[name=email]").fill("mme.leroy@example.org")
    payer.locator("main form button[type=submit]").first.press("Enter")


def test_remembers_the_columns_the_next_month_and_leaves_wrong_lines_out(
    demo: Demo, nadia: Callable[..., Page]
) -> None:
    page = nadia()
    template = template_of(page, demo)
    page.goto(bureau(demo, f"{IMPORTS}nouveau/"))
    describe(page, "Mois après mois")
    choose(page, filled_in(template, 810_021))
    press(page, "Envoyer et vérifier")
    page.get_by_role("link", name="Vérifier les colonnes").click()
    press(page, "Lire le fichier")
    reach(page, "Vérifiez avant de confirmer")
    press(page, "Écarter ce fichier")
    expect(page.locator("h1")).to_contain_text("Imports de factures")
    expect(page.locator("main")).to_contain_text("Colonnes retenues")

    page.get_by_role("link", name="Importer un fichier").click()
    page.get_by_label("D’où vient ce fichier").select_option(label="Mois après mois")
    wrong = filled_in("", 810_024, amount="12,345").decode()
    choose(page, filled_in(template, 810_022, 810_023) + wrong.encode())
    press(page, "Envoyer et vérifier")
    reach(page, "Vérifiez avant de confirmer")  # nothing was asked
    expect(page.locator("main")).to_contain_text("« 12,345 »")
    press(page, "Confirmer les 2 lignes valables")
    expect(page.locator(".summary[role=alert]")).to_contain_text("Cochez cette case")
    page.get_by_label("Laisser de côté").press(" ")
    press(page, "Confirmer les 2 lignes valables")
    reach(page, "Cet import est confirmé")
    with page.expect_download() as download:
        page.get_by_role("link", name="Télécharger le rapport").click()
    content = download.value.path().read_text(encoding="utf-8-sig")
    assert content.count("\n") >= 6
    assert "TESTARD" not in content


def test_says_what_a_wrong_file_is(demo: Demo, nadia: Callable[..., Page]) -> None:
    page = nadia(width=320)
    page.goto(bureau(demo, f"{IMPORTS}nouveau/"))
    describe(page, "Un PDF")
    choose(page, b"%PDF-1.7\n", name="avis.pdf", kind="application/pdf")
    press(page, "Envoyer et vérifier")
    expect(page.locator(".summary[role=alert]")).to_contain_text("PDF")
    assert page.title().startswith("Erreur")
    expect(page.get_by_label("Nom de la source")).to_have_value("Un PDF")
