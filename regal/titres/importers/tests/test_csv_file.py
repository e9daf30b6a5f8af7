"""CSV files as programs and people write them: encodings, separators, headers, and what spoils a line."""

import io
import random
import re

import pytest
from django.utils import translation

from regal.collectivites import debt_words
from regal.collectivites.models import DebtWord
from regal.titres.importers.base import Nature, NotThisFile, Reduced
from regal.titres.importers.opening import open_file
from regal.titres.importers.table_words import TABLE_WORDS
from regal.titres.importers.tests.tables import (
    GOOD,
    HEADER,
    codes,
    csv_of,
    good,
    line_of,
    lines_of,
    refusal_of,
    titre_of,
)
from regal.titres.importers.troubles import sentence


def head_of(content: bytes, **options):
    return open_file(io.BytesIO(content), options=options).head


class TestEncodings:
    @pytest.mark.parametrize(
        ("encoding", "shown"),
        [
            ("utf-8", "UTF-8"),
            ("utf-8-sig", "UTF-8"),
            ("windows-1252", "Windows-1252"),
            ("utf-16", "UTF-16"),
        ],
    )
    def test_is_guessed_and_shown(self, encoding, shown):
        content = csv_of(HEADER, good(NOM="Lœuil-Ÿvon, 3 €"), encoding=encoding)

        assert head_of(content).encoding == shown
        assert titre_of(content).debtor.name == "Lœuil-Ÿvon, 3 €"

    def test_iso_8859_15_on_request(self):
        content = csv_of(HEADER, good(NOM="LŒUIL"), encoding="iso-8859-15")

        assert titre_of(content, encoding="iso-8859-15").debtor.name == "LŒUIL"
        assert head_of(content, encoding="iso-8859-15").encoding == "ISO-8859-15"

    def test_dos_code_page_on_request(self):
        content = csv_of(HEADER, good(NOM="HÉLOÏSE"), encoding="cp850")

        assert titre_of(content, encoding="cp850").debtor.name == "HÉLOÏSE"

    @pytest.mark.parametrize(
        ("declared", "real", "found"),
        [("utf-8", "windows-1252", "Windows-1252"), ("windows-1252", "utf-8", "UTF-8"), ("utf-16", "utf-8", "UTF-8")],
    )
    def test_that_is_not_the_declared_one_is_read_as_it_is_and_said(self, declared, real, found):
        content = csv_of(HEADER, good(NOM="HÉLOÏSE"), encoding=real)
        head = head_of(content, encoding=declared)

        assert head.encoding == found
        assert [trouble.code for trouble in head.troubles] == ["F540"]
        assert titre_of(content, encoding=declared).debtor.name == "HÉLOÏSE"

    def test_mixed_in_one_file_warns_on_the_spoilt_lines_alone(self):
        content = csv_of(HEADER, good(NOM="ZOÉ"), encoding="windows-1252")
        content += csv_of(good(NUMERO="000413", NOM="HÉLOÏSE"), encoding="utf-8")
        first, second = lines_of(content)

        assert codes(first) == []
        assert set(codes(second)) == {"L107"}

    def test_bytes_that_windows_1252_does_not_know_warn(self):
        content = csv_of(HEADER, good(NOM="É")).replace("É".encode(), b"\x81\xe9")

        assert set(codes(line_of(content))) == {"L107"}


class TestSeparators:
    @pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
    def test_is_found(self, separator):
        content = csv_of(HEADER, good(MONTANT_TTC="38.40"), separator=separator)

        assert head_of(content).separator == separator
        assert titre_of(content).cents == 3840

    def test_is_not_the_comma_of_the_amounts(self):
        content = csv_of(("NUMERO", "MONTANT", "ANNEE"), ("1", "38,40", "2026"), ("2", "1,05", "2026"))

        assert head_of(content).separator == ";"

    def test_is_told_by_a_first_line(self):
        content = b"sep=|\r\n" + csv_of(HEADER, GOOD, separator="|")

        assert head_of(content).separator == "|"
        assert line_of(content).number == 3

    def test_remembered_and_absent_is_found_again_and_said(self):
        content = csv_of(HEADER, GOOD, separator="\t")
        head = head_of(content, separator="|")

        assert head.separator == "\t"
        assert [trouble.code for trouble in head.troubles] == ["F546"]


