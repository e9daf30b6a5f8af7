"""Reading Paybox's daily file of remises: strict on what decides, tolerant of the rest."""

import io
import re
import zipfile
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regal.gateways.files import FileKind, LineKind, NotThisFile
from regal.gateways.paybox_files import is_of_paybox, read_remise, refusals, remise, sentence_of
from regal.gateways.paybox_files.tests.tables import COLUMNS, Line
from regal.gateways.paybox_files.tests.tables import remise as table
from regal.lib.money import Money

HERE = Path(__file__).parent
SAMPLES = HERE / "samples"
REFERENCE = "FC2026000412-Ab3dEf6hIj9kLmNoPqRsTu"


def refused(content):
    with pytest.raises(NotThisFile) as caught:
        read_remise(content)
    return caught.value.code


def only(content):
    (one,) = read_remise(content).payments
    return one


def zipped(*files: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for number, file in enumerate(files):
            archive.writestr(f"remise-{number}.csv", file)
    return content.getvalue()


class TestARemise:
    def test_says_what_was_paid_when_and_by_which_transaction(self):
        one = only(table([Line()]))
        assert (one.kind, one.amount, one.day, one.place) == (
            LineKind.PAYMENT,
            Money(12_550),
            date(2026, 11, 24),
            "ligne 2",
        )
        assert one.at == datetime(2026, 11, 24, 9, 15, tzinfo=UTC)
        told = one.transaction
        assert (told.contract, told.reference, told.remittance) == ("2718281-01", REFERENCE, "417")
        assert (told.number, told.call, told.remitted_on) == ("5329117", "10244812", date(2026, 11, 25))
        assert one.facts["authorisation"] == "482913"

    def test_of_several_remises_sites_and_types_says_each(self):
        file = read_remise((SAMPLES / "several-remises-sites-and-types.csv").read_bytes())
        assert [(one.kind.value, one.amount.cents, one.facts["contract"]) for one in file.payments] == [
            ("payment", 12_550, "2718281-01"),
            ("payment", 4_200, "2718281-02"),
            ("refund", 1_000, "2718281-01"),
            ("cancelled", 900, "2718281-01"),
        ]
        assert {one.facts["remittance"] for one in file.payments} == {"417", "418", "52"}
        assert (file.kind, file.total) == (FileKind.PAYBOX_REMISE, Money(16_750))
        assert (file.first_day, file.last_day, file.made_on) == (
            date(2026, 11, 24),
            date(2026, 11, 25),
            date(2026, 11, 26),
        )

    def test_of_newer_dates_quoted_in_utf_8_reads_the_same(self):
        newer = Line(issued="2026-11-24", sent="2026-11-25", hour="101500")
        content = b"\xef\xbb\xbf" + table([newer], quote='"', encoding="utf-8", end="\n")
        assert only(content) == only(table([Line()]))

    @pytest.mark.parametrize("encoding", ["iso-8859-1", "iso-8859-15", "utf-8"])
    def test_is_read_in_each_of_its_encodings(self, encoding):
        content = table([Line(more={"ShopName": "RÉGIE DE L’ÎLE".replace("’", " ")})], encoding=encoding)
        assert read_remise(content).entity == "RÉGIE DE L ÎLE"

    def test_is_read_by_the_names_of_its_columns_in_any_order_and_with_others(self):
        columns = ["Nouvelle", *reversed(COLUMNS)]
        assert only(table([Line()], columns=columns)).facts == only(table([Line()])).facts

    def test_needs_no_more_columns_than_decide(self):
        one = only(table([Line()], columns=remise.NEEDED))
        assert (one.at, one.transaction.call) == (None, "10244812")

    @pytest.mark.parametrize("column", remise.NEEDED)
    def test_without_a_column_that_decides_is_refused_by_its_name(self, column):
        content = table([Line()], columns=[name for name in COLUMNS if name != column])
        with pytest.raises(NotThisFile) as caught:
            read_remise(content)
        assert caught.value.code == "F503"
        assert column in sentence_of(caught.value)

    def test_never_keeps_the_customer_s_address(self):
        file = read_remise(table([Line(reference="payeuse@exemple.fr")]))
        assert "@" not in repr(file)
        assert file.payments[0].debt.reference == ""

    def test_names_no_attempt_by_a_reference_that_is_none_of_ours(self):
        one = only(table([Line(reference="Panier n° 12 du 24/11")]))
        assert (one.transaction.reference, one.debt.reference) == ("", "Panier n° 12 du 24/11")

    @pytest.mark.parametrize("hour", ["", "25:00", "midi"])
    def test_without_an_hour_says_none(self, hour):
        assert only(table([Line(hour=hour)])).at is None

    @pytest.mark.parametrize(("site", "rank"), [("0002718281", "1"), ("2718281", "001")])
    def test_writes_a_contract_as_accounts_do_whatever_its_zeros(self, site, rank):
        assert only(table([Line(site=site, rank=rank)])).transaction.contract == "2718281-01"

    def test_of_one_day_sent_that_very_day_covers_it(self):
        file = read_remise(table([Line(sent="24/11/2026")]))
        assert file.last_day == date(2026, 11, 24)

    def test_leaves_out_the_day_of_its_sending_of_which_only_the_beginning_is_there(self):
        early = Line(issued="25/11/2026", transaction="2")
        assert read_remise(table([Line(), early])).last_day == date(2026, 11, 24)

    def test_says_what_was_cancelled_before_any_remise(self):
        one = only(table([Line(type="ANU", remittance="", sent="")]))
        assert (one.kind, one.transaction.remittance, one.transaction.remitted_on) == (LineKind.CANCELLED, "", None)

    def test_put_end_to_end_names_its_columns_again(self):
        content = table([Line()]) + table([Line(transaction="2")])
        assert len(read_remise(content).payments) == 2


class TestAnArchive:
    def test_of_one_file_or_several_is_read(self):
        assert only(zipped(table([Line()]))).transaction == only(table([Line()])).transaction
        assert len(read_remise(zipped(table([Line()]), table([Line(transaction="2")]))).payments) == 2

    def test_that_says_one_transaction_twice_is_refused(self):
        assert refused(zipped(table([Line()]), table([Line()]))) == "F509"

    def test_of_more_than_we_read_is_refused_without_being_opened_whole(self):
        assert refused(zipped(table([Line()]), b"0" * (remise.MAX_BYTES + 1))) == "F512"

    def test_that_lies_about_its_size_is_refused(self):
        content = bytearray(zipped(b"0" * 50_000_000))
        for place in (found.start() for found in re.finditer(b"PK\x01\x02", bytes(content))):
            content[place + 24 : place + 28] = (10).to_bytes(4, "little")
        assert refused(bytes(content)) == "F512"

    @pytest.mark.parametrize("files", [0, remise.MAX_MEMBERS + 1])
    def test_of_no_file_or_too_many_is_refused(self, files):
        content = zipped(*[b""] * files)
        assert not is_of_paybox(content)
        with pytest.raises(NotThisFile):
            read_remise(content)

    def test_that_was_cut_or_altered_is_refused(self):
        whole = zipped(table([Line()]), method=zipfile.ZIP_STORED)
        assert refused(whole[:-40]) == "F512"
        assert refused(whole.replace(b"12550", b"12551")) == "F512"


class TestAnotherTable:
    def test_of_the_back_office_is_named(self):
        assert refused((SAMPLES / "back-office-export-32-columns.csv").read_bytes()) == "F501"

    def test_of_vision_is_named(self):
        assert refused((SAMPLES / "vision-export.csv").read_bytes()) == "F502"

    @pytest.mark.parametrize("name", ["back-office-export-32-columns.csv", "vision-export.csv"])
    def test_is_known_for_one_of_paybox_s(self, name):
        assert is_of_paybox((SAMPLES / name).read_bytes())

    @pytest.mark.parametrize("content", [b"", b"a;b;c\n", b"EN-TETE;099043\r\n", b"<xml/>", b"%PDF-1.7", b"PK\x03\x04"])
    def test_is_none_of_paybox_s(self, content):
        assert not is_of_paybox(content)


class TestAFileThatDoesNotHold:
    def test_cut_in_a_line_is_refused(self):
        whole = table([Line(), Line(transaction="2")])
        assert refused(whole[:-40]) == "F504"

    def test_cut_in_its_last_cell_is_refused_if_we_read_that_cell(self):
        columns = [name for name in COLUMNS if name != "Amount"] + ["Amount"]
        assert refused(table([Line()], columns=columns)[:-3]) == "F504"
        assert only(table([Line()])[:-2])

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"type": "XXX"}, "F507"),
            ({"type": ""}, "F507"),
            ({"cents": "=1+1"}, "F506"),
            ({"cents": "125,50"}, "F506"),
            ({"cents": "-12550"}, "F506"),
            ({"cents": "0"}, "F506"),
            ({"cents": "99999999999"}, "F506"),
            ({"cents": ""}, "F506"),
            ({"issued": "31/02/2026"}, "F506"),
            ({"issued": "11/24/2026"}, "F506"),
            ({"sent": ""}, "F506"),
            ({"transaction": '=""5329117""'}, "F506"),
            ({"transaction": "5,32912E+6"}, "F506"),
            ({"transaction": "0000000000"}, "F506"),
            ({"call": "x"}, "F506"),
            ({"site": "0000000"}, "F506"),
            ({"rank": ""}, "F506"),
            ({"remittance": ""}, "F506"),
            ({"more": {"Currency": "840"}}, "F508"),
        ],
    )
    def test_is_refused_whole(self, changes, code):
        assert refused(table([Line(transaction="1"), Line(**changes)])) == code

    def test_says_the_same_payment_twice(self):
        assert refused(table([Line(), Line(transaction="5329117")])) == "F509"
        assert len(read_remise(table([Line(), Line(type="CRE"), Line(rank="02")])).payments) == 3

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (table([]), "F511"),
            (table([Line(reference="x" * 5000)]), "F505"),
            (table([Line()])[:-2] + b'"', "F505"),
            (table([Line(reference='"x')]), "F505"),
            (table([Line()]).replace(b"INTERNET", b"INTER\x00NET"), "F513"),
            (table([Line(more={"RefArchive": "a;b"})]), "F504"),
        ],
    )
    def test_is_told(self, content, code):
        assert refused(content) == code

    def test_of_too_many_lines_is_refused(self, monkeypatch):
        monkeypatch.setattr(remise, "MAX_LINES", 2)
        lines = [Line(transaction=str(number)) for number in range(1, 4)]
        assert len(read_remise(table(lines[:2])).payments) == 2
        assert refused(table(lines)) == "F510"


