"""The panel of faults: its counts come from the two sides, are not zero when they should not be, and are never kept."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from django.conf import settings as django_settings
from django.db import connections, transaction
from django.test import Client, override_settings

import regal_sandbox
from regal.collectivites.models import Collectivite, Product
from regal.demo import data, files, panel, remises, tally
from regal.demo.cast import TOWNS
from regal.demo.faults import CATALOGUE, PAYBOX, PAYFIP, PRODUCTS, REPAIR, UNTIL_REMISE, Fault, first_trial, rules
from regal.demo.notebook import KILLED, TAB_CLOSED, Fact, Notebook
from regal.demo.six_steps import payable_notice
from regal.demo.story import Standing, fault_words, stories
from regal.demo.tally import SandboxAway, Taken, Truth, reckon, settled_here
from regal.demo.trials import new_invoice
from regal.lib import paris
from regal.lib.tenancy import tenant
from regal.lib.vault import new_master_key
from regal.payments.queries import settled_titres, titres_being_paid
from regal.titres import imports
from regal.titres.importers.opening import open_file
from regal.titres.models import ImportLine, ImportSource, Titre
from tests.cast import MORNING, later
from tests.inquiries import Clock, FakePayfip, check, leave, speaking_to
from tests.proof import broken
from tests.sites import GuichetClient

ADDRESS = f"/{panel.PATH}"
IDOP = "f1d1a3a0-0000-11f1-8d63-02eebeab0731"


def truth(*taken, now=MORNING, disturbed=0):
    return Truth(now=now, taken=taken, disturbed=disturbed, uses=())


def took(cents, *, gateway=PAYFIP, name=IDOP, at=MORNING):
    return Taken(gateway=gateway, name=name, cents=cents, at=at)


class TestCounts:
    """Of payments that the gateways took, and of those that REGAL has."""

    def test_are_clean_when_both_sides_agree(self):
        told = reckon(truth=truth(took(1250), now=later(days=1)), settled={(PAYFIP, IDOP): 1250}, facts=())
        assert (told.taken, told.settled, told.lost, told.unexplained, told.is_clean) == (1, 1, 0, 0, True)

    @pytest.mark.parametrize(("age", "repairing", "lost", "cents"), [(REPAIR, 1, 0, 0), (REPAIR * 2, 0, 1, 1250)])
    def test_call_lost_what_is_not_repaired_in_time(self, age, repairing, lost, cents):
        told = reckon(truth=truth(took(1250), now=MORNING + age), settled={}, facts=())
        assert (told.repairing, told.lost, told.unexplained) == (repairing, lost, cents)

    @pytest.mark.parametrize(("age", "lost"), [(timedelta(hours=20), 0), (UNTIL_REMISE * 2, 1)])
    def test_wait_for_the_remise_only_where_an_anomaly_says_so(self, age, lost):
        taken = truth(took(1250, gateway=PAYBOX, name="MA"), now=MORNING + age)
        assert reckon(truth=taken, settled={}, facts=(), known={"MA"}).lost == lost
        assert reckon(truth=taken, settled={}, facts=()).lost == 1

    def test_count_the_cents_of_another_amount(self):
        told = reckon(truth=truth(took(1250)), settled={(PAYFIP, IDOP): 1249}, facts=())
        assert (told.lost, told.unexplained) == (0, 1)

    def test_let_no_two_differences_hide_each_other(self):
        taken = truth(took(1000), took(1000, name="other"))
        told = reckon(truth=taken, settled={(PAYFIP, IDOP): 900, (PAYFIP, "other"): 1100}, facts=())
        assert told.unexplained == 200

    def test_count_the_cents_that_nobody_took(self):
        assert reckon(truth=truth(), settled={(PAYBOX, "MA"): 700}, facts=()).unexplained == 700

    def test_count_the_cents_taken_twice_under_one_name(self):
        taken = truth(took(700), took(700, at=later(minutes=1)))
        assert reckon(truth=taken, settled={(PAYFIP, IDOP): 700}, facts=()).unexplained == 700

    def test_keep_the_gateways_apart(self):
        told = reckon(truth=truth(took(700), now=later(hours=1)), settled={(PAYBOX, IDOP): 700}, facts=())
        assert (told.lost, told.unexplained) == (1, 1400)

    def test_add_up_what_happened_not_what_was_pressed(self):
        facts = [Fact(at=MORNING, what=what, run="r") for what in (KILLED, TAB_CLOSED, TAB_CLOSED, "back")]
        told = reckon(truth=truth(disturbed=4), settled={}, facts=facts)
        assert (told.disturbed, told.killed, told.closed, told.injected) == (4, 1, 2, 7)


@pytest.fixture
def town(committed_db, tmp_path, monkeypatch, settings):
    """The demonstration's second town, its folder, and no sandbox."""
    settings.TOWN_URLS = ["http://localhost:2"]
    monkeypatch.setattr(data, "TOWNS", TOWNS[1:])  # the first town's year takes long to write
    settings.SECRET_KEYS = f"k1:{new_master_key()}"
    settings.SANDBOX_CONTROL_URL = "http://127.0.0.1:1"
    settings.SANDBOX_URL = "http://127.0.0.1:1"
    monkeypatch.setenv("REGAL_VAR", str(tmp_path))
    data.load(now=MORNING)
    return Collectivite.objects.get(slug=TOWNS[1].slug)


