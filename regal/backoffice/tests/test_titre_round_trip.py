"""What we export comes back by the readers of imports as it left, whatever is in it."""

import io
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from regal.backoffice import titre_exports
from regal.backoffice.titre_exports import COLUMNS, Cell
from regal.lib.money import Money
from regal.titres.importers.opening import open_file, propose

USUAL: dict[str, Cell] = {
    "NUMERO": "000000412", "EXERCICE": 2026, "REGIE": "01", "CODE_PRODUIT": "restaurant",
    "LIBELLE": "Cantine, octobre 2026", "REF_REDEVABLE": "000042", "NOM": "Lœuillet Éloïse",
    "ADRESSE1": "1 bis rue de l’Église", "ADRESSE2": "Bât. A", "ADRESSE3": "", "ADRESSE4": "", "CP": "01000",
    "VILLE": "L’Haÿ", "EMAIL": "lou@example.org", "SIRET": "", "MONTANT_TTC": Money(1_234_50),
    "DATE_EMISSION": date(2026, 10, 5), "DATE_ECHEANCE": date(2026, 11, 30), "TYPE": "FACTURE", "BORDEREAU": "",
    "REFERENCE_PAIEMENT": "000000412", "EMIS": Money(1_300_00), "PAYE": Money(0), "RESTE": Money(1_234_50),
    "ETAT": "à payer",
}  # fmt: skip
ODD: list[dict[str, Cell]] = [
    {},
    {"NUMERO": "FC2026-000043", "NOM": '=HYPERLINK("x")', "LIBELLE": "+ Cantine"},
    {"NUMERO": "1E5", "NOM": '@Dupont ; « Lou » "x"', "LIBELLE": "-10 % ; fratrie", "REF_REDEVABLE": "1/2"},
    {"NUMERO": "2026-12-1", "NOM": "'Quote d’Arc", "CP": "2A004", "REF_REDEVABLE": "00E1"},
    {"NUMERO": "0000000000123456789012", "NOM": "L'Haÿ", "DATE_ECHEANCE": None, "EMAIL": "", "CP": ""},
    {"NUMERO": "7", "MONTANT_TTC": Money(15_00), "LIBELLE": "Eau, 1er semestre"},
]


def rows() -> Iterator[list[Cell]]:
    for changes in ODD:
        told = USUAL | changes
        yield [told[name] for name in COLUMNS]


def files() -> dict[str, bytes]:
    return {"csv": b"".join(titre_exports.csv_of(rows())), "xlsx": titre_exports.workbook_of(rows()).read()}


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
class TestRoundTrip:
    def read(self, kind: str) -> list[Any]:
        return list(open_file(io.BytesIO(files()[kind]), options={"numbers_without_zeros": "distinct"}).lines())

    def test_every_column_is_known_by_its_name(self, kind):
        known = set(propose(io.BytesIO(files()[kind]), options={}).meanings)
        assert {"number", "exercice", "product", "amount", "issued_on", "due_on", "name", "debtor_reference"} <= known

    def test_every_line_comes_back_as_it_left(self, kind):
        lines = self.read(kind)
        assert [line.titre for line in lines if line.is_wrong] == []
        assert len(lines) == len(ODD)
        for line, changes in zip(lines, ODD, strict=True):
            told, titre = USUAL | changes, line.titre
            assert titre.number == told["NUMERO"]
            assert titre.exercice == told["EXERCICE"]
            assert titre.product == told["CODE_PRODUIT"]
            assert titre.regie == told["REGIE"]
            assert titre.label == told["LIBELLE"]
            assert Money(titre.cents) == told["MONTANT_TTC"]
            assert (titre.issued_on, titre.due_on) == (told["DATE_EMISSION"], told["DATE_ECHEANCE"])
            assert titre.reference == told["REFERENCE_PAIEMENT"]
            who = titre.debtor
            assert (who.name, who.reference, who.email) == (told["NOM"], told["REF_REDEVABLE"], told["EMAIL"])
            assert (who.postcode, who.city) == (told["CP"], told["VILLE"])
            assert [one for one in who.address if one] == [told["ADRESSE1"], told["ADRESSE2"]]
