"""The régisseur's statement: what is found out, what must be said, and what is refused."""

import time
from contextlib import suppress
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regal.gateways.base import DebtKind
from regal.gateways.files import FiledDebt, FileKind, NotThisFile, PaymentsFile
from regal.gateways.payfip_files import CsvOptions, read_file, regisseur_csv, sentence_of
from regal.lib.money import Money

HEAD = "EN-TETE;099043;16/03/2026;18/03/2026;19/03/2026"


def written(*rows: str, end: str = "\r\n", encoding: str = "utf-8") -> bytes:
    return "".join(f"{row}{end}" for row in rows).encode(encoding)


def statement(*lines: str, foot: str = "", head: str = HEAD) -> bytes:
    return written(head, *(f"LIGNE;{line}" for line in lines), f"PIED-DE-PAGE{foot}")


def with_amounts(*amounts: str, foot: str = "") -> bytes:
    return statement(*(f"16/03/2026;FACT00{n};{amount}" for n, amount in enumerate(amounts)), foot=foot)


def cents(file: PaymentsFile) -> list[int]:
    return [payment.amount.cents for payment in file.payments]


def refusal(content: bytes, options: CsvOptions | None = None) -> NotThisFile:
    with pytest.raises(NotThisFile) as refused:
        read_file(content, options=options)
    assert refused.value.code in sentence_of(refused.value)
    return refused.value


def code(content: bytes, options: CsvOptions | None = None) -> str:
    return refusal(content, options).code


USUAL = statement("16/03/2026;FACT2026001;12,50", "18/03/2026;fact2026002;1,00", foot=";2;13,50")


class TestStatement:
    def test_tells_its_payments(self):
        file = read_file(USUAL)
        assert (file.kind, file.left_out, file.total) == (FileKind.REGISSEUR_CSV, 0, Money(1350))
        first, second = file.payments
        assert (first.number, first.place, first.amount, first.day, first.at) == (
            1,
            "ligne 2",
            Money(1250),
            date(2026, 3, 16),
            None,
        )
        assert first.debt == FiledDebt(kind=DebtKind.REGIE, reference="FACT2026001")
        assert second.debt.reference == "fact2026002"

    def test_has_facts_for_the_evidence(self):
        assert read_file(USUAL).payments[0].facts == {
            "origin": "regisseur_csv",
            "account_identifier": "099043",
            "amount_cents": "1250",
            "day": "2026-03-16",
            "debt_reference": "FACT2026001",
        }

    def test_tells_its_client_and_its_days(self):
        file = read_file(USUAL)
        assert file.account_identifier == "099043"
        assert (file.first_day, file.last_day, file.made_on) == (
            date(2026, 3, 16),
            date(2026, 3, 18),
            date(2026, 3, 19),
        )
        assert (file.siret, file.entity) == (None, "")

    def test_without_payment_is_a_statement(self):
        file = read_file(statement(foot=";0;0,00"))
        assert (file.payments, file.last_day) == ((), date(2026, 3, 18))

    @pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
    def test_has_lines_that_end_in_any_way(self, end):
        assert cents(read_file(written(*USUAL.decode().split("\r\n"), end=end))) == [1250, 100]

    @pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
    def test_has_columns_separated_in_any_usual_way(self, separator):
        rows = USUAL.decode().replace("12,50", "12.50").replace("1,00", "1.00").replace("13,50", "13.50")
        assert cents(read_file(rows.replace(";", separator).encode())) == [1250, 100]

    def test_with_two_separators_is_refused_unless_one_is_named(self):
        content = written(HEAD, "LIGNE,16/03/2026,A,1.00", "PIED-DE-PAGE")
        assert code(content) == "F431"
        assert code(content, CsvOptions(separator=";")) == "F432"

    def test_may_have_quotes_spaces_empty_lines_and_empty_cells_at_the_end(self):
        content = written(
            "",
            '"EN-TETE";099043;;',
            ' ligne ;" 16/03/2026";FACT1;\u00a0"1\u202f234,50 €";;;'.replace('\u00a0"', '"'),
            ";;;",
            '"PIED-DE-PAGE";1;"1\u00a0234,50 €"',
            "",
        )
        assert cents(read_file(content)) == [123450]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "iso-8859-1"])
    def test_may_be_in_any_usual_encoding(self, encoding):
        rows = ("EN-TETE;RÉGIE D’ÉTÉ".replace("’", "'"), "LIGNE;16/03/2026;FACT1;1,00", "PIED-DE-PAGE")
        assert cents(read_file(written(*rows, encoding=encoding))) == [100]

    def test_may_end_as_old_programs_end_files(self):
        assert cents(read_file(USUAL + b"\x1a")) == [1250, 100]