@pytest.fixture
def sandbox(town, monkeypatch):
    """The pretend gateways, in process."""
    made = regal_sandbox.create(config=data.sandbox_configuration(today=MORNING.date()), clock=lambda: later(minutes=1))
    client = httpx.Client
    transport = httpx.WSGITransport(app=made.control)

    def through(**options):
        return client(**options | {"transport": transport, "base_url": "http://127.0.0.1:8011"})

    monkeypatch.setattr("regal.demo.tally.httpx.Client", through)
    yield made
    made.close()


@pytest.fixture
def visitor():
    """A browser at a demonstration's guichet."""
    with override_settings(ROOT_URLCONF="tests.demo_urls", MIDDLEWARE=django_settings.GUICHET_MIDDLEWARE):
        yield Client(headers={"host": django_settings.ALLOWED_HOSTS[0].lstrip(".") or "localhost"})


def canteen_of(town):
    with tenant(town):
        return Product.objects.of(town).select_related("account", "collectivite").get(slug=PRODUCTS[PAYFIP].slug)


def asked(book, **told):
    """A trial that waits."""
    run = book.ask(**told)
    assert run is not None
    return run


def offered(gateway):
    """The invoice that the start page offers."""
    notice = payable_notice(gateway, now=MORNING)
    assert notice is not None
    return notice


def pay(town):
    """An invoice of the canteen, left for PayFiP and paid: its attempt."""
    clock, product = Clock(), canteen_of(town)
    titre = new_invoice(PAYFIP, label="Essai", now=MORNING)
    with speaking_to(FakePayfip()) as payfip:
        attempt = leave(product, titre, clock)
        payfip.says[attempt.key] = "P"
        clock.pass_(seconds=40)
        check(clock)
    return attempt


def numbers(page):
    return {name: int(said) for name, said in re.findall(r'data-tally="(\w+)">(\d+)', page)}