class TestCells:
    def test_hold_separators_and_line_breaks_between_quotes(self):
        content = csv_of(HEADER, good(LIBELLE='"Cantine;\r\nfévrier"'), good(NUMERO="000413"))
        first, second = lines_of(content)

        assert first.titre.label == "Cantine; février"
        assert (first.number, second.number) == (2, 4)

    def test_of_empty_last_columns_and_lines_are_nothing(self):
        content = csv_of((*HEADER, "", ""), (*GOOD, "", ""), ("",) * 9, ("", ""), ("   ",))

        assert line_of(content).titre is not None

    def test_too_many_are_an_error_unless_empty(self):
        assert codes(line_of(csv_of(HEADER, (*GOOD, "", "")))) == []
        assert codes(line_of(csv_of(HEADER, (*GOOD, "de trop")))) == ["L102"]

    def test_of_optional_columns_may_be_missing_at_the_end(self):
        assert codes(line_of(csv_of(HEADER, GOOD[:-1]))) == []

    def test_quotes_out_of_place_spoil_their_line_alone(self):
        lines = lines_of(csv_of(HEADER, good(NOM='"Le Clos" bis'), good(NUMERO="000413")))

        assert [codes(line) for line in lines] == [["L100"], []]

    def test_a_quote_that_never_closes_refuses_the_file(self):
        rows = [good(NUMERO=f"{number:06}") for number in range(500)]

        assert refusal_of(csv_of(HEADER, good(NOM='"DURAND'), *rows)).code == "F525"
        assert refusal_of(csv_of(HEADER, good(NOM='"DURAND'), GOOD)).code == "F525"

    def test_characters_that_cannot_be_written_are_an_error(self):
        assert codes(line_of(csv_of(HEADER, good(NOM="DU\x00RAND")))) == ["L104"]
        assert codes(line_of(csv_of(HEADER, good(NOM="DU\u202eRAND")))) == ["L104"]

    def test_lose_what_cannot_be_seen(self):
        titre = titre_of(csv_of(HEADER, good(NUMERO="\ufeff000412", NOM="\u200bDU\u00a0\u00a0BOIS")))

        assert (titre.number, titre.debtor.name) == ("000412", "DU BOIS")

    @pytest.mark.parametrize("text", ["#REF!", "#N/A", "#VALEUR!", "########"])
    def test_that_show_a_spreadsheet_s_error_are_an_error(self, text):
        assert "L105" in codes(line_of(csv_of(HEADER, good(MONTANT_TTC=text))))

    @pytest.mark.parametrize("begin", ["=", "+", "-", "@"])
    def test_that_begin_a_formula_are_texts(self, begin):
        assert titre_of(csv_of(HEADER, good(NOM=f"{begin}1+1"))).debtor.name == f"{begin}1+1"
        assert titre_of(csv_of(HEADER, good(NOM=f"'{begin}1+1"))).debtor.name == f"{begin}1+1"  # from our own export

    def test_never_hold_a_card_number(self):
        card = "4111 1111 1111 1111"
        line = line_of(csv_of(HEADER, good(LIBELLE=f"carte {card}")))

        assert line.titre is None
        assert codes(line) == ["L103"]
        assert card not in repr(line)

    def test_a_card_number_in_place_of_an_amount_is_not_repeated(self):
        assert "4111" not in repr(line_of(csv_of(HEADER, good(MONTANT_TTC="4111111111111111"))))

    def test_too_long_are_cut_and_said(self):
        line = line_of(csv_of(HEADER, good(LIBELLE="é" * 200, NOM="N" * 200)))

        assert set(codes(line)) == {"L155", "L153"}
        assert (len(line.titre.label), len(line.titre.debtor.name)) == (100, 120)


