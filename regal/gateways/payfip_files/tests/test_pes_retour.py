"""PES Retour Recette: which settlements are payments made through PayFiP, and of what."""

import time
import tracemalloc
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regal.gateways.base import DebtKind
from regal.gateways.files import FiledDebt, FileKind, NotThisFile, PaymentsFile
from regal.gateways.payfip_files import pes_retour, read_file, sentence_of
from regal.gateways.payfip_files.pes_retour import MAX_DEPTH
from regal.gateways.payfip_files.tests.flows import (
    NAMESPACE,
    article,
    bordereau,
    flow,
    line,
    paid,
    piece,
    settlement,
)
from regal.lib.money import Money

SAMPLE = Path(__file__).parent / "samples" / "pes-recette-retour.xml"


def amounts(file: PaymentsFile) -> list[int]:
    return [payment.amount.cents for payment in file.payments]


def code(content: bytes) -> str:
    with pytest.raises(NotThisFile) as refused:
        read_file(content)
    assert refused.value.code in sentence_of(refused.value)
    return refused.value.code


class TestSample:
    def test_tells_its_payment_made_online_and_no_other(self):
        file = read_file(SAMPLE.read_bytes())
        [payment] = file.payments
        assert (payment.number, payment.place, payment.amount, payment.day, payment.at) == (
            1,
            "titre 412, ligne 1",
            Money(3840),
            date(2026, 3, 24),
            None,
        )
        assert payment.debt == FiledDebt(kind=DebtKind.TITRE, reference="202600000412000001", exercice=2026)
        assert (file.kind, file.left_out, file.total) == (FileKind.PES_RETOUR, 1, Money(3840))

    def test_tells_whose_it_is_and_what_it_covers(self):
        file = read_file(SAMPLE.read_bytes())
        assert file.siret == "21990042000015"
        assert file.entity == "SGC DE FICTIVILLE, COMMUNE DE VALFICTIF, budget 00"
        assert (file.first_day, file.last_day, file.made_on) == (None, date(2026, 3, 31), date(2026, 4, 1))
        assert file.account_identifier is None
        assert file.digest == "f455ae61490af26e34d9c86582d59339a0a8ae55b86d6ebb03a422b2593cbf0d"


