"""The base of invoices as a file: its columns, what neutralises formulas, who may take it, and how it comes back."""

import csv
import io
import zipfile
from datetime import UTC, datetime

import pytest

from regal.audit.models import AuditEntry
from regal.backoffice import pages, titre_exports
from regal.gateways.base import Environment
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.lib.vault import new_master_key
from regal.payments.queries import paid_of
from regal.people.models import Role
from regal.receipts.names import erase_names
from regal.titres import operations
from regal.titres.models import Debtor
from tests import cast
from tests.cast import MORNING, later

pytestmark = pytest.mark.django_db
EXPORT = "/saint-aubin/factures/export/"


@pytest.fixture(autouse=True)
def now(monkeypatch, settings):
    monkeypatch.setattr(pages, "clock", lambda: later(hours=1))
    settings.SECRET_KEYS = f"k1:{new_master_key()}"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def town():
    return cast.make_saint_aubin()


@pytest.fixture
def canteen(town):
    return cast.make_canteen(town, environment=Environment.PRODUCTION)


@pytest.fixture
def fresh(monkeypatch):
    """Whoever asks has just confirmed who he is."""
    monkeypatch.setattr(titre_exports, "did_recently_reauthenticate", lambda request: True)


@pytest.fixture
def paul(bureau, town):
    bureau.force_login(cast.make_agent(town, "paul", Role.REGISSEUR))
    return bureau


@pytest.fixture
def filed(town, canteen):
    """Two: one adjusted, whose debtor is told whole; one whose name would begin a formula."""
    titre = cast.reduce(cast.make_titre(canteen))
    with tenant(town.collectivite):
        Debtor.objects.filter(titre=titre).delete()
        Debtor.objects.create(
            collectivite=town.collectivite, titre=titre, name="Lœuillet ; Éloïse \"Lou\"", reference="000042",
            address=["1 bis rue de l’Église", "Bât. A"], postcode="01000", city="L’Haÿ", email="lou@example.org",
        )  # fmt: skip
    operations.record_titre(
        product=canteen, number="FC2026-000043", label="+ Cantine", debtor="=HYPERLINK(\"x\")", amount=Money(100),
        issued_on=MORNING.date(), now=MORNING,
    )  # fmt: skip
    return titre


def lines(answer):
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))


class TestCsv:
    def test_says_what_is_due_now_and_of_whom(self, paul, fresh, filed):
        told = {line["NUMERO"]: line for line in lines(paul.post(EXPORT, {"format": "csv"}))}["'FC2026000042"]
        assert told == told | {
            "EXERCICE": "2026", "CODE_PRODUIT": "'restaurant", "LIBELLE": "Cantine, octobre 2026",
            "REF_REDEVABLE": "'000042", "NOM": "Lœuillet ; Éloïse \"Lou\"", "ADRESSE1": "1 bis rue de l’Église",
            "ADRESSE2": "Bât. A", "ADRESSE3": "", "CP": "'01000", "VILLE": "L’Haÿ", "EMAIL": "lou@example.org",
            "MONTANT_TTC": "84,70", "EMIS": "84,70", "DU": "74,70", "PAYE": "0,00", "RESTE": "74,70",
            "DATE_EMISSION": "24/11/2026", "DATE_ECHEANCE": "", "TYPE": "FACTURE", "ETAT": "à payer",
        }  # fmt: skip

    def test_begins_no_formula(self, paul, fresh, filed):
        told = {line["NUMERO"]: line for line in lines(paul.post(EXPORT, {"format": "csv"}))}["'FC2026-000043"]
        assert told["NOM"] == '\'=HYPERLINK("x")'
        assert told["LIBELLE"] == "'+ Cantine"

    def test_holds_what_the_filters_mean(self, paul, fresh, filed):
        found = lines(paul.post(EXPORT, {"format": "csv", "recherche": "loeuillet"}))
        assert [line["NUMERO"] for line in found] == ["'FC2026000042"]
        assert lines(paul.post(EXPORT, {"format": "csv", "etat": "annulee"})) == []

    def test_says_since_when_a_name_is_erased(self, paul, town, fresh, filed, monkeypatch):
        with tenant(town.collectivite):
            filed.refresh_from_db()
        operations.cancel(titre=filed, reason="Doublon", paid=paid_of, now=later(hours=1))
        years_later = datetime(2037, 1, 2, 9, tzinfo=UTC)
        erase_names(
            collectivite=town.collectivite, debtor_years=10, quittance_years=10, payer_months=15, now=years_later
        )
        monkeypatch.setattr(pages, "clock", lambda: years_later)
        told = {line["NUMERO"]: line for line in lines(paul.post(EXPORT, {"format": "csv"}))}
        gone = told["'FC2026000042"]
        assert (gone["NOM"], gone["ADRESSE1"], gone["REF_REDEVABLE"]) == ("(nom effacé le 02/01/2037)", "", "")
        assert told["'FC2026-000043"]["NOM"] == '\'=HYPERLINK("x")'
        assert lines(paul.post(EXPORT, {"format": "csv", "recherche": "loeuillet"})) == []

    def test_forgets_nobody_from_batch_to_batch(self, paul, fresh, filed, canteen, monkeypatch):
        monkeypatch.setattr(titre_exports, "BATCH", 2)
        for place in range(5):
            cast.make_titre(canteen, reference=f"FC202600010{place}")
        assert len(lines(paul.post(EXPORT, {"format": "csv"}))) == 7


class TestWorkbook:
    def test_is_one_that_opens(self, paul, fresh, filed):
        content = b"".join(paul.post(EXPORT, {"format": "xlsx"}).streaming_content)
        book = zipfile.ZipFile(io.BytesIO(content))
        sheet, texts = book.read("xl/worksheets/sheet1.xml").decode(), ""
        assert "<f>" not in sheet  # no formula
        assert "=HYPERLINK" in sheet + texts


class TestWhoMay:
    def test_confirms_first_who_he_is(self, paul, filed):
        answer = paul.post(EXPORT, {"format": "csv"})
        assert answer.status_code == 303
        assert "reauthenticate" in answer.headers["Location"] or "confirm" in answer.headers["Location"]

    def test_is_a_regisseur_or_an_administrator(self, bureau, town, fresh, filed):
        bureau.force_login(town.agent)
        assert bureau.post(EXPORT, {"format": "csv"}).status_code == 403

    def test_is_told_in_the_log_without_what_was_searched(self, paul, fresh, filed, town):
        lines(paul.post(EXPORT, {"format": "csv", "recherche": "loeuillet"}))
        with tenant(town.collectivite):
            entry = AuditEntry.objects.of(town.collectivite).get(action="export_titres")
        assert entry.after["rows"] == 1
        assert "loeuillet" not in str(entry.after)

    def test_chooses_one_of_the_two_formats(self, paul, fresh, filed):
        assert paul.post(EXPORT, {"format": "ods"}).status_code == 422
