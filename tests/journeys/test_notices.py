"""A notice made in the bureau, then what its payer does with it: by its link or with its key, from paper to the ticket.

The link is opened on a narrow screen, as a telephone that scans the code does.
"""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from regal.demo.cast import PASSWORD, TOWNS, DemoProduct, DemoTown, Notice, invoices, notices
from regal.lib import paris
from regal.lib.references import InvoiceReference
from tests.demo import Demo
from tests.journeys import payer, regie_scenes
from tests.journeys import test_paybox as bank

pytestmark = pytest.mark.browser

RESTAURANT = next(product for product in TOWNS[0].products if product.slug == regie_scenes.SLUG)
NURSERY = bank.ASKED
AT_PAYFIP = (TOWNS[0], RESTAURANT)
BY_CARD = (TOWNS[1], NURSERY)
BY_KEY = {RESTAURANT.slug: 1, NURSERY.slug: 17}  # places of their invoices, which no other journey pays
BY_LINK = {RESTAURANT.slug: 2, NURSERY.slug: 18}
MAKE_ALL = "section[aria-labelledby=notices] button"


@dataclass(frozen=True, kw_only=True)
class Printed:
    """What the paper of one invoice says beside its number."""

    link: str
    key: str


@pytest.fixture(scope="module")
def on_paper() -> dict[str, Printed]:
    """By number, what the files of this module's bureau said."""
    return {}


def the_invoice(town: DemoTown, product: DemoProduct, place: int) -> Notice:
    assert product.series
    today = paris.today(datetime.now(UTC))
    reference = invoices(today, product.series)[place].reference
    return next(one for one in notices(town, today) if one.reference == reference)


@pytest.fixture
def printed(
    demo: Demo, open_page: Callable[..., Page], on_paper: dict[str, Printed]
) -> Callable[[DemoTown, DemoProduct, Notice], Printed]:
    """`printed(town, product, notice)`: from the files that the bureau gives of all that the product still asks for."""

    def read(town: DemoTown, product: DemoProduct, notice: Notice) -> Printed:
        if str(notice.reference) not in on_paper:
            on_paper.update(take_notices(demo, open_page, town, product))
        return on_paper[str(notice.reference)]

    return read


def take_notices(
    demo: Demo, open_page: Callable[..., Page], town: DemoTown, product: DemoProduct
) -> dict[str, Printed]:
    """From the list to the PDF and to the data for the town's own layout, by keyboard, without script."""
    page = open_page(width=320 if town is TOWNS[0] else 1280, scripts=False, accept_downloads=True)
    bureau = f"http://localhost:{demo.ports.bureau}"
    page.goto(f"{bureau}/connexion/")
    page.locator("input[name=login]").fill("nadia" if town is TOWNS[0] else "lucie")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").press("Enter")
    expect(page.locator("h1")).to_contain_text(town.name)
    page.goto(f"{bureau}/{town.slug}/factures/?produit={product.slug}&etat=impayees")
    page.locator(MAKE_ALL).press("Enter")
    expect(page.locator("h1")).to_have_text("Éditer des avis à payer")
    payer.look(page, "notices")
    page.get_by_role("button", name="Télécharger le PDF").press("Enter")
    page.locator("input[name=password]").fill(PASSWORD)  # an act that the log tells: is it really them?
    page.locator("main button[type=submit]").press("Enter")
    page.locator(MAKE_ALL).press("Enter")
    pdf = download(page, "Télécharger le PDF")
    data = download(page, "Données pour votre propre maquette (CSV)").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(data), delimiter=";"))
    assert pdf.startswith(b"%PDF-1.7")
    for row in rows:
        assert f"/URI({row['LIEN_PAIEMENT']})".encode() in pdf
    return {
        str(InvoiceReference.parse(_plain(row["REFERENCE_IMPRIMEE"]))): Printed(
            link=row["LIEN_PAIEMENT"], key=_plain(row["CLE_PAIEMENT"])
        )
        for row in rows
    }


def _plain(cell: str) -> str:
    """A text without the sign that keeps spreadsheets from reading a number in it."""
    return cell.removeprefix("'")


def download(page: Page, button: str) -> bytes:
    with page.expect_download() as downloading:
        page.get_by_role("button", name=button).press("Enter")
    return Path(downloading.value.path()).read_bytes()


def pay(page: Page, product: DemoProduct, *, scripts: bool) -> None:
    """From the recap to what is told of the payment once it is proved."""
    payer.press(page.locator("form[action*='/payer/'] button").first)
    if product is NURSERY:
        expect(page.locator("button[value=CB]")).to_be_visible()
        bank.decide(page, "payer")
        bank.come_back(page)
    else:
        page.wait_for_url("**/tpa/**")
        payer.decide(page, "payer")
        payer.go(page.locator("[data-return]"))
    bank.expect_told(page, "confirmed", scripts=scripts)