class TestPayment:
    def test_has_facts_for_the_evidence_and_nothing_of_the_payer(self):
        names = "<Tiers><InfoTiers><Nom V='LEROY'/></InfoTiers></Tiers>"
        [payment] = read_file(flow(bordereau(piece(line(settlement(), names, CodProdLoc="CANT"))))).payments
        assert payment.facts == {
            "origin": "pes_retour",
            "origin_code": "10",
            "amount_cents": "3840",
            "day": "2026-03-24",
            "debt_reference": "202600000412000001",
            "exercice": "2026",
        }
        assert "LEROY" not in repr(payment)
        assert "CANTINE" not in repr(payment)

    @pytest.mark.parametrize(
        ("text", "cents"),
        [
            ("38.40", 3840),
            ("38,4", 3840),
            ("38", 3800),
            ("0.01", 1),
            ("00038.40", 3840),
            ("999999999999.99", 10**14 - 1),
        ],
    )
    def test_is_exact_to_the_cent(self, text, cents):
        assert amounts(read_file(paid(settlement(text)))) == [cents]

    @pytest.mark.parametrize("text", ["", "38.405", "1 234.50", "1,234.50", "3.84E1", "38.40€", "x", "+38.40", "٣"])
    def test_of_an_unreadable_amount_refuses_the_whole_file(self, text):
        content = flow(
            bordereau(piece(line(settlement("1.00"))), piece(line(settlement(text)), number="413")), encoding="UTF-8"
        )
        with pytest.raises(NotThisFile) as refused:
            read_file(content)
        assert refused.value.code == "F426"
        assert "pièce 413, élément MtReco" in sentence_of(refused.value)

    @pytest.mark.parametrize("day", ["", "24/03/2026", "2026-02-31", "2026-3-24", "1026-03-24", "2026-W12-2"])
    def test_of_an_unreadable_day_refuses_the_whole_file(self, day):
        assert code(paid(settlement(day=day))) == "F426"

    @pytest.mark.parametrize("origin", ["01", "02", "03", "08", "11", "12", "1", "100", "", "x"])
    def test_made_otherwise_is_counted_aside_whatever_it_says(self, origin):
        file = read_file(paid(settlement(origin=origin, amount="?", day="?"), settlement()))
        assert (amounts(file), file.left_out) == ([3840], 1)

    def test_of_nothing_is_none(self):
        file = read_file(paid(settlement("0.00"), settlement()))
        assert (amounts(file), file.left_out) == ([3840], 1)

    def test_made_twice_is_two(self):
        file = read_file(paid(settlement(), settlement()))
        assert amounts(file) == [3840, 3840]
        assert [payment.number for payment in file.payments] == [1, 2]

    def test_is_found_beside_the_line_or_in_its_block(self):
        inside = f"<LigneDePiece><BlocLignePiece><InfoLignePiece><IdLigne V='1'/></InfoLignePiece>{settlement()}"
        assert amounts(read_file(flow(bordereau(piece(f"{inside}</BlocLignePiece></LigneDePiece>"))))) == [3840]

    @pytest.mark.parametrize("place", ["<Piece>{}</Piece>", "<Piece><BlocPiece>{}</BlocPiece></Piece>", "{}"])
    def test_that_stands_elsewhere_is_not_passed_over(self, place):
        assert code(flow(bordereau(place.format(settlement())))) == "F426"

    def test_says_where_it_stands_among_several(self):
        lines = line(settlement("21.00")), line(settlement("16.75"), number="2")
        file = read_file(flow(bordereau(piece(*lines), piece(line(settlement()), number="0000413"))))
        assert [payment.place for payment in file.payments] == [
            "titre 412, ligne 1",
            "titre 412, ligne 2",
            "titre 413, ligne 1",
        ]
        assert [payment.debt.reference for payment in file.payments] == [
            "202600000412000001",
            "202600000412000002",
            "202600000413000001",
        ]


class TestCancelledCollection:
    def test_leaves_its_line_to_a_person(self):
        lines = line(settlement(), settlement("-38.40")), line(settlement("5.00"), number="2")
        file = read_file(flow(bordereau(piece(*lines))))
        assert (amounts(file), file.left_out) == ([500], 2)

    def test_by_another_origin_does_too(self):
        file = read_file(paid(settlement(), settlement("-38.40", origin="11")))
        assert (amounts(file), file.left_out) == ([], 2)


class TestTitre:
    @pytest.mark.parametrize("number", ["123456789", "4711002401123"])
    def test_with_a_longer_number_than_payfip_knows_has_no_reference(self, number):
        [payment] = read_file(flow(bordereau(piece(line(settlement()), number=number)))).payments
        assert payment.debt == FiledDebt(kind=DebtKind.TITRE, exercice=2026, number=number)
        assert payment.debt.shown == f"2026-{number}"

    @pytest.mark.parametrize(
        ("content", "element"),
        [
            (flow(bordereau(piece(line(settlement()), number=""))), "IdPce"),
            (flow(bordereau(piece(line(settlement()), number="41A"))), "IdPce"),
            (flow(bordereau(piece(line(settlement(), number="")))), "IdLigne"),
            (flow(bordereau(piece(line(settlement())), exercice="26")), "Exer"),
            (flow(bordereau(piece(line(settlement())), type="")), "TypBord"),
            (flow(bordereau(piece(line(settlement())), type="99")), "TypBord"),
            (flow(f"<Bordereau>{piece(line(settlement()))}</Bordereau>"), "TypBord"),
            (flow(bordereau(f"<Piece>{line(settlement())}</Piece>")), "IdPce"),
            (flow(bordereau(piece(f"<LigneDePiece>{settlement()}</LigneDePiece>"))), "IdLigne"),
        ],
    )
    def test_that_does_not_say_which_it_is_refuses_the_whole_file(self, content, element):
        with pytest.raises(NotThisFile) as refused:
            read_file(content)
        assert (refused.value.code, refused.value.values["element"]) == ("F426", element)

    def test_does_not_inherit_the_number_of_the_one_before(self):
        assert code(flow(bordereau(piece(line(settlement())), f"<Piece>{line(settlement())}</Piece>"))) == "F426"

    def test_does_not_inherit_the_exercice_of_the_bordereau_before(self):
        assert code(flow(bordereau(), f"<Bordereau>{piece(line(settlement()))}</Bordereau>")) == "F426"

    def test_may_bear_codes_of_one_digit(self):
        content = flow(bordereau(piece(line(settlement()), type="1"), type="1"))
        assert amounts(read_file(content)) == [3840]


