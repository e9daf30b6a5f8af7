"""The files that say what was paid: the régisseur's statement and the comptable's return flow."""

from datetime import UTC, date, datetime
from xml.etree import ElementTree

import pytest

from regal_sandbox import Sandbox
from regal_sandbox.statements import PES, asked_days
from regal_sandbox.tests.cast import NUMCLI, REFDET, Control, Payer, Time

REGIE = "033333"
TITRES = "006382"
ROLE = "022222"


def get(sandbox: Sandbox, numcli: str, **asked: str) -> bytes:
    answer = sandbox.control.test_client().get(f"/statements/{numcli}", query_string=asked)
    assert answer.status_code == 200, answer.text
    return bytes(answer.data)


def lines(content: bytes) -> list[list[str]]:
    return [line.split(";") for line in content.decode("iso-8859-1").splitlines()]


def pay_to_regie(payer: Payer, refdet: str, montant: str, saisie: str = "A") -> None:
    payer.pay(numcli=REGIE, exer=None, refdet=refdet, montant=montant, saisie=saisie)


def pay_titre(payer: Payer, **changed: str) -> None:
    payer.pay(**({"numcli": TITRES, "montant": "12000", "saisie": "A"} | changed))


class TestRegisseursStatement:
    def test_has_a_head_a_line_per_payment_and_a_foot(self, sandbox: Sandbox, payer: Payer) -> None:
        pay_to_regie(payer, "FACT2026001", "1250")
        pay_to_regie(payer, "FACT2026002", "100")
        assert lines(get(sandbox, REGIE)) == [
            ["EN-TETE", REGIE, "16/03/2026", "16/03/2026", "16/03/2026"],
            ["LIGNE", "16/03/2026", "FACT2026001", "12,50"],
            ["LIGNE", "16/03/2026", "FACT2026002", "1,00"],
            ["PIED-DE-PAGE", "2", "13,50"],
        ]

    def test_leaves_tests_refusals_and_other_clients_out(self, sandbox: Sandbox, payer: Payer) -> None:
        pay_to_regie(payer, "FACT2026001", "1250", saisie="T")
        payer.open(numcli=REGIE, exer=None, refdet="FACT2026002", saisie="A")
        payer.press("abandonner")
        pay_titre(payer)
        assert [line[0] for line in lines(get(sandbox, REGIE))] == ["EN-TETE", "PIED-DE-PAGE"]

    def test_has_activation_payments_unless_told(self, sandbox: Sandbox, payer: Payer, control: Control) -> None:
        pay_to_regie(payer, "FACT2026001", "1250", saisie="X")
        assert len(lines(get(sandbox, REGIE))) == 3
        control("PUT", "/settings", {"statement_has_activations": False})
        assert len(lines(get(sandbox, REGIE))) == 2

    def test_counts_days_as_paris_does(self, sandbox: Sandbox, payer: Payer, time: Time) -> None:
        time.now = datetime(2026, 3, 31, 21, 59, tzinfo=UTC)
        pay_to_regie(payer, "AVANTMINUIT", "1250")
        time.pass_by(minutes=1)
        pay_to_regie(payer, "APRESMINUIT", "1250")
        assert [line[2] for line in lines(get(sandbox, REGIE, day="2026-03-31"))[1:-1]] == ["AVANTMINUIT"]
        assert [line[2] for line in lines(get(sandbox, REGIE))[1:-1]] == ["APRESMINUIT"]
        several = {"from": "2026-03-31", "to": "2026-04-01"}
        assert [line[2] for line in lines(get(sandbox, REGIE, **several))[1:-1]] == ["AVANTMINUIT", "APRESMINUIT"]

    def test_takes_the_shape_that_the_settings_give(self, sandbox: Sandbox, payer: Payer, control: Control) -> None:
        pay_to_regie(payer, "FACT2026001", "1250")
        control(
            "PUT",
            "/settings",
            {
                "statement_separator": "|",
                "statement_columns": ["refdet", "montant", "date", "heure", "resultrans"],
                "statement_titles": True,
                "statement_dates": "JJMMAAAA",
                "statement_amounts": "cents",
            },
        )
        assert get(sandbox, REGIE).decode() == (
            f"EN-TETE|{REGIE}|16032026|16032026|16032026\r\n"
            "LIGNE|refdet|montant|date|heure|resultrans\r\n"
            "LIGNE|FACT2026001|1250|16032026|1200|P\r\n"
            "PIED-DE-PAGE|1|1250\r\n"
        )

    @pytest.mark.parametrize(
        "told",
        [
            {"statement_separator": "::"},
            {"statement_columns": []},
            {"statement_columns": ["mel"]},
            {"statement_columns": "date"},
            {"statement_dates": "MM/JJ/AAAA"},
            {"statement_amounts": "francs"},
        ],
    )
    def test_takes_no_other_shape(self, control: Control, told: object) -> None:
        control("PUT", "/settings", told, status=400)


