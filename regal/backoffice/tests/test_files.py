"""The pages of accounting files: who may deposit and confirm, what is shown before and after."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from regal.backoffice import files as pages
from regal.backoffice import pages as payment_pages
from regal.gateways.base import DebtKind, Environment
from regal.lib import uploads
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.people.models import Membership, Role, User
from regal.reconciliation.models import DepositedFile
from tests import cast
from tests.cast import MORNING, REFDET, later
from tests.files import DAY, Paid, pes, statement
from tests.notices import run_due

pytestmark = pytest.mark.django_db

FILES = "/saint-aubin/fichiers/"
NOW = later(hours=2)


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    monkeypatch.setattr(pages, "clock", lambda: NOW)
    monkeypatch.setattr(payment_pages, "clock", lambda: NOW)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose


@pytest.fixture
def town():
    return cast.make_town(
        slug="saint-aubin",
        name="Saint-Aubin",
        numcli="006382",
        agent="nadia",
        origin="https://saint-aubin.example",
        environment=Environment.PRODUCTION,
    )


def person(town, role, identifier):
    user = User.objects.create_user(identifier=identifier, email=f"{identifier}@example.org")
    with tenant(town.collectivite):
        Membership.objects.create(collectivite=town.collectivite, user=user, role=role)
    return user


@pytest.fixture
def regisseuse(bureau, town):
    bureau.force_login(person(town, Role.REGISSEUR, "rose"))
    return bureau


@pytest.fixture
def canteen(town):
    return cast.make_product(town, DebtKind.REGIE, slug="cantine", numcli="350005", environment=Environment.PRODUCTION)


def send(client, content, *, name="PES2R.xml", account=""):
    return client.post(FILES, {"compte": account, "fichier": SimpleUploadedFile(name, content)})


def deposited(client, content, **changes):
    answer = send(client, content, **changes)
    assert answer.status_code == 303, plain(answer)
    return answer["Location"]


def plain(answer):
    """What is read, spaces of every kind made plain."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def count(town):
    with tenant(town.collectivite):
        return DepositedFile.objects.count()


DAYS = {"du": "24/11/2026", "au": "24/11/2026"}