class TestHeaders:
    def test_may_come_after_a_title(self):
        content = csv_of(("Factures de mars 2026",), ("",), HEADER, GOOD)

        assert line_of(content).number == 4
        assert [trouble.code for trouble in head_of(content).troubles] == ["F541"]

    def test_may_be_missing_columns_are_then_known_by_their_rank(self):
        columns = {"number": "1", "exercice": "2", "name": "4", "amount": "5"}
        line = line_of(csv_of(GOOD), columns=columns)

        assert line.number == 1
        assert (line.titre.number, line.titre.cents) == ("000412", 3840)
        assert codes(line_of(csv_of(GOOD), columns=columns, has_header=False)) == []

    def test_may_be_missing_what_is_certain_is_guessed(self):
        titre = titre_of(csv_of(GOOD))

        assert (titre.number, titre.cents, titre.exercice) == ("000412", 3840, 2026)

    def test_alone_is_refused(self):
        assert refusal_of(csv_of(HEADER)).code == "F527"

    def test_without_an_amount_is_refused_and_names_what_is_missing(self):
        trouble = refusal_of(csv_of(("NUMERO", "NOM", "EXERCICE"), ("1", "X", "2026")))

        assert (trouble.code, trouble.said["name"]) == ("F521", "amount")
        assert "« Montant »" in sentence(trouble)

    def test_without_a_column_that_the_source_remembers_is_refused_and_names_it(self):
        trouble = refusal_of(csv_of(HEADER, GOOD), columns={"number": "NUMERO", "amount": "RESTE_DU"})

        assert (trouble.code, trouble.where) == ("F522", "RESTE_DU")

    def test_with_two_columns_of_one_name_tells_them_apart(self):
        content = csv_of(("NUMERO", "EXERCICE", "MONTANT", "NOM", "NOM"), ("1", "2026", "20,00", "A", "B"))

        assert head_of(content).columns[3:] == ("NOM", "NOM (2)")
        assert titre_of(content).debtor.name == "A"

    def test_with_two_amounts_warns_of_the_one_it_reads(self):
        content = csv_of((*HEADER, "RESTE_DU"), (*GOOD, "10,00"))

        assert [trouble.code for trouble in head_of(content).troubles] == ["F543"]
        assert titre_of(content).cents == 3840

    def test_of_10_000_columns_is_refused(self):
        assert refusal_of(csv_of(HEADER + tuple(f"C{n}" for n in range(9_000)), GOOD)).code == "F523"
        assert refusal_of(csv_of(HEADER + tuple(f"C{n}" for n in range(10_000)), GOOD)).code in ("F523", "F524")

    def test_a_line_of_10_000_cells_is_an_error_of_that_line(self):
        assert codes(line_of(csv_of(HEADER, GOOD + ("x",) * 10_000))) == ["L102"]


class TestExercices:
    HEADER = ("NUMERO", "MONTANT", "DATE_EMISSION")

    def test_without_a_column_are_the_year_of_issue_and_it_is_said(self):
        content = csv_of(self.HEADER, ("1", "20,00", "12/03/2026"))

        assert titre_of(content).exercice == 2026
        assert [trouble.code for trouble in head_of(content).troubles] == ["F545"]

    def test_without_a_column_are_what_the_agent_says(self):
        content = csv_of(self.HEADER, ("1", "20,00", "08/01/2026"))

        assert titre_of(content, default_exercice=2025).exercice == 2025

    def test_that_nothing_tells_refuse_the_file(self):
        assert refusal_of(csv_of(("NUMERO", "MONTANT"), ("1", "20,00"))).code == "F544"

    def test_empty_in_one_line_are_an_error_of_that_line(self):
        assert codes(line_of(csv_of(HEADER, good(EXERCICE="")))) == ["L142"]

    def test_far_from_the_day_of_issue_warn(self):
        assert codes(line_of(csv_of(HEADER, good(EXERCICE="2024")))) == ["L141"]
        assert codes(line_of(csv_of(HEADER, good(EXERCICE="2025")))) == ["L141"]  # issued in March


