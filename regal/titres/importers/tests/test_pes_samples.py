"""Every XML sample of the project's dossier gives exactly what is written of it there."""

import io

import pytest

from regal.titres.importers.base import FiledDebtor, FileFormat, Nature, NotThisFile, Reduced
from regal.titres.importers.pes import open_pes, recognise_xml
from regal.titres.importers.places import said
from regal.titres.importers.tests.pes_files import ALLER, ORMC, codes, opened, read, sample
from regal.titres.models import DocumentKind


class TestTheRecetteAllerOfTheSamples:
    def test_has_seven_lines_and_nothing_wrong(self):
        lines = read(sample(ALLER))
        assert [line.number for line in lines] == [1, 2, 3, 4, 5, 6, 7]
        assert not any(line.is_wrong for line in lines)
        assert [codes(line) for line in lines] == [[], [], [], [], [], ["L230"], []]

    def test_says_which_file_it_is(self):
        head = opened(sample(ALLER)).head
        assert (head.format, head.encoding) == (FileFormat.PES_ALLER, "ISO-8859-1")
        assert (head.siret, head.budget, head.troubles) == ("21990042000015", "00", ())

    def test_412_is_a_debt_of_38_40_for_the_canteen_whose_attachment_is_ignored(self):
        first = read(sample(ALLER))[0]
        titre = first.titre
        assert said(first.place, 1) == "bordereau 57, pièce 412, ligne 1"
        assert (titre.nature, titre.number, titre.exercice, titre.line) == (Nature.DEBT, "412", 2026, 1)
        assert (titre.cents, titre.product, titre.label) == (38_40, "CANT", "CANTINE FÉVRIER 2026")
        assert (titre.batch, titre.issued_on.isoformat()) == ("57", "2026-03-12")
        assert titre.reference == "202600000412000001"
        assert titre.debtor == FiledDebtor(
            name="TESTARD HÉLOÏSE", reference="FAM004512", address=("12 RUE DE L'ÉCOLE",), postcode="99042",
            city="VALFICTIF",
        )  # fmt: skip

    def test_413_has_two_payable_lines_of_37_75_in_all(self):
        lines = [line for line in read(sample(ALLER)) if line.titre.number == "413"]
        assert [(line.titre.line, line.titre.cents) for line in lines] == [(1, 21_00), (2, 16_75)]
        assert {line.titre.debtor.name for line in lines} == {"L'EXEMPLE ANAÏS"}
        assert len({line.key for line in lines}) == 2

    def test_414_is_one_debt_with_a_main_debtor_and_one_jointly_liable(self):
        (line,) = [line for line in read(sample(ALLER)) if line.titre.number == "414"]
        assert line.titre.cents == 455_00
        assert line.titre.debtor.name == "FICTIF MARIUS"
        assert [other.name for other in line.titre.others] == ["FICTIF-MODÈLE JEANNE"]

    def test_415_is_a_firm_s_debt_of_120_with_its_vat(self):
        (line,) = [line for line in read(sample(ALLER)) if line.titre.number == "415"]
        assert line.titre.cents == 120_00
        assert line.titre.debtor.name == "SARL BOULANGERIE DU MODÈLE"

    def test_416_the_swimming_pool_s_month_is_not_payable(self):
        (line,) = [line for line in read(sample(ALLER)) if line.titre.number == "416"]
        assert (line.titre.nature, line.titre.cents, line.titre.regie) == (Nature.NOT_PAYABLE, 1250_30, "REG02")
        assert line.titre.debtor is None

    def test_18_reduces_titre_398_which_is_not_in_the_file(self):
        line = read(sample(ALLER))[-1]
        assert (line.titre.nature, line.titre.cents) == (Nature.REDUCTION, 12_00)
        assert line.titre.reduces == Reduced(2026, "398", 1)
        assert said(line.place, 1) == "bordereau 9, pièce 18, ligne 1"

    def test_the_payable_total_is_651_15(self):
        lines = read(sample(ALLER))
        assert sum(line.titre.cents for line in lines if line.titre.nature is Nature.DEBT) == 651_15


class TestTheOrmcOfTheSamples:
    def test_has_three_articles_of_rôle_3_on_budget_01(self):
        reader = opened(sample(ORMC))
        assert (reader.head.format, reader.head.budget) == (FileFormat.PES_ORMC, "01")
        titres = [line.titre for line in reader.lines()]
        assert [(titre.number, titre.cents) for titre in titres] == [
            ("202600001", 84_15), ("202600002", 95), ("202600003", 1312_40),
        ]  # fmt: skip
        assert {titre.document_kind for titre in titres} == {DocumentKind.ROLE}
        assert {(titre.period, titre.batch, titre.exercice, titre.line) for titre in titres} == {("1", "3", 2026, 1)}
        assert [titre.reference for titre in titres] == ["", "", ""]

    def test_both_keys_are_right_and_only_95_cents_deserves_a_warning(self):
        lines = read(sample(ORMC))
        assert [codes(line) for line in lines] == [[], ["L250"], []]
        assert said(lines[0].place, 1) == "rôle 3, article 1"

    def test_the_syndicate_has_its_siret(self):
        debtor = read(sample(ORMC))[-1].titre.debtor
        assert (debtor.name, debtor.siret) == ("SYNDICAT MIXTE DU VAL FICTIF", "25990077700014")


class TestTheOtherSamples:
    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("pes-recette-retour-exemple.xml", "F554"),
            ("helios-tipi-titres-exemple.xml", "F555"),
            ("helios-tipi-role-exemple.xml", "F555"),
        ],
    )
    def test_are_refused_by_what_they_are(self, name, code):
        for read_it in (recognise_xml, lambda stream: open_pes(stream, options={})):
            with pytest.raises(NotThisFile) as refused:
                read_it(io.BytesIO(sample(name)))
            assert refused.value.trouble.code == code