class TestColumns:
    def test_are_those_that_the_first_line_names(self):
        content = statement("RefDet;montant;objet;date;heure;exer", "FACT1;12,50;=1+1;16/03/2026;0930;2026")
        [payment] = read_file(content).payments
        assert payment.debt == FiledDebt(kind=DebtKind.REGIE, reference="FACT1", exercice=2026)
        assert (payment.amount, payment.at) == (Money(1250), datetime(2026, 3, 16, 8, 30, tzinfo=UTC))
        assert "=1+1" not in repr(payment)

    def test_named_by_the_file_win_over_the_options(self):
        content = statement("refdet;montant;date", "FACT1;12,50;16/03/2026")
        assert cents(read_file(content, options=CsvOptions(columns=("montant", "date", "refdet")))) == [1250]

    def test_may_be_told(self):
        content = statement("FACT1;x;16/03/2026;12,50")
        assert code(content) == "F433"
        assert cents(read_file(content, options=CsvOptions(columns=("refdet", "?", "date", "montant")))) == [1250]

    @pytest.mark.parametrize(
        "titles", ["date;refdet", "date;date;refdet;montant", "montant", "date;refdet;montant;x;x"]
    )
    def test_that_are_named_without_what_is_needed_or_twice_are_refused(self, titles):
        assert code(statement(titles)) == "F444"

    @pytest.mark.parametrize("line", ["16/03/2026;FACT1", "16/03/2026;FACT1;12;50", "16/03/2026;FACT1;12,50;9"])
    def test_too_few_or_too_many_are_refused(self, line):
        refused = refusal(statement(line))
        assert refused.code == "F433"
        assert "ligne 2" in sentence_of(refused)

    def test_separated_by_the_comma_of_their_amounts_are_never_read_as_whole_euros(self):
        rows = ("EN-TETE,099043", "LIGNE,16/03/2026,FACT1,12,50", "PIED-DE-PAGE,1,12,50")
        assert code(written(*rows)) == "F433"

    @pytest.mark.parametrize(
        ("hour", "expected"),
        [
            ("0930", (8, 30, 0)),
            ("09:30", (8, 30, 0)),
            ("09:30:15", (8, 30, 15)),
            ("9h", None),
            ("2460", None),
            ("", None),
        ],
    )
    def test_may_hold_an_hour_of_paris(self, hour, expected):
        [payment] = read_file(statement("heure;date;refdet;montant", f"{hour};16/03/2026;F1;1,00")).payments
        told = payment.at and (payment.at.hour, payment.at.minute, payment.at.second)
        assert told == expected

    def test_that_say_a_test_or_no_payment_count_it_aside(self):
        lines = [
            f"16/03/2026;F{n};1,00;{told}"
            for n, told in enumerate(["A;P", "T;P", "M;V", "A;R", "A;A", "A;Z", "X;", "W;P", "W;R"])
        ]
        file = read_file(statement("date;refdet;montant;saisie;resultrans", *lines, foot=";9;9,00"))
        assert [payment.debt.reference for payment in file.payments] == ["F0", "F2", "F6", "F7"]
        assert [payment.number for payment in file.payments] == [1, 2, 3, 4]
        assert file.left_out == 5

    @pytest.mark.parametrize("told", ["M;ANNULE", "M;PAYE", "M;Q", "TEST;P", "W9;P"])
    def test_of_an_outcome_or_a_mode_that_nobody_knows_are_never_read_as_paid(self, told):
        with pytest.raises(NotThisFile) as refused:
            read_file(statement("date;refdet;montant;saisie;resultrans", f"16/03/2026;F1;1,00;{told}"))
        assert (refused.value.code, refused.value.values) == ("F445", {"line": 3})