class TestCreditNotes:
    HEADER = (*HEADER, "TYPE", "FACTURE_ORIGINE")

    def row(self, kind: str = "", reduces: str = "", **changed: str) -> bytes:
        return csv_of(self.HEADER, (*good(**changed), kind, reduces))

    @pytest.mark.parametrize("kind", ["A", "AVOIR", "avoir", "Réduction"])
    def test_are_told_by_their_type_whatever_the_sign(self, kind):
        for amount in ("12,00", "-12,00"):
            titre = titre_of(self.row(kind, "000398", MONTANT_TTC=amount))

            assert (titre.nature, titre.cents) == (Nature.REDUCTION, 12_00)
            assert titre.reduces == Reduced(2026, "000398")

    def test_are_told_by_a_negative_amount(self):
        assert titre_of(self.row("", "000398", MONTANT_TTC="-12,00")).nature is Nature.REDUCTION

    def test_with_the_type_of_an_invoice_warn(self):
        assert codes(line_of(self.row("F", "000398", MONTANT_TTC="-12,00"))) == ["L161"]

    @pytest.mark.parametrize(
        ("label", "reduced"),
        [
            ("Avoir sur facture 000398 (3 repas)", Reduced(2026, "000398")),
            ("Avoir facture n° 398", Reduced(2026, "398")),
            ("Annulation de la facture N°RS-000101", Reduced(2026, "RS-000101")),
            ("Avoir sur titre 412 de 2025", Reduced(2025, "412")),
            ("Avoir facture 412 (2025)", Reduced(2025, "412")),
        ],
    )
    def test_name_their_invoice_in_their_label(self, label, reduced):
        line = line_of(self.row("A", LIBELLE=label))

        assert line.titre.reduces == reduced
        assert codes(line) == ["L163"]

    @pytest.mark.parametrize(
        "label", ["Avoir", "Avoir sur factures 398 et 399", "Avoir facture 12 et facture 13", "3 repas"]
    )
    def test_that_name_none_or_two_are_an_error(self, label):
        assert codes(line_of(self.row("A", LIBELLE=label))) == ["L162"]

    @pytest.mark.parametrize("word", list(DebtWord))
    def test_are_mended_by_the_label_that_the_remedy_shows_in_every_language(self, word):
        for language in ("fr", "en"):
            with translation.override(language), debt_words.override(word):
                remedy = debt_words.said(TABLE_WORDS["L162"][1])
            (label,) = re.findall("Avoir sur .* 000398", remedy)
            assert titre_of(self.row("A", LIBELLE=label)).reduces == Reduced(2026, "000398")

    def test_name_no_invoice_in_labels_of_spaces_and_are_judged_all_the_same(self):
        spaces, signs = f"avis n{' ' * 3_900}x", "avis n. " * 480
        rows = [(*good(NUMERO=f"AV{n}", LIBELLE=label), "A", "") for n in range(50) for label in (spaces, signs)]

        assert all("L162" in codes(line) for line in lines_of(csv_of(self.HEADER, *rows)))  # a hundred, each in no time

    def test_of_a_type_that_nobody_knows_are_an_error(self):
        assert codes(line_of(self.row("Z"))) == ["L160"]

    def test_may_bear_the_number_of_an_invoice_of_the_same_file(self):
        content = csv_of(self.HEADER, (*GOOD, "F", ""), (*GOOD, "A", "000300"))

        assert [line.titre.nature for line in lines_of(content)] == [Nature.DEBT, Nature.REDUCTION]


