"""Every page and state that a person may see, how to get there, and the template that it shows.

A new template or state is one line here; `tests/test_house_rules.py` refuses a template that no line shows.
"""

import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from playwright.sync_api import Error, Frame

from regal.demo.cast import PASSWORD, TO_CONNECT, TOWNS, Notice, notices
from tests.demo import Demo
from tests.journeys import card_scenes, contract_scenes, payer, regie_scenes, scenes

TOWN = TOWNS[0]
PRODUCTS = (
    "titres",
    "eau-assainissement",
    "cantine",
    "essai",
)  # of this town: one of each kind of debt, and one in test
FIRST = f"/{TOWN.slug}/{PRODUCTS[0]}/"


@dataclass
class Visit:
    """A frame or a whole window, in one language, in a demonstration where the scenes are written."""

    frame: Frame
    demo: Demo
    scenes: dict[str, Any]
    language: str = "fr"

    @property
    def guichet(self) -> str:
        return f"http://127.0.0.1:{self.demo.ports.guichet}"

    @property
    def bureau(self) -> str:
        return f"http://localhost:{self.demo.ports.bureau}"

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.demo.ports.sandbox}"

    def go(self, host: str, path: str) -> None:
        """Open an address, in the visit's language where the host speaks two."""
        prefix = "/en" if self.language == "en" and host in (self.guichet, self.bureau) else ""
        try:
            self.frame.goto(f"{host}{prefix}{path}")
        except Error as failure:
            if "ERR_ABORTED" not in failure.message:
                raise
            self.frame.goto(f"{host}{prefix}{path}")  # the page before reloaded itself at this very moment

    def post(self, path: str, fields: Mapping[str, str]) -> None:
        """Send a form to the guichet as one of its own pages would."""
        self.go(self.guichet, FIRST)
        prefix = "/en" if self.language == "en" else ""
        with self.frame.expect_navigation():
            self.frame.evaluate(
                """([action, fields]) => {
                    const form = Object.assign(document.createElement("form"), { method: "post", action });
                    for (const [name, value] of Object.entries(fields)) {
                        form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
                    }
                    document.body.append(form);
                    form.submit();
                }""",
                [f"{prefix}{path}", dict(fields)],
            )

    def lay(self, host: str, html: str, status: int = 200) -> None:
        """Show a page that the host answers only when something breaks."""
        address = f"{host}/page-que-seule-une-panne-montre/"
        page = self.frame.page
        page.route(address, lambda route: route.fulfill(body=html, status=status, content_type="text/html"))
        self.frame.goto(address)
        page.unroute(address)

    def press(self, selector: str) -> None:
        """Press a button that leads to another page."""
        with self.frame.expect_navigation():
            payer.press(self.frame.locator(selector).first)

    def as_(self, person: str) -> None:
        """Be signed in as one of the people of the scenes."""
        context = self.frame.page.context
        context.clear_cookies()
        if person:
            session = self.scenes["sessions"][person]
            context.add_cookies([{"name": self.scenes["cookie"], "value": session, "url": self.bureau}])


BOTH = ("fr", "en")


@dataclass(frozen=True, kw_only=True)
class Screen:
    name: str
    template: str
    show: Callable[[Visit], None]
    says_error: bool = False  # the title begins with « Erreur »
    languages: tuple[str, ...] = ("fr",)
    is_framed: bool = False
    same_as: str = ""  # another screen with the same title, because it is the same state

    def __str__(self) -> str:
        return self.name


# The guichet


def _guichet(path: str) -> Callable[[Visit], None]:
    return lambda visit: visit.go(visit.guichet, path)


def _wrong(path: str) -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        visit.go(visit.guichet, path)
        visit.press("main form button[type=submit]")

    return show


def _follow(situation: str) -> Callable[[Visit], None]:
    return lambda visit: visit.go(visit.guichet, visit.scenes["follow"][situation])


def _notice(number: int) -> Notice:
    return Notice(
        numcli=TOWN.products[0].numcli,
        reference=scenes.titre(number),
        amount=scenes.AMOUNT,
        label="",
        state="due",
        taken_in_charge_on=scenes.today(),
    )


def _recap(number: int) -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        visit.go(visit.guichet, FIRST)
        payer.fill(visit.frame, _notice(number))
        visit.press("main form button[type=submit]")

    return show


def _token(path: str, token: str) -> Callable[[Visit], None]:
    return lambda visit: visit.post(path, {"token": visit.scenes.get(token, token)})


def _laid(name: str, *, bureau: bool = False) -> Callable[[Visit], None]:
    return lambda visit: visit.lay(visit.bureau if bureau else visit.guichet, visit.scenes["laid"][name], 400)


def _regie(name: str) -> Callable[[Visit], None]:
    return lambda visit: visit.lay(visit.guichet, visit.scenes["regie"][visit.language][name])


def _comptable(name: str) -> Callable[[Visit], None]:
    return lambda visit: visit.lay(visit.guichet, visit.scenes["comptable"]["pages"][visit.language][name])


def _link(press: str = "", *, altered: bool = False) -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        visit.go(visit.guichet, visit.scenes["comptable"]["link"][: -2 if altered else None])
        if press:
            visit.press(press)

    return show


def _comptable_titre(name: str) -> Callable[[Visit], None]:
    return lambda visit: _bureau(f"/{TOWN.slug}/factures/{visit.scenes['comptable']['titres'][name]}/")(visit)


def _card(name: str) -> Callable[[Visit], None]:
    return lambda visit: visit.lay(visit.guichet, visit.scenes["card"][visit.language][name])


def _too_often(visit: Visit) -> None:
    """Asked from another address, whose limit is its own: the other tests go on paying."""
    from_elsewhere = httpx.HTTPTransport(local_address="127.0.0.9")
    with httpx.Client(transport=from_elsewhere, base_url=visit.guichet) as somebody:
        prefix = "/en" if visit.language == "en" else ""
        for _ in range(70):
            answer = somebody.post(f"{prefix}{FIRST}payer/", data={"token": ""})
            if answer.status_code == 429:
                return visit.lay(visit.guichet, answer.text, 429)
    raise AssertionError("never too often")


