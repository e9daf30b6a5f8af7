"""Agents of a collectivité: invited by e-mail, given roles, removed; never left without an administrator."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from regal.agenda.models import Effect
from regal.agenda.operations import carry, run_due
from regal.audit.models import AuditEntry, Letter, PlatformAct
from regal.backoffice import agents, letters, refusals, staff
from regal.config.jobs import HANDLERS
from regal.lib.tenancy import tenant
from regal.people.models import Invitation, Membership, Role, User
from tests import cast
from tests.cast import MORNING, later
from tests.sites import BureauClient

pytestmark = pytest.mark.django_db

LIST = "/saint-aubin/reglages/agents/"
TYPED = {"display_name": "Léa Martin", "identifier": "lea", "email": "lea@example.org", "role": "regisseur"}


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def paul(town):
    return cast.make_agent(town, "paul", Role.ADMINISTRATOR)


@pytest.fixture
def chief(bureau, paul):
    bureau.force_login(paul)
    return bureau


def membership(town, user):
    with tenant(town.collectivite):
        return Membership.objects.of(town.collectivite).select_related("user", "collectivite").get(user=user)


def page_of(town, user):
    return f"{LIST}{membership(town, user).pk}/"


def plain(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def invitation_in(message):
    """The path that an e-mail leads to."""
    (path,) = re.findall(r"/invitation/\S+", str(message.body))
    return path


def post_now(town):
    """The worker's turn."""
    return run_due(handlers=HANDLERS, now=datetime.now(UTC) + timedelta(seconds=1))


def acts(town, action):
    with tenant(town.collectivite):
        return list(AuditEntry.objects.of(town.collectivite).filter(action=action))


class TestList:
    def test_shows_everybody_with_role_and_state(self, chief, town, paul):
        chief.post(f"{LIST}inviter/", TYPED)
        read = plain(chief.get(LIST))
        for word in ("paul", "(vous)", "nadia@example.org", "Léa Martin", "invitation en attente", "régisseur"):
            assert word in read

    def test_shows_nobody_of_the_next_town(self, chief):
        cast.make_next_town()
        assert "marc" not in plain(chief.get(LIST))