class TestWho:
    def test_an_agent_may_look_and_no_more(self, bureau, town, regisseuse):
        where = deposited(regisseuse, pes())
        bureau.force_login(town.agent)
        listed, page = bureau.get(FILES), bureau.get(where)
        assert (listed.status_code, page.status_code) == (200, 200)
        assert b"<form" not in listed.content.partition(b"<main")[2]
        assert b"<form" not in page.content.partition(b"<main")[2]
        assert send(bureau, pes(post="X")).status_code == 403
        assert bureau.post(f"{where}confirmer/", DAYS).status_code == 403
        assert bureau.post(f"{where}ecarter/").status_code == 403
        assert count(town) == 1
        with tenant(town.collectivite):
            assert DepositedFile.objects.get().is_draft

    @pytest.mark.parametrize("role", [Role.REGISSEUR, Role.ADMINISTRATOR])
    def test_a_regisseur_and_an_administrator_may_deposit_and_confirm(self, bureau, town, role):
        bureau.force_login(person(town, role, "rose"))
        where = deposited(bureau, pes())
        assert bureau.post(f"{where}confirmer/", DAYS).status_code == 303

    def test_a_visiting_operator_confirms_nothing_and_is_told_who_does(self, bureau, town, regisseuse):
        where = deposited(regisseuse, pes())
        olga = User.objects.create_user(identifier="olga", email="olga@example.org", is_operator=True)
        bureau.force_login(olga)
        told = {"reason": "Rose a demandé de l’aide", "role": Role.ADMINISTRATOR}
        assert bureau.post("/exploitation/collectivites/saint-aubin/entrer/", told).status_code == 303
        page = plain(bureau.get(where))
        assert "un régisseur ou un administrateur peut le faire" in page
        assert "Confirmer ce fichier" not in page
        assert bureau.post(f"{where}confirmer/", DAYS).status_code == 403
        with tenant(town.collectivite):
            assert DepositedFile.objects.get().is_draft

    def test_a_stranger_finds_nothing(self, bureau, town, regisseuse):
        where = deposited(regisseuse, pes())
        stranger = User.objects.create_user(identifier="marc", email="marc@example.org")
        bureau.force_login(stranger)
        for answer in (bureau.get(FILES), send(bureau, pes()), bureau.get(where), bureau.post(f"{where}ecarter/")):
            assert answer.status_code == 404

    def test_the_next_town_s_file_is_nobody_s_here(self, town, regisseuse):
        orne = cast.make_town(
            slug="orne",
            name="Orne",
            numcli="012327",
            agent="marc",
            origin="https://orne.example",
            environment=Environment.PRODUCTION,
        )
        user = User.objects.get(identifier="rose")
        with tenant(orne.collectivite):
            Membership.objects.create(collectivite=orne.collectivite, user=user, role=Role.REGISSEUR)
        where = deposited(regisseuse, pes())
        theirs = where.replace("saint-aubin", "orne")
        assert regisseuse.get(theirs).status_code == 404
        assert regisseuse.post(f"{theirs}confirmer/", DAYS).status_code == 404
        assert regisseuse.post(f"{theirs}ecarter/").status_code == 404

    @pytest.mark.parametrize("key", ["0", "999999999", str(2**63), "9" * 100, "9" * 5000])
    def test_an_odd_number_is_nobody_s_file(self, regisseuse, key):
        assert regisseuse.get(f"{FILES}{key}/").status_code == 404
        assert regisseuse.post(f"{FILES}{key}/confirmer/", DAYS).status_code == 404
        assert regisseuse.post(f"{FILES}{key}/ecarter/").status_code == 404

    def test_nobody_acts_by_a_link(self, town, regisseuse):
        where = deposited(regisseuse, pes())
        assert regisseuse.get(f"{where}confirmer/").status_code == 405
        assert regisseuse.get(f"{where}ecarter/").status_code == 405


class TestADraft:
    def test_says_what_it_is_whose_what_it_will_do_and_for_how_much(self, town, regisseuse):
        attempt = cast.start(town).attempt
        lines = [
            Paid(reference=REFDET, cents=12_550),
            Paid(reference="202600000413000001", cents=1_001),
            Paid(reference="202600000414000001", cents=1_000),
            Paid(reference="202600000415000001", cents=5, origin="01"),
        ]
        page = regisseuse.get(deposited(regisseuse, pes(lines)))
        read = plain(page)
        assert "Fichier à vérifier" in read
        assert "1 paiement sera confirmé ; 2 ont été payés ailleurs (portail PayFiP…)." in read
        assert "SGC DU PAYS, COMMUNE DE SAINT-AUBIN, budget 00" in read
        assert "3, pour 145,51 €" in read
        assert "titre 412, ligne 1" in read
        assert REFDET in read
        assert f"/saint-aubin/paiements/{attempt.pk}/" in page.content.decode()
        assert 'value="24/11/2026"' in page.content.decode()
        assert "Refresh" not in page.headers

    def test_says_what_will_wait_for_a_person(self, town, regisseuse):
        cast.start(town)
        read = plain(regisseuse.get(deposited(regisseuse, pes([Paid(reference=REFDET, cents=100)]))))
        assert "1 est d’un autre montant" in read
        assert "1 × autre montant dans le fichier" in read

    def test_without_payment_says_so(self, town, regisseuse):
        read = plain(regisseuse.get(deposited(regisseuse, pes())))
        assert "ne contient aucun paiement passé par PayFiP" in read

    def test_shows_fifty_lines_at_a_time(self, town, regisseuse):
        lines = [Paid(reference=f"20260000{number:04d}000001", cents=100) for number in range(1, 121)]
        where, seen = deposited(regisseuse, pes(lines)), []
        for after in (0, 50, 100):
            page = regisseuse.get(where, {"apres": after})
            seen += re.findall(r'id="ligne-([0-9]+)"', page.content.decode())
            assert (f"?apres={after + 50}" in page.content.decode()) == (after < 100)
        assert seen == [str(number) for number in range(1, 121)]

    @pytest.mark.parametrize("after", ["", "x", "-1", "9" * 40, "'"])
    def test_shows_its_beginning_when_it_cannot_tell_where(self, town, regisseuse, after):
        assert regisseuse.get(deposited(regisseuse, pes()), {"apres": after}).status_code == 200
        assert regisseuse.get(FILES, {"avant": after}).status_code == 200

    def test_shows_hostile_text_as_text(self, town, regisseuse):
        content = pes(label="=cmd|'/C calc'!A0", post="<script>alert(1)</script>")
        page = regisseuse.get(deposited(regisseuse, content, name='"><img src=x onerror=alert(1)>.xml'))
        assert b"<script>alert" not in page.content
        assert b"<img" not in page.content
        assert "=cmd|" in plain(page)

    def test_can_be_discarded(self, town, regisseuse):
        where = deposited(regisseuse, pes())
        answer = regisseuse.post(f"{where}ecarter/")
        assert (answer.status_code, answer["Location"]) == (303, FILES)
        assert "Ce fichier a été écarté" in plain(regisseuse.get(where))
        assert "écarté" in plain(regisseuse.get(FILES))


