"""The file for a spreadsheet: who may take it, what it holds, and that no spreadsheet computes or guesses anything."""

import csv
import io
import os
import re
import shutil
import subprocess
from datetime import datetime
from decimal import Decimal

import openpyxl
import pytest
from allauth.account.internal.flows.login import record_authentication
from django.test import RequestFactory

from regal.audit.models import AuditEntry
from regal.backoffice import exports, pages
from regal.gateways.base import DebtKind, Environment
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.lib.vault import new_master_key
from regal.payments.models import Attempt
from regal.people.models import Membership, Role, User
from tests import cast, notices
from tests.cast import MME_LEROY, MORNING, PASSWORD, later

pytestmark = pytest.mark.django_db

EXPORT = "/saint-aubin/paiements/export/"
HOSTILE = [
    "=cmd|'/c calc'!A1",
    "+33 1 02 03 04 05",
    "-1",
    "@SUM(A1:A9)",
    "\t=1+1",
    "＝1+1",
    'dit "oui" ; puis\nnon',
    "L’été à Saint-Aubin\u00a0: 12\u00a0€",
]


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
    monkeypatch.setattr(pages, "clock", lambda: later(hours=1))
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SECRET_KEYS = f"k1:{new_master_key()}"


def enter(client, user, *, recently=True):
    """Signed in; a moment ago by his password, or long ago."""
    client.force_login(user)
    if recently:
        request = RequestFactory().get("/")
        request.session = client.session
        record_authentication(request, user, "password", reauthenticated=True)
        request.session.save()


@pytest.fixture
def nadia(bureau, town):
    """Régisseuse, who has just confirmed that it is she."""
    with tenant(town.collectivite):
        Membership.objects.of(town.collectivite).update(role=Role.REGISSEUR)
    enter(bureau, town.agent)
    return bureau


def take(client, kind="csv", **fields):
    answer = client.post(EXPORT, {"format": kind, **fields})
    assert answer.status_code == 200, answer.status_code
    return b"".join(answer.streaming_content)


def lines(content):
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


def sheets(content):
    return openpyxl.load_workbook(io.BytesIO(content))


def audits(town):
    with tenant(town.collectivite):
        return list(AuditEntry.objects.of(town.collectivite).filter(action="export_payments"))


