"""An operator enters a town for a reason, for two hours, and only visibly to it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.db import connection

from regal.agenda.operations import run_due
from regal.audit.models import AuditEntry
from regal.backoffice import operators, policies, refusals, visits
from regal.config.jobs import HANDLERS
from regal.lib.tenancy import tenant
from regal.people.models import Role, User, Visit
from tests import cast
from tests.sites import BureauClient

pytestmark = pytest.mark.django_db

REASON = "Paul a demandé de l’aide pour son contrat"
ENTER = "/exploitation/collectivites/saint-aubin/entrer/"
LEAVE = "/exploitation/collectivites/saint-aubin/quitter/"


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def olga():
    return User.objects.create_user(identifier="olga", email="olga@example.org", is_operator=True)


@pytest.fixture
def operator(bureau, olga, town):
    bureau.force_login(olga)
    return bureau


def signed_in(user):
    client = BureauClient()
    client.force_login(user)
    return client


def plain(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def come_in(operator, role=Role.AGENT):
    answer = operator.post(ENTER, {"reason": REASON, "role": role})
    assert (answer.status_code, answer.url) == (303, "/saint-aubin/")


class TestDoor:
    def test_is_shut_without_a_visit(self, operator):
        for page in ("/saint-aubin/", "/saint-aubin/paiements/", "/saint-aubin/reglages/journal/"):
            assert operator.get(page).status_code == 404

    def test_opens_to_that_town_alone(self, operator):
        cast.make_next_town()
        come_in(operator)
        assert operator.get("/saint-aubin/paiements/").status_code == 200
        assert operator.get("/val-de-l-orne/paiements/").status_code == 404

    def test_opens_to_that_operator_alone(self, operator):
        come_in(operator)
        other = User.objects.create_user(identifier="otto", email="otto@example.org", is_operator=True)
        assert signed_in(other).get("/saint-aubin/").status_code == 404

    def test_shuts_by_itself_after_two_hours(self, operator, monkeypatch):
        come_in(operator)
        for minutes, status in ((119, 200), (121, 404)):
            monkeypatch.setattr(
                policies, "clock", lambda minutes=minutes: datetime.now(UTC) + timedelta(minutes=minutes)
            )
            assert operator.get("/saint-aubin/").status_code == status

    def test_shuts_on_leaving(self, operator):
        come_in(operator)
        assert operator.post(LEAVE).url == "/exploitation/"
        assert operator.get("/saint-aubin/").status_code == 404

    def test_shuts_when_the_operator_is_none_any_more(self, operator, olga):
        come_in(operator)
        User.objects.filter(pk=olga.pk).update(is_operator=False)
        assert operator.get("/saint-aubin/").status_code == 404

    def test_opens_by_no_row_of_somebody_who_is_no_operator(self, town):
        marc = cast.make_next_town().agent
        now = datetime.now(UTC)
        with tenant(town.collectivite):
            Visit.objects.create(
                collectivite=town.collectivite,
                user=marc,
                role=Role.ADMINISTRATOR,
                reason=REASON,
                opened_at=now,
                ends_at=now + timedelta(hours=1),
            )
        assert signed_in(marc).get("/saint-aubin/").status_code == 404


class TestVisit:
    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"reason": ""}, "Dites pourquoi vous entrez"),
            ({"reason": "voir"}, "Dites pourquoi vous entrez"),
            ({"reason": "x" * 301}, "Dites pourquoi vous entrez"),
            ({"reason": "Le payeur a la carte 4111 1111 1111 1111"}, "numéro de carte"),
            ({"role": ""}, "regarder, ou changer des réglages"),
            ({"role": "regisseur"}, "regarder, ou changer des réglages"),
        ],
    )
    def test_wants_a_reason_and_a_purpose(self, operator, town, typed, said):
        answer = operator.post(ENTER, {"reason": REASON, "role": "agent"} | typed)
        assert answer.status_code == 422
        assert said in plain(answer)
        with tenant(town.collectivite):
            assert not Visit.objects.of(town.collectivite).exists()

    def test_to_look_changes_nothing(self, operator):
        come_in(operator)
        assert operator.post("/saint-aubin/").status_code == 403
        assert operator.get("/saint-aubin/reglages/agents/").status_code == 403

    def test_to_change_settings_may_and_is_written_down_as_the_operator_s(self, operator, town, olga):
        come_in(operator, Role.ADMINISTRATOR)
        assert operator.post("/saint-aubin/reglages/sites/", {"site": "https://orne.example"}).status_code == 303
        with tenant(town.collectivite):
            acts = AuditEntry.objects.of(town.collectivite).filter(action="allow_origin", actor__isnull=False)
            assert acts.get().actor == olga

    def test_never_decides_who_works_there(self, operator, town):
        come_in(operator, Role.ADMINISTRATOR)
        typed = {"display_name": "Léa", "identifier": "lea", "email": "lea@example.org", "role": "administrator"}
        assert operator.get("/saint-aubin/reglages/agents/inviter/").status_code == 200
        assert operator.post("/saint-aubin/reglages/agents/inviter/", typed).status_code == 403
        assert not User.objects.filter(identifier="lea").exists()

    def test_is_seen_by_the_town_s_administrators_on_every_page(self, operator, town):
        paul = signed_in(cast.make_agent(town, "paul", Role.ADMINISTRATOR))
        nadia = signed_in(town.agent)
        assert "L’exploitant" not in plain(paul.get("/saint-aubin/"))
        come_in(operator)
        for page in ("/saint-aubin/", "/saint-aubin/paiements/", "/saint-aubin/reglages/agents/"):
            assert f"Motif : {REASON}" in plain(paul.get(page))
            assert "L’exploitant olga est entré" in plain(paul.get(page))
        assert "L’exploitant" not in plain(nadia.get("/saint-aubin/"))
        operator.post(LEAVE)
        assert "L’exploitant" not in plain(paul.get("/saint-aubin/"))

    def test_is_seen_by_the_operator_with_the_way_out(self, operator):
        come_in(operator)
        read = plain(operator.get("/saint-aubin/paiements/"))
        assert "Vous êtes chez Saint-Aubin, en visite." in read
        assert "Quitter" in read

    def test_is_told_by_e_mail_and_in_the_audit(self, operator, town, olga):
        cast.make_agent(town, "paul", Role.ADMINISTRATOR)
        come_in(operator)
        run_due(handlers=HANDLERS, now=datetime.now(UTC) + timedelta(seconds=1))
        (message,) = mail.outbox
        assert message.to == ["paul@example.org"]
        assert "olga, exploitant de REGAL, est entré dans la collectivité." in message.body
        assert REASON in message.body
        operator.post(LEAVE)
        with tenant(town.collectivite):
            acts = AuditEntry.objects.of(town.collectivite).filter(actor=olga).order_by("pk")
            assert [act.action for act in acts] == ["open_visit", "close_visit"]
            assert acts[0].after == {"role": "agent", "reason": REASON}

    def test_again_ends_the_one_before(self, operator, town):
        come_in(operator)
        come_in(operator, Role.ADMINISTRATOR)
        with tenant(town.collectivite):
            first, second = Visit.objects.of(town.collectivite).order_by("pk")
        assert first.closed_at is not None
        assert (second.closed_at, second.role) == (None, Role.ADMINISTRATOR)

    def test_left_too_late_ended_when_its_time_was_over(self, town, olga):
        visit = visits.open_visit(
            collectivite=town.collectivite, operator=olga, reason=REASON, role="agent", now=cast.MORNING
        )
        closed = visits.close_visit(collectivite=town.collectivite, operator=olga, now=cast.later(hours=9))
        assert closed is not None
        assert closed.closed_at == visit.ends_at == cast.later(hours=2)

    def test_left_twice_is_left_once(self, operator, town):
        come_in(operator)
        for _ in range(2):
            assert operator.post(LEAVE).status_code == 303
        with tenant(town.collectivite):
            assert AuditEntry.objects.of(town.collectivite).filter(action="close_visit").count() == 1

    def test_of_a_town_that_is_not_there_is_not_found(self, operator):
        for address in (ENTER, LEAVE):
            assert operator.post(address.replace("saint-aubin", "nulle-part")).status_code == 404

    def test_reason_and_time_are_never_changed(self, operator, town):
        come_in(operator)
        for column in ("reason", "ends_at", "role", "opened_at"):
            with connection.cursor() as cursor:
                cursor.execute("SELECT has_column_privilege('people_visit', %s, 'UPDATE')", [column])
                assert cursor.fetchone() == (False,)

    def test_in_any_other_role_is_refused(self, town, olga):
        with pytest.raises(refusals.UnknownRole):
            visits.open_visit(
                collectivite=town.collectivite, operator=olga, reason=REASON, role="regisseur", now=operators.clock()
            )