def tickets(demo: Demo, email: str) -> list[str]:
    """The subjects of REGAL's letters to this address; the gateway sends its own."""
    control = f"http://127.0.0.1:{demo.ports.sandbox_control}"
    mails = httpx.get(f"{control}/mails", params={"recipient": email}).raise_for_status().json()["mails"]
    return [mail["subject"] for mail in mails if "Bac à sable" not in mail["subject"]]


def guichet(demo: Demo, town: DemoTown, product: DemoProduct, prefix: str) -> str:
    return f"http://127.0.0.1:{demo.ports.guichet}/{prefix}{town.slug}/{product.slug}/"


@pytest.mark.parametrize(
    ("where", "scripts", "width", "prefix"), [(AT_PAYFIP, False, 320, ""), (BY_CARD, True, 1280, "en/")]
)
def test_are_paid_with_their_key_and_the_ticket_comes_again(
    demo: Demo,
    open_page: Callable[..., Page],
    printed: Callable[[DemoTown, DemoProduct, Notice], Printed],
    where: tuple[DemoTown, DemoProduct],
    scripts: bool,
    width: int,
    prefix: str,
) -> None:
    town, product = where
    notice = the_invoice(town, product, BY_KEY[product.slug])
    key, email = printed(town, product, notice).key, f"cle-{product.slug}@example.org"
    page = open_page(width=width, scripts=scripts)
    page.goto(guichet(demo, town, product, prefix))
    payer.look(page, "key form")

    def ask(key: str) -> None:
        for name, value in {**payer.typed(notice), "amount": "", "email": email, "key": key}.items():
            page.locator(f"#id_{name}").fill(value)
        payer.press(page.locator("main form button[type=submit]").last)

    ask("00000-00000")
    neutral = (
        "No invoice bears this number and this key." if prefix else "Aucune facture ne porte ce numéro et cette clé."
    )
    expect(page.locator("#key-error")).to_contain_text(neutral)
    expect(page.locator("#invoice-error")).to_contain_text(neutral)
    payer.look(page, "wrong key")
    ask(key.lower().replace("-", " "))
    expect(page.locator(".amount-big")).to_contain_text(
        notice.amount.format_en() if prefix else notice.amount.format_fr()
    )
    payer.look(page, "recap by key")
    pay(page, product, scripts=scripts)
    payer.until(page, lambda: len(tickets(demo, email)) == 1)

    page.goto(guichet(demo, town, product, prefix))
    ask(key)
    expect(page.locator("h1.state-good")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text(email)
    payer.look(page, "paid")
    payer.press(page.locator("form[action*='/ticket/'] button"))
    expect(page).to_have_title(re.compile("^(Ticket demandé|Ticket asked for) "))
    payer.look(page, "ticket asked")
    payer.until(page, lambda: len(tickets(demo, email)) == 2)
    assert tickets(demo, email)[0].startswith("DUPLICAT")


@pytest.mark.parametrize(("where", "scripts", "prefix"), [(AT_PAYFIP, False, "en/"), (BY_CARD, True, "")])
def test_are_paid_by_their_link_which_says_so_when_it_is_cut(
    demo: Demo,
    open_page: Callable[..., Page],
    printed: Callable[[DemoTown, DemoProduct, Notice], Printed],
    where: tuple[DemoTown, DemoProduct],
    scripts: bool,
    prefix: str,
) -> None:
    town, product = where
    notice = the_invoice(town, product, BY_LINK[product.slug])
    origin = f"http://127.0.0.1:{demo.ports.guichet}/"
    link = printed(town, product, notice).link.replace(origin, origin + prefix)
    page = open_page(width=320, scripts=scripts)
    altered = page.goto(link.removesuffix("/")[:-1] + "/")
    assert altered
    assert altered.status == 404
    expect(page).to_have_title(re.compile("^(Lien de paiement incomplet|Incomplete payment link) "))
    expect(page.locator("main")).not_to_contain_text(notice.amount.format_fr())
    payer.look(page, "altered link")
    payer.press(page.locator(f"main a[href$='/{product.slug}/']"))
    expect(page.locator("#id_key")).to_be_visible()

    page.goto(link)
    amount = notice.amount.format_en() if prefix else notice.amount.format_fr()
    expect(page.locator(".amount-big")).to_contain_text(amount)
    expect(page.locator("main input:not([type=hidden])")).to_have_count(1)
    payer.look(page, "link")
    page.locator("#id_email").fill(f"lien-{product.slug}@example.org")
    payer.press(page.locator("main form button[type=submit]"))
    expect(page.locator(".amount-big")).to_contain_text(amount)
    payer.look(page, "recap by link")
    pay(page, product, scripts=scripts)
    assert page.context.cookies() == []
    page.goto(link)
    expect(page.locator("h1.state-good")).to_be_visible()
    payer.look(page, "link, paid")
