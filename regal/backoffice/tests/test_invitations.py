"""An invitation is a link: valid once, for 24 hours."""

from datetime import UTC, datetime, timedelta

import pytest

from regal.audit.models import PlatformAct
from regal.backoffice import administration
from regal.config import settings as production
from regal.people.models import User

pytestmark = pytest.mark.django_db

PHRASE = "une longue phrase de passe"
TYPED = {"new_password1": PHRASE, "new_password2": PHRASE}


@pytest.fixture
def zoe():
    return administration.create_operator(identifier="zoe", email="zoe@example.org", now=datetime.now(UTC))


def link(user, *, hours_ago=0.0):
    made = datetime.now(UTC) - timedelta(hours=hours_ago)
    address = administration.invitation_link(user=user, now=made)
    return address.partition("/invitation/")[1] + address.partition("/invitation/")[2]


def may_enter(bureau, password=PHRASE):
    bureau.post("/connexion/", {"login": "zoe", "password": password})
    return bureau.get("/compte/").status_code == 200


class TestInvitation:
    def test_leads_to_the_bureau(self, settings, zoe):
        settings.BUREAU_URL = "https://bureau.exemple.fr"
        address = administration.invitation_link(user=zoe, now=datetime.now(UTC))
        assert address.startswith("https://bureau.exemple.fr/invitation/")

    def test_lets_its_person_choose_a_password_and_enter(self, bureau, zoe):
        address = link(zoe)
        assert "zoe" in bureau.get(address).content.decode()
        assert bureau.post(address, TYPED).url == "/connexion/"
        assert may_enter(bureau)

    def test_serves_once(self, bureau, zoe):
        address = link(zoe)
        bureau.post(address, TYPED)
        for again in (bureau.get(address), bureau.post(address, dict.fromkeys(TYPED, "encore une autre phrase"))):
            assert again.status_code == 410
            assert "ne vaut plus" in again.content.decode()
        assert may_enter(bureau)

    def test_dies_with_every_other_one_when_a_password_is_chosen(self, bureau, zoe):
        one, other = link(zoe), link(zoe, hours_ago=1)
        bureau.post(one, TYPED)
        assert bureau.get(other).status_code == 410

    def test_lives_24_hours(self, bureau, zoe):
        assert bureau.get(link(zoe, hours_ago=23.9)).status_code == 200
        assert bureau.get(link(zoe, hours_ago=24.1)).status_code == 410
        assert bureau.post(link(zoe, hours_ago=24.1), TYPED).status_code == 410
        assert not may_enter(bureau)

    def test_is_no_one_else_s(self, bureau, zoe):
        lea = administration.create_operator(identifier="lea", email="lea@example.org", now=datetime.now(UTC))
        ours, theirs = link(zoe).split("/"), link(lea).split("/")
        assert bureau.get("/".join([*ours[:2], theirs[2], *ours[3:]])).status_code == 410

    def test_of_a_closed_account_is_dead(self, bureau, zoe):
        address = link(zoe)
        User.objects.filter(pk=zoe.pk).update(is_active=False)
        assert bureau.get(address).status_code == 410

    @pytest.mark.parametrize(
        ("uid", "token"), [("x", "y"), ("MQ", "x-y"), ("_", "-"), ("OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk", "a-b")]
    )
    def test_that_was_never_ours_is_dead(self, bureau, uid, token):
        assert bureau.get(f"/invitation/{uid}/{token}/").status_code == 410

    @pytest.mark.parametrize(
        ("one", "other"),
        [("court", "court"), (PHRASE, "une autre phrase que l’autre"), ("123456789012", "123456789012"), ("", "")],
    )
    def test_refuses_a_weak_password_and_stays_good(self, bureau, zoe, one, other):
        address = link(zoe)
        answer = bureau.post(address, {"new_password1": one, "new_password2": other})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.content.decode()
        assert bureau.post(address, TYPED).status_code == 302

    def test_puts_out_whoever_was_signed_in_on_this_computer(self, bureau, zoe):
        lea = administration.create_operator(identifier="lea", email="lea@example.org", now=datetime.now(UTC))
        bureau.force_login(lea)
        bureau.post(link(zoe), TYPED)
        assert bureau.get("/compte/").status_code == 302

    def test_leaves_its_trace_when_made_and_when_used(self, bureau, zoe):
        bureau.post(link(zoe), TYPED)
        acts = list(PlatformAct.objects.filter(subject=f"user {zoe.pk}").order_by("pk").values_list("action", "actor"))
        assert acts == [
            ("create_user", None),
            ("create_operator", None),
            ("invite", None),
            ("choose_password", zoe.pk),
        ]

    def test_tries_are_limited(self, bureau, zoe):
        address = link(zoe)
        statuses = [bureau.post(address, {"new_password1": "x", "new_password2": "x"}).status_code for _ in range(25)]
        assert statuses[-1] == 429

    def test_keeps_the_password_in_argon2(self, bureau, zoe, settings):
        settings.PASSWORD_HASHERS = list(production.PASSWORD_HASHERS)  # other tests use a quick one
        bureau.post(link(zoe), TYPED)
        assert User.objects.get(pk=zoe.pk).password.startswith("argon2$argon2id$")