class TestBothSides:
    def test_what_is_settled_is_read_in_the_books_of_the_two_accounts(self, town):
        attempt = pay(town)
        assert settled_here() == {(PAYFIP, attempt.key): attempt.amount.cents}

    def test_a_settlement_altered_by_the_owner_shows_in_cents(self, town):
        attempt = pay(town)
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE payments_settlement DISABLE TRIGGER USER")
            cursor.execute("UPDATE payments_settlement SET amount_cents = amount_cents - 3")
            cursor.execute("ALTER TABLE payments_settlement ENABLE TRIGGER USER")
        told = reckon(truth=truth(took(attempt.amount.cents, name=attempt.key)), settled=settled_here(), facts=())
        assert told.unexplained == 3
        assert broken(later(minutes=2)) != ()

    def test_a_payment_that_we_do_not_know_is_lost(self, town, sandbox, visitor, monkeypatch):
        assert numbers(visitor.get(ADDRESS).content.decode())["lost"] == 0
        unknown = truth(took(4321), now=later(hours=1))
        monkeypatch.setattr(panel, "hear_sandbox", lambda: unknown)
        told = numbers(visitor.get(ADDRESS).content.decode())
        assert (told["taken"], told["lost"], told["unexplained"]) == (1, 1, 4321)

    def test_disturbances_are_those_that_the_sandbox_made(self, town, sandbox, visitor):
        sandbox.control.test_client().post("/faults", json={"drop": True})
        assert numbers(visitor.get(ADDRESS).content.decode())["injected"] == 0
        with sandbox.world.store.transaction() as db:
            db.execute(
                "INSERT INTO fault_uses (at, fault, value) VALUES ('2026-03-01', 1, '{\"id\": 1, \"drop\": true}')"
            )
        assert numbers(visitor.get(ADDRESS).content.decode())["injected"] == 1

    def test_nothing_is_counted_while_the_sandbox_is_away(self, town, visitor):
        with pytest.raises(SandboxAway):
            tally.hear_sandbox()
        page = visitor.get(ADDRESS).content.decode()
        assert numbers(page) == {}
        assert "rien ne peut être compté" in page

    def test_a_story_is_told_from_what_regal_recorded(self, town):
        attempt = pay(town)
        book = panel.notebook()
        run = asked(book, fault=Fault.LOST, gateway=PAYFIP, now=MORNING)
        with tenant(town):
            run.invoice = Titre.objects.of(town).get(pk=attempt.titre_id).number
        run.began_at = run.ended_at = MORNING
        run.steps = [(MORNING, "paid")]
        book.save(run)
        [story] = stories(book.runs(), truth=None, facts=(), now=later(minutes=1))
        assert (story.standing, story.seconds) == (Standing.REPAIRED, 40)
        assert "REGAL interroge\u00a0: «\u00a0payé\u00a0»." in [line.text for line in story.lines]

    def test_a_story_without_settlement_ends_badly(self, town):
        book = panel.notebook()
        run = asked(book, fault=Fault.LOST, gateway=PAYFIP, now=MORNING)
        run.began_at = run.ended_at = MORNING
        run.steps = [(MORNING, "paid")]
        for age, standing in ((REPAIR, Standing.REPAIRING), (REPAIR * 2, Standing.LOST)):
            [story] = stories([run], truth=None, facts=(), now=MORNING + age)
            assert story.standing is standing


