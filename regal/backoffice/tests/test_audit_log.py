"""The audit as administrators read it: in sentences, filtered, page after page, and theirs alone."""

import re

import pytest

from regal.audit.models import AuditEntry
from regal.audit.operations import record
from regal.backoffice import acts, administration
from regal.lib.tenancy import tenant
from regal.people.models import Role
from tests import cast
from tests.cast import MORNING, later

pytestmark = pytest.mark.django_db

LOG = "/saint-aubin/reglages/journal/"


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


def plain(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def write(town, action, number, **more):
    with tenant(town.collectivite):
        return record(
            collectivite=town.collectivite,
            action=action,
            subject=f"product {number}",
            now=later(minutes=number),
            **more,
        )


class TestLog:
    def test_tells_each_act_in_a_sentence_the_newest_first(self, chief, town, paul):
        administration.set_look(
            collectivite=town.collectivite, main_colour="#0b5563", now=later(hours=1), actor_id=paul.pk
        )
        read = plain(chief.get(LOG))
        look, member = "paul a changé les couleurs ou le logo.", "La ligne de commande a fait entrer paul"
        assert read.index(look) < read.index(member)

    def test_shows_what_changed_and_nothing_else(self, town):
        entry = write(
            town, "set_look", 1, before={"logo_text": "x", "name": "y"}, after={"logo_text": "z", "name": "y"}
        )
        assert acts.changes_of(entry) == [acts.Change(name="Texte du logo", before="x", after="z")]

    @pytest.mark.parametrize(
        ("before", "after"), [(None, None), (None, {"a": None}), ({"a": [1]}, {"a": {"b": True}}), ("x", 3), ([], [1])]
    )
    def test_shows_whatever_an_act_kept(self, chief, town, before, after):
        write(town, "set_look", 1, before=before, after=after)
        assert chief.get(LOG).status_code == 200

    def test_tells_of_an_act_of_another_version(self, chief, town):
        write(town, "an_act_of_the_future", 1)
        assert "que cette version ne connaît pas" in plain(chief.get(LOG))

    def test_neutralises_what_somebody_typed(self, chief, town):
        write(town, "set_look", 1, after={"logo_text": "<script>alert(1)</script>"})
        assert "<script>alert" not in chief.get(LOG).content.decode()

    def test_is_filtered_by_person_and_by_kind(self, chief, town, paul):
        write(town, "set_look", 1, actor_id=paul.pk)
        write(town, "allow_origin", 2, actor_id=paul.pk)
        for query, shown, hidden in (
            (f"?personne={paul.pk}", "paul a changé les couleurs", "La ligne de commande a"),
            ("?personne=0", "La ligne de commande a", "paul a"),
            ("?acte=allow_origin", "paul a autorisé un site", "paul a changé"),
            (f"?personne={paul.pk}&acte=set_look", "paul a changé", "paul a autorisé"),
        ):
            read = plain(chief.get(f"{LOG}{query}"))
            assert shown in read
            assert hidden not in read

    @pytest.mark.parametrize("query", ["?avant=x", "?avant=" + "9" * 30, "?personne=x", "?acte=%00", "?personne=99"])
    def test_answers_odd_questions_calmly(self, chief, query):
        assert chief.get(f"{LOG}{query}").status_code == 200

    def test_goes_back_page_by_page_without_losing_an_act(self, chief, town):
        for number in range(120):
            write(town, "set_look", number)
        with tenant(town.collectivite):
            everything = AuditEntry.objects.of(town.collectivite).count()
        seen, address = 0, LOG
        while address:
            text = chief.get(address).content.decode()
            seen += text.count("<time datetime")
            following = re.search(r'rel="next" href="([^"]+)"', text)
            address = f"{LOG}{following[1]}" if following else ""
        assert seen == everything

    def test_shows_nothing_of_the_next_town(self, chief):
        cast.make_agent(cast.make_next_town(), "zoe", Role.AGENT)
        read = plain(chief.get(LOG))
        assert "zoe" not in read
        assert "marc" not in read

    def test_leads_to_the_thing(self, chief, town):
        with tenant(town.collectivite):
            record(collectivite=town.collectivite, action="set_look", subject="attempt 12", now=MORNING)
        assert 'href="/saint-aubin/paiements/12/"' in chief.get(LOG).content.decode()

    def test_asks_the_same_number_of_questions_however_long(self, chief, town, paul, django_assert_max_num_queries):
        chief.get(LOG)
        for number in range(60):
            write(town, "set_look", number, actor_id=paul.pk)
        with django_assert_max_num_queries(20):
            chief.get(LOG)