class TestReturnFlow:
    def flow(self, sandbox: Sandbox, numcli: str = TITRES, **asked: str) -> ElementTree.Element:
        return ElementTree.fromstring(get(sandbox, numcli, **asked))  # noqa: S314 - ours

    def values(self, element: ElementTree.Element | None) -> dict[str, str]:
        assert element is not None
        return {child.tag: child.get("V", "") for child in element if not len(child)}

    def test_is_the_periodic_one_in_latin_1(self, sandbox: Sandbox) -> None:
        content = get(sandbox, TITRES)
        assert content.startswith(b"<?xml version='1.0' encoding='ISO-8859-1'?>")
        root = ElementTree.fromstring(content)  # noqa: S314
        assert root.tag == f"{{{PES}}}PES_Retour"
        assert self.values(root.find("Enveloppe/Parametres")) == {
            "Version": "2",
            "TypFic": "PES2R_RCE",
            "NomFic": "PES2R_RCE__P_382_00_099042_20260316_20260316_120000.xml",
        }
        assert self.values(root.find("PES_RecetteRetour/EnTeteRecette"))["TypRestit"] == "02"
        assert self.values(root.find("EnTetePES"))["LibelleColBud"] == "LA VILLE D A COTE"
        assert root.find("PES_RecetteRetour/Bordereau") is None

    def test_says_of_a_titre_that_it_was_paid_online(self, sandbox: Sandbox, payer: Payer) -> None:
        pay_titre(payer)
        [bordereau] = self.flow(sandbox).iter("Bordereau")
        assert self.values(bordereau.find("BlocBordereau")) == {"Exer": "2026", "IdBord": "1", "TypBord": "01"}
        piece = bordereau.find("Piece")
        assert piece is not None
        assert self.values(piece.find("BlocPiece")) == {
            "IdPce": "42",
            "TypPce": "01",
            "NatPce": "01",
            "Obj": "Cantine mars",
            "DtePcePec": "2026-03-10",
            "EtatPce": "02",
        }
        line = piece.find("LigneDePiece")
        assert line is not None
        assert self.values(line.find("BlocLignePiece/InfoLignePiece")) == {
            "IdLigne": "1",
            "EtatLigPce": "05",
            "MtHT": "120.00",
        }
        assert self.values(line.find("BlocLignePiece/InfoRecouvrement")) == {"NbrReco": "1", "MtRecoTot": "120.00"}
        assert self.values(line.find("EncaissementEmargement")) == {
            "OrgEma": "10",
            "DteReco": "2026-03-16",
            "MtReco": "120.00",
        }

    def test_puts_the_lines_of_a_titre_together(self, sandbox: Sandbox, payer: Payer, control: Control) -> None:
        second = REFDET[:-1] + "2"
        told = {"montant": 800, "taken_in_charge_on": "2026-03-10", "label": "Été <&> \uffff"}
        control("PUT", f"/debts/{TITRES}/{second}", told)
        pay_titre(payer, refdet=second, montant="800")
        pay_titre(payer)
        [piece] = self.flow(sandbox).iter("Piece")
        assert [line.get("V") for line in piece.iter("IdLigne")] == ["1", "2"]
        assert [one.get("V") for one in piece.iter("MtReco")] == ["120.00", "8.00"]

    def test_tells_a_debt_paid_twice_as_two_settlements_of_one_line(
        self, sandbox: Sandbox, payer: Payer, control: Control
    ) -> None:
        pay_titre(payer)
        debt = control("GET", f"/debts/{TITRES}/{REFDET}")
        control("PUT", f"/debts/{TITRES}/{REFDET}", debt | {"state": "due"})
        pay_titre(payer)
        [line] = self.flow(sandbox).iter("LigneDePiece")
        assert [one.get("V") for one in line.iter("NbrReco")] == ["2"]
        assert [one.get("V") for one in line.iter("MtRecoTot")] == ["240.00"]
        assert len(list(line.iter("EncaissementEmargement"))) == 2

    def test_says_of_a_role_its_debt_number_and_its_code(
        self, sandbox: Sandbox, payer: Payer, control: Control
    ) -> None:
        control("PUT", f"/debts/{ROLE}/2026EA0012", {"montant": 8415, "taken_in_charge_on": "2026-03-10"})
        payer.pay(numcli=ROLE, refdet="2026EA0012", montant="8415", saisie="A")
        [bordereau] = self.flow(sandbox, ROLE).iter("Bordereau")
        assert self.values(bordereau.find("BlocBordereau"))["TypBord"] == "06"
        told = self.values(bordereau.find("Piece/BlocPiece"))
        assert (told["TypPce"], told["NumDette"], told["Per"]) == ("15", "12", "00")
        line = bordereau.find("Piece/LigneDePiece/BlocLignePiece/InfoLignePiece")
        assert self.values(line)["CodProdLoc"] == "EA"

    def test_keeps_apart_two_roles_whose_numbers_differ_by_their_zeros(
        self, sandbox: Sandbox, payer: Payer, control: Control
    ) -> None:
        for refdet, montant in (("2026CA0001", 700), ("2026CA001", 800)):
            control("PUT", f"/debts/{ROLE}/{refdet}", {"montant": montant, "taken_in_charge_on": "2026-03-10"})
            payer.pay(numcli=ROLE, refdet=refdet, montant=str(montant), saisie="A")
        pieces = list(self.flow(sandbox, ROLE).iter("Piece"))
        assert [[one.get("V") for one in piece.iter("MtRecoTot")] for piece in pieces] == [["7.00"], ["8.00"]]

    def test_says_the_amount_of_the_debt_beside_that_of_each_payment(
        self, sandbox: Sandbox, payer: Payer, control: Control
    ) -> None:
        pay_titre(payer)
        debt = control("GET", f"/debts/{TITRES}/{REFDET}")
        control("PUT", f"/debts/{TITRES}/{REFDET}", debt | {"montant": 13000})
        [line] = self.flow(sandbox).iter("LigneDePiece")
        assert [one.get("V") for one in line.iter("MtHT")] == ["130.00"]
        assert [one.get("V") for one in line.iter("MtReco")] == ["120.00"]

    def test_has_what_was_paid_on_the_portal(self, sandbox: Sandbox, payer: Payer) -> None:
        typed = {"numcli": TITRES, "reference": "2026-00000042-000001", "montant": "120,00", "mel": "leroy@exemple.fr"}
        payer.address = payer.browser.post("/tpa/accueilportail.web", data=typed).headers["Location"]
        payer.press("continuer")
        payer.press("payer")
        assert [one.get("V") for one in self.flow(sandbox).iter("MtReco")] == ["120.00"]

    def test_leaves_tests_out(self, sandbox: Sandbox, payer: Payer) -> None:
        payer.pay()
        assert self.flow(sandbox, NUMCLI).find("PES_RecetteRetour/Bordereau") is None

    def test_bears_a_siret_that_passes_its_check(self, sandbox: Sandbox) -> None:
        siret = self.values(self.flow(sandbox).find("EnTetePES"))["IdColl"]
        doubled = [int(one) * (2 if place % 2 else 1) for place, one in enumerate(reversed(siret))]
        assert len(siret) == 14
        assert sum(one - 9 if one > 9 else one for one in doubled) % 10 == 0

    def test_bears_the_siret_of_a_client_that_has_one(self, sandbox: Sandbox, control: Control) -> None:
        client = control("GET", f"/clients/{TITRES}")
        control("PUT", f"/clients/{TITRES}", client | {"siret": "21990042000015"})
        assert self.values(self.flow(sandbox).find("EnTetePES"))["IdColl"] == "21990042000015"

    @pytest.mark.parametrize("siret", ["", "2199004200001", "2199004200001A", 21990042000015])
    def test_takes_no_siret_but_fourteen_digits(self, control: Control, siret: object) -> None:
        client = control("GET", f"/clients/{TITRES}")
        control("PUT", f"/clients/{TITRES}", client | {"siret": siret}, status=400)

    def test_forgets_what_was_paid_to_the_client_when_it_was_a_regie(
        self, sandbox: Sandbox, payer: Payer, control: Control
    ) -> None:
        pay_to_regie(payer, "FACT2026001", "1250")
        control("PUT", f"/clients/{REGIE}", {"kind": "titre", "phase": "active"})
        assert self.flow(sandbox, REGIE).find("PES_RecetteRetour/Bordereau") is None