class TestRole:
    def test_is_told_by_exercice_number_code_and_period(self):
        content = flow(bordereau(article(line(settlement("84.15"), CodProdLoc="EA"), number="0000012"), type="06"))
        [payment] = read_file(content).payments
        assert payment.debt == FiledDebt(kind=DebtKind.ORMC, exercice=2026, number="12", code="EA", period="1")
        assert payment.place == "rôle, dette 12"
        assert payment.debt.shown == "2026-EA-1-12"
        assert payment.facts == {
            "origin": "pes_retour",
            "origin_code": "10",
            "amount_cents": "8415",
            "day": "2026-03-24",
            "exercice": "2026",
            "number": "12",
            "code": "EA",
            "period": "1",
        }

    @pytest.mark.parametrize(("type", "bord"), [("15", "01"), ("08", "01"), ("01", "06")])
    def test_is_known_by_its_piece_or_its_bordereau(self, type, bord):
        [payment] = read_file(flow(bordereau(piece(line(settlement()), type=type), type=bord))).payments
        assert (payment.debt.kind, payment.debt.number) == (DebtKind.ORMC, "412")

    def test_without_code_or_period_says_neither(self):
        [payment] = read_file(flow(bordereau(article(line(settlement()), period=""), type="06"))).payments
        assert (payment.debt.code, payment.debt.period) == (None, None)

    def test_paid_once_settles_all_its_lines(self):
        lines = line(settlement("50.00"), CodProdLoc="EA"), line(settlement("34.15"), number="2", CodProdLoc="EA")
        [payment] = read_file(flow(bordereau(article(*lines), type="06"))).payments
        assert (payment.amount, payment.debt.code) == (Money(8415), "EA")

    def test_whose_lines_bear_several_codes_has_none(self):
        lines = line(settlement("50.00"), CodProdLoc="EA"), line(settlement("34.15"), number="2", CodProdLoc="AS")
        [payment] = read_file(flow(bordereau(article(*lines), type="06"))).payments
        assert (payment.amount, payment.debt.code) == (Money(8415), None)

    def test_paid_on_two_days_was_paid_twice(self):
        lines = line(settlement("50.00"), settlement("50.00", "2026-03-25")), line(settlement("34.15"), number="2")
        file = read_file(flow(bordereau(article(*lines), type="06")))
        assert [(one.amount.cents, one.day.day) for one in file.payments] == [(8415, 24), (5000, 25)]

    def test_paid_twice_in_a_day_has_two_payments(self):
        first = line(settlement("50.00"), settlement("50.00"))
        second = line(settlement("34.15"), settlement("34.15"), number="2")
        assert amounts(read_file(flow(bordereau(article(first, second), type="06")))) == [8415, 8415]

    def test_whose_settlements_cannot_be_paired_keeps_them_apart(self):
        first, second = line(settlement("50.00"), settlement("50.00")), line(settlement("34.15"), number="2")
        assert amounts(read_file(flow(bordereau(article(first, second), type="06")))) == [5000, 5000, 3415]

    def test_is_never_added_to_another_article(self):
        articles = article(line(settlement("7.00"))), article(line(settlement("8.00")))
        assert amounts(read_file(flow(bordereau(*articles, type="06")))) == [700, 800]