class TestButtons:
    def token(self, page):
        found = re.search(r'name="token" value="([^"]+)"', page)
        assert found is not None
        return found[1]

    def press(self, visitor, essai, token=None):
        token = self.token(visitor.get(ADDRESS).content.decode()) if token is None else token
        return visitor.post(ADDRESS, {"token": token, "essai": essai})

    def test_are_one_for_each_fault_and_gateway(self, town, visitor):
        page = visitor.get(ADDRESS).content.decode()
        pressed = set(re.findall(r'name="essai" value="([^"]+)"', page))
        wanted = {f"{fault}:{gateway}" for fault, told in CATALOGUE.items() for gateway in told.gateways}
        assert pressed == wanted | {panel.ALL}
        assert set(CATALOGUE) == set(Fault)

    def test_ask_for_one_trial(self, town, visitor):
        assert self.press(visitor, f"{Fault.LOST}:{PAYBOX}").status_code == 302
        assert [(run.fault, run.gateway) for run in panel.notebook().waiting()] == [(Fault.LOST, PAYBOX)]

    def test_ask_for_all_of_them_in_their_order(self, town, visitor):
        self.press(visitor, panel.ALL)
        waiting = [(run.fault, run.gateway) for run in panel.notebook().waiting()]
        assert waiting == [(fault, gateway) for fault, told in CATALOGUE.items() for gateway in told.gateways]

    def test_do_nothing_for_a_page_of_somebody_else(self, town, visitor):
        for token in ("", "x", "InBhbmVsIg:1w00000:forged"):
            assert "ancienne" in self.press(visitor, panel.ALL, token=token).headers["Location"]
        assert panel.notebook().waiting() == []

    def test_do_nothing_that_is_not_on_the_page(self, town, visitor):
        for essai in ("", "lost", "lost:payfip_url", "postgres", "../../x"):
            self.press(visitor, essai)
        assert panel.notebook().waiting() == []

    def test_have_an_end(self, town, visitor, monkeypatch):
        monkeypatch.setattr("regal.demo.notebook.MOST_WAITING", 3)
        answer = self.press(visitor, panel.ALL)
        assert "trop" in answer.headers["Location"]
        assert len(panel.notebook().waiting()) == 3
        assert "Trop d’essais attendent" in visitor.get(answer.headers["Location"]).content.decode()

    def test_exist_in_a_demonstration_only(self, town):
        guichet = GuichetClient()
        assert guichet.get(ADDRESS).status_code == 404
        assert guichet.post(ADDRESS, {"essai": panel.ALL}).status_code == 404


class TestNotebook:
    NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)

    def test_asks_for_the_death_of_our_own_programs_only_and_once(self, tmp_path):
        book = Notebook(tmp_path)
        with pytest.raises(ValueError, match="sshd"):
            book.ask_kill(part="sshd", run="r")
        book.ask_kill(part="guichet", run="r")
        assert book.take_kill() == ("guichet", "r")
        assert book.take_kill() is None

    @pytest.mark.parametrize("content", ["", "[]", '{"part": 3}', '{"part": "sshd"}', '{"pid": 1}'])
    def test_lets_no_strange_file_kill(self, tmp_path, content):
        book = Notebook(tmp_path)
        (book.folder / "a-tuer").mkdir(parents=True)
        (book.folder / "a-tuer" / "r.json").write_text(content)
        assert book.take_kill() is None
        assert book.take_kill() is None

    def test_gives_back_what_was_written(self, tmp_path):
        book = Notebook(tmp_path)
        run = asked(book, fault="lost", gateway=PAYFIP, now=self.NOW)
        later_run = asked(book, fault="late", gateway=PAYBOX, now=self.NOW + timedelta(seconds=1))
        run.steps.append((self.NOW, "paid"))
        run = replace(run, rules=[3])
        book.save(run)
        assert book.runs() == [later_run, run]
        assert book.waiting() == [run, later_run]

    def test_reads_over_a_line_that_was_cut(self, tmp_path):
        book = Notebook(tmp_path)
        fact = Fact(at=self.NOW, what=KILLED, run="r", part="guichet")
        book.note(fact)
        with open(book.folder / "faits.jsonl", "a") as file:
            file.write('{"at": "2026-')
        assert book.facts() == [fact]