class TestClient:
    def test_is_unsaid_when_the_head_has_several_such_numbers(self):
        assert read_file(statement(head="EN-TETE;099043;093012")).account_identifier is None

    def test_may_stand_in_each_line(self):
        content = statement("numcli;date;refdet;montant", "099043;16/03/2026;F1;1,00", head="EN-TETE")
        assert read_file(content).account_identifier == "099043"

    @pytest.mark.parametrize("head", [HEAD, "EN-TETE"])
    def test_that_differs_is_refused(self, head):
        lines = [f"{numcli};16/03/2026;F1;1,00" for numcli in ("099043", "099044")]
        assert code(statement("numcli;date;refdet;montant", *lines, head=head)) == "F443"


class TestDays:
    @pytest.mark.parametrize("day", ["16/03/2026", "16032026", "2026-03-16", "20260316"])
    def test_are_recognised_in_four_forms(self, day):
        [payment] = read_file(statement(f"{day};F1;1,00")).payments
        assert payment.day == date(2026, 3, 16)

    @settings(deadline=None)
    @given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.sampled_from(list(regisseur_csv.DATES)))
    def test_of_this_century_are_never_ambiguous(self, day, form):
        assert read_file(statement(f"{day.strftime(form)};F1;1,00")).payments[0].day == day

    @pytest.mark.parametrize(
        "day", ["31/02/2026", "00/01/2026", "3/1/2026", "16/03/26", "03-16-2026", "16031999", "", "٣"]
    )
    def test_that_are_none_are_refused_with_their_line(self, day):
        refused = refusal(statement("16/03/2026;F1;1,00", f"{day};F2;1,00"))
        assert (refused.code, refused.values["line"]) == ("F434", 3)

    def test_of_another_form_than_the_one_told_are_refused(self):
        assert code(USUAL, CsvOptions(dates="%Y-%m-%d")) == "F434"

    @pytest.mark.parametrize(
        ("head", "covered"),
        [
            ("EN-TETE", (None, None, None)),
            ("EN-TETE;20260316", (None, None, date(2026, 3, 16))),
            ("EN-TETE;x;20260316;y;17/03/2026", (date(2026, 3, 16), date(2026, 3, 17), None)),
            ("EN-TETE;17/03/2026;16/03/2026", (None, None, None)),
            ("EN-TETE;17/03/2026;18/03/2026", (None, None, None)),  # there is a payment of the 16th
        ],
    )
    def test_covered_are_told_only_when_the_head_leaves_no_doubt(self, head, covered):
        file = read_file(statement("16/03/2026;F1;1,00", head=head))
        assert (file.first_day, file.last_day, file.made_on) == covered


class TestAmounts:
    @pytest.mark.parametrize(
        ("texts", "expected"),
        [
            (["12,50", "1.00"], [1250, 100]),
            (["12,5", "3"], [1250, 300]),
            (["1 234,50"], [123450]),
            (["12 €"], [1200]),
        ],
    )
    def test_with_a_separator_or_a_sign_are_euros(self, texts, expected):
        assert cents(read_file(with_amounts(*texts))) == expected

    def test_that_are_whole_are_what_the_foot_says(self):
        assert cents(read_file(with_amounts("1250", "100", foot=";2;13,50"))) == [1250, 100]
        assert cents(read_file(with_amounts("1250", "100", foot=";2;1350,00"))) == [125000, 10000]

    @pytest.mark.parametrize("foot", ["", ";2", ";2;1350", ";2;1350;v1.0"])
    def test_that_are_whole_are_refused_when_nothing_says_their_unit(self, foot):
        content = with_amounts("1250", "100", foot=foot)
        assert code(content) == "F437"
        assert cents(read_file(content, options=CsvOptions(amounts="cents"))) == [1250, 100]
        assert cents(read_file(content, options=CsvOptions(amounts="euros"))) == [125000, 10000]

    @pytest.mark.parametrize(
        "text",
        [
            "0",
            "0,00",
            "-12,50",
            "+1,00",
            "1e5",
            "1,23E+05",
            "1.234,50",
            "1,234",
            "12,505",
            "",
            "abc",
            "=1,00",
            "1,00 USD",
        ],
    )
    def test_that_are_no_positive_amount_are_refused_with_their_line(self, text):
        refused = refusal(with_amounts("1,00", text, foot=""))
        assert (refused.code, refused.values.get("line")) in (("F435", 3), ("F433", 3))

    def test_told_in_cents_have_no_separator(self):
        assert code(USUAL, CsvOptions(amounts="cents")) == "F435"