class TestWhatIsNoPayment:
    @pytest.mark.parametrize(
        "what",
        [
            bordereau(piece(line(settlement()), EtatPce="04")),
            bordereau(piece(line(settlement(), EtatLigPce="01"))),
            bordereau(piece(line(settlement()), type="13"), type="05"),
            bordereau(piece(line(settlement()), type="13")),
            bordereau(piece(line(settlement())), type="02"),
            bordereau(piece(line(settlement())), type="03"),
            bordereau(piece(line(settlement())), type="04"),
            bordereau(piece(line(settlement())), type="07"),
        ],
    )
    def test_is_counted_aside(self, what):
        file = read_file(flow(bordereau(), what))
        assert (amounts(file), file.left_out) == ([], 1)

    def test_a_rejected_line_leaves_the_others(self):
        lines = line(settlement(), EtatLigPce="01"), line(settlement("5.00"), number="2")
        file = read_file(flow(bordereau(piece(*lines))))
        assert (amounts(file), file.left_out) == ([500], 1)

    def test_a_titre_cancelled_since_was_paid_all_the_same(self):
        content = paid(settlement()).replace(b'<EtatPce V="02"/>', b'<EtatPce V="05"/>')
        assert amounts(read_file(content)) == [3840]

    def test_a_period_without_payment_is_a_file(self):
        file = read_file(flow())
        assert (file.payments, file.left_out, file.last_day) == ((), 0, date(2026, 3, 31))


class TestHead:
    @pytest.mark.parametrize("siret", ["", "2199004200001", "2199004200001X", "219900420000150"])
    def test_must_say_of_which_budget(self, siret):
        assert code(flow(IdColl=siret)) == "F425"

    @pytest.mark.parametrize("day", ["", "hier", "2026-02-30"])
    def test_must_say_when_it_was_made(self, day):
        assert code(flow(DteStr=day)) == "F425"

    @pytest.mark.parametrize("name", ["export.xml", "", "PES2R_RCE__P_047_00_099042_20269931_20260401_1.xml"])
    def test_without_situation_covers_up_to_the_day_it_was_made(self, name):
        assert read_file(flow(name=name)).last_day == date(2026, 4, 1)

    def test_never_covers_a_day_to_come(self):
        content = flow(name="PES2R_RCE__P_047_00_099042_20991231_20260401_093012.xml")
        assert read_file(content).last_day == date(2026, 4, 1)

    def test_without_labels_is_readable(self):
        assert read_file(flow(LibellePoste="", LibelleColBud="", CodBud="")).entity == ""

    def test_has_labels_of_bounded_length_on_one_line(self):
        entity = read_file(flow(LibellePoste="A" * 500, LibelleColBud="B&#10;B")).entity
        assert entity == f"{'A' * 80}, B B, budget 00"


class TestEncoding:
    @pytest.mark.parametrize("encoding", ["ISO-8859-1", "ISO-8859-15", "UTF-8", "windows-1252", "iso-8859-1"])
    def test_is_the_one_declared(self, encoding):
        assert "CRÉTEIL" in read_file(flow(encoding=encoding, LibellePoste="SGC DE CRÉTEIL")).entity

    def test_may_begin_with_a_byte_order_mark(self):
        assert read_file(b"\xef\xbb\xbf" + flow(encoding="UTF-8")).siret

    @pytest.mark.parametrize("encoding", ["UTF-7", "UTF-32", "EBCDIC-CP-FR", "HZ", "x-unknown"])
    def test_that_no_flow_uses_is_refused(self, encoding):
        assert code(flow().replace(b"ISO-8859-1", encoding.encode(), 1)) == "F423"

    def test_declared_utf_16_is_refused(self):
        assert code(flow().replace(b"ISO-8859-1", b"UTF-16", 1)) == "F423"
        assert code(flow(encoding="UTF-16")) == "F408"

    def test_other_than_the_one_declared_is_refused(self):
        assert code(flow(LibellePoste="CRÉTEIL").replace(b"ISO-8859-1", b"UTF-8", 1)) == "F422"


