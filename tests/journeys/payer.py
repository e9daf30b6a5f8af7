"""What a payer does, step by step, in a browser."""

from playwright.sync_api import Frame, FrameLocator, Page, expect

from regal.demo.cast import PAYER_EMAIL, Notice
from tests.demo import Demo


def frame_on_town_site(page: Page, demo: Demo, *, town: int = 0) -> FrameLocator:
    """Open the town's page that frames the guichet."""
    page.bring_to_front()
    page.goto(f"http://localhost:{demo.ports.towns[town]}/payer-en-ligne/")
    return page.frame_locator("iframe").first


def fill(frame: FrameLocator | Frame | Page, notice: Notice) -> None:
    """Type what is printed on the notice."""
    reference = notice.reference
    euros, cents = divmod(notice.amount.cents, 100)
    typed = {
        "exercice": str(reference.exercice),
        "titre": str(reference.titre),
        "ligne": str(reference.ligne),
        "amount": f"{euros},{cents:02d}",
        "email": PAYER_EMAIL,
    }
    for name, value in typed.items():
        frame.locator(f"#id_{name}").fill(value)


def to_recap(frame: FrameLocator | Page, notice: Notice) -> None:
    fill(frame, notice)
    frame.get_by_role("button", name="Continuer").click()
    expect(frame.get_by_role("heading", name="Vérifiez avant de payer", level=1)).to_be_visible()


def leave(page: Page, frame: FrameLocator | Page) -> Page:
    """Press « Payer »: PayFiP's tab."""
    page.bring_to_front()
    with page.context.expect_page() as opened:
        frame.get_by_role("button", name="sur PayFiP (nouvel onglet)").click()
    opened.value.wait_for_load_state()
    return opened.value


def decide(payfip: Page, decision: str) -> None:
    """On PayFiP's pages: `payer`, `refuser` or `abandonner`."""
    payfip.locator("button[name=decision][value=continuer]").click()
    payfip.wait_for_load_state()
    payfip.locator(f"button[name=decision][value={decision}]").click()
    payfip.wait_for_load_state()


def follow(frame: FrameLocator | Page, *, scripts: bool) -> None:
    """Be on the attempt's own page: by itself with scripts, by its link without."""
    if not scripts:
        frame.get_by_role("link", name="Voir où en est mon paiement").click()
    frame.locator("[data-regal-situation]").wait_for()


def refresh_until(page: Page, frame: FrameLocator | Page, situation: str) -> None:
    """Press « Actualiser » until the page tells this."""
    told = frame.locator("[data-regal-situation]")
    for _ in range(360):
        if told.get_attribute("data-regal-situation") == situation:
            return
        page.wait_for_timeout(250)
        frame.get_by_role("link", name="Actualiser").click()
        told.wait_for()
    raise AssertionError(f"never {situation}: {told.inner_text()}")
