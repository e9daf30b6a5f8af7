"""The night of Paybox: what was captured is collected, once, for each site and rank, and told in three files."""

import csv
import io
from datetime import UTC, datetime

import pytest

from regal_sandbox import Sandbox
from regal_sandbox.paybox_remises import next_night
from regal_sandbox.tests.cast import Control, Time
from regal_sandbox.tests.test_paybox_direct import Direct

TEST_SHOP, VALRIVE = "1999888-32-107904482", "2718281-01-314159265"
DAILY = (
    "RemittancePaybox;Bank;Site;Rank;ShopName;IdPaybox;Date;TransactionId;IdAppel;DateOfIssue;HourOfIssue;DateOfExpiry;"
    "Reference;EmailCustomer;Type;Canal;NumberOfAuthorization;Amount;Currency;Entity;Operator;Country;CountryIP;CardType;"
    "ThreeDSecureStatus;ThreeDSecureEnrolled;ThreeDSecureWarranted;RefArchive"
)
EXPORT = (
    "RemittancePaybox;Bank;Site;Rank;ShopName;IdPaybox;Date;TransactionId;IdAppel;DateOfIssue;HourOfIssue;DateOfExpiry;"
    "Reference;Origin;Type;Canal;NumberOfAuthorization;Amount;Currency;Entity;Operator;Country;CountryIP;Payment;"
    "ThreeDSecureStatus;ThreeDSecureInscription;ThreeDSecureWarranted;RefArchive;Status;PAN;IP;ErrorCode"
)
VISION = "Num. transaction;Référence commande;Montant;Date & Heure;Type de transaction;Statut de la transaction"


@pytest.fixture
def direct(sandbox: Sandbox) -> Direct:
    return Direct(sandbox.pages.test_client())


@pytest.fixture
def valrive(sandbox: Sandbox) -> Direct:
    fields = {"SITE": "2718281", "RANG": "01", "CLE": "VALRIVE42"}
    return Direct(sandbox.pages.test_client(), fields=fields)