class TestTheSameNumberTwice:
    def test_with_another_debtor_is_a_conflict(self):
        assert codes(lines_of(csv_of(HEADER, GOOD, good(NOM="AUTRE")))[1]) == ["L171"]

    def test_with_another_object_and_the_same_amount_is_a_conflict_not_a_duplicate(self):
        assert codes(lines_of(csv_of(HEADER, GOOD, good(LIBELLE="Garderie")))[1]) == ["L171"]

    def test_in_two_exercices_or_two_regies_is_two_debts(self):
        header, rows = (*HEADER, "REGIE"), [(*GOOD, "R1"), (*GOOD, "R2"), (*good(EXERCICE="2025"), "R1")]

        assert [bool(line.titre) for line in lines_of(csv_of(header, *rows))] == [True, True, True]

    def test_far_away_is_still_found(self):
        rows = [good(NUMERO=f"{number:07}") for number in range(1, 9_001)]
        lines = lines_of(csv_of(HEADER, *rows, rows[0], good(NUMERO="2")))

        assert [codes(line) for line in lines[-2:]] == [["L170"], ["L172"]]
        assert [line.troubles[0].said["line"] for line in lines[-2:]] == ["2", "3"]
        assert all(line.titre for line in lines[:-2])


class TestOneLinePerItem:
    def summed(self, *rows: tuple[str, ...]):
        return lines_of(csv_of(HEADER, *rows), sums_lines=True)

    def test_adds_up_the_items_of_one_number_to_the_cent(self):
        first, second, third = self.summed(
            good(LIBELLE="Cantine", MONTANT_TTC="10,10"),
            good(LIBELLE="Garderie", MONTANT_TTC="20,20"),
            good(LIBELLE="Étude", MONTANT_TTC="0,03"),
        )

        assert first.titre.cents == 3033
        assert first.titre.label == "Cantine et autres"
        assert [codes(second), codes(third)] == [["L175"], ["L175"]]
        assert (second.titre, third.titre) == (None, None)

    def test_in_whatever_order_they_come(self):
        rows = [good(NUMERO=f"{n:03}", MONTANT_TTC=f"{n},0{k}") for n in range(1, 100) for k in range(5)]
        random.Random(7).shuffle(rows)  # noqa: S311
        lines = self.summed(*rows)

        totals = {line.titre.number: line.titre.cents for line in lines if line.titre}
        assert totals == {f"{n:03}": 500 * n + 10 for n in range(1, 100)}
        assert len(lines) == 495

    def test_takes_a_negative_item_from_its_invoice(self):
        first, _second = self.summed(good(MONTANT_TTC="20,00"), good(MONTANT_TTC="-4,50"))

        assert (first.titre.nature, first.titre.cents) == (Nature.DEBT, 15_50)

    def test_that_come_to_nothing_are_left_out(self):
        first, _second = self.summed(good(MONTANT_TTC="20,00"), good(MONTANT_TTC="-20,00"))

        assert codes(first) == ["L119"]

    def test_that_come_to_less_than_nothing_are_a_credit_note(self):
        first, _second = self.summed(good(LIBELLE="Avoir facture 300"), good(MONTANT_TTC="-50,00"))

        assert (first.titre.nature, first.titre.cents) == (Nature.REDUCTION, 11_60)
        assert first.titre.reduces == Reduced(2026, "300")

    @pytest.mark.parametrize("changed", [{"NOM": "AUTRE"}, {"DATE_ECHEANCE": "30/04/2026"}])
    def test_of_two_debtors_or_two_due_dates_are_a_conflict_and_no_invoice(self, changed):
        first, second = self.summed(GOOD, good(**changed))

        assert [codes(first), codes(second)] == [["L174"], ["L173"]]
        assert (first.titre, second.titre) == (None, None)

    def test_of_which_one_cannot_be_read_make_no_invoice(self):
        lines = self.summed(GOOD, good(MONTANT_TTC="12,305"), good(MONTANT_TTC="1,00"), good(NUMERO="000500"))

        assert [codes(line) for line in lines] == [["L174"], ["L112"], ["L174"], []]
        assert [bool(line.titre) for line in lines] == [False, False, False, True]

    def test_do_not_mix_412_and_000412(self):
        first, second = self.summed(GOOD, good(NUMERO="412"))

        assert first.titre.cents == 3840
        assert codes(second) == ["L172"]

    def test_that_exceed_what_a_titre_can_be_are_refused(self):
        first, _second = self.summed(good(MONTANT_TTC="9999999,99"), good(MONTANT_TTC="0,01"))

        assert codes(first) == ["L115"]

    def test_without_the_option_are_conflicts_whose_remedy_names_it(self):
        lines = lines_of(csv_of(HEADER, GOOD, good(LIBELLE="Garderie", MONTANT_TTC="9,00")))

        assert codes(lines[1])[-1] == "L171"


