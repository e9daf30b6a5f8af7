"""The bureau's page of a debt that the comptable collects: who collects it, what his files said, and no act of ours."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from regal.backoffice import files as file_pages
from regal.backoffice import pages
from regal.gateways.base import Environment
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.queries import paid_of
from regal.people.models import Role
from regal.titres import operations, refusals
from regal.titres.links import payment_link
from regal.titres.models import Direction, TitreEvent
from tests import cast, notices
from tests.cast import later
from tests.files import Paid, pes

pytestmark = pytest.mark.django_db

EVENING = later(hours=10)
ACTS = {"acte": "decision", "decision": "suspendre", "motif": "Une contestation", "vu": "2"}


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    monkeypatch.setattr(pages, "clock", lambda: EVENING)
    monkeypatch.setattr(file_pages, "clock", lambda: EVENING)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


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


@pytest.fixture
def titre(town):
    return cast.make_comptable_titre(town)


@pytest.fixture
def rose(bureau, town):
    """Its régisseuse, who may act."""
    bureau.force_login(cast.make_agent(town, "rose", Role.REGISSEUR))
    return bureau


def words(answer):
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", text.replace("\u00a0", " ").replace("\u202f", " "))


def address(titre):
    return f"/saint-aubin/factures/{titre.pk}/"


def confirm(rose, *told):
    """The régisseuse deposits a PES Retour that says this, looks at what it would do, and confirms it."""
    sent = {"fichier": SimpleUploadedFile("PES2R.xml", pes(told)), "compte": ""}
    where = rose.post("/saint-aubin/fichiers/", sent)["Location"]
    foretold = words(rose.get(where))
    rose.post(f"{where}confirmer/", {"du": "24/11/2026", "au": "24/11/2026"})
    notices.run_due(EVENING)
    return foretold, words(rose.get(where))


class TestItsPage:
    def test_says_who_collects_it_and_where_it_is_paid(self, rose, titre):
        page = words(rose.get(address(titre)))
        assert "le comptable public le paiement se fait hors régie" in page
        assert "Budget principal" in page
        assert "aucun PES Retour n’en a parlé" in page

    def test_gives_the_link_that_pays_it(self, rose, titre):
        assert payment_link(titre) in rose.get(address(titre)).content.decode()

    def test_offers_nothing_that_only_the_comptable_can_decide(self, rose, titre):
        page = rose.get(address(titre)).content.decode()
        assert 'value="decision"' not in page
        assert 'value="montant"' not in page
        assert "Le comptable seul décide de cette dette" in page

    def test_tells_what_each_file_said_and_leads_to_it(self, rose, titre):
        confirm(rose, Paid(reference=titre.reference, cents=2_550, origin="02", line="04"))
        page = words(rose.get(address(titre)))
        assert "Encaissement partiel par le comptable" in page
        assert "25,50 €" in page
        assert "Reste à payer 100,00 €" in page
        assert "Voir le fichier" in page

    def test_of_a_settled_one_says_so_and_gives_no_link(self, rose, titre):
        foretold, done = confirm(rose, Paid(reference=titre.reference, cents=12_550, origin="02"))
        assert "Titres de votre base qui changeront 1 × soldés" in foretold
        assert "Titres de votre base qui ont changé 1 × soldés" in done
        page = words(rose.get(address(titre)))
        assert "soldé chez le comptable" in page
        assert "Reste à payer 0,00 €" in page
        assert payment_link(titre) not in page

    def test_stays_a_regie_s_own_for_the_régie(self, rose, town):
        invoice = cast.make_titre(cast.make_canteen(town, environment=Environment.PRODUCTION))
        page = rose.get(address(invoice)).content.decode()
        assert 'value="decision"' in page
        assert "Qui encaisse" in page


class TestActs:
    def test_sent_all_the_same_are_refused_and_change_nothing(self, rose, titre):
        answer = rose.post(address(titre), ACTS)
        assert answer.status_code == 422
        assert "R280" in answer.content.decode()
        with tenant(titre.collectivite_id):
            assert TitreEvent.objects.filter(titre=titre).count() == 2

    @pytest.mark.parametrize("act", ["suspend", "resume", "cancel", "transfer", "write_off"])
    def test_of_every_kind_are_refused(self, town, titre, act):
        told = {"paid": paid_of} if act == "cancel" else {}
        if act == "resume":
            with tenant(town.collectivite):
                type(titre).objects.filter(pk=titre.pk).update(status="suspended")
        with pytest.raises(refusals.TheComptables):
            getattr(operations, act)(titre=titre, reason="Une contestation", now=EVENING, **told)

    def test_do_not_change_its_amount(self, titre):
        with pytest.raises(refusals.TheComptables):
            operations.adjust(
                titre=titre,
                direction=Direction.DECREASE,
                amount=Money(100),
                reason="Une erreur",
                paid=paid_of,
                now=EVENING,
            )


class TestSetting:
    FORM = "/saint-aubin/reglages/produits/"

    def test_turns_the_comparison_off_and_on(self, bureau, town):
        bureau.force_login(cast.make_agent(town, "paul", Role.ADMINISTRATOR))
        address = f"{self.FORM}{town.product.pk}/"
        page = bureau.get(address).content.decode()
        assert "Ne pas comparer avec la base importée" in page
        fields = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="(seen)"[^>]*value="([^"]*)"', page))
        sent = {"name": "Avis", "is_open": "on", "not_compared": "on", **fields}
        assert bureau.post(address, sent).status_code == 303
        with tenant(town.collectivite):
            town.product.refresh_from_db()
        assert town.product.compares_with_base is False