def get(sandbox: Sandbox, **asked: str) -> str:
    answer = sandbox.control.test_client().get("/paybox/file", query_string=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/csv; charset=iso-8859-15"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    return bytes(answer.data).decode("iso-8859-15")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


class TestNight:
    @pytest.mark.parametrize(
        ("after", "night"),
        [
            (datetime(2026, 3, 16, 11, tzinfo=UTC), datetime(2026, 3, 17, 2, tzinfo=UTC)),
            (datetime(2026, 3, 17, 1, 59, tzinfo=UTC), datetime(2026, 3, 17, 2, tzinfo=UTC)),
            (datetime(2026, 3, 17, 2, 0, tzinfo=UTC), datetime(2026, 3, 18, 2, tzinfo=UTC)),
            (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 29, 1, tzinfo=UTC)),  # Paris loses an hour
        ],
    )
    def test_is_at_three_in_paris(self, after: datetime, night: datetime) -> None:
        assert next_night(after, hour=3) == night

    def test_closes_one_remise_for_each_site_and_rank(
        self, direct: Direct, valrive: Direct, control: Control, time: Time
    ) -> None:
        direct.pay(1000)
        direct.pay(2500)
        valrive.pay(700)
        assert control("GET", "/paybox/remises") == {"remises": []}
        time.pass_by(days=1)
        told = control("GET", "/paybox/remises")["remises"]
        assert [(one["site"], one["rank"], one["debits"], one["cents"]) for one in told] == [
            ("1999888", 32, 2, 3500),
            ("2718281", 1, 1, 700),
        ]
        assert {one["day"] for one in told} == {"2026-03-17"}
        assert len({one["number"] for one in told}) == 2
        time.pass_by(days=1)
        assert control("GET", "/paybox/remises")["remises"] == told

    def test_is_each_night_for_itself_even_if_nobody_looked(self, direct: Direct, control: Control, time: Time) -> None:
        direct.pay(1000)
        time.pass_by(hours=16)  # 4 in the morning
        with_second = Direct(direct.http, number=100)
        with_second.pay(2000)
        time.pass_by(days=9)
        days = [one["day"] for one in control("GET", "/paybox/remises")["remises"]]
        assert days == ["2026-03-17", "2026-03-18"]

    def test_leaves_what_was_not_captured(self, direct: Direct, control: Control, time: Time) -> None:
        direct.pay(type="00001")
        direct("00005", **direct.pay())
        time.pass_by(days=1)
        assert control("GET", "/paybox/remises") == {"remises": []}

    def test_counts_refunds_against_payments(self, direct: Direct, control: Control, time: Time) -> None:
        payment = direct.pay(5000)
        time.pass_by(days=1)
        direct("00014", MONTANT="1500", **payment)
        direct.pay(4000)
        time.pass_by(days=1)
        _, second = control("GET", "/paybox/remises")["remises"]
        assert (second["debit_cents"], second["credit_cents"], second["cents"]) == (4000, 1500, 2500)

    def test_passes_at_once_when_told(self, direct: Direct, control: Control) -> None:
        direct.pay(1000)
        told = control("POST", "/paybox/next-night")
        assert [one["cents"] for one in told["remises"]] == [1000]
        assert told["clock"]["offset_seconds"] == 86400

    def test_need_not_be_waited_for(self, direct: Direct, control: Control) -> None:
        payment = direct.pay(1000)
        [closed] = control("POST", "/paybox/remises")["remises"]
        assert closed["day"] == "2026-03-16"
        assert control("POST", "/paybox/remises") == {"remises": []}
        assert direct.status(payment) == ("Capturé", closed["number"])

    def test_passes_even_if_the_first_to_look_asks_for_nonsense(
        self, direct: Direct, control: Control, time: Time
    ) -> None:
        direct.pay(1000)
        time.pass_by(days=1)
        control("GET", "/paybox/file?file=autre", status=400)
        assert len(control("GET", "/paybox/remises")["remises"]) == 1

    def test_comes_when_the_account_says(self, direct: Direct, control: Control, time: Time) -> None:
        merchant = control("GET", f"/paybox/merchants/{TEST_SHOP}")
        for one in control("GET", "/paybox/merchants")["merchants"]:
            if (one["site"], one["rank"]) == ("1999888", 32):
                key = f"1999888-32-{one['identifier']}"
                control("PUT", f"/paybox/merchants/{key}", one | {"options": {"remise_hour": 23}})
        assert merchant["options"]["remise_hour"] == 3
        direct.pay()
        time.pass_by(hours=11)
        assert [one["day"] for one in control("GET", "/paybox/remises")["remises"]] == ["2026-03-16"]


