"""What a payer does, step by step, in a browser."""

import os
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Frame, FrameLocator, Locator, Page, expect

from regal.checkout.forms import DebtForm, InvoiceForm, OrmcForm, TitreForm
from regal.demo.cast import PAYER_EMAIL, Notice
from regal.lib.references import DebtReference, InvoiceReference, OrmcReference, TitreReference
from tests.demo import Demo

FORM_OF: dict[type[DebtReference], type[DebtForm]] = {
    TitreReference: TitreForm,
    OrmcReference: OrmcForm,
    InvoiceReference: InvoiceForm,
}

PICTURES = os.environ.get("REGAL_PICTURES")  # a folder, to look at the pages

PRODUCT_OF = {TitreReference: "titres", OrmcReference: "eau-assainissement", InvoiceReference: "cantine"}
TOWN_PAGE_OF = {  # the demo town names its pages after the titles
    TitreReference: "avis-des-sommes-a-payer",
    OrmcReference: "eau-et-assainissement",
    InvoiceReference: "cantine-et-garderie",
}


def frame_on_town_site(page: Page, demo: Demo, *, town: int = 0, notice: Notice | None = None) -> FrameLocator:
    """Open the town's page that frames the guichet, at the product of a notice."""
    page.bring_to_front()
    product = f"{TOWN_PAGE_OF[type(notice.reference)]}/" if notice else ""
    page.goto(f"http://localhost:{demo.ports.towns[town]}/payer-en-ligne/{product}")
    return page.frame_locator("iframe").first


def still(button: Locator) -> Locator:
    """A button once its page is whole and neither it nor the frame around it moves: it is pressed where it is seen."""
    element = button.element_handle()
    frame = element.owner_frame()
    assert frame is not None
    frame.wait_for_load_state()
    place = None
    while frame.parent_frame and place != (place := element.bounding_box()):
        button.click(trial=True)  # brought into view, then still for two paints of its own page
        frame.frame_element().wait_for_element_state("stable")  # and for two paints of the page around it
    return button


def press(button: Locator) -> None:
    """Click what stands still. The town's page moves for each new page in its frame, and a click meanwhile is lost."""
    still(button).click()


def go(button: Locator) -> None:
    """Press what leads to another page, and be there."""
    with button.page.expect_navigation():
        press(button)


def hit(button: Locator, key: str = "Enter") -> None:
    """Go to another page of a frame by a key, without a click.

    It is let go on the page that it leads to: what a frame still hears while its page gives way to the next one is
    never answered, and the browser waits for the answer.
    """
    frame = still(button).element_handle().owner_frame()
    assert frame is not None
    button.focus()
    with frame.expect_navigation():
        button.page.keyboard.down(key)
    button.page.keyboard.up(key)


def typed(notice: Notice) -> dict[str, str]:
    """What is printed on the notice, field by field."""
    euros, cents = divmod(notice.amount.cents, 100)
    return {
        **FORM_OF[type(notice.reference)].as_typed(notice.reference),
        "amount": f"{euros},{cents:02d}",
        "email": PAYER_EMAIL,
    }


def fill(frame: FrameLocator | Frame | Page, notice: Notice) -> None:
    """Type it."""
    for name, value in typed(notice).items():
        frame.locator(f"#id_{name}").fill(value)


def expect_filled(frame: FrameLocator | Page, notice: Notice, *, without: str = "") -> None:
    """Nothing is to be retyped, but for a field that we do not keep ourselves; the browser may."""
    for name, value in typed(notice).items():
        if name != without:
            expect(frame.locator(f"#id_{name}")).to_have_value(value)


def to_recap(frame: FrameLocator | Page, notice: Notice) -> None:
    fill(frame, notice)
    press(frame.get_by_role("button", name="Continuer"))
    expect(frame.get_by_role("heading", name="Vérifiez avant de payer", level=1)).to_be_visible()


def leave(page: Page, frame: FrameLocator | Page) -> Page:
    """Press « Payer »: PayFiP's tab."""
    page.bring_to_front()
    button = still(frame.get_by_role("button", name="sur PayFiP (nouvel onglet)"))
    with page.context.expect_page() as opened:
        button.click()
    opened.value.wait_for_load_state()
    return opened.value


def decide(payfip: Page, decision: str, *, means: str = "carte") -> None:
    """On PayFiP's pages: `payer`, `refuser` or `abandonner`. By card, the bank asks for a code after « Payer »."""
    for step in ("continuer", means, "identifier", decision, "valider"):
        button = payfip.locator(f"button[name=decision][value={step}]")
        if button.count():
            go(button)


def follow(frame: FrameLocator | Page, *, scripts: bool) -> None:
    """Be on the attempt's own page: by itself with scripts, by its link without."""
    if not scripts:
        press(frame.get_by_role("link", name="Voir où en est mon paiement"))
    frame.locator("[data-regal-situation]").wait_for()


def refresh_until(page: Page, frame: FrameLocator | Page, situation: str) -> None:
    """Press « Actualiser » until the page tells this."""
    told = frame.locator("[data-regal-situation]")
    for _ in range(360):
        if told.get_attribute("data-regal-situation") == situation:
            return
        page.wait_for_timeout(250)
        press(frame.locator("[data-regal-refresh]"))
        told.wait_for()
    raise AssertionError(f"never {situation}: {told.inner_text()}")


def until(page: Page, happens: Callable[[], bool], *, again: Callable[[], object] = lambda: None) -> None:
    """Look again and again, for a minute."""
    for _ in range(240):
        if happens():
            return
        page.wait_for_timeout(250)
        again()
    raise AssertionError("it never happens")


def look(page: Page, name: str) -> None:
    """Nothing is cut off on the right; and a picture for whoever wants one."""
    width = (page.viewport_size or {"width": 0})["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}-{width}.png", full_page=True)
