"""What we export comes back by the readers of imports as it left, whatever is in it."""

import io
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest

from regal.backoffice import titre_exports
from regal.backoffice.titre_exports import COLUMNS, Cell
from regal.backoffice.titre_queries import Selection
from regal.lib import paris
from regal.lib.money import Money
from regal.lib.tenancy import tenant
from regal.payments.counter import record_receipt
from regal.payments.models import Means
from regal.payments.queries import settled_titres, titres_being_paid
from regal.titres import imports
from regal.titres.importers.opening import open_file, propose
from regal.titres.models import Collector, Import, ImportSource, Titre
from tests import cast
from tests.cast import MORNING, Town, later

USUAL: dict[str, Cell] = {
    "NUMERO": "000000412", "EXERCICE": 2026, "REGIE": "01", "CODE_PRODUIT": "restaurant",
    "LIBELLE": "Cantine, octobre 2026", "REF_REDEVABLE": "000042", "NOM": "Lœuillet Éloïse",
    "ADRESSE1": "1 bis rue de l’Église", "ADRESSE2": "Bât. A", "ADRESSE3": "", "ADRESSE4": "", "CP": "01000",
    "VILLE": "L’Haÿ", "EMAIL": "lou@example.org", "SIRET": "", "MONTANT_TTC": Money(1_234_50),
    "DATE_EMISSION": date(2026, 10, 5), "DATE_ECHEANCE": date(2026, 11, 30), "TYPE": "FACTURE", "BORDEREAU": "",
    "REFERENCE_PAIEMENT": "000000412", "EMIS": Money(1_300_00), "DU": Money(1_200_00), "PAYE": Money(0),
    "RESTE": Money(1_234_50), "ETAT": "à payer",
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


class TestThroughTheBase:
    """What was exported changes nothing when it is imported again, whatever happened to an invoice."""

    FILE = "NUMERO;NOM;MONTANT;DATE_EMISSION;TYPE;FACTURE_REDUITE\n"

    @pytest.fixture
    def town(self, db: None) -> Town:
        return cast.make_saint_aubin()

    @pytest.fixture
    def source(self, town: Town) -> ImportSource:
        canteen = cast.make_canteen(town)
        canteen.partial_payment = True
        with tenant(town.collectivite):
            canteen.save(update_fields=["partial_payment"])
            return imports.add_source(
                collectivite=town.collectivite,
                name="Cantine",
                collector=Collector.REGIE,
                regie=canteen.account.regie,
                default_product=canteen,
                products={canteen.slug: canteen.pk},
                now=MORNING,
            )

    def read(self, source: ImportSource, content: bytes) -> Import:
        with tenant(source.collectivite_id):
            kept = imports.keep(source=source, name="x.csv", chunks=[content], now=MORNING, ask=False)
        asks: dict[str, Any] = {"settled": settled_titres, "paying": titres_being_paid}
        imports.read(source.collectivite_id, kept.pk, MORNING, None, open_file=open_file, **asks)
        with tenant(source.collectivite_id):
            return Import.objects.select_related("source", "collectivite").get(pk=kept.pk)

    def bring(self, source: ImportSource, *lines: str, now: datetime = MORNING) -> Import:
        read = self.read(source, (self.FILE + "\n".join(lines)).encode())
        with tenant(source.collectivite_id):
            imports.confirm(import_=read, only_valid=False, now=now)
            imports.write(source.collectivite_id, read.pk, now, settled=settled_titres, paying=titres_being_paid)
        return read

    def test_changes_nothing(self, source):
        numbers = [f"FC202600010{place}" for place in range(7)]
        self.bring(source, *[f"{number};Mme Leroy;100,00;05/10/2026;F;" for number in numbers])
        self.bring(source, f"{numbers[1]};Mme Leroy;90,00;05/10/2026;F;")
        self.bring(source, *[f"AV{place};Mme Leroy;20,00;05/10/2026;A;{numbers[place]}" for place in (2, 6)])
        self.bring(source, f"AV9;Mme Leroy;80,00;05/10/2026;A;{numbers[6]}")
        undone = self.bring(source, "FC2026000199;Mme Leroy;100,00;05/10/2026;F;", now=later(seconds=1))
        with tenant(source.collectivite_id):
            imports.undo(import_=undone, settled=settled_titres, paying=titres_being_paid, now=later(seconds=2))
            found = {one.number: one for one in Titre.objects.select_related("product", "collectivite")}
        cast.reduce(found[numbers[1]])
        cast.reduce(found[numbers[3]], 2_000)
        for place, cents in ((3, 8_000), (4, 10_000), (5, 4_000)):
            with tenant(source.collectivite_id):
                record_receipt(
                    titre=found[numbers[place]], means=Means.CASH, amount=Money(cents),
                    received_on=paris.today(MORNING), form_token=str(place) * 43, now=MORNING,
                )  # fmt: skip
        exported = titre_exports.rows(town=source.collectivite, selection=Selection(), now=later(minutes=1))
        again = self.read(source, b"".join(titre_exports.csv_of(exported)))
        assert (again.counts, again.state) == ({"unchanged": 7, "warnings": 0}, "proposed")