class TestReference:
    @pytest.mark.parametrize("text", ["", "FACT-1", "FACT 1", "É1", "=HYPERLINK(1)", '="001"', "A" * 31, "@SUM", "1,5"])
    def test_that_is_none_is_refused_with_its_line(self, text):
        quoted = text.replace('"', '""')
        refused = refusal(statement(f'16/03/2026;"{quoted}";1,00'))
        assert (refused.code, refused.values["line"]) == ("F436", 2)

    def test_keeps_its_zeros(self):
        assert read_file(statement("16/03/2026;000412;1,00")).payments[0].debt.reference == "000412"


class TestFoot:
    @pytest.mark.parametrize("foot", ["", ";2", ";13,50", ";2;13,50", ";13,50;2", ";099043;2;13,50", ";2;1350"])
    def test_agrees(self, foot):
        assert cents(read_file(with_amounts("12,50", "1,00", foot=foot))) == [1250, 100]

    @pytest.mark.parametrize("foot", [";3", ";13,51", ";3;13,50", ";2;13,49", ";2;x", ";13,50;13,50", ";x"])
    def test_that_disagrees_is_refused_with_what_the_lines_give(self, foot):
        refused = refusal(with_amounts("12,50", "1,00", foot=foot))
        assert refused.code == "F439"
        assert "2\u00a0paiements" in sentence_of(refused)
        assert "13,50\u00a0€" in sentence_of(refused)

    def test_that_agrees_with_itself_only_by_chance_is_not_believed(self):
        assert code(with_amounts("1,00", foot=";1;2,00")) == "F439"  # its 1 is the count: no sum is left

    def test_is_missing_when_the_file_was_cut(self):
        lines = USUAL.splitlines(keepends=True)
        assert code(b"".join(lines[:-1])) == "F438"
        assert code(lines[0]) == "F438"

    def test_is_the_end(self):
        assert code(USUAL + USUAL) == "F440"
        assert code(USUAL + b"LIGNE;16/03/2026;F1;1,00\r\n") == "F440"


class TestHostileText:
    def test_without_head_is_refused(self):
        assert code(b"".join(USUAL.splitlines(keepends=True)[1:])) == "F441"

    def test_with_two_heads_is_refused(self):
        assert code(written(HEAD) + USUAL) == "F441"

    @pytest.mark.parametrize("row", ["TOTAL;1", "LIGNES;1", ";LIGNE", "=cmd"])
    def test_with_another_tag_is_refused_with_its_line(self, row):
        refused = refusal(written(HEAD, row, "PIED-DE-PAGE"))
        assert (refused.code, refused.values["line"]) == ("F432", 2)

    @pytest.mark.parametrize("line", ['16/03/2026;"F1;1,00', '16/03/2026;"F1"x;1,00', "x" * 5000, ";" * 5000])
    def test_with_broken_quotes_or_an_enormous_line_is_refused(self, line):
        assert code(statement(line)) == "F442"

    def test_with_quotes_open_for_ever_is_refused(self):
        assert code(statement('16/03/2026;"F1', *["x" * 1000] * 1000)) == "F442"

    @pytest.mark.parametrize("sent", [b"\0", b"\x1b[2J", b"\x07"])
    def test_with_control_characters_is_refused(self, sent):
        assert code(USUAL.replace(b"FACT2026001", b"FACT" + sent)) == "F408"

    def test_of_a_million_lines_is_refused(self):
        started = time.process_time()
        assert code(statement(*["16/03/2026;F1;1"] * 700_000)) == "F428"
        assert time.process_time() - started < 30