class TestFaults:
    @pytest.mark.parametrize("gateway", [PAYFIP, PAYBOX])
    @pytest.mark.parametrize("fault", list(Fault))
    def test_are_rules_that_the_sandbox_takes(self, fault, gateway):
        sandbox = regal_sandbox.create(config=data.sandbox_configuration(today=MORNING.date()))
        control = sandbox.control.test_client()
        told = rules(fault, gateway, reference="CT900001", sender="regal@localhost", recipient="a@example.org")
        assert [control.post("/faults", json=rule).status_code for rule in told] == [201] * len(told)
        sandbox.close()
        by_hand = {Fault.CLOSED_TAB, Fault.GUICHET, Fault.WORKER, Fault.DATABASE}
        assert bool(told) == (fault not in by_hand)

    @pytest.mark.parametrize("gateway", [PAYFIP, PAYBOX])
    def test_that_leave_a_question_unanswered_are_told_from_those_that_refuse_it(self, gateway):
        told = []
        for fault in (Fault.OUTAGE, Fault.SILENT):
            (rule,) = rules(fault, gateway, reference="x", sender="x", recipient="x")
            told.append(fault_words(rule))
        assert "503" in told[0]
        assert "sans réponse" in told[1]

    def test_have_a_series_of_invoices_without_end(self, town):
        for gateway in (PAYFIP, PAYBOX):
            numbers = [new_invoice(gateway, label="Essai", now=MORNING).number for _ in range(12)]
            prefix = first_trial(gateway)[:2]
            assert numbers == [f"{prefix}-{900_001 + place}" for place in range(12)]
        assert broken(later(minutes=1)) == ()

    def test_have_no_remise_to_deposit_where_nothing_is_missing(self, town, tmp_path):
        pay(town)
        assert remises.waiting_for_remise() == []
        assert remises.deposit_remises(Notebook(tmp_path), now=MORNING) == 0


class TestSixSteps:
    def test_are_on_the_start_page_each_with_one_button(self, town, visitor):
        page = visitor.get("/").content.decode()
        steps = re.split(r'<li class="step"', page)[1:]
        assert len(steps) == 6
        assert [step.split("</ol>\n<section")[0].count('class="button"') for step in steps] == [1, 1, 0, 1, 1, 1]
        assert page.count("<svg") == 2  # the third: a QR code of each gateway is its button

    def test_lead_from_a_qr_code_to_the_invoice(self, town):
        for gateway in (PAYFIP, PAYBOX):
            notice = offered(gateway)
            assert "style=" not in notice.qr
            path = notice.link.removeprefix(django_settings.GUICHET_URL)
            page = GuichetClient().get(path)
            assert page.status_code == 200
            assert notice.number.replace("-", "") in page.content.decode().replace("-", "")

    def test_never_offer_an_invoice_of_a_trial_to_pay(self, town):
        new_invoice(PAYFIP, label="Essai", now=later(days=20))
        assert offered(PAYFIP).number < "CT-900001"
        assert first_trial(PAYFIP) == "CT900001"

    def test_never_offer_an_invoice_that_somebody_is_paying(self, town):
        offered_first = offered(PAYFIP).number
        with tenant(town):
            titre = Titre.objects.of(town).select_related("collectivite").get(number=offered_first)
        with speaking_to(FakePayfip()):
            leave(canteen_of(town), titre, Clock())
        assert offered(PAYFIP).number != offered_first

    def test_show_the_canteen_in_the_list_of_invoices(self, town, visitor):
        assert "/factures/?produit=cantine&amp;etat=payable" in visitor.get("/").content.decode()

    def test_begin_with_a_spreadsheet_of_six_good_lines(self, town, visitor):
        answer = visitor.get("/s/demonstration/cantine.csv")
        assert answer.content == files.canteen(paris.today(data.moment()))
        with tenant(town):
            source = ImportSource.objects.of(town).get(name=PRODUCTS[PAYFIP].source)
            content = files.canteen(paris.today(MORNING))
            kept = imports.keep(source=source, name="a.csv", chunks=[content], now=MORNING, ask=False)
            imports.read(
                town.pk, kept.pk, MORNING, None, settled=settled_titres, paying=titres_being_paid, open_file=open_file
            )
            lines = ImportLine.objects.of(town).filter(of_import=kept)
            assert Counter(lines.values_list("verdict", flat=True)) == {"new": 6}

    def test_are_written_once(self, town):
        data.load(now=later(days=3))
        with tenant(town):
            assert ImportSource.objects.of(town).count() == 1
            assert Titre.objects.of(town).filter(product__slug=PRODUCTS[PAYFIP].slug).count() == 12