class TestCsv:
    def test_says_each_payment_as_a_french_spreadsheet_reads_it(self, nadia, town):
        attempt = cast.start(town).attempt
        notices.hear(town, attempt, now=later(minutes=30))
        content = take(nadia)
        assert content.startswith(b"\xef\xbb\xbfDate et heure;Produit;")
        assert content.endswith(b"\r\n")
        header, row = lines(content)
        assert dict(zip(header, row, strict=True)) == {
            "Date et heure": "24/11/2026 09:00:00",
            "Produit": "Avis des sommes à payer",
            "Référence": "'2026-412-1",
            "Montant": "125,50",
            "État": "confirmé",
            "Annoncé le": "",
            "Confirmé le": "24/11/2026 09:30:00",
            "Jour comptable": "24/11/2026",
            "Environnement": "production",
            "Contrat": "'006382",
            "Preuve": "preuve\u00a0: fichier comptable",
            "Transaction": "",
        }

    def test_tells_what_is_announced_from_what_is_confirmed(self, nadia, town):
        attempt = cast.start(town).attempt
        notices.tell(town, attempt, notices.form(town, attempt, saisie="M"))
        row = lines(take(nadia))[1]
        assert row[4:8] == ["annoncé payé", "24/11/2026 09:05:00", "", ""]
        assert row[10] == "aucune preuve\u00a0: message non signé"

    def test_is_named_after_the_town_and_the_day(self, nadia, town):
        answer = nadia.post(EXPORT, {"format": "csv"})
        assert answer.headers["Content-Disposition"] == 'attachment; filename="paiements-saint-aubin-2026-11-24.csv"'
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert "no-store" in answer.headers["Cache-Control"]

    def test_holds_every_row_once_batch_after_batch(self, nadia, town, monkeypatch):
        monkeypatch.setattr(exports, "BATCH", 3)
        for number in range(10):
            cast.start(town, amount=Money(1_000 + number), now=later(minutes=-(number // 4)))
        rows = lines(take(nadia))[1:]
        assert sorted(row[3] for row in rows) == sorted(f"10,{number:02d}" for number in range(10))

    @pytest.mark.parametrize("text", HOSTILE)
    def test_holds_no_formula(self, nadia, town, text):
        row(town, label=text, reference=text)
        cells = lines(take(nadia))[1]
        assert cells[1] in (text, f"'{text}")
        assert cells[2] == f"'{text}"
        for cell in cells:
            assert cell.lstrip()[:1] not in set("=+-@\t\r＝＋－＠") or not cell


class TestWorkbook:
    def test_holds_days_numbers_and_texts_as_such(self, nadia, town):
        attempt = cast.start(town).attempt
        notices.hear(town, attempt, now=later(minutes=30))
        book = sheets(take(nadia, "xlsx"))
        header, cells = ([cell.value for cell in line] for line in book["Paiements"].iter_rows())
        assert dict(zip(header, cells, strict=True)) == {
            "Date et heure": datetime(2026, 11, 24, 9, 0),  # noqa: DTZ001 - a workbook knows no time zone
            "Produit": "Avis des sommes à payer",
            "Référence": "2026-412-1",
            "Montant": 125.5,
            "État": "confirmé",
            "Annoncé le": None,
            "Confirmé le": datetime(2026, 11, 24, 9, 30),  # noqa: DTZ001
            "Jour comptable": datetime(2026, 11, 24),  # noqa: DTZ001
            "Environnement": "production",
            "Contrat": "006382",
            "Preuve": "preuve\u00a0: fichier comptable",
            "Transaction": None,
        }
        sheet = book["Paiements"]
        assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:L2")
        assert [sheet.cell(2, column).number_format for column in (1, 4, 8)] == [
            "dd/mm/yyyy hh:mm:ss",
            "#,##0.00",
            "dd/mm/yyyy",
        ]

    @pytest.mark.parametrize("text", HOSTILE)
    def test_holds_no_formula_and_no_link(self, nadia, town, text):
        row(town, label=text, reference=text)
        sheet = sheets(take(nadia, "xlsx"))["Paiements"]
        assert [(sheet.cell(2, column).value, sheet.cell(2, column).data_type) for column in (2, 3)] == [
            (text, "s")
        ] * 2

    def test_says_its_filters_its_moment_and_its_totals(self, nadia, town):
        confirmed = cast.start(town, amount=Money(101)).attempt
        notices.hear(town, confirmed)
        announced = cast.start(town, amount=Money(9_999_999)).attempt
        notices.tell(town, announced, notices.form(town, announced, saisie="M"))
        cast.start(town, amount=Money(700))
        about = sheets(take(nadia, "xlsx", environnement="production", montant_max="99999,99"))["À propos"]
        told = {line[0]: line[1:] for line in about.iter_rows(values_only=True) if line[0]}
        assert told["Collectivité"][0] == "Saint-Aubin"
        assert told["Exporté le"][0] == "24 novembre 2026 à 10\u00a0h\u00a000"
        assert told["Environnement"][0] == "production"
        assert told["Confirmés"] == (1, 1.01)
        assert told["Annoncés payés, pas encore confirmés"] == (1, 99_999.99)
        assert told["Autres : aucun encaissement connu"] == (1, 7)
        assert told["Essais, dans aucun total"][0] == 0

    def test_refuses_more_rows_than_a_sheet_has(self, nadia, town, monkeypatch):
        monkeypatch.setattr(exports, "MOST_SHEET_ROWS", 1)
        cast.start(town)
        cast.start(town, amount=Money(200))
        answer = nadia.post(EXPORT, {"format": "xlsx"})
        assert answer.status_code == 422
        assert "R499" in answer.content.decode()
        assert audits(town) == []
        assert len(lines(take(nadia, "csv"))) == 3


class TestSelection:
    def test_holds_what_the_filters_mean(self, nadia, town):
        cast.start(town, amount=Money(200))
        cast.start(town, amount=Money(300))
        assert [one[3] for one in lines(take(nadia, montant="2"))[1:]] == ["2,00"]

    def test_never_mixes_tests_and_real_money(self, nadia, town):
        trial = cast.make_product(town, DebtKind.ORMC, slug="essai", numcli="700002")
        cast.start(town)
        cast.start(town, product=trial, debt_reference="2026EA001234", amount=Money(7_700))
        assert [one[3] for one in lines(take(nadia))[1:]] == ["125,50"]
        assert [(one[3], one[8]) for one in lines(take(nadia, environnement="test"))[1:]] == [("77,00", "test")]
        about = sheets(take(nadia, "xlsx", environnement="test"))["À propos"]
        told = {line[0]: line[1] for line in about.iter_rows(values_only=True) if line[0]}
        assert (told["Autres : aucun encaissement connu"], told["Essais, dans aucun total"]) == (0, 1)

    def test_is_refused_whole_when_a_filter_cannot_be_read(self, nadia, town):
        cast.start(town)
        answer = nadia.post(EXPORT, {"format": "csv", "montant": "beaucoup"})
        assert answer.status_code == 422
        assert "R422" in answer.content.decode()
        assert audits(town) == []

    @pytest.mark.parametrize("kind", ["", "pdf", "csv\0"])
    def test_is_refused_in_an_unknown_format(self, nadia, town, kind):
        assert nadia.post(EXPORT, {"format": kind}).status_code == 422

    def test_holds_no_address_unless_asked(self, nadia, town):
        cast.start(town)
        for kind in ("csv", "xlsx"):
            assert MME_LEROY not in str(read(kind, take(nadia, kind)))
            assert MME_LEROY in str(read(kind, take(nadia, kind, courriels="on")))

    def test_holds_nothing_of_the_next_town(self, nadia, town):
        cast.start(cast.make_next_town())
        assert lines(take(nadia))[1:] == []


def read(kind, content):
    """The cells of the first sheet."""
    if kind == "csv":
        return lines(content)
    return [list(line) for line in sheets(content)["Paiements"].iter_rows(values_only=True)]


def row(town, *, label="Cantine", reference="202600000412000001", cents=12_550):
    """What a base may hold, whoever wrote it: our own forms let no such reference through."""
    with tenant(town.collectivite):
        return Attempt.objects.create(
            collectivite=town.collectivite,
            account=town.account,
            product=town.product,
            environment=town.account.environment,
            reference=f"{label[:20]}{reference[:20]}"[:43],
            debt_reference=reference[:30],
            amount=Money(cents),
            label=label,
            flow_digest=f"f{label}{reference}"[:64],
            handle_digest=f"h{label}{reference}"[:64],
            notification_digest=f"n{label}{reference}"[:64],
            created_at=MORNING,
        )


class TestDoor:
    def test_is_closed_to_an_agent(self, bureau, town):
        enter(bureau, town.agent)
        assert bureau.post(EXPORT, {"format": "csv"}).status_code == 403
        assert "Un régisseur ou un administrateur" in bureau.get("/saint-aubin/paiements/").content.decode()

    def test_does_not_exist_for_a_stranger(self, bureau, town):
        stranger = User.objects.create_user(identifier="lea", email="lea@example.org", password=PASSWORD)
        enter(bureau, stranger)
        assert bureau.post(EXPORT, {"format": "csv"}).status_code == 404

    def test_does_not_exist_in_another_town(self, nadia, town):
        cast.make_next_town()
        answer = nadia.post("/val-de-l-orne/paiements/export/", {"format": "csv"})
        assert answer.status_code == 404

    def test_is_not_opened_by_a_link(self, nadia, town):
        assert nadia.get(EXPORT).status_code == 405

    def test_is_open_to_an_administrator(self, bureau, town):
        with tenant(town.collectivite):
            Membership.objects.of(town.collectivite).update(role=Role.ADMINISTRATOR)
        enter(bureau, town.agent)
        take(bureau)

    def test_asks_who_it_is_and_leads_back_to_the_list(self, nadia, town):
        enter(nadia, town.agent, recently=False)
        nadia.session.flush()
        nadia.force_login(town.agent)
        answer = nadia.post(EXPORT, {"format": "csv", "montant": "2", "etat": "confirmed"})
        assert answer.status_code == 303
        assert answer.url.startswith("/connexion/confirmation/?next=%2Fsaint-aubin%2Fpaiements%2F%3F")
        assert audits(town) == []
        page = nadia.get(answer.url)
        assert "demandez l’export de nouveau" in page.content.decode()
        back = nadia.post(
            "/connexion/confirmation/", {"password": PASSWORD, "next": page.context["redirect_field_value"]}
        )
        assert back.url == "/saint-aubin/paiements/?etat=confirmed&montant=2%2C00"
        take(nadia)


class TestAudit:
    def test_says_who_took_what(self, nadia, town):
        cast.start(town)
        take(nadia, "csv", montant="125,50", courriels="on", reference="2026-412-1")
        (entry,) = audits(town)
        assert (entry.actor_id, entry.subject) == (town.agent.pk, "csv")
        assert entry.after == {
            "rows": 1,
            "emails": True,
            "filters": {"montant": "125,50", "reference": "…12-1", "environnement": "production"},
        }

    def test_names_no_payer(self, nadia, town):
        cast.start(town)
        address = nadia.post("/saint-aubin/paiements/payeur/", {"courriel": MME_LEROY}).url
        take(nadia, "csv", payeur=address.partition("payeur=")[2])
        (entry,) = audits(town)
        assert entry.after["filters"]["payeur"] == "oui"
        assert "leroy" not in str(entry.after)


FRENCH = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N">
<prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>fr-FR</value></prop>
</item>
</oor:items>"""
SOFFICE = shutil.which("soffice")


@pytest.fixture
def libre_office(tmp_path):
    """`libre_office(name, content)`: what LibreOffice shows of the first sheet, cell by cell.

    Without it these tests are skipped, except in CI, where that is a failure.
    """
    if SOFFICE is None:
        if os.environ.get("CI"):
            pytest.fail("LibreOffice is missing: apt install libreoffice-calc")
        pytest.skip("LibreOffice is missing: apt install libreoffice-calc")

    profile = tmp_path / "profile"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(FRENCH, encoding="utf-8")

    def opened(name, content):
        (tmp_path / name).write_bytes(content)
        # UTF-8, `;` between cells, every cell read as a double click would (French), then written as it is shown.
        french = "59,34,76,1,,1036,false,true" if name.endswith(".csv") else ""
        options = [f"--infilter=CSV:{french}"] if french else []
        shown = "csv:Text - txt - csv (StarCalc):59,34,76,1,,0,false,true,false"
        subprocess.run(
            [
                SOFFICE,
                f"-env:UserInstallation=file://{profile}",
                "--headless",
                *options,
                "--convert-to",
                shown,
                "--outdir",
                tmp_path / "shown",
                tmp_path / name,
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        (written,) = (tmp_path / "shown").glob("*.csv")
        return lines(written.read_bytes())

    return opened


@pytest.mark.slow
class TestLibreOffice:
    """What an agent sees after a double click."""

    def fill(self, town):
        for number, text in enumerate(HOSTILE):
            row(town, label=text, reference=text if number % 2 else f"20260000{number:04d}000001")
        row(town, label="Le moins", cents=1)
        row(town, label="Le plus", reference="202612345678000012", cents=999_999_999)
        attempt = cast.start(town, debt_reference="202600000012000001").attempt
        notices.hear(town, attempt, now=later(minutes=30))

    def test_opens_the_csv_and_shows_what_was_written(self, nadia, town, libre_office):
        self.fill(town)
        content = take(nadia, "csv", courriels="on")
        shown = libre_office("paiements.csv", content)
        assert as_shown(shown) == as_shown(lines(content))
        assert shown[1][3] == "125,5"  # a number, which it shows in its own way

    def test_opens_the_workbook_and_shows_what_was_written(self, nadia, town, libre_office):
        self.fill(town)
        expected = [
            [without_apostrophe(cell) if number in (1, 2, 9, 11) else cell for number, cell in enumerate(line)]
            for line in lines(take(nadia, "csv", courriels="on"))
        ]
        shown = libre_office("paiements.xlsx", take(nadia, "xlsx", courriels="on"))
        assert as_shown(shown) == as_shown(expected)


def without_apostrophe(cell):
    return cell.removeprefix("'")


def as_shown(table):
    """Numbers by their value, texts by their characters, whatever ends their lines."""
    header, *rows = table
    return [header] + [
        [
            Decimal(re.sub(r"\s", "", cell).replace(",", ".")) if number == 3 else cell.replace("\r\n", "\n")
            for number, cell in enumerate(line)
        ]
        for line in rows
    ]
