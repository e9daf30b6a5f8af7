"""Entering the bureau: password, second factor, limits, and what is not there."""

import os
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings as django_settings
from django.contrib import messages
from django.core.cache import cache
from django.urls import NoReverseMatch, reverse

from regal.audit.models import PlatformAct
from regal.lib.vault import new_master_key
from regal.people.adapters import AccountAdapter
from regal.people.models import User
from tests import cast
from tests.cast import PASSWORD
from tests.sites import BureauClient

pytestmark = pytest.mark.django_db

LOGIN = "/connexion/"


@pytest.fixture(autouse=True)
def keys(settings):
    settings.SECRET_KEYS = f"k1:{new_master_key()}"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose


@pytest.fixture
def nadia():
    return cast.make_saint_aubin().agent


def sign_in(bureau, login, password=PASSWORD, **more):
    return bureau.post(LOGIN, {"login": login, "password": password}, **more)


def is_inside(bureau):
    return bureau.get("/compte/").status_code == 200


def text(answer):
    return answer.content.decode()


def acts_of(user):
    """What the platform wrote down of somebody's own doors."""
    acts = PlatformAct.objects.filter(subject=f"user {user.pk}", actor=user).order_by("pk")
    return list(acts.values_list("action", flat=True))


class TestPassword:
    @pytest.mark.parametrize("login", ["nadia", "NADIA", " nadia ", "nadia@example.org", "Nadia@Example.org"])
    def test_opens_with_the_identifier_or_the_address(self, bureau, nadia, login):
        answer = sign_in(bureau, login)
        assert (answer.status_code, answer.url) == (302, "/")
        assert is_inside(bureau)

    def test_wrong_is_told_as_an_unknown_name_is(self, bureau, nadia):
        answers = {
            re.sub(r'value="[^"]*"', "", text(sign_in(bureau, login, "faux mot de passe")))
            for login in ("nadia", "nadia@example.org", "personne", "personne@example.org")
        }
        assert len(answers) == 1
        assert "Identifiant ou mot de passe inconnu" in answers.pop()
        assert not is_inside(bureau)

    @pytest.mark.parametrize("login", ["", "\0", "na\0dia", "x" * 10_000, "é@é", "' OR 1=1 --"])
    def test_odd_names_are_refused_calmly(self, bureau, nadia, login):
        assert sign_in(bureau, login).status_code == 200
        assert not is_inside(bureau)

    def test_is_limited_for_one_account_even_when_it_is_right_at_last(self, bureau, nadia):
        for _ in range(5):
            sign_in(bureau, "nadia", "faux mot de passe")
        answer = sign_in(bureau, "nadia")
        assert "Trop d’essais" in text(answer)
        assert not is_inside(bureau)

    def test_is_limited_for_one_source_whatever_it_says_of_itself(self, bureau, nadia):
        for number in range(12):
            sign_in(bureau, f"personne{number}", headers={"x-forwarded-for": f"192.0.2.{number}"})
        assert "Trop d’essais" in text(sign_in(bureau, "nadia"))

    def test_limits_see_through_our_own_proxy(self, bureau, nadia, settings):
        settings.TRUSTED_PROXIES = ["127.0.0.1"]
        for number in range(12):
            sign_in(bureau, f"personne{number}", headers={"x-forwarded-for": "192.0.2.1"})
        assert "Trop d’essais" in text(sign_in(bureau, "nadia", headers={"x-forwarded-for": "192.0.2.1"}))
        assert sign_in(bureau, "nadia", headers={"x-forwarded-for": "192.0.2.2"}).status_code == 302

    def test_of_a_closed_account_opens_nothing(self, bureau, nadia):
        nadia.is_active = False
        nadia.save()
        answer = bureau.post(LOGIN, {"login": "nadia", "password": PASSWORD}, follow=True)
        assert "Ce compte est fermé" in text(answer)
        assert not is_inside(bureau)

    def test_leads_back_to_the_page_that_was_asked(self, bureau, nadia):
        assert bureau.get("/saint-aubin/paiements/").url == "/connexion/?next=/saint-aubin/paiements/"
        answer = bureau.post(LOGIN, {"login": "nadia", "password": PASSWORD, "next": "/saint-aubin/paiements/"})
        assert answer.url == "/saint-aubin/paiements/"

    def test_leads_to_no_other_site(self, bureau, nadia):
        answer = bureau.post(LOGIN, {"login": "nadia", "password": PASSWORD, "next": "https://ailleurs.example/"})
        assert answer.url == "/"

    def test_is_changed_by_whoever_knows_it(self, bureau, nadia):
        sign_in(bureau, "nadia")
        new = "une autre phrase de passe"
        wrong = bureau.post("/compte/mot-de-passe/", {"oldpassword": "faux", "password1": new, "password2": new})
        assert "Ce n’est pas votre mot de passe actuel" in text(wrong)
        weak = bureau.post(
            "/compte/mot-de-passe/", {"oldpassword": PASSWORD, "password1": "court", "password2": "court"}
        )
        assert "12" in text(weak)
        good = bureau.post("/compte/mot-de-passe/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
        assert good.url == "/compte/"
        bureau.post("/deconnexion/")
        assert not is_inside(bureau)
        assert sign_in(bureau, "nadia", new).status_code == 302
        assert acts_of(nadia) == ["change_password"]


class TestSession:
    def test_cookie_is_closed_to_scripts_and_to_other_sites(self, bureau, nadia):
        cookie = sign_in(bureau, "nadia").cookies[django_settings.SESSION_COOKIE_NAME]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")

    def test_cookies_are_bound_to_the_host_under_https(self):
        names = ["SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"]
        program = f"from regal.config import settings as s; print([getattr(s, name) for name in {names}])"
        environment = {**os.environ, "REGAL_GUICHET_URL": "https://payer.exemple.fr"}
        said = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert said.stdout.strip() == "['__Host-regal', '__Host-regal-csrf', True, True]"

    def test_is_another_after_signing_in(self, bureau, nadia):
        bureau.get(LOGIN)
        before = bureau.session.session_key
        sign_in(bureau, "nadia")
        assert bureau.session.session_key != before

    def test_ends_at_the_door(self, bureau, nadia):
        sign_in(bureau, "nadia")
        assert bureau.get("/deconnexion/").status_code == 200
        assert is_inside(bureau)
        bureau.post("/deconnexion/")
        assert not is_inside(bureau)

    def test_needs_a_form_of_ours(self, nadia):
        strict = BureauClient(enforce_csrf_checks=True)
        answer = strict.post(LOGIN, {"login": "nadia", "password": PASSWORD})
        assert answer.status_code == 403
        assert "Ce formulaire a expiré" in text(answer)


def code_for(secret, steps=0):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


class TestSecondFactor:
    def activate(self, bureau):
        """Ask for it, confirm the password, type the code."""
        asked = bureau.get("/compte/application/")
        assert asked.url.startswith("/connexion/confirmation/")
        assert (
            bureau.post(asked.url, {"password": PASSWORD, "next": "/compte/application/"}).url == "/compte/application/"
        )
        page = text(bureau.get("/compte/application/"))
        assert "data:image/svg+xml;base64," in page
        secret = re.findall(r"<code>([A-Z2-7]{16,})</code>", page)[0]
        answer = bureau.post("/compte/application/", {"code": code_for(secret)})
        assert answer.url == "/compte/codes/"
        codes = re.findall(r"<li><code>([0-9a-f]+)</code>", text(bureau.get("/compte/codes/")))
        bureau.post("/deconnexion/")
        cache.clear()  # the code just used, and the limits
        return secret, codes

    def test_is_asked_after_the_password_and_not_before(self, bureau, nadia):
        sign_in(bureau, "nadia")
        secret, _ = self.activate(bureau)
        answer = sign_in(bureau, "nadia")
        assert answer.url == "/connexion/code/"
        assert not is_inside(bureau)
        assert bureau.get("/connexion/code/").status_code == 200
        wrong = bureau.post("/connexion/code/", {"code": "000000"})
        assert "Ce code n’est pas le bon" in text(wrong)
        assert not is_inside(bureau)
        assert bureau.post("/connexion/code/", {"code": code_for(secret)}).url == "/"
        assert is_inside(bureau)

    def test_page_leads_to_the_door_whoever_gave_no_password(self, bureau, nadia):
        assert bureau.get("/connexion/code/").url == "/connexion/"

    def test_code_serves_once(self, bureau, nadia):
        sign_in(bureau, "nadia")
        secret, _ = self.activate(bureau)
        code = code_for(secret)
        sign_in(bureau, "nadia")
        bureau.post("/connexion/code/", {"code": code})
        bureau.post("/deconnexion/")
        sign_in(bureau, "nadia")
        bureau.post("/connexion/code/", {"code": code})
        assert not is_inside(bureau)

    def test_guesses_are_limited(self, bureau, nadia):
        sign_in(bureau, "nadia")
        secret, _ = self.activate(bureau)
        sign_in(bureau, "nadia")
        for _ in range(12):
            bureau.post("/connexion/code/", {"code": "000000"})
        assert "Trop d’essais" in text(bureau.post("/connexion/code/", {"code": code_for(secret)}))
        assert not is_inside(bureau)

    def test_may_be_one_printed_code_each_once(self, bureau, nadia):
        sign_in(bureau, "nadia")
        _, codes = self.activate(bureau)
        assert len(codes) == 10
        sign_in(bureau, "nadia")
        assert bureau.post("/connexion/code/", {"code": codes[0]}).url == "/"
        assert "9 codes de secours" in text(bureau.get("/compte/"))
        bureau.post("/deconnexion/")
        sign_in(bureau, "nadia")
        bureau.post("/connexion/code/", {"code": codes[0]})
        assert not is_inside(bureau)

    def test_secrets_are_sealed_in_the_database(self, bureau, nadia):
        sign_in(bureau, "nadia")
        secret, codes = self.activate(bureau)
        stored = [str(row.data) for row in Authenticator.objects.filter(user=nadia)]
        assert len(stored) == 2
        assert all("rv1.k1." in one for one in stored)
        assert not any(hidden in one for one in stored for hidden in (secret, *codes))

    def test_is_taken_away_by_whoever_confirms_it_is_himself(self, bureau, nadia):
        sign_in(bureau, "nadia")
        secret, codes = self.activate(bureau)
        sign_in(bureau, "nadia")
        bureau.post("/connexion/code/", {"code": codes[0]})
        asked = bureau.get("/compte/application/retirer/")
        assert asked.url.startswith("/connexion/confirmation/")
        assert "Confirmer plutôt avec un code" in text(bureau.get(asked.url))
        with_code = "/connexion/confirmation/code/"
        assert bureau.get(with_code).status_code == 200
        bureau.post(with_code, {"code": code_for(secret), "next": "/compte/application/retirer/"})
        assert bureau.get("/compte/application/retirer/").status_code == 200
        assert bureau.post("/compte/application/retirer/").url == "/compte/"
        assert acts_of(nadia) == ["add_second_factor", "remove_second_factor"]
        bureau.post("/deconnexion/")
        assert sign_in(bureau, "nadia").url == "/"

    def test_printed_codes_are_renewed(self, bureau, nadia):
        sign_in(bureau, "nadia")
        _, codes = self.activate(bureau)
        sign_in(bureau, "nadia")
        bureau.post("/connexion/code/", {"code": codes[0]})
        bureau.post("/connexion/confirmation/", {"password": PASSWORD, "next": "/compte/codes/renouveler/"})
        assert bureau.get("/compte/codes/renouveler/").status_code == 200
        assert bureau.post("/compte/codes/renouveler/").url == "/compte/codes/"
        assert codes[1] not in text(bureau.get("/compte/codes/"))

    @pytest.mark.parametrize(
        ("page", "said"),
        [("mfa_activate_totp", "sont prêts"), ("mfa_generate_recovery_codes", "sont renouvelés")],
    )
    def test_codes_are_told_ready_the_first_time_and_renewed_after(self, rf, page, said):
        heard: list[str] = []
        request = rf.get("/")
        request.resolver_match = SimpleNamespace(url_name=page)
        request._messages = SimpleNamespace(add=lambda level, message, tags: heard.append(message))
        AccountAdapter().add_message(request, messages.SUCCESS, "mfa/messages/recovery_codes_generated.txt")
        assert len(heard) == 1
        assert said in heard[0]


class TestWhatIsNotThere:
    @pytest.mark.parametrize(
        "name",
        [
            "account_signup",
            "account_email",
            "account_reset_password",
            "account_inactive",
            "account_set_password",
            "account_confirm_login_code",
            "mfa_download_recovery_codes",
            "mfa_add_webauthn",
        ],
    )
    def test_has_no_address(self, name):
        with pytest.raises(NoReverseMatch):
            reverse(name, urlconf="regal.config.urls_bureau")

    def test_nobody_signs_up(self, bureau):
        bureau.post("/connexion/", {"username": "intrus", "email": "i@example.org", "password1": PASSWORD})
        assert not User.objects.filter(identifier="intrus").exists()
