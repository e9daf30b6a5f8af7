"""Where somebody is signed in: listed, ended one by one or all at once, and over after twelve hours in any case."""

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session as UnusedSession
from django.utils import timezone

from regal.audit.models import PlatformAct
from regal.backoffice import sessions as pages
from regal.config import jobs
from regal.people.invitations import path_for
from regal.people.models import Session
from regal.people.sessions import browser_in_two_words
from tests import cast
from tests.cast import PASSWORD
from tests.sites import BureauClient

pytestmark = pytest.mark.django_db

PAGE = "/compte/sessions/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604.1"


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose


@pytest.fixture
def nadia():
    return cast.make_saint_aubin().agent


def signed_in(identifier="nadia", agent=FIREFOX):
    client = BureauClient(headers={"user-agent": agent})
    client.post("/connexion/", {"login": identifier, "password": PASSWORD})
    assert is_inside(client)
    return client


def is_inside(client):
    return client.get("/compte/").status_code == 200


def plain(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def handles(client):
    return re.findall(r'name="session" value="(\w+)"', client.get(PAGE).content.decode())


class TestList:
    def test_shows_each_browser_and_which_one_this_is(self, nadia):
        here, _there = signed_in(), signed_in(agent=SAFARI)
        read = plain(here.get(PAGE))
        assert re.search("Firefox, Windows celle-ci", read)
        assert "Safari, iPhone" in read
        assert read.count("Ouverte le") == 2

    def test_shows_nobody_else_s(self, nadia):
        cast.make_next_town()
        signed_in("marc", agent=SAFARI)
        assert plain(signed_in().get(PAGE)).count("Ouverte le") == 1

    def test_holds_neither_keys_nor_addresses(self, nadia):
        here, there = signed_in(), signed_in()
        page = here.get(PAGE).content.decode()
        for client in (here, there):
            assert client.session.session_key not in page
        kept = {field.name for field in Session._meta.local_fields}
        assert kept == {"session_key", "session_data", "expire_date", "user", "opened_at", "seen_at", "browser"}

    def test_forgets_those_that_are_over(self, nadia, monkeypatch):
        here, _ = signed_in(), signed_in(agent=SAFARI)
        Session.objects.filter(browser__contains="Safari").update(expire_date=timezone.now())
        assert "Safari" not in plain(here.get(PAGE))

    @pytest.mark.parametrize(
        ("agent", "words"),
        [
            (FIREFOX, "Firefox, Windows"),
            (SAFARI, "Safari, iPhone"),
            ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537 Chrome/140.0 Safari/537 Edg/140.0", "Edge, Linux"),
            ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537 Chrome/140.0 Mobile Safari/537", "Chrome, Android"),
            ("curl/8.0", ""),
            ("", ""),
            ("<b>" * 1000, ""),
        ],
    )
    def test_names_browsers_in_two_words(self, agent, words):
        assert browser_in_two_words(agent) == words


class TestEnd:
    def test_of_one_session_leaves_the_others(self, nadia):
        here, there, elsewhere = signed_in(), signed_in(agent=SAFARI), signed_in()
        chosen = next(
            handle
            for handle in handles(here)
            if handle == pages._handle(Session.objects.get(pk=there.session.session_key))
        )
        assert here.post(PAGE, {"session": chosen}).status_code == 303
        assert [is_inside(client) for client in (here, there, elsewhere)] == [True, False, True]

    def test_of_all_others_leaves_this_one(self, nadia):
        here, there, elsewhere = signed_in(), signed_in(), signed_in()
        assert "2 autres sessions sont fermées" in plain(here.post(PAGE, follow=True))
        assert [is_inside(client) for client in (here, there, elsewhere)] == [True, False, False]
        assert PlatformAct.objects.get(action="end_sessions").actor == nadia

    def test_of_somebody_else_s_is_not_found(self, nadia):
        cast.make_next_town()
        marc = signed_in("marc")
        theirs = pages._handle(Session.objects.get(pk=marc.session.session_key))
        for handle in (theirs, "x", "0" * 5000):
            assert signed_in().post(PAGE, {"session": handle}).status_code == 404
        assert is_inside(marc)

    def test_comes_with_a_new_password(self, nadia):
        here, there = signed_in(), signed_in()
        chosen = "une toute nouvelle phrase"
        here.post("/compte/mot-de-passe/", {"oldpassword": PASSWORD, "password1": chosen, "password2": chosen})
        assert [is_inside(client) for client in (here, there)] == [True, False]
        assert Session.objects.filter(user=nadia).count() == 1

    def test_comes_with_a_password_chosen_by_invitation(self, nadia):
        there = signed_in()
        chosen = "une toute nouvelle phrase"
        nadia.refresh_from_db()
        address = path_for(user=nadia, now=timezone.now())
        BureauClient().post(address, {"new_password1": chosen, "new_password2": chosen})
        assert not is_inside(there)
        assert not Session.objects.filter(user=nadia).exists()


class TestSession:
    def test_is_over_twelve_hours_after_signing_in_however_much_it_is_used(self, nadia, monkeypatch):
        client = signed_in()
        opened = Session.objects.get(user=nadia).opened_at
        assert opened is not None
        for hours in (5, 10, 11):
            monkeypatch.setattr(pages, "clock", lambda hours=hours: opened + timedelta(hours=hours))
            client.get("/compte/")
            session = Session.objects.get(user=nadia)
            assert session.seen_at == opened + timedelta(hours=hours)
            assert session.expire_date <= opened + timedelta(hours=12)

    def test_writes_nothing_on_most_pages(self, nadia):
        client = signed_in()
        before = Session.objects.get(user=nadia)
        client.get("/compte/")
        assert Session.objects.get(user=nadia).session_data == before.session_data
        assert Session.objects.get(user=nadia).seen_at == before.seen_at

    def test_is_erased_at_night_when_it_is_over(self, nadia, monkeypatch):
        signed_in()
        monkeypatch.setattr(jobs, "clock", lambda: timezone.now() + timedelta(hours=13))
        jobs.purge_old_sessions(0)
        assert not Session.objects.exists()
        assert PlatformAct.objects.get(action="purge_sessions").subject == "sessions 1"

    def test_leaves_django_s_own_table_empty(self, nadia):
        signed_in()
        assert not UnusedSession.objects.exists()


class TestSmallWords:
    def test_say_of_each_empty_field_what_to_write(self, bureau):
        read = plain(bureau.post("/connexion/", {"login": "", "password": ""}))
        assert read.count("Écrivez votre identifiant ou votre adresse e-mail.") == 2  # summary and field
        assert read.count("Écrivez votre mot de passe.") == 2
