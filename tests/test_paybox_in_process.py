"""A régie's invoice paid by card at Paybox: the guichet, the sandbox, the worker and the checker in one process.

The payer has neither cookie nor script. Paybox is the sandbox; one clock drives everything.
"""

import html
import re
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from django.core import mail

import regal_sandbox
from regal.cases.models import Case, Kind
from regal.checkout import notifications, pages
from regal.collectivites.operations import keep_secret
from regal.gateways.base import DebtKind, Environment
from regal.lib import http
from regal.lib.tenancy import tenant
from regal.lib.vault import Secret, new_master_key
from regal.payments.confirmation import look_after_provisional
from regal.payments.models import Attempt, InboxMessage, Settlement
from regal.titres.models import Titre
from tests import cast, paybox
from tests.inquiries import Clock, check_until
from tests.mailbox import file_of
from tests.notices import run_due

pytestmark = pytest.mark.usefixtures("committed_db")

SANDBOX = "https://bac-a-sable.example/"
SITE, RANK, NUMBER = "2718281", "01", "314159265"
HMAC_KEY, DIRECT_KEY = "5A" * 64, "ORNE2026"
FORM = "/saint-aubin/restaurant/"
TYPED = {"invoice": "FC2026-000042", "amount": "84,70", "email": cast.MME_LEROY}
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
FORM_TO = re.compile(r'<form method="post" action="(https?://[^"]+)"')
SESSION = re.compile(r'data-session="([^"]+)"|name="session" value="([^"]+)"')
WAY_BACK = re.compile(r'"([^"]*/retour(?:/|\.cgi)\?[^"]*)"')


def text_of(page):
    return html.unescape(page.content.decode())


def form_in(page, action):
    """What one form of a page carries unseen."""
    text = page.content.decode()
    begins = text.index(f'action="{action}"')
    return {name: html.unescape(value) for name, value in HIDDEN.findall(text[begins : text.index("</form>", begins)])}


class AtBank:
    """A payer on Paybox's pages."""

    def __init__(self, browser, left):
        self.browser = browser
        (self.entry,) = FORM_TO.findall(left.content.decode())
        self.fields = form_in(left, self.entry)
        page = browser.post(self.entry, data=self.fields)
        assert page.status_code == 200, page.text
        self.session = next(filter(None, SESSION.findall(page.text)[0]))
        self.page = self._go(browser.get(self._step))
        self.press("CB")

    @property
    def _step(self):
        return f"{self.entry.removesuffix('php/')}cgi/MYtraitetransaction.cgi?session={self.session}"

    def press(self, decision, code=""):
        """`payer`, `refuser`, `abandonner`, `valider`, `attendre`; where the browser is sent back to, if it is."""
        told = {"session": self.session, "decision": decision} | ({"code": code} if code else {})
        self.page = self._go(self.browser.post(self._step.partition("?")[0], data=told))
        if 'data-state="secure"' in self.page.text and decision == "payer":
            return self.press("valider")
        return self.way_back

    def _go(self, page):
        while page.is_redirect and "/retour/" not in page.headers["Location"]:
            page = self.browser.get(page.next_request.url)
        return page

    @property
    def way_back(self):
        if self.page.is_redirect:
            return self.page.headers["Location"]
        found = WAY_BACK.search(self.page.text)
        back = html.unescape(found[1]) if found else ""
        if "retour.cgi" in back:  # where Paybox calls only once the payer has left its page
            back = self.browser.get(self.page.url.join(back)).headers["Location"]
        return back