class TestAsking:
    def test_gives_a_file_to_keep(self, sandbox: Sandbox) -> None:
        answer = sandbox.control.test_client().get(f"/statements/{REGIE}?day=2026-03-15")
        assert answer.headers["Content-Disposition"] == "attachment; filename=PAYFIP_033333_20260315_20260315.csv"

    @pytest.mark.parametrize(
        ("told", "days"),
        [
            ({}, (date(2026, 3, 16), date(2026, 3, 16))),
            ({"day": "2026-01-02"}, (date(2026, 1, 2), date(2026, 1, 2))),
            ({"from": "2026-01-02"}, (date(2026, 1, 2), date(2026, 3, 16))),
            ({"from": "2026-01-02", "to": "2026-01-05"}, (date(2026, 1, 2), date(2026, 1, 5))),
        ],
    )
    def test_is_about_a_day_or_several(self, told: dict[str, str], days: tuple[date, date]) -> None:
        assert asked_days(told, date(2026, 3, 16)) == days

    @pytest.mark.parametrize("asked", ["day=hier", "from=2026-02-01&to=2026-01-01", "from=1900-01-01"])
    def test_of_other_days_is_refused(self, control: Control, asked: str) -> None:
        control("GET", f"/statements/{REGIE}?{asked}", status=400)

    def test_of_an_unknown_client_finds_nothing(self, control: Control) -> None:
        control("GET", "/statements/999999", status=404)
