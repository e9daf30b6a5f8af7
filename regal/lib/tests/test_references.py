"""What people copy from an avis des sommes à payer, and what we make of it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regal.lib.references import InvoiceReference, OrmcReference, TitreReference, UnreadableReference

references = st.builds(
    TitreReference,
    st.integers(1000, 9998),
    st.integers(1, 99_999_999),
    st.integers(1, 999_999),
)

separators = st.sampled_from(["-", " ", "\u00a0", "/", ".", "_", "–"])
typed = st.one_of(st.text(), st.text(alphabet="0129 -/", max_size=24))


def error(text: str) -> tuple[str, str]:
    with pytest.raises(UnreadableReference) as unreadable:
        TitreReference.parse(text)
    return unreadable.value.part.value, unreadable.value.reason.value


def field_error(exercice: str = "2021", titre: str = "2", ligne: str = "1") -> tuple[str, str]:
    with pytest.raises(UnreadableReference) as unreadable:
        TitreReference.from_fields(exercice=exercice, titre=titre, ligne=ligne)
    return unreadable.value.part.value, unreadable.value.reason.value


class TestTitreReference:
    def test_restores_the_zeros(self) -> None:
        assert TitreReference(2021, 2, 1).digits == "202100000002000001"

    def test_is_printed_short(self) -> None:
        assert str(TitreReference(2021, 2, 1)) == TitreReference(2021, 2, 1).printed == "2021-2-1"

    @pytest.mark.parametrize(("titre", "tail"), [(412, "412-1"), (2, "002-1"), (12345678, "678-1")])
    def test_shows_only_its_end(self, titre: int, tail: str) -> None:
        assert TitreReference(2021, titre, 1).tail == tail

    def test_knows_payfip_s_test_reference(self) -> None:
        reserved = TitreReference(9999, 0, 999999)
        assert reserved.is_reserved
        assert reserved.digits == "999900000000999999"
        assert not TitreReference(2021, 2, 1).is_reserved

    @pytest.mark.parametrize(
        ("exercice", "titre", "ligne"), [(999, 2, 1), (10000, 2, 1), (2021, 10**8, 1), (2021, 2, 10**6), (2021, -2, 1)]
    )
    def test_refuses_numbers_that_do_not_fit(self, exercice: int, titre: int, ligne: int) -> None:
        with pytest.raises(UnreadableReference, match="wrong_length"):
            TitreReference(exercice, titre, ligne)

    @pytest.mark.parametrize("ligne", [True, 1.0, "1"])
    def test_refuses_what_is_not_a_whole_number(self, ligne: object) -> None:
        with pytest.raises(TypeError):
            TitreReference(2021, 2, ligne)  # type: ignore[arg-type]


class TestReading:
    @pytest.mark.parametrize(
        "text",
        [
            "2021-2-1",
            "2021-00000002-000001",
            "2021 00000002 000001",
            "202100000002000001",
            " 2021 – 2 – 1 ",
            "2021/2/1",
            "2021.2.1",
            "2021\u00a02\u00a01",
            "2021 0000 0002 0000 01",
        ],
    )
    def test_understands_every_printed_form(self, text: str) -> None:
        assert TitreReference.parse(text) == TitreReference(2021, 2, 1)

    @pytest.mark.parametrize(
        ("text", "part", "reason"),
        [
            ("", "whole", "empty"),
            (" - ", "whole", "empty"),
            ("2021-2", "whole", "wrong_shape"),
            ("2021-2-1-1", "whole", "wrong_shape"),
            ("20210000000200001", "whole", "wrong_shape"),
            ("2021000000020000011", "whole", "wrong_shape"),
            ("2021-A-1", "titre", "not_digits"),
            ("Réf 202100000002000001", "whole", "not_digits"),
            ("٢٠٢١00000002000001", "whole", "not_digits"),
            ("21-2-1", "exercice", "wrong_length"),
            ("20210-1234567-123456", "exercice", "wrong_length"),
            ("2021-123456789-1", "titre", "wrong_length"),
            ("2021-2-1234567", "ligne", "wrong_length"),
            ("2021-0-1", "titre", "zero"),
            ("202100000002000000", "ligne", "zero"),
            ("000000000002000001", "exercice", "zero"),
            ("012300000002000001", "exercice", "wrong_length"),
        ],
    )
    def test_says_which_part_is_wrong_and_why(self, text: str, part: str, reason: str) -> None:
        assert error(text) == (part, reason)

    def test_reads_three_fields(self) -> None:
        read = TitreReference.from_fields(exercice=" 2021 ", titre="00 000 412", ligne="1-")
        assert read == TitreReference(2021, 412, 1)

    def test_names_the_field_that_is_wrong(self) -> None:
        assert field_error(exercice="") == ("exercice", "empty")
        assert field_error(exercice="21") == ("exercice", "wrong_length")
        assert field_error(titre="4l2") == ("titre", "not_digits")
        assert field_error(titre="0") == ("titre", "zero")
        assert field_error(ligne=" - ") == ("ligne", "empty")

    def test_does_not_repeat_what_was_typed(self) -> None:
        with pytest.raises(UnreadableReference) as unreadable:
            TitreReference.parse("Leroy")
        assert "Leroy" not in str(unreadable.value)

    @given(references)
    def test_reads_what_it_writes(self, reference: TitreReference) -> None:
        assert TitreReference.parse(reference.digits) == reference
        assert TitreReference.parse(reference.printed) == reference

    @given(references, separators, separators, separators)
    def test_is_not_changed_by_spaces_and_separators(
        self, reference: TitreReference, one: str, other: str, around: str
    ) -> None:
        digits = reference.digits
        assert TitreReference.parse(around + one.join(digits) + around) == reference
        assert TitreReference.parse(f"{digits[:4]}{one}{digits[4:12]}{other}{digits[12:]}") == reference
        printed = f"{around}{reference.exercice}{one}{reference.titre}{other}{reference.ligne}{around}"
        assert TitreReference.parse(printed) == reference
        fields = {"exercice": digits[:4] + around, "titre": one.join(digits[4:12]), "ligne": around + digits[12:]}
        assert TitreReference.from_fields(**fields) == reference

    @given(references, references)
    def test_is_printed_the_same_only_if_it_is_the_same(self, one: TitreReference, other: TitreReference) -> None:
        assert (one.printed == other.printed) is (one.digits == other.digits) is (one == other)

    @given(typed, typed, typed)
    def test_reads_or_refuses_three_fields_and_does_nothing_else(self, exercice: str, titre: str, ligne: str) -> None:
        try:
            reference = TitreReference.from_fields(exercice=exercice, titre=titre, ligne=ligne)
        except UnreadableReference:
            return
        assert TitreReference.parse(reference.digits) == TitreReference.parse(reference.printed) == reference

    @given(typed)
    def test_reads_or_refuses_and_does_nothing_else(self, text: str) -> None:
        try:
            reference = TitreReference.parse(text)
        except UnreadableReference:
            return
        assert len(reference.digits) == 18


ormc_references = st.builds(
    OrmcReference,
    st.integers(1000, 9999),
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=2),
    st.text("0123456789", min_size=2, max_size=2),
    st.text("0123456789", min_size=1, max_size=13),
)


class TestOrmcReference:
    @given(reference=ormc_references, separator=st.sampled_from(["-", " ", " – ", "/", ".", "\u00a0"]))
    def test_reads_what_it_prints_whatever_the_separators(self, reference, separator) -> None:
        assert OrmcReference.parse(reference.printed) == reference
        assert OrmcReference.parse(reference.digits) == reference
        assert OrmcReference.parse(reference.printed.replace("-", separator)) == reference

    @given(reference=ormc_references)
    def test_keeps_every_zero_of_the_number(self, reference) -> None:
        assert reference.digits.endswith(reference.number)
        assert len(reference.digits) == 8 + len(reference.number)

    def test_is_the_example_of_a_notice(self) -> None:
        assert OrmcReference.parse("2021-CA-00-01").digits == "2021CA0001"

    def test_knows_payfip_s_test_reference(self) -> None:
        assert OrmcReference.parse("999999990000000000000").is_reserved

    @pytest.mark.parametrize(
        ("changed", "part"),
        [
            ({"exercice": "26"}, "exercice"),
            ({"code": "E"}, "code"),
            ({"code": "É1"}, "code"),
            ({"period": "1"}, "period"),
            ({"period": "A1"}, "period"),
            ({"number": "1" * 14}, "number"),
            ({"number": ""}, "number"),
        ],
    )
    def test_names_the_block_that_is_wrong(self, changed, part) -> None:
        usual = {"exercice": "2026", "code": "EA", "period": "00", "number": "12345"}
        with pytest.raises(UnreadableReference) as unreadable:
            OrmcReference.from_fields(**(usual | changed))
        assert unreadable.value.part.value == part

    @given(text=st.text(max_size=80))
    def test_no_text_makes_it_fail_otherwise(self, text) -> None:
        with suppress(UnreadableReference):
            assert OrmcReference.parse(OrmcReference.parse(text).printed) == OrmcReference.parse(text)


class TestInvoiceReference:
    @given(number=st.from_regex(r"[A-Za-z0-9]{1,30}", fullmatch=True), gap=st.sampled_from([" ", "-", "/", "_", "."]))
    def test_loses_its_separators_and_nothing_else(self, number, gap) -> None:
        assert InvoiceReference.parse(gap.join(number)).digits == number

    @pytest.mark.parametrize("text", ["", " - ", "é12345", "a+b", "1" * 31])
    def test_is_letters_and_digits_and_not_too_many(self, text) -> None:
        with pytest.raises(UnreadableReference):
            InvoiceReference.parse(text)

    @given(text=st.text(max_size=80))
    def test_no_text_makes_it_fail_otherwise(self, text) -> None:
        with suppress(UnreadableReference):
            assert InvoiceReference.parse(text).digits.isalnum()


@pytest.mark.parametrize("kind", [TitreReference, OrmcReference, InvoiceReference])
def test_what_is_too_long_is_refused_and_never_cut(kind) -> None:
    for text in ("202600000412000001" + " " * 60 + "1", "2026-EA-00-1" + " " * 60 + "1"):
        with pytest.raises(UnreadableReference):
            kind.parse(text)