class Story:
    """Saint-Aubin's régie, whose invoices are paid by card; and who pays them.

    `has_address`: Paybox calls the address in its back office, which no payer sees; else the one in the form.
    """

    def __init__(self, guichet, *, direct, has_address):
        self.clock = Clock()
        self.guichet = guichet
        self.town = cast.make_saint_aubin()
        self.product = cast.make_product(
            self.town,
            DebtKind.REGIE,
            slug="restaurant",
            numcli=f"{SITE}-{RANK}-{NUMBER}",
            gateway="paybox",
            environment=Environment.PRODUCTION,
            options={"notified_in_back_office": True} if has_address else {},
        )
        with tenant(self.town.collectivite):
            keep_secret(account=self.product.account, name="hmac", value=Secret(HMAC_KEY.encode()))
        if direct:
            self.enter_direct_key()
        self.titre = cast.make_titre(self.product)
        merchant = {
            "site": SITE,
            "rank": int(RANK),
            "identifier": NUMBER,
            "hmac_key": HMAC_KEY,
            "direct_key": DIRECT_KEY,
            "mode": "production",
        }
        if has_address:
            path = f"s/p/{self.town.collectivite.pk}/{paybox.give_address(self.product.account)}"
            merchant["addresses"] = {"notified": f"https://payer.example/{path}"}
        self.sandbox = regal_sandbox.create(
            config={"clients": [], "debts": [], "merchants": [merchant]},
            clock=self.clock,
            seed="graine",
            send_notification=self._hear,
        )
        self.browser = httpx.Client(transport=self.sandbox.transport())

    def enter_direct_key(self):
        with tenant(self.town.collectivite):
            keep_secret(account=self.product.account, name="direct", value=Secret(DIRECT_KEY.encode()))

    def _hear(self, request):
        address = urlsplit(request.url)
        heard = self.guichet.post(address.path, request.body, content_type="application/x-www-form-urlencoded")
        return regal_sandbox.Answer(status=heard.status_code, body=heard.content)

    def fault(self, **told):
        """What befalls the next calls of Paybox; `ipn="lost"`, say."""
        assert self.sandbox.control.test_client().post("/faults", json=told).status_code < 300

    def set(self, **told):
        assert self.sandbox.control.test_client().put("/settings", json=told).status_code < 300

    def recap(self):
        return self.guichet.post(FORM, TYPED)

    def leave(self, page=None):
        """Press « Payer »."""
        return self.guichet.post(f"{FORM}payer/", form_in(page or self.recap(), f"{FORM}payer/"))

    def at_bank(self, left=None):
        return AtBank(self.browser, left or self.leave())

    def come_back(self, address):
        """The browser, sent back; its page a moment later."""
        parts = urlsplit(address)
        answer = self.guichet.get(f"{parts.path}?{parts.query}")
        assert (answer.status_code, urlsplit(answer.headers["Location"]).query) == (303, "")
        run_due(self.clock.now)
        return self.follow(answer.headers["Location"])

    def follow(self, address):
        return text_of(self.guichet.get(address))

    def page_of(self, bank):
        """The attempt's own page of whoever is at the bank's."""
        return urlsplit(bank.fields["PBX_EFFECTUE"]).path.removesuffix("retour/")

    def pass_(self, **delta):
        """Let time pass: Paybox calls, the worker works, the checker asks."""
        until = self.clock.now + timedelta(**delta)
        while self.clock.now < until:
            self.sandbox.deliver_due()
            run_due(self.clock.now)
            check_until(self.clock, min(until, self.clock.now + timedelta(seconds=30)))

    def attempts(self):
        with tenant(self.town.collectivite):
            return list(Attempt.objects.of(self.town.collectivite).order_by("pk"))

    def statuses(self):
        return [attempt.status for attempt in self.attempts()]

    def settlements(self):
        with tenant(self.town.collectivite):
            return Settlement.objects.of(self.town.collectivite).count()

    def messages(self):
        with tenant(self.town.collectivite):
            found = InboxMessage.objects.of(self.town.collectivite).order_by("pk")
            return list(found.values_list("channel", flat=True))

    def cases(self):
        with tenant(self.town.collectivite):
            return sorted(Case.objects.of(self.town.collectivite).values_list("kind", flat=True))

    def is_paid(self):
        with tenant(self.town.collectivite):
            return Titre.objects.get(pk=self.titre.pk).paid_at is not None