GUICHET = (
    Screen(name="start", template="demo/start.html", show=_guichet("/"), languages=BOTH),
    Screen(name="faults", template="demo/faults.html", show=_guichet("/s/demonstration/pannes/"), languages=BOTH),
    Screen(name="home", template="checkout/home.html", show=_laid("home")),
    Screen(
        name="products",
        template="checkout/products.html",
        show=_guichet(f"/{TOWN.slug}/"),
        is_framed=True,
        languages=BOTH,
    ),
    Screen(
        name="no product",
        template="checkout/products.html",
        show=_guichet(f"/{scenes.EMPTY_TOWN}/"),
        is_framed=True,
        same_as="products",
        languages=BOTH,
    ),
    *(
        Screen(
            name=f"form {product}",
            template="checkout/form.html",
            show=_guichet(f"/{TOWN.slug}/{product}/"),
            is_framed=True,
            languages=BOTH,
        )
        for product in PRODUCTS
    ),
    *(
        Screen(
            name=f"form {product} with errors",
            template="checkout/form.html",
            show=_wrong(f"/{TOWN.slug}/{product}/"),
            says_error=True,
            is_framed=True,
            languages=BOTH,
        )
        for product in PRODUCTS
    ),
    Screen(
        name="form, page too old",
        template="checkout/form.html",
        show=_token(f"{FIRST}payer/", "expired"),
        same_as=f"form {PRODUCTS[0]} with errors",
        says_error=True,
        is_framed=True,
        languages=BOTH,
    ),
    Screen(
        name="form, page lost",
        template="checkout/form.html",
        show=_token(f"{FIRST}payer/", "x"),
        same_as=f"form {PRODUCTS[0]} with errors",
        says_error=True,
        is_framed=True,
        languages=BOTH,
    ),
    Screen(
        name="form, refused",
        template="checkout/form.html",
        show=_token(f"{FIRST}payer/", "refused"),
        same_as=f"form {PRODUCTS[0]} with errors",
        says_error=True,
        is_framed=True,
        languages=BOTH,
    ),
    Screen(name="recap", template="checkout/recap.html", show=_recap(scenes.FRESH), is_framed=True, languages=BOTH),
    Screen(
        name="recap with an earlier attempt",
        template="checkout/recap.html",
        show=_recap(scenes.EARLIER),
        is_framed=True,
        languages=BOTH,
    ),
    *(
        Screen(
            name=f"comptable, {name}",
            template="checkout/not_as_issued.html",
            show=_comptable(name),
            is_framed=True,
            languages=BOTH,
        )
        for name in ("differs", "settled", "not due", "in part")
    ),
    Screen(name="link", template="checkout/by_link.html", show=_link(), is_framed=True, languages=BOTH),
    Screen(
        name="link with errors",
        template="checkout/by_link.html",
        show=_link("main form button[type=submit]"),
        is_framed=True,
        says_error=True,
    ),
    Screen(
        name="link cut",
        template="checkout/bad_link.html",
        show=_link(altered=True),
        is_framed=True,
        languages=BOTH,
    ),
    Screen(
        name="already started",
        template="checkout/already_started.html",
        show=_token(f"{FIRST}payer/", "started"),
        is_framed=True,
        languages=BOTH,
    ),
    *(
        Screen(
            name=f"follow, {situation}",
            template="checkout/follow.html",
            show=_follow(situation),
            is_framed=True,
            languages=BOTH,
        )
        for situation in (
            "waiting",
            "announced_paid",
            "announced_refused",
            "announced_abandoned",
            "announced_unknown",
            "confirmed",
            "silent",
        )
    ),
    Screen(
        name="follow, one line",
        template="checkout/follow.html",
        show=_follow("one line"),
        is_framed=True,
        same_as="follow, announced_paid",
        languages=BOTH,
    ),
    *(
        Screen(
            name=f"régie, {page}",
            template=f"checkout/{template}.html",
            show=_regie(page),
            is_framed=True,
            same_as=same_as,
            says_error=page
            in (
                "not found",
                "wrong key",
                "contract refused",
                "again with errors",
                "again, contract refused",
                "several with errors",
                "several, not added",
                "several, one is paid",
            ),
            languages=BOTH,
        )
        for page, template, same_as in (
            ("recap", "recap", "recap"),
            ("not found", "form", ""),
            ("contract refused", "form", "régie, not found"),
            ("paid", "not_payable", ""),
            ("held", "not_payable", ""),
            ("not payable", "not_payable", ""),
            ("cancelled", "not_payable", ""),
            ("written off", "not_payable", ""),
            ("transferred", "not_payable", ""),
            ("ticket asked", "ticket_asked", ""),
            ("elsewhere", "elsewhere", ""),
            ("by key", "recap", "recap"),
            ("wrong key", "form", "régie, not found"),
            ("away", "away", ""),
            ("already started", "already_started", "already started"),
            ("opening", "already_started", ""),
            ("several", "several", ""),
            ("several with errors", "several", ""),
            ("several, not added", "several", "régie, several with errors"),
            ("several, one is paid", "several", "régie, several with errors"),
            ("several, recap", "several_recap", "recap"),
            ("several, follow", "follow_asked", "follow, waiting"),
            ("again", "again", ""),
            ("again with errors", "again", ""),
            ("again, contract refused", "again", "régie, again with errors"),
        )
    ),
    *(
        Screen(
            name=f"régie, follow {situation}",
            template="checkout/follow_asked.html",
            show=_regie(f"follow {situation}"),
            is_framed=True,
            same_as="" if situation in ("opening", "never_started") else f"follow, {situation}",
            languages=BOTH,
        )
        for situation in regie_scenes.FOLLOWED
    ),
    *(
        Screen(
            name=f"régie, follow {situation}",
            template="checkout/follow_asked.html",
            show=_regie(f"follow {situation}"),
            is_framed=True,
            same_as=f"follow, {title}",
            languages=BOTH,
        )
        for situation, (_, title) in regie_scenes.BESIDE.items()
    ),
    *(
        Screen(
            name=f"card, {page}",
            template=f"checkout/{template}.html",
            show=_card(page),
            is_framed=page != "hand over",
            same_as=same_as,
            says_error=page.endswith("errors"),
            languages=BOTH,
        )
        for page, template, same_as in (
            ("form with the address", "form", ""),
            ("form with the address and errors", "form", ""),
            ("recap", "recap", "recap"),
            ("recap with the address", "recap", "recap"),
            ("hand over", "hand_over", ""),
            ("away", "away", ""),
            ("already started", "already_started", "already started"),
            ("again", "again", "régie, again"),
        )
    ),
    *(
        Screen(
            name=f"card, follow {situation}",
            template="checkout/follow_card.html",
            show=_card(f"follow {situation}"),
            is_framed=True,
            same_as="" if situation in ("provisional", "accepted", "hearing", "pending") else "follow",
            languages=BOTH,
        )
        for situation in (*card_scenes.FOLLOWED, *card_scenes.BESIDE)
    ),
    Screen(
        name="nothing started",
        template="checkout/nothing_started.html",
        show=_guichet(f"/{TOWN.slug}/suivi/{'a' * 43}/"),
        is_framed=True,
        languages=BOTH,
    ),
    Screen(
        name="nothing at a broken address",
        template="checkout/nothing_started.html",
        show=_guichet(f"/{TOWN.slug}/suivi/x/"),
        is_framed=True,
        same_as="nothing started",
        languages=BOTH,
    ),
    Screen(name="not found", template="checkout/error.html", show=_guichet("/nulle-part/"), languages=BOTH),
    Screen(
        name="not found in a town",
        template="checkout/error.html",
        show=_guichet(f"/{TOWN.slug}/rien/"),
        same_as="first town, not found",
        is_framed=True,
        languages=BOTH,
    ),
    *(
        Screen(
            name=f"product {standing}",
            template="checkout/closed.html",
            show=_guichet(f"/{scenes.EMPTY_TOWN}/{slug}/"),
            is_framed=True,
            same_as="" if slug == "titres" else "product closed",
            languages=BOTH,
        )
        for slug, standing in (("titres", "closed"), ("bientot", "not open yet"), ("fini", "over"))
    ),
    Screen(name="too often", template="checkout/error.html", show=_too_often, languages=BOTH),
    Screen(name="unreadable", template="checkout/error.html", show=_laid("guichet bad request")),
    Screen(name="breakdown", template="checkout/error.html", show=_laid("guichet server error")),
)


# The bureau


def _bureau(path: str, person: str = "nadia", press: str = "", *, opened: bool = False) -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        visit.as_(person)
        visit.go(visit.bureau, path)
        if press:
            visit.press(press)
        if opened:
            visit.frame.locator("details > summary").first.click()

    return show