class TestInvitation:
    def test_leaves_by_e_mail_and_leads_to_the_bureau(self, chief, town, paul, bureau):
        answer = chief.post(f"{LIST}inviter/", TYPED)
        assert (answer.status_code, answer.url) == (303, LIST)
        assert "lea@example.org" in plain(chief.get(LIST))
        assert mail.outbox == []
        assert post_now(town) == 1
        (message,) = mail.outbox
        assert message.to == ["lea@example.org"]
        for words in ("paul vous invite", "Saint-Aubin", "24 heures", "lea", "Vous n’attendiez pas ce message"):
            assert words in message.body
        address = invitation_in(message)
        phrase = "une longue phrase de passe"
        assert bureau.post(address, {"new_password1": phrase, "new_password2": phrase}).url == "/connexion/"
        bureau.post("/connexion/", {"login": "lea", "password": phrase})
        assert bureau.get("/saint-aubin/").status_code == 200

    def test_is_written_in_the_audit_with_its_role(self, chief, town, paul):
        chief.post(f"{LIST}inviter/", TYPED)
        (act,) = acts(town, "invite_agent")
        assert act.actor == paul
        assert act.after["role"] == "regisseur"
        assert "lea@example.org" not in str(act.after)

    def test_keeps_its_link_nowhere(self, chief, town):
        chief.post(f"{LIST}inviter/", TYPED)
        post_now(town)
        token = invitation_in(mail.outbox[0]).split("/")[3]
        with tenant(town.collectivite):
            rows = [list(Invitation.objects.of(town.collectivite).values()), list(Effect.objects.values())]
            acts = [list(AuditEntry.objects.of(town.collectivite).values()), list(PlatformAct.objects.values())]
        assert len(token) > 20
        assert token not in f"{rows}{acts}"

    def test_waits_for_a_mail_server_that_is_away(self, chief, town, monkeypatch):
        chief.post(f"{LIST}inviter/", TYPED)

        def away(**words):
            raise ConnectionRefusedError

        monkeypatch.setattr(letters, "send", away)
        effect = Effect.objects.get(kind=letters.SEND_INVITATION)
        with pytest.raises(ConnectionRefusedError):
            carry(effect_id=effect.pk, handlers=HANDLERS, now=effect.due_at)
        effect.refresh_from_db()
        assert (effect.done_at, effect.failure) == (None, "ConnectionRefusedError")
        monkeypatch.undo()
        assert carry(effect_id=effect.pk, handlers=HANDLERS, now=effect.due_at)
        assert [message.to for message in mail.outbox] == [["lea@example.org"]]
        with tenant(town.collectivite):
            assert Invitation.objects.of(town.collectivite).get().sent_at is not None

    def test_goes_to_nobody_who_was_removed_meanwhile(self, chief, town):
        chief.post(f"{LIST}inviter/", TYPED)
        chief.post(page_of(town, User.objects.get(identifier="lea")), {"act": "remove"})
        post_now(town)
        assert mail.outbox == []

    def test_of_somebody_with_a_password_holds_no_link(self, chief, town):
        marc = cast.make_next_town().agent
        chief.post(f"{LIST}inviter/", TYPED | {"identifier": "marc", "email": marc.email})
        post_now(town)
        assert "/invitation/" not in mail.outbox[0].body
        assert "mot de passe habituel" in mail.outbox[0].body

    def test_again_lets_choose_a_new_password(self, chief, town):
        chief.post(page_of(town, town.agent), {"act": "invite"})
        post_now(town)
        assert "/invitation/" in mail.outbox[0].body
        assert "nouveau mot de passe" in mail.outbox[0].subject

    def test_again_waits_ten_minutes(self, chief, town, monkeypatch):
        address = page_of(town, town.agent)
        assert chief.post(address, {"act": "invite"}).status_code == 303
        answer = chief.post(address, {"act": "invite"})
        assert answer.status_code == 422
        assert "attendez dix minutes" in plain(answer)
        monkeypatch.setattr(agents, "clock", lambda: datetime.now(UTC) + timedelta(minutes=10))
        assert chief.post(address, {"act": "invite"}).status_code == 303

    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"identifier": ""}, "Choisissez un identifiant"),
            ({"identifier": "Léa!"}, "ne peut pas servir d’identifiant"),
            ({"identifier": "nadia"}, "déjà celui d’une autre personne"),
            ({"identifier": "nadia", "email": "nadia@example.org"}, "travaille déjà dans cette collectivité"),
            ({"email": "nadia@example.org"}, "déjà celle d’une autre personne"),
            ({"email": "pas une adresse"}, "pas une adresse e-mail utilisable"),
            ({"email": ""}, "Écrivez l’adresse e-mail"),
            ({"role": "operator"}, "Choisissez un rôle"),
            ({"role": ""}, "Choisissez un rôle"),
            ({"display_name": ""}, "Écrivez le prénom"),
        ],
    )
    def test_that_cannot_be_sent_says_why_beside_the_field(self, chief, town, typed, said):
        answer = chief.post(f"{LIST}inviter/", TYPED | typed)
        assert answer.status_code == 422
        assert plain(answer).count(said) == 2  # in the summary, and beside the field
        assert "<title>Erreur" in answer.content.decode()
        assert not User.objects.filter(identifier="lea").exists()
        assert not Effect.objects.filter(kind=letters.SEND_INVITATION).exists()

    def test_never_brings_an_operator_in(self, chief, town):
        User.objects.create_user(identifier="zoe", email="zoe@example.org", is_operator=True)
        answer = chief.post(f"{LIST}inviter/", TYPED | {"identifier": "zoe", "email": "zoe@example.org"})
        assert answer.status_code == 422