class TestSentences:
    VALUES = {"line": 2, "first": 1, "most": 1, "columns": "Amount", "column": "Amount"}

    @pytest.mark.parametrize("code", sorted(refusals.SENTENCES))
    def test_say_what_to_do_in_correct_french(self, code):
        sentence = sentence_of(NotThisFile(code, **self.VALUES))
        assert re.search(r"[Dd]épos|Demand|[Tt]élécharg|Envoy|envoyez", sentence)
        assert not re.search(r"%\(|'| [:;?!»]|« ", sentence)

    def test_are_all_told_by_the_reader(self):
        told = set(re.findall(r'"(F5[0-9]{2})"', Path(remise.__file__).read_text(encoding="utf-8")))
        assert told == set(refusals.SENTENCES)


class TestAnyBytes:
    @settings(deadline=None)
    @given(st.binary(max_size=2000))
    def test_are_refused(self, content):
        assert not is_of_paybox(content)
        with pytest.raises(NotThisFile):
            read_remise(content)

    @settings(deadline=None)
    @given(st.integers(0, 700), st.binary(max_size=20))
    def test_in_a_remise_are_read_or_refused(self, place, more):
        content = table([Line(), Line(transaction="2")])
        with suppress(NotThisFile):
            read_remise(content[:place] + more + content[place + len(more) :])
