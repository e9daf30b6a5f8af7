"""The pages of quittances: issue one, take its original and its duplicatas, list them, export them."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest

from regal.audit.models import AuditEntry
from regal.backoffice import pages, queries
from regal.backoffice import quittances as quittance_pages
from regal.collectivites.models import Regie
from regal.gateways.base import Environment
from regal.lib import tokens
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.lib.vault import new_master_key
from regal.payments.counter import record_receipt
from regal.payments.models import Attempt, Means, Settlement
from regal.payments.reversing import reverse
from regal.people.models import Role, User
from regal.receipts.models import Quittance, QuittanceDelivery
from regal.receipts.names import erase_names
from regal.receipts.quittances import issue
from tests import cast, notices
from tests.cast import MORNING, later

pytestmark = pytest.mark.django_db

LIST = "/saint-aubin/quittances/"


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    monkeypatch.setattr(pages, "clock", lambda: later(hours=1))
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return cast.make_canteen(town, environment=Environment.PRODUCTION)


@pytest.fixture
def paul(bureau, town):
    """Its régisseur, who may act."""
    bureau.force_login(cast.make_agent(town, "paul", Role.REGISSEUR))
    return bureau


@pytest.fixture
def nadia(bureau, town):
    """An agent, who may look."""
    bureau.force_login(town.agent)
    return bureau


def received(product, number=42, *, amount=8_470, means=Means.CASH, **told):
    titre = cast.make_titre(product, reference=f"FC2026{number:06d}", amount=Money(amount))
    receipt = record_receipt(
        titre=titre,
        means=means,
        amount=Money(amount),
        received_on=MORNING.date(),
        form_token=tokens.new_token(),
        now=MORNING,
        **told,
    )
    with tenant(titre.collectivite_id):
        return Settlement.objects.select_related("receipt").get(receipt=receipt)


def words(answer):
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", text.replace("\u00a0", " ").replace("\u202f", " "))


def page(settlement):
    return f"{LIST}encaissement/{settlement.pk}/"


class TestIssuing:
    def test_is_offered_with_what_it_will_state(self, paul, canteen):
        settlement = received(canteen)
        told = words(paul.get(page(settlement)))
        for said in ("Mme Leroy", "84,70 €", "Facture FC2026000042", "espèces", "24 novembre 2026", "Délivrer la"):
            assert said in told, said

    def test_gives_it_a_number_once_though_pressed_twice(self, paul, town, canteen):
        settlement = received(canteen)
        for _ in range(2):
            answer = paul.post(page(settlement))
            assert (answer.status_code, answer["Location"]) == (303, page(settlement))
        told = words(paul.get(page(settlement)))
        assert "Quittance n° 2026-000001" in told
        assert "Télécharger l’original" in told
        with tenant(town.collectivite):
            (there,) = Quittance.objects.all()
        assert (str(there.issued_by), there.issued_as) == ("paul", Role.REGISSEUR)

    def test_is_offered_on_the_pages_where_the_money_is(self, paul, town, canteen):
        settlement = received(canteen)
        titre = f"/saint-aubin/factures/{settlement.receipt.titre_id}/"
        for address in (titre, "/saint-aubin/encaissements/"):
            assert page(settlement) in paul.get(address).content.decode()
            assert "Délivrer une quittance" in words(paul.get(address))
        paul.post(page(settlement))
        for address in (titre, "/saint-aubin/encaissements/"):
            assert "Quittance n° 2026-000001" in words(paul.get(address))
        attempt = notices.pay(town, cast.make_titre(canteen, reference="FC2026000077"))
        with tenant(town.collectivite):
            online = Settlement.objects.get(attempt=attempt)
        payment = f"/saint-aubin/paiements/{attempt.pk}/"
        assert "Délivrer une quittance" in words(paul.get(payment))
        paul.post(page(online))
        assert "n° 2026-000002" in words(paul.get(payment))

    def test_is_not_shown_to_who_may_not(self, nadia, canteen):
        settlement = received(canteen)
        assert nadia.post(page(settlement)).status_code == 403
        assert "Délivrer la quittance" not in words(nadia.get(page(settlement)))
        for address in (f"/saint-aubin/factures/{settlement.receipt.titre_id}/", "/saint-aubin/encaissements/"):
            assert "Délivrer une quittance" not in words(nadia.get(address))

    def test_is_the_town_s_and_never_a_visiting_operator_s(self, bureau, town, canteen):
        settlement, taken = received(canteen), received(canteen, 43)
        attempt = notices.pay(town, cast.make_titre(canteen, reference="FC2026000077"))
        there = issue(settlement=taken, role=Role.REGISSEUR, now=MORNING)
        olga = User.objects.create_user(identifier="olga", email="olga@example.org", is_operator=True)
        bureau.force_login(olga)
        told = {"reason": "Paul a demandé de l’aide", "role": Role.ADMINISTRATOR}
        assert bureau.post("/exploitation/collectivites/saint-aubin/entrer/", told).status_code == 303
        assert "Délivrer la quittance" not in words(bureau.get(page(settlement)))
        assert "Télécharger" not in words(bureau.get(page(taken)))
        titre = f"/saint-aubin/factures/{settlement.receipt.titre_id}/"
        for address in (titre, "/saint-aubin/encaissements/", f"/saint-aubin/paiements/{attempt.pk}/"):
            assert "Délivrer une quittance" not in words(bureau.get(address))
        assert bureau.post(page(settlement)).status_code == 403
        assert bureau.post(f"{LIST}{there.pk}/pdf/").status_code == 403
        with tenant(town.collectivite):
            assert list(Quittance.objects.all()) == [there]
            assert not QuittanceDelivery.objects.exists()

    def test_says_why_there_will_be_none(self, paul, town, canteen):
        gone = cast.receive_and_reverse(cast.make_titre(canteen, reference="FC2026000050"))
        on_paper = received(canteen, 51, book_number="417")
        for settlement, code in ((gone, "R298"), (on_paper, "R299")):
            told = words(paul.get(page(settlement)))
            assert code in told
            assert "Aucune quittance pour cet encaissement" in told
            assert "Délivrer la quittance" not in told
            answer = paul.post(page(settlement))
            assert answer.status_code == 422
            assert code in words(answer)
            assert "Erreur :" in words(answer)

    def test_of_a_payment_hors_regie_is_not_offered(self, paul, town):
        attempt = cast.start(town).attempt
        notices.tell(town, attempt, notices.form(town, attempt))
        notices.hear(town, attempt)
        with tenant(town.collectivite):
            settlement = Settlement.objects.get(attempt=attempt)
        assert "Délivrer une quittance" not in words(paul.get(f"/saint-aubin/paiements/{attempt.pk}/"))
        assert "R295" in words(paul.get(page(settlement)))

    def test_of_nothing_leads_nowhere(self, paul):
        for number in (0, 999_999, 2**70):
            assert paul.get(f"{LIST}encaissement/{number}/").status_code == 404
            assert paul.post(f"{LIST}{number}/pdf/").status_code == 404


class TestTaking:
    def take(self, client, town):
        with tenant(town.collectivite):
            key = Quittance.objects.get().pk
        return client.post(f"{LIST}{key}/pdf/")

    def test_the_original_then_a_duplicata(self, paul, town, canteen):
        settlement = received(canteen)
        paul.post(page(settlement))
        first, second = self.take(paul, town), self.take(paul, town)
        assert first["Content-Type"] == second["Content-Type"] == "application/pdf"
        assert first["Content-Disposition"] == 'attachment; filename="quittance-2026-000001.pdf"'
        assert second["Content-Disposition"] == 'attachment; filename="quittance-2026-000001-duplicata.pdf"'
        assert first.content != second.content
        told = words(paul.get(page(settlement)))
        assert "Télécharger un duplicata" in told
        assert "original, 24 novembre 2026 à 10 h 00 paul" in told
        assert "duplicata, 24 novembre 2026" in told
        with tenant(town.collectivite):
            acts = list(AuditEntry.objects.filter(action__contains="quittance").order_by("pk"))
        assert [act.action for act in acts] == ["issue_quittance", "deliver_quittance", "copy_quittance"]
        assert "Leroy" not in str([act.after for act in acts])

    def test_is_for_who_may_act(self, nadia, town, canteen):
        issue(settlement=received(canteen), role=Role.REGISSEUR, now=MORNING)
        assert self.take(nadia, town).status_code == 403
        with tenant(town.collectivite):
            assert not QuittanceDelivery.objects.exists()

    def test_is_not_for_a_link(self, paul, town, canteen):
        settlement = received(canteen)
        issue(settlement=settlement, role=Role.REGISSEUR, now=MORNING)
        with tenant(town.collectivite):
            key = Quittance.objects.get().pk
        looked = paul.get(f"{LIST}{key}/pdf/")
        assert (looked.status_code, looked["Location"]) == (303, page(settlement))

    def test_says_that_the_money_is_gone(self, paul, town, canteen):
        settlement = received(canteen, means=Means.CHEQUE, bank="CIC", piece="12")
        paul.post(page(settlement))
        titre = f"/saint-aubin/factures/{settlement.receipt.titre_id}/"
        assert "annulée" not in words(paul.get(titre))
        reverse(settlement=settlement, cause="unpaid_cheque", reason="Revenu impayé", now=later(minutes=30))
        assert "Quittance n° 2026-000001 annulée" in words(paul.get(titre))
        told = words(paul.get(page(settlement)))
        assert "Annulée le 24 novembre 2026 à 9 h 30 par REGAL, chèque impayé" in told
        assert self.take(paul, town).status_code == 200


class TestList:
    @pytest.fixture
    def three(self, town, canteen):
        """Two of the canteen, one of them cancelled; one of the pool."""
        pool = cast.make_canteen(town, numcli="006384", slug="piscine", environment=Environment.PRODUCTION)
        settlements = [received(canteen, 1), received(canteen, 2, amount=1_000), received(pool, 3, amount=300)]
        for settlement in settlements:
            issue(settlement=settlement, role=Role.REGISSEUR, now=MORNING)
        reverse(settlement=settlements[0], cause="given_back", reason="Argent rendu", now=later(minutes=1))
        return pool

    def test_shows_every_number_and_what_counts(self, nadia, three):
        told = words(nadia.get(LIST))
        for said in (
            "2026-000001",
            "2026-000002",
            "13,00 € 2 quittances",
            "84,70 € 1 quittance",
            "Facture FC2026000001",
        ):
            assert said in told, said

    def test_goes_by_regie_year_number_and_state(self, nadia, town, three):
        with tenant(town.collectivite):
            key = Regie.objects.get(number="006384").pk
        of_the_pool = words(nadia.get(f"{LIST}?regie={key}&annee=2026"))
        assert "FC2026000003" in of_the_pool
        assert "FC2026000002" not in of_the_pool
        for typed in ("2", "000002", "2026-000002", "+2026-2+"):
            told = words(nadia.get(f"{LIST}?numero={typed}"))
            assert "FC2026000002" in told
            assert "FC2026000001" not in told
        assert "Aucune quittance." in words(nadia.get(f"{LIST}?numero=2025-000002"))
        assert "FC2026000001" not in words(nadia.get(f"{LIST}?etat=delivree"))
        assert "FC2026000001" in words(nadia.get(f"{LIST}?etat=annulee"))

    @pytest.mark.parametrize(
        "query",
        [
            "regie=999999",
            "annee=1515",
            "numero=abc",
            "numero=0",
            "numero=-2",
            "numero=%00",
            "numero=99999999999",
            "etat=x",
            "regie=%00",
        ],
    )
    def test_says_what_it_cannot_read(self, nadia, three, query):
        answer = nadia.get(f"{LIST}?{query}")
        assert answer.status_code == 200
        assert "Erreur :" in words(answer)

    def test_goes_page_by_page(self, nadia, canteen, monkeypatch):
        monkeypatch.setattr(queries, "PAGE_LENGTH", 2)
        for number in range(1, 6):
            issue(settlement=received(canteen, number), role=Role.REGISSEUR, now=later(seconds=number))
        seen, address = [], LIST
        while address:
            html = nadia.get(address).content.decode()
            seen += re.findall(r">(2026-\d{6})<", html)
            link = re.search(r'rel="next" href="([^"]+)"', html)
            address = link[1].replace("&amp;", "&") if link else ""
        assert seen == [f"2026-{number:06d}" for number in range(5, 0, -1)]

    def test_is_empty_where_there_is_none(self, nadia):
        assert "Aucune quittance." in words(nadia.get(LIST))


class TestExport:
    def rows(self, answer):
        text = b"".join(answer.streaming_content).decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text), delimiter=";"))

    @pytest.fixture
    def fresh(self, monkeypatch):
        monkeypatch.setattr(quittance_pages, "did_recently_reauthenticate", lambda request: True)

    def test_says_each_and_names_nobody(self, paul, town, canteen, fresh):
        settlement = received(canteen, means=Means.CHEQUE, bank="CIC", piece="12")
        issue(settlement=settlement, role=Role.REGISSEUR, now=MORNING)
        reverse(settlement=settlement, cause="unpaid_cheque", reason="Revenu impayé", now=later(minutes=1))
        (row,) = self.rows(paul.post(f"{LIST}export/", {"etat": "annulee"}))
        assert row == {
            "REGIE": "'006383",
            "NUMERO": "'2026-000001",
            "DATE_EMISSION": "24/11/2026 09:00:00",
            "DATE_PAIEMENT": "24/11/2026 09:00:00",
            "MONTANT": "84,70",
            "MOYEN": "chèque",
            "DETTES": "Facture FC2026000042",
            "ETAT": "annulée",
            "DATE_ANNULATION": "24/11/2026 09:01:00",
            "CAUSE": "chèque impayé",
        }
        with tenant(town.collectivite):
            assert AuditEntry.objects.get(action="export_quittances").after == {
                "rows": 1,
                "filters": {"etat": "annulee"},
            }

    def test_neutralises_a_formula(self, canteen):
        settlement = received(canteen)
        there = issue(settlement=settlement, role=Role.REGISSEUR, now=MORNING)
        there.parts = [{"name": "=1+1"}]
        assert "'=1+1" in quittance_pages._cells(there, None)

    def test_is_for_who_has_just_confirmed_who_he_is(self, paul, canteen):
        answer = paul.post(f"{LIST}export/", {})
        assert answer.status_code == 303
        assert "confirmation" in answer["Location"]

    def test_is_for_who_may_act(self, nadia):
        assert nadia.post(f"{LIST}export/", {}).status_code == 403

    def test_refuses_what_it_cannot_read(self, paul):
        assert paul.post(f"{LIST}export/", {"etat": "x"}).status_code == 422


class TestANameThatHadItsTime:
    """Ten years on: pages, search and PDF go on, and say since when nobody is named."""

    YEARS_LATER = datetime(2037, 1, 2, 9, tzinfo=UTC)
    SINCE = "nom effacé le 2 janvier 2037"

    @pytest.fixture
    def settlement(self, town, canteen, monkeypatch):
        settlement = received(canteen)
        issue(settlement=settlement, role=Role.REGISSEUR, now=MORNING)
        erase_names(
            collectivite=town.collectivite, debtor_years=10, quittance_years=10, payer_months=15, now=self.YEARS_LATER
        )
        monkeypatch.setattr(pages, "clock", lambda: self.YEARS_LATER)
        return settlement

    def test_is_told_on_the_quittance_and_its_pdf(self, paul, town, settlement):
        told = words(paul.get(page(settlement)))
        assert self.SINCE in told
        assert "Leroy" not in told
        with tenant(town.collectivite):
            there = Quittance.objects.get()
        for _copy in ("the original", "a duplicata"):
            assert paul.post(f"{LIST}{there.pk}/pdf/").content.startswith(b"%PDF")
        assert "FC2026" in words(paul.get(LIST)) or there.printed in words(paul.get(LIST))

    def test_is_told_on_the_invoice_and_in_its_story(self, paul, settlement):
        told = words(paul.get(f"/saint-aubin/factures/{settlement.receipt.titre_id}/"))
        assert self.SINCE in told
        assert "Nom effacé, son délai de conservation est passé" in told
        assert "Leroy" not in told

    def test_is_found_by_no_search(self, paul, settlement, settings):
        settings.SECRET_KEYS = f"k1:{new_master_key()}"
        where = f"/saint-aubin/factures/{settlement.receipt.titre_id}/"
        assert where in paul.get("/saint-aubin/factures/").content.decode()
        assert where not in paul.get("/saint-aubin/factures/?recherche=leroy").content.decode()

    def test_is_asked_for_by_no_notice(self, paul, settlement):
        where = f"/saint-aubin/factures/{settlement.receipt.titre_id}/"
        answer = paul.post(f"{where}avis.pdf")
        assert (answer.status_code, answer["Location"]) == (303, where)

    def test_is_an_act_of_nobody_in_the_journal(self, bureau, town, settlement):
        bureau.force_login(cast.make_agent(town, "zoe", Role.ADMINISTRATOR))
        assert "REGAL a effacé des noms ou des adresses" in words(bureau.get("/saint-aubin/reglages/journal/"))


def test_another_town_s_are_not_there(paul, town):
    elsewhere = cast.make_next_town()
    settlement = received(cast.make_canteen(elsewhere, numcli="006390", environment=Environment.PRODUCTION))
    there = issue(settlement=settlement, role=Role.REGISSEUR, now=MORNING)
    assert paul.get(page(settlement)).status_code == 404
    assert paul.post(page(settlement)).status_code == 404
    assert paul.post(f"{LIST}{there.pk}/pdf/").status_code == 404
    assert not Attempt.objects.exists()