class TestFiftyThousandPayments:
    def test_are_read_within_seconds(self):
        lines = [f"16/03/2026;FACT{n:06d};{n},07" for n in range(1, 50_001)]
        total = sum(n * 100 + 7 for n in range(1, 50_001))
        content = statement(*lines, foot=f";50000;{total // 100},{total % 100:02d}")
        started = time.process_time()
        file = read_file(content)
        assert time.process_time() - started < 20
        assert (len(file.payments), file.total) == (50_000, Money(total))


class TestOptions:
    @pytest.mark.parametrize(
        "told",
        [
            {"separator": ":"},
            {"columns": ("date", "refdet")},
            {"columns": ("date", "refdet", "montant", "montant")},
            {"dates": "%m/%d/%Y"},
            {"amounts": "francs"},
        ],
    )
    def test_that_make_no_sense_are_a_mistake_of_ours(self, told):
        [name] = told
        with pytest.raises(ValueError, match=name):
            CsvOptions(**told)
        with pytest.raises(ValueError, match=name):
            CsvOptions.of_account({f"statement_{name}": told[name]})

    @pytest.mark.parametrize("value", ["date", 3, [], {}, True, ["date", "refdet", "montant", 4]])
    @pytest.mark.parametrize("name", ["separator", "columns", "dates", "amounts"])
    def test_of_another_type_are_one_too(self, name, value):
        with pytest.raises(ValueError, match=name):
            CsvOptions.of_account({f"statement_{name}": value})

    def test_are_those_of_the_account(self):
        told = {
            "manual_entry": True,
            "statement_separator": "|",
            "statement_columns": ["refdet", "montant", "date"],
            "statement_dates": "%d%m%Y",
            "statement_amounts": "cents",
        }
        assert CsvOptions.of_account(told) == CsvOptions(
            separator="|", columns=("refdet", "montant", "date"), dates="%d%m%Y", amounts="cents"
        )
        assert CsvOptions.of_account({"manual_entry": True}) == CsvOptions()


class TestAnyText:
    @settings(deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.dates(date(2026, 3, 16), date(2026, 3, 18)),
                st.text("ABCabc0189", min_size=1, max_size=30),
                st.integers(1, 10**9),
            ),
            max_size=20,
        ),
        st.sampled_from([";", "\t", "|"]),
        st.sampled_from(list(regisseur_csv.DATES)),
    )
    def test_written_is_read_again(self, payments, separator, form):
        lines = [
            separator.join(["LIGNE", day.strftime(form), reference, f"{amount // 100},{amount % 100:02d}"])
            for day, reference, amount in payments
        ]
        total = sum(amount for _, _, amount in payments)
        foot = separator.join(["PIED-DE-PAGE", str(len(payments)), f"{total // 100},{total % 100:02d}"])
        file = read_file(written(separator.join(["EN-TETE", "099043"]), *lines, foot))
        assert [(one.day, one.debt.reference, one.amount.cents) for one in file.payments] == payments

    @settings(deadline=None)
    @given(st.data())
    def test_that_was_altered_is_read_or_refused(self, data):
        content = bytearray(USUAL)
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place : place + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
        with suppress(NotThisFile):
            assert read_file(bytes(content)).kind is FileKind.REGISSEUR_CSV

    @settings(deadline=None)
    @given(st.text('EN-TETLIGPDA;,\t|"\n\r 0123/.€', max_size=80))
    def test_with_its_tags_is_read_or_refused(self, text):
        with suppress(NotThisFile):
            assert read_file(f"{HEAD}\n{text}\nPIED-DE-PAGE".encode()).kind is FileKind.REGISSEUR_CSV