class TestDailyFile:
    def test_has_28_columns_and_a_line_for_each_operation(
        self, sandbox: Sandbox, valrive: Direct, control: Control, time: Time
    ) -> None:
        payment = valrive.pay(4850, ARCHIVAGE="CANTINE3")
        given_back = valrive("00014", MONTANT="850", **payment)
        cancelled = valrive.pay(1200, reference="ANNULEE")
        valrive("00005", **cancelled)
        time.pass_by(days=1)
        [remise] = control("GET", "/paybox/remises")["remises"]
        text = get(sandbox, remise=remise["number"])
        assert text.splitlines()[0] == DAILY
        told = rows(text)
        assert [(one["Type"], one["Amount"], one["Reference"]) for one in told] == [
            ("DEB", "4850", "CANTINE-2026"),
            ("CRE", "850", "CANTINE-2026"),
            ("ANU", "1200", "ANNULEE"),
        ]
        first, second, _ = told
        assert first["RemittancePaybox"] == remise["number"]
        assert (first["Site"], first["Rank"], first["IdPaybox"]) == ("2718281", "001", "314159265")
        assert first["ShopName"] == "Régie de Valrive"
        assert (first["Date"], first["DateOfIssue"], first["HourOfIssue"]) == ("2026-03-17", "2026-03-16", "12:00:00")
        assert first["TransactionId"].zfill(10) == payment["NUMTRANS"]
        assert first["IdAppel"].zfill(10) == payment["NUMAPPEL"] == second["IdAppel"].zfill(10)
        assert second["TransactionId"].zfill(10) == given_back["NUMTRANS"]
        assert (first["DateOfExpiry"], first["CardType"], first["Currency"]) == ("1228", "CB", "978")
        assert (first["RefArchive"], first["Country"]) == ("CANTINE3", "FRA")

    def test_writes_dates_as_older_files_did_when_the_account_or_the_address_says_so(
        self, sandbox: Sandbox, valrive: Direct, control: Control
    ) -> None:
        valrive.pay()
        [remise] = control("POST", "/paybox/remises")["remises"]
        asked = {"remise": remise["number"]}
        assert rows(get(sandbox, **asked, dates="dd/mm/yyyy"))[0]["DateOfIssue"] == "16/03/2026"
        merchant = control("GET", f"/paybox/merchants/{VALRIVE}")
        control("PUT", f"/paybox/merchants/{VALRIVE}", merchant | {"options": {"file_dates": "dd/mm/yyyy"}})
        assert rows(get(sandbox, **asked))[0]["Date"] == "16/03/2026"

    def test_keeps_separators_and_quotes_of_a_reference_in_their_column(
        self, sandbox: Sandbox, valrive: Direct, control: Control
    ) -> None:
        valrive.pay(reference='A;"B" € œ')
        [remise] = control("POST", "/paybox/remises")["remises"]
        assert rows(get(sandbox, remise=remise["number"]))[0]["Reference"] == 'A;"B" € œ'

    def test_comes_by_mail_to_the_merchant(
        self, sandbox: Sandbox, valrive: Direct, control: Control, time: Time
    ) -> None:
        valrive.pay()
        time.pass_by(days=1)
        sandbox.deliver_due()
        [mail] = control("GET", "/mails?recipient=regie@valrive.exemple")["mails"]
        assert mail["subject"].startswith("Bac à sable – Paybox – remise ")
        [attachment] = control("GET", f"/mails/{mail['id']}")["attachments"]
        [remise] = control("GET", "/paybox/remises")["remises"]
        assert attachment["name"] == f"remise_2718281_001_{remise['number']}.csv"
        piece = sandbox.pages.test_client().get(f"/boite/{mail['id']}/piece/1")
        assert piece.data.decode("iso-8859-15") == get(sandbox, remise=remise["number"])


class TestExports:
    def test_of_the_back_office_have_32_columns_and_the_state_of_each(
        self, sandbox: Sandbox, valrive: Direct, time: Time
    ) -> None:
        valrive.pay(1000)
        time.pass_by(days=1)
        valrive("00005", **valrive.pay(2000))
        valrive.pay(3000)
        days = {"from": "2026-03-16", "to": "2026-03-17"}
        text = get(sandbox, file="export", site="2718281", rank="1", **days)
        assert text.splitlines()[0] == EXPORT
        told = rows(text)
        assert [(one["Amount"], one["Status"]) for one in told] == [
            ("1000", "Télécollecté"),
            ("2000", "Annulé"),
            ("3000", "En attente"),
        ]
        assert (told[0]["Type"], told[0]["PAN"], told[0]["ErrorCode"]) == ("Autorisation", "111122XXXXXX4444", "00000")
        assert len(rows(get(sandbox, file="export", site="2718281", rank="1", day="2026-03-16"))) == 1

    def test_of_vision_have_euros_with_a_comma(self, sandbox: Sandbox, valrive: Direct) -> None:
        payment = valrive.pay(4805)
        text = get(sandbox, file="vision", site="2718281", rank="1")
        number = int(payment["NUMTRANS"])
        assert text.splitlines() == [VISION, f"{number};CANTINE-2026;48,05;16/03/2026 12:00:00;Autorisation;Acceptée"]

    @pytest.mark.parametrize(
        ("asked", "status"),
        [
            ("", 400),
            ("file=autre&site=2718281&rank=1", 400),
            ("remise=7", 404),
            ("remise=x", 404),
            ("file=vision&site=2718281&rank=9", 404),
            ("file=vision&site=2718281&rank=x", 404),
            ("remise=1&dates=jj", 400),
        ],
    )
    def test_of_nobody_are_refused(self, control: Control, asked: str, status: int) -> None:
        control("GET", f"/paybox/file?{asked}", status=status)
