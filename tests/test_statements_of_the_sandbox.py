"""The files that the sandbox makes, read by REGAL: two readings of the same facts that must agree."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from flask.testing import FlaskClient

import regal_sandbox
from regal.gateways.base import DebtKind
from regal.gateways.files import FileKind, NotThisFile, PaymentsFile
from regal.gateways.payfip_files import CsvOptions, read_file
from regal.lib.money import Money

NOON = datetime(2026, 3, 16, 11, 0, tzinfo=UTC)
DAY = date(2026, 3, 16)
TITRES, ROLES, REGIE = "006382", "022222", "033333"
SIRET = "21990042000015"
CONFIG = {
    "clients": [
        {"numcli": TITRES, "kind": "titre", "labels": ["TITRES", "SAINT AUBIN"], "phase": "active", "siret": SIRET},
        {"numcli": ROLES, "kind": "role", "phase": "active"},
        {"numcli": REGIE, "kind": "regie", "phase": "active"},
    ],
    "debts": [
        {"numcli": TITRES, "refdet": "202600000042000001", "montant": 12007, "taken_in_charge_on": "2026-03-10"},
        {"numcli": TITRES, "refdet": "202600000042000002", "montant": 800, "taken_in_charge_on": "2026-03-10"},
        {"numcli": ROLES, "refdet": "2026EA000012", "montant": 8415, "taken_in_charge_on": "2026-03-10"},
    ],
    "towns": [],
}


class Town:
    """A sandbox where payers pay, and its files."""

    def __init__(self) -> None:
        self.sandbox = regal_sandbox.create(config=CONFIG, clock=lambda: NOON, town_count=0)
        self.pages: FlaskClient = self.sandbox.pages.test_client()
        self.control: FlaskClient = self.sandbox.control.test_client()

    def pay(self, numcli: str, refdet: str, montant: int, saisie: str = "A") -> None:
        told = {
            "numcli": numcli,
            "refdet": refdet,
            "montant": str(montant),
            "mel": "leroy@exemple.fr",
            "saisie": saisie,
        }
        if numcli != REGIE:
            told["exer"] = refdet[:4]
        address = self.pages.get("/tpa/paiement.web", query_string=told).headers["Location"]
        for decision in ("continuer", "payer"):
            self.pages.post(address, data={"decision": decision})

    def set(self, **settings: object) -> None:
        assert self.control.put("/settings", json=settings).status_code == 200

    def content(self, numcli: str) -> bytes:
        answer = self.control.get(f"/statements/{numcli}")
        assert answer.status_code == 200
        return bytes(answer.data)

    def read(self, numcli: str, options: CsvOptions | None = None) -> PaymentsFile:
        return read_file(self.content(numcli), options=options)


@pytest.fixture
def town() -> Iterator[Town]:
    town = Town()
    yield town
    town.sandbox.close()


class TestReturnFlow:
    def test_of_titres_is_read(self, town):
        town.pay(TITRES, "202600000042000002", 800)
        town.pay(TITRES, "202600000042000001", 12007)
        file = town.read(TITRES)
        assert [(one.debt.kind, one.debt.reference, one.amount.cents, one.day) for one in file.payments] == [
            (DebtKind.TITRE, "202600000042000001", 12007, DAY),
            (DebtKind.TITRE, "202600000042000002", 800, DAY),
        ]
        assert (file.kind, file.siret, file.left_out) == (FileKind.PES_RETOUR, SIRET, 0)
        assert file.entity == "SGC DU BAC A SABLE, SAINT AUBIN, budget 00"
        assert (file.first_day, file.last_day, file.made_on) == (None, DAY, DAY)

    def test_of_roles_is_read(self, town):
        town.pay(ROLES, "2026EA000012", 8415)
        [payment] = town.read(ROLES).payments
        told = payment.debt
        assert (told.kind, told.exercice, told.code, told.period, told.number) == (
            DebtKind.ORMC,
            2026,
            "EA",
            "00",
            "12",
        )
        assert payment.amount == Money(8415)

    @pytest.mark.parametrize("numcli", [TITRES, ROLES])
    def test_of_a_day_without_payment_is_read(self, town, numcli):
        assert town.read(numcli).payments == ()


class TestRegisseursStatement:
    @pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
    @pytest.mark.parametrize("dates", ["JJ/MM/AAAA", "JJMMAAAA", "AAAA-MM-JJ"])
    @pytest.mark.parametrize("titles", [False, True])
    @pytest.mark.parametrize("amounts", ["euros", "cents"])
    def test_is_read_in_each_of_its_shapes(self, town, separator, dates, titles, amounts):
        town.set(
            statement_separator=separator,
            statement_dates=dates,
            statement_titles=titles,
            statement_amounts=amounts,
        )
        town.pay(REGIE, "FACT2026001", 1250)
        town.pay(REGIE, "000412", 100)
        file = town.read(REGIE, CsvOptions(amounts=amounts))
        assert [(one.debt.reference, one.amount.cents, one.day) for one in file.payments] == [
            ("FACT2026001", 1250, DAY),
            ("000412", 100, DAY),
        ]
        assert (file.kind, file.account_identifier) == (FileKind.REGISSEUR_CSV, REGIE)
        assert (file.first_day, file.last_day, file.made_on) == (DAY, DAY, DAY)

    def test_in_cents_is_refused_until_the_account_says_so(self, town):
        town.set(statement_amounts="cents")
        town.pay(REGIE, "FACT2026001", 1250)
        with pytest.raises(NotThisFile) as refused:
            town.read(REGIE)
        assert refused.value.code == "F437"

    def test_with_titles_may_have_any_columns(self, town):
        columns = ["saisie", "montant", "heure", "refdet", "numcli", "exer", "objet", "date", "numauto", "resultrans"]
        town.set(statement_columns=columns, statement_titles=True)
        town.pay(REGIE, "FACT2026001", 1250, saisie="X")
        [payment] = town.read(REGIE).payments
        assert (payment.debt.reference, payment.amount, payment.at) == ("FACT2026001", Money(1250), NOON)

    def test_without_titles_may_have_any_columns_that_the_account_knows(self, town):
        columns = ("refdet", "heure", "montant", "date", "resultrans")
        town.set(statement_columns=list(columns))
        town.pay(REGIE, "FACT2026001", 1250)
        with pytest.raises(NotThisFile) as refused:
            town.read(REGIE)
        assert refused.value.code == "F433"
        assert town.read(REGIE, CsvOptions(columns=columns)).total == Money(1250)

    @pytest.mark.parametrize(
        ("columns", "titles", "code"),
        [
            (["refdet", "montant"], True, "F444"),
            (["date", "refdet", "montant", "montant"], True, "F444"),
            (["refdet", "montant"], False, "F433"),
            (["heure"], True, "F433"),
            (["refdet", "date", "montant"], False, "F434"),
            (["date", "montant", "refdet"], False, "F436"),
        ],
    )
    def test_whose_columns_do_not_suit_is_refused(self, town, columns, titles, code):
        town.set(statement_columns=columns, statement_titles=titles)
        town.pay(REGIE, "FACT2026001", 1250)
        with pytest.raises(NotThisFile) as refused:
            town.read(REGIE)
        assert refused.value.code == code

    def test_of_a_day_without_payment_is_read(self, town):
        assert town.read(REGIE).payments == ()