@pytest.fixture
def telling(committed_db, guichet, settings, monkeypatch):
    """`telling(direct=True)`: a story; its contract has Paybox Direct or not, an address in the back office or not."""
    settings.SECRET_KEYS = f"k1:{new_master_key()}"
    stories = []

    def tell(*, direct, has_address=False):
        story = Story(guichet, direct=direct, has_address=has_address)
        stories.append(story)
        settings.PAYBOX_URL = settings.PAYBOX_DIRECT_URL = SANDBOX
        settings.PAYBOX_BACKUP_URL = settings.PAYBOX_DIRECT_BACKUP_URL = f"{SANDBOX}secours/"
        settings.PAYBOX_PUBLIC_KEY = story.sandbox.paybox_public_key
        for module in (pages, notifications):
            monkeypatch.setattr(module, "clock", story.clock)
        return story

    with http.replaced(httpx.Client(transport=httpx.MockTransport(lambda request: stories[-1].browser.send(request)))):
        yield tell
    for story in stories:
        story.sandbox.close()


@pytest.fixture
def asked(telling):
    return telling(direct=True)


@pytest.fixture
def unasked(telling):
    return telling(direct=False, has_address=True)


@pytest.fixture
def unproved(telling):
    return telling(direct=False)


class TestTicket:
    """What the payer finds in his mailbox, whatever became of his browser."""

    def test_says_confirmed_where_the_bank_answers_questions(self, asked):
        bank = asked.at_bank()
        back = bank.press("payer")
        asked.pass_(minutes=1)
        assert "Notre ticket arrive à l’adresse e-mail que vous avez donnée\u00a0; la banque" in asked.come_back(back)
        (letter,) = mail.outbox
        assert letter.to == [cast.MME_LEROY]
        for told in (
            "FC2026000042",
            "84,70\u00a0€",
            "carte bancaire",
            "Numéro de transaction",
            "Numéro d’autorisation",
        ):
            assert told in letter.body, told
        assert "est confirmé" in letter.body
        assert file_of(letter)[1].startswith(b"%PDF")

    def test_says_accepted_by_the_bank_where_only_its_signature_says_so(self, unasked):
        unasked.at_bank().press("payer")
        unasked.pass_(minutes=1)
        (letter,) = mail.outbox
        assert "La banque a accepté votre paiement de 84,70\u00a0€" in letter.body
        assert "est confirmé" not in letter.body

    def test_does_not_come_before_anything_is_proved(self, unproved):
        unproved.at_bank().press("payer")
        unproved.pass_(minutes=30)
        assert mail.outbox == []