class TestRole:
    def test_is_changed_and_written_down(self, chief, town, paul):
        assert chief.post(page_of(town, town.agent), {"act": "role", "role": "regisseur"}).status_code == 303
        assert membership(town, town.agent).role == Role.REGISSEUR
        (act,) = acts(town, "change_role")
        assert (act.actor, act.before, act.after) == (paul, {"role": "agent"}, {"role": "regisseur"})

    def test_told_to_every_other_administrator(self, chief, town, paul):
        cast.make_agent(town, "rose", Role.ADMINISTRATOR)
        cast.make_agent(town, "sami", Role.REGISSEUR)
        chief.post(page_of(town, town.agent), {"act": "role", "role": "administrator"})
        post_now(town)
        (message,) = mail.outbox
        assert message.to == ["rose@example.org"]
        assert "paul a changé le rôle de nadia." in message.body
        assert "agent, puis administrateur" in message.body
        assert "/saint-aubin/reglages/journal/" in message.body

    def test_of_a_new_administrator_is_told_too(self, chief, town):
        cast.make_agent(town, "rose", Role.ADMINISTRATOR)
        chief.post(f"{LIST}inviter/", TYPED | {"role": "administrator"})
        post_now(town)
        assert sorted(message.to[0] for message in mail.outbox) == ["lea@example.org", "rose@example.org"]

    def test_the_same_again_changes_nothing(self, chief, town):
        chief.post(page_of(town, town.agent), {"act": "role", "role": "agent"})
        assert acts(town, "change_role") == []

    def test_of_oneself_is_a_colleague_s_to_change(self, chief, town, paul):
        cast.make_agent(town, "rose", Role.ADMINISTRATOR)
        for typed in ({"act": "role", "role": "agent"}, {"act": "remove"}):
            answer = chief.post(page_of(town, paul), typed)
            assert answer.status_code == 422
            assert "votre propre rôle" in plain(answer)
        assert membership(town, paul).role == Role.ADMINISTRATOR

    def test_that_is_none_is_refused(self, chief, town):
        for role in ("", "operator", "\0"):
            assert chief.post(page_of(town, town.agent), {"act": "role", "role": role}).status_code == 422

    def test_last_administrator_stays(self, town, paul):
        for act in (
            lambda: staff.change_role(membership=membership(town, paul), role="agent", now=MORNING),
            lambda: staff.remove(membership=membership(town, paul), now=MORNING),
        ):
            with pytest.raises(refusals.LastAdministrator):
                act()
        assert membership(town, paul).role == Role.ADMINISTRATOR

    @pytest.mark.parametrize("state", [{"password": "!never chosen"}, {"is_active": False}])
    def test_last_administrator_is_the_last_who_can_come_in(self, town, paul, state):
        rose = cast.make_agent(town, "rose", Role.ADMINISTRATOR)
        User.objects.filter(pk=rose.pk).update(**state)
        with pytest.raises(refusals.LastAdministrator):
            staff.remove(membership=membership(town, paul), now=MORNING)


class TestRemoval:
    def test_shuts_the_door_at_once_and_stays_in_the_audit(self, chief, town, paul):
        nadia = BureauClient()
        nadia.force_login(town.agent)
        assert nadia.get("/saint-aubin/").status_code == 200
        assert chief.post(page_of(town, town.agent), {"act": "remove"}).status_code == 303
        assert nadia.get("/saint-aubin/").status_code == 404
        (act,) = acts(town, "remove_member")
        assert (act.actor, act.subject, act.before) == (paul, f"user {town.agent.pk}", {"role": "agent"})

    def test_of_an_administrator_is_told_to_him_too(self, chief, town):
        cast.make_agent(town, "zoe", Role.ADMINISTRATOR)
        chief.post(page_of(town, User.objects.get(identifier="zoe")), {"act": "remove"})
        post_now(town)
        assert [message.to for message in mail.outbox] == [["zoe@example.org"]]

    def test_of_somebody_gone_already_is_not_found(self, chief, town):
        address = page_of(town, town.agent)
        chief.post(address, {"act": "remove"})
        assert chief.post(address, {"act": "remove"}).status_code == 404

    def test_may_be_undone_by_a_new_invitation(self, chief, town):
        chief.post(page_of(town, town.agent), {"act": "remove"})
        typed = TYPED | {"identifier": "nadia", "email": "nadia@example.org"}
        assert chief.post(f"{LIST}inviter/", typed).status_code == 303
        assert membership(town, town.agent).role == Role.REGISSEUR

    def test_of_what_is_not_an_act_is_not_found(self, chief, town):
        assert chief.post(page_of(town, town.agent), {"act": "promote"}).status_code == 404
        assert chief.post(page_of(town, town.agent), {}).status_code == 404


class TestLetters:
    def test_go_to_no_administrator_who_left_meanwhile(self, town, paul):
        rose = cast.make_agent(town, "rose", Role.ADMINISTRATOR)
        staff.change_role(membership=membership(town, town.agent), role="regisseur", now=MORNING, actor_id=paul.pk)
        with tenant(town.collectivite):
            (letter,) = Letter.objects.of(town.collectivite)
            membership(town, rose).delete()
            letters.send_letter(town.collectivite.pk, letter.pk, later(minutes=1))
        assert mail.outbox == []

    def test_are_plain_french_whatever_the_language_of_the_act(self, town, paul, chief):
        cast.make_agent(town, "rose", Role.ADMINISTRATOR)
        chief.post(f"/en{page_of(town, town.agent)}", {"act": "role", "role": "regisseur"})
        post_now(town)
        assert mail.outbox[0].body.startswith("Bonjour,")
        assert "<" not in mail.outbox[0].body


class TestSignInPage:
    def test_says_whom_to_ask_for_a_new_password(self, bureau):
        assert "demandez une invitation à un administrateur" in plain(bureau.get("/connexion/"))