def _second_factor(press: str = "") -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        visit.as_("")
        visit.go(visit.bureau, "/connexion/")
        visit.frame.locator("input[name=login]").fill("garde")
        visit.frame.locator("input[name=password]").fill(PASSWORD)
        visit.press("main button[type=submit]")
        if press:
            visit.press(press)

    return show


def _signed_out(visit: Visit) -> None:
    """The door, with a message: on the way out, by a session that no other screen needs."""
    visit.as_("leaving")
    visit.go(visit.bureau, "/deconnexion/")
    visit.press("main button[type=submit]")


def _detail(situation: str) -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        visit.as_("nadia")
        visit.go(visit.bureau, f"/{TOWN.slug}/paiements/{visit.scenes['attempts'][situation]}/")
        if visit.frame.locator("details").count():
            visit.frame.locator("summary").click()

    return show


def _titre(situation: str, press: str = "") -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        _bureau(f"/{TOWN.slug}/factures/{visit.scenes['titres'][situation]}/", press=press)(visit)

    return show


def _received(situation: str, end: str, press: str = "") -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        _bureau(f"/{TOWN.slug}/factures/{visit.scenes['titres'][situation]}/{end}", press=press)(visit)

    return show


def _titre_edit(situation: str, press: str = "") -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        _bureau(f"/{TOWN.slug}/factures/{visit.scenes['titres'][situation]}/modifier/", press=press)(visit)

    return show


def _reversal(situation: str, press: str = "") -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        _bureau(f"/{TOWN.slug}/encaissements/{visit.scenes['titres'][situation]}/annuler/", press=press)(visit)

    return show


def _quittance(situation: str) -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        _bureau(f"/{TOWN.slug}/quittances/encaissement/{visit.scenes['titres'][situation]}/")(visit)

    return show


def _titre_group(situation: str) -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        _bureau(f"/{TOWN.slug}/factures/groupe/{visit.scenes['titre groups'][situation]}/")(visit)

    return show


def _notice_batch(situation: str) -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        _bureau(f"/{TOWN.slug}/factures/avis/{visit.scenes['notice batches'][situation]}/")(visit)

    return show


def _case(situation: str, press: str = "") -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        _bureau(f"/{TOWN.slug}/anomalies/{visit.scenes['cases'][situation]}/", press=press)(visit)
        visit.frame.locator("summary").click()

    return show


def _expired_form(visit: Visit) -> None:
    visit.as_("")
    visit.go(visit.bureau, "/connexion/")
    visit.frame.page.context.clear_cookies()
    visit.press("main button[type=submit]")


def _invitation(press: str = "") -> Callable[[Visit], None]:
    return lambda visit: _bureau(visit.scenes["invitation"], "", press)(visit)


def _look_too_pale(visit: Visit) -> None:
    _bureau(f"{SETTINGS}apparence/", "paul")(visit)
    visit.frame.locator("#id_main_colour").fill("#f2b544")
    visit.press("main .settings button[type=submit]")


def _product_settings(slug: str, number: str = "", name: str | None = None) -> Callable[[Visit], None]:
    """A product's settings; with a number tried, or another name sent."""

    def show(visit: Visit) -> None:
        _bureau(f"{SETTINGS}produits/{visit.scenes['products'][slug]}/", "paul")(visit)
        if number:
            visit.frame.locator("#id_example").fill(number)
            visit.press("button[value=essayer]")
        if name is not None:
            visit.frame.locator("#id_name").fill(name)
            visit.press("main .settings button[type=submit]")

    return show


BOURG = contract_scenes.TOWN


def _contract(situation: str, person: str = "adele") -> Callable[[Visit], None]:
    """One contract, everything on its page unfolded."""

    def show(visit: Visit) -> None:
        visit.as_(person)
        visit.go(visit.bureau, f"/{BOURG}/reglages/contrats/{visit.scenes['contracts'][situation]}/")
        folded = visit.frame.locator("details:not([open]) > summary")
        while folded.count():
            folded.first.click()

    return show


def _paybox(situation: str, rest: str = "", press: str = "") -> Callable[[Visit], None]:
    """A page of a régie's contract with its bank."""

    def show(visit: Visit) -> None:
        _bureau(f"/{BOURG}/reglages/contrats/{visit.scenes['contracts'][situation]}/{rest}", "adele", press)(visit)

    return show


def _refused_page_settings(visit: Visit) -> None:
    """Too little time to find one's card."""
    _paybox("paybox new", "page/")(visit)
    visit.frame.locator("#id_minutes").fill("2")
    visit.press(SUBMIT)


def _recognise(visit: Visit) -> None:
    """A régie's number that PayFiP knows."""
    visit.as_("paul")
    visit.go(visit.bureau, f"{SETTINGS}contrats/ajouter/")
    for name, choice in {"kind": "regie", "gateway": "payfip_ws", "regie": "new"}.items():
        visit.frame.locator(f"#id_{name}").select_option(choice)
    for name, value in {
        "numcli": TO_CONNECT["numcli"],
        "regie_name": "Régie de la médiathèque",
        "regie_number": "21",
    }.items():
        visit.frame.locator(f"#id_{name}").fill(str(value))
    visit.press(SUBMIT)


def _overtaken_product(visit: Visit) -> None:
    """Sent with a version that is no longer the one in the base."""
    _product_settings("cantine")(visit)
    visit.frame.evaluate("document.querySelector('[name=seen]').value = '0000000000000000'")
    visit.frame.locator("#id_name").fill("Restauration")
    visit.press("main .settings button[type=submit]")


def _new_product(visit: Visit) -> None:
    _bureau(f"{SETTINGS}produits/nouveau/", "paul")(visit)
    visit.press("main a.choice")


def _file(state: str) -> Callable[[Visit], None]:
    return lambda visit: _bureau(f"/{TOWN.slug}/fichiers/{visit.scenes['files'][state]}/")(visit)


def _remises(visit: Visit) -> None:
    _bureau(f"/{TOWNS[1].slug}/fichiers/{visit.scenes['files']['remises']}/", "in two")(visit)