class TestConfirming:
    def test_says_that_it_is_being_done_then_what_was_done(self, town, regisseuse):
        attempt = cast.start(town).attempt
        where = deposited(regisseuse, pes([Paid(reference=REFDET, cents=12_550)]))
        assert regisseuse.post(f"{where}confirmer/", DAYS).status_code == 303
        waiting = regisseuse.get(where)
        assert "Confirmation en cours" in plain(waiting)
        assert waiting.headers["Refresh"] == "5"
        run_due(NOW)
        done = regisseuse.get(where)
        assert "Refresh" not in done.headers
        assert "1 paiement est confirmé." in plain(done)
        assert "125,50 €" in plain(done)
        payment = regisseuse.get(f"/saint-aubin/paiements/{attempt.pk}/")
        assert f'href="{where}"' in payment.content.decode()
        assert "fichier comptable PES2R.xml , titre 412, ligne 1" in plain(payment)
        assert "Un fichier du comptable ou de PayFiP le contient" in plain(payment)

    def test_tells_the_anomalies_it_opened(self, town, regisseuse):
        cast.start(town)
        where = deposited(regisseuse, pes([Paid(reference=REFDET, cents=100)]))
        regisseuse.post(f"{where}confirmer/", DAYS)
        run_due(NOW)
        assert "Anomalies ouvertes 1 × autre montant dans le fichier" in plain(regisseuse.get(where))

    @pytest.mark.parametrize(
        ("days", "code"),
        [
            ({"du": "hier"}, "R411"),
            ({"au": ""}, "R411"),
            ({"au": "31/02/2026"}, "R411"),
            ({"du": "9" * 3000}, "R411"),
            ({"du": "24/11/2026", "au": "23/11/2026"}, "R412"),
            ({"au": "25/11/2026"}, "R413"),
        ],
    )
    def test_wants_days_that_make_sense(self, town, regisseuse, days, code):
        where = deposited(regisseuse, pes())
        answer = regisseuse.post(f"{where}confirmer/", DAYS | days)
        assert answer.status_code == 422
        assert code in plain(answer)
        assert "<title>Erreur" in answer.content.decode()
        with tenant(town.collectivite):
            assert DepositedFile.objects.get().is_draft

    def test_takes_the_days_that_the_agent_typed(self, town, regisseuse):
        where = deposited(regisseuse, pes())
        regisseuse.post(f"{where}confirmer/", {"du": "1/11/2026", "au": "2026-11-24"})
        with tenant(town.collectivite):
            file = DepositedFile.objects.get()
        assert (file.covers_from.day, file.covers_to) == (1, DAY)

    def test_twice_changes_nothing_and_says_so(self, town, regisseuse):
        where = deposited(regisseuse, pes())
        regisseuse.post(f"{where}confirmer/", DAYS)
        answer = regisseuse.post(f"{where}confirmer/", DAYS)
        assert answer.status_code == 422
        assert "R414" in plain(answer)
        assert "R414" in plain(regisseuse.post(f"{where}ecarter/", follow=True))


