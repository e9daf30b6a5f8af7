"""What an agent sees of the payments of his own town, and of no other."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from regal.backoffice import pages
from regal.backoffice.first_screen import first_screen
from regal.cases.models import Kind
from regal.cases.operations import open_case
from regal.gateways.base import Environment, Outcome
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.models import Attempt, Payer
from regal.payments.operations import presume_silent
from regal.people.models import Membership, Role, User
from tests import cast, notices
from tests.cast import MME_LEROY, MORNING, later
from tests.notices import deliver, form, hear, tell

pytestmark = pytest.mark.django_db

LIST = "/saint-aubin/paiements/"


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


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    monkeypatch.setattr(pages, "clock", lambda: MORNING)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose


@pytest.fixture
def nadia(bureau, town):
    bureau.force_login(town.agent)
    return bureau


def paid_form(town, attempt, outcome="P", **changes):
    return form(town, attempt, outcome, **{"saisie": "M", **changes})


def page_of(client, attempt):
    answer = client.get(f"{LIST}{attempt.pk}/")
    assert answer.status_code == 200
    return plain(answer)


def plain(answer):
    """What is read, spaces of every kind made plain."""
    content = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", content)


def attempts(town, number):
    """Many, without a gateway."""
    with tenant(town.collectivite):
        Attempt.objects.bulk_create(
            [
                Attempt(
                    collectivite=town.collectivite,
                    account=town.account,
                    product=town.product,
                    environment=town.account.environment,
                    reference=tokens.new_token(),
                    debt_reference=f"2026{index:08d}000001",
                    amount=Money(1_000 + index),
                    label="Cantine",
                    flow_digest=tokens.digest(tokens.new_token()),
                    handle_digest=tokens.digest(tokens.new_token()),
                    notification_digest=tokens.digest(tokens.new_token()),
                    created_at=MORNING - timedelta(seconds=index // 3),  # three at the same instant
                )
                for index in range(number)
            ]
        )


class TestList:
    def test_shows_each_payment_in_the_words_of_a_town_hall(self, nadia, town):
        cast.start(town)
        read = plain(nadia.get(LIST))
        for shown in ("24 novembre 2026 à 9 h 00", "…412-1", "125,50 €", "Avis des sommes à payer", "en cours"):
            assert shown in read

    def test_tells_what_is_announced_from_what_is_confirmed(self, nadia, town):
        announced, confirmed = cast.start(town).attempt, cast.start(town, amount=Money(200)).attempt
        tell(town, announced, paid_form(town, announced))
        hear(town, confirmed)
        assert "annoncé payé" in plain(nadia.get(f"{LIST}?etat=announced_paid"))
        assert "125,50" not in plain(nadia.get(f"{LIST}?etat=confirmed"))
        assert "2,00 €" in plain(nadia.get(f"{LIST}?etat=confirmed"))

    @pytest.mark.parametrize(("outcome", "shown"), [("R", "annoncé refusé"), ("A", "annoncé abandonné")])
    def test_shows_what_went_wrong(self, nadia, town, outcome, shown):
        attempt = cast.start(town).attempt
        tell(town, attempt, paid_form(town, attempt, outcome))
        assert shown in plain(nadia.get(LIST)).partition("Environnement production")[0]

    def test_shows_trials_apart(self, nadia, town):
        trial = cast.make_town(
            slug="essais", name="Essais", numcli="111111", agent="essais", origin="https://essais.example"
        )
        cast.start(trial)
        nadia.force_login(trial.agent)
        content = nadia.get("/essais/paiements/").content.decode()
        assert 'class="trial"' in content
        assert "1 essai, dans aucun total" in content
        assert "aucun paiement commencé" in plain(nadia.get("/essais/"))
        assert "Aucun paiement ici" in plain(nadia.get("/essais/paiements/?environnement=production"))

    def test_goes_on_page_after_page_and_forgets_nobody(self, nadia, town):
        attempts(town, 125)
        seen, address, pages_read = [], LIST, 0
        while address:
            content = nadia.get(address).content.decode()
            seen += re.findall(r"/saint-aubin/paiements/(\d+)/", content)
            following = re.findall(r'rel="next" href="([^"]+)"', content)
            address = following[0].replace("&amp;", "&") if following else ""
            pages_read += 1
        assert pages_read == 3
        assert len(seen) == len(set(seen)) == 125

    def test_keeps_its_filter_on_the_next_page(self, nadia, town):
        attempts(town, 60)
        content = nadia.get(f"{LIST}?etat=under_way").content.decode()
        following = re.findall(r'rel="next" href="([^"]+)"', content)[0]
        assert "etat=under_way" in following

    @pytest.mark.parametrize(
        "query",
        [
            "etat=nonsense",
            "environnement=nonsense",
            "etat=%00",
            "apres=nonsense",
            "apres=99999999999999999-1",
            "apres=0-999999999999999999",
            "apres=%00",
            "apres=1-1&apres=2-2",
            "etat[]=x",
            "apres=" + "9" * 5000,
        ],
    )
    def test_reads_odd_questions_calmly(self, nadia, town, query):
        cast.start(town)
        assert nadia.get(f"{LIST}?{query}").status_code == 200

    def test_asks_the_same_number_of_questions_however_long(self, nadia, town):
        attempts(town, 2)
        few = self.questions(nadia, LIST)
        attempts(town, 60)
        assert self.questions(nadia, LIST) == few <= 12

    def questions(self, client, address):
        client.get("/compte/")  # the first page of a session notes when it was opened
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len([one for one in captured if "SAVEPOINT" not in one["sql"]])


class TestDetail:
    def test_explains_where_it_stands_and_what_to_do(self, nadia, town):
        attempt = cast.start(town).attempt
        tell(town, attempt, paid_form(town, attempt), now=later(minutes=6))
        read = page_of(nadia, attempt)
        assert "PayFiP annonce ce paiement payé ; il n’est pas encore confirmé." in read
        assert "Ne demandez pas au payeur de payer une seconde fois" in read
        steps = [
            "Le payeur a vérifié son récapitulatif et confirmé",
            "Le payeur est parti sur PayFiP",
            "PayFiP annonce : payé",
        ]
        assert [read.index(step) for step in steps] == sorted(read.index(step) for step in steps)
        assert "aucune preuve : message non signé" in read
        assert "parle bien de ce paiement" in read

    def test_tells_a_proof_from_an_announcement(self, nadia, town):
        attempt = cast.start(town).attempt
        hear(town, attempt)
        read = page_of(nadia, attempt)
        assert "Ce paiement est confirmé." in read
        assert "preuve : fichier comptable" in read

    def test_tells_silence(self, nadia, town):
        attempt = cast.start(town).attempt
        with tenant(town.collectivite):
            presume_silent(town.collectivite.pk, attempt.pk, later(days=7))
        assert "Personne n’a parlé de ce paiement" in page_of(nadia, attempt)

    def test_says_what_does_not_fit(self, nadia, town):
        attempt = cast.start(town).attempt
        tell(town, attempt, paid_form(town, attempt, montant="99"))
        read = page_of(nadia, attempt)
        assert "ne correspond pas à ce paiement" in read
        assert "le montant" in read
        assert "en cours" in read

    def test_shows_the_payer_s_address_until_it_is_purged(self, nadia, town):
        attempt = cast.start(town).attempt
        assert MME_LEROY in page_of(nadia, attempt)
        with tenant(town.collectivite):
            Payer.objects.of(town.collectivite).delete()
        assert MME_LEROY not in page_of(nadia, attempt)

    def test_shows_the_raw_message_without_what_is_secret(self, nadia, town):
        attempt = cast.start(town).attempt
        other = "quelqu.un@example.net"
        tell(town, attempt, paid_form(town, attempt, mel=other, objet="Dette de M. Dupont"))
        read = page_of(nadia, attempt)
        assert "resultrans=P" in read
        assert "mel=••••••" in read
        assert "Dupont" not in read
        assert "quelqu.un" not in read

    def test_says_that_a_message_is_not_read_yet(self, nadia, town):
        attempt = cast.start(town).attempt
        deliver(town, attempt, paid_form(town, attempt))
        assert "1 message reçu n’est pas encore lu" in page_of(nadia, attempt)

    @pytest.mark.parametrize(
        "hostile",
        [
            b"<script>alert(1)</script>",
            b'a="><img src=x onerror=alert(1)>',
            b"\xff\xfe\x00</pre><b>",
            b"a={{ 7|add:7 }}",
        ],
    )
    def test_runs_nothing_of_what_was_received(self, nadia, town, hostile):
        attempt = cast.start(town).attempt
        tell(town, attempt, hostile)
        content = nadia.get(f"{LIST}{attempt.pk}/").content.decode()
        for active in ("<script>alert", "<img src=x", "</pre><b>", "\0"):
            assert active not in content
        assert "illisible" in content

    def test_shows_open_cases_with_what_to_do(self, nadia, town):
        attempt = cast.start(town).attempt
        hear(town, attempt)
        hear(town, attempt, notices.notice(town, attempt, Outcome.REFUSED), now=later(hours=1))
        read = page_of(nadia, attempt)
        assert "Message contraire après un paiement confirmé" in read
        assert "Demandez au comptable public" in read
        assert "1 anomalie à regarder" in plain(nadia.get("/saint-aubin/"))

    def test_says_what_differs_where_a_message_speaks_of_another_payment(self, nadia, town):
        attempt = cast.start(town).attempt
        tell(town, attempt, form(town, attempt, montant="1", numcli="012327", saisie="A"))
        for read in (page_of(nadia, attempt), plain(nadia.get("/saint-aubin/"))):
            assert "Message ou preuve d’un autre paiement" in read
            assert "(le numéro de client, le montant, le mode de saisie)" in read
            assert "ne prouve rien" in read

    def test_asks_the_same_number_of_questions_however_much_was_heard(self, nadia, town):
        attempt = cast.start(town).attempt
        few = TestList().questions(nadia, f"{LIST}{attempt.pk}/")
        for minute in range(8):
            tell(town, attempt, paid_form(town, attempt, heurtrans=f"10{minute:02d}"))
        assert abs(TestList().questions(nadia, f"{LIST}{attempt.pk}/") - few) == 0
        assert few <= 16

    @pytest.mark.parametrize("key", ["0", "999999999", str(2**63), "9" * 100, "9" * 5000])
    def test_is_not_there_for_odd_numbers(self, nadia, town, key):
        assert nadia.get(f"{LIST}{key}/").status_code == 404

    def test_is_in_english_under_en(self, nadia, town):
        attempt = cast.start(town).attempt
        content = nadia.get(f"/en{LIST}{attempt.pk}/").content.decode()
        assert 'lang="en"' in content
        assert "€125.50" in content
        assert f'href="{LIST}{attempt.pk}/" lang="fr"' in content


class TestDoor:
    PAGES = ("/", "/saint-aubin/", LIST, f"{LIST}1/", "/compte/", "/compte/application/")

    @pytest.mark.parametrize("page", PAGES)
    def test_leads_strangers_to_sign_in(self, bureau, town, page):
        answer = bureau.get(page)
        assert (answer.status_code, answer.url) == (302, f"/connexion/?next={page}")
        assert bureau.get(f"/en{page}").url == f"/en/connexion/?next=/en{page}"

    @pytest.mark.parametrize("slug", ["val-de-l-orne", "nulle-part", "x" * 500, "VAL-DE-L-ORNE", "connexions"])
    def test_says_the_same_of_another_town_as_of_none(self, nadia, town, slug):
        cast.make_next_town()
        answers = [nadia.get(f"/{slug}/{page}") for page in ("", "paiements/", "paiements/1/")]
        elsewhere = nadia.get("/nulle-part/ailleurs/")
        assert {answer.status_code for answer in answers} == {404}
        assert "Cette page n’existe pas" in plain(elsewhere)
        assert all("Val" not in plain(answer) for answer in answers)

    def test_shows_no_payment_of_another_town_under_our_name(self, nadia, town):
        next_town = cast.make_next_town()
        theirs = cast.start(next_town).attempt
        assert nadia.get(f"{LIST}{theirs.pk}/").status_code == 404
        assert f"/{theirs.pk}/" not in nadia.get(LIST).content.decode()

    @pytest.mark.parametrize("role", list(Role))
    def test_lets_every_role_of_the_town_look(self, bureau, town, role):
        user = User.objects.create_user(identifier="lea", email="lea@example.org")
        with tenant(town.collectivite):
            Membership.objects.create(collectivite=town.collectivite, user=user, role=role)
        bureau.force_login(user)
        assert bureau.get(LIST).status_code == 200

    def test_closes_as_soon_as_a_membership_ends(self, nadia, town):
        with tenant(town.collectivite):
            Membership.objects.of(town.collectivite).delete()
        assert nadia.get(LIST).status_code == 404

    @pytest.mark.parametrize("page", [LIST, "/saint-aubin/", "/"])
    def test_takes_nothing_in(self, nadia, town, page):
        assert nadia.post(page).status_code == 405

    @pytest.mark.parametrize("page", ["/saint-aubin/", LIST, "/compte/", "/nulle-part/", "/connexion/"])
    def test_is_framed_by_nobody_and_kept_by_no_cache(self, nadia, town, page):
        headers = nadia.get(page).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert "no-store" in headers["Cache-Control"]


class TestHome:
    def test_leads_to_the_only_town(self, nadia, town):
        assert nadia.get("/").url == "/saint-aubin/"

    def test_asks_which_town(self, nadia, town):
        next_town = cast.make_next_town()
        with tenant(next_town.collectivite):
            Membership.objects.create(collectivite=next_town.collectivite, user=town.agent, role=Role.AGENT)
        read = plain(nadia.get("/"))
        assert "Dans quelle collectivité travaillez-vous ?" in read
        assert "Saint-Aubin" in read
        assert "Val-de-l’Orne" in read

    def test_tells_whoever_works_nowhere(self, bureau, town):
        bureau.force_login(User.objects.create_user(identifier="lea", email="lea@example.org"))
        read = plain(bureau.get("/"))
        assert "n’est rattaché à aucune collectivité" in read
        assert "Saint-Aubin" not in read

    def test_shows_an_operator_the_towns_and_nothing_of_theirs(self, bureau, town):
        attempt = cast.start(town).attempt
        operator = User.objects.create_user(identifier="zoe", email="zoe@example.org", is_operator=True)
        bureau.force_login(operator)
        assert bureau.get("/").url == "/exploitation/"
        assert "Saint-Aubin" in plain(bureau.get("/exploitation/"))
        for page in ("/saint-aubin/", LIST, f"{LIST}{attempt.pk}/"):
            assert bureau.get(page).status_code == 404


class TestDashboard:
    def test_says_the_state_of_things_in_one_sentence(self, nadia, town):
        cast.start(town, now=later(days=-1))
        attempt = cast.start(town, amount=Money(300)).attempt
        tell(town, attempt, paid_form(town, attempt))
        read = plain(nadia.get("/saint-aubin/"))
        assert "Aujourd’hui, 1 paiement commencé ; 1 annoncé payé attend sa confirmation ; aucune anomalie." in read

    def test_counts_a_day_of_paris(self, nadia, town, monkeypatch):
        cast.start(town, now=later(hours=-9, minutes=-1))  # 23 h 59, the day before
        cast.start(town, now=later(hours=-9), amount=Money(300))  # midnight
        with tenant(town.collectivite):
            assert first_screen(collectivite=town.collectivite, now=MORNING).started_today == 1

    def test_lists_what_waits_for_a_person(self, nadia, town):
        with tenant(town.collectivite):
            open_case(
                collectivite_id=town.collectivite.pk,
                kind=Kind.STUCK_EFFECT,
                subject_kind="effect",
                subject_id=1,
                rule="test",
                facts={},
                now=MORNING,
            )
        assert "Traitement en échec répété" in plain(nadia.get("/saint-aubin/"))