class TestTotals:
    @pytest.mark.parametrize(
        "row",
        [
            ("TOTAL", "", "", "", "76,80", "", ""),
            ("", "", "", "Total général", "76,80", "", ""),
            ("", "", "Sous-total", "", "76,80", "", ""),
            ("Total :", "", "", "", "76,80"),
        ],
    )
    def test_are_left_out_with_a_notice(self, row):
        line = lines_of(csv_of(HEADER, GOOD, row))[-1]

        assert codes(line) == ["L180"]
        assert not line.is_wrong

    def test_a_debt_without_number_is_an_error_whatever_its_object(self):
        assert codes(line_of(csv_of(HEADER, good(NUMERO="", LIBELLE="Total des repas")))) == ["L130"]


class TestDebtors:
    HEADER = (*HEADER, "PRENOM", "EMAIL", "CP", "SIRET", "REF_REDEVABLE")

    def row(self, *more: str) -> bytes:
        return csv_of(self.HEADER, (*GOOD, *more))

    def test_keep_what_names_and_reaches_them(self):
        debtor = titre_of(self.row("ZOÉ", "Zoe@Exemple.INVALID", "02100", "21990042000015", "FAM0042")).debtor

        assert (debtor.name, debtor.email) == ("TESTARD ZOÉ", "Zoe@exemple.invalid")
        assert (debtor.postcode, debtor.siret, debtor.reference) == ("02100", "21990042000015", "FAM0042")

    def test_lose_an_address_or_a_siret_that_is_none_with_a_warning(self):
        line = line_of(self.row("", "zoe@@exemple", "2100", "123", "F" * 31))

        assert set(codes(line)) == {"L150", "L151", "L152", "L154"}
        assert line.titre.debtor.email == line.titre.debtor.siret == line.titre.debtor.reference == ""

    def test_without_name_warn(self):
        line = line_of(csv_of(HEADER, good(NOM="")))

        assert codes(line) == ["L156"]
        assert line.titre.debtor is None


class TestACutFile:
    def test_is_seen_where_its_last_line_is_short(self):
        content = csv_of(HEADER, GOOD, good(NUMERO="000413"))

        assert codes(lines_of(content[:-20])[-1]) == ["L108"]

    def test_warns_where_the_amount_is_last_and_may_be_cut(self):
        header, row = ("NUMERO", "EXERCICE", "MONTANT"), ("000412", "2026", "126")

        assert codes(line_of(csv_of(header, row, end="\n")[:-1])) == ["L106"]

    def test_is_whole_without_its_last_line_end(self):
        assert codes(line_of(csv_of(HEADER, GOOD)[:-2])) == []


class TestMemory:
    def test_a_line_without_end_is_refused_before_it_is_read(self):
        class Endless(io.RawIOBase):
            size, place = 900 * 1024 * 1024, 0

            def seek(self, offset, whence=0):
                self.place = offset if whence == 0 else self.size + offset
                return self.place

            def read(self, most=-1):
                assert 0 <= most <= 4 * 1024 * 1024
                got = min(most, self.size - self.place)
                self.place += got
                return b"x" * got

        with pytest.raises(NotThisFile) as caught:
            open_file(Endless(), options={})  # type: ignore[arg-type]  # as much of one as is read

        assert caught.value.trouble.code == "F524"