class TestRefused:
    def refused(self, client, content, *expected, **changes):
        answer = send(client, content, **changes)
        assert answer.status_code == 422
        assert "<title>Erreur\u00a0: " in answer.content.decode()
        for text in expected:
            assert text in plain(answer)
        return answer

    def test_a_file_that_is_none_says_what_it_is(self, town, regisseuse):
        self.refused(regisseuse, b"%PDF-1.7 ...", "PDF", "F403")
        assert count(town) == 0

    def test_no_file(self, town, regisseuse):
        answer = regisseuse.post(FILES, {"compte": ""})
        assert answer.status_code == 422
        assert "R401" in plain(answer)

    def test_a_file_too_large(self, town, regisseuse):
        large = b"EN-TETE;350005\n" + b"x" * uploads.LARGEST_PAYMENTS_FILE
        self.refused(regisseuse, large, "20 Mo", "R402")
        assert count(town) == 0

    def test_another_town_s_budget(self, town, regisseuse):
        self.refused(regisseuse, pes(siret="21350999500014"), "21350999500014", "21350001600011", "R403")

    def test_a_statement_without_its_account_beside_the_choice(self, town, canteen, regisseuse):
        answer = self.refused(regisseuse, statement([], numcli="350005"), "R405")
        assert 'id="id_compte-error-1"' in answer.content.decode()

    @pytest.mark.parametrize("account", ["350006", "<b>", "x" * 500])
    def test_an_account_that_is_not_offered(self, town, canteen, regisseuse, account):
        self.refused(regisseuse, statement([], numcli="350005"), "R405", account=account)

    def test_another_client_s_statement(self, town, canteen, regisseuse):
        self.refused(regisseuse, statement([], numcli="012327"), "012327", "350005", "R406", account="350005")

    def test_the_same_bytes_leads_to_what_they_did(self, town, regisseuse):
        where = deposited(regisseuse, pes())
        answer = self.refused(regisseuse, pes(), "déjà été déposé par rose", "R408")
        assert f'href="{where}"' in answer.content.decode()
        assert count(town) == 1


class TestTheForm:
    def test_offers_the_regies_and_chooses_none_beforehand(self, town, canteen, regisseuse):
        page = regisseuse.get(FILES).content.decode()
        assert '<option value="350005">Régie (350005)</option>' in page

    def test_asks_no_account_where_there_is_no_regie(self, town, regisseuse):
        assert "id_compte" not in regisseuse.get(FILES).content.decode()

    def test_tells_the_demonstration_where_files_are_made(self, town, regisseuse, settings):
        assert "/tableau/" not in regisseuse.get(FILES).content.decode()
        settings.DEMO, settings.SANDBOX_CONTROL_URL = True, "http://127.0.0.1:9003"
        assert 'href="http://127.0.0.1:9003/tableau/"' in regisseuse.get(FILES).content.decode()

    def test_lists_the_newest_first_fifty_a_page(self, town, regisseuse):
        with tenant(town.collectivite):
            for number in range(60):
                DepositedFile.objects.create(
                    collectivite=town.collectivite,
                    kind="pes_retour",
                    digest=f"{number:064d}",
                    name=f"fichier-{number}.xml",
                    budget=town.account.budget,
                    covers_from=DAY,
                    covers_to=DAY,
                    count=0,
                    total=Money(0),
                    left_out=0,
                    deposited_by=town.agent,
                    deposited_at=MORNING,
                    discarded_at=MORNING,
                )
        page = regisseuse.get(FILES).content.decode()
        shown = re.findall(r"fichier-([0-9]+)\.xml", page)
        assert shown == [str(number) for number in range(59, 9, -1)]
        (more,) = re.findall(r"\?avant=([0-9]+)", page)
        older = regisseuse.get(FILES, {"avant": more}).content.decode()
        assert re.findall(r"fichier-([0-9]+)\.xml", older) == [str(number) for number in range(9, -1, -1)]
