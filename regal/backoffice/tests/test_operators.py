"""The operators' pages: collectivités found among a thousand and created, and the platform's health."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import connection, connections

from regal.agenda.models import Effect
from regal.agenda.operations import run_due
from regal.audit.models import AuditEntry, PlatformAct, VerifyRun
from regal.audit.operations import RUNS_KEPT, keep_run, record_on_platform
from regal.backoffice import platform_health
from regal.backoffice.letters import SEND_INVITATION
from regal.collectivites.models import Budget, Collectivite
from regal.config.jobs import HANDLERS
from regal.lib.tenancy import tenant
from regal.people.models import Membership, Role, User
from tests import cast
from tests.cast import MORNING, later

pytestmark = pytest.mark.django_db

PAGE = "/exploitation/"
NEW = "/exploitation/collectivites/nouvelle/"
TYPED = {
    "name": "Trois-Moulins",
    "slug": "",
    "siret": "213 509 904 00008",
    "site_url": "https://trois-moulins.example",
    "contact": "La mairie",
    "administrator_name": "Léa Martin",
    "administrator": "lea",
    "administrator_email": "lea@example.org",
}


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose


@pytest.fixture
def olga():
    return User.objects.create_user(identifier="olga", email="olga@example.org", is_operator=True)


@pytest.fixture
def operator(bureau, olga):
    bureau.force_login(olga)
    return bureau


def plain(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


class TestList:
    def test_is_where_an_operator_arrives(self, operator):
        assert operator.get("/").url == PAGE

    def test_finds_one_town_among_a_thousand(self, operator):
        Collectivite.objects.bulk_create(
            Collectivite(slug=f"ville-{number}", name=f"Ville {number:04d}") for number in range(1000)
        )
        first = plain(operator.get(PAGE))
        assert "1000 collectivités" in first
        assert first.count("Ville 0") == 50 * 2  # the name, and again for whoever hears the link
        assert "Page 1 sur 20" in first
        assert "Ville 0999" in plain(operator.get(f"{PAGE}?page=20"))
        found = plain(operator.get(f"{PAGE}?nom=VILLE+0512"))
        assert "Ville 0512" in found
        assert "1 collectivité " in found

    @pytest.mark.parametrize("query", ["?page=0", "?page=x", "?page=999", "?nom=%00", "?nom=%25", "?nom=" + 5000 * "a"])
    def test_answers_odd_questions_calmly(self, operator, query):
        assert operator.get(f"{PAGE}{query}").status_code == 200

    def test_reads_no_town_s_rows(self, operator):
        cast.start(cast.make_saint_aubin())
        read = plain(operator.get(PAGE))
        assert "Saint-Aubin" in read
        assert "nadia" not in read


class TestNewCollectivite:
    def test_comes_with_its_administrator_and_an_invitation(self, operator, olga):
        answer = operator.post(NEW, TYPED)
        assert (answer.status_code, answer.url) == (303, PAGE)
        town = Collectivite.objects.get(slug="trois-moulins")
        with tenant(town):
            assert Budget.objects.of(town).get().siret == "21350990400008"
            member = Membership.objects.of(town).select_related("user").get()
            actors = set(AuditEntry.objects.of(town).values_list("actor", flat=True))
        assert (member.user.identifier, member.user.display_name, member.role) == (
            "lea",
            "Léa Martin",
            Role.ADMINISTRATOR,
        )
        assert actors == {olga.pk}
        run_due(handlers=HANDLERS, now=datetime.now(UTC) + timedelta(seconds=1))
        (message,) = mail.outbox
        assert message.to == ["lea@example.org"]
        assert "Votre accès à REGAL pour Trois-Moulins" in message.subject

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"name": ""}, "Écrivez le nom"),
            ({"slug": "Trois Moulins"}, "ne peut pas servir d’adresse"),
            ({"slug": "exploitation"}, "réservée par REGAL"),
            ({"siret": "1"}, "n’est pas un SIRET"),
            ({"site_url": "trois-moulins.example"}, "n’est pas l’adresse d’un site"),
            ({"administrator": "Léa"}, "ne peut pas servir d’identifiant"),
            ({"administrator": "olga"}, "déjà celui d’une autre personne"),
            ({"administrator_email": "lea"}, "pas une adresse e-mail"),
            ({"administrator_email": "olga@example.org"}, "déjà celle d’une autre personne"),
        ],
    )
    def test_is_made_wholly_or_not_at_all(self, operator, typed, said):
        answer = operator.post(NEW, TYPED | typed)
        assert answer.status_code == 422
        assert plain(answer).count(said) == 2
        assert not Collectivite.objects.exists()
        assert not User.objects.filter(identifier="lea").exists()
        assert not Effect.objects.exists()

    def test_takes_no_address_that_is_taken(self, operator):
        operator.post(NEW, TYPED)
        answer = operator.post(NEW, TYPED | {"administrator": "zoe", "administrator_email": "zoe@example.org"})
        assert answer.status_code == 422
        assert "est déjà l’adresse d’une collectivité" in plain(answer)


class TestHealth:
    def wrong(self, now=MORNING):
        return {sign.name for sign in platform_health.signs(now=now) if not sign.is_good}

    @pytest.fixture
    def well(self):
        keep_run(at=MORNING, invariants=30, rows=12, broken=0, milliseconds=90)
        record_on_platform(action="purge_inbox", subject="messages 0", now=MORNING)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s)", [MORNING])

    def test_says_that_all_is_well(self, well):
        assert self.wrong() == set()

    def test_says_what_never_happened(self):
        assert self.wrong() == {"Travailleurs", "Vérification des invariants", "Dernière purge"}

    def test_says_that_no_worker_is_alive(self, well):
        assert self.wrong(later(seconds=31)) == {"Travailleurs"}

    def test_says_that_nothing_is_verified_any_more(self, well):
        assert "Vérification des invariants" in self.wrong(later(minutes=21))

    def test_says_that_nothing_is_purged_any_more(self, well):
        assert "Dernière purge" in self.wrong(later(hours=49))

    def test_says_that_an_invariant_is_broken(self, well):
        keep_run(at=MORNING, invariants=30, rows=12, broken=2, milliseconds=90)
        assert self.wrong() == {"Vérification des invariants"}

    @pytest.mark.parametrize(
        ("kind", "tries", "late", "wrong"),
        [
            ("judge_message", 0, 1, set()),
            ("judge_message", 0, 3, {"Travaux en retard"}),
            ("judge_message", 8, 1, {"Travaux bloqués"}),
            (SEND_INVITATION, 1, 3, {"Travaux en retard", "Courriels"}),
        ],
    )
    def test_says_what_waits(self, well, kind, tries, late, wrong):
        town = cast.make_saint_aubin()
        with connections["default"].cursor() as cursor:
            cursor.execute(
                "INSERT INTO agenda_effect (collectivite_id, kind, subject_id, due_at, tries, failure, created_at)"
                " VALUES (%s, %s, 1, %s, %s, '', %s)",
                [town.collectivite.pk, kind, later(minutes=-late), tries, later(minutes=-late)],
            )
        assert self.wrong() == wrong

    def test_is_a_page_without_any_town(self, operator, well):
        cast.make_saint_aubin()
        read = plain(operator.get("/exploitation/sante/"))
        assert "30 invariants, 12 lignes, 0 anomalies" in read
        assert "Saint-Aubin" not in read

    def test_counts_the_last_thousand_runs(self):
        VerifyRun.objects.bulk_create(
            VerifyRun(at=MORNING, invariants=1, rows=1, broken=0, milliseconds=number)
            for number in range(RUNS_KEPT + 5)
        )
        newest = keep_run(at=MORNING, invariants=1, rows=1, broken=0, milliseconds=0)
        assert VerifyRun.objects.count() == RUNS_KEPT
        assert VerifyRun.objects.order_by("-pk").first() == newest

    def test_is_in_english_under_en(self, operator, well):
        assert operator.get("/en/exploitation/sante/").status_code == 200

    def test_leaves_no_name_in_the_platform_s_acts(self, operator):
        operator.post(NEW, TYPED)
        assert "lea" not in str(list(PlatformAct.objects.values_list("action", "subject")))