class TestPaid:
    def test_is_confirmed_where_the_bank_answers_questions(self, asked):
        bank = asked.at_bank()
        back = bank.press("payer")
        asked.pass_(seconds=10)
        assert "Paiement confirmé" in asked.come_back(back)
        assert (asked.statuses(), asked.is_paid(), asked.settlements()) == (["paid"], True, 1)

    def test_is_accepted_and_to_be_confirmed_where_it_does_not(self, unasked):
        back = unasked.at_bank().press("payer")
        unasked.pass_(seconds=10)
        told = unasked.come_back(back)
        assert "est accepté\u00a0: la facture est payée et vous n’avez rien d’autre à faire" in told
        assert [attempt.is_provisional for attempt in unasked.attempts()] == [True]
        assert unasked.is_paid()
        assert "Cette facture est déjà payée" in text_of(unasked.recap())

    def test_is_accepted_and_no_more_where_the_bank_calls_what_the_form_names(self, unproved):
        bank = unproved.at_bank()
        back = bank.press("payer")
        unproved.pass_(seconds=10)
        told = unproved.come_back(back)
        assert "est accepté, et nous l’enregistrons. Ne payez pas une seconde fois." in told
        assert (unproved.statuses(), unproved.is_paid()) == (["handed_off"], False)
        unproved.pass_(minutes=30)
        assert "Recommencer" not in unproved.follow(unproved.page_of(bank))
        assert "La banque annonce ce paiement accepté\u00a0: ne payez pas une seconde fois" in text_of(unproved.recap())

    def test_is_known_though_the_tab_was_closed(self, asked):
        bank = asked.at_bank()
        bank.press("payer")
        asked.pass_(seconds=10)
        assert (asked.statuses(), asked.messages()) == (["paid"], ["notification"])
        assert "Paiement confirmé" in asked.follow(asked.page_of(bank))

    def test_is_announced_by_the_browser_that_comes_back_first(self, asked):
        asked.fault(ipn="after_return")
        back = asked.at_bank().press("payer")
        assert "est accepté, et nous l’enregistrons" in asked.come_back(back)
        asked.pass_(seconds=10)
        assert (asked.statuses(), asked.settlements()) == (["paid"], 1)

    def test_is_settled_by_our_question_though_no_message_of_the_bank_came(self, asked):
        asked.fault(ipn="lost")
        bank = asked.at_bank()
        told = asked.come_back(bank.press("payer"))
        assert "est accepté, et nous l’enregistrons" in told
        asked.pass_(minutes=1)
        assert (asked.statuses(), asked.messages()) == (["paid"], ["return"])
        assert "Paiement confirmé" in asked.follow(asked.page_of(bank))

    def test_is_not_settled_by_the_browser_alone_and_nobody_is_told_to_pay_again(self, unasked):
        unasked.fault(ipn="lost")
        bank = unasked.at_bank()
        told = unasked.come_back(bank.press("payer"))
        assert "est accepté, et nous l’enregistrons. Ne payez pas une seconde fois." in told
        unasked.pass_(minutes=30)
        assert (unasked.statuses(), unasked.is_paid()) == (["handed_off"], False)
        assert "Recommencer" not in unasked.follow(unasked.page_of(bank))
        assert "La banque annonce ce paiement accepté\u00a0: ne payez pas une seconde fois" in text_of(unasked.recap())

    def test_is_confirmed_later_by_a_question_once_the_bank_answers_any(self, unasked):
        bank = unasked.at_bank()
        bank.press("payer")
        unasked.pass_(seconds=10)
        assert "la facture est payée" in unasked.follow(unasked.page_of(bank))
        unasked.enter_direct_key()
        with tenant(unasked.town.collectivite):
            look_after_provisional(collectivite=unasked.town.collectivite, now=unasked.clock.now)
        unasked.pass_(minutes=1)
        assert [attempt.is_provisional for attempt in unasked.attempts()] == [False]
        assert "Votre paiement de 84,70\u00a0€ est confirmé" in unasked.follow(unasked.page_of(bank))

    def test_at_the_other_host_while_the_first_is_asleep(self, asked):
        asked.set(paybox_asleep="main")
        bank = asked.at_bank()
        assert bank.entry == f"{SANDBOX}secours/php/"
        back = bank.press("payer")
        asked.set(paybox_asleep="")
        asked.pass_(seconds=10)
        assert "Paiement confirmé" in asked.come_back(back)

    def test_nowhere_while_both_are_asleep(self, asked):
        asked.set(paybox_asleep="both")
        assert "La page de paiement de la banque ne répond pas" in text_of(asked.leave())
        assert asked.statuses() == []

    def test_by_two_payers_is_too_much_for_the_later_and_he_is_told(self, asked):
        """The bank's call about the first comes half an hour late, and his browser never."""
        asked.fault(ipn="late", seconds=1800, code="00000")
        first = asked.at_bank()
        first.press("payer")
        asked.clock.pass_(minutes=21)
        asked.sandbox.control.test_client().delete("/faults")
        told = asked.recap()
        assert "ne payez pas une seconde fois" in text_of(told)
        second = asked.at_bank(asked.leave(told))
        back = second.press("payer")
        asked.pass_(seconds=10)
        assert "Paiement confirmé" in asked.come_back(back)
        asked.pass_(minutes=15)
        assert "84,70\u00a0€ sont en trop" in asked.follow(asked.page_of(first))
        assert "sont en trop" not in asked.follow(asked.page_of(second))
        assert asked.statuses() == ["paid", "paid"]
        assert Kind.EXCESS in asked.cases()


