"""The pages of a file of remises: what it would do, what it did, and what the bank should credit."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from regal.backoffice import cases as case_pages
from regal.backoffice import files as pages
from regal.cases.models import Case, Kind
from regal.gateways.base import DebtKind, Environment
from regal.gateways.paybox_files.tests.tables import Line, remise
from regal.lib.tenancy import tenant
from regal.people.models import Role
from regal.reconciliation.models import DepositedFile
from tests import cast
from tests.cast import later
from tests.files import collected, leave_for_paybox
from tests.notices import run_due
from tests.sites import BureauClient

pytestmark = pytest.mark.django_db

FILES = "/saint-aubin/fichiers/"
NOW = later(days=1)
DAYS = {"du": "24/11/2026", "au": "24/11/2026"}


@pytest.fixture(autouse=True)
def now(monkeypatch):
    monkeypatch.setattr(pages, "clock", lambda: NOW)


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
def canteen(town):
    return cast.make_product(
        town,
        DebtKind.REGIE,
        slug="cantine",
        numcli="2718281-01-314159265",
        gateway="paybox",
        environment=Environment.PRODUCTION,
    )


@pytest.fixture
def regisseuse(town):
    client = BureauClient()
    client.force_login(cast.make_agent(town, "rose", Role.REGISSEUR))
    return client


def send(client, content, *, name="remise.csv"):
    return client.post(FILES, {"compte": "", "fichier": SimpleUploadedFile(name, content)})


def deposited(client, *lines):
    answer = send(client, remise(lines))
    assert answer.status_code == 303, plain(answer)
    return answer["Location"]


def confirmed(client, where):
    assert client.post(f"{where}confirmer/", DAYS).status_code == 303
    run_due(NOW)
    return plain(client.get(where))


def plain(answer):
    """What is read, spaces of every kind made plain."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


class TestADraft:
    def test_says_in_words_what_it_would_do(self, town, regisseuse, canteen):
        lost, wrong, twice = (leave_for_paybox(canteen) for _ in range(3))
        where = deposited(
            regisseuse,
            collected(lost),
            collected(wrong, cents=1),
            collected(twice),
            collected(twice, transaction="9000000001"),
            Line(reference="autre", transaction="9000000002"),
            Line(reference="autre", transaction="9000000003", type="CRE", cents=1_000),
            Line(reference="autre", transaction="9000000004", type="ANU"),
        )
        read = plain(regisseuse.get(where))
        assert (
            "2 paiements retrouvés, dont les messages n’étaient pas arrivés ;"
            " 1 paiement qui ne vient pas de vos pages ; 1 paiement d’un autre montant ;"
            " 1 paiement encaissé une seconde fois ; 1 remboursement ; 1 annulation."
        ) in read
        assert "7, dont 502,01 € de paiements" in read
        assert "2718281-01" in read
        assert "-10,00 €" in read

    def test_says_what_the_bank_should_credit_for_each_remise(self, regisseuse, canteen):
        where = deposited(
            regisseuse,
            Line(transaction="1"),
            Line(transaction="2", type="CRE", cents=2_550),
            Line(transaction="3", remittance="418", sent="26/11/2026", cents=900),
        )
        read = plain(regisseuse.get(where))
        assert "417 2718281-01 25 novembre 2026 1, pour 125,50 € 1, pour 25,50 € 100,00 €" in read
        assert "418 2718281-01 26 novembre 2026 1, pour 9,00 € – 9,00 €" in read

    def test_counts_the_lines_of_others_and_shows_none(self, regisseuse, canteen):
        where = deposited(regisseuse, Line(), Line(site="7654321", reference="SECRET", transaction="2"))
        read = plain(regisseuse.get(where))
        assert "1 d’autres contrats que les vôtres" in read
        assert "SECRET" not in read

    def test_shows_text_of_the_file_as_text(self, regisseuse, canteen):
        where = deposited(regisseuse, Line(reference="<script>alert(1)</script>"))
        assert b"<script>alert(1)" not in regisseuse.get(where).content

    def test_shows_no_address(self, regisseuse, canteen):
        where = deposited(regisseuse, Line(reference="x@exemple.fr"))
        assert b"@exemple.fr" not in regisseuse.get(where).content


class TestConfirming:
    def test_says_what_was_done(self, town, regisseuse, canteen):
        attempt = leave_for_paybox(canteen)
        read = confirmed(regisseuse, deposited(regisseuse, collected(attempt)))
        assert "1 paiement retrouvé, dont le message n’était pas arrivé." in read
        assert "retrouvé" in read
        assert "1, pour 125,50 € – 125,50 €" in read

    def test_opens_anomalies_that_say_what_the_file_says(self, monkeypatch, town, regisseuse, canteen):
        monkeypatch.setattr(case_pages, "clock", lambda: NOW, raising=False)
        attempt = leave_for_paybox(canteen)
        lines = [
            collected(attempt),
            collected(attempt, transaction="9000000001"),
            collected(attempt, transaction="9000000002", type="CRE", cents=1_000),
        ]
        confirmed(regisseuse, deposited(regisseuse, *lines))
        with tenant(town.collectivite):
            opened = {case.kind: case.pk for case in Case.objects.all()}
        assert set(opened) == {Kind.DOUBLE_PAYMENT, Kind.CONTRADICTION}
        twice = plain(regisseuse.get(f"/saint-aubin/anomalies/{opened[Kind.DOUBLE_PAYMENT]}/"))
        assert "125,50 €" in twice
        assert "9000000001" in twice
        back = plain(regisseuse.get(f"/saint-aubin/anomalies/{opened[Kind.CONTRADICTION]}/"))
        assert "Ce que dit le fichier remboursé" in back
        assert "10,00 €" in back

    def test_an_agent_may_look_and_no_more(self, town, regisseuse, canteen):
        where = deposited(regisseuse, Line())
        client = BureauClient()
        client.force_login(town.agent)
        assert client.get(where).status_code == 200
        assert client.post(f"{where}confirmer/", DAYS).status_code == 403


class TestRefused:
    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (remise([Line(site="7654321")]), "R416"),
            (remise([Line(type="XXX")]), "F507"),
            (remise([Line()])[:-40], "F504"),
            (b"Num. transaction;Statut de la transaction\r\n1;x\r\n", "F502"),
            (b"PK\x03\x04" + b"\x00" * 40, "F405"),
        ],
    )
    def test_says_what_it_is_and_keeps_nothing(self, town, regisseuse, canteen, content, code):
        answer = send(regisseuse, content)
        assert answer.status_code == 422
        assert f"({code})" in plain(answer)
        with tenant(town.collectivite):
            assert not DepositedFile.objects.exists()

    def test_without_a_contract_of_paybox_says_so(self, regisseuse):
        assert "(R415)" in plain(send(regisseuse, remise([Line()])))
