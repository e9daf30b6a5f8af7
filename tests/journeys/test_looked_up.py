"""What a payer is told of an invoice that is not to be paid here now: by whom, until when, and what to do."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from regal.demo.cast import PASSWORD, TOWNS, Notice, notices
from tests.demo import Demo
from tests.journeys import payer, scenes
from tests.journeys import test_paybox as bank
from tests.journeys.test_notices import RESTAURANT, the_invoice

pytestmark = pytest.mark.browser

TOWN = TOWNS[0]
HELD = {"": 10, "en/": 11}  # places of its invoices, which no other journey pays
CANCELLED, TRANSFERRED = 14, 15
EVERY_WAY = pytest.mark.parametrize(("scripts", "width", "prefix"), [(False, 320, ""), (True, 1280, "en/")])


def guichet(demo: Demo, prefix: str = "") -> str:
    return f"http://127.0.0.1:{demo.ports.guichet}/{prefix}{TOWN.slug}/{RESTAURANT.slug}/"


def ask(page: Page, notice: Notice) -> None:
    """Type it, and hear."""
    payer.fill(page, notice)
    payer.press(page.locator("main form button[type=submit]"))


def sign_in(demo: Demo, page: Page, agent: str) -> str:
    bureau = f"http://localhost:{demo.ports.bureau}"
    page.goto(f"{bureau}/connexion/")
    page.locator("input[name=login]").fill(agent)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").press("Enter")
    expect(page.locator("h1")).to_contain_text(TOWN.name)
    return f"{bureau}/{TOWN.slug}"


def decide(demo: Demo, page: Page, notice: Notice, decision: str, told: str) -> None:
    """Nadia decides on the invoice's page, and says why to its payer."""
    page.goto(f"{sign_in(demo, page, 'nadia')}/factures/")
    page.locator("#id_recherche").fill(str(notice.reference))
    page.locator("form[role=search] button").press("Enter")
    page.locator("tbody th a").first.press("Enter")
    page.locator("#id_decision").select_option(decision)
    page.locator("#id_motif").fill("Demandé par l’école")
    page.locator("#id_payeur").fill(told)
    page.locator("button[value=decision]").press("Enter")
    expect(page.locator("main")).to_contain_text(told)


def either(french: str, english: str) -> re.Pattern[str]:
    """How a title begins."""
    return re.compile(f"^({french}|{english}) ")


@EVERY_WAY
def test_is_under_way_on_another_screen(
    demo: Demo, open_page: Callable[..., Page], scripts: bool, width: int, prefix: str
) -> None:
    notice = the_invoice(TOWN, RESTAURANT, HELD[prefix])
    first, second = open_page(), open_page(width=width, scripts=scripts)
    first.goto(guichet(demo))
    ask(first, notice)
    payer.go(first.get_by_role("button", name="sur PayFiP"))
    second.goto(guichet(demo, prefix))
    ask(second, notice)
    expect(second).to_have_title(either("Paiement en cours pour cette facture", "Payment under way for this invoice"))
    expect(second.locator("p.lead")).to_contain_text(
        re.compile(r"Il a commencé à \d.* au plus tard à \d|It began at \d.* by \d.* at the latest")
    )
    payer.look(second, "under way")
    payer.decide(first, "payer")
    payer.go(first.locator("[data-return]"))
    bank.expect_told(first, "confirmed", scripts=True)
    payer.press(second.locator(".actions button").first)
    expect(second.locator("h1.state-good")).to_be_visible()


def test_is_cancelled_for_the_reason_that_the_regie_gives(demo: Demo, open_page: Callable[..., Page]) -> None:
    notice, told = the_invoice(TOWN, RESTAURANT, CANCELLED), "Facturée deux fois : payez seulement la seconde."
    decide(demo, open_page(scripts=False), notice, "annuler", told)
    page = open_page(width=320, scripts=False)
    for prefix in ("", "en/"):
        page.goto(guichet(demo, prefix))
        ask(page, notice)
        expect(page).to_have_title(either("Facture annulée", "Invoice cancelled"))
        expect(page.locator("main")).to_contain_text(told)
        payer.look(page, f"cancelled {prefix[:2]}")


def test_is_transferred_and_the_town_says_how_to_pay(demo: Demo, open_page: Callable[..., Page]) -> None:
    notice = the_invoice(TOWN, RESTAURANT, TRANSFERRED)
    told, how = "Impayée après deux relances.", "Trésorerie de Saint-Aubin, 2 rue du Pont : par chèque ou par virement."
    decide(demo, open_page(scripts=False, width=320), notice, "transmettre", told)
    page = open_page(scripts=False)
    page.goto(f"{sign_in(demo, page, 'paul')}/reglages/collectivite/")
    page.locator("#id_treasury_note").fill(how)
    page.locator("main form button[type=submit]").first.press("Enter")
    page = open_page(width=320)
    for prefix in ("", "en/"):
        page.goto(guichet(demo, prefix))
        ask(page, notice)
        expect(page).to_have_title(
            either("Facture à payer à la trésorerie", "Invoice to be paid to the Treasury office")
        )
        expect(page.locator("main")).to_contain_text(told)
        expect(page.locator("main")).to_contain_text(how)
        payer.look(page, f"transferred {prefix[:2]}")


@EVERY_WAY
def test_of_the_comptable_is_led_to_its_own_form(
    demo: Demo, open_page: Callable[..., Page], scripts: bool, width: int, prefix: str
) -> None:
    rents = next(product for product in TOWN.products if product.rents)
    ours = (one for one in notices(TOWN, scenes.today()) if one.numcli == rents.numcli and one.state == "due")
    rent = next(ours)
    page = open_page(width=width, scripts=scripts)
    page.goto(guichet(demo, prefix))
    typed = payer.typed(rent)
    for name in ("amount", "email"):
        page.locator(f"#id_{name}").fill(typed[name])
    page.locator("#id_invoice").fill(rent.reference.printed)
    payer.press(page.locator("main form button[type=submit]"))
    expect(page).to_have_title(
        either("Cet avis se paie sur un autre formulaire", "This notice is paid on another form")
    )
    payer.look(page, "elsewhere")
    payer.press(page.locator(f"form[action*='/{rents.slug}/'] button"))
    payer.expect_filled(page, rent)
    payer.look(page, "elsewhere, its form")