def _file_refused(visit: Visit) -> None:
    """A document that is no file of payments."""
    visit.as_("nadia")
    visit.go(visit.bureau, f"/{TOWN.slug}/fichiers/")
    visit.frame.locator("input[type=file]").set_input_files(
        {"name": "avis.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
    )
    visit.press(SUBMIT)


def _days_refused(visit: Visit) -> None:
    _file("draft")(visit)
    visit.frame.locator("input[name=au]").fill("demain")
    visit.press(SUBMIT)


def _refused_trial(visit: Visit) -> None:
    """A test payment that cannot be read, in the tab that was to lead to PayFiP."""
    _contract("refused")(visit)
    visit.frame.locator("#test_amount").fill("dix")
    visit.frame.evaluate("document.querySelector('form[target]').removeAttribute('target')")
    visit.press("form:has(#test_amount) button[type=submit]")


def _import(state: str, rest: str = "", press: str = "") -> Callable[[Visit], None]:
    return lambda visit: _bureau(f"{IMPORTS}{visit.scenes['imports'][state]}/{rest}", press=press)(visit)


def _import_columns(column: str = "", press: str = "") -> Callable[[Visit], None]:
    """What a table's columns mean, everything unfolded; with the amount read in another column."""

    def show(visit: Visit) -> None:
        _import("columns", "colonnes/")(visit)
        visit.frame.locator("details > summary").first.click()
        if press:
            visit.frame.locator("#id_c_label").select_option(column)
            visit.press(press)

    return show


def _source(which: str, press: str = "") -> Callable[[Visit], None]:
    """A source of imports; without its name, when one presses."""

    def show(visit: Visit) -> None:
        _bureau(f"{IMPORTS}sources/{visit.scenes['imports'][which]}/")(visit)
        if press:
            visit.frame.locator("#id_nom").fill("")
            visit.press(press)

    return show


def _import_refused(visit: Visit) -> None:
    """A document that holds no invoices, from nobody knows where."""
    _bureau(f"{IMPORTS}nouveau/")(visit)
    visit.frame.locator("input[type=file]").set_input_files(
        {"name": "avis.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7"}
    )
    visit.press(SUBMIT)


def _agent(press: str = "") -> Callable[[Visit], None]:
    """Somebody who was invited a moment ago: a second invitation must wait."""
    return lambda visit: _bureau(f"{SETTINGS}agents/{visit.scenes['membership']}/", "paul", press)(visit)


SUBMIT = "main button[type=submit]"
AGAIN = "section[aria-labelledby=invite-again] button"
SETTINGS = f"/{TOWN.slug}/reglages/"
IMPORTS = f"/{TOWN.slug}/factures/imports/"
PLATFORM = "/exploitation/collectivites/"
BUREAU = (
    Screen(name="login", template="backoffice/login.html", show=_bureau("/connexion/", ""), languages=BOTH),
    Screen(
        name="login with errors",
        template="backoffice/login.html",
        show=_bureau("/connexion/", "", SUBMIT),
        says_error=True,
    ),
    Screen(name="signed out", template="backoffice/login.html", show=_signed_out, same_as="login"),
    Screen(name="second factor", template="backoffice/second_factor.html", show=_second_factor()),
    Screen(
        name="second factor with errors",
        template="backoffice/second_factor.html",
        show=_second_factor(SUBMIT),
        says_error=True,
    ),
    Screen(name="logout", template="backoffice/logout.html", show=_bureau("/deconnexion/")),
    Screen(name="invitation", template="backoffice/invitation.html", show=_invitation()),
    Screen(
        name="invitation with errors",
        template="backoffice/invitation.html",
        show=_invitation(SUBMIT),
        says_error=True,
    ),
    Screen(name="dead invitation", template="backoffice/dead_invitation.html", show=_bureau("/invitation/x/y/", "")),
    Screen(name="which town", template="backoffice/home.html", show=_bureau("/", "in two")),
    Screen(name="no town", template="backoffice/home.html", show=_bureau("/", "nowhere"), same_as="which town"),
    Screen(name="dashboard", template="backoffice/dashboard.html", show=_bureau(f"/{TOWN.slug}/"), languages=BOTH),
    Screen(
        name="dashboard of a quiet town",
        template="backoffice/dashboard.html",
        show=_bureau(f"/{TOWNS[1].slug}/", "in two"),
    ),
    Screen(
        name="payments", template="backoffice/payments.html", show=_bureau(f"/{TOWN.slug}/paiements/"), languages=BOTH
    ),
    Screen(
        name="no payment",
        template="backoffice/payments.html",
        show=_bureau(f"/{TOWNS[1].slug}/paiements/?etat=confirmed", "in two"),
    ),
    *(
        Screen(
            name=f"payment, {situation}", template="backoffice/payment.html", show=_detail(situation), languages=BOTH
        )
        for situation in ("waiting", "announced_paid", "confirmed", "case")
    ),
    Screen(name="titres", template="backoffice/titres.html", show=_bureau(f"/{TOWN.slug}/factures/"), languages=BOTH),
    Screen(
        name="no titre",
        template="backoffice/titres.html",
        show=_bureau(f"/{TOWNS[1].slug}/factures/?etat=annulee", "in two"),
    ),
    Screen(
        name="titres, filters refused",
        template="backoffice/titres.html",
        show=_bureau(f"/{TOWN.slug}/factures/?emise_du=jamais"),
        says_error=True,
    ),
    Screen(
        name="titres, nothing of that name",
        template="backoffice/titres.html",
        show=_bureau(f"/{TOWN.slug}/factures/?recherche=Zzyzx"),
        languages=BOTH,
    ),
    Screen(name="new titre", template="backoffice/new_titre.html", show=_bureau(f"/{TOWN.slug}/factures/nouvelle/")),
    Screen(
        name="new titre with errors",
        template="backoffice/new_titre.html",
        show=_bureau(f"/{TOWN.slug}/factures/nouvelle/", press=SUBMIT),
        says_error=True,
    ),
    Screen(name="titre", template="backoffice/titre.html", show=_titre("open"), languages=BOTH),
    *(
        Screen(name=f"titre, {situation}", template="backoffice/titre.html", show=_titre(situation))
        for situation in ("draft", "suspended", "cancelled", "paid")
    ),
    *(
        Screen(name=f"titre of the comptable, {name}", template="backoffice/titre.html", show=_comptable_titre(name))
        for name in ("in part", "settled")
    ),
    Screen(name="a draft to correct", template="backoffice/edit_titre.html", show=_titre_edit("draft")),
    Screen(
        name="a draft corrected with errors",
        template="backoffice/edit_titre.html",
        show=_titre_edit("draft", SUBMIT),
        says_error=True,
    ),
    Screen(name="words to correct", template="backoffice/edit_titre.html", show=_titre_edit("open")),
    Screen(name="nothing to correct", template="backoffice/edit_titre.html", show=_titre_edit("paid")),
    Screen(
        name="an act on many",
        template="backoffice/new_titre_group.html",
        show=_bureau(f"/{TOWN.slug}/factures/?etat=suspendue", press="button[name=tout]"),
        languages=BOTH,
    ),
    Screen(
        name="an act on nothing",
        template="backoffice/new_titre_group.html",
        show=_bureau(f"/{TOWN.slug}/factures/", press="button:not([name]):text('coché')"),
        says_error=True,
    ),
    *(
        Screen(
            name=f"an act on many, {situation}", template="backoffice/titre_group.html", show=_titre_group(situation)
        )
        for situation in ("to confirm", "done")
    ),
    Screen(
        name="notices to make",
        template="backoffice/notices.html",
        show=_bureau(f"/{TOWN.slug}/factures/?etat=impayees", press="section[aria-labelledby=notices] button"),
        languages=BOTH,
    ),
    Screen(
        name="notices of nothing",
        template="backoffice/notices.html",
        show=_bureau(f"/{TOWN.slug}/factures/", press="button[formaction]"),
        says_error=True,
    ),
    Screen(
        name="batches of notices",
        template="backoffice/notice_batches.html",
        show=_bureau(f"/{TOWN.slug}/factures/avis/"),
        languages=BOTH,
    ),
    *(
        Screen(
            name=f"batch of notices, {situation}",
            template="backoffice/notice_batch.html",
            show=_notice_batch(situation),
        )
        for situation in ("ready", "purged")
    ),
    Screen(
        name="settings of notices",
        template="backoffice/settings_notices.html",
        show=_bureau(f"/{TOWN.slug}/reglages/avis/", "paul"),
        languages=BOTH,
    ),
    Screen(
        name="titre, decision refused",
        template="backoffice/titre.html",
        show=_titre("open", "button[value=decision]"),
        says_error=True,
    ),
    # Imports of invoices
    Screen(name="imports", template="backoffice/imports.html", show=_bureau(IMPORTS), languages=BOTH),
    Screen(
        name="imports of a town that has none",
        template="backoffice/imports.html",
        show=_bureau(f"/{TOWNS[1].slug}/factures/imports/", "in two"),
    ),
    Screen(
        name="import guide", template="backoffice/import_guide.html", show=_bureau(f"{IMPORTS}guide/"), languages=BOTH
    ),
    Screen(name="new import", template="backoffice/new_import.html", show=_bureau(f"{IMPORTS}nouveau/")),
    Screen(
        name="new import with errors",
        template="backoffice/new_import.html",
        show=_import_refused,
        says_error=True,
    ),
    Screen(name="source of imports", template="backoffice/import_source.html", show=_source("source"), languages=BOTH),
    Screen(
        name="source of imports, closed",
        template="backoffice/import_source.html",
        show=_source("closed source"),
        languages=BOTH,
    ),
    Screen(
        name="source of imports with errors",
        template="backoffice/import_source.html",
        show=_source("source", "button[value=modifier]"),
        says_error=True,
    ),
    Screen(
        name="columns of an import", template="backoffice/import_columns.html", show=_import_columns(), languages=BOTH
    ),
    Screen(
        name="columns of an import with errors",
        template="backoffice/import_columns.html",
        show=_import_columns("Montant", "button[value=lire]"),
        says_error=True,
    ),
    *(
        Screen(
            name=f"import, {state}",
            template="backoffice/import.html",
            show=_import(state),
            same_as="import, proposed" if state == "wrong" else "",
            languages=BOTH,
        )
        for state in ("columns", "proposed", "wrong", "confirmed", "discarded", "refused", "undone")
    ),
    *(
        Screen(name=f"import, {state}", template="backoffice/import.html", show=_import(state))
        for state in ("reading", "writing")
    ),
    Screen(
        name="import, its wrong lines",
        template="backoffice/import.html",
        show=_import("wrong", "?verdict=error"),
    ),
    Screen(
        name="import, confirmed without its tick",
        template="backoffice/import.html",
        show=_import("wrong", press="button[value=valides]"),
        says_error=True,
    ),
    Screen(
        name="receive money",
        template="backoffice/receive_money.html",
        show=_received("open", "encaisser/"),
        languages=BOTH,
    ),
    Screen(
        name="receive money, refused",
        template="backoffice/receive_money.html",
        show=_received("open", "encaisser/", press=SUBMIT),
        says_error=True,
    ),
    Screen(name="receive nothing", template="backoffice/receive_money.html", show=_received("paid", "encaisser/")),
    Screen(
        name="receipts of the day",
        template="backoffice/receipts.html",
        show=_bureau(f"/{TOWN.slug}/encaissements/"),
        languages=BOTH,
    ),
    Screen(
        name="no receipts, a day refused",
        template="backoffice/receipts.html",
        show=_bureau(f"/{TOWN.slug}/encaissements/?jour=hier"),
        says_error=True,
    ),
    Screen(
        name="issue a quittance",
        template="backoffice/quittance.html",
        show=_quittance("to acknowledge"),
        languages=BOTH,
    ),
    Screen(name="a quittance", template="backoffice/quittance.html", show=_quittance("acknowledged"), languages=BOTH),
    Screen(name="a cancelled quittance", template="backoffice/quittance.html", show=_quittance("cancelled")),
    Screen(name="no quittance for this money", template="backoffice/quittance.html", show=_quittance("reversed")),
    Screen(
        name="quittances",
        template="backoffice/quittances.html",
        show=_bureau(f"/{TOWN.slug}/quittances/"),
        languages=BOTH,
    ),
    Screen(
        name="quittances, a number refused",
        template="backoffice/quittances.html",
        show=_bureau(f"/{TOWN.slug}/quittances/?numero=douze"),
        says_error=True,
    ),
    Screen(
        name="reverse money",
        template="backoffice/reverse_money.html",
        show=_reversal("received"),
        languages=BOTH,
    ),
    Screen(
        name="reverse money, refused",
        template="backoffice/reverse_money.html",
        show=_reversal("received", press=SUBMIT),
        says_error=True,
    ),
    Screen(name="money reversed", template="backoffice/reverse_money.html", show=_reversal("reversed")),
    Screen(
        name="payments that repaired themselves",
        template="backoffice/repaired.html",
        show=_bureau(f"/{TOWN.slug}/paiements/repares/"),
        languages=BOTH,
    ),
    Screen(
        name="integration",
        template="backoffice/integration.html",
        show=_bureau(f"/{TOWN.slug}/integration/"),
        languages=BOTH,
    ),
    Screen(name="my account", template="backoffice/my_account.html", show=_bureau("/compte/"), languages=BOTH),
    Screen(
        name="my guarded account",
        template="backoffice/my_account.html",
        show=_bureau("/compte/", "guarded"),
        same_as="my account",
    ),
    Screen(name="change password", template="backoffice/change_password.html", show=_bureau("/compte/mot-de-passe/")),
    Screen(
        name="change password with errors",
        template="backoffice/change_password.html",
        show=_bureau("/compte/mot-de-passe/", press=SUBMIT),
        says_error=True,
    ),
    Screen(name="activate totp", template="backoffice/activate_totp.html", show=_bureau("/compte/application/")),
    Screen(
        name="activate totp with errors",
        template="backoffice/activate_totp.html",
        show=_bureau("/compte/application/", press=SUBMIT),
        says_error=True,
    ),
    Screen(
        name="deactivate totp",
        template="backoffice/deactivate_totp.html",
        show=_bureau("/compte/application/retirer/", "guarded"),
    ),
    Screen(
        name="recovery codes",
        template="backoffice/recovery_codes.html",
        show=_bureau("/compte/codes/", "guarded"),
    ),
    Screen(
        name="renew recovery codes",
        template="backoffice/renew_recovery_codes.html",
        show=_bureau("/compte/codes/renouveler/", "guarded"),
    ),
    Screen(
        name="reauthenticate",
        template="backoffice/reauthenticate.html",
        show=_bureau("/connexion/confirmation/"),
    ),
    Screen(
        name="reauthenticate with errors",
        template="backoffice/reauthenticate.html",
        show=_bureau("/connexion/confirmation/", press=SUBMIT),
        says_error=True,
    ),
    Screen(
        name="reauthenticate with a code",
        template="backoffice/reauthenticate_with_code.html",
        show=_bureau("/connexion/confirmation/code/", "guarded"),
        same_as="reauthenticate",
    ),
    Screen(name="not found (bureau)", template="backoffice/not_found.html", show=_bureau("/nulle-part/")),
    Screen(name="form expired", template="backoffice/form_expired.html", show=_expired_form),
    *(
        Screen(
            name=f"{name} (bureau)",
            template=f"backoffice/{name.replace(' ', '_')}.html",
            show=_laid(f"bureau {name}", bureau=True),
        )
        for name in ("forbidden", "too often", "bad request", "server error")
    ),
    Screen(
        name="anomalies",
        template="backoffice/case_list.html",
        show=_bureau(f"/{TOWN.slug}/anomalies/"),
        languages=BOTH,
    ),
    Screen(
        name="anomalies closed",
        template="backoffice/case_list.html",
        show=_bureau(f"/{TOWN.slug}/anomalies/?pile=closes"),
    ),
    Screen(
        name="no anomaly",
        template="backoffice/case_list.html",
        show=_bureau(f"/{TOWNS[1].slug}/anomalies/?pile=a-moi", "in two"),
    ),
    Screen(name="anomaly open", template="backoffice/case.html", show=_case("held"), languages=BOTH),
    Screen(
        name="anomaly with errors",
        template="backoffice/case.html",
        show=_case("held", "button[value=clore]"),
        says_error=True,
    ),
    Screen(name="anomaly closed", template="backoffice/case.html", show=_case("closed"), languages=BOTH),
    # The settings of a collectivité
    Screen(name="settings", template="backoffice/settings.html", show=_bureau(SETTINGS, "paul"), languages=BOTH),
    Screen(
        name="settings, town",
        template="backoffice/settings_town.html",
        show=_bureau(f"{SETTINGS}collectivite/", "paul"),
    ),
    Screen(
        name="settings, look", template="backoffice/settings_look.html", show=_bureau(f"{SETTINGS}apparence/", "paul")
    ),
    Screen(
        name="settings, look too pale",
        template="backoffice/settings_look.html",
        show=_look_too_pale,
        says_error=True,
    ),
    Screen(
        name="settings, products",
        template="backoffice/settings_products.html",
        show=_bureau(f"{SETTINGS}produits/", "paul"),
        languages=BOTH,
    ),
    *(
        Screen(
            name=f"settings, {slug}",
            template="backoffice/settings_product.html",
            show=_product_settings(slug),
            languages=BOTH,
        )
        for slug in PRODUCTS
    ),
    Screen(
        name="settings, product with errors",
        template="backoffice/settings_product.html",
        show=_product_settings("cantine", name=""),
        says_error=True,
    ),
    Screen(
        name="settings, product overtaken",
        template="backoffice/settings_product.html",
        show=_overtaken_product,
        says_error=True,
        same_as="settings, product with errors",
    ),
    Screen(
        name="settings, number tried",
        template="backoffice/settings_product.html",
        show=_product_settings("cantine", "FC2026-000123"),
    ),
    Screen(
        name="settings, which contract",
        template="backoffice/settings_contract_choice.html",
        show=_bureau(f"{SETTINGS}produits/nouveau/", "paul"),
    ),
    Screen(name="settings, new product", template="backoffice/settings_product.html", show=_new_product),
    Screen(
        name="settings, sites",
        template="backoffice/settings_sites.html",
        show=_bureau(f"{SETTINGS}sites/", "paul"),
        languages=BOTH,
    ),
    Screen(
        name="settings, sites with errors",
        template="backoffice/settings_sites.html",
        show=_bureau(f"{SETTINGS}sites/", "paul", "main .settings button[type=submit]"),
        says_error=True,
    ),
    Screen(
        name="preview",
        template="backoffice/preview.html",
        show=_bureau(f"/{TOWN.slug}/integration/apercu/{PRODUCTS[0]}/?largeur=320"),
        languages=BOTH,
    ),
    # End of the settings of a collectivité
    Screen(name="files", template="backoffice/files.html", show=_bureau(f"/{TOWN.slug}/fichiers/"), languages=BOTH),
    Screen(
        name="file that says where titres stand",
        template="backoffice/file.html",
        show=lambda visit: _bureau(f"/{TOWN.slug}/fichiers/{visit.scenes['comptable']['file']}/")(visit),
        same_as="file done",
    ),
    Screen(name="file refused", template="backoffice/files.html", show=_file_refused, says_error=True),
    *(
        Screen(name=f"file {state}", template="backoffice/file.html", show=_file(state), languages=BOTH)
        for state in ("draft", "done", "doing", "discarded")
    ),
    Screen(name="file of remises", template="backoffice/file.html", show=_remises, languages=BOTH),
    Screen(name="file with wrong days", template="backoffice/file.html", show=_days_refused, says_error=True),
    # people: sessions, agents, operators, the audit log
    Screen(name="sessions", template="backoffice/sessions.html", show=_bureau("/compte/sessions/"), languages=BOTH),
    Screen(
        name="agents", template="backoffice/agents.html", show=_bureau(f"{SETTINGS}agents/", "paul"), languages=BOTH
    ),
    Screen(name="agent", template="backoffice/agent.html", show=_agent(), languages=BOTH),
    Screen(name="agent with errors", template="backoffice/agent.html", show=_agent(AGAIN), says_error=True),
    Screen(
        name="invite an agent",
        template="backoffice/invite_agent.html",
        show=_bureau(f"{SETTINGS}agents/inviter/", "paul"),
        languages=BOTH,
    ),
    Screen(
        name="invite an agent with errors",
        template="backoffice/invite_agent.html",
        show=_bureau(f"{SETTINGS}agents/inviter/", "paul", SUBMIT),
        says_error=True,
    ),
    Screen(
        name="audit log",
        template="backoffice/audit.html",
        show=_bureau(f"{SETTINGS}journal/", "paul", opened=True),
        languages=BOTH,
    ),
    Screen(
        name="no act in the audit log",
        template="backoffice/audit.html",
        show=_bureau(f"{SETTINGS}journal/?avant=1", "paul"),
        same_as="audit log",
    ),
    Screen(
        name="dashboard of a town that is visited",
        template="backoffice/dashboard.html",
        show=_bureau(f"/{TOWN.slug}/", "visitor"),
        same_as="dashboard",
    ),
    Screen(
        name="operator",
        template="backoffice/platform.html",
        show=_bureau("/exploitation/", "exploitant"),
        languages=BOTH,
    ),
    Screen(
        name="operator finds nothing",
        template="backoffice/platform.html",
        show=_bureau("/exploitation/?nom=nulle+part", "exploitant"),
    ),
    Screen(
        name="new collectivité",
        template="backoffice/new_collectivite.html",
        show=_bureau(f"{PLATFORM}nouvelle/", "exploitant"),
        languages=BOTH,
    ),
    Screen(
        name="new collectivité with errors",
        template="backoffice/new_collectivite.html",
        show=_bureau(f"{PLATFORM}nouvelle/", "exploitant", SUBMIT),
        says_error=True,
    ),
    Screen(
        name="enter a town",
        template="backoffice/enter.html",
        show=_bureau(f"{PLATFORM}{TOWN.slug}/entrer/", "exploitant"),
        languages=BOTH,
    ),
    Screen(
        name="enter a town with errors",
        template="backoffice/enter.html",
        show=_bureau(f"{PLATFORM}{TOWN.slug}/entrer/", "exploitant", SUBMIT),
        says_error=True,
    ),
    Screen(
        name="health",
        template="backoffice/health.html",
        show=_bureau("/exploitation/sante/", "exploitant"),
        languages=BOTH,
    ),
    # Contracts and their activation
    Screen(
        name="contracts", template="backoffice/contracts.html", show=_bureau(f"/{BOURG}/reglages/contrats/", "adele")
    ),
    Screen(
        name="add a contract",
        template="backoffice/add_contract.html",
        show=_bureau(f"/{BOURG}/reglages/contrats/ajouter/", "adele"),
    ),
    Screen(
        name="add a contract with errors",
        template="backoffice/add_contract.html",
        show=_bureau(f"/{BOURG}/reglages/contrats/ajouter/", "adele", SUBMIT),
        says_error=True,
    ),
    Screen(
        name="choose a contract",
        template="backoffice/choose_contract.html",
        show=_bureau(f"/{BOURG}/reglages/contrats/nouveau/", "adele"),
    ),
    Screen(
        name="add a Paybox contract",
        template="backoffice/add_paybox.html",
        show=_bureau(f"/{BOURG}/reglages/contrats/paybox/", "adele"),
    ),
    Screen(
        name="add a Paybox contract with errors",
        template="backoffice/add_paybox.html",
        show=_bureau(f"/{BOURG}/reglages/contrats/paybox/", "adele", SUBMIT),
        says_error=True,
    ),
    *(
        Screen(name=f"contract, {situation}", template="backoffice/activation_paybox.html", show=_contract(situation))
        for situation in ("paybox new", "paybox tested", "paybox published", "paybox activating", "paybox opened")
    ),
    Screen(
        name="keys of a contract", template="backoffice/contract_keys.html", show=_paybox("paybox new", "cles/test/")
    ),
    Screen(
        name="keys of production",
        template="backoffice/contract_keys.html",
        show=_paybox("paybox tested", "cles/production/"),
    ),
    Screen(
        name="keys of production with errors",
        template="backoffice/contract_keys.html",
        show=_paybox("paybox tested", "cles/production/", SUBMIT),
        says_error=True,
    ),
    Screen(
        name="address of a contract",
        template="backoffice/contract_address.html",
        show=_paybox("paybox opened", "adresse/production/"),
    ),
    Screen(
        name="payment page of a contract",
        template="backoffice/contract_settings.html",
        show=_paybox("paybox new", "page/"),
    ),
    Screen(
        name="payment page of a contract with errors",
        template="backoffice/contract_settings.html",
        show=_refused_page_settings,
        says_error=True,
    ),
    Screen(
        name="leaving for Paybox",
        template="backoffice/leave_for_paybox.html",
        show=_laid("leaving for paybox", bureau=True),
    ),
    Screen(name="recognise a contract", template="backoffice/recognise_contract.html", show=_recognise),
    *(
        Screen(name=f"contract, {situation}", template="backoffice/activation.html", show=_contract(situation))
        for situation in (
            "new",
            "refused",
            "contradicted",
            "tested",
            "activating",
            "activated",
            "asked",
            "opened",
            "paid",
            "closed",
        )
    ),
    Screen(
        name="contract, to approve",
        template="backoffice/activation.html",
        show=_contract("asked", "basile"),
        same_as="contract, asked",
    ),
    Screen(
        name="contract with errors",
        template="backoffice/activation.html",
        show=_refused_trial,
        says_error=True,
    ),
    Screen(
        name="approvals",
        template="backoffice/approvals.html",
        show=_bureau("/exploitation/mises-en-production/", "exploitant"),
    ),
    Screen(
        name="payments with errors",
        template="backoffice/payments.html",
        show=_bureau(f"/{TOWN.slug}/paiements/?du=hier&montant=beaucoup&reference=1"),
        says_error=True,
        languages=BOTH,
    ),
    Screen(
        name="payments of a payer who cannot be read",
        template="backoffice/payments.html",
        show=_bureau(f"/{TOWN.slug}/paiements/", press="form[action$='/payeur/'] button"),
        same_as="payments with errors",
        says_error=True,
    ),
)


# The sandbox: PayFiP's pages as a payment meets them, the mailbox, the towns' sites


def _payfip(number: int, *decisions: str) -> Callable[[Visit], None]:
    """At PayFiP's with a notice of the second town, which takes cards only: `continuer`, then as the card page asks."""

    def show(visit: Visit) -> None:
        notice = [one for one in notices(TOWNS[1], scenes.today()) if one.state == "due"][number]
        _open_payfip(visit, notice)
        for decision in decisions:
            visit.press(f"button[name=decision][value={decision}]")

    return show


def _by_direct_debit(*decisions: str) -> Callable[[Visit], None]:
    """At PayFiP's with a water bill of the first town, which takes both means."""

    def show(visit: Visit) -> None:
        bills = [one for one in notices(TOWN, scenes.today()) if one.numcli == TOWN.products[1].numcli]
        payable = [one for one in bills if one.state == "due" and one.taken_in_charge_on < scenes.today()]
        _open_payfip(visit, payable[len(payable) // 2])  # the other journeys pay from both ends
        for decision in ("continuer", *decisions):
            visit.press(f"button[name=decision][value={decision}]")

    return show


CALL = """<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body>
<s:creerPaiementSecurise xmlns="" xmlns:s="http://securite.service.tpa.cp.finances.gouv.fr/services/mas_securite\
/contrat_paiement_securise/PaiementSecuriseService"><arg0><numcli>999001</numcli><refdet>LOYER2026</refdet>\
<montant>45000</montant><mel>mme.leroy@example.org</mel><objet>Loyer</objet><saisie>W</saisie>\
<urlredirect>http://localhost/retour</urlredirect></arg0></s:creerPaiementSecurise></Body></Envelope>"""


def _by_idop(*decisions: str) -> Callable[[Visit], None]:
    """A payment of the web service, of a régie that no town of the demonstration has and that takes virement only."""

    def show(visit: Visit) -> None:
        regie = {
            "kind": "regie",
            "labels": ["Cantine", "Valmer", "Régie"],
            "phase": "test",
            "transfer": {"phase": "active"},
            "options": {"web_service": True},
        }
        control = f"http://127.0.0.1:{visit.demo.ports.sandbox_control}"
        httpx.put(f"{control}/clients/999001", json=regie).raise_for_status()
        httpx.post(f"{visit.sandbox}/tpa/services/securite", content=CALL).raise_for_status()
        idop = httpx.get(f"{control}/idops?numcli=999001").json()["idops"][-1]["idop"]
        visit.go(visit.sandbox, f"/tpa/paiementws.web?idop={idop}")
        for decision in decisions:
            visit.press(f"button[name=decision][value={decision}]")

    return show


def _open_payfip(visit: Visit, notice: Notice) -> None:
    asked = {
        "numcli": notice.numcli,
        "exer": str(notice.reference.exercice),
        "refdet": notice.reference.digits,
        "montant": str(notice.amount.cents),
        "objet": "Loyer",
        "mel": "mme.leroy@example.org",
        "saisie": "M",
    }
    visit.go(visit.sandbox, f"/tpa/paiement.web?{httpx.QueryParams(asked)}")


def _stopped(visit: Visit) -> None:
    """The same notice open twice: the second comes too late."""
    notice = [one for one in notices(TOWNS[1], scenes.today()) if one.state == "due"][5]
    _open_payfip(visit, notice)
    visit.press("button[value=continuer]")
    second = visit.frame.url
    _open_payfip(visit, notice)
    for decision in ("continuer", "payer", "valider"):
        visit.press(f"button[value={decision}]")
    visit.frame.goto(second)
    for decision in ("payer", "valider"):
        visit.press(f"button[value={decision}]")


def _mail(visit: Visit) -> None:
    visit.go(visit.sandbox, "/boite/")
    visit.press(".mails a")


PAYBOX_MERCHANT, PAYBOX_KEY = "1999888-43-107975626", "0123456789ABCDEF" * 8


def _desk(path: str) -> Callable[[Visit], None]:
    return lambda visit: visit.go(f"http://127.0.0.1:{visit.demo.ports.sandbox_control}", f"/tableau/{path}")


def _town(path: str, town: int = 0) -> Callable[[Visit], None]:
    return lambda visit: visit.go(f"http://localhost:{visit.demo.ports.towns[town]}", path)


def _at_paybox(*decisions: str) -> Callable[[Visit], None]:
    """At Paybox's, as a merchant of its test platform whose payers meet their bank's page."""

    def show(visit: Visit) -> None:
        fields = _signed_for_paybox(visit)
        visit.go(visit.sandbox, f"/php/?{httpx.QueryParams(fields)}")
        visit.frame.wait_for_selector("main:not([data-state=arrived])")  # the first page leaves by itself
        for decision in decisions:
            visit.press(f"button[name=decision][value={decision}]")

    return show


def _arriving_at_paybox(visit: Visit) -> None:
    """The first page, which otherwise leaves at once."""
    page = httpx.post(f"{visit.sandbox}/php/", data=_signed_for_paybox(visit)).raise_for_status().text
    visit.lay(visit.sandbox, re.sub(r"<meta http-equiv=.refresh.[^>]*>", "", page))


def _paid_at_paybox(visit: Visit) -> None:
    """In the merchant's back office."""
    _at_paybox("CB", "payer", "valider")(visit)
    asked = f"http://127.0.0.1:{visit.demo.ports.sandbox_control}/paybox/payments?merchant={PAYBOX_MERCHANT}"
    payments = httpx.get(asked).raise_for_status().json()["payments"]
    _desk(f"paybox/paiements/{payments[-1]['id']}/")(visit)


def _know_paybox_s_merchant(visit: Visit) -> None:
    """A merchant of the test platform, whom the demonstration does not know."""
    told = {"hmac_key": PAYBOX_KEY, "name": "Commerce d’essai", "options": {"three_d_secure": "always"}}
    control = f"http://127.0.0.1:{visit.demo.ports.sandbox_control}"
    httpx.put(f"{control}/paybox/merchants/{PAYBOX_MERCHANT}", json=told).raise_for_status()


def _paybox_s_merchant(visit: Visit) -> None:
    _know_paybox_s_merchant(visit)
    _desk(f"paybox/{PAYBOX_MERCHANT}/")(visit)


def _signed_for_paybox(visit: Visit) -> dict[str, str]:
    _know_paybox_s_merchant(visit)
    fields = {
        "PBX_SITE": "1999888",
        "PBX_RANG": "43",
        "PBX_IDENTIFIANT": "107975626",
        "PBX_TOTAL": "4850",
        "PBX_DEVISE": "978",
        "PBX_CMD": secrets.token_hex(12),
        "PBX_PORTEUR": "mme.leroy@example.org",
        "PBX_RETOUR": "Mt:M;Ref:R;Auto:A;Erreur:E;Sign:K",
        "PBX_EFFECTUE": "http://localhost/retour",
        "PBX_HASH": "SHA512",
        "PBX_TIME": "2026-03-16T12:00:00+01:00",
    }
    text = "&".join(f"{name}={value}" for name, value in fields.items())
    key = bytes.fromhex(PAYBOX_KEY)
    return fields | {"PBX_HMAC": hmac.new(key, text.encode(), "sha512").hexdigest()}


SANDBOX = tuple(
    Screen(name=name, template=template, show=show, same_as=same_as)
    for name, template, show, same_as in (
        ("PayFiP, recap", "recap.html", _payfip(0), ""),
        ("PayFiP, card", "card.html", _payfip(1, "continuer"), ""),
        ("PayFiP, 3-D Secure", "secure.html", _payfip(1, "continuer", "payer"), ""),
        ("PayFiP, means", "means.html", _by_direct_debit(), ""),
        ("PayFiP, sign-in", "sign_in.html", _by_direct_debit("prelevement"), ""),
        ("PayFiP, mandate", "mandate.html", _by_direct_debit("prelevement", "identifier"), ""),
        ("PayFiP, portal", "portal.html", lambda visit: visit.go(visit.sandbox, "/tpa/accueilportail.web"), ""),
        ("PayFiP, ticket", "ticket.html", _payfip(2, "continuer", "payer", "valider"), ""),
        ("PayFiP, refused", "refused.html", _payfip(3, "continuer", "refuser"), ""),
        ("PayFiP, abandoned", "abandoned.html", _payfip(4, "abandonner"), ""),
        ("PayFiP, stopped", "stopped.html", _stopped, "PayFiP, error"),
        ("PayFiP, error", "error.html", lambda visit: visit.go(visit.sandbox, "/tpa/paiement.web?numcli=350001"), ""),
        ("PayFiP, virement", "transfer.html", _by_idop("continuer"), ""),
        ("PayFiP, ticket with the way back", "ticket.html", _by_idop("continuer", "payer"), ""),
        ("PayFiP, abandoned, may begin again", "abandoned.html", _by_idop("abandonner"), "PayFiP, abandoned"),
        (
            "PayFiP, idOp unknown",
            "error.html",
            lambda visit: visit.go(visit.sandbox, "/tpa/paiementws.web?idop=x"),
            "PayFiP, error",
        ),
        (
            "PayFiP, web service",
            "web_service.html",
            lambda visit: visit.go(visit.sandbox, "/tpa/services/securite"),
            "",
        ),
        ("Paybox, arriving", "paybox/arrival.html", _arriving_at_paybox, ""),
        ("Paybox, choice", "paybox/choice.html", _at_paybox(), ""),
        ("Paybox, card", "paybox/card.html", _at_paybox("CB"), ""),
        ("Paybox, card once refused", "paybox/card.html", _at_paybox("CB", "refuser"), ""),
        ("Paybox, 3-D Secure", "paybox/secure.html", _at_paybox("CB", "payer"), ""),
        ("Paybox, ticket", "paybox/end.html", _at_paybox("CB", "payer", "valider"), ""),
        ("Paybox, pending", "paybox/end.html", _at_paybox("CB", "attendre"), ""),
        ("Paybox, refused", "paybox/end.html", _at_paybox("CB", "refuser", "abandonner"), ""),
        (
            "Paybox, error",
            "paybox/error.html",
            lambda visit: visit.go(visit.sandbox, "/cgi/MYchoix_pagepaiement.cgi"),
            "",
        ),
        ("sandbox, not found", "missing.html", lambda visit: visit.go(visit.sandbox, "/nulle-part"), ""),
        ("sandbox, home", "home.html", lambda visit: visit.go(visit.sandbox, "/"), ""),
        ("mailbox", "mailbox.html", lambda visit: visit.go(visit.sandbox, "/boite/"), ""),
        ("mail", "mail.html", _mail, ""),
        ("first town, home", "town/home.html", _town("/"), ""),
        ("second town, home", "town/home.html", _town("/", 1), ""),
        ("first town, pay", "town/pay.html", _town("/payer-en-ligne/"), ""),
        ("second town, pay", "town/pay.html", _town("/payer-en-ligne/", 1), ""),
        ("first town, not found", "town/missing.html", _town("/nulle-part/"), ""),
        ("control, overview", "desk/overview.html", _desk(""), ""),
        ("control, debts", "desk/debts.html", _desk(f"dettes/?numcli={TOWNS[1].products[0].numcli}"), ""),
        ("control, debt", "desk/debt.html", _desk("dettes/nouvelle"), ""),
        ("control, notifications", "desk/notifications.html", _desk("notifications/"), ""),
        ("control, journal", "desk/journal.html", _desk("journal/"), ""),
        ("control, Paybox", "desk/paybox.html", _desk("paybox/"), ""),
        ("control, Paybox's merchant", "desk/paybox_merchant.html", _paybox_s_merchant, ""),
        ("control, Paybox's payment", "desk/paybox_payment.html", _paid_at_paybox, ""),
        ("control, problem", "desk/problem.html", _desk("dettes/000000/0/"), ""),
    )
)