class TestRefused:
    def test_is_told_and_can_be_begun_again_once_the_payer_is_back(self, asked):
        bank = asked.at_bank()
        bank.press("refuser")
        asked.pass_(seconds=10)
        held = asked.follow(asked.page_of(bank))
        assert "La banque a refusé" in held
        assert "Si la page de la banque est encore ouverte, vous pouvez y essayer une autre carte" in held
        told = asked.come_back(bank.press("abandonner"))
        assert "La banque a refusé" in told
        assert "Rien n’est débité et la facture reste à payer" in told
        assert ">Recommencer</button>" in told

    @pytest.mark.parametrize("direct", [True, False], ids=["direct", "no direct"])
    def test_and_then_paid_on_the_same_page_is_paid(self, telling, direct):
        story = telling(direct=direct, has_address=True)
        bank = story.at_bank()
        bank.press("refuser")
        story.pass_(seconds=10)
        assert story.statuses() == ["refused"]
        back = bank.press("payer")
        story.pass_(seconds=10)
        told = story.come_back(back)
        assert "refusé" not in told
        assert (story.statuses(), story.is_paid(), story.settlements()) == (["paid"], True, 1)


class TestAbandoned:
    def test_can_be_begun_again_at_once(self, asked):
        """No message comes from the bank of who abandons: the browser alone says so."""
        bank = asked.at_bank()
        told = asked.come_back(bank.press("abandonner"))
        assert "Paiement non terminé" in told
        assert ">Recommencer</button>" in told
        assert asked.messages() == ["return"]
        page = asked.page_of(bank)
        begun = form_in(asked.guichet.get(page), f"{page}recommencer/#suite")
        again = asked.guichet.post(f"{page}recommencer/", begun)
        typed = form_in(again, f"{page}recommencer/") | {"email": cast.MME_LEROY}
        second = asked.at_bank(asked.guichet.post(f"{page}recommencer/", typed))
        second.press("payer")
        asked.pass_(seconds=10)
        assert asked.statuses() == ["abandoned", "paid"]

    def test_by_closing_the_tab_is_heard_of_never(self, unasked):
        bank = unasked.at_bank()
        assert "Finissez le paiement sur la page de la banque" in unasked.follow(unasked.page_of(bank))
        unasked.pass_(minutes=21)
        told = unasked.follow(unasked.page_of(bank))
        assert "La banque ne nous a rien dit de ce paiement" in told
        assert ">Recommencer</button>" in told


class TestPending:
    def test_asks_for_patience_and_ends_when_the_bank_calls_again(self, asked):
        bank = asked.at_bank()
        back = bank.press("attendre")
        asked.pass_(seconds=10)
        told = asked.come_back(back)
        assert "sa réponse peut prendre plusieurs jours" in told
        assert "Recommencer" not in told
        asked.pass_(hours=2)
        assert asked.statuses() == ["paid"]


class TestForged:
    def test_return_without_a_signature_changes_nothing(self, asked):
        bank = asked.at_bank()
        page = asked.page_of(bank)
        told = asked.come_back(f"{page}retour/?Mt=8470&Ref={bank.fields['PBX_CMD']}&Auto=123456&Erreur=00000&Sign=x")
        assert "Finissez le paiement sur la page de la banque" in told
        assert asked.statuses() == ["handed_off"]

    def test_return_signed_for_another_amount_changes_nothing(self, asked):
        bank = asked.at_bank()
        page = asked.page_of(bank)
        said = f"Mt=100&Ref={bank.fields['PBX_CMD']}&Auto=123456&Erreur=00000&Trans=1&Appel=2"
        said += "&Date=24112026&Heure=09%3A00%3A00"
        forged = asked.sandbox.control.test_client().post("/paybox/forge", json={"variables": said}).json["query"]
        assert "Finissez le paiement sur la page de la banque" in asked.come_back(f"{page}retour/?{forged}")
        asked.pass_(minutes=1)
        assert (asked.statuses(), asked.is_paid()) == (["handed_off"], False)
        assert asked.cases() == [Kind.OTHER_PAYMENT]