def with_doctype(subset: str, content: bytes | None = None) -> bytes:
    content = content or paid(settlement())
    return content.replace(b"<n:PES_Retour", f"<!DOCTYPE n:PES_Retour {subset}>\n<n:PES_Retour".encode(), 1)


class TestHostileXml:
    @pytest.mark.parametrize(
        "subset",
        [
            "",
            "[<!ENTITY x 'y'>]",
            "[<!ENTITY x SYSTEM 'file:///etc/passwd'>]",
            "[<!ENTITY % x SYSTEM 'http://192.0.2.1/x.dtd'> %x;]",
            "SYSTEM 'http://192.0.2.1/x.dtd'",
            "[<!ENTITY a 'aaaaaaaaaa'>"
            + "".join(f"<!ENTITY {'a' * n} '{f'&{chr(97) * (n - 1)};' * 10}'>" for n in range(2, 12))
            + "]",
        ],
    )
    def test_with_a_doctype_is_refused_before_anything_of_it_is_used(self, subset):
        assert code(with_doctype(subset)) == "F421"
        assert code(with_doctype(subset, paid(settlement("&a11;")))) == "F421"

    def test_with_an_entity_nobody_declared_is_broken(self):
        assert code(paid(settlement("&x;"))) == "F422"

    def test_includes_no_other_file(self, tmp_path):
        other = tmp_path / "other.xml"
        other.write_bytes(bordereau(piece(line(settlement("1.00")))).encode())
        inclusion = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{other}" parse="xml"/>'
        assert read_file(flow(inclusion)).payments == ()

    def test_of_a_foreign_namespace_says_nothing(self):
        foreign = bordereau(piece(line(settlement()))).replace(
            "<Bordereau>", "<Bordereau xmlns='http://other.example/'>"
        )
        prefixed = settlement().replace("EncaissementEmargement", "x:EncaissementEmargement")
        prefixed = f"<x:Bordereau xmlns:x='{NAMESPACE}'>{prefixed}</x:Bordereau>"
        assert read_file(flow(foreign, prefixed)).payments == ()

    def test_whose_root_lies_about_its_namespace_is_refused(self):
        assert code(flow().replace(NAMESPACE.encode(), b"http://other.example/")) == "F420"
        assert code(flow().replace(b" xmlns:n=", b" xmlns:m=")) == "F420"
        assert (
            code(
                flow()
                .replace(f'xmlns:n="{NAMESPACE}"'.encode(), f'xmlns="{NAMESPACE}"'.encode())
                .replace(b"n:PES", b"PES")
            )
            == "F417"
        )

    @pytest.mark.parametrize("depth", [MAX_DEPTH, 10_000])
    @pytest.mark.parametrize("tag", ["a", "x:a xmlns:x='urn:x'"])
    def test_nested_too_deep_is_refused(self, depth, tag):
        closing = f"</{tag.split(' ')[0]}>"
        assert code(flow(f"<{tag}>" * depth + closing * depth)) == "F424"
        assert code(f"<{tag}>".encode() * depth) in ("F420", "F424")

    def test_cut_anywhere_is_refused(self):
        content = paid(settlement())
        for length in range(1, len(content) - 1, 7):
            assert code(content[:length]) in ("F422", "F420")

    @pytest.mark.parametrize("after", [b"x", b"<a/>", paid(settlement())])
    def test_with_something_after_its_end_is_refused(self, after):
        assert code(paid(settlement()) + after) == "F422"

    def test_with_a_nul_byte_is_refused(self):
        assert code(paid(settlement()).replace(b"CANTINE", b"CAN\0INE")) == "F422"

    @pytest.mark.parametrize(
        ("once", "twice"),
        [
            (b'<MtReco V="38.40"/>', b'<MtReco V="38.40"/><MtReco V="1.00"/>'),
            (b'<OrgEma V="10"/>', b'<OrgEma V="02"/><OrgEma V="10"/>'),
            (b'<IdPce V="412"/>', b'<IdPce V="412"/><IdPce V="412"/>'),
            (b'<IdLigne V="1"/>', b'<IdLigne V="1"/><IdLigne V="2"/>'),
            (b'<Exer V="2026"/>', b'<Exer V="2026"/><Exer V="2025"/>'),
            (b'<IdColl V="21990042000015"/>', b'<IdColl V="21990042000015"/><IdColl V="21990042000023"/>'),
            (b"</BlocPiece>", b'</BlocPiece><BlocPiece><IdPce V="1"/></BlocPiece>'),
            (b"</EnTetePES>", b"</EnTetePES><EnTetePES/>"),
            (b"</PES_RecetteRetour>", b"</PES_RecetteRetour><PES_RecetteRetour/>"),
        ],
    )
    def test_that_says_twice_what_decides_is_refused(self, once, twice):
        content = paid(settlement())
        assert content.count(once) == 1
        assert code(content.replace(once, twice)) == "F427"

    def test_has_text_comments_and_instructions_ignored(self):
        content = paid(settlement()).replace(b"<OrgEma", b"10<!-- <OrgEma V='02'/> --><?x <OrgEma?><OrgEma", 1)
        assert amounts(read_file(content)) == [3840]

    def test_of_more_payments_than_a_town_has_is_refused(self, monkeypatch):
        monkeypatch.setattr(pes_retour, "MAX_PAYMENTS", 3)
        assert len(read_file(paid(settlement() * 3)).payments) == 3
        assert code(paid(settlement() * 4)) == "F428"

    def test_with_one_enormous_value_is_refused(self):
        assert code(paid(settlement("1" * 11_000_000))) in ("F422", "F426")


