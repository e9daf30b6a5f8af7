"""Every page and state that a person may see, how to get there, and the template that it shows.

A new template or state is one line here; `tests/test_house_rules.py` refuses a template that no line shows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from playwright.sync_api import Frame

from regal.demo.cast import PASSWORD, TOWNS, Notice, notices
from tests.demo import Demo
from tests.journeys import payer, scenes

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
        self.frame.goto(f"{host}{prefix}{path}")

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
            self.frame.locator(selector).first.click()

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


def _bureau(path: str, person: str = "nadia", press: str = "") -> Callable[[Visit], None]:
    def show(visit: Visit) -> None:
        visit.as_(person)
        visit.go(visit.bureau, path)
        if press:
            visit.press(press)

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


def _expired_form(visit: Visit) -> None:
    visit.as_("")
    visit.go(visit.bureau, "/connexion/")
    visit.frame.page.context.clear_cookies()
    visit.press("main button[type=submit]")


def _invitation(press: str = "") -> Callable[[Visit], None]:
    return lambda visit: _bureau(visit.scenes["invitation"], "", press)(visit)


SUBMIT = "main button[type=submit]"
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
    Screen(name="operator", template="backoffice/home.html", show=_bureau("/", "exploitant"), same_as="which town"),
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


def _desk(path: str) -> Callable[[Visit], None]:
    return lambda visit: visit.go(f"http://127.0.0.1:{visit.demo.ports.sandbox_control}", f"/tableau/{path}")


def _town(path: str, town: int = 0) -> Callable[[Visit], None]:
    return lambda visit: visit.go(f"http://localhost:{visit.demo.ports.towns[town]}", path)


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
        ("control, problem", "desk/problem.html", _desk("dettes/000000/0/"), ""),
    )
)