class TestFiftyThousandPayments:
    def test_are_read_within_seconds_and_little_memory(self):
        pieces = "".join(piece(line(settlement(f"{n}.07")), number=str(n)) for n in range(1, 50_001))
        content = flow(bordereau(pieces))
        started = time.process_time()
        file = read_file(content)
        assert time.process_time() - started < 20
        assert len(file.payments) == 50_000
        assert file.total == Money(sum(n * 100 + 7 for n in range(1, 50_001)))

    def test_that_are_none_leave_nothing_in_memory(self):
        content = flow(bordereau("".join(piece(line(settlement(origin="02"))) for _ in range(5_000))))
        tracemalloc.start()
        file = read_file(content)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert file.left_out == 5_000
        assert peak < 500_000 < len(content)


class TestAnyBytes:
    @settings(deadline=None)
    @given(st.lists(st.integers(1, 10**9), max_size=20), st.sampled_from(["ISO-8859-15", "UTF-8"]))
    def test_written_are_read_again(self, cents, encoding):
        settlements = [settlement(f"{one // 100}.{one % 100:02d}") for one in cents]
        lines = [line(one, number=str(place)) for place, one in enumerate(settlements, start=1)]
        assert amounts(read_file(flow(bordereau(piece(*lines)), encoding=encoding))) == cents

    @settings(deadline=None)
    @given(st.data())
    def test_of_a_flow_that_was_altered_are_read_or_refused(self, data):
        content = bytearray(SAMPLE.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place : place + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
        with suppress(NotThisFile):
            assert read_file(bytes(content)).kind is FileKind.PES_RETOUR
